/* A libpq connection string, checked and completed for a connection that must never block the loop. */
#ifndef BUURTAAL_CONNINFO_H
#define BUURTAAL_CONNINFO_H

#include "base.h"

/* Keywords and their values for PQconnectStartParams, each list ended by NULL. */
struct conninfo {
    char **keywords, **values;
    size_t hosts; /* from 1: libpq tries them in turn */
};

/* Reads `text`; settings it does not give get the daemon's (keepalives, time limits, UTF-8). `write` asks for a server
 * that takes writes. 0; -1 with the reason in `why` when it is malformed or names a host that would have to be looked
 * up (a look-up blocks: a socket's folder or hostaddr does not). The caller frees it in either case. */
int conninfo_read(struct conninfo *conninfo, const char *text, bool write, char *why, size_t why_size) MUST_CHECK;
void conninfo_free(struct conninfo *conninfo);

#endif
