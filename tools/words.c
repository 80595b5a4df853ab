/* Words of the protocol as people read them: states, rungs, kinds; and what the help calls operands. A word that is not
 * here is shown as it came. */
#include "tool_words.h"

static const struct {
    const char *field, *word;
    enum text_id text;
} words[] = {
    {"state", "seated", TEXT_WORD_SEATED},
    {"state", "waiting", TEXT_WORD_WAITING},
    {"state", "withdrawn", TEXT_WORD_WITHDRAWN},
    {"state", "moved", TEXT_WORD_MOVED},
    {"state", "cancelled", TEXT_WORD_CANCELLED},
    {"state", "scheduled", TEXT_WORD_SCHEDULED},
    {"state", "offered", TEXT_WORD_OFFERED},
    {"state", "retracted", TEXT_WORD_RETRACTED},
    {"notice", "seat-offered", TEXT_WORD_SEAT_OFFERED},
    {"notice", "seat-lost", TEXT_WORD_SEAT_LOST},
    {"notice", "session-moved", TEXT_WORD_SESSION_MOVED},
    {"notice", "session-cancelled", TEXT_WORD_SESSION_CANCELLED},
    {"notice", "deadline-near", TEXT_WORD_DEADLINE_NEAR},
    {"notice", "result-in", TEXT_WORD_RESULT_IN},
    {"notice", "certificate-in", TEXT_WORD_CERTIFICATE_IN},
    {"notice", "certificate-expiring", TEXT_WORD_CERTIFICATE_EXPIRING},
    {"outcome", "passed", TEXT_WORD_PASSED},
    {"outcome", "failed", TEXT_WORD_FAILED},
    {"final", "yes", TEXT_WORD_YES},
    {"rung", "registered", TEXT_WORD_REGISTERED},
    {"rung", "seated", TEXT_WORD_SEATED},
    {"rung", "sat", TEXT_WORD_SAT},
    {"rung", "passed", TEXT_WORD_PASSED},
    {"rung", "certified", TEXT_WORD_CERTIFIED},
    {"scope", "own", TEXT_WORD_OWN},
    {"scope", "national", TEXT_WORD_NATIONAL},
    {"kind", "college", TEXT_WORD_COLLEGE},
    {"kind", "school", TEXT_WORD_SCHOOL},
    {"kind", "exam-office", TEXT_WORD_EXAM_OFFICE},
    {"kind", "ministry", TEXT_WORD_MINISTRY},
    {"kind", "other", TEXT_WORD_OTHER},
    {"status", "present", TEXT_WORD_PRESENT},
    {"status", "not-present", TEXT_WORD_NOT_PRESENT},
    {"status", "not-finished", TEXT_WORD_NOT_FINISHED},
    {"final", "no", TEXT_WORD_NO},
    {"verb", "register", TEXT_WORD_ACT_REGISTER},
    {"verb", "withdraw", TEXT_WORD_ACT_WITHDRAW},
    {"verb", "move", TEXT_WORD_ACT_MOVE},
    {"verb", "cancel", TEXT_WORD_ACT_CANCEL},
    {"verb", "attend", TEXT_WORD_ACT_ATTEND},
    {"verb", "score", TEXT_WORD_ACT_SCORE},
    {"verb", "certify", TEXT_WORD_ACT_CERTIFY},
    {WORDS_OPERAND, "FILE", TEXT_WORD_FILE},
    {WORDS_OPERAND, "DIR", TEXT_WORD_DIR},
    {WORDS_OPERAND, "NAME", TEXT_WORD_NAME},
    {WORDS_OPERAND, "CERTIFICATE", TEXT_WORD_CERTIFICATE},
    {WORDS_OPERAND, "NUMBER", TEXT_WORD_NUMBER},
};

struct slice words_of(enum text_lang lang, const char *field, struct slice value)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_is(value, words[i].word) && strcmp(field, words[i].field) == 0)
            return slice_of(text_of(lang, words[i].text));
    return value;
}
