// SPDX-License-Identifier: Apache-2.0
/* Grey values to be seen: PS3.3 C.11.1 and C.11.2. A table over the values that are in
 * the frame does it for 8 and 16 bits, so that no pixel costs a floating point operation.
 */
#include <math.h>
#include <string.h>

#include "formats/picture/picture_parts.h"

/* What a value of the frame means: stored -> modality -> 0..255. */
struct tone {
    const struct picture_job *job;
    enum dicom_voi function;
    double center, width;
    bool has_voi_lut;
};

static double lut_value(const struct dicom_lut *lut, double value)
{
    double at = value - lut->first;
    double last = (double)(lut->count - 1);
    /* also for what is no number */
    size_t index = at > 0 ? at < last ? (size_t)at : (size_t)last : 0;
    return lut->values[index];
}

static double modality_of(const struct picture_job *job, double stored)
{
    if (job->modality.count > 0)
        return lut_value(&job->modality, stored);
    return stored * job->slope + job->intercept;
}

/* C.11.2.1.2 and C.11.2.1.3, as a part of 1. */
static double windowed(const struct tone *tone, double value)
{
    double part = 0;
    switch (tone->function) {
    case DICOM_VOI_SIGMOID:
        return 1 / (1 + exp(-4 * (value - tone->center) / tone->width));
    case DICOM_VOI_LINEAR_EXACT:
        part = (value - tone->center) / tone->width + 0.5;
        break;
    case DICOM_VOI_LINEAR:
    default:
        if (tone->width <= 1)
            return value > tone->center - 0.5 ? 1 : 0;
        part = (value - (tone->center - 0.5)) / (tone->width - 1) + 0.5;
        break;
    }
    return part > 0 ? part < 1 ? part : 1 : 0;
}

static uint8_t tone_of(const struct tone *tone, double stored)
{
    const struct picture_job *job = tone->job;
    double value = modality_of(job, stored);
    double part = tone->has_voi_lut ? lut_value(&job->voi, floor(value + 0.5)) /
                                          (double)((1U << job->voi.bits) - 1)
                                    : windowed(tone, value);
    if (!(part > 0)) /* nor a number */
        part = 0;
    if (part > 1)
        part = 1;
    if (job->is_inverse)
        part = 1 - part;
    return (uint8_t)(part * 255 + 0.5);
}

static bool is_padding(const struct picture_job *job, double stored)
{
    int64_t low = job->padding < job->padding_limit ? job->padding : job->padding_limit;
    int64_t high = job->padding < job->padding_limit ? job->padding_limit : job->padding;
    return job->has_padding && stored >= (double)low && stored <= (double)high;
}

/* ------------------------------------------------------------------ values */

static double value_at(const struct codec_shape *shape, const uint8_t *pixels, size_t i)
{
    uint16_t half;
    uint32_t word;
    float single;
    switch (codec_sample_bytes(shape)) {
    case 1:
        return shape->is_signed ? (int8_t)pixels[i] : pixels[i];
    case 2:
        memcpy(&half, pixels + i * 2, 2);
        return shape->is_signed ? (int16_t)half : half;
    default:
        memcpy(&word, pixels + i * 4, 4);
        memcpy(&single, pixels + i * 4, 4);
        if (shape->is_float)
            return (double)single;
        return shape->is_signed ? (int32_t)word : (double)word;
    }
}

struct range {
    double low, high;
    bool has_any;
};

static void widen(struct range *range, double value)
{
    if (!isfinite(value))
        return;
    if (!range->has_any || value < range->low)
        range->low = value;
    if (!range->has_any || value > range->high)
        range->high = value;
    range->has_any = true;
}

static bool needs_range(const struct picture_job *job)
{
    return !job->has_window && job->voi.count == 0;
}

struct limits {
    int16_t low, high;
};

/* A number of cells that is known lets the compiler take eight at a time, and sixteen
 * where the processor is one for it, which every program has to ask anew. */
