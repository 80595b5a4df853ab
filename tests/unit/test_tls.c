/* The settings of TLS, as they are loaded, and every verdict on a client's certificate, in real handshakes. */
#include "tls.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "config.h"
#include "log.h"
#include "pki.h"
#include "stream.h"
#include "tls_client.h"

#define OIN "00000007025LU0000000"

/* The authority whose certificates are trusted, another, and the daemon's own certificate. */
struct world {
    struct pki ca, other_ca, server;
    struct config config;
};

static int set_up(void **state)
{
    static struct world world;
    signal(SIGPIPE, SIG_IGN);
    log_level(LOG_LEVEL_ERROR);
    world.ca = pki_make(&(struct pki_spec){.name = "CA", .ca = true}, NULL);
    world.other_ca = pki_make(&(struct pki_spec){.name = "Other CA", .ca = true}, NULL);
    world.server = pki_make(&(struct pki_spec){.name = "registry", .usage = "serverAuth"}, &world.ca);
    pki_write_certificates("server.pem", (const struct pki *[]){&world.server}, 1);
    pki_write_key("server.key", &world.server, 0600);
    pki_write_certificates("ca.pem", (const struct pki *[]){&world.ca}, 1);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    pki_free(&world->ca);
    pki_free(&world->other_ca);
    pki_free(&world->server);
    pki_remove_folder();
    return 0;
}

/* The configuration that works; tests change what they are about. pki_path's buffers take turns, so these have their
 * own. */
static struct config good_config(void)
{
    static char certificate[128], key[128], ca[128];
    snprintf(certificate, sizeof certificate, "%s", pki_path("server.pem"));
    snprintf(key, sizeof key, "%s", pki_path("server.key"));
    snprintf(ca, sizeof ca, "%s", pki_path("ca.pem"));
    return (struct config){.tls_certificate = certificate, .tls_key = key, .tls_ca = ca};
}

static struct tls *load(const struct config *config)
{
    char why[512] = "";
    struct tls *tls = tls_new(config, why, sizeof why);
    if (!tls)
        fail_msg("%s", why);
    return tls;
}

static void expect_refusal(const struct config *config, const char *setting, const char *path, const char *reason)
{
    char why[512] = "";
    assert_null(tls_new(config, why, sizeof why));
    if (!strstr(why, setting) || !strstr(why, path) || !strstr(why, reason))
        fail_msg("`%s` does not name `%s`, `%s` and `%s`", why, setting, path, reason);
}

/* ---- verdicts ---- */

struct meeting {
    SSL *server;
    struct tls_client client;
    struct stream_peer peer;
    int server_fd;
    bool agreed;
};

