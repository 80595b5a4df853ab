/* Logs saved by `buurtaal audit save`, verified offline. What is found is told. */
#ifndef BUURTAAL_TOOL_VERIFY_H
#define BUURTAAL_TOOL_VERIFY_H

#include <stdio.h>

#include "base.h"
#include "tool_options.h"

/* Recomputes the heads of the log in `file`, the caller's, or in the file `name` where that is NULL. `known`, NULL or
 * 64 hex digits, is a head that must be among them. EX_OK; EX_DATAERR when it does not hold, told with the first row
 * that is wrong; else a status of sysexits.h. */
int verify_log(const struct tool *tool, const char *name, FILE *file, const char *known) MUST_CHECK;

/* Compares the rows of two files, as far as both go. EX_OK; EX_DATAERR, told with the first row that differs. */
int verify_alike(const struct tool *tool, const char *one, const char *other) MUST_CHECK;

#endif
