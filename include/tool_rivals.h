/* Rows of one file that contradict each other: the same registration, with another value for a field. The first one
 * holds; which of them is right a person must say. Rows that say the same, or each a part, do not contradict. */
#ifndef BUURTAAL_TOOL_RIVALS_H
#define BUURTAAL_TOOL_RIVALS_H

#include "base.h"

/* A row that contradicts an earlier one. */
struct rival {
    size_t row;         /* as the caller counts them */
    unsigned line;      /* of the row that it contradicts */
    struct slice field; /* the first field that differs, as the protocol calls it */
};

struct rivals {
    uint64_t *keys; /* of each row its registration; then of each that is named twice */
    size_t count;
    struct stand *stands; /* of each key that is named twice what was said of it */
    struct rival *found;
    size_t found_count;
};

/* Of each row in turn its request, a line of `register`: first all of them are noted; then, where rivals_sort() says
 * that there is anything to compare, all are compared, in the same order. */
void rivals_note(struct rivals *rivals, const char *request, size_t len);
bool rivals_sort(struct rivals *rivals);
/* Whether the row contradicts an earlier one. */
bool rivals_compare(struct rivals *rivals, size_t row, unsigned line, const char *request, size_t len);

/* The rival that a row is; NULL: none. It holds until rivals_free(). */
const struct rival *rivals_find(const struct rivals *rivals, size_t row);
void rivals_free(struct rivals *rivals);

#endif
