/* The command line: options of a verb against its table, and those that every verb takes. */
#ifndef BUURTAAL_TOOL_OPTIONS_H
#define BUURTAAL_TOOL_OPTIONS_H

#include "base.h"
#include "tool_text.h"

/* What holds for the whole run. */
struct tool {
    enum text_lang lang;
    bool lang_given;     /* by --lang: stronger than the profile's */
    const char *profile; /* --profile; "default" without it */
    bool quiet;          /* --quiet: only what was asked for, and what is wrong; no bar, no notes, no word of success */
    bool colour;         /* standard output may be coloured: see options_colour() */
};

/* A row an option: exactly one of `value` and `flag`. A value may stand behind `=` or as the next word. With `list` the
 * option may be repeated: `value` is then an array of `list` texts, NULL where none is left to fill. */
struct options_row {
    const char *name; /* without its dashes */
    const char **value;
    bool *flag;
    size_t list;
};

struct options_verb {
    const char *name;
    enum text_id help; /* of `buurtaal VERB --help` */
    const struct options_row *rows;
    size_t count;
};

/* Reads `argc` words. Options may stand anywhere before a `--`; what is no option is moved to the front of `argv`, and
 * its count returned. -1 when the run is at its end, with `*status`: the help was asked for and printed, or a fault
 * told. */
int options_read(struct tool *tool, const struct options_verb *verb, int argc, char **argv, int *status) MUST_CHECK;

/* Holds the operands that options_read left against `forms`, such as "save FILE|verify [FILE] [FILE]": a form behind each
 * `|`, chosen by its first word where that is in small letters, which stands for itself; words in capitals stand for any
 * operand, those in brackets may be left out. "" takes none. 0; -1 after telling what is missing or too much. */
int options_operands(struct tool *tool, const struct options_verb *verb, const char *forms, int count, char **argv)
    MUST_CHECK;

/* Tells a fault of the command line, by a text that takes `word`, and which help has the remedy. Always EX_USAGE. */
int options_fault(struct tool *tool, const struct options_verb *verb, enum text_id id, const char *word);

/* Whether standard output takes colours: it is a terminal that knows them, and NO_COLOR (no-color.org) is not set. */
bool options_colour(void);

/* Reads a whole number from `least` to `most`. 0, or -1 when it is not one. */
int options_number(const char *text, long least, long most, long *number) MUST_CHECK;

#endif
