// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/rand.h"
#include "exchange/registry/registry_sheet.h"
#include "store/migrations.h"
#include "store/store.h"
#include "store/store_testsite.h"

enum { RECORD = 7, SEEN_BYTES = 16 << 20 };

struct place {
    struct store_testsite site;
    struct store *store;
};

static struct place place_open(void)
{
    struct err err = {0};
    struct place place = {.site = store_testsite_new()};
    struct store_config config = {place.site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    place.store = store_open(&config, &err);
    CHECK(place.store);
    return place;
}

static void place_close(struct place *place)
{
    store_close(place->store);
    store_testsite_remove(&place->site);
}

/* ---- what another program might write ---- */

struct change {
    const char *sql;
    int64_t number; /* makes the entry's id */
    int64_t day;
    int64_t kind;
    struct text title;
};

static bool run_change(struct store_session *session, void *context, struct err *err)
{
    const struct change *change = context;
    struct id entry = {{(uint8_t)(change->number >> 8), (uint8_t)change->number, 1}};
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, change->sql, err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, entry);
    if (change->title.at) {
        store_bind_int(statement, 2, RECORD);
        store_bind_int(statement, 3, change->day);
        store_bind_int(statement, 4, change->kind);
        store_bind_text(statement, 5, change->title);
    }
    return store_run(statement, err);
}

static void make(struct place *place, const struct change *change)
{
    struct err err = {0};
    struct change copy = *change;
    CHECK(store_write(place->store, STORE_LIVE, run_change, &copy, &err));
}

static const char insert[] =
    "INSERT INTO registry_entry (record, day, kind, entry, source_key, version, state, "
    "flags, end_day, is_open, title, department_code, department, author, time, "
    "order_number, visible_at, change) VALUES (?2, ?3, ?4, ?1, 'k', "
    "'202604010900000001', 0, 5, 0, 0, ?5, '01', '', '', '', '', 1700000000000, 1)";

static void put(struct place *place, int64_t number, int64_t day, int64_t kind)
{
    struct change change = {insert, number, day, kind, TEXT("採血\n\"<1>\"")};
    make(place, &change);
}

/* ---- what is seen ---- */

struct seen {
    struct buf rows;
    size_t count;
    size_t max; /* 0 = all */
};

static bool see(void *context, struct registry_row_value *row, bool *goes_on,
                struct err *err)
{
    struct seen *seen = context;
    (void)err;
    registry_put_mark(&seen->rows, row);
    *goes_on = ++seen->count != seen->max;
    return true;
}

static struct seen walk_record(struct place *place, int64_t record, int32_t from,
                               int32_t to, size_t max)
{
    struct err err = {0};
    struct seen seen = {buf_init(SEEN_BYTES), 0, max};
    struct registry_walk way = {record, from, to, 2, see, &seen, NULL, 0};
    CLEANUP(store_read_end)
    struct store_session *session = store_read(place->store, &err);
    CHECK(session && registry_sheets_prepared(session, &way.prepared, &err));
    CHECK(registry_walk_rows(session, &way, &err));
    CHECK(buf_check(&seen.rows, &err));
    return seen;
}

static struct seen walk(struct place *place, int32_t from, int32_t to, size_t max)
{
    return walk_record(place, RECORD, from, to, max);
}

static int64_t ask(struct place *place, const char *sql)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(place->store, &err);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, &err);
    CHECK(statement && store_step(statement, &has_row, &err) && has_row);
    return store_column_int(statement, 0);
}

static int64_t void_sheets(struct place *place)
{
    return ask(place, "SELECT count(*) FROM registry_sheet WHERE marks IS NULL");
}

static void renew(struct place *place)
{
    struct err err = {0};
    bool has_more = true;
    while (has_more)
        CHECK(registry_sheets_renew(place->store, &has_more, &err));
    CHECK(void_sheets(place) == 0);
}

