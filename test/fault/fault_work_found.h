// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: a database that comes to be by its migrations. Some of them at a
 * time, each time on what the ones before left, so that a round is short; as the schema
 * afterwards is what it is without a fault, the next ones find what they found here. */

#include "base/hash.h"
#include "exchange/registry/registry.h"
#include "store/migrations.h"
#include "store/store.h"
#include "test/fault/fault_folder.h"
#include "test/fault/fault_work.h"

enum { FOUND_STEP = 16, FOUND_MIGRATIONS = 256, FOUND_STEPS = 32 };

struct found {
    const char *file;
    size_t count;
    struct store_migration migrations[FOUND_MIGRATIONS]; /* by their numbers */
    char folders[FOUND_STEPS][64]; /* which have none, FOUND_STEP, 2 · FOUND_STEP … */
    char schemas[FOUND_STEPS][HASH_HEX_BYTES];
    size_t steps;
};

static struct found found_centre = {.file = "centre.db"};
static struct found found_gateway = {.file = "index.db"};
static struct found *found_now; /* what the round is of, */
static size_t found_step;       /* and which step it takes */

static inline int by_number(const void *one, const void *other)
{
    int64_t a = ((const struct store_migration *)one)->number;
    int64_t b = ((const struct store_migration *)other)->number;
    return (a > b) - (a < b);
}

static inline struct store *found_open(const struct found *found, size_t step,
                                       struct err *err)
{
    char path[160];
    size_t count = step * FOUND_STEP;
    struct store_config config = {fault_path(found->file, path), found->migrations,
                                  count < found->count ? count : found->count, NULL};
    return store_open(&config, err);
}

/* What tables and indexes there are, and which migrations made them. */
static inline void found_schema(struct store *store, char hex[HASH_HEX_BYTES])
{
    static const char sql[] =
        "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master "
        "UNION ALL SELECT number || ' ' || name FROM schema_migration "
        "UNION ALL SELECT 'compatible ' || number FROM schema_compatible ORDER BY 1";
    struct err err = {0};
    bool has_row = true;
    CLEANUP(buf_free) struct buf all = buf_init(4 << 20);
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *rows = session ? store_prepare(session, sql, &err) : NULL;
    while (rows && store_step(rows, &has_row, &err) && has_row) {
        buf_span(&all, text_span(store_column_view(rows, 0)));
        buf_byte(&all, '\n');
    }
    CHECK(rows && err.kind == ERR_NONE && buf_check(&all, &err));
    struct hash hash = hash_sha256(buf_view(&all));
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
}

/* The states between the steps. */
static inline void found_prepare(struct found *found,
                                 const struct store_migration *migrations, size_t count)
{
    CHECK(count <= FOUND_MIGRATIONS && count / FOUND_STEP + 2 <= FOUND_STEPS);
    memcpy(found->migrations, migrations, count * sizeof *migrations);
    qsort(found->migrations, count, sizeof *migrations, by_number);
    found->count = count;
    found->steps = (count + FOUND_STEP - 1) / FOUND_STEP;
    folder_new("fault_found", found->folders[0]);
    for (size_t step = 1; step <= found->steps; step++) {
        struct err err = {0};
        folder_new("fault_found", found->folders[step]);
        folder_copy(found->folders[step - 1], found->folders[step]);
        fault_folder = found->folders[step];
        struct store *store = found_open(found, step, &err);
        CHECK(store);
        found_schema(store, found->schemas[step]);
        store_close(store);
    }
}

static inline void found_free(struct found *found)
{
    for (size_t step = 0; step <= found->steps; step++)
        CHECK(folder_remove(NULL, found->folders[step], ""));
}

/* What a work finds that begins with a database of all migrations. */
static inline void put_centre_database(void)
{
    folder_copy(found_centre.folders[found_centre.steps], fault_folder);
}

static inline void put_index_database(void)
{
    folder_copy(found_gateway.folders[found_gateway.steps], fault_folder);
}

static inline void put_found(void)
{
    folder_copy(found_now->folders[found_step - 1], fault_folder);
}

static inline void run_found(void)
{
    struct err err = {0};
    struct store *store = found_open(found_now, found_step, &err);
    if (is_told(store != NULL, &err))
        fault_ack(1);
    store_close(store);
}

static inline bool found_write(struct store_session *session, void *context,
                               struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *insert =
        store_prepare(session, "INSERT INTO schema_compatible VALUES (0)", err);
    return insert && store_run(insert, err);
}

static inline void check_found(bool may_have_more)
{
    struct err err = {0};
    char hex[HASH_HEX_BYTES] = "";
    (void)may_have_more;
    struct store *store = found_open(found_now, found_step, &err);
    CHECK(store);
    if (!store)
        return;
    CHECK(store_wait_checked(store, &err));
    found_schema(store, hex);
    CHECK(strcmp(hex, found_now->schemas[found_step]) == 0);
    CHECK(store_write(store, STORE_LIVE, found_write, NULL, &err));
    store_close(store);
}
