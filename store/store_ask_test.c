// SPDX-License-Identifier: Apache-2.0
/* Questions and rows that leave together, and readers that begin with their first
 * question. */
#include <pthread.h>

#include "store/store_things.h"

static struct store_statement *ask_number(struct store_session *session, const char *name,
                                          struct err *err)
{
    struct store_statement *statement =
        store_prepare(session, "SELECT number FROM thing WHERE name = ?1", err);
    if (!statement)
        return NULL;
    store_bind_text(statement, 1, text_cstr(name));
    store_ask(statement);
    return statement;
}

static bool has_number(struct store_statement *statement, int64_t number)
{
    struct err err = {0};
    bool has_row = false;
    return statement && store_step(statement, &has_row, &err) && has_row &&
           store_column_int(statement, 0) == number &&
           store_step(statement, &has_row, &err) && !has_row;
}

/* Whatever the order in which they are looked at, and if one never is. */
static void what_is_asked_ahead_is_one_wait(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err) && add(store, "b", 2, &err) &&
          add(store, "c", 3, &err));
    for (int i = 0; i < 4; i++) {
        struct store_meters before = store_read_meters(store);
        {
            CLEANUP(store_read_end)
            struct store_session *session = store_read_late(store, &err);
            CLEANUP(store_finish)
            struct store_statement *a = ask_number(session, "a", &err);
            CLEANUP(store_finish)
            struct store_statement *b = ask_number(session, "b", &err);
            CLEANUP(store_finish)
            struct store_statement *never = ask_number(session, "a", &err);
            CLEANUP(store_finish)
            struct store_statement *c = ask_number(session, "c", &err);
            store_finish(&never);
            CHECK(has_number(c, 3) && has_number(a, 1) && has_number(b, 2));
            CHECK(count_in(session) == 3);
        }
        struct store_meters after = store_read_meters(store);
        CHECK(after.statements - before.statements == 4);
        if (i > 1) /* at first they are prepared */
            CHECK(after.waits - before.waits == (store_testsite_is_postgres() ? 2 : 0));
    }
    store_close(store);
    store_testsite_remove(&place);
}

static bool add_ten(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "UPDATE thing SET number = number + 10", err);
    return statement && store_run(statement, err);
}

/* Questions that leave together see one moment, whoever writes meanwhile; on a server
 * nothing has to begin or to end for that. */
static void what_is_read_once_sees_one_moment(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err) && add(store, "b", 1, &err));
    for (int i = 0; i < 4; i++) {
        struct store_meters before = store_read_meters(store);
        {
            CLEANUP(store_read_end)
            struct store_session *session = store_read_once(store, &err);
            CLEANUP(store_finish)
            struct store_statement *a = ask_number(session, "a", &err);
            CLEANUP(store_finish)
            struct store_statement *b = ask_number(session, "b", &err);
            CHECK(has_number(a, 1 + 10 * i));
            CHECK(store_write(store, STORE_LIVE, add_ten, NULL, &err));
            CHECK(has_number(b, 1 + 10 * i));
        }
        struct store_meters after = store_read_meters(store);
        if (i > 1 && !store_testsite_is_postgres())
            CHECK(after.waits == before.waits);
    }
    store_close(store);
    store_testsite_remove(&place);
}

/* A server is told what to do once and not with each value anew: a statement is planned
 * for all values that it will ever have. */
static void a_statement_has_one_plan_for_all_values(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    for (int i = 0; store_testsite_is_postgres() && i < 3; i++) {
        CLEANUP(store_read_end)
        struct store_session *session = store_read_once(store, &err);
        CLEANUP(store_finish) struct store_statement *a = ask_number(session, "a", &err);
        CHECK(has_number(a, 1));
        CLEANUP(store_finish)
        struct store_statement *plans = store_prepare(
            session,
            "SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements",
            &err);
        bool has_row = false;
        CHECK(plans && store_step(plans, &has_row, &err) && has_row);
        CHECK(store_column_int(plans, 0) == 0 && store_column_int(plans, 1) >= 1);
    }
    store_close(store);
    store_testsite_remove(&place);
}

