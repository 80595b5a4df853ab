/* Which column of a table means what, by its name in Dutch, English or German; what is not known here is of no need.
 *
 * Rules: of several names for one thing the most exact that is there counts, and two of those are never chosen between:
 * that is refused, as is a column that is missing; what --map says comes before all. What it said of earlier files only
 * serves where the names do not settle it. Case, blanks, signs and accents of names make no difference. */
#include "tool_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <uninorm.h>

#include "tool_memory.h"
#include "tool_values.h"

#define NAME_BYTES 64
#define RANKS 3
#define SHOWN 12 /* so many columns are named when one is missing */

/* Names by rank, the most exact first, each between two blanks. */
static const struct {
    const char *word, *name;
    const char *ranks[RANKS];
} columns[ROSTER_COLUMNS] = {
    [ROSTER_STUDENT] =
        {"student",
         "Deelnemernummer",
         {" student deelnemernummer deelnemernr deelnemerid deelnemercode studentnummer studentnr studentid "
          "studentcode studentnumber studentno leerlingnummer leerlingnr leerlingid stamnummer stamnr "
          "matrikelnummer matrikelnr schulernummer schuelernummer schulernr teilnehmernummer teilnehmernr "
          "teilnehmerid learnernumber learnerid pupilnumber participantnumber ",
          " nummer number nr id "}},
    [ROSTER_PREFIX] =
        {"prefix",
         "Voorvoegsel",
         {" voorvoegsel voorvoegsels tussenvoegsel tussenvoegsels tussenv voorv voorvoegselachternaam "
          "voorvoegselgeslachtsnaam prefix surnameprefix nameprefix namenszusatz vorsatzwort namensprafix "
          "namenspraefix "}},
    [ROSTER_SURNAME] =
        {"surname",
         "Achternaam",
         {" achternaam achternamen geslachtsnaam familienaam surname lastname familyname nachname familienname "
          "zuname "}},
    [ROSTER_FIRST] = {"first",
                      "Voornamen",
                      {" voornamen officielevoornamen allevoornamen firstnames givennames forenames vornamen ",
                       " voornaam firstname givenname forename first vorname ",
                       " roepnaam callname rufname voorletters initials initialen "}},
    [ROSTER_NAME] =
        {"name",
         "Naam",
         {" volledigenaam fullname vollstandigername vollstaendigername achternaamvoornaam achternaamvoornamen "
          "surnamefirstname lastnamefirstname nachnamevorname namevorname ",
          " naam name studentnaam studentname deelnemernaam leerlingnaam naamdeelnemer naamstudent "
          "naamleerling "}},
    [ROSTER_BORN] =
        {"born",
         "Geboortedatum",
         {" geboortedatum geboortedag geboren gebdatum gebdat born birthdate birthday dateofbirth dob geburtsdatum "
          "geburtstag geborenam "}},
    [ROSTER_SESSION] =
        {"session",
         "Sessie",
         {" sessie sessiecode sessienummer examensessie examensessiecode toetssessie session sessioncode "
          "sessionid examsession prufungstermin pruefungstermin prufungssitzung sitzung termin ",
          " examen examencode exam examcode toets toetscode prufung pruefung "}},
    [ROSTER_ELECTIVE] = {"elective",
                         "Keuzedeel",
                         {" keuzedeel keuzedeelcode codekeuzedeel elective electivecode wahlmodul wahlmodulcode "
                          "wahlfach wahlfachcode "}},
    [ROSTER_ECKID] = {"eckid", "ECK iD", {" eckid ketenid eckidnummer "}},
    [ROSTER_NEEDS] = {"needs",
                      "Bijzonderheden",
                      {" bijzonderheden aanpassing aanpassingen examenaanpassing examenaanpassingen voorziening "
                       "voorzieningen extravoorzieningen faciliteiten needs specialneeds personalneeds accommodations "
                       "adjustments besonderheiten nachteilsausgleich "}},
};

