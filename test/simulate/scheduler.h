// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: this program stands in for the machine's threads, clocks and
 * randomness, its libraries' included. Threads are real, but exactly one runs at a time,
 * and whenever one waits (a lock, a condition, a descriptor, time, the disk) the seed
 * says who goes on. Time is made up: it passes when everybody waits.
 *
 * A node is a machine of the simulated world: its threads, its wall clock, its
 * randomness. Threads belong to the node of whoever made them; node 0 … are the world's,
 * SCHEDULER_OUTSIDE is the simulation itself. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCHEDULER_OUTSIDE = -1, SCHEDULER_NODES_MAX = 16 };

/* The calling thread becomes the first, outside. Once per process. */
void scheduler_start(uint64_t seed, int64_t wall_ms);

/* What the calling thread and those it makes from now on belong to; the one before. */
int scheduler_enter(int node);
int scheduler_node(void);

int64_t scheduler_now_us(void);      /* since the start, the same for all */
int64_t scheduler_wall_ms(int node); /* as that node's clock shows it */
void scheduler_move_wall(int node, int64_t by_ms);
/* To the latest that it ever was ahead. */
void scheduler_catch_up_wall(int node);
void scheduler_sleep_us(int64_t duration_us);
/* The calling thread waits, but may go on at once: somebody else's turn. */
void scheduler_yield(void);

/* Ends all threads of a node where they are, as if the machine had lost power. Waits
 * first until none of them holds a lock of a library, which the others share. */
void scheduler_kill(int node);
int scheduler_count(int node); /* threads alive */

/* Of whoever stands in for close(2). */
void scheduler_closed(int fd);

/* Numbers for the simulation's own decisions, in streams that do not disturb each other.
 */
enum scheduler_stream {
    STREAM_ORDER,
    STREAM_NETWORK,
    STREAM_DISK,
    STREAM_STEPS,
    STREAM_COUNT
};
uint64_t scheduler_draw(enum scheduler_stream stream);
/* 0 … bound - 1 */
int64_t scheduler_below(enum scheduler_stream stream, int64_t bound);
bool scheduler_chance(enum scheduler_stream stream, int of_thousand);

/* How often somebody's turn came: two runs of one seed have the same. */
uint64_t scheduler_turns(void);
uint64_t scheduler_trace(void); /* a sum over who came when */
/* Every thread with what it waits for, to stderr. */
void scheduler_show(void);
