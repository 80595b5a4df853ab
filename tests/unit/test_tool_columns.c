/* What is guessed of a table of students as a whole, and told. */
#include "tool_columns.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "told.h"

#define BO "register tag=2 session=S-1 student=0912345 name=\"van der Graaf, Bo\" born=2009-03-01\n"

struct file {
    const char *file, *given[3], *recalled[3];
    const char *said, *line; /* as told_roster() takes them */
};

static void check_files(const struct file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        told_roster(files[i].file, &(const struct roster_map){files[i].given, files[i].recalled}, NULL, files[i].said,
                    files[i].line);
}

/* What --map said of earlier files settles what the names do not, and no more. */
static void names_go_before_what_is_remembered(void **state)
{
    static const struct file files[] = {
        {.file =
             "Kaart;Deelnemernummer;Studentnr;Naam;Geboortedatum;Sessie\n0912345;7;8;van der Graaf, Bo;1-3-2009;S-1\n",
         .recalled = {"student=kaart"},
         .said = "student = Kaart (remembered), name",
         .line = BO},
        {.file = "Kaart;Nr;Naam;Geboortedatum;Sessie\n0912345;7;van der Graaf, Bo;1-3-2009;S-1\n",
         .recalled = {"student=kaart"},
         .said = "--map COLUMN=NAME changes it",
         .line = BO},
        {.file = "Deelnemernummer;Achternaam;Roepnaam;Geboortedatum;Sessie\n0912345;van der Graaf;Bo;1-3-2009;S-1\n",
         .recalled = {"first=Achternaam", "surname=Roepnaam"},
         .said =
             "surname = Achternaam, first = Roepnaam, born = Geboortedatum, session = Sessie; an earlier --map was not",
         .line = BO},
        {.file = "Deelnemernummer;Kaart;Naam;Geboortedatum;Sessie\n0912345;7;van der Graaf, Bo;1-3-2009;S-1\n",
         .recalled = {"student=Kaart"},
         .said = "student = Deelnemernummer, ",
         .line = BO},
        {.file = "Kaart;Pas;Naam;Geboortedatum;Sessie\n0912345;7;van der Graaf, Bo;1-3-2009;S-1\n",
         .given = {"student=Kaart"},
         .recalled = {"student=Pas"},
         .said = "student = Kaart, ",
         .line = BO},
    };
    (void)state;
    check_files(files, COUNT(files));
}

#define NAMES "Studentnummer;Achternaam;Voorvoegsel;"

/* So that nobody thinks that it went along. */
static void what_is_not_used_is_told(void **state)
{
    static const struct file files[] = {
        {.file = NAMES "Voorletters;BSN;Geboortedatum;Sessie;Wahlfach;Opmerking;\n"
                       "0912345;Graaf;van der;Bo;111222333;1-3-2009;S-1;K0959;Hoi;\n",
         .said = "elective = Wahlfach; initials: a certificate needs the full first names; dates with the day first, "
                 "though "
                 "none shows it; not used: BSN (stays here), Opmerking",
         .line =
             "register tag=2 session=S-1 student=0912345 elective=K0959 name=\"van der Graaf, Bo\" born=2009-03-01\n"},
        {.file = NAMES "Voornamen;Geboortedatum;Sessie\n0912345;Graaf;van der;Bo;2009-03-01;S-1\n",
         .said = "session = Sessie",
         .line = BO},
    };
    (void)state;
    check_files(files, COUNT(files));
    struct table *plain = told_table("a;b\n1;2\n", 8), *quoted = told_table("a;b\n1;\"2\"\n", 10);
    assert_string_equal(table_guess(plain), "UTF-8, ; between the columns, the header on line 1");
    assert_string_equal(table_guess(quoted), "UTF-8, ; between the columns, with quotes, the header on line 1");
    table_close(plain);
    table_close(quoted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_before_what_is_remembered),
        cmocka_unit_test(what_is_not_used_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
