/* `buurtaal audit`: the log of all writes, saved to a file, and its heads computed anew.
 *
 * A saved log is text: a first line that tells where it ends, then a line a row, as the registry sends them, each group
 * of rows with its head behind it. Verifying needs neither a registry nor a certificate; without a file the log is read
 * from the registry, which takes the role admin, into a file that nobody sees.
 *
 * Rules: a file is written whole or not at all, and never over another. Whatever stands in a file ends in a verdict.
 * Limits: memory does not grow with the log. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_chain.h"
#include "tool_client.h"
#include "tool_file.h"
#include "tool_memory.h"
#include "tool_pages.h"
#include "tool_verbs.h"
#include "tool_verify.h"

#define HEADS (2 * PAGES_ROWS)

/* ---- reading the log from the registry ---- */

struct head {
    uint64_t log;
    char hex[65];
};

/* Two lists are read side by side: `heads` runs ahead, so that each head can be written behind its row. */
struct reading {
    const struct tool *tool;
    struct client *client;
    FILE *out;
    uint64_t end;       /* the newest row when the connection began; what came later is left out */
    uint64_t rows;      /* written */
    bool restored;      /* it does not hold what was seen of it, which was told */
    uint64_t last;      /* number of the row read last */
    struct head *heads; /* room for HEADS; not yet written: from `head_at` to `head_count` */
    size_t head_at, head_count;
};

/* What a newer registry tells beside the fields that heads are over is left out. */
static void print_row(struct reading *reading, const struct answer *row)
{
    char bytes[LINE_MAX_BYTES];
    struct line_writer writer;
    line_begin(&writer, bytes, sizeof bytes, "=");
    for (size_t i = 0; i < CHAIN_FIELDS; i++)
        line_put(&writer, chain_fields[i], answer_field(row, chain_fields[i]));
    fwrite(bytes, 1, line_end(&writer), reading->out); /* a fault is found when the file is closed */
}

/* Writes the heads of rows up to `log`. */
static void print_heads(struct reading *reading, uint64_t log)
{
    for (; reading->head_at < reading->head_count && reading->heads[reading->head_at].log <= log; reading->head_at++)
        fprintf(reading->out, "= log=%llu head=%s\n", (unsigned long long)reading->heads[reading->head_at].log,
                reading->heads[reading->head_at].hex);
}

static void take_row(void *own, const struct answer *row)
{
    struct reading *reading = own;
    uint64_t log = chain_number(answer_field(row, "log"));
    reading->last = log;
    if (log > reading->end)
        return;
    print_row(reading, row);
    reading->rows++;
    print_heads(reading, log);
}

static void take_head(void *own, const struct answer *row)
{
    struct reading *reading = own;
    struct slice hex = answer_field(row, "head");
    if (reading->head_count == HEADS || hex.len >= sizeof reading->heads[0].hex)
        return; /* more than was asked for, or no head: the verdict will be that one is missing */
    struct head *head = &reading->heads[reading->head_count++];
    head->log = chain_number(answer_field(row, "log"));
    snprintf(head->hex, sizeof head->hex, "%.*s", (int)hex.len, hex.at ? hex.at : "");
}

/* Reads so many heads as a page of rows can have. */
static int read_heads(struct reading *reading, struct pages_place *place)
{
    const struct pages pages = {.verb = "heads", .own = reading, .row = take_head};
    int status = EX_OK;
    reading->head_count -= reading->head_at;
    memmove(reading->heads, reading->heads + reading->head_at, reading->head_count * sizeof *reading->heads);
    reading->head_at = 0;
    while (status == EX_OK && !place->over && reading->head_count < PAGES_ROWS)
        status = pages_next(reading->client, &pages, reading->tool->lang, place);
    return status;
}

/* Reads both lists, side by side. */
static int read_lists(struct reading *reading)
{
    const struct pages pages = {.verb = "audit", .own = reading, .row = take_row};
    struct pages_place rows = {.log = 0}, heads = {.log = 0};
    int status;
    reading->heads = memory_get(HEADS, sizeof *reading->heads);
    do {
        status = read_heads(reading, &heads);
        if (status == EX_OK)
            status = pages_next(reading->client, &pages, reading->tool->lang, &rows);
    } while (status == EX_OK && !rows.over && reading->last < reading->end);
    print_heads(reading, reading->end); /* those of rows that are not there */
    free(reading->heads);
    return status;
}

/* Writes the log to `out`. A status, told when it is not EX_OK. */
static int read_log(struct reading *reading, struct profile *profile)
{
    int status = EX_OK;
    profile->examine = true;
    reading->client = client_open(profile);
    const struct client_greeting *greeting = client_greeting(reading->client);
    if (client_fault(reading->client) != CLIENT_FINE) {
        text_tell(reading->tool->lang, TEXT_PLAIN, client_why(reading->client));
        status = client_status(client_fault(reading->client));
        client_close(reading->client);
        return status;
    }
    reading->restored = client_restored(reading->client);
    reading->end = greeting->log;
    fprintf(reading->out, "* audit 1 server=%s log=%llu head=%s time=%s\n", greeting->server,
            (unsigned long long)greeting->log, *greeting->head ? greeting->head : "-", greeting->time);
    status = read_lists(reading);
    client_close(reading->client);
    return status;
}

