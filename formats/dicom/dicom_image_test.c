// SPDX-License-Identifier: Apache-2.0
/* Images: frames of all kinds, how values are meant, tables, overlays. */
#include "formats/dicom/dicom_testsite.h"

#define JPEG "1.2.840.10008.1.2.4.50"
#define RLE "1.2.840.10008.1.2.5"

static void put_image(struct site *site, unsigned rows, unsigned columns, unsigned bits,
                      const char *frames)
{
    put_short(site, DICOM_SAMPLES, 1);
    put_string(site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    if (frames)
        put_string(site, DICOM_FRAMES, "IS", frames);
    put_short(site, DICOM_ROWS, rows);
    put_short(site, DICOM_COLUMNS, columns);
    put_short(site, DICOM_BITS_ALLOCATED, bits);
    put_short(site, DICOM_BITS_STORED, bits);
    put_short(site, DICOM_HIGH_BIT, bits - 1);
    put_short(site, DICOM_PIXEL_REPRESENTATION, 0);
}

static bool frame_is(const struct dicom_file *file, uint32_t number, struct arena *arena,
                     const char *wanted)
{
    struct dicom_image image;
    struct dicom_frame frame;
    struct err err = {0};
    bool is_there = file && dicom_image_read(file, &image, &err) &&
                    dicom_frame(file, &image, number, arena, &frame, &err);
    if (!wanted)
        return !is_there && strcmp(err.code, "dicom_frame_missing") == 0;
    bool is_right = is_there && span_is(frame.bytes, wanted);
    if (is_there && !is_right)
        printf("# frame %u: \"%.*s\"\n", number, (int)frame.bytes.len, frame.bytes.at);
    return is_right;
}

static void native_frames_are_slices(void)
{
    static const char *const syntaxes[] = {LITTLE, BIG};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(syntaxes[i]);
        struct err err = {0};
        put_image(&site, 1, 3, 8, "2");
        put_bytes(&site, DICOM_PIXELS, i ? "OW" : "OB", i ? "badcfe" : "abcdef", 6);
        struct dicom_file *file = read_site(&site, syntaxes[i], &arena, &err);
        CHECK(file && !file->warnings);
        CHECK(frame_is(file, 0, &arena, "abc"));
        CHECK(frame_is(file, 1, &arena, "def"));
        CHECK(frame_is(file, 2, &arena, NULL));
        CHECK(frame_is(file, UINT32_MAX, &arena, NULL));
    }
}

static void frames_of_single_bits_begin_inside_bytes(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_image image;
    struct dicom_frame frame;
    struct err err = {0};
    put_image(&site, 3, 3, 1, "3");
    put_bytes(&site, DICOM_PIXELS, "OB", "\x01\x02\x03\x04", 4);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !file->warnings && dicom_image_read(file, &image, &err));
    CHECK(image.frame_bits == 9);
    CHECK(file && dicom_frame(file, &image, 2, &arena, &frame, &err));
    CHECK(frame.first_bit == 2 && frame.bytes.len == 2 && frame.bytes.at[0] == 3);
    CHECK(!frame.is_incomplete);
}

static void short_and_long_pixels_are_told(void)
{
    for (size_t len = 2; len <= 8; len += 2) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(LITTLE);
        struct dicom_image image;
        struct dicom_frame frame;
        struct err err = {0};
        put_image(&site, 1, 3, 16, NULL);
        put_bytes(&site, DICOM_PIXELS, "OW", "12345678", len);
        struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
        CHECK(file && has_warning(file, "dicom_pixels_short") == (len < 6));
        CHECK(file && has_warning(file, "dicom_pixels_longer") == (len > 6));
        CHECK(file && dicom_image_read(file, &image, &err));
        CHECK(file && dicom_frame(file, &image, 0, &arena, &frame, &err));
        CHECK(frame.is_incomplete == (len < 6) && frame.bytes.len == (len < 6 ? len : 6));
    }
}

