// SPDX-License-Identifier: Apache-2.0
/* Objects whose frames say one by one how they are meant. */
#include <unistd.h>

#include "gateway/study/study_testsite.h"
#include "store/migrations.h"

enum { FRAMES = 4 };

static void put_group(struct site *site, uint32_t macro, uint32_t tag, const char *value)
{
    open_sequence(site, macro);
    open_item(site);
    put_string(site, tag, "DS", value);
    close_item(site);
    close_sequence(site);
}

static void put_frame(struct site *site, const char *position, const char *slope,
                      const uint32_t *dimensions)
{
    open_item(site);
    if (dimensions) {
        open_sequence(site, DICOM_FRAME_CONTENT);
        open_item(site);
        put_head(site, DICOM_DIMENSION_VALUES, "UL", 8);
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 4; k++)
                buf_byte(&site->out, (uint8_t)(dimensions[i] >> 8 * k));
        close_item(site);
        close_sequence(site);
    }
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
static void put_groups(struct site *site, const uint32_t (*dimensions)[2])
{
    open_sequence(site, DICOM_SHARED_GROUPS);
    open_item(site);
    put_group(site, DICOM_PLANE_ORIENTATION, DICOM_ORIENTATION, "1\\0\\0\\0\\0\\-1");
    put_group(site, DICOM_PIXEL_MEASURES, DICOM_PIXEL_SPACING, "1.5\\0.5");
    close_item(site);
    close_sequence(site);
    open_sequence(site, DICOM_FRAME_GROUPS);
    put_frame(site, "-1\\2\\3", "1", dimensions ? dimensions[0] : NULL);
    put_frame(site, "-1\\6.5\\3", "1", dimensions ? dimensions[1] : NULL);
    put_frame(site, "-1\\2\\3", "1", dimensions ? dimensions[2] : NULL);
    put_frame(site, "-1\\6.5\\3", "2.5", dimensions ? dimensions[3] : NULL);
    close_sequence(site);
}

