// SPDX-License-Identifier: Apache-2.0
/* What those who post studies hear, and what is on the disk afterwards. */
#include "gateway/gateway_web.h"

#include "base/hash.h"
#include "gateway/gateway_dicom_testfile.h"
#include "gateway/gateway_testorthanc.h"
#include "wire/tls/tls.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define RELATED "multipart/related; type=\"application/dicom\"; boundary=b"
#define PART "\r\n--b\r\nContent-Type: application/dicom\r\n\r\n"
#define LAST "\r\n--b--\r\n"

enum { ANSWER_BYTES = 64 * 1024 };

struct place {
    struct site site;
    struct gateway_web_settings settings;
    struct gateway_web *web;
    char answer[ANSWER_BYTES];
    int status;
};

static const char *find_fault(void *context)
{
    const struct place *place = context;
    return place->settings.requests_max > 0 ? NULL : "centre_away";
}

static void put_meters(void *context, struct buf *out)
{
    struct place *place = context;
    gateway_dicom_put_meters(place->site.dicom, out);
}

/* Takes from 127.0.0.1 whatever has no name for its certificate. */
static void prepare_place(struct place *place)
{
    struct err err = {0};
    prepare(&place->site);
    place->settings =
        (struct gateway_web_settings){.address = "127.0.0.1",
                                      .callers = {{.name = "PACS", .network_count = 1}},
                                      .caller_count = 1,
                                      .requests_max = 4,
                                      .requests_per_caller_max = 2,
                                      .instance_mb_max = 64,
                                      .request_mb_max = 128,
                                      .metrics_address = "127.0.0.1"};
    CHECK(dimse_read_network(SPAN("127.0.0.1"), &place->settings.callers[0].networks[0],
                             &err));
}

static void open_place(struct place *place)
{
    struct err err = {0};
    open_site(&place->site);
    loop_stop(place->site.loop);
    pthread_join(place->site.thread, NULL);
    struct gateway_web_config config = {.loop = place->site.loop,
                                        .workers = place->site.workers,
                                        .settings = &place->settings,
                                        .instances =
                                            gateway_dicom_instances(place->site.dicom),
                                        .log = &place->site.log,
                                        .find_fault = find_fault,
                                        .put_meters = put_meters,
                                        .context = place};
    place->web = gateway_web_open(&config, &err);
    CHECK(place->web != NULL);
    CHECK(pthread_create(&place->site.thread, NULL, run_loop, &place->site) == 0);
}

static void close_place(struct place *place)
{
    loop_stop(place->site.loop);
    pthread_join(place->site.thread, NULL);
    gateway_web_stop(place->web);
    gateway_dicom_stop(place->site.dicom);
    workers_free(place->site.workers);
    gateway_dicom_close(place->site.dicom);
    loop_free(place->site.loop);
    gateway_web_close(place->web);
    close(place->site.log.fd);
    pthread_cond_destroy(&place->site.changed);
    pthread_mutex_destroy(&place->site.lock);
    CHECK(test_remove(in_folder("images")));
}

/* ---- a caller ---- */

static int dial(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = WAIT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    CHECK(connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0);
    return fd;
}

static void say(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* refused before its end */
        bytes = span_part(bytes, (size_t)sent, bytes.len);
    }
}

