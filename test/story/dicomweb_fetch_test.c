// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_dicomweb.h"

/* What programs retrieve over DICOMweb is asked for by its place, passed on as it should
 * be, and never as something that it is not. */

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

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(every_part_is_asked_for_by_its_place);
    RUN(frames_of_a_list_are_parts_in_its_order);
    RUN(what_a_gateway_should_not_send_reaches_nobody);
    RUN(a_list_that_is_none_is_no_study);
    RUN(a_part_that_is_none_cuts_the_list_of_frames);
    RUN(what_follows_the_first_part_is_looked_at_before_it_goes_on);
    RUN(a_list_that_has_changed_is_read_again_once);
    return test_done();
}
