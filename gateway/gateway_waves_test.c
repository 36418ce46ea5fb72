// SPDX-License-Identifier: Apache-2.0
/* A recording in extended storage: an entry like a document, looked at like a study. */
#include "formats/mfer/mfer.h"
#include "gateway/gateway_testcentre.h"

#define TYPE "^退院時サマリー^^18842-5^退院時サマリー^LN"
#define FOLDER                                                                           \
    "000/001/" NUMBER "/20240501/" TYPE "/" NUMBER "_20240501_18842-5_" KEY              \
    "_20240501120000000_01_1"

enum { HZ = 500, SECONDS = 2 };

static char record_key[128];

/* One lead, of which the sample with the number `spike` is 1 mV. */
static struct span write_recording(struct scene *scene, int spike)
{
    struct err err = {0};
    struct span bytes = {0};
    static int16_t samples[HZ * SECONDS];
    memset(samples, 0, sizeof samples);
    samples[spike] = 200;
    struct waveform_run run = {.count = HZ * SECONDS,
                               .at = (const uint8_t *)samples,
                               .stride_bytes = sizeof samples,
                               .block_count = HZ * SECONDS};
    struct waveform_channel channel = {.lead = waveform_lead_name(2),
                                       .lead_code = 2,
                                       .is_little_endian =
                                           __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                                       .rate_hz = HZ,
                                       .unit = TEXT("V"),
                                       .scale = 5e-6,
                                       .sample_count = HZ * SECONDS,
                                       .runs = &run,
                                       .run_count = 1};
    struct waveform_group group = {
        .label = TEXT("心電図"), .channels = &channel, .channel_count = 1};
    struct mfer_file file = {
        .recording = {.day = day_from_date(2024, 5, 1),
                      .start = TEXT("2024-05-01T09:30:15"),
                      .groups = &group,
                      .group_count = 1},
        .patient = {TEXT(NUMBER), TEXT("飯田 花子"), TEXT(""), DAY_NONE, 'U'}};
    const struct mfer_options options = {.preamble = "ECG"};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    CHECK(mfer_write(&file, &options, &out, &err));
    must(buf_to_arena(&out, &scene->arena, &bytes, &err), &err);
    return bytes;
}

static void put_main(struct scene *scene, const char *file, struct span bytes)
{
    struct err err = {0};
    char path[640];
    snprintf(path, sizeof path, "%s/documents/" FOLDER, scene->folder);
    must(path_make_directory(path, &err), &err);
    snprintf(path, sizeof path, "%s/documents/" FOLDER "/%s", scene->folder, file);
    must(path_write_file(path, bytes, &err), &err);
}