/* More than leave together; each keeps its own answer. */
static void many_may_be_asked_ahead(void)
{
    enum { MANY = 80 };
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct store_statement *all[MANY];
    char names[MANY][16];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        CHECK(add(store, names[i], i, &err));
    }
    struct store_session *session = store_read_late(store, &err);
    CHECK(session);
    for (int i = 0; i < MANY; i++)
        all[i] = ask_number(session, names[i], &err);
    for (int i = MANY; i-- > 0;) {
        CHECK(has_number(all[i], i));
        store_finish(&all[i]);
    }
    store_read_end(&session);
    store_close(store);
    store_testsite_remove(&place);
}

static bool add_batch(struct store_session *session, void *context, struct err *err)
{
    const int *count = context;
    char names[STORE_BATCH_MAX * 3][16];
    CLEANUP(store_batch_close) struct store_batch batch;
    if (!store_batch_open(session, "INSERT INTO thing (name, number) VALUES (?1, ?2)",
                          &batch, err))
        return false;
    for (int i = 0; i < *count; i++) {
        struct store_statement *one = store_batch_next(&batch, err);
        if (!one)
            return false;
        snprintf(names[i], sizeof names[i], "b%d", i % 40); /* the 41st is there */
        store_bind_text(one, 1, text_cstr(names[i]));
        store_bind_int(one, 2, i);
    }
    return store_batch_run(&batch, err);
}

static void a_batch_is_written_whole_or_not_at_all(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    int count = 41;
    CHECK(!store_write(store, STORE_LIVE, add_batch, &count, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_unique") == 0);
    err_clear(&err);
    CHECK(count_things(store) == 0);
    count = 40;
    CHECK(store_write(store, STORE_LIVE, add_batch, &count, &err));
    CHECK(count_things(store) == 40);
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    {
        CLEANUP(store_finish)
        struct store_statement *last = ask_number(session, "b39", &err);
        CHECK(has_number(last, 39));
    }
    store_read_end(&session);
    store_close(store);
    store_testsite_remove(&place);
}

static void a_late_reader_sees_what_was_before_it_and_then_one_state(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    {
        CLEANUP(store_read_end) struct store_session *late = store_read_late(store, &err);
        CHECK(count_in(late) == 1);
        CHECK(add(store, "b", 2, &err));
        CHECK(count_in(late) == 1 && count_things(store) == 2);
    }
    CLEANUP(store_read_end) struct store_session *unused = store_read_late(store, &err);
    CHECK(unused != NULL);
    store_read_end(&unused);
    CHECK(count_things(store) == 2);
    store_close(store);
    store_testsite_remove(&place);
}

static void a_fault_among_what_was_asked_is_told_by_all_behind_it(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    for (int i = 0; i < 2; i++) {
        CLEANUP(store_read_end)
        struct store_session *session = store_read_late(store, &err);
        CLEANUP(store_finish)
        struct store_statement *bad = store_prepare(
            session, "SELECT CAST(abs(?1) AS BIGINT) FROM thing WHERE abs(?1) > 0", &err);
        bool has_row = false;
        CHECK(bad != NULL);
        store_bind_int(bad, 1, INT64_MIN); /* has no positive one: both refuse */
        store_ask(bad);
        CLEANUP(store_finish)
        struct store_statement *good = ask_number(session, "a", &err);
        CHECK(!store_step(bad, &has_row, &err) && err.kind == ERR_SYSTEM);
        err_clear(&err);
        if (store_testsite_is_postgres()) {
            CHECK(!store_step(good, &has_row, &err) && err.kind == ERR_SYSTEM);
            err_clear(&err);
        }
    }
    CHECK(count_things(store) == 1);
    store_close(store);
    store_testsite_remove(&place);
}

static bool keep_all_bytes(struct store_session *session, void *context, struct err *err)
{
    uint8_t bytes[256];
    (void)context;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session, "UPDATE thing SET bytes = ?1, number = ?2 WHERE name = 'a'", err);
    if (!keep)
        return false;
    store_bind_bytes(keep, 1, span_of(bytes, sizeof bytes));
    store_bind_int(keep, 2, INT64_MIN);
    return store_run(keep, err);
}

/* However often they are asked for on one connection. */
static void bytes_and_numbers_beside_them_come_back_as_they_were(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err) && add(store, "b", -7, &err));
    CHECK(store_write(store, STORE_LIVE, keep_all_bytes, NULL, &err));
    for (int i = 0; i < 3; i++) {
        CLEANUP(store_read_end)
        struct store_session *session = store_read_late(store, &err);
        CLEANUP(store_finish)
        struct store_statement *read = store_prepare(
            session,
            "SELECT number, bytes, name, CAST(5 AS INTEGER) FROM thing ORDER BY name",
            &err);
        bool has_row = false;
        CHECK(read && store_step(read, &has_row, &err) && has_row);
        struct span bytes = store_column_bytes_view(read, 1);
        CHECK(bytes.len == 256 && bytes.at[0] == 0 && bytes.at[92] == 92 &&
              bytes.at[255] == 255);
        CHECK(store_column_int(read, 0) == INT64_MIN && store_column_int(read, 3) == 5);
        CHECK(text_is(store_column_view(read, 2), "a"));
        CHECK(store_step(read, &has_row, &err) && has_row);
        CHECK(store_column_is_null(read, 1) && store_column_bytes_view(read, 1).len == 0);
        CHECK(store_column_int(read, 0) == -7);
    }
    store_close(store);
    store_testsite_remove(&place);
}

