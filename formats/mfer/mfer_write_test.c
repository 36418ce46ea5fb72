// SPDX-License-Identifier: Apache-2.0
#include "formats/mfer/mfer.h"

#include "base/rand.h"
#include "base/test.h"

enum { ARENA_BYTES = 64 << 20 };

static bool is(double a, double b)
{
    return (isnan(a) && isnan(b)) || (!(a < b) && !(a > b));
}

static struct waveform_channel channel_of(enum waveform_type type, const void *bytes,
                                          size_t count, struct arena *arena)
{
    struct err err = {0};
    struct waveform_channel channel = {
        .lead = TEXT("II"),
        .lead_code = 2,
        .type = type,
        .is_little_endian = true,
        .rate_hz = 500,
        .unit = TEXT("V"),
        .scale = 1.25e-6,
        .sample_count = count,
    };
    struct waveform_run run = {.count = count,
                               .at = bytes,
                               .stride_bytes = count * waveform_type_bytes(type),
                               .block_count = count};
    CHECK(waveform_add_run(&channel, &run, arena, &err));
    return channel;
}

static struct mfer_file file_of(struct waveform_channel *channels, size_t count,
                                struct arena *arena)
{
    struct err err = {0};
    struct waveform_group *group = ARENA_NEW(arena, struct waveform_group, &err);
    *group = (struct waveform_group){
        .label = TEXT("標準12誘導心電図"), .channels = channels, .channel_count = count};
    return (struct mfer_file){
        .recording = {.day = DAY_NONE, .groups = group, .group_count = 1},
        .patient = {.birth_day = DAY_NONE, .sex = 'U'},
    };
}

/* Writes and reads again, in one byte order. */
static struct mfer_file again(const struct mfer_file *file, bool is_little_endian,
                              struct buf *out, struct arena *arena)
{
    struct err err = {0};
    struct mfer_file read = {0};
    struct mfer_options options = {.is_little_endian = is_little_endian};
    buf_reset(out);
    CHECK(mfer_write(file, &options, out, &err));
    CHECK(mfer_detect(buf_view(out)));
    CHECK(mfer_read(buf_view(out), arena, &read, &err));
    CHECK(!read.findings.warnings);
    return read;
}

static void check_channel(const struct waveform_channel *a,
                          const struct waveform_channel *b)
{
    double left = 0;
    double right = 0;
    CHECK(text_equal(a->lead, b->lead) && a->lead_code == b->lead_code);
    CHECK(is(a->rate_hz, b->rate_hz) && is(a->scale, b->scale));
    CHECK(is(a->offset, b->offset) && text_equal(a->unit, b->unit));
    CHECK(a->sample_count == b->sample_count && text_equal(a->filter, b->filter));
    for (uint64_t i = 0; i < a->sample_count; i++) {
        waveform_read(a, i, 1, &left);
        waveform_read(b, i, 1, &right);
        if (!is(left, right)) {
            CHECK(is(left, right));
            return;
        }
    }
}

static void check_both_orders(struct waveform_channel *channels, size_t count)
{
    for (int little = 0; little < 2; little++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
        struct mfer_file file = file_of(channels, count, &arena);
        struct mfer_file read = again(&file, little == 1, &out, &arena);
        CHECK(read.recording.group_count == 1);
        CHECK(read.recording.groups && read.recording.groups->channel_count == count);
        for (size_t i = 0; read.recording.groups && i < count; i++)
            check_channel(&channels[i], &read.recording.groups->channels[i]);
    }
}

static void every_type_comes_back_as_it_was(void)
{
    static const float narrow[] = {0, -1.5F, 3e20F, 1e-30F};
    static const double wide[] = {0, -1.0 / 3, 1e300, 5e-324};
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 200);
    for (int type = 0; type < WAVEFORM_TYPE_COUNT; type++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        enum waveform_type as = (enum waveform_type)type;
        const void *at = as == WAVEFORM_F32   ? (const void *)narrow
                         : as == WAVEFORM_F64 ? (const void *)wide
                                              : bytes;
        struct waveform_channel channel = channel_of(as, at, 4, &arena);
        check_both_orders(&channel, 1);
        channel.offset = as == WAVEFORM_S16 ? -7 : 7;
        check_both_orders(&channel, 1);
    }
}

