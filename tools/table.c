/* A file of a college's administration as rows of cells: today EduArte's list export, whole in memory. */
#include "tool_table.h"

#include <stdlib.h>

#include "tool_csv.h"
#include "tool_memory.h"

struct table {
    struct csv csv;
    char *name;
    enum text_lang lang;
    size_t columns;
    struct slice header[TABLE_COLUMNS];
    char guess[128];
};

/* The cells of a row; the number of its own. */
static size_t split(struct slice row, struct slice cells[TABLE_COLUMNS])
{
    size_t count = csv_split(row, ';', cells);
    for (size_t i = 0; i < TABLE_COLUMNS; i++)
        cells[i] = i < count ? csv_trim(cells[i]) : (struct slice){"", 0};
    return count;
}

static struct table *begin(const char *name, enum text_lang lang)
{
    struct table *table = memory_get(1, sizeof *table);
    table->name = memory_text("%s", name);
    table->lang = lang;
    return table;
}

static struct table *look(struct table *table)
{
    struct slice row;
    if (csv_line(&table->csv, &row) == 1) {
        size_t count = split(row, table->header);
        table->columns = count < TABLE_COLUMNS ? count : TABLE_COLUMNS;
        return table;
    }
    text_tell(table->lang, TEXT_CSV_EMPTY, table->name);
    table_close(table);
    return NULL;
}

struct table *table_open(const char *path, enum text_lang lang)
{
    struct table *table = begin(path, lang);
    if (csv_load(&table->csv, path, lang) == 0)
        return look(table);
    table_close(table);
    return NULL;
}

void table_close(struct table *table)
{
    if (!table)
        return;
    csv_free(&table->csv);
    free(table->name);
    free(table);
}

const char *table_name(const struct table *table)
{
    return table->name;
}

size_t table_columns(const struct table *table)
{
    return table->columns;
}

struct slice table_header(const struct table *table, size_t column)
{
    return table->header[column];
}

bool table_has_header(const struct table *table)
{
    (void)table;
    return true;
}

bool table_is_strict(const struct table *table)
{
    (void)table;
    return true;
}

int table_next(struct table *table, struct slice cells[TABLE_COLUMNS], size_t *count)
{
    struct slice row;
    if (csv_line(&table->csv, &row) == 0)
        return 0;
    *count = split(row, cells);
    return 1;
}

unsigned table_line(const struct table *table)
{
    return table->csv.line;
}

int table_rewind(struct table *table)
{
    struct slice row;
    table->csv.at = 0;
    table->csv.line = 0;
    return csv_line(&table->csv, &row) == 1 ? 0 : -1;
}

const char *table_guess(const struct table *table)
{
    return table->guess;
}
