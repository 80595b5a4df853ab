/* Blocks: many lines as one. Here lines are taken, bounded and answered; their run is block_run.c's.
 *
 * Limits: 5,000 lines and 2 MiB a block; 64 MiB for all blocks of a daemon, a quarter of it for those of one party.
 * Lines beyond are counted and dropped, and the block is dead. Rules: a block waits as the bytes it was sent as. One
 * that does not stay answers like a rehearsal. */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "block_run.h"
#include "line.h"
#include "reply.h"
#include "server.h"
#include "statement.h"

#define OUT_MOST 65536 /* above it, refusals wait until what is written has left */

struct block {
    struct server *server;
    struct server_party *party;
    struct block_terms terms;
    struct evbuffer *raw; /* the lines that were kept, each ended by LF */
    size_t kept, dropped; /* lines there, lines that were only counted */
    size_t bytes;         /* of all lines */
    size_t memory;        /* that it is counted with */
    uint8_t hmac[SEAL_HASH_BYTES];

    enum proto_status status; /* with `code`: how a dead block is answered */
    const char *code;         /* NULL: it lives */
    char id[BATCH_ID_ROOM];   /* of `internal` */

    struct block_run *run; /* from `commit` on */
};

/* ---- taking lines ---- */

static void keep_value(const struct request *begin, const char *name, char *out, size_t room)
{
    const struct proto_command *command = begin->line.command;
    for (size_t i = 0; i < command->field_count; i++)
        if (strcmp(command->fields[i].name, name) == 0 && begin->line.values[i].at)
            snprintf(out, room, "%.*s", (int)begin->line.values[i].len, begin->line.values[i].at);
}

static void read_terms(struct block_terms *terms, const struct request *begin)
{
    char check[4] = "";
    keep_value(begin, "check", check, sizeof check);
    keep_value(begin, "name", terms->name, sizeof terms->name);
    keep_value(begin, "sha256", terms->sha256, sizeof terms->sha256);
    keep_value(begin, "plan", terms->plan, sizeof terms->plan);
    terms->check = strcmp(check, "yes") == 0;
}

/* Whether blocks may hold so much more. */
static bool has_room(const struct block *block, size_t bytes)
{
    return block->server->block_bytes + bytes <= BLOCKS_BYTES_MOST &&
           block->party->block_bytes + bytes <= BLOCKS_PARTY_MOST;
}

static void count_memory(struct block *block, size_t bytes)
{
    block->memory += bytes;
    block->server->block_bytes += bytes;
    block->party->block_bytes += bytes;
}

/* What a block takes besides its lines. */
static size_t bare_size(const struct block *block)
{
    return sizeof *block + sizeof *block->run;
}

struct block *block_begin(struct server *server, struct server_party *party, struct request *begin)
{
    struct block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->server = server;
    block->party = party;
    block->raw = evbuffer_new();
    if (!begin->fault.code && (!block->raw || !has_room(block, bare_size(block) + BLOCK_BYTES_MOST)))
        request_refuse(begin, STATUS_BUSY, "memory");
    count_memory(block, bare_size(block));
    if (begin->fault.code)
        block_refuse(block, begin->fault_status, begin->fault.code);
    else
        read_terms(&block->terms, begin);
    return block;
}

void block_free(struct block *block)
{
    if (!block)
        return;
    block->server->block_bytes -= block->memory;
    block->party->block_bytes -= block->memory;
    block_run_free(block->run);
    if (block->raw)
        evbuffer_free(block->raw);
    free(block);
}

void block_refuse(struct block *block, enum proto_status status, const char *code)
{
    if (block->code)
        return;
    block->status = status;
    block->code = code;
}

/* Adds to the running HMAC of the lines: its bytes but for the field `tag`, ended by LF. 0 or -1. */
static int chain_line(struct block *block, struct slice raw)
{
    char text[LINE_MAX_BYTES + 16];
    size_t len = 0;
    bool quoted = false, word = true; /* at the beginning of a word */
    for (size_t i = 0; i < raw.len; i++) {
        if (word && !quoted && i > 0 && raw.len - i >= 4 && memcmp(&raw.at[i], "tag=", 4) == 0) {
            while (i < raw.len && raw.at[i] != ' ') /* a tag holds no space, quoted or not */
                i++;
            len -= len > 0; /* the space before it */
            if (i == raw.len)
                break;
        }
        if (quoted && raw.at[i] == '\\' && i + 1 < raw.len)
            text[len++] = raw.at[i++];
        else if (raw.at[i] == '"')
            quoted = !quoted;
        word = raw.at[i] == ' ';
        text[len++] = raw.at[i];
    }
    text[len++] = '\n';
    return seal_chain(block->server->seal, "block lines", block->hmac, (struct slice){text, len});
}

