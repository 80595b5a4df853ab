/* How a connection comes about, and what it consists of; for client.c, and connect.c, alone. */
#ifndef BUURTAAL_TOOL_CONNECT_H
#define BUURTAAL_TOOL_CONNECT_H

#include "tool_client.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX and SSL */
struct ssl_st;

struct client {
    enum client_fault fault;
    enum client_stage stage;
    char why[512], bye[33];
    long trust;
    char hosts[256]; /* that the registry's certificate names, where it is not believed */
    bool restored;
    struct client_greeting greeting;
    enum text_lang lang;
    struct ssl_ctx_st *context;
    struct ssl_st *ssl;
    int fd;
    unsigned window;
    bool wants_write; /* OpenSSL has bytes for a socket that takes none now */
    bool finishing;   /* close_notify is to be sent behind what waits */
    bool ended;       /* the registry's close_notify has come */
    size_t out_len, in_len, in_taken;
    char out[65536];
    char in[32768];
};

#endif
