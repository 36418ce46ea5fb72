// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests: a folder of its own for one test, and where a new database for it lies. The
 * environment decides which kind of database: TSUMUGI_TEST_POSTGRES names the folder of a
 * PostgreSQL server's socket (tools/postgres starts one); without it, SQLite. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "store/store.h"

enum { STORE_TESTSITE_BYTES = 256 };

static inline bool store_testsite_is_postgres(void)
{
    return getenv("TSUMUGI_TEST_POSTGRES") != NULL;
}

/* `folder` is the test's own, so its name is one that no other database has. */
static inline void store_testsite_locate(char location[STORE_TESTSITE_BYTES],
                                         const char *folder, const char *name)
{
    const char *socket = getenv("TSUMUGI_TEST_POSTGRES");
    const char *last = strrchr(folder, '/');
    if (socket)
        snprintf(location, STORE_TESTSITE_BYTES, "postgresql://tsumugi@/%s_%s?host=%s",
                 last ? last + 1 : folder, name, socket);
    else
        snprintf(location, STORE_TESTSITE_BYTES, "%s/%s.db", folder, name);
}

struct place {
    char directory[64];
    char file[STORE_TESTSITE_BYTES];
};

static inline struct place place_new(void)
{
    struct place place = {.directory = "/tmp/store_test_XXXXXX"};
    CHECK(mkdtemp(place.directory));
    store_testsite_locate(place.file, place.directory, "data");
    return place;
}

static inline void place_remove(struct place *place)
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

/* ---- a table of things ---- */

static const struct store_migration migrations[] = {
    {2, "0002_second",
     "-- a remark\n"
     "CREATE INDEX thing_number ON thing (number);\n"
     "--sqlite CREATE TABLE only_one (a BIGINT);\n"
     "--postgres CREATE TABLE only_one (b BIGINT);\n"},
    {1, "0001_first",
     "CREATE TABLE thing (name TEXT NOT NULL PRIMARY KEY, number BIGINT,\n"
     "  bytes BYTEA, extra TEXT CHECK (extra <> 'forbidden'));\n"
     "CREATE TABLE part (thing TEXT NOT NULL REFERENCES thing (name), number BIGINT);\n"},
};

static inline struct store *open_file(const char *file, struct err *err)
{
    struct store_config config = {file, migrations, 2, NULL};
    return store_open(&config, err);
}

static inline struct store *open_place(struct place *place)
{
    struct err err = {0};
    struct store *store = open_file(place->file, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    return store;
}

struct thing {
    const char *name;
    int64_t number;
    bool fails_afterwards;
};

static inline bool insert_thing(struct store_session *session, struct thing *thing,
                                struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "INSERT INTO thing (name, number) VALUES (?1, ?2)", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(thing->name));
    store_bind_int(statement, 2, thing->number);
    return store_run(statement, err);
}

static inline bool add_thing(struct store_session *session, void *context,
                             struct err *err)
{
    struct thing *thing = context;
    if (!insert_thing(session, thing, err))
        return false;
    CHECK(store_changes(session) == 1);
    return !thing->fails_afterwards ||
           err_set(err, ERR_REFUSED, "test_refused", "the work changed its mind");
}

static inline bool add(struct store *store, const char *name, int64_t number,
                       struct err *err)
{
    struct thing thing = {.name = name, .number = number};
    return store_write(store, STORE_LIVE, add_thing, &thing, err);
}

static inline int64_t count_in(struct store_session *session)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT COUNT(*) FROM thing", &err);
    CHECK(statement && store_step(statement, &has_row, &err) && has_row);
    return statement ? store_column_int(statement, 0) : -1;
}

static inline int64_t count_things(struct store *store)
{
    struct err err = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CHECK(session);
    return session ? count_in(session) : -1;
}
