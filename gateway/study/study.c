// SPDX-License-Identifier: Apache-2.0
/* What the index is told of studies, and what a viewer is told of one. */
#include "gateway/study/study.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/study/study_parts.h"

enum {
    GATHER_MS = 200, /* files of one study come one after the other */
    SERIES_FIELDS = 6,
    STUDY_FIELDS = 6
};

/* ---- life ---- */

static void wake_for_orders(void *context)
{
    struct study *study = context;
    pthread_mutex_lock(&study->lock);
    study->is_woken = true;
    pthread_cond_signal(&study->word);
    pthread_mutex_unlock(&study->lock);
}

struct study *study_new(const struct study_config *config, struct err *err)
{
    struct study *study = memory_new(1, sizeof *study, err);
    if (!study)
        return NULL;
    study->config = *config;
    study->store = index_store(config->index);
    pthread_mutex_init(&study->lock, NULL);
    pthread_mutex_init(&study->sweeping, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&study->word, &monotonic);
    pthread_condattr_destroy(&monotonic);
    atomic_init(&study->is_ending, false);
    atomic_init(&study->has_told, false);
    index_watch_orders(config->index, wake_for_orders, study);
    return study;
}

static struct timespec after(int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return until;
}

/* The lock is held. Until the time has come, there is word (if that counts), or the end.
 */
static bool wait_until(struct study *study, const struct timespec *until, bool for_word)
{
    int result = 0;
    while (!(for_word && study->is_woken) && !atomic_load(&study->is_ending) &&
           result != ETIMEDOUT)
        result = pthread_cond_timedwait(&study->word, &study->lock, until);
    return result == ETIMEDOUT;
}

/* False when the next look at everything is due; else what came was noted. */
static bool wait_for_notes(struct study *study, const struct timespec *due,
                           struct study_noted **noted)
{
    pthread_mutex_lock(&study->lock);
    bool is_due = wait_until(study, due, true);
    if (!is_due) {
        struct timespec until = after(GATHER_MS);
        (void)wait_until(study, &until, false);
    }
    is_due = is_due || study->has_lost_notes;
    *noted = study->noted;
    study->noted = NULL;
    study->noted_count = 0;
    study->has_lost_notes = false;
    study->is_woken = false;
    pthread_mutex_unlock(&study->lock);
    return !is_due;
}

static void tell(const struct study *study, const struct err *err)
{
    if (study->config.log)
        log_err(study->config.log, "images", err);
}

void study_tell_again(struct study *study)
{
    pthread_mutex_lock(&study->lock);
    study->is_woken |= !study->is_to_tell;
    study->is_to_tell = true;
    pthread_cond_signal(&study->word);
    pthread_mutex_unlock(&study->lock);
}

bool study_has_told(const struct study *study)
{
    return atomic_load(&study->has_told);
}

static void tell_waiting(struct study *study)
{
    struct err err = {0};
    pthread_mutex_lock(&study->lock);
    bool is_to_tell = study->is_to_tell;
    pthread_mutex_unlock(&study->lock);
    if (!is_to_tell || !study->has_looked || study_has_told(study))
        return;
    pthread_mutex_lock(&study->sweeping);
    bool is_told = study_tell_index(study, true, &err);
    pthread_mutex_unlock(&study->sweeping);
    atomic_store(&study->has_told, is_told && !atomic_load(&study->is_ending));
    if (!is_told)
        tell(study, &err);
}

static void sweep(struct study *study)
{
    struct err err = {0};
    bool is_whole = study_sweep(study, &err);
    if (!is_whole)
        tell(study, &err);
    study->has_looked |= is_whole && !atomic_load(&study->is_ending);
    tell_waiting(study);
}

static void *run(void *context)
{
    struct study *study = context;
    while (!atomic_load(&study->is_ending)) {
        struct err err = {0};
        struct study_noted *noted = NULL;
        sweep(study);
        struct timespec due = after(study->config.sweep_ms);
        while (!atomic_load(&study->is_ending) && wait_for_notes(study, &due, &noted)) {
            err_clear(&err);
            if (!study_look_at_noted(study, noted, &err))
                tell(study, &err);
            noted = NULL;
            tell_waiting(study);
        }
        study_free_noted(noted); /* the look at everything sees them */
    }
    return NULL;
}

