/* Many writes as one: a block of the protocol, rehearsed or applied whole. */
#ifndef BUURTAAL_TOOL_BLOCK_H
#define BUURTAAL_TOOL_BLOCK_H

#include "base.h"
#include "tool_sending.h"

#define BLOCK_LINES 5000
#define BLOCK_BYTES (2u << 20) /* of all its lines */
#define BLOCK_HEX 65           /* 64 hex digits and a NUL */

struct block {
    /* What is asked; texts may be NULL. A block that is applied should have a name: only then it may be sent again
     * without a question. */
    bool check;
    const char *plan, *name, *sha256;
    /* What came of it. `code` is "" when all went well, else that of a NO: `refused` or `changed`, where each line has
     * an answer of its own, or what holds for the whole, in practice `taken`: another block has its name. */
    char code[33], text[256], new_plan[BLOCK_HEX];
    bool repeated; /* this name was applied before, with the same lines */
    uint64_t log;
    bool ended; /* there is nothing left behind this block */
};

/* Takes items from `sending` until one block is full or there are no more, and sends it over a connection that was
 * opened; when that is lost or BUSY is told, again. All items have left when it returns. Nothing is sent when no item
 * has a request. EX_OK when the registry has told what came of it, else a status of sysexits.h after telling why. */
int block_run(struct retry *retry, const struct sending *sending, struct block *block) MUST_CHECK;

#endif
