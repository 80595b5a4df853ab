/* Any file at all, as a college's export: it is refused in words, or read to its end, twice the same, into cells that
 * are text; every row of it becomes a line that the registry takes for one, or a fault with a reason. */
#include "tool_table.h"

#include <stdlib.h>
#include <unistr.h>

#include "proto.h"
#include "tool_roster.h"
#include "tool_workbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Where the command speaks to, in place of stderr: how much it said since it was last asked. */
static size_t told(FILE *ear)
{
    fflush(ear);
    long len = ftell(ear);
    must(len >= 0);
    rewind(ear);
    return (size_t)len;
}

static void check_cells(const struct slice cells[], size_t count)
{
    for (size_t i = 0; i < TABLE_COLUMNS; i++) {
        must(cells[i].at != NULL && !memchr(cells[i].at, '\0', cells[i].len));
        must(u8_check((const uint8_t *)cells[i].at, cells[i].len) == NULL);
        must(i < count || cells[i].len == 0);
    }
}

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ at[i]) * 1099511628211u;
    return sum;
}

/* Reads all rows; a sum of them. */
static uint64_t read_rows(struct table *table, FILE *ear)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    uint64_t sum = 14695981039346656037u;
    unsigned line = 0;
    int more;
    while ((more = table_next(table, cells, &count)) == 1) {
        must(table_line(table) > line);
        line = table_line(table);
        check_cells(cells, count);
        sum = mix(mix(sum, &line, sizeof line), &count, sizeof count);
        for (size_t i = 0; i < count && i < TABLE_COLUMNS; i++)
            sum = mix(sum, cells[i].at, cells[i].len);
    }
    must((more < 0) == (told(ear) > 0));
    return sum + (more < 0);
}

static void check_request(const struct roster *roster, const struct slice cells[], size_t count, unsigned number)
{
    char line[LINE_MAX_BYTES];
    struct roster_fault fault = {.column = -2};
    size_t end, len = roster_request(roster, cells, count, number, false, line, &fault);
    if (len == 0) {
        must(fault.rule && fault.reason < TEXT_COUNT && fault.column >= -1 && fault.column < ROSTER_COLUMNS);
        return;
    }
    struct proto_request request;
    struct proto_fault bad;
    must(line_take(line, len, &end) == LINE_WHOLE && end == len - 1);
    must(proto_read(line, end, &request, &bad) == 0);
}

static void check_roster(struct table *table, FILE *ear)
{
    static const char *const given[] = {"student=1", "name=2", "born=3", NULL};
    static const struct roster_map map = {given, NULL};
    struct slice cells[TABLE_COLUMNS];
    struct roster roster;
    size_t count;
    if (roster_guess(&roster, table, NULL, NULL, TEXT_NL) < 0) {
        must(told(ear) > 0);
        if (table_rewind(table) < 0 || roster_guess(&roster, table, &map, "S-1", TEXT_EN) < 0) {
            must(told(ear) > 0);
            return;
        }
    }
    must(told(ear) == 0 && memchr(roster.guess, '\0', sizeof roster.guess));
    while (table_next(table, cells, &count) == 1)
        check_request(&roster, cells, count, table_line(table));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *ear;
    if (!ear) {
        ear = stderr = tmpfile(); /* libFuzzer keeps the one it had */
        must(ear != NULL);
    }
    if (workbook_is((const char *)data, size))
        return 0; /* a process each */
    FILE *file = size > 0 ? fmemopen((void *)data, size, "r") : tmpfile();
    must(file != NULL);
    struct table *table = table_read(file, "fuzz", TEXT_NL);
    must(!table == (told(ear) > 0));
    if (!table)
        return 0;
    must(table_columns(table) <= TABLE_COLUMNS && *table_guess(table));
    uint64_t sum = read_rows(table, ear);
    must(table_rewind(table) == 0);
    must(read_rows(table, ear) == sum);
    must(table_rewind(table) == 0);
    check_roster(table, ear);
    table_close(table);
    return 0;
}
