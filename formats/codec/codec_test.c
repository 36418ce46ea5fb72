// SPDX-License-Identifier: Apache-2.0
#include "formats/codec/codec.h"

#include "base/test.h"

enum { ARENA_BYTES = 64 << 20 };

struct kind {
    enum codec_syntax syntax;
    const char *name;
};

static const struct kind kinds[] = {
    {CODEC_NATIVE, "native"},
    {CODEC_RLE, "RLE"},
    {CODEC_JPEG_LOSSLESS, "JPEG lossless"},
    {CODEC_JPEG_LS, "JPEG-LS"},
    {CODEC_JPEG_2000, "JPEG 2000"},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static struct codec_shape grey(uint32_t columns, uint32_t rows, unsigned bits)
{
    return (struct codec_shape){.columns = columns,
                                .rows = rows,
                                .samples = 1,
                                .bits_allocated = bits,
                                .bits_stored = bits,
                                .high_bit = bits - 1,
                                .photometric = CODEC_MONOCHROME2};
}

static struct codec_shape colour(uint32_t columns, uint32_t rows, unsigned bits)
{
    struct codec_shape shape = grey(columns, rows, bits);
    shape.samples = 3;
    shape.photometric = CODEC_RGB;
    return shape;
}

/* Slopes with noise on them and sudden edges, the same for the same number. */
static void paint(const struct codec_shape *shape, uint8_t *pixels, uint32_t seed)
{
    size_t size = codec_sample_bytes(shape);
    size_t count = codec_frame_bytes(shape) / size;
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        uint32_t value = (uint32_t)(i / shape->samples % shape->columns) * 37 +
                         (state >> 28) + (state >> 20 & 255U) / 250 * 40000;
        value &= shape->bits_stored >= 32 ? UINT32_MAX : (1U << shape->bits_stored) - 1;
        if (shape->is_signed && value >> (shape->bits_stored - 1))
            value |= ~((1U << shape->bits_stored) - 1);
        memcpy(pixels + i * size, &value, size);
    }
}

/* Decodes into bytes that were full of something, and tells whether all were written. */
static bool decode(enum codec_syntax syntax, const struct codec_shape *shape,
                   struct span encoded, struct codec_frame *frame, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    size_t bytes = codec_frame_bytes(shape);
    memset(frame->pixels, 0xA5, frame->pixel_bytes);
    bool is_decoded = codec_decode(syntax, shape, encoded, &arena, frame, err);
    for (size_t i = bytes; i < frame->pixel_bytes; i++)
        CHECK(frame->pixels[i] == 0xA5);
    return is_decoded;
}

static void encode(enum codec_syntax syntax, const struct codec_shape *shape,
                   const uint8_t *pixels, struct buf *out)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    buf_reset(out);
    CHECK(codec_encode(syntax, shape, span_of(pixels, codec_frame_bytes(shape)), &arena,
                       out, &err));
}

static void go_round(const struct codec_shape *shape)
{
    size_t bytes = codec_frame_bytes(shape);
    uint8_t *pixels = malloc(bytes);
    struct codec_frame frame = {.pixels = malloc(bytes + 16), .pixel_bytes = bytes + 16};
    CLEANUP(buf_free) struct buf out = buf_init(ARENA_BYTES);
    paint(shape, pixels, 7);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct err err = {0};
        if (shape->bits_allocated == 1 && kinds[i].syntax > CODEC_RLE)
            continue;
        encode(kinds[i].syntax, shape, pixels, &out);
        bool is_same = decode(kinds[i].syntax, shape, buf_view(&out), &frame, &err) &&
                       memcmp(frame.pixels, pixels, bytes) == 0;
        if (!is_same)
            printf("# %s, %u x %u, %u bits: %s\n", kinds[i].name, shape->columns,
                   shape->rows, shape->bits_allocated, err.code ? err.code : "differs");
        CHECK(is_same);
        CHECK(!frame.is_incomplete && !frame.is_lossy);
    }
    free(frame.pixels);
    free(pixels);
}

static void what_goes_in_comes_out_again_in_every_shape(void)
{
    static const uint32_t sides[][2] = {{1, 1}, {3, 3},  {1, 7},   {9, 1},   {5, 4},
                                        {8, 8}, {17, 9}, {129, 3}, {64, 65}, {300, 200}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            struct codec_shape shape = grey(sides[i][0], sides[i][1], bits);
            go_round(&shape);
            shape.is_signed = true;
            go_round(&shape);
            shape.bits_stored = bits - 3;
            shape.high_bit = bits - 4;
            go_round(&shape);
            shape.is_signed = false;
            go_round(&shape);
            shape = colour(sides[i][0], sides[i][1], bits);
            go_round(&shape);
            shape.is_planar = true;
            shape.is_big_endian = bits == 16;
            go_round(&shape);
        }
}

