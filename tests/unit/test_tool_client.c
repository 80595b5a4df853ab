/* The client and its way of sending, against a small server in a process of its own that speaks lines from a script:
 * over loopback, with certificates made by `buurtaal ca`. */
#define _GNU_SOURCE
#include "tool_client.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "tool_authority.h"
#include "tool_sending.h"

#define SECONDS_MOST 60
#define HEAD_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What the server does on each connection. */
struct script {
    const char *first; /* its first line; NULL: a greeting */
    size_t answers;    /* after so many it hangs up without a word; 0: never. On the first connection only */
    size_t busy;       /* this request and those behind it are answered BUSY. On the first connection only; 0: none */
    size_t padding;    /* bytes of text in each answer */
    const char *host;  /* the server's certificate: server, other */
};

static char folder[] = "/tmp/buurtaal-client-XXXXXX";

static const char *path(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *to = paths[turn++ % 4];
    snprintf(to, sizeof paths[0], "%s/%s", folder, name);
    return to;
}

/* ---- the server; it runs in a process of its own and ends with it ---- */

static void say(SSL *ssl, const char *line)
{
    if (SSL_write(ssl, line, (int)strlen(line)) <= 0)
        _exit(0); /* the client has gone: it says what the test is about */
}

static void answer(SSL *ssl, const struct script *script, const char *line, bool busy, bool repeated)
{
    char text[LINE_MAX_BYTES], padding[4096] = "";
    unsigned tag = 0;
    const char *at = strstr(line, "tag=");
    if (at)
        tag = (unsigned)strtoul(at + 4, NULL, 10);
    memset(padding, 'x', script->padding);
    if (strncmp(line, "heads", 5) == 0)
        say(ssl, "= log=5 head=" HEAD_A "\nOK rows=1 log=9\n");
    else if (!at)
        say(ssl, "OK\n");
    else {
        snprintf(text, sizeof text, busy ? "BUSY overload tag=%u retry=1 text=x%s\n" : "OK tag=%u log=1 text=x%s%s\n",
                 tag, padding, repeated ? " repeated=yes" : "");
        say(ssl, text);
    }
}

static void serve_one(SSL *ssl, const struct script *script, bool first)
{
    static char bytes[LINE_MAX_BYTES];
    size_t len = 0, count = 0;
    say(ssl, script->first
                 ? script->first
                 : "* buurtaal 1 server=test party=25LU role=roc max-line=8192 window=256 cert-days=211 log=9 "
                   "head=" HEAD_B " time=2027-04-02T10:11:12.5+02:00\n");
    for (int got; !script->first && (got = SSL_read(ssl, bytes + len, (int)(sizeof bytes - len))) > 0;) {
        len += (size_t)got;
        for (char *end; (end = memchr(bytes, '\n', len));) {
            *end = '\0';
            count++;
            answer(ssl, script, bytes, first && script->busy && count >= script->busy, !first);
            len -= (size_t)(end + 1 - bytes);
            memmove(bytes, end + 1, len);
            if (first && count == script->answers)
                return; /* without close_notify: what else was sent is lost */
        }
    }
    SSL_shutdown(ssl);
}

static void serve(int listening, const struct script *script)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    char certificate[32], key[32];
    snprintf(certificate, sizeof certificate, "%s.pem", script->host);
    snprintf(key, sizeof key, "%s.key", script->host);
    signal(SIGPIPE, SIG_IGN);
    alarm(SECONDS_MOST);
    if (!context || SSL_CTX_use_certificate_chain_file(context, path(certificate)) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, path(key), SSL_FILETYPE_PEM) != 1)
        _exit(1);
    for (int fd, n = 0; (fd = accept(listening, NULL, NULL)) >= 0; n++) {
        SSL *ssl = SSL_new(context);
        if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1)
            serve_one(ssl, script, n == 0);
        SSL_free(ssl);
        close(fd);
    }
    _exit(1);
}

