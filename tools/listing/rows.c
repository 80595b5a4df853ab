/* Rows of an answer, gathered, and shown to people.
 *
 * Rules: nothing is cut off; what does not fit is shown in another form. What a daemon sends holds no control
 * characters but line breaks and tabs, so it may go to a terminal.
 * Limits: COLUMNS names; fields of more are left out. All rows are in memory: who expects many prints them in parts. */
#include "tool_rows.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool_grid.h"
#include "tool_memory.h"
#include "tool_text.h"

#define COLUMNS GRID_COLUMNS

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct column {
    char *name;
    size_t id; /* where its value stands in a row */
};

struct rows {
    struct column columns[COLUMNS]; /* in the order in which they are shown */
    size_t column_count;
    struct slice **rows; /* COLUMNS values each, by the column's id; absent: none */
    size_t count, room;
};

struct rows *rows_new(void)
{
    return memory_get(1, sizeof(struct rows));
}

void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t id = 0; id < COLUMNS; id++)
            free((char *)rows->rows[i][id].at);
        free(rows->rows[i]);
    }
    rows->count = 0;
}

void rows_free(struct rows *rows)
{
    if (!rows)
        return;
    rows_clear(rows);
    for (size_t i = 0; i < rows->column_count; i++)
        free(rows->columns[i].name);
    free(rows->rows);
    free(rows);
}

size_t rows_count(const struct rows *rows)
{
    return rows->count;
}

/* ---- gathering ---- */

/* The value as it is shown; the caller frees its bytes. */
static struct slice shown(struct slice value)
{
    char *text = memory_get(value.len * 2 + 1, 1), *to = text;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '\n' || c == '\t') {
            *to++ = '\\';
            c = c == '\n' ? 'n' : 't';
        }
        *to++ = c;
    }
    return (struct slice){text, (size_t)(to - text)};
}

/* The place of a column among those shown; a new one is put at `wanted`. COLUMNS when there is no room for it. */
static size_t place_of(struct rows *rows, struct slice name, size_t wanted)
{
    for (size_t i = 0; i < rows->column_count; i++)
        if (slice_is(name, rows->columns[i].name))
            return i;
    if (rows->column_count == COLUMNS)
        return COLUMNS;
    memmove(rows->columns + wanted + 1, rows->columns + wanted, (rows->column_count - wanted) * sizeof *rows->columns);
    rows->columns[wanted] = (struct column){memory_text("%.*s", (int)name.len, name.at), rows->column_count};
    rows->column_count++;
    return wanted;
}

void rows_add(struct rows *rows, const struct answer *answer)
{
    if (rows->count == rows->room) {
        rows->room = rows->room * 2 + 16;
        rows->rows = memory_grow(rows->rows, rows->room, sizeof *rows->rows);
    }
    struct slice *row = rows->rows[rows->count++] = memory_get(COLUMNS, sizeof *row);
    size_t wanted = 0;
    for (size_t i = 0; i < answer->count; i++) {
        size_t place = place_of(rows, answer->fields[i].name, wanted);
        if (place == COLUMNS)
            continue;
        struct slice *value = &row[rows->columns[place].id];
        free((char *)value->at); /* a field that is there twice: the last one counts */
        *value = shown(answer->fields[i].value);
        wanted = place + 1;
    }
}

/* ---- showing ---- */

/* Whether a column holds numbers alone; `<5` is one too: few. */
static bool is_number(const struct rows *rows, size_t id)
{
    for (size_t j = 0; j < rows->count; j++) {
        struct slice value = rows->rows[j][id];
        for (size_t i = 0; i < value.len; i++)
            if (!strchr("0123456789.<", value.at[i]))
                return false;
    }
    return true;
}

/* What a table has: its columns by their id, all shown in their order. */
static void describe(const struct rows *rows, struct grid *grid, struct grid_column columns[COLUMNS])
{
    for (size_t i = 0; i < rows->column_count; i++) {
        const struct column *column = &rows->columns[i];
        columns[column->id] =
            (struct grid_column){column->name, column->name, is_number(rows, column->id) ? GRID_NUMBER : GRID_CODE};
        grid->shown[grid->shown_count++] = column->id;
    }
}

/* A row a block: its names below each other. */
static void print_blocks(const struct rows *rows, FILE *out, bool colour)
{
    int width = 0;
    for (size_t i = 0; i < rows->column_count; i++)
        if (text_width(rows->columns[i].name) > width)
            width = text_width(rows->columns[i].name);
    for (size_t j = 0; j < rows->count; j++) {
        fputs(j > 0 ? "\n" : "", out);
        for (size_t i = 0; i < rows->column_count; i++) {
            struct slice value = rows->rows[j][rows->columns[i].id];
            if (value.at)
                fprintf(out, "%s%-*s%s  %.*s\n", colour ? BOLD : "", width, rows->columns[i].name, colour ? PLAIN : "",
                        (int)value.len, value.at);
        }
    }
}

void rows_print(const struct rows *rows, FILE *out, int width, bool colour)
{
    struct grid grid = {.colour = colour};
    struct grid_column columns[COLUMNS];
    if (rows->count == 0)
        return;
    describe(rows, &grid, columns);
    if (width > 0 && grid_width(&grid, columns, rows->rows, rows->count) > (size_t)width)
        print_blocks(rows, out, colour);
    else
        grid_print(&grid, out, columns, rows->rows, rows->count);
}

int rows_width(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col;
}
