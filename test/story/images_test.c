// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_download.h"

/* A study's images come from the hospital, as it decoded them, as long as they may be
 * seen; what a gateway should not send reaches nobody. */

enum { MORE_THAN_A_WORKER_PASSES = 6 << 20 };

static bool passes(struct scene *scene, const char *opening, const char *range,
                   const char *head, size_t from, size_t to)
{
    return passes_of(scene, opening, "instances/0/1",
                     &(struct passing){range, head, from, to});
}

/* ---- what works ---- */

static void every_part_of_a_study_is_asked_for_by_its_place(void)
{
    static const struct {
        const char *what;
        const char *path;
        const char *body;
        const char *head;
    } parts[] = {
        {"study", "/study", "\"A\"}", "application/json"},
        {"frames/2/3/4?q=preview", "/frame",
         "\"series\":2,\"instance\":3,\"frame\":4,\"wish\":\"preview\"}", "image/jpeg"},
        {"frames/0/0/0?q=preview&size=256&window=-40.5,400", "/frame",
         "\"wish\":\"preview\",\"size\":256,\"window\":\"-40.5,400\"}",
         "tsumugi-lossy: false"},
        {"frames/0/0/0?q=raw", "/frame", "\"frame\":0,\"wish\":\"raw\"}",
         "tsumugi-lossy: true"},
        {"instances/499/19999", "/instance", "\"series\":499,\"instance\":19999}",
         "filename=\"image.dcm\""},
        {"documents/0/1", "/document", "\"series\":0,\"instance\":1}",
         "attachment; filename=\"document.bin\""},
        {"reports/0/1", "/report", "\"series\":0,\"instance\":1}", "application/json"},
        {"waveforms/0/1?group=1&from_ms=20&columns=300", "/waveform",
         "\"series\":0,\"instance\":1,\"group\":1,\"from_ms\":20,\"columns\":300}",
         "application/octet-stream"},
        {"study.zip", "/archive", "\"A\"}", "filename=\"study.zip\""},
        {"study.zip?series=7", "/archive", "\"series\":7}", "application/zip"},
    };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128], key[64] = "{\"key\":\"1/OML-11/A\"";
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct reply reply = ask_opening(&scene, "GET", opening, parts[i].what);
        bool is_right = reply.status == 200 && strstr(reply.head, parts[i].head) &&
                        strstr(reply.head, "no-store") &&
                        strcmp(hospital->image_path, parts[i].path) == 0 &&
                        strncmp(hospital->original_body, key, strlen(key)) == 0 &&
                        (*parts[i].body != '"' || parts[i].body[1] == 'A' ||
                         strstr(hospital->original_body, parts[i].body));
        CHECK(is_right);
        if (!is_right)
            printf("# %s: %d %s %s\n", parts[i].what, reply.status,
                   hospital->original_body, reply.head);
    }
    struct reply reply = ask_opening(&scene, "GET", opening, "study");
    CHECK(has(&reply, "\"facility\":\"" HOSPITAL "\"") && has(&reply, "\\u003ci\\u003e"));
    hospital_free(hospital);
}

static void what_is_no_place_or_look_is_asked_of_nobody(void)
{
    static const struct {
        const char *what;
        int status;
    } refused[] = {
        {"frames/0/0/0", 400},
        {"frames/0/0/0?q=html", 400},
        {"frames/0/0/0?q=raw&size=64", 400},
        {"frames/0/0/0?q=preview&size=31", 400},
        {"frames/0/0/0?q=preview&size=1025", 400},
        {"frames/0/0/0?q=preview&window=40", 400},
        {"frames/0/0/0?q=preview&window=40,-4", 400},
        {"frames/0/0/0?q=preview&window=40,4,4", 400},
        {"frames/0/0/0?q=preview&window=4000000000000,4", 400},
        {"frames/0/0/0?q=preview&window=%22,4", 400},
        {"frames/0/0/-1?q=preview", 404},
        {"frames/0/0/1000000?q=preview", 404},
        {"frames/500/0/0?q=preview", 404},
        {"instances/0/20000", 404},
        {"instances/0/1.2.3", 404},
        {"documents/a/0", 404},
        {"study.zip?series=x", 404},
    };
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct reply reply = ask_opening(&scene, "GET", opening, refused[i].what);
        CHECK(reply.status == refused[i].status);
        if (reply.status != refused[i].status)
            printf("# %s: %d %s\n", refused[i].what, reply.status, reply.body);
    }
    CHECK(scene.hospital->image_path[0] == '\0');
    hospital_free(scene.hospital);
}

