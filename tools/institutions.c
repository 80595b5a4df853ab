/* `buurtaal institutions import FILE`: enters the colleges of DUO's file, or amends those that are there.
 *
 * A file that has not the columns it should have is refused whole; a row that is wrong is left out and told. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tool_duo.h"
#include "tool_memory.h"
#include "tool_sending.h"
#include "tool_verbs.h"

enum { SOME_REFUSED = 1, NONE_ACCEPTED = 2 }; /* the program's status, as submit's */

struct institution {
    unsigned line;
    char *request;
    size_t len;
};

struct import {
    struct tool *tool;
    struct institution *rows;
    size_t sent; /* how many of them were handed over to be sent */
    size_t count, made, amended, repeated, refused;
};

static void print_refusal(struct import *import, unsigned line, const char *what, const char *reason)
{
    char *words = memory_text("%s%s%s", what, *what ? ": " : "", reason);
    printf(text_of(import->tool->lang, TEXT_SUBMIT_REFUSED), line, words);
    free(words);
    import->refused++;
}

static void take_row(struct import *import, const struct duo *duo, const struct slice *values, size_t count,
                     unsigned line_number)
{
    char line[LINE_MAX_BYTES];
    enum duo_column column;
    enum text_id reason;
    size_t len = duo_request(duo, values, count, line_number, line, &column, &reason);
    if (len == 0) {
        print_refusal(import, line_number, column == DUO_COLUMNS ? "" : duo_name(column),
                      text_of(import->tool->lang, reason));
        return;
    }
    if ((import->count & (import->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
        import->rows = memory_grow(import->rows, import->count * 2 + 1, sizeof *import->rows);
    struct institution *row = &import->rows[import->count++];
    row->line = line_number;
    row->len = len;
    row->request = memory_get(len, 1);
    memcpy(row->request, line, len);
}

/* 0, or -1 after telling why the file cannot be used. */
static int read_file(struct import *import, const char *path)
{
    const enum text_lang lang = import->tool->lang;
    struct slice cells[TABLE_COLUMNS];
    struct duo duo;
    enum duo_column column;
    size_t count;
    int more = -1;
    struct table *table = table_open(path, lang);
    if (!table)
        return -1;
    int fault = duo_header(&duo, table, &column);
    if (fault != 0)
        text_tell(lang, fault < 0 ? TEXT_COLUMN_MISSING : TEXT_COLUMN_TWICE, path, duo_name(column));
    else
        while ((more = table_next(table, cells, &count)) == 1)
            take_row(import, &duo, cells, count, table_line(table));
    table_close(table);
    return more;
}

static size_t next(void *own, char line[LINE_MAX_BYTES], unsigned *tag, void **item)
{
    struct import *import = own;
    if (import->sent == import->count)
        return 0;
    struct institution *row = &import->rows[import->sent++];
    *tag = row->line;
    *item = row;
    memcpy(line, row->request, row->len);
    return row->len;
}

static void answered(void *own, void *item, const struct answer *answer)
{
    struct import *import = own;
    const struct institution *row = item;
    if (answer->kind == ANSWER_OK) {
        import->repeated += answer_field(answer, "repeated").at != NULL;
        import->amended += answer_field(answer, "amended").at != NULL;
        import->made += !answer_field(answer, "repeated").at && !answer_field(answer, "amended").at;
        return;
    }
    struct slice field = answer_field(answer, "field"), text = answer_field(answer, "text");
    char *what = memory_text("%.*s", (int)field.len, field.at ? field.at : ""), *rule = answer_rule(answer);
    char *reason = memory_text("%.*s [%s]", (int)text.len, text.at ? text.at : "", rule);
    print_refusal(import, row->line, what, reason);
    free(what);
    free(rule);
    free(reason);
}

static int send_rows(struct import *import)
{
    const struct sending sending = {.own = import, .next = next, .answered = answered};
    struct profile *profile = profile_load(import->tool);
    if (!profile)
        return EX_CONFIG;
    struct retry retry;
    int status = retry_open(&retry, profile);
    if (status == EX_OK)
        status = sending_run(&retry, &sending);
    retry_close(&retry);
    profile_free(profile);
    return status;
}

int institutions_import(struct tool *tool, const char *path)
{
    struct import import = {.tool = tool};
    int status = NONE_ACCEPTED;
    if (read_file(&import, path) == 0) {
        status = import.count > 0 ? send_rows(&import) : EX_OK;
        bool all_is_well = status == EX_OK && import.refused == 0;
        if ((status == EX_OK || import.made + import.amended + import.repeated > 0) && !(tool->quiet && all_is_well))
            printf(text_of(tool->lang, TEXT_IMPORT_SUMMARY), import.made, import.amended, import.repeated,
                   import.refused);
        if (status == EX_OK && (import.refused > 0 || import.count == 0))
            status = import.made + import.amended + import.repeated > 0 ? SOME_REFUSED : NONE_ACCEPTED;
    }
    for (size_t i = 0; i < import.count; i++)
        free(import.rows[i].request);
    free(import.rows);
    return status;
}
