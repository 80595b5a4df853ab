/* Files as administrations have them become rows of cells; what is no table is refused in words; what is written reads
 * back the same, in every dialect. */
#include "tool_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "told.h"
#include "tool_csv.h"

#define BYTES(text) (text), sizeof(text) - 1

/* ---- whole files ---- */

/* Everything in a table as text: its header, if any, then `LINE:` and the cells of each row, all ended by a |. */
static void write_down(struct table *table, char *text, size_t room)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count, len = 0;
    text[0] = '\0';
    for (size_t i = 0; table_has_header(table) && i < table_columns(table); i++)
        len += (size_t)snprintf(text + len, room - len, "%.*s|", (int)table_header(table, i).len,
                                table_header(table, i).at);
    int more;
    while ((more = table_next(table, cells, &count)) == 1) {
        len += (size_t)snprintf(text + len, room - len, "\n%u:", table_line(table));
        for (size_t i = 0; i < count && i < TABLE_COLUMNS; i++)
            len += (size_t)snprintf(text + len, room - len, "%.*s|", (int)cells[i].len, cells[i].at);
        assert_true(len < room);
    }
    assert_int_equal(more, 0);
}

static void check_file(const char *bytes, size_t len, const char *wanted)
{
    char text[4096], again[4096];
    struct table *table = told_table(bytes, len);
    if (!table)
        fail_msg("refused: %s", wanted);
    write_down(table, text, sizeof text);
    assert_string_equal(text, wanted);
    assert_int_equal(table_rewind(table), 0);
    write_down(table, again, sizeof again);
    assert_string_equal(again, wanted);
    table_close(table);
}

struct file {
    const char *bytes, *wanted;
};

static void check_files(const struct file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_file(files[i].bytes, strlen(files[i].bytes), files[i].wanted);
}

static void separators_and_quotes_are_found(void **state)
{
    static const struct file files[] = {
        /* EduArte: a ; at the end of each line, no quotes, whatever stands there */
        {"\xef\xbb\xbfNr;Naam;Geb;\r\n1;\"Bo\" Vries;1-3-2009;\r\n2;O\"Brien;2-3-2009;\r\n",
         "Nr|Naam|Geb|\n2:1|\"Bo\" Vries|1-3-2009|\n3:2|O\"Brien|2-3-2009|"},
        {"Nr,Naam,Geb\n1,\"Vries, Bo\",1-3-2009\n", "Nr|Naam|Geb|\n2:1|Vries, Bo|1-3-2009|"},
        {"Nr\tNaam\tGeb\n1\tVries, Bo; x\t1-3-2009\n", "Nr|Naam|Geb|\n2:1|Vries, Bo; x|1-3-2009|"},
        {"Nr|Naam|Geb\n1|Vries, Bo|1-3-2009\n", "Nr|Naam|Geb|\n2:1|Vries, Bo|1-3-2009|"},
        /* a comma in each row is no separator when the header has none */
        {"Nr;Naam\n12;Vries, Bo\n13;Jansen, Jo\n14;Bakker, Noor\n",
         "Nr|Naam|\n2:12|Vries, Bo|\n3:13|Jansen, Jo|\n4:14|Bakker, Noor|"},
        {"Nr;Naam\n12;\"Vries; \"\"Bo\"\"\"\n", "Nr|Naam|\n2:12|Vries; \"Bo\"|"},
        {"\"Nr\" ; \"Naam\"\n\"12\" ; \" Bo \"\r\n", "Nr|Naam|\n2:12|Bo|"},
        {"sep=,\nNr,Naam\n12,Bo\n", "Nr|Naam|\n3:12|Bo|"},
        {"Nr\n12\n13\n", "Nr|\n2:12|\n3:13|"},
        /* no end of line at the end; CR alone, as Macs had it */
        {"Nr;Naam\n12;Bo", "Nr|Naam|\n2:12|Bo|"},
        {"Nr;Naam\r12;Bo\r", "Nr|Naam|\n2:12|Bo|"},
    };
    (void)state;
    check_files(files, COUNT(files));
}

