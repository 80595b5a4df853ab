/* The steps of dialogues. Each function plays one: `text` is what stands behind its word (or with it, for words of a
 * kind), `n` the number of the repeat from 1. NULL, or what is wrong. */
#ifndef DIALOGUE_STEPS_H
#define DIALOGUE_STEPS_H

#include "script.h"
#include "world.h"

#define TEXT_MOST 20000

/* One playing of a dialogue. */
struct play {
    struct world world;
    const struct manner *manner;
    struct db *db;          /* the connection of the last `D:` */
    struct fake_peer *peer; /* of this step */
    int number;             /* of that peer, from 1 */
    bool settled;
    char why[TEXT_MOST + 512]; /* what is wrong */
};

/* Whether `text` is as `pattern` says, in which `...` stands for anything. */
bool step_like(const char *pattern, const char *text);
/* Notes what is wrong, and returns it. */
const char *step_wrong(struct play *play, const char *format, ...) PRINTF(2, 3);
/* Writes `text` with {n} as a number and \xHH as a byte, ended by a NUL. The length. */
size_t step_expand(const char *text, int n, char *out, size_t room);

const char *step_say(struct play *play, const char *text, int n);
const char *step_say_bytes(struct play *play, const char *text, int n);
const char *step_hear(struct play *play, const char *text, int n);
const char *step_silent(struct play *play, const char *text, int n);
const char *step_over(struct play *play, const char *text, int n);
const char *step_handshake(struct play *play, const char *text, int n);
const char *step_verdict(struct play *play, const char *text, int n);
const char *step_ready(struct play *play, const char *text, int n);
const char *step_open_peer(struct play *play, const char *text, int n);
const char *step_connect_peer(struct play *play, const char *text, int n);
const char *step_end_peer(struct play *play, const char *text, int n);
const char *step_stuck(struct play *play, const char *text, int n);
const char *step_reading(struct play *play, const char *text, int n);

const char *step_asked(struct play *play, const char *text, int n);
const char *step_params(struct play *play, const char *text, int n);
const char *step_row(struct play *play, const char *text, int n);
const char *step_outcome(struct play *play, const char *text, int n);
const char *step_database(struct play *play, const char *text, int n);

#endif
