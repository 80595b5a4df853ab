/* One TLS connection over a non-blocking socket, as a stream of bytes.
 *
 * Each stream has four events, assigned once: the socket is readable, it is writable, its time is over, and `turn`,
 * which has the sockets' priority and is made active by hand, so that libevent runs it behind the sockets that are
 * ready. All output, the word CLOSED and the freeing wait for `turn`; so nothing is told from within a call of the
 * owner.
 *
 * Rules: OpenSSL's queue of errors is cleared before each call, since everybody shares it. OpenSSL reads no further
 * than the record at hand, and the buffer here takes the largest record whole: it never holds back bytes that the
 * socket would not announce, and the event of a socket that is left readable comes again. No buffer is kept for a
 * stream that is idle. A TCP connection that ends without close_notify was cut: that is never the peer's end.
 *
 * Limits: 64 kB read and 64 kB written a turn, so that nobody starves others; 16 messages of TLS in a row that are not
 * data (new keys, asking to begin again). */
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "clock.h"
#include "tls.h"

#define RECORD_MOST SSL3_RT_MAX_PLAIN_LENGTH /* bytes of data in a record: 16 kB */
#define TURN_MOST ((size_t)4 * RECORD_MOST)  /* bytes read, or written, a turn */
#define RECORDS_A_TURN 64                    /* however small */
#define UNSENT_LOW ((size_t)2 * RECORD_MOST) /* below it, reading that was refused may go on */
#define MESSAGES_MOST 16                     /* of TLS, without data in between */
#define LINGER_SECONDS 2

enum stream_state {
    STREAM_HANDSHAKE, /* agreeing on TLS, until `timer` runs out; nothing of the owner's is sent */
    STREAM_OPEN,      /* bytes go both ways */
    STREAM_FINISHING, /* the owner is done: what is left of the output is being sent, then close_notify; input is lost
                       */
    STREAM_LINGERING, /* nothing more is sent; input is lost, until the peer's end or until `timer` runs out */
    STREAM_ENDED,     /* the socket is closed; `turn` tells CLOSED */
    STREAM_TOLD,      /* `turn` frees it */
};

struct stream {
    struct tls *tls;
    SSL *ssl;
    struct event readable, writable, timer, turn;
    struct evbuffer *input, *output;
    stream_callback *callback;
    void *owner;
    int fd;
    enum stream_state state;
    bool reading;    /* what the owner last asked for */
    bool peer_ended; /* by close_notify while OPEN; later by whatever */
    int blocked;     /* sending waits: SSL_ERROR_WANT_WRITE for `writable`, _READ for `readable`; 0: it does not */
    bool send_first; /* OpenSSL has something of its own to send before it can read on */
    int messages;    /* of TLS, since the last data */
    int64_t progress;
    struct stream_peer peer;
    char reason[96];
};

static void set_state(struct stream *stream, enum stream_state state)
{
    stream->state = state;
}

/* ---- the end ---- */

static void give_reason(struct stream *stream, const char *reason)
{
    snprintf(stream->reason, sizeof stream->reason, "%s", reason);
}

/* Closes the socket; `turn` tells it. `reason` NULL: it was given. */
static void end(struct stream *stream, const char *reason)
{
    if (stream->state >= STREAM_ENDED)
        return;
    if (reason)
        give_reason(stream, reason);
    set_state(stream, STREAM_ENDED);
    event_del(&stream->readable);
    event_del(&stream->writable);
    event_del(&stream->timer);
    close(stream->fd);
    event_active(&stream->turn, EV_TIMEOUT, 0);
}

static void destroy(struct stream *stream)
{
    event_del(&stream->turn);
    SSL_free(stream->ssl);
    tls_release(stream->tls);
    if (stream->input)
        evbuffer_free(stream->input);
    if (stream->output)
        evbuffer_free(stream->output);
    free(stream);
}

