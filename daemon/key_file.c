/* Reads, makes and changes the file of keys.
 * Limits: 16 sealing keys, 16 kB. Rules: no copy of a key stays behind in memory, and none in a file with other rights;
 * two who change a file at once wait for each other. */
#include "key_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_ROOM 256 /* a comment may be longer */
#define FILE_MOST 16384
#define PATH_ROOM 4200

/* The file as it stands, ended by a NUL. Whoever has one wipes it. */
struct text {
    size_t len;
    char bytes[FILE_MOST + 1];
};

/* ---- reading ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(const char *text, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * bytes] == '\0' ? 0 : -1;
}

static const char *read_matching(const char *text, uint8_t *out, bool *has, const char *twice)
{
    if (*has)
        return twice;
    *has = true;
    return read_hex(text, out, KEY_MATCH_BYTES) < 0 ? "match needs 64 lower-case hex digits" : NULL;
}

/* Puts a sealing key where its number belongs. */
static const char *read_sealing(struct key_file *keys, const char *text)
{
    char *end = NULL;
    struct key_file_seal key;
    unsigned long number = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
    if (number == 0 || number > KEY_NUMBER_MOST || *end != ' ')
        return "seal needs a number from 1, then a space and the key";
    if (keys->count == KEYS_MAX)
        return "more than 16 sealing keys; leave out those that seal nothing any more";
    size_t at = keys->count;
    while (at > 0 && keys->seals[at - 1].number > number)
        at--;
    if (at > 0 && keys->seals[at - 1].number == number)
        return "this number of a sealing key is given twice";
    key.number = (uint32_t)number;
    bool whole = read_hex(end + 1, key.bytes, KEY_SEAL_BYTES) == 0;
    if (whole) {
        memmove(&keys->seals[at + 1], &keys->seals[at], (keys->count - at) * sizeof key);
        keys->seals[at] = key;
        keys->count++;
    }
    explicit_bzero(&key, sizeof key);
    return whole ? NULL : "seal needs 128 lower-case hex digits";
}

/* One line: NULL when it is well, else what is wrong with it. */
static const char *read_line(struct key_file *keys, char *line)
{
    if (strncmp(line, "match ", 6) == 0)
        return read_matching(line + 6, keys->match, &keys->has_match, "a second matching key; there can be only one");
    if (strncmp(line, "next ", 5) == 0)
        return read_matching(line + 5, keys->next, &keys->has_next, "a second `next`; there can be only one");
    if (strncmp(line, "seal ", 5) == 0)
        return read_sealing(keys, line + 5);
    return "expected `match HEX` or `seal NUMBER HEX`";
}

/* The line at *at with its end; an empty one when the text is over. *at is then behind it. */
static struct slice next_line(const struct text *text, size_t *at)
{
    const char *begin = text->bytes + *at, *end = memchr(begin, '\n', text->len - *at);
    size_t len = end ? (size_t)(end - begin) + 1 : text->len - *at;
    *at += len;
    return (struct slice){begin, len};
}

/* The same as read_line, of a line that may be empty, a comment, or too long to be anything else. */
static const char *judge_line(struct key_file *keys, struct slice given)
{
    char line[LINE_ROOM];
    size_t len = given.len;
    len -= len > 0 && given.at[len - 1] == '\n';
    len -= len > 0 && given.at[len - 1] == '\r';
    if (len == 0 || given.at[0] == '#')
        return NULL;
    if (len >= sizeof line || memchr(given.at, '\0', len))
        return "expected `match HEX` or `seal NUMBER HEX`";
    memcpy(line, given.at, len);
    line[len] = '\0';
    const char *fault = read_line(keys, line);
    explicit_bzero(line, sizeof line);
    return fault;
}

