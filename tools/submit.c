/* `buurtaal submit FILE`: registers the students of a college's export.
 *
 * The whole file is looked at before the first line is sent: one that cannot be what it should be is refused whole.
 * Then it is rehearsed, the plan is shown and asked about, and it is applied: row by row, where those that are wrong
 * are left out, or all as one. Sending the file again at any time, also after this program or the registry was cut off
 * in the middle, does what is left to do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "proto.h"
#include "tool_block.h"
#include "tool_mapping.h"
#include "tool_memory.h"
#include "tool_receipt.h"
#include "tool_submission.h"
#include "tool_verbs.h"

#define ROWS_ROOM 40  /* for a number of rows in words */
#define NAME_BYTES 65 /* of a submission's name, with its NUL */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-"

enum { SOME_REFUSED = 1, NONE_ACCEPTED = 2 }; /* the program's status */

/* What the command line asks. */
struct wish {
    const char *path, *mode, *session, *name, *seen, *out;
    const char *map[ROSTER_MAPS + 1];
    bool dry_run, yes;
};

struct job {
    struct tool *tool;
    const struct wish *wish;
    struct profile *profile;
    struct retry retry;
    struct submission submission;
    bool as_one;
    unsigned blocks; /* of the rehearsal */
    char plan[BLOCK_HEX], sha256[FILE_SHA256], name[NAME_BYTES];
    char *folder; /* for what is written */
};

static const char *text(const struct job *job, enum text_id id)
{
    return text_of(job->tool->lang, id);
}

/* ---- the file ---- */

/* Remembers the overrides that were given, once something was accepted with them. That it cannot is told; it harms only
 * the next time. */
static void keep_mapping(struct job *job)
{
    struct mapping all;
    mapping_recall(job->profile, NULL, &all);
    if (mapping_add(&all, job->wish->map, job->tool->lang) == 0)
        (void)!mapping_remember(job->profile, &all);
    mapping_free(&all);
}

/* Opens the file with what is remembered of its sender. 0, or -1 after telling why it cannot be used. */
static int open_file(struct job *job)
{
    const struct wish *wish = job->wish;
    struct mapping recalled, given = {{NULL}};
    struct table *table = table_open(wish->path, job->tool->lang);
    if (!table)
        return -1;
    mapping_recall(job->profile, table, &recalled);
    const struct roster_map map = {(const char *const *)given.texts, (const char *const *)recalled.texts};
    int result = mapping_add(&given, wish->map, job->tool->lang);
    if (result < 0)
        table_close(table);
    else
        result = submission_open(&job->submission, job->tool, table, &map, wish->session);
    mapping_free(&recalled);
    mapping_free(&given);
    if (result == 0 && file_sha256(wish->path, job->sha256) < 0) {
        text_tell(job->tool->lang, TEXT_FILE_UNREAD, wish->path, text_reason(job->tool->lang, errno));
        result = -1;
    }
    return result;
}

/* The submission's name: that of the file, and what is in it, so that another file never has the same. */
static void make_name(struct job *job)
{
    const char *slash = strrchr(job->wish->path, '/'), *base = slash ? slash + 1 : job->wish->path;
    size_t len = 0;
    if (job->wish->name) {
        snprintf(job->name, sizeof job->name, "%s", job->wish->name);
        return;
    }
    for (; *base && *base != '.' && len < 40; base++)
        if (strchr(NAME_CHARACTERS, *base))
            job->name[len++] = *base;
    snprintf(job->name + len, sizeof job->name - len, "%s%.16s", len > 0 ? "-" : "", job->submission.digest);
}

/* ---- telling ---- */

/* A number of rows in words. */
static const char *in_rows(const struct job *job, size_t count, char room[ROWS_ROOM])
{
    snprintf(room, ROWS_ROOM, text(job, count == 1 ? TEXT_SUBMIT_ROW : TEXT_SUBMIT_ROWS), count);
    return room;
}

/* Says what became of the rows, or would. --quiet says nothing where nobody has to know. */
static void print_tally(const struct job *job, enum text_id id)
{
    const struct submission *submission = &job->submission;
    const size_t *tally = submission->tally;
    size_t refused = submission_refused(submission);
    if (job->tool->quiet && job->wish->yes && refused == 0 && tally[OUTCOME_NONE] == 0)
        return;
    char rows[ROWS_ROOM];
    printf(text(job, id), in_rows(job, submission->rows, rows), tally[OUTCOME_SEATED], tally[OUTCOME_WAITING],
           tally[OUTCOME_REPEATED], tally[OUTCOME_AMENDED], refused);
    if (tally[OUTCOME_CONFLICT] > 0)
        printf(text(job, TEXT_SUBMIT_CONFLICTS), tally[OUTCOME_CONFLICT]);
    for (size_t i = 0; i < submission->queue_count; i++) {
        const struct submission_queue *queue = &submission->queues[i];
        printf(text(job, TEXT_SUBMIT_QUEUE), queue->session, queue->rows, (unsigned long long)queue->first,
               (unsigned long long)queue->last);
    }
    if (submission->no_session > 0)
        fputs(text(job, submission->no_session == submission->rows ? TEXT_SUBMIT_LAST_YEAR : TEXT_SUBMIT_SESSIONS),
              stdout);
}