/* To the end of the connection. */
static void hear(struct place *place, int fd)
{
    size_t len = 0;
    ssize_t got = 0;
    do {
        got = recv(fd, place->answer + len, ANSWER_BYTES - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    place->answer[len] = '\0';
    place->status = len > 12
                        ? (place->answer[9] - '0') * 100 +
                              (place->answer[10] - '0') * 10 + (place->answer[11] - '0')
                        : 0;
    close(fd);
}

static void say_head(int fd, const char *path, const char *type, const char *length)
{
    CLEANUP(buf_free) struct buf head = buf_init(4096);
    buf_format(&head,
               "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               "Content-Type: %s\r\n%s\r\n\r\n",
               path, type, length);
    say(fd, buf_view(&head));
}

static void post(struct place *place, const char *path, const char *type,
                 const struct buf *body)
{
    char length[64];
    int fd = dial(gateway_web_port(place->web));
    snprintf(length, sizeof length, "Content-Length: %zu", body->len);
    say_head(fd, path, type, length);
    say(fd, buf_view(body));
    hear(place, fd);
}

static void put_file(struct buf *body, const char *uid, uint32_t rows)
{
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(128 << 20);
    CHECK(path_read_file(write_file("a.dcm", uid, EXPLICIT, rows, 3), 64 << 20, &arena,
                         &bytes, &err));
    buf_cstr(body, PART);
    buf_span(body, bytes);
}

static bool answers(const struct place *place, const char *words)
{
    bool has = strstr(place->answer, words) != NULL;
    if (!has)
        printf("# %s\n", place->answer);
    return has;
}

#define BODY CLEANUP(buf_free) struct buf body = buf_init(128 << 20)
#define ANY "/dicom-web/studies"

/* ---- what is stored ---- */

static void a_study_that_is_posted_is_on_the_disk_when_that_is_answered(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 512);
    put_file(&body, "2.25.2", 8); /* smaller than what is looked at */
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 200 && answers(&place, "application/dicom+json"));
    CHECK(answers(&place, "\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00081150\":{\"vr\":"
                          "\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\"]},"
                          "\"00081155\":{\"vr\":\"UI\",\"Value\":[\"2.25.1\"]}"));
    CHECK(!strstr(place.answer, "00081198"));
    CHECK(place.site.kept_count == 2 && count_kept(&place.site) == 2);
    CHECK(strcmp(place.site.sender, "PACS") == 0);
    CHECK(strcmp(place.site.syntax, EXPLICIT) == 0);
    post(&place, ANY "/2.25.5001", RELATED, &body);
    CHECK(place.status == 200 && place.site.kept_count == 2); /* the same again */
    close_place(&place);
}

static bool kept_is(struct place *place, struct span bytes)
{
    struct err err = {0};
    struct span file = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(128 << 20);
    struct instances *instances = gateway_dicom_instances(place->site.dicom);
    CLEANUP(path_close) int fd = instances_open_file(instances, place->site.path, &err);
    return fd >= 0 && path_read(fd, 64 << 20, &arena, &file, &err) &&
           span_equal(file, bytes);
}

static void a_large_instance_in_chunks_is_kept_as_it_came(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.3", 32 * 1024); /* 32 MiB */
    struct span file = span_part(buf_view(&body), sizeof PART - 1, body.len);
    int fd = dial(gateway_web_port(place.web));
    say_head(fd, ANY, RELATED, "Transfer-Encoding: chunked");
    for (size_t at = 0; at < body.len; at += 100000) {
        char head[32];
        struct span piece = span_part(buf_view(&body), at, 100000);
        snprintf(head, sizeof head, "%zx\r\n", piece.len);
        say(fd, span_cstr(head));
        say(fd, piece);
        say(fd, SPAN("\r\n"));
    }
    say(fd, SPAN("9\r\n" LAST "\r\n0\r\n\r\n"));
    hear(&place, fd);
    CHECK(place.status == 200 && kept_is(&place, file));
    close_place(&place);
}

/* ---- what is not ---- */

static void what_is_of_another_study_fails_and_the_rest_is_stored(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 64);
    buf_cstr(&body, PART "this is no DICOM" LAST);
    post(&place, ANY "/2.25.77", RELATED, &body);
    CHECK(place.status == 409 && answers(&place, "\"Value\":[50185]"));
    CHECK(answers(&place, "\"Value\":[49152]") && count_kept(&place.site) == 0);
    post(&place, ANY "/2.25.5001", RELATED, &body);
    CHECK(place.status == 202 && answers(&place, "00081198"));
    CHECK(answers(&place, "00081199") && count_kept(&place.site) == 1);
    close_place(&place);
}

