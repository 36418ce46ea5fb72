// SPDX-License-Identifier: Apache-2.0
/* Each encoding by itself: what its standard allows and what it does not. */
#include <charls/charls.h>
#include <math.h>
#include <turbojpeg.h>

#include "formats/codec/codec_testframes.h"

/* ------------------------------------------------------------------ JPEG lossless */

struct stream {
    uint8_t bytes[1024];
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

/* ------------------------------------------------------------------ 12 bits */

/* 16 × 8 of 12 bits, two blocks: codes of 5 bits for the DC sizes, of 8 for the AC. */
static void write_extended(struct stream *stream, int blocks[2][64])
{
    *stream = (struct stream){0};
    PUT(stream, "\xFF\xD8\xFF\xDB\0\x43\0");
    for (unsigned k = 0; k < 64; k++)
        stream->bytes[stream->len++] = 2;
    PUT(stream, "\xFF\xC1\0\x0B\x0C\0\x08\0\x10\1\1\x11\0");
    PUT(stream, "\xFF\xC4\0\x23\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0");
    PUT(stream, "\0\1\2\3\4\5\6\7\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F");
    PUT(stream, "\xFF\xC4\1\x12\x10\0\0\0\0\0\0\0\xFF\0\0\0\0\0\0\0\0");
    for (unsigned k = 0; k < 0xFF; k++)
        stream->bytes[stream->len++] = (uint8_t)k;
    PUT(stream, "\xFF\xDA\0\x08\1\1\0\0\x3F\0");
    for (unsigned b = 0; b < 2; b++) {
        put_difference(stream, blocks[b][0] - (b > 0 ? blocks[0][0] : 0));
        unsigned zeros = 0;
        for (unsigned k = 1; k < 64; k++) {
            int value = blocks[b][k];
            unsigned size = 0;
            while (abs(value) >> size)
                size++;
            if (size == 0) {
                zeros++;
                continue;
            }
            for (; zeros > 15; zeros -= 16)
                put_bits(stream, 0xF0, 8);
            put_bits(stream, zeros << 4 | size, 8);
            put_bits(stream, (unsigned)(value < 0 ? value - 1 : value), size);
            zeros = 0;
        }
        if (zeros > 0)
            put_bits(stream, 0, 8);
    }
    end_bits(stream);
    PUT(stream, "\xFF\xD9");
}

/* A.3.3 as it is printed. */
static double transform(const int *coefficients, unsigned x, unsigned y)
{
    double sum = 0;
    for (unsigned k = 0, diagonal = 0; diagonal < 15; diagonal++)
        for (unsigned i = 0; i <= diagonal; i++) {
            unsigned u = diagonal % 2 ? diagonal - i : i;
            unsigned v = diagonal - u;
            if (u > 7 || v > 7)
                continue;
            sum += (u ? 1 : sqrt(0.5)) * (v ? 1 : sqrt(0.5)) / 4 * coefficients[k++] * 2 *
                   cos((2 * x + 1) * u * M_PI / 16) * cos((2 * y + 1) * v * M_PI / 16);
        }
    return sum;
}

static void twelve_bits_come_out_of_the_printed_transform(void)
{
    struct codec_shape shape = grey(16, 8, 16);
    uint16_t pixels[128];
    struct codec_frame frame = {.pixels = (uint8_t *)pixels, .pixel_bytes = 256};
    struct stream stream;
    struct err err = {0};
    int blocks[2][64] = {{1500, -300, 77, 0, 0, 45}, {-20, 3, 0, 0, 9}};
    blocks[0][63] = -31;
    blocks[1][20] = 5;
    shape.bits_stored = 12;
    shape.high_bit = 11;
    write_extended(&stream, blocks);
    CHECK(stream.len < sizeof stream.bytes);
    CHECK(decode(CODEC_JPEG, &shape, span_of(stream.bytes, stream.len), &frame, &err));
    CHECK(frame.is_lossy && !frame.is_incomplete);
    for (unsigned i = 0; i < 128; i++) {
        double wanted = transform(blocks[i % 16 / 8], i % 8, i / 16) + 2048;
        CHECK(fabs(wanted - pixels[i]) < 0.51);
    }
    /* Se as 0: a sequential scan has all 64 coefficients whatever it says. */
    uint16_t before[128];
    uint8_t *scan = memmem(stream.bytes, stream.len, "\xFF\xDA\0\x08\1\1\0\0\x3F", 9);
    memcpy(before, pixels, sizeof before);
    CHECK(scan != NULL);
    if (scan)
        scan[8] = 0;
    memset(pixels, 0, sizeof pixels);
    CHECK(decode(CODEC_JPEG, &shape, span_of(stream.bytes, stream.len), &frame, &err));
    CHECK(!frame.is_incomplete && memcmp(before, pixels, sizeof before) == 0);
    CHECK(
        decode(CODEC_JPEG, &shape, span_of(stream.bytes, stream.len - 8), &frame, &err));
    CHECK(frame.is_incomplete && pixels[15] == 0);
}

/* ------------------------------------------------------------------ JPEG baseline */

static const uint8_t patch[4][3] = {
    {200, 40, 40}, {40, 200, 40}, {40, 40, 200}, {90, 90, 90}};

/* A picture of four patches of 8 × 8, by the library itself. */
static size_t compress(uint8_t *bytes, unsigned long room, int format, int subsampling)
{
    uint8_t pixels[16 * 16 * 3];
    unsigned long len = room;
    unsigned char *to = bytes;
    tjhandle handle = tjInitCompress();
    for (size_t i = 0; i < 256; i++)
        memcpy(pixels + i * 3, patch[i % 16 / 8 + i / 128 * 2], 3);
    CHECK(tjCompress2(handle, pixels, 16, 0, 16, format, &to, &len, subsampling, 95,
                      TJFLAG_NOREALLOC) == 0);
    tjDestroy(handle);
    return len;
}

/* Chroma is smoothed over the border in the middle. */
static bool is_near(const uint8_t *pixels, const uint8_t (*wanted)[3])
{
    int most = 0;
    for (size_t i = 0; i < 256; i++)
        for (size_t s = 0; s < 3; s++) {
            int by = abs(pixels[i * 3 + s] - wanted[i % 16 / 8 + i / 128 * 2][s]);
            bool is_border = i % 16 >= 6 && i % 16 <= 9;
            most = by > most && !is_border ? by : most;
        }
    return most <= 12;
}

/* An application segment in front of all others, or what is there away. */
static size_t put_first(uint8_t *bytes, size_t len, const char *segment, size_t size)
{
    size_t had = 0;
    while (bytes[2 + had] == 0xFF && (bytes[3 + had] & 0xF0) == 0xE0)
        had += 2 + ((size_t)bytes[4 + had] << 8 | bytes[5 + had]);
    memmove(bytes + 2 + size, bytes + 2 + had, len - 2 - had);
    memcpy(bytes + 2, segment, size);
    return len - had + size;
}

static void colour_is_what_the_stream_says_it_is(void)
{
    static const char with[2][16] = {
        {'\xFF', '\xEE', 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0},
        {'\xFF', '\xEE', 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 1}};
    struct codec_shape shape = colour(16, 16, 8);
    uint8_t pixels[768];
    uint8_t bytes[8192];
    uint8_t ybr[4][3];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 768};
    struct err err = {0};
    for (size_t i = 0; i < 4; i++) {
        double r = patch[i][0];
        double g = patch[i][1];
        double b = patch[i][2];
        ybr[i][0] = (uint8_t)(0.299 * r + 0.587 * g + 0.114 * b + 0.5);
        ybr[i][1] = (uint8_t)(-0.1687 * r - 0.3313 * g + 0.5 * b + 128.5);
        ybr[i][2] = (uint8_t)(0.5 * r - 0.4187 * g - 0.0813 * b + 128.5);
    }
    size_t len = compress(bytes, sizeof bytes - 16, TJPF_RGB, TJSAMP_444);
    CHECK(decode(CODEC_JPEG, &shape, span_of(bytes, len), &frame, &err)); /* JFIF */
    CHECK(is_near(pixels, patch));
    len = put_first(bytes, len, with[1], 16);
    CHECK(decode(CODEC_JPEG, &shape, span_of(bytes, len), &frame, &err));
    CHECK(is_near(pixels, patch));
    len = put_first(bytes, len, with[0], 16); /* luma and chroma, called RGB */
    shape.photometric = CODEC_YBR_FULL;
    CHECK(decode(CODEC_JPEG, &shape, span_of(bytes, len), &frame, &err));
    CHECK(is_near(pixels, (const uint8_t(*)[3])ybr));
    len = put_first(bytes, len, "", 0); /* nothing said: what the data set says */
    CHECK(decode(CODEC_JPEG, &shape, span_of(bytes, len), &frame, &err));
    CHECK(is_near(pixels, patch));
    shape.photometric = CODEC_RGB;
    CHECK(decode(CODEC_JPEG, &shape, span_of(bytes, len), &frame, &err));
    CHECK(is_near(pixels, (const uint8_t(*)[3])ybr));
    len = compress(bytes, sizeof bytes - 16, TJPF_RGB, TJSAMP_422);
    len = put_first(bytes, len, "", 0); /* RGB is never subsampled in parts */
    CHECK(decode(CODEC_JPEG, &shape, span_of(bytes, len), &frame, &err));
    CHECK(is_near(pixels, patch));
}

