// SPDX-License-Identifier: Apache-2.0
/* The writer: shortest lengths, definitions where they are common to all channels in
 * front, the others with the channel. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/mfer/mfer_reader.h"

enum {
    PREAMBLE_LEN = 32,
    PIECE_SAMPLES = 1024,
    PRIVATE_WFM = 0xC000,
    VALUE_BYTES_MAX = 4096,
    DIGITS = 9 /* of a mantissa that fits 31 bits */
};

/* One channel as it is written: in another type when its own cannot say it. */
struct column {
    const struct waveform_channel *channel;
    enum waveform_type type;
    bool has_nul;
    double nul;
    uint64_t block_count;
};

struct pen {
    const struct mfer_file *file;
    bool is_little_endian;
    bool is_streamed;
    bool has_common_filter;
    struct buf *out;
    struct buf value; /* of the definition being written */
    struct arena arena;
    /* of the group being written */
    struct column *columns;
    size_t column_count;
    uint64_t sequence_count;
    uint64_t data_bytes;
};

/* ------------------------------------------------------------------ bytes */

static void put_length(struct buf *out, uint64_t len)
{
    if (len < 0x80) {
        buf_byte(out, (uint8_t)len);
        return;
    }
    int count = len > 0xFFFFFF ? 4 : len > 0xFFFF ? 3 : len > 0xFF ? 2 : 1;
    buf_byte(out, (uint8_t)(0x80 + count));
    for (int i = count - 1; i >= 0; i--)
        buf_byte(out, (uint8_t)(len >> (8 * i)));
}

/* The definition whose value was collected; it is cut where a reader would. */
static void end_value(struct pen *pen, uint8_t tag, struct buf *out)
{
    buf_byte(out, tag);
    put_length(out, pen->value.len);
    buf_span(out, buf_view(&pen->value));
    buf_reset(&pen->value);
}

static void put_number(const struct pen *pen, struct buf *out, uint64_t number, int count)
{
    for (int i = 0; i < count; i++) {
        int place = pen->is_little_endian ? i : count - 1 - i;
        buf_byte(out, (uint8_t)(number >> (8 * place)));
    }
}

static void put_count(struct pen *pen, uint8_t tag, uint64_t number, struct buf *out)
{
    int count = number > 0xFFFFFF ? 4 : number > 0xFFFF ? 3 : number > 0xFF ? 2 : 1;
    put_number(pen, &pen->value, number, count);
    end_value(pen, tag, out);
}

static int signed_bytes(int32_t number)
{
    return number >= -128 && number < 128           ? 1
           : number >= -32768 && number < 32768     ? 2
           : number >= -8388608 && number < 8388608 ? 3
                                                    : 4;
}

static void put_text(struct pen *pen, uint8_t tag, struct text text)
{
    if (text.len == 0)
        return;
    while (text.len > VALUE_BYTES_MAX / 2 &&
           ((uint8_t)text.at[VALUE_BYTES_MAX / 2] & 0xC0) == 0x80)
        text.len = text.len > 1 ? text.len - 1 : 0;
    buf_text(&pen->value, text);
    end_value(pen, tag, pen->out);
}

/* Unit, exponent and mantissa of at most nine digits. */
static void put_scaled(struct pen *pen, uint8_t tag, uint32_t unit, double number,
                       struct buf *out)
{
    char words[40];
    snprintf(words, sizeof words, "%.*e", DIGITS - 1, number);
    int exponent = 0;
    int64_t mantissa = 0;
    const char *at = words;
    bool is_negative = *at == '-';
    for (at += is_negative; *at && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9')
            mantissa = mantissa * 10 + (*at - '0');
    }
    bool is_small = at[1] == '-';
    for (at += *at ? 2 : 0; *at >= '0' && *at <= '9'; at++)
        exponent = exponent * 10 + (*at - '0');
    exponent = (is_small ? -exponent : exponent) - (DIGITS - 1);
    while (mantissa != 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        exponent++;
    }
    /* 250, not 25 × 10: what people expect to see there */
    while (exponent > 0 && mantissa < 100000) {
        mantissa *= 10;
        exponent--;
    }
    int32_t written = (int32_t)(is_negative ? -mantissa : mantissa);
    buf_byte(&pen->value, (uint8_t)unit);
    buf_byte(&pen->value, (uint8_t)(int8_t)exponent);
    put_number(pen, &pen->value, (uint64_t)(int64_t)written, signed_bytes(written));
    end_value(pen, tag, out);
}

