// SPDX-License-Identifier: Apache-2.0
/* What "durable" means with SQLite, asked of the system calls: this program stands in for
 * fdatasync, so it sees what the database waits for, lets it fail, or ends in the middle
 * of it. */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

static atomic_int sync_count;
static atomic_int sync_ends_at; /* the process ends before this one; 0 = never */
static atomic_bool sync_fails;

int fdatasync(int fd)
{
    if (atomic_fetch_add(&sync_count, 1) + 1 == atomic_load(&sync_ends_at))
        kill(getpid(), SIGKILL);
    if (atomic_load(&sync_fails)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static const struct store_migration migrations[] = {
    {1, "0001_first", "CREATE TABLE thing (number BIGINT NOT NULL, bytes BYTEA);\n"},
    {2, "0002_second",
     "CREATE TABLE other (number BIGINT NOT NULL);\n"
     "INSERT INTO other (number) VALUES (1);\n"
     "INSERT INTO other (number) VALUES (2);\n"},
};

struct place {
    char directory[64];
    char file[80];
};

static struct place place_new(void)
{
    struct place place = {.directory = "/tmp/durable_test_XXXXXX"};
    CHECK(mkdtemp(place.directory));
    snprintf(place.file, sizeof place.file, "%s/data.db", place.directory);
    return place;
}

static void place_empty(struct place *place)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char name[100];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(name, sizeof name, "%s%s", place->file, endings[i]);
        unlink(name);
    }
}

static void place_remove(struct place *place)
{
    place_empty(place);
    CHECK(rmdir(place->directory) == 0);
}

static struct store *open_place(const struct place *place, const struct log *log,
                                struct err *err)
{
    struct store_config config = {place->file, migrations, 2, log};
    return store_open(&config, err);
}

/* ---- writing and counting ---- */

struct piece {
    int64_t number;
    struct span bytes;
};

static bool insert(struct store_session *session, void *context, struct err *err)
{
    const struct piece *piece = context;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "INSERT INTO thing (number, bytes) VALUES (?1, ?2)", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, piece->number);
    store_bind_bytes(statement, 2, piece->bytes);
    return store_run(statement, err);
}

static bool add(struct store *store, int64_t number, struct err *err)
{
    struct piece piece = {number, SPAN("x")};
    return store_write(store, STORE_LIVE, insert, &piece, err);
}

static int64_t count_rows(struct store *store, const char *sql)
{
    struct err err = {0};
    bool has_row = false;
    int64_t count = -1;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *statement =
        session ? store_prepare(session, sql, &err) : NULL;
    if (statement && store_step(statement, &has_row, &err) && has_row)
        count = store_column_int(statement, 0);
    return count;
}

static int64_t count_things(struct store *store)
{
    return count_rows(store, "SELECT count(*) FROM thing");
}

/* ---- syncs ---- */

static void every_acknowledged_write_was_synced(void)
{
    struct place place = place_new();
    struct err err = {0};
    struct store *store = open_place(&place, NULL, &err);
    CHECK(store);
    for (int64_t i = 0; i < 20; i++) {
        int before = atomic_load(&sync_count);
        CHECK(add(store, i, &err));
        CHECK(atomic_load(&sync_count) > before);
    }
    store_close(store);
    place_remove(&place);
}

static void a_write_that_could_not_be_synced_is_not_acknowledged(void)
{
    struct place place = place_new();
    struct err err = {0};
    struct store *store = open_place(&place, NULL, &err);
    CHECK(add(store, 1, &err));
    atomic_store(&sync_fails, true);
    for (int i = 0; i < 3; i++) {
        CHECK(!add(store, 2, &err) && err.kind == ERR_SYSTEM);
        CHECK(err.code && strcmp(err.code, "store_failed") == 0);
        err_clear(&err);
        CHECK(count_things(store) == 1);
    }
    atomic_store(&sync_fails, false);
    CHECK(add(store, 3, &err));
    CHECK(count_things(store) == 2);
    store_close(store);
    store = open_place(&place, NULL, &err);
    CHECK(count_things(store) == 2);
    store_close(store);
    place_remove(&place);
}

/* ---- groups ---- */

enum { WRITERS = 40 };

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_inside;
    bool is_open;
};

static bool wait_inside(struct store_session *session, void *context, struct err *err)
{
    struct gate *gate = context;
    (void)session;
    (void)err;
    pthread_mutex_lock(&gate->lock);
    gate->is_inside = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return true;
}

struct writing {
    struct store *store;
    struct gate *gate;
    int64_t number;
    atomic_int *begun;
};

static void *write_gate(void *context)
{
    struct writing *writing = context;
    struct err err = {0};
    CHECK(store_write(writing->store, STORE_LIVE, wait_inside, writing->gate, &err));
    return NULL;
}

