/* Lines: what is text, where a line ends, fields in and out. The characters are judged against a second, slow judgement
 * written here from the list in PROTOCOL.md; what is random prints its seed, and BUURTAAL_SEED repeats it. */
#include "line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define NO_END ((size_t)-1)

/* ---- help ---- */

static uint64_t random_state(void)
{
    const char *given = getenv("BUURTAAL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("BUURTAAL_SEED=%llu\n", (unsigned long long)seed);
    return seed * 2654435769u + 1;
}

/* xorshift64*; below `most`. */
static uint32_t pick(uint64_t *state, uint32_t most)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 2685821657736338717u) >> 33) % most;
}

static size_t encode(uint32_t code, char *out)
{
    unsigned char *to = (unsigned char *)out;
    if (code < 0x80) {
        to[0] = (unsigned char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (unsigned char)(0xc0 | code >> 6);
        to[1] = (unsigned char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (unsigned char)(0xe0 | code >> 12);
        to[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (unsigned char)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (unsigned char)(0xf0 | code >> 18);
    to[1] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (unsigned char)(0x80 | (code & 0x3f));
    return 4;
}

/* Whether a line may hold the character; the LF is not in the line. */
static bool allowed(uint32_t code)
{
    static const uint32_t forbidden[][2] = {{0, 0x1f},        {0x7f, 0x9f},          {0x061c, 0x061c}, {0x200e, 0x200f},
                                            {0x2028, 0x2029}, {0x202a, 0x202e},      {0x2066, 0x2069}, {0xd800, 0xdfff},
                                            {0xfdd0, 0xfdef}, {0x110000, UINT32_MAX}};
    for (size_t i = 0; i < COUNT(forbidden); i++)
        if (code >= forbidden[i][0] && code <= forbidden[i][1])
            return false;
    for (uint32_t plane = 0; plane <= 0x10; plane++)
        if (code == plane * 0x10000 + 0xfffe || code == plane * 0x10000 + 0xffff)
            return false;
    return true;
}

static void expect(const char *bytes, size_t len, enum line_verdict verdict, size_t end)
{
    size_t found = NO_END;
    enum line_verdict got = line_take(bytes, len, &found);
    if (got != verdict || (verdict == LINE_WHOLE && found != end)) {
        for (size_t i = 0; i < len && i < 40; i++)
            print_error("%02x ", (unsigned char)bytes[i]);
        fail_msg("(%zu bytes): verdict %d end %zd, expected %d %zd", len, (int)got, (ssize_t)found, (int)verdict,
                 (ssize_t)end);
    }
}

/* ---- taking ---- */

static void take_finds_the_first_line(void **state)
{
    (void)state;
    expect("", 0, LINE_PART, 0);
    expect("ping", 4, LINE_PART, 0);
    expect("\n", 1, LINE_WHOLE, 0);
    expect("ping\n", 5, LINE_WHOLE, 4);
    expect("ping\nquit\n", 10, LINE_WHOLE, 4);
    expect("ping\n\x01", 6, LINE_WHOLE, 4); /* what comes after is judged when its turn comes */
    expect("ping\r\n", 6, LINE_BAD, 0);
    expect("ping\r", 5, LINE_BAD, 0);
    expect("\0\n", 2, LINE_BAD, 0);
    expect("\xc3\n", 2, LINE_BAD, 0);
}

/* Every character there is, at each place in a word of eight bytes, at the line's end and before more of it. */
static void take_judges_every_character(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char line[40];
        size_t before = code % 9;
        memset(line, 'a', sizeof line);
        size_t end = before + encode(code, line + before);
        line[end] = '\n';
        line[39] = '\n';
        if (code == '\n') {
            expect(line, end + 1, LINE_WHOLE, before);
            continue;
        }
        expect(line, end + 1, allowed(code) ? LINE_WHOLE : LINE_BAD, end);
        line[end] = 'z';
        expect(line, sizeof line, allowed(code) ? LINE_WHOLE : LINE_BAD, sizeof line - 1);
    }
}

static void take_judges_every_byte_in_ascii_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 0x80; byte++)
        for (size_t place = 0; place < 24; place++) {
            char line[25];
            memset(line, '~', sizeof line);
            line[24] = '\n';
            line[place] = (char)byte;
            if (byte == '\n')
                expect(line, sizeof line, LINE_WHOLE, place);
            else
                expect(line, sizeof line, allowed(byte) ? LINE_WHOLE : LINE_BAD, 24);
        }
}

/* Whether some characters that begin with these bytes may stand in a line: tries them all. */
static bool begins_a_character(const unsigned char *bytes, size_t len)
{
    static unsigned char known[3][256][256]; /* by length: is (first, second) the beginning of an allowed character? */
    if (!known[0]['a'][0])
        for (uint32_t code = 0; code <= 0x10ffff; code++) {
            unsigned char out[4];
            if (!allowed(code))
                continue;
            encode(code, (char *)out);
            known[0][out[0]][0] = 1;
            if (code >= 0x80)
                known[1][out[0]][out[1]] = 1;
        }
    return len == 1 ? known[0][bytes[0]][0] : known[1][bytes[0]][bytes[1]];
}

/* Two bytes that begin no character are refused at once; those that do are waited for. */
static void take_refuses_as_soon_as_it_is_certain(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        unsigned char bytes[2] = {(unsigned char)first, 0};
        expect((char *)bytes, 1, begins_a_character(bytes, 1) ? LINE_PART : LINE_BAD, 0);
        for (unsigned second = 0; second < 0x100; second++) {
            bytes[1] = (unsigned char)second;
            expect((char *)bytes, 2, begins_a_character(bytes, 2) ? LINE_PART : LINE_BAD, 0);
        }
    }
    expect("\xed\xa0", 2, LINE_BAD, 0);     /* a surrogate, whatever comes */
    expect("\xef\xb7\x90", 3, LINE_BAD, 0); /* U+FDD0 */
}