/* A handshake from end to end; at most 1,000 steps of each side, of which some ten are needed. */
static void meet(struct meeting *meeting, struct tls *tls, const struct pki *own, const struct pki *chain, int version)
{
    int fds[2];
    *meeting = (struct meeting){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    meeting->server_fd = fds[0];
    tls_client_open(&meeting->client, fds[1], own, chain, version);
    meeting->server = tls_connection(tls, fds[0], &meeting->peer);
    meeting->peer.verdict = TLS_PEER_NONE;
    assert_non_null(meeting->server);
    for (int i = 0; i < 1000 && !(meeting->agreed && meeting->client.agreed); i++) {
        tls_client_step(&meeting->client);
        int result = SSL_do_handshake(meeting->server);
        meeting->agreed = result == 1;
        if (result != 1 && SSL_get_error(meeting->server, result) != SSL_ERROR_WANT_READ)
            break;
    }
    tls_client_step(&meeting->client);
    if (meeting->agreed)
        assert_int_equal(tls_identify(meeting->server, &meeting->peer), 0);
}

static void part(struct meeting *meeting)
{
    SSL_free(meeting->server);
    close(meeting->server_fd);
    tls_client_free(&meeting->client);
}

/* The verdict on a certificate; what else is known is checked here. */
static void expect_verdict_in_chain(struct tls *tls, const struct pki *own, const struct pki *chain,
                                    enum tls_peer_verdict verdict, const struct pki *issuer)
{
    uint8_t expected[32] = {0}, zeros[32] = {0};
    struct meeting meeting;
    meet(&meeting, tls, own, chain, 0);
    assert_true(meeting.agreed && meeting.client.agreed);
    assert_int_equal(meeting.peer.verdict, verdict);
    if (own)
        pki_fingerprint(own, expected);
    assert_memory_equal(meeting.peer.fingerprint, expected, 32);
    if (issuer)
        pki_fingerprint(issuer, expected);
    assert_memory_equal(meeting.peer.issuer, issuer ? expected : zeros, 32);
    part(&meeting);
}

static void expect_verdict(struct tls *tls, const struct pki *own, enum tls_peer_verdict verdict,
                           const struct pki *issuer)
{
    expect_verdict_in_chain(tls, own, NULL, verdict, issuer);
}

/* Makes a certificate of `issuer`, expects the verdict with the given settings, and forgets it. */
static void expect_verdict_on(const struct config *config, const struct pki_spec *spec, const struct pki *issuer,
                              enum tls_peer_verdict verdict, const struct pki *known_issuer)
{
    struct tls *tls = load(config);
    struct pki own = pki_make(spec, issuer);
    expect_verdict(tls, &own, verdict, known_issuer);
    pki_free(&own);
    tls_release(tls);
}

static void a_good_certificate_is_good(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .usage = "clientAuth"}, &world->ca, TLS_PEER_GOOD,
                      &world->ca);
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &world->ca, TLS_PEER_GOOD, &world->ca);
}

static void no_certificate_is_none(void **state)
{
    struct config config = good_config();
    struct tls *tls = load(&config);
    (void)state;
    expect_verdict(tls, NULL, TLS_PEER_NONE, NULL);
    tls_release(tls);
}

static void an_expired_certificate_is_expired(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .from = -20, .until = -1}, &world->ca,
                      TLS_PEER_EXPIRED, &world->ca);
}

static void a_certificate_of_the_future_is_not_yet(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .from = 1, .until = 20}, &world->ca, TLS_PEER_NOT_YET,
                      &world->ca);
}

static void a_certificate_of_another_ca_is_other_ca(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &world->other_ca, TLS_PEER_OTHER_CA, NULL);
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, NULL, TLS_PEER_OTHER_CA, NULL);
    /* Its own words about its time are no better than the rest. */
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .from = -20, .until = -1}, &world->other_ca,
                      TLS_PEER_OTHER_CA, NULL);
}

static void a_ca_of_the_same_name_is_other_ca(void **state)
{
    struct config config = good_config();
    struct pki impostor = pki_make(&(struct pki_spec){.name = "CA", .ca = true}, NULL);
    (void)state;
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &impostor, TLS_PEER_OTHER_CA, NULL);
    pki_free(&impostor);
}

static void a_forged_signature_is_other_ca(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct tls *tls = load(&config);
    struct pki forger = pki_make(&(struct pki_spec){.name = "forger"}, NULL);
    struct pki forged = {world->ca.certificate, forger.key}; /* all that is said of the CA is true but the key */
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &forged);
    expect_verdict(tls, &own, TLS_PEER_OTHER_CA, NULL);
    pki_free(&own);
    pki_free(&forger);
    tls_release(tls);
}

static void a_certificate_for_servers_is_other_ca(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .usage = "serverAuth"}, &world->ca, TLS_PEER_OTHER_CA,
                      NULL);
}

static void what_a_client_signed_is_other_ca(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct tls *tls = load(&config);
    struct pki client = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct pki below = pki_make(&(struct pki_spec){.name = "01AA"}, &client);
    expect_verdict_in_chain(tls, &below, &client, TLS_PEER_OTHER_CA, NULL);
    pki_free(&below);
    pki_free(&client);
    tls_release(tls);
}

static void the_ca_itself_is_other_ca(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct tls *tls = load(&config);
    expect_verdict(tls, &world->ca, TLS_PEER_OTHER_CA, NULL);
    tls_release(tls);
}

