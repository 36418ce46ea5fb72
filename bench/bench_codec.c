// SPDX-License-Identifier: Apache-2.0
/* How many pixels a core decodes in each encoding, and how many CT frames it turns into
 * JPEGs of a window. Beside each, over the same frame in the same run, what bounds it: a
 * copy of the memory, or the library that it goes through, alone.
 *
 * usage: bench_codec      prints one JSON line for each */
#include <charls/charls.h>
#include <math.h>
#include <openjpeg.h>
#include <stdio.h>
#include <time.h>
#include <turbojpeg.h>

#include "base/memory.h"
#include "formats/picture/picture.h"

enum {
    SIDE = 512,
    PIXELS = SIDE * SIDE,
    RUNS = 7,
    PASS_NS_MIN = 150000000,
    ARENA_BYTES = 64 << 20,
};

struct subject {
    const char *name;
    const char *reference; /* what runs beside it */
    enum codec_syntax syntax;
    struct codec_shape shape;
    struct span pixels;
    struct buf encoded;
    uint8_t *out;
    struct arena arena;
    bool (*beside)(struct subject *subject);
};

static int64_t now_ns(void)
{
    struct timespec time;
    /* The core's time of this thread: other programs on the machine do not count. */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ------------------------------------------------------------------ the frame */

/* A body with organs in it and the noise of a scanner: signed values of 12 bits. */
static void paint(int16_t *values)
{
    uint32_t state = 1;
    for (int i = 0; i < PIXELS; i++) {
        double x = (i % SIDE - 255.5) / 256;
        double y = (i / SIDE - 255.5) / 256;
        double level = x * x / 0.7 + y * y / 0.45 < 1 ? 40 : -1000;
        if (level > 0 && (x - 0.4) * (x - 0.4) + y * y < 0.06)
            level = -820;
        if (level > 0 && (x + 0.3) * (x + 0.3) + y * y < 0.09)
            level = 60 + 40 * sin(x * 40);
        if (level > 0 && x * x + (y - 0.45) * (y - 0.45) < 0.01)
            level = 900;
        int noise = 0;
        for (int k = 0; k < 4; k++) {
            state = state * 1664525U + 1013904223U;
            noise += (int)(state >> 27);
        }
        values[i] = (int16_t)(level + noise - 62);
    }
}

static struct codec_shape shape_of(unsigned bits)
{
    return (struct codec_shape){.columns = SIDE,
                                .rows = SIDE,
                                .samples = 1,
                                .bits_allocated = bits,
                                .bits_stored = bits,
                                .high_bit = bits - 1,
                                .is_signed = bits == 16,
                                .photometric = CODEC_MONOCHROME2};
}

/* ------------------------------------------------------------------ beside */

static bool copy_memory(struct subject *subject)
{
    memcpy(subject->out, subject->pixels.at, subject->pixels.len);
    return true;
}

static bool turbojpeg_decodes(struct subject *subject)
{
    tjhandle handle = tjInitDecompress();
    int failed = tjDecompress2(handle, subject->encoded.at, subject->encoded.len,
                               subject->out, SIDE, 0, SIDE, TJPF_GRAY, 0);
    tjDestroy(handle);
    return failed == 0;
}

static bool charls_decodes(struct subject *subject)
{
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    bool is_good = !charls_jpegls_decoder_set_source_buffer(decoder, subject->encoded.at,
                                                            subject->encoded.len) &&
                   !charls_jpegls_decoder_read_header(decoder) &&
                   !charls_jpegls_decoder_decode_to_buffer(decoder, subject->out,
                                                           subject->pixels.len, 0);
    charls_jpegls_decoder_destroy(decoder);
    return is_good;
}

static OPJ_SIZE_T read_all(void *to, OPJ_SIZE_T count, void *user)
{
    struct span *left = user;
    struct span part = span_part(*left, 0, count);
    if (part.len == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(to, part.at, part.len);
    left->at += part.len;
    left->len -= part.len;
    return part.len;
}

static bool openjpeg_decodes(struct subject *subject)
{
    struct span left = buf_view(&subject->encoded);
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;
    opj_set_default_decoder_parameters(&parameters);
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(left.len, OPJ_TRUE);
    opj_stream_set_user_data(stream, &left, NULL);
    opj_stream_set_user_data_length(stream, left.len);
    opj_stream_set_read_function(stream, read_all);
    bool is_good = opj_setup_decoder(codec, &parameters) &&
                   opj_read_header(stream, codec, &image) &&
                   opj_decode(codec, stream, image);
    opj_image_destroy(image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    return is_good;
}

static bool turbojpeg_encodes(struct subject *subject)
{
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    tjhandle handle = tjInitCompress();
    int failed = tjCompress2(handle, subject->out, SIDE, 0, SIDE, TJPF_GRAY, &bytes, &len,
                             TJSAMP_GRAY, PICTURE_QUALITY, 0);
    tjFree(bytes);
    tjDestroy(handle);
    return failed == 0;
}

/* ------------------------------------------------------------------ ours */

static bool decode(struct subject *subject)
{
    struct err err = {0};
    struct codec_frame frame = {.pixels = subject->out,
                                .pixel_bytes = codec_frame_bytes(&subject->shape)};
    arena_reset(&subject->arena);
    return codec_decode(subject->syntax, &subject->shape, buf_view(&subject->encoded),
                        &subject->arena, &frame, &err);
}

/* Decode, window, JPEG: what a browser asks a frame for. */
static bool draw(struct subject *subject)
{
    struct err err = {0};
    struct picture_job job = {.syntax = subject->syntax,
                              .shape = subject->shape,
                              .slope = 1,
                              .has_window = true,
                              .center = 40,
                              .width = 400,
                              .encoded = buf_view(&subject->encoded)};
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    arena_reset(&subject->arena);
    return picture_run(&job, &subject->arena, &reply, &err);
}

/* ------------------------------------------------------------------ measuring */

static double time_pass(bool (*pass)(struct subject *), struct subject *subject)
{
    int passes = 0;
    int64_t started = now_ns();
    int64_t spent = 0;
    do {
        if (!pass(subject))
            return NAN;
        passes++;
        spent = now_ns() - started;
    } while (spent < PASS_NS_MIN);
    return (double)spent / 1e9 / passes;
}

static double median(double *values)
{
    for (size_t i = 1; i < RUNS; i++)
        for (size_t k = i; k > 0 && values[k] < values[k - 1]; k--) {
            double swapped = values[k];
            values[k] = values[k - 1];
            values[k - 1] = swapped;
        }
    return values[RUNS / 2];
}

static bool measure(struct subject *subject, bool (*ours)(struct subject *),
                    const char *work)
{
    double seconds[2][RUNS];
    for (size_t run = 0; run < RUNS; run++) {
        seconds[0][run] = time_pass(ours, subject);
        seconds[1][run] = time_pass(subject->beside, subject);
    }
    double mine = median(seconds[0]);
    double other = median(seconds[1]);
    printf("{\"bench\":\"codec\",\"work\":\"%s\",\"encoding\":\"%s\",\"side\":%d,"
           "\"bits\":%u,\"bytes\":%zu,\"runs\":%d,\"frames_per_s\":%.0f,"
           "\"megapixels_per_s\":%.1f,\"fastest\":%.1f,\"slowest\":%.1f,"
           "\"beside\":\"%s\",\"beside_frames_per_s\":%.0f,"
           "\"beside_megapixels_per_s\":%.1f}\n",
           work, subject->name, SIDE, subject->shape.bits_allocated, subject->encoded.len,
           RUNS, 1 / mine, PIXELS / 1e6 / mine, PIXELS / 1e6 / seconds[0][0],
           PIXELS / 1e6 / seconds[0][RUNS - 1], subject->reference, 1 / other,
           PIXELS / 1e6 / other);
    fflush(stdout);
    return isfinite(mine) && isfinite(other);
}

static bool run(struct subject *subject, const int16_t *values, uint8_t *bytes)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    subject->shape = shape_of(subject->syntax == CODEC_JPEG ? 8 : 16);
    subject->pixels = subject->syntax == CODEC_JPEG ? span_of(bytes, PIXELS)
                                                    : span_of(values, PIXELS * 2);
    subject->encoded = buf_init(ARENA_BYTES);
    subject->arena = arena_init(ARENA_BYTES);
    bool is_good = codec_encode(subject->syntax, &subject->shape, subject->pixels, &arena,
                                &subject->encoded, &err) &&
                   measure(subject, decode, "decode");
    subject->reference = "libturbojpeg encodes alone";
    subject->beside = turbojpeg_encodes;
    for (int i = 0; i < PIXELS; i++) /* the same picture that draw encodes */
        subject->out[i] = bytes[i];
    is_good = is_good && measure(subject, draw, "draw");
    arena_free(&subject->arena);
    buf_free(&subject->encoded);
    return is_good;
}

int main(void)
{
    struct subject subjects[] = {
        {.name = "native", .reference = "memcpy", .beside = copy_memory},
        {.name = "rle", .reference = "memcpy", .beside = copy_memory},
        {.name = "jpeg-lossless", .reference = "memcpy", .beside = copy_memory},
        {.name = "jpeg-ls", .reference = "CharLS alone", .beside = charls_decodes},
        {.name = "jpeg-2000", .reference = "OpenJPEG alone", .beside = openjpeg_decodes},
        {.name = "jpeg-baseline",
         .reference = "libturbojpeg alone",
         .beside = turbojpeg_decodes},
    };
    static const enum codec_syntax syntaxes[] = {CODEC_NATIVE,        CODEC_RLE,
                                                 CODEC_JPEG_LOSSLESS, CODEC_JPEG_LS,
                                                 CODEC_JPEG_2000,     CODEC_JPEG};
    struct err err = {0};
    int16_t *values = memory_new(PIXELS, sizeof *values, &err);
    uint8_t *bytes = memory_new(PIXELS, 1, &err);
    uint8_t *out = memory_new(PIXELS, 2, &err);
    bool is_good = values && bytes && out;
    if (is_good)
        paint(values);
    for (int i = 0; is_good && i < PIXELS; i++) {
        double part = (values[i] + 160) * 255.0 / 400;
        bytes[i] = (uint8_t)(part < 0 ? 0 : part > 255 ? 255 : part);
    }
    for (size_t i = 0; is_good && i < sizeof subjects / sizeof *subjects; i++) {
        subjects[i].syntax = syntaxes[i];
        subjects[i].out = out;
        is_good = run(&subjects[i], values, bytes);
    }
    memory_free(values);
    memory_free(bytes);
    memory_free(out);
    return is_good ? 0 : 1;
}
