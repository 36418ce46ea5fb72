// SPDX-License-Identifier: Apache-2.0
/* WAV: what the definitions in force make of the bytes. Channels become views on them. */
#include <stdio.h>

#include "formats/mfer/mfer_reader.h"

enum { SPARE_BYTES = 1 << 20, STATUS_DTP = 4, REPRESENTATIVE = 9, DEFAULT_HZ = 1000 };
/* Channels looked at in all frames together. */
static const uint64_t WORK_MAX = (uint64_t)1 << 24;
static const double SAMPLES_MAX = 9007199254740992.0; /* 2^53 */

struct frame {
    const struct mfer_item *item;
    struct span data;
    struct waveform_group *group;
    uint64_t sequence; /* read so far */
    size_t at;
    bool is_short;
};

/* ------------------------------------------------------------------ definitions */

static struct mfer_words effective(const struct mfer_reader *reader, uint32_t channel)
{
    const struct mfer_words *parent = &reader->parent;
    struct mfer_words words = *parent;
    if (channel > 0) /* the parent's lead is the first channel's */
        words.has &= ~(unsigned)MFER_HAS_LDN;
    if (channel >= reader->channel_words)
        return words;
    const struct mfer_words *own = &reader->channels[channel];
    if (own->has & MFER_HAS_BLK)
        words.blk = own->blk;
    if (own->has & MFER_HAS_SEQ)
        words.seq = own->seq;
    if (own->has & MFER_HAS_DTP)
        words.dtp = own->dtp;
    if (own->has & MFER_HAS_IVL)
        words.rate_hz = own->rate_hz;
    if (own->has & MFER_HAS_OFF)
        words.off = own->off;
    if (own->has & MFER_HAS_NUL)
        words.nul = own->nul;
    if (own->has & MFER_HAS_SEN) {
        words.sen = own->sen;
        words.sen_unit = own->sen_unit;
    }
    if (own->has & MFER_HAS_LDN) {
        words.ldn = own->ldn;
        words.ldn_text = own->ldn_text;
    }
    if (own->has & MFER_HAS_WFM) {
        words.wfm = own->wfm;
        words.wfm_text = own->wfm_text;
    }
    words.has |= own->has;
    if (own->filters[0].len > 0)
        memcpy(words.filters, own->filters, sizeof words.filters);
    return words;
}

static bool take_type(uint32_t dtp, enum waveform_type *type)
{
    static const enum waveform_type types[] = {
        WAVEFORM_S16, WAVEFORM_U16, WAVEFORM_S32, WAVEFORM_U8,  WAVEFORM_U16,
        WAVEFORM_S8,  WAVEFORM_U32, WAVEFORM_F32, WAVEFORM_F64, WAVEFORM_S8,
    };
    if (dtp >= sizeof(types) / sizeof(types[0]))
        return false;
    *type = types[dtp];
    return true;
}

/* OFF and NUL have the type of the samples; other lengths of whole numbers are taken as
 * what they are. */
static bool take_number(struct mfer_reader *reader, const struct mfer_raw *raw,
                        enum waveform_type type, size_t offset, double *number)
{
    struct mfer_reader view = {.is_little_endian = raw->is_little_endian};
    size_t len = raw->bytes.len;
    struct waveform_channel channel = {.type = type,
                                       .is_little_endian = raw->is_little_endian};
    if (len == waveform_type_bytes(type)) {
        *number = waveform_number(&channel, raw->bytes.at);
        return !isnan(*number);
    }
    mfer_find(reader, "mfer_value_length", offset,
              TEXT("オフセット（OFF）か欠損値（NUL）の長さがデータ型と違います"));
    bool is_signed = type == WAVEFORM_S16 || type == WAVEFORM_S32 || type == WAVEFORM_S8;
    int32_t with_sign = 0;
    uint32_t without = 0;
    if (waveform_type_is_float(type) || !mfer_unsigned(&view, raw->bytes, &without) ||
        !mfer_signed(&view, raw->bytes, &with_sign))
        return false;
    *number = is_signed ? (double)with_sign : (double)without;
    return true;
}

