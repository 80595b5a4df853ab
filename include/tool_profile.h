/* A profile: which registry to speak to, and who one is there. An INI file of name = value, by default
 * ~/.config/buurtaal/default.conf; beside it, in NAME.seen, the newest number of the log that was seen there. */
#ifndef BUURTAAL_TOOL_PROFILE_H
#define BUURTAAL_TOOL_PROFILE_H

#include "base.h"
#include "tool_options.h"

#define PROFILE_PORT "7447"
#define PROFILE_SEEN "seen" /* kinds of what is remembered */
#define PROFILE_COLUMNS "columns"

/* Texts are the profile's. Files that are not absolute begin at the profile's folder. */
struct profile {
    char *path; /* of the file itself */
    char *host, *port, *ca, *certificate, *key;
    enum text_lang lang;
    bool quiet;   /* as --quiet: no notes */
    bool examine; /* a registry that lost something is spoken to: its log is what is being looked at */
};

/* What was last seen of a registry's log. */
struct profile_seen {
    uint64_t log; /* 0: nothing yet */
    char head[65];
};

/* Reads the profile that `tool` names, the language too unless --lang was given. NULL after telling why; the caller
 * owns the result. */
struct profile *profile_load(struct tool *tool) MUST_CHECK;
/* The file that a profile of this name is in, whether it is there or not; the caller frees. NULL when there is no
 * folder for profiles. */
char *profile_path(const char *name);
/* NULL is allowed. */
void profile_free(struct profile *profile);

/* What was seen; nothing when there is no file, or none that can be read. */
void profile_recall(const struct profile *profile, struct profile_seen *seen);
/* 0, or -1 with errno when it could not be written. */
int profile_remember(const struct profile *profile, const struct profile_seen *seen) MUST_CHECK;
/* Remembers `now` (its log may be 0: nothing yet) in place of what was seen, which is added to NAME.seen.old. 0, or -1 with
 * errno. */
int profile_accept(const struct profile *profile, const struct profile_seen *now) MUST_CHECK;
/* The name of a file beside the profile that holds what is remembered, of a kind; the caller frees. */
char *profile_state_path(const struct profile *profile, const char *kind);

/* Makes the folders above a file of the user's, open to the user alone. 0, or -1 with errno. */
int profile_make_folders(const char *path) MUST_CHECK;

/* The verb `profile`: writes one. */
int profile_run(struct tool *tool, int argc, char **argv);

#endif
