/* The TLS settings of the daemon: versions, suites, groups, certificates, CRL; and what a client's certificate is
 * worth. */
#ifndef BUURTAAL_TLS_H
#define BUURTAAL_TLS_H

#include "base.h"

struct config;
struct ssl_st;  /* OpenSSL's SSL */
struct x509_st; /* OpenSSL's X509 */
struct stream_peer;
struct tls; /* reference-counted: streams made with the old settings keep them over a reload */

/* Loads certificate, key, CA file and CRL of `config` (key file modes checked) and makes a context: TLS 1.3 (1.2 with
 * `tls-min = 1.2`), X25519, P-256, P-384; no tickets, resumption, 0-RTT, renegotiation, compression. NULL on any fault,
 * with the reason, which names the file and the setting, in `why`. Logs what works but will not for long: lists and
 * certificates that are out of date. The caller owns the result: one hold on it. */
struct tls *tls_new(const struct config *config, char *why, size_t why_size) MUST_CHECK;
struct tls *tls_hold(struct tls *tls);
/* NULL is allowed. */
void tls_release(struct tls *tls);

/* For stream.c alone. */

/* The server's side of a connection over the socket `fd`, which stays the caller's. The handshake writes its verdict on
 * the client's certificate to `peer`, which must live as long as the result and begin as TLS_PEER_NONE. NULL when out
 * of memory. The caller owns the result (SSL_free). */
struct ssl_st *tls_connection(struct tls *tls, int fd, struct stream_peer *peer) MUST_CHECK;

/* After the handshake: judges the client's certificate anew, by these settings and at this moment, into the `peer` of
 * tls_connection. 0; -1 when out of memory, and the verdict stays. */
int tls_judge(struct tls *tls, struct ssl_st *ssl) MUST_CHECK;

/* After the handshake: fills in what the certificate says, but for `verdict` and `origin`. 0, or -1 when out of memory.
 */
int tls_identify(struct ssl_st *ssl, struct stream_peer *peer) MUST_CHECK;

/* Of one certificate alone: fingerprint, oin, days and until. 0, or -1 when out of memory. */
int tls_describe(struct x509_st *certificate, struct stream_peer *peer) MUST_CHECK;

#endif
