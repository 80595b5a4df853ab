/* The verbs of `buurtaal`, a file each. Each takes the words behind it and returns the status that the program ends
 * with. */
#ifndef BUURTAAL_TOOL_VERBS_H
#define BUURTAAL_TOOL_VERBS_H

#include "tool_options.h"

int send_run(struct tool *tool, int argc, char **argv);
int submit_run(struct tool *tool, int argc, char **argv);
int institutions_run(struct tool *tool, int argc, char **argv);
int progress_run(struct tool *tool, int argc, char **argv);
int doctor_run(struct tool *tool, int argc, char **argv);
int audit_run(struct tool *tool, int argc, char **argv);
int shell_run(struct tool *tool, int argc, char **argv);
int template_run(struct tool *tool, int argc, char **argv);
int ca_run(struct tool *tool, int argc, char **argv);

#endif