static void bits_are_packed_from_the_lowest(void)
{
    struct codec_shape shape = grey(13, 5, 1);
    uint8_t pixels[24];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    struct err err = {0};
    go_round(&shape);
    shape = grey(3, 2, 1);
    shape.first_bit = 5; /* bits 5 6 7 of the first byte, 0 1 2 of the second */
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\xA0\x06"), &frame, &err));
    CHECK(memcmp(pixels, "\1\0\1\0\1\1", 6) == 0);
    CHECK(codec_native_bytes(&shape) == 2);
}

static void stored_bits_are_masked_and_their_sign_carried_on(void)
{
    struct codec_shape shape = grey(2, 1, 16);
    uint8_t pixels[4];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 4};
    struct err err = {0};
    shape.bits_stored = 12;
    shape.high_bit = 11; /* what stands above it may be an overlay */
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\xFF\xF7\x01\x18"), &frame, &err));
    CHECK(memcmp(pixels, "\xFF\x07\x01\x08", 4) == 0);
    shape.is_signed = true;
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\xFF\xF7\x01\x18"), &frame, &err));
    CHECK(memcmp(pixels, "\xFF\x07\x01\xF8", 4) == 0);
    shape.high_bit = 15;
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\xFF\xF7\x10\x18"), &frame, &err));
    CHECK(memcmp(pixels, "\x7F\xFF\x81\x01", 4) == 0);
}

static void wide_samples_keep_their_order(void)
{
    struct codec_shape shape = grey(1, 1, 32);
    uint8_t pixels[4];
    float single;
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 4};
    struct err err = {0};
    shape.is_big_endian = true;
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\1\2\3\4"), &frame, &err));
    CHECK(memcmp(pixels, "\4\3\2\1", 4) == 0);
    shape.is_float = true;
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\x3F\x80\0\0"), &frame, &err));
    memcpy(&single, pixels, 4);
    CHECK(single == 1.0F);
    shape.bits_allocated = 64;
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\xC0\x04\0\0\0\0\0\0"), &frame, &err));
    memcpy(&single, pixels, 4);
    CHECK(single == -2.5F);
    CHECK(decode(CODEC_NATIVE, &shape, SPAN("\x7F\xE0\0\0\0\0\0\0"), &frame, &err));
    memcpy(&single, pixels, 4);
    CHECK(single > 3e38F);
}

static void luma_and_chroma_become_rgb(void)
{
    /* PS3.3 C.7.6.3.1.2: red, white, black, blue */
    static const uint8_t full[] = {76, 85, 255, 255, 128, 128, 0, 128, 128, 29, 255, 107};
    static const uint8_t rgb[] = {254, 0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 254};
    static const uint8_t part[] = {81, 90,  240, 235, 128, 128,
                                   16, 128, 128, 41,  240, 110};
    uint8_t pixels[12];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 12};
    struct codec_shape shape = colour(4, 1, 8);
    struct err err = {0};
    shape.photometric = CODEC_YBR_FULL;
    CHECK(decode(CODEC_NATIVE, &shape, span_of(full, 12), &frame, &err));
    CHECK(memcmp(pixels, rgb, 12) == 0);
    for (size_t i = 0; i < 12; i++)
        pixels[i] = full[i % 4 * 3 + i / 4];
    uint8_t planar[12];
    memcpy(planar, pixels, 12);
    shape.is_planar = true;
    CHECK(decode(CODEC_NATIVE, &shape, span_of(planar, 12), &frame, &err));
    CHECK(memcmp(pixels, rgb, 12) == 0);
    shape = colour(2, 1, 8);
    shape.photometric = CODEC_YBR_PARTIAL_422;
    const uint8_t pair[] = {part[0], part[0], part[1], part[2]};
    frame.pixel_bytes = 6;
    CHECK(decode(CODEC_NATIVE, &shape, span_of(pair, 4), &frame, &err));
    CHECK(pixels[0] >= 253 && pixels[1] <= 2 && pixels[2] <= 2);
    CHECK(memcmp(pixels, pixels + 3, 3) == 0);
}