static void only_what_costs_pixels_makes_a_jpeg_incomplete(void)
{
    struct codec_shape shape = grey(16, 16, 8);
    uint8_t pixels[256];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 256};
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    paint(&shape, pixels, 9);
    encode(CODEC_JPEG, &shape, pixels, &out);
    CHECK(decode(CODEC_JPEG, &shape, span_of(out.at, out.len - 40), &frame, &err));
    CHECK(frame.is_incomplete);
    buf_put(&out, "abc", 3); /* behind the JFIF segment */
    memmove(out.at + 23, out.at + 20, out.len - 23);
    memset(out.at + 20, 0, 3);
    CHECK(decode(CODEC_JPEG, &shape, buf_view(&out), &frame, &err));
    CHECK(!frame.is_incomplete && frame.is_lossy);
}

/* ------------------------------------------------------------------ JPEG-LS */

static void jpeg_ls_knows_all_orders_and_near(void)
{
    struct codec_shape shape = colour(19, 7, 8);
    uint8_t pixels[19 * 7 * 3];
    uint8_t given[19 * 7 * 3];
    uint8_t bytes[4096];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    for (int mode = 0; mode < 3; mode++)
        for (int near = 0; near < 4; near += 3) {
            struct err err = {0};
            size_t len = 0;
            charls_frame_info info = {19, 7, 8, 3};
            charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
            paint(&shape, pixels, 3);
            memcpy(given, pixels, sizeof given);
            for (size_t i = 0; mode == 0 && i < sizeof given; i++)
                given[i] = pixels[i % 133 * 3 + i / 133];
            uint8_t wanted[sizeof pixels];
            memcpy(wanted, pixels, sizeof wanted);
            CHECK(!charls_jpegls_encoder_set_frame_info(encoder, &info));
            CHECK(!charls_jpegls_encoder_set_near_lossless(encoder, near));
            CHECK(!charls_jpegls_encoder_set_interleave_mode(
                encoder, (charls_interleave_mode)mode));
            CHECK(!charls_jpegls_encoder_set_destination_buffer(encoder, bytes,
                                                                sizeof bytes));
            CHECK(!charls_jpegls_encoder_encode_from_buffer(encoder, given, sizeof given,
                                                            0));
            CHECK(!charls_jpegls_encoder_get_bytes_written(encoder, &len));
            charls_jpegls_encoder_destroy(encoder);
            CHECK(decode(CODEC_JPEG_LS, &shape, span_of(bytes, len), &frame, &err));
            CHECK(frame.is_lossy == (near > 0));
            for (size_t i = 0; i < sizeof pixels; i++)
                CHECK(abs(pixels[i] - wanted[i]) <= near);
        }
}