static void what_is_not_whole_is_not_kept(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 512);
    post(&place, ANY, RELATED, &body); /* without the last delimiter */
    CHECK(answers(&place, "multipart_cut") && place.status == 400);
    int fd = dial(gateway_web_port(place.web));
    say_head(fd, ANY, RELATED, "Content-Length: 99999999");
    say(fd, buf_view(&body));
    shutdown(fd, SHUT_WR);
    hear(&place, fd);
    CHECK(place.status == 0);
    buf_reset(&body);
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 400 && answers(&place, "multipart_empty"));
    close_place(&place);
}

static void what_is_cut_leaves_nothing_behind(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 512);
    int fd = dial(gateway_web_port(place.web));
    say_head(fd, ANY, RELATED, "Content-Length: 99999999");
    say(fd, buf_view(&body));
    close_place(&place); /* with the upload under way */
    close(fd);
    CHECK(place.site.kept_count == 0);
}

static void requests_that_cannot_be_meant_are_refused(void)
{
    static const struct {
        const char *path, *type;
        int status;
    } cases[] = {
        {ANY, "application/dicom", 415},
        {ANY, "multipart/related; type=\"application/dicom+json\"; boundary=b", 415},
        {ANY, "multipart/related; type=\"application/dicom\"", 400},
        {ANY, "multipart/related; type", 400},
        {ANY "/1..%2F..%2Fetc", RELATED, 400},
        {ANY "/..", RELATED, 400},
        {ANY "/1.2a", RELATED, 400},
        {ANY "/12345678901234567890123456789012345678901234567890123456789012345",
         RELATED, 400},
        {ANY "/1/2", RELATED, 404},
    };
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 64);
    buf_cstr(&body, LAST);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        post(&place, cases[i].path, cases[i].type, &body);
        if (place.status != cases[i].status)
            printf("# %zu: %d\n", i, place.status);
        CHECK(place.status == cases[i].status);
    }
    buf_reset(&body);
    buf_cstr(&body, "--b\r\nContent-Type: text/plain\r\n\r\nx" LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 415 && answers(&place, "part_type"));
    buf_reset(&body);
    buf_cstr(&body, PART "x\r\n--bX");
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 400 && answers(&place, "multipart_broken"));
    CHECK(count_kept(&place.site) == 0);
    close_place(&place);
}

static void who_is_not_on_the_list_is_refused(void)
{
    struct place place;
    struct err err = {0};
    BODY;
    prepare_place(&place);
    CHECK(dimse_read_network(SPAN("127.9.0.0/16"), &place.settings.callers[0].networks[0],
                             &err));
    open_place(&place);
    put_file(&body, "2.25.1", 64);
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 403 && answers(&place, "caller_unknown"));
    CHECK(count_kept(&place.site) == 0);
    close_place(&place);
}

static void what_is_too_large_is_said_to_be(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    place.settings.instance_mb_max = 1;
    place.settings.request_mb_max = 4;
    open_place(&place);
    put_file(&body, "2.25.1", 2048); /* 2 MiB */
    put_file(&body, "2.25.2", 512);
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 202 && answers(&place, "\"Value\":[42752]"));
    CHECK(count_kept(&place.site) == 1);
    buf_reset(&body);
    for (int i = 0; i < 8; i++)
        put_file(&body, "2.25.1", 700);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 413 && answers(&place, "request_too_large"));
    close_place(&place);
}

static void a_full_disk_is_a_reason_of_its_own(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    place.site.settings.reserve_mb = 1 << 30; /* no disk has so much */
    open_place(&place);
    put_file(&body, "2.25.1", 4096);
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 409 && answers(&place, "\"Value\":[42752]"));
    CHECK(count_kept(&place.site) == 0);
    close_place(&place);
}

static void without_tls_only_loopback_takes_studies(void)
{
    struct place place;
    struct err err = {0};
    prepare_place(&place);
    place.settings.address = "0.0.0.0";
    open_site(&place.site);
    struct gateway_web_config config = {.loop = place.site.loop,
                                        .workers = place.site.workers,
                                        .settings = &place.settings,
                                        .instances =
                                            gateway_dicom_instances(place.site.dicom)};
    CHECK(!gateway_web_open(&config, &err) && strcmp(err.code, "plain_refused") == 0);
    close_site(&place.site);
}