static void only_the_opening_session_gets_images(void)
{
    static const char *const parts[] = {"study",         "frames/0/0/0?q=preview",
                                        "instances/0/0", "documents/0/0",
                                        "reports/0/0",   "study.zip"};
    struct scene scene = scene_new();
    char opening[128], calendar[128];
    open_only_entry(&scene, opening);
    struct scene stranger = scene;
    stranger.clinic = enter(scene.hospital->world, "pharmacy");
    struct scene again = scene;
    again.clinic = enter(scene.hospital->world, "clinic");
    struct reply reply = open_calendar(&scene);
    member(&reply, "opening", calendar);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        CHECK(ask_opening(&stranger, "GET", opening, parts[i]).status == 404);
        CHECK(ask_opening(&again, "GET", opening, parts[i]).status == 404);
        CHECK(ask_opening(&scene, "GET", calendar, parts[i]).status == 404);
    }
    CHECK(scene.hospital->image_path[0] == '\0');
    hospital_free(scene.hospital);
}

static void a_range_is_what_it_asks_for(void)
{
    static const struct image_script file = {
        200,          "application/dicom", .pattern = 100000, .says_length = true,
        .stamp = ONE, .is_new = true};
    static const struct image_script unknown = {200, "application/dicom",
                                                .pattern = 100000, .stamp = ONE};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &file;
    CHECK(passes(&scene, opening, NULL, "content-length: 100000\r\n", 0, 100000));
    CHECK(passes(&scene, opening, "bytes=0-", "content-range: bytes 0-99999/100000\r\n",
                 0, 100000));
    CHECK(passes(&scene, opening, "bytes=99000-", "HTTP/1.1 206", 99000, 100000));
    CHECK(strstr(scene.hospital->original_body, "\"from\":99000"));
    CHECK(passes(&scene, opening, "bytes=10-29", "content-length: 20\r\n", 10, 30));
    CHECK(passes(&scene, opening, "bytes=10-29", "content-range: bytes 10-29/100000\r\n",
                 10, 30));
    CHECK(passes(&scene, opening, "bytes=99990-200000",
                 "content-range: bytes 99990-99999/100000\r\n", 99990, 100000));
    CHECK(passes(&scene, opening, "bytes=-500",
                 "content-range: bytes 99500-99999/100000\r\n", 99500, 100000));
    struct download download;
    begin_download(&download, &scene, opening, "instances/1/0", "bytes=99000-");
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 409"));
    buf_free(&download.all);
    begin_download(&download, &scene, opening, "instances/0/1", "bytes=100000-");
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 416") &&
          says(&download, "content-range: bytes */100000\r\n"));
    buf_free(&download.all);
    scene.hospital->image = &unknown;
    begin_download(&download, &scene, opening, "instances/0/1", "bytes=10-29");
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 503"));
    buf_free(&download.all);
    hospital_free(scene.hospital);
}

/* What was begun with another file is never continued with this one. */
static void a_range_goes_on_in_the_same_file_alone(void)
{
    static const struct image_script file = {
        200,          "application/dicom", .pattern = 100000, .says_length = true,
        .stamp = ONE, .is_new = true};
    static const struct image_script changed = {200,
                                                "application/dicom",
                                                .pattern = 100000,
                                                .says_length = true,
                                                .stamp = OTHER,
                                                .is_new = true};
    static const struct image_script older = {200, "application/dicom", .pattern = 100000,
                                              .says_length = true};
    static const char *const unmet[] = {
        ON_CONDITION("\"" OTHER "\""), ON_CONDITION("W/\"" ONE "\""), ON_CONDITION(ONE),
        ON_CONDITION("\"\""), ON_CONDITION("Fri, 27 Nov 2026 10:00:00 GMT")};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &file;
    CHECK(passes(&scene, opening, NULL, "etag: \"" ONE "\"\r\n", 0, 100000));
    CHECK(passes(&scene, opening, ON_CONDITION("\"" ONE "\""), "HTTP/1.1 206", 99000,
                 100000));
    CHECK(strstr(scene.hospital->original_body, "\"if_stamp\":\"" ONE "\""));
    for (size_t i = 0; i < sizeof unmet / sizeof *unmet; i++)
        CHECK(passes(&scene, opening, unmet[i], "HTTP/1.1 200", 0, 100000));
    scene.hospital->image = &changed;
    struct download download;
    begin_download(&download, &scene, opening, "instances/0/1", "bytes=99000-");
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 409") && !says(&download, "etag"));
    buf_free(&download.all);
    scene.hospital->image = &older; /* it does not know the condition */
    begin_download(&download, &scene, opening, "instances/0/1",
                   ON_CONDITION("\"" ONE "\""));
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 503"));
    buf_free(&download.all);
    hospital_free(scene.hospital);
}

