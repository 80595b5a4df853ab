/* The daemon's configuration: an INI file read against the table in daemon/options.def. Knows forms and ranges, opens no
 * other file than its own. */
#ifndef BUURTAAL_CONFIG_H
#define BUURTAAL_CONFIG_H

#include <stdio.h>

#include "base.h"

#define CONFIG_PATH "/etc/buurtaal/buurtaald.conf"

/* Values of tls_min, in the order of its words in options.def; those of log_level are enum log_level. */
enum config_tls_min { TLS_MIN_1_3, TLS_MIN_1_2 };

#define CONFIG_C_TEXT const char *
#define CONFIG_C_NAME const char *
#define CONFIG_C_ADDRESS const char *
#define CONFIG_C_PATH const char *
#define CONFIG_C_NUMBER int
#define CONFIG_C_SECONDS int
#define CONFIG_C_WORD int

/* A member an option: `[limits] waiting-age` is config->limits_waiting_age. Texts belong to the config. Options that were
 * left out hold their fallback: database_read is that of writes, server_name the host's. */
struct config {
#define OPTION(section, name, member, type, least, most, fallback, form, holds, help) CONFIG_C_##type member;
#include "../daemon/options.def"
#undef OPTION
};

/* Reads the file. NULL on any fault; `why` then has a line for every fault, as `FILE:LINE: [SECTION] NAME: what is wrong,
 * and what is allowed`, ended by LF; where the room ends, the last line counts those left out. The caller owns the result. */
struct config *config_load(const char *path, char *why, size_t why_size) MUST_CHECK;
/* NULL is allowed. */
void config_free(struct config *config);

/* Keeps what holds from the start on over a reload: where an option that waits for a restart differs, `new` and `old`
 * exchange their values of it, so that `new` tells what the daemon works with. The names of those options go into `out`,
 * as section.name, separated by a space; "" when there are none. Returns `out`. */
const char *config_keep(struct config *new, struct config *old, char *out, size_t room);

/* Prints the list of options in mdoc, as it stands in buurtaald.conf(5). 0, or -1 when it could not be written. */
int config_print_options(FILE *out) MUST_CHECK;

#endif