/* Bytes drawn from those that matter in UTF-8, judged by decoding what they may mean and encoding it again. */
static void take_agrees_with_a_slow_decoder(void **state)
{
    (void)state;
    static const unsigned char odd[] = {0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2,
                                        0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff,
                                        0xb7, 0xa8, 0xae, 'a',  'b',  ' ',  0x7f, 0x1f, 0xbe};
    uint64_t seed = random_state();
    for (int round = 0; round < 300000; round++) {
        char line[24];
        size_t len = 1 + pick(&seed, 20), at = 0;
        for (size_t i = 0; i < len; i++)
            line[i] = (char)(pick(&seed, 3) ? odd[pick(&seed, COUNT(odd))] : 'x');
        line[len] = '\n';
        while (at < len) {
            unsigned char first = (unsigned char)line[at];
            size_t want = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
            uint32_t code = want == 1 ? first : first & (0x7fu >> want);
            char again[4];
            for (size_t i = 1; i < want && at + want <= len; i++)
                code = code << 6 | ((unsigned char)line[at + i] & 0x3f);
            if (at + want > len || !allowed(code) || encode(code, again) != want || memcmp(again, line + at, want) != 0)
                break;
            at += want;
        }
        expect(line, len + 1, at == len ? LINE_WHOLE : LINE_BAD, len);
    }
}

static void take_keeps_to_the_greatest_length(void **state)
{
    (void)state;
    static char line[LINE_MAX_BYTES + 10];
    memset(line, 'a', sizeof line);
    expect(line, LINE_MAX_BYTES - 1, LINE_PART, 0);
    expect(line, LINE_MAX_BYTES, LINE_BAD, 0);
    expect(line, sizeof line, LINE_BAD, 0);
    line[LINE_MAX_BYTES] = '\n';
    expect(line, sizeof line, LINE_BAD, 0);
    line[LINE_MAX_BYTES - 1] = '\n';
    expect(line, LINE_MAX_BYTES, LINE_WHOLE, LINE_MAX_BYTES - 1);
    expect(line, sizeof line, LINE_WHOLE, LINE_MAX_BYTES - 1);
    memcpy(line + LINE_MAX_BYTES - 3, "\xc3\xab", 2);
    expect(line, LINE_MAX_BYTES, LINE_WHOLE, LINE_MAX_BYTES - 1);
    memcpy(line + LINE_MAX_BYTES - 2, "\xc3\xab\n", 3); /* its second byte stands where only the LF may */
    expect(line, LINE_MAX_BYTES + 1, LINE_BAD, 0);
    expect(line, LINE_MAX_BYTES - 1, LINE_BAD, 0); /* certain before it is there */
    memcpy(line + LINE_MAX_BYTES - 3, "\xe2\x82", 2);
    expect(line, LINE_MAX_BYTES - 1, LINE_BAD, 0);
    expect(line, LINE_MAX_BYTES - 2, LINE_BAD, 0);
    expect(line, LINE_MAX_BYTES - 3, LINE_PART, 0);
}

