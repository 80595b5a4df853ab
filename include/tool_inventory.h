/* What a certification authority has issued, for people and for programs. */
#ifndef BUURTAAL_TOOL_INVENTORY_H
#define BUURTAAL_TOOL_INVENTORY_H

#include "tool_options.h"

#define INVENTORY_SOON_DAYS 30 /* who has fewer left is marked */

/* Prints every certificate in the index of the authority in `folder`, the oldest first, and how its list of revoked
 * ones stands. It waits for nobody, since an index is whole at any time. EX_OK, or a status of sysexits.h after telling
 * why.
 */
int inventory_print(const struct tool *tool, const char *folder, bool json) MUST_CHECK;

#endif
