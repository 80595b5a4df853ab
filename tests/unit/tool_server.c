#define _GNU_SOURCE
#include "tool_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "line.h"
#include "tool_authority.h"

#define SECONDS_MOST 60

static char folder[] = "/tmp/buurtaal-client-XXXXXX";

const char *server_path(const char *name)
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

/* A connection, and the block that is open on it. */
struct talk {
    SSL *ssl;
    const struct script *script;
    bool first, in_block, over;
    size_t count; /* lines that came */
    size_t lines; /* of the block */
    unsigned tags[5001];
};

static void answer_line(struct talk *talk, unsigned tag, bool busy)
{
    char text[LINE_MAX_BYTES], padding[4096] = "";
    memset(padding, 'x', talk->script->padding);
    snprintf(text, sizeof text, busy ? "BUSY overload tag=%u retry=1 text=x%s\n" : "OK tag=%u log=1 text=x%s%s\n", tag,
             padding, talk->first ? "" : " repeated=yes");
    say(talk->ssl, text);
}

static void answer_block(struct talk *talk)
{
    char text[128];
    for (size_t i = 0; i < talk->lines; i++) {
        if (talk->first && talk->script->told && i == talk->script->told) {
            talk->over = true;
            return;
        }
        answer_line(talk, talk->tags[i], false);
    }
    snprintf(text, sizeof text, "OK accepted=%zu refused=0 plan=%s log=7\n", talk->lines, HEAD_A);
    say(talk->ssl, text);
    talk->in_block = false;
}

static void answer(struct talk *talk, const char *line)
{
    const struct script *script = talk->script;
    const char *at = strstr(line, "tag=");
    unsigned tag = at ? (unsigned)strtoul(at + 4, NULL, 10) : 0;
    bool busy = talk->first && script->busy && talk->count >= script->busy;
    if (strcmp(line, "commit") == 0) {
        answer_block(talk);
    } else if (talk->in_block) {
        talk->tags[talk->lines++ % COUNT(talk->tags)] = tag;
    } else if (strncmp(line, "begin", 5) == 0) {
        talk->in_block = !script->no_blocks && !busy;
        talk->lines = 0;
        say(talk->ssl, script->no_blocks ? "BAD verb text=x\n" : busy ? "BUSY memory retry=1 text=x\n" : "OK\n");
    } else if (strncmp(line, "heads", 5) == 0) {
        say(talk->ssl, strcmp(line, "heads log=5") == 0 ? "= log=5 head=" HEAD_A "\nOK rows=1 log=9\n" : "OK rows=0 log=9\n");
    } else if (!at) {
        say(talk->ssl, "OK\n");
    } else if (!script->deaf) {
        answer_line(talk, tag, busy);
    }
}

static void serve_one(SSL *ssl, const struct script *script, bool first)
{
    static char bytes[LINE_MAX_BYTES];
    static struct talk talk;
    size_t len = 0;
    talk = (struct talk){.ssl = ssl, .script = script, .first = first};
    say(ssl, script->first
                 ? script->first
                 : "* buurtaal 1 server=test party=25LU role=roc max-line=8192 window=256 cert-days=211 log=9 "
                   "head=" HEAD_B " time=2027-04-02T10:11:12.5+02:00\n");
    for (int got; !script->first && (got = SSL_read(ssl, bytes + len, (int)(sizeof bytes - len))) > 0;) {
        len += (size_t)got;
        for (char *end; (end = memchr(bytes, '\n', len));) {
            *end = '\0';
            talk.count++;
            answer(&talk, bytes);
            len -= (size_t)(end + 1 - bytes);
            memmove(bytes, end + 1, len);
            if (talk.over || (first && talk.count == script->answers))
                return; /* without close_notify: what else was sent is lost */
        }
    }
    while (script->deaf)
        pause(); /* the end of the client's side is heard no more than the rest */
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
    if (!context || SSL_CTX_use_certificate_chain_file(context, server_path(certificate)) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, server_path(key), SSL_FILETYPE_PEM) != 1)
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

void server_start(struct server *server, const struct script *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct tool tool = {.lang = TEXT_EN, .lang_given = true, .profile = server_path("test.conf")};
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

void server_stop(struct server *server)
{
    int status;
    profile_free(server->profile);
    kill(server->pid, SIGKILL);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
}

/* ---- certificates ---- */

int server_make_certificates(void **state)
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

int server_remove_certificates(void **state)
{
    static const char *const names[] = {"ca", "server", "other", "client"};
    char name[32];
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(name, sizeof name, "%s.pem", names[i]);
        unlink(server_path(name));
        snprintf(name, sizeof name, "%s.key", names[i]);
        unlink(server_path(name));
    }
    unlink(server_path("crl.pem"));
    unlink(server_path("index"));
    unlink(server_path("test.conf"));
    unlink(server_path("test.seen"));
    return rmdir(folder);
}
