// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/day.h"
#include "base/test.h"
#include "exchange/audit/audit.h"
#include "exchange/audit/audit_index.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

enum { RECORDS = 1300 };

static const int64_t november = 1762000000000;

struct place {
    char directory[64];
    int64_t now_ms;
    struct audit *audit;
    struct store *store;
    struct audit_index *index;
};

static int64_t fixed_ms(void *self)
{
    return ((struct place *)self)->now_ms;
}

static void open_all(struct place *place)
{
    struct err err = {0};
    char file[STORE_TESTSITE_BYTES];
    store_testsite_locate(file, place->directory, "data");
    struct store_config stored = {file, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct audit_config config = {
        .directory = place->directory,
        .node = "centre",
        .clock = {fixed_ms, fixed_ms, place},
        .rand = rand_system(),
    };
    place->store = store_open(&stored, &err);
    CHECK(place->store);
    place->audit = audit_open(&config, &err);
    CHECK(place->audit);
    place->index = audit_index_open(place->audit, place->store, NULL, &err);
    CHECK(place->index);
}

static void close_all(struct place *place)
{
    audit_index_close(place->index);
    audit_close(place->audit);
    store_close(place->store);
}

static void place_open(struct place *place)
{
    *place = (struct place){.directory = "/tmp/audit_test_XXXXXX", .now_ms = november};
    CHECK(mkdtemp(place->directory));
    open_all(place);
}

static void place_remove(struct place *place)
{
    close_all(place);
    CHECK(test_remove(place->directory));
}

static const char *const facilities[] = {"f0", "f1", "f2"};

static void append_many(struct place *place, int count)
{
    struct err err = {0};
    for (int i = 0; i < count; i++) {
        struct audit_record record = {
            .phase = AUDIT_DECISION,
            .event = "entry",
            .verdict = "deny",
            .reason = "consent_missing",
            .actor = {.staff_id = TEXT("s1"),
                      .name = TEXT("紬 花子"),
                      .profession = TEXT("doctor"),
                      .facility_id = text_cstr(facilities[i % 3]),
                      .facility_name = TEXT("つむぎ病院")},
            .person = TEXT("p1"),
            .provider = text_cstr(facilities[(i + 1) % 3]),
            .local_number = TEXT("000123"),
            .object = TEXT("e1"),
            .kind = TEXT("laboratory"),
            .title_day = TEXT("2025-10-31"),
            .purpose = TEXT("care"),
            .bytes = i,
            .number_of_parts = 1,
        };
        record.request.bytes[0] = 0xAB;
        record.request.bytes[14] = (uint8_t)(i >> 8);
        record.request.bytes[15] = (uint8_t)i;
        CHECK(audit_append(place->audit, &record, NULL, &err));
        place->now_ms += 60000;
    }
}

/* All rows of a query, page by page; checks their order. */
static size_t count_rows(struct place *place, struct audit_index_query query,
                         size_t page_size)
{
    size_t total = 0;
    size_t count = page_size;
    query.count_max = page_size;
    while (count == page_size) {
        struct err err = {0};
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct audit_index_row *rows = NULL;
        bool is_listed =
            audit_index_list(place->store, &query, &arena, &rows, &count, &err);
        CHECK(is_listed);
        if (!is_listed)
            return 0;
        for (size_t i = 0; i < count; i++) {
            CHECK(rows[i].key.number > query.after.number);
            query.after = rows[i].key;
        }
        total += count;
    }
    return total;
}

static struct audit_index_query query_by(enum audit_index_by by, const char *value)
{
    return (struct audit_index_query){
        .by = by, .value = text_cstr(value), .until_ms = INT64_MAX};
}

static void rows_are_those_of_the_files(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    append_many(&place, 3);
    CHECK(audit_index_catch_up(place.index, &err));
    struct audit_index_query query = query_by(AUDIT_BY_PROVIDER, "f2");
    struct audit_index_row *rows = NULL;
    size_t count = 0;
    query.count_max = 10;
    CHECK(audit_index_list(place.store, &query, &arena, &rows, &count, &err));
    CHECK(count == 1 && rows[0].key.number == 3);
    CHECK(rows[0].key.at_ms == november + 60000 &&
          strcmp(rows[0].key.node, "centre") == 0);
    CHECK(text_is(rows[0].phase, "decision") && text_is(rows[0].event, "entry"));
    CHECK(text_is(rows[0].verdict, "deny") && text_is(rows[0].reason, "consent_missing"));
    CHECK(text_is(rows[0].request, "ab000000000000000000000000000001"));
    CHECK(text_is(rows[0].staff_id, "s1") && text_is(rows[0].name, "紬 花子"));
    CHECK(text_is(rows[0].profession, "doctor") && text_is(rows[0].facility_id, "f1"));
    CHECK(text_is(rows[0].facility_name, "つむぎ病院") && text_is(rows[0].person, "p1"));
    CHECK(text_is(rows[0].provider, "f2") && text_is(rows[0].local_number, "000123"));
    CHECK(text_is(rows[0].object, "e1") && text_is(rows[0].kind, "laboratory"));
    CHECK(text_is(rows[0].purpose, "care") && rows[0].day == day_from_date(2025, 10, 31));
    CHECK(rows[0].bytes == 1 && rows[0].number_of_parts == 1);
    place_remove(&place);
}

static void texts_that_need_escaping_are_indexed_as_they_are(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    const char *const names[] = {"\"name\":\"x\"", "a\\", "<&>\n", "紬\\\"", ",}{"};
    const size_t name_count = sizeof names / sizeof *names;
    place_open(&place);
    for (size_t i = 0; i < name_count; i++) {
        struct audit_record record = {
            .phase = AUDIT_EVENT,
            .event = "entry",
            .verdict = "done",
            .actor = {.staff_id = TEXT("s1"), .name = text_cstr(names[i])},
            .detail = TEXT("{\"staff\":\"s2\",\"bytes\":9}")};
        CHECK(audit_append(place.audit, &record, NULL, &err));
    }
    CHECK(audit_index_catch_up(place.index, &err));
    struct audit_index_query query = query_by(AUDIT_BY_STAFF, "s1");
    struct audit_index_row *rows = NULL;
    size_t count = 0;
    query.count_max = 10;
    CHECK(audit_index_list(place.store, &query, &arena, &rows, &count, &err));
    CHECK(count == name_count);
    for (size_t i = 0; i < count; i++) {
        CHECK(text_is(rows[i].name, names[i]) && rows[i].bytes == 0);
        CHECK(rows[i].key.at_ms == november && rows[i].day == DAY_NONE);
    }
    place_remove(&place);
}

static void lists_page_by_key(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    append_many(&place, RECORDS);
    CHECK(audit_index_catch_up(place.index, &err));
    CHECK(count_rows(&place, query_by(AUDIT_BY_FACILITY, "f0"), 100) == 434);
    CHECK(count_rows(&place, query_by(AUDIT_BY_FACILITY, "f0"), 1000) == 434);
    CHECK(count_rows(&place, query_by(AUDIT_BY_PROVIDER, "f0"), 433) == 433);
    CHECK(count_rows(&place, query_by(AUDIT_BY_PERSON, "p1"), 7) == RECORDS);
    CHECK(count_rows(&place, query_by(AUDIT_BY_STAFF, "s1"), 500) == RECORDS);
    CHECK(count_rows(&place,
                     query_by(AUDIT_BY_REQUEST, "ab000000000000000000000000000102"),
                     10) == 1);
    CHECK(count_rows(&place, query_by(AUDIT_BY_PERSON, "p2"), 10) == 0);
    CHECK(count_rows(&place, query_by(AUDIT_BY_PROVIDER, ""), 10) == 0);
    place_remove(&place);
}

static void a_time_span_limits_a_list(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    append_many(&place, 30);
    CHECK(audit_index_catch_up(place.index, &err));
    struct audit_index_query query = query_by(AUDIT_BY_PERSON, "p1");
    query.from_ms = november + 5 * 60000;
    query.until_ms = november + 15 * 60000;
    CHECK(count_rows(&place, query, 4) == 10);
    place_remove(&place);
}

static void the_index_follows_by_itself(void)
{
    struct place place;
    place_open(&place);
    append_many(&place, 20);
    size_t count = 0;
    for (int i = 0; i < 200 && count < 20; i++) {
        usleep(50000);
        count = count_rows(&place, query_by(AUDIT_BY_PERSON, "p1"), 100);
    }
    CHECK(count == 20);
    place_remove(&place);
}

static void a_new_start_goes_on_where_the_index_ended(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    for (int i = 0; i < 3; i++) {
        append_many(&place, 10);
        CHECK(i == 1 || audit_index_catch_up(place.index, &err));
        place.now_ms += 31LL * 24 * 3600 * 1000;
        append_many(&place, 10);
        close_all(&place);
        open_all(&place);
    }
    CHECK(audit_index_catch_up(place.index, &err));
    CHECK(count_rows(&place, query_by(AUDIT_BY_PERSON, "p1"), 13) == 60);
    place_remove(&place);
}

static void the_index_can_be_made_again(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    append_many(&place, 700);
    CHECK(audit_index_catch_up(place.index, &err));
    CHECK(audit_index_rebuild(place.index, &err));
    CHECK(count_rows(&place, query_by(AUDIT_BY_PERSON, "p1"), 1000) == 700);
    append_many(&place, 5);
    CHECK(audit_index_catch_up(place.index, &err));
    CHECK(count_rows(&place, query_by(AUDIT_BY_PERSON, "p1"), 1000) == 705);
    place_remove(&place);
}

static void an_index_that_is_ahead_of_the_files_is_told(void)
{
    struct place place;
    struct err err = {0};
    char name[128];
    place_open(&place);
    append_many(&place, 10);
    CHECK(audit_index_catch_up(place.index, &err));
    close_all(&place);
    snprintf(name, sizeof name, "%s/centre/2025-11.log", place.directory);
    CHECK(unlink(name) == 0);
    open_all(&place);
    CHECK(!audit_index_catch_up(place.index, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "audit_index_ahead") == 0);
    err_clear(&err);
    CHECK(audit_index_rebuild(place.index, &err));
    CHECK(count_rows(&place, query_by(AUDIT_BY_PERSON, "p1"), 10) == 0);
    place_remove(&place);
}

int main(void)
{
    RUN(rows_are_those_of_the_files);
    RUN(texts_that_need_escaping_are_indexed_as_they_are);
    RUN(lists_page_by_key);
    RUN(a_time_span_limits_a_list);
    RUN(the_index_follows_by_itself);
    RUN(a_new_start_goes_on_where_the_index_ended);
    RUN(the_index_can_be_made_again);
    RUN(an_index_that_is_ahead_of_the_files_is_told);
    return test_done();
}
