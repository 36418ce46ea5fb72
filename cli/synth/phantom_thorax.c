// SPDX-License-Identifier: Apache-2.0
/* A chest, slice by slice, as a computed tomograph sees it: pneumonia in the right lower
 * lobe with a little fluid behind it, as the findings of these orders say. */
#include <math.h>

#include "cli/synth/phantom.h"

static const double PI = 3.14159265358979323846;

enum {
    AIR = -1000,
    LUNG = -865,
    FAT = -105,
    WATER = 12,
    MUSCLE = 55,
    BLOOD = 42,
    LIVER = 62,
    SPONGY = 220,
    CARTILAGE = 115,
    CORTEX = 1150
};

/* What the shapes of one slice have in common. */
struct slice {
    struct synth_plane *plane;
    double z;
    struct synth_ellipse cavity;
};

static void put(const struct slice *slice, struct synth_ellipse ellipse)
{
    synth_plane_ellipse(slice->plane, &ellipse);
}

/* The cut through an ellipsoid; nothing when the slice passes it by. */
static void put_ball(const struct slice *slice, struct synth_ellipse ellipse, double z,
                     double c)
{
    double t = (slice->z - z) / c;
    if (t * t >= 1)
        return;
    ellipse.a *= sqrt(1 - t * t);
    ellipse.b *= sqrt(1 - t * t);
    put(slice, ellipse);
}

static void put_bone(const struct slice *slice, struct synth_ellipse ellipse,
                     double thickness, double inside)
{
    ellipse.value = CORTEX;
    put(slice, ellipse);
    ellipse.a -= thickness;
    ellipse.b -= thickness;
    ellipse.value = inside;
    put(slice, ellipse);
}

static void put_wall(const struct slice *slice)
{
    put(slice, (struct synth_ellipse){0, 262, 250, 132, 0, 0, -180, 0, NULL});
    put(slice, (struct synth_ellipse){0, 266, 250, 132, 0, 0, AIR, 0, NULL});
    put(slice, (struct synth_ellipse){0, 0, 168, 119, 0, 2.5, 30, 0, NULL});
    put(slice, (struct synth_ellipse){0, 0, 165.5, 116.5, 0, 2.5, FAT, 0, NULL});
    put(slice, (struct synth_ellipse){0, 0, 149, 101, 0, 2.2, MUSCLE, 0, NULL});
    for (int side = -1; side <= 1; side += 2) {
        put(slice, (struct synth_ellipse){side * 128, 34, 22, 48, side * -14, 0, MUSCLE,
                                          0, NULL});
        put(slice, (struct synth_ellipse){side * 74, -92, 52, 12, side * 14, 0, MUSCLE, 0,
                                          NULL});
        put(slice, (struct synth_ellipse){side * 30, 98, 27, 15, 0, 0, MUSCLE, 0, NULL});
    }
}

/* A rib goes down on its way to the front, so that a slice cuts several of them. */
static void put_ribs(const struct slice *slice)
{
    enum { RIBS = 26, APART = 24, FALL = 78 };
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < RIBS; i++) {
            double t = ((i - RIBS / 2) * APART - slice->z) / FALL + 0.5;
            if (t < 0.04 || t > 0.86)
                continue;
            double angle = PI * t;
            double x = side * 141 * sin(angle);
            double y = 91 * cos(angle) - 1;
            double turn = atan2(-91 * sin(angle), side * 141 * cos(angle)) * 180 / PI;
            struct synth_ellipse rib = {x, y, 19, 5.2, turn, 0, 0, 0, NULL};
            if (t > 0.72) {
                rib.value = CARTILAGE;
                put(slice, rib);
            } else {
                put_bone(slice, rib, 1.7, 260);
            }
        }
}