/* ------------------------------------------------------------------ JPEG 2000 */

static void the_header_decides_what_sign_the_bits_have(void)
{
    struct codec_shape shape = grey(4, 1, 16);
    static const uint16_t values[] = {0xFFFF, 0x8000, 0x7FFF, 5};
    uint16_t pixels[4];
    struct codec_frame frame = {.pixels = (uint8_t *)pixels, .pixel_bytes = 8};
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    for (int i = 0; i < 2; i++) {
        shape.is_signed = i == 0;
        encode(CODEC_JPEG_2000, &shape, (const uint8_t *)values, &out);
        shape.is_signed = i == 1;
        CHECK(decode(CODEC_JPEG_2000, &shape, buf_view(&out), &frame, &err));
        CHECK(memcmp(pixels, values, 8) == 0);
    }
}

static void jpeg_2000_sizes_are_checked_before_anything_is_taken(void)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t len;
        const char *code;
    } cases[] = {
        {8, "\xDD\xE0\1\0", 4, "codec_dimensions"}, /* width */
        {12, "\x7F\xFF\xFF\xFF", 4, "codec_dimensions"},
        {16, "\0\0\0\x40", 4, "codec_dimensions"},  /* offset */
        {24, "\0\0\0\1\0\0\0\1", 8, "codec_tiles"}, /* 6,400 tiles */
        {24, "\0\0\0\0", 4, "codec_tiles"},
        {40, "\x40\0", 2, "codec_dimensions"}, /* components */
        {42, "\x25", 1, "codec_precision"},
        {43, "\2", 1, "codec_unsupported"}, /* subsampled */
        {0, "\0", 1, "codec_jpeg_2000"},
    };
    struct codec_shape shape = grey(80, 80, 8);
    uint8_t pixels[6400];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    paint(&shape, pixels, 1);
    encode(CODEC_JPEG_2000, &shape, pixels, &out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        uint8_t kept[8];
        memcpy(kept, out.at + cases[i].at, cases[i].len);
        memcpy(out.at + cases[i].at, cases[i].bytes, cases[i].len);
        CHECK(!decode(CODEC_JPEG_2000, &shape, buf_view(&out), &frame, &err));
        CHECK(strcmp(err.code, cases[i].code) == 0);
        memcpy(out.at + cases[i].at, kept, cases[i].len);
    }
}

