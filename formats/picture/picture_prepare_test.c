// SPDX-License-Identifier: Apache-2.0
/* What a job takes from a data set. */
#include "base/test.h"
#include "formats/picture/picture.h"

enum { ARENA_BYTES = 32 << 20 };

static void put(struct buf *set, uint32_t tag, const char *vr, const void *at, size_t len)
{
    uint16_t parts[2] = {(uint16_t)(tag >> 16), (uint16_t)tag};
    bool is_long =
        strcmp(vr, "OW") == 0 || strcmp(vr, "OB") == 0 || strcmp(vr, "SQ") == 0;
    uint32_t wide = (uint32_t)len;
    uint16_t narrow = (uint16_t)len;
    buf_put(set, parts, 4);
    buf_put(set, vr, 2);
    if (is_long) {
        buf_put(set, "\0\0", 2);
        buf_put(set, &wide, 4);
    } else {
        buf_put(set, &narrow, 2);
    }
    buf_put(set, at, len);
}

static void put_us(struct buf *set, uint32_t tag, uint16_t value)
{
    put(set, tag, "US", &value, 2);
}

static void put_words(struct buf *set, uint32_t tag, const char *vr, const char *words)
{
    put(set, tag, vr, words, strlen(words));
}

/* One item of a table: Descriptor, Data. */
static void put_lut(struct buf *set, uint32_t tag, uint16_t first, const uint16_t *values,
                    uint16_t count)
{
    CLEANUP(buf_free) struct buf item = buf_init(4096);
    CLEANUP(buf_free) struct buf all = buf_init(4096);
    uint16_t descriptor[3] = {count, first, 16};
    put(&item, 0x00283002, "US", descriptor, 6);
    put(&item, 0x00283006, "OW", values, (size_t)count * 2);
    uint32_t len = (uint32_t)item.len;
    buf_put(&all, "\xFE\xFF\0\xE0", 4);
    buf_put(&all, &len, 4);
    buf_span(&all, buf_view(&item));
    put(set, tag, "SQ", all.at, all.len);
}

struct image {
    uint16_t rows, columns, bits, stored;
    const char *photometric;
};

static void put_image(struct buf *set, struct image image)
{
    put_us(set, 0x00280002, strncmp(image.photometric, "RGB", 3) == 0 ? 3 : 1);
    put_words(set, 0x00280004, "CS", image.photometric);
    put_us(set, 0x00280010, image.rows);
    put_us(set, 0x00280011, image.columns);
    put_us(set, 0x00280100, image.bits);
    put_us(set, 0x00280101, image.stored);
    put_us(set, 0x00280102, (uint16_t)(image.stored - 1));
    put_us(set, 0x00280103, 0);
}

static bool prepare(const struct buf *set, const struct picture_wish *wish,
                    struct arena *arena, struct picture_job *job, struct err *err)
{
    struct dicom_file *file = NULL;
    return dicom_read_set(buf_view(set), DICOM_EXPLICIT_LITTLE, NULL, arena, &file,
                          err) &&
           picture_prepare(file, 0, wish, arena, job, err);
}

static const struct image TWO_BY_TWO = {2, 2, 16, 12, "MONOCHROME2 "};
static const uint16_t FOUR[4] = {0, 1, 0xF002, 3};

static void a_job_says_what_the_data_set_says(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    struct picture_wish wish = {.side_max = 100, .quality = 70};
    struct picture_job job;
    struct err err = {0};
    put_image(&set, (struct image){2, 2, 16, 12, "MONOCHROME1 "});
    put_us(&set, 0x00280120, 7);
    put_us(&set, 0x00280121, 9);
    put_words(&set, 0x00281050, "DS", "40\\-600 ");
    put_words(&set, 0x00281051, "DS", "400\\1500");
    put_words(&set, 0x00281052, "DS", "-1024 ");
    put_words(&set, 0x00281053, "DS", "2.5 ");
    put_words(&set, 0x00281056, "CS", "SIGMOID ");
    put_words(&set, 0x00282110, "CS", "01");
    put(&set, 0x7FE00010, "OW", FOUR, 8);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(job.syntax == CODEC_NATIVE && job.shape.photometric == CODEC_MONOCHROME1);
    CHECK(job.shape.bits_stored == 12 && job.shape.high_bit == 11);
    CHECK(job.slope == 2.5 && job.intercept == -1024);
    CHECK(job.has_window && job.center == 40 && job.width == 400);
    CHECK(job.voi_function == DICOM_VOI_SIGMOID);
    CHECK(job.is_inverse && job.is_lossy && !job.is_incomplete);
    CHECK(job.has_padding && job.padding == 7 && job.padding_limit == 9);
    CHECK(job.wish.side_max == 100 && job.wish.quality == 70 && job.overlay.len == 0);
    wish.has_window = true;
    wish.center = 1;
    wish.width = 2;
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(job.has_window && job.center == 1 && job.width == 2);
    wish.width = -1; /* not a window: the file's */
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(job.center == 40);
}

static void tables_come_along(void)
{
    static const uint16_t modality[3] = {10, 20, 30};
    static const uint16_t voi[2] = {0, 65535};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    struct picture_wish wish = {0};
    struct picture_job job;
    struct err err = {0};
    put_image(&set, TWO_BY_TWO);
    put_lut(&set, 0x00283000, 1, modality, 3);
    put_lut(&set, 0x00283010, 20, voi, 2);
    put(&set, 0x7FE00010, "OW", FOUR, 8);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(job.modality.count == 3 && job.modality.first == 1);
    CHECK(job.modality.count == 3 && job.modality.values[2] == 30);
    CHECK(job.voi.count == 2 && job.voi.first == 20 && !job.has_window);
}

