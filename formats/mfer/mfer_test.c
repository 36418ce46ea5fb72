// SPDX-License-Identifier: Apache-2.0
#include "formats/mfer/mfer.h"

#include "base/test.h"

enum { ARENA_BYTES = 256 << 20 };

static bool is(double a, double b)
{
    return !(a < b) && !(a > b);
}

/* A file under construction. */
struct draft {
    struct arena arena;
    struct buf bytes;
    struct mfer_file file;
    struct err err;
};

static struct draft draft(void)
{
    return (struct draft){.arena = arena_init(ARENA_BYTES), .bytes = buf_init(1 << 20)};
}

static void draft_free(struct draft *draft)
{
    arena_free(&draft->arena);
    buf_free(&draft->bytes);
}

#define PUT(draft, literal) buf_put(&(draft)->bytes, literal, sizeof(literal) - 1)
#define HAS(draft, code) has_finding(&(draft)->file, code)

static bool read_draft(struct draft *draft)
{
    err_clear(&draft->err);
    bool is_read =
        mfer_read(buf_view(&draft->bytes), &draft->arena, &draft->file, &draft->err);
    CHECK(is_read == (draft->err.kind == ERR_NONE));
    return is_read;
}

static bool has_finding(const struct mfer_file *file, const char *code)
{
    for (const struct entry_warning *warning = file->findings.warnings; warning;
         warning = warning->next)
        if (strcmp(warning->code, code) == 0)
            return true;
    return false;
}

static size_t findings(const struct draft *draft)
{
    size_t count = 0;
    for (const struct entry_warning *warning = draft->file.findings.warnings; warning;
         warning = warning->next)
        count++;
    return count;
}

static const struct waveform_channel *channel_at(const struct draft *draft, size_t index)
{
    const struct waveform_group *group = draft->file.recording.groups;
    CHECK(group && index < group->channel_count);
    static const struct waveform_channel none;
    return group && index < group->channel_count ? &group->channels[index] : &none;
}

/* Sample `index` of a channel as stored; 1e9 for a gap. */
static double sample(const struct draft *draft, size_t channel, uint64_t index)
{
    double number = NAN;
    if (draft->file.recording.groups &&
        channel < draft->file.recording.groups->channel_count)
        waveform_read(channel_at(draft, channel), index, 1, &number);
    return isnan(number) ? 1e9 : number;
}

static bool is_gap(double number)
{
    return is(number, 1e9);
}

/* ------------------------------------------------------------------ the worked example
 */

/* Big endian, 10 s, three channels, two rates. */
static void put_example(struct draft *draft)
{
    PUT(draft, "\x01\x01\x00"
               "\x0B\x03\x01\xFD\x02"
               "\x0C\x03\x00\xFA\x05"
               "\x04\x02\x01\xF4"
               "\x05\x01\x03"
               "\x06\x01\x0A"
               "\x12\x02\x80\x00"
               "\x3F\x00\x03\x09\x01\x01"
               "\x3F\x01\x03\x09\x01\x02"
               "\x3F\x02\x80\x09\x01\xA0\x04\x01\x7D\x0B\x03\x01\xFD\x08\x0A\x01\x01\x00"
               "\x00"
               "\x1E\x82\x57\xE4");
    for (int s = 0; s < 10; s++) {
        for (int i = 0; i < 1000; i++) {
            int number = i < 500 ? s * 500 + i : -(s * 500 + i - 500);
            buf_byte(&draft->bytes, (uint8_t)(number >> 8));
            buf_byte(&draft->bytes, (uint8_t)number);
        }
        for (int i = 0; i < 125; i++) {
            int number = i == 7 ? 0x8000 : 40000 + s * 125 + i;
            buf_byte(&draft->bytes, (uint8_t)(number >> 8));
            buf_byte(&draft->bytes, (uint8_t)number);
        }
    }
    PUT(draft, "\x80\x00");
}

