/* The tables and the check of requests against them. What is random prints its seed, and BUURTAAL_SEED repeats it. */
#include "proto.h"

#include "line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define HEX16 "0123456789abcdef"
#define HEX64 HEX16 HEX16 HEX16 HEX16
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

/* ---- tables ---- */

static bool is_name(const char *text)
{
    return text[0] >= 'a' && text[0] <= 'z' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static void types_are_named_as_in_c(void **state)
{
    (void)state;
    static const char *const ids[] = {
#define TYPE(id, ...) #id,
#define WORDS(id, ...) #id,
#define WORD_LIST(id, ...) #id,
#include "../../proto/types.def"
#undef TYPE
#undef WORDS
#undef WORD_LIST
    };
    assert_int_equal(COUNT(ids), proto_type_count);
    for (size_t i = 0; i < COUNT(ids); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", ids[i]);
        for (char *at = name; *at; at++)
            if (*at == '_')
                *at = '-';
        assert_string_equal(proto_types[i].name, name);
        assert_true(is_name(name));
        assert_ptr_equal(proto_type(slice_of(name)), &proto_types[i]);
    }
    assert_null(proto_type(SLICE("cod")));
    assert_null(proto_type(SLICE("codes")));
    assert_null(proto_type((struct slice){0}));
}

static void each_command_is_found_by_its_verb_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < proto_command_count; i++) {
        const char *verb = proto_commands[i].verb;
        char longer[64];
        snprintf(longer, sizeof longer, "%s-", verb);
        assert_true(is_name(verb));
        assert_ptr_equal(proto_command(slice_of(verb)), &proto_commands[i]);
        assert_null(proto_command(slice_of(longer)));
        const struct proto_command *shorter = proto_command((struct slice){verb, strlen(verb) - 1});
        assert_true(!shorter || strlen(shorter->verb) == strlen(verb) - 1); /* offers, offer */
    }
    assert_null(proto_command(SLICE("")));
    assert_null(proto_command((struct slice){0}));
    assert_null(proto_command(SLICE("REGISTER")));
}

static size_t common_fields(const struct proto_command *command)
{
    return proto_is_write(command) ? 1 : command->kind == KIND_LIST ? 2 : 0;
}

static void fields_of_a_command_keep_their_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct proto_command *command = &proto_commands[i];
        assert_true(command->roles != 0 && (command->roles & ~(unsigned)ROLE_ALL) == 0);
        assert_true(command->field_count <= PROTO_FIELDS_MAX);
        for (size_t f = 0; f < command->field_count; f++) {
            const struct proto_field *field = &command->fields[f];
            assert_true(is_name(field->name));
            assert_string_not_equal(field->name, "tag");
            if (proto_is_write(command)) /* `begin` has one of its own */
                assert_string_not_equal(field->name, "check");
            for (size_t other = 0; other < f; other++)
                assert_string_not_equal(field->name, command->fields[other].name);
            if (!proto_is_write(command))
                assert_false(field->flags & FIELD_REQUIRED && command->kind == KIND_LIST);
        }
        size_t own = command->field_count - common_fields(command);
        if (proto_is_write(command))
            assert_string_equal(command->fields[own].name, "seen");
        if (command->kind == KIND_LIST) {
            assert_string_equal(command->fields[own].name, "after");
            assert_string_equal(command->fields[own + 1].name, "limit");
        }
    }
}

static void codes_and_roles_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < proto_reply_count; i++) {
        const struct proto_reply *reply = &proto_replies[i];
        char bytes[LINE_MAX_BYTES];
        struct line_writer writer;
        assert_true(is_name(reply->code));
        assert_ptr_equal(proto_reply(reply->status, slice_of(reply->code)), reply);
        line_begin(&writer, bytes, sizeof bytes, proto_status_word(reply->status));
        line_put_text(&writer, "nl", reply->nl);
        line_put_text(&writer, "en", reply->en);
        assert_true(line_end(&writer) > 0); /* the texts are text */
        assert_true(reply->nl[0] && reply->en[0] && strlen(reply->nl) < 300 && strlen(reply->en) < 300);
    }
    assert_ptr_not_equal(proto_reply(STATUS_NO, SLICE("revoked")), proto_reply(STATUS_BYE, SLICE("revoked")));
    assert_null(proto_reply(STATUS_OK, SLICE("revoked")));
    assert_string_equal(proto_status_word(STATUS_BUSY), "BUSY");
    assert_string_equal(proto_status_word(STATUS_BYE), "BYE");
    assert_string_equal(proto_role_name(ROLE_OCW), "ocw");
    assert_int_equal(proto_role_of(SLICE("admin")), ROLE_ADMIN);
    assert_int_equal(proto_role_of(SLICE("admi")), 0);
    assert_int_equal(proto_role_of((struct slice){0}), 0);
}

