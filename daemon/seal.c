/* Seals and opens personal data with OpenSSL's AES-256-SIV and HMAC-SHA-256; reads and makes the key file.
 * Limits: 16 sealing keys. Keys live in one allocation that is wiped when freed. */
#include "seal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define MATCH_BYTES 32
#define SIV_BYTES 64 /* AES-256-SIV takes two keys of 256 bits */
#define TAG_BYTES 16
#define KEYS_MAX 16
#define KEY_LINE_MAX 256

struct siv_key {
    uint32_t number;
    uint8_t bytes[SIV_BYTES];
    EVP_CIPHER_CTX *keyed; /* never used up: each use begins with a copy, which costs less than half of keying anew */
};

struct seal {
    EVP_MAC_CTX *matching; /* keyed once; each use begins anew */
    EVP_CIPHER_CTX *context; /* of the value in hand */
    size_t key_count;
    struct siv_key keys[KEYS_MAX]; /* the last one seals */
    uint8_t match[MATCH_BYTES];
    bool has_match;
};

/* ---- key file ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(const char *text, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * bytes] == '\0' ? 0 : -1;
}

/* One line of the key file: NULL when it is well, else what is wrong with it. */
static const char *read_key_line(struct seal *seal, char *line)
{
    char *end = NULL;
    if (strncmp(line, "match ", 6) == 0) {
        if (seal->has_match)
            return "a second matching key; there can be only one";
        if (read_hex(line + 6, seal->match, MATCH_BYTES) < 0)
            return "match needs 64 lower-case hex digits";
        seal->has_match = true;
        return NULL;
    }
    if (strncmp(line, "seal ", 5) != 0 || !isdigit((unsigned char)line[5]))
        return "expected `match HEX` or `seal NUMBER HEX`";
    unsigned long number = strtoul(line + 5, &end, 10);
    if (number == 0 || number > UINT32_MAX || *end != ' ')
        return "seal needs a number from 1, then a space and the key";
    if (seal->key_count == KEYS_MAX)
        return "more than 16 sealing keys; leave out those that seal nothing any more";
    for (size_t i = 0; i < seal->key_count; i++)
        if (seal->keys[i].number == number)
            return "this number of a sealing key is given twice";
    struct siv_key *key = &seal->keys[seal->key_count];
    if (read_hex(end + 1, key->bytes, SIV_BYTES) < 0)
        return "seal needs 128 lower-case hex digits";
    key->number = (uint32_t)number;
    seal->key_count++;
    return NULL;
}

static int read_key_file(struct seal *seal, FILE *file, const char *path, char *why, size_t why_size)
{
    char line[KEY_LINE_MAX];
    const char *fault = NULL;
    int number = 0;
    while (!fault && fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            fault = read_key_line(seal, line);
    }
    OPENSSL_cleanse(line, sizeof line);
    if (fault)
        snprintf(why, why_size, "%s:%d: %s", path, number, fault);
    else if (ferror(file))
        snprintf(why, why_size, "%s: cannot be read", path);
    else if (!seal->has_match || seal->key_count == 0)
        snprintf(why, why_size, "%s: needs one `match` and at least one `seal` key; `buurtaald seal-key FILE` makes such a file", path);
    else
        return 0;
    return -1;
}