/* ---- reading ---- */

/* Writes what the reader makes of a request line as `verb|name=value|...`, `!` where it is not the form. */
static void read_all(const char *line, char *out)
{
    char bytes[256];
    size_t len = strlen(line);
    memset(bytes, ' ', sizeof bytes); /* so that a step past the line's end finds what it hopes for */
    memcpy(bytes, line, len);
    struct line_cursor cursor = {bytes, bytes + len};
    struct slice name, value;
    int got = line_verb(&cursor, &name) < 0 ? -1 : 1;
    if (got > 0)
        out += sprintf(out, "%.*s", (int)name.len, name.at);
    while (got > 0 && (got = line_field(&cursor, &name, &value)) > 0) {
        assert_non_null(value.at);
        out += sprintf(out, "|%.*s=%.*s", (int)name.len, name.at, (int)value.len, value.at);
    }
    strcpy(out, got < 0 ? "!" : "");
}

static void reading_a_request(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ping", "ping"},
        {"", "!"},
        {" ping", "!"},
        {"ping ", "ping!"},
        {"Ping", "!"},
        {"9ing", "!"},
        {"-ing", "!"},
        {"pi_ng", "!"},
        {"ping=1", "!"},
        {"p2-x", "p2-x"},
        {"a b=1", "a|b=1"},
        {"a b=1 c=2", "a|b=1|c=2"},
        {"a  b=1", "a!"},
        {"a b=1  c=2", "a|b=1!"},
        {"a b=1 ", "a|b=1!"},
        {"a b", "a!"},
        {"a B=1", "a!"},
        {"a 1b=1", "a!"},
        {"a =1", "a!"},
        {"a b_c=1", "a!"},
        {"a b=", "a|b="},
        {"a b= c=1", "a|b=|c=1"},
        {"a b=\"\"", "a|b="},
        {"a b==", "a!"},
        {"a b=c=d", "a!"},
        {"a b=c\"d", "a!"},
        {"a b=c\\d", "a!"},
        {"a b='c'", "a|b='c'"},
        {"a b=\"c d\"", "a|b=c d"},
        {"a b=\"c=d\"", "a|b=c=d"},
        {"a b=\"c\\\"d\\\\e\"", "a|b=c\"d\\e"},
        {"a b=\"c\\nd\\te\"", "a|b=c\nd\te"},
        {"a b=\"\\\\n\" c=x", "a|b=\\n|c=x"},
        {"a b=\"c\\rd\"", "a!"},
        {"a b=\"c\\d\"", "a!"},
        {"a b=\"c\\", "a!"},
        {"a b=\"c\\\"", "a!"},
        {"a b=\"c", "a!"},
        {"a b=\"", "a!"},
        {"a b=\"c\"d", "a!"},
        {"a b=\"c\" d=\"e\"", "a|b=c|d=e"},
        {"a b=\"c\"  d=1", "a|b=c!"},
        {"a b=\xc3\xab\xe2\x82\xac", "a|b=\xc3\xab\xe2\x82\xac"},
    };
    char out[512];
    for (size_t i = 0; i < COUNT(cases); i++) {
        read_all(cases[i][0], out);
        if (strcmp(out, cases[i][1]) != 0)
            fail_msg("<%s>: read <%s>, expected <%s>", cases[i][0], out, cases[i][1]);
    }
}

