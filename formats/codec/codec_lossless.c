// SPDX-License-Identifier: Apache-2.0
/* JPEG lossless with Huffman codes: ITU-T T.81 annex H, DICOM's process 14 and its
 * first-order form (SV1). */
#include "formats/codec/codec_jpeg.h"

struct scan {
    const struct codec_jpeg *jpeg;
    struct codec_huffman *tables[4]; /* of the scan's components */
    struct codec_bits bits;
    uint16_t *values; /* of the raster */
    size_t columns;
    size_t stride; /* samples of a pixel */
    unsigned predictor;
    unsigned start; /* H.1.2.1: what stands for the pixel before the first */
};

/* The difference of the next sample (H.1.2.2), modulo 65536. */
static inline uint32_t take_difference(const struct codec_huffman *table,
                                       struct codec_bits *bits)
{
    if (bits->count < 32)
        codec_bits_fill(bits);
    uint32_t entry = table->look[bits->word >> (64 - CODEC_HUFFMAN_BITS)];
    unsigned total = entry & 255;
    if (__builtin_expect(total != 0, 1)) {
        bits->word <<= total;
        bits->count -= total;
        return entry >> 16;
    }
    unsigned size = codec_huffman_take(table, bits);
    if (size >= 16)
        return 32768;
    return (uint32_t)codec_extend(codec_bits_take(bits, size), size);
}

/* Table H.1, a left, b above, c above left. */
static inline int predict(unsigned predictor, int a, int b, int c)
{
    switch (predictor) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return c;
    case 4:
        return a + b - c;
    case 5:
        return a + ((b - c) >> 1);
    case 6:
        return b + ((a - c) >> 1);
    default:
        return (a + b) >> 1;
    }
}

/* One component of a row, `at` and `above` at its first sample; first[0] is what is
 * before the first sample. The predictor is a literal at every call, so that the switch
 * is gone from the loop. */
static inline __attribute__((always_inline)) void
decode_single(struct scan *scan, uint16_t *at, const uint16_t *above, int first,
              unsigned predictor)
{
    struct codec_bits bits = scan->bits;
    const struct codec_huffman *table = scan->tables[0];
    size_t stride = scan->stride;
    uint32_t left = (uint16_t)((uint32_t)first + take_difference(table, &bits));
    at[0] = (uint16_t)left;
    int above_left = above[0];
    for (size_t x = stride; x < scan->columns * stride; x += stride) {
        int up = above[x];
        int guess = predict(predictor, (int)left, up, above_left);
        left = (uint16_t)((uint32_t)guess + take_difference(table, &bits));
        at[x] = (uint16_t)left;
        above_left = up;
    }
    scan->bits = bits;
}

/* All components of a row together, sample by sample. */
static inline __attribute__((always_inline)) void
decode_mixed(struct scan *scan, uint16_t *at, const uint16_t *above, bool is_first,
             unsigned predictor)
{
    struct codec_bits bits = scan->bits;
    size_t stride = scan->stride;
    for (size_t s = 0; s < stride; s++) {
        uint32_t first = is_first ? scan->start : above[s];
        at[s] = (uint16_t)(first + take_difference(scan->tables[s], &bits));
    }
    for (size_t x = stride; x < scan->columns * stride; x++) {
        int guess = predict(predictor, at[x - stride], above[x], above[x - stride]);
        size_t s = x % stride;
        at[x] = (uint16_t)((uint32_t)guess + take_difference(scan->tables[s], &bits));
    }
    scan->bits = bits;
}

/* `is_first`: of the picture or behind a restart, where only the left is known. */
static void decode_row(struct scan *scan, uint16_t *at, bool is_first)
{
    const uint16_t *above = is_first ? at : at - scan->columns * scan->stride;
    unsigned predictor = is_first ? 1 : scan->predictor;
    if (scan->jpeg->scan_count > 1) {
        if (predictor == 1)
            decode_mixed(scan, at, above, is_first, 1);
        else
            decode_mixed(scan, at, above, is_first, predictor);
        return;
    }
    int first = is_first ? (int)scan->start : above[0];
    switch (predictor) {
    case 1:
        decode_single(scan, at, above, first, 1);
        break;
    case 2:
        decode_single(scan, at, above, first, 2);
        break;
    case 3:
        decode_single(scan, at, above, first, 3);
        break;
    case 4:
        decode_single(scan, at, above, first, 4);
        break;
    case 5:
        decode_single(scan, at, above, first, 5);
        break;
    case 6:
        decode_single(scan, at, above, first, 6);
        break;
    default:
        decode_single(scan, at, above, first, 7);
        break;
    }
}

/* Samples of a row that are none: the row ended early. */
static void clear_row(const struct scan *scan, uint16_t *at)
{
    size_t step = scan->jpeg->scan_count > 1 ? 1 : scan->stride;
    for (size_t x = 0; x < scan->columns * scan->stride; x += step)
        at[x] = 0;
}

