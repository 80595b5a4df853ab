/* Completing a line.
 *
 * Rules: nothing is completed within quotes, nor for a verb that the registry did not name: a guess would be believed.
 * Limits: COMPLETION_MOST verbs, FIELDS fields each; what is more is not offered. */
#include "tool_completion.h"

#include <stdlib.h>

#include "tool_memory.h"

#define FIELDS 32

struct field {
    char *name;  /* with its `=` */
    char *words; /* those of its type, each ended by a NUL, an empty one at the end; NULL: anything */
    char *help;
    bool verbs; /* its value is a verb */
};

struct verb {
    char *name, *help;
    bool learnt;
    size_t count;
    struct field fields[FIELDS];
};

struct completion {
    size_t count;
    struct verb verbs[COMPLETION_MOST];
};

static char *copy(struct slice text)
{
    return memory_text("%.*s", (int)text.len, text.at ? text.at : "");
}

struct completion *completion_new(void)
{
    return memory_get(1, sizeof(struct completion));
}

void completion_free(struct completion *completion)
{
    for (size_t i = 0; completion && i < completion->count; i++) {
        struct verb *verb = &completion->verbs[i];
        for (size_t j = 0; j < verb->count; j++) {
            free(verb->fields[j].name);
            free(verb->fields[j].words);
            free(verb->fields[j].help);
        }
        free(verb->name);
        free(verb->help);
    }
    free(completion);
}

/* ---- learning ---- */

static size_t place_of(const struct completion *completion, struct slice name)
{
    size_t i = 0;
    while (i < completion->count && !slice_is(name, completion->verbs[i].name))
        i++;
    return i;
}

void completion_verb(struct completion *completion, const struct answer *row)
{
    struct slice name = answer_field(row, "verb");
    size_t place = place_of(completion, name);
    if (name.len == 0 || place < completion->count || place == COMPLETION_MOST)
        return;
    completion->verbs[place] = (struct verb){.name = copy(name), .help = copy(answer_field(row, "help"))};
    completion->count++;
}

/* `a,b` as `a` and `b`, each with its NUL. */
static char *split(struct slice list)
{
    char *words = memory_get(list.len + 2, 1);
    for (size_t i = 0; i < list.len; i++)
        words[i] = list.at[i] == ',' ? '\0' : list.at[i];
    return words;
}

void completion_field(struct completion *completion, struct slice verb_name, const struct answer *row)
{
    size_t place = place_of(completion, verb_name);
    if (place == completion->count)
        return;
    struct verb *verb = &completion->verbs[place];
    verb->learnt = true;
    struct slice name = row ? answer_field(row, "field") : SLICE(""), words = {NULL, 0};
    if (name.len == 0 || verb->count == FIELDS)
        return; /* the row of the verb itself */
    words = answer_field(row, "words");
    if (slice_is(answer_field(row, "type"), "yesno"))
        words = SLICE("yes,no");
    verb->fields[verb->count++] = (struct field){.name = memory_text("%.*s=", (int)name.len, name.at),
                                                 .words = words.at ? split(words) : NULL,
                                                 .help = copy(answer_field(row, "help")),
                                                 .verbs = slice_is(verb_name, "help") && slice_is(name, "verb")};
}

/* ---- finding ---- */

/* Where the last word of the line begins; -1 when it ends within quotes. */
static long last_word(struct slice line)
{
    bool quoted = false;
    size_t begin = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (quoted && line.at[i] == '\\')
            i++;
        else if (line.at[i] == '"')
            quoted = !quoted;
        else if (line.at[i] == ' ' && !quoted)
            begin = i + 1;
    }
    return quoted ? -1 : (long)begin;
}

static struct slice first_word(struct slice line)
{
    const char *space = line.len > 0 ? memchr(line.at, ' ', line.len) : NULL;
    return space ? (struct slice){line.at, (size_t)(space - line.at)} : (struct slice){NULL, 0};
}

struct slice completion_wants(const struct completion *completion, struct slice line)
{
    struct slice name = first_word(line);
    size_t place = place_of(completion, name);
    bool wanted = place < completion->count && !completion->verbs[place].learnt;
    return wanted ? name : (struct slice){NULL, 0};
}

/* Whether ` name=` stands in the line. */
static bool is_given(struct slice line, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i + 1 + len <= line.len; i++)
        if (line.at[i] == ' ' && memcmp(line.at + i + 1, name, len) == 0)
            return true;
    return false;
}

static void offer(struct completion_found *found, struct slice typed, const char *word, const char *help)
{
    if (found->count == COMPLETION_MOST || strlen(word) < typed.len ||
        (typed.len > 0 && memcmp(word, typed.at, typed.len) != 0))
        return;
    found->words[found->count].word = word;
    found->words[found->count++].help = help;
}

static void offer_verbs(const struct completion *completion, struct completion_found *found, struct slice typed)
{
    for (size_t i = 0; i < completion->count; i++)
        offer(found, typed, completion->verbs[i].name, completion->verbs[i].help);
}

static void offer_values(const struct completion *completion, struct completion_found *found, const struct field *field,
                         struct slice typed)
{
    if (field->verbs)
        offer_verbs(completion, found, typed);
    for (const char *word = field->words; word && *word; word += strlen(word) + 1)
        offer(found, typed, word, NULL);
}

void completion_find(const struct completion *completion, struct slice line, struct completion_found *found)
{
    found->typed = found->count = 0;
    found->tail = " ";
    long begin = last_word(line);
    if (begin < 0)
        return;
    struct slice word = {line.at + begin, line.len - (size_t)begin};
    const char *equals = word.len > 0 ? memchr(word.at, '=', word.len) : NULL;
    found->typed = word.len;
    if (begin == 0) {
        offer_verbs(completion, found, word);
        return;
    }
    size_t place = place_of(completion, first_word(line));
    if (place == completion->count)
        return;
    const struct verb *verb = &completion->verbs[place];
    size_t name_len = equals ? (size_t)(equals + 1 - word.at) : 0;
    if (!equals)
        found->tail = "";
    for (size_t i = 0; i < verb->count; i++) {
        const struct field *field = &verb->fields[i];
        if (!equals && !is_given(line, field->name))
            offer(found, word, field->name, field->help);
        if (equals && strlen(field->name) == name_len && memcmp(field->name, word.at, name_len) == 0) {
            found->typed = word.len - name_len;
            offer_values(completion, found, field, (struct slice){equals + 1, found->typed});
        }
    }
}

size_t completion_common(const struct completion_found *found)
{
    size_t len = found->count > 0 ? strlen(found->words[0].word) : 0;
    for (size_t i = 1; i < found->count; i++) {
        size_t same = 0;
        while (same < len && found->words[i].word[same] == found->words[0].word[same])
            same++;
        len = same;
    }
    return len;
}
