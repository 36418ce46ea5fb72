// SPDX-License-Identifier: Apache-2.0
#include "gateway/study/study_testsite.h"

#include <fcntl.h>

/* ---- what becomes an entry ---- */

static void a_linked_patients_study_is_one_entry_and_an_event(void)
{
    struct ward ward;
    struct index_place place;
    const char *title = "";
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file second = a_slice("b.dcm", STUDY_UID ".1.2", 1);
    struct said_file first = a_slice("a.dcm", STUDY_UID ".1.1", 2);
    write_file(&ward, &first);
    write_file(&ward, &second);
    sweep(&ward);
    CHECK(count_events(&ward, UPLINK_ENTRY_PUT, &title) == 1);
    CHECK(strcmp(title, "CT 胸部単純") == 0);
    CHECK(find_place(&ward, &place) && place.kind == ENTRY_RADIOLOGY &&
          place.day == first_of_may());
    CHECK(count_instances(&ward) == 2);
    end_ward(&ward);
}

static void instances_come_in_reading_order_and_can_be_opened(void)
{
    struct ward ward;
    struct err err = {0};
    struct index_place place = {0};
    struct study_content content = {0};
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file later = a_slice("a.dcm", STUDY_UID ".1.1", 2);
    struct said_file earlier = a_slice("b.dcm", STUDY_UID ".1.2", 1);
    write_file(&ward, &later);
    write_file(&ward, &earlier);
    sweep(&ward);
    CHECK(find_place(&ward, &place) &&
          study_read_content(ward.study, &place, &ward.scene.arena, &content, &err));
    CHECK(content.series_count == 1 && content.series[0].instance_count == 2);
    CHECK(text_is(content.series[0].instances[0].name, "b.dcm"));
    CLEANUP(path_close)
    int fd = study_open_file(ward.study, &content.series[0].instances[0], &err);
    CHECK(fd >= 0);
    char path[200];
    snprintf(path, sizeof path, "%s/a.dcm", ward.pictures);
    CHECK(unlink(path) == 0);
    CHECK(study_open_file(ward.study, &content.series[0].instances[1], &err) < 0 &&
          strcmp(err.code, "instance_missing") == 0);
    end_ward(&ward);
}

static void the_contracts_study_is_written(void)
{
    struct ward ward;
    struct err err = {0};
    struct index_place place = {0};
    struct study_content content = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct json_writer writer = json_writer(&out);
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 7);
    write_file(&ward, &slice);
    sweep(&ward);
    CHECK(find_place(&ward, &place) &&
          study_read_content(ward.study, &place, &ward.scene.arena, &content, &err));
    study_write_content(&writer, &content);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    CHECK(document);
    const struct json_value *root = document ? json_root(document) : NULL;
    const struct json_value *series = json_item(json_member(root, "series"), 0);
    const struct json_value *instance = json_item(json_member(series, "instances"), 0);
    int64_t number = 0;
    struct text text = {0};
    bool is_supported = false;
    CHECK(json_take_text(root, "date", 10, &text, &err) && text_is(text, "2024-05-01"));
    CHECK(json_take_text(series, "kind", 10, &text, &err) && text_is(text, "image"));
    CHECK(json_take_int(instance, "number", 7, 7, &number, &err));
    CHECK(json_take_text(instance, "sop_class", 64, &text, &err) &&
          text_is(text, "1.2.840.10008.5.1.4.1.1.2"));
    CHECK(json_take_int(instance, "bits_stored", 12, 12, &number, &err));
    CHECK(json_take_int(instance, "rows", 2, 2, &number, &err));
    CHECK(json_take_bool(instance, "is_supported", &is_supported, &err) && is_supported);
    end_ward(&ward);
}

