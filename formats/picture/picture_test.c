// SPDX-License-Identifier: Apache-2.0
/* Values are looked at before they become a JPEG, hence the private header. */
#include <math.h>

#include "base/test.h"
#include "formats/picture/picture_parts.h"

enum { ARENA_BYTES = 64 << 20 };

static struct picture_job job_of(uint32_t columns, uint32_t rows, unsigned bits,
                                 const void *values, size_t bytes)
{
    return (struct picture_job){
        .syntax = CODEC_NATIVE,
        .shape = {.columns = columns,
                  .rows = rows,
                  .samples = 1,
                  .bits_allocated = bits,
                  .bits_stored = bits,
                  .high_bit = bits - 1,
                  .photometric = CODEC_MONOCHROME2},
        .slope = 1,
        .encoded = span_of(values, bytes),
    };
}

/* The picture before it is encoded. */
static bool draw(const struct picture_job *job, struct arena *arena,
                 struct picture_raster *raster)
{
    struct err err = {0};
    struct codec_frame frame = {.pixel_bytes = codec_frame_bytes(&job->shape)};
    frame.pixels = arena_take(arena, frame.pixel_bytes + 1, 1, &err);
    return frame.pixels &&
           codec_decode(job->syntax, &job->shape, job->encoded, arena, &frame, &err) &&
           picture_draw(job, frame.pixels, arena, raster, &err) &&
           picture_shrink(raster, job->wish.side_max, arena, &err);
}

static void check_pixels(const struct picture_job *job, const uint8_t *expected,
                         size_t count)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct picture_raster raster = {0};
    CHECK(draw(job, &arena, &raster));
    CHECK((size_t)raster.columns * raster.rows * raster.samples == count);
    for (size_t i = 0; raster.pixels && i < count; i++) {
        if (raster.pixels[i] != expected[i])
            printf("# %zu: %u instead of %u\n", i, raster.pixels[i], expected[i]);
        CHECK(raster.pixels[i] == expected[i]);
    }
}

/* ------------------------------------------------------------------ windows */

/* C.11.2.1.2.1 as it is printed. */
static double linear(double x, double c, double w)
{
    if (x <= c - 0.5 - (w - 1) / 2)
        return 0;
    if (x > c - 0.5 + (w - 1) / 2)
        return 255;
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
}

static double linear_exact(double x, double c, double w)
{
    if (x <= c - w / 2)
        return 0;
    if (x > c + w / 2)
        return 255;
    return ((x - c) / w + 0.5) * 255;
}

static double sigmoid(double x, double c, double w)
{
    return 255 / (1 + exp(-4 * (x - c) / w));
}

static void windows_follow_the_printed_functions(void)
{
    static double (*const functions[])(double, double,
                                       double) = {[DICOM_VOI_LINEAR] = linear,
                                                  [DICOM_VOI_LINEAR_EXACT] = linear_exact,
                                                  [DICOM_VOI_SIGMOID] = sigmoid};
    static const double windows[][2] = {{40, 400}, {2048, 4096}, {-600, 1500},
                                        {0.5, 1},  {100, 2},     {10.25, 30.5}};
    int16_t values[4001];
    uint8_t expected[4001];
    for (int i = 0; i < 4001; i++)
        values[i] = (int16_t)(i - 2000);
    for (size_t f = 0; f < 3; f++)
        for (size_t w = 0; w < 6; w++) {
            struct picture_job job = job_of(4001, 1, 16, values, sizeof values);
            job.shape.is_signed = true;
            job.slope = 0.5;
            job.intercept = -24;
            job.has_window = true;
            job.center = windows[w][0];
            job.width = windows[w][1];
            job.voi_function = (enum dicom_voi)f;
            for (int i = 0; i < 4001; i++)
                expected[i] =
                    (uint8_t)(functions[f](values[i] * 0.5 - 24, job.center, job.width) +
                              0.5);
            check_pixels(&job, expected, sizeof expected);
        }
}

static void without_a_window_the_data_say_one(void)
{
    static const int16_t values[] = {-1000, 0, 1000, -32768, 500};
    struct picture_job job = job_of(5, 1, 16, values, sizeof values);
    job.shape.is_signed = true;
    job.has_padding = true;
    job.padding = job.padding_limit = -32768;
    check_pixels(&job, (const uint8_t[]){0, 128, 255, 0, 191}, 5);
    job.is_inverse = true; /* but what pads stays black */
    check_pixels(&job, (const uint8_t[]){255, 128, 0, 0, 64}, 5);
    static const uint16_t flat[] = {7, 7};
    job = job_of(2, 1, 16, flat, sizeof flat);
    check_pixels(&job, (const uint8_t[]){128, 128}, 2);
}

