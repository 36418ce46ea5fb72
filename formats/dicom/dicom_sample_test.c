// SPDX-License-Identifier: Apache-2.0
/* The public sample files beside the tree: which deviations are told, native pixels
 * against their known hashes, names, windows, tables. */
#include "formats/dicom/dicom_testsite.h"

#include <sys/stat.h>

#include "base/hash.h"
#include "base/path.h"

#define FIXTURES "../shared/fixtures/dicom"

static struct dicom_file *read_sample(const char *name, struct arena *arena)
{
    char path[512];
    struct span bytes = {0};
    struct dicom_file *file = NULL;
    struct err err = {0};
    snprintf(path, sizeof path, FIXTURES "/%s", name);
    FILE *opened = fopen(path, "rb");
    bool is_read = opened && path_read(fileno(opened), 16 << 20, arena, &bytes, &err) &&
                   dicom_read(bytes, NULL, arena, &file, &err);
    if (opened)
        fclose(opened);
    if (!is_read)
        printf("# %s: %s\n", name, err.code ? err.code : "no file");
    CHECK(is_read);
    return is_read ? file : NULL;
}

static void damaged_files_are_read_and_told(void)
{
    static const struct {
        const char *file, *warning;
        size_t elements;
    } cases[] = {
        {"malformed/ExplVR_LitEndNoMeta.dcm", "dicom_no_meta", 24},
        {"malformed/JPEG2000-embedded-sequence-delimiter.dcm", NULL, 151},
        {"malformed/UN_sequence.dcm", "dicom_un_sequence", 1},
        {"malformed/badVR.dcm", "dicom_value_invalid", 45},
        {"malformed/empty_charset_LEI.dcm", NULL, 2},
        {"malformed/image_dfl.dcm", NULL, 29},
        {"malformed/meta_missing_tsyntax.dcm", "dicom_syntax_missing", 2},
        {"malformed/nested_priv_SQ.dcm", "dicom_length_odd", 2},
        {"malformed/no_meta.dcm", "dicom_stray_bytes", 258},
        {"malformed/no_meta_group_length.dcm", "dicom_meta_length", 3},
        {"malformed/rtplan_truncated.dcm", "dicom_truncated", 32},
        {"small-mr/MR_small_padded.dcm", "dicom_pixels_longer", 73},
        {"small-mr/MR_truncated.dcm", "dicom_truncated", 72},
        {"colour/JLSL_RGB_ILV0.dcm", "dicom_no_preamble", 12},
        {"dicomdirtests/DICOMDIR-nooffset", "dicom_truncated", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
        struct dicom_file *file = read_sample(cases[i].file, &arena);
        if (!file)
            continue;
        bool is_told = cases[i].warning ? has_warning(file, cases[i].warning)
                                        : file->warnings == NULL;
        if (!is_told || file->set->count != cases[i].elements)
            printf("# %s: %s, %zu elements\n", cases[i].file,
                   file->warnings ? file->warnings->code : "-", file->set->count);
        CHECK(is_told);
        CHECK(file->set->count == cases[i].elements);
    }
}

/* Little endian and, of one bit, packed, as the hashes count. */
static bool frame_hash_is(const struct dicom_file *file, uint32_t number,
                          const char *wanted)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(buf_free) struct buf bytes = buf_init(64 << 20);
    struct dicom_image image;
    struct dicom_frame frame;
    struct err err = {0};
    char hex[HASH_HEX_BYTES];
    if (!dicom_image_read(file, &image, &err) ||
        !dicom_frame(file, &image, number, &arena, &frame, &err))
        return false;
    for (size_t i = 0; i < frame.bytes.len; i++) {
        size_t at = image.is_big_endian && image.bits_allocated == 16 ? i ^ 1U : i;
        buf_byte(&bytes, frame.bytes.at[at]);
    }
    struct hash hash = hash_sha256(buf_view(&bytes));
    hash_to_hex(span_of(hash.bytes, HASH_BYTES), hex);
    if (strncmp(hex, wanted, 12) != 0)
        printf("# frame %u: %.12s\n", number, hex);
    return strncmp(hex, wanted, 12) == 0;
}

