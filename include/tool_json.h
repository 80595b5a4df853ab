/* JSON as the command writes it (RFC 8259). */
#ifndef BUURTAAL_TOOL_JSON_H
#define BUURTAAL_TOOL_JSON_H

#include <stdio.h>

#include "base.h"

/* Writes a text, which must be UTF-8, between quotes. Faults of `out` are left to its owner. */
void json_text(FILE *out, struct slice text);

/* Writes a whole number as a number and anything else as a text: a count that is masked as `<5` is one. */
void json_value(FILE *out, struct slice value);

#endif
