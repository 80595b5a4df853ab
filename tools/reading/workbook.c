/* Workbooks of Excel, read by openpyxl in a process of its own (workbook.py), since such a file is an archive of XML
 * that anybody may have made.
 *
 * Limits: MEMORY of it, PROCESSOR and WALL seconds, TEXT bytes of what it writes; what it may unpack is in workbook.py.
 * It has no environment, no network is asked, and it ends when we do. */
#include "tool_workbook.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool_columns.h"

#define PYTHON "/usr/bin/python3"
#define MEMORY (512ul << 20)
#define TEXT (256ul << 20)
#define PROCESSOR 120
#define WALL 300
#define SAID 1024 /* bytes that are read of what it says */

enum { DAMAGED = 10, LARGE, EMPTY, OTHER, NO_LIBRARY, NO_ROOM, NO_PROGRAM }; /* statuses of workbook.py, and ours */

extern const char workbook_script[]; /* workbook.py */

bool workbook_is(const char *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

static void limit(int what, rlim_t most)
{
    const struct rlimit both = {most, most};
    if (setrlimit(what, &both) < 0)
        _exit(NO_PROGRAM);
}

/* The child, from fork() on. */
static void __attribute__((noreturn)) become_reader(int in, int out, int told, pid_t parent)
{
    static char *const environment[] = {"LC_ALL=C.UTF-8", "OPENPYXL_LXML=False", NULL};
    char names[COLUMNS_NAMES_BYTES];
    char *const words[] = {PYTHON, "-I", "-c", (char *)workbook_script, names, NULL};
    columns_names(names);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(NO_PROGRAM);
    limit(RLIMIT_AS, MEMORY);
    limit(RLIMIT_FSIZE, TEXT);
    limit(RLIMIT_CPU, PROCESSOR);
    limit(RLIMIT_CORE, 0);
    alarm(WALL);
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(told, STDERR_FILENO) >= 0)
        execve(PYTHON, words, environment);
    _exit(NO_PROGRAM);
}

/* Reads until the child closes its side: what fits of it, ended by a NUL. */
static void read_told(int told, char *bytes, size_t room)
{
    char rest[512];
    size_t len = 0;
    ssize_t got;
    while ((got = read(told, rest, sizeof rest)) > 0 || (got < 0 && errno == EINTR))
        for (ssize_t i = 0; i < got && len + 1 < room; i++)
            bytes[len++] = rest[i];
    bytes[len] = '\0';
}

/* The child's wait status; -1 with errno when there was none. */
static int run_reader(FILE *file, FILE *text, char said[SAID])
{
    int told[2], status = -1;
    const pid_t parent = getpid();
    if (pipe(told) < 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        close(told[0]);
        become_reader(fileno(file), fileno(text), told[1], parent);
    }
    int fault = errno;
    close(told[1]);
    if (child > 0) {
        read_told(told[0], said, SAID);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(told[0]);
    errno = fault;
    return status;
}

static enum text_id reason_of(int status)
{
    if (WIFSIGNALED(status)) {
        bool late = WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL;
        return late ? TEXT_WORKBOOK_SLOW : TEXT_WORKBOOK_LARGE;
    }
    switch (WEXITSTATUS(status)) {
    case LARGE:
        return TEXT_WORKBOOK_LARGE;
    case EMPTY:
        return TEXT_CSV_EMPTY;
    case OTHER:
        return TEXT_WORKBOOK_OTHER;
    case DAMAGED:
        return TEXT_WORKBOOK_DAMAGED;
    default:
        return TEXT_WORKBOOK_LIBRARY;
    }
}

/* Takes a line off what was said; what does not fit is cut off, and shown so. */
static char *take_line(char *said, char *out, size_t size)
{
    size_t len = strcspn(said, "\n");
    text_show((struct slice){said, len}, out, size);
    return said + len + (said[len] == '\n');
}

static void read_facts(char *said, struct workbook_facts *facts)
{
    char number[16];
    said = take_line(said, facts->sheet, sizeof facts->sheet);
    said = take_line(said, number, sizeof number);
    facts->hidden = (unsigned)strtoul(number, NULL, 10);
    (void)take_line(said, facts->others, sizeof facts->others);
}

FILE *workbook_text(FILE *file, const char *name, struct workbook_facts *facts, enum text_lang lang)
{
    char said[SAID] = "";
    FILE *text = tmpfile();
    int status = text ? run_reader(file, text, said) : -1;
    if (status == 0) {
        read_facts(said, facts);
        return text;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_ROOM) {
        errno = ENOSPC;
        status = -1;
    }
    if (status < 0)
        text_tell(lang, TEXT_FILE_UNREAD, name, text_reason(lang, errno));
    else
        text_tell(lang, reason_of(status), name);
    if (text)
        fclose(text);
    return NULL;
}
