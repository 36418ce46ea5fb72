// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/test.h"
#include "gateway/answer/answer_parts.h"

enum { KB = 1024, INSTANCES = 20000 };

struct site {
    struct answer answer;
    struct arena arena; /* of the studies that are told */
    struct study_content content;
    int told;
};

static void site_close(struct site *site)
{
    answer_drop_lists(&site->answer, NULL);
    CHECK(!site->answer.lists && site->answer.list_count == 0 &&
          site->answer.list_bytes == 0);
    arena_free(&site->arena);
    pthread_mutex_destroy(&site->answer.lists_lock);
}

static struct text text_of(struct site *site, const char *string)
{
    struct err err = {0};
    struct text text = {0};
    CHECK(text_from_utf8(span_cstr(string), &text, &err));
    CHECK(text_copy(text, &site->arena, &text, &err));
    return text;
}

/* A CT as it is told: names of some length, and a kB of facts for each instance. */
static void site_open(struct site *site, size_t instances)
{
    struct err err = {0};
    char name[100];
    static char facts[KB];
    memset(facts, 'x', sizeof facts - 1);
    *site = (struct site){.arena = arena_init(16 << 20)};
    pthread_mutex_init(&site->answer.lists_lock, NULL);
    struct study_series *series = ARENA_NEW(&site->arena, struct study_series, &err);
    series->instances = ARENA_MANY(&site->arena, struct study_instance, instances, &err);
    series->instance_count = instances;
    series->kind = text_of(site, "image");
    struct text told = text_of(site, facts);
    for (size_t i = 0; i < instances; i++) {
        snprintf(name, sizeof name,
                 "1.2.392.200036.9116.2.6.1.48.1214245753.1506921033.%06zu", i);
        series->instances[i] =
            (struct study_instance){.folder = TEXT("images/2026/04/01/CT000001"),
                                    .name = text_of(site, name + 40),
                                    .uid = text_of(site, name),
                                    .version = TEXT("0123456789abcdef"),
                                    .facts = told,
                                    .kind = TEXT("image"),
                                    .frames = 1,
                                    .size_bytes = (int64_t)i};
    }
    site->content = (struct study_content){.uid = TEXT("1.2.3"),
                                           .series = series,
                                           .series_count = 1,
                                           .instance_count = instances};
}

#define SITE CLEANUP(site_close) struct site

static struct answer_place place(int number)
{
    struct answer_place place = {.key = TEXT("study/1"), .path = TEXT("dicom/1/77")};
    place.opening.bytes[0] = (uint8_t)number;
    place.opening.bytes[1] = (uint8_t)(number >> 8);
    return place;
}

static void tell(struct site *site, int number)
{
    struct err err = {0};
    struct answer_place at = place(number);
    CHECK(answer_keep_list(&site->answer, &at, &site->content, &err));
}

static bool is_kept(struct site *site, int number)
{
    struct err err = {0};
    struct answer_place at = place(number);
    const struct answer_list *list = answer_find_list(&site->answer, &at, &err);
    CHECK(list || strcmp(err.code, "study_changed") == 0);
    return list != NULL;
}

static void a_list_says_what_lies_at_each_place(void)
{
    struct err err = {0};
    SITE site;
    site_open(&site, 3);
    tell(&site, 1);
    struct answer_place at = place(1);
    const struct answer_list *list = answer_find_list(&site.answer, &at, &err);
    CHECK(list && list->content.series_count == 1 && list->content.instance_count == 3);
    for (size_t i = 0; list && i < 3; i++) {
        const struct study_instance *told = &site.content.series[0].instances[i];
        const struct study_instance *kept = &list->content.series[0].instances[i];
        CHECK(text_equal(kept->folder, told->folder) && text_equal(kept->uid, told->uid));
        CHECK(text_equal(kept->name, told->name) && kept->name.at != told->name.at);
        CHECK(text_equal(kept->version, told->version) && kept->frames == 1 &&
              kept->size_bytes == (int64_t)i && text_is(kept->kind, "image"));
        CHECK(kept->facts.len == 0); /* of the answer, which is gone */
    }
    CHECK(list && text_is(list->content.series[0].kind, "image"));
}

static void a_study_told_again_takes_the_place_of_the_former(void)
{
    SITE site;
    site_open(&site, 3);
    tell(&site, 1);
    tell(&site, 2);
    tell(&site, 1);
    CHECK(site.answer.list_count == 2 && is_kept(&site, 1) && is_kept(&site, 2));
}