/* Puts the failure of the last call to OpenSSL in words. */
static void explain(struct stream *stream, int fault, int error)
{
    unsigned long first = ERR_peek_error();
    const char *words = ERR_reason_error_string(first);
    if (fault == SSL_ERROR_SYSCALL && error != 0)
        give_reason(stream, error == ECONNRESET || error == EPIPE ? "reset" : strerror(error));
    else if (fault == SSL_ERROR_SYSCALL || fault == SSL_ERROR_ZERO_RETURN ||
             (ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        give_reason(stream, stream->state == STREAM_HANDSHAKE ? "peer closed" : "cut off");
    else
        snprintf(stream->reason, sizeof stream->reason, "tls: %s", words ? words : "failed");
}

/* What the last call to OpenSSL, which failed, waits for: SSL_ERROR_WANT_READ, _WRITE, SSL_ERROR_ZERO_RETURN, or 0 when
 * it is over with the connection, for the reason that is then given. */
static int ask_fault(struct stream *stream, int result, int error)
{
    int fault = SSL_get_error(stream->ssl, result);
    if (fault == SSL_ERROR_WANT_READ || fault == SSL_ERROR_WANT_WRITE)
        return fault;
    explain(stream, fault, error);
    return fault == SSL_ERROR_ZERO_RETURN ? fault : 0;
}

/* ---- which events are wanted ---- */

/* Half a message of TLS that is not data makes OpenSSL read before it sends, and whether or not the owner reads. */
static bool wants_readable(const struct stream *stream)
{
    switch (stream->state) {
    case STREAM_HANDSHAKE:
        return !stream->send_first;
    case STREAM_OPEN:
        return (stream->reading && !stream->peer_ended) || stream->blocked == SSL_ERROR_WANT_READ;
    case STREAM_FINISHING:
    case STREAM_LINGERING:
        return !stream->peer_ended;
    case STREAM_ENDED:
    case STREAM_TOLD:
        break;
    }
    return false;
}

static bool wants_writable(const struct stream *stream)
{
    if (stream->state >= STREAM_LINGERING)
        return false;
    return stream->blocked == SSL_ERROR_WANT_WRITE || (stream->send_first && stream->reading);
}

/* Has the loop wait for what the state calls for. */
static void arm(struct stream *stream)
{
    if (stream->state >= STREAM_ENDED)
        return;
    int readable = wants_readable(stream) ? event_add(&stream->readable, NULL) : event_del(&stream->readable);
    int writable = wants_writable(stream) ? event_add(&stream->writable, NULL) : event_del(&stream->writable);
    if (readable < 0 || writable < 0)
        end(stream, "out of memory");
}

static void set_timer(struct stream *stream, int seconds)
{
    if (event_add(&stream->timer, &(struct timeval){.tv_sec = seconds}) < 0)
        end(stream, "out of memory");
}

/* ---- output ---- */

/* After a call to OpenSSL that sends: waits for what it wants, or ends. */
static void wait_to_send(struct stream *stream, int fault)
{
    if (fault == SSL_ERROR_WANT_READ || fault == SSL_ERROR_WANT_WRITE)
        stream->blocked = fault;
    else
        end(stream, NULL);
}

/* Sends what is in the output, a record at a time, up to the turn's measure. A record that the socket did not take
 * whole is in OpenSSL's hands; it is offered again with the same bytes in front, which is all that OpenSSL asks for. */
static void send_output(struct stream *stream)
{
    uint8_t record[RECORD_MOST];
    size_t left = TURN_MOST, len, sent;
    bool was_blocked = stream->blocked != 0;
    stream->blocked = 0;
    while ((len = evbuffer_get_length(stream->output)) > 0) {
        if (left == 0) {
            stream->blocked = SSL_ERROR_WANT_WRITE; /* the others first */
            break;
        }
        len = len < sizeof record ? len : sizeof record;
        evbuffer_copyout(stream->output, record, len);
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(stream->ssl, record, len, &sent);
        if (result != 1) {
            wait_to_send(stream, ask_fault(stream, result, errno));
            if (!was_blocked)
                stream->progress = clock_monotonic(); /* it has begun to wait */
            break;
        }
        evbuffer_drain(stream->output, sent);
        stream->progress = clock_monotonic();
        left -= sent < left ? sent : left;
    }
}

static void send_and_tell(struct stream *stream)
{
    size_t before = evbuffer_get_length(stream->output);
    send_output(stream);
    if (stream->state != STREAM_OPEN)
        return;
    arm(stream);
    size_t after = evbuffer_get_length(stream->output);
    bool low = !stream->reading && before > UNSENT_LOW && after <= UNSENT_LOW;
    if (stream->state == STREAM_OPEN && before > 0 && (after == 0 || low))
        stream->callback(stream, STREAM_DRAINED, stream->owner);
}

/* The rest of the output, then close_notify, then our half is closed. */
static void send_last(struct stream *stream)
{
    send_output(stream);
    if (stream->state != STREAM_FINISHING)
        return;
    if (evbuffer_get_length(stream->output) == 0) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_shutdown(stream->ssl);
        if (result >= 0) {
            shutdown(stream->fd, SHUT_WR);
            set_state(stream, STREAM_LINGERING);
            if (stream->peer_ended)
                end(stream, "finished");
            else
                set_timer(stream, LINGER_SECONDS);
        } else {
            wait_to_send(stream, ask_fault(stream, result, errno));
        }
    }
    arm(stream);
}

/* ---- input ---- */

/* Takes what has come, up to the turn's measure; returns how much that was. `*fault` is what stopped it, as of
 * ask_fault, or -1 when nothing did. */
static size_t take_records(struct stream *stream, int *fault)
{
    uint8_t record[RECORD_MOST];
    size_t got = 0, len;
    *fault = -1;
    for (int i = 0; i < RECORDS_A_TURN && got < TURN_MOST; i++) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(stream->ssl, record, sizeof record, &len);
        if (result != 1) {
            *fault = ask_fault(stream, result, errno);
            break;
        }
        stream->messages = 0;
        if (evbuffer_add(stream->input, record, len) < 0) {
            give_reason(stream, "out of memory");
            *fault = 0;
            break;
        }
        got += len;
    }
    return got;
}

