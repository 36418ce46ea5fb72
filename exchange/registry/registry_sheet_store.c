// SPDX-License-Identifier: Apache-2.0
#include "exchange/registry/registry_sheet.h"

#include <pthread.h>
#include <time.h>

#include "base/memory.h"
#include "store/store.h"

enum {
    RENEW_S = 1,
    SHEETS_AT_ONCE = 128,      /* renewed in one piece, */
    PIECE_BYTES = 256 * 1024,  /* or about so much */
    SHEET_BYTES_MAX = 4 << 20, /* some 40,000 entries in 32 days */
    WALK_ROWS = 2000           /* gone through in one piece after an upgrade */
};

/* ---- places: as 0071_sheet.sql reckons them ---- */

#define DAYS_OF_SHEET 32
#define SHEETS_OF_RECORD (INT64_C(1) << 27)

static int64_t sheet_of_day(int64_t day)
{
    return (day - INT32_MIN) / DAYS_OF_SHEET;
}

static int64_t place_of(int64_t record, int32_t day)
{
    return record * SHEETS_OF_RECORD + sheet_of_day(day);
}

static int64_t first_day_of(int64_t place)
{
    return place % SHEETS_OF_RECORD * DAYS_OF_SHEET + INT32_MIN;
}

/* The rows that belong on a sheet, in its order. */
static struct store_statement *ask_rows(struct store_session *session, int64_t place,
                                        struct err *err)
{
    struct store_statement *rows = store_prepare(
        session,
        "SELECT entry, day, kind, state, flags, visible_at, version, department_code, "
        "title FROM registry_entry WHERE record = ?1 AND day >= ?2 AND day <= ?3 "
        "ORDER BY day, kind, entry",
        err);
    if (!rows)
        return NULL;
    store_bind_int(rows, 1, place / SHEETS_OF_RECORD);
    store_bind_int(rows, 2, first_day_of(place));
    store_bind_int(rows, 3, first_day_of(place) + DAYS_OF_SHEET - 1);
    return rows;
}

static bool take_row(struct store_statement *rows, struct registry_row_value *row,
                     struct err *err)
{
    *row = (struct registry_row_value){
        .day = (int32_t)store_column_int(rows, 1),
        .kind = (enum entry_kind)store_column_int(rows, 2),
        .state = (int)store_column_int(rows, 3),
        .flags = (unsigned)store_column_int(rows, 4),
        .visible_at_ms = store_column_int(rows, 5),
        .version = store_column_view(rows, 6),
        .department_code = store_column_view(rows, 7),
        .title = store_column_view(rows, 8),
    };
    return store_column_id(rows, 0, &row->entry, err);
}

/* ---- reading ---- */

static bool see(const struct registry_walk *walk, struct registry_row_value *row,
                bool *goes_on, struct err *err)
{
    return row->day < walk->from || row->day > walk->to ||
           walk->see(walk->context, row, goes_on, err);
}

static bool see_marks(const struct registry_walk *walk, struct span marks, bool *goes_on,
                      struct err *err)
{
    while (*goes_on && marks.len > 0) {
        struct registry_row_value row;
        if (!registry_take_mark(&marks, &row))
            return err_set(err, ERR_SYSTEM, "store_corrupt", "a sheet is none");
        if (!see(walk, &row, goes_on, err))
            return false;
    }
    return true;
}

/* What follows belongs to what was read before. */
static bool may_go_on(const struct store_session *session, struct err *err)
{
    return !store_is_once(session) ||
           err_set(err, ERR_BUSY, "read_again", "not all of it is on sheets");
}

