/* The index of a certification authority. All that is said of a certificate is read from the certificate itself, which
 * the row holds whole: so one can be revoked and renewed whose files are long gone from the folder. */
#define _GNU_SOURCE /* strptime, timegm, open_memstream */
#include "tool_index.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_file.h"
#include "tool_memory.h"

#define TIME "%Y-%m-%dT%H:%M:%SZ"
#define HEAD "buurtaal-ca 1 crl="
#define DER_MOST 65536

bool index_is_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    static const char *const own[] = {"ca", "crl", "index"};
    size_t len = strlen(name);
    for (size_t i = 0; i < COUNT(own); i++)
        if (strcasecmp(name, own[i]) == 0)
            return false;
    return len > 0 && len <= INDEX_NAME && !strchr("._-", name[0]) && strspn(name, allowed) == len;
}

/* ---- rows ---- */

struct index_row *index_add(struct index *index, const char *name, X509 *certificate)
{
    index->rows = memory_grow(index->rows, index->count + 1, sizeof *index->rows);
    struct index_row *row = &index->rows[index->count];
    memset(row, 0, sizeof *row);
    if (!index_is_name(name) || index_find(index, name) || certificate_describe(certificate, &row->facts) < 0 ||
        X509_up_ref(certificate) != 1)
        return NULL;
    snprintf(row->name, sizeof row->name, "%s", name);
    row->certificate = certificate;
    index->count++;
    return row;
}

struct index_row *index_find(const struct index *index, const char *word)
{
    for (size_t i = 0; i < index->count; i++)
        if (strcmp(word, index->rows[i].name) == 0)
            return &index->rows[i];
    for (size_t i = 0; i < index->count; i++)
        if (strcasecmp(word, index->rows[i].facts.serial) == 0 ||
            strcasecmp(word, index->rows[i].facts.fingerprint) == 0)
            return &index->rows[i];
    return NULL;
}

void index_free(struct index *index)
{
    for (size_t i = 0; i < index->count; i++)
        X509_free(index->rows[i].certificate);
    free(index->rows);
    *index = (struct index){0};
}

/* ---- reading ---- */

/* The certificate that stands in base64; NULL when it is none. */
static X509 *decode(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len % 4 != 0 || len > DER_MOST)
        return NULL;
    unsigned char *bytes = memory_get(len / 4 * 3, 1);
    const unsigned char *at = bytes;
    int padding = (text[len - 1] == '=') + (text[len - 2] == '=');
    int size = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) - padding;
    X509 *certificate = size > 0 ? d2i_X509(NULL, &at, size) : NULL;
    if (certificate && at != bytes + size) {
        X509_free(certificate);
        certificate = NULL;
    }
    free(bytes);
    return certificate;
}

/* When and why it was revoked, if it was. 0, or -1. */
static int read_revoked(struct index_row *row, const char *when, const char *why)
{
    struct tm parts = {0};
    if (strcmp(when, "-") == 0 && strcmp(why, "-") == 0)
        return 0;
    const char *end = strptime(when, TIME, &parts);
    row->reason = certificate_reason(why);
    row->revoked = timegm(&parts);
    return end && !*end && row->reason >= 0 && row->revoked > 0 ? 0 : -1;
}

/* Takes a line, which is changed. 0, or -1 when it is none of an index. */
static int take_row(struct index *index, char *line)
{
    char *words[4] = {line};
    for (size_t i = 1; i < COUNT(words); i++) {
        char *blank = strchr(words[i - 1], ' ');
        if (!blank)
            return -1;
        *blank = '\0';
        words[i] = blank + 1;
    }
    X509 *certificate = decode(words[3]);
    struct index_row *row = certificate ? index_add(index, words[0], certificate) : NULL;
    X509_free(certificate);
    return row ? read_revoked(row, words[1], words[2]) : -1;
}

static int take_head(struct index *index, const char *line)
{
    char end;
    return strncmp(line, HEAD, strlen(HEAD)) == 0 &&
                   sscanf(line + strlen(HEAD), "%" SCNd64 "%c", &index->list, &end) == 1 && index->list >= 0
               ? 0
               : -1;
}

int index_read(struct index *index, const char *folder, enum text_lang lang)
{
    char *path = memory_text("%s/index", folder), *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    int status = EX_OK;
    *index = (struct index){0};
    FILE *file = fopen(path, "re");
    for (ssize_t len; file && status == EX_OK && (len = getline(&line, &room, file)) >= 0;) {
        bool whole = len > 0 && line[len - 1] == '\n' && strlen(line) == (size_t)len;
        if (whole)
            line[len - 1] = '\0';
        if (!whole || (number++ == 0 ? take_head(index, line) : take_row(index, line)) < 0) {
            text_tell(lang, TEXT_CA_INDEX_LINE, path, number > 0 ? number : 1);
            status = EX_DATAERR;
        }
    }
    if (!file && access(folder, F_OK) < 0) {
        text_tell(lang, TEXT_CA_FOLDER, folder, text_reason(lang, errno));
        status = EX_NOINPUT;
    } else if (!file || (status == EX_OK && ferror(file))) {
        text_tell(lang, TEXT_CA_INDEX_UNREAD, path, text_reason(lang, errno));
        status = EX_NOINPUT;
    } else if (status == EX_OK && number == 0) {
        text_tell(lang, TEXT_CA_INDEX_LINE, path, 1);
        status = EX_DATAERR;
    }
    if (file)
        fclose(file);
    free(line);
    free(path);
    return status;
}

/* ---- writing ---- */

/* 0, or -1 without memory or when OpenSSL cannot. */
static int print_row(FILE *out, const struct index_row *row)
{
    unsigned char *bytes = NULL;
    int len = i2d_X509(row->certificate, &bytes);
    char when[32] = "-";
    struct tm parts;
    if (len <= 0)
        return -1;
    char *text = memory_get((size_t)len / 3 * 4 + 5, 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, len);
    if (row->revoked && gmtime_r(&row->revoked, &parts))
        strftime(when, sizeof when, TIME, &parts);
    fprintf(out, "%s %s %s %s\n", row->name, when, row->revoked ? certificate_reason_name(row->reason) : "-", text);
    free(text);
    OPENSSL_free(bytes);
    return 0;
}

int index_write(const struct index *index, const char *folder, enum text_lang lang)
{
    char *path = memory_text("%s/index", folder), *text = NULL;
    size_t len = 0;
    int status = EX_OK, result = 0;
    FILE *out = open_memstream(&text, &len);
    if (out) {
        fprintf(out, HEAD "%" PRId64 "\n", index->list);
        for (size_t i = 0; i < index->count && result == 0; i++)
            result = print_row(out, &index->rows[i]);
    }
    if (!out || fclose(out) != 0 || result < 0) {
        errno = ENOMEM;
        result = -1;
    }
    if (result < 0 || file_write(path, text, len, 0644, true) < 0) {
        text_tell(lang, TEXT_FILE_UNWRITTEN, path, text_reason(lang, errno));
        status = EX_CANTCREAT;
    }
    free(text);
    free(path);
    return status;
}