static void the_worked_example_is_three_channels_of_two_rates(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    put_example(&d);
    CHECK(mfer_detect(buf_view(&d.bytes)));
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(d.file.recording.group_count == 1);
    CHECK(text_is(channel_at(&d, 0)->lead, "I") &&
          text_is(channel_at(&d, 1)->lead, "II"));
    CHECK(text_is(channel_at(&d, 2)->lead, "呼吸"));
    CHECK(is(channel_at(&d, 0)->rate_hz, 500) && is(channel_at(&d, 2)->rate_hz, 125));
    CHECK(channel_at(&d, 0)->sample_count == 5000);
    CHECK(channel_at(&d, 2)->sample_count == 1250);
    CHECK(is(channel_at(&d, 1)->scale, 5e-6) && text_is(channel_at(&d, 1)->unit, "V"));
    CHECK(is(sample(&d, 0, 0), 0) && is(sample(&d, 0, 4999), 4999));
    CHECK(is(sample(&d, 1, 777), -777) && is(sample(&d, 2, 1249), 41249));
    CHECK(is_gap(sample(&d, 2, 7)) && is_gap(sample(&d, 2, 132)));
    CHECK(is(waveform_duration_ms(d.file.recording.groups), 10000));
    /* I and II are there, so the others are derived */
    CHECK(d.file.recording.groups->channel_count == 7);
    CHECK(text_is(channel_at(&d, 3)->lead, "III"));
    CHECK(is(sample(&d, 3, 100) * channel_at(&d, 3)->scale, -200 * 5e-6));
}

/* ------------------------------------------------------------------ byte order, lengths
 */

static void byte_order_may_change_any_number_of_times(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x01\x01\x01" /* little */
            "\x04\x02\x02\x00"
            "\x0B\x04\x00\x00\xFA\x00"
            "\x01\x01\x00" /* big */
            "\x05\x02\x00\x02"
            "\x01\x01\x01" /* little, as the samples are */
            "\x1E\x08\x01\x00\x02\x00\x03\x00\x04\x00"
            "\x01\x01\x00"
            "\x1E\x08\x00\x05\x00\x06\x00\x07\x00\x08");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(is(channel_at(&d, 0)->rate_hz, 250));
    CHECK(is(sample(&d, 0, 1), 2) && is(sample(&d, 1, 0), 3));
    /* the second frame is read in another order: a group of its own */
    const struct waveform_group *second = d.file.recording.groups->next;
    double number = 0;
    CHECK(second && d.file.recording.group_count == 2);
    if (second)
        waveform_read(&second->channels[1], 1, 1, &number);
    CHECK(is(number, 8) && second && is(second->start_ms, 8));
}

static void lengths_are_read_in_all_five_forms(void)
{
    static const char *const forms[] = {"\x16\x02hi", "\x16\x81\x02hi",
                                        "\x16\x82\x00\x02hi", "\x16\x83\x00\x00\x02hi",
                                        "\x16\x84\x00\x00\x00\x02hi"};
    static const size_t lens[] = {4, 5, 6, 7, 8};
    for (size_t i = 0; i < 5; i++) {
        CLEANUP(draft_free) struct draft d = draft();
        PUT(&d, "\x01\x01\x01"); /* lengths stay big endian */
        buf_put(&d.bytes, forms[i], lens[i]);
        PUT(&d, "\x1E\x84\x00\x00\x00\x02\x05\x00");
        CHECK(read_draft(&d) && findings(&d) == 0 && is(sample(&d, 0, 0), 5));
        CHECK(d.file.recording.statements &&
              text_is(d.file.recording.statements->text, "hi"));
    }
}

static void lengths_that_cannot_be_are_refused(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        size_t offset;
    } cases[] = {
        {"\x01\x01\x00\x16\x85\x00\x00\x00\x00\x02hi", 12, 3},
        {"\x05\x01\x01\x16\xFE", 5, 3},
        {"\x16\xFF\x00\x00", 4, 0},
        {"\x16\x80hi\x00\x00\x1E\x02\x00\x01", 10, 0}, /* only ATT and SET */
        {"\x1E\x80\x00\x01\x00\x00", 6, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(draft_free) struct draft d = draft();
        buf_put(&d.bytes, cases[i].bytes, cases[i].len);
        CHECK(!read_draft(&d) && d.err.kind == ERR_SYNTAX);
        CHECK(strcmp(d.err.code, "mfer_length_invalid") == 0);
        CHECK(d.err.offset == cases[i].offset && d.err.clause);
    }
}

static void a_broken_length_behind_a_frame_keeps_the_frame(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1E\x02\x00\x07\x16\x99");
    CHECK(read_draft(&d) && HAS(&d, "mfer_length_invalid") && is(sample(&d, 0, 0), 7));
}

static void the_end_may_lack_its_length(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1E\x02\x00\x07\x80");
    CHECK(read_draft(&d) && findings(&d) == 0);
    PUT(&d, "\x00\x1E\x02\x00\x08");
    CHECK(read_draft(&d) && HAS(&d, "mfer_behind_end"));
    CHECK(channel_at(&d, 0)->sample_count == 1);
}