/* A CA that another has signed is trusted alone; and one that a trusted CA has signed is trusted through it. */
static void a_ca_is_trusted_as_it_stands(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct pki middle = pki_make(&(struct pki_spec){.name = "Middle CA", .ca = true}, &world->other_ca);
    struct pki below = pki_make(&(struct pki_spec){.name = "Lower CA", .ca = true}, &world->ca);
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &below);
    struct tls *tls = load(&config);
    expect_verdict_in_chain(tls, &own, &below, TLS_PEER_GOOD, &below);
    expect_verdict(tls, &own, TLS_PEER_OTHER_CA, NULL); /* the link to it is not shown */
    tls_release(tls);
    pki_write_certificates("middle.pem", (const struct pki *[]){&middle}, 1);
    config.tls_ca = pki_path("middle.pem");
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &middle, TLS_PEER_GOOD, &middle);
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &world->other_ca, TLS_PEER_OTHER_CA, NULL);
    pki_free(&own);
    pki_free(&below);
    pki_free(&middle);
}

static void an_expired_ca_signs_nothing(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct pki old =
        pki_renew(&world->other_ca, &(struct pki_spec){.name = "Other CA", .from = -90, .until = -1, .ca = true}, NULL);
    pki_write_certificates("old.pem", (const struct pki *[]){&old}, 1);
    config.tls_ca = pki_path("old.pem");
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &old, TLS_PEER_OTHER_CA, NULL);
    pki_free(&old);
}

static void a_revoked_certificate_is_revoked(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct pki revoked = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct pki both = pki_make(&(struct pki_spec){.name = "01AA", .from = -20, .until = -1}, &world->ca);
    static const int until[] = {30, -1}; /* a list that is out of date still counts */
    for (size_t i = 0; i < COUNT(until); i++) {
        pki_write_crl("ca.crl", &world->ca, &revoked, until[i]);
        config.tls_crl = pki_path("ca.crl");
        struct tls *tls = load(&config);
        expect_verdict(tls, &revoked, TLS_PEER_REVOKED, &world->ca);
        tls_release(tls);
        expect_verdict_on(&config, &(struct pki_spec){.name = "27YU"}, &world->ca, TLS_PEER_GOOD, &world->ca);
        expect_verdict_on(&config, &(struct pki_spec){.name = "27YU"}, &world->other_ca, TLS_PEER_OTHER_CA, NULL);
    }
    pki_write_crl("ca.crl", &world->ca, &both, 30);
    config.tls_crl = pki_path("ca.crl");
    struct tls *tls = load(&config);
    expect_verdict(tls, &both, TLS_PEER_REVOKED, &world->ca);
    tls_release(tls);
    pki_free(&both);
    pki_free(&revoked);
}

static void a_ca_without_a_list_has_revoked_nothing(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    pki_write_certificates("both.pem", (const struct pki *[]){&world->ca, &world->other_ca}, 2);
    pki_write_crl("ca.crl", &world->ca, NULL, 30);
    config.tls_ca = pki_path("both.pem");
    config.tls_crl = pki_path("ca.crl");
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &world->other_ca, TLS_PEER_GOOD, &world->other_ca);
}

/* ---- what the certificate says ---- */

static void expect_oin(const struct pki *ca, const char *serial_number, const char *oin)
{
    struct stream_peer peer = {0};
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU", .serial_number = serial_number}, ca);
    assert_int_equal(tls_describe(own.certificate, &peer), 0);
    assert_string_equal(peer.oin, oin);
    pki_free(&own);
}

static void an_oin_has_20_digits(void **state)
{
    const struct world *world = *state;
    expect_oin(&world->ca, "00000007012345600000", "00000007012345600000");
    expect_oin(&world->ca, NULL, "");
    expect_oin(&world->ca, "0000000701234560000", "");
    expect_oin(&world->ca, "000000070123456000000", "");
    expect_oin(&world->ca, OIN, ""); /* letters, as in a BRIN written out */
    expect_oin(&world->ca, "0000000701234560000 ", "");
}

