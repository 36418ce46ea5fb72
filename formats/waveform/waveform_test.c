// SPDX-License-Identifier: Apache-2.0
#include "formats/waveform/waveform.h"

#include <stdlib.h>

#include "base/test.h"

enum { RATE = 500, TEN_SECONDS = 5000, ARENA_BYTES = 8 << 20 };

/* One channel over `numbers`, whole. */
static struct waveform_channel channel_of(const int16_t *numbers, size_t count,
                                          struct arena *arena)
{
    struct err err = {0};
    struct waveform_channel channel = {
        .lead = TEXT("I"),
        .lead_code = 1,
        .type = WAVEFORM_S16,
        .is_little_endian = true,
        .rate_hz = RATE,
        .unit = TEXT("V"),
        .scale = 5e-6,
        .has_gap = true,
        .gap = -32768,
        .sample_count = count,
    };
    struct waveform_run run = {.count = count,
                               .at = (const uint8_t *)numbers,
                               .stride_bytes = count * 2,
                               .block_count = count};
    CHECK(waveform_add_run(&channel, &run, arena, &err));
    return channel;
}

static bool is(double a, double b)
{
    return !(a < b) && !(a > b);
}

static void blocks_at_a_distance_are_read_in_order(void)
{
    /* two channels of three samples, interleaved in blocks, the second is looked at */
    static const uint8_t bytes[] = {0, 1, 0, 2, 0, 3, 0xFF, 0xFE, 0, 10, 0, 11,
                                    0, 4, 0, 5, 0, 6, 0,    12,   0, 13, 0, 14};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct waveform_channel channel = channel_of(NULL, 6, &arena);
    channel.is_little_endian = false;
    channel.runs[0] = (struct waveform_run){
        .count = 6, .at = bytes + 6, .stride_bytes = 12, .block_count = 3};
    double numbers[8];
    waveform_read(&channel, 0, 8, numbers);
    static const double expected[] = {-2, 10, 11, 12, 13, 14};
    for (size_t i = 0; i < 6; i++)
        CHECK(is(numbers[i], expected[i]));
    CHECK(isnan(numbers[6]) && isnan(numbers[7]));
    waveform_read(&channel, 2, 2, numbers);
    CHECK(is(numbers[0], 11) && is(numbers[1], 12));
}

static void every_type_is_read_in_both_orders(void)
{
    static const struct {
        enum waveform_type type;
        uint8_t big[8];
        double expected;
    } cases[] = {
        {WAVEFORM_S16, {0xFF, 0xFE}, -2},
        {WAVEFORM_U16, {0xFF, 0xFE}, 65534},
        {WAVEFORM_S32, {0xFF, 0xFF, 0xFF, 0xFD}, -3},
        {WAVEFORM_U32, {0xFF, 0xFF, 0xFF, 0xFD}, 4294967293.0},
        {WAVEFORM_S8, {0x80}, -128},
        {WAVEFORM_U8, {0x80}, 128},
        {WAVEFORM_F32, {0xC0, 0x20, 0, 0}, -2.5},
        {WAVEFORM_F64, {0xC0, 0x04, 0, 0, 0, 0, 0, 0}, -2.5},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct waveform_channel channel = {.type = cases[i].type};
        size_t size = waveform_type_bytes(cases[i].type);
        uint8_t little[8];
        for (size_t k = 0; k < size; k++)
            little[k] = cases[i].big[size - 1 - k];
        CHECK(is(waveform_number(&channel, cases[i].big), cases[i].expected));
        channel.is_little_endian = true;
        CHECK(is(waveform_number(&channel, little), cases[i].expected));
        channel.has_gap = true;
        channel.gap = cases[i].expected;
        CHECK(isnan(waveform_number(&channel, little)));
    }
}

static void what_is_not_a_number_is_a_gap(void)
{
    static const uint8_t infinite[] = {0x7F, 0x80, 0, 0};
    static const uint8_t nothing[] = {0x7F, 0xF8, 0, 0, 0, 0, 0, 1};
    struct waveform_channel channel = {.type = WAVEFORM_F32};
    CHECK(isnan(waveform_number(&channel, infinite)));
    channel.type = WAVEFORM_F64;
    CHECK(isnan(waveform_number(&channel, nothing)));
}