/* The status of a pass that came to its end. */
static int status_of(const struct job *job)
{
    if (submission_refused(&job->submission) == 0)
        return EX_OK;
    return job->as_one || submission_accepted(&job->submission) == 0 ? NONE_ACCEPTED : SOME_REFUSED;
}

/* The user's word. No terminal, no word: submit_run has seen to that. */
static bool ask(struct job *job)
{
    static const char *const words[] = {"j", "ja", "y", "yes"};
    char line[16] = "";
    fputs(text(job, TEXT_SUBMIT_ASK), stdout);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin))
        line[strcspn(line, "\r\n")] = '\0';
    else
        fputc('\n', stdout);
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcasecmp(line, words[i]) == 0) {
            retry_renew(&job->retry); /* who took long to think finds the old one closed */
            return true;
        }
    fputs(text(job, TEXT_SUBMIT_NOTHING), stdout);
    return false;
}

/* Whether what was sent was the file that was looked at, to its end. */
static bool is_whole(struct job *job)
{
    char sha256[FILE_SHA256];
    if (!job->submission.broken && file_sha256(job->wish->path, sha256) == 0 && strcmp(sha256, job->sha256) == 0)
        return true;
    text_tell(job->tool->lang, TEXT_SUBMIT_FILE_CHANGED, job->wish->path);
    return false;
}

/* ---- passes ---- */

static int tell_taken(const struct job *job)
{
    text_tell(job->tool->lang, TEXT_SUBMIT_TAKEN, job->name);
    return NONE_ACCEPTED;
}

/* Rehearses all, in blocks. EX_OK or a status after telling why. */
static int rehearse(struct job *job)
{
    const struct sending sending = submission_sending(&job->submission);
    const bool named = job->as_one && job->submission.sound == job->submission.rows;
    struct block block = {.ended = false};
    int status = submission_begin(&job->submission, true) < 0 ? EX_IOERR : EX_OK;
    for (job->blocks = 0; status == EX_OK && !block.ended;) {
        block = (struct block){.check = true, .name = named ? job->name : NULL};
        status = block_run(&job->retry, &sending, &block);
        if (block.new_plan[0]) { /* else there was nothing in it to send */
            snprintf(job->plan, sizeof job->plan, "%s", block.new_plan);
            job->blocks++;
        }
    }
    submission_hide_bar(&job->submission);
    return status == EX_OK && strcmp(block.code, "taken") == 0 ? tell_taken(job) : status;
}

/* Each row by itself. */
static int apply_rows(struct job *job)
{
    const struct sending sending = submission_sending(&job->submission);
    int status = submission_begin(&job->submission, job->wish->yes) < 0 ? EX_IOERR : EX_OK;
    if (status == EX_OK)
        status = sending_run(&job->retry, &sending);
    submission_hide_bar(&job->submission);
    return status;
}

/* The file as one block; when the outcome is not that of the plan any more, the user is asked again. `*applied` is
 * whether it stays. */
static int apply_as_one(struct job *job, bool *applied)
{
    const struct sending sending = submission_sending(&job->submission);
    char plan[BLOCK_HEX];
    for (;;) {
        snprintf(plan, sizeof plan, "%s", job->plan);
        struct block block = {.plan = *plan ? plan : NULL, .name = job->name, .sha256 = job->sha256};
        int status = submission_begin(&job->submission, job->wish->yes) < 0 ? EX_IOERR : EX_OK;
        if (status == EX_OK)
            status = block_run(&job->retry, &sending, &block);
        submission_hide_bar(&job->submission);
        *applied = status == EX_OK && block.code[0] == '\0';
        job->submission.log = block.log;
        if (*applied && block.repeated)
            printf(text(job, TEXT_SUBMIT_BEFORE), job->name, (unsigned long long)block.log);
        if (status != EX_OK || *applied)
            return status;
        if (strcmp(block.code, "taken") == 0)
            return tell_taken(job);
        bool changed = strcmp(block.code, "changed") == 0;
        if (changed)
            fputs(text(job, TEXT_SUBMIT_CHANGED), stdout);
        else
            printf(text(job, TEXT_SUBMIT_AS_ONE), block.text, block.code);
        print_tally(job, TEXT_SUBMIT_SUMMARY);
        if (submission_refused(&job->submission) > 0)
            fputs(text(job, TEXT_SUBMIT_MEND), stdout);
        else if (changed && ask(job)) {
            snprintf(job->plan, sizeof job->plan, "%s", block.new_plan);
            continue;
        }
        return EX_OK;
    }
}