/* ---- what was written is there ---- */

enum { WRITERS = 6, ROUNDS = 60 };

struct diligent {
    pthread_t thread;
    struct store *store;
    int number;
    int missed;
};

static struct store_session *read_somehow(struct store *store, int how, struct err *err)
{
    return how == 0   ? store_read(store, err)
           : how == 1 ? store_read_late(store, err)
                      : store_read_once(store, err);
}

/* Asked, and left before anybody looked. */
static void look_away(struct store *store, int how, const char *name)
{
    struct err err = {0};
    CLEANUP(store_read_end)
    struct store_session *session = read_somehow(store, how, &err);
    CLEANUP(store_finish)
    struct store_statement *statement = session ? ask_number(session, name, &err) : NULL;
    bool has_row = false;
    if (how == 1 && statement)
        (void)!store_step(statement, &has_row, &err);
}

static void *write_and_read(void *context)
{
    struct diligent *self = context;
    for (int i = 0; i < ROUNDS; i++) {
        struct err err = {0};
        char name[32];
        snprintf(name, sizeof name, "%d of %d", i, self->number);
        CHECK(add(self->store, name, i, &err));
        for (int how = 0; how < 3; how++) {
            CLEANUP(store_read_end)
            struct store_session *session = read_somehow(self->store, how, &err);
            CLEANUP(store_finish)
            struct store_statement *own =
                session ? ask_number(session, name, &err) : NULL;
            self->missed += !has_number(own, i);
        }
        look_away(self->store, i % 3, name);
    }
    return NULL;
}

/* Readers go from hand to hand: none keeps the moment of whoever had it before. */
static void what_one_wrote_is_read_at_once_by_whatever_reader(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct diligent all[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        all[i] = (struct diligent){.store = store, .number = i};
        CHECK(pthread_create(&all[i].thread, NULL, write_and_read, &all[i]) == 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(all[i].thread, NULL);
        CHECK(all[i].missed == 0);
    }
    store_close(store);
    store_testsite_remove(&place);
}

int main(void)
{
    RUN(what_is_asked_ahead_is_one_wait);
    RUN(what_is_read_once_sees_one_moment);
    RUN(a_statement_has_one_plan_for_all_values);
    RUN(many_may_be_asked_ahead);
    RUN(a_batch_is_written_whole_or_not_at_all);
    RUN(a_late_reader_sees_what_was_before_it_and_then_one_state);
    RUN(a_fault_among_what_was_asked_is_told_by_all_behind_it);
    RUN(bytes_and_numbers_beside_them_come_back_as_they_were);
    RUN(what_one_wrote_is_read_at_once_by_whatever_reader);
    return test_done();
}
