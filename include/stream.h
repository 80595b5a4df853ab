/* One TLS connection as a stream of bytes with few events; everything of TLS is hidden below.
 *
 * The life of a stream: stream_open -> (handshake) READY -> INPUT ... DRAINED ... -> [PEER_ENDED] -> stream_finish ->
 * CLOSED; or CLOSED at any time when the peer or the network ends it, or after stream_close.
 *
 * CLOSED comes exactly once for every stream that was opened, always from the loop and never from within a call that
 * the owner makes. After it the owner's pointer is of no use; memory is freed at the end of the loop's turn, so an owner
 * that is called back may still hold it until it returns. After stream_close or stream_finish only CLOSED comes. */
#ifndef BUURTAAL_STREAM_H
#define BUURTAAL_STREAM_H

#include "base.h"

struct evbuffer;
struct event_base;
struct stream;
struct tls;

enum stream_event {
    STREAM_READY,      /* the handshake is done and stream_peer is known, whatever the certificate is worth */
    STREAM_INPUT,      /* there is more in stream_input */
    STREAM_DRAINED,    /* all output has left, or has fallen below the low mark after stream_read was refused for it */
    STREAM_PEER_ENDED, /* close_notify: the peer sends no more, but still gets its answers */
    STREAM_CLOSED,     /* gone; stream_reason tells why */
};

typedef void stream_callback(struct stream *stream, enum stream_event event, void *owner);

/* Why a certificate is not good enough; TLS_PEER_GOOD else. Told by the session in a `* BYE code=`. */
enum tls_peer_verdict { TLS_PEER_GOOD, TLS_PEER_NONE, TLS_PEER_EXPIRED, TLS_PEER_NOT_YET, TLS_PEER_OTHER_CA, TLS_PEER_REVOKED };

/* Who is at the other end. Proof of the private key was enforced by the handshake, validity is `verdict`. */
struct stream_peer {
    enum tls_peer_verdict verdict;
    uint8_t fingerprint[32]; /* SHA-256 of the certificate's DER */
    uint8_t issuer[32];      /* SHA-256 of the DER of the CA certificate that signed it; zeros when not known */
    char oin[21];            /* the Subject's serialNumber when it is 20 digits and capitals, else "" */
    int days;                /* whole days until the certificate expires, below 0 when it has */
    int64_t until;           /* when it does, in seconds since 1970; 0 when that cannot be read */
    char origin[64];         /* address and port, as in 127.0.0.1:51234 or [::1]:51234 */
};

/* Takes over the connected, non-blocking socket `fd` and begins the handshake; closed when `handshake` seconds pass
 * without its end. NULL when out of memory (fd is closed). `callback` gets every event with `owner`. */
struct stream *stream_open(struct event_base *base, struct tls *tls, int fd, int handshake_seconds,
                           stream_callback *callback, void *owner) MUST_CHECK;

/* Input the owner drains, output the owner adds to. Output leaves at the end of the loop's turn in as few TLS records as
 * possible, after stream_flush was called in that turn. */
struct evbuffer *stream_input(struct stream *stream);
struct evbuffer *stream_output(struct stream *stream);
void stream_flush(struct stream *stream);

/* Bytes of output not yet taken by the kernel; after stream_finish also the close_notify, as one. */
size_t stream_unsent(const struct stream *stream);

/* Whether to read from the peer. When off, the kernel's buffers fill and the peer waits. On at the start. */
void stream_read(struct stream *stream, bool on);

/* Known from READY on. */
const struct stream_peer *stream_peer(const struct stream *stream);

/* Judges the peer's certificate anew, by these settings and at this moment; stream_peer tells the verdict. 0; -1 when out
 * of memory, and the verdict stays. From READY on. */
int stream_judge(struct stream *stream, struct tls *tls) MUST_CHECK;

/* The monotonic time, in ms, at which the peer last took output or, when nothing waits, sent something: what idle
 * and unsent deadlines are measured from. */
int64_t stream_progress(const struct stream *stream);

/* Ends in order: sends what is in the output, close_notify, then half-closes and discards what comes until the peer's
 * end or 2 s, then CLOSED. Idempotent. */
void stream_finish(struct stream *stream);
/* Ends at once, without close_notify. Idempotent. */
void stream_close(struct stream *stream);
/* After CLOSED: a few words for the log, such as "peer closed", "reset", "handshake timeout", "tls: ...". */
const char *stream_reason(const struct stream *stream);

#endif