struct server {
    pid_t pid;
    struct profile *profile;
};

static void start(struct server *server, const struct script *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct tool tool = {.lang = TEXT_EN, .lang_given = true, .profile = path("test.conf")};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 8), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        serve(listening, script);
    close(listening);
    FILE *file = fopen(tool.profile, "w");
    assert_non_null(file);
    fprintf(file, "host = 127.0.0.1\nport = %d\nca = ca.pem\ncertificate = client.pem\nkey = client.key\n",
            ntohs(address.sin_port));
    assert_int_equal(fclose(file), 0);
    server->profile = profile_load(&tool);
    assert_non_null(server->profile);
}

static void stop(struct server *server)
{
    int status;
    profile_free(server->profile);
    kill(server->pid, SIGKILL);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
}

/* ---- sending ---- */

struct sent {
    size_t answered, repeated;
    size_t times[1000];
};

static unsigned tag(void *own, size_t i)
{
    (void)own;
    return (unsigned)i + 2;
}

static size_t make(void *own, size_t i, char line[LINE_MAX_BYTES])
{
    return (size_t)snprintf(line, LINE_MAX_BYTES, "register tag=%u session=S student=1\n", tag(own, i));
}

static void answered(void *own, size_t i, const struct answer *line)
{
    struct sent *sent = own;
    sent->answered++;
    sent->times[i]++;
    sent->repeated += answer_field(line, "repeated").at != NULL;
}

/* Sends 1000 requests; each must get one answer. How many came from a later connection. */
static size_t send_all(const struct script *script)
{
    struct server server;
    struct sent sent = {.answered = 0};
    const struct sending sending = {
        .count = COUNT(sent.times), .own = &sent, .tag = tag, .make = make, .answered = answered};
    start(&server, script);
    assert_int_equal(sending_run(server.profile, &sending), EX_OK);
    stop(&server);
    for (size_t i = 0; i < COUNT(sent.times); i++)
        assert_int_equal(sent.times[i], 1);
    return sent.repeated;
}

static void all_are_answered_once(void **state)
{
    (void)state;
    assert_int_equal(send_all(&(struct script){.host = "server"}), 0);
}

static void answers_are_read_while_it_sends(void **state)
{
    (void)state;
    assert_int_equal(send_all(&(struct script){.host = "server", .padding = 4000}), 0);
}

static void what_a_lost_connection_left_is_sent_again(void **state)
{
    (void)state;
    /* A hundred were answered, but what had come and was not read yet may be gone with the connection. */
    size_t again = send_all(&(struct script){.host = "server", .answers = 101});
    assert_in_range(again, 900, 1000);
}

static void busy_is_sent_again(void **state)
{
    (void)state;
    /* On the same connection all is BUSY from then on, until the server is asked anew: it gives up and says so. */
    struct server server;
    struct sent sent = {.answered = 0};
    const struct sending sending = {.count = 10, .own = &sent, .tag = tag, .make = make, .answered = answered};
    start(&server, &(struct script){.host = "server", .busy = 5, .answers = 12});
    /* Four are answered, then BUSY; the server hangs up after twelve lines and answers the rest on the next one. */
    assert_int_equal(sending_run(server.profile, &sending), EX_OK);
    stop(&server);
    assert_int_equal(sent.answered, 10);
    assert_int_equal(sent.repeated, 7);
}

/* ---- opening ---- */

static void open_one(const struct script *script, enum client_fault fault, const char *why)
{
    struct server server;
    start(&server, script);
    struct client *client = client_open(server.profile);
    if (client_fault(client) != fault || !strstr(client_why(client), why))
        fail_msg("fault %d: %s", client_fault(client), client_why(client));
    client_close(client);
    stop(&server);
}

