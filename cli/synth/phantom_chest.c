// SPDX-License-Identifier: Apache-2.0
/* A chest from behind on a film: how thick each part is where the ray goes through, and
 * what of the ray is left. z here runs down the picture, x to the patient's left. */
#include <math.h>

#include "base/memory.h"
#include "cli/synth/phantom.h"

static const double PI = 3.14159265358979323846;

struct film {
    struct synth_plane *flesh; /* what all is summed up in, as if it were water, in mm */
    struct synth_plane part;
};

/* ------------------------------------------------------------------ parts */

/* Adds what was drawn on `part`, and clears it. */
static void add_part(struct film *film, double factor)
{
    size_t count = (size_t)film->part.width * (size_t)film->part.height;
    for (size_t i = 0; i < count; i++) {
        film->flesh->at[i] += (float)(film->part.at[i] * factor);
        film->part.at[i] = 0;
    }
}

/* The thickness of an ellipsoid of that depth; where several overlap, the thickest. */
static void put_ball(struct film *film, const struct synth_ellipse *ball, double depth)
{
    struct synth_plane *plane = &film->part;
    double cosine = cos(ball->turn * PI / 180);
    double sine = sin(ball->turn * PI / 180);
    double reach = fmax(ball->a, ball->b);
    int from_x = (int)fmax(0, (ball->x - reach - plane->left) / plane->mm);
    int to_x =
        (int)fmin(plane->width - 1, (ball->x + reach - plane->left) / plane->mm + 1);
    int from_z = (int)fmax(0, (ball->y - reach - plane->top) / plane->mm);
    int to_z =
        (int)fmin(plane->height - 1, (ball->y + reach - plane->top) / plane->mm + 1);
    for (int j = from_z; j <= to_z; j++)
        for (int i = from_x; i <= to_x; i++) {
            double x = plane->left + i * plane->mm - ball->x;
            double z = plane->top + j * plane->mm - ball->y;
            double u = (x * cosine + z * sine) / ball->a;
            double v = (z * cosine - x * sine) / ball->b;
            double rest =
                ball->power > 0 ? 1 - u * u * u * u - v * v * v * v : 1 - u * u - v * v;
            if (rest <= 0)
                continue;
            float thick = (float)(depth * sqrt(rest));
            float *at = plane->at + (ptrdiff_t)j * plane->width + i;
            if (thick > *at)
                *at = thick;
        }
}

static void ball(struct film *film, const double place[4], double turn, double depth)
{
    struct synth_ellipse shape = {place[0], place[1], place[2], place[3], turn,
                                  0,        0,        0,        NULL};
    put_ball(film, &shape, depth);
}

/* A stroke whose edges are denser than its middle, as those of hollow bones are. */
static void put_stroke_spot(struct synth_plane *plane, double x, double z, double radius,
                            double depth)
{
    int from_x = (int)fmax(0, (x - radius - plane->left) / plane->mm);
    int to_x = (int)fmin(plane->width - 1, (x + radius - plane->left) / plane->mm + 1);
    int from_z = (int)fmax(0, (z - radius - plane->top) / plane->mm);
    int to_z = (int)fmin(plane->height - 1, (z + radius - plane->top) / plane->mm + 1);
    for (int j = from_z; j <= to_z; j++)
        for (int i = from_x; i <= to_x; i++) {
            double dx = plane->left + i * plane->mm - x;
            double dz = plane->top + j * plane->mm - z;
            double t = (dx * dx + dz * dz) / (radius * radius);
            float *at = plane->at + (ptrdiff_t)j * plane->width + i;
            if (t < 1)
                *at = fmaxf(*at, (float)(depth * (1 - t * t)));
        }
}

/* ------------------------------------------------------------------ bones */

/* Half the width inside the ribs at a height. */
static double width_at(double z)
{
    double t = (z - 95) / 234;
    return t * t < 1 ? 136 * sqrt(1 - t * t) : 0;
}

/* A rib seen from behind is most of a tilted loop: convex from the spine to the side,
 * then down and back to the front, where it fades into cartilage. */
static void put_rib(struct film *film, int side, int number)
{
    double top = -128 + number * 23.0;
    double wide = width_at(top + 26 + number * 1.2) + 3;
    double high = 26 + number * 1.6;
    for (double angle = 100; angle > -66; angle -= 0.2) {
        double t = angle * PI / 180;
        double x = side * (9 + (wide - 9) * cos(t));
        double z = top - high * sin(t) + (100 - angle) * (0.26 + number * 0.012);
        double fade = synth_step(-66, -38, angle);
        double front = angle < 0 ? 0.62 : 1;
        if (cos(t) > -0.02)
            put_stroke_spot(&film->part, x, z, angle < 0 ? 6.2 : 5.2, 15 * fade * front);
    }
}

