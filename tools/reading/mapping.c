/* What `--map` said of a sender's columns.
 *
 * Rules: it only serves to save the user from saying it again; without the file all works. What does not fit the file
 * at hand is kept for the next. */
#include "tool_mapping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool_columns.h"
#include "tool_file.h"
#include "tool_memory.h"

#define TEXT_BYTES 512

/* Length of the column's name; 0 when it is no COLUMN=HEADING with a column that there is. */
static size_t column_len(const char *text)
{
    size_t len = strcspn(text, "=");
    if (text[len] == '\0' || text[len + 1] == '\0' || strlen(text) >= TEXT_BYTES || strchr(text, '\n'))
        return 0;
    for (int column = 0; column < ROSTER_COLUMNS; column++) {
        const char *word = roster_word((enum roster_column)column);
        if (strlen(word) == len && strncmp(word, text, len) == 0)
            return len;
    }
    return 0;
}

static bool same_column(const char *a, const char *b)
{
    size_t len = column_len(a);
    return len == column_len(b) && strncmp(a, b, len) == 0;
}

static struct slice heading_of(const char *text)
{
    return slice_of(text + column_len(text) + 1);
}

static bool same_heading(const char *a, const char *b)
{
    return columns_same(heading_of(a), heading_of(b));
}

static bool fits(const char *text, const struct table *table)
{
    struct slice heading = heading_of(text);
    if (!table)
        return true;
    if (!table_has_header(table))
        return roster_is_digits(heading);
    for (size_t i = 0; i < table_columns(table); i++)
        if (columns_same(table_header(table, i), heading))
            return true;
    return false;
}

static void remove_at(struct mapping *mapping, size_t i)
{
    free(mapping->texts[i]);
    for (; mapping->texts[i]; i++)
        mapping->texts[i] = mapping->texts[i + 1];
}

/* Puts a text in the place of those for the same column or heading. */
static void add(struct mapping *mapping, const char *text)
{
    size_t count = 0;
    while (mapping->texts[count])
        if (same_column(mapping->texts[count], text) || same_heading(mapping->texts[count], text))
            remove_at(mapping, count);
        else
            count++;
    mapping->texts[count] = memory_text("%s", text); /* there is room: each column is there once at most */
}

int mapping_add(struct mapping *mapping, const char *const *texts, enum text_lang lang)
{
    for (size_t n = 0; texts[n]; n++) {
        size_t len = column_len(texts[n]), before = 0;
        while (len > 0 && before < n && !same_column(texts[before], texts[n]))
            before++;
        if (len == 0)
            text_tell(lang, TEXT_MAP_COLUMN, texts[n]);
        else if (before < n)
            text_tell(lang, TEXT_MAP_TWICE, texts[n]);
        else
            continue;
        return -1;
    }
    for (size_t n = 0; texts[n]; n++)
        add(mapping, texts[n]);
    return 0;
}

void mapping_recall(const struct profile *profile, const struct table *table, struct mapping *mapping)
{
    char *path = profile_state_path(profile, PROFILE_COLUMNS), text[TEXT_BYTES];
    FILE *file = fopen(path, "re");
    memset(mapping, 0, sizeof *mapping);
    while (file && fgets(text, sizeof text, file)) {
        text[strcspn(text, "\n")] = '\0';
        if (column_len(text) > 0 && fits(text, table))
            add(mapping, text);
    }
    if (file)
        fclose(file);
    free(path);
}

int mapping_remember(const struct profile *profile, const struct mapping *mapping)
{
    char *path = profile_state_path(profile, PROFILE_COLUMNS), *all = memory_text("%s", "");
    for (size_t i = 0; mapping->texts[i]; i++) {
        char *longer = memory_text("%s%s\n", all, mapping->texts[i]);
        free(all);
        all = longer;
    }
    int result = file_write(path, all, strlen(all), 0600, true);
    if (result < 0)
        text_tell(profile->lang, TEXT_FILE_UNWRITTEN, path, text_reason(profile->lang, errno));
    free(all);
    free(path);
    return result;
}

void mapping_free(struct mapping *mapping)
{
    while (mapping->texts[0])
        remove_at(mapping, 0);
}
