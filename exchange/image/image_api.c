// SPDX-License-Identifier: Apache-2.0
/* Routes: getStudy, getFrame, getInstance, getDocument, getReport, getWaveform,
 * downloadStudy. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "exchange/content/content_fetch.h"
#include "exchange/image/image_parts.h"
#include "exchange/opening/opening.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum {
    STUDY_WRITTEN_MAX = 2 * IMAGE_STUDY_BYTES_MAX,
    LARGE_STUDY_BYTES = 1 << 20,
    REPORT_BYTES_MAX = 4 << 20,
    PREVIEW_SIDE_MIN = 32,
    PREVIEW_SIDE_MAX = 1024,
    WINDOW_DIGITS_MAX = 12,
    /* For the rest of an archive its gateway looks at every file first. */
    ARCHIVE_REST_FIRST_BYTE_MS = 30000
};

struct image_service {
    struct content_service *contents;
    /* A large study is tens of megabytes, twice: one is written at a time. */
    pthread_mutex_t large;
};

struct image_service *image_new(struct content_service *contents, struct err *err)
{
    struct image_service *service = memory_new(1, sizeof *service, err);
    if (!service)
        return NULL;
    service->contents = contents;
    pthread_mutex_init(&service->large, NULL);
    return service;
}

void image_free(struct image_service *service)
{
    if (!service)
        return;
    pthread_mutex_destroy(&service->large);
    memory_free(service);
}

static void answer(struct http_call *call, struct image_service *service,
                   const struct content_way *way)
{
    struct err err = {0};
    if (!content_fetch_start(service->contents, call, way, service, &err))
        session_answer_problem(call, &err);
}

/* ---- places, and what came ---- */

static bool take_place(const struct http_call *call, const char *name, uint64_t count,
                       int64_t *place, struct err *err)
{
    uint64_t number = 0;
    if (!span_uint(http_param(call, name), count - 1, &number))
        return err_set(err, ERR_MISSING, "not_found", "no such place");
    *place = (int64_t)number;
    return true;
}

static bool ask_instance_at(struct content_wish *wish, struct json_writer *writer,
                            struct err *err)
{
    int64_t series = 0;
    int64_t instance = 0;
    if (!take_place(wish->call, "series", IMAGE_SERIES_MAX, &series, err) ||
        !take_place(wish->call, "instance", IMAGE_INSTANCES_MAX, &instance, err))
        return false;
    json_put_int(writer, "series", series);
    json_put_int(writer, "instance", instance);
    return true;
}

static bool begin_as(const struct content_fetched *fetched, const char *type,
                     struct content_passage *passage, struct err *err)
{
    passage->type = type;
    passage->length = fetched->length;
    return content_check_type(fetched, type, err);
}

/* ---- getStudy ---- */

static bool write_study(struct image_service *service, struct span body,
                        struct id facility, struct buf *out, struct err *err)
{
    bool is_large = body.len > LARGE_STUDY_BYTES;
    if (is_large)
        pthread_mutex_lock(&service->large);
    bool is_written = image_write_study(body, facility, out, err);
    if (is_large)
        pthread_mutex_unlock(&service->large);
    return is_written;
}

static bool take_study(const struct content_wish *wish,
                       const struct content_fetched *fetched, struct span body,
                       struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(STUDY_WRITTEN_MAX);
    if (!content_check_type(fetched, "application/json", err) ||
        !write_study(wish->context, body, content_target_facility(wish->target), &out,
                     err))
        return false;
    content_count(wish, out.len);
    http_answer_json(wish->call, 200, &out);
    return true;
}

static void answer_study(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/study",
                                           .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                           .bytes_max = IMAGE_STUDY_BYTES_MAX,
                                           .answer = take_study};
    answer(call, context, &way);
}

/* ---- getFrame ---- */

static bool is_window_number(struct span number)
{
    for (size_t i = 0; i < number.len; i++)
        if (number.at[i] != '.' && (number.at[i] < '0' || number.at[i] > '9'))
            return false;
    return number.len > 0 && number.len <= WINDOW_DIGITS_MAX;
}

