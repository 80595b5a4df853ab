/* A private certification authority in a folder: ca.key and ca.pem, a NAME.key and NAME.pem for each certificate that
 * it issued, `index` with all of them (tool_index.h), and crl.pem, the list of those that it revoked.
 *
 * Each function below holds the folder for itself: another one waits. Each may be cut off anywhere: no file is ever
 * there in part, no certificate is in a file that is not in the index, and doing it again finishes it. No key and no
 * certificate is ever written over. */
#ifndef BUURTAAL_TOOL_AUTHORITY_H
#define BUURTAAL_TOOL_AUTHORITY_H

#include "base.h"
#include "tool_certificate.h"
#include "tool_options.h"

#define AUTHORITY_CA_DAYS 3650
#define AUTHORITY_DAYS 365
#define AUTHORITY_LIST_DAYS 30

/* Each returns EX_OK, and `fingerprint` is then that of the certificate that was made or revoked; or a status of
 * sysexits.h after telling why. */

/* Makes the authority, in a folder that it makes where there is none, with a list that is still empty. */
int authority_init(const struct tool *tool, const char *folder, const char *name, long days, char fingerprint[65])
    MUST_CHECK;
/* Makes NAME.key and NAME.pem. A NAME.key that is there without a certificate is used. What was issued before under the
 * same name and Subject is put back where NAME.pem is missing. */
int authority_issue(const struct tool *tool, const char *folder, const struct certificate_wish *wish,
                    char fingerprint[65]) MUST_CHECK;
/* Makes NAME-2.pem, or NAME-3.pem and so on, that says the same as `word`, which is what index_find() takes: for the
 * same key, or for a new one in NAME-2.key. The old certificate holds until its end. */
int authority_renew(const struct tool *tool, const char *folder, const char *word, bool new_key, long days,
                    char fingerprint[65]) MUST_CHECK;
/* Revokes it, now and for good, and signs crl.pem anew, as authority_list() does. Doing it again changes nothing of
 * when, and of why only that a compromised key is the graver reason. `reason`: of certificate_reason(). */
int authority_revoke(const struct tool *tool, const char *folder, const char *word, int reason, long days,
                     char fingerprint[65]) MUST_CHECK;
/* Signs crl.pem anew; the next one is promised within `days`. */
int authority_list(const struct tool *tool, const char *folder, long days) MUST_CHECK;
/* The SHA-256 of a certificate in PEM, as 64 hex digits. */
int authority_fingerprint(const struct tool *tool, const char *path, char fingerprint[65]) MUST_CHECK;

#endif
