/* Writing files whole. A draft that a crash left behind is harmless: it has another name and, until all is in it, mode
 * 600. */
#define _GNU_SOURCE /* mkostemp */
#include "tool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_memory.h"

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
