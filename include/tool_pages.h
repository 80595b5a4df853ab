/* Reads a list of the registry page by page. */
#ifndef BUURTAAL_TOOL_PAGES_H
#define BUURTAAL_TOOL_PAGES_H

#include "base.h"
#include "tool_answer.h"
#include "tool_client.h"

#define PAGES_ROWS 500 /* of a page; as many as the daemon asks its database for at a time */
#define PAGES_FILTERS 8

struct pages {
    const char *verb;
    size_t filter_count;
    struct {
        const char *name, *value; /* a value that is NULL filters nothing */
    } filters[PAGES_FILTERS];
    void *own;
    /* A row. Its page may still turn out to be void: then the reading ends without a call of `page`. */
    void (*row)(void *own, const struct answer *row);
    /* The end of a page that holds. EX_OK goes on; another status ends the reading, which returns it. May be NULL. */
    int (*page)(void *own);
};

/* How far a list was read; all zeros is its beginning. */
struct pages_place {
    char after[512]; /* the token of the next page */
    bool over;       /* there is none */
    size_t rows;     /* of the page read last */
    uint64_t log;    /* the number of the log that it is true for */
};

/* Reads the next page. EX_OK, else a status of sysexits.h after telling why. */
int pages_next(struct client *client, const struct pages *pages, enum text_lang lang, struct pages_place *place)
    MUST_CHECK;

/* Reads all of it. EX_OK with the number of the log that the list is true for, else a status of sysexits.h after telling why. */
int pages_read(struct client *client, const struct pages *pages, enum text_lang lang, uint64_t *log) MUST_CHECK;

#endif
