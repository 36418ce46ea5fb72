// SPDX-License-Identifier: Apache-2.0
/* The recording in words: what stands on the entry beside the drawing. */
#include <stdio.h>

#include "formats/waveform/waveform.h"

enum { ANNOTATIONS_SHOWN = 300, LEADS_SHOWN = 32, WORDS_BYTES = 600 };

static bool add_words(struct entry_item *item, const char *key, const char *words,
                      struct arena *arena, struct err *err)
{
    struct text copy = {0};
    if (!text_copy(text_cstr(words), arena, &copy, err))
        return false;
    entry_add_field(item, key, copy);
    return true;
}

/* 250 → "250", 62.5 → "62.5": no zeros that nobody measured. */
static void put_decimal(double number, char *out, size_t size)
{
    snprintf(out, size, "%.6g", number);
}

/* 23:59:58 of what takes longer than a minute, else seconds. */
static void put_duration(double ms, char *out, size_t size)
{
    unsigned long long seconds = (unsigned long long)(ms / 1000);
    if (seconds >= 60)
        snprintf(out, size, "%llu:%02llu:%02llu", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
    else
        snprintf(out, size, "%.6g 秒", ms / 1000);
}

/* The rate of all, or those that occur. */
static void put_rates(const struct waveform_group *group, char *out, size_t size)
{
    double last = -1;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < group->channel_count && used + 32 < size; i++) {
        double rate = group->channels[i].rate_hz;
        if (group->channels[i].from[0] || rate <= 0 || (rate >= last && rate <= last))
            continue;
        char number[24];
        put_decimal(rate, number, sizeof number);
        used += (size_t)snprintf(out + used, size - used, "%s%s Hz", used > 0 ? ", " : "",
                                 number);
        last = rate;
    }
}

static bool add_leads(const struct waveform_group *group, struct entry_item *item,
                      struct arena *arena, struct err *err)
{
    CLEANUP(buf_free) struct buf names = buf_init(1 << 16);
    struct span copy = {0};
    for (size_t i = 0; i < group->channel_count; i++) {
        if (i == LEADS_SHOWN) {
            buf_format(&names, " … (%zu)", group->channel_count);
            break;
        }
        buf_cstr(&names, i > 0 ? " " : "");
        buf_text(&names, group->channels[i].lead);
    }
    if (!buf_to_arena(&names, arena, &copy, err))
        return false;
    entry_add_field(item, "leads", (struct text){(const char *)copy.at, copy.len});
    return true;
}

static bool has_unsupported(const struct waveform_group *group)
{
    for (size_t i = 0; i < group->channel_count; i++)
        if (group->channels[i].is_unsupported)
            return true;
    return false;
}

static bool add_recording(const struct waveform_recording *recording,
                          const struct waveform_group *group, struct entry *entry,
                          struct arena *arena, struct err *err)
{
    char words[WORDS_BYTES];
    struct entry_item *item = entry_add_item(entry, "recording", 8, arena, err);
    if (!item)
        return false;
    entry_add_field(item, "name", group->label);
    if (!add_leads(group, item, arena, err))
        return false;
    put_rates(group, words, sizeof words);
    if (!add_words(item, "sampling", words, arena, err))
        return false;
    put_duration(waveform_duration_ms(group), words, sizeof words);
    if (!add_words(item, "length", words, arena, err))
        return false;
    entry_add_field(item, "filter", recording->filter);
    entry_add_field(item, "start", recording->start);
    entry_add_field(item, "instrument", recording->device);
    if (has_unsupported(group))
        entry_add_field(item, "comment", TEXT("圧縮形式は未対応"));
    return true;
}

static bool add_values(const struct waveform_recording *recording, struct entry *entry,
                       struct arena *arena, struct err *err)
{
    for (const struct waveform_value *value = recording->values; value;
         value = value->next) {
        struct entry_item *item = entry_add_item(entry, "observation", 6, arena, err);
        if (!item)
            return false;
        entry_add_field(item, "name", value->name);
        entry_add_field(item, "code", value->code);
        entry_add_field(item, "system", value->system);
        entry_add_field(item, "value", value->value);
        entry_add_field(item, "unit", value->unit);
        entry_add_field(item, "lead", value->lead);
    }
    return true;
}

static bool add_statements(const struct waveform_recording *recording,
                           struct entry *entry, struct arena *arena, struct err *err)
{
    for (const struct waveform_statement *statement = recording->statements; statement;
         statement = statement->next) {
        bool is_comment = strcmp(statement->kind, "comment") == 0;
        struct entry_item *item = entry_add_item(entry, statement->kind, 1, arena, err);
        if (!item)
            return false;
        entry_add_field(item, is_comment ? "value" : "text", statement->text);
    }
    return true;
}

static bool add_annotation(const struct waveform_annotation *note, struct entry *entry,
                           struct arena *arena, struct err *err)
{
    char words[64];
    struct entry_item *item = entry_add_item(entry, "annotation", 5, arena, err);
    if (!item)
        return false;
    unsigned long long ms = note->start_ms > 0 ? (unsigned long long)note->start_ms : 0;
    snprintf(words, sizeof words, "%llu:%02llu:%02llu.%03llu", ms / 3600000,
             ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    if (!add_words(item, "at", words, arena, err))
        return false;
    entry_add_field(item, "text", note->text);
    entry_add_field(item, "lead", note->lead);
    if (note->code > 0) {
        snprintf(words, sizeof words, "%u", (unsigned)note->code);
        if (!add_words(item, "code", words, arena, err))
            return false;
    }
    if (note->duration_ms <= 0)
        return true;
    put_duration(note->duration_ms, words, sizeof words);
    return add_words(item, "length", words, arena, err);
}

bool waveform_add_items(const struct waveform_recording *recording, struct entry *entry,
                        struct arena *arena, struct err *err)
{
    for (const struct waveform_group *group = recording->groups; group;
         group = group->next)
        if (!add_recording(recording, group, entry, arena, err))
            return false;
    if (!add_values(recording, entry, arena, err) ||
        !add_statements(recording, entry, arena, err))
        return false;
    size_t shown = 0;
    for (const struct waveform_annotation *note = recording->annotations;
         note && shown < ANNOTATIONS_SHOWN; note = note->next, shown++)
        if (!add_annotation(note, entry, arena, err))
            return false;
    return true;
}
