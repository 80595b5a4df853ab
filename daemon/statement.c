/* Writes the SQL statement of each command from its row: the same few shapes for all. Pure. */
#include "statement.h"

#include <stdio.h>
#include <stdlib.h>

static const struct proto_type certificate_type = {.name = "certificate", .class = CLASS_KEY, .sql = "bytea"};
static const struct proto_type number_type = {.name = "log", .class = CLASS_PLAIN, .sql = "bigint"};

const struct proto_command statement_admit = {
    .verb = "admit",
    .kind = KIND_READ,
    .fields = (const struct proto_field[]){{"certificate", &certificate_type, FIELD_REQUIRED},
                                           {"until", &number_type, FIELD_REQUIRED}},
    .field_count = 2,
    .replies = "party role log head time",
    .help = "who a certificate speaks for",
};

const struct proto_command statement_news = {
    .verb = "news",
    .kind = KIND_READ,
    .fields = (const struct proto_field[]){{"after", &number_type, FIELD_REQUIRED}},
    .field_count = 1,
    .replies = "log time fingerprint oin issuer fault key done party role",
    .help = "what is new since a number of the log",
};

static const struct proto_type code_type = {.name = "code", .class = CLASS_PLAIN, .sql = "text"};
static const struct proto_type count_type = {.name = "count", .class = CLASS_PLAIN, .sql = "integer"};

const struct proto_command statement_submitted = {
    .verb = "submitted",
    .kind = KIND_READ,
    .fields = (const struct proto_field[]){{"name", &code_type, FIELD_REQUIRED},
                                           {"lines", &certificate_type, FIELD_REQUIRED}},
    .field_count = 2,
    .replies = "state accepted log",
    .help = "whether a block of that name is stored: new, same or other lines",
};

const struct proto_command statement_commit = {
    .verb = "commit",
    .kind = KIND_WRITE,
    .fields = (const struct proto_field[]){{"name", &code_type, 0},
                                           {"sha256", &code_type, 0},
                                           {"lines", &certificate_type, FIELD_REQUIRED},
                                           {"accepted", &count_type, FIELD_REQUIRED}},
    .field_count = 4,
    .replies = "accepted",
    .help = "the end of a block that stays",
};

const struct proto_command statement_reseal_next = {
    .verb = "reseal-next",
    .kind = KIND_READ,
    .fields = (const struct proto_field[]){{"newest", &count_type, FIELD_REQUIRED}},
    .field_count = 1,
    .replies = "key done left place name row object value",
    .help = "the next values that are sealed with another key than the one that seals",
};

const struct proto_command statement_reseal = {
    .verb = "reseal",
    .kind = KIND_READ,
    .fields = (const struct proto_field[]){{"place", &count_type, FIELD_REQUIRED},
                                           {"row", &code_type, FIELD_REQUIRED},
                                           {"old", &certificate_type, FIELD_REQUIRED},
                                           {"new", &certificate_type, 0}},
    .field_count = 4,
    .replies = "",
    .help = "values that were sealed anew",
};

/* Behind these replies come those of each read that can be watched, then `after`. */
const struct proto_command statement_watch = {
    .verb = "watch",
    .kind = KIND_READ,
    .fields = (const struct proto_field[]){{"topics", &code_type, FIELD_REQUIRED},
                                           {"readers", &code_type, FIELD_REQUIRED},
                                           {"after", &code_type, 0},
                                           {"seen", &number_type, FIELD_REQUIRED},
                                           {"limit", &count_type, FIELD_REQUIRED}},
    .field_count = 5,
    .replies = "topic reader roles thing state",
    .help = "what is new for those who watch",
};

const struct proto_command *const statement_own[] = {&statement_admit,     &statement_news,   &statement_watch,
                                                     &statement_submitted, &statement_commit, &statement_reseal_next,
                                                     &statement_reseal};
const size_t statement_own_count = COUNT(statement_own);

/* Whether it speaks for nobody: no party, role and certificate go before its fields. */
static bool is_bare(const struct proto_command *command)
{
    return command == &statement_admit || command == &statement_news || command == &statement_watch ||
           command == &statement_reseal_next || command == &statement_reseal;
}

static size_t lead(const struct proto_command *command)
{
    if (is_bare(command))
        return 0;
    return proto_is_write(command) ? LEAD_WRITE : LEAD_READ;
}

size_t statement_params(const struct proto_command *command)
{
    return lead(command) + command->field_count;
}

bool statement_is_binary(const struct proto_command *command, size_t param)
{
    if (param < lead(command))
        return param == LEAD_CERTIFICATE;
    return command->fields[param - lead(command)].type->class != CLASS_PLAIN;
}

/* ---- pieces ---- */

static void put_function(FILE *out, const struct proto_command *command)
{
    for (const char *c = command->verb; *c; c++)
        fputc(*c == '-' ? '_' : *c, out);
}