/* ---- a sender that waits, and senders at once ---- */

static void ask(struct place *place, const char *path)
{
    CLEANUP(buf_free) struct buf head = buf_init(4096);
    int fd = dial(gateway_web_metrics_port(place->web));
    buf_format(&head, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
               path);
    say(fd, buf_view(&head));
    hear(place, fd);
}

static bool meters_say(struct place *place, const char *line)
{
    ask(place, "/metrics");
    return strstr(place->answer, line) != NULL;
}

/* As of one that begins and then says nothing. */
static int begin_upload(struct place *place, const struct buf *body)
{
    int fd = dial(gateway_web_port(place->web));
    say_head(fd, ANY, RELATED, "Content-Length: 99999999");
    say(fd, buf_view(body));
    return fd;
}

static void who_stops_in_the_middle_is_told_so(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    place.settings.body_deadline_ms = 300;
    open_place(&place);
    put_file(&body, "2.25.1", 8);
    int fd = begin_upload(&place, &body);
    hear(&place, fd);
    CHECK(place.status == 408 && answers(&place, "body_too_slow"));
    CHECK_SOON(&place.site, meters_say(&place, "tsumugi_stow_requests 0\n"));
    CHECK(count_kept(&place.site) == 0);
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body); /* and the next one is heard */
    CHECK(place.status == 200);
    close_place(&place);
}

static void more_at_once_than_agreed_are_told_to_come_again(void)
{
    struct place place;
    BODY;
    prepare_place(&place); /* two of a caller */
    open_place(&place);
    put_file(&body, "2.25.1", 8);
    int first = begin_upload(&place, &body);
    int second = begin_upload(&place, &body);
    CHECK_SOON(&place.site, meters_say(&place, "tsumugi_stow_requests 2\n"));
    buf_cstr(&body, LAST);
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 503 && answers(&place, "uploads_full"));
    CHECK(answers(&place, "retry-after: ") && count_kept(&place.site) == 0);
    close(first);
    CHECK_SOON(&place.site, meters_say(&place, "tsumugi_stow_requests 1\n"));
    post(&place, ANY, RELATED, &body);
    CHECK(place.status == 200 && count_kept(&place.site) == 1);
    CHECK(meters_say(&place, "tsumugi_stow_refused{reason=\"uploads_full\"} 1\n"));
    close(second);
    close_place(&place);
}

static void a_body_with_a_coding_is_refused(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 8);
    buf_cstr(&body, LAST);
    int fd = dial(gateway_web_port(place.web));
    say_head(fd, ANY, RELATED, "Content-Encoding: deflate\r\nContent-Length: 12");
    say(fd, SPAN("not looked at"));
    hear(&place, fd);
    CHECK(place.status == 415 && answers(&place, "encoding_unsupported"));
    CHECK(count_kept(&place.site) == 0);
    close_place(&place);
}

/* ---- TLS ---- */

struct keys {
    char files[7][NAME_BYTES];
    char pacs[HASH_HEX_BYTES]; /* fingerprint of the certificate */
};
enum { HOUSE, OWN, OWN_KEY, PACS, PACS_KEY, OTHER, OTHER_KEY };

static void make_keys(struct keys *keys)
{
    static const char *const names[] = {"house.crt", "gateway.crt", "gateway.key",
                                        "pacs.crt",  "pacs.key",    "other.crt",
                                        "other.key"};
    struct err err = {0};
    char other[HASH_HEX_BYTES];
    for (int i = 0; i < 7; i++)
        snprintf(keys->files[i], NAME_BYTES, "%s", in_folder(names[i]));
    CHECK(tls_make_authority(in_folder("house"), "house", &err));
    CHECK(tls_issue(in_folder("house"), in_folder("gateway"), "gateway", "127.0.0.1", 30,
                    other, &err));
    CHECK(tls_issue(in_folder("house"), in_folder("pacs"), "pacs", NULL, 30, keys->pacs,
                    &err));
    CHECK(tls_issue(in_folder("house"), in_folder("other"), "other", NULL, 30, other,
                    &err));
}