static void between_two_runs_lies_a_gap(void)
{
    static const int16_t numbers[] = {1, 2, 3, 4};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    struct waveform_channel channel = channel_of(numbers, 2, &arena);
    struct waveform_run later = {.start = 1000000000000,
                                 .count = 2,
                                 .at = (const uint8_t *)(numbers + 2),
                                 .stride_bytes = 4,
                                 .block_count = 2};
    CHECK(waveform_add_run(&channel, &later, &arena, &err));
    channel.sample_count = 1000000000002;
    double read[4];
    double low = 0;
    double high = 0;
    waveform_read(&channel, 1000000000000 - 2, 4, read);
    CHECK(isnan(read[0]) && isnan(read[1]) && is(read[2], 3) && is(read[3], 4));
    /* a range of a million million samples costs the four that there are */
    waveform_extremes(&channel, 0, channel.sample_count, &low, &high);
    CHECK(is(low, 1) && is(high, 4));
    waveform_extremes(&channel, 2, 1000, &low, &high);
    CHECK(isnan(low) && isnan(high));
}

static void no_spike_is_lost_and_no_gap_is_a_value(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    static int16_t numbers[TEN_SECONDS];
    for (size_t i = 0; i < TEN_SECONDS; i++)
        numbers[i] = (int16_t)(i % 7);
    numbers[1234] = 2000;
    numbers[1300] = -32768;
    numbers[3000] = -1500;
    struct waveform_channel channel = channel_of(numbers, TEN_SECONDS, &arena);
    double low = 0;
    double high = 0;
    waveform_extremes(&channel, 1200, 100, &low, &high);
    CHECK(is(low, 0) && is(high, 2000));
    waveform_extremes(&channel, 1235, 100, &low, &high);
    CHECK(is(low, 0) && is(high, 6));
    waveform_extremes(&channel, 1300, 1, &low, &high);
    CHECK(isnan(low) && isnan(high));
    waveform_extremes(&channel, 0, TEN_SECONDS, &low, &high);
    CHECK(is(low, -1500) && is(high, 2000));
    channel.type = WAVEFORM_U16; /* the same bytes */
    channel.gap = 65535;
    waveform_extremes(&channel, 2999, 2, &low, &high);
    CHECK(is(low, 3) && is(high, 64036));
}

static struct waveform_group two_leads(const int16_t *first, const int16_t *second,
                                       size_t count, struct arena *arena)
{
    struct err err = {0};
    struct waveform_channel *channels =
        ARENA_MANY(arena, struct waveform_channel, 2, &err);
    channels[0] = channel_of(first, count, arena);
    channels[1] = channel_of(second, count, arena);
    channels[1].lead = TEXT("II");
    channels[1].lead_code = 2;
    return (struct waveform_group){
        .label = TEXT("標準12誘導心電図"), .channels = channels, .channel_count = 2};
}

static double physical_of(const struct waveform_group *group, const char *lead,
                          uint64_t sample)
{
    for (size_t i = 0; i < group->channel_count; i++) {
        const struct waveform_channel *channel = &group->channels[i];
        double number = NAN;
        if (!text_is(channel->lead, lead))
            continue;
        waveform_read(channel, sample, 1, &number);
        return (number + channel->offset) * channel->scale * 1e6;
    }
    return INFINITY;
}

static void derived_leads_are_einthovens(void)
{
    static const int16_t first[] = {100, 101, -32768, 7};
    static const int16_t second[] = {300, -50, 10, -32768};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    struct waveform_group group = two_leads(first, second, 4, &arena);
    CHECK(waveform_derive(&group, &arena, &err));
    CHECK(group.channel_count == 6);
    CHECK(is(round(physical_of(&group, "III", 0)), 1000));
    CHECK(is(round(physical_of(&group, "aVR", 0)), -1000));
    CHECK(is(round(physical_of(&group, "aVL", 0)), -250));
    CHECK(is(round(physical_of(&group, "aVF", 0)), 1250));
    /* halves stay: -(101 - 50) / 2 × 5 µV */
    CHECK(is(round(physical_of(&group, "aVR", 1) * 10), -1275));
    CHECK(isnan(physical_of(&group, "III", 2)) && isnan(physical_of(&group, "aVF", 3)));
    double low = 0;
    double high = 0;
    waveform_extremes(&group.channels[2], 0, 4, &low, &high);
    CHECK(is(round(high * group.channels[2].scale * 1e6), 1000));
    CHECK(is(round(low * group.channels[2].scale * 1e6), -755));
    CHECK(waveform_derive(&group, &arena, &err) && group.channel_count == 6);
}

static void leads_are_not_derived_of_what_does_not_fit(void)
{
    static const int16_t numbers[] = {1, 2, 3, 4};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    struct waveform_group group = two_leads(numbers, numbers, 4, &arena);
    group.channels[1].rate_hz = 250;
    CHECK(waveform_derive(&group, &arena, &err) && group.channel_count == 2);
    group.channels[1].rate_hz = RATE;
    group.channels[1].sample_count = 3;
    CHECK(waveform_derive(&group, &arena, &err) && group.channel_count == 2);
    group.channels[1].sample_count = 4;
    group.channels[1].unit = TEXT("");
    CHECK(waveform_derive(&group, &arena, &err) && group.channel_count == 2);
    group.channels[1].unit = TEXT("V");
    group.channels[1].lead_code = 3;
    CHECK(waveform_derive(&group, &arena, &err) && group.channel_count == 2);
}

