/* A private certification authority in a folder.
 *
 * The order of writing is what makes it safe: the key, then the index, then the certificate; at revoking the index,
 * then the list. What is cut off after the key finds that key again; after the index, the certificate in it. The list
 * is made from the index alone: losing or spoiling crl.pem revives nobody. */
#include "tool_authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_credentials.h"
#include "tool_index.h"
#include "tool_memory.h"
#include "tool_pem.h"

#define CUT_SECONDS 3600 /* a certificate that ends so much earlier than wished is worth a line */
#define KEY_BITS 112     /* as the daemon asks for */

struct authority {
    const struct tool *tool;
    const char *folder;
    int fd; /* of the folder, locked */
    struct certificate_signer signer;
    struct certificate_facts facts; /* the signer's */
    struct index index;
};

/* ---- files ---- */

static char *path_in(const struct authority *authority, const char *name, const char *kind)
{
    return memory_text("%s/%s.%s", authority->folder, name, kind);
}

static bool exists(const struct authority *authority, const char *name, const char *kind)
{
    char *path = path_in(authority, name, kind);
    struct stat st;
    bool found = lstat(path, &st) == 0 || errno != ENOENT;
    free(path);
    return found;
}

static int refuse_unread(enum text_lang lang, const char *path)
{
    bool there = access(path, R_OK) == 0;
    text_tell(lang, TEXT_FILE_UNREAD, path, credentials_reason(lang));
    return there ? EX_DATAERR : EX_NOINPUT;
}

static int refuse_unwritten(enum text_lang lang, const char *path)
{
    text_tell(lang, TEXT_FILE_UNWRITTEN, path, text_reason(lang, errno));
    return EX_CANTCREAT;
}

static int write_certificate(const struct authority *authority, const char *name, X509 *certificate)
{
    char *path = path_in(authority, name, "pem");
    int status = pem_write_certificate(path, certificate) < 0 ? refuse_unwritten(authority->tool->lang, path) : EX_OK;
    free(path);
    return status;
}

/* Reads a key that nobody else can read. */
static int read_key(const struct authority *authority, const char *path, EVP_PKEY **key)
{
    if (credentials_key_closed(path) == 0) {
        text_tell(authority->tool->lang, TEXT_CLIENT_KEY_OPEN, path, "chmod 600");
        return EX_CONFIG;
    }
    *key = pem_read_key(path);
    if (!*key)
        return refuse_unread(authority->tool->lang, path);
    if (EVP_PKEY_get_security_bits(*key) < KEY_BITS) {
        text_tell(authority->tool->lang, TEXT_CA_KEY_WEAK, path);
        return EX_DATAERR;
    }
    return EX_OK;
}

/* The key NAME.key: the one that is there, told so, or a new one. */
static int take_key(const struct authority *authority, const char *name, EVP_PKEY **key)
{
    char *path = path_in(authority, name, "key");
    int status = EX_OK;
    if (exists(authority, name, "key")) {
        status = read_key(authority, path, key);
        if (status == EX_OK && !authority->tool->quiet)
            text_tell(authority->tool->lang, TEXT_CA_KEY_THERE, path);
    } else {
        ERR_clear_error();
        *key = certificate_key();
        if (!*key) {
            text_tell(authority->tool->lang, TEXT_FILE_UNWRITTEN, path, credentials_reason(authority->tool->lang));
            status = EX_SOFTWARE;
        } else if (pem_write_key(path, *key) < 0) {
            status = refuse_unwritten(authority->tool->lang, path);
        }
    }
    free(path);
    return status;
}

/* ---- the folder ---- */

