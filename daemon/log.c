/* The daemon's log: one write(2) a line on stderr, so that lines of several daemons never mix.
 *
 * Limits: a line has at most 2,048 bytes with its LF; what is longer is cut and ends in `...`.
 * Rules: no allocation, errno is left as it was, and whatever a caller formats, one call gives one line: control
 * characters that slipped through become `?`. The journal notes the time itself; any other stderr gets a `time=`. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048
#define LOG_LEVEL_CRITICAL 2

/* The one setting of the process that is global; log.h says why. */
static enum log_level threshold = LOG_LEVEL_INFO;

void log_level(enum log_level level)
{
    threshold = level;
}

/* Whether stderr is the journal itself and not a file or terminal that an inherited JOURNAL_STREAM is not about. */
static bool journal_listens(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;

    return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &info) == 0 &&
           (unsigned long long)info.st_dev == device && (unsigned long long)info.st_ino == inode;
}

/* Appends at *len, cut where the room ends; false when it did not fit. */
static bool append_list(char *line, size_t room, size_t *len, const char *format, va_list values)
{
    int wanted = vsnprintf(line + *len, room - *len, format, values);
    if (wanted < 0)
        return false;
    bool fits = (size_t)wanted < room - *len;
    *len = fits ? *len + (size_t)wanted : room - 1;
    return fits;
}

static bool append(char *line, size_t room, size_t *len, const char *format, ...) PRINTF(4, 5);

static bool append(char *line, size_t room, size_t *len, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    bool fits = append_list(line, room, len, format, values);
    va_end(values);
    return fits;
}

/* RFC 3339 in UTC, to the millisecond. */
static void append_time(char *line, size_t room, size_t *len)
{
    struct timespec now;
    struct tm parts;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &parts) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return;
    (void)append(line, room, len, "time=%s.%03ldZ ", text, now.tv_nsec / 1000000);
}

static void emit(int priority, const char *event, const char *format, va_list values)
{
    char line[LOG_LINE_MAX];
    const size_t room = sizeof(line) - 4; /* for "..." and LF */
    size_t len = 0, sent = 0;
    int saved = errno;

    bool fits = append(line, room, &len, "<%d>", priority);
    if (!journal_listens())
        append_time(line, room, &len);
    fits = fits && append(line, room, &len, "event=%s", event);
    if (fits && format[0])
        fits = append(line, room, &len, " ") && append_list(line, room, &len, format, values);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    if (!fits) {
        memcpy(line + len, "...", 3);
        len += 3;
    }
    line[len++] = '\n';
    while (sent < len) {
        ssize_t n = write(STDERR_FILENO, line + sent, len - sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nowhere left to complain to */
        sent += (size_t)n;
    }
    errno = saved;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (level > threshold)
        return;
    va_list values;
    va_start(values, format);
    emit((int)level, event, format, values);
    va_end(values);
}

void log_fatal(const char *event, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    emit(LOG_LEVEL_CRITICAL, event, format, values);
    va_end(values);
    exit(EX_SOFTWARE);
}

void log_fatal_config(const char *event, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    emit(LOG_LEVEL_CRITICAL, event, format, values);
    va_end(values);
    exit(EX_CONFIG);
}

/* One character of a quoted value; the number of bytes written to `to` (at most 4). */
static size_t escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
        to[0] = (char)c;
        return 1;
    }
    to[0] = '\\';
    if (c == '"' || c == '\\' || c == '\n' || c == '\t') {
        to[1] = c == '\n' ? 'n' : c == '\t' ? 't' : (char)c;
        return 2;
    }
    to[1] = 'x';
    to[2] = hex[c >> 4];
    to[3] = hex[c & 15];
    return 4;
}

static bool is_bare(const char *text)
{
    if (!text[0])
        return false;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '"' || *c == '\\' || *c == '=')
            return false;
    return true;
}

const char *log_quote(char *out, size_t room, const char *text)
{
    if (room < 3) { /* not even "" */
        if (room > 0)
            out[0] = '\0';
        return out;
    }
    if (is_bare(text) && strlen(text) < room) {
        strcpy(out, text);
        return out;
    }
    size_t len = 0;
    out[len++] = '"';
    for (; *text; text++) {
        char piece[4];
        size_t n = escape(piece, (unsigned char)*text);
        if (len + n + 2 > room) /* the closing quote and the NUL */
            break;
        memcpy(out + len, piece, n);
        len += n;
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}
