// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit_index.h"
#include "test/story/story_scene.h"

/* A person's studies as programs ask for them (DICOMweb): found under the same gate as
 * the calendar's entries, by their UIDs, with the same rows in the audit. */

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

static void say_picture(struct hospital *hospital, const char *key, char day)
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

static struct scene pictures_new(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    hospital->studies = both;
    say_picture(hospital, OWN_KEY, '1');
    say_picture(hospital, ORDER_KEY, '2');
    say_picture(hospital, EMPTY_KEY, '3');
    say_put(hospital, 0, "4/OML-11/C", VERSION_1, "no pictures");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 4);
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
static struct web_reply *ask_as(struct browser *browser, const char *person,
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

static struct web_reply *ask(struct scene *scene, const char *what)
{
    return ask_as(&scene->clinic, scene->person, what, NULL);
}

static bool says(const struct web_reply *reply, const char *part)
{
    return memmem(reply->body, reply->len, part, strlen(part)) != NULL;
}

static bool was_asked(struct hospital *hospital, const char *part)
{
    pthread_mutex_lock(&hospital->lock);
    struct span asked = buf_view(&hospital->asked);
    bool is_there =
        asked.len > 0 && memmem(asked.at, asked.len, part, strlen(part)) != NULL;
    pthread_mutex_unlock(&hospital->lock);
    return is_there;
}

static void forget_asked(struct hospital *hospital)
{
    pthread_mutex_lock(&hospital->lock);
    hospital->asked.len = 0;
    pthread_mutex_unlock(&hospital->lock);
}

static bool is(const struct web_reply *reply, int status, const char *code)
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

/* ---- refusals ---- */

static const char *const everything[] = {
    STUDIES,
    "studies/" CT_UID,
    "studies/" CT_UID "/metadata",
    "studies/" CT_UID "/thumbnail",
    "studies/" CT_UID "/series",
    "studies/" CT_UID "/instances",
    "studies/" CT_UID "/series/1.2.3",
    "studies/" CT_UID "/series/1.2.3/metadata",
    "studies/" CT_UID "/series/1.2.3/thumbnail",
    "studies/" CT_UID "/series/1.2.3/instances",
    INSTANCE_2,
    INSTANCE_2 "/metadata",
    INSTANCE_2 "/rendered",
    INSTANCE_2 "/thumbnail",
    INSTANCE_2 "/frames/1",
    INSTANCE_2 "/frames/1/rendered",
    INSTANCE_2 "/frames/1/thumbnail",
};
enum { EVERYTHING = sizeof everything / sizeof *everything };

static void nobody_and_a_stranger_get_nothing(void)
{
    struct scene scene = pictures_new();
    struct browser nobody = browser_new(scene.hospital->world);
    struct browser stranger = enter(scene.hospital->world, "pharmacy");
    char first[512] = "";
    for (size_t i = 0; i < EVERYTHING; i++) {
        CHECK(
            is(ask_as(&nobody, scene.person, everything[i], NULL), 401, "session_none"));
        const struct web_reply *reply =
            ask_as(&stranger, scene.person, everything[i], NULL);
        CHECK(is(reply, 404, "not_found"));
        if (i == 0)
            snprintf(first, sizeof first, "%.500s", reply->body);
        CHECK(strcmp(first, reply->body) == 0);
        /* as for a person that nobody is */
        reply =
            ask_as(&stranger, "0123456789abcdef0123456789abcdef", everything[i], NULL);
        CHECK(reply->status == 404 && strcmp(first, reply->body) == 0);
    }
    CHECK(scene.hospital->asked.len == 0);
    hospital_free(scene.hospital);
}

static void what_is_not_there_is_not_found(void)
{
    static const char *const unknown[] = {
        "studies/1.2.840.2/series",
        "studies/1.2.840/series",
        "studies/x/series",
        "studies/1.2.840.1%20/series",
        "studies/" CT_UID "/series/1.2.5/instances",
        "studies/" CT_UID "/series/1.2.5",
        "studies/" CT_UID "/series/1.2.3/instances/1.2.4.1/metadata",
        "studies/" CT_UID "/series/1.2.3/instances/1.2.3.1/frames/2",
        "studies/" CT_UID "/series/1.2.4/thumbnail",
        "studies/" CT_UID "/series/1.2.4/instances/1.2.4.1/rendered",
        INSTANCE_2 "/frames/4",
        INSTANCE_2 "/frames/1,4",
        INSTANCE_2 "/frames/4/rendered",
    };
    struct scene scene = pictures_new();
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK(is(ask(&scene, unknown[i]), 404, "not_found"));
    CHECK(!was_asked(scene.hospital, "/frame ") &&
          !was_asked(scene.hospital, "/archive ") &&
          !was_asked(scene.hospital, "/metadata "));
    hospital_free(scene.hospital);
}

static void what_cannot_be_answered_so_is_asked_of_nobody(void)
{
    static const struct {
        const char *what;
        const char *header;
        int status;
        const char *code;
    } refused[] = {
        {STUDIES "?PatientName=A*", NULL, 400, "query_invalid"},
        {STUDIES "?SeriesDescription=A", NULL, 400, "query_invalid"},
        {STUDIES "?StudyDate=2026", NULL, 400, "query_invalid"},
        {STUDIES "?StudyDate=20261301", NULL, 400, "query_invalid"},
        {STUDIES "?StudyDate=-", NULL, 400, "query_invalid"},
        {STUDIES "?StudyInstanceUID=1.2*", NULL, 400, "query_invalid"},
        {STUDIES "?limit=-1", NULL, 400, "query_invalid"},
        {STUDIES "?limit=a", NULL, 400, "query_invalid"},
        {STUDIES "?fuzzymatching=maybe", NULL, 400, "query_invalid"},
        {STUDIES, "Accept: application/dicom+xml", 406, "not_acceptable"},
        {STUDIES, "Accept: text/html, image/*", 406, "not_acceptable"},
        {STUDIES, "Accept: application/dicom+json;q=0", 406, "not_acceptable"},
        {STUDIES, "Sec-Fetch-Site: cross-site", 403, "origin_foreign"},
        {STUDIES, "Sec-Fetch-Site: same-site", 403, "origin_foreign"},
        {"studies/" CT_UID, "Accept: application/zip", 406, "not_acceptable"},
        {"studies/" CT_UID, "Accept: multipart/related; type=\"image/jpeg\"", 406,
         "not_acceptable"},
        {"studies/" CT_UID,
         "Accept: multipart/related; type=\"application/dicom\"; "
         "transfer-syntax=1.2.840.10008.1.2.4.50",
         406, "not_acceptable"},
        {INSTANCE_2 "/frames/1,2", "Accept: application/octet-stream", 406,
         "not_acceptable"},
        {INSTANCE_2 "/frames/1", "Accept: multipart/related; type=\"image/jls\"", 406,
         "not_acceptable"},
        {INSTANCE_2 "/rendered", "Accept: image/png", 406, "not_acceptable"},
        {INSTANCE_2 "/rendered?accept=image/png", NULL, 406, "not_acceptable"},
        {INSTANCE_2 "/frames/0", NULL, 400, "frame_invalid"},
        {INSTANCE_2 "/frames/1,,2", NULL, 400, "frame_invalid"},
        {INSTANCE_2 "/frames/a", NULL, 400, "frame_invalid"},
        {INSTANCE_2 "/frames/1,2/rendered", NULL, 400, "frame_invalid"},
    };
    struct scene scene = pictures_new();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        bool is_right =
            is(ask_as(&scene.clinic, scene.person, refused[i].what, refused[i].header),
               refused[i].status, refused[i].code);
        CHECK(is_right);
        if (!is_right)
            printf("# %s %s\n", refused[i].what,
                   refused[i].header ? refused[i].header : "");
    }
    CHECK(scene.hospital->asked.len == 0);
    hospital_free(scene.hospital);
}