static void rows_have_the_number_of_their_line(void **state)
{
    static const struct file files[] = {
        {"Nr;Naam\n\n12;\"Bo\nVries\"\n;;\n13;Jo\n", "Nr|Naam|\n3:12|Bo\nVries|\n6:13|Jo|"},
        {"Nr;Naam\n# a, b, c: d\n\"# a;b, c, d\"\n# e;;\n12;Bo\n#;Jo\n", "Nr|Naam|\n5:12|Bo|\n6:#|Jo|"},
        {"Export van 1 mei\n\nNr;Naam;Geb\n12;Bo;1-3-2009\n\x1a", "Nr|Naam|Geb|\n4:12|Bo|1-3-2009|"},
        {"Export;1 mei "
         "2027;;;\nVan:;EduArte\nNr;Naam;Geb;Sessie;2026-2027\n12;Bo;1-3-2009;S-1;x\n13;Jo;1-3-2009;S-1;x\n",
         "Nr|Naam|Geb|Sessie|2026-2027|\n4:12|Bo|1-3-2009|S-1|x|\n5:13|Jo|1-3-2009|S-1|x|"},
        {"12;Bo;;;\n13;Jo;1-3-2009;S-1;x\n", "\n1:12|Bo||||\n2:13|Jo|1-3-2009|S-1|x|"},
        /* without a header; with fewer cells, or more, than the header */
        {"12;Bo;14032009\n13;Jo;15032009\n", "\n1:12|Bo|14032009|\n2:13|Jo|15032009|"},
        {"Nr;Naam;Geb\n12;Bo\n13;Jo;1-3-2009;;\n14;Mo;2-3-2009\n15;Al;2-3-2009\n",
         "Nr|Naam|Geb|\n2:12|Bo|\n3:13|Jo|1-3-2009|||\n4:14|Mo|2-3-2009|\n5:15|Al|2-3-2009|"},
        /* a quote that does not close, or closes too early, costs its own line alone */
        {"Nr;\"Naam\"\n12;\"Bo\n13;\"Jo\"\n14;\"Mo\" x\n15;\"Al\"\n16;\"Ed\"\n",
         "Nr|Naam|\n2:\n3:13|Jo|\n4:\n5:15|Al|\n6:16|Ed|"},
        /* nor are the rows lost up to another quote that seems to close it */
        {"Nr;Naam;Geb\n12;\"Bo\";x\n13;Jo;\"y\n14;Mo;1-3-20090\n15;Al;y\"\n16;\"Ed\nEd\";\"a;b\nc;d;e;f\"\n17;Cy;"
         "\"\"\n",
         "Nr|Naam|Geb|\n2:12|Bo|x|\n3:\n4:14|Mo|1-3-20090|\n5:15|Al|y\"|\n6:16|Ed\nEd|a;b\nc;d;e;f|\n9:17|Cy||"},
        {"Nr;Naam\n", "Nr|Naam|"},
        {"Nr;Naam", "Nr|Naam|"},
    };
    (void)state;
    check_files(files, COUNT(files));
}

static void what_excel_and_macs_do_is_undone(void **state)
{
    static const struct file files[] = {
        {"Nr;Naam\n=\"0123\";Zoe\xcc\x88\n\"=\"\"0124\"\"\";\"Rene\xcc\x81\"\n", "Nr|Naam|\n2:0123|Zoë|\n3:0124|René|"},
        {"Nr;Naam\n'-1;'=a\n'2;''+\n", "Nr|Naam|\n2:-1|=a|\n3:'2|'+|"},
        {"Nr;Naam\n\xc2\xa0 12 \xc2\xa0;\t Bo\n", "Nr|Naam|\n2:12|Bo|"},
        {"Nr;Nai\xcc\x88m\n12;a\n", "Nr|Naïm|\n2:12|a|"},
    };
    (void)state;
    check_files(files, COUNT(files));
}

static void encodings_are_found(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } files[] = {
        {"Nr;Naam\n12;Zo\xc3\xab \xe2\x82\xac\n", 20},
        {"\xef\xbb\xbfNr;Naam\n12;Zo\xc3\xab \xe2\x82\xac\n", 23},
        {"Nr;Naam\n12;Zo\xeb \x80\n", 17},
        {"\xff\xfeN\0r\0;\0N\0a\0a\0m\0\n\0001\0002\0;\0Z\0o\0\xeb\0 \0\xac\x20\n\0", 36},
        {"N\0r\0;\0N\0a\0a\0m\0\n\0001\0002\0;\0Z\0o\0\xeb\0 \0\xac\x20\n\0", 34},
        {"\xfe\xff\0N\0r\0;\0N\0a\0a\0m\0\n\0001\0002\0;\0Z\0o\0\xeb\0 \x20\xac\0\n", 36},
        {"\0N\0r\0;\0N\0a\0a\0m\0\n\0001\0002\0;\0Z\0o\0\xeb\0 \x20\xac\0\n", 34},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++)
        check_file(files[i].bytes, files[i].len, "Nr|Naam|\n2:12|Zoë €|");
}

