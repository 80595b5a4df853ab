/* A connection to a registry: bytes and lines. How it comes about is in connect.c.
 *
 * Limits: 64 kB wait to be sent, 32 kB to be taken; more is not read, so that the registry waits too.
 * Rules: reading never waits for writing nor the other way round, or both sides could wait for each other. A line that
 * no daemon would send ends the connection: it may be shown to people on a terminal. */
#include "tool_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "proto.h"
#include "tool_connect.h"
#include "tool_credentials.h"
#include "tool_memory.h"

#define ANSWER_SECONDS 60

/* ---- faults ---- */

void client_give_up(struct client *client, enum client_fault fault, const char *why)
{
    if (client->fault != CLIENT_FINE)
        return;
    client->fault = fault;
    snprintf(client->why, sizeof client->why, "%s", why);
}

enum client_fault client_fault(const struct client *client)
{
    return client->fault;
}

const char *client_why(const struct client *client)
{
    return client->why;
}

enum client_stage client_stage(const struct client *client)
{
    return client->stage;
}

const char *client_bye(const struct client *client)
{
    return client->bye;
}

long client_trust(const struct client *client)
{
    return client->trust;
}

bool client_restored(const struct client *client)
{
    return client->restored;
}

const struct client_greeting *client_greeting(const struct client *client)
{
    return &client->greeting;
}

int client_status(enum client_fault fault)
{
    static const int statuses[] = {
        [CLIENT_FINE] = EX_OK,          [CLIENT_SETTINGS] = EX_CONFIG,   [CLIENT_UNREACHED] = EX_UNAVAILABLE,
        [CLIENT_LOST] = EX_TEMPFAIL,    [CLIENT_LATER] = EX_TEMPFAIL,    [CLIENT_REFUSED] = EX_NOPERM,
        [CLIENT_UNTRUSTED] = EX_NOPERM, [CLIENT_PROTOCOL] = EX_PROTOCOL, [CLIENT_RESTORED] = EX_DATAERR,
    };
    return statuses[fault];
}

bool client_may_retry(enum client_fault fault)
{
    return fault == CLIENT_UNREACHED || fault == CLIENT_LOST || fault == CLIENT_LATER;
}

/* ---- in which role we speak ---- */

static bool is_of_role(const struct answer *status)
{
    return status->kind == ANSWER_NO && slice_is(status->word, "role");
}

char *client_words(const struct client *client, const struct answer *status)
{
    char *words = answer_words(status), *role, *both;
    if (!is_of_role(status))
        return words;
    role = memory_text(text_of(client->lang, TEXT_CLIENT_ROLE), client->greeting.party, client->greeting.role);
    both = memory_text("%s; %s", words, role);
    free(words);
    free(role);
    return both;
}

void client_tell_role(const struct client *client, const struct answer *status)
{
    if (is_of_role(status))
        text_tell(client->lang, TEXT_CLIENT_ROLE, client->greeting.party, client->greeting.role);
}

unsigned client_window(const struct client *client)
{
    return client->window;
}

/* ---- bytes ---- */

/* What a failed call of OpenSSL means. `result` is what it returned. */
static void look_at(struct client *client, int result)
{
    int system = errno; /* before anything else can change it */
    char reason[256];
    switch (SSL_get_error(client->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return;
    case SSL_ERROR_WANT_WRITE:
        client->wants_write = true;
        return;
    case SSL_ERROR_ZERO_RETURN:
        client->ended = true;
        return;
    case SSL_ERROR_SYSCALL:
        snprintf(reason, sizeof reason, text_of(client->lang, TEXT_CLIENT_LOST),
                 system ? text_reason(client->lang, system) : text_of(client->lang, TEXT_REASON_HUNG_UP));
        client_give_up(client, CLIENT_LOST, reason);
        return;
    default:
        break;
    }
    snprintf(reason, sizeof reason, text_of(client->lang, TEXT_CLIENT_LOST), credentials_reason(client->lang));
    client_give_up(client, CLIENT_LOST, reason);
}

/* Sends what waits, then the end if it was asked for. Whether something went out. */
static bool send_waiting(struct client *client)
{
    bool moved = false;
    client->wants_write = false;
    while (client->out_len > 0 && client->fault == CLIENT_FINE) {
        size_t sent = 0;
        ERR_clear_error();
        errno = 0;
        if (SSL_write_ex(client->ssl, client->out, client->out_len, &sent) != 1) {
            look_at(client, 0);
            return moved;
        }
        client->out_len -= sent;
        memmove(client->out, client->out + sent, client->out_len);
        moved = true;
    }
    if (client->finishing && client->out_len == 0 && client->fault == CLIENT_FINE) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_shutdown(client->ssl);
        if (result >= 0)
            client->finishing = false;
        else
            look_at(client, result);
    }
    return moved;
}

/* Reads what has come, as far as there is room. Whether something came. */
static bool read_waiting(struct client *client)
{
    bool moved = false;
    if (client->in_taken > 0) {
        client->in_len -= client->in_taken;
        memmove(client->in, client->in + client->in_taken, client->in_len);
        client->in_taken = 0;
    }
    while (client->in_len < sizeof client->in && client->fault == CLIENT_FINE && !client->ended) {
        size_t got = 0;
        ERR_clear_error();
        errno = 0;
        if (SSL_read_ex(client->ssl, client->in + client->in_len, sizeof client->in - client->in_len, &got) != 1) {
            look_at(client, 0);
            return moved || client->ended;
        }
        client->in_len += got;
        moved = true;
    }
    return moved;
}