static void put_sample(const struct pen *pen, struct buf *out, enum waveform_type type,
                       double number)
{
    float narrow = (float)number;
    uint32_t bits32 = 0;
    uint64_t bits64 = 0;
    switch (type) {
    case WAVEFORM_F32:
        memcpy(&bits32, &narrow, sizeof bits32);
        put_number(pen, out, bits32, 4);
        return;
    case WAVEFORM_F64:
        memcpy(&bits64, &number, sizeof bits64);
        put_number(pen, out, bits64, 8);
        return;
    case WAVEFORM_S16:
    case WAVEFORM_U16:
    case WAVEFORM_S32:
    case WAVEFORM_U32:
    case WAVEFORM_S8:
    case WAVEFORM_U8:
    case WAVEFORM_TYPE_COUNT:
        break;
    }
    put_number(pen, out, (uint64_t)(int64_t)number, (int)waveform_type_bytes(type));
}

/* ------------------------------------------------------------------ who and when */

static void put_preamble(struct pen *pen, const char *words)
{
    char preamble[PREAMBLE_LEN + 1];
    snprintf(preamble, sizeof preamble, "MFR %-28.28s", words ? words : "");
    buf_put(&pen->value, preamble, PREAMBLE_LEN);
    end_value(pen, MFER_PRE, pen->out);
}

static uint64_t digits_of(struct text text, size_t from, size_t len)
{
    uint64_t number = 0;
    (void)span_uint(span_part(text_span(text), from, len), 9999, &number);
    return number;
}

static void put_time(struct pen *pen)
{
    enum { MINUTE_LEN = 16, SECOND_LEN = 19, MS_LEN = 23 };
    struct text start = pen->file->recording.start;
    if (pen->file->recording.day == DAY_NONE || start.len < DAY_TEXT_BYTES - 1)
        return;
    put_number(pen, &pen->value, digits_of(start, 0, 4), 2);
    buf_byte(&pen->value, (uint8_t)digits_of(start, 5, 2));
    buf_byte(&pen->value, (uint8_t)digits_of(start, 8, 2));
    if (start.len >= MINUTE_LEN) {
        buf_byte(&pen->value, (uint8_t)digits_of(start, 11, 2));
        buf_byte(&pen->value, (uint8_t)digits_of(start, 14, 2));
        buf_byte(&pen->value,
                 start.len >= SECOND_LEN ? (uint8_t)digits_of(start, 17, 2) : 0);
    }
    if (start.len >= MS_LEN)
        put_number(pen, &pen->value, digits_of(start, 20, 3), 2);
    end_value(pen, MFER_TIM, pen->out);
}

/* ^ separates: in a name it would be read as something else. */
static void put_part(struct buf *out, struct span part)
{
    for (size_t i = 0; i < part.len; i++)
        buf_byte(out, part.at[i] == '^' ? ' ' : part.at[i]);
}

/* 姓^姓カナ^名^名カナ */
static void put_name(struct pen *pen)
{
    struct span name = text_span(pen->file->patient.name);
    struct span kana = text_span(pen->file->patient.kana);
    struct span family = {0};
    struct span family_kana = {0};
    if (name.len == 0 && kana.len == 0)
        return;
    (void)span_take(&name, ' ', &family);
    (void)span_take(&kana, ' ', &family_kana);
    put_part(&pen->value, family);
    if (name.len > 0 || family_kana.len > 0) {
        buf_byte(&pen->value, '^');
        put_part(&pen->value, family_kana);
        buf_byte(&pen->value, '^');
        put_part(&pen->value, name);
        buf_byte(&pen->value, '^');
        put_part(&pen->value, kana);
    }
    end_value(pen, MFER_PNM, pen->out);
}

