// SPDX-License-Identifier: Apache-2.0
/* The routes: what is asked for, and what goes out once the study is found. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/dicomweb/dicomweb_parts.h"
#include "wire/http/http.h"

enum {
    METADATA_BYTES_MAX = 64 << 20,
    PREVIEW_BYTES_MAX = 4 << 20,
    RAW_BYTES_MAX = 256 << 20,
    SIDE_MIN = 32,
    SIDE_MAX = 1024,
    THUMBNAIL_SIDE = 128,
    WINDOW_MAX = 32,
    HOST_MAX = 128,
    BOUNDARY_LINE = 2 + 32 + 2, /* "--", the boundary, CRLF */
    TYPE_MAX = 160
};

#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"

static const struct dicomweb_media json_media = {DICOMWEB_JSON, NULL, NULL};
static const struct dicomweb_media plain_json = {"application/json", NULL, NULL};
static const struct dicomweb_media files_media = {"multipart/related",
                                                  "application/dicom", NULL};
static const struct dicomweb_media frames_media = {
    "multipart/related", "application/octet-stream", EXPLICIT_LITTLE};
static const struct dicomweb_media one_frame = {"application/octet-stream", NULL,
                                                EXPLICIT_LITTLE};
static const struct dicomweb_media picture_media = {"image/jpeg", NULL, NULL};

/* ---- life ---- */

struct dicomweb_service *dicomweb_new(const struct dicomweb_config *config,
                                      struct err *err)
{
    struct dicomweb_service *service = memory_new(1, sizeof *service, err);
    if (!service)
        return NULL;
    service->config = *config;
    service->kept = dicomweb_kept_new(&config->clock, err);
    if (!service->kept) {
        memory_free(service);
        return NULL;
    }
    pthread_mutex_init(&service->large, NULL);
    return service;
}

void dicomweb_free(struct dicomweb_service *service)
{
    if (!service)
        return;
    dicomweb_kept_free(service->kept);
    pthread_mutex_destroy(&service->large);
    memory_free(service);
}

/* ---- what is asked for ---- */

/* As a query parameter it stands for the header (PS3.18 8.3.3.1), for links. */
static bool accepts(const struct http_call *call, const struct dicomweb_media *media)
{
    struct span accept = http_header(call, "accept");
    (void)http_query(call, "accept", &accept);
    return dicomweb_accepts(accept, media);
}

static bool require(const struct http_call *call, const struct dicomweb_media *media,
                    struct err *err)
{
    return accepts(call, media) ||
           err_set(err, ERR_SYNTAX, "not_acceptable", "not %s", media->media);
}

/* Another site's page gets no answer out of a browser, and opens nothing with it. */
static bool check_origin(const struct http_call *call, struct err *err)
{
    struct span site = http_header(call, "sec-fetch-site");
    return site.len == 0 || span_is(site, "same-origin") || span_is(site, "none") ||
           err_set(err, ERR_REFUSED, "origin_foreign", "asked by another site");
}

/* Only what a name and a port are made of. */
static bool is_host(struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.at[i];
        bool is_word =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_word && (c == 0 || !strchr("-.:[]", c)))
            return false;
    }
    return host.len > 0 && host.len <= HOST_MAX;
}

static void write_base(struct dicomweb_errand *errand)
{
    struct id_text person = id_to_text(errand->person);
    struct span host = http_host(errand->call);
    const char *scheme = http_is_secure(errand->call) ? "https://" : "http://";
    bool is_good = is_host(host);
    snprintf(errand->base, sizeof errand->base, "%s%.*s/dicom-web/persons/%s",
             is_good ? scheme : "", is_good ? (int)host.len : 0,
             is_good ? (const char *)host.at : "", person.at);
}

/* A UID that is none is unknown. */
static bool take_uid(struct http_call *call, const char *name, struct text *uid,
                     struct err *err)
{
    struct span value = http_param(call, name);
    if (!dicomweb_is_uid(value))
        return err_set(err, ERR_MISSING, "not_found", "no UID");
    *uid = (struct text){(const char *)value.at, value.len};
    return true;
}

