/* What `buurtaal template` writes into its files. */
#ifndef BUURTAAL_TOOL_TEMPLATE_H
#define BUURTAAL_TOOL_TEMPLATE_H

#include "base.h"
#include "tool_text.h"

/* The columns to fill in, as submit knows them. */
#define TEMPLATE_COLUMNS 7
#define TEMPLATE_NAME 2 /* which of them is the name, from 0 */
#define TEMPLATE_BORN 3

/* What is told of a session. */
enum template_cell {
    TEMPLATE_SESSION,
    TEMPLATE_EXAM,
    TEMPLATE_DATE,
    TEMPLATE_PLACE,
    TEMPLATE_HOST,
    TEMPLATE_FREE,
    TEMPLATE_LAST_DAY,
    TEMPLATE_CELLS
};

struct template_session {
    char *cells[TEMPLATE_CELLS];
};

struct template
{
    enum text_lang lang;
    const char *columns[TEMPLATE_COLUMNS]; /* headings */
    struct template_session *sessions;     /* that are open and have seats left, in the order of their codes */
    size_t count;
};

/* Makes it a workbook (.xlsx). Its bytes, which the caller frees; NULL with errno. */
char *template_workbook(const struct template *template, size_t *len) MUST_CHECK;

#endif