static void a_report_beside_the_pictures_is_no_part_of_the_title(void)
{
    struct ward ward;
    const char *title = "";
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    struct said_file report = a_slice("b.dcm", STUDY_UID ".2.1", 1);
    report.series = STUDY_UID ".2";
    report.modality = "SR";
    write_file(&ward, &slice);
    write_file(&ward, &report);
    sweep(&ward);
    CHECK(count_events(&ward, UPLINK_ENTRY_PUT, &title) == 1);
    CHECK(strcmp(title, "CT 胸部単純") == 0);
    end_ward(&ward);
}

/* ---- what changes ---- */

static void what_is_unchanged_is_told_once(void)
{
    struct ward ward;
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    write_file(&ward, &slice);
    sweep(&ward);
    int told = ward.scene.woken[0] + ward.scene.woken[1];
    sweep(&ward);
    CHECK(ward.scene.woken[0] + ward.scene.woken[1] == told);
    end_ward(&ward);
}

static void a_file_that_goes_leaves_and_the_last_one_takes_the_entry_along(void)
{
    struct ward ward;
    struct index_place place;
    char path[200];
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file one = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    struct said_file two = a_slice("b.dcm", STUDY_UID ".1.2", 2);
    struct said_file other = a_slice("c.dcm", STUDY_UID ".1.3", 3);
    other.number = "0000099999";
    write_file(&ward, &one);
    write_file(&ward, &two);
    write_file(&ward, &other); /* so that the folder is not empty in the end */
    sweep(&ward);
    CHECK(count_instances(&ward) == 2);
    snprintf(path, sizeof path, "%s/a.dcm", ward.pictures);
    CHECK(unlink(path) == 0);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    snprintf(path, sizeof path, "%s/b.dcm", ward.pictures);
    CHECK(unlink(path) == 0);
    sweep(&ward);
    CHECK(!find_place(&ward, &place));
    CHECK(count_events(&ward, UPLINK_ENTRY_WITHDRAWN, NULL) >= 1);
    end_ward(&ward);
}

static void an_emptied_or_missing_folder_withdraws_nothing(void)
{
    struct ward ward;
    struct err err = {0};
    char away[200];
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    write_file(&ward, &slice);
    sweep(&ward);
    snprintf(away, sizeof away, "%s.away", ward.pictures);
    CHECK(rename(ward.pictures, away) == 0);
    CHECK(!study_sweep(ward.study, &err) && strcmp(err.code, "storage_away") == 0);
    err_clear(&err);
    CHECK(mkdir(ward.pictures, 0700) == 0);
    CHECK(!study_sweep(ward.study, &err) && strcmp(err.code, "storage_away") == 0);
    CHECK(count_instances(&ward) == 1);
    CHECK(rmdir(ward.pictures) == 0 && rename(away, ward.pictures) == 0);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

static void one_folder_can_be_looked_at_alone(void)
{
    struct ward ward;
    struct err err = {0};
    char path[200];
    begin_ward(&ward);
    link_patient(&ward.scene);
    snprintf(path, sizeof path, "%s/ab", ward.pictures);
    CHECK(mkdir(path, 0700) == 0);
    struct said_file deep = a_slice("ab/x.dcm", STUDY_UID ".1.1", 1);
    struct said_file flat = a_slice("y.dcm", STUDY_UID ".1.2", 2);
    write_file(&ward, &deep);
    write_file(&ward, &flat);
    CHECK(study_look_at(ward.study, "pacs", "ab", &err));
    CHECK(count_instances(&ward) == 1);
    sweep(&ward);
    CHECK(count_instances(&ward) == 2);
    CHECK(!study_look_at(ward.study, "pacs", "../..", &err) &&
          strcmp(err.code, "path_unsafe") == 0);
    err_clear(&err);
    CHECK(!study_look_at(ward.study, "other", "", &err));
    end_ward(&ward);
}

/* As if nobody had touched it for a quarter of a year. */
static void lay_to_rest(const struct ward *ward, const char *folder)
{
    enum { REST_S = 90 * 86400 };
    char path[200];
    struct timespec times[2] = {{.tv_sec = ward->scene.wall_ms / 1000 - REST_S}};
    times[1] = times[0];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, folder);
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void make_folder(const struct ward *ward, const char *folder)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, folder);
    CHECK(mkdir(path, 0700) == 0);
}

