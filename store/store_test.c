// SPDX-License-Identifier: Apache-2.0
#include "store/store_things.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static void what_was_written_is_read(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    CHECK(count_things(store) == 1);
    store_close(store);
    store = open_place(&place);
    CHECK(count_things(store) == 1);
    store_close(store);
    store_testsite_remove(&place);
}

static bool write_values(struct store_session *session, void *context, struct err *err)
{
    struct id *id = context;
    static const uint8_t bytes[] = {0, 1, 0xFF, 0};
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "INSERT INTO thing (name, number, bytes, extra) VALUES (?1,?2,?3,?4)",
        err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, TEXT("紬"));
    store_bind_int(statement, 2, INT64_MIN);
    store_bind_bytes(statement, 3, span_of(bytes, sizeof bytes));
    store_bind_id(statement, 4, *id);
    if (!store_run(statement, err))
        return false;
    store_reset(statement);
    store_bind_text(statement, 1, (struct text){NULL, 0});
    store_bind_int(statement, 2, INT64_MAX);
    store_bind_bytes(statement, 3, (struct span){NULL, 0});
    store_bind_null(statement, 4);
    return store_run(statement, err);
}

static void check_first_row(struct store_statement *statement, struct id id)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct text text;
    struct span bytes;
    struct id found;
    CHECK(store_column_text(statement, 0, &arena, &text, &err) && text_is(text, "紬"));
    CHECK(store_column_int(statement, 1) == INT64_MIN);
    CHECK(store_column_bytes(statement, 2, &arena, &bytes, &err));
    CHECK(bytes.len == 4 && memcmp(bytes.at, "\0\1\xFF\0", 4) == 0);
    CHECK(store_column_id(statement, 3, &found, &err) && id_equal(found, id));
    CHECK(text_is(store_column_view(statement, 0), "紬"));
    CHECK(!store_column_is_null(statement, 3));
    /* a text that is no id */
    CHECK(!store_column_id(statement, 0, &found, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, "store_corrupt") == 0);
}

static void check_second_row(struct store_statement *statement)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct text text;
    struct span bytes;
    CHECK(!store_column_is_null(statement, 0) && !store_column_is_null(statement, 2));
    CHECK(store_column_text(statement, 0, &arena, &text, &err) && text.len == 0);
    CHECK(store_column_int(statement, 1) == INT64_MAX);
    CHECK(store_column_bytes(statement, 2, &arena, &bytes, &err) && bytes.len == 0);
    CHECK(store_column_is_null(statement, 3));
    CHECK(store_column_text(statement, 3, &arena, &text, &err) && text.len == 0);
    CHECK(store_column_int(statement, 3) == 0);
}

static void values_come_back_as_they_went_in(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct rand rand = rand_system();
    struct id id = id_new(&rand);
    CHECK(store_write(store, STORE_LIVE, write_values, &id, &err));
    {
        CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
        CLEANUP(store_finish)
        struct store_statement *statement = store_prepare(
            session, "SELECT name, number, bytes, extra FROM thing ORDER BY number",
            &err);
        bool has_row = false;
        CHECK(store_step(statement, &has_row, &err) && has_row);
        check_first_row(statement, id);
        CHECK(store_step(statement, &has_row, &err) && has_row);
        check_second_row(statement);
        CHECK(store_step(statement, &has_row, &err) && !has_row);
        CHECK(store_step(statement, &has_row, &err) && !has_row);
    }
    store_close(store);
    store_testsite_remove(&place);
}

static bool cannot_write(struct store *store)
{
    struct err err = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, "DELETE FROM thing", &err);
    return statement && !store_run(statement, &err) && err.kind == ERR_SYSTEM;
}

static void a_reader_cannot_write(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    CHECK(cannot_write(store));
    store_close(store);
    store_testsite_remove(&place);
}

static void a_reader_keeps_its_snapshot(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    {
        CLEANUP(store_read_end) struct store_session *old = store_read(store, &err);
        CHECK(add(store, "b", 2, &err));
        CHECK(count_things(store) == 2);
        CHECK(count_in(old) == 1);
        CHECK(add(store, "c", 3, &err));
        CHECK(count_in(old) == 1);
    }
    CHECK(count_things(store) == 3);
    store_close(store);
    store_testsite_remove(&place);
}

