// SPDX-License-Identifier: Apache-2.0
/* All encodings: shapes, lies about them, and frames that end early. */
#include <malloc.h>

#include "formats/codec/codec_testframes.h"

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

/* Every count, since many at a time go another way. */
static void many_stored_bits_are_masked_like_one(void)
{
    enum { COUNT = 150 };
    uint16_t cells[COUNT];
    uint16_t values[COUNT];
    struct codec_frame frame = {.pixels = (uint8_t *)values,
                                .pixel_bytes = sizeof values};
    struct err err = {0};
    for (uint32_t count = 1; count <= COUNT; count++)
        for (unsigned way = 0; way < 4; way++) {
            struct codec_shape shape = grey(count, 1, 16);
            shape.bits_stored = 12;
            shape.high_bit = way & 1 ? 13 : 11;
            shape.is_signed = (way & 2) != 0;
            for (uint32_t i = 0; i < count; i++)
                cells[i] = (uint16_t)(i * 40503U);
            CHECK(decode(CODEC_NATIVE, &shape, span_of(cells, (size_t)count * 2), &frame,
                         &err));
            for (uint32_t i = 0; i < count; i++) {
                int stored = cells[i] >> (shape.high_bit - 11) & 0xFFF;
                int wanted = shape.is_signed && stored > 0x7FF ? stored - 0x1000 : stored;
                CHECK(values[i] == (uint16_t)wanted);
            }
        }
}

static void pixels_are_found_only_where_decoding_changes_nothing(void)
{
    static const uint8_t bytes[32] = {1, 2, 3};
    struct codec_shape shape = grey(3, 2, 16);
    struct span encoded = span_of(bytes, 12);
    CHECK(codec_find_pixels(CODEC_NATIVE, &shape, encoded) == bytes);
    CHECK(!codec_find_pixels(CODEC_RLE, &shape, encoded));
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, span_of(bytes, 11)));
    shape.is_big_endian = true;
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, encoded));
    shape = grey(3, 2, 16);
    shape.bits_stored = 12;
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, encoded));
    shape.high_bit = 11;
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, encoded));
    shape = grey(3, 2, 32);
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, span_of(bytes, 24)));
    shape = colour(3, 2, 8);
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, span_of(bytes, 18)));
    shape = grey(3, 2, 8);
    CHECK(codec_find_pixels(CODEC_NATIVE, &shape, span_of(bytes, 6)) == bytes);
    shape.photometric = CODEC_YBR_FULL;
    CHECK(!codec_find_pixels(CODEC_NATIVE, &shape, span_of(bytes, 6)));
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

/* ------------------------------------------------------------------ lies and cuts */

static void sizes_that_no_frame_has_are_refused(void)
{
    struct codec_shape shape = grey(65535, 65535, 16);
    CHECK(codec_frame_bytes(&shape) == 0 && codec_native_bytes(&shape) == 0);
    shape = grey(65535, 2000, 16);
    CHECK(codec_frame_bytes(&shape) == 262140000);
    shape.columns = 0;
    CHECK(codec_frame_bytes(&shape) == 0);
    shape = grey(8, 8, 12);
    CHECK(codec_frame_bytes(&shape) == 0);
    shape = grey(8, 8, 16);
    shape.bits_stored = 0;
    CHECK(codec_frame_bytes(&shape) == 0);
    shape.bits_stored = 12;
    shape.high_bit = 10;
    CHECK(codec_frame_bytes(&shape) == 0);
    shape = colour(8, 8, 1);
    CHECK(codec_frame_bytes(&shape) == 0);
    shape = colour(8, 8, 8);
    shape.samples = 4;
    CHECK(codec_frame_bytes(&shape) == 0);
}

static void shared_chroma_is_of_bytes(void)
{
    static const uint8_t bytes[64];
    uint8_t pixels[48];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    for (unsigned bits = 16; bits <= 32; bits += 16) {
        struct codec_shape shape = colour(2, 2, bits);
        struct err err = {0};
        shape.photometric = CODEC_YBR_FULL_422;
        CHECK(!decode(CODEC_NATIVE, &shape, span_of(bytes, 64), &frame, &err));
        CHECK(strcmp(err.code, "codec_unsupported") == 0);
    }
}

static void a_frame_of_another_size_is_refused(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    uint8_t pixels[3 * 17 * 17] = {0};
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    for (size_t i = 1; i <= KIND_COUNT; i++) {
        enum codec_syntax syntax = i < KIND_COUNT ? kinds[i].syntax : CODEC_JPEG;
        for (unsigned lie = 0; lie < 4; lie++) {
            struct codec_shape shape = grey(16, 16, 8);
            struct err err = {0};
            encode(syntax, &shape, pixels, &out);
            if (lie == 2)
                shape = colour(16, 16, 8);
            shape.columns += lie == 0;
            shape.rows += lie == 1;
            shape.rows -= lie == 3;
            if (syntax == CODEC_RLE && lie != 2) /* whose frames have no size */
                continue;
            CHECK(!decode(syntax, &shape, buf_view(&out), &frame, &err));
            CHECK(strcmp(err.code, "codec_dimensions") == 0);
        }
    }
}

