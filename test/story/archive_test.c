// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_download.h"

/* A study's archive in several requests: it goes on where it was as long as it is the
 * same one and may be had, and comes whole or not at all otherwise. */

enum { ARCHIVE_BYTES = 100000, LARGE_BYTES = 2000000 };

static const struct image_script archive = {
    200,          "application/zip", .pattern = ARCHIVE_BYTES, .says_length = true,
    .stamp = ONE, .is_new = true};
/* As long, and another one. */
static const struct image_script another = {200,
                                            "application/zip",
                                            .pattern = ARCHIVE_BYTES,
                                            .says_length = true,
                                            .stamp = OTHER,
                                            .is_new = true};

static bool brings(struct scene *scene, const char *opening, const char *range,
                   const char *head, size_t from, size_t to)
{
    return passes_of(scene, opening, "study.zip",
                     &(struct passing){range, head, from, to});
}

static bool is_told(struct scene *scene, const char *opening, const char *range,
                    const char *head)
{
    struct download download;
    begin_download(&download, scene, opening, "study.zip", range);
    finish(&download);
    bool is_right = says(&download, head) && !says(&download, "ttachment") &&
                    says(&download, "application/problem+json");
    if (!is_right)
        printf("# %s: %.*s\n", range, (int)download.all.len,
               (const char *)download.all.at);
    buf_free(&download.all);
    return is_right;
}

/* ---- what works ---- */

static void an_archive_says_its_length_and_its_name(void)
{
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    CHECK(brings(&scene, opening, NULL, "content-length: 100000\r\n", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, NULL, "etag: \"" ONE "\"\r\n", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, NULL, "accept-ranges: bytes\r\n", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    CHECK(!strstr(scene.hospital->original_body, "\"from\"") &&
          !strstr(scene.hospital->original_body, "\"if_stamp\""));
    hospital_free(scene.hospital);
}

static void an_archive_goes_on_where_it_was(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128];
    open_only_entry(&scene, opening);
    hospital->image = &archive;
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=99000-", "HTTP/1.1 206", 99000, ARCHIVE_BYTES));
    CHECK(strstr(hospital->original_body, "\"from\":99000,\"if_stamp\":\"" ONE "\"}"));
    CHECK(brings(&scene, opening, "bytes=99000-",
                 "content-range: bytes 99000-99999/100000\r\n", 99000, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=0-", "content-range: bytes 0-99999/100000\r\n",
                 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=10-29", "content-range: bytes 10-29/100000\r\n",
                 10, 30));
    CHECK(brings(&scene, opening, "bytes=99990-200000",
                 "content-range: bytes 99990-99999/100000\r\n", 99990, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, ON_CONDITION("\"" ONE "\""), "HTTP/1.1 206", 99000,
                 ARCHIVE_BYTES));
    CHECK(strstr(hospital->original_body, "\"if_stamp\":\"" ONE "\""));
    CHECK(passes_of(&scene, opening, "study.zip?series=7",
                    &(struct passing){ON_CONDITION("\"" ONE "\""), "HTTP/1.1 206", 99000,
                                      ARCHIVE_BYTES}));
    CHECK(strstr(hospital->original_body, "\"series\":7,\"from\":99000,"));
    hospital_free(hospital);
}

static void the_last_bytes_come_as_asked(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128];
    open_only_entry(&scene, opening);
    hospital->image = &archive;
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=-500",
                 "content-range: bytes 99500-99999/100000\r\n", 99500, ARCHIVE_BYTES));
    CHECK(strstr(hospital->original_body, "\"last\":500,\"if_stamp\":\"" ONE "\"}"));
    CHECK(brings(&scene, opening, "bytes=-500", "HTTP/1.1 206", 99500, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=-500", "content-length: 500\r\n", 99500,
                 ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=-1", "content-range: bytes 99999-99999/100000",
                 99999, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=-100000",
                 "content-range: bytes 0-99999/100000\r\n", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=-99999999999999999999",
                 "content-range: bytes 0-99999/100000\r\n", 0, ARCHIVE_BYTES));
    hospital_free(hospital);
}

