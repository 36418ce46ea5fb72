// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cli/synth/phantom.h"

static const double DEGREE = 0.017453292519943295;

double synth_clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

double synth_step(double from, double to, double value)
{
    double t = synth_clamp((value - from) / (to - from), 0, 1);
    return t * t * (3 - 2 * t);
}

/* ------------------------------------------------------------------ noise */

static uint32_t mix(uint32_t value)
{
    value ^= value >> 16;
    value *= 0x7FEB352DU;
    value ^= value >> 15;
    value *= 0x846CA68BU;
    return value ^ value >> 16;
}

static double corner(int x, int y, int z, uint32_t seed)
{
    uint32_t hash = mix((uint32_t)x * 0x8DA6B343U ^ (uint32_t)y * 0xD8163841U ^
                        (uint32_t)z * 0xCB1AB31FU ^ seed);
    return (double)hash * (2.0 / 4294967295.0) - 1;
}

static double between(double a, double b, double t)
{
    return a + (b - a) * t;
}

double synth_noise(double x, double y, double z, uint32_t seed)
{
    double floors[] = {floor(x), floor(y), floor(z)};
    int i = (int)floors[0];
    int j = (int)floors[1];
    int k = (int)floors[2];
    double u = synth_step(0, 1, x - floors[0]);
    double v = synth_step(0, 1, y - floors[1]);
    double w = synth_step(0, 1, z - floors[2]);
    double layers[2];
    for (int n = 0; n < 2; n++)
        layers[n] = between(
            between(corner(i, j, k + n, seed), corner(i + 1, j, k + n, seed), u),
            between(corner(i, j + 1, k + n, seed), corner(i + 1, j + 1, k + n, seed), u),
            v);
    return between(layers[0], layers[1], w);
}

/* ------------------------------------------------------------------ planes */

bool synth_plane_open(struct synth_plane *plane, int width, int height, double mm,
                      struct err *err)
{
    *plane = (struct synth_plane){.width = width,
                                  .height = height,
                                  .mm = mm,
                                  .left = -mm * (width - 1) / 2,
                                  .top = -mm * (height - 1) / 2};
    plane->at = memory_new((size_t)width * (size_t)height, sizeof *plane->at, err);
    return plane->at != NULL;
}

void synth_plane_free(struct synth_plane *plane)
{
    memory_free(plane->at);
    plane->at = NULL;
}

void synth_plane_fill(struct synth_plane *plane, double value)
{
    size_t count = (size_t)plane->width * (size_t)plane->height;
    for (size_t i = 0; i < count; i++)
        plane->at[i] = (float)value;
}

/* An ellipse with its sines taken once. */
struct turned {
    double cosine;
    double sine;
    double reach; /* the farthest that it goes from its middle */
};

static struct turned turn_of(const struct synth_ellipse *ellipse)
{
    double angle = ellipse->turn * DEGREE;
    return (struct turned){cos(angle), sin(angle),
                           fmax(ellipse->a, ellipse->b) + ellipse->soft + 2};
}

static double cover_turned(const struct synth_ellipse *ellipse,
                           const struct turned *turned, double x, double y, double mm)
{
    double dx = x - ellipse->x;
    double dy = y - ellipse->y;
    double u = (dx * turned->cosine + dy * turned->sine) / ellipse->a;
    double v = (dy * turned->cosine - dx * turned->sine) / ellipse->b;
    double power = ellipse->power;
    double radius = sqrt(u * u + v * v);
    double edge = ellipse->soft > 0 ? ellipse->soft : mm;
    double narrow = edge / (ellipse->a < ellipse->b ? ellipse->a : ellipse->b);
    /* With corners it reaches farther, never less far. */
    if (radius < 1e-6 || radius < 1 - 2 * narrow)
        return 1;
    if (radius > 1.5 + 2 * narrow)
        return 0;
    if (power > 0)
        radius = pow(pow(fabs(u), power) + pow(fabs(v), power), 1 / power);
    double outside = (radius - 1) * sqrt(dx * dx + dy * dy) / radius;
    return synth_clamp(0.5 - outside / edge, 0, 1);
}

double synth_ellipse_cover(const struct synth_ellipse *ellipse, double x, double y,
                           double mm)
{
    struct turned turned = turn_of(ellipse);
    return cover_turned(ellipse, &turned, x, y, mm);
}

