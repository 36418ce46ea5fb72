// SPDX-License-Identifier: Apache-2.0
/* What only a database on a server can do and suffer. */
#include "store/store_things.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>

static bool run_sql(struct store_session *session, void *context, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, context, err);
    return statement && store_run(statement, err);
}

/* Ends all other connections of this database, as a restart of the server does. */
static void cut_others(struct store *store)
{
    static char sql[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "datname = current_database() AND pid <> pg_backend_pid()";
    struct err err = {0};
    CHECK(store_write(store, STORE_LIVE, run_sql, sql, &err));
}

static void a_server_that_is_not_there_is_busy(void)
{
    struct err err = {0};
    struct store *store = open_file("postgresql://nobody@/none?host=/nowhere", &err);
    CHECK(!store && err.kind == ERR_BUSY && strcmp(err.code, "store_busy") == 0);
    CHECK(strstr(err.text, "/nowhere/.s.PGSQL")); /* why, and which of them */
}

/* ---- a host that falls silent ---- */

static void *open_and_fail(void *location)
{
    struct err err = {0};
    struct store *store = open_file(location, &err);
    CHECK(!store && err.kind == ERR_BUSY && strcmp(err.code, "store_busy") == 0);
    return NULL;
}

static int listen_anywhere(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof *at) == 0 &&
          listen(fd, 8) == 0 && getsockname(fd, (struct sockaddr *)at, &len) == 0);
    return fd;
}

/* This process's own end of what was accepted. */
static int other_end(int accepted)
{
    struct sockaddr_in peer = {0}, own = {0};
    socklen_t len = sizeof peer;
    CHECK(getpeername(accepted, (struct sockaddr *)&peer, &len) == 0);
    for (int fd = 3; fd < 1024; fd++) {
        len = sizeof own;
        if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
            own.sin_family == AF_INET && own.sin_port == peer.sin_port)
            return fd;
    }
    return -1;
}

static int option_of(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    CHECK(getsockopt(fd, level, name, &value, &len) == 0);
    return value;
}

/* The kernel asks it every few seconds, where two hours are the custom: a commit's answer
 * would be waited for that long. */
static void a_host_without_power_is_noticed_in_seconds(void)
{
    struct sockaddr_in at;
    char location[STORE_TESTSITE_BYTES];
    pthread_t thread;
    int listener = listen_anywhere(&at);
    snprintf(location, sizeof location,
             "postgresql://tsumugi@127.0.0.1:%d/none?sslmode=disable",
             ntohs(at.sin_port));
    CHECK(pthread_create(&thread, NULL, open_and_fail, location) == 0);
    int accepted = accept(listener, NULL, NULL);
    int line = other_end(accepted);
    CHECK(option_of(line, SOL_SOCKET, SO_KEEPALIVE) == 1);
    int noticed_s = option_of(line, IPPROTO_TCP, TCP_KEEPIDLE) +
                    option_of(line, IPPROTO_TCP, TCP_KEEPINTVL) *
                        option_of(line, IPPROTO_TCP, TCP_KEEPCNT);
    CHECK(noticed_s >= 5 && noticed_s <= 15);
    CHECK(option_of(line, IPPROTO_TCP, TCP_USER_TIMEOUT) == 10000);
    close(accepted);
    close(listener);
    pthread_join(thread, NULL);
}

static void a_cut_connection_is_made_again(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct store *other = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err) && count_things(store) == 1);
    cut_others(other);
    CHECK(count_things(store) == 1);
    CHECK(add(store, "b", 2, &err) && count_things(store) == 2);
    store_close(other);
    store_close(store);
    store_testsite_remove(&place);
}