/* What there is nothing of is refused with how long it is, whatever is asked for. */
static void behind_the_end_its_length_is_told(void)
{
    static const char *const ranges[] = {"bytes=100000-",
                                         "bytes=100000-100001",
                                         "bytes=-0",
                                         "bytes=9223372036854775807-",
                                         "bytes=18446744073709551616-",
                                         "bytes=99999999999999999999999999999999-"};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        CHECK(is_told(&scene, opening, ranges[i], "HTTP/1.1 416"));
        CHECK(is_told(&scene, opening, ranges[i], "content-range: bytes */100000\r\n"));
    }
    hospital_free(scene.hospital);
}

/* The head of the whole, whatever range is asked for. */
static void a_head_is_what_the_whole_begins_with(void)
{
    static const char *const ranges[] = {"none", "bytes=99000-", "bytes=-500",
                                         "bytes=100000-"};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct download download = {.browser = &scene.clinic, .range = ranges[i]};
        snprintf(download.line, sizeof download.line,
                 "HEAD /api/v1/openings/%s/study.zip", opening);
        run_download(&download);
        CHECK(says(&download, "HTTP/1.1 200") && body_of(&download).len == 0);
        CHECK(says(&download, "content-length: 100000\r\n") &&
              says(&download, "accept-ranges: bytes\r\n") &&
              says(&download, "etag: \"" ONE "\"\r\n"));
        CHECK(!says(&download, "content-range"));
        buf_free(&download.all);
    }
    CHECK(brings(&scene, opening, "bytes=99000-", "HTTP/1.1 206", 99000, ARCHIVE_BYTES));
    hospital_free(scene.hospital);
}

/* curl -C - and wget -c name no tag: they get the rest of what they were given under this
 * opening, or nothing, since wget puts the rest of a whole behind what it has. */
static void who_names_no_tag_goes_on_with_what_it_was_given(void)
{
    static const char *const ranges[] = {"bytes=99000-", "bytes=10-29", "bytes=100000-"};
    enum { COUNT = sizeof ranges / sizeof *ranges };
    struct scene scene = scene_new();
    char opening[128], later[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    for (size_t i = 0; i < COUNT; i++)
        CHECK(is_told(&scene, opening, ranges[i], "HTTP/1.1 409"));
    CHECK(scene.hospital->image_path[0] == '\0'); /* nobody was asked */
    CHECK(brings(&scene, opening, "bytes=0-9", "HTTP/1.1 206", 0, 10));
    CHECK(brings(&scene, opening, "bytes=99000-", "HTTP/1.1 206", 99000, ARCHIVE_BYTES));
    scene.hospital->image = &another;
    for (size_t i = 0; i < 2 * COUNT; i++)
        CHECK(is_told(&scene, opening, ranges[i % COUNT], "HTTP/1.1 409"));
    CHECK(is_told(&scene, opening, "bytes=-500", "HTTP/1.1 409"));
    CHECK(brings(&scene, opening, NULL, "etag: \"" OTHER, 0, ARCHIVE_BYTES));
    CHECK(is_told(&scene, opening, "bytes=99000-", "HTTP/1.1 409"));
    CHECK(brings(&scene, opening, ON_CONDITION("\"" OTHER "\""), "HTTP/1.1 206", 99000,
                 ARCHIVE_BYTES));
    open_told_entry(&scene, later);
    CHECK(is_told(&scene, later, "bytes=99000-", "HTTP/1.1 409"));
    CHECK(brings(&scene, later, "bytes=-500", "HTTP/1.1 206", 99500, ARCHIVE_BYTES));
    CHECK(brings(&scene, later, "bytes=99000-", "HTTP/1.1 206", 99000, ARCHIVE_BYTES));
    hospital_free(scene.hospital);
}

/* Each place has its own. */
static void what_was_given_of_another_place_is_not_gone_on_with(void)
{
    static const struct passing whole = {NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES};
    static const struct passing rest = {"bytes=99000-", "HTTP/1.1 206", 99000,
                                        ARCHIVE_BYTES};
    static const char *const places[] = {"study.zip", "study.zip?series=0",
                                         "study.zip?series=1"};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct download download;
        begin_download(&download, &scene, opening, places[i], "bytes=99000-");
        finish(&download);
        CHECK(says(&download, "HTTP/1.1 409"));
        buf_free(&download.all);
        CHECK(passes_of(&scene, opening, places[i], &whole));
        CHECK(passes_of(&scene, opening, places[i], &rest));
    }
    hospital_free(scene.hospital);
}

