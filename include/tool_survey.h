/* What the columns of a table of students show as a whole. */
#ifndef BUURTAAL_TOOL_SURVEY_H
#define BUURTAAL_TOOL_SURVEY_H

#include "base.h"
#include "tool_roster.h"
#include "tool_table.h"

/* Reads all rows and finds how dates and student numbers are written, into `roster`, of which the columns are known, and
 * puts all that was guessed into words there. Rewinds the table. 0, or -1 after telling why it may not be used: a column
 * holds BSNs, or it cannot be read. */
int survey_run(struct roster *roster, struct table *table, enum text_lang lang) MUST_CHECK;

/* What some of the rows might not show any more, as a note to put before them: see table_note(). Its length; 0 when
 * nothing needs to be said. */
size_t survey_note(const struct roster *roster, bool header, char note[TABLE_NOTE_BYTES]);

#endif
