// SPDX-License-Identifier: Apache-2.0
/* A head, slice by slice, as magnetic resonance weighs it: what is fluid in T1 is dark
 * and in T2 bright. An old infarct in the left corona radiata, as the findings say. */
#include <math.h>

#include "cli/synth/phantom.h"

enum tissue { NOTHING, SKIN_FAT, BONE, MARROW, FLUID, GREY, WHITE, FLESH, SCAR, TISSUES };

static const double SIGNAL[TISSUES][2] = {
    [NOTHING] = {25, 25},   [SKIN_FAT] = {2300, 1500}, [BONE] = {110, 90},
    [MARROW] = {1500, 900}, [FLUID] = {330, 2900},     [GREY] = {980, 1500},
    [WHITE] = {1420, 1060}, [FLESH] = {900, 620},      [SCAR] = {700, 2150},
};

struct slice {
    struct synth_plane *plane;
    double z;
    double scale; /* of the head at this height */
    enum synth_weighting weighting;
};

/* Half axes of the skin at the middle. */
static const double WIDE = 75;
static const double LONG = 95;

static double signal_of(const struct slice *slice, enum tissue tissue)
{
    return SIGNAL[tissue][slice->weighting];
}

/* `place`: x, y and the half axes. */
static void put_turned(const struct slice *slice, const double place[4], double turn,
                       enum tissue tissue)
{
    struct synth_ellipse ellipse = {place[0], place[1], place[2], place[3], turn,
                                    0,        0,        1.2,      NULL};
    ellipse.value = signal_of(slice, tissue);
    synth_plane_ellipse(slice->plane, &ellipse);
}

static void put(const struct slice *slice, const double place[4], enum tissue tissue)
{
    put_turned(slice, place, 0, tissue);
}

/* On both sides. */
static void put_pair(const struct slice *slice, const double place[4], double turn,
                     enum tissue tissue)
{
    for (int side = -1; side <= 1; side += 2)
        put_turned(slice, (double[]){side * place[0], place[1], place[2], place[3]},
                   side * turn, tissue);
}

/* ------------------------------------------------------------------ brain */

/* Furrows are where a smooth noise changes its sign; bark lies along them. */
static enum tissue brain_at(double x, double y, double z, double depth)
{
    /* Nothing but white matter lies deep. */
    if (depth > 26 && fabs(x) > 7)
        return WHITE;
    double bend = synth_noise(x / 30, y / 30, z / 30, 4) * 9;
    double left = 1 - depth / 25;
    double middle = fabs(x + bend * 0.15);
    if (z > -18 && fabs(y) > 18 + (z > 34 ? -18 : 0) && middle < 4.6)
        return middle < 1 ? FLUID : GREY;
    if (left <= 0)
        return WHITE;
    double a = synth_noise((x + bend) / 11, (y - bend) / 11, z / 15, 1);
    double b = synth_noise((x - bend) / 9 + 40, (y + bend) / 9, z / 13, 2);
    double furrow = fmin(fabs(a), fabs(b) + 0.03);
    if (furrow < 0.075 * left + 0.01)
        return FLUID;
    if (depth < 3 || furrow < 0.17 + 0.2 * left)
        return GREY;
    return WHITE;
}

static double cortex_at(const struct slice *slice, double x, double y, double depth)
{
    double sum = 0;
    /* Four places in a pixel, or the edges are steps. */
    for (int i = 0; i < 4; i++) {
        double dx = ((i & 1) - 0.5) * slice->plane->mm / 2;
        double dy = ((i >> 1) - 0.5) * slice->plane->mm / 2;
        sum += signal_of(slice, brain_at(x + dx, y + dy, slice->z, depth));
    }
    return sum / 4;
}

/* From the skin inwards; `depth` in mm. */
static double layer_at(const struct slice *slice, double x, double y, double depth)
{
    static const struct {
        double from;
        enum tissue tissue;
    } layers[] = {{0, FLESH},  {1.2, SKIN_FAT}, {5.2, BONE},
                  {7, MARROW}, {9.6, BONE},     {11.6, FLUID}};
    enum { LAYERS = sizeof layers / sizeof *layers };
    const double brain = 13.4;
    double value = signal_of(slice, NOTHING);
    for (int i = 0; i < LAYERS; i++) {
        double cover =
            synth_clamp((depth - layers[i].from) / slice->plane->mm + 0.5, 0, 1);
        value += (signal_of(slice, layers[i].tissue) - value) * cover;
    }
    double cover = synth_clamp((depth - brain) / slice->plane->mm + 0.5, 0, 1);
    if (cover <= 0)
        return value;
    return value + (cortex_at(slice, x, y, depth - brain) - value) * cover;
}

