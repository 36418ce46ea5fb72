// SPDX-License-Identifier: Apache-2.0
/* What a screen gets: docs/specs/waveform.md. */
#include <endian.h>

#include "formats/waveform/waveform.h"

enum {
    WIRE_MAX = 32767,
    LEVELS = 65000, /* when stored numbers do not fit: fewer than the wire has */
    ARENA_BYTES = 1 << 20,
    PIECE_SAMPLES = 2048
};

/* One channel's stretch, and how its numbers are written. */
struct lead {
    const struct waveform_channel *channel;
    uint64_t first;
    uint64_t count;
    bool is_extremes;
    double base; /* written = round((stored − base) / step) */
    double step;
};

struct wire {
    const struct waveform_wish *wish;
    const struct waveform_group *group;
    double end_ms;
};

static const struct waveform_group *find_group(const struct waveform_recording *recording,
                                               uint32_t index)
{
    const struct waveform_group *group = recording->groups;
    while (group && index-- > 0)
        group = group->next;
    return group;
}

static struct lead stretch_of(const struct wire *wire,
                              const struct waveform_channel *channel)
{
    struct lead lead = {.channel = channel, .step = 1, .count = channel->sample_count};
    uint32_t columns = wire->wish->columns;
    if (channel->rate_hz > 0) {
        double first = floor((double)wire->wish->from_ms * channel->rate_hz / 1000);
        double last = ceil(wire->end_ms * channel->rate_hz / 1000);
        double all = (double)channel->sample_count;
        first = first < all ? first : all;
        last = last < all ? last : all;
        lead.first = (uint64_t)first;
        lead.count = last > first ? (uint64_t)(last - first) : 0;
    }
    lead.is_extremes = columns > 0 && lead.count / 2 > columns;
    return lead;
}

/* Whole numbers that fit are written as they are stored; others in as many steps as the
 * wire has. */
static void fit(struct lead *lead, double low, double high)
{
    bool is_whole =
        lead->channel->from[0] || !waveform_type_is_float(lead->channel->type);
    if (isnan(low) || (is_whole && low >= -WIRE_MAX && high <= WIRE_MAX))
        return;
    lead->base = round(low + (high - low) / 2);
    lead->step = (high - low) / LEVELS;
    if (!is_whole)
        lead->base = low + (high - low) / 2;
    if (is_whole && lead->step < 1)
        lead->step = 1;
    if (!(lead->step > 0) || !isfinite(lead->step))
        lead->step = 1;
}

static void put_number(const struct lead *lead, double number, struct buf *out)
{
    int16_t written = WAVEFORM_GAP;
    if (!isnan(number)) {
        double scaled = round((number - lead->base) / lead->step);
        written = (int16_t)fmax(-WIRE_MAX, fmin(WIRE_MAX, scaled));
    }
    uint16_t word = htole16((uint16_t)written);
    buf_put(out, &word, sizeof word);
}

static void put_samples(struct lead *lead, struct buf *out)
{
    double numbers[PIECE_SAMPLES];
    double low = NAN;
    double high = NAN;
    waveform_extremes(lead->channel, lead->first, lead->count, &low, &high);
    fit(lead, low, high);
    for (uint64_t done = 0; done < lead->count && !out->has_failed;) {
        uint64_t left = lead->count - done;
        size_t some = left < PIECE_SAMPLES ? (size_t)left : PIECE_SAMPLES;
        waveform_read(lead->channel, lead->first + done, some, numbers);
        for (size_t i = 0; i < some; i++)
            put_number(lead, numbers[i], out);
        done += some;
    }
}

/* numbers: room for two per column */
static void put_extremes(struct lead *lead, uint32_t columns, double *numbers,
                         struct buf *out)
{
    double low = NAN;
    double high = NAN;
    uint64_t from = 0;
    for (uint32_t i = 0; i < columns; i++) {
        uint64_t to = (uint64_t)((double)lead->count * (i + 1) / columns);
        double *pair = numbers + (size_t)i * 2;
        waveform_extremes(lead->channel, lead->first + from, to - from, &pair[0],
                          &pair[1]);
        low = fmin(low, pair[0]);
        high = fmax(high, pair[1]);
        from = to;
    }
    fit(lead, low, high);
    for (size_t i = 0; i < (size_t)columns * 2; i++)
        put_number(lead, numbers[i], out);
}

