/* Sends a block and hears what came of it.
 *
 * Rules: `begin` is answered before anything else is sent, so that a registry that knows no blocks, or has no room,
 * cannot take the lines for lines by themselves. What is lost on the way is sent again whole: a rehearsal leaves
 * nothing, and a name is applied once. Limits: BLOCK_LINES items, with or without a line, and BLOCK_BYTES, all of it in
 * memory. */
#include "tool_block.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tool_client.h"
#include "tool_memory.h"

struct part {
    void *item;
    unsigned tag;
    size_t at, len; /* where its line stands; len 0: it has none */
};

struct gathered {
    const struct sending *sending;
    struct part *parts;
    size_t count, lines;
    char *bytes; /* all lines, then `commit` */
    size_t len, room;
};

/* ---- gathering ---- */

static void add_bytes(struct gathered *all, const char *bytes, size_t len)
{
    if (all->len + len > all->room)
        all->bytes = memory_grow(all->bytes, all->room = all->room * 2 + LINE_MAX_BYTES, 1);
    memcpy(all->bytes + all->len, bytes, len);
    all->len += len;
}

static void gather(struct gathered *all, struct block *block)
{
    char line[LINE_MAX_BYTES];
    block->ended = false;
    while (all->count < BLOCK_LINES && all->len + LINE_MAX_BYTES <= BLOCK_BYTES) {
        struct part part = {.at = all->len};
        part.len = all->sending->next(all->sending->own, line, &part.tag, &part.item);
        if (part.len == 0 && !part.item) {
            block->ended = true;
            break;
        }
        if ((all->count & (all->count + 1)) == 0) /* 0, 1, 3, 7 ...: the room is used up */
            all->parts = memory_grow(all->parts, all->count * 2 + 1, sizeof *all->parts);
        all->parts[all->count++] = part;
        all->lines += part.len > 0;
        add_bytes(all, line, part.len);
    }
    add_bytes(all, "commit\n", 7);
}

static void free_gathered(struct gathered *all)
{
    for (size_t i = 0; i < all->count && all->sending->leave; i++)
        all->sending->leave(all->sending->own, all->parts[i].item);
    free(all->parts);
    free(all->bytes);
}

/* ---- the conversation ---- */

static void keep(char *to, size_t room, struct slice value)
{
    snprintf(to, room, "%.*s", (int)value.len, value.at ? value.at : "");
}

/* Tells that the registry does not take it at all. The status. */
static int tell_refused(enum text_lang lang, const struct answer *status)
{
    char *words = answer_words(status);
    text_tell(lang, TEXT_BLOCK_NOT_OPEN, words);
    free(words);
    return answer_exit(status);
}

