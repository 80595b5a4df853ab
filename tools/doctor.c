/* `buurtaal doctor`: goes through the steps of a connection and tells, in plain words, which one fails and what to do.
 *
 * Rules: a step that failed does not stop those that can do without it. The status is that of the first that failed.
 * Nothing is changed but what every connection notes beside the profile. */
#define _GNU_SOURCE /* timegm */
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "tool_client.h"
#include "tool_credentials.h"
#include "tool_memory.h"
#include "tool_verbs.h"

#define SKEW_SECONDS 300 /* so far apart may two clocks be */
#define SOON_DAYS 30
#define DAY_SECONDS 86400
#define STEP_WIDTH 12

#define GREEN "\033[32m"
#define RED "\033[1;31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

enum mark { FINE, NOTE, FAULT };

struct doctor {
    struct tool *tool;
    struct profile *profile;
    struct certificate_facts own;
    const char *party, *role; /* who one ought to be; NULL: not asked */
    int status;               /* of the first step that failed */
};

/* ---- telling ---- */

static const char *text(const struct doctor *doctor, enum text_id id)
{
    return text_of(doctor->tool->lang, id);
}

/* Prints a step and what was found; frees `found`. */
static void tell(const struct doctor *doctor, enum mark mark, enum text_id step, char *found)
{
    static const enum text_id words[] = {TEXT_DOCTOR_FINE, TEXT_DOCTOR_NOTE, TEXT_DOCTOR_FAULT};
    static const char *const colours[] = {GREEN, YELLOW, RED};
    const char *word = text(doctor, words[mark]), *name = text(doctor, step);
    if (mark != FINE || !doctor->tool->quiet)
        printf("%s%s%s%*s%s%*s%s\n", doctor->tool->colour ? colours[mark] : "", word, doctor->tool->colour ? PLAIN : "",
               8 - text_width(word), "", name, STEP_WIDTH - text_width(name), "", found);
    free(found);
}

/* Prints below it what to do; frees `remedy`. */
static void advise(const struct doctor *doctor, char *remedy)
{
    printf("%*s%s %s\n", 8 + STEP_WIDTH, "", text(doctor, TEXT_DOCTOR_DO), remedy);
    free(remedy);
}

static void fail(struct doctor *doctor, int status, enum text_id step, char *found)
{
    tell(doctor, FAULT, step, found);
    if (doctor->status == EX_OK)
        doctor->status = status;
}

static char *copy(const char *words)
{
    return memory_text("%s", words);
}

static void write_day(char out[11], time_t time)
{
    struct tm parts;
    if (!gmtime_r(&time, &parts) || strftime(out, 11, "%Y-%m-%d", &parts) == 0)
        snprintf(out, 11, "?");
}

/* A moment as this computer's clock shows it, with how far that is from UTC, since the registry may be elsewhere. */
static void write_moment(char out[32], time_t moment)
{
    struct tm parts;
    if (!localtime_r(&moment, &parts) || strftime(out, 32, "%Y-%m-%d %H:%M:%S %z", &parts) == 0)
        snprintf(out, 32, "?");
}

static void write_now(char out[32])
{
    write_moment(out, time(NULL));
}

/* ---- the profile and its files ---- */

static int look_at_profile(struct doctor *doctor)
{
    struct stat st;
    doctor->profile = profile_load(doctor->tool); /* it tells why not */
    if (!doctor->profile) {
        char *there = profile_path(doctor->tool->profile);
        fail(doctor, EX_CONFIG, TEXT_DOCTOR_PROFILE, copy(text(doctor, TEXT_DOCTOR_PROFILE_BAD)));
        if (there && access(there, F_OK) == 0)
            advise(doctor, memory_text(text(doctor, TEXT_DOCTOR_PROFILE_MEND), there));
        else
            advise(doctor, copy(text(doctor, TEXT_DOCTOR_PROFILE_DO)));
        free(there);
        return -1;
    }
    doctor->profile->quiet = true; /* what it would note is told here */
    const char *path = doctor->profile->path;
    if (stat(path, &st) == 0 && (st.st_mode & 0022)) {
        fail(doctor, EX_CONFIG, TEXT_DOCTOR_PROFILE, memory_text(text(doctor, TEXT_DOCTOR_PROFILE_OPEN), path));
        advise(doctor, memory_text("chmod go-w %s", path));
    } else {
        tell(doctor, FINE, TEXT_DOCTOR_PROFILE, copy(path));
    }
    return 0;
}

static int fail_file(struct doctor *doctor, enum text_id step, const char *path, const char *why, enum text_id remedy)
{
    fail(doctor, EX_CONFIG, step, memory_text("%s: %s", path, why));
    advise(doctor, memory_text(text(doctor, remedy), doctor->profile->path));
    return -1;
}