/* Fragments a to e; which belong together the table tells, or the counts, or the starts.
 */
enum table { TABLE_NONE, TABLE_RIGHT, TABLE_WRONG, TABLE_EXTENDED };

static struct dicom_file *read_fragments(const char *syntax, const char *frames,
                                         const char *const *fragments, enum table table,
                                         struct arena *arena)
{
    struct site site = new_site(LITTLE);
    struct err err = {0};
    uint32_t offsets[8] = {0};
    size_t count = 0;
    size_t frame_count = 0;
    uint32_t at = 0;
    for (; fragments[count]; count++) {
        if (fragments[count][0] == '\xFF')
            offsets[frame_count++] = at;
        at += 8 + (uint32_t)strlen(fragments[count]);
    }
    put_image(&site, 1, 1, 8, frames);
    if (table == TABLE_EXTENDED) {
        put_head(&site, DICOM_EXTENDED_OFFSETS, "OV", (uint32_t)frame_count * 8);
        for (size_t i = 0; i < frame_count; i++) {
            put_u32(&site, offsets[i]);
            put_u32(&site, 0);
        }
    }
    put_head(&site, DICOM_PIXELS, "OB", UINT32_MAX);
    put_tag(&site, 0xFFFEE000);
    bool has_table = table == TABLE_RIGHT || table == TABLE_WRONG;
    put_u32(&site, has_table ? (uint32_t)frame_count * 4 : 0);
    for (size_t i = 0; has_table && i < frame_count; i++)
        put_u32(&site, offsets[i] + (table == TABLE_WRONG ? 2 : 0));
    for (size_t i = 0; i < count; i++)
        put_fragment(&site, fragments[i], strlen(fragments[i]));
    close_sequence(&site);
    return read_site(&site, syntax, arena, &err);
}

static void frames_are_joined_from_their_fragments(void)
{
    static const char *const parts[] = {"\xFF\xD8\xFF"
                                        "a",
                                        "bb",
                                        "\xFF\xD8\xFF"
                                        "c",
                                        "\xFF\xD8\xFF"
                                        "d",
                                        "ee",
                                        NULL};
    for (int table = TABLE_NONE; table <= TABLE_WRONG; table++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct dicom_file *file =
            read_fragments(JPEG, "3", parts, (enum table)table, &arena);
        CHECK(file && has_warning(file, "dicom_offset_table") == (table == TABLE_WRONG));
        CHECK(frame_is(file, 0, &arena,
                       "\xFF\xD8\xFF"
                       "abb"));
        CHECK(frame_is(file, 1, &arena,
                       "\xFF\xD8\xFF"
                       "c"));
        CHECK(frame_is(file, 2, &arena,
                       "\xFF\xD8\xFF"
                       "dee"));
        CHECK(frame_is(file, 3, &arena, NULL));
    }
}

static void one_frame_takes_all_fragments_and_equal_counts_one_each(void)
{
    static const char *const parts[] = {"\xFF\xD8\xFF"
                                        "a",
                                        "bb", "cc", NULL};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct dicom_file *file = read_fragments(JPEG, NULL, parts, TABLE_NONE, &arena);
    CHECK(file && !file->warnings);
    CHECK(frame_is(file, 0, &arena,
                   "\xFF\xD8\xFF"
                   "abbcc"));
    file = read_fragments(JPEG, "3", parts, TABLE_NONE, &arena);
    CHECK(frame_is(file, 1, &arena, "bb"));
    file = read_fragments(RLE, "5", parts, TABLE_NONE, &arena);
    CHECK(file && has_warning(file, "dicom_frames_missing"));
    CHECK(frame_is(file, 2, &arena, "cc"));
    CHECK(frame_is(file, 4, &arena, NULL));
}

