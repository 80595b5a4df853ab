/* `buurtaal ca`: a private certification authority, for trials and for registries that have no other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "proto.h"
#include "tool_authority.h"
#include "tool_memory.h"
#include "tool_verbs.h"

#define DAYS_MOST 36500

/* What the command line asks for. */
struct wish {
    const char *name, *days;
    struct authority_wish issue;
    char **operands;
    int count;
};

static int print_fingerprint(const struct tool *tool, const char *path)
{
    char fingerprint[65];
    if (authority_fingerprint(path, fingerprint, tool->lang) < 0)
        return EX_NOINPUT;
    puts(fingerprint);
    return EX_OK;
}

static int print_fingerprint_in(const struct tool *tool, const char *folder, const char *name)
{
    char *path = memory_text("%s/%s.pem", folder, name);
    int status = print_fingerprint(tool, path);
    free(path);
    return status;
}

static int init(struct tool *tool, struct wish *wish, long days)
{
    const char *name = wish->name ? wish->name : "Buurtaal CA";
    if (authority_init(wish->operands[0], name, days ? days : AUTHORITY_CA_DAYS, tool->lang) < 0)
        return EX_CANTCREAT;
    return print_fingerprint_in(tool, wish->operands[0], "ca");
}

static int issue(struct tool *tool, struct wish *wish, long days)
{
    const struct proto_type *oin = proto_type(SLICE("oin"));
    if (wish->issue.oin && (!oin || !oin->form(oin, slice_of(wish->issue.oin)))) {
        text_tell(tool->lang, TEXT_CA_OIN, wish->issue.oin);
        return EX_USAGE;
    }
    for (const char *const *host = wish->issue.hosts; *host; host++)
        if (strpbrk(*host, ", \t\n;=")) {
            text_tell(tool->lang, TEXT_CA_HOST, *host);
            return EX_USAGE;
        }
    wish->issue.name = wish->operands[1];
    wish->issue.days = days ? days : AUTHORITY_DAYS;
    if (authority_issue(wish->operands[0], &wish->issue, tool->lang) < 0)
        return EX_CANTCREAT;
    return print_fingerprint_in(tool, wish->operands[0], wish->operands[1]);
}

static int revoke(struct tool *tool, struct wish *wish, long days)
{
    int result = authority_revoke(wish->operands[0], wish->count > 1 ? wish->operands[1] : NULL,
                                  days ? days : AUTHORITY_DAYS, tool->lang);
    return result < 0 ? EX_CANTCREAT : EX_OK;
}

static int fingerprint(struct tool *tool, struct wish *wish, long days)
{
    (void)days;
    return print_fingerprint(tool, wish->operands[0]);
}

int ca_run(struct tool *tool, int argc, char **argv)
{
    static const struct {
        const char *name;
        int least, most; /* operands */
        const char *options;
        int (*run)(struct tool *tool, struct wish *wish, long days);
    } actions[] = {{"init", 1, 1, "name days", init},
                   {"issue", 2, 2, "server oin days", issue},
                   {"revoke", 1, 2, "days", revoke},
                   {"fingerprint", 1, 1, "", fingerprint}};
    struct wish wish = {.name = NULL};
    const struct options_row rows[] = {{"name", &wish.name, NULL, 0},
                                       {"days", &wish.days, NULL, 0},
                                       {"oin", &wish.issue.oin, NULL, 0},
                                       {"server", wish.issue.hosts, NULL, AUTHORITY_HOSTS}};
    const struct options_verb verb = {"ca", TEXT_HELP_CA, rows, COUNT(rows)};
    long days = 0;
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (wish.days && options_number(wish.days, 1, DAYS_MOST, &days) < 0) {
        text_tell(tool->lang, TEXT_CA_DAYS, wish.days, DAYS_MOST);
        return EX_USAGE;
    }
    wish.operands = argv + 1;
    wish.count = count - 1;
    for (size_t i = 0; i < COUNT(actions) && count > 0; i++) {
        if (strcmp(argv[0], actions[i].name) != 0 || wish.count < actions[i].least || wish.count > actions[i].most)
            continue;
        bool stray = false;
        for (size_t row = 0; row < COUNT(rows); row++)
            stray |= *rows[row].value && !strstr(actions[i].options, rows[row].name);
        if (!stray)
            return actions[i].run(tool, &wish, days);
    }
    fputs(text_of(tool->lang, TEXT_HELP_CA), stderr);
    return EX_USAGE;
}