/* Has the folder for itself, and tells when it has to wait for that. */
static int hold(struct authority *authority, const struct tool *tool, const char *folder)
{
    *authority = (struct authority){.tool = tool, .folder = folder};
    authority->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (authority->fd < 0) {
        text_tell(tool->lang, TEXT_CA_FOLDER, folder, text_reason(tool->lang, errno));
        return EX_NOINPUT;
    }
    int held = flock(authority->fd, LOCK_EX | LOCK_NB);
    if (held < 0 && errno == EWOULDBLOCK) {
        if (!tool->quiet)
            text_tell(tool->lang, TEXT_CA_WAITS, folder);
        while ((held = flock(authority->fd, LOCK_EX)) < 0 && errno == EINTR)
            ;
    }
    if (held == 0)
        return EX_OK;
    text_tell(tool->lang, TEXT_CA_FOLDER, folder, text_reason(tool->lang, errno));
    return EX_OSERR;
}

/* Reads the authority's own certificate and key. */
static int read_signer(struct authority *authority)
{
    char *certificate = path_in(authority, "ca", "pem"), *key = path_in(authority, "ca", "key");
    struct certificate_signer *signer = &authority->signer;
    int status = EX_OK;
    signer->certificate = pem_read_certificate(certificate);
    if (!signer->certificate || certificate_describe(signer->certificate, &authority->facts) < 0)
        status = refuse_unread(authority->tool->lang, certificate);
    if (status == EX_OK)
        status = read_key(authority, key, &signer->key);
    if (status == EX_OK && X509_check_private_key(signer->certificate, signer->key) != 1)
        status = refuse_unread(authority->tool->lang, key);
    if (status == EX_OK && authority->facts.until <= time(NULL)) {
        text_tell(authority->tool->lang, TEXT_CA_OVER, certificate);
        status = EX_CONFIG;
    }
    free(certificate);
    free(key);
    return status;
}

static int enter(struct authority *authority, const struct tool *tool, const char *folder)
{
    int status = hold(authority, tool, folder);
    if (status == EX_OK)
        status = index_read(&authority->index, folder, tool->lang);
    return status == EX_OK ? read_signer(authority) : status;
}

static void leave(struct authority *authority)
{
    index_free(&authority->index);
    X509_free(authority->signer.certificate);
    EVP_PKEY_free(authority->signer.key);
    if (authority->fd >= 0)
        close(authority->fd);
}

/* ---- the list ---- */

/* Counts the list up in the index, which is written with all that has changed in it, then signs and writes the list. */
static int renew_list(struct authority *authority, long days)
{
    char *path = path_in(authority, "crl", "pem");
    int status;
    ERR_clear_error();
    X509_CRL *list = certificate_list(&authority->signer, ++authority->index.list, days);
    bool well = list != NULL;
    for (size_t i = 0; i < authority->index.count && well; i++) {
        const struct index_row *row = &authority->index.rows[i];
        well = !row->revoked || certificate_list_add(list, row->certificate, row->revoked, row->reason) == 0;
    }
    if (!well || certificate_list_sign(list, &authority->signer) < 0) {
        text_tell(authority->tool->lang, TEXT_FILE_UNWRITTEN, path, credentials_reason(authority->tool->lang));
        status = EX_SOFTWARE;
    } else {
        status = index_write(&authority->index, authority->folder, authority->tool->lang);
        if (status == EX_OK && pem_write_list(path, list) < 0)
            status = refuse_unwritten(authority->tool->lang, path);
    }
    X509_CRL_free(list);
    free(path);
    return status;
}

int authority_list(const struct tool *tool, const char *folder, long days)
{
    struct authority authority;
    int status = enter(&authority, tool, folder);
    if (status == EX_OK)
        status = renew_list(&authority, days);
    leave(&authority);
    return status;
}

/* ---- making the authority ---- */

/* The index of an authority that is not whole yet: there is none, or an empty one of a run that was cut off. A list
 * that is there without an index is of some other authority, and would be written over. */
