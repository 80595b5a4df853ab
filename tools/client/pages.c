/* A list, page by page: the next is asked for when the one before has been dealt with, so that neither side keeps more
 * than a page.
 *
 * Rules: a page that brings nothing, or leads back to itself, ends the reading: nobody would see the end of it. */
#include "tool_pages.h"

#include <stdlib.h>
#include <sysexits.h>

/* Writes the request for the page behind `after`. 0 when a value cannot stand in a line. */
static size_t write_request(const struct pages *pages, const char *after, char bytes[LINE_MAX_BYTES])
{
    struct line_writer writer;
    line_begin(&writer, bytes, LINE_MAX_BYTES, pages->verb);
    for (size_t i = 0; i < pages->filter_count; i++)
        line_put_text(&writer, pages->filters[i].name, pages->filters[i].value);
    line_put_number(&writer, "limit", PAGES_ROWS);
    line_put_text(&writer, "after", *after ? after : NULL);
    return line_end(&writer);
}

/* Keeps where the next page begins. 0, or -1 when it is nowhere. */
static int turn(struct pages_place *place, const struct answer *status)
{
    struct slice token = answer_field(status, "after");
    place->over = !slice_is(answer_field(status, "more"), "yes");
    if (place->over)
        return 0;
    if (place->rows == 0 || token.len == 0 || token.len >= sizeof place->after || slice_is(token, place->after))
        return -1;
    memcpy(place->after, token.at, token.len);
    place->after[token.len] = '\0';
    return 0;
}

/* What a row is handed on with. */
struct taking {
    const struct pages *pages;
    struct pages_place *place;
};

static void take_row(void *own, const struct answer *row)
{
    struct taking *taking = own;
    taking->place->rows++;
    taking->pages->row(taking->pages->own, row);
}

int pages_next(struct client *client, const struct pages *pages, enum text_lang lang, struct pages_place *place)
{
    char request[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    struct taking taking = {pages, place};
    struct answer status;
    size_t len = write_request(pages, place->after, request);
    if (len == 0) {
        text_tell(lang, TEXT_SHELL_LINE);
        return EX_USAGE;
    }
    place->rows = 0;
    if (client_ask(client, request, len, take_row, &taking, line, &status) < 0) {
        text_tell(lang, TEXT_PLAIN, client_why(client));
        return client_status(client_fault(client));
    }
    if (status.kind != ANSWER_OK) {
        char *words = client_words(client, &status);
        text_tell(lang, TEXT_PLAIN, words);
        free(words);
        return answer_exit(&status);
    }
    place->log = slice_number(answer_field(&status, "log"));
    bool stalls = turn(place, &status) < 0;
    int result = pages->page ? pages->page(pages->own) : EX_OK;
    if (result == EX_OK && stalls) {
        text_tell(lang, TEXT_LIST_STALLS);
        result = EX_PROTOCOL;
    }
    return result;
}

int pages_read(struct client *client, const struct pages *pages, enum text_lang lang, uint64_t *log)
{
    struct pages_place place = {.log = 0};
    int status = EX_OK;
    while (status == EX_OK && !place.over)
        status = pages_next(client, pages, lang, &place);
    *log = place.log;
    return status;
}