static void put_birth(struct pen *pen)
{
    enum { UNKNOWN_DAYS = 0xFFFF, DAYS_OF_FOUR_YEARS = 1461 };
    int32_t born = pen->file->patient.birth_day;
    int32_t day = pen->file->recording.day;
    int year = 0;
    int month = 0;
    int day_of_month = 0;
    if (born == DAY_NONE)
        return;
    int years = day == DAY_NONE || day < born ? 0 : (day - born) * 4 / DAYS_OF_FOUR_YEARS;
    day_to_date(born, &year, &month, &day_of_month);
    buf_byte(&pen->value, (uint8_t)years);
    put_number(pen, &pen->value, UNKNOWN_DAYS, 2);
    put_number(pen, &pen->value, (uint64_t)year, 2);
    buf_byte(&pen->value, (uint8_t)month);
    buf_byte(&pen->value, (uint8_t)day_of_month);
    end_value(pen, MFER_AGE, pen->out);
}

static void put_identity(struct pen *pen, const struct mfer_options *options)
{
    static const char sexes[] = {'U', 'M', 'F', 'O'};
    const struct entry_patient *patient = &pen->file->patient;
    put_preamble(pen, options->preamble);
    buf_byte(&pen->value, pen->is_little_endian ? 1 : 0);
    end_value(pen, MFER_BLE, pen->out);
    buf_put(&pen->value, "\x01\x00\x00", 3);
    end_value(pen, MFER_VER, pen->out);
    put_text(pen, MFER_TXC, TEXT("UTF-8"));
    put_text(pen, MFER_MAN, pen->file->recording.device);
    put_time(pen);
    put_text(pen, MFER_PID, patient->id);
    put_name(pen);
    put_birth(pen);
    const char *sex = memchr(sexes, patient->sex, sizeof sexes);
    buf_byte(&pen->value, sex ? (uint8_t)(sex - sexes) : 0);
    end_value(pen, MFER_SEX, pen->out);
    put_text(pen, MFER_UID, pen->file->uid);
}

/* ------------------------------------------------------------------ what was found */

static bool take_code(const struct waveform_value *value, uint64_t *code)
{
    return text_is(value->system, "99MFR") &&
           span_uint(text_span(value->code), UINT16_MAX, code);
}

static bool is_of_code(const struct waveform_value *value, uint64_t code)
{
    uint32_t lead = 0;
    (void)mfer_value_name((uint32_t)code, &lead);
    return lead > 0 || value->lead.len == 0;
}

static void put_value(struct pen *pen, const struct waveform_value *value, uint64_t code,
                      struct buf *out)
{
    put_number(pen, &pen->value, code, 2);
    put_number(pen, &pen->value, 0, 4);
    put_part(&pen->value, text_span(value->value));
    buf_byte(&pen->value, '^');
    put_part(&pen->value, text_span(value->unit));
    end_value(pen, MFER_VAL, out);
}

/* Those that no code of MFER names are kept as words. */
static void put_values(struct pen *pen)
{
    for (const struct waveform_value *value = pen->file->recording.values; value;
         value = value->next) {
        uint64_t code = 0;
        if (take_code(value, &code)) {
            if (is_of_code(value, code))
                put_value(pen, value, code, pen->out);
            continue;
        }
        buf_text(&pen->value, value->name);
        buf_cstr(&pen->value, value->lead.len > 0 ? " " : "");
        buf_text(&pen->value, value->lead);
        buf_cstr(&pen->value, ": ");
        buf_text(&pen->value, value->value);
        buf_cstr(&pen->value, value->unit.len > 0 ? " " : "");
        buf_text(&pen->value, value->unit);
        end_value(pen, MFER_NTE, pen->out);
    }
}

static void put_statements(struct pen *pen)
{
    for (const struct waveform_statement *statement = pen->file->recording.statements;
         statement; statement = statement->next) {
        if (strcmp(statement->kind, "comment") == 0) {
            put_text(pen, MFER_NTE, statement->text);
            continue;
        }
        put_number(pen, &pen->value, 0, 2);
        put_number(pen, &pen->value, 0, 8);
        buf_text(&pen->value, statement->text);
        end_value(pen, MFER_EVT, pen->out);
    }
}

/* In sampling intervals of the parent, which are the first channel's. */
static void put_annotations(struct pen *pen)
{
    double rate = pen->columns[0].channel->rate_hz / 1000;
    for (const struct waveform_annotation *note = pen->file->recording.annotations; note;
         note = note->next) {
        double start = fmax(0, fmin(UINT32_MAX, round(note->start_ms * rate)));
        double length = fmax(0, fmin(UINT32_MAX, round(note->duration_ms * rate)));
        put_number(pen, &pen->value, note->code, 2);
        put_number(pen, &pen->value, (uint64_t)start, 4);
        put_number(pen, &pen->value, (uint64_t)length, 4);
        buf_text(&pen->value, note->text);
        end_value(pen, MFER_EVT, pen->out);
    }
}

