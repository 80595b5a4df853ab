/* Bytes <-> line <-> name=value; grammar.abnf says the same in RFC 5234.
 *
 * Limits: a line has at most LINE_MAX_BYTES bytes with its LF.
 * Rules: what is not exactly right is refused, never mended. The writer keeps to the same rules as the reader, so that
 * nothing a peer or the database brings can end a line or hide in one.
 * Checking is on the road of every byte: text in ASCII goes eight bytes a step, everything else a character a step. */
#include "line.h"

/* What a byte may be. Bytes from 0x80 begin or go on a character of several bytes, which char_len judges as a whole. */
enum byte_class {
    BYTE_FORBIDDEN, /* controls and DEL */
    BYTE_BARE,      /* may stand in a bare value */
    BYTE_QUOTED,    /* only between quotes */
    BYTE_ESCAPED,   /* only between quotes, behind a backslash */
    BYTE_LONG,      /* part of a character of several bytes */
};

static const uint8_t byte_class[256] = {
    ['\t'] = BYTE_ESCAPED, ['\n'] = BYTE_ESCAPED,     [' '] = BYTE_QUOTED,         ['!'] = BYTE_BARE,
    ['"'] = BYTE_ESCAPED,  ['#' ... '<'] = BYTE_BARE, ['='] = BYTE_QUOTED,         ['>' ... '['] = BYTE_BARE,
    ['\\'] = BYTE_ESCAPED, [']' ... '~'] = BYTE_BARE, [0x80 ... 0xff] = BYTE_LONG,
};

#define EACH_BYTE 0x0101010101010101u

/* ---- the characters of a line ---- */

/* Whether eight bytes are all printable ASCII. Each term has a high bit set if any byte is, in turn: below a space,
 * DEL, or from 0x80. */
static bool eight_plain(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t del = word ^ 0x7f * EACH_BYTE;
    uint64_t odd = ((word - 0x20 * EACH_BYTE) & ~word) | ((del - EACH_BYTE) & ~del) | word;
    return (odd & 0x80 * EACH_BYTE) == 0;
}

static bool code_point_allowed(uint32_t code)
{
    if (code < 0xa0)
        return false; /* C1 */
    if (code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
        (code >= 0x2066 && code <= 0x2069))
        return false; /* bidi controls: the line would not read as it is */
    if (code == 0x2028 || code == 0x2029)
        return false; /* line and paragraph separator */
    bool noncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe;
    return !noncharacter;
}

/* The length in bytes of the character of several bytes at `bytes`, of which `len` (at least 1) are there: 2 to 4 when
 * it is well formed and allowed, 0 when it is not. Where `len` cuts off a character that may still become one, its
 * length all the same. */
static size_t char_len(const unsigned char *bytes, size_t len)
{
    unsigned char first = bytes[0], least = 0x80, most = 0xbf;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t want = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    switch (first) { /* the second byte is narrowed by what would be overlong, a surrogate, or past U+10FFFF */
    case 0xe0:
        least = 0xa0;
        break;
    case 0xed:
        most = 0x9f;
        break;
    case 0xf0:
        least = 0x90;
        break;
    case 0xf4:
        most = 0x8f;
        break;
    }
    uint32_t code = first & (0xffu >> (want + 1));
    for (size_t i = 1; i < want && i < len; i++) {
        if (bytes[i] < least || bytes[i] > most)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
        least = 0x80;
        most = 0xbf;
    }
    return len < want || code_point_allowed(code) ? want : 0;
}

enum line_verdict line_take(const char *bytes, size_t len, size_t *end)
{
    const size_t most = LINE_MAX_BYTES - 1; /* without the LF */
    size_t seen = len < most ? len : most, at = 0;
    while (at < seen) {
        if (seen - at >= 8 && eight_plain(bytes + at)) {
            at += 8;
            continue;
        }
        unsigned char byte = (unsigned char)bytes[at];
        size_t step = 1;
        if (byte >= 0x80)
            step = char_len((const unsigned char *)bytes + at, seen - at);
        else if (byte == '\n')
            break;
        else if (byte < 0x20 || byte == 0x7f)
            step = 0;
        if (step == 0)
            return LINE_BAD;
        at += step;
    }
    if (at > most) /* a character that can end only where no room is left for it and the LF */
        return LINE_BAD;
    if (at >= len)
        return LINE_PART;
    if (bytes[at] != '\n')
        return LINE_BAD;
    *end = at;
    return LINE_WHOLE;
}

/* ---- reading ---- */

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The length of the name at the cursor, 0 when there is none. */
static size_t name_len(const struct line_cursor *cursor)
{
    const char *at = cursor->at;
    if (at == cursor->end || *at < 'a' || *at > 'z')
        return 0;
    while (at < cursor->end && name_char(*at))
        at++;
    return (size_t)(at - cursor->at);
}

static bool at_end_of_word(const struct line_cursor *cursor)
{
    return cursor->at == cursor->end || *cursor->at == ' ';
}

/* Reads a bare value, which may turn out empty. */
static int read_bare(struct line_cursor *cursor, struct slice *value)
{
    char *at = cursor->at;
    while (at < cursor->end &&
           (byte_class[(unsigned char)*at] == BYTE_BARE || byte_class[(unsigned char)*at] == BYTE_LONG))
        at++;
    *value = (struct slice){cursor->at, (size_t)(at - cursor->at)};
    cursor->at = at;
    return at_end_of_word(cursor) ? 0 : -1;
}