/* The status that curl hears; 000 without an answer. */
static bool curl_hears(const struct place *place, const struct keys *keys, int who,
                       const char *status)
{
    char url[NAME_BYTES], data[NAME_BYTES + 1];
    snprintf(url, sizeof url, "https://127.0.0.1:%u" ANY,
             (unsigned)gateway_web_port(place->web));
    snprintf(data, sizeof data, "@%s", in_folder("body"));
    const char *arguments[ARGUMENTS_MAX] = {"curl",
                                            "-s",
                                            "-o",
                                            in_folder("heard"),
                                            "-w",
                                            "%{http_code}",
                                            "--cacert",
                                            keys->files[HOUSE],
                                            "-H",
                                            "Content-Type: " RELATED,
                                            "--data-binary",
                                            data,
                                            url};
    int count = 13;
    if (who >= 0) {
        arguments[count++] = "--cert";
        arguments[count++] = keys->files[who];
        arguments[count++] = "--key";
        arguments[count++] = keys->files[who + 1];
    }
    struct running running = begin_program(arguments);
    end_program(&running);
    return says(&running, status);
}

static void a_caller_is_its_certificate_when_one_is_named(void)
{
    struct place place;
    struct keys keys;
    struct err err = {0};
    BODY;
    make_keys(&keys);
    prepare_place(&place);
    place.settings.authority = keys.files[HOUSE];
    place.settings.certificate = keys.files[OWN];
    place.settings.key = keys.files[OWN_KEY];
    place.settings.callers[0].certificate = keys.pacs;
    open_place(&place);
    put_file(&body, "2.25.1", 2048);
    buf_cstr(&body, LAST);
    CHECK(path_write_file(in_folder("body"), buf_view(&body), &err));
    CHECK(curl_hears(&place, &keys, -1, "000"));
    CHECK(curl_hears(&place, &keys, OTHER, "403") && count_kept(&place.site) == 0);
    CHECK(curl_hears(&place, &keys, PACS, "200") && count_kept(&place.site) == 1);
    close_place(&place);
}

/* ---- how it is ---- */

static void health_and_meters_are_told_on_loopback(void)
{
    struct place place;
    BODY;
    prepare_place(&place);
    open_place(&place);
    put_file(&body, "2.25.1", 64);
    buf_cstr(&body, PART "x" LAST);
    post(&place, ANY, RELATED, &body);
    ask(&place, "/healthz");
    CHECK(place.status == 200 && answers(&place, "ok"));
    place.settings.requests_max = 0;
    ask(&place, "/healthz");
    CHECK(place.status == 503 && answers(&place, "centre_away\n"));
    ask(&place, "/metrics");
    CHECK(place.status == 200 && answers(&place, "tsumugi_dicom_associations 0\n"));
    CHECK(answers(&place, "tsumugi_stow_stored 1\n"));
    CHECK(answers(&place, "tsumugi_stow_failed 1\n"));
    ask(&place, ANY);
    CHECK(place.status == 404);
    close_place(&place);
}

/* ---- a caller of others ---- */

#define PYTHON "/usr/bin/python3"

