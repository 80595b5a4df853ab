/* What is said of a row of a file, in words. Each text is the caller's to free. */
#ifndef BUURTAAL_TOOL_WORDING_H
#define BUURTAAL_TOOL_WORDING_H

#include "base.h"
#include "line.h"
#include "tool_answer.h"
#include "tool_known.h"
#include "tool_rivals.h"
#include "tool_roster.h"
#include "tool_text.h"

/* Why a row is no request. */
char *wording_fault(const struct roster *roster, enum text_lang lang, const struct roster_fault *fault);
/* Why the registry refuses a request (with its LF), by its answer. */
char *wording_answer(const struct roster *roster, enum text_lang lang, const char *request, size_t len,
                     const struct answer *answer);
/* That it contradicts an earlier row. */
char *wording_rival(const struct roster *roster, enum text_lang lang, const struct rival *rival, const char *request,
                    size_t len);
/* What there is to doubt in it, by what the registry has; NULL: nothing. */
char *wording_doubt(const struct roster *roster, enum text_lang lang, const struct known *known, const char *request,
                    size_t len);
/* What it changes of its registration: `Column: "old" -> "new"; ...`; NULL when that is not known. */
char *wording_change(const struct roster *roster, const struct known *known, const char *request, size_t len);

/* The value of a field in a request, a copy of which is taken apart in `room`; absent when there is none. */
struct slice wording_value(const char *request, size_t len, struct slice field, char room[LINE_MAX_BYTES]);

#endif