/* From the rows and from the sheets it is the same, and so many. */
static bool is_seen_twice(struct place *place, int32_t from, int32_t to, size_t count)
{
    struct seen before = walk(place, from, to, 0);
    renew(place);
    struct seen after = walk(place, from, to, 0);
    bool is_same = span_equal(buf_view(&before.rows), buf_view(&after.rows)) &&
                   before.count == count && after.count == count;
    buf_free(&before.rows);
    buf_free(&after.rows);
    return is_same;
}

/* ---- marks ---- */

static void a_mark_says_what_was_put(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct registry_row_value row = {.entry = {{1, 2, 3}},
                                     .day = -5,
                                     .kind = ENTRY_LABORATORY,
                                     .state = 100,
                                     .flags = 129,
                                     .visible_at_ms = -1,
                                     .version = TEXT("v"),
                                     .department_code = TEXT(""),
                                     .title = TEXT("血液")};
    registry_put_mark(&out, &row);
    registry_put_mark(&out, &row);
    struct span rest = buf_view(&out);
    for (int i = 0; i < 2; i++) {
        struct registry_row_value back;
        CHECK(registry_take_mark(&rest, &back));
        CHECK(id_equal(back.entry, row.entry) && back.day == -5 && back.state == 100);
        CHECK(back.kind == ENTRY_LABORATORY && back.flags == 129);
        CHECK(back.visible_at_ms == -1 && !back.is_new && text_is(back.version, "v"));
        CHECK(back.department_code.len == 0 && text_is(back.title, "血液"));
    }
    CHECK(rest.len == 0);
}

static void a_piece_of_a_mark_is_none(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct registry_row_value row = {.version = TEXT("v"), .title = TEXT("t")};
    registry_put_mark(&out, &row);
    for (size_t len = 0; len < out.len; len++) {
        struct span piece = span_part(buf_view(&out), 0, len);
        CHECK(!registry_take_mark(&piece, &row));
    }
}

/* ---- sheets ---- */

static void rows_and_sheets_say_the_same(void)
{
    struct place place = place_open();
    put(&place, 1, DAY_NONE, ENTRY_PATIENT);
    put(&place, 2, -40, ENTRY_LABORATORY);
    for (int32_t day = 20000; day < 20100; day++)
        put(&place, day, day, ENTRY_PRESCRIPTION);
    put(&place, 3, 20050, ENTRY_ADMISSION);
    CHECK(void_sheets(&place) > 0);
    CHECK(is_seen_twice(&place, DAY_NONE, INT32_MAX, 103));
    CHECK(is_seen_twice(&place, DAY_NONE, DAY_NONE, 1));
    CHECK(is_seen_twice(&place, DAY_NONE + 1, 19999, 1));
    CHECK(is_seen_twice(&place, 20010, 20059, 51));
    CHECK(is_seen_twice(&place, 20100, 20200, 0));
    place_close(&place);
}

static void any_change_is_seen_at_once(void)
{
    struct place place = place_open();
    const struct change changes[] = {
        {"UPDATE registry_entry SET state = 100, title = '' WHERE entry = ?1",
         .number = 1},
        {"UPDATE registry_entry SET day = day + 40 WHERE entry = ?1", .number = 2},
        {"DELETE FROM registry_entry WHERE entry = ?1", .number = 3},
        {insert, 4, 20000, ENTRY_VISIT, TEXT("")},
    };
    const size_t counts[] = {3, 3, 2, 3};
    for (int64_t number = 1; number <= 3; number++)
        put(&place, number, 20000, ENTRY_LABORATORY);
    CHECK(is_seen_twice(&place, 20000, 20040, 3));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct seen before = walk(&place, 20000, 20040, 0);
        make(&place, &changes[i]);
        struct seen after = walk(&place, 20000, 20040, 0);
        CHECK(!span_equal(buf_view(&before.rows), buf_view(&after.rows)));
        CHECK(void_sheets(&place) > 0);
        CHECK(is_seen_twice(&place, 20000, 20040, counts[i]));
        buf_free(&before.rows);
        buf_free(&after.rows);
    }
    place_close(&place);
}

