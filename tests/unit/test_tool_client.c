/* The client and its way of sending, against a registry from a script. */
#include "tool_client.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool_authority.h"
#include "tool_block.h"
#include "tool_sending.h"
#include "tool_server.h"
#include "tool_verbs.h"

/* ---- a clock that is put ahead instead of waiting: in place of libc's own ---- */

static int patience = -1; /* so often is really waited, until the time is up; -1: always */
static time_t ahead;

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    now->tv_sec += ahead;
    return result;
}

int poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    bool skip = patience == 0 && milliseconds > 0;
    int ready = (int)syscall(SYS_poll, fds, count, skip ? 5 : milliseconds);
    if (ready == 0 && skip)
        ahead += milliseconds / 1000;
    else if (ready == 0 && milliseconds > 0 && patience > 0)
        patience--;
    return ready;
}

/* ---- sending ---- */

struct sent {
    size_t count; /* how many there are to send; every third item has nothing to send */
    size_t made, answered, repeated, left;
    size_t times[1000];
};

static size_t next(void *own, char line[LINE_MAX_BYTES], unsigned *tag, void **item)
{
    struct sent *sent = own;
    if (sent->made == sent->count)
        return 0;
    *item = &sent->times[sent->made];
    *tag = (unsigned)sent->made + 2;
    if (sent->made++ % 3 == 2)
        return 0;
    return (size_t)snprintf(line, LINE_MAX_BYTES, "register tag=%u session=S student=1\n", *tag);
}

static void answered(void *own, void *item, const struct answer *line)
{
    struct sent *sent = own;
    sent->answered++;
    ++*(size_t *)item;
    sent->repeated += answer_field(line, "repeated").at != NULL;
}

static void leave(void *own, void *item)
{
    struct sent *sent = own;
    assert_ptr_equal(item, &sent->times[sent->left]); /* in order */
    assert_int_equal(*(size_t *)item, sent->left % 3 != 2);
    sent->left++;
}

static void send_some(struct sent *sent, const struct script *script)
{
    struct server server;
    const struct sending sending = {.own = sent, .next = next, .answered = answered, .leave = leave};
    server_start(&server, script);
    struct retry retry;
    assert_int_equal(retry_open(&retry, server.profile), EX_OK);
    assert_int_equal(sending_run(&retry, &sending), EX_OK);
    retry_close(&retry);
    server_stop(&server);
    assert_int_equal(sent->left, sent->count);
    assert_int_equal(sent->answered, sent->count - sent->count / 3);
}

/* Sends 1000 items; each must get one answer, or none where there was nothing to send, and leave in order. How many
 * answers came from a later connection. */
static size_t send_all(const struct script *script)
{
    struct sent sent = {.count = COUNT(sent.times)};
    send_some(&sent, script);
    return sent.repeated;
}

static void all_are_answered_once(void **state)
{
    (void)state;
    assert_int_equal(send_all(&(struct script){.host = "server"}), 0);
}

static void answers_are_read_while_it_sends(void **state)
{
    (void)state;
    assert_int_equal(send_all(&(struct script){.host = "server", .padding = 4000}), 0);
}

static void what_a_lost_connection_left_is_sent_again(void **state)
{
    (void)state;
    /* A hundred were answered, but what had come and was not read yet may be gone with the connection. */
    size_t again = send_all(&(struct script){.host = "server", .answers = 101});
    assert_in_range(again, 567, 667);
}

static void busy_is_sent_again(void **state)
{
    (void)state;
    /* On the same connection all is BUSY from then on, until the server is asked anew: four are answered, then BUSY;
     * the server hangs up after twelve lines and answers the rest on the next one. */
    struct sent sent = {.count = 15};
    send_some(&sent, &(struct script){.host = "server", .busy = 5, .answers = 12});
    assert_int_equal(sent.repeated, 7);
}

/* ---- blocks ---- */

/* Sends a block of up to 1000 items; what came of it. */
static int send_block(struct sent *sent, struct block *block, const struct script *script)
{
    struct server server;
    const struct sending sending = {.own = sent, .next = next, .answered = answered};
    server_start(&server, script);
    struct retry retry;
    assert_int_equal(retry_open(&retry, server.profile), EX_OK);
    int status = block_run(&retry, &sending, block);
    retry_close(&retry);
    server_stop(&server);
    return status;
}

static void a_block_is_answered_as_one(void **state)
{
    struct sent sent = {.count = COUNT(sent.times)};
    struct block block = {.name = "N"};
    (void)state;
    assert_int_equal(send_block(&sent, &block, &(struct script){.host = "server", .padding = 400}), EX_OK);
    for (size_t i = 0; i < COUNT(sent.times); i++)
        assert_int_equal(sent.times[i], i % 3 != 2);
    assert_string_equal(block.code, "");
    assert_string_equal(block.new_plan, HEAD_A);
    assert_int_equal(block.log, 7);
    assert_true(block.ended);
}

