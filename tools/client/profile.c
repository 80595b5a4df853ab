/* Profiles: read, written, and what they remember of a registry.
 *
 * Rules: an unknown name or one given twice is a fault, not a guess. A profile is written whole or not at all, and
 * never over another. What is remembered only serves to notice a registry that has lost something; without it all
 * works. */
#include "tool_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_credentials.h"
#include "tool_file.h"
#include "tool_memory.h"

/* ---- where it lies ---- */

/* A name means a file in the user's folder, what has a `/` is a file itself. */
char *profile_path(const char *name)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (strchr(name, '/'))
        return memory_text("%s", name);
    if (config && config[0] == '/')
        return memory_text("%s/buurtaal/%s.conf", config, name);
    return home && home[0] == '/' ? memory_text("%s/.config/buurtaal/%s.conf", home, name) : NULL;
}

/* A file named in the profile, seen from the profile's folder. */
static char *beside(const char *profile, const char *file)
{
    const char *slash = strrchr(profile, '/');
    if (file[0] == '/' || !slash)
        return memory_text("%s", file);
    return memory_text("%.*s/%s", (int)(slash - profile), profile, file);
}

char *profile_state_path(const struct profile *profile, const char *kind)
{
    size_t len = strlen(profile->path);
    if (len > 5 && strcmp(profile->path + len - 5, ".conf") == 0)
        len -= 5;
    return memory_text("%.*s.%s", (int)len, profile->path, kind);
}

/* ---- reading ---- */

struct loading {
    struct tool *tool;
    struct profile *profile;
    FILE *file;
    bool lang_read;
    int line, fault_line; /* of the file, from 1; the first that is at fault, 0: none yet */
    char *why;            /* what is wrong there */
};

/* inih's reader: fgets that counts lines. */
static char *read_line(char *line, int room, void *own)
{
    struct loading *loading = own;
    loading->line++;
    return fgets(line, room, loading->file);
}

static char **place_of(struct profile *profile, const char *name, bool *file)
{
    const struct {
        const char *name;
        char **place;
        bool file;
    } rows[] = {{"host", &profile->host, false},
                {"port", &profile->port, false},
                {"ca", &profile->ca, true},
                {"certificate", &profile->certificate, true},
                {"key", &profile->key, true}};
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(name, rows[i].name) == 0) {
            *file = rows[i].file;
            return rows[i].place;
        }
    return NULL;
}

/* Keeps the first fault. The forms take the name, then the value, as far as they take any. */
static int refuse(struct loading *loading, enum text_id id, const char *name, const char *value)
{
    if (!loading->why) {
        loading->fault_line = loading->line;
        loading->why = memory_text(text_of(loading->tool->lang, id), name, value);
    }
    return 0;
}

/* Called by inih for each pair. 1, or 0 at a fault. */
static int take(void *own, const char *section, const char *name, const char *value)
{
    struct loading *loading = own;
    bool file = false, is_lang = strcmp(name, "lang") == 0;
    char **place = place_of(loading->profile, name, &file);
    long number;
    if (*section)
        return refuse(loading, TEXT_PROFILE_SECTION, section, value);
    if (!place && !is_lang)
        return refuse(loading, TEXT_PROFILE_UNKNOWN, name, value);
    if (is_lang ? loading->lang_read : *place != NULL)
        return refuse(loading, TEXT_PROFILE_TWICE, name, value);
    if (!*value)
        return refuse(loading, TEXT_PROFILE_EMPTY, name, value);
    if (is_lang) {
        loading->lang_read = true;
        return text_lang_of(value, &loading->profile->lang) == 0 ? 1 : refuse(loading, TEXT_PROFILE_LANG, name, value);
    }
    if (strcmp(name, "port") == 0 && options_number(value, 1, 65535, &number) < 0)
        return refuse(loading, TEXT_PROFILE_PORT, name, value);
    *place = file ? beside(loading->profile->path, value) : memory_text("%s", value);
    return 1;
}

static const char *missing(const struct profile *profile)
{
    return !profile->host          ? "host"
           : !profile->ca          ? "ca"
           : !profile->certificate ? "certificate"
           : !profile->key         ? "key"
                                   : NULL;
}

