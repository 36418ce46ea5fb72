// SPDX-License-Identifier: Apache-2.0
/* DICOM waveforms, built element by element (explicit little endian, PS3.5 7.1.2). */
#include "formats/waveform/waveform.h"

#include "base/test.h"
#include "formats/dicom/dicom.h"

enum { ARENA_BYTES = 16 << 20 };

static bool is(double a, double b)
{
    return !(a < b) && !(a > b);
}

static void put16(struct buf *out, unsigned number)
{
    buf_byte(out, (uint8_t)number);
    buf_byte(out, (uint8_t)(number >> 8));
}

static void put32(struct buf *out, uint32_t number)
{
    put16(out, number & 0xFFFF);
    put16(out, number >> 16);
}

static void put_tag(struct buf *out, uint32_t tag)
{
    put16(out, tag >> 16);
    put16(out, tag & 0xFFFF);
}

/* A value of one of the representations with long lengths when it is O. or SQ. */
static void put_bytes(struct buf *out, uint32_t tag, const char *vr, const void *bytes,
                      size_t len)
{
    bool is_long = vr[0] == 'O' || vr[1] == 'Q' || strcmp(vr, "UT") == 0;
    put_tag(out, tag);
    buf_put(out, vr, 2);
    if (is_long) {
        put16(out, 0);
        put32(out, (uint32_t)(len + len % 2));
    } else {
        put16(out, (unsigned)(len + len % 2));
    }
    buf_put(out, bytes, len);
    if (len % 2)
        buf_byte(out, vr[0] == 'O' ? 0 : ' ');
}

static void put_text(struct buf *out, uint32_t tag, const char *vr, const char *text)
{
    put_bytes(out, tag, vr, text, strlen(text));
}

static void put_us(struct buf *out, uint32_t tag, unsigned number)
{
    const uint8_t bytes[] = {(uint8_t)number, (uint8_t)(number >> 8)};
    put_bytes(out, tag, "US", bytes, 2);
}

/* A sequence of items whose bytes are in `items`. */
static void put_sequence(struct buf *out, uint32_t tag, const struct buf *items,
                         size_t count)
{
    put_tag(out, tag);
    buf_put(out, "SQ\0\0", 4);
    put32(out, UINT32_MAX);
    for (size_t i = 0; i < count; i++) {
        put_tag(out, 0xFFFEE000);
        put32(out, (uint32_t)items[i].len);
        buf_span(out, buf_view(&items[i]));
    }
    put_tag(out, 0xFFFEE0DD);
    put32(out, 0);
}

static void put_code(struct buf *out, uint32_t tag, const char *value, const char *scheme,
                     const char *meaning)
{
    CLEANUP(buf_free) struct buf item = buf_init(4096);
    put_text(&item, 0x00080100, "SH", value);
    put_text(&item, 0x00080102, "SH", scheme);
    put_text(&item, 0x00080104, "LO", meaning);
    put_sequence(out, tag, &item, 1);
}

static void put_channel(struct buf *out, const char *lead, const char *sensitivity,
                        const char *unit)
{
    put_code(out, 0x003A0208, lead, "SCPECG", "Some lead");
    put_text(out, 0x003A0210, "DS", sensitivity);
    put_code(out, 0x003A0211, unit, "UCUM", "unit");
    put_text(out, 0x003A0212, "DS", "1");
    put_text(out, 0x003A0213, "DS", "0");
    put_text(out, 0x003A0220, "DS", "0.05");
    put_text(out, 0x003A0221, "DS", "150");
}

/* What differs from object to object. */
struct draft {
    const char *interpretation;
    unsigned bits;
    const void *samples;
    size_t bytes;
    const char *count; /* NULL: as many as there are */
    uint32_t sample_count;
    const void *padding;
    const char *unit;
    const char *first_lead;
};

static void put_group(struct buf *out, const struct draft *draft)
{
    struct buf channels[2] = {buf_init(4096), buf_init(4096)};
    const char *unit = draft->unit ? draft->unit : "uV";
    put_us(out, 0x003A0005, 2);
    put_tag(out, 0x003A0010);
    buf_put(out, "UL", 2);
    put16(out, 4);
    put32(out, draft->sample_count);
    put_text(out, 0x003A001A, "DS", "500");
    put_text(out, 0x003A0020, "SH", "RHYTHM");
    put_channel(&channels[0], draft->first_lead ? draft->first_lead : "5.6.3-9-1", "1.25",
                unit);
    put_channel(&channels[1], "5.6.3-9-2", "1.25", unit);
    put_sequence(out, 0x003A0200, channels, 2);
    put_us(out, 0x54001004, draft->bits);
    put_text(out, 0x54001006, "CS", draft->interpretation);
    if (draft->padding)
        put_bytes(out, 0x5400100A, "OW", draft->padding, draft->bits / 8);
    put_bytes(out, 0x54001010, "OW", draft->samples, draft->bytes);
    buf_free(&channels[0]);
    buf_free(&channels[1]);
}