static void take_input(struct stream *stream)
{
    int fault;
    stream->send_first = false;
    size_t got = take_records(stream, &fault);
    if (got > 0 && evbuffer_get_length(stream->output) == 0)
        stream->progress = clock_monotonic();
    if (stream->messages > MESSAGES_MOST) {
        give_reason(stream, "tls: too many messages without data");
        fault = 0;
    }
    stream->send_first = fault == SSL_ERROR_WANT_WRITE;
    stream->peer_ended = fault == SSL_ERROR_ZERO_RETURN;
    if (got > 0)
        stream->callback(stream, STREAM_INPUT, stream->owner);
    if (stream->state >= STREAM_ENDED)
        return;
    if (fault == 0) {
        end(stream, NULL);
        return;
    }
    arm(stream);
    if (stream->peer_ended && stream->state == STREAM_OPEN)
        stream->callback(stream, STREAM_PEER_ENDED, stream->owner);
}

/* Throws away what comes, below TLS: nobody will read it any more. */
static void discard_input(struct stream *stream)
{
    char waste[RECORD_MOST];
    ssize_t got = 1;
    for (size_t left = TURN_MOST; left > 0 && got > 0; left -= (size_t)got < left ? (size_t)got : left)
        got = recv(stream->fd, waste, sizeof waste, MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
        return;
    stream->peer_ended = true;
    if (stream->state == STREAM_LINGERING)
        end(stream, "finished");
    else if (got < 0)
        end(stream, "reset");
    else
        arm(stream); /* it may still be reading what we send */
}

/* ---- handshake ---- */

static void agree(struct stream *stream)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(stream->ssl);
    if (result != 1) {
        int fault = ask_fault(stream, result, errno);
        stream->send_first = fault == SSL_ERROR_WANT_WRITE;
        if (fault == SSL_ERROR_WANT_READ || fault == SSL_ERROR_WANT_WRITE)
            arm(stream);
        else
            end(stream, NULL);
        return;
    }
    if (tls_identify(stream->ssl, &stream->peer) < 0) {
        end(stream, "out of memory");
        return;
    }
    event_del(&stream->timer);
    stream->send_first = false;
    stream->messages = 0;
    stream->progress = clock_monotonic();
    set_state(stream, STREAM_OPEN);
    arm(stream);
    if (stream->state != STREAM_OPEN)
        return;
    stream_flush(stream);
    stream->callback(stream, STREAM_READY, stream->owner);
}

/* OpenSSL calls this for each message of TLS. */
static void count_message(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    struct stream *stream = arg;
    (void)version, (void)bytes, (void)len, (void)ssl;
    if (!sent && type == SSL3_RT_HANDSHAKE)
        stream->messages++;
}

/* ---- what the loop calls ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    (void)fd, (void)what;
    switch (stream->state) {
    case STREAM_HANDSHAKE:
        agree(stream);
        break;
    case STREAM_OPEN:
        if (stream->reading && !stream->peer_ended)
            take_input(stream);
        if (stream->state == STREAM_OPEN && stream->blocked == SSL_ERROR_WANT_READ)
            send_and_tell(stream);
        break;
    case STREAM_FINISHING:
        if (stream->blocked == SSL_ERROR_WANT_READ)
            send_last(stream);
        else
            discard_input(stream);
        break;
    case STREAM_LINGERING:
        discard_input(stream);
        break;
    case STREAM_ENDED:
    case STREAM_TOLD:
        break;
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    (void)fd, (void)what;
    if (stream->state == STREAM_HANDSHAKE) {
        agree(stream);
        return;
    }
    if (stream->state == STREAM_OPEN && stream->send_first && stream->reading)
        take_input(stream);
    if (stream->state == STREAM_OPEN && stream->blocked)
        send_and_tell(stream);
    else if (stream->state == STREAM_FINISHING)
        send_last(stream);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    (void)fd, (void)what;
    end(stream, stream->state == STREAM_HANDSHAKE ? "handshake timeout" : "finished, but the peer did not end");
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    (void)fd, (void)what;
    switch (stream->state) {
    case STREAM_HANDSHAKE:
    case STREAM_LINGERING:
        break;
    case STREAM_OPEN:
        send_and_tell(stream);
        break;
    case STREAM_FINISHING:
        send_last(stream);
        break;
    case STREAM_ENDED:
        set_state(stream, STREAM_TOLD);
        event_active(&stream->turn, EV_TIMEOUT, 0);
        stream->callback(stream, STREAM_CLOSED, stream->owner);
        break;
    case STREAM_TOLD:
        destroy(stream);
        break;
    }
}

/* ---- what the owner calls ---- */