/* Nothing was answered yet, so what was asked is asked again. */
static void a_late_reader_s_cut_connection_is_made_again(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct store *other = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    for (int i = 0; i < 2; i++) {
        CLEANUP(store_read_end)
        struct store_session *session = store_read_late(store, &err);
        CHECK(session && count_in(session) == 1);
        store_read_end(&session);
        session = store_read_late(store, &err);
        cut_others(other);
        CHECK(session && count_in(session) == 1);
        cut_others(other); /* and now it was */
        bool has_row = false;
        CLEANUP(store_finish)
        struct store_statement *read =
            store_prepare(session, "SELECT number FROM thing", &err);
        CHECK(!read || !store_step(read, &has_row, &err));
        CHECK(err.kind == ERR_BUSY);
        err_clear(&err);
    }
    store_close(other);
    store_close(store);
    store_testsite_remove(&place);
}

/* Without a transaction no go depends on one before. */
static void what_is_read_once_is_asked_again_when_its_connection_was_cut(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct store *other = open_place(&place);
    struct err err = {0};
    CHECK(add(store, "a", 1, &err));
    for (int i = 0; i < 2; i++) {
        CLEANUP(store_read_end)
        struct store_session *session = store_read_once(store, &err);
        CHECK(session && count_in(session) == 1);
        cut_others(other);
        CHECK(count_in(session) == 1);
    }
    store_close(other);
    store_close(store);
    store_testsite_remove(&place);
}

struct cut {
    struct store *other;
    bool is_cut;
};

static bool add_and_be_cut(struct store_session *session, void *context, struct err *err)
{
    struct cut *cut = context;
    struct thing thing = {.name = cut->is_cut ? "again" : "cut", .number = 1};
    if (!insert_thing(session, &thing, err))
        return false;
    if (!cut->is_cut) {
        CLEANUP(store_finish)
        struct store_statement *statement =
            store_prepare(session, "SELECT pg_terminate_backend(pg_backend_pid())", err);
        bool is_done = statement && store_run(statement, err);
        cut->is_cut = true;
        return is_done;
    }
    return true;
}

static void a_transaction_whose_connection_was_cut_is_repeated(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct cut cut = {0};
    struct err err = {0};
    CHECK(store_write(store, STORE_LIVE, add_and_be_cut, &cut, &err));
    CHECK(count_things(store) == 1);
    store_close(store);
    store_testsite_remove(&place);
}

static bool add_one(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *read =
        store_prepare(session, "SELECT number FROM thing WHERE name = 'sum'", err);
    bool has_row = false;
    if (!read || !store_step(read, &has_row, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *change =
        store_prepare(session, "UPDATE thing SET number = ?1 WHERE name = 'sum'", err);
    if (!change)
        return false;
    store_bind_int(change, 1, store_column_int(read, 0) + 1);
    return store_run(change, err);
}

enum { PROCESSES = 3, ROUNDS = 60 };

static void *add_often(void *self)
{
    struct err err = {0};
    bool is_done = true;
    for (int i = 0; is_done && i < ROUNDS; i++)
        is_done = store_write(self, STORE_LIVE, add_one, NULL, &err);
    return is_done ? self : NULL;
}

/* Each store stands for a server process of its own. */
static void only_one_process_writes_at_a_time(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *stores[PROCESSES];
    pthread_t threads[PROCESSES];
    struct err err = {0};
    for (int i = 0; i < PROCESSES; i++)
        stores[i] = open_place(&place);
    CHECK(add(stores[0], "sum", 0, &err));
    for (int i = 0; i < PROCESSES; i++)
        pthread_create(&threads[i], NULL, add_often, stores[i]);
    for (int i = 0; i < PROCESSES; i++) {
        void *answer = NULL;
        pthread_join(threads[i], &answer);
        CHECK(answer == stores[i]);
    }
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(stores[1], &err);
        CLEANUP(store_finish)
        struct store_statement *read =
            store_prepare(session, "SELECT number FROM thing WHERE name = 'sum'", &err);
        bool has_row = false;
        CHECK(read && store_step(read, &has_row, &err) && has_row);
        CHECK(store_column_int(read, 0) == PROCESSES * ROUNDS);
    }
    for (int i = 0; i < PROCESSES; i++)
        store_close(stores[i]);
    store_testsite_remove(&place);
}

static bool add_and_freeze(struct store_session *session, void *context, struct err *err)
{
    bool *has_frozen = context;
    struct thing thing = {.name = "frozen", .number = 1};
    if (!insert_thing(session, &thing, err))
        return false;
    if (!*has_frozen) {
        *has_frozen = true;
        raise(SIGSTOP);
    }
    return true;
}

static int write_and_freeze(const char *location)
{
    struct err err = {0};
    bool has_frozen = false;
    struct store *store = open_file(location, &err);
    bool is_kept =
        store && store_write(store, STORE_LIVE, add_and_freeze, &has_frozen, &err);
    store_close(store);
    return is_kept ? 0 : 1;
}

/* It has everybody's turn, until the server takes it away; then it begins again. */
static void a_process_that_freezes_while_it_writes_holds_the_others_up_for_seconds(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct clock clock = clock_system();
    struct err err = {0};
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(write_and_freeze(place.location));
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    int64_t begun_ms = clock_monotonic_ms(&clock);
    while (!add(store, "a", 1, &err) && clock_monotonic_ms(&clock) - begun_ms < 70000) {
        CHECK(err.kind == ERR_BUSY);
        err_clear(&err);
    }
    int held_ms = (int)(clock_monotonic_ms(&clock) - begun_ms);
    printf("# held up for %d ms\n", held_ms);
    CHECK(held_ms < 25000);
    kill(child, SIGCONT);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0 && count_things(store) == 2);
    store_close(store);
    store_testsite_remove(&place);
}

