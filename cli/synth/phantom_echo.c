// SPDX-License-Identifier: Apache-2.0
/* A heart's four chambers from the apex, as ultrasound shows them: a fan of speckle with
 * dark chambers that beat, a scale of grey, marks of depth and a line of ECG. Distances
 * in mm from the transducer at the top; the left ventricle is on the right of the
 * picture. */
#include <math.h>
#include <string.h>

#include "cli/synth/phantom.h"

static const double PI = 3.14159265358979323846;

enum { DEPTH = 155 };
static const double HALF_ANGLE = 0.77; /* of the fan */

struct beat {
    double squeeze; /* 0 at rest, 1 when the ventricles are smallest */
    double valves;  /* 0 closed, 1 open */
    uint32_t seed;
};

/* ------------------------------------------------------------------ the heart */

static struct beat beat_of(double phase, uint32_t seed)
{
    double systole = synth_step(0.04, 0.32, phase) * (1 - synth_step(0.36, 0.58, phase));
    double early = synth_step(0.42, 0.52, phase) * (1 - synth_step(0.62, 0.74, phase));
    double late = synth_step(0.84, 0.90, phase) * (1 - synth_step(0.95, 1, phase));
    return (struct beat){systole, fmax(early, late * 0.8), seed};
}

/* Signed so that inside is negative; in mm. */
static double apart(double x, double y, const double shape[5])
{
    double turn = shape[4] * PI / 180;
    double dx = x - shape[0];
    double dy = y - shape[1];
    double u = (dx * cos(turn) + dy * sin(turn)) / shape[2];
    double v = (dy * cos(turn) - dx * sin(turn)) / shape[3];
    double radius = sqrt(u * u + v * v);
    return (radius - 1) * (shape[2] < shape[3] ? shape[2] : shape[3]);
}

static double chambers_at(double x, double y, const struct beat *beat)
{
    double s = beat->squeeze;
    double base = 84 - 9 * s; /* the plane of the valves comes down in systole */
    double left[] = {16, base / 2 + 9, 18 - 4.6 * s, (base - 18) / 2 + 7, -7};
    double right[] = {-19, base / 2 + 16, 11.5 - 2.8 * s, (base - 30) / 2 + 7, 14};
    double left_atrium[] = {18, base + 24, 21 + 2.6 * s, 20 + 4 * s, 0};
    double right_atrium[] = {-20, base + 22, 19 + 2 * s, 18 + 3.5 * s, 0};
    double nearest = fmin(fmin(apart(x, y, left), apart(x, y, right)),
                          fmin(apart(x, y, left_atrium), apart(x, y, right_atrium)));
    /* The septum keeps the sides apart down to the crux. */
    double septum = fabs(x - 0.5 + (y - 60) * 0.05) - (y < base ? 4.6 : 1.8);
    return fmax(nearest, -septum);
}

/* Leaflets turn about their rims, from across the opening into the ventricle. */
static double leaflet_at(double x, double y, const double rim[2], double length,
                         double angle)
{
    double dx = x - rim[0];
    double dy = y - rim[1];
    double along = dx * cos(angle) + dy * sin(angle);
    double beside = dy * cos(angle) - dx * sin(angle);
    double bow = 2.2 * sin(synth_clamp(along / length, 0, 1) * PI);
    if (along < 0 || along > length)
        return 9;
    return fabs(beside + bow) - 0.9;
}

static double valves_at(double x, double y, const struct beat *beat)
{
    double base = 84 - 9 * beat->squeeze;
    double open = beat->valves * 1.15;
    double a = leaflet_at(x, y, (double[]){1.5, base}, 19, -0.06 - open);
    double b = leaflet_at(x, y, (double[]){34, base}, 15, PI + 0.06 + open);
    double c = leaflet_at(x, y, (double[]){-1, base - 4}, 16, PI + 0.06 + open);
    double d = leaflet_at(x, y, (double[]){-35, base - 2}, 17, -0.06 - open);
    return fmin(fmin(a, b), fmin(c, d));
}

/* How much comes back from a place, 0 … 1. */
static double echo_of(double x, double y, const struct beat *beat)
{
    double chamber = chambers_at(x, y, beat);
    double heart = apart(x, y, (double[]){0, 66, 50, 68, 0});
    double value = 0.30;
    if (heart > 0)
        value = 0.20 + 0.10 * synth_noise(x / 14, y / 9, 0, 77);
    /* Heart sac, and the inner skin where the beam meets it. */
    value += 0.55 * exp(-heart * heart / 3.5);
    value += 0.28 * exp(-pow((chamber - 1.2) / 1.3, 2));
    value += (0.025 - value) * synth_step(0.8, -0.6, chamber);
    if (valves_at(x, y, beat) < 0)
        value = 0.78;
    /* The lungs beside it hide what is behind. */
    if (fabs(x) > 52)
        value *= 0.75;
    return value;
}