static void a_sheet_that_lost_all_its_rows_stays_empty(void)
{
    struct place place = place_open();
    struct change delete = {"DELETE FROM registry_entry WHERE entry = ?1", .number = 1};
    put(&place, 1, 20000, ENTRY_LABORATORY);
    renew(&place);
    make(&place, &delete);
    CHECK(is_seen_twice(&place, DAY_NONE, INT32_MAX, 0));
    CHECK(ask(&place, "SELECT count(*) FROM registry_sheet") == 1);
    place_close(&place);
}

static void who_has_seen_enough_is_shown_no_more(void)
{
    struct place place = place_open();
    for (int32_t i = 0; i < 200; i++)
        put(&place, i, 20000 + i, ENTRY_LABORATORY);
    for (int round = 0; round < 2; round++) {
        for (size_t max = 1; max < 100; max += 33) {
            struct seen seen = walk(&place, 20001, INT32_MAX, max);
            CHECK(seen.count == max);
            buf_free(&seen.rows);
        }
        renew(&place);
    }
    place_close(&place);
}

static void many_sheets_are_written_piece_by_piece(void)
{
    struct place place = place_open();
    struct err err = {0};
    bool has_more = false;
    for (int32_t i = 0; i < 300; i++)
        put(&place, i, 20000 + 32 * i, ENTRY_LABORATORY);
    CHECK(void_sheets(&place) == 300);
    CHECK(registry_sheets_renew(place.store, &has_more, &err) && has_more);
    CHECK(void_sheets(&place) > 0 && void_sheets(&place) < 300);
    CHECK(is_seen_twice(&place, DAY_NONE, INT32_MAX, 300));
    CHECK(registry_sheets_renew(place.store, &has_more, &err) && !has_more);
    place_close(&place);
}

/* A record with so many entries keeps no other from its sheets. */
static void a_sheet_that_would_be_too_large_is_read_from_its_rows(void)
{
    enum { ROWS = 4800, TITLE_BYTES = 1000 };
    static char title[TITLE_BYTES + 1];
    struct place place = place_open();
    struct change many = {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4800) "
        "INSERT INTO registry_entry (record, day, kind, entry, source_key, version, "
        "state, flags, end_day, is_open, title, department_code, department, author, "
        "time, order_number, visible_at, change) SELECT ?2, ?3, ?4, substr(?1, 1, 20) || "
        "CAST (100000000000 + i AS TEXT), 'k', '202604010900000001', 0, 5, 0, 0, ?5, "
        "'01', '', '', '', '', 1700000000000, 1 FROM n",
        9, 20000, ENTRY_LABORATORY, text_cstr(title)};
    memset(title, 'x', TITLE_BYTES);
    many.title = text_cstr(title);
    make(&place, &many);
    put(&place, 1, 21000, ENTRY_VISIT);
    renew(&place);
    struct seen after = walk(&place, 20000, 21000, 0);
    CHECK(after.count == ROWS + 1);
    buf_free(&after.rows);
    put(&place, 2, 20001, ENTRY_VISIT);
    CHECK(void_sheets(&place) == 1);
    after = walk(&place, 20000, 21000, 0);
    CHECK(after.count == ROWS + 2);
    buf_free(&after.rows);
    place_close(&place);
}