/* Handed over one after the other, waited for in the other order; one cannot be. */
static void work_can_be_handed_over_and_waited_for_later(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct thing first = {.name = "first", .number = 1};
    struct thing again = {.name = "first", .number = 2};
    struct thing third = {.name = "third", .number = 3};
    struct store_writing *one =
        store_write_begin(store, STORE_BACKFILL, add_thing, &first, &err);
    struct store_writing *two =
        store_write_begin(store, STORE_BACKFILL, add_thing, &again, &err);
    struct store_writing *three =
        store_write_begin(store, STORE_BACKFILL, add_thing, &third, &err);
    CHECK(one && two && three);
    CHECK(store_write_end(&three, &err) && !three);
    CHECK(!store_write_end(&two, &err) && err.kind == ERR_CONFLICT);
    err_clear(&err);
    CHECK(store_write_end(&one, &err));
    CHECK(count_things(store) == 2);
    store_close(store);
    store_testsite_remove(&place);
}

static void a_second_thing_of_one_name_is_a_conflict(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    CHECK(!add(store, "a", 2, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_unique") == 0);
    CHECK(count_things(store) == 1);
    store_close(store);
    store_testsite_remove(&place);
}

static bool add_or_pass(struct store_session *session, void *context, struct err *err)
{
    if (insert_thing(session, context, err))
        return true;
    bool is_conflict = err->kind == ERR_CONFLICT;
    err_clear(err);
    return is_conflict;
}

/* The database may have ended the transaction already: there is no going on. */
static void work_cannot_pass_over_a_conflict(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct thing thing = {.name = "a", .number = 7};
    CHECK(add(store, "a", 1, &err));
    CHECK(!store_write(store, STORE_LIVE, add_or_pass, &thing, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, "store_failed") == 0);
    err_clear(&err);
    CHECK(add(store, "b", 2, &err));
    CHECK(count_things(store) == 2);
    store_close(store);
    store_testsite_remove(&place);
}

static bool hide_fault(struct store_session *session, void *context, struct err *err)
{
    struct thing *thing = context;
    if (!insert_thing(session, thing, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "UPDATE thing SET extra = ?1", err);
    store_bind_text(statement, 1, TEXT("forbidden"));
    struct err hidden = {0};
    CHECK(!store_run(statement, &hidden) && hidden.kind == ERR_SYSTEM);
    return true;
}

static void a_fault_that_work_passes_over_rolls_back_all_the_same(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct thing thing = {.name = "a", .number = 7};
    CHECK(!store_write(store, STORE_LIVE, hide_fault, &thing, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, "store_failed") == 0);
    CHECK(count_things(store) == 0);
    store_close(store);
    store_testsite_remove(&place);
}

static bool bad_sql(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, "SELECT FROM WHERE", err);
    return statement && store_run(statement, err);
}

/* Behind a fault nothing is prepared, and the first fault stays. */
static bool prepare_behind_a_fault(struct store_session *session, void *context,
                                   struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *before = store_prepare(session, "DELETE FROM thing", err);
    bool is_set = err_set(err, ERR_SYSTEM, "first", "the first fault");
    CLEANUP(store_finish)
    struct store_statement *known = store_prepare(session, "DELETE FROM thing", err);
    CLEANUP(store_finish)
    struct store_statement *new = store_prepare(session, "SELECT 1, 2, 3", err);
    CHECK(before && !known && !new &&strcmp(err->code, "first") == 0);
    return is_set;
}

static bool bad_parameter(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, "SELECT ?1", err);
    store_bind_int(statement, 2, 1);
    return store_run(statement, err);
}

static bool bad_reference(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "INSERT INTO part VALUES ('nobody', 1)", err);
    return statement && store_run(statement, err);
}