static void put_names(struct site *site)
{
    put_string(site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.4.1");
    put_string(site, DICOM_SOP_INSTANCE, "UI", STUDY_UID ".1.1");
    put_string(site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(site, DICOM_MODALITY, "CS", "MR");
    put_string(site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(site, DICOM_BIRTH_DATE, "DA", "19500102");
    put_string(site, DICOM_SEX, "CS", "F");
    put_string(site, DICOM_STUDY, "UI", STUDY_UID);
    put_string(site, DICOM_SERIES, "UI", STUDY_UID ".1");
}

static void put_shape(struct site *site)
{
    put_short(site, DICOM_SAMPLES, 1);
    put_string(site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    put_string(site, DICOM_FRAMES, "IS", "4");
    put_short(site, DICOM_ROWS, 1);
    put_short(site, DICOM_COLUMNS, 1);
    put_short(site, DICOM_BITS_ALLOCATED, 16);
    put_short(site, DICOM_BITS_STORED, 12);
    put_short(site, DICOM_HIGH_BIT, 11);
    put_short(site, DICOM_PIXEL_REPRESENTATION, 0);
}

static void write_frames(const struct ward *ward, bool has_groups,
                         const uint32_t (*dimensions)[2], const char *offsets)
{
    struct err err = {0};
    char path[200];
    struct site site = new_site(LITTLE);
    put_names(&site);
    if (offsets) {
        put_string(&site, DICOM_POSITION, "DS", "-1\\2\\3");
        put_string(&site, DICOM_ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    }
    put_shape(&site);
    if (offsets)
        put_string(&site, DICOM_GRID_OFFSETS, "DS", offsets);
    if (has_groups)
        put_groups(&site, dimensions);
    put_shorts(&site, DICOM_PIXELS, "OW", (const uint16_t[]){1, 2, 3, 4}, FRAMES);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    snprintf(path, sizeof path, "%s/a.dcm", ward->pictures);
    CHECK(path_write_file(path, buf_view(&whole), &err));
    buf_free(&site.out);
}

/* Deflated, and more than is read of any header: of its pixels there is a beginning, then
 * a hole. */
static void write_large_deflated(const struct ward *ward)
{
    enum { NOISE = 300000, FILE_BYTES = 40 << 20 };
    struct err err = {0};
    char path[200];
    uint32_t seed = 7;
    struct site site = new_site(LITTLE);
    struct site deflated = {.out = buf_init(1 << 20)};
    put_names(&site);
    put_shape(&site);
    put_head(&site, DICOM_PIXELS, "OW", 8);
    for (size_t i = 0; i < NOISE; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_byte(&site.out, (uint8_t)(seed >> 24));
    }
    z_stream stream = {.next_in = site.out.at, .avail_in = (uInt)site.out.len};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, 0) == Z_OK);
    stream.avail_out = NOISE + 10000;
    stream.next_out = buf_take(&deflated.out, NOISE + 10000);
    CHECK(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0);
    deflated.out.len -= stream.avail_out;
    (void)deflateEnd(&stream);
    CLEANUP(buf_free) struct buf whole = wrap(&deflated, DEFLATED);
    snprintf(path, sizeof path, "%s/a.dcm", ward->pictures);
    CHECK(path_write_file(path, buf_view(&whole), &err));
    CHECK(truncate(path, FILE_BYTES) == 0);
    buf_free(&deflated.out);
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
    write_frames(&ward, true, NULL, NULL);
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
    write_frames(&ward, false, NULL, NULL);
    const char *facts = facts_of(&ward);
    CHECK(strstr(facts, "\"frames\":4") && !strstr(facts, "views"));
    end_ward(&ward);
}

/* Written slice by slice, looked at time by time: the first dimension is the slowest. */
static void frames_are_looked_at_in_the_order_of_their_dimensions(void)
{
    static const uint32_t dimensions[FRAMES][2] = {{2, 1}, {2, 2}, {1, 2}, {1, 1}};
    static const uint32_t same[FRAMES][2] = {{1, 1}, {1, 2}, {2, 1}, {2, 2}};
    struct ward ward;
    begin_ward(&ward);
    link_patient(&ward.scene);
    write_frames(&ward, true, dimensions, NULL);
    CHECK(strstr(facts_of(&ward), "\"frame_order\":[3,2,0,1]"));
    write_frames(&ward, true, same, NULL);
    CHECK(!strstr(facts_of(&ward), "frame_order"));
    write_frames(&ward, true, NULL, NULL); /* two at one place: nobody says which */
    CHECK(!strstr(facts_of(&ward), "frame_order"));
    end_ward(&ward);
}

/* A dose says where its slices lie from the first, or where they lie. */
static void slices_of_a_dose_lie_where_its_grid_says(void)
{
    static const char *const vectors[] = {"0\\2.5\\5\\7.5", "3\\5.5\\8\\10.5"};
    for (size_t i = 0; i < 2; i++) {
        struct ward ward;
        begin_ward(&ward);
        link_patient(&ward.scene);
        write_frames(&ward, false, NULL, vectors[i]);
        const char *facts = facts_of(&ward);
        CHECK(strstr(facts, "\"position\":[-1,2,3],\"orientation\":[1,0,0,0,1,0]"));
        CHECK(strstr(facts,
                     "\"views\":[{},{\"position\":[-1,2,5.5]},{\"position\":[-1,2,8]}"
                     ",{\"position\":[-1,2,10.5]}],\"frame_views\":[0,1,2,3]"));
        end_ward(&ward);
    }
}

static void a_large_deflated_file_is_indexed_by_its_beginning(void)
{
    struct ward ward;
    begin_ward(&ward);
    link_patient(&ward.scene);
    write_large_deflated(&ward);
    const char *facts = facts_of(&ward);
    CHECK(strstr(facts, "\"frames\":4") && strstr(facts, "\"columns\":1"));
    CHECK(strstr(facts, "\"sop_class\":\"1.2.840.10008.5.1.4.1.1.4.1\""));
    end_ward(&ward);
}

/* ---- an upgrade with data ---- */

static bool run_statement(struct store_session *session, void *context, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, *(const char **)context, err);
    return statement && store_run(statement, err);
}

static void change_rows(struct ward *ward, const char *sql)
{
    struct err err = {0};
    CHECK(store_write(index_store(ward->scene.index), STORE_LIVE, run_statement, &sql,
                      &err));
}

static void upgrade_again(struct ward *ward, int number)
{
    size_t i = 0;
    while (i < store_gateway_migrations_count &&
           store_gateway_migrations[i].number != number)
        i++;
    CHECK(i < store_gateway_migrations_count);
    if (i < store_gateway_migrations_count)
        change_rows(ward, store_gateway_migrations[i].sql);
}

/* What the row of a file says: "state code facts". */
static const char *row_of(struct ward *ward, const char *name)
{
    struct err err = {0};
    bool has_row = false;
    struct text row = {0};
    CLEANUP(store_read_end)
    struct store_session *session = store_read(index_store(ward->scene.index), &err);
    CLEANUP(store_finish)
    struct store_statement *find =
        session ? store_prepare(session,
                                "SELECT state || ' ' || code || ' ' || facts FROM "
                                "study_file WHERE name = ?1",
                                &err)
                : NULL;
    if (!find)
        return "";
    store_bind_text(find, 1, text_cstr(name));
    bool is_read = store_step(find, &has_row, &err) && has_row &&
                   store_column_text(find, 0, &ward->scene.arena, &row, &err);
    return is_read ? text_to_cstr(row, &ward->scene.arena, &err) : "";
}

static bool has_word(struct ward *ward, const char *name, const char *word)
{
    return strstr(row_of(ward, name), word) != NULL;
}

/* What an earlier version left in the index, and what it could not read, is read once
 * more; a hospital's other files, by the million, are not. */
static void what_earlier_versions_said_too_little_of_is_read_again(void)
{
    static const uint32_t dimensions[FRAMES][2] = {{2, 1}, {2, 2}, {1, 2}, {1, 1}};
    static const char *const single[] = {"no_class", "cut", "large", "other", "good"};
    struct ward ward;
    begin_ward(&ward);
    link_patient(&ward.scene);
    write_frames(&ward, true, dimensions, NULL);
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        char uid[64];
        snprintf(uid, sizeof uid, "%s.2.%zu", STUDY_UID, i + 1);
        struct said_file file = a_slice(single[i], uid, 1);
        write_file(&ward, &file);
    }
    sweep(&ward);
    CHECK(has_word(&ward, "a.dcm", "0  {") && has_word(&ward, "good", "\"sop_class\""));
    change_rows(&ward, "UPDATE study_file SET facts = '{\"sop_class\":\"old\"}'");
    change_rows(&ward, "UPDATE study_file SET facts = '{}' WHERE name = 'no_class'");
    change_rows(&ward, "UPDATE study_file SET state = 1, code = 'study_incomplete' WHERE "
                       "name = 'cut'");
    change_rows(&ward, "UPDATE study_file SET state = 1, code = "
                       "'dicom_inflated_too_large' WHERE name = 'large'");
    change_rows(&ward, "UPDATE study_file SET state = 1, code = 'dicom_not_dicom' WHERE "
                       "name = 'other'");
    upgrade_again(&ward, 136);
    study_free(ward.study); /* the next version's process looks at every file */
    open_study(&ward);
    sweep(&ward);
    CHECK(has_word(&ward, "a.dcm", "\"frame_order\":[3,2,0,1]"));
    CHECK(has_word(&ward, "no_class", "\"sop_class\":\"1.2"));
    CHECK(has_word(&ward, "cut", "0  {") && has_word(&ward, "large", "0  {"));
    CHECK(has_word(&ward, "other", "1 dicom_not_dicom"));
    CHECK(has_word(&ward, "good", "\"sop_class\":\"old\""));
    end_ward(&ward);
}

int main(void)
{
    RUN(frames_with_groups_say_where_each_of_them_lies);
    RUN(a_film_says_nothing_of_its_frames);
    RUN(frames_are_looked_at_in_the_order_of_their_dimensions);
    RUN(slices_of_a_dose_lie_where_its_grid_says);
    RUN(a_large_deflated_file_is_indexed_by_its_beginning);
    RUN(what_earlier_versions_said_too_little_of_is_read_again);
    return test_done();
}
