/* `buurtaal sessions`, `registrations` and the like: a list of the registry as a table, as JSON, as CSV.
 *
 * A list is a row of `lists` below. Its options are the filters that commands.def gives the command, its columns the
 * fields of the command's answer; what those are called and hold stands in `headings`. A later list needs a row here,
 * its help in text.def, and rows of `headings` for fields that no list had before. A table has words for people; where
 * a list is empty it says where to look.
 *
 * Limits: a page of rows is in memory, whatever the length of the list. Rules: nothing is told of a page that was not
 * answered with OK; a list that breaks off ends with another status than 0, and JSON of it is not closed. */
#include "tool_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "proto.h"
#include "tool_listing.h"
#include "tool_pages.h"
#include "tool_rows.h"
#include "tool_session.h"
#include "tool_verbs.h"
#include "tool_words.h"

struct list {
    const char *verb;
    enum text_id help;
    const char *shown; /* the fields that a table has, the most important first: the last ones go where it is narrow */
    const char *forms; /* of operands, as options_operands() takes them */
    int (*enter)(struct tool *tool, const char *path); /* the verb has operands: enters what that file has */
    enum text_id empty;                                /* what is told when there are no rows */
};

static const struct list lists[] = {
    {"sessions", TEXT_HELP_SESSIONS, "session date exam place free seats until state host waiting opens reason", "",
     NULL, TEXT_LIST_NOTHING},
    {"registrations", TEXT_HELP_REGISTRATIONS,
     "session student name born state place elective again institution needs reason", "", NULL, TEXT_LIST_NOTHING},
    {"offers", TEXT_HELP_OFFERS, "institution elective schoolyear students state location again", "", NULL,
     TEXT_LIST_NOTHING},
    {"inbox", TEXT_HELP_INBOX, "time notice session student date until outcome elective exam number log party again final certificate",
     "", NULL, TEXT_LIST_NOTHING_NEW},
    {"submissions", TEXT_HELP_SUBMISSIONS, "name time accepted refused log sha256", "", NULL, TEXT_LIST_UNNAMED},
    {"institutions", TEXT_HELP_INSTITUTIONS, "code name kind place province country until successor region board from",
     "import FILE|", institutions_import, TEXT_LIST_NOTHING},
};

/* Where the codes of a filter are to be seen. */
static const struct {
    const char *filter, *where;
} places[] = {{"session", "buurtaal sessions"},
              {"institution", "buurtaal institutions"},
              {"code", "buurtaal institutions"},
              {"elective", "buurtaal send electives"}};

