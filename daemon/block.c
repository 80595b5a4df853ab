/* Blocks: many lines as one.
 *
 * Limits: 5,000 lines, 2 MiB of them, 64 MiB of memory for all blocks of a daemon; lines beyond are counted and
 * dropped, and the block is dead. Rules: every line runs, also after a refusal, and is answered in its place; what is
 * malformed or cannot stand in a block counts as refused. Whether the block stays is decided from the answers, before
 * the commit. A block that does not stay answers like a rehearsal. */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "line.h"
#include "reply.h"
#include "seal.h"
#include "server.h"
#include "statement.h"

#define HEX_BYTES (2 * SEAL_HASH_BYTES)
#define NAME_ROOM 65
#define OUT_MOST 65536 /* above it, lines that were only counted wait with their answer */

enum fate {
    UNDONE, /* a rehearsal, lines refused, or another outcome than was planned */
    STAYS,
    REPEATED, /* stored under its name already */
    TAKEN,    /* that name has other lines */
    BROKEN,   /* the database gave an answer that is none */
};

struct block {
    struct batch_block batch; /* first: `decide` is given an item that points here */
    struct server *server;
    struct request *commit;
    bool check;
    char name[NAME_ROOM], sha256[HEX_BYTES + 1], planned[HEX_BYTES + 1]; /* "": not given */

    enum proto_status status; /* with `code`: what a dead block answers */
    const char *code;         /* NULL: it lives */
    struct request_queue lines;
    size_t kept, dropped; /* lines in the queue, lines that were only counted */
    size_t bytes, memory;
    uint8_t chain[SEAL_HASH_BYTES]; /* HMAC of the lines */

    struct batch_item submitted; /* the question whether its name is stored */
    struct slice submitted_cells[3];
    void **items;
    struct db_call *calls;

    struct result **results; /* of the calls, once decided */
    size_t result_count;
    enum fate fate;
    size_t accepted;
    unsigned long long first_accepted, first_log; /* of the block that is repeated */
    char plan[HEX_BYTES + 1];
    void *keep_item[1];
    struct batch_item keep;
    struct slice keep_cells[STATEMENT_PARAMS_MAX];
    char numbers[24], fields[3 * HEX_BYTES + 2 * NAME_ROOM];
};

static size_t line_count(const struct block *block)
{
    return block->kept + block->dropped;
}

/* The first reason stays. */
static void kill(struct block *block, enum proto_status status, const char *code)
{
    if (block->code)
        return;
    block->status = status;
    block->code = code;
}

/* ---- taking lines ---- */

static void keep_value(const struct request *begin, const char *name, char *out, size_t room)
{
    const struct proto_command *command = begin->line.command;
    for (size_t i = 0; i < command->field_count; i++)
        if (strcmp(command->fields[i].name, name) == 0 && begin->line.values[i].at)
            snprintf(out, room, "%.*s", (int)begin->line.values[i].len, begin->line.values[i].at);
}

struct block *block_begin(struct server *server, struct request *begin)
{
    struct block *block = calloc(1, sizeof *block);
    char check[4] = "";
    if (!block)
        return NULL;
    TAILQ_INIT(&block->lines);
    block->server = server;
    block->memory = sizeof *block;
    if (!begin->fault.code && server->block_bytes + BLOCK_BYTES_MOST > BLOCKS_BYTES_MOST)
        request_refuse(begin, STATUS_BUSY, "memory");
    server->block_bytes += block->memory;
    if (begin->fault.code) {
        kill(block, begin->fault_status, begin->fault.code);
        return block;
    }
    keep_value(begin, "check", check, sizeof check);
    keep_value(begin, "name", block->name, sizeof block->name);
    keep_value(begin, "sha256", block->sha256, sizeof block->sha256);
    keep_value(begin, "plan", block->planned, sizeof block->planned);
    block->check = strcmp(check, "yes") == 0;
    return block;
}

