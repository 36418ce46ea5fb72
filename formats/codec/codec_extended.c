// SPDX-License-Identifier: Apache-2.0
/* JPEG with 12 bits, sequential, Huffman codes (ITU-T T.81 annex F, processes 2 and 4),
 * which Debian's libturbojpeg is built without. The inverse transform is the sum of A.3.3
 * in float, where 12 bits leave no rounding error that would show. */
#include "formats/codec/codec_jpeg.h"

enum { BLOCK = 64, SIDE = 8 };

struct plane {
    uint16_t *values; /* whole blocks, of whole MCUs */
    size_t blocks_across, blocks_down;
    int prediction; /* of the DC coefficient */
};

struct extended {
    const struct codec_job *job;
    struct codec_jpeg *jpeg;
    struct plane planes[CODEC_JPEG_COMPONENTS_MAX];
    struct codec_huffman *tables[2][4]; /* of the scan's components */
    struct codec_bits bits;
    unsigned widest, tallest; /* sampling factors */
};

static const uint8_t zigzag[BLOCK] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18,
                                      11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
                                      13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43,
                                      36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45,
                                      38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/* C(u)/2 cos((2x+1)uπ/16) at [u][x]. */
static const float basis[SIDE][SIDE] = {
    {0.353553391F, 0.353553391F, 0.353553391F, 0.353553391F, 0.353553391F, 0.353553391F,
     0.353553391F, 0.353553391F},
    {0.490392640F, 0.415734806F, 0.277785117F, 0.097545161F, -0.097545161F, -0.277785117F,
     -0.415734806F, -0.490392640F},
    {0.461939766F, 0.191341716F, -0.191341716F, -0.461939766F, -0.461939766F,
     -0.191341716F, 0.191341716F, 0.461939766F},
    {0.415734806F, -0.097545161F, -0.490392640F, -0.277785117F, 0.277785117F,
     0.490392640F, 0.097545161F, -0.415734806F},
    {0.353553391F, -0.353553391F, -0.353553391F, 0.353553391F, 0.353553391F,
     -0.353553391F, -0.353553391F, 0.353553391F},
    {0.277785117F, -0.490392640F, 0.097545161F, 0.415734806F, -0.415734806F,
     -0.097545161F, 0.490392640F, -0.277785117F},
    {0.191341716F, -0.461939766F, 0.461939766F, -0.191341716F, -0.191341716F,
     0.461939766F, -0.461939766F, 0.191341716F},
    {0.097545161F, -0.277785117F, 0.415734806F, -0.490392640F, 0.490392640F,
     -0.415734806F, 0.277785117F, -0.097545161F},
};

/* ------------------------------------------------------------------------- transform */

static void transform(const float *coefficients, float *out)
{
    float part[BLOCK] = {0};
    for (size_t v = 0; v < SIDE; v++)
        for (size_t u = 0; u < SIDE; u++) {
            float value = coefficients[v * SIDE + u];
            for (size_t x = 0; x < SIDE; x++)
                part[v * SIDE + x] += value * basis[u][x];
        }
    memset(out, 0, BLOCK * sizeof *out);
    for (size_t v = 0; v < SIDE; v++)
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++)
                out[y * SIDE + x] += basis[v][y] * part[v * SIDE + x];
}

static void store_block(const struct extended *scan, const float *samples, uint16_t *to,
                        size_t stride)
{
    float most = (float)((1U << scan->jpeg->precision) - 1);
    float middle = (float)(1U << (scan->jpeg->precision - 1)) + 0.5F;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++) {
            float value = samples[y * SIDE + x] + middle;
            value = value < 0 ? 0 : value > most ? most : value;
            to[y * stride + x] = (uint16_t)value;
        }
}

/* ------------------------------------------------------------------------- blocks */

