/* The protocol as data, expanded from the .def files, and the check of a request against it.
 *
 * Limits: no allocation; a command has at most PROTO_FIELDS_MAX fields, 32 bits count which were given.
 * Rules: the forms are at least as strict as the SQL types behind them. Of several faults the first in the line is
 * told, a missing field last. What every command takes (`tag`) or every command of a kind (`check`, `seen`, `after`,
 * `limit`) stands here once, not in the rows. */
#include "proto.h"

#include "line.h"

#define NAME_TOLD_MAX 64 /* a longer name is not told back, so that the answer keeps to its line */
#define NUMBER_DIGITS 15

/* ---- forms: whether a value, of at least one byte, is what its type says ---- */

#define FORM(name) static bool form_##name(const struct proto_type *type, struct slice value)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_alnum(char c)
{
    return is_digit(c) || is_lower(c) || is_upper(c);
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_tag(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static bool is_code(char c)
{
    return is_tag(c) || c == '/';
}

static bool is_word(char c)
{
    return is_lower(c) || is_digit(c) || c == '-';
}

static bool is_phrase(char c)
{
    return c != '\n' && c != '\t';
}

static bool all(struct slice value, bool (*is)(char))
{
    for (size_t i = 0; i < value.len; i++)
        if (!is(value.at[i]))
            return false;
    return true;
}

static bool sized(const struct proto_type *type, struct slice value)
{
    return value.len >= (size_t)type->least && value.len <= (size_t)type->most;
}

/* Reads a number without sign or leading zeros. */
static bool read_number(struct slice value, uint64_t *number)
{
    if (value.len == 0 || value.len > NUMBER_DIGITS || !all(value, is_digit) || (value.at[0] == '0' && value.len > 1))
        return false;
    *number = 0;
    for (size_t i = 0; i < value.len; i++)
        *number = *number * 10 + (uint64_t)(value.at[i] - '0');
    return true;
}

/* Two digits, a month or a day; 0 when they are not digits. */
static unsigned two_digits(const char *at)
{
    return is_digit(at[0]) && is_digit(at[1]) ? (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0') : 0;
}

static unsigned days_in(unsigned year, unsigned month)
{
    if (month == 2)
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* A year, a month or a day that exists: `2009`, `2009-03` or `2009-03-14`, years 0001 to 9999. */
static bool is_calendar(struct slice value)
{
    if ((value.len != 4 && value.len != 7 && value.len != 10) || !all((struct slice){value.at, 4}, is_digit))
        return false;
    unsigned year = two_digits(value.at) * 100 + two_digits(value.at + 2), month = 1;
    if (year == 0)
        return false;
    if (value.len >= 7) {
        month = value.at[4] == '-' ? two_digits(value.at + 5) : 0;
        if (month < 1 || month > 12)
            return false;
    }
    if (value.len == 10) {
        unsigned day = value.at[7] == '-' ? two_digits(value.at + 8) : 0;
        return day >= 1 && day <= days_in(year, month);
    }
    return true;
}

FORM(code)
{
    return sized(type, value) && all(value, is_code);
}

FORM(tag)
{
    return sized(type, value) && all(value, is_tag);
}

FORM(word)
{
    return sized(type, value) && is_lower(value.at[0]) && all(value, is_word);
}

FORM(phrase)
{
    return sized(type, value) && all(value, is_phrase) && value.at[0] != ' ' && value.at[value.len - 1] != ' ';
}

/* `MM-MM/MM-DD`, separated by commas: months in their order, none of them twice, and a day that every year has. */
FORM(windows)
{
    unsigned before = 0; /* the last month of the window before */
    if (!sized(type, value) || value.len % 12 != 11)
        return false;
    for (size_t i = 0; i < value.len; i += 12) {
        const char *at = value.at + i;
        unsigned first = two_digits(at), last = two_digits(at + 3), month = two_digits(at + 6), day = two_digits(at + 9);
        if (first <= before || last < first || last > 12 || month < 1 || month > 12 || day < 1 || day > days_in(1, month))
            return false;
        if (at[2] != '-' || at[5] != '/' || at[8] != '-' || (i + 11 < value.len && at[11] != ','))
            return false;
        before = last;
    }
    return true;
}

FORM(text)
{
    return sized(type, value);
}

FORM(date)
{
    return sized(type, value) && is_calendar(value);
}

FORM(born)
{
    return sized(type, value) && is_calendar(value);
}

FORM(number)
{
    uint64_t number;
    return read_number(value, &number) && (double)number >= type->least && (double)number <= type->most;
}

/* A whole number, or one with a point and one or two digits behind it. */
FORM(decimal)
{
    const char *point = memchr(value.at, '.', value.len);
    struct slice whole = {value.at, point ? (size_t)(point - value.at) : value.len};
    uint64_t number, part = 0;
    if (!read_number(whole, &number))
        return false;
    if (point) {
        struct slice rest = {point + 1, value.len - whole.len - 1};
        if (rest.len < 1 || rest.len > 2 || !all(rest, is_digit))
            return false;
        part = (uint64_t)(rest.at[0] - '0') * 10 + (rest.len == 2 ? (uint64_t)(rest.at[1] - '0') : 0);
    }
    double amount = (double)number + (double)part / 100;
    return amount >= type->least && amount <= type->most;
}

FORM(yesno)
{
    return sized(type, value) && (slice_is(value, "yes") || slice_is(value, "no"));
}

FORM(language)
{
    return sized(type, value) && all(value, is_lower);
}

FORM(country)
{
    return sized(type, value) && all(value, is_upper);
}

FORM(hex)
{
    return sized(type, value) && all(value, is_hex);
}

/* Logius: digits, and capitals where it holds a code such as the BRIN of a school. */
static bool is_oin_char(char c)
{
    return is_digit(c) || is_upper(c);
}

FORM(oin)
{
    return sized(type, value) && all(value, is_oin_char);
}

/* A number of the log, or a day. */
FORM(moment)
{
    uint64_t number;
    return sized(type, value) && (read_number(value, &number) || (value.len == 10 && is_calendar(value)));
}

/* https://ketenid.nl/<yyyymm>/<128 hex digits> */
FORM(eckid)
{
    static const char site[] = "https://ketenid.nl/";
    const size_t month = sizeof site - 1, slash = month + 6, hex = slash + 1, len = hex + 128;
    if (!sized(type, value) || value.len != len || memcmp(value.at, site, month) != 0 || value.at[slash] != '/')
        return false;
    unsigned number = two_digits(value.at + month + 4);
    return all((struct slice){value.at + month, 6}, is_digit) && number >= 1 && number <= 12 &&
           all((struct slice){value.at + hex, 128}, is_hex);
}

/* The place of a word in a list with commas between, from 0; -1 where it is not in it. */
static int word_place(struct slice list, struct slice word)
{
    int place = 0;
    for (struct slice one; (one = proto_next_word(&list)).at; place++)
        if (one.len == word.len && memcmp(one.at, word.at, word.len) == 0)
            return place;
    return -1;
}

FORM(words)
{
    return word_place(slice_of(type->words), value) >= 0;
}

/* The words are few, so that each is looked for among those behind it. */
FORM(word_list)
{
    struct slice rest = value;
    for (struct slice word; (word = proto_next_word(&rest)).at;)
        if (!form_words(type, word) || word_place(rest, word) >= 0)
            return false;
    return true;
}

/* ---- tables ---- */

enum type_number {
#define TYPE(id, ...) TYPE_##id,
#define WORDS(id, ...) TYPE_##id,
#define WORD_LIST(id, ...) TYPE_##id,
#include "types.def"
#undef TYPE
#undef WORDS
#undef WORD_LIST
};

const struct proto_type proto_types[] = {
#define TYPE(id, name, form, class, sql, least, most, clear, help)                                                     \
    {name, form_##form, CLASS_##class, sql, least, most, clear, NULL, help},
#define WORDS(id, name, words, help) {name, form_words, CLASS_PLAIN, "text", 1, sizeof(words) - 1, "", words, help},
#define WORD_LIST(id, name, words, help)                                                                               \
    {name, form_word_list, CLASS_PLAIN, "text", 1, sizeof(words) - 1, "", words, help},
#include "types.def"
#undef TYPE
#undef WORDS
#undef WORD_LIST
};
const size_t proto_type_count = COUNT(proto_types);

/* What a kind adds to the fields that SQL is handed. */
#define ADDS_BUILTIN
#define ADDS_READ
#define ADDS_WRITE {"seen", &proto_types[TYPE_log], 0},
#define ADDS_WRITE_SET ADDS_WRITE
#define ADDS_LIST {"after", &proto_types[TYPE_after], 0}, {"limit", &proto_types[TYPE_limit], 0},

/* What the parser keeps for itself. */
static const struct proto_field tag_field = {"tag", &proto_types[TYPE_tag], 0};
static const struct proto_field check_field = {"check", &proto_types[TYPE_yesno], 0};

#define KEY(name, type) {name, &proto_types[TYPE_##type], FIELD_KEY | FIELD_REQUIRED},
#define KEYOPT(name, type) {name, &proto_types[TYPE_##type], FIELD_KEY},
#define REQ(name, type) {name, &proto_types[TYPE_##type], FIELD_REQUIRED},
#define OPT(name, type) {name, &proto_types[TYPE_##type], 0},
/* Variable, because the commas in expanded fields are arguments by then. */
#define FIELDS(kind, ...) ((const struct proto_field[]){__VA_ARGS__ ADDS_##kind})
#define FIELD_COUNT(kind, ...) (sizeof FIELDS(kind, __VA_ARGS__) / sizeof(struct proto_field))

enum { ROC = ROLE_ROC, EXAMS = ROLE_EXAMS, NUFFIC = ROLE_NUFFIC, OCW = ROLE_OCW, ADMIN = ROLE_ADMIN, ALL = ROLE_ALL };

const struct proto_command proto_commands[] = {
#define COMMAND(verb, kind, roles, fields, replies, help)                                                              \
    {verb, KIND_##kind, (roles), FIELDS(kind, fields), FIELD_COUNT(kind, fields), replies, help},
#include "commands.def"
#undef COMMAND
};
const size_t proto_command_count = COUNT(proto_commands);

#define COMMAND(verb, kind, roles, fields, ...)                                                                        \
    _Static_assert(FIELD_COUNT(kind, fields) <= PROTO_FIELDS_MAX, "too many fields: " verb);
#include "commands.def"
#undef COMMAND
_Static_assert(PROTO_FIELDS_MAX <= 30, "two bits of 32 are for tag and check");

static const uint8_t verb_len[] = {
#define COMMAND(verb, ...) sizeof(verb) - 1,
#include "commands.def"
#undef COMMAND
};

const struct proto_reply proto_replies[] = {
#define REPLY(status, code, nl, en) {STATUS_##status, code, nl, en},
#include "replies.def"
#undef REPLY
};
const size_t proto_reply_count = COUNT(proto_replies);

static const struct {
    enum proto_role role;
    const char *name;
} roles[] = {
    {ROLE_ROC, "roc"}, {ROLE_EXAMS, "exams"}, {ROLE_NUFFIC, "nuffic"}, {ROLE_OCW, "ocw"}, {ROLE_ADMIN, "admin"}};

struct slice proto_next_word(struct slice *list)
{
    if (!list->at)
        return (struct slice){0};
    const char *comma = list->len ? memchr(list->at, ',', list->len) : NULL;
    struct slice word = {list->at, comma ? (size_t)(comma - list->at) : list->len};
    *list = comma ? (struct slice){comma + 1, list->len - word.len - 1} : (struct slice){0};
    return word;
}

const struct proto_command *proto_command(struct slice verb)
{
    for (size_t i = 0; i < COUNT(verb_len); i++)
        if (verb_len[i] == verb.len && memcmp(proto_commands[i].verb, verb.at, verb.len) == 0)
            return &proto_commands[i];
    return NULL;
}

const struct proto_type *proto_type(struct slice name)
{
    for (size_t i = 0; i < COUNT(proto_types); i++)
        if (slice_is(name, proto_types[i].name))
            return &proto_types[i];
    return NULL;
}

const struct proto_reply *proto_reply(enum proto_status status, struct slice code)
{
    for (size_t i = 0; i < COUNT(proto_replies); i++)
        if (proto_replies[i].status == status && slice_is(code, proto_replies[i].code))
            return &proto_replies[i];
    return NULL;
}

const char *proto_status_word(enum proto_status status)
{
    static const char *const words[] = {"OK", "NO", "BAD", "BUSY", "BYE"};
    return words[status];
}

const char *proto_role_name(enum proto_role role)
{
    for (size_t i = 0; i < COUNT(roles); i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "none";
}

unsigned proto_role_of(struct slice name)
{
    for (size_t i = 0; i < COUNT(roles); i++)
        if (slice_is(name, roles[i].name))
            return roles[i].role;
    return 0;
}

/* ---- a request ---- */

struct reading {
    struct proto_request *request;
    struct proto_fault *fault;
    uint32_t given; /* bit i: field i of the command; TAG_GIVEN and CHECK_GIVEN */
    size_t next;    /* where a client that keeps to the row's order gives its next field */
};

#define TAG_GIVEN (UINT32_C(1) << 30)
#define CHECK_GIVEN (UINT32_C(1) << 31)

static void set_fault(struct reading *reading, const char *code, struct slice field)
{
    if (!reading->fault->code)
        *reading->fault = (struct proto_fault){code, field.len <= NAME_TOLD_MAX ? field : (struct slice){0}};
}

/* The number of the command's field of that name, or field_count. */
static size_t find_field(struct reading *reading, struct slice name)
{
    const struct proto_command *command = reading->request->command;
    for (size_t i = 0; i < command->field_count; i++) {
        size_t number = (reading->next + i) % command->field_count;
        if (slice_is(name, command->fields[number].name)) {
            reading->next = number + 1;
            return number;
        }
    }
    return command->field_count;
}

/* Whether the field may stand here with this value; tells the fault when not. A `-` is judged by the caller. */
static bool judge(struct reading *reading, const struct proto_field *field, uint32_t bit, struct slice name,
                  struct slice value)
{
    const char *code = NULL;
    if (reading->given & bit)
        code = "twice";
    else if (value.len == 0)
        code = "empty";
    else if (!field->type->form(field->type, value))
        code = "value";
    reading->given |= bit;
    if (code)
        set_fault(reading, code, name);
    return !code;
}

/* Whether `-` clears what is stored: only a write stores, and what names the object or is required must have a value.
 * Of a list of words it is the empty one, a value like any other. */
static bool may_clear(const struct proto_command *command, const struct proto_field *field)
{
    return field->type->form == form_word_list || (proto_is_write(command) && field->flags == 0 && field->type->clear);
}

static void read_own_field(struct reading *reading, size_t number, struct slice name, struct slice value)
{
    struct proto_request *request = reading->request;
    const struct proto_field *field = &request->command->fields[number];
    uint32_t bit = UINT32_C(1) << number;
    if (!slice_is(value, "-")) {
        if (judge(reading, field, bit, name, value))
            request->values[number] = value;
    } else if (reading->given & bit) {
        set_fault(reading, "twice", name);
    } else if (may_clear(request->command, field)) {
        request->cleared |= bit;
        request->values[number] = slice_of(field->type->clear);
    } else {
        set_fault(reading, "value", name);
    }
    reading->given |= bit;
}

static void read_field(struct reading *reading, struct slice name, struct slice value)
{
    struct proto_request *request = reading->request;
    if (slice_is(name, tag_field.name)) {
        if (judge(reading, &tag_field, TAG_GIVEN, name, value))
            request->tag = value;
        return;
    }
    if (!request->command)
        return; /* the fault is known; the line is read on for its tag */
    size_t number = find_field(reading, name);
    if (number < request->command->field_count)
        read_own_field(reading, number, name, value);
    else if (!slice_is(name, check_field.name) || !proto_is_write(request->command))
        set_fault(reading, "field", name);
    else if (judge(reading, &check_field, CHECK_GIVEN, name, value))
        request->check = slice_is(value, "yes");
}

/* Tells the first required field that was not given. */
static void find_missing(struct reading *reading)
{
    const struct proto_command *command = reading->request->command;
    for (size_t i = 0; i < command->field_count; i++)
        if ((command->fields[i].flags & FIELD_REQUIRED) && !(reading->given & UINT32_C(1) << i))
            set_fault(reading, "missing", slice_of(command->fields[i].name));
}

int proto_read(char *bytes, size_t len, struct proto_request *request, struct proto_fault *fault)
{
    struct line_cursor cursor = {bytes, bytes + len};
    struct reading reading = {.request = request, .fault = fault};
    struct slice verb, name, value;
    int got;
    *request = (struct proto_request){0};
    *fault = (struct proto_fault){0};
    if (line_verb(&cursor, &verb) < 0) {
        set_fault(&reading, "syntax", (struct slice){0});
        char *space = len ? memchr(bytes, ' ', len) : NULL; /* fields may follow all the same, the tag among them */
        cursor.at = space ? space : cursor.end;
    } else {
        request->command = proto_command(verb);
        if (!request->command)
            set_fault(&reading, "verb", (struct slice){0});
    }
    while ((got = line_field(&cursor, &name, &value)) > 0)
        read_field(&reading, name, value);
    if (got < 0)
        set_fault(&reading, "syntax", (struct slice){0});
    if (!fault->code)
        find_missing(&reading);
    return fault->code ? -1 : 0;
}