static void padding_may_stand_between_definitions(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x00\x00\x00\x01\x01\x01\x00\x00\x00\x00\x00\x1E\x02\x07\x00\x00\x00");
    CHECK(read_draft(&d) && findings(&d) == 0 && is(sample(&d, 0, 0), 7));
}

static void a_missing_end_is_tolerated(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(is(channel_at(&d, 0)->rate_hz, 1000) && channel_at(&d, 0)->unit.len == 0);
}

/* ------------------------------------------------------------------ groups and channels
 */

static void groups_may_be_nested_and_of_unknown_length(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x67\x80"
            "\x05\x01\x02"
            "\x67\x06\x04\x01\x02\x0A\x01\x03"
            "\x3F\x01\x80\x09\x01\x04\x00\x00"
            "\x00\x00"
            "\x3F\x80\x00\x03\x09\x01\x03" /* channel 0 in two bytes */
            "\x1E\x04\x01\x02\x03\xFF");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(text_is(channel_at(&d, 0)->lead, "V1") &&
          text_is(channel_at(&d, 1)->lead, "V2"));
    CHECK(is(sample(&d, 0, 1), 2) && is(sample(&d, 1, 1), 255));
}

static void channels_that_there_are_not_are_passed_over(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x05\x01\x01"
            "\x3F\x01\x03\x09\x01\x02"
            "\x3F\x8F\xFF\xFF\xFF\x7F\x03\x09\x01\x02"
            "\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && HAS(&d, "mfer_channel_missing") && findings(&d) == 2);
    CHECK(text_is(channel_at(&d, 0)->lead, "ch1"));
}

static void a_channel_inside_a_channel_is_passed_over(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x05\x01\x02"
            "\x3F\x00\x80\x3F\x01\x80\x09\x01\x02\x00\x00\x09\x01\x01\x00\x00"
            "\x3F\x00\x03\x1E\x01\x02" /* a frame has no place there either */
            "\x1E\x04\x00\x07\x00\x08");
    CHECK(read_draft(&d) && HAS(&d, "mfer_channel_nested"));
    CHECK(HAS(&d, "mfer_not_of_channel"));
    CHECK(text_is(channel_at(&d, 0)->lead, "I") &&
          text_is(channel_at(&d, 1)->lead, "ch2"));
}

static void the_number_of_channels_forgets_their_attributes(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x05\x01\x01\x3F\x00\x03\x09\x01\x02"
            "\x05\x01\x01"
            "\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && text_is(channel_at(&d, 0)->lead, "ch1"));
}

static void the_parents_lead_is_the_first_channels(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x09\x04\x00\x03Vx\x05\x01\x02\x1E\x04\x00\x07\x00\x08");
    CHECK(read_draft(&d) && text_is(channel_at(&d, 0)->lead, "Vx"));
    CHECK(channel_at(&d, 0)->lead_code == 3 && text_is(channel_at(&d, 1)->lead, "ch2"));
}

static void an_empty_definition_is_taken_back(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x0A\x01\x01\x0D\x02\x00\x05\x05\x01\x02"
            "\x3F\x00\x08\x0A\x01\x00\x0A\x00\x0D\x01\x09"
            "\x3F\x01\x02\x0D\x00"
            "\x1E\x04\xFF\xFF\xFF\xFF");
    CHECK(read_draft(&d));
    CHECK(is(sample(&d, 0, 0), 65535)); /* the parent's type again */
    CHECK(is(channel_at(&d, 0)->offset, 9) && is(channel_at(&d, 1)->offset, 5));
}

static void a_group_without_end_is_said_so(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1E\x02\x00\x07\x67\x80\x09\x01\x02");
    CHECK(read_draft(&d) && HAS(&d, "mfer_group_open"));
}

static void unknown_tags_are_passed_over_by_their_length(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x55\x03\x1E\x02\x00\x90\x00\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && HAS(&d, "mfer_tag_unknown") && findings(&d) == 2);
    CHECK(is(sample(&d, 0, 0), 7));
}

/* ------------------------------------------------------------------ frames */

