/* One request, from the bytes of its line to the cells of its statement. reply.h goes on from there. */
#ifndef BUURTAAL_REQUEST_H
#define BUURTAAL_REQUEST_H

#include "base.h"
#include "batch.h"
#include "proto.h"

struct block;
struct seal;

/* Who speaks, for as long as the connection lasts. `certificate` is what SQL is handed (sql/README.md). */
struct request_speaker {
    char party[65];
    unsigned role;
    char origin[64];
    uint8_t certificate[32 + 32 + 20];
    size_t certificate_len;
    uint64_t number; /* the connection's, for the log */
    bool english;    /* texts for people */
};

/* How far a request is. Replies leave in the order of requests, so only the first of a session's queue is ever
 * answered. */
enum request_stage {
    REQUEST_READ,    /* checked against the tables; not begun */
    REQUEST_WAITING, /* with `batch` */
    REQUEST_MORE, /* a list with a page sent and more to come; set to WAITING again when the next page is asked for */
    REQUEST_ANSWERED, /* its status line is written */
};

struct request {
    TAILQ_ENTRY(request) link; /* the window's queue */
    struct batch_item item;    /* its way through the database; the window sets `answer` */
    void *owner;               /* the window */
    struct block *block;       /* of a `commit`: what it runs, owned by the window; else NULL */
    enum request_stage stage;
    bool broken;  /* memory ran out while it was answered: what is written is not whole, and the connection must end */
    bool disowned; /* it was refused since the certificate does not speak for this party in this role any more */
    uint64_t log; /* the number that its status line told, 0 for none */
    struct proto_request line;
    struct proto_fault fault;       /* code NULL: none, else what it is answered in its turn */
    enum proto_status fault_status; /* BAD; NO for `role` and `internal`; BUSY where the window says so */
    /* lists */
    uint64_t rows_sent, rows_wanted; /* rows_wanted 0: all */
    size_t rows_asked;               /* of the page under way */
    char *after;                     /* where the next page begins; owned */
    struct slice cells[STATEMENT_PARAMS_MAX];
    char page[24]; /* rows asked for, as text */
    char bytes[];  /* the line, then the sealed values, then the audit's fields */
};

TAILQ_HEAD(request_queue, request);

/* Reads one line (`len` bytes without LF, at most LINE_MAX_BYTES, copied) for `speaker`: parses, checks form and role,
 * seals personal data. Always gives a request, the fault in it where there is one; NULL only when out of memory. The
 * caller owns it, and `speaker` must outlive it. */
struct request *request_new(const char *line, size_t len, const struct request_speaker *speaker, struct seal *seal)
    MUST_CHECK;
/* The request that stands for bytes that are no line: answered `BAD line`. NULL when out of memory. */
struct request *request_bad_line(void) MUST_CHECK;
/* NULL is allowed. It must not be with `batch`. */
void request_free(struct request *request);

/* Whether it goes through the database, else the daemon answers it itself: a builtin but `commit`, or a fault. */
bool request_needs_database(const struct request *request);

/* Whether its verb is this, also where the rest of its line has a fault. */
bool request_is(const struct request *request, const char *verb);
/* What it is answered in its turn, instead of what it asked: `code` of replies.def. */
void request_refuse(struct request *request, enum proto_status status, const char *code);

/* Sets the cells that ask for the list's next page, behind `after` where that is set. */
void request_ask_page(struct request *request);

#endif
