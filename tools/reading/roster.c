/* A college's table of students as requests. Which column means what is found in columns.c, what columns as a whole
 * show in survey.c; columns that are not needed are ignored.
 *
 * Rules: what the registry's own types refuse is refused here, by column, before it is sent; whether a session exists
 * or is open is the registry's to say. */
#include "tool_roster.h"

#include <stdio.h>
#include <time.h>

#include "proto.h"
#include "tool_born.h"
#include "tool_columns.h"
#include "tool_decode.h"
#include "tool_fullname.h"
#include "tool_stray.h"
#include "tool_survey.h"

#define VALUE_BYTES 600 /* more than any type of the registry takes */
#define YEARS_LEAST 10  /* of a student's age */
#define YEARS_MOST 100

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

bool roster_is_digits(struct slice value)
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
    bool fraction = roster_is_digits(whole) && memchr(".,", value.at[whole.len], 2) && value.at[whole.len + 1] == '0';
    return fraction ? whole : value;
}

struct slice roster_value(const struct roster *roster, const struct slice cells[], enum roster_column column)
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
    if ((number.len != 8 && number.len != 9) || !roster_is_digits(number))
        return false;
    for (size_t i = 0; i < number.len; i++) {
        int weight = (int)(number.len - i);
        sum += (number.at[i] - '0') * (weight == 1 ? -1 : weight);
    }
    bool education = number.len == 9 && number.at[0] == '1' && number.at[1] == '0' && (sum % 11 + 11) % 11 == 5;
    return sum != 0 && (sum % 11 == 0 || education);
}

/* Finds which dates of birth students have. */
static void find_ages(struct roster *roster)
{
    const time_t now = time(NULL);
    struct tm day = {.tm_year = 127, .tm_mon = 11, .tm_mday = 31};
    (void)localtime_r(&now, &day);
    roster->this_year = day.tm_year + 1900;
    day.tm_year -= YEARS_LEAST;
    (void)strftime(roster->youngest, sizeof roster->youngest, "%Y-%m-%d", &day);
    day.tm_year -= YEARS_MOST - YEARS_LEAST;
    (void)strftime(roster->eldest, sizeof roster->eldest, "%Y-%m-%d", &day);
}

int roster_guess(struct roster *roster, struct table *table, const struct roster_map *map, const char *session,
                 enum text_lang lang)
{
    memset(roster, 0, sizeof *roster);
    roster->width = table_columns(table);
    roster->strict = table_is_strict(table);
    roster->sheet = table_is_workbook(table);
    roster->session = session;
    find_ages(roster);
    if (columns_find(roster, table, map, lang) < 0)
        return -1;
    return survey_run(roster, table, lang);
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

/* A value has more bytes than its type takes. */
static bool refuse_long(struct roster_fault *fault, int column, struct slice value, const char *rule, const char *type)
{
    const struct proto_type *row = proto_type(slice_of(type));
    (void)refuse(fault, column, value, rule, TEXT_VALUE_LONG);
    snprintf(fault->detail, sizeof fault->detail, "%.0f", row ? row->most : 0.0);
    return false;
}

/* Whether a cell holds what a spreadsheet shows where it could not calculate: #N/B, #VERW!, #DIV/0!. */
static bool is_error(struct slice value)
{
    static const char *const plain[] = {"#N/A", "#N/B", "#NV"};
    bool error = value.len > 2 && value.at[0] == '#' && memchr("!?", value.at[value.len - 1], 2);
    for (size_t i = 1; error && i + 1 < value.len; i++)
        error = (value.at[i] >= 'A' && value.at[i] <= 'Z') || memchr("/0", value.at[i], 2);
    for (size_t i = 0; i < COUNT(plain); i++)
        error |= slice_is(value, plain[i]);
    return error;
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
    bool whole = roster->at[ROSTER_NAME] >= 0;
    enum roster_column column = whole ? ROSTER_NAME : ROSTER_SURNAME;
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct slice part = value[parts[i]];
        if (!part.at)
            continue;
        if (decode_is_misread(part))
            return refuse(fault, parts[i], part, "name", TEXT_VALUE_MISREAD);
        if (fullname_is_none(part))
            return refuse(fault, parts[i], part, "name", TEXT_VALUE_NO_NAME);
        struct slice wrong = fullname_unsound(part);
        if (wrong.at) {
            bool accent = (unsigned char)*wrong.at >= 0x80 || *wrong.at == '?';
            (void)refuse(fault, parts[i], part, "name", accent ? TEXT_VALUE_MANGLED : TEXT_VALUE_CHARACTER);
            text_show(wrong, fault->detail, sizeof fault->detail);
            return false;
        }
    }
    enum fullname_fault wrong =
        fullname_make(value[ROSTER_PREFIX], value[ROSTER_SURNAME], value[ROSTER_FIRST], value[ROSTER_NAME], name);
    if (wrong == FULLNAME_FINE && form_holds("person-name", slice_of(name)))
        return true;
    struct slice first = value[ROSTER_FIRST];
    bool comma = wrong == FULLNAME_FORM;
    if (!whole && (comma ? memchr(first.at, ',', first.len) != NULL : first.len > value[column].len))
        column = ROSTER_FIRST;
    enum text_id reason = whole ? TEXT_VALUE_WHOLE_NAME : TEXT_VALUE_NAME_COMMA;
    return comma ? refuse(fault, column, value[column], "name", reason)
                 : refuse_long(fault, column, value[column], "name", "person-name");
}