/* A void sheet's rows would be of a later moment than the other sheets. */
static void what_is_read_once_is_read_from_sheets_alone(void)
{
    struct place place = place_open();
    put(&place, 1, 20000, 1);
    put(&place, 2, 20100, 1);
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        struct seen seen = {buf_init(SEEN_BYTES), 0, 0};
        struct registry_walk way = {RECORD, 0, 30000, 2, see, &seen, NULL, 0};
        CLEANUP(store_read_end)
        struct store_session *session = store_read_once(place.store, &err);
        CHECK(session && registry_sheets_prepared(session, &way.prepared, &err));
        CHECK(registry_walk_ask(session, &way, &err));
        bool is_whole = registry_walk_rows(session, &way, &err);
        bool is_once = store_is_once(session);
        CHECK(is_once == store_testsite_is_postgres());
        /* nor does one go tell that there are no more than two */
        CHECK(is_whole == !is_once);
        CHECK(is_whole || strcmp(err.code, "read_again") == 0);
        CHECK(seen.count == (is_whole || i == 1 ? 2 : 0));
        buf_free(&seen.rows);
        store_read_end(&session);
        renew(&place);
    }
    place_close(&place);
}

/* A server's rows of more than 2 kB would go to pieces, each searched for by itself. */
static void a_busy_months_sheet_lies_in_its_row(void)
{
    struct place place = place_open();
    for (int i = 0; i < 80; i++)
        put(&place, i + 1, 20000 + i % 16, 1);
    renew(&place);
    CHECK(ask(&place, "SELECT max(length(marks)) FROM registry_sheet") > 2048);
    if (store_testsite_is_postgres())
        CHECK(ask(&place, "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE "
                          "relname = 'registry_sheet'") == 0);
    place_close(&place);
}

static void a_damaged_sheet_is_told(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct seen seen = {buf_init(SEEN_BYTES), 0, 0};
    struct registry_walk way = {RECORD, 20000, 20000, 2, see, &seen, NULL, INT64_MAX};
    struct change damage = {"UPDATE registry_sheet SET marks = CAST('x' AS BYTEA) WHERE "
                            "CAST(?1 AS TEXT) <> ''",
                            .number = 1};
    put(&place, 1, 20000, ENTRY_LABORATORY);
    make(&place, &damage);
    CLEANUP(store_read_end) struct store_session *session = store_read(place.store, &err);
    CHECK(session && !registry_walk_rows(session, &way, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, "store_corrupt") == 0);
    store_read_end(&session);
    buf_free(&seen.rows);
    place_close(&place);
}

/* ---- an upgrade with data ---- */

enum { OLD_RECORDS = 40, OLD_DAYS = 250, OLD_STEP = 3 };

static struct store *open_with(const struct store_testsite *site, int below)
{
    struct err err = {0};
    struct store_migration some[128];
    size_t count = 0;
    CHECK(store_centre_migrations_count <= 128);
    for (size_t i = 0; i < store_centre_migrations_count; i++)
        if (store_centre_migrations[i].number < below)
            some[count++] = store_centre_migrations[i];
    struct store_config config = {site->location, some, count, NULL};
    struct store *store = store_open(&config, &err);
    CHECK(store);
    return store;
}

static bool fill_old(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < ?1), "
        "d (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM d WHERE i < ?2) "
        "INSERT INTO registry_entry (record, day, kind, entry, source_key, version, "
        "state, flags, end_day, is_open, title, department_code, department, author, "
        "time, order_number, visible_at, change) SELECT r.i, 18000 + d.i * ?3, 3, "
        "'00000000000000000000' || CAST (100000000000 + r.i * 1000 + d.i AS TEXT), 'k', "
        "'202604010900000001', 0, 5, 0, 0, 't', '01', '', '', '', '', 1700000000000, 1 "
        "FROM r CROSS JOIN d",
        err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, OLD_RECORDS);
    store_bind_int(statement, 2, OLD_DAYS);
    store_bind_int(statement, 3, OLD_STEP);
    return store_run(statement, err);
}

/* Of the first, one in the middle, the last: all rows, and those of a part of the days.
 */
