/* The run of a block in the database, step by step as batch asks for them: whether its name is stored (of a named one);
 * its lines, part by part; the write that ends it.
 *
 * Limits: a part has 512 lines, so that reading and sealing them does not hold up the loop. Rules: every line runs,
 * also after a refusal. What is malformed or cannot stand in a block counts as refused. Whether the block stays is
 * decided from the answers, before the commit. */
#include "block_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "line.h"
#include "server.h"
#include "statement.h"

#define PART_LINES 512

static void begin(struct batch_item *item);
static enum batch_step step(struct batch_item *item, struct result **results);

/* ---- making one ---- */

static void fill_lead(struct slice *cells, const struct request_speaker *speaker)
{
    cells[LEAD_PARTY] = slice_of(speaker->party);
    cells[LEAD_ROLE] = slice_of(proto_role_name(speaker->role));
    cells[LEAD_CERTIFICATE] = (struct slice){(const char *)speaker->certificate, speaker->certificate_len};
}

/* Whether its name is stored, asked before all else. */
static void fill_question(struct block_run *run)
{
    struct slice *cells = run->question_cells;
    fill_lead(cells, run->speaker);
    cells[LEAD_READ] = slice_of(run->terms->name);
    cells[LEAD_READ + 1] = (struct slice){(const char *)run->hmac, sizeof run->hmac};
    run->question = (struct batch_item){.command = &statement_submitted, .cells = cells};
    run->question_item[0] = &run->question;
    run->question_call = (struct db_call){&statement_submitted, 1, run->question_item};
}

/* The cells of the write that ends it, but for those that are known once it has run. */
static void fill_keep(struct block_run *run)
{
    struct slice *cells = run->keep_cells;
    fill_lead(cells, run->speaker);
    cells[LEAD_ORIGIN] = slice_of(run->speaker->origin);
    if (run->terms->name[0])
        cells[LEAD_WRITE] = slice_of(run->terms->name);
    if (run->terms->sha256[0])
        cells[LEAD_WRITE + 1] = slice_of(run->terms->sha256);
    cells[LEAD_WRITE + 2] = (struct slice){(const char *)run->hmac, sizeof run->hmac};
    run->keep = (struct batch_item){.command = &statement_commit, .cells = cells};
    run->keep_item[0] = &run->keep;
    run->batch.keep = (struct db_call){&statement_commit, 1, run->keep_item};
}

struct block_run *block_run_new(struct server *server, const struct request_speaker *speaker,
                                const struct block_terms *terms, struct slice raw, size_t lines,
                                const uint8_t hmac[SEAL_HASH_BYTES])
{
    struct block_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    *run = (struct block_run){.server = server, .speaker = speaker, .terms = terms, .raw = raw, .count = lines};
    TAILQ_INIT(&run->lines);
    memcpy(run->hmac, hmac, sizeof run->hmac);
    run->batch.begin = begin;
    run->batch.step = step;
    fill_question(run);
    fill_keep(run);
    return run;
}

/* Sees to room for what its lines become, when it is its turn. */
static bool make_room(struct block_run *run)
{
    if (!run->items)
        run->items = calloc(run->count + 1, sizeof(void *));
    if (!run->calls)
        run->calls = calloc(run->count + 1, sizeof run->calls[0]);
    if (!run->results)
        run->results = calloc(run->count + 1, sizeof(struct result *));
    return run->items && run->calls && run->results;
}

/* Forgets what was read and answered. */
static void reset(struct block_run *run)
{
    struct request *line;
    while ((line = TAILQ_FIRST(&run->lines))) {
        TAILQ_REMOVE(&run->lines, line, link);
        request_free(line);
    }
    for (size_t i = 0; i < run->call_count; i++) {
        result_free(run->results[i]);
        run->results[i] = NULL;
    }
    run->read = 0;
    run->item_count = 0;
    run->call_count = 0;
    run->batch.count = 0;
}

