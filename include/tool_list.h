/* The lists of the registry that are verbs of the command: a row each in list.c's table. */
#ifndef BUURTAAL_TOOL_LIST_H
#define BUURTAAL_TOOL_LIST_H

#include "tool_grid.h"
#include "tool_options.h"

/* Whether the verb is one of them. */
bool list_is(const char *verb);
/* Runs one. The program's status. */
int list_run(struct tool *tool, const char *verb, int argc, char **argv);

/* The columns of a list, in the order of the answer's fields, with headings of `lang`. How many; 0 when there is no
 * such list. */
size_t list_columns(const char *verb, enum text_lang lang, struct grid_column columns[GRID_COLUMNS]);

#endif