enum { BLOCK_CELLS = 256 };
/* So few cells that the tones of all of them cost little beside the pixels. */
enum { PIXELS_OF_A_CELL = 16 };
#define INLINED static inline __attribute__((always_inline))
#if defined(__x86_64__)
#define FOR_AVX2 __attribute__((target("avx2")))
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#else
#define FOR_AVX2
static bool has_avx2(void)
{
    return false;
}
#endif

/* Brings the lowest cell to the lowest number. */
static int16_t flip_of(const struct codec_shape *shape)
{
    return shape->is_signed ? 0 : INT16_MIN;
}

INLINED int16_t cell_at(const uint8_t *pixels, size_t i, int16_t flip)
{
    int16_t cell;
    memcpy(&cell, pixels + i * 2, sizeof cell);
    return (int16_t)(cell ^ flip);
}

static struct limits limits_of_block(const uint8_t *pixels, struct limits limits,
                                     int16_t flip)
{
    int16_t low = limits.low;
    int16_t high = limits.high;
    for (size_t i = 0; i < BLOCK_CELLS; i++) {
        int16_t cell = cell_at(pixels, i, flip);
        low = cell < low ? cell : low;
        high = cell > high ? cell : high;
    }
    return (struct limits){low, high};
}

static struct limits find_limits(const uint8_t *pixels, size_t count, int16_t flip)
{
    struct limits limits = {INT16_MAX, INT16_MIN};
    size_t i = 0;
    for (; count - i >= BLOCK_CELLS; i += BLOCK_CELLS)
        limits = limits_of_block(pixels + i * 2, limits, flip);
    for (; i < count; i++) {
        int16_t cell = cell_at(pixels, i, flip);
        limits.low = cell < limits.low ? cell : limits.low;
        limits.high = cell > limits.high ? cell : limits.high;
    }
    return limits;
}

/* What a scanner measures lies close together: then all between the lowest and the
 * highest is less work than looking which ones there are. */
static bool mark_between(const struct codec_shape *shape, const uint8_t *pixels,
                         uint8_t *seen)
{
    size_t count = (size_t)shape->columns * shape->rows;
    int16_t flip = flip_of(shape);
    struct limits limits = find_limits(pixels, count, flip);
    if ((size_t)(limits.high - limits.low) > count / PIXELS_OF_A_CELL)
        return false;
    for (int cell = limits.low; cell <= limits.high; cell++)
        seen[(uint16_t)(cell ^ flip)] = 1;
    return true;
}

/* Which cells of 8 or 16 bits are in the frame; may be some more when only their tones
 * are asked for. */
static void mark_cells(const struct picture_job *job, const uint8_t *pixels,
                       uint8_t *seen)
{
    const struct codec_shape *shape = &job->shape;
    size_t count = (size_t)shape->columns * shape->rows;
    bool may_be_more = !needs_range(job);
    if (codec_sample_bytes(shape) == 1 && may_be_more) {
        memset(seen, 1, 256);
        return;
    }
    if (codec_sample_bytes(shape) == 1) {
        for (size_t i = 0; i < count; i++)
            seen[pixels[i]] = 1;
        return;
    }
    if (may_be_more && mark_between(shape, pixels, seen))
        return;
    for (size_t i = 0; i < count; i++) {
        uint16_t cell;
        memcpy(&cell, pixels + i * 2, 2);
        seen[cell] = 1;
    }
}

/* As the value that the cell has. */
static double cell_value(const struct codec_shape *shape, uint32_t cell)
{
    if (codec_sample_bytes(shape) == 1)
        return shape->is_signed ? (int8_t)(uint8_t)cell : (double)cell;
    return shape->is_signed ? (int16_t)(uint16_t)cell : (double)cell;
}

/* ------------------------------------------------------------------ the window */

/* Of the data where nobody says one: a frame of up to 8 bits without rescale shows its
 * whole range, others from their lowest to their highest value. */
