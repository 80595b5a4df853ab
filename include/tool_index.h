/* The index of a certification authority: every certificate that it issued, and which of them it revoked. It lies in
 * the authority's folder as `index`, a file in text:
 *
 *   buurtaal-ca 1 crl=NUMBER                    the number of the newest list of revoked certificates
 *   NAME REVOKED REASON CERTIFICATE             one line a certificate, the oldest first
 *
 * NAME is that of its file without `.pem`, and there once; REVOKED the time in UTC, as 2027-05-14T10:11:12Z, and REASON
 * one of certificate_reason(), both `-` for one that is not revoked; CERTIFICATE its DER in base64. */
#ifndef BUURTAAL_TOOL_INDEX_H
#define BUURTAAL_TOOL_INDEX_H

#include <time.h>

#include "base.h"
#include "tool_certificate.h"
#include "tool_text.h"

#define INDEX_NAME 64 /* bytes of a name, at most */

struct index_row {
    char name[INDEX_NAME + 1];
    struct x509_st *certificate;
    struct certificate_facts facts;
    time_t revoked; /* 0: it is not */
    int reason;
};

struct index {
    int64_t list; /* the number of the newest list; 0: none was made yet */
    size_t count;
    struct index_row *rows;
};

/* Whether it can be the name of a certificate's file: 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit,
 * and not that of a file of the authority's own. */
bool index_is_name(const char *name);

/* Reads the index of a folder. EX_OK, or a status of sysexits.h after telling why; index_free() either way. */
int index_read(struct index *index, const char *folder, enum text_lang lang) MUST_CHECK;
/* Writes it, whole or not at all. The same. */
int index_write(const struct index *index, const char *folder, enum text_lang lang) MUST_CHECK;
void index_free(struct index *index);

/* Adds a row for a certificate, which is held by the index too; the caller keeps its own hold. The row, valid until the
 * next is added; NULL when it could not be read back: the name cannot be one, or is there, or the certificate cannot be
 * described. */
struct index_row *index_add(struct index *index, const char *name, struct x509_st *certificate);
/* The row of a name, of a serial number or of a fingerprint, as `ca list` shows them, the case of hex aside. NULL:
 * there is none. */
struct index_row *index_find(const struct index *index, const char *word);

#endif
