/* `buurtaal submit FILE`: registers the students of a college's export.
 *
 * The whole file is looked at before the first line is sent: one that cannot be what it should be is refused whole; a
 * row that is wrong is left out and told at the end, beside those that the registry refused. Sending the file again
 * repairs. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_memory.h"
#include "tool_roster.h"
#include "tool_sending.h"
#include "tool_table.h"
#include "tool_verbs.h"

#define QUOTED 60 /* so many bytes of a value are shown */

enum { SOME_REFUSED = 1, NONE_ACCEPTED = 2 }; /* the program's status */

struct row {
    unsigned line;
    char *request; /* NULL: there is none */
    size_t len;
    char *refusal; /* in words; NULL: none */
};

struct submit {
    struct tool *tool;
    struct roster roster;
    struct row *rows;
    size_t count;
    size_t *sound; /* the rows that are sent */
    size_t sound_count;
    bool check;
    int shown; /* per mille of the bar; -1: there is none */
    size_t seated, waiting, repeated, amended, refused;
};

/* ---- looking at the file ---- */

/* How many bytes of a value to show: no character is cut. */
static int shown_len(struct slice value)
{
    if (value.len <= QUOTED)
        return (int)value.len;
    size_t len = QUOTED;
    while (len > 0 && ((unsigned char)value.at[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

static const char *shown_end(struct slice value)
{
    return value.len > QUOTED ? "..." : "";
}

static char *refusal_of(const struct submit *submit, const struct roster_fault *fault)
{
    const char *reason = text_of(submit->tool->lang, fault->reason);
    if (fault->column < 0)
        return memory_text("%s", reason);
    return memory_text("%s: \"%.*s%s\": %s", submit->roster.heading[fault->column], shown_len(fault->value),
                       fault->value.at ? fault->value.at : "", shown_end(fault->value), reason);
}

static void add_row(struct submit *submit, const struct slice *cells, size_t count, unsigned number)
{
    char line[LINE_MAX_BYTES];
    struct roster_fault fault;
    if ((submit->count & (submit->count + 1)) == 0) { /* 0, 1, 3, 7 ...: the room is used up */
        submit->rows = memory_grow(submit->rows, submit->count * 2 + 1, sizeof *submit->rows);
        submit->sound = memory_grow(submit->sound, submit->count * 2 + 1, sizeof *submit->sound);
    }
    struct row *row = &submit->rows[submit->count++];
    *row = (struct row){.line = number};
    row->len = roster_request(&submit->roster, cells, count, number, submit->check, line, &fault);
    if (row->len == 0) {
        row->refusal = refusal_of(submit, &fault);
        submit->refused++;
        return;
    }
    row->request = memory_get(row->len, 1);
    memcpy(row->request, line, row->len);
    submit->sound[submit->sound_count++] = submit->count - 1;
}

/* Reads the file. 0, or -1 after telling why it cannot be used. */
static int read_file(struct submit *submit, const char *path, const char *session)
{
    const enum text_lang lang = submit->tool->lang;
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    struct table *table = table_open(path, lang);
    int more = table ? roster_guess(&submit->roster, table, NULL, session, lang) : -1;
    while (more >= 0 && (more = table_next(table, cells, &count)) == 1)
        add_row(submit, cells, count, table_line(table));
    if (more == 0 && submit->count == 0) {
        text_tell(lang, TEXT_CSV_NO_ROWS, path);
        more = -1;
    }
    table_close(table);
    return more;
}

/* ---- sending ---- */

static struct row *row_of(struct submit *submit, size_t i)
{
    return &submit->rows[submit->sound[i]];
}

static unsigned tag(void *own, size_t i)
{
    return row_of(own, i)->line;
}

static size_t make(void *own, size_t i, char line[LINE_MAX_BYTES])
{
    const struct row *row = row_of(own, i);
    memcpy(line, row->request, row->len);
    return row->len;
}

/* The value of a field in a request that was answered, which is taken apart for it; absent when there is none. */
static struct slice value_in(struct row *row, struct slice field)
{
    struct line_cursor cursor = {row->request, row->request + row->len - 1};
    struct slice name, value;
    if (line_verb(&cursor, &name) < 0)
        return (struct slice){NULL, 0};
    while (line_field(&cursor, &name, &value) == 1)
        if (field.at && name.len == field.len && memcmp(name.at, field.at, field.len) == 0)
            return value;
    return (struct slice){NULL, 0};
}

/* Words for the registry's refusal: the column and value at fault, its text and code. */
static char *refusal_by_registry(const struct submit *submit, struct row *row, const struct answer *answer)
{
    struct slice field = answer_field(answer, "field"), text = answer_field(answer, "text");
    int column = field.at ? roster_column_of(field) : -1;
    struct slice value = value_in(row, field);
    return memory_text("%s%s%.*s%s%s%.*s [%.*s]", column >= 0 ? submit->roster.heading[column] : "",
                       column >= 0 ? ": \"" : "", shown_len(value), value.at ? value.at : "", shown_end(value),
                       column >= 0 ? "\": " : "", (int)text.len, text.at ? text.at : "", (int)answer->word.len,
                       answer->word.at);
}

static void answered(void *own, size_t i, const struct answer *answer)
{
    struct submit *submit = own;
    struct row *row = row_of(submit, i);
    if (answer->kind != ANSWER_OK) {
        row->refusal = refusal_by_registry(submit, row, answer);
        submit->refused++;
    } else if (answer_field(answer, "repeated").at) {
        submit->repeated++;
    } else if (answer_field(answer, "amended").at) {
        submit->amended++;
    } else if (slice_is(answer_field(answer, "state"), "waiting")) {
        submit->waiting++;
    } else {
        submit->seated++;
    }
}

static void show_bar(void *own, size_t done)
{
    static const char full[] = "########################################";
    struct submit *submit = own;
    const size_t all = submit->sound_count;
    int now = (int)(done * 1000 / (all ? all : 1)), width = (int)sizeof full - 1;
    if (submit->shown < 0 || (now == submit->shown && now > 0))
        return;
    submit->shown = now;
    int part = now * width / 1000;
    fprintf(stderr, "\r[%.*s%*s] %zu/%zu", part, full, width - part, "", done, all);
}

static void hide_bar(const struct submit *submit)
{
    if (submit->shown >= 0)
        fprintf(stderr, "\r%70s\r", "");
}

/* ---- telling ---- */

static void print_result(const struct submit *submit)
{
    const enum text_lang lang = submit->tool->lang;
    for (size_t i = 0; i < submit->count; i++)
        if (submit->rows[i].refusal)
            printf(text_of(lang, TEXT_SUBMIT_REFUSED), submit->rows[i].line, submit->rows[i].refusal);
    size_t unanswered =
        submit->count - submit->seated - submit->waiting - submit->repeated - submit->amended - submit->refused;
    if (unanswered > 0 && unanswered == submit->sound_count)
        return; /* there was no registry; why is told already */
    printf(text_of(lang, submit->check ? TEXT_SUBMIT_REHEARSED : TEXT_SUBMIT_SUMMARY), submit->count, submit->seated,
           submit->waiting, submit->repeated, submit->amended, submit->refused);
    if (unanswered > 0)
        printf(text_of(lang, TEXT_SUBMIT_UNANSWERED), unanswered);
}

static int send_rows(struct submit *submit)
{
    const struct sending sending = {.count = submit->sound_count,
                                    .own = submit,
                                    .tag = tag,
                                    .make = make,
                                    .answered = answered,
                                    .progress = show_bar};
    struct profile *profile = profile_load(submit->tool);
    if (!profile)
        return EX_CONFIG;
    submit->shown = isatty(STDERR_FILENO) ? 0 : -1;
    int status = sending_run(profile, &sending);
    hide_bar(submit);
    profile_free(profile);
    return status;
}

static void free_rows(struct submit *submit)
{
    for (size_t i = 0; i < submit->count; i++) {
        free(submit->rows[i].request);
        free(submit->rows[i].refusal);
    }
    free(submit->rows);
    free(submit->sound);
}

int submit_run(struct tool *tool, int argc, char **argv)
{
    const char *session = NULL;
    struct submit submit = {.tool = tool, .shown = -1};
    const struct options_row rows[] = {{"session", &session, NULL, 0}, {"dry-run", NULL, &submit.check, 0}};
    const struct options_verb verb = {"submit", TEXT_HELP_SUBMIT, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (count != 1) {
        fputs(text_of(tool->lang, TEXT_HELP_SUBMIT), stderr);
        return EX_USAGE;
    }
    status = NONE_ACCEPTED;
    if (read_file(&submit, argv[0], session) == 0) {
        status = submit.sound_count > 0 ? send_rows(&submit) : EX_OK;
        print_result(&submit);
        if (status == EX_OK && submit.refused > 0)
            status = submit.refused == submit.count ? NONE_ACCEPTED : SOME_REFUSED;
    }
    free_rows(&submit);
    return status;
}
