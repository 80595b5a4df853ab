/* Seals and opens personal data with OpenSSL's AES-256-SIV and HMAC-SHA-256.
 * Rules: keys live in one allocation that is wiped when freed. */
#include "seal.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "key_file.h"

#define TAG_BYTES 16
#define PRINT_LABEL "buurtaal fingerprint of a key" /* no field's name */

struct seal {
    EVP_MAC_CTX *matching;           /* keyed once; each use begins anew */
    EVP_CIPHER_CTX *context;         /* of the value in hand */
    EVP_CIPHER_CTX *keyed[KEYS_MAX]; /* never used up: each use begins with a copy, which costs less than half of keying
                                        anew */
    size_t sealing;                  /* which of `keys.seals` seals */
    struct key_file keys;
};

static int prepare(struct seal *seal)
{
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                               OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_CIPHER *siv = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    seal->matching = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    seal->context = EVP_CIPHER_CTX_new();
    bool ready = seal->matching && siv && seal->context &&
                 EVP_MAC_init(seal->matching, seal->keys.match, KEY_MATCH_BYTES, parameters) == 1;
    for (size_t i = 0; i < seal->keys.count && ready; i++) {
        seal->keyed[i] = EVP_CIPHER_CTX_new();
        ready = seal->keyed[i] &&
                EVP_CipherInit_ex2(seal->keyed[i], siv, seal->keys.seals[i].bytes, NULL, true, NULL) == 1;
    }
    EVP_MAC_free(hmac); /* contexts hold on to what they use */
    EVP_CIPHER_free(siv);
    return ready ? 0 : -1;
}

static struct seal *load(const char *path, bool next, char *why, size_t why_size)
{
    struct seal *seal = OPENSSL_zalloc(sizeof *seal);
    ERR_clear_error();
    if (!seal) {
        snprintf(why, why_size, "%s: out of memory", path);
        return NULL;
    }
    if (key_file_read(path, &seal->keys, why, why_size) == 0) {
        if (next)
            memcpy(seal->keys.match, seal->keys.next, sizeof seal->keys.match);
        if (next && !seal->keys.has_next)
            snprintf(why, why_size, "%s: it has no `next`", path);
        else if (prepare(seal) == 0)
            return seal;
        else
            snprintf(why, why_size, "%s: OpenSSL offers no AES-256-SIV or HMAC", path);
    }
    seal_free(seal);
    return NULL;
}

struct seal *seal_load(const char *path, char *why, size_t why_size)
{
    return load(path, false, why, why_size);
}

struct seal *seal_load_next(const char *path, char *why, size_t why_size)
{
    return load(path, true, why, why_size);
}

void seal_free(struct seal *seal)
{
    if (!seal)
        return;
    EVP_MAC_CTX_free(seal->matching);
    EVP_CIPHER_CTX_free(seal->context);
    for (size_t i = 0; i < seal->keys.count; i++)
        EVP_CIPHER_CTX_free(seal->keyed[i]);
    OPENSSL_clear_free(seal, sizeof *seal);
}

/* ---- which keys there are ---- */

static size_t find(const struct seal *seal, uint32_t number)
{
    size_t at = 0;
    while (at < seal->keys.count && seal->keys.seals[at].number != number)
        at++;
    return at;
}

int seal_use(struct seal *seal, uint32_t number)
{
    size_t at = find(seal, number);
    if (at == seal->keys.count)
        return -1;
    seal->sealing = at;
    return 0;
}

uint32_t seal_key(const struct seal *seal)
{
    return seal->keys.seals[seal->sealing].number;
}

uint32_t seal_newest(const struct seal *seal)
{
    return seal->keys.seals[seal->keys.count - 1].number;
}

uint32_t seal_number(const struct seal *seal, size_t index)
{
    return index < seal->keys.count ? seal->keys.seals[index].number : 0;
}

bool seal_matches(const struct seal *seal, const struct seal *other)
{
    return CRYPTO_memcmp(seal->keys.match, other->keys.match, KEY_MATCH_BYTES) == 0;
}

bool seal_has(const struct seal *seal, const struct seal *other, uint32_t number)
{
    size_t mine = find(seal, number), theirs = find(other, number);
    return mine < seal->keys.count && theirs < other->keys.count &&
           CRYPTO_memcmp(seal->keys.seals[mine].bytes, other->keys.seals[theirs].bytes, KEY_SEAL_BYTES) == 0;
}

/* HMAC of a name under the key: tells whether two keys are equal, and nothing of either. */
static int put_print(FILE *out, const uint8_t *key, size_t bytes)
{
    uint8_t print[SEAL_HASH_BYTES];
    size_t len = 0;
    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, bytes, (const uint8_t *)PRINT_LABEL, sizeof PRINT_LABEL,
                   print, sizeof print, &len))
        return -1;
    for (size_t i = 0; i < sizeof print; i++)
        fprintf(out, "%02x", print[i]);
    return 0;
}

int seal_prints_without(const struct seal *seal, uint32_t number, char out[SEAL_PRINTS_ROOM])
{
    FILE *text = fmemopen(out, SEAL_PRINTS_ROOM, "w");
    if (!text)
        return -1;
    int outcome = put_print(text, seal->keys.match, KEY_MATCH_BYTES);
    for (size_t i = 0; outcome == 0 && i < seal->keys.count; i++) {
        if (seal->keys.seals[i].number == number)
            continue;
        fprintf(text, " %u=", seal->keys.seals[i].number);
        outcome = put_print(text, seal->keys.seals[i].bytes, KEY_SEAL_BYTES);
    }
    return fclose(text) == 0 ? outcome : -1;
}

int seal_prints(const struct seal *seal, char out[SEAL_PRINTS_ROOM])
{
    return seal_prints_without(seal, 0, out);
}

