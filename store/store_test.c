// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

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

struct thing {
    const char *name;
    int64_t number;
    bool fails_afterwards;
};

static bool insert_thing(struct store_session *session, struct thing *thing,
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

static bool add_thing(struct store_session *session, void *context, struct err *err)
{
    struct thing *thing = context;
    if (!insert_thing(session, thing, err))
        return false;
    CHECK(store_changes(session) == 1);
    return !thing->fails_afterwards ||
           err_set(err, ERR_REFUSED, "test_refused", "the work changed its mind");
}

static bool add(struct store *store, const char *name, int64_t number, struct err *err)
{
    struct thing thing = {.name = name, .number = number};
    return store_write(store, STORE_LIVE, add_thing, &thing, err);
}

static int64_t count_in(struct store_session *session)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT COUNT(*) FROM thing", &err);
    CHECK(statement && store_step(statement, &has_row, &err) && has_row);
    return statement ? store_column_int(statement, 0) : -1;
}

static int64_t count_things(struct store *store)
{
    struct err err = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CHECK(session);
    return session ? count_in(session) : -1;
}

static void what_was_written_is_read(void)
{
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    CHECK(count_things(store) == 1);
    store_close(store);
    store = open_place(&place);
    CHECK(count_things(store) == 1);
    store_close(store);
    place_remove(&place);
}

static void the_file_is_for_its_owner_only(void)
{
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    char journal[100];
    snprintf(journal, sizeof journal, "%s-wal", place.file);
    struct stat status;
    CHECK(stat(place.file, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK(stat(journal, &status) == 0 && (status.st_mode & 0777) == 0600);
    store_close(store);
    place_remove(&place);
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
    struct place place = place_new();
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
    place_remove(&place);
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
    struct place place = place_new();
    struct store *store = open_place(&place);
    CHECK(cannot_write(store));
    store_close(store);
    place_remove(&place);
}

static void a_reader_keeps_its_snapshot(void)
{
    struct place place = place_new();
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
    place_remove(&place);
}

static void a_second_thing_of_one_name_is_a_conflict(void)
{
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    CHECK(!add(store, "a", 2, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_unique") == 0);
    CHECK(count_things(store) == 1);
    store_close(store);
    place_remove(&place);
}

static bool add_or_change(struct store_session *session, void *context, struct err *err)
{
    struct thing *thing = context;
    if (insert_thing(session, thing, err))
        return true;
    if (err->kind != ERR_CONFLICT)
        return false;
    err_clear(err);
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "UPDATE thing SET number = ?2 WHERE name = ?1", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(thing->name));
    store_bind_int(statement, 2, thing->number);
    return store_run(statement, err);
}

static void work_may_deal_with_a_conflict_itself(void)
{
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct thing thing = {.name = "a", .number = 7};
    CHECK(add(store, "a", 1, &err));
    CHECK(store_write(store, STORE_LIVE, add_or_change, &thing, &err));
    CHECK(count_things(store) == 1);
    store_close(store);
    place_remove(&place);
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
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    struct thing thing = {.name = "a", .number = 7};
    CHECK(!store_write(store, STORE_LIVE, hide_fault, &thing, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, "store_failed") == 0);
    CHECK(count_things(store) == 0);
    store_close(store);
    place_remove(&place);
}

static bool bad_sql(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, "SELECT FROM", err);
    return statement != NULL;
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
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(!store_write(store, STORE_LIVE, bad_sql, NULL, &err));
    CHECK(err.kind == ERR_SYSTEM);
    err_clear(&err);
    CHECK(!store_write(store, STORE_LIVE, bad_parameter, NULL, &err));
    CHECK(err.kind == ERR_SYSTEM);
    err_clear(&err);
    CHECK(!store_write(store, STORE_LIVE, bad_reference, NULL, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "store_reference") == 0);
    store_close(store);
    place_remove(&place);
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
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 2, &err) && add(store, "b", 3, &err));
    int64_t sum = 0;
    CHECK(store_write(store, STORE_LIVE, nest, &sum, &err) && sum == 25);
    CHECK(store_write(store, STORE_LIVE, nest, &sum, &err) && sum == 25);
    store_close(store);
    place_remove(&place);
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
    struct place place = place_new();
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
    place_remove(&place);
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
    struct place place = place_new();
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
    usleep(200000); /* lets all six arrive; arriving late would only weaken the test */
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < 7; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        CHECK(orders[i].place >= 3 && orders[i + 3].place < 3);
    store_close(holder.store);
    place_remove(&place);
}