static int look_at_ca(struct doctor *doctor)
{
    const char *path = doctor->profile->ca, *why;
    struct certificate_facts ca;
    char day[11];
    if (credentials_ca(path, &ca, &why, doctor->tool->lang) < 0)
        return fail_file(doctor, TEXT_DOCTOR_CA, path, why, TEXT_DOCTOR_CA_DO);
    write_day(day, ca.until);
    if (ca.until < time(NULL)) {
        fail(doctor, EX_CONFIG, TEXT_DOCTOR_CA, memory_text(text(doctor, TEXT_DOCTOR_EXPIRED), path, day));
        advise(doctor, memory_text(text(doctor, TEXT_DOCTOR_CA_DO), doctor->profile->path));
        return 0;
    }
    tell(doctor, FINE, TEXT_DOCTOR_CA, memory_text(text(doctor, TEXT_DOCTOR_VALID), ca.name, day));
    return 0;
}

static int look_at_certificate(struct doctor *doctor)
{
    const char *path = doctor->profile->certificate, *why;
    if (credentials_certificate(path, &doctor->own, &why, doctor->tool->lang) < 0)
        return fail_file(doctor, TEXT_DOCTOR_CERTIFICATE, path, why, TEXT_DOCTOR_CERTIFICATE_DO);
    tell(doctor, FINE, TEXT_DOCTOR_CERTIFICATE,
         memory_text("%s, SHA-256 %s", doctor->own.name, doctor->own.fingerprint));
    return 0;
}

/* Whether it is valid today; the registry has the last word, so nothing stops here. */
static void look_at_term(struct doctor *doctor)
{
    const char *path = doctor->profile->certificate;
    const time_t now = time(NULL);
    char from[11], until[11], clock[32];
    write_day(from, doctor->own.from);
    write_day(until, doctor->own.until);
    write_now(clock);
    if (doctor->own.until < now) {
        fail(doctor, EX_CONFIG, TEXT_DOCTOR_TERM, memory_text(text(doctor, TEXT_DOCTOR_EXPIRED), path, until));
        advise(doctor, memory_text(text(doctor, TEXT_DOCTOR_EXPIRED_DO), clock));
    } else if (doctor->own.from > now) {
        fail(doctor, EX_CONFIG, TEXT_DOCTOR_TERM, memory_text(text(doctor, TEXT_DOCTOR_NOT_YET), path, from));
        advise(doctor, memory_text(text(doctor, TEXT_DOCTOR_CLOCK_DO), clock));
    } else {
        long days = (long)((doctor->own.until - now) / DAY_SECONDS);
        bool soon = days < SOON_DAYS;
        tell(doctor, soon ? NOTE : FINE, TEXT_DOCTOR_TERM,
             memory_text(text(doctor, days == 1 ? TEXT_DOCTOR_DAY : TEXT_DOCTOR_DAYS), until, days));
        if (soon)
            advise(doctor, copy(text(doctor, TEXT_DOCTOR_RENEW_DO)));
    }
}

static int look_at_key(struct doctor *doctor)
{
    const char *path = doctor->profile->key, *why;
    if (credentials_key(path, doctor->profile->certificate, &why, doctor->tool->lang) < 0)
        return fail_file(doctor, TEXT_DOCTOR_KEY, path, why, TEXT_DOCTOR_KEY_DO);
    if (credentials_key_closed(path) != 1) {
        fail(doctor, EX_CONFIG, TEXT_DOCTOR_KEY, memory_text(text(doctor, TEXT_DOCTOR_KEY_OPEN), path));
        advise(doctor, memory_text("chmod 600 %s", path));
        return -1;
    }
    tell(doctor, FINE, TEXT_DOCTOR_KEY, copy(text(doctor, TEXT_DOCTOR_KEY_FITS)));
    return 0;
}

/* 0, or -1 when no connection can be made with them. */
static int look_at_files(struct doctor *doctor)
{
    int ca = look_at_ca(doctor), certificate = look_at_certificate(doctor), key = -1;
    if (certificate == 0) {
        look_at_term(doctor);
        key = look_at_key(doctor);
    }
    return ca < 0 || certificate < 0 || key < 0 ? -1 : 0;
}

/* ---- the connection ---- */

