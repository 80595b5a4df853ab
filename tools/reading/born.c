/* Dates of birth. A date is taken apart into numbers and words; what they mean follows from how many there are and how
 * long each is. Years are 1900 to 2199, so that eight digits read one way only.
 *
 * Rule: of two digits a year is the last one that is not to come: in 2027 27 is 2027, and 28 is 1928. */
#include "tool_born.h"

#include <stdio.h>
#include <time.h>

#define YEAR_LEAST 1900
#define YEAR_MOST 2199
#define SERIAL_1970 25569 /* 1 January 1970, as Excel counts days */

struct date {
    int year, month, day; /* 0: unknown */
};

/* A part of a date. */
struct part {
    struct slice text;
    int number; /* -1: it is a word */
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* `len` digits, at most eight, as a number; -1 when they are not. */
static int digits(const char *at, size_t len)
{
    int number = 0;
    if (len == 0 || len > 8)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(at[i]))
            return -1;
        number = number * 10 + (at[i] - '0');
    }
    return number;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool is_year(int year)
{
    return year >= YEAR_LEAST && year <= YEAR_MOST;
}

/* Whether there is such a day, in whatever year. */
static bool is_day(const struct date *date)
{
    if (date->month < 0 || date->month > 12 || date->day < 0)
        return false;
    return date->month == 0 ? date->day == 0 : date->day <= days_in(date->year, date->month);
}

/* ---- taking apart ---- */

/* Takes away a time of midnight: ` 0:00`, `T00:00:00.000Z`. */
static struct slice without_midnight(struct slice text)
{
    size_t zeros = 0, len = text.len;
    if (len > 0 && text.at[len - 1] == 'Z')
        len--;
    while (len > 0 && memchr("0:.", text.at[len - 1], 3)) {
        zeros += text.at[len - 1] == ':';
        len--;
    }
    if (zeros == 0 || len == 0 || (text.at[len - 1] != ' ' && text.at[len - 1] != 'T'))
        return text;
    return (struct slice){text.at, len - 1};
}

/* The month that a word names in Dutch, English or German, by its first three letters; 0: none. */
static int month_of(struct slice word)
{
    static const char *const names[12][4] = {
        {"jan", "j\xc3\xa4n"},
        {"feb"},
        {"maa", "mrt", "mar", "m\xc3\xa4r"},
        {"apr"},
        {"mei", "may", "mai"},
        {"jun"},
        {"jul"},
        {"aug"},
        {"sep"},
        {"okt", "oct"},
        {"nov"},
        {"dec", "dez"},
    };
    for (int month = 0; month < 12; month++)
        for (size_t i = 0; i < 4 && names[month][i]; i++) {
            const char *name = names[month][i];
            size_t len = strlen(name), alike = 0;
            while (alike < len && alike < word.len && (word.at[alike] | 0x20) == (name[alike] | 0x20))
                alike++;
            if (alike == len)
                return month + 1;
        }
    return 0;
}

static bool divides(char byte)
{
    return byte == '-' || byte == '/' || byte == '.' || byte == ' ';
}

/* Cuts the text into at most three parts of digits or letters. How many; 0 when it is not made so: what divides two
 * parts is one `-`, `/` or `.`, with blanks. */
static size_t cut(struct slice text, struct part parts[3])
{
    size_t count = 0, i = 0;
    while (i < text.len) {
        size_t begin = i, signs = 0;
        while (i < text.len && divides(text.at[i]))
            signs += text.at[i++] != ' ';
        if (signs > 1 || (count == 0) != (i == begin))
            return 0;
        begin = i;
        while (i < text.len && !divides(text.at[i]))
            i++;
        if (count == 3 || (i == begin && count > 0))
            return 0;
        struct slice part = {text.at + begin, i - begin};
        parts[count++] = (struct part){part, digits(part.at, part.len)};
    }
    return count;
}

/* ---- meaning ---- */