static void withdraw_consent(struct scene *scene)
{
    char consent[128], line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", scene->person);
    struct reply reply = go(&scene->clinic, line, "");
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    CHECK(go(&scene->clinic, line, "{\"channel\":\"oral\"}").status == 200);
}

static void a_withdrawn_consent_ends_it_whatever_was_seen_before(void)
{
    struct scene scene = pictures_new();
    CHECK(ask(&scene, STUDIES)->status == 200);
    CHECK(ask(&scene, INSTANCE_2 "/rendered")->status == 200);
    withdraw_consent(&scene);
    forget_asked(scene.hospital);
    CHECK(ask(&scene, STUDIES)->status == 204);
    for (size_t i = 1; i < EVERYTHING; i++)
        CHECK(is(ask(&scene, everything[i]), 404, "not_found"));
    CHECK(scene.hospital->asked.len == 0);
    hospital_free(scene.hospital);
}

static void *search(void *context)
{
    return ask(context, STUDIES);
}

/* The last of them is never answered; the others had been by then. */
static void a_consent_that_is_withdrawn_during_a_search_ends_what_was_found(void)
{
    static const struct told_study studies[] = {
        {OWN_KEY, {.is_silent = true}},
        {ORDER_KEY, {200, "application/json", .body = CR}},
        {NULL, {0}},
    };
    struct scene scene = pictures_new();
    pthread_t thread;
    void *reply = NULL;
    scene.hospital->studies = studies;
    pthread_create(&thread, NULL, search, &scene);
    CHECK_SOON(was_asked(scene.hospital, OWN_KEY));
    withdraw_consent(&scene);
    pthread_join(thread, &reply);
    const struct web_reply *told = reply;
    CHECK(told->status == 204 && !says(told, CR_UID));
    hospital_free(scene.hospital);
}

