/* The TLS settings of the daemon: versions, suites, groups, certificates, CRL. */
#ifndef BUURTAAL_TLS_H
#define BUURTAAL_TLS_H

#include "base.h"

struct config;
struct tls; /* reference-counted: streams made with the old settings keep them over a reload */

/* Loads certificate, key, CA file and CRL of `config` (key file modes checked) and makes a context: TLS 1.3 (1.2 with
 * `tls-min = 1.2`), X25519, P-256, P-384; no tickets, resumption, 0-RTT, renegotiation, compression. NULL on any fault,
 * with the reason, which names the file and the setting, in `why`. */
struct tls *tls_new(const struct config *config, char *why, size_t why_size) MUST_CHECK;
struct tls *tls_hold(struct tls *tls);
void tls_release(struct tls *tls);

#endif