void synth_plane_ellipse(struct synth_plane *plane, const struct synth_ellipse *ellipse)
{
    if (ellipse->a <= 0 || ellipse->b <= 0)
        return;
    struct turned turned = turn_of(ellipse);
    double reach = ellipse->power > 2 ? turned.reach * 1.4 : turned.reach;
    int from_x = (int)fmax(0, (ellipse->x - reach - plane->left) / plane->mm);
    int to_x =
        (int)fmin(plane->width - 1, (ellipse->x + reach - plane->left) / plane->mm + 1);
    int from_y = (int)fmax(0, (ellipse->y - reach - plane->top) / plane->mm);
    int to_y =
        (int)fmin(plane->height - 1, (ellipse->y + reach - plane->top) / plane->mm + 1);
    for (int j = from_y; j <= to_y; j++)
        for (int i = from_x; i <= to_x; i++) {
            double x = plane->left + i * plane->mm;
            double y = plane->top + j * plane->mm;
            double cover = cover_turned(ellipse, &turned, x, y, plane->mm);
            if (cover <= 0)
                continue;
            if (ellipse->within)
                cover *= synth_ellipse_cover(ellipse->within, x, y, plane->mm);
            float *at = plane->at + (ptrdiff_t)j * plane->width + i;
            *at += (float)((ellipse->value - *at) * cover);
        }
}

void synth_plane_spot(struct synth_plane *plane, double x, double y, double radius,
                      double value)
{
    double reach = radius + plane->mm;
    int from_x = (int)fmax(0, (x - reach - plane->left) / plane->mm);
    int to_x = (int)fmin(plane->width - 1, (x + reach - plane->left) / plane->mm + 1);
    int from_y = (int)fmax(0, (y - reach - plane->top) / plane->mm);
    int to_y = (int)fmin(plane->height - 1, (y + reach - plane->top) / plane->mm + 1);
    for (int j = from_y; j <= to_y; j++)
        for (int i = from_x; i <= to_x; i++) {
            double dx = plane->left + i * plane->mm - x;
            double dy = plane->top + j * plane->mm - y;
            double outside = sqrt(dx * dx + dy * dy) - radius;
            double cover = synth_clamp(0.5 - outside / plane->mm, 0, 1);
            float *at = plane->at + (ptrdiff_t)j * plane->width + i;
            float wanted = (float)(*at + (value - *at) * cover);
            if (wanted > *at)
                *at = wanted;
        }
}

void synth_plane_grain(struct synth_plane *plane, uint32_t seed, double strength)
{
    size_t count = (size_t)plane->width * (size_t)plane->height;
    for (size_t i = 0; i < count; i++) {
        uint32_t hash = mix((uint32_t)i * 0x9E3779B9U ^ seed);
        /* The sum of four even numbers is near enough to a bell. */
        int sum = (int)(hash & 255) + (int)(hash >> 8 & 255) + (int)(hash >> 16 & 255) +
                  (int)(hash >> 24);
        plane->at[i] += (float)((sum - 510) / 148.0 * strength);
    }
}

/* A running mean in every row, then in every column, from one plane into the other. */
static void mean_rows(const struct synth_plane *plane, float *line, int radius)
{
    int last = plane->width - 1;
    for (int y = 0; y < plane->height; y++) {
        float *row = plane->at + (ptrdiff_t)y * plane->width;
        double sum = 0;
        memcpy(line, row, (size_t)plane->width * sizeof *line);
        for (int i = -radius; i <= radius; i++)
            sum += line[i < 0 ? 0 : i > last ? last : i];
        for (int x = 0; x <= last; x++) {
            row[x] = (float)(sum / (2 * radius + 1));
            int in = x + radius < last ? x + radius + 1 : last;
            int out = x > radius ? x - radius : 0;
            sum += line[in] - line[out];
        }
    }
}

static void mean_columns(const struct synth_plane *plane, float *copy, float *sums,
                         int radius)
{
    int last = plane->height - 1;
    size_t width = (size_t)plane->width;
    float share = 1.0F / (float)(2 * radius + 1);
    memcpy(copy, plane->at, width * (size_t)plane->height * sizeof *copy);
    memset(sums, 0, width * sizeof *sums);
    for (int i = -radius; i <= radius; i++)
        for (size_t x = 0; x < width; x++)
            sums[x] += copy[(size_t)(i < 0 ? 0 : i > last ? last : i) * width + x];
    for (int y = 0; y <= last; y++) {
        float *row = plane->at + (size_t)y * width;
        const float *in =
            copy + (size_t)(y + radius < last ? y + radius + 1 : last) * width;
        const float *out = copy + (size_t)(y > radius ? y - radius : 0) * width;
        for (size_t x = 0; x < width; x++) {
            row[x] = sums[x] * share;
            sums[x] += in[x] - out[x];
        }
    }
}

/* Two running means along each way are near enough to a bell. */
void synth_plane_blur(struct synth_plane *plane, double mm, struct err *err)
{
    int radius = (int)(mm / plane->mm + 0.5);
    size_t count = (size_t)plane->width * (size_t)plane->height;
    float *spare = memory_new(count + (size_t)plane->width, sizeof *spare, err);
    for (int pass = 0; spare && radius > 0 && pass < 2; pass++) {
        mean_rows(plane, spare, radius);
        mean_columns(plane, spare, spare + count, radius);
    }
    memory_free(spare);
}
