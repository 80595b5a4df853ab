/* `buurtaal dossier NUMBER`: all that the registry holds on one student, for that student to read: a block for each thing that is
 * held, under a heading that says what it is, and below what becomes of it and what the student may ask for.
 *
 * Limits: the answer of one student is in memory. Rules: nothing is told of an answer that was not OK. What is printed is
 * personal data: it goes to standard output alone. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "proto.h"
#include "tool_client.h"
#include "tool_list.h"
#include "tool_listing.h"
#include "tool_verbs.h"
#include "tool_words.h"

/* What a row is, by its `kind`; a kind that is not here is shown under its own name. */
static const struct {
    const char *kind;
    enum text_id heading;
} kinds[] = {
    {"student", TEXT_DOSSIER_STUDENT},         {"registration", TEXT_DOSSIER_REGISTRATION},
    {"part", TEXT_DOSSIER_PART},               {"revised", TEXT_DOSSIER_REVISED},
    {"certificate", TEXT_DOSSIER_CERTIFICATE}, {"notice", TEXT_DOSSIER_NOTICE},
    {"log", TEXT_DOSSIER_LOG},
};

struct dossier {
    struct tool *tool;
    struct grid_column columns[GRID_COLUMNS];
    struct listing listing; /* gathers the rows, whatever their form in the end */
};

static void take_row(void *own, const struct answer *row)
{
    struct dossier *dossier = own;
    struct slice values[GRID_COLUMNS];
    for (size_t i = 0; i < dossier->listing.width; i++)
        values[i] = answer_field(row, dossier->columns[i].name);
    listing_keep(&dossier->listing, values);
}

/* ---- for people ---- */

static void print_heading(const struct dossier *dossier, struct slice kind)
{
    char own[LINE_MAX_BYTES];
    text_show(kind, own, sizeof own);
    const char *heading = own;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (slice_is(kind, kinds[i].kind))
            heading = text_of(dossier->tool->lang, kinds[i].heading);
    printf("\n%s\n", heading);
}

/* The student, its college and the number of the log stand once, above and below, and not in each block. */
static bool is_told(struct slice kind, const char *name)
{
    return strcmp(name, "kind") != 0 && strcmp(name, "log") != 0 &&
           (slice_is(kind, "student") || (strcmp(name, "student") != 0 && strcmp(name, "institution") != 0));
}

static void print_rows(const struct dossier *dossier)
{
    const enum text_lang lang = dossier->tool->lang;
    char value[LINE_MAX_BYTES];
    struct slice before = {0};
    for (size_t i = 0; i < dossier->listing.count; i++) {
        struct slice *cells = dossier->listing.kept[i], kind = cells[0];
        bool same = kind.len == before.len && kind.at && before.at && memcmp(kind.at, before.at, kind.len) == 0;
        if (!same)
            print_heading(dossier, kind);
        else if (!slice_is(kind, "log"))
            putchar('\n');
        before = kind;
        for (size_t j = 0; j < dossier->listing.width; j++) {
            if (!cells[j].at || !is_told(kind, dossier->columns[j].name))
                continue;
            text_show(words_of(lang, dossier->columns[j].name, cells[j]), value, sizeof value);
            int gap = 22 - text_width(dossier->columns[j].heading);
            if (slice_is(kind, "log")) /* a line each */
                printf("  %s", value);
            else
                printf("  %s%*s%s\n", dossier->columns[j].heading, gap > 1 ? gap : 1, "", value);
        }
        if (slice_is(kind, "log"))
            putchar('\n');
    }
}

static int print_people(const struct dossier *dossier, const char *number, struct slice log)
{
    const enum text_lang lang = dossier->tool->lang;
    if (dossier->listing.count == 0) {
        printf(text_of(lang, TEXT_DOSSIER_NOTHING), number);
        return EX_OK;
    }
    printf(text_of(lang, TEXT_DOSSIER_TITLE), number, (unsigned long long)slice_number(log));
    print_rows(dossier);
    fputs(text_of(lang, TEXT_DOSSIER_MEANS), stdout);
    return EX_OK;
}

/* ---- the verb ---- */

static int show(struct dossier *dossier, struct client *client, const char *number)
{
    const enum text_lang lang = dossier->tool->lang;
    char request[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    struct line_writer writer;
    struct answer status;
    line_begin(&writer, request, sizeof request, "dossier");
    line_put_text(&writer, "student", number);
    size_t len = line_end(&writer);
    if (client_ask(client, request, len, take_row, dossier, line, &status) < 0) {
        text_tell(lang, TEXT_PLAIN, client_why(client));
        return client_status(client_fault(client));
    }
    if (status.kind != ANSWER_OK) {
        char *words = client_words(client, &status);
        text_tell(lang, TEXT_PLAIN, words);
        free(words);
        return answer_exit(&status);
    }
    if (dossier->listing.form == LISTING_TABLE)
        return print_people(dossier, number, answer_field(&status, "log"));
    if (listing_print(&dossier->listing) < 0 || listing_end(&dossier->listing) < 0)
        return text_tell_output(lang);
    return EX_OK;
}

int dossier_run(struct tool *tool, int argc, char **argv)
{
    struct dossier dossier = {.tool = tool, .listing = {.out = stdout}};
    const struct proto_type *type = proto_type(SLICE("student"));
    bool json = false;
    const struct options_row rows[] = {{"json", NULL, &json, 0}};
    const struct options_verb verb = {"dossier", TEXT_HELP_DOSSIER, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "NUMBER", count, argv) < 0)
        return EX_USAGE;
    if (!type->form(type, slice_of(argv[0])))
        return options_fault(tool, &verb, TEXT_DOSSIER_NUMBER, argv[0]);
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    dossier.listing.form = json ? LISTING_JSON : LISTING_TABLE;
    dossier.listing.columns = dossier.columns;
    dossier.listing.width = list_columns("dossier", tool->lang, dossier.columns);
    struct client *client = client_open(profile);
    status = show(&dossier, client, argv[0]);
    listing_free(&dossier.listing);
    client_close(client);
    profile_free(profile);
    return status;
}
