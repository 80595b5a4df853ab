/* A person's name as the registry has it, as on the identity paper: van der Graaf, Jacobus Adrianus. Pure. */
#ifndef BUURTAAL_TOOL_FULLNAME_H
#define BUURTAAL_TOOL_FULLNAME_H

#include "base.h"

#define FULLNAME_BYTES 256

enum fullname_fault {
    FULLNAME_FINE,
    FULLNAME_LONG,
    FULLNAME_FORM, /* `whole` is not surname, comma, first names */
};

/* The first character of a part of a name, or a whole one, that names do not have; absent when there is none. It is
 * what is left of accents, or of another column. */
struct slice fullname_unsound(struct slice part);

/* Whether a part, or one side of a whole name's comma, stands for no name: `NULL`, `onbekend`, `-`. */
bool fullname_is_none(struct slice part);

/* Puts a name together from its parts, of which those that are not there are absent: either `surname` and `first`, or
 * `whole`; and `prefix`, which is not repeated where the surname begins with it. A prefix that stands behind, as in
 * `Graaf, van der` or `Graaf, Jacobus van der`, comes to the front. The name is ended by a NUL. */
enum fullname_fault fullname_make(struct slice prefix, struct slice surname, struct slice first, struct slice whole,
                                  char name[FULLNAME_BYTES]) MUST_CHECK;

/* Copies a text with single spaces in place of blanks and line breaks of any kind, without invisible characters, and
 * with `ij` in place of the single character. The length, without the NUL at its end; `size` when it does not fit. */
size_t fullname_tidy(struct slice text, char *room, size_t size);

#endif
