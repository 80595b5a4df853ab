/* A college's export of students as requests. The columns are those of EduArte's list export; columns that are not
 * needed are ignored.
 *
 * Rules: what the registry's own types refuse is refused here, by column, before it is sent; whether a session exists
 * or is open is the registry's to say. */
#include "tool_roster.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto.h"
#include "tool_csv.h"
#include "tool_memory.h"

#define BSN_ROWS 10 /* so many numbers make a column worth judging */

static const struct {
    const char *word, *name, *field;
    bool needed;
} columns[ROSTER_COLUMNS] = {
    [ROSTER_STUDENT] = {"student", "Deelnemernummer", "student", true},
    [ROSTER_PREFIX] = {"prefix", "Voorvoegsel", NULL, false},
    [ROSTER_SURNAME] = {"surname", "Achternaam", "name", true},
    [ROSTER_FIRST] = {"first", "Voornamen", NULL, true},
    [ROSTER_NAME] = {"name", "Naam", NULL, false},
    [ROSTER_BORN] = {"born", "Geboortedatum", "born", true},
    [ROSTER_SESSION] = {"session", "Sessie", "session", true},
    [ROSTER_ELECTIVE] = {"elective", "Keuzedeel", "elective", false},
    [ROSTER_ECKID] = {"eckid", "ECK iD", "eckid", false},
    [ROSTER_NEEDS] = {"needs", "Bijzonderheden", "needs", false},
};

const char *roster_word(enum roster_column column)
{
    return columns[column].word;
}

int roster_column_of(struct slice field)
{
    for (size_t i = 0; i < ROSTER_COLUMNS; i++)
        if (columns[i].field && slice_is(field, columns[i].field))
            return (int)i;
    return -1;
}

/* ---- the columns ---- */

static int find_column(struct roster *roster, const struct table *table, int column, enum text_lang lang)
{
    const char *name = columns[column].name;
    for (size_t i = 0; i < roster->width; i++) {
        if (!csv_is(table_header(table, i), name))
            continue;
        if (roster->at[column] >= 0) {
            text_tell(lang, TEXT_COLUMN_TWICE, table_name(table), name);
            return -1;
        }
        roster->at[column] = (int)i;
    }
    bool by_option = column == ROSTER_SESSION && roster->session;
    if (by_option ? roster->at[column] >= 0 : columns[column].needed && roster->at[column] < 0) {
        text_tell(lang, by_option ? TEXT_COLUMN_AND_OPTION : TEXT_COLUMN_MISSING, table_name(table), name);
        if (!by_option && roster->width == 1)
            text_tell(lang, TEXT_COLUMN_SEPARATOR);
        else if (!by_option && column == ROSTER_SESSION)
            text_tell(lang, TEXT_COLUMN_SESSION);
        return -1;
    }
    return 0;
}

/* Whether the column of numbers holds BSNs: by chance one in eleven would look like one. 0; -1 after telling so. */
static int look_for_bsns(const struct roster *roster, struct table *table, enum text_lang lang)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count, nine = 0, alike = 0;
    int more;
    while ((more = table_next(table, cells, &count)) == 1) {
        struct slice number = cells[roster->at[ROSTER_STUDENT]];
        nine += number.len == 8 || number.len == 9;
        alike += roster_looks_like_bsn(number);
    }
    if (more < 0)
        return -1;
    if (nine < BSN_ROWS || alike * 2 <= nine)
        return table_rewind(table);
    text_tell(lang, TEXT_CSV_BSN, table_name(table));
    return -1;
}

int roster_guess(struct roster *roster, struct table *table, const char *const *map, const char *session,
                 enum text_lang lang)
{
    (void)map;
    memset(roster, 0, sizeof *roster);
    roster->width = table_columns(table);
    roster->strict = table_is_strict(table);
    roster->session = session;
    for (int column = 0; column < ROSTER_COLUMNS; column++) {
        roster->at[column] = -1;
        snprintf(roster->heading[column], sizeof roster->heading[column], "%s", columns[column].name);
    }
    for (int column = 0; column < ROSTER_COLUMNS; column++)
        if (find_column(roster, table, column, lang) < 0)
            return -1;
    return look_for_bsns(roster, table, lang);
}

/* ---- values ---- */

static struct slice value_of(const struct roster *roster, const struct slice cells[], enum roster_column column)
{
    if (column == ROSTER_SESSION && roster->session)
        return slice_of(roster->session);
    int at = roster->at[column];
    return at >= 0 && cells[at].len > 0 ? cells[at] : (struct slice){NULL, 0};
}

/* `len` digits as a number; -1 when they are not digits. */
static int digits(const char *at, size_t len)
{
    int number = 0;
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        number = number * 10 + (at[i] - '0');
    }
    return len > 0 && len < 9 ? number : -1;
}