static void choose_window(struct tone *tone, const struct range *range)
{
    const struct picture_job *job = tone->job;
    const struct codec_shape *shape = &job->shape;
    bool is_byte = codec_sample_bytes(shape) == 1 && !shape->is_signed &&
                   job->modality.count == 0 && job->slope == 1 && job->intercept == 0;
    struct range by = *range;
    if (is_byte)
        by = (struct range){0, (double)((1U << shape->bits_stored) - 1), true};
    tone->function = DICOM_VOI_LINEAR_EXACT;
    tone->center = (by.low + by.high) / 2;
    tone->width = by.high > by.low ? by.high - by.low : 1;
}

static struct tone start_tone(const struct picture_job *job, const struct range *range)
{
    struct tone tone = {.job = job,
                        .function = job->voi_function,
                        .center = job->center,
                        .width = job->width,
                        .has_voi_lut = !job->has_window && job->voi.count > 0};
    if (needs_range(job))
        choose_window(&tone, range);
    return tone;
}

/* ------------------------------------------------------------------ both ways */

static struct range range_of(const struct picture_job *job, const uint8_t *seen,
                             uint32_t cells)
{
    struct range range = {0};
    for (uint32_t cell = 0; cell < cells; cell++)
        if (seen[cell] && !is_padding(job, cell_value(&job->shape, cell)))
            widen(&range, modality_of(job, cell_value(&job->shape, cell)));
    return range;
}

/* Each mark becomes its tone; most of the 65536 are none, so eight are looked at. */
static void fill_tones(const struct tone *tone, uint8_t *table, uint32_t cells)
{
    enum { TOGETHER = 8 };
    const struct picture_job *job = tone->job;
    for (uint32_t first = 0; first < cells; first += TOGETHER) {
        uint64_t marks;
        memcpy(&marks, table + first, sizeof marks);
        for (uint32_t cell = first; marks != 0 && cell < first + TOGETHER; cell++) {
            double value = cell_value(&job->shape, cell);
            if (table[cell])
                table[cell] = is_padding(job, value) ? 0 : tone_of(tone, value);
        }
    }
}

static void paint_cells(const uint8_t *pixels, size_t count, const uint8_t *table,
                        uint8_t *out)
{
    size_t i = 0;
    for (; count - i >= 4; i += 4) {
        uint64_t cells;
        memcpy(&cells, pixels + i * 2, sizeof cells);
        uint32_t tones = table[cells & 0xFFFF] |
                         (uint32_t)table[cells >> 16 & 0xFFFF] << 8 |
                         (uint32_t)table[cells >> 32 & 0xFFFF] << 16 |
                         (uint32_t)table[cells >> 48] << 24;
        memcpy(out + i, &tones, sizeof tones);
    }
    for (; i < count; i++) {
        uint16_t cell;
        memcpy(&cell, pixels + i * 2, 2);
        out[i] = table[cell];
    }
}

/* ------------------------------------------------------------------ by arithmetic */

/* Tones of a linear window without a table: cell, between the limits, × factor + offset.
 */
struct line {
    struct limits limits;
    int16_t flip;
    float factor, offset;
    bool is_wide;
};

INLINED void paint_inlined(const struct line *line, const uint8_t *restrict pixels,
                           uint8_t *restrict out)
{
    const struct line by = *line;
    for (size_t i = 0; i < BLOCK_CELLS; i++) {
        int16_t cell = cell_at(pixels, i, by.flip);
        cell = cell < by.limits.low ? by.limits.low : cell;
        cell = cell > by.limits.high ? by.limits.high : cell;
        out[i] = (uint8_t)(int)((float)cell * by.factor + by.offset);
    }
}

FOR_AVX2 static void paint_block_avx2(const struct line *line, const uint8_t *pixels,
                                      uint8_t *out)
{
    paint_inlined(line, pixels, out);
}

