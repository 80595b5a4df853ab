/* A file of a college's administration as rows of cells.
 *
 * The file is text, in any encoding (decode.c), or a workbook that becomes text (workbook.c). Its beginning says how
 * that is written (guess.c). From there it streams through one room of fixed size: no row is longer than ROW_BYTES, and
 * a quote that does not close tears its own line alone.
 *
 * Rules: cells are as the file has them but for what Excel and Macs do to them: blanks around them, ="0123", accents
 * apart from their letter. Rows of empty cells and comments are passed over, and counted. */
#include "tool_table.h"

#include <errno.h>
#include <stdlib.h>
#include <uninorm.h>

#include "tool_csv.h"
#include "tool_decode.h"
#include "tool_guess.h"
#include "tool_memory.h"
#include "tool_workbook.h"

#define ROW_BYTES 65536
#define ROOM (2 * ROW_BYTES)
#define NOTE_DIGITS 3 /* of a number in a note */
#define SEPARATOR_ROOM 4
#define NAME_ROOM 5                /* of a header's name beyond its length */
#define CLEAN_ROOM (4 * ROW_BYTES) /* a row without its quotes, and in NFC, which makes three bytes of one at most */

struct table {
    FILE *file;
    struct decode *decode;
    char *name;
    enum text_lang lang;
    bool workbook;
    struct guess guess;
    size_t columns;
    struct slice header[TABLE_COLUMNS]; /* in header_bytes */
    char *header_bytes;
    size_t at, len; /* what is not read yet of what was decoded */
    bool ended;     /* nothing more will be decoded */
    unsigned line, next_line;
    unsigned header_line, header_lines;
    size_t clean_len;
    struct workbook_facts facts; /* where it is a workbook */
    char words[1024];
    char note[TABLE_NOTE_BYTES];
    size_t note_len;
    char room[ROOM];
    char clean[CLEAN_ROOM]; /* cells of the row that are not in the file as they should be */
};

/* ---- text ---- */

/* Fills the room. 0, or -1 after telling why it cannot. */
static int fill(struct table *table)
{
    memmove(table->room, table->room + table->at, table->len - table->at);
    table->len -= table->at;
    table->at = 0;
    while (!table->ended && ROOM - table->len >= 4) {
        ssize_t got = decode_read(table->decode, table->room + table->len, ROOM - table->len);
        if (got < 0)
            return -1;
        table->len += (size_t)got;
        table->ended = got == 0;
    }
    return 0;
}

/* Back to the text's first row. 0, or -1 after telling why not. */
static int go_to_start(struct table *table)
{
    table->at = table->len = 0;
    table->ended = false;
    table->line = 0;
    table->next_line = 1;
    return decode_rewind(table->decode) == 0 ? fill(table) : -1;
}

/* ---- cells ---- */

/* Takes away what Excel puts around a text that looks like a number, ="0123", and what we put in front of a formula. */
static struct slice without_formula(struct slice cell)
{
    if (cell.len >= 3 && cell.at[0] == '=' && cell.at[1] == '"' && cell.at[cell.len - 1] == '"')
        return csv_trim((struct slice){cell.at + 2, cell.len - 3});
    return csv_unguarded(cell);
}

static bool is_ascii(struct slice cell)
{
    for (size_t i = 0; i < cell.len; i++)
        if ((unsigned char)cell.at[i] >= 0x80)
            return false;
    return true;
}

/* The cell in NFC. */
static struct slice composed(struct table *table, struct slice cell)
{
    uint8_t *room = (uint8_t *)table->clean + table->clean_len;
    size_t len = CLEAN_ROOM - table->clean_len;
    if (is_ascii(cell))
        return cell;
    uint8_t *made = u8_normalize(UNINORM_NFC, (const uint8_t *)cell.at, cell.len, room, &len);
    if (made != room) { /* there is no memory, or no room, which cannot be */
        free(made);
        return cell;
    }
    table->clean_len += len;
    return (struct slice){(char *)room, len};
}

