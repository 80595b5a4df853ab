/* Certificates and lists of revoked ones: how they are made, and what is read from them. No files. */
#ifndef BUURTAAL_TOOL_CERTIFICATE_H
#define BUURTAAL_TOOL_CERTIFICATE_H

#include <time.h>

#include "base.h"

#define CERTIFICATE_HOSTS 16

struct x509_st; /* OpenSSL's X509, X509_CRL and EVP_PKEY */
struct X509_crl_st;
struct evp_pkey_st;

/* A certification authority: who signs. */
struct certificate_signer {
    struct x509_st *certificate;
    struct evp_pkey_st *key;
};

/* A certificate that is wished for. */
struct certificate_wish {
    const char *name;                         /* its common name */
    const char *oin;                          /* goes into the Subject's serialNumber; NULL: none */
    const char *hosts[CERTIFICATE_HOSTS + 1]; /* names and addresses of a server; none: it is a client's */
    long days;                                /* how long it is valid from now; never longer than its authority is */
};

/* What a certificate says. */
struct certificate_facts {
    char name[257];       /* the common name, in UTF-8; longer ones are cut off */
    char oin[65];         /* the Subject's serialNumber; "" when there is none */
    char serial[65];      /* hex, capitals, as `openssl x509 -serial` prints it */
    char fingerprint[65]; /* SHA-256 of its DER, hex */
    time_t from, until;
    bool server; /* for servers, not for clients */
    bool client; /* it may serve a client */
};

/* Each of these returns what the caller owns, or NULL with OpenSSL's error. */
struct evp_pkey_st *certificate_key(void);
/* An authority's own, signed by itself. */
struct x509_st *certificate_authority(struct evp_pkey_st *key, const char *name, long days);
struct x509_st *certificate_issue(const struct certificate_signer *signer, struct evp_pkey_st *key,
                                  const struct certificate_wish *wish);
/* One that says the same as `old`, for another time and for `key`; NULL: for the same key. */
struct x509_st *certificate_renew(const struct certificate_signer *signer, struct evp_pkey_st *key, struct x509_st *old,
                                  long days);

/* 0, or -1 when it cannot be read. */
int certificate_describe(struct x509_st *certificate, struct certificate_facts *facts) MUST_CHECK;

/* The hosts that it names, `localhost, 127.0.0.1`, as they can be shown; its common name where it names none. */
void certificate_hosts(struct x509_st *certificate, char *out, size_t room);

/* The reasons for which a certificate is revoked, by RFC 5280's names and numbers. -1, or NULL: there is no such one.
 */
int certificate_reason(const char *name) MUST_CHECK;
const char *certificate_reason_name(int reason);

/* Begins a list with its number and the end of its time, adds to it, and signs it. NULL, or -1: with OpenSSL's error.
 */
struct X509_crl_st *certificate_list(const struct certificate_signer *signer, int64_t number, long days);
int certificate_list_add(struct X509_crl_st *list, struct x509_st *certificate, time_t at, int reason) MUST_CHECK;
int certificate_list_sign(struct X509_crl_st *list, const struct certificate_signer *signer) MUST_CHECK;

#endif