/* ---- searches ---- */

static void studies_are_found_with_what_their_gateways_say(void)
{
    struct scene scene = pictures_new();
    const struct web_reply *reply = ask(&scene, STUDIES);
    CHECK(reply->status == 200 &&
          strstr(reply->head, "content-type: application/dicom+json\r\n"));
    CHECK(!strstr(reply->head, "warning"));
    const char *cr = strstr(reply->body, "\"0020000D\":{\"vr\":\"UI\",\"Value\":"
                                         "[\"" CR_UID "\"]}");
    const char *ct = strstr(reply->body, "\"0020000D\":{\"vr\":\"UI\",\"Value\":"
                                         "[\"" CT_UID "\"]}");
    CHECK(cr && ct && cr < ct); /* newest first */
    CHECK(says(reply, "\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20261001\"]}"));
    CHECK(says(reply, "\"00080030\":{\"vr\":\"TM\",\"Value\":[\"1230\"]}"));
    CHECK(says(reply, "\"00080061\":{\"vr\":\"CS\",\"Value\":[\"CT\",\"SR\"]}"));
    CHECK(says(reply, "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"胸部\\u003c\"]}"));
    CHECK(says(reply, "\"00201206\":{\"vr\":\"IS\",\"Value\":[2]}"));
    CHECK(says(reply, "\"00201208\":{\"vr\":\"IS\",\"Value\":[3]}"));
    CHECK(says(reply, "\"00100010\":{\"vr\":\"PN\"}") && !says(reply, "林"));
    CHECK(says(reply, "/studies/" CT_UID "\"]}") && says(reply, "http://localhost:"));
    hospital_free(scene.hospital);
}

static void a_search_takes_what_matches(void)
{
    static const struct {
        const char *query;
        bool has_ct;
        bool has_cr;
    } cases[] = {
        {"?StudyInstanceUID=" CT_UID, true, false},
        {"?0020000d=" CT_UID "," CR_UID, true, true},
        {"?StudyInstanceUID=" CT_UID "%5C1.2", true, false},
        {"?StudyInstanceUID=1.2.840", false, false},
        {"?StudyDate=20261002", false, true},
        {"?StudyDate=20261001-20261002", true, true},
        {"?StudyDate=20261002-", false, true},
        {"?StudyDate=-20261001", true, false},
        {"?StudyDate=20200101-20200131", false, false},
        {"?ModalitiesInStudy=SR", true, false},
        {"?ModalitiesInStudy=C*", true, true},
        {"?ModalitiesInStudy=C", false, false},
        {"?00080061=?R", true, true},
        {"?AccessionNumber=B?", false, true},
        {"?AccessionNumber=b7", false, false},
        {"?limit=1", false, true},
        {"?limit=1&offset=1", true, false},
        {"?offset=2", false, false},
        {"?limit=0", false, false},
        {"?includefield=all&fuzzymatching=true", true, true},
    };
    struct scene scene = pictures_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[256];
        snprintf(what, sizeof what, "studies%s", cases[i].query);
        const struct web_reply *reply = ask(&scene, what);
        bool is_right =
            says(reply, "[\"" CT_UID "\"]") == cases[i].has_ct &&
            says(reply, "[\"" CR_UID "\"]") == cases[i].has_cr &&
            reply->status == (cases[i].has_ct || cases[i].has_cr ? 200 : 204) &&
            (strstr(reply->head, "warning: 299") != NULL) ==
                (strstr(what, "fuzzy") != NULL);
        CHECK(is_right);
        if (!is_right)
            printf("# %s: %d %s\n", what, reply->status, reply->body);
    }
    hospital_free(scene.hospital);
}

