/* The lists of the registry that are verbs of the command: a row each in list.c's table. */
#ifndef BUURTAAL_TOOL_LIST_H
#define BUURTAAL_TOOL_LIST_H

#include "tool_grid.h"
#include "tool_options.h"

/* Whether the verb is one of them. */
bool list_is(const char *verb);
/* The name of the list with this number, from 0; NULL behind the last. */
const char *list_name(size_t number);
/* Runs one. The program's status. */
int list_run(struct tool *tool, const char *verb, int argc, char **argv);

/* The columns of a command's answer, in the order of its fields, with headings of `lang`; fields that have none here
 * are left out. How many; 0 when there is no such command. */
size_t list_columns(const char *verb, enum text_lang lang, struct grid_column columns[GRID_COLUMNS]);

#endif
