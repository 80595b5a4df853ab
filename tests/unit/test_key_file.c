/* The file of keys changes whole or not at all, and keeps what is its own. (That it is judged, test_seal.c tells.) */
#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test-key-file-XXXXXX";
static char path[sizeof folder + 16], beside[sizeof folder + 20];

static bool folders_fail;

/* In place of the C library's: of a folder it fails when told to. */
int fsync(int fd)
{
    struct stat st;
    if (folders_fail && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/keys", folder);
    snprintf(beside, sizeof beside, "%s.new", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(beside);
    return rmdir(folder);
}

static struct key_file read_keys(void)
{
    char why[256] = "";
    struct key_file keys;
    if (key_file_read(path, &keys, why, sizeof why) < 0)
        fail_msg("%s", why);
    return keys;
}

static void make(void)
{
    char why[256] = "";
    unlink(path);
    assert_int_equal(key_file_make(path, why, sizeof why), 0);
}

static void keys_are_in_the_order_of_their_numbers(void **state)
{
    char why[256] = "";
    uint32_t number = 0;
    (void)state;
    make();
    struct key_file before = read_keys();
    assert_int_equal(key_file_add(path, &number, why, sizeof why), 0);
    assert_int_equal(number, 2);
    assert_int_equal(key_file_add(path, &number, why, sizeof why), 0);
    struct key_file after = read_keys();
    assert_int_equal(after.count, 3);
    assert_memory_equal(after.match, before.match, sizeof after.match);
    assert_memory_equal(&after.seals[0], &before.seals[0], sizeof after.seals[0]);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(after.seals[i].number, i + 1);
    assert_memory_not_equal(after.seals[1].bytes, after.seals[2].bytes, KEY_SEAL_BYTES);
    assert_int_equal(key_file_drop(path, 2, why, sizeof why), 0);
    after = read_keys();
    assert_int_equal(after.count, 2);
    assert_int_equal(after.seals[1].number, 3);
    assert_int_equal(key_file_drop(path, 2, why, sizeof why), -1);
    assert_non_null(strstr(why, "no sealing key 2"));
}

static void next_becomes_match(void **state)
{
    char why[256] = "";
    (void)state;
    make();
    struct key_file before = read_keys();
    assert_false(before.has_next);
    assert_int_equal(key_file_finish(path, why, sizeof why), -1);
    assert_int_equal(key_file_begin(path, why, sizeof why), 0);
    struct key_file both = read_keys();
    assert_true(both.has_next);
    assert_memory_equal(both.match, before.match, sizeof both.match);
    assert_memory_not_equal(both.next, both.match, sizeof both.next);
    assert_int_equal(key_file_begin(path, why, sizeof why), -1);
    assert_int_equal(key_file_finish(path, why, sizeof why), 0);
    struct key_file after = read_keys();
    assert_false(after.has_next);
    assert_memory_equal(after.match, both.next, sizeof after.match);
    assert_memory_equal(after.seals, before.seals, sizeof after.seals);
}

/* A file that stands where the changed one is made, as of one that was killed, is no hindrance; a folder is, and then all
 * stays. */
static void what_cannot_be_changed_stays(void **state)
{
    char why[256] = "";
    uint32_t number;
    (void)state;
    make();
    int left = open(beside, O_WRONLY | O_CREAT, 0600);
    assert_true(left >= 0);
    close(left);
    assert_int_equal(key_file_add(path, &number, why, sizeof why), 0);
    assert_int_equal(access(beside, F_OK), -1);
    assert_int_equal(mkdir(beside, 0700), 0);
    struct key_file before = read_keys();
    assert_int_equal(key_file_add(path, &number, why, sizeof why), -1);
    assert_non_null(strstr(why, "could not be replaced"));
    struct key_file after = read_keys();
    assert_memory_equal(&after, &before, sizeof after);
    rmdir(beside);
}

static void two_who_add_at_once_both_do(void **state)
{
    char why[256] = "";
    pid_t children[5];
    int status;
    (void)state;
    make();
    for (size_t i = 0; i < COUNT(children); i++)
        if ((children[i] = fork()) == 0) {
            uint32_t number;
            bool added = true;
            for (int n = 0; n < 3; n++)
                added = added && key_file_add(path, &number, why, sizeof why) == 0;
            _exit(added ? 0 : 1);
        }
    for (size_t i = 0; i < COUNT(children); i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(read_keys().count, 16);
}

/* A comment of `len` bytes in the midst, and one at the end that no line's end follows: both stay, whatever is added. */
static void comments_of_any_length_stay(void **state)
{
    char why[256] = "", comment[1000], first[4096] = "", text[8192] = "";
    uint32_t number = 0;
    (void)state;
    for (size_t len = 250; len < 260; len++) {
        memset(comment, '#', len);
        comment[len] = '\0';
        make();
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        assert_true(fread(first, 1, sizeof first - 1, file) > 0);
        fseek(file, 0, SEEK_SET);
        fprintf(file, "%s\n%s%s", comment, first, comment);
        fclose(file);
        if (key_file_add(path, &number, why, sizeof why) < 0)
            fail_msg("%zu bytes: %s", len, why);
        assert_int_equal(read_keys().count, 2);
        assert_int_equal(key_file_drop(path, 1, why, sizeof why), 0);
        file = fopen(path, "r");
        assert_non_null(file);
        size_t whole = fread(text, 1, sizeof text - 1, file), match = strlen("match \n") + 2 * KEY_MATCH_BYTES;
        fclose(file);
        assert_int_equal(whole, 2 * len + strlen(first) + 2);
        assert_memory_equal(text, comment, len);
        assert_memory_equal(text + len + 1, first, match);
        assert_memory_equal(text + len + 1 + match, comment, len);
        assert_memory_equal(text + 2 * len + 1 + match, "\nseal 2 ", 8);
        memset(first, 0, sizeof first);
        memset(text, 0, sizeof text);
    }
}

/* As a reload would find it while somebody copies: never a key that is not whole, nor one that was not there. */
static void what_is_half_written_gives_whole_keys_or_none(void **state)
{
    char why[256] = "", text[4096];
    uint32_t number = 0;
    size_t read_well = 0;
    (void)state;
    make();
    for (int n = 0; n < 3; n++)
        assert_int_equal(key_file_add(path, &number, why, sizeof why), 0);
    struct key_file whole = read_keys(), part;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t cut = 0; cut <= len; cut++) {
        assert_int_equal(truncate(path, 0), 0);
        file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, cut, file), cut);
        fclose(file);
        if (key_file_read(path, &part, why, sizeof why) < 0)
            continue;
        read_well++;
        assert_memory_equal(part.match, whole.match, sizeof part.match);
        assert_memory_equal(part.seals, whole.seals, part.count * sizeof part.seals[0]);
    }
    assert_int_equal(read_well, 2 * 4); /* behind each sealing key, with and without its line's end */
}

