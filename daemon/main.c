/* buurtaald: reads its command line, does what it says, and ends with a status of sysexits.h.
 * Rules: what is wrong with the command line or the configuration is told in words on stderr, by line; the daemon at
 * work logs in key=value. */
#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "key_drop.h"
#include "key_file.h"
#include "log.h"
#include "migrate.h"
#include "proto.h"
#include "server.h"
#include "sql_files.h"
#include "statement.h"

#define VERSION "1.0"
#define WHY_ROOM 8192
#define FINGERPRINT_DIGITS 64

static const char usage_text[] =
    "usage: buurtaald [-f FILE] [-t]\n"
    "           serve, or with -t check what a start would use\n"
    "       buurtaald [-f FILE] migrate [--admin FINGERPRINT] [--demo]\n"
    "           make the database, or bring it up to date; --admin: who may grant all others; --demo: its clock can be "
    "set\n"
    "       buurtaald [-f FILE] clock DATE|now\n"
    "           set the clock of a demo registry\n"
    "       buurtaald [-f FILE] rekey\n"
    "           give the registry and its file of keys a new matching key, while all daemons are stopped\n"
    "       buurtaald seal-key [--add] FILE\n"
    "           make a file of keys that seal personal data; --add: a new key to it\n"
    "       buurtaald [-f FILE] seal-key --drop NUMBER [--offline] FILE\n"
    "           take a key out that the registry can do without; --offline: do not ask it\n"
    "       buurtaald --options | --statements | --version | --help\n"
    "FILE behind -f is the configuration, by default " CONFIG_PATH "; see buurtaald(8) and buurtaald.conf(5).\n";

enum action {
    ACT_SERVE,
    ACT_CHECK,
    ACT_MIGRATE,
    ACT_CLOCK,
    ACT_REKEY,
    ACT_SEAL_KEY,
    ACT_OPTIONS,
    ACT_STATEMENTS,
    ACT_VERSION,
    ACT_HELP
};

/* What the command line asks for. */
struct wish {
    enum action action;
    const char *config_path;
    const char *operand; /* of clock and seal-key */
    struct migrate_wish migrate;
    bool add;      /* of seal-key */
    uint32_t drop; /* of seal-key; 0: not given */
    bool offline;  /* of drop */
    char admin[FINGERPRINT_DIGITS + 1];
};

/* ---- the command line ---- */

static int usage(const char *fault, const char *word)
{
    fprintf(stderr, "buurtaald: %s%s%s\n%s", fault, word ? ": " : "", word ? word : "", usage_text);
    return EX_USAGE;
}

/* A fingerprint as people have it, `AB:CD:...` or `abcd...`, as 64 lower-case digits. 0 or -1. */
static int read_fingerprint(const char *text, char out[FINGERPRINT_DIGITS + 1])
{
    size_t len = 0;
    for (; *text; text++) {
        if (*text == ':' && len > 0 && len % 2 == 0)
            continue;
        if (!isxdigit((unsigned char)*text) || len == FINGERPRINT_DIGITS)
            return -1;
        out[len++] = (char)tolower((unsigned char)*text);
    }
    out[len] = '\0';
    return len == FINGERPRINT_DIGITS ? 0 : -1;
}

