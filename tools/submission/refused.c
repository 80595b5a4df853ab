/* The rows that were refused, as a file that can be mended and sent again.
 *
 * Rules: lines of text are copied as they are, with encoding, quotes and all, so that whoever could read the file can
 * read this one; what stands before the first row goes along. An .xlsx becomes text as a spreadsheet opens it: UTF-8
 * with BOM, `;`, and nothing in it that is calculated or loses its zeros. Behind each row stand its line and why it was
 * refused, in two columns that are passed over when the file is sent, and written anew when rows are refused again.
 * What the rows that are left might not show any more, such as that the month comes first, is put before them in a
 * note. */
#include "tool_submission.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <uninorm.h>

#include "tool_columns.h"
#include "tool_csv.h"
#include "tool_memory.h"
#include "tool_survey.h"

#define LOOKED_AT 65536   /* characters, for the end of the lines */
#define ROW_MOST 131072   /* characters of a row that are held; no table has longer ones */
#define OWN 2             /* columns that we put behind the others */
#define COLUMNS "columns" /* word of a note: how many there are before those, where no header says it */

/* Copies the lines of a text file. A character is one byte, or two in UTF-16. */
struct copier {
    FILE *in, *out;
    unsigned line; /* where `in` stands, from 1 */
    bool wide, big_endian;
    int end;   /* of a line: LF, or CR where there is no LF, as an old Mac had it */
    bool crlf; /* with a CR before it */
    const struct csv *csv;
    bool trailing;
    size_t width; /* columns of the table, without ours */
    bool again;   /* ours stand there already */
    bool bare;    /* there is no room for ours */
    size_t len;   /* of the row that is held */
    uint16_t *characters;
    char *text; /* the same, with an x for each that is not ASCII */
};

/* Why rows were refused, in their order. */
struct reasons {
    FILE *file;
    char *line;
    size_t room, index;
    const char *words;
};

/* ---- lines ---- */

/* The next character; EOF at the end. */
static int take(struct copier *copier)
{
    int first = getc(copier->in), second = copier->wide ? getc(copier->in) : 0;
    if (first == EOF || second == EOF)
        return EOF;
    return !copier->wide ? first : copier->big_endian ? first << 8 | second : second << 8 | first;
}

static void put(const struct copier *copier, int character)
{
    if (copier->wide && copier->big_endian)
        putc(character >> 8, copier->out);
    putc(character & 0xff, copier->out);
    if (copier->wide && !copier->big_endian)
        putc(character >> 8, copier->out);
}

