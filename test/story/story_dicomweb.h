// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories about DICOMweb: a person with studies, and a program that asks. */

#include "test/story/story_scene.h"

#define PIXELS                                                                           \
    "\"rows\":512,\"columns\":500,\"bits_allocated\":16,\"bits_stored\":12,"             \
    "\"is_signed\":true,\"samples\":1,\"photometric\":\"MONOCHROME2\",\"syntax\":"       \
    "\"RAW\",\"is_supported\":true,\"has_modality_lut\":false,\"has_voi_lut\":false,"    \
    "\"has_overlay\":false,\"voi_function\":\"LINEAR\",\"spacing_kind\":\"none\","       \
    "\"windows\":[]"
#define INSTANCE(uid, number, frames)                                                    \
    "{\"uid\":\"" uid "\",\"number\":" number ",\"frames\":" frames                      \
    ",\"sop_class\":\"1.2.840.10008.5.1.4.1.1.2\"," PIXELS "}"
#define SERIES_OF(uid, modality, kind, instances)                                        \
    "{\"number\":1,\"uid\":\"" uid "\",\"modality\":\"" modality                         \
    "\",\"description\":\"<b>\",\"body_part\":\"CHEST\",\"laterality\":\"\",\"kind\":"   \
    "\"" kind "\",\"instances\":[" instances "]}"
#define STUDY_OF(uid, date, accession, modalities, series)                               \
    "{\"study_uid\":\"" uid "\",\"date\":\"" date                                        \
    "\",\"time\":\"12:30\",\"description\":\"胸部<\",\"accession\":\"" accession         \
    "\",\"modalities\":[" modalities "],\"series\":[" series "]}"

#define CT_UID "1.2.840.1"
#define CR_UID "1.2.840.12"
#define CT                                                                               \
    STUDY_OF(CT_UID, "2026-10-01", "A1", "\"CT\",\"SR\"",                                \
             SERIES_OF(                                                                  \
                 "1.2.3", "CT", "image",                                                 \
                 INSTANCE("1.2.3.1", "1", "1") "," INSTANCE(                             \
                     "1.2.3.2", "2", "3")) "," SERIES_OF("1.2.4", "SR", "report",        \
                                                         INSTANCE("1.2.4.1", "1", "0")))
#define CR                                                                               \
    STUDY_OF(CR_UID, "2026-10-02", "B7", "\"CR\"",                                       \
             SERIES_OF("1.2.5", "CR", "image", INSTANCE("1.2.5.1", "1", "1")))

/* One that stands for itself, one that its order's entry shows, and an order whose
 * pictures are elsewhere. */
#define OWN_KEY "-/DICOM/" CT_UID
#define ORDER_KEY "2/OML-11/A"
#define EMPTY_KEY "3/OML-11/B"

static const struct told_study both[] = {
    {OWN_KEY, {200, "application/json", .body = CT}},
    {ORDER_KEY, {200, "application/json", .body = CR}},
    {NULL, {0}},
};

#define STUDIES "studies"
#define INSTANCE_2 "studies/" CT_UID "/series/1.2.3/instances/1.2.3.2"

static inline void say_picture(struct hospital *hospital, const char *key, char day)
{
    struct id_text record = id_to_text(hospital->record);
    say(hospital, 0,
        "\"type\":\"entry_put\",\"record\":\"%s\",\"key\":\"%s\",\"version\":\"%s\","
        "\"kind\":\"laboratory\",\"state\":\"current\",\"flags\":16,"
        "\"day\":\"2026-10-0%c\",\"is_open\":false,\"title\":\"画像\","
        "\"department_code\":\"01\",\"department\":\"内科\",\"author\":\"\",\"time\":"
        "\"\",\"order_number\":\"\",\"visible_from\":0",
        record.at, key, VERSION_1, day);
}

static inline struct scene pictures_new(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    hospital->studies = both;
    say_picture(hospital, OWN_KEY, '1');
    say_picture(hospital, ORDER_KEY, '2');
    say_picture(hospital, EMPTY_KEY, '3');
    say_put(hospital, 0, "4/OML-11/C", VERSION_1, "no pictures");
    CHECK(has_stored(hospital, 4));
    return scene;
}

/* ---- asking ---- */

struct web_reply {
    int status;
    char head[4096];
    char body[1 << 17];
    size_t len; /* of the body, which may hold any bytes */
};

/* `header` NULL = none. */
static inline struct web_reply *ask_as(struct browser *browser, const char *person,
                                       const char *what, const char *header)
{
    static struct web_reply reply;
    static char all[140000];
    char line[512];
    CLEANUP(buf_free) struct buf out = buf_init(8192);
    memset(&reply, 0, sizeof reply);
    snprintf(line, sizeof line, "GET /dicom-web/persons/%s/%s", person, what);
    write_request(browser, &out, line, -1, "");
    out.len -= 2; /* one more header before the end */
    buf_format(&out, "%s%s\r\n", header ? header : "", header ? "\r\n" : "");
    int fd = dial(http_server_port(browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    size_t len = receive_all(fd, all, sizeof all);
    close(fd);
    const char *end = strstr(all, "\r\n\r\n");
    uint64_t status = 0;
    CHECK(end && span_uint(span_of(all + 9, 3), 999, &status));
    if (!end)
        return &reply;
    reply.status = (int)status;
    snprintf(reply.head, sizeof reply.head, "%.*s", (int)(end - all), all);
    reply.len = len - (size_t)(end + 4 - all);
    if (reply.len < sizeof reply.body)
        memcpy(reply.body, end + 4, reply.len);
    return &reply;
}

static inline struct web_reply *ask(struct scene *scene, const char *what)
{
    return ask_as(&scene->clinic, scene->person, what, NULL);
}

static inline bool says(const struct web_reply *reply, const char *part)
{
    return memmem(reply->body, reply->len, part, strlen(part)) != NULL;
}

static inline bool was_asked(struct hospital *hospital, const char *part)
{
    pthread_mutex_lock(&hospital->lock);
    struct span asked = buf_view(&hospital->asked);
    bool is_there =
        asked.len > 0 && memmem(asked.at, asked.len, part, strlen(part)) != NULL;
    pthread_mutex_unlock(&hospital->lock);
    return is_there;
}

static inline void forget_asked(struct hospital *hospital)
{
    pthread_mutex_lock(&hospital->lock);
    hospital->asked.len = 0;
    pthread_mutex_unlock(&hospital->lock);
}

static inline bool is(const struct web_reply *reply, int status, const char *code)
{
    char member[96];
    snprintf(member, sizeof member, "\"code\":\"%s\"", code);
    bool is_right = reply->status == status && says(reply, member) &&
                    strstr(reply->head, "application/problem+json") &&
                    strstr(reply->head, "no-store");
    if (!is_right)
        printf("# %d %.300s\n", reply->status, reply->body);
    return is_right;
}
