/* Dialogues as text: reads a file of them, and plays one. README.md in this folder tells the language. */
#ifndef DIALOGUE_SCRIPT_H
#define DIALOGUE_SCRIPT_H

#include "base.h"

struct step {
    int line; /* in the file */
    char *text;
};

struct dialogue {
    char *file, *name;
    struct step *steps;
    size_t count;
};

/* Reads the dialogues of a file. Ends the program with a message where it cannot be read. The caller owns them. */
struct dialogue *script_load(const char *path, size_t *count);
void script_free(struct dialogue *dialogues, size_t count);

/* How a dialogue is played: whole, or with every byte of the peers in an event of its own. */
struct manner {
    bool bytewise;
    size_t steps; /* after so many every connection is cut; SIZE_MAX: the whole */
};

/* Plays it. 0; or -1, and the reason was printed. */
int script_play(const struct dialogue *dialogue, const struct manner *manner);

#endif
