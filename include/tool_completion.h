/* Completing a line from what the registry's `help` tells: verbs, names of fields, words of enumerations. Pure. */
#ifndef BUURTAAL_TOOL_COMPLETION_H
#define BUURTAAL_TOOL_COMPLETION_H

#include "base.h"
#include "tool_answer.h"

#define COMPLETION_MOST 128

struct completion;

/* What may stand at the end of a line. Texts are the completion's, and hold until it learns or is freed. */
struct completion_found {
    size_t typed;     /* so many bytes at the end of the line are the beginning of each of them */
    const char *tail; /* what goes behind one when it is the only one */
    size_t count;
    struct {
        const char *word, *help;
    } words[COMPLETION_MOST];
};

/* Never NULL; the caller frees. */
struct completion *completion_new(void);
/* NULL is allowed. */
void completion_free(struct completion *completion);

/* Learns from a row of `help`. */
void completion_verb(struct completion *completion, const struct answer *row);
/* The verb that `line` begins with, when its fields are still to be learnt; else absent. */
struct slice completion_wants(const struct completion *completion, struct slice line);
/* Learns from a row of `help verb=`; when there is none, that the verb has no fields. */
void completion_field(struct completion *completion, struct slice verb, const struct answer *row);

/* Finds what may stand at the end of `line`, the text before the cursor. */
void completion_find(const struct completion *completion, struct slice line, struct completion_found *found);
/* How many bytes all that was found begin with alike; at least `typed` of it, 0 when nothing was found. */
size_t completion_common(const struct completion_found *found);

#endif