static struct slice cleaned(struct table *table, struct slice cell)
{
    if (csv_is_quoted(&table->guess.csv, cell)) {
        char *room = table->clean + table->clean_len;
        size_t len = csv_unquote(cell, room);
        table->clean_len += len;
        cell = csv_trim((struct slice){room, len});
    }
    return composed(table, without_formula(cell));
}

/* ---- rows ---- */

/* Takes a row of text out of the room. 1; 0 at the end; -1 after telling why not; 2: it is torn. */
static int take_row(struct table *table, struct slice *text)
{
    struct csv_row row;
    enum csv_verdict verdict;
    for (;;) {
        const char *bytes = table->room + table->at;
        size_t len = table->len - table->at;
        bool final = table->ended || len > ROW_BYTES;
        if (len == 0 && table->ended)
            return 0;
        verdict = csv_find(&table->guess.csv, bytes, len, final, &row);
        if (verdict != CSV_PART)
            break;
        if (fill(table) < 0)
            return -1;
    }
    table->line = table->next_line;
    table->next_line += table->workbook ? 1 : row.lines;
    if (row.len > ROW_BYTES) {
        text_tell(table->lang, TEXT_TABLE_LONG, table->name, table->line);
        return -1;
    }
    *text = (struct slice){table->room + table->at, row.len};
    table->at += row.taken;
    return verdict == CSV_TORN ? 2 : 1;
}

static bool is_empty(const struct slice cells[], size_t count)
{
    for (size_t i = 0; i < count && i < TABLE_COLUMNS; i++)
        if (cells[i].len > 0 && !slice_is(cells[i], "\x1a")) /* once the end of a file */
            return false;
    return true;
}

/* Keeps the note of a comment, which a spreadsheet may have put between quotes, with separators behind it. */
static void keep_note(struct table *table, struct slice text)
{
    struct slice cell;
    (void)csv_cells(&table->guess.csv, text.at, text.len, &cell, 1);
    if (csv_is_quoted(&table->guess.csv, cell))
        cell = (struct slice){cell.at + 1, cell.len - 2};
    size_t begin = strlen(TABLE_NOTE);
    if (cell.len <= begin || cell.len - begin > sizeof table->note || memcmp(cell.at, TABLE_NOTE, begin) != 0)
        return;
    table->note_len = cell.len - begin;
    memcpy(table->note, cell.at + begin, table->note_len);
}

int table_next(struct table *table, struct slice cells[TABLE_COLUMNS], size_t *count)
{
    struct slice text;
    int found;
    while ((found = take_row(table, &text)) > 0) {
        if (csv_is_comment(text.at, text.len)) {
            keep_note(table, text);
            continue;
        }
        *count = found == 2 ? 0 : csv_cells(&table->guess.csv, text.at, text.len, cells, TABLE_COLUMNS);
        *count -= table->guess.trailing && *count > 1 && text.at[text.len - 1] == table->guess.csv.separator;
        table->clean_len = 0;
        for (size_t i = 0; i < TABLE_COLUMNS; i++)
            cells[i] = i < *count ? cleaned(table, cells[i]) : (struct slice){"", 0};
        if (found == 2 || !is_empty(cells, *count))
            return 1;
    }
    return found;
}

unsigned table_line(const struct table *table)
{
    return table->line;
}

unsigned table_lines(const struct table *table)
{
    return table->next_line - table->line;
}

/* Reads past the rows before the header, and the header. 1; 0 when there is no header; -1 after telling why it cannot.
 */
static int read_header(struct table *table, struct slice cells[TABLE_COLUMNS], size_t *count)
{
    int found = 1;
    if (go_to_start(table) < 0)
        return -1;
    for (unsigned i = 0; i < table->guess.lead && found == 1; i++)
        found = table_next(table, cells, count);
    if (found == 1 && table->guess.header)
        return table_next(table, cells, count);
    return found < 0 ? -1 : 0;
}

int table_rewind(struct table *table)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count;
    return read_header(table, cells, &count) < 0 ? -1 : 0;
}

/* ---- opening ---- */

