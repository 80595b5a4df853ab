/* A TLS client for tests: OpenSSL over memory, and a wire that is moved by hand. */
#include "tls_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "pki.h"

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *client = SSL_get_app_data(ssl);
    (void)session;
    client->tickets += SSL_SESSION_has_ticket(session) || SSL_SESSION_is_resumable(session);
    return 0;
}

void tls_client_open(struct tls_client *client, int fd, const struct pki *own, const struct pki *chain, int version)
{
    *client = (struct tls_client){.fd = fd};
    client->context = SSL_CTX_new(TLS_client_method());
    assert_non_null(client->context);
    SSL_CTX_set_session_cache_mode(client->context, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client->context, count_ticket);
    if (own) {
        assert_int_equal(SSL_CTX_use_certificate(client->context, own->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(client->context, own->key), 1);
    }
    if (chain)
        assert_int_equal(SSL_CTX_add1_chain_cert(client->context, chain->certificate), 1);
    client->ssl = SSL_new(client->context);
    assert_non_null(client->ssl);
    if (version) {
        SSL_set_min_proto_version(client->ssl, version);
        SSL_set_max_proto_version(client->ssl, version);
    }
    SSL_set_app_data(client->ssl, client);
    SSL_set_bio(client->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client->ssl);
}

void tls_client_free(struct tls_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    free(client->got);
    free(client->unsent);
    *client = (struct tls_client){.fd = -1};
}

/* Counts the records in the bytes that came. */
static void count_records(struct tls_client *client, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        if (client->record_left > 0) {
            size_t skip = len < client->record_left ? len : client->record_left;
            client->record_left -= skip;
            bytes += skip;
            len -= skip;
            continue;
        }
        client->header[client->header_len++] = *bytes++;
        len--;
        if (client->header_len == sizeof client->header) {
            client->header_len = 0;
            client->record_left = (size_t)client->header[3] << 8 | client->header[4];
            client->data_records += client->header[0] == SSL3_RT_APPLICATION_DATA;
        }
    }
}

static void take_from_wire(struct tls_client *client)
{
    uint8_t bytes[32768];
    ssize_t len = 0;
    while (client->fd >= 0 && !client->deaf && !client->hung_up &&
           (len = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        count_records(client, bytes, (size_t)len);
        assert_int_equal(BIO_write(SSL_get_rbio(client->ssl), bytes, (int)len), len);
    }
    if (client->fd >= 0 && !client->deaf && (len == 0 || (errno != EAGAIN && errno != EINTR)))
        client->hung_up = true;
}

static void put_on_wire(struct tls_client *client)
{
    char *ready;
    size_t more = (size_t)BIO_get_mem_data(SSL_get_wbio(client->ssl), &ready);
    if (more > 0) {
        client->unsent = realloc(client->unsent, client->unsent_len + more);
        assert_non_null(client->unsent);
        memcpy(client->unsent + client->unsent_len, ready, more);
        client->unsent_len += more;
        (void)BIO_reset(SSL_get_wbio(client->ssl));
    }
    size_t most = client->send_most && client->send_most < client->unsent_len ? client->send_most : client->unsent_len;
    ssize_t sent =
        most > 0 && client->fd >= 0 ? send(client->fd, client->unsent, most, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    if (sent <= 0)
        return;
    client->unsent_len -= (size_t)sent;
    memmove(client->unsent, client->unsent + sent, client->unsent_len);
}

static void note_fault(struct tls_client *client, int result)
{
    int fault = SSL_get_error(client->ssl, result);
    if (fault == SSL_ERROR_ZERO_RETURN)
        client->ended = true;
    else if (fault != SSL_ERROR_WANT_READ && fault != SSL_ERROR_WANT_WRITE)
        client->failed = true;
}

static void take_data(struct tls_client *client)
{
    for (;;) {
        size_t len;
        if (client->got_room - client->got_len < 16384) {
            client->got_room = client->got_room * 2 + 16384;
            client->got = realloc(client->got, client->got_room);
            assert_non_null(client->got);
        }
        ERR_clear_error();
        int result = SSL_read_ex(client->ssl, client->got + client->got_len, client->got_room - client->got_len, &len);
        if (result != 1) {
            note_fault(client, result);
            return;
        }
        client->got_len += len;
    }
}

void tls_client_step(struct tls_client *client)
{
    take_from_wire(client);
    ERR_clear_error();
    if (!client->agreed && !client->failed) {
        int result = SSL_do_handshake(client->ssl);
        client->agreed = result == 1;
        if (result != 1)
            note_fault(client, result);
    }
    if (client->agreed && !client->failed && !client->ended)
        take_data(client);
    put_on_wire(client);
}

void tls_client_send(struct tls_client *client, const void *bytes, size_t len)
{
    ERR_clear_error();
    assert_int_equal(SSL_write(client->ssl, bytes, (int)len), (int)len);
}

void tls_client_end(struct tls_client *client)
{
    ERR_clear_error();
    assert_true(SSL_shutdown(client->ssl) >= 0);
}

void tls_client_cut(struct tls_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}
