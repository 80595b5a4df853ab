/* Memory for the command, which ends with EX_OSERR when there is none: nothing it was doing is lost that sending again
 * would not repair. */
#ifndef BUURTAAL_TOOL_MEMORY_H
#define BUURTAAL_TOOL_MEMORY_H

#include "base.h"

/* `count` times `size` bytes of zeros, at least one. Never NULL; the caller frees. */
void *memory_get(size_t count, size_t size);
/* `old`, which may be NULL, made `count` times `size` bytes large; what is new is not set. Never NULL. */
void *memory_grow(void *old, size_t count, size_t size);
/* The text that printf would write; the caller frees. */
char *memory_text(const char *form, ...) PRINTF(1, 2);

#endif
