/* How a table was written. Each separator is tried, with quotes and without; the one wins that cuts most rows into the
 * same, large number of cells, the first of them too, for no header holds a comma by chance.
 *
 * What looks like nothing is taken for `;` with quotes, which costs nothing. Rows without a cell are no rows. */
#include "tool_guess.h"

#include "tool_table.h"

#define ROWS 200        /* so many are looked at */
#define CELLS 256       /* more in a row are not told apart */
#define HEADER_LEAST 5  /* names, in a header in which one looks like data */
#define FIRST_WEIGHT 10 /* a separator that cuts the first row otherwise is worth so much less */

/* What a dialect makes of the text. */
struct look {
    size_t rows, torn;
    size_t width, alike;  /* most rows' number of cells; how many rows have it */
    size_t first;         /* cells of the first row that has several */
    size_t quoted;        /* cells between quotes */
    bool always_trailing; /* each row that has several cells ends in an empty one */
};

/* The rows of the text, one by one. */
struct walk {
    const struct csv *csv;
    const char *at, *end;
    bool whole;
    bool noted;   /* a note says which column is which: then there is no header */
    size_t count; /* of cells, before `cells` is full or not */
    struct slice cells[CELLS];
};

/* How many cells of the row hold something. */
static size_t filled(const struct walk *walk)
{
    size_t found = 0;
    for (size_t i = 0; i < walk->count && i < CELLS; i++)
        for (size_t j = 0; j < walk->cells[i].len; j++)
            if (!memchr("\"= \t\x1a", walk->cells[i].at[j], 5)) {
                found++;
                break;
            }
    return found;
}

/* Whether a comment is the note of a table without a header. */
static bool names_columns(const char *bytes, size_t len)
{
    static const char word[] = "student=";
    const size_t begin = strlen(TABLE_NOTE) + (*bytes == '"');
    for (size_t i = begin; len > begin && i + sizeof word - 1 <= len; i++)
        if (memcmp(bytes + i, word, sizeof word - 1) == 0)
            return memcmp(bytes + begin - strlen(TABLE_NOTE), TABLE_NOTE, strlen(TABLE_NOTE)) == 0;
    return false;
}

/* The next row that has a cell in it. 1; 0 at the end; 2: it is torn, and has no cells. */
static int walk_on(struct walk *walk)
{
    struct csv_row row;
    while (walk->at < walk->end) {
        enum csv_verdict verdict = csv_find(walk->csv, walk->at, (size_t)(walk->end - walk->at), walk->whole, &row);
        if (verdict == CSV_PART)
            return 0;
        const char *bytes = walk->at;
        walk->at += row.taken;
        if (csv_is_comment(bytes, row.len)) {
            walk->noted |= names_columns(bytes, row.len);
            continue;
        }
        walk->count = verdict == CSV_TORN ? 0 : csv_cells(walk->csv, bytes, row.len, walk->cells, CELLS);
        if (verdict == CSV_TORN)
            return 2;
        if (filled(walk) > 0)
            return 1;
    }
    return 0;
}

static void look_at(const char *text, size_t len, bool whole, const struct csv *csv, struct look *look)
{
    struct walk walk = {.csv = csv, .at = text, .end = text + len, .whole = whole};
    size_t widths[CELLS + 1] = {0};
    int found;
    *look = (struct look){.always_trailing = true};
    while (look->rows < ROWS && (found = walk_on(&walk)) != 0) {
        size_t width = walk.count < CELLS ? walk.count : CELLS;
        look->rows++;
        look->torn += found == 2;
        if (width < 2)
            continue;
        widths[width]++;
        if (look->first == 0)
            look->first = width;
        for (size_t i = 0; i < width; i++)
            look->quoted += csv_is_quoted(csv, walk.cells[i]);
        if (walk.count <= CELLS)
            look->always_trailing &= walk.cells[walk.count - 1].len == 0;
    }
    look->width = 1;
    for (size_t width = 2; width <= CELLS; width++)
        if (widths[width] > widths[look->width] || (widths[width] > 0 && widths[width] == widths[look->width]))
            look->width = width;
    look->alike = widths[look->width];
}

static double worth(const struct look *look)
{
    if (look->width < 2 || look->rows == 0)
        return 0;
    double worth = (double)look->alike / (double)look->rows * (double)(look->width - 1);
    return look->first == look->width ? worth : worth / FIRST_WEIGHT;
}

/* ---- what stands in the cells ---- */

/* Whether it is a number, a date or an ECK iD, as rows have and headers do not. */
static bool is_data(struct slice cell)
{
    size_t digits = 0, rest = 0;
    if (cell.len > 8 && memcmp(cell.at + (cell.at[0] == '"'), "https://", 8) == 0)
        return true;
    for (size_t i = 0; i < cell.len; i++) {
        bool digit = cell.at[i] >= '0' && cell.at[i] <= '9';
        digits += digit;
        rest += !digit && !strchr("\"=-./ :,", cell.at[i]);
    }
    return digits >= 2 && digits >= rest;
}

