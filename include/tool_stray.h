/* Rows of a table that are no students. */
#ifndef BUURTAAL_TOOL_STRAY_H
#define BUURTAAL_TOOL_STRAY_H

#include "base.h"
#include "tool_roster.h"

/* Looks at a row that was refused, as roster_request() took it: where it is no row of the table, what it looks like
 * becomes its fault, in place of what it misses. */
void stray_judge(const struct roster *roster, const struct slice cells[TABLE_COLUMNS], size_t count,
                 struct roster_fault *fault);

#endif
