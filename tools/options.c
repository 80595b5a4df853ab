/* The command line. Names of options are never guessed from their beginning; a fault names the help that has the
 * remedy. */
#include "tool_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static int fault(struct tool *tool, const struct options_verb *verb, enum text_id id, const char *word)
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
            return fault(tool, verb, TEXT_OPTION_NO_VALUE, word);
        *row->flag = true;
        return 0;
    }
    const char *value = NULL;
    if (*behind == '=')
        value = behind + 1;
    else if (*at + 1 < argc)
        value = argv[++*at];
    if (!value || !*value)
        return fault(tool, verb, TEXT_OPTION_VALUE, word);
    return keep(row, value) < 0 ? fault(tool, verb, TEXT_OPTION_TWICE, word) : 0;
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
            *status = fault(tool, verb, TEXT_OPTION_UNKNOWN, argv[i]);
        else
            *status = read_option(tool, verb, row, behind, argv, argc, &i);
    }
    if (*status == 0 && lang && text_lang_of(lang, &tool->lang) < 0)
        *status = fault(tool, verb, TEXT_OPTION_LANG, lang);
    tool->lang_given |= lang != NULL;
    if (profile)
        tool->profile = profile;
    if (*status == 0 && help)
        fputs(text_of(tool->lang, verb->help), stdout);
    return *status == 0 && !help ? operands : -1;
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
