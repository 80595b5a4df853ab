/* Rows of text and their cells. A quote means something only at a cell's first character: EduArte's `Bo "de" Vries` is
 * a cell as any other. One that was never closed may find another far below: rows between them are not lost in a cell.
 */
#include "tool_csv.h"

#define ROW_DIGITS 8

static const char *line_end(const struct csv *csv, const char *at, const char *end)
{
    return memchr(at, csv->end, (size_t)(end - at));
}

static bool is_blank(const struct csv *csv, char byte)
{
    return (byte == ' ' || byte == '\t') && byte != csv->separator;
}

static const char *skip_blanks(const struct csv *csv, const char *at, const char *end)
{
    while (at < end && is_blank(csv, *at))
        at++;
    return at;
}

/* From a cell's opening quote to behind its closing one; NULL when it does not close. */
static const char *skip_quoted(const char *at, const char *end)
{
    for (at++; (at = memchr(at, '"', (size_t)(end - at))); at += 2)
        if (at + 1 == end || at[1] != '"')
            return at + 1;
    return NULL;
}

/* From a cell's first byte to its separator, the line's end, or `end`. NULL: a quote does not close; with `*torn`:
 * something follows it. */
static const char *skip_cell(const struct csv *csv, const char *at, const char *end, bool *torn)
{
    const char *from = csv->quoted ? skip_blanks(csv, at, end) : at;
    *torn = false;
    if (csv->quoted && from < end && *from == '"') {
        at = skip_quoted(from, end);
        if (!at)
            return NULL;
        at = skip_blanks(csv, at, end);
        if (at < end && *at == '\r' && csv->end == '\n' && (at + 1 == end || at[1] == '\n'))
            return at + 1;
        *torn = at < end && *at != csv->separator && *at != csv->end;
        return *torn ? NULL : at;
    }
    while (at < end && *at != csv->separator && *at != csv->end)
        at++;
    return at;
}

static unsigned count_lines(const char *bytes, size_t len, char end)
{
    unsigned lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == end;
    return lines;
}

/* The row that ends at `stop`, where a line end or nothing is. */
static enum csv_verdict cut(const struct csv *csv, const char *bytes, const char *stop, const char *end,
                            enum csv_verdict verdict, struct csv_row *row)
{
    row->len = (size_t)(stop - bytes);
    row->taken = row->len + (stop < end);
    row->lines = count_lines(bytes, row->len, csv->end);
    if (csv->end == '\n' && row->len > 0 && bytes[row->len - 1] == '\r')
        row->len--;
    return verdict;
}

static enum csv_verdict cut_line(const struct csv *csv, const char *bytes, const char *end, struct csv_row *row)
{
    const char *stop = line_end(csv, bytes, end);
    return cut(csv, bytes, stop ? stop : end, end, CSV_TORN, row);
}

/* Whether a line looks like a row of a table of persons: as many cells, and the digits of a number and a date. */
static bool is_row(const struct csv *csv, const char *at, const char *end)
{
    size_t cells = 1, digits = 0;
    for (; at < end; at++) {
        cells += *at == csv->separator;
        digits += *at >= '0' && *at <= '9';
    }
    return cells >= csv->columns && digits >= ROW_DIGITS;
}

/* Whether some cell of a row holds such a line, from its first line end on. */
static bool holds_row(const struct csv *csv, const char *at, const char *end)
{
    bool torn;
    for (const char *stop; at < end && (stop = skip_cell(csv, at, end, &torn)); at = stop + 1)
        for (const char *line = line_end(csv, at, stop), *next; line; line = next) {
            next = line_end(csv, line + 1, stop);
            if (is_row(csv, line + 1, next ? next : stop))
                return true;
        }
    return false;
}

enum csv_verdict csv_find(const struct csv *csv, const char *bytes, size_t len, bool final, struct csv_row *row)
{
    const char *end = bytes + len, *at = bytes;
    for (;;) {
        bool torn;
        at = skip_cell(csv, at, end, &torn);
        if (!at && (torn || final))
            return cut_line(csv, bytes, end, row);
        if (!at || (at == end && !final))
            return CSV_PART;
        if (at == end || *at == csv->end) {
            (void)cut(csv, bytes, at, end, CSV_WHOLE, row);
            bool lost = row->lines > 1 && csv->columns > 2 && holds_row(csv, bytes, at);
            return lost ? cut_line(csv, bytes, end, row) : CSV_WHOLE;
        }
        at++;
    }
}

