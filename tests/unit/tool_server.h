/* A small registry in a process of its own, over loopback, that speaks lines from a script; with certificates made by
 * `buurtaal ca`. For tests of the client's rooms. */
#ifndef TOOL_SERVER_H
#define TOOL_SERVER_H

#include <sys/types.h>

#include "tool_profile.h"

#define HEAD_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What the server does on each connection. */
struct script {
    const char *first; /* its first line; NULL: a greeting */
    size_t answers;    /* after so many it hangs up without a word; 0: never. On the first connection only */
    size_t busy;       /* this request and those behind it are answered BUSY. On the first connection only; 0: none */
    size_t padding;    /* bytes of text in each answer */
    size_t told;       /* of a block it answers so many lines, then hangs up. On the first connection only; 0: all */
    bool deaf;         /* what has a tag is not answered, nor the end of the client's side */
    bool no_blocks;    /* it does not know them */
    const char *host;  /* the server's certificate: server, other */
};

struct server {
    pid_t pid;
    struct profile *profile; /* with which it is reached */
};

void server_start(struct server *server, const struct script *script);
void server_stop(struct server *server);

/* A file of the test's folder; four of them at a time. */
const char *server_path(const char *name);

/* For cmocka: before and after all tests. */
int server_make_certificates(void **state);
int server_remove_certificates(void **state);

#endif
