// SPDX-License-Identifier: Apache-2.0
/* Public samples of every transfer syntax, decoded: the same image gives the same bytes
 * whatever it was encoded in. The sums are those of the uncompressed twins. */
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/path.h"
#include "base/test.h"
#include "formats/picture/picture.h"

static const char SAMPLES[] = "../shared/fixtures/dicom/";
#define CT "transfer-syntax/CTImage.dcm_"

enum { ARENA_BYTES = 256 << 20 };

/* Frames `first` to `last` as stored values; false when one is not decoded. */
static bool decode_path(const char *path, uint32_t first, uint32_t last,
                        struct arena *arena, struct buf *out)
{
    struct err err = {0};
    struct span bytes = {0};
    struct dicom_file *file = NULL;
    struct picture_wish wish = {.kind = PICTURE_RAW};
    bool is_good = path_read_file(path, 64 << 20, arena, &bytes, &err) &&
                   dicom_read(bytes, NULL, arena, &file, &err);
    for (uint32_t frame = first; is_good && frame <= last; frame++) {
        struct picture_job job;
        struct picture_result result;
        CLEANUP(buf_free) struct buf request = buf_init(PICTURE_JOB_BYTES_MAX);
        CLEANUP(buf_free) struct buf reply = buf_init(PICTURE_REPLY_BYTES_MAX);
        is_good = picture_prepare(file, frame, &wish, arena, &job, &err) &&
                  picture_write_job(&job, &request, &err) &&
                  picture_answer(NULL, buf_view(&request), &reply, &err) &&
                  picture_read_reply(buf_view(&reply), &result, &err);
        if (is_good)
            buf_span(out, result.bytes);
    }
    if (!is_good)
        printf("# %s: %s\n", path, err.code);
    return is_good;
}

static bool decode(const char *name, uint32_t first, uint32_t last, struct arena *arena,
                   struct buf *out)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", SAMPLES, name);
    return decode_path(path, first, last, arena, out);
}

struct oracle {
    const char *sum; /* the first hexadecimal digits of SHA-256 */
    uint32_t first, last;
    const char *name;
};

/* formats.md 9.4. */
static const struct oracle oracles[] = {
    {"1bee432808f4", 0, 0, CT "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2.dcm"},
    {"1bee432808f4", 0, 0,
     CT "LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm"},
    {"1bee432808f4", 0, 0,
     CT "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm"},
    {"1bee432808f4", 0, 0, CT "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm"},
    {"1bee432808f4", 0, 0, CT "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm"},
    {"1bee432808f4", 0, 0,
     CT "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm"},
    {"1bee432808f4", 0, 0, CT "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm"},
    {"1bee432808f4", 0, 0,
     CT "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm"},
    {"1bee432808f4", 0, 0, CT "RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_RLE.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_bigendian.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_expb.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_implicit.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_jp2klossless.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_jpeg_ls_lossless.dcm"},
    {"88617aaa4613", 0, 0, "small-mr/MR_small_padded.dcm"},
    {"9719c5d0f62c", 0, 9, "multiframe/emri_small.dcm"},
    {"9719c5d0f62c", 0, 9, "multiframe/emri_small_RLE.dcm"},
    {"9719c5d0f62c", 0, 9, "multiframe/emri_small_big_endian.dcm"},
    {"9719c5d0f62c", 0, 9, "multiframe/emri_small_jpeg_2k_lossless.dcm"},
    {"9719c5d0f62c", 0, 9, "multiframe/emri_small_jpeg_ls_lossless.dcm"},
    {"169e619557b1", 0, 0, "colour/SC_rgb.dcm"},
    {"169e619557b1", 0, 0, "colour/SC_rgb_rle.dcm"},
    {"169e619557b1", 0, 0, "colour/SC_rgb_jpeg_gdcm.dcm"},
    {"169e619557b1", 0, 0, "colour/SC_rgb_gdcm_KY.dcm"},
    {"169e619557b1", 0, 0, "colour/SC_rgb_rle_2frame.dcm"},
    {"d9d849600989", 1, 1, "colour/SC_rgb_rle_2frame.dcm"},
    {"36de0258708d", 0, 0, "colour/SC_rgb_16bit.dcm"},
    {"36de0258708d", 0, 0, "colour/SC_rgb_rle_16bit.dcm"},
    {"ed1fce22a62e", 0, 0, "colour/JLSL_RGB_ILV0.dcm"},
    {"ed1fce22a62e", 0, 0, "colour/JLSL_RGB_ILV2.dcm"},
    {"bd5344c0a46b", 0, 0, "colour/SC_rgb_jls_lossy_line.dcm"},
    {"bd5344c0a46b", 0, 0, "colour/SC_rgb_jls_lossy_sample.dcm"},
};

