/* A file of students as a stream of requests.
 *
 * Rules: rows are told in the order of the file, whatever the order in which they were refused. A pass over a file that
 * changes meanwhile is known by the sum of its requests; nothing of it is sent as one. Memory: a bit a row, what rivals
 * take, and the rows under way. */
#include "tool_submission.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "tool_memory.h"

#define SHOWN_BYTES 64 /* of a value */

struct row {
    size_t index;
    unsigned line;
    enum outcome outcome;
    char *refusal; /* in words; NULL: none */
    size_t len;    /* of its request; 0: there is none */
    char request[];
};

static enum text_lang lang_of(const struct submission *submission)
{
    return submission->tool->lang;
}

/* ---- words ---- */

/* `Column: "value": reason [rule]`; `column` -1: the row as a whole. */
static char *refusal_words(const struct submission *submission, int column, struct slice value, struct slice reason,
                           const char *rule)
{
    char shown[SHOWN_BYTES];
    if (column < 0)
        return memory_text("%.*s [%s]", (int)reason.len, reason.at ? reason.at : "", rule);
    text_show(value.at ? value : SLICE(""), shown, sizeof shown);
    return memory_text("%s: \"%s\": %.*s [%s]", submission->roster.heading[column], shown, (int)reason.len,
                       reason.at ? reason.at : "", rule);
}

/* The value of a field in a request, a copy of which is taken apart in `room`; absent when there is none. */
static struct slice value_in(const char *request, size_t len, struct slice field, char room[LINE_MAX_BYTES])
{
    struct line_cursor cursor = {room, room + len - 1};
    struct slice name, value;
    memcpy(room, request, len);
    if (line_verb(&cursor, &name) < 0)
        return (struct slice){NULL, 0};
    while (line_field(&cursor, &name, &value) == 1)
        if (field.at && name.len == field.len && memcmp(name.at, field.at, field.len) == 0)
            return value;
    return (struct slice){NULL, 0};
}

static char *refusal_by_registry(const struct submission *submission, const struct row *row,
                                 const struct answer *answer)
{
    char room[LINE_MAX_BYTES], *rule = answer_rule(answer), *ended = NULL;
    struct slice field = answer_field(answer, "field"), again = answer_field(answer, "again"),
                 reason = answer_field(answer, "text");
    int column = field.at ? roster_column_of(field) : -1;
    if (slice_is(answer->word, "ended") && again.at)
        reason = slice_of(ended = memory_text(text_of(lang_of(submission), TEXT_SUBMIT_ENDED),
                                              (unsigned long long)slice_number(again)));
    char *words = refusal_words(submission, column, value_in(row->request, row->len, field, room), reason, rule);
    free(ended);
    free(rule);
    return words;
}

static char *refusal_by_rival(const struct submission *submission, const struct rival *rival, const char *request,
                              size_t len)
{
    char room[LINE_MAX_BYTES], *reason = memory_text(text_of(lang_of(submission), TEXT_SUBMIT_RIVAL), rival->line);
    char *words = refusal_words(submission, roster_column_of(rival->field), value_in(request, len, rival->field, room),
                                slice_of(reason), "twice");
    free(reason);
    return words;
}

/* ---- requests ---- */

/* Adds a field behind the request. Its length, or 0 when the line has no room. */
static size_t add_seen(char line[LINE_MAX_BYTES], size_t len, const char *seen)
{
    int more = snprintf(line + len - 1, LINE_MAX_BYTES - len + 1, " seen=%s\n", seen);
    return (size_t)more <= LINE_MAX_BYTES - len ? len - 1 + (size_t)more : 0;
}

/* The next row: 1 with the length of its request, or 0 and why it has none; 0 at the end, -1 when it cannot be read. */
static int read_row(struct submission *submission, char line[LINE_MAX_BYTES], size_t *len, struct roster_fault *fault)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    int more = table_next(submission->table, cells, &count);
    if (more != 1)
        return more;
    *len = roster_request(&submission->roster, cells, count, table_line(submission->table), false, line, fault);
    if (*len > 0 && submission->seen && (*len = add_seen(line, *len, submission->seen)) == 0)
        *fault = (struct roster_fault){.column = -1, .rule = "long", .reason = TEXT_VALUE_LONG};
    return 1;
}

/* Adds a request to the sum of the pass. */
static void add_up(struct submission *submission, const char *line, size_t len)
{
    submission->broken |= EVP_DigestUpdate(submission->sum, line, len) != 1;
}

