/* The daemon's TLS settings, and the verdict on a client's certificate.
 *
 * Only what the guideline of the NCSC (2025) calls good or sufficient is offered. A fault of a certificate never ends
 * the handshake: it becomes the verdict, so that the session can tell it in words (`* BYE code=`). Proof of the private
 * key is no part of this: OpenSSL enforces it, whatever the verdict.
 *
 * Rules of the verdict: a chain that cannot be verified to its end, for whatever reason, is TLS_PEER_OTHER_CA, and
 * nothing outranks it, since nothing in such a certificate can be believed. Of a chain that holds, TLS_PEER_REVOKED
 * comes before TLS_PEER_EXPIRED and TLS_PEER_NOT_YET. A CA whose own time is over signs nothing: TLS_PEER_OTHER_CA. A
 * CA without a list has revoked nothing.
 *
 * Limits: a client's certificates have 16 kB in all and four steps to a trusted CA. Who uses this room ignores SIGPIPE.
 */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "config.h"
#include "log.h"
#include "stream.h"

#define SUITES_1_3 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define SUITES_1_2                                                                                                     \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:"                       \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"
#define GROUPS "X25519:P-256:P-384"
#define SIGNATURES                                                                                                     \
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"               \
    "RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define SECURITY_LEVEL 2 /* OpenSSL's: 112 bits, so RSA from 2048 and nothing signed with SHA-1 */
#define CHAIN_BYTES 16384
#define CHAIN_DEPTH 4
#define SOON_DAYS 30 /* a certificate of ours with fewer days left is worth a line in the log */

struct tls {
    SSL_CTX *context;
    unsigned holds;
};

/* Where a fault while loading is told: the setting and file at hand. */
struct loading {
    const char *setting, *path;
    char *why;
    size_t why_size;
};

/* ---- verdict ---- */

static struct stream_peer *peer_of(X509_STORE_CTX *store)
{
    return SSL_get_app_data(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
}

static void note(struct stream_peer *peer, enum tls_peer_verdict verdict)
{
    if (peer->verdict == TLS_PEER_GOOD || verdict == TLS_PEER_REVOKED)
        peer->verdict = verdict;
}

/* Called for every fault on the way (and, with `good`, for every certificate). 1 goes on, which only faults may that
 * leave the chain as trusted as it was; 0 ends the verification. */
static int weigh(int good, X509_STORE_CTX *store)
{
    bool own = X509_STORE_CTX_get_error_depth(store) == 0;
    if (good)
        return 1;
    switch (X509_STORE_CTX_get_error(store)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        note(peer_of(store), TLS_PEER_EXPIRED);
        return own;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        note(peer_of(store), TLS_PEER_NOT_YET);
        return own;
    case X509_V_ERR_CERT_REVOKED:
        note(peer_of(store), TLS_PEER_REVOKED);
        return 1;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED: /* was logged when it was loaded */
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return 1;
    default:
        return 0;
    }
}

/* OpenSSL's hook in place of its own verification. 0 ends the handshake: when memory ran out, nothing is known. A chain
 * of one is a CA's own certificate, which speaks for nobody. */
static int verify(X509_STORE_CTX *store, void *unused)
{
    struct stream_peer *peer = peer_of(store);
    (void)unused;
    peer->verdict = TLS_PEER_GOOD;
    X509_STORE_CTX_set_verify_cb(store, weigh);
    int whole = X509_verify_cert(store);
    if (whole != 1 && X509_STORE_CTX_get_error(store) == X509_V_ERR_OUT_OF_MEM) {
        peer->verdict = TLS_PEER_OTHER_CA;
        return 0;
    }
    if (whole != 1 || sk_X509_num(X509_STORE_CTX_get0_chain(store)) < 2)
        peer->verdict = TLS_PEER_OTHER_CA;
    return 1;
}

/* The OIN: the only serialNumber of the Subject, of 20 digits and capitals; a school's holds its BRIN, as in
 * 0000000700025LU00000. */
static void read_oin(const X509 *certificate, char oin[21])
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1);
    oin[0] = '\0';
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_serialNumber, at) >= 0)
        return;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    const unsigned char *text = ASN1_STRING_get0_data(value);
    if (ASN1_STRING_length(value) != 20)
        return;
    for (int i = 0; i < 20; i++)
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'A' && text[i] <= 'Z'))
            return;
    memcpy(oin, text, 20);
    oin[20] = '\0';
}