/* ---- a gateway that lies ---- */

struct lie {
    const char *what;
    struct image_script script;
    int status;
    const char *code;
};

#define LIE(what_, ...)                                                                  \
    {                                                                                    \
        what_, {200, __VA_ARGS__}, 503, "gateway_refused"                                \
    }
#define TELLS(status_, says_, shown, code_)                                              \
    {                                                                                    \
        "frames/0/0/0?q=preview",                                                        \
            {status_, "application/problem+json", .body = "{\"code\":\"" says_ "\"}"},   \
            shown, code_                                                                 \
    }
#define JPEG .body = "\xFF\xD8\xFF\xE0"
#define FRAME "frames/0/0/0?q=preview"

static const struct lie lies[] = {
    LIE("study", "text/html", .body = STUDY),
    LIE("study", "application/json; charset=utf-8", .body = STUDY),
    LIE("study", "application/json", .body = ""),
    LIE("study", "application/json", .body = "{\"series\":[]}"),
    LIE("study", "application/json", .pattern = 9 << 20),
    LIE(FRAME, "image/png", "false", JPEG),
    LIE(FRAME, "image/jpeg", "false", .body = "<html>"),
    LIE(FRAME, "image/jpeg", "false", .body = "\xFF\xD8"),
    LIE(FRAME, "image/jpeg", "false", .body = ""),
    LIE(FRAME, "image/jpeg", NULL, JPEG),
    LIE(FRAME, "image/jpeg", "maybe", JPEG),
    LIE(FRAME, "image/jpeg", "true\t<script>", JPEG),
    LIE(FRAME, "image/jpeg", "false", .pattern = 5 << 20),
    LIE("frames/0/0/0?q=raw", "text/html", "false", .pattern = 100),
    LIE("frames/0/0/0?q=raw", "application/octet-stream", NULL, .pattern = 100),
    LIE("frames/0/0/0?q=raw", "image/jpeg", "false", .pattern = 100),
    LIE("instances/0/0", "text/html", .pattern = 100),
    LIE("instances/0/0", "", .pattern = 100),
    LIE("documents/0/0", "text/html", .pattern = 100),
    LIE("reports/0/0", "application/json", .body = "{\"items\":[{\"x\":1}]}"),
    LIE("reports/0/0", "text/html", .body = "{\"items\":[]}"),
    LIE("study.zip", "application/octet-stream", .pattern = 100),
    TELLS(409, "study_changed", 409, "study_changed"),
    TELLS(503, "syntax_unsupported", 503, "syntax_unsupported"),
    TELLS(404, "frame_missing", 404, "frame_missing"),
    TELLS(400, "frame_broken", 409, "frame_broken"),
    TELLS(503, "decoder_busy", 503, "decoder_busy"),
    TELLS(400, "range_unsatisfiable", 416, "range_unsatisfiable"),
    TELLS(403, "audience", 403, "audience"),
    TELLS(500, "<script>", 503, "gateway_refused"),
    TELLS(302, "study_changed", 503, "gateway_refused"),
    {FRAME,
     {200, "image/jpeg", "false", .pattern = 1000, .is_cut = true},
     503,
     "gateway_cut"},
};

static void what_a_gateway_should_not_send_reaches_nobody(void)
{
    struct scene scene = scene_new();
    char opening[128], code[64];
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        scene.hospital->image = &lies[i].script;
        struct reply reply = ask_opening(&scene, "GET", opening, lies[i].what);
        snprintf(code, sizeof code, "\"code\":\"%s\"", lies[i].code);
        bool is_right = reply.status == lies[i].status && has(&reply, code) &&
                        !strstr(reply.head, "ttachment") &&
                        strstr(reply.head, "application/problem+json");
        CHECK(is_right);
        if (!is_right)
            printf("# %zu %s: %d %s\n", i, lies[i].what, reply.status, reply.body);
    }
    hospital_free(scene.hospital);
}