/* How deep a route goes. */
enum depth { PERSON, STUDY, SERIES, INSTANCE };

static struct dicomweb_errand *make_errand(struct dicomweb_service *service,
                                           struct http_call *call, enum depth depth,
                                           struct err *err)
{
    struct dicomweb_errand *errand =
        ARENA_NEW(http_arena(call), struct dicomweb_errand, err);
    if (!errand ||
        !session_require(service->config.sessions, call, SESSION_READS, &errand->actor,
                         err) ||
        !check_origin(call, err) || !http_param_id(call, "person", &errand->person, err))
        return NULL;
    errand->service = service;
    errand->call = call;
    errand->query = dicomweb_no_query(DICOMWEB_STUDIES);
    errand->study = errand->series = errand->instance = TEXT("");
    write_base(errand);
    bool is_good =
        (depth < STUDY || take_uid(call, "study", &errand->study, err)) &&
        (depth < SERIES || take_uid(call, "series", &errand->series, err)) &&
        (depth < INSTANCE || take_uid(call, "instance", &errand->instance, err));
    return is_good ? errand : NULL;
}

static bool read_query(struct dicomweb_errand *errand, enum dicomweb_level level,
                       struct err *err)
{
    struct span name;
    struct span value;
    errand->query = dicomweb_no_query(level);
    for (int i = 0; http_query_at(errand->call, i, &name, &value); i++)
        if (!dicomweb_take_parameter(&errand->query, level, name, value, err))
            return false;
    if (!accepts(errand->call, &plain_json))
        return require(errand->call, &json_media, err);
    return true;
}

static void set_out(struct http_call *call, struct dicomweb_errand *errand,
                    const struct dicomweb_goal *goal, const struct err *err)
{
    if (!errand || err->kind != ERR_NONE) {
        session_answer_problem(call, err);
        return;
    }
    errand->goal = goal;
    dicomweb_set_out(errand);
}

/* ---- searches ---- */

static void answer_studies(struct http_call *call, void *context)
{
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, PERSON, &err);
    if (errand)
        (void)!read_query(errand, DICOMWEB_STUDIES, &err);
    set_out(call, errand, &dicomweb_search_studies, &err);
}

static void answer_series(struct http_call *call, void *context)
{
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, STUDY, &err);
    if (errand)
        (void)!read_query(errand, DICOMWEB_SERIES, &err);
    set_out(call, errand, &dicomweb_search_series, &err);
}

static void answer_instances_below(struct http_call *call, void *context,
                                   enum depth depth)
{
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, depth, &err);
    if (errand)
        (void)!read_query(errand, DICOMWEB_INSTANCES, &err);
    set_out(call, errand, &dicomweb_search_instances, &err);
}

static void answer_study_instances(struct http_call *call, void *context)
{
    answer_instances_below(call, context, STUDY);
}

static void answer_series_instances(struct http_call *call, void *context)
{
    answer_instances_below(call, context, SERIES);
}

/* ---- what is fetched ---- */

/* Where series and instance stand; not further than they are named. */
static bool find_place(struct dicomweb_errand *errand, const struct dicomweb_study *study,
                       struct err *err)
{
    for (size_t i = 0; errand->series.len > 0 && i < study->count; i++) {
        const struct dicomweb_series *series = &study->series[i];
        if (!text_equal(errand->series, series->uid))
            continue;
        errand->place[0] = i;
        if (errand->instance.len == 0)
            return true;
        for (size_t k = 0; k < series->count; k++)
            if (text_equal(errand->instance, series->instances[k].uid)) {
                errand->place[1] = k;
                return true;
            }
    }
    return errand->series.len == 0 ||
           err_set(err, ERR_MISSING, "not_found", "no such series or instance");
}

static void put_place(const struct dicomweb_errand *errand, struct json_writer *writer)
{
    if (errand->series.len > 0)
        json_put_int(writer, "series", (int64_t)errand->place[0]);
    if (errand->instance.len > 0)
        json_put_int(writer, "instance", (int64_t)errand->place[1]);
}