/* What to do about a BYE. */
static enum text_id remedy_of_bye(const char *code)
{
    static const struct {
        const char *code;
        enum text_id remedy;
    } rows[] = {{"certificate-expired", TEXT_DOCTOR_EXPIRED_DO},
                {"certificate-not-yet-valid", TEXT_DOCTOR_CLOCK_DO},
                {"other-ca", TEXT_DOCTOR_OTHER_CA_DO},
                {"no-certificate", TEXT_DOCTOR_OTHER_CA_DO},
                {"revoked", TEXT_DOCTOR_REVOKED_DO},
                {"not-granted", TEXT_DOCTOR_GRANT_DO},
                {"limit", TEXT_DOCTOR_LATER_DO},
                {"idle", TEXT_DOCTOR_LATER_DO},
                {"draining", TEXT_DOCTOR_LATER_DO},
                {"database", TEXT_DOCTOR_DATABASE_DO}};
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(code, rows[i].code) == 0)
            return rows[i].remedy;
    return TEXT_DOCTOR_TRY_DO;
}

static enum text_id remedy_of_trust(long trust)
{
    switch (trust) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TEXT_DOCTOR_HOST_DO;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TEXT_DOCTOR_THEIR_CLOCK_DO;
    default:
        return TEXT_DOCTOR_THEIR_CA_DO;
    }
}

/* The steps of a connection, by the stage at which each ends. */
static const struct step {
    enum client_stage stage;
    enum text_id name, remedy, fine;
    int status;
} steps[] = {
    {CLIENT_AT_NAME, TEXT_DOCTOR_NAME, TEXT_DOCTOR_NAME_DO, TEXT_DOCTOR_NAME_FINE, EX_NOHOST},
    {CLIENT_AT_PORT, TEXT_DOCTOR_PORT, TEXT_DOCTOR_PORT_DO, TEXT_DOCTOR_PORT_FINE, EX_UNAVAILABLE},
    {CLIENT_AT_TLS, TEXT_DOCTOR_TLS, TEXT_DOCTOR_TLS_DO, TEXT_DOCTOR_TLS_FINE, EX_PROTOCOL},
    {CLIENT_AT_TRUST, TEXT_DOCTOR_TRUST, TEXT_DOCTOR_THEIR_CA_DO, TEXT_DOCTOR_TRUST_FINE, EX_NOPERM},
    {CLIENT_AT_GREETING, TEXT_DOCTOR_GREETING, TEXT_DOCTOR_TRY_DO, TEXT_DOCTOR_GREETING_FINE, EX_NOPERM},
    {CLIENT_AT_VERSION, TEXT_DOCTOR_VERSION, TEXT_DOCTOR_VERSION_DO, TEXT_DOCTOR_VERSION_FINE, EX_PROTOCOL},
};

/* A remedy's text may take: the clock, the fingerprint. Each has one `%s` at most. */
static char *fill(const struct doctor *doctor, enum text_id remedy)
{
    char clock[32];
    write_now(clock);
    switch (remedy) {
    case TEXT_DOCTOR_GRANT_DO:
        return memory_text(text(doctor, remedy), doctor->own.fingerprint);
    case TEXT_DOCTOR_EXPIRED_DO:
    case TEXT_DOCTOR_CLOCK_DO:
    case TEXT_DOCTOR_THEIR_CLOCK_DO:
        return memory_text(text(doctor, remedy), clock);
    default:
        return copy(text(doctor, remedy));
    }
}

static void fail_step(struct doctor *doctor, const struct client *client, const struct step *step)
{
    enum text_id remedy = step->remedy;
    int status = step->status;
    if (*client_bye(client)) {
        remedy = remedy_of_bye(client_bye(client));
        status = client_status(client_fault(client));
    } else if (step->stage == CLIENT_AT_TRUST) {
        remedy = remedy_of_trust(client_trust(client));
    } else if (client_fault(client) == CLIENT_PROTOCOL) {
        status = EX_PROTOCOL;
    } else if (step->stage == CLIENT_AT_GREETING) {
        status = client_status(client_fault(client));
    }
    fail(doctor, status, step->name, copy(client_why(client)));
    advise(doctor, fill(doctor, remedy));
}

/* The steps that were taken, and the one that failed. 0, or -1 when one did. */
static int tell_steps(struct doctor *doctor, const struct client *client)
{
    const struct profile *profile = doctor->profile;
    for (size_t i = 0; i < COUNT(steps); i++) {
        if (client_stage(client) == steps[i].stage) {
            fail_step(doctor, client, &steps[i]);
            return -1;
        }
        const char *value = steps[i].stage == CLIENT_AT_PORT       ? profile->port
                            : steps[i].stage == CLIENT_AT_GREETING ? client_greeting(client)->server
                                                                   : profile->host;
        tell(doctor, FINE, steps[i].name, memory_text(text(doctor, steps[i].fine), value));
    }
    return 0;
}

