/* From a row of commands.def to the one SQL statement that applies its function to a whole call. Pure. The shape is told
 * in sql/README.md; `buurtaald --statements` prints them all. */
#ifndef BUURTAAL_STATEMENT_H
#define BUURTAAL_STATEMENT_H

#include "base.h"
#include "proto.h"

/* Parameters before the command's own fields: party, role, certificate; for writes also origin and the audit's fields. */
enum statement_lead { LEAD_PARTY, LEAD_ROLE, LEAD_CERTIFICATE, LEAD_ORIGIN, LEAD_FIELDS, LEAD_READ = 3, LEAD_WRITE = 5 };
#define STATEMENT_PARAMS_MAX (LEAD_WRITE + PROTO_FIELDS_MAX)

/* Columns of the answer before the function's replies: ordinal (from 1, the request within the call), log number, whether
 * there is a row (a read may answer with none, and still tells its log number), code, field. */
enum statement_column { COLUMN_ORDINAL, COLUMN_LOG, COLUMN_PRESENT, COLUMN_CODE, COLUMN_FIELD, COLUMN_REPLIES };

/* The daemon's own, in the form of commands so that they travel the same road: who a certificate speaks for; what is new
 * since a number; what is new for those who watch; whether a block of that name is stored; the end of a block that stays; the
 * next values to be sealed anew, and those that were. They are in no table that a peer can reach. */
extern const struct proto_command statement_admit, statement_news, statement_watch, statement_submitted, statement_commit;
extern const struct proto_command statement_reseal_next, statement_reseal;
extern const struct proto_command *const statement_own[]; /* all of them */
extern const size_t statement_own_count;

/* How many parameters the statement takes, and whether parameter i is an array of bytea (else of text). */
size_t statement_params(const struct proto_command *command);
bool statement_is_binary(const struct proto_command *command, size_t param);

/* The statement with its functions in the schema `api`; the caller frees it. NULL when out of memory. */
char *statement_text(const struct proto_command *command, const char *api) MUST_CHECK;

/* What signatures() must say of the command's function: "TYPES -> NAMES", as in
 * "text,text,bytea,text,integer,bigint -> code,field,state". The caller frees it. NULL when out of memory, or for a BUILTIN. */
char *statement_signature(const struct proto_command *command) MUST_CHECK;

/* Compares all of them with what `find` has of each verb's function (NULL: nothing). 0; -1 and the first that is not as
 * its row needs in `why`. */
int statement_mismatch(const char *(*find)(void *own, const char *verb), void *own, char *why, size_t why_size) MUST_CHECK;

#endif
