/* Tables in text files, as administrations export them. */
#ifndef BUURTAAL_TOOL_CSV_H
#define BUURTAAL_TOOL_CSV_H

#include "base.h"
#include "tool_text.h"

#define CSV_COLUMNS 256
#define CSV_BYTES (64u << 20)

/* A file, whole, as UTF-8 without BOM. */
struct csv {
    char *bytes;
    size_t len, at;  /* how far it was read */
    unsigned line;   /* of the row last read, its first when it has several; 1 for the first of the file */
    unsigned breaks; /* line breaks within the row last read */
    char separator;
    bool quoted; /* a value may stand between quotes, and then hold separators and line breaks */
};

/* Reads the file. What begins with a BOM is UTF-8; what is not valid UTF-8 is taken for Windows-1252. 0, or -1 after
 * telling why: it cannot be read, is empty, larger than CSV_BYTES, or no text. csv_free() either way. */
int csv_load(struct csv *csv, const char *path, enum text_lang lang) MUST_CHECK;
/* The same for bytes in memory, which are copied; `name` is what faults call them. */
int csv_take(struct csv *csv, const char *bytes, size_t len, const char *name, enum text_lang lang) MUST_CHECK;
void csv_free(struct csv *csv);

/* The next row that is not empty, without its line end, and the number of its line. Not for quoted files, whose rows
 * may be several lines. 1, or 0 at the end. */
int csv_line(struct csv *csv, struct slice *row) MUST_CHECK;

/* The values of a row of an unquoted file, at most CSV_COLUMNS; the number of all. */
size_t csv_split(struct slice row, char separator, struct slice values[CSV_COLUMNS]);

/* The next row of a file, quoted or not, unquoted in place. 1 with the number of its values, of which CSV_COLUMNS at
 * most are kept; 0 at the end; -1 when a quote does not end. */
int csv_row(struct csv *csv, struct slice values[CSV_COLUMNS], size_t *count) MUST_CHECK;

/* Without the blanks at both ends. */
struct slice csv_trim(struct slice value);
/* Whether a header's name, blanks and the case of A-Z aside, is `name`. */
bool csv_is(struct slice header, const char *name);

#endif
