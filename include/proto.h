/* The protocol as data: commands, types and codes, expanded from the .def files, and the check of a request against
 * them. Pure: no I/O, no globals that change, no allocation. */
#ifndef BUURTAAL_PROTO_H
#define BUURTAAL_PROTO_H

#include "base.h"

#define PROTO_VERSION 1
#define PROTO_FIELDS_MAX 24 /* fields of one command with the common ones; proto.c asserts it */

enum proto_role { ROLE_ROC = 1, ROLE_EXAMS = 2, ROLE_NUFFIC = 4, ROLE_OCW = 8, ROLE_ADMIN = 16, ROLE_ALL = 31 };
enum proto_kind { KIND_BUILTIN, KIND_WRITE, KIND_WRITE_SET, KIND_READ, KIND_LIST };
enum proto_class { CLASS_PLAIN, CLASS_KEY, CLASS_SEALED };
enum proto_status { STATUS_OK, STATUS_NO, STATUS_BAD, STATUS_BUSY, STATUS_BYE };

struct proto_type {
    const char *name; /* as on the wire, with `-` */
    bool (*form)(const struct proto_type *type, struct slice value);
    enum proto_class class;
    const char *sql;   /* the parameter's SQL type */
    double least, most; /* a number's range, else bytes */
    const char *clear; /* what SQL is handed for `-`; NULL: cannot be cleared */
    const char *words; /* an enumeration's, or those of a list of words, comma-separated; else NULL */
    const char *help;
};

enum proto_flag { FIELD_KEY = 1, FIELD_REQUIRED = 2 };

struct proto_field {
    const char *name;
    const struct proto_type *type;
    unsigned flags;
};

struct proto_command {
    const char *verb;
    enum proto_kind kind;
    unsigned roles;                   /* a set of enum proto_role */
    const struct proto_field *fields; /* those of the row, then the common ones that SQL is handed: seen; after limit */
    size_t field_count;
    const char *replies; /* names of the answer's fields, separated by a space */
    const char *help;
};

struct proto_reply {
    enum proto_status status;
    const char *code, *nl, *en;
};

/* All rows in the order of the .def files. */
extern const struct proto_command proto_commands[];
extern const size_t proto_command_count;
extern const struct proto_type proto_types[];
extern const size_t proto_type_count;
extern const struct proto_reply proto_replies[];
extern const size_t proto_reply_count;

/* Takes the first word of a list with commas between off `list`; absent when `list` is. Of an empty list it is empty. */
struct slice proto_next_word(struct slice *list);
/* NULL when there is none of that name. */
const struct proto_command *proto_command(struct slice verb);
const struct proto_type *proto_type(struct slice name);
const struct proto_reply *proto_reply(enum proto_status status, struct slice code);
/* The word of a status on the wire; the name of a role; the role of a name, 0 when there is none. */
const char *proto_status_word(enum proto_status status);
const char *proto_role_name(enum proto_role role);
unsigned proto_role_of(struct slice name);

static inline bool proto_is_write(const struct proto_command *command)
{
    return command->kind == KIND_WRITE || command->kind == KIND_WRITE_SET;
}

/* A request that has passed the checks. Everything points into the bytes of its line. */
struct proto_request {
    const struct proto_command *command;
    struct slice tag; /* absent: at == NULL */
    bool check;       /* check=yes: a rehearsal */
    uint32_t cleared; /* bit i: field i was `-`, and values[i] is its type's `clear`; only optional fields of writes that
                       * are no part of the key can be cleared */
    struct slice values[PROTO_FIELDS_MAX]; /* by the order of command->fields; at == NULL: absent */
};

/* What is wrong with a line: a BAD code of replies.def, and the field at fault, absent where none is and where its name
 * is longer than 64 bytes, which no answer has room for. */
struct proto_fault {
    const char *code;
    struct slice field;
};

/* Reads one line (without its LF, as line_take found it) and checks it against the tables. Quoted values are decoded in
 * place. 0: `request` is whole. -1: `fault` says why, and request->tag holds the tag where one could be read, also
 * behind the fault; request->command the command where the verb is known, else NULL. Rights are not looked at. */
int proto_read(char *bytes, size_t len, struct proto_request *request, struct proto_fault *fault) MUST_CHECK;

#endif
