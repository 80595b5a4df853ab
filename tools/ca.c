/* `buurtaal ca`: a private certification authority, for trials and for registries that have no other.
 *
 * Standard output holds what a script goes on with, the fingerprint or the list; notes go to standard error. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "line.h"
#include "proto.h"
#include "tool_authority.h"
#include "tool_index.h"
#include "tool_inventory.h"
#include "tool_verbs.h"

#define DAYS_MOST 36500
#define NAME_MOST 64 /* characters of a common name (RFC 5280, ub-common-name) */
#define HOST_MOST 253
#define LABEL_MOST 63

/* What the command line asks for. */
struct wish {
    const char *name, *days, *reason;
    bool new_key, json;
    struct certificate_wish issue;
    const char *folder, *word; /* `word` NULL: not given */
};

static int print_fingerprint(int status, const char fingerprint[65])
{
    if (status == EX_OK)
        puts(fingerprint);
    return status;
}

/* Whether a CA can be called so: UTF-8 of a few characters, none of them for control. */
static bool is_called(const char *name)
{
    char line[LINE_MAX_BYTES];
    struct line_writer writer;
    int characters = text_width(name);
    line_begin(&writer, line, sizeof line, "ca");
    line_put_text(&writer, "name", name);
    return characters > 0 && characters <= NAME_MOST && line_end(&writer) > 0 && !strpbrk(name, "\n\t");
}

static int make(const struct tool *tool, const struct wish *wish, long days)
{
    char fingerprint[65];
    const char *name = wish->name ? wish->name : "Buurtaal CA";
    if (!is_called(name)) {
        text_tell(tool->lang, TEXT_CA_CALLED, name);
        return EX_USAGE;
    }
    return print_fingerprint(authority_init(tool, wish->folder, name, days ? days : AUTHORITY_CA_DAYS, fingerprint),
                             fingerprint);
}

/* Whether it can be a server's name, perhaps for all below it (`*.example.nl`), or its address. */
static bool is_host(const char *host)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    struct in6_addr address;
    if (strlen(host) > HOST_MOST)
        return false;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return true;
    if (strncmp(host, "*.", 2) == 0)
        host += 2;
    for (;;) { /* RFC 1123: labels, none of them empty */
        size_t len = strspn(host, allowed);
        if (len == 0 || len > LABEL_MOST || host[0] == '-' || host[len - 1] == '-')
            return false;
        if (host[len] == '\0')
            return true;
        if (host[len] != '.')
            return false;
        host += len + 1;
    }
}

static int issue(const struct tool *tool, const struct wish *wish, long days)
{
    const struct proto_type *oin = proto_type(SLICE("oin"));
    struct certificate_wish issue = wish->issue;
    char fingerprint[65];
    if (!index_is_name(wish->word) || strlen(wish->word) > NAME_MOST) {
        text_tell(tool->lang, TEXT_CA_NAME, wish->word);
        return EX_USAGE;
    }
    if (issue.oin && (!oin || !oin->form(oin, slice_of(issue.oin)))) {
        text_tell(tool->lang, TEXT_CA_OIN, issue.oin);
        return EX_USAGE;
    }
    for (const char *const *host = issue.hosts; *host; host++)
        if (!is_host(*host)) {
            text_tell(tool->lang, TEXT_CA_HOST, *host);
            return EX_USAGE;
        }
    issue.name = wish->word;
    issue.days = days ? days : AUTHORITY_DAYS;
    return print_fingerprint(authority_issue(tool, wish->folder, &issue, fingerprint), fingerprint);
}

static int renew(const struct tool *tool, const struct wish *wish, long days)
{
    char fingerprint[65];
    return print_fingerprint(
        authority_renew(tool, wish->folder, wish->word, wish->new_key, days ? days : AUTHORITY_DAYS, fingerprint),
        fingerprint);
}

