/* Memory for the command, or the end of it. */
#define _GNU_SOURCE /* vasprintf */
#include "tool_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static void *or_end(void *memory)
{
    if (!memory) {
        fputs("buurtaal: out of memory\n", stderr);
        exit(EX_OSERR);
    }
    return memory;
}

void *memory_get(size_t count, size_t size)
{
    return or_end(calloc(count ? count : 1, size ? size : 1));
}

void *memory_grow(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return or_end(NULL);
    return or_end(realloc(old, bytes ? bytes : 1));
}

char *memory_text(const char *form, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, form);
    int len = vasprintf(&text, form, values);
    va_end(values);
    return or_end(len < 0 ? NULL : text);
}