/* One run. */
struct find {
    struct roster *roster;
    struct table *table;
    enum text_lang lang;
    bool mapped[ROSTER_COLUMNS];
    const char *const *recalled;
};

const char *roster_word(enum roster_column column)
{
    return columns[column].word;
}

const char *columns_name(enum roster_column column)
{
    return columns[column].name;
}

bool columns_are_refusals(const struct table *table)
{
    size_t width = table_columns(table);
    bool found = false;
    for (int lang = TEXT_NL; width > 2 && table_has_header(table) && lang <= TEXT_EN; lang++)
        found |=
            columns_same(table_header(table, width - 2), slice_of(text_of((enum text_lang)lang, TEXT_REFUSED_LINE))) &&
            columns_same(table_header(table, width - 1), slice_of(text_of((enum text_lang)lang, TEXT_REFUSED_REASON)));
    return found;
}

void columns_names(char names[COLUMNS_NAMES_BYTES])
{
    size_t len = 0;
    names[0] = '\0';
    for (size_t column = 0; column < ROSTER_COLUMNS; column++)
        for (size_t rank = 0; rank < RANKS && columns[column].ranks[rank] && len < COLUMNS_NAMES_BYTES; rank++)
            len += (size_t)snprintf(names + len, COLUMNS_NAMES_BYTES - len, "%s", columns[column].ranks[rank]);
}

/* ---- names ---- */