/* Whole days from now until `end`, below 0 when it is past or cannot be read. */
static int days_until(const ASN1_TIME *end)
{
    int days, seconds;
    if (ASN1_TIME_diff(&days, &seconds, NULL, end) != 1)
        return -1;
    return seconds < 0 ? days - 1 : days;
}

/* In seconds since 1970; 0 when it cannot be read. */
static int64_t seconds_of(const ASN1_TIME *end)
{
    struct tm parts;
    return ASN1_TIME_to_tm(end, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

int tls_describe(X509 *certificate, struct stream_peer *peer)
{
    if (X509_digest(certificate, EVP_sha256(), peer->fingerprint, NULL) != 1)
        return -1;
    read_oin(certificate, peer->oin);
    peer->days = days_until(X509_get0_notAfter(certificate));
    peer->until = seconds_of(X509_get0_notAfter(certificate));
    return 0;
}

int tls_identify(SSL *ssl, struct stream_peer *peer)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    ERR_clear_error();
    if (!certificate) {
        peer->verdict = TLS_PEER_NONE;
        return 0;
    }
    if (tls_describe(certificate, peer) < 0)
        return -1;
    if (peer->verdict == TLS_PEER_OTHER_CA)
        return 0;
    const X509 *issuer = sk_X509_value(SSL_get0_verified_chain(ssl), 1);
    return issuer && X509_digest(issuer, EVP_sha256(), peer->issuer, NULL) == 1 ? 0 : -1;
}

/* As OpenSSL goes about it in a handshake (ssl_verify_cert_chain). */
int tls_judge(struct tls *tls, SSL *ssl)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    struct stream_peer *peer = SSL_get_app_data(ssl);
    enum tls_peer_verdict before = peer->verdict;
    int result = -1;
    if (!certificate)
        return 0;
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    if (store &&
        X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(tls->context), certificate, SSL_get_peer_cert_chain(ssl)) ==
            1 &&
        X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) == 1 &&
        X509_STORE_CTX_set_default(store, "ssl_client") == 1 &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(store), SSL_CTX_get0_param(tls->context)) == 1) {
        X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store), SECURITY_LEVEL);
        result = verify(store, NULL) == 1 ? 0 : -1;
    }
    if (result < 0)
        peer->verdict = before;
    X509_STORE_CTX_free(store);
    ERR_clear_error();
    return result;
}

SSL *tls_connection(struct tls *tls, int fd, struct stream_peer *peer)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(tls->context);
    if (!ssl)
        return NULL;
    if (SSL_set_fd(ssl, fd) != 1 || SSL_set_app_data(ssl, peer) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

/* ---- loading ---- */

static int refuse(const struct loading *at, const char *reason)
{
    snprintf(at->why, at->why_size, "[tls] %s: %s: %s", at->setting, at->path, reason);
    return -1;
}

/* Refuses in OpenSSL's words for what went wrong first. */
static int refuse_openssl(const struct loading *at, const char *what)
{
    char reason[256];
    unsigned long error = ERR_peek_error();
    const char *words = ERR_reason_error_string(error);
    if (ERR_SYSTEM_ERROR(error))
        words = strerror(ERR_GET_REASON(error));
    snprintf(reason, sizeof reason, "%s: %s", what, words ? words : "out of memory");
    return refuse(at, reason);
}

/* Refuses a file that is to hold a `kind` in PEM: in words of ours for what people meet. */
static int refuse_pem(const struct loading *at, const char *kind)
{
    char reason[256];
    unsigned long error = ERR_peek_error();
    int lib = ERR_GET_LIB(error), what = ERR_GET_REASON(error);
    if (ERR_SYSTEM_ERROR(error))
        return refuse_openssl(at, "cannot be read");
    bool none = (lib == ERR_LIB_PEM && what == PEM_R_NO_START_LINE) ||
                (lib == ERR_LIB_OSSL_DECODER && what == ERR_R_UNSUPPORTED);
    if ((lib == ERR_LIB_CRYPTO && what == ERR_R_INTERRUPTED_OR_CANCELLED) ||
        (lib == ERR_LIB_PEM && what == PEM_R_BAD_PASSWORD_READ))
        snprintf(reason, sizeof reason, "the %s is behind a pass phrase; take that off with openssl pkey", kind);
    else if (none)
        snprintf(reason, sizeof reason, "holds no %s in PEM", kind);
    else if (lib == ERR_LIB_PEM || lib == ERR_LIB_ASN1)
        snprintf(reason, sizeof reason, "holds a %s whose PEM is damaged or cut off", kind);
    else
        snprintf(reason, sizeof reason, "holds a %s that cannot be used: %s", kind, ERR_reason_error_string(error));
    return refuse(at, reason);
}

/* Whether reading PEM blocks one after another ended because there are no more. */
static bool at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static BIO *open_pem(const struct loading *at)
{
    ERR_clear_error();
    BIO *file = BIO_new_file(at->path, "r");
    if (!file)
        refuse_openssl(at, "cannot be read");
    return file;
}

static void complain(const struct loading *at, const char *event, const X509_NAME *name)
{
    char of[256] = "", quoted_path[512], quoted_name[512];
    X509_NAME_oneline(name, of, sizeof of);
    log_event(LOG_LEVEL_WARNING, event, "setting=%s file=%s name=%s", at->setting,
              log_quote(quoted_path, sizeof quoted_path, at->path), log_quote(quoted_name, sizeof quoted_name, of));
}

static int load_certificate(SSL_CTX *context, const struct loading *at)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, at->path) != 1)
        return refuse_pem(at, "certificate");
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    int days = days_until(X509_get0_notAfter(certificate));
    if (days < SOON_DAYS)
        complain(at, days < 0 ? "certificate-expired" : "certificate-expires-soon", X509_get_subject_name(certificate));
    return 0;
}

