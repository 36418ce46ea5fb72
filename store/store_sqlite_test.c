// SPDX-License-Identifier: Apache-2.0
/* What only a database in a file can do and suffer. */
#include "store/store_things.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/path.h"
#include "store/store_engine.h"

static void the_file_is_for_its_owner_only(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    char journal[STORE_TESTSITE_BYTES + 8];
    snprintf(journal, sizeof journal, "%s-wal", place.location);
    struct stat status;
    CHECK(stat(place.location, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK(stat(journal, &status) == 0 && (status.st_mode & 0777) == 0600);
    store_close(store);
    store_testsite_remove(&place);
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
    bool is_there = store && count_things(store) == number + 1;
    store_close(store);
    return is_there ? 0 : 6;
}

static bool lift_limit(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static void a_file_size_limit_fails_cleanly_and_passes(void)
{
    struct store_testsite place = store_testsite_new();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {300000, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(write_until_full(place.location, lift_limit));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    store_testsite_remove(&place);
}

static bool remove_ballast(void)
{
    return unlink("ballast") == 0;
}

static void a_full_disk_fails_cleanly_and_recovers(void)
{
    struct store_testsite place = store_testsite_new();
    if (mount("tmpfs", place.directory, "tmpfs", 0, "size=1m") != 0) {
        SKIP("a_full_disk (mount)", "no right to mount a small file system");
        store_testsite_remove(&place);
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
        _exit(write_until_full(place.location, remove_ballast));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(umount(place.directory) == 0);
    store_testsite_remove(&place);
}

static void a_damaged_file_is_refused(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    for (int i = 0; i < 50; i++) {
        char name[600];
        memset(name, 'y', sizeof name);
        snprintf(name + 500, 50, "%d", i);
        CHECK(add(store, name, i, &err));
    }
    store_close(store);
    int fd = open(place.location, O_WRONLY);
    char noise[9000];
    memset(noise, 0x5A, sizeof noise);
    CHECK(pwrite(fd, noise, sizeof noise, 4096) == sizeof noise);
    close(fd);
    store = open_file(place.location, &err);
    CHECK(!store && err.kind == ERR_SYSTEM && strcmp(err.code, "store_corrupt") == 0);
    store_testsite_remove(&place);
}

static int page_bytes_of(const char *location)
{
    uint8_t header[18] = {0}; /* bytes 16 and 17: the size, most significant first */
    int fd = open(location, O_RDONLY);
    CHECK(read(fd, header, sizeof header) == (ssize_t)sizeof header);
    close(fd);
    return header[16] * 256 + header[17];
}

static void a_new_database_has_large_pages_and_an_older_one_keeps_its_own(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    store_close(open_place(&place));
    CHECK(page_bytes_of(place.location) == 8192);
    CHECK(unlink(place.location) == 0);
    sqlite3 *older = NULL;
    CHECK(sqlite3_open(place.location, &older) == SQLITE_OK);
    CHECK(sqlite3_exec(older,
                       "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                       "CREATE TABLE older (one INTEGER)",
                       NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(older) == SQLITE_OK);
    struct store *store = open_place(&place);
    CHECK(add(store, "one", 1, &err));
    store_close(store);
    CHECK(page_bytes_of(place.location) == 4096);
    store_testsite_remove(&place);
}

/* Pages of rows and of their index, overwritten where no way from a root to a first row
 * leads. */
static void damage_a_far_page(struct store_testsite *place)
{
    enum { PAGE = 4096 };
    struct store *store = open_place(place);
    struct err err = {0};
    char name[3000];
    memset(name, 'y', sizeof name);
    for (int i = 0; i < 100; i++) {
        snprintf(name + 2900, 50, "%d", i);
        CHECK(add(store, name, i, &err));
    }
    store_close(store);
    char noise[20 * PAGE];
    memset(noise, 0x5A, sizeof noise);
    int fd = open(place->location, O_WRONLY);
    struct stat status;
    CHECK(fstat(fd, &status) == 0 && status.st_size > 80L * PAGE);
    CHECK(pwrite(fd, noise, sizeof noise, 50L * PAGE) == sizeof noise);
    close(fd);
}

static bool refuses_as_damaged(struct store *store)
{
    struct err err = {0};
    struct store_session *session = store_read(store, &err);
    bool is_refused = !session && strcmp(err.code, "store_corrupt") == 0;
    store_read_end(&session);
    err_clear(&err);
    return is_refused && !add(store, "new", 1, &err) && err.kind == ERR_SYSTEM &&
           strcmp(err.code, "store_corrupt") == 0;
}

static bool logs(int fd, const char *word)
{
    char lines[4096] = {0};
    return pread(fd, lines, sizeof lines - 1, 0) > 0 && strstr(lines, word);
}

static void damage_far_from_every_root_closes_the_database_once_it_is_found(void)
{
    struct store_testsite place = store_testsite_new();
    char name[] = "/tmp/sqlite_log_XXXXXX";
    struct log log = {mkstemp(name), clock_system(), "test"};
    struct err err = {0};
    damage_a_far_page(&place);
    struct store_config config = {place.location, migrations, 2, &log};
    struct store *store = store_open(&config, &err);
    CHECK(store); /* nobody waits for the whole file to be read */
    CHECK(!store_wait_checked(store, &err) && strcmp(err.code, "store_corrupt") == 0);
    CHECK(store_read_meters(store).health == STORE_DAMAGED);
    CHECK(refuses_as_damaged(store));
    CHECK(logs(log.fd, "\"store_corrupt\"") && logs(log.fd, "table thing"));
    store_close(store);
    close(log.fd);
    unlink(name);
    store_testsite_remove(&place);
}

static bool read_every_row(struct store *store, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    CLEANUP(store_finish)
    struct store_statement *statement =
        session ? store_prepare(session, "SELECT COUNT(extra) FROM thing", err) : NULL;
    bool has_row = false;
    return statement && store_step(statement, &has_row, err);
}

static void damage_that_work_meets_closes_the_database(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    damage_a_far_page(&place);
    struct store_config config = {place.location, migrations, 2, NULL};
    struct store *store = store_visit(&config, &err); /* no thread that looks for it */
    CHECK(store && !read_every_row(store, &err));
    CHECK(err.code && strcmp(err.code, "store_corrupt") == 0);
    CHECK(refuses_as_damaged(store));
    store_close(store);
    store_testsite_remove(&place);
}

static void a_whole_database_is_found_so_beside_the_work(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    struct store *store = open_place(&place);
    CHECK(add(store, "a", 1, &err));
    CHECK(store_wait_checked(store, &err));
    CHECK(store_read_meters(store).health == STORE_SOUND);
    store_close(store);
    store_testsite_remove(&place);
}

/* ---- read through in pieces ---- */

struct scribbling {
    const char *location;
    atomic_bool is_ending;
    atomic_bool is_good;
};

/* Writes and tidies as the store's writer does, until it is told to end. */
static void *scribble(void *context)
{
    struct scribbling *scribbling = context;
    struct err err = {0};
    struct store_engine *engine = store_sqlite.open(scribbling->location, true, &err);
    bool is_good = engine != NULL;
    while (is_good && !atomic_load(&scribbling->is_ending)) {
        is_good = store_sqlite.begin_write(engine, &err) &&
                  store_sqlite.script(
                      engine, "UPDATE scratch SET bytes = randomblob(400000)", &err) &&
                  store_sqlite.commit(engine, &err);
        if (is_good)
            store_sqlite.tidy(engine);
    }
    atomic_store(&scribbling->is_good, is_good);
    if (engine)
        store_sqlite.close(engine);
    return NULL;
}

static uint32_t journal_number(const char *location)
{
    char path[STORE_TESTSITE_BYTES + 8];
    uint8_t bytes[4] = {0};
    snprintf(path, sizeof path, "%s-wal", location);
    int fd = open(path, O_RDONLY);
    bool is_read = fd >= 0 && pread(fd, bytes, sizeof bytes, 12) == 4;
    if (fd >= 0)
        close(fd);
    return is_read ? (uint32_t)bytes[2] << 8 | bytes[3] : 0;
}

static void make_large(struct store_engine *engine, struct err *err)
{
    CHECK(store_sqlite.script(
        engine,
        "CREATE TABLE scratch (bytes BLOB); INSERT INTO scratch VALUES (x'00');"
        "CREATE TABLE large (id INTEGER PRIMARY KEY, words TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
        "INSERT INTO large SELECT i, 'a few words ' || i FROM n;"
        "CREATE INDEX large_words ON large (words);",
        err));
}

static void the_journal_begins_again_while_a_large_database_is_read_through(void)
{
    enum { GROWTH_BYTES = 1 << 20 };
    struct store_testsite place = store_testsite_new();
    struct scribbling scribbling = {.location = place.location};
    struct err err = {0};
    atomic_bool is_ending = false;
    struct store_engine *engine = store_sqlite.open(place.location, true, &err);
    CHECK(engine);
    make_large(engine, &err);
    store_sqlite.close(engine);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, scribble, &scribbling) == 0);
    engine = store_sqlite.open(place.location, false, &err);
    CHECK(engine);
    /* Before the first piece it may begin again, and once beside a reader that came when
     * all was in the database. Many tries: where others
     * are at work little is written in one. */
    uint32_t begun_again = 0;
    for (int i = 0; i < 200 && begun_again < 3; i++) {
        uint32_t before = journal_number(place.location);
        CHECK(store_sqlite.read_through(engine, &is_ending, GROWTH_BYTES, &err));
        begun_again = journal_number(place.location) - before;
    }
    CHECK(begun_again >= 3);
    atomic_store(&scribbling.is_ending, true);
    pthread_join(thread, NULL);
    CHECK(atomic_load(&scribbling.is_good));
    store_sqlite.close(engine);
    store_testsite_remove(&place);
}

static size_t bytes_held(void)
{
    struct mallinfo2 info = mallinfo2(); /* zeros under a sanitizer */
    return info.uordblks + info.hblkhd;
}

/* A gateway's database grows for years, and each page of it is met at some time. */
static void what_a_connection_holds_does_not_grow_with_its_database(void)
{
    enum { MB = 1 << 20 };
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    size_t before = bytes_held();
    struct store_engine *engine = store_sqlite.open(place.location, true, &err);
    CHECK(engine);
    make_large(engine, &err);
    CHECK(bytes_held() < before + 5 * (size_t)MB);
    store_sqlite.close(engine);
    before = bytes_held();
    engine = store_sqlite.open(place.location, false, &err);
    CHECK(engine && store_sqlite.script(engine,
                                        "SELECT max(length(words)) FROM large;"
                                        "SELECT count(*) FROM large NOT INDEXED "
                                        "WHERE words LIKE '%x%'",
                                        &err));
    CHECK(bytes_held() < before + 5 * (size_t)MB / 2);
    store_sqlite.close(engine);
    struct stat status;
    CHECK(stat(place.location, &status) == 0 && status.st_size > 12 * MB);
    store_testsite_remove(&place);
}

static void a_file_that_is_no_database_is_refused(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    char noise[9000];
    memset(noise, 0x5A, sizeof noise);
    CHECK(path_write_file(place.location, span_of(noise, sizeof noise), &err));
    struct store *store = open_file(place.location, &err);
    CHECK(!store && err.kind == ERR_SYSTEM && strcmp(err.code, "store_corrupt") == 0);
    store_testsite_remove(&place);
}

static void a_missing_directory_is_refused(void)
{
    struct err err = {0};
    CHECK(!open_file("/tmp/store_test_no_such_directory/data.db", &err));
    CHECK(err.kind == ERR_SYSTEM);
}

struct pairing {
    struct store *store;
    atomic_bool is_ending;
    int64_t pairs;
};

/* Two rows at once: a copy that saw half of a transaction would have an odd number. */
static bool add_pair(struct store_session *session, void *context, struct err *err)
{
    struct pairing *pairing = context;
    char name[400];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%lld %d %0350d", (long long)pairing->pairs, i, 0);
        struct thing thing = {.name = name};
        if (!insert_thing(session, &thing, err))
            return false;
    }
    return true;
}

static void *add_pairs(void *context)
{
    struct pairing *pairing = context;
    struct err err = {0};
    while (!atomic_load(&pairing->is_ending)) {
        if (!store_write(pairing->store, STORE_LIVE, add_pair, pairing, &err))
            break;
        pairing->pairs++;
    }
    CHECK(err.kind == ERR_NONE);
    return NULL;
}

static void a_copy_beside_a_writer_is_of_one_moment(void)
{
    struct store_testsite place = store_testsite_new();
    struct pairing pairing = {.store = open_place(&place)};
    char name[STORE_TESTSITE_BYTES];
    pthread_t thread;
    struct err err = {0};
    int64_t before = 0;
    pthread_create(&thread, NULL, add_pairs, &pairing);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "%s/copy%d.db", place.directory, i);
        int64_t committed = count_things(pairing.store);
        CHECK(store_copy(place.location, name, &err));
        struct stat status;
        CHECK(stat(name, &status) == 0 && (status.st_mode & 0777) == 0600);
        struct store *copy = open_file(name, &err);
        CHECK(copy);
        int64_t count = copy ? count_things(copy) : -1;
        CHECK(count % 2 == 0 && count >= committed && count >= before);
        before = count;
        if (copy)
            store_close(copy);
    }
    atomic_store(&pairing.is_ending, true);
    pthread_join(thread, NULL);
    CHECK(count_things(pairing.store) == 2 * pairing.pairs && pairing.pairs > 0);
    store_close(pairing.store);
    store_testsite_remove(&place);
}

static void a_copy_replaces_no_file_and_needs_a_database(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    char name[STORE_TESTSITE_BYTES];
    struct store *store = open_place(&place);
    CHECK(!store_copy(place.location, place.location, &err));
    err_clear(&err);
    store_close(store);
    snprintf(name, sizeof name, "%s/copy.db", place.directory);
    CHECK(!store_copy("/tmp/store_test_no_such_directory/data.db", name, &err));
    err_clear(&err);
    CHECK(!store_copy("postgresql://tsumugi@/data", name, &err));
    CHECK(err.kind == ERR_REFUSED && strcmp(err.code, "store_elsewhere") == 0);
    store_testsite_remove(&place);
}

static struct store *serve(const struct store_testsite *place, struct err *err)
{
    struct store_config config = {place->location, migrations, 2, NULL};
    return store_serve(&config, err);
}

static void a_file_is_served_by_one_and_visited_beside_it(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    struct store *first = serve(&place, &err);
    CHECK(first && !store_is_shared(first));
    CHECK(!serve(&place, &err) && err.kind == ERR_BUSY);
    CHECK(strcmp(err.code, "store_taken") == 0);
    err_clear(&err);
    store_close(open_place(&place)); /* the office */
    store_close(first);
    struct store *second = serve(&place, &err);
    CHECK(second);
    store_close(second);
    store_testsite_remove(&place);
}

struct opener {
    struct store_testsite *place;
    pthread_barrier_t *together;
};

static void *open_together(void *context)
{
    struct opener *opener = context;
    pthread_barrier_wait(opener->together);
    struct store *store = open_place(opener->place);
    if (store)
        store_close(store);
    return NULL;
}

/* As the office's command and the gateway that has just been started. */
static void a_new_database_is_made_by_several_at_once(void)
{
    enum { OPENERS = 6, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; round++) {
        struct store_testsite place = store_testsite_new();
        pthread_barrier_t together;
        pthread_t threads[OPENERS];
        struct opener opener = {&place, &together};
        pthread_barrier_init(&together, NULL, OPENERS);
        for (int i = 0; i < OPENERS; i++)
            CHECK(pthread_create(&threads[i], NULL, open_together, &opener) == 0);
        for (int i = 0; i < OPENERS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&together);
        store_testsite_remove(&place);
    }
}

int main(void)
{
    unsetenv("TSUMUGI_TEST_POSTGRES");
    RUN(the_file_is_for_its_owner_only);
    RUN(a_file_size_limit_fails_cleanly_and_passes);
    RUN(a_full_disk_fails_cleanly_and_recovers);
    RUN(a_new_database_has_large_pages_and_an_older_one_keeps_its_own);
    RUN(a_damaged_file_is_refused);
    RUN(damage_far_from_every_root_closes_the_database_once_it_is_found);
    RUN(damage_that_work_meets_closes_the_database);
    RUN(the_journal_begins_again_while_a_large_database_is_read_through);
    RUN(a_whole_database_is_found_so_beside_the_work);
    RUN(what_a_connection_holds_does_not_grow_with_its_database);
    RUN(a_file_that_is_no_database_is_refused);
    RUN(a_missing_directory_is_refused);
    RUN(a_file_is_served_by_one_and_visited_beside_it);
    RUN(a_copy_beside_a_writer_is_of_one_moment);
    RUN(a_copy_replaces_no_file_and_needs_a_database);
    RUN(a_new_database_is_made_by_several_at_once);
    return test_done();
}
