// SPDX-License-Identifier: Apache-2.0
/* The inside of a stomach through an endoscope: folds that run to where the passage goes
 * on, wet light, a frame with cut corners. Reddened in front of the pylorus, as the
 * findings say. */
#include <math.h>
#include <string.h>

#include "cli/synth/phantom.h"

static const double PI = 3.14159265358979323846;

struct view {
    double x; /* where the passage goes on, -1 … 1 */
    double y;
    double folds;  /* that run along */
    double rings;  /* that run across */
    double mouth;  /* radius of the pylorus, 0 = out of sight */
    double red;    /* patches */
    double warmth; /* of the colour */
    double bend;
};

static const struct view VIEWS[] = {
    {0.06, -0.02, 0, 2.6, 0, 0, 0.2, 0.5},      /* oesophagus */
    {-0.12, 0.20, 11, 0, 0, 0, 0.6, 1.0},       /* body, from above */
    {0.18, 0.10, 13, 0.4, 0, 0.1, 0.7, 1.5},    /* body, further down */
    {0.10, -0.06, 0, 1.5, 0.13, 0.9, 0.5, 0.7}, /* antrum */
    {-0.04, 0.04, 0, 1.9, 0.2, 1.3, 0.4, 0.5},  /* in front of the pylorus */
    {0.05, 0.12, 4, 3.4, 0, 0, 1.0, 0.8},       /* duodenum */
};

/* Height of the wall at an angle and a depth. */
static double wall_at(const struct view *view, double angle, double depth, uint32_t seed)
{
    double c = cos(angle) * 1.4;
    double s = sin(angle) * 1.4;
    double bend = synth_noise(c, s, depth * 0.8, seed) * view->bend;
    double height = 0;
    if (view->folds > 0) {
        double wave = 0.5 + 0.5 * cos(angle * view->folds + bend * 5);
        height +=
            0.55 * pow(wave, 0.7) * (0.75 + 0.25 * synth_noise(c, s, depth, seed + 1));
    }
    if (view->rings > 0) {
        double wave = 0.5 + 0.5 * cos((depth * view->rings + bend * 0.5) * 2 * PI);
        height += 0.38 * wave * wave;
    }
    height += 0.10 * synth_noise(c * 3, s * 3, depth * 2.4, seed + 2);
    height += 0.025 * synth_noise(c * 16, s * 16, depth * 14, seed + 3);
    return height;
}

struct place {
    double angle;
    double radius; /* from where the passage goes on */
    double depth;
};

static struct place place_at(const struct view *view, double x, double y)
{
    double dx = x - view->x;
    double dy = (y - view->y) * 1.06;
    double radius = sqrt(dx * dx + dy * dy) + 1e-4;
    return (struct place){atan2(dy, dx), radius, -log(radius) * 0.9};
}

static double red_at(const struct view *view, const struct place *place, uint32_t seed)
{
    double c = cos(place->angle);
    double s = sin(place->angle);
    double patch = synth_noise(c * 2.2, s * 2.2, place->depth * 2.2, seed + 4);
    double fleck = synth_noise(c * 9, s * 9, place->depth * 8, seed + 5);
    return view->red * synth_step(0, 1, patch * 0.8 + fleck * 0.5);
}

/* Thin vessels that shine through. */
static double vein_at(const struct place *place, uint32_t seed)
{
    double c = cos(place->angle) * 3;
    double s = sin(place->angle) * 3;
    double line = fabs(synth_noise(c, s, place->depth * 3, seed + 6) +
                       0.3 * synth_noise(c * 3, s * 3, place->depth * 8, seed + 7));
    return 1 - synth_step(0.0, 0.055, line);
}

struct light {
    double shade;
    double shine;
    double crest;
};

static struct light light_at(const struct view *view, const struct place *place,
                             uint32_t seed)
{
    const double step = 0.012;
    double here = wall_at(view, place->angle, place->depth, seed);
    double aside = wall_at(view, place->angle + step * 2, place->depth, seed);
    double ahead = wall_at(view, place->angle, place->depth + step, seed);
    double across = (aside - here) / (step * 2) * 0.24;
    double along = (ahead - here) / step * 0.14;
    double length = sqrt(1 + across * across + along * along);
    /* The lamp is at the lens: what faces it is bright. */
    double facing = (0.72 + 0.55 * along + 0.30 * across) / length;
    double distance = exp(-fmax(0, place->depth) * 1.25);
    struct light light = {.crest = here};
    light.shade = synth_clamp(0.22 + 0.85 * facing, 0, 1.4) * (0.03 + 1.12 * distance);
    double wet = synth_noise(cos(place->angle) * 8, sin(place->angle) * 8,
                             place->depth * 7, seed + 8);
    light.shine = synth_step(0.98, 1.12, facing + wet * 0.2) * distance;
    return light;
}

static void colour_of(const struct view *view, double x, double y, uint32_t seed,
                      uint8_t rgb[3])
{
    struct place place = place_at(view, x, y);
    struct light light = light_at(view, &place, seed);
    double red = red_at(view, &place, seed);
    double vein = vein_at(&place, seed) * 0.07;
    double pale = synth_clamp(light.crest, 0, 1) * 0.14;
    double colour[] = {0.97 + 0.02 * view->warmth, 0.62 - 0.05 * view->warmth + pale,
                       0.52 - 0.08 * view->warmth + pale};
    colour[1] -= red * 0.24 + vein;
    colour[2] -= red * 0.20 + vein * 0.8;
    double hole = 1;
    if (view->mouth > 0) {
        double wobble = synth_noise(cos(place.angle) * 2, sin(place.angle) * 2, 3, seed);
        double rim = view->mouth * (1 + 0.18 * wobble);
        hole = 0.06 + 0.94 * synth_step(rim * 0.78, rim * 1.04, place.radius);
        light.shade += 0.30 * exp(-pow((place.radius - rim * 1.35) / (rim * 0.28), 2));
    }
    double edge = sqrt(x * x + y * y);
    double vignette = 1 - 0.42 * synth_step(0.55, 1.25, edge);
    for (int i = 0; i < 3; i++) {
        double value = colour[i] * light.shade * hole * vignette;
        /* Deep places are red before they are black. */
        value = pow(synth_clamp(value, 0, 1.2), i == 0 ? 0.82 : 1.05);
        value += light.shine * 0.85 * hole;
        rgb[i] = (uint8_t)synth_clamp(value * 250, 4, 255);
    }
}

void synth_draw_stomach(const struct synth_colours *colours, int view, uint32_t seed)
{
    const struct view *what = &VIEWS[view % (int)(sizeof VIEWS / sizeof *VIEWS)];
    double half = colours->height / 2.0;
    memset(colours->at, 0, (size_t)colours->width * (size_t)colours->height * 3);
    for (int j = 0; j < colours->height; j++)
        for (int i = 0; i < colours->width; i++) {
            double x = (i + 0.5 - colours->width / 2.0) / half;
            double y = (j + 0.5 - half) / half;
            if (fabs(x) > 0.97 || fabs(y) > 0.97 || fabs(x) + fabs(y) > 1.6)
                continue;
            colour_of(what, x, y, seed + (uint32_t)view * 101,
                      colours->at + ((ptrdiff_t)j * colours->width + i) * 3);
        }
}