/* Calls `piece` for each name of the row's replies. */
static void each_reply(FILE *out, const struct proto_command *command, const char *before, const char *quote)
{
    for (const char *name = command->replies; *name;) {
        int len = (int)strcspn(name, " ");
        fprintf(out, "%s%s%.*s%s", before, quote, len, name, quote);
        name += len + (name[len] == ' ');
    }
}

static bool replies_with(const struct proto_command *command, const char *wanted)
{
    for (const char *name = command->replies; *name;) {
        size_t len = strcspn(name, " ");
        if (slice_is((struct slice){name, len}, wanted))
            return true;
        name += len + (name[len] == ' ');
    }
    return false;
}

/* unnest($1::text[], ...) with ordinality request (p0, p1, ..., ord) */
static void put_requests(FILE *out, const struct proto_command *command)
{
    size_t count = statement_params(command);
    fputs("unnest(", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s$%zu::%s[]", i ? ", " : "", i + 1, statement_is_binary(command, i) ? "bytea" : "text");
    fputs(") with ordinality request (", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "p%zu, ", i);
    fputs("ord)", out);
}

/* The function with the parameters of one request (or, for a set, of all). */
static void put_call(FILE *out, const struct proto_command *command, const char *api)
{
    bool set = command->kind == KIND_WRITE_SET;
    fprintf(out, "%s.", api);
    put_function(out, command);
    fputs(set ? "($1, $2, $3" : "(p0, p1, p2", out);
    for (size_t i = 0; i < command->field_count; i++) {
        size_t param = lead(command) + i;
        const struct proto_type *type = command->fields[i].type;
        if (set)
            fprintf(out, ", $%zu%s::%s[]", param + 1, type->class == CLASS_PLAIN ? "::text[]" : "", type->sql);
        else
            fprintf(out, ", p%zu::%s", param, type->sql);
    }
    fputc(')', out);
}

/* The function's own code and field go by other names, as a reply may be called so too. */
static void put_columns(FILE *out, const struct proto_command *command)
{
    fputs("(present, refusal, fault", out);
    each_reply(out, command, ", ", "\"");
    fputs(command->kind == KIND_LIST ? ", \"after\")" : ")", out);
}

/* lateral (the function where the certificate still counts, else one row `revoked`) reply (...). The end of a block is
 * what its lines were, each looked at by itself: one of them may have ended the certificate. */
static void put_guarded_call(FILE *out, const struct proto_command *command, const char *api)
{
    const char *live = command == &statement_commit ? "true" : "open.live";
    fputs("lateral (select true, called.* from ", out);
    put_call(out, command, api);
    fprintf(out, " called where %s union all select true, 'revoked', null", live);
    for (const char *name = command->replies; *name; name += name[0] == ' ') {
        fputs(", null", out);
        name += strcspn(name, " ");
    }
    if (command->kind == KIND_LIST)
        fputs(", null", out);
    fprintf(out, " where not %s) reply ", live);
    put_columns(out, command);
}

static void put_selected(FILE *out, const struct proto_command *command, const char *from)
{
    char before[32];
    snprintf(before, sizeof before, ", %s.", from);
    fprintf(out, "%s.present, %s.refusal, %s.fault", from, from, from);
    each_reply(out, command, before, "\"");
    if (command->kind == KIND_LIST)
        fprintf(out, ", %s.\"after\"", from);
}

/* ---- the shapes ---- */

static void put_read(FILE *out, const struct proto_command *command, const char *api)
{
    fputs("select request.ord, open.log, ", out);
    put_selected(out, command, "reply");
    fputs(" from ", out);
    put_requests(out, command);
    fprintf(out, ", lateral %s.read_open(p0, p1, p2) open (log, live) left join ", api);
    put_guarded_call(out, command, api);
    fputs(" on true", out);
}

/* All columns that the function has; statement_mismatch has seen to it that they are those of the topics. */
static void put_watch(FILE *out, const char *api)
{
    const struct proto_command *command = &statement_watch;
    fputs("select request.ord, null::bigint, true, w.* from ", out);
    put_requests(out, command);
    fprintf(out, ", lateral %s.watch(", api);
    for (size_t i = 0; i < command->field_count; i++)
        fprintf(out, "%sp%zu::%s", i ? ", " : "", i, command->fields[i].type->sql);
    fputs(") w", out);
}

static void put_write(FILE *out, const struct proto_command *command, const char *api)
{
    fputs("with answer as materialized (", out);
    if (command->kind == KIND_WRITE_SET) {
        fputs("select called.*, true as present from ", out);
        put_call(out, command, api);
        fputs(" with ordinality called (refusal, fault", out);
        each_reply(out, command, ", ", "\"");
        fputs(", ord)", out);
    } else {
        fputs("select request.ord, reply.* from ", out);
        put_requests(out, command);
        fprintf(out, ", lateral %s.write_open(request.ord, p0, p1, p2) open (log, live), ", api);
        put_guarded_call(out, command, api);
    }
    /* Materialized, so that no plan appends twice. */
    fprintf(out,
            "), logged (base) as materialized (select %s.log_append('%s', $1, $3, $4, $5, array_agg("
            "case when refusal is not null then 'NO ' || refusal",
            api, command->verb);
    if (replies_with(command, "repeated"))
        fputs(" when repeated then 'OK repeated'", out);
    if (replies_with(command, "amended"))
        fputs(" when amended then 'OK amended'", out);
    fputs(" else 'OK' end order by ord)) from answer) select answer.ord, logged.base + answer.ord, ", out);
    put_selected(out, command, "answer");
    fputs(" from answer, logged", out);
}

static void put_bare(FILE *out, const struct proto_command *command, const char *api)
{
    if (command == &statement_admit)
        fprintf(out,
                "select request.ord, a.log, true, a.code, null::text, a.party, a.role, a.log, a.head, a.\"time\" "
                "from unnest($1::bytea[], $2::text[]) with ordinality request (certificate, until, ord), "
                "lateral %s.admit(certificate, until::bigint) a",
                api);
    else if (command == &statement_news)
        fprintf(out,
                "select request.ord, n.log, true, null::text, null::text, n.log, n.\"time\", n.fingerprint, n.oin, "
                "n.issuer, n.fault, n.key, n.done, n.party, n.role "
                "from unnest($1::text[]) with ordinality request (since, ord), lateral %s.news(since::bigint) n",
                api);
    else if (command == &statement_watch)
        put_watch(out, api);
    else if (command == &statement_reseal_next)
        fprintf(out,
                "select request.ord, 0, true, null::text, null::text, n.key, n.done, n.\"left\", n.place, n.name, "
                "n.\"row\", "
                "n.object, n.value from unnest($1::text[]) with ordinality request (newest, ord), "
                "lateral %s.reseal_next(newest::integer) n",
                api);
    else /* all at once; each still has its row */
        fprintf(
            out,
            "with done as materialized (select %s.reseal($1::text[]::integer[], $2::text[], $3::bytea[], $4::bytea[])) "
            "select request.ord, 0, true, null::text, null::text "
            "from unnest($1::text[]) with ordinality request (place, ord), done",
            api);
}

char *statement_text(const struct proto_command *command, const char *api)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    if (is_bare(command))
        put_bare(out, command, api);
    else if (proto_is_write(command))
        put_write(out, command, api);
    else
        put_read(out, command, api);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Whether a topic before `end` replies with this too. */
static bool is_watched_before(struct slice end, struct slice name)
{
    struct slice topics = slice_of(proto_type(SLICE("topic"))->words);
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.at);
    for (struct slice topic; (topic = proto_next_word(&topics)).at != end.at;)
        if (replies_with(proto_command(topic), text))
            return true;
    return false;
}

