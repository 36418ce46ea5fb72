// SPDX-License-Identifier: Apache-2.0
/* Studies against a grant: what there is of one, then its frames and files. Requests name
 * places in the list that was answered last under the same opening, never a path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "formats/picture/picture.h"
#include "formats/waveform/waveform.h"
#include "gateway/answer/answer_parts.h"

#define ANSWER_MFER "application/vnd.mfer"

enum {
    LIST_BYTES_MAX = 96 << 20,
    REPORT_BYTES_MAX = 8 << 20,
    FILE_BYTES_MAX = 100 << 20, /* what is read whole: not frames of large files */
    READ_ARENA_BYTES = 128 << 20,
    SIDE_MAX = 1024,
    WINDOW_BYTES_MAX = 32
};

struct asked {
    struct text key;
    int64_t series, instance, frame;
    struct answer_rest rest;
    struct picture_wish wish;
    struct waveform_wish wave;
    enum answer_form form;
    char boundary[ANSWER_BOUNDARY_BYTES + 1];
};

/* ---- lists ---- */

static bool copy_instance(const struct answer_list *list, const struct asked *asked,
                          struct arena *arena, struct study_instance *instance,
                          struct err *err)
{
    if (asked->series >= (int64_t)list->content.series_count ||
        asked->instance >= (int64_t)list->content.series[asked->series].instance_count)
        return err_set(err, ERR_MISSING, "frame_missing", "not in the list");
    const struct study_instance *one =
        &list->content.series[asked->series].instances[asked->instance];
    *instance =
        (struct study_instance){.frames = one->frames, .size_bytes = one->size_bytes};
    return text_copy(one->folder, arena, &instance->folder, err) &&
           text_copy(one->name, arena, &instance->name, err) &&
           text_copy(one->uid, arena, &instance->uid, err) &&
           text_copy(one->version, arena, &instance->version, err) &&
           text_copy(one->kind, arena, &instance->kind, err);
}

/* What positions mean under an opening. */
static struct answer_place place_of(const struct release_permit *permit, struct text key)
{
    return (struct answer_place){release_grant(permit)->opening, key,
                                 release_place(permit)->path};
}

static bool find_instance(struct answer *answer, const struct release_permit *permit,
                          const struct asked *asked, struct arena *arena,
                          struct study_instance *instance, struct err *err)
{
    struct answer_place place = place_of(permit, asked->key);
    pthread_mutex_lock(&answer->lists_lock);
    const struct answer_list *list = answer_find_list(answer, &place, err);
    bool is_found = list && copy_instance(list, asked, arena, instance, err);
    pthread_mutex_unlock(&answer->lists_lock);
    return is_found;
}

/* ---- what is asked ---- */

static bool take_window(struct text window, struct picture_wish *wish, struct err *err)
{
    char copy[WINDOW_BYTES_MAX + 1] = {0};
    char *end = copy;
    memcpy(copy, window.at, window.len);
    wish->center = strtod(copy, &end);
    bool is_good = end != copy && *end == ',';
    const char *second = is_good ? end + 1 : copy;
    wish->width = strtod(second, &end);
    wish->has_window = true;
    is_good = is_good && end != second && *end == '\0' && wish->width > 0 &&
              wish->width < 1e9 && wish->center > -1e9 && wish->center < 1e9;
    return is_good || err_set(err, ERR_SYNTAX, "window_invalid", "no centre,width");
}

static bool take_wish(const struct json_value *body, struct picture_wish *wish,
                      struct err *err)
{
    struct text kind = TEXT("preview");
    struct text window = {0};
    int64_t side = SIDE_MAX;
    if (!json_take_text_or(body, "wish", 16, &kind, err) ||
        !json_take_text_or(body, "window", WINDOW_BYTES_MAX, &window, err) ||
        !json_take_int_or(body, "size", 1, SIDE_MAX, &side, err))
        return false;
    wish->kind = text_is(kind, "raw") ? PICTURE_RAW : PICTURE_JPEG;
    wish->side_max = (uint32_t)side;
    return window.len == 0 || take_window(window, wish, err);
}