static int revoke(const struct tool *tool, const struct wish *wish, long days)
{
    char fingerprint[65];
    int reason = certificate_reason(wish->reason ? wish->reason : "unspecified");
    if (reason < 0) {
        text_tell(tool->lang, TEXT_CA_REASON, wish->reason);
        return EX_USAGE;
    }
    return print_fingerprint(
        authority_revoke(tool, wish->folder, wish->word, reason, days ? days : AUTHORITY_LIST_DAYS, fingerprint),
        fingerprint);
}

static int crl(const struct tool *tool, const struct wish *wish, long days)
{
    return authority_list(tool, wish->folder, days ? days : AUTHORITY_LIST_DAYS);
}

static int list(const struct tool *tool, const struct wish *wish, long days)
{
    (void)days;
    return inventory_print(tool, wish->folder, wish->json);
}

static int fingerprint(const struct tool *tool, const struct wish *wish, long days)
{
    char print[65];
    (void)days;
    return print_fingerprint(authority_fingerprint(tool, wish->folder, print), print);
}

#define FORMS                                                                                                          \
    "make DIR|init DIR|issue DIR NAME|renew DIR CERTIFICATE|list DIR|revoke DIR CERTIFICATE|crl DIR|fingerprint FILE"

struct action {
    const char *name;
    const char *options; /* that go with it, each between blanks */
    int (*run)(const struct tool *tool, const struct wish *wish, long days);
};

static const struct action actions[] = {{"make", " name days ", make},
                                        {"init", " name days ", make}, /* as others call it */
                                        {"issue", " server oin days ", issue},
                                        {"renew", " new-key days ", renew},
                                        {"list", " json ", list},
                                        {"revoke", " reason days ", revoke},
                                        {"crl", " days ", crl},
                                        {"fingerprint", " ", fingerprint}};

/* `name` is one of FORMS. */
static const struct action *action_of(const char *name)
{
    size_t i = 0;
    while (i + 1 < COUNT(actions) && strcmp(name, actions[i].name) != 0)
        i++;
    return &actions[i];
}

/* Whether an option was given that does not go with the action, after telling so. */
static bool is_stray(const struct tool *tool, const struct action *action, const struct options_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char between[32];
        snprintf(between, sizeof between, " %s ", rows[i].name);
        bool given = rows[i].flag ? *rows[i].flag : *rows[i].value != NULL;
        if (given && !strstr(action->options, between)) {
            text_tell(tool->lang, TEXT_CA_STRAY, rows[i].name, action->name);
            text_tell(tool->lang, TEXT_SEE_HELP, "ca", " ");
            return true;
        }
    }
    return false;
}

int ca_run(struct tool *tool, int argc, char **argv)
{
    struct wish wish = {.name = NULL};
    const struct options_row rows[] = {{"name", &wish.name, NULL, 0},
                                       {"days", &wish.days, NULL, 0},
                                       {"reason", &wish.reason, NULL, 0},
                                       {"new-key", NULL, &wish.new_key, 0},
                                       {"json", NULL, &wish.json, 0},
                                       {"oin", &wish.issue.oin, NULL, 0},
                                       {"server", wish.issue.hosts, NULL, CERTIFICATE_HOSTS}};
    const struct options_verb verb = {"ca", TEXT_HELP_CA, rows, COUNT(rows)};
    long days = 0;
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, FORMS, count, argv) < 0)
        return EX_USAGE;
    const struct action *action = action_of(argv[0]);
    if (is_stray(tool, action, rows, COUNT(rows)))
        return EX_USAGE;
    if (wish.days && options_number(wish.days, 1, DAYS_MOST, &days) < 0) {
        text_tell(tool->lang, TEXT_CA_DAYS, wish.days, DAYS_MOST);
        return EX_USAGE;
    }
    wish.folder = argv[1];
    wish.word = count > 2 ? argv[2] : NULL;
    return action->run(tool, &wish, days);
}