static bool shows_all(struct place *place)
{
    const int64_t records[] = {1, OLD_RECORDS / 2, OLD_RECORDS};
    bool is_whole = true;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct seen all = walk_record(place, records[i], DAY_NONE, INT32_MAX, 0);
        struct seen part =
            walk_record(place, records[i], 18000 + OLD_STEP, 18000 + OLD_STEP * 100, 0);
        struct seen first = walk_record(place, records[i], DAY_NONE, INT32_MAX, 1);
        is_whole =
            is_whole && all.count == OLD_DAYS && part.count == 100 && first.count == 1;
        buf_free(&all.rows);
        buf_free(&part.rows);
        buf_free(&first.rows);
    }
    return is_whole;
}

static int64_t prepared(struct place *place)
{
    return ask(place, "SELECT record FROM registry_sheet_walk");
}

/* The sheets of what was there are made in pieces; each end may be the last before a
 * restart. */
static void an_upgrade_with_data_answers_before_its_sheets_are_made(void)
{
    struct err err = {0};
    struct place place = {.site = store_testsite_new()};
    bool has_more = true;
    int pieces = 0;
    place.store = open_with(&place.site, 71);
    CHECK(store_write(place.store, STORE_LIVE, fill_old, NULL, &err));
    store_close(place.store);
    place.store = open_with(&place.site, INT32_MAX);
    CHECK(ask(&place, "SELECT count(*) FROM registry_sheet") == 0);
    CHECK(prepared(&place) == 0 && shows_all(&place));
    while (has_more) {
        int64_t before = prepared(&place);
        CHECK(registry_sheets_renew(place.store, &has_more, &err) && shows_all(&place));
        pieces++;
        CHECK(!has_more || before == INT64_MAX || prepared(&place) > before);
        store_close(place.store);
        place.store = open_with(&place.site, INT32_MAX);
    }
    CHECK(pieces > 4 && prepared(&place) == INT64_MAX && shows_all(&place));
    CHECK(void_sheets(&place) == 0);
    CHECK(ask(&place, "SELECT count(*) FROM registry_sheet") ==
          ask(&place, "SELECT count(DISTINCT record * 134217728 + (day + 2147483648) / "
                      "32) FROM registry_entry"));
    place_close(&place);
}

static void what_comes_while_sheets_are_made_is_shown(void)
{
    struct err err = {0};
    struct place place = {.site = store_testsite_new()};
    bool has_more = false;
    place.store = open_with(&place.site, 71);
    CHECK(store_write(place.store, STORE_LIVE, fill_old, NULL, &err));
    store_close(place.store);
    place.store = open_with(&place.site, INT32_MAX);
    CHECK(registry_sheets_renew(place.store, &has_more, &err) && has_more);
    put(&place, 1, 17000, ENTRY_LABORATORY); /* its record is made */
    struct seen seen = walk(&place, DAY_NONE, INT32_MAX, 0);
    CHECK(prepared(&place) > RECORD && seen.count == OLD_DAYS + 1);
    buf_free(&seen.rows);
    renew(&place);
    seen = walk(&place, DAY_NONE, INT32_MAX, 0);
    CHECK(seen.count == OLD_DAYS + 1);
    buf_free(&seen.rows);
    place_close(&place);
}

int main(void)
{
    RUN(a_mark_says_what_was_put);
    RUN(a_piece_of_a_mark_is_none);
    RUN(rows_and_sheets_say_the_same);
    RUN(any_change_is_seen_at_once);
    RUN(a_sheet_that_lost_all_its_rows_stays_empty);
    RUN(who_has_seen_enough_is_shown_no_more);
    RUN(many_sheets_are_written_piece_by_piece);
    RUN(a_sheet_that_would_be_too_large_is_read_from_its_rows);
    RUN(what_is_read_once_is_read_from_sheets_alone);
    RUN(a_busy_months_sheet_lies_in_its_row);
    RUN(a_damaged_sheet_is_told);
    RUN(an_upgrade_with_data_answers_before_its_sheets_are_made);
    RUN(what_comes_while_sheets_are_made_is_shown);
    return test_done();
}
