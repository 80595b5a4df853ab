/* Rows of one file that contradict each other.
 *
 * Rules: fields are compared by their hashes, so that no personal data stays in memory. Limits: 8 bytes a row while all
 * are noted; then only what the rows take that name one registration more than once. */
#include "tool_rivals.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "line.h"
#include "tool_memory.h"

/* What is compared; the registration is named by the others. */
static const char *const fields[] = {"born", "name", "eckid", "elective", "needs"};

/* What the rows until now say of a registration, and which said it first; hash 0: none. */
struct stand {
    uint64_t hash[COUNT(fields)];
    unsigned line[COUNT(fields)];
};

static uint64_t hash_of(const char *bytes, size_t len)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    uint64_t hash;
    SHA256((const unsigned char *)bytes, len, sum);
    memcpy(&hash, sum, sizeof hash);
    return hash ? hash : 1;
}

/* Takes a request apart: the key of its registration, and the hashes of its fields. */
static uint64_t take_apart(const char *request, size_t len, uint64_t hash[COUNT(fields)])
{
    char line[LINE_MAX_BYTES], key[LINE_MAX_BYTES];
    struct line_cursor cursor = {line, line + len - 1};
    struct slice name, value, session = {NULL, 0}, student = {NULL, 0};
    memcpy(line, request, len);
    memset(hash, 0, COUNT(fields) * sizeof *hash);
    if (line_verb(&cursor, &name) == 0)
        while (line_field(&cursor, &name, &value) == 1) {
            session = slice_is(name, "session") ? value : session;
            student = slice_is(name, "student") ? value : student;
            for (size_t i = 0; i < COUNT(fields); i++)
                if (slice_is(name, fields[i]))
                    hash[i] = hash_of(value.at, value.len);
        }
    int part = snprintf(key, sizeof key, "%.*s %.*s", (int)session.len, session.at ? session.at : "", (int)student.len,
                        student.at ? student.at : "");
    return hash_of(key, (size_t)part);
}

void rivals_note(struct rivals *rivals, const char *request, size_t len)
{
    uint64_t hash[COUNT(fields)];
    if ((rivals->count & (rivals->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
        rivals->keys = memory_grow(rivals->keys, rivals->count * 2 + 1, sizeof *rivals->keys);
    rivals->keys[rivals->count++] = take_apart(request, len, hash);
}

static int by_value(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

bool rivals_sort(struct rivals *rivals)
{
    size_t twice = 0;
    if (rivals->count > 1)
        qsort(rivals->keys, rivals->count, sizeof *rivals->keys, by_value);
    for (size_t i = 1; i < rivals->count; i++)
        if (rivals->keys[i] == rivals->keys[i - 1] && (twice == 0 || rivals->keys[twice - 1] != rivals->keys[i]))
            rivals->keys[twice++] = rivals->keys[i];
    rivals->count = twice;
    rivals->keys = memory_grow(rivals->keys, twice + 1, sizeof *rivals->keys);
    rivals->stands = memory_get(twice, sizeof *rivals->stands);
    return twice > 0;
}

bool rivals_compare(struct rivals *rivals, size_t row, unsigned line, const char *request, size_t len)
{
    uint64_t hash[COUNT(fields)], key = take_apart(request, len, hash);
    const uint64_t *found = bsearch(&key, rivals->keys, rivals->count, sizeof key, by_value);
    if (!found)
        return false;
    struct stand *stand = &rivals->stands[found - rivals->keys];
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (!hash[i] || !stand->hash[i] || hash[i] == stand->hash[i])
            continue;
        if ((rivals->found_count & (rivals->found_count + 1)) == 0)
            rivals->found = memory_grow(rivals->found, rivals->found_count * 2 + 1, sizeof *rivals->found);
        rivals->found[rivals->found_count++] =
            (struct rival){.row = row, .line = stand->line[i], .field = slice_of(fields[i])};
        return true;
    }
    for (size_t i = 0; i < COUNT(fields); i++)
        if (hash[i] && !stand->hash[i]) {
            stand->hash[i] = hash[i];
            stand->line[i] = line;
        }
    return false;
}

static int by_row(const void *row, const void *rival)
{
    size_t a = *(const size_t *)row, b = ((const struct rival *)rival)->row;
    return a < b ? -1 : a > b;
}

const struct rival *rivals_find(const struct rivals *rivals, size_t row)
{
    if (rivals->found_count == 0)
        return NULL;
    return bsearch(&row, rivals->found, rivals->found_count, sizeof *rivals->found, by_row);
}

void rivals_free(struct rivals *rivals)
{
    free(rivals->keys);
    free(rivals->stands);
    free(rivals->found);
}