/* Every field of a list: what it is called for people, and what it holds. */
static const struct {
    const char *verb; /* for this list alone; NULL: wherever no other row is */
    const char *name;
    enum text_id heading;
    enum grid_kind kind;
} headings[] = {
    {"registrations", "place", TEXT_HEAD_QUEUE, GRID_NUMBER},
    {"dossier", "place", TEXT_HEAD_QUEUE, GRID_NUMBER},
    {"dossier", "until", TEXT_HEAD_KEPT, GRID_CODE},
    {"dossier", "number", TEXT_HEAD_NUMBER, GRID_CODE},
    {"dossier", "points", TEXT_HEAD_POINTS, GRID_CODE},
    {"dossier", "status", TEXT_HEAD_STATUS, GRID_CODE},
    {"dossier", "party", TEXT_HEAD_PARTY, GRID_CODE},
    {"dossier", "verb", TEXT_HEAD_VERB, GRID_CODE},
    {"dossier", "issuer", TEXT_HEAD_ISSUER, GRID_CODE},
    {"dossier", "part", TEXT_HEAD_PART, GRID_CODE},
    {"dossier", "irregularity", TEXT_HEAD_IRREGULARITY, GRID_TEXT},
    {"dossier", "issued", TEXT_HEAD_ISSUED, GRID_CODE},
    {"sessions", "until", TEXT_HEAD_CLOSES, GRID_CODE},
    {NULL, "accepted", TEXT_HEAD_ACCEPTED, GRID_NUMBER},
    {NULL, "again", TEXT_HEAD_AGAIN, GRID_NUMBER},
    {NULL, "board", TEXT_HEAD_BOARD, GRID_CODE},
    {NULL, "born", TEXT_HEAD_BORN, GRID_CODE},
    {NULL, "certificate", TEXT_HEAD_CERTIFICATE, GRID_CODE},
    {NULL, "closes", TEXT_HEAD_CLOSES, GRID_CODE},
    {NULL, "code", TEXT_HEAD_CODE, GRID_CODE},
    {NULL, "count", TEXT_HEAD_COUNT, GRID_NUMBER},
    {NULL, "country", TEXT_HEAD_COUNTRY, GRID_CODE},
    {NULL, "date", TEXT_HEAD_DATE, GRID_CODE},
    {NULL, "eckid", TEXT_HEAD_ECKID, GRID_CODE},
    {NULL, "elective", TEXT_HEAD_ELECTIVE, GRID_CODE},
    {NULL, "exam", TEXT_HEAD_EXAM, GRID_CODE},
    {NULL, "final", TEXT_HEAD_FINAL, GRID_CODE},
    {NULL, "forecast", TEXT_HEAD_FORECAST, GRID_NUMBER},
    {NULL, "free", TEXT_HEAD_FREE, GRID_NUMBER},
    {NULL, "from", TEXT_HEAD_FROM, GRID_CODE},
    {NULL, "high", TEXT_HEAD_HIGH, GRID_NUMBER},
    {NULL, "host", TEXT_HEAD_HOST, GRID_CODE},
    {NULL, "institution", TEXT_HEAD_INSTITUTION, GRID_CODE},
    {NULL, "kind", TEXT_HEAD_KIND, GRID_CODE},
    {NULL, "language", TEXT_HEAD_LANGUAGE, GRID_CODE},
    {NULL, "level", TEXT_HEAD_LEVEL, GRID_CODE},
    {NULL, "location", TEXT_HEAD_LOCATION, GRID_TEXT},
    {NULL, "log", TEXT_HEAD_LOG, GRID_NUMBER},
    {NULL, "low", TEXT_HEAD_LOW, GRID_NUMBER},
    {NULL, "month", TEXT_HEAD_MONTH, GRID_CODE},
    {NULL, "name", TEXT_HEAD_NAME, GRID_TEXT},
    {NULL, "needs", TEXT_HEAD_NEEDS, GRID_TEXT},
    {NULL, "notice", TEXT_HEAD_NOTICE, GRID_CODE},
    {NULL, "number", TEXT_HEAD_NUMBER, GRID_CODE},
    {NULL, "numbers", TEXT_HEAD_NUMBERS, GRID_CODE},
    {NULL, "opens", TEXT_HEAD_OPENS, GRID_CODE},
    {NULL, "outcome", TEXT_HEAD_OUTCOME, GRID_CODE},
    {NULL, "pace", TEXT_HEAD_PACE, GRID_NUMBER},
    {NULL, "party", TEXT_HEAD_FOR, GRID_CODE},
    {NULL, "place", TEXT_HEAD_PLACE, GRID_TEXT},
    {NULL, "province", TEXT_HEAD_PROVINCE, GRID_CODE},
    {NULL, "reason", TEXT_HEAD_REASON, GRID_TEXT},
    {NULL, "refused", TEXT_HEAD_REFUSED, GRID_NUMBER},
    {NULL, "region", TEXT_HEAD_REGION, GRID_TEXT},
    {NULL, "rung", TEXT_HEAD_RUNG, GRID_CODE},
    {NULL, "schoolyear", TEXT_HEAD_SCHOOLYEAR, GRID_NUMBER},
    {NULL, "scope", TEXT_HEAD_SCOPE, GRID_CODE},
    {NULL, "seats", TEXT_HEAD_SEATS, GRID_NUMBER},
    {NULL, "session", TEXT_HEAD_SESSION, GRID_CODE},
    {NULL, "sha256", TEXT_HEAD_SHA256, GRID_CODE},
    {NULL, "state", TEXT_HEAD_STATE, GRID_CODE},
    {NULL, "student", TEXT_HEAD_STUDENT, GRID_CODE},
    {NULL, "students", TEXT_HEAD_STUDENTS, GRID_NUMBER},
    {NULL, "successor", TEXT_HEAD_SUCCESSOR, GRID_CODE},
    {NULL, "target", TEXT_HEAD_TARGET, GRID_NUMBER},
    {NULL, "time", TEXT_HEAD_TIME, GRID_CODE},
    {NULL, "until", TEXT_HEAD_UNTIL, GRID_CODE},
    {NULL, "waiting", TEXT_HEAD_WAITING, GRID_NUMBER},
    {NULL, "year", TEXT_HEAD_YEAR, GRID_NUMBER},
};

/* What a run of a list consists of. */
struct showing {
    struct tool *tool;
    const struct list *list;
    const struct proto_command *command;
    bool only_free, free_untold;
    char today[SESSION_DAY];
    struct grid_column columns[GRID_COLUMNS];
    struct listing listing;
};