static void what_need_not_be_asked_for_is_not(void)
{
    struct scene scene = pictures_new();
    CHECK(ask(&scene, STUDIES "?StudyDate=20261002")->status == 200);
    CHECK(was_asked(scene.hospital, ORDER_KEY) && !was_asked(scene.hospital, OWN_KEY));
    forget_asked(scene.hospital);
    CHECK(ask(&scene, STUDIES "?StudyDate=20261002")->status == 200);
    CHECK(scene.hospital->asked.len == 0); /* it is remembered under its opening */
    CHECK(ask(&scene, STUDIES)->status == 200);
    CHECK(was_asked(scene.hospital, EMPTY_KEY) && was_asked(scene.hospital, OWN_KEY) &&
          !was_asked(scene.hospital, ORDER_KEY));
    forget_asked(scene.hospital);
    CHECK(ask(&scene, STUDIES)->status == 200);
    CHECK(scene.hospital->asked.len == 0); /* also that there is none */
    hospital_free(scene.hospital);
}

static void series_and_instances_are_listed(void)
{
    struct scene scene = pictures_new();
    const struct web_reply *reply = ask(&scene, "studies/" CT_UID "/series");
    CHECK(reply->status == 200 && says(reply, "\"0020000E\":{\"vr\":\"UI\",\"Value\":"
                                              "[\"1.2.3\"]}"));
    CHECK(says(reply, "\"00201209\":{\"vr\":\"IS\",\"Value\":[2]}") &&
          says(reply, "/studies/" CT_UID "/series/1.2.4\"]"));
    reply = ask(&scene, "studies/" CT_UID "/series?Modality=SR");
    CHECK(says(reply, "[\"1.2.4\"]") && !says(reply, "[\"1.2.3\"]"));
    reply = ask(&scene, "studies/" CT_UID "/series/1.2.3/instances");
    CHECK(reply->status == 200 && says(reply, "[\"1.2.3.1\"]") &&
          says(reply, "[\"1.2.3.2\"]") && !says(reply, "1.2.4.1"));
    CHECK(says(reply, "\"00080016\":{\"vr\":\"UI\",\"Value\":"
                      "[\"1.2.840.10008.5.1.4.1.1.2\"]}"));
    CHECK(says(reply, "\"00280008\":{\"vr\":\"IS\",\"Value\":[3]}") &&
          says(reply, "\"00280011\":{\"vr\":\"US\",\"Value\":[500]}"));
    reply = ask(&scene, "studies/" CT_UID "/instances?SOPInstanceUID=1.2.4.1");
    CHECK(says(reply, "[\"1.2.4.1\"]") && !says(reply, "00280010") &&
          !says(reply, "1.2.3.1"));
    CHECK(ask(&scene, "studies/" CT_UID "/instances?limit=1&offset=3")->status == 204);
    hospital_free(scene.hospital);
}