static void two_serial_numbers_are_no_oin(void **state)
{
    const struct world *world = *state;
    struct stream_peer peer = {0};
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU", .serial_number = "00000007012345600000"}, &world->ca);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(own.certificate), "serialNumber", MBSTRING_UTF8,
                               (const unsigned char *)"00000007099999900000", -1, -1, 0);
    assert_int_equal(tls_describe(own.certificate, &peer), 0);
    assert_string_equal(peer.oin, "");
    pki_free(&own);
}

static void days_are_whole_and_below_zero_when_past(void **state)
{
    const struct world *world = *state;
    static const struct {
        int until, least, most;
    } cases[] = {{10, 9, 10}, {-1, -2, -1}, {0, -1, -1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stream_peer peer = {0};
        struct pki own = pki_make(&(struct pki_spec){.name = "25LU", .from = -30, .until = cases[i].until}, &world->ca);
        if (cases[i].until == 0) /* an hour ago */
            X509_gmtime_adj(X509_getm_notAfter(own.certificate), -3600);
        assert_int_equal(tls_describe(own.certificate, &peer), 0);
        assert_in_range(peer.days + 100, cases[i].least + 100, cases[i].most + 100);
        pki_free(&own);
    }
}

/* ---- versions and suites ---- */

static void expect_handshake(const struct config *config, const struct pki *own, int version, const char *suites,
                             bool agrees)
{
    struct tls *tls = load(config);
    int fds[2];
    struct meeting meeting = {0};
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
    part(&meeting);
    tls_release(tls);
}

static void tls_1_2_only_where_it_is_allowed(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
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
    const struct world *world = *state;
    struct config config = good_config();
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
    const struct world *world = *state;
    struct config config = good_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU", .from = -20, .until = -1}, &world->ca);
    struct meeting meeting;
    config.tls_min = TLS_MIN_1_2;
    struct tls *tls = load(&config);
    meet(&meeting, tls, &own, NULL, TLS1_2_VERSION);
    assert_true(meeting.agreed);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_EXPIRED);
    assert_int_equal(meeting.client.tickets, 0);
    part(&meeting);
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
    const struct world *world = *state;
    struct config config = good_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct pki thief = pki_make(&(struct pki_spec){.name = "thief"}, &world->ca);
    struct pki stolen = {own.certificate, false_key(own.key, thief.key)};
    config.tls_min = TLS_MIN_1_2;
    struct tls *tls = load(&config);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct meeting meeting;
        meet(&meeting, tls, &stolen, NULL, versions[i]);
        assert_false(meeting.agreed);
        assert_true(meeting.client.failed);
        part(&meeting);
    }
    tls_release(tls);
    EVP_PKEY_free(stolen.key);
    pki_free(&own);
    pki_free(&thief);
}

static void a_huge_chain_ends_the_handshake(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct tls *tls = load(&config);
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct meeting meeting = {0};
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
    part(&meeting);
    tls_release(tls);
    pki_free(&own);
}

/* ---- loading ---- */

static void a_key_file_with_bad_modes_is_refused(void **state)
{
    struct config config = good_config();
    static const unsigned bad[] = {0604, 0602, 0601, 0620, 0660, 0666, 0777};
    static const unsigned good[] = {0400, 0600, 0640, 0440};
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(chmod(config.tls_key, bad[i]), 0);
        expect_refusal(&config, "[tls] key", config.tls_key, "chmod");
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(chmod(config.tls_key, good[i]), 0);
        tls_release(load(&config));
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
    const struct world *world = *state;
    struct config config = good_config();
    pki_write_key("other.key", &world->other_ca, 0600);
    config.tls_key = pki_path("other.key");
    expect_refusal(&config, "[tls] key", config.tls_key, "not the key of [tls] certificate");
    pki_write_text("other.key", "no key\n", 0600);
    expect_refusal(&config, "[tls] key", config.tls_key, "no private key");
}

