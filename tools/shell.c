/* `buurtaal shell`: a conversation with the registry, a line at a time.
 *
 * At a terminal lines are edited and completed; elsewhere they come as they are from standard input. Rows are shown as
 * a table, answers with their text. A line that would end the conversation is told and not sent. A connection that
 * was lost is made again for the next line; what was under way may be sent again, that does no harm.
 *
 * Limits: rows are shown PART at a time, so memory does not grow with the answer. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "proto.h"
#include "tool_client.h"
#include "tool_completion.h"
#include "tool_edit.h"
#include "tool_history.h"
#include "tool_memory.h"
#include "tool_rows.h"
#include "tool_verbs.h"

#define PART 1000
#define ANSWER_SECONDS 120

#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

struct shell {
    struct tool *tool;
    struct profile *profile;
    struct client *client;
    struct edit *edit; /* NULL: there is no terminal */
    struct completion *completion;
    struct rows *rows;
    char *history;            /* NULL: lines are not kept */
    bool in_block;            /* begun, and neither committed nor abandoned */
    size_t held;              /* lines of it, answered after commit */
    bool lost_told;           /* why the connection is gone was told already */
    bool over;                /* `quit` was answered */
    enum answer_kind gravest; /* of the answers so far */
    int status;               /* by it */
};

/* ---- what is shown ---- */

static void show_rows(struct shell *shell)
{
    rows_print(shell->rows, stdout, rows_width(stdout), shell->tool->colour);
    rows_clear(shell->rows);
}

/* `OK log=7 state=seated`, and the text for people below it. */
static void show_status(struct shell *shell, const struct answer *answer)
{
    static const char *const words[] = {
        [ANSWER_OK] = "OK", [ANSWER_NO] = "NO", [ANSWER_BAD] = "BAD", [ANSWER_BUSY] = "BUSY", [ANSWER_NOTICE] = "*"};
    const char *colour = answer->kind == ANSWER_OK                                      ? GREEN
                         : answer->kind == ANSWER_BUSY || answer->kind == ANSWER_NOTICE ? YELLOW
                                                                                        : RED;
    char bytes[LINE_MAX_BYTES];
    struct line_writer writer;
    struct slice text = answer_field(answer, "text");
    line_begin(&writer, bytes, sizeof bytes, "");
    for (size_t i = 0; i < answer->count; i++) {
        char *name = memory_text("%.*s", (int)answer->fields[i].name.len, answer->fields[i].name.at);
        if (strcmp(name, "text") != 0)
            line_put(&writer, name, answer->fields[i].value);
        free(name);
    }
    size_t len = line_end(&writer);
    printf("%s%s%s%.*s%s%.*s\n", shell->tool->colour ? colour : "", words[answer->kind], answer->word.at ? " " : "",
           (int)answer->word.len, answer->word.at ? answer->word.at : "", shell->tool->colour ? PLAIN : "",
           len > 0 ? (int)len - 1 : 0, bytes);
    if (text.at)
        printf("  %.*s\n", (int)text.len, text.at);
    client_tell_role(shell->client, answer);
}

static void tell(struct shell *shell, const char *words)
{
    if (shell->edit)
        edit_print(shell->edit, words);
    else
        text_tell(shell->tool->lang, TEXT_PLAIN, words);
}

/* Why the connection is gone, once. */
static void tell_lost(struct shell *shell)
{
    const enum text_lang lang = shell->tool->lang;
    if (shell->lost_told)
        return;
    shell->lost_told = true;
    if (client_fault(shell->client) == CLIENT_FINE) /* it said no word at the end of its side */
        client_give_up(shell->client, CLIENT_LOST, text_of(lang, TEXT_CLIENT_ENDED));
    shell->status = client_status(client_fault(shell->client));
    tell(shell, client_why(shell->client));
    if (shell->in_block)
        tell(shell, text_of(lang, TEXT_SHELL_BLOCK_GONE));
    shell->in_block = false;
    shell->held = 0;
}

/* ---- the conversation ---- */

static void weigh(struct shell *shell, const struct answer *answer)
{
    if (answer->kind > ANSWER_OK && answer->kind > shell->gravest) {
        shell->gravest = answer->kind;
        shell->status = answer_exit(answer);
    }
}

/* Sends a line; 0, or -1 at a fault of the connection. */
static int send_line(struct shell *shell, const char *line)
{
    char *text = memory_text("%s\n", line);
    size_t len = strlen(text), sent = 0;
    while (client_fault(shell->client) == CLIENT_FINE && !client_ended(shell->client)) {
        sent += client_write(shell->client, text + sent, len - sent);
        if (sent == len)
            break;
        client_step(shell->client, -1, 1000);
    }
    client_step(shell->client, -1, 0);
    free(text);
    return client_fault(shell->client) == CLIENT_FINE && sent == len ? 0 : -1;
}