/* A place in one entry's list must never be looked up in another's. */
static void each_entry_of_an_opening_has_a_list_of_its_own(void)
{
    struct err err = {0};
    SITE site;
    site_open(&site, 3);
    tell(&site, 1);
    struct answer_place other = place(1);
    other.key = TEXT("study/2");
    CHECK(!answer_find_list(&site.answer, &other, &err));
    CHECK(strcmp(err.code, "study_changed") == 0);
    err_clear(&err);
    site.content.uid = TEXT("1.2.4");
    CHECK(answer_keep_list(&site.answer, &other, &site.content, &err));
    CHECK(site.answer.list_count == 2);
    struct answer_place first = place(1);
    const struct answer_list *list = answer_find_list(&site.answer, &first, &err);
    CHECK(list && text_is(list->content.uid, "1.2.3"));
    list = answer_find_list(&site.answer, &other, &err);
    CHECK(list && text_is(list->content.uid, "1.2.4"));
}

/* Keys are unique within a patient: with another patient's grant for the same key, or
 * when the order's pictures are others now, the list is none of theirs. */
static void a_list_is_of_what_it_was_told_from(void)
{
    struct err err = {0};
    SITE site;
    site_open(&site, 3);
    tell(&site, 1);
    struct answer_place other = place(1);
    other.path = TEXT("dicom/1/78");
    CHECK(!answer_find_list(&site.answer, &other, &err));
    CHECK(strcmp(err.code, "study_changed") == 0);
    CHECK(is_kept(&site, 1));
    err_clear(&err);
    CHECK(answer_keep_list(&site.answer, &other, &site.content, &err));
    CHECK(site.answer.list_count == 1 && !is_kept(&site, 1));
}

static void an_ended_opening_keeps_no_list(void)
{
    SITE site;
    site_open(&site, 3);
    tell(&site, 1);
    tell(&site, 2);
    struct answer_place at = place(1);
    answer_drop_lists(&site.answer, &at.opening);
    CHECK(!is_kept(&site, 1) && is_kept(&site, 2));
}

/* Told with their facts, 25 MB, they were kept with them. */
static void the_largest_study_is_kept_in_a_quarter_of_what_was_told(void)
{
    SITE site;
    site_open(&site, INSTANCES);
    tell(&site, 1);
    CHECK(is_kept(&site, 1));
    CHECK(site.answer.list_bytes < (size_t)INSTANCES * 300);
}

static void lists_of_large_studies_are_bounded_by_bytes(void)
{
    SITE site;
    site_open(&site, INSTANCES);
    for (int i = 1; i <= 12; i++) {
        tell(&site, i);
        CHECK(is_kept(&site, 1)); /* somebody looks at it all the time */
        CHECK(site.answer.list_bytes <= ANSWER_LISTS_BYTES_MAX);
    }
    CHECK(is_kept(&site, 12) && !is_kept(&site, 2));
}

static void many_small_lists_are_bounded_by_their_number(void)
{
    SITE site;
    site_open(&site, 1);
    for (int i = 1; i <= 300; i++)
        tell(&site, i);
    CHECK(site.answer.list_count == 256);
    CHECK(is_kept(&site, 300) && is_kept(&site, 45) && !is_kept(&site, 44));
}

static void files_are_read_whole_as_far_as_there_is_room(void)
{
    struct err err = {0};
    SITE site;
    site_open(&site, 1);
    CHECK(answer_take_reading(&site.answer, ANSWER_READING_BYTES_MAX - 10, &err));
    CHECK(answer_take_reading(&site.answer, 10, &err));
    CHECK(!answer_take_reading(&site.answer, 1, &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "server_busy") == 0);
    answer_end_reading(&site.answer, 10);
    err_clear(&err);
    CHECK(answer_take_reading(&site.answer, 1, &err));
    answer_end_reading(&site.answer, 1);
    answer_end_reading(&site.answer, ANSWER_READING_BYTES_MAX - 10);
    CHECK(site.answer.reading_bytes == 0);
}

static void a_file_larger_than_the_room_is_read_alone(void)
{
    struct err err = {0};
    SITE site;
    site_open(&site, 1);
    int64_t large = 3 * (int64_t)ANSWER_READING_BYTES_MAX;
    CHECK(answer_take_reading(&site.answer, 1, &err));
    CHECK(!answer_take_reading(&site.answer, large, &err));
    answer_end_reading(&site.answer, 1);
    err_clear(&err);
    CHECK(answer_take_reading(&site.answer, large, &err));
    CHECK(!answer_take_reading(&site.answer, 1, &err));
    answer_end_reading(&site.answer, large);
}

int main(void)
{
    RUN(a_list_says_what_lies_at_each_place);
    RUN(a_study_told_again_takes_the_place_of_the_former);
    RUN(each_entry_of_an_opening_has_a_list_of_its_own);
    RUN(a_list_is_of_what_it_was_told_from);
    RUN(an_ended_opening_keeps_no_list);
    RUN(the_largest_study_is_kept_in_a_quarter_of_what_was_told);
    RUN(lists_of_large_studies_are_bounded_by_bytes);
    RUN(many_small_lists_are_bounded_by_their_number);
    RUN(files_are_read_whole_as_far_as_there_is_room);
    RUN(a_file_larger_than_the_room_is_read_alone);
    return test_done();
}
