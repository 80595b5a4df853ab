/* A college's table of students as requests. Which column means what is found in columns.c; columns that are not needed
 * are ignored.
 *
 * Rules: what the registry's own types refuse is refused here, by column, before it is sent; whether a session exists
 * or is open is the registry's to say. What a column as a whole shows (BSNs, how its dates are written, zeros that
 * were lost) is judged over all rows before the first becomes a request. */
#include "tool_roster.h"

#include <stdio.h>
#include <time.h>

#include "proto.h"
#include "tool_born.h"
#include "tool_columns.h"
#include "tool_decode.h"
#include "tool_fullname.h"

#define BSN_ROWS 10     /* so many numbers make a column worth judging */
#define BSN_ROWS_ALL 3  /* so many, when all are alike */
#define SLIPS 10        /* of so many dates one may have day and month the wrong way round */
#define DIGITS_MOST 20  /* of a student number that may have lost zeros */
#define VALUE_BYTES 600 /* more than any type of the registry takes */

static const struct {
    const char *field; /* of `register` */
    bool needed;
} fields[ROSTER_COLUMNS] = {
    [ROSTER_STUDENT] = {"student", true},    [ROSTER_SURNAME] = {NULL, true},   [ROSTER_FIRST] = {NULL, true},
    [ROSTER_NAME] = {"name", true},          [ROSTER_BORN] = {"born", true},    [ROSTER_SESSION] = {"session", true},
    [ROSTER_ELECTIVE] = {"elective", false}, [ROSTER_ECKID] = {"eckid", false}, [ROSTER_NEEDS] = {"needs", false},
};

int roster_column_of(struct slice field)
{
    for (size_t i = 0; i < ROSTER_COLUMNS; i++)
        if (fields[i].field && slice_is(field, fields[i].field))
            return (int)i;
    return -1;
}

/* ---- values ---- */

static bool all_digits(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
    return value.len > 0;
}

/* A number without the `.0` or `,0` that some programs put behind it. */
static struct slice without_fraction(struct slice value)
{
    struct slice whole = {value.at, value.len > 2 ? value.len - 2 : 0};
    bool fraction = all_digits(whole) && memchr(".,", value.at[whole.len], 2) && value.at[whole.len + 1] == '0';
    return fraction ? whole : value;
}

/* A cell's value; absent when there is none. */
static struct slice value_of(const struct roster *roster, const struct slice cells[], enum roster_column column)
{
    if (column == ROSTER_SESSION && roster->session)
        return slice_of(roster->session);
    int at = roster->at[column];
    if (at < 0 || cells[at].len == 0)
        return (struct slice){NULL, 0};
    return column == ROSTER_STUDENT ? without_fraction(cells[at]) : cells[at];
}

bool roster_looks_like_bsn(struct slice number)
{
    int sum = 0;
    if ((number.len != 8 && number.len != 9) || !all_digits(number))
        return false;
    for (size_t i = 0; i < number.len; i++) {
        int weight = (int)(number.len - i);
        sum += (number.at[i] - '0') * (weight == 1 ? -1 : weight);
    }
    bool education = number.len == 9 && number.at[0] == '1' && number.at[1] == '0' && (sum % 11 + 11) % 11 == 5;
    return sum != 0 && (sum % 11 == 0 || education);
}

/* ---- what columns as a whole show ---- */

struct survey {
    size_t nine[ROSTER_COLUMNS], alike[ROSTER_COLUMNS]; /* numbers of 8 or 9 digits; those that could be a BSN */
    size_t dates, serials;                              /* cells that hold something; those that are a number of days */
    size_t day_first, month_first, either, short_years;
    size_t with_zero, zero_len;   /* student numbers that begin with a zero; their length */
    size_t zeros;                 /* that one of them begins with, at most */
    bool uneven;                  /* those that begin with a zero have not all the same length */
    size_t lens[DIGITS_MOST + 1]; /* of student numbers without a zero, by their length */
};

static void survey_date(struct survey *survey, struct slice value)
{
    struct born_signs signs;
    char date[11];
    survey->dates += value.at != NULL;
    /* What is no date with the day first may be one with the month first. */
    if (born_read(value, false, date, &signs) < 0 && born_read(value, true, date, &signs) < 0)
        return;
    survey->serials += signs.serial;
    survey->day_first += signs.day_first;
    survey->month_first += signs.month_first;
    survey->either += signs.either;
    survey->short_years += signs.short_year;
}

