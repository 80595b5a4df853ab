/* For tests of the TLS settings: the files that a configuration names, and handshakes from end to end. */
#ifndef BUURTAAL_TEST_TLS_WORLD_H
#define BUURTAAL_TEST_TLS_WORLD_H

#include "base.h"
#include "config.h"
#include "pki.h"
#include "stream.h"
#include "tls_client.h"

struct ssl_st;

/* The authority whose certificates are trusted, another, and the daemon's own certificate. */
struct tls_world {
    struct pki ca, other_ca, server;
};

struct tls_meeting {
    struct ssl_st *server;
    struct tls_client client;
    struct stream_peer peer;
    int server_fd;
    bool agreed;
};

int tls_world_set_up(void **state);
int tls_world_tear_down(void **state);

/* A configuration that works; tests change what they are about. Its texts stay. */
struct config tls_world_config(void);
/* The settings of a configuration that must work. */
struct tls *tls_world_load(const struct config *config);

/* A handshake from end to end, as far as it gets. `own` and `chain` as of tls_client_open. */
void tls_world_meet(struct tls_meeting *meeting, struct tls *tls, const struct pki *own, const struct pki *chain,
                    int version);
void tls_world_part(struct tls_meeting *meeting);

#endif