/* ------------------------------------------------------------------ channels */

static bool is_equal(double a, double b)
{
    return !(a < b) && !(a > b);
}

static void limits_of(enum waveform_type type, double *low, double *high)
{
    static const double limits[WAVEFORM_TYPE_COUNT][2] = {
        [WAVEFORM_S16] = {INT16_MIN, INT16_MAX}, [WAVEFORM_U16] = {0, UINT16_MAX},
        [WAVEFORM_S32] = {INT32_MIN, INT32_MAX}, [WAVEFORM_U32] = {0, UINT32_MAX},
        [WAVEFORM_S8] = {INT8_MIN, INT8_MAX},    [WAVEFORM_U8] = {0, UINT8_MAX},
        [WAVEFORM_F32] = {-16777216, 16777216},  [WAVEFORM_F64] = {-1e300, 1e300},
    };
    *low = limits[type][0];
    *high = limits[type][1];
}

static bool has_holes(const struct waveform_channel *channel)
{
    uint64_t there = 0;
    for (size_t i = 0; i < channel->run_count; i++)
        there += channel->runs[i].count;
    return there < channel->sample_count;
}

/* A number that no sample is; a wider type when all of them are used. */
static bool choose_nul(struct column *column, struct err *err)
{
    const struct waveform_channel *channel = column->channel;
    double low = 0;
    double high = 0;
    double least = 0;
    double most = 0;
    if (channel->has_gap || waveform_type_is_float(column->type) || !has_holes(channel))
        return true;
    waveform_extremes(channel, 0, channel->sample_count, &low, &high);
    limits_of(column->type, &least, &most);
    column->has_nul = true;
    if (isnan(low) || low > least || high < most) {
        column->nul = isnan(low) || low > least ? least : most;
        return true;
    }
    if (waveform_type_bytes(column->type) == 4)
        return err_set(err, ERR_LIMIT, "mfer_no_gap_value",
                       "every number is a sample, none is left for a gap");
    column->type = WAVEFORM_S32;
    column->nul = INT32_MIN;
    return true;
}

/* `is_streamed`: its samples come later, whoever sends them says what a gap is. */
static bool choose_type(struct column *column, bool is_streamed, struct err *err)
{
    const struct waveform_channel *channel = column->channel;
    double least = 0;
    double most = 0;
    column->type = channel->type;
    limits_of(column->type, &least, &most);
    bool is_whole = is_equal(round(channel->offset), channel->offset);
    if (!waveform_type_is_float(column->type) &&
        (!is_whole || channel->offset < least || channel->offset > most))
        column->type = WAVEFORM_F64;
    if (column->type == WAVEFORM_F32 &&
        !is_equal((float)channel->offset, channel->offset))
        column->type = WAVEFORM_F64;
    column->has_nul = channel->has_gap;
    column->nul = channel->gap;
    return is_streamed || choose_nul(column, err);
}

/* Blocks of a second when all of them end with one, else one block. */
static void choose_blocks(struct pen *pen)
{
    uint64_t seconds = 0;
    bool is_even = true;
    for (size_t i = 0; i < pen->column_count; i++) {
        const struct waveform_channel *channel = pen->columns[i].channel;
        uint64_t rate = channel->rate_hz >= 1 && channel->rate_hz < UINT32_MAX
                            ? (uint64_t)channel->rate_hz
                            : 0;
        if (rate == 0 || !is_equal((double)rate, channel->rate_hz) ||
            channel->sample_count % rate != 0) {
            is_even = false;
            break;
        }
        uint64_t own = channel->sample_count / rate;
        is_even &= seconds == 0 || own == seconds;
        seconds = own;
    }
    pen->sequence_count = is_even ? seconds : 1;
    for (size_t i = 0; i < pen->column_count; i++)
        pen->columns[i].block_count =
            pen->columns[i].channel->sample_count / pen->sequence_count;
}