static bool has_sum(struct span bytes, const char *sum)
{
    char hex[HASH_HEX_BYTES];
    struct hash hash = hash_sha256(bytes);
    hash_to_hex(span_of(hash.bytes, HASH_BYTES), hex);
    return strncmp(hex, sum, strlen(sum)) == 0;
}

static void every_lossless_syntax_gives_the_uncompressed_bytes(void)
{
    for (size_t i = 0; i < sizeof oracles / sizeof *oracles; i++) {
        const struct oracle *by = &oracles[i];
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
        bool is_same = decode(by->name, by->first, by->last, &arena, &out) &&
                       has_sum(buf_view(&out), by->sum);
        if (!is_same)
            printf("# %s differs\n", by->name);
        CHECK(is_same);
    }
}

/* The sums are of the packed bits. */
static void segmentations_of_one_bit_are_the_same_raw_and_run_length(void)
{
    static const char *const names[] = {"multiframe/liver.dcm",
                                        "multiframe/liver_rle.dcm"};
    static const char *const sums[] = {"bbad786aee10", "261d5183d6ee", "31466cdc8e40"};
    for (size_t i = 0; i < 6; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
        uint8_t packed[32768] = {0};
        uint32_t frame = (uint32_t)(i / 2);
        CHECK(decode(names[i % 2], frame, frame, &arena, &out));
        CHECK(out.len == sizeof packed * 8);
        for (size_t k = 0; k < out.len && k < sizeof packed * 8; k++)
            packed[k / 8] = (uint8_t)(packed[k / 8] | out.at[k] << (k % 8));
        CHECK(has_sum(span_of(packed, sizeof packed), sums[frame]));
    }
}

static void odd_frames_end_without_their_padding(void)
{
    static const char *const names[] = {"colour/SC_rgb_small_odd.dcm",
                                        "colour/SC_rgb_small_odd_big_endian.dcm"};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf out = buf_init(1024);
        CHECK(decode(names[i], 0, 0, &arena, &out) && out.len == 27);
        buf_byte(&out, 0);
        CHECK(has_sum(buf_view(&out), "fbc82ad63531"));
    }
}

