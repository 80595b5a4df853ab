/* The files that a profile names, looked at one by one: certificates and the key, without a connection. */
#ifndef BUURTAAL_TOOL_CREDENTIALS_H
#define BUURTAAL_TOOL_CREDENTIALS_H

#include <time.h>

#include "base.h"
#include "tool_text.h"

/* What a file of certificates holds. */
struct credential {
    char name[256];       /* the subject of the first */
    time_t from, until;   /* when the first is valid; of a file of CAs, from the earliest to the latest */
    char fingerprint[65]; /* SHA-256 of the first, 64 hex digits */
};

/* Each reads the file. 0; -1: it cannot be used, and `*why`, in words of `lang`, holds until the next call. */
int credentials_certificate(const char *path, struct credential *credential, const char **why, enum text_lang lang)
    MUST_CHECK;
int credentials_ca(const char *path, struct credential *credential, const char **why, enum text_lang lang) MUST_CHECK;
/* The key must be that of the certificate. */
int credentials_key(const char *path, const char *certificate, const char **why, enum text_lang lang) MUST_CHECK;

/* Whether nobody but its owner, and the readers of its group, can have the key: 1 or 0; -1 with errno when the file
 * cannot be looked at. */
int credentials_key_closed(const char *path) MUST_CHECK;

/* What OpenSSL's oldest error means, in words. */
const char *credentials_reason(enum text_lang lang);

#endif