static int read_lines(struct key_file *keys, const struct text *text, const char *path, char *why, size_t why_size)
{
    const char *fault = NULL;
    int number = 0;
    for (size_t at = 0; !fault && at < text->len; number++)
        fault = judge_line(keys, next_line(text, &at));
    if (fault)
        snprintf(why, why_size, "%s:%d: %s", path, number, fault);
    else if (!keys->has_match || keys->count == 0)
        snprintf(why, why_size,
                 "%s: needs one `match` and at least one `seal` key; `buurtaald seal-key FILE` makes such a file", path);
    else
        return 0;
    return -1;
}

/* 0; -1 after the reason was told. */
static int read_text(int fd, struct text *text, const char *path, char *why, size_t why_size)
{
    ssize_t got = 1;
    text->len = 0;
    while (got != 0 && text->len < sizeof text->bytes) {
        got = read(fd, text->bytes + text->len, sizeof text->bytes - text->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            snprintf(why, why_size, "%s: %s", path, strerror(errno));
            return -1;
        }
        text->len += (size_t)got;
    }
    if (text->len > FILE_MOST) {
        snprintf(why, why_size, "%s: it is too long to be a file of keys", path);
        return -1;
    }
    text->bytes[text->len] = '\0';
    return 0;
}

/* A descriptor, or -1 after the reason was told. */
static int open_file(const char *path, struct stat *st, char *why, size_t why_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, st) < 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st->st_mode)) {
        snprintf(why, why_size, "%s: not a regular file", path);
    } else if (st->st_uid != geteuid() && st->st_uid != 0 && geteuid() != 0) {
        snprintf(why, why_size, "%s: belongs to another user; chown it to the one who runs buurtaald", path);
    } else if (st->st_mode & 077) {
        snprintf(why, why_size, "%s: others may use it (mode %03o); chmod 600 it", path, (unsigned)st->st_mode & 0777);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

int key_file_read(const char *path, struct key_file *keys, char *why, size_t why_size)
{
    struct stat st;
    struct text text;
    *keys = (struct key_file){0};
    int fd = open_file(path, &st, why, why_size), outcome = -1;
    if (fd < 0)
        return -1;
    if (read_text(fd, &text, path, why, why_size) == 0)
        outcome = read_lines(keys, &text, path, why, why_size);
    explicit_bzero(&text, sizeof text);
    close(fd);
    return outcome;
}

void key_file_wipe(struct key_file *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

/* ---- making keys ---- */

static int write_whole(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        text += written;
        len -= (size_t)written;
    }
    return 0;
}

/* A line with a fresh key, into `line`. 0 or -1. */
static int make_line(char line[LINE_ROOM], const char *label, size_t bytes)
{
    uint8_t key[KEY_SEAL_BYTES];
    int len = snprintf(line, LINE_ROOM, "%s", label);
    bool whole = getrandom(key, bytes, 0) == (ssize_t)bytes; /* at most 256 bytes come whole */
    for (size_t i = 0; whole && i < bytes; i++)
        len += snprintf(line + len, LINE_ROOM - (size_t)len, "%02x", key[i]);
    snprintf(line + len, LINE_ROOM - (size_t)len, "\n");
    explicit_bzero(key, sizeof key);
    return whole ? 0 : -1;
}

static int write_key(int fd, const char *label, size_t bytes)
{
    char line[LINE_ROOM];
    int outcome = make_line(line, label, bytes) < 0 ? -1 : write_whole(fd, line, strlen(line));
    explicit_bzero(line, sizeof line);
    return outcome;
}

int key_file_make(const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == EEXIST)
            snprintf(why, why_size,
                     "%s: it is there already, and keys are never written over: what they sealed would be lost; name "
                     "another file, or move this one first",
                     path);
        else
            snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    bool whole = write_key(fd, "match ", KEY_MATCH_BYTES) == 0 && write_key(fd, "seal 1 ", KEY_SEAL_BYTES) == 0 &&
                 fsync(fd) == 0;
    if (close(fd) == 0 && whole)
        return 0;
    snprintf(why, why_size, "%s: could not be written whole", path);
    unlink(path); /* half a key file would only be refused later */
    return -1;
}

