/* The rows that were refused, as a file that can be mended and sent again.
 *
 * Rules: lines of text are copied as they are, with encoding, quotes and all, so that whoever could read the file can
 * read this one; what stands before the first row goes along. An .xlsx becomes text as a spreadsheet opens it: UTF-8
 * with BOM, `;`, and nothing in it that is calculated or loses its zeros. What the rows that are left might not show
 * any more, such as that the month comes first, is put before them in a note. */
#include "tool_submission.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "tool_csv.h"
#include "tool_survey.h"

#define LOOKED_AT 65536 /* characters, for the end of the lines */

/* Copies the lines of a text file. A character is one byte, or two in UTF-16. */
struct copier {
    FILE *in, *out;
    unsigned line; /* where `in` stands, from 1 */
    bool wide, big_endian;
    int end;   /* of a line: LF, or CR where there is no LF, as an old Mac had it */
    bool crlf; /* with a CR before it */
};

/* The next character, whose bytes are written if `wanted`; EOF at the end. */
static int copy_one(struct copier *copier, bool wanted)
{
    int first = getc(copier->in), second = copier->wide ? getc(copier->in) : 0;
    if (first == EOF || second == EOF)
        return EOF;
    if (wanted) {
        putc(first, copier->out);
        if (copier->wide)
            putc(second, copier->out);
    }
    return !copier->wide ? first : copier->big_endian ? first << 8 | second : second << 8 | first;
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
        character = copy_one(copier, false);
    }
    copier->end = character == '\n' ? '\n' : '\r';
    copier->crlf = character == '\n' && before == '\r';
    fseek(copier->in, (long)bom, SEEK_SET);
}

/* Goes on to the beginning of a line, or the end; what lies between is written if `wanted`. */
static void copy_until(struct copier *copier, unsigned line, bool wanted)
{
    while (copier->line < line) {
        int character = copy_one(copier, wanted);
        if (character == EOF)
            return;
        copier->line += character == copier->end;
    }
}

/* Writes ASCII as the file has it. */
static void write_text(const struct copier *copier, const char *text)
{
    for (; *text; text++) {
        if (copier->wide && copier->big_endian)
            putc(0, copier->out);
        putc(*text, copier->out);
        if (copier->wide && !copier->big_endian)
            putc(0, copier->out);
    }
}

static void write_note(const struct submission *submission, const struct copier *copier)
{
    char note[TABLE_NOTE_BYTES];
    const char *const ends[] = {copier->crlf ? "\r" : "", copier->end == '\n' ? "\n" : "\r"};
    if (survey_note(&submission->roster, table_has_header(submission->table), note) == 0)
        return;
    write_text(copier, TABLE_NOTE);
    write_text(copier, note);
    write_text(copier, ends[0]);
    write_text(copier, ends[1]);
}

static void write_cells(const struct slice *cells, size_t count, FILE *out)
{
    csv_write(out, ';', CSV_EXCEL, cells, count);
}

static void write_header(const struct table *table, FILE *out)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count = table_columns(table);
    fputs(CSV_BOM, out);
    for (size_t i = 0; i < count; i++)
        cells[i] = table_header(table, i);
    if (table_has_header(table))
        write_cells(cells, count, out);
}

static bool was_refused(const struct submission *submission, size_t index)
{
    return index < submission->rows && (submission->refused[index / 8] >> index % 8 & 1);
}

/* Goes through the rows. 0, or -1 when they could not be read. */
static int write_rows(struct submission *submission, FILE *in, FILE *out)
{
    struct copier copier = {.in = in, .out = out, .end = '\n', .crlf = true};
    struct slice cells[TABLE_COLUMNS];
    size_t count, index = 0;
    bool workbook = table_is_workbook(submission->table), wanted = true;
    int more;
    if (workbook)
        write_header(submission->table, out);
    else
        begin(&copier);
    while ((more = table_next(submission->table, cells, &count)) == 1) {
        if (!workbook)
            copy_until(&copier, table_line(submission->table), wanted);
        if (index == 0)
            write_note(submission, &copier);
        wanted = was_refused(submission, index++);
        if (workbook && wanted)
            write_cells(cells, count < TABLE_COLUMNS ? count : TABLE_COLUMNS, out);
    }
    if (!workbook)
        copy_until(&copier, UINT_MAX, wanted);
    return more;
}

int submission_write_refused(struct submission *submission, const char *path, FILE *out)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        text_tell(submission->tool->lang, TEXT_FILE_UNREAD, path, text_reason(submission->tool->lang, errno));
        return -1;
    }
    int result = table_rewind(submission->table) < 0 ? -1 : write_rows(submission, in, out);
    if (result == 0 && ferror(in)) {
        text_tell(submission->tool->lang, TEXT_FILE_UNREAD, path, text_reason(submission->tool->lang, EIO));
        result = -1;
    }
    fclose(in);
    return result;
}