/* ---- after it ---- */

/* The rows that were refused, in a file of their own. */
static int write_refused(struct job *job)
{
    const char *dot = strrchr(job->wish->path, '.'), *slash = strrchr(job->wish->path, '/');
    bool as_it_was = dot && dot > (slash ? slash : job->wish->path) && !table_is_workbook(job->submission.table);
    char *ending = memory_text(".refused%s", as_it_was ? dot : ".csv"), *path = NULL;
    struct file_draft draft;
    bool begun = file_begin_beside(&draft, job->folder, job->wish->path, ending) == 0, told = false;
    if (begun && submission_write_refused(&job->submission, job->wish->path, draft.out) < 0) {
        file_drop(&draft);
        told = true;
    } else if (begun) {
        path = file_keep_beside(&draft, job->folder, job->wish->path, ending);
    }
    if (path)
        printf(text(job, TEXT_SUBMIT_REFUSED_IN), path);
    else if (!told)
        text_tell(job->tool->lang, TEXT_SUBMIT_UNWRITTEN, ending, job->folder, text_reason(job->tool->lang, errno));
    int result = path ? 0 : -1;
    free(ending);
    free(path);
    return result;
}

static int finish(struct job *job)
{
    const struct receipt receipt = {.path = job->wish->path,
                                    .sha256 = job->sha256,
                                    .name = job->name,
                                    .mode = job->as_one ? "all" : "good",
                                    .log = job->submission.log,
                                    .submission = &job->submission};
    int result = 0;
    print_tally(job, TEXT_SUBMIT_SUMMARY);
    if (!is_whole(job))
        return EX_IOERR;
    if (submission_refused(&job->submission) > 0 && submission_accepted(&job->submission) > 0)
        result |= write_refused(job);
    if (submission_accepted(&job->submission) > 0 && job->wish->map[0])
        keep_mapping(job);
    if (submission_accepted(&job->submission) > 0)
        result |= receipt_write(&job->retry, &receipt, job->folder);
    return result < 0 ? EX_CANTCREAT : status_of(job);
}

/* What is left of a pass that broke off. */
static int break_off(const struct job *job, int status)
{
    const struct submission *submission = &job->submission;
    size_t answered = submission_accepted(submission) + submission_refused(submission);
    if (submission_accepted(submission) > 0) {
        print_tally(job, TEXT_SUBMIT_SUMMARY);
        size_t left = submission->rows - answered;
        printf(text(job, left == 1 ? TEXT_SUBMIT_UNANSWERED_ROW : TEXT_SUBMIT_UNANSWERED), left);
    }
    return status;
}

/* ---- the run ---- */

/* Rehearses and shows the plan. EX_OK with `*go_on` when it is to be applied; else the status to end with. */
static int plan(struct job *job, bool *go_on)
{
    struct submission *submission = &job->submission;
    int status = rehearse(job);
    *go_on = false;
    if (status != EX_OK)
        return status;
    if (!job->wish->dry_run)
        printf(text(job, TEXT_SUBMIT_PLAN), client_greeting(job->retry.client)->party,
               client_greeting(job->retry.client)->server);
    print_tally(job, job->wish->dry_run ? TEXT_SUBMIT_REHEARSED : TEXT_SUBMIT_SUMMARY);
    if (job->blocks > 1)
        printf(text(job, TEXT_SUBMIT_PARTS), BLOCK_LINES);
    if (!is_whole(job))
        return EX_IOERR;
    if (job->as_one && submission_refused(submission) > 0)
        fputs(text(job, TEXT_SUBMIT_MEND), stdout);
    if (job->wish->dry_run || status_of(job) == NONE_ACCEPTED)
        return status_of(job);
    *go_on = job->wish->yes || !submission_changes(submission) || ask(job);
    return *go_on ? EX_OK : NONE_ACCEPTED;
}

/* Looks whether the rows speak of those whom the registry has under their numbers. A role that has no students of its
 * own is told so by the registry. EX_OK or a status after telling why. */
static int hold_against_registry(struct job *job)
{
    struct known *known;
    if (strcmp(client_greeting(job->retry.client)->role, "roc") != 0)
        return EX_OK;
    int status = known_ask(&known, &job->retry);
    return status == EX_OK && submission_hold(&job->submission, known) < 0 ? EX_IOERR : status;
}

