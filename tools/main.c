/* buurtaal: finds the verb and hands it the rest of the command line. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "proto.h"
#include "tool_list.h"
#include "tool_profile.h"
#include "tool_verbs.h"

#define VERSION "1.0"

static int help_run(struct tool *tool, int argc, char **argv);
static int version_run(struct tool *tool, int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(struct tool *tool, int argc, char **argv);
} verbs[] = {
    {"send", send_run},       {"submit", submit_run}, {"progress", progress_run},
    {"profile", profile_run}, {"ca", ca_run},         {"doctor", doctor_run},
    {"audit", audit_run},     {"shell", shell_run},   {"template", template_run},
    {"dossier", dossier_run}, {"watch", watch_run},   {"help", help_run},
    {"version", version_run},
};

/* ---- a verb that there is not ---- */

/* Whether one slip of the fingers makes one word of the other: a letter too many, too few or wrong, or two the wrong
 * way round. */
static bool is_slip(const char *one, const char *other)
{
    size_t front = 0, back = 0, one_len = strlen(one), other_len = strlen(other);
    while (one[front] && one[front] == other[front])
        front++;
    while (back < one_len - front && back + front < other_len && one[one_len - 1 - back] == other[other_len - 1 - back])
        back++;
    size_t one_rest = one_len - front - back, other_rest = other_len - front - back;
    return (one_rest <= 1 && other_rest <= 1) ||
           (one_rest == 2 && other_rest == 2 && one[front] == other[front + 1] && one[front + 1] == other[front]);
}

/* The verb that was meant; NULL when none is near. */
static const char *meant(const char *word)
{
    const char *name;
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (is_slip(word, verbs[i].name))
            return verbs[i].name;
    for (size_t i = 0; (name = list_name(i)); i++)
        if (is_slip(word, name))
            return name;
    return NULL;
}

static int refuse_verb(struct tool *tool, const char *word)
{
    const char *near = meant(word);
    text_tell(tool->lang, TEXT_VERB_UNKNOWN, word);
    if (proto_command(slice_of(word)))
        text_tell(tool->lang, TEXT_VERB_SENT, word, word, word);
    else if (near)
        text_tell(tool->lang, TEXT_VERB_ALIKE, near);
    text_tell(tool->lang, TEXT_SEE_HELP, "", "");
    return EX_USAGE;
}

/* ---- the verbs ---- */

static int run_verb(struct tool *tool, const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strcmp(name, verbs[i].name) == 0)
            return verbs[i].run(tool, argc, argv);
    return list_is(name) ? list_run(tool, name, argc, argv) : refuse_verb(tool, name);
}

static int print_version(void)
{
    printf("buurtaal %s\n", VERSION);
    return EX_OK;
}

/* `help`, as --help; with a verb behind it, as that one's. */
static int help_run(struct tool *tool, int argc, char **argv)
{
    const struct options_verb verb = {"", TEXT_HELP, NULL, 0};
    char word[] = "--help", *words[] = {word};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "[VERB]", count, argv) < 0)
        return EX_USAGE;
    if (count > 0)
        return run_verb(tool, argv[0], 1, words);
    fputs(text_of(tool->lang, TEXT_HELP), stdout);
    return EX_OK;
}

static int version_run(struct tool *tool, int argc, char **argv)
{
    const struct options_verb verb = {"", TEXT_HELP, NULL, 0};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    return options_operands(tool, &verb, "", count, argv) < 0 ? EX_USAGE : print_version();
}

/* ---- the command line ---- */

/* How many words at the front belong to no verb: options of the whole, and their values. */
static int words_before_verb(int argc, char **argv)
{
    int i = 0;
    while (i < argc && argv[i][0] == '-') {
        bool takes_word = strcmp(argv[i], "--lang") == 0 || strcmp(argv[i], "--profile") == 0;
        i += takes_word ? 2 : 1;
    }
    return i < argc ? i : argc;
}

static int act(struct tool *tool, int argc, char **argv)
{
    bool version = false;
    const struct options_row rows[] = {{"version", NULL, &version, 0}};
    const struct options_verb whole = {"", TEXT_HELP, rows, COUNT(rows)};
    int before = words_before_verb(argc, argv), status;
    if (options_read(tool, &whole, before, argv, &status) < 0)
        return status;
    if (version)
        return print_version();
    if (before == argc) {
        fputs(text_of(tool->lang, TEXT_HELP), stderr);
        return EX_USAGE;
    }
    return run_verb(tool, argv[before], argc - before - 1, argv + before + 1);
}

int main(int argc, char **argv)
{
    struct tool tool = {.lang = text_lang_here(), .profile = "default", .colour = options_colour()};
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is told by its write */
    umask(022);
    setlocale(LC_CTYPE, "C.UTF-8"); /* whatever the user's: all that is printed is UTF-8 */
    int status = act(&tool, argc - 1, argv + 1);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_OK)
        status = text_tell_output(tool.lang);
    return status;
}
