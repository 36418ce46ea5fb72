// SPDX-License-Identifier: Apache-2.0
/* Drawn pictures: PNG (ISO/IEC 15948) without compression, so that nothing but a checksum
 * is needed. A chart of temperature and pulse, a sketch of a wound, a photo of nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/synth/pen.h"

enum { DATA_BYTES = 1 << 20, ADLER = 65521 };

/* ------------------------------------------------------------------ PNG */

static void put_u32(struct buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_byte(out, (uint8_t)(value >> shift));
}

static uint32_t crc_of(const uint8_t *at, size_t len)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
    }
    return ~crc;
}

static void put_chunk(struct buf *out, const char *type, struct span data)
{
    CLEANUP(buf_free) struct buf body = buf_init(DATA_BYTES);
    put_u32(out, (uint32_t)data.len);
    buf_cstr(&body, type);
    buf_span(&body, data);
    buf_span(out, buf_view(&body));
    put_u32(out, crc_of(body.at, body.len));
}

/* One byte a pixel, of a palette or grey. */
struct drawing {
    int width;
    int height;
    uint8_t *pixels;
    struct span palette; /* red, green, blue of each; empty = grey */
};

/* Rows as stored blocks of deflate: four pixels of a palette of four in a byte. */
static void put_rows(struct buf *out, const struct drawing *drawing)
{
    bool is_packed = drawing->palette.len > 0;
    uint32_t a = 1;
    uint32_t b = 0;
    size_t row_bytes = 1 + (size_t)drawing->width / (is_packed ? 4 : 1);
    buf_put(out, "\x78\x01", 2);
    for (int y = 0; y < drawing->height; y++) {
        const uint8_t *row = drawing->pixels + (ptrdiff_t)y * drawing->width;
        uint8_t header[] = {y == drawing->height - 1, (uint8_t)(row_bytes & 0xFF),
                            (uint8_t)(row_bytes >> 8), (uint8_t)(~row_bytes & 0xFF),
                            (uint8_t)(~row_bytes >> 8 & 0xFF)};
        buf_put(out, header, sizeof header);
        for (size_t x = 0; x < row_bytes; x++) {
            const uint8_t *at = row + (x > 0 ? (x - 1) * (is_packed ? 4 : 1) : 0);
            int value = is_packed ? at[0] << 6 | at[1] << 4 | at[2] << 2 | at[3] : at[0];
            uint8_t byte = x == 0 ? 0 : (uint8_t)(value & 0xFF);
            a = (a + byte) % ADLER;
            b = (b + a) % ADLER;
            buf_byte(out, byte);
        }
    }
    put_u32(out, b << 16 | a);
}

static void put_png(struct buf *out, const struct drawing *drawing)
{
    CLEANUP(buf_free) struct buf data = buf_init(DATA_BYTES);
    CLEANUP(buf_free) struct buf head = buf_init(32);
    put_u32(&head, (uint32_t)drawing->width);
    put_u32(&head, (uint32_t)drawing->height);
    buf_put(&head, drawing->palette.len ? "\x02\x03\0\0\0" : "\x08\0\0\0\0", 5);
    buf_put(out, "\x89PNG\r\n\x1A\n", 8);
    put_chunk(out, "IHDR", buf_view(&head));
    if (drawing->palette.len)
        put_chunk(out, "PLTE", drawing->palette);
    put_rows(&data, drawing);
    put_chunk(out, "IDAT", buf_view(&data));
    put_chunk(out, "IEND", span_of("", 0));
}

static bool open_drawing(struct drawing *drawing, struct synth *synth)
{
    drawing->pixels =
        memory_new((size_t)drawing->width * (size_t)drawing->height, 1, &synth->err);
    return drawing->pixels != NULL;
}

/* ------------------------------------------------------------------ a photo */

void synth_draw_photo(struct synth *synth, struct rand_seeded *dice, struct buf *out)
{
    struct drawing drawing = {.width = 240, .height = 180};
    int middle_x = synth_roll(dice, 80, 160);
    int middle_y = synth_roll(dice, 60, 120);
    if (!open_drawing(&drawing, synth))
        return;
    for (int y = 0; y < drawing.height; y++)
        for (int x = 0; x < drawing.width; x++) {
            int distance =
                (x - middle_x) * (x - middle_x) + (y - middle_y) * (y - middle_y);
            drawing.pixels[y * drawing.width + x] =
                (uint8_t)(distance < 900 ? 90 + distance / 12 : 190 + (x + y) % 24);
        }
    put_png(out, &drawing);
    memory_free(drawing.pixels);
}

/* ------------------------------------------------------------------ lines and digits */

enum { WHITE, GREY, RED, BLUE };
static const uint8_t palette[] = {255, 255, 255, 196, 202, 208, 200, 40, 40, 40, 90, 190};

static void dot(struct drawing *drawing, int x, int y, uint8_t colour)
{
    if (x >= 0 && y >= 0 && x < drawing->width && y < drawing->height)
        drawing->pixels[y * drawing->width + x] = colour;
}

struct point {
    int x;
    int y;
};

