// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "base/test.h"
#include "exchange/dicomweb/dicomweb_parts.h"

/* ---- what is asked for ---- */

static bool takes(enum dicomweb_level level, const char *name, const char *value,
                  struct dicomweb_query *query)
{
    struct err err = {0};
    *query = dicomweb_no_query(level);
    bool is_taken =
        dicomweb_take_parameter(query, level, span_cstr(name), span_cstr(value), &err);
    CHECK(is_taken || strcmp(err.code, "query_invalid") == 0);
    return is_taken;
}

static void what_is_not_searched_by_is_refused(void)
{
    static const struct {
        enum dicomweb_level level;
        const char *name;
        const char *value;
    } refused[] = {
        {DICOMWEB_STUDIES, "PatientID", "1"},
        {DICOMWEB_STUDIES, "00100010", "A"},
        {DICOMWEB_STUDIES, "", ""},
        {DICOMWEB_STUDIES, "SeriesInstanceUID", "1.2"},
        {DICOMWEB_STUDIES, "Modality", "CT"},
        {DICOMWEB_SERIES, "StudyDate", "20261001"},
        {DICOMWEB_SERIES, "SOPInstanceUID", "1.2"},
        {DICOMWEB_STUDIES, "StudyDate", "2026-10-01"},
        {DICOMWEB_STUDIES, "StudyDate", "20261001-20261002-20261003"},
        {DICOMWEB_STUDIES, "StudyDate", "20261001-2026"},
        {DICOMWEB_STUDIES, "StudyDate", "20260230"},
        {DICOMWEB_STUDIES, "StudyInstanceUID", "a"},
        {DICOMWEB_STUDIES, "StudyInstanceUID",
         "1.2345678901234567890123456789012345678901234567890123456789012345"},
        {DICOMWEB_STUDIES, "AccessionNumber", "\xFF"},
        {DICOMWEB_STUDIES, "limit", ""},
        {DICOMWEB_STUDIES, "limit", "1.5"},
        {DICOMWEB_STUDIES, "offset", "99999999999999999999"},
        {DICOMWEB_STUDIES, "Limit", "1"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct dicomweb_query query;
        bool is_refused =
            !takes(refused[i].level, refused[i].name, refused[i].value, &query);
        CHECK(is_refused);
        if (!is_refused)
            printf("# %s=%s\n", refused[i].name, refused[i].value);
    }
}

static void days_are_ranges_and_what_has_none_is_not_meant(void)
{
    struct dicomweb_query query;
    int32_t first = day_from_date(2026, 10, 1);
    CHECK(takes(DICOMWEB_STUDIES, "StudyDate", "", &query) && query.from == DAY_NONE);
    CHECK(takes(DICOMWEB_STUDIES, "StudyDate", "20261001", &query) &&
          query.from == first && query.to == first);
    CHECK(takes(DICOMWEB_STUDIES, "00080020", "20261001-", &query) &&
          query.from == first && query.to == INT32_MAX);
    CHECK(takes(DICOMWEB_STUDIES, "StudyDate", "-20261001", &query) &&
          query.from > DAY_NONE && query.from < -1000000 && query.to == first);
    CHECK(takes(DICOMWEB_STUDIES, "limit", "1000", &query) &&
          query.limit == DICOMWEB_LIMIT_MAX);
    CHECK(takes(DICOMWEB_INSTANCES, "limit", "1000", &query) && query.limit == 1000);
}

static void stars_and_question_marks_match(void)
{
    static const struct {
        const char *pattern;
        const char *value;
        bool is_like;
    } cases[] = {
        {"CT", "CT", true},      {"CT", "ct", false},     {"C?", "CT", true},
        {"C?", "C", false},      {"*", "", true},         {"*T", "CT", true},
        {"*a*b", "xaxxb", true}, {"*a*b", "xaxx", false}, {"**", "x", true},
        {"", "", true},          {"", "x", false},        {"a*a", "a", false},
        {"?*?", "ab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_right = dicomweb_is_like(text_cstr(cases[i].pattern),
                                         text_cstr(cases[i].value)) == cases[i].is_like;
        CHECK(is_right);
        if (!is_right)
            printf("# %s %s\n", cases[i].pattern, cases[i].value);
    }
    CHECK(dicomweb_lists_uid(TEXT("1.2,1.3"), TEXT("1.3")) &&
          dicomweb_lists_uid(TEXT("1.2\\1.3"), TEXT("1.2")) &&
          !dicomweb_lists_uid(TEXT("1.2,1.3"), TEXT("1.")) &&
          dicomweb_lists_uid(TEXT(""), TEXT("1.3")));
}

static void frames_are_counted_from_one(void)
{
    static const char *const refused[] = {
        "", "0", "a", "1,", ",1", "-1", "1-2", "1000001", "18446744073709551617"};
    int64_t frames[DICOMWEB_FRAMES_MAX];
    size_t count = 0;
    struct err err = {0};
    CHECK(dicomweb_read_frames(SPAN("3,1,1000000"), frames, &count, &err) && count == 3 &&
          frames[0] == 2 && frames[1] == 0 && frames[2] == 999999);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        err_clear(&err);
        CHECK(!dicomweb_read_frames(span_cstr(refused[i]), frames, &count, &err) &&
              strcmp(err.code, "frame_invalid") == 0);
    }
    CLEANUP(buf_free) struct buf list = buf_init(1024);
    for (int i = 0; i < DICOMWEB_FRAMES_MAX; i++)
        buf_cstr(&list, i > 0 ? ",1" : "1");
    err_clear(&err);
    CHECK(dicomweb_read_frames(buf_view(&list), frames, &count, &err) &&
          count == DICOMWEB_FRAMES_MAX);
    buf_cstr(&list, ",1");
    CHECK(!dicomweb_read_frames(buf_view(&list), frames, &count, &err));
}