static void free_results(struct block *block)
{
    for (size_t i = 0; i < block->result_count; i++)
        result_free(block->results[i]);
    free(block->results);
    block->results = NULL;
    block->result_count = 0;
}

void block_free(struct block *block)
{
    struct request *line;
    if (!block)
        return;
    while ((line = TAILQ_FIRST(&block->lines))) {
        TAILQ_REMOVE(&block->lines, line, link);
        request_free(line);
    }
    free_results(block);
    free(block->items);
    free(block->calls);
    block->server->block_bytes -= block->memory;
    free(block);
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
    return seal_chain(block->server->seal, "block lines", block->chain, (struct slice){text, len});
}

/* What may not stand in a block is refused in its place. */
static void judge(struct request *line)
{
    if (line->fault.code)
        return;
    if (!proto_is_write(line->line.command)) {
        request_refuse(line, STATUS_BAD, "in-block");
    } else if (line->line.check) {
        request_refuse(line, STATUS_BAD, "in-block");
        line->fault.field = SLICE("check");
    }
}

void block_take(struct block *block, struct request *line, struct slice raw)
{
    block->bytes += raw.len + 1;
    if (line_count(block) >= BLOCK_LINES_MOST || block->bytes > BLOCK_BYTES_MOST)
        kill(block, STATUS_BAD, "block-size");
    else if (block->server->block_bytes + line->size > BLOCKS_BYTES_MOST)
        kill(block, STATUS_BUSY, "memory");
    else if (chain_line(block, raw) < 0)
        kill(block, STATUS_NO, "internal");
    if (block->code) { /* counted; an answer without a tag needs nothing else of it */
        block->dropped++;
        request_free(line);
        return;
    }
    judge(line);
    block->memory += line->size;
    block->server->block_bytes += line->size;
    TAILQ_INSERT_TAIL(&block->lines, line, link);
    block->kept++;
}

/* ---- running ---- */

static bool decide(struct batch_item *item, struct result **results);

/* Whether the block asks whether its name is stored, in a call before all others. */
static size_t lead_calls(const struct block *block)
{
    return block->name[0] != '\0';
}

static void ask_whether_submitted(struct block *block, const struct request_speaker *speaker)
{
    block->submitted_cells[0] = slice_of(speaker->party);
    block->submitted_cells[1] = slice_of(block->name);
    block->submitted_cells[2] = (struct slice){(const char *)block->chain, sizeof block->chain};
    block->submitted = (struct batch_item){.command = &statement_submitted, .cells = block->submitted_cells};
    block->items[0] = &block->submitted;
    block->calls[0] = (struct db_call){&statement_submitted, 1, block->items};
}

/* Lines that follow each other with the same verb are one call. 0, or -1 when out of memory. */
static int make_calls(struct block *block, const struct request_speaker *speaker)
{
    size_t calls = lead_calls(block), items = calls;
    const struct proto_command *last = NULL;
    struct request *line;
    block->items = calloc(block->kept + 1, sizeof(void *));
    block->calls = calloc(block->kept + 1, sizeof block->calls[0]);
    if (!block->items || !block->calls)
        return -1;
    if (block->name[0])
        ask_whether_submitted(block, speaker);
    TAILQ_FOREACH(line, &block->lines, link)
    {
        if (line->fault.code)
            continue;
        if (line->line.command != last)
            block->calls[calls++] = (struct db_call){line->line.command, 0, &block->items[items]};
        last = line->line.command;
        block->calls[calls - 1].rows++;
        block->items[items++] = &line->item;
    }
    block->batch.calls = block->calls;
    block->batch.count = calls;
    return 0;
}

