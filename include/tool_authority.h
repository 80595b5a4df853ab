/* A private certification authority in a folder: ca.key and ca.pem, a NAME.key and NAME.pem for each certificate it
 * issued, crl.pem for those it revoked. */
#ifndef BUURTAAL_TOOL_AUTHORITY_H
#define BUURTAAL_TOOL_AUTHORITY_H

#include "base.h"
#include "tool_text.h"

#define AUTHORITY_HOSTS 16
#define AUTHORITY_CA_DAYS 3650
#define AUTHORITY_DAYS 365

/* A certificate that is wished for. */
struct authority_wish {
    const char *name;                       /* its file and its common name */
    const char *oin;                        /* goes into the Subject's serialNumber; NULL: none */
    const char *hosts[AUTHORITY_HOSTS + 1]; /* names and addresses of a server; none: it is a client's */
    long days;
};

/* Each returns 0, or -1 after telling why. No file is ever written over; one that was made is removed when the rest
 * fails. */
int authority_init(const char *folder, const char *name, long days, enum text_lang lang) MUST_CHECK;
int authority_issue(const char *folder, const struct authority_wish *wish, enum text_lang lang) MUST_CHECK;
/* Adds NAME.pem to crl.pem and signs that anew, good for `days`; with `name` NULL it is only signed anew. Once revoked,
 * revoking again changes nothing but the dates. */
int authority_revoke(const char *folder, const char *name, long days, enum text_lang lang) MUST_CHECK;
/* The SHA-256 of a certificate in PEM, as 64 hex digits. */
int authority_fingerprint(const char *path, char fingerprint[65], enum text_lang lang) MUST_CHECK;

#endif