/* ---- what comes whole ---- */

static void what_is_no_range_of_ours_brings_the_whole(void)
{
    static const char *const ranges[] = {
        "bytes=0-9,20-29",
        "bytes=0-9, 20-29",
        "bytes=-500,-1",
        "bytes=99000-,0-9",
        "bytes=99000",
        "bytes=",
        "bytes=-",
        "bytes=a-",
        "bytes=9-5",
        "bytes= 99000-",
        "bytes=99000 -",
        "bytes=99000- 99999",
        "bytes =99000-",
        "bytes=+99000-",
        "bytes=0x10-",
        "bytes=99000-99999-",
        "lines=99000-",
        "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-",
    };
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        CHECK(brings(&scene, opening, ranges[i], "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    hospital_free(scene.hospital);
}

static void another_archive_is_never_gone_on_with(void)
{
    static const char *const unmet[] = {ON_CONDITION("\"" OTHER "\""),
                                        ON_CONDITION("W/\"" ONE "\""),
                                        ON_CONDITION(ONE),
                                        ON_CONDITION("\"\""),
                                        ON_CONDITION("\"" ONE "\", \"" ONE "\""),
                                        ON_CONDITION("*"),
                                        ON_CONDITION("Fri, 27 Nov 2026 10:00:00 GMT")};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    for (size_t i = 0; i < sizeof unmet / sizeof *unmet; i++)
        CHECK(brings(&scene, opening, unmet[i], "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    hospital_free(scene.hospital);
}

/* An opening remembers as much as there is room for: of what it does not, the tag has to
 * be named. */
static void what_is_remembered_has_an_end(void)
{
    static const struct image_script file = {200, "application/dicom", .body = "DICM",
                                             .stamp = ONE};
    enum { FILES = 1500 };
    struct scene scene = scene_new();
    struct download download;
    char opening[128], what[32];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    scene.hospital->image = &file;
    for (int i = 0; i < FILES; i++) {
        snprintf(what, sizeof what, "instances/0/%d", i);
        CHECK(ask_opening(&scene, "GET", opening, what).status == 200);
    }
    begin_download(&download, &scene, opening, what, "bytes=2-");
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 409"));
    buf_free(&download.all);
    scene.hospital->image = &archive;
    CHECK(brings(&scene, opening, "bytes=99000-", "HTTP/1.1 206", 99000, ARCHIVE_BYTES));
    hospital_free(scene.hospital);
}

/* All of it without a length, and nothing said of ranges. */
static bool is_chunked(struct scene *scene, const char *opening, const char *range)
{
    struct download download;
    begin_download(&download, scene, opening, "study.zip", range);
    finish(&download);
    bool is_right = is_whole(&download) && says(&download, "HTTP/1.1 200") &&
                    says(&download, "chunked") && !says(&download, "content-length") &&
                    !says(&download, "etag") && !says(&download, "accept-ranges") &&
                    !says(&download, "content-range") &&
                    body_of(&download).len > ARCHIVE_BYTES;
    if (!is_right)
        printf("# %s: %.*s\n", range ? range : "-", 600, (const char *)download.all.at);
    buf_free(&download.all);
    return is_right;
}

/* An older one, or one that had no time to look at all files: it begins anew. */
static void a_gateway_that_says_no_stamp_brings_the_whole(void)
{
    static const struct image_script older = {
        200, "application/zip", .pattern = ARCHIVE_BYTES, .is_from_zero = true};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &older;
    CHECK(is_chunked(&scene, opening, NULL));
    CHECK(is_chunked(&scene, opening, "bytes=0-"));
    CHECK(is_chunked(&scene, opening, "bytes=0-29"));
    CHECK(is_chunked(&scene, opening, "bytes=-500"));
    CHECK(is_told(&scene, opening, "bytes=99000-", "HTTP/1.1 409"));
    CHECK(is_chunked(&scene, opening, ON_CONDITION("\"" ONE "\"")));
    scene.hospital->image = &archive;
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    scene.hospital->image = &older; /* it may be another one */
    CHECK(is_told(&scene, opening, "bytes=99000-", "HTTP/1.1 409"));
    hospital_free(scene.hospital);
}

/* It says a stamp, but counts from no end. */
static void an_older_gateway_has_no_last_bytes(void)
{
    static const struct image_script older = {200, "application/zip",
                                              .pattern = ARCHIVE_BYTES,
                                              .says_length = true, .stamp = ONE};
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &older;
    CHECK(brings(&scene, opening, NULL, "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=-500", "HTTP/1.1 200", 0, ARCHIVE_BYTES));
    CHECK(brings(&scene, opening, "bytes=99000-", "HTTP/1.1 206", 99000, ARCHIVE_BYTES));
    hospital_free(scene.hospital);
}

/* ---- refusals ---- */

static void a_gateway_that_lies_about_its_rest_gives_nothing(void)
{
    static const struct image_script lies[] = {
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE},
        {200, "application/octet-stream", .pattern = ARCHIVE_BYTES, .stamp = ONE,
         .says_length = true},
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE,
         .claims = "9223372036854775807"},
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE, .claims = "0"},
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE,
         .says_length = true, .whole = "99999"},
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE,
         .says_length = true, .whole = "9223372036854775807"},
    };
    static const struct image_script ends[] = {
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE,
         .says_length = true, .whole = "99999"},
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE, .is_new = true,
         .says_length = true, .whole = "400"},
        {200, "application/zip", .pattern = ARCHIVE_BYTES, .stamp = ONE, .is_new = true},
    };
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        scene.hospital->image = &lies[i];
        CHECK(is_told(&scene, opening, ON_CONDITION("\"" ONE "\""), "HTTP/1.1 503"));
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        scene.hospital->image = &ends[i];
        CHECK(is_told(&scene, opening, "bytes=-500\r\nIf-Range: \"" ONE "\"",
                      "HTTP/1.1 503"));
    }
    hospital_free(scene.hospital);
}