/* A table of 2 says that it has 400: the picture goes on without it. */
static void a_broken_table_does_not_cost_the_picture(void)
{
    static const uint16_t values[2] = {0, 1};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    struct picture_wish wish = {0};
    struct picture_job job;
    struct err err = {0};
    put_image(&set, TWO_BY_TWO);
    size_t at = set.len;
    put_lut(&set, 0x00283010, 0, values, 2);
    for (size_t i = at; i + 12 < set.len; i++)
        if (memcmp(set.at + i, "\x28\0\2\x30US", 6) == 0)
            memcpy(set.at + i + 8, "\x90\1", 2);
    put(&set, 0x7FE00010, "OW", FOUR, 8);
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(picture_run(&job, &arena, &reply, &err));
}

/* ------------------------------------------------------------------ overlays */

static void put_overlay(struct buf *set, uint32_t group, uint16_t rows, uint16_t columns,
                        const int16_t *origin)
{
    put_us(set, group | 0x10, rows);
    put_us(set, group | 0x11, columns);
    put_words(set, group | 0x40, "CS", "G ");
    put(set, group | 0x50, "SS", origin, 4);
}

static void overlays_are_placed_and_clipped(void)
{
    static const int16_t origin[2] = {2, 0}; /* a row down, a column out to the left */
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    struct picture_wish wish = {0};
    struct picture_job job;
    struct err err = {0};
    put_image(&set, TWO_BY_TWO);
    put_overlay(&set, 0x60000000, 2, 2, origin);
    put_us(&set, 0x60000100, 1);
    put_us(&set, 0x60000102, 0);
    put(&set, 0x60003000, "OW", "\x0F\0", 2);
    put(&set, 0x7FE00010, "OW", FOUR, 8);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(job.overlay.len == 1 && job.overlay.at[0] == 4); /* row 1, column 0 */
    wish.kind = PICTURE_RAW;                               /* has none */
    CHECK(prepare(&set, &wish, &arena, &job, &err) && job.overlay.len == 0);
}

static void an_overlay_that_is_shorter_than_it_says_has_no_more_bits(void)
{
    static const int16_t origin[2] = {1, 1};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    struct picture_wish wish = {0};
    struct picture_job job;
    struct err err = {0};
    uint16_t zeros[100] = {0};
    put_image(&set, (struct image){10, 10, 16, 12, "MONOCHROME2 "});
    put_overlay(&set, 0x60000000, 65535, 65535, origin);
    put_us(&set, 0x60000100, 1);
    put_us(&set, 0x60000102, 0);
    put(&set, 0x60003000, "OW", "\xFF\xFF", 2);
    put(&set, 0x7FE00010, "OW", zeros, 200);
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    unsigned bits = 0;
    for (size_t i = 0; i < job.overlay.len; i++)
        bits += (unsigned)__builtin_popcount(job.overlay.at[i]);
    CHECK(bits == 10); /* 16 of the first row, of which ten are in the picture */
    CHECK(picture_run(&job, &arena, &reply, &err));
}

static void overlays_in_unused_bits_are_found(void)
{
    static const int16_t origin[2] = {1, 1};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    struct picture_wish wish = {0};
    struct picture_job job;
    struct err err = {0};
    put_image(&set, TWO_BY_TWO);
    put_overlay(&set, 0x60000000, 2, 2, origin);
    put_us(&set, 0x60000100, 16);
    put_us(&set, 0x60000102, 13);
    put(&set, 0x7FE00010, "OW", FOUR, 8);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(job.overlay.len == 1 && job.overlay.at[0] == 4); /* the third value */
}

/* ------------------------------------------------------------------ refusals */

static void a_short_pixel_element_is_said_to_be_incomplete(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    CLEANUP(buf_free) struct buf reply = buf_init(4096);
    struct picture_wish wish = {.kind = PICTURE_RAW};
    struct picture_result result;
    struct picture_job job;
    struct err err = {0};
    put_image(&set, TWO_BY_TWO);
    put(&set, 0x7FE00010, "OW", FOUR, 6);
    CHECK(prepare(&set, &wish, &arena, &job, &err));
    CHECK(picture_run(&job, &arena, &reply, &err));
    CHECK(picture_read_reply(buf_view(&reply), &result, &err) && result.is_incomplete);
    CHECK(span_equal(result.bytes, SPAN("\0\0\1\0\2\0\0\0")));
}

static void images_that_cannot_be_are_refused_by_name(void)
{
    static const struct image images[] = {
        {65535, 65535, 16, 16, "MONOCHROME2 "},
        {2, 2, 16, 12, "CMYK"},
        {2, 2, 12, 12, "MONOCHROME2 "},
        {0, 2, 16, 12, "MONOCHROME2 "},
    };
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf set = buf_init(4096);
        struct picture_wish wish = {0};
        struct picture_job job;
        struct err err = {0};
        put_image(&set, images[i]);
        put(&set, 0x7FE00010, "OW", FOUR, 8);
        bool is_prepared = prepare(&set, &wish, &arena, &job, &err);
        if (is_prepared)
            printf("# image %zu\n", i);
        CHECK(!is_prepared && err.kind != ERR_NONE);
    }
}

int main(void)
{
    RUN(a_job_says_what_the_data_set_says);
    RUN(tables_come_along);
    RUN(a_broken_table_does_not_cost_the_picture);
    RUN(overlays_are_placed_and_clipped);
    RUN(an_overlay_that_is_shorter_than_it_says_has_no_more_bits);
    RUN(overlays_in_unused_bits_are_found);
    RUN(a_short_pixel_element_is_said_to_be_incomplete);
    RUN(images_that_cannot_be_are_refused_by_name);
    return test_done();
}
