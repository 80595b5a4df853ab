/* An exam session as `sessions` tells it. The rule of the days is the registry's (sql/api/sessions.sql); here it only
 * says what is worth showing: whether a registration is taken is decided there. */
#include "tool_session.h"

#include <stdio.h>
#include <sysexits.h>

static void copy_day(struct slice from, char day[SESSION_DAY])
{
    day[0] = '\0';
    if (from.at && from.len >= SESSION_DAY - 1)
        snprintf(day, SESSION_DAY, "%.*s", SESSION_DAY - 1, from.at);
}

int session_today(struct client *client, enum text_lang lang, char today[SESSION_DAY], uint64_t *log)
{
    char line[LINE_MAX_BYTES];
    struct answer status;
    if (client_ask(client, "ping\n", 5, NULL, NULL, line, &status) < 0) {
        text_tell(lang, TEXT_PLAIN, client_why(client));
        return client_status(client_fault(client));
    }
    copy_day(answer_field(&status, "time"), today);
    if (log)
        *log = slice_number(answer_field(&status, "log"));
    if (today[0] != '\0')
        return EX_OK;
    text_tell(lang, TEXT_CLIENT_PROTOCOL);
    return EX_PROTOCOL;
}

bool session_has_room(const struct answer *row, bool *untold)
{
    struct slice free_seats = answer_field(row, "free");
    *untold |= !free_seats.at;
    return free_seats.at && !slice_is(free_seats, "0");
}

bool session_is_open(const struct answer *row, const char *today)
{
    char first[SESSION_DAY], last[SESSION_DAY];
    copy_day(answer_field(row, "opens"), first);
    copy_day(answer_field(row, "until"), last);
    return slice_is(answer_field(row, "state"), "scheduled") && strcmp(first, today) <= 0 && strcmp(today, last) <= 0;
}