/* F.2.2: the coefficients of a block, scaled back. */
static void take_block(struct extended *scan, unsigned part, struct plane *plane,
                       float *coefficients)
{
    struct codec_bits *bits = &scan->bits;
    unsigned component = scan->jpeg->scan_component[part];
    const uint16_t *scale =
        scan->jpeg->quantization[scan->jpeg->components[component].quantization];
    memset(coefficients, 0, BLOCK * sizeof *coefficients);
    codec_bits_fill(bits);
    unsigned size = codec_huffman_take(scan->tables[0][part], bits) & 15;
    int difference = codec_extend(codec_bits_take(bits, size), size);
    /* 16 bits hold every prediction of a stream that is right */
    plane->prediction = (int16_t)(uint16_t)(plane->prediction + difference);
    coefficients[0] = (float)plane->prediction * (float)scale[0];
    for (size_t k = 1; k < BLOCK; k++) {
        codec_bits_fill(bits);
        unsigned symbol = codec_huffman_take(scan->tables[1][part], bits);
        unsigned run = symbol >> 4;
        size = symbol & 15;
        if (size == 0 && run != 15)
            break;
        k += run;
        int value = codec_extend(codec_bits_take(bits, size), size);
        if (k < BLOCK)
            coefficients[zigzag[k]] = (float)value * (float)scale[k];
    }
}

static void decode_block(struct extended *scan, unsigned part, size_t across, size_t down)
{
    float coefficients[BLOCK];
    float samples[BLOCK];
    struct plane *plane = &scan->planes[scan->jpeg->scan_component[part]];
    take_block(scan, part, plane, coefficients);
    if (scan->bits.is_broken || codec_bits_are_out(&scan->bits))
        return;
    transform(coefficients, samples);
    size_t stride = plane->blocks_across * SIDE;
    store_block(scan, samples, plane->values + down * SIDE * stride + across * SIDE,
                stride);
}

static size_t divide_up(size_t value, size_t by)
{
    return (value + by - 1) / by;
}

/* A.2: blocks of a scan of one component are its own, of several those of an MCU. */
static void decode_unit(struct extended *scan, size_t unit)
{
    const struct codec_jpeg *jpeg = scan->jpeg;
    if (jpeg->scan_count == 1) {
        const struct codec_jpeg_component *by =
            &jpeg->components[jpeg->scan_component[0]];
        size_t samples = divide_up((size_t)jpeg->columns * by->horizontal, scan->widest);
        size_t across = divide_up(samples, SIDE);
        decode_block(scan, 0, unit % across, unit / across);
        return;
    }
    size_t across = divide_up(jpeg->columns, (size_t)scan->widest * SIDE);
    for (unsigned part = 0; part < jpeg->scan_count; part++) {
        const struct codec_jpeg_component *by =
            &jpeg->components[jpeg->scan_component[part]];
        for (size_t i = 0; i < (size_t)by->horizontal * by->vertical; i++)
            decode_block(scan, part, unit % across * by->horizontal + i % by->horizontal,
                         unit / across * by->vertical + i / by->horizontal);
    }
}

static size_t count_units(const struct extended *scan)
{
    const struct codec_jpeg *jpeg = scan->jpeg;
    size_t across = (size_t)scan->widest * SIDE;
    size_t down = (size_t)scan->tallest * SIDE;
    if (jpeg->scan_count > 1)
        return divide_up(jpeg->columns, across) * divide_up(jpeg->rows, down);
    const struct codec_jpeg_component *by = &jpeg->components[jpeg->scan_component[0]];
    return divide_up(divide_up((size_t)jpeg->columns * by->horizontal, scan->widest),
                     SIDE) *
           divide_up(divide_up((size_t)jpeg->rows * by->vertical, scan->tallest), SIDE);
}

/* ------------------------------------------------------------------------- scans */

static bool build_tables(struct extended *scan, struct err *err)
{
    const struct codec_jpeg *jpeg = scan->jpeg;
    for (unsigned i = 0; i < jpeg->scan_count; i++) {
        const struct codec_jpeg_component *by =
            &jpeg->components[jpeg->scan_component[i]];
        if (!jpeg->has_quantization[by->quantization])
            return err_at(err, ERR_SYNTAX, "codec_jpeg_segment", jpeg->at,
                          "T.81 B.2.4.1");
        for (unsigned kind = 0; kind < 2; kind++) {
            unsigned slot = kind ? jpeg->scan_ac[i] : jpeg->scan_dc[i];
            struct codec_huffman *table =
                ARENA_NEW(scan->job->arena, struct codec_huffman, err);
            if (!table ||
                !codec_huffman_build(&jpeg->tables[kind][slot], false, table, err))
                return false;
            scan->tables[kind][i] = table;
        }
    }
    return true;
}

/* Ss, Se and Ah, Al (T.81 B.2.3) choose coefficients only in progressive scans; a writer
 * that leaves 0 in all of them, as some do, still means all 64. */