static void survey_number(struct survey *survey, struct slice value)
{
    if (!value.at || !all_digits(value) || value.len > DIGITS_MOST)
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

/* The length of student numbers of which some have lost the zeros they began with: others of that length have kept
 * them, no fewer than have lost them, and as many zeros. 0 when there is none. */
static size_t lost_zeros(const struct survey *survey)
{
    size_t shorter = count_shorter(survey);
    for (size_t len = 0; len + survey->zeros < survey->zero_len; len++)
        if (survey->lens[len] > 0)
            return 0;
    return !survey->uneven && shorter > 0 && survey->with_zero >= shorter ? survey->zero_len : 0;
}

static void survey_row(const struct roster *roster, struct survey *survey, const struct slice cells[])
{
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        struct slice value = value_of(roster, cells, (enum roster_column)column);
        if (!value.at || column == ROSTER_BORN)
            continue;
        if (all_digits(value))
            while (value.len > 9 && *value.at == '0') /* some systems write a BSN so */
                value = (struct slice){value.at + 1, value.len - 1};
        survey->nine[column] += (value.len == 8 || value.len == 9) && all_digits(value);
        survey->alike[column] += roster_looks_like_bsn(value);
    }
    survey_date(survey, value_of(roster, cells, ROSTER_BORN));
    survey_number(survey, value_of(roster, cells, ROSTER_STUDENT));
}

/* Whether a column of numbers holds BSNs: by chance one in eleven would look like one. */
static bool holds_bsns(const struct survey *survey, unsigned column)
{
    size_t nine = survey->nine[column], alike = survey->alike[column];
    return (nine >= BSN_ROWS && alike * 2 > nine) || (nine >= BSN_ROWS_ALL && alike == nine);
}

/* Whether dates that could be either cannot be read: those that show which comes first contradict each other, more than
 * slips of the pen would. */
static bool is_unsure(const struct survey *survey)
{
    size_t most = survey->day_first, least = survey->month_first;
    if (least > most) {
        most = survey->month_first;
        least = survey->day_first;
    }
    return least * SLIPS > most;
}

static void find_today(char today[11])
{
    struct tm day = {.tm_year = 0};
    time_t now = time(NULL);
    if (!localtime_r(&now, &day) || strftime(today, 11, "%Y-%m-%d", &day) == 0)
        strcpy(today, "9999-12-31");
}

/* Puts what was found into words. */
static void describe(struct roster *roster, const struct survey *survey, bool header, enum text_lang lang)
{
    size_t len = 0, room = sizeof roster->guess;
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        char number[16];
        if (roster->at[column] < 0)
            continue;
        snprintf(number, sizeof number, "%d", roster->at[column] + 1);
        len += (size_t)snprintf(roster->guess + len, room - len, "%s%s = %s", len > 0 ? ", " : "",
                                roster_word((enum roster_column)column), header ? roster->heading[column] : number);
    }
    const struct {
        bool holds;
        enum text_id text;
    } notes[] = {{roster->month_first, TEXT_GUESS_MONTH_FIRST},
                 {survey->either > 0 && survey->day_first + survey->month_first == 0, TEXT_GUESS_DAY_FIRST},
                 {roster->serial, TEXT_GUESS_SERIAL},
                 {survey->short_years > 0, TEXT_GUESS_SHORT_YEAR},
                 {roster->digits > 0, TEXT_GUESS_ZEROS},
                 {roster->digits == 0 && count_shorter(survey) > 0, TEXT_GUESS_UNEVEN}};
    for (size_t i = 0; i < COUNT(notes) && len < room; i++)
        if (notes[i].holds)
            len += (size_t)snprintf(roster->guess + len, room - len, "; %s", text_of(lang, notes[i].text));
}

/* Reads all rows. 0, or -1 after telling why the file may not be used. */
static int survey_all(struct roster *roster, struct table *table, enum text_lang lang)
{
    struct slice cells[TABLE_COLUMNS];
    struct survey survey = {.dates = 0};
    size_t count;
    int more;
    while ((more = table_next(table, cells, &count)) == 1)
        if (count > 0)
            survey_row(roster, &survey, cells);
    if (more < 0)
        return -1;
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++)
        if (holds_bsns(&survey, column)) {
            text_tell(lang, TEXT_CSV_BSN, table_name(table), roster->heading[column]);
            return -1;
        }
    roster->month_first = survey.month_first > survey.day_first;
    roster->unsure = is_unsure(&survey);
    roster->serial = survey.serials * 2 > survey.dates;
    roster->digits = lost_zeros(&survey);
    describe(roster, &survey, table_has_header(table), lang);
    return table_rewind(table);
}