/* A whole number from 1, of at most 9 digits; 0 when it is none. */
static uint32_t read_number(const char *text)
{
    size_t len = strspn(text, "0123456789");
    return text[len] == '\0' && len > 0 && len < 10 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* Reads the options into `wish`. 0, or a status after the fault was told. `seen` gets the letters that were given. */
static int read_options(int argc, char **argv, struct wish *wish, char seen[16])
{
    static const struct option options[] = {
        {"admin", required_argument, NULL, 'a'},
        {"demo", no_argument, NULL, 'd'},
        {"add", no_argument, NULL, 'n'},
        {"drop", required_argument, NULL, 'r'},
        {"offline", no_argument, NULL, 'u'},
        {"options", no_argument, NULL, 'o'},
        {"statements", no_argument, NULL, 's'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    static const struct {
        char letter;
        enum action action;
    } actions[] = {{'t', ACT_CHECK}, {'o', ACT_OPTIONS}, {'s', ACT_STATEMENTS}, {'v', ACT_VERSION}, {'h', ACT_HELP}};
    opterr = 0;
    for (int letter; (letter = getopt_long(argc, argv, ":f:t", options, NULL)) != -1;) {
        if (letter == ':')
            return usage("this option takes a value", argv[optind - 1]);
        if (letter == '?')
            return usage("there is no such option", argv[optind - 1]);
        if (strchr(seen, letter))
            return usage("this is given twice or does not go together", argv[optind - 1]);
        seen[strlen(seen)] = (char)letter;
        if (letter == 'f')
            wish->config_path = optarg;
        if (letter == 'd')
            wish->migrate.demo = true;
        if (letter == 'n')
            wish->add = true;
        if (letter == 'u')
            wish->offline = true;
        if (letter == 'r' && (wish->drop = read_number(optarg)) == 0)
            return usage("--drop takes the number of a sealing key", optarg);
        if (letter == 'a') {
            if (read_fingerprint(optarg, wish->admin) < 0)
                return usage("--admin takes the SHA-256 of a certificate, 64 hex digits, with or without colons",
                             optarg);
            wish->migrate.admin = wish->admin;
        }
        for (size_t i = 0; i < COUNT(actions); i++)
            if (actions[i].letter == letter) {
                if (wish->action != ACT_SERVE)
                    return usage("this does not go together with what is before it", argv[optind - 1]);
                wish->action = actions[i].action;
            }
    }
    return 0;
}

static bool is_day(const char *word)
{
    const struct proto_type *date = proto_type(SLICE("date"));
    return strcmp(word, "now") == 0 || date->form(date, slice_of(word));
}

/* Reads what is left behind the options: a command and its operand. */
static int read_command(int count, char **words, struct wish *wish)
{
    static const struct {
        const char *name;
        enum action action;
        int operands;
        const char *operand;
    } commands[] = {{"migrate", ACT_MIGRATE, 0, "migrate takes no operand"},
                    {"clock", ACT_CLOCK, 1, "clock takes one date, as in 2027-04-02, or now"},
                    {"rekey", ACT_REKEY, 0, "rekey takes no operand"},
                    {"seal-key", ACT_SEAL_KEY, 1, "seal-key takes one file to make"}};
    if (count == 0)
        return 0;
    if (wish->action != ACT_SERVE)
        return usage("this does not go together with the options", words[0]);
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(words[0], commands[i].name) == 0) {
            if (count - 1 != commands[i].operands)
                return usage(commands[i].operand, NULL);
            wish->action = commands[i].action;
            wish->operand = words[1];
            return wish->action == ACT_CLOCK && !is_day(words[1]) ? usage(commands[i].operand, words[1]) : 0;
        }
    return usage("there is no such command", words[0]);
}

static int read_arguments(int argc, char **argv, struct wish *wish)
{
    char seen[16] = "";
    *wish = (struct wish){.config_path = CONFIG_PATH};
    int status = read_options(argc, argv, wish, seen);
    if (status == 0)
        status = read_command(argc - optind, argv + optind, wish);
    if (status == 0 && wish->action != ACT_MIGRATE && (strchr(seen, 'a') || strchr(seen, 'd')))
        status = usage("--admin and --demo belong to migrate", NULL);
    if (status == 0 && (wish->add || wish->drop) && (wish->action != ACT_SEAL_KEY || (wish->add && wish->drop)))
        status = usage("--add, or --drop, belongs to seal-key", NULL);
    if (status == 0 && wish->offline && !wish->drop)
        status = usage("--offline belongs to seal-key --drop", NULL);
    return status;
}

/* ---- what it does ---- */

static struct config *load(const struct wish *wish)
{
    char why[WHY_ROOM];
    struct config *config = config_load(wish->config_path, why, sizeof why);
    if (!config)
        fputs(why, stderr);
    return config;
}

static int told(const char *why, int status)
{
    fprintf(stderr, "buurtaald: %s%s", why, why[0] && why[strlen(why) - 1] == '\n' ? "" : "\n");
    return status;
}

static int check(const struct wish *wish)
{
    char why[WHY_ROOM] = "";
    struct config *config = load(wish);
    if (!config)
        return EX_CONFIG;
    int outcome = server_check(config, why, sizeof why);
    config_free(config);
    if (outcome < 0) {
        fputs(why, stderr);
        return EX_CONFIG;
    }
    printf("%s: good\n", wish->config_path);
    return EX_OK;
}

/* Keys of the registry are in our memory: they go into no core dump, and no other process of this user may look at
 * them. Sanitizers look for leaks in just that way. */
static void guard_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
    if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
        log_event(LOG_LEVEL_WARNING, "guard-memory", "reason=\"core dumps could not be turned off\"");
#endif
}

static int serve(const struct wish *wish)
{
    char why[WHY_ROOM] = "";
    struct config *config = load(wish);
    if (!config)
        return EX_CONFIG;
    log_level((enum log_level)config->log_level);
    guard_memory();
    if (geteuid() == 0)
        log_event(LOG_LEVEL_WARNING, "root", "reason=\"it needs no rights of root; run it as a user of its own\"");
    struct server *server = server_open(wish->config_path, config, why, sizeof why);
    if (!server) {
        char again[WHY_ROOM];
        int status = server_check(config, again, sizeof again) < 0 ? EX_CONFIG : EX_UNAVAILABLE;
        config_free(config);
        return told(why, status);
    }
    int outcome = server_run(server);
    server_close(server);
    return outcome == 0 ? EX_OK : EX_TEMPFAIL;
}

static int in_database(const struct wish *wish)
{
    char why[WHY_ROOM] = "";
    struct config *config = load(wish);
    if (!config)
        return EX_CONFIG;
    int outcome = 0, status = EX_UNAVAILABLE;
    if (!config->database_owner) {
        snprintf(why, sizeof why, "%s: [database] owner: must be given for %s", wish->config_path,
                 wish->action == ACT_CLOCK   ? "clock"
                 : wish->action == ACT_REKEY ? "rekey"
                                             : "migrate");
        outcome = -1;
        status = EX_CONFIG;
    } else if (wish->action == ACT_CLOCK) {
        outcome = migrate_clock(config->database_owner, wish->operand, stdout, why, sizeof why);
    } else if (wish->action == ACT_REKEY) {
        outcome = migrate_rekey(config->database_owner, config->seal_keys, stdout, why, sizeof why);
    } else {
        outcome = migrate_run(config->database_owner, &wish->migrate, stdout, why, sizeof why);
    }
    config_free(config);
    return outcome == 0 ? EX_OK : told(why, status);
}

/* Whether the registry can do without the key that is to be dropped: EX_OK, or a status after it was told why not. */
static int ask_registry(const struct wish *wish)
{
    char why[WHY_ROOM] = "";
    struct config *config = load(wish);
    if (!config)
        return told("the configuration names the registry that is asked whether it can do without the key: -f FILE; "
                    "--offline drops it all the same",
                    EX_CONFIG);
    int outcome = key_drop_ask(config->database_write, wish->operand, wish->drop, why, sizeof why);
    config_free(config);
    return outcome == 0 ? EX_OK : told(why, EX_UNAVAILABLE);
}

static int make_seal_key(const struct wish *wish)
{
    char why[WHY_ROOM] = "";
    uint32_t number = wish->drop;
    int status = wish->drop && !wish->offline ? ask_registry(wish) : EX_OK;
    if (status != EX_OK)
        return status;
    int outcome = wish->add    ? key_file_add(wish->operand, &number, why, sizeof why)
                  : wish->drop ? key_file_drop(wish->operand, number, why, sizeof why)
                               : key_file_make(wish->operand, why, sizeof why);
    if (outcome < 0)
        return told(why, EX_CANTCREAT);
    if (wish->add)
        printf("%s: sealing key %u added; SIGHUP makes daemons take it\n", wish->operand, number);
    else if (wish->drop)
        printf("%s: sealing key %u is out\n", wish->operand, number);
    return EX_OK;
}

static int print_statements(void)
{
    char api[64];
    snprintf(api, sizeof api, "api_%s", sql_api_hash);
    for (size_t i = 0; i < proto_command_count; i++) {
        if (proto_commands[i].kind == KIND_BUILTIN)
            continue;
        char *text = statement_text(&proto_commands[i], api);
        if (!text)
            return told("out of memory", EX_OSERR);
        printf("-- %s\n%s;\n", proto_commands[i].verb, text);
        free(text);
    }
    return EX_OK;
}

static int act(const struct wish *wish)
{
    switch (wish->action) {
    case ACT_SERVE:
        return serve(wish);
    case ACT_CHECK:
        return check(wish);
    case ACT_MIGRATE:
    case ACT_CLOCK:
    case ACT_REKEY:
        return in_database(wish);
    case ACT_SEAL_KEY:
        return make_seal_key(wish);
    case ACT_OPTIONS:
        return config_print_options(stdout) == 0 ? EX_OK : told("the options could not be printed", EX_IOERR);
    case ACT_STATEMENTS:
        return print_statements();
    case ACT_VERSION:
        printf("buurtaald %s, protocol %d, api %s\n", VERSION, PROTO_VERSION, sql_api_hash);
        return EX_OK;
    case ACT_HELP:
        fputs(usage_text, stdout);
        return EX_OK;
    }
    return EX_SOFTWARE;
}

/* A descriptor from 0 to 2 that is closed would be given to a socket, and the log be written to a peer. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct wish wish;
    fill_standard_descriptors();
    umask(077);
    int status = read_arguments(argc, argv, &wish);
    if (status == 0)
        status = act(&wish);
    if (fflush(stdout) != 0 && status == EX_OK)
        return told("what was to be printed could not be written", EX_IOERR);
    return status;
}