/* tools/postgres makes such a one. */
static void a_database_that_sorts_by_language_is_refused(void)
{
    char location[STORE_TESTSITE_BYTES];
    struct err err = {0};
    snprintf(location, sizeof location, "postgresql://tsumugi@/by_language?host=%s",
             getenv("TSUMUGI_TEST_POSTGRES"));
    struct store *refused = open_file(location, &err);
    CHECK(!refused && err.kind == ERR_SYSTEM && strstr(err.text, "collation C"));
}

static bool add_twice(struct store_session *session, void *context, struct err *err)
{
    struct thing thing = {.name = context, .number = 1};
    return insert_thing(session, &thing, err) && insert_thing(session, &thing, err);
}

static void a_fault_s_text_has_no_values(void)
{
    struct store_testsite place = store_testsite_new();
    struct store *store = open_place(&place);
    struct err err = {0};
    char name[] = "YAMADA";
    CHECK(!store_write(store, STORE_LIVE, add_twice, name, &err));
    CHECK(strstr(err.text, "thing_pkey") && !strstr(err.text, name));
    store_close(store);
    store_testsite_remove(&place);
}

static void several_serve_from_one_database(void)
{
    struct store_testsite place = store_testsite_new();
    struct err err = {0};
    struct store_config config = {place.location, migrations, 2, NULL};
    struct store *first = store_serve(&config, &err);
    struct store *second = store_serve(&config, &err);
    CHECK(first && second && store_is_shared(first));
    CHECK(add(first, "a", 1, &err) && count_things(second) == 1);
    store_close(second);
    store_close(first);
    store_testsite_remove(&place);
}

int main(void)
{
    if (!store_testsite_is_postgres()) {
        SKIP("PostgreSQL", "TSUMUGI_TEST_POSTGRES is not set; tools/postgres sets it");
        return test_done();
    }
    RUN(a_server_that_is_not_there_is_busy);
    RUN(a_host_without_power_is_noticed_in_seconds);
    RUN(a_cut_connection_is_made_again);
    RUN(a_late_reader_s_cut_connection_is_made_again);
    RUN(what_is_read_once_is_asked_again_when_its_connection_was_cut);
    RUN(a_transaction_whose_connection_was_cut_is_repeated);
    RUN(several_serve_from_one_database);
    RUN(only_one_process_writes_at_a_time);
    RUN(a_process_that_freezes_while_it_writes_holds_the_others_up_for_seconds);
    RUN(a_database_that_sorts_by_language_is_refused);
    RUN(a_fault_s_text_has_no_values);
    return test_done();
}
