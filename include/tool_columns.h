/* Which column of a table means what. */
#ifndef BUURTAAL_TOOL_COLUMNS_H
#define BUURTAAL_TOOL_COLUMNS_H

#include "base.h"
#include "tool_roster.h"
#include "tool_table.h"

/* Finds roster->at from the header's names, or without a header from the values of the first rows, which are read.
 * `map` and roster->session as in roster_guess(). 0; -1 after telling why not. */
int columns_find(struct roster *roster, struct table *table, const struct roster_map *map, enum text_lang lang)
    MUST_CHECK;

/* Whether two names are one: case, blanks, signs and accents make no difference. */
bool columns_same(struct slice one, struct slice other);

/* Whether a column of this name holds initials, or BSNs. */
bool columns_are_initials(struct slice name);
bool columns_is_bsn(struct slice name);

/* Whether the last two columns of a table are those that refused rows get: their line and the reason. */
bool columns_are_refusals(const struct table *table);

/* All names that columns have, as they are compared, with blanks between them. */
#define COLUMNS_NAMES_BYTES 4096
void columns_names(char names[COLUMNS_NAMES_BYTES]);

/* Our name for a column, as EduArte has it. */
const char *columns_name(enum roster_column column);

#endif
