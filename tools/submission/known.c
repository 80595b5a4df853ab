/* The college's registrations, by student number.
 *
 * Rules: numbers of digits are found with or without the zeros in front of them, as spreadsheets lose those. Memory:
 * what the college has in the registry; nothing of the file. */
#define _GNU_SOURCE /* tdestroy */
#include "tool_known.h"

#include <search.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unicase.h>

#include "tool_memory.h"
#include "tool_pages.h"

#define BUSY_SECONDS 2 /* until the registry is asked again; what it told is gone with its line */

/* All rows of a number but for zeros in front, newest first. */
struct number {
    struct slice key;
    struct known_row *rows;
};

struct known {
    void *tree; /* of numbers, by key */
};

/* ---- finding ---- */

/* A number of digits without its zeros in front; any other as it is. */
static struct slice key_of(struct slice student)
{
    struct slice key = student;
    for (size_t i = 0; i < student.len; i++)
        if (student.at[i] < '0' || student.at[i] > '9')
            return student;
    while (key.len > 1 && key.at[0] == '0')
        key = (struct slice){key.at + 1, key.len - 1};
    return key;
}

static int compare(const void *left, const void *right)
{
    const struct slice *a = &((const struct number *)left)->key, *b = &((const struct number *)right)->key;
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static const struct known_row *find(const struct known *known, struct slice student)
{
    const struct number wanted = {.key = key_of(student)};
    struct number *const *found = tfind(&wanted, &known->tree, compare);
    return found ? (*found)->rows : NULL;
}

const struct known_row *known_registration(const struct known *known, struct slice student, struct slice session)
{
    const struct known_row *row = find(known, student);
    while (row && !(slice_is(student, row->student) && slice_is(session, row->session)))
        row = row->next;
    return row;
}

/* ---- judging ---- */

static bool same_name(const char *stored, struct slice name)
{
    int order = 1;
    if (u8_casecmp((const uint8_t *)stored, strlen(stored), (const uint8_t *)name.at, name.len, NULL, NULL, &order) < 0)
        return slice_is(name, stored);
    return order == 0;
}

/* Dates of birth may be a year, a month or a day: the shorter begins the longer. */
static bool same_born(const char *stored, struct slice born)
{
    size_t len = strlen(stored) < born.len ? strlen(stored) : born.len;
    return memcmp(stored, born.at, len) == 0;
}

enum known_doubt known_judge(const struct known *known, struct slice student, struct slice name, struct slice born,
                             const struct known_row **there)
{
    const struct known_row *row = find(known, student), *zeros = NULL;
    for (; row; row = row->next) {
        bool named = same_name(row->name, name), dated = same_born(row->born, born);
        if (slice_is(student, row->student)) { /* the newest under this very number decides */
            *there = row;
            return named || dated ? KNOWN_FINE : KNOWN_OTHER;
        }
        if (!zeros && (named || dated))
            zeros = row;
    }
    *there = zeros;
    return zeros ? KNOWN_ZEROS : KNOWN_FINE;
}

/* ---- keeping ---- */

struct known *known_new(void)
{
    return memory_get(1, sizeof(struct known));
}

static void free_number(void *node)
{
    struct number *number = node;
    struct known_row *next;
    for (struct known_row *row = number->rows; row; row = next) {
        next = row->next;
        free(row);
    }
    free(number);
}

void known_free(struct known *known)
{
    if (!known)
        return;
    tdestroy(known->tree, free_number);
    free(known);
}

/* Copies the value of a field to `*at` and moves that on. */
static const char *keep(const struct answer *answer, const char *name, char **at)
{
    struct slice value = answer_field(answer, name);
    char *copy = *at;
    if (value.len > 0)
        memcpy(copy, value.at, value.len);
    copy[value.len] = '\0';
    *at += value.len + 1;
    return copy;
}

static struct known_row *copy_row(const struct answer *answer)
{
    static const char *const names[] = {"student", "session", "name", "born", "elective", "needs"};
    size_t room = 0;
    for (size_t i = 0; i < COUNT(names); i++)
        room += answer_field(answer, names[i]).len + 1;
    struct known_row *row = memory_get(1, sizeof *row + room);
    char *at = (char *)(row + 1);
    row->student = keep(answer, "student", &at);
    row->session = keep(answer, "session", &at);
    row->name = keep(answer, "name", &at);
    row->born = keep(answer, "born", &at);
    row->elective = keep(answer, "elective", &at);
    row->needs = keep(answer, "needs", &at);
    return row;
}

void known_add(struct known *known, const struct answer *answer)
{
    if (answer_field(answer, "name").len == 0)
        return;
    struct known_row *row = copy_row(answer);
    struct number *number = memory_get(1, sizeof *number);
    number->key = key_of(slice_of(row->student));
    struct number **found = tsearch(number, &known->tree, compare);
    if (!found) {
        free(row);
        free(number);
        return;
    }
    if (*found != number)
        free(number);
    row->next = (*found)->rows;
    (*found)->rows = row;
}

/* ---- asking ---- */

static void take_row(void *own, const struct answer *row)
{
    known_add(own, row);
}

int known_ask(struct known **known, struct retry *retry)
{
    for (;;) {
        uint64_t log;
        *known = known_new();
        const struct pages pages = {.verb = "registrations", .own = *known, .row = take_row};
        int status = pages_read(retry->client, &pages, retry->profile->lang, &log);
        if (status == EX_OK)
            return EX_OK;
        known_free(*known);
        *known = NULL;
        bool lost = client_fault(retry->client) != CLIENT_FINE, busy = !lost && status == EX_TEMPFAIL;
        if (!busy && !(lost && client_may_retry(client_fault(retry->client))))
            return status;
        if ((status = retry_again(retry, busy ? BUSY_SECONDS : 0, false)) != EX_OK)
            return status;
    }
}