static size_t find_marker(const struct buf *out, uint8_t marker)
{
    for (size_t i = 2; i + 1 < out->len; i++)
        if (out->at[i] == 0xFF && out->at[i + 1] == marker)
            return i;
    CHECK(false);
    return 0;
}

static void put_in(struct buf *out, size_t at, const char *bytes, size_t len)
{
    buf_put(out, bytes, len);
    memmove(out->at + at + len, out->at + at, out->len - at - len);
    memcpy(out->at + at, bytes, len);
}

static void check_2000(const char *name, const struct buf *out, const char *code)
{
    struct codec_shape shape = grey(80, 80, 8);
    uint8_t pixels[6400];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    struct err err = {0};
    bool is_decoded = decode(CODEC_JPEG_2000, &shape, buf_view(out), &frame, &err);
    const char *said = is_decoded ? frame.is_incomplete ? "incomplete" : "" : err.code;
    if (strcmp(said, code) != 0)
        printf("# %s: %s\n", name, said);
    CHECK(strcmp(said, code) == 0);
}

/* What is refused made OpenJPEG 2.5 take 4 GB, or would have it go through billions of
 * packets, for a picture of 80 × 80. */
static void jpeg_2000_headers_decide_no_allocation(void)
{
    struct codec_shape shape = grey(80, 80, 8);
    uint8_t pixels[6400];
    CLEANUP(buf_free) struct buf good = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf bad = buf_init(1 << 20);
    paint(&shape, pixels, 1);
    encode(CODEC_JPEG_2000, &shape, pixels, &good);
    check_2000("as written", &good, "");
    const size_t cod = find_marker(&good, 0x52);
    const size_t sot = find_marker(&good, 0x90);

    buf_span(&bad, buf_view(&good));
    memcpy(bad.at + sot + 6, "\xFD\xFF\0\x94", 4);
    check_2000("a tile-part longer than the stream", &bad, "incomplete");
    put_in(&bad, sot, "\xFF\xFF\xFF\xFF", 4);
    check_2000("the same behind no marker at all", &bad, "codec_jpeg_2000");

    buf_reset(&bad);
    buf_span(&bad, buf_view(&good));
    put_in(&bad, sot + 12, "\xFF\x64\0\x0E\0\1abcdefghij", 16);
    memcpy(bad.at + sot + 6, "\0\0\0\x14", 4);
    check_2000("a tile-part shorter than its header", &bad, "codec_jpeg_2000");
    bad.len = sot + 12 + 16 + 2;
    memcpy(bad.at + sot + 6, "\xFD\xFF\0\x94", 4);
    check_2000("a tile-part of nothing but a header", &bad, "codec_jpeg_2000");

    buf_reset(&bad);
    buf_span(&bad, buf_view(&good));
    memcpy(bad.at + cod + 6, "\xFF\xFF", 2);
    check_2000("layers that are empty", &bad, "");
    /* one resolution in precincts of one pixel */
    memcpy(bad.at + cod + 2, "\0\x0D\1", 3);
    memcpy(bad.at + cod + 9, "\0\4\4\0\1", 5);
    put_in(&bad, cod + 14, "\0", 1);
    check_2000("precincts by layers", &bad, "codec_packets");
    memcpy(bad.at + cod + 6, "\0\1", 2);
    check_2000("precincts of one pixel", &bad, "incomplete");
    memcpy(bad.at + 24, "\0\0\0\2\0\0\0\2", 8);
    memcpy(bad.at + cod + 6, "\xFF\xFF", 2);
    memcpy(bad.at + cod + 14, "\xFF", 1);
    check_2000("tiles by layers", &bad, "codec_packets");
}