/* Opens the key file when nobody else can read or change it; -1 after refusing it. */
static int open_key(const struct loading *at)
{
    struct stat st;
    int fd = open(at->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result;
    if (fd < 0 || fstat(fd, &st) < 0)
        result = refuse(at, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        result = refuse(at, "not a regular file");
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        result = refuse(at, "belongs to another user; chown it to root or to the one who runs buurtaald");
    else if (st.st_mode & 0027)
        result = refuse(at, "others may read it or the group may change it; chmod 600 or 640 it");
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return result;
}

/* OpenSSL would ask the terminal for the pass phrase. */
static int no_pass_phrase(char *out, int size, int writing, void *unused)
{
    (void)out, (void)size, (void)writing, (void)unused;
    return -1;
}

static int load_key(SSL_CTX *context, const struct loading *at)
{
    int fd = open_key(at);
    if (fd < 0)
        return -1;
    ERR_clear_error();
    BIO *file = BIO_new_fd(fd, BIO_CLOSE);
    if (!file) {
        close(fd);
        return refuse(at, "out of memory");
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, no_pass_phrase, NULL);
    BIO_free(file);
    int result = 0;
    if (!key)
        result = refuse_pem(at, "private key");
    else if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
        result = refuse(at, "not the key of [tls] certificate");
    EVP_PKEY_free(key);
    return result;
}

static int add_ca(STACK_OF(X509) * all, X509_STORE *store, X509 *ca, const struct loading *at)
{
    if (X509_check_ca(ca) == 0)
        return refuse(at, "holds a certificate that is not a CA's");
    if (X509_cmp_current_time(X509_get0_notAfter(ca)) < 0)
        complain(at, "ca-expired", X509_get_subject_name(ca));
    if (X509_STORE_add_cert(store, ca) != 1 || X509_add_cert(all, ca, X509_ADD_FLAG_UP_REF) != 1)
        return refuse(at, "out of memory");
    return 0;
}

/* The CAs of the file go into the store and, for the lists, into `all`. */
static int load_ca(STACK_OF(X509) * all, X509_STORE *store, const struct loading *at)
{
    BIO *file = open_pem(at);
    X509 *ca = NULL;
    int result = file ? 0 : -1;
    while (result == 0 && (ca = PEM_read_bio_X509(file, NULL, no_pass_phrase, NULL))) {
        result = add_ca(all, store, ca, at);
        X509_free(ca);
    }
    if (result == 0 && !at_end())
        result = refuse_pem(at, "certificate");
    else if (result == 0 && sk_X509_num(all) == 0)
        result = refuse(at, "holds no certificate in PEM");
    BIO_free(file);
    return result;
}

/* Whether one of the CAs has signed the list. */
static bool is_signed(X509_CRL *crl, const STACK_OF(X509) * all)
{
    for (int i = 0; i < sk_X509_num(all); i++) {
        X509 *ca = sk_X509_value(all, i);
        EVP_PKEY *key = X509_get0_pubkey(ca);
        if (key && X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) == 0 &&
            X509_CRL_verify(crl, key) == 1)
            return true;
    }
    return false;
}

static int add_crl(X509_STORE *store, X509_CRL *crl, const STACK_OF(X509) * all, const struct loading *at)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    if (!is_signed(crl, all))
        return refuse(at, "holds a list that none of [tls] ca has signed");
    if (next && X509_cmp_current_time(next) < 0)
        complain(at, "crl-expired", X509_CRL_get_issuer(crl));
    return X509_STORE_add_crl(store, crl) == 1 ? 0 : refuse(at, "out of memory");
}