static void a_link_stays_and_leads_to_what_changed(void **state)
{
    char why[256] = "", link_path[sizeof path + 8];
    uint32_t number = 0;
    struct stat st;
    (void)state;
    make();
    snprintf(link_path, sizeof link_path, "%s.link", path);
    assert_int_equal(symlink("keys", link_path), 0);
    assert_int_equal(key_file_add(link_path, &number, why, sizeof why), 0);
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(read_keys().count, 2);
    unlink(path);
    assert_int_equal(key_file_add(link_path, &number, why, sizeof why), -1);
    assert_non_null(strstr(why, "No such file"));
    unlink(link_path);
}

static void a_change_that_may_not_last_is_told_as_made(void **state)
{
    char why[256] = "";
    uint32_t number = 0;
    (void)state;
    make();
    folders_fail = true;
    assert_int_equal(key_file_add(path, &number, why, sizeof why), -1);
    folders_fail = false;
    assert_non_null(strstr(why, "it was changed, but a crash of the machine may undo that"));
    assert_non_null(strstr(why, strerror(EIO)));
    assert_int_equal(read_keys().count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_in_the_order_of_their_numbers),
        cmocka_unit_test(next_becomes_match),
        cmocka_unit_test(what_cannot_be_changed_stays),
        cmocka_unit_test(two_who_add_at_once_both_do),
        cmocka_unit_test(comments_of_any_length_stay),
        cmocka_unit_test(what_is_half_written_gives_whole_keys_or_none),
        cmocka_unit_test(a_link_stays_and_leads_to_what_changed),
        cmocka_unit_test(a_change_that_may_not_last_is_told_as_made),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
