/* A block: the lines between `begin` and `commit`, which take effect together or not at all.
 *
 * The life of a block: block_begin -> block_take for each line -> `abandon`, or the connection's end: block_free; or
 * block_commit, which ties it to the request of `commit` -> that goes through the database as one item (block_run.h) ->
 * block_answer for every line and for `commit`. A block that is dead answers all of these with the same refusal and runs
 * nothing. */
#ifndef BUURTAAL_BLOCK_H
#define BUURTAAL_BLOCK_H

#include "base.h"
#include "batch.h"
#include "request.h"

struct block;
struct evbuffer;
struct server;
struct server_party;

#define BLOCK_LINES_MOST 5000
#define BLOCK_BYTES_MOST ((size_t)2 << 20)         /* of lines with their LF */
#define BLOCKS_BYTES_MOST ((size_t)64 << 20)       /* of memory, for all blocks of a daemon */
#define BLOCKS_PARTY_MOST (BLOCKS_BYTES_MOST / 4)  /* of it, for those of one party */

/* Opens the block that the request `begin` of a client of `party` asks for. Where that has a fault, or no block of full
 * size would have room (then it is given BUSY memory), the block is dead. NULL when not even that could be had. The caller
 * owns the result; the server and the party must outlive it. */
struct block *block_begin(struct server *server, struct server_party *party, struct request *begin) MUST_CHECK;
/* It must not be with `batch`. NULL is allowed. */
void block_free(struct block *block);

/* Takes a line of it, copied as it was sent, without LF. */
void block_take(struct block *block, struct slice line);

/* It is answered so, lines and all, and runs nothing; the first refusal it was given stays. Before block_commit. */
void block_refuse(struct block *block, enum proto_status status, const char *code);

/* Ties the block to its `commit`, which owns it from now on through `commit->block`: to be handed to batch as it is, or
 * with a fault for all. `speaker` must outlive it. */
void block_commit(struct block *block, struct request *commit, const struct request_speaker *speaker);

/* Writes the answers of the block's lines and of its `commit`: from what the database said, or, `answer` being NULL,
 * from the commit's fault. Refusals are written as `out` has room: false, and to be called again (with NULL), while some
 * are left. Sets the commit's stage when all is written. */
bool block_answer(struct request *commit, const struct batch_answer *answer, const struct request_speaker *speaker,
                  struct seal *seal, struct evbuffer *out) MUST_CHECK;

#endif