static void the_extended_table_tells_where_frames_are(void)
{
    static const char *const parts[] = {"\xFF"
                                        "a0",
                                        "bbb0",
                                        "\xFF"
                                        "c0",
                                        NULL};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct dicom_file *file = read_fragments(JPEG, "2", parts, TABLE_EXTENDED, &arena);
    CHECK(frame_is(file, 0, &arena,
                   "\xFF"
                   "a0"));
    CHECK(frame_is(file, 1, &arena,
                   "\xFF"
                   "c0"));
}

static void a_delimiter_inside_a_fragment_is_data(void)
{
    static const char part[] = {'a', '\xFE', '\xFF', '\xDD', '\xE0', 0, 0, 0, 0, 'b'};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct err err = {0};
    struct dicom_image image;
    struct dicom_frame frame;
    put_image(&site, 1, 1, 8, NULL);
    put_head(&site, DICOM_PIXELS, "OB", UINT32_MAX);
    put_fragment(&site, "", 0);
    put_fragment(&site, part, sizeof part);
    close_sequence(&site);
    put_string(&site, 0xFFFCFFFC, "OB", "");
    struct dicom_file *file = read_site(&site, JPEG, &arena, &err);
    CHECK(file && !file->warnings && dicom_image_read(file, &image, &err));
    CHECK(file && dicom_frame(file, &image, 0, &arena, &frame, &err));
    CHECK(frame.bytes.len == sizeof part && memcmp(frame.bytes.at, part, 10) == 0);
    CHECK(file && dicom_find(file->set, 0xFFFCFFFC) != NULL);
}

static void broken_fragments_give_what_came_before(void)
{
    for (int fault = 0; fault < 3; fault++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(LITTLE);
        struct err err = {0};
        put_image(&site, 1, 1, 8, "2");
        put_head(&site, DICOM_PIXELS, "OB", UINT32_MAX);
        put_fragment(&site, "", 0);
        put_fragment(&site, "abcd", 4);
        if (fault == 0) { /* ends in the middle */
            put_tag(&site, 0xFFFEE000);
            put_u32(&site, 100);
            buf_cstr(&site.out, "efgh");
        }
        if (fault == 1)
            put_bytes(&site, DICOM_ROWS, "US", "12", 2);
        struct dicom_file *file = read_site(&site, JPEG, &arena, &err);
        CHECK(file && has_warning(file, fault == 1 ? "dicom_fragments_broken"
                                                   : "dicom_truncated"));
        CHECK(frame_is(file, 0, &arena, "abcd"));
        CHECK(frame_is(file, 1, &arena, fault == 0 ? "efgh" : NULL));
    }
}

static void an_icon_inside_a_sequence_is_not_the_image(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct err err = {0};
    open_sequence(&site, 0x00880200);
    open_item(&site);
    put_head(&site, DICOM_PIXELS, "OB", UINT32_MAX);
    put_fragment(&site, "", 0);
    put_fragment(&site, "icon", 4);
    close_sequence(&site);
    close_item(&site);
    close_sequence(&site);
    put_string(&site, 0x00880130, "SH", "after");
    struct dicom_file *file = read_site(&site, JPEG, &arena, &err);
    CHECK(file && !file->pixels.is_there);
    CHECK(file && dicom_find(file->set, 0x00880130) != NULL);
}

