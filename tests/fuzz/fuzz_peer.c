/* A certificate as a client might send it, in DER: whatever OpenSSL takes for one is described without a fault, and the
 * OIN, which reaches the log and SQL, is 20 digits and capitals or nothing. */
#include "stream.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct stream_peer peer = {.oin = "not written"}, again = {0};
    const uint8_t *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    ERR_clear_error();
    if (!certificate)
        return 0;
    must(tls_describe(certificate, &peer) == 0);
    size_t len = strlen(peer.oin);
    must(len == 0 || (len == 20 && strspn(peer.oin, allowed) == 20));
    must(tls_describe(certificate, &again) == 0);
    must(memcmp(peer.fingerprint, again.fingerprint, sizeof peer.fingerprint) == 0);
    X509_free(certificate);
    ERR_clear_error();
    return 0;
}
