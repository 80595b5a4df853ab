/* Seals: what is sealed opens again only where it belongs, equal values are known as equal across rotations, the guard
 * against BSNs, and a key file that is refused says why. */
#define _GNU_SOURCE /* memmem */
#include "seal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "key_file.h"

static char folder[] = "/tmp/test-seal-XXXXXX";
static char path[sizeof folder + 16];

static const char match_hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char seal_hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                               "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/keys", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_keys(const char *text, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static struct seal *load(void)
{
    char why[256] = "";
    struct seal *seal = seal_load(path, why, sizeof why);
    if (!seal)
        fail_msg("%s", why);
    return seal;
}

static void assert_refused(const char *text, mode_t mode, const char *reason)
{
    char why[256] = "";
    write_keys(text, mode);
    assert_null(seal_load(path, why, sizeof why));
    if (!strstr(why, reason) || !strstr(why, path))
        fail_msg("expected \"%s\" and the path, got \"%s\"", reason, why);
}

static void key_file_is_judged(void **state)
{
    char good[512], text[512], why[256] = "";
    (void)state;
    snprintf(good, sizeof good, "# keys\nmatch %s\nseal 1 %s\n", match_hex, seal_hex);
    write_keys(good, 0600);
    seal_free(load());
    assert_refused(good, 0640, "chmod 600");
    assert_refused(good, 0604, "chmod 600");
    assert_refused("", 0600, "seal-key");
    snprintf(text, sizeof text, "match %s\n", match_hex);
    assert_refused(text, 0600, "at least one `seal`");
    snprintf(text, sizeof text, "match %s\nmatch %s\nseal 1 %s\n", match_hex, match_hex, seal_hex);
    assert_refused(text, 0600, ":2: a second matching key");
    snprintf(text, sizeof text, "match %s\nseal 1 %s\nseal 1 %s\n", match_hex, seal_hex, seal_hex);
    assert_refused(text, 0600, ":3: this number of a sealing key is given twice");
    snprintf(text, sizeof text, "match %s\nseal 0 %s\n", match_hex, seal_hex);
    assert_refused(text, 0600, ":2: seal needs a number");
    snprintf(text, sizeof text, "match %.63s\nseal 1 %s\n", match_hex, seal_hex);
    assert_refused(text, 0600, ":1: match needs 64");
    snprintf(text, sizeof text, "match %s\nseal 1 %.127sg\n", match_hex, seal_hex);
    assert_refused(text, 0600, ":2: seal needs 128");
    assert_refused("password\n", 0600, ":1: expected");
    unlink(path);
    assert_null(seal_load(path, why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
    assert_null(seal_load(folder, why, sizeof why));
    assert_non_null(strstr(why, "not a regular file"));
}

static void made_keys_load_and_are_never_overwritten(void **state)
{
    char why[256] = "";
    struct stat st;
    (void)state;
    unlink(path);
    assert_int_equal(key_file_make(path, why, sizeof why), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    seal_free(load());
    assert_int_equal(key_file_make(path, why, sizeof why), -1);
    assert_non_null(strstr(why, "never written over: what they sealed would be lost; name another file"));
}

static struct seal *with_keys(const char *more)
{
    char text[1024];
    snprintf(text, sizeof text, "match %s\nseal 1 %s\n%s", match_hex, seal_hex, more);
    write_keys(text, 0600);
    return load();
}

/* By another interface of OpenSSL's: HMAC over the field's name, NUL, object, text. */
static void expected_hash(const char *field, struct slice object, struct slice text, uint8_t out[32])
{
    uint8_t key[32], message[512];
    size_t len = strlen(field) + 1, size = 0;
    for (size_t i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    memcpy(message, field, len);
    if (object.len)
        memcpy(message + len, object.at, object.len);
    len += object.len;
    memcpy(message + len, text.at, text.len);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, 32, message, len + text.len, out, 32, &size));
}

static void what_is_sealed_opens_where_it_belongs(void **state)
{
    struct seal *seal = with_keys("");
    uint8_t hash[32], other[32], sealed[256], opened[256], wanted[32];
    struct slice name = SLICE("van der Graaf, Jacobus"), none = {0};
    (void)state;
    memset(hash, 7, sizeof hash);
    memset(other, 8, sizeof other);
    struct slice object = {(char *)hash, 32}, another = {(char *)other, 32};
    size_t len = seal_close(seal, "name", object, name, sealed);
    assert_int_equal(len, name.len + SEAL_OVERHEAD);
    expected_hash("name", object, name, wanted);
    assert_memory_equal(sealed, wanted, 32);
    assert_null(memmem(sealed, len, "Graaf", 5));
    struct slice whole = {(char *)sealed, len};
    assert_int_equal(seal_open(seal, "name", object, whole, opened), name.len);
    assert_memory_equal(opened, name.at, name.len);
    assert_int_equal(seal_open(seal, "needs", object, whole, opened), 0);
    assert_int_equal(seal_open(seal, "name", another, whole, opened), 0);
    assert_int_equal(seal_open(seal, "name", none, whole, opened), 0);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(seal_open(seal, "name", object, (struct slice){(char *)sealed, cut}, opened), 0);
    for (size_t bit = 37 * 8; bit < len * 8; bit++) { /* the tag and the text */
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(seal_open(seal, "name", object, whole, opened), 0);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(seal_close(seal, "name", object, (struct slice){"", 0}, sealed), 0);
    seal_free(seal);
}

static void rotation_keeps_values_equal(void **state)
{
    char second[256];
    uint8_t before[256], after[256], opened[256];
    struct slice number = SLICE("0912345"), none = {0};
    (void)state;
    struct seal *seal = with_keys("");
    size_t len = seal_close(seal, "student", none, number, before);
    seal_free(seal);
    snprintf(second, sizeof second, "seal 2 f%s\n", seal_hex + 1);
    seal = with_keys(second);
    assert_int_equal(seal_key(seal), 1);
    assert_int_equal(seal_newest(seal), 2);
    assert_int_equal(seal_use(seal, 2), 0);
    assert_int_equal(seal_close(seal, "student", none, number, after), len);
    assert_memory_equal(before, after, SEAL_HASH_BYTES);
    assert_memory_not_equal(before + SEAL_HASH_BYTES, after + SEAL_HASH_BYTES, len - SEAL_HASH_BYTES);
    assert_int_equal(seal_open(seal, "student", none, (struct slice){(char *)before, len}, opened), number.len);
    assert_int_equal(seal_open(seal, "student", none, (struct slice){(char *)after, len}, opened), number.len);
    seal_free(seal);
    seal = with_keys("");
    assert_int_equal(seal_open(seal, "student", none, (struct slice){(char *)after, len}, opened), 0);
    seal_free(seal);
}

static void a_reason_that_was_never_sealed_is_read_and_sealed(void **state)
{
    struct seal *seal = with_keys("");
    uint8_t hash[32], covered[SEAL_OVERHEAD + 4] = {0}, sealed[256], opened[256];
    (void)state;
    memset(hash, 7, sizeof hash);
    memcpy(covered + SEAL_OVERHEAD, "ziek", 4);
    struct slice object = {(char *)hash, 32}, whole = {(char *)covered, sizeof covered};
    assert_int_equal(seal_open(seal, "reason", object, whole, opened), 4);
    assert_memory_equal(opened, "ziek", 4);
    assert_int_equal(seal_open(seal, "name", object, whole, opened), 0);
    size_t len = seal_again(seal, seal, "reason", object, object, whole, sealed);
    assert_int_equal(len, sizeof covered);
    assert_null(memmem(sealed, len, "ziek", 4));
    assert_int_equal(seal_open(seal, "reason", object, (struct slice){(char *)sealed, len}, opened), 4);
    assert_int_equal(seal_open(seal, "reason", (struct slice){0}, (struct slice){(char *)sealed, len}, opened), 0);
    for (size_t i = 0; i < SEAL_OVERHEAD; i++) { /* anything else is no cover */
        covered[i] = 1;
        assert_int_equal(seal_open(seal, "reason", object, whole, opened), 0);
        covered[i] = 0;
    }
    seal_free(seal);
}

/* 111222333 and 101222331 are DUO's examples of a BSN and an onderwijsnummer; 12345672 is 012345672 without its zero.
 */
static void bsn_is_flagged(void **state)
{
    static const struct {
        const char *number;
        int flag;
    } cases[] = {{"111222333", 1}, {"101222331", 1}, {"111222334", 0}, {"101222332", 0}, {"1112223330", 0},
                 {"0912345", 0},   {"012345672", 1}, {"12345672", 1},  {"12345673", 0},  {"11122233a", 0}};
    struct seal *seal = with_keys("");
    uint8_t sealed[256];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice number = slice_of(cases[i].number);
        assert_true(seal_close(seal, "student", (struct slice){0}, number, sealed) > 0);
        if (sealed[SEAL_HASH_BYTES] != cases[i].flag)
            fail_msg("%s: flag %d", cases[i].number, sealed[SEAL_HASH_BYTES]);
        assert_true(seal_close(seal, "eckid", (struct slice){0}, number, sealed) > 0);
        assert_int_equal(sealed[SEAL_HASH_BYTES], 0);
    }
    seal_free(seal);
}

static void sha256_is_sha256(void **state)
{
    static const uint8_t abc[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                    0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                    0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t out[32];
    (void)state;
    assert_int_equal(seal_sha256(SLICE("abc"), out), 0);
    assert_memory_equal(out, abc, 32); /* FIPS 180-2, B.1 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_file_is_judged),
        cmocka_unit_test(made_keys_load_and_are_never_overwritten),
        cmocka_unit_test(what_is_sealed_opens_where_it_belongs),
        cmocka_unit_test(rotation_keeps_values_equal),
        cmocka_unit_test(a_reason_that_was_never_sealed_is_read_and_sealed),
        cmocka_unit_test(bsn_is_flagged),
        cmocka_unit_test(sha256_is_sha256),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