/* ---- how long an answer may get ---- */

/* The most bytes that a value takes, each of its characters written with `factor` bytes where it may need an escape. */
static size_t value_most(const struct proto_type *type, size_t factor)
{
    static const char *const short_forms[] = {"year", "count", "seats", "attempt", "points", "days", "months", "log", "limit"};
    for (size_t i = 0; i < COUNT(short_forms); i++)
        if (strcmp(type->name, short_forms[i]) == 0)
            return 15;
    if (type->words)
        return 32;
    bool free_text = type->form(type, SLICE("a b")) && type->least < type->most;
    return (size_t)type->most * (free_text ? factor : 1) + 2 * factor;
}

static size_t fields_most(const struct proto_command *command)
{
    size_t most = 0;
    for (size_t i = 0; i < command->field_count; i++) {
        const struct proto_type *type = command->fields[i].type;
        most += strlen(command->fields[i].name) + 2 + (type->class == CLASS_PLAIN ? value_most(type, 4) : 64);
    }
    return most;
}

/* The longest value of any field of that name, in an answer. */
static size_t reply_most(struct slice name)
{
    size_t most = slice_is(name, "parts") ? 2000 : 64;
    for (size_t i = 0; i < proto_command_count; i++) {
        if (slice_is(name, "fields") && fields_most(&proto_commands[i]) > most)
            most = fields_most(&proto_commands[i]);
        for (size_t f = 0; f < proto_commands[i].field_count; f++) {
            const struct proto_field *field = &proto_commands[i].fields[f];
            if (slice_is(name, field->name) && value_most(field->type, 2) > most)
                most = value_most(field->type, 2);
        }
    }
    return most;
}

/* Even when every character of every text needs an escape: no row of any answer is too long for a line. */
static void every_answer_keeps_to_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < proto_command_count; i++) {
        size_t line = 100 + 64; /* status, tag, log */
        for (const char *at = proto_commands[i].replies; *at;) {
            struct slice name = {at, strcspn(at, " ")};
            line += name.len + 2 + reply_most(name);
            at += name.len + (at[name.len] == ' ');
        }
        if (line > LINE_MAX_BYTES)
            fail_msg("%s: an answer may take %zu bytes", proto_commands[i].verb, line);
    }
}

/* ---- forms ---- */