/* The cells of the write that ends it, but for those that are known once it has run. */
static void fill_keep(struct block *block, const struct request_speaker *speaker)
{
    struct slice *cells = block->keep_cells;
    cells[LEAD_PARTY] = slice_of(speaker->party);
    cells[LEAD_ROLE] = slice_of(proto_role_name(speaker->role));
    cells[LEAD_CERTIFICATE] = (struct slice){(const char *)speaker->certificate, speaker->certificate_len};
    cells[LEAD_ORIGIN] = slice_of(speaker->origin);
    if (block->name[0])
        cells[LEAD_WRITE] = slice_of(block->name);
    if (block->sha256[0])
        cells[LEAD_WRITE + 1] = slice_of(block->sha256);
    cells[LEAD_WRITE + 2] = (struct slice){(const char *)block->chain, sizeof block->chain};
    block->keep = (struct batch_item){.command = &statement_commit, .cells = cells};
    block->keep_item[0] = &block->keep;
    block->batch.keep = (struct db_call){&statement_commit, 1, block->keep_item};
}

void block_commit(struct block *block, struct request *commit, const struct request_speaker *speaker)
{
    commit->block = block;
    block->commit = commit;
    commit->item.command = &statement_commit;
    commit->item.cells = block->keep_cells;
    commit->item.block = &block->batch;
    block->batch.decide = decide;
    if (!block->code && make_calls(block, speaker) < 0)
        kill(block, STATUS_BUSY, "memory");
    fill_keep(block, speaker);
    if (block->code)
        request_refuse(commit, block->status, block->code);
}

/* ---- deciding ---- */

