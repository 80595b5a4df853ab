/* Certificates and lists of revoked ones.
 *
 * Keys are P-256; certificates are X.509v3 with what a strict verifier (`openssl verify -x509_strict`) asks for, each
 * for servers or for clients, never for both. They are valid, as lists are, from five minutes ago, since the clocks of
 * two machines differ, and no longer than the authority that signs them, since nobody would believe them then. Serial
 * numbers are random (127 bits), so that none has to be counted. */
#include "tool_certificate.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool_memory.h"
#include "tool_text.h"

#define SKEW_SECONDS 300
#define SERIAL_BITS 127

/* ---- making ---- */

EVP_PKEY *certificate_key(void)
{
    return EVP_EC_gen("P-256");
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return set;
}

/* `last`: the end of the authority's time; NULL for its own certificate. */
static bool set_time(X509 *certificate, long days, const ASN1_TIME *last)
{
    if (!X509_gmtime_adj(X509_getm_notBefore(certificate), -SKEW_SECONDS) ||
        !X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL))
        return false;
    return !last || ASN1_TIME_compare(X509_get0_notAfter(certificate), last) <= 0 ||
           X509_set1_notAfter(certificate, last) == 1;
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

/* What it is for. */
static bool add_use(X509 *certificate, const char *const *hosts)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    bool added = add_extension(certificate, &context, NID_ext_key_usage, *hosts ? "serverAuth" : "clientAuth");
    if (added && *hosts) {
        char *names = alternative_names(hosts);
        added = add_extension(certificate, &context, NID_subject_alt_name, names);
        free(names);
    }
    return added;
}

static bool copy_use(X509 *certificate, const X509 *old)
{
    static const int kinds[] = {NID_ext_key_usage, NID_subject_alt_name};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        int at = X509_get_ext_by_NID(old, kinds[i], -1);
        if (at >= 0 && X509_add_ext(certificate, X509_get_ext(old, at), -1) != 1)
            return false;
    }
    return true;
}

static bool add_name(X509_NAME *name, int nid, const char *value)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

/* All but the Subject and what it is for. `issuer` is the certificate itself for an authority's own. */
static bool set_frame(X509 *certificate, X509 *issuer, EVP_PKEY *key, long days)
{
    bool own = issuer == certificate;
    X509V3_CTX context;
    if (X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
        !set_time(certificate, days, own ? NULL : X509_get0_notAfter(issuer)) ||
        X509_set_pubkey(certificate, key) != 1 || X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
        return false;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    return add_extension(certificate, &context, NID_basic_constraints,
                         own ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
           add_extension(certificate, &context, NID_key_usage,
                         own ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
           add_extension(certificate, &context, NID_subject_key_identifier, "hash") &&
           (own || add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always"));
}

/* The certificate when all went well, signed; else NULL. */
static X509 *finish(X509 *certificate, bool well, EVP_PKEY *key)
{
    if (well && X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

X509 *certificate_authority(EVP_PKEY *key, const char *name, long days)
{
    X509 *certificate = X509_new();
    bool well = certificate && add_name(X509_get_subject_name(certificate), NID_commonName, name) &&
                set_frame(certificate, certificate, key, days);
    return finish(certificate, well, key);
}

X509 *certificate_issue(const struct certificate_signer *signer, EVP_PKEY *key, const struct certificate_wish *wish)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
    bool well = subject && add_name(subject, NID_commonName, wish->name) &&
                (!wish->oin || add_name(subject, NID_serialNumber, wish->oin)) &&
                set_frame(certificate, signer->certificate, key, wish->days) && add_use(certificate, wish->hosts);
    return finish(certificate, well, signer->key);
}

X509 *certificate_renew(const struct certificate_signer *signer, EVP_PKEY *key, X509 *old, long days)
{
    X509 *certificate = X509_new();
    if (!key)
        key = X509_get0_pubkey(old);
    bool well = certificate && key && X509_set_subject_name(certificate, X509_get_subject_name(old)) == 1 &&
                set_frame(certificate, signer->certificate, key, days) && copy_use(certificate, old);
    return finish(certificate, well, signer->key);
}

/* ---- reading ---- */

static void read_name(X509 *certificate, int nid, char *out, size_t size)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    unsigned char *text = NULL;
    int len = at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    snprintf(out, size, "%.*s", len > 0 ? len : 0, text ? (const char *)text : "");
    OPENSSL_free(text);
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?'; /* it may be shown on a terminal */
}

static int read_time(const ASN1_TIME *time, time_t *out)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return -1;
    *out = timegm(&parts);
    return 0;
}

int certificate_describe(X509 *certificate, struct certificate_facts *facts)
{
    unsigned char hash[32];
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = serial ? BN_bn2hex(serial) : NULL;
    memset(facts, 0, sizeof *facts);
    snprintf(facts->serial, sizeof facts->serial, "%s", digits ? digits : "");
    OPENSSL_free(digits);
    BN_free(serial);
    if (!*facts->serial || X509_digest(certificate, EVP_sha256(), hash, NULL) != 1 ||
        read_time(X509_get0_notBefore(certificate), &facts->from) < 0 ||
        read_time(X509_get0_notAfter(certificate), &facts->until) < 0)
        return -1;
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(facts->fingerprint + 2 * i, 3, "%02x", hash[i]);
    read_name(certificate, NID_commonName, facts->name, sizeof facts->name);
    read_name(certificate, NID_serialNumber, facts->oin, sizeof facts->oin);
    facts->client = X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) == 1;
    facts->server = (X509_get_extended_key_usage(certificate) & XKU_SSL_SERVER) != 0 &&
                    X509_get_extended_key_usage(certificate) != UINT32_MAX;
    return 0;
}

/* One name of a certificate as text; "" for other kinds. */
static void write_host(const GENERAL_NAME *name, char out[254])
{
    out[0] = '\0';
    if (name->type == GEN_DNS)
        text_show((struct slice){(const char *)ASN1_STRING_get0_data(name->d.dNSName),
                                 (size_t)ASN1_STRING_length(name->d.dNSName)},
                  out, 254);
    else if (name->type == GEN_IPADD)
        inet_ntop(ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6,
                  ASN1_STRING_get0_data(name->d.iPAddress), out, 254);
}

void certificate_hosts(X509 *certificate, char *out, size_t room)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    char *all = memory_text("%s", ""), host[257];
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        char *before = all;
        write_host(sk_GENERAL_NAME_value(names, i), host);
        all = memory_text("%s%s%s", before, *before && *host ? ", " : "", host);
        free(before);
    }
    if (!*all)
        read_name(certificate, NID_commonName, host, sizeof host);
    text_show(slice_of(*all ? all : host), out, room);
    free(all);
    GENERAL_NAMES_free(names);
}

