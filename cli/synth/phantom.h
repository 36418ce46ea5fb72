// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Bodies that nobody has, as pictures of modalities: smooth shapes whose places are in
 * millimetres, so that every size of picture shows the same. Axes as in PS3.3
 * C.7.6.2.1.1: x to the patient's left, y to the back, z to the head. Nothing in it is of
 * anybody. */

#include "cli/synth/synth.h"

/* A picture under construction, values in the units of its modality. */
struct synth_plane {
    int width;
    int height;
    double mm;   /* of a pixel */
    double left; /* x and y of the first pixel's middle */
    double top;
    float *at;
};

struct synth_ellipse {
    double x;
    double y;
    double a;
    double b;
    double turn;  /* degrees */
    double power; /* 0 = 2, an ellipse; larger ones have corners */
    double value;
    double soft; /* width of the edge, 0 = one pixel */
    const struct synth_ellipse *within;
};

/* Centred. */
bool synth_plane_open(struct synth_plane *plane, int width, int height, double mm,
                      struct err *err);
void synth_plane_free(struct synth_plane *plane);
void synth_plane_fill(struct synth_plane *plane, double value);
void synth_plane_ellipse(struct synth_plane *plane, const struct synth_ellipse *ellipse);
/* How much of a place is inside, 0 … 1. */
double synth_ellipse_cover(const struct synth_ellipse *ellipse, double x, double y,
                           double mm);
/* A round spot that only ever adds. */
void synth_plane_spot(struct synth_plane *plane, double x, double y, double radius,
                      double value);
/* Grain of a detector. */
void synth_plane_grain(struct synth_plane *plane, uint32_t seed, double strength);
void synth_plane_blur(struct synth_plane *plane, double mm, struct err *err);

/* -1 … 1, smooth from one whole number to the next. */
double synth_noise(double x, double y, double z, uint32_t seed);
double synth_clamp(double value, double low, double high);
/* 0 below `from`, 1 above `to`. */
double synth_step(double from, double to, double value);

/* A slice of a chest in Hounsfield units; `plane` is open. */
void synth_draw_thorax(struct synth_plane *plane, double z, uint32_t seed);
/* A slice of a head, 0 … 4095. */
enum synth_weighting { SYNTH_T1, SYNTH_T2 };
void synth_draw_head(struct synth_plane *plane, double z, enum synth_weighting weighting);
/* A chest from behind: what reaches the detector, 0 … 1. `is_large`: the heart is. */
bool synth_draw_chest(struct synth_plane *plane, bool is_large, struct err *err);
/* The fan of a heart's four chambers, RGB; `phase` 0 … 1 of a beat. */
struct synth_colours {
    int width;
    int height;
    uint8_t *at;
};
void synth_draw_echo(const struct synth_colours *colours, double phase, uint32_t seed);
/* The inside of a stomach, RGB; `view` 0 … 5 as one goes through. */
void synth_draw_stomach(const struct synth_colours *colours, int view, uint32_t seed);