static void *write_one(void *context)
{
    struct writing *writing = context;
    struct err err = {0};
    atomic_fetch_add(writing->begun, 1);
    CHECK(add(writing->store, writing->number, &err));
    return NULL;
}

/* The writer is busy until all have come to the door; then one sync serves many. */
static void what_waits_is_committed_together(void)
{
    struct place place = place_new();
    struct err err = {0};
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
                        false};
    atomic_int begun = 0;
    struct store *store = open_place(&place, NULL, &err);
    struct writing holder = {.store = store, .gate = &gate};
    struct writing writings[WRITERS];
    pthread_t threads[WRITERS + 1];
    CHECK(pthread_create(&threads[WRITERS], NULL, write_gate, &holder) == 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.is_inside)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < WRITERS; i++) {
        writings[i] = (struct writing){store, &gate, i, &begun};
        CHECK(pthread_create(&threads[i], NULL, write_one, &writings[i]) == 0);
    }
    while (atomic_load(&begun) < WRITERS)
        sched_yield();
    int before = atomic_load(&sync_count);
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i <= WRITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&sync_count) - before < WRITERS);
    CHECK(count_things(store) == WRITERS);
    store_close(store);
    place_remove(&place);
}

/* ---- turns ---- */

struct turn {
    struct store *store;
    enum store_lane lane;
    atomic_int *clock;
    atomic_int *begun;
    int place;
};

static bool note_place(struct store_session *session, void *context, struct err *err)
{
    struct turn *turn = context;
    (void)session;
    (void)err;
    turn->place = atomic_fetch_add(turn->clock, 1);
    return true;
}

static void *take_turn(void *context)
{
    struct turn *turn = context;
    struct err err = {0};
    atomic_fetch_add(turn->begun, 1);
    CHECK(store_write(turn->store, turn->lane, note_place, turn, &err));
    return NULL;
}

/* Whoever comes to the door late can only make it easier for the backfill. */
static void a_crowd_of_live_work_does_not_shut_out_the_backfill(void)
{
    enum { LIVE = 150 };
    struct place place = place_new();
    struct err err = {0};
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
                        false};
    atomic_int clock = 0, begun = 0;
    struct writing holder = {.store = open_place(&place, NULL, &err), .gate = &gate};
    struct turn turns[LIVE + 1];
    pthread_t threads[LIVE + 2];
    CHECK(pthread_create(&threads[LIVE + 1], NULL, write_gate, &holder) == 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.is_inside)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i <= LIVE; i++) {
        turns[i] = (struct turn){holder.store, i < LIVE ? STORE_LIVE : STORE_BACKFILL,
                                 &clock, &begun, -1};
        CHECK(pthread_create(&threads[i], NULL, take_turn, &turns[i]) == 0);
    }
    while (atomic_load(&begun) <= LIVE)
        sched_yield();
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < LIVE + 2; i++)
        pthread_join(threads[i], NULL);
    CHECK(turns[LIVE].place >= 0 && turns[LIVE].place < 100);
    store_close(holder.store);
    place_remove(&place);
}

static void more_readers_than_there_are_is_busy(void)
{
    enum { READERS = 32 };
    struct place place = place_new();
    struct err err = {0};
    struct store *store = open_place(&place, NULL, &err);
    struct store_session *sessions[READERS + 1];
    for (int i = 0; i < READERS; i++) {
        sessions[i] = store_read(store, &err);
        CHECK(sessions[i]);
    }
    sessions[READERS] = store_read(store, &err);
    CHECK(!sessions[READERS] && err.kind == ERR_BUSY);
    CHECK(err.code && strcmp(err.code, "store_busy") == 0);
    err_clear(&err);
    CHECK(add(store, 1, &err)); /* the writer is another's affair */
    store_read_end(&sessions[7]);
    sessions[7] = store_read(store, &err);
    CHECK(sessions[7]);
    for (int i = 0; i < READERS; i++)
        store_read_end(&sessions[i]);
    store_close(store);
    place_remove(&place);
}

/* ---- migrations ---- */

static void open_and_end(const struct place *place, int ends_at)
{
    struct err err = {0};
    atomic_store(&sync_count, 0);
    atomic_store(&sync_ends_at, ends_at);
    struct store *store = open_place(place, NULL, &err);
    bool is_open = store != NULL;
    store_close(store);
    _exit(is_open ? 0 : 1);
}