static void bytes_show_their_whole_range(void)
{
    struct picture_job job = job_of(3, 1, 8, "\0\x64\xC8", 3);
    check_pixels(&job, (const uint8_t[]){0, 100, 200}, 3);
    job.shape.bits_stored = 7;
    job.shape.high_bit = 6;
    job.encoded = SPAN("\0\x40\x7F");
    check_pixels(&job, (const uint8_t[]){0, 129, 255}, 3);
    job = job_of(3, 1, 1, "\x05", 1);
    check_pixels(&job, (const uint8_t[]){255, 0, 255}, 3);
}

static void padding_is_a_range_with_either_end_first(void)
{
    static const uint16_t values[] = {0, 10, 20, 100, 200};
    struct picture_job job = job_of(5, 1, 16, values, sizeof values);
    job.has_padding = true;
    job.padding = 20;
    job.padding_limit = 10;
    check_pixels(&job, (const uint8_t[]){0, 0, 0, 128, 255}, 5);
}

static void floats_and_wide_integers_are_drawn(void)
{
    static const float values[] = {-1.5F, NAN, 0, 1.5F, INFINITY};
    struct picture_job job = job_of(5, 1, 32, values, sizeof values);
    job.shape.is_float = true;
    check_pixels(&job, (const uint8_t[]){0, 0, 128, 255, 255}, 5);
    static const uint32_t doses[] = {0, 4000000000U, 2000000000U};
    job = job_of(3, 1, 32, doses, sizeof doses);
    job.slope = 1e-6;
    check_pixels(&job, (const uint8_t[]){0, 255, 128}, 3);
}

/* ------------------------------------------------------------------ tables */

static void tables_are_clamped_at_both_ends(void)
{
    static const uint16_t modality[] = {100, 200, 300};
    static const uint16_t voi[] = {0, 2048, 4095};
    static const uint16_t values[] = {0, 5, 6, 7, 8, 65535};
    struct picture_job job = job_of(6, 1, 16, values, sizeof values);
    job.modality = (struct dicom_lut){3, 5, 16, modality};
    job.has_window = true;
    job.center = 200.5;
    job.width = 201;
    check_pixels(&job, (const uint8_t[]){0, 0, 128, 255, 255, 255}, 6);
    job.has_window = false;
    job.modality.count = 0;
    job.voi = (struct dicom_lut){3, 6, 12, voi};
    check_pixels(&job, (const uint8_t[]){0, 0, 0, 128, 255, 255}, 6);
}

static void an_index_outside_the_palette_takes_its_end(void)
{
    static const uint16_t red[] = {0x1000, 0x2000, 0xFFFF};
    static const uint16_t green[] = {0x0100, 0x0200, 0x0300};
    static const uint16_t blue[] = {0xAA00, 0xBB00, 0xCC00};
    struct picture_job job = job_of(5, 1, 8, "\0\x0A\x0B\x0C\xFF", 5);
    job.shape.photometric = CODEC_PALETTE;
    job.palette[0] = (struct dicom_lut){3, 10, 16, red};
    job.palette[1] = (struct dicom_lut){3, 10, 16, green};
    job.palette[2] = (struct dicom_lut){3, 10, 16, blue};
    check_pixels(&job,
                 (const uint8_t[]){16, 1, 0xAA, 16, 1, 0xAA, 32, 2, 0xBB, 255, 3, 0xCC,
                                   255, 3, 0xCC},
                 15);
    /* 16 bits are said, 8 are stored */
    static const uint16_t small[] = {16, 32, 255};
    for (size_t s = 0; s < 3; s++)
        job.palette[s].values = small;
    job.shape.is_signed = true; /* 0xFF is -1 */
    check_pixels(
        &job,
        (const uint8_t[]){16, 16, 16, 16, 16, 16, 32, 32, 32, 255, 255, 255, 16, 16, 16},
        15);
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    job.palette[2].count = 0;
    CHECK(!picture_run(&job, &arena, &reply, &err));
}

static void overlays_are_white(void)
{
    struct picture_job job = job_of(5, 2, 8, "\1\1\1\1\1\1\1\1\1\1", 10);
    job.overlay = SPAN("\x41\x02");
    check_pixels(&job, (const uint8_t[]){255, 1, 1, 1, 1, 1, 255, 1, 1, 255}, 10);
    job.overlay = SPAN("\x41"); /* shorter than declared */
    check_pixels(&job, (const uint8_t[]){255, 1, 1, 1, 1, 1, 255, 1, 1, 1}, 10);
}