static void put_notes(struct buf *out)
{
    struct buf notes[4] = {buf_init(4096), buf_init(4096), buf_init(4096),
                           buf_init(4096)};
    static const uint8_t all[] = {1, 0, 0, 0};
    static const uint8_t second[] = {1, 0, 2, 0};
    static const uint8_t positions[] = {251, 0, 0, 0, 1, 1, 0, 0}; /* 251, 257 */
    put_bytes(&notes[0], 0x0040A0B0, "US", all, 4);
    put_text(&notes[0], 0x00700006, "ST", "SINUS RHYTHM");
    put_code(&notes[1], 0x004008EA, "ms", "UCUM", "millisecond");
    put_code(&notes[1], 0x0040A043, "5.10.2.1-3", "SCPECG", "QRS Duration");
    put_bytes(&notes[1], 0x0040A0B0, "US", second, 4);
    put_text(&notes[1], 0x0040A30A, "DS", "92");
    put_bytes(&notes[2], 0x0040A0B0, "US", all, 4);
    put_bytes(&notes[2], 0x0040A132, "UL", positions, 8);
    put_text(&notes[2], 0x00700006, "ST", "VPC");
    put_code(&notes[3], 0x0040A043, "5.10.3-1", "SCPECG", "P Onset");
    put_text(&notes[3], 0x0040A138, "DS", "40");
    put_sequence(out, 0x0040B020, notes, 4);
    for (size_t i = 0; i < 4; i++)
        buf_free(&notes[i]);
}

