// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

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

/* A newer program added a table that the older one need not know: both go on, and neither
 * applies anything twice. */
static void an_older_program_goes_on_beside_a_compatible_migration(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    struct store_migration newer[] = {
        migrations[0],
        migrations[1],
        {3, "0003_more", "--compatible\nCREATE TABLE more (a BIGINT);\n"}};
    struct store_config config = {place.location, newer, 3, NULL};
    for (int i = 0; i < 2; i++) {
        struct store *store = store_open(&config, &err);
        CHECK(store && ask_int(store, "SELECT COUNT(*) FROM more") == 0);
        store_close(store);
        store_close(open_place(&place));
    }
    store_testsite_remove(&place);
}

static void a_word_in_a_remark_makes_no_migration_compatible(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    struct store_migration newer[] = {
        migrations[0],
        migrations[1],
        {3, "0003_more", "-- not --compatible\n--compatible not\nDROP TABLE part;\n"}};
    struct store_config config = {place.location, newer, 3, NULL};
    store_close(store_open(&config, &err));
    CHECK(!open_file(place.location, &err));
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

/* ---- from every earlier state, with data in it ---- */

enum { TABLES_MAX = 64, NAME_BYTES = 64 };

static int keep_name(void *context, int count, char **values, char **names)
{
    char(*tables)[NAME_BYTES] = context;
    (void)count;
    (void)names;
    while (**tables)
        tables++;
    snprintf(*tables, NAME_BYTES, "%s", values[0]);
    return 0;
}

static int put_value(void *context, int count, char **values, char **names)
{
    char *sql = context;
    (void)count;
    (void)names;
    const char *value = strcmp(values[1], "state") == 0
                            ? "'withdrawn'" /* they all know */
                        : strcmp(values[0], "BIGINT") == 0 ? "7"
                        : strcmp(values[0], "BYTEA") == 0  ? "x'07'"
                                                           : "'7'";
    size_t len = strlen(sql);
    snprintf(sql + len, 2048 - len, "%s%s", sql[len - 1] == '(' ? "" : ",", value);
    return 0;
}

static int see_count(void *context, int count, char **values, char **names)
{
    (void)count;
    (void)names;
    *(int *)context = (int)strtol(values[0], NULL, 10);
    return 0;
}

static int list_tables(sqlite3 *database, char tables[TABLES_MAX][NAME_BYTES])
{
    int count = 0;
    memset(tables, 0, TABLES_MAX * sizeof *tables);
    CHECK(sqlite3_exec(database,
                       "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <>"
                       " 'schema_migration'",
                       keep_name, tables, NULL) == SQLITE_OK);
    while (count < TABLES_MAX && tables[count][0])
        count++;
    return count;
}

static int count_in_table(sqlite3 *database, const char *table)
{
    char sql[128];
    int count = -1;
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %.63s", table);
    CHECK(sqlite3_exec(database, sql, see_count, &count, NULL) == SQLITE_OK);
    return count;
}

/* A row in each table, whatever it means; that rows point to nobody is not looked at. */
static int fill_tables(const char *file, char tables[TABLES_MAX][NAME_BYTES],
                       int counts[TABLES_MAX])
{
    sqlite3 *database = NULL;
    CHECK(sqlite3_open(file, &database) == SQLITE_OK);
    int count = list_tables(database, tables);
    /* what may not be just anything; fails where the table is not there yet */
    (void)sqlite3_exec(database,
                       "INSERT INTO network VALUES ('8', '8', 'comprehensive',"
                       " 'password', 8, 8)",
                       NULL, NULL, NULL);
    (void)sqlite3_exec(database, "INSERT INTO network_hold VALUES (1, 8, 8)", NULL, NULL,
                       NULL);
    for (int i = 0; i < count; i++) {
        char ask[160], sql[2048];
        snprintf(ask, sizeof ask, "SELECT type, name FROM pragma_table_info('%.63s')",
                 tables[i]);
        snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO %.63s VALUES (", tables[i]);
        CHECK(sqlite3_exec(database, ask, put_value, sql, NULL) == SQLITE_OK);
        snprintf(sql + strlen(sql), 3, ")");
        CHECK(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK);
        counts[i] = count_in_table(database, tables[i]);
        CHECK(counts[i] > 0); /* a table with a single row has its own */
        if (counts[i] == 0)
            printf("# nothing could be put into %s: %s\n", tables[i], sql);
    }
    sqlite3_close(database);
    return count;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct store_migration *left = a, *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

static void upgrade_from_each(const struct store_migration *all, size_t count)
{
    struct store_migration sorted[64];
    CHECK(count <= 64);
    memcpy(sorted, all, count * sizeof *all);
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    for (size_t first = 1; first < count; first++) {
        struct err err = {0};
        struct store_testsite place = store_testsite_new();
        char tables[TABLES_MAX][NAME_BYTES];
        int counts[TABLES_MAX];
        struct store_config before = {place.location, sorted, first, NULL};
        struct store_config after = {place.location, sorted, count, NULL};
        struct store *store = store_open(&before, &err);
        CHECK(store);
        store_close(store);
        int table_count = fill_tables(place.location, tables, counts);
        store = store_open(&after, &err);
        CHECK(store && store_wait_checked(store, &err));
        if (!store)
            printf("# from %s: %s %s\n", sorted[first - 1].name, err.code, err.text);
        store_close(store);
        sqlite3 *database = NULL;
        CHECK(sqlite3_open(place.location, &database) == SQLITE_OK);
        for (int i = 0; i < table_count; i++)
            CHECK(count_in_table(database, tables[i]) >= counts[i]);
        sqlite3_close(database);
        store_testsite_remove(&place);
    }
}

static void every_earlier_state_is_brought_up_with_its_data(void)
{
    if (store_testsite_is_postgres())
        return; /* the same files of SQL, applied in the same order */
    upgrade_from_each(store_centre_migrations, store_centre_migrations_count);
    upgrade_from_each(store_gateway_migrations, store_gateway_migrations_count);
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

/* What a statement may take at work would not do for an index of a large table. */
static void a_migration_takes_the_time_it_needs(void)
{
    struct store_testsite place = store_testsite_new();
    static const struct store_migration slow[] = {
        {1, "0001_slow",
         "CREATE TABLE slow (a BIGINT CHECK (a = 0));\n"
         "--sqlite INSERT INTO slow VALUES (0);\n"
         "--postgres INSERT INTO slow SELECT setting::BIGINT FROM pg_settings\n"
         "--postgres   WHERE name = 'statement_timeout';\n"}};
    struct store_config config = {place.location, slow, 1, NULL};
    struct err err = {0};
    struct store *store = store_open(&config, &err);
    CHECK(store);
    store_close(store);
    store_testsite_remove(&place);
}

int main(void)
{
    RUN(migrations_run_once_and_in_order);
    RUN(a_newer_database_is_refused);
    RUN(an_older_program_goes_on_beside_a_compatible_migration);
    RUN(a_word_in_a_remark_makes_no_migration_compatible);
    RUN(a_migration_that_changed_its_name_is_refused);
    RUN(a_failing_migration_leaves_nothing);
    RUN(a_migration_takes_the_time_it_needs);
    RUN(every_earlier_state_is_brought_up_with_its_data);
    RUN(the_tree_s_own_migrations_apply);
    return test_done();
}