/* What a library leaves unwritten would be what malloc gave it. */
static bool decode_perturbed(enum codec_syntax syntax, const struct codec_shape *shape,
                             struct span encoded, struct codec_frame *frame, int byte)
{
    struct err err = {0};
    mallopt(M_PERTURB, byte);
    bool is_decoded = decode(syntax, shape, encoded, frame, &err);
    mallopt(M_PERTURB, 0);
    return is_decoded;
}

static void a_cut_frame_shows_nothing_of_the_memory(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct codec_shape shape = grey(40, 33, 16);
    struct codec_shape small = colour(40, 33, 8);
    uint8_t first[40 * 33 * 3];
    uint8_t second[40 * 33 * 3];
    uint8_t painted[40 * 33 * 3];
    for (size_t i = 0; i <= KIND_COUNT; i++) {
        enum codec_syntax syntax = i < KIND_COUNT ? kinds[i].syntax : CODEC_JPEG;
        const struct codec_shape *by = syntax == CODEC_JPEG || i % 2 ? &small : &shape;
        size_t bytes = codec_frame_bytes(by);
        paint(by, painted, 5);
        encode(syntax, by, painted, &out);
        size_t step = out.len / 60 + 1;
        for (size_t len = out.len - 1; len > step; len -= step) {
            struct codec_frame a = {.pixels = first, .pixel_bytes = bytes};
            struct codec_frame b = {.pixels = second, .pixel_bytes = bytes};
            struct span cut = span_of(out.at, len);
            bool is_decoded = decode_perturbed(syntax, by, cut, &a, 0x5A);
            CHECK(decode_perturbed(syntax, by, cut, &b, 0xC3) == is_decoded);
            CHECK(!is_decoded || memcmp(first, second, bytes) == 0);
            /* but for the end marker, nothing is left out without saying so */
            CHECK(!is_decoded || a.is_incomplete || syntax == CODEC_JPEG ||
                  memcmp(first, painted, bytes) == 0);
        }
    }
}

/* Where there is room for the worst it is written in place, else it is copied: the same
 * bytes behind what is there, of black and white noise too, which is the worst. */
static void a_picture_is_the_same_in_any_room(void)
{
    enum { SIDE = 96, BEFORE = 5 };
    uint8_t pixels[SIDE * SIDE * 3];
    uint32_t dice = 7;
    for (size_t i = 0; i < sizeof pixels; i++) {
        dice = dice * 1664525U + 1013904223U;
        pixels[i] = dice >> 31 ? 255 : 0;
    }
    for (unsigned i = 0; i < 4; i++) {
        struct err err = {0};
        CLEANUP(buf_free) struct buf roomy = buf_init(1 << 20);
        struct codec_picture picture = {pixels, SIDE, SIDE - 3, i % 2 ? 3 : 1,
                                        i < 2 ? 100 : 90};
        buf_cstr(&roomy, "first");
        CHECK(codec_write_jpeg(&picture, &roomy, &err));
        CHECK(memcmp(roomy.at, "first\xFF\xD8", BEFORE + 2) == 0);
        CHECK(memcmp(roomy.at + roomy.len - 2, "\xFF\xD9", 2) == 0);
        CLEANUP(buf_free) struct buf tight = buf_init(roomy.len);
        buf_cstr(&tight, "first");
        CHECK(codec_write_jpeg(&picture, &tight, &err));
        CHECK(span_equal(buf_view(&roomy), buf_view(&tight)));
        CLEANUP(buf_free) struct buf narrow = buf_init(roomy.len - 1);
        buf_cstr(&narrow, "first");
        CHECK(!codec_write_jpeg(&picture, &narrow, &err));
        CHECK(strcmp(err.code, "buf_full") == 0);
    }
}

int main(void)
{
    RUN(what_goes_in_comes_out_again_in_every_shape);
    RUN(bits_are_packed_from_the_lowest);
    RUN(stored_bits_are_masked_and_their_sign_carried_on);
    RUN(many_stored_bits_are_masked_like_one);
    RUN(pixels_are_found_only_where_decoding_changes_nothing);
    RUN(wide_samples_keep_their_order);
    RUN(luma_and_chroma_become_rgb);
    RUN(an_odd_last_column_has_a_chroma_pair_of_its_own);
    RUN(sizes_that_no_frame_has_are_refused);
    RUN(shared_chroma_is_of_bytes);
    RUN(a_frame_of_another_size_is_refused);
    RUN(a_cut_frame_shows_nothing_of_the_memory);
    RUN(a_picture_is_the_same_in_any_room);
    return test_done();
}
