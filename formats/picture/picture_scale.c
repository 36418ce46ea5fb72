// SPDX-License-Identifier: Apache-2.0
/* Smaller pictures by area: with columns W -> w, a pixel of the old one is w units wide
 * and one of the new W units, so every overlap is a whole number and the mean is exact.
 */
#include "formats/picture/picture_parts.h"

struct shrink {
    const struct picture_raster *from;
    struct picture_raster to;
    uint32_t *row;  /* of the new width: sums over one old row */
    uint64_t *sums; /* over the old rows that the new one covers */
};

static uint32_t scaled(uint32_t side, uint32_t longest, uint32_t side_max)
{
    uint64_t value = ((uint64_t)side * side_max * 2 + longest) / (2 * (uint64_t)longest);
    return value > 0 ? (uint32_t)value : 1;
}

/* Sums of at most 65535 × 255. */
static void sum_row(const struct shrink *shrink, const uint8_t *at)
{
    uint32_t wide = shrink->from->columns;
    uint32_t narrow = shrink->to.columns;
    size_t samples = shrink->from->samples;
    uint32_t *to = shrink->row;
    uint32_t left = wide; /* units until the new pixel is full */
    memset(to, 0, narrow * samples * sizeof *to);
    for (uint32_t x = 0; x < wide; x++, at += samples) {
        uint32_t here = narrow < left ? narrow : left;
        for (size_t s = 0; s < samples; s++)
            to[s] += at[s] * here;
        left -= here;
        if (left > 0)
            continue;
        to += samples;
        left = wide - (narrow - here);
        for (size_t s = 0; here < narrow && s < samples; s++)
            to[s] += at[s] * (narrow - here);
    }
}

static void add_row(const struct shrink *shrink, uint32_t weight)
{
    size_t count = (size_t)shrink->to.columns * shrink->to.samples;
    for (size_t i = 0; i < count; i++)
        shrink->sums[i] += (uint64_t)shrink->row[i] * weight;
}

static void end_row(const struct shrink *shrink, uint32_t y)
{
    size_t count = (size_t)shrink->to.columns * shrink->to.samples;
    uint64_t area = (uint64_t)shrink->from->columns * shrink->from->rows;
    uint8_t *out = shrink->to.pixels + y * count;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)((shrink->sums[i] + area / 2) / area);
    memset(shrink->sums, 0, count * sizeof *shrink->sums);
}

static void shrink_rows(const struct shrink *shrink)
{
    uint32_t tall = shrink->from->rows;
    uint32_t low = shrink->to.rows;
    size_t step = (size_t)shrink->from->columns * shrink->from->samples;
    uint32_t left = tall;
    uint32_t done = 0;
    for (uint32_t y = 0; y < tall; y++) {
        uint32_t here = low < left ? low : left;
        sum_row(shrink, shrink->from->pixels + y * step);
        add_row(shrink, here);
        left -= here;
        if (left > 0)
            continue;
        end_row(shrink, done++);
        left = tall - (low - here);
        if (here < low)
            add_row(shrink, low - here);
    }
}

bool picture_shrink(struct picture_raster *raster, uint32_t side_max, struct arena *arena,
                    struct err *err)
{
    uint32_t longest = raster->columns > raster->rows ? raster->columns : raster->rows;
    struct shrink shrink = {.from = raster, .to = *raster};
    if (side_max == 0 || longest <= side_max)
        return true;
    shrink.to.columns = scaled(raster->columns, longest, side_max);
    shrink.to.rows = scaled(raster->rows, longest, side_max);
    size_t count = (size_t)shrink.to.columns * raster->samples;
    shrink.to.pixels = arena_take(arena, count, shrink.to.rows, err);
    if (!shrink.to.pixels)
        return false;
    shrink.row = ARENA_MANY(arena, uint32_t, count, err);
    if (!shrink.row)
        return false;
    shrink.sums = ARENA_MANY(arena, uint64_t, count, err);
    if (!shrink.sums)
        return false;
    shrink_rows(&shrink);
    *raster = shrink.to;
    return true;
}
