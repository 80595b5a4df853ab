/* Files that are written whole or not at all, whatever happens in between, and other work on files. */
#ifndef BUURTAAL_TOOL_FILE_H
#define BUURTAAL_TOOL_FILE_H

#include <stdio.h>
#include <sys/types.h>

#include "base.h"

#define FILE_SHA256 65 /* 64 hex digits and a NUL */

/* A file on its way: what is written to `out` lies beside where it will stand (its name and six random characters)
 * until all is in it. So nobody, after a crash neither, ever finds half of it there. */
struct file_draft {
    FILE *out;
    char *name;
};

/* Begins a draft beside `path`, readable by its owner. 0, or -1 with errno. */
int file_begin(struct file_draft *draft, const char *path) MUST_CHECK;
/* Has the disk take the draft, and gives it its name. `mode` holds whatever the umask is. `over`: another file may
 * stand there and is replaced; without it that is EEXIST. 0; -1 with errno, when something was not written too, and
 * nothing changed. The draft is done with either way. */
int file_keep(struct file_draft *draft, const char *path, mode_t mode, bool over) MUST_CHECK;
/* Takes a draft away. errno stays. */
void file_drop(struct file_draft *draft);

/* The three in one. */
int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool over) MUST_CHECK;

/* The same for a file that only its owner can read: in `folder`, named after the file `source` without its last ending,
 * then `ending` (`.receipt.txt`); where that is there already, with -2, -3 ... before the ending's first dot. */
int file_begin_beside(struct file_draft *draft, const char *folder, const char *source, const char *ending) MUST_CHECK;
/* Its name, which the caller frees; NULL with errno. */
char *file_keep_beside(struct file_draft *draft, const char *folder, const char *source, const char *ending) MUST_CHECK;

/* The folder that a file lies in; the caller frees. */
char *file_folder(const char *path);

/* The SHA-256 of a file's bytes. 0, or -1 with errno. */
int file_sha256(const char *path, char hex[FILE_SHA256]) MUST_CHECK;

#endif