#define INSTANCE                                                                         \
    "{\"uid\":\"1.2.392.200036.9116.2.6.1.48.1214245753\",\"number\":%d,\"frames\":1,"   \
    "\"rows\":512,\"columns\":512,\"bits_allocated\":16,\"bits_stored\":12,"             \
    "\"is_signed\":true,\"samples\":1,\"photometric\":\"MONOCHROME2\",\"syntax\":"       \
    "\"Explicit VR Little Endian\",\"is_supported\":true,\"has_modality_lut\":false,"    \
    "\"has_voi_lut\":false,\"has_overlay\":false,\"voi_function\":\"LINEAR\","           \
    "\"spacing_kind\":\"pixel\",\"spacing\":[0.9765625,0.9765625],\"aspect\":null,"      \
    "\"position\":[-249.51171875,-249.51171875,1043.125],\"orientation\":"               \
    "[1,0,0,0,1,0],\"slice_location\":1043.125,\"padding\":-2000,\"lossy_ratio\":"       \
    "null,\"frame_time_ms\":null,\"rescale\":{\"slope\":1,\"intercept\":-1024,\"type\":" \
    "\"HU\"},\"windows\":[{\"center\":40,\"width\":350,\"text\":\"WINDOW1\"},{"          \
    "\"center\":-600,\"width\":1500,\"text\":\"WINDOW2\"}]}"

/* As many instances as a study may have: some 16 MiB. */
static void the_largest_study_comes_through_whole(void)
{
    enum { COUNT = 20000 };
    struct scene scene = scene_new();
    char opening[128];
    struct download download;
    size_t count = 0;
    CLEANUP(buf_free) struct buf study = buf_init(32 << 20);
    const char *end = strstr(STUDY, "]}]}");
    buf_put(&study, STUDY, (size_t)(end - STUDY));
    for (int i = 0; i < COUNT; i++) {
        buf_cstr(&study, i > 0 ? "," : "");
        buf_format(&study, INSTANCE, i + 1);
    }
    buf_cstr(&study, end);
    buf_byte(&study, '\0');
    CHECK(!study.has_failed && study.len > 13 << 20);
    struct image_script script = {200, "application/json",
                                  .body = (const char *)study.at};
    open_only_entry(&scene, opening);
    scene.hospital->image = &script;
    begin_download(&download, &scene, opening, "study", NULL);
    finish(&download);
    CHECK(is_whole(&download));
    struct span rest = buf_view(&download.all);
    for (const uint8_t *at = rest.at; (at = memmem(at, rest.len, "{\"uid\":", 7));
         count++) {
        at += 7;
        rest = span_part(buf_view(&download.all), (size_t)(at - download.all.at),
                         download.all.len);
    }
    CHECK(count == COUNT);
    CHECK(memmem(rest.at, rest.len, "\"number\":20000,", 15) != NULL);
    buf_free(&download.all);
    scene.hospital->image = NULL;
    hospital_free(scene.hospital);
}

/* Told as it should be until the middle: never a clean end. */
static void what_breaks_off_can_be_told_from_what_is_whole(void)
{
    static const char *const parts[] = {"frames/0/0/0?q=raw", "instances/0/0",
                                        "documents/0/0", "study.zip"};
    static const char *const types[] = {"application/octet-stream", "application/dicom",
                                        "application/octet-stream", "application/zip"};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    for (int i = 0; i < 8; i++) {
        struct image_script script = {200,
                                      types[i / 2],
                                      "false",
                                      .pattern = 200000,
                                      .says_length = i % 2 == 1,
                                      .is_cut = true};
        struct download download;
        scene.hospital->image = &script;
        begin_download(&download, &scene, opening, parts[i / 2], NULL);
        finish(&download);
        struct span all = buf_view(&download.all);
        bool ends_well = all.len > 5 && memcmp(all.at + all.len - 5, "0\r\n\r\n", 5) == 0;
        CHECK(all.len < 190000 && !(says(&download, "HTTP/1.1 200") && ends_well));
        CHECK(says(&download, "HTTP/1.1 200") || says(&download, "gateway_cut") ||
              says(&download, "HTTP/1.1 503"));
        CHECK(!says(&download, "HTTP/1.1 200") ||
              script.says_length == says(&download, "content-length: 200000\r\n"));
        buf_free(&download.all);
    }
    hospital_free(scene.hospital);
}