static void put_head(const struct slice *slice)
{
    struct synth_plane *plane = slice->plane;
    for (int j = 0; j < plane->height; j++)
        for (int i = 0; i < plane->width; i++) {
            double x = plane->left + i * plane->mm;
            double y = plane->top + j * plane->mm;
            /* Wider behind than in front. */
            double wide = WIDE * slice->scale * (1 + 0.0012 * y - 0.000008 * y * y);
            double length = LONG * slice->scale;
            double u = x / wide;
            double v = y / length;
            double radius = sqrt(u * u + v * v);
            double depth =
                radius < 1e-6 ? wide : (1 - radius) * sqrt(x * x + y * y) / radius;
            /* Near the vertex the layers are cut aslant. */
            depth *= slice->scale < 0.8 ? 0.35 + 0.8 * slice->scale : 1;
            plane->at[(ptrdiff_t)j * plane->width + i] =
                (float)layer_at(slice, x, y, depth);
        }
}

static void put_ventricles(const struct slice *slice)
{
    double z = slice->z;
    if (z > -4 && z < 14) {
        put_pair(slice, (double[]){9, -27, 5, 14}, 22, FLUID);
        put_pair(slice, (double[]){24, 34, 6.5, 15}, -30, FLUID);
        put_pair(slice, (double[]){18, 22, 4, 10}, -35, FLUID);
    }
    if (z >= 14 && z < 30)
        put_pair(slice, (double[]){12, 2, 5.6 - fabs(z - 20) * 0.2, 34}, -9, FLUID);
    if (z > -12 && z < 8)
        put(slice, (double[]){0, 0, 2.6, 13}, FLUID);
    if (z > -4 && z < 26)
        put(slice, (double[]){0, -20, 0.9, 12}, WHITE);
    if (z > 8 && z < 30) {
        put(slice, (double[]){0, -34 + (z - 8) * 0.3, 14, 4}, WHITE);
        put(slice, (double[]){0, 32, 16, 5}, WHITE);
    }
}

static void put_nuclei(const struct slice *slice)
{
    if (slice->z < -6 || slice->z > 22)
        return;
    put_pair(slice, (double[]){14, -26, 7, 12}, 14, GREY);
    if (slice->z < 15) {
        put_pair(slice, (double[]){26, -6, 6.5, 17}, -14, GREY);
        put_pair(slice, (double[]){11, 9, 9.5, 14}, -22, GREY);
        put_pair(slice, (double[]){39, -4, 2.4, 20}, -4, GREY);
        put_pair(slice, (double[]){43, -4, 1.2, 17}, -4, FLUID);
    }
}

static void put_infarct(const struct slice *slice)
{
    double t = (slice->z - 23) / 9;
    if (t * t >= 1)
        return;
    double size = sqrt(1 - t * t);
    put_turned(slice, (double[]){25, -4, 7.5 * size, 10 * size}, 12, SCAR);
    put_turned(slice, (double[]){25.5, -4, 4 * size, 6 * size}, 12, FLUID);
}

/* ------------------------------------------------------------------ base */

static void put_eyes(const struct slice *slice)
{
    double t = (slice->z + 34) / 15;
    if (t * t >= 1)
        return;
    double size = sqrt(1 - t * t);
    put_pair(slice, (double[]){31, -58, 19 * size, 25 * size}, 20, SKIN_FAT);
    put_pair(slice, (double[]){31, -69, 12.6 * size, 12.6 * size}, 0, BONE);
    put_pair(slice, (double[]){31, -69, 11.4 * size, 11.4 * size}, 0, FLUID);
    put_pair(slice, (double[]){31, -79, 4.4 * size, 2 * size}, 0, FLESH);
    put_pair(slice, (double[]){24, -47, 1.8, 14 * size}, 24, WHITE);
    put_pair(slice, (double[]){42, -55, 2.2, 15 * size}, -14, FLESH);
    put_pair(slice, (double[]){19, -55, 2.2, 15 * size}, 10, FLESH);
}

static void put_nose(const struct slice *slice)
{
    put(slice, (double[]){0, -66, 17, 32}, FLESH);
    put_pair(slice, (double[]){7, -64, 4.6, 24}, 3, NOTHING);
    put_pair(slice, (double[]){8, -64, 1.5, 17}, 3, FLESH);
    put(slice, (double[]){0, -34, 13, 9}, NOTHING);
    put(slice, (double[]){0, -94, 9, 8}, SKIN_FAT);
    put(slice, (double[]){0, -92, 7.5, 7}, FLESH);
}