size_t client_room(const struct client *client)
{
    return sizeof client->out - client->out_len;
}

size_t client_write(struct client *client, const char *bytes, size_t len)
{
    size_t room = client_room(client);
    if (client->fault != CLIENT_FINE)
        return 0;
    if (len > room)
        len = room;
    memcpy(client->out + client->out_len, bytes, len);
    client->out_len += len;
    return len;
}

void client_finish(struct client *client)
{
    client->finishing = true;
}

bool client_step(struct client *client, int input, int milliseconds)
{
    bool moved = false;
    if (client->fault == CLIENT_FINE) {
        moved = send_waiting(client);
        moved |= read_waiting(client);
    }
    bool deaf = client->fault != CLIENT_FINE || client->ended || client->in_len == sizeof client->in;
    struct pollfd fds[2] = {{.fd = deaf && !client->wants_write ? -1 : client->fd, .events = deaf ? 0 : POLLIN},
                            {.fd = input, .events = POLLIN}};
    if (client->wants_write)
        fds[0].events |= POLLOUT;
    bool over = client->fault != CLIENT_FINE || client->ended;
    if (poll(fds, 2, moved || over ? 0 : milliseconds) < 0)
        return false; /* a signal; whoever called comes back */
    return fds[1].revents != 0;
}

/* ---- lines ---- */

/* The fingerprint of our own certificate as the registry grants it, 64 hex digits. */
static void write_fingerprint(const struct client *client, char out[65])
{
    const X509 *own = SSL_get_certificate(client->ssl);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    out[0] = '\0';
    if (own && X509_digest(own, EVP_sha256(), hash, &len) == 1)
        for (unsigned i = 0; i < len && i < 32; i++)
            snprintf(out + i * 2, 3, "%02x", hash[i]);
}

/* The daemon's last word: the reason it ends the connection. The daemon says it in a language of its own choice, since
 * nobody has told it ours yet; so the text is ours, by the code, where that is known. */
static void take_bye(struct client *client, const struct answer *bye)
{
    static const char *const later[] = {"limit", "idle", "draining", "database"};
    struct slice code = answer_field(bye, "code"), text = answer_field(bye, "text");
    const struct proto_reply *reply = code.at ? proto_reply(STATUS_BYE, code) : NULL;
    enum client_fault fault = CLIENT_REFUSED;
    char why[512], fingerprint[65];
    for (size_t i = 0; i < COUNT(later); i++)
        if (slice_is(code, later[i]))
            fault = CLIENT_LATER;
    if (reply)
        text = slice_of(client->lang == TEXT_NL ? reply->nl : reply->en);
    int len = snprintf(why, sizeof why, "%.*s (BYE %.*s)", (int)text.len, text.at ? text.at : "", (int)code.len,
                       code.at ? code.at : "");
    write_fingerprint(client, fingerprint);
    if (slice_is(code, "not-granted") && len < (int)sizeof why)
        snprintf(why + len, sizeof why - (size_t)len, text_of(client->lang, TEXT_CLIENT_NOT_GRANTED), fingerprint);
    client_give_up(client, fault, why);
    snprintf(client->bye, sizeof client->bye, "%.*s", (int)code.len, code.at ? code.at : "");
}

int client_take(struct client *client, char line[LINE_MAX_BYTES], size_t *len)
{
    struct answer answer;
    const char *at = client->in + client->in_taken;
    if (client->fault != CLIENT_FINE)
        return 0;
    switch (line_take(at, client->in_len - client->in_taken, len)) {
    case LINE_PART:
        return 0;
    case LINE_BAD:
        client_give_up(client, CLIENT_PROTOCOL, text_of(client->lang, TEXT_CLIENT_PROTOCOL));
        return 0;
    case LINE_WHOLE:
        break;
    }
    memcpy(line, at, *len);
    line[*len] = '\0'; /* in place of its LF */
    client->in_taken += *len + 1;
    if (*len > 6 && memcmp(line, "* BYE ", 6) == 0 && answer_read(line, *len, &answer) == 0) {
        take_bye(client, &answer);
        return 0;
    }
    return 1;
}

bool client_ended(const struct client *client)
{
    return client->ended && client->in_taken == client->in_len;
}

/* ---- a question and its answer ---- */

int client_wait(struct client *client, char line[LINE_MAX_BYTES], size_t *len, time_t seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const time_t end = now.tv_sec + seconds;
    while (client_take(client, line, len) == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (client->fault == CLIENT_FINE && (client->ended || now.tv_sec >= end))
            client_give_up(client, CLIENT_LOST,
                           text_of(client->lang, client->ended ? TEXT_CLIENT_ENDED : TEXT_CLIENT_SILENT));
        if (client->fault != CLIENT_FINE)
            return -1;
        client_step(client, -1, 1000);
    }
    return 0;
}

int client_ask(struct client *client, const char *request, size_t request_len,
               void (*row)(void *own, const struct answer *answer), void *own, char line[LINE_MAX_BYTES],
               struct answer *status)
{
    size_t len;
    if (client_write(client, request, request_len) != request_len)
        client_give_up(client, CLIENT_LOST, text_of(client->lang, TEXT_CLIENT_SILENT));
    for (;;) {
        if (client_wait(client, line, &len, ANSWER_SECONDS) < 0)
            return -1;
        if (answer_read(line, len, status) < 0) {
            client_give_up(client, CLIENT_PROTOCOL, text_of(client->lang, TEXT_CLIENT_PROTOCOL));
            return -1;
        }
        if (answer_is_status(status))
            return 0;
        if (status->kind == ANSWER_ROW && row)
            row(own, status);
    }
}
