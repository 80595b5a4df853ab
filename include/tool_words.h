/* Words of the protocol as people read them in tables. JSON, CSV and the wire keep the protocol's own. */
#ifndef BUURTAAL_TOOL_WORDS_H
#define BUURTAAL_TOOL_WORDS_H

#include "base.h"
#include "tool_text.h"

#define WORDS_OPERAND "operand" /* in place of a field: what stands in the forms of options_operands() */

/* What `lang` calls the value of a field, `seated` of `state`; the value itself where it has no other name. */
struct slice words_of(enum text_lang lang, const char *field, struct slice value);

#endif