static void impossible_images_are_refused(void)
{
    static const struct {
        unsigned rows, columns, bits, samples;
        const char *code;
    } cases[] = {{0, 1, 8, 1, "dicom_image_invalid"},
                 {1, 0, 8, 1, "dicom_image_invalid"},
                 {1, 1, 12, 1, "dicom_image_invalid"},
                 {1, 1, 0, 1, "dicom_image_invalid"},
                 {1, 1, 8, 2, "dicom_image_invalid"},
                 {1, 1, 8, 0, "dicom_image_invalid"},
                 {65535, 65535, 64, 4, "dicom_image_too_large"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(LITTLE);
        struct dicom_image image;
        struct err err = {0};
        put_short(&site, DICOM_SAMPLES, cases[i].samples);
        put_short(&site, DICOM_ROWS, cases[i].rows);
        put_short(&site, DICOM_COLUMNS, cases[i].columns);
        put_short(&site, DICOM_BITS_ALLOCATED, cases[i].bits);
        put_bytes(&site, DICOM_PIXELS, "OW", "12345678", 8);
        struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
        CHECK(file && has_warning(file, "dicom_image_invalid"));
        CHECK(file && !dicom_image_read(file, &image, &err));
        CHECK(strcmp(err.code, cases[i].code) == 0);
    }
}

/* Rows as a UL of more than 65,535, and no pixels at all. */
static void dimensions_of_the_wrong_size_are_refused(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_image image;
    struct err err = {0};
    put_head(&site, DICOM_ROWS, "UL", 4);
    put_u32(&site, 0x10000001);
    put_short(&site, DICOM_COLUMNS, 1);
    put_short(&site, DICOM_BITS_ALLOCATED, 8);
    put_bytes(&site, DICOM_PIXELS, "OW", "12", 2);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !dicom_image_read(file, &image, &err));
    CHECK(strcmp(err.code, "dicom_image_invalid") == 0);
    err_clear(&err);
    site = new_site(LITTLE);
    put_short(&site, DICOM_ROWS, 1);
    file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !dicom_image_read(file, &image, &err));
    CHECK(err.kind == ERR_MISSING && strcmp(err.code, "dicom_no_pixels") == 0);
}

static void float_pixels_are_images_too(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_image image;
    struct err err = {0};
    put_short(&site, DICOM_ROWS, 1);
    put_short(&site, DICOM_COLUMNS, 2);
    put_bytes(&site, DICOM_FLOAT_PIXELS, "OF", "abcdefgh", 8);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !file->warnings && dicom_image_read(file, &image, &err));
    CHECK(image.is_float && image.bits_allocated == 32 && image.frame_bits == 64);
    CHECK(frame_is(file, 0, &arena, "abcdefgh"));
}

static void what_is_not_decoded_is_named(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct err err = {0};
    put_image(&site, 1, 1, 8, NULL);
    put_head(&site, DICOM_PIXELS, "OB", UINT32_MAX);
    put_fragment(&site, "", 0);
    close_sequence(&site);
    struct dicom_file *file = read_site(&site, "1.2.840.10008.1.2.4.201", &arena, &err);
    CHECK(file && file->warnings &&
          strcmp(file->warnings->code, "syntax_unsupported") == 0);
    if (file && file->warnings)
        CHECK(memmem(file->warnings->text.at, file->warnings->text.len,
                     "High-Throughput JPEG 2000 Lossless [1.2.840.10008.1.2.4.201]", 60));
}

/* ------------------------------------------------------------------ meaning */

