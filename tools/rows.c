/* Rows of an answer, gathered, and shown to people.
 *
 * Rules: nothing is cut off; what does not fit is shown in another form. What a daemon sends holds no control
 * characters but line breaks and tabs, so it may go to a terminal.
 * Limits: COLUMNS names; fields of more are left out. All rows are in memory: who expects many prints them in parts. */
#include "tool_rows.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool_memory.h"
#include "tool_text.h"

#define COLUMNS 64
#define GAP 2 /* blanks between columns */

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct column {
    char *name;
    size_t id; /* where its value stands in a row */
};

struct row {
    char *values[COLUMNS]; /* by the column's id; NULL: none */
};

struct rows {
    struct column columns[COLUMNS]; /* in the order in which they are shown */
    size_t column_count;
    struct row **rows;
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
            free(rows->rows[i]->values[id]);
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

/* The value as it is shown; the caller frees. */
static char *shown(struct slice value)
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
    return text;
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
    struct row *row = rows->rows[rows->count++] = memory_get(1, sizeof *row);
    size_t wanted = 0;
    for (size_t i = 0; i < answer->count; i++) {
        size_t place = place_of(rows, answer->fields[i].name, wanted);
        if (place == COLUMNS)
            continue;
        char **value = &row->values[rows->columns[place].id];
        free(*value); /* a field that is there twice: the last one counts */
        *value = shown(answer->fields[i].value);
        wanted = place + 1;
    }
}

/* ---- showing ---- */

/* How a column is laid out. */
struct layout {
    int width; /* of its widest value; 0: no row has one */
    bool right;
};

static void lay_out(const struct rows *rows, struct layout layouts[COLUMNS])
{
    for (size_t i = 0; i < rows->column_count; i++) {
        struct layout *layout = &layouts[i];
        layout->width = 0;
        layout->right = true;
        for (size_t j = 0; j < rows->count; j++) {
            const char *value = rows->rows[j]->values[rows->columns[i].id];
            if (!value)
                continue;
            int width = text_width(value);
            layout->width = width > layout->width ? width : layout->width;
            layout->right &= strspn(value, "0123456789.<") == strlen(value); /* `<5` is a number too: few */
        }
        int name = text_width(rows->columns[i].name);
        if (layout->width > 0 && name > layout->width)
            layout->width = name;
    }
}

static void print_padded(FILE *out, const char *text, const struct layout *layout, bool last)
{
    int blanks = layout->width - text_width(text);
    if (layout->right)
        fprintf(out, "%*s%s", blanks, "", text);
    else
        fprintf(out, "%s%*s", text, last ? 0 : blanks, "");
    fprintf(out, "%*s", last ? 0 : GAP, "");
}

static void print_table(const struct rows *rows, FILE *out, const struct layout layouts[COLUMNS], bool colour)
{
    size_t last = 0;
    for (size_t i = 0; i < rows->column_count; i++)
        if (layouts[i].width > 0)
            last = i;
    fputs(colour ? BOLD : "", out);
    for (size_t i = 0; i <= last; i++)
        if (layouts[i].width > 0)
            print_padded(out, rows->columns[i].name, &layouts[i], i == last);
    fputs(colour ? PLAIN "\n" : "\n", out);
    for (size_t j = 0; j < rows->count; j++) {
        for (size_t i = 0; i <= last; i++) {
            const char *value = rows->rows[j]->values[rows->columns[i].id];
            if (layouts[i].width > 0)
                print_padded(out, value ? value : "", &layouts[i], i == last);
        }
        fputc('\n', out);
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
            const char *value = rows->rows[j]->values[rows->columns[i].id];
            if (value)
                fprintf(out, "%s%-*s%s  %s\n", colour ? BOLD : "", width, rows->columns[i].name, colour ? PLAIN : "",
                        value);
        }
    }
}

void rows_print(const struct rows *rows, FILE *out, int width, bool colour)
{
    struct layout layouts[COLUMNS];
    int whole = -GAP;
    if (rows->count == 0)
        return;
    lay_out(rows, layouts);
    for (size_t i = 0; i < rows->column_count; i++)
        if (layouts[i].width > 0)
            whole += layouts[i].width + GAP;
    if (width > 0 && whole > width)
        print_blocks(rows, out, colour);
    else
        print_table(rows, out, layouts, colour);
}

int rows_width(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col;
}
