/* A line of the daemon, taken apart. Fields and words that are not known here are left in peace: a newer daemon may
 * send them. */
#include "tool_answer.h"

#include <stdlib.h>
#include <sysexits.h>

#include "line.h"
#include "tool_memory.h"

static int kind_of(struct slice word, enum answer_kind *kind)
{
    static const char *const words[] = {"=", "*", "OK", "NO", "BAD", "BUSY"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_is(word, words[i])) {
            *kind = (enum answer_kind)i;
            return 0;
        }
    return -1;
}

int answer_read(char *bytes, size_t len, struct answer *answer)
{
    struct line_cursor cursor = {bytes, bytes + len};
    struct slice name, value;
    memset(answer, 0, sizeof *answer);
    if (line_part(&cursor, &name, &value) != 2 || kind_of(name, &answer->kind) < 0)
        return -1;
    for (int part; (part = line_part(&cursor, &name, &value)) != 0;) {
        if (part < 0 || answer->count == ANSWER_FIELDS)
            return -1;
        if (part == 2) {
            if (!answer->word.at)
                answer->word = name;
            continue;
        }
        answer->fields[answer->count].name = name;
        answer->fields[answer->count++].value = value;
    }
    bool needs_word = answer->kind == ANSWER_NOTICE || answer->kind > ANSWER_OK;
    return needs_word && !answer->word.at ? -1 : 0;
}

struct slice answer_field(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->count; i++)
        if (slice_is(answer->fields[i].name, name))
            return answer->fields[i].value;
    return (struct slice){NULL, 0};
}

char *answer_rule(const struct answer *status)
{
    static const char *const names[] = {"again", "last", "id"};
    char *rule = memory_text("%.*s", (int)status->word.len, status->word.at ? status->word.at : "");
    for (size_t i = 0; i < COUNT(names); i++) {
        struct slice value = answer_field(status, names[i]);
        char *before = rule;
        if (!value.at)
            continue;
        rule = memory_text("%s %s=%.*s", before, names[i], (int)value.len, value.at);
        free(before);
    }
    return rule;
}

char *answer_words(const struct answer *status)
{
    struct slice text = answer_field(status, "text"), field = answer_field(status, "field");
    char *rule = answer_rule(status);
    char *words = memory_text("%.*s%s%.*s [%s]", (int)field.len, field.at ? field.at : "", field.at ? ": " : "",
                              (int)text.len, text.at ? text.at : "", rule);
    free(rule);
    return words;
}

int answer_exit(const struct answer *status)
{
    switch (status->kind) {
    case ANSWER_NO:
        return slice_is(status->word, "role")       ? EX_NOPERM
               : slice_is(status->word, "internal") ? EX_SOFTWARE
                                                    : EX_DATAERR;
    case ANSWER_BAD:
        return EX_USAGE;
    case ANSWER_BUSY:
        return EX_TEMPFAIL;
    default:
        return EX_OK;
    }
}