/* centre,width as the contract's pattern has it */
static bool is_window(struct span value)
{
    struct span center;
    if (!span_take(&value, ',', &center) || !value.at)
        return false;
    return is_window_number(span_part(center, span_starts(center, "-"), center.len)) &&
           is_window_number(value);
}

static bool ask_look(const struct http_call *call, struct json_writer *writer,
                     struct err *err)
{
    struct span size = {0};
    struct span window = {0};
    struct text text = {0};
    uint64_t side = 0;
    bool has_size = http_query(call, "size", &size);
    bool has_window = http_query(call, "window", &window);
    if ((has_size &&
         (!span_uint(size, PREVIEW_SIDE_MAX, &side) || side < PREVIEW_SIDE_MIN)) ||
        (has_window && !is_window(window)))
        return err_set(err, ERR_SYNTAX, "frame_invalid", "no such look at a frame");
    if (has_size)
        json_put_int(writer, "size", (int64_t)side);
    if (has_window && !text_from_utf8(window, &text, err))
        return false;
    if (has_window)
        json_put_text(writer, "window", text);
    return true;
}

static bool ask_frame(struct content_wish *wish, struct json_writer *writer,
                      struct err *err)
{
    int64_t frame = 0;
    if (!ask_instance_at(wish, writer, err) ||
        !take_place(wish->call, "frame", IMAGE_FRAMES_MAX, &frame, err))
        return false;
    json_put_int(writer, "frame", frame);
    return true;
}

static bool ask_preview(struct content_wish *wish, struct json_writer *writer,
                        struct err *err)
{
    if (!ask_frame(wish, writer, err))
        return false;
    json_put_cstr(writer, "wish", "preview");
    return ask_look(wish->call, writer, err);
}

static bool ask_raw(struct content_wish *wish, struct json_writer *writer,
                    struct err *err)
{
    struct span ignored;
    if (http_query(wish->call, "size", &ignored) ||
        http_query(wish->call, "window", &ignored))
        return err_set(err, ERR_SYNTAX, "frame_invalid", "raw values have no look");
    if (!ask_frame(wish, writer, err))
        return false;
    json_put_cstr(writer, "wish", "raw");
    return true;
}

static bool begin_raw(const struct content_wish *wish,
                      const struct content_fetched *fetched,
                      struct content_passage *passage, struct err *err)
{
    return begin_as(fetched, "application/octet-stream", passage, err) &&
           content_tell_lossy(wish, fetched, err);
}

static void answer_frame(struct http_call *call, void *context)
{
    static const struct content_way preview = {.path = "/frame",
                                               .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                               .bytes_max = IMAGE_PREVIEW_BYTES_MAX,
                                               .ask = ask_preview,
                                               .answer = content_answer_jpeg};
    static const struct content_way raw = {.path = "/frame",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .bytes_max = IMAGE_RAW_BYTES_MAX,
                                           .ask = ask_raw,
                                           .begin = begin_raw};
    struct err err = {0};
    struct span wanted = {0};
    bool is_said = http_query(call, "q", &wanted);
    if (is_said && span_is(wanted, "preview")) {
        answer(call, context, &preview);
    } else if (is_said && span_is(wanted, "raw")) {
        answer(call, context, &raw);
    } else {
        (void)err_set(&err, ERR_SYNTAX, "frame_invalid", "neither preview nor raw");
        session_answer_problem(call, &err);
    }
}

/* ---- getInstance ---- */

/* Of a download under its opening. */
static uint64_t place_of(const struct content_wish *wish)
{
    uint64_t series = 0;
    uint64_t instance = 0;
    struct span asked = {0};
    if (strcmp(wish->way->path, "/archive") != 0) {
        bool is_one =
            span_uint(http_param(wish->call, "series"), UINT32_MAX, &series) &&
            span_uint(http_param(wish->call, "instance"), UINT32_MAX, &instance);
        return is_one ? (series + 1) << 32 | (instance + 1) : 0;
    }
    bool has_series =
        http_query(wish->call, "series", &asked) && span_uint(asked, UINT32_MAX, &series);
    return has_series ? (series + 1) << 32 : 0;
}

/* What is asked for, and of what. */
struct wanted {
    struct image_range range;
    char stamp[CONTENT_STAMP_MAX]; /* empty: of what there is */
    bool is_recalled;              /* and not what the call says */
};

