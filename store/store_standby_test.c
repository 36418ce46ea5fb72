// SPDX-License-Identifier: Apache-2.0
/* The first server dies in mid-work and its synchronous standby is promoted: whatever was
 * acknowledged before is there, and the store goes on by itself. Needs two real servers:
 * tools/postgres --standby. */
#include "store/store_things.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { THINGS_MAX = 20000, BEFORE = 300, AFTER = 100, WAIT_MS = 60000 };

struct writing {
    struct store *store;
    atomic_int acknowledged;
    atomic_bool is_over;
    bool is_there[THINGS_MAX]; /* acknowledged, by number */
};

static void *write_on(void *self)
{
    struct writing *writing = self;
    for (int number = 0; number < THINGS_MAX && !atomic_load(&writing->is_over);
         number++) {
        char name[16];
        struct err err = {0};
        snprintf(name, sizeof name, "%d", number);
        if (!add(writing->store, name, number, &err))
            continue;
        writing->is_there[number] = true;
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

/* Without a word to anybody, as a power cut does it: the server and its processes, which
 * would go on for a while without it. */
static void kill_server(const char *folder)
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
    CHECK(kill((pid_t)server, SIGKILL) == 0);
    char *rest = line;
    for (long child = strtol(rest, &rest, 10); child > 1; child = strtol(rest, &rest, 10))
        kill((pid_t)child, SIGKILL);
}

static void promote(const char *folder)
{
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        execlp("psql", "psql", "-q", "-X", "-h", folder, "-U", "tsumugi", "-d",
               "postgres", "-o", "/dev/null", "-c",
               "ALTER SYSTEM SET synchronous_standby_names = ''", "-c",
               "SELECT pg_promote()", "-c", "SELECT pg_reload_conf()", (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
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
        if (!writing->is_there[number])
            continue;
        store_bind_int(read, 1, number);
        CHECK(store_step(read, &has_row, &err));
        missing += !has_row;
    }
    CHECK(session);
    return missing;
}

static void nothing_acknowledged_is_lost_when_the_standby_takes_over(void)
{
    static struct writing writing;
    const char *first = getenv("TSUMUGI_TEST_POSTGRES");
    const char *second = getenv("TSUMUGI_TEST_STANDBY");
    char location[STORE_TESTSITE_BYTES];
    struct err err = {0};
    pthread_t thread;
    snprintf(location, sizeof location,
             "postgresql://tsumugi@/promoted?host=%s,%s&target_session_attrs=read-write",
             first, second);
    writing.store = open_file(location, &err);
    CHECK(writing.store);
    if (!writing.store)
        return;
    CHECK(pthread_create(&thread, NULL, write_on, &writing) == 0);
    CHECK(wait_for(&writing, BEFORE));
    kill_server(first);
    promote(second);
    int at_promotion = atomic_load(&writing.acknowledged);
    CHECK(wait_for(&writing, at_promotion + AFTER));
    atomic_store(&writing.is_over, true);
    pthread_join(thread, NULL);
    CHECK(count_missing(&writing) == 0);
    printf("# %d acknowledged, %d of them before the promotion\n",
           atomic_load(&writing.acknowledged), at_promotion);
    store_close(writing.store);
}

int main(void)
{
    if (!getenv("TSUMUGI_TEST_STANDBY")) {
        SKIP("standby", "TSUMUGI_TEST_STANDBY is not set; tools/postgres --standby does");
        return test_done();
    }
    RUN(nothing_acknowledged_is_lost_when_the_standby_takes_over);
    return test_done();
}