/* Fine leaves across. */
static void put_cerebellum(const struct slice *slice, double size)
{
    struct synth_plane *plane = slice->plane;
    struct synth_ellipse rim = {0, 48, 50 * size, 30 * size, 0, 2.3, 0, 1.5, NULL};
    for (int j = 0; j < plane->height; j++)
        for (int i = 0; i < plane->width; i++) {
            double x = plane->left + i * plane->mm;
            double y = plane->top + j * plane->mm;
            double cover = synth_ellipse_cover(&rim, x, y, plane->mm);
            if (cover <= 0)
                continue;
            double bend = synth_noise(x / 14, y / 14, slice->z / 14, 9) * 2.4;
            double leaf = sin((sqrt(x * x * 0.5 + (y - 22) * (y - 22)) + bend) * 1.35);
            double deep = pow((fabs(x) - 20) / (17 * size), 2) + pow((y - 44) / 13, 2);
            enum tissue tissue = deep < 1 + bend * 0.2 ? WHITE
                                 : leaf > 0.82         ? FLUID
                                                       : GREY;
            float *at = plane->at + (ptrdiff_t)j * plane->width + i;
            *at += (float)((signal_of(slice, tissue) - *at) * cover);
        }
    put(slice, (double[]){0, 50, 5, 20 * size}, GREY);
}

static void put_base(const struct slice *slice)
{
    double z = slice->z;
    if (z > -19)
        return;
    double size = z > -46 ? 1 : sqrt(fmax(0.3, 1 - pow((z + 46) / 26, 2)));
    /* Bone and air between the temples. */
    put(slice, (double[]){0, -26, 30, 46}, BONE);
    put_pair(slice, (double[]){44, 18, 22, 10}, -28, BONE);
    put_pair(slice, (double[]){50, 24, 8, 5}, -20, NOTHING);
    put(slice, (double[]){0, -14, 12, 10}, MARROW);
    if (z < -44) {
        put_pair(slice, (double[]){30, -50, 15, 17}, 0, BONE);
        put_pair(slice, (double[]){30, -50, 13.5, 15.5}, 0, NOTHING);
    }
    put_nose(slice);
    put_eyes(slice);
    put(slice, (double[]){0, 24, 22, 16}, FLUID);
    put_cerebellum(slice, size);
    put(slice, (double[]){0, 19, 14 * size, 12 * size}, WHITE);
    if (z > -50)
        put(slice, (double[]){0, 34, 6.5, 4}, FLUID);
    put(slice, (double[]){0, 4, 2.4, 2}, BONE);
}

static void put_midbrain(const struct slice *slice)
{
    if (slice->z < -19 || slice->z > -7)
        return;
    put(slice, (double[]){0, -12, 15, 9}, FLUID);
    put(slice, (double[]){0, 14, 17, 14}, FLUID);
    put(slice, (double[]){0, 11, 13, 11}, WHITE);
    put_pair(slice, (double[]){8, 3, 5, 6}, 24, WHITE);
    put(slice, (double[]){0, 16, 1.2, 1.6}, FLUID);
    put(slice, (double[]){0, 34, 20, 11}, GREY);
    put(slice, (double[]){0, -12, 3, 2}, WHITE);
    put_pair(slice, (double[]){6, -10, 1.6, 1.6}, 0, BONE);
}

/* ------------------------------------------------------------------ all */

void synth_draw_head(struct synth_plane *plane, double z, enum synth_weighting weighting)
{
    struct err ignored = {0};
    double height = z > 0 ? 94 : 170;
    struct slice slice = {.plane = plane,
                          .z = z,
                          .scale = sqrt(fmax(0.05, 1 - pow(z / height, 2))),
                          .weighting = weighting};
    put_head(&slice);
    put_nuclei(&slice);
    put_ventricles(&slice);
    put_infarct(&slice);
    put_midbrain(&slice);
    put_base(&slice);
    synth_plane_blur(plane, plane->mm * 0.9, &ignored);
    /* The coil hears what is near it better; noise has no sign. */
    for (int j = 0; j < plane->height; j++)
        for (int i = 0; i < plane->width; i++) {
            double x = plane->left + i * plane->mm;
            double y = plane->top + j * plane->mm;
            float *at = plane->at + (ptrdiff_t)j * plane->width + i;
            *at *= (float)(0.96 + 0.09 * (x * x + y * y) / 9000);
        }
    synth_plane_grain(plane, (uint32_t)(int)(z * 10) * 2654435761U + weighting, 26);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)plane->width * plane->height; i++)
        plane->at[i] = fabsf(plane->at[i]);
}
