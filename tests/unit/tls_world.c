/* Files and handshakes for tests of the TLS settings. */
#include "tls_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "log.h"
#include "tls.h"

int tls_world_set_up(void **state)
{
    static struct tls_world world;
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

int tls_world_tear_down(void **state)
{
    struct tls_world *world = *state;
    pki_free(&world->ca);
    pki_free(&world->other_ca);
    pki_free(&world->server);
    pki_remove_folder();
    return 0;
}

/* pki_path's buffers take turns, so these have their own. */
struct config tls_world_config(void)
{
    static char certificate[128], key[128], ca[128];
    snprintf(certificate, sizeof certificate, "%s", pki_path("server.pem"));
    snprintf(key, sizeof key, "%s", pki_path("server.key"));
    snprintf(ca, sizeof ca, "%s", pki_path("ca.pem"));
    return (struct config){.tls_certificate = certificate, .tls_key = key, .tls_ca = ca};
}

struct tls *tls_world_load(const struct config *config)
{
    char why[512] = "";
    struct tls *tls = tls_new(config, why, sizeof why);
    if (!tls)
        fail_msg("%s", why);
    return tls;
}

/* At most 1,000 steps of each side, of which some ten are needed. */
void tls_world_meet(struct tls_meeting *meeting, struct tls *tls, const struct pki *own, const struct pki *chain,
                    int version)
{
    int fds[2];
    *meeting = (struct tls_meeting){0};
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

void tls_world_part(struct tls_meeting *meeting)
{
    SSL_free(meeting->server);
    close(meeting->server_fd);
    tls_client_free(&meeting->client);
}