size_t csv_cells(const struct csv *csv, const char *bytes, size_t len, struct slice cells[], size_t room)
{
    const char *at = bytes, *end = bytes + len;
    for (size_t count = 0;; at++) {
        bool torn;
        const char *stop = skip_cell(csv, at, end, &torn);
        if (!stop) /* not in a whole row */
            stop = end;
        if (count < room)
            cells[count] = csv_trim((struct slice){at, (size_t)(stop - at)});
        count++;
        if (stop == end)
            return count;
        at = stop;
    }
}

size_t csv_prefix(const struct csv *csv, const char *bytes, size_t len, size_t count)
{
    const char *at = bytes, *end = bytes + len;
    for (size_t i = 0; i < count && at < end; i++) {
        bool torn;
        const char *stop = skip_cell(csv, at, end, &torn);
        if (!stop || stop == end)
            return len;
        if (i + 1 == count)
            return (size_t)(stop - bytes);
        at = stop + 1;
    }
    return len;
}

bool csv_is_quoted(const struct csv *csv, struct slice cell)
{
    return csv->quoted && cell.len >= 2 && cell.at[0] == '"' && cell.at[cell.len - 1] == '"';
}

size_t csv_unquote(struct slice cell, char *room)
{
    size_t len = 0;
    for (size_t i = 1; i + 1 < cell.len; i++) {
        room[len++] = cell.at[i];
        i += cell.at[i] == '"';
    }
    return len;
}

/* The length of the blank that these bytes begin, or end with. */
static size_t blank_first(struct slice value)
{
    if (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
        return 1;
    return value.len > 1 && memcmp(value.at, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

static size_t blank_last(struct slice value)
{
    if (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        return 1;
    return value.len > 1 && memcmp(value.at + value.len - 2, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

struct slice csv_trim(struct slice value)
{
    for (size_t blank; (blank = blank_first(value)) > 0;) {
        value.at += blank;
        value.len -= blank;
    }
    for (size_t blank; (blank = blank_last(value)) > 0;)
        value.len -= blank;
    return value;
}

bool csv_is_comment(const char *bytes, size_t len)
{
    bool quoted = len > 0 && *bytes == '"';
    return len >= 2u + quoted && memcmp(bytes + quoted, "# ", 2) == 0;
}

/* ---- writing ---- */

/* Whether some spreadsheet would calculate with a cell (OWASP, CSV injection): the wide signs are taken for the others
 * in Asian settings, and a tab or a line break in front may be passed over. Apostrophes in front do not count, so that
 * the one that is added can be told from those that were there. */
static bool is_formula(struct slice cell)
{
    static const char *const starts[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
    while (cell.len > 0 && *cell.at == '\'') {
        cell.at++;
        cell.len--;
    }
    for (size_t i = 0; i < COUNT(starts); i++) {
        size_t len = strlen(starts[i]);
        if (cell.len >= len && memcmp(cell.at, starts[i], len) == 0)
            return true;
    }
    return false;
}

struct slice csv_unguarded(struct slice cell)
{
    if (cell.len > 1 && *cell.at == '\'' && is_formula(cell))
        return (struct slice){cell.at + 1, cell.len - 1};
    return cell;
}

static bool loses_zeros(struct slice cell)
{
    for (size_t i = 0; i < cell.len; i++)
        if (cell.at[i] < '0' || cell.at[i] > '9')
            return false;
    return cell.len > 1 && cell.at[0] == '0';
}

static bool needs_quotes(struct slice cell, char separator)
{
    for (size_t i = 0; i < cell.len; i++)
        if (cell.at[i] == separator || strchr("\"\r\n", cell.at[i]))
            return true;
    return csv_trim(cell).len != cell.len;
}

/* What would be read without an apostrophe of its own gets another one in any case. */
static bool is_guarded(struct slice cell, enum csv_care care)
{
    return is_formula(cell) && (care != CSV_EXACT || *cell.at == '\'');
}

static void put(FILE *file, struct slice cell, bool quoted, bool guarded)
{
    if (quoted)
        putc('"', file);
    if (guarded)
        putc('\'', file);
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.at[i] == '"')
            putc('"', file);
        putc(cell.at[i], file);
    }
    if (quoted)
        putc('"', file);
}

void csv_write(FILE *file, char separator, enum csv_care care, const struct slice cells[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putc(separator, file);
        if (care == CSV_EXCEL && loses_zeros(cells[i]))
            fprintf(file, "=\"%.*s\"", (int)cells[i].len, cells[i].at);
        else
            put(file, cells[i], needs_quotes(cells[i], separator), is_guarded(cells[i], care));
    }
    fputs("\r\n", file);
}