static void media_types_are_taken_as_they_are_offered(void)
{
    static const struct dicomweb_media json = {"application/dicom+json", NULL, NULL};
    static const struct dicomweb_media files = {"multipart/related", "application/dicom",
                                                NULL};
    static const struct dicomweb_media frames = {
        "multipart/related", "application/octet-stream", "1.2.840.10008.1.2.1"};
    static const struct {
        const char *accept;
        const struct dicomweb_media *media;
        bool is_taken;
    } cases[] = {
        {"", &json, true},
        {" ", &json, true},
        {"*/*", &files, true},
        {"APPLICATION/dicom+JSON", &json, true},
        {"application/*", &json, true},
        {"application/dicom+json; charset=utf-8", &json, true},
        {"text/html, application/dicom+json;q=0.1", &json, true},
        {"application/dicom+json;q=0", &json, false},
        {"application/dicom+json;q=0.000", &json, false},
        {"application/dicom", &json, false},
        {"application", &json, false},
        {"*", &json, false},
        {",", &json, false},
        {"multipart/related", &files, true},
        {"multipart/related; type=application/dicom", &files, true},
        {"multipart/related; type=\"application/*\"", &files, true},
        {"multipart/related; type=\"application/dicom\"; transfer-syntax=*", &files,
         true},
        {"multipart/related; type=\"application/dicom\"; transfer-syntax=\"*\"", &files,
         true},
        {"multipart/related; type=\"application/dicom\";transfer-syntax="
         "1.2.840.10008.1.2.1",
         &files, false},
        {"multipart/related; type=\"a,b\", */*;q=0", &files, false},
        {"multipart/related; type=\"application/octet-stream\"", &files, false},
        {"multipart/related; type", &files, false},
        {"multipart/related; type=\"application/octet-stream\"; transfer-syntax="
         "1.2.840.10008.1.2.1",
         &frames, true},
        {"multipart/related; type=\"application/octet-stream\"; transfer-syntax="
         "1.2.840.10008.1.2.4.80",
         &frames, false},
        {"multipart/related; type=\"application/octet-stream", &frames, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_right = dicomweb_accepts(span_cstr(cases[i].accept), cases[i].media) ==
                        cases[i].is_taken;
        CHECK(is_right);
        if (!is_right)
            printf("# %s\n", cases[i].accept);
    }
}

/* ---- lists ---- */

#define ONE                                                                              \
    "{\"uid\":\"1.2.3\",\"number\":1,\"frames\":1,\"rows\":1,\"columns\":1,"             \
    "\"bits_allocated\":8}"

static void write_list(struct buf *out, const char *uid, int instances)
{
    buf_format(out,
               "{\"study_uid\":\"%s\",\"date\":\"\",\"time\":\"\",\"description\":\"\","
               "\"accession\":\"\",\"modalities\":[],\"series\":[{\"number\":1,\"uid\":"
               "\"1.2\",\"modality\":\"\",\"description\":\"\",\"body_part\":\"\","
               "\"laterality\":\"\",\"kind\":\"image\",\"instances\":[",
               uid);
    for (int i = 0; i < instances; i++)
        buf_cstr(out, i > 0 ? "," ONE : ONE);
    buf_cstr(out, "]}]}");
}

static struct dicomweb_list *list_of(const char *uid, int instances, struct err *err)
{
    CLEANUP(buf_free) struct buf body = buf_init(8 << 20);
    write_list(&body, uid, instances);
    return dicomweb_list_read(buf_view(&body), err);
}

static void a_list_has_an_end(void)
{
    struct err err = {0};
    CLEANUP(dicomweb_list_release)
    struct dicomweb_list *list = list_of("1.2.3", DICOMWEB_LIST_MAX, &err);
    CHECK(list && dicomweb_list_study(list)->instance_count == DICOMWEB_LIST_MAX);
    CHECK(!list_of("1.2.3", DICOMWEB_LIST_MAX + 1, &err) && err.kind == ERR_LIMIT);
    err_clear(&err);
    CHECK(!list_of("1.2.3\\u0000", 1, &err));
    err_clear(&err);
    CHECK(!list_of("", 1, &err) && err.kind == ERR_SYNTAX);
}

static struct dicomweb_key key_at(int number)
{
    struct dicomweb_key key = {.person = {{1}}};
    memcpy(key.entry.bytes, &number, sizeof number);
    return key;
}

static void what_a_session_opened_is_found_by_it_alone(void)
{
    struct err err = {0};
    struct clock clock = clock_system();
    struct dicomweb_kept *kept = dicomweb_kept_new(&clock, &err);
    struct dicomweb_list *list = list_of("1.2.9", 3, &err);
    struct dicomweb_list *found = NULL;
    struct id opening;
    struct dicomweb_key key = key_at(7);
    CHECK(kept && list);
    CHECK(!dicomweb_find_kept(kept, &key, &opening, &found) && !found);
    dicomweb_keep(kept, &key, (struct id){{9}}, list);
    dicomweb_list_release(&list);
    CHECK(dicomweb_find_kept(kept, &key, &opening, &found) && opening.bytes[0] == 9 &&
          found && text_is(dicomweb_list_study(found)->uid, "1.2.9"));
    dicomweb_list_release(&found);
    struct dicomweb_key by_uid = {.person = {{1}}};
    CHECK(dicomweb_find_study(kept, &by_uid, TEXT("1.2.9")) &&
          id_equal(by_uid.entry, key.entry));
    CHECK(!dicomweb_find_study(kept, &by_uid, TEXT("1.2")));
    struct dicomweb_key other = key;
    other.session.bytes[0] = 1;
    CHECK(!dicomweb_find_kept(kept, &other, &opening, &found) &&
          !dicomweb_find_study(kept, &other, TEXT("1.2.9")));
    other = key;
    other.person.bytes[0] = 2;
    CHECK(!dicomweb_find_kept(kept, &other, &opening, &found) &&
          !dicomweb_find_study(kept, &other, TEXT("1.2.9")));
    /* another opening has another list at the gateway */
    dicomweb_keep(kept, &key, (struct id){{8}}, NULL);
    CHECK(dicomweb_find_kept(kept, &key, &opening, &found) && !found &&
          opening.bytes[0] == 8);
    dicomweb_kept_free(kept);
}

static int64_t tell_ms(void *context)
{
    return *(int64_t *)context;
}

/* A study may grow: its list is read again after a minute, under the same opening. */
static void a_list_is_good_for_a_minute(void)
{
    struct err err = {0};
    int64_t now_ms = 1000;
    struct clock clock = {tell_ms, tell_ms, &now_ms};
    struct dicomweb_kept *kept = dicomweb_kept_new(&clock, &err);
    CLEANUP(dicomweb_list_release) struct dicomweb_list *none = dicomweb_list_none(&err);
    struct dicomweb_list *found = NULL;
    struct id opening;
    struct dicomweb_key key = key_at(1);
    CHECK(kept && none);
    dicomweb_keep(kept, &key, (struct id){{9}}, none);
    now_ms += 60 * 1000;
    CHECK(dicomweb_find_kept(kept, &key, &opening, &found) && found &&
          dicomweb_list_study(found)->uid.len == 0);
    dicomweb_list_release(&found);
    now_ms++;
    CHECK(dicomweb_find_kept(kept, &key, &opening, &found) && !found &&
          opening.bytes[0] == 9);
    dicomweb_kept_free(kept);
}

static int count_kept(struct dicomweb_kept *kept, int numbers, int *lists)
{
    int count = 0;
    *lists = 0;
    for (int i = 0; i < numbers; i++) {
        struct dicomweb_list *found = NULL;
        struct id opening;
        struct dicomweb_key key = key_at(i);
        count += dicomweb_find_kept(kept, &key, &opening, &found);
        *lists += found != NULL;
        dicomweb_list_release(&found);
    }
    return count;
}

static void the_oldest_goes_when_there_is_no_room(void)
{
    enum { LARGE = 14, MANY = 1500 };
    struct err err = {0};
    int lists = 0;
    struct clock clock = clock_system();
    struct dicomweb_kept *kept = dicomweb_kept_new(&clock, &err);
    for (int i = 0; i < LARGE; i++) {
        struct dicomweb_key key = key_at(i);
        CLEANUP(dicomweb_list_release)
        struct dicomweb_list *list = list_of("1.2.9", DICOMWEB_LIST_MAX, &err);
        CHECK(list != NULL);
        dicomweb_keep(kept, &key, (struct id){{1}}, list);
    }
    CHECK(count_kept(kept, LARGE, &lists) == LARGE && lists == 10);
    for (int i = 0; i < MANY; i++) {
        struct dicomweb_key key = key_at(i);
        dicomweb_keep(kept, &key, (struct id){{1}}, NULL);
    }
    CHECK(count_kept(kept, MANY, &lists) == 1024 && lists == 0);
    dicomweb_kept_free(kept);
}

int main(void)
{
    RUN(what_is_not_searched_by_is_refused);
    RUN(days_are_ranges_and_what_has_none_is_not_meant);
    RUN(stars_and_question_marks_match);
    RUN(frames_are_counted_from_one);
    RUN(media_types_are_taken_as_they_are_offered);
    RUN(a_list_has_an_end);
    RUN(what_a_session_opened_is_found_by_it_alone);
    RUN(a_list_is_good_for_a_minute);
    RUN(the_oldest_goes_when_there_is_no_room);
    return test_done();
}
