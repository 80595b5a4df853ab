/* Rows that were refused, written to a file of their own, are read there as they were in theirs: in every encoding,
 * with every end of line, with line breaks and separators in their cells, whatever stands between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool_submission.h"

#define ROWS 40
#define CELL 64

static uint64_t seeded(void)
{
    const char *given = getenv("BUURTAAL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("BUURTAAL_SEED=%llu\n", (unsigned long long)seed);
    return seed * 2 + 1;
}

static size_t below(uint64_t *seed, size_t end)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*seed >> 33) % end;
}

struct dialect {
    int encoding; /* UTF-8 with BOM, Windows-1252, UTF-16LE, UTF-16BE with BOM */
    const char *end;
    bool header;
};

/* Writes a text of characters below U+0100, each of them in `text` a byte. */
static void put(FILE *file, const struct dialect *dialect, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (dialect->encoding == 0 && *at >= 0x80)
            fprintf(file, "%c%c", 0xc0 | *at >> 6, 0x80 | (*at & 0x3f));
        else if (dialect->encoding < 2)
            putc(*at, file);
        else
            fprintf(file, "%c%c", dialect->encoding == 2 ? *at : 0, dialect->encoding == 2 ? 0 : *at);
    }
}

static void make_needs(uint64_t *seed, const struct dialect *dialect, char needs[CELL])
{
    const char *const pieces[] = {"a", ";", "\"\"", "\xeb", " ", ",", "# ", dialect->end};
    needs[0] = '\0';
    for (size_t i = below(seed, 8); i > 0; i--)
        strcat(needs, pieces[below(seed, COUNT(pieces))]);
}

/* A file of students, between whose rows empty lines and comments stand here and there. */
static void make_file(uint64_t *seed, const struct dialect *dialect, FILE *file)
{
    static const char *const marks[] = {"\xef\xbb\xbf", "", "\xff\xfe", "\xfe\xff"};
    char row[4 * CELL], needs[CELL];
    fputs(marks[dialect->encoding], file);
    if (dialect->header) {
        put(file, dialect, "Nummer;Naam;Geboortedatum;Sessie;Bijzonderheden");
        put(file, dialect, dialect->end);
    }
    for (size_t i = 0; i < ROWS; i++) {
        make_needs(seed, dialect, needs);
        snprintf(row, sizeof row, "%s%s%s%zu;\"B\xebker, Bo\";%zu/%zu/2008;S-%zu00;\"%s\"%s",
                 below(seed, 6) == 0 ? "# 1;2" : "", below(seed, 6) == 0 ? dialect->end : "",
                 below(seed, 8) == 0 ? "" : "0", 100000 + i, below(seed, 12) + 1, below(seed, 14) + 1,
                 below(seed, 3) + 1, needs, i + 1 < ROWS || below(seed, 2) ? dialect->end : "");
        put(file, dialect, row);
    }
}

/* The requests of a table's rows, each behind the other; `kept` has a bit for each that is wanted, NULL: all. */
static void read_requests(struct submission *submission, const unsigned char *kept, char *all, size_t room)
{
    struct slice cells[TABLE_COLUMNS];
    struct roster_fault fault;
    char line[LINE_MAX_BYTES];
    size_t count, at = 0, len = 0;
    assert_int_equal(table_rewind(submission->table), 0);
    for (; table_next(submission->table, cells, &count) == 1; at++) {
        if (kept && !(kept[at / 8] >> at % 8 & 1))
            continue;
        size_t got = roster_request(&submission->roster, cells, count, 1, false, line, &fault);
        int more = snprintf(all + len, room - len, "%.*s", got > 0 ? (int)got : 1, got > 0 ? line : "\n");
        len += (size_t)more;
        assert_true(len < room);
    }
}

static struct submission open_file(const struct tool *tool, const char *path)
{
    struct submission submission = {.next = 0};
    struct table *table = table_open(path, TEXT_EN);
    assert_non_null(table);
    assert_int_equal(submission_open(&submission, tool, table, NULL, NULL), 0);
    return submission;
}

static void refused_rows_read_as_they_did(void **state)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    static const struct tool tool = {.lang = TEXT_EN};
    static const char *const reasons[] = {
        "Sessie: \"S9\": dit is niet bekend [not-found]", "=1+1;\"a;\",b|\t; [\u00eb]",
        "a, b, c, d, e, f, g, h, i, j, k; l; m; n; o; p; q; r; s [x]", "12345678 [date]", ""};
    static char wanted[ROWS * 400], got[ROWS * 400], last[ROWS * 400];
    char from[] = "/tmp/buurtaal-test-XXXXXX", to[] = "/tmp/buurtaal-test-XXXXXX";
    uint64_t seed = seeded();
    (void)state;
    assert_true(close(mkstemp(from)) == 0 && close(mkstemp(to)) == 0);
    for (unsigned turn = 0; turn < 200; turn++) {
        struct dialect dialect = {(int)below(&seed, 4), ends[below(&seed, 3)], below(&seed, 3) > 0};
        FILE *file = fopen(from, "w");
        make_file(&seed, &dialect, file);
        assert_int_equal(fclose(file), 0);
        struct submission whole = open_file(&tool, from);
        size_t rare = 2 + below(&seed, 20);
        for (size_t i = 0; i < whole.rows; i++)
            whole.refused[i / 8] |= (unsigned char)((below(&seed, rare) == 0) << i % 8);
        whole.refused[0] |= 1u << below(&seed, 8);
        for (size_t i = 0; i < whole.rows; i++)
            if (whole.refused[i / 8] >> i % 8 & 1)
                fprintf(whole.reasons, "%zu %s\n", i, reasons[below(&seed, COUNT(reasons))]);
        read_requests(&whole, whole.refused, wanted, sizeof wanted);
        file = fopen(to, "w");
        assert_int_equal(submission_write_refused(&whole, from, file), 0);
        assert_int_equal(fclose(file), 0);
        struct submission part = open_file(&tool, to);
        read_requests(&part, NULL, got, sizeof got);
        if (strcmp(wanted, got) != 0)
            fail_msg("turn %u, encoding %d, %sheader: not\n%s\nbut\n%s", turn, dialect.encoding,
                     dialect.header ? "" : "no ", wanted, got);
        /* All refused again: what stands behind the rows is written anew. */
        for (size_t i = 0; i < part.rows; i++)
            part.refused[i / 8] |= (unsigned char)(1u << i % 8);
        file = fopen(from, "w");
        assert_int_equal(submission_write_refused(&part, to, file), 0);
        assert_int_equal(fclose(file), 0);
        struct submission again = open_file(&tool, from);
        read_requests(&again, NULL, last, sizeof last);
        assert_string_equal(got, last);
        assert_true(!dialect.header || table_columns(again.table) == table_columns(part.table));
        submission_close(&whole);
        submission_close(&part);
        submission_close(&again);
    }
    unlink(from);
    unlink(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_rows_read_as_they_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
