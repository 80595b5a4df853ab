/* A private certification authority in a folder.
 *
 * Keys are P-256; certificates are X.509v3 with what a strict verifier asks for. They are valid from five minutes ago,
 * since the clocks of two machines differ. Serial numbers are random, so that no counter has to be kept. */
#define _GNU_SOURCE
#include "tool_authority.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_memory.h"

#define SKEW_SECONDS 300
#define SERIAL_BITS 127

/* ---- faults ---- */

static int refuse_file(enum text_lang lang, enum text_id id, const char *path, const char *reason)
{
    text_tell(lang, id, path, reason);
    return -1;
}

static int refuse_openssl(enum text_lang lang, const char *path)
{
    unsigned long error = ERR_peek_error();
    const char *words =
        ERR_SYSTEM_ERROR(error) ? text_reason(lang, ERR_GET_REASON(error)) : ERR_reason_error_string(error);
    return refuse_file(lang, TEXT_FILE_UNREAD, path, words ? words : "OpenSSL");
}

/* ---- files ---- */

static char *path_in(const char *folder, const char *name, const char *kind)
{
    return memory_text("%s/%s.%s", folder, name, kind);
}

/* What a file holds: exactly one is set. */
struct content {
    EVP_PKEY *key;
    X509 *certificate;
    X509_CRL *list;
};

static bool print_content(BIO *out, const struct content *content)
{
    if (content->key)
        return PEM_write_bio_PKCS8PrivateKey(out, content->key, NULL, NULL, 0, NULL, NULL) == 1;
    if (content->certificate)
        return PEM_write_bio_X509(out, content->certificate) == 1;
    return PEM_write_bio_X509_CRL(out, content->list) == 1;
}

/* Makes a new file. 0; -1 after telling why, with nothing left behind. */
static int write_new(const char *path, mode_t mode, const struct content *content, enum text_lang lang)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return refuse_file(lang, TEXT_FILE_UNWRITTEN, path, text_reason(lang, errno));
    BIO *out = BIO_new_fd(fd, BIO_NOCLOSE);
    bool written = out && print_content(out, content) && BIO_flush(out) == 1 && fsync(fd) == 0;
    BIO_free(out);
    if (close(fd) == 0 && written)
        return 0;
    refuse_file(lang, TEXT_FILE_UNWRITTEN, path, text_reason(lang, errno));
    unlink(path);
    return -1;
}

static X509 *read_certificate(const char *path, enum text_lang lang)
{
    ERR_clear_error();
    BIO *in = BIO_new_file(path, "r");
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    if (!certificate)
        refuse_openssl(lang, path);
    BIO_free(in);
    return certificate;
}