/* ------------------------------------------------------------------ the picture */

static void dot(const struct synth_colours *colours, int x, int y, const uint8_t rgb[3])
{
    if (x >= 0 && y >= 0 && x < colours->width && y < colours->height)
        memcpy(colours->at + ((ptrdiff_t)y * colours->width + x) * 3, rgb, 3);
}

/* Grains are short along the beam and broaden with depth. */
static double speckle_at(double radius, double angle, const struct beat *beat)
{
    double move = beat->squeeze * 1.6;
    double a = synth_noise((radius + move) / 1.1, angle * 62, 0, beat->seed);
    double b = synth_noise((radius + move) / 1.1, angle * 62, 9, beat->seed + 1);
    double c = synth_noise((radius - move) / 1.7, angle * 38, 5, beat->seed + 2);
    return 0.18 + 1.15 * sqrt(a * a + b * b) + 0.25 * c;
}

static uint8_t grey_at(double x, double y, const struct beat *beat)
{
    double radius = sqrt(x * x + y * y);
    double angle = atan2(x, y);
    if (fabs(angle) > HALF_ANGLE || radius > DEPTH || radius < 2.5)
        return 0;
    double value = echo_of(x, y, beat) * speckle_at(radius, angle, beat);
    if (radius < 9)
        value = 0.75 * speckle_at(radius, angle * 0.2, beat);
    value *= 1.12 - 0.45 * radius / DEPTH;
    value *= 1 - 0.35 * synth_step(HALF_ANGLE - 0.12, HALF_ANGLE, fabs(angle));
    /* Logarithmic compression, as the machine does it. */
    double shown = log(1 + 22 * fmax(0, value)) / log(23);
    return (uint8_t)synth_clamp(shown * 255 - 18, 0, 255);
}

static void put_scales(const struct synth_colours *colours, double mm, double top)
{
    int height = colours->height;
    int wide = colours->width / 40;
    for (int y = height / 8; y < height / 2; y++)
        for (int x = 0; x < wide; x++) {
            int shade = 255 - (y - height / 8) * 255 / (height / 2 - height / 8);
            dot(colours, wide + x, y,
                (uint8_t[]){(uint8_t)shade, (uint8_t)shade, (uint8_t)shade});
        }
    for (int depth = 0; depth <= DEPTH; depth += 10) {
        int y = (int)(top + depth / mm);
        int len = depth % 50 ? 3 : 7;
        for (int x = 0; x < len; x++)
            dot(colours, colours->width - 12 + x, y, (uint8_t[]){190, 190, 190});
    }
    /* The mark of the transducer's side. */
    int middle = colours->width / 2 + colours->width / 16;
    for (int y = 0; y < 7; y++)
        for (int x = -3; x <= 3; x++)
            if (x * x + (y - 3) * (y - 3) <= 10)
                dot(colours, middle + x, y + 3, (uint8_t[]){70, 150, 255});
}

static double heart_line(double t)
{
    return 0.12 * exp(-pow((t - 0.90) / 0.025, 2)) + exp(-pow((t - 0.02) / 0.012, 2)) -
           0.22 * exp(-pow((t - 0.05) / 0.012, 2)) + exp(-pow((t - 1.02) / 0.012, 2)) +
           0.26 * exp(-pow((t - 0.34) / 0.05, 2));
}

static void put_ecg(const struct synth_colours *colours, double phase)
{
    int from = colours->width / 8;
    int to = colours->width - colours->width / 8;
    int zero = colours->height - colours->height / 24;
    double high = colours->height / 11.0;
    int last = zero;
    for (int x = from; x < to; x++) {
        double t = fmod(2.0 * (x - from) / (to - from), 1);
        int y = zero - (int)(heart_line(t) * high);
        for (int k = y < last ? y : last; k <= (y > last ? y : last); k++)
            dot(colours, x, k, (uint8_t[]){60, 230, 90});
        last = y;
    }
    int now = from + (int)((to - from) * phase / 2);
    for (int y = zero - (int)high; y < zero + 5; y++)
        dot(colours, now, y, (uint8_t[]){250, 210, 40});
}

void synth_draw_echo(const struct synth_colours *colours, double phase, uint32_t seed)
{
    struct beat beat = beat_of(phase, seed);
    double top = colours->height * 0.035;
    double mm = DEPTH / (colours->height * 0.88);
    memset(colours->at, 0, (size_t)colours->width * (size_t)colours->height * 3);
    for (int j = 0; j < colours->height; j++)
        for (int i = 0; i < colours->width; i++) {
            double x = (i + 0.5 - colours->width / 2.0) * mm;
            double y = (j + 0.5 - top) * mm;
            uint8_t grey = grey_at(x, y, &beat);
            if (grey)
                dot(colours, i, j, (uint8_t[]){grey, grey, grey});
        }
    put_scales(colours, mm, top);
    put_ecg(colours, phase);
}
