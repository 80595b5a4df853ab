/* What the columns of a table of students show as a whole: BSNs, how dates are written, zeros that numbers have lost.
 *
 * Rules: all rows are looked at before the first becomes a request. What contradicts itself is not guessed: the table
 * is refused. What nothing shows is told. Rows that were taken out of a file, to be mended, show less than the whole
 * did: a note in them says what that was. */
#include "tool_survey.h"

#include <stdio.h>

#include "tool_born.h"
#include "tool_columns.h"

#define BSN_ROWS 10     /* so many numbers make a column worth judging */
#define BSN_ROWS_ALL 3  /* so many, when all are alike */
#define UNUSED_SHOWN 12 /* names of columns that are not used */
#define DIGITS_MOST 20  /* of a student number that may have lost zeros */

/* Words of a note. */
#define MONTH_FIRST "month-first"
#define SERIAL "days-of-excel"
#define DIGITS "digits"

struct survey {
    size_t nine[ROSTER_COLUMNS], alike[ROSTER_COLUMNS]; /* numbers of 8 or 9 digits; those that could be a BSN */
    size_t dates, serials;                              /* cells that hold something; those that are a number of days */
    size_t either, short_years;
    unsigned day_first, month_first; /* the first lines that show which comes first; 0: none does */
    size_t with_zero, zero_len;      /* student numbers that begin with a zero; their length */
    size_t zeros;                    /* that one of them begins with, at most */
    bool uneven;                     /* those that begin with a zero have not all the same length */
    size_t lens[DIGITS_MOST + 1];    /* of student numbers without a zero, by their length */
};

static void survey_date(struct survey *survey, int this_year, struct slice value, unsigned line)
{
    const struct born_way ways[] = {{false, this_year}, {true, this_year}};
    struct born_signs signs;
    char date[11];
    survey->dates += value.at != NULL;
    /* What is no date with the day first may be one with the month first. */
    if (born_read(value, ways[0], date, &signs) < 0 && born_read(value, ways[1], date, &signs) < 0)
        return;
    survey->serials += signs.serial;
    if (signs.day_first && survey->day_first == 0)
        survey->day_first = line;
    if (signs.month_first && survey->month_first == 0)
        survey->month_first = line;
    survey->either += signs.either;
    survey->short_years += signs.short_year;
}

static void survey_number(struct survey *survey, struct slice value)
{
    if (!value.at || !roster_is_digits(value) || value.len > DIGITS_MOST)
        return;
    if (value.at[0] != '0') {
        survey->lens[value.len]++;
        return;
    }
    survey->uneven |= survey->with_zero > 0 && survey->zero_len != value.len;
    survey->with_zero++;
    survey->zero_len = value.len;
    size_t zeros = 0;
    while (zeros < value.len && value.at[zeros] == '0')
        zeros++;
    survey->zeros = zeros > survey->zeros ? zeros : survey->zeros;
}

/* How many student numbers are shorter than those that begin with a zero. */
static size_t count_shorter(const struct survey *survey)
{
    size_t shorter = 0;
    for (size_t len = 0; len < survey->zero_len; len++)
        shorter += survey->lens[len];
    return shorter;
}

/* The length of student numbers of which some have lost the zeros they began with: another of that length has kept
 * them, and as many. 0 when there is none. */
static size_t lost_zeros(const struct survey *survey)
{
    size_t shorter = count_shorter(survey);
    for (size_t len = 0; len + survey->zeros < survey->zero_len; len++)
        if (survey->lens[len] > 0)
            return 0;
    return !survey->uneven && shorter > 0 ? survey->zero_len : 0;
}

static void survey_row(const struct roster *roster, struct survey *survey, const struct slice cells[], unsigned line)
{
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        struct slice value = roster_value(roster, cells, (enum roster_column)column);
        if (!value.at || column == ROSTER_BORN)
            continue;
        if (roster_is_digits(value))
            while (value.len > 9 && *value.at == '0') /* some systems write a BSN so */
                value = (struct slice){value.at + 1, value.len - 1};
        survey->nine[column] += (value.len == 8 || value.len == 9) && roster_is_digits(value);
        survey->alike[column] += roster_looks_like_bsn(value);
    }
    survey_date(survey, roster->this_year, roster_value(roster, cells, ROSTER_BORN), line);
    survey_number(survey, roster_value(roster, cells, ROSTER_STUDENT));
}

/* Whether a column of numbers holds BSNs: by chance one in eleven would look like one. */
static bool holds_bsns(const struct survey *survey, unsigned column)
{
    size_t nine = survey->nine[column], alike = survey->alike[column];
    return (nine >= BSN_ROWS && alike * 2 > nine) || (nine >= BSN_ROWS_ALL && alike == nine);
}

static void judge(struct roster *roster, const struct survey *survey)
{
    roster->month_first = survey->month_first > 0;
    roster->serial = survey->serials * 2 > survey->dates;
    roster->digits = lost_zeros(survey);
}

/* ---- the note ---- */

