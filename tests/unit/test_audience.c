/* What waits for those who watch: order, joining and leaving at any moment, what is too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "audience.h"

enum { INBOX = 1, PROGRESS = 2, MOST = 1 << 30 };

static const struct audience_topics topics = {2, {SLICE("inbox"), SLICE("progress")}};

static void append(struct audience *audience, size_t topic, uint64_t log, const char *line)
{
    audience_append(audience, topic, log, slice_of(line));
}

/* What a watcher is told now, as one text; the caller's until the next call. */
static const char *told(struct watcher *watcher, size_t most)
{
    static char text[4096];
    struct evbuffer *out = evbuffer_new();
    assert_int_equal(audience_fill(watcher, out, most), 0);
    size_t len = evbuffer_get_length(out);
    assert_true(len < sizeof text);
    evbuffer_remove(out, text, len);
    text[len] = '\0';
    evbuffer_free(out);
    return text;
}

static void each_hears_what_is_said_while_it_watches(void **state)
{
    (void)state;
    size_t total = 0;
    struct audience *audience = audience_new(&topics, &total, "25LU", 1);
    struct watcher early = {0}, late = {0}, never = {0};
    assert_non_null(audience);
    append(audience, 0, 1, "* inbox log=1\n"); /* to nobody */
    assert_int_equal(total, 0);
    audience_enter(audience, &early);
    audience_enter(audience, &late);
    audience_enter(audience, &never);
    audience_set(&early, INBOX);
    append(audience, 0, 2, "* inbox log=2\n");
    audience_set(&late, INBOX | PROGRESS);
    append(audience, 1, 3, "* progress log=3\n");
    append(audience, 0, 4, "* inbox log=4\n");
    assert_string_equal(told(&late, 1), "* progress log=3\n"); /* a line at a time where there is little room */
    assert_string_equal(told(&early, MOST), "* inbox log=2\n* inbox log=4\n");
    assert_string_equal(told(&early, MOST), "");
    assert_string_equal(told(&never, MOST), "");
    audience_set(&early, INBOX | PROGRESS);
    append(audience, 1, 5, "* progress log=5\n");
    assert_string_equal(told(&early, MOST), "* progress log=5\n");
    assert_true(total > 0);
    assert_string_equal(told(&late, MOST), "* inbox log=4\n* progress log=5\n");
    assert_int_equal(total, 0); /* all have it */
    append(audience, 0, 6, "* inbox log=6\n");
    audience_leave(&early);
    audience_leave(&early);
    assert_string_equal(told(&late, MOST), "* inbox log=6\n");
    assert_int_equal(total, 0);
    append(audience, 0, 7, "* inbox log=7\n");
    audience_leave(&late); /* with something that it has not got */
    audience_leave(&never);
    assert_int_equal(total, 0);
    audience_free(audience);
}

static void what_is_too_much_is_lost_and_told(void **state)
{
    (void)state;
    static char line[8192];
    size_t total = 0, got = 0;
    struct audience *audience = audience_new(&topics, &total, "25LU", 1);
    struct watcher slow = {0}, quick = {0}, other = {0};
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 2] = '\n';
    audience_enter(audience, &slow);
    audience_enter(audience, &quick);
    audience_enter(audience, &other);
    audience_set(&slow, INBOX | PROGRESS);
    audience_set(&quick, INBOX);
    audience_set(&other, PROGRESS);
    append(audience, 1, 1, "* progress log=1\n");
    for (uint64_t log = 2; log < 1000; log++) {
        struct evbuffer *out = evbuffer_new();
        append(audience, 0, log, line);
        assert_int_equal(audience_fill(&quick, out, MOST), 0);
        got += evbuffer_get_length(out);
        evbuffer_free(out);
        assert_true(total <= AUDIENCE_MOST);
    }
    assert_int_equal(got, 998 * (sizeof line - 1));
    assert_string_equal(told(&slow, 1), "* lost topic=inbox upto=871\n* lost topic=progress upto=1\n");
    /* Behind what it was told it lost, all; and it is told once. */
    struct evbuffer *out = evbuffer_new();
    assert_int_equal(audience_fill(&slow, out, MOST), 0);
    assert_int_equal(evbuffer_get_length(out), (999 - 871) * (sizeof line - 1));
    evbuffer_free(out);
    assert_string_equal(told(&slow, MOST), "");
    /* Of what one does not watch nothing is lost. */
    assert_string_equal(told(&other, MOST), "* lost topic=progress upto=1\n");
    append(audience, 1, 1001, "* progress log=1001\n");
    assert_string_equal(told(&other, MOST), "* progress log=1001\n");
    assert_string_equal(told(&slow, MOST), "* progress log=1001\n");
    /* Memory that ran out: what waits is lost too. */
    append(audience, 1, 1002, "* progress log=1002\n");
    audience_miss(audience, 0, 1003);
    append(audience, 0, 1004, "* inbox log=1004\n");
    assert_string_equal(told(&slow, MOST),
                        "* lost topic=inbox upto=1003\n* lost topic=progress upto=1002\n* inbox log=1004\n");
    assert_string_equal(told(&quick, MOST), "* lost topic=inbox upto=1003\n* inbox log=1004\n");
    audience_leave(&slow);
    audience_leave(&quick);
    audience_leave(&other);
    assert_int_equal(total, 0);
    audience_free(audience);
}

