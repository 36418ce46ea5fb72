// SPDX-License-Identifier: Apache-2.0
/* A study as large as one may be, from files to the answer that the centre gets. */
#include "gateway/gateway_testcentre.h"

#include <sys/stat.h>

#include "base/child/child.h"
#include "formats/dicom/dicom_testsite.h"
#include "formats/picture/picture.h"
#include "gateway/study/study.h"

enum { SETTLING_TRIES = 4000, LARGER_BY = 3 };

#define STUDY_KEY "-/DICOM/1.2.392.5"

static void fill_slice(struct site *site, int number)
{
    char text[64];
    put_string(site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.2");
    snprintf(text, sizeof text, "1.2.392.200036.9116.2.6.1.48.1214245753.1.%07d", number);
    put_string(site, DICOM_SOP_INSTANCE, "UI", text);
    put_string(site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(site, DICOM_MODALITY, "CS", "CT");
    put_string(site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(site, DICOM_STUDY, "UI", "1.2.392.5");
    put_string(site, DICOM_SERIES, "UI", "1.2.392.5.1");
    snprintf(text, sizeof text, "%d", number);
    put_string(site, DICOM_INSTANCE_NUMBER, "IS", text);
    put_string(site, DICOM_POSITION, "DS", "-249.51171875\\-249.51171875\\1043.125");
    put_string(site, DICOM_ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    put_short(site, DICOM_SAMPLES, 1);
    put_string(site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    put_short(site, DICOM_ROWS, 1);
    put_short(site, DICOM_COLUMNS, 1);
    put_string(site, DICOM_PIXEL_SPACING, "DS", "0.9765625\\0.9765625");
    put_short(site, DICOM_BITS_ALLOCATED, 16);
    put_short(site, DICOM_BITS_STORED, 12);
    put_short(site, DICOM_HIGH_BIT, 11);
    put_short(site, DICOM_PIXEL_REPRESENTATION, 0);
    put_string(site, DICOM_WINDOW_CENTER, "DS", "40\\-600");
    put_string(site, DICOM_WINDOW_WIDTH, "DS", "350\\1500");
    put_shorts(site, DICOM_PIXELS, "OW", (const uint16_t[]){1}, 1);
}

/* Nobody's files: they need not outlive a crash. */
static void put_slice(const struct scene *scene, int number)
{
    char path[64];
    struct site site = new_site(LITTLE);
    fill_slice(&site, number);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    snprintf(path, sizeof path, "pacs/%d/%d", number % 40, number);
    FILE *file = fopen(in_folder(scene, path), "w");
    bool is_written = file && fwrite(whole.at, 1, whole.len, file) == whole.len;
    if (file)
        is_written &= fclose(file) == 0;
    if (!is_written)
        CHECK(is_written);
    buf_free(&site.out);
}

static void begin_with(struct scene *scene, int count)
{
    struct err err = {0};
    char folder[24];
    begin(scene);
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
    stop_gateway(scene);
    must(path_write_file(in_folder(scene, "policy.json"),
                         SPAN("{\"version\":2,\"rules\":[{\"kinds\":[\"radiology\"]}]}"),
                         &err),
         &err);
    add_image_folder(scene);
    for (int i = 0; i < 40; i++) {
        snprintf(folder, sizeof folder, "pacs/%d", i);
        must(path_make_directory(in_folder(scene, folder), &err), &err);
    }
    for (int i = 1; i <= count; i++)
        put_slice(scene, i);
    start_gateway(scene);
    ANSWER hello = ask_hello(scene);
    CHECK(hello.status == 200);
}

/* 30 slices of 4 MB, mostly a hole: more than is ever read whole. */
static void put_film(const struct scene *scene)
{
    enum { SIDE = 1448, FRAMES = 30, BYTES = SIDE * SIDE * 2 * FRAMES };
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.13.1.3");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", "1.2.392.5.1.1");
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_MODALITY, "CS", "MG");
    put_string(&site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(&site, DICOM_STUDY, "UI", "1.2.392.5");
    put_string(&site, DICOM_SERIES, "UI", "1.2.392.5.1");
    put_short(&site, DICOM_SAMPLES, 1);
    put_string(&site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    put_string(&site, DICOM_FRAMES, "IS", "30");
    put_short(&site, DICOM_ROWS, SIDE);
    put_short(&site, DICOM_COLUMNS, SIDE);
    put_short(&site, DICOM_BITS_ALLOCATED, 16);
    put_short(&site, DICOM_BITS_STORED, 12);
    put_short(&site, DICOM_HIGH_BIT, 11);
    put_short(&site, DICOM_PIXEL_REPRESENTATION, 0);
    put_head(&site, DICOM_PIXELS, "OW", BYTES);
    CLEANUP(buf_free) struct buf head = wrap(&site, LITTLE);
    struct err err = {0};
    const char *path = in_folder(scene, "pacs/0/film");
    must(path_write_file(path, buf_view(&head), &err), &err);
    CHECK(truncate(path, (off_t)head.len + BYTES) == 0);
    buf_free(&site.out);
}

static size_t count_of(const struct answer *answer)
{
    const struct json_value *series =
        answer->document
            ? json_item(json_member(json_root(answer->document), "series"), 0)
            : NULL;
    return series ? json_count(json_member(series, "instances")) : 0;
}

/* All of its instances; an answer before all files were read is asked for again. */
static struct answer ask_study(struct scene *scene, size_t wanted)
{
    struct answer answer = {0};
    struct wish wish = {
        .key = STUDY_KEY, .profession = "doctor", .kind = ENTRY_RADIOLOGY};
    for (int tries = 0; tries < SETTLING_TRIES && count_of(&answer) < wanted; tries++) {
        if (tries > 0)
            usleep(50000);
        json_free(answer.document);
        arena_reset(&scene->arena);
        answer = ask_wish(scene, "/study", &wish);
    }
    return answer;
}

static bool is_cut(const struct answer *answer)
{
    bool flag = false;
    struct err err = {0};
    return answer->document &&
           json_take_bool(json_root(answer->document), "is_cut", &flag, &err) && flag;
}

static int64_t total_of(const struct answer *answer)
{
    int64_t total = -1;
    struct err err = {0};
    return json_take_int(json_root(answer->document), "instance_total", 0, INT32_MAX,
                         &total, &err)
               ? total
               : -1;
}

static void the_largest_study_is_answered_whole_and_a_larger_one_says_it_is_cut(void)
{
    struct scene scene;
    begin_with(&scene, STUDY_INSTANCES_MAX);
    ANSWER whole = ask_study(&scene, STUDY_INSTANCES_MAX);
    CHECK(whole.status == 200 && count_of(&whole) == STUDY_INSTANCES_MAX);
    CHECK(!is_cut(&whole) && whole.body.len > 8 << 20);
    printf("# %zu bytes\n", whole.body.len);
    CHECK(!json_member(json_root(whole.document), "instance_total"));
    for (int i = 1; i <= LARGER_BY; i++)
        put_slice(&scene, STUDY_INSTANCES_MAX + i);
    for (int tries = 0; tries < SETTLING_TRIES; tries++) {
        ANSWER larger = ask_study(&scene, STUDY_INSTANCES_MAX);
        CHECK(count_of(&larger) == STUDY_INSTANCES_MAX);
        if (is_cut(&larger) && total_of(&larger) == STUDY_INSTANCES_MAX + LARGER_BY)
            break;
        CHECK(tries < SETTLING_TRIES - 1);
        usleep(50000);
    }
    end(&scene);
}

static void a_frame_of_a_file_of_any_size_is_drawn(void)
{
    struct scene scene;
    struct wish wish = {
        .key = STUDY_KEY, .profession = "doctor", .kind = ENTRY_RADIOLOGY};
    begin_with(&scene, 0);
    put_film(&scene);
    ANSWER study = ask_study(&scene, 1);
    CHECK(study.status == 200 && count_of(&study) == 1);
    ANSWER frame = ask_wish(&scene, "/frame", &wish);
    CHECK(frame.status == 200 && span_starts(frame.body, "\xFF\xD8\xFF"));
    end(&scene);
}

/* This program run again ("render --child") draws. */
int main(int argc, char **argv)
{
    const struct child_handler handler = {picture_answer, NULL};
    if (argc == 3 && strcmp(argv[2], "--child") == 0)
        child_serve(&handler);
    RUN(a_frame_of_a_file_of_any_size_is_drawn);
    RUN(the_largest_study_is_answered_whole_and_a_larger_one_says_it_is_cut);
    return test_done();
}
