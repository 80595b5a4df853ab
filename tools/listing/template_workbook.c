/* The template as a workbook, by libxlsxwriter: a sheet to fill in, and one with the sessions that are open, from which
 * the first one's session is chosen.
 *
 * Rules: the sheet to fill in is the first one, which is the one that submit reads. Its cells are texts, so that a
 * spreadsheet drops no zero and turns no number into a date. */
#define _GNU_SOURCE /* mkostemp */
#include "tool_template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "tool_memory.h"

#define WIDTH 18         /* of a column, in characters of the usual font */
#define ROWS_MOST 100000 /* so many rows can choose a session from the list */

/* A sheet with headings that stay in sight, its cells texts. */
static lxw_worksheet *add_sheet(lxw_workbook *book, const char *name, const char *const headings[], size_t count)
{
    lxw_worksheet *sheet = workbook_add_worksheet(book, name);
    lxw_format *bold = workbook_add_format(book), *text = workbook_add_format(book);
    if (!sheet || !bold || !text)
        return NULL;
    format_set_bold(bold);
    format_set_num_format(text, "@");
    worksheet_set_column(sheet, 0, (lxw_col_t)(count - 1), WIDTH, text);
    worksheet_freeze_panes(sheet, 1, 0);
    for (size_t i = 0; i < count; i++)
        worksheet_write_string(sheet, 0, (lxw_col_t)i, headings[i], bold);
    return sheet;
}

/* Lets the first column be chosen from the sessions of the other sheet. */
static bool add_choice(lxw_worksheet *sheet, const struct template *template, const char *sessions)
{
    char *range = memory_text("='%s'!$A$2:$A$%zu", sessions, template->count + 1);
    lxw_data_validation choice = {.validate = LXW_VALIDATION_TYPE_LIST_FORMULA,
                                  .value_formula = range,
                                  .error_message = (char *)text_of(template->lang, TEXT_TEMPLATE_CHOOSE)};
    bool added = worksheet_data_validation_range(sheet, 1, 0, ROWS_MOST, 0, &choice) == LXW_NO_ERROR;
    free(range);
    return added;
}

/* Shows how a name and a date are written, where the mouse stands on their headings: it is in no cell, so that nothing
 * of it is submitted. */
static bool add_examples(lxw_worksheet *sheet, const struct template *template)
{
    return worksheet_write_comment(sheet, 0, TEMPLATE_NAME, text_of(template->lang, TEXT_TEMPLATE_AS_NAME)) ==
               LXW_NO_ERROR &&
           worksheet_write_comment(sheet, 0, TEMPLATE_BORN, text_of(template->lang, TEXT_TEMPLATE_AS_BORN)) ==
               LXW_NO_ERROR;
}

/* Makes the file at `path`. Whether it is whole; errno says why not. */
static bool fill_book(const struct template *template, const char *path)
{
    static const enum text_id told[TEMPLATE_CELLS] = {TEXT_HEAD_SESSION, TEXT_HEAD_EXAM, TEXT_HEAD_DATE,
                                                      TEXT_HEAD_PLACE,   TEXT_HEAD_HOST, TEXT_HEAD_FREE,
                                                      TEXT_HEAD_CLOSES};
    const char *headings[TEMPLATE_CELLS], *name = text_of(template->lang, TEXT_TEMPLATE_SESSIONS);
    lxw_workbook *book = workbook_new(path);
    if (!book)
        return false;
    for (size_t i = 0; i < TEMPLATE_CELLS; i++)
        headings[i] = text_of(template->lang, told[i]);
    lxw_worksheet *sheet =
        add_sheet(book, text_of(template->lang, TEXT_TEMPLATE_SHEET), template->columns, TEMPLATE_COLUMNS);
    lxw_worksheet *sessions = add_sheet(book, name, headings, TEMPLATE_CELLS);
    bool whole = sheet && sessions && add_examples(sheet, template) &&
                 (template->count == 0 || add_choice(sheet, template, name));
    for (size_t i = 0; i < template->count && whole; i++)
        for (size_t j = 0; j < TEMPLATE_CELLS && whole; j++)
            whole = worksheet_write_string(sessions, (lxw_row_t)(i + 1), (lxw_col_t)j, template->sessions[i].cells[j],
                                           NULL) == LXW_NO_ERROR;
    return workbook_close(book) == LXW_NO_ERROR && whole;
}

/* All bytes of a file; NULL with errno. */
static char *read_whole(int fd, size_t *len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    char *bytes = memory_get((size_t)st.st_size, 1);
    ssize_t got = pread(fd, bytes, (size_t)st.st_size, 0);
    *len = (size_t)st.st_size;
    if (got == st.st_size)
        return bytes;
    errno = got < 0 ? errno : EIO;
    free(bytes);
    return NULL;
}

char *template_workbook(const struct template *template, size_t *len)
{
    const char *folder = getenv("TMPDIR");
    char *path = memory_text("%s/buurtaal-XXXXXX", folder && *folder ? folder : "/tmp"), *bytes = NULL;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        errno = 0;
        if (fill_book(template, path))
            bytes = read_whole(fd, len);
        int fault = errno ? errno : EIO;
        unlink(path);
        close(fd);
        errno = fault;
    }
    free(path);
    return bytes;
}