static int read_registry(struct tool *tool, FILE *out, uint64_t *rows, bool *restored)
{
    struct reading reading = {.tool = tool, .out = out};
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    int status = read_log(&reading, profile);
    *rows = reading.rows;
    *restored = reading.restored;
    profile_free(profile);
    return status;
}

/* ---- save ---- */

static int fail_file(const struct tool *tool, enum text_id id, const char *path, int status)
{
    text_tell(tool->lang, id, path, text_reason(tool->lang, errno));
    return status;
}

static int save(struct tool *tool, const char *path)
{
    struct file_draft draft;
    uint64_t rows = 0;
    bool restored;
    if ((access(path, F_OK) == 0 && (errno = EEXIST)) || file_begin(&draft, path) < 0)
        return fail_file(tool, TEXT_FILE_UNWRITTEN, path, EX_CANTCREAT);
    int status = read_registry(tool, draft.out, &rows, &restored);
    if (status != EX_OK) {
        file_drop(&draft);
        return status;
    }
    if (file_keep(&draft, path, 0600, false) < 0)
        return fail_file(tool, TEXT_FILE_UNWRITTEN, path, EX_CANTCREAT);
    if (!tool->quiet)
        printf(text_of(tool->lang, TEXT_AUDIT_SAVED), (unsigned long long)rows, path);
    return EX_OK;
}

/* ---- verify ---- */

/* Reads the log from the registry into a file without a name, and verifies that. */
static int verify_registry(struct tool *tool, const char *known)
{
    FILE *file = tmpfile();
    uint64_t rows;
    bool restored = false;
    if (!file)
        return fail_file(tool, TEXT_FILE_UNWRITTEN, "tmpfile", EX_CANTCREAT);
    int status = read_registry(tool, file, &rows, &restored);
    if (status == EX_OK && (fflush(file) != 0 || ferror(file) || fseek(file, 0, SEEK_SET) != 0))
        status = fail_file(tool, TEXT_FILE_UNWRITTEN, "tmpfile", EX_IOERR);
    if (status == EX_OK)
        status = verify_log(tool, text_of(tool->lang, TEXT_AUDIT_REGISTRY), file, known);
    fclose(file);
    return status == EX_OK && restored ? EX_DATAERR : status;
}

static int verify(struct tool *tool, int count, char **paths, const char *known)
{
    int status = EX_OK;
    if (count == 0)
        return verify_registry(tool, known);
    for (int i = 0; i < count; i++) {
        int found = verify_log(tool, paths[i], NULL, known);
        status = status == EX_OK ? found : status;
        known = NULL; /* the second file may be older */
    }
    if (count == 2) {
        int found = verify_alike(tool, paths[0], paths[1]);
        status = status == EX_OK ? found : status;
    }
    return status;
}

/* ---- accept ---- */

/* Replaces what was seen of the registry by what it has now. */
static int take_over(const struct tool *tool, const struct profile *profile, const struct client *client)
{
    const struct client_greeting *greeting = client_greeting(client);
    struct profile_seen before, now = {.log = greeting->log};
    memcpy(now.head, greeting->head, sizeof now.head);
    profile_recall(profile, &before);
    if (profile_accept(profile, &now) < 0)
        return fail_file(tool, TEXT_CLIENT_FORGETS, profile->path, EX_CANTCREAT);
    if (!tool->quiet) {
        printf(text_of(tool->lang, TEXT_AUDIT_SEEN), (unsigned long long)before.log, before.head);
        printf(text_of(tool->lang, TEXT_AUDIT_ACCEPTED), (unsigned long long)now.log, now.log > 0 ? now.head : "-");
    }
    return EX_OK;
}

static int accept_registry(struct tool *tool)
{
    struct profile *profile = profile_load(tool);
    int status = EX_OK;
    if (!profile)
        return EX_CONFIG;
    profile->examine = true;
    struct client *client = client_open(profile);
    if (client_fault(client) != CLIENT_FINE) {
        text_tell(tool->lang, TEXT_PLAIN, client_why(client));
        status = client_status(client_fault(client));
    } else if (client_restored(client)) {
        status = take_over(tool, profile, client);
    } else if (!tool->quiet) {
        fputs(text_of(tool->lang, TEXT_AUDIT_NOTHING), stdout);
    }
    client_close(client);
    profile_free(profile);
    return status;
}

int audit_run(struct tool *tool, int argc, char **argv)
{
    const char *known = NULL;
    const struct options_row rows[] = {{"head", &known, NULL, 0}};
    const struct options_verb verb = {"audit", TEXT_HELP_AUDIT, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (known && (strlen(known) != 64 || strspn(known, "0123456789abcdef") != 64)) {
        text_tell(tool->lang, TEXT_AUDIT_HEAD, known);
        return EX_USAGE;
    }
    if (options_operands(tool, &verb, "save FILE|verify [FILE] [FILE]|accept", count, argv) < 0)
        return EX_USAGE;
    if (strcmp(argv[0], "verify") == 0)
        return verify(tool, count - 1, argv + 1, known);
    if (known)
        return options_fault(tool, &verb, TEXT_OPERAND_EXTRA, "--head");
    return strcmp(argv[0], "accept") == 0 ? accept_registry(tool) : save(tool, argv[1]);
}
