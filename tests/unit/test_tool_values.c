/* Dates of birth and names, as administrations write them. */
#include "tool_born.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tool_decode.h"
#include "tool_fullname.h"

#define WAY ((struct born_way){.this_year = 2027})

static void dates(void **state)
{
    static const struct {
        const char *text, *date; /* NULL: there is no such date */
    } rows[] = {
        {"14-03-2009", "2009-03-14"},
        {"1-3-2009", "2009-03-01"},
        {"20090314", "2009-03-14"},
        {"14032009", "2009-03-14"},
        {"1032009", "2009-03-01"},
        {"20122012", "2012-12-20"},
        {"20121012", "2012-10-12"},
        {"2009-03-14", "2009-03-14"},
        {"2009-03", "2009-03"},
        {"2009", "2009"},
        {"14/03/2009", "2009-03-14"},
        {"14.3.2009", "2009-03-14"},
        {"14. 3. 2009", "2009-03-14"},
        {"14-03-09", "2009-03-14"},
        {"14-03-27", "2027-03-14"},
        {"14-03-28", "1928-03-14"},
        {"14 maart 2009", "2009-03-14"},
        {"14-mrt-09", "2009-03-14"},
        {"14. März 2009", "2009-03-14"},
        {"1-OKT-2009", "2009-10-01"},
        {"14-3-2009 0:00", "2009-03-14"},
        {"2009-03-14 00:00:00", "2009-03-14"},
        {"2009-03-14T00:00:00.000Z", "2009-03-14"},
        {"39886", "2009-03-14"},
        {"39886,0", "2009-03-14"},
        {"00-03-2009", "2009-03"},
        {"00-00-2009", "2009"},
        {"0-0-2009", "2009"},
        {"00002009", "2009"},
        {"20090300", "2009-03"},
        {"29-02-2008", "2008-02-29"},
        {"29-02-2000", "2000-02-29"},
        {"31-12-1999", "1999-12-31"},
        {"29-02-2009", NULL},
        {"29-02-1900", NULL},
        {"31-04-2009", NULL},
        {"32-01-2009", NULL},
        {"01-13-2009", NULL},
        {"14-00-2009", NULL},
        {"20091301", NULL},
        {"20090230", NULL},
        {"2009-03-14 10:00", NULL},
        {"", NULL},
        {"onbekend", NULL},
        {"14-03-20090", NULL},
        {"014-03-2009", NULL},
        {"14-03-", NULL},
        {"--2009", NULL},
        {"-1-3-2009", NULL},
        {"1--3-2009", NULL},
        {"2009031", NULL},
        {"200903144", NULL},
        {"00-00-0000", NULL},
        {"14-03-0009", NULL},
        {"+1-03-2009", NULL},
        {"14 x 2009", NULL},
        {"1-2-3-2009", NULL},
        {"99999999999999999999", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char date[11] = "";
        int result = born_read(slice_of(rows[i].text), WAY, date, NULL);
        if (result != (rows[i].date ? 0 : -1) || (rows[i].date && strcmp(date, rows[i].date) != 0))
            fail_msg("%s: %d %s", rows[i].text, result, date);
    }
}

/* Every day of two centuries, in every form that names it whole, reads as itself. */
static void every_day_in_every_form(void **state)
{
    static const char *const months[] = {"jan", "feb", "mrt", "apr", "mei", "jun",
                                         "jul", "aug", "sep", "okt", "nov", "dec"};
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int serial = 1;
    (void)state;
    for (int year = 1900; year < 2100; year++)
        for (int month = 1; month <= 12; month++) {
            bool leap = month == 2 && year % 4 == 0 && year != 1900;
            for (int day = 1; day <= days[month - 1] + leap; day++, serial++) {
                char wanted[32], forms[9][64];
                snprintf(wanted, sizeof wanted, "%04d-%02d-%02d", year, month, day);
                snprintf(forms[0], sizeof forms[0], "%02d-%02d-%04d", day, month, year);
                snprintf(forms[1], sizeof forms[1], "%d-%d-%04d", day, month, year);
                snprintf(forms[2], sizeof forms[2], "%02d%02d%04d", day, month, year);
                snprintf(forms[3], sizeof forms[3], "%d%02d%04d", day, month,
                         year); /* as a number, with no zero before it */
                snprintf(forms[4], sizeof forms[4], "%04d%02d%02d", year, month, day);
                snprintf(forms[5], sizeof forms[5], "%04d-%02d-%02d 00:00:00", year, month, day);
                snprintf(forms[6], sizeof forms[6], "%d %s %04d", day, months[month - 1], year);
                snprintf(forms[7], sizeof forms[7], "%d.%d.%04d", day, month, year);
                /* Excel counts a 29 February 1900. */
                snprintf(forms[8], sizeof forms[8], "%d", serial + (serial > 59));
                for (size_t i = 0; i < COUNT(forms); i++) {
                    char date[11];
                    if (i == 8 && strlen(forms[8]) != 5)
                        continue;
                    if (born_read(slice_of(forms[i]), WAY, date, NULL) < 0 || strcmp(date, wanted) != 0)
                        fail_msg("%s, not %s", forms[i], wanted);
                }
            }
        }
}

static void names(void **state)
{
    static const struct {
        const char *prefix, *surname, *first, *whole;
        enum fullname_fault fault;
        const char *name;
    } rows[] = {
        {"van der", "Graaf", "Jacobus Adrianus", NULL, FULLNAME_FINE, "van der Graaf, Jacobus Adrianus"},
        {"Aan de ", "Stegge", "Roos", NULL, FULLNAME_FINE, "Aan de Stegge, Roos"},
        {NULL, "d'Ancona", "Zoë", NULL, FULLNAME_FINE, "d'Ancona, Zoë"},
        {NULL, "d’Ancona", "Zoë", NULL, FULLNAME_FINE, "d'Ancona, Zoë"},
        {"van", "Van Den Broeck", "Noor", NULL, FULLNAME_FINE, "Van Den Broeck, Noor"},
        {"ten", "Berge-van der Meulen", "Bo", NULL, FULLNAME_FINE, "ten Berge-van der Meulen, Bo"},
        {NULL, "\u0132zerman", "Th\u0133s", NULL, FULLNAME_FINE, "IJzerman, Thijs"},
        {NULL, "Oude\u00a0Elferink\u200b", " Noor \n Lieke ", NULL, FULLNAME_FINE, "Oude Elferink, Noor Lieke"},
        {NULL, "Graaf, van der", "Jacobus", NULL, FULLNAME_FINE, "van der Graaf, Jacobus"},
        {NULL, NULL, NULL, "van der Graaf, Jacobus Adrianus", FULLNAME_FINE, "van der Graaf, Jacobus Adrianus"},
        {NULL, NULL, NULL, "Graaf,Jacobus van der", FULLNAME_FINE, "van der Graaf, Jacobus"},
        {"van der", NULL, NULL, "Graaf , Jacobus", FULLNAME_FINE, "van der Graaf, Jacobus"},
        {"van der", NULL, NULL, "van der Graaf, Jacobus", FULLNAME_FINE, "van der Graaf, Jacobus"},
        {NULL, "Großmann", "Jürgen", NULL, FULLNAME_FINE, "Großmann, Jürgen"},
        {NULL, "Nguyễn", "Thảo", NULL, FULLNAME_FINE, "Nguyễn, Thảo"},
        {NULL, NULL, NULL, "Jacobus van der Graaf", FULLNAME_FORM, NULL},
        {NULL, NULL, NULL, "Graaf, van der", FULLNAME_FORM, NULL},
        {NULL, NULL, NULL, "Graaf, Jacobus, drs.", FULLNAME_FORM, NULL},
        {NULL, NULL, NULL, ", Jacobus", FULLNAME_FORM, NULL},
        {NULL, NULL, NULL, "Graaf,", FULLNAME_FORM, NULL},
        {NULL, "Graaf, Jacobus", "Jacobus", NULL, FULLNAME_FORM, NULL},
    };
    char name[FULLNAME_BYTES], far[600];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum fullname_fault fault = fullname_make(slice_of(rows[i].prefix), slice_of(rows[i].surname),
                                                  slice_of(rows[i].first), slice_of(rows[i].whole), name);
        if (fault != rows[i].fault || (rows[i].name && strcmp(name, rows[i].name) != 0))
            fail_msg("%zu: fault %d, %s", i, (int)fault, name);
    }
    memset(far, 'x', sizeof far);
    const struct slice none = {NULL, 0}, whole = {far, sizeof far}, half = {far, FULLNAME_BYTES / 2};
    assert_int_equal(fullname_make(none, whole, SLICE("Bo"), none, name), FULLNAME_LONG);
    assert_int_equal(fullname_make(none, half, half, none, name), FULLNAME_LONG);
}

