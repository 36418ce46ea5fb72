// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Studies whose files a centre asks for many at a time, and what came of it. */

#include "gateway/gateway_testcentre.h"

#include "formats/dicom/dicom_testsite.h"
#include "gateway/study/study.h"

#define STUDY "1.2.392.5"
#define OPENING "{\"opening\":\"08000000000000000000000000000000\"}"
#define STUDY_KEY "-/DICOM/" STUDY

enum { FILE_COUNT = 3, PIXEL_BYTES = 200000, ANSWER_BYTES_MAX = 8 << 20, SOON_S = 60 };

static const char *const radiology_policy =
    "{\"version\":2,\"rules\":[{\"kinds\":[\"radiology\",\"physiology\","
    "\"patient\"],\"professions\":[\"doctor\"]}]}";

/* In reading order: two of the first series, one of the second. */
static const struct {
    const char *name, *series, *instance, *number;
} files[FILE_COUNT] = {{"pacs/1", STUDY ".1", STUDY ".1.1", "1"},
                       {"pacs/2", STUDY ".1", STUDY ".1.2", "2"},
                       {"pacs/3", STUDY ".2", STUDY ".2.1", "1"}};

/* ---- files ---- */

static inline void put_names(struct site *site, const char *series, const char *instance)
{
    put_string(site, DICOM_CHARACTER_SET, "CS", "\\ISO 2022 IR 87");
    put_string(site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.6.1");
    put_string(site, DICOM_SOP_INSTANCE, "UI", instance);
    put_string(site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(site, DICOM_MODALITY, "CS", "US");
    put_string(site, DICOM_PATIENT_NAME, "PN",
               "IIDA^HANAKO=\x1B$BHSED\x1B(B^\x1B$B2V;R\x1B(B");
    put_string(site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(site, DICOM_STUDY, "UI", STUDY);
    put_string(site, DICOM_SERIES, "UI", series);
}

static inline void keep_file(const struct scene *scene, const char *name,
                             struct site *site)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf whole = wrap(site, LITTLE);
    must(path_make_directory(in_folder(scene, "pacs"), &err), &err);
    must(path_write_file(in_folder(scene, name), buf_view(&whole), &err), &err);
    buf_free(&site->out);
}

/* `instance` may be another than the one that belongs into this file. */
static inline void put_picture(const struct scene *scene, size_t which,
                               const char *instance)
{
    struct site site = new_site(LITTLE);
    static uint8_t pixels[PIXEL_BYTES];
    memset(pixels, (int)which + 1, sizeof pixels);
    put_names(&site, files[which].series, instance);
    put_string(&site, DICOM_SERIES_NUMBER, "IS", which < 2 ? "1" : "2");
    put_string(&site, DICOM_INSTANCE_NUMBER, "IS", files[which].number);
    put_bytes(&site, DICOM_PIXELS, "OW", pixels, sizeof pixels);
    keep_file(scene, files[which].name, &site);
}

#define WAVE "1.2.392.7"

/* A recording that is no DICOM: a study of its own. */
static inline void put_wave(const struct scene *scene)
{
    struct err err = {0};
    static const uint8_t samples[100][2];
    struct waveform_channel channel = {.lead = waveform_lead_name(2),
                                       .lead_code = 2,
                                       .rate_hz = 100,
                                       .unit = TEXT("V"),
                                       .scale = 5e-6,
                                       .sample_count = 100};
    struct waveform_group group = {.kind = WAVEFORM_LONG_TERM,
                                   .label = TEXT("長時間心電図"),
                                   .channels = &channel,
                                   .channel_count = 1};
    struct mfer_file file = {.recording = {.day = day_from_date(2024, 5, 1),
                                           .start = TEXT("2024-05-01T09:30:15"),
                                           .groups = &group,
                                           .group_count = 1},
                             .patient = {TEXT(NUMBER), TEXT("飯田 花子"), TEXT(""),
                                         day_from_date(1950, 1, 2), 'F'},
                             .uid = TEXT(WAVE)};
    const struct mfer_options options = {.preamble = "Long term ECG"};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    must(mfer_write_head(&file, &options, &out, &err), &err);
    buf_put(&out, samples, sizeof samples);
    buf_put(&out, MFER_END, 2);
    must(path_write_file(in_folder(scene, "pacs/wave"), buf_view(&out), &err), &err);
}

#define PAPER "1.2.392.8"
enum { PAPER_BYTES = 3000001 }; /* an odd one is padded, and its length says so */

static inline struct span paper_bytes(void)
{
    static uint8_t bytes[PAPER_BYTES + 1];
    for (size_t i = 0; i < PAPER_BYTES; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    return span_of(bytes, PAPER_BYTES);
}

/* A document in a DICOM file, a study of its own (PS3.3 C.24.2). */
static inline void put_paper(const struct scene *scene)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.104.1");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", PAPER ".1.1");
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_MODALITY, "CS", "OT");
    put_string(&site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(&site, DICOM_STUDY, "UI", PAPER);
    put_string(&site, DICOM_SERIES, "UI", PAPER ".1");
    put_bytes(&site, DICOM_DOCUMENT, "OB", paper_bytes().at, PAPER_BYTES + 1);
    put_string(&site, DICOM_DOCUMENT_TYPE, "LO", "application/pdf");
    put_head(&site, DICOM_DOCUMENT_LENGTH, "UL", 4);
    put_u32(&site, PAPER_BYTES);
    keep_file(scene, "pacs/paper", &site);
}

static inline struct span read_back(struct scene *scene, const char *name)
{
    struct err err = {0};
    struct span bytes = {0};
    must(path_read_file(in_folder(scene, name), 4 << 20, &scene->arena, &bytes, &err),
         &err);
    return bytes;
}

/* ---- asking ---- */

/* What came of one request, of which the end has to be waited for. */
struct fetched {
    pthread_mutex_t lock;
    pthread_cond_t word;
    struct tunnel_exchange *exchange;
    struct buf body;
    int status;
    char type[64], stamp[80];
    int64_t length, whole_length; /* as the head says; < 0 = it does not */
    void (*meanwhile)(void); /* called once, when so many have come; NULL = nothing is */
    size_t meanwhile_bytes;
    bool has_ended;
    bool is_whole;
};

static inline void note_head(void *context, const struct tunnel_head *head)
{
    struct fetched *fetched = context;
    pthread_mutex_lock(&fetched->lock);
    fetched->status = head->status;
    snprintf(fetched->type, sizeof fetched->type, "%.*s", (int)head->content_type.len,
             (const char *)head->content_type.at);
    snprintf(fetched->stamp, sizeof fetched->stamp, "%.*s", (int)head->stamp.len,
             (const char *)head->stamp.at);
    fetched->length = head->content_length;
    fetched->whole_length = head->whole_length;
    pthread_mutex_unlock(&fetched->lock);
}

static inline void note_data(void *context, struct span bytes)
{
    struct fetched *fetched = context;
    pthread_mutex_lock(&fetched->lock);
    buf_span(&fetched->body, bytes);
    if (fetched->meanwhile && fetched->body.len >= fetched->meanwhile_bytes) {
        fetched->meanwhile();
        fetched->meanwhile = NULL;
    }
    tunnel_consume(fetched->exchange, bytes.len);
    pthread_mutex_unlock(&fetched->lock);
}

static inline void note_end(void *context, bool is_complete, const struct err *err)
{
    struct fetched *fetched = context;
    (void)err;
    pthread_mutex_lock(&fetched->lock);
    fetched->is_whole = is_complete;
    fetched->has_ended = true;
    pthread_cond_signal(&fetched->word);
    pthread_mutex_unlock(&fetched->lock);
}

static inline void free_fetched(struct fetched *fetched)
{
    buf_free(&fetched->body);
    pthread_cond_destroy(&fetched->word);
    pthread_mutex_destroy(&fetched->lock);
}
#define FETCHED CLEANUP(free_fetched) struct fetched

static inline void begin_fetched(struct fetched *fetched)
{
    *fetched = (struct fetched){.lock = PTHREAD_MUTEX_INITIALIZER,
                                .word = PTHREAD_COND_INITIALIZER,
                                .body = buf_init(ANSWER_BYTES_MAX)};
}

/* `members` behind the key: ",\"series\":0" */
static inline void fetch_into(struct scene *scene, const char *path, const char *members,
                              const struct wish *wish, struct fetched *fetched)
{
    static const struct tunnel_events events = {note_head, note_data, note_end};
    struct err err = {0};
    char body[512];
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    sign_wish(scene, wish, &wire);
    snprintf(body, sizeof body, "{\"key\":\"%s\"%s}", wish->key, members);
    struct tunnel_request request = {.method = "POST",
                                     .path = path,
                                     .body = span_cstr(body),
                                     .grant = buf_view(&wire),
                                     .first_byte_ms = 20000};
    pthread_mutex_lock(&fetched->lock);
    fetched->exchange = tunnel_send(scene->tunnel, &request, &events, fetched, &err);
    must(fetched->exchange, &err);
    while (!fetched->has_ended)
        pthread_cond_wait(&fetched->word, &fetched->lock);
    pthread_mutex_unlock(&fetched->lock);
}

static inline void fetch_as(struct scene *scene, const char *path, const char *members,
                            const struct wish *wish, struct fetched *fetched)
{
    begin_fetched(fetched);
    fetch_into(scene, path, members, wish, fetched);
}

static inline void fetch(struct scene *scene, const char *path, const char *members,
                         struct fetched *fetched)
{
    static const struct wish doctor = {STUDY_KEY, "doctor", ENTRY_RADIOLOGY, 0, NULL};
    fetch_as(scene, path, members, &doctor, fetched);
}

static inline bool is_refused(struct scene *scene, const char *path, const char *members,
                              int status, const char *code)
{
    char word[64];
    FETCHED fetched;
    fetch(scene, path, members, &fetched);
    snprintf(word, sizeof word, "\"code\":\"%s\"", code);
    bool is_same = fetched.status == status &&
                   memmem(fetched.body.at, fetched.body.len, word, strlen(word));
    if (!is_same)
        printf("# %s %s: %d %.*s\n", path, members, fetched.status, (int)fetched.body.len,
               (const char *)fetched.body.at);
    return is_same;
}

/* Until the gateway knows as many instances. */
static inline bool is_soon(struct scene *scene, size_t count)
{
    size_t last = SIZE_MAX;
    time_t until = time(NULL) + SOON_S;
    while (last != count && time(NULL) < until) {
        FETCHED study;
        fetch(scene, "/study", "", &study);
        last = 0;
        for (const uint8_t *at = study.body.at, *end = at + study.body.len;
             study.status == 200 &&
             (at = memmem(at, (size_t)(end - at), "\"syntax\":", 9)) != NULL;
             at++)
            last++;
        if (last != count)
            usleep(50000);
    }
    return last == count;
}

/* With what `put_more` adds, or NULL. */
static inline void begin_study(struct scene *scene,
                               void (*put_more)(const struct scene *))
{
    struct err err = {0};
    begin(scene);
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
    stop_gateway(scene);
    must(path_write_file(in_folder(scene, "policy.json"), span_cstr(radiology_policy),
                         &err),
         &err);
    add_image_folder(scene);
    for (size_t i = 0; i < FILE_COUNT; i++)
        put_picture(scene, i, files[i].instance);
    put_wave(scene);
    put_paper(scene);
    if (put_more)
        put_more(scene);
    start_gateway(scene);
    ANSWER hello = ask_hello(scene);
    CHECK(hello.status == 200);
}