static void parts_of(const char *line, char *out)
{
    char bytes[256];
    size_t len = strlen(line);
    memset(bytes, ' ', sizeof bytes); /* so that a step past the line's end finds what it hopes for */
    memcpy(bytes, line, len);
    struct line_cursor cursor = {bytes, bytes + len};
    struct slice name, value;
    int got;
    while ((got = line_part(&cursor, &name, &value)) > 0)
        if (got == 2)
            out += sprintf(out, "[%.*s]", (int)name.len, name.at);
        else
            out += sprintf(out, "%.*s=%.*s,", (int)name.len, name.at, (int)value.len, value.at);
    strcpy(out, got < 0 ? "!" : "");
}

static void reading_a_reply(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"OK", "[OK]"},
        {"", ""},
        {"=", "[=]"},
        {"= code=25LU name=\"a b\"", "[=]code=25LU,name=a b,"},
        {"NO not-found tag=7 text=\"\\\"x\\\"\"", "[NO][not-found]tag=7,text=\"x\","},
        {"* buurtaal 1 server=a", "[*][buurtaal][1]server=a,"},
        {"* BYE code=idle", "[*][BYE]code=idle,"},
        {" OK", "!"},
        {"OK ", "!"},
        {"OK  a=1", "[OK]!"},
        {"== a=1", "!"},
        {"=x", "!"},
        {"OK A=1", "[OK]!"},
        {"OK a\"b", "[OK]!"},
    };
    char out[512];
    for (size_t i = 0; i < COUNT(cases); i++) {
        parts_of(cases[i][0], out);
        if (strcmp(out, cases[i][1]) != 0)
            fail_msg("<%s>: read <%s>, expected <%s>", cases[i][0], out, cases[i][1]);
    }
}

/* ---- writing ---- */

static void expect_written(struct slice value, const char *expected)
{
    char bytes[256];
    struct line_writer writer;
    line_begin(&writer, bytes, sizeof bytes, "OK");
    line_put(&writer, "a", value);
    size_t len = line_end(&writer);
    if (len != strlen(expected) || memcmp(bytes, expected, len) != 0)
        fail_msg("wrote <%.*s>, expected <%s>", (int)len, bytes, expected);
}

static void writing_quotes_where_it_must(void **state)
{
    (void)state;
    expect_written((struct slice){0}, "OK\n");
    expect_written(SLICE(""), "OK a=\"\"\n");
    expect_written(SLICE("x-1/2"), "OK a=x-1/2\n");
    expect_written(SLICE("x y"), "OK a=\"x y\"\n");
    expect_written(SLICE("x=y"), "OK a=\"x=y\"\n");
    expect_written(SLICE("x\"y\\z"), "OK a=\"x\\\"y\\\\z\"\n");
    expect_written(SLICE("x\ny\tz"), "OK a=\"x\\ny\\tz\"\n");
    expect_written(SLICE("Zo\xc3\xab"), "OK a=Zo\xc3\xab\n");
    expect_written(SLICE("<5"), "OK a=<5\n");
}

/* Nothing that no line may hold gets into one. */
static void writing_refuses_what_is_no_text(void **state)
{
    (void)state;
    expect_written(SLICE("x\ry"), "");
    expect_written(SLICE("x\0y"), "");
    expect_written(SLICE("\x7f"), "");
    expect_written(SLICE("x\xc3"), "");
    expect_written(SLICE("\xff"), "");
    expect_written(SLICE("\xe2\x80\xa8"), "");
    expect_written(SLICE("a b\xe2\x80\xae c"), "");
}