/* Waits for so many answers and shows them; `last` is the last. 0, or -1 at a fault of the connection. */
static int take_answers(struct shell *shell, size_t count, struct answer *last, char line[LINE_MAX_BYTES])
{
    size_t len;
    while (count > 0) {
        if (client_wait(shell->client, line, &len, ANSWER_SECONDS) < 0)
            return -1;
        if (answer_read(line, len, last) < 0) {
            client_give_up(shell->client, CLIENT_PROTOCOL, text_of(shell->tool->lang, TEXT_CLIENT_PROTOCOL));
            return -1;
        }
        if (last->kind == ANSWER_ROW) {
            rows_add(shell->rows, last);
            if (rows_count(shell->rows) == PART)
                show_rows(shell);
            continue;
        }
        if (answer_is_status(last)) {
            show_rows(shell);
            weigh(shell, last);
            count--;
        }
        show_status(shell, last);
    }
    rows_free(shell->rows); /* the next answer has columns of its own */
    shell->rows = rows_new();
    return 0;
}

/* What a line is to a block. */
enum step {
    A_LINE,     /* one that waits in it */
    BEGINS,     /* whatever else stands behind `begin` */
    ENDS,       /* `commit`: it and all that waited are answered */
    FORGETS,    /* `abandon`: it is answered, what waited is not */
    ENDS_BADLY, /* `commit` or `abandon` in a form that is none: answered at once, and the block stays open */
    QUITS,
};

static enum step step_of(const char *line)
{
    char bytes[LINE_MAX_BYTES];
    size_t len = strlen(line);
    struct line_cursor cursor = {bytes, bytes + len};
    struct proto_request request;
    struct proto_fault fault;
    struct slice verb;
    memcpy(bytes, line, len);
    if (line_verb(&cursor, &verb) < 0)
        return A_LINE;
    bool commit = slice_is(verb, "commit"), abandon = slice_is(verb, "abandon");
    if (slice_is(verb, "begin"))
        return BEGINS;
    if (slice_is(verb, "quit"))
        return QUITS;
    if (!commit && !abandon)
        return A_LINE;
    memcpy(bytes, line, len);
    return proto_read(bytes, len, &request, &fault) < 0 ? ENDS_BADLY : commit ? ENDS : FORGETS;
}

/* How many answers a line brings at once. */
static size_t owed_for(const struct shell *shell, enum step step)
{
    if (!shell->in_block || step == FORGETS || step == ENDS_BADLY)
        return 1;
    return step == ENDS ? shell->held + 1 : 0;
}

/* Sends a line and shows what it is answered; within a block that comes later. */
static void converse(struct shell *shell, const char *line)
{
    enum step step = step_of(line);
    struct answer answer = {.kind = ANSWER_NO};
    char bytes[LINE_MAX_BYTES];
    size_t owed = owed_for(shell, step);
    if (send_line(shell, line) < 0 || take_answers(shell, owed, &answer, bytes) < 0) {
        rows_clear(shell->rows); /* void without their status */
        tell_lost(shell);
        return;
    }
    if (owed == 0) {
        shell->held++;
    } else if (step == BEGINS) {
        shell->in_block = true;
        if (answer.kind != ANSWER_OK)
            text_tell(shell->tool->lang, TEXT_SHELL_BLOCK_DEAD);
    } else if (step == ENDS || step == FORGETS) {
        shell->in_block = false;
        shell->held = 0;
    }
    shell->over = step == QUITS && owed == 1 && answer.kind == ANSWER_OK;
}

static bool is_open(const struct shell *shell)
{
    return client_fault(shell->client) == CLIENT_FINE && !client_ended(shell->client);
}

/* Makes the connection. 0, or -1 after telling why not. */
static int open_connection(struct shell *shell)
{
    client_close(shell->client);
    shell->lost_told = false;
    shell->client = client_open(shell->profile);
    if (client_fault(shell->client) == CLIENT_FINE)
        return 0;
    tell_lost(shell);
    return -1;
}

/* Whether there is a connection, made again where it was lost. */
static bool is_connected(struct shell *shell)
{
    if (is_open(shell))
        return true;
    if (open_connection(shell) < 0)
        return false;
    if (!shell->tool->quiet)
        text_tell(shell->tool->lang, TEXT_SHELL_AGAIN, shell->profile->host);
    return true;
}

/* Whether a line can be sent; told when not. */
static bool is_line(const struct shell *shell, const char *line)
{
    size_t len = strlen(line), end;
    char *text = memory_text("%s\n", line);
    bool whole = line_take(text, len + 1, &end) == LINE_WHOLE;
    free(text);
    if (!whole)
        text_tell(shell->tool->lang, TEXT_SHELL_LINE);
    return whole;
}

/* ---- at a terminal ---- */

/* What comes while nothing was asked: notices, and the end of the connection. */
static void hear(struct shell *shell)
{
    char line[LINE_MAX_BYTES];
    size_t len;
    while (client_take(shell->client, line, &len) == 1)
        tell(shell, line);
    if (!is_open(shell))
        tell_lost(shell);
}

static void wait_for_key(void *own)
{
    struct shell *shell = own;
    while (is_open(shell)) {
        bool key = client_step(shell->client, STDIN_FILENO, -1);
        hear(shell);
        if (key)
            return;
    }
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    (void)poll(&input, 1, -1); /* after a signal the read that follows waits */
}