static void a_gateway_that_is_off_is_said_of_a_search_and_refuses_a_study(void)
{
    struct scene scene = pictures_new();
    struct world *world = scene.hospital->world;
    struct err err = {0};
    world->hello_code = "9999999999"; /* it is not let in again */
    struct tunnel *tunnel =
        facility_gateway_take(world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(!facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    const struct web_reply *reply = ask(&scene, STUDIES);
    CHECK(reply->status == 204 && strstr(reply->head, "warning: 299"));
    CHECK(is(ask(&scene, INSTANCE_2 "/rendered"), 503, "gateway_away"));
    hospital_free(scene.hospital);
}

/* ---- what is fetched ---- */

static void every_part_is_asked_for_by_its_place(void)
{
    static const struct {
        const char *what;
        const char *header;
        const char *asked; /* of the gateway */
        const char *type;
    } parts[] = {
        {"studies/" CT_UID "/metadata", NULL, "/metadata {\"key\":\"" OWN_KEY "\"}\n",
         "application/dicom+json"},
        {"studies/" CT_UID "/series/1.2.4/metadata", "Accept: application/json",
         "/metadata {\"key\":\"" OWN_KEY "\",\"series\":1}\n", "application/dicom+json"},
        {INSTANCE_2 "/metadata", NULL, "\"series\":0,\"instance\":1}\n",
         "application/dicom+json"},
        {INSTANCE_2 "/rendered", "Accept: image/*;q=0.5, text/html;q=0",
         "\"series\":0,\"instance\":1,\"frame\":0,\"wish\":\"preview\",\"size\":1024}\n",
         "image/jpeg"},
        {INSTANCE_2 "/frames/3/rendered?viewport=300,200&window=40.5,400,linear", NULL,
         "\"frame\":2,\"wish\":\"preview\",\"size\":200,\"window\":\"40.5,400\"}\n",
         "image/jpeg"},
        {"studies/" CT_UID "/thumbnail", NULL,
         "\"series\":0,\"instance\":1,\"frame\":0,\"wish\":\"preview\",\"size\":128}\n",
         "image/jpeg"},
        {"studies/" CR_UID "/series/1.2.5/instances/1.2.5.1/thumbnail?viewport=64,64",
         NULL,
         "/frame {\"key\":\"" ORDER_KEY "\",\"series\":0,\"instance\":0,\"frame\":0,"
         "\"wish\":\"preview\",\"size\":64}\n",
         "image/jpeg"},
        {INSTANCE_2 "/frames/2", "Accept: application/octet-stream",
         "\"frame\":1,\"wish\":\"raw\"}\n", "application/octet-stream"},
        {"studies/" CT_UID, NULL, "/archive {\"key\":\"" OWN_KEY "\",\"form\":",
         "multipart/related; type=\"application/dicom\"; boundary="},
        {"studies/" CT_UID "/series/1.2.3",
         "Accept: multipart/related; type=\"application/dicom\"; transfer-syntax=*",
         "\",\"series\":0}\n", "multipart/related; type=\"application/dicom\""},
        {INSTANCE_2, "Accept: */*", "\",\"series\":0,\"instance\":1}\n",
         "multipart/related; type=\"application/dicom\""},
    };
    struct scene scene = pictures_new();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char type[128];
        snprintf(type, sizeof type, "content-type: %s", parts[i].type);
        forget_asked(scene.hospital);
        const struct web_reply *reply =
            ask_as(&scene.clinic, scene.person, parts[i].what, parts[i].header);
        bool is_right = reply->status == 200 && strstr(reply->head, type) &&
                        strstr(reply->head, "no-store") &&
                        was_asked(scene.hospital, parts[i].asked);
        CHECK(is_right);
        if (!is_right)
            printf("# %s: %d %s %s asked %.*s\n", parts[i].what, reply->status,
                   reply->head, reply->body, (int)scene.hospital->asked.len,
                   (const char *)scene.hospital->asked.at);
    }
    CHECK(is(ask(&scene, INSTANCE_2 "/rendered?window=40"), 400, "query_invalid"));
    CHECK(is(ask(&scene, INSTANCE_2 "/rendered?window=40,4,sigmoid"), 400,
             "query_invalid"));
    CHECK(is(ask(&scene, INSTANCE_2 "/rendered?viewport=10,10"), 400, "query_invalid"));
    hospital_free(scene.hospital);
}

/* The boundary that the head says, between the parts as RFC 2046 has it. */
static bool take_part(struct span *rest, const char *boundary, const char *before,
                      struct span *part)
{
    char delimiter[80];
    snprintf(delimiter, sizeof delimiter, "\r\n--%s", boundary);
    if (!span_starts(*rest, before))
        return false;
    struct span body = span_part(*rest, strlen(before), rest->len);
    const uint8_t *end = memmem(body.at, body.len, delimiter, strlen(delimiter));
    if (!end)
        return false;
    *part = span_of(body.at, (size_t)(end - body.at));
    *rest = span_part(body, part->len, body.len);
    return true;
}

static bool is_pattern(struct span part, size_t len)
{
    bool is_right = part.len == len;
    for (size_t i = 0; i < part.len && is_right; i++)
        is_right = part.at[i] == (uint8_t)(i * 31 % 251);
    return is_right;
}

/* How many digits there are. */
static size_t read_hex(struct span digits, size_t *number)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (; at < digits.len && digits.at[at] && strchr(hex, digits.at[at]); at++)
        *number = *number * 16 + (size_t)(strchr(hex, digits.at[at]) - hex);
    return at;
}

