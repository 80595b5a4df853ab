/* Lines from a person at a terminal, by libedit, which no other file knows.
 *
 * Keys are those of libedit and of the user's ~/.editrc; besides: Tab completes, Ctrl-R searches the history, Ctrl-C
 * gives up the line. Rules: while a line is awaited, whom we work for does the waiting, so that a connection is heard
 * too. */
#define _GNU_SOURCE
#include "tool_edit.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include "tool_history.h"
#include "tool_memory.h"
#include "tool_rows.h"
#include "tool_text.h"

#define HELP_MOST 20 /* so many candidates are shown with their help, more by name alone */

struct edit {
    struct edit_calls calls;
    EditLine *line;
    History *history;
    const char *prompt;
    bool reading; /* a line is being edited */
    char *text;   /* the line handed out last */
};

static struct edit *edit_of(EditLine *line)
{
    void *own = NULL;
    el_get(line, EL_CLIENTDATA, &own);
    return own;
}

static char *prompt(EditLine *line)
{
    return (char *)(uintptr_t)edit_of(line)->prompt; /* libedit does not change it, but says so in no type */
}

/* Reads a character of UTF-8. 1; 0 at the end; -1 at a fault. */
static int read_character(EditLine *line, wchar_t *character)
{
    struct edit *edit = edit_of(line);
    mbstate_t state = {0};
    for (;;) {
        char byte;
        edit->calls.wait(edit->calls.own);
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return (int)got;
        size_t used = mbrtowc(character, &byte, 1, &state);
        if (used == (size_t)-2)
            continue; /* there is more of it */
        if (used == (size_t)-1)
            memset(&state, 0, sizeof state); /* not a character: passed over */
        else
            return 1;
    }
}

/* ---- completion ---- */

static void list_by_name(const struct completion_found *found)
{
    int widest = 0, width = rows_width(stdout);
    for (size_t i = 0; i < found->count; i++)
        if (text_width(found->words[i].word) > widest)
            widest = text_width(found->words[i].word);
    int columns = width / (widest + 2) > 0 ? width / (widest + 2) : 1;
    for (size_t i = 0; i < found->count; i++) {
        bool last = (int)(i % (size_t)columns) == columns - 1 || i + 1 == found->count;
        printf("%-*s%s", last ? 0 : widest + 2, found->words[i].word, last ? "\n" : "");
    }
}

static void list(const struct completion_found *found)
{
    bool help = found->count <= HELP_MOST && found->words[0].help;
    putchar('\n');
    if (!help)
        list_by_name(found);
    for (size_t i = 0; help && i < found->count; i++)
        printf("%-16s %s\n", found->words[i].word, found->words[i].help ? found->words[i].help : "");
    fflush(stdout);
}

static unsigned char complete(EditLine *line, int key)
{
    (void)key;
    struct edit *edit = edit_of(line);
    struct completion_found found;
    const LineInfo *now = el_line(line);
    edit->calls.complete(edit->calls.own, (struct slice){now->buffer, (size_t)(now->cursor - now->buffer)}, &found);
    size_t common = completion_common(&found);
    if (found.count == 0)
        return CC_REFRESH_BEEP;
    if (common > found.typed || found.count == 1) {
        char *more = memory_text("%.*s%s", (int)(common - found.typed), found.words[0].word + found.typed,
                                 found.count == 1 ? found.tail : "");
        int result = el_insertstr(line, more);
        free(more);
        return result < 0 ? CC_REFRESH_BEEP : CC_REFRESH;
    }
    list(&found);
    return CC_REDISPLAY;
}

static unsigned char give_up(EditLine *line, int key)
{
    (void)key;
    const LineInfo *now = el_line(line);
    int len = (int)(now->lastchar - now->buffer);
    fputs("^C\n", stdout);
    fflush(stdout);
    el_cursor(line, len);
    el_deletestr(line, len);
    return CC_REDISPLAY;
}

/* ---- the life of an editor ---- */

/* libedit reads and shows characters by the locale; the protocol is UTF-8. */
static void use_utf8(void)
{
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static bool set_up(struct edit *edit)
{
    HistEvent event;
    return el_set(edit->line, EL_CLIENTDATA, edit) == 0 && el_set(edit->line, EL_PROMPT, prompt) == 0 &&
           el_set(edit->line, EL_EDITOR, "emacs") == 0 && el_set(edit->line, EL_SIGNAL, 1) == 0 &&
           history(edit->history, &event, H_SETSIZE, HISTORY_LINES) == 0 &&
           history(edit->history, &event, H_SETUNIQUE, 1) == 0 &&
           el_set(edit->line, EL_HIST, history, edit->history) == 0 &&
           el_set(edit->line, EL_ADDFN, "buurtaal-complete", "complete", complete) == 0 &&
           el_set(edit->line, EL_ADDFN, "buurtaal-give-up", "give the line up", give_up) == 0 &&
           el_set(edit->line, EL_BIND, "^I", "buurtaal-complete", NULL) == 0 &&
           el_set(edit->line, EL_BIND, "^C", "buurtaal-give-up", NULL) == 0 &&
           el_set(edit->line, EL_BIND, "^R", "em-inc-search-prev", NULL) == 0 &&
           el_set(edit->line, EL_SETTY, "-d", "-isig", NULL) == 0 && el_set(edit->line, EL_GETCFN, read_character) == 0;
}

struct edit *edit_new(const struct edit_calls *calls)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return NULL;
    use_utf8();
    struct edit *edit = memory_get(1, sizeof *edit);
    edit->calls = *calls;
    edit->prompt = "";
    edit->line = el_init("buurtaal", stdin, stdout, stderr);
    edit->history = history_init();
    if (!edit->line || !edit->history || !set_up(edit)) {
        edit_free(edit);
        return NULL;
    }
    el_source(edit->line, NULL);
    return edit;
}

void edit_free(struct edit *edit)
{
    if (!edit)
        return;
    if (edit->line)
        el_end(edit->line);
    if (edit->history)
        history_end(edit->history);
    free(edit->text);
    free(edit);
}

const char *edit_line(struct edit *edit, const char *prompt_text)
{
    int count = 0;
    edit->prompt = prompt_text;
    edit->reading = true;
    el_set(edit->line, EL_PREP_TERM, 1); /* so that keys mean what they mean here as soon as the prompt is seen */
    const char *line = el_gets(edit->line, &count);
    edit->reading = false;
    if (!line || count <= 0)
        return NULL;
    free(edit->text);
    line += strspn(line, " \n");
    size_t len = strlen(line);
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\n'))
        len--;
    edit->text = memory_text("%.*s", (int)len, line);
    return edit->text;
}

void edit_remember(struct edit *edit, const char *line)
{
    HistEvent event;
    history(edit->history, &event, H_ENTER, line);
}

void edit_print(struct edit *edit, const char *text)
{
    printf("%s%s\n", edit->reading ? "\r\033[K" : "", text);
    fflush(stdout);
    if (edit->reading)
        el_set(edit->line, EL_REFRESH);
}
