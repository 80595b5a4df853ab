/* Receipts. Lines of `name = value`, in English in every language, as programs read them too. */
#include "tool_receipt.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "tool_client.h"
#include "tool_file.h"

#define TRIES 5 /* a second apart */

/* The registry's greeting, with a head that covers the receipt's number. A daemon beside the one that took the rows
 * learns of them within a second or two. Absent (log 0) when it could not be had. */
static struct client_greeting ask_head(const struct profile *profile, uint64_t log)
{
    struct client_greeting greeting;
    for (int i = 0;; i++) {
        struct client *client = client_open(profile);
        bool fine = client_fault(client) == CLIENT_FINE;
        greeting = *client_greeting(client);
        client_close(client);
        if (fine && greeting.log >= log)
            return greeting;
        if (i == TRIES)
            return (struct client_greeting){.log = 0};
        (void)poll(NULL, 0, 1000);
    }
}

static void print(FILE *file, const struct profile *profile, const struct receipt *receipt)
{
    static const char *const words[OUTCOME_COUNT] = {"unanswered", "seated",  "waiting",  "repeated",
                                                     "amended",    "refused", "conflicts"};
    const struct client_greeting greeting = ask_head(profile, receipt->log);
    const char *slash = strrchr(receipt->path, '/');
    fprintf(file, "buurtaal-receipt = 1\nregistry = %s:%s\nparty = %s\ntime = %s\n", profile->host, profile->port,
            greeting.party, greeting.time);
    fprintf(file, "name = %s\nfile = %s\nsha256 = %s\nmode = %s\nrows = %zu\n", receipt->name,
            slash ? slash + 1 : receipt->path, receipt->sha256, receipt->mode, receipt->submission->rows);
    for (size_t i = OUTCOME_SEATED; i < OUTCOME_COUNT; i++)
        fprintf(file, "%s = %zu\n", words[i], receipt->submission->tally[i]);
    fprintf(file, "log = %llu\n", (unsigned long long)receipt->log);
    if (greeting.log > 0)
        fprintf(file, "head-log = %llu\nhead = %s\n", (unsigned long long)greeting.log, greeting.head);
}

int receipt_write(const struct profile *profile, const struct receipt *receipt, const char *folder)
{
    char *path;
    FILE *file = file_create(folder, receipt->path, ".receipt.txt", &path);
    int result = file ? 0 : -1;
    if (file) {
        print(file, profile, receipt);
        if (ferror(file) || fclose(file) != 0)
            result = -1;
    }
    if (result < 0)
        text_tell(profile->lang, TEXT_FILE_UNWRITTEN, path ? path : folder, text_reason(profile->lang, errno));
    else if (!profile->quiet)
        printf(text_of(profile->lang, TEXT_SUBMIT_RECEIPT), path);
    free(path);
    return result;
}