int roster_guess(struct roster *roster, struct table *table, const char *const *map, const char *session,
                 enum text_lang lang)
{
    memset(roster, 0, sizeof *roster);
    roster->width = table_columns(table);
    roster->strict = table_is_strict(table);
    roster->session = session;
    find_today(roster->today);
    if (columns_find(roster, table, map, lang) < 0)
        return -1;
    return survey_all(roster, table, lang);
}

/* ---- the request ---- */

static bool form_holds(const char *type, struct slice value)
{
    const struct proto_type *row = proto_type(slice_of(type));
    return row && row->form(row, value);
}

static bool refuse(struct roster_fault *fault, int column, struct slice value, const char *rule, enum text_id reason)
{
    *fault = (struct roster_fault){.column = column, .value = value, .rule = rule, .reason = reason};
    return false;
}

/* Whether the row has the cells it must have. */
static bool check_width(const struct roster *roster, const struct slice cells[], size_t count,
                        struct roster_fault *fault)
{
    const struct slice none = {NULL, 0};
    if (count == 0)
        return refuse(fault, -1, none, "quotes", TEXT_ROW_QUOTES);
    bool more = count > TABLE_COLUMNS;
    for (size_t i = roster->width; i < count && i < TABLE_COLUMNS; i++)
        more |= cells[i].len > 0;
    if (more || (roster->strict && count != roster->width))
        return refuse(fault, -1, none, "width", TEXT_ROW_WIDTH);
    return true;
}

/* The name into `name`. */
static bool make_name(const struct roster *roster, const struct slice value[], char name[FULLNAME_BYTES],
                      struct roster_fault *fault)
{
    static const enum roster_column parts[] = {ROSTER_PREFIX, ROSTER_SURNAME, ROSTER_FIRST, ROSTER_NAME};
    enum roster_column column = roster->at[ROSTER_NAME] >= 0 ? ROSTER_NAME : ROSTER_SURNAME;
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct slice part = value[parts[i]];
        if (part.at && decode_is_misread(part))
            return refuse(fault, parts[i], part, "name", TEXT_VALUE_MISREAD);
        if (part.at && !fullname_is_sound(part))
            return refuse(fault, parts[i], part, "name", TEXT_VALUE_MANGLED);
    }
    switch (fullname_make(value[ROSTER_PREFIX], value[ROSTER_SURNAME], value[ROSTER_FIRST], value[ROSTER_NAME], name)) {
    case FULLNAME_FINE:
        return form_holds("person-name", slice_of(name)) ||
               refuse(fault, column, value[column], "name", TEXT_VALUE_LONG);
    case FULLNAME_LONG:
        return refuse(fault, column, value[column], "name", TEXT_VALUE_LONG);
    default:
        return refuse(fault, column, value[column], "name",
                      column == ROSTER_NAME ? TEXT_VALUE_WHOLE_NAME : TEXT_VALUE_NAME_COMMA);
    }
}

/* Student numbers: back to their length, when zeros were lost. One that looks like a BSN may be one: behind a zero the
 * registry would not know it, so who knows the number must write it out. */
static bool make_student(const struct roster *roster, struct slice *value, char room[VALUE_BYTES],
                         struct roster_fault *fault)
{
    size_t len = value->len;
    if (len > 3 && (memchr(value->at, 'E', len) || memchr(value->at, 'e', len)) && memchr(value->at, '+', len))
        return refuse(fault, ROSTER_STUDENT, *value, "student", TEXT_VALUE_SHORTENED);
    if (len < roster->digits && roster_looks_like_bsn(*value))
        return refuse(fault, ROSTER_STUDENT, *value, "looks-like-bsn", TEXT_VALUE_ZEROS);
    if (len < roster->digits && all_digits(*value)) {
        size_t lost = roster->digits - len;
        memset(room, '0', lost);
        memcpy(room + lost, value->at, len);
        *value = (struct slice){room, roster->digits};
    }
    return true;
}

/* Electives are known by their code: `K0959 Duits ...` is K0959. */
static struct slice code_of(struct slice value)
{
    struct slice digits = {value.at + 1, 4};
    if (value.len > 6 && value.at[0] == 'K' && all_digits(digits) && strchr(" -:(", value.at[5]))
        value.len = 5;
    return value;
}

