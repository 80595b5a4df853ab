/* CSV for spreadsheets.
 *
 * Rules: a value that somebody typed must never run as a formula at whoever opens the file (OWASP, CSV injection). The
 * apostrophe that keeps it from that is seen in the cell, which is better than a value that looks whole and is not. */
#include "tool_sheet.h"

void sheet_begin(FILE *out)
{
    fputs("\xef\xbb\xbf", out);
}

/* Whether some spreadsheet would calculate with it: the wide forms of the signs are taken for the signs in Asian
 * settings; a tab or a line break in front may be dropped before the rest is looked at. */
static bool starts_formula(struct slice value)
{
    static const char *const starts[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
    for (size_t i = 0; i < COUNT(starts); i++) {
        size_t len = strlen(starts[i]);
        if (value.len >= len && memcmp(value.at, starts[i], len) == 0)
            return true;
    }
    return false;
}

/* Whether it needs quotes: also for blanks at its ends, which some readers would take away. */
static bool needs_quotes(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (strchr("\";\r\n\t", value.at[i]))
            return true;
    return value.len > 0 && (value.at[0] == ' ' || value.at[value.len - 1] == ' ');
}

void sheet_cell(FILE *out, struct slice value, bool first)
{
    bool quoted = needs_quotes(value);
    if (!first)
        fputc(';', out);
    if (quoted)
        fputc('"', out);
    if (starts_formula(value))
        fputc('\'', out);
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '"')
            fputc('"', out);
        fputc(value.at[i], out);
    }
    if (quoted)
        fputc('"', out);
}

void sheet_end_row(FILE *out)
{
    fputs("\r\n", out);
}