/* 0, or -1 when out of memory: nothing of it is kept then. */
static int keep_line(struct block *block, struct slice line)
{
    char text[LINE_MAX_BYTES + 1];
    memcpy(text, line.at, line.len);
    text[line.len] = '\n';
    return chain_line(block, line) < 0 ? -1 : evbuffer_add(block->raw, text, line.len + 1);
}

void block_take(struct block *block, struct slice line)
{
    size_t size = line.len + 1;
    block->bytes += size;
    if (block->kept + block->dropped >= BLOCK_LINES_MOST || block->bytes > BLOCK_BYTES_MOST)
        block_refuse(block, STATUS_BAD, "block-size");
    else if (!block->code && (!has_room(block, size) || keep_line(block, line) < 0))
        block_refuse(block, STATUS_BUSY, "memory");
    if (block->code) {
        block->dropped++;
        return;
    }
    count_memory(block, size);
    block->kept++;
}

void block_commit(struct block *block, struct request *commit, const struct request_speaker *speaker)
{
    commit->block = block;
    if (!block->code) {
        size_t len = evbuffer_get_length(block->raw);
        const char *raw = (const char *)evbuffer_pullup(block->raw, -1);
        if (raw || len == 0)
            block->run = block_run_new(block->server, speaker, &block->terms, (struct slice){raw, len}, block->kept,
                                       block->hmac);
        if (!block->run)
            block_refuse(block, STATUS_BUSY, "memory");
    }
    if (block->code) {
        request_refuse(commit, block->status, block->code);
        return;
    }
    commit->item.command = block_run_command();
    commit->item.block = &block->run->batch;
}

/* ---- answering ---- */

/* A status line OK with what `put` adds. */
static void send_ok(struct request *request, struct line_writer *writer, struct evbuffer *out)
{
    size_t len = line_end(writer);
    if (len == 0 || evbuffer_add(out, writer->bytes, len) < 0)
        request->broken = true;
    request->stage = REQUEST_ANSWERED;
}

static void begin_ok(struct line_writer *writer, char bytes[LINE_MAX_BYTES], const struct request *request)
{
    line_begin(writer, bytes, LINE_MAX_BYTES, proto_status_word(STATUS_OK));
    line_put(writer, "tag", request->line.tag);
}

/* Where what came home is a refusal of the whole, the block is dead with it. */
static void look_at_answer(struct block *block, const struct request *commit, const struct batch_answer *answer)
{
    if (!answer) /* what it was given in place of its answer; of a dead block what it was before */
        block_refuse(block, commit->fault_status, commit->fault.code);
    else if (reply_busy(answer->outcome))
        block_refuse(block, STATUS_BUSY, reply_busy(answer->outcome));
    else if (answer->outcome == BATCH_INTERNAL)
        block_refuse(block, STATUS_NO, "internal");
    else if (block->run->fate == BLOCK_MEMORY)
        block_refuse(block, STATUS_BUSY, "memory");
    else if (block->run->fate == BLOCK_REVOKED)
        block_refuse(block, STATUS_NO, "revoked");
    else if (block->run->fate == BLOCK_TAKEN)
        block_refuse(block, STATUS_NO, "taken");
    if (answer && answer->id)
        snprintf(block->id, sizeof block->id, "%s", answer->id);
}

/* Takes the next line that was kept, in `text`, and reads it anew for its tag; one that was only counted has none. */
static struct request next_line(struct block *block, char text[LINE_MAX_BYTES])
{
    struct request line = {.stage = REQUEST_READ};
    if (block->kept == 0) {
        block->dropped--;
        return line;
    }
    size_t len = (size_t)evbuffer_search_eol(block->raw, NULL, NULL, EVBUFFER_EOL_LF).pos;
    evbuffer_remove(block->raw, text, len + 1);
    block->kept--;
    (void)!proto_read(text, len, &line.line, &line.fault);
    return line;
}

