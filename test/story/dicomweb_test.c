// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/resource.h>

#include "exchange/audit/audit_index.h"
#include "test/story/story_dicomweb.h"

/* A person's studies as programs ask for them (DICOMweb): found under the same gate as
 * the calendar's entries, by their UIDs, with the same rows in the audit. */

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

/* A program that counts what it was told must not take a part for the whole. */
static void a_study_that_is_cut_is_said_to_be(void)
{
    static const struct {
        const char *said;  /* by the gateway */
        const char *count; /* of instances, as a search tells it */
    } cases[] = {
        {"{\"is_cut\":true,\"instance_total\":23456,",
         "\"00201208\":{\"vr\":\"IS\",\"Value\":[23456]}"},
        {"{\"is_cut\":true,", "\"00201208\":{\"vr\":\"IS\"}"}, /* of an earlier version */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene = pictures_new();
        char body[4096];
        snprintf(body, sizeof body, "%s%s", cases[i].said, &CT[1]);
        const struct told_study studies[] = {
            {OWN_KEY, {200, "application/json", .body = body}}, {NULL, {0}}};
        scene.hospital->studies = studies;
        const struct web_reply *reply = ask(&scene, STUDIES "?StudyInstanceUID=" CT_UID);
        CHECK(reply->status == 200 && says(reply, cases[i].count) &&
              says(reply, "\"00201206\":{\"vr\":\"IS\"}"));
        static const char *const parts[] = {
            "studies/" CT_UID "/series", "studies/" CT_UID "/instances",
            ("studies/" CT_UID "/metadata"), ("studies/" CT_UID)};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            reply = ask(&scene, parts[k]);
            CHECK(reply->status == 200 &&
                  strstr(reply->head, "warning: 299 tsumugi \"the study has more"));
        }
        reply = ask(&scene, INSTANCE_2 "/metadata");
        CHECK(reply->status == 200 && !strstr(reply->head, "warning"));
        hospital_free(scene.hospital);
    }
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

/* ---- many ---- */

/* More than a session keeps open at once: the first has to make room for the last. */
static void tell_many(struct hospital *hospital, int orders)
{
    say_picture(hospital, ORDER_KEY, '9');
    for (int i = 0; i < orders; i++) {
        char key[64];
        snprintf(key, sizeof key, "5/OML-11/%d", i);
        say_picture(hospital, key, '5');
    }
    say_picture(hospital, OWN_KEY, '1');
    CHECK(has_stored(hospital, orders + 2));
}

static void a_search_tells_all_it_found_however_much_it_looked_at(void)
{
    enum { ORDERS = 80 };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    hospital->studies = both;
    tell_many(hospital, ORDERS);
    const struct web_reply *reply = ask(&scene, STUDIES);
    CHECK(reply->status == 200 && says(reply, "[\"" CR_UID "\"]") &&
          says(reply, "[\"" CT_UID "\"]"));
    CHECK(ask(&scene, INSTANCE_2 "/rendered")->status == 200);
    hospital_free(scene.hospital);
}

/* Its row cannot be written when the first is opened again: it is left out, and that is
 * said. */
static void a_search_that_leaves_something_out_says_so(void)
{
    enum { ORDERS = 80 };
    static const struct told_study studies[] = {
        {OWN_KEY, {.is_silent = true}},
        {ORDER_KEY, {200, "application/json", .body = CR}},
        {NULL, {0}},
    };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct rlimit before;
    pthread_t thread;
    void *reply = NULL;
    hospital->studies = studies;
    tell_many(hospital, ORDERS);
    pthread_create(&thread, NULL, search, &scene);
    CHECK_SOON(was_asked(hospital, OWN_KEY));
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit full = {0, before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0);
    http_answer(hospital->silent, 200, "application/json", SPAN(CT));
    hospital->silent = NULL;
    pthread_join(thread, &reply);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    const struct web_reply *told = reply;
    CHECK(told->status == 200 && says(told, CT_UID "\"") && !says(told, CR_UID "\""));
    CHECK(strstr(told->head, "warning: 299") != NULL);
    hospital_free(hospital);
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
    RUN(a_study_that_is_cut_is_said_to_be);
    RUN(a_gateway_that_is_off_is_said_of_a_search_and_refuses_a_study);
    RUN(a_search_tells_all_it_found_however_much_it_looked_at);
    RUN(a_search_that_leaves_something_out_says_so);
    RUN(a_study_is_opened_once_for_a_session);
    return test_done();
}