size_t survey_note(const struct roster *roster, bool header, char note[TABLE_NOTE_BYTES])
{
    size_t len = 0;
    note[0] = '\0';
    for (unsigned column = 0; !header && column < ROSTER_COLUMNS; column++)
        if (roster->at[column] >= 0)
            len += (size_t)snprintf(note + len, TABLE_NOTE_BYTES - len, "%s=%d ",
                                    roster_word((enum roster_column)column), roster->at[column] + 1);
    if (roster->digits > 0)
        len += (size_t)snprintf(note + len, TABLE_NOTE_BYTES - len, DIGITS "=%zu ", roster->digits);
    len += (size_t)snprintf(note + len, TABLE_NOTE_BYTES - len, "%s%s", roster->month_first ? MONTH_FIRST " " : "",
                            roster->serial ? SERIAL " " : "");
    len -= len > 0;
    note[len] = '\0';
    return len;
}

/* What the note says that these rows do not. */
static void heed_note(struct roster *roster, struct slice note)
{
    struct slice word;
    while (table_note_word(&note, &word)) {
        uint64_t digits = table_note_number(word, DIGITS);
        roster->month_first |= slice_is(word, MONTH_FIRST);
        roster->serial |= slice_is(word, SERIAL);
        if (digits > 0 && digits <= DIGITS_MOST)
            roster->digits = (size_t)digits;
    }
}

/* ---- all of it ---- */

/* Adds the names of the columns that are not used. */
static void describe_unused(struct roster *roster, const struct table *table, enum text_lang lang, size_t len)
{
    char shown[ROSTER_HEADING_BYTES];
    size_t names = 0;
    size_t width = roster->width - (columns_are_refusals(table) ? 2 : 0);
    for (size_t i = 0; table_has_header(table) && i < width && names <= UNUSED_SHOWN; i++) {
        struct slice name = table_header(table, i);
        bool used = name.len == 0;
        for (size_t column = 0; column < ROSTER_COLUMNS; column++)
            used |= roster->at[column] == (int)i;
        if (used)
            continue;
        text_show(name, shown, sizeof shown);
        len +=
            (size_t)snprintf(roster->guess + len, sizeof roster->guess - len, "%s%s%s",
                             names == 0 ? text_of(lang, TEXT_GUESS_UNUSED) : ", ", names < UNUSED_SHOWN ? shown : "...",
                             columns_is_bsn(name) && names < UNUSED_SHOWN ? text_of(lang, TEXT_GUESS_STAYS) : "");
        names++;
    }
}

/* Puts what was found into words. */
static void describe(struct roster *roster, const struct survey *survey, const struct table *table, enum text_lang lang)
{
    size_t len = 0, room = sizeof roster->guess;
    bool recalled = false, header = table_has_header(table);
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        char number[16];
        if (roster->at[column] < 0)
            continue;
        snprintf(number, sizeof number, "%d", roster->at[column] + 1);
        recalled |= roster->recalled[column];
        len += (size_t)snprintf(roster->guess + len, room - len, "%s%s = %s%s", len > 0 ? ", " : "",
                                roster_word((enum roster_column)column), header ? roster->heading[column] : number,
                                roster->recalled[column] ? text_of(lang, TEXT_GUESS_RECALLED) : "");
    }
    const struct {
        bool holds;
        enum text_id text;
    } notes[] = {
        {recalled, TEXT_GUESS_RECALL},
        {roster->passed_over, TEXT_GUESS_PASSED_OVER},
        {header && roster->at[ROSTER_FIRST] >= 0 && columns_are_initials(slice_of(roster->heading[ROSTER_FIRST])),
         TEXT_GUESS_INITIALS},
        {roster->month_first, TEXT_GUESS_MONTH_FIRST},
        {survey->either > 0 && survey->day_first == 0 && !roster->month_first, TEXT_GUESS_DAY_FIRST},
        {roster->serial, TEXT_GUESS_SERIAL},
        {roster->digits > 0, TEXT_GUESS_ZEROS},
        {roster->digits == 0 && count_shorter(survey) > 0, TEXT_GUESS_UNEVEN}};
    for (size_t i = 0; i < COUNT(notes) && len < room; i++)
        if (notes[i].holds)
            len += (size_t)snprintf(roster->guess + len, room - len, "; %s", text_of(lang, notes[i].text));
    if (survey->short_years > 0)
        len += (size_t)snprintf(roster->guess + len, room - len, text_of(lang, TEXT_GUESS_SHORT_YEAR),
                                roster->this_year % 100, roster->this_year);
    describe_unused(roster, table, lang, len);
}

int survey_run(struct roster *roster, struct table *table, enum text_lang lang)
{
    struct slice cells[TABLE_COLUMNS];
    struct survey survey = {.dates = 0};
    size_t count;
    int more;
    while ((more = table_next(table, cells, &count)) == 1)
        if (count > 0)
            survey_row(roster, &survey, cells, table_line(table));
    if (more < 0)
        return -1;
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++)
        if (holds_bsns(&survey, column)) {
            text_tell(lang, TEXT_CSV_BSN, table_name(table), roster->heading[column]);
            return -1;
        }
    if (survey.day_first > 0 && survey.month_first > 0) {
        text_tell(lang, TEXT_COLUMN_BOTH, table_name(table), roster->heading[ROSTER_BORN], survey.day_first,
                  survey.month_first);
        return -1;
    }
    judge(roster, &survey);
    heed_note(roster, table_note(table));
    describe(roster, &survey, table, lang);
    return table_rewind(table);
}