/* Keeps the header's names, as they can be shown. */
static void keep_header(struct table *table, const struct slice cells[], size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += cells[i].len + NAME_ROOM;
    char *at = table->header_bytes = memory_get(len, 1);
    for (size_t i = 0; i < count; i++) {
        text_show(cells[i], at, cells[i].len + NAME_ROOM);
        table->header[i] = slice_of(at);
        at += cells[i].len + NAME_ROOM;
    }
}

static const char *name_separator(char separator, char room[SEPARATOR_ROOM])
{
    snprintf(room, SEPARATOR_ROOM, separator == '\t' ? "TAB" : "%c", separator);
    return room;
}

static void describe_workbook(struct table *table, const char *header)
{
    const struct workbook_facts *facts = &table->facts;
    const size_t room = sizeof table->words;
    size_t len = (size_t)snprintf(table->words, room, text_of(table->lang, TEXT_GUESS_WORKBOOK), facts->sheet, header);
    if (facts->others[0])
        len += (size_t)snprintf(table->words + len, room - len, text_of(table->lang, TEXT_GUESS_SHEETS), facts->others);
    if (facts->hidden > 0)
        snprintf(table->words + len, room - len, text_of(table->lang, TEXT_GUESS_HIDDEN), facts->hidden);
}

/* Says what was decided. */
static void describe(struct table *table)
{
    const struct guess *guess = &table->guess;
    const char *header = text_of(table->lang, guess->header ? TEXT_GUESS_HEADER : TEXT_GUESS_NO_HEADER);
    char named[32], separator[SEPARATOR_ROOM];
    const char *quotes = guess->quotes ? text_of(table->lang, TEXT_GUESS_QUOTES) : "";
    unsigned line = guess->header ? table->line : 1;
    snprintf(named, sizeof named, header, line);
    if (table->workbook)
        describe_workbook(table, named);
    else
        snprintf(table->words, sizeof table->words, text_of(table->lang, TEXT_GUESS_TEXT), decode_name(table->decode),
                 name_separator(guess->csv.separator, separator),
                 guess->csv.quoted ? quotes : text_of(table->lang, TEXT_GUESS_NO_QUOTES), named);
}

/* Finds out how the text is written. 0, or -1 after telling why it is no table. */
static int look(struct table *table)
{
    struct slice cells[TABLE_COLUMNS];
    size_t count = 0;
    if (go_to_start(table) < 0)
        return -1;
    if (table->workbook)
        guess_rows(table->room, table->len, table->ended,
                   &(const struct csv){.separator = ';', .end = '\n', .quoted = true}, &table->guess);
    else
        guess_table(table->room, table->len, table->ended, &table->guess);
    if (table->guess.other) {
        char names[2][SEPARATOR_ROOM];
        text_tell(table->lang, TEXT_TABLE_SEPARATORS, table->name, name_separator(table->guess.other, names[0]),
                  name_separator(table->guess.csv.separator, names[1]));
        return -1;
    }
    int found = read_header(table, cells, &count);
    bool header = found == 1;
    if (found == 0 && !table->guess.header)
        found = table_next(table, cells, &count);
    if (found == 0)
        text_tell(table->lang, TEXT_CSV_EMPTY, table->name);
    if (found == 1 && count > TABLE_COLUMNS) {
        text_tell(table->lang, TEXT_TABLE_WIDE, table->name, table->line, TABLE_COLUMNS);
        found = -1;
    }
    if (found != 1)
        return -1;
    table->columns = header ? count : table->guess.columns;
    table->guess.csv.columns = table->workbook ? 0 : table->columns;
    if (header) {
        keep_header(table, cells, count);
        table->header_line = table->line;
        table->header_lines = table_lines(table);
    }
    describe(table);
    return table_rewind(table);
}