/* ---- behind the greeting ---- */

/* A time of the wire, 2027-04-02T10:11:12.5+02:00, as seconds since 1970. 0, or -1 when it is none. */
static int seconds_of(const char *wire, time_t *seconds)
{
    struct tm parts = {0};
    int hours = 0, minutes = 0;
    char sign = 'Z';
    const char *rest = strptime(wire, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest)
        return -1;
    rest += *rest == '.' ? 1 + strspn(rest + 1, "0123456789") : 0;
    if (strcmp(rest, "Z") != 0 && sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
        return -1;
    long east = hours * 3600L + minutes * 60L;
    *seconds = timegm(&parts) - (sign == '-' ? -east : east);
    return 0;
}

/* A note, no fault: both sides have believed each other's certificates, and deadlines go by the registry's clock, which
 * in a trial stands elsewhere on purpose. A clock that does spoil the connection was told as the certificate's term. */
static void compare_clocks(struct doctor *doctor, const struct client *client)
{
    const char *told = client_greeting(client)->time;
    char ours[32], theirs[32];
    time_t seconds;
    bool known = seconds_of(told, &seconds) == 0;
    write_now(ours);
    if (known && labs((long)(seconds - time(NULL))) <= SKEW_SECONDS) {
        tell(doctor, FINE, TEXT_DOCTOR_CLOCK, copy(ours));
        return;
    }
    if (known)
        write_moment(theirs, seconds); /* in one zone the two can be compared */
    tell(doctor, NOTE, TEXT_DOCTOR_CLOCK,
         memory_text(text(doctor, TEXT_DOCTOR_CLOCK_BAD), ours, known ? theirs : told));
    advise(doctor, copy(text(doctor, TEXT_DOCTOR_CLOCKS_DO)));
}

static void look_at_role(struct doctor *doctor, const struct client *client)
{
    const struct client_greeting *greeting = client_greeting(client);
    const char *party = doctor->party ? doctor->party : greeting->party;
    const char *role = doctor->role ? doctor->role : greeting->role;
    if (strcmp(party, greeting->party) == 0 && strcmp(role, greeting->role) == 0) {
        tell(doctor, FINE, TEXT_DOCTOR_ROLE,
             memory_text(text(doctor, TEXT_DOCTOR_ROLE_IS), greeting->party, greeting->role));
        return;
    }
    fail(doctor, EX_NOPERM, TEXT_DOCTOR_ROLE,
         memory_text(text(doctor, TEXT_DOCTOR_ROLE_NOT), greeting->party, greeting->role, party, role));
    advise(doctor, memory_text(text(doctor, TEXT_DOCTOR_ROLE_DO), doctor->own.fingerprint));
}

static void look_at_log(struct doctor *doctor, const struct client *client)
{
    char *found = memory_text(text(doctor, TEXT_DOCTOR_LOG_IS), (unsigned long long)client_greeting(client)->log);
    if (!client_restored(client)) {
        tell(doctor, FINE, TEXT_DOCTOR_LOG, found);
        return;
    }
    free(found);
    fail(doctor, EX_DATAERR, TEXT_DOCTOR_LOG, copy(text(doctor, TEXT_DOCTOR_LOG_BAD)));
    advise(doctor, copy(text(doctor, TEXT_DOCTOR_LOG_DO)));
}

static void look_at_connection(struct doctor *doctor)
{
    doctor->profile->examine = true;
    struct client *client = client_open(doctor->profile);
    if (tell_steps(doctor, client) == 0) {
        compare_clocks(doctor, client);
        look_at_role(doctor, client);
        look_at_log(doctor, client);
    }
    if (client_stage(client) == CLIENT_READY && client_fault(client) != CLIENT_FINE)
        fail(doctor, client_status(client_fault(client)), TEXT_DOCTOR_GREETING, copy(client_why(client)));
    client_close(client);
}

int doctor_run(struct tool *tool, int argc, char **argv)
{
    struct doctor doctor = {.tool = tool};
    const struct options_row rows[] = {{"party", &doctor.party, NULL, 0}, {"role", &doctor.role, NULL, 0}};
    const struct options_verb verb = {"doctor", TEXT_HELP_DOCTOR, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "", count, argv) < 0)
        return EX_USAGE;
    if (look_at_profile(&doctor) == 0) {
        if (look_at_files(&doctor) == 0)
            look_at_connection(&doctor);
        else
            tell(&doctor, NOTE, TEXT_DOCTOR_REST, copy(text_of(tool->lang, TEXT_DOCTOR_REST_NOT)));
    }
    profile_free(doctor.profile);
    return doctor.status;
}
