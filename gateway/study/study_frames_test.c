// SPDX-License-Identifier: Apache-2.0
/* Objects whose frames say one by one how they are meant. */
#include "gateway/study/study_testsite.h"

enum { FRAMES = 4 };

static void put_group(struct site *site, uint32_t macro, uint32_t tag, const char *value)
{
    open_sequence(site, macro);
    open_item(site);
    put_string(site, tag, "DS", value);
    close_item(site);
    close_sequence(site);
}

static void put_frame(struct site *site, const char *position, const char *slope)
{
    open_item(site);
    put_group(site, DICOM_PLANE_POSITION, DICOM_POSITION, position);
    open_sequence(site, DICOM_PIXEL_TRANSFORMATION);
    open_item(site);
    put_string(site, DICOM_INTERCEPT, "DS", "0");
    put_string(site, DICOM_SLOPE, "DS", slope);
    close_item(site);
    close_sequence(site);
    close_item(site);
}

/* Two slices at two times; the last frame has another slope. */
static void put_groups(struct site *site)
{
    open_sequence(site, DICOM_SHARED_GROUPS);
    open_item(site);
    put_group(site, DICOM_PLANE_ORIENTATION, DICOM_ORIENTATION, "1\\0\\0\\0\\0\\-1");
    put_group(site, DICOM_PIXEL_MEASURES, DICOM_PIXEL_SPACING, "1.5\\0.5");
    close_item(site);
    close_sequence(site);
    open_sequence(site, DICOM_FRAME_GROUPS);
    put_frame(site, "-1\\2\\3", "1");
    put_frame(site, "-1\\6.5\\3", "1");
    put_frame(site, "-1\\2\\3", "1");
    put_frame(site, "-1\\6.5\\3", "2.5");
    close_sequence(site);
}

static void write_frames(const struct ward *ward, bool has_groups)
{
    struct err err = {0};
    char path[200];
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.4.1");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", STUDY_UID ".1.1");
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_MODALITY, "CS", "MR");
    put_string(&site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(&site, DICOM_BIRTH_DATE, "DA", "19500102");
    put_string(&site, DICOM_SEX, "CS", "F");
    put_string(&site, DICOM_STUDY, "UI", STUDY_UID);
    put_string(&site, DICOM_SERIES, "UI", STUDY_UID ".1");
    put_short(&site, DICOM_SAMPLES, 1);
    put_string(&site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    put_string(&site, DICOM_FRAMES, "IS", "4");
    put_short(&site, DICOM_ROWS, 1);
    put_short(&site, DICOM_COLUMNS, 1);
    put_short(&site, DICOM_BITS_ALLOCATED, 16);
    put_short(&site, DICOM_BITS_STORED, 12);
    put_short(&site, DICOM_HIGH_BIT, 11);
    put_short(&site, DICOM_PIXEL_REPRESENTATION, 0);
    if (has_groups)
        put_groups(&site);
    put_shorts(&site, DICOM_PIXELS, "OW", (const uint16_t[]){1, 2, 3, 4}, FRAMES);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    snprintf(path, sizeof path, "%s/a.dcm", ward->pictures);
    CHECK(path_write_file(path, buf_view(&whole), &err));
    buf_free(&site.out);
}

static const char *facts_of(struct ward *ward)
{
    struct err err = {0};
    struct index_place place = {0};
    struct study_content content = {0};
    sweep(ward);
    CHECK(find_place(ward, &place) &&
          study_read_content(ward->study, &place, &ward->scene.arena, &content, &err));
    if (content.series_count != 1 || content.series[0].instance_count != 1)
        return "";
    return text_to_cstr(content.series[0].instances[0].facts, &ward->scene.arena, &err);
}

static void frames_with_groups_say_where_each_of_them_lies(void)
{
    struct ward ward;
    begin_ward(&ward);
    link_patient(&ward.scene);
    write_frames(&ward, true);
    const char *facts = facts_of(&ward);
    CHECK(strstr(facts, "\"spacing\":[1.5,0.5],\"spacing_kind\":\"pixel\"") &&
          strstr(facts, "\"position\":[-1,2,3],\"orientation\":[1,0,0,0,0,-1]"));
    CHECK(strstr(facts,
                 "\"views\":[{},{\"position\":[-1,6.5,3]},{\"position\":[-1,6.5,3],"
                 "\"rescale\":{\"slope\":2.5,\"intercept\":0,\"type\":\"\"}}],"
                 "\"frame_views\":[0,1,0,2]"));
    end_ward(&ward);
}

static void a_film_says_nothing_of_its_frames(void)
{
    struct ward ward;
    begin_ward(&ward);
    link_patient(&ward.scene);
    write_frames(&ward, false);
    const char *facts = facts_of(&ward);
    CHECK(strstr(facts, "\"frames\":4") && !strstr(facts, "views"));
    end_ward(&ward);
}

int main(void)
{
    RUN(frames_with_groups_say_where_each_of_them_lies);
    RUN(a_film_says_nothing_of_its_frames);
    return test_done();
}