static void bad_statements_are_errors(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(!store_write(store, STORE_LIVE, bad_sql, NULL, &err));
    CHECK(err.kind == ERR_SYSTEM);
    err_clear(&err);
    CHECK(!store_write(store, STORE_LIVE, prepare_behind_a_fault, NULL, &err));
    CHECK(err.kind == ERR_SYSTEM);
    err_clear(&err);
    CHECK(!store_write(store, STORE_LIVE, bad_parameter, NULL, &err));
    CHECK(err.kind == ERR_SYSTEM);
    err_clear(&err);
    CHECK(!store_write(store, STORE_LIVE, bad_reference, NULL, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_reference") == 0);
    store_close(store);
    store_testsite_remove(&place);
}

static bool nest(struct store_session *session, void *context, struct err *err)
{
    int64_t *sum = context;
    static const char sql[] = "SELECT number FROM thing ORDER BY number";
    CLEANUP(store_finish)
    struct store_statement *outer = store_prepare(session, sql, err);
    bool has_outer = true;
    *sum = 0;
    while (outer && store_step(outer, &has_outer, err) && has_outer) {
        CLEANUP(store_finish)
        struct store_statement *inner = store_prepare(session, sql, err);
        bool has_inner = true;
        while (inner && store_step(inner, &has_inner, err) && has_inner)
            *sum += store_column_int(outer, 0) * store_column_int(inner, 0);
    }
    return err->kind == ERR_NONE;
}

static void one_statement_may_run_inside_itself(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 2, &err) && add(store, "b", 3, &err));
    int64_t sum = 0;
    CHECK(store_write(store, STORE_LIVE, nest, &sum, &err) && sum == 25);
    CHECK(store_write(store, STORE_LIVE, nest, &sum, &err) && sum == 25);
    store_close(store);
    store_testsite_remove(&place);
}

/* ---- several threads ---- */

enum { WRITERS = 8, READERS = 4, WRITES_EACH = 100 };

struct crew {
    struct store *store;
    atomic_int next;
    atomic_int good;
    atomic_int refused;
    atomic_int faults;
    atomic_bool is_over;
};

static void *write_many(void *self)
{
    struct crew *crew = self;
    for (int i = 0; i < WRITES_EACH; i++) {
        struct err err = {0};
        int number = atomic_fetch_add(&crew->next, 1);
        char name[20];
        snprintf(name, sizeof name, "%d", number);
        struct thing thing = {.name = name, .number = number};
        thing.fails_afterwards = number % 5 == 0;
        enum store_lane lane = number % 2 ? STORE_LIVE : STORE_BACKFILL;
        bool is_done = store_write(crew->store, lane, add_thing, &thing, &err);
        bool is_right =
            is_done != thing.fails_afterwards && (is_done || err.kind == ERR_REFUSED);
        atomic_fetch_add(
            is_right ? (is_done ? &crew->good : &crew->refused) : &crew->faults, 1);
    }
    return NULL;
}

static bool sums_agree(struct store *store)
{
    struct err err = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    if (!session)
        return false;
    int64_t before = count_in(session);
    return before == count_in(session);
}

static void *read_many(void *self)
{
    struct crew *crew = self;
    while (!atomic_load(&crew->is_over))
        if (!sums_agree(crew->store))
            atomic_fetch_add(&crew->faults, 1);
    return NULL;
}

static void writers_and_readers_work_side_by_side(void)
{
    struct store_testsite place = store_testsite_new();
    struct crew crew = {.store = open_place(&place)};
    pthread_t writers[WRITERS];
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_create(&readers[i], NULL, read_many, &crew) == 0);
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&writers[i], NULL, write_many, &crew) == 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&crew.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    CHECK(atomic_load(&crew.faults) == 0);
    CHECK(atomic_load(&crew.refused) == WRITERS * WRITES_EACH / 5);
    CHECK(count_things(crew.store) == atomic_load(&crew.good));
    store_close(crew.store);
    store_testsite_remove(&place);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_inside;
    bool is_open;
};

static bool wait_at_gate(struct store_session *session, void *context, struct err *err)
{
    struct gate *gate = context;
    (void)session;
    (void)err;
    pthread_mutex_lock(&gate->lock);
    gate->is_inside = true;
    pthread_cond_broadcast(&gate->opened);
    while (!gate->is_open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return true;
}

struct order {
    struct store *store;
    struct gate *gate;
    enum store_lane lane;
    atomic_int *clock;
    int place;
};

static bool take_place(struct store_session *session, void *context, struct err *err)
{
    struct order *order = context;
    (void)session;
    (void)err;
    order->place = atomic_fetch_add(order->clock, 1);
    return true;
}

static void *stand_in_line(void *self)
{
    struct order *order = self;
    struct err err = {0};
    CHECK(store_write(order->store, order->lane, take_place, order, &err));
    return NULL;
}

static void *hold_writer(void *self)
{
    struct order *order = self;
    struct err err = {0};
    CHECK(store_write(order->store, STORE_LIVE, wait_at_gate, order->gate, &err));
    return NULL;
}

static void live_work_goes_before_backfill(void)
{
    struct store_testsite place = store_testsite_new();
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
                        false};
    atomic_int clock = 0;
    struct order orders[6];
    pthread_t threads[7];
    struct order holder = {.store = open_place(&place), .gate = &gate};
    CHECK(pthread_create(&threads[6], NULL, hold_writer, &holder) == 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.is_inside)
        pthread_cond_wait(&gate.opened, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < 6; i++) {
        orders[i] = (struct order){.store = holder.store,
                                   .lane = i < 3 ? STORE_BACKFILL : STORE_LIVE,
                                   .clock = &clock};
        CHECK(pthread_create(&threads[i], NULL, stand_in_line, &orders[i]) == 0);
    }
    while (store_read_meters(holder.store).waiting < 6)
        sched_yield();
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < 7; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        CHECK(orders[i].place >= 3 && orders[i + 3].place < 3);
    store_close(holder.store);
    store_testsite_remove(&place);
}

