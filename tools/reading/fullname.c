/* A person's name. What different systems write differently for the same name is made alike, since the registry takes
 * another name for a correction: blanks, apostrophes, `ij`, and where the prefix stands. */
#include "tool_fullname.h"

#include <strings.h>
#include <unictype.h>
#include <unistr.h>

/* Words that stand between first name and surname, and sort behind it. */
static const char *const prefixes[] = {
    "van", "de",    "der",  "den", "het",  "'t",  "ter", "te",  "ten", "op", "aan", "in",
    "bij", "onder", "over", "uit", "voor", "tot", "'s",  "von", "vom", "zu", "zum", "zur",
    "la",  "le",    "les",  "du",  "des",  "da",  "dos", "di",  "del", "el", "al",
};

/* ---- characters ---- */

/* What stands for a character of a text; NULL: itself. */
static const char *stand_in(ucs4_t character)
{
    switch (character) {
    case 0x132:
        return "IJ";
    case 0x133:
        return "ij";
    case 0xad: /* soft hyphen */
    case 0x200b:
    case 0x200c:
    case 0x200d:
    case 0x200e:
    case 0x200f:
    case 0x2060:
    case 0xfeff:
        return "";
    default:
        return character == '\t' || character == '\n' || character == '\r' || uc_is_property_white_space(character)
                   ? " "
                   : NULL;
    }
}

size_t fullname_tidy(struct slice text, char *room, size_t size)
{
    const uint8_t *at = (const uint8_t *)text.at, *end = at + text.len;
    size_t len = 0;
    while (at < end) {
        ucs4_t character;
        int taken = u8_mbtoucr(&character, at, (size_t)(end - at));
        if (taken <= 0) { /* not after decode.c */
            character = (unsigned char)*at;
            taken = 1;
        }
        const char *other = stand_in(character), *from = other ? other : (const char *)at;
        size_t count = other ? strlen(other) : (size_t)taken;
        at += taken;
        if (other && *other == ' ' && (len == 0 || room[len - 1] == ' '))
            continue;
        if (len + count >= size)
            return size;
        memcpy(room + len, from, count);
        len += count;
    }
    len -= len > 0 && room[len - 1] == ' ';
    room[len] = '\0';
    return len;
}

static bool is_apostrophe(ucs4_t character)
{
    return character == 0x2018 || character == 0x2019 || character == 0x2bc || character == '`' || character == 0xb4;
}

struct slice fullname_unsound(struct slice part)
{
    const uint8_t *at = (const uint8_t *)part.at, *end = at + part.len;
    ucs4_t character;
    for (int taken; at < end; at += taken) {
        taken = u8_mbtoucr(&character, at, (size_t)(end - at));
        if (taken <= 0)
            return (struct slice){(const char *)at, 1};
        bool letter =
            uc_is_general_category_withtable(character, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Pd);
        bool sign = character > 0 && character < 0x80 && strchr(" ',./", (int)character);
        if (!letter && !sign && !is_apostrophe(character) && !stand_in(character))
            return (struct slice){(const char *)at, (size_t)taken};
    }
    return (struct slice){NULL, 0};
}

static bool has_letter(struct slice text)
{
    const uint8_t *at = (const uint8_t *)text.at, *end = at + text.len;
    ucs4_t character;
    for (int taken; at < end && (taken = u8_mbtoucr(&character, at, (size_t)(end - at))) > 0; at += taken)
        if (uc_is_general_category_withtable(character, UC_CATEGORY_MASK_L))
            return true;
    return false;
}

/* Whether a text stands for no text. Null is a surname, and N.A. are initials. */
static bool says_nothing(struct slice text)
{
    static const char *const words[] = {"NULL",    "null",    "(null)",  "<null>",    "NaN",       "nan",
                                        "N/A",     "n/a",     "N/B",     "n/b",       "NVT",       "nvt",
                                        "Nvt",     "n.v.t.",  "N.v.t.",  "onbekend",  "Onbekend",  "ONBEKEND",
                                        "unknown", "Unknown", "UNKNOWN", "unbekannt", "Unbekannt", "UNBEKANNT"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_is(text, words[i]))
            return true;
    return !has_letter(text);
}