static bool take_stretch(const struct json_value *body, struct waveform_wish *wave,
                         struct err *err)
{
    int64_t group = 0;
    int64_t from = 0;
    int64_t to = 0;
    int64_t columns = 0;
    if (!json_take_int_or(body, "group", 0, UINT32_MAX, &group, err) ||
        !json_take_int_or(body, "from_ms", 0, INT32_MAX, &from, err) ||
        !json_take_int_or(body, "to_ms", 0, INT32_MAX, &to, err) ||
        !json_take_int_or(body, "columns", 0, WAVEFORM_COLUMNS_MAX, &columns, err))
        return false;
    *wave = (struct waveform_wish){(uint32_t)group, (uint64_t)from, (uint64_t)to,
                                   (uint32_t)columns};
    return true;
}

/* The boundary stands between files that nobody looks through for it: random, and long
 * enough. */
static bool take_form(const struct json_value *body, struct asked *asked, struct err *err)
{
    struct text form = TEXT("zip");
    struct text boundary = {0};
    if (!json_take_text_or(body, "form", 16, &form, err))
        return false;
    if (asked->form == ANSWER_METADATA || text_is(form, "zip"))
        return true;
    if (!text_is(form, "multipart"))
        return err_set(err, ERR_SYNTAX, "form_invalid", "neither zip nor multipart");
    if (!json_take_text(body, "boundary", ANSWER_BOUNDARY_BYTES, &boundary, err))
        return false;
    asked->form = ANSWER_MULTIPART;
    memcpy(asked->boundary, boundary.at, boundary.len);
    return strspn(asked->boundary, "0123456789abcdef") == ANSWER_BOUNDARY_BYTES ||
           err_set(err, ERR_SYNTAX, "boundary_invalid", "not 32 hexadecimal digits");
}

static bool take_rest(const struct json_value *body, struct arena *arena,
                      struct answer_rest *rest, struct err *err)
{
    struct text stamp = TEXT("");
    rest->is_from_end = json_member(body, "last") != NULL;
    return json_take_int_or(body, rest->is_from_end ? "last" : "from", 0, INT64_MAX,
                            &rest->from, err) &&
           json_take_text_or(body, "if_stamp", HASH_HEX_BYTES, &stamp, err) &&
           text_copy(stamp, arena, &rest->if_stamp, err);
}

static const struct release_permit *ask_gate(struct answer *answer,
                                             struct http_call *call, struct asked *asked,
                                             struct err *err)
{
    struct text key = {0};
    CLEANUP(json_free_at) struct json_document *document = answer_read_body(call, err);
    const struct json_value *body = document ? json_root(document) : NULL;
    if (!body || !json_take_text(body, "key", UPLINK_KEY_BYTES_MAX, &key, err) ||
        !text_copy(key, http_arena(call), &asked->key, err) ||
        !json_take_int_or(body, "series", 0, STUDY_SERIES_MAX, &asked->series, err) ||
        !json_take_int_or(body, "instance", 0, STUDY_INSTANCES_MAX, &asked->instance,
                          err) ||
        !json_take_int_or(body, "frame", 0, UINT32_MAX, &asked->frame, err) ||
        !take_rest(body, http_arena(call), &asked->rest, err) ||
        !take_wish(body, &asked->wish, err) || !take_stretch(body, &asked->wave, err) ||
        !take_form(body, asked, err))
        return NULL;
    struct release_request request = {.grant = http_header(call, "tsumugi-grant"),
                                      .entry_key = asked->key,
                                      .wants_pictures = true};
    return release_decide_part(answer->config.release, &request, http_arena(call), err);
}

/* ---- POST /study ---- */

static bool read_content(struct answer *answer, const struct index_place *place,
                         struct arena *arena, struct study_content *content,
                         struct err *err)
{
    if (!study_is_place(place))
        return answer_describe_record(answer, place, arena, content, err);
    if (!answer->config.study)
        return err_set(err, ERR_MISSING, "not_found", "no study");
    return study_read_content(answer->config.study, place, arena, content, err);
}

