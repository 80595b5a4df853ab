/* The rows of a list, printed a page at a time.
 *
 * Rules: rows that come before a status other than OK are void, so nothing of a page is printed before its status. JSON
 * has the names of the protocol, numbers as numbers, and leaves out what has no value, as the wire does; tables and CSV
 * have headings for people. */
#include "tool_listing.h"

#include <errno.h>
#include <stdlib.h>

#include "tool_csv.h"
#include "tool_json.h"
#include "tool_memory.h"

void listing_keep(struct listing *listing, const struct slice values[])
{
    size_t bytes = 0;
    for (size_t i = 0; i < listing->width; i++)
        bytes += values[i].len;
    struct slice *row =
        memory_get(1, listing->width * sizeof *row + bytes); /* the cells, and behind them their bytes */
    char *at = (char *)(row + listing->width);
    for (size_t i = 0; i < listing->width; i++) {
        if (!values[i].at)
            continue;
        memcpy(at, values[i].at, values[i].len);
        row[i] = (struct slice){at, values[i].len};
        at += values[i].len;
    }
    if ((listing->count & (listing->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
        listing->kept = memory_grow(listing->kept, listing->count * 2 + 1, sizeof *listing->kept);
    listing->kept[listing->count++] = row;
}

static void print_json(const struct listing *listing, const struct slice cells[])
{
    bool any = false;
    fputc('{', listing->out);
    for (size_t i = 0; i < listing->width; i++) {
        if (!cells[i].at)
            continue;
        fputs(any ? ", " : "", listing->out);
        any = true;
        json_text(listing->out, slice_of(listing->columns[i].name));
        fputs(": ", listing->out);
        if (listing->columns[i].kind == GRID_NUMBER)
            json_value(listing->out, cells[i]);
        else
            json_text(listing->out, cells[i]);
    }
    fputc('}', listing->out);
}

static void forget(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->kept[i]);
    listing->count = 0;
}

static void begin(struct listing *listing)
{
    if (listing->begun)
        return;
    listing->begun = true;
    if (listing->form == LISTING_JSON)
        fputc('[', listing->out);
    if (listing->form != LISTING_CSV)
        return;
    struct slice headings[GRID_COLUMNS];
    for (size_t i = 0; i < listing->width; i++)
        headings[i] = slice_of(listing->columns[i].heading);
    fputs(CSV_BOM, listing->out);
    csv_write(listing->out, ';', CSV_GUARDED, headings, listing->width);
}

static void print_row(struct listing *listing, size_t i)
{
    if (listing->form == LISTING_CSV) {
        csv_write(listing->out, ';', CSV_GUARDED, listing->kept[i], listing->width);
        return;
    }
    fputs(listing->told + i > 0 ? ",\n  " : "\n  ", listing->out);
    print_json(listing, listing->kept[i]);
}

/* 0, or -1 when something could not be written; errno is then what was the matter. It was 0 before the writing. */
static int written(const struct listing *listing)
{
    if (fflush(listing->out) == 0 && !ferror(listing->out))
        return 0;
    errno = errno ? errno : EIO;
    return -1;
}

int listing_print(struct listing *listing)
{
    errno = 0;
    begin(listing);
    if (listing->form == LISTING_TABLE)
        grid_print(&listing->grid, listing->out, listing->columns, listing->kept, listing->count);
    else
        for (size_t i = 0; i < listing->count; i++)
            print_row(listing, i);
    listing->told += listing->count;
    forget(listing);
    return written(listing);
}

int listing_end(struct listing *listing)
{
    errno = 0;
    if (listing->form == LISTING_JSON)
        fputs(listing->told > 0 ? "\n]\n" : "]\n", listing->out);
    return written(listing);
}

void listing_free(struct listing *listing)
{
    forget(listing);
    free(listing->kept);
}
