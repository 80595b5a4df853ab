/* For tests of TLS: certificates, keys and lists made on the spot, and the folder they lie in. A fault fails the test.
 */
#ifndef BUURTAAL_TEST_PKI_H
#define BUURTAAL_TEST_PKI_H

#include "base.h"

struct config;
struct evp_pkey_st;
struct x509_st;

/* A certificate and its key. */
struct pki {
    struct x509_st *certificate;
    struct evp_pkey_st *key;
};

/* What a certificate says. Days count from now. */
struct pki_spec {
    const char *name;
    const char *serial_number; /* in the Subject; NULL: none */
    const char *usage;         /* extended key usage, such as "clientAuth"; NULL: none */
    int from, until;           /* 0, 0: from yesterday, for a year */
    bool ca;
};

/* Makes one, signed by `issuer`, or by itself when that is NULL. */
struct pki pki_make(const struct pki_spec *spec, const struct pki *issuer);
/* A certificate for the same key and names with another time, as when a CA is renewed. */
struct pki pki_renew(const struct pki *of, const struct pki_spec *spec, const struct pki *issuer);
void pki_free(struct pki *pki);

/* A new folder for files; gone, with all in it, after pki_remove_folder. */
const char *pki_folder(void);
void pki_remove_folder(void);
/* FOLDER/name, in one of a few buffers that take turns. */
const char *pki_path(const char *name);

void pki_write_certificates(const char *name, const struct pki *const *all, size_t count);
void pki_write_key(const char *name, const struct pki *of, unsigned mode);
/* A list of `issuer` that revokes `revoked` (NULL: nothing), out of date after `until` days. */
void pki_write_crl(const char *name, const struct pki *issuer, const struct pki *revoked, int until);
void pki_write_text(const char *name, const char *text, unsigned mode);

/* SHA-256 of the DER. */
void pki_fingerprint(const struct pki *of, uint8_t out[32]);

#endif
