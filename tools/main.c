/* buurtaal: finds the verb and hands it the rest of the command line. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "tool_list.h"
#include "tool_profile.h"
#include "tool_verbs.h"

#define VERSION "1.0"

static const struct {
    const char *name;
    int (*run)(struct tool *tool, int argc, char **argv);
} verbs[] = {
    {"send", send_run},         {"submit", submit_run},   {"institutions", institutions_run},
    {"progress", progress_run}, {"profile", profile_run}, {"ca", ca_run},
    {"doctor", doctor_run},     {"audit", audit_run},     {"shell", shell_run},
    {"template", template_run},
};

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
    if (version) {
        printf("buurtaal %s\n", VERSION);
        return EX_OK;
    }
    if (before == argc) {
        fputs(text_of(tool->lang, TEXT_HELP), stderr);
        return EX_USAGE;
    }
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strcmp(argv[before], verbs[i].name) == 0)
            return verbs[i].run(tool, argc - before - 1, argv + before + 1);
    if (list_is(argv[before]))
        return list_run(tool, argv[before], argc - before - 1, argv + before + 1);
    text_tell(tool->lang, TEXT_VERB_UNKNOWN, argv[before]);
    text_tell(tool->lang, TEXT_SEE_HELP, "", "");
    return EX_USAGE;
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