/* Who says nothing of what it goes on with means what it was told of first under this
 * opening. curl and wget do so, and wget puts the rest of a whole behind what it has: it
 * gets the rest of that very one, or a refusal. Readers of last bytes go on with nothing.
 */
static bool recall_stamp(const struct content_wish *wish, struct wanted *wanted,
                         struct err *err)
{
    struct hash stamp;
    bool is_rest = wanted->range.from > 0 && !wanted->range.is_from_end;
    wanted->is_recalled = opening_find_first(wish->opening, place_of(wish), &stamp);
    if (wanted->is_recalled)
        hash_to_hex(span_of(stamp.bytes, sizeof stamp.bytes), wanted->stamp);
    return wanted->is_recalled || !is_rest ||
           err_set(err, ERR_CONFLICT, "study_changed", "nothing was told of it");
}

/* A condition that is no stamp of ours is not met: the whole (RFC 9110, 13.1.5). HEAD
 * knows no ranges (14.2). */
static bool find_wanted(const struct content_wish *wish, struct wanted *wanted,
                        struct err *err)
{
    struct span condition = http_header(wish->call, "if-range");
    struct image_range range = image_read_range(http_header(wish->call, "range"));
    struct text stamp = image_read_stamp(condition);
    *wanted = (struct wanted){.range = {.to = -1}};
    if (!range.is_asked || http_call_method(wish->call) != HTTP_GET ||
        (condition.len > 0 && stamp.len == 0))
        return true;
    wanted->range = range;
    if (condition.len == 0)
        return recall_stamp(wish, wanted, err);
    memcpy(wanted->stamp, stamp.at, stamp.len);
    return true;
}

/* Once: what was told of first may be told while this is asked for. */
static bool ask_rest(const struct content_wish *wish, struct json_writer *writer,
                     struct err *err)
{
    struct wanted *wanted = wish->context;
    if (!find_wanted(wish, wanted, err))
        return false;
    if (wanted->range.is_from_end)
        json_put_int(writer, "last", wanted->range.from);
    else if (wanted->range.from > 0)
        json_put_int(writer, "from", wanted->range.from);
    if (*wanted->stamp)
        json_put_cstr(writer, "if_stamp", wanted->stamp);
    return true;
}

static void answer_rest(struct http_call *call, struct image_service *service,
                        const struct content_way *way)
{
    struct err err = {0};
    struct wanted *wanted = ARENA_NEW(http_arena(call), struct wanted, &err);
    if (!wanted || !content_fetch_start(service->contents, call, way, wanted, &err))
        session_answer_problem(call, &err);
}

static bool ask_instance(struct content_wish *wish, struct json_writer *writer,
                         struct err *err)
{
    return ask_instance_at(wish, writer, err) && ask_rest(wish, writer, err);
}

/* Where the rest that a gateway sends begins, and how long the whole is. */
static bool find_rest(const struct content_fetched *fetched, struct image_range *range,
                      int64_t *total, struct err *err)
{
    bool is_wrong = fetched->length <= 0;
    if (range->is_from_end) {
        int64_t asked = range->from;
        *total = fetched->whole_length;
        range->from = *total - fetched->length;
        is_wrong |= fetched->length != (asked < *total ? asked : *total);
    } else {
        is_wrong |= __builtin_add_overflow(range->from, fetched->length, total) ||
                    (fetched->whole_length >= 0 && fetched->whole_length != *total);
    }
    return !is_wrong ||
           err_set(err, ERR_SYNTAX, "content_length", "no length of what is left");
}

/* The gateway sends all that is left. */
static bool narrow(struct http_call *call, const struct content_fetched *fetched,
                   struct image_range range, struct content_passage *passage,
                   struct err *err)
{
    char content_range[96];
    int64_t total = 0;
    if (!find_rest(fetched, &range, &total, err))
        return false;
    int64_t last = range.to >= 0 && range.to < total ? range.to : total - 1;
    snprintf(content_range, sizeof content_range, "bytes %lld-%lld/%lld",
             (long long)range.from, (long long)last, (long long)total);
    http_add_header(call, "content-range", content_range);
    passage->status = 206;
    passage->is_part = last < total - 1;
    passage->length = last - range.from + 1;
    return true;
}