static EVP_PKEY *read_key(const char *path, enum text_lang lang)
{
    ERR_clear_error();
    BIO *in = BIO_new_file(path, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    if (!key)
        refuse_openssl(lang, path);
    BIO_free(in);
    return key;
}

/* The authority's own certificate and key. */
struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static int read_authority(struct authority *authority, const char *folder, enum text_lang lang)
{
    char *certificate = path_in(folder, "ca", "pem"), *key = path_in(folder, "ca", "key");
    authority->key = NULL;
    authority->certificate = read_certificate(certificate, lang);
    if (authority->certificate)
        authority->key = read_key(key, lang);
    int result = authority->key ? 0 : -1;
    if (result == 0 && X509_check_private_key(authority->certificate, authority->key) != 1)
        result = refuse_openssl(lang, key);
    free(certificate);
    free(key);
    return result;
}

static void free_authority(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

/* ---- certificates ---- */

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return set;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/* `DNS:registry.example,IP:192.0.2.1`; the caller frees. */
static char *alternative_names(const char *const *hosts)
{
    char *names = memory_text("%s", "");
    for (; *hosts; hosts++) {
        struct in6_addr address;
        bool number = inet_pton(AF_INET, *hosts, &address) == 1 || inet_pton(AF_INET6, *hosts, &address) == 1;
        char *longer = memory_text("%s%s%s:%s", names, *names ? "," : "", number ? "IP" : "DNS", *hosts);
        free(names);
        names = longer;
    }
    return names;
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct authority_wish *wish)
{
    bool ca = issuer == certificate, server = wish->hosts[0] != NULL;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    bool added = add_extension(certificate, &context, NID_basic_constraints,
                               ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
                 add_extension(certificate, &context, NID_key_usage,
                               ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
                 add_extension(certificate, &context, NID_subject_key_identifier, "hash") &&
                 (ca || add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always")) &&
                 (ca || add_extension(certificate, &context, NID_ext_key_usage, server ? "serverAuth" : "clientAuth"));
    if (added && server) {
        char *names = alternative_names(wish->hosts);
        added = add_extension(certificate, &context, NID_subject_alt_name, names);
        free(names);
    }
    return added;
}

static bool add_name(X509_NAME *name, int nid, const char *value)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

/* A certificate for `key`, signed by `authority`, or by itself where that is NULL. The caller owns the result; NULL
 * with OpenSSL's error. */
static X509 *make_certificate(EVP_PKEY *key, const struct authority *authority, const struct authority_wish *wish)
{
    X509 *certificate = X509_new();
    if (!certificate)
        return NULL;
    X509 *issuer = authority ? authority->certificate : certificate;
    X509_NAME *name = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -SKEW_SECONDS) &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), (int)wish->days, 0, NULL) &&
        X509_set_pubkey(certificate, key) == 1 && add_name(name, NID_commonName, wish->name) &&
        (!wish->oin || add_name(name, NID_serialNumber, wish->oin)) &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
        add_extensions(certificate, issuer, wish) &&
        X509_sign(certificate, authority ? authority->key : key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* Makes a key and a certificate for it, and files for both, which are called `file`. */
static int make_pair(const char *folder, const char *file, const struct authority *authority,
                     const struct authority_wish *wish, enum text_lang lang)
{
    char *key_path = path_in(folder, file, "key"), *certificate_path = path_in(folder, file, "pem");
    struct content key = {.key = NULL}, certificate = {.certificate = NULL};
    int result = -1;
    ERR_clear_error();
    key.key = EVP_EC_gen("P-256");
    if (key.key)
        certificate.certificate = make_certificate(key.key, authority, wish);
    if (!certificate.certificate) {
        refuse_openssl(lang, certificate_path);
    } else if (write_new(key_path, 0600, &key, lang) == 0) {
        result = write_new(certificate_path, 0644, &certificate, lang);
        if (result < 0)
            unlink(key_path);
    }
    EVP_PKEY_free(key.key);
    X509_free(certificate.certificate);
    free(key_path);
    free(certificate_path);
    return result;
}

/* Whether a name can be that of a file in the folder. */
static int check_name(const char *name, enum text_lang lang)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);
    if (len > 0 && len <= 64 && name[0] != '.' && name[0] != '-' && strspn(name, allowed) == len)
        return 0;
    text_tell(lang, TEXT_CA_NAME, name);
    return -1;
}

/* ---- what it does ---- */

int authority_init(const char *folder, const char *name, long days, enum text_lang lang)
{
    const struct authority_wish wish = {.name = name, .days = days};
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return refuse_file(lang, TEXT_FILE_UNWRITTEN, folder, text_reason(lang, errno));
    return make_pair(folder, "ca", NULL, &wish, lang);
}

int authority_issue(const char *folder, const struct authority_wish *wish, enum text_lang lang)
{
    struct authority authority;
    if (check_name(wish->name, lang) < 0)
        return -1;
    int result = read_authority(&authority, folder, lang);
    if (result == 0)
        result = make_pair(folder, wish->name, &authority, wish, lang);
    free_authority(&authority);
    return result;
}

int authority_fingerprint(const char *path, char fingerprint[65], enum text_lang lang)
{
    unsigned char hash[32];
    X509 *certificate = read_certificate(path, lang);
    if (!certificate)
        return -1;
    int made = X509_digest(certificate, EVP_sha256(), hash, NULL);
    X509_free(certificate);
    for (size_t i = 0; made == 1 && i < sizeof hash; i++)
        snprintf(fingerprint + 2 * i, 3, "%02x", hash[i]);
    return made == 1 ? 0 : refuse_openssl(lang, path);
}

/* ---- revoking ---- */

/* The list that is there, or a new one. */
static X509_CRL *read_list(const char *path, enum text_lang lang)
{
    ERR_clear_error();
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return X509_CRL_new();
    BIO *in = BIO_new_file(path, "r");
    X509_CRL *list = in ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;
    if (!list)
        refuse_openssl(lang, path);
    BIO_free(in);
    return list;
}

/* Adds a certificate to the list, unless it is there. */
static bool add_revoked(X509_CRL *list, X509 *certificate, ASN1_TIME *now)
{
    X509_REVOKED *found = NULL;
    if (X509_CRL_get0_by_cert(list, &found, certificate) == 1)
        return true;
    X509_REVOKED *revoked = X509_REVOKED_new();
    if (revoked && X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(certificate)) == 1 &&
        X509_REVOKED_set_revocationDate(revoked, now) == 1 && X509_CRL_add0_revoked(list, revoked) == 1)
        return true;
    X509_REVOKED_free(revoked);
    return false;
}

/* Gives the list the next number; a verifier takes the one with the highest. */
static bool count_up(X509_CRL *list)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
    int64_t value = 0;
    bool counted = !number || ASN1_INTEGER_get_int64(&value, number) == 1;
    if (!number)
        number = ASN1_INTEGER_new();
    counted = counted && number && ASN1_INTEGER_set_int64(number, value + 1) == 1 &&
              X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, X509V3_ADD_REPLACE) == 1;
    ASN1_INTEGER_free(number);
    return counted;
}