static const struct list *list_of(const char *verb)
{
    for (size_t i = 0; i < COUNT(lists); i++)
        if (strcmp(lists[i].verb, verb) == 0)
            return &lists[i];
    return NULL;
}

bool list_is(const char *verb)
{
    return list_of(verb) != NULL;
}

const char *list_name(size_t number)
{
    return number < COUNT(lists) ? lists[number].verb : NULL;
}

/* ---- columns ---- */

/* The next word of a text in which a blank stands between two; its end is absent. */
static struct slice next_word(const char **text)
{
    const char *at = *text;
    size_t len = strcspn(at, " ");
    *text += len + strspn(at + len, " ");
    return (struct slice){len > 0 ? at : NULL, len};
}

static bool describe(const char *verb, struct slice name, enum text_lang lang, struct grid_column *column)
{
    for (size_t i = 0; i < COUNT(headings); i++)
        if (slice_is(name, headings[i].name) && (!headings[i].verb || strcmp(headings[i].verb, verb) == 0)) {
            *column = (struct grid_column){headings[i].name, text_of(lang, headings[i].heading), headings[i].kind};
            return true;
        }
    return false;
}

size_t list_columns(const char *verb, enum text_lang lang, struct grid_column columns[GRID_COLUMNS])
{
    const struct proto_command *command = proto_command(slice_of(verb));
    size_t count = 0;
    const char *replies = command ? command->replies : "";
    for (struct slice name; count < GRID_COLUMNS && (name = next_word(&replies)).at;)
        count += describe(verb, name, lang, &columns[count]);
    return count;
}

/* Whether rows are exam sessions: they have --free, and a table has their last day of registration. */
static bool has_sessions(const struct list *list)
{
    return strcmp(list->verb, "sessions") == 0;
}

/* Which columns a table shows. */
static void choose(struct showing *showing)
{
    const char *shown = showing->list->shown;
    struct grid *grid = &showing->listing.grid;
    for (struct slice name; (name = next_word(&shown)).at;)
        for (size_t i = 0; i < showing->listing.width; i++)
            if (slice_is(name, showing->columns[i].name))
                grid->shown[grid->shown_count++] = i;
}

/* ---- rows ---- */

static bool is_wanted(struct showing *showing, const struct answer *row)
{
    if (!showing->only_free)
        return true;
    return session_is_open(row, showing->today) && session_has_room(row, &showing->free_untold);
}

static void take_row(void *own, const struct answer *row)
{
    struct showing *showing = own;
    struct slice values[GRID_COLUMNS];
    bool table = showing->listing.form == LISTING_TABLE;
    if (!is_wanted(showing, row))
        return;
    for (size_t i = 0; i < showing->listing.width; i++) {
        const char *name = showing->columns[i].name;
        values[i] = answer_field(row, name);
        if (table)
            values[i] = words_of(showing->tool->lang, name, values[i]);
    }
    listing_keep(&showing->listing, values);
}

static int take_page(void *own)
{
    struct showing *showing = own;
    if (showing->free_untold) {
        text_tell(showing->tool->lang, TEXT_LIST_FREE_UNTOLD);
        return EX_NOPERM;
    }
    return listing_print(&showing->listing) < 0 ? text_tell_output(showing->tool->lang) : EX_OK;
}

/* What is told below a table: how much it is, and of an empty one where to look. */
static void tell_rest(const struct showing *showing, const struct pages *pages, uint64_t log)
{
    const enum text_lang lang = showing->tool->lang;
    const size_t count = showing->listing.told;
    bool filtered = showing->only_free;
    fprintf(stderr, text_of(lang, count == 1 ? TEXT_LIST_ONE : TEXT_LIST_COUNT), count, (unsigned long long)log);
    if (showing->listing.grid.left_out)
        fputs(text_of(lang, TEXT_LIST_NARROW), stderr);
    for (size_t i = 0; i < pages->filter_count && count == 0; i++) {
        const char *name = pages->filters[i].name, *value = pages->filters[i].value;
        filtered |= value != NULL;
        for (size_t j = 0; j < COUNT(places) && value; j++)
            if (strcmp(name, places[j].filter) == 0)
                fprintf(stderr, text_of(lang, TEXT_LIST_WHERE), name, value, places[j].where);
    }
    if (count == 0 && !filtered)
        fputs(text_of(lang, showing->list->empty), stderr);
}

