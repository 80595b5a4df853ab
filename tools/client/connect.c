/* How a connection comes about: the profile's files, the host by name, TLS 1.3 both ways, the greeting, and whether the
 * registry's log still holds what was seen of it before.
 *
 * Rules: the registry must prove that it is the host of the profile, by a certificate of the profile's CA. */
#define _GNU_SOURCE
#include "tool_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool_credentials.h"
#include "tool_memory.h"

#define CONNECT_SECONDS 10
#define GREETING_SECONDS 30
#define WINDOW_LEAST 1
#define WINDOW_MOST 4096
#define SOON_DAYS 30
#define VERSION "1" /* of the protocol */

static int give_up(struct client *client, enum client_fault fault, enum text_id id, const char *of, const char *reason)
{
    char why[512];
    snprintf(why, sizeof why, text_of(client->lang, id), of, reason);
    client_give_up(client, fault, why);
    return -1;
}

/* ---- the profile's files ---- */

/* OpenSSL would ask the terminal for the pass phrase. */
static int no_pass_phrase(char *out, int size, int writing, void *unused)
{
    (void)out, (void)size, (void)writing, (void)unused;
    return -1;
}

static int load_files(struct client *client, const struct profile *profile)
{
    SSL_CTX *context = client->context;
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    if (SSL_CTX_load_verify_file(context, profile->ca) != 1)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, profile->ca, credentials_reason(client->lang));
    if (SSL_CTX_use_certificate_chain_file(context, profile->certificate) != 1)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, profile->certificate,
                       credentials_reason(client->lang));
    if (X509_check_purpose(SSL_CTX_get0_certificate(context), X509_PURPOSE_SSL_CLIENT, 0) != 1)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, profile->certificate,
                       text_of(client->lang, TEXT_REASON_NO_CLIENT));
    int closed = credentials_key_closed(profile->key);
    if (closed < 0)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, profile->key, text_reason(client->lang, errno));
    if (closed == 0)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_KEY_OPEN, profile->key, "chmod 600");
    if (SSL_CTX_use_PrivateKey_file(context, profile->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, profile->key, credentials_reason(client->lang));
    return 0;
}

/* ---- the socket ---- */

static int connect_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int fault = 0, one = 1;
    socklen_t len = sizeof fault;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        fault = errno;
        if (fault == EINPROGRESS)
            fault = poll(&ready, 1, CONNECT_SECONDS * 1000) != 1             ? ETIMEDOUT
                    : getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &len) < 0 ? errno
                                                                             : fault;
    }
    if (fault) {
        close(fd);
        errno = fault;
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only a matter of speed */
    return fd;
}

static int reach(struct client *client, const struct profile *profile)
{
    const struct addrinfo wish = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    client->stage = CLIENT_AT_NAME;
    int failure = getaddrinfo(profile->host, profile->port, &wish, &found);
    if (failure != 0)
        return give_up(client, CLIENT_UNREACHED, TEXT_CLIENT_UNREACHED, profile->host,
                       failure == EAI_SYSTEM   ? text_reason(client->lang, errno)
                       : failure == EAI_NONAME ? text_of(client->lang, TEXT_REASON_NO_NAME)
                       : failure == EAI_AGAIN  ? text_of(client->lang, TEXT_REASON_NO_DNS)
                                               : gai_strerror(failure));
    client->stage = CLIENT_AT_PORT;
    for (const struct addrinfo *at = found; at && client->fd < 0; at = at->ai_next)
        client->fd = connect_to(at);
    int fault = errno;
    freeaddrinfo(found);
    if (client->fd >= 0)
        return 0;
    char *place = memory_text("%s:%s", profile->host, profile->port);
    give_up(client, CLIENT_UNREACHED, TEXT_CLIENT_UNREACHED, place, text_reason(client->lang, fault));
    free(place);
    return -1;
}

/* ---- TLS ---- */

/* Whom the registry's certificate must name. */
static int expect_host(SSL *ssl, const char *host)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ? 0 : -1;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1 ? 0 : -1;
}

/* OpenSSL's hook, which changes nothing of its verdict: keeps whom a certificate names that is not believed. */
static int keep_hosts(int believed, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct client *client = ssl ? SSL_get_app_data(ssl) : NULL;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    if (!believed && client && certificate)
        certificate_hosts(certificate, client->hosts, sizeof client->hosts);
    return believed;
}

static int make_tls(struct client *client, const struct profile *profile)
{
    ERR_clear_error();
    client->context = SSL_CTX_new(TLS_client_method());
    if (!client->context || SSL_CTX_set_min_proto_version(client->context, TLS1_3_VERSION) != 1)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, "TLS 1.3", credentials_reason(client->lang));
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, keep_hosts);
    SSL_CTX_set_mode(client->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (load_files(client, profile) < 0)
        return -1;
    client->ssl = SSL_new(client->context);
    if (!client->ssl || SSL_set_app_data(client->ssl, client) != 1 || expect_host(client->ssl, profile->host) < 0)
        return give_up(client, CLIENT_SETTINGS, TEXT_CLIENT_FILE, profile->host, credentials_reason(client->lang));
    return 0;
}

