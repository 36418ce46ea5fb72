// SPDX-License-Identifier: Apache-2.0
/* Person, time, device; notes, events and measured values. */
#include <stdio.h>

#include "formats/charset/charset.h"
#include "formats/mfer/mfer_reader.h"

enum { PARTS = 6, EVENT_START_AT = 2, EVENT_LENGTH_AT = 6, EVENT_TEXT_AT = 10 };

/* 姓^姓カナ^名^名カナ … */
static size_t split(struct text text, struct text parts[PARTS])
{
    struct span rest = text_span(text);
    struct span part = {0};
    size_t count = 0;
    while (count < PARTS && span_take(&rest, '^', &part)) {
        part = span_trim(part);
        parts[count++] = (struct text){(const char *)part.at, part.len};
    }
    return count;
}

static struct text joined(struct mfer_reader *reader, struct text a, struct text b)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 18);
    struct span copy = {0};
    if (a.len == 0 || b.len == 0)
        return a.len > 0 ? a : b;
    buf_text(&out, a);
    buf_byte(&out, ' ');
    buf_text(&out, b);
    if (!buf_to_arena(&out, reader->arena, &copy, reader->err))
        return (struct text){0};
    return (struct text){(const char *)copy.at, copy.len};
}

static void take_name(struct mfer_reader *reader, struct text text)
{
    struct text parts[PARTS] = {{0}};
    struct entry_patient *patient = &reader->file->patient;
    if (split(text, parts) < 2) {
        patient->name = text;
        return;
    }
    patient->name = joined(reader, parts[0], parts[2]);
    if (mfer_is_good(reader))
        patient->kana = joined(reader, parts[1], parts[3]);
}

/* 確定ID^検査時ID^仮ID: the first there is. */
static void take_number(struct mfer_reader *reader, struct text text)
{
    struct text parts[PARTS] = {{0}};
    size_t count = split(text, parts);
    for (size_t i = 0; i < count && i < 3; i++)
        if (parts[i].len > 0) {
            reader->file->patient.id = parts[i];
            return;
        }
}

static void take_age(struct mfer_reader *reader, const struct mfer_item *item)
{
    enum { YEAR_AT = 3, WHOLE_LEN = 7 };
    struct span value = item->value;
    if (value.len < WHOLE_LEN)
        return;
    int32_t day = day_from_date((int)mfer_part(reader, value, YEAR_AT, 2),
                                value.at[YEAR_AT + 2], value.at[YEAR_AT + 3]);
    if (day != DAY_NONE)
        reader->file->patient.birth_day = day;
}

static void take_sex(struct mfer_reader *reader, const struct mfer_item *item)
{
    static const char letters[] = {'U', 'M', 'F', 'O'};
    if (item->value.len == 1 && item->value.at[0] < sizeof letters)
        reader->file->patient.sex = letters[item->value.at[0]];
    else if (item->value.len > 0)
        mfer_find(reader, "mfer_sex_unknown", item->offset,
                  TEXT("性別（SEX）が規格の値ではありません"));
}

/* Local time without zone; short forms end with the day or the second. */
static void take_time(struct mfer_reader *reader, const struct mfer_item *item)
{
    enum { DAY_LEN = 4, SECOND_LEN = 7, MS_LEN = 9 };
    struct span value = item->value;
    struct waveform_recording *recording = &reader->file->recording;
    char words[64];
    char iso[DAY_TEXT_BYTES];
    int32_t day = value.len < DAY_LEN ? DAY_NONE
                                      : day_from_date((int)mfer_part(reader, value, 0, 2),
                                                      value.at[2], value.at[3]);
    bool has_time = value.len >= SECOND_LEN;
    if (day == DAY_NONE ||
        (has_time && (value.at[4] > 23 || value.at[5] > 59 || value.at[6] > 60))) {
        mfer_find(reader, "mfer_time_invalid", item->offset,
                  TEXT("計測時刻（TIM）が日時として正しくありません"));
        return;
    }
    day_to_iso(day, iso);
    int len = snprintf(words, sizeof words, "%s", iso);
    if (has_time)
        len += snprintf(words + len, sizeof words - (size_t)len, "T%02u:%02u:%02u",
                        value.at[4], value.at[5], value.at[6]);
    uint32_t ms = value.len >= MS_LEN ? mfer_part(reader, value, SECOND_LEN, 2) : 0;
    if (ms > 0 && ms < 1000)
        len += snprintf(words + len, sizeof words - (size_t)len, ".%03u", (unsigned)ms);
    if (text_copy((struct text){words, (size_t)len}, reader->arena, &recording->start,
                  reader->err))
        recording->day = day;
}