/* Names the key that signs. */
static bool name_key(X509_CRL *list, X509 *issuer)
{
    X509V3_CTX context;
    int at = X509_CRL_get_ext_by_NID(list, NID_authority_key_identifier, -1);
    X509_EXTENSION_free(at >= 0 ? X509_CRL_delete_ext(list, at) : NULL);
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, NULL, NULL, list, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool added = extension && X509_CRL_add_ext(list, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool renew_list(X509_CRL *list, const struct authority *authority, X509 *revoked, long days)
{
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *next = X509_time_adj_ex(NULL, (int)days, 0, NULL);
    bool renewed = now && next && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
                   X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate)) == 1 &&
                   X509_CRL_set1_lastUpdate(list, now) == 1 && X509_CRL_set1_nextUpdate(list, next) == 1 &&
                   (!revoked || add_revoked(list, revoked, now)) && count_up(list) &&
                   name_key(list, authority->certificate) && X509_CRL_sort(list) == 1 &&
                   X509_CRL_sign(list, authority->key, EVP_sha256()) > 0;
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    return renewed;
}

static int replace_list(const char *path, X509_CRL *list, enum text_lang lang)
{
    const struct content content = {.list = list};
    char *draft = memory_text("%s.new", path);
    unlink(draft); /* of a run that was cut off */
    int result = write_new(draft, 0644, &content, lang);
    if (result == 0 && rename(draft, path) < 0)
        result = refuse_file(lang, TEXT_FILE_UNWRITTEN, path, text_reason(lang, errno));
    free(draft);
    return result;
}

int authority_revoke(const char *folder, const char *name, long days, enum text_lang lang)
{
    struct authority authority;
    X509 *revoked = NULL;
    if (name && check_name(name, lang) < 0)
        return -1;
    int result = read_authority(&authority, folder, lang);
    char *list_path = path_in(folder, "crl", "pem"), *path = path_in(folder, name ? name : "ca", "pem");
    if (result == 0 && name && !(revoked = read_certificate(path, lang)))
        result = -1;
    X509_CRL *list = result == 0 ? read_list(list_path, lang) : NULL;
    if (result == 0 && (!list || !renew_list(list, &authority, revoked, days)))
        result = refuse_openssl(lang, list_path);
    if (result == 0)
        result = replace_list(list_path, list, lang);
    X509_CRL_free(list);
    X509_free(revoked);
    free(path);
    free(list_path);
    free_authority(&authority);
    return result;
}