/* DCMTK decoded the JPEG twins of these; ours are theirs to the bit. */
static void jpeg_colour_is_what_another_decoder_made_of_it(void)
{
    static const char *const pairs[][2] = {
        {"colour/SC_rgb_dcmtk_+eb+cy+n1.dcm", "colour/SC_rgb_dcmtk_ebcyn1_dcmd.dcm"},
        {"colour/SC_rgb_dcmtk_+eb+cy+np.dcm", "colour/SC_rgb_dcmtk_ebcyn1_dcmd.dcm"},
        {"colour/SC_rgb_dcmtk_+eb+cy+s2.dcm", "colour/SC_rgb_dcmtk_ebcys2_dcmd.dcm"},
        {"colour/SC_rgb_dcmtk_+eb+cy+s4.dcm", "colour/SC_rgb_dcmtk_ebcys2_dcmd.dcm"},
        {"colour/SC_ybr_full_422_uncompressed.dcm",
         "colour/SC_rgb_dcmtk_ebcys2_dcmd.dcm"},
        {"colour/SC_ybr_full_uncompressed.dcm", "colour/SC_rgb_dcmtk_ebcys2_dcmd.dcm"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf ours = buf_init(1 << 20);
        CLEANUP(buf_free) struct buf theirs = buf_init(1 << 20);
        CHECK(decode(pairs[i][0], 0, 0, &arena, &ours));
        CHECK(decode(pairs[i][1], 0, 0, &arena, &theirs));
        CHECK(span_equal(buf_view(&ours), buf_view(&theirs)));
    }
}

/* Largest and mean difference of two frames of signed 16 bits. */
static void compare(const struct buf *a, const struct buf *b, double *largest,
                    double *mean)
{
    *largest = a->len == b->len ? 0 : INFINITY;
    *mean = *largest;
    for (size_t i = 0; i + 1 < a->len && a->len == b->len; i += 2) {
        int16_t left;
        int16_t right;
        memcpy(&left, a->at + i, 2);
        memcpy(&right, b->at + i, 2);
        *largest = fmax(*largest, abs(left - right));
        *mean += abs(left - right) * 2.0 / (double)a->len;
    }
}

static void lossy_syntaxes_stay_near_the_original(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf plain = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf other = buf_init(1 << 20);
    double largest = 0;
    double mean = 0;
    CHECK(decode(oracles[0].name, 0, 0, &arena, &plain));
    CHECK(decode(CT "JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm", 0, 0, &arena,
                 &other));
    compare(&plain, &other, &largest, &mean);
    CHECK(largest <= 1);
    buf_reset(&other);
    CHECK(decode(CT "JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm", 0, 0, &arena,
                 &other));
    compare(&plain, &other, &largest, &mean);
    CHECK(mean < 20);
}

/* 12 and 8 bits of the same CT, both by a DCT: one is 16 times the other. */
static void twelve_bits_are_the_eight_bits_and_more(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf twelve = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf eight = buf_init(1 << 20);
    double mean = 0;
    CHECK(decode(CT "JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm", 0, 0,
                 &arena, &twelve));
    CHECK(decode(CT "JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm", 0, 0, &arena,
                 &eight));
    CHECK(twelve.len == 2 * eight.len && eight.len == 262144);
    for (size_t i = 0; i < eight.len && twelve.len == 2 * eight.len; i++) {
        uint16_t value;
        memcpy(&value, twelve.at + i * 2, 2);
        CHECK(value < 4096);
        mean += fabs(value / 4095.0 - eight.at[i] / 255.0) / 262144;
    }
    CHECK(mean < 0.01);
}

static void what_is_not_decoded_is_refused_by_its_name(void)
{
    static const char *const names[] = {
        CT "JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm",
        "transfer-syntax/HTJ2KLossless_08_RGB.dcm"};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        char path[256];
        struct err err = {0};
        struct span bytes = {0};
        struct dicom_file *file = NULL;
        struct picture_job job;
        struct picture_wish wish = {0};
        snprintf(path, sizeof path, "%s%s", SAMPLES, names[i]);
        CHECK(path_read_file(path, 64 << 20, &arena, &bytes, &err) &&
              dicom_read(bytes, NULL, &arena, &file, &err));
        CHECK(file && !picture_prepare(file, 0, &wish, &arena, &job, &err));
        CHECK(err.code && strcmp(err.code, "picture_unsupported") == 0);
        CHECK(strstr(err.text, file->syntax_uid) != NULL);
    }
}

/* ------------------------------------------------------------------ DCMTK */