static void paint_block(const struct line *line, const uint8_t *pixels, uint8_t *out)
{
    if (line->is_wide)
        paint_block_avx2(line, pixels, out);
    else
        paint_inlined(line, pixels, out);
}

/* From the formulas of C.11.2.1.2.1 and C.11.2.1.3.2. With finite numbers every step of
 * them is monotonic, rounding included: so are the tones. */
static bool is_linear(const struct tone *tone)
{
    const struct picture_job *job = tone->job;
    bool is_exact = tone->function == DICOM_VOI_LINEAR_EXACT && tone->width > 0;
    bool is_finite = isfinite(job->slope) && isfinite(job->intercept) &&
                     isfinite(tone->center) && isfinite(tone->width);
    return is_finite && !tone->has_voi_lut && job->modality.count == 0 &&
           (is_exact || (tone->function == DICOM_VOI_LINEAR && tone->width > 1));
}

static struct line line_of(const struct tone *tone)
{
    const struct picture_job *job = tone->job;
    int16_t flip = flip_of(&job->shape);
    bool is_exact = tone->function == DICOM_VOI_LINEAR_EXACT;
    double center = is_exact ? tone->center : tone->center - 0.5;
    double width = is_exact ? tone->width : tone->width - 1;
    double factor = job->slope / width;
    double offset = (job->intercept - center) / width + 0.5 - factor * flip;
    if (job->is_inverse) {
        factor = -factor;
        offset = 1 - offset;
    }
    return (struct line){.flip = flip,
                         .factor = (float)(factor * 255),
                         .offset = (float)(offset * 255 + 0.5),
                         .is_wide = has_avx2()};
}

static uint8_t tone_at(const struct tone *tone, int cell, int16_t flip)
{
    return tone_of(tone, cell_value(&tone->job->shape, (uint16_t)(cell ^ flip)));
}

/* How many cells from the lowest on have the lowest one's tone, or have not the highest
 * one's. */
static int count_cells(const struct tone *tone, int16_t flip, uint8_t end, bool has_it)
{
    int low = INT16_MIN;
    int high = INT16_MAX + 1;
    while (low < high) {
        int middle = (low + high) >> 1;
        if ((tone_at(tone, middle, flip) == end) == has_it)
            low = middle + 1;
        else
            high = middle;
    }
    return low - INT16_MIN;
}

/* The cells from which on, either way, all tones are the same. */
static struct limits find_slope(const struct tone *tone, int16_t flip)
{
    uint8_t first = tone_at(tone, INT16_MIN, flip);
    uint8_t last = tone_at(tone, INT16_MAX, flip);
    if (first == last)
        return (struct limits){INT16_MIN, INT16_MIN};
    return (struct limits){
        (int16_t)(INT16_MIN + count_cells(tone, flip, first, true) - 1),
        (int16_t)(INT16_MIN + count_cells(tone, flip, last, false))};
}

/* Padding is black where it lies: all of it is between two cells that are. */
static bool is_padding_black(const struct tone *tone)
{
    const struct picture_job *job = tone->job;
    double lowest = job->shape.is_signed ? INT16_MIN : 0;
    double highest = job->shape.is_signed ? INT16_MAX : UINT16_MAX;
    double ends[] = {(double)job->padding, (double)job->padding_limit};
    bool is_black = true;
    for (int i = 0; i < 2 && job->has_padding; i++) {
        double end = ends[i] < lowest ? lowest : ends[i] > highest ? highest : ends[i];
        is_black = is_black && tone_of(tone, end) == 0;
    }
    return is_black;
}

static bool is_tone_at(const struct line *line, int16_t cell)
{
    double tone = (double)cell * (double)line->factor + (double)line->offset;
    return tone >= 0 && tone < 256; /* nor what is no number */
}

/* A float has fewer digits than the formulas: it serves where it gives every cell of the
 * slope its tone. */
