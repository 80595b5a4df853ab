/* Certificates, keys and lists in files of PEM. */
#ifndef BUURTAAL_TOOL_PEM_H
#define BUURTAAL_TOOL_PEM_H

#include "base.h"

struct x509_st; /* OpenSSL's X509, X509_CRL and EVP_PKEY */
struct X509_crl_st;
struct evp_pkey_st;

/* The first of its kind in the file. NULL with OpenSSL's error (credentials_reason()); the caller owns the result. A
 * key with a pass phrase asks the terminal for it. */
struct x509_st *pem_read_certificate(const char *path) MUST_CHECK;
struct evp_pkey_st *pem_read_key(const char *path) MUST_CHECK;
struct X509_crl_st *pem_read_list(const char *path) MUST_CHECK;

/* Writes a file whole or not at all, a key with mode 600. Neither a key nor a certificate takes the place of another
 * file, which is EEXIST; a list does. 0, or -1 with errno. */
int pem_write_key(const char *path, struct evp_pkey_st *key) MUST_CHECK;
int pem_write_certificate(const char *path, struct x509_st *certificate) MUST_CHECK;
int pem_write_list(const char *path, struct X509_crl_st *list) MUST_CHECK;

#endif