static void tell_stamp(const struct content_wish *wish,
                       const struct content_fetched *fetched)
{
    char quoted[CONTENT_STAMP_MAX + 2];
    struct hash stamp;
    snprintf(quoted, sizeof quoted, "\"%s\"", fetched->stamp);
    http_add_header(wish->call, "etag", quoted);
    http_add_header(wish->call, "accept-ranges", "bytes");
    if (hash_from_hex(span_cstr(fetched->stamp), stamp.bytes, sizeof stamp.bytes))
        opening_note_first(wish->opening, place_of(wish), &stamp);
}

/* A range is of what it was begun with; another comes whole, and so does all of an older
 * gateway that looks at no stamp or counts from no end, or had no time to look. */
static bool pass_range(const struct content_wish *wish,
                       const struct content_fetched *fetched,
                       struct content_passage *passage, struct err *err)
{
    const struct wanted *wanted = wish->context;
    bool is_same = !*wanted->stamp || strcmp(wanted->stamp, fetched->stamp) == 0;
    if (wanted->is_recalled && !is_same)
        return err_set(err, ERR_CONFLICT, "study_changed", "not what was told of first");
    if (!image_is_stamp(span_cstr(fetched->stamp)))
        return true;
    tell_stamp(wish, fetched);
    bool is_there = wanted->range.is_from_end
                        ? fetched->whole_length > 0
                        : wanted->range.from > 0 || fetched->length != 0;
    return !wanted->range.is_asked || !is_same || !is_there ||
           narrow(wish->call, fetched, wanted->range, passage, err);
}

/* An archive without a stamp comes from its first byte on, a file from where it was
 * asked for. */
static bool check_stamp(const struct content_wish *wish,
                        const struct content_fetched *fetched, struct err *err)
{
    const struct wanted *wanted = wish->context;
    return !*wanted->stamp || image_is_stamp(span_cstr(fetched->stamp)) ||
           err_set(err, ERR_BUSY, "source_changed", "an old gateway looks at no stamp");
}

/* A name of its own would carry the patient's data into download folders. */
static bool begin_instance(const struct content_wish *wish,
                           const struct content_fetched *fetched,
                           struct content_passage *passage, struct err *err)
{
    bool is_mfer = strcmp(fetched->type, "application/vnd.mfer") == 0;
    const char *type = is_mfer ? "application/vnd.mfer" : "application/dicom";
    if (!begin_as(fetched, type, passage, err) || !check_stamp(wish, fetched, err) ||
        !pass_range(wish, fetched, passage, err))
        return false;
    http_add_header(wish->call, "content-disposition",
                    is_mfer ? "attachment; filename=\"waveform.mwf\""
                            : "attachment; filename=\"image.dcm\"");
    return true;
}

static void answer_instance(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/instance",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .ask = ask_instance,
                                           .begin = begin_instance};
    answer_rest(call, context, &way);
}

/* ---- getDocument ---- */

static bool begin_document(const struct content_wish *wish,
                           const struct content_fetched *fetched,
                           struct content_passage *passage, struct err *err)
{
    if (!begin_as(fetched, "application/octet-stream", passage, err))
        return false;
    http_add_header(wish->call, "content-disposition",
                    "attachment; filename=\"document.bin\"");
    return true;
}

static void answer_document(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/document",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .bytes_max = IMAGE_DOCUMENT_BYTES_MAX,
                                           .ask = ask_instance_at,
                                           .begin = begin_document};
    answer(call, context, &way);
}

/* ---- getReport ---- */

static bool take_report(const struct content_wish *wish,
                        const struct content_fetched *fetched, struct span body,
                        struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(2 * REPORT_BYTES_MAX);
    if (!content_check_type(fetched, "application/json", err))
        return false;
    CLEANUP(json_free_at) struct json_document *document = json_parse(body, err);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    if (!document || !content_write_items(&writer, json_root(document), err))
        return false;
    json_close_object(&writer);
    if (!buf_check(&out, err))
        return false;
    content_count(wish, out.len);
    http_answer_json(wish->call, 200, &out);
    return true;
}

