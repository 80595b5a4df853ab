/* PEM files, read and written. What is written is printed in memory first, so that a file is never written in part. */
#include "tool_pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tool_file.h"

/* ---- reading ---- */

static BIO *open_file(const char *path)
{
    ERR_clear_error();
    return BIO_new_file(path, "r");
}

X509 *pem_read_certificate(const char *path)
{
    BIO *in = open_file(path);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return certificate;
}

EVP_PKEY *pem_read_key(const char *path)
{
    BIO *in = open_file(path);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return key;
}

X509_CRL *pem_read_list(const char *path)
{
    BIO *in = open_file(path);
    X509_CRL *list = in ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return list;
}

/* ---- writing ---- */

/* Ends what was printed into `out`, `well` or not: the file takes it. */
static int write_out(const char *path, BIO *out, bool well, mode_t mode, bool over)
{
    char *bytes;
    int result = -1;
    long len = well ? BIO_get_mem_data(out, &bytes) : 0;
    if (len > 0)
        result = file_write(path, bytes, (size_t)len, mode, over);
    else
        errno = ENOMEM;
    int kept = errno;
    BIO_free(out);
    errno = kept;
    return result;
}

int pem_write_key(const char *path, EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_secmem());
    bool well = out && PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;
    return write_out(path, out, well, 0600, false);
}

int pem_write_certificate(const char *path, X509 *certificate)
{
    BIO *out = BIO_new(BIO_s_mem());
    return write_out(path, out, out && PEM_write_bio_X509(out, certificate) == 1, 0644, false);
}

int pem_write_list(const char *path, X509_CRL *list)
{
    BIO *out = BIO_new(BIO_s_mem());
    return write_out(path, out, out && PEM_write_bio_X509_CRL(out, list) == 1, 0644, true);
}
