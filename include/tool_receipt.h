/* What a college keeps of a submission: which file, what came of it, and the log's number and head that hold it. */
#ifndef BUURTAAL_TOOL_RECEIPT_H
#define BUURTAAL_TOOL_RECEIPT_H

#include "base.h"
#include "tool_retry.h"
#include "tool_submission.h"

struct receipt {
    const char *path;   /* of the file that was submitted */
    const char *sha256; /* of its bytes */
    const char *name, *mode;
    uint64_t log; /* the last number of the log that is of this submission */
    const struct submission *submission;
};

/* Asks the registry, over a connection anew, for a head that holds all of it, writes the receipt to a new file in
 * `folder` and prints its name. Without a head it is written too, and that is told. No personal data is in it. 0, or -1
 * after telling why it could not be written. */
int receipt_write(struct retry *retry, const struct receipt *receipt, const char *folder) MUST_CHECK;

#endif
