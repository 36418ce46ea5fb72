// SPDX-License-Identifier: Apache-2.0
/* The synchronous standby is away for a while: what is written meanwhile is refused with
 * a name in good time, reading goes on. The first server dies in mid-work and its standby
 * is promoted: whatever was acknowledged before is there, and the store goes on by
 * itself. Needs two real servers: tools/postgres --standby. */
#include "store/store_things.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { THINGS_MAX = 60000, WRITERS = 8, BEFORE = 1000, AFTER = 500, WAIT_MS = 60000 };
enum { GIVEN_UP_MS = 20000, AWAY_MS_MAX = 30000 };

struct writing {
    struct store *store;
    atomic_int next;
    atomic_int acknowledged;
    atomic_bool is_over;
    atomic_bool is_there[THINGS_MAX]; /* acknowledged, by number */
};

static void *write_on(void *self)
{
    struct writing *writing = self;
    int number;
    while (!atomic_load(&writing->is_over) &&
           (number = atomic_fetch_add(&writing->next, 1)) < THINGS_MAX) {
        char name[16];
        struct err err = {0};
        snprintf(name, sizeof name, "%d", number);
        if (!add(writing->store, name, number, &err)) {
            CHECK(err.kind == ERR_BUSY);
            usleep(1000); /* what was acknowledged is wanted, not what was refused */
            continue;
        }
        atomic_store(&writing->is_there[number], true);
        atomic_fetch_add(&writing->acknowledged, 1);
    }
    return NULL;
}

static bool wait_for(struct writing *writing, int count)
{
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        if (atomic_load(&writing->acknowledged) >= count)
            return true;
        usleep(10000);
    }
    return false;
}

/* To the server and its processes, which would go on for a while without it. */
static void signal_server(const char *folder, int number)
{
    char path[300];
    char line[4096] = {0};
    snprintf(path, sizeof path, "%s/data/postmaster.pid", folder);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, line, sizeof line - 1) > 0);
    close(fd);
    long server = strtol(line, NULL, 10);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", server, server);
    memset(line, 0, sizeof line);
    fd = open(path, O_RDONLY);
    CHECK(server > 1 && fd >= 0 && read(fd, line, sizeof line - 1) > 0);
    close(fd);
    CHECK(kill((pid_t)server, number) == 0);
    char *rest = line;
    for (long child = strtol(rest, &rest, 10); child > 1; child = strtol(rest, &rest, 10))
        kill((pid_t)child, number);
}

static int count_missing(struct writing *writing)
{
    struct err err = {0};
    int missing = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(writing->store, &err);
    for (int number = 0; session && number < THINGS_MAX; number++) {
        CLEANUP(store_finish)
        struct store_statement *read =
            store_prepare(session, "SELECT 1 FROM thing WHERE number = ?1", &err);
        bool has_row = false;
        if (!atomic_load(&writing->is_there[number]))
            continue;
        store_bind_int(read, 1, number);
        CHECK(store_step(read, &has_row, &err));
        missing += !has_row;
    }
    CHECK(session);
    return missing;
}

static int64_t now_ms(void)
{
    struct clock clock = clock_system();
    return clock_monotonic_ms(&clock);
}

/* Neither names the option: without it the one that takes writes is looked for, too. */
static void locate(char location[STORE_TESTSITE_BYTES], const char *hosts)
{
    snprintf(location, STORE_TESTSITE_BYTES, "postgresql://tsumugi@/promoted?host=%s",
             hosts);
}

static struct store *open_both(void)
{
    char location[STORE_TESTSITE_BYTES], hosts[160];
    struct err err = {0};
    snprintf(hosts, sizeof hosts, "%s,%s", getenv("TSUMUGI_TEST_POSTGRES"),
             getenv("TSUMUGI_TEST_STANDBY"));
    locate(location, hosts);
    return open_file(location, &err);
}

struct one_write {
    struct store *store;
    atomic_bool is_over;
    struct err err;
};

static void *write_one(void *self)
{
    struct one_write *write = self;
    (void)add(write->store, "away", -1, &write->err);
    atomic_store(&write->is_over, true);
    return NULL;
}

/* A commit waits for the standby as long as it takes; whoever wants to write does not. */
static void a_standby_that_is_away_refuses_writers_in_time_and_no_reader(void)
{
    const char *second = getenv("TSUMUGI_TEST_STANDBY");
    struct one_write write = {.store = open_both()};
    struct err err = {0};
    pthread_t thread;
    CHECK(write.store && add(write.store, "before", -1, &err));
    signal_server(second, SIGSTOP);
    int64_t begun_ms = now_ms();
    CHECK(pthread_create(&thread, NULL, write_one, &write) == 0);
    while (!atomic_load(&write.is_over) && now_ms() - begun_ms < GIVEN_UP_MS)
        usleep(10000);
    CHECK(atomic_load(&write.is_over));
    printf("# given up after %d ms\n", (int)(now_ms() - begun_ms));
    CHECK(count_things(write.store) == 1);
    signal_server(second, SIGCONT);
    pthread_join(thread, NULL);
    CHECK(write.err.kind == ERR_BUSY && strcmp(write.err.code, "store_busy") == 0);
    for (begun_ms = now_ms(); !add(write.store, "after", -1, &err);) {
        CHECK(err.kind == ERR_BUSY && now_ms() - begun_ms < AWAY_MS_MAX);
        err_clear(&err);
    }
    store_close(write.store);
}

static void a_standby_alone_is_not_written_to(void)
{
    char location[STORE_TESTSITE_BYTES];
    struct err err = {0};
    locate(location, getenv("TSUMUGI_TEST_STANDBY"));
    struct store *refused = open_file(location, &err);
    CHECK(!refused && err.kind == ERR_BUSY && strcmp(err.code, "store_busy") == 0);
    store_close(refused);
}

static void nothing_acknowledged_is_lost_when_the_standby_takes_over(void)
{
    static struct writing writing;
    pthread_t threads[WRITERS];
    writing.store = open_both();
    CHECK(writing.store);
    if (!writing.store)
        return;
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_on, &writing) == 0);
    CHECK(wait_for(&writing, BEFORE));
    /* without a word to anybody, as a power cut does it */
    signal_server(getenv("TSUMUGI_TEST_POSTGRES"), SIGKILL);
    int64_t killed_ms = now_ms();
    store_testsite_promote(getenv("TSUMUGI_TEST_STANDBY"));
    int at_promotion = atomic_load(&writing.acknowledged);
    CHECK(wait_for(&writing, at_promotion + 1));
    int away_ms = (int)(now_ms() - killed_ms);
    CHECK(away_ms <= AWAY_MS_MAX);
    CHECK(wait_for(&writing, at_promotion + AFTER));
    atomic_store(&writing.is_over, true);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(count_missing(&writing) == 0);
    printf("# %d acknowledged, %d of them before the promotion; away for %d ms\n",
           atomic_load(&writing.acknowledged), at_promotion, away_ms);
    store_close(writing.store);
}

int main(void)
{
    if (!getenv("TSUMUGI_TEST_STANDBY")) {
        SKIP("standby", "TSUMUGI_TEST_STANDBY is not set; tools/postgres --standby does");
        return test_done();
    }
    RUN(a_standby_that_is_away_refuses_writers_in_time_and_no_reader);
    RUN(a_standby_alone_is_not_written_to);
    RUN(nothing_acknowledged_is_lost_when_the_standby_takes_over);
    return test_done();
}