static void take_device(struct mfer_reader *reader, struct text text)
{
    struct text parts[PARTS] = {{0}};
    (void)split(text, parts);
    reader->file->recording.device = joined(reader, parts[0], parts[1]);
}

/* ------------------------------------------------------------------ notes */

static bool has_room(struct mfer_reader *reader, size_t offset)
{
    if (reader->note_count++ < MFER_NOTES_MAX)
        return true;
    if (reader->note_count == MFER_NOTES_MAX + 1)
        mfer_find(reader, "mfer_too_many_notes", offset,
                  TEXT("記事・イベント・計測値が多すぎるため、残りを読み飛ばしました"));
    return false;
}

static void add_statement(struct mfer_reader *reader, const char *kind, struct text text,
                          size_t offset)
{
    if (text.len == 0 || !has_room(reader, offset))
        return;
    struct waveform_statement *statement =
        ARENA_NEW(reader->arena, struct waveform_statement, reader->err);
    if (!statement)
        return;
    *statement = (struct waveform_statement){.kind = kind, .text = text};
    *reader->statement_end = statement;
    reader->statement_end = &statement->next;
}

/* What a channel's lead is called so far. */
static struct text lead_of(struct mfer_reader *reader, uint32_t channel)
{
    struct text name = {0};
    if (channel >= reader->channel_words)
        return name;
    const struct mfer_words *words = &reader->channels[channel];
    if (words->ldn_text.len > 0)
        return words->ldn_text;
    if (words->has & MFER_HAS_LDN)
        (void)!waveform_name_lead(words->ldn, reader->arena, &name, reader->err);
    return name;
}

/* Without a time, or from 0 for 0, the whole recording is meant. */
static void take_event(struct mfer_reader *reader, const struct mfer_item *item)
{
    struct span value = item->value;
    if (value.len < 2) {
        mfer_find(reader, "mfer_value_length", item->offset,
                  TEXT("イベントの長さが規格と違うため読み飛ばしました"));
        return;
    }
    uint32_t start = mfer_part(reader, value, EVENT_START_AT, 4);
    uint32_t duration = mfer_part(reader, value, EVENT_LENGTH_AT, 4);
    size_t text_len = value.len > EVENT_TEXT_AT ? value.len - EVENT_TEXT_AT : 0;
    struct text text =
        mfer_text(reader, span_part(value, EVENT_TEXT_AT, text_len), item->offset);
    if (start == 0 && duration == 0 && text.len > 0) {
        add_statement(reader, "interpretation", text, item->offset);
        return;
    }
    if (!mfer_is_good(reader) || !has_room(reader, item->offset))
        return;
    struct waveform_annotation *note =
        ARENA_NEW(reader->arena, struct waveform_annotation, reader->err);
    if (!note)
        return;
    double interval = mfer_interval_ms(reader);
    *note = (struct waveform_annotation){
        .start_ms = start * interval,
        .duration_ms = duration * interval,
        .text = text,
        .code = mfer_part(reader, value, 0, 2),
        .lead = lead_of(reader, item->channel),
    };
    *reader->annotation_end = note;
    reader->annotation_end = &note->next;
    reader->file->recording.annotation_count++;
}

static struct text number_words(struct mfer_reader *reader, uint32_t code, bool is_code)
{
    char words[48];
    struct text copy = {0};
    if (is_code)
        snprintf(words, sizeof words, "%u", (unsigned)code);
    else
        snprintf(words, sizeof words, "計測値 0x%04X", (unsigned)code);
    (void)!text_copy(text_cstr(words), reader->arena, &copy, reader->err);
    return copy;
}