static int read_file(struct tool *tool, struct profile *profile)
{
    struct loading loading = {.tool = tool, .profile = profile, .file = fopen(profile->path, "re")};
    if (!loading.file) {
        text_tell(tool->lang, TEXT_PROFILE_UNREAD, profile->path, text_reason(tool->lang, errno));
        return -1;
    }
    int line = ini_parse_stream(read_line, &loading, take, &loading);
    fclose(loading.file);
    if (line != 0) { /* the first line at fault: one of take's, or one that is no pair at all */
        text_tell(tool->lang, TEXT_PROFILE_LINE, profile->path, line,
                  line == loading.fault_line ? loading.why : text_of(tool->lang, TEXT_PROFILE_NO_PAIR));
        free(loading.why);
        return -1;
    }
    if (missing(profile)) {
        text_tell(tool->lang, TEXT_PROFILE_MISSING, profile->path, missing(profile));
        return -1;
    }
    if (!profile->port)
        profile->port = memory_text(PROFILE_PORT);
    if (!tool->lang_given && loading.lang_read)
        tool->lang = profile->lang;
    profile->lang = tool->lang;
    profile->quiet = tool->quiet;
    return 0;
}

struct profile *profile_load(struct tool *tool)
{
    struct profile *profile = memory_get(1, sizeof *profile);
    profile->path = profile_path(tool->profile);
    if (!profile->path)
        text_tell(tool->lang, TEXT_PROFILE_NOWHERE);
    if (!profile->path || read_file(tool, profile) < 0) {
        profile_free(profile);
        return NULL;
    }
    return profile;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    free(profile->path);
    free(profile->host);
    free(profile->port);
    free(profile->ca);
    free(profile->certificate);
    free(profile->key);
    free(profile);
}

/* ---- writing ---- */

int profile_make_folders(const char *path)
{
    char *folder = memory_text("%s", path);
    int result = 0;
    for (char *slash = strchr(folder + 1, '/'); slash && result == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
            result = -1;
        *slash = '/';
    }
    free(folder);
    return result;
}

void profile_recall(const struct profile *profile, struct profile_seen *seen)
{
    char *path = profile_state_path(profile, PROFILE_SEEN);
    FILE *file = fopen(path, "re");
    unsigned long long log;
    char end;
    memset(seen, 0, sizeof *seen);
    if (file) {
        if (fscanf(file, "log=%llu head=%64[0-9a-f]%c", &log, seen->head, &end) == 3 && end == '\n' &&
            strlen(seen->head) == 64)
            seen->log = log;
        else
            memset(seen, 0, sizeof *seen);
        fclose(file);
    }
    free(path);
}

int profile_remember(const struct profile *profile, const struct profile_seen *seen)
{
    char *path = profile_state_path(profile, PROFILE_SEEN);
    char *text = memory_text("log=%llu head=%s\n", (unsigned long long)seen->log, seen->head);
    int result = file_write(path, text, strlen(text), 0600, true);
    free(text);
    free(path);
    return result;
}

