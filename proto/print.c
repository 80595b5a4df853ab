/* proto-print: prints the tables of the protocol, as Markdown for PROTOCOL.md, and the dictionary of the fuzzers; or
 * tells the parser's verdict on lines that come in, in the form of proto/vectors. tests/docs/stale compares the page
 * with what this prints. */
#include "line.h"
#include "proto.h"

#include <stdio.h>

/* The rows of commands.def with the titles between them: each a title or a verb. */
static const struct {
    const char *title, *verb;
} rows[] = {
#define FAMILY(title) {title, NULL},
#define COMMAND(verb, ...) {NULL, verb},
#include "commands.def"
#undef FAMILY
#undef COMMAND
};

/* ---- commands ---- */

/* The fields of its row, without those that its kind adds: PROTOCOL.md tells them once for all. */
static size_t own_fields(const struct proto_command *command)
{
    return command->field_count - (proto_is_write(command) ? 1 : command->kind == KIND_LIST ? 2 : 0);
}

static const char *kind_name(const struct proto_command *command)
{
    if (proto_is_write(command))
        return "write";
    return command->kind == KIND_LIST ? "list" : command->kind == KIND_READ ? "read" : "builtin";
}

static void print_roles(unsigned roles)
{
    if (roles == ROLE_ALL) {
        printf("all");
        return;
    }
    for (unsigned role = 1; role <= roles; role <<= 1)
        if (roles & role)
            printf("%s%s", roles & (role - 1) ? " " : "", proto_role_name(role));
}

static void print_command(const struct proto_command *command)
{
    printf("| **%s**", command->verb);
    for (size_t i = 0; i < own_fields(command); i++) {
        const struct proto_field *field = &command->fields[i];
        printf(" %s%s%s=%s", field->name, field->flags & FIELD_KEY ? "\\*" : "",
               field->flags & FIELD_REQUIRED ? "" : "?", field->type->name);
    }
    printf(" | %s | ", kind_name(command));
    print_roles(command->roles);
    printf(" | %s | %s |\n", command->replies, command->help);
}

static void print_commands(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].verb)
            print_command(proto_command(slice_of(rows[i].verb)));
        else
            printf("%s### %s\n\n| request | kind | roles | answer | |\n|---|---|---|---|---|\n", i ? "\n" : "",
                   rows[i].title);
    }
}

/* ---- types and codes ---- */

static void print_words(const char *words)
{
    for (const char *at = words; *at; at++)
        printf(*at == ',' ? ", " : "%c", *at);
}

static void print_type(const struct proto_type *type)
{
    static const char *const classes[] = {"", "key", "sealed"};
    printf("| %s | ", type->name);
    if (type->words)
        print_words(type->words);
    else if (type->least == type->most)
        printf("%.0f", type->least);
    else
        printf("%.0f-%.0f", type->least, type->most);
    printf(" | %s | %s | %s |\n", type->clear ? "yes" : "", classes[type->class], type->help);
}

static void print_types(void)
{
    printf("| type | size or words | can be cleared | personal | |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < proto_type_count; i++)
        print_type(&proto_types[i]);
}

static void print_replies(void)
{
    printf("| answer | text in English | text in Dutch |\n|---|---|---|\n");
    for (size_t i = 0; i < proto_reply_count; i++) {
        const struct proto_reply *reply = &proto_replies[i];
        printf("| %s %s | %s | %s |\n", proto_status_word(reply->status), reply->code, reply->en, reply->nl);
    }
}

/* ---- the dictionary: an entry a line, in libFuzzer's form ---- */

static void print_dictionary_words(const char *words)
{
    while (*words) {
        int len = (int)strcspn(words, ",");
        printf("\"=%.*s\"\n", len, words);
        words += len + (words[len] == ',');
    }
}

static void print_dictionary(void)
{
    static const char *const odds[] = {
        "\\x0a",
        "\\\"",
        "\\\\\\\\",
        "\\\\\\\"",
        "\\\\n",
        "\\\\t",
        "=-",
        "=\\\"\\\"",
        " tag=t",
        " check=yes",
        "=2027-05-14",
        "=2009-03",
        "\\xc2\\x85",
        "\\xd8\\x9c",
        "\\xe2\\x80\\xa8",
        "\\xe2\\x81\\xa6",
        "\\xed\\xa0\\x80",
        "\\xef\\xb7\\x90",
        "\\xef\\xbf\\xbf",
        "\\xf4\\x90\\x80\\x80",
        "\\xc3\\xab",
        "\\xf0\\x9f\\x8e\\x93",
        "= ",
    };
    for (size_t i = 0; i < proto_command_count; i++) {
        printf("\"%s\"\n", proto_commands[i].verb);
        for (size_t f = 0; f < proto_commands[i].field_count; f++)
            printf("\" %s=\"\n", proto_commands[i].fields[f].name);
    }
    for (size_t i = 0; i < proto_type_count; i++)
        print_dictionary_words(proto_types[i].words ? proto_types[i].words : "");
    for (size_t i = 0; i < proto_reply_count; i++)
        printf("\"%s %s\"\n", proto_status_word(proto_replies[i].status), proto_replies[i].code);
    for (size_t i = 0; i < COUNT(odds); i++)
        printf("\"%s\"\n", odds[i]);
}

/* ---- the verdict on what comes in ---- */

static void write_line(struct line_writer *writer)
{
    size_t len = line_end(writer);
    fwrite(writer->bytes, 1, len, stdout);
}

static void print_verdict(char *bytes, size_t len)
{
    char out[LINE_MAX_BYTES];
    struct proto_request request;
    struct proto_fault fault;
    struct line_writer writer;
    if (proto_read(bytes, len, &request, &fault) < 0) {
        line_begin(&writer, out, sizeof out, "BAD");
        line_word(&writer, fault.code);
        line_put(&writer, "tag", request.tag);
        line_put(&writer, "field", fault.field);
    } else {
        line_begin(&writer, out, sizeof out, "OK");
        line_word(&writer, request.command->verb);
        line_put(&writer, "tag", request.tag);
        line_put_text(&writer, "check", request.check ? "yes" : NULL);
        for (size_t i = 0; i < request.command->field_count; i++)
            line_put(&writer, request.command->fields[i].name,
                     request.cleared & UINT32_C(1) << i ? SLICE("-") : request.values[i]);
    }
    write_line(&writer);
}

static void print_verdicts(void)
{
    char bytes[LINE_MAX_BYTES];
    size_t len = 0, end, got;
    do {
        got = fread(bytes + len, 1, sizeof bytes - len, stdin);
        len += got;
        enum line_verdict verdict;
        while ((verdict = line_take(bytes, len, &end)) == LINE_WHOLE) {
            print_verdict(bytes, end);
            len -= end + 1;
            memmove(bytes, bytes + end + 1, len);
        }
        if (verdict == LINE_BAD) {
            puts("BAD line");
            return;
        }
    } while (got > 0);
    if (len > 0)
        puts("PART");
}

static const struct {
    const char *name;
    void (*print)(void);
} tables[] = {{"commands", print_commands},
              {"types", print_types},
              {"replies", print_replies},
              {"dictionary", print_dictionary},
              {"verdict", print_verdicts}};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < COUNT(tables); i++)
        if (strcmp(argv[1], tables[i].name) == 0) {
            tables[i].print();
            return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
        }
    fprintf(stderr, "usage: proto-print commands|types|replies|dictionary|verdict\n");
    return 64;
}
