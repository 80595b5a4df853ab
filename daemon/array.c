/* PostgreSQL's binary form of one-dimensional arrays, as array_recv() of its arrayfuncs.c reads it: number of
 * dimensions, whether there may be NULLs, type of the elements, then length and lower bound of the dimension, all as 32
 * bits in network order; each element its length, -1 for NULL, and its bytes. */
#include "array.h"

#include <stdlib.h>

#include <arpa/inet.h>

/* OIDs of pg_type.dat, the same in every database. */
#define BYTEA_OID 17
#define TEXT_OID 25

void array_clear(struct array_buffer *buffer)
{
    buffer->len = 0;
    buffer->broken = false;
}

void array_free(struct array_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct array_buffer){0};
}

static bool has_room(struct array_buffer *buffer, size_t more)
{
    if (buffer->broken)
        return false;
    if (more <= buffer->room - buffer->len)
        return true;
    size_t room = (buffer->len + more) * 2;
    char *bytes = realloc(buffer->bytes, room);
    if (!bytes) {
        buffer->broken = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->room = room;
    return true;
}

static void put_int(struct array_buffer *buffer, uint32_t value)
{
    uint32_t wire = htonl(value);
    memcpy(buffer->bytes + buffer->len, &wire, sizeof wire);
    buffer->len += sizeof wire;
}

void array_begin(struct array_buffer *buffer, size_t count, bool binary)
{
    if (!has_room(buffer, 20))
        return;
    put_int(buffer, 1); /* dimensions */
    put_int(buffer, 1); /* there may be NULLs */
    put_int(buffer, binary ? BYTEA_OID : TEXT_OID);
    put_int(buffer, (uint32_t)count);
    put_int(buffer, 1); /* lower bound */
}

void array_put(struct array_buffer *buffer, struct slice element)
{
    if (!has_room(buffer, 4 + element.len))
        return;
    put_int(buffer, element.at ? (uint32_t)element.len : UINT32_MAX);
    if (element.at && element.len > 0)
        memcpy(buffer->bytes + buffer->len, element.at, element.len);
    buffer->len += element.at ? element.len : 0;
}
