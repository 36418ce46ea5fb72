// SPDX-License-Identifier: Apache-2.0
#include "formats/waveform/waveform.h"

#include <endian.h>
#include <float.h>
#include <stdio.h>

static const size_t type_bytes[WAVEFORM_TYPE_COUNT] = {
    [WAVEFORM_S16] = 2, [WAVEFORM_U16] = 2, [WAVEFORM_S32] = 4, [WAVEFORM_U32] = 4,
    [WAVEFORM_S8] = 1,  [WAVEFORM_U8] = 1,  [WAVEFORM_F32] = 4, [WAVEFORM_F64] = 8,
};

size_t waveform_type_bytes(enum waveform_type type)
{
    return type_bytes[type];
}

bool waveform_type_is_float(enum waveform_type type)
{
    return type == WAVEFORM_F32 || type == WAVEFORM_F64;
}

const char *waveform_kind_id(enum waveform_kind kind)
{
    static const char *const ids[WAVEFORM_KIND_COUNT] = {
        [WAVEFORM_RHYTHM] = "rhythm",
        [WAVEFORM_REPRESENTATIVE] = "representative",
        [WAVEFORM_LONG_TERM] = "long_term",
    };
    return ids[kind];
}

double waveform_duration_ms(const struct waveform_group *group)
{
    double longest = 0;
    for (size_t i = 0; i < group->channel_count; i++) {
        const struct waveform_channel *channel = &group->channels[i];
        if (channel->rate_hz <= 0)
            continue;
        double length = (double)channel->sample_count * 1000 / channel->rate_hz;
        if (length > longest)
            longest = length;
    }
    return longest;
}

bool waveform_add_run(struct waveform_channel *channel, const struct waveform_run *run,
                      struct arena *arena, struct err *err)
{
    struct waveform_run *runs =
        arena_grow(arena, channel->runs, channel->run_count, channel->run_count + 1,
                   sizeof *run, &channel->run_room, err);
    if (!runs)
        return false;
    channel->runs = runs;
    channel->runs[channel->run_count++] = *run;
    return true;
}

/* ------------------------------------------------------------------ numbers */

static uint16_t load16(const uint8_t *bytes, bool is_little_endian)
{
    uint16_t word = 0;
    memcpy(&word, bytes, sizeof word);
    return is_little_endian ? le16toh(word) : be16toh(word);
}

static uint32_t load32(const uint8_t *bytes, bool is_little_endian)
{
    uint32_t word = 0;
    memcpy(&word, bytes, sizeof word);
    return is_little_endian ? le32toh(word) : be32toh(word);
}

static double load_double(const uint8_t *bytes, bool is_little_endian)
{
    uint64_t word = 0;
    double number = 0;
    memcpy(&word, bytes, sizeof word);
    word = is_little_endian ? le64toh(word) : be64toh(word);
    memcpy(&number, &word, sizeof number);
    return number;
}

static double load_float(const uint8_t *bytes, bool is_little_endian)
{
    uint32_t word = load32(bytes, is_little_endian);
    float number = 0;
    memcpy(&number, &word, sizeof number);
    return (double)number;
}

/* What is no number that can be drawn is no data. */
static double load(const struct waveform_channel *channel, const uint8_t *bytes)
{
    bool is_little_endian = channel->is_little_endian;
    double number = NAN;
    switch (channel->type) {
    case WAVEFORM_S16:
        return (double)(int16_t)load16(bytes, is_little_endian);
    case WAVEFORM_U16:
        return (double)load16(bytes, is_little_endian);
    case WAVEFORM_S32:
        return (double)(int32_t)load32(bytes, is_little_endian);
    case WAVEFORM_U32:
        return (double)load32(bytes, is_little_endian);
    case WAVEFORM_S8:
        return (double)(int8_t)bytes[0];
    case WAVEFORM_U8:
        return (double)bytes[0];
    case WAVEFORM_F32:
        number = load_float(bytes, is_little_endian);
        break;
    case WAVEFORM_F64:
        number = load_double(bytes, is_little_endian);
        break;
    case WAVEFORM_TYPE_COUNT:
        break;
    }
    return isfinite(number) ? number : NAN;
}

static bool is_gap(const struct waveform_channel *channel, double number)
{
    return isnan(number) ||
           (channel->has_gap && !(number < channel->gap) && !(number > channel->gap));
}

double waveform_number(const struct waveform_channel *channel, const uint8_t *bytes)
{
    double number = load(channel, bytes);
    return is_gap(channel, number) ? NAN : number;
}

/* ------------------------------------------------------------------ runs */