static bool fetch(struct dicomweb_errand *errand, struct opening *opening,
                  const struct content_way *way, struct err *err)
{
    struct content_question question = {
        .way = way, .opening = opening, .context = errand};
    return content_fetch_opened(errand->service->config.contents, errand->call, &question,
                                err);
}

/* All of the study, of a series, or one instance. */
static bool fetch_all(struct dicomweb_errand *errand, struct opening *opening,
                      const struct dicomweb_study *study, const struct content_way *way,
                      struct err *err)
{
    if (!find_place(errand, study, err))
        return false;
    if (errand->instance.len == 0)
        dicomweb_warn_of_cut(errand, study);
    return fetch(errand, opening, way, err);
}

/* ---- metadata ---- */

static bool ask_metadata(struct content_wish *wish, struct json_writer *writer,
                         struct err *err)
{
    (void)err;
    put_place(wish->context, writer);
    return true;
}

static bool begin_metadata(const struct content_wish *wish,
                           const struct content_fetched *fetched,
                           struct content_passage *passage, struct err *err)
{
    (void)wish;
    passage->type = DICOMWEB_JSON;
    passage->length = fetched->length;
    return content_check_type(fetched, DICOMWEB_JSON, err);
}

static bool arrive_metadata(struct dicomweb_errand *errand, struct opening *opening,
                            const struct dicomweb_study *study, struct err *err)
{
    static const struct content_way way = {.path = "/metadata",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .bytes_max = METADATA_BYTES_MAX,
                                           .ask = ask_metadata,
                                           .begin = begin_metadata,
                                           .fail = dicomweb_part_failed};
    return fetch_all(errand, opening, study, &way, err);
}

static void answer_metadata(struct http_call *call, void *context, enum depth depth)
{
    static const struct dicomweb_goal goal = {.arrive = arrive_metadata};
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, depth, &err);
    if (errand && !accepts(call, &plain_json))
        (void)!require(call, &json_media, &err);
    set_out(call, errand, &goal, &err);
}

static void answer_study_metadata(struct http_call *call, void *context)
{
    answer_metadata(call, context, STUDY);
}

static void answer_series_metadata(struct http_call *call, void *context)
{
    answer_metadata(call, context, SERIES);
}

static void answer_instance_metadata(struct http_call *call, void *context)
{
    answer_metadata(call, context, INSTANCE);
}

/* ---- files ---- */

static bool ask_files(struct content_wish *wish, struct json_writer *writer,
                      struct err *err)
{
    const struct dicomweb_errand *errand = wish->context;
    (void)err;
    json_put_cstr(writer, "form", "multipart");
    json_put_cstr(writer, "boundary", errand->boundary.at);
    put_place(errand, writer);
    return true;
}

static bool put_multipart(const struct dicomweb_errand *errand, const char *type,
                          struct content_passage *passage, struct err *err)
{
    char text[TYPE_MAX];
    snprintf(text, sizeof text, "multipart/related; type=\"%s\"; boundary=%s", type,
             errand->boundary.at);
    passage->type = arena_string(http_arena(errand->call), span_cstr(text), err);
    return passage->type != NULL;
}

/* With another boundary nobody could tell the parts. */
static bool begin_files(const struct content_wish *wish,
                        const struct content_fetched *fetched,
                        struct content_passage *passage, struct err *err)
{
    const struct dicomweb_errand *errand = wish->context;
    char line[BOUNDARY_LINE + 1];
    snprintf(line, sizeof line, "--%s\r\n", errand->boundary.at);
    if (!content_check_type(fetched, "multipart/related", err))
        return false;
    if (!span_starts(span_of(fetched->first, fetched->first_bytes), line))
        return err_set(err, ERR_SYNTAX, "content_boundary", "another boundary");
    passage->length = fetched->length;
    return put_multipart(errand, "application/dicom", passage, err);
}

static bool arrive_files(struct dicomweb_errand *errand, struct opening *opening,
                         const struct dicomweb_study *study, struct err *err)
{
    static const struct content_way way = {.path = "/archive",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .first_bytes = BOUNDARY_LINE,
                                           .ask = ask_files,
                                           .begin = begin_files,
                                           .fail = dicomweb_part_failed};
    errand->boundary = id_to_text(id_new(&errand->service->config.rand));
    return fetch_all(errand, opening, study, &way, err);
}

