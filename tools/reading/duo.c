/* DUO's file of colleges as requests. Its columns have had several names over the years; header names may be padded
 * with blanks. Columns that are not needed are ignored. */
#include "tool_duo.h"

#include <ctype.h>
#include <strings.h>

#include "proto.h"

static const struct {
    const char *names[4];
    const char *field, *type;
    bool needed;
} columns[DUO_COLUMNS] = {
    [DUO_CODE] = {{"INSTELLINGSCODE", "BRIN NUMMER", "BRINNUMMER"}, "code", "code", true},
    [DUO_NAME] = {{"INSTELLINGSNAAM", "NAAM INSTELLING"}, "name", "title", true},
    [DUO_PROVINCE] = {{"PROVINCIE"}, "province", "province", false},
    [DUO_PLACE] = {{"PLAATSNAAM"}, "place", "title", false},
    [DUO_BOARD] = {{"BEVOEGD GEZAG NUMMER", "BEVOEGD GEZAG CODE"}, "board", "code", false},
    [DUO_REGION] = {{"RMC-REGIO NAAM", "RMC-REGIO"}, "region", "title", false},
};

const char *duo_name(enum duo_column column)
{
    return columns[column].names[0];
}

/* Whether a value, the case of A-Z aside, is `word`. */
static bool is_word(struct slice value, const char *word)
{
    return value.len == strlen(word) && strncasecmp(value.at, word, value.len) == 0;
}

static bool is_named(struct slice header, enum duo_column column)
{
    for (size_t i = 0; i < COUNT(columns[column].names) && columns[column].names[i]; i++)
        if (is_word(header, columns[column].names[i]))
            return true;
    return false;
}

int duo_header(struct duo *duo, const struct table *table, enum duo_column *column)
{
    duo->width = table_columns(table);
    for (unsigned i = 0; i < DUO_COLUMNS; i++) {
        *column = (enum duo_column)i;
        duo->at[i] = -1;
        for (size_t at = 0; at < duo->width; at++) {
            if (!is_named(table_header(table, at), *column))
                continue;
            if (duo->at[i] >= 0)
                return 1;
            duo->at[i] = (int)at;
        }
        if (columns[i].needed && duo->at[i] < 0)
            return -1;
    }
    return 0;
}

/* A province as the registry's word for it, into `word`; false when it is too long to be one. */
static bool province_word(struct slice value, char word[32])
{
    size_t len = 0;
    if (is_word(value, "friesland") || is_word(value, "frysl\xc3\xa2n")) {
        strcpy(word, "fryslan");
        return true;
    }
    for (; len < value.len && len < 31; len++)
        word[len] = value.at[len] == ' ' ? '-' : (char)tolower((unsigned char)value.at[len]);
    word[len] = '\0';
    return len == value.len;
}

size_t duo_request(const struct duo *duo, const struct slice values[TABLE_COLUMNS], size_t count, unsigned tag,
                   char line[LINE_MAX_BYTES], enum duo_column *column, enum text_id *reason)
{
    struct line_writer writer;
    char province[32] = "";
    *column = DUO_COLUMNS;
    *reason = TEXT_ROW_WIDTH;
    if (count != duo->width)
        return 0;
    line_begin(&writer, line, LINE_MAX_BYTES, "institution");
    line_put_number(&writer, "tag", tag);
    for (unsigned i = 0; i < DUO_COLUMNS; i++) {
        *column = (enum duo_column)i;
        struct slice value = duo->at[i] >= 0 ? values[duo->at[i]] : (struct slice){NULL, 0};
        *reason = TEXT_VALUE_MISSING;
        if (value.len == 0 && columns[i].needed)
            return 0;
        if (value.len == 0)
            continue;
        const struct proto_type *type = proto_type(slice_of(columns[i].type));
        *reason = i == DUO_PROVINCE ? TEXT_VALUE_PROVINCE : TEXT_VALUE_FORM;
        if (i == DUO_PROVINCE) {
            if (!province_word(value, province))
                return 0;
            value = slice_of(province);
        }
        if (!type || !type->form(type, value))
            return 0;
        line_put(&writer, columns[i].field, value);
    }
    line_put_text(&writer, "kind", "college");
    line_put_text(&writer, "country", "NL");
    *column = DUO_COLUMNS;
    *reason = TEXT_ROW_CHARACTERS;
    return line_end(&writer);
}