static void a_block_that_was_lost_is_sent_again_whole(void **state)
{
    static const struct script rows[] = {
        {.host = "server", .told = 300},            /* in the middle of its answers */
        {.host = "server", .answers = 100},         /* in the middle of its lines */
        {.host = "server", .busy = 2, .answers = 3} /* `begin` is BUSY, twice */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sent sent = {.count = COUNT(sent.times)};
        struct block block = {.name = "N"};
        assert_int_equal(send_block(&sent, &block, &rows[i]), EX_OK);
        assert_int_equal(sent.repeated, sent.count - sent.count / 3);
        assert_int_equal(block.log, 7);
    }
}

/* It would take the lines of a rehearsal for writes. */
static void a_registry_without_blocks_is_sent_no_line(void **state)
{
    struct sent sent = {.count = COUNT(sent.times)};
    struct block block = {.check = true};
    (void)state;
    assert_int_equal(send_block(&sent, &block, &(struct script){.host = "server", .no_blocks = true}), EX_USAGE);
    assert_int_equal(sent.answered, 0);
}

/* ---- opening ---- */

static void open_one(const struct script *script, enum client_fault fault, const char *why)
{
    struct server server;
    server_start(&server, script);
    struct client *client = client_open(server.profile);
    if (client_fault(client) != fault || !strstr(client_why(client), why))
        fail_msg("fault %d: %s", client_fault(client), client_why(client));
    client_close(client);
    server_stop(&server);
}

static void a_server_that_will_not_have_us(void **state)
{
    (void)state;
    open_one(&(struct script){.host = "server"}, CLIENT_FINE, "");
    /* The text is ours, in our language; what the daemon says where we do not know the code. */
    char certificate[128], fingerprint[65], granting[256];
    snprintf(certificate, sizeof certificate, "%s", server_path("client.pem"));
    assert_int_equal(authority_fingerprint(&(struct tool){.lang = TEXT_EN}, certificate, fingerprint), 0);
    snprintf(granting, sizeof granting,
             "is not admitted here; the administrator can do that. (BYE not-granted); the "
             "fingerprint of your certificate is %s",
             fingerprint);
    open_one(&(struct script){.host = "server", .first = "* BYE code=not-granted text=\"vraag hem\"\n"}, CLIENT_REFUSED,
             granting);
    open_one(&(struct script){.host = "server", .first = "* BYE code=draining text=later\n"}, CLIENT_LATER,
             "This server is stopping");
    open_one(&(struct script){.host = "server", .first = "* BYE code=new text=\"ask him\"\n"}, CLIENT_REFUSED,
             "ask him");
    open_one(&(struct script){.host = "server", .first = "220 mail.example ESMTP\n"}, CLIENT_PROTOCOL, "");
    open_one(&(struct script){.host = "server", .first = "* buurtaal \x1b[2J\n"}, CLIENT_PROTOCOL, "");
    open_one(&(struct script){.host = "other"}, CLIENT_UNTRUSTED, "");
}

static void a_log_that_went_back_is_noticed(void **state)
{
    static const struct {
        const char *before, *after;
        enum client_fault fault;
    } rows[] = {{"", "log=9 head=" HEAD_B, CLIENT_FINE},                           /* remembered */
                {"log=5 head=" HEAD_A, "log=9 head=" HEAD_B, CLIENT_FINE},         /* the registry still has it */
                {"log=5 head=" HEAD_B, "log=5 head=" HEAD_B, CLIENT_RESTORED},     /* it has another: kept, to complain again */
                {"log=9 head=" HEAD_A, "log=9 head=" HEAD_A, CLIENT_RESTORED},     /* the same */
                {"log=10 head=" HEAD_A, "log=10 head=" HEAD_A, CLIENT_RESTORED}}; /* it has not come so far */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[128] = "";
        FILE *file = fopen(server_path("test.seen"), "w");
        assert_non_null(file);
        fprintf(file, "%s\n", rows[i].before);
        assert_int_equal(fclose(file), 0);
        open_one(&(struct script){.host = "server"}, rows[i].fault, "");
        file = fopen(server_path("test.seen"), "r");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof line, file));
        fclose(file);
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, rows[i].after);
    }
}

static void a_registry_that_falls_silent_is_not_waited_for_for_ever(void **state)
{
    const struct script script = {.host = "server", .deaf = true};
    struct tool tool = {.lang = TEXT_EN, .lang_given = true, .profile = server_path("test.conf")};
    char line[] = "ping tag=1", *lines[] = {line};
    struct server server;
    (void)state;
    server_start(&server, &script);
    patience = 2;
    assert_int_equal(send_run(&tool, 1, lines), EX_TEMPFAIL);
    patience = -1;
    assert_in_range(ahead, 110, 125);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_answered_once),
        cmocka_unit_test(answers_are_read_while_it_sends),
        cmocka_unit_test(what_a_lost_connection_left_is_sent_again),
        cmocka_unit_test(busy_is_sent_again),
        cmocka_unit_test(a_block_is_answered_as_one),
        cmocka_unit_test(a_block_that_was_lost_is_sent_again_whole),
        cmocka_unit_test(a_registry_without_blocks_is_sent_no_line),
        cmocka_unit_test(a_server_that_will_not_have_us),
        cmocka_unit_test(a_registry_that_falls_silent_is_not_waited_for_for_ever),
        cmocka_unit_test(a_log_that_went_back_is_noticed),
    };
    return cmocka_run_group_tests(tests, server_make_certificates, server_remove_certificates);
}
