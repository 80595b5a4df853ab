/* The files that a profile names. What OpenSSL says of them, in words of people.
 *
 * Rules: a key that wants a pass phrase is not usable, since nobody is asked for it. */
#include "tool_credentials.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>

/* What OpenSSL's words say that people meet often. Of a file without what was looked for it tells in the data what that
 * was; reason 0 stands for all of the library. */
static const struct meaning {
    int lib, reason;
    const char *data; /* NULL: whatever it is */
    enum text_id text;
} meanings[] = {
    {ERR_LIB_PEM, PEM_R_NO_START_LINE, "X509 CRL", TEXT_REASON_NO_LIST},
    {ERR_LIB_PEM, PEM_R_NO_START_LINE, "PRIVATE KEY", TEXT_REASON_NO_KEY},
    {ERR_LIB_PEM, PEM_R_NO_START_LINE, NULL, TEXT_REASON_NO_CERTIFICATE},
    {ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND, NULL, TEXT_REASON_NO_CERTIFICATE},
    {ERR_LIB_OSSL_DECODER, ERR_R_UNSUPPORTED, NULL, TEXT_REASON_NO_KEY},
    {ERR_LIB_CRYPTO, ERR_R_INTERRUPTED_OR_CANCELLED, NULL, TEXT_REASON_LOCKED},
    {ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ, NULL, TEXT_REASON_LOCKED},
    {ERR_LIB_UI, 0, NULL, TEXT_REASON_LOCKED}, /* there is no terminal to ask at */
    {ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH, NULL, TEXT_REASON_OTHER_KEY},
    {ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH, NULL, TEXT_REASON_OTHER_KEY},
    {ERR_LIB_EVP, EVP_R_DIFFERENT_KEY_TYPES, NULL, TEXT_REASON_OTHER_KEY},
    {ERR_LIB_SSL, SSL_R_NO_CERTIFICATE_ASSIGNED, NULL, TEXT_REASON_OTHER_KEY}, /* one of another kind */
    {ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING, NULL, TEXT_REASON_HUNG_UP},
    {ERR_LIB_PEM, 0, NULL, TEXT_REASON_DAMAGED},
    {ERR_LIB_ASN1, 0, NULL, TEXT_REASON_DAMAGED},
};

const char *credentials_reason(enum text_lang lang)
{
    const char *data = "";
    int flags = 0;
    unsigned long error = ERR_peek_error_data(&data, &flags);
    int lib = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);
    if (ERR_SYSTEM_ERROR(error))
        return text_reason(lang, reason);
    for (size_t i = 0; i < COUNT(meanings); i++)
        if (meanings[i].lib == lib && (meanings[i].reason == 0 || meanings[i].reason == reason) &&
            (!meanings[i].data || strstr(data, meanings[i].data)))
            return text_of(lang, meanings[i].text);
    const char *words = ERR_reason_error_string(error);
    return words ? words : "OpenSSL";
}

int credentials_key_closed(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -1;
    return (st.st_mode & 0027) == 0;
}

/* OpenSSL would ask the terminal for the pass phrase. */
static int no_pass_phrase(char *out, int size, int writing, void *unused)
{
    (void)out, (void)size, (void)writing, (void)unused;
    return -1;
}

static BIO *open_file(const char *path)
{
    ERR_clear_error();
    return BIO_new_file(path, "r");
}

int credentials_certificate(const char *path, struct certificate_facts *facts, const char **why, enum text_lang lang)
{
    BIO *in = open_file(path);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL) : NULL;
    int result = certificate ? certificate_describe(certificate, facts) : -1;
    if (result < 0)
        *why = credentials_reason(lang);
    else if (!facts->client) {
        *why = text_of(lang, TEXT_REASON_NO_CLIENT);
        result = -1;
    }
    BIO_free(in);
    X509_free(certificate);
    return result;
}

int credentials_ca(const char *path, struct certificate_facts *facts, const char **why, enum text_lang lang)
{
    BIO *in = open_file(path);
    X509 *certificate = NULL;
    bool any = false;
    while (in && (certificate = PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL))) {
        struct certificate_facts one;
        int result = certificate_describe(certificate, &one);
        X509_free(certificate);
        if (result < 0)
            continue; /* the connection will say more of it */
        if (!any)
            *facts = one;
        facts->until = one.until > facts->until ? one.until : facts->until;
        any = true;
    }
    if (!any)
        *why = credentials_reason(lang);
    ERR_clear_error(); /* of the end of the file */
    BIO_free(in);
    return any ? 0 : -1;
}

int credentials_key(const char *path, const char *certificate_path, const char **why, enum text_lang lang)
{
    BIO *in = open_file(certificate_path);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(in);
    in = open_file(path);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(in);
    bool match = key && certificate && X509_check_private_key(certificate, key) == 1;
    if (!match)
        *why = credentials_reason(lang);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return match ? 0 : -1;
}
