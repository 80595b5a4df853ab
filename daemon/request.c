/* One request: from the bytes of its line to the cells of its statement. What a row of commands.def says is all that is
 * known of a command here.
 *
 * Limits: a page of a list has at most 500 rows.
 * Rules: one allocation a request (a list's token is a second). Personal data leaves sealed: first the keys of persons,
 * which are bound to nothing, then the rest, bound to the row's student (or teacher). */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>

#include "line.h"
#include "seal.h"

#define PAGE_ROWS 500
#define HEX_BYTES (2 * SEAL_HASH_BYTES)

static size_t lead(const struct proto_command *command)
{
    return proto_is_write(command) ? LEAD_WRITE : LEAD_READ;
}

/* ---- from the line to the cells ---- */

/* Room behind the line for what a request of its verb may need: sealed values, and the audit's fields, which are the
 * line's with quotes where they must be and a hash for each sealed value. */
static size_t room_behind(const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    const struct proto_command *command = proto_command((struct slice){line, space ? (size_t)(space - line) : len});
    size_t sealed = 0;
    if (!command)
        return 0;
    for (size_t i = 0; i < command->field_count; i++)
        sealed += command->fields[i].type->class != CLASS_PLAIN;
    size_t room = sealed ? len + sealed * SEAL_OVERHEAD : 0;
    return proto_is_write(command) ? room + len + sealed * HEX_BYTES + 2 * command->field_count + 2 : room;
}

static struct request *make(size_t room)
{
    struct request *request = calloc(1, sizeof *request + room);
    if (request)
        request->stage = REQUEST_READ;
    return request;
}

void request_refuse(struct request *request, enum proto_status status, const char *code)
{
    request->stage = REQUEST_READ;
    request->fault_status = status;
    request->fault = (struct proto_fault){.code = code};
}

bool request_is(const struct request *request, const char *verb)
{
    return request->line.command && strcmp(request->line.command->verb, verb) == 0;
}

/* What the sealed values of a row are bound to: the hash of its student, or its teacher as written. */
static struct slice object_of(const struct request *request)
{
    const struct proto_command *command = request->line.command;
    for (size_t i = 0; i < command->field_count; i++) {
        struct slice cell = request->cells[lead(command) + i];
        if (strcmp(command->fields[i].name, "student") == 0 && cell.len > SEAL_HASH_BYTES)
            return (struct slice){cell.at, SEAL_HASH_BYTES};
        if (strcmp(command->fields[i].name, "teacher") == 0)
            return cell;
    }
    return (struct slice){0};
}

/* Puts the values of `class` in their cells sealed, in the room at *at. 0 or -1. */
static int seal_class(struct request *request, enum proto_class class, struct seal *seal, char **at)
{
    const struct proto_command *command = request->line.command;
    struct slice object = {0};
    if (class == CLASS_SEALED)
        object = object_of(request);
    for (size_t i = 0; i < command->field_count; i++) {
        struct slice *cell = &request->cells[lead(command) + i];
        if (command->fields[i].type->class != class || !cell->at || cell->len == 0) /* absent, or cleared */
            continue;
        if (class == CLASS_SEALED && !object.at)
            return -1;
        size_t len = seal_close(seal, command->fields[i].name, object, *cell, (uint8_t *)*at);
        if (len == 0)
            return -1;
        *cell = (struct slice){*at, len};
        *at += len;
        request->item.key = seal_key(seal);
    }
    return 0;
}