static void answer_files(struct http_call *call, void *context, enum depth depth)
{
    static const struct dicomweb_goal goal = {.arrive = arrive_files};
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, depth, &err);
    if (errand)
        (void)!require(call, &files_media, &err);
    set_out(call, errand, &goal, &err);
}

static void answer_study_files(struct http_call *call, void *context)
{
    answer_files(call, context, STUDY);
}

static void answer_series_files(struct http_call *call, void *context)
{
    answer_files(call, context, SERIES);
}

static void answer_instance_file(struct http_call *call, void *context)
{
    answer_files(call, context, INSTANCE);
}

/* ---- frames ---- */

static bool check_frames(const struct dicomweb_errand *errand,
                         const struct dicomweb_study *study, struct err *err)
{
    int64_t frames = study->series[errand->place[0]].instances[errand->place[1]].frames;
    for (size_t i = 0; i < errand->frame_count; i++)
        if (errand->frames[i] >= frames)
            return err_set(err, ERR_MISSING, "not_found", "no such frame");
    return true;
}

static bool ask_frame(struct content_wish *wish, struct json_writer *writer,
                      struct err *err)
{
    const struct dicomweb_errand *errand = wish->context;
    (void)err;
    put_place(errand, writer);
    json_put_int(writer, "frame", errand->frames[wish->part]);
    json_put_cstr(writer, "wish", "raw");
    return true;
}

static bool begin_frames(const struct content_wish *wish,
                         const struct content_fetched *fetched,
                         struct content_passage *passage, struct err *err)
{
    const struct dicomweb_errand *errand = wish->context;
    passage->type = "application/octet-stream";
    if (!content_check_type(fetched, passage->type, err) ||
        !content_tell_lossy(wish, fetched, err))
        return false;
    if (errand->boundary.at[0] != '\0')
        return put_multipart(errand, "application/octet-stream", passage, err);
    passage->length = fetched->length;
    return true;
}

static bool arrive_frames(struct dicomweb_errand *errand, struct opening *opening,
                          const struct dicomweb_study *study, struct err *err)
{
    static const struct content_way way = {.path = "/frame",
                                           .total_ms = CONTENT_STREAM_TOTAL_MS,
                                           .bytes_max = RAW_BYTES_MAX,
                                           .ask = ask_frame,
                                           .begin = begin_frames,
                                           .fail = dicomweb_part_failed};
    bool is_plain = errand->frame_count == 1 && !accepts(errand->call, &frames_media);
    if (!is_plain)
        errand->boundary = id_to_text(id_new(&errand->service->config.rand));
    struct content_question question = {.way = &way,
                                        .opening = opening,
                                        .context = errand,
                                        .part_count = is_plain ? 0 : errand->frame_count,
                                        .part_type = "application/octet-stream",
                                        .boundary = errand->boundary.at};
    return find_place(errand, study, err) && check_frames(errand, study, err) &&
           content_fetch_opened(errand->service->config.contents, errand->call, &question,
                                err);
}

static void answer_frames(struct http_call *call, void *context)
{
    static const struct dicomweb_goal goal = {.arrive = arrive_frames};
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, INSTANCE, &err);
    if (errand && dicomweb_read_frames(http_param(call, "frames"), errand->frames,
                                       &errand->frame_count, &err)) {
        bool is_one = errand->frame_count == 1 && accepts(call, &one_frame);
        if (!is_one)
            (void)!require(call, &frames_media, &err);
    }
    set_out(call, errand, &goal, &err);
}

/* ---- pictures ---- */

static bool is_number(struct span text)
{
    enum { DIGITS_MAX = 12 };
    struct span digits = span_part(text, span_starts(text, "-"), text.len);
    for (size_t i = 0; i < digits.len; i++)
        if (digits.at[i] != '.' && (digits.at[i] < '0' || digits.at[i] > '9'))
            return false;
    return digits.len > 0 && digits.len <= DIGITS_MAX;
}