/* A name as it is compared: letters and digits in lower case, between blanks. False when it is too long to be known. */
static bool fold(struct slice name, char folded[NAME_BYTES])
{
    uint8_t room[4 * NAME_BYTES];
    size_t len = sizeof room, count = 1;
    if (name.len == 0 || name.len >= NAME_BYTES)
        return false;
    uint8_t *apart = u8_normalize(UNINORM_NFD, (const uint8_t *)name.at, name.len, room, &len);
    for (size_t i = 0; apart && i < len; i++) {
        uint8_t byte = apart[i] >= 'A' && apart[i] <= 'Z' ? (uint8_t)(apart[i] + 'a' - 'A') : apart[i];
        if (((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9')) && count + 2 < NAME_BYTES)
            folded[count++] = (char)byte;
    }
    if (apart != room)
        free(apart);
    folded[0] = folded[count] = ' ';
    folded[count + 1] = '\0';
    return count > 1;
}

bool columns_are_initials(struct slice name)
{
    char folded[NAME_BYTES];
    return fold(name, folded) && strstr(" voorletters voorletter initials initialen ", folded);
}

bool columns_is_bsn(struct slice name)
{
    static const char *const words[] = {"bsn", "burgerservice", "sofinummer", "onderwijsnummer", "persoonsgebonden"};
    char folded[NAME_BYTES];
    bool known = fold(name, folded), found = false;
    for (size_t i = 0; known && i < COUNT(words); i++)
        found |= strstr(folded, words[i]) != NULL;
    return found;
}

bool columns_same(struct slice one, struct slice other)
{
    char first[NAME_BYTES], second[NAME_BYTES];
    return fold(one, first) && fold(other, second) && strcmp(first, second) == 0;
}

/* How well a name names a column: 0 best; RANKS: not at all. */
static size_t rank_of(struct slice name, enum roster_column column)
{
    char folded[NAME_BYTES];
    size_t rank = 0;
    if (!fold(name, folded))
        return RANKS;
    while (rank < RANKS && !(columns[column].ranks[rank] && strstr(columns[column].ranks[rank], folded)))
        rank++;
    return rank;
}

static bool is_taken(const struct find *find, size_t at)
{
    for (size_t column = 0; column < ROSTER_COLUMNS; column++)
        if (find->roster->at[column] == (int)at)
            return true;
    return false;
}

/* Tells that two columns of the table have a name for one thing. Such names are shorter than NAME_BYTES. */
static void tell_two(const struct find *find, enum roster_column column, size_t one, size_t other)
{
    char names[2][NAME_BYTES];
    const size_t at[] = {one, other};
    for (size_t i = 0; i < 2; i++) {
        struct slice name = table_header(find->table, at[i]);
        memcpy(names[i], name.at, name.len);
        names[i][name.len] = '\0';
    }
    if (columns_same(table_header(find->table, one), table_header(find->table, other)))
        text_tell(find->lang, TEXT_COLUMN_TWICE, table_name(find->table), names[0]);
    else
        text_tell(find->lang, TEXT_COLUMN_EITHER, table_name(find->table), names[0], names[1], roster_word(column));
}

/* The column of the table that a heading means, or a number from 1. -1: there is none; -2: there are several. */
static int meant_by(const struct find *find, struct slice heading)
{
    int found = -1;
    for (size_t i = 0; i < find->roster->width; i++)
        if (columns_same(heading, table_header(find->table, i)))
            found = found == -1 ? (int)i : -2;
    if (found != -1 || heading.len == 0 || heading.len > 3 || strspn(heading.at, "0123456789") != heading.len)
        return found;
    uint64_t number = slice_number(heading);
    return number >= 1 && number <= find->roster->width ? (int)number - 1 : -1;
}

/* What the header itself makes of a name: the column of which it is an exact one; ROSTER_COLUMNS: none. */
static size_t said_by(struct slice name)
{
    size_t column = 0;
    while (column < ROSTER_COLUMNS && rank_of(name, (enum roster_column)column) > 0)
        column++;
    return column;
}

/* Whether the header has one exact name for a column. */
static bool is_settled(const struct find *find, enum roster_column column)
{
    size_t names = 0;
    for (size_t i = 0; i < find->roster->width; i++)
        names += rank_of(table_header(find->table, i), column) == 0;
    return names == 1;
}

/* Takes a column for what it was taken for in earlier files, where the header does not say something else. */
static void recall(struct find *find, enum roster_column column)
{
    const char *word = roster_word(column);
    for (const char *const *text = find->recalled; text && *text && !find->mapped[column]; text++) {
        if (strncmp(*text, word, strlen(word)) != 0 || (*text)[strlen(word)] != '=')
            continue;
        struct slice heading = slice_of(*text + strlen(word) + 1);
        size_t said = said_by(heading);
        int at = meant_by(find, heading);
        bool fits = at >= 0 && !is_taken(find, (size_t)at) && (said == ROSTER_COLUMNS || said == column);
        if (fits && !is_settled(find, column)) {
            find->roster->at[column] = at;
            find->mapped[column] = find->roster->recalled[column] = true;
        }
        find->roster->passed_over |= !find->mapped[column] && said != column;
    }
}

/* Finds a column by its name. 0, also when there is none; -1 after telling that two have it. */
static int find_by_name(struct find *find, enum roster_column column)
{
    struct roster *roster = find->roster;
    size_t best = RANKS;
    recall(find, column);
    if (find->mapped[column])
        return 0;
    for (size_t i = 0; i < roster->width; i++) {
        size_t rank = is_taken(find, i) ? RANKS : rank_of(table_header(find->table, i), column);
        if (rank > best || rank == RANKS)
            continue;
        if (rank == best) {
            tell_two(find, column, (size_t)roster->at[column], i);
            return -1;
        }
        best = rank;
        roster->at[column] = (int)i;
    }
    return 0;
}

static int find_by_names(struct find *find)
{
    struct roster *roster = find->roster;
    for (size_t column = 0; column < ROSTER_COLUMNS; column++)
        if (column != ROSTER_NAME && find_by_name(find, (enum roster_column)column) < 0)
            return -1;
    if (roster->at[ROSTER_SURNAME] >= 0 && roster->at[ROSTER_FIRST] >= 0 && roster->at[ROSTER_NAME] < 0)
        return 0; /* a column of whole names says no more */
    if (find_by_name(find, ROSTER_NAME) < 0)
        return -1;
    /* `Name` beside `Vorname` is the surname, where it is not a whole name. */
    int name = roster->at[ROSTER_NAME];
    if (name >= 0 && !find->mapped[ROSTER_NAME] && roster->at[ROSTER_FIRST] >= 0 && roster->at[ROSTER_SURNAME] < 0 &&
        rank_of(table_header(find->table, (size_t)name), ROSTER_NAME) > 0) {
        int whole = values_are_names(find->table, (size_t)name);
        if (whole < 0)
            return -1;
        if (whole == 0) {
            roster->at[ROSTER_SURNAME] = name;
            roster->at[ROSTER_NAME] = -1;
        }
    }
    if (roster->at[ROSTER_NAME] >= 0)
        roster->at[ROSTER_SURNAME] = roster->at[ROSTER_FIRST] = -1;
    return 0;
}

/* ---- what --map says ---- */

/* Heeds one override. 0, or -1 after telling what is wrong with it. */
static int heed(struct find *find, const char *text)
{
    const char *sign = strchr(text, '=');
    size_t column = 0;
    while (sign && column < ROSTER_COLUMNS &&
           rank_of((struct slice){text, (size_t)(sign - text)}, (enum roster_column)column) == RANKS)
        column++;
    if (!sign || column == ROSTER_COLUMNS) {
        text_tell(find->lang, TEXT_MAP_COLUMN, text);
        return -1;
    }
    if (find->mapped[column]) {
        text_tell(find->lang, TEXT_MAP_TWICE, roster_word((enum roster_column)column));
        return -1;
    }
    find->mapped[column] = true;
    int at = strcmp(sign + 1, "-") == 0 ? -1 : meant_by(find, slice_of(sign + 1));
    if ((at == -1 && strcmp(sign + 1, "-") != 0) || at == -2) {
        text_tell(find->lang, at == -1 ? TEXT_MAP_ABSENT : TEXT_MAP_SEVERAL, text, table_name(find->table));
        return -1;
    }
    if (at >= 0 && is_taken(find, (size_t)at)) {
        text_tell(find->lang, TEXT_MAP_TAKEN, text);
        return -1;
    }
    find->roster->at[column] = at;
    return 0;
}

/* ---- all of it ---- */

/* Names the columns that the file has, or shows its first row, for who must choose among them. */
static void tell_columns(const struct find *find)
{
    char list[1024], shown[NAME_BYTES];
    struct slice cells[TABLE_COLUMNS];
    size_t len = 0, count, width = find->roster->width;
    bool header = table_has_header(find->table);
    if (!header && table_next(find->table, cells, &count) != 1)
        return;
    for (size_t i = 0; i < width && i < SHOWN; i++) {
        struct slice name = header ? table_header(find->table, i) : cells[i];
        text_show(name, shown, sizeof shown);
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%zu %s", i > 0 ? ", " : "", i + 1, shown);
    }
    text_tell(find->lang, TEXT_COLUMN_LIST, list, width > SHOWN ? ", ..." : "");
}

/* Whether nothing of the header says what its column is. */
static bool is_nameless(const struct find *find)
{
    for (size_t i = 0; i < find->roster->width; i++)
        if (is_taken(find, i))
            return false;
    return true;
}

static bool has_bsn(const struct find *find)
{
    bool found = false;
    for (size_t i = 0; table_has_header(find->table) && i < find->roster->width; i++)
        found |= columns_is_bsn(table_header(find->table, i));
    return found;
}

/* Sees to it that all is there. 0, or -1 after telling what is missing and how to mend it. */
static int check(const struct find *find)
{
    static const enum roster_column needed[] = {ROSTER_STUDENT, ROSTER_SURNAME, ROSTER_FIRST, ROSTER_BORN,
                                                ROSTER_SESSION};
    const struct roster *roster = find->roster;
    const char *const file = table_name(find->table);
    if (roster->session && roster->at[ROSTER_SESSION] >= 0) {
        text_tell(find->lang, TEXT_COLUMN_AND_OPTION, file, roster->heading[ROSTER_SESSION]);
        return -1;
    }
    for (size_t i = 0; i < COUNT(needed); i++) {
        bool by_name = (needed[i] == ROSTER_SURNAME || needed[i] == ROSTER_FIRST) && roster->at[ROSTER_NAME] >= 0;
        if (roster->at[needed[i]] >= 0 || by_name || (needed[i] == ROSTER_SESSION && roster->session))
            continue;
        if (table_has_header(find->table) && roster->width > 1 && is_nameless(find))
            text_tell(find->lang, TEXT_COLUMN_NO_HEADER, file);
        else
            text_tell(find->lang, TEXT_COLUMN_MISSING, file, columns[needed[i]].name);
        text_tell(find->lang, TEXT_COLUMN_READ, table_guess(find->table));
        if (roster->width == 1 && !table_is_workbook(find->table)) {
            text_tell(find->lang, TEXT_COLUMN_SEPARATOR);
            return -1;
        }
        tell_columns(find);
        if (needed[i] == ROSTER_STUDENT && has_bsn(find))
            text_tell(find->lang, TEXT_COLUMN_ONLY_BSN);
        else
            text_tell(find->lang, TEXT_COLUMN_MAP, roster_word(needed[i]));
        if (needed[i] == ROSTER_SESSION)
            text_tell(find->lang, TEXT_COLUMN_SESSION);
        return -1;
    }
    return 0;
}

static void name_headings(const struct find *find)
{
    struct roster *roster = find->roster;
    for (size_t column = 0; column < ROSTER_COLUMNS; column++) {
        struct slice name = {NULL, 0};
        if (roster->at[column] >= 0 && table_has_header(find->table))
            name = table_header(find->table, (size_t)roster->at[column]);
        if (name.len == 0 || name.len >= ROSTER_HEADING_BYTES)
            name = slice_of(columns[column].name);
        memcpy(roster->heading[column], name.at, name.len);
        roster->heading[column][name.len] = '\0';
    }
    if (roster->at[ROSTER_NAME] < 0)
        memcpy(roster->heading[ROSTER_NAME], roster->heading[ROSTER_SURNAME], ROSTER_HEADING_BYTES);
}

/* Without a header: what a note says, else what --map said before, and what the values show. 0, or -1 after telling
 * that the table cannot be read.
 */
static int find_without_names(struct find *find)
{
    struct slice note = table_note(find->table), word;
    bool said = false;
    while (table_note_word(&note, &word))
        for (size_t column = 0; column < ROSTER_COLUMNS; column++) {
            uint64_t number = table_note_number(word, roster_word((enum roster_column)column));
            if (find->mapped[column] || number < 1 || number > find->roster->width ||
                is_taken(find, (size_t)number - 1))
                continue;
            find->roster->at[column] = (int)number - 1;
            said = true;
        }
    for (size_t column = 0; !said && column < ROSTER_COLUMNS; column++)
        recall(find, (enum roster_column)column);
    return said ? 0 : values_find(find->roster, find->table, find->mapped);
}

int columns_find(struct roster *roster, struct table *table, const struct roster_map *map, enum text_lang lang)
{
    struct find find = {.roster = roster, .table = table, .lang = lang, .recalled = map ? map->recalled : NULL};
    for (size_t column = 0; column < ROSTER_COLUMNS; column++)
        roster->at[column] = -1;
    for (const char *const *text = map ? map->given : NULL; text && *text; text++)
        if (heed(&find, *text) < 0)
            return -1;
    if (table_has_header(table) ? find_by_names(&find) < 0 : find_without_names(&find) < 0)
        return -1;
    /* What is not exactly a session may stand beside --session. */
    int session = table_has_header(table) ? roster->at[ROSTER_SESSION] : -1;
    if (roster->session && session >= 0 && !find.mapped[ROSTER_SESSION] &&
        rank_of(table_header(table, (size_t)session), ROSTER_SESSION) > 0)
        roster->at[ROSTER_SESSION] = -1;
    name_headings(&find);
    return check(&find);
}
