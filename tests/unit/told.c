/* stderr goes into a file while somebody listens. */
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static int before = -1;
static FILE *heard;
static char said[8192];

void told_begin(void)
{
    fflush(stderr);
    before = dup(STDERR_FILENO);
    heard = tmpfile();
    assert_true(before >= 0 && heard && dup2(fileno(heard), STDERR_FILENO) >= 0);
}

const char *told_end(void)
{
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(heard);
    said[fread(said, 1, sizeof said - 1, heard)] = '\0';
    fclose(heard);
    return said;
}

struct table *told_table(const char *bytes, size_t len)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    rewind(file);
    return table_read(file, "test", TEXT_EN);
}

void told_roster(const char *file, const struct roster_map *map, const char *session, const char *wanted,
                 const char *line)
{
    struct roster roster;
    struct slice cells[TABLE_COLUMNS];
    struct roster_fault fault;
    size_t count;
    char request[LINE_MAX_BYTES + 1] = "";
    told_begin();
    struct table *table = told_table(file, strlen(file));
    int result = table ? roster_guess(&roster, table, map, session, TEXT_EN) : -1;
    const char *told = told_end();
    if ((result < 0) != (*wanted == '!') || !strstr(result < 0 ? told : roster.guess, wanted + (*wanted == '!')))
        fail_msg("%s\nwas told: %s\nguessed: %s", file, told, result < 0 ? "" : roster.guess);
    if (result == 0 && line) {
        assert_int_equal(table_next(table, cells, &count), 1);
        size_t len = roster_request(&roster, cells, count, table_line(table), false, request, &fault);
        request[len] = '\0';
        char reason[512] = "";
        if (len == 0)
            snprintf(reason, sizeof reason, text_of(TEXT_EN, fault.reason), fault.detail);
        const char *became = len > 0 ? request : reason;
        if (strcmp(became, line) != 0)
            fail_msg("%s\nbecame: %s", file, became);
    }
    table_close(table);
}