/* Why the registry's certificate is not believed, into `out` where a name belongs in it. What people meet is in their
 * language. */
static const char *distrust(const struct client *client, const char *ca, char *out, size_t room)
{
    const enum text_lang lang = client->lang;
    switch (client->trust) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        snprintf(out, room, text_of(lang, TEXT_REASON_OTHER_HOST), client->hosts);
        return out;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return text_of(lang, TEXT_REASON_EXPIRED);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return text_of(lang, TEXT_REASON_NOT_YET);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        snprintf(out, room, text_of(lang, TEXT_REASON_OTHER_CA), ca);
        return out;
    default:
        return X509_verify_cert_error_string(client->trust);
    }
}

/* The handshake has failed: `wish` is what SSL_get_error said, `fault` the errno. */
static int tell_handshake(struct client *client, const struct profile *profile, int wish, int fault)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    client->trust = SSL_get_verify_result(client->ssl);
    if (client->trust != X509_V_OK) {
        char why[384];
        client->stage = CLIENT_AT_TRUST;
        return give_up(client, CLIENT_UNTRUSTED, TEXT_CLIENT_UNTRUSTED, profile->host,
                       distrust(client, profile->ca, why, sizeof why));
    }
    if (reason == SSL_R_WRONG_VERSION_NUMBER) /* no TLS at all */
        return give_up(client, CLIENT_PROTOCOL, TEXT_CLIENT_NOT_OURS, profile->host, profile->port);
    if (reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION || reason == SSL_R_UNSUPPORTED_PROTOCOL)
        return give_up(client, CLIENT_PROTOCOL, TEXT_CLIENT_HANDSHAKE, profile->host,
                       text_of(client->lang, TEXT_REASON_OLD_TLS));
    return give_up(client, CLIENT_LOST, TEXT_CLIENT_HANDSHAKE, profile->host,
                   wish == SSL_ERROR_WANT_READ ? text_reason(client->lang, ETIMEDOUT)
                   : wish != SSL_ERROR_SYSCALL ? credentials_reason(client->lang)
                   : fault                     ? text_reason(client->lang, fault)
                                               : text_of(client->lang, TEXT_REASON_HUNG_UP));
}

static int shake_hands(struct client *client, const struct profile *profile)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const time_t end = now.tv_sec + CONNECT_SECONDS;
    client->stage = CLIENT_AT_TLS;
    if (SSL_set_fd(client->ssl, client->fd) != 1)
        return give_up(client, CLIENT_LOST, TEXT_CLIENT_HANDSHAKE, profile->host, credentials_reason(client->lang));
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_connect(client->ssl), fault = errno;
        if (result == 1)
            return 0;
        int wish = SSL_get_error(client->ssl, result);
        struct pollfd ready = {.fd = client->fd, .events = wish == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN};
        clock_gettime(CLOCK_MONOTONIC, &now);
        bool waits = wish == SSL_ERROR_WANT_READ || wish == SSL_ERROR_WANT_WRITE;
        if (!waits || now.tv_sec >= end)
            return tell_handshake(client, profile, wish, fault);
        (void)poll(&ready, 1, 1000); /* a signal or a second more makes no difference */
    }
}

/* ---- the greeting ---- */

static int ask(struct client *client, struct line_writer *writer, void (*row)(void *, const struct answer *), void *own)
{
    char line[LINE_MAX_BYTES];
    struct answer status;
    size_t len = line_end(writer);
    if (client_ask(client, writer->bytes, len, row, own, line, &status) < 0)
        return -1;
    return status.kind == ANSWER_OK ? 1 : 0;
}

static void keep_head(void *own, const struct answer *row)
{
    struct slice head = answer_field(row, "head");
    char *kept = own;
    if (head.len == 64)
        memcpy(kept, head.at, 64);
}

/* The registry does not hold what was seen of it. */
static void tell_restored(struct client *client, const struct profile *profile, const struct profile_seen *before)
{
    char why[sizeof client->why];
    unsigned long long now = client->greeting.log, then = before->log;
    client->restored = true;
    snprintf(why, sizeof why, text_of(client->lang, now < then ? TEXT_CLIENT_SHORTER : TEXT_CLIENT_OTHER), profile->host, then,
             now);
    if (profile->examine)
        text_tell(client->lang, TEXT_PLAIN, why);
    else
        client_give_up(client, CLIENT_RESTORED, why);
}

/* Compares the registry's log with what was seen before, and remembers the newer. What another run of us has seen since
 * this greeting was written may be ahead of it: so the registry is asked, unless the numbers are the same. */