/* Runs one of its programs; true when it says it was done. */
static bool run_tool(const char *tool, const char *from, const char *to)
{
    char *words[] = {(char *)(uintptr_t)tool, (char *)(uintptr_t)from,
                     (char *)(uintptr_t)to, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    bool is_started = posix_spawnp(&child, tool, &actions, NULL, words, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return is_started && waitpid(child, &status, 0) == child && status == 0;
}

struct peer {
    const char *tool;
    const char *name;
    int largest; /* difference of a 16-bit value that is explained */
};

/* The transform of 12 bits is in integers there, in float here. */
static const struct peer peers[] = {
    {"dcmdjpeg", CT "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm", 0},
    {"dcmdjpeg", CT "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm", 0},
    {"dcmdjpeg", CT "JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm", 0},
    {"dcmdjpeg", CT "JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm", 1},
    {"dcmdjpls", CT "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm", 0},
    {"dcmdjpls", CT "JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm", 0},
    {"dcmdrle", CT "RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm", 0},
    {"dcmdrle", "small-mr/MR_small_RLE.dcm", 0},
    {"dcmdjpls", "small-mr/MR_small_jpeg_ls_lossless.dcm", 0},
    {"dcmdrle", "multiframe/emri_small_RLE.dcm", 0},
    {"dcmdjpls", "multiframe/emri_small_jpeg_ls_lossless.dcm", 0},
    {"dcmdjpls", "colour/JLSL_RGB_ILV0.dcm", 0},
    {"dcmdjpls", "colour/JLSL_RGB_ILV2.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_dcmtk_+eb+cr.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_dcmtk_+eb+cy+n1.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_dcmtk_+eb+cy+np.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_dcmtk_+eb+cy+s2.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_dcmtk_+eb+cy+s4.dcm", 0},
    {"dcmdjpls", "colour/SC_rgb_jls_lossy_line.dcm", 0},
    {"dcmdjpls", "colour/SC_rgb_jls_lossy_sample.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_jpeg_dcmtk.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_jpeg_gdcm.dcm", 0},
    {"dcmdrle", "colour/SC_rgb_rle.dcm", 0},
    {"dcmdrle", "colour/SC_rgb_rle_16bit.dcm", 0},
    {"dcmdrle", "colour/SC_rgb_rle_2frame.dcm", 0},
    {"dcmdjpeg", "colour/SC_rgb_small_odd_jpeg.dcm", 0},
    {"dcmdjpeg", "colour/examples_ybr_color.dcm", 0},
    {"dcmdjpls", "16bit-lut-overlay/JLSL_16_15_1_1F.dcm", 0},
    {"dcmdjpls", "16bit-lut-overlay/JPEGLSNearLossless_08.dcm", 0},
    {"dcmdjpls", "16bit-lut-overlay/JPEGLSNearLossless_16.dcm", 0},
};

static void dcmtk_decodes_the_same_values(void)
{
    char made[64];
    char from[256];
    snprintf(made, sizeof made, "/tmp/tsumugi-picture-test-%d.dcm", (int)getpid());
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf ours = buf_init(1 << 20);
        CLEANUP(buf_free) struct buf theirs = buf_init(1 << 20);
        double largest = 0;
        double mean = 0;
        snprintf(from, sizeof from, "%s%s", SAMPLES, peers[i].name);
        CHECK(run_tool(peers[i].tool, from, made));
        CHECK(decode(peers[i].name, 0, 0, &arena, &ours));
        CHECK(decode_path(made, 0, 0, &arena, &theirs));
        if (peers[i].largest == 0) {
            CHECK(span_equal(buf_view(&ours), buf_view(&theirs)));
        } else {
            compare(&ours, &theirs, &largest, &mean);
            CHECK(largest <= peers[i].largest);
        }
    }
    unlink(made);
}

int main(void)
{
    if (access(SAMPLES, R_OK) != 0) {
        SKIP("every_lossless_syntax_gives_the_uncompressed_bytes",
             "../shared/fixtures not present");
        return test_done();
    }
    RUN(every_lossless_syntax_gives_the_uncompressed_bytes);
    RUN(segmentations_of_one_bit_are_the_same_raw_and_run_length);
    RUN(odd_frames_end_without_their_padding);
    RUN(jpeg_colour_is_what_another_decoder_made_of_it);
    RUN(lossy_syntaxes_stay_near_the_original);
    RUN(twelve_bits_are_the_eight_bits_and_more);
    RUN(what_is_not_decoded_is_refused_by_its_name);
    if (access("/usr/bin/dcmdjpeg", X_OK) == 0)
        RUN(dcmtk_decodes_the_same_values);
    else
        SKIP("dcmtk_decodes_the_same_values", "dcmtk is not installed");
    return test_done();
}