static void take_value(struct mfer_reader *reader, const struct mfer_item *item)
{
    enum { TEXT_AT = 6 };
    struct text parts[PARTS] = {{0}};
    struct span value = item->value;
    if (value.len <= TEXT_AT) {
        mfer_find(reader, "mfer_value_length", item->offset,
                  TEXT("計測値（VAL）の長さが規格と違うため読み飛ばしました"));
        return;
    }
    uint32_t code = mfer_part(reader, value, 0, 2);
    uint32_t lead = 0;
    struct text text =
        mfer_text(reader, span_part(value, TEXT_AT, value.len - TEXT_AT), item->offset);
    (void)split(text, parts);
    if (parts[0].len == 0 || !mfer_is_good(reader) || !has_room(reader, item->offset))
        return;
    struct waveform_value *measured =
        ARENA_NEW(reader->arena, struct waveform_value, reader->err);
    if (!measured)
        return;
    *measured = (struct waveform_value){.name = mfer_value_name(code, &lead),
                                        .system = TEXT("99MFR"),
                                        .value = parts[0],
                                        .unit = parts[1],
                                        .lead = lead_of(reader, item->channel)};
    *reader->value_end = measured;
    reader->value_end = &measured->next;
    measured->code = number_words(reader, code, true);
    if (mfer_is_good(reader) && measured->name.len == 0)
        measured->name = number_words(reader, code, false);
    if (mfer_is_good(reader) && lead > 0)
        (void)!waveform_name_lead(lead, reader->arena, &measured->lead, reader->err);
}

/* ------------------------------------------------------------------ old tags */

static void keep_old(struct mfer_reader *reader, const struct mfer_item *item)
{
    struct mfer_old *old = &reader->old[item->tag - MFER_OLD_PNM];
    if (item->channel != MFER_NO_CHANNEL || old->value.bytes.len > 0)
        return;
    *old = (struct mfer_old){.value = {item->value, reader->is_little_endian},
                             .charset = reader->charset,
                             .offset = item->offset};
}

static void take_personal(struct mfer_reader *reader, const struct mfer_item *item)
{
    struct text text = {0};
    switch (item->tag) {
    case MFER_PNM:
        text = mfer_text(reader, item->value, item->offset);
        if (mfer_is_good(reader))
            take_name(reader, text);
        break;
    case MFER_PID:
        take_number(reader, mfer_text(reader, item->value, item->offset));
        break;
    case MFER_TIM:
        if (item->value.len > 0)
            take_time(reader, item);
        break;
    default:
        text = mfer_text(reader, item->value, item->offset);
        if (mfer_is_good(reader))
            add_statement(reader, "comment", text, item->offset);
        break;
    }
}

void mfer_use_old(struct mfer_reader *reader)
{
    static const uint8_t tags[] = {MFER_PNM, MFER_PID, MFER_TIM, MFER_MSS};
    if (reader->has_new_identity)
        return;
    for (size_t i = 0; i < sizeof tags && mfer_is_good(reader); i++) {
        const struct mfer_old *old = &reader->old[i];
        if (old->value.bytes.len == 0)
            continue;
        reader->is_little_endian = old->value.is_little_endian;
        reader->charset = old->charset;
        struct mfer_item item = {.tag = tags[i],
                                 .value = old->value.bytes,
                                 .offset = old->offset,
                                 .channel = MFER_NO_CHANNEL};
        mfer_find(reader, "mfer_old_tag", item.offset,
                  TEXT("古い版のタグを今の意味で読みました"));
        take_personal(reader, &item);
    }
}

static bool take_words(struct mfer_reader *reader, const struct mfer_item *item)
{
    switch (item->tag) {
    case MFER_INF:
    case MFER_EVT:
    case MFER_OLD_EVT:
        take_event(reader, item);
        return true;
    case MFER_VAL:
    case MFER_OLD_VAL:
        take_value(reader, item);
        return true;
    case MFER_NTE:
        add_statement(reader, "comment", mfer_text(reader, item->value, item->offset),
                      item->offset);
        return true;
    case MFER_OLD_PNM:
    case MFER_OLD_PID:
    case MFER_OLD_TIM:
    case MFER_OLD_MSS:
        keep_old(reader, item);
        return true;
    default:
        return false;
    }
}

bool mfer_note(struct mfer_reader *reader, const struct mfer_item *item)
{
    if (take_words(reader, item))
        return true;
    if (item->channel != MFER_NO_CHANNEL)
        return false;
    struct text text = {0};
    switch (item->tag) {
    case MFER_PNM:
    case MFER_PID:
    case MFER_TIM:
        reader->has_new_identity = true;
        take_personal(reader, item);
        return true;
    case MFER_MSS:
        take_personal(reader, item);
        return true;
    case MFER_AGE:
        take_age(reader, item);
        return true;
    case MFER_SEX:
        take_sex(reader, item);
        return true;
    case MFER_MAN:
        text = mfer_text(reader, item->value, item->offset);
        if (mfer_is_good(reader))
            take_device(reader, text);
        return true;
    case MFER_UID:
        reader->file->uid = mfer_text(reader, item->value, item->offset);
        return true;
    default:
        return false;
    }
}
