/* What becomes of the rows of a college's export, and of DUO's file. */
#include "tool_roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "told.h"
#include "tool_duo.h"

#define HEADER                                                                                                         \
    "Deelnemernummer;Voorvoegsel;Achternaam;Voornamen;Roepnaam;Geboortedatum;Keuzedeel;Sessie;ECK iD;Bijzonderheden;"

/* The request for a row of values below HEADER; "" when it is refused. */
static const char *request(const char *row, bool check, char line[LINE_MAX_BYTES + 1], struct roster_fault *fault)
{
    struct roster roster;
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    char file[1024];
    snprintf(file, sizeof file, HEADER "\n%s", row);
    struct table *table = told_table(file, strlen(file));
    assert_non_null(table);
    assert_int_equal(roster_guess(&roster, table, NULL, NULL, TEXT_EN), 0);
    assert_int_equal(table_next(table, cells, &count), 1);
    size_t len = roster_request(&roster, cells, count, 7, check, line, fault);
    line[len] = '\0';
    table_close(table);
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
    assert_string_equal(
        request("A996.163;-;Null;Na;;2009-03;;S-1;;tel. 06-11122249, vanaf 14-03-2027;", false, line, &fault),
        "register tag=7 session=S-1 student=A996.163 needs=\"tel. 06-11122249, vanaf 14-03-2027\" "
        "name=\"Null, Na\" born=2009-03\n");
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
        {"0912345;;Bakker, Bo;Bo;;1-3-2009;;S-1;;;", ROSTER_SURNAME, TEXT_VALUE_NAME_COMMA},
        {"0912345;;Bakker;Bo, Jan;;1-3-2009;;S-1;;;", ROSTER_FIRST, TEXT_VALUE_NAME_COMMA},
        {"0912345;;Bakker;Zo\u00c3\u00ab;;1-3-2009;;S-1;;;", ROSTER_FIRST, TEXT_VALUE_MISREAD},
        {"0912345;;Bakker;Zo?;;1-3-2009;;S-1;;;", ROSTER_FIRST, TEXT_VALUE_MANGLED},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;extra t\u00c4\u00b3d;", ROSTER_NEEDS, TEXT_VALUE_MISREAD},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;25% (bsn 111222333);", ROSTER_NEEDS, TEXT_VALUE_NEEDS_BSN},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;0111222333;", ROSTER_NEEDS, TEXT_VALUE_NEEDS_BSN},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;bsn 11122249!;", ROSTER_NEEDS, TEXT_VALUE_NEEDS_BSN},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;06-12345678, 1112.22.333.;", ROSTER_NEEDS, TEXT_VALUE_NEEDS_BSN},
        {"996.163;;Bakker;Bo;;1-3-2009;;S-1;;;", ROSTER_STUDENT, TEXT_VALUE_POINTS},
        {"1.996.163;;Bakker;Bo;;1-3-2009;;S-1;;;", ROSTER_STUDENT, TEXT_VALUE_POINTS},
        {"#VERW!;;Bakker;Bo;;1-3-2009;;S-1;;;", ROSTER_STUDENT, TEXT_VALUE_ERROR},
        {"0912345;;#N/B;Bo;;1-3-2009;;S-1;;;", ROSTER_SURNAME, TEXT_VALUE_ERROR},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;#DEEL/0!;", ROSTER_NEEDS, TEXT_VALUE_ERROR},
        {"0912345;;NULL;Bo;;1-3-2009;;S-1;;;", ROSTER_SURNAME, TEXT_VALUE_NO_NAME},
        {"0912345;;Bakker;-;;1-3-2009;;S-1;;;", ROSTER_FIRST, TEXT_VALUE_NO_NAME},
        {"0912345;;Bakker;onbekend;;1-3-2009;;S-1;;;", ROSTER_FIRST, TEXT_VALUE_NO_NAME},
        {"0912345;;Bos (was Jansen);Bo;;1-3-2009;;S-1;;;", ROSTER_SURNAME, TEXT_VALUE_CHARACTER},
        {"0912345;;Bakker;Bo;;1-3-1920;;S-1;;;", ROSTER_BORN, TEXT_VALUE_YEAR},
        {"0912345;;Bakker;Bo;;;;S-1;;;", ROSTER_BORN, TEXT_VALUE_MISSING},
        {"0912345;;Bakker;Bo;;31-02-2009;;S-1;;;", ROSTER_BORN, TEXT_VALUE_DATE},
        {"0912345;;Bakker;Bo;;1-3-2009;;;;;", ROSTER_SESSION, TEXT_VALUE_MISSING},
        {"0912345;;Bakker;Bo;;1-3-2009;;S 1;;;", ROSTER_SESSION, TEXT_VALUE_CODE},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;ketenid.nl/x;;", ROSTER_ECKID, TEXT_VALUE_ECKID},
        {"0912345;;Jansen; roepnaam Jan;Bo;;1-3-2009;;S-1;;;", -1, TEXT_ROW_WIDTH},
        {"0912345;;Bakker;Bo;;1-3-2009;;S-1;;", -1, TEXT_ROW_SHORT},
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

