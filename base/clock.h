// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Time as a small struct of functions, so that tests and simulations bring their own.
 * Wall time is UTC milliseconds since 1970 and is for people and records only;
 * deadlines and ages use monotonic milliseconds; order comes from sequence numbers. */

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *self);
    int64_t (*monotonic_ms)(void *self);
    void *self;
};

/* The machine's own clock. */
struct clock clock_system(void);
/* The machine's own, finer: for measuring, not for deciding. */
int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(const struct clock *clock);
int64_t clock_monotonic_ms(const struct clock *clock);
