/* Rows of cells under headings, aligned.
 *
 * Widths are those of what is printed: of a page and of all before it, for nobody knows what comes after. So a long
 * list may get its headings again where a later page is wider; on a terminal nobody sees both at a time.
 *
 * Where a terminal is too narrow, texts for people are cut short, then whole columns are left out from the least
 * important one on: a code or a number that is cut is worse than none. What is no terminal gets everything. */
#include "tool_grid.h"

#include "tool_text.h"

#define GAP 2         /* blanks between columns */
#define TEXT_LEAST 16 /* a text is not cut shorter than this */

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static const char dots[] = "…"; /* takes one column */

/* What is shown of the front of a text: a character, or how a line break or a tab is written. How many columns that
 * takes, and how many bytes of the text it stands for. */
static size_t piece(struct slice text, struct slice *shown, size_t *bytes)
{
    if (text.at[0] == '\n' || text.at[0] == '\t') {
        *shown = text.at[0] == '\n' ? SLICE("\\n") : SLICE("\\t");
        *bytes = 1;
        return 2;
    }
    size_t width = text_character(text, bytes);
    *shown = (struct slice){text.at, *bytes};
    return width;
}

static size_t width_of(struct slice text)
{
    struct slice shown;
    size_t width = 0;
    for (size_t at = 0, bytes; at < text.len; at += bytes)
        width += piece((struct slice){text.at + at, text.len - at}, &shown, &bytes);
    return width;
}

/* ---- widths ---- */

/* Takes the rows into account. Whether a width grew. */
static bool widen(struct grid *grid, const struct grid_column columns[], struct slice *const rows[], size_t count)
{
    bool grew = false;
    for (size_t i = 0; i < grid->shown_count; i++) {
        size_t column = grid->shown[i], need = 0;
        for (size_t row = 0; row < count; row++) {
            size_t width = width_of(rows[row][column]);
            need = width > need ? width : need;
        }
        size_t heading = width_of(slice_of(columns[column].heading));
        if (need > 0 && heading > need)
            need = heading;
        if (need > grid->need[i]) {
            grid->need[i] = need;
            grew = true;
        }
    }
    return grew;
}

static size_t whole_width(const struct grid *grid)
{
    size_t width = 0;
    for (size_t i = 0; i < grid->shown_count; i++)
        if (grid->laid[i] > 0)
            width += grid->laid[i] + (width > 0 ? GAP : 0);
    return width;
}

/* Makes the widest text a column narrower. Whether one could be. */
static bool narrow(struct grid *grid, const struct grid_column columns[])
{
    size_t widest = grid->shown_count;
    for (size_t i = 0; i < grid->shown_count; i++)
        if (columns[grid->shown[i]].kind == GRID_TEXT && grid->laid[i] > TEXT_LEAST &&
            (widest == grid->shown_count || grid->laid[i] > grid->laid[widest]))
            widest = i;
    if (widest == grid->shown_count)
        return false;
    grid->laid[widest]--;
    return true;
}

/* Lays out the first `count` columns that have something. Whether they fit. */
static bool fit(struct grid *grid, const struct grid_column columns[], size_t count)
{
    for (size_t i = 0; i < grid->shown_count; i++)
        grid->laid[i] = i < count ? grid->need[i] : 0;
    while (grid->room > 0 && whole_width(grid) > grid->room)
        if (!narrow(grid, columns))
            return false;
    return true;
}

static void lay_out(struct grid *grid, const struct grid_column columns[])
{
    size_t count = grid->shown_count;
    while (!fit(grid, columns, count) && count > 1)
        count--;
    grid->left_out = false;
    for (size_t i = count; i < grid->shown_count; i++)
        grid->left_out |= grid->need[i] > 0;
}

/* ---- printing ---- */

static void print_blanks(FILE *out, size_t count)
{
    fprintf(out, "%*s", (int)count, "");
}

/* Prints a text, at most `room` columns of it. */
static void print_text(FILE *out, struct slice text, size_t width, size_t room)
{
    size_t left = width > room ? room - 1 : room;
    for (size_t at = 0, bytes; at < text.len; at += bytes) {
        struct slice shown;
        size_t taken = piece((struct slice){text.at + at, text.len - at}, &shown, &bytes);
        if (taken > left)
            break;
        left -= taken;
        fwrite(shown.at, 1, shown.len, out);
    }
    if (width > room)
        fprintf(out, "%s%*s", dots, (int)left, ""); /* a wide character may not have fitted */
}

static void print_cell(FILE *out, struct slice text, bool right, size_t room, bool last)
{
    size_t width = width_of(text), blanks = width < room ? room - width : 0;
    if (right)
        print_blanks(out, blanks);
    print_text(out, text, width, room);
    if (!right && !last)
        print_blanks(out, blanks);
}

/* The last column of a line in which something stands: no blanks come behind it. */
static size_t last_of(const struct grid *grid, const struct slice cells[])
{
    size_t last = 0;
    for (size_t i = 0; i < grid->shown_count; i++)
        if (grid->laid[i] > 0 && cells[grid->shown[i]].len > 0)
            last = i;
    return last;
}

static void print_row(const struct grid *grid, FILE *out, const struct grid_column columns[],
                      const struct slice cells[])
{
    const size_t last = last_of(grid, cells);
    bool any = false;
    for (size_t i = 0; i <= last; i++) {
        if (grid->laid[i] == 0)
            continue;
        print_blanks(out, any ? GAP : 0);
        print_cell(out, cells[grid->shown[i]], columns[grid->shown[i]].kind == GRID_NUMBER, grid->laid[i], i == last);
        any = true;
    }
    fputc('\n', out);
}

static void print_headings(const struct grid *grid, FILE *out, const struct grid_column columns[])
{
    struct slice headings[GRID_COLUMNS] = {{NULL, 0}};
    for (size_t i = 0; i < grid->shown_count; i++)
        headings[grid->shown[i]] = slice_of(columns[grid->shown[i]].heading);
    fputs(grid->colour ? BOLD : "", out);
    print_row(grid, out, columns, headings);
    fputs(grid->colour ? PLAIN : "", out);
}

size_t grid_width(const struct grid *grid, const struct grid_column columns[], struct slice *const rows[], size_t count)
{
    struct grid probe = *grid;
    probe.room = 0;
    widen(&probe, columns, rows, count);
    lay_out(&probe, columns);
    return whole_width(&probe);
}

void grid_print(struct grid *grid, FILE *out, const struct grid_column columns[], struct slice *const rows[],
                size_t count)
{
    if (widen(grid, columns, rows, count)) {
        lay_out(grid, columns);
        print_headings(grid, out, columns);
    }
    for (size_t row = 0; row < count; row++)
        print_row(grid, out, columns, rows[row]);
}