/* ---- readers ---- */

static void read_at_once(struct store *store, int count)
{
    struct store_session *sessions[8] = {0};
    struct err err = {0};
    CHECK(count <= 8);
    for (int i = 0; i < count; i++)
        CHECK((sessions[i] = store_read(store, &err)) != NULL);
    for (int i = 0; i < count; i++)
        store_read_end(&sessions[i]);
}

static void readers_stay_open_for_the_next(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    read_at_once(store, 5);
    CHECK(store_read_meters(store).readers == 5);
    for (int i = 0; i < 100; i++)
        read_at_once(store, 1);
    CHECK(store_read_meters(store).readers == 5);
    store_close(store);
    store_testsite_remove(&place);
}

/* Reading goes on, one at a time: the others were needed for a moment only. */
static void readers_that_nobody_needs_any_more_are_closed(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    store_keep_readers(store, 1);
    read_at_once(store, 5);
    struct clock clock = clock_system();
    int64_t until_ms = clock_monotonic_ms(&clock) + 10000;
    while (store_read_meters(store).readers > 1 && clock_monotonic_ms(&clock) < until_ms)
        read_at_once(store, 1);
    CHECK(store_read_meters(store).readers == 1);
    store_keep_readers(store, 60 * 1000); /* or a slow machine closes some again */
    read_at_once(store, 3);
    CHECK(store_read_meters(store).readers == 3);
    store_close(store);
    store_testsite_remove(&place);
}

/* ---- crashes ---- */

static void child_writes_until_killed(const char *file, int out)
{
    struct err err = {0};
    struct store *store = open_file(file, &err);
    for (int64_t number = 0; number >= 0; number++) {
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)number);
        if (!store || !add(store, name, number, &err) ||
            write(out, &number, sizeof number) != sizeof number)
            _exit(1);
    }
    _exit(1);
}

static void what_was_acknowledged_survives_kill_9(void)
{
    struct store_testsite place = store_testsite_new();
    for (int round = 0; round < 5; round++) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        char name[24];
        snprintf(name, sizeof name, "round%d", round);
        store_testsite_locate(place.location, place.directory, name);
        pid_t child = fork();
        if (child == 0)
            child_writes_until_killed(place.location, ends[1]);
        close(ends[1]);
        int64_t number = -1;
        for (int i = 0; i < 10 + round * 7; i++)
            CHECK(read(ends[0], &number, sizeof number) == sizeof number);
        kill(child, SIGKILL);
        while (read(ends[0], &number, sizeof number) == sizeof number) {
        }
        waitpid(child, NULL, 0);
        close(ends[0]);
        struct store *store = open_place(&place);
        CHECK(count_things(store) >= number + 1 && count_things(store) <= number + 2);
        store_close(store);
    }
    store_testsite_remove(&place);
}

int main(void)
{
    RUN(what_was_written_is_read);
    RUN(values_come_back_as_they_went_in);
    RUN(a_reader_cannot_write);
    RUN(a_reader_keeps_its_snapshot);
    RUN(work_can_be_handed_over_and_waited_for_later);
    RUN(a_second_thing_of_one_name_is_a_conflict);
    RUN(work_cannot_pass_over_a_conflict);
    RUN(a_fault_that_work_passes_over_rolls_back_all_the_same);
    RUN(bad_statements_are_errors);
    RUN(one_statement_may_run_inside_itself);
    RUN(writers_and_readers_work_side_by_side);
    RUN(live_work_goes_before_backfill);
    RUN(readers_stay_open_for_the_next);
    RUN(readers_that_nobody_needs_any_more_are_closed);
    RUN(what_was_acknowledged_survives_kill_9);
    return test_done();
}
