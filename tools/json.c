/* JSON as the command writes it. Commas and braces need no help; texts and numbers do. */
#include "tool_json.h"

void json_text(FILE *out, struct slice text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void json_value(FILE *out, struct slice value)
{
    bool number = value.len > 0 && value.len < 16 && (value.at[0] != '0' || value.len == 1);
    for (size_t i = 0; i < value.len && number; i++)
        number = value.at[i] >= '0' && value.at[i] <= '9';
    if (number)
        fwrite(value.at, 1, value.len, out);
    else
        json_text(out, value);
}
