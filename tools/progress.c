/* `buurtaal progress`: the board, a line a figure. Against a target it has a bar in a frame, which is full when the
 * target is reached. Cells have bars without one, which only compare them with each other; institutions are named. */
#define _GNU_SOURCE /* open_memstream */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "proto.h"
#include "tool_client.h"
#include "tool_json.h"
#include "tool_memory.h"
#include "tool_pages.h"
#include "tool_verbs.h"

#define BAR 30

/* What a row may be by. */
static const char *const cells[] = {"month", "institution", "province", "level", "exam"};

struct figure {
    char *scope, *cell;
    char *of;   /* year, language, rung */
    char *name; /* of the institution that the cell is; NULL: it is none, or none that the registry names */
    char *count;
    uint64_t number, target, log;
    bool is_institution, has_target, has_log;
};

struct board {
    struct tool *tool;
    const char *as_of; /* NULL: now */
    FILE *json;        /* gathers the rows, which are void without an OK; NULL: a table is wanted */
    struct figure *figures;
    size_t count;
};

/* ---- JSON ---- */

static void print_json_row(struct board *board, const struct answer *row)
{
    FILE *out = board->json;
    fprintf(out, "%s\n  {", board->count++ > 0 ? "," : "");
    for (size_t i = 0; i < row->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        json_text(out, row->fields[i].name);
        fputs(": ", out);
        json_value(out, row->fields[i].value);
    }
    fputc('}', out);
}

/* ---- the table ---- */

static char *copy(struct slice value)
{
    return memory_text("%.*s", (int)value.len, value.at ? value.at : "");
}

static char *scope_of(const struct board *board, struct slice scope)
{
    return slice_is(scope, "own")        ? copy(slice_of(text_of(board->tool->lang, TEXT_SCOPE_OWN)))
           : slice_is(scope, "national") ? copy(slice_of(text_of(board->tool->lang, TEXT_SCOPE_NATION)))
                                         : copy(scope);
}

/* What the row is by; absent when it is the whole of its scope. */
static struct slice cell_of(const struct answer *row)
{
    struct slice cell = {NULL, 0};
    for (size_t i = 0; i < COUNT(cells) && !cell.at; i++)
        cell = answer_field(row, cells[i]);
    return cell;
}

