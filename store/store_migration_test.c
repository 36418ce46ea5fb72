// SPDX-License-Identifier: Apache-2.0
#include "store/migrations.h"
#include "store/store_things.h"

static int64_t ask_int(struct store *store, const char *sql)
{
    struct err err = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, &err);
    bool has_row = false;
    CHECK(statement && store_step(statement, &has_row, &err) && has_row);
    return statement && has_row ? store_column_int(statement, 0) : -1;
}

static bool cannot_ask(struct store *store, const char *sql)
{
    struct err err = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, &err);
    bool has_row = false;
    return !statement || !store_step(statement, &has_row, &err);
}

static void migrations_run_once_and_in_order(void)
{
    struct store_testsite place = store_testsite_new();
    for (int i = 0; i < 3; i++) {
        struct store *store = open_place(&place);
        CHECK(ask_int(store, "SELECT COUNT(*) FROM schema_migration") == 2);
        CHECK(ask_int(store, "SELECT COUNT(*) FROM only_one") == 0);
        CHECK(ask_int(store, "SELECT MIN(applied) FROM schema_migration") > 0);
        store_close(store);
    }
    store_testsite_remove(&place);
}

static void a_newer_database_is_refused(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    store_close(open_place(&place));
    struct store_config older = {place.location, &migrations[1], 1, NULL};
    CHECK(!store_open(&older, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_newer") == 0);
    store_testsite_remove(&place);
}

static void a_migration_that_changed_its_name_is_refused(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    store_close(open_place(&place));
    struct store_migration changed[] = {migrations[1], {2, "0002_other", ""}};
    struct store_config config = {place.location, changed, 2, NULL};
    CHECK(!store_open(&config, &err));
    CHECK(err.kind == ERR_CONFLICT);
    store_testsite_remove(&place);
}

static void a_failing_migration_leaves_nothing(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    struct store_migration broken[] = {
        migrations[1],
        {3, "0003_broken", "CREATE TABLE leftover (a BIGINT);\nCREATE;\n"}};
    struct store_config config = {place.location, broken, 2, NULL};
    CHECK(!store_open(&config, &err) && err.kind == ERR_SYSTEM);
    err_clear(&err);
    struct store *store = open_place(&place);
    CHECK(cannot_ask(store, "SELECT a FROM leftover"));
    store_close(store);
    store_testsite_remove(&place);
}

static void the_tree_s_own_migrations_apply(void)
{
    struct err err = {0};
    struct store_testsite place = store_testsite_new();
    struct store_config centre = {place.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&centre, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    store_close(store);
    store_testsite_locate(place.location, place.directory, "gateway");
    struct store_config gateway = {place.location, store_gateway_migrations,
                                   store_gateway_migrations_count, NULL};
    store = store_open(&gateway, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    store_close(store);
    store_testsite_remove(&place);
}

int main(void)
{
    RUN(migrations_run_once_and_in_order);
    RUN(a_newer_database_is_refused);
    RUN(a_migration_that_changed_its_name_is_refused);
    RUN(a_failing_migration_leaves_nothing);
    RUN(the_tree_s_own_migrations_apply);
    return test_done();
}