int profile_accept(const struct profile *profile, const struct profile_seen *now)
{
    struct profile_seen before;
    char *seen = profile_state_path(profile, PROFILE_SEEN), *old = memory_text("%s.old", seen);
    profile_recall(profile, &before);
    int fd = open(old, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int result = -1;
    if (fd >= 0) {
        result = dprintf(fd, "log=%llu head=%s\n", (unsigned long long)before.log, before.head) > 0 ? 0 : -1;
        result = close(fd) == 0 ? result : -1;
    }
    if (result == 0)
        result = now->log > 0 ? profile_remember(profile, now) : unlink(seen);
    free(old);
    free(seen);
    return result;
}

/* ---- the verb ---- */

/* A file's name made absolute, so that the profile means it wherever it lies; the caller frees. NULL after telling that
 * it is not there. */
static char *absolute(struct tool *tool, const char *file)
{
    char *path = realpath(file, NULL);
    if (!path)
        text_tell(tool->lang, TEXT_FILE_UNREAD, file, text_reason(tool->lang, errno));
    return path;
}

static int tell_exists(struct tool *tool, const char *path)
{
    text_tell(tool->lang, TEXT_PROFILE_EXISTS, path);
    return EX_CANTCREAT;
}

static int write_profile(struct tool *tool, const char *path, const char *host, const char *port, char *const files[3])
{
    char *text = memory_text("host = %s\nport = %s\nca = %s\ncertificate = %s\nkey = %s\n%s%s", host, port, files[0],
                             files[1], files[2], tool->lang_given ? "lang = " : "",
                             !tool->lang_given       ? ""
                             : tool->lang == TEXT_NL ? "nl\n"
                                                     : "en\n");
    int status = EX_OK;
    if (profile_make_folders(path) < 0 || file_write(path, text, strlen(text), 0600, false) < 0) {
        status = EX_CANTCREAT;
        if (errno == EEXIST)
            tell_exists(tool, path);
        else
            text_tell(tool->lang, TEXT_FILE_UNWRITTEN, path, text_reason(tool->lang, errno));
    } else if (!tool->quiet) {
        printf(text_of(tool->lang, TEXT_PROFILE_WRITTEN), path);
    }
    free(text);
    return status;
}

/* Whether the files can be what the profile says they are. 0, or -1 after telling which cannot. */
static int check_files(struct tool *tool, char *const files[3])
{
    struct certificate_facts facts;
    const char *why = "";
    int at = credentials_ca(files[0], &facts, &why, tool->lang) < 0            ? 0
             : credentials_certificate(files[1], &facts, &why, tool->lang) < 0 ? 1
             : credentials_key(files[2], files[1], &why, tool->lang) < 0       ? 2
                                                                               : -1;
    if (at >= 0)
        text_tell(tool->lang, TEXT_CLIENT_FILE, files[at], why);
    else if (credentials_key_closed(files[2]) == 0)
        text_tell(tool->lang, TEXT_CLIENT_KEY_OPEN, files[2], "chmod 600");
    else
        return 0;
    return -1;
}

/* The first thing that is wrong with the command line. 0, or a status after telling it. */
static int check_wishes(struct tool *tool, const struct options_verb *verb, const char *host, const char *port,
                        const char *const named[3])
{
    const char *absent = !host       ? "--host"
                         : !named[0] ? "--ca"
                         : !named[1] ? "--certificate"
                         : !named[2] ? "--key"
                                     : NULL;
    long number;
    if (absent)
        return options_fault(tool, verb, TEXT_OPTION_MISSING, absent);
    if (strpbrk(host, " \t\n;"))
        return options_fault(tool, verb, TEXT_PROFILE_HOST, host);
    if (port && options_number(port, 1, 65535, &number) < 0)
        return options_fault(tool, verb, TEXT_OPTION_PORT, port);
    return 0;
}

int profile_run(struct tool *tool, int argc, char **argv)
{
    const char *host = NULL, *port = NULL, *named[3] = {NULL};
    const struct options_row rows[] = {{"host", &host, NULL, 0},
                                       {"port", &port, NULL, 0},
                                       {"ca", &named[0], NULL, 0},
                                       {"certificate", &named[1], NULL, 0},
                                       {"key", &named[2], NULL, 0}};
    const struct options_verb verb = {"profile", TEXT_HELP_PROFILE, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "", count, argv) < 0)
        return EX_USAGE;
    status = check_wishes(tool, &verb, host, port, named);
    if (status != 0)
        return status;
    char *path = profile_path(tool->profile), *files[3] = {NULL};
    status = EX_NOINPUT;
    if (!path)
        text_tell(tool->lang, TEXT_PROFILE_NOWHERE);
    else if (access(path, F_OK) == 0)
        status = tell_exists(tool, path);
    else if ((files[0] = absolute(tool, named[0])) && (files[1] = absolute(tool, named[1])) &&
             (files[2] = absolute(tool, named[2])))
        status = check_files(tool, files) < 0 ? EX_CONFIG
                                              : write_profile(tool, path, host, port ? port : PROFILE_PORT, files);
    for (size_t i = 0; i < COUNT(files); i++)
        free(files[i]);
    free(path);
    return status;
}