static void a_jpeg_2000_segment_nobody_knows_is_passed_by(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct codec_shape shape = grey(80, 80, 8);
    uint8_t pixels[6400];
    paint(&shape, pixels, 1);
    encode(CODEC_JPEG_2000, &shape, pixels, &out);
    put_in(&out, find_marker(&out, 0x90) + 12, "\xFF\x7C\0\5abc", 7);
    size_t sot = find_marker(&out, 0x90);
    unsigned len = (unsigned)(out.at[sot + 8] << 8 | out.at[sot + 9]) + 7;
    out.at[sot + 8] = (uint8_t)(len >> 8);
    out.at[sot + 9] = (uint8_t)len;
    put_in(&out, sot, "\xFF\x56\0\5\xFF\x90\xFF", 7); /* what looks like a part */
    check_2000("unknown", &out, "");
}

static void a_jpeg_2000_file_around_the_stream_is_passed_by(void)
{
    struct codec_shape shape = grey(8, 8, 8);
    uint8_t pixels[64];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = sizeof pixels};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf file = buf_init(1 << 20);
    struct err err = {0};
    memset(pixels, 77, sizeof pixels);
    encode(CODEC_JPEG_2000, &shape, pixels, &out);
    buf_put(&file, "\0\0\0\x0CjP  \r\n\x87\n\0\0\0\0jp2c", 20);
    buf_span(&file, buf_view(&out));
    CHECK(decode(CODEC_JPEG_2000, &shape, buf_view(&file), &frame, &err));
    CHECK(pixels[63] == 77);
    file.at[15] = 4; /* a box that ends before it begins */
    memcpy(file.at + 16, "free", 4);
    CHECK(!decode(CODEC_JPEG_2000, &shape, buf_view(&file), &frame, &err));
}

