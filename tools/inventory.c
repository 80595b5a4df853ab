/* `buurtaal ca list`. Times are shown in UTC, as certificates hold them. */
#include "tool_inventory.h"

#include <inttypes.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tool_answer.h"
#include "tool_index.h"
#include "tool_memory.h"
#include "tool_pem.h"
#include "tool_rows.h"

#define DAY "%Y-%m-%d"
#define TIME "%Y-%m-%dT%H:%M:%SZ"
#define DAY_SECONDS 86400

static const char *moment(time_t time, const char *form, char out[32])
{
    struct tm parts;
    if (!gmtime_r(&time, &parts) || strftime(out, 32, form, &parts) == 0)
        out[0] = '\0';
    return out;
}

static int days_left(const struct index_row *row, time_t now)
{
    return (int)((row->facts.until - now) / DAY_SECONDS);
}

/* One word for programs. */
static const char *state_word(const struct index_row *row, time_t now)
{
    return row->revoked                                ? "revoked"
           : row->facts.until < now                    ? "expired"
           : days_left(row, now) < INVENTORY_SOON_DAYS ? "expiring"
                                                       : "valid";
}

/* The same for people; the caller frees. */
static char *state_text(const struct tool *tool, const struct index_row *row, time_t now)
{
    char day[32];
    if (row->revoked)
        return memory_text(text_of(tool->lang, TEXT_CA_REVOKED_ON), moment(row->revoked, DAY, day),
                           certificate_reason_name(row->reason));
    if (row->facts.until >= now && days_left(row, now) < INVENTORY_SOON_DAYS)
        return memory_text(text_of(tool->lang, TEXT_CA_SOON), days_left(row, now));
    return memory_text("%s", text_of(tool->lang, row->facts.until < now ? TEXT_CA_EXPIRED : TEXT_CA_VALID));
}

/* ---- for people ---- */

static void add(struct answer *row, const char *name, const char *value)
{
    if (!*value)
        return;
    row->fields[row->count].name = slice_of(name);
    row->fields[row->count++].value = slice_of(value);
}

static void print_table(const struct tool *tool, const struct index *index, time_t now)
{
    struct rows *rows = rows_new();
    for (size_t i = 0; i < index->count; i++) {
        const struct index_row *row = &index->rows[i];
        struct answer line = {.kind = ANSWER_ROW};
        char from[32], until[32], *state = state_text(tool, row, now);
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_NAME), row->name);
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_FOR), row->facts.server ? "server" : "client");
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_STATE), state);
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_FROM), moment(row->facts.from, DAY, from));
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_UNTIL), moment(row->facts.until, DAY, until));
        add(&line, "OIN", row->facts.oin);
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_SERIAL), row->facts.serial);
        add(&line, text_of(tool->lang, TEXT_CA_COLUMN_FINGERPRINT), row->facts.fingerprint);
        rows_add(rows, &line);
        free(state);
    }
    rows_print(rows, stdout, rows_width(stdout), tool->colour);
    rows_free(rows);
}

/* When the authority's own certificate ends; 0 when it cannot be read. */
static time_t authority_end(const char *folder)
{
    char *path = memory_text("%s/ca.pem", folder);
    X509 *certificate = pem_read_certificate(path);
    struct certificate_facts facts;
    time_t end = certificate && certificate_describe(certificate, &facts) == 0 ? facts.until : 0;
    X509_free(certificate);
    free(path);
    return end;
}

/* When the next list was promised; 0 when there is no list. */
static time_t next_list(const char *folder)
{
    char *path = memory_text("%s/crl.pem", folder);
    X509_CRL *list = pem_read_list(path);
    const ASN1_TIME *next = list ? X509_CRL_get0_nextUpdate(list) : NULL;
    struct tm parts;
    time_t time = next && ASN1_TIME_to_tm(next, &parts) == 1 ? timegm(&parts) : 0;
    X509_CRL_free(list);
    free(path);
    return time;
}

/* How the list and the authority itself stand. What is wrong is told whatever happens, what is not unless --quiet. */
static void tell_rest(const struct tool *tool, const struct index *index, const char *folder, time_t now)
{
    time_t next = next_list(folder), end = authority_end(folder);
    char day[32];
    if (next == 0)
        text_tell(tool->lang, TEXT_CA_LIST_NONE, folder, folder);
    else if (next < now)
        text_tell(tool->lang, TEXT_CA_LIST_LATE, moment(next, DAY, day), folder);
    else if (!tool->quiet)
        text_tell(tool->lang, TEXT_CA_LIST_NUMBER, (long long)index->list, moment(next, DAY, day));
    if (end < now + INVENTORY_SOON_DAYS * DAY_SECONDS)
        text_tell(tool->lang, TEXT_CA_ENDS, folder, moment(end, DAY, day));
    else if (!tool->quiet)
        text_tell(tool->lang, TEXT_CA_UNTIL, folder, moment(end, DAY, day));
}

/* ---- for programs ---- */

/* Names, OINs and digits need no escape in JSON. */
static void print_json(const struct index *index, const char *folder, time_t now)
{
    char one[32], other[32];
    printf("{\"ca\": {\"until\": \"%s\"}, \"crl\": {\"number\": %" PRId64 ", \"next\": \"%s\"}, \"certificates\": [",
           moment(authority_end(folder), TIME, one), index->list, moment(next_list(folder), TIME, other));
    for (size_t i = 0; i < index->count; i++) {
        const struct index_row *row = &index->rows[i];
        printf("%s\n  {\"name\": \"%s\", \"for\": \"%s\", \"state\": \"%s\", \"from\": \"%s\", \"until\": \"%s\"",
               i > 0 ? "," : "", row->name, row->facts.server ? "server" : "client", state_word(row, now),
               moment(row->facts.from, TIME, one), moment(row->facts.until, TIME, other));
        if (*row->facts.oin)
            printf(", \"oin\": \"%s\"", row->facts.oin);
        if (row->revoked)
            printf(", \"revoked\": \"%s\", \"reason\": \"%s\"", moment(row->revoked, TIME, one),
                   certificate_reason_name(row->reason));
        printf(", \"serial\": \"%s\", \"fingerprint\": \"%s\"}", row->facts.serial, row->facts.fingerprint);
    }
    printf("%s]}\n", index->count > 0 ? "\n" : "");
}

int inventory_print(const struct tool *tool, const char *folder, bool json)
{
    struct index index;
    time_t now = time(NULL);
    int status = index_read(&index, folder, tool->lang);
    if (status == EX_OK && json) {
        print_json(&index, folder, now);
    } else if (status == EX_OK) {
        print_table(tool, &index, now);
        tell_rest(tool, &index, folder, now);
    }
    index_free(&index);
    return status;
}