/* centre,width,linear (PS3.18 8.3.5.1.4); others are not made. */
static bool ask_window(const struct http_call *call, struct json_writer *writer,
                       struct err *err)
{
    struct span rest = {0};
    struct span center = {0};
    struct span width = {0};
    struct text text = {0};
    char window[WINDOW_MAX];
    if (!http_query(call, "window", &rest))
        return true;
    if (!span_take(&rest, ',', &center) || !span_take(&rest, ',', &width) ||
        !is_number(center) || !is_number(width) || span_starts(width, "-") ||
        (rest.at && !span_is(rest, "linear") && !span_is(rest, "LINEAR")))
        return err_set(err, ERR_SYNTAX, "query_invalid", "no window");
    int len = snprintf(window, sizeof window, "%.*s,%.*s", (int)center.len,
                       (const char *)center.at, (int)width.len, (const char *)width.at);
    if (!text_from_utf8(span_of(window, (size_t)len), &text, err))
        return false;
    json_put_text(writer, "window", text);
    return true;
}

/* width,height: the picture fits in (8.3.5.1.3); cut-outs are not made. */
static bool ask_size(const struct http_call *call, struct json_writer *writer,
                     uint64_t usual, struct err *err)
{
    struct span rest = {0};
    struct span first = {0};
    uint64_t width = usual;
    uint64_t height = usual;
    if (http_query(call, "viewport", &rest) &&
        (!span_take(&rest, ',', &first) || !span_uint(first, INT32_MAX, &width) ||
         !rest.at || !span_uint(rest, INT32_MAX, &height)))
        return err_set(err, ERR_SYNTAX, "query_invalid", "no viewport");
    uint64_t side = width < height ? width : height;
    if (side < SIDE_MIN)
        return err_set(err, ERR_SYNTAX, "query_invalid", "too small");
    json_put_int(writer, "size", side < SIDE_MAX ? (int64_t)side : SIDE_MAX);
    return true;
}

static bool ask_picture(const struct content_wish *wish, struct json_writer *writer,
                        uint64_t usual, struct err *err)
{
    const struct dicomweb_errand *errand = wish->context;
    json_put_int(writer, "series", (int64_t)errand->place[0]);
    json_put_int(writer, "instance", (int64_t)errand->place[1]);
    json_put_int(writer, "frame", errand->frames[0]);
    json_put_cstr(writer, "wish", "preview");
    return ask_size(wish->call, writer, usual, err) &&
           ask_window(wish->call, writer, err);
}

static bool ask_rendered(struct content_wish *wish, struct json_writer *writer,
                         struct err *err)
{
    return ask_picture(wish, writer, SIDE_MAX, err);
}

static bool ask_thumbnail(struct content_wish *wish, struct json_writer *writer,
                          struct err *err)
{
    return ask_picture(wish, writer, THUMBNAIL_SIDE, err);
}

static bool arrive_rendered(struct dicomweb_errand *errand, struct opening *opening,
                            const struct dicomweb_study *study, struct err *err)
{
    static const struct content_way way = {.path = "/frame",
                                           .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                           .bytes_max = PREVIEW_BYTES_MAX,
                                           .ask = ask_rendered,
                                           .answer = content_answer_jpeg,
                                           .fail = dicomweb_part_failed};
    return find_place(errand, study, err) && check_frames(errand, study, err) &&
           fetch(errand, opening, &way, err);
}

/* Of what is named: the middle one of the first series that has pictures. */
static bool find_thumbnail(struct dicomweb_errand *errand,
                           const struct dicomweb_study *study, struct err *err)
{
    for (size_t i = 0; i < study->count; i++) {
        const struct dicomweb_series *series = &study->series[i];
        bool is_meant =
            errand->series.len == 0 || text_equal(errand->series, series->uid);
        size_t middle = series->count / 2;
        if (!is_meant || series->count == 0 || series->instances[middle].frames == 0)
            continue;
        errand->place[0] = i;
        errand->place[1] = middle;
        return true;
    }
    return err_set(err, ERR_MISSING, "not_found", "no pictures");
}