/* Whether it is a number as 996.163, which is how spreadsheets show thousands. */
static bool has_points(struct slice value)
{
    size_t points = 0;
    for (size_t i = 0; i < value.len; i++) {
        bool point = value.at[i] == '.';
        if (!point && (value.at[i] < '0' || value.at[i] > '9'))
            return false;
        if (point != ((value.len - i) % 4 == 0))
            return false;
        points += point;
    }
    return points > 0 && value.at[0] != '.';
}

/* Student numbers: back to their length, when zeros were lost. One that looks like a BSN may be one: behind a zero the
 * registry would not know it, so who knows the number must write it out. */
static bool make_student(const struct roster *roster, struct slice *value, char room[VALUE_BYTES],
                         struct roster_fault *fault)
{
    size_t len = value->len;
    if (len > 3 && (memchr(value->at, 'E', len) || memchr(value->at, 'e', len)) && memchr(value->at, '+', len))
        return refuse(fault, ROSTER_STUDENT, *value, "student", TEXT_VALUE_SHORTENED);
    if (has_points(*value))
        return refuse(fault, ROSTER_STUDENT, *value, "student", TEXT_VALUE_POINTS);
    if (len < roster->digits && roster_looks_like_bsn(*value))
        return refuse(fault, ROSTER_STUDENT, *value, "looks-like-bsn", TEXT_VALUE_ZEROS);
    if (len < roster->digits && roster_is_digits(*value)) {
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
    if (value.len > 6 && value.at[0] == 'K' && roster_is_digits(digits) && strchr(" -:(", value.at[5]))
        value.len = 5;
    return value;
}

/* Whether a text, of VALUE_BYTES at most, holds a number that could be a BSN: as one, or in groups, as 1112.22.333. */
static bool holds_bsn(struct slice text)
{
    char digits[VALUE_BYTES];
    size_t len = 0, run = 0; /* digits of all groups so far, and of the last */
    for (size_t i = 0; i <= text.len; i++) {
        char byte = i < text.len ? text.at[i] : '\0';
        if (byte >= '0' && byte <= '9') {
            digits[len++] = byte;
            run++;
            continue;
        }
        struct slice last = {digits + len - run, run};
        while (last.len > 9 && *last.at == '0')
            last = (struct slice){last.at + 1, last.len - 1};
        bool goes_on = run > 0 && byte != '\0' && strchr(" .-", byte);
        bool alone = last.len == 9 || (!goes_on && run == len); /* 06-12345678 holds none of 8 digits */
        if ((alone && roster_looks_like_bsn(last)) ||
            (!goes_on && len == 9 && roster_looks_like_bsn((struct slice){digits, len})))
            return true;
        len = goes_on ? len : 0;
        run = 0;
    }
    return false;
}

/* Needs on one line; absent when the cell says that there are none. */
static bool make_needs(struct slice *value, char room[VALUE_BYTES], struct roster_fault *fault)
{
    static const char *const none[] = {"N", "n", "nee", "Nee", "no", "No", "nein", "Nein", "geen", "Geen", "-"};
    size_t len = fullname_tidy(*value, room, VALUE_BYTES);
    if (decode_is_misread(*value))
        return refuse(fault, ROSTER_NEEDS, *value, "needs", TEXT_VALUE_MISREAD);
    if (len == VALUE_BYTES)
        return refuse_long(fault, ROSTER_NEEDS, *value, "needs", "needs");
    if (holds_bsn((struct slice){room, len}))
        return refuse(fault, ROSTER_NEEDS, *value, "looks-like-bsn", TEXT_VALUE_NEEDS_BSN);
    *value = (struct slice){room, len};
    for (size_t i = 0; i < COUNT(none); i++)
        if (slice_is(*value, none[i]))
            *value = (struct slice){NULL, 0};
    return true;
}

static bool make_born(const struct roster *roster, struct slice value, char born[11], struct roster_fault *fault)
{
    struct born_signs signs;
    const struct born_way way = {roster->month_first, roster->this_year};
    bool read = born_read(value, way, born, &signs) == 0 && (roster->serial || !signs.serial);
    size_t len = read ? strlen(born) : 0;
    if (signs.year || strncmp(born, roster->youngest, len) > 0 || strncmp(born, roster->eldest, len) < 0)
        return refuse(fault, ROSTER_BORN, value, "date", TEXT_VALUE_YEAR);
    /* What a note says of the whole file that these rows were in, they may contradict. */
    if (signs.day_first != signs.month_first && signs.month_first != roster->month_first)
        return refuse(fault, ROSTER_BORN, value, "date", TEXT_VALUE_EITHER);
    if (!read || !form_holds("born", slice_of(born)))
        return refuse(fault, ROSTER_BORN, value, "date", TEXT_VALUE_DATE);
    return true;
}

/* The row's values by column. */
static bool take_values(const struct roster *roster, const struct slice cells[], struct slice value[],
                        struct roster_fault *fault)
{
    bool whole = roster->at[ROSTER_NAME] >= 0;
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        bool other_form =
            column == ROSTER_NAME ? !whole : (column == ROSTER_SURNAME || column == ROSTER_FIRST) && whole;
        value[column] = roster_value(roster, cells, (enum roster_column)column);
        if (value[column].at && !other_form && is_error(value[column]))
            return refuse(fault, (int)column, value[column], "formula", TEXT_VALUE_ERROR);
        if (fields[column].needed && !other_form && !value[column].at)
            return refuse(fault, (int)column, value[column], "missing", TEXT_VALUE_MISSING);
    }
    if (value[ROSTER_PREFIX].at && fullname_is_none(value[ROSTER_PREFIX]))
        value[ROSTER_PREFIX] = (struct slice){NULL, 0};
    return true;
}

/* Writes the request of a row. Its length; 0 with what is wrong. */
static size_t make_request(const struct roster *roster, const struct slice cells[], size_t count, unsigned tag,
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
            struct slice as_read = roster_value(roster, cells, plain[i].column);
            (void)(plain[i].reason == TEXT_VALUE_LONG
                       ? refuse_long(fault, plain[i].column, as_read, plain[i].type, plain[i].type)
                       : refuse(fault, plain[i].column, as_read, plain[i].type, plain[i].reason));
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

size_t roster_request(const struct roster *roster, const struct slice cells[TABLE_COLUMNS], size_t count, unsigned tag,
                      bool check, char line[LINE_MAX_BYTES], struct roster_fault *fault)
{
    size_t len = make_request(roster, cells, count, tag, check, line, fault);
    if (len == 0)
        stray_judge(roster, cells, count, fault);
    return len;
}