static void put_ribs(struct film *film)
{
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < 10; i++) {
            put_rib(film, side, i);
            /* Each on its own, or crossings would not show. */
            add_part(film, 1);
        }
}

static void put_spine(struct film *film)
{
    for (int i = 0; i < 16; i++) {
        double z = -205 + i * 26;
        double wide = 14 + i * 0.4;
        struct synth_ellipse body = {0, z, wide, 11, 0, 5, 0, 0, NULL};
        struct synth_ellipse thorn = {0, z + 7, 3.4, 7, 0, 0, 0, 0, NULL};
        put_ball(film, &body, 10);
        put_ball(film, &thorn, 14);
        for (int half = -1; half <= 1; half += 2)
            ball(film, (double[]){half * wide * 0.62, z - 1, 3, 4.6}, 0, 14);
    }
    add_part(film, 1);
}

static void put_shoulders(struct film *film)
{
    for (int side = -1; side <= 1; side += 2) {
        for (double t = 0; t <= 1; t += 0.001)
            put_stroke_spot(&film->part, side * (12 + 128 * t),
                            -136 - 18 * t - 9 * sin(t * 2 * PI), 5.6 - 1.4 * sin(t * PI),
                            11);
        add_part(film, 1);
        /* Inner edge of the shoulder blade, turned out of the lungs. */
        for (double t = 0; t <= 1; t += 0.001)
            put_stroke_spot(&film->part, side * (128 + 10 * sin(t * 3) - 6 * t),
                            -120 + 118 * t, 3.2, 8);
        ball(film, (double[]){side * 146, -66, 22, 62}, side * 8, 7);
        ball(film, (double[]){side * 168, -134, 20, 23}, 0, 26);
        ball(film, (double[]){side * 186, -84, 13, 62}, side * -17, 22);
        add_part(film, 1);
    }
}

/* ------------------------------------------------------------------ flesh */

static void put_body(struct film *film, struct err *err)
{
    struct synth_ellipse trunk = {0, 60, 158, 330, 0, 4, 0, 0, NULL};
    struct synth_ellipse neck = {0, -200, 58, 90, 0, 4, 0, 0, NULL};
    put_ball(film, &trunk, 150);
    put_ball(film, &neck, 120);
    ball(film, (double[]){0, -96, 236, 74}, 0, 132);
    for (int side = -1; side <= 1; side += 2)
        ball(film, (double[]){side * 206, -52, 52, 118}, side * -16, 108);
    synth_plane_blur(&film->part, 5, err);
    add_part(film, 1);
    for (int side = -1; side <= 1; side += 2)
        ball(film, (double[]){side * 74, 58, 64, 50}, side * 10, 12);
    add_part(film, 1);
}

/* Domes of the diaphragm: the right one is higher; beside them the angles are sharp. */
static double floor_of(double x)
{
    double u = x < 0 ? (x + 62) / 66 : (x - 66) / 62;
    double fall = u * u * 30;
    if ((x < 0) == (u < 0))
        fall += u * u * u * u * u * u * 44;
    return (x < 0 ? 78 : 92) + fall;
}

static void clip_to_lungs(struct synth_plane *plane)
{
    for (int j = 0; j < plane->height; j++)
        for (int i = 0; i < plane->width; i++) {
            double x = plane->left + i * plane->mm;
            double z = plane->top + j * plane->mm;
            double inside = synth_step(0, 5, width_at(z) - fabs(x)) *
                            synth_step(0, 3, floor_of(x) - z);
            plane->at[(ptrdiff_t)j * plane->width + i] *= (float)inside;
        }
}

static void put_lungs(struct film *film, struct err *err)
{
    struct synth_plane *plane = &film->part;
    for (int j = 0; j < plane->height; j++) {
        double z = plane->top + j * plane->mm;
        double inner = 12 + (z < -40 ? (-40 - z) * 0.08 : 0);
        double outer = width_at(z) - 2;
        for (int i = 0; i < plane->width && outer > inner; i++) {
            double x = plane->left + i * plane->mm;
            double t = (fabs(x) - (inner + outer) / 2) / ((outer - inner) / 2);
            if (t >= 1)
                continue;
            double open = 1 - synth_step(-0.7, 0.7, z - floor_of(x));
            double apex = fmin(1, 0.45 + (outer - inner) / 160);
            /* In the middle there is lung in front and behind. */
            double behind = 58 * (1 - synth_step(-10, 60, z));
            double thick = t > -1 ? fmax(150 * sqrt(sqrt(1 - t * t)), behind) : behind;
            plane->at[(ptrdiff_t)j * plane->width + i] = (float)(thick * open * apex);
        }
    }
    synth_plane_blur(&film->part, 0.9, err);
    add_part(film, -0.86);
}

