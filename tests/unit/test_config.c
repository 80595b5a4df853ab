/* The configuration: what every type takes and refuses, that each fault is told with file, line and option, all of them
 * at once, and what a reload keeps. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static char folder[] = "/tmp/test-config-XXXXXX";
static char path[sizeof folder + 16];
static char why[8192];

/* What must be given, in lines 1 to 7. */
#define LEAST                                                                                                          \
    "[tls]\n"                                                                                                          \
    "certificate = a.pem\n"                                                                                            \
    "key = /keys/a.key\n"                                                                                              \
    "ca=ca.pem\n"                                                                                                      \
    "[database]\n"                                                                                                     \
    "write = host=/run dbname=b;c\n"                                                                                   \
    "[seal]\n"                                                                                                         \
    "keys = \t seal.keys  \n"

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/d.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *text)
{
    write_bytes(text, strlen(text));
    struct config *config = config_load(path, why, sizeof why);
    if (!config)
        fail_msg("%s", why);
    assert_string_equal(why, "");
    return config;
}

/* LEAST and `text` behind it, which begins in line 9, give exactly this fault, `d.conf` standing for the path. */
static void assert_fault(const char *text, const char *fault)
{
    char whole[20000], expected[1024];
    snprintf(whole, sizeof whole, "%s%s", LEAST, text);
    snprintf(expected, sizeof expected, "%s%s\n", path, fault);
    write_bytes(whole, strlen(whole));
    assert_null(config_load(path, why, sizeof why));
    assert_string_equal(why, expected);
}

static void fallbacks_hold(void **state)
{
    (void)state;
    char expected[128];
    struct config *config = load(LEAST);
    assert_string_equal(config->listen_address, "127.0.0.1");
    assert_int_equal(config->listen_port, 7447);
    assert_int_equal(config->listen_backlog, 1024);
    assert_string_equal(config->tls_key, "/keys/a.key");
    snprintf(expected, sizeof expected, "%s/a.pem", folder); /* from the folder of the file */
    assert_string_equal(config->tls_certificate, expected);
    snprintf(expected, sizeof expected, "%s/seal.keys", folder); /* without the spaces around it */
    assert_string_equal(config->seal_keys, expected);
    assert_null(config->tls_crl);
    assert_null(config->database_owner);
    assert_int_equal(config->tls_min, TLS_MIN_1_3);
    assert_string_equal(config->database_write, "host=/run dbname=b;c"); /* `;` begins no comment */
    assert_string_equal(config->database_read, config->database_write);
    assert_true(strlen(config->server_name) > 0);
    assert_int_equal(config->limits_idle, 600);
    assert_int_equal(config->limits_waiting_age, 2);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    config_free(config);
}

static void every_type_is_read(void **state)
{
    (void)state;
    struct config *config = load("\xef\xbb\xbf" LEAST "# a comment\r\n; another\n\n"
                                 "[server]\nname = registry-1\n"
                                 "[listen]\r\naddress = ::1\r\nport = 0\nbacklog=65535\n"
                                 "[tls]\ntls-min = 1.2\ncrl = x y.crl\n"
                                 "[database]\nread = a=b\nowner = user=postgres\n"
                                 "[limits]\nhandshake = 90\nidle = 90 s\nunsent = 10min\ndrain = 1 h\nparty = 1\n"
                                 "connections = 100000\n"
                                 "[log]\nlevel = debug\n");
    assert_string_equal(config->server_name, "registry-1");
    assert_string_equal(config->listen_address, "::1");
    assert_int_equal(config->listen_port, 0);
    assert_int_equal(config->listen_backlog, 65535);
    assert_int_equal(config->tls_min, TLS_MIN_1_2);
    assert_string_equal(config->database_read, "a=b");
    assert_string_equal(config->database_owner, "user=postgres");
    assert_int_equal(config->limits_handshake, 90);
    assert_int_equal(config->limits_idle, 90);
    assert_int_equal(config->limits_unsent, 600);
    assert_int_equal(config->limits_drain, 3600);
    assert_int_equal(config->limits_party, 1);
    assert_int_equal(config->limits_connections, 100000);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    config_free(config);
}