static const struct form_case {
    const char *type;
    const char *good[8], *bad[20];
} forms[] = {
    {"code",
     {"a", "2027-05-DIB-A2-ENS", "x.y_z/0", "A", FIFTY TEN "abcd"},
     {"a b", "a+b", "\xc3\xab", FIFTY TEN "abcde", "a:b", "a=b", "a\nb", "a*", "@"}},
    {"word", {"a", "exam-part", "a0-", "abcdefghijklmnopqrstuvwxyz012345"}, {"A", "0a", "-a", "a_b", "a b", FIFTY}},
    {"title",
     {"a", "ROC van Twente", "d'Ancona \"x\" \\", "\xc3\x9f", FIFTY FIFTY FIFTY FIFTY, "--"},
     {" a", "a ", " ", "a\nb", "a\tb", "\n", FIFTY FIFTY FIFTY FIFTY "a"}},
    {"text", {"a", " a\nb\tc ", "\n"}, {NULL}},
    {"date",
     {"2027-05-14", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"},
     {"2027-5-14", "2027-02-29", "1900-02-29", "2027-04-31", "2027-13-01", "2027-00-01", "2027-01-00", "2027-01-32",
      "0000-01-01", "2027/05/14", "14-05-2027", "20270514", "2027-05-14 ", "+027-05-14", "infinity", "2027-05",
      "2027"}},
    {"windows",
     {"01-03/12-01", "01-03/12-01,04-12/03-01", "01-12/02-28", "01-01/01-31,12-12/11-30"},
     {"01-03/12-01,", "01-03/12-01;04-12/03-01", "01-03/12-01,03-12/03-01", "04-12/03-01,01-03/12-01", "03-01/12-01",
      "00-03/12-01", "01-13/12-01", "01-03/13-01", "01-03/00-01", "01-03/12-00", "01-03/02-29", "01-03/11-31",
      "01.03/12-01", "01-03-12-01", "01-03/12/01", "1-3/12-1", "01-03/12-011", "a1-03/12-01"}},
    {"year", {"1990", "2026", "2199"}, {"1989", "2200", "02026", "+2026", "-2026", "2026.0", "26", "2026-2027", "x"}},
    {"count",
     {"0", "1", "10000000"},
     {"00", "01", "-1", "+1", "10000001", "1e3", "1.0", " 1", "1 ", "\xd9\xa1", "1,000"}},
    {"seats", {"0", "100000"}, {"100001", "-0"}},
    {"attempt", {"1", "1000"}, {"0", "1001"}},
    {"months", {"1", "18", "1200"}, {"0", "1201", "1.5"}},
    {"points",
     {"0", "37.5", "37.50", "0.01", "10000", "10000.00", "9999.99"},
     {"10000.01", "10001", "037", "37.", ".5", "37,5", "37.555", "-1", "+1", "1e2", "00.5", "37.5.5", "NaN", "0x1",
      "."}},
    {"days", {"0", "28", "366"}, {"367", "-1", "028"}},
    {"log", {"0", "999999999999999"}, {"1000000000000000", "9999999999999999999999", "-1", "01"}},
    {"limit", {"1", "5000"}, {"0", "5001"}},
    {"after", {"a", "x y"}, {" a", "a\n"}},
    {"yesno", {"yes", "no"}, {"Yes", "true", "ye", "yess", "n", "1", "ja"}},
    {"language", {"de", "nl"}, {"DE", "d", "deu", "d1", "d-"}},
    {"country", {"NL", "DE"}, {"nl", "N", "NLD", "N1", "Nl"}},
    {"fingerprint",
     {HEX64},
     {HEX64 "0", "0123", HEX16 HEX16 HEX16 "0123456789abcdeF", HEX16 HEX16 HEX16 "0123456789abcdeg"}},
    {"oin", {TEN TEN, "0000000700025LU00000"}, {TEN "012345678", TEN TEN "0", TEN "012345678a", "0000000700025-U00000"}},
    {"moment",
     {"0", "88123", "999999999999999", "2027-05-14"},
     {"2027-02-30", "2027-05", "-1", "01", "today", "1.5", "9999999999999999"}},
    {"sha256", {HEX64}, {HEX64 "0", HEX16 HEX16 HEX16 "0123456789abcdeF", HEX16, "x"}},
    {"tag", {"a", "A.b_c-9", FIFTY TEN "abcd"}, {"a/b", "a b", FIFTY TEN "abcde", "a:b", "\xc3\xab"}},
    {"student", {"0912345", "s/1"}, {"a b", "1;2"}},
    {"eckid",
     {"https://ketenid.nl/201703/" HEX64 HEX64},
     {"https://ketenid.nl/201713/" HEX64 HEX64, "https://ketenid.nl/201700/" HEX64 HEX64,
      "https://ketenid.nl/2017a3/" HEX64 HEX64, "https://ketenid.nl/201703/" HEX64 HEX16 HEX16 HEX16 "0123456789abcdeF",
      "https://ketenid.nl/201703/" HEX64, "https://ketenid.nl/201703/" HEX64 HEX64 "0",
      "http://ketenid.nl//201703/" HEX64 HEX64, "https://ketenid.nl/201703x" HEX64 HEX64, HEX64 HEX64, "x"}},
    {"person-name", {"van der Graaf, Jacobus Adrianus", "O"}, {" a", "a ", "a\nb"}},
    {"born",
     {"2009", "2009-03", "2009-03-14", "2008-02-29"},
     {"2009-13", "2009-00", "2009-02-29", "0000", "209", "20090314", "2009-3", "2009-03-", "2009-", "00-00-2009",
      "2009_03"}},
    {"needs", {"30 minutes more"}, {"a\tb"}},
    {"irregularity", {"came late", "x"}, {"a\tb"}},
    {"reason", {"a", " a\nb\tc ", "\n"}, {NULL}},
    {"text-language", {"nl", "en"}, {"de", "nl,en", "n", "nle"}},
    {"role", {"roc", "exams", "nuffic", "ocw", "admin"}, {"ro", "rocs", "ROC", "roc,exams", ",", "dmin"}},
    {"institution-kind", {"college", "other"}, {"colleg"}},
    {"province", {"groningen", "limburg", "noord-brabant"}, {"Groningen", "noord"}},
    {"number-form", {"nine"}, {"ten"}},
    {"level", {"A1", "C2"}, {"a1", "A3", "A1,A2"}},
    {"attendance", {"present", "not-finished"}, {"absent"}},
    {"rung", {"seated"}, {"waiting"}},
    {"report", {"offer", "registration"}, {"staff"}},
    {"cell", {"month"}, {"year"}},
    {"topic",
     {"inbox", "progress", "inbox,progress", "progress,inbox"},
     {"inbox,inbox", "inbox,", ",inbox", "inbox,,progress", "Inbox", "audit", "inbox progress", "inbox,progress,inbox"}},
};

static void each_form_takes_the_good_and_refuses_the_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        const struct proto_type *type = proto_type(slice_of(forms[i].type));
        assert_non_null(type);
        for (size_t g = 0; g < COUNT(forms[i].good) && forms[i].good[g]; g++)
            if (!type->form(type, slice_of(forms[i].good[g])))
                fail_msg("%s refuses <%s>", type->name, forms[i].good[g]);
        for (size_t b = 0; b < COUNT(forms[i].bad) && forms[i].bad[b]; b++)
            if (type->form(type, slice_of(forms[i].bad[b])))
                fail_msg("%s takes <%s>", type->name, forms[i].bad[b]);
    }
    for (size_t i = 0; i < proto_type_count; i++) {
        size_t found = 0;
        for (size_t f = 0; f < COUNT(forms); f++)
            found += strcmp(forms[f].type, proto_types[i].name) == 0;
        if (found != 1)
            fail_msg("%s: not tested here", proto_types[i].name);
    }
}

