/* The verbs of `buurtaal` that are no lists, which are in tool_list.h. Each takes the words behind it and returns the
 * status that the program ends with. */
#ifndef BUURTAAL_TOOL_VERBS_H
#define BUURTAAL_TOOL_VERBS_H

#include "tool_options.h"

int send_run(struct tool *tool, int argc, char **argv);
int submit_run(struct tool *tool, int argc, char **argv);
int progress_run(struct tool *tool, int argc, char **argv);
int doctor_run(struct tool *tool, int argc, char **argv);
int audit_run(struct tool *tool, int argc, char **argv);
int watch_run(struct tool *tool, int argc, char **argv);
int shell_run(struct tool *tool, int argc, char **argv);
int template_run(struct tool *tool, int argc, char **argv);
int dossier_run(struct tool *tool, int argc, char **argv);
int ca_run(struct tool *tool, int argc, char **argv);

/* `institutions import`, behind the options of that list. */
int institutions_import(struct tool *tool, const char *path);

#endif
