/* Every verdict on a client's certificate, in real handshakes, and what is read from it. */
#include "tls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "tls_world.h"

/* The verdict on a certificate; what else is known is checked here. */
static void expect_verdict_in_chain(struct tls *tls, const struct pki *own, const struct pki *chain,
                                    enum tls_peer_verdict verdict, const struct pki *issuer)
{
    uint8_t expected[32] = {0}, zeros[32] = {0};
    struct tls_meeting meeting;
    tls_world_meet(&meeting, tls, own, chain, 0);
    assert_true(meeting.agreed && meeting.client.agreed);
    assert_int_equal(meeting.peer.verdict, verdict);
    if (own)
        pki_fingerprint(own, expected);
    assert_memory_equal(meeting.peer.fingerprint, expected, 32);
    if (issuer)
        pki_fingerprint(issuer, expected);
    assert_memory_equal(meeting.peer.issuer, issuer ? expected : zeros, 32);
    tls_world_part(&meeting);
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
    struct tls *tls = tls_world_load(config);
    struct pki own = pki_make(spec, issuer);
    expect_verdict(tls, &own, verdict, known_issuer);
    pki_free(&own);
    tls_release(tls);
}

static void a_good_certificate_is_good(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .usage = "clientAuth"}, &world->ca, TLS_PEER_GOOD,
                      &world->ca);
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &world->ca, TLS_PEER_GOOD, &world->ca);
}

static void no_certificate_is_none(void **state)
{
    struct config config = tls_world_config();
    struct tls *tls = tls_world_load(&config);
    (void)state;
    expect_verdict(tls, NULL, TLS_PEER_NONE, NULL);
    tls_release(tls);
}

static void an_expired_certificate_is_expired(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .from = -20, .until = -1}, &world->ca,
                      TLS_PEER_EXPIRED, &world->ca);
}

static void a_certificate_of_the_future_is_not_yet(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .from = 1, .until = 20}, &world->ca, TLS_PEER_NOT_YET,
                      &world->ca);
}

static void a_certificate_of_another_ca_is_other_ca(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &world->other_ca, TLS_PEER_OTHER_CA, NULL);
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, NULL, TLS_PEER_OTHER_CA, NULL);
    /* Its own words about its time are no better than the rest. */
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .from = -20, .until = -1}, &world->other_ca,
                      TLS_PEER_OTHER_CA, NULL);
}

static void a_ca_of_the_same_name_is_other_ca(void **state)
{
    struct config config = tls_world_config();
    struct pki impostor = pki_make(&(struct pki_spec){.name = "CA", .ca = true}, NULL);
    (void)state;
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &impostor, TLS_PEER_OTHER_CA, NULL);
    pki_free(&impostor);
}

static void a_forged_signature_is_other_ca(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct tls *tls = tls_world_load(&config);
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
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU", .usage = "serverAuth"}, &world->ca, TLS_PEER_OTHER_CA,
                      NULL);
}

static void what_a_client_signed_is_other_ca(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct tls *tls = tls_world_load(&config);
    struct pki client = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct pki below = pki_make(&(struct pki_spec){.name = "01AA"}, &client);
    expect_verdict_in_chain(tls, &below, &client, TLS_PEER_OTHER_CA, NULL);
    pki_free(&below);
    pki_free(&client);
    tls_release(tls);
}

static void the_ca_itself_is_other_ca(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct tls *tls = tls_world_load(&config);
    expect_verdict(tls, &world->ca, TLS_PEER_OTHER_CA, NULL);
    tls_release(tls);
}

/* A CA that another has signed is trusted alone; and one that a trusted CA has signed is trusted through it. */
static void a_ca_is_trusted_as_it_stands(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki middle = pki_make(&(struct pki_spec){.name = "Middle CA", .ca = true}, &world->other_ca);
    struct pki below = pki_make(&(struct pki_spec){.name = "Lower CA", .ca = true}, &world->ca);
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &below);
    struct tls *tls = tls_world_load(&config);
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
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki old =
        pki_renew(&world->other_ca, &(struct pki_spec){.name = "Other CA", .from = -90, .until = -1, .ca = true}, NULL);
    pki_write_certificates("old.pem", (const struct pki *[]){&old}, 1);
    config.tls_ca = pki_path("old.pem");
    expect_verdict_on(&config, &(struct pki_spec){.name = "25LU"}, &old, TLS_PEER_OTHER_CA, NULL);
    pki_free(&old);
}