static void put_skeleton(const struct slice *slice)
{
    double disc = fabs(fmod(slice->z + 2600, 26) - 13) / 13;
    struct synth_ellipse body = {0, 66, 19, 15, 0, 0, 95, 0, NULL};
    put(slice, (struct synth_ellipse){0, 70, 34, 30, 0, 0, MUSCLE, 0, NULL});
    put_ribs(slice);
    if (disc > 0.84)
        put(slice, body);
    else
        put_bone(slice, body, 2, SPONGY);
    put_bone(slice, (struct synth_ellipse){0, 89, 13, 12, 0, 0, 0, 0, NULL}, 1.5, 330);
    put_bone(slice, (struct synth_ellipse){0, 107, 4, 12, 0, 0, 0, 0, NULL}, 1.4, 260);
    for (int side = -1; side <= 1; side += 2)
        put_bone(slice,
                 (struct synth_ellipse){side * 24, 91, 15, 4.6, side * 22, 0, 0, 0, NULL},
                 1.5, 260);
    put(slice, (struct synth_ellipse){0, 88, 9, 8, 0, 0, 25, 0, NULL});
    if (slice->z > -55) {
        put_bone(slice, (struct synth_ellipse){0, -95, 18, 6.4, 0, 2.6, 0, 0, NULL}, 1.6,
                 150);
        for (int side = -1; side <= 1; side += 2)
            put(slice, (struct synth_ellipse){side * 33, -93, 14, 5.2, side * 10, 0,
                                              CARTILAGE, 0, NULL});
    }
    for (int side = -1; slice->z > -30 && side <= 1; side += 2)
        put_bone(
            slice,
            (struct synth_ellipse){side * 116, 62, 42, 4.2, side * -52, 0, 0, 0, NULL},
            1.5, 330);
}

/* ------------------------------------------------------------------ lungs */

/* Vessels part in two again and again; each piece is a row of spots. */
struct branch {
    double at[3];
    double way[3];
    double radius;
    int depth;
};

static void put_vessel(const struct slice *slice, const struct branch *branch,
                       double length)
{
    double step = slice->plane->mm / 2;
    for (double way = 0; way < length; way += step) {
        double radius = branch->radius * (1 - 0.3 * way / length);
        double z = branch->at[2] + branch->way[2] * way - slice->z;
        double x = branch->at[0] + branch->way[0] * way;
        double y = branch->at[1] + branch->way[1] * way;
        if (fabs(z) < radius &&
            synth_ellipse_cover(&slice->cavity, x, y, slice->plane->mm) > 0.9)
            synth_plane_spot(slice->plane, x, y, sqrt(radius * radius - z * z), 30);
    }
}

static void grow(const struct slice *slice, const struct branch *branch,
                 struct rand_seeded *dice)
{
    enum { DEPTH_MAX = 6 };
    double length = 30 - branch->depth * 2.5;
    put_vessel(slice, branch, length);
    if (branch->depth == DEPTH_MAX)
        return;
    double bend[3];
    for (int i = 0; i < 3; i++)
        bend[i] = synth_roll(dice, -100, 100) / 155.0;
    for (int half = -1; half <= 1; half += 2) {
        struct branch next = {.radius = branch->radius * 0.74,
                              .depth = branch->depth + 1};
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            next.at[i] = branch->at[i] + branch->way[i] * length;
            next.way[i] = branch->way[i] + half * bend[i];
            sum += next.way[i] * next.way[i];
        }
        for (int i = 0; i < 3; i++)
            next.way[i] /= sqrt(sum);
        grow(slice, &next, dice);
    }
}

static void put_vessels(const struct slice *slice, uint32_t seed)
{
    static const double ways[][3] = {
        {0.55, -0.6, 0.5},  {0.8, 0.3, 0.52},  {0.9, -0.3, -0.1}, {0.5, 0.7, -0.5},
        {0.45, -0.4, -0.8}, {0.3, 0.35, 0.88}, {0.85, 0.1, 0.5},  {0.75, -0.55, 0.3},
        {0.6, 0.75, 0.1},   {0.8, 0.2, -0.55}};
    for (int side = -1; side <= 1; side += 2)
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            struct rand_seeded dice = rand_seed(seed + i * 7 + (side > 0 ? 91 : 0));
            struct branch branch = {
                .at = {side * 30.0, 6, 4},
                .way = {side * ways[i][0], ways[i][1], ways[i][2]},
                .radius = 5.4,
            };
            grow(slice, &branch, &dice);
        }
}

