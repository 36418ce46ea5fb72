// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: a table of things. */

#include "store/store_testsite.h"

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

static inline struct store *open_place(struct store_testsite *place)
{
    struct err err = {0};
    struct store *store = open_file(place->location, &err);
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
