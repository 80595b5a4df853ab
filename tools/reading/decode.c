/* The text of a file in UTF-8. iconv does the work; here is decided from what, and cut where its rooms end.
 *
 * Rules: an encoding is believed only when the whole file is in it, so the file is read once before it is used; nearly
 * all bytes are in Windows-1252, so its accents must also stand where words have them. A NUL is never text, nor is a
 * file with many control characters. A few of those are left in: the row they stand in is told. */
#include "tool_decode.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <unistr.h>

#include "tool_memory.h"

#define ROOM 16384
#define CONTROLS_IN 64 /* one control character in so many makes a file binary */

static const struct encoding {
    const char *name, *iconv;
    size_t mark_len;
    const char *mark; /* the byte order mark */
} encodings[] = {
    {"UTF-8", "UTF-8", 3, "\xef\xbb\xbf"},   {"UTF-16", "UTF-16LE", 2, "\xff\xfe"},
    {"UTF-16", "UTF-16BE", 2, "\xfe\xff"},   {"UTF-8", "UTF-8", 0, ""},
    {"UTF-16", "UTF-16LE", 0, ""},           {"UTF-16", "UTF-16BE", 0, ""},
    {"Windows-1252", "WINDOWS-1252", 0, ""},
};
enum { MARKED = 3, PLAIN_UTF8 = 3, PLAIN_UTF16LE, PLAIN_UTF16BE, WINDOWS }; /* the first so many have a mark */

struct decode {
    FILE *file;
    const char *name;
    enum text_lang lang;
    const struct encoding *encoding;
    iconv_t way;
    size_t len; /* bytes of `bytes` that are not decoded yet */
    char bytes[ROOM];
};

enum part { PART_FINE, PART_END, PART_UNREAD, PART_WRONG };

/* ---- decoding ---- */

static int turn_back(struct decode *decode)
{
    decode->len = 0;
    iconv(decode->way, NULL, NULL, NULL, NULL);
    return fseeko(decode->file, (off_t)decode->encoding->mark_len, SEEK_SET);
}

/* Goes on from the first byte in another encoding. 0, or -1 with errno. */
static int use(struct decode *decode, const struct encoding *encoding)
{
    if (decode->encoding)
        iconv_close(decode->way);
    decode->encoding = NULL;
    decode->way = iconv_open("UTF-8", encoding->iconv);
    if (decode->way == (iconv_t)-1)
        return -1;
    decode->encoding = encoding;
    return turn_back(decode);
}

/* Decodes until something has come of it. PART_FINE with `*got` above 0, PART_END, PART_UNREAD with errno, or
 * PART_WRONG: the bytes are not in this encoding. */
static enum part take(struct decode *decode, char *room, size_t len, size_t *got)
{
    for (;;) {
        size_t fresh = fread(decode->bytes + decode->len, 1, ROOM - decode->len, decode->file);
        if (ferror(decode->file))
            return PART_UNREAD;
        decode->len += fresh;
        if (decode->len == 0)
            return PART_END;
        char *in = decode->bytes, *out = room;
        size_t in_left = decode->len, out_left = len;
        size_t result = iconv(decode->way, &in, &in_left, &out, &out_left);
        int fault = errno;
        memmove(decode->bytes, in, in_left);
        decode->len = in_left;
        *got = len - out_left;
        if (*got > 0)
            return PART_FINE; /* what is wrong behind it comes up next time */
        if (result == (size_t)-1 && (fault != EINVAL || fresh == 0))
            return PART_WRONG;
    }
}

/* ---- which encoding ---- */

/* Follows bytes that may be UTF-8. `due` is how many are still to come of a character, 0 before the first. Whether this
 * one ends a character of several bytes. */
static bool ends_utf8(unsigned *due, unsigned byte)
{
    if (*due > 0 && byte >= 0x80 && byte < 0xc0)
        return --*due == 0;
    *due = byte >= 0xf5 ? 0 : byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2 ? 1 : 0;
    return false;
}