static struct text filters_of(struct mfer_reader *reader, const struct mfer_words *words)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 19);
    struct span copy = {0};
    if (words->filters[1].len == 0)
        return words->filters[0];
    for (size_t i = 0; i < MFER_FILTERS_MAX && words->filters[i].len > 0; i++) {
        buf_cstr(&out, i > 0 ? " " : "");
        buf_text(&out, words->filters[i]);
    }
    if (!buf_to_arena(&out, reader->arena, &copy, reader->err))
        return (struct text){0};
    return (struct text){(const char *)copy.at, copy.len};
}

static void name_channel(struct mfer_reader *reader, const struct mfer_words *words,
                         uint32_t index, struct waveform_channel *channel)
{
    bool has_lead = words->has & MFER_HAS_LDN;
    channel->lead_code = has_lead ? words->ldn : 0;
    channel->lead = has_lead ? words->ldn_text : (struct text){0};
    if (channel->lead.len > 0)
        return;
    if (has_lead) {
        (void)!waveform_name_lead(words->ldn, reader->arena, &channel->lead, reader->err);
        return;
    }
    char counted[24];
    int len = snprintf(counted, sizeof counted, "ch%u", (unsigned)index + 1);
    (void)!text_copy((struct text){counted, (size_t)len}, reader->arena, &channel->lead,
                     reader->err);
}

static bool plan_channel(struct mfer_reader *reader, uint32_t index, size_t offset)
{
    struct mfer_words words = effective(reader, index);
    struct mfer_plan *plan = &reader->layout.plans[index];
    struct waveform_channel *channel = &reader->layout.channels[index];
    uint32_t dtp = words.has & MFER_HAS_DTP ? words.dtp : 0;
    *channel = (struct waveform_channel){.is_little_endian = reader->is_little_endian,
                                         .loader = reader->loader};
    if (!take_type(dtp, &channel->type)) {
        mfer_find(reader, "mfer_type_unknown", offset,
                  TEXT("データ型（DTP）が規格の値ではないため、フレームを読めません"));
        return false;
    }
    *plan = (struct mfer_plan){
        .type_bytes = waveform_type_bytes(channel->type),
        .block_count = words.has & MFER_HAS_BLK ? words.blk : 1,
        .sequence_count = words.has & MFER_HAS_SEQ ? words.seq : 0,
    };
    channel->is_unsupported = reader->compression != 0 || dtp == MFER_DTP_DIFFERENCE;
    channel->rate_hz = words.has & MFER_HAS_IVL ? words.rate_hz : DEFAULT_HZ;
    bool has_scale = words.has & MFER_HAS_SEN && fabs(words.sen) > 0 && dtp != STATUS_DTP;
    channel->scale = has_scale ? words.sen : 1;
    channel->unit = has_scale ? mfer_unit(words.sen_unit) : (struct text){0};
    channel->has_gap =
        words.has & MFER_HAS_NUL &&
        take_number(reader, &words.nul, channel->type, offset, &channel->gap);
    if (words.has & MFER_HAS_OFF &&
        !take_number(reader, &words.off, channel->type, offset, &channel->offset))
        channel->offset = 0;
    name_channel(reader, &words, index, channel);
    if (mfer_is_good(reader))
        channel->filter = filters_of(reader, &words);
    return mfer_is_good(reader);
}

static void plan_kind(struct mfer_reader *reader)
{
    struct mfer_layout *layout = &reader->layout;
    struct mfer_words words = effective(reader, 0);
    uint32_t wfm = words.has & MFER_HAS_WFM ? words.wfm : 0;
    bool is_long = wfm == 2 || wfm == 20 || wfm == 43;
    layout->kind = wfm == REPRESENTATIVE ? WAVEFORM_REPRESENTATIVE
                   : is_long             ? WAVEFORM_LONG_TERM
                                         : WAVEFORM_RHYTHM;
    layout->label =
        wfm > 0 && words.wfm_text.len > 0 ? words.wfm_text : mfer_wave_name(wfm);
}