/* False when the bytes ended or broke; rows from there to the next restart are zero. */
static bool decode_rows(struct scan *scan, uint32_t from, uint32_t to)
{
    for (uint32_t y = from; y < to; y++) {
        uint16_t *at = scan->values + y * scan->columns * scan->stride;
        decode_row(scan, at, y == from);
        if (scan->bits.is_broken || codec_bits_are_out(&scan->bits)) {
            clear_row(scan, at);
            return false;
        }
    }
    return true;
}

static bool check_scan(const struct codec_jpeg *jpeg, struct err *err)
{
    bool is_mixed = jpeg->scan_count > 1;
    bool is_odd = is_mixed && jpeg->scan_count != jpeg->component_count;
    for (unsigned i = 0; is_mixed && i < jpeg->scan_count; i++)
        is_odd |= jpeg->scan_component[i] != i || jpeg->components[i].horizontal != 1 ||
                  jpeg->components[i].vertical != 1;
    if (is_odd)
        return err_set(err, ERR_REFUSED, "codec_unsupported",
                       "JPEG lossless with subsampled or partly mixed components");
    if (jpeg->first < 1 || jpeg->first > 7 || jpeg->last != 0)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_predictor", jpeg->at, "T.81 B.2.3");
    /* H.1.1: what restarts is whole rows */
    if ((jpeg->approximation & 15) >= jpeg->precision ||
        jpeg->restart_interval % jpeg->columns != 0)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_restart", jpeg->at, "T.81 H.1.1");
    return true;
}

static bool build_tables(const struct codec_job *job, struct scan *scan, struct err *err)
{
    for (unsigned i = 0; i < scan->jpeg->scan_count; i++) {
        for (unsigned k = 0; k < i && !scan->tables[i]; k++)
            if (scan->jpeg->scan_dc[k] == scan->jpeg->scan_dc[i])
                scan->tables[i] = scan->tables[k];
        if (scan->tables[i])
            continue;
        scan->tables[i] = ARENA_NEW(job->arena, struct codec_huffman, err);
        const struct codec_huffman_spec *spec =
            &scan->jpeg->tables[0][scan->jpeg->scan_dc[i]];
        if (!scan->tables[i] || !codec_huffman_build(spec, true, scan->tables[i], err))
            return false;
    }
    return true;
}

/* H.1.1: the point transform is undone behind all prediction. */
static void shift_back(const struct scan *scan, uint32_t rows)
{
    unsigned shift = scan->jpeg->approximation & 15;
    size_t step = scan->jpeg->scan_count > 1 ? 1 : scan->stride;
    for (size_t i = 0; shift > 0 && i < rows * scan->columns * scan->stride; i += step)
        scan->values[i] = (uint16_t)(scan->values[i] << shift);
}

static bool decode_scan(const struct codec_job *job, struct codec_jpeg *jpeg,
                        uint16_t *values, uint8_t *room, struct err *err)
{
    uint32_t rows = job->shape->rows;
    struct scan scan = {.jpeg = jpeg,
                        .columns = job->shape->columns,
                        .stride = job->shape->samples,
                        .predictor = jpeg->first};
    if (!check_scan(jpeg, err) || !build_tables(job, &scan, err))
        return false;
    scan.start = 1U << (jpeg->precision - (jpeg->approximation & 15) - 1);
    scan.values = values + (jpeg->scan_count > 1 ? 0 : jpeg->scan_component[0]);
    uint32_t interval = jpeg->restart_interval / jpeg->columns;
    if (interval == 0)
        interval = rows;
    bool has_more = true;
    for (uint32_t y = 0; y < rows; y += interval) {
        if (!has_more) {
            job->frame->is_incomplete = true;
            break;
        }
        scan.bits = codec_bits_open(jpeg, room);
        uint32_t end = rows - y < interval ? rows : y + interval;
        job->frame->is_incomplete |= !decode_rows(&scan, y, end);
        has_more = codec_jpeg_restarts(jpeg);
    }
    shift_back(&scan, rows);
    return true;
}

/* The other components' differences are told from the stream, never from memory: a scan
 * that is missing leaves zeros. */
bool codec_decode_lossless(const struct codec_job *job, struct codec_jpeg *jpeg,
                           struct err *err)
{
    struct codec_raster raster = {.bits = jpeg->precision};
    unsigned seen = 0;
    bool is_scan = true;
    uint8_t *room = arena_take(job->arena, jpeg->bytes.len + CODEC_BITS_SLACK, 1, err);
    if (!room || !codec_new_raster(job, &raster, err))
        return false;
    while (is_scan && seen != (1U << jpeg->component_count) - 1) {
        if (!codec_jpeg_next(jpeg, &is_scan, err) ||
            (is_scan && !decode_scan(job, jpeg, raster.values, room, err)))
            return false;
        for (unsigned i = 0; is_scan && i < jpeg->scan_count; i++)
            seen |= 1U << jpeg->scan_component[i];
    }
    job->frame->is_incomplete |= !is_scan;
    raster.is_ybr = codec_is_ybr(job->shape->photometric);
    job->frame->is_lossy = (jpeg->approximation & 15) > 0;
    codec_store(job, &raster);
    return true;
}

