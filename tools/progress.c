/* `buurtaal progress`: the board, a line a figure. Against a target it has a bar in a frame, which is full when the
 * target is reached. Cells have bars without one, which only compare them with each other; institutions are named.
 *
 * Rules: the number of the log below, and `log` of the JSON, is that of the figures, not of the moment they were asked
 * for; it is left out where nobody has said it. */
#define _GNU_SOURCE /* open_memstream */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "proto.h"
#include "tool_client.h"
#include "tool_json.h"
#include "tool_list.h"
#include "tool_listing.h"
#include "tool_memory.h"
#include "tool_pages.h"
#include "tool_session.h"
#include "tool_verbs.h"
#include "tool_words.h"

#define BAR 30
#define DAY_SECONDS 86400

/* What a row may be by. */
static const char *const cells[] = {"month", "institution", "province", "level", "exam"};

struct figure {
    char *scope, *cell;
    char *of;   /* year, language, rung */
    char *name; /* of the institution that the cell is; NULL: it is none, or none that the registry names */
    char *count;
    uint64_t number, target, log;
    uint64_t pace, forecast, low, high; /* 0: not told */
    bool is_institution, has_target, has_log;
};

struct board {
    struct tool *tool;
    const char *as_of; /* NULL: now */
    enum listing_form form;
    FILE *json; /* gathers the rows, which are void without an OK */
    struct grid_column columns[GRID_COLUMNS];
    struct listing csv; /* the same */
    struct figure *figures;
    size_t count; /* of rows, in whatever form */
    uint64_t log; /* the newest of them */
    bool has_log, by_cell;
};

/* ---- JSON ---- */

static void print_json_row(struct board *board, const struct answer *row)
{
    FILE *out = board->json;
    fprintf(out, "%s\n  {", board->count > 0 ? "," : "");
    for (size_t i = 0; i < row->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        json_text(out, row->fields[i].name);
        fputs(": ", out);
        json_value(out, row->fields[i].value);
    }
    fputc('}', out);
}

/* ---- CSV ---- */

static void keep_csv_row(struct board *board, const struct answer *row)
{
    struct slice values[GRID_COLUMNS];
    for (size_t i = 0; i < board->csv.width; i++)
        values[i] = answer_field(row, board->columns[i].name);
    listing_keep(&board->csv, values);
}

/* ---- the table ---- */

static char *copy(struct slice value)
{
    return memory_text("%.*s", (int)value.len, value.at ? value.at : "");
}

/* A field of the row as people call it. */
static struct slice word_of(const struct board *board, const struct answer *row, const char *field)
{
    return words_of(board->tool->lang, field, answer_field(row, field));
}

/* What the row is by; absent when it is the whole of its scope. */
static struct slice cell_of(const struct answer *row)
{
    struct slice cell = {NULL, 0};
    for (size_t i = 0; i < COUNT(cells) && !cell.at; i++)
        cell = answer_field(row, cells[i]);
    return cell;
}