static bool see_rows(struct store_session *session, int64_t place,
                     const struct registry_walk *walk, bool *goes_on, struct err *err)
{
    bool has_row = false;
    if (!may_go_on(session, err))
        return false;
    CLEANUP(store_finish) struct store_statement *rows = ask_rows(session, place, err);
    while (rows && *goes_on && store_step(rows, &has_row, err) && has_row) {
        struct registry_row_value row;
        if (!take_row(rows, &row, err) || !see(walk, &row, goes_on, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

/* In the place of a sheet that would be too large: its rows are read. No mark is one byte
 * long. */
static const uint8_t too_large[] = {0};

static bool is_too_large(struct span marks)
{
    return span_equal(marks, span_of(too_large, sizeof too_large));
}

/* So many sheets from a place on. */
static struct store_statement *ask_sheets(struct store_session *session,
                                          const struct registry_walk *walk, int64_t place,
                                          struct err *err)
{
    struct store_statement *sheets = store_prepare(
        session,
        "SELECT place, marks FROM registry_sheet WHERE place >= ?1 AND place <= ?2 "
        "ORDER BY place LIMIT ?3",
        err);
    if (!sheets)
        return NULL;
    store_bind_int(sheets, 1, place);
    store_bind_int(sheets, 2, place_of(walk->record, walk->to));
    store_bind_int(sheets, 3, walk->sheets_at_once);
    return sheets;
}

/* `place` is then behind the last. */
static bool see_sheets(struct store_session *session, const struct registry_walk *walk,
                       struct store_statement *sheets, int64_t *place, bool *goes_on,
                       struct err *err)
{
    bool has_row = false;
    int64_t count = 0;
    int64_t last = place_of(walk->record, walk->to);
    while (*goes_on && store_step(sheets, &has_row, err) && has_row) {
        *place = store_column_int(sheets, 0);
        struct span marks = store_column_bytes_view(sheets, 1);
        bool is_written = !store_column_is_null(sheets, 1) && !is_too_large(marks);
        bool is_seen = is_written ? see_marks(walk, marks, goes_on, err)
                                  : see_rows(session, *place, walk, goes_on, err);
        if (!is_seen)
            return false;
        ++*place;
        count++;
    }
    *goes_on = *goes_on && count == walk->sheets_at_once && *place <= last;
    return err->kind == ERR_NONE;
}

static bool has_sheets(const struct registry_walk *walk)
{
    return walk->record < walk->prepared;
}

/* The next day with rows. */
static bool find_day(struct store_session *session, const struct registry_walk *walk,
                     int64_t from, int64_t *day, bool *has_one, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT day FROM registry_entry WHERE record = ?1 AND day >= ?2 AND day <= ?3 "
        "ORDER BY day LIMIT 1",
        err);
    if (!find)
        return false;
    store_bind_int(find, 1, walk->record);
    store_bind_int(find, 2, from);
    store_bind_int(find, 3, walk->to);
    if (!store_step(find, has_one, err))
        return false;
    *day = *has_one ? store_column_int(find, 0) : 0;
    return true;
}

/* As if each were void. */
static bool walk_without_sheets(struct store_session *session,
                                const struct registry_walk *walk, struct err *err)
{
    int64_t from = walk->from;
    int64_t day = 0;
    bool has_one = false;
    bool goes_on = may_go_on(session, err);
    while (goes_on && from <= walk->to) {
        if (!find_day(session, walk, from, &day, &has_one, err))
            return false;
        if (!has_one)
            break;
        int64_t place = place_of(walk->record, (int32_t)day);
        if (!see_rows(session, place, walk, &goes_on, err))
            return false;
        from = first_day_of(place) + DAYS_OF_SHEET;
    }
    return err->kind == ERR_NONE;
}

bool registry_walk_ask(struct store_session *session, struct registry_walk *walk,
                       struct err *err)
{
    int64_t place = place_of(walk->record, walk->from);
    if (!has_sheets(walk))
        return true;
    walk->asked = ask_sheets(session, walk, place, err);
    if (walk->asked)
        store_ask(walk->asked);
    return walk->asked != NULL;
}

void registry_walk_end(struct registry_walk *walk)
{
    store_finish(&walk->asked);
}

bool registry_walk_rows(struct store_session *session, struct registry_walk *walk,
                        struct err *err)
{
    int64_t place = place_of(walk->record, walk->from);
    bool goes_on = true;
    if (!has_sheets(walk))
        return walk_without_sheets(session, walk, err);
    while (goes_on) {
        if (!walk->asked && may_go_on(session, err))
            walk->asked = ask_sheets(session, walk, place, err);
        bool is_seen =
            walk->asked && see_sheets(session, walk, walk->asked, &place, &goes_on, err);
        registry_walk_end(walk);
        if (!is_seen)
            return false;
    }
    return true;
}

/* ---- making what is missing after an upgrade ---- */

struct row_place {
    int64_t record;
    int64_t day;
};

static bool read_prepared(struct store_session *session, struct row_place *place,
                          struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT record, day FROM registry_sheet_walk WHERE one = 1", err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "the sheets' place is missing");
    *place = (struct row_place){store_column_int(find, 0), store_column_int(find, 1)};
    return true;
}

bool registry_sheets_prepared(struct store_session *session, int64_t *record,
                              struct err *err)
{
    struct row_place place;
    if (!read_prepared(session, &place, err))
        return false;
    *record = place.record;
    return true;
}

/* The last of the next rows; what is left of its day belongs on the same sheet. */
static bool find_end(struct store_session *session, const struct row_place *from,
                     struct row_place *end, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT record, day FROM registry_entry WHERE (record, day) > (?1, ?2) "
        "ORDER BY record, day LIMIT 1 OFFSET ?3",
        err);
    if (!find)
        return false;
    store_bind_int(find, 1, from->record);
    store_bind_int(find, 2, from->day);
    store_bind_int(find, 3, WALK_ROWS - 1);
    if (!store_step(find, &has_row, err))
        return false;
    *end = (struct row_place){INT64_MAX, 0};
    if (has_row)
        *end = (struct row_place){store_column_int(find, 0), store_column_int(find, 1)};
    return true;
}

static bool make_sheets(struct store_session *session, const struct row_place *from,
                        struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *make = store_prepare(
        session,
        "INSERT INTO registry_sheet (place, marks) SELECT DISTINCT record * 134217728 + "
        "(day + 2147483648) / 32, CAST(NULL AS BYTEA) FROM (SELECT record, day FROM "
        "registry_entry WHERE (record, day) > (?1, ?2) ORDER BY record, day LIMIT ?3) AS "
        "next_rows WHERE record > 0 ON CONFLICT (place) DO NOTHING",
        err);
    if (!make)
        return false;
    store_bind_int(make, 1, from->record);
    store_bind_int(make, 2, from->day);
    store_bind_int(make, 3, WALK_ROWS);
    return store_run(make, err);
}

static bool keep_prepared(struct store_session *session, const struct row_place *place,
                          struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session, "UPDATE registry_sheet_walk SET record = ?1, day = ?2 WHERE one = 1",
        err);
    if (!keep)
        return false;
    store_bind_int(keep, 1, place->record);
    store_bind_int(keep, 2, place->day);
    return store_run(keep, err);
}

/* The place is kept in the same piece of writing, so whoever goes on, after a restart or
 * in another process, neither misses a row nor begins again. Rows that come meanwhile
 * bring their sheets themselves. */
static bool walk_some(struct store_session *session, void *context, struct err *err)
{
    struct row_place place;
    struct row_place end;
    bool *has_more = context;
    *has_more = false;
    if (!read_prepared(session, &place, err))
        return false;
    if (place.record == INT64_MAX)
        return true;
    *has_more = true;
    return find_end(session, &place, &end, err) && make_sheets(session, &place, err) &&
           keep_prepared(session, &end, err);
}

/* ---- renewing ---- */

struct renewing {
    int64_t places[SHEETS_AT_ONCE]; /* void ones */
    size_t count;
    size_t renewed;
    size_t bytes;
};

static bool find_void(struct store_session *session, struct renewing *work,
                      struct err *err)
{
    bool has_row = false;
    work->count = 0;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT place FROM registry_sheet WHERE marks IS NULL ORDER BY place LIMIT ?1",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, SHEETS_AT_ONCE);
    while (work->count < SHEETS_AT_ONCE && store_step(rows, &has_row, err) && has_row)
        work->places[work->count++] = store_column_int(rows, 0);
    return err->kind == ERR_NONE;
}

static bool collect_marks(struct store_session *session, int64_t place, struct buf *marks,
                          struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish) struct store_statement *rows = ask_rows(session, place, err);
    while (rows && store_step(rows, &has_row, err) && has_row) {
        struct registry_row_value row;
        if (!take_row(rows, &row, err))
            return false;
        registry_put_mark(marks, &row);
    }
    return err->kind == ERR_NONE && buf_check(marks, err);
}

