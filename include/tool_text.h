/* What the command says to people, in Dutch and English: one table, tools/text.def. */
#ifndef BUURTAAL_TOOL_TEXT_H
#define BUURTAAL_TOOL_TEXT_H

#include "base.h"

enum text_lang { TEXT_NL, TEXT_EN };

enum text_id {
#define TEXT(id, nl, en) TEXT_##id,
#include "../tools/text.def"
#undef TEXT
    TEXT_COUNT
};

/* The text, which may be a form for printf; what it takes is the same in both languages. */
const char *text_of(enum text_lang lang, enum text_id id);

/* The language that `name` begins with (`nl`, `en`, `en_GB.UTF-8`). 0, or -1 when it is neither. */
int text_lang_of(const char *name, enum text_lang *lang) MUST_CHECK;

/* The language of the environment: LC_ALL, LC_MESSAGES, LANG. Dutch where it says nothing, English for all others. */
enum text_lang text_lang_here(void);

/* Why a file or a connection could not be had: an `errno` in words. What people meet often is in their language, the
 * rest is the system's. */
const char *text_reason(enum text_lang lang, int fault);

/* A text of somebody else's as it can be shown, on one line, ended by a NUL: cut between characters, with `...` behind
 * it, where it does not fit, and with `?` for control characters, which a terminal might obey. `size` is above 4. */
void text_show(struct slice text, char *out, size_t size);

/* How many columns of a terminal the character at the front of a text in UTF-8 takes, and how many bytes it has. It
 * goes by the locale, which main() sets to one that knows UTF-8; one column where that does not know the character.
 * `text` is not empty. */
size_t text_character(struct slice text, size_t *bytes);
/* How many a whole text takes. */
int text_width(const char *text);

#define TEXT_DECIMAL 32
/* A number with one decimal, ended by a NUL: 77,5 in Dutch, 77.5 in English. */
void text_decimal(enum text_lang lang, double number, char out[TEXT_DECIMAL]);

/* Tells it on stderr, as `buurtaal: TEXT`. */
void text_tell(enum text_lang lang, enum text_id id, ...);
/* Tells why standard output could not be written, by errno; a reader that has had enough, as `head`, needs no word.
 * Always EX_IOERR. */
int text_tell_output(enum text_lang lang);

#endif