static bool write_list(struct answer *answer, const struct release_permit *permit,
                       const struct asked *asked, struct buf *out, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init_small(LIST_BYTES_MAX);
    struct study_content content = {0};
    struct answer_place place = place_of(permit, asked->key);
    struct json_writer writer = json_writer(out);
    if (!read_content(answer, release_place(permit), &arena, &content, err))
        return false;
    study_write_content(&writer, &content);
    return answer_keep_list(answer, &place, &content, err) && buf_check(out, err);
}

void answer_study(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct asked asked = {0};
    CLEANUP(buf_free) struct buf out = buf_init(STUDY_JSON_BYTES_MAX);
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_done = permit && write_list(answer, permit, &asked, &out, &err);
    if (is_done)
        release_count_part(answer->config.release, permit, (int64_t)out.len);
    else if (permit)
        release_end_empty(answer->config.release, permit);
    answer_send(call, &out, is_done, &err);
}

/* ---- POST /frame ---- */

static bool name_fault(struct err *err)
{
    struct err fault = *err;
    err_clear(err);
    if (strcmp(fault.code, "child_queue") == 0 || strcmp(fault.code, "child_start") == 0)
        return err_set(err, ERR_BUSY, "decoder_busy", "no decoder is free");
    if (strcmp(fault.code, "picture_unsupported") == 0)
        return err_set(err, ERR_REFUSED, "syntax_unsupported", "not decoded");
    if (fault.kind == ERR_MISSING && strcmp(fault.code, "instance_missing") != 0)
        return err_set(err, ERR_MISSING, "frame_missing", "%s", fault.code);
    if (fault.kind == ERR_SYNTAX || fault.kind == ERR_LIMIT)
        return err_set(err, ERR_REFUSED, "frame_broken", "%s", fault.code);
    *err = fault;
    return false;
}

struct loading {
    struct answer *answer;
    const struct study_instance *instance;
};

static bool load(void *self, struct arena *arena, struct span *bytes, struct err *err)
{
    const struct loading *loading = self;
    CLEANUP(path_close)
    int fd = answer_open_instance(loading->answer, loading->instance, err);
    return fd >= 0 && path_read(fd, FILE_BYTES_MAX, arena, bytes, err);
}

static int open_large(void *self, struct err *err)
{
    const struct loading *loading = self;
    return study_open_file(loading->answer->config.study, loading->instance, err);
}

static bool draw(struct answer *answer, const struct study_instance *instance,
                 const struct asked *asked, struct buf *reply, struct err *err)
{
    struct loading loading = {answer, instance};
    struct frames_source source = {.instance = text_span(instance->uid),
                                   .version = text_span(instance->version),
                                   .folder = text_span(instance->folder),
                                   .name = text_span(instance->name),
                                   .load = load,
                                   .self = &loading,
                                   .open = open_large,
                                   .size_bytes = (uint64_t)instance->size_bytes};
    return frames_take(answer->config.frames, &source, (uint32_t)asked->frame,
                       &asked->wish, reply, err) ||
           name_fault(err);
}

