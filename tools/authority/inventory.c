/* `buurtaal ca list`. Times are shown in UTC, as certificates hold them. */
#include "tool_inventory.h"

#include <inttypes.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tool_answer.h"
#include "tool_index.h"
#include "tool_json.h"
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
        return memory_text(text_of(tool->lang, days_left(row, now) == 1 ? TEXT_CA_SOON_DAY : TEXT_CA_SOON),
                           days_left(row, now));
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

/* How the list in the folder stands. */
struct list {
    int64_t number; /* the newest list of the index has the same; 0: there is none to be read */
    time_t next;    /* when the next one was promised */
};

static struct list read_list(const char *folder)
{
    char *path = memory_text("%s/crl.pem", folder);
    X509_CRL *file = pem_read_list(path);
    ASN1_INTEGER *number = file ? X509_CRL_get_ext_d2i(file, NID_crl_number, NULL, NULL) : NULL;
    const ASN1_TIME *next = file ? X509_CRL_get0_nextUpdate(file) : NULL;
    struct list list = {0, 0};
    struct tm parts;
    if (number && next && ASN1_TIME_to_tm(next, &parts) == 1 && ASN1_INTEGER_get_int64(&list.number, number) == 1)
        list.next = timegm(&parts);
    ASN1_INTEGER_free(number);
    X509_CRL_free(file);
    free(path);
    return list;
}

/* What of the list and the authority itself asks for something is told whatever happens, the rest unless --quiet. */
static void tell_rest(const struct tool *tool, const struct index *index, const char *folder, time_t now)
{
    struct list list = read_list(folder);
    time_t end = authority_end(folder);
    char day[32];
    if (list.number == 0)
        text_tell(tool->lang, TEXT_CA_LIST_NONE, folder, folder);
    else if (list.number != index->list)
        text_tell(tool->lang, TEXT_CA_LIST_BEHIND, (long long)list.number, (long long)index->list, folder);
    else if (list.next < now)
        text_tell(tool->lang, TEXT_CA_LIST_LATE, moment(list.next, DAY, day), folder);
    else if (!tool->quiet)
        text_tell(tool->lang, TEXT_CA_LIST_NUMBER, (long long)list.number, moment(list.next, DAY, day));
    if (end == 0)
        text_tell(tool->lang, TEXT_CA_UNREAD, folder);
    else if (end < now + INVENTORY_SOON_DAYS * DAY_SECONDS)
        text_tell(tool->lang, TEXT_CA_ENDS, folder, moment(end, DAY, day));
    else if (!tool->quiet)
        text_tell(tool->lang, TEXT_CA_UNTIL, folder, moment(end, DAY, day));
}

/* ---- for programs ---- */

/* Prints a field that has a value. */
static void print_field(const char *before, const char *name, const char *value)
{
    if (!*value)
        return;
    printf("%s\"%s\": ", before, name);
    json_text(stdout, slice_of(value));
}

/* Prints a time that is known. */
static void print_time(const char *before, const char *name, time_t time)
{
    char text[32];
    print_field(before, name, time != 0 ? moment(time, TIME, text) : "");
}

static void print_json(const struct index *index, const char *folder, time_t now)
{
    struct list list = read_list(folder);
    fputs("{\"ca\": {", stdout);
    print_time("", "until", authority_end(folder));
    printf("}, \"crl\": {\"number\": %" PRId64, list.number);
    print_time(", ", "next", list.next);
    fputs("}, \"certificates\": [", stdout);
    for (size_t i = 0; i < index->count; i++) {
        const struct index_row *row = &index->rows[i];
        print_field(i > 0 ? ",\n  {" : "\n  {", "name", row->name);
        print_field(", ", "for", row->facts.server ? "server" : "client");
        print_field(", ", "state", state_word(row, now));
        print_time(", ", "from", row->facts.from);
        print_time(", ", "until", row->facts.until);
        print_field(", ", "oin", row->facts.oin);
        print_time(", ", "revoked", row->revoked);
        print_field(", ", "reason", row->revoked ? certificate_reason_name(row->reason) : "");
        print_field(", ", "serial", row->facts.serial);
        print_field(", ", "fingerprint", row->facts.fingerprint);
        fputs("}", stdout);
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