/* The length that was said, or the largest there may be, ends it. */
static void what_is_longer_than_it_may_be_is_cut(void)
{
    static const struct image_script lying[] = {
        {200, "application/octet-stream", .pattern = 200000, .claims = "150000"},
        {200, "application/octet-stream", .pattern = 200000, .claims = "300000"},
        {200, "application/octet-stream", .pattern = 70 << 20},
    };
    static const struct image_script larger = {200, "application/octet-stream", "false",
                                               .pattern = 1000, .claims = "268435457"};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof lying / sizeof *lying; i++) {
        struct download download;
        scene.hospital->image = &lying[i];
        begin_download(&download, &scene, opening, "documents/0/0", NULL);
        finish(&download);
        CHECK(!is_whole(&download) && atomic_load(&download.received) < 66 << 20);
        CHECK(i < 2 || atomic_load(&download.received) > 60 << 20);
        buf_free(&download.all);
    }
    scene.hospital->image = &larger;
    atomic_store(&scene.hospital->original_gate, 0); /* refused before its end */
    struct reply reply = ask_opening(&scene, "GET", opening, "frames/0/0/0?q=raw");
    atomic_store(&scene.hospital->original_gate, 1);
    CHECK(reply.status == 503 && has(&reply, "gateway_refused"));
    hospital_free(scene.hospital);
}

static void a_silent_and_an_absent_gateway_are_told_apart(void)
{
    static const struct image_script silent = {.is_silent = true};
    struct scene scene = scene_new();
    struct world *world = scene.hospital->world;
    struct err err = {0};
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &silent;
    struct reply reply = ask_opening(&scene, "GET", opening, FRAME);
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"gateway_silent\""));
    world->hello_code = "9999999999"; /* it is not let in again */
    struct tunnel *tunnel =
        facility_gateway_take(world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(!facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    reply = ask_opening(&scene, "GET", opening, "study");
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"gateway_away\""));
    hospital_free(scene.hospital);
}

/* ---- permission ---- */

/* What a stalled source has sent is passed on, at the latest when the server looks. */
static bool has_half(const struct scene *scene, const struct download *download)
{
    content_look_again(scene->hospital->content);
    return atomic_load(&download->received) > 1 << 20;
}

static bool has_been_cut(struct scene *scene, const struct download *download)
{
    content_look_again(scene->hospital->content);
    return atomic_load(&download->has_ended);
}

static void a_withdrawn_consent_cuts_a_running_download(void)
{
    static const struct image_script file = {200, "application/dicom", .pattern = 2 << 20,
                                             .says_length = true};
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct download download;
    char opening[128];
    open_only_entry(&scene, opening);
    hospital->image = &file;
    atomic_store(&hospital->original_gate, 0);
    begin_download(&download, &scene, opening, "instances/0/0", NULL);
    CHECK_SOON(has_half(&scene, &download));
    withdraw_consent(&scene);
    CHECK_SOON(has_been_cut(&scene, &download));
    CHECK_SOON(count_of(hospital, &hospital->cancel_count) == 1);
    atomic_store(&hospital->original_gate, -1);
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 200") && download.all.len < (3 << 20) / 2);
    CHECK(ask_opening(&scene, "GET", opening, FRAME).status == 404);
    buf_free(&download.all);
    hospital_free(hospital);
}

/* ---- the audit ---- */

static bool find_finish(void *context, uint64_t number, struct span json, struct err *err)
{
    int *found = context;
    (void)number;
    (void)err;
    *found += memmem(json.at, json.len, "\"finish\"", 8) &&
              memmem(json.at, json.len, "\"entry\"", 7) &&
              memmem(json.at, json.len, "\"parts\":4", 9);
    return true;
}