static void each_channel_has_its_own_block_and_type(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x05\x01\x03\x06\x01\x02"
            "\x3F\x00\x06\x04\x01\x02\x0A\x01\x05" /* 2 × s8 */
            "\x3F\x01\x03\x0A\x01\x02"             /* 1 × s32 */
            "\x3F\x02\x06\x04\x01\x01\x0A\x01\x07" /* 1 × float */
            "\x1E\x14"
            "\xFF\x02"
            "\x00\x00\x01\x00"
            "\x3F\xC0\x00\x00"
            "\x03\x04"
            "\xFF\xFF\xFF\xFE"
            "\x7F\x80\x00\x00");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(is(sample(&d, 0, 0), -1) && is(sample(&d, 0, 3), 4));
    CHECK(is(sample(&d, 1, 0), 256) && is(sample(&d, 1, 1), -2));
    CHECK(is(sample(&d, 2, 0), 1.5) && is_gap(sample(&d, 2, 1)));
}

static void a_channel_with_fewer_sequences_drops_out(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x0A\x01\x03\x05\x01\x03\x06\x01\x03"
            "\x3F\x01\x03\x06\x01\x01"
            "\x3F\x02\x03\x06\x01\x02"
            "\x1E\x06\x01\x0B\x15\x02\x16\x03");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(channel_at(&d, 0)->sample_count == 3 && channel_at(&d, 1)->sample_count == 1);
    CHECK(is(sample(&d, 0, 0), 1) && is(sample(&d, 0, 1), 2) && is(sample(&d, 0, 2), 3));
    CHECK(is(sample(&d, 1, 0), 11) && is(sample(&d, 2, 1), 22));
}

static void missing_samples_are_gaps(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x04\x01\x02\x05\x01\x02\x06\x01\x02\x1E\x0A"
            "\x00\x01\x00\x02\x00\x03\x00\x04\x00\x05");
    CHECK(read_draft(&d) && HAS(&d, "mfer_frame_short"));
    CHECK(channel_at(&d, 0)->sample_count == 4 && channel_at(&d, 1)->sample_count == 4);
    CHECK(is(sample(&d, 0, 2), 5) && is_gap(sample(&d, 0, 3)));
    CHECK(is(sample(&d, 1, 1), 4) && is_gap(sample(&d, 1, 2)));
}

static void samples_that_are_promised_without_end_are_not_believed(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x06\x04\xFF\xFF\xFF\xFF\x1E\x04\x00\x01\x00\x02");
    CHECK(read_draft(&d) && HAS(&d, "mfer_frame_short"));
    CHECK(channel_at(&d, 0)->sample_count == 2 + MFER_MISSING_MAX);
}

static void what_is_too_much_is_passed_over(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x06\x01\x01\x1E\x05\x00\x01\x00\x02\x00");
    CHECK(read_draft(&d) && HAS(&d, "mfer_frame_long"));
    CHECK(channel_at(&d, 0)->sample_count == 1);
}

static void a_file_that_is_cut_keeps_what_is_there(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x04\x01\x04\x1E\x08\x00\x01\x00\x02");
    CHECK(read_draft(&d) && HAS(&d, "mfer_cut") && HAS(&d, "mfer_frame_short"));
    CHECK(is(sample(&d, 0, 1), 2) && is_gap(sample(&d, 0, 2)));
}

static void frames_that_cannot_be_are_passed_over(void)
{
    static const char *const cases[] = {
        "\x04\x01\x00",             /* no sample in a block */
        "\x05\x01\x00",             /* no channel */
        "\x05\x02\x10\x01",         /* too many of them */
        "\x04\x04\x00\x10\x00\x01", /* a block far longer than the data */
        "\x04\x04\xFF\xFF\xFF\xFF",
        "\x0A\x01\x63", /* no such type */
    };
    static const size_t lens[] = {3, 3, 4, 6, 6, 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(draft_free) struct draft d = draft();
        buf_put(&d.bytes, cases[i], lens[i]);
        PUT(&d, "\x1E\x02\x00\x01");
        CHECK(!read_draft(&d) && strcmp(d.err.code, "mfer_frame_missing") == 0);
        /* the next one may be good */
        PUT(&d, "\x04\x01\x01\x05\x01\x01\x0A\x01\x00\x1E\x02\x00\x09");
        CHECK(read_draft(&d) && is(sample(&d, 0, 0), 9));
        CHECK(HAS(&d, "mfer_frame_invalid") || HAS(&d, "mfer_type_unknown"));
    }
}