static void compare(struct client *client, const struct profile *profile)
{
    const struct client_greeting *now = &client->greeting;
    struct profile_seen before;
    char bytes[LINE_MAX_BYTES], head[65] = "";
    struct line_writer writer;
    profile_recall(profile, &before);
    if (before.log == now->log) {
        memcpy(head, now->head, sizeof head);
    } else if (before.log > 0) {
        line_begin(&writer, bytes, sizeof bytes, "heads");
        line_put_number(&writer, "log", (long long)before.log);
        if (ask(client, &writer, keep_head, head) <= 0)
            return; /* what is not known is not held against it */
    }
    if (before.log > 0 && strcmp(head, before.head) != 0) {
        tell_restored(client, profile, &before);
    } else if (now->log > before.log) {
        struct profile_seen seen = {.log = now->log};
        memcpy(seen.head, now->head, sizeof seen.head);
        if (profile_remember(profile, &seen) < 0)
            text_tell(client->lang, TEXT_CLIENT_FORGETS, profile->path, text_reason(client->lang, errno));
    }
}

static void keep(char *to, size_t room, struct slice value)
{
    snprintf(to, room, "%.*s", (int)value.len, value.at ? value.at : "");
}

/* Takes the greeting apart: `* buurtaal VERSION field=value ...`. 0, or -1 when it is none. */
static int take_greeting(struct client_greeting *greeting, char *line, size_t len)
{
    static const char begins[] = "* buurtaal ";
    struct answer answer;
    if (len < sizeof begins || memcmp(line, begins, sizeof begins - 1) != 0)
        return -1;
    const char *version = line + sizeof begins - 1;
    keep(greeting->version, sizeof greeting->version, (struct slice){version, strcspn(version, " ")});
    if (answer_read(line, len, &answer) < 0)
        return -1;
    struct slice head = answer_field(&answer, "head");
    keep(greeting->server, sizeof greeting->server, answer_field(&answer, "server"));
    keep(greeting->party, sizeof greeting->party, answer_field(&answer, "party"));
    keep(greeting->role, sizeof greeting->role, answer_field(&answer, "role"));
    keep(greeting->time, sizeof greeting->time, answer_field(&answer, "time"));
    struct slice days = answer_field(&answer, "cert-days");
    greeting->days = days.at ? slice_number(days) : UINT64_MAX;
    greeting->window = slice_number(answer_field(&answer, "window"));
    if (head.len == 64) {
        greeting->log = slice_number(answer_field(&answer, "log"));
        keep(greeting->head, sizeof greeting->head, head);
    }
    return 0;
}

static int read_greeting(struct client *client, const struct profile *profile)
{
    struct client_greeting *greeting = &client->greeting;
    char line[LINE_MAX_BYTES];
    size_t len;
    client->stage = CLIENT_AT_GREETING;
    if (client_wait(client, line, &len, GREETING_SECONDS) < 0)
        return -1;
    if (take_greeting(greeting, line, len) < 0)
        return give_up(client, CLIENT_PROTOCOL, TEXT_CLIENT_NOT_OURS, profile->host, profile->port);
    client->stage = CLIENT_AT_VERSION;
    if (strcmp(greeting->version, VERSION) != 0)
        return give_up(client, CLIENT_PROTOCOL, TEXT_CLIENT_VERSION, profile->host, greeting->version);
    client->stage = CLIENT_READY;
    client->window = greeting->window < WINDOW_LEAST  ? WINDOW_LEAST
                     : greeting->window > WINDOW_MOST ? WINDOW_MOST
                                                      : (unsigned)greeting->window;
    if (greeting->days < SOON_DAYS && !profile->quiet)
        text_tell(client->lang, greeting->days == 1 ? TEXT_CLIENT_EXPIRES_DAY : TEXT_CLIENT_EXPIRES,
                  profile->certificate, (unsigned long long)greeting->days);
    return 0;
}

struct client *client_open(const struct profile *profile)
{
    struct client *client = memory_get(1, sizeof *client);
    char bytes[LINE_MAX_BYTES];
    struct line_writer writer;
    client->fd = -1;
    client->lang = profile->lang;
    if (make_tls(client, profile) < 0 || reach(client, profile) < 0 || shake_hands(client, profile) < 0 ||
        read_greeting(client, profile) < 0)
        return client;
    if (client->lang != TEXT_NL) {
        line_begin(&writer, bytes, sizeof bytes, "hello");
        line_put_text(&writer, "lang", "en");
        if (ask(client, &writer, NULL, NULL) < 0)
            return client;
    }
    compare(client, profile);
    return client;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    if (client->ssl && client->fault == CLIENT_FINE && SSL_is_init_finished(client->ssl))
        (void)SSL_shutdown(client->ssl); /* a courtesy: whether it arrives changes nothing */
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    if (client->fd >= 0)
        close(client->fd);
    free(client);
}