/* One record: one block of each channel. */
static bool check_record(struct mfer_reader *reader, const struct frame *frame)
{
    const struct mfer_layout *layout = &reader->layout;
    uint64_t record = 0;
    bool is_valid = true;
    for (uint32_t i = 0; i < layout->count && is_valid; i++) {
        uint64_t size = 0;
        is_valid = layout->plans[i].block_count > 0 &&
                   !__builtin_mul_overflow(layout->plans[i].block_count,
                                           layout->plans[i].type_bytes, &size) &&
                   !__builtin_add_overflow(record, size, &record);
    }
    if (is_valid && record <= frame->data.len + (uint64_t)SPARE_BYTES)
        return true;
    mfer_find(reader, "mfer_frame_invalid", frame->item->offset,
              TEXT("1ブロックの長さがデータに合わないため、フレームを読めません"));
    return false;
}

static bool plan_frame(struct mfer_reader *reader, const struct frame *frame)
{
    struct mfer_layout *layout = &reader->layout;
    uint32_t count = reader->channel_count;
    layout->is_valid = false;
    reader->is_changed = false;
    layout->count = 0;
    if (count == 0 || count > MFER_CHANNELS_MAX) {
        mfer_find(reader, "mfer_frame_invalid", frame->item->offset,
                  TEXT("チャネル数（CHN）が0か、上限を超えるため、フレームを読めません"));
        return false;
    }
    layout->plans = arena_grow(reader->arena, layout->plans, 0, count,
                               sizeof *layout->plans, &layout->plan_room, reader->err);
    if (!layout->plans)
        return false;
    layout->channels =
        arena_grow(reader->arena, layout->channels, 0, count, sizeof *layout->channels,
                   &layout->channel_room, reader->err);
    if (!layout->channels)
        return false;
    layout->starts = arena_grow(reader->arena, layout->starts, 0, count,
                                sizeof *layout->starts, &layout->start_room, reader->err);
    if (!layout->starts)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!plan_channel(reader, i, frame->item->offset))
            return false;
    layout->count = count;
    plan_kind(reader);
    layout->is_valid = true;
    return true;
}

/* ------------------------------------------------------------------ joining */

static bool is_equal(double a, double b)
{
    return !(a < b) && !(a > b);
}

static bool is_same_channel(const struct waveform_channel *a,
                            const struct waveform_channel *b)
{
    return a->type == b->type && a->is_little_endian == b->is_little_endian &&
           a->is_unsupported == b->is_unsupported && a->lead_code == b->lead_code &&
           text_equal(a->lead, b->lead) && text_equal(a->unit, b->unit) &&
           text_equal(a->filter, b->filter) && is_equal(a->rate_hz, b->rate_hz) &&
           is_equal(a->scale, b->scale) && is_equal(a->offset, b->offset) &&
           a->has_gap == b->has_gap && is_equal(a->gap, b->gap);
}

/* Where the frame begins in each channel of the group before it; false when it cannot be
 * joined to that. */
static bool find_starts(struct mfer_reader *reader, double start_ms)
{
    const struct mfer_layout *layout = &reader->layout;
    const struct waveform_group *group = reader->last_group;
    if (!group || group->kind != layout->kind || group->channel_count != layout->count ||
        !text_equal(group->label, layout->label) ||
        layout->kind == WAVEFORM_REPRESENTATIVE)
        return false;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct waveform_channel *channel = &group->channels[i];
        if (!is_same_channel(channel, &layout->channels[i]))
            return false;
        layout->starts[i] = channel->sample_count;
        if (!reader->has_point)
            continue;
        double start = round((start_ms - group->start_ms) * channel->rate_hz / 1000);
        if (channel->rate_hz <= 0 || start < (double)channel->sample_count ||
            start > SAMPLES_MAX)
            return false;
        layout->starts[i] = (uint64_t)start;
    }
    return true;
}