/* Objects as pydicom writes them, sent by Python's own HTTP client. */
static const char *const sender =
    "import io, json, sys, urllib.request, uuid\n"
    "from pydicom.dataset import FileDataset, FileMetaDataset\n"
    "mark = uuid.uuid4().hex\n"
    "body = b''\n"
    "for i, syntax in enumerate(('1.2.840.10008.1.2.1', '1.2.840.10008.1.2')):\n"
    "    meta = FileMetaDataset()\n"
    "    meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.7'\n"
    "    meta.MediaStorageSOPInstanceUID = '2.25.70%d' % i\n"
    "    meta.TransferSyntaxUID = syntax\n"
    "    one = FileDataset('', {}, file_meta=meta, preamble=bytes(128))\n"
    "    one.is_little_endian, one.is_implicit_VR = True, i == 1\n"
    "    one.SOPClassUID = meta.MediaStorageSOPClassUID\n"
    "    one.SOPInstanceUID = meta.MediaStorageSOPInstanceUID\n"
    "    one.StudyInstanceUID, one.SeriesInstanceUID = '2.25.7', '2.25.71'\n"
    "    one.PatientID, one.PatientName = '1', 'KARA^HANAKO'\n"
    "    one.Rows = one.Columns = 64\n"
    "    one.BitsAllocated = one.BitsStored = 8\n"
    "    one.HighBit, one.SamplesPerPixel, one.PixelRepresentation = 7, 1, 0\n"
    "    one.PhotometricInterpretation = 'MONOCHROME2'\n"
    "    one.PixelData = bytes([13, 10, 45, 45]) * 1024\n"
    "    out = io.BytesIO()\n"
    "    one.save_as(out, write_like_original=False)\n"
    "    body += b'--' + mark.encode() + b'\\r\\nContent-Type: application/dicom'\n"
    "    body += b'\\r\\n\\r\\n' + out.getvalue() + b'\\r\\n'\n"
    "body += b'--' + mark.encode() + b'--\\r\\n'\n"
    "kind = 'multipart/related; type=\"application/dicom\"; boundary=\"%s\"' % mark\n"
    "head = {'Content-Type': kind, 'Accept': 'application/dicom+json'}\n"
    "request = urllib.request.Request(sys.argv[1], body, head)\n"
    "answer = json.load(urllib.request.urlopen(request))\n"
    "stored = [one['00081155']['Value'][0] for one in answer['00081199']['Value']]\n"
    "sys.exit(stored != ['2.25.700', '2.25.701'] or '00081198' in answer)\n";

static void what_pydicom_writes_and_python_posts_is_stored(void)
{
    struct place place;
    char url[64];
    prepare_place(&place);
    open_place(&place);
    snprintf(url, sizeof url, "http://127.0.0.1:%u" ANY,
             (unsigned)gateway_web_port(place.web));
    struct running running =
        begin_program((const char *const[]){PYTHON, "-c", sender, url, NULL});
    bool is_done = end_program(&running) == 0;
    CHECK(is_done && place.site.kept_count == 2 && count_kept(&place.site) == 2);
    close_place(&place);
}

/* ---- Orthanc, whose plugin for DICOMweb posts in chunks ---- */

#define PLUGIN "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"

static bool start_plugin(struct orthanc *orthanc, const struct keys *keys)
{
    CLEANUP(buf_free) struct buf more = buf_init(1024);
    buf_format(&more,
               ",\"Plugins\":[\"" PLUGIN "\"],\"DicomWeb\":{\"Enable\":true},"
               "\"HttpsCACertificates\":\"%s\",\"HttpsVerifyPeers\":true",
               keys->files[HOUSE]);
    buf_byte(&more, '\0');
    bool has_started = start_orthanc(orthanc, (const char *)more.at);
    CHECK(has_started);
    return has_started;
}

/* With this certificate. */
static void tell_of_place(const struct orthanc *orthanc, const struct place *place,
                          const struct keys *keys, int who)
{
    CLEANUP(buf_free) struct buf body = buf_init(1024);
    buf_format(&body,
               "{\"Url\":\"https://127.0.0.1:%u/dicom-web/\",\"ChunkedTransfers\":true,"
               "\"CertificateFile\":\"%s\",\"CertificateKeyFile\":\"%s\"}",
               (unsigned)gateway_web_port(place->web), keys->files[who],
               keys->files[who + 1]);
    buf_byte(&body, '\0');
    ask_orthanc(orthanc, "dicom-web/servers/gateway",
                (const char *const[]){"-X", "PUT", "-d", (const char *)body.at, NULL});
}

