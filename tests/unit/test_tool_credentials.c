/* The files that a profile names: whatever is wrong with one is told in words of people, never in OpenSSL's. */
#include "tool_credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki.h"

static void write_key(const char *name, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
    FILE *file = fopen(pki_path(name), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, cipher, cipher ? "secret" : NULL, cipher ? 6 : 0, NULL, NULL),
                     1);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, NULL);
    struct pki other = pki_make(&(struct pki_spec){.name = "25PJ"}, NULL);
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    (void)state;
    pki_folder();
    pki_write_certificates("own.pem", (const struct pki *[]){&own}, 1);
    write_key("own.key", own.key, NULL);
    write_key("locked.key", own.key, EVP_aes_128_cbc());
    write_key("other.key", other.key, NULL);
    write_key("rsa.key", rsa, NULL);
    pki_write_text("empty.pem", "", 0600);
    pki_write_text("text.pem", "no certificate\n", 0600);
    pki_write_text("damaged.pem", "-----BEGIN CERTIFICATE-----\n*AAA\n-----END CERTIFICATE-----\n", 0600);
    pki_write_text("wrong.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0600);
    pki_write_text("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n", 0600);
    EVP_PKEY_free(rsa);
    pki_free(&own);
    pki_free(&other);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_remove_folder();
    return 0;
}

static int look(char what, const char *name, const char **why)
{
    struct certificate_facts facts;
    char path[256], certificate[256];
    snprintf(path, sizeof path, "%s", pki_path(name));
    snprintf(certificate, sizeof certificate, "%s", pki_path("own.pem"));
    return what == 'c'   ? credentials_certificate(path, &facts, why, TEXT_EN)
           : what == 'a' ? credentials_ca(path, &facts, why, TEXT_EN)
                         : credentials_key(path, certificate, why, TEXT_EN);
}

static void what_is_wrong_is_told_in_words_of_people(void **state)
{
    static const struct {
        char what; /* a certificate, the certificates of CAs, the key of own.pem */
        const char *name, *why;
    } rows[] = {
        {'c', "own.pem", ""},
        {'a', "own.pem", ""},
        {'k', "own.key", ""},
        {'c', "absent.pem", "there is no such file"},
        {'c', "empty.pem", "it holds no certificate in PEM"},
        {'c', "text.pem", "it holds no certificate in PEM"},
        {'c', "own.key", "it holds no certificate in PEM"},
        {'a', "own.key", "it holds no certificate in PEM"},
        {'c', "damaged.pem", "its PEM is damaged or cut off"},
        {'c', "wrong.pem", "its PEM is damaged or cut off"},
        {'a', "cut.pem", "its PEM is damaged or cut off"},
        {'k', "absent.key", "there is no such file"},
        {'k', "empty.pem", "it holds no private key in PEM"},
        {'k', "own.pem", "it holds no private key in PEM"},
        {'k', "locked.key", "this key is behind a pass phrase"},
        {'k', "other.key", "this key does not belong to the certificate"},
        {'k', "rsa.key", "this key does not belong to the certificate"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *why = "";
        int result = look(rows[i].what, rows[i].name, &why);
        if (result != (rows[i].why[0] ? -1 : 0) || !strstr(why, rows[i].why))
            fail_msg("%c %s: %d, `%s`, not `%s`", rows[i].what, rows[i].name, result, why, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_wrong_is_told_in_words_of_people)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