static struct waveform_group *add_group(struct mfer_reader *reader, double start_ms)
{
    struct mfer_layout *layout = &reader->layout;
    struct waveform_group *group =
        ARENA_NEW(reader->arena, struct waveform_group, reader->err);
    if (!group)
        return NULL;
    group->channels =
        ARENA_MANY(reader->arena, struct waveform_channel, layout->count, reader->err);
    if (!group->channels)
        return NULL;
    memcpy(group->channels, layout->channels, layout->count * sizeof *group->channels);
    memset(layout->starts, 0, layout->count * sizeof *layout->starts);
    group->channel_count = layout->count;
    group->kind = layout->kind;
    group->label = layout->label;
    group->start_ms = start_ms;
    *reader->group_end = group;
    reader->group_end = &group->next;
    reader->file->recording.group_count++;
    reader->channel_total += layout->count;
    reader->last_group = group;
    return group;
}

/* ------------------------------------------------------------------ samples */

/* Bytes of one record, and how many sequences follow each other in this way: a channel
 * with fewer sequences than others drops out of the interleave. */
struct phase {
    uint64_t record_bytes; /* 0 = no channel has any more */
    uint64_t sequence_count;
};

static bool takes_part(const struct mfer_plan *plan, uint64_t sequence)
{
    return plan->sequence_count == 0 || plan->sequence_count > sequence;
}

static struct phase next_phase(const struct mfer_layout *layout,
                               const struct frame *frame)
{
    struct phase phase = {0};
    uint64_t first_end = UINT64_MAX;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct mfer_plan *plan = &layout->plans[i];
        if (!takes_part(plan, frame->sequence))
            continue;
        phase.record_bytes += plan->block_count * plan->type_bytes;
        if (plan->sequence_count > 0 && plan->sequence_count < first_end)
            first_end = plan->sequence_count;
    }
    if (phase.record_bytes == 0)
        return phase;
    uint64_t left = frame->data.len - frame->at;
    uint64_t there = (left + phase.record_bytes - 1) / phase.record_bytes;
    uint64_t told = first_end == UINT64_MAX ? there : first_end - frame->sequence;
    phase.sequence_count = told < there ? told : there;
    return phase;
}

/* Samples of a channel that are really there, from `offset` in each record on. */
static uint64_t samples_there(const struct mfer_plan *plan, const struct phase *phase,
                              uint64_t bytes_left)
{
    uint64_t whole = bytes_left / phase->record_bytes;
    if (whole >= phase->sequence_count)
        return phase->sequence_count * plan->block_count;
    uint64_t rest = (bytes_left - whole * phase->record_bytes) / plan->type_bytes;
    return whole * plan->block_count +
           (rest < plan->block_count ? rest : plan->block_count);
}

static void add_phase(struct mfer_reader *reader, struct frame *frame,
                      const struct phase *phase)
{
    const struct mfer_layout *layout = &reader->layout;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < layout->count && mfer_is_good(reader); i++) {
        const struct mfer_plan *plan = &layout->plans[i];
        struct waveform_channel *channel = &frame->group->channels[i];
        if (!takes_part(plan, frame->sequence))
            continue;
        uint64_t left = frame->data.len - frame->at;
        if (offset >= left)
            return;
        uint64_t there = samples_there(plan, phase, left - offset);
        struct waveform_run run = {
            .start = layout->starts[i] + frame->sequence * plan->block_count,
            .count = there,
            .at = frame->data.at + frame->at + offset,
            .stride_bytes = phase->record_bytes,
            .block_count = plan->block_count,
        };
        if (there > 0 && !channel->is_unsupported &&
            !waveform_add_run(channel, &run, reader->arena, reader->err))
            return;
        offset += plan->block_count * plan->type_bytes;
    }
}

/* What was promised counts as missing, but not without end. */
static void count_samples(struct mfer_reader *reader, struct frame *frame)
{
    const struct mfer_layout *layout = &reader->layout;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct mfer_plan *plan = &layout->plans[i];
        struct waveform_channel *channel = &frame->group->channels[i];
        uint64_t start = layout->starts[i];
        uint64_t told = plan->sequence_count > 0 ? plan->sequence_count : frame->sequence;
        if (channel->is_unsupported)
            told = 0;
        if (__builtin_mul_overflow(told, plan->block_count, &told))
            told = UINT64_MAX / 2;
        uint64_t there = 0;
        if (channel->run_count > 0) {
            const struct waveform_run *last = &channel->runs[channel->run_count - 1];
            if (last->start >= start)
                there = last->start + last->count - start;
        }
        frame->is_short |= there < told;
        uint64_t missing = told - there;
        missing = missing < MFER_MISSING_MAX ? missing : MFER_MISSING_MAX;
        channel->sample_count = start + there + missing;
    }
}

