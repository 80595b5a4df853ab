/* One connection's conversation: who it is, its queue of requests, its end.
 *
 * HANDSHAKE -> ADMITTING -> OPEN -> ENDING -> OVER, see enum session_state in session.c. A session frees itself when
 * its stream is closed and the database holds nothing of it any more. */
#ifndef BUURTAAL_SESSION_H
#define BUURTAAL_SESSION_H

#include "base.h"

struct server;
struct session;

/* Takes over the accepted socket `fd`. `limit`: there are too many connections, so all it will hear is `* BYE
 * code=limit`. NULL when out of memory (fd is closed). It adds itself to the server's list, and leaves it when it ends.
 */
struct session *session_new(struct server *server, int fd, bool limit) MUST_CHECK;

/* Ends it with `* BYE code=...` after what it has asked and the database already has; for `draining` all that it has
 * asked is answered first. Idempotent; the first code stays. */
void session_bye(struct session *session, const char *code);

/* Once a second: deadlines of silence and of unsent output. `now` is clock_monotonic's. */
void session_tick(struct session *session, int64_t now);

/* Looks at its certificate again where that is due: after a reload, and once in a while, since certificates expire. Ends
 * it with the BYE that a new connection would hear. True when it looked, which takes some 0.2 ms. */
bool session_judge(struct session *session, int64_t now);

/* A certificate that was revoked; or, with a party and a role, that speaks for these. By its fingerprint (32 bytes), or by an OIN
 * and the issuer's fingerprint (32 bytes); what is absent is not compared. */
struct session_certificate {
    struct slice fingerprint, oin, issuer, party, role;
};

/* Ends it with BYE revoked when it came with this certificate, and speaks for anybody else or in another role. A fingerprint
 * outranks an OIN: of that only the role of the same party counts. */
void session_revoke(struct session *session, const struct session_certificate *what);

#endif