static void a_migration_that_is_cut_short_is_done_again(void)
{
    struct place place = place_new();
    int kills = 0;
    bool was_killed = true;
    for (int ends_at = 1; was_killed && ends_at < 100; ends_at++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            open_and_end(&place, ends_at);
        waitpid(child, &status, 0);
        was_killed = WIFSIGNALED(status);
        kills += was_killed;
        CHECK(was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        struct err err = {0};
        struct store *store = open_place(&place, NULL, &err);
        CHECK(store && count_things(store) == 0);
        CHECK(store && count_rows(store, "SELECT count(*) FROM other") == 2);
        CHECK(store && count_rows(store, "SELECT count(*) FROM schema_migration") == 2);
        store_close(store);
        place_empty(&place);
    }
    CHECK(kills >= 3); /* the table of migrations and both of them */
    place_remove(&place);
}

/* ---- the journal ---- */

static bool was_logged(int fd, const char *word)
{
    static char lines[65536];
    ssize_t len = pread(fd, lines, sizeof lines - 1, 0);
    lines[len > 0 ? len : 0] = '\0';
    return strstr(lines, word) != NULL;
}

static int64_t journal_bytes(const struct place *place)
{
    struct stat status;
    char name[100];
    snprintf(name, sizeof name, "%s-wal", place->file);
    return stat(name, &status) == 0 ? status.st_size : -1;
}

static bool add_megabyte(struct store *store, struct err *err)
{
    static const uint8_t megabyte[1 << 20];
    struct piece piece = {0, span_of(megabyte, sizeof megabyte)};
    return store_write(store, STORE_BACKFILL, insert, &piece, err);
}

static void a_journal_that_cannot_be_emptied_is_told_and_begins_again(void)
{
    struct place place = place_new();
    struct err err = {0};
    char name[] = "/tmp/durable_log_XXXXXX";
    struct log log = {mkstemp(name), clock_system(), "test"};
    struct store *store = open_place(&place, &log, &err);
    CHECK(store && log.fd >= 0 && add(store, 1, &err));
    struct store_session *old = store_read(store, &err);
    CHECK(old);
    for (int i = 0; i < 62; i++)
        CHECK(add_megabyte(store, &err));
    CHECK(!was_logged(log.fd, "store_journal_large"));
    for (int i = 0; i < 8; i++)
        CHECK(add_megabyte(store, &err));
    /* what a piece caused is told after its answer; the next one waits for that */
    CHECK(add(store, 2, &err) && was_logged(log.fd, "store_journal_large"));
    CHECK(journal_bytes(&place) > 64 << 20);
    store_read_end(&old);
    for (int i = 0; i < 8; i++)
        CHECK(add_megabyte(store, &err));
    CHECK(journal_bytes(&place) <= 20 << 20);
    store_close(store);
    CHECK(journal_bytes(&place) == -1);
    close(log.fd);
    unlink(name);
    place_remove(&place);
}

/* ---- somebody else ---- */

static bool hold_until_told(struct store_session *session, void *context, struct err *err)
{
    const int *ends = context;
    char byte = 0;
    struct piece piece = {7, SPAN("")};
    bool is_done = insert(session, &piece, err);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(read(ends[0], &byte, 1) == 1);
    return is_done;
}

static void hold_the_database(const struct place *place, int in, int out)
{
    struct err err = {0};
    int ends[2] = {in, out};
    struct store *store = open_place(place, NULL, &err);
    bool is_done = store && store_write(store, STORE_LIVE, hold_until_told, ends, &err);
    store_close(store);
    _exit(is_done ? 0 : 1);
}

static void a_database_that_another_process_holds_is_busy(void)
{
    struct place place = place_new();
    struct err err = {0};
    int to_child[2], from_child[2], status = 0;
    char byte = 0;
    CHECK(pipe(to_child) == 0 && pipe(from_child) == 0);
    pid_t child = fork();
    if (child == 0)
        hold_the_database(&place, to_child[0], from_child[1]);
    CHECK(read(from_child[0], &byte, 1) == 1);
    struct store *store = open_place(&place, NULL, &err);
    CHECK(store); /* nothing is to be migrated, so nothing is to be waited for */
    CHECK(store && !add(store, 1, &err) && err.kind == ERR_BUSY);
    CHECK(err.code && strcmp(err.code, "store_busy") == 0);
    err_clear(&err);
    CHECK(write(to_child[1], "x", 1) == 1);
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(store && add(store, 2, &err) && count_things(store) == 2);
    store_close(store);
    for (int i = 0; i < 2; i++) {
        close(to_child[i]);
        close(from_child[i]);
    }
    place_remove(&place);
}

int main(void)
{
    RUN(every_acknowledged_write_was_synced);
    RUN(a_write_that_could_not_be_synced_is_not_acknowledged);
    RUN(what_waits_is_committed_together);
    RUN(a_crowd_of_live_work_does_not_shut_out_the_backfill);
    RUN(more_readers_than_there_are_is_busy);
    RUN(a_migration_that_is_cut_short_is_done_again);
    RUN(a_journal_that_cannot_be_emptied_is_told_and_begins_again);
    RUN(a_database_that_another_process_holds_is_busy);
    return test_done();
}