static void text_keeps_to_its_length(void **state)
{
    (void)state;
    char text[1002];
    memset(text, 'a', sizeof text);
    const struct proto_type *type = proto_type(SLICE("text"));
    assert_true(type->form(type, (struct slice){text, 1000}));
    assert_false(type->form(type, (struct slice){text, 1001}));
}

/* Every day there may be, against the C library's calendar. */
static void dates_are_days_of_the_calendar(void **state)
{
    (void)state;
    static const int years[] = {1, 4, 99, 100, 400, 1582, 1899, 1900, 1999, 2000, 2023, 2024, 2100, 2400, 9996, 9999};
    const struct proto_type *type = proto_type(SLICE("date"));
    for (size_t y = 0; y < COUNT(years); y++)
        for (int month = 0; month <= 13; month++)
            for (int day = 0; day <= 32; day++) {
                struct tm given = {.tm_year = years[y] - 1900, .tm_mon = month - 1, .tm_mday = day}, found = given;
                timegm(&found);
                bool real =
                    found.tm_year == given.tm_year && found.tm_mon == given.tm_mon && found.tm_mday == given.tm_mday;
                char text[32];
                snprintf(text, sizeof text, "%04d-%02d-%02d", years[y], month, day);
                if (type->form(type, slice_of(text)) != real)
                    fail_msg("%s", text);
            }
}

/* ---- requests ---- */

/* Reads a line and writes what came of it: `ok` or the code with the field at fault; the tag; what is set. */
static void verdict(const char *line, char *out, size_t room)
{
    char bytes[LINE_MAX_BYTES];
    struct proto_request request;
    struct proto_fault fault;
    size_t len = strlen(line);
    memcpy(bytes, line, len);
    int result = proto_read(bytes, len, &request, &fault);
    assert_int_equal(result, fault.code ? -1 : 0);
    if (fault.code)
        assert_non_null(proto_reply(STATUS_BAD, slice_of(fault.code)));
    int n = snprintf(out, room, "%s", fault.code ? fault.code : "ok");
    if (fault.field.at)
        n += snprintf(out + n, room - (size_t)n, " %.*s", (int)fault.field.len, fault.field.at);
    if (request.tag.at)
        n += snprintf(out + n, room - (size_t)n, " #%.*s", (int)request.tag.len, request.tag.at);
    if (fault.code)
        return;
    if (request.check)
        n += snprintf(out + n, room - (size_t)n, " check");
    for (size_t i = 0; i < request.command->field_count; i++)
        if (request.values[i].at)
            n += snprintf(out + n, room - (size_t)n, " %s%s=<%.*s>", request.cleared & UINT32_C(1) << i ? "~" : "",
                          request.command->fields[i].name, (int)request.values[i].len, request.values[i].at);
}