static int go(struct job *job)
{
    const struct submission *submission = &job->submission;
    bool go_on = true, applied = true;
    if (!job->tool->quiet)
        printf(text(job, TEXT_SUBMIT_GUESS), job->wish->path, table_guess(submission->table), submission->roster.guess);
    if (submission->rows == 0) {
        print_tally(job, TEXT_SUBMIT_SUMMARY);
        fputs(text(job, TEXT_SUBMIT_NO_STUDENTS), stdout);
        return EX_OK;
    }
    if (job->as_one && (submission->sound > BLOCK_LINES || submission->bytes > BLOCK_BYTES - LINE_MAX_BYTES)) {
        text_tell(job->tool->lang, TEXT_SUBMIT_TOO_LARGE, job->wish->path, submission->sound, BLOCK_LINES);
        return NONE_ACCEPTED;
    }
    int status = retry_open(&job->retry, job->profile);
    if (status == EX_OK)
        status = hold_against_registry(job);
    if (status != EX_OK)
        return status;
    /* Who said yes beforehand needs no plan, unless it is known that there is something wrong: all of it is told. */
    bool hopeless = submission->sound == 0 || (job->as_one && submission->sound < submission->rows);
    if (!job->wish->yes || job->wish->dry_run || hopeless)
        status = plan(job, &go_on);
    if (!go_on)
        return status;
    status = job->as_one ? apply_as_one(job, &applied) : apply_rows(job);
    if (status != EX_OK)
        return job->as_one ? status : break_off(job, status);
    return applied ? finish(job) : NONE_ACCEPTED;
}

/* Whether the command line can be acted upon. EX_OK or a status after telling why not. */
static int check_wish(const struct job *job)
{
    const struct wish *wish = job->wish;
    const enum text_lang lang = job->tool->lang;
    const struct proto_type *code = proto_type(SLICE("code"));
    long number;
    if (wish->mode && strcmp(wish->mode, "good") != 0 && strcmp(wish->mode, "all") != 0)
        text_tell(lang, TEXT_SUBMIT_MODE, wish->mode);
    else if (wish->name && !(code && code->form(code, slice_of(wish->name)) && strcmp(wish->name, "-") != 0))
        text_tell(lang, TEXT_SUBMIT_NAME, wish->name);
    else if (wish->seen && options_number(wish->seen, 0, 999999999999999, &number) < 0)
        text_tell(lang, TEXT_SUBMIT_SEEN, wish->seen);
    else if (!wish->dry_run && !wish->yes && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        text_tell(lang, TEXT_SUBMIT_NO_TERMINAL);
    else
        return EX_OK;
    return EX_USAGE;
}

static int run(struct job *job)
{
    int status = check_wish(job);
    if (status != EX_OK)
        return status;
    job->profile = profile_load(job->tool);
    if (!job->profile)
        return EX_CONFIG;
    job->folder = job->wish->out ? memory_text("%s", job->wish->out) : file_folder(job->wish->path);
    if (open_file(job) < 0)
        return NONE_ACCEPTED;
    if (!job->wish->dry_run && access(job->folder, W_OK) < 0) {
        text_tell(job->tool->lang, TEXT_SUBMIT_OUT, job->folder, text_reason(job->tool->lang, errno));
        return EX_CANTCREAT;
    }
    make_name(job);
    return go(job);
}

int submit_run(struct tool *tool, int argc, char **argv)
{
    struct wish wish = {.path = NULL};
    const struct options_row rows[] = {
        {"mode", &wish.mode, NULL, 0},       {"session", &wish.session, NULL, 0}, {"map", wish.map, NULL, ROSTER_MAPS},
        {"name", &wish.name, NULL, 0},       {"seen", &wish.seen, NULL, 0},       {"out", &wish.out, NULL, 0},
        {"dry-run", NULL, &wish.dry_run, 0}, {"yes", NULL, &wish.yes, 0},
    };
    const struct options_verb verb = {"submit", TEXT_HELP_SUBMIT, rows, COUNT(rows)};
    struct job job = {.tool = tool, .wish = &wish};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "FILE", count, argv) < 0)
        return EX_USAGE;
    wish.path = argv[0];
    job.as_one = wish.mode && strcmp(wish.mode, "all") == 0;
    job.submission.path = wish.path;
    job.submission.seen = wish.seen;
    job.submission.bar = isatty(STDERR_FILENO) && !tool->quiet;
    status = run(&job);
    retry_close(&job.retry);
    submission_close(&job.submission);
    profile_free(job.profile);
    free(job.folder);
    return status;
}