/* ------------------------------------------------------------------ RLE */

static void run_lengths_stay_in_their_segments(void)
{
    struct codec_shape shape = grey(4, 1, 8);
    uint8_t pixels[4];
    uint8_t bytes[64 + 8] = {1, 0, 0, 0, 64};
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 4};
    struct err err = {0};
    /* a run longer than the row, a literal longer than the segment, nothing */
    memcpy(bytes + 64, "\x81\x07\0\0\0\0\0\0", 8);
    CHECK(decode(CODEC_RLE, &shape, span_of(bytes, 72), &frame, &err));
    CHECK(memcmp(pixels, "\7\7\7\7", 4) == 0 && !frame.is_incomplete);
    memcpy(bytes + 64, "\x80\x7F\1\2", 4);
    CHECK(decode(CODEC_RLE, &shape, span_of(bytes, 68), &frame, &err));
    CHECK(memcmp(pixels, "\1\2\0\0", 4) == 0 && frame.is_incomplete);
    CHECK(decode(CODEC_RLE, &shape, span_of(bytes, 64), &frame, &err));
    CHECK(memcmp(pixels, "\0\0\0\0", 4) == 0 && frame.is_incomplete);
}

static void run_length_headers_are_not_believed(void)
{
    static const struct {
        size_t at, len;
        const char *bytes;
        const char *code;
    } cases[] = {
        {0, 4, "\0\0\0\0", "codec_dimensions"},
        {0, 4, "\1\0\0\0", "codec_dimensions"},
        {0, 4, "\x10\0\0\0", "codec_dimensions"},
        {4, 4, "\x3F\0\0\0", "codec_rle_offset"},
        {4, 4, "\xFF\xFF\xFF\xFF", "codec_rle_offset"},
        {8, 4, "\x41\0\0\0", "codec_rle_offset"}, /* ends before the first begins */
        {8, 4, "\0\0\0\x80", "codec_rle_offset"},
    };
    struct codec_shape shape = grey(4, 1, 16);
    uint8_t pixels[8];
    struct codec_frame frame = {.pixels = pixels, .pixel_bytes = 8};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[64 + 8] = {2, 0, 0, 0, 66, 0, 0, 0, 69};
        struct err err = {0};
        memcpy(bytes + cases[i].at, cases[i].bytes, cases[i].len);
        CHECK(!decode(CODEC_RLE, &shape, span_of(bytes, sizeof bytes), &frame, &err));
        if (!err.code || strcmp(err.code, cases[i].code) != 0)
            printf("# %zu: %s\n", i, err.code ? err.code : "none");
        CHECK(err.code && strcmp(err.code, cases[i].code) == 0);
    }
    struct err err = {0};
    CHECK(!decode(CODEC_RLE, &shape, SPAN("\2\0\0\0"), &frame, &err));
    CHECK(strcmp(err.code, "codec_rle_header") == 0);
}

int main(void)
{
    RUN(lossless_knows_all_predictors_and_restarts);
    RUN(lossless_shifts_back_what_a_point_transform_took);
    RUN(a_short_lossless_stream_shows_its_rows_and_says_so);
    RUN(broken_lossless_streams_are_refused_by_name);
    RUN(twelve_bits_come_out_of_the_printed_transform);
    RUN(colour_is_what_the_stream_says_it_is);
    RUN(only_what_costs_pixels_makes_a_jpeg_incomplete);
    RUN(jpeg_ls_knows_all_orders_and_near);
    RUN(the_header_decides_what_sign_the_bits_have);
    RUN(jpeg_2000_sizes_are_checked_before_anything_is_taken);
    RUN(jpeg_2000_headers_decide_no_allocation);
    RUN(a_jpeg_2000_segment_nobody_knows_is_passed_by);
    RUN(a_jpeg_2000_file_around_the_stream_is_passed_by);
    RUN(run_lengths_stay_in_their_segments);
    RUN(run_length_headers_are_not_believed);
    return test_done();
}
