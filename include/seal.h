/* Personal data on its way out of the daemon and back.
 *
 * A sealed value is, in this order: 32 bytes HMAC-SHA-256 under the matching key (equal values are equal, across rotations
 * of sealing keys), 1 byte of flags, 4 bytes number of the sealing key (big-endian), 16 bytes AES-256-SIV tag, the
 * encrypted text. HMAC and associated data take the field's name and the object the value belongs to: for a `sealed` field
 * the HMAC of the row's `student`, for a `key` nothing. So a value copied to another row or column does not open.
 * A `reason` may also be a text that an earlier version stored as it came: behind SEAL_OVERHEAD zeros, until it is sealed. */
#ifndef BUURTAAL_SEAL_H
#define BUURTAAL_SEAL_H

#include "base.h"

#define SEAL_HASH_BYTES 32
#define SEAL_OVERHEAD (SEAL_HASH_BYTES + 1 + 4 + 16)
#define SEAL_FLAG_BSN 1 /* the text passes the check of a BSN or an onderwijsnummer: SQL knows which college is exempt */

struct seal;

/* Reads the key file (key_file.h). The oldest key seals until seal_use. NULL on any fault; `why` then names file, line and
 * remedy. The caller owns the result. */
struct seal *seal_load(const char *path, char *why, size_t why_size) MUST_CHECK;
/* The same, but with `next` as the matching key: for `buurtaald rekey`. */
struct seal *seal_load_next(const char *path, char *why, size_t why_size) MUST_CHECK;
/* Wipes the keys. NULL is allowed. */
void seal_free(struct seal *seal);
/* Seals with the key of this number from now on. 0, or -1 when there is none. */
int seal_use(struct seal *seal, uint32_t number) MUST_CHECK;
/* The number of the key that seals; of the newest key; of the key at `index` from 0, the oldest first, 0 behind the last. */
uint32_t seal_key(const struct seal *seal);
uint32_t seal_newest(const struct seal *seal);
uint32_t seal_number(const struct seal *seal, size_t index);
/* Whether both have the same matching key; whether both have a sealing key of this number, and the same. */
bool seal_matches(const struct seal *seal, const struct seal *other);
bool seal_has(const struct seal *seal, const struct seal *other, uint32_t number);

/* Fingerprints of the keys, for the registry to know them by: `MATCH NUMBER=PRINT NUMBER=PRINT ...`, each print 64 hex
 * digits. 0 or -1. */
#define SEAL_PRINTS_ROOM 1400
int seal_prints(const struct seal *seal, char out[SEAL_PRINTS_ROOM]) MUST_CHECK;
/* The same of what is left without the sealing key `number`. */
int seal_prints_without(const struct seal *seal, uint32_t number, char out[SEAL_PRINTS_ROOM]) MUST_CHECK;

/* Seals `text` (at least one byte) for `field` of the object `object` (its 32-byte hash, or absent) into `out`, which has
 * room for text.len + SEAL_OVERHEAD bytes. The length written, or 0 when OpenSSL fails. */
size_t seal_close(struct seal *seal, const char *field, struct slice object, struct slice text, uint8_t *out) MUST_CHECK;

/* Opens `sealed` into `out`, which has room for sealed.len bytes. The length of the text, or 0 when the value is not whole
 * or was not sealed for this field and object, or with a key that is not known. */
size_t seal_open(struct seal *seal, const char *field, struct slice object, struct slice sealed, uint8_t *out) MUST_CHECK;

/* What was sealed with `from` for `object`, sealed anew with `to` for `object_after`: `out` has room for sealed.len bytes.
 * With the same matching key and object the hash stays. The length written, or 0 as seal_open and seal_close. */
size_t seal_again(struct seal *from, struct seal *to, const char *field, struct slice object, struct slice object_after,
                  struct slice sealed, uint8_t *out) MUST_CHECK;

/* A running HMAC under the matching key, the same on all daemons of a registry: `state` (begin with zeros) becomes the HMAC
 * of itself and `text`, under the name `what`, which must be no field's. 0 or -1. */
int seal_chain(struct seal *seal, const char *what, uint8_t state[SEAL_HASH_BYTES], struct slice text) MUST_CHECK;

/* SHA-256 of `bytes`, into 32 bytes. 0 or -1. */
int seal_sha256(struct slice bytes, uint8_t out[32]) MUST_CHECK;

#endif