bool study_start(struct study *study, struct err *err)
{
    study->is_started = pthread_create(&study->thread, NULL, run, study) == 0;
    return study->is_started ||
           err_set(err, ERR_BUSY, "memory_short", "no thread for images");
}

void study_stop(struct study *study)
{
    if (!study || !study->is_started)
        return;
    atomic_store(&study->is_ending, true);
    pthread_mutex_lock(&study->lock);
    pthread_cond_signal(&study->word);
    pthread_mutex_unlock(&study->lock);
    pthread_join(study->thread, NULL);
    study->is_started = false;
}

struct study_discs study_look_up_discs(struct study *study)
{
    pthread_mutex_lock(&study->lock);
    struct study_discs discs = study->discs;
    pthread_mutex_unlock(&study->lock);
    return discs;
}

void study_free(struct study *study)
{
    if (!study)
        return;
    study_stop(study);
    index_watch_orders(study->config.index, NULL, NULL);
    study_free_noted(study->noted);
    pthread_cond_destroy(&study->word);
    pthread_mutex_destroy(&study->sweeping);
    pthread_mutex_destroy(&study->lock);
    memory_free(study);
}

/* ---- places ---- */

bool study_is_place(const struct index_place *place)
{
    return span_starts(text_span(place->path), STUDY_LABEL "/");
}

bool study_split_path(struct text path, struct text *uid, struct text *number,
                      struct err *err)
{
    struct span rest = text_span(path);
    struct span label = {0};
    struct span first = {0};
    if (!span_take(&rest, '/', &label) || !span_is(label, STUDY_LABEL) ||
        !span_take(&rest, '/', &first) || first.len == 0 || !rest.at)
        return err_set(err, ERR_MISSING, "not_found", "no study's place");
    return text_from_utf8(first, uid, err) && text_from_utf8(rest, number, err);
}

/* ---- the entry ---- */

enum entry_kind study_kind_of(const struct study_summary *summary)
{
    static const struct {
        const char *modality;
        enum entry_kind kind;
    } kinds[] = {{"ES", ENTRY_ENDOSCOPY},   {"ECG", ENTRY_PHYSIOLOGY},
                 {"EEG", ENTRY_PHYSIOLOGY}, {"EMG", ENTRY_PHYSIOLOGY},
                 {"EPS", ENTRY_PHYSIOLOGY}, {"HD", ENTRY_PHYSIOLOGY},
                 {"RESP", ENTRY_PHYSIOLOGY}};
    struct text modalities = summary->modalities;
    struct span rest = text_span(modalities);
    struct span one = {0};
    bool is_report = modalities.len > 0;
    bool is_document = modalities.len > 0;
    if (summary->is_waveform)
        return ENTRY_PHYSIOLOGY;
    while (span_take(&rest, ' ', &one)) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (span_is(one, kinds[i].modality))
                return kinds[i].kind;
        is_report = is_report && (span_is(one, "SR") || span_is(one, "KO"));
        is_document = is_document && span_is(one, "DOC");
    }
    if (is_report)
        return ENTRY_REPORT;
    return is_document ? ENTRY_DOCUMENT : ENTRY_RADIOLOGY;
}

bool study_write_text(struct arena *arena, struct text *text, struct err *err,
                      const char *format, ...)
{
    char line[1024];
    struct text whole = {0};
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof line)
        return err_set(err, ERR_LIMIT, "buf_full", "too long a text");
    return text_from_utf8(span_of(line, (size_t)len), &whole, err) &&
           text_copy(whole, arena, text, err);
}

/* What only accompanies pictures names no study that has some. */
static bool is_aside(struct span modality)
{
    static const char *const asides[] = {"SR", "KO", "PR", "DOC"};
    for (size_t i = 0; i < sizeof asides / sizeof *asides; i++)
        if (span_is(modality, asides[i]))
            return true;
    return false;
}