static void a_revoked_certificate_is_revoked(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki revoked = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct pki both = pki_make(&(struct pki_spec){.name = "01AA", .from = -20, .until = -1}, &world->ca);
    static const int until[] = {30, -1}; /* a list that is out of date still counts */
    for (size_t i = 0; i < COUNT(until); i++) {
        pki_write_crl("ca.crl", &world->ca, &revoked, until[i]);
        config.tls_crl = pki_path("ca.crl");
        struct tls *tls = tls_world_load(&config);
        expect_verdict(tls, &revoked, TLS_PEER_REVOKED, &world->ca);
        tls_release(tls);
        expect_verdict_on(&config, &(struct pki_spec){.name = "27YU"}, &world->ca, TLS_PEER_GOOD, &world->ca);
        expect_verdict_on(&config, &(struct pki_spec){.name = "27YU"}, &world->other_ca, TLS_PEER_OTHER_CA, NULL);
    }
    pki_write_crl("ca.crl", &world->ca, &both, 30);
    config.tls_crl = pki_path("ca.crl");
    struct tls *tls = tls_world_load(&config);
    expect_verdict(tls, &both, TLS_PEER_REVOKED, &world->ca);
    tls_release(tls);
    pki_free(&both);
    pki_free(&revoked);
}

static void a_ca_without_a_list_has_revoked_nothing(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
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

static void an_oin_has_20_digits_and_capitals(void **state)
{
    const struct tls_world *world = *state;
    expect_oin(&world->ca, "00000007012345600000", "00000007012345600000");
    expect_oin(&world->ca, NULL, "");
    expect_oin(&world->ca, "0000000701234560000", "");
    expect_oin(&world->ca, "000000070123456000000", "");
    expect_oin(&world->ca, "0000000700025LU00000", "0000000700025LU00000");
    expect_oin(&world->ca, "0000000700025lu00000", "");
    expect_oin(&world->ca, "00000007000 5LU00000", "");
    expect_oin(&world->ca, "00000007000\xc3\x89LU00000", "");
    expect_oin(&world->ca, "0000000701234560000 ", "");
}

static void two_serial_numbers_are_no_oin(void **state)
{
    const struct tls_world *world = *state;
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
    const struct tls_world *world = *state;
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
        int64_t ahead = cases[i].until == 0 ? -3600 : (int64_t)cases[i].until * 86400;
        assert_in_range(peer.until, time(NULL) + ahead - 60, time(NULL) + ahead);
        pki_free(&own);
    }
}

static void a_hold_outlives_a_reload(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &world->ca);
    struct tls *old = tls_world_load(&config), *held = tls_hold(old);
    assert_ptr_equal(held, old);
    tls_release(old); /* as a reload does */
    expect_verdict(held, &own, TLS_PEER_GOOD, &world->ca);
    tls_release(held);
    tls_release(NULL);
    pki_free(&own);
}

/* A certificate that was good, by settings that came since. */
static void a_verdict_is_given_anew(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config(), listed = config, other = config;
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU", .usage = "clientAuth"}, &world->ca);
    struct tls_meeting meeting;
    pki_write_crl("ca.crl", &world->ca, &own, 30);
    pki_write_certificates("other.pem", (const struct pki *[]){&world->other_ca}, 1);
    listed.tls_crl = pki_path("ca.crl");
    other.tls_ca = pki_path("other.pem");
    struct tls *first = tls_world_load(&config), *by_list = tls_world_load(&listed), *by_ca = tls_world_load(&other);
    tls_world_meet(&meeting, first, &own, NULL, 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_GOOD);
    assert_int_equal(tls_judge(first, meeting.server), 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_GOOD);
    assert_int_equal(tls_judge(by_list, meeting.server), 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_REVOKED);
    assert_int_equal(tls_judge(by_ca, meeting.server), 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_OTHER_CA);
    assert_int_equal(tls_judge(first, meeting.server), 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_GOOD);
    tls_world_part(&meeting);
    tls_release(by_ca);
    tls_release(by_list);
    tls_release(first);
    pki_free(&own);
}

/* A chain that the client has shown is remembered; one without a certificate stays that. */
static void a_verdict_given_anew_knows_the_chain(void **state)
{
    const struct tls_world *world = *state;
    struct config config = tls_world_config();
    struct pki below = pki_make(&(struct pki_spec){.name = "Lower CA", .ca = true}, &world->ca);
    struct pki own = pki_make(&(struct pki_spec){.name = "25LU"}, &below);
    struct tls *tls = tls_world_load(&config);
    struct tls_meeting meeting;
    tls_world_meet(&meeting, tls, &own, &below, 0);
    assert_int_equal(tls_judge(tls, meeting.server), 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_GOOD);
    tls_world_part(&meeting);
    tls_world_meet(&meeting, tls, NULL, NULL, 0);
    assert_int_equal(tls_judge(tls, meeting.server), 0);
    assert_int_equal(meeting.peer.verdict, TLS_PEER_NONE);
    tls_world_part(&meeting);
    tls_release(tls);
    pki_free(&own);
    pki_free(&below);
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
        cmocka_unit_test(an_oin_has_20_digits_and_capitals),
        cmocka_unit_test(two_serial_numbers_are_no_oin),
        cmocka_unit_test(days_are_whole_and_below_zero_when_past),
        cmocka_unit_test(a_hold_outlives_a_reload),
        cmocka_unit_test(a_verdict_is_given_anew),
        cmocka_unit_test(a_verdict_given_anew_knows_the_chain),
    };
    return cmocka_run_group_tests_name("tls verdicts", tests, tls_world_set_up, tls_world_tear_down);
}