static void all_audiences_together_have_a_bound(void **state)
{
    (void)state;
    size_t total = AUDIENCE_ALL_MOST - 20;
    struct audience *audience = audience_new(&topics, &total, "25LU", 1);
    struct watcher watcher = {0};
    audience_enter(audience, &watcher);
    audience_set(&watcher, INBOX);
    append(audience, 0, 1, "* inbox log=1\n");
    append(audience, 0, 2, "* inbox log=2\n");
    assert_int_equal(total, AUDIENCE_ALL_MOST - 20 + strlen("* inbox log=2\n"));
    append(audience, 0, 3, "* inbox log=3 and-more-than-there-is\n");
    assert_int_equal(total, AUDIENCE_ALL_MOST - 20);
    assert_string_equal(told(&watcher, MOST), "* lost topic=inbox upto=3\n");
    audience_leave(&watcher);
    audience_free(audience);
}

/* Many watchers that come, go, change what they watch and listen now and then: each hears what a list that keeps all
 * would have told it. */
static void random_watchers_hear_all(void **state)
{
    (void)state;
    enum { COUNT_OF = 7, STEPS = 20000 };
    const char *given = getenv("BUURTAAL_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1;
    struct watcher watchers[COUNT_OF] = {0};
    uint64_t heard[COUNT_OF] = {0}, from[COUNT_OF][2] = {{0}}, said = 0, said_topic[STEPS + 1];
    size_t total = 0;
    struct audience *audience = audience_new(&topics, &total, "25LU", 1);
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)random() % COUNT_OF;
        struct watcher *watcher = &watchers[i];
        char line[64];
        unsigned wanted = (unsigned)random() % 3 + 1;
        switch (random() % 6) {
        case 0:
            if (!watcher->audience)
                audience_enter(audience, watcher);
            if (!watcher->topics)
                heard[i] = said;
            for (unsigned t = 0; t < 2; t++)
                if (!(watcher->topics & 1u << t))
                    from[i][t] = said;
            audience_set(watcher, wanted);
            break;
        case 1:
            if (random() % 4 == 0)
                audience_leave(watcher);
            watcher->topics = watcher->audience ? watcher->topics : 0;
            break;
        case 2:
        case 3:
            said_topic[++said] = (uint64_t)random() % 2;
            snprintf(line, sizeof line, "%llu\n", (unsigned long long)said);
            append(audience, said_topic[said], said, line);
            break;
        default:
            if (!watcher->topics)
                break;
            struct evbuffer *out = evbuffer_new();
            assert_int_equal(audience_fill(watcher, out, MOST), 0);
            while (++heard[i] <= said) {
                uint64_t topic = said_topic[heard[i]];
                if (!(watcher->topics & 1u << topic) || heard[i] <= from[i][topic])
                    continue;
                char *got = evbuffer_readln(out, NULL, EVBUFFER_EOL_LF);
                assert_non_null(got);
                assert_int_equal(strtoull(got, NULL, 10), heard[i]);
                free(got);
            }
            heard[i] = said;
            assert_int_equal(evbuffer_get_length(out), 0);
            evbuffer_free(out);
        }
    }
    for (size_t i = 0; i < COUNT_OF; i++)
        audience_leave(&watchers[i]);
    assert_int_equal(total, 0);
    audience_free(audience);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hears_what_is_said_while_it_watches),
        cmocka_unit_test(what_is_too_much_is_lost_and_told),
        cmocka_unit_test(all_audiences_together_have_a_bound),
        cmocka_unit_test(random_watchers_hear_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