static void write_hex(const uint8_t bytes[SEAL_HASH_BYTES], char out[HEX_BYTES + 1])
{
    for (size_t i = 0; i < SEAL_HASH_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* A walk over the lines with the row that each was given; NULL result where the line has a fault. */
struct walk {
    struct block *block;
    struct request *line;
    size_t call, row; /* where the next row is looked for */
    struct result *result;
    size_t at; /* its row there */
};

/* 1, 0 at the end, -1 when the database did not give the line its one row. */
static int next_line(struct walk *walk)
{
    struct block *block = walk->block;
    walk->line = walk->line ? TAILQ_NEXT(walk->line, link) : TAILQ_FIRST(&block->lines);
    walk->result = NULL;
    if (!walk->line || walk->line->fault.code)
        return walk->line != NULL;
    if (walk->row == block->calls[walk->call].rows) {
        walk->call++;
        walk->row = 0;
    }
    walk->result = block->results[walk->call];
    walk->at = walk->row++;
    if (!walk->result || result_rows(walk->result) != block->calls[walk->call].rows ||
        slice_number(result_value(walk->result, walk->at, COLUMN_ORDINAL)) != walk->row)
        return -1;
    return 1;
}

static struct walk begin_walk(struct block *block)
{
    return (struct walk){.block = block, .call = lead_calls(block)};
}

/* What a line came to, as the plan has it: its answer without what differs from one run to the next. */
static size_t write_outcome(const struct walk *walk, char text[LINE_MAX_BYTES])
{
    const struct request *line = walk->line;
    struct line_writer writer;
    if (!walk->result) {
        line_begin(&writer, text, LINE_MAX_BYTES, proto_status_word(line->fault_status));
        line_put_text(&writer, "code", line->fault.code);
        line_put(&writer, "field", line->fault.field);
        return line_end(&writer);
    }
    struct slice code = result_value(walk->result, walk->at, COLUMN_CODE);
    line_begin(&writer, text, LINE_MAX_BYTES, proto_status_word(code.at ? STATUS_NO : STATUS_OK));
    line_put(&writer, "code", code);
    line_put(&writer, "field", result_value(walk->result, walk->at, COLUMN_FIELD));
    for (size_t i = COLUMN_REPLIES; i < result_columns(walk->result); i++) {
        const char *name = result_name(walk->result, i);
        if (strcmp(name, "repeated") != 0 && strcmp(name, "last") != 0) /* a number of the log, as `log` is */
            line_put(&writer, name, result_value(walk->result, walk->at, i));
    }
    return line_end(&writer);
}

/* Counts what was accepted and makes the plan. 0, or -1 when an answer is none. */
static int judge_outcomes(struct block *block)
{
    struct walk walk = begin_walk(block);
    uint8_t plan[SEAL_HASH_BYTES];
    char text[LINE_MAX_BYTES];
    int more;
    memcpy(plan, block->chain, sizeof plan);
    block->accepted = 0;
    while ((more = next_line(&walk)) > 0) {
        size_t len = write_outcome(&walk, text);
        if (len == 0 || seal_chain(block->server->seal, "block plan", plan, (struct slice){text, len}) < 0)
            return -1;
        block->accepted += walk.result && !result_value(walk.result, walk.at, COLUMN_CODE).at;
    }
    write_hex(plan, block->plan);
    return more;
}

/* The columns of statement_submitted behind COLUMN_REPLIES. */
enum submitted_column { SUBMITTED_STATE = COLUMN_REPLIES, SUBMITTED_ACCEPTED, SUBMITTED_LOG };

/* Whether the name is free; else the fate says what it has. */
static bool is_new(struct block *block)
{
    if (!block->name[0])
        return true;
    struct result *result = block->results[0];
    if (!result || result_rows(result) != 1)
        return false;
    struct slice state = result_value(result, 0, SUBMITTED_STATE);
    block->first_accepted = slice_number(result_value(result, 0, SUBMITTED_ACCEPTED));
    block->first_log = slice_number(result_value(result, 0, SUBMITTED_LOG));
    if (slice_is(state, "new"))
        return true;
    block->fate = slice_is(state, "same") ? REPEATED : TAKEN;
    return false;
}

static bool is_as_planned(const struct block *block)
{
    return !block->planned[0] || strcmp(block->planned, block->plan) == 0;
}

/* Takes the results over: the answers are made of them when the end is known. 0 or -1. */
static int take_results(struct block *block, struct result **results)
{
    free_results(block);
    if (block->batch.count == 0)
        return 0;
    block->results = calloc(block->batch.count, sizeof(struct result *));
    if (!block->results)
        return -1;
    block->result_count = block->batch.count;
    memcpy(block->results, results, block->result_count * sizeof(struct result *));
    memset(results, 0, block->result_count * sizeof(struct result *));
    return 0;
}

/* What the log keeps of the end of a block: the cells that fill_keep left open. */
static void write_fields(struct block *block)
{
    snprintf(block->numbers, sizeof block->numbers, "%zu", block->accepted);
    snprintf(block->fields, sizeof block->fields, "%s%s%s%s%s%slines=%zu", block->name[0] ? "name=" : "", block->name,
             block->name[0] ? " " : "", block->sha256[0] ? "sha256=" : "", block->sha256, block->sha256[0] ? " " : "",
             block->accepted);
    block->keep_cells[LEAD_FIELDS] = slice_of(block->fields);
    block->keep_cells[LEAD_WRITE + 3] = slice_of(block->numbers);
}

static bool decide(struct batch_item *item, struct result **results)
{
    struct block *block = (struct block *)(uintptr_t)item->block; /* its first member, and ours */
    block->fate = BROKEN;
    if (take_results(block, results) < 0 || !is_new(block) || judge_outcomes(block) < 0)
        return false;
    bool stays = !block->check && block->accepted == line_count(block) && is_as_planned(block);
    block->fate = stays ? STAYS : UNDONE;
    write_fields(block);
    return stays;
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

/* The same refusal for every line, those that were only counted last. Whether all are answered. */
static bool refuse_lines(struct request *commit, const struct batch_answer *answer, enum proto_status status,
                         const char *code, const struct request_speaker *speaker, struct evbuffer *out)
{
    struct block *block = commit->block;
    const char *id = answer ? answer->id : NULL;
    struct request *line;
    while ((line = TAILQ_FIRST(&block->lines))) {
        reply_refuse(line, status, code, (struct slice){0}, id, speaker, out);
        commit->broken |= line->broken;
        TAILQ_REMOVE(&block->lines, line, link);
        request_free(line);
    }
    struct request bare = {.stage = REQUEST_READ};
    for (; block->dropped > 0 && evbuffer_get_length(out) < OUT_MOST; block->dropped--)
        reply_refuse(&bare, status, code, (struct slice){0}, id, speaker, out);
    commit->broken |= bare.broken;
    return block->dropped == 0;
}

static void answer_repeated(struct request *commit, struct evbuffer *out)
{
    struct block *block = commit->block;
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    struct request *line;
    TAILQ_FOREACH(line, &block->lines, link)
    {
        begin_ok(&writer, bytes, line);
        line_put_text(&writer, "repeated", "yes");
        send_ok(line, &writer, out);
        commit->broken |= line->broken;
    }
    begin_ok(&writer, bytes, commit);
    line_put_number(&writer, "log", (long long)block->first_log);
    line_put_number(&writer, "accepted", (long long)block->first_accepted);
    line_put_number(&writer, "refused", 0);
    line_put_text(&writer, "repeated", "yes");
    send_ok(commit, &writer, out);
}

/* The lines' own answers: those of a block that is undone as of a rehearsal. */
static void answer_lines(struct request *commit, const struct request_speaker *speaker, struct seal *seal,
                         struct evbuffer *out)
{
    struct walk walk = begin_walk(commit->block);
    while (next_line(&walk) > 0) {
        struct request *line = walk.line;
        line->line.check = commit->block->fate != STAYS;
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
    struct block *block = commit->block;
    size_t refused = line_count(block) - block->accepted;
    const char *code = !is_as_planned(block) ? "changed" : refused > 0 ? "refused" : NULL;
    if (block->fate == STAYS &&
        result_value(answer->result, 0, COLUMN_CODE).at) /* an empty one, of a dead certificate */
        code = "revoked";
    const struct proto_reply *reply = code ? proto_reply(STATUS_NO, slice_of(code)) : NULL;
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    line_begin(&writer, bytes, sizeof bytes, proto_status_word(code ? STATUS_NO : STATUS_OK));
    if (code)
        line_word(&writer, code);
    line_put(&writer, "tag", commit->line.tag);
    if (block->fate == STAYS) {
        commit->log = slice_number(result_value(answer->result, 0, COLUMN_LOG));
        line_put_number(&writer, "log", (long long)commit->log);
    } else {
        line_put_text(&writer, "check", "yes");
    }
    line_put_number(&writer, "accepted", (long long)block->accepted);
    line_put_number(&writer, "refused", (long long)refused);
    line_put_text(&writer, "plan", block->plan);
    if (reply)
        line_put_text(&writer, "text", speaker->english ? reply->en : reply->nl);
    send_ok(commit, &writer, out);
}

bool block_answer(struct request *commit, const struct batch_answer *answer, const struct request_speaker *speaker,
                  struct seal *seal, struct evbuffer *out)
{
    struct block *block = commit->block;
    enum proto_status status = STATUS_NO;
    const char *code = NULL;
    if (!answer) { /* what it was given in place of its answer; of a dead block what `begin` was */
        status = commit->fault_status;
        code = commit->fault.code;
    } else if (reply_busy(answer->outcome)) {
        status = STATUS_BUSY;
        code = reply_busy(answer->outcome);
    } else if (answer->outcome == BATCH_INTERNAL || block->fate == BROKEN) {
        code = "internal";
    } else if (block->fate == TAKEN) {
        code = "taken";
    }
    if (code) {
        if (!refuse_lines(commit, answer, status, code, speaker, out)) {
            request_refuse(commit, status, code);
            return false;
        }
        reply_refuse(commit, status, code, block->fate == TAKEN && answer ? SLICE("name") : (struct slice){0},
                     answer ? answer->id : NULL, speaker, out);
    } else if (block->fate == REPEATED) {
        answer_repeated(commit, out);
    } else {
        answer_lines(commit, speaker, seal, out);
        answer_commit(commit, answer, speaker, out);
    }
    return true;
}