static char unescaped(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case 'n':
        return '\n';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

/* Reads a quoted value, the cursor on its first quote. Decoding makes it shorter or leaves it as it is, so it stays in
 * its place. */
static int read_quoted(struct line_cursor *cursor, struct slice *value)
{
    char *from = cursor->at + 1, *to = from;
    *value = (struct slice){from, 0};
    while (from < cursor->end && *from != '"') {
        char c = *from++;
        if (c == '\\') {
            c = from < cursor->end ? unescaped(*from++) : '\0';
            if (c == '\0')
                return -1;
        }
        *to++ = c;
    }
    if (from == cursor->end)
        return -1;
    value->len = (size_t)(to - value->at);
    cursor->at = from + 1;
    return at_end_of_word(cursor) ? 0 : -1;
}

/* Reads what stands behind a name of `len` bytes: `=` and a value. */
static int read_value(struct line_cursor *cursor, size_t len, struct slice *name, struct slice *value)
{
    *name = (struct slice){cursor->at, len};
    cursor->at += len;
    if (len == 0 || cursor->at == cursor->end || *cursor->at != '=')
        return -1;
    cursor->at++;
    return cursor->at < cursor->end && *cursor->at == '"' ? read_quoted(cursor, value) : read_bare(cursor, value);
}

int line_verb(struct line_cursor *cursor, struct slice *verb)
{
    size_t len = name_len(cursor);
    if (len == 0)
        return -1;
    *verb = (struct slice){cursor->at, len};
    cursor->at += len;
    return at_end_of_word(cursor) ? 0 : -1;
}

int line_field(struct line_cursor *cursor, struct slice *name, struct slice *value)
{
    if (cursor->at == cursor->end)
        return 0;
    if (*cursor->at != ' ')
        return -1;
    cursor->at++;
    return read_value(cursor, name_len(cursor), name, value) < 0 ? -1 : 1;
}

/* Steps over the space between two parts; there must be something behind it. */
static int next_part(struct line_cursor *cursor)
{
    if (cursor->at < cursor->end && ++cursor->at == cursor->end)
        return -1;
    return 0;
}

int line_part(struct line_cursor *cursor, struct slice *name, struct slice *value)
{
    if (cursor->at == cursor->end)
        return 0;
    size_t len = name_len(cursor);
    if (len > 0 && cursor->at + len < cursor->end && cursor->at[len] == '=')
        return read_value(cursor, len, name, value) < 0 || next_part(cursor) < 0 ? -1 : 1;
    if (*cursor->at == '=') { /* the word that begins a row */
        *name = (struct slice){cursor->at++, 1};
        if (!at_end_of_word(cursor))
            return -1;
    } else if (read_bare(cursor, name) < 0 || name->len == 0) {
        return -1;
    }
    return next_part(cursor) < 0 ? -1 : 2;
}

/* ---- writing ---- */

static void put(struct line_writer *writer, const char *bytes, size_t len)
{
    if (writer->overflow || len > writer->room - writer->len) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->bytes + writer->len, bytes, len);
    writer->len += len;
}

static void put_char(struct line_writer *writer, char c)
{
    put(writer, &c, 1);
}

/* The most that the bytes of a value ask for: BYTE_BARE, BYTE_QUOTED or BYTE_ESCAPED; BYTE_FORBIDDEN when it is not
 * text. */
static enum byte_class need_of(struct slice value)
{
    enum byte_class need = value.len ? BYTE_BARE : BYTE_QUOTED;
    for (size_t i = 0; i < value.len;) {
        enum byte_class class = byte_class[(unsigned char)value.at[i]];
        size_t step = 1;
        if (class == BYTE_LONG) {
            step = char_len((const unsigned char *)value.at + i, value.len - i);
            class = step > 0 && step <= value.len - i ? BYTE_BARE : BYTE_FORBIDDEN;
        }
        if (class == BYTE_FORBIDDEN)
            return BYTE_FORBIDDEN;
        if (class > need)
            need = class;
        i += step;
    }
    return need;
}

static void put_escaped(struct line_writer *writer, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (byte_class[(unsigned char)c] == BYTE_ESCAPED) {
            put_char(writer, '\\');
            c = c == '\n' ? 'n' : c == '\t' ? 't' : c;
        }
        put_char(writer, c);
    }
}

void line_begin(struct line_writer *writer, char *bytes, size_t room, const char *word)
{
    *writer = (struct line_writer){.bytes = bytes, .room = room};
    put(writer, word, strlen(word));
}

void line_word(struct line_writer *writer, const char *word)
{
    put_char(writer, ' ');
    put(writer, word, strlen(word));
}

void line_put(struct line_writer *writer, const char *name, struct slice value)
{
    if (!value.at)
        return;
    enum byte_class need = need_of(value);
    if (need == BYTE_FORBIDDEN) {
        writer->overflow = true;
        return;
    }
    put_char(writer, ' ');
    put(writer, name, strlen(name));
    put_char(writer, '=');
    if (need != BYTE_BARE)
        put_char(writer, '"');
    if (need == BYTE_ESCAPED)
        put_escaped(writer, value);
    else
        put(writer, value.at, value.len);
    if (need != BYTE_BARE)
        put_char(writer, '"');
}

void line_put_text(struct line_writer *writer, const char *name, const char *value)
{
    line_put(writer, name, slice_of(value));
}

void line_put_number(struct line_writer *writer, const char *name, long long value)
{
    char digits[24], *at = digits + sizeof digits;
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--at = '-';
    line_put(writer, name, (struct slice){at, (size_t)(digits + sizeof digits - at)});
}

size_t line_end(struct line_writer *writer)
{
    put_char(writer, '\n');
    return writer->overflow ? 0 : writer->len;
}