static void write_origin(int fd, char *origin, size_t room)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    snprintf(origin, room, "unknown");
    if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
        return;
    if (address.ss_family == AF_UNIX)
        snprintf(origin, room, "local");
    else if (address.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host))
        snprintf(origin, room, "%s:%u", host, ntohs(v4->sin_port));
    else if (address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
             inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host, sizeof host))
        snprintf(origin, room, "%s:%u", host, ntohs(v6->sin6_port));
    else if (address.ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host))
        snprintf(origin, room, "[%s]:%u", host, ntohs(v6->sin6_port));
}

/* Events, buffers, TLS. 0, or -1 when out of memory. */
static int prepare(struct stream *stream, struct event_base *base, struct tls *tls, int handshake_seconds)
{
    if (event_assign(&stream->turn, base, -1, 0, on_turn, stream) < 0 ||
        event_assign(&stream->timer, base, -1, 0, on_timer, stream) < 0 ||
        event_assign(&stream->readable, base, stream->fd, EV_READ | EV_PERSIST, on_readable, stream) < 0 ||
        event_assign(&stream->writable, base, stream->fd, EV_WRITE | EV_PERSIST, on_writable, stream) < 0)
        return -1;
    stream->input = evbuffer_new();
    stream->output = evbuffer_new();
    stream->ssl = tls_connection(tls, stream->fd, &stream->peer);
    if (!stream->input || !stream->output || !stream->ssl)
        return -1;
    SSL_set_msg_callback(stream->ssl, count_message);
    SSL_set_msg_callback_arg(stream->ssl, stream);
    if (event_add(&stream->readable, NULL) < 0)
        return -1;
    return event_add(&stream->timer, &(struct timeval){.tv_sec = handshake_seconds});
}

struct stream *stream_open(struct event_base *base, struct tls *tls, int fd, int handshake_seconds,
                           stream_callback *callback, void *owner)
{
    struct stream *stream = calloc(1, sizeof *stream);
    int on = 1;
    if (!stream) {
        close(fd);
        return NULL;
    }
    stream->tls = tls_hold(tls);
    stream->fd = fd;
    stream->callback = callback;
    stream->owner = owner;
    stream->state = STREAM_HANDSHAKE;
    stream->reading = true;
    stream->progress = clock_monotonic();
    stream->peer.verdict = TLS_PEER_NONE;
    write_origin(fd, stream->peer.origin, sizeof stream->peer.origin);
    /* A socket that is not TCP's refuses these, and does not need them. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (prepare(stream, base, tls, handshake_seconds) < 0) {
        event_del(&stream->readable);
        event_del(&stream->timer);
        close(fd);
        destroy(stream);
        return NULL;
    }
    return stream;
}

struct evbuffer *stream_input(struct stream *stream)
{
    return stream->input;
}

struct evbuffer *stream_output(struct stream *stream)
{
    return stream->output;
}

void stream_flush(struct stream *stream)
{
    if (stream->state == STREAM_OPEN && !stream->blocked && evbuffer_get_length(stream->output) > 0)
        event_active(&stream->turn, EV_TIMEOUT, 0);
}

size_t stream_unsent(const struct stream *stream)
{
    return evbuffer_get_length(stream->output) + (stream->state == STREAM_FINISHING);
}

void stream_read(struct stream *stream, bool on)
{
    stream->reading = on;
    arm(stream);
}

const struct stream_peer *stream_peer(const struct stream *stream)
{
    return &stream->peer;
}

int stream_judge(struct stream *stream, struct tls *tls)
{
    return tls_judge(tls, stream->ssl);
}

int64_t stream_progress(const struct stream *stream)
{
    return stream->progress;
}

void stream_finish(struct stream *stream)
{
    if (stream->state == STREAM_HANDSHAKE) {
        end(stream, "finished");
    } else if (stream->state == STREAM_OPEN) {
        set_state(stream, STREAM_FINISHING);
        event_active(&stream->turn, EV_TIMEOUT, 0);
    }
}

void stream_close(struct stream *stream)
{
    end(stream, "closed here");
}

const char *stream_reason(const struct stream *stream)
{
    return stream->reason;
}