static void frames_of_a_list_are_parts_in_its_order(void)
{
    struct scene scene = pictures_new();
    char boundary[64], before[160];
    const struct web_reply *reply =
        ask_as(&scene.clinic, scene.person, INSTANCE_2 "/frames/3,1,2",
               "Accept: multipart/related; type=\"application/octet-stream\"");
    CHECK(reply->status == 200 && strstr(reply->head, "tsumugi-lossy: true"));
    const char *at = strstr(reply->head, "boundary=");
    CHECK(at != NULL);
    snprintf(boundary, sizeof boundary, "%.32s", at ? at + 9 : "");
    /* three frames of 512 bytes: the chunks of HTTP/1.1 stand between */
    static char whole[1 << 17];
    size_t len = 0;
    struct span body = span_of(reply->body, reply->len);
    while (body.len > 0) {
        size_t chunk = 0;
        size_t skipped = read_hex(body, &chunk) + 2;
        CHECK(chunk + skipped + 2 <= body.len);
        if (chunk == 0 || chunk + skipped + 2 > body.len)
            break;
        memcpy(whole + len, body.at + skipped, chunk);
        len += chunk;
        body = span_part(body, skipped + chunk + 2, body.len);
    }
    struct span rest = span_of(whole, len);
    struct span part;
    for (int i = 0; i < 3; i++) {
        snprintf(before, sizeof before,
                 "%s--%s\r\nContent-Type: application/octet-stream\r\n\r\n",
                 i > 0 ? "\r\n" : "", boundary);
        CHECK(take_part(&rest, boundary, before, &part) && is_pattern(part, 512));
    }
    snprintf(before, sizeof before, "\r\n--%s--\r\n", boundary);
    CHECK(span_is(rest, before));
    const char *first =
        memmem(scene.hospital->asked.at, scene.hospital->asked.len, "\"frame\":2", 9);
    CHECK(first && strstr(first, "\"frame\":0") &&
          strstr(strstr(first, "\"frame\":0"), "\"frame\":1"));
    hospital_free(scene.hospital);
}

/* ---- a gateway that lies ---- */

static bool ends_whole(const struct web_reply *reply)
{
    return reply->len > 5 && memcmp(reply->body + reply->len - 5, "0\r\n\r\n", 5) == 0;
}

static void what_a_gateway_should_not_send_reaches_nobody(void)
{
    static const struct {
        const char *what;
        struct image_script script;
    } lies[] = {
        {"studies/" CT_UID, {200, "application/zip", .body = "PK"}},
        {"studies/" CT_UID, {200, "multipart/related", .body = "--0\r\n"}},
        {"studies/" CT_UID, {200, "multipart/related", .body = ""}},
        {"studies/" CT_UID, {200, "multipart/related", .pattern = 4000}},
        {"studies/" CT_UID "/metadata", {200, "text/html", .body = "[]"}},
        {"studies/" CT_UID "/metadata", {200, "application/json", .body = "[]"}},
        {INSTANCE_2 "/rendered", {200, "image/png", "false", .body = "\xFF\xD8\xFF"}},
        {INSTANCE_2 "/rendered", {200, "image/jpeg", "false", .body = "<html>"}},
        {INSTANCE_2 "/rendered", {200, "image/jpeg", NULL, .body = "\xFF\xD8\xFF"}},
        {INSTANCE_2 "/frames/1", {200, "text/html", "false", .pattern = 100}},
        {INSTANCE_2 "/frames/1,2",
         {200, "application/octet-stream", NULL, .pattern = 100}},
        {INSTANCE_2 "/frames/1", {500, "text/html", .body = "<script>"}},
    };
    struct scene scene = pictures_new();
    CHECK(ask(&scene, STUDIES)->status == 200);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        scene.hospital->image = &lies[i].script;
        bool is_right = is(ask(&scene, lies[i].what), 503, "gateway_refused");
        CHECK(is_right);
        if (!is_right)
            printf("# %zu %s\n", i, lies[i].what);
    }
    hospital_free(scene.hospital);
}

