/* Rows that are no students: the header once more, a total below the table, a line with other separators, or the part
 * of one that was written before the program stopped.
 *
 * Rule: only rows that were refused are looked at, so what is taken for one of these costs no student a seat. */
#include "tool_stray.h"

#include <stdio.h>
#include <strings.h>

#include "tool_columns.h"

#define MISSES 2 /* so many of the columns that a student must have are empty in a total */

static const enum roster_column needed[] = {ROSTER_STUDENT, ROSTER_SURNAME, ROSTER_FIRST,
                                            ROSTER_NAME,    ROSTER_BORN,    ROSTER_SESSION};

/* Whether each cell that holds something is its column's name. */
static bool is_header(const struct roster *roster, const struct slice cells[])
{
    size_t alike = 0;
    for (unsigned column = 0; column < ROSTER_COLUMNS; column++) {
        int at = roster->at[column];
        if (at < 0 || cells[at].len == 0)
            continue;
        if (!columns_same(cells[at], slice_of(roster->heading[column])))
            return false;
        alike++;
    }
    return alike > 1;
}

/* Whether its first word is one of totals, and most is empty. */
static bool is_total(const struct roster *roster, const struct slice cells[], size_t count)
{
    static const char *const words[] = {"totaal", "eindtotaal", "subtotaal", "aantal", "som",   "total",
                                        "count",  "sum",        "gesamt",    "summe",  "anzahl"};
    size_t misses = 0, first = 0, len = 0;
    for (size_t i = 0; i < COUNT(needed); i++)
        misses += roster->at[needed[i]] >= 0 && cells[roster->at[needed[i]]].len == 0;
    while (first < count && cells[first].len == 0)
        first++;
    if (misses < MISSES || first >= count)
        return false;
    while (len < cells[first].len && !strchr(" :=.", cells[first].at[len]))
        len++;
    for (size_t i = 0; i < COUNT(words); i++)
        if (strlen(words[i]) == len && strncasecmp(words[i], cells[first].at, len) == 0)
            return true;
    return false;
}

/* The separator of which the few cells of a row hold as many as a row has; 0: none. */
static char other_separator(const struct roster *roster, const struct slice cells[], size_t count)
{
    static const char separators[] = ";,\t|";
    for (const char *separator = separators; *separator; separator++) {
        size_t found = 0;
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < cells[i].len; j++)
                found += cells[i].at[j] == *separator;
        if (found > 1 && found * 2 >= roster->width && count * 2 <= roster->width)
            return *separator;
    }
    return '\0';
}

/* Whether the row ends before a column that it must have. */
static bool is_short(const struct roster *roster, size_t count)
{
    for (size_t i = 0; i < COUNT(needed); i++)
        if (roster->at[needed[i]] >= (int)count)
            return true;
    return roster->strict && count < roster->width;
}

void stray_judge(const struct roster *roster, const struct slice cells[TABLE_COLUMNS], size_t count,
                 struct roster_fault *fault)
{
    struct roster_fault other = {.column = -1, .rule = "width"};
    char separator;
    if (count == 0 || count > TABLE_COLUMNS)
        return;
    if (is_header(roster, cells)) {
        other.rule = "header";
        other.reason = TEXT_ROW_HEADER;
    } else if (is_total(roster, cells, count)) {
        other.rule = "total";
        other.reason = TEXT_ROW_TOTAL;
    } else if (!roster->sheet && (separator = other_separator(roster, cells, count)) != '\0') {
        other.reason = TEXT_ROW_SEPARATOR;
        snprintf(other.detail, sizeof other.detail, separator == '\t' ? "TAB" : "%c", separator);
    } else if (!roster->sheet && is_short(roster, count)) {
        other.reason = TEXT_ROW_SHORT;
        snprintf(other.detail, sizeof other.detail, "%zu", count);
    } else {
        return;
    }
    *fault = other;
}