static void frames_in_time_are_one_recording(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x0B\x03\x01\xFE\x01" /* 10 ms */
            "\x1E\x04\x00\x01\x00\x02"
            "\x1E\x04\x00\x03\x00\x04"
            "\x07\x01\x08" /* samples 4 to 7 are missing */
            "\x1E\x04\x00\x05\x00\x06");
    CHECK(read_draft(&d) && findings(&d) == 0 && d.file.recording.group_count == 1);
    CHECK(channel_at(&d, 0)->sample_count == 10);
    CHECK(is(sample(&d, 0, 3), 4) && is_gap(sample(&d, 0, 4)) &&
          is_gap(sample(&d, 0, 7)) && is(sample(&d, 0, 8), 5));
}

static void frames_over_each_other_stay_apart(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1E\x04\x00\x01\x00\x02\x07\x01\x01\x1E\x04\x00\x03\x00\x04"
            "\x07\x01\xFE\x1E\x02\x00\x05");
    CHECK(read_draft(&d) && d.file.recording.group_count == 3);
    CHECK(is(d.file.recording.groups->next->start_ms, 1));
    CHECK(is(d.file.recording.groups->next->next->start_ms, -2));
}

static void definitions_may_change_between_frames(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x08\x01\x01\x0C\x03\x00\xFA\x05\x1E\x04\x00\x01\x00\x02"
            "\x08\x01\x09\x1E\x04\x00\x03\x00\x04" /* a representative beat */
            "\x08\x01\x01\x0C\x04\x00\xFA\x00\xFA\x1E\x02\x00\x05"); /* another scale */
    CHECK(read_draft(&d) && d.file.recording.group_count == 3);
    const struct waveform_group *first = d.file.recording.groups;
    CHECK(first->kind == WAVEFORM_RHYTHM && text_is(first->label, "標準12誘導心電図"));
    CHECK(first->next->kind == WAVEFORM_REPRESENTATIVE);
    CHECK(text_is(first->next->label, "代表波形"));
    CHECK(is(first->next->next->channels[0].scale, 250e-6));
    CHECK(is(first->channels[0].scale, 5e-6));
}

static void compressed_samples_are_said_so_and_the_rest_is_read(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x0A\x01\x09\x1E\x03\x01\x01\x01\x0A\x01\x00\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && HAS(&d, "mfer_compressed"));
    CHECK(channel_at(&d, 0)->is_unsupported && channel_at(&d, 0)->run_count == 0);
    CHECK(d.file.recording.group_count == 2);
    CLEANUP(draft_free) struct draft c = draft();
    PUT(&c, "\x0E\x06\x00\x01\x00\x00\x10\x00\x1E\x02\x00\x07");
    CHECK(read_draft(&c) && HAS(&c, "mfer_compressed"));
    CHECK(channel_at(&c, 0)->is_unsupported && channel_at(&c, 0)->sample_count == 0);
}

/* ------------------------------------------------------------------ numbers */

static void rates_are_read_as_they_are_meant(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        double rate;
    } cases[] = {
        {"\x0B\x03\x01\xFD\x01", 5, 1000},    {"\x0B\x03\x01\xFD\x02", 5, 500},
        {"\x0B\x04\x00\x00\x00\xFA", 6, 250}, {"\x0B\x03\x00\x02\x0A", 5, 1000},
        {"\x0B\x03\x00\x00\xFA", 5, 0}, /* negative: −6 Hz */
        {"\x0B\x03\x02\x00\x01", 5, 0}, /* metres */
        {"\x0B\x03\x01\x00\x00", 5, 0}, /* no interval */
        {"\x0B\x02\x01\x00", 4, 1000},  /* cut: not said */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(draft_free) struct draft d = draft();
        buf_put(&d.bytes, cases[i].bytes, cases[i].len);
        PUT(&d, "\x1E\x02\x00\x07");
        CHECK(read_draft(&d) && is(channel_at(&d, 0)->rate_hz, cases[i].rate));
        CHECK(findings(&d) == (size_t)(i >= 4 && i != 5));
    }
}

static void a_scale_that_is_none_is_not_claimed(void)
{
    static const char *const cases[] = {"\x0C\x03\x63\x00\x01", "\x0C\x03\x00\x00\x00"};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(draft_free) struct draft d = draft();
        buf_put(&d.bytes, cases[i], 5);
        PUT(&d, "\x1E\x02\x00\x07");
        CHECK(read_draft(&d) && HAS(&d, "mfer_sensitivity_unknown"));
        CHECK(channel_at(&d, 0)->unit.len == 0 && is(channel_at(&d, 0)->scale, 1));
    }
}

