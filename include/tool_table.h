/* A file of a college's administration as rows of cells: whatever its dialect, streamed, so that memory is bounded
 * whatever its size. How: table.c. */
#ifndef BUURTAAL_TOOL_TABLE_H
#define BUURTAAL_TOOL_TABLE_H

#include <stdio.h>

#include "base.h"
#include "tool_text.h"

#define TABLE_COLUMNS 256
#define TABLE_NOTE_BYTES 256
/* A comment that begins so holds a note, words with a blank between them, for who reads the table. */
#define TABLE_NOTE "# buurtaal: "

struct csv;
struct table;

/* Opens the file at `path` and decides how it is written: encoding, separator, quotes, with a header or without. It is
 * then before its first row. NULL after telling why: it cannot be read, is empty, or is no table. The caller owns the
 * result. */
struct table *table_open(const char *path, enum text_lang lang) MUST_CHECK;
/* The same for a file that is open for reading at its start and can be rewound; it is the table's from here, also when
 * NULL is returned. `name` is what faults call it. */
struct table *table_read(FILE *file, const char *name, enum text_lang lang) MUST_CHECK;
/* NULL is allowed. */
void table_close(struct table *table);

/* What faults call it. */
const char *table_name(const struct table *table);
/* How many columns there are, at most TABLE_COLUMNS: the header's, or the first row's where there is none. */
size_t table_columns(const struct table *table);
/* A column's name in the header, without blanks around it; absent when the file has no header. Valid until
 * table_close(). */
struct slice table_header(const struct table *table, size_t column);
bool table_has_header(const struct table *table);
/* Where the header begins and how many lines it is; 0 when there is none. */
unsigned table_header_line(const struct table *table, unsigned *lines);
/* Whether every row has exactly so many cells when nothing is wrong with it. Else it may have fewer, or more that are
 * empty. */
bool table_is_strict(const struct table *table);

/* The next row that is neither empty nor a comment (`# ...`): its cells in UTF-8 NFC, without blanks around them, valid
 * until the next call; a cell that the row does not have is empty. `*count` is how many the row has of its own, which
 * may be fewer or more than there are columns; 0 says that the row cannot be taken apart, as its quotes do not fit. 1;
 * 0 at the end; -1 after telling why the rest cannot be read. */
int table_next(struct table *table, struct slice cells[TABLE_COLUMNS], size_t *count) MUST_CHECK;
/* The number of the row last given, as an editor (or Excel, for .xlsx) shows it; where it is several lines, its first.
 */
unsigned table_line(const struct table *table);
/* How many lines the row last given is. */
unsigned table_lines(const struct table *table);
/* Back to before the first row. 0, or -1 after telling why it cannot. */
int table_rewind(struct table *table) MUST_CHECK;

bool table_is_workbook(const struct table *table);
/* How its rows are cut; with `*trailing` a separator ends each of them. */
const struct csv *table_csv(const struct table *table, bool *trailing);

/* The last note among the rows read so far; empty when there was none. Valid until the next row is read. */
struct slice table_note(const struct table *table);
/* Takes the first word off a note. False at its end. */
bool table_note_word(struct slice *note, struct slice *word) MUST_CHECK;
/* The number in a word NAME=NUMBER; 0 when it is another word. */
uint64_t table_note_number(struct slice word, const char *name) MUST_CHECK;

/* What was decided, in words, such as `UTF-8, ; between the columns, with a header`. */
const char *table_guess(const struct table *table);

#endif