static void begin_with(struct scene *scene, const char *file, struct span bytes)
{
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
    CHECK(lane_tells(scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    put_main(scene, file, bytes);
    ANSWER checked = ask_text(scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(checked.status == 200);
    struct hash hash = hash_sha256(SPAN(TYPE));
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
    snprintf(record_key, sizeof record_key, "20240501/x-%.16s/" KEY, hex);
}

static struct answer ask_record(struct scene *scene, const char *path,
                                const char *profession)
{
    struct wish wish = {record_key, profession, ENTRY_DOCUMENT, 0, NULL};
    return ask_wish(scene, path, &wish);
}

static bool says(const struct answer *answer, const char *words)
{
    return memmem(answer->body.at, answer->body.len, words, strlen(words)) != NULL;
}

/* Behind the line: 16 bits, little endian. */
static int sample_of(const struct answer *answer, int number)
{
    const uint8_t *end = memchr(answer->body.at, '\n', answer->body.len);
    size_t at = end ? (size_t)(end - answer->body.at) + 1 + (size_t)number * 2 : 0;
    if (at == 0 || at + 2 > answer->body.len)
        return -1;
    return answer->body.at[at] | answer->body.at[at + 1] << 8;
}

static void a_recording_is_an_entry_with_its_waveform(void)
{
    struct scene scene;
    begin(&scene);
    struct span bytes = write_recording(&scene, 300);
    begin_with(&scene, "main_document.mwf", bytes);
    ANSWER content = ask_record(&scene, "/content", "doctor");
    CHECK(content.status == 200 && says(&content, "\"flags\":[\"waveform\"]"));
    CHECK(says(&content, "\"media_type\":\"application/vnd.mfer\""));
    ANSWER early = ask_record(&scene, "/waveform", "doctor");
    CHECK(is_problem(&early, 409, "study_changed")); /* no list under this opening yet */
    ANSWER study = ask_record(&scene, "/study", "doctor");
    CHECK(study.status == 200 && says(&study, "\"kind\":\"waveform\""));
    CHECK(says(&study, "\"syntax\":\"MFER\"") && says(&study, "2024-05-01"));
    CHECK(!says(&study, "main_document") && !says(&study, NUMBER));
    ANSWER wave = ask_record(&scene, "/waveform", "doctor");
    CHECK(wave.status == 200 && says(&wave, "\"rate_hz\":500"));
    CHECK(sample_of(&wave, 299) == 0 && sample_of(&wave, 300) == 200);
    ANSWER file = ask_record(&scene, "/instance", "doctor");
    CHECK(file.status == 200 && span_equal(file.body, bytes));
    end(&scene);
}

struct seen {
    char stamp[HASH_HEX_BYTES];
    size_t bytes;
    int status;
    atomic_bool has_ended;
};

static void see_head(void *context, const struct tunnel_head *head)
{
    struct seen *seen = context;
    seen->status = head->status;
    snprintf(seen->stamp, sizeof seen->stamp, "%.*s", (int)head->stamp.len,
             (const char *)head->stamp.at);
}

static void see_data(void *context, struct span bytes)
{
    struct seen *seen = context;
    seen->bytes += bytes.len;
}

static void see_end(void *context, bool complete, const struct err *err)
{
    struct seen *seen = context;
    (void)err;
    CHECK(complete);
    atomic_store(&seen->has_ended, true);
}

/* The file from its 100th byte on, on a condition. */
static struct seen ask_rest(struct scene *scene, const char *stamp)
{
    static const struct tunnel_events events = {see_head, see_data, see_end};
    char body[300];
    struct err err = {0};
    struct seen seen = {.status = 0};
    struct wish wish = {record_key, "doctor", ENTRY_DOCUMENT, 0, NULL};
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    sign_wish(scene, &wish, &wire);
    snprintf(body, sizeof body, "{\"key\":\"%s\",\"from\":100,\"if_stamp\":\"%s\"}",
             record_key, stamp);
    struct tunnel_request request = {.method = "POST",
                                     .path = "/instance",
                                     .body = span_cstr(body),
                                     .grant = buf_view(&wire),
                                     .first_byte_ms = 20000};
    CHECK(tunnel_send(scene->tunnel, &request, &events, &seen, &err));
    for (int i = 0; i < 20000 && !atomic_load(&seen.has_ended); i++)
        usleep(1000);
    CHECK(seen.status == 200);
    return seen;
}

static void a_file_goes_on_where_no_other_was_asked_for(void)
{
    struct scene scene;
    begin(&scene);
    struct span bytes = write_recording(&scene, 300);
    begin_with(&scene, "main_document.mwf", bytes);
    ANSWER study = ask_record(&scene, "/study", "doctor");
    CHECK(study.status == 200);
    struct seen first = ask_rest(&scene, "");
    CHECK(strlen(first.stamp) == HASH_HEX_BYTES - 1 && first.bytes == bytes.len - 100);
    struct seen other = ask_rest(&scene, "0123");
    CHECK(other.bytes == bytes.len);
    /* a record is sent from a copy, which is another file each time: from its beginning
     */
    struct seen again = ask_rest(&scene, other.stamp);
    CHECK(again.bytes == bytes.len && strcmp(again.stamp, other.stamp) != 0);
    end(&scene);
}

static void what_changed_since_it_was_judged_is_not_shown(void)
{
    struct scene scene;
    begin(&scene);
    begin_with(&scene, "main_document.mwf", write_recording(&scene, 300));
    ANSWER study = ask_record(&scene, "/study", "doctor");
    CHECK(study.status == 200);
    put_main(&scene, "main_document.mwf", write_recording(&scene, 400));
    ANSWER wave = ask_record(&scene, "/waveform", "doctor");
    CHECK(is_problem(&wave, 503, "source_changed"));
    ANSWER file = ask_record(&scene, "/instance", "doctor");
    CHECK(is_problem(&file, 503, "source_changed"));
    end(&scene);
}

static void it_stands_under_the_record_s_decision(void)
{
    struct scene scene;
    begin(&scene);
    begin_with(&scene, "main_document.mwf", write_recording(&scene, 300));
    ANSWER refused = ask_record(&scene, "/study", "pharmacist");
    CHECK(is_problem(&refused, 403, "audience"));
    ANSWER study = ask_record(&scene, "/study", "doctor");
    CHECK(study.status == 200);
    ANSWER wave = ask_record(&scene, "/waveform", "pharmacist");
    CHECK(is_problem(&wave, 403, "audience"));
    ANSWER ended = ask_text(&scene, "/links/end", "{\"record\":\"" RECORD "\"}");
    CHECK(ended.status == 200);
    ANSWER after = ask_record(&scene, "/waveform", "doctor");
    CHECK(is_problem(&after, 403, "link_ended"));
    end(&scene);
}

struct found {
    const char *verdict;
    int count;
};

static bool see_finish(void *context, uint64_t number, struct span json, struct err *err)
{
    struct found *found = context;
    (void)number;
    (void)err;
    const char *finish = "\"phase\":\"finish\",\"event\":\"study\"";
    found->count += memmem(json.at, json.len, finish, strlen(finish)) &&
                    memmem(json.at, json.len, found->verdict, strlen(found->verdict));
    return true;
}

static int count_finishes(const struct scene *scene, const char *verdict)
{
    struct err err = {0};
    struct found found = {verdict, 0};
    CHECK(audit_walk(in_folder(scene, "data/audit"), "2010000001", 1, see_finish, &found,
                     &err));
    return found.count;
}

/* It may be seen, and there is nothing of it: the audit says that nothing was given. */
static void a_document_is_no_study(void)
{
    struct scene scene;
    begin(&scene);
    begin_with(&scene, "main_document.txt", SPAN("no waves"));
    ANSWER content = ask_record(&scene, "/content", "doctor");
    CHECK(content.status == 200);
    ANSWER study = ask_record(&scene, "/study", "doctor");
    CHECK(is_problem(&study, 404, "not_found"));
    CHECK(count_finishes(&scene, "\"failed\"") == 1);
    ANSWER ended = ask_text(&scene, "/links/end", "{\"record\":\"" RECORD "\"}");
    CHECK(ended.status == 200);
    stop_gateway(&scene);
    CHECK(count_finishes(&scene, "study") == 1);
    start_gateway(&scene);
    end(&scene);
}

int main(void)
{
    struct err err = {0};
    must(secret_start(&err), &err);
    RUN(a_recording_is_an_entry_with_its_waveform);
    RUN(a_file_goes_on_where_no_other_was_asked_for);
    RUN(what_changed_since_it_was_judged_is_not_shown);
    RUN(it_stands_under_the_record_s_decision);
    RUN(a_document_is_no_study);
    return test_done();
}
