/* Connection strings: libpq reads them, the daemon refuses what would block and adds what a long-lived connection
 * needs. */
#include "conninfo.h"

#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <libpq-fe.h>

/* What holds unless the connection string says otherwise. A peer that is gone is noticed within some 15 s, and a host
 * that does not answer at all is passed over within 8 s. */
static const struct {
    const char *keyword, *value;
} defaults[] = {
    {"application_name", "buurtaald"}, {"client_encoding", "UTF8"}, {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},      {"keepalives_count", "3"},   {"tcp_user_timeout", "8000"},
};

static bool needs_no_lookup(const char *host)
{
    struct in6_addr parsed;
    return host[0] == '\0' || host[0] == '/' || host[0] == '@' || inet_pton(AF_INET, host, &parsed) == 1 ||
           inet_pton(AF_INET6, host, &parsed) == 1;
}

/* NULL, or what is wrong with the hosts. */
static const char *refuse_lookup(const PQconninfoOption *options)
{
    const char *host = NULL, *address = NULL;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, "host") == 0)
            host = o->val;
        if (strcmp(o->keyword, "hostaddr") == 0)
            address = o->val;
    }
    if (address && address[0])
        return NULL;
    for (const char *at = host ? host : ""; *at;) {
        char one[256];
        size_t len = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)len, at);
        if (!needs_no_lookup(one))
            return "host is a name, which would have to be looked up; give the folder of a socket, or hostaddr";
        at += len + (at[len] == ',');
    }
    return NULL;
}

static size_t count_hosts(const PQconninfoOption *options)
{
    size_t most = 1;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        size_t count = 1;
        if (!o->val || (strcmp(o->keyword, "host") != 0 && strcmp(o->keyword, "hostaddr") != 0))
            continue;
        for (const char *c = o->val; *c; c++)
            count += *c == ',';
        most = count > most ? count : most;
    }
    return most;
}

static int add(struct conninfo *conninfo, size_t *count, const char *keyword, const char *value)
{
    conninfo->keywords[*count] = strdup(keyword);
    conninfo->values[*count] = strdup(value);
    return conninfo->keywords[*count] && conninfo->values[(*count)++] ? 0 : -1;
}

/* Of a keyword that is given twice libpq takes the later one. */
static int copy(struct conninfo *conninfo, const PQconninfoOption *options, bool write)
{
    size_t most = COUNT(defaults) + 2, count = 0;
    for (const PQconninfoOption *o = options; o->keyword; o++)
        most++;
    conninfo->keywords = calloc(most, sizeof *conninfo->keywords);
    conninfo->values = calloc(most, sizeof *conninfo->values);
    if (!conninfo->keywords || !conninfo->values)
        return -1;
    for (size_t i = 0; i < COUNT(defaults); i++)
        if (add(conninfo, &count, defaults[i].keyword, defaults[i].value) < 0)
            return -1;
    if (write && add(conninfo, &count, "target_session_attrs", "read-write") < 0)
        return -1;
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && o->val[0] && add(conninfo, &count, o->keyword, o->val) < 0)
            return -1;
    return 0;
}

int conninfo_read(struct conninfo *conninfo, const char *text, bool write, char *why, size_t why_size)
{
    char *fault = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &fault);
    const char *wrong = options ? refuse_lookup(options) : fault ? fault : "out of memory";
    *conninfo = (struct conninfo){.hosts = options ? count_hosts(options) : 1};
    if (!wrong && copy(conninfo, options, write) < 0)
        wrong = "out of memory";
    if (wrong)
        snprintf(why, why_size, "%.*s", (int)strcspn(wrong, "\n"), wrong);
    PQconninfoFree(options);
    PQfreemem(fault);
    return wrong ? -1 : 0;
}

static void free_list(char **list)
{
    for (char **one = list; one && *one; one++)
        free(*one);
    free(list);
}

void conninfo_free(struct conninfo *conninfo)
{
    free_list(conninfo->keywords);
    free_list(conninfo->values);
    *conninfo = (struct conninfo){0};
}
