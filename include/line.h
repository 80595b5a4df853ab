/* Bytes <-> line <-> name=value. Pure: no I/O, no globals, no allocation. The rules are those of proto/grammar.abnf. */
#ifndef BUURTAAL_LINE_H
#define BUURTAAL_LINE_H

#include "base.h"

/* A line with its LF, requests and replies alike. */
#define LINE_MAX_BYTES 8192

enum line_verdict {
    LINE_PART, /* no LF yet, and room for more bytes */
    LINE_WHOLE,
    LINE_BAD, /* not text, or too long: nothing after it can be trusted */
};

/* Looks for the first line in `len` bytes. LINE_WHOLE: `*end` is the length of the line without its LF, every byte of
 * it is allowed (UTF-8 without control characters, U+2028/9, bidi controls and noncharacters). LINE_BAD as soon as it
 * is certain, also before the LF has come. */
enum line_verdict line_take(const char *bytes, size_t len, size_t *end) MUST_CHECK;

/* The rest of a line being read. The bytes are the caller's and are changed: quoted values are decoded in place. */
struct line_cursor {
    char *at, *end;
};

/* Reads the verb. 0, or -1 when the line does not begin with one (an empty line too). */
int line_verb(struct line_cursor *cursor, struct slice *verb) MUST_CHECK;

/* Reads the next field. 1: `*name` and the decoded `*value` point into the line; a value of no bytes (`name=`,
 * `name=""`) has len 0. 0: end of the line. -1: not the form of a field; the cursor is of no further use. */
int line_field(struct line_cursor *cursor, struct slice *name, struct slice *value) MUST_CHECK;

/* A reply line from a daemon: the word it begins with (`=`, `*`, OK, NO, BAD, BUSY), then bare words and fields.
 * 1: a field, as line_field; 2: a bare word, in `*name`; 0: the end; -1: not the form. */
int line_part(struct line_cursor *cursor, struct slice *name, struct slice *value) MUST_CHECK;

/* The one encoder. Writes a line into the caller's room; never past it. */
struct line_writer {
    char *bytes;
    size_t len, room; /* room at most LINE_MAX_BYTES */
    bool overflow;    /* something did not fit, or was not text; the line is void */
};

/* Begins a line with a bare word (a verb, a status, `=`), which is not checked. */
void line_begin(struct line_writer *writer, char *bytes, size_t room, const char *word);
/* Adds a bare word, which is not checked, or a field. The value is quoted where it must be; an absent one adds nothing; one
 * with a character that no line may hold makes the line void. */
void line_word(struct line_writer *writer, const char *word);
void line_put(struct line_writer *writer, const char *name, struct slice value);
void line_put_text(struct line_writer *writer, const char *name, const char *value);
void line_put_number(struct line_writer *writer, const char *name, long long value);
/* Ends it with LF. The length of the line in bytes, or 0 when it is void. */
size_t line_end(struct line_writer *writer) MUST_CHECK;

#endif
