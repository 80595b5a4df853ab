/* The bytes of an answer, from the rows that come home or from a fault. Knows the protocol's answers, not connections.
 */
#ifndef BUURTAAL_REPLY_H
#define BUURTAAL_REPLY_H

#include "base.h"
#include "batch.h"
#include "proto.h"

struct evbuffer;
struct request;
struct request_speaker;
struct seal;

/* Writes what `answer` brings for it to `out`: rows and status, or rows alone (stage REQUEST_MORE) when a list goes on.
 * Sets the stage. Never fails: what cannot be written becomes NO internal. */
void reply_answer(struct request *request, const struct batch_answer *answer, const struct request_speaker *speaker,
                  struct seal *seal, struct evbuffer *out);
/* The code of the BUSY that tells an outcome; NULL for those that are told otherwise. */
const char *reply_busy(enum batch_outcome outcome);
/* Writes the status line of the fault that it has. */
void reply_fault(struct request *request, const struct request_speaker *speaker, struct evbuffer *out);
/* Writes a status line other than OK: `code` of replies.def; `field` may be absent, `id` NULL. */
void reply_refuse(struct request *request, enum proto_status status, const char *code, struct slice field,
                  const char *id, const struct request_speaker *speaker, struct evbuffer *out);

#endif
