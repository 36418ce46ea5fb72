// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tests of gateway/study: a folder of pictures beside an index. */

#include "gateway/study/study.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "formats/dicom/dicom_testsite.h"
#include "gateway/index/index_testsite.h"

#define STUDY_UID "1.2.392.1"
#define STUDY_BASE "-/DICOM/" STUDY_UID

struct ward {
    struct scene scene;
    char pictures[96];
    struct study_root root;
    struct study *study;
};

static inline void open_study(struct ward *ward)
{
    struct err err = {0};
    struct study_config config = {.index = ward->scene.index,
                                  .roots = &ward->root,
                                  .root_count = 1,
                                  .sweep_ms = 1000,
                                  .clock = {scene_ms, scene_ms, &ward->scene}};
    ward->study = study_new(&config, &err);
    CHECK(ward->study);
}

static inline void begin_ward(struct ward *ward)
{
    begin(&ward->scene);
    snprintf(ward->pictures, sizeof ward->pictures, "%s/pictures", ward->scene.folder);
    CHECK(mkdir(ward->pictures, 0700) == 0);
    ward->root = (struct study_root){"pacs", ward->pictures};
    open_study(ward);
}

static inline void end_ward(struct ward *ward)
{
    study_free(ward->study);
    CHECK(test_remove(ward->pictures));
    end(&ward->scene);
}

struct said_file {
    const char *name;
    const char *instance;
    const char *series;
    const char *number; /* Patient ID */
    const char *born;   /* YYYYMMDD */
    const char *modality;
    int instance_number;
    const char *study;     /* NULL = STUDY_UID */
    const char *accession; /* NULL = "A100" */
};

static inline struct said_file a_slice(const char *name, const char *instance, int number)
{
    return (struct said_file){.name = name,
                              .instance = instance,
                              .series = STUDY_UID ".1",
                              .number = NUMBER,
                              .born = "19500102",
                              .modality = "CT",
                              .instance_number = number};
}

static inline void write_file(const struct ward *ward, const struct said_file *said)
{
    struct err err = {0};
    char text[16];
    char path[200];
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.2");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", said->instance);
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_STUDY_TIME, "TM", "101500");
    put_string(&site, DICOM_ACCESSION, "SH", said->accession ? said->accession : "A100");
    put_string(&site, DICOM_MODALITY, "CS", said->modality);
    put_string(&site, DICOM_STUDY_DESCRIPTION, "LO", "胸部単純");
    put_string(&site, DICOM_PATIENT_NAME, "PN", "IIDA^HANAKO=飯田^花子");
    put_string(&site, DICOM_PATIENT_ID, "LO", said->number);
    put_string(&site, DICOM_BIRTH_DATE, "DA", said->born);
    put_string(&site, DICOM_SEX, "CS", "F");
    put_string(&site, DICOM_STUDY, "UI", said->study ? said->study : STUDY_UID);
    put_string(&site, DICOM_SERIES, "UI", said->series);
    put_string(&site, DICOM_SERIES_NUMBER, "IS", "1");
    snprintf(text, sizeof text, "%d", said->instance_number);
    put_string(&site, DICOM_INSTANCE_NUMBER, "IS", text);
    put_short(&site, DICOM_SAMPLES, 1);
    put_string(&site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    put_short(&site, DICOM_ROWS, 2);
    put_short(&site, DICOM_COLUMNS, 2);
    put_short(&site, DICOM_BITS_ALLOCATED, 16);
    put_short(&site, DICOM_BITS_STORED, 12);
    put_short(&site, DICOM_HIGH_BIT, 11);
    put_short(&site, DICOM_PIXEL_REPRESENTATION, 0);
    put_shorts(&site, DICOM_PIXELS, "OW", (const uint16_t[]){1, 2, 3, 4}, 4);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    snprintf(path, sizeof path, "%s/%s", ward->pictures, said->name);
    CHECK(path_write_file(path, buf_view(&whole), &err));
    buf_free(&site.out);
}

static inline void sweep(struct ward *ward)
{
    struct err err = {0};
    CHECK(study_sweep(ward->study, &err));
}

static inline size_t count_events(struct ward *ward, enum uplink_event_type type,
                                  const char **title)
{
    size_t count = 0;
    for (int lane = 0; lane < 2; lane++) {
        struct batch batch = take(&ward->scene, lane);
        for (size_t i = 0; i < batch.count; i++) {
            if (batch.events[i].type != type || !text_is(batch.events[i].key, STUDY_BASE))
                continue;
            count++;
            if (title)
                *title = text_to_cstr(batch.events[i].put.title, &ward->scene.arena,
                                      &(struct err){0});
        }
    }
    return count;
}

static inline bool find_place(struct ward *ward, struct index_place *place)
{
    struct err err = {0};
    return index_find_place(ward->scene.index, TEXT(NUMBER), TEXT(STUDY_BASE),
                            &ward->scene.arena, place, &err);
}

static inline size_t count_instances(struct ward *ward)
{
    struct err err = {0};
    struct index_place place;
    struct study_content content;
    if (!find_place(ward, &place))
        return 0;
    CHECK(study_is_place(&place));
    CHECK(study_read_content(ward->study, &place, &ward->scene.arena, &content, &err));
    return content.instance_count;
}