static void writing_words_and_numbers(void **state)
{
    (void)state;
    char bytes[256];
    struct line_writer writer;
    line_begin(&writer, bytes, sizeof bytes, "NO");
    line_word(&writer, "full");
    line_put_number(&writer, "a", 0);
    line_put_number(&writer, "b", -1);
    line_put_number(&writer, "c", INT64_MIN);
    line_put_number(&writer, "d", INT64_MAX);
    line_put_text(&writer, "e", NULL);
    line_put_text(&writer, "f", "x y");
    size_t len = line_end(&writer);
    assert_int_equal(len, strlen("NO full a=0 b=-1 c=-9223372036854775808 d=9223372036854775807 f=\"x y\"\n"));
    assert_memory_equal(bytes, "NO full a=0 b=-1 c=-9223372036854775808 d=9223372036854775807 f=\"x y\"\n", len);
}

/* With every room that is too small the line is void and the byte behind the room untouched. */
static void writing_keeps_to_its_room(void **state)
{
    (void)state;
    static const char whole[] = "OK word a=\"x y\" b=\"\\n\\\"\" c=12\n";
    for (size_t room = 0; room < sizeof whole + 3; room++) {
        char bytes[64];
        struct line_writer writer;
        memset(bytes, '#', sizeof bytes);
        line_begin(&writer, bytes, room, "OK");
        line_word(&writer, "word");
        line_put(&writer, "a", SLICE("x y"));
        line_put(&writer, "b", SLICE("\n\""));
        line_put_number(&writer, "c", 12);
        assert_int_equal(line_end(&writer), room < sizeof whole - 1 ? 0 : sizeof whole - 1);
        for (size_t i = room; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], '#');
    }
}

/* ---- round trip ---- */

static size_t random_value(uint64_t *seed, char *out)
{
    static const uint32_t liked[] = {' ', '"', '\\', '=', '\n', '\t', 'a', 'Z', '0', '-', 0xa0, 0xeb, 0x20ac, 0x1f393};
    size_t len = 0;
    for (uint32_t count = pick(seed, 30); count > 0; count--) {
        uint32_t code = pick(seed, 2) ? liked[pick(seed, COUNT(liked))] : pick(seed, 0x110000);
        if (allowed(code) || code == '\n' || code == '\t')
            len += encode(code, out + len);
    }
    return len;
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    uint64_t seed = random_state();
    for (int round = 0; round < 50000; round++) {
        char values[12][128], bytes[LINE_MAX_BYTES], name[32];
        size_t lens[12], count = pick(&seed, 13), end;
        struct line_writer writer;
        line_begin(&writer, bytes, sizeof bytes, "verb");
        for (size_t i = 0; i < count; i++) {
            lens[i] = random_value(&seed, values[i]);
            snprintf(name, sizeof name, "f%zu-x", i);
            line_put(&writer, name, (struct slice){values[i], lens[i]});
        }
        size_t len = line_end(&writer);
        assert_true(len > 0);
        assert_int_equal(line_take(bytes, len, &end), LINE_WHOLE);
        assert_int_equal(end, len - 1);
        struct line_cursor cursor = {bytes, bytes + end};
        struct slice verb, field, value;
        assert_int_equal(line_verb(&cursor, &verb), 0);
        assert_true(slice_is(verb, "verb"));
        for (size_t i = 0; i < count; i++) {
            snprintf(name, sizeof name, "f%zu-x", i);
            assert_int_equal(line_field(&cursor, &field, &value), 1);
            assert_true(slice_is(field, name));
            assert_int_equal(value.len, lens[i]);
            assert_memory_equal(value.at, values[i], lens[i]);
        }
        assert_int_equal(line_field(&cursor, &field, &value), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take_finds_the_first_line),
        cmocka_unit_test(take_judges_every_character),
        cmocka_unit_test(take_judges_every_byte_in_ascii_at_every_place),
        cmocka_unit_test(take_refuses_as_soon_as_it_is_certain),
        cmocka_unit_test(take_agrees_with_a_slow_decoder),
        cmocka_unit_test(take_keeps_to_the_greatest_length),
        cmocka_unit_test(reading_a_request),
        cmocka_unit_test(reading_a_reply),
        cmocka_unit_test(writing_quotes_where_it_must),
        cmocka_unit_test(writing_refuses_what_is_no_text),
        cmocka_unit_test(writing_words_and_numbers),
        cmocka_unit_test(writing_keeps_to_its_room),
        cmocka_unit_test(what_is_written_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