static void what_is_out_of_its_form_is_a_fault(void **state)
{
    (void)state;
    static const char seconds[] = "; allowed is 1 to 300 seconds, as in 90, 90 s, 10 min or 1 h";
    static const char *const numbers[] = {"65536", "-1",   "+1", "1.5", "0x10", "1 s", "99999999999999999999",
                                          "",      "seven"};
    static const char *const times[] = {"0", "301", "6 min", "1 d", "1  hour", "s", "-1", "1h1", "2147483648 h"};
    static const char *const addresses[] = {"localhost", "1.2.3", "127.0.0.1:80", "[::1]", "1.2.3.4 "};
    char text[256], fault[512];
    for (size_t i = 0; i < COUNT(numbers); i++) {
        snprintf(text, sizeof text, "[listen]\nport = %s\n", numbers[i]);
        if (numbers[i][0])
            snprintf(fault, sizeof fault, ":10: [listen] port: is \"%s\"; allowed is a whole number from 0 to 65535",
                     numbers[i]);
        else
            snprintf(fault, sizeof fault,
                     ":10: [listen] port: has no value; allowed is a whole number from 0 to 65535");
        assert_fault(text, fault);
    }
    for (size_t i = 0; i < COUNT(times); i++) {
        snprintf(text, sizeof text, "[limits]\n\nhandshake = %s\n", times[i]);
        snprintf(fault, sizeof fault, ":11: [limits] handshake: is \"%s\"%s", times[i], seconds);
        assert_fault(text, fault);
    }
    for (size_t i = 0; i + 1 < COUNT(addresses); i++) { /* the last is good: spaces around a value are no part of it */
        snprintf(text, sizeof text, "[listen]\naddress = %s\n", addresses[i]);
        snprintf(fault, sizeof fault, ":10: [listen] address: is \"%s\"; allowed is an IPv4 or IPv6 address in digits",
                 addresses[i]);
        assert_fault(text, fault);
    }
    assert_fault("[log]\nlevel = Info\n",
                 ":10: [log] level: is \"Info\"; allowed is one of: error warning notice info debug");
    assert_fault("[log]\nlevel = info debug\n",
                 ":10: [log] level: is \"info debug\"; allowed is one of: error warning notice info debug");
    assert_fault("[server]\nname = a b\n",
                 ":10: [server] name: is \"a b\"; allowed is 1 to 64 visible ASCII characters");
    assert_fault("[server]\nname = r\xc3\xa9g\n",
                 ":10: [server] name: is \"r\xc3\xa9g\"; allowed is 1 to 64 visible ASCII characters");
    assert_fault("[database]\nread = a\tb\n",
                 ":10: [database] read: is \"a\tb\"; allowed is 1 to 2048 bytes without control characters");
}

static void what_is_not_known_is_a_fault(void **state)
{
    (void)state;
    assert_fault("[listen]\nports = 1\n",
                 ":10: there is no option \"ports\" in [listen]; buurtaald.conf(5) lists them");
    assert_fault("[listen]\nPort = 1\n", ":10: there is no option \"Port\" in [listen]; buurtaald.conf(5) lists them");
    assert_fault("[listens]\nport = 1\n", ":9: there is no section [listens]; buurtaald.conf(5) lists them");
    assert_fault("[listen] x\n", ":9: a section has the form [name], with nothing behind it");
    assert_fault("[listen\nport = 1\n", ":9: a section has the form [name], with nothing behind it");
    assert_fault("keys = x\n", ":9: [seal] keys: is given already in line 8");
    assert_fault("[log]\nlevel = info\n[log]\nlevel = info\n", ":12: [log] level: is given already in line 10");
    assert_fault("[log]\nlevel\n",
                 ":10: [log] level: has no value; allowed is one of: error warning notice info debug");
    assert_fault("[log]\n level = info\n  debug\n",
                 ":11: there is no option \"debug\" in [log]; buurtaald.conf(5) lists them");
}

static void what_is_no_line_is_a_fault(void **state)
{
    (void)state;
    static char text[10000];
    memset(text, 'a', 9000);
    memcpy(text, "[log]\n# ", 8);
    text[9000] = '\n';
    assert_fault(text, ":10: the line has more than 8193 bytes");
    write_bytes(LEAST "[log]\nle\0vel = info\n", sizeof LEAST - 1 + 6 + 15);
    assert_null(config_load(path, why, sizeof why));
    assert_non_null(strstr(why, ":10: the line holds a NUL; is this a text file?\n"));
}

