/* For tests of TLS: a client that never blocks and whose bytes on the wire the test can hold back, cut or count. */
#ifndef BUURTAAL_TEST_TLS_CLIENT_H
#define BUURTAAL_TEST_TLS_CLIENT_H

#include "base.h"

struct pki;
struct ssl_ctx_st;
struct ssl_st;

struct tls_client {
    struct ssl_ctx_st *context;
    struct ssl_st *ssl;
    int fd;              /* -1 after tls_client_cut */
    bool deaf;           /* takes nothing from the socket */
    size_t send_most;    /* bytes a step; 0: all */
    bool agreed;         /* the handshake is done */
    bool ended;          /* the server's close_notify has come */
    bool hung_up;        /* the server's socket has ended, or is reset */
    bool failed;         /* the server or OpenSSL broke it off */
    int tickets;         /* session tickets that came */
    size_t data_records; /* on the wire, from the server, of the type of data */
    char *got;           /* the data that came */
    size_t got_len, got_room;
    char *unsent; /* bytes for the wire that the socket has not taken */
    size_t unsent_len;
    uint8_t header[5]; /* of the record that is coming in */
    size_t header_len, record_left;
};

/* A client over the connected, non-blocking socket `fd`, which it owns. `own` NULL: it has no certificate; `chain` goes
 * along with it, NULL: nothing. `version` 0: whatever is spoken; else TLS1_2_VERSION or TLS1_3_VERSION. */
void tls_client_open(struct tls_client *client, int fd, const struct pki *own, const struct pki *chain, int version);
void tls_client_free(struct tls_client *client);

/* Goes on as far as it can without waiting. */
void tls_client_step(struct tls_client *client);
/* Makes a record of these bytes; they leave in steps. */
void tls_client_send(struct tls_client *client, const void *bytes, size_t len);
/* close_notify; it still reads. */
void tls_client_end(struct tls_client *client);
/* Closes the socket without more; what is unsent is lost. */
void tls_client_cut(struct tls_client *client);

#endif
