/* Plays dialogues: dialogue FILE ... Each is played whole, then with every byte in an event of its own, then cut after
 * every step: after a cut nothing may be left behind. One whose name says `in one piece` is not played byte by byte.
 * The last line is `N passed, N failed`. */
#include <stdio.h>
#include <stdlib.h>

#include "script.h"
#include "world.h"

/* Cutting stops at the first fault: the same one would be told many times. */
static int play_cut(const struct dialogue *dialogue)
{
    for (size_t steps = 0; steps <= dialogue->count; steps++)
        if (script_play(dialogue, &(struct manner){false, steps}) < 0) {
            printf("    (cut after step %zu)\n", steps);
            return -1;
        }
    return 0;
}

static void count_one(int result, size_t *passed, size_t *failed)
{
    *(result == 0 ? passed : failed) += 1;
}

int main(int argc, char **argv)
{
    size_t passed = 0, failed = 0;
    world_prepare();
    for (int i = 1; i < argc; i++) {
        size_t count;
        struct dialogue *dialogues = script_load(argv[i], &count);
        for (size_t j = 0; j < count; j++) {
            const struct dialogue *dialogue = &dialogues[j];
            count_one(script_play(dialogue, &(struct manner){false, SIZE_MAX}), &passed, &failed);
            if (!strstr(dialogue->name, "in one piece"))
                count_one(script_play(dialogue, &(struct manner){true, SIZE_MAX}), &passed, &failed);
            count_one(play_cut(dialogue), &passed, &failed);
        }
        script_free(dialogues, count);
    }
    world_cleanup();
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
