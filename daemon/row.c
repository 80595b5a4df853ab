/* From a row that comes home to the fields of a line.
 *
 * Rules: sealed values are opened here and nowhere else; one that cannot be opened is our fault, and never the end of
 * the process. */
#include "row.h"

#include "proto.h"
#include "seal.h"

/* Whether the sealed field of this name is bound to its row's object: its type says so. */
static bool is_bound(const char *name)
{
    for (size_t i = 0; i < proto_command_count; i++)
        for (size_t j = 0; j < proto_commands[i].field_count; j++) {
            const struct proto_field *field = &proto_commands[i].fields[j];
            if (field->type->class != CLASS_PLAIN && strcmp(field->name, name) == 0)
                return field->type->class == CLASS_SEALED;
        }
    return false;
}

int row_survey(struct row_columns *columns, struct result *result, struct seal *seal, size_t first, size_t end)
{
    *columns = (struct row_columns){.result = result, .seal = seal};
    if (end > ROW_COLUMNS_MAX)
        return -1;
    for (size_t i = first; i < end; i++) {
        const char *name = result_name(result, i);
        columns->told[columns->count++] = (uint8_t)i;
        if (strcmp(name, "student") == 0 || strcmp(name, "teacher") == 0)
            columns->object = i;
        if (result_form(result, i) == RESULT_BYTES)
            columns->bound[i] = is_bound(name);
    }
    return 0;
}

void row_choose(struct row_columns *columns, const char *replies)
{
    uint8_t told[ROW_COLUMNS_MAX];
    size_t count = 0;
    for (const char *name = replies; *name; name += *name == ' ') {
        struct slice word = {name, strcspn(name, " ")};
        for (size_t i = 0; i < columns->count; i++)
            if (slice_is(word, result_name(columns->result, columns->told[i])))
                told[count++] = columns->told[i];
        name += word.len;
    }
    memcpy(columns->told, told, count);
    columns->count = count;
}

/* Opens a sealed value into `text`. 0 or -1. */
static int open_value(const struct row_columns *columns, size_t row, size_t column, struct slice *value,
                      char text[LINE_MAX_BYTES])
{
    struct slice object = {0};
    if (columns->bound[column]) {
        object = columns->object ? result_value(columns->result, row, columns->object) : object;
        if (!object.at)
            return -1;
        if (result_form(columns->result, columns->object) == RESULT_BYTES) {
            if (object.len < SEAL_HASH_BYTES)
                return -1;
            object.len = SEAL_HASH_BYTES;
        }
    }
    const char *name = result_name(columns->result, column);
    if (value->len > LINE_MAX_BYTES)
        return -1;
    value->len = seal_open(columns->seal, name, object, *value, (uint8_t *)text);
    value->at = text;
    return value->len > 0 ? 0 : -1;
}

const char *row_put(const struct row_columns *columns, struct line_writer *writer, size_t row)
{
    char text[LINE_MAX_BYTES];
    for (size_t told = 0; told < columns->count; told++) {
        size_t i = columns->told[told];
        struct slice value = result_value(columns->result, row, i);
        enum result_form form = result_form(columns->result, i);
        if (!value.at || value.len == 0) /* nothing is told as nothing */
            continue;
        if (form == RESULT_BOOLEAN)
            value = value.at[0] == 't' ? SLICE("yes") : SLICE("no");
        else if (form == RESULT_BYTES && open_value(columns, row, i, &value, text) < 0)
            return "a sealed value could not be opened";
        line_put(writer, result_name(columns->result, i), value);
    }
    return NULL;
}
