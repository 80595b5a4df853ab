/* The text of a file in UTF-8, whatever it is encoded in, a part at a time. */
#ifndef BUURTAAL_TOOL_DECODE_H
#define BUURTAAL_TOOL_DECODE_H

#include <stdio.h>
#include <sys/types.h>

#include "base.h"
#include "tool_text.h"

struct decode;

/* Reads the whole file once to find its encoding: by its byte order mark; without one, UTF-16 by its zeros, UTF-8 when
 * it is that throughout, else Windows-1252. It is then before the first character. The file, which must stay open, and
 * the name, which faults are told under, are the caller's. NULL after telling why: it cannot be read, or not twice; it
 * is empty; it is no text. The caller owns the result. */
struct decode *decode_open(FILE *file, const char *name, enum text_lang lang) MUST_CHECK;
/* NULL is allowed. */
void decode_close(struct decode *decode);

/* The next bytes of the text, whole characters of UTF-8 without the mark: at most `len`, which is 4 or more, into
 * `room`; how many. 0 at the end; -1 after telling why no more can be read. */
ssize_t decode_read(struct decode *decode, char *room, size_t len) MUST_CHECK;
/* Back to the first character. 0, or -1 after telling why not. */
int decode_rewind(struct decode *decode) MUST_CHECK;

/* `UTF-8`, `UTF-16`, `Windows-1252`. */
const char *decode_name(const struct decode *decode);

/* Whether there is UTF-8 in a text that was once read as Windows-1252: `ZoÃ«`. */
bool decode_is_misread(struct slice text);

#endif