#define REGISTER "register session=s student=1 name=\"a b\" born=2009"

static void requests_get_their_verdict(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ping", "ok"},
        {"ping tag=a-1", "ok #a-1"},
        {REGISTER, "ok session=<s> student=<1> name=<a b> born=<2009>"},
        {"register born=2009 name=N student=1 session=s", "ok session=<s> student=<1> name=<N> born=<2009>"},
        {REGISTER " seen=7 check=yes tag=t", "ok #t check session=<s> student=<1> name=<a b> born=<2009> seen=<7>"},
        {REGISTER " check=no", "ok session=<s> student=<1> name=<a b> born=<2009>"},
        {REGISTER " needs=- elective=\"-\"",
         "ok session=<s> student=<1> name=<a b> born=<2009> ~elective=<> ~needs=<>"},
        {"elective code=K1 title=t language=de receptive=A2 productive=A1 set=- hours=-",
         "ok code=<K1> title=<t> language=<de> receptive=<A2> productive=<A1> ~hours=<-1> ~set=<-infinity>"},
        {"exams limit=10 after=x exam=e", "ok exam=<e> after=<x> limit=<10>"},
        {"cancel session=s reason=\"a\\nb\\tc\"", "ok session=<s> reason=<a\nb\tc>"},
        /* the form of a line */
        {"", "syntax"},
        {" ", "syntax"},
        {"ping ", "syntax"},
        {"ping  tag=t", "syntax"},
        {"ping tag", "syntax"},
        {"PING", "syntax"},
        {"PING tag=t", "syntax #t"},
        {"p\xc3\xaeng tag=t", "syntax #t"},
        {"ping tag=t ", "syntax #t"},
        {"ping tag=t x", "syntax #t"},
        /* verbs, fields */
        {"pings tag=t", "verb #t"},
        {"stats", "verb"},
        {"watch", "missing topic"},
        {"watch topic=inbox,progress tag=t", "ok #t topic=<inbox,progress>"},
        {"watch topic=-", "ok ~topic=<>"},
        {"watch topic=\"-\"", "ok ~topic=<>"},
        {"watch topic=inbox topic=-", "twice topic"},
        {"watch topic=- topic=inbox", "twice topic"},
        {"watch topic=inbox,-", "value topic"},
        {"watch topic=", "empty topic"},
        {"ping x=1 tag=t", "field x #t"},
        {"ping check=yes", "field check"},
        {"ping seen=1", "field seen"},
        {"exams check=yes", "field check"},
        {"exams seen=1", "field seen"},
        {REGISTER " limit=1", "field limit"},
        {"progress limit=1", "field limit"},
        {"progress after=1", "field after"},
        {"exams exam=a exam=a tag=t", "twice exam #t"},
        {"exams exam=a exam=-", "twice exam"},
        {"ping tag=a tag=b", "twice tag #a"},
        {"reseat session=a seats=1 check=yes check=yes", "twice check"},
        {"reseat session=a seats=1 seen=1 seen=1", "twice seen"},
        {"reseat session=a", "missing seats"},
        {"reseat tag=t", "missing session #t"},
        {"reseat", "missing session"},
        /* values */
        {"reseat session= seats=1 tag=t", "empty session #t"},
        {"reseat session=\"\" seats=1", "empty session"},
        {"ping tag=", "empty tag"},
        {"reseat session=a seats=1 check=", "empty check"},
        {"reseat session=a seats=x tag=t", "value seats #t"},
        {"reseat session=a seats=1 check=maybe", "value check"},
        {"reseat session=a seats=1 seen=x", "value seen"},
        {"ping tag=a/b", "value tag"},
        {"exams limit=0", "value limit"},
        {"register session=s student=1 name=\"a\\tb\" born=2009", "value name"},
        {"register session=s student=1 name=\"a\\nb\" born=2009", "value name"},
        /* clearing */
        {"reseat session=a seats=-", "value seats"},
        {"reseat session=- seats=1", "value session"},
        {"reseat session=\"-\" seats=1", "value session"},
        {"offer elective=a schoolyear=2026 institution=-", "value institution"},
        {"offer elective=a schoolyear=2026 again=-", "value again"},
        {"reseat session=a seats=1 seen=-", "value seen"},
        {"reseat session=a seats=1 check=-", "value check"},
        {"exams exam=-", "value exam"},
        {"exams after=-", "value after"},
        {"progress by=-", "value by"},
        {"hello lang=-", "value lang"},
        /* the tag behind a fault, and faults that hide it */
        {"reseat session=a b seats=1 tag=t", "syntax"},
        {"reseat session=a seats=1 x=1 y tag=t", "field x"},
        {"reseat session=a seats=1 seats=2 tag=t", "twice seats #t"},
    };
    char out[512];
    for (size_t i = 0; i < COUNT(cases); i++) {
        verdict(cases[i][0], out, sizeof out);
        if (strcmp(out, cases[i][1]) != 0)
            fail_msg("<%s>: <%s>, expected <%s>", cases[i][0], out, cases[i][1]);
    }
}