static bool measure(struct pen *pen, struct err *err)
{
    uint64_t total = 0;
    for (size_t i = 0; i < pen->column_count; i++) {
        const struct column *column = &pen->columns[i];
        uint64_t bytes = 0;
        if (column->channel->sample_count > UINT32_MAX ||
            __builtin_mul_overflow(column->channel->sample_count,
                                   waveform_type_bytes(column->type), &bytes) ||
            __builtin_add_overflow(total, bytes, &total) || total > UINT32_MAX)
            return err_set(err, ERR_LIMIT, "mfer_too_large",
                           "more samples than a frame can hold");
    }
    pen->data_bytes = total;
    return true;
}

static bool choose_columns(struct pen *pen, const struct waveform_group *group,
                           struct err *err)
{
    arena_reset(&pen->arena);
    pen->column_count = 0;
    pen->columns = ARENA_MANY(&pen->arena, struct column, group->channel_count + 1, err);
    if (!pen->columns)
        return false;
    for (size_t i = 0; i < group->channel_count; i++) {
        const struct waveform_channel *channel = &group->channels[i];
        if (channel->from[0] || channel->is_unsupported || channel->sample_count == 0)
            continue;
        struct column *column = &pen->columns[pen->column_count++];
        column->channel = channel;
        if (!choose_type(column, pen->is_streamed, err))
            return false;
    }
    if (pen->column_count > MFER_CHANNELS_MAX)
        return err_set(err, ERR_LIMIT, "mfer_too_large", "too many channels");
    if (pen->column_count > 0)
        choose_blocks(pen);
    return measure(pen, err);
}

/* ------------------------------------------------------------------ definitions */

/* As many digits as a mantissa has say it all. */
static bool is_short(double number)
{
    char words[40];
    snprintf(words, sizeof words, "%.*e", DIGITS - 1, number);
    return is_equal(strtod(words, NULL), number);
}

static void put_interval(struct pen *pen, const struct waveform_channel *channel,
                         struct buf *out)
{
    enum { HERTZ, SECONDS, METRES };
    double rate = channel->rate_hz;
    if (rate <= 0)
        put_scaled(pen, MFER_IVL, METRES, 1, out);
    else if (!is_short(rate) && is_short(1 / rate))
        put_scaled(pen, MFER_IVL, SECONDS, 1 / rate, out);
    else
        put_scaled(pen, MFER_IVL, HERTZ, rate, out);
}

static void put_sensitivity(struct pen *pen, const struct waveform_channel *channel,
                            struct buf *out)
{
    uint32_t unit = mfer_unit_code(channel->unit);
    if (channel->unit.len > 0 && unit != UINT32_MAX)
        put_scaled(pen, MFER_SEN, unit, channel->scale, out);
}

static void put_type(struct pen *pen, const struct column *column, struct buf *out)
{
    static const uint8_t codes[WAVEFORM_TYPE_COUNT] = {
        [WAVEFORM_S16] = 0, [WAVEFORM_U16] = 1, [WAVEFORM_S32] = 2, [WAVEFORM_U32] = 6,
        [WAVEFORM_S8] = 5,  [WAVEFORM_U8] = 3,  [WAVEFORM_F32] = 7, [WAVEFORM_F64] = 8,
    };
    put_count(pen, MFER_DTP, codes[column->type], out);
}

static void put_nul(struct pen *pen, const struct column *column, struct buf *out)
{
    put_sample(pen, &pen->value, column->type, column->nul);
    end_value(pen, MFER_NUL, out);
}

static void put_lead(struct pen *pen, const struct column *column, size_t index,
                     struct buf *out)
{
    const struct waveform_channel *channel = column->channel;
    char counted[24];
    snprintf(counted, sizeof counted, "ch%zu", index + 1);
    if (channel->lead_code == 0 && text_is(channel->lead, counted))
        return;
    uint32_t code = channel->lead_code <= UINT16_MAX ? channel->lead_code : 0;
    bool has_text = !text_equal(waveform_lead_name(code), channel->lead);
    put_number(pen, &pen->value, code, has_text || code > UINT8_MAX ? 2 : 1);
    if (has_text)
        buf_text(&pen->value, channel->lead);
    end_value(pen, MFER_LDN, out);
}