static void a_list_that_is_none_is_no_study(void)
{
    static const char *const lists[] = {
        "",
        "{}",
        "[]",
        STUDY_OF("1.2.a", "2026-10-01", "", "", ""),
        STUDY_OF(CT_UID, "2026-13-01", "", "", ""),
        STUDY_OF(CT_UID, "2026-10-01", "", "7", ""),
        STUDY_OF(CT_UID, "2026-10-01", "", "", "{}"),
        STUDY_OF(CT_UID, "2026-10-01", "", "",
                 SERIES_OF("../1", "CT", "image", INSTANCE("1.2", "1", "1"))),
        STUDY_OF(CT_UID, "2026-10-01", "", "",
                 SERIES_OF("1.2", "CT", "image", INSTANCE("1.2", "1", "-1"))),
        STUDY_OF(CT_UID, "2026-10-01", "", "",
                 SERIES_OF("1.2", "CT", "image", INSTANCE("1/2", "1", "1"))),
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct scene scene = pictures_new();
        struct told_study studies[] = {
            {OWN_KEY, {200, "application/json", .body = lists[i]}},
            {ORDER_KEY, {200, "application/json", .body = CR}},
            {NULL, {0}},
        };
        if (*lists[i] == '\0') /* as good, but called something else */
            studies[0].script = (struct image_script){200, "text/html", .body = CT};
        scene.hospital->studies = studies;
        const struct web_reply *reply = ask(&scene, STUDIES);
        bool is_right = reply->status == 200 && says(reply, "[\"" CR_UID "\"]") &&
                        !says(reply, CT_UID "\"]") && strstr(reply->head, "warning: 299");
        CHECK(is_right);
        CHECK(is(ask(&scene, "studies/" CT_UID "/series"), 503, "gateway_refused"));
        if (!is_right)
            printf("# %zu: %d %s\n", i, reply->status, reply->body);
        hospital_free(scene.hospital);
    }
}

/* A stream cannot be taken back, but it never ends as if it were whole. */
static void a_part_that_is_none_cuts_the_list_of_frames(void)
{
    static const struct image_script cut = {200, "application/octet-stream", "false",
                                            .pattern = 100000, .is_cut = true};
    struct scene scene = pictures_new();
    CHECK(ask(&scene, STUDIES)->status == 200);
    scene.hospital->image = &cut;
    const struct web_reply *reply = ask(&scene, INSTANCE_2 "/frames/1,2");
    CHECK(!(reply->status == 200 && ends_whole(reply)));
    hospital_free(scene.hospital);
}

static void answer_later(struct hospital *hospital, const struct image_script *script)
{
    pthread_mutex_lock(&hospital->lock);
    hospital->later_part = "\"frame\":1,";
    hospital->later = script;
    pthread_mutex_unlock(&hospital->lock);
}

static void what_follows_the_first_part_is_looked_at_before_it_goes_on(void)
{
    static const struct image_script others[] = {
        {404, "application/problem+json", .body = "{\"code\":\"frame_missing\"}"},
        {200, "text/html", "false", .body = "<script>"},
        {200, "application/octet-stream", "false", .pattern = 100, .claims = "300000000"},
        {200, "application/octet-stream", "false", .pattern = 100000, .is_cut = true},
    };
    struct scene scene = pictures_new();
    CHECK(ask(&scene, STUDIES)->status == 200);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        answer_later(scene.hospital, &others[i]);
        const struct web_reply *reply = ask(&scene, INSTANCE_2 "/frames/1,2,3");
        bool is_right = reply->status == 200 && reply->len > 512 && !ends_whole(reply) &&
                        !says(reply, "frame_missing") && !says(reply, "<script>") &&
                        !says(reply, "--\r\n");
        CHECK(is_right);
        if (!is_right)
            printf("# %zu: %d, %zu bytes\n", i, reply->status, reply->len);
    }
    CHECK(!was_asked(scene.hospital, "\"frame\":2,"));
    answer_later(scene.hospital, NULL);
    CHECK(ends_whole(ask(&scene, INSTANCE_2 "/frames/1,2,3")));
    hospital_free(scene.hospital);
}

static void a_list_that_has_changed_is_read_again_once(void)
{
    static const struct image_script changed = {409, "application/problem+json",
                                                .body = "{\"code\":\"study_changed\"}"};
    struct scene scene = pictures_new();
    CHECK(ask(&scene, INSTANCE_2 "/rendered")->status == 200);
    scene.hospital->image = &changed;
    forget_asked(scene.hospital);
    CHECK(is(ask(&scene, INSTANCE_2 "/rendered"), 409, "study_changed"));
    struct span asked = buf_view(&scene.hospital->asked);
    const uint8_t *list = memmem(asked.at, asked.len, "/study ", 7);
    CHECK(list && memmem(asked.at, (size_t)(list - asked.at), "/frame ", 7));
    CHECK(list &&
          !memmem(list + 1, asked.len - (size_t)(list + 1 - asked.at), "/study ", 7));
    scene.hospital->image = NULL;
    CHECK(ask(&scene, INSTANCE_2 "/rendered")->status == 200);
    hospital_free(scene.hospital);
}

/* ---- many ---- */