/* Writes nothing new: whoever changes rows without taking turns with us, a person at the
 * database's own prompt, is waited for, or waits. */
static bool hold(struct store_session *session, int64_t place, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *touch = store_prepare(
        session,
        "UPDATE registry_sheet SET marks = NULL WHERE place = ?1 AND marks IS NULL", err);
    if (!touch)
        return false;
    store_bind_int(touch, 1, place);
    return store_run(touch, err);
}

static bool renew(struct store_session *session, int64_t place, size_t *bytes,
                  struct err *err)
{
    CLEANUP(buf_free) struct buf marks = buf_init(SHEET_BYTES_MAX);
    if (!hold(session, place, err))
        return false;
    if (!collect_marks(session, place, &marks, err)) {
        if (err->kind != ERR_LIMIT)
            return false;
        err_clear(err);
        buf_reset(&marks);
        buf_put(&marks, too_large, sizeof too_large);
    }
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session, "UPDATE registry_sheet SET marks = ?2 WHERE place = ?1", err);
    if (!keep)
        return false;
    store_bind_int(keep, 1, place);
    store_bind_bytes(keep, 2, buf_view(&marks));
    *bytes += marks.len;
    return store_run(keep, err);
}

/* Asked and answered in one piece of writing: nobody changes the rows in between. */
static bool renew_some(struct store_session *session, void *context, struct err *err)
{
    struct renewing *work = context;
    work->renewed = work->bytes = 0;
    if (!find_void(session, work, err))
        return false;
    while (work->renewed < work->count && work->bytes < PIECE_BYTES)
        if (!renew(session, work->places[work->renewed++], &work->bytes, err))
            return false;
    return true;
}