static void plain_objects_say_how_they_are_shown(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_view view;
    struct err err = {0};
    put_string(&site, DICOM_CINE_RATE, "IS", "25");
    put_string(&site, DICOM_IMAGER_SPACING, "DS", "0.1\\0.2");
    put_string(&site, DICOM_POSITION, "DS", "1\\2\\3");
    put_string(&site, DICOM_ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    put_string(&site, DICOM_SLICE_LOCATION, "DS", "-4.5");
    put_string(&site, DICOM_ASPECT, "IS", "4\\3");
    put_short(&site, DICOM_PADDING, 63536);
    put_string(&site, DICOM_WINDOW_CENTER, "DS", "40\\-600\\1");
    put_string(&site, DICOM_WINDOW_WIDTH, "DS", "400\\1500\\0");
    put_string(&site, DICOM_INTERCEPT, "DS", "-1024");
    put_string(&site, DICOM_SLOPE, "DS", "2");
    put_string(&site, DICOM_RESCALE_TYPE, "LO", "HU");
    put_string(&site, DICOM_WINDOW_TEXT, "LO", "soft\\lung");
    put_string(&site, DICOM_VOI_FUNCTION, "CS", "SIGMOID");
    put_string(&site, DICOM_LOSSY, "CS", "01");
    put_string(&site, DICOM_LOSSY_RATIO, "DS", "12.5");
    put_string(&site, DICOM_PRESENTATION_SHAPE, "CS", "INVERSE");
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && dicom_view_read(file, 0, &arena, &view, &err));
    CHECK(view.has_rescale && view.slope == 2 && view.intercept == -1024);
    CHECK(text_is(view.rescale_type, "HU"));
    CHECK(view.window_count == 2 && view.windows[1].center == -600);
    CHECK(text_is(view.windows[1].text, "lung"));
    CHECK(view.voi_function == DICOM_VOI_SIGMOID && view.is_inverse);
    CHECK(view.spacing_kind == DICOM_SPACING_IMAGER && view.spacing[1] == 0.2);
    CHECK(view.has_position && view.position[2] == 3);
    CHECK(view.has_orientation && view.orientation[4] == 1);
    CHECK(view.has_location && view.location == -4.5);
    CHECK(view.has_aspect && view.aspect[0] == 4);
    CHECK(view.has_padding && view.padding == 63536 && view.padding_limit == 63536);
    CHECK(view.frame_time_ms == 40 && view.is_lossy && view.lossy_ratio == 12.5);
}

static void put_group(struct site *site, uint32_t macro, uint32_t tag, const char *value)
{
    open_sequence(site, macro);
    open_item(site);
    put_string(site, tag, "DS", value);
    close_item(site);
    close_sequence(site);
}

/* One frame after the other says what each says when it is looked for. */
static void check_in_turn(const struct dicom_file *file, struct arena *arena)
{
    struct err err = {0};
    struct dicom_view view;
    struct dicom_view found;
    struct dicom_frame_views views = dicom_views_begin(file);
    CHECK(views.is_there);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(dicom_views_next(&views, arena, &view, &err) &&
              dicom_view_read(file, i, arena, &found, &err));
        CHECK(view.position[2] == found.position[2] && view.slope == found.slope &&
              view.spacing[1] == found.spacing[1]);
    }
}

static void frames_of_enhanced_objects_have_their_own(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_view view;
    struct err err = {0};
    put_string(&site, DICOM_WINDOW_CENTER, "DS", "1");
    put_string(&site, DICOM_WINDOW_WIDTH, "DS", "2");
    open_sequence(&site, DICOM_SHARED_GROUPS);
    open_item(&site);
    put_group(&site, DICOM_PIXEL_MEASURES, DICOM_PIXEL_SPACING, "0.5\\0.6");
    put_group(&site, DICOM_PLANE_POSITION, DICOM_POSITION, "9\\9\\9");
    close_item(&site);
    close_sequence(&site);
    open_sequence(&site, DICOM_FRAME_GROUPS);
    for (int i = 0; i < 2; i++) {
        open_item(&site);
        put_group(&site, DICOM_PLANE_POSITION, DICOM_POSITION, i ? "0\\0\\5" : "0\\0\\4");
        open_sequence(&site, DICOM_PIXEL_TRANSFORMATION);
        open_item(&site);
        put_string(&site, DICOM_INTERCEPT, "DS", "0");
        put_string(&site, DICOM_SLOPE, "DS", i ? "3" : "2");
        close_item(&site);
        close_sequence(&site);
        close_item(&site);
    }
    close_sequence(&site);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(file && dicom_view_read(file, i, &arena, &view, &err));
        CHECK(view.spacing_kind == DICOM_SPACING_PIXEL && view.spacing[0] == 0.5);
        CHECK(view.has_position && view.position[2] == (i < 2 ? 4 + i : 9));
        CHECK(view.has_rescale == (i < 2) && view.slope == (i < 2 ? 2 + i : 1));
        CHECK(view.window_count == 1 && view.windows[0].width == 2);
    }
    if (file)
        check_in_turn(file, &arena);
}