static void read_samples(struct mfer_reader *reader, struct frame *frame)
{
    const struct mfer_layout *layout = &reader->layout;
    while (frame->at < frame->data.len && mfer_is_good(reader)) {
        struct phase phase = next_phase(layout, frame);
        reader->work += layout->count;
        if (phase.record_bytes == 0)
            break;
        add_phase(reader, frame, &phase);
        uint64_t bytes = phase.sequence_count * phase.record_bytes;
        uint64_t left = frame->data.len - frame->at;
        frame->at += (size_t)(bytes < left ? bytes : left);
        frame->sequence += phase.sequence_count;
    }
    if (!mfer_is_good(reader))
        return;
    count_samples(reader, frame);
    if (frame->is_short)
        mfer_find(reader, "mfer_frame_short", frame->item->offset,
                  TEXT("波形データが定義より短いため、足りない部分を欠損としました"));
    if (frame->at < frame->data.len)
        mfer_find(reader, "mfer_frame_long", frame->item->offset,
                  TEXT("波形データが定義より長いため、余りを読み飛ばしました"));
}

/* ------------------------------------------------------------------ a frame */

static bool is_within_limits(struct mfer_reader *reader, const struct frame *frame)
{
    reader->frame_count++;
    reader->work += reader->layout.count;
    if (reader->frame_count <= MFER_FRAMES_MAX && reader->work <= WORK_MAX)
        return true;
    reader->is_over = true;
    mfer_find(reader, "mfer_too_many_frames", frame->item->offset,
              TEXT("フレームが多すぎるため、ここから先を読みません"));
    return false;
}

static void find_unsupported(struct mfer_reader *reader, const struct frame *frame)
{
    for (size_t i = 0; i < frame->group->channel_count; i++)
        if (frame->group->channels[i].is_unsupported) {
            mfer_find(reader, "mfer_compressed", frame->item->offset,
                      TEXT("圧縮形式は未対応です"));
            return;
        }
}

static bool begin_frame(struct mfer_reader *reader, struct frame *frame)
{
    double start_ms = reader->next_ms;
    if (reader->has_point)
        start_ms = (double)reader->point * mfer_interval_ms(reader);
    if (find_starts(reader, start_ms)) {
        frame->group = reader->last_group;
        return true;
    }
    if (reader->channel_total + reader->layout.count > MFER_CHANNELS_TOTAL_MAX) {
        reader->is_over = true;
        mfer_find(reader, "mfer_too_many_frames", frame->item->offset,
                  TEXT("フレームが多すぎるため、ここから先を読みません"));
        return false;
    }
    frame->group = add_group(reader, start_ms);
    return frame->group != NULL;
}

/* Everything of the recording has one filter line: the first group's first channel's. */
static void note_filter(struct mfer_reader *reader)
{
    struct waveform_recording *recording = &reader->file->recording;
    if (recording->filter.len == 0)
        recording->filter = reader->layout.channels[0].filter;
}

void mfer_frame(struct mfer_reader *reader, const struct mfer_item *item)
{
    struct frame frame = {.item = item, .data = item->value};
    bool had_change = reader->is_changed;
    if (!is_within_limits(reader, &frame))
        return;
    if (item->value.len == 0) {
        mfer_find(reader, "mfer_frame_invalid", item->offset,
                  TEXT("波形データのないフレームを読み飛ばしました"));
        return;
    }
    if (had_change && !plan_frame(reader, &frame))
        return;
    if (!reader->layout.is_valid || !check_record(reader, &frame) ||
        !begin_frame(reader, &frame))
        return;
    note_filter(reader);
    find_unsupported(reader, &frame);
    if (reader->compression == 0)
        read_samples(reader, &frame);
    reader->next_ms = frame.group->start_ms + waveform_duration_ms(frame.group);
    reader->has_point = false;
}
