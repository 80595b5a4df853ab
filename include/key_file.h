/* The file of keys that seal personal data: lines `match HEX` (32 bytes, exactly one), `seal NUMBER HEX` (64 bytes, at
 * most 16), empty ones, and comments from `#`. While `buurtaald rekey` is at work also `next HEX`, the matching key to be.
 * It is a regular file of this user without rights for others (mode & 077 = 0), or any user's when root asks.
 *
 * Every change is atomic: a file beside it is written whole, synced, given the owner and the mode of the old one, and
 * takes its name; where the path is a link, the name of what it leads to. A change whose folder could not be synced is made,
 * and told as a fault that says so. All functions give 0, or -1 with the reason in `why`, which names the file, the line and a remedy. */
#ifndef BUURTAAL_KEY_FILE_H
#define BUURTAAL_KEY_FILE_H

#include "base.h"

#define KEY_MATCH_BYTES 32
#define KEY_SEAL_BYTES 64 /* AES-256-SIV takes two keys of 256 bits */
#define KEYS_MAX 16
#define KEY_NUMBER_MOST 2147483647 /* an integer of SQL's */

struct key_file {
    uint8_t match[KEY_MATCH_BYTES], next[KEY_MATCH_BYTES];
    bool has_match, has_next;
    size_t count;
    struct key_file_seal {
        uint32_t number;
        uint8_t bytes[KEY_SEAL_BYTES];
    } seals[KEYS_MAX]; /* by number, the newest last */
};

/* Reads it into `keys`, which the caller wipes in any case. */
int key_file_read(const char *path, struct key_file *keys, char *why, size_t why_size) MUST_CHECK;
/* Wipes the keys. */
void key_file_wipe(struct key_file *keys);

/* Makes a new file with fresh random keys; never overwrites. */
int key_file_make(const char *path, char *why, size_t why_size) MUST_CHECK;
/* Adds a fresh sealing key under the number behind the highest, which is written to `number`. */
int key_file_add(const char *path, uint32_t *number, char *why, size_t why_size) MUST_CHECK;
/* Takes the sealing key `number` out; the newest stays, without which what daemons sealed since would be lost. */
int key_file_drop(const char *path, uint32_t number, char *why, size_t why_size) MUST_CHECK;
/* Adds a fresh `next`. */
int key_file_begin(const char *path, char *why, size_t why_size) MUST_CHECK;
/* What was `next` becomes `match`; the old one is gone. */
int key_file_finish(const char *path, char *why, size_t why_size) MUST_CHECK;

#endif