static bool read_object(const struct draft *draft, struct buf *bytes, struct arena *arena,
                        struct waveform_recording *recording, struct err *err)
{
    CLEANUP(buf_free) struct buf group = buf_init(1 << 20);
    struct dicom_file *file = NULL;
    struct dicom_options options = {0};
    put_group(&group, draft);
    buf_reset(bytes);
    put_text(bytes, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.9.1.1");
    put_text(bytes, 0x0008002A, "DT", "20261127101530.250");
    put_text(bytes, 0x00080070, "LO", "Maker");
    put_text(bytes, 0x00081090, "LO", "ECG-1");
    put_notes(bytes);
    put_sequence(bytes, 0x54000100, &group, 1);
    if (!dicom_read_set(buf_view(bytes), dicom_syntax_find(SPAN("1.2.840.10008.1.2.1")),
                        &options, arena, &file, err))
        return false;
    return waveform_read_dicom(file, arena, recording, err);
}

static double sample(const struct waveform_recording *recording, size_t channel,
                     uint64_t index)
{
    double number = NAN;
    if (recording->groups && channel < recording->groups->channel_count)
        waveform_read(&recording->groups->channels[channel], index, 1, &number);
    return number;
}

static const uint8_t SAMPLES[] = {1, 0, 10, 0, 2, 0, 0xF6, 0xFF, 0, 0x80, 12, 0};

static void channels_are_interleaved_sample_by_sample(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    struct waveform_recording recording = {0};
    struct err err = {0};
    static const uint8_t padding[] = {0, 0x80};
    struct draft draft = {.interpretation = "SS",
                          .bits = 16,
                          .samples = SAMPLES,
                          .bytes = sizeof SAMPLES,
                          .sample_count = 3,
                          .padding = padding};
    CHECK(read_object(&draft, &bytes, &arena, &recording, &err));
    CHECK(recording.group_count == 1 && recording.groups->channel_count == 6);
    if (!recording.groups)
        return;
    const struct waveform_channel *first = &recording.groups->channels[0];
    CHECK(text_is(first->lead, "I") && text_is(recording.groups->channels[1].lead, "II"));
    CHECK(is(sample(&recording, 0, 1), 2) && is(sample(&recording, 1, 1), -10));
    CHECK(isnan(sample(&recording, 0, 2)) && is(sample(&recording, 1, 2), 12));
    CHECK(is(first->scale, 1.25e-6) && text_is(first->unit, "V"));
    CHECK(is(first->rate_hz, 500) && text_is(first->filter, "HPF=0.05 LPF=150"));
    CHECK(text_is(recording.groups->label, "標準12誘導心電図"));
    CHECK(text_is(recording.start, "2026-11-27T10:15:30"));
    CHECK(text_is(recording.device, "Maker ECG-1"));
}

static void annotations_become_values_statements_and_marks(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    struct waveform_recording recording = {0};
    struct err err = {0};
    struct draft draft = {.interpretation = "SS",
                          .bits = 16,
                          .samples = SAMPLES,
                          .bytes = sizeof SAMPLES,
                          .sample_count = 3};
    CHECK(read_object(&draft, &bytes, &arena, &recording, &err));
    const struct waveform_value *value = recording.values;
    CHECK(value && text_is(value->name, "QRS Duration") && text_is(value->value, "92"));
    CHECK(value && text_is(value->unit, "ms") && text_is(value->lead, "II"));
    CHECK(recording.statements && text_is(recording.statements->text, "SINUS RHYTHM"));
    const struct waveform_annotation *note = recording.annotations;
    CHECK(recording.annotation_count == 2 && note && note->next);
    if (!note || !note->next)
        return;
    CHECK(text_is(note->text, "VPC") && is(note->start_ms, 500) && note->group == 1);
    CHECK(is(note->duration_ms, 12) && is(note->next->start_ms, 40));
    CHECK(text_is(note->next->text, "P Onset") && note->next->group == 0);
}

static void every_coding_of_samples_is_read(void)
{
    static const struct {
        const char *interpretation;
        unsigned bits;
        uint8_t bytes[8];
        double first;
        double second;
    } cases[] = {
        {"US", 16, {0xFF, 0xFF, 1, 0}, 65535, 1},
        {"SB", 8, {0xFF, 2}, -1, 2},
        {"UB", 8, {0xFF, 2}, 255, 2},
        {"MB", 8, {0x00, 0xFF}, -32124, 0},
        {"AB", 8, {0x2A, 0xD5}, -32256, 8},
        {"SL", 32, {0, 0, 1, 0, 5}, 65536, 5},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
        struct waveform_recording recording = {0};
        struct err err = {0};
        struct draft draft = {.interpretation = cases[i].interpretation,
                              .bits = cases[i].bits,
                              .samples = cases[i].bytes,
                              .bytes = cases[i].bits / 4,
                              .sample_count = 1};
        CHECK(read_object(&draft, &bytes, &arena, &recording, &err));
        CHECK(is(sample(&recording, 0, 0), cases[i].first));
        CHECK(is(sample(&recording, 1, 0), cases[i].second));
    }
}

static void units_that_are_no_voltage_stay_what_they_are(void)
{
    static const struct {
        const char *code;
        const char *unit;
        double scale;
    } cases[] = {
        {"mV", "V", 1.25 / 1e3}, {"mm[Hg]", "mmHg", 1.25}, {"furlong", "furlong", 1.25}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
        struct waveform_recording recording = {0};
        struct err err = {0};
        struct draft draft = {.interpretation = "SS",
                              .bits = 16,
                              .samples = SAMPLES,
                              .bytes = sizeof SAMPLES,
                              .sample_count = 3,
                              .unit = cases[i].code,
                              .first_lead = "9.9.9"};
        CHECK(read_object(&draft, &bytes, &arena, &recording, &err));
        const struct waveform_channel *channel = &recording.groups->channels[0];
        CHECK(text_is(channel->unit, cases[i].unit) &&
              is(channel->scale, cases[i].scale));
        CHECK(text_is(channel->lead, "Some lead") && channel->lead_code == 0);
        CHECK(recording.groups->channel_count == 2); /* nothing to derive from */
    }
}

static void what_is_missing_is_a_gap(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    struct waveform_recording recording = {0};
    struct err err = {0};
    struct draft draft = {.interpretation = "SS",
                          .bits = 16,
                          .samples = SAMPLES,
                          .bytes = 10, /* the last sample of II is not there */
                          .sample_count = 4000000000};
    CHECK(read_object(&draft, &bytes, &arena, &recording, &err));
    CHECK(recording.groups->channels[1].sample_count == 2 + (1 << 20));
    CHECK(is(sample(&recording, 0, 2), -32768) && isnan(sample(&recording, 1, 2)));
}

static void objects_without_samples_are_refused(void)
{
    static const struct draft drafts[] = {
        {.interpretation = "SS", .bits = 16, .samples = SAMPLES, .bytes = 12},
        {.interpretation = "XX",
         .bits = 16,
         .samples = SAMPLES,
         .bytes = 12,
         .sample_count = 3},
        {.interpretation = "SS",
         .bits = 8,
         .samples = SAMPLES,
         .bytes = 12,
         .sample_count = 3},
        {.interpretation = "SS", .bits = 16, .samples = SAMPLES, .sample_count = 3},
    };
    for (size_t i = 0; i < sizeof(drafts) / sizeof(drafts[0]); i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
        struct waveform_recording recording = {0};
        struct err err = {0};
        CHECK(!read_object(&drafts[i], &bytes, &arena, &recording, &err));
        CHECK(err.code && strcmp(err.code, "waveform_none") == 0 && err.clause);
    }
}

int main(void)
{
    RUN(channels_are_interleaved_sample_by_sample);
    RUN(annotations_become_values_statements_and_marks);
    RUN(every_coding_of_samples_is_read);
    RUN(units_that_are_no_voltage_stay_what_they_are);
    RUN(what_is_missing_is_a_gap);
    RUN(objects_without_samples_are_refused);
    return test_done();
}