/* Opens the block. EX_OK with `*busy` 0 when it is open. */
static int begin(struct client *client, enum text_lang lang, const struct block *block, unsigned *busy)
{
    char bytes[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    struct line_writer writer;
    struct answer status;
    line_begin(&writer, bytes, sizeof bytes, "begin");
    line_put_text(&writer, "check", block->check ? "yes" : NULL);
    line_put_text(&writer, "plan", block->plan);
    line_put_text(&writer, "name", block->name);
    line_put_text(&writer, "sha256", block->sha256);
    size_t len = line_end(&writer);
    *busy = 0;
    if (client_ask(client, bytes, len, NULL, NULL, line, &status) < 0 || status.kind == ANSWER_OK)
        return EX_OK;                 /* a fault is looked at by whoever goes on */
    if (status.kind == ANSWER_BUSY) { /* which opened a dead block: another `begin` would be a line of it */
        *busy = retry_seconds(&status);
        (void)!client_ask(client, "abandon\n", strlen("abandon\n"), NULL, NULL, line, &status);
        return EX_OK;
    }
    return tell_refused(lang, &status);
}

/* One try at it, on an open block. */
struct talk {
    struct client *client;
    enum text_lang lang;
    struct gathered *all;
    struct block *block;
    size_t next;   /* the part whose answer comes next; behind the last that of `commit` */
    unsigned busy; /* seconds that a BUSY asks for; 0: none was told */
    int status;    /* of what `commit` came to */
};

static void say_protocol(struct talk *talk)
{
    client_give_up(talk->client, CLIENT_PROTOCOL, text_of(talk->lang, TEXT_CLIENT_PROTOCOL));
}

/* What `commit` was answered, other than BUSY. EX_OK, or a status after telling why it is none of a block. */
static int take_outcome(struct talk *talk, const struct answer *answer)
{
    struct block *block = talk->block;
    const struct gathered *all = talk->all;
    bool by_line = answer->kind == ANSWER_OK || slice_is(answer->word, "refused") || slice_is(answer->word, "changed");
    for (size_t i = 0; !by_line && i < all->count; i++)
        if (all->parts[i].len > 0)
            all->sending->answered(all->sending->own, all->parts[i].item, NULL);
    keep(block->code, sizeof block->code, answer->word);
    keep(block->text, sizeof block->text, answer_field(answer, "text"));
    keep(block->new_plan, sizeof block->new_plan, answer_field(answer, "plan"));
    block->repeated = answer_field(answer, "repeated").at != NULL;
    block->log = slice_number(answer_field(answer, "log"));
    bool known = by_line || slice_is(answer->word, "taken");
    if (!known)
        sending_hide(all->sending);
    return known ? EX_OK : tell_refused(talk->lang, answer);
}

static bool has_tag(const struct part *part, const struct answer *answer)
{
    char tag[16];
    snprintf(tag, sizeof tag, "%u", part->tag);
    return slice_is(answer_field(answer, "tag"), tag);
}

/* Takes a status line. Whether it was the last. */
static bool take(struct talk *talk, const struct answer *answer)
{
    struct gathered *all = talk->all;
    while (talk->next < all->count && all->parts[talk->next].len == 0)
        talk->next++;
    if (answer->kind == ANSWER_BUSY)
        talk->busy = retry_seconds(answer);
    if (talk->next == all->count) {
        if (answer->kind != ANSWER_BUSY)
            talk->status = take_outcome(talk, answer);
        return true;
    }
    const struct part *part = &all->parts[talk->next++];
    if (answer->kind == ANSWER_BUSY) /* of the whole block; lines that were not kept have no tag */
        return false;
    if (!has_tag(part, answer))
        say_protocol(talk);
    else if (!retry_is_barred(talk->client, answer))
        all->sending->answered(all->sending->own, part->item, answer);
    return false;
}

/* The lines and their answers. Whether `commit` was answered other than BUSY. */
static bool converse(struct talk *talk)
{
    char line[LINE_MAX_BYTES];
    const struct gathered *all = talk->all;
    size_t sent = 0, len;
    time_t heard = retry_now();
    while (client_fault(talk->client) == CLIENT_FINE) {
        size_t part = client_write(talk->client, all->bytes + sent, all->len - sent);
        sent += part;
        if (part > 0)
            heard = retry_now();
        bool over = false;
        while (!over && client_take(talk->client, line, &len) == 1) {
            struct answer answer;
            heard = retry_now();
            if (answer_read(line, len, &answer) < 0)
                say_protocol(talk);
            else
                over = answer_is_status(&answer) && take(talk, &answer);
        }
        if (all->sending->progress)
            all->sending->progress(all->sending->own);
        if (over)
            return talk->busy == 0;
        retry_watch(talk->client, heard, talk->lang);
        client_step(talk->client, -1, 1000);
    }
    return false;
}

/* Until it is answered, or given up. */
static int send_gathered(struct retry *retry, struct gathered *all, struct block *block)
{
    const enum text_lang lang = retry->profile->lang;
    int status = EX_OK;
    retry_begin(retry);
    while (status == EX_OK) {
        struct talk talk = {.client = retry->client, .lang = lang, .all = all, .block = block};
        status = begin(talk.client, lang, block, &talk.busy);
        if (status != EX_OK)
            break;
        if (talk.busy == 0 && converse(&talk))
            return talk.status;
        sending_hide(all->sending);
        status = retry_again(retry, talk.busy, false);
    }
    return status;
}

int block_run(struct retry *retry, const struct sending *sending, struct block *block)
{
    struct gathered all = {.sending = sending};
    int status = EX_OK;
    *block = (struct block){.check = block->check, .plan = block->plan, .name = block->name, .sha256 = block->sha256};
    gather(&all, block);
    if (block->ended && sending->whole && !sending->whole(sending->own))
        status = EX_IOERR;
    else if (all.lines > 0)
        status = send_gathered(retry, &all, block);
    free_gathered(&all);
    return status;
}
