/* Files that are written whole or not at all, whatever happens in between. */
#ifndef BUURTAAL_TOOL_FILE_H
#define BUURTAAL_TOOL_FILE_H

#include <sys/types.h>

#include "base.h"

/* Writes the bytes to a draft beside `path` (its name and six random characters), has the disk take them, and then
 * gives it its name: so nobody, after a crash neither, ever finds half of it there. `mode` holds whatever the umask is.
 * `over`: another file may stand there and is replaced; without it that is EEXIST. 0, or -1 with errno and nothing
 * changed. */
int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool over) MUST_CHECK;

#endif
