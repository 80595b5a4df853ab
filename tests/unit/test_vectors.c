/* Runs proto/vectors: every NAME.in gives the verdicts of NAME.out, at once and when its bytes come one by one. To be
 * run from the root of the tree. proto/vectors/README.md tells the form. */
#include "line.h"
#include "proto.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FILE_MAX 65536
#define CASES_LEAST 150

struct text {
    char bytes[FILE_MAX];
    size_t len;
};

static void read_file(const char *path, struct text *text)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: %s", path, strerror(errno));
    text->len = fread(text->bytes, 1, sizeof text->bytes, file);
    fclose(file);
    if (text->len == sizeof text->bytes)
        fail_msg("%s: too long for this test", path);
}

static void tell(struct text *out, struct line_writer *writer)
{
    size_t len = line_end(writer);
    assert_true(len > 0);
    out->len += len;
}

static void tell_request(struct line_writer *writer, const struct proto_request *request)
{
    line_word(writer, request->command->verb);
    line_put(writer, "tag", request->tag);
    if (request->check)
        line_put_text(writer, "check", "yes");
    for (size_t i = 0; i < request->command->field_count; i++)
        line_put(writer, request->command->fields[i].name,
                 request->cleared & UINT32_C(1) << i ? SLICE("-") : request->values[i]);
}

/* Adds the verdict of one line. */
static void judge(const char *line, size_t len, struct text *out)
{
    char bytes[LINE_MAX_BYTES];
    struct proto_request request;
    struct proto_fault fault;
    struct line_writer writer;
    size_t room = sizeof out->bytes - out->len;
    memcpy(bytes, line, len);
    if (proto_read(bytes, len, &request, &fault) == 0) {
        line_begin(&writer, out->bytes + out->len, room, "OK");
        tell_request(&writer, &request);
    } else {
        line_begin(&writer, out->bytes + out->len, room, "BAD");
        line_word(&writer, fault.code);
        line_put(&writer, "tag", request.tag);
        line_put(&writer, "field", fault.field);
    }
    tell(out, &writer);
}

/* Writes the verdicts on `in`, which comes `step` bytes at a time. */
static void judge_all(const struct text *in, size_t step, struct text *out)
{
    size_t at = 0, come = 0, end;
    struct line_writer writer;
    out->len = 0;
    for (;;) {
        enum line_verdict verdict = line_take(in->bytes + at, come - at, &end);
        if (verdict == LINE_WHOLE) {
            judge(in->bytes + at, end, out);
            at += end + 1;
        } else if (verdict == LINE_BAD) {
            line_begin(&writer, out->bytes + out->len, sizeof out->bytes - out->len, "BAD");
            line_word(&writer, "line");
            tell(out, &writer);
            return;
        } else if (come < in->len) {
            come = in->len - come > step ? come + step : in->len;
        } else {
            if (at < in->len) {
                line_begin(&writer, out->bytes + out->len, sizeof out->bytes - out->len, "PART");
                tell(out, &writer);
            }
            return;
        }
    }
}

/* Fails with the first line that differs. */
static void compare(const char *path, const struct text *expected, const struct text *got)
{
    size_t at = 0, number = 1, begin = 0;
    while (at < expected->len && at < got->len && expected->bytes[at] == got->bytes[at])
        if (expected->bytes[at++] == '\n') {
            number++;
            begin = at;
        }
    if (at < expected->len || at < got->len)
        fail_msg("%s:%zu: expected <%.*s>, got <%.*s>", path, number, (int)strcspn(expected->bytes + begin, "\n"),
                 expected->bytes + begin, (int)strcspn(got->bytes + begin, "\n"), got->bytes + begin);
}

static void a_vector_gets_its_verdicts(void **state)
{
    static struct text in, expected, got;
    const char *path = *state;
    char out_path[512];
    snprintf(out_path, sizeof out_path, "%.*s.out", (int)strlen(path) - 3, path);
    read_file(path, &in);
    read_file(out_path, &expected);
    expected.bytes[expected.len] = '\0';
    for (size_t step = in.len + 1; step > 0; step = step > 1 ? 1 : 0) {
        judge_all(&in, step, &got);
        got.bytes[got.len] = '\0';
        compare(out_path, &expected, &got);
    }
}

/* Every .out has its .in, and together they are enough to be worth their name. */
static void there_are_enough_of_them(void **state)
{
    (void)state;
    glob_t found;
    static struct text text;
    size_t cases = 0;
    assert_int_equal(glob("proto/vectors/*.out", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char path[512];
        snprintf(path, sizeof path, "%.*s.in", (int)strlen(found.gl_pathv[i]) - 4, found.gl_pathv[i]);
        read_file(path, &text);
        read_file(found.gl_pathv[i], &text);
        for (size_t at = 0; at < text.len; at++)
            cases += text.bytes[at] == '\n';
    }
    globfree(&found);
    print_message("%zu cases\n", cases);
    assert_true(cases >= CASES_LEAST);
}

int main(void)
{
    glob_t found;
    if (glob("proto/vectors/*.in", 0, NULL, &found) != 0) {
        fprintf(stderr, "proto/vectors/*.in: none; run from the root of the tree\n");
        return 1;
    }
    struct CMUnitTest *tests = calloc(found.gl_pathc + 1, sizeof *tests);
    if (!tests)
        return 1;
    for (size_t i = 0; i < found.gl_pathc; i++)
        tests[i] = (struct CMUnitTest){found.gl_pathv[i], a_vector_gets_its_verdicts, NULL, NULL, found.gl_pathv[i]};
    tests[found.gl_pathc] = (struct CMUnitTest)cmocka_unit_test(there_are_enough_of_them);
    int failed = _cmocka_run_group_tests("vectors", tests, found.gl_pathc + 1, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