/* The sum of all requests. 0, or -1. */
static int add_up_all(struct submission *submission, char digest[FILE_SHA256])
{
    unsigned char sum[32];
    if (EVP_DigestFinal_ex(submission->sum, sum, NULL) != 1)
        return -1;
    for (size_t i = 0; i < sizeof sum; i++)
        snprintf(digest + 2 * i, 3, "%02x", sum[i]);
    return 0;
}

static size_t next(void *own, char line[LINE_MAX_BYTES], unsigned *tag, void **item)
{
    struct submission *submission = own;
    struct roster_fault fault;
    size_t len;
    int more = read_row(submission, line, &len, &fault);
    bool as_before = (more == 1) == (submission->next < submission->rows);
    if (more != 1 || !as_before) {
        submission->broken |= more < 0 || !as_before; /* it has grown or shrunk since it was looked at */
        return 0;
    }
    add_up(submission, line, len);
    const struct rival *rival = rivals_find(&submission->rivals, submission->next);
    struct row *row = memory_get(1, sizeof *row + len);
    row->index = submission->next++;
    row->line = *tag = table_line(submission->table);
    row->len = len;
    memcpy(row->request, line, len);
    if (rival && len > 0) {
        row->outcome = OUTCOME_CONFLICT;
        row->refusal = refusal_by_rival(submission, rival, line, len);
        row->len = 0;
    } else if (len == 0) {
        row->outcome = OUTCOME_REFUSED;
        row->refusal = refusal_words(submission, fault.column, fault.value,
                                     slice_of(text_of(lang_of(submission), fault.reason)), fault.rule);
    }
    *item = row;
    return row->len;
}

static bool whole(void *own)
{
    struct submission *submission = own;
    char digest[FILE_SHA256];
    if (!submission->broken && add_up_all(submission, digest) == 0 && strcmp(digest, submission->digest) == 0)
        return true;
    submission_hide_bar(submission);
    text_tell(lang_of(submission), TEXT_SUBMIT_FILE_CHANGED, submission->path);
    return false;
}

/* ---- answers ---- */

/* Whether a refusal says that the registry holds something else than the file. */
static bool is_conflict(struct slice code)
{
    static const char *const codes[] = {"changed", "ended", "again", "eckid-differs", "attended", "taken", "final"};
    for (size_t i = 0; i < COUNT(codes); i++)
        if (slice_is(code, codes[i]))
            return true;
    return false;
}

static enum outcome outcome_of(const struct answer *answer)
{
    if (answer->kind != ANSWER_OK)
        return answer->kind == ANSWER_NO && is_conflict(answer->word) ? OUTCOME_CONFLICT : OUTCOME_REFUSED;
    if (answer_field(answer, "repeated").at)
        return OUTCOME_REPEATED;
    if (answer_field(answer, "amended").at)
        return OUTCOME_AMENDED;
    return slice_is(answer_field(answer, "state"), "waiting") ? OUTCOME_WAITING : OUTCOME_SEATED;
}

static void answered(void *own, void *item, const struct answer *answer)
{
    struct submission *submission = own;
    struct row *row = item;
    free(row->refusal);
    row->refusal = NULL;
    row->outcome = OUTCOME_NONE;
    if (!answer)
        return;
    uint64_t log = slice_number(answer_field(answer, "log"));
    submission->log = log > submission->log ? log : submission->log;
    submission->answers++;
    row->outcome = outcome_of(answer);
    if (answer->kind != ANSWER_OK)
        row->refusal = refusal_by_registry(submission, row, answer);
}

static void leave(void *own, void *item)
{
    struct submission *submission = own;
    struct row *row = item;
    unsigned char *byte = &submission->refused[row->index / 8], bit = (unsigned char)(1u << row->index % 8);
    submission->tally[row->outcome]++;
    if (row->refusal && !(*byte & bit)) {
        submission_hide_bar(submission);
        printf(
            text_of(lang_of(submission), row->outcome == OUTCOME_CONFLICT ? TEXT_SUBMIT_CONFLICT : TEXT_SUBMIT_REFUSED),
            row->line, row->refusal);
    }
    if (row->refusal)
        *byte |= bit;
    else if (row->outcome != OUTCOME_NONE)
        *byte &= (unsigned char)~bit;
    free(row->refusal);
    free(row);
}

/* ---- the bar ---- */