/* ------------------------------------------------------------------------- encode */

struct writer {
    struct buf *out;
    uint64_t word;
    unsigned count;
};

static void put_bits(struct writer *writer, unsigned value, unsigned count)
{
    writer->word = writer->word << count | value;
    writer->count += count;
    while (writer->count >= 8) {
        uint8_t byte = (uint8_t)(writer->word >> (writer->count - 8));
        buf_byte(writer->out, byte);
        if (byte == 0xFF)
            buf_byte(writer->out, 0);
        writer->count -= 8;
    }
}

static unsigned size_of(uint16_t difference)
{
    int value = (int16_t)difference;
    unsigned most = (unsigned)(value < 0 ? -value : value);
    return most == 0 ? 0 : 32U - (unsigned)__builtin_clz(most);
}

/* Codes of 17 sizes without counting them first: one of 2 bits, five of 3, then one of
 * each length to 14; short for the small differences that pictures are made of. */
static const uint8_t code_counts[17] = {0, 0, 1, 5, 1, 1, 1, 1, 1,
                                        1, 1, 1, 1, 1, 1, 0, 0};
static const uint8_t code_symbols[16 + 1] = {3, 1,  2,  4,  5,  6,  0,  7, 8,
                                             9, 10, 11, 12, 13, 14, 15, 16};

struct code {
    uint16_t bits;
    uint8_t length;
};

static void make_codes(struct code codes[17])
{
    unsigned next = 0;
    unsigned code = 0;
    for (unsigned length = 1; length <= 16; length++, code <<= 1)
        for (unsigned i = 0; i < code_counts[length]; i++)
            codes[code_symbols[next++]] =
                (struct code){(uint16_t)code++, (uint8_t)length};
}

static void put_difference(struct writer *writer, const struct code *codes,
                           uint16_t difference)
{
    unsigned size = size_of(difference);
    put_bits(writer, codes[size].bits, codes[size].length);
    if (size > 0 && size < 16) {
        int value = (int16_t)difference;
        unsigned bits = (unsigned)(value < 0 ? value - 1 : value);
        put_bits(writer, bits & ((1U << size) - 1), size);
    }
}

static void put_word(struct buf *out, unsigned word)
{
    buf_byte(out, (uint8_t)(word >> 8));
    buf_byte(out, (uint8_t)word);
}

static void put_header(struct buf *out, const struct codec_shape *shape)
{
    unsigned samples = shape->samples;
    put_word(out, 0xFFD8);
    put_word(out, 0xFFC3);
    put_word(out, 8 + samples * 3);
    buf_byte(out, (uint8_t)(shape->bits_allocated < 8 ? 8 : shape->bits_allocated));
    put_word(out, shape->rows);
    put_word(out, shape->columns);
    buf_byte(out, (uint8_t)samples);
    for (unsigned s = 0; s < samples; s++) {
        buf_byte(out, (uint8_t)(s + 1));
        put_word(out, 0x1100);
    }
    put_word(out, 0xFFC4);
    put_word(out, 2 + 17 + sizeof code_symbols);
    buf_byte(out, 0);
    buf_put(out, code_counts + 1, 16);
    buf_put(out, code_symbols, sizeof code_symbols);
    put_word(out, 0xFFDA);
    put_word(out, 6 + samples * 2);
    buf_byte(out, (uint8_t)samples);
    for (unsigned s = 0; s < samples; s++)
        put_word(out, (s + 1) << 8);
    buf_byte(out, 1);
    put_word(out, 0);
}

bool codec_encode_lossless(const struct codec_shape *shape, struct span pixels,
                           struct arena *arena, struct buf *out, struct err *err)
{
    struct code codes[17] = {0};
    struct writer writer = {.out = out};
    size_t size = codec_sample_bytes(shape);
    size_t samples = shape->samples;
    size_t row = shape->columns * samples;
    uint16_t start = size == 2 ? 32768 : 128;
    uint16_t *values = ARENA_MANY(arena, uint16_t, row * 2, err);
    if (!values)
        return false;
    make_codes(codes);
    put_header(out, shape);
    for (size_t y = 0; y < shape->rows; y++) {
        uint16_t *now = values + y % 2 * row;
        const uint16_t *above = values + (y + 1) % 2 * row;
        const uint8_t *at = pixels.at + y * row * size;
        for (size_t x = 0; x < row; x++) {
            now[x] = (uint16_t)(size == 2 ? at[x * 2 + 1] << 8 | at[x * 2] : at[x]);
            uint16_t guess = x >= samples ? now[x - samples] : y > 0 ? above[x] : start;
            put_difference(&writer, codes, (uint16_t)(now[x] - guess));
        }
    }
    if (writer.count > 0) /* F.1.2.3: filled with ones */
        put_bits(&writer, (1U << (8 - writer.count)) - 1, 8 - writer.count);
    put_word(out, 0xFFD9);
    return buf_check(out, err);
}
