/* Work on files. When one is written whole, a draft that a crash left behind is harmless: it has another name and,
 * until all is in it, mode 600. */
#define _GNU_SOURCE /* mkostemp */
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

/* 0, or -1 with errno. */
static int fill(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
    return 0;
}

/* Has the disk take the names in the folder of `path`. Not every file system can; the file itself is safe by then. */
static void settle(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? memory_text("%.*s", (int)(slash - path) + 1, path) : memory_text(".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool over)
{
    char *draft = memory_text("%s.XXXXXX", path);
    int fd = mkostemp(draft, O_CLOEXEC), result = -1;
    if (fd >= 0) {
        result = fill(fd, bytes, len) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0 ? 0 : -1;
        if (close(fd) < 0)
            result = -1;
        if (result == 0)
            result = over ? rename(draft, path) : link(draft, path);
        if (result < 0 || !over) {
            int kept = errno;
            unlink(draft);
            errno = kept;
        }
    }
    free(draft);
    if (result == 0)
        settle(path);
    return result;
}

FILE *file_create(const char *folder, const char *source, const char *ending, char **path)
{
    const char *slash = strrchr(source, '/'), *base = slash ? slash + 1 : source, *dot = strrchr(base, '.');
    int stem = (int)(dot && dot > base ? dot - base : (long)strlen(base)), fd = -1;
    *path = NULL;
    for (int i = 1; fd < 0 && i < NAMES_MOST && (i == 1 || errno == EEXIST); i++) {
        free(*path);
        *path = i == 1 ? memory_text("%s/%.*s%s", folder, stem, base, ending)
                       : memory_text("%s/%.*s-%d%s", folder, stem, base, i, ending);
        fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file)
        return file;
    int kept = errno;
    if (fd >= 0)
        close(fd);
    free(*path);
    *path = NULL;
    errno = kept;
    return NULL;
}

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