static bool is_small(int byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_letter(int byte)
{
    return is_small(byte | 0x20);
}

bool decode_is_misread(struct slice text)
{
    /* What Windows-1252 makes of the bytes 0x80 to 0x9f. */
    static const ucs4_t high[32] = {0x20ac, 0,      0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                    0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0,      0x17d,  0,
                                    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                    0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0,      0x17e,  0x178};
    unsigned due = 0;
    int before = 0;
    for (size_t at = 0; at < text.len;) {
        ucs4_t character, byte;
        int taken = u8_mbtoucr(&character, (const uint8_t *)text.at + at, text.len - at);
        byte = taken > 0 && character < 0x100 ? character : 0;
        for (unsigned i = 0; taken > 0 && i < COUNT(high); i++)
            if (high[i] == character && character > 0)
                byte = 0x80 + i;
        size_t end = at + (taken > 0 ? (size_t)taken : 1);
        bool among = is_small(before) || (is_letter(before) && end < text.len && is_small(text.at[end]));
        /* Capitals with accents are in no word there; old Macs had small ones in their place. */
        if (ends_utf8(&due, byte) ||
            (among && byte > 0 && byte < 0xa0 && memchr("\x83\x88\x8a\x8c\x8e\x9f", (int)byte, 6)))
            return true;
        before = (int)byte;
        at = end;
    }
    return false;
}

/* Whether Windows-1252 makes no word of a byte between two others, though DOS or old Macs do, which had accents there:
 * a sign or a capital behind a small letter, or a sign between letters of which the second is small. */
static bool is_elsewhere(int left, int byte, int right)
{
    static const char strange[] = "\x82\x84\x87\x88\x89\x8a\x8b\x8c\x8e\x91\x93\x95\x98\x9b\x9f";
    if (byte < 0x80)
        return false;
    bool between = is_letter(left) && is_small(right);
    if (byte == 0x83) /* the florin */
        return is_letter(left) || is_letter(right);
    if (byte >= 0xc0)
        return is_small(left) && byte < 0xdf && byte != 0xd7;
    return memchr(strange, byte, sizeof strange - 1) ? is_small(left) || between
                                                     : between && memchr("\x94\x96\x97", byte, 3);
}

/* Whether a file that could be Windows-1252 reads as that. Not when most of its accents are UTF-8, of which something
 * is broken; nor when as many of them stand where DOS and old Macs had theirs; nor when there are only s, z and oe with
 * accents, where Macs had o and u. */
static bool is_windows(FILE *file)
{
    size_t high = 0, utf8 = 0, here = 0, elsewhere = 0, either = 0;
    unsigned due = 0;
    int left = 0, byte = 0, right;
    rewind(file);
    do {
        right = getc(file);
        bool other = is_elsewhere(left, byte, right);
        elsewhere += other;
        here += byte >= 0xc0 && !other;
        either += is_letter(left) && byte >= 0x80 && memchr("\x9a\x9c\x9e", byte, 3);
        high += byte >= 0xc0;
        utf8 += ends_utf8(&due, (unsigned)byte);
        left = byte;
        byte = right;
    } while (right != EOF);
    if (utf8 * 2 > high)
        return false;
    return elsewhere > 0 ? elsewhere < here : here > 0 || either == 0;
}

/* Whether the file is text in this encoding, from its first byte to its last. 1; 0: it is not, and `*line` is where, 0
 * when it is no text at all; -1 with errno. */
static int is_in(struct decode *decode, const struct encoding *encoding, unsigned *line)
{
    char text[ROOM];
    size_t got, all = 0, controls = 0;
    enum part part;
    *line = 1;
    if (use(decode, encoding) < 0)
        return -1;
    while ((part = take(decode, text, sizeof text, &got)) == PART_FINE) {
        all += got;
        for (size_t i = 0; i < got; i++) {
            unsigned char byte = (unsigned char)text[i];
            *line += byte == '\n';
            controls += byte < ' ' && !strchr("\t\n\f\r\x1a", byte);
            if (byte == '\0' || (controls > 0 && all >= ROOM && controls > all / CONTROLS_IN)) {
                *line = 0;
                return 0;
            }
        }
    }
    if (part == PART_END && controls <= all / CONTROLS_IN + 1)
        return 1;
    if (part == PART_END)
        *line = 0;
    return part == PART_UNREAD ? -1 : 0;
}

/* What the file's first bytes say; NULL: nothing. */
static const struct encoding *by_start(const char *bytes, size_t len)
{
    size_t zeros[2] = {0, 0};
    for (size_t i = 0; i < MARKED; i++)
        if (len >= encodings[i].mark_len && memcmp(bytes, encodings[i].mark, encodings[i].mark_len) == 0)
            return &encodings[i];
    for (size_t i = 0; i < len; i++)
        zeros[i % 2] += bytes[i] == '\0';
    if (zeros[1] > len / 4 && zeros[0] == 0)
        return &encodings[PLAIN_UTF16LE];
    if (zeros[0] > len / 4 && zeros[1] == 0)
        return &encodings[PLAIN_UTF16BE];
    return NULL;
}

static int tell_errno(const struct decode *decode, int fault)
{
    text_tell(decode->lang, fault == ESPIPE ? TEXT_FILE_ONCE : TEXT_FILE_UNREAD, decode->name,
              text_reason(decode->lang, fault));
    return -1;
}

/* 0, or -1 after telling why it is no text. */
static int find_encoding(struct decode *decode)
{
    unsigned line = 0;
    errno = 0;
    if (fseeko(decode->file, 0, SEEK_SET) != 0)
        return tell_errno(decode, errno);
    size_t len = fread(decode->bytes, 1, ROOM, decode->file);
    if (ferror(decode->file))
        return tell_errno(decode, errno);
    const struct encoding *said = by_start(decode->bytes, len);
    if (len == 0 || (said && said->mark_len == len)) {
        text_tell(decode->lang, TEXT_CSV_EMPTY, decode->name);
        return -1;
    }
    int is = is_in(decode, said ? said : &encodings[PLAIN_UTF8], &line);
    if (is == 0 && !said && line > 0) {
        unsigned fault = line;
        is = is_in(decode, &encodings[WINDOWS], &line);
        if (is == 1 && !is_windows(decode->file)) {
            is = 0;
            line = fault;
        }
    }
    if (is < 0)
        return tell_errno(decode, errno);
    if (is == 1)
        return decode_rewind(decode);
    if (line == 0)
        text_tell(decode->lang, TEXT_CSV_BINARY, decode->name);
    else
        text_tell(decode->lang, TEXT_DECODE_WRONG, decode->name, line, said ? said->name : "UTF-8, Windows-1252");
    return -1;
}

struct decode *decode_open(FILE *file, const char *name, enum text_lang lang)
{
    struct decode *decode = memory_get(1, sizeof *decode);
    decode->file = file;
    decode->name = name;
    decode->lang = lang;
    if (find_encoding(decode) == 0)
        return decode;
    decode_close(decode);
    return NULL;
}

void decode_close(struct decode *decode)
{
    if (decode && decode->encoding)
        iconv_close(decode->way);
    free(decode);
}

ssize_t decode_read(struct decode *decode, char *room, size_t len)
{
    size_t got;
    switch (take(decode, room, len, &got)) {
    case PART_FINE:
        return (ssize_t)got;
    case PART_END:
        return 0;
    case PART_UNREAD:
        return tell_errno(decode, errno);
    default: /* it was right when it was opened */
        text_tell(decode->lang, TEXT_FILE_CHANGED, decode->name);
        return -1;
    }
}

int decode_rewind(struct decode *decode)
{
    return turn_back(decode) == 0 ? 0 : tell_errno(decode, errno);
}

const char *decode_name(const struct decode *decode)
{
    return decode->encoding->name;
}