/* It must not ask the terminal either: a test has none to answer. */
static void a_key_with_a_pass_phrase_is_refused(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    FILE *file = fopen(pki_path("locked.key"), "w");
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, world->server.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    fclose(file);
    assert_int_equal(chmod(pki_path("locked.key"), 0600), 0);
    config.tls_key = pki_path("locked.key");
    expect_refusal(&config, "[tls] key", config.tls_key, "no private key");
}

static void broken_files_are_refused(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct pki client = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    pki_write_text("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0644);
    pki_write_text("empty.pem", "", 0644);
    pki_write_certificates("client.pem", (const struct pki *[]){&client}, 1);

    config.tls_certificate = pki_path("absent.pem");
    expect_refusal(&config, "[tls] certificate", config.tls_certificate, "No such file");
    config.tls_certificate = pki_path("broken.pem");
    expect_refusal(&config, "[tls] certificate", config.tls_certificate, "no certificate");
    config = good_config();
    config.tls_ca = pki_path("absent.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "No such file");
    config.tls_ca = pki_path("broken.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "cannot be read");
    config.tls_ca = pki_path("empty.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "holds no certificate");
    config.tls_ca = pki_path("client.pem");
    expect_refusal(&config, "[tls] ca", config.tls_ca, "not a CA's");
    config = good_config();
    config.tls_crl = pki_path("absent.crl");
    expect_refusal(&config, "[tls] crl", config.tls_crl, "No such file");
    config.tls_crl = pki_path("empty.pem");
    expect_refusal(&config, "[tls] crl", config.tls_crl, "no list");
    pki_write_crl("other.crl", &world->other_ca, NULL, 30);
    config.tls_crl = pki_path("other.crl");
    expect_refusal(&config, "[tls] crl", config.tls_crl, "none of [tls] ca has signed");
    pki_free(&client);
}

static void a_hold_outlives_a_reload(void **state)
{
    const struct world *world = *state;
    struct config config = good_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct tls *old = load(&config), *held = tls_hold(old);
    assert_ptr_equal(held, old);
    tls_release(old); /* as a reload does */
    expect_verdict(held, &own, TLS_PEER_GOOD, &world->ca);
    tls_release(held);
    tls_release(NULL);
    pki_free(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_certificate_is_good),
        cmocka_unit_test(no_certificate_is_none),
        cmocka_unit_test(an_expired_certificate_is_expired),
        cmocka_unit_test(a_certificate_of_the_future_is_not_yet),
        cmocka_unit_test(a_certificate_of_another_ca_is_other_ca),
        cmocka_unit_test(a_ca_of_the_same_name_is_other_ca),
        cmocka_unit_test(a_forged_signature_is_other_ca),
        cmocka_unit_test(a_certificate_for_servers_is_other_ca),
        cmocka_unit_test(what_a_client_signed_is_other_ca),
        cmocka_unit_test(the_ca_itself_is_other_ca),
        cmocka_unit_test(a_ca_is_trusted_as_it_stands),
        cmocka_unit_test(an_expired_ca_signs_nothing),
        cmocka_unit_test(a_revoked_certificate_is_revoked),
        cmocka_unit_test(a_ca_without_a_list_has_revoked_nothing),
        cmocka_unit_test(an_oin_has_20_digits),
        cmocka_unit_test(two_serial_numbers_are_no_oin),
        cmocka_unit_test(days_are_whole_and_below_zero_when_past),
        cmocka_unit_test(tls_1_2_only_where_it_is_allowed),
        cmocka_unit_test(of_tls_1_2_only_sufficient_suites),
        cmocka_unit_test(a_verdict_of_tls_1_2_is_the_same),
        cmocka_unit_test(a_certificate_without_its_key_is_no_handshake),
        cmocka_unit_test(a_huge_chain_ends_the_handshake),
        cmocka_unit_test(a_key_file_with_bad_modes_is_refused),
        cmocka_unit_test(a_key_of_another_certificate_is_refused),
        cmocka_unit_test(a_key_with_a_pass_phrase_is_refused),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(a_hold_outlives_a_reload),
    };
    return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