static int load_crl(X509_STORE *store, const STACK_OF(X509) * all, const struct loading *at)
{
    BIO *file = open_pem(at);
    X509_CRL *crl = NULL;
    int result = file ? 0 : -1, count = 0;
    while (result == 0 && (crl = PEM_read_bio_X509_CRL(file, NULL, no_pass_phrase, NULL))) {
        result = add_crl(store, crl, all, at);
        ERR_clear_error(); /* of keys that did not fit */
        X509_CRL_free(crl);
        count++;
    }
    if (result == 0 && !at_end())
        result = refuse_pem(at, "list of revoked certificates");
    else if (result == 0 && count == 0)
        result = refuse(at, "holds no list of revoked certificates in PEM");
    BIO_free(file);
    return result;
}

static int load_trust(SSL_CTX *context, const struct config *config, struct loading *at)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    STACK_OF(X509) *all = sk_X509_new_null();
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; /* each CA is trusted as it stands */
    at->setting = "ca";
    at->path = config->tls_ca;
    int result = all ? load_ca(all, store, at) : refuse(at, "out of memory");
    if (result == 0 && config->tls_crl) {
        at->setting = "crl";
        at->path = config->tls_crl;
        result = load_crl(store, all, at);
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    }
    sk_X509_pop_free(all, X509_free);
    if (result == 0 && X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), flags) != 1)
        result = refuse(at, "out of memory");
    return result;
}

/* ---- the context ---- */

/* What is offered. 0, or -1 when OpenSSL cannot: it lacks a suite, or memory. */
static int set_rules(SSL_CTX *context, enum config_tls_min least)
{
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* So that SSL_read returns after each message that is not data, and stream.c can count them. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    SSL_CTX_set_max_cert_list(context, CHAIN_BYTES);
    SSL_CTX_set_verify_depth(context, CHAIN_DEPTH);
    /* Asked for without a list of CAs, so that a client shows the wrong one too and can be told. */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, NULL);
    return SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1 &&
                   SSL_CTX_set_min_proto_version(context, least == TLS_MIN_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION) ==
                       1 &&
                   SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_ciphersuites(context, SUITES_1_3) == 1 &&
                   SSL_CTX_set_cipher_list(context, SUITES_1_2) == 1 &&
                   SSL_CTX_set1_groups_list(context, GROUPS) == 1 && SSL_CTX_set1_sigalgs_list(context, SIGNATURES) == 1
               ? 0
               : -1;
}

struct tls *tls_new(const struct config *config, char *why, size_t why_size)
{
    struct loading at = {"certificate", config->tls_certificate, why, why_size};
    ERR_clear_error();
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls) {
        tls->holds = 1;
        tls->context = SSL_CTX_new(TLS_server_method());
    }
    if (!tls || !tls->context || set_rules(tls->context, config->tls_min) < 0) {
        refuse_openssl(&at, "OpenSSL cannot do what TLS here needs");
        goto out;
    }
    if (load_certificate(tls->context, &at) < 0)
        goto out;
    at.setting = "key";
    at.path = config->tls_key;
    if (load_key(tls->context, &at) < 0 || load_trust(tls->context, config, &at) < 0)
        goto out;
    ERR_clear_error();
    return tls;
out:
    ERR_clear_error();
    tls_release(tls);
    return NULL;
}

struct tls *tls_hold(struct tls *tls)
{
    tls->holds++;
    return tls;
}

void tls_release(struct tls *tls)
{
    if (!tls || --tls->holds > 0)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}
