/* Lines of any bytes, as requests: what passes has all that is required, every value in its form, and reads the same
 * when it is written in the table's order; what does not has a fault of replies.def. */
#include "line.h"
#include "proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same(struct slice a, struct slice b)
{
    return !a.at == !b.at && a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static void check_good(const struct proto_request *request)
{
    const struct proto_command *command = request->command;
    must(command != NULL);
    must(!request->check || proto_is_write(command));
    must(!request->tag.at || (request->tag.len >= 1 && request->tag.len <= 64));
    for (size_t i = 0; i < command->field_count; i++) {
        const struct proto_field *field = &command->fields[i];
        struct slice value = request->values[i];
        must(value.at || !(field->flags & FIELD_REQUIRED));
        if (request->cleared & UINT32_C(1) << i)
            must(field->flags == 0 && proto_is_write(command) && slice_is(value, field->type->clear));
        else if (value.at)
            must(value.len > 0 && !slice_is(value, "-") && field->type->form(field->type, value));
    }
}

/* The request in its canonical form; its length without the LF. */
static size_t write_again(const struct proto_request *request, char *bytes, size_t room)
{
    struct line_writer writer;
    line_begin(&writer, bytes, room, request->command->verb);
    line_put(&writer, "tag", request->tag);
    if (request->check)
        line_put_text(&writer, "check", "yes");
    for (size_t i = 0; i < request->command->field_count; i++)
        line_put(&writer, request->command->fields[i].name,
                 request->cleared & UINT32_C(1) << i ? SLICE("-") : request->values[i]);
    size_t len = line_end(&writer);
    must(len > 0); /* never longer than what came */
    return len - 1;
}

static void check_line(char *line, size_t len)
{
    char bytes[LINE_MAX_BYTES];
    struct proto_request request, again;
    struct proto_fault fault;
    if (proto_read(line, len, &request, &fault) < 0) {
        must(fault.code && proto_reply(STATUS_BAD, slice_of(fault.code)));
        must(fault.field.len <= 64);
        must(!request.tag.at || (request.tag.len >= 1 && request.tag.len <= 64));
        return;
    }
    must(!fault.code);
    check_good(&request);
    size_t end = write_again(&request, bytes, sizeof bytes), found;
    must(line_take(bytes, end + 1, &found) == LINE_WHOLE && found == end);
    must(proto_read(bytes, end, &again, &fault) == 0);
    must(again.command == request.command && again.check == request.check && again.cleared == request.cleared);
    must(same(again.tag, request.tag));
    for (size_t i = 0; i < request.command->field_count; i++)
        must(same(again.values[i], request.values[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    size_t left = size, end;
    while (line_take(at, left, &end) == LINE_WHOLE) {
        char *line = malloc(end + 1); /* of its own, so that a read past its end is seen */
        must(line != NULL);
        memcpy(line, at, end);
        check_line(line, end);
        free(line);
        at += end + 1;
        left -= end + 1;
    }
    return 0;
}
