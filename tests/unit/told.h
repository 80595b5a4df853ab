/* For tests of the command's rooms: a table of bytes, and what was told about it. */
#ifndef TESTS_TOLD_H
#define TESTS_TOLD_H

#include "tool_roster.h"
#include "tool_table.h"

/* What the command said last on stderr, in English: whatever it was handed before told_begin() is gone. */
void told_begin(void);
/* What was told since, ended by a NUL; stderr is as before. Valid until the next told_begin(). */
const char *told_end(void);

/* A table of these bytes; NULL when it was refused. */
struct table *told_table(const char *bytes, size_t len);

/* Reads a file of students in English. `wanted` is part of what roster.guess says, or, where it begins with a !, of
 * what is told when the file is refused; `line` the request of the first row, or part of the reason that it is refused
 * for; NULL: any. */
void told_roster(const char *file, const struct roster_map *map, const char *session, const char *wanted,
                 const char *line);

#endif