static int begin_index(struct authority *authority)
{
    char *path = memory_text("%s/index", authority->folder);
    int status = EX_OK;
    bool begun = access(path, F_OK) == 0;
    if (exists(authority, "ca", "pem") || (!begun && exists(authority, "crl", "pem"))) {
        text_tell(authority->tool->lang, TEXT_CA_THERE, authority->folder);
        status = EX_CANTCREAT;
    } else if (begun) {
        status = index_read(&authority->index, authority->folder, authority->tool->lang);
        if (status == EX_OK && authority->index.count > 0) {
            text_tell(authority->tool->lang, TEXT_CA_THERE, authority->folder);
            status = EX_CANTCREAT;
        }
    } else {
        status = index_write(&authority->index, authority->folder, authority->tool->lang);
    }
    free(path);
    return status;
}

int authority_init(const struct tool *tool, const char *folder, const char *name, long days, char fingerprint[65])
{
    struct authority authority;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return refuse_unwritten(tool->lang, folder);
    int status = hold(&authority, tool, folder);
    if (status == EX_OK)
        status = begin_index(&authority);
    if (status == EX_OK)
        status = take_key(&authority, "ca", &authority.signer.key);
    if (status == EX_OK) {
        ERR_clear_error();
        authority.signer.certificate = certificate_authority(authority.signer.key, name, days);
        if (!authority.signer.certificate || certificate_describe(authority.signer.certificate, &authority.facts) < 0) {
            text_tell(tool->lang, TEXT_CA_REFUSED, name, credentials_reason(tool->lang));
            status = EX_SOFTWARE;
        }
    }
    if (status == EX_OK)
        status = renew_list(&authority, AUTHORITY_LIST_DAYS);
    if (status == EX_OK) /* last: with it the authority is there */
        status = write_certificate(&authority, "ca", authority.signer.certificate);
    snprintf(fingerprint, 65, "%s", authority.facts.fingerprint);
    leave(&authority);
    return status;
}

/* ---- issuing ---- */

static void tell_cut(const struct authority *authority, const struct index_row *row, long days)
{
    char day[16];
    struct tm parts;
    if (row->facts.until + CUT_SECONDS >= time(NULL) + days * 86400 || !gmtime_r(&row->facts.until, &parts))
        return;
    strftime(day, sizeof day, "%Y-%m-%d", &parts);
    text_tell(authority->tool->lang, TEXT_CA_CUT, row->name, day);
}

/* Takes a certificate that was made, NULL if it could not be: into the index, then into its file. */
static int keep(struct authority *authority, const char *name, X509 *certificate, long days, char fingerprint[65])
{
    struct index_row *row = certificate ? index_add(&authority->index, name, certificate) : NULL;
    if (!row) {
        text_tell(authority->tool->lang, TEXT_CA_REFUSED, name, credentials_reason(authority->tool->lang));
        return EX_SOFTWARE;
    }
    int status = index_write(&authority->index, authority->folder, authority->tool->lang);
    if (status == EX_OK)
        status = write_certificate(authority, name, certificate);
    if (status == EX_OK)
        tell_cut(authority, row, days);
    memcpy(fingerprint, row->facts.fingerprint, sizeof row->facts.fingerprint);
    return status;
}

/* The name is in the index: only what a run that was cut off left undone can still be done. */
static int put_back(struct authority *authority, const struct index_row *row, const struct certificate_wish *wish,
                    char fingerprint[65])
{
    EVP_PKEY *key = NULL;
    char *path = path_in(authority, row->name, "key");
    int status = EX_CANTCREAT;
    bool same = !exists(authority, row->name, "pem") && strcmp(row->facts.oin, wish->oin ? wish->oin : "") == 0 &&
                row->facts.server == (wish->hosts[0] != NULL) && !row->revoked;
    if (same && exists(authority, row->name, "key") && read_key(authority, path, &key) == EX_OK &&
        EVP_PKEY_eq(key, X509_get0_pubkey(row->certificate)) == 1) {
        status = write_certificate(authority, row->name, row->certificate);
        if (status == EX_OK && !authority->tool->quiet)
            text_tell(authority->tool->lang, TEXT_CA_PUT_BACK, row->name);
        memcpy(fingerprint, row->facts.fingerprint, sizeof row->facts.fingerprint);
    } else {
        text_tell(authority->tool->lang, TEXT_CA_ISSUED, row->name);
    }
    EVP_PKEY_free(key);
    free(path);
    return status;
}

