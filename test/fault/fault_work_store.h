// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: the writer of a store with its groups, and the registry over it.
 */

#include "exchange/registry/registry.h"
#include "store/migrations.h"
#include "store/store.h"
#include "test/fault/fault_work.h"

/* ---- the writer of a store, with groups ---- */

enum { STORE_THREADS = 3, STORE_ROWS = 4 };

static const struct store_migration fault_migrations[] = {
    {1, "0001_thing",
     "CREATE TABLE thing (number BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL);\n"},
    {2, "0002_more", "CREATE INDEX thing_text ON thing (text);\n"},
};

static inline struct store *open_things(struct err *err)
{
    char path[160];
    struct store_config config = {fault_path("data.db", path), fault_migrations, 2, NULL};
    return store_open(&config, err);
}

static inline bool insert_thing(struct store_session *session, void *context,
                                struct err *err)
{
    static const char text[] = "a text that is long enough to fill pages soon: "
                               "0123456789012345678901234567890123456789012345678901234";
    CLEANUP(store_finish)
    struct store_statement *insert =
        store_prepare(session, "INSERT INTO thing (number, text) VALUES (?1, ?2)", err);
    if (!insert)
        return false;
    store_bind_int(insert, 1, *(int *)context);
    store_bind_text(insert, 2, text_cstr(text));
    return store_run(insert, err);
}

struct things {
    struct store *store;
    int from;
};

static inline void *add_things(void *context)
{
    struct things *things = context;
    for (int i = 0; i < STORE_ROWS; i++) {
        struct err err = {0};
        int number = things->from + i;
        if (is_told(store_write(things->store, i % 2 ? STORE_BACKFILL : STORE_LIVE,
                                insert_thing, &number, &err),
                    &err))
            fault_ack(number);
    }
    return NULL;
}

/* Each in a thread where there is one to be had, and twice: a new file, and one that is
 * there. */
static inline void run_store(void)
{
    for (int turn = 0; turn < 2; turn++) {
        struct err err = {0};
        struct store *store = open_things(&err);
        if (!is_told(store != NULL, &err))
            continue;
        struct things things[STORE_THREADS];
        pthread_t threads[STORE_THREADS];
        bool has_thread[STORE_THREADS];
        for (int i = 0; i < STORE_THREADS; i++) {
            things[i] = (struct things){store, 1000 * (turn + 1) + 100 * i};
            has_thread[i] =
                pthread_create(&threads[i], NULL, add_things, &things[i]) == 0;
            if (!has_thread[i])
                add_things(&things[i]);
        }
        for (int i = 0; i < STORE_THREADS; i++)
            if (has_thread[i])
                pthread_join(threads[i], NULL);
        store_close(store);
    }
}

static inline int count_rows(struct store *store, const char *sql)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *count = session ? store_prepare(session, sql, &err) : NULL;
    CHECK(count && store_step(count, &has_row, &err) && has_row);
    return has_row ? (int)store_column_int(count, 0) : -1;
}

static inline void check_store(bool may_have_more)
{
    struct err err = {0};
    struct store *store = open_things(&err);
    CHECK(store);
    if (!store) {
        printf("# %s: %s\n", err.code, err.text);
        return;
    }
    CHECK(store_wait_checked(store, &err));
    int acks = fault_count_acks();
    for (int i = 0; i < FAULT_ACKS; i++) {
        if (fault_acked(i) == 0)
            continue;
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM thing WHERE number = %d",
                 fault_acked(i));
        CHECK(count_rows(store, sql) == 1);
    }
    int rows = count_rows(store, "SELECT COUNT(*) FROM thing");
    CHECK(may_have_more ? rows >= acks : rows == acks);
    int number = 1;
    CHECK(store_write(store, STORE_LIVE, insert_thing, &number, &err));
    store_close(store);
}

/* ---- the centre's registry ---- */

enum { REGISTRY_EVENTS = 5 };

static inline struct store *open_centre(struct registry **registry, struct err *err)
{
    char path[160];
    struct store_config config = {fault_path("centre.db", path), store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&config, err);
    struct registry_config registry_config = {
        .store = store, .clock = clock_system(), .id_key = {{7}}};
    *registry = store ? registry_new(&registry_config, err) : NULL;
    if (store && !*registry) {
        store_close(store);
        store = NULL;
    }
    return store;
}

/* One batch; `number` is its first entry. */
static inline bool store_batch(struct registry *registry, int number, struct err *err)
{
    struct registry_event events[REGISTRY_EVENTS];
    char keys[REGISTRY_EVENTS][32];
    for (int i = 0; i < REGISTRY_EVENTS; i++) {
        snprintf(keys[i], sizeof keys[i], "20240501/OML-11/%015d", number + i);
        events[i] = (struct registry_event){.owner = {{{1}}, {{9}}, {{5}}, TEXT("H100")},
                                            .put = {.source_key = text_cstr(keys[i]),
                                                    .version = TEXT("202405011200000001"),
                                                    .kind = ENTRY_LABORATORY,
                                                    .state = ENTRY_CURRENT,
                                                    .day = 20000 + number,
                                                    .end_day = INT32_MIN,
                                                    .title = TEXT("検体検査")}};
    }
    return registry_store_events(registry, number % 2, events, REGISTRY_EVENTS, err);
}

static inline void run_registry(void)
{
    struct err err = {0};
    struct registry *registry = NULL;
    struct store *store = open_centre(&registry, &err);
    if (!is_told(store != NULL, &err))
        return;
    for (int number = 100; number < 600; number += 100)
        if (is_told(store_batch(registry, number, &err), &err))
            fault_ack(number);
    registry_free(registry);
    store_close(store);
}

static inline void check_registry(bool may_have_more)
{
    struct err err = {0};
    struct registry *registry = NULL;
    struct store *store = open_centre(&registry, &err);
    CHECK(store);
    if (!store)
        return;
    CHECK(store_wait_checked(store, &err));
    int acks = fault_count_acks();
    for (int i = 0; i < FAULT_ACKS; i++) {
        if (fault_acked(i) == 0)
            continue;
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM registry_entry WHERE day = %d",
                 20000 + fault_acked(i));
        CHECK(count_rows(store, sql) == REGISTRY_EVENTS);
    }
    int rows = count_rows(store, "SELECT COUNT(*) FROM registry_entry");
    CHECK(rows % REGISTRY_EVENTS == 0); /* a batch is there whole or not at all */
    CHECK(may_have_more ? rows >= acks * REGISTRY_EVENTS
                        : rows == acks * REGISTRY_EVENTS);
    CHECK(store_batch(registry, 700, &err));
    registry_free(registry);
    store_close(store);
}