static void channels_that_differ_come_back_as_they_were(void)
{
    static const int16_t slow[] = {1, 2, -32768, 4};
    static const uint16_t status[] = {0, 1, 0x8000, 65535, 5, 6, 7, 8};
    static const int32_t wide[] = {70000, -70000, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct waveform_channel channels[3] = {
        channel_of(WAVEFORM_S16, slow, 4, &arena),
        channel_of(WAVEFORM_U16, status, 8, &arena),
        channel_of(WAVEFORM_S32, wide, 12, &arena),
    };
    channels[0].rate_hz = 2;
    channels[0].has_gap = true;
    channels[0].gap = -32768;
    channels[0].filter = TEXT("HPF=0.05 LPF=150");
    channels[1].lead = TEXT("体位");
    channels[1].lead_code = 4161;
    channels[1].unit = TEXT("");
    channels[1].scale = 1;
    channels[1].rate_hz = 4;
    channels[2].lead = TEXT("食道内圧");
    channels[2].lead_code = 0;
    channels[2].unit = TEXT("cmH2O");
    channels[2].scale = -0.0125;
    channels[2].rate_hz = 1.0 / 3;
    channels[2].offset = 1000000;
    check_both_orders(channels, 3);
    /* without a rate no time is claimed */
    channels[2].rate_hz = 0;
    check_both_orders(channels, 3);
}

static void gaps_come_back_whatever_the_samples_are(void)
{
    static const int16_t both[] = {INT16_MIN, 0, INT16_MAX};
    static const uint8_t bytes[] = {0, 255};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct waveform_channel channel = channel_of(WAVEFORM_S16, both, 3, &arena);
    channel.sample_count = 9; /* the rest is missing */
    check_both_orders(&channel, 1);
    channel = channel_of(WAVEFORM_U8, bytes, 2, &arena);
    channel.sample_count = 3;
    check_both_orders(&channel, 1);
    channel.run_count = 0; /* nothing at all is there */
    check_both_orders(&channel, 1);
    channel = channel_of(WAVEFORM_S16, both, 2, &arena);
    channel.sample_count = 4;
    channel.offset = 0.5; /* not of the samples' type */
    check_both_orders(&channel, 1);
}

static void a_gap_without_a_number_left_is_refused(void)
{
    static const int32_t all[] = {INT32_MIN, INT32_MAX};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct err err = {0};
    struct waveform_channel channel = channel_of(WAVEFORM_S32, all, 2, &arena);
    channel.sample_count = 3;
    struct mfer_file file = file_of(&channel, 1, &arena);
    CHECK(!mfer_write(&file, &(struct mfer_options){0}, &out, &err));
    CHECK(strcmp(err.code, "mfer_no_gap_value") == 0);
}

static void random_recordings_come_back(void)
{
    struct rand_seeded dice = rand_seed(77);
    for (int round = 0; round < 40; round++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        static uint8_t bytes[4][4000];
        struct waveform_channel channels[4];
        size_t count = 1 + rand_seeded_below(&dice, 4);
        for (size_t i = 0; i < count; i++) {
            enum waveform_type type = (enum waveform_type)rand_seeded_below(&dice, 6);
            for (size_t k = 0; k < sizeof bytes[i]; k++)
                bytes[i][k] = (uint8_t)rand_seeded_next(&dice);
            size_t samples = 1 + rand_seeded_below(&dice, 900);
            channels[i] = channel_of(type, bytes[i], samples, &arena);
            channels[i].is_little_endian = rand_seeded_below(&dice, 2) == 1;
            channels[i].lead_code = (uint32_t)(3 + i);
            channels[i].lead = waveform_lead_name((uint32_t)(3 + i));
            channels[i].rate_hz = (double)(1 + rand_seeded_below(&dice, 3)) * 100;
            channels[i].has_gap = rand_seeded_below(&dice, 2) == 1;
            channels[i].gap = (double)rand_seeded_below(&dice, 100);
        }
        check_both_orders(channels, count);
    }
}

static void person_and_words_come_back(void)
{
    static const int16_t samples[500] = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct waveform_channel channel = channel_of(WAVEFORM_S16, samples, 500, &arena);
    struct mfer_file file = file_of(&channel, 1, &arena);
    struct waveform_value lead = {.name = TEXT("R 振幅"),
                                  .code = TEXT("58368"),
                                  .system = TEXT("99MFR"),
                                  .value = TEXT("1.2"),
                                  .unit = TEXT("mV"),
                                  .lead = TEXT("II")};
    struct waveform_value rate = {.name = TEXT("心拍数"),
                                  .code = TEXT("32769"),
                                  .system = TEXT("99MFR"),
                                  .value = TEXT("72"),
                                  .unit = TEXT("bpm"),
                                  .next = &lead};
    struct waveform_statement comment = {.kind = "comment", .text = TEXT("安静時")};
    struct waveform_statement reading = {
        .kind = "interpretation", .text = TEXT("洞調律"), .next = &comment};
    struct waveform_annotation note = {
        .start_ms = 500, .duration_ms = 20, .code = 7, .text = TEXT("VPC")};
    file.patient =
        (struct entry_patient){TEXT("0000012345"), TEXT("紬 花"), TEXT("ツムギ ハナ"),
                               day_from_date(1950, 2, 28), 'F'};
    file.recording.day = day_from_date(2026, 11, 27);
    file.recording.start = TEXT("2026-11-27T08:09:10.250");
    file.recording.device = TEXT("架空 ECG-1");
    file.recording.values = &rate;
    file.recording.statements = &reading;
    file.recording.annotations = &note;
    struct mfer_file read = again(&file, false, &out, &arena);
    CHECK(text_equal(read.patient.id, file.patient.id));
    CHECK(text_equal(read.patient.name, file.patient.name));
    CHECK(text_equal(read.patient.kana, file.patient.kana));
    CHECK(read.patient.birth_day == file.patient.birth_day && read.patient.sex == 'F');
    CHECK(text_equal(read.recording.start, file.recording.start));
    CHECK(text_equal(read.recording.device, file.recording.device));
    const struct waveform_value *value = read.recording.values;
    CHECK(value && value->next);
    for (; value; value = value->next)
        CHECK(text_is(value->value, value->lead.len > 0 ? "1.2" : "72"));
    CHECK(text_is(read.recording.statements->text, "洞調律"));
    CHECK(text_is(read.recording.statements->next->text, "安静時"));
    CHECK(is(read.recording.annotations->start_ms, 500));
    CHECK(text_is(read.recording.annotations->text, "VPC"));
}

static void groups_come_back_one_by_one(void)
{
    static const int16_t samples[2000] = {1, 2, 3};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct waveform_channel first = channel_of(WAVEFORM_S16, samples, 1000, &arena);
    struct waveform_channel second = channel_of(WAVEFORM_S16, samples + 1, 600, &arena);
    first.has_gap = true;
    first.gap = -32768;
    second.unit = TEXT("");
    second.scale = 1;
    struct mfer_file file = file_of(&first, 1, &arena);
    struct waveform_group beat = {.kind = WAVEFORM_REPRESENTATIVE,
                                  .label = TEXT("代表波形"),
                                  .channels = &second,
                                  .channel_count = 1};
    file.recording.groups->next = &beat;
    struct mfer_file read = again(&file, true, &out, &arena);
    CHECK(read.recording.group_count == 2);
    check_channel(&first, &read.recording.groups->channels[0]);
    check_channel(&second, &read.recording.groups->next->channels[0]);
    CHECK(!read.recording.groups->next->channels[0].has_gap);
    CHECK(read.recording.groups->next->kind == WAVEFORM_REPRESENTATIVE);
    CHECK(is(read.recording.groups->next->start_ms, 0));
}

static void the_layout_is_what_other_readers_expect(void)
{
    static const int16_t samples[20] = {1, 2, 3};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct waveform_channel channel = channel_of(WAVEFORM_S16, samples, 20, &arena);
    struct err err = {0};
    channel.rate_hz = 10;
    struct mfer_file file = file_of(&channel, 1, &arena);
    CHECK(mfer_write(&file, &(struct mfer_options){.preamble = "ECG"}, &out, &err));
    static const char expected[] = "\x40\x20MFR ECG                         "
                                   "\x01\x01\x00\x02\x03\x01\x00\x00\x03\x05UTF-8"
                                   "\x84\x01\x00\x08\x01\x01\x0B\x03\x00\x00\x0A"
                                   "\x0C\x03\x00\xF8\x7D\x04\x01\x0A\x0A\x01\x00"
                                   "\x05\x01\x01\x06\x01\x02\x3F\x00\x03\x09\x01\x02"
                                   "\x1E\x28\x00\x01\x00\x02\x00\x03";
    CHECK(out.len > sizeof expected &&
          memcmp(out.at, expected, sizeof expected - 1) == 0);
    CHECK(out.at[out.len - 2] == 0x80 && out.at[out.len - 1] == 0x00);
}

static void a_head_and_samples_are_a_file(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct err err = {0};
    struct mfer_file read = {0};
    struct waveform_channel channels[2] = {
        {.lead = TEXT("CM5"),
         .lead_code = 20,
         .rate_hz = 2,
         .unit = TEXT("V"),
         .scale = 1e-5,
         .sample_count = 6},
        {.lead = TEXT("NASA"),
         .lead_code = 31,
         .rate_hz = 1,
         .unit = TEXT("V"),
         .scale = 1e-5,
         .sample_count = 3},
    };
    struct mfer_file file = file_of(channels, 2, &arena);
    file.recording.groups->kind = WAVEFORM_LONG_TERM;
    file.recording.groups->label = TEXT("長時間心電図");
    CHECK(mfer_write_head(&file, &(struct mfer_options){0}, &out, &err));
    for (int second = 0; second < 3; second++) {
        const uint8_t bytes[] = {0, (uint8_t)(second * 2), 0, (uint8_t)(second * 2 + 1),
                                 1, (uint8_t)second};
        buf_put(&out, bytes, sizeof bytes);
    }
    buf_put(&out, MFER_END, 2);
    CHECK(mfer_read(buf_view(&out), &arena, &read, &err) && !read.findings.warnings);
    double number = 0;
    waveform_read(&read.recording.groups->channels[0], 5, 1, &number);
    CHECK(is(number, 5));
    waveform_read(&read.recording.groups->channels[1], 2, 1, &number);
    CHECK(is(number, 258) && read.recording.groups->kind == WAVEFORM_LONG_TERM);
}

static void nothing_is_not_written(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct err err = {0};
    struct waveform_channel channel = {.lead = TEXT("I")};
    struct mfer_file file = file_of(&channel, 1, &arena);
    CHECK(!mfer_write(&file, &(struct mfer_options){0}, &out, &err));
    CHECK(strcmp(err.code, "mfer_nothing") == 0);
    err_clear(&err);
    channel.sample_count = 5000000000;
    channel.rate_hz = 1;
    CHECK(!mfer_write_head(&file, &(struct mfer_options){0}, &out, &err));
    CHECK(strcmp(err.code, "mfer_too_large") == 0);
}

int main(void)
{
    RUN(every_type_comes_back_as_it_was);
    RUN(channels_that_differ_come_back_as_they_were);
    RUN(gaps_come_back_whatever_the_samples_are);
    RUN(a_gap_without_a_number_left_is_refused);
    RUN(random_recordings_come_back);
    RUN(person_and_words_come_back);
    RUN(groups_come_back_one_by_one);
    RUN(the_layout_is_what_other_readers_expect);
    RUN(a_head_and_samples_are_a_file);
    RUN(nothing_is_not_written);
    return test_done();
}
