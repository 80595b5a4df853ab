/* The run of a block in the database. Its lines become requests only when it is its turn there, so that blocks
 * that wait hold nothing but bytes; then they run in their order, each answered, and from the answers it is decided whether all of
 * it stays.
 *
 * The life of a run: block_run_new -> `batch` goes with an item -> that item's answer -> block_run_walk, block_run_next for
 * what each line came to -> block_run_free. */
#ifndef BUURTAAL_BLOCK_RUN_H
#define BUURTAAL_BLOCK_RUN_H

#include "base.h"
#include "batch.h"
#include "request.h"
#include "seal.h"

struct server;

#define BLOCK_HEX_BYTES (2 * SEAL_HASH_BYTES)

/* What `begin` said; "": not given. */
struct block_terms {
    bool check;
    char name[65], sha256[BLOCK_HEX_BYTES + 1], plan[BLOCK_HEX_BYTES + 1];
};

/* What the run came to, once the item is answered with BATCH_ROWS. */
enum block_fate {
    BLOCK_UNDONE,   /* a rehearsal, lines refused, or another outcome than was planned */
    BLOCK_STAYS,
    BLOCK_REPEATED, /* stored under its name already */
    BLOCK_TAKEN,    /* that name has other lines */
    BLOCK_REVOKED,  /* the certificate counts no more */
    BLOCK_MEMORY,   /* there was none for its lines; it did not run */
};

/* Others read it and change nothing. */
struct block_run {
    struct batch_block batch; /* first: its step is given an item that points here */
    struct server *server;
    const struct request_speaker *speaker;
    const struct block_terms *terms;
    struct slice raw; /* the lines as they were sent, each ended by LF */
    uint8_t hmac[SEAL_HASH_BYTES];

    enum block_fate fate;
    size_t count, accepted; /* lines */
    unsigned long long first_accepted, first_log; /* of the block that is repeated */
    char plan[BLOCK_HEX_BYTES + 1];

    bool asking; /* the call under way asks whether its name is stored */
    size_t read; /* bytes of `raw` that are lines below */
    struct request_queue lines;
    void **items;            /* of the calls, item_count of them */
    struct db_call *calls;   /* call_count of them */
    struct result **results; /* of the calls that have run */
    size_t item_count, call_count;

    struct batch_item question, keep;
    void *question_item[1], *keep_item[1];
    struct db_call question_call;
    struct slice question_cells[STATEMENT_PARAMS_MAX], keep_cells[STATEMENT_PARAMS_MAX];
    char accepted_text[24], fields[3 * BLOCK_HEX_BYTES + 2 * 65];
};

/* A run of `raw`, so many `lines`, whose HMAC without tags is `hmac`. All that is pointed at must outlive it. NULL when out of memory. The
 * caller owns the result. */
struct block_run *block_run_new(struct server *server, const struct request_speaker *speaker,
                                const struct block_terms *terms, struct slice raw, size_t lines,
                                const uint8_t hmac[SEAL_HASH_BYTES]) MUST_CHECK;
/* It must not be with `batch`. NULL is allowed. */
void block_run_free(struct block_run *run);

/* The command under which it goes through the database. */
const struct proto_command *block_run_command(void);

/* Whether it came to what was planned, or nothing was. */
bool block_run_is_as_planned(const struct block_run *run);

/* A walk over the lines in their order with the row that each was given; NULL `result` where the line has a fault. */
struct block_walk {
    struct block_run *run;
    struct request *line;
    struct result *result;
    size_t at;        /* its row there */
    size_t call, row; /* where the next row is looked for */
};

struct block_walk block_run_walk(struct block_run *run);
/* 1, 0 at the end, -1 when the database did not give the line its one row. */
int block_run_next(struct block_walk *walk) MUST_CHECK;

#endif