static bool agrees(const struct line *line, const struct tone *tone)
{
    uint8_t cells[2 * BLOCK_CELLS];
    uint8_t tones[BLOCK_CELLS];
    if (!is_tone_at(line, line->limits.low) || !is_tone_at(line, line->limits.high))
        return false;
    for (int first = line->limits.low; first <= line->limits.high; first += BLOCK_CELLS) {
        int count = line->limits.high - first + 1;
        for (int i = 0; i < BLOCK_CELLS; i++) {
            uint16_t cell = (uint16_t)((first + (i < count ? i : 0)) ^ line->flip);
            memcpy(cells + 2 * i, &cell, 2);
        }
        paint_block(line, cells, tones);
        for (int i = 0; i < BLOCK_CELLS && i < count; i++)
            if (tones[i] != tone_at(tone, first + i, line->flip))
                return false;
    }
    return true;
}

/* False: a table has to do it. No pixel is looked at before it is painted. */
static bool paint_by_line(const struct tone *tone, const uint8_t *pixels, uint8_t *out)
{
    size_t count = (size_t)tone->job->shape.columns * tone->job->shape.rows;
    size_t i = 0;
    if (count < BLOCK_CELLS || !is_linear(tone) || !is_padding_black(tone))
        return false;
    struct line line = line_of(tone);
    line.limits = find_slope(tone, line.flip);
    size_t cells = (size_t)(line.limits.high - line.limits.low);
    if (cells > count / PIXELS_OF_A_CELL || !agrees(&line, tone))
        return false;
    for (; count - i >= BLOCK_CELLS; i += BLOCK_CELLS)
        paint_block(&line, pixels + i * 2, out + i);
    for (; i < count; i++)
        out[i] = tone_at(tone, cell_at(pixels, i, line.flip), line.flip);
    return true;
}

static bool map_by_table(const struct picture_job *job, const uint8_t *pixels,
                         uint8_t *out, struct arena *arena, struct err *err)
{
    const struct codec_shape *shape = &job->shape;
    size_t count = (size_t)shape->columns * shape->rows;
    uint32_t cells = codec_sample_bytes(shape) == 1 ? 256 : 65536;
    struct range range = {0};
    uint8_t *table = arena_take(arena, cells, 1, err);
    if (!table)
        return false;
    mark_cells(job, pixels, table);
    if (needs_range(job))
        range = range_of(job, table, cells);
    struct tone tone = start_tone(job, &range);
    fill_tones(&tone, table, cells);
    if (cells == 65536)
        paint_cells(pixels, count, table, out);
    for (size_t i = 0; cells == 256 && i < count; i++)
        out[i] = table[pixels[i]];
    return true;
}

static void map_values(const struct picture_job *job, const uint8_t *pixels, uint8_t *out)
{
    const struct codec_shape *shape = &job->shape;
    size_t count = (size_t)shape->columns * shape->rows;
    struct range range = {0};
    for (size_t i = 0; needs_range(job) && i < count; i++) {
        double value = value_at(shape, pixels, i);
        if (!is_padding(job, value))
            widen(&range, modality_of(job, value));
    }
    struct tone tone = start_tone(job, &range);
    for (size_t i = 0; i < count; i++) {
        double value = value_at(shape, pixels, i);
        bool is_black = isnan(value) || is_padding(job, value);
        out[i] = is_black ? 0 : tone_of(&tone, value);
    }
}

bool picture_map_grey(const struct picture_job *job, const uint8_t *pixels, uint8_t *out,
                      struct arena *arena, struct err *err)
{
    if (codec_sample_bytes(&job->shape) == 2 && !needs_range(job)) {
        struct range none = {0};
        struct tone tone = start_tone(job, &none);
        if (paint_by_line(&tone, pixels, out))
            return true;
    }
    if (codec_sample_bytes(&job->shape) <= 2)
        return map_by_table(job, pixels, out, arena, err);
    map_values(job, pixels, out);
    return true;
}