static void windows_1252_is_known_by_its_accents(void **state)
{
    static const struct file files[] = {
        {"Nr;Naam\n12;Milo\x9a d\x92"
         "Ancona \x93rode\x94 \x8a\n13;Wei\xdf\n",
         "Nr|Naam|\n2:12|Miloš d’Ancona “rode” Š|\n3:13|Weiß|"},
        {"Nr;Naam\n12;\x80 5\x96 \x93rode\x94\n", "Nr|Naam|\n2:12|€ 5– “rode”|"},
        {"Nr;Naam\n12;JOS\xc9\x92S\n13;Zo\xeb\n", "Nr|Naam|\n2:12|JOSÉ’S|\n3:13|Zoë|"},
        {"Nr;Naam\n12;Kr\x9alj\n13;M\xfcller\n", "Nr|Naam|\n2:12|Kršlj|\n3:13|Müller|"},
        {"Nr;Naam\n12;\x8aimon, d\x92"
         "Ancona\n13;Bo\x85\n",
         "Nr|Naam|\n2:12|Šimon, d’Ancona|\n3:13|Bo…|"},
    };
    (void)state;
    check_files(files, COUNT(files));
}

static void what_is_no_table_is_refused_in_words(void **state)
{
    char wide[TABLE_COLUMNS * 2 + 4], *far = malloc(200000);
    assert_non_null(far);
    memset(far, 'x', 200000);
    memcpy(far, "Nr;Naam\n12;", 11);
    memset(wide, ';', sizeof wide);
    wide[0] = 'a';
    wide[sizeof wide - 1] = 'z';
    const struct {
        const char *bytes;
        size_t len;
        const char *said;
    } files[] = {
        {"", 0, "empty"},
        {"\xef\xbb\xbf", 3, "empty"},
        {"\xff\xfe", 2, "empty"},
        {"\n\n;;\n \n", 7, "empty"},
        {"a\0b;c\nd\n", 8, "no text file"},
        {"\1\2\3\4\5;\6\n\3\4", 10, "no text file"},
        {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, ".xls"},
        {"%PDF-1.7\n", 9, "PDF"},
        {"<html><table>", 13, "web page"},
        {"\xef\xbb\xbf<?xml version=\"1.0\"?>", 24, "web page"},
        {"\xef\xbb\xbf"
         "Nr;Naam\n12;Zo\xeb\n",
         18, "line 2: there are characters that are not in UTF-8"},
        {"Nr;Naam\n12;Zo\x81\n", 15, "line 2: there are characters that are not in UTF-8, Windows-1252"},
        /* could be Windows-1252, but is Mac OS Roman, DOS, or UTF-8 that was cut off or has one line of something else
         */
        {BYTES("Nr;Naam\n12;Zo\x91\n13;Andr\x8e\n"),
         "line 2: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;Bo\n13;J\x94rn\n"), "line 3: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;M\x9fller\n"), "line 2: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;K\x9ahler\n"), "line 2: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;ANDR\x83\n"), "line 2: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;Jans\x8en\n13;d\xd5"
               "Ancona\n14;d\xd5"
               "Ancona\n"),
         "line 2: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;Gr\x8a\n13;Wei\xe1\n"), "line 2: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;Zo\xc3\xab Jos\xc3\xa9\n13;Ren\xc3"),
         "line 3: there are characters that are not in UTF-8, Windows-1252"},
        {BYTES("Nr;Naam\n12;Zo\xc3\xab\n13;Ren\xe9\n14;Jos\xc3\xa9\n"),
         "line 3: there are characters that are not in UTF-8, Windows-1252"},
        {"PK\3\4 no archive", 15, "damaged"},
        {far, 200000, "line 2: this line is too long"},
        {wide, sizeof wide, "more than 256 columns"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct slice cells[TABLE_COLUMNS];
        size_t count;
        told_begin();
        struct table *table = told_table(files[i].bytes, files[i].len);
        while (table && table_next(table, cells, &count) == 1)
            ;
        const char *said = told_end();
        if (!strstr(said, files[i].said))
            fail_msg("file %zu, not \"%s\": %s", i, files[i].said, said);
        table_close(table);
    }
    free(far);
}