static int by_serial(int days, struct date *date)
{
    struct tm day;
    time_t seconds = (time_t)(days - SERIAL_1970) * 86400;
    if (!gmtime_r(&seconds, &day))
        return -1;
    *date = (struct date){day.tm_year + 1900, day.tm_mon + 1, day.tm_mday};
    return 0;
}

/* What two numbers before the year mean. */
static void order(int first, int second, bool month_first, struct date *date, struct born_signs *signs)
{
    signs->day_first = first > 12;
    signs->month_first = second > 12;
    signs->either = first > 0 && second > 0 && first <= 12 && second <= 12 && first != second;
    date->month = month_first ? first : second;
    date->day = month_first ? second : first;
}

/* Digits with nothing between them. */
static int by_digits(struct slice text, bool month_first, struct date *date, struct born_signs *signs)
{
    char eight[9];
    int number = digits(text.at, text.len);
    if (number < 0)
        return -1;
    if (text.len == 4) {
        *date = (struct date){.year = number};
        return 0;
    }
    if (text.len == 5 && text.at[0] != '0') {
        signs->serial = true;
        return by_serial(number, date);
    }
    if (text.len != 7 && text.len != 8)
        return -1;
    snprintf(eight, sizeof eight, "%08d", number % 100000000);
    *date = (struct date){digits(eight, 4), digits(eight + 4, 2), digits(eight + 6, 2)};
    if (text.len == 7 || !is_year(date->year) || !is_day(date)) {
        date->year = digits(eight + 4, 4);
        order(digits(eight, 2), digits(eight + 2, 2), month_first, date, signs);
    }
    return 0;
}

static int year_of(const struct part *part, int this_year, struct born_signs *signs)
{
    if (part->text.len == 4)
        return part->number;
    if (part->text.len != 2 || part->number < 0)
        return -1;
    signs->short_year = true;
    return this_year - this_year % 100 + part->number - (part->number > this_year % 100 ? 100 : 0);
}

static int by_parts(const struct part parts[3], struct born_way way, struct date *date, struct born_signs *signs)
{
    const struct part *first = &parts[0], *second = &parts[1];
    if (first->text.len == 4 && first->number >= 0) {
        *date = (struct date){first->number, second->number, parts[2].number};
        return second->text.len <= 2 && parts[2].text.len <= 2 ? 0 : -1;
    }
    date->year = year_of(&parts[2], way.this_year, signs);
    if (first->text.len > 2 && first->number >= 0)
        return -1;
    if (second->number < 0) {
        date->month = month_of(second->text);
        date->day = first->number;
        return date->month > 0 ? 0 : -1;
    }
    if (first->number < 0 || second->text.len > 2)
        return -1;
    order(first->number, second->number, way.month_first, date, signs);
    return 0;
}

static int read_date(struct slice text, struct born_way way, struct date *date, struct born_signs *signs)
{
    struct part parts[3];
    text = without_midnight(text);
    if (text.len == 7 && memchr(".,", text.at[5], 2) && text.at[6] == '0')
        text.len = 5; /* 39886,0 */
    switch (cut(text, parts)) {
    case 1:
        return by_digits(text, way.month_first, date, signs);
    case 2:
        if (parts[0].text.len != 4 || parts[0].number < 0 || parts[1].text.len != 2)
            return -1;
        *date = (struct date){parts[0].number, parts[1].number, 0};
        return 0;
    case 3:
        return by_parts(parts, way, date, signs);
    default:
        return -1;
    }
}

int born_read(struct slice text, struct born_way way, char out[11], struct born_signs *signs)
{
    struct date date = {0, 0, 0};
    struct born_signs own;
    if (!signs)
        signs = &own;
    memset(signs, 0, sizeof *signs);
    if (!text.at || read_date(text, way, &date, signs) < 0 || !is_day(&date))
        return -1;
    signs->year = date.year > 0 && !is_year(date.year);
    if (!is_year(date.year))
        return -1;
    snprintf(out, 11,
             date.day > 0     ? "%04d-%02d-%02d"
             : date.month > 0 ? "%04d-%02d"
                              : "%04d",
             date.year % 10000, date.month % 100, date.day % 100);
    return 0;
}
