/* Work on files. When one is written whole, a draft that a crash left behind is harmless: it has another name and,
 * until all is in it, mode 600. */
#define _GNU_SOURCE /* mkostemp, renameat2 */
#include "tool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_memory.h"

#define NAMES_MOST 10000 /* of one file's receipts: somebody has to clean up */

/* Has the disk take the names in the folder of `path`. Not every file system can; the file itself is safe by then. */
static void settle(const char *path)
{
    char *folder = file_folder(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

/* ---- drafts ---- */

int file_begin(struct file_draft *draft, const char *path)
{
    draft->name = memory_text("%s.XXXXXX", path);
    int fd = mkostemp(draft->name, O_CLOEXEC);
    draft->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (draft->out)
        return 0;
    int kept = errno;
    if (fd >= 0) {
        close(fd);
        unlink(draft->name);
    }
    free(draft->name);
    errno = kept;
    return -1;
}

void file_drop(struct file_draft *draft)
{
    int kept = errno;
    if (draft->out)
        fclose(draft->out);
    unlink(draft->name);
    free(draft->name);
    errno = kept;
}

/* Has the disk take what was written, and closes it. 0, or -1 with errno. */
static int complete(struct file_draft *draft, mode_t mode)
{
    errno = 0; /* what a write before found is only known as a flag */
    bool fine = fflush(draft->out) == 0 && !ferror(draft->out) && fchmod(fileno(draft->out), mode) == 0 &&
                fsync(fileno(draft->out)) == 0;
    int fault = errno ? errno : EIO;
    fine &= fclose(draft->out) == 0;
    draft->out = NULL;
    if (!fine)
        errno = fault;
    return fine ? 0 : -1;
}

/* Gives it its name, where no file may stand. A network drive may know one way to do that or the other. */
static int give_new_name(const char *draft, const char *path)
{
    if (renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EEXIST || link(draft, path) < 0)
        return -1;
    unlink(draft);
    return 0;
}

static int give_name(struct file_draft *draft, const char *path, bool over)
{
    int result = over ? rename(draft->name, path) : give_new_name(draft->name, path);
    if (result == 0)
        settle(path);
    return result;
}

int file_keep(struct file_draft *draft, const char *path, mode_t mode, bool over)
{
    int result = complete(draft, mode) == 0 ? give_name(draft, path, over) : -1;
    file_drop(draft);
    return result;
}

int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool over)
{
    struct file_draft draft;
    if (file_begin(&draft, path) < 0)
        return -1;
    setvbuf(draft.out, NULL, _IONBF, 0); /* it may be a key: no copy of it is left in memory */
    fwrite(bytes, 1, len, draft.out);
    return file_keep(&draft, path, mode, over);
}

/* ---- named after another ---- */

/* What it is called the `turn`-th time, from 1; the caller frees. */
static char *name_beside(const char *folder, const char *source, const char *ending, int turn)
{
    const char *slash = strrchr(source, '/'), *base = slash ? slash + 1 : source, *dot = strrchr(base, '.');
    int stem = (int)(dot && dot > base ? dot - base : (long)strlen(base));
    return turn == 1 ? memory_text("%s/%.*s%s", folder, stem, base, ending)
                     : memory_text("%s/%.*s-%d%s", folder, stem, base, turn, ending);
}

int file_begin_beside(struct file_draft *draft, const char *folder, const char *source, const char *ending)
{
    char *path = name_beside(folder, source, ending, 1);
    int result = file_begin(draft, path), kept = errno;
    free(path);
    errno = kept;
    return result;
}

char *file_keep_beside(struct file_draft *draft, const char *folder, const char *source, const char *ending)
{
    char *path = NULL;
    int result = complete(draft, 0600);
    for (int turn = 1; result == 0 && turn < NAMES_MOST; turn++) {
        free(path);
        path = name_beside(folder, source, ending, turn);
        if (give_name(draft, path, false) == 0)
            break;
        result = errno == EEXIST && turn + 1 < NAMES_MOST ? 0 : -1;
    }
    file_drop(draft);
    if (result == 0)
        return path;
    int kept = errno;
    free(path);
    errno = kept;
    return NULL;
}

/* ---- other work ---- */

char *file_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return memory_text(".");
    return slash == path ? memory_text("/") : memory_text("%.*s", (int)(slash - path), path);
}

int file_sha256(const char *path, char hex[FILE_SHA256])
{
    unsigned char bytes[65536], sum[32];
    FILE *file = fopen(path, "re");
    EVP_MD_CTX *context = file ? EVP_MD_CTX_new() : NULL;
    bool fine = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t got; fine && (got = fread(bytes, 1, sizeof bytes, file)) > 0;)
        fine = EVP_DigestUpdate(context, bytes, got) == 1;
    fine = fine && !ferror(file) && EVP_DigestFinal_ex(context, sum, NULL) == 1;
    int kept = errno;
    EVP_MD_CTX_free(context);
    if (file)
        fclose(file);
    for (size_t i = 0; fine && i < sizeof sum; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    errno = kept;
    return fine ? 0 : -1;
}