/* ---- revoking ---- */

/* Those of RFC 5280 (5.3.1) that fit a certificate which signs no others and does not come back. */
static const struct {
    const char *name;
    int number;
} reasons[] = {{"unspecified", CRL_REASON_UNSPECIFIED},
               {"keyCompromise", CRL_REASON_KEY_COMPROMISE},
               {"affiliationChanged", CRL_REASON_AFFILIATION_CHANGED},
               {"superseded", CRL_REASON_SUPERSEDED},
               {"cessationOfOperation", CRL_REASON_CESSATION_OF_OPERATION},
               {"privilegeWithdrawn", CRL_REASON_PRIVILEGE_WITHDRAWN}};

int certificate_reason(const char *name)
{
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (strcmp(name, reasons[i].name) == 0)
            return reasons[i].number;
    return -1;
}

const char *certificate_reason_name(int reason)
{
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].number == reason)
            return reasons[i].name;
    return NULL;
}

/* The number orders lists: the newest has the highest. The key identifier names the key that signs. */
static bool add_list_extensions(X509_CRL *list, X509 *issuer, int64_t value)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, NULL, NULL, list, 0);
    X509_EXTENSION *key = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool added = key && X509_CRL_add_ext(list, key, -1) == 1 && number && ASN1_INTEGER_set_int64(number, value) == 1 &&
                 X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, X509V3_ADD_DEFAULT) == 1;
    X509_EXTENSION_free(key);
    ASN1_INTEGER_free(number);
    return added;
}

X509_CRL *certificate_list(const struct certificate_signer *signer, int64_t number, long days)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -SKEW_SECONDS), *next = X509_time_adj_ex(NULL, (int)days, 0, NULL);
    bool well = list && now && next && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(list, X509_get_subject_name(signer->certificate)) == 1 &&
                X509_CRL_set1_lastUpdate(list, now) == 1 && X509_CRL_set1_nextUpdate(list, next) == 1 &&
                add_list_extensions(list, signer->certificate, number);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    if (well)
        return list;
    X509_CRL_free(list);
    return NULL;
}

int certificate_list_add(X509_CRL *list, X509 *certificate, time_t at, int reason)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, at);
    ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
    bool well = revoked && when && why && ASN1_ENUMERATED_set(why, reason) == 1 &&
                X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(certificate)) == 1 &&
                X509_REVOKED_set_revocationDate(revoked, when) == 1;
    if (well && reason != CRL_REASON_UNSPECIFIED) /* is left out, by the RFC */
        well = X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, why, 0, X509V3_ADD_DEFAULT) == 1;
    well = well && X509_CRL_add0_revoked(list, revoked) == 1;
    ASN1_TIME_free(when);
    ASN1_ENUMERATED_free(why);
    if (!well)
        X509_REVOKED_free(revoked);
    return well ? 0 : -1;
}

int certificate_list_sign(X509_CRL *list, const struct certificate_signer *signer)
{
    return X509_CRL_sort(list) == 1 && X509_CRL_sign(list, signer->key, EVP_sha256()) > 0 ? 0 : -1;
}