void answer_frame(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct asked asked = {0};
    struct study_instance instance;
    struct picture_result result;
    CLEANUP(buf_free) struct buf reply = buf_init(PICTURE_REPLY_BYTES_MAX);
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    if (!permit ||
        !find_instance(answer, permit, &asked, http_arena(call), &instance, &err) ||
        !draw(answer, &instance, &asked, &reply, &err) ||
        !picture_read_reply(buf_view(&reply), &result, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    bool is_raw = asked.wish.kind == PICTURE_RAW;
    release_count_part(answer->config.release, permit, (int64_t)result.bytes.len);
    http_add_header(call, "tsumugi-lossy", result.is_lossy || !is_raw ? "true" : "false");
    http_answer(call, 200, is_raw ? "application/octet-stream" : "image/jpeg",
                result.bytes);
}

/* ---- POST /instance ---- */

void answer_instance(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct asked asked = {0};
    struct study_instance instance;
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_found = permit && find_instance(answer, permit, &asked, http_arena(call),
                                            &instance, &err);
    CLEANUP(path_close)
    int fd = is_found ? answer_open_instance(answer, &instance, &err) : -1;
    struct stat status = {0};
    bool is_mfer = fd >= 0 && study_is_mfer(fd);
    struct answer_range range = {
        .content_type = is_mfer ? ANSWER_MFER : "application/dicom", .rest = asked.rest};
    if (fd < 0 || fstat(fd, &status) != 0 ||
        !answer_send_file(answer, call, &fd, &range, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    release_count_part(answer->config.release, permit, status.st_size - range.rest.from);
}

/* ---- POST /document, /report ---- */

/* A file that is read as a whole, until it was answered or is sent from where it lies. */
struct reading {
    struct answer *answer;
    int fd;
    int64_t bytes; /* of all that may be read at once */
    struct arena arena;
    struct span content;
    struct dicom_file *file;
};

static void end_reading(struct reading *reading)
{
    path_close(&reading->fd);
    arena_free(&reading->arena);
    answer_end_reading(reading->answer, reading->bytes);
}

static bool read_file(struct reading *reading, const struct study_instance *instance,
                      struct err *err)
{
    struct stat status;
    struct arena *arena = &reading->arena;
    reading->fd = answer_open_instance(reading->answer, instance, err);
    if (reading->fd < 0)
        return false;
    if (fstat(reading->fd, &status) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "cannot ask for its size");
    if (!answer_take_reading(reading->answer, status.st_size, err))
        return false;
    reading->bytes = status.st_size;
    *arena = arena_init(READ_ARENA_BYTES);
    return (path_read(reading->fd, FILE_BYTES_MAX, arena, &reading->content, err) &&
            dicom_read(reading->content, NULL, arena, &reading->file, err)) ||
           name_fault(err);
}

/* From the file itself, when it lies there as it is: the memory is free before the first
 * of it is sent. */
static bool send_document(struct reading *reading, struct http_call *call,
                          struct span document, struct err *err)
{
    static const char type[] = "application/octet-stream";
    const struct span *content = &reading->content;
    bool lies_there = document.at >= content->at &&
                      document.at + document.len <= content->at + content->len;
    if (!lies_there) {
        http_answer(call, 200, type, document);
        return true;
    }
    int64_t from = document.at - content->at;
    struct answer_range range = {
        .content_type = type, .rest = {.from = from}, .to = from + (int64_t)document.len};
    return answer_send_file(reading->answer, call, &reading->fd, &range, err);
}

void answer_document(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct asked asked = {0};
    struct study_instance instance;
    CLEANUP(end_reading) struct reading reading = {.answer = answer, .fd = -1};
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_read =
        permit &&
        find_instance(answer, permit, &asked, http_arena(call), &instance, &err) &&
        read_file(&reading, &instance, &err);
    struct span document = is_read ? dicom_document(reading.file) : (struct span){0};
    if (is_read && document.len == 0)
        is_read = err_set(&err, ERR_MISSING, "frame_missing", "no document in it");
    if (!is_read || !send_document(&reading, call, document, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    release_count_part(answer->config.release, permit, (int64_t)document.len);
}

static void write_line(struct json_writer *writer, const struct dicom_line *line)
{
    char level[16];
    bool is_heading = strcmp(line->type, "CONTAINER") == 0;
    CLEANUP(buf_free) struct buf words = buf_init(64 * 1024);
    struct text text = {0};
    struct err ignored = {0};
    /* A heading that says it already is enough, except for a line that says no more. */
    bool has_label = line->label.len > 0 && !(line->is_named && line->value.len > 0);
    if (has_label)
        buf_span(&words, text_span(line->label));
    if (line->value.len > 0) {
        buf_cstr(&words, has_label ? ": " : "");
        buf_span(&words, text_span(line->value));
    }
    if (line->unit.len > 0) {
        buf_byte(&words, ' ');
        buf_span(&words, text_span(line->unit));
    }
    if (!text_from_utf8(buf_view(&words), &text, &ignored) || text.len == 0)
        return;
    snprintf(level, sizeof level, "%u", line->level < 3 ? line->level + 1 : 4);
    json_open_object(writer);
    json_put_cstr(writer, "type", is_heading ? "heading" : "paragraph");
    json_put_text(writer, "text", text);
    if (is_heading)
        json_put_cstr(writer, "level", level);
    json_close_object(writer);
}

static bool write_report(const struct dicom_file *file, struct arena *arena,
                         struct buf *out, struct err *err)
{
    struct dicom_line *line = NULL;
    struct json_writer writer = json_writer(out);
    if (!dicom_report(file, arena, &line, err))
        return false;
    json_open_object(&writer);
    json_key(&writer, "items");
    json_open_array(&writer);
    for (; line; line = line->next)
        write_line(&writer, line);
    json_close_array(&writer);
    json_close_object(&writer);
    return buf_check(out, err);
}

void answer_report(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct asked asked = {0};
    struct study_instance instance;
    CLEANUP(buf_free) struct buf out = buf_init(REPORT_BYTES_MAX);
    CLEANUP(end_reading) struct reading reading = {.answer = answer, .fd = -1};
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_done =
        permit &&
        find_instance(answer, permit, &asked, http_arena(call), &instance, &err) &&
        read_file(&reading, &instance, &err) &&
        write_report(reading.file, &reading.arena, &out, &err);
    if (is_done)
        release_count_part(answer->config.release, permit, (int64_t)out.len);
    answer_send(call, &out, is_done, &err);
}

/* ---- POST /waveform ---- */

/* A day of it is not read as a whole; of a file that was cut meanwhile nothing is shown.
 */
static bool write_stretch(int fd, const struct waveform_wish *wish, struct arena *arena,
                          struct buf *out, struct err *err)
{
    CLEANUP(study_close_wave) struct study_wave wave = {0};
    struct err fault = {0};
    if (!(study_is_mfer(fd) ? study_open_wave(fd, arena, &wave, err)
                            : study_open_dicom_wave(fd, arena, &wave, err)))
        return name_fault(err);
    bool is_written = waveform_write(&wave.file.recording, wish, out, &fault);
    if (!study_check_wave(&wave, err))
        return false;
    if (!is_written)
        *err = fault;
    return is_written;
}

static bool write_waveform(struct answer *answer, const struct study_instance *instance,
                           const struct waveform_wish *wish, struct arena *arena,
                           struct buf *out, struct err *err)
{
    CLEANUP(path_close) int fd = answer_open_instance(answer, instance, err);
    return fd >= 0 && write_stretch(fd, wish, arena, out, err);
}

void answer_waveform(struct http_call *call, void *context)
{
    struct answer *answer = answer_of(context);
    struct err err = {0};
    struct asked asked = {0};
    struct study_instance instance;
    CLEANUP(buf_free) struct buf out = buf_init(WAVEFORM_WIRE_BYTES_MAX);
    const struct release_permit *permit = ask_gate(answer, call, &asked, &err);
    bool is_found = permit && find_instance(answer, permit, &asked, http_arena(call),
                                            &instance, &err);
    if (!is_found ||
        !write_waveform(answer, &instance, &asked.wave, http_arena(call), &out, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    release_count_part(answer->config.release, permit, (int64_t)out.len);
    http_answer(call, 200, "application/octet-stream", buf_view(&out));
}

/* ---- POST /archive, /metadata ---- */

static bool pack_instance(const struct answer_list *list, const struct asked *place,
                          struct answer_parcel *parcel, struct err *err)
{
    const struct study_series *from = &list->content.series[place->series];
    struct answer_parcel_file *file = &parcel->files[parcel->count++];
    bool is_mfer = text_is(from->kind, "waveform") && from->modality.len == 0;
    parcel->has_dicom = parcel->has_dicom || !is_mfer;
    snprintf(file->name, sizeof file->name,
             is_mfer ? "MFER/S%03zu/I%05zu.mwf" : "DICOM/S%03zu/I%05zu",
             (size_t)place->series + 1, (size_t)place->instance + 1);
    if (!copy_instance(list, place, &parcel->arena, &file->instance, err) ||
        !text_copy(from->uid, &parcel->arena, &file->series, err) ||
        !text_copy(from->modality, &parcel->arena, &file->modality, err))
        return false;
    parcel->bytes += file->instance.size_bytes;
    return true;
}

static bool pack_series(const struct answer_list *list, struct asked place,
                        struct answer_parcel *parcel, struct err *err)
{
    int64_t count = (int64_t)list->content.series[place.series].instance_count;
    if (place.instance >= count)
        return err_set(err, ERR_MISSING, "frame_missing", "not in the list");
    int64_t from = place.instance < 0 ? 0 : place.instance;
    int64_t to = place.instance < 0 ? count : from + 1;
    bool is_good = true;
    for (place.instance = from; is_good && place.instance < to; place.instance++)
        is_good = pack_instance(list, &place, parcel, err);
    return is_good;
}

/* The lists' lock is held. */
static bool pack(const struct answer_list *list, const struct asked *asked,
                 struct answer_parcel *parcel, struct err *err)
{
    int64_t count = (int64_t)list->content.series_count;
    struct asked place = *asked;
    if (asked->series >= count)
        return err_set(err, ERR_MISSING, "frame_missing", "not in the list");
    parcel->files = ARENA_MANY(&parcel->arena, struct answer_parcel_file,
                               list->content.instance_count + 1, err);
    bool is_good = parcel->files &&
                   text_copy(list->content.uid, &parcel->arena, &parcel->study, err);
    if (list->content.day != DAY_NONE)
        parcel->day_s = list->content.day * INT64_C(86400) - DAY_JAPAN_OFFSET_MS / 1000;
    int64_t from = asked->series < 0 ? 0 : asked->series;
    int64_t to = asked->series < 0 ? count : from + 1;
    for (place.series = from; is_good && place.series < to; place.series++)
        is_good = pack_series(list, place, parcel, err);
    if (is_good && !parcel->has_dicom && parcel->form == ANSWER_MULTIPART)
        return err_set(err, ERR_MISSING, "frame_missing", "no DICOM file in it");
    return is_good;
}

static struct answer_parcel *make_parcel(struct answer *answer,
                                         const struct release_permit *permit,
                                         const struct asked *asked, struct err *err)
{
    struct answer_parcel *parcel = memory_new(1, sizeof *parcel, err);
    if (!parcel)
        return NULL;
    parcel->arena = arena_init_small(LIST_BYTES_MAX);
    parcel->form = asked->form;
    parcel->opening = release_grant(permit)->opening;
    parcel->rest = asked->rest;
    memcpy(parcel->boundary, asked->boundary, sizeof parcel->boundary);
    parcel->permit = release_keep_permit(permit, &parcel->arena, err);
    struct answer_place place = place_of(permit, asked->key);
    bool is_kept = parcel->permit && text_copy(asked->rest.if_stamp, &parcel->arena,
                                               &parcel->rest.if_stamp, err);
    pthread_mutex_lock(&answer->lists_lock);
    const struct answer_list *list =
        is_kept ? answer_find_list(answer, &place, err) : NULL;
    bool is_good = list && pack(list, asked, parcel, err);
    pthread_mutex_unlock(&answer->lists_lock);
    if (is_good)
        return parcel;
    answer_free_parcel(parcel);
    return NULL;
}

/* Metadata are counted when they have been written, archives when their length is known.
 */
static void send_many(struct http_call *call, struct answer *answer, struct asked *asked)
{
    struct err err = {0};
    asked->series = asked->instance = -1;
    const struct release_permit *permit = ask_gate(answer, call, asked, &err);
    bool is_place = asked->instance < 0 || asked->series >= 0;
    if (permit && !is_place)
        err_set(&err, ERR_SYNTAX, "place_invalid", "an instance of no series");
    struct answer_parcel *parcel =
        permit && is_place ? make_parcel(answer, permit, asked, &err) : NULL;
    int64_t bytes = parcel ? parcel->bytes : 0;
    if (!parcel || !answer_send_parcel(answer, call, &parcel, &err)) {
        answer_free_parcel(parcel);
        http_answer_problem(call, &err);
        return;
    }
    if (asked->form == ANSWER_MULTIPART)
        release_count_part(answer->config.release, permit, bytes);
}

void answer_archive(struct http_call *call, void *context)
{
    struct asked asked = {.form = ANSWER_ZIP};
    send_many(call, answer_of(context), &asked);
}

void answer_metadata(struct http_call *call, void *context)
{
    struct asked asked = {.form = ANSWER_METADATA};
    send_many(call, answer_of(context), &asked);
}
