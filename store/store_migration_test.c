// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "store/migrations.h"
#include "store/store.h"

static const struct store_migration migrations[] = {
    {2, "0002_second",
     "-- a remark\n"
     "CREATE INDEX thing_number ON thing (number);\n"
     "--sqlite CREATE TABLE only_sqlite (a BIGINT);\n"
     "--postgres this is no SQL at all;\n"},
    {1, "0001_first",
     "CREATE TABLE thing (name TEXT NOT NULL PRIMARY KEY, number BIGINT,\n"
     "  bytes BYTEA, extra TEXT CHECK (extra <> 'forbidden'));\n"
     "CREATE TABLE part (thing TEXT NOT NULL REFERENCES thing (name), number BIGINT);\n"},
};

/* A new directory for one test, removed with all in it. */
struct place {
    char directory[64];
    char file[80];
};

static struct place place_new(void)
{
    struct place place = {.directory = "/tmp/store_test_XXXXXX"};
    CHECK(mkdtemp(place.directory));
    snprintf(place.file, sizeof place.file, "%s/data.db", place.directory);
    return place;
}

static void place_remove(struct place *place)
{
    char name[400];
    DIR *directory = opendir(place->directory);
    struct dirent *entry = directory ? readdir(directory) : NULL;
    for (; entry; entry = readdir(directory)) {
        snprintf(name, sizeof name, "%s/%s", place->directory, entry->d_name);
        unlink(name);
    }
    if (directory)
        closedir(directory);
    CHECK(rmdir(place->directory) == 0);
}

static struct store *open_file(const char *file, struct err *err)
{
    struct store_config config = {file, migrations, 2, NULL};
    return store_open(&config, err);
}

static struct store *open_place(struct place *place)
{
    struct err err = {0};
    struct store *store = open_file(place->file, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    return store;
}

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

static void migrations_run_once_and_in_order(void)
{
    struct place place = place_new();
    for (int i = 0; i < 3; i++) {
        struct store *store = open_place(&place);
        CHECK(ask_int(store, "SELECT COUNT(*) FROM schema_migration") == 2);
        CHECK(ask_int(store, "SELECT COUNT(*) FROM only_sqlite") == 0);
        CHECK(ask_int(store, "SELECT MIN(applied) FROM schema_migration") > 0);
        store_close(store);
    }
    place_remove(&place);
}

static void a_newer_database_is_refused(void)
{
    struct place place = place_new();
    struct err err = {0};
    store_close(open_place(&place));
    struct store_config older = {place.file, &migrations[1], 1, NULL};
    CHECK(!store_open(&older, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_newer") == 0);
    place_remove(&place);
}

static void a_migration_that_changed_its_name_is_refused(void)
{
    struct place place = place_new();
    struct err err = {0};
    store_close(open_place(&place));
    struct store_migration changed[] = {migrations[1], {2, "0002_other", ""}};
    struct store_config config = {place.file, changed, 2, NULL};
    CHECK(!store_open(&config, &err));
    CHECK(err.kind == ERR_CONFLICT);
    place_remove(&place);
}

static void a_failing_migration_leaves_nothing(void)
{
    struct place place = place_new();
    struct err err = {0};
    struct store_migration broken[] = {
        migrations[1], {3, "0003_broken", "CREATE TABLE left (a BIGINT);\nCREATE;\n"}};
    struct store_config config = {place.file, broken, 2, NULL};
    CHECK(!store_open(&config, &err) && err.kind == ERR_SYSTEM);
    err_clear(&err);
    struct store *store = open_place(&place);
    CHECK(ask_int(store, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'left'") == 0);
    store_close(store);
    place_remove(&place);
}

static void the_tree_s_own_migrations_apply(void)
{
    struct err err = {0};
    struct place place = place_new();
    struct store_config centre = {place.file, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&centre, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    store_close(store);
    CHECK(unlink(place.file) == 0);
    err_clear(&err);
    struct store_config gateway = {place.file, store_gateway_migrations,
                                   store_gateway_migrations_count, NULL};
    store = store_open(&gateway, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    store_close(store);
    place_remove(&place);
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