/* Shadows in the lower lobe, with the bronchi as dark lines in them. */
static void put_pneumonia(const struct slice *slice, uint32_t seed)
{
    double depth = 1 - pow((slice->z + 34) / 38, 2);
    for (int j = 0; depth > 0 && j < slice->plane->height; j++)
        for (int i = 0; i < slice->plane->width; i++) {
            double x = slice->plane->left + i * slice->plane->mm;
            double y = slice->plane->top + j * slice->plane->mm;
            double apart = (x + 80) * (x + 80) / 1600 + (y - 34) * (y - 34) / 1156;
            if (apart > 1.6)
                continue;
            double cloud = synth_noise(x / 15, y / 15, slice->z / 15, seed) * 0.55 +
                           synth_noise(x / 6, y / 6, slice->z / 6, seed + 1) * 0.3;
            double dense = synth_step(0.15, 0.85, depth * 1.25 - apart + cloud);
            double bronchus =
                fabs(synth_noise(x / 13, y / 13, slice->z / 30, seed + 2)) < 0.035;
            double value = dense * (bronchus > 0 ? 330 : 850);
            float *at = slice->plane->at + (ptrdiff_t)j * slice->plane->width + i;
            double inside = synth_ellipse_cover(&slice->cavity, x, y, slice->plane->mm);
            if (*at < -300)
                *at = (float)fmin(*at + value * inside, 30);
        }
}

static void put_lungs(const struct slice *slice, uint32_t seed)
{
    put(slice, slice->cavity);
    for (int j = 0; j < slice->plane->height; j++)
        for (int i = 0; i < slice->plane->width; i++) {
            double y = slice->plane->top + j * slice->plane->mm;
            float *at = slice->plane->at + (ptrdiff_t)j * slice->plane->width + i;
            double lung = synth_clamp((-400 - *at) / 400, 0, 1);
            if (fabs(y) < 95 && *at > -980)
                *at += (float)(lung * y * 0.4);
        }
    put_vessels(slice, seed);
    put_pneumonia(slice, seed);
    if (slice->z < 6)
        put(slice, (struct synth_ellipse){-76, 104, 66, 34 - fmax(slice->z, -40) * 0.25,
                                          9, 0, WATER, 2, &slice->cavity});
}

/* ------------------------------------------------------------------ between the lungs */

static void put_heart(const struct slice *slice)
{
    const struct synth_ellipse *within = &slice->cavity;
    put_ball(slice, (struct synth_ellipse){25, -32, 70, 51, 35, 0, FAT, 0, within}, -42,
             66);
    put_ball(slice, (struct synth_ellipse){-20, -22, 36, 40, 0, 0, FAT, 0, within}, -34,
             52);
    put_ball(slice, (struct synth_ellipse){26, -31, 64, 45, 35, 0, 38, 0, within}, -42,
             61);
    put_ball(slice, (struct synth_ellipse){-20, -21, 31, 35, 0, 0, 38, 0, within}, -34,
             47);
    /* The septum and the wall are a little brighter than anaemic blood. */
    put_ball(slice, (struct synth_ellipse){40, -22, 42, 24, 40, 0, 46, 3, within}, -46,
             48);
    put_ball(slice, (struct synth_ellipse){40, -22, 33, 16, 40, 0, 36, 3, within}, -46,
             40);
}

static void put_vessel_cut(const struct slice *slice, double x, double y, double radius)
{
    put(slice, (struct synth_ellipse){x, y, radius + 1.5, radius + 1.5, 0, 0, FAT, 0,
                                      &slice->cavity});
    put(slice, (struct synth_ellipse){x, y, radius, radius, 0, 0, BLOOD, 0, NULL});
}

static void put_great_vessels(const struct slice *slice)
{
    double z = slice->z;
    if (z < 50)
        put_vessel_cut(slice, 25, 42, 12.5);
    if (z > -8 && z < 50)
        put_vessel_cut(slice, -13, -26, 17);
    for (double t = 0; z >= 44 && z < 62 && t <= 1; t += 0.1)
        put(slice, (struct synth_ellipse){-13 + 38 * t, -26 + 68 * t, 14, 13, 0, 0, BLOOD,
                                          0, NULL});
    if (z > 0)
        put_vessel_cut(slice, -31, -14, 10);
    if (z < -48)
        put_vessel_cut(slice, -28, 8, 13);
    if (z > 2 && z < 22) {
        put_vessel_cut(slice, 15, -40, 15);
        put(slice, (struct synth_ellipse){-16, -2, 34, 9.5, -14, 0, BLOOD, 0, NULL});
    }
    if (z > 12 && z < 32)
        put(slice, (struct synth_ellipse){30, -10, 12, 26, -24, 0, BLOOD, 0, NULL});
}

