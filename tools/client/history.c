/* The lines of the shell on disk.
 *
 * Rules: what may hold personal data is not written; whatever is not known to hold none may. A line is appended in one
 * piece, so shells beside each other lose nothing of each other; only while one cuts the file may another's line be
 * lost. */
#define _GNU_SOURCE /* open_memstream */
#include "tool_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "line.h"
#include "proto.h"
#include "tool_file.h"
#include "tool_memory.h"
#include "tool_profile.h"

char *history_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && state[0] == '/')
        return memory_text("%s/buurtaal/history", state);
    return home && home[0] == '/' ? memory_text("%s/.local/state/buurtaal/history", home) : NULL;
}

/* Whether a field of this name holds no personal data. */
static bool is_plain(const struct proto_command *command, struct slice name)
{
    for (size_t i = 0; i < command->field_count; i++)
        if (slice_is(name, command->fields[i].name))
            return command->fields[i].type->class == CLASS_PLAIN;
    return slice_is(name, "tag") || slice_is(name, "check");
}

bool history_may_keep(const char *line)
{
    char bytes[LINE_MAX_BYTES];
    size_t len = strlen(line);
    if (len >= sizeof bytes)
        return false;
    memcpy(bytes, line, len);
    struct line_cursor cursor = {bytes, bytes + len};
    struct slice verb, name, value;
    if (line_verb(&cursor, &verb) < 0)
        return false;
    const struct proto_command *command = proto_command(verb);
    int part = 0;
    while (command && (part = line_field(&cursor, &name, &value)) == 1)
        if (!is_plain(command, name))
            return false;
    return command && part == 0;
}

/* ---- the file ---- */

/* The newest lines of a file, as a ring. */
struct ring {
    char *lines[HISTORY_LINES];
    size_t count; /* of all that were read */
};

static void free_ring(struct ring *ring)
{
    for (size_t i = 0; i < HISTORY_LINES; i++)
        free(ring->lines[i]);
    free(ring);
}

static struct ring *read_ring(FILE *file)
{
    struct ring *ring = memory_get(1, sizeof *ring);
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, file)) {
        size_t len = strcspn(line, "\n");
        if (len == 0 || line[len] != '\n')
            continue; /* no line of ours */
        char **place = &ring->lines[ring->count++ % HISTORY_LINES];
        free(*place);
        *place = memory_text("%.*s", (int)len, line);
    }
    return ring;
}

static void each(const struct ring *ring, void (*take)(void *own, const char *line), void *own)
{
    for (size_t i = ring->count > HISTORY_LINES ? ring->count - HISTORY_LINES : 0; i < ring->count; i++)
        take(own, ring->lines[i % HISTORY_LINES]);
}

void history_read(const char *path, void (*take)(void *own, const char *line), void *own)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    struct ring *ring = read_ring(file);
    fclose(file);
    each(ring, take, own);
    free_ring(ring);
}

static void print(void *own, const char *line)
{
    fprintf(own, "%s\n", line);
}

/* Leaves the newest lines in the file. 0, or -1 with errno and the file as it was. */
static int cut(const char *path, const struct ring *ring)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return -1;
    each(ring, print, out);
    int result = fclose(out) == 0 ? file_write(path, text, len, 0600, true) : -1;
    free(text);
    return result;
}

int history_add(const char *path, const char *line)
{
    if (profile_make_folders(path) < 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    FILE *file = fdopen(fd, "r+");
    if (!file) {
        close(fd);
        return -1;
    }
    char *text = memory_text("%s\n", line);
    size_t len = strlen(text);
    int result = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0 ? 0 : -1;
    free(text);
    struct ring *ring = read_ring(file);
    if (result == 0 && ring->count >= 2 * HISTORY_LINES)
        result = cut(path, ring);
    free_ring(ring);
    fclose(file);
    return result;
}
