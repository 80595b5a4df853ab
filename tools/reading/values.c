/* Which column of a table without a header means what, by what stands in its first rows.
 *
 * Limits: ROWS rows are looked at. A column is of a kind when nearly all that stands in it is; where two columns are of
 * one kind neither is taken, and what is needed is then told to be missing. */
#include "tool_values.h"

#include <stdlib.h>

#include "proto.h"
#include "tool_born.h"
#include "tool_memory.h"

#define ROWS 200
#define MOST(part, all) ((part)*10 >= (all)*9) /* nearly all */

/* What stands in one column. */
struct seen {
    size_t filled, distinct;
    size_t numbers, codes, dates, eckids, electives, names;
    uint64_t hashes[ROWS];
};

static bool is_form(const char *type, struct slice value)
{
    const struct proto_type *row = proto_type(slice_of(type));
    return row && row->form(row, value);
}

static size_t count_of(struct slice value, const char *set)
{
    size_t count = 0;
    for (size_t i = 0; i < value.len; i++)
        count += value.at[i] && strchr(set, value.at[i]);
    return count;
}

static bool is_elective(struct slice value)
{
    return value.len == 5 && value.at[0] == 'K' && count_of(value, "0123456789") == 4;
}

/* Of a given length, and not a number of days, which many numbers could be. */
static bool is_date(struct slice value)
{
    char date[11];
    struct born_signs signs;
    if (value.len < 6 || value.len > 30)
        return false;
    bool read = born_read(value, (struct born_way){false, 2000}, date, &signs) == 0 ||
                born_read(value, (struct born_way){true, 2000}, date, &signs) == 0;
    return read && !signs.serial;
}

/* Surname, comma, first names. */
static bool is_name(struct slice value)
{
    return count_of(value, ",") == 1 && count_of(value, "0123456789@") == 0 && value.at[0] != ',' &&
           value.at[value.len - 1] != ',';
}

static void look_at(struct seen *seen, struct slice value)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    if (value.len == 0)
        return;
    for (size_t i = 0; i < value.len; i++)
        hash = (hash ^ (unsigned char)value.at[i]) * 1099511628211u;
    bool known = false;
    for (size_t i = 0; i < seen->distinct; i++)
        known |= seen->hashes[i] == hash;
    if (!known)
        seen->hashes[seen->distinct++] = hash;
    size_t digits = count_of(value, "0123456789");
    bool date = is_date(value), elective = is_elective(value), code = is_form("code", value);
    seen->filled++;
    seen->dates += date;
    seen->electives += elective;
    seen->eckids += is_form("eckid", value);
    seen->names += is_name(value);
    seen->numbers += code && !date && !elective && digits >= 4 && digits * 2 > value.len;
    seen->codes += code && !date && !elective && digits > 0 && digits < value.len && value.len >= 4;
}

/* The only column of which `fits` holds; -1: none, or several. */
static int only(const struct seen *seen, size_t width, bool (*fits)(const struct seen *seen))
{
    int found = -1;
    for (size_t i = 0; i < width; i++) {
        if (seen[i].filled == 0 || !fits(&seen[i]))
            continue;
        if (found >= 0)
            return -1;
        found = (int)i;
    }
    return found;
}

static bool holds_students(const struct seen *seen)
{
    return MOST(seen->numbers, seen->filled) && MOST(seen->distinct, seen->filled);
}

static bool holds_names(const struct seen *seen)
{
    return MOST(seen->names, seen->filled);
}

static bool holds_dates(const struct seen *seen)
{
    return MOST(seen->dates, seen->filled);
}

/* Many rows name the same session. */
static bool holds_sessions(const struct seen *seen)
{
    return MOST(seen->codes, seen->filled) && (seen->distinct * 2 <= seen->filled || seen->filled == 1) &&
           !MOST(seen->eckids, seen->filled);
}

static bool holds_electives(const struct seen *seen)
{
    return MOST(seen->electives, seen->filled);
}

static bool holds_eckids(const struct seen *seen)
{
    return MOST(seen->eckids, seen->filled);
}

int values_are_names(struct table *table, size_t column)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count, rows = 0, filled = 0, names = 0;
    int more = 1;
    while (rows++ < ROWS && (more = table_next(table, cells, &count)) == 1) {
        filled += cells[column].len > 0;
        names += cells[column].len > 0 && is_name(cells[column]);
    }
    if (more < 0 || table_rewind(table) < 0)
        return -1;
    return filled > 0 && MOST(names, filled);
}

int values_find(struct roster *roster, struct table *table, const bool mapped[ROSTER_COLUMNS])
{
    static bool (*const fits[ROSTER_COLUMNS])(const struct seen *seen) = {
        [ROSTER_STUDENT] = holds_students, [ROSTER_NAME] = holds_names,         [ROSTER_BORN] = holds_dates,
        [ROSTER_SESSION] = holds_sessions, [ROSTER_ELECTIVE] = holds_electives, [ROSTER_ECKID] = holds_eckids,
    };
    struct seen *seen = memory_get(roster->width, sizeof *seen);
    struct slice cells[TABLE_COLUMNS];
    size_t count, rows = 0;
    int more = 1;
    while (rows++ < ROWS && (more = table_next(table, cells, &count)) == 1)
        for (size_t i = 0; i < roster->width; i++)
            look_at(&seen[i], cells[i]);
    for (size_t column = 0; column < ROSTER_COLUMNS; column++)
        if (roster->at[column] >= 0)
            seen[roster->at[column]].filled = 0;
    for (size_t column = 0; more >= 0 && column < ROSTER_COLUMNS; column++)
        if (fits[column] && !mapped[column] && !(column == ROSTER_SESSION && roster->session))
            roster->at[column] = only(seen, roster->width, fits[column]);
    if (mapped[ROSTER_SURNAME] && mapped[ROSTER_FIRST])
        roster->at[ROSTER_NAME] = -1;
    free(seen);
    return more < 0 ? -1 : table_rewind(table);
}