/* What is learnt from an answer to `help`. */
struct lesson {
    struct completion *completion;
    struct slice verb; /* whose fields they are; absent: the rows are verbs */
};

static void learn(void *own, const struct answer *row)
{
    struct lesson *lesson = own;
    if (lesson->verb.at)
        completion_field(lesson->completion, lesson->verb, row);
    else
        completion_verb(lesson->completion, row);
}

/* Asks `help` for what completion needs. Within a block it would be a line of it. */
static void ask_help(struct shell *shell, struct slice verb)
{
    struct lesson lesson = {shell->completion, verb};
    char request[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    struct line_writer writer;
    struct answer status;
    if (!is_open(shell) || shell->in_block)
        return;
    line_begin(&writer, request, sizeof request, "help");
    line_put(&writer, "verb", verb);
    size_t len = line_end(&writer);
    if (client_ask(shell->client, request, len, learn, &lesson, line, &status) < 0)
        tell_lost(shell);
}

static void complete(void *own, struct slice line, struct completion_found *found)
{
    struct shell *shell = own;
    struct slice verb = completion_wants(shell->completion, line);
    if (verb.at)
        ask_help(shell, verb);
    completion_find(shell->completion, line, found);
}

static void remember(void *own, const char *line)
{
    edit_remember(own, line);
}

static void keep(struct shell *shell, const char *line)
{
    edit_remember(shell->edit, line);
    if (!shell->history || !history_may_keep(line) || history_add(shell->history, line) == 0)
        return;
    text_tell(shell->tool->lang, TEXT_FILE_UNWRITTEN, shell->history, text_reason(shell->tool->lang, errno));
    free(shell->history);
    shell->history = NULL; /* told once */
}

static int talk_at_terminal(struct shell *shell)
{
    const struct client_greeting *greeting = client_greeting(shell->client);
    const char *line = "";
    if (!shell->tool->quiet)
        printf(text_of(shell->tool->lang, TEXT_SHELL_INTRO), shell->profile->host, greeting->party, greeting->role,
               (unsigned long long)greeting->log);
    if (shell->history)
        history_read(shell->history, remember, shell->edit);
    ask_help(shell, (struct slice){NULL, 0});
    while (line && !shell->over) {
        char *prompt = shell->in_block ? memory_text("%s [%zu]> ", greeting->party, shell->held)
                                       : memory_text("%s> ", greeting->party);
        line = edit_line(shell->edit, prompt);
        free(prompt);
        if (line && *line) {
            keep(shell, line);
            if (is_line(shell, line) && is_connected(shell))
                converse(shell, line);
            greeting = client_greeting(shell->client);
        }
    }
    if (!line)
        putchar('\n');
    return EX_OK;
}

/* ---- elsewhere ---- */

/* The next line of standard input. 1; 0 at the end; -1: it is no line of the protocol. */
static int read_line(char line[LINE_MAX_BYTES])
{
    size_t len = 0;
    bool sound = true;
    int c;
    while ((c = getchar()) != EOF && c != '\n') {
        sound &= c != '\0' && len < LINE_MAX_BYTES - 1;
        if (sound)
            line[len++] = (char)c;
    }
    line[len] = '\0';
    return !sound ? -1 : c == EOF && len == 0 ? 0 : 1;
}

/* Until the input ends, a line cannot be sent, or the connection is lost. The status of the gravest answer. */
static int talk(struct shell *shell)
{
    char line[LINE_MAX_BYTES];
    int more;
    while (!shell->over && !shell->lost_told && (more = read_line(line)) != 0) {
        if (more < 0 || !is_line(shell, line)) {
            if (more < 0)
                text_tell(shell->tool->lang, TEXT_SHELL_LINE);
            return EX_DATAERR;
        }
        if (*line)
            converse(shell, line);
        if (fflush(stdout) != 0)
            return text_tell_output(shell->tool->lang);
    }
    if (ferror(stdin)) {
        text_tell(shell->tool->lang, TEXT_INPUT_LOST, text_reason(shell->tool->lang, errno));
        return EX_NOINPUT;
    }
    return shell->status;
}

int shell_run(struct tool *tool, int argc, char **argv)
{
    const struct options_verb verb = {"shell", TEXT_HELP_SHELL, NULL, 0};
    struct shell shell = {.tool = tool};
    const struct edit_calls calls = {&shell, wait_for_key, complete};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (options_operands(tool, &verb, "", count, argv) < 0)
        return EX_USAGE;
    shell.profile = profile_load(tool);
    if (!shell.profile)
        return EX_CONFIG;
    shell.completion = completion_new();
    shell.rows = rows_new();
    if (open_connection(&shell) == 0) {
        shell.edit = edit_new(&calls);
        shell.history = shell.edit ? history_path() : NULL;
        shell.status = shell.edit ? talk_at_terminal(&shell) : talk(&shell);
    }
    edit_free(shell.edit);
    free(shell.history);
    rows_free(shell.rows);
    completion_free(shell.completion);
    client_close(shell.client);
    profile_free(shell.profile);
    return shell.status;
}