static void put_heart(struct film *film, bool is_large, struct err *err)
{
    double size = is_large ? 1.22 : 1;
    ball(film, (double[]){34 * size, 52, 58 * size, 40 * size}, 34, 82);
    ball(film, (double[]){-16, 42, 28 * size, 44}, -8, 70);
    ball(film, (double[]){16, 2, 27, 30}, 24, 54);
    ball(film, (double[]){20, -46, 17, 18}, 0, 44);
    ball(film, (double[]){0, -60, 24, 120}, 0, 46);
    ball(film, (double[]){12, 60, 24, 150}, 0, 44);
    synth_plane_blur(&film->part, 0.8, err);
    add_part(film, 1.2);
}

static void put_airway(struct film *film)
{
    for (double z = -230; z < -42; z += 0.4)
        put_stroke_spot(&film->part, 1.5, z, 8.2, 15);
    for (double t = 0; t < 1; t += 0.004) {
        put_stroke_spot(&film->part, 1.5 - 30 * t, -42 + 28 * t, 6.4, 11 * (1 - t * 0.5));
        put_stroke_spot(&film->part, 1.5 + 38 * t, -42 + 28 * t, 5.6, 10 * (1 - t * 0.5));
    }
    add_part(film, -1);
}

/* The bubble of the stomach under the left dome. */
static void put_stomach(struct film *film)
{
    ball(film, (double[]){66, 114, 34, 15}, -8, 42);
    add_part(film, -0.9);
}

static void grow(struct film *film, double place[2], double angle, double radius,
                 struct rand_seeded *dice)
{
    double length = 22 + radius * 2;
    double bend = synth_roll(dice, -20, 20) / 1000.0;
    for (double way = 0; way < length; way += 0.3) {
        angle += bend * 0.3;
        place[0] += cos(angle) * 0.3;
        place[1] += sin(angle) * 0.3;
        put_stroke_spot(&film->part, place[0], place[1],
                        radius * (1 - 0.25 * way / length), radius * 2.1);
    }
    if (radius < 0.75)
        return;
    for (int half = -1; half <= 1; half += 2) {
        double next[] = {place[0], place[1]};
        grow(film, next, angle + half * synth_roll(dice, 18, 46) / 100.0, radius * 0.68,
             dice);
    }
}

/* Vessels fan out from both roots; those of the left lie higher. */
static void put_vessels(struct film *film)
{
    static const double angles[] = {-78, -52, -30, -8, 16, 38, 58, 74};
    for (int side = -1; side <= 1; side += 2)
        for (size_t i = 0; i < sizeof angles / sizeof *angles; i++) {
            struct rand_seeded dice = rand_seed(i * 31 + (side > 0 ? 7 : 0));
            double angle = angles[i] * PI / 180;
            double place[] = {side * (side > 0 ? 38.0 : 34.0), side > 0 ? -8.0 : 4.0};
            double radius = angles[i] > 0 ? 4.2 : 3.2;
            grow(film, place, side > 0 ? angle : PI - angle, radius, &dice);
        }
    clip_to_lungs(&film->part);
    add_part(film, 1.7);
}

/* The lead letter of the patient's right. */
static void put_mark(struct film *film)
{
    static const char *const rows[] = {"1110", "1001", "1001", "1110",
                                       "1010", "1001", "1001"};
    for (int j = 0; j < 7 * 8; j++)
        for (int i = 0; i < 4 * 8; i++)
            if (rows[j / 8][i / 8] == '1')
                put_stroke_spot(&film->part, -190 + i * 0.42, -190 + j * 0.42, 1.9, 400);
    add_part(film, 1);
}

bool synth_draw_chest(struct synth_plane *plane, bool is_large, struct err *err)
{
    struct film film = {.flesh = plane};
    if (!synth_plane_open(&film.part, plane->width, plane->height, plane->mm, err))
        return false;
    synth_plane_fill(plane, 0);
    put_body(&film, err);
    put_lungs(&film, err);
    put_heart(&film, is_large, err);
    put_stomach(&film);
    put_vessels(&film);
    synth_plane_blur(plane, 0.5, err);
    put_spine(&film);
    put_ribs(&film);
    put_shoulders(&film);
    put_airway(&film);
    put_mark(&film);
    synth_plane_free(&film.part);
    size_t count = (size_t)plane->width * (size_t)plane->height;
    for (size_t i = 0; i < count; i++) {
        double left = exp(-fmax(0, plane->at[i]) / 62);
        /* Film sees logarithms; a toe and a shoulder. */
        double value = synth_clamp(1 + log(left + 0.012) / 3.6, 0, 1);
        plane->at[i] = (float)value;
    }
    synth_plane_grain(plane, 99, 0.006);
    return err->kind == ERR_NONE;
}
