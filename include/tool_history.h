/* The lines of the shell, kept from one run to the next: ~/.local/state/buurtaal/history, readable by the user alone. */
#ifndef BUURTAAL_TOOL_HISTORY_H
#define BUURTAAL_TOOL_HISTORY_H

#include "base.h"

#define HISTORY_LINES 1000

/* Where it lies; XDG_STATE_HOME stands for ~/.local/state. NULL when there is no such folder; the caller frees. */
char *history_path(void);

/* Whether a line may be kept on disk: only one that the protocol knows, whose fields all hold no personal data. */
bool history_may_keep(const char *line);

/* Hands over the newest HISTORY_LINES lines, the oldest first; none where there is no file. */
void history_read(const char *path, void (*take)(void *own, const char *line), void *own);

/* Adds a line to the file, which it makes, with its folders, where it is absent; the mode is set to 600. A file that
 * has grown to twice HISTORY_LINES is cut to the newest. 0, or -1 with errno. */
int history_add(const char *path, const char *line) MUST_CHECK;

#endif
