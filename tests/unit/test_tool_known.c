/* What the registry holds of a college's students, and what a file is held against. */
#include "tool_known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const rows[] = {
    "= session=S1 student=0091001 institution=25LU name=\"Stegge, Quincy\" born=2008-09-20 log=7",
    "= session=S1 student=L7 institution=25LU name=\"Bos, Ad\" born=2009-03 needs=\"extra tijd\" log=8",
    "= session=S2 student=L7 institution=25LU name=\"Bos, Adriaan\" born=2009-03-14 elective=K0960 log=9",
    "= session=S1 student=0091001 institution=27YU log=10", /* a guest of whom only the number is told */
    "= session=S3 student=00 institution=25LU name=\"Nul, Nel\" born=2009 log=11",
};

static struct known *hold(void)
{
    struct known *known = known_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[512];
        struct answer answer;
        snprintf(line, sizeof line, "%s", rows[i]);
        assert_int_equal(answer_read(line, strlen(line), &answer), 0);
        known_add(known, &answer);
    }
    return known;
}

static void test_a_student_is_held_against_who_has_that_number(void **state)
{
    static const struct {
        const char *student, *name, *born, *there;
        enum known_doubt doubt;
    } cases[] = {
        {"L8", "Bos, Ad", "2009-03-14", NULL, KNOWN_FINE},
        {"L7", "Bos, Adriaan", "2009-03-14", "S2", KNOWN_FINE},
        {"L7", "BOS, adriaan", "2001", "S2", KNOWN_FINE},         /* a correction of the date */
        {"L7", "Bos-Jansen, Ad", "2009-03-14", "S2", KNOWN_FINE}, /* or of the name */
        {"L7", "Jansen, Karel", "2009", "S2", KNOWN_FINE},        /* all that is known of the date agrees */
        {"L7", "Jansen, Karel", "2007-01-01", "S2", KNOWN_OTHER},
        {"L7", "Bos, Ad", "2007-01-01", "S2", KNOWN_OTHER},      /* the newest counts */
        {"l7", "Jansen, Karel", "2007-01-01", NULL, KNOWN_FINE}, /* case is kept in codes */
        {"91001", "STEGGE, Quincy", "2008-09-20", "S1", KNOWN_ZEROS},
        {"91001", "van der Stegge, Q.", "2008-09-20", "S1", KNOWN_ZEROS},
        {"000091001", "Stegge, Quincy", "2001", "S1", KNOWN_ZEROS},
        {"91001", "Bos, Ad", "2009-03-14", NULL, KNOWN_FINE}, /* another student */
        {"0091001", "Bos, Ad", "2009-03-14", "S1", KNOWN_OTHER},
        {"0", "Nul, Nel", "2009-01-01", "S3", KNOWN_ZEROS},
        {"", "Nul, Nel", "2009-01-01", NULL, KNOWN_FINE},
    };
    struct known *known = hold();
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct known_row *there = NULL;
        enum known_doubt doubt =
            known_judge(known, slice_of(cases[i].student), slice_of(cases[i].name), slice_of(cases[i].born), &there);
        if (doubt != cases[i].doubt || !there != !cases[i].there ||
            (there && strcmp(there->session, cases[i].there) != 0))
            fail_msg("case %zu: doubt %d, %s", i, doubt, there ? there->session : "nobody");
    }
    known_free(known);
}

static void test_a_registration_is_found_by_its_number_and_session(void **state)
{
    struct known *known = hold();
    const struct known_row *row = known_registration(known, SLICE("L7"), SLICE("S1"));
    (void)state;
    assert_non_null(row);
    assert_string_equal(row->needs, "extra tijd");
    assert_string_equal(row->elective, "");
    assert_null(known_registration(known, SLICE("L7"), SLICE("S3")));
    assert_null(known_registration(known, SLICE("91001"), SLICE("S1")));
    known_free(known);
    known_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_student_is_held_against_who_has_that_number),
        cmocka_unit_test(test_a_registration_is_found_by_its_number_and_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
