// SPDX-License-Identifier: Apache-2.0
/* A study that a hospital's system posts, from there to what the centre is told and may
 * open. */
#include "gateway/gateway_testcentre.h"
#include "gateway/gateway_testport.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "formats/dicom/dicom_testsite.h"
#include "wire/dimse/dimse.h"

#define STUDY "2.25.700"
#define STUDY_KEY "-/DICOM/" STUDY
#define STRANGER "2.25.800"
#define SECONDARY_CAPTURE "1.2.840.10008.5.1.4.1.1.7"
#define PART "\r\n--b\r\nContent-Type: application/dicom\r\n\r\n"
#define LAST "\r\n--b--\r\n"

enum { POLLS_MAX = 120, WAIT_S = 30, NOISE_BYTES = 600000, BLANK_BYTES = 15 << 20 };

static const char *const radiology_policy =
    "{\"version\":2,\"rules\":[{\"kinds\":[\"radiology\",\"patient\"],"
    "\"professions\":[\"doctor\"]}]}";

/* ---- the hospital's system ---- */

struct posted {
    const char *study, *instance, *number, *day;
};

static void put_names(struct site *site, const struct posted *posted)
{
    put_string(site, DICOM_SOP_CLASS, "UI", SECONDARY_CAPTURE);
    put_string(site, DICOM_SOP_INSTANCE, "UI", posted->instance);
    put_string(site, DICOM_STUDY_DATE, "DA", posted->day);
    put_string(site, DICOM_MODALITY, "CS", "OT");
    put_string(site, DICOM_PATIENT_ID, "LO", posted->number);
    put_string(site, DICOM_BIRTH_DATE, "DA", "19500102");
    put_string(site, DICOM_STUDY, "UI", posted->study);
    put_string(site, DICOM_SERIES, "UI", "2.25.701");
}

static void put_part(struct buf *body, const struct posted *posted)
{
    struct dimse_instance what = {SECONDARY_CAPTURE, posted->instance, LITTLE, ""};
    struct site site = new_site(LITTLE);
    put_names(&site, posted);
    put_short(&site, DICOM_ROWS, 1);
    put_short(&site, DICOM_COLUMNS, 1);
    put_shorts(&site, DICOM_PIXELS, "OW", (const uint16_t[]){7}, 1);
    buf_cstr(body, PART);
    dimse_write_head(&what, body);
    buf_span(body, buf_view(&site.out));
    buf_free(&site.out);
}

/* In the deflated transfer syntax; noise does not become shorter. */
static void put_deflated(struct buf *body, const struct posted *posted,
                         size_t pixel_bytes, bool is_noise)
{
    struct dimse_instance what = {SECONDARY_CAPTURE, posted->instance, DEFLATED, ""};
    struct site site = new_site(LITTLE);
    z_stream stream = {0};
    uint32_t seed = 7;
    put_names(&site, posted);
    put_head(&site, DICOM_PIXELS, "OW", (uint32_t)pixel_bytes);
    for (size_t i = 0; i < pixel_bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_byte(&site.out, is_noise ? (uint8_t)(seed >> 24) : 0);
    }
    buf_cstr(body, PART);
    dimse_write_head(&what, body);
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) ==
          Z_OK);
    size_t room = deflateBound(&stream, site.out.len);
    stream.next_in = site.out.at;
    stream.avail_in = (uInt)site.out.len;
    stream.next_out = buf_take(body, room);
    stream.avail_out = (uInt)room;
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    body->len -= stream.avail_out;
    deflateEnd(&stream);
    buf_free(&site.out);
}

static int dial(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = WAIT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    CHECK(connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0);
    return fd;
}

