/* The settings of TLS: files that are refused, and what versions, suites, keys and chains a handshake comes off with.
 */
#include "tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tls_world.h"

static void expect_refusal(const struct config *config, const char *setting, const char *path, const char *reason)
{
    char why[512] = "";
    assert_null(tls_new(config, why, sizeof why));
    if (!strstr(why, setting) || !strstr(why, path) || !strstr(why, reason))
        fail_msg("`%s` does not name `%s`, `%s` and `%s`", why, setting, path, reason);
}

/* ---- loading ---- */

static void a_key_file_with_bad_modes_is_refused(void **state)
{
    struct config config = tls_world_config();
    static const unsigned bad[] = {0604, 0602, 0601, 0620, 0660, 0666, 0777};
    static const unsigned good[] = {0400, 0600, 0640, 0440};
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(chmod(config.tls_key, bad[i]), 0);
        expect_refusal(&config, "[tls] key", config.tls_key, "chmod");
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(chmod(config.tls_key, good[i]), 0);
        tls_release(tls_world_load(&config));
    }
    assert_int_equal(chmod(config.tls_key, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(config.tls_key, 65534, 65534), 0);
        expect_refusal(&config, "[tls] key", config.tls_key, "another user");
        assert_int_equal(chown(config.tls_key, 0, 0), 0);
    }
    config.tls_key = pki_folder();
    expect_refusal(&config, "[tls] key", config.tls_key, "not a regular file");
    config.tls_key = pki_path("absent.key");
    expect_refusal(&config, "[tls] key", config.tls_key, "No such file");
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    pki_write_key("other.key", &world->other_ca, 0600);
    config.tls_key = pki_path("other.key");
    expect_refusal(&config, "[tls] key", config.tls_key, "not the key of [tls] certificate");
    pki_write_text("other.key", "no key\n", 0600);
    expect_refusal(&config, "[tls] key", config.tls_key, "holds no private key in PEM");
    config.tls_key = config.tls_certificate;
    assert_int_equal(chmod(config.tls_key, 0600), 0);
    expect_refusal(&config, "[tls] key", config.tls_key, "holds no private key in PEM");
}

/* It must not ask the terminal either: a test has none to answer. */
static void a_key_with_a_pass_phrase_is_refused(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    FILE *file = fopen(pki_path("locked.key"), "w");
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, world->server.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    fclose(file);
    assert_int_equal(chmod(pki_path("locked.key"), 0600), 0);
    config.tls_key = pki_path("locked.key");
    expect_refusal(&config, "[tls] key", config.tls_key, "is behind a pass phrase");
}