/* ---- changing ---- */

/* A change: the lines that begin with one of `drop` go, `add` comes behind the rest. */
struct change {
    const char *drop[2];
    const char *add;
};

static bool is_dropped(const struct change *change, struct slice line)
{
    for (size_t i = 0; i < COUNT(change->drop); i++)
        if (change->drop[i] && strncmp(line.at, change->drop[i], strlen(change->drop[i])) == 0)
            return true;
    return false;
}

/* Writes what the file becomes. 0 or -1. */
static int write_changed(int to, const struct text *text, const struct change *change)
{
    bool ended = true; /* what was written last, by a line's end */
    for (size_t at = 0; at < text->len;) {
        struct slice line = next_line(text, &at);
        if (is_dropped(change, line))
            continue;
        if (write_whole(to, line.at, line.len) < 0)
            return -1;
        ended = line.at[line.len - 1] == '\n';
    }
    if (!change->add)
        return 0;
    return ended || write_whole(to, "\n", 1) == 0 ? write_whole(to, change->add, strlen(change->add)) : -1;
}

/* Makes the name durable too. 0, or -1 with errno. */
static int sync_folder(const char *path)
{
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int outcome = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return outcome;
}

/* Puts the changed file in the place of the old, whose owner and mode `st` tells. 0, or -1 with errno. */
static int replace(const char *path, const struct text *text, const struct stat *st, const struct change *change)
{
    char beside[PATH_ROOM];
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)unlink(beside); /* of one that was killed; it holds nothing that the file does not, or a key nobody uses */
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), outcome = -1;
    if (fd < 0)
        return -1;
    if (fchown(fd, st->st_uid, st->st_gid) == 0 && fchmod(fd, st->st_mode & 07777) == 0 &&
        write_changed(fd, text, change) == 0 && fsync(fd) == 0)
        outcome = rename(beside, path);
    int fault = errno;
    close(fd);
    if (outcome < 0)
        (void)unlink(beside);
    errno = fault;
    return outcome;
}

/* Whether `fd` is still what `path` names: who waited for the lock may hold what has been replaced meanwhile. */
static bool is_current(const char *path, int fd)
{
    struct stat by_name, held;
    return stat(path, &by_name) == 0 && fstat(fd, &held) == 0 && by_name.st_ino == held.st_ino &&
           by_name.st_dev == held.st_dev;
}

/* Opens it, locks it until it is closed, and reads it. -1 after the reason was told. */
static int open_to_change(const char *path, struct stat *st, struct text *text, struct key_file *keys, char *why,
                          size_t why_size)
{
    for (;;) {
        int fd = open_file(path, st, why, why_size);
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX) < 0) {
            snprintf(why, why_size, "%s: %s", path, strerror(errno));
        } else if (!is_current(path, fd)) {
            close(fd);
            continue;
        } else if (read_text(fd, text, path, why, why_size) == 0 &&
                   read_lines(keys, text, path, why, why_size) == 0) {
            return fd;
        }
        close(fd);
        return -1;
    }
}

typedef int make_change(const struct key_file *keys, uint32_t *number, struct change *change, char line[LINE_ROOM],
                        char *why, size_t why_size);

/* The same of a path that is no link. */
static int change_real(const char *path, make_change *make, uint32_t *number, char *why, size_t why_size)
{
    struct stat st;
    struct text text = {0};
    struct key_file keys = {0};
    struct change change = {0};
    char line[LINE_ROOM] = "", reason[128] = "";
    int fd = open_to_change(path, &st, &text, &keys, why, why_size), outcome = -1;
    if (fd < 0)
        ; /* told */
    else if (make(&keys, number, &change, line, reason, sizeof reason) < 0)
        snprintf(why, why_size, "%s: %s", path, reason);
    else if (replace(path, &text, &st, &change) < 0)
        snprintf(why, why_size, "%s: could not be replaced: %s", path, strerror(errno));
    else if (sync_folder(path) < 0)
        snprintf(why, why_size, "%s: it was changed, but a crash of the machine may undo that: its folder could not be synced: %s",
                 path, strerror(errno));
    else
        outcome = 0;
    if (fd >= 0)
        close(fd);
    key_file_wipe(&keys);
    explicit_bzero(&text, sizeof text);
    explicit_bzero(line, sizeof line);
    return outcome;
}