static int show(struct showing *showing, struct client *client, const struct pages *pages)
{
    const enum text_lang lang = showing->tool->lang;
    uint64_t log = 0;
    int status = showing->only_free ? session_today(client, lang, showing->today, NULL) : EX_OK;
    if (status == EX_OK)
        status = pages_read(client, pages, lang, &log);
    if (status != EX_OK)
        return status;
    if (listing_end(&showing->listing) < 0)
        return text_tell_output(showing->tool->lang);
    if (showing->listing.form == LISTING_TABLE && !showing->tool->quiet)
        tell_rest(showing, pages, log);
    return EX_OK;
}

/* ---- the verb ---- */

/* Names the filters: the fields of the command but for those that every list has. */
static void name_filters(const struct proto_command *command, struct pages *pages)
{
    for (size_t i = 0; i < command->field_count && pages->filter_count < PAGES_FILTERS; i++)
        if (command->fields[i].flags & FIELD_KEY)
            pages->filters[pages->filter_count++].name = command->fields[i].name;
}

/* Whether the values that were given have the form that the protocol asks for; told where not. */
static bool filters_hold(const struct showing *showing, const struct pages *pages)
{
    const struct proto_command *command = showing->command;
    for (size_t i = 0; i < pages->filter_count; i++)
        for (size_t j = 0; j < command->field_count; j++) {
            const struct proto_type *type = command->fields[j].type;
            const char *value = pages->filters[i].value;
            if (value && strcmp(command->fields[j].name, pages->filters[i].name) == 0 &&
                !type->form(type, slice_of(value))) {
                text_tell(showing->tool->lang, TEXT_LIST_FILTER, pages->filters[i].name, value);
                return false;
            }
        }
    return true;
}

/* Whether one of the options was given, which belong to the list and not to what it enters; told when so. */
static bool is_stray(struct tool *tool, const struct options_verb *verb)
{
    for (size_t i = 0; i < verb->count; i++) {
        const struct options_row *row = &verb->rows[i];
        if (row->flag ? *row->flag : *row->value != NULL) {
            char name[64];
            snprintf(name, sizeof name, "--%s", row->name);
            options_fault(tool, verb, TEXT_OPTION_UNKNOWN, name);
            return true;
        }
    }
    return false;
}

/* Reads the options. How many operands; -1 when the run is at its end, with `*status`. */
static int read_options(struct showing *showing, struct pages *pages, int argc, char **argv, int *status)
{
    bool json = false, csv = false;
    struct options_row rows[PAGES_FILTERS + 3] = {{"json", NULL, &json, 0}, {"csv", NULL, &csv, 0}};
    struct options_verb verb = {showing->list->verb, showing->list->help, rows, 2};
    if (has_sessions(showing->list))
        rows[verb.count++] = (struct options_row){"free", NULL, &showing->only_free, 0};
    name_filters(showing->command, pages);
    for (size_t i = 0; i < pages->filter_count; i++)
        rows[verb.count++] = (struct options_row){pages->filters[i].name, &pages->filters[i].value, NULL, 0};
    int count = options_read(showing->tool, &verb, argc, argv, status);
    if (count < 0)
        return -1;
    showing->listing.form = json ? LISTING_JSON : csv ? LISTING_CSV : LISTING_TABLE;
    *status = EX_USAGE;
    if (options_operands(showing->tool, &verb, showing->list->forms, count, argv) < 0 ||
        (count > 0 && is_stray(showing->tool, &verb)))
        return -1;
    if (json && csv) {
        text_tell(showing->tool->lang, TEXT_LIST_FORMS);
        return -1;
    }
    return filters_hold(showing, pages) ? count : -1;
}

int list_run(struct tool *tool, const char *verb, int argc, char **argv)
{
    struct showing showing = {.tool = tool, .list = list_of(verb), .command = proto_command(slice_of(verb))};
    struct pages pages = {.verb = verb, .own = &showing, .row = take_row, .page = take_page};
    int status;
    int count = read_options(&showing, &pages, argc, argv, &status);
    if (count < 0)
        return status;
    if (count > 0)
        return showing.list->enter(tool, argv[1]);
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    showing.listing.out = stdout;
    showing.listing.columns = showing.columns;
    showing.listing.width = list_columns(verb, tool->lang, showing.columns);
    showing.listing.grid.room = (size_t)rows_width(stdout);
    showing.listing.grid.colour = tool->colour;
    choose(&showing);
    struct client *client = client_open(profile);
    status = show(&showing, client, &pages);
    listing_free(&showing.listing);
    client_close(client);
    profile_free(profile);
    return status;
}