static bool find_work(struct store *store, bool *is_missing, bool *is_void,
                      struct err *err)
{
    struct renewing work;
    int64_t prepared = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read_late(store, err);
    if (!session || !registry_sheets_prepared(session, &prepared, err) ||
        !find_void(session, &work, err))
        return false;
    *is_missing = prepared != INT64_MAX;
    *is_void = work.count > 0;
    return true;
}

bool registry_sheets_renew(struct store *store, bool *has_more, struct err *err)
{
    struct renewing work = {.count = 0};
    bool is_missing = false;
    bool is_void = false;
    *has_more = false;
    if (!find_work(store, &is_missing, &is_void, err) ||
        (is_missing && !store_write(store, STORE_BACKFILL, walk_some, &is_missing, err)))
        return false;
    if ((is_void || is_missing) &&
        !store_write(store, STORE_BACKFILL, renew_some, &work, err))
        return false;
    *has_more = is_missing || work.renewed < work.count || work.count == SHEETS_AT_ONCE;
    return true;
}

/* ---- the thread ---- */

struct registry_sheets {
    struct store *store; /* borrowed */
    struct log log;
    bool has_log;
    pthread_mutex_t lock; /* guards is_closing */
    pthread_cond_t closing;
    bool is_closing;
    pthread_t thread;
    bool has_thread;
};

/* False when it is time to end. */
static bool wait_a_little(struct registry_sheets *sheets, int seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&sheets->lock);
    int waited = 0;
    while (!sheets->is_closing && waited == 0)
        waited = pthread_cond_timedwait(&sheets->closing, &sheets->lock, &until);
    bool is_closing = sheets->is_closing;
    pthread_mutex_unlock(&sheets->lock);
    return !is_closing;
}

static void *run_renewer(void *self)
{
    struct registry_sheets *sheets = self;
    bool was_failing = false;
    bool has_more = false;
    while (wait_a_little(sheets, has_more ? 0 : RENEW_S)) {
        struct err err = {0};
        bool is_failing = !registry_sheets_renew(sheets->store, &has_more, &err);
        if (is_failing && !was_failing && sheets->has_log)
            log_err(&sheets->log, "sheets_behind", &err);
        was_failing = is_failing;
        has_more = has_more && !is_failing;
    }
    return NULL;
}

struct registry_sheets *registry_sheets_open(struct store *store, const struct log *log,
                                             struct err *err)
{
    struct registry_sheets *sheets = memory_new(1, sizeof *sheets, err);
    if (!sheets)
        return NULL;
    sheets->store = store;
    sheets->has_log = log != NULL;
    if (log)
        sheets->log = *log;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&sheets->lock, NULL);
    pthread_cond_init(&sheets->closing, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sheets->has_thread = pthread_create(&sheets->thread, NULL, run_renewer, sheets) == 0;
    if (sheets->has_thread)
        return sheets;
    err_set(err, ERR_BUSY, "memory_short", "no thread for the sheets");
    registry_sheets_close(sheets);
    return NULL;
}

void registry_sheets_close(struct registry_sheets *sheets)
{
    if (!sheets)
        return;
    if (sheets->has_thread) {
        pthread_mutex_lock(&sheets->lock);
        sheets->is_closing = true;
        pthread_cond_signal(&sheets->closing);
        pthread_mutex_unlock(&sheets->lock);
        pthread_join(sheets->thread, NULL);
    }
    pthread_cond_destroy(&sheets->closing);
    pthread_mutex_destroy(&sheets->lock);
    memory_free(sheets);
}
