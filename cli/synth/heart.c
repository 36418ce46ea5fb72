// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/heart.h"

enum { NEAR_MS = 700, EXTRA_LEAST = 5, EXTRA_MOST = 11 };

/* Millivolts: P, Q, R, S, T; a wide beat from the ventricle; one from a pacemaker. */
static const struct {
    double p, q, r, s, t, extra, paced;
} leads[SYNTH_LEADS] = {
    {0.10, -0.05, 0.80, -0.12, 0.25, 0.70, 0.80},
    {0.16, -0.08, 1.10, -0.18, 0.32, 1.20, -0.90},
    {0.06, 0.00, 0.20, -0.95, -0.08, -1.00, -0.90},
    {0.08, 0.00, 0.45, -1.20, 0.45, -1.30, -1.20},
    {0.09, 0.00, 0.75, -0.85, 0.48, -0.60, -1.10},
    {0.10, -0.05, 1.15, -0.50, 0.45, 0.80, -0.80},
    {0.10, -0.08, 1.30, -0.25, 0.38, 1.20, -0.20},
    {0.10, -0.08, 1.00, -0.10, 0.30, 1.10, 0.50},
};

/* 0 … 1 */
static double roll(struct synth_heart *heart)
{
    return (double)rand_seeded_below(&heart->dice, 1 << 20) / (1 << 20);
}

/* Near exp(-x²/2), and nothing at all from four widths on. */
static double bell(double distance, double width)
{
    double x = distance / width;
    double base = 1 - x * x / 16;
    if (base <= 0)
        return 0;
    base *= base;
    base *= base;
    return base * base;
}

double synth_heart_swing(double cycles)
{
    double part = cycles - (double)(int64_t)cycles;
    if (part < 0)
        part += 1;
    return part < 0.5 ? 16 * part * (0.5 - part) : -16 * (part - 0.5) * (1 - part);
}

static double next_distance(struct synth_heart *heart, const struct synth_beat *last,
                            struct synth_beat *beat)
{
    double breath = 1 + 0.03 * synth_heart_swing(last->at_ms / 4100);
    switch (heart->rhythm) {
    case SYNTH_FIBRILLATION:
        beat->has_p = false;
        return heart->rr_ms * (0.62 + 0.38 * (roll(heart) + roll(heart)));
    case SYNTH_PACED:
        beat->has_p = false;
        beat->is_wide = true;
        beat->is_paced = true;
        return heart->rr_ms;
    case SYNTH_EXTRA_BEATS:
        if (last->is_wide) /* the pause that makes up for it */
            return heart->rr_ms * 1.38;
        if (heart->until_extra-- > 0)
            break;
        heart->until_extra =
            EXTRA_LEAST + (int)(roll(heart) * (EXTRA_MOST - EXTRA_LEAST));
        beat->has_p = false;
        beat->is_wide = true;
        return heart->rr_ms * 0.62;
    case SYNTH_SINUS:
        break;
    }
    return heart->rr_ms * breath * (0.99 + 0.02 * roll(heart));
}

static void add_beat(struct synth_heart *heart)
{
    struct synth_beat *last = &heart->beats[SYNTH_BEATS_HELD - 1];
    struct synth_beat beat = {.has_p = true, .size = 0.97 + 0.06 * roll(heart)};
    beat.at_ms = last->at_ms + next_distance(heart, last, &beat);
    for (int i = 0; i + 1 < SYNTH_BEATS_HELD; i++)
        heart->beats[i] = heart->beats[i + 1];
    *last = beat;
    heart->beat_count++;
}

void synth_heart_start(struct synth_heart *heart)
{
    for (int i = 0; i < SYNTH_BEATS_HELD; i++)
        heart->beats[i] = (struct synth_beat){.at_ms = -10000, .size = 1, .has_p = true};
    heart->beats[SYNTH_BEATS_HELD - 1].at_ms = -heart->rr_ms * (0.2 + 0.6 * roll(heart));
    heart->until_extra = 2;
}

bool synth_heart_go(struct synth_heart *heart, double ms)
{
    bool is_added = heart->beats[SYNTH_BEATS_HELD - 1].at_ms < ms + NEAR_MS;
    while (heart->beats[SYNTH_BEATS_HELD - 1].at_ms < ms + NEAR_MS)
        add_beat(heart);
    return is_added;
}

static double see_wide(const struct synth_beat *beat, int lead, double distance)
{
    double size = beat->is_paced ? leads[lead].paced : leads[lead].extra;
    double sum = size * bell(distance - 10, 32) - 0.35 * size * bell(distance - 290, 55);
    if (beat->is_paced && distance > -62 && distance < -58)
        sum += size > 0 ? 1.2 : -1.2;
    return sum;
}

static double see_narrow(const struct synth_heart *heart, const struct synth_beat *beat,
                         int lead, double distance)
{
    double qrs = heart->qrs_ms;
    double sum = leads[lead].q * bell(distance + qrs * 0.27, qrs * 0.09) +
                 leads[lead].r * bell(distance, qrs * 0.11) +
                 leads[lead].s * bell(distance - qrs * 0.28, qrs * 0.10) +
                 leads[lead].t * bell(distance - (heart->qt_ms - qrs / 2 - 80), 38);
    if (beat->has_p)
        sum += leads[lead].p * bell(distance + qrs / 2 + heart->pq_ms - 50, 18);
    return sum * beat->size;
}

double synth_heart_see(struct synth_heart *heart, int lead, double ms)
{
    double sum =
        0.03 * synth_heart_swing(ms / 4300 + lead * 0.17) + 0.006 * (roll(heart) - 0.5);
    if (heart->rhythm == SYNTH_FIBRILLATION) {
        double wobble = ms / 1000 * 5.9 + 0.6 * synth_heart_swing(ms / 1700);
        sum += leads[lead].p * 0.6 * synth_heart_swing(wobble + lead * 0.07);
    }
    for (int i = 0; i < SYNTH_BEATS_HELD; i++) {
        const struct synth_beat *beat = &heart->beats[i];
        double distance = ms - beat->at_ms;
        if (distance < -NEAR_MS || distance > NEAR_MS)
            continue;
        sum += beat->is_wide ? see_wide(beat, lead, distance)
                             : see_narrow(heart, beat, lead, distance);
    }
    return sum;
}