/* Tables of a frame, and the detector's pixels of enhanced films. */
static void groups_hold_tables_and_detectors_too(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_view view;
    struct err err = {0};
    open_sequence(&site, DICOM_SHARED_GROUPS);
    open_item(&site);
    put_group(&site, DICOM_XRAY_PIXELS, DICOM_IMAGER_SPACING, "0.3\\0.4");
    close_item(&site);
    close_sequence(&site);
    open_sequence(&site, DICOM_FRAME_GROUPS);
    open_item(&site);
    open_sequence(&site, DICOM_FRAME_VOI);
    open_item(&site);
    open_sequence(&site, DICOM_VOI_LUTS);
    open_item(&site);
    put_short(&site, DICOM_LUT_DESCRIPTOR, 7);
    for (int i = 0; i < 3; i++) {
        close_item(&site);
        close_sequence(&site);
    }
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && dicom_view_read(file, 0, &arena, &view, &err));
    CHECK(view.spacing_kind == DICOM_SPACING_IMAGER && view.spacing[1] == 0.4);
    CHECK(view.voi_lut && dicom_find(view.voi_lut, DICOM_LUT_DESCRIPTOR));
    CHECK(file && dicom_view_read(file, 1, &arena, &view, &err));
    CHECK(!view.voi_lut);
}

static void tables_are_read_or_refused(void)
{
    static const uint16_t entries[] = {10, 20, 300, 4000};
    static const struct {
        uint16_t descriptor[3];
        size_t count;
        bool is_right;
    } cases[] = {{{4, 0xFFFE, 16}, 4, true}, {{4, 0, 12}, 3, false},
                 {{0, 0, 16}, 4, false},     {{4, 0, 7}, 4, false},
                 {{4, 0, 17}, 4, false},     {{8, 1, 8}, 4, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(LITTLE);
        struct dicom_lut lut;
        struct err err = {0};
        open_sequence(&site, DICOM_VOI_LUTS);
        open_item(&site);
        put_shorts(&site, DICOM_LUT_DESCRIPTOR, "US", cases[i].descriptor, 3);
        put_shorts(&site, DICOM_LUT_DATA, "US", entries, cases[i].count);
        close_item(&site);
        close_sequence(&site);
        struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
        const struct dicom_set *item =
            file ? dicom_item(file->set, DICOM_VOI_LUTS, 0) : NULL;
        bool is_read = item && dicom_lut_read(item, true, &arena, &lut, &err);
        CHECK(is_read == cases[i].is_right);
        if (i == 0)
            CHECK(lut.count == 4 && lut.first == -2 && lut.values[2] == 300);
        if (i == 5) /* two entries in each word */
            CHECK(lut.values[0] == 10 && lut.values[4] == 44 && lut.values[5] == 1);
        if (!is_read)
            CHECK(strcmp(err.code, "dicom_lut_invalid") == 0);
    }
}

/* Segments: three as they are, a slope of three, and these again. */
static void palettes_are_laid_out(void)
{
    static const uint16_t descriptor[] = {12, 0, 16};
    static const uint16_t segments[] = {0, 3, 5, 6, 7, 1, 3, 10, 2, 2, 0, 0};
    static const uint16_t wanted[] = {5, 6, 7, 8, 9, 10, 5, 6, 7, 8, 9, 10};
    for (size_t length = 6; length <= 12; length += 6) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(LITTLE);
        struct dicom_lut lut[3];
        struct err err = {0};
        for (uint32_t i = 0; i < 3; i++)
            put_shorts(&site, DICOM_RED_DESCRIPTOR + i, "US", descriptor, 3);
        for (uint32_t i = 0; i < 3; i++)
            put_shorts(&site, DICOM_RED_SEGMENTED + i, "OW", segments, length);
        struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
        bool is_read = file && dicom_palette_read(file, &arena, lut, &err);
        CHECK(is_read == (length == 12));
        for (size_t i = 0; is_read && i < 12; i++)
            CHECK(lut[2].values[i] == wanted[i]);
    }
}

