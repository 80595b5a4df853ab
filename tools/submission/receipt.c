/* Receipts. Lines of `name = value`, in English in every language, as programs read them too. */
#include "tool_receipt.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "tool_client.h"
#include "tool_file.h"

#define HEAD_SECONDS 30

/* The registry's greeting, with a head that covers the receipt's number. A daemon beside the one that took the rows
 * learns of them within a second or two, one that is restarted is soon back. Else the greeting that there was, without
 * a head. */
static struct client_greeting ask_head(struct retry *retry, uint64_t log)
{
    struct client_greeting greeting = *client_greeting(retry->client);
    const time_t end = retry_now() + HEAD_SECONDS;
    for (;;) {
        retry_renew(retry);
        if (client_fault(retry->client) == CLIENT_FINE)
            greeting = *client_greeting(retry->client);
        if (greeting.head[0] && greeting.log >= log)
            return greeting;
        if (retry_now() >= end ||
            !(client_fault(retry->client) == CLIENT_FINE || client_may_retry(client_fault(retry->client)))) {
            greeting.head[0] = '\0';
            return greeting;
        }
        (void)poll(NULL, 0, 1000);
    }
}

/* A file's name on one line. */
static void print_name(FILE *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    fputs("file = ", out);
    for (const char *at = slash ? slash + 1 : path; *at; at++)
        putc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, out);
    putc('\n', out);
}

static void print(FILE *out, const struct profile *profile, const struct receipt *receipt,
                  const struct client_greeting *greeting)
{
    static const char *const words[OUTCOME_COUNT] = {"unanswered", "seated",  "waiting",  "repeated",
                                                     "amended",    "refused", "conflicts"};
    fprintf(out, "buurtaal-receipt = 1\nregistry = %s:%s\nparty = %s\ntime = %s\nname = %s\n", profile->host,
            profile->port, greeting->party, greeting->time, receipt->name);
    print_name(out, receipt->path);
    fprintf(out, "sha256 = %s\nmode = %s\nrows = %zu\n", receipt->sha256, receipt->mode, receipt->submission->rows);
    for (size_t i = OUTCOME_SEATED; i < OUTCOME_COUNT; i++)
        fprintf(out, "%s = %zu\n", words[i], receipt->submission->tally[i]);
    fprintf(out, "log = %llu\n", (unsigned long long)receipt->log);
    if (greeting->head[0])
        fprintf(out, "head-log = %llu\nhead = %s\n", (unsigned long long)greeting->log, greeting->head);
}

int receipt_write(struct retry *retry, const struct receipt *receipt, const char *folder)
{
    static const char ending[] = ".receipt.txt";
    const struct profile *profile = retry->profile;
    const struct client_greeting greeting = ask_head(retry, receipt->log);
    struct file_draft draft;
    char *path = NULL;
    if (file_begin_beside(&draft, folder, receipt->path, ending) == 0) {
        print(draft.out, profile, receipt, &greeting);
        path = file_keep_beside(&draft, folder, receipt->path, ending);
    }
    if (!path) {
        text_tell(profile->lang, TEXT_SUBMIT_UNWRITTEN, ending, folder, text_reason(profile->lang, errno));
        return -1;
    }
    if (!profile->quiet)
        printf(text_of(profile->lang, TEXT_SUBMIT_RECEIPT), path);
    if (!greeting.head[0])
        text_tell(profile->lang, TEXT_SUBMIT_NO_HEAD, path);
    free(path);
    return 0;
}
