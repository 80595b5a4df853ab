/* The heads of the log, computed anew.
 *
 * Rules: numbers begin at 1 and have no gaps; a head covers all rows behind the head before it. A head tells that some
 * row under it was changed, not which one; where it covers one row, that is the same. A line has the fields that a head
 * is over, in their order, and nothing else: what stood beside them would pass for right. */
#include "tool_chain.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define HASH_BYTES 32
#define NUMBER_DIGITS 15

const char *const chain_fields[CHAIN_FIELDS] = {"log",    "time", "party",  "certificate",
                                                "origin", "verb", "fields", "outcome"};
static const char *const head_fields[] = {"log", "head"};

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
    return value.len <= NUMBER_DIGITS && value.len > 0 && value.at[0] != '0' ? slice_number(value) : 0;
}

/* Whether it has no fields but these, each at most once, in this order. */
static bool has_only(const struct answer *row, const char *const *names, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < row->count; i++, at++) {
        while (at < count && !slice_is(row->fields[i].name, names[at]))
            at++;
        if (at == count)
            return false;
    }
    return !row->word.at;
}

static enum chain_verdict say(struct chain *chain, enum chain_verdict verdict, uint64_t first, uint64_t last)
{
    chain->first = first;
    chain->last = last;
    return verdict;
}

static enum chain_verdict take_row(struct chain *chain, uint64_t log, const struct answer *row)
{
    if (log > chain->log + 1)
        return say(chain, CHAIN_GAP, chain->log + 1, log - 1);
    if (log <= chain->log)
        return say(chain, CHAIN_BACK, log, log);
    for (size_t i = 0; i < CHAIN_FIELDS; i++)
        add_field(chain, answer_field(row, chain_fields[i]));
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
    bool whole = head.at ? has_only(row, head_fields, COUNT(head_fields)) : has_only(row, chain_fields, CHAIN_FIELDS);
    if (row->kind != ANSWER_ROW || log == 0 || !whole)
        return say(chain, CHAIN_FORM, chain->log + 1, chain->log + 1);
    return head.at ? take_head(chain, log, head) : take_row(chain, log, row);
}

enum chain_verdict chain_finish(struct chain *chain)
{
    return chain->log > chain->covered ? say(chain, CHAIN_BARE, chain->covered + 1, chain->log) : CHAIN_FINE;
}