/* ------------------------------------------------------------------ the line */

static void put_groups(struct json_writer *json,
                       const struct waveform_recording *recording)
{
    json_key(json, "groups");
    json_open_array(json);
    for (const struct waveform_group *group = recording->groups; group;
         group = group->next) {
        json_open_object(json);
        json_put_cstr(json, "kind", waveform_kind_id(group->kind));
        json_put_text(json, "label", group->label);
        json_put_double(json, "start_ms", group->start_ms);
        json_put_double(json, "duration_ms", waveform_duration_ms(group));
        json_put_int(json, "leads", (int64_t)group->channel_count);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_lead(struct json_writer *json, const struct lead *lead, uint32_t columns)
{
    const struct waveform_channel *channel = lead->channel;
    uint64_t count = lead->is_extremes ? columns : lead->count;
    json_open_object(json);
    json_put_text(json, "lead", channel->lead);
    json_put_int(json, "code", channel->lead_code);
    json_put_text(json, "unit", channel->unit);
    json_put_double(json, "unit_per_bit",
                    (channel->unit.len > 0 ? channel->scale : 1) * lead->step);
    json_put_double(json, "offset", (channel->offset + lead->base) / lead->step);
    json_put_double(json, "rate_hz", channel->rate_hz);
    json_put_text(json, "filter", channel->filter);
    json_put_bool(json, "is_derived", channel->from[0] != NULL);
    json_put_bool(json, "is_supported", !channel->is_unsupported);
    json_put_cstr(json, "form", lead->is_extremes ? "extremes" : "samples");
    json_put_int(json, "first", (int64_t)lead->first);
    json_put_int(json, "span", (int64_t)lead->count);
    json_put_int(json, "count", (int64_t)count);
    json_close_object(json);
}

static void put_annotations(struct json_writer *json, const struct wire *wire,
                            const struct waveform_recording *recording)
{
    double from = wire->group->start_ms + (double)wire->wish->from_ms;
    double to = wire->group->start_ms + wire->end_ms;
    int64_t told = 0;
    int64_t left_off = 0;
    json_key(json, "annotations");
    json_open_array(json);
    for (const struct waveform_annotation *note = recording->annotations; note;
         note = note->next) {
        if ((note->group > 0 && note->group != wire->wish->group + 1) ||
            note->start_ms > to || note->start_ms + note->duration_ms < from)
            continue;
        if (told == WAVEFORM_ANNOTATIONS_MAX) {
            left_off++;
            continue;
        }
        told++;
        json_open_object(json);
        json_put_double(json, "start_ms", note->start_ms);
        json_put_double(json, "duration_ms", note->duration_ms);
        json_put_text(json, "text", note->text);
        json_put_int(json, "code", note->code);
        json_put_text(json, "lead", note->lead);
        json_close_object(json);
    }
    json_close_array(json);
    json_put_int(json, "annotations_left_off", left_off);
}

static void put_words(struct json_writer *json,
                      const struct waveform_recording *recording)
{
    json_key(json, "values");
    json_open_array(json);
    for (const struct waveform_value *value = recording->values; value;
         value = value->next) {
        json_open_object(json);
        json_put_text(json, "name", value->name);
        json_put_text(json, "value", value->value);
        json_put_text(json, "unit", value->unit);
        json_put_text(json, "lead", value->lead);
        json_close_object(json);
    }
    json_close_array(json);
    json_key(json, "statements");
    json_open_array(json);
    for (const struct waveform_statement *statement = recording->statements; statement;
         statement = statement->next) {
        json_open_object(json);
        json_put_cstr(json, "kind", statement->kind);
        json_put_text(json, "text", statement->text);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_line(const struct wire *wire, const struct waveform_recording *recording,
                     const struct lead *leads, struct buf *out)
{
    size_t before = out->len;
    struct json_writer json = json_writer(out);
    json_open_object(&json);
    json_put_int(&json, "format", WAVEFORM_FORMAT);
    json_put_text(&json, "start", recording->start);
    json_put_text(&json, "device", recording->device);
    json_put_text(&json, "filter", recording->filter);
    put_groups(&json, recording);
    json_put_int(&json, "group", wire->wish->group);
    json_put_int(&json, "from_ms", (int64_t)wire->wish->from_ms);
    json_put_double(&json, "to_ms", wire->end_ms);
    json_key(&json, "leads");
    json_open_array(&json);
    for (size_t i = 0; i < wire->group->channel_count; i++)
        put_lead(&json, &leads[i], wire->wish->columns);
    json_close_array(&json);
    put_annotations(&json, wire, recording);
    put_words(&json, recording);
    json_close_object(&json);
    /* Samples begin at an even byte: a browser then takes them as they lie. */
    if ((out->len - before) % 2 == 0)
        buf_byte(out, ' ');
    buf_byte(out, '\n');
}

/* ------------------------------------------------------------------ all */

static bool check_wish(const struct waveform_recording *recording, struct wire *wire,
                       struct err *err)
{
    const struct waveform_wish *wish = wire->wish;
    wire->group = find_group(recording, wish->group);
    if (!wire->group)
        return err_set(err, ERR_MISSING, "waveform_no_group", "no such group");
    if (wish->columns > WAVEFORM_COLUMNS_MAX)
        return err_set(err, ERR_LIMIT, "waveform_columns", "too many columns");
    if (wish->to_ms > 0 && wish->to_ms <= wish->from_ms)
        return err_set(err, ERR_SYNTAX, "waveform_range", "a range without length");
    double duration = waveform_duration_ms(wire->group);
    wire->end_ms = duration;
    if (wish->to_ms > 0 && (double)wish->to_ms < duration)
        wire->end_ms = (double)wish->to_ms;
    return true;
}

/* Refused before anything is written: what is missing in a file costs nothing there, but
 * would here. */
static bool choose(struct wire *wire, struct lead *leads, struct err *err)
{
    uint64_t total = 0;
    for (size_t i = 0; i < wire->group->channel_count; i++) {
        leads[i] = stretch_of(wire, &wire->group->channels[i]);
        uint64_t words =
            leads[i].is_extremes ? (uint64_t)wire->wish->columns * 2 : leads[i].count;
        if (words > WAVEFORM_WIRE_BYTES_MAX || total > WAVEFORM_WIRE_BYTES_MAX)
            return err_set(err, ERR_LIMIT, "waveform_range_long",
                           "more samples than are sent at once");
        total += words * 2;
    }
    if (total > WAVEFORM_WIRE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "waveform_range_long",
                       "more samples than are sent at once");
    return true;
}

bool waveform_write(const struct waveform_recording *recording,
                    const struct waveform_wish *wish, struct buf *out, struct err *err)
{
    struct wire wire = {.wish = wish};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    if (!check_wish(recording, &wire, err))
        return false;
    struct lead *leads =
        ARENA_MANY(&arena, struct lead, wire.group->channel_count + 1, err);
    double *numbers = ARENA_MANY(&arena, double, (size_t)wish->columns * 2 + 2, err);
    if (!leads || !numbers || !choose(&wire, leads, err))
        return false;
    CLEANUP(buf_free) struct buf samples = buf_init(WAVEFORM_WIRE_BYTES_MAX);
    for (size_t i = 0; i < wire.group->channel_count; i++) {
        if (leads[i].is_extremes)
            put_extremes(&leads[i], wish->columns, numbers, &samples);
        else
            put_samples(&leads[i], &samples);
    }
    if (!buf_check(&samples, err))
        return false;
    put_line(&wire, recording, leads, out);
    buf_span(out, buf_view(&samples));
    return buf_check(out, err);
}