static FILE *open_key_file(const char *path, char *why, size_t why_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        snprintf(why, why_size, "%s: not a regular file", path);
    } else if (st.st_uid != geteuid() && st.st_uid != 0) {
        snprintf(why, why_size, "%s: belongs to another user; chown it to the one who runs buurtaald", path);
    } else if (st.st_mode & 077) {
        snprintf(why, why_size, "%s: others may use it (mode %03o); chmod 600 it", path, (unsigned)st.st_mode & 0777);
    } else {
        FILE *file = fdopen(fd, "r");
        if (file) {
            setvbuf(file, NULL, _IONBF, 0); /* no copy of a key stays behind in a buffer */
            return file;
        }
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int prepare(struct seal *seal)
{
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                               OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_CIPHER *siv = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    seal->matching = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    seal->context = EVP_CIPHER_CTX_new();
    bool ready = seal->matching && siv && seal->context &&
                 EVP_MAC_init(seal->matching, seal->match, MATCH_BYTES, parameters) == 1;
    for (size_t i = 0; i < seal->key_count && ready; i++) {
        struct siv_key *key = &seal->keys[i];
        key->keyed = EVP_CIPHER_CTX_new();
        ready = key->keyed && EVP_CipherInit_ex2(key->keyed, siv, key->bytes, NULL, true, NULL) == 1;
    }
    EVP_MAC_free(hmac); /* contexts hold on to what they use */
    EVP_CIPHER_free(siv);
    return ready ? 0 : -1;
}

struct seal *seal_load(const char *path, char *why, size_t why_size)
{
    FILE *file = open_key_file(path, why, why_size);
    if (!file)
        return NULL;
    struct seal *seal = OPENSSL_zalloc(sizeof *seal);
    int result = -1;
    ERR_clear_error();
    if (!seal)
        snprintf(why, why_size, "%s: out of memory", path);
    else if (read_key_file(seal, file, path, why, why_size) == 0) {
        result = prepare(seal);
        if (result < 0)
            snprintf(why, why_size, "%s: OpenSSL offers no AES-256-SIV or HMAC", path);
    }
    fclose(file);
    if (result == 0)
        return seal;
    seal_free(seal);
    return NULL;
}

void seal_free(struct seal *seal)
{
    if (!seal)
        return;
    EVP_MAC_CTX_free(seal->matching);
    EVP_CIPHER_CTX_free(seal->context);
    for (size_t i = 0; i < seal->key_count; i++)
        EVP_CIPHER_CTX_free(seal->keys[i].keyed);
    OPENSSL_clear_free(seal, sizeof *seal);
}

static int write_key(int fd, const char *label, size_t bytes)
{
    uint8_t key[SIV_BYTES];
    char line[KEY_LINE_MAX];
    int len = snprintf(line, sizeof line, "%s", label), result = -1;
    if (RAND_priv_bytes(key, (int)bytes) == 1) {
        for (size_t i = 0; i < bytes; i++)
            len += snprintf(line + len, sizeof line - (size_t)len, "%02x", key[i]);
        line[len++] = '\n';
        result = write(fd, line, (size_t)len) == len ? 0 : -1;
    }
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(line, sizeof line);
    return result;
}

int seal_make_keys(const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == EEXIST)
            snprintf(why, why_size,
                     "%s: it is there already, and keys are never written over: what they sealed would be lost; name "
                     "another file, or move this one first",
                     path);
        else
            snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    bool whole = write_key(fd, "match ", MATCH_BYTES) == 0 && write_key(fd, "seal 1 ", SIV_BYTES) == 0 && fsync(fd) == 0;
    if (close(fd) == 0 && whole)
        return 0;
    snprintf(why, why_size, "%s: could not be written whole", path);
    unlink(path); /* half a key file would only be refused later */
    return -1;
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

/* Begins to seal or open with `key`, the field's name and its object as associated data. */
static int begin(struct seal *seal, const struct siv_key *key, bool sealing, const uint8_t *tag, const char *field, struct slice object)
{
    int len;
    if (EVP_CIPHER_CTX_copy(seal->context, key->keyed) != 1 ||
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
    const struct siv_key *key = &seal->keys[seal->key_count - 1];
    uint8_t *flags = out + SEAL_HASH_BYTES, *number = flags + 1, *tag = number + 4, *sealed = tag + TAG_BYTES;
    int len = 0, last = 0;
    ERR_clear_error();
    if (text.len == 0 || match(seal, field, object, text, out) < 0 || begin(seal, key, true, NULL, field, object) < 0 ||
        EVP_CipherUpdate(seal->context, sealed, &len, (const uint8_t *)text.at, (int)text.len) != 1 ||
        EVP_CipherFinal_ex(seal->context, sealed + len, &last) != 1 || (size_t)(len + last) != text.len ||
        EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1)
        return 0;
    *flags = strcmp(field, "student") == 0 && looks_like_bsn(text) ? SEAL_FLAG_BSN : 0;
    for (int i = 0; i < 4; i++)
        number[i] = (uint8_t)(key->number >> (24 - 8 * i));
    return text.len + SEAL_OVERHEAD;
}

size_t seal_open(struct seal *seal, const char *field, struct slice object, struct slice sealed, uint8_t *out)
{
    const uint8_t *number = (const uint8_t *)sealed.at + SEAL_HASH_BYTES + 1, *tag = number + 4, *bytes = tag + TAG_BYTES;
    const struct siv_key *key = NULL;
    if (sealed.len <= SEAL_OVERHEAD)
        return 0;
    uint32_t wanted = (uint32_t)number[0] << 24 | (uint32_t)number[1] << 16 | (uint32_t)number[2] << 8 | number[3];
    for (size_t i = 0; i < seal->key_count; i++)
        if (seal->keys[i].number == wanted)
            key = &seal->keys[i];
    int len = 0, last = 0;
    size_t size = sealed.len - SEAL_OVERHEAD;
    ERR_clear_error();
    if (!key || begin(seal, key, false, tag, field, object) < 0 ||
        EVP_CipherUpdate(seal->context, out, &len, bytes, (int)size) != 1 ||
        EVP_CipherFinal_ex(seal->context, out + len, &last) != 1 || (size_t)(len + last) != size)
        return 0;
    return size;
}

int seal_chain(struct seal *seal, const char *what, uint8_t state[SEAL_HASH_BYTES], struct slice text)
{
    return match(seal, what, (struct slice){(const char *)state, SEAL_HASH_BYTES}, text, state);
}

int seal_sha256(struct slice bytes, uint8_t out[32])
{
    return EVP_Digest(bytes.at, bytes.len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}