/* ---- chance ---- */

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

#define WIDTH 6
#define HEIGHT 40
#define CELL 24

struct random_table {
    char bytes[HEIGHT][WIDTH][CELL];
};

/* A cell of what the dialect may hold, in NFC, without blanks around it. */
static void random_cell(uint64_t *seed, const char *const *pieces, size_t count, char cell[CELL])
{
    cell[0] = '\0';
    for (size_t i = below(seed, 6); i > 0; i--) {
        const char *piece = pieces[below(seed, count)];
        if (strlen(cell) + strlen(piece) + 1 < CELL)
            strcat(cell, piece);
    }
    struct slice trimmed = csv_trim(slice_of(cell));
    memmove(cell, trimmed.at, trimmed.len);
    cell[trimmed.len] = '\0';
    if (cell[0] == '=' && cell[1] == '"') /* Excel's way to write a text, never a text itself */
        cell[0] = 'x';
}

/* A table with a header as tables have it, a number in each row, and anything in the rest. */
static void make_table(uint64_t *seed, const char *const *pieces, size_t count, struct random_table *table)
{
    static const char *const names[WIDTH] = {"Nummer", "Naam", "Geboren", "Sessie", "Iets", "Anders"};
    for (size_t row = 0; row < HEIGHT; row++)
        for (size_t column = 0; column < WIDTH; column++) {
            char *cell = table->bytes[row][column];
            if (row == 0)
                strcpy(cell, names[column]);
            else if (column == 0)
                snprintf(cell, CELL, "%07zu", 1 + below(seed, 9999999));
            else if (column == 2)
                snprintf(cell, CELL, "%02zu-%02zu-2009", 1 + below(seed, 28), 1 + below(seed, 12));
            else
                random_cell(seed, pieces, count, cell);
        }
}

static void check_table(FILE *file, const struct random_table *wanted, const char *dialect)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    rewind(file);
    struct table *table = table_read(file, "test", TEXT_EN);
    if (!table)
        fail_msg("%s: refused", dialect);
    if (table_columns(table) != WIDTH || !table_has_header(table))
        fail_msg("%s: %zu columns, %s", dialect, table_columns(table), table_guess(table));
    for (size_t row = 1; row < HEIGHT; row++) {
        if (table_next(table, cells, &count) != 1 || count != WIDTH)
            fail_msg("%s, row %zu: %zu cells; %s", dialect, row, count, table_guess(table));
        for (size_t i = 0; i < WIDTH; i++)
            if (!slice_is(cells[i], wanted->bytes[row][i]))
                fail_msg("%s, row %zu: '%s' became '%.*s'; %s", dialect, row, wanted->bytes[row][i], (int)cells[i].len,
                         cells[i].at, table_guess(table));
    }
    assert_int_equal(table_next(table, cells, &count), 0);
    table_close(table);
}

/* What the command writes itself. */
static void what_is_written_reads_back(void **state)
{
    static const char *const pieces[] = {"a",    "Bo", "\"", ";", ",", "\t", "|", " ", "\n",
                                         "\r\n", "ë",  "ß",  "ğ", "'", "-",  "0", "="};
    static const char separators[] = ";,\t|";
    uint64_t seed = seeded();
    (void)state;
    for (unsigned turn = 0; turn < 400; turn++) {
        struct random_table table;
        char separator = separators[turn % 4], name[32];
        enum csv_care care = (enum csv_care)below(&seed, 3);
        FILE *file = tmpfile();
        assert_non_null(file);
        make_table(&seed, pieces, COUNT(pieces), &table);
        fputs("\xef\xbb\xbf", file);
        for (size_t row = 0; row < HEIGHT; row++) {
            struct slice cells[WIDTH];
            for (size_t i = 0; i < WIDTH; i++)
                cells[i] = slice_of(table.bytes[row][i]);
            csv_write(file, separator, care, cells, WIDTH);
        }
        snprintf(name, sizeof name, "turn %u, '%c'", turn, separator);
        check_table(file, &table, name);
    }
}

