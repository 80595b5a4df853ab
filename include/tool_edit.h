/* Lines from a person at a terminal: editing, history and completion, by libedit. */
#ifndef BUURTAAL_TOOL_EDIT_H
#define BUURTAAL_TOOL_EDIT_H

#include "base.h"
#include "tool_completion.h"

struct edit;

/* What the editor asks of whom it works for. */
struct edit_calls {
    void *own;
    /* Waits until standard input can be read. What it prints meanwhile goes through edit_print(). */
    void (*wait)(void *own);
    /* Finds what may stand at the end of `line`, the text before the cursor; the words hold until the next call. */
    void (*complete)(void *own, struct slice line, struct completion_found *found);
};

/* NULL when standard input or output is no terminal, or libedit cannot use it. The caller frees; `calls` is kept. */
struct edit *edit_new(const struct edit_calls *calls) MUST_CHECK;
/* NULL is allowed. */
void edit_free(struct edit *edit);

/* The next line, without its LF and the blanks at both ends, which completion leaves; NULL at the end of the input. It holds until the next call. */
const char *edit_line(struct edit *edit, const char *prompt);
/* Puts a line into the history of this run. */
void edit_remember(struct edit *edit, const char *line);
/* Prints a line of text above the one being edited. */
void edit_print(struct edit *edit, const char *text);

#endif