static void offset_and_gap_have_the_samples_type(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x12\x02\xFF\xFF\x0D\x02\xFF\xF6\x0A\x01\x01" /* the type comes last */
            "\x0C\x03\x01\x00\x02\x1E\x04\xFF\xFF\x00\x14");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(is_gap(sample(&d, 0, 0)) && is(sample(&d, 0, 1), 20));
    CHECK(is(channel_at(&d, 0)->offset, 65526));
    CHECK(text_is(channel_at(&d, 0)->unit, "mmHg"));
    CLEANUP(draft_free) struct draft s = draft();
    PUT(&s, "\x12\x01\x80\x1E\x02\xFF\x80");
    CHECK(read_draft(&s) && HAS(&s, "mfer_value_length") && is_gap(sample(&s, 0, 0)));
}

/* ------------------------------------------------------------------ words */

static void the_person_is_read_in_the_character_set_in_force(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x03\x05UTF-8"
            "\x81\x1B"
            "紬^ツムギ^花^ハナ^^"
            "\x03\x08UTF-16LE\x82\x0C"
            "1\x00"
            "2\x00"
            "3\x00"
            "^\x00"
            "9\x00"
            "\x00\x00"
            "\x03\x00\x84\x01\x02"
            "\x83\x07\x28\x00\x05\x07\xC2\x03\x09"
            "\x85\x0B\x07\xEA\x0B\x1B\x0A\x0F\x1E\x00\xFA\x00\x00"
            "\x1E\x02\x00\x07");
    d.bytes.at[8] = (uint8_t)strlen("紬^ツムギ^花^ハナ^^");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(text_is(d.file.patient.name, "紬 花") &&
          text_is(d.file.patient.kana, "ツムギ ハナ"));
    CHECK(text_is(d.file.patient.id, "123") && d.file.patient.sex == 'F');
    CHECK(d.file.patient.birth_day == day_from_date(1986, 3, 9));
    CHECK(text_is(d.file.recording.start, "2026-11-27T10:15:30.250"));
    CHECK(d.file.recording.day == day_from_date(2026, 11, 27));
}

static void character_sets_are_compared_without_case_and_spaces(void)
{
    static const struct {
        const char *name;
        const char *bytes;
        const char *expected;
    } cases[] = {
        {"jis x 0201", "\xB6\xC5", "ｶﾅ"}, {"rfc1468", "\x1B$B;3\x1B(B", "山"},
        {"ISO 8859-1", "\xE9", "é"},      {"iso 8859", "\xE9", "é"},
        {"ISO 8859-2", "a\xB1", "aą"},    {"ISO 8859-5", "\xBF", "П"},
        {"ISO 8859-9", "\xFD", "ı"},      {"Utf-8", "é", "é"},
        {"ANSI X3.4", "plain", "plain"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(draft_free) struct draft d = draft();
        buf_byte(&d.bytes, 0x03);
        buf_byte(&d.bytes, (uint8_t)strlen(cases[i].name));
        buf_cstr(&d.bytes, cases[i].name);
        buf_byte(&d.bytes, 0x81);
        buf_byte(&d.bytes, (uint8_t)(strlen(cases[i].bytes) + 3));
        buf_cstr(&d.bytes, cases[i].bytes);
        PUT(&d, "  \x00\x1E\x02\x00\x07");
        CHECK(read_draft(&d) && findings(&d) == 0);
        CHECK(text_is(d.file.patient.name, cases[i].expected));
    }
}

static void wrong_character_sets_are_said_so(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x81\x02\x8E\x52\x1E\x02\x00\x07"); /* CP932, undeclared */
    CHECK(read_draft(&d) && HAS(&d, "charset_misdeclared"));
    CHECK(text_is(d.file.patient.name, "山"));
    CLEANUP(draft_free) struct draft u = draft();
    PUT(&u, "\x03\x06KLINGO\x81\x02\xC3\xA9\x1E\x02\x00\x07");
    CHECK(read_draft(&u) && HAS(&u, "mfer_charset_unknown"));
    CHECK(text_is(u.file.patient.name, "é"));
}

static void old_tags_mean_what_they_meant(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1A\x03"
            "Ann\x1B\x02"
            "77\x1C\x04\x07\xEA\x01\x02\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && HAS(&d, "mfer_old_tag"));
    CHECK(text_is(d.file.patient.name, "Ann") && text_is(d.file.patient.id, "77"));
    CHECK(text_is(d.file.recording.start, "2026-01-02"));
    PUT(&d, "\x82\x02"
            "88");
    CHECK(read_draft(&d) && text_is(d.file.patient.id, "88"));
    CHECK(d.file.patient.name.len == 0); /* then they mean something else */
}

static void events_are_annotations_or_about_the_whole(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x0B\x03\x01\xFD\x02"
            "\x41\x0D\x00\x07\x00\x00\x01\xF4\x00\x00\x00\x05VPC"
            "\x41\x0E\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00SR R"
            "\x15\x06\x12\x34\x00\x00\x00\x0A"
            "\x16\x04memo"
            "\x41\x01\x00"
            "\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && findings(&d) == 1 && HAS(&d, "mfer_value_length"));
    const struct waveform_annotation *note = d.file.recording.annotations;
    CHECK(d.file.recording.annotation_count == 2 && note->code == 7);
    CHECK(is(note->start_ms, 1000) && is(note->duration_ms, 10));
    CHECK(text_is(note->text, "VPC") && is(note->next->start_ms, 20));
    const struct waveform_statement *statement = d.file.recording.statements;
    CHECK(strcmp(statement->kind, "interpretation") == 0);
    CHECK(text_is(statement->text, "SR R") && text_is(statement->next->text, "memo"));
}

static void measured_values_have_names_leads_and_units(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x42\x0C\x80\x01\x00\x00\x00\x00"
            "72^bpm"
            "\x42\x0C\xE4\x07\x00\x00\x00\x00"
            "1.2^mV"
            "\x42\x07\x77\x77\x00\x00\x00\x00"
            "9"
            "\x42\x02\x80\x01"
            "\x1E\x02\x00\x07");
    CHECK(read_draft(&d) && HAS(&d, "mfer_value_length"));
    const struct waveform_value *value = d.file.recording.values;
    CHECK(text_is(value->name, "心拍数") && text_is(value->value, "72"));
    CHECK(text_is(value->unit, "bpm") && text_is(value->code, "32769"));
    CHECK(text_is(value->next->name, "R 振幅") && text_is(value->next->lead, "V5"));
    CHECK(text_is(value->next->next->name, "計測値 0x7777"));
}