/* The beginning of the file: how it is written; its BOM is copied. */
static void begin(struct copier *copier)
{
    unsigned char bytes[3] = {1, 1, 1};
    size_t len = fread(bytes, 1, sizeof bytes, copier->in), bom = 0;
    int character = 0, before = 0;
    if (len == 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        bom = 3;
    else if (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
        bom = 2;
    copier->wide = bom == 2 || bytes[0] == 0 || bytes[1] == 0;
    copier->big_endian = copier->wide && (bytes[0] == 0xfe || bytes[0] == 0);
    copier->line = 1;
    fwrite(bytes, 1, bom, copier->out);
    fseek(copier->in, (long)bom, SEEK_SET);
    for (int i = 0; i < LOOKED_AT && character != EOF && character != '\n'; i++) {
        before = character;
        character = take(copier);
    }
    copier->end = character == '\n' ? '\n' : '\r';
    copier->crlf = character == '\n' && before == '\r';
    fseek(copier->in, (long)bom, SEEK_SET);
}

/* Goes on to the beginning of a line, or the end; what lies between is written if `wanted`. */
static void copy_until(struct copier *copier, unsigned line, bool wanted)
{
    while (copier->line < line) {
        int character = take(copier);
        if (character == EOF)
            return;
        if (wanted)
            put(copier, character);
        copier->line += character == copier->end;
    }
}

/* Takes the row that begins here, of so many lines. */
static void take_row(struct copier *copier, unsigned lines)
{
    const unsigned end = copier->line + lines;
    copier->len = 0;
    while (copier->line < end && copier->len < ROW_MOST) {
        int character = take(copier);
        if (character == EOF)
            return;
        copier->characters[copier->len] = (uint16_t)character;
        copier->text[copier->len++] = character < 0x80 ? (char)character : 'x';
        copier->line += character == copier->end;
    }
}

/* Writes ASCII as the file has it. */
static void write_text(const struct copier *copier, const char *text)
{
    for (; *text; text++)
        put(copier, *text);
}

static void write_held(const struct copier *copier, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        put(copier, copier->characters[i]);
}

/* ---- our columns ---- */

/* Writes a cell as any dialect has it and none takes it apart: ASCII, without quotes and what may be a separator, and
 * no formula. */
static void write_cell(const struct copier *copier, const char *text)
{
    size_t len = 0;
    uint8_t *apart = u8_normalize(UNINORM_NFD, (const uint8_t *)text, strlen(text), NULL, &len);
    char before = ' ';
    bool begun = false;
    for (size_t i = 0; apart && i < len; i++) {
        char byte = apart[i] == '"' ? '\'' : apart[i] == ';' ? '.' : (char)apart[i];
        if (byte == ',' || byte == '|' || apart[i] < ' ')
            byte = ' ';
        if (apart[i] >= 0x80 || (byte == ' ' && before == ' '))
            continue;
        if (!begun && !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') && !(byte >= '0' && byte <= '9'))
            put(copier, '\'');
        begun = true;
        put(copier, byte);
        before = byte;
    }
    free(apart);
}

/* How many of the row's cells are its own: not those that an earlier run put behind them. */
static size_t count_own(const struct copier *copier, size_t len)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count = csv_cells(copier->csv, copier->text, len, cells, TABLE_COLUMNS);
    if (count > TABLE_COLUMNS)
        return count;
    while (count > copier->width && cells[count - 1].len == 0)
        count--;
    if (!copier->again || count <= OWN)
        return count;
    if (count > copier->width && count <= copier->width + OWN)
        return copier->width;
    /* One that has more or fewer cells than the others: what is ours ends in a rule between brackets. */
    const struct slice last = cells[count - 1];
    bool ours = last.len > 0 && last.at[last.len - 1] == ']' && roster_is_digits(cells[count - 2]);
    return ours ? count - OWN : count;
}

/* Writes the first so many cells of the row that is held, with 0 its own, with ours behind them and its line end as it
 * was. */
static void write_row(const struct copier *copier, size_t count, const char *line, const char *reason)
{
    const char separator[] = {copier->csv->separator, '\0'};
    size_t len = copier->len;
    while (len > 0 && (copier->text[len - 1] == copier->end || (copier->text[len - 1] == '\r' && copier->end == '\n')))
        len--;
    if (count == 0)
        count = count_own(copier, len);
    write_held(copier, 0, copier->bare ? copier->len : csv_prefix(copier->csv, copier->text, len, count));
    if (copier->bare)
        return;
    /* A row of one cell may be whole once it has other separators. */
    for (; count > 1 && count < copier->width; count++)
        write_text(copier, separator);
    write_text(copier, separator);
    write_cell(copier, line);
    write_text(copier, separator);
    write_cell(copier, reason);
    if (copier->trailing)
        write_text(copier, separator);
    write_held(copier, len, copier->len);
}

/* Writes a row of a workbook with our cells behind it. */
static void write_cells(const struct copier *copier, struct slice cells[TABLE_COLUMNS + OWN], size_t count,
                        const char *line, const char *reason)
{
    size_t at = copier->again || count < copier->width ? copier->width : count;
    for (; count < at; count++)
        cells[count] = (struct slice){"", 0};
    cells[at] = slice_of(line);
    cells[at + 1] = slice_of(reason);
    csv_write(copier->out, ';', CSV_EXCEL, cells, copier->bare ? at : at + OWN);
}

/* The reason of a row, of which later ones come later; empty when there is none. */
static const char *reason_of(struct reasons *reasons, size_t index)
{
    while (reasons->file && (!reasons->words || reasons->index < index)) {
        char *words;
        if (getline(&reasons->line, &reasons->room, reasons->file) < 0) {
            reasons->file = NULL;
            return "";
        }
        reasons->line[strcspn(reasons->line, "\n")] = '\0';
        reasons->index = strtoull(reasons->line, &words, 10);
        reasons->words = words + (*words == ' ');
    }
    return reasons->file && reasons->index == index ? reasons->words : "";
}

/* ---- the file ---- */

static void write_note(const struct submission *submission, const struct copier *copier)
{
    char note[TABLE_NOTE_BYTES];
    const char *const ends[] = {copier->crlf ? "\r" : "", copier->end == '\n' ? "\n" : "\r"};
    bool header = table_has_header(submission->table);
    if (survey_note(&submission->roster, header, note) == 0)
        return;
    write_text(copier, TABLE_NOTE);
    write_text(copier, note);
    if (!header && !copier->bare) {
        snprintf(note, sizeof note, " " COLUMNS "=%zu", copier->width);
        write_text(copier, note);
    }
    write_text(copier, ends[0]);
    write_text(copier, ends[1]);
}

static bool was_refused(const struct submission *submission, size_t index)
{
    return index < submission->rows && (submission->refused[index / 8] >> index % 8 & 1);
}

/* How many columns the table has without ours, which stand there already if `*again`. */
static size_t count_columns(const struct table *table, bool *again)
{
    struct slice note = table_note(table), word;
    size_t columns = table_columns(table);
    *again = columns_are_refusals(table);
    if (*again)
        return columns - OWN;
    while (!table_has_header(table) && table_note_word(&note, &word)) {
        uint64_t number = table_note_number(word, COLUMNS);
        if (number == 0 || number > TABLE_COLUMNS)
            continue;
        *again = true;
        columns = (size_t)number;
    }
    return columns;
}

/* Writes what stands before the first row, with the names of our columns in the header. */
static void write_header(const struct submission *submission, struct copier *copier)
{
    const enum text_lang lang = submission->tool->lang;
    const char *const names[] = {text_of(lang, TEXT_REFUSED_LINE), text_of(lang, TEXT_REFUSED_REASON)};
    const struct table *table = submission->table;
    struct slice cells[TABLE_COLUMNS + OWN];
    unsigned lines, line = table_header_line(table, &lines);
    if (table_is_workbook(table)) {
        fputs(CSV_BOM, copier->out);
        for (size_t i = 0; i < copier->width; i++)
            cells[i] = table_header(table, i);
        if (line > 0)
            write_cells(copier, cells, copier->width, names[0], names[1]);
        return;
    }
    begin(copier);
    copy_until(copier, line, true);
    take_row(copier, lines);
    if (line > 0)
        write_row(copier, copier->width, names[0], names[1]);
}

/* Goes through the rows. 0, or -1 when they could not be read. */
static int write_rows(struct submission *submission, struct copier *copier, struct reasons *reasons)
{
    struct slice cells[TABLE_COLUMNS + OWN];
    size_t count, index = 0;
    bool workbook = table_is_workbook(submission->table), wanted = true;
    int more;
    while ((more = table_next(submission->table, cells, &count)) == 1) {
        const unsigned line = table_line(submission->table);
        char number[16];
        snprintf(number, sizeof number, "%u", line);
        if (!workbook)
            copy_until(copier, line, wanted);
        if (index == 0)
            write_note(submission, copier);
        wanted = was_refused(submission, index);
        const char *reason = wanted ? reason_of(reasons, index) : "";
        index++;
        if (wanted && workbook) {
            write_cells(copier, cells, count < TABLE_COLUMNS ? count : TABLE_COLUMNS, number, reason);
        } else if (wanted) {
            take_row(copier, table_lines(submission->table));
            write_row(copier, count == 0 ? SIZE_MAX : 0, number, reason); /* what does not come apart stays whole */
        }
    }
    if (!workbook)
        copy_until(copier, UINT_MAX, wanted);
    return more;
}

int submission_write_refused(struct submission *submission, const char *path, FILE *out)
{
    const enum text_lang lang = submission->tool->lang;
    FILE *in = fopen(path, "re");
    if (!in) {
        text_tell(lang, TEXT_FILE_UNREAD, path, text_reason(lang, errno));
        return -1;
    }
    struct table *table = submission->table;
    struct reasons reasons = {.file = submission->reasons};
    struct copier copier = {.in = in, .out = out, .end = '\n', .crlf = true};
    copier.csv = table_csv(table, &copier.trailing);
    copier.width = count_columns(table, &copier.again);
    copier.bare = copier.width + OWN > TABLE_COLUMNS;
    copier.characters = memory_get(ROW_MOST, sizeof *copier.characters);
    copier.text = memory_get(ROW_MOST, 1);
    if (reasons.file)
        rewind(reasons.file);
    write_header(submission, &copier);
    int result = table_rewind(table) < 0 ? -1 : write_rows(submission, &copier, &reasons);
    if (result == 0 && ferror(in)) {
        text_tell(lang, TEXT_FILE_UNREAD, path, text_reason(lang, EIO));
        result = -1;
    }
    free(copier.characters);
    free(copier.text);
    free(reasons.line);
    fclose(in);
    return result;
}