/* The same refusal for every line and for `commit`. Whether all are answered. */
static bool refuse_all(struct request *commit, const struct request_speaker *speaker, struct evbuffer *out)
{
    struct block *block = commit->block;
    const char *id = block->id[0] ? block->id : NULL;
    bool taken = strcmp(block->code, "taken") == 0;
    char text[LINE_MAX_BYTES];
    request_refuse(commit, block->status, block->code);
    while (block->kept + block->dropped > 0) {
        if (evbuffer_get_length(out) >= OUT_MOST)
            return false;
        struct request line = next_line(block, text);
        reply_refuse(&line, block->status, block->code, (struct slice){0}, id, speaker, out);
        commit->broken |= line.broken;
    }
    commit->disowned |= strcmp(block->code, "revoked") == 0;
    reply_refuse(commit, block->status, block->code, taken ? SLICE("name") : (struct slice){0}, id, speaker, out);
    return true;
}

static void answer_repeated(struct request *commit, struct evbuffer *out)
{
    struct block *block = commit->block;
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES], text[LINE_MAX_BYTES];
    while (block->kept > 0) {
        struct request line = next_line(block, text);
        begin_ok(&writer, bytes, &line);
        line_put_text(&writer, "repeated", "yes");
        send_ok(&line, &writer, out);
        commit->broken |= line.broken;
    }
    begin_ok(&writer, bytes, commit);
    line_put_number(&writer, "log", (long long)block->run->first_log);
    line_put_number(&writer, "accepted", (long long)block->run->first_accepted);
    line_put_number(&writer, "refused", 0);
    line_put_text(&writer, "repeated", "yes");
    send_ok(commit, &writer, out);
}

/* The lines' own answers: those of a block that is undone as of a rehearsal. */
static void answer_lines(struct request *commit, const struct request_speaker *speaker, struct seal *seal,
                         struct evbuffer *out)
{
    struct block_run *run = commit->block->run;
    struct block_walk walk = block_run_walk(run);
    while (block_run_next(&walk) > 0) {
        struct request *line = walk.line;
        line->line.check = run->fate != BLOCK_STAYS;
        if (walk.result)
            reply_answer(
                line,
                &(struct batch_answer){.outcome = BATCH_ROWS, .result = walk.result, .first_row = walk.at, .rows = 1},
                speaker, seal, out);
        else
            reply_fault(line, speaker, out);
        commit->broken |= line->broken;
        commit->disowned |= line->disowned;
    }
}

static void answer_commit(struct request *commit, const struct batch_answer *answer,
                          const struct request_speaker *speaker, struct evbuffer *out)
{
    const struct block_run *run = commit->block->run;
    size_t refused = run->count - run->accepted;
    const char *code = !block_run_is_as_planned(run) ? "changed" : refused > 0 ? "refused" : NULL;
    if (run->fate == BLOCK_STAYS && result_value(answer->result, 0, COLUMN_CODE).at) {
        code = "revoked"; /* an empty block, of a dead certificate */
        commit->disowned = true;
    }
    const struct proto_reply *reply = code ? proto_reply(STATUS_NO, slice_of(code)) : NULL;
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    line_begin(&writer, bytes, sizeof bytes, proto_status_word(code ? STATUS_NO : STATUS_OK));
    if (code)
        line_word(&writer, code);
    line_put(&writer, "tag", commit->line.tag);
    if (run->fate == BLOCK_STAYS) {
        commit->log = slice_number(result_value(answer->result, 0, COLUMN_LOG));
        line_put_number(&writer, "log", (long long)commit->log);
    } else {
        line_put_text(&writer, "check", "yes");
    }
    line_put_number(&writer, "accepted", (long long)run->accepted);
    line_put_number(&writer, "refused", (long long)refused);
    line_put_text(&writer, "plan", run->plan);
    if (reply)
        line_put_text(&writer, "text", speaker->english ? reply->en : reply->nl);
    send_ok(commit, &writer, out);
}

bool block_answer(struct request *commit, const struct batch_answer *answer, const struct request_speaker *speaker,
                  struct seal *seal, struct evbuffer *out)
{
    struct block *block = commit->block;
    look_at_answer(block, commit, answer);
    if (block->code)
        return refuse_all(commit, speaker, out);
    if (block->run->fate == BLOCK_REPEATED) {
        answer_repeated(commit, out);
    } else {
        answer_lines(commit, speaker, seal, out);
        answer_commit(commit, answer, speaker, out);
    }
    return true;
}
