/* One request, from the bytes of its line to the bytes of its answer. Knows the protocol's answers, not connections. */
#ifndef BUURTAAL_REQUEST_H
#define BUURTAAL_REQUEST_H

#include "base.h"
#include "batch.h"
#include "proto.h"

struct evbuffer;
struct seal;

/* Who speaks, for as long as the connection lasts. `certificate` is what SQL is handed (sql/README.md). */
struct request_speaker {
    char party[65];
    unsigned role;
    char origin[64];
    uint8_t certificate[32 + 32 + 20];
    size_t certificate_len;
    bool english; /* texts for people */
};

/* How far a request is. Replies leave in the order of requests, so only the first of a session's queue is ever answered. */
enum request_stage {
    REQUEST_READ,      /* checked against the tables; not begun */
    REQUEST_WAITING,   /* with `batch` */
    REQUEST_MORE,      /* a list with a page sent and more to come */
    REQUEST_ANSWERED,  /* its status line is written */
};

struct request {
    TAILQ_ENTRY(request) link; /* the session's queue */
    struct batch_item item;    /* its way through the database */
    void *owner;               /* the session */
    enum request_stage stage;
    struct proto_request line;
    struct proto_fault fault; /* code NULL: none */
    /* lists */
    uint64_t rows_sent, rows_wanted; /* rows_wanted 0: all */
    bool limited;
    char *after; /* where the next page begins; owned */
    struct slice cells[STATEMENT_PARAMS_MAX];
    char page[24]; /* rows asked for, as text */
    char bytes[]; /* the line, then the sealed values, then the audit's fields */
};

TAILQ_HEAD(request_queue, request);

/* Reads one line (`len` bytes without LF, copied) for `speaker`: parses, checks form and role, seals personal data. Always
 * gives a request, the fault in it where there is one; NULL only when out of memory. The caller owns it. */
struct request *request_new(const char *line, size_t len, const struct request_speaker *speaker, struct seal *seal) MUST_CHECK;
/* The request that stands for bytes that are no line: answered `BAD line`. */
struct request *request_bad_line(void) MUST_CHECK;
void request_free(struct request *request);

/* Whether it goes through the database, else the daemon answers it itself. */
bool request_needs_database(const struct request *request);

/* Writes what `answer` brings for it to `out`: rows and status, or rows alone (stage REQUEST_MORE) when a list goes on.
 * Sets the stage. Never fails: what cannot be written becomes NO internal. */
void request_answer(struct request *request, const struct batch_answer *answer, const struct request_speaker *speaker,
                    struct seal *seal, struct evbuffer *out);
/* Writes a status line other than OK: `code` of replies.def; `field` and `id` may be NULL. */
void request_refuse(struct request *request, enum proto_status status, const char *code, struct slice field, const char *id,
                    const struct request_speaker *speaker, struct evbuffer *out);

#endif