static void broken_files_are_refused(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki client = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    pki_write_text("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0644);
    pki_write_text("empty.pem", "", 0644);
    pki_write_certificates("client.pem", (const struct pki *[]){&client}, 1);

    config.tls_certificate = pki_path("absent.pem");
    expect_refusal(&config, "[tls] certificate", config.tls_certificate, "No such file");
    config.tls_certificate = pki_path("broken.pem");
    expect_refusal(&config, "[tls] certificate", config.tls_certificate, "PEM is damaged or cut off");
    config.tls_certificate = pki_path("empty.pem");
    expect_refusal(&config, "[tls] certificate", config.tls_certificate, "holds no certificate in PEM");
    config = tls_world_config();
    config.tls_ca = pki_path("absent.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "No such file");
    config.tls_ca = pki_path("broken.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "PEM is damaged or cut off");
    config.tls_ca = pki_path("empty.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "holds no certificate in PEM");
    config.tls_ca = pki_path("client.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "not a CA's");
    config = tls_world_config();
    config.tls_crl = pki_path("absent.crl");
    expect_refusal(&config, "[tls] crl", config.tls_crl, "No such file");
    config.tls_crl = pki_path("empty.pem");
    expect_refusal(&config, "[tls] crl", config.tls_crl, "holds no list of revoked certificates in PEM");
    pki_write_crl("other.crl", &world->other_ca, NULL, 30);
    config.tls_crl = pki_path("other.crl");
    expect_refusal(&config, "[tls] crl", config.tls_crl, "none of [tls] ca has signed");
    pki_free(&client);
}

/* ---- versions and suites ---- */

static void expect_handshake(const struct config *config, const struct pki *own, int version, const char *suites,
                             bool agrees)
{
    struct tls *tls = tls_world_load(config);
    int fds[2];
    struct tls_meeting meeting = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    meeting.server_fd = fds[0];
    tls_client_open(&meeting.client, fds[1], own, NULL, version);
    if (suites) {
        SSL_set_security_level(meeting.client.ssl, 0);
        assert_int_equal(SSL_set_cipher_list(meeting.client.ssl, suites), 1);
    }
    meeting.server = tls_connection(tls, fds[0], &meeting.peer);
    for (int i = 0; i < 100 && !meeting.client.failed && !(meeting.agreed && meeting.client.agreed); i++) {
        tls_client_step(&meeting.client);
        meeting.agreed = meeting.agreed || SSL_do_handshake(meeting.server) == 1;
    }
    assert_int_equal(meeting.agreed && meeting.client.agreed, agrees);
    tls_world_part(&meeting);
    tls_release(tls);
}

static void tls_1_2_only_where_it_is_allowed(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    expect_handshake(&config, &own, TLS1_3_VERSION, NULL, true);
    expect_handshake(&config, &own, TLS1_2_VERSION, NULL, false);
    config.tls_min = TLS_MIN_1_2;
    expect_handshake(&config, &own, TLS1_3_VERSION, NULL, true);
    expect_handshake(&config, &own, TLS1_2_VERSION, NULL, true);
    expect_handshake(&config, &own, TLS1_1_VERSION, "DEFAULT:@SECLEVEL=0", false);
    pki_free(&own);
}

static void of_tls_1_2_only_sufficient_suites(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    config.tls_min = TLS_MIN_1_2;
    expect_handshake(&config, &own, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true);
    expect_handshake(&config, &own, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true);
    expect_handshake(&config, &own, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true);
    expect_handshake(&config, &own, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384", false);
    expect_handshake(&config, &own, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", false);
    expect_handshake(&config, &own, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM", false);
    expect_handshake(&config, &own, TLS1_2_VERSION, "AES128-GCM-SHA256", false);
    pki_free(&own);
}

static void a_verdict_of_tls_1_2_is_the_same(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU", .from = -20, .until = -1}, &world->ca);
    struct tls_meeting meeting;
    config.tls_min = TLS_MIN_1_2;
    struct tls *tls = tls_world_load(&config);
    tls_world_meet(&meeting, tls, &own, NULL, TLS1_2_VERSION);
    assert_true(meeting.agreed);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_EXPIRED);
    assert_int_equal(meeting.client.tickets, 0);
    tls_world_part(&meeting);
    tls_release(tls);
    pki_free(&own);
}

/* A key that gives itself out for `shown` but can only sign as `real`. */
static EVP_PKEY *false_key(const EVP_PKEY *shown, const EVP_PKEY *real)
{
    unsigned char public[128];
    size_t len;
    BIGNUM *private = NULL;
    EVP_PKEY *made = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_get_octet_string_param(shown, "pub", public, sizeof public, &len), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(real, "priv", &private), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(build, "group", "P-256", 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_octet_string(build, "pub", public, len), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(build, "priv", private), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(private);
    return made;
}

static void a_certificate_without_its_key_is_no_handshake(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct pki thief = pki_make(&(struct pki_spec){.name = "thief"}, &world->ca);
    struct pki stolen = {own.certificate, false_key(own.key, thief.key)};
    config.tls_min = TLS_MIN_1_2;
    struct tls *tls = tls_world_load(&config);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_meeting meeting;
        tls_world_meet(&meeting, tls, &stolen, NULL, versions[i]);
        assert_false(meeting.agreed);
        assert_true(meeting.client.failed);
        tls_world_part(&meeting);
    }
    tls_release(tls);
    EVP_PKEY_free(stolen.key);
    pki_free(&own);
    pki_free(&thief);
}

static void a_huge_chain_ends_the_handshake(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct tls *tls = tls_world_load(&config);
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct tls_meeting meeting = {0};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    meeting.server_fd = fds[0];
    tls_client_open(&meeting.client, fds[1], &own, NULL, 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(SSL_add1_chain_cert(meeting.client.ssl, world->other_ca.certificate), 1);
    meeting.server = tls_connection(tls, fds[0], &meeting.peer);
    for (int i = 0; i < 100 && !meeting.client.failed; i++) {
        tls_client_step(&meeting.client);
        meeting.agreed = meeting.agreed || SSL_do_handshake(meeting.server) == 1;
    }
    assert_false(meeting.agreed);
    assert_true(meeting.client.failed);
    tls_world_part(&meeting);
    tls_release(tls);
    pki_free(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_file_with_bad_modes_is_refused),
        cmocka_unit_test(a_key_of_another_certificate_is_refused),
        cmocka_unit_test(a_key_with_a_pass_phrase_is_refused),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(tls_1_2_only_where_it_is_allowed),
        cmocka_unit_test(of_tls_1_2_only_sufficient_suites),
        cmocka_unit_test(a_verdict_of_tls_1_2_is_the_same),
        cmocka_unit_test(a_certificate_without_its_key_is_no_handshake),
        cmocka_unit_test(a_huge_chain_ends_the_handshake),
    };
    return cmocka_run_group_tests_name("tls", tests, tls_world_set_up, tls_world_tear_down);
}