/* Takes one or two digits and a `-` from the front of a date. The number, or -1. */
static int take_part(struct slice *text)
{
    const char *dash = memchr(text->at, '-', text->len);
    size_t len = dash ? (size_t)(dash - text->at) : 0;
    if (len < 1 || len > 2)
        return -1;
    int number = digits(text->at, len);
    text->at += len + 1;
    text->len -= len + 1;
    return number;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

int roster_date(struct slice text, char out[11])
{
    int day, month, year = -1;
    if (!text.at)
        return -1;
    if (text.len == 8 && digits(text.at, 8) >= 0) {
        year = digits(text.at, 4);
        month = digits(text.at + 4, 2);
        day = digits(text.at + 6, 2);
    } else {
        day = take_part(&text);
        month = take_part(&text);
        if (text.len == 4)
            year = digits(text.at, 4);
    }
    if (day < 0 || month < 0 || year < 1 || month > 12 || (month == 0 && day > 0))
        return -1;
    if (month > 0 && day > days_in(year, month))
        return -1;
    snprintf(out, 11,
             day > 0     ? "%04d-%02d-%02d"
             : month > 0 ? "%04d-%02d"
                         : "%04d",
             year % 10000, month % 100, day % 100);
    return 0;
}

bool roster_looks_like_bsn(struct slice number)
{
    int sum = 0;
    if (number.len != 8 && number.len != 9)
        return false;
    for (size_t i = 0; i < number.len; i++) {
        int weight = (int)(number.len - i);
        if (number.at[i] < '0' || number.at[i] > '9')
            return false;
        sum += (number.at[i] - '0') * (weight == 1 ? -1 : weight);
    }
    bool education = number.len == 9 && number.at[0] == '1' && number.at[1] == '0' && (sum % 11 + 11) % 11 == 5;
    return sum != 0 && (sum % 11 == 0 || education);
}

/* ---- the request ---- */

static bool form_holds(const char *type, struct slice value)
{
    const struct proto_type *row = proto_type(slice_of(type));
    return row && row->form(row, value);
}

/* OKE's form for a check against an identity paper: `van der Graaf, Jacobus Adrianus`. False when it is too long. */
static bool make_name(struct slice prefix, struct slice surname, struct slice first, char out[256])
{
    int len = snprintf(out, 256, "%.*s%s%.*s, %.*s", (int)prefix.len, prefix.at ? prefix.at : "", prefix.at ? " " : "",
                       (int)surname.len, surname.at, (int)first.len, first.at);
    return len > 0 && len < 256;
}

static size_t refuse(struct roster_fault *fault, int column, struct slice value, const char *rule, enum text_id reason)
{
    *fault = (struct roster_fault){.column = column, .value = value, .rule = rule, .reason = reason};
    return 0;
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
    if (count != roster->width)
        return refuse(fault, -1, (struct slice){NULL, 0}, "width", TEXT_ROW_WIDTH);
    for (int column = 0; column < ROSTER_COLUMNS; column++) {
        value[column] = value_of(roster, cells, (enum roster_column)column);
        if (columns[column].needed && !value[column].at)
            return refuse(fault, column, value[column], "missing", TEXT_VALUE_MISSING);
    }
    for (size_t i = 0; i < COUNT(plain); i++)
        if (value[plain[i].column].at && !form_holds(plain[i].type, value[plain[i].column]))
            return refuse(fault, plain[i].column, value[plain[i].column], plain[i].type, plain[i].reason);
    char name[256], born[11];
    if (!make_name(value[ROSTER_PREFIX], value[ROSTER_SURNAME], value[ROSTER_FIRST], name) ||
        !form_holds("person-name", slice_of(name)))
        return refuse(fault, ROSTER_SURNAME, value[ROSTER_SURNAME], "name", TEXT_VALUE_LONG);
    if (roster_date(value[ROSTER_BORN], born) < 0 || !form_holds("born", slice_of(born)))
        return refuse(fault, ROSTER_BORN, value[ROSTER_BORN], "date", TEXT_VALUE_DATE);

    struct line_writer writer;
    line_begin(&writer, line, LINE_MAX_BYTES, "register");
    line_put_number(&writer, "tag", tag);
    if (check)
        line_put_text(&writer, "check", "yes");
    for (size_t i = 0; i < COUNT(plain); i++)
        line_put(&writer, columns[plain[i].column].field, value[plain[i].column]);
    line_put_text(&writer, "name", name);
    line_put_text(&writer, "born", born);
    size_t len = line_end(&writer);
    return len > 0 ? len : refuse(fault, -1, (struct slice){NULL, 0}, "characters", TEXT_ROW_CHARACTERS);
}
