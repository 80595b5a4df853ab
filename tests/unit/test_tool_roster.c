/* What becomes of the rows of a college's export, and of DUO's file. */
#include "tool_roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool_csv.h"
#include "tool_duo.h"

#define HEADER                                                                                                         \
    "Deelnemernummer;Voorvoegsel;Achternaam;Voornamen;Roepnaam;Geboortedatum;Keuzedeel;Sessie;ECK iD;Bijzonderheden;"

static void dates(void **state)
{
    static const struct {
        const char *text, *date;
    } rows[] = {
        {"14-03-2009", "2009-03-14"},
        {"1-3-2009", "2009-03-01"},
        {"20090314", "2009-03-14"},
        {"00-03-2009", "2009-03"},
        {"00-00-2009", "2009"},
        {"0-0-2009", "2009"},
        {"20090300", "2009-03"},
        {"29-02-2008", "2008-02-29"},
        {"29-02-2000", "2000-02-29"},
        {"31-12-1999", "1999-12-31"},
        {"29-02-2009", NULL},
        {"29-02-1900", NULL},
        {"31-04-2009", NULL},
        {"31-02-2009", NULL},
        {"32-01-2009", NULL},
        {"01-13-2009", NULL},
        {"14-00-2009", NULL},
        {"20091301", NULL},
        {"20090230", NULL},
        {"", NULL},
        {"onbekend", NULL},
        {"14-03-09", NULL},
        {"14-03-20090", NULL},
        {"014-03-2009", NULL},
        {"14/03/2009", NULL},
        {"2009-03-14", NULL},
        {"14-03-", NULL},
        {"--2009", NULL},
        {"-1-3-2009", NULL},
        {"2009031", NULL},
        {"200903144", NULL},
        {"00-00-0000", NULL},
        {"+1-03-2009", NULL},
        {"14-03-2009 ", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char date[11] = "";
        int result = roster_date(slice_of(rows[i].text), date);
        if (result != (rows[i].date ? 0 : -1))
            fail_msg("%s: %d", rows[i].text, result);
        if (rows[i].date)
            assert_string_equal(date, rows[i].date);
    }
}

/* A file that holds these bytes; the caller removes and frees. */
static char *write_file(const char *header, const char *rest)
{
    char *path = strdup("/tmp/roster-XXXXXX");
    assert_non_null(path);
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%s%s", header, rest) > 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* The request for a row of values below HEADER; "" when it is refused. */
static const char *request(const char *row, bool check, char line[LINE_MAX_BYTES + 1], struct roster_fault *fault)
{
    struct roster roster;
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    char *path = write_file(HEADER "\n", row);
    struct table *table = table_open(path, TEXT_EN);
    assert_non_null(table);
    assert_int_equal(roster_guess(&roster, table, NULL, NULL, TEXT_EN), 0);
    assert_int_equal(table_next(table, cells, &count), 1);
    size_t len = roster_request(&roster, cells, count, 7, check, line, fault);
    line[len] = '\0';
    table_close(table);
    unlink(path);
    free(path);
    return line;
}

static void a_row_becomes_a_request(void **state)
{
    char line[LINE_MAX_BYTES + 1];
    struct roster_fault fault;
    (void)state;
    assert_string_equal(
        request("0912345;van der ;Graaf;Jacobus Adrianus;Ko;1-3-2009;K0959;S-1;;25% extra tijd;", false, line, &fault),
        "register tag=7 session=S-1 student=0912345 elective=K0959 needs=\"25% extra tijd\" "
        "name=\"van der Graaf, Jacobus Adrianus\" born=2009-03-01\n");
    assert_string_equal(request(" 0912345 ; ;d'Ancona;Zoë;;00-00-2009;;S-1;;;", true, line, &fault),
                        "register tag=7 check=yes session=S-1 student=0912345 name=\"d'Ancona, Zoë\" born=2009\n");
}

static void a_wrong_row_is_refused_by_its_column(void **state)
{
    static const struct {
        const char *row;
        int column;
        enum text_id reason;
    } rows[] = {
        {";;Bakker;Bo;;1-3-2009;;S-1;;;", ROSTER_STUDENT, TEXT_VALUE_MISSING},
        {"09 12;;Bakker;Bo;;1-3-2009;;S-1;;;", ROSTER_STUDENT, TEXT_VALUE_STUDENT},
        {"0912345;;;Bo;;1-3-2009;;S-1;;;", ROSTER_SURNAME, TEXT_VALUE_MISSING},
        {"0912345;;Bakker; ;;1-3-2009;;S-1;;;", ROSTER_FIRST, TEXT_VALUE_MISSING},
        {"0912345;;Bakker;Bo;;;;S-1;;;", ROSTER_BORN, TEXT_VALUE_MISSING},
        {"0912345;;Bakker;Bo;;31-02-2009;;S-1;;;", ROSTER_BORN, TEXT_VALUE_DATE},
        {"0912345;;Bakker;Bo;;1-3-2009;;;;;", ROSTER_SESSION, TEXT_VALUE_MISSING},
        {"0912345;;Bakker;Bo;;1-3-2009;;S 1;;;", ROSTER_SESSION, TEXT_VALUE_CODE},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;ketenid.nl/x;;", ROSTER_ECKID, TEXT_VALUE_ECKID},
        {"0912345;;Jansen; roepnaam Jan;Bo;;1-3-2009;;S-1;;;", -1, TEXT_ROW_WIDTH},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;", -1, TEXT_ROW_WIDTH},
    };
    char line[LINE_MAX_BYTES + 1];
    struct roster_fault fault;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(request(rows[i].row, false, line, &fault), "");
        assert_int_equal(fault.column, rows[i].column);
        assert_int_equal(fault.reason, rows[i].reason);
    }
}

static void the_header_says_where_the_columns_are(void **state)
{
    static const struct {
        const char *header, *session;
        int result;
    } rows[] = {
        {"deelnemernummer ;Achternaam;Voornamen;Geboortedatum;Sessie", NULL, 0},
        {"Deelnemernummer;Achternaam;Voornamen;Geboortedatum", "S-1", 0},
        {"Deelnemernummer;Achternaam;Voornamen;Geboortedatum", NULL, -1},
        {HEADER, "S-1", -1},
        {HEADER "Achternaam;", NULL, -1},
        {HEADER "Bijzonderheden;", NULL, -1},
        {"iets anders", NULL, -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct roster roster;
        char *path = write_file(rows[i].header, "\n");
        struct table *table = table_open(path, TEXT_EN);
        assert_non_null(table);
        assert_int_equal(roster_guess(&roster, table, NULL, rows[i].session, TEXT_EN), rows[i].result);
        table_close(table);
        unlink(path);
        free(path);
    }
}

static void numbers_that_look_like_bsns(void **state)
{
    (void)state;
    assert_true(roster_looks_like_bsn(SLICE("111222333")));
    assert_true(roster_looks_like_bsn(SLICE("101222331"))); /* an onderwijsnummer */
    assert_false(roster_looks_like_bsn(SLICE("111222334")));
    assert_false(roster_looks_like_bsn(SLICE("000000000")));
    assert_false(roster_looks_like_bsn(SLICE("0912345")));
    assert_false(roster_looks_like_bsn(SLICE("11122233a")));
}

/* ---- DUO ---- */

static void import(const char *file, const char *const *wanted, size_t count)
{
    struct csv csv;
    struct duo duo;
    struct slice values[CSV_COLUMNS];
    size_t width, i = 0;
    enum duo_column column;
    enum text_id reason;
    assert_int_equal(csv_take(&csv, file, strlen(file), "test", TEXT_EN), 0);
    duo_dialect(&csv);
    assert_int_equal(csv_row(&csv, values, &width), 1);
    assert_int_equal(duo_header(&duo, values, width, &column), 0);
    for (; csv_row(&csv, values, &width) == 1; i++) {
        char line[LINE_MAX_BYTES + 1];
        size_t len = duo_request(&duo, values, width, csv.line, line, &column, &reason);
        line[len] = '\0';
        assert_true(i < count);
        assert_string_equal(line, wanted[i]);
    }
    assert_int_equal(i, count);
    csv_free(&csv);
}

static void duo_old_and_new(void **state)
{
    static const char old[] = "PROVINCIE  ;BRIN NUMMER;INSTELLINGSNAAM ;PLAATSNAAM\r\n"
                              "Friesland;99ZZ;ROC S\xfa"
                              "dwest;SNEEK\r\n"
                              "Zuid-Holland;25LP;Zadkine;\r\n"
                              "Brabant;25LP;Zadkine;\r\n"
                              ";25LP;Zadkine\r\n";
    static const char new[] = "\xef\xbb\xbf\"PROVINCIE\",\"INSTELLINGSCODE\",\"INSTELLINGSNAAM\",\"PLAATSNAAM\"\n"
                              "\"Noord Brabant\",\"04FO\",\"Koning \"\"Willem\"\" I, College\",\"'S-HERTOGENBOSCH\"\n";
    (void)state;
    import(old,
           (const char *[]){
               "institution tag=2 code=99ZZ name=\"ROC Súdwest\" province=fryslan place=SNEEK kind=college "
               "country=NL\n",
               "institution tag=3 code=25LP name=Zadkine province=zuid-holland kind=college country=NL\n", "", ""},
           4);
    import(
        new,
        (const char *[]){"institution tag=2 code=04FO name=\"Koning \\\"Willem\\\" I, College\" province=noord-brabant "
                         "place='S-HERTOGENBOSCH kind=college country=NL\n"},
        1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(a_row_becomes_a_request),
        cmocka_unit_test(a_wrong_row_is_refused_by_its_column),
        cmocka_unit_test(the_header_says_where_the_columns_are),
        cmocka_unit_test(numbers_that_look_like_bsns),
        cmocka_unit_test(duo_old_and_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
