// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A beating heart as numbers: times of beats, and what a lead sees of each of them as
 * sums of bell curves. Only sums, products and quotients of doubles, so that the same
 * seed gives the same bytes whatever the library of mathematics. */

#include "cli/synth/synth.h"

enum synth_rhythm {
    SYNTH_SINUS,
    SYNTH_FIBRILLATION, /* no P, irregular */
    SYNTH_EXTRA_BEATS,  /* sinus, every now and then a wide beat too early */
    SYNTH_PACED,        /* a spike, then a wide beat */
};

enum { SYNTH_LEADS = 8 /* I II V1 … V6 */, SYNTH_BEATS_HELD = 4 };

struct synth_beat {
    double at_ms;
    double size; /* 1, a bit more or less */
    bool has_p;
    bool is_wide;
    bool is_paced;
};

struct synth_heart {
    struct rand_seeded dice;
    enum synth_rhythm rhythm;
    double rr_ms; /* on average */
    double pq_ms;
    double qrs_ms;
    double qt_ms;
    struct synth_beat beats[SYNTH_BEATS_HELD]; /* oldest first */
    int until_extra;                           /* beats */
    int beat_count;                            /* so far */
};

/* Before the first sample; rhythm and rr_ms may be changed while it beats. */
void synth_heart_start(struct synth_heart *heart);
/* Makes the beats that are near; times may only go on. True: a beat was added. */
bool synth_heart_go(struct synth_heart *heart, double ms);
/* Millivolts of lead 0 … 7 at the time of the last synth_heart_go. */
double synth_heart_see(struct synth_heart *heart, int lead, double ms);
/* −1 … 1 of a smooth wave, `cycles` of any size. */
double synth_heart_swing(double cycles);
