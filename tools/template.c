/* `buurtaal template`: files in which a college names its students for `buurtaal submit`.
 *
 * The CSV has the header and, as comments, which submit passes over, the sessions that are open. The .xlsx is made in
 * template_workbook.c. Neither holds personal data. Rule: no file is written over without --force, nor by half. */
#define _GNU_SOURCE /* open_memstream */
#include "tool_template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_client.h"
#include "tool_csv.h"
#include "tool_file.h"
#include "tool_memory.h"
#include "tool_pages.h"
#include "tool_session.h"
#include "tool_verbs.h"

#define MODE 0644

static const enum text_id columns[TEMPLATE_COLUMNS] = {TEXT_HEAD_SESSION, TEXT_HEAD_STUDENT, TEXT_HEAD_NAME,
                                                       TEXT_HEAD_BORN,    TEXT_HEAD_ECKID,   TEXT_HEAD_ELECTIVE,
                                                       TEXT_HEAD_NEEDS};

/* ---- the sessions: those that `sessions --free` shows ---- */

struct gathering {
    struct template *template;
    char today[SESSION_DAY];
};

static void take_session(void *own, const struct answer *row)
{
    static const char *const names[TEMPLATE_LAST_DAY] = {"session", "exam", "date", "place", "host", "free"};
    struct gathering *gathering = own;
    struct template *template = gathering->template;
    bool untold = false;
    if (!session_is_open(row, gathering->today) || (!session_has_room(row, &untold) && !untold))
        return;
    if ((template->count & (template->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
        template->sessions = memory_grow(template->sessions, template->count * 2 + 1, sizeof *template->sessions);
    struct template_session *session = &template->sessions[template->count++];
    for (size_t i = 0; i < COUNT(names); i++) {
        struct slice value = answer_field(row, names[i]);
        session->cells[i] = memory_text("%.*s", (int)value.len, value.at ? value.at : "");
    }
    struct slice last = answer_field(row, "until");
    session->cells[TEMPLATE_LAST_DAY] = memory_text("%.*s", (int)last.len, last.at ? last.at : "");
}

/* Asks which sessions are open. EX_OK, or another status after telling why. */
static int gather(struct tool *tool, struct template *template)
{
    struct gathering gathering = {.template = template};
    const struct pages pages = {.verb = "sessions", .own = &gathering, .row = take_session};
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    struct client *client = client_open(profile);
    uint64_t log;
    int status = session_today(client, tool->lang, gathering.today, NULL);
    if (status == EX_OK)
        status = pages_read(client, &pages, tool->lang, &log);
    client_close(client);
    profile_free(profile);
    return status;
}

static void free_sessions(struct template *template)
{
    for (size_t i = 0; i < template->count; i++)
        for (size_t j = 0; j < TEMPLATE_CELLS; j++)
            free(template->sessions[i].cells[j]);
    free(template->sessions);
}

/* ---- the files ---- */

/* The bytes of the CSV, which the caller frees; NULL with errno. */
static char *make_sheet(const struct template *template, size_t *len)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, len);
    if (!out)
        return NULL;
    struct slice headings[TEMPLATE_COLUMNS];
    for (size_t i = 0; i < TEMPLATE_COLUMNS; i++)
        headings[i] = slice_of(template->columns[i]);
    fputs(CSV_BOM, out);
    csv_write(out, ';', CSV_GUARDED, headings, TEMPLATE_COLUMNS);
    for (size_t i = 0; i < template->count; i++) {
        char *const *cells = template->sessions[i].cells;
        char *comment = memory_text(text_of(template->lang, TEXT_TEMPLATE_COMMENT), cells[TEMPLATE_SESSION],
                                    cells[TEMPLATE_EXAM], cells[TEMPLATE_DATE], cells[TEMPLATE_PLACE],
                                    cells[TEMPLATE_LAST_DAY], *cells[TEMPLATE_FREE] ? cells[TEMPLATE_FREE] : "?");
        struct slice cell = slice_of(comment);
        csv_write(out, ';', CSV_GUARDED, &cell, 1);
        free(comment);
    }
    if (fclose(out) == 0)
        return bytes;
    free(bytes);
    return NULL;
}

static int write_file(const struct tool *tool, const struct template *template, const char *path, bool workbook,
                      bool force)
{
    size_t len = 0;
    char *bytes = workbook ? template_workbook(template, &len) : make_sheet(template, &len);
    bool written = bytes && file_write(path, bytes, len, MODE, force) == 0;
    int fault = errno;
    free(bytes);
    if (written) {
        if (!tool->quiet)
            printf(text_of(tool->lang, template->count == 1 ? TEXT_TEMPLATE_WRITTEN_ONE : TEXT_TEMPLATE_WRITTEN), path,
                   template->count);
        return EX_OK;
    }
    if (fault == EEXIST)
        text_tell(tool->lang, TEXT_TEMPLATE_THERE, path);
    else
        text_tell(tool->lang, TEXT_FILE_UNWRITTEN, path, text_reason(tool->lang, fault));
    return EX_CANTCREAT;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t len = strlen(path), ending_len = strlen(ending);
    return len > ending_len && strcmp(path + len - ending_len, ending) == 0;
}

/* ---- the verb ---- */

/* Before anything is asked of the registry: whether a file may be made there. */
static bool is_free(const struct tool *tool, const char *path, bool force)
{
    if (force || access(path, F_OK) != 0)
        return true;
    text_tell(tool->lang, TEXT_TEMPLATE_THERE, path);
    return false;
}

static int make_files(struct tool *tool, const char *name, bool force)
{
    struct template template = {.lang = tool->lang};
    bool only_sheet = ends_in(name, ".csv"), only_workbook = ends_in(name, ".xlsx");
    char *sheet = memory_text("%s%s", name, only_sheet ? "" : ".csv");
    char *workbook = memory_text("%s%s", name, only_workbook ? "" : ".xlsx");
    int status = EX_CANTCREAT;
    if ((only_workbook || is_free(tool, sheet, force)) && (only_sheet || is_free(tool, workbook, force)))
        status = gather(tool, &template);
    template.lang = tool->lang; /* by now also the profile's word is known */
    for (size_t i = 0; i < TEMPLATE_COLUMNS; i++)
        template.columns[i] = text_of(tool->lang, columns[i]);
    if (status == EX_OK && !only_workbook)
        status = write_file(tool, &template, sheet, false, force);
    if (status == EX_OK && !only_sheet)
        status = write_file(tool, &template, workbook, true, force);
    if (status == EX_OK && template.count == 0)
        text_tell(tool->lang, TEXT_TEMPLATE_NO_SESSION);
    free_sessions(&template);
    free(sheet);
    free(workbook);
    return status;
}

int template_run(struct tool *tool, int argc, char **argv)
{
    bool force = false;
    const struct options_row rows[] = {{"force", NULL, &force, 0}};
    const struct options_verb verb = {"template", TEXT_HELP_TEMPLATE, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "[FILE]", count, argv) < 0)
        return EX_USAGE;
    return make_files(tool, count > 0 ? argv[0] : text_of(tool->lang, TEXT_TEMPLATE_NAME), force);
}
