/* Certificates for tests, of P-256 keys, made with OpenSSL. */
#include "pki.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY (24L * 60 * 60)

static char folder[64];
static long last_serial;

static void add_name(X509_NAME *name, const char *field, const char *value)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, field, V_ASN1_UTF8STRING, (const unsigned char *)value, -1, -1, 0), 1);
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static struct pki make(EVP_PKEY *key, const struct pki_spec *spec, const struct pki *issuer)
{
    bool fallback = spec->from == 0 && spec->until == 0;
    struct pki made = {X509_new(), key};
    X509 *certificate = made.certificate;
    X509_NAME *name = X509_get_subject_name(certificate);
    assert_non_null(key);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++last_serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), DAY * (fallback ? -1 : spec->from));
    X509_gmtime_adj(X509_getm_notAfter(certificate), DAY * (fallback ? 365 : spec->until));
    add_name(name, "CN", spec->name);
    if (spec->serial_number)
        add_name(name, "serialNumber", spec->serial_number);
    X509 *signer = issuer ? issuer->certificate : certificate;
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(signer)), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    add_extension(certificate, signer, NID_subject_key_identifier, "hash");
    add_extension(certificate, signer, NID_authority_key_identifier, "keyid");
    add_extension(certificate, signer, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (spec->ca)
        add_extension(certificate, signer, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
    if (spec->usage)
        add_extension(certificate, signer, NID_ext_key_usage, spec->usage);
    assert_true(X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()) > 0);
    return made;
}

struct pki pki_make(const struct pki_spec *spec, const struct pki *issuer)
{
    return make(EVP_EC_gen("P-256"), spec, issuer);
}

struct pki pki_renew(const struct pki *of, const struct pki_spec *spec, const struct pki *issuer)
{
    EVP_PKEY_up_ref(of->key);
    return make(of->key, spec, issuer);
}

void pki_free(struct pki *pki)
{
    X509_free(pki->certificate);
    EVP_PKEY_free(pki->key);
    *pki = (struct pki){0};
}

/* ---- files ---- */

const char *pki_folder(void)
{
    if (!folder[0]) {
        const char *parent = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%s/buurtaal-XXXXXX", parent && strlen(parent) < 40 ? parent : "/tmp");
        assert_non_null(mkdtemp(folder));
    }
    return folder;
}

void pki_remove_folder(void)
{
    DIR *dir = folder[0] ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir) {
        closedir(dir);
        (void)rmdir(folder);
    }
    folder[0] = '\0';
}

const char *pki_path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", pki_folder(), name);
    return path;
}

static FILE *create(const char *name, unsigned mode)
{
    const char *path = pki_path(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(chmod(path, mode), 0);
    return file;
}

void pki_write_certificates(const char *name, const struct pki *const *all, size_t count)
{
    FILE *file = create(name, 0644);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(PEM_write_X509(file, all[i]->certificate), 1);
    assert_int_equal(fclose(file), 0);
}

void pki_write_key(const char *name, const struct pki *of, unsigned mode)
{
    FILE *file = create(name, mode);
    assert_int_equal(PEM_write_PrivateKey(file, of->key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

void pki_write_text(const char *name, const char *text, unsigned mode)
{
    FILE *file = create(name, mode);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void add_revoked(X509_CRL *crl, const struct pki *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, -DAY);
    assert_int_equal(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate)), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
    assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
    ASN1_TIME_free(when);
}

void pki_write_crl(const char *name, const struct pki *issuer, const struct pki *revoked, int until)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *last = X509_gmtime_adj(NULL, -10 * DAY), *next = X509_gmtime_adj(NULL, until * DAY);
    assert_int_equal(X509_CRL_set_version(crl, 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, last), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, next), 1);
    if (revoked)
        add_revoked(crl, revoked);
    assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    FILE *file = create(name, 0644);
    assert_int_equal(PEM_write_X509_CRL(file, crl), 1);
    assert_int_equal(fclose(file), 0);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
}

void pki_fingerprint(const struct pki *of, uint8_t out[32])
{
    assert_int_equal(X509_digest(of->certificate, EVP_sha256(), out, NULL), 1);
}
