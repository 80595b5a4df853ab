/* A file of students as a stream of requests.
 *
 * Rules: rows are told in the order of the file, whatever the order in which they were refused. A pass over a file that
 * changes meanwhile is known by the sum of its requests; nothing of it is sent as one. Memory: a bit a row, what rivals
 * take, and the rows under way. */
#include "tool_submission.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool_memory.h"
#include "tool_wording.h"

struct row {
    size_t index;
    unsigned line;
    enum outcome outcome;
    char *refusal; /* in words; NULL: none */
    char *change;  /* of an amendment, what of it; NULL: not known */
    bool no_session;
    uint64_t place; /* in the queue; 0: in none */
    size_t len;     /* of its request; 0: there is none */
    char request[];
};

static enum text_lang lang_of(const struct submission *submission)
{
    return submission->tool->lang;
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
        *fault = (struct roster_fault){.column = -1, .rule = "long", .reason = TEXT_VALUE_LONG, .detail = "8191"};
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
    const struct rival *rival = len > 0 ? rivals_find(&submission->rivals, submission->next) : NULL;
    struct row *row = memory_get(1, sizeof *row + len);
    row->index = submission->next++;
    row->line = *tag = table_line(submission->table);
    row->len = len;
    memcpy(row->request, line, len);
    if (rival)
        row->refusal = wording_rival(&submission->roster, lang_of(submission), rival, line, len);
    else if (len > 0 && submission->known)
        row->refusal = wording_doubt(&submission->roster, lang_of(submission), submission->known, line, len);
    else if (len == 0)
        row->refusal = wording_fault(&submission->roster, lang_of(submission), &fault);
    if (row->refusal) {
        row->outcome = len > 0 ? OUTCOME_CONFLICT : OUTCOME_REFUSED;
        row->len = 0;
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
    free(row->change);
    row->refusal = row->change = NULL;
    row->outcome = OUTCOME_NONE;
    row->place = 0;
    if (!answer)
        return;
    uint64_t log = slice_number(answer_field(answer, "log"));
    submission->log = log > submission->log ? log : submission->log;
    submission->answers++;
    row->outcome = outcome_of(answer);
    row->place = slice_number(answer_field(answer, "place"));
    row->no_session = answer->kind == ANSWER_NO && slice_is(answer_field(answer, "field"), "session");
    if (answer->kind != ANSWER_OK)
        row->refusal = wording_answer(&submission->roster, lang_of(submission), row->request, row->len, answer);
    else if (row->outcome == OUTCOME_AMENDED && submission->afresh)
        row->change =
            submission->known ? wording_change(&submission->roster, submission->known, row->request, row->len) : NULL;
}

/* Prints why rows are refused. */
static void print_told(struct submission *submission)
{
    const enum text_lang lang = lang_of(submission);
    bool conflict = submission->told_outcome == OUTCOME_CONFLICT;
    if (!submission->told)
        return;
    if (submission->told_first == submission->told_last)
        printf(text_of(lang, conflict ? TEXT_SUBMIT_CONFLICT : TEXT_SUBMIT_REFUSED), submission->told_first,
               submission->told);
    else
        printf(text_of(lang, conflict ? TEXT_SUBMIT_CONFLICT_LINES : TEXT_SUBMIT_REFUSED_LINES), submission->told_first,
               submission->told_last, submission->told);
    free(submission->told);
    submission->told = NULL;
}

/* Tells why a row is refused: rows that follow each other and are refused for the same are told as one. */
static void tell_refusal(struct submission *submission, const struct row *row)
{
    if (submission->told && submission->told_outcome == row->outcome && submission->told_last + 1 == row->line &&
        strcmp(submission->told, row->refusal) == 0) {
        submission->told_last = row->line;
        return;
    }
    submission_hide_bar(submission);
    submission->told = memory_text("%s", row->refusal);
    submission->told_first = submission->told_last = row->line;
    submission->told_outcome = row->outcome;
}

/* Counts a row that waits among those of its session. */
static void count_waiting(struct submission *submission, const struct row *row)
{
    char room[LINE_MAX_BYTES];
    struct slice session = wording_value(row->request, row->len, SLICE("session"), room);
    size_t i = 0;
    while (i < submission->queue_count && !slice_is(session, submission->queues[i].session))
        i++;
    if (i == submission->queue_count) {
        submission->queues = memory_grow(submission->queues, ++submission->queue_count, sizeof *submission->queues);
        submission->queues[i] = (struct submission_queue){.first = row->place};
        snprintf(submission->queues[i].session, sizeof submission->queues[i].session, "%.*s", (int)session.len,
                 session.at);
    }
    struct submission_queue *queue = &submission->queues[i];
    queue->rows++;
    queue->first = row->place < queue->first ? row->place : queue->first;
    queue->last = row->place > queue->last ? row->place : queue->last;
}

/* Keeps why a row is refused, on one line. */
static void keep_reason(struct submission *submission, struct row *row)
{
    for (char *at = row->refusal; *at; at++)
        if (*at == '\n')
            *at = ' ';
    if (submission->reasons)
        fprintf(submission->reasons, "%zu %s\n", row->index, row->refusal);
}

static void leave(void *own, void *item)
{
    struct submission *submission = own;
    struct row *row = item;
    unsigned char *byte = &submission->refused[row->index / 8], bit = (unsigned char)(1u << row->index % 8);
    submission->tally[row->outcome]++;
    submission->no_session += row->refusal && row->no_session;
    if (row->place > 0)
        count_waiting(submission, row);
    if (row->refusal)
        keep_reason(submission, row);
    if (row->refusal && !(*byte & bit))
        tell_refusal(submission, row);
    if (row->change) {
        submission_hide_bar(submission);
        printf(text_of(lang_of(submission), TEXT_SUBMIT_AMENDS), row->line, row->change);
    }
    if (row->refusal)
        *byte |= bit;
    else if (row->outcome != OUTCOME_NONE)
        *byte &= (unsigned char)~bit;
    free(row->refusal);
    free(row->change);
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
    print_told(submission);
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

int submission_open(struct submission *submission, const struct tool *tool, struct table *table,
                    const struct roster_map *map, const char *session)
{
    submission->tool = tool;
    submission->table = table;
    submission->shown = -1;
    if (roster_guess(&submission->roster, table, map, session, tool->lang) < 0 || look(submission) < 0)
        return -1;
    submission->refused = memory_get(submission->rows / 8 + 1, 1);
    submission->reasons = tmpfile();
    return 0;
}

int submission_hold(struct submission *submission, struct known *known)
{
    char line[LINE_MAX_BYTES];
    struct roster_fault fault;
    size_t len;
    submission->known = known;
    if (table_rewind(submission->table) < 0)
        return -1;
    for (size_t row = 0;; row++) {
        int more = read_row(submission, line, &len, &fault);
        if (more != 1)
            return more;
        char *words = len > 0 && !rivals_find(&submission->rivals, row)
                          ? wording_doubt(&submission->roster, lang_of(submission), submission->known, line, len)
                          : NULL;
        submission->sound -= words != NULL;
        submission->bytes -= words ? len : 0;
        free(words);
    }
}

void submission_close(struct submission *submission)
{
    known_free(submission->known);
    free(submission->queues);
    free(submission->told);
    table_close(submission->table);
    EVP_MD_CTX_free(submission->sum);
    rivals_free(&submission->rivals);
    free(submission->refused);
    if (submission->reasons)
        fclose(submission->reasons);
}

int submission_begin(struct submission *submission, bool afresh)
{
    if (table_rewind(submission->table) < 0)
        return -1;
    submission->next = submission->answers = 0;
    submission->log = 0;
    submission->broken = EVP_DigestInit_ex(submission->sum, EVP_sha256(), NULL) != 1;
    memset(submission->tally, 0, sizeof submission->tally);
    submission->afresh = afresh;
    submission->no_session = submission->queue_count = 0;
    if (submission->reasons) {
        rewind(submission->reasons);
        (void)!ftruncate(fileno(submission->reasons), 0);
    }
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