static void keep_figure(struct board *board, const struct answer *row)
{
    if ((board->count & (board->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
        board->figures = memory_grow(board->figures, board->count * 2 + 1, sizeof *board->figures);
    struct slice year = answer_field(row, "year"), language = answer_field(row, "language"),
                 rung = word_of(board, row, "rung"), target = answer_field(row, "target"),
                 log = answer_field(row, "log");
    board->figures[board->count] = (struct figure){
        .scope = copy(word_of(board, row, "scope")),
        .cell = copy(cell_of(row)),
        .of = memory_text("%.*s %.*s %.*s", (int)year.len, year.at ? year.at : "", (int)language.len,
                          language.at ? language.at : "", (int)rung.len, rung.at ? rung.at : ""),
        .count = copy(answer_field(row, "count")),
        .number = slice_number(answer_field(row, "count")),
        .target = slice_number(target),
        .is_institution = answer_field(row, "institution").at != NULL,
        .has_target = target.at != NULL,
        .log = slice_number(log),
        .pace = slice_number(answer_field(row, "pace")),
        .forecast = slice_number(answer_field(row, "forecast")), /* `none` is no number */
        .low = slice_number(answer_field(row, "low")),
        .high = slice_number(answer_field(row, "high")),
        .has_log = log.at != NULL,
    };
}

static void take_row(void *own, const struct answer *row)
{
    struct board *board = own;
    struct slice log = answer_field(row, "log");
    if (log.at && (!board->has_log || slice_number(log) > board->log))
        board->log = slice_number(log);
    board->has_log |= log.at != NULL;
    if (board->form == LISTING_JSON)
        print_json_row(board, row);
    else if (board->form == LISTING_CSV)
        keep_csv_row(board, row);
    else
        keep_figure(board, row);
    board->count++;
}

/* Names the cells that are this institution. */
static void take_name(void *own, const struct answer *row)
{
    struct board *board = own;
    struct slice code = answer_field(row, "code"), name = answer_field(row, "name");
    for (size_t i = 0; i < board->count && name.at; i++) {
        struct figure *figure = &board->figures[i];
        if (figure->is_institution && !figure->name && slice_is(code, figure->cell))
            figure->name = copy(name);
    }
}

/* A status, told when it is not EX_OK. */
static int name_institutions(struct board *board, struct client *client)
{
    const struct pages pages = {.verb = "institutions", .own = board, .row = take_name};
    uint64_t log;
    for (size_t i = 0; i < board->count; i++)
        if (board->figures[i].is_institution)
            return pages_read(client, &pages, board->tool->lang, &log);
    return EX_OK;
}

static int bar_of(uint64_t number, uint64_t whole)
{
    return whole == 0 ? 0 : number >= whole ? BAR : (int)((double)number * BAR / (double)whole);
}

static void print_marks(char mark, int count)
{
    for (int i = 0; i < count; i++)
        putchar(mark);
}

/* The largest of those that `figure` can be compared with; 0 when there is no other. */
static uint64_t largest_beside(const struct board *board, const struct figure *figure)
{
    uint64_t largest = 0;
    size_t alike = 0;
    for (size_t i = 0; i < board->count; i++) {
        const struct figure *other = &board->figures[i];
        if (other->has_target || strcmp(other->scope, figure->scope) != 0 || strcmp(other->of, figure->of) != 0)
            continue;
        alike++;
        largest = other->number > largest ? other->number : largest;
    }
    return alike > 1 ? largest : 0;
}

static void print_bar(const struct board *board, const struct figure *figure)
{
    int bar = bar_of(figure->number, figure->has_target ? figure->target : largest_beside(board, figure));
    if (figure->has_target) {
        fputs(" [", stdout);
        print_marks('#', bar);
        print_marks('.', BAR - bar);
        putchar(']');
    } else if (bar > 0 || figure->name) {
        fputs("  ", stdout);
        print_marks('#', bar);
        if (figure->name)
            printf("%*s  %s", BAR - bar, "", figure->name);
    }
    if (figure->has_target && figure->target > 0) {
        char share[TEXT_DECIMAL];
        text_decimal(board->tool->lang, (double)figure->number * 100 / (double)figure->target, share);
        printf(text_of(board->tool->lang, TEXT_PROGRESS_TARGET), share, (unsigned long long)figure->target);
    }
    if (figure->pace > 0)
        printf(text_of(board->tool->lang, TEXT_PROGRESS_PACE), (unsigned long long)figure->pace);
    if (figure->forecast > 0)
        printf(text_of(board->tool->lang, TEXT_PROGRESS_FORECAST), (unsigned long long)figure->forecast,
               (unsigned long long)figure->low, (unsigned long long)figure->high);
}

static int wider(int width, const char *text)
{
    return text_width(text) > width ? text_width(text) : width;
}

/* A figure that is older than the newest says so. */
static void print_figures(const struct board *board)
{
    int scopes = 0, names = 0, counts = 0;
    for (size_t i = 0; i < board->count; i++) {
        scopes = wider(scopes, board->figures[i].scope);
        names = wider(names, board->figures[i].cell);
        counts = wider(counts, board->figures[i].count);
    }
    for (size_t i = 0; i < board->count; i++) {
        const struct figure *figure = &board->figures[i];
        printf("%s%*s%s%s%*s  %s  %*s", figure->scope, scopes - text_width(figure->scope), "", names > 0 ? " " : "",
               figure->cell, names - text_width(figure->cell), "", figure->of, counts, figure->count);
        print_bar(board, figure);
        if (figure->has_log && figure->log != board->log)
            printf(text_of(board->tool->lang, TEXT_PROGRESS_OLDER), (unsigned long long)figure->log);
        putchar('\n');
    }
}

/* ---- the question ---- */

enum { BY = 3, AS_OF = 4 };

/* The fields of `progress`, which are the options; the form of a value where it is not one of a few words. */
static const struct {
    const char *name;
    enum text_id form;
} fields[] = {{"year", TEXT_PROGRESS_YEAR},
              {"language", TEXT_PROGRESS_LANGUAGE},
              {"rung", TEXT_PLAIN},
              [BY] = {"by", TEXT_PLAIN},
              [AS_OF] = {"as-of", TEXT_PROGRESS_MOMENT}};

/* Whether each value has the form that the protocol asks of its field. 0, or a status after telling which has not, and
 * what is allowed. */
static int check_values(struct tool *tool, const char *const values[COUNT(fields)])
{
    const struct proto_command *command = proto_command(SLICE("progress"));
    for (size_t i = 0; i < COUNT(fields); i++)
        for (size_t j = 0; values[i] && command && j < command->field_count; j++) {
            const struct proto_type *type = command->fields[j].type;
            if (strcmp(command->fields[j].name, fields[i].name) != 0 || type->form(type, slice_of(values[i])))
                continue;
            text_tell(tool->lang, TEXT_PROGRESS_VALUE, fields[i].name, values[i],
                      type->words ? type->words : text_of(tool->lang, fields[i].form));
            return EX_USAGE;
        }
    return 0;
}

/* The last day of a month, as seconds; month 0 is January, -1 the December before it. */
static time_t month_end(const struct tm *of, int month)
{
    struct tm day = {.tm_year = of->tm_year, .tm_mon = month + 1, .tm_mday = 0};
    return timegm(&day);
}

/* What `as-of` takes and is nearest to what was asked: a number of the log for a number, else a day before `today`; for
 * the ministry one that ends a month. */
static void nearest(const char *asked, bool month_ends, const char *today, uint64_t log, char out[SESSION_DAY * 2])
{
    struct tm now = {0}, day = {0};
    bool is_day = strchr(asked, '-') && strptime(asked, "%Y-%m-%d", &day);
    strptime(today, "%Y-%m-%d", &now);
    time_t start = timegm(&now), best = start - DAY_SECONDS;
    if (!is_day && !month_ends) {
        snprintf(out, SESSION_DAY * 2, "%" PRIu64, log);
        return;
    }
    if (month_ends) {
        time_t wanted = is_day ? timegm(&day) : start, before = month_end(&day, day.tm_mon - 1),
               after = month_end(&day, day.tm_mon);
        best = month_end(&now, now.tm_mon - 1);
        if (is_day && wanted < start)
            best = after < start && after - wanted <= wanted - before ? after : before;
    }
    if (!gmtime_r(&best, &day) || strftime(out, SESSION_DAY * 2, "%Y-%m-%d", &day) == 0)
        out[0] = '\0';
}

/* Tells what the registry says in place of figures. */
static void tell_refusal(const struct board *board, struct client *client, const struct answer *status)
{
    const enum text_lang lang = board->tool->lang;
    bool future = slice_is(status->word, "not-found"), range = slice_is(status->word, "range");
    char today[SESSION_DAY], moment[SESSION_DAY * 2];
    uint64_t log;
    char *words = client_words(client, status); /* points into a line that the next question writes over */
    bool ministry = strcmp(client_greeting(client)->role, "ocw") == 0;
    if (board->as_of && slice_is(answer_field(status, "field"), "as-of") && (future || range) &&
        session_today(client, lang, today, &log) == EX_OK) {
        nearest(board->as_of, ministry, today, log, moment);
        text_tell(lang, future ? TEXT_PROGRESS_FUTURE : TEXT_PROGRESS_RANGE, board->as_of, moment);
    } else {
        text_tell(lang, TEXT_PLAIN, words);
    }
    free(words);
}

/* ---- the verb ---- */

/* The number of the log that the answer is true for, into `out`: "" where nobody has said it. `now`: the newest. */
static void write_log(const struct board *board, struct slice now, char out[24])
{
    if (board->has_log)
        snprintf(out, 24, "%" PRIu64, board->log);
    else if (!board->as_of)
        snprintf(out, 24, "%.*s", (int)now.len, now.at ? now.at : "");
    else
        snprintf(out, 24, "%s", strchr(board->as_of, '-') ? "" : board->as_of);
}

static void end_json(const struct board *board, const char *log)
{
    fprintf(board->json, "%s]", board->count > 0 ? "\n" : "");
    if (*log) {
        fputs(", \"log\": ", board->json);
        json_value(board->json, slice_of(log));
    }
    fputs("}\n", board->json);
}

/* What the ministry is to know of cells: below a table, beside a file for a spreadsheet. */
static void tell_rounded(const struct board *board, const struct client *client, FILE *out)
{
    if (board->by_cell && strcmp(client_greeting(client)->role, "ocw") == 0)
        fputs(text_of(board->tool->lang, TEXT_PROGRESS_ROUNDED), out);
}

static int print_table(struct board *board, struct client *client, const char *log)
{
    const enum text_lang lang = board->tool->lang;
    int named = name_institutions(board, client);
    if (named != EX_OK)
        return named;
    print_figures(board);
    if (board->count == 0)
        puts(text_of(lang, TEXT_PROGRESS_NONE));
    if (*log)
        printf(text_of(lang, TEXT_PROGRESS_LOG), log);
    tell_rounded(board, client, stdout);
    return EX_OK;
}

/* Asks, and prints what comes. The program's status. */
static int show(struct board *board, struct client *client, struct line_writer *writer)
{
    const enum text_lang lang = board->tool->lang;
    char line[LINE_MAX_BYTES], log[24];
    struct answer status;
    size_t len = line_end(writer);
    if (client_ask(client, writer->bytes, len, take_row, board, line, &status) < 0) {
        text_tell(lang, TEXT_PLAIN, client_why(client));
        return client_status(client_fault(client));
    }
    if (status.kind != ANSWER_OK) {
        int result = answer_exit(&status);
        tell_refusal(board, client, &status);
        return result;
    }
    write_log(board, answer_field(&status, "log"), log);
    if (board->form == LISTING_CSV && !board->tool->quiet)
        tell_rounded(board, client, stderr);
    if (board->form == LISTING_CSV)
        return listing_print(&board->csv) < 0 ? text_tell_output(lang) : EX_OK;
    if (board->form == LISTING_JSON) {
        end_json(board, log);
        return EX_OK;
    }
    return print_table(board, client, log);
}

static void free_figures(struct board *board)
{
    for (size_t i = 0; i < board->count && board->figures; i++) {
        free(board->figures[i].scope);
        free(board->figures[i].cell);
        free(board->figures[i].of);
        free(board->figures[i].name);
        free(board->figures[i].count);
    }
    free(board->figures);
}

/* Makes the question of the options. A status, after telling what is wrong with it. */
static int ask_board(struct board *board, const char *const values[COUNT(fields)])
{
    char bytes[LINE_MAX_BYTES], *gathered = NULL;
    size_t gathered_len = 0;
    struct line_writer writer;
    line_begin(&writer, bytes, sizeof bytes, "progress");
    for (size_t i = 0; i < COUNT(fields); i++)
        line_put_text(&writer, fields[i].name, values[i]);
    struct profile *profile = profile_load(board->tool);
    if (!profile)
        return EX_CONFIG;
    board->csv = (struct listing){.out = stdout, .form = LISTING_CSV, .columns = board->columns};
    board->csv.width = list_columns("progress", board->tool->lang, board->columns);
    board->json = open_memstream(&gathered, &gathered_len);
    struct client *client = client_open(profile);
    int status = board->json ? show(board, client, &writer) : EX_OSERR;
    client_close(client);
    profile_free(profile);
    if (board->json && fclose(board->json) == 0 && status == EX_OK && board->form == LISTING_JSON)
        printf("{\"rows\": [%s", gathered);
    free(gathered);
    listing_free(&board->csv);
    free_figures(board);
    return status;
}

int progress_run(struct tool *tool, int argc, char **argv)
{
    const char *values[COUNT(fields)] = {NULL};
    struct board board = {.tool = tool};
    bool json = false, csv = false;
    struct options_row rows[COUNT(fields) + 2] = {{"json", NULL, &json, 0}, {"csv", NULL, &csv, 0}};
    for (size_t i = 0; i < COUNT(fields); i++)
        rows[i + 2] = (struct options_row){fields[i].name, &values[i], NULL, 0};
    const struct options_verb verb = {"progress", TEXT_HELP_PROGRESS, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "", count, argv) < 0 || check_values(tool, values) != 0)
        return EX_USAGE;
    if (json && csv) {
        text_tell(tool->lang, TEXT_LIST_FORMS);
        return EX_USAGE;
    }
    board.form = json ? LISTING_JSON : csv ? LISTING_CSV : LISTING_TABLE;
    board.by_cell = values[BY] != NULL;
    board.as_of = values[AS_OF];
    return ask_board(&board, values);
}
