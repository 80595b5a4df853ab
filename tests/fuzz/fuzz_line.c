/* Any bytes, as a client or a daemon might send them: the verdict on them is the same however they are cut; a whole
 * line that reads as fields or parts is, written again by the encoder, a line that reads the same. */
#include "line.h"

#include <stdlib.h>

#define PARTS_MAX 4200 /* a part takes at least two bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Bytes that are bad stay bad, bytes that are a line stay that line, whatever comes behind them. */
static void check_prefixes(const char *bytes, size_t size)
{
    size_t end = 0, whole_end = 0;
    enum line_verdict whole = line_take(bytes, size, &whole_end);
    size_t step = size > 512 ? size / 256 : 1;
    for (size_t len = 0; len < size; len += step) {
        enum line_verdict verdict = line_take(bytes, len, &end);
        must(verdict == LINE_PART || verdict == whole);
        if (verdict == LINE_WHOLE)
            must(end == whole_end && end < len && bytes[end] == '\n');
        if (whole == LINE_PART)
            must(verdict == LINE_PART);
    }
    if (whole == LINE_WHOLE)
        must(whole_end < LINE_MAX_BYTES && !memchr(bytes, '\n', whole_end) && !memchr(bytes, '\r', whole_end) &&
             !memchr(bytes, '\0', whole_end));
    if (whole == LINE_PART)
        must(size < LINE_MAX_BYTES);
}

struct part {
    struct slice name, value; /* value.at NULL: a bare word */
};

static size_t read_parts(char *line, size_t len, struct part *parts)
{
    struct line_cursor cursor = {line, line + len};
    struct slice name, value;
    size_t count = 0;
    int got;
    while ((got = line_part(&cursor, &name, &value)) > 0) {
        must(count < PARTS_MAX && name.len > 0);
        parts[count++] = (struct part){name, got == 1 ? value : (struct slice){0}};
    }
    return got == 0 ? count : 0;
}

static char *copy(const char *bytes, size_t len)
{
    char *made = malloc(len + 1);
    must(made != NULL);
    memcpy(made, bytes, len);
    made[len] = '\0';
    return made;
}

/* Writes the parts, reads them again and compares. */
static void check_round_trip(const struct part *parts, size_t count)
{
    char out[LINE_MAX_BYTES];
    static struct part again[PARTS_MAX];
    struct line_writer writer;
    size_t end;
    char *name = copy(parts[0].name.at, parts[0].name.len);
    line_begin(&writer, out, sizeof out, name);
    free(name);
    for (size_t i = 1; i < count; i++) {
        name = copy(parts[i].name.at, parts[i].name.len);
        if (parts[i].value.at)
            line_put(&writer, name, parts[i].value);
        else
            line_word(&writer, name);
        free(name);
    }
    size_t len = line_end(&writer);
    if (len == 0)
        return; /* `name=` came in, `name=""` goes out: longer than it came, so it may not fit */
    must(line_take(out, len, &end) == LINE_WHOLE && end == len - 1);
    must(read_parts(out, end, again) == count);
    for (size_t i = 1; i < count; i++) {
        must(again[i].name.len == parts[i].name.len &&
             memcmp(again[i].name.at, parts[i].name.at, parts[i].name.len) == 0);
        must(!again[i].value.at == !parts[i].value.at && again[i].value.len == parts[i].value.len);
        must(!parts[i].value.len || memcmp(again[i].value.at, parts[i].value.at, parts[i].value.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct part parts[PARTS_MAX];
    size_t end;
    char *bytes = copy((const char *)data, size);
    check_prefixes(bytes, size);
    if (line_take(bytes, size, &end) == LINE_WHOLE) {
        char *line = copy(bytes, end);
        size_t count = read_parts(line, end, parts);
        if (count > 0 && !parts[0].value.at)
            check_round_trip(parts, count);
        free(line);
    }
    free(bytes);
    return 0;
}