/* ---- sealing ---- */

static int match(struct seal *seal, const char *field, struct slice object, struct slice text, uint8_t out[SEAL_HASH_BYTES])
{
    size_t len = 0;
    if (EVP_MAC_init(seal->matching, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(seal->matching, (const uint8_t *)field, strlen(field) + 1) != 1 ||
        (object.len && EVP_MAC_update(seal->matching, (const uint8_t *)object.at, object.len) != 1) ||
        EVP_MAC_update(seal->matching, (const uint8_t *)text.at, text.len) != 1 ||
        EVP_MAC_final(seal->matching, out, &len, SEAL_HASH_BYTES) != 1 || len != SEAL_HASH_BYTES)
        return -1;
    return 0;
}

/* Begins to seal or open with a key, the field's name and its object as associated data. */
static int begin(struct seal *seal, size_t key, bool sealing, const uint8_t *tag, const char *field, struct slice object)
{
    int len;
    if (EVP_CIPHER_CTX_copy(seal->context, seal->keyed[key]) != 1 ||
        EVP_CipherInit_ex2(seal->context, NULL, NULL, NULL, sealing, NULL) != 1 ||
        (tag && EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)(uintptr_t)tag) != 1) ||
        EVP_CipherUpdate(seal->context, NULL, &len, (const uint8_t *)field, (int)strlen(field)) != 1 ||
        (object.len && EVP_CipherUpdate(seal->context, NULL, &len, (const uint8_t *)object.at, (int)object.len) != 1))
        return -1;
    return 0;
}

/* The eleven-test of a BSN (9 digits, or 8 with the leading zero lost) and that of an onderwijsnummer, which begins with
 * 10; sources: the annex of the Besluit burgerservicenummer, and DUO's programme of demands for the onderwijsnummer. */
static bool looks_like_bsn(struct slice text)
{
    int sum = 0, first = text.len == 8 ? 8 : 9;
    if (text.len != 8 && text.len != 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        int weight = first - (int)i;
        sum += (text.at[i] - '0') * (weight == 1 ? -1 : weight);
    }
    int rest = ((sum % 11) + 11) % 11;
    return rest == 0 || (rest == 5 && text.len == 9 && text.at[0] == '1' && text.at[1] == '0');
}

size_t seal_close(struct seal *seal, const char *field, struct slice object, struct slice text, uint8_t *out)
{
    uint8_t *flags = out + SEAL_HASH_BYTES, *number = flags + 1, *tag = number + 4, *sealed = tag + TAG_BYTES;
    int len = 0, last = 0;
    ERR_clear_error();
    if (text.len == 0 || match(seal, field, object, text, out) < 0 || begin(seal, seal->sealing, true, NULL, field, object) < 0 ||
        EVP_CipherUpdate(seal->context, sealed, &len, (const uint8_t *)text.at, (int)text.len) != 1 ||
        EVP_CipherFinal_ex(seal->context, sealed + len, &last) != 1 || (size_t)(len + last) != text.len ||
        EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1)
        return 0;
    *flags = strcmp(field, "student") == 0 && looks_like_bsn(text) ? SEAL_FLAG_BSN : 0;
    for (int i = 0; i < 4; i++)
        number[i] = (uint8_t)(seal_key(seal) >> (24 - 8 * i));
    return text.len + SEAL_OVERHEAD;
}

/* What reasons_cover() of sql/api/keys.sql made of a text: bound to nothing, for it was never sealed. */
static bool is_covered(const char *field, struct slice sealed)
{
    static const uint8_t cover[SEAL_OVERHEAD];
    return strcmp(field, "reason") == 0 && memcmp(sealed.at, cover, sizeof cover) == 0;
}

size_t seal_open(struct seal *seal, const char *field, struct slice object, struct slice sealed, uint8_t *out)
{
    const uint8_t *number = (const uint8_t *)sealed.at + SEAL_HASH_BYTES + 1, *tag = number + 4, *bytes = tag + TAG_BYTES;
    if (sealed.len <= SEAL_OVERHEAD)
        return 0;
    uint32_t wanted = (uint32_t)number[0] << 24 | (uint32_t)number[1] << 16 | (uint32_t)number[2] << 8 | number[3];
    size_t key = find(seal, wanted);
    int len = 0, last = 0;
    size_t size = sealed.len - SEAL_OVERHEAD;
    if (is_covered(field, sealed)) {
        memcpy(out, bytes, size);
        return size;
    }
    ERR_clear_error();
    if (key == seal->keys.count || begin(seal, key, false, tag, field, object) < 0 ||
        EVP_CipherUpdate(seal->context, out, &len, bytes, (int)size) != 1 ||
        EVP_CipherFinal_ex(seal->context, out + len, &last) != 1 || (size_t)(len + last) != size)
        return 0;
    return size;
}

size_t seal_again(struct seal *from, struct seal *to, const char *field, struct slice object, struct slice object_after,
                  struct slice sealed, uint8_t *out)
{
    uint8_t *text = sealed.len > SEAL_OVERHEAD ? OPENSSL_malloc(sealed.len) : NULL;
    size_t len = text ? seal_open(from, field, object, sealed, text) : 0;
    if (len > 0)
        len = seal_close(to, field, object_after, (struct slice){(char *)text, len}, out);
    OPENSSL_clear_free(text, sealed.len);
    return len;
}

int seal_chain(struct seal *seal, const char *what, uint8_t state[SEAL_HASH_BYTES], struct slice text)
{
    return match(seal, what, (struct slice){(const char *)state, SEAL_HASH_BYTES}, text, state);
}

int seal_sha256(struct slice bytes, uint8_t out[32])
{
    return EVP_Digest(bytes.at, bytes.len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}