static int hash_hex(struct slice bytes, char out[HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[SEAL_HASH_BYTES];
    if (seal_sha256(bytes, hash) < 0)
        return -1;
    for (size_t i = 0; i < SEAL_HASH_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    return 0;
}

/* Writes the fields as the audit keeps them: as on the wire, sealed ones as the hash of their sealed bytes. 0 or -1. */
static int write_fields(struct request *request, char *at, size_t room)
{
    const struct proto_command *command = request->line.command;
    struct line_writer writer;
    char hex[HEX_BYTES];
    line_begin(&writer, at, room < LINE_MAX_BYTES ? room : LINE_MAX_BYTES, "");
    for (size_t i = 0; i < command->field_count; i++) {
        struct slice cell = request->cells[LEAD_WRITE + i];
        if (request->line.cleared & 1u << i) {
            cell = SLICE("-");
        } else if (cell.at && command->fields[i].type->class != CLASS_PLAIN) {
            if (hash_hex(cell, hex) < 0)
                return -1;
            cell = (struct slice){hex, sizeof hex};
        }
        line_put(&writer, command->fields[i].name, cell);
    }
    size_t len = line_end(&writer);
    if (len == 0)
        return -1;
    request->cells[LEAD_FIELDS] = len > 1 ? (struct slice){at + 1, len - 2} : SLICE(""); /* without space and LF */
    return 0;
}

/* How many rows the next page is asked for: of a limited list one more than it may still send, to know whether there is
 * more. */
void request_ask_page(struct request *request)
{
    const struct proto_command *command = request->line.command;
    size_t limit = lead(command) + command->field_count - 1, after = limit - 1;
    uint64_t rest = request->rows_wanted - request->rows_sent;
    request->rows_asked = request->rows_wanted && rest < PAGE_ROWS ? (size_t)rest + 1 : PAGE_ROWS;
    int len = snprintf(request->page, sizeof request->page, "%zu", request->rows_asked);
    request->cells[limit] = (struct slice){request->page, (size_t)len};
    if (request->after)
        request->cells[after] = slice_of(request->after);
}

/* Fills the cells of the statement. 0, or -1 when a value could not be sealed or written. */
static int fill_cells(struct request *request, const struct request_speaker *speaker, struct seal *seal, char *at,
                      const char *end)
{
    const struct proto_command *command = request->line.command;
    struct slice *cells = request->cells;
    cells[LEAD_PARTY] = slice_of(speaker->party);
    cells[LEAD_ROLE] = slice_of(proto_role_name(speaker->role));
    cells[LEAD_CERTIFICATE] = (struct slice){(const char *)speaker->certificate, speaker->certificate_len};
    memcpy(&cells[lead(command)], request->line.values, command->field_count * sizeof cells[0]);
    if (seal_class(request, CLASS_KEY, seal, &at) < 0 || seal_class(request, CLASS_SEALED, seal, &at) < 0)
        return -1;
    if (proto_is_write(command)) {
        cells[LEAD_ORIGIN] = slice_of(speaker->origin);
        return write_fields(request, at, (size_t)(end - at));
    }
    if (command->kind == KIND_LIST) {
        request->rows_wanted = slice_number(request->line.values[command->field_count - 1]);
        request_ask_page(request);
    }
    return 0;
}

struct request *request_new(const char *line, size_t len, const struct request_speaker *speaker, struct seal *seal)
{
    size_t room = len + room_behind(line, len);
    struct request *request = make(room);
    if (!request)
        return NULL;
    memcpy(request->bytes, line, len);
    const struct proto_command *command = NULL;
    if (proto_read(request->bytes, len, &request->line, &request->fault) < 0) {
        request->fault_status = STATUS_BAD;
        return request;
    }
    command = request->line.command;
    request->fault = (struct proto_fault){0};
    request->item.command = command;
    request->item.cells = request->cells;
    request->item.rehearsal = request->line.check;
    if (!(command->roles & speaker->role))
        request_refuse(request, STATUS_NO, "role");
    else if (command->kind != KIND_BUILTIN &&
             fill_cells(request, speaker, seal, request->bytes + len, request->bytes + room) < 0)
        request_refuse(request, STATUS_NO, "internal");
    return request;
}

struct request *request_bad_line(void)
{
    struct request *request = make(0);
    if (request)
        request_refuse(request, STATUS_BAD, "line");
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    free(request->after);
    free(request);
}

bool request_needs_database(const struct request *request)
{
    return !request->fault.code && (request->line.command->kind != KIND_BUILTIN || request->block);
}