static void all_faults_are_told(void **state)
{
    (void)state;
    char expected[2048];
    const char *text =
        "port = 1\n[listen]\nport = x\naddress = y\nbacklog = 3\nbacklog = 4\n[no]\nthing = 1\n[tls]\nkey = k\n";
    write_bytes(text, strlen(text));
    assert_null(config_load(path, why, sizeof why));
    snprintf(expected, sizeof expected,
             "%s:1: \"port\" stands before the first [section]\n"
             "%s:3: [listen] port: is \"x\"; allowed is a whole number from 0 to 65535\n"
             "%s:4: [listen] address: is \"y\"; allowed is an IPv4 or IPv6 address in digits\n"
             "%s:6: [listen] backlog: is given already in line 5\n"
             "%s:7: there is no section [no]; buurtaald.conf(5) lists them\n"
             "%s: [tls] certificate: must be given: the name of a file, at most 4096 bytes\n"
             "%s: [tls] ca: must be given: the name of a file, at most 4096 bytes\n"
             "%s: [database] write: must be given: 1 to 2048 bytes without control characters\n"
             "%s: [seal] keys: must be given: the name of a file, at most 4096 bytes\n",
             path, path, path, path, path, path, path, path, path);
    assert_string_equal(why, expected);
}

static void what_has_no_room_is_counted(void **state)
{
    (void)state;
    char text[4096] = LEAST "[listen]\n", small[300];
    for (int i = 0; i < 30; i++)
        strcat(text, "wrong = 1\n");
    write_bytes(text, strlen(text));
    assert_null(config_load(path, small, sizeof small));
    const char *rest = strstr(small, "\n... and ");
    assert_non_null(rest);
    size_t told = 0;
    for (const char *c = small; c < rest + 1; c++)
        told += *c == '\n';
    assert_int_equal(told + (size_t)atoi(rest + strlen("\n... and ")), 30);
    assert_string_equal(rest + strlen(rest) - strlen(" more\n"), " more\n");
}

static void a_file_that_is_not_there_is_told(void **state)
{
    (void)state;
    assert_null(config_load("/nowhere/d.conf", why, sizeof why));
    assert_string_equal(why, "/nowhere/d.conf: cannot be opened: No such file or directory\n");
    assert_null(config_load(folder, why, sizeof why));
    assert_non_null(strstr(why, "cannot be read: Is a directory\n"));
}

static void a_reload_keeps_what_holds_from_the_start(void **state)
{
    (void)state;
    char names[256], cut[20];
    struct config *old = load(LEAST "[listen]\nport = 1\n[limits]\nidle = 10\nwaiting = 5\n");
    struct config *new =
        load(LEAST "[listen]\nport = 2\naddress = ::1\n[limits]\nidle = 20\nwaiting = 6\n[server]\nname = n\n");
    assert_string_equal(config_keep(new, old, names, sizeof names), "listen.address listen.port limits.waiting");
    assert_int_equal(new->listen_port, 1);
    assert_string_equal(new->listen_address, "127.0.0.1");
    assert_int_equal(new->limits_waiting, 5);
    assert_int_equal(new->limits_idle, 20);
    assert_string_equal(new->server_name, "n");
    assert_int_equal(old->listen_port, 2); /* exchanged, so that each is freed once */
    assert_string_equal(config_keep(new, old, cut, sizeof cut), "listen.address"); /* no name is cut in two */
    struct config *same = load(LEAST "[limits]\nidle = 20\n[listen]\nport = 2\n[limits]\nwaiting = 6\n");
    config_free(old);
    old = load(LEAST "[listen]\nport = 2\n[limits]\nwaiting = 6\n");
    assert_string_equal(config_keep(same, old, names, sizeof names), "");
    config_free(same);
    config_free(old);
    config_free(new);
}

static void the_list_of_options_is_whole(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(config_print_options(out), 0);
    assert_int_equal(fclose(out), 0);
    size_t count = 0;
#define OPTION(section, name, member, type, least, most, fallback, form, holds, help)                                  \
    assert_non_null(strstr(text, ".It Cm " name " Ns = Ns "));                                                         \
    count++;
#include "../../daemon/options.def"
#undef OPTION
    size_t items = 0;
    for (const char *at = text; (at = strstr(at, "\n.It ")); at++)
        items++;
    assert_int_equal(items, count);
    free(text);
    out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_int_equal(config_print_options(out), -1);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallbacks_hold),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(what_is_out_of_its_form_is_a_fault),
        cmocka_unit_test(what_is_not_known_is_a_fault),
        cmocka_unit_test(what_is_no_line_is_a_fault),
        cmocka_unit_test(all_faults_are_told),
        cmocka_unit_test(what_has_no_room_is_counted),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
        cmocka_unit_test(a_reload_keeps_what_holds_from_the_start),
        cmocka_unit_test(the_list_of_options_is_whole),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