static void remove_file(const struct ward *ward, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, name);
    CHECK(unlink(path) == 0);
}

static void begin_resting(struct ward *ward)
{
    struct said_file deep = a_slice("ab/cd/x.dcm", STUDY_UID ".1.1", 1);
    struct said_file flat = a_slice("y.dcm", STUDY_UID ".1.2", 2);
    begin_ward(ward);
    link_patient(&ward->scene);
    make_folder(ward, "ab");
    make_folder(ward, "ab/cd");
    write_file(ward, &deep);
    write_file(ward, &flat);
    lay_to_rest(ward, "ab/cd");
    lay_to_rest(ward, "ab");
    lay_to_rest(ward, "");
    sweep(ward);
    CHECK(count_instances(ward) == 2);
}

/* A file that goes without its folder's time shows whether the names were read. */
static void a_folder_at_rest_is_not_listed_until_the_next_day(void)
{
    struct ward ward;
    begin_resting(&ward);
    remove_file(&ward, "ab/cd/x.dcm");
    lay_to_rest(&ward, "ab/cd");
    sweep(&ward);
    CHECK(count_instances(&ward) == 2);
    ward.scene.wall_ms += INT64_C(86400) * 1000;
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

static void a_new_process_looks_at_every_file(void)
{
    struct ward ward;
    begin_resting(&ward);
    remove_file(&ward, "ab/cd/x.dcm");
    lay_to_rest(&ward, "ab/cd");
    study_free(ward.study);
    open_study(&ward);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

static void what_changes_below_folders_at_rest_is_seen(void)
{
    struct ward ward;
    begin_resting(&ward);
    struct said_file late = a_slice("ab/cd/z.dcm", STUDY_UID ".1.3", 3);
    write_file(&ward, &late); /* changes the time of ab/cd alone */
    sweep(&ward);
    CHECK(count_instances(&ward) == 3);
    make_folder(&ward, "ab/ef");
    struct said_file later = a_slice("ab/ef/w.dcm", STUDY_UID ".1.4", 4);
    write_file(&ward, &later);
    sweep(&ward);
    CHECK(count_instances(&ward) == 4);
    remove_file(&ward, "ab/cd/x.dcm");
    sweep(&ward);
    CHECK(count_instances(&ward) == 3);
    end_ward(&ward);
}

static void a_folder_that_goes_takes_along_what_was_below(void)
{
    struct ward ward;
    char from[200];
    char to[200];
    begin_resting(&ward);
    snprintf(from, sizeof from, "%s/ab", ward.pictures);
    snprintf(to, sizeof to, "%s.elsewhere", ward.pictures);
    CHECK(rename(from, to) == 0);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    CHECK(rename(to, from) == 0);
    sweep(&ward);
    CHECK(count_instances(&ward) == 2);
    end_ward(&ward);
}

/* More than goes into one transaction. */
static void many_files_come_and_go(void)
{
    enum { MANY = 600 };
    struct ward ward;
    char name[16];
    char instance[48];
    begin_ward(&ward);
    link_patient(&ward.scene);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%05d.dcm", i);
        snprintf(instance, sizeof instance, STUDY_UID ".1.%d", i + 1);
        struct said_file slice = a_slice(name, instance, i + 1);
        write_file(&ward, &slice);
    }
    sweep(&ward);
    CHECK(count_instances(&ward) == MANY);
    for (int i = 1; i < MANY; i++) {
        snprintf(name, sizeof name, "%05d.dcm", i);
        remove_file(&ward, name);
    }
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

static void what_is_noted_is_looked_at_by_the_thread(void)
{
    struct ward ward;
    struct err err = {0};
    char path[200];
    begin_ward(&ward);
    link_patient(&ward.scene);
    snprintf(path, sizeof path, "%s/ab", ward.pictures);
    CHECK(mkdir(path, 0700) == 0);
    study_free(ward.study);
    struct study_config config = {.index = ward.scene.index,
                                  .roots = &ward.root,
                                  .root_count = 1,
                                  .sweep_ms = 3600 * 1000,
                                  .clock = {scene_ms, scene_ms, &ward.scene}};
    ward.study = study_new(&config, &err);
    CHECK(ward.study && study_start(ward.study, &err));
    struct said_file first = a_slice("ab/x.dcm", STUDY_UID ".1.1", 1);
    write_file(&ward, &first);
    study_note(ward.study, "pacs", "ab");
    for (int tries = 0; tries < 1000 && count_instances(&ward) == 0; tries++)
        usleep(10000);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

/* ---- whose it is ---- */

static void a_study_of_an_unknown_number_waits_for_its_patient(void)
{
    struct ward ward;
    begin_ward(&ward);
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    write_file(&ward, &slice);
    sweep(&ward);
    CHECK(count_instances(&ward) == 0);
    put_patient(&ward.scene);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

static void a_study_that_says_another_birth_date_is_held(void)
{
    struct ward ward;
    struct err err = {0};
    struct index_trouble *items = NULL;
    size_t count = 0;
    begin_ward(&ward);
    link_patient(&ward.scene);
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    slice.born = "19750303";
    write_file(&ward, &slice);
    sweep(&ward);
    CHECK(index_list_trouble(ward.scene.index, 10, &ward.scene.arena, &items, &count,
                             &err));
    CHECK(count == 1 && items[0].state == INDEX_HELD &&
          text_is(items[0].code, "patient_mismatch"));
    struct index_place place;
    CHECK(!find_place(&ward, &place) || place.is_incomplete);
    end_ward(&ward);
}

static void what_is_no_dicom_is_passed_over(void)
{
    struct ward ward;
    struct err err = {0};
    char path[200];
    begin_ward(&ward);
    link_patient(&ward.scene);
    snprintf(path, sizeof path, "%s/readme.txt", ward.pictures);
    CHECK(path_write_file(path, SPAN("no picture at all, only words about pictures"),
                          &err));
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    write_file(&ward, &slice);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

/* ---- MFER ---- */

enum { DAY_SECONDS = 24 * 3600, LONG_HZ = 125, LONG_LEADS = 2 };

static bool put_all(int fd, const struct buf *bytes)
{
    return write(fd, bytes->at, bytes->len) == (ssize_t)bytes->len;
}

struct said_recording {
    const char *name, *number;
    int32_t born;
    int seconds;
    const char *uid; /* NULL = none */
};

/* Lead 2 beats once a second; in the last one there is something else. */
static void write_recording_of(const struct ward *ward, const struct said_recording *said)
{
    struct err err = {0};
    char path[200];
    struct waveform_channel channels[LONG_LEADS] = {0};
    struct waveform_group group = {.kind = WAVEFORM_LONG_TERM,
                                   .label = TEXT("長時間心電図"),
                                   .channels = channels,
                                   .channel_count = LONG_LEADS};
    struct mfer_file file = {.recording = {.day = first_of_may(),
                                           .start = TEXT("2024-05-01T09:30:15"),
                                           .groups = &group,
                                           .group_count = 1},
                             .patient = {text_cstr(said->number), TEXT("飯田 花子"),
                                         TEXT(""), said->born, 'F'}};
    if (said->uid)
        file.uid = text_cstr(said->uid);
    for (uint32_t i = 0; i < LONG_LEADS; i++)
        channels[i] =
            (struct waveform_channel){.lead = waveform_lead_name(i + 1),
                                      .lead_code = i + 1,
                                      .rate_hz = LONG_HZ,
                                      .unit = TEXT("V"),
                                      .scale = 5e-6,
                                      .sample_count = (uint64_t)said->seconds * LONG_HZ};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    const struct mfer_options options = {.preamble = "Long term ECG"};
    snprintf(path, sizeof path, "%s/%s", ward->pictures, said->name);
    CLEANUP(path_close) int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    CHECK(fd >= 0 && mfer_write_head(&file, &options, &out, &err) && put_all(fd, &out));
    for (int second = 0; second < said->seconds; second++) {
        uint8_t samples[LONG_LEADS][LONG_HZ][2] = {0};
        samples[1][60][1] = 100;
        if (second == said->seconds - 1)
            samples[0][5][0] = 0x7F;
        buf_reset(&out);
        buf_put(&out, samples, sizeof samples);
        CHECK(put_all(fd, &out));
    }
    buf_reset(&out);
    buf_put(&out, MFER_END, 2);
    CHECK(put_all(fd, &out));
}

static void write_recording(const struct ward *ward, const char *name, const char *number,
                            int32_t born, int seconds)
{
    struct said_recording said = {name, number, born, seconds, NULL};
    write_recording_of(ward, &said);
}

/* The usual policy publishes nothing of physiology. */
static void begin_ward_with_physiology(struct ward *ward)
{
    begin_ward(ward);
    study_free(ward->study);
    reopen(&ward->scene, "{\"version\":1,\"rules\":[{\"kinds\":[\"physiology\"]}]}");
    open_study(ward);
    link_patient(&ward->scene);
}

static int32_t second_of_january(void)
{
    return day_from_date(1950, 1, 2);
}

/* Of the only recording there is. */
static struct uplink_put find_recording(struct ward *ward, size_t *count)
{
    struct uplink_put put = {0};
    *count = 0;
    for (int lane = 0; lane < 2; lane++) {
        struct batch batch = take(&ward->scene, lane);
        for (size_t i = 0; i < batch.count; i++)
            if (batch.events[i].type == UPLINK_ENTRY_PUT &&
                span_starts(text_span(batch.events[i].key), "-/DICOM/2.25.")) {
                put = batch.events[i].put;
                ++*count;
            }
    }
    return put;
}

static struct text find_key(struct ward *ward)
{
    for (int lane = 0; lane < 2; lane++) {
        struct batch batch = take(&ward->scene, lane);
        for (size_t i = 0; i < batch.count; i++)
            if (batch.events[i].type == UPLINK_ENTRY_PUT)
                return batch.events[i].key;
    }
    return TEXT("");
}

static void a_recording_of_the_electrocardiograph_is_an_entry_with_a_waveform(void)
{
    struct ward ward;
    size_t count = 0;
    begin_ward_with_physiology(&ward);
    write_recording(&ward, "ecg.mwf", NUMBER, second_of_january(), 10);
    write_recording(&ward, "copy.mwf", NUMBER, second_of_january(), 10);
    sweep(&ward);
    struct uplink_put put = find_recording(&ward, &count);
    CHECK(count == 1 && put.kind == ENTRY_PHYSIOLOGY && put.day == first_of_may());
    CHECK(text_is(put.title, "長時間心電図") && put.flags & ENTRY_HAS_WAVEFORM);
    CHECK(text_is(put.time, "2024-05-01T09:30"));
    struct err err = {0};
    struct index_place place;
    struct study_content content = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct json_writer writer = json_writer(&out);
    CHECK(index_find_place(ward.scene.index, TEXT(NUMBER), find_key(&ward),
                           &ward.scene.arena, &place, &err));
    CHECK(study_read_content(ward.study, &place, &ward.scene.arena, &content, &err));
    CHECK(content.instance_count == 1); /* the copy is the same recording */
    study_write_content(&writer, &content);
    buf_byte(&out, '\0');
    CHECK(strstr((const char *)out.at, "\"modalities\":[]"));
    end_ward(&ward);
}

/* The UID stands in the file, which is closed when it is written down. */
static void a_recording_keeps_a_uid_of_its_own(void)
{
    struct ward ward;
    struct err err = {0};
    struct index_place place;
    struct study_content content;
    struct said_recording said = {"ecg.mwf", NUMBER, second_of_january(), 10,
                                  "1.2.392.7"};
    begin_ward_with_physiology(&ward);
    write_recording_of(&ward, &said);
    sweep(&ward);
    CHECK(index_find_place(ward.scene.index, TEXT(NUMBER), TEXT("-/DICOM/1.2.392.7"),
                           &ward.scene.arena, &place, &err));
    CHECK(study_read_content(ward.study, &place, &ward.scene.arena, &content, &err));
    CHECK(text_is(content.uid, "1.2.392.7") &&
          text_is(content.series[0].uid, "1.2.392.7.1") &&
          text_is(content.series[0].instances[0].uid, "1.2.392.7.1.1"));
    end_ward(&ward);
}

static void a_recording_of_another_birth_date_is_held(void)
{
    struct ward ward;
    size_t count = 0;
    begin_ward_with_physiology(&ward);
    write_recording(&ward, "ecg.mwf", NUMBER, second_of_january() + 1, 10);
    write_recording(&ward, "other.mwf", "99999999", second_of_january(), 10);
    sweep(&ward);
    (void)find_recording(&ward, &count);
    CHECK(count == 0);
    end_ward(&ward);
}

static int open_in(const struct ward *ward, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, name);
    return open(path, O_RDONLY);
}

static void a_day_of_it_is_looked_at_without_being_held(void)
{
    enum { HELD_MAX = 9 << 20, COLUMNS = 1000 };
    struct ward ward;
    struct err err = {0};
    struct study_wave wave;
    double low = 0;
    double high = 0;
    begin_ward(&ward);
    write_recording(&ward, "day.mwf", NUMBER, second_of_january(), DAY_SECONDS);
    CLEANUP(path_close) int fd = open_in(&ward, "day.mwf");
    CHECK(study_is_mfer(fd));
    CHECK(study_open_wave(fd, &ward.scene.arena, &wave, &err));
    CHECK(sparse_bytes(wave.sparse).len > 40 << 20);
    CHECK(sparse_held_bytes(wave.sparse) < 64 << 10);
    const struct waveform_group *group = wave.file.recording.groups;
    CHECK(group->channels[0].sample_count == (uint64_t)DAY_SECONDS * LONG_HZ);
    for (size_t i = 0; i < LONG_LEADS; i++) {
        waveform_extremes(&group->channels[i], 0, group->channels[i].sample_count, &low,
                          &high);
        CHECK(i == 0 ? high > 0x7E00 : high > 99 && high < 101);
        CHECK(sparse_held_bytes(wave.sparse) < HELD_MAX);
    }
    CLEANUP(buf_free) struct buf out = buf_init(WAVEFORM_WIRE_BYTES_MAX);
    struct waveform_wish wish = {0, 12 * 3600 * 1000, 12 * 3600 * 1000 + 10000, 0};
    CHECK(waveform_write(&wave.file.recording, &wish, &out, &err));
    /* both, and the four that are derived from them */
    CHECK(out.len > 6 * 2 * 1250 && out.len < 6 * 2 * 1250 + 4000);
    CHECK(study_check_wave(&wave, &err));
    study_close_wave(&wave);
    end_ward(&ward);
}

static void a_recording_that_is_cut_while_it_is_read_is_not_shown(void)
{
    struct ward ward;
    struct err err = {0};
    struct study_wave wave;
    double numbers[4];
    begin_ward(&ward);
    write_recording(&ward, "day.mwf", NUMBER, second_of_january(), 3600);
    CLEANUP(path_close) int fd = open_in(&ward, "day.mwf");
    CHECK(study_open_wave(fd, &ward.scene.arena, &wave, &err));
    char path[200];
    snprintf(path, sizeof path, "%s/day.mwf", ward.pictures);
    CHECK(truncate(path, 100000) == 0);
    waveform_read(&wave.file.recording.groups->channels[0], 400000, 4, numbers);
    CHECK(isnan(numbers[0]) && isnan(numbers[3]));
    CHECK(!study_check_wave(&wave, &err) && strcmp(err.code, "source_changed") == 0);
    study_close_wave(&wave);
    end_ward(&ward);
}

/* ---- a day in DICOM ---- */

enum { HOLTER_HZ = 250, HOLTER_LEADS = 3, HOLTER_HOURS = 24 };
#define HOLTER_FRAMES ((uint64_t)HOLTER_HOURS * 3600 * HOLTER_HZ)

static void put_element(struct buf *out, uint32_t tag, const char *vr, const void *value,
                        size_t len)
{
    uint16_t words[2] = {(uint16_t)(tag >> 16), (uint16_t)tag};
    bool is_long = strcmp(vr, "SQ") == 0 || strcmp(vr, "OW") == 0;
    uint16_t none = 0;
    uint16_t short_len = (uint16_t)len;
    uint32_t long_len = (uint32_t)len;
    buf_put(out, words, sizeof words);
    buf_put(out, vr, 2);
    if (is_long) {
        buf_put(out, &none, sizeof none);
        buf_put(out, &long_len, sizeof long_len);
    } else {
        buf_put(out, &short_len, sizeof short_len);
    }
    if (value)
        buf_put(out, value, len);
}

static void put_item_mark(struct buf *out, uint16_t element, uint32_t len)
{
    uint16_t words[2] = {0xFFFE, element};
    buf_put(out, words, sizeof words);
    buf_put(out, &len, sizeof len);
}

static void put_words(struct buf *out, uint32_t tag, const char *vr, const char *words)
{
    put_element(out, tag, vr, words, strlen(words));
}

/* Head and tail of one recording; between them, samples that are zero (a hole in the
 * file) but one. Returns where the samples begin. */
static off_t write_holter(int fd, uint64_t frames, uint64_t spike)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    static const uint8_t preamble[128] = {0};
    uint16_t channels = HOLTER_LEADS;
    uint16_t bits = 16;
    uint32_t samples = (uint32_t)frames;
    int16_t high = 1234;
    size_t bytes = (size_t)frames * HOLTER_LEADS * sizeof high;
    buf_put(&out, preamble, sizeof preamble);
    buf_put(&out, "DICM", 4);
    put_words(&out, 0x00020010, "UI", "1.2.840.10008.1.2.1\0");
    put_words(&out, 0x00080018, "UI", "1.2.3.4.5.6.");
    put_element(&out, 0x54000100, "SQ", NULL, UINT32_MAX);
    put_item_mark(&out, 0xE000, UINT32_MAX);
    put_words(&out, 0x003A0004, "CS", "ORIGINAL");
    put_element(&out, 0x003A0005, "US", &channels, sizeof channels);
    put_element(&out, 0x003A0010, "UL", &samples, sizeof samples);
    put_words(&out, 0x003A001A, "DS", "250 ");
    put_element(&out, 0x54001004, "US", &bits, sizeof bits);
    put_words(&out, 0x54001006, "CS", "SS");
    put_element(&out, 0x54001010, "OW", NULL, bytes);
    off_t start = (off_t)out.len;
    CHECK(put_all(fd, &out));
    off_t place = start + (off_t)((spike * HOLTER_LEADS + 1) * sizeof high);
    CHECK(pwrite(fd, &high, sizeof high, place) == sizeof high);
    CHECK(lseek(fd, start + (off_t)bytes, SEEK_SET) > 0);
    buf_reset(&out);
    put_item_mark(&out, 0xE00D, 0);
    put_item_mark(&out, 0xE0DD, 0);
    /* behind the samples: read all the same */
    put_words(&out, 0x60000010, "US", "\1");
    CHECK(put_all(fd, &out));
    return start;
}

static void a_day_in_dicom_is_looked_at_without_being_held(void)
{
    enum { HELD_MAX = 9 << 20 };
    struct ward ward;
    struct err err = {0};
    struct study_wave wave;
    double numbers[3];
    uint64_t spike = HOLTER_FRAMES - 1000;
    begin_ward(&ward);
    char path[200];
    snprintf(path, sizeof path, "%s/holter.dcm", ward.pictures);
    CLEANUP(path_close) int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    (void)write_holter(fd, HOLTER_FRAMES, spike);
    CHECK(!study_is_mfer(fd));
    CHECK(study_open_dicom_wave(fd, &ward.scene.arena, &wave, &err));
    CHECK(sparse_bytes(wave.sparse).len > 120 << 20);
    CHECK(sparse_held_bytes(wave.sparse) < 1 << 20);
    const struct waveform_group *group = wave.file.recording.groups;
    CHECK(group->channel_count == HOLTER_LEADS);
    CHECK(group->channels[1].sample_count == HOLTER_FRAMES);
    waveform_read(&group->channels[1], spike - 1, 3, numbers);
    CHECK(numbers[0] < 1 && numbers[1] > 1233 && numbers[2] < 1);
    waveform_read(&group->channels[0], spike - 1, 3, numbers);
    CHECK(numbers[1] < 1);
    CLEANUP(buf_free) struct buf out = buf_init(WAVEFORM_WIRE_BYTES_MAX);
    struct waveform_wish wish = {0, 12 * 3600 * 1000, 12 * 3600 * 1000 + 10000, 0};
    CHECK(waveform_write(&wave.file.recording, &wish, &out, &err));
    CHECK(sparse_held_bytes(wave.sparse) < HELD_MAX);
    CHECK(study_check_wave(&wave, &err));
    CHECK(truncate(path, 100000) == 0);
    waveform_read(&group->channels[0], 400000, 3, numbers);
    CHECK(isnan(numbers[0]));
    CHECK(!study_check_wave(&wave, &err) && strcmp(err.code, "source_changed") == 0);
    study_close_wave(&wave);
    end_ward(&ward);
}

int main(void)
{
    RUN(a_linked_patients_study_is_one_entry_and_an_event);
    RUN(instances_come_in_reading_order_and_can_be_opened);
    RUN(the_contracts_study_is_written);
    RUN(a_report_beside_the_pictures_is_no_part_of_the_title);
    RUN(what_is_unchanged_is_told_once);
    RUN(a_file_that_goes_leaves_and_the_last_one_takes_the_entry_along);
    RUN(an_emptied_or_missing_folder_withdraws_nothing);
    RUN(one_folder_can_be_looked_at_alone);
    RUN(a_folder_at_rest_is_not_listed_until_the_next_day);
    RUN(a_new_process_looks_at_every_file);
    RUN(what_changes_below_folders_at_rest_is_seen);
    RUN(a_folder_that_goes_takes_along_what_was_below);
    RUN(many_files_come_and_go);
    RUN(what_is_noted_is_looked_at_by_the_thread);
    RUN(a_study_of_an_unknown_number_waits_for_its_patient);
    RUN(a_study_that_says_another_birth_date_is_held);
    RUN(what_is_no_dicom_is_passed_over);
    RUN(a_recording_of_the_electrocardiograph_is_an_entry_with_a_waveform);
    RUN(a_recording_keeps_a_uid_of_its_own);
    RUN(a_recording_of_another_birth_date_is_held);
    RUN(a_day_of_it_is_looked_at_without_being_held);
    RUN(a_recording_that_is_cut_while_it_is_read_is_not_shown);
    RUN(a_day_in_dicom_is_looked_at_without_being_held);
    return test_done();
}
