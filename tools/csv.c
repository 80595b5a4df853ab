/* Tables in text files. Nothing is mended: blanks stay in values until somebody trims them, an unended quote is a
 * fault. */
#include "tool_csv.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "tool_memory.h"

/* ---- bytes ---- */

/* The whole file; NULL with errno. */
static char *read_all(FILE *file, size_t *len)
{
    size_t room = 65536;
    char *bytes = memory_get(room, 1);
    *len = 0;
    for (size_t got; (got = fread(bytes + *len, 1, room - *len, file)) > 0;) {
        *len += got;
        if (*len > CSV_BYTES) {
            free(bytes);
            errno = EFBIG;
            return NULL;
        }
        if (*len == room)
            bytes = memory_grow(bytes, room *= 2, 1);
    }
    if (!ferror(file))
        return bytes;
    free(bytes);
    return NULL;
}

/* Converts all of it. The new bytes, or NULL when some do not belong to `from`. */
static char *convert(const char *from, char *bytes, size_t len, size_t *new_len)
{
    iconv_t way = iconv_open("UTF-8", from);
    if (way == (iconv_t)-1)
        return NULL;
    size_t room = len * 3 + 1, left = room;
    char *converted = memory_get(room, 1), *out = converted;
    bool whole = iconv(way, &bytes, &len, &out, &left) != (size_t)-1 && len == 0;
    iconv_close(way);
    *new_len = room - left;
    if (whole)
        return converted;
    free(converted);
    return NULL;
}

int csv_take(struct csv *csv, const char *bytes, size_t len, const char *name, enum text_lang lang)
{
    static const char bom[] = "\xef\xbb\xbf";
    memset(csv, 0, sizeof *csv);
    csv->separator = ';';
    bool has_bom = len >= 3 && memcmp(bytes, bom, 3) == 0;
    size_t skipped = has_bom ? 3 : 0;
    if (len == skipped) {
        text_tell(lang, TEXT_CSV_EMPTY, name);
        return -1;
    }
    char *given = memory_get(len - skipped, 1);
    memcpy(given, bytes + skipped, len - skipped);
    len -= skipped;
    if (!memchr(given, '\0', len)) {
        csv->bytes = convert("UTF-8", given, len, &csv->len);
        if (!csv->bytes && !has_bom)
            csv->bytes = convert("WINDOWS-1252", given, len, &csv->len);
    }
    free(given);
    if (csv->bytes)
        return 0;
    text_tell(lang, TEXT_CSV_BINARY, name);
    return -1;
}

int csv_load(struct csv *csv, const char *path, enum text_lang lang)
{
    size_t len = 0;
    memset(csv, 0, sizeof *csv);
    FILE *file = fopen(path, "re");
    char *bytes = file ? read_all(file, &len) : NULL;
    int fault = errno;
    if (file)
        fclose(file);
    if (!bytes) {
        text_tell(lang, TEXT_FILE_UNREAD, path, text_reason(lang, fault));
        return -1;
    }
    int result = csv_take(csv, bytes, len, path, lang);
    free(bytes);
    return result;
}

void csv_free(struct csv *csv)
{
    free(csv->bytes);
    csv->bytes = NULL;
}

/* ---- rows ---- */

int csv_line(struct csv *csv, struct slice *row)
{
    while (csv->at < csv->len) {
        const char *begin = csv->bytes + csv->at, *end = memchr(begin, '\n', csv->len - csv->at);
        size_t len = end ? (size_t)(end - begin) : csv->len - csv->at;
        csv->at += len + (end != NULL);
        csv->line++;
        if (len > 0 && begin[len - 1] == '\r')
            len--;
        *row = (struct slice){begin, len};
        if (csv_trim(*row).len > 0)
            return 1;
    }
    return 0;
}

size_t csv_split(struct slice row, char separator, struct slice values[CSV_COLUMNS])
{
    size_t count = 0;
    const char *at = row.at, *end = row.at + row.len;
    for (;;) {
        const char *stop = memchr(at, separator, (size_t)(end - at));
        if (count < CSV_COLUMNS)
            values[count] = (struct slice){at, (size_t)((stop ? stop : end) - at)};
        count++;
        if (!stop)
            return count;
        at = stop + 1;
    }
}

/* Reads one value, from csv->at to its separator or line end, which it leaves. 0, or -1 when a quote does not end. */
static int read_value(struct csv *csv, struct slice *value)
{
    char *from = csv->bytes + csv->at, *to = from;
    const char *end = csv->bytes + csv->len;
    *value = (struct slice){from, 0};
    bool inside = false;
    if (csv->quoted && from < end && *from == '"') {
        inside = true;
        from++;
    }
    for (; from < end; from++) {
        if (inside && *from == '"') {
            if (from + 1 == end || from[1] != '"') {
                inside = false;
                continue;
            }
            from++;
        } else if (!inside && (*from == csv->separator || *from == '\n')) {
            break;
        }
        csv->breaks += *from == '\n';
        *to++ = *from;
    }
    value->len = (size_t)(to - value->at);
    csv->at = (size_t)(from - csv->bytes);
    return inside ? -1 : 0;
}

int csv_row(struct csv *csv, struct slice values[CSV_COLUMNS], size_t *count)
{
    csv->line += csv->breaks;
    csv->breaks = 0;
    while (csv->at < csv->len && (csv->bytes[csv->at] == '\n' || csv->bytes[csv->at] == '\r')) {
        csv->line += csv->bytes[csv->at] == '\n';
        csv->at++;
    }
    *count = 0;
    if (csv->at == csv->len)
        return 0;
    csv->line++;
    for (;;) {
        struct slice value;
        if (read_value(csv, &value) < 0)
            return -1;
        bool last = csv->at == csv->len || csv->bytes[csv->at] == '\n';
        csv->at += csv->at < csv->len;
        if (last && value.len > 0 && value.at[value.len - 1] == '\r')
            value.len--;
        if (*count < CSV_COLUMNS)
            values[*count] = value;
        ++*count;
        if (last)
            break;
    }
    return 1;
}

struct slice csv_trim(struct slice value)
{
    while (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t')) {
        value.at++;
        value.len--;
    }
    while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    return value;
}

bool csv_is(struct slice header, const char *name)
{
    header = csv_trim(header);
    return header.len == strlen(name) && strncasecmp(header.at, name, header.len) == 0;
}
