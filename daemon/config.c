/* The daemon's configuration: reads the INI file with inih and judges every line by the table in options.def.
 *
 * Limits: a line of the file has at most 8,192 bytes, the file any number of lines.
 * Rules: nothing is guessed and nothing is passed over: an unknown section or name, a name given twice, a value out of
 * its form or range are faults, each told with its line and what is allowed; and all of a file's faults are told at
 * once. inih sees one line at a time through read_line, which is how the line's number is known and why sections, which
 * inih does not report, are judged here. */
#define _GNU_SOURCE /* asprintf */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_ROOM 8192
#define WHY_RESERVE 48 /* for the line that counts the faults left out */

enum option_type { TYPE_TEXT, TYPE_NAME, TYPE_ADDRESS, TYPE_PATH, TYPE_NUMBER, TYPE_SECONDS, TYPE_WORD };

enum option_holds { FROM_RELOAD, FROM_START };

struct option {
    const char *section, *name;
    enum option_type type;
    int least, most;
    const char *fallback, *form;
    enum option_holds holds;
    const char *help;
    size_t offset;
};

static const struct option options[] = {
#define OPTION(section, name, member, type, least, most, fallback, form, holds, help)                                  \
    {section, name, TYPE_##type, least, most, fallback, form, holds, help, offsetof(struct config, member)},
#include "options.def"
#undef OPTION
};

/* One reading of one file. */
struct loading {
    const char *path;
    FILE *file;
    struct config *config;
    int line;                  /* of the file, from 1 */
    int given[COUNT(options)]; /* the line an option was given in; 0: not yet */
    bool section_known;
    char *bytes; /* getline's */
    size_t room;
    char *why;
    size_t why_room, why_len;
    unsigned faults, untold;
};

static bool is_text(const struct option *option)
{
    return option->type <= TYPE_PATH;
}

static const char **text_at(const struct config *config, const struct option *option)
{
    return (const char **)((char *)config + option->offset);
}

static int *number_at(const struct config *config, const struct option *option)
{
    return (int *)((char *)config + option->offset);
}

static void fault(struct loading *loading, int line, const struct option *option, const char *format, ...) PRINTF(4, 5);

/* Adds a line to `why`. `line` 0: it is about the file as a whole. */
static void fault(struct loading *loading, int line, const struct option *option, const char *format, ...)
{
    char place[64] = "", what[512];
    va_list values;

    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    if (option)
        snprintf(place, sizeof(place), " [%s] %s:", option->section, option->name);
    loading->faults++;
    size_t room = loading->why_room - loading->why_len;
    if (loading->untold == 0 && room > WHY_RESERVE) {
        int n = line > 0 ? snprintf(loading->why + loading->why_len, room - WHY_RESERVE, "%s:%d:%s %s\n", loading->path,
                                    line, place, what)
                         : snprintf(loading->why + loading->why_len, room - WHY_RESERVE, "%s:%s %s\n", loading->path,
                                    place, what);
        if (n > 0 && (size_t)n < room - WHY_RESERVE) {
            loading->why_len += (size_t)n;
            return;
        }
    }
    loading->untold++;
    if (room > 1)
        snprintf(loading->why + loading->why_len, room, "... and %u more\n", loading->untold);
}

/* What is allowed, for people. */
static const char *allowed(const struct option *option, char *out, size_t room)
{
    switch (option->type) {
    case TYPE_TEXT:
        snprintf(out, room, "%d to %d bytes without control characters", option->least, option->most);
        break;
    case TYPE_NAME:
        snprintf(out, room, "%d to %d visible ASCII characters", option->least, option->most);
        break;
    case TYPE_ADDRESS:
        snprintf(out, room, "an IPv4 or IPv6 address in digits");
        break;
    case TYPE_PATH:
        snprintf(out, room, "the name of a file, at most %d bytes", option->most);
        break;
    case TYPE_NUMBER:
        snprintf(out, room, "a whole number from %d to %d", option->least, option->most);
        break;
    case TYPE_SECONDS:
        snprintf(out, room, "%d to %d seconds, as in 90, 90 s, 10 min or 1 h", option->least, option->most);
        break;
    case TYPE_WORD:
        snprintf(out, room, "one of: %s", option->form);
        break;
    }
    return out;
}

/* getaddrinfo takes `fe80::1%eth0`, which inet_pton does not, but also `1.2.3` for 1.2.0.3. */
static bool is_address(const char *value)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct in_addr version_4;

    if (inet_pton(AF_INET, value, &version_4) == 1)
        return true;
    if (getaddrinfo(value, NULL, &hints, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

static bool text_allowed(const struct option *option, const char *value)
{
    size_t len = strlen(value);

    if (len < (size_t)option->least || len > (size_t)option->most)
        return false;
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (iscntrl(*c) || (option->type == TYPE_NAME && !isgraph(*c)))
            return false;
    return option->type != TYPE_ADDRESS || is_address(value);
}

/* A whole number in decimal digits and, for SECONDS, a unit; strtol would also take signs, spaces and 0x. */
static bool read_number(const struct option *option, const char *value, int *out)
{
    static const struct {
        const char *name;
        long seconds;
    } units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}};
    long number = 0;
    const char *c = value;

    for (; isdigit((unsigned char)*c); c++)
        if ((number = number * 10 + (*c - '0')) > INT_MAX)
            return false;
    if (c == value)
        return false;
    if (option->type == TYPE_SECONDS) {
        while (*c == ' ')
            c++;
        size_t unit = 0;
        while (unit < COUNT(units) && strcmp(c, units[unit].name) != 0)
            unit++;
        if (unit == COUNT(units))
            return false;
        number *= units[unit].seconds;
    } else if (*c) {
        return false;
    }
    if (number < option->least || number > option->most)
        return false;
    *out = (int)number;
    return true;
}

static bool read_word(const struct option *option, const char *value, int *out)
{
    size_t len = strlen(value);
    int place = option->least;

    for (const char *word = option->form; *word; place++) {
        size_t n = strcspn(word, " ");
        if (n == len && memcmp(word, value, n) == 0) {
            *out = place;
            return true;
        }
        word += n + strspn(word + n, " ");
    }
    return false;
}

/* A path as the daemon opens it: what is not absolute begins at the folder of the configuration file. */
static char *whole_path(const char *config_path, const char *value)
{
    const char *slash = strrchr(config_path, '/');
    char *path;

    if (value[0] == '/' || !slash)
        return strdup(value);
    return asprintf(&path, "%.*s%s", (int)(slash + 1 - config_path), config_path, value) < 0 ? NULL : path;
}

/* Puts `value` in its member. 0; -1: not allowed; -2: out of memory. */
static int set(struct loading *loading, const struct option *option, const char *value)
{
    if (!is_text(option)) {
        int *number = number_at(loading->config, option);
        bool good = option->type == TYPE_WORD ? read_word(option, value, number) : read_number(option, value, number);
        return good ? 0 : -1;
    }
    if (!text_allowed(option, value))
        return -1;
    char *copy = option->type == TYPE_PATH ? whole_path(loading->path, value) : strdup(value);
    if (!copy)
        return -2;
    *text_at(loading->config, option) = copy;
    return 0;
}

/* inih's handler: one `name = value`. Returns non-zero always, for inih keeps but the first fault. */
static int take_option(void *user, const char *section, const char *name, const char *value)
{
    struct loading *loading = user;
    char text[256];
    size_t i = 0;

    if (!loading->section_known) { /* told where the section began, unless none did */
        if (!section[0])
            fault(loading, loading->line, NULL, "\"%.64s\" stands before the first [section]", name);
        return 1;
    }
    while (i < COUNT(options) && (strcmp(options[i].section, section) != 0 || strcmp(options[i].name, name) != 0))
        i++;
    if (i == COUNT(options)) {
        fault(loading, loading->line, NULL, "there is no option \"%.64s\" in [%s]; buurtaald.conf(5) lists them", name,
              section);
        return 1;
    }
    const struct option *option = &options[i];
    if (loading->given[i]) {
        fault(loading, loading->line, option, "is given already in line %d", loading->given[i]);
        return 1;
    }
    loading->given[i] = loading->line;
    if (!value || !value[0]) {
        fault(loading, loading->line, option, "has no value; allowed is %s", allowed(option, text, sizeof(text)));
        return 1;
    }
    int outcome = set(loading, option, value);
    if (outcome == -1)
        fault(loading, loading->line, option, "is \"%.128s\"; allowed is %s", value,
              allowed(option, text, sizeof(text)));
    else if (outcome == -2)
        fault(loading, loading->line, option, "out of memory");
    return 1;
}

static bool is_section(struct slice name)
{
    for (size_t i = 0; i < COUNT(options); i++)
        if (slice_is(name, options[i].section))
            return true;
    return false;
}

/* A line that begins a section, `text` being its first `[`. False: inih must not see it. */
static bool take_section(struct loading *loading, const char *text)
{
    const char *end = strchr(text, ']');

    loading->section_known = false;
    if (!end || end[1 + strspn(end + 1, " \t\r\n")]) {
        fault(loading, loading->line, NULL, "a section has the form [name], with nothing behind it");
        return true; /* so that what follows is not taken for part of the section before */
    }
    struct slice name = {text + 1, (size_t)(end - text - 1)};
    loading->section_known = is_section(name);
    if (!loading->section_known)
        fault(loading, loading->line, NULL, "there is no section [%.*s]; buurtaald.conf(5) lists them",
              (int)(name.len < 64 ? name.len : 64), name.at);
    return true;
}

/* inih's reader: one line, whole or, when it cannot be one, empty. */
static char *read_line(char *line, int room, void *stream)
{
    struct loading *loading = stream;

    errno = 0;
    ssize_t len = getline(&loading->bytes, &loading->room, loading->file);
    if (len < 0) {
        if (ferror(loading->file) || errno == ENOMEM)
            fault(loading, 0, NULL, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    loading->line++;
    bool usable = true;
    if (len >= room) {
        fault(loading, loading->line, NULL, "the line has more than %d bytes", room - 1);
        usable = false;
    } else if (memchr(loading->bytes, '\0', (size_t)len)) {
        fault(loading, loading->line, NULL, "the line holds a NUL; is this a text file?");
        usable = false;
    } else {
        const char *text = loading->bytes;
        if (loading->line == 1 && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
            text += 3;
        text += strspn(text, " \t\r\n");
        if (text[0] == '[')
            usable = take_section(loading, text);
    }
    memcpy(line, usable ? loading->bytes : "\n", usable ? (size_t)len + 1 : 2);
    return line;
}

/* What was not given. */
static void fall_back(struct loading *loading)
{
    char text[256];

    for (size_t i = 0; i < COUNT(options); i++) {
        if (loading->given[i])
            continue;
        if (!options[i].fallback)
            fault(loading, 0, &options[i], "must be given: %s", allowed(&options[i], text, sizeof(text)));
        else if (options[i].fallback[0] && set(loading, &options[i], options[i].fallback) < 0)
            fault(loading, 0, &options[i], "out of memory");
    }
    struct config *config = loading->config;
    if (!config->database_read && config->database_write) {
        config->database_read = strdup(config->database_write);
        if (!config->database_read)
            fault(loading, 0, NULL, "out of memory");
    }
    if (!config->server_name) {
        char host[65] = "";
        if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
            strcpy(host, "localhost");
        config->server_name = strdup(host);
        if (!config->server_name)
            fault(loading, 0, NULL, "out of memory");
    }
}

/* inih's settings are variables of the library. Values may hold `;` (a password), a value is one line, and a name alone
 * comes to take_option, which tells what is wrong with it. */
static void set_up_inih(void)
{
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = LINE_ROOM + 2;
    ini_initial_alloc = LINE_ROOM + 2;
    ini_allow_inline_comments = false;
    ini_allow_multiline = false;
    ini_allow_no_value = true;
}

struct config *config_load(const char *path, char *why, size_t why_size)
{
    struct loading loading = {.path = path, .why = why, .why_room = why_size};

    if (why_size > 0)
        why[0] = '\0';
    loading.config = calloc(1, sizeof(*loading.config));
    if (!loading.config) {
        fault(&loading, 0, NULL, "out of memory");
        return NULL;
    }
    loading.file = fopen(path, "re");
    if (!loading.file) {
        fault(&loading, 0, NULL, "cannot be opened: %s", strerror(errno));
    } else {
        set_up_inih();
        if (ini_parse_stream(read_line, &loading, take_option, &loading) == -2)
            fault(&loading, 0, NULL, "out of memory");
        fclose(loading.file);
        fall_back(&loading);
    }
    free(loading.bytes);
    if (loading.faults > 0) {
        config_free(loading.config);
        return NULL;
    }
    return loading.config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < COUNT(options); i++)
        if (is_text(&options[i]))
            free((void *)*text_at(config, &options[i]));
    free(config);
}

static bool differs(const struct config *old, const struct config *new, const struct option *option)
{
    if (!is_text(option))
        return *number_at(old, option) != *number_at(new, option);
    const char *a = *text_at(old, option), *b = *text_at(new, option);
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static void exchange(struct config *a, struct config *b, const struct option *option)
{
    if (is_text(option)) {
        const char **one = text_at(a, option), **other = text_at(b, option), *kept = *one;
        *one = *other;
        *other = kept;
    } else {
        int *one = number_at(a, option), *other = number_at(b, option), kept = *one;
        *one = *other;
        *other = kept;
    }
}

const char *config_keep(struct config *new, struct config *old, char *out, size_t room)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < COUNT(options); i++) {
        const struct option *option = &options[i];
        if (option->holds != FROM_START || !differs(old, new, option))
            continue;
        exchange(old, new, option);
        int n = snprintf(out + len, room - len, "%s%s.%s", len ? " " : "", option->section, option->name);
        if (n > 0 && (size_t)n < room - len)
            len += (size_t)n;
        else
            out[len] = '\0'; /* no name is cut in two */
    }
    return out;
}

static void print_option(FILE *out, const struct option *option)
{
    if (option->type == TYPE_WORD) {
        fprintf(out, ".It Cm %s Ns = Ns", option->name);
        for (const char *c = option->form, *end; *c; c = end + strspn(end, " ")) {
            end = c + strcspn(c, " ");
            fprintf(out, "%s Cm %.*s", c == option->form ? "" : " | Ns", (int)(end - c), c);
        }
        fputc('\n', out);
    } else {
        fprintf(out, ".It Cm %s Ns = Ns Ar %s\n", option->name, option->form);
    }
    fprintf(out, "%s\n", option->help);
    if (option->type == TYPE_NUMBER)
        fprintf(out, "From %d to %d.\n", option->least, option->most);
    if (option->type == TYPE_SECONDS)
        fprintf(out, "From %d to %d seconds.\n", option->least, option->most);
    if (!option->fallback)
        fputs("It must be given.\n", out);
    else if (option->fallback[0])
        fprintf(out, "The default is\n.Ql %s .\n", option->fallback);
    if (option->holds == FROM_START)
        fputs("A change of it waits for a restart.\n", out);
}

int config_print_options(FILE *out)
{
    for (size_t i = 0; i < COUNT(options); i++) {
        bool first = i == 0 || strcmp(options[i].section, options[i - 1].section) != 0;
        bool last = i + 1 == COUNT(options) || strcmp(options[i].section, options[i + 1].section) != 0;
        if (first)
            fprintf(out, ".Ss [%s]\n.Bl -tag -width Ds\n", options[i].section);
        print_option(out, &options[i]);
        if (last)
            fputs(".El\n", out);
    }
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
