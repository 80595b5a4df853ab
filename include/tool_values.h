/* Which column of a table without a header means what. */
#ifndef BUURTAAL_TOOL_VALUES_H
#define BUURTAAL_TOOL_VALUES_H

#include "base.h"
#include "tool_roster.h"
#include "tool_table.h"

/* Finds roster->at by what stands in the first rows, which are read; what `mapped` says was settled otherwise is left
 * so. A column is found only where no other could be meant; surname and first names apart never are. 0; -1 after
 * telling that the table cannot be read. */
int values_find(struct roster *roster, struct table *table, const bool mapped[ROSTER_COLUMNS]) MUST_CHECK;

/* Whether whole names, as `Graaf, Bo`, stand in a column, by the first rows. 1; 0; -1 after telling that the table cannot
 * be read. The table is rewound. */
int values_are_names(struct table *table, size_t column) MUST_CHECK;

#endif
