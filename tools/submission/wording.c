/* What is said of a row, in words.
 *
 * Rules: a refusal is `Column: "value": reason [rule]`, the column as the file calls it, the value cut and made
 * visible, the rule a word that is the same in every language. */
#include "tool_wording.h"

#include <stdlib.h>

#include "tool_memory.h"

#define SHOWN_BYTES 64 /* of a value */

/* `Column: "value": reason [rule]`; `column` -1: the row as a whole. */
static char *refusal(const struct roster *roster, int column, struct slice value, struct slice reason, const char *rule)
{
    char shown[SHOWN_BYTES];
    if (column < 0)
        return memory_text("%.*s [%s]", (int)reason.len, reason.at ? reason.at : "", rule);
    text_show(value.at ? value : SLICE(""), shown, sizeof shown);
    return memory_text("%s: \"%s\": %.*s [%s]", roster->heading[column], shown, (int)reason.len,
                       reason.at ? reason.at : "", rule);
}

char *wording_fault(const struct roster *roster, enum text_lang lang, const struct roster_fault *fault)
{
    char *reason = memory_text(text_of(lang, fault->reason), fault->detail);
    char *words = refusal(roster, fault->column, fault->value, slice_of(reason), fault->rule);
    free(reason);
    return words;
}

struct slice wording_value(const char *request, size_t len, struct slice field, char room[LINE_MAX_BYTES])
{
    struct line_cursor cursor = {room, room + len - 1};
    struct slice name, value;
    memcpy(room, request, len);
    if (line_verb(&cursor, &name) < 0)
        return (struct slice){NULL, 0};
    while (line_field(&cursor, &name, &value) == 1)
        if (field.at && name.len == field.len && memcmp(name.at, field.at, field.len) == 0)
            return value;
    return (struct slice){NULL, 0};
}

char *wording_answer(const struct roster *roster, enum text_lang lang, const char *request, size_t len,
                     const struct answer *answer)
{
    char room[LINE_MAX_BYTES], *rule = answer_rule(answer), *ended = NULL;
    struct slice field = answer_field(answer, "field"), again = answer_field(answer, "again"),
                 reason = answer_field(answer, "text");
    int column = field.at ? roster_column_of(field) : -1;
    if (slice_is(answer->word, "ended") && again.at)
        reason =
            slice_of(ended = memory_text(text_of(lang, TEXT_SUBMIT_ENDED), (unsigned long long)slice_number(again)));
    char *words = refusal(roster, column, wording_value(request, len, field, room), reason, rule);
    free(ended);
    free(rule);
    return words;
}

char *wording_rival(const struct roster *roster, enum text_lang lang, const struct rival *rival, const char *request,
                    size_t len)
{
    char room[LINE_MAX_BYTES], *reason = memory_text(text_of(lang, TEXT_SUBMIT_RIVAL), rival->line);
    char *words = refusal(roster, roster_column_of(rival->field), wording_value(request, len, rival->field, room),
                          slice_of(reason), "twice");
    free(reason);
    return words;
}

char *wording_doubt(const struct roster *roster, enum text_lang lang, const struct known *known, const char *request,
                    size_t len)
{
    char student[LINE_MAX_BYTES], name[LINE_MAX_BYTES], born[LINE_MAX_BYTES];
    struct slice number = wording_value(request, len, SLICE("student"), student);
    const struct known_row *there;
    enum known_doubt doubt = known_judge(known, number, wording_value(request, len, SLICE("name"), name),
                                         wording_value(request, len, SLICE("born"), born), &there);
    if (doubt == KNOWN_FINE)
        return NULL;
    bool zeros = doubt == KNOWN_ZEROS;
    char *reason = zeros ? memory_text(text_of(lang, TEXT_SUBMIT_ZEROS), there->student)
                         : memory_text(text_of(lang, TEXT_SUBMIT_OTHER), there->name, there->born);
    char *words = refusal(roster, ROSTER_STUDENT, number, slice_of(reason), zeros ? "zeros" : "other-person");
    free(reason);
    return words;
}

char *wording_change(const struct roster *roster, const struct known *known, const char *request, size_t len)
{
    char student[LINE_MAX_BYTES], session[LINE_MAX_BYTES], room[LINE_MAX_BYTES], old[SHOWN_BYTES], new[SHOWN_BYTES];
    const struct known_row *there =
        known ? known_registration(known, wording_value(request, len, SLICE("student"), student),
                                   wording_value(request, len, SLICE("session"), session))
              : NULL;
    char *words = NULL;
    if (!there)
        return NULL;
    const struct {
        const char *field, *value;
    } parts[] = {{"name", there->name}, {"born", there->born}, {"elective", there->elective}, {"needs", there->needs}};
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct slice value = wording_value(request, len, slice_of(parts[i].field), room);
        if (!value.at || slice_is(value, parts[i].value))
            continue;
        text_show(slice_of(parts[i].value), old, sizeof old);
        text_show(value, new, sizeof new);
        char *before = words;
        words = memory_text("%s%s%s: \"%s\" -> \"%s\"", before ? before : "", before ? "; " : "",
                            roster->heading[roster_column_of(slice_of(parts[i].field))], old, new);
        free(before);
    }
    return words;
}