static bool write_title(const struct study_summary *summary, struct arena *arena,
                        struct text *title, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(1024);
    struct span copy = {0};
    for (int wants_aside = 0; wants_aside < 2 && out.len == 0; wants_aside++) {
        struct span rest = text_span(summary->modalities);
        struct span one = {0};
        while (span_take(&rest, ' ', &one)) {
            if (one.len == 0 || is_aside(one) != (wants_aside == 1))
                continue;
            buf_span(&out, one);
            buf_byte(&out, ' ');
        }
    }
    if (summary->description.len > 0)
        buf_span(&out, text_span(summary->description));
    else
        buf_cstr(&out, "画像");
    return buf_to_arena(&out, arena, &copy, err) && text_from_utf8(copy, title, err);
}

/* Of the order a study takes what holds it back, whatever the order's kind. Words only
 * where it is of the same kind: the policy cannot refuse them then and release this. */
static void take_from_order(struct entry *entry, const struct index_order *order)
{
    entry->department_code = order->department_code;
    entry->flags |= order->flags & ENTRY_SENSITIVE;
    if (order->kind != entry->kind)
        return;
    entry->department = order->department;
    if (order->state == ENTRY_CURRENT)
        entry->author = order->author;
}

static bool fill_entry(struct entry *entry, const struct study_summary *summary,
                       struct arena *arena, struct err *err)
{
    char iso[DAY_TEXT_BYTES];
    entry->day = summary->day;
    entry->flags = entry->kind == ENTRY_PHYSIOLOGY ? ENTRY_HAS_WAVEFORM : ENTRY_HAS_IMAGE;
    entry->order_number = summary->accession;
    if (summary->has_order)
        take_from_order(entry, &summary->order);
    day_to_iso(summary->day, iso);
    if (summary->time.len >= 5 && summary->day != DAY_NONE &&
        !study_write_text(arena, &entry->time, err, "%sT%.5s", iso, summary->time.at))
        return false;
    return write_title(summary, arena, &entry->title, err);
}

static bool add_study_item(struct entry *entry, struct text uid,
                           const struct study_summary *summary, struct arena *arena,
                           struct err *err)
{
    struct entry_item *item = entry_add_item(entry, "study", STUDY_FIELDS, arena, err);
    struct text count = {0};
    if (!item ||
        !study_write_text(arena, &count, err, "%lld", (long long)summary->instance_count))
        return false;
    entry_add_field(item, "study_uid", uid);
    entry_add_field(item, "accession", summary->accession);
    entry_add_field(item, "modality", summary->modalities);
    entry_add_field(item, "description", summary->description);
    entry_add_field(item, "instances", count);
    return true;
}

struct entry *study_make_entry(struct entry_list *list, struct text uid,
                               const struct study_summary *summary, struct arena *arena,
                               struct err *err)
{
    list->format = "dicom";
    struct entry *entry = entry_add(list, study_kind_of(summary), arena, err);
    return entry && fill_entry(entry, summary, arena, err) &&
                   add_study_item(entry, uid, summary, arena, err)
               ? entry
               : NULL;
}

/* ---- what a viewer is told ---- */

static bool add_series_items(struct entry *entry, const struct study_content *content,
                             struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < content->series_count; i++) {
        const struct study_series *series = &content->series[i];
        struct entry_item *item =
            entry_add_item(entry, "series", SERIES_FIELDS, arena, err);
        struct text number = {0};
        struct text count = {0};
        if (!item ||
            !study_write_text(arena, &number, err, "%lld", (long long)series->number) ||
            !study_write_text(arena, &count, err, "%zu", series->instance_count))
            return false;
        entry_add_field(item, "number", number);
        entry_add_field(item, "modality", series->modality);
        entry_add_field(item, "instances", count);
    }
    return true;
}

bool study_find_order(struct study *study, struct text number, struct text uid,
                      struct study_summary *summary, struct arena *arena, struct err *err)
{
    struct index_pictures pictures = {number, uid, summary->accession};
    return index_find_order(study->config.index, number, &pictures, arena,
                            &summary->order, &summary->has_order, err);
}

bool study_read_entry(struct study *study, const struct index_place *place,
                      struct arena *arena, struct entry_list *list, struct err *err)
{
    struct text uid = {0};
    struct text number = {0};
    struct study_summary summary;
    struct study_content content = {0};
    if (!study_split_path(place->path, &uid, &number, err) ||
        !study_summarise(study, uid, number, arena, &summary, err))
        return false;
    if (summary.instance_count == 0)
        return err_set(err, ERR_MISSING, "not_found", "the study is gone");
    struct entry *entry =
        study_find_order(study, place->number, uid, &summary, arena, err)
            ? study_make_entry(list, uid, &summary, arena, err)
            : NULL;
    return entry && study_read_content(study, place, arena, &content, err) &&
           add_series_items(entry, &content, arena, err);
}