/* ---- crashes and full disks ---- */

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
    struct place place = place_new();
    for (int round = 0; round < 5; round++) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        unlink(place.file);
        pid_t child = fork();
        if (child == 0)
            child_writes_until_killed(place.file, ends[1]);
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
    place_remove(&place);
}

/* Fills the disk, frees it, writes on; returns the exit status of a child. */
static int write_until_full(const char *file, bool (*make_space)(void))
{
    struct err err = {0};
    struct store *store = open_file(file, &err);
    int64_t number = 0;
    char name[5000];
    memset(name, 'x', sizeof name);
    bool is_done = store != NULL;
    while (is_done && number < 100000) {
        snprintf(name + 4900, 90, "%lld", (long long)number);
        is_done = add(store, name, number, &err);
        number += is_done;
    }
    if (is_done || (err.kind != ERR_BUSY && err.kind != ERR_SYSTEM))
        return 2;
    if (count_things(store) != number)
        return 3;
    err_clear(&err);
    if (!make_space() || !add(store, "after", 1, &err))
        return 4;
    if (count_things(store) != number + 1)
        return 5;
    store_close(store);
    store = open_file(file, &err);
    return store && count_things(store) == number + 1 ? 0 : 6;
}

static bool lift_limit(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static void a_file_size_limit_fails_cleanly_and_passes(void)
{
    struct place place = place_new();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {300000, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(write_until_full(place.file, lift_limit));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    place_remove(&place);
}

static bool remove_ballast(void)
{
    return unlink("ballast") == 0;
}

static void a_full_disk_fails_cleanly_and_recovers(void)
{
    struct place place = place_new();
    if (mount("tmpfs", place.directory, "tmpfs", 0, "size=1m") != 0) {
        SKIP("a_full_disk (mount)", "no right to mount a small file system");
        place_remove(&place);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        char ballast[300000] = {0};
        int fd =
            chdir(place.directory) == 0 ? open("ballast", O_WRONLY | O_CREAT, 0600) : -1;
        if (fd < 0 || write(fd, ballast, sizeof ballast) != sizeof ballast)
            _exit(9);
        close(fd);
        _exit(write_until_full(place.file, remove_ballast));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(umount(place.directory) == 0);
    place_remove(&place);
}

static void a_damaged_file_is_refused(void)
{
    struct place place = place_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    for (int i = 0; i < 50; i++) {
        char name[600];
        memset(name, 'y', sizeof name);
        snprintf(name + 500, 50, "%d", i);
        CHECK(add(store, name, i, &err));
    }
    store_close(store);
    int fd = open(place.file, O_WRONLY);
    char noise[9000];
    memset(noise, 0x5A, sizeof noise);
    CHECK(pwrite(fd, noise, sizeof noise, 4096) == sizeof noise);
    close(fd);
    store = open_file(place.file, &err);
    CHECK(!store && err.kind == ERR_SYSTEM && strcmp(err.code, "store_corrupt") == 0);
    place_remove(&place);
}

static void a_file_that_is_no_database_is_refused(void)
{
    struct place place = place_new();
    struct err err = {0};
    char noise[9000];
    memset(noise, 0x5A, sizeof noise);
    CHECK(path_write_file(place.file, span_of(noise, sizeof noise), &err));
    struct store *store = open_file(place.file, &err);
    CHECK(!store && err.kind == ERR_SYSTEM && strcmp(err.code, "store_corrupt") == 0);
    place_remove(&place);
}

static void a_missing_directory_is_refused(void)
{
    struct err err = {0};
    CHECK(!open_file("/tmp/store_test_no_such_directory/data.db", &err));
    CHECK(err.kind == ERR_SYSTEM);
}

int main(void)
{
    RUN(what_was_written_is_read);
    RUN(the_file_is_for_its_owner_only);
    RUN(values_come_back_as_they_went_in);
    RUN(a_reader_cannot_write);
    RUN(a_reader_keeps_its_snapshot);
    RUN(a_second_thing_of_one_name_is_a_conflict);
    RUN(work_may_deal_with_a_conflict_itself);
    RUN(a_fault_that_work_passes_over_rolls_back_all_the_same);
    RUN(bad_statements_are_errors);
    RUN(one_statement_may_run_inside_itself);
    RUN(writers_and_readers_work_side_by_side);
    RUN(live_work_goes_before_backfill);
    RUN(what_was_acknowledged_survives_kill_9);
    RUN(a_file_size_limit_fails_cleanly_and_passes);
    RUN(a_full_disk_fails_cleanly_and_recovers);
    RUN(a_damaged_file_is_refused);
    RUN(a_file_that_is_no_database_is_refused);
    RUN(a_missing_directory_is_refused);
    return test_done();
}
