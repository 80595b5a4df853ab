/* Files that are written whole or not at all, whatever happens in between, and other work on files. */
#ifndef BUURTAAL_TOOL_FILE_H
#define BUURTAAL_TOOL_FILE_H

#include <stdio.h>
#include <sys/types.h>

#include "base.h"

#define FILE_SHA256 65 /* 64 hex digits and a NUL */

/* Writes the bytes to a draft beside `path` (its name and six random characters), has the disk take them, and then
 * gives it its name: so nobody, after a crash neither, ever finds half of it there. `mode` holds whatever the umask is.
 * `over`: another file may stand there and is replaced; without it that is EEXIST. 0, or -1 with errno and nothing
 * changed. */
int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool over) MUST_CHECK;

/* Makes a new file that only its owner can read: in `folder`, named after the file `source` without its last ending,
 * then `ending` (`.receipt.txt`); where that is there already, with -2, -3 ... before the ending's first dot. `*path`
 * is its name, which the caller frees, NULL at a fault. NULL with errno. */
FILE *file_create(const char *folder, const char *source, const char *ending, char **path) MUST_CHECK;

/* The folder that a file lies in; the caller frees. */
char *file_folder(const char *path);

/* The SHA-256 of a file's bytes. 0, or -1 with errno. */
int file_sha256(const char *path, char hex[FILE_SHA256]) MUST_CHECK;

#endif