bool study_read_content(struct study *study, const struct index_place *place,
                        struct arena *arena, struct study_content *content,
                        struct err *err)
{
    struct text number = {0};
    struct study_summary summary;
    *content = (struct study_content){.day = DAY_NONE};
    if (!study_split_path(place->path, &content->uid, &number, err) ||
        !text_copy(content->uid, arena, &content->uid, err) ||
        !study_summarise(study, content->uid, number, arena, &summary, err))
        return false;
    content->day = summary.day;
    content->time = summary.time;
    content->description = summary.description;
    content->accession = summary.accession;
    return study_read_rows(study, content->uid, number, arena, content, err);
}

static void write_series(struct json_writer *writer, const struct study_series *series)
{
    json_open_object(writer);
    json_put_int(writer, "number", series->number);
    json_put_text(writer, "uid", series->uid);
    json_put_text(writer, "modality", series->modality);
    json_put_text(writer, "kind", series->kind);
    json_put_text(writer, "description", series->description);
    json_put_text(writer, "body_part", series->body_part);
    json_put_text(writer, "laterality", series->laterality);
    if (series->space.len > 0)
        json_put_text(writer, "frame_of_reference", series->space);
    json_key(writer, "instances");
    json_open_array(writer);
    for (size_t i = 0; i < series->instance_count; i++)
        json_written_value(writer, series->instances[i].facts);
    json_close_array(writer);
    json_close_object(writer);
}

void study_write_content(struct json_writer *writer, const struct study_content *content)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(content->day, iso);
    json_open_object(writer);
    json_put_text(writer, "study_uid", content->uid);
    json_put_cstr(writer, "date", content->day == DAY_NONE ? "" : iso);
    json_put_text(writer, "time", content->time);
    json_put_text(writer, "description", content->description);
    json_put_text(writer, "accession", content->accession);
    if (content->has_more) {
        json_put_bool(writer, "is_cut", true);
        json_put_int(writer, "instance_total", (int64_t)content->instance_total);
    }
    json_key(writer, "modalities");
    json_open_array(writer);
    for (size_t i = 0; i < content->series_count; i++) {
        bool is_new = content->series[i].modality.len > 0; /* MFER has none */
        for (size_t j = 0; j < i && is_new; j++)
            is_new =
                !text_equal(content->series[i].modality, content->series[j].modality);
        if (is_new)
            json_text_value(writer, content->series[i].modality);
    }
    json_close_array(writer);
    json_key(writer, "series");
    json_open_array(writer);
    for (size_t i = 0; i < content->series_count; i++)
        write_series(writer, &content->series[i]);
    json_close_array(writer);
    json_close_object(writer);
}

int study_open_file(struct study *study, const struct study_instance *instance,
                    struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(16 * 1024);
    struct text path = {0};
    for (size_t i = 0; i < study->config.root_count; i++) {
        const struct study_root *root = &study->config.roots[i];
        size_t len = strlen(root->label);
        if (instance->folder.len <= len || instance->folder.at[len] != '/' ||
            memcmp(instance->folder.at, root->label, len) != 0)
            continue;
        struct text below = {instance->folder.at + len + 1,
                             instance->folder.len - len - 1};
        if (!study_write_text(&arena, &path, err, "%.*s%.*s", (int)below.len, below.at,
                              (int)instance->name.len, instance->name.at))
            return -1;
        const char *name = text_to_cstr(path, &arena, err);
        CLEANUP(path_close) int folder = name ? path_open_root(root->directory, err) : -1;
        int fd = folder >= 0 ? path_open_below(folder, name, err) : -1;
        if (fd >= 0)
            return fd;
        if (err->kind == ERR_NONE)
            break;
        err_clear(err);
        err_set(err, ERR_MISSING, "instance_missing", "the file is not there now");
        return -1;
    }
    err_set(err, ERR_MISSING, "instance_missing", "no folder of that label");
    return -1;
}