/* False: another status. */
static bool post(uint16_t port, const struct buf *body, const char *status)
{
    char heard[4096] = "";
    size_t len = 0;
    ssize_t got = 0;
    CLEANUP(buf_free) struct buf request = buf_init(4 << 20);
    buf_format(&request,
               "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n"
               "Connection: close\r\nContent-Type: multipart/related; "
               "type=\"application/dicom\"; boundary=b\r\nContent-Length: %zu\r\n\r\n",
               body->len);
    buf_span(&request, buf_view(body));
    int fd = dial(port);
    CHECK(send(fd, request.at, request.len, MSG_NOSIGNAL) == (ssize_t)request.len);
    do {
        got = recv(fd, heard + len, sizeof heard - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    close(fd);
    if (len < 12 || memcmp(heard + 9, status, 3) != 0)
        printf("# %s\n", heard);
    return len >= 12 && memcmp(heard + 9, status, 3) == 0;
}

/* ---- the gateway ---- */

static uint16_t begin_posting(struct scene *scene)
{
    struct err err = {0};
    struct span json = {0};
    uint16_t port = free_port();
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf changed = buf_init(1 << 16);
    begin(scene);
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
    stop_gateway(scene);
    must(path_write_file(in_folder(scene, "policy.json"), span_cstr(radiology_policy),
                         &err),
         &err);
    must(path_read_file(in_folder(scene, "gateway.json"), 1 << 15, &arena, &json, &err),
         &err);
    buf_format(&changed,
               "{\"dicomweb\":{\"address\":\"127.0.0.1\",\"port\":%u,\"callers\":[{"
               "\"name\":\"PACS\",\"addresses\":[\"127.0.0.1\"]}],\"reserve_mb\":0},",
               (unsigned)port);
    buf_span(&changed, span_part(json, 1, json.len));
    must(path_write_file(in_folder(scene, "gateway.json"), buf_view(&changed), &err),
         &err);
    start_gateway(scene);
    ANSWER hello = ask_hello(scene);
    CHECK(hello.status == 200);
    return port;
}

/* ---- the centre ---- */

/* Polls a lane, answering what came, until it tells this. */
static bool tells(struct scene *scene, const char *lane, const char *word,
                  struct poll *poll)
{
    *poll = (struct poll){.answers = buf_init(1 << 20)};
    buf_cstr(&poll->answers, "{\"answers\":[]}");
    for (int i = 0; i < POLLS_MAX && !strstr(poll->told, word); i++) {
        ANSWER answer = ask(scene, lane, buf_view(&poll->answers), (struct span){0});
        CHECK(answer.status == 200 && answer.document);
        if (answer.document)
            take_batch(poll, json_root(answer.document));
    }
    ANSWER last = ask(scene, lane, buf_view(&poll->answers), (struct span){0});
    CHECK(last.status == 200);
    buf_free(&poll->answers);
    return strstr(poll->told, word) != NULL;
}

static struct answer ask_pictures(struct scene *scene, const char *path, const char *key)
{
    struct wish wish = {.key = key, .profession = "doctor", .kind = ENTRY_RADIOLOGY};
    return ask_wish(scene, path, &wish);
}

static bool says(const struct answer *answer, const char *words)
{
    return memmem(answer->body.at, answer->body.len, words, strlen(words)) != NULL;
}

static void a_study_that_is_posted_is_told_and_opened(void)
{
    struct scene scene;
    struct poll poll;
    static const struct posted posted = {STUDY, STUDY ".1", NUMBER, "20240501"};
    CLEANUP(buf_free) struct buf body = buf_init(1 << 20);
    uint16_t port = begin_posting(&scene);
    put_part(&body, &posted);
    buf_cstr(&body, LAST);
    CHECK(post(port, &body, "200"));
    CHECK(tells(&scene, "/events/live", "P:" STUDY_KEY " ", &poll));
    ANSWER study = ask_pictures(&scene, "/study", STUDY_KEY);
    CHECK(study.status == 200 && says(&study, "\"uid\":\"" STUDY ".1\""));
    CHECK(says(&study, "\"date\":\"2024-05-01\""));
    ANSWER metadata = ask_pictures(&scene, "/metadata", STUDY_KEY);
    CHECK(metadata.status == 200 && says(&metadata, STUDY ".1"));
    CHECK(says(&metadata, "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"" NUMBER "\"]}"));
    end(&scene);
}

/* Of the three in one request one is nobody's here, and one is no file. */
static void what_is_posted_of_a_stranger_is_told_to_nobody(void)
{
    struct scene scene;
    struct poll poll;
    static const struct posted stranger = {STRANGER, STRANGER ".1", "4711", "20240501"};
    static const struct posted posted = {STUDY, STUDY ".1", NUMBER, "20240501"};
    CLEANUP(buf_free) struct buf body = buf_init(1 << 20);
    uint16_t port = begin_posting(&scene);
    put_part(&body, &stranger);
    buf_cstr(&body, PART "no file of DICOM");
    put_part(&body, &posted);
    buf_cstr(&body, LAST);
    CHECK(post(port, &body, "202"));
    CHECK(tells(&scene, "/events/live", "P:" STUDY_KEY " ", &poll));
    CHECK(!strstr(poll.told, STRANGER));
    ANSWER study = ask_pictures(&scene, "/study", "-/DICOM/" STRANGER);
    CHECK(is_problem(&study, 404, "not_found"));
    end(&scene);
}

/* The same instance with another day: the entry is told again, as the newer one. */
static void a_correction_that_is_posted_moves_the_entry(void)
{
    struct scene scene;
    struct poll poll;
    static const struct posted first = {STUDY, STUDY ".1", NUMBER, "20240501"};
    static const struct posted second = {STUDY, STUDY ".1", NUMBER, "20240502"};
    CLEANUP(buf_free) struct buf body = buf_init(1 << 20);
    uint16_t port = begin_posting(&scene);
    put_part(&body, &first);
    buf_cstr(&body, LAST);
    CHECK(post(port, &body, "200"));
    CHECK(tells(&scene, "/events/live", "P:" STUDY_KEY " ", &poll));
    buf_reset(&body);
    put_part(&body, &second);
    buf_cstr(&body, LAST);
    CHECK(post(port, &body, "200"));
    CHECK(tells(&scene, "/events/live", "P:" STUDY_KEY " ", &poll));
    ANSWER study = ask_pictures(&scene, "/study", STUDY_KEY);
    CHECK(study.status == 200 && says(&study, "\"date\":\"2024-05-02\""));
    end(&scene);
}

/* What is looked at before it is kept is the beginning of the first, and of the second,
 * which is small, only that of what would come out of it. */
static void deflated_instances_are_taken_whatever_their_size(void)
{
    struct scene scene;
    struct poll poll;
    static const struct posted noise = {STUDY, STUDY ".1", NUMBER, "20240501"};
    static const struct posted blank = {STUDY, STUDY ".2", NUMBER, "20240501"};
    CLEANUP(buf_free) struct buf body = buf_init(32 << 20);
    uint16_t port = begin_posting(&scene);
    put_deflated(&body, &noise, NOISE_BYTES, true);
    put_deflated(&body, &blank, BLANK_BYTES, false);
    buf_cstr(&body, LAST);
    CHECK(post(port, &body, "200"));
    CHECK(tells(&scene, "/events/live", "P:" STUDY_KEY " ", &poll));
    ANSWER study = ask_pictures(&scene, "/study", STUDY_KEY);
    CHECK(study.status == 200 && says(&study, "\"uid\":\"" STUDY ".1\"") &&
          says(&study, "\"uid\":\"" STUDY ".2\""));
    end(&scene);
}

int main(void)
{
    RUN(a_study_that_is_posted_is_told_and_opened);
    RUN(what_is_posted_of_a_stranger_is_told_to_nobody);
    RUN(a_correction_that_is_posted_moves_the_entry);
    RUN(deflated_instances_are_taken_whatever_their_size);
    return test_done();
}