/* What others write: each separator, ends of lines, encodings, quotes or none, a separator behind each row. */
static void write_bytes(FILE *file, const char *text, int encoding)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        unsigned character = *at++;
        if (character >= 0xc0) /* no more than two bytes here */
            character = ((character & 0x1f) << 6) | (*at++ & 0x3f);
        if (encoding == 0 && character >= 0x80)
            fprintf(file, "%c%c", (int)(0xc0 | character >> 6), (int)(0x80 | (character & 0x3f)));
        else if (encoding < 2)
            putc((int)character, file);
        else
            fprintf(file, "%c%c", (int)(encoding == 2 ? character : 0), (int)(encoding == 2 ? 0 : character));
    }
}

static void every_dialect_is_read(void **state)
{
    static const char *const bare[] = {"a", "Bo", "'s", " ", "\xc3\xab", "\xc3\x9f", "-", "0", "O\"B"},
                             *const any[] = {"a", "\"", ";", ",", "\t", "|", " ", "\n", "\xc3\xab"};
    static const char separators[] = ";,\t|";
    uint64_t seed = seeded();
    (void)state;
    for (unsigned turn = 0; turn < 400; turn++) {
        struct random_table table;
        char separator[2] = {separators[below(&seed, 4)], '\0'}, name[64];
        int encoding = (int)below(&seed, 4); /* UTF-8, Windows-1252, UTF-16LE, UTF-16BE */
        bool quoted = below(&seed, 2), trailing = below(&seed, 2), cr = below(&seed, 4) == 0;
        FILE *file = tmpfile();
        assert_non_null(file);
        make_table(&seed, quoted ? any : bare, quoted ? COUNT(any) : COUNT(bare), &table);
        if (encoding >= 2)
            fputs(encoding == 2 ? "\xff\xfe" : "\xfe\xff", file);
        for (size_t row = 0; row < HEIGHT; row++) {
            for (size_t i = 0; i < WIDTH; i++) {
                write_bytes(file, i > 0 ? separator : "", encoding);
                write_bytes(file, quoted ? "\"" : "", encoding);
                for (const char *at = table.bytes[row][i]; *at; at++) {
                    char piece[3] = {*at, '\0', '\0'};
                    if ((unsigned char)*at >= 0xc0)
                        piece[1] = *++at;
                    write_bytes(file, quoted && *at == '"' ? "\"\"" : piece, encoding);
                }
                write_bytes(file, quoted ? "\"" : "", encoding);
            }
            write_bytes(file, trailing ? separator : "", encoding);
            write_bytes(file, cr ? "\r\n" : "\n", encoding);
        }
        snprintf(name, sizeof name, "turn %u, '%s', encoding %d, %squoted, %strailing", turn, separator, encoding,
                 quoted ? "" : "un", trailing ? "" : "not ");
        check_table(file, &table, name);
    }
}

/* ---- size ---- */

static long memory_now(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss; /* KiB */
}

static void a_hundred_thousand_rows_take_no_more_memory(void **state)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count, rows = 0;
    FILE *file = tmpfile();
    (void)state;
    assert_non_null(file);
    fputs("Nummer;Naam;Geboren;Iets\n", file);
    for (unsigned i = 0; i < 100000; i++)
        fprintf(file, "%07u;Bakker, Zo\xcc\x88%u;1-3-2009;\"%0100u; x\"\n", i, i, i);
    rewind(file);
    long before = memory_now();
    struct table *table = table_read(file, "test", TEXT_EN);
    assert_non_null(table);
    while (table_next(table, cells, &count) == 1)
        rows++;
    assert_int_equal(rows, 100000);
    assert_int_equal(table_line(table), 100001);
    assert_in_range(memory_now() - before, 0, 2048);
    table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_and_quotes_are_found),
        cmocka_unit_test(rows_have_the_number_of_their_line),
        cmocka_unit_test(what_excel_and_macs_do_is_undone),
        cmocka_unit_test(encodings_are_found),
        cmocka_unit_test(windows_1252_is_known_by_its_accents),
        cmocka_unit_test(what_is_no_table_is_refused_in_words),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(every_dialect_is_read),
        cmocka_unit_test(a_hundred_thousand_rows_take_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