/* Words separated by spaces are filters of their own when each is one. */
static void put_filters(struct pen *pen, struct text filter, struct buf *out)
{
    struct span rest = text_span(filter);
    struct span part = {0};
    size_t count = 0;
    bool are_filters = true;
    while (span_take(&rest, ' ', &part)) {
        count++;
        are_filters &= part.len > 0 && memchr(part.at, '=', part.len) != NULL;
    }
    if (filter.len == 0)
        return;
    rest = text_span(filter);
    if (!are_filters || count > MFER_FILTERS_MAX) {
        buf_span(&pen->value, rest);
        end_value(pen, MFER_FLT, out);
        return;
    }
    while (span_take(&rest, ' ', &part)) {
        buf_span(&pen->value, part);
        end_value(pen, MFER_FLT, out);
    }
}

/* What all channels share and stands in front; what not is taken back there. */
struct common {
    bool has_sensitivity;
    bool has_nul;
};

static struct common common_of(const struct pen *pen)
{
    const struct column *first = &pen->columns[0];
    struct common common = {first->channel->unit.len > 0, first->has_nul};
    for (size_t i = 1; i < pen->column_count; i++) {
        const struct column *column = &pen->columns[i];
        common.has_sensitivity &=
            text_equal(column->channel->unit, first->channel->unit) &&
            is_equal(column->channel->scale, first->channel->scale);
        common.has_nul &= column->has_nul && column->type == first->type &&
                          is_equal(column->nul, first->nul);
    }
    return common;
}

static void put_attributes(struct pen *pen, size_t index, const struct common *common)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    const struct column *column = &pen->columns[index];
    const struct column *first = &pen->columns[0];
    const struct waveform_channel *channel = column->channel;
    put_lead(pen, column, index, &out);
    if (column->type != first->type)
        put_type(pen, column, &out);
    if (column->block_count != first->block_count)
        put_count(pen, MFER_BLK, column->block_count, &out);
    if (!is_equal(channel->rate_hz, first->channel->rate_hz))
        put_interval(pen, channel, &out);
    if (!common->has_sensitivity)
        put_sensitivity(pen, channel, &out);
    if (!is_equal(channel->offset, 0)) {
        put_sample(pen, &pen->value, column->type, channel->offset);
        end_value(pen, MFER_OFF, &out);
    }
    if (column->has_nul && !common->has_nul)
        put_nul(pen, column, &out);
    if (!pen->has_common_filter)
        put_filters(pen, channel->filter, &out);
    for (const struct waveform_value *value = pen->file->recording.values; value;
         value = value->next) {
        uint64_t code = 0;
        if (text_equal(value->lead, channel->lead) && take_code(value, &code) &&
            !is_of_code(value, code))
            put_value(pen, value, code, &out);
    }
    if (out.len == 0)
        return;
    buf_byte(pen->out, MFER_ATT);
    if (index > 0x7F)
        buf_byte(pen->out, (uint8_t)(0x80 | index >> 7));
    buf_byte(pen->out, index & 0x7F);
    put_length(pen->out, out.len);
    buf_span(pen->out, buf_view(&out));
}

static void put_wave_type(struct pen *pen, const struct waveform_group *group)
{
    uint32_t code = mfer_wave_code(group->label);
    bool has_text = code == 0;
    if (code == 0)
        code = group->kind == WAVEFORM_REPRESENTATIVE ? 9
               : group->kind == WAVEFORM_LONG_TERM    ? 2
                                                      : PRIVATE_WFM;
    has_text &= group->label.len > 0;
    put_number(pen, &pen->value, code, has_text || code > UINT8_MAX ? 2 : 1);
    if (has_text)
        buf_text(&pen->value, group->label);
    end_value(pen, MFER_WFM, pen->out);
}

static void put_point(struct pen *pen, const struct waveform_group *group)
{
    double rate = pen->columns[0].channel->rate_hz / 1000;
    double point = fmax(INT32_MIN, fmin(INT32_MAX, round(group->start_ms * rate)));
    int32_t number = (int32_t)point;
    put_number(pen, &pen->value, (uint64_t)(int64_t)number, signed_bytes(number));
    end_value(pen, MFER_PNT, pen->out);
}