static void a_server_that_will_not_have_us(void **state)
{
    (void)state;
    open_one(&(struct script){.host = "server"}, CLIENT_FINE, "");
    /* The text is ours, in our language; what the daemon says where we do not know the code. */
    char certificate[128], fingerprint[65], granting[256];
    snprintf(certificate, sizeof certificate, "%s", path("client.pem"));
    assert_int_equal(authority_fingerprint(&(struct tool){.lang = TEXT_EN}, certificate, fingerprint), 0);
    snprintf(granting, sizeof granting,
             "is not admitted here; the administrator can do that. (BYE not-granted); the "
             "fingerprint of your certificate is %s",
             fingerprint);
    open_one(&(struct script){.host = "server", .first = "* BYE code=not-granted text=\"vraag hem\"\n"}, CLIENT_REFUSED,
             granting);
    open_one(&(struct script){.host = "server", .first = "* BYE code=draining text=later\n"}, CLIENT_LATER,
             "This server is stopping");
    open_one(&(struct script){.host = "server", .first = "* BYE code=new text=\"ask him\"\n"}, CLIENT_REFUSED,
             "ask him");
    open_one(&(struct script){.host = "server", .first = "220 mail.example ESMTP\n"}, CLIENT_PROTOCOL, "");
    open_one(&(struct script){.host = "server", .first = "* buurtaal \x1b[2J\n"}, CLIENT_PROTOCOL, "");
    open_one(&(struct script){.host = "other"}, CLIENT_UNTRUSTED, "");
}

static void a_log_that_went_back_is_noticed(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {{"", "log=9 head=" HEAD_B},                      /* remembered */
                {"log=5 head=" HEAD_A, "log=9 head=" HEAD_B},    /* the registry still has it */
                {"log=5 head=" HEAD_B, "log=5 head=" HEAD_B},    /* it has another: kept, to complain again */
                {"log=9 head=" HEAD_A, "log=9 head=" HEAD_A},    /* the same */
                {"log=10 head=" HEAD_A, "log=10 head=" HEAD_A}}; /* it has not come so far */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[128] = "";
        FILE *file = fopen(path("test.seen"), "w");
        assert_non_null(file);
        fprintf(file, "%s\n", rows[i].before);
        assert_int_equal(fclose(file), 0);
        open_one(&(struct script){.host = "server"}, CLIENT_FINE, "");
        file = fopen(path("test.seen"), "r");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof line, file));
        fclose(file);
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, rows[i].after);
    }
}

/* ---- certificates ---- */

static int make_certificates(void **state)
{
    const struct certificate_wish server = {.name = "server", .hosts = {"localhost", "127.0.0.1"}, .days = 2},
                                  other = {.name = "other", .hosts = {"192.0.2.1"}, .days = 2},
                                  client = {.name = "client", .days = 2};
    const struct tool tool = {.lang = TEXT_EN, .quiet = true};
    char print[65];
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return mkdtemp(folder) && authority_init(&tool, folder, "Test CA", 2, print) == 0 &&
                   authority_issue(&tool, folder, &server, print) == 0 &&
                   authority_issue(&tool, folder, &other, print) == 0 &&
                   authority_issue(&tool, folder, &client, print) == 0
               ? 0
               : -1;
}

static int remove_certificates(void **state)
{
    static const char *const names[] = {"ca", "server", "other", "client"};
    char name[32];
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(name, sizeof name, "%s.pem", names[i]);
        unlink(path(name));
        snprintf(name, sizeof name, "%s.key", names[i]);
        unlink(path(name));
    }
    unlink(path("crl.pem"));
    unlink(path("index"));
    unlink(path("test.conf"));
    unlink(path("test.seen"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_answered_once),
        cmocka_unit_test(answers_are_read_while_it_sends),
        cmocka_unit_test(what_a_lost_connection_left_is_sent_again),
        cmocka_unit_test(busy_is_sent_again),
        cmocka_unit_test(a_server_that_will_not_have_us),
        cmocka_unit_test(a_log_that_went_back_is_noticed),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
