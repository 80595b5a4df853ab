/* A file of students as a stream of requests, and what became of each row. The file is gone through more than once: to
 * look at it, to rehearse, to apply; of its rows only those under way are in memory. */
#ifndef BUURTAAL_TOOL_SUBMISSION_H
#define BUURTAAL_TOOL_SUBMISSION_H

#include <stdio.h>

#include "base.h"
#include "tool_file.h"
#include "tool_known.h"
#include "tool_options.h"
#include "tool_rivals.h"
#include "tool_roster.h"
#include "tool_sending.h"
#include "tool_table.h"

struct evp_md_ctx_st; /* OpenSSL's EVP_MD_CTX */

/* What became of a row. A conflict is a refusal too: the row is sound, but the registry holds something else, or an
 * earlier row says something else; a person must look at it. */
enum outcome {
    OUTCOME_NONE, /* not answered */
    OUTCOME_SEATED,
    OUTCOME_WAITING,
    OUTCOME_REPEATED,
    OUTCOME_AMENDED,
    OUTCOME_REFUSED,
    OUTCOME_CONFLICT,
    OUTCOME_COUNT
};

/* Rows of the file that wait for a seat of one session. */
struct submission_queue {
    char session[65];
    size_t rows;
    uint64_t first, last; /* places */
};

struct submission {
    const struct tool *tool;
    const char *path;
    const char *seen; /* --seen: a number of the log, or NULL */
    struct table *table;
    struct roster roster;
    size_t rows, sound, bytes; /* of the file: all, those that are sent, and how long their requests are */
    char digest[FILE_SHA256];  /* SHA-256 of the requests */
    struct rivals rivals;
    struct known *known; /* what the registry has of these students; NULL: not asked */
    /* Of the pass that is under way, or was the last. */
    size_t next, answers;
    bool afresh; /* what becomes of each row is told */
    size_t tally[OUTCOME_COUNT];
    size_t no_session; /* refused since their session is unknown or not open */
    struct submission_queue *queues;
    size_t queue_count;
    char *told; /* why the rows from told_first to told_last are refused, which is not printed yet; NULL: none */
    unsigned told_first, told_last;
    enum outcome told_outcome;
    uint64_t log;              /* the highest number that an answer told */
    struct evp_md_ctx_st *sum; /* of the requests */
    bool broken;               /* it was not, to its end, the file that was looked at */
    bool bar;                  /* there is one; */
    int shown;                 /* and so many per mille of it */
    unsigned char *refused;    /* a bit a row: whether it was refused by the last pass that came to it */
    FILE *reasons;             /* why, a line each row that the last pass refused: its index and the words; may be NULL */
};

/* Takes over the table, finds out what its columns mean, and looks at all rows. `map` and `session` as roster_guess()
 * takes them. 0, or -1 after telling why the file cannot be used; submission_close() either way. */
int submission_open(struct submission *submission, const struct tool *tool, struct table *table,
                    const struct roster_map *map, const char *session) MUST_CHECK;
void submission_close(struct submission *submission);

/* Takes over what the registry has of these students: from now on rows that speak of somebody else are conflicts, and
 * what a row changes is told. 0, or -1 after telling why the file cannot be read again. */
int submission_hold(struct submission *submission, struct known *known) MUST_CHECK;

/* Begins a pass. Rows that are refused are printed, but not those that the pass before refused too, unless `afresh`;
 * and then also what rows change. 0, or -1 after telling why the file cannot be read again. */
int submission_begin(struct submission *submission, bool afresh) MUST_CHECK;
/* The rows of the pass. */
struct sending submission_sending(struct submission *submission);
/* Prints what is still to be said of rows and takes the bar away, so that something else can be printed. */
void submission_hide_bar(struct submission *submission);

/* How many rows the registry has, and how many it does not take. */
size_t submission_accepted(const struct submission *submission);
size_t submission_refused(const struct submission *submission);
/* Whether the pass would change anything. */
bool submission_changes(const struct submission *submission);

/* Writes the rows that were refused, with all that stands before the first row, to `out`, byte for byte as `path` has
 * them but for two cells behind each, its line and why; those of an .xlsx as text for a spreadsheet. 0, or -1 after
 * telling why. */
int submission_write_refused(struct submission *submission, const char *path, FILE *out) MUST_CHECK;

#endif