static void draw_line(struct drawing *drawing, struct point from, struct point to,
                      uint8_t colour)
{
    int steps =
        abs(to.x - from.x) > abs(to.y - from.y) ? abs(to.x - from.x) : abs(to.y - from.y);
    for (int i = 0; i <= steps; i++) {
        int x = from.x + (to.x - from.x) * i / (steps ? steps : 1);
        int y = from.y + (to.y - from.y) * i / (steps ? steps : 1);
        dot(drawing, x, y, colour);
        if (colour != GREY)
            dot(drawing, x, y + 1, colour);
    }
}

static void draw_mark(struct drawing *drawing, struct point at, uint8_t colour)
{
    for (int y = -3; y <= 3; y++)
        for (int x = -3; x <= 3; x++)
            if (x * x + y * y <= 9)
                dot(drawing, at.x + x, at.y + y, colour);
}

/* Three by five, twice as large. */
static void draw_digit(struct drawing *drawing, struct point at, int digit,
                       uint8_t colour)
{
    static const uint16_t shapes[] = {075557, 026227, 071747, 071717, 055711,
                                      074717, 074757, 071122, 075757, 075717};
    for (int i = 0; i < 15; i++)
        if (shapes[digit] >> (14 - i) & 1)
            for (int k = 0; k < 4; k++)
                dot(drawing, at.x + i % 3 * 2 + k % 2, at.y + i / 3 * 2 + k / 2, colour);
}

static void draw_number(struct drawing *drawing, struct point at, int number,
                        uint8_t colour)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", number);
    for (const char *one = digits; *one; one++, at.x += 8)
        draw_digit(drawing, at, *one - '0', colour);
}

/* ------------------------------------------------------------------ a chart */

enum {
    CHART_WIDTH = 480,
    CHART_HEIGHT = 220,
    LEFT = 32,
    RIGHT = 36,
    TOP = 14,
    STEP = 38
};

static void draw_grid(struct drawing *drawing)
{
    for (int i = 0; i < 5; i++) {
        int y = TOP + i * STEP;
        draw_line(drawing, (struct point){LEFT, y},
                  (struct point){CHART_WIDTH - RIGHT, y}, GREY);
        draw_number(drawing, (struct point){6, y - 5}, 40 - i, RED);
        draw_number(drawing, (struct point){CHART_WIDTH - RIGHT + 6, y - 5}, 140 - 20 * i,
                    BLUE);
    }
}

/* Temperature falls within days, the pulse with it: every half day a mark. */
void synth_draw_chart(struct synth *synth, struct rand_seeded *dice, struct buf *out)
{
    enum { DAYS = 8, MARKS = DAYS * 2 };
    struct drawing drawing = {.width = CHART_WIDTH,
                              .height = CHART_HEIGHT,
                              .palette = span_of(palette, sizeof palette)};
    struct point heat = {0};
    struct point pulse = {0};
    if (!open_drawing(&drawing, synth))
        return;
    draw_grid(&drawing);
    for (int i = 0; i < MARKS; i++) {
        int x = LEFT + 12 + i * (CHART_WIDTH - LEFT - RIGHT - 24) / (MARKS - 1);
        int fever = i < 6 ? (6 - i) * 4 : 0;
        int tenths = 364 + fever + i % 2 * 4 + synth_roll(dice, 0, 3);
        int beats = 68 + fever + synth_roll(dice, 0, 8);
        struct point next = {x, TOP + (400 - tenths) * STEP / 10};
        struct point beat = {x, TOP + (140 - beats) * STEP / 20};
        if (i > 0) {
            draw_line(&drawing, heat, next, RED);
            draw_line(&drawing, pulse, beat, BLUE);
        }
        draw_mark(&drawing, next, RED);
        draw_mark(&drawing, beat, BLUE);
        if (i % 2 == 0)
            draw_number(&drawing, (struct point){x - 2, CHART_HEIGHT - 20}, i / 2 + 1,
                        BLUE);
        heat = next;
        pulse = beat;
    }
    put_png(out, &drawing);
    memory_free(drawing.pixels);
}

/* ------------------------------------------------------------------ a sketch */

/* A back as nobody has one, and where the finding is. */
void synth_draw_sketch(struct synth *synth, struct rand_seeded *dice, struct buf *out)
{
    enum { SIDE = 160 };
    static const struct point outline[] = {{60, 10},  {50, 40},   {24, 52},  {30, 96},
                                           {46, 150}, {114, 150}, {130, 96}, {136, 52},
                                           {110, 40}, {100, 10}};
    struct drawing drawing = {
        .width = SIDE, .height = SIDE, .palette = span_of(palette, sizeof palette)};
    int x = synth_roll(dice, 60, 100);
    int y = synth_roll(dice, 64, 120);
    if (!open_drawing(&drawing, synth))
        return;
    for (size_t i = 0; i + 1 < sizeof outline / sizeof *outline; i++)
        draw_line(&drawing, outline[i], outline[i + 1], BLUE);
    draw_line(&drawing, (struct point){80, 44}, (struct point){80, 146}, GREY);
    for (int i = -9; i <= 9; i += 3)
        draw_line(&drawing, (struct point){x - 9, y + i},
                  (struct point){x + 9, y + i / 2}, RED);
    put_png(out, &drawing);
    memory_free(drawing.pixels);
}
