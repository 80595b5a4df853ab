/* `buurtaal send [LINE...]`: lines as they are to the registry, its lines as they are to the user.
 *
 * Rules: bytes are passed on untouched, whether they make sense is the registry's to say; only a last line without its
 * LF gets one. The end of the input ends our side; what is owed still comes, or silence ends the waiting. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool_client.h"
#include "tool_memory.h"
#include "tool_retry.h"
#include "tool_verbs.h"

#define ANSWER_SECONDS 120

/* Where lines come from: `bytes` first, then the file `input`, -1 when there is none. */
struct source {
    char bytes[16384];
    size_t len;
    int input;
    bool ended_in_line;
    size_t owed;              /* lines sent and not answered */
    enum answer_kind gravest; /* of the answers so far */
    bool role_told;
    char **lines; /* operands still to be sent */
    int count;
};

/* Keeps the status of the gravest answer so far. */
static void weigh(struct source *source, int *status, const struct answer *answer)
{
    if (answer->kind > ANSWER_OK && answer->kind > source->gravest) {
        source->gravest = answer->kind;
        *status = answer_exit(answer);
    }
}

/* Sends what can be. */
static size_t pass_on(struct client *client, struct source *source)
{
    size_t sent = client_write(client, source->bytes, source->len);
    for (size_t i = 0; i < sent; i++)
        source->owed += source->bytes[i] == '\n';
    source->len -= sent;
    memmove(source->bytes, source->bytes + sent, source->len);
    return sent;
}

/* Prints the lines that have come. 1; 0 when there were none; -1 when they could not be printed. */
static int print_lines(const struct tool *tool, struct client *client, struct source *source, int *status)
{
    char line[LINE_MAX_BYTES];
    size_t len;
    bool any = false;
    while (client_take(client, line, &len) == 1) {
        struct answer answer;
        any = true;
        if (fwrite(line, 1, len, stdout) != len || putchar('\n') == EOF)
            return -1;
        if (answer_read(line, len, &answer) < 0) {
            client_give_up(client, CLIENT_PROTOCOL, text_of(tool->lang, TEXT_CLIENT_PROTOCOL));
            continue;
        }
        weigh(source, status, &answer);
        if (!source->role_told)
            client_tell_role(client, &answer);
        source->role_told |= answer.kind == ANSWER_NO && slice_is(answer.word, "role");
        source->owed -= answer_is_status(&answer) && source->owed > 0;
    }
    return any && fflush(stdout) != 0 ? -1 : any;
}

/* The operands, one after another, as far as there is room. */
static void take_operands(struct source *source)
{
    while (source->count > 0) {
        size_t len = strlen(source->lines[0]);
        if (len + 1 > sizeof source->bytes - source->len)
            return;
        memcpy(source->bytes + source->len, source->lines[0], len);
        source->len += len;
        source->bytes[source->len++] = '\n';
        source->lines++;
        source->count--;
    }
}

/* Reads what the input has. 0, or -1 at an error. */
static int read_input(struct source *source)
{
    ssize_t got = read(source->input, source->bytes + source->len, sizeof source->bytes - source->len - 1);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    if (got > 0) {
        source->len += (size_t)got;
        source->ended_in_line = source->bytes[source->len - 1] != '\n';
        return 0;
    }
    if (source->ended_in_line)
        source->bytes[source->len++] = '\n';
    source->input = -1;
    return 0;
}

/* The conversation, until either side ends it. */
static int talk(struct tool *tool, struct client *client, struct source *source)
{
    int status = EX_OK;
    bool finished = false;
    time_t heard = retry_now();
    while (client_fault(client) == CLIENT_FINE && !client_ended(client)) {
        take_operands(source);
        size_t sent = pass_on(client, source);
        if (!finished && source->input < 0 && source->count == 0 && source->len == 0) {
            client_finish(client);
            finished = true;
        }
        bool room = source->len < sizeof source->bytes / 2;
        bool more = client_step(client, room ? source->input : -1,
                                source->count > 0 && sent > 0 ? 0
                                : source->input < 0           ? 1000
                                                              : -1);
        int printed = print_lines(tool, client, source, &status);
        if (printed < 0)
            return text_tell_output(tool->lang);
        if (printed > 0 || source->input >= 0) /* while there is an input, whoever writes it may take his time */
            heard = retry_now();
        else if (retry_now() - heard >= ANSWER_SECONDS)
            client_give_up(client, CLIENT_LOST, text_of(tool->lang, TEXT_CLIENT_SILENT));
        if (more && read_input(source) < 0) {
            text_tell(tool->lang, TEXT_INPUT_LOST, text_reason(tool->lang, errno));
            return EX_NOINPUT;
        }
    }
    if (client_fault(client) != CLIENT_FINE) {
        text_tell(tool->lang, TEXT_PLAIN, client_why(client));
        return client_status(client_fault(client));
    }
    if (source->owed > 0 || source->len > 0 || source->count > 0) { /* as after `quit` */
        text_tell(tool->lang, TEXT_CLIENT_ENDED);
        status = source->gravest < ANSWER_BAD ? EX_TEMPFAIL : status;
    }
    return status;
}

static int check_operands(struct tool *tool, int count, char **lines)
{
    for (int i = 0; i < count; i++)
        if (strchr(lines[i], '\n') || strlen(lines[i]) + 1 > LINE_MAX_BYTES) {
            text_tell(tool->lang, TEXT_SEND_LINE, i + 1);
            return -1;
        }
    return 0;
}

int send_run(struct tool *tool, int argc, char **argv)
{
    const struct options_verb verb = {"send", TEXT_HELP_SEND, NULL, 0};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (check_operands(tool, count, argv) < 0)
        return EX_USAGE;
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    struct source *source = memory_get(1, sizeof *source);
    source->lines = argv;
    source->count = count;
    source->input = count > 0 ? -1 : STDIN_FILENO;
    struct client *client = client_open(profile);
    status = talk(tool, client, source);
    client_close(client);
    free(source);
    profile_free(profile);
    return status;
}