static void what_the_gateway_refuses_is_refused(void)
{
    static const struct {
        struct image_script script;
        const char *head;
    } cases[] = {
#define REFUSES(status, code)                                                            \
    {status, "application/problem+json", .body = "{\"code\":\"" code "\"}"}
        {REFUSES(400, "range_unsatisfiable"), "HTTP/1.1 416"},
        {REFUSES(409, "study_changed"), "HTTP/1.1 409"},
        {REFUSES(403, "audience"), "HTTP/1.1 403"},
        {REFUSES(403, "link_ended"), "HTTP/1.1 403"},
        {REFUSES(503, "source_changed"), "HTTP/1.1 503"},
        {REFUSES(503, "audit_unwritable"), "HTTP/1.1 503"},
        {REFUSES(503, "server_busy"), "HTTP/1.1 503"},
    };
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene.hospital->image = &cases[i].script;
        CHECK(is_told(&scene, opening, ON_CONDITION("\"" ONE "\""), cases[i].head));
    }
    hospital_free(scene.hospital);
}

static void only_the_opening_session_gets_the_rest(void)
{
    struct scene scene = scene_new();
    char opening[128], line[256];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    struct scene stranger = scene;
    stranger.clinic = enter(scene.hospital->world, "pharmacy");
    struct scene again = scene;
    again.clinic = enter(scene.hospital->world, "clinic");
    CHECK(is_told(&stranger, opening, "bytes=99000-", "HTTP/1.1 404"));
    CHECK(is_told(&again, opening, "bytes=99000-", "HTTP/1.1 404"));
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", opening);
    CHECK(go(&scene.clinic, line, "").status == 204);
    CHECK(is_told(&scene, opening, "bytes=99000-", "HTTP/1.1 404"));
    CHECK(scene.hospital->image_path[0] == '\0');
    hospital_free(scene.hospital);
}