/* ------------------------------------------------------------------ the wire */

struct answer {
    struct json_document *line;
    const struct json_value *root;
    struct span samples;
};

static struct answer ask(const struct waveform_recording *recording,
                         struct waveform_wish wish, struct buf *out)
{
    struct err err = {0};
    buf_reset(out);
    CHECK(waveform_write(recording, &wish, out, &err));
    const uint8_t *end = memchr(out->at, '\n', out->len);
    size_t len = end ? (size_t)(end - out->at) : 0;
    struct answer answer = {.line = json_parse(span_of(out->at, len), &err)};
    CHECK(answer.line && (len + 1) % 2 == 0);
    answer.root = json_root(answer.line);
    answer.samples = span_of(out->at + len + 1, out->len - len - 1);
    return answer;
}

static int16_t word_at(struct span samples, size_t index)
{
    return (int16_t)(samples.at[index * 2] | samples.at[index * 2 + 1] << 8);
}

static int64_t int_of(const struct json_value *object, const char *key)
{
    int64_t value = -1;
    struct err err = {0};
    CHECK(json_take_int(object, key, INT64_MIN, INT64_MAX, &value, &err));
    return value;
}

static void a_short_range_is_sent_sample_by_sample(void)
{
    static int16_t numbers[TEN_SECONDS];
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    for (size_t i = 0; i < TEN_SECONDS; i++)
        numbers[i] = (int16_t)(i == 1010 ? -32768 : (int)i - 2500);
    struct waveform_group group = two_leads(numbers, numbers, TEN_SECONDS, &arena);
    struct waveform_recording recording = {.groups = &group, .group_count = 1};
    struct answer answer =
        ask(&recording, (struct waveform_wish){.from_ms = 2000, .to_ms = 2100}, &out);
    CLEANUP(json_free_at) struct json_document *line = answer.line;
    CHECK(line != NULL);
    const struct json_value *leads = json_member(answer.root, "leads");
    CHECK(json_count(leads) == 2 && answer.samples.len == 2 * 50 * 2);
    CHECK(int_of(json_item(leads, 0), "first") == 1000);
    CHECK(int_of(json_item(leads, 0), "count") == 50);
    CHECK(word_at(answer.samples, 0) == 1000 - 2500);
    CHECK(word_at(answer.samples, 10) == WAVEFORM_GAP);
    CHECK(word_at(answer.samples, 50 + 11) == 1011 - 2500);
    CHECK(memmem(out.at, out.len, "\"unit_per_bit\":5e-06", 20));
}

static void a_long_range_is_sent_by_columns(void)
{
    static int16_t numbers[TEN_SECONDS];
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    memset(numbers, 0, sizeof numbers);
    numbers[4321] = 900;
    for (size_t i = 100; i < 150; i++)
        numbers[i] = -32768;
    struct waveform_group group = two_leads(numbers, numbers, TEN_SECONDS, &arena);
    struct waveform_recording recording = {.groups = &group, .group_count = 1};
    struct answer answer = ask(&recording, (struct waveform_wish){.columns = 100}, &out);
    CLEANUP(json_free_at) struct json_document *line = answer.line;
    CHECK(line != NULL);
    const struct json_value *lead = json_item(json_member(answer.root, "leads"), 0);
    CHECK(int_of(lead, "count") == 100 && int_of(lead, "span") == TEN_SECONDS);
    CHECK(answer.samples.len == 2 * 100 * 2 * 2);
    CHECK(word_at(answer.samples, 86 * 2) == 0);
    CHECK(word_at(answer.samples, 86 * 2 + 1) == 900);
    CHECK(word_at(answer.samples, 2 * 2) == WAVEFORM_GAP);
    CHECK(word_at(answer.samples, 87 * 2 + 1) == 0);
    /* nearer by, every sample is worth its bytes */
    struct answer near =
        ask(&recording, (struct waveform_wish){.to_ms = 300, .columns = 100}, &out);
    CLEANUP(json_free_at) struct json_document *other = near.line;
    CHECK(other != NULL);
    CHECK(near.samples.len == 2 * 150 * 2);
}

