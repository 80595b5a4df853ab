/* Registers students as fast as a registry answers: the client's half of register-64.
 *
 *   load PORT CA CERTIFICATE KEY CONNECTIONS SECONDS WARM-UP SESSIONS RUN
 *
 * Opens CONNECTIONS connections to 127.0.0.1 over mutual TLS 1.3, each of which sends one `register` of a new student,
 * waits for its answer, and sends the next. Sessions are BENCH-1 to BENCH-SESSIONS in turn; RUN, a word, keeps the
 * students of one run apart from those of others. Counts the answers that came within SECONDS after WARM-UP seconds, and
 * prints `registrations=N seconds=S p50-ms=M p99-ms=M`. Any answer but `OK log=... state=seated` ends it with status 1.
 *
 * One thread, epoll. It is a measuring tool: what goes wrong ends it. */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define LINE_MOST 8192
#define CONNECTIONS_MOST 4096
#define LATENCY_STEP_US 50 /* the histogram's; its last step holds all that took longer */
#define LATENCY_STEPS 40000

struct connection {
    SSL *ssl;
    int fd;
    bool greeted;
    int64_t asked_us;
    size_t len;
    char bytes[LINE_MOST];
};

struct load {
    const char *run;
    int sessions;
    uint64_t students; /* asked for so far */
    uint64_t answers;  /* counted: within the time that is measured */
    size_t greeted, waiting;
    int64_t begin_us, end_us; /* the time that is measured; 0: not all are greeted yet */
    uint32_t latency[LATENCY_STEPS];
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static _Noreturn void die_tls(const char *what)
{
    ERR_print_errors_fp(stderr);
    errx(1, "%s", what);
}

static SSL_CTX *make_context(const char *ca, const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_load_verify_locations(context, ca, NULL) != 1 ||
        SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        die_tls("setting up TLS");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

/* Connects and shakes hands, blocking; non-blocking from then on. */
static void open_connection(struct connection *connection, SSL_CTX *context, int port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "connect");
    if (setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        err(1, "TCP_NODELAY");
    connection->ssl = SSL_new(context);
    if (!connection->ssl || SSL_set_fd(connection->ssl, connection->fd) != 1 || SSL_connect(connection->ssl) != 1)
        die_tls("the handshake");
    if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) < 0)
        err(1, "O_NONBLOCK");
}

/* Asks for the next student. A line is far smaller than a socket's buffer, so it is written at once or not at all. */
static void ask(struct load *load, struct connection *connection)
{
    char line[256];
    uint64_t n = ++load->students;
    int len = snprintf(line, sizeof(line),
                       "register session=BENCH-%d student=%s-%llu name=\"van der Graaf-%llu, Jacobus Adrianus\" "
                       "born=2008-%02d-%02d\n",
                       (int)(n % (uint64_t)load->sessions) + 1, load->run, (unsigned long long)n, (unsigned long long)n,
                       (int)(n % 12) + 1, (int)(n % 28) + 1);
    connection->asked_us = now_us();
    if (SSL_write(connection->ssl, line, len) != len)
        die_tls("writing a line");
    load->waiting++;
}

static void count(struct load *load, const struct connection *connection)
{
    int64_t now = now_us();
    if (now < load->begin_us || now >= load->end_us)
        return;
    int64_t step = (now - connection->asked_us) / LATENCY_STEP_US;
    load->answers++;
    load->latency[step < LATENCY_STEPS ? step : LATENCY_STEPS - 1]++;
}

/* One line has come. */
static void take_line(struct load *load, struct connection *connection, const char *line)
{
    if (!connection->greeted) {
        if (strncmp(line, "* buurtaal 1 ", 13) != 0)
            errx(1, "not a greeting: %s", line);
        connection->greeted = true;
        load->greeted++;
        return;
    }
    if (strncmp(line, "OK log=", 7) != 0 || !strstr(line, " state=seated"))
        errx(1, "not what was to be measured: %s", line);
    load->waiting--;
    count(load, connection);
    if (connection->asked_us < load->end_us && now_us() < load->end_us)
        ask(load, connection);
}

static void read_lines(struct load *load, struct connection *connection)
{
    for (;;) {
        int n = SSL_read(connection->ssl, connection->bytes + connection->len, (int)(LINE_MOST - connection->len));
        if (n <= 0) {
            if (SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_READ)
                return;
            die_tls("the connection ended");
        }
        connection->len += (size_t)n;
        char *end;
        while ((end = memchr(connection->bytes, '\n', connection->len))) {
            *end = '\0';
            take_line(load, connection, connection->bytes);
            connection->len -= (size_t)(end + 1 - connection->bytes);
            memmove(connection->bytes, end + 1, connection->len);
        }
        if (connection->len == LINE_MOST)
            errx(1, "a line is too long");
    }
}

/* Waits for what comes, and reads it. */
static void turn(struct load *load, int poll)
{
    struct epoll_event events[64];
    int n = epoll_wait(poll, events, 64, 10000);

    if (n == 0)
        errx(1, "no answer for 10 s");
    if (n < 0)
        err(1, "epoll_wait");
    for (int i = 0; i < n; i++)
        read_lines(load, events[i].data.ptr);
}

/* The time below which a share of the answers came, in ms. */
static double percentile(const struct load *load, double share)
{
    uint64_t seen = 0;
    size_t step = 0;

    while (step < LATENCY_STEPS - 1 && (double)(seen += load->latency[step]) < share * (double)load->answers)
        step++;
    return (double)(step + 1) * LATENCY_STEP_US / 1000.0;
}

static int number(const char *text, int least, int most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < least || value > most)
        errx(64, "%s: not a number from %d to %d", text, least, most);
    return (int)value;
}

int main(int argc, char **argv)
{
    if (argc != 10)
        errx(64, "usage: load PORT CA CERTIFICATE KEY CONNECTIONS SECONDS WARM-UP SESSIONS RUN");
    int connections = number(argv[5], 1, CONNECTIONS_MOST), seconds = number(argv[6], 1, 3600);
    int warm_up = number(argv[7], 0, 3600);
    struct load *load = calloc(1, sizeof(*load));
    struct connection *all = calloc((size_t)connections, sizeof(*all));
    if (!load || !all)
        err(1, "calloc");
    load->sessions = number(argv[8], 1, 1000);
    load->run = argv[9];
    SSL_CTX *context = make_context(argv[2], argv[3], argv[4]);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0)
        err(1, "epoll_create1");
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        open_connection(&all[i], context, number(argv[1], 1, 65535));
        if (epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event) < 0)
            err(1, "epoll_ctl");
        read_lines(load, &all[i]); /* what came with the handshake wakes nobody */
    }
    while (load->greeted < (size_t)connections)
        turn(load, poll);
    load->begin_us = now_us() + (int64_t)warm_up * 1000000;
    load->end_us = load->begin_us + (int64_t)seconds * 1000000;
    for (int i = 0; i < connections; i++)
        ask(load, &all[i]);
    while (load->waiting > 0)
        turn(load, poll);
    printf("registrations=%llu seconds=%d p50-ms=%.2f p99-ms=%.2f\n", (unsigned long long)load->answers, seconds,
           percentile(load, 0.50), percentile(load, 0.99));
    for (int i = 0; i < connections; i++) {
        (void)SSL_shutdown(all[i].ssl);
        SSL_free(all[i].ssl);
        close(all[i].fd);
    }
    SSL_CTX_free(context);
    free(all);
    free(load);
    return 0;
}