/* The first run that ends behind `sample`. */
static size_t find_run(const struct waveform_channel *channel, uint64_t sample)
{
    size_t low = 0;
    size_t high = channel->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct waveform_run *run = &channel->runs[middle];
        if (run->start + run->count <= sample)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Samples of a run that lie together: from `index` on, at most `count`. */
struct stretch {
    const uint8_t *at;
    uint64_t count;
};

static struct stretch stretch_of(const struct waveform_channel *channel,
                                 const struct waveform_run *run, uint64_t index,
                                 uint64_t count)
{
    uint64_t block = index / run->block_count;
    uint64_t inside = index % run->block_count;
    uint64_t left = run->block_count - inside;
    uint64_t most = WAVEFORM_LOAD_BYTES_MAX / type_bytes[channel->type];
    count = count < most ? count : most;
    return (struct stretch){.at = run->at + block * run->stride_bytes +
                                  inside * type_bytes[channel->type],
                            .count = left < count ? left : count};
}

static bool is_there(const struct waveform_channel *channel, struct stretch stretch)
{
    const struct waveform_loader *loader = channel->loader;
    return !loader || loader->load(loader->self, stretch.at,
                                   stretch.count * type_bytes[channel->type], false);
}

static void read_run(const struct waveform_channel *channel,
                     const struct waveform_run *run, uint64_t index, size_t count,
                     double *out)
{
    size_t size = type_bytes[channel->type];
    while (count > 0) {
        struct stretch stretch = stretch_of(channel, run, index, count);
        bool has_bytes = is_there(channel, stretch);
        for (uint64_t i = 0; i < stretch.count; i++)
            *out++ = has_bytes ? waveform_number(channel, stretch.at + i * size) : NAN;
        index += stretch.count;
        count -= (size_t)stretch.count;
    }
}

static void read_stored(const struct waveform_channel *channel, uint64_t from,
                        size_t count, double *out)
{
    uint64_t end = from + count;
    for (size_t i = 0; i < count; i++)
        out[i] = NAN;
    for (size_t i = find_run(channel, from); i < channel->run_count; i++) {
        const struct waveform_run *run = &channel->runs[i];
        if (run->start >= end)
            return;
        uint64_t first = run->start > from ? run->start : from;
        uint64_t last = run->start + run->count < end ? run->start + run->count : end;
        read_run(channel, run, first - run->start, (size_t)(last - first),
                 out + (first - from));
    }
}

enum { PIECE_SAMPLES = 1024 };

static double physical(const struct waveform_channel *channel, double number)
{
    return (number + channel->offset) * channel->scale;
}

/* In halves of a bit both leads' sums are whole, and stay what they are on the wire. */
static void read_derived(const struct waveform_channel *channel, uint64_t from,
                         size_t count, double *out)
{
    double other[PIECE_SAMPLES];
    for (size_t done = 0; done < count; done += PIECE_SAMPLES) {
        size_t some = count - done < PIECE_SAMPLES ? count - done : PIECE_SAMPLES;
        read_stored(channel->from[0], from + done, some, out + done);
        read_stored(channel->from[1], from + done, some, other);
        for (size_t i = 0; i < some; i++) {
            double sum = channel->weights[0] * physical(channel->from[0], out[done + i]) +
                         channel->weights[1] * physical(channel->from[1], other[i]);
            out[done + i] = round(sum / channel->scale);
        }
    }
}

void waveform_read(const struct waveform_channel *channel, uint64_t from, size_t count,
                   double *out)
{
    if (channel->from[0])
        read_derived(channel, from, count, out);
    else
        read_stored(channel, from, count, out);
}

/* ------------------------------------------------------------------ extremes */

/* Empty as long as low > high. */
struct extremes {
    double low;
    double high;
};

static void see(struct extremes *extremes, double number)
{
    if (number < extremes->low)
        extremes->low = number;
    if (number > extremes->high)
        extremes->high = number;
}

/* Nearly everything is 16 bits wide, and a day of it is many. */
static void see_words(const struct waveform_channel *channel, struct stretch stretch,
                      struct extremes *extremes)
{
    int low = INT32_MAX;
    int high = INT32_MIN;
    bool can_be_gap = channel->has_gap && fabs(channel->gap) <= 65536;
    int gap = can_be_gap ? (int)channel->gap : INT32_MAX;
    int flip = channel->type == WAVEFORM_S16 ? 0x8000 : 0;
    for (uint64_t i = 0; i < stretch.count; i++) {
        int word = load16(stretch.at + i * 2, channel->is_little_endian);
        int number = (word ^ flip) - flip;
        if (number == gap)
            continue;
        low = number < low ? number : low;
        high = number > high ? number : high;
    }
    if (low <= high) {
        see(extremes, low);
        see(extremes, high);
    }
}

static void see_run(const struct waveform_channel *channel,
                    const struct waveform_run *run, uint64_t index, uint64_t count,
                    struct extremes *extremes)
{
    size_t size = type_bytes[channel->type];
    bool is_word = channel->type == WAVEFORM_S16 || channel->type == WAVEFORM_U16;
    while (count > 0) {
        struct stretch stretch = stretch_of(channel, run, index, count);
        bool has_bytes = is_there(channel, stretch);
        if (has_bytes && is_word)
            see_words(channel, stretch, extremes);
        for (uint64_t i = 0; has_bytes && !is_word && i < stretch.count; i++)
            see(extremes, waveform_number(channel, stretch.at + i * size));
        index += stretch.count;
        count -= stretch.count;
    }
}

static void see_stored(const struct waveform_channel *channel, uint64_t from,
                       uint64_t end, struct extremes *extremes)
{
    for (size_t i = find_run(channel, from); i < channel->run_count; i++) {
        const struct waveform_run *run = &channel->runs[i];
        if (run->start >= end)
            return;
        uint64_t first = run->start > from ? run->start : from;
        uint64_t last = run->start + run->count < end ? run->start + run->count : end;
        see_run(channel, run, first - run->start, last - first, extremes);
    }
}

/* Only where both leads have something, which is where the first one has runs. */
static void see_derived(const struct waveform_channel *channel, uint64_t from,
                        uint64_t end, struct extremes *extremes)
{
    const struct waveform_channel *first = channel->from[0];
    double numbers[PIECE_SAMPLES];
    for (size_t i = find_run(first, from); i < first->run_count; i++) {
        const struct waveform_run *run = &first->runs[i];
        uint64_t at = run->start > from ? run->start : from;
        uint64_t last = run->start + run->count < end ? run->start + run->count : end;
        while (at < last) {
            size_t some = last - at < PIECE_SAMPLES ? (size_t)(last - at) : PIECE_SAMPLES;
            read_derived(channel, at, some, numbers);
            for (size_t k = 0; k < some; k++)
                see(extremes, numbers[k]);
            at += some;
        }
        if (run->start >= end)
            return;
    }
}

void waveform_extremes(const struct waveform_channel *channel, uint64_t from,
                       uint64_t count, double *low, double *high)
{
    struct extremes extremes = {DBL_MAX, -DBL_MAX};
    if (channel->from[0])
        see_derived(channel, from, from + count, &extremes);
    else
        see_stored(channel, from, from + count, &extremes);
    bool has_some = extremes.low <= extremes.high;
    *low = has_some ? extremes.low : NAN;
    *high = has_some ? extremes.high : NAN;
}

/* ------------------------------------------------------------------ derived leads */

enum { LEAD_I = 1, LEAD_II = 2, DERIVED_COUNT = 4 };

static const struct {
    uint32_t code;
    double of_first;
    double of_second;
} derivations[DERIVED_COUNT] = {
    {61, -1, 1},
    {62, -0.5, -0.5},
    {63, 1, -0.5},
    {64, -0.5, 1},
};

static const struct waveform_channel *find_lead(const struct waveform_group *group,
                                                uint32_t code)
{
    for (size_t i = 0; i < group->channel_count; i++)
        if (group->channels[i].lead_code == code)
            return &group->channels[i];
    return NULL;
}

static bool is_equal(double a, double b)
{
    return !(a < b) && !(a > b);
}

static bool can_derive(const struct waveform_channel *first,
                       const struct waveform_channel *second)
{
    return first && second && text_is(first->unit, "V") && text_is(second->unit, "V") &&
           first->scale > 0 && second->scale > 0 && !first->is_unsupported &&
           !second->is_unsupported && is_equal(first->rate_hz, second->rate_hz) &&
           first->sample_count == second->sample_count;
}

static void derive(struct waveform_channel *channel, size_t which,
                   const struct waveform_channel *first,
                   const struct waveform_channel *second)
{
    double scale = first->scale < second->scale ? first->scale : second->scale;
    *channel = (struct waveform_channel){
        .lead = waveform_lead_name(derivations[which].code),
        .lead_code = derivations[which].code,
        .type = WAVEFORM_S32,
        .rate_hz = first->rate_hz,
        .unit = first->unit,
        .scale = scale / 2,
        .sample_count = first->sample_count,
        .filter = first->filter,
        .from = {first, second},
        .weights = {derivations[which].of_first, derivations[which].of_second},
    };
}

bool waveform_derive(struct waveform_group *group, struct arena *arena, struct err *err)
{
    const struct waveform_channel *first = find_lead(group, LEAD_I);
    const struct waveform_channel *second = find_lead(group, LEAD_II);
    if (!can_derive(first, second))
        return true;
    size_t at_first = (size_t)(first - group->channels);
    size_t at_second = (size_t)(second - group->channels);
    struct waveform_channel *channels = ARENA_MANY(
        arena, struct waveform_channel, group->channel_count + DERIVED_COUNT, err);
    if (!channels)
        return false;
    size_t stored_count = group->channel_count;
    memcpy(channels, group->channels, stored_count * sizeof *channels);
    for (size_t i = 0; i < stored_count; i++)
        for (size_t k = 0; k < 2; k++)
            if (channels[i].from[k])
                channels[i].from[k] = channels + (channels[i].from[k] - group->channels);
    group->channels = channels;
    for (size_t i = 0; i < DERIVED_COUNT; i++)
        if (!find_lead(group, derivations[i].code))
            derive(&channels[group->channel_count++], i, &channels[at_first],
                   &channels[at_second]);
    return true;
}