/* Indirect segments that are empty, or name themselves, end nowhere. */
static void endless_segments_are_refused(void)
{
    static const uint16_t descriptor[] = {0, 0, 16};
    static const uint16_t segments[] = {2, 65535, 4, 0, 0, 0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_lut lut[3];
    struct err err = {0};
    put_shorts(&site, DICOM_RED_DESCRIPTOR, "US", descriptor, 3);
    put_head(&site, DICOM_RED_SEGMENTED, "OW", 12 * 1000);
    for (size_t i = 0; i < 6000; i++)
        put_u16(&site, segments[i % 6]);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !dicom_palette_read(file, &arena, lut, &err));
    CHECK(strcmp(err.code, "dicom_lut_invalid") == 0);
}

static void overlays_are_planes_of_bits(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_overlay overlays[DICOM_OVERLAYS_MAX];
    size_t count = 0;
    struct err err = {0};
    static const uint16_t origin[] = {3, 0xFFFF};
    put_short(&site, DICOM_OVERLAY_ROWS, 3);
    put_short(&site, DICOM_OVERLAY_COLUMNS, 3);
    put_string(&site, DICOM_OVERLAY_TYPE, "CS", "R");
    put_shorts(&site, DICOM_OVERLAY_ORIGIN, "SS", origin, 2);
    put_string(&site, DICOM_OVERLAY_LABEL, "LO", "lesion");
    put_bytes(&site, DICOM_OVERLAY_DATA, "OB", "\x21", 1); /* shorter than it should be */
    put_short(&site, DICOM_OVERLAY_ROWS + 0x20000, 1);
    put_short(&site, DICOM_OVERLAY_COLUMNS + 0x20000, 1);
    put_short(&site, DICOM_OVERLAY_BIT_POSITION + 0x20000, 12);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && dicom_overlays(file, &arena, overlays, &count, &err) && count == 2);
    CHECK(overlays[0].row == 2 && overlays[0].column == -2 && overlays[0].is_roi);
    CHECK(text_is(overlays[0].label, "lesion"));
    CHECK(dicom_overlay_bit(&overlays[0], 0, 0, 0));
    CHECK(!dicom_overlay_bit(&overlays[0], 0, 0, 1));
    CHECK(dicom_overlay_bit(&overlays[0], 0, 1, 2));
    CHECK(!dicom_overlay_bit(&overlays[0], 0, 2, 2));
    CHECK(!dicom_overlay_bit(&overlays[0], 0, 3, 0));
    CHECK(!dicom_overlay_bit(&overlays[0], 1, 0, 0));
    CHECK(overlays[1].is_embedded && overlays[1].bit_position == 12);
    CHECK(!dicom_overlay_bit(&overlays[1], 0, 0, 0));
}

int main(void)
{
    RUN(native_frames_are_slices);
    RUN(frames_of_single_bits_begin_inside_bytes);
    RUN(short_and_long_pixels_are_told);
    RUN(frames_are_joined_from_their_fragments);
    RUN(one_frame_takes_all_fragments_and_equal_counts_one_each);
    RUN(the_extended_table_tells_where_frames_are);
    RUN(a_delimiter_inside_a_fragment_is_data);
    RUN(broken_fragments_give_what_came_before);
    RUN(an_icon_inside_a_sequence_is_not_the_image);
    RUN(impossible_images_are_refused);
    RUN(dimensions_of_the_wrong_size_are_refused);
    RUN(float_pixels_are_images_too);
    RUN(what_is_not_decoded_is_named);
    RUN(plain_objects_say_how_they_are_shown);
    RUN(frames_of_enhanced_objects_have_their_own);
    RUN(groups_hold_tables_and_detectors_too);
    RUN(tables_are_read_or_refused);
    RUN(palettes_are_laid_out);
    RUN(endless_segments_are_refused);
    RUN(overlays_are_planes_of_bits);
    return test_done();
}