/* What a file that is no table most likely is, by its first bytes; TEXT_COUNT: nothing that is known. */
static enum text_id other_kind(const char *bytes, size_t len)
{
    static const struct {
        const char *bytes;
        enum text_id kind;
    } kinds[] = {{"\xd0\xcf\x11\xe0", TEXT_KIND_OLD}, {"%PDF", TEXT_KIND_PDF}, {"{\\rtf", TEXT_KIND_OTHER},
                 {"\x1f\x8b", TEXT_KIND_OTHER},       {"<", TEXT_KIND_WEB},    {"\xef\xbb\xbf<", TEXT_KIND_WEB}};
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (len >= strlen(kinds[i].bytes) && memcmp(bytes, kinds[i].bytes, strlen(kinds[i].bytes)) == 0)
            return kinds[i].kind;
    return TEXT_COUNT;
}

/* 0, or -1 after telling why it is no table. */
static int begin(struct table *table)
{
    char first[8];
    if (fseeko(table->file, 0, SEEK_SET) != 0) {
        text_tell(table->lang, errno == ESPIPE ? TEXT_FILE_ONCE : TEXT_FILE_UNREAD, table->name,
                  text_reason(table->lang, errno));
        return -1;
    }
    size_t len = fread(first, 1, sizeof first, table->file);
    if (ferror(table->file)) {
        text_tell(table->lang, TEXT_FILE_UNREAD, table->name, text_reason(table->lang, errno));
        return -1;
    }
    enum text_id kind = other_kind(first, len);
    if (kind != TEXT_COUNT) {
        text_tell(table->lang, kind, table->name);
        return -1;
    }
    if (workbook_is(first, len)) {
        table->workbook = true;
        FILE *text = workbook_text(table->file, table->name, &table->facts, table->lang);
        if (!text)
            return -1;
        fclose(table->file);
        table->file = text;
    }
    table->decode = decode_open(table->file, table->name, table->lang);
    return table->decode ? look(table) : -1;
}

struct table *table_read(FILE *file, const char *name, enum text_lang lang)
{
    struct table *table = memory_get(1, sizeof *table);
    table->file = file;
    table->name = memory_text("%s", name);
    table->lang = lang;
    if (begin(table) == 0)
        return table;
    table_close(table);
    return NULL;
}

struct table *table_open(const char *path, enum text_lang lang)
{
    FILE *file = fopen(path, "re");
    if (file)
        return table_read(file, path, lang);
    text_tell(lang, TEXT_FILE_UNREAD, path, text_reason(lang, errno));
    return NULL;
}

void table_close(struct table *table)
{
    if (!table)
        return;
    decode_close(table->decode);
    fclose(table->file);
    free(table->header_bytes);
    free(table->name);
    free(table);
}

const char *table_name(const struct table *table)
{
    return table->name;
}

size_t table_columns(const struct table *table)
{
    return table->columns;
}

struct slice table_header(const struct table *table, size_t column)
{
    return table->header[column];
}

bool table_has_header(const struct table *table)
{
    return table->guess.header;
}

unsigned table_header_line(const struct table *table, unsigned *lines)
{
    *lines = table->header_lines;
    return table->header_line;
}

const struct csv *table_csv(const struct table *table, bool *trailing)
{
    *trailing = table->guess.trailing;
    return &table->guess.csv;
}

bool table_is_strict(const struct table *table)
{
    return table->guess.trailing || !table->guess.csv.quoted;
}

bool table_is_workbook(const struct table *table)
{
    return table->workbook;
}

struct slice table_note(const struct table *table)
{
    return (struct slice){table->note, table->note_len};
}

bool table_note_word(struct slice *note, struct slice *word)
{
    const char *at = note->at, *end = at + note->len;
    while (at < end && *at == ' ')
        at++;
    *word = (struct slice){at, 0};
    while (at < end && *at != ' ')
        at++;
    word->len = (size_t)(at - word->at);
    *note = (struct slice){at, (size_t)(end - at)};
    return word->len > 0;
}

uint64_t table_note_number(struct slice word, const char *name)
{
    size_t len = strlen(name);
    if (word.len <= len + 1 || word.len > len + 1 + NOTE_DIGITS || memcmp(word.at, name, len) != 0 ||
        word.at[len] != '=')
        return 0;
    return slice_number((struct slice){word.at + len + 1, word.len - len - 1});
}

const char *table_guess(const struct table *table)
{
    return table->words;
}