static void filters_of_different_kinds_stand_beside_each_other(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x11\x08HPF=0.05\x11\x07LPF=100\x11\x07LPF=150\x05\x01\x02"
            "\x3F\x01\x08\x11\x06"
            "BEF=50"
            "\x1E\x04\x00\x07\x00\x07");
    CHECK(read_draft(&d) && findings(&d) == 0);
    CHECK(text_is(d.file.recording.filter, "HPF=0.05 LPF=150"));
    CHECK(text_is(channel_at(&d, 1)->filter, "BEF=50"));
}

/* ------------------------------------------------------------------ limits */

static void many_small_frames_cost_no_more_than_is_allowed(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x05\x02\x0F\xFF\x0A\x01\x03");
    /* frames of one byte, each with another scale: groups of 4,095 channels */
    for (int i = 1; i < 40; i++) {
        uint8_t bytes[] = {0x0C, 3, 0, 0xFA, (uint8_t)i, 0x1E, 1, 7};
        buf_put(&d.bytes, bytes, sizeof bytes);
    }
    CHECK(read_draft(&d) && HAS(&d, "mfer_too_many_frames"));
    CHECK(d.file.recording.group_count * 4095 <= MFER_CHANNELS_TOTAL_MAX);
    CHECK(findings(&d) <= MFER_FINDINGS_MAX + 1);
}

static void the_same_definitions_again_and_again_come_to_an_end(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x05\x02\x0F\xFF\x0A\x01\x03");
    for (int i = 0; i < 20000; i++)
        PUT(&d, "\x01\x01\x00\x1E\x01\x07"); /* frames of one byte, joined */
    CHECK(read_draft(&d) && HAS(&d, "mfer_too_many_frames"));
    CHECK(d.file.recording.group_count == 1 && channel_at(&d, 0)->run_count < 20000);
}

static void nesting_ends(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x1E\x02\x00\x07");
    for (int i = 0; i < 100000; i++)
        PUT(&d, "\x67\x80");
    CHECK(read_draft(&d) && HAS(&d, "mfer_too_deep"));
}