/* ---- which column means what ---- */

struct guessed {
    const char *file;
    const char *map[3];
    const char *session;
    const char *said, *line; /* as told_roster() takes them */
};

static void check_guess(const struct guessed *row)
{
    told_roster(row->file, &(const struct roster_map){row->map, NULL}, row->session, row->said, row->line);
}

#define BO "register tag=2 session=S-1 student=0912345 name=\"van der Graaf, Bo\" born=2009-03-01\n"

static void columns_are_known_by_their_names(void **state)
{
    static const struct guessed rows[] = {
        {"deelnemernummer ;Achternaam;Voornamen;Geboortedatum;Sessie\n0912345;van der Graaf;Bo;1-3-2009;S-1\n",
         {NULL},
         NULL,
         "student = deelnemernummer, surname = Achternaam, first = Voornamen, born = Geboortedatum, session = Sessie",
         BO},
        {"Student number,Last name,Prefix,First name,Date of birth,Session\n0912345,Graaf,van der,Bo,2009-03-01,S-1\n",
         {NULL},
         NULL,
         "prefix = Prefix",
         BO},
        {"Sch\u00fclernummer;Name;Vorname;Geburtsdatum;Pr\u00fcfungstermin\n0912345;van der Graaf;Bo;01.03.2009;S-1\n",
         {NULL},
         NULL,
         "surname = Name, first = Vorname",
         BO},
        {"Studentnr;Naam;Roepnaam;Geboortedatum;Sessie\n0912345;van der Graaf, Bo;Bobo;1-3-2009;S-1\n",
         {NULL},
         NULL,
         "name = Naam, born",
         BO},
        {"student,name,born,session\n0912345,\"van der Graaf, Bo\",2009-03-01,S-1\n", {NULL}, NULL, "name = name", BO},
        {"Studentnr.;Roepnaam;Voornamen;Voorvoegsel;Achternaam;Geb. datum\n0912345;Bobo;Bo;van der;Graaf;1-3-2009\n",
         {NULL},
         "S-1",
         "first = Voornamen",
         BO},
        /* what --map says comes first; a heading or a number; `-` is none */
        {"Kaart;Deelnemernummer;Naam;Geboortedatum;Sessie\n0912345;7;van der Graaf, Bo;1-3-2009;S-1\n",
         {"student=kaart"},
         NULL,
         "student = Kaart",
         BO},
        {"Kaart;Deelnemernummer;Naam;Geboortedatum;Sessie\n0912345;7;van der Graaf, Bo;1-3-2009;S-1\n",
         {"deelnemernummer=1"},
         NULL,
         "student = Kaart",
         BO},
        {"Deelnemernummer;Naam;Geboortedatum;Sessie;Bijzonderheden\n0912345;van der Graaf, Bo;1-3-2009;S-1;x\n",
         {"needs=-"},
         NULL,
         "session = Sessie",
         BO},
        {"Deelnemernummer;Naam;Geboortedatum;Examen\n0912345;van der Graaf, Bo;1-3-2009;S-2\n",
         {NULL},
         "S-1",
         "born = Geboortedatum",
         BO},
        {"Deelnemernummer;Naam;Geboortedatum;Sessie\n0912345;van der Graaf, Bo;1-3-2009;S-2\n",
         {"session=-"},
         "S-1",
         "born = Geboortedatum",
         BO},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_guess(&rows[i]);
}

static void what_is_not_certain_is_not_guessed(void **state)
{
    static const struct guessed rows[] = {
        {"Deelnemernummer;Achternaam;Voornamen;Geboortedatum\n", {NULL}, NULL, "!give it with --session", NULL},
        {HEADER "\n", {NULL}, "S-1", "!there is a column Sessie", NULL},
        {HEADER "Achternaam;\n", {NULL}, NULL, "!the column Achternaam is there twice", NULL},
        {HEADER "bijzonderheden;\n", {NULL}, NULL, "!the column Bijzonderheden is there twice", NULL},
        {HEADER "Studentnummer;\n", {NULL}, NULL, "!could mean the same; choose one by --map student=HEADING", NULL},
        {"iets anders\n", {NULL}, NULL, "!only one column", NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n",
         {NULL},
         NULL,
         "!this is there: 1 Kaart, 2 Naam, 3 Geboortedatum, 4 Sessie",
         NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {NULL}, NULL, "!--map student=HEADING", NULL},
        /* what a terminal might obey is not shown to it */
        {"K\x1b[2Jaart;Na\xc2\x9b"
         "am;Geboortedatum;Sessie;iets anders dat hier staat om van dit bestand een tekst te "
         "maken;nog iets\n",
         {NULL},
         NULL,
         "!this is there: 1 K?[2Jaart, 2 Na?am, 3 Geboortedatum",
         NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {"student=Pas"}, NULL, "!there is no such column", NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {"student=5"}, NULL, "!there is no such column", NULL},
        {"Kaart;Kaart;Naam;Geboortedatum;Sessie\n", {"student=kaart"}, NULL, "!give the number", NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {"kleur=Kaart"}, NULL, "!--map kleur=Kaart cannot be", NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {"student"}, NULL, "!cannot be", NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {"student=1", "student=2"}, NULL, "!two things of student", NULL},
        {"Kaart;Naam;Geboortedatum;Sessie\n", {"student=1", "needs=1"}, NULL, "!something else already", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_guess(&rows[i]);
}

static void without_a_header_values_say_it(void **state)
{
    static const struct guessed rows[] = {
        {"S-101;0912345;Graaf, Bo;01032009;K0959\nS-101;0912346;Bakker, Jo;02032009;K0959\nS-101;0912347;Vries, "
         "Mo;03032009;K0960\n",
         {NULL},
         NULL,
         "student = 2, name = 3, born = 4, session = 1, elective = 5",
         "register tag=1 session=S-101 student=0912345 elective=K0959 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {"0912345;Bo;Graaf;01032009\n0912346;Jo;Bakker;02032009\n",
         {NULL},
         "S-1",
         "!this is there: 1 0912345, 2 Bo, 3 Graaf, 4 01032009",
         NULL},
        {"0912345;Bo;Graaf;01032009\n0912346;Jo;Bakker;02032009\n",
         {"first=2", "surname=3"},
         "S-1",
         "surname = 3, first = 2",
         "register tag=1 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        /* two columns of dates, or of numbers: neither is taken */
        {"0912345;Graaf, Bo;01032009;01082026\n0912346;Bakker, Jo;02032009;01082026\n",
         {NULL},
         "S-1",
         "!--map born=",
         NULL},
        {"0912345;Graaf, Bo;01032009;0612345678\n0912346;Bakker, Jo;02032009;0612345679\n",
         {NULL},
         "S-1",
         "!--map student=",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_guess(&rows[i]);
}

static void columns_as_a_whole(void **state)
{
#define NAMES "Deelnemernummer;Naam;Geboortedatum\n"
    static const struct guessed rows[] = {
        /* 1/3 is the third of January where others show that the month comes first */
        {NAMES "0912345;Graaf, Bo;1/3/2009\n0912346;Bakker, Jo;3/14/2009\n",
         {NULL},
         "S-1",
         "the month first",
         "register tag=2 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-01-03\n"},
        {NAMES "0912345;Graaf, Bo;03012009\n0912346;Bakker, Jo;03142009\n",
         {NULL},
         "S-1",
         "the month first",
         "register tag=2 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "0912345;Graaf, Bo;1/3/2009\n0912346;Bakker, Jo;3/14/2009\n0912347;Vries, Mo;14/3/2009\n",
         {NULL},
         "S-1",
         "!in the column Geboortedatum line 4 has the day first and line 3 the month",
         NULL},
        {"# buurtaal: month-first\n" NAMES "0912345;Graaf, Bo;1/3/2009\n0912346;Bakker, Jo;2009-03-14\n",
         {NULL},
         "S-1",
         "the month first",
         "register tag=3 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-01-03\n"},
        {"# buurtaal: month-first\n" NAMES "0912345;Graaf, Bo;14/3/2009\n0912346;Bakker, Jo;2009-03-14\n",
         {NULL},
         "S-1",
         "the month first",
         "does the day or the month come first? Other dates in this column say otherwise; write 2009-03-14"},
        {NAMES "0912345;Graaf, Bo;1/3/2009\n0912346;Bakker, Jo;3/3/2009\n",
         {NULL},
         "S-1",
         "the day first, though none shows it",
         "register tag=2 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "0912345;Graaf, Bo;1-3-2199\n",
         {NULL},
         "S-1",
         "born",
         "a student is 10 to 100 years old: is the year right?"},
        {NAMES "0912345;Graaf, Bo;2199\n",
         {NULL},
         "S-1",
         "born",
         "a student is 10 to 100 years old: is the year right?"},
        {NAMES "0912345;Graaf, Bo;31-12-1899\n",
         {NULL},
         "S-1",
         "born",
         "a student is 10 to 100 years old: is the year right?"},
        /* 10309 is 1 March 2009 without its zero, as the others show, and no number of days */
        {NAMES "0912345;Graaf, Bo;10309\n0912346;Bakker, Jo;140309\n0912347;Vries, Mo;311208\n",
         {NULL},
         "S-1",
         "born",
         "this date does not exist, or does not look like 14-03-2009 (day or month unknown: 00)"},
        {NAMES "0912345;Graaf, Bo;39886\n0912346;Bakker, Jo;39887\n",
         {NULL},
         "S-1",
         "Excel's numbers of days",
         "register tag=2 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-03-14\n"},
        {NAMES "0912345;Graaf, Bo;39886\n0912346;Bakker, Jo;1-3-2009\n",
         {NULL},
         "S-1",
         "born",
         "this date does not exist, or does not look like 14-03-2009 (day or month unknown: 00)"},
        /* a zero that was lost comes back where others have kept theirs */
        {NAMES "912345;Graaf, Bo;1-3-2009\n0912346;Bakker, Jo;1-3-2009\n",
         {NULL},
         "S-1",
         "put back",
         "register tag=2 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "912345;Graaf, Bo;1-3-2009\n12346;Bakker, Jo;1-3-2009\n0912347;Vries, Mo;1-3-2009\n",
         {NULL},
         "S-1",
         "were zeros lost?",
         "register tag=2 session=S-1 student=912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "912345;Graaf, Bo;1-3-2009\n912346;Bakker, Jo;1-3-2009\n0912347;Vries, Mo;1-3-2009\n",
         {NULL},
         "S-1",
         "put back",
         "register tag=2 session=S-1 student=0912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "111222333;Graaf, Bo;1-3-2009\n0912345678;Bakker, Jo;1-3-2009\n",
         {NULL},
         "S-1",
         "put back",
         "this looks like a BSN, which this registry may not hold; if it is a student number that has lost its zeros, "
         "put them back"},
        /* no more zeros than others have kept: else numbers differ in length */
        {NAMES "12345;Graaf, Bo;1-3-2009\n0912346;Bakker, Jo;1-3-2009\n0912347;Vries, Mo;1-3-2009\n",
         {NULL},
         "S-1",
         "were zeros lost?",
         "register tag=2 session=S-1 student=12345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "12345;Graaf, Bo;1-3-2009\n0012346;Bakker, Jo;1-3-2009\n",
         {NULL},
         "S-1",
         "put back",
         "register tag=2 session=S-1 student=0012345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "0111222333;Graaf, Bo;1-3-2009\n0101222331;Bakker, Jo;1-3-2009\n00123456782;Vries, Mo;1-3-2009\n",
         {NULL},
         "S-1",
         "!the column Deelnemernummer holds BSNs",
         NULL},
        {NAMES "912345.0;Graaf, Bo;1-3-2009\n",
         {NULL},
         "S-1",
         "born",
         "register tag=2 session=S-1 student=912345 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {NAMES "9,12E+11;Graaf, Bo;1-3-2009\n",
         {NULL},
         "S-1",
         "born",
         "Excel has shortened this number; make its column text and export again"},
        {NAMES "111222333;Graaf, Bo;1-3-2009\n101222331;Bakker, Jo;1-3-2009\n123456782;Vries, Mo;1-3-2009\n",
         {NULL},
         "S-1",
         "!the column Deelnemernummer holds BSNs",
         NULL},
        {NAMES "111222333;Graaf, Bo;1-3-2009\n111222334;Bakker, Jo;1-3-2009\n123456783;Vries, Mo;1-3-2009\n",
         {NULL},
         "S-1",
         "born",
         "register tag=2 session=S-1 student=111222333 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {"Deelnemernummer;Naam;Geboortedatum;Bijzonderheden\n1;Graaf, Bo;1-3-2009;nee\n",
         {NULL},
         "S-1",
         "needs",
         "register tag=2 session=S-1 student=1 name=\"Graaf, Bo\" born=2009-03-01\n"},
        {"Deelnemernummer;Naam;Geboortedatum;Keuzedeel\n1;Graaf, Bo;1-3-2009;K0959 Duits A1/A2\n",
         {NULL},
         "S-1",
         "elective",
         "register tag=2 session=S-1 student=1 elective=K0959 name=\"Graaf, Bo\" born=2009-03-01\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_guess(&rows[i]);
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
    struct duo duo;
    struct slice cells[TABLE_COLUMNS];
    size_t width, i = 0;
    enum duo_column column;
    enum text_id reason;
    struct table *table = told_table(file, strlen(file));
    assert_non_null(table);
    assert_int_equal(duo_header(&duo, table, &column), 0);
    for (; table_next(table, cells, &width) == 1; i++) {
        char line[LINE_MAX_BYTES + 1];
        size_t len = duo_request(&duo, cells, width, table_line(table), line, &column, &reason);
        line[len] = '\0';
        assert_true(i < count);
        assert_string_equal(line, wanted[i]);
    }
    assert_int_equal(i, count);
    table_close(table);
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
        cmocka_unit_test(a_row_becomes_a_request),          cmocka_unit_test(a_wrong_row_is_refused_by_its_column),
        cmocka_unit_test(columns_are_known_by_their_names), cmocka_unit_test(what_is_not_certain_is_not_guessed),
        cmocka_unit_test(without_a_header_values_say_it),   cmocka_unit_test(columns_as_a_whole),
        cmocka_unit_test(numbers_that_look_like_bsns),      cmocka_unit_test(duo_old_and_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
