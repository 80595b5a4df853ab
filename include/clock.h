/* The process's clocks. Tests of dialogues replace this room at link time. */
#ifndef BUURTAAL_CLOCK_H
#define BUURTAAL_CLOCK_H

#include <stdint.h>

/* Milliseconds that never go back: for deadlines. */
int64_t clock_monotonic(void);
/* Microseconds since 1970, UTC. */
int64_t clock_wall(void);

#endif