/* Needs on one line; absent when the cell says that there are none. */
static bool make_needs(struct slice *value, char room[VALUE_BYTES], struct roster_fault *fault)
{
    static const char *const none[] = {"N", "n", "nee", "Nee", "no", "No", "nein", "Nein", "geen", "Geen", "-"};
    size_t len = fullname_tidy(*value, room, VALUE_BYTES);
    if (decode_is_misread(*value))
        return refuse(fault, ROSTER_NEEDS, *value, "needs", TEXT_VALUE_MISREAD);
    if (len == VALUE_BYTES)
        return refuse(fault, ROSTER_NEEDS, *value, "needs", TEXT_VALUE_LONG);
    *value = (struct slice){room, len};
    for (size_t i = 0; i < COUNT(none); i++)
        if (slice_is(*value, none[i]))
            *value = (struct slice){NULL, 0};
    return true;
}

static bool make_born(const struct roster *roster, struct slice value, char born[11], struct roster_fault *fault)
{
    struct born_signs signs;
    bool read = born_read(value, roster->month_first, born, &signs) == 0 && (roster->serial || !signs.serial);
    if (signs.year || (read && strncmp(born, roster->today, strlen(born)) > 0))
        return refuse(fault, ROSTER_BORN, value, "date", TEXT_VALUE_YEAR);
    if (!read || !form_holds("born", slice_of(born)))
        return refuse(fault, ROSTER_BORN, value, "date", TEXT_VALUE_DATE);
    return !(signs.either && roster->unsure) || refuse(fault, ROSTER_BORN, value, "date", TEXT_VALUE_EITHER);
}

/* The row's values by column. */
static bool take_values(const struct roster *roster, const struct slice cells[], struct slice value[],
                        struct roster_fault *fault)
{
    bool whole = roster->at[ROSTER_NAME] >= 0;
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        bool other_form =
            column == ROSTER_NAME ? !whole : (column == ROSTER_SURNAME || column == ROSTER_FIRST) && whole;
        value[column] = value_of(roster, cells, (enum roster_column)column);
        if (fields[column].needed && !other_form && !value[column].at)
            return refuse(fault, (int)column, value[column], "missing", TEXT_VALUE_MISSING);
    }
    return true;
}

size_t roster_request(const struct roster *roster, const struct slice cells[TABLE_COLUMNS], size_t count, unsigned tag,
                      bool check, char line[LINE_MAX_BYTES], struct roster_fault *fault)
{
    static const struct {
        enum roster_column column;
        const char *type;
        enum text_id reason;
    } plain[] = {{ROSTER_SESSION, "code", TEXT_VALUE_CODE},
                 {ROSTER_STUDENT, "student", TEXT_VALUE_STUDENT},
                 {ROSTER_ELECTIVE, "code", TEXT_VALUE_CODE},
                 {ROSTER_ECKID, "eckid", TEXT_VALUE_ECKID},
                 {ROSTER_NEEDS, "needs", TEXT_VALUE_LONG}};
    struct slice value[ROSTER_COLUMNS];
    char name[FULLNAME_BYTES], born[11], student[VALUE_BYTES], needs[VALUE_BYTES];
    if (!check_width(roster, cells, count, fault) || !take_values(roster, cells, value, fault) ||
        !make_student(roster, &value[ROSTER_STUDENT], student, fault))
        return 0;
    if (value[ROSTER_ELECTIVE].at)
        value[ROSTER_ELECTIVE] = code_of(value[ROSTER_ELECTIVE]);
    if (value[ROSTER_NEEDS].at && !make_needs(&value[ROSTER_NEEDS], needs, fault))
        return 0;
    for (size_t i = 0; i < COUNT(plain); i++) {
        struct slice this = value[plain[i].column];
        if (this.at && !form_holds(plain[i].type, this)) {
            (void)refuse(fault, plain[i].column, value_of(roster, cells, plain[i].column), plain[i].type,
                         plain[i].reason);
            return 0;
        }
    }
    if (!make_name(roster, value, name, fault) || !make_born(roster, value[ROSTER_BORN], born, fault))
        return 0;

    struct line_writer writer;
    line_begin(&writer, line, LINE_MAX_BYTES, "register");
    line_put_number(&writer, "tag", tag);
    if (check)
        line_put_text(&writer, "check", "yes");
    for (size_t i = 0; i < COUNT(plain); i++)
        line_put(&writer, fields[plain[i].column].field, value[plain[i].column]);
    line_put_text(&writer, "name", name);
    line_put_text(&writer, "born", born);
    size_t len = line_end(&writer);
    if (len == 0)
        (void)refuse(fault, -1, (struct slice){NULL, 0}, "characters", TEXT_ROW_CHARACTERS);
    return len;
}