/* More than a session keeps open at once: the first had to make room for the last. */
static void a_search_tells_all_it_found_however_much_it_looked_at(void)
{
    enum { ORDERS = 80 };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    hospital->studies = both;
    say_picture(hospital, ORDER_KEY, '9');
    for (int i = 0; i < ORDERS; i++) {
        char key[64];
        snprintf(key, sizeof key, "5/OML-11/%d", i);
        say_picture(hospital, key, '5');
    }
    say_picture(hospital, OWN_KEY, '1');
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == ORDERS + 2);
    const struct web_reply *reply = ask(&scene, STUDIES);
    CHECK(reply->status == 200 && says(reply, "[\"" CR_UID "\"]") &&
          says(reply, "[\"" CT_UID "\"]"));
    CHECK(ask(&scene, INSTANCE_2 "/rendered")->status == 200);
    hospital_free(scene.hospital);
}

/* ---- the audit ---- */

struct rows {
    int calendars, entries, denials;
};

static bool count_row(void *context, uint64_t number, struct span json, struct err *err)
{
    struct rows *rows = context;
    bool is_decision = memmem(json.at, json.len, "\"decision\"", 10) != NULL;
    bool is_permit = memmem(json.at, json.len, "\"permit\"", 8) != NULL;
    bool is_entry = memmem(json.at, json.len, "\"entry\"", 7) != NULL;
    (void)number;
    (void)err;
    rows->calendars += is_decision && is_permit && !is_entry;
    rows->entries += is_decision && is_permit && is_entry;
    rows->denials += is_decision && !is_permit;
    return true;
}

static struct rows rows_since(struct scene *scene, uint64_t number)
{
    struct rows rows = {0};
    struct err err = {0};
    char directory[128];
    in_world(scene->hospital->world, "audit", directory);
    CHECK(audit_walk(directory, "centre", number + 1, count_row, &rows, &err));
    return rows;
}

static void a_study_is_opened_once_for_a_session(void)
{
    struct scene scene = pictures_new();
    uint64_t before = audit_head(scene.hospital->world->audit).number;
    CHECK(ask(&scene, INSTANCE_2 "/rendered")->status == 200);
    struct rows rows = rows_since(&scene, before);
    /* newest first, so the others were looked at on the way, and say so */
    CHECK(rows.calendars == 1 && rows.entries == 3 && rows.denials == 0);
    before = audit_head(scene.hospital->world->audit).number;
    for (size_t i = 1; i < EVERYTHING; i++)
        CHECK(ask(&scene, everything[i])->status == 200);
    CHECK(audit_head(scene.hospital->world->audit).number == before);
    CHECK(ask(&scene, "studies/1.2.840.2")->status == 404);
    rows = rows_since(&scene, before);
    CHECK(rows.calendars == 0 && rows.entries == 0 && rows.denials == 1);
    struct scene again = scene;
    again.clinic = enter(scene.hospital->world, "clinic");
    before = audit_head(scene.hospital->world->audit).number;
    CHECK(ask(&again, INSTANCE_2 "/rendered")->status == 200);
    CHECK(rows_since(&scene, before).entries == 3);
    hospital_free(scene.hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(nobody_and_a_stranger_get_nothing);
    RUN(what_is_not_there_is_not_found);
    RUN(what_cannot_be_answered_so_is_asked_of_nobody);
    RUN(a_withdrawn_consent_ends_it_whatever_was_seen_before);
    RUN(a_consent_that_is_withdrawn_during_a_search_ends_what_was_found);
    RUN(studies_are_found_with_what_their_gateways_say);
    RUN(a_search_takes_what_matches);
    RUN(what_need_not_be_asked_for_is_not);
    RUN(series_and_instances_are_listed);
    RUN(a_gateway_that_is_off_is_said_of_a_search_and_refuses_a_study);
    RUN(every_part_is_asked_for_by_its_place);
    RUN(frames_of_a_list_are_parts_in_its_order);
    RUN(what_a_gateway_should_not_send_reaches_nobody);
    RUN(a_list_that_is_none_is_no_study);
    RUN(a_part_that_is_none_cuts_the_list_of_frames);
    RUN(what_follows_the_first_part_is_looked_at_before_it_goes_on);
    RUN(a_list_that_has_changed_is_read_again_once);
    RUN(a_search_tells_all_it_found_however_much_it_looked_at);
    RUN(a_study_is_opened_once_for_a_session);
    return test_done();
}