static void show_bar(void *own)
{
    static const char full[] = "########################################";
    struct submission *submission = own;
    const size_t all = submission->sound ? submission->sound : 1;
    size_t done = submission->answers < all ? submission->answers : all;
    int now = (int)(done * 1000 / all), width = (int)sizeof full - 1, part = now * width / 1000;
    if (!submission->bar || now == submission->shown)
        return;
    submission->shown = now;
    fprintf(stderr, "\r[%.*s%*s] %zu/%zu", part, full, width - part, "", done, submission->sound);
}

void submission_hide_bar(struct submission *submission)
{
    if (submission->shown >= 0)
        fprintf(stderr, "\r%70s\r", "");
    submission->shown = -1;
}

static void hide_bar(void *own)
{
    submission_hide_bar(own);
}

/* ---- passes ---- */

/* Finds the rows that contradict earlier ones, where a registration is named more than once. 0, or -1 after telling why
 * the file cannot be read again. */
static int find_rivals(struct submission *submission)
{
    char line[LINE_MAX_BYTES];
    struct roster_fault fault;
    size_t len;
    if (table_rewind(submission->table) < 0)
        return -1;
    for (size_t row = 0;; row++) {
        int more = read_row(submission, line, &len, &fault);
        if (more != 1)
            return more;
        if (len > 0 && rivals_compare(&submission->rivals, row, table_line(submission->table), line, len)) {
            submission->sound--;
            submission->bytes -= len;
        }
    }
}

/* Looks at all rows. 0, or -1 after telling why they cannot be read. */
static int look(struct submission *submission)
{
    char line[LINE_MAX_BYTES];
    struct roster_fault fault;
    size_t len;
    int more;
    submission->sum = EVP_MD_CTX_new();
    submission->broken = !submission->sum || EVP_DigestInit_ex(submission->sum, EVP_sha256(), NULL) != 1;
    while (!submission->broken && (more = read_row(submission, line, &len, &fault)) != 0) {
        if (more < 0)
            return -1;
        submission->rows++;
        submission->sound += len > 0;
        submission->bytes += len;
        add_up(submission, line, len);
        if (len > 0)
            rivals_note(&submission->rivals, line, len);
    }
    if (submission->broken || add_up_all(submission, submission->digest) < 0) {
        text_tell(lang_of(submission), TEXT_PLAIN, "OpenSSL: SHA-256");
        return -1;
    }
    return rivals_sort(&submission->rivals) ? find_rivals(submission) : 0;
}

int submission_open(struct submission *submission, const struct tool *tool, struct table *table, const char *const *map,
                    const char *session)
{
    submission->tool = tool;
    submission->table = table;
    submission->shown = -1;
    if (roster_guess(&submission->roster, table, map, session, tool->lang) < 0 || look(submission) < 0)
        return -1;
    submission->refused = memory_get(submission->rows / 8 + 1, 1);
    return 0;
}

void submission_close(struct submission *submission)
{
    table_close(submission->table);
    EVP_MD_CTX_free(submission->sum);
    rivals_free(&submission->rivals);
    free(submission->refused);
}

int submission_begin(struct submission *submission, bool afresh)
{
    if (table_rewind(submission->table) < 0)
        return -1;
    submission->next = submission->answers = 0;
    submission->log = 0;
    submission->broken = EVP_DigestInit_ex(submission->sum, EVP_sha256(), NULL) != 1;
    memset(submission->tally, 0, sizeof submission->tally);
    if (afresh)
        memset(submission->refused, 0, submission->rows / 8 + 1);
    return 0;
}

struct sending submission_sending(struct submission *submission)
{
    return (struct sending){.own = submission,
                            .next = next,
                            .whole = whole,
                            .answered = answered,
                            .leave = leave,
                            .progress = show_bar,
                            .hide = hide_bar};
}

size_t submission_accepted(const struct submission *submission)
{
    return submission->tally[OUTCOME_REPEATED] + submission->tally[OUTCOME_SEATED] +
           submission->tally[OUTCOME_WAITING] + submission->tally[OUTCOME_AMENDED];
}

size_t submission_refused(const struct submission *submission)
{
    return submission->tally[OUTCOME_REFUSED] + submission->tally[OUTCOME_CONFLICT];
}

bool submission_changes(const struct submission *submission)
{
    return submission_accepted(submission) > submission->tally[OUTCOME_REPEATED];
}