static void colour_of_16_bits_keeps_its_upper_half(void)
{
    static const uint16_t values[] = {0x1234, 0xFF00, 0x00FF};
    struct picture_job job = job_of(1, 1, 16, values, sizeof values);
    job.shape.samples = 3;
    job.shape.photometric = CODEC_RGB;
    check_pixels(&job, (const uint8_t[]){0x12, 0xFF, 0}, 3);
}

/* ------------------------------------------------------------------ size */

/* The mean over the area, in double. */
static double mean(const uint8_t *pixels, const uint32_t *from, const double *area)
{
    double sum = 0;
    for (uint32_t y = 0; y < from[1]; y++)
        for (uint32_t x = 0; x < from[0]; x++) {
            double wide = fmin(x + 1, area[1]) - fmax(x, area[0]);
            double tall = fmin(y + 1, area[3]) - fmax(y, area[2]);
            if (wide > 0 && tall > 0)
                sum += wide * tall * pixels[y * from[0] + x];
        }
    return sum / ((area[1] - area[0]) * (area[3] - area[2]));
}

static void a_smaller_picture_is_the_mean_of_areas(void)
{
    static const uint32_t sides[][3] = {{7, 5, 3},  {8, 8, 4},    {100, 3, 10},
                                        {3, 90, 7}, {64, 65, 64}, {33, 17, 1}};
    uint8_t pixels[64 * 65];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i * 31 + i * 7);
    for (size_t i = 0; i < 6; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        struct picture_raster raster = {0};
        struct picture_job job = job_of(sides[i][0], sides[i][1], 8, pixels,
                                        (size_t)sides[i][0] * sides[i][1]);
        job.wish.side_max = sides[i][2];
        CHECK(draw(&job, &arena, &raster));
        CHECK((raster.columns > raster.rows ? raster.columns : raster.rows) ==
              sides[i][2]);
        for (uint32_t y = 0; y < raster.rows; y++)
            for (uint32_t x = 0; x < raster.columns; x++) {
                double across = (double)sides[i][0] / raster.columns;
                double down = (double)sides[i][1] / raster.rows;
                double area[] = {x * across, (x + 1) * across, y * down, (y + 1) * down};
                double wanted = mean(pixels, sides[i], area);
                CHECK(fabs(wanted - raster.pixels[y * raster.columns + x]) <= 0.501);
            }
    }
}

/* ------------------------------------------------------------------ jobs */

static struct picture_job full_job(void)
{
    static const uint16_t table[] = {0, 300, 65535};
    struct picture_job job = job_of(4, 2, 8, "\0\1\2\3\4\5\6\7", 8);
    job.wish = (struct picture_wish){PICTURE_JPEG, false, 0, 0, 3, 80};
    job.has_window = true;
    job.center = 3;
    job.width = 6.5;
    job.voi_function = DICOM_VOI_SIGMOID;
    job.has_padding = true;
    job.padding = -5;
    job.padding_limit = 1;
    job.modality = (struct dicom_lut){3, -7, 16, table};
    job.voi = (struct dicom_lut){2, 9, 12, table};
    job.overlay = SPAN("\x81");
    job.is_lossy = true;
    return job;
}

static void a_job_survives_its_bytes(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf again = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf here = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf there = buf_init(1 << 20);
    struct picture_job job = full_job();
    struct picture_job read;
    struct picture_result result;
    struct err err = {0};
    CHECK(picture_write_job(&job, &bytes, &err));
    CHECK(picture_read_job(buf_view(&bytes), &arena, &read, &err));
    CHECK(picture_write_job(&read, &again, &err));
    CHECK(span_equal(buf_view(&bytes), buf_view(&again)));
    CHECK(picture_run(&job, &arena, &here, &err));
    CHECK(picture_answer(NULL, buf_view(&bytes), &there, &err));
    CHECK(span_equal(buf_view(&here), buf_view(&there)));
    CHECK(picture_read_reply(buf_view(&here), &result, &err));
    CHECK(result.columns == 3 && result.rows == 2 && result.samples == 1);
    CHECK(result.is_lossy && !result.is_incomplete);
    CHECK(result.bytes.len > 2 && memcmp(result.bytes.at, "\xFF\xD8", 2) == 0);
}