static bool decode_scan(struct extended *scan, uint8_t *room, struct err *err)
{
    struct codec_jpeg *jpeg = scan->jpeg;
    if (!build_tables(scan, err))
        return false;
    size_t units = count_units(scan);
    size_t interval = jpeg->restart_interval > 0 ? jpeg->restart_interval : units;
    bool has_more = true;
    for (size_t from = 0; from < units && has_more; from += interval) {
        size_t end = units - from < interval ? units : from + interval;
        scan->bits = codec_bits_open(jpeg, room);
        for (unsigned i = 0; i < CODEC_JPEG_COMPONENTS_MAX; i++)
            scan->planes[i].prediction = 0;
        bool is_good = true;
        for (size_t unit = from; unit < end && is_good; unit++) {
            decode_unit(scan, unit);
            is_good = !scan->bits.is_broken && !codec_bits_are_out(&scan->bits);
        }
        has_more = codec_jpeg_restarts(jpeg);
        scan->job->frame->is_incomplete |= !is_good || (!has_more && end < units);
    }
    return true;
}

static bool new_planes(struct extended *scan, struct err *err)
{
    const struct codec_jpeg *jpeg = scan->jpeg;
    for (unsigned i = 0; i < jpeg->component_count; i++) {
        const struct codec_jpeg_component *by = &jpeg->components[i];
        scan->widest = by->horizontal > scan->widest ? by->horizontal : scan->widest;
        scan->tallest = by->vertical > scan->tallest ? by->vertical : scan->tallest;
    }
    size_t across = divide_up(jpeg->columns, (size_t)scan->widest * SIDE);
    size_t down = divide_up(jpeg->rows, (size_t)scan->tallest * SIDE);
    for (unsigned i = 0; i < jpeg->component_count; i++) {
        struct plane *plane = &scan->planes[i];
        plane->blocks_across = across * jpeg->components[i].horizontal;
        plane->blocks_down = down * jpeg->components[i].vertical;
        plane->values =
            ARENA_MANY(scan->job->arena, uint16_t,
                       plane->blocks_across * plane->blocks_down * BLOCK, err);
        if (!plane->values)
            return false;
    }
    return true;
}

/* A sample of a smaller component stands for all pixels that it covers. */
static void spread(const struct extended *scan, uint16_t *values)
{
    const struct codec_jpeg *jpeg = scan->jpeg;
    size_t samples = jpeg->component_count;
    for (size_t s = 0; s < samples; s++) {
        const struct plane *plane = &scan->planes[s];
        size_t across = jpeg->components[s].horizontal;
        size_t down = jpeg->components[s].vertical;
        for (size_t y = 0; y < jpeg->rows; y++) {
            const uint16_t *row =
                plane->values + y * down / scan->tallest * plane->blocks_across * SIDE;
            uint16_t *to = values + y * jpeg->columns * samples + s;
            for (size_t x = 0; x < jpeg->columns; x++)
                to[x * samples] = row[x * across / scan->widest];
        }
    }
}

bool codec_decode_extended(const struct codec_job *job, struct codec_jpeg *jpeg,
                           struct err *err)
{
    struct extended scan = {.job = job, .jpeg = jpeg};
    struct codec_raster raster = {.bits = jpeg->precision};
    unsigned seen = 0;
    bool is_scan = true;
    if (jpeg->precision != 12)
        return err_at(err, ERR_SYNTAX, "codec_precision", jpeg->frame_at, "T.81 B.2.2");
    uint8_t *room = arena_take(job->arena, jpeg->bytes.len + CODEC_BITS_SLACK, 1, err);
    if (!room || !codec_new_raster(job, &raster, err) || !new_planes(&scan, err))
        return false;
    while (is_scan && seen != (1U << jpeg->component_count) - 1) {
        if (!codec_jpeg_next(jpeg, &is_scan, err) ||
            (is_scan && !decode_scan(&scan, room, err)))
            return false;
        for (unsigned i = 0; is_scan && i < jpeg->scan_count; i++)
            seen |= 1U << jpeg->scan_component[i];
    }
    job->frame->is_incomplete |= !is_scan;
    spread(&scan, raster.values);
    raster.is_ybr = codec_jpeg_is_ybr(jpeg, job->shape->photometric);
    codec_store(job, &raster);
    return true;
}