static void take_row(void *own, const struct answer *row)
{
    struct board *board = own;
    if (board->json) {
        print_json_row(board, row);
        return;
    }
    if ((board->count & (board->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
        board->figures = memory_grow(board->figures, board->count * 2 + 1, sizeof *board->figures);
    struct slice year = answer_field(row, "year"), language = answer_field(row, "language"),
                 rung = answer_field(row, "rung"), target = answer_field(row, "target"), log = answer_field(row, "log");
    board->figures[board->count++] = (struct figure){
        .scope = scope_of(board, answer_field(row, "scope")),
        .cell = copy(cell_of(row)),
        .of = memory_text("%.*s %.*s %.*s", (int)year.len, year.at ? year.at : "", (int)language.len,
                          language.at ? language.at : "", (int)rung.len, rung.at ? rung.at : ""),
        .count = copy(answer_field(row, "count")),
        .number = slice_number(answer_field(row, "count")),
        .target = slice_number(target),
        .is_institution = answer_field(row, "institution").at != NULL,
        .has_target = target.at != NULL,
        .log = slice_number(log),
        .has_log = log.at != NULL,
    };
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
    if (figure->has_target && figure->target > 0)
        printf(text_of(board->tool->lang, TEXT_PROGRESS_TARGET), (double)figure->number * 100 / (double)figure->target,
               (unsigned long long)figure->target);
}

static int wider(int width, const char *text)
{
    return text_width(text) > width ? text_width(text) : width;
}

/* `log`: the number of the log that the answer is true for; a row that is older says so. */
static void print_figures(const struct board *board, uint64_t log)
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
        if (figure->has_log && figure->log != log)
            printf(text_of(board->tool->lang, TEXT_PROGRESS_OLDER), (unsigned long long)figure->log);
        putchar('\n');
    }
}

/* ---- the question ---- */

/* The fields of `progress`, which are the options; the form of a value where it is not one of a few words. */
static const struct {
    const char *name;
    enum text_id form;
} fields[] = {{"year", TEXT_PROGRESS_YEAR},
              {"language", TEXT_PROGRESS_LANGUAGE},
              {"rung", TEXT_PLAIN},
              {"by", TEXT_PLAIN},
              {"as-of", TEXT_PROGRESS_MOMENT}};

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

/* Tells what the registry says in place of figures. */
static void tell_refusal(const struct board *board, const struct answer *status)
{
    const enum text_lang lang = board->tool->lang;
    struct slice field = answer_field(status, "field");
    bool moment = board->as_of && slice_is(field, "as-of");
    char *words;
    if (moment && slice_is(status->word, "not-found"))
        words = memory_text(text_of(lang, TEXT_PROGRESS_FUTURE), board->as_of);
    else if (moment && slice_is(status->word, "range"))
        words = memory_text(text_of(lang, TEXT_PROGRESS_RANGE), board->as_of);
    else
        words = answer_words(status);
    text_tell(lang, TEXT_PLAIN, words);
    free(words);
}

/* ---- the verb ---- */

/* Asks, and prints what comes. The program's status. */
static int show(struct board *board, struct client *client, struct line_writer *writer)
{
    const enum text_lang lang = board->tool->lang;
    char line[LINE_MAX_BYTES];
    struct answer status;
    size_t len = line_end(writer);
    if (client_ask(client, writer->bytes, len, take_row, board, line, &status) < 0) {
        text_tell(lang, TEXT_PLAIN, client_why(client));
        return client_status(client_fault(client));
    }
    struct slice log = answer_field(&status, "log");
    if (status.kind != ANSWER_OK) {
        tell_refusal(board, &status);
        return answer_exit(&status);
    }
    if (board->json) {
        fprintf(board->json, "%s], \"log\": ", board->count > 0 ? "\n" : "");
        json_value(board->json, log);
        fputs("}\n", board->json);
        return EX_OK;
    }
    int named = name_institutions(board, client);
    if (named != EX_OK)
        return named;
    print_figures(board, slice_number(log));
    if (board->count == 0)
        puts(text_of(lang, TEXT_PROGRESS_NONE));
    printf(text_of(lang, TEXT_PROGRESS_LOG), (int)log.len, log.at ? log.at : "");
    return EX_OK;
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

int progress_run(struct tool *tool, int argc, char **argv)
{
    const char *values[COUNT(fields)] = {NULL};
    struct board board = {.tool = tool};
    bool json = false;
    struct options_row rows[COUNT(fields) + 1] = {{"json", NULL, &json, 0}};
    for (size_t i = 0; i < COUNT(fields); i++)
        rows[i + 1] = (struct options_row){fields[i].name, &values[i], NULL, 0};
    const struct options_verb verb = {"progress", TEXT_HELP_PROGRESS, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "", count, argv) < 0 || check_values(tool, values) != 0)
        return EX_USAGE;
    board.as_of = values[COUNT(fields) - 1];
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    char bytes[LINE_MAX_BYTES];
    struct line_writer writer;
    line_begin(&writer, bytes, sizeof bytes, "progress");
    for (size_t i = 0; i < COUNT(fields); i++)
        line_put_text(&writer, fields[i].name, values[i]);
    char *gathered = NULL;
    size_t gathered_len = 0;
    if (json && !(board.json = open_memstream(&gathered, &gathered_len)))
        return EX_OSERR;
    struct client *client = client_open(profile);
    status = show(&board, client, &writer);
    client_close(client);
    profile_free(profile);
    if (board.json && fclose(board.json) == 0 && status == EX_OK)
        printf("{\"rows\": [%s", gathered);
    free(gathered);
    free_figures(&board);
    return status;
}