void block_run_free(struct block_run *run)
{
    if (!run)
        return;
    reset(run);
    free(run->items);
    free(run->calls);
    free(run->results);
    free(run);
}

const struct proto_command *block_run_command(void)
{
    return &statement_commit;
}

/* ---- from the bytes to the calls ---- */

/* What may not stand in a block is refused in its place; as any BAD, before the role is looked at. */
static void judge_line(struct request *line)
{
    if (line->fault.code && line->fault_status == STATUS_BAD)
        return;
    if (!proto_is_write(line->line.command)) {
        request_refuse(line, STATUS_BAD, "in-block");
    } else if (line->line.check) {
        request_refuse(line, STATUS_BAD, "in-block");
        line->fault.field = SLICE("check");
    }
}

/* The next of the raw lines as a request. NULL when out of memory. */
static struct request *read_line(struct block_run *run)
{
    const char *at = run->raw.at + run->read;
    size_t len = (size_t)((const char *)memchr(at, '\n', run->raw.len - run->read) - at);
    struct request *line = request_new(at, len, run->speaker, run->server->seal);
    if (!line)
        return NULL;
    run->read += len + 1;
    judge_line(line);
    TAILQ_INSERT_TAIL(&run->lines, line, link);
    return line;
}

/* Adds it to the calls from `first` on: lines that follow each other with the same verb are one. */
static void add_to_calls(struct block_run *run, size_t first, struct request *line)
{
    if (run->call_count == first || run->calls[run->call_count - 1].command != line->line.command)
        run->calls[run->call_count++] = (struct db_call){line->line.command, 0, &run->items[run->item_count]};
    run->calls[run->call_count - 1].rows++;
    run->items[run->item_count++] = &line->item;
}

/* Makes the calls of the next lines. False when nothing is left to run, or memory is. */
static bool next_part(struct block_run *run)
{
    size_t first = run->call_count;
    if (run->fate == BLOCK_MEMORY)
        return false;
    for (size_t n = 0; run->read < run->raw.len && (n < PART_LINES || run->call_count == first); n++) {
        struct request *line = read_line(run);
        if (!line) {
            run->fate = BLOCK_MEMORY;
            return false;
        }
        if (!line->fault.code)
            add_to_calls(run, first, line);
    }
    run->batch.calls = &run->calls[first];
    run->batch.count = run->call_count - first;
    return run->batch.count > 0;
}

/* ---- what the lines came to ---- */

struct block_walk block_run_walk(struct block_run *run)
{
    return (struct block_walk){.run = run};
}

int block_run_next(struct block_walk *walk)
{
    struct block_run *run = walk->run;
    walk->line = walk->line ? TAILQ_NEXT(walk->line, link) : TAILQ_FIRST(&run->lines);
    walk->result = NULL;
    if (!walk->line || walk->line->fault.code)
        return walk->line != NULL;
    if (walk->row == run->calls[walk->call].rows) {
        walk->call++;
        walk->row = 0;
    }
    walk->result = run->results[walk->call];
    walk->at = walk->row++;
    if (!walk->result || result_rows(walk->result) != run->calls[walk->call].rows ||
        slice_number(result_value(walk->result, walk->at, COLUMN_ORDINAL)) != walk->row)
        return -1;
    return 1;
}

/* What a line came to, as the plan has it: its answer without what differs from one run to the next. Its size, or 0
 * when it does not fit. */
static size_t write_outcome(const struct block_walk *walk, char text[LINE_MAX_BYTES])
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
static int judge_outcomes(struct block_run *run)
{
    struct block_walk walk = block_run_walk(run);
    uint8_t plan[SEAL_HASH_BYTES];
    char text[LINE_MAX_BYTES];
    int more;
    memcpy(plan, run->hmac, sizeof plan);
    run->accepted = 0;
    while ((more = block_run_next(&walk)) > 0) {
        size_t len = write_outcome(&walk, text);
        if (len == 0 || seal_chain(run->server->seal, "block plan", plan, (struct slice){text, len}) < 0)
            return -1;
        run->accepted += walk.result && !result_value(walk.result, walk.at, COLUMN_CODE).at;
    }
    for (size_t i = 0; i < sizeof plan; i++)
        snprintf(run->plan + 2 * i, 3, "%02x", plan[i]);
    return more;
}