bool fullname_is_none(struct slice part)
{
    const char *end = part.at + part.len, *at = part.at;
    for (const char *stop; at < end; at = stop + 1) {
        stop = memchr(at, ',', (size_t)(end - at));
        if (!stop)
            stop = end;
        struct slice piece = {at, (size_t)(stop - at)};
        while (piece.len > 0 && piece.at[piece.len - 1] == ' ')
            piece.len--;
        while (piece.len > 0 && *piece.at == ' ')
            piece = (struct slice){piece.at + 1, piece.len - 1};
        if (piece.len > 0 && says_nothing(piece))
            return true;
    }
    return false;
}

/* Makes apostrophes alike, in place. */
static void even_apostrophes(char *text)
{
    uint8_t *at = (uint8_t *)text, *to = at;
    ucs4_t character;
    for (int taken; (taken = u8_strmbtouc(&character, at)) != 0; at += taken) {
        if (taken < 0) /* not after decode.c */
            taken = 1;
        memmove(to, at, (size_t)taken);
        if (is_apostrophe(character))
            *to = '\'';
        to += is_apostrophe(character) ? 1 : taken;
    }
    *to = '\0';
}

/* ---- parts ---- */

static bool is_prefix(const char *word, size_t len)
{
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (strlen(prefixes[i]) == len && memcmp(prefixes[i], word, len) == 0)
            return true;
    return false;
}

/* Where the words of prefixes begin that `text` ends in; its end when there are none. */
static char *prefix_of(char *text)
{
    char *end = text + strlen(text), *begin = end;
    while (begin > text) {
        char *word = begin - (begin < end); /* at the blank before what is found */
        char *from = word;
        while (from > text && from[-1] != ' ')
            from--;
        if (!is_prefix(from, (size_t)(word - from)))
            break;
        begin = from;
    }
    return begin;
}

/* Takes a part, tidied. False when it is too long. */
static bool take(struct slice text, char room[FULLNAME_BYTES])
{
    room[0] = '\0';
    if (text.at && fullname_tidy(text, room, FULLNAME_BYTES) == FULLNAME_BYTES)
        return false;
    even_apostrophes(room);
    return true;
}

/* Cuts `text` at its only comma. What is behind, without blanks, or NULL when there is none, or more than one. */
static char *cut_at_comma(char *text)
{
    char *comma = strchr(text, ',');
    if (!comma || strchr(comma + 1, ','))
        return NULL;
    char *rest = comma + 1;
    while (comma > text && comma[-1] == ' ')
        comma--;
    *comma = '\0';
    return rest + strspn(rest, " ");
}

/* Takes the prefix off the end of `text`, where there is one. */
static const char *cut_prefix(char *text)
{
    char *prefix = prefix_of(text);
    if (*prefix && prefix > text)
        prefix[-1] = '\0';
    return prefix;
}

static bool begins_with(const char *surname, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncasecmp(surname, prefix, len) == 0 && surname[len] == ' ';
}

static enum fullname_fault join(const char *prefix, const char *surname, const char *first, char name[FULLNAME_BYTES])
{
    bool there = *prefix && !begins_with(surname, prefix);
    char *to = name, *end = name + FULLNAME_BYTES;
    const char *const parts[] = {there ? prefix : "", there ? " " : "", surname, ", ", first};
    for (size_t i = 0; i < COUNT(parts); i++) {
        size_t len = strlen(parts[i]);
        if (len >= (size_t)(end - to))
            return FULLNAME_LONG;
        memcpy(to, parts[i], len);
        to += len;
    }
    *to = '\0';
    return FULLNAME_FINE;
}

enum fullname_fault fullname_make(struct slice prefix, struct slice surname, struct slice first, struct slice whole,
                                  char name[FULLNAME_BYTES])
{
    char before[FULLNAME_BYTES], family[FULLNAME_BYTES], given[FULLNAME_BYTES];
    const char *moved = "";
    char *rest;
    if (!take(prefix, before) || !take(whole.at ? whole : surname, family) || !take(first, given))
        return FULLNAME_LONG;
    if (whole.at) {
        rest = cut_at_comma(family);
        if (!rest || !*rest || !*family || prefix_of(rest) == rest)
            return FULLNAME_FORM;
        memcpy(given, rest, strlen(rest) + 1);
        moved = cut_prefix(given);
    } else if (strchr(family, ',')) {
        rest = cut_at_comma(family);
        if (!rest || !*rest || prefix_of(rest) != rest)
            return FULLNAME_FORM;
        moved = rest;
    }
    if (!*family || !*given || strchr(given, ','))
        return FULLNAME_FORM;
    return join(*before ? before : moved, family, given, name);
}