/* The answer to a field with an endless name must fit in a line, so such a name is not told. */
static void a_long_name_is_not_told(void **state)
{
    (void)state;
    char out[512];
    verdict("ping x" FIFTY TEN "abc=1", out, sizeof out);
    assert_string_equal(out, "field x" FIFTY TEN "abc");
    verdict("ping x" FIFTY TEN "abcd=1 tag=t", out, sizeof out);
    assert_string_equal(out, "field #t");
}

static const struct form_case *form_of(const struct proto_type *type)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        if (strcmp(forms[i].type, type->name) == 0)
            return &forms[i];
    fail();
    return NULL;
}

static uint32_t pick(uint64_t *state, uint32_t most)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 2685821657736338717u) >> 33) % most;
}

/* A good value of the type, or NULL where an optional field is left out this time. */
static const char *pick_value(uint64_t *seed, const struct proto_field *field)
{
    const struct form_case *form = form_of(field->type);
    size_t count = 0;
    while (count < COUNT(form->good) && form->good[count])
        count++;
    if (!(field->flags & FIELD_REQUIRED) && pick(seed, 3) == 0)
        return NULL;
    return form->good[pick(seed, (uint32_t)count)];
}

/* Every command with good values in any order: each arrives in its place. */
static void good_requests_arrive_whole_in_any_order(void **state)
{
    (void)state;
    const char *given = getenv("BUURTAAL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("BUURTAAL_SEED=%llu\n", (unsigned long long)seed);
    seed = seed * 2654435769u + 1;
    for (int round = 0; round < 20000; round++) {
        const struct proto_command *command = &proto_commands[pick(&seed, (uint32_t)proto_command_count)];
        const char *values[PROTO_FIELDS_MAX];
        size_t order[PROTO_FIELDS_MAX];
        char bytes[LINE_MAX_BYTES];
        struct line_writer writer;
        struct proto_request request;
        struct proto_fault fault;
        for (size_t i = 0; i < command->field_count; i++) {
            size_t j = pick(&seed, (uint32_t)i + 1);
            order[i] = order[j];
            order[j] = i;
            values[i] = pick_value(&seed, &command->fields[i]);
        }
        line_begin(&writer, bytes, sizeof bytes, command->verb);
        for (size_t i = 0; i < command->field_count; i++)
            line_put_text(&writer, command->fields[order[i]].name, values[order[i]]);
        size_t len = line_end(&writer);
        assert_true(len > 0);
        if (proto_read(bytes, len - 1, &request, &fault) < 0)
            fail_msg("%s: %s %.*s", command->verb, fault.code, (int)fault.field.len, fault.field.at);
        assert_ptr_equal(request.command, command);
        for (size_t i = 0; i < command->field_count; i++)
            assert_true(values[i] ? slice_is(request.values[i], values[i]) : request.values[i].at == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_named_as_in_c),
        cmocka_unit_test(each_command_is_found_by_its_verb_alone),
        cmocka_unit_test(fields_of_a_command_keep_their_rules),
        cmocka_unit_test(codes_and_roles_are_found),
        cmocka_unit_test(every_answer_keeps_to_a_line),
        cmocka_unit_test(each_form_takes_the_good_and_refuses_the_bad),
        cmocka_unit_test(text_keeps_to_its_length),
        cmocka_unit_test(dates_are_days_of_the_calendar),
        cmocka_unit_test(requests_get_their_verdict),
        cmocka_unit_test(a_long_name_is_not_told),
        cmocka_unit_test(good_requests_arrive_whole_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