bool block_run_is_as_planned(const struct block_run *run)
{
    return !run->terms->plan[0] || strcmp(run->terms->plan, run->plan) == 0;
}

/* ---- the steps ---- */

/* The columns of statement_submitted behind COLUMN_REPLIES. */
enum submitted_column { SUBMITTED_STATE = COLUMN_REPLIES, SUBMITTED_ACCEPTED, SUBMITTED_LOG };

/* What the log keeps of the end of a block: the cells that fill_keep left open. */
static void write_fields(struct block_run *run)
{
    const char *name = run->terms->name, *sha256 = run->terms->sha256;
    snprintf(run->accepted_text, sizeof run->accepted_text, "%zu", run->accepted);
    snprintf(run->fields, sizeof run->fields, "%s%s%s%s%s%slines=%zu", name[0] ? "name=" : "", name, name[0] ? " " : "",
             sha256[0] ? "sha256=" : "", sha256, sha256[0] ? " " : "", run->accepted);
    run->keep_cells[LEAD_FIELDS] = slice_of(run->fields);
    run->keep_cells[LEAD_WRITE + 3] = slice_of(run->accepted_text);
}

static enum batch_step decide(struct block_run *run)
{
    if (run->fate == BLOCK_MEMORY)
        return BATCH_UNDO;
    if (judge_outcomes(run) < 0)
        return BATCH_BROKEN;
    bool stays = !run->terms->check && run->accepted == run->count && block_run_is_as_planned(run);
    run->fate = stays ? BLOCK_STAYS : BLOCK_UNDONE;
    write_fields(run);
    return stays ? BATCH_KEEP : BATCH_UNDO;
}

static struct block_run *run_of(struct batch_item *item)
{
    return (struct block_run *)(uintptr_t)item->block; /* its first member, and ours */
}

static void begin(struct batch_item *item)
{
    struct block_run *run = run_of(item);
    reset(run);
    item->key = seal_key(run->server->seal); /* later parts are sealed with it, or one that is newer */
    run->fate = make_room(run) ? BLOCK_UNDONE : BLOCK_MEMORY;
    run->asking = run->terms->name[0] != '\0';
    if (run->asking) {
        run->batch.calls = &run->question_call;
        run->batch.count = 1;
    } else {
        (void)next_part(run);
    }
}

/* Runs the lines where the name is free; else the fate says what it has. */
static enum batch_step look_at_name(struct block_run *run, struct result *result)
{
    if (!result || result_rows(result) != 1)
        return BATCH_BROKEN;
    struct slice state = result_value(result, 0, SUBMITTED_STATE);
    run->asking = false;
    if (slice_is(state, "new"))
        return next_part(run) ? BATCH_GO_ON : decide(run);
    run->first_accepted = slice_number(result_value(result, 0, SUBMITTED_ACCEPTED));
    run->first_log = slice_number(result_value(result, 0, SUBMITTED_LOG));
    run->fate = result_value(result, 0, COLUMN_CODE).at ? BLOCK_REVOKED
                : slice_is(state, "same")               ? BLOCK_REPEATED
                                                        : BLOCK_TAKEN;
    return BATCH_UNDO;
}

/* Takes the results of a part over: the answers are made of them when the end is known. */
static enum batch_step look_at_part(struct block_run *run, struct result **results)
{
    size_t first = run->call_count - run->batch.count;
    for (size_t i = 0; i < run->batch.count; i++) {
        run->results[first + i] = results[i];
        results[i] = NULL;
    }
    return next_part(run) ? BATCH_GO_ON : decide(run);
}

static enum batch_step step(struct batch_item *item, struct result **results)
{
    struct block_run *run = run_of(item);
    return run->asking ? look_at_name(run, results[0]) : look_at_part(run, results);
}