/* With the bytes that were given; when the rest came after all, it is done. */
static void what_broke_off_is_a_failed_finish(void)
{
    static const struct image_script cut = {200,
                                            "application/dicom",
                                            .pattern = 2000000,
                                            .is_cut = true,
                                            .says_length = true,
                                            .stamp = ONE};
    static const struct image_script whole = {
        200, "application/dicom", .pattern = 2000000, .says_length = true, .stamp = ONE};
    static const char *const ranges[] = {NULL, "bytes=500000-\r\nIf-Range: \"" ONE "\""};
    for (int i = 0; i < 2; i++) {
        struct scene scene = scene_new();
        struct download download;
        struct ending ending = {.words = i == 0 ? "\"failed\",\"reason\":\"gateway_cut\""
                                                : "\"done\""};
        char opening[128];
        open_only_entry(&scene, opening);
        scene.hospital->image = &cut;
        atomic_store(&scene.hospital->original_gate, 0);
        begin_download(&download, &scene, opening, "instances/0/0", NULL);
        CHECK_SOON(atomic_load(&download.received) > 1000);
        atomic_store(&scene.hospital->original_gate, 1);
        finish(&download);
        CHECK(says(&download, "HTTP/1.1 200") && !is_whole(&download));
        buf_free(&download.all);
        scene.hospital->image = &whole;
        if (ranges[i]) {
            begin_download(&download, &scene, opening, "instances/0/0", ranges[i]);
            finish(&download);
            CHECK(says(&download, "HTTP/1.1 206"));
            buf_free(&download.all);
        }
        CHECK(ends_as(&scene, opening, &ending));
        CHECK(i == 0 ? ending.bytes > 0 && ending.bytes < 2000000
                     : ending.bytes > 1500000); /* the rest, and what came before it */
        hospital_free(scene.hospital);
    }
}

static void frames_are_counted_in_one_finish_row(void)
{
    struct scene scene = scene_new();
    struct err err = {0};
    char opening[128], line[256], directory[128];
    int found = 0;
    open_only_entry(&scene, opening);
    uint64_t before = audit_head(scene.hospital->world->audit).number;
    for (int i = 0; i < 3; i++)
        CHECK(ask_opening(&scene, "GET", opening, FRAME).status == 200);
    CHECK(ask_opening(&scene, "GET", opening, "study.zip").status == 200);
    CHECK(audit_head(scene.hospital->world->audit).number == before);
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", opening);
    CHECK(go(&scene.clinic, line, "").status == 204);
    CHECK(audit_head(scene.hospital->world->audit).number == before + 1);
    in_world(scene.hospital->world, "audit", directory);
    CHECK(audit_walk(directory, "centre", before + 1, find_finish, &found, &err));
    CHECK(found == 1);
    hospital_free(scene.hospital);
}

/* ---- side by side ---- */

static void a_browser_that_takes_nothing_keeps_nobody_waiting(void)
{
    static const struct image_script file = {200, "application/dicom",
                                             .pattern = MORE_THAN_A_WORKER_PASSES};
    enum { IDLE = 12 };
    struct scene scene = scene_new();
    char opening[128], line[256];
    int fds[IDLE];
    open_only_entry(&scene, opening);
    scene.hospital->image = &file;
    snprintf(line, sizeof line, "GET /api/v1/openings/%s/instances/0/0", opening);
    for (int i = 0; i < IDLE; i++) {
        char byte = 0;
        CLEANUP(buf_free) struct buf out = buf_init(4096);
        write_request(&scene.clinic, &out, line, -1, "");
        fds[i] = dial(http_server_port(scene.hospital->world->server));
        CHECK(send(fds[i], out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
        CHECK(recv(fds[i], &byte, 1, 0) == 1); /* it has begun; no more is taken */
    }
    scene.hospital->image = NULL;
    for (int i = 0; i < 50; i++)
        CHECK(ask_opening(&scene, "GET", opening, FRAME).status == 200);
    for (int i = 0; i < IDLE; i++)
        close(fds[i]);
    hospital_free(scene.hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(every_part_of_a_study_is_asked_for_by_its_place);
    RUN(what_is_no_place_or_look_is_asked_of_nobody);
    RUN(only_the_opening_session_gets_images);
    RUN(a_range_is_what_it_asks_for);
    RUN(a_range_goes_on_in_the_same_file_alone);
    RUN(what_a_gateway_should_not_send_reaches_nobody);
    RUN(what_breaks_off_can_be_told_from_what_is_whole);
    RUN(the_largest_study_comes_through_whole);
    RUN(what_is_longer_than_it_may_be_is_cut);
    RUN(a_silent_and_an_absent_gateway_are_told_apart);
    RUN(a_withdrawn_consent_cuts_a_running_download);
    RUN(what_broke_off_is_a_failed_finish);
    RUN(frames_are_counted_in_one_finish_row);
    RUN(a_browser_that_takes_nothing_keeps_nobody_waiting);
    return test_done();
}
