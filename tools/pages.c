/* A list, page by page: the next is asked for when the one before has been dealt with, so that neither side keeps more
 * than a page. */
#include "tool_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tool_memory.h"

#define PAGE 500       /* rows; as many as the daemon asks its database for at a time */
#define AFTER_MOST 512 /* bytes of the token of a page */

static int tell_refusal(enum text_lang lang, const struct answer *status)
{
    struct slice field = answer_field(status, "field"), text = answer_field(status, "text");
    char *words = memory_text("%.*s%s%.*s [%.*s]", (int)field.len, field.at ? field.at : "", field.at ? ": " : "",
                              (int)text.len, text.at ? text.at : "", (int)status->word.len, status->word.at);
    text_tell(lang, TEXT_PLAIN, words);
    free(words);
    return answer_exit(status);
}

/* Writes the request for the page behind `after`. 0 when a value cannot stand in a line. */
static size_t write_request(const struct pages *pages, struct slice after, char bytes[LINE_MAX_BYTES])
{
    struct line_writer writer;
    line_begin(&writer, bytes, LINE_MAX_BYTES, pages->verb);
    for (size_t i = 0; i < pages->filter_count; i++)
        line_put_text(&writer, pages->filters[i].name, pages->filters[i].value);
    line_put_number(&writer, "limit", PAGE);
    line_put(&writer, "after", after);
    return line_end(&writer);
}

/* Keeps the token of the next page. 1; 0 at the end of the list; -1 when it leads nowhere. */
static int turn(const struct answer *status, char kept[AFTER_MOST], struct slice *after)
{
    struct slice token = answer_field(status, "after");
    if (!slice_is(answer_field(status, "more"), "yes"))
        return 0;
    bool same = token.at && after->at && token.len == after->len && memcmp(token.at, after->at, token.len) == 0;
    if (!token.at || token.len >= AFTER_MOST || same)
        return -1;
    memcpy(kept, token.at, token.len);
    *after = (struct slice){kept, token.len};
    return 1;
}

int pages_read(struct client *client, const struct pages *pages, enum text_lang lang, uint64_t *log)
{
    char request[LINE_MAX_BYTES], line[LINE_MAX_BYTES], kept[AFTER_MOST];
    struct slice after = {NULL, 0};
    struct answer status;
    for (int more = 1; more != 0;) {
        size_t len = write_request(pages, after, request);
        if (len == 0) {
            text_tell(lang, TEXT_PROGRESS_VALUE);
            return EX_USAGE;
        }
        if (client_ask(client, request, len, pages->row, pages->own, line, &status) < 0) {
            text_tell(lang, TEXT_PLAIN, client_why(client));
            return client_status(client_fault(client));
        }
        if (status.kind != ANSWER_OK)
            return tell_refusal(lang, &status);
        *log = slice_number(answer_field(&status, "log"));
        more = turn(&status, kept, &after);
        int result = pages->page ? pages->page(pages->own) : EX_OK;
        if (result != EX_OK)
            return result;
        if (more < 0) {
            text_tell(lang, TEXT_LIST_STALLS);
            return EX_PROTOCOL;
        }
    }
    return EX_OK;
}