static void put_small_vessels(const struct slice *slice)
{
    double z = slice->z;
    if (z >= 62) {
        put_vessel_cut(slice, -16, -16, 7);
        put_vessel_cut(slice, 4, -10, 5);
        put_vessel_cut(slice, 20, 4, 5.5);
    }
    put_vessel_cut(slice, -7, 46, 4);
    put(slice, (struct synth_ellipse){8, 31, 8.5, 6, 10, 0, 36, 0, NULL});
    put(slice, (struct synth_ellipse){9, 31, 2, 1.4, 10, 0, -500, 0, NULL});
    /* Lime in the wall of an old aorta. */
    if (fmod(fabs(z), 21) < 7 && z < 50)
        put(slice, (struct synth_ellipse){35.5, 47, 1.6, 4, 20, 0, 620, 0, NULL});
}

static void put_airways(const struct slice *slice)
{
    double below = 24 - slice->z;
    if (below <= 0) {
        put(slice, (struct synth_ellipse){0, 6, 11, 10.5, 0, 0, 35, 0, NULL});
        put(slice, (struct synth_ellipse){0, 6, 9, 8.6, 0, 0, AIR, 0, NULL});
        return;
    }
    for (int side = -1; below < 34 && side <= 1; side += 2) {
        double x = side * (8 + below * (side > 0 ? 1.25 : 1));
        double radius = 7 - below * 0.07;
        put(slice, (struct synth_ellipse){x, 8 + below * 0.2, radius + 2, radius + 1.6, 0,
                                          0, 35, 0, NULL});
        put(slice, (struct synth_ellipse){x, 8 + below * 0.2, radius, radius - 0.6, 0, 0,
                                          AIR, 0, NULL});
    }
}

static void put_belly(const struct slice *slice)
{
    const struct synth_ellipse *within = &slice->cavity;
    put_ball(slice, (struct synth_ellipse){-66, -2, 92, 84, 0, 0, LIVER, 0, within}, -122,
             82);
    put_ball(slice, (struct synth_ellipse){78, 6, 62, 72, 0, 0, FAT, 0, within}, -128,
             74);
    put_ball(slice, (struct synth_ellipse){92, 38, 34, 42, 20, 0, 52, 0, within}, -128,
             70);
    put_ball(slice, (struct synth_ellipse){62, -18, 38, 40, 0, 0, 30, 0, within}, -130,
             70);
    put_ball(slice, (struct synth_ellipse){62, -34, 30, 20, 0, 0, AIR, 0, within}, -130,
             62);
}

void synth_draw_thorax(struct synth_plane *plane, double z, uint32_t seed)
{
    double top = z > 36 ? sqrt(fmax(0.02, 1 - pow((z - 36) / 132, 2))) : 1;
    struct slice slice = {
        .plane = plane,
        .z = z,
        .cavity = {0, -3, 133 * top, 83 * top, 0, 2.2, LUNG, 0, NULL},
    };
    struct err ignored = {0};
    synth_plane_fill(plane, AIR);
    put_wall(&slice);
    put_lungs(&slice, seed);
    put(&slice, (struct synth_ellipse){0, -18, 31, 78, 0, 2.6, -85, 3, &slice.cavity});
    put_heart(&slice);
    put_great_vessels(&slice);
    put_small_vessels(&slice);
    put_belly(&slice);
    put_airways(&slice);
    put_skeleton(&slice);
    synth_plane_grain(plane, seed ^ (uint32_t)(int)(z * 100) * 2654435761U, 26);
    synth_plane_blur(plane, plane->mm * 0.9, &ignored);
    synth_plane_grain(plane, seed ^ (uint32_t)(int)(z * 100) * 40503U, 7);
}
