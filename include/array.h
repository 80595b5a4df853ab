/* Parameters of a statement as PostgreSQL's binary arrays, one after another in one buffer that grows. Pure. */
#ifndef BUURTAAL_ARRAY_H
#define BUURTAAL_ARRAY_H

#include "base.h"

/* All zero is an empty one. `broken`: memory ran out, and what was put since is missing. */
struct array_buffer {
    char *bytes;
    size_t len, room; /* bytes */
    bool broken;
};

/* Empties it; the memory stays for the next use. */
void array_clear(struct array_buffer *buffer);
void array_free(struct array_buffer *buffer);

/* Begins a one-dimensional array of `count` elements, of bytea where `binary`, else of text. */
void array_begin(struct array_buffer *buffer, size_t count, bool binary);
/* Adds one element; an absent one is NULL. */
void array_put(struct array_buffer *buffer, struct slice element);

#endif
