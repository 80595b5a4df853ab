/* What `submit --map` said of a sender's columns, remembered beside the profile: who exports once in an odd dialect
 * does so every time. */
#ifndef BUURTAAL_TOOL_MAPPING_H
#define BUURTAAL_TOOL_MAPPING_H

#include "base.h"
#include "tool_profile.h"
#include "tool_roster.h"

/* Texts COLUMN=HEADING, at most one a column, ended by NULL. */
struct mapping {
    char *texts[ROSTER_MAPS + 1];
};

/* What is remembered and fits: the headings that this table has, or numbers where it has no header; all with `table`
 * NULL. Nothing when there is no file. What cannot be a mapping is passed over. */
void mapping_recall(const struct profile *profile, const struct table *table, struct mapping *mapping);
/* Adds texts, ended by NULL, in place of those for the same column or heading. 0, or -1 after telling which is no
 * COLUMN=HEADING, or names a column that another of these texts names. */
int mapping_add(struct mapping *mapping, const char *const *texts, enum text_lang lang) MUST_CHECK;
/* 0, or -1 after telling why it could not be written. */
int mapping_remember(const struct profile *profile, const struct mapping *mapping) MUST_CHECK;
void mapping_free(struct mapping *mapping);

#endif