/* Takes the file in and posts it; what Orthanc says of that. */
static struct running post_from(const struct orthanc *orthanc, const char *uid,
                                uint32_t rows)
{
    char data[NAME_BYTES + 1], id[NAME_BYTES], body[2 * NAME_BYTES];
    snprintf(data, sizeof data, "@%s", write_file("a.dcm", uid, EXPLICIT, rows, 1));
    struct running made = ask_orthanc(orthanc, "instances",
                                      (const char *const[]){"--data-binary", data, NULL});
    take_answer(&made, "ID", id);
    snprintf(body, sizeof body, "{\"Resources\":[\"%s\"],\"Synchronous\":true}", id);
    return ask_orthanc(orthanc, "dicom-web/servers/gateway/stow",
                       (const char *const[]){"-d", body, NULL});
}

static void what_orthanc_posts_is_stored_and_a_stranger_is_refused(void)
{
    struct place place;
    struct keys keys;
    struct orthanc orthanc;
    make_keys(&keys);
    if (!start_plugin(&orthanc, &keys))
        return;
    prepare_place(&place);
    place.settings.authority = keys.files[HOUSE];
    place.settings.certificate = keys.files[OWN];
    place.settings.key = keys.files[OWN_KEY];
    place.settings.callers[0].certificate = keys.pacs;
    open_place(&place);
    tell_of_place(&orthanc, &place, &keys, OTHER);
    struct running stranger = post_from(&orthanc, "2.25.6", 64);
    CHECK(says(&stranger, "HttpError") && count_kept(&place.site) == 0);
    tell_of_place(&orthanc, &place, &keys, PACS);
    struct running one = post_from(&orthanc, "2.25.7", 512);
    CHECK(!says(&one, "HttpError") && says(&one, "{"));
    CHECK(place.site.kept_count == 1 && strcmp(place.site.sop_instance, "2.25.7") == 0);
    struct running large = post_from(&orthanc, "2.25.8", 20000); /* in many chunks */
    CHECK(!says(&large, "HttpError") && count_kept(&place.site) == 2);
    close_place(&place);
    end_orthanc(&orthanc);
}

static bool has_pydicom(void)
{
    const char *const arguments[] = {PYTHON, "-c", "import pydicom", NULL};
    struct running running = begin_program(arguments);
    return end_program(&running) == 0;
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(a_study_that_is_posted_is_on_the_disk_when_that_is_answered);
    RUN(a_large_instance_in_chunks_is_kept_as_it_came);
    RUN(what_is_of_another_study_fails_and_the_rest_is_stored);
    RUN(what_is_not_whole_is_not_kept);
    RUN(what_is_cut_leaves_nothing_behind);
    RUN(requests_that_cannot_be_meant_are_refused);
    RUN(who_is_not_on_the_list_is_refused);
    RUN(what_is_too_large_is_said_to_be);
    RUN(a_full_disk_is_a_reason_of_its_own);
    RUN(who_stops_in_the_middle_is_told_so);
    RUN(more_at_once_than_agreed_are_told_to_come_again);
    RUN(a_body_with_a_coding_is_refused);
    RUN(without_tls_only_loopback_takes_studies);
    if (is_installed("curl"))
        RUN(a_caller_is_its_certificate_when_one_is_named);
    else
        SKIP("a_caller_is_its_certificate_when_one_is_named", "curl is not installed");
    if (has_pydicom())
        RUN(what_pydicom_writes_and_python_posts_is_stored);
    else
        SKIP("what_pydicom_writes_and_python_posts_is_stored", "there is no pydicom");
    if (is_installed("Orthanc") && is_installed("curl") && access(PLUGIN, R_OK) == 0)
        RUN(what_orthanc_posts_is_stored_and_a_stranger_is_refused);
    else
        SKIP("what_orthanc_posts_is_stored_and_a_stranger_is_refused",
             "Orthanc's plugin for DICOMweb is not installed");
    RUN(health_and_meters_are_told_on_loopback);
    CHECK(test_remove(folder));
    return test_done();
}