static bool arrive_thumbnail(struct dicomweb_errand *errand, struct opening *opening,
                             const struct dicomweb_study *study, struct err *err)
{
    static const struct content_way way = {.path = "/frame",
                                           .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                           .bytes_max = PREVIEW_BYTES_MAX,
                                           .ask = ask_thumbnail,
                                           .answer = content_answer_jpeg,
                                           .fail = dicomweb_part_failed};
    bool is_found = errand->instance.len > 0 ? find_place(errand, study, err) &&
                                                   check_frames(errand, study, err)
                                             : find_thumbnail(errand, study, err);
    return is_found && fetch(errand, opening, &way, err);
}

static void answer_picture(struct http_call *call, void *context, enum depth depth,
                           const struct dicomweb_goal *goal, struct span frame)
{
    struct err err = {0};
    struct dicomweb_errand *errand = make_errand(context, call, depth, &err);
    if (errand &&
        dicomweb_read_frames(frame, errand->frames, &errand->frame_count, &err)) {
        if (errand->frame_count > 1)
            (void)err_set(&err, ERR_SYNTAX, "frame_invalid", "one picture at a time");
        else
            (void)!require(call, &picture_media, &err);
    }
    set_out(call, errand, goal, &err);
}

static const struct dicomweb_goal rendered = {.arrive = arrive_rendered};
static const struct dicomweb_goal thumbnail = {.arrive = arrive_thumbnail};

static void answer_rendered(struct http_call *call, void *context)
{
    answer_picture(call, context, INSTANCE, &rendered, SPAN("1"));
}

static void answer_rendered_frame(struct http_call *call, void *context)
{
    answer_picture(call, context, INSTANCE, &rendered, http_param(call, "frames"));
}

static void answer_study_thumbnail(struct http_call *call, void *context)
{
    answer_picture(call, context, STUDY, &thumbnail, SPAN("1"));
}

static void answer_series_thumbnail(struct http_call *call, void *context)
{
    answer_picture(call, context, SERIES, &thumbnail, SPAN("1"));
}

static void answer_instance_thumbnail(struct http_call *call, void *context)
{
    answer_picture(call, context, INSTANCE, &thumbnail, SPAN("1"));
}

static void answer_frame_thumbnail(struct http_call *call, void *context)
{
    answer_picture(call, context, INSTANCE, &thumbnail, http_param(call, "frames"));
}

#define STUDIES "/dicom-web/persons/{person}/studies"
#define OF_STUDY STUDIES "/{study}"
#define OF_SERIES OF_STUDY "/series/{series}"
#define OF_INSTANCE OF_SERIES "/instances/{instance}"
#define OF_FRAMES OF_INSTANCE "/frames/{frames}"

static const struct http_route routes[] = {
    {HTTP_GET, STUDIES, answer_studies, 0},
    {HTTP_GET, OF_STUDY, answer_study_files, 0},
    {HTTP_GET, OF_STUDY "/metadata", answer_study_metadata, 0},
    {HTTP_GET, OF_STUDY "/thumbnail", answer_study_thumbnail, 0},
    {HTTP_GET, OF_STUDY "/series", answer_series, 0},
    {HTTP_GET, OF_STUDY "/instances", answer_study_instances, 0},
    {HTTP_GET, OF_SERIES, answer_series_files, 0},
    {HTTP_GET, OF_SERIES "/metadata", answer_series_metadata, 0},
    {HTTP_GET, OF_SERIES "/thumbnail", answer_series_thumbnail, 0},
    {HTTP_GET, OF_SERIES "/instances", answer_series_instances, 0},
    {HTTP_GET, OF_INSTANCE, answer_instance_file, 0},
    {HTTP_GET, OF_INSTANCE "/metadata", answer_instance_metadata, 0},
    {HTTP_GET, OF_INSTANCE "/rendered", answer_rendered, 0},
    {HTTP_GET, OF_INSTANCE "/thumbnail", answer_instance_thumbnail, 0},
    {HTTP_GET, OF_FRAMES, answer_frames, 0},
    {HTTP_GET, OF_FRAMES "/rendered", answer_rendered_frame, 0},
    {HTTP_GET, OF_FRAMES "/thumbnail", answer_frame_thumbnail, 0},
};

void dicomweb_routes(struct http_router *router, struct dicomweb_service *service)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
