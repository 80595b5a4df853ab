/* The heads of the log, computed anew.
 *
 * Rules: numbers begin at 1 and have no gaps; a head covers all rows behind the head before it. A head tells that some
 * row under it was changed, not which one; where it covers one row, that is the same. */
#include "tool_chain.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define HASH_BYTES 32
#define NUMBER_DIGITS 15

/* ---- the hash; OpenSSL fails here for want of memory alone ---- */

static void or_end(bool done)
{
    if (!done) {
        fputs("buurtaal: out of memory\n", stderr);
        exit(EX_OSERR);
    }
}

/* Begins the hash of the rows behind a head. */
static void begin_rows(struct chain *chain, const unsigned char head[HASH_BYTES])
{
    or_end(EVP_DigestInit_ex(chain->hash, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(chain->hash, head, HASH_BYTES) == 1);
}

static void add(struct chain *chain, const void *bytes, size_t len)
{
    or_end(EVP_DigestUpdate(chain->hash, bytes, len) == 1);
}

static void add_field(struct chain *chain, struct slice value)
{
    char length[24];
    if (!value.at) {
        add(chain, "-,", 2);
        return;
    }
    add(chain, length, (size_t)snprintf(length, sizeof length, "%zu:", value.len));
    add(chain, value.at, value.len);
    add(chain, ",", 1);
}

/* ---- the chain ---- */

void chain_begin(struct chain *chain)
{
    static const unsigned char zeros[HASH_BYTES];
    memset(chain, 0, sizeof *chain);
    chain->hash = EVP_MD_CTX_new();
    or_end(chain->hash != NULL);
    begin_rows(chain, zeros);
}

void chain_end(struct chain *chain)
{
    EVP_MD_CTX_free(chain->hash);
}

uint64_t chain_number(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < '0' || value.at[i] > '9')
            return 0;
    return value.len <= NUMBER_DIGITS ? slice_number(value) : 0;
}

static enum chain_verdict say(struct chain *chain, enum chain_verdict verdict, uint64_t first, uint64_t last)
{
    chain->first = first;
    chain->last = last;
    return verdict;
}

static enum chain_verdict take_row(struct chain *chain, uint64_t log, const struct answer *row)
{
    static const char *const fields[] = {"log", "time", "party", "certificate", "origin", "verb", "fields", "outcome"};
    if (log > chain->log + 1)
        return say(chain, CHAIN_GAP, chain->log + 1, log - 1);
    if (log <= chain->log)
        return say(chain, CHAIN_BACK, log, log);
    for (size_t i = 0; i < COUNT(fields); i++)
        add_field(chain, answer_field(row, fields[i]));
    chain->log = log;
    return CHAIN_FINE;
}

static enum chain_verdict take_head(struct chain *chain, uint64_t log, struct slice head)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (log > chain->log)
        return say(chain, CHAIN_GAP, chain->log + 1, log);
    if (log < chain->log || log == chain->covered)
        return say(chain, CHAIN_PLACE, log, log);
    or_end(EVP_DigestFinal_ex(chain->hash, hash, NULL) == 1);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        chain->head[i * 2] = digits[hash[i] >> 4];
        chain->head[i * 2 + 1] = digits[hash[i] & 15];
    }
    chain->head[HASH_BYTES * 2] = '\0';
    if (!slice_is(head, chain->head))
        return say(chain, CHAIN_CHANGED, chain->covered + 1, log);
    begin_rows(chain, hash);
    chain->covered = log;
    chain->heads++;
    return CHAIN_FINE;
}

enum chain_verdict chain_take(struct chain *chain, const struct answer *row)
{
    uint64_t log = chain_number(answer_field(row, "log"));
    struct slice head = answer_field(row, "head");
    if (row->kind != ANSWER_ROW || log == 0)
        return say(chain, CHAIN_FORM, chain->log + 1, chain->log + 1);
    return head.at ? take_head(chain, log, head) : take_row(chain, log, row);
}

enum chain_verdict chain_finish(struct chain *chain)
{
    return chain->log > chain->covered ? say(chain, CHAIN_BARE, chain->covered + 1, chain->log) : CHAIN_FINE;
}
