/* What the command says to people. The forms of one text take the same values in both languages; a test compares them.
 */
#define _GNU_SOURCE /* wcwidth */
#include "tool_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <wchar.h>

static const char *const texts[TEXT_COUNT][2] = {
#define TEXT(id, nl, en) {nl, en},
#include "text.def"
#undef TEXT
};

const char *text_of(enum text_lang lang, enum text_id id)
{
    return texts[id][lang];
}

int text_lang_of(const char *name, enum text_lang *lang)
{
    static const char *const names[] = {"nl", "en"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (strncmp(name, names[i], 2) == 0 && strchr("_.@-", name[2])) { /* strchr finds the end too */
            *lang = (enum text_lang)i;
            return 0;
        }
    return -1;
}

enum text_lang text_lang_here(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    enum text_lang lang = TEXT_NL;
    for (size_t i = 0; i < COUNT(variables); i++) {
        const char *value = getenv(variables[i]);
        if (!value || !*value)
            continue;
        bool says_nothing = strcmp(value, "POSIX") == 0 || (value[0] == 'C' && (value[1] == '\0' || value[1] == '.'));
        if (!says_nothing && text_lang_of(value, &lang) < 0)
            lang = TEXT_EN;
        break;
    }
    return lang;
}

const char *text_reason(enum text_lang lang, int fault)
{
    switch (fault) {
    case ENOENT:
        return text_of(lang, TEXT_REASON_ABSENT);
    case EACCES:
        return text_of(lang, TEXT_REASON_CLOSED);
    case EEXIST:
        return text_of(lang, TEXT_REASON_EXISTS);
    case EISDIR:
        return text_of(lang, TEXT_REASON_FOLDER);
    case ECONNREFUSED:
        return text_of(lang, TEXT_REASON_NOBODY);
    case ETIMEDOUT:
        return text_of(lang, TEXT_REASON_SILENT);
    default:
        return strerror(fault);
    }
}

/* The length of the control character, C0, DEL or C1, that these bytes of UTF-8 begin with; 0: it is none. */
static size_t control_at(const char *at, size_t len)
{
    unsigned char byte = (unsigned char)at[0], next = len > 1 ? (unsigned char)at[1] : 0;
    if (byte < 0x20 || byte == 0x7f)
        return 1;
    return byte == 0xc2 && next >= 0x80 && next < 0xa0 ? 2 : 0;
}

void text_show(struct slice text, char *out, size_t size)
{
    bool whole = text.len < size;
    size_t len = whole ? text.len : size - 4;
    while (!whole && len > 0 && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len;) {
        size_t control = control_at(text.at + i, len - i);
        *out++ = control > 0 ? '?' : text.at[i];
        i += control > 0 ? control : 1;
    }
    strcpy(out, whole ? "" : "...");
}

size_t text_character(struct slice text, size_t *bytes)
{
    wchar_t wide;
    mbstate_t state = {0};
    size_t len = mbrtowc(&wide, text.at, text.len, &state);
    int width = -1;
    if (len > 0 && len <= text.len) {
        width = wcwidth(wide);
    } else {
        len = 1;
        while (len < text.len && ((unsigned char)text.at[len] & 0xc0) == 0x80)
            len++;
    }
    *bytes = len;
    return width < 0 ? 1 : (size_t)width;
}

int text_width(const char *text)
{
    struct slice left = slice_of(text);
    size_t width = 0;
    while (left.len > 0) {
        size_t bytes;
        width += text_character(left, &bytes);
        left = (struct slice){left.at + bytes, left.len - bytes};
    }
    return (int)width;
}

void text_decimal(enum text_lang lang, double number, char out[TEXT_DECIMAL])
{
    snprintf(out, TEXT_DECIMAL, "%.1f", number);
    char *point = strchr(out, '.');
    if (point && lang == TEXT_NL)
        *point = ',';
}

void text_tell(enum text_lang lang, enum text_id id, ...)
{
    va_list values;
    fflush(stdout); /* where both go to one file, what was said before stands before */
    fputs("buurtaal: ", stderr);
    va_start(values, id);
    vfprintf(stderr, text_of(lang, id), values);
    va_end(values);
    fputc('\n', stderr);
}

int text_tell_output(enum text_lang lang)
{
    if (errno != EPIPE)
        text_tell(lang, TEXT_OUTPUT_LOST, text_reason(lang, errno ? errno : EIO));
    return EX_IOERR;
}