/* The replies of all topics, each name once. */
static void put_watched(FILE *out)
{
    struct slice topics = slice_of(proto_type(SLICE("topic"))->words);
    for (struct slice topic; (topic = proto_next_word(&topics)).at;)
        for (const char *name = proto_command(topic)->replies; *name; name += name[0] == ' ') {
            struct slice word = {name, strcspn(name, " ")};
            if (!is_watched_before(topic, word))
                fprintf(out, ",%.*s", (int)word.len, word.at);
            name += word.len;
        }
}

char *statement_signature(const struct proto_command *command)
{
    const char *array = command->kind == KIND_WRITE_SET ? "[]" : "";
    bool watch = command == &statement_watch;
    char *text = NULL;
    size_t size;
    FILE *out = command->kind == KIND_BUILTIN ? NULL : open_memstream(&text, &size);
    if (!out)
        return NULL;
    if (!watch)
        fprintf(out, "text%s,text%s,bytea%s", array, array, array);
    for (size_t i = 0; i < command->field_count; i++)
        fprintf(out, "%s%s%s", watch && i == 0 ? "" : ",", command->fields[i].type->sql, array);
    fputs(" -> code,field", out);
    each_reply(out, command, ",", "");
    if (watch)
        put_watched(out);
    if (command->kind == KIND_LIST || watch)
        fputs(",after", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Whether its function is as it must be; why not, if not. */
static bool matches(const struct proto_command *command, const char *found, char *why, size_t why_size)
{
    char *wanted = statement_signature(command);
    bool same = wanted && found && strcmp(wanted, found) == 0;
    if (!same)
        snprintf(why, why_size, "function of %s is (%s), its row in commands.def needs (%s)", command->verb,
                 found ? found : "missing", wanted ? wanted : "out of memory");
    free(wanted);
    return same;
}

int statement_mismatch(const char *(*find)(void *own, const char *verb), void *own, char *why, size_t why_size)
{
    for (size_t i = 0; i < proto_command_count; i++)
        if (proto_commands[i].kind != KIND_BUILTIN &&
            !matches(&proto_commands[i], find(own, proto_commands[i].verb), why, why_size))
            return -1;
    return matches(&statement_watch, find(own, statement_watch.verb), why, why_size) ? 0 : -1;
}