static void an_odd_last_column_has_a_chroma_pair_of_its_own(void)
{
    static const uint8_t rows[] = {10, 20, 128, 128, 30, 0, 128, 128,
                                   40, 50, 128, 128, 60, 0, 128, 128};
    uint8_t pixels[18];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 18};
    struct codec_shape shape = colour(3, 2, 8);
    struct err err = {0};
    shape.photometric = CODEC_YBR_FULL_422;
    CHECK(codec_native_bytes(&shape) == 16);
    CHECK(decode(CODEC_NATIVE, &shape, span_of(rows, 16), &frame, &err));
    for (size_t i = 0; i < 6; i++)
        CHECK(pixels[i * 3] == (i + 1) * 10 && pixels[i * 3 + 2] == (i + 1) * 10);
}

/* ------------------------------------------------------------------ JPEG lossless */

struct stream {
    uint8_t bytes[512];
    size_t len;
    uint32_t word;
    unsigned count;
};

static void put(struct stream *stream, const char *bytes, size_t len)
{
    memcpy(stream->bytes + stream->len, bytes, len);
    stream->len += len;
}
#define PUT(stream, literal) put(stream, literal, sizeof(literal) - 1)

static void put_bits(struct stream *stream, unsigned value, unsigned count)
{
    for (unsigned i = count; i-- > 0;) {
        stream->word = stream->word << 1 | (value >> i & 1);
        if (++stream->count % 8 == 0) {
            stream->bytes[stream->len++] = (uint8_t)stream->word;
            if ((uint8_t)stream->word == 0xFF)
                stream->bytes[stream->len++] = 0;
        }
    }
}

static void end_bits(struct stream *stream)
{
    while (stream->count % 8 != 0)
        put_bits(stream, 1, 1);
}

/* 4 × 3 of 16 bits; every size is a code of 5 bits, which is the size itself. */
static void begin(struct stream *stream, uint8_t predictor, uint8_t shift,
                  uint8_t interval)
{
    *stream = (struct stream){0};
    PUT(stream, "\xFF\xD8\xFF\xC3\0\x0B\x10\0\3\0\4\1\1\x11\0");
    PUT(stream, "\xFF\xC4\0\x24\0\0\0\0\0\x11\0\0\0\0\0\0\0\0\0\0\0");
    PUT(stream, "\0\1\2\3\4\5\6\7\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F\x10");
    PUT(stream, "\xFF\xDD\0\4\0");
    stream->bytes[stream->len++] = interval;
    PUT(stream, "\xFF\xDA\0\x08\1\1\0");
    stream->bytes[stream->len++] = predictor;
    stream->bytes[stream->len++] = 0;
    stream->bytes[stream->len++] = shift;
}

static void put_difference(struct stream *stream, int difference)
{
    unsigned size = 0;
    while (difference != 32768 && abs(difference) >> size)
        size++;
    put_bits(stream, difference == 32768 ? 16 : size, 5);
    put_bits(stream, (unsigned)(difference < 0 ? difference - 1 : difference),
             difference == 32768 ? 0 : size);
}

static int predict(unsigned predictor, int a, int b, int c)
{
    const int by[] = {
        0, a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1};
    return by[predictor];
}

static int modulo(int difference)
{
    int low = difference & 0xFFFF;
    return low > 32768 ? low - 65536 : low;
}

/* By H.1.2 as it reads, with `interval` rows between restarts. */
static void write_lossless(struct stream *stream, const uint16_t *values,
                           uint8_t predictor, uint8_t shift, unsigned interval)
{
    begin(stream, predictor, shift, (uint8_t)(interval * 4));
    for (unsigned y = 0; y < 3; y++) {
        bool is_first = y == 0 || (interval > 0 && y % interval == 0);
        if (y > 0 && is_first) {
            end_bits(stream);
            PUT(stream, "\xFF\xD0");
            stream->bytes[stream->len - 1] = (uint8_t)(0xD0 + (y / interval + 7) % 8);
        }
        for (unsigned x = 0; x < 4; x++) {
            const uint16_t *at = values + y * 4 + x;
            int a = x > 0 ? at[-1] >> shift : 0;
            int b = is_first ? 0 : at[-4] >> shift;
            int c = x > 0 && !is_first ? at[-5] >> shift : 0;
            int guess = is_first && x == 0 ? 1 << (15 - shift)
                        : is_first         ? a
                        : x == 0           ? b
                                           : predict(predictor, a, b, c);
            put_difference(stream, modulo((at[0] >> shift) - guess));
        }
    }
    end_bits(stream);
    PUT(stream, "\xFF\xD9");
}

static const uint16_t twelve[12] = {0,     65535, 32767, 1,     40000, 7232,
                                    65535, 0,     256,   30000, 62768, 255};