/* Reads the file, lets `make` say what changes, and does it. Of a link, to what it leads to. */
static int change_file(const char *path, make_change *make, uint32_t *number, char *why, size_t why_size)
{
    char *real = realpath(path, NULL);
    if (!real) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    int outcome = change_real(real, make, number, why, why_size);
    free(real);
    return outcome;
}

static int add(const struct key_file *keys, uint32_t *number, struct change *change, char line[LINE_ROOM], char *why,
               size_t why_size)
{
    char label[32];
    uint32_t newest = keys->seals[keys->count - 1].number;
    if (keys->count == KEYS_MAX || newest == KEY_NUMBER_MOST) {
        snprintf(why, why_size, "it has 16 sealing keys already; take out those that seal nothing any more");
        return -1;
    }
    *number = newest + 1;
    snprintf(label, sizeof label, "seal %u ", *number);
    change->add = line;
    snprintf(why, why_size, "no random bytes are to be had");
    return make_line(line, label, KEY_SEAL_BYTES);
}

int key_file_add(const char *path, uint32_t *number, char *why, size_t why_size)
{
    return change_file(path, add, number, why, why_size);
}

static int drop(const struct key_file *keys, uint32_t *number, struct change *change, char line[LINE_ROOM], char *why,
                size_t why_size)
{
    bool found = false;
    for (size_t i = 0; i < keys->count; i++)
        found |= keys->seals[i].number == *number;
    const char *fault = !found             ? "it has no sealing key %u"
                        : keys->count == 1 ? "it is the only sealing key"
                        : *number == keys->seals[keys->count - 1].number
                            ? "sealing key %u is the newest, which seals all that comes; only older ones are taken out"
                            : NULL;
    if (fault) {
        snprintf(why, why_size, fault, *number);
        return -1;
    }
    snprintf(line, LINE_ROOM, "seal %u ", *number);
    change->drop[0] = line;
    return 0;
}

int key_file_drop(const char *path, uint32_t number, char *why, size_t why_size)
{
    return change_file(path, drop, &number, why, why_size);
}

static int begin(const struct key_file *keys, uint32_t *number, struct change *change, char line[LINE_ROOM], char *why,
                 size_t why_size)
{
    (void)number;
    snprintf(why, why_size, keys->has_next ? "it has a `next` already" : "no random bytes are to be had");
    change->add = line;
    return keys->has_next ? -1 : make_line(line, "next ", KEY_MATCH_BYTES);
}

int key_file_begin(const char *path, char *why, size_t why_size)
{
    return change_file(path, begin, NULL, why, why_size);
}

static int finish(const struct key_file *keys, uint32_t *number, struct change *change, char line[LINE_ROOM], char *why,
                  size_t why_size)
{
    (void)number;
    if (!keys->has_next) {
        snprintf(why, why_size, "it has no `next`");
        return -1;
    }
    int len = snprintf(line, LINE_ROOM, "match ");
    for (size_t i = 0; i < KEY_MATCH_BYTES; i++)
        len += snprintf(line + len, LINE_ROOM - (size_t)len, "%02x", keys->next[i]);
    snprintf(line + len, LINE_ROOM - (size_t)len, "\n");
    *change = (struct change){{"match ", "next "}, line};
    return 0;
}

int key_file_finish(const char *path, char *why, size_t why_size)
{
    return change_file(path, finish, NULL, why, why_size);
}