static void answer_report(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/report",
                                           .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                           .bytes_max = REPORT_BYTES_MAX,
                                           .ask = ask_instance_at,
                                           .answer = take_report};
    answer(call, context, &way);
}

/* ---- getWaveform ---- */

static bool ask_number(const struct http_call *call, struct json_writer *writer,
                       const char *name, uint64_t max, struct err *err)
{
    struct span value = {0};
    uint64_t number = 0;
    if (!http_query(call, name, &value))
        return true;
    if (!span_uint(value, max, &number))
        return err_set(err, ERR_SYNTAX, "waveform_range", "no such stretch");
    json_put_int(writer, name, (int64_t)number);
    return true;
}

static bool ask_waveform(struct content_wish *wish, struct json_writer *writer,
                         struct err *err)
{
    return ask_instance_at(wish, writer, err) &&
           ask_number(wish->call, writer, "group", IMAGE_WAVE_GROUPS_MAX, err) &&
           ask_number(wish->call, writer, "from_ms", INT32_MAX, err) &&
           ask_number(wish->call, writer, "to_ms", INT32_MAX, err) &&
           ask_number(wish->call, writer, "columns", IMAGE_WAVE_COLUMNS_MAX, err);
}

/* The client reads it as what it is: bounded numbers and texts. */
static bool begin_waveform(const struct content_wish *wish,
                           const struct content_fetched *fetched,
                           struct content_passage *passage, struct err *err)
{
    (void)wish;
    return begin_as(fetched, "application/octet-stream", passage, err);
}

static void answer_waveform(struct http_call *call, void *context)
{
    static const struct content_way way = {.path = "/waveform",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .bytes_max = IMAGE_WAVE_BYTES_MAX,
                                           .ask = ask_waveform,
                                           .begin = begin_waveform};
    answer(call, context, &way);
}

/* ---- downloadStudy ---- */

static bool ask_archive(struct content_wish *wish, struct json_writer *writer,
                        struct err *err)
{
    struct span series = {0};
    uint64_t place = 0;
    bool has_series = http_query(wish->call, "series", &series);
    if (has_series && !span_uint(series, IMAGE_SERIES_MAX - 1, &place))
        return err_set(err, ERR_MISSING, "not_found", "no such series");
    if (has_series)
        json_put_int(writer, "series", (int64_t)place);
    return ask_rest(wish, writer, err);
}

static bool begin_archive(const struct content_wish *wish,
                          const struct content_fetched *fetched,
                          struct content_passage *passage, struct err *err)
{
    if (!begin_as(fetched, "application/zip", passage, err) ||
        !pass_range(wish, fetched, passage, err))
        return false;
    http_add_header(wish->call, "content-disposition",
                    "attachment; filename=\"study.zip\"");
    return true;
}

static void answer_archive(struct http_call *call, void *context)
{
    static const struct content_way whole = {.path = "/archive",
                                             .total_ms = CONTENT_STREAM_TOTAL_MS,
                                             .ask = ask_archive,
                                             .begin = begin_archive};
    static const struct content_way rest = {.path = "/archive",
                                            .total_ms = CONTENT_STREAM_TOTAL_MS,
                                            .first_byte_ms = ARCHIVE_REST_FIRST_BYTE_MS,
                                            .ask = ask_archive,
                                            .begin = begin_archive};
    bool is_range = image_read_range(http_header(call, "range")).is_asked;
    answer_rest(call, context, is_range ? &rest : &whole);
}

#define OPENING "/api/v1/openings/{opening}/"
#define AT_INSTANCE "/{series}/{instance}"

static const struct http_route routes[] = {
    {HTTP_GET, OPENING "study", answer_study, 0},
    {HTTP_GET, OPENING "frames" AT_INSTANCE "/{frame}", answer_frame, 0},
    {HTTP_GET, OPENING "instances" AT_INSTANCE, answer_instance, 0},
    {HTTP_GET, OPENING "documents" AT_INSTANCE, answer_document, 0},
    {HTTP_GET, OPENING "waveforms" AT_INSTANCE, answer_waveform, 0},
    {HTTP_GET, OPENING "reports" AT_INSTANCE, answer_report, 0},
    {HTTP_GET, OPENING "study.zip", answer_archive, 0},
};

void image_routes(struct http_router *router, struct image_service *service)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