int authority_issue(const struct tool *tool, const char *folder, const struct certificate_wish *wish,
                    char fingerprint[65])
{
    struct authority authority;
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    int status = enter(&authority, tool, folder);
    const struct index_row *row = status == EX_OK ? index_find(&authority.index, wish->name) : NULL;
    if (row) {
        status = put_back(&authority, row, wish, fingerprint);
    } else if (status == EX_OK && exists(&authority, wish->name, "pem")) {
        text_tell(tool->lang, TEXT_CA_FILE_THERE, wish->name);
        status = EX_CANTCREAT;
    } else if (status == EX_OK && (status = take_key(&authority, wish->name, &key)) == EX_OK) {
        ERR_clear_error();
        certificate = certificate_issue(&authority.signer, key, wish);
        status = keep(&authority, wish->name, certificate, wish->days, fingerprint);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    leave(&authority);
    return status;
}

/* ---- renewing ---- */

/* The row that is meant; NULL after telling that there is none. */
static struct index_row *find(const struct authority *authority, const char *word)
{
    struct index_row *row = index_find(&authority->index, word);
    if (!row)
        text_tell(authority->tool->lang, TEXT_CA_UNKNOWN, word, authority->folder);
    return row;
}

static bool same_key(const struct index_row *a, const struct index_row *b)
{
    return EVP_PKEY_eq(X509_get0_pubkey(a->certificate), X509_get0_pubkey(b->certificate)) == 1;
}

/* Whether a certificate was revoked in a way that speaks of its key: others may have it, or nobody said why. */
static bool spoils_key(const struct index_row *row)
{
    return row->revoked &&
           (row->reason == certificate_reason("keyCompromise") || row->reason == certificate_reason("unspecified"));
}

/* Whether this one's key is not to be used again. */
static bool key_is_dead(const struct authority *authority, const struct index_row *row)
{
    for (size_t i = 0; i < authority->index.count; i++)
        if (spoils_key(&authority->index.rows[i]) && same_key(&authority->index.rows[i], row))
            return true;
    return false;
}

/* The first of NAME-2, NAME-3 ... that is neither in the index nor a certificate's file; a NAME that leaves no room for
 * the number is cut. The caller frees. */
static char *next_name(const struct authority *authority, const struct index_row *row)
{
    const char *base = index_is_name(row->facts.name) ? row->facts.name : row->name;
    for (unsigned number = 2;; number++) {
        int room = INDEX_NAME - snprintf(NULL, 0, "-%u", number);
        char *name = memory_text("%.*s-%u", room, base, number);
        if (!index_find(&authority->index, name) && !exists(authority, name, "pem"))
            return name;
        free(name);
    }
}

/* Tells what there is now, how the old one stands, and where the new one is to be made known. */
static void tell_renewed(const struct authority *authority, const char *name, bool revoked)
{
    const enum text_lang lang = authority->tool->lang;
    const struct index_row *row = index_find(&authority->index, name);
    char *known = row->facts.server ? memory_text("%s", text_of(lang, TEXT_CA_SERVE_IT))
                                    : memory_text(text_of(lang, TEXT_CA_GRANT_IT), row->facts.fingerprint);
    char *rest = memory_text("%s %s", text_of(lang, revoked ? TEXT_CA_OLD_REVOKED : TEXT_CA_OLD_VALID), known);
    text_tell(lang, TEXT_CA_RENEWED, authority->folder, name, rest);
    free(rest);
    free(known);
}

int authority_renew(const struct tool *tool, const char *folder, const char *word, bool new_key, long days,
                    char fingerprint[65])
{
    struct authority authority;
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    char *name = NULL;
    int status = enter(&authority, tool, folder);
    const struct index_row *row = status == EX_OK ? find(&authority, word) : NULL;
    bool revoked = row && row->revoked;
    if (status == EX_OK && !row)
        status = EX_NOINPUT;
    if (status == EX_OK && !new_key && key_is_dead(&authority, row)) {
        text_tell(tool->lang, TEXT_CA_KEY_DEAD, row->name);
        status = EX_CANTCREAT;
    }
    if (status == EX_OK) {
        name = next_name(&authority, row);
        status = new_key ? take_key(&authority, name, &key) : EX_OK;
    }
    if (status == EX_OK) {
        ERR_clear_error();
        certificate = certificate_renew(&authority.signer, key, row->certificate, days);
        status = keep(&authority, name, certificate, days, fingerprint); /* `row` may have moved */
    }
    if (status == EX_OK && !tool->quiet)
        tell_renewed(&authority, name, revoked);
    X509_free(certificate);
    EVP_PKEY_free(key);
    free(name);
    leave(&authority);
    return status;
}

/* ---- revoking ---- */

/* A key in wrong hands serves every certificate that was issued for it. */
static void tell_same_key(const struct authority *authority, const struct index_row *row)
{
    for (size_t i = 0; i < authority->index.count; i++) {
        const struct index_row *other = &authority->index.rows[i];
        if (!other->revoked && same_key(other, row))
            text_tell(authority->tool->lang, TEXT_CA_SAME_KEY, other->name, authority->folder, other->name);
    }
}

/* Notes it in the index. One that was revoked before keeps its time, and its reason but for a key that has got into
 * wrong hands: that is the graver, whatever was said before. */
static void note_revoked(const struct authority *authority, struct index_row *row, int reason)
{
    const struct tool *tool = authority->tool;
    const char *before = row->revoked ? certificate_reason_name(row->reason) : NULL;
    if (before && (reason == row->reason || reason != certificate_reason("keyCompromise"))) {
        if (!tool->quiet)
            text_tell(tool->lang, TEXT_CA_REVOKED_BEFORE, row->name, before);
        return;
    }
    row->reason = reason;
    if (!before)
        row->revoked = time(NULL);
    else if (!tool->quiet)
        text_tell(tool->lang, TEXT_CA_REVOKED_GRAVER, row->name, before, certificate_reason_name(reason));
}

int authority_revoke(const struct tool *tool, const char *folder, const char *word, int reason, long days,
                     char fingerprint[65])
{
    struct authority authority;
    int status = enter(&authority, tool, folder);
    struct index_row *row = status == EX_OK ? find(&authority, word) : NULL;
    if (status == EX_OK && !row)
        status = EX_NOINPUT;
    if (row)
        note_revoked(&authority, row, reason);
    if (status == EX_OK)
        status = renew_list(&authority, days);
    if (status == EX_OK) {
        memcpy(fingerprint, row->facts.fingerprint, sizeof row->facts.fingerprint);
        if (!tool->quiet)
            text_tell(tool->lang, TEXT_CA_REVOKED, folder, fingerprint);
        if (spoils_key(row))
            tell_same_key(&authority, row);
    }
    leave(&authority);
    return status;
}

/* ---- fingerprints ---- */

int authority_fingerprint(const struct tool *tool, const char *path, char fingerprint[65])
{
    struct certificate_facts facts;
    X509 *certificate = pem_read_certificate(path);
    int status = EX_OK;
    if (!certificate || certificate_describe(certificate, &facts) < 0)
        status = refuse_unread(tool->lang, path);
    else
        memcpy(fingerprint, facts.fingerprint, sizeof facts.fingerprint);
    X509_free(certificate);
    return status;
}