static bool is_title(const struct walk *walk, size_t columns)
{
    return columns > 1 && filled(walk) < 2;
}

static size_t count_data(const struct walk *walk)
{
    size_t data = 0;
    for (size_t i = 0; i < walk->count && i < CELLS; i++)
        data += is_data(walk->cells[i]);
    return data;
}

/* Whether a row is a header by what stands in it. One cell of data may be a name, such as a school year, where many
 * others are none: a row has a number and a date at least. */
static bool is_header(const struct walk *walk)
{
    size_t data = count_data(walk);
    return !walk->noted && (data == 0 || (data == 1 && filled(walk) >= HEADER_LEAST));
}

/* The separator that cuts what was taken for a title into as many names as there are columns; 0: there is none. */
static char cuts_otherwise(const struct walk *walk, size_t columns)
{
    static const char separators[] = ";,\t|";
    for (const char *separator = separators; *separator; separator++) {
        size_t found = 0;
        for (size_t i = 0; i < walk->count && i < CELLS; i++)
            for (size_t j = 0; j < walk->cells[i].len; j++)
                found += walk->cells[i].at[j] == *separator;
        if (columns > 2 && *separator != walk->csv->separator && (found + 1 == columns || found == columns))
            return *separator;
    }
    return '\0';
}

/* Finds the first row that is no title. Titles may have a few cells, as `Period: | 2026-2027`: above a header that
 * fills most of its columns they are not the table's. One that is cut otherwise, above a row of data, is its header. */
static void find_top(struct walk *walk, struct guess *guess)
{
    unsigned rows = 0;
    bool found = false;
    char other = '\0';
    for (int kind; (kind = walk_on(walk)) != 0 && rows < ROWS; rows++) {
        if (kind == 2)
            continue;
        if (is_title(walk, guess->columns)) {
            other = cuts_otherwise(walk, guess->columns);
            continue;
        }
        bool header = is_header(walk), full = filled(walk) * 2 >= guess->columns;
        if (!found || (full && header)) {
            guess->lead = rows;
            guess->header = header;
            guess->other = count_data(walk) > 0 ? other : '\0';
        }
        if (full)
            return;
        found = true;
    }
}

void guess_rows(const char *text, size_t len, bool whole, const struct csv *csv, struct guess *guess)
{
    struct walk walk = {.csv = csv, .at = text, .end = text + len, .whole = whole};
    struct look look;
    look_at(text, len, whole, csv, &look);
    guess->csv = *csv;
    guess->quotes = look.quoted > 0;
    guess->other = '\0';
    guess->trailing = look.width > 1 && look.always_trailing;
    guess->columns = look.width - guess->trailing;
    guess->lead = 0; /* nothing but titles: then the first is the header */
    guess->header = true;
    find_top(&walk, guess);
}

/* Whether quotes mean something. Where it makes no difference: EduArte's exports, known by what ends each line, have no
 * quotes; where most rows have some, a few that do not fit are faults. */
static bool has_quotes(const struct look *without, const struct look *with)
{
    if (with->quoted * 2 > with->rows)
        return worth(with) * 2 > worth(without);
    return worth(with) > worth(without) || (worth(with) == worth(without) && !with->always_trailing);
}

/* The separator that a line `sep=;`, which Excel heeds, names; 0: there is none. */
static char named_separator(const char *text, size_t len)
{
    static const char word[] = "sep=";
    if (len < 5 || (memcmp(text, word, 4) != 0 && memcmp(text, "SEP=", 4) != 0))
        return '\0';
    return len == 5 || text[5] == '\r' || text[5] == '\n' ? text[4] : '\0';
}

void guess_table(const char *text, size_t len, bool whole, struct guess *guess)
{
    static const char separators[] = ";,\t|";
    const char end = !memchr(text, '\n', len) && memchr(text, '\r', len) ? '\r' : '\n';
    char named = named_separator(text, len);
    struct csv best = {.separator = named ? named : ';', .end = end, .quoted = true};
    double most = 0;
    for (const char *separator = separators; *separator; separator++) {
        const struct csv bare = {.separator = *separator, .end = end},
                         quoted = {.separator = *separator, .end = end, .quoted = true};
        struct look without, with;
        if (named && *separator != named)
            continue;
        look_at(text, len, whole, &bare, &without);
        look_at(text, len, whole, &quoted, &with);
        bool is_quoted = has_quotes(&without, &with);
        double this = worth(is_quoted ? &with : &without);
        if (this > most) {
            most = this;
            best = is_quoted ? quoted : bare;
        }
    }
    guess_rows(text, len, whole, &best, guess);
    guess->lead += named && guess->lead == 0;
}
