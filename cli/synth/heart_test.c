// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/heart.h"

#include "base/test.h"

enum { SECONDS = 60, STEP_MS = 2, BEATS_MAX = 200 };

/* Times of the beats of a minute, looked for in lead V5 as a reader would: where the
 * signal is higher than anything else for a while. */
struct minute {
    double at_ms[BEATS_MAX];
    int count;
    double highest;
    double lowest;
};

static struct minute beat(enum synth_rhythm rhythm, int lead)
{
    struct synth_heart heart = {.dice = rand_seed(5),
                                .rhythm = rhythm,
                                .rr_ms = 800,
                                .pq_ms = 160,
                                .qrs_ms = 92,
                                .qt_ms = 390};
    struct minute minute = {0};
    synth_heart_start(&heart);
    for (double ms = 0; ms < SECONDS * 1000; ms += STEP_MS) {
        (void)synth_heart_go(&heart, ms);
        double seen = synth_heart_see(&heart, lead, ms);
        minute.highest = seen > minute.highest ? seen : minute.highest;
        minute.lowest = seen < minute.lowest ? seen : minute.lowest;
        bool is_new = minute.count == 0 || ms - minute.at_ms[minute.count - 1] > 250;
        if (seen > 0.8 && is_new && minute.count < BEATS_MAX)
            minute.at_ms[minute.count++] = ms;
    }
    return minute;
}

/* Longest distance of two beats by the shortest. */
static double irregularity(const struct minute *minute)
{
    double shortest = 1e9;
    double longest = 0;
    for (int i = 1; i < minute->count; i++) {
        double distance = minute->at_ms[i] - minute->at_ms[i - 1];
        shortest = distance < shortest ? distance : shortest;
        longest = distance > longest ? distance : longest;
    }
    return longest / shortest;
}

static void a_sinus_rhythm_is_regular(void)
{
    struct minute minute = beat(SYNTH_SINUS, 6);
    CHECK(minute.count >= 72 && minute.count <= 78);
    CHECK(irregularity(&minute) < 1.2 && minute.highest > 1 && minute.highest < 2);
}

static void fibrillation_is_irregular(void)
{
    struct minute minute = beat(SYNTH_FIBRILLATION, 6);
    CHECK(minute.count >= 62 && minute.count <= 90);
    CHECK(irregularity(&minute) > 1.5);
}

static void extra_beats_come_early_and_look_different(void)
{
    struct minute minute = beat(SYNTH_EXTRA_BEATS, 6);
    struct minute other = beat(SYNTH_EXTRA_BEATS, 3);
    struct minute plain = beat(SYNTH_SINUS, 3);
    CHECK(irregularity(&minute) > 1.8);
    CHECK(other.lowest < plain.lowest || other.highest > plain.highest);
}

static void a_paced_heart_keeps_time(void)
{
    struct minute minute = beat(SYNTH_PACED, 0);
    CHECK(minute.count >= 74 && minute.count <= 76 && irregularity(&minute) < 1.1);
}

static void the_same_seed_gives_the_same_numbers(void)
{
    struct minute a = beat(SYNTH_FIBRILLATION, 2);
    struct minute b = beat(SYNTH_FIBRILLATION, 2);
    CHECK(a.count == b.count && !(a.highest < b.highest) && !(a.highest > b.highest));
}

int main(void)
{
    RUN(a_sinus_rhythm_is_regular);
    RUN(fibrillation_is_irregular);
    RUN(extra_beats_come_early_and_look_different);
    RUN(a_paced_heart_keeps_time);
    RUN(the_same_seed_gives_the_same_numbers);
    return test_done();
}