static void lossless_knows_all_predictors_and_restarts(void)
{
    struct codec_shape shape = grey(4, 3, 16);
    uint16_t pixels[12];
    struct codec_frame frame = {.pixels = (uint8_t *)pixels, .pixel_bytes = 24};
    struct stream stream;
    for (uint8_t predictor = 1; predictor <= 7; predictor++)
        for (unsigned interval = 0; interval <= 2; interval++) {
            struct err err = {0};
            write_lossless(&stream, twelve, predictor, 0, interval);
            CHECK(decode(CODEC_JPEG_LOSSLESS, &shape, span_of(stream.bytes, stream.len),
                         &frame, &err));
            CHECK(memcmp(pixels, twelve, 24) == 0 && !frame.is_incomplete);
        }
}

static void lossless_shifts_back_what_a_point_transform_took(void)
{
    struct codec_shape shape = grey(4, 3, 16);
    uint16_t pixels[12];
    struct codec_frame frame = {.pixels = (uint8_t *)pixels, .pixel_bytes = 24};
    struct stream stream;
    struct err err = {0};
    write_lossless(&stream, twelve, 4, 3, 0);
    CHECK(decode(CODEC_JPEG_LOSSLESS, &shape, span_of(stream.bytes, stream.len), &frame,
                 &err));
    for (size_t i = 0; i < 12; i++)
        CHECK(pixels[i] == (twelve[i] & 0xFFF8));
    CHECK(frame.is_lossy);
}

static void a_short_lossless_stream_shows_its_rows_and_says_so(void)
{
    struct codec_shape shape = grey(4, 3, 16);
    uint16_t pixels[12];
    struct codec_frame frame = {.pixels = (uint8_t *)pixels, .pixel_bytes = 24};
    struct stream stream;
    struct err err = {0};
    write_lossless(&stream, twelve, 1, 0, 0);
    CHECK(decode(CODEC_JPEG_LOSSLESS, &shape, span_of(stream.bytes, stream.len - 8),
                 &frame, &err));
    CHECK(frame.is_incomplete);
    CHECK(memcmp(pixels, twelve, 16) == 0);
    CHECK((pixels[8] | pixels[9] | pixels[10] | pixels[11]) == 0);
}

static void broken_lossless_streams_are_refused_by_name(void)
{
    struct codec_shape shape = grey(4, 3, 16);
    uint16_t pixels[12];
    struct codec_frame frame = {.pixels = (uint8_t *)pixels, .pixel_bytes = 24};
    struct stream stream;
    write_lossless(&stream, twelve, 1, 0, 0);
    static const struct {
        size_t at;
        uint8_t byte;
        const char *code;
    } cases[] = {
        {1, 0xD9, "codec_jpeg_start"},    {3, 0xC2, "codec_unsupported"},
        {3, 0xCB, "codec_unsupported"},   {6, 17, "codec_precision"},
        {6, 1, "codec_precision"},        {8, 4, "codec_dimensions"},
        {10, 5, "codec_dimensions"},      {11, 3, "codec_jpeg_segment"},
        {13, 0x51, "codec_jpeg_segment"}, {18, 0xFF, "codec_jpeg_segment"},
        {19, 0x20, "codec_jpeg_segment"}, {20, 3, "codec_jpeg_segment"},
        {36, 17, "codec_jpeg_huffman"},   {52, 17, "codec_jpeg_huffman"},
        {58, 3, "codec_jpeg_restart"},    {64, 2, "codec_jpeg_segment"},
        {65, 0x10, "codec_jpeg_huffman"}, {66, 8, "codec_jpeg_predictor"},
        {66, 0, "codec_jpeg_predictor"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct stream changed = stream;
        changed.bytes[cases[i].at] = cases[i].byte;
        bool is_decoded = decode(CODEC_JPEG_LOSSLESS, &shape,
                                 span_of(changed.bytes, changed.len), &frame, &err);
        if (is_decoded || strcmp(err.code, cases[i].code) != 0)
            printf("# byte %zu = %u: %s\n", cases[i].at, cases[i].byte,
                   is_decoded ? "decoded" : err.code);
        CHECK(!is_decoded && strcmp(err.code, cases[i].code) == 0);
    }
}

int main(void)
{
    RUN(what_goes_in_comes_out_again_in_every_shape);
    RUN(bits_are_packed_from_the_lowest);
    RUN(stored_bits_are_masked_and_their_sign_carried_on);
    RUN(wide_samples_keep_their_order);
    RUN(luma_and_chroma_become_rgb);
    RUN(an_odd_last_column_has_a_chroma_pair_of_its_own);
    RUN(lossless_knows_all_predictors_and_restarts);
    RUN(lossless_shifts_back_what_a_point_transform_took);
    RUN(a_short_lossless_stream_shows_its_rows_and_says_so);
    RUN(broken_lossless_streams_are_refused_by_name);
    return test_done();
}