static void numbers_that_do_not_fit_are_scaled(void)
{
    static int32_t numbers[] = {-2000000, 0, 1000000, 2000000};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct waveform_channel channel = channel_of(NULL, 4, &arena);
    channel.type = WAVEFORM_S32;
    channel.scale = 1e-9;
    channel.has_gap = false;
    channel.runs[0].at = (const uint8_t *)numbers;
    channel.runs[0].stride_bytes = sizeof numbers;
    struct waveform_group group = {.channels = &channel, .channel_count = 1};
    struct waveform_recording recording = {.groups = &group, .group_count = 1};
    struct answer answer = ask(&recording, (struct waveform_wish){0}, &out);
    CLEANUP(json_free_at) struct json_document *line = answer.line;
    CHECK(line != NULL);
    const char *key = memmem(out.at, out.len, "\"unit_per_bit\":", 15);
    CHECK(key != NULL);
    double unit = strtod(key + 15, NULL);
    for (size_t i = 0; i < 4; i++) {
        double sent = word_at(answer.samples, i) * unit;
        CHECK(fabs(sent - numbers[i] * 1e-9) < unit);
    }
    CHECK(word_at(answer.samples, 3) - word_at(answer.samples, 0) > 60000);
}

static void wishes_that_cannot_be_met_are_refused(void)
{
    static const int16_t numbers[] = {1};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct waveform_channel channel = channel_of(numbers, 1, &arena);
    struct waveform_group group = {.channels = &channel, .channel_count = 1};
    struct waveform_recording recording = {.groups = &group, .group_count = 1};
    static const struct {
        struct waveform_wish wish;
        const char *code;
    } cases[] = {
        {{.group = 1}, "waveform_no_group"},
        {{.from_ms = 10, .to_ms = 10}, "waveform_range"},
        {{.columns = 8193}, "waveform_columns"},
        {{.group = 0}, "waveform_range_long"},
    };
    channel.sample_count = 1000000000000;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        CHECK(!waveform_write(&recording, &cases[i].wish, &out, &err));
        CHECK(strcmp(err.code, cases[i].code) == 0);
        CHECK(out.len == 0);
    }
    /* what is missing has columns, too */
    struct answer answer = ask(&recording, (struct waveform_wish){.columns = 10}, &out);
    CLEANUP(json_free_at) struct json_document *line = answer.line;
    CHECK(line != NULL);
    CHECK(word_at(answer.samples, 0) == 1 && word_at(answer.samples, 2) == WAVEFORM_GAP);
}

static void annotations_are_told_with_their_range(void)
{
    static int16_t numbers[TEN_SECONDS];
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct waveform_channel channel = channel_of(numbers, TEN_SECONDS, &arena);
    struct waveform_group group = {.channels = &channel, .channel_count = 1};
    struct waveform_annotation late = {.start_ms = 9000, .text = TEXT("VPC")};
    struct waveform_annotation early = {
        .start_ms = 500, .duration_ms = 1000, .text = TEXT("AF"), .next = &late};
    struct waveform_recording recording = {
        .groups = &group, .group_count = 1, .annotations = &early, .annotation_count = 2};
    struct answer answer =
        ask(&recording, (struct waveform_wish){.from_ms = 1000, .to_ms = 2000}, &out);
    CLEANUP(json_free_at) struct json_document *line = answer.line;
    CHECK(line != NULL);
    const struct json_value *notes = json_member(answer.root, "annotations");
    CHECK(json_count(notes) == 1 && int_of(json_item(notes, 0), "duration_ms") == 1000);
}

static void leads_have_the_same_numbers_everywhere(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    struct text name = {0};
    CHECK(text_is(waveform_lead_name(61), "III") && text_is(waveform_lead_name(3), "V1"));
    CHECK(waveform_lead_code(TEXT("aVF")) == 64 && waveform_lead_code(TEXT("?")) == 0);
    CHECK(waveform_name_lead(999, &arena, &name, &err) && text_is(name, "誘導 999"));
    CHECK(waveform_name_lead(0xC001, &arena, &name, &err) &&
          text_is(name, "誘導 0xC001"));
}

int main(void)
{
    RUN(blocks_at_a_distance_are_read_in_order);
    RUN(every_type_is_read_in_both_orders);
    RUN(what_is_not_a_number_is_a_gap);
    RUN(between_two_runs_lies_a_gap);
    RUN(no_spike_is_lost_and_no_gap_is_a_value);
    RUN(derived_leads_are_einthovens);
    RUN(leads_are_not_derived_of_what_does_not_fit);
    RUN(a_short_range_is_sent_sample_by_sample);
    RUN(a_long_range_is_sent_by_columns);
    RUN(numbers_that_do_not_fit_are_scaled);
    RUN(wishes_that_cannot_be_met_are_refused);
    RUN(annotations_are_told_with_their_range);
    RUN(leads_have_the_same_numbers_everywhere);
    return test_done();
}
