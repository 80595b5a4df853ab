/* The command line. Names of options are never guessed from their beginning; a fault names the help that has the
 * remedy. */
#include "tool_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_words.h"

int options_fault(struct tool *tool, const struct options_verb *verb, enum text_id id, const char *word)
{
    text_tell(tool->lang, id, word);
    text_tell(tool->lang, TEXT_SEE_HELP, verb->name, *verb->name ? " " : "");
    return EX_USAGE;
}

/* The row of an option `--name` or `--name=value`; NULL when there is none. `*behind` is what follows the name. */
static const struct options_row *row_of(const struct options_row *rows, size_t count, const char *word,
                                        const char **behind)
{
    size_t len = strcspn(word + 2, "=");
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, word + 2, len) == 0) {
            *behind = word + 2 + len;
            return &rows[i];
        }
    return NULL;
}

/* Keeps a value. 0, or -1 when the option was given too often. */
static int keep(const struct options_row *row, const char *value)
{
    size_t room = row->list ? row->list : 1;
    for (size_t i = 0; i < room; i++)
        if (!row->value[i]) {
            row->value[i] = value;
            return 0;
        }
    return -1;
}

/* Reads the option at argv[*at]; steps over its value. 0, or a status. */
static int read_option(struct tool *tool, const struct options_verb *verb, const struct options_row *row,
                       const char *behind, char **argv, int argc, int *at)
{
    const char *word = argv[*at];
    if (row->flag) {
        if (*behind == '=')
            return options_fault(tool, verb, TEXT_OPTION_NO_VALUE, word);
        *row->flag = true;
        return 0;
    }
    const char *value = NULL;
    if (*behind == '=')
        value = behind + 1;
    else if (*at + 1 < argc)
        value = argv[++*at];
    if (!value || !*value)
        return options_fault(tool, verb, TEXT_OPTION_VALUE, word);
    return keep(row, value) < 0 ? options_fault(tool, verb, TEXT_OPTION_TWICE, word) : 0;
}

int options_read(struct tool *tool, const struct options_verb *verb, int argc, char **argv, int *status)
{
    const char *lang = NULL, *profile = NULL;
    bool help = false;
    const struct options_row common[] = {{"help", NULL, &help, 0},
                                         {"lang", &lang, NULL, 0},
                                         {"profile", &profile, NULL, 0},
                                         {"quiet", NULL, &tool->quiet, 0}};
    int operands = 0;
    bool only_operands = false;
    *status = 0;
    for (int i = 0; i < argc && *status == 0; i++) {
        const char *behind = "";
        if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[operands++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            only_operands = true;
            continue;
        }
        const struct options_row *row = NULL;
        if (argv[i][1] == '-')
            row = row_of(common, COUNT(common), argv[i], &behind);
        if (!row && argv[i][1] == '-')
            row = row_of(verb->rows, verb->count, argv[i], &behind);
        if (!row)
            *status = options_fault(tool, verb, TEXT_OPTION_UNKNOWN, argv[i]);
        else
            *status = read_option(tool, verb, row, behind, argv, argc, &i);
    }
    if (*status == 0 && lang && text_lang_of(lang, &tool->lang) < 0)
        *status = options_fault(tool, verb, TEXT_OPTION_LANG, lang);
    tool->lang_given |= lang != NULL;
    if (profile)
        tool->profile = profile;
    if (*status == 0 && help)
        fputs(text_of(tool->lang, verb->help), stdout);
    return *status == 0 && !help ? operands : -1;
}

/* The next of the words that a space separates, up to `end`; absent when there is none. */
static struct slice next_word(const char **at, const char *end)
{
    while (*at < end && **at == ' ')
        (*at)++;
    struct slice word = {*at < end ? *at : NULL, 0};
    while (*at < end && **at != ' ')
        (*at)++;
    word.len = word.at ? (size_t)(*at - word.at) : 0;
    return word;
}

/* A word that stands for itself, which is in small letters. */
static bool is_literal(struct slice word)
{
    return word.at && word.at[0] >= 'a' && word.at[0] <= 'z';
}

/* Tells that an operand is missing, and where an option has a file's name as its value, which was meant for that. */
static void tell_missing(struct tool *tool, const struct options_verb *verb, struct slice word)
{
    char missing[64];
    struct slice shown = words_of(tool->lang, WORDS_OPERAND, word);
    snprintf(missing, sizeof missing, "%.*s", (int)shown.len, shown.at);
    for (size_t i = 0; i < verb->count && slice_is(word, "FILE"); i++) {
        const struct options_row *row = &verb->rows[i];
        if (row->value && row->value[0] && access(row->value[0], F_OK) == 0)
            text_tell(tool->lang, TEXT_OPERAND_TAKEN, row->value[0], row->name);
    }
    options_fault(tool, verb, TEXT_OPERAND_MISSING, missing);
}

static int hold_against(struct tool *tool, const struct options_verb *verb, struct slice form, int count, char **argv)
{
    const char *at = form.at, *end = form.at + form.len;
    int i = 0;
    for (struct slice word; (word = next_word(&at, end)).at; i++) {
        bool optional = word.at[0] == '[', file = slice_is(word, "FILE") || slice_is(word, "[FILE]");
        if (i < count && file && strcmp(argv[i], "-") == 0) {
            options_fault(tool, verb, TEXT_OPERAND_STREAM, argv[i]);
            return -1;
        }
        if (i < count && is_literal(word) && !slice_is(word, argv[i])) {
            options_fault(tool, verb, TEXT_OPERAND_EXTRA, argv[i]);
            return -1;
        }
        if (i >= count && !optional) {
            tell_missing(tool, verb, word);
            return -1;
        }
    }
    if (count > i)
        options_fault(tool, verb, TEXT_OPERAND_EXTRA, argv[i]);
    return count > i ? -1 : 0;
}

int options_operands(struct tool *tool, const struct options_verb *verb, const char *forms, int count, char **argv)
{
    char words[128] = "";
    size_t len = 0;
    for (const char *form = forms, *end; form; form = *end ? end + 1 : NULL) {
        end = form + strcspn(form, "|");
        const char *at = form;
        struct slice first = next_word(&at, end);
        if (!is_literal(first) || (count > 0 && slice_is(first, argv[0])))
            return hold_against(tool, verb, (struct slice){form, (size_t)(end - form)}, count, argv);
        if (len < sizeof words)
            len += (size_t)snprintf(words + len, sizeof words - len, "%s%.*s", len > 0 ? ", " : "", (int)first.len,
                                    first.at);
    }
    if (count > 0)
        text_tell(tool->lang, TEXT_OPERAND_UNKNOWN, argv[0], words);
    else
        text_tell(tool->lang, TEXT_OPERAND_MISSING, words);
    text_tell(tool->lang, TEXT_SEE_HELP, verb->name, " ");
    return -1;
}

bool options_colour(void)
{
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(refused && *refused) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

int options_number(const char *text, long least, long most, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    bool digits = *text && strspn(text, "0123456789") == strlen(text);
    return digits && errno == 0 && *number >= least && *number <= most ? 0 : -1;
}