static void what_no_name_has(void **state)
{
    static const char *const sound[] = {"d'Ancona",
                                        "d\u2019Ancona",
                                        "van 't Hooft",
                                        "ten Berge-van der Meulen",
                                        "Gro\u00dfmann",
                                        "Nguy\u1ec5n",
                                        "Oude\u00a0Elferink\u200b",
                                        "\u0132zerman",
                                        "Zoe\u0308",
                                        "J. Jr.",
                                        "Bo\nJan",
                                        "Milo\u0161evi\u0107",
                                        "JOS\u00c9",
                                        "A\u00df\u00e9"},
                             *const mangled[] = {"Zo\ufffd", "Zo?", "Ren\u201a", "14-03-2009", "\"Bo\"", "\xff"};
    /* UTF-8 read as Windows-1252, also where what comes of it are letters, apostrophes or blanks */
    static const char *const misread[] = {"Zo\u00c3\u00ab", "Wei\u00c3\u0178", "Mar\u00c3\u00ada", "Ay\u00c5\u0178e",
                                          "\u00c5\u017eahin", "Yi\u00c4\u0178it", "L\u00c5\u2018rinc",
                                          "Jol\u00c3\u00a0", "d\u00e2\u20ac\u2122Ancona",
                                          /* Mac OS Roman, likewise */
                                          "Jans\u017dn", "M\u0178ller"};
    (void)state;
    for (size_t i = 0; i < COUNT(sound); i++)
        if (fullname_unsound(slice_of(sound[i])).at || decode_is_misread(slice_of(sound[i])))
            fail_msg("not sound: %s", sound[i]);
    for (size_t i = 0; i < COUNT(mangled); i++)
        if (!fullname_unsound(slice_of(mangled[i])).at || decode_is_misread(slice_of(mangled[i])))
            fail_msg("sound: %s", mangled[i]);
    for (size_t i = 0; i < COUNT(misread); i++)
        if (!decode_is_misread(slice_of(misread[i])))
            fail_msg("rightly read: %s", misread[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(every_day_in_every_form),
        cmocka_unit_test(names),
        cmocka_unit_test(what_no_name_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
