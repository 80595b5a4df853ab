/* What every room may use: attributes, slices, counts. No state, no I/O. */
#ifndef BUURTAAL_BASE_H
#define BUURTAAL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Bytes that somebody else owns; not ended by a NUL. `at` NULL means absent, which is not the same as empty. */
struct slice {
    const char *at;
    size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is(struct slice s, const char *text)
{
    size_t len = strlen(text);
    return s.at && s.len == len && memcmp(s.at, text, len) == 0;
}

/* The whole number that `s` begins with, in decimal digits; 0 when there is none. For what our own side wrote: no check. */
static inline uint64_t slice_number(struct slice s)
{
    uint64_t number = 0;
    for (size_t i = 0; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(s.at[i] - '0');
    return number;
}

#endif