static void other_files_are_not_taken_for_one(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"MSH|^~\\&|H|S|G|R|20260401", 26},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         200},
        {"\x08\x00\x05\x00\x0A\x00\x00\x00ISO_IR 100\x08\x00\x08\x00", 22},
        {"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12},
        {"\x01\x01\x00\x05\x01\x02", 6},
        {"@ NOT A MFER FILE", 17},
        {"\x89PNG\r\n\x1A\n", 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK(!mfer_detect(span_of(cases[i].bytes, cases[i].len)));
    CHECK(mfer_detect(SPAN("\x40\x20MFR ECG                     ")));
    CHECK(mfer_detect(SPAN("\x40\x20MFER                        ")));
}

static void a_file_without_a_frame_is_refused(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    CHECK(!read_draft(&d) && strcmp(d.err.code, "mfer_frame_missing") == 0);
    PUT(&d, "\x01\x01\x00\x82\x02"
            "77\x1E\x00");
    CHECK(!read_draft(&d) && strcmp(d.err.code, "mfer_frame_missing") == 0 &&
          d.err.clause);
}

static void an_entry_says_what_was_recorded(void)
{
    CLEANUP(draft_free) struct draft d = draft();
    PUT(&d, "\x08\x01\x01\x85\x07\x07\xEA\x0B\x1B\x0A\x0F\x1E");
    put_example(&d);
    struct entry_list list = {0};
    CHECK(read_draft(&d) && mfer_list(&d.file, &d.arena, &list, &d.err));
    CHECK(list.count == 1 && list.first->kind == ENTRY_PHYSIOLOGY);
    CHECK(list.first->flags == ENTRY_HAS_WAVEFORM);
    CHECK(text_is(list.first->title, "標準12誘導心電図"));
    CHECK(text_is(list.first->time, "2026-11-27T10:15"));
    CHECK(list.first->day == day_from_date(2026, 11, 27));
    const struct entry_item *item = list.first->items;
    CHECK(item && strcmp(item->type, "recording") == 0);
    CHECK(item && text_is(item->fields[1].value, "I II 呼吸 III aVR aVL aVF"));
    CHECK(item && text_is(item->fields[2].value, "500 Hz, 125 Hz"));
    CHECK(item && text_is(item->fields[3].value, "10 秒"));
}

int main(void)
{
    RUN(the_worked_example_is_three_channels_of_two_rates);
    RUN(byte_order_may_change_any_number_of_times);
    RUN(lengths_are_read_in_all_five_forms);
    RUN(lengths_that_cannot_be_are_refused);
    RUN(a_broken_length_behind_a_frame_keeps_the_frame);
    RUN(the_end_may_lack_its_length);
    RUN(padding_may_stand_between_definitions);
    RUN(a_missing_end_is_tolerated);
    RUN(groups_may_be_nested_and_of_unknown_length);
    RUN(channels_that_there_are_not_are_passed_over);
    RUN(a_channel_inside_a_channel_is_passed_over);
    RUN(the_number_of_channels_forgets_their_attributes);
    RUN(the_parents_lead_is_the_first_channels);
    RUN(an_empty_definition_is_taken_back);
    RUN(a_group_without_end_is_said_so);
    RUN(unknown_tags_are_passed_over_by_their_length);
    RUN(each_channel_has_its_own_block_and_type);
    RUN(a_channel_with_fewer_sequences_drops_out);
    RUN(missing_samples_are_gaps);
    RUN(samples_that_are_promised_without_end_are_not_believed);
    RUN(what_is_too_much_is_passed_over);
    RUN(a_file_that_is_cut_keeps_what_is_there);
    RUN(frames_that_cannot_be_are_passed_over);
    RUN(frames_in_time_are_one_recording);
    RUN(frames_over_each_other_stay_apart);
    RUN(definitions_may_change_between_frames);
    RUN(compressed_samples_are_said_so_and_the_rest_is_read);
    RUN(rates_are_read_as_they_are_meant);
    RUN(a_scale_that_is_none_is_not_claimed);
    RUN(offset_and_gap_have_the_samples_type);
    RUN(the_person_is_read_in_the_character_set_in_force);
    RUN(character_sets_are_compared_without_case_and_spaces);
    RUN(wrong_character_sets_are_said_so);
    RUN(old_tags_mean_what_they_meant);
    RUN(events_are_annotations_or_about_the_whole);
    RUN(measured_values_have_names_leads_and_units);
    RUN(filters_of_different_kinds_stand_beside_each_other);
    RUN(many_small_frames_cost_no_more_than_is_allowed);
    RUN(the_same_definitions_again_and_again_come_to_an_end);
    RUN(nesting_ends);
    RUN(other_files_are_not_taken_for_one);
    RUN(a_file_without_a_frame_is_refused);
    RUN(an_entry_says_what_was_recorded);
    return test_done();
}