static void put_group(struct pen *pen, const struct waveform_group *group, bool is_first)
{
    const struct column *first = &pen->columns[0];
    struct common common = common_of(pen);
    put_wave_type(pen, group);
    put_interval(pen, first->channel, pen->out);
    if (common.has_sensitivity)
        put_sensitivity(pen, first->channel, pen->out);
    else if (!is_first)
        end_value(pen, MFER_SEN, pen->out); /* length 0: as if never said */
    put_count(pen, MFER_BLK, first->block_count, pen->out);
    put_type(pen, first, pen->out);
    put_count(pen, MFER_CHN, pen->column_count, pen->out);
    put_count(pen, MFER_SEQ, pen->sequence_count, pen->out);
    if (common.has_nul)
        put_nul(pen, first, pen->out);
    else if (!is_first)
        end_value(pen, MFER_NUL, pen->out);
    if (!is_first || fabs(group->start_ms) > 0)
        put_point(pen, group);
    for (size_t i = 0; i < pen->column_count; i++)
        put_attributes(pen, i, &common);
    if (is_first) {
        put_values(pen);
        put_statements(pen);
        put_annotations(pen);
    }
    buf_byte(pen->out, MFER_WAV);
    put_length(pen->out, pen->data_bytes);
}

static void put_block(struct pen *pen, const struct column *column, uint64_t from)
{
    double numbers[PIECE_SAMPLES];
    for (uint64_t done = 0; done < column->block_count && !pen->out->has_failed;) {
        uint64_t left = column->block_count - done;
        size_t some = left < PIECE_SAMPLES ? (size_t)left : PIECE_SAMPLES;
        waveform_read(column->channel, from + done, some, numbers);
        for (size_t i = 0; i < some; i++) {
            bool is_gap = isnan(numbers[i]);
            put_sample(pen, pen->out, column->type,
                       is_gap && column->has_nul ? column->nul : numbers[i]);
        }
        done += some;
    }
}

/* ------------------------------------------------------------------ all */

static bool has_common_filter(const struct waveform_recording *recording)
{
    for (const struct waveform_group *group = recording->groups; group;
         group = group->next)
        for (size_t i = 0; i < group->channel_count; i++)
            if (!text_equal(group->channels[i].filter, recording->filter))
                return false;
    return true;
}

static void pen_free(struct pen *pen)
{
    buf_free(&pen->value);
    arena_free(&pen->arena);
}

static struct pen pen_of(const struct mfer_file *file, const struct mfer_options *options,
                         struct buf *out)
{
    return (struct pen){
        .file = file,
        .is_little_endian = options->is_little_endian,
        .has_common_filter = has_common_filter(&file->recording),
        .out = out,
        .value = buf_init(1 << 20),
        .arena = arena_init(4 << 20),
    };
}

static void begin(struct pen *pen, const struct mfer_options *options)
{
    put_identity(pen, options);
    if (pen->has_common_filter)
        put_filters(pen, pen->file->recording.filter, pen->out);
}

static bool nothing(struct err *err)
{
    return err_set(err, ERR_SYNTAX, "mfer_nothing", "no channel has samples");
}

bool mfer_write(const struct mfer_file *file, const struct mfer_options *options,
                struct buf *out, struct err *err)
{
    CLEANUP(pen_free) struct pen pen = pen_of(file, options, out);
    bool is_first = true;
    begin(&pen, options);
    for (const struct waveform_group *group = file->recording.groups; group;
         group = group->next) {
        if (!choose_columns(&pen, group, err))
            return false;
        if (pen.column_count == 0)
            continue;
        put_group(&pen, group, is_first);
        is_first = false;
        for (uint64_t s = 0; s < pen.sequence_count && !out->has_failed; s++)
            for (size_t i = 0; i < pen.column_count; i++)
                put_block(&pen, &pen.columns[i], s * pen.columns[i].block_count);
    }
    if (is_first)
        return nothing(err);
    buf_put(out, MFER_END, 2);
    return buf_check(&pen.value, err) && buf_check(out, err);
}

bool mfer_write_head(const struct mfer_file *file, const struct mfer_options *options,
                     struct buf *out, struct err *err)
{
    CLEANUP(pen_free) struct pen pen = pen_of(file, options, out);
    const struct waveform_group *group = file->recording.groups;
    pen.is_streamed = true;
    begin(&pen, options);
    if (!group)
        return nothing(err);
    if (!choose_columns(&pen, group, err))
        return false;
    if (pen.column_count == 0)
        return nothing(err);
    put_group(&pen, group, true);
    return buf_check(&pen.value, err) && buf_check(out, err);
}
