/* Saved logs, verified.
 *
 * Rules: whatever stands in a file ends in a verdict; the first row that is wrong is named, and how far all was right.
 * Limits: memory does not grow with the file. */
#include "tool_verify.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "line.h"
#include "tool_chain.h"
#include "tool_memory.h"

static int fail_file(const struct tool *tool, enum text_id id, const char *path, int status)
{
    text_tell(tool->lang, id, path, text_reason(tool->lang, errno));
    return status;
}

/* ---- reading a saved log ---- */

/* A saved log being read. */
struct saved {
    const char *path;
    FILE *file;
    bool own;           /* it was opened here */
    unsigned long line; /* number of the line taken last */
    bool cut;           /* it ends within a line */
    char bytes[LINE_MAX_BYTES * 2];
    size_t at, len;
};

/* The next line without its LF. 1; 0 at the end, or within a last line; -1: what stands there is no line. */
static int next_line(struct saved *saved, char line[LINE_MAX_BYTES], size_t *len)
{
    if (saved->len - saved->at < LINE_MAX_BYTES) {
        saved->len -= saved->at;
        memmove(saved->bytes, saved->bytes + saved->at, saved->len);
        saved->at = 0;
        saved->len += fread(saved->bytes + saved->len, 1, sizeof saved->bytes - saved->len, saved->file);
    }
    if (saved->at == saved->len)
        return 0;
    enum line_verdict found = line_take(saved->bytes + saved->at, saved->len - saved->at, len);
    saved->cut = found == LINE_PART;
    if (saved->cut)
        return 0;
    saved->line++;
    if (found != LINE_WHOLE)
        return -1;
    memcpy(line, saved->bytes + saved->at, *len);
    saved->at += *len + 1;
    return 1;
}

static void free_saved(struct saved *saved)
{
    if (saved->own && saved->file)
        fclose(saved->file);
    free(saved);
}

/* Where a saved log says that it ends. */
struct end {
    uint64_t log;
    char hex[65];
};

/* Opens it and reads its first line. NULL after telling why, with `*status`. */
static struct saved *open_saved(const struct tool *tool, const char *path, FILE *file, struct end *end, int *status)
{
    static const char form[] = "* audit 1 ";
    struct saved *saved = memory_get(1, sizeof *saved);
    char line[LINE_MAX_BYTES];
    struct answer first;
    size_t len;
    saved->path = path;
    saved->own = !file;
    saved->file = file ? file : fopen(path, "re");
    if (!saved->file) {
        *status = fail_file(tool, TEXT_FILE_UNREAD, path, EX_NOINPUT);
    } else if (next_line(saved, line, &len) != 1 || len < sizeof form - 1 || memcmp(line, form, sizeof form - 1) != 0 ||
               answer_read(line, len, &first) < 0) {
        *status = ferror(saved->file) ? fail_file(tool, TEXT_FILE_UNREAD, path, EX_NOINPUT) : EX_DATAERR;
        if (*status == EX_DATAERR)
            text_tell(tool->lang, TEXT_AUDIT_NOT_ONE, path);
    } else {
        struct slice head = answer_field(&first, "head");
        end->log = chain_number(answer_field(&first, "log"));
        snprintf(end->hex, sizeof end->hex, "%.*s", head.len == 64 ? 64 : 0, head.at ? head.at : "");
        return saved;
    }
    free_saved(saved);
    return NULL;
}

/* ---- one log ---- */

struct verifying {
    const struct tool *tool;
    const char *known; /* a head that must be among those of the log; NULL: none */
    bool known_found;
};

/* Where the row `log` stands from here on: the number of the row before it, or 0 when it is nowhere. */
static uint64_t find_row(struct saved *saved, uint64_t log, uint64_t before)
{
    char line[LINE_MAX_BYTES];
    struct answer row;
    size_t len;
    while (next_line(saved, line, &len) == 1) {
        if (answer_read(line, len, &row) < 0 || answer_field(&row, "head").at)
            continue;
        uint64_t number = chain_number(answer_field(&row, "log"));
        if (number == log)
            return before;
        before = number;
    }
    return 0;
}

/* Tells a verdict. `number` is that of the row just read. */
static int tell_verdict(const struct verifying *verifying, struct saved *saved, const struct chain *chain,
                        enum chain_verdict verdict, uint64_t number)
{
    static const enum text_id words[] = {
        [CHAIN_GAP] = TEXT_AUDIT_LOST,    [CHAIN_BACK] = TEXT_AUDIT_BACK, [CHAIN_CHANGED] = TEXT_AUDIT_GROUP,
        [CHAIN_PLACE] = TEXT_AUDIT_PLACE, [CHAIN_BARE] = TEXT_AUDIT_BARE, [CHAIN_FORM] = TEXT_AUDIT_FORM};
    const enum text_lang lang = verifying->tool->lang;
    unsigned long long first = chain->first, last = chain->last;
    unsigned long line = saved->line;
    uint64_t behind = verdict == CHAIN_GAP ? find_row(saved, chain->first, number) : 0;
    if (behind > 0)
        text_tell(lang, TEXT_AUDIT_MOVED, saved->path, first, line, (unsigned long long)behind);
    else if (verdict == CHAIN_CHANGED && first == last)
        text_tell(lang, TEXT_AUDIT_CHANGED, saved->path, first, line);
    else
        text_tell(lang, words[verdict], saved->path, first, line, last);
    if (chain->covered > 0)
        text_tell(lang, TEXT_AUDIT_RIGHT_TO, (unsigned long long)chain->covered);
    return EX_DATAERR;
}