static void raw_is_the_stored_values(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    struct picture_job job = job_of(2, 1, 16, "\1\2\3", 3);
    struct picture_result result;
    struct err err = {0};
    job.wish.kind = PICTURE_RAW;
    job.has_window = true;
    job.center = job.width = 1;
    CHECK(picture_run(&job, &arena, &reply, &err));
    CHECK(picture_read_reply(buf_view(&reply), &result, &err));
    CHECK(span_equal(result.bytes, SPAN("\1\2\3\0")));
    CHECK(result.is_incomplete && result.sample_bytes == 2);
}

/* Whatever was drawn before, and however early the next frame ends. */
static void a_job_shows_nothing_of_the_one_before(void)
{
    enum { SIDE = 64, BYTES = SIDE * SIDE * 2 };
    CLEANUP(arena_free) struct arena kept = arena_init(PICTURE_ARENA_BYTES_MAX);
    CLEANUP(buf_free) struct buf bright = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf cut = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf here = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf there = buf_init(1 << 20);
    uint8_t pixels[BYTES];
    struct err err = {0};
    memset(pixels, 0x7F, sizeof pixels);
    for (int i = 0; i < 2; i++) {
        struct picture_job job = job_of(SIDE, SIDE, 16, (const char *)pixels, BYTES);
        job.wish.kind = i ? PICTURE_RAW : PICTURE_JPEG;
        buf_reset(&bright);
        CHECK(picture_write_job(&job, &bright, &err));
        job.encoded.len = BYTES / 3 + 1;
        buf_reset(&cut);
        CHECK(picture_write_job(&job, &cut, &err));
        CHECK(picture_answer(&kept, buf_view(&bright), &there, &err));
        buf_reset(&here);
        buf_reset(&there);
        CHECK(picture_answer(NULL, buf_view(&cut), &here, &err));
        CHECK(picture_answer(&kept, buf_view(&cut), &there, &err));
        CHECK(span_equal(buf_view(&here), buf_view(&there)));
        uint8_t *block = arena_take_unset(&kept, BYTES, 1, &err);
        CHECK(block && !memmem(block, BYTES, "\x7F\x7F\x7F\x7F", 4));
        arena_wipe(&kept);
    }
}

/* Values close together, far apart, and on both sides of zero come to the same tones as
 * one by one; widths are not multiples of what is looked at together. */
static void every_way_to_the_tones_gives_the_same(void)
{
    enum { COLUMNS = 61, ROWS = 19, COUNT = COLUMNS * ROWS };
    static const int steps[] = {1, 3, 160};
    for (int way = 0; way < 12; way++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        struct err err = {0};
        uint8_t cells[COUNT * 2];
        uint8_t out[COUNT];
        int step = steps[way % 3];
        bool is_signed = way / 3 % 2 == 1;
        for (int i = 0; i < COUNT; i++) {
            int value = (i * 7 % 23 - 11) * step + (is_signed ? 0 : 40000);
            cells[i * 2] = (uint8_t)value;
            cells[i * 2 + 1] = (uint8_t)(value >> 8);
        }
        struct picture_job job = job_of(COLUMNS, ROWS, 16, "", 0);
        job.shape.is_signed = is_signed;
        job.has_window = way < 6;
        job.center = is_signed ? 3 : 40003;
        job.width = 12 * step;
        struct codec_frame frame = {.pixels = cells, .pixel_bytes = sizeof cells};
        CHECK(picture_map_grey(&job, frame.pixels, out, &arena, &err));
        for (int i = 0; i < COUNT; i++) {
            int value = (i * 7 % 23 - 11) * step + (is_signed ? 0 : 40000);
            double low = (is_signed ? 0 : 40000) - 11 * step;
            double part = job.has_window
                              ? (value - (job.center - 0.5)) / (job.width - 1) + 0.5
                              : (value - (low + 11 * step)) / (22 * step) + 0.5;
            part = part < 0 ? 0 : part > 1 ? 1 : part;
            CHECK(out[i] == (uint8_t)(part * 255 + 0.5));
        }
    }
}

/* The same frame as a row of others, too small for anything but a table. */
static bool map_in_pieces(const struct picture_job *job, const uint8_t *pixels,
                          uint8_t *out, struct arena *arena, struct err *err)
{
    enum { ROWS = 3 };
    struct picture_job piece = *job;
    bool is_good = true;
    for (uint32_t row = 0; is_good && row < job->shape.rows; row += ROWS) {
        size_t at = (size_t)row * job->shape.columns;
        piece.shape.rows = job->shape.rows - row < ROWS ? job->shape.rows - row : ROWS;
        is_good = picture_map_grey(&piece, pixels + at * 2, out + at, arena, err);
    }
    return is_good;
}

/* The tones of a window, worked out for a whole frame, are those of the table: whatever
 * its centre and width, rescale, sign, direction and padding, and at its edges. */