static void native_pixels_have_the_known_hashes(void)
{
#define CT "transfer-syntax/CTImage.dcm_"
    static const struct {
        const char *file, *hash;
        uint32_t frame;
    } cases[] = {
        {CT "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2.dcm", "1bee432808f4",
         0},
        {CT "LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm", "1bee432808f4",
         0},
        {CT "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
         "1bee432808f4", 0},
        {CT "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm", "1bee432808f4", 0},
        {"small-mr/MR_small.dcm", "88617aaa4613", 0},
        {"small-mr/MR_small_bigendian.dcm", "88617aaa4613", 0},
        {"small-mr/MR_small_expb.dcm", "88617aaa4613", 0},
        {"small-mr/MR_small_implicit.dcm", "88617aaa4613", 0},
        {"small-mr/MR_small_padded.dcm", "88617aaa4613", 0},
        {"multiframe/liver.dcm", "bbad786aee10", 0},
        {"multiframe/liver.dcm", "261d5183d6ee", 1},
        {"multiframe/liver.dcm", "31466cdc8e40", 2},
        {"colour/SC_rgb.dcm", "169e619557b1", 0},
        {"colour/SC_rgb_16bit.dcm", "36de0258708d", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
        struct dicom_file *file = read_sample(cases[i].file, &arena);
        bool is_right = file && frame_hash_is(file, cases[i].frame, cases[i].hash);
        if (!is_right)
            printf("# %s\n", cases[i].file);
        CHECK(is_right);
    }
}

/* Every frame of every encapsulated sample begins as its codestream should. */
static void encapsulated_frames_begin_where_codestreams_do(void)
{
    static const struct {
        const char *file, *start;
        uint32_t frames;
    } cases[] = {
        {"colour/examples_jpeg2k.dcm", "\xFF\x4F\xFF\x51", 1},
        {"colour/examples_ybr_color.dcm", "\xFF\xD8\xFF", 30},
        {"multiframe/emri_small_jpeg_2k_lossless.dcm", "\xFF\x4F\xFF\x51", 10},
        {"multiframe/emri_small_jpeg_ls_lossless.dcm", "\xFF\xD8\xFF", 10},
        {"multiframe/emri_small_RLE.dcm", "\x02", 10},
        {"colour/SC_rgb_rle_2frame.dcm", "\x03", 2},
        {"malformed/JPEG2000-embedded-sequence-delimiter.dcm", "\xFF\x4F\xFF\x51", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
        struct dicom_file *file = read_sample(cases[i].file, &arena);
        struct dicom_image image;
        struct err err = {0};
        CHECK(file && dicom_image_read(file, &image, &err));
        CHECK(image.frame_count == cases[i].frames && image.is_encapsulated);
        for (uint32_t frame = 0; file && frame < image.frame_count; frame++) {
            struct dicom_frame out;
            CHECK(dicom_frame(file, &image, frame, &arena, &out, &err));
            CHECK(span_starts(out.bytes, cases[i].start) && !out.is_incomplete);
        }
    }
}

static void names_are_decoded(void)
{
    static const struct {
        const char *file, *alphabetic, *ideographic, *phonetic;
    } cases[] = {
        {"charset/chrH31.dcm", "Yamada Tarou", "山田 太郎", "やまだ たろう"},
        {"charset/chrGerm.dcm", "Äneas Rüdiger", "", ""},
        {"charset/chrX1.dcm", "Wang XiaoDong", "王 小東", ""},
        {"charset/chrRuss.dcm", "Люкceмбypг", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
        struct dicom_file *file = read_sample(cases[i].file, &arena);
        struct dicom_name name;
        struct err err = {0};
        CHECK(file && dicom_name(file->set, DICOM_PATIENT_NAME, &arena, &name, &err));
        CHECK(text_is(name.alphabetic, cases[i].alphabetic));
        CHECK(text_is(name.ideographic, cases[i].ideographic));
        CHECK(text_is(name.phonetic, cases[i].phonetic));
    }
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct dicom_file *file = read_sample("charset/chrSQEncoding.dcm", &arena);
    const struct dicom_set *item = file ? dicom_item(file->set, 0x00321064, 0) : NULL;
    CHECK(
        text_is_in(item, DICOM_PATIENT_NAME, &arena, "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"));
}

static void tables_palettes_overlays_and_groups_are_there(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct dicom_lut luts[3];
    struct dicom_view view;
    struct dicom_overlay overlays[DICOM_OVERLAYS_MAX];
    size_t count = 0;
    struct err err = {0};
    struct dicom_file *file = read_sample("16bit-lut-overlay/vlut_04.dcm", &arena);
    CHECK(file && dicom_view_read(file, 0, &arena, &view, &err) && view.voi_lut);
    CHECK(dicom_lut_read(view.voi_lut, false, &arena, &luts[0], &err));
    CHECK(luts[0].count == 256 && luts[0].bits == 16);
    file = read_sample("colour/examples_palette.dcm", &arena);
    CHECK(file && dicom_palette_read(file, &arena, luts, &err));
    CHECK(luts[0].count == 256 && luts[2].bits == 16);
    file = read_sample("16bit-lut-overlay/examples_overlay.dcm", &arena);
    CHECK(file && dicom_overlays(file, &arena, overlays, &count, &err) && count == 1);
    CHECK(overlays[0].rows == 300 && overlays[0].columns == 484);
    CHECK(!overlays[0].is_embedded);
    file = read_sample("small-mr/CT_small.dcm", &arena);
    CHECK(file && dicom_view_read(file, 0, &arena, &view, &err));
    CHECK(view.spacing_kind == DICOM_SPACING_PIXEL && view.spacing[0] == 0.661468);
    CHECK(view.has_rescale && view.intercept == -1024 && view.has_orientation);
    CHECK(view.has_position && view.position[2] == -75.699997);
}

int main(void)
{
    struct stat status;
    if (stat(FIXTURES, &status) != 0) {
        SKIP("the_sample_files_are_read", FIXTURES " not present");
        return test_done();
    }
    RUN(damaged_files_are_read_and_told);
    RUN(native_pixels_have_the_known_hashes);
    RUN(encapsulated_frames_begin_where_codestreams_do);
    RUN(names_are_decoded);
    RUN(tables_palettes_overlays_and_groups_are_there);
    return test_done();
}
