/* The files that a profile names, looked at one by one: certificates and the key, without a connection. */
#ifndef BUURTAAL_TOOL_CREDENTIALS_H
#define BUURTAAL_TOOL_CREDENTIALS_H

#include "base.h"
#include "tool_certificate.h"
#include "tool_text.h"

/* Each reads the file. 0; -1: it cannot be used, and `*why`, in words of `lang`, holds until the next call. Of a file
 * of CAs `facts` are those of the first, but `until`, which is that of the last to expire. The certificate must be one
 * of a client. */
int credentials_certificate(const char *path, struct certificate_facts *facts, const char **why, enum text_lang lang)
    MUST_CHECK;
int credentials_ca(const char *path, struct certificate_facts *facts, const char **why, enum text_lang lang) MUST_CHECK;
/* The key must be that of the certificate. */
int credentials_key(const char *path, const char *certificate, const char **why, enum text_lang lang) MUST_CHECK;

/* Whether nobody but its owner, and the readers of its group, can have the key: 1 or 0; -1 with errno when the file
 * cannot be looked at. */
int credentials_key_closed(const char *path) MUST_CHECK;

/* What OpenSSL's oldest error means, in words. */
const char *credentials_reason(enum text_lang lang);

#endif