static void arithmetic_gives_the_tables_tones(void)
{
    enum { SIDE = 85, COUNT = SIDE * SIDE, WINDOWS = 1200 };
    static const double slopes[] = {1, 0.5, -1, 2.25, 0.0001, 1e30, 0, 1e308};
    static const double widths[] = {1, 1.5, 2, 3, 64, 255, 256, 400, 1e-300, 1e9};
    static const int paddings[][2] = {{-100, -100}, {-2000, -120}, {200, 3000}, {-5, 60}};
    static int16_t cells[COUNT];
    uint32_t dice = 7;
    for (int i = 0; i < COUNT; i++)
        cells[i] = (int16_t)(i * 31 % 390 - 120);
    memcpy(cells + 300, (int16_t[]){INT16_MIN, INT16_MAX, -1, 0, 1}, 10);
    for (int i = 0; i < WINDOWS; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        struct err err = {0};
        uint8_t by_line[COUNT];
        uint8_t by_table[COUNT];
        struct picture_job job = job_of(SIDE, SIDE, 16, "", 0);
        dice = dice * 1664525U + 1013904223U;
        job.shape.is_signed = i / 8 % 2 == 0;
        job.has_window = true;
        job.voi_function = i % 3 ? DICOM_VOI_LINEAR : DICOM_VOI_LINEAR_EXACT;
        job.center = (double)(dice >> 8 & 0xFFF) / 8 - 150;
        job.width = i % 2 ? widths[i / 2 % 10] : (double)(dice >> 20) / 7 + 0.25;
        job.slope = slopes[i % 8];
        job.intercept = i % 4 == 0 ? -1024.5 : 0;
        job.is_inverse = i % 5 == 0;
        job.has_padding = i % 11 < 4;
        job.padding = paddings[i % 11 % 4][0];
        job.padding_limit = paddings[i % 11 % 4][1];
        CHECK(picture_map_grey(&job, (const uint8_t *)cells, by_line, &arena, &err));
        CHECK(map_in_pieces(&job, (const uint8_t *)cells, by_table, &arena, &err));
        CHECK(memcmp(by_line, by_table, COUNT) == 0);
    }
}

/* Any byte of a job changed, and any cut: an answer or a refusal by name. */
static void a_job_is_not_believed(void)
{
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    struct picture_job job = full_job();
    struct err err = {0};
    CHECK(picture_write_job(&job, &bytes, &err));
    for (size_t i = 0; i < bytes.len * 3; i++) {
        err_clear(&err);
        buf_reset(&reply);
        uint8_t kept = bytes.at[i / 3];
        bytes.at[i / 3] = (uint8_t)(i % 3 == 0   ? 0xFF
                                    : i % 3 == 1 ? kept ^ 0x80
                                                 : kept + 1);
        bool is_good = picture_answer(NULL, buf_view(&bytes), &reply, &err);
        bytes.at[i / 3] = kept;
        bool is_named = false;
        for (size_t k = 0; !is_good && picture_codes[k]; k++)
            is_named |= strcmp(picture_codes[k], err.code) == 0;
        if (!is_good && !is_named)
            printf("# %s is not among the codes\n", err.code);
        CHECK(is_good || is_named);
    }
    for (size_t len = 0; len < bytes.len; len++) {
        err_clear(&err);
        CHECK(!picture_answer(NULL, span_of(bytes.at, len), &reply, &err));
        CHECK(strcmp(err.code, "picture_job") == 0);
    }
    struct picture_result result;
    err_clear(&err);
    CHECK(!picture_read_reply(SPAN("TsP1"), &result, &err));
}

int main(void)
{
    RUN(windows_follow_the_printed_functions);
    RUN(without_a_window_the_data_say_one);
    RUN(bytes_show_their_whole_range);
    RUN(padding_is_a_range_with_either_end_first);
    RUN(floats_and_wide_integers_are_drawn);
    RUN(tables_are_clamped_at_both_ends);
    RUN(an_index_outside_the_palette_takes_its_end);
    RUN(overlays_are_white);
    RUN(colour_of_16_bits_keeps_its_upper_half);
    RUN(a_smaller_picture_is_the_mean_of_areas);
    RUN(a_job_survives_its_bytes);
    RUN(raw_is_the_stored_values);
    RUN(a_job_shows_nothing_of_the_one_before);
    RUN(every_way_to_the_tones_gives_the_same);
    RUN(arithmetic_gives_the_tables_tones);
    RUN(a_job_is_not_believed);
    return test_done();
}
