// SPDX-License-Identifier: Apache-2.0
/* An ECG of somebody else's making: DICOM to MFER and back is the same recording. */
#include "formats/mfer/mfer.h"

#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "formats/dicom/dicom.h"

#define SAMPLE "../shared/fixtures/dicom/sr-waveform-document/waveform_ecg.dcm"

enum { ARENA_BYTES = 128 << 20, LEADS = 12, RHYTHM_SAMPLES = 10000, BEAT_SAMPLES = 1200 };

static bool is(double a, double b)
{
    return (isnan(a) && isnan(b)) || (!(a < b) && !(a > b));
}

static bool read_sample(struct arena *arena, struct waveform_recording *recording)
{
    struct err err = {0};
    struct span bytes = {0};
    struct dicom_file *file = NULL;
    struct dicom_options options = {0};
    return path_read_file(SAMPLE, 16 << 20, arena, &bytes, &err) &&
           dicom_read(bytes, &options, arena, &file, &err) &&
           waveform_read_dicom(file, arena, recording, &err);
}

static void the_sample_has_two_groups_of_twelve_leads(void)
{
    static const char *const leads[LEADS] = {"I",  "II", "III", "aVR", "aVL", "aVF",
                                             "V1", "V2", "V3",  "V4",  "V5",  "V6"};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct waveform_recording recording = {0};
    CHECK(read_sample(&arena, &recording) && recording.group_count == 2);
    if (!recording.groups || !recording.groups->next)
        return;
    const struct waveform_group *rhythm = recording.groups;
    const struct waveform_group *beat = rhythm->next;
    CHECK(rhythm->kind == WAVEFORM_RHYTHM && beat->kind == WAVEFORM_REPRESENTATIVE);
    CHECK(rhythm->channel_count == LEADS && beat->channel_count == LEADS);
    for (size_t i = 0; i < LEADS && i < rhythm->channel_count; i++) {
        CHECK(text_is(rhythm->channels[i].lead, leads[i]));
        CHECK(rhythm->channels[i].sample_count == RHYTHM_SAMPLES);
        CHECK(beat->channels[i].sample_count == BEAT_SAMPLES);
        CHECK(is(rhythm->channels[i].rate_hz, 1000));
        CHECK(is(rhythm->channels[i].scale, 1.25e-6));
        CHECK(text_is(rhythm->channels[i].unit, "V"));
    }
    CHECK(recording.values && recording.annotation_count > 0);
}

static void compare(const struct waveform_channel *a, const struct waveform_channel *b)
{
    CHECK(text_equal(a->lead, b->lead) && a->lead_code == b->lead_code);
    CHECK(is(a->scale, b->scale) && is(a->offset, b->offset) &&
          is(a->rate_hz, b->rate_hz));
    CHECK(text_equal(a->unit, b->unit) && a->sample_count == b->sample_count);
    for (uint64_t i = 0; i < a->sample_count; i++) {
        double left = 0;
        double right = 0;
        waveform_read(a, i, 1, &left);
        waveform_read(b, i, 1, &right);
        if (!is(left, right)) {
            CHECK(is(left, right));
            return;
        }
    }
}

static void the_sample_comes_back_from_mfer(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct mfer_file file = {.patient = {.birth_day = DAY_NONE, .sex = 'U'}};
    CHECK(read_sample(&arena, &file.recording));
    for (int little = 0; little < 2; little++) {
        CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
        struct mfer_options options = {.is_little_endian = little == 1};
        struct mfer_file read = {0};
        struct err err = {0};
        CHECK(mfer_write(&file, &options, &out, &err));
        CHECK(mfer_read(buf_view(&out), &arena, &read, &err) && !read.findings.warnings);
        CHECK(read.recording.group_count == 2);
        const struct waveform_group *a = file.recording.groups;
        const struct waveform_group *b = read.recording.groups;
        for (; a && b; a = a->next, b = b->next) {
            CHECK(a->kind == b->kind && a->channel_count == b->channel_count);
            for (size_t i = 0; i < a->channel_count && i < b->channel_count; i++)
                compare(&a->channels[i], &b->channels[i]);
        }
    }
}

int main(void)
{
    if (access(SAMPLE, R_OK) != 0) {
        SKIP("the_sample_has_two_groups_of_twelve_leads", "no sample here");
        SKIP("the_sample_comes_back_from_mfer", "no sample here");
        return test_done();
    }
    RUN(the_sample_has_two_groups_of_twelve_leads);
    RUN(the_sample_comes_back_from_mfer);
    return test_done();
}
