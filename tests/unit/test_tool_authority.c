/* The authority's folder when it is cut off or the disk fails: at the N-th step of writing, N = 1, 2, 3 ... until a run
 * passes untouched. Whatever N, no file is there in part, nothing is in a file that is not in the index, and doing it
 * again finishes it. And an index that is damaged is told, not guessed at. */
#define _GNU_SOURCE /* mkdtemp */
#include "tool_authority.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_index.h"
#include "tool_pem.h"

#define CUT_OFF 9
#define STEPS_MOST 100

/* ---- the fuse: in place of libc's own ---- */

static int fuse;       /* steps until it goes off; 0: never */
static bool disk_full; /* it fails with ENOSPC, instead of ending the process */

static bool goes_off(void)
{
    if (fuse == 0 || --fuse > 0)
        return false;
    if (!disk_full)
        _exit(CUT_OFF);
    errno = ENOSPC;
    return true;
}

int fsync(int fd)
{
    (void)fd; /* what a disk does with it no test here could see */
    return goes_off() ? -1 : 0;
}

int link(const char *from, const char *to)
{
    return goes_off() ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to)
{
    return goes_off() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fchmod(int fd, mode_t mode)
{
    return goes_off() ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

/* ---- what is done ---- */

static const struct tool quiet = {.lang = TEXT_EN, .quiet = true};
static char folder[64], print[65];

static int init(void)
{
    return authority_init(&quiet, folder, "Test CA", 30, print);
}

static int issue(void)
{
    return authority_issue(&quiet, folder, &(struct certificate_wish){.name = "college", .days = 10}, print);
}

static int renew(void)
{
    return authority_renew(&quiet, folder, "college", false, 10, print);
}

static int renew_with_new_key(void)
{
    return authority_renew(&quiet, folder, "college", true, 10, print);
}

static int revoke_it(void)
{
    return authority_revoke(&quiet, folder, "college", certificate_reason("superseded"), 5, print);
}

/* ---- what must hold ---- */

static const char *path(const char *name)
{
    static char text[512];
    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static bool ends_in(const char *name, const char *ending)
{
    size_t len = strlen(name), end = strlen(ending);
    return len > end && strcmp(name + len - end, ending) == 0;
}

static void check_key(const char *name)
{
    struct stat st;
    EVP_PKEY *key = pem_read_key(path(name));
    assert_non_null(key);
    EVP_PKEY_free(key);
    assert_int_equal(stat(path(name), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void check_certificate(const struct index *index, const char *name)
{
    struct certificate_facts facts;
    X509 *certificate = pem_read_certificate(path(name));
    assert_non_null(certificate);
    assert_int_equal(certificate_describe(certificate, &facts), 0);
    if (strcmp(name, "ca.pem") != 0)
        assert_non_null(index_find(index, facts.fingerprint));
    X509_free(certificate);
}

/* That all files are whole, and every certificate is in the index. */
static void check_folder(void)
{
    struct index index = {0};
    DIR *dir = opendir(folder);
    if (access(path("index"), F_OK) == 0)
        assert_int_equal(index_read(&index, folder, TEXT_EN), EX_OK);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (ends_in(entry->d_name, ".key"))
            check_key(entry->d_name);
        else if (strcmp(entry->d_name, "crl.pem") == 0)
            X509_CRL_free(pem_read_list(path("crl.pem")));
        else if (ends_in(entry->d_name, ".pem"))
            check_certificate(&index, entry->d_name);
    }
    closedir(dir);
    index_free(&index);
}

static void check_authority(void)
{
    X509 *certificate = pem_read_certificate(path("ca.pem"));
    EVP_PKEY *key = pem_read_key(path("ca.key"));
    X509_CRL *list = pem_read_list(path("crl.pem"));
    assert_int_equal(X509_check_private_key(certificate, key), 1);
    assert_int_equal(X509_CRL_verify(list, key), 1);
    X509_CRL_free(list);
    EVP_PKEY_free(key);
    X509_free(certificate);
}

/* That the newest certificate in the index is in its file, and fits the key `name`. */
static void check_newest(const char *name, bool alone)
{
    struct index index;
    struct certificate_facts facts;
    char file[INDEX_NAME + 8];
    assert_int_equal(index_read(&index, folder, TEXT_EN), EX_OK);
    assert_true(index.count > 0 && (!alone || index.count == 1));
    const struct index_row *row = &index.rows[index.count - 1];
    snprintf(file, sizeof file, "%s.pem", row->name);
    X509 *certificate = pem_read_certificate(path(file));
    assert_non_null(certificate);
    assert_int_equal(certificate_describe(certificate, &facts), 0);
    assert_string_equal(facts.fingerprint, row->facts.fingerprint);
    assert_string_equal(facts.fingerprint, print);
    snprintf(file, sizeof file, "%s.key", name ? name : row->name);
    EVP_PKEY *key = pem_read_key(path(file));
    assert_int_equal(X509_check_private_key(certificate, key), 1);
    EVP_PKEY_free(key);
    X509_free(certificate);
    index_free(&index);
}

static void check_issued(void)
{
    check_newest("college", true);
}

static void check_renewed(void)
{
    check_newest("college", false);
}

static void check_renewed_with_new_key(void)
{
    check_newest(NULL, false);
}

static void check_revoked(void)
{
    X509 *certificate = pem_read_certificate(path("college.pem"));
    X509_CRL *list = pem_read_list(path("crl.pem"));
    X509_REVOKED *revoked = NULL;
    assert_int_equal(X509_CRL_get0_by_cert(list, &revoked, certificate), 1);
    X509_CRL_free(list);
    X509_free(certificate);
}

/* ---- cutting off ---- */

static void begin_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_authority.XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void end_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        unlink(path(entry->d_name));
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
}

/* Does it with a fuse of so many steps. The status, or CUT_OFF. */
static int try(int (*act)(void), int steps)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) /* what went wrong is told, every time */
            _exit(EX_IOERR);
        fuse = steps;
        _exit(act());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* `before`: what is there already, in order; `last`: the file that is written last, and then is not written again;
 * NULL: there is none. */
static void survives(int (*const before[])(void), int (*act)(void), const char *last, void (*check)(void), bool full)
{
    int steps = 1, failed = 0;
    disk_full = full;
    for (bool touched = true; touched; steps++) {
        assert_in_range(steps, 1, STEPS_MOST);
        begin_folder();
        for (size_t i = 0; before[i]; i++)
            assert_int_equal(before[i](), EX_OK);
        int status = try(act, steps);
        touched = steps < 6 || status != EX_OK; /* what a folder's fsync says is not minded */
        failed += status != EX_OK;
        check_folder();
        if (status != EX_OK) {
            assert_int_equal(status, full ? EX_CANTCREAT : CUT_OFF);
            bool done = last && access(path(last), F_OK) == 0;
            assert_int_equal(act(), done ? EX_CANTCREAT : EX_OK);
            check_folder();
            if (!done)
                check();
        }
        end_folder();
    }
    assert_true(failed >= 3);
}

static void what_is_cut_off_is_finished_by_doing_it_again(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        survives((int (*const[])(void)){NULL}, init, "ca.pem", check_authority, full);
        survives((int (*const[])(void)){init, NULL}, issue, "college.pem", check_issued, full);
        survives((int (*const[])(void)){init, issue, NULL}, renew, NULL, check_renewed, full);
        survives((int (*const[])(void)){init, issue, NULL}, renew_with_new_key, NULL, check_renewed_with_new_key, full);
        survives((int (*const[])(void)){init, issue, NULL}, revoke_it, NULL, check_revoked, full);
    }
}

/* ---- the index ---- */

static void write_index(const char *text)
{
    FILE *file = fopen(path("index"), "we");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void a_damaged_index_is_told(void **state)
{
    char good[4096], bad[4200];
    struct index index;
    (void)state;
    begin_folder();
    assert_int_equal(init(), EX_OK);
    assert_int_equal(issue(), EX_OK);
    FILE *file = fopen(path("index"), "re");
    size_t len = fread(good, 1, sizeof good - 1, file);
    good[len] = '\0';
    fclose(file);
    for (size_t cut = 0; cut < len;
         cut += 11) { /* as a disk that was full would leave it, anywhere but at a line's end */
        snprintf(bad, sizeof bad, "%.*s", (int)cut, good);
        write_index(bad);
        int status = index_read(&index, folder, TEXT_EN);
        assert_int_equal(status, EX_DATAERR);
        index_free(&index);
    }
    const char *const forms[] = {"%s%s",
                                 "%snonsense\n",
                                 "%scollege-2 - -\n",
                                 "%scollege-2 - - AAAA\n",
                                 "%scollege-2 2027-01-01T00:00:00Z - %s",
                                 "%s../college - - %s",
                                 "%s\n"};
    for (size_t i = 0; i < COUNT(forms); i++) {
        snprintf(bad, sizeof bad, forms[i], good, i == 0 ? strchr(good, '\n') + 1 : strrchr(good, ' ') + 1);
        write_index(bad);
        assert_int_equal(index_read(&index, folder, TEXT_EN), EX_DATAERR);
        index_free(&index);
        assert_int_equal(revoke_it(), EX_DATAERR); /* and no list is signed from it */
    }
    write_index(good);
    assert_int_equal(index_read(&index, folder, TEXT_EN), EX_OK);
    assert_int_equal(index.count, 1);
    index_free(&index);
    end_folder();
}

static void what_was_issued_stays(void **state)
{
    const struct certificate_wish other = {.name = "college", .oin = "0000000700025LU00000", .days = 10},
                                  foreign = {.name = "foreign", .days = 10};
    char first[65];
    (void)state;
    begin_folder();
    FILE *list = fopen(path("crl.pem"), "we");
    assert_int_equal(fclose(list), 0);
    assert_int_equal(init(), EX_CANTCREAT); /* another authority's */
    assert_int_equal(unlink(path("crl.pem")), 0);
    assert_int_equal(init(), EX_OK);
    assert_int_equal(init(), EX_CANTCREAT);
    assert_int_equal(issue(), EX_OK);
    memcpy(first, print, sizeof first);
    assert_int_equal(issue(), EX_CANTCREAT);
    assert_int_equal(unlink(path("college.pem")), 0);
    assert_int_equal(authority_issue(&quiet, folder, &other, print), EX_CANTCREAT); /* it would say something else */
    assert_int_equal(issue(), EX_OK);
    assert_string_equal(first, print); /* put back */
    assert_int_equal(authority_fingerprint(&quiet, path("college.pem"), print), EX_OK);
    assert_string_equal(first, print);
    FILE *file = fopen(path("foreign.pem"), "we");
    assert_int_equal(fclose(file), 0);
    assert_int_equal(authority_issue(&quiet, folder, &foreign, print), EX_CANTCREAT);
    assert_int_equal(access(path("foreign.key"), F_OK), -1);
    assert_int_equal(chmod(path("ca.key"), 0644), 0);
    assert_int_equal(renew(), EX_CONFIG);
    assert_int_equal(unlink(path("foreign.pem")), 0);
    end_folder();
}

static void a_key_that_others_may_have_serves_no_more(void **state)
{
    (void)state;
    begin_folder();
    assert_int_equal(init(), EX_OK);
    assert_int_equal(issue(), EX_OK);
    assert_int_equal(renew(), EX_OK); /* college-2, the same key */
    assert_int_equal(revoke_it(), EX_OK);
    assert_int_equal(renew(), EX_OK); /* superseded: nothing is wrong with the key */
    assert_int_equal(authority_revoke(&quiet, folder, "college-2", certificate_reason("keyCompromise"), 5, print),
                     EX_OK);
    assert_int_equal(renew(), EX_CANTCREAT);
    assert_int_equal(renew_with_new_key(), EX_OK);
    end_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cut_off_is_finished_by_doing_it_again),
        cmocka_unit_test(a_damaged_index_is_told),
        cmocka_unit_test(what_was_issued_stays),
        cmocka_unit_test(a_key_that_others_may_have_serves_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