/* What must hold at the end of a log that is right so far. */
static int check_end(const struct verifying *verifying, struct saved *saved, const struct chain *chain,
                     const struct end *end)
{
    const enum text_lang lang = verifying->tool->lang;
    if (saved->cut && chain->log >= end->log) {
        text_tell(lang, TEXT_AUDIT_FORM, saved->path, (unsigned long long)chain->log + 1, saved->line + 1);
    } else if (chain->log < end->log) {
        text_tell(lang, TEXT_AUDIT_CUT, saved->path, (unsigned long long)chain->log + 1, (unsigned long long)end->log);
    } else if (chain->log > end->log || (end->log > 0 && strcmp(chain->head, end->hex) != 0)) {
        text_tell(lang, TEXT_AUDIT_END, saved->path, (unsigned long long)end->log);
    } else if (verifying->known && !verifying->known_found) {
        text_tell(lang, TEXT_AUDIT_UNKNOWN, saved->path, verifying->known);
    } else {
        if (!verifying->tool->quiet)
            printf(text_of(lang, TEXT_AUDIT_HOLDS), saved->path, (unsigned long long)chain->log,
                   (unsigned long long)chain->heads, *chain->head ? chain->head : "-");
        return EX_OK;
    }
    return EX_DATAERR;
}

/* Follows a saved log to its end, or to the first row that is wrong. */
static int follow(struct verifying *verifying, struct saved *saved, const struct end *end)
{
    char line[LINE_MAX_BYTES];
    enum chain_verdict verdict = CHAIN_FINE;
    struct chain chain;
    uint64_t number = 0;
    size_t len;
    int more, status;
    chain_begin(&chain);
    verifying->known_found = false;
    while (verdict == CHAIN_FINE && (more = next_line(saved, line, &len)) != 0) {
        struct answer row;
        if (more < 0 || answer_read(line, len, &row) < 0)
            row = (struct answer){.kind = ANSWER_BAD};
        verdict = chain_take(&chain, &row);
        number = row.kind == ANSWER_ROW ? chain_number(answer_field(&row, "log")) : 0;
        verifying->known_found |= verifying->known && strcmp(chain.head, verifying->known) == 0;
    }
    if (verdict == CHAIN_FINE && ferror(saved->file)) {
        status = fail_file(verifying->tool, TEXT_FILE_UNREAD, saved->path, EX_IOERR);
    } else {
        if (verdict == CHAIN_FINE)
            verdict = chain_finish(&chain);
        status = verdict != CHAIN_FINE ? tell_verdict(verifying, saved, &chain, verdict, number)
                                       : check_end(verifying, saved, &chain, end);
    }
    chain_end(&chain);
    return status;
}

int verify_log(const struct tool *tool, const char *name, FILE *file, const char *known)
{
    struct verifying verifying = {.tool = tool, .known = known};
    struct end end;
    int status;
    struct saved *saved = open_saved(tool, name, file, &end, &status);
    if (!saved)
        return status;
    status = follow(&verifying, saved, &end);
    free_saved(saved);
    return status;
}

/* ---- two logs ---- */

/* The next row, no head, as its line and its number. 1, 0 at the end, -1 when it is none. */
static int next_row(struct saved *saved, char line[LINE_MAX_BYTES], size_t *len, uint64_t *number)
{
    char copy[LINE_MAX_BYTES];
    struct answer row;
    int more;
    while ((more = next_line(saved, line, len)) == 1) {
        memcpy(copy, line, *len);
        if (answer_read(copy, *len, &row) < 0)
            return -1;
        *number = chain_number(answer_field(&row, "log"));
        if (!answer_field(&row, "head").at)
            return 1;
    }
    return more;
}

/* Finds the first row in which they differ. What is no row is the matter of verify_log(). */
static int compare(const struct tool *tool, struct saved *one, struct saved *other)
{
    char line[2][LINE_MAX_BYTES];
    size_t len[2];
    uint64_t number[2];
    while (next_row(one, line[0], &len[0], &number[0]) == 1 && next_row(other, line[1], &len[1], &number[1]) == 1) {
        if (number[0] != number[1]) {
            bool first = number[0] < number[1];
            text_tell(tool->lang, TEXT_AUDIT_ABSENT, (unsigned long long)number[first ? 0 : 1],
                      first ? one->path : other->path, first ? other->path : one->path);
            return EX_DATAERR;
        }
        if (len[0] != len[1] || memcmp(line[0], line[1], len[0]) != 0) {
            text_tell(tool->lang, TEXT_AUDIT_DIFFERS, (unsigned long long)number[0], one->path, one->line, other->path,
                      other->line);
            return EX_DATAERR;
        }
    }
    return EX_OK;
}

int verify_alike(const struct tool *tool, const char *one, const char *other)
{
    struct end end;
    int status;
    struct saved *first = open_saved(tool, one, NULL, &end, &status);
    struct saved *second = first ? open_saved(tool, other, NULL, &end, &status) : NULL;
    if (second) {
        status = compare(tool, first, second);
        free_saved(second);
    }
    if (first)
        free_saved(first);
    return status;
}
