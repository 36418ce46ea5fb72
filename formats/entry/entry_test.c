// SPDX-License-Identifier: Apache-2.0
#include "formats/entry/entry.h"

#include <string.h>

#include "base/test.h"

static void every_kind_has_an_id_that_reads_back_and_a_row(void)
{
    for (unsigned i = 0; i < ENTRY_KIND_COUNT; i++) {
        enum entry_kind kind = ENTRY_KIND_COUNT;
        const char *id = entry_kind_id((enum entry_kind)i);
        CHECK(entry_kind_parse(text_cstr(id), &kind));
        CHECK(kind == (enum entry_kind)i);
        CHECK(entry_kind_row(kind) < ENTRY_ROW_COUNT);
    }
    CHECK(entry_kind_row(ENTRY_MICROBIOLOGY) == ENTRY_ROW_TEST);
    CHECK(entry_kind_row(ENTRY_UNKNOWN) == ENTRY_ROW_FILE);
}

static void what_is_no_kind_is_not_parsed(void)
{
    static const char *const words[] = {"", "lab", "LABORATORY", "laboratory ", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        enum entry_kind kind = ENTRY_NOTE;
        CHECK(!entry_kind_parse(text_cstr(words[i]), &kind));
        CHECK(kind == ENTRY_NOTE);
    }
}

static void rows_outside_the_grid_have_no_id(void)
{
    CHECK(entry_row_id(entry_kind_row(ENTRY_ALLERGY)) == NULL);
    CHECK(strcmp(entry_row_id(ENTRY_ROW_PERIOD), "period") == 0);
    CHECK(strcmp(entry_state_id(ENTRY_INCOMPLETE), "incomplete") == 0);
}

static void an_entry_is_written_with_its_items_in_order(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    struct err err = {0};
    struct entry_list list = {0};
    struct entry *entry = entry_add(&list, ENTRY_LABORATORY, &arena, &err);
    CHECK(entry != NULL);
    entry->day = day_from_date(2026, 4, 1);
    entry->title = TEXT("生化学");
    entry->flags = ENTRY_ABNORMAL_HIGH;
    struct entry_item *item = entry_add_item(entry, "result", 2, &arena, &err);
    CHECK(item != NULL);
    entry_add_field(item, "name", TEXT("総蛋白"));
    entry_add_field(item, "unit", TEXT(""));
    entry_add_field(item, "value", TEXT("7.2"));
    CHECK(entry_add_item(entry, "comment", 1, &arena, &err) != NULL);
    struct json_writer writer = json_writer(&out);
    entry_write(&writer, entry);
    CHECK(buf_check(&out, &err));
    static const char expected[] =
        "{\"kind\":\"laboratory\",\"row\":\"test\",\"day\":\"2026-04-01\","
        "\"title\":\"生化学\",\"state\":\"current\",\"flags\":[\"high\"],"
        "\"items\":[{\"type\":\"result\",\"name\":\"総蛋白\",\"value\":\"7.2\"},"
        "{\"type\":\"comment\"}]}";
    CHECK(span_is(buf_view(&out), expected));
}

static void an_undated_entry_outside_the_grid_has_nulls(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    struct err err = {0};
    struct entry_list list = {0};
    struct entry *entry = entry_add(&list, ENTRY_ALLERGY, &arena, &err);
    CHECK(entry != NULL && list.first == entry && list.count == 1);
    struct json_writer writer = json_writer(&out);
    entry_write(&writer, entry);
    CHECK(span_is(buf_view(&out), "{\"kind\":\"allergy\",\"row\":null,\"day\":null,"
                                  "\"title\":\"\",\"state\":\"current\",\"items\":[]}"));
}

static void a_full_arena_is_an_error_not_half_an_entry(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64);
    struct err err = {0};
    struct entry_list list = {0};
    CHECK(entry_add(&list, ENTRY_NOTE, &arena, &err) == NULL);
    CHECK(err.kind == ERR_LIMIT && list.first == NULL && list.count == 0);
    struct err other = {0};
    for (int i = 0; i < 4 && other.kind == ERR_NONE; i++)
        if (!entry_warn(&list, "x", 1, TEXT("y"), &arena, &other))
            CHECK(other.kind == ERR_LIMIT);
    CHECK(other.kind == ERR_LIMIT);
}

int main(void)
{
    RUN(every_kind_has_an_id_that_reads_back_and_a_row);
    RUN(what_is_no_kind_is_not_parsed);
    RUN(rows_outside_the_grid_have_no_id);
    RUN(an_entry_is_written_with_its_items_in_order);
    RUN(an_undated_entry_outside_the_grid_has_nulls);
    RUN(a_full_arena_is_an_error_not_half_an_entry);
    return test_done();
}