/* What ended between two requests has ended. */
static void a_consent_that_was_withdrawn_gives_no_rest(void)
{
    struct scene scene = scene_new();
    char opening[128];
    open_only_entry(&scene, opening);
    scene.hospital->image = &archive;
    CHECK(brings(&scene, opening, "bytes=0-49999", "HTTP/1.1 206", 0, 50000));
    scene.hospital->image_path[0] = '\0';
    withdraw_consent(&scene);
    CHECK(is_told(&scene, opening, ON_CONDITION("\"" ONE "\""), "HTTP/1.1 40"));
    CHECK(scene.hospital->image_path[0] == '\0'); /* nobody was asked */
    hospital_free(scene.hospital);
}

/* ---- the audit ---- */

/* The rest is given under the opening's one decision, and its finish row counts what was
 * given in all: what broke off, and the rest. */
static void the_rest_is_in_the_finish_row(void)
{
    static const struct image_script cut = {200,
                                            "application/zip",
                                            .pattern = LARGE_BYTES,
                                            .is_cut = true,
                                            .says_length = true,
                                            .stamp = ONE};
    static const struct image_script whole = {200, "application/zip",
                                              .pattern = LARGE_BYTES, .says_length = true,
                                              .stamp = ONE};
    struct scene scene = scene_new();
    struct download download;
    struct ending ending = {.words = "\"done\""};
    char opening[128], range[160];
    open_only_entry(&scene, opening);
    scene.hospital->image = &cut;
    atomic_store(&scene.hospital->original_gate, 0);
    begin_download(&download, &scene, opening, "study.zip", NULL);
    CHECK_SOON(atomic_load(&download.received) > 1000);
    atomic_store(&scene.hospital->original_gate, 1);
    finish(&download);
    CHECK(says(&download, "HTTP/1.1 200") && !is_whole(&download));
    size_t had = body_of(&download).len;
    buf_free(&download.all);
    CHECK(had > 0 && had < LARGE_BYTES);
    scene.hospital->image = &whole;
    snprintf(range, sizeof range, "bytes=%zu-\r\nIf-Range: \"" ONE "\"", had);
    CHECK(brings(&scene, opening, range, "HTTP/1.1 206", had, LARGE_BYTES));
    CHECK(brings(&scene, opening, "bytes=100-199", "HTTP/1.1 206", 100, 200));
    CHECK(ends_as(&scene, opening, &ending));
    /* of what was asked narrower, more may have been on its way than came */
    CHECK(ending.bytes >= LARGE_BYTES + 100);
    CHECK(ending.bytes < LARGE_BYTES + LARGE_BYTES);
    hospital_free(scene.hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(an_archive_says_its_length_and_its_name);
    RUN(an_archive_goes_on_where_it_was);
    RUN(the_last_bytes_come_as_asked);
    RUN(behind_the_end_its_length_is_told);
    RUN(a_head_is_what_the_whole_begins_with);
    RUN(who_names_no_tag_goes_on_with_what_it_was_given);
    RUN(what_was_given_of_another_place_is_not_gone_on_with);
    RUN(what_is_remembered_has_an_end);
    RUN(what_is_no_range_of_ours_brings_the_whole);
    RUN(another_archive_is_never_gone_on_with);
    RUN(a_gateway_that_says_no_stamp_brings_the_whole);
    RUN(an_older_gateway_has_no_last_bytes);
    RUN(a_gateway_that_lies_about_its_rest_gives_nothing);
    RUN(what_the_gateway_refuses_is_refused);
    RUN(only_the_opening_session_gets_the_rest);
    RUN(a_consent_that_was_withdrawn_gives_no_rest);
    RUN(the_rest_is_in_the_finish_row);
    return test_done();
}
