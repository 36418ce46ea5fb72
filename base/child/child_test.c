// SPDX-License-Identifier: Apache-2.0
/* This program run again is the child, too: "--child" and the jobs below. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child/child.h"
#include "base/child/child_parts.h"
#include "base/path.h"
#include "base/test.h"

enum { MB = 1 << 20 };

extern char **environ;

/* ---- the jobs ---- */

/* What the child sees of us before it locks itself in. */
struct seen {
    int environment_count;
    int open_count;
};

static struct seen look_around(void)
{
    struct seen seen = {0};
    for (char **at = environ; *at; at++)
        seen.environment_count++;
    for (int fd = 4; fd < 1024; fd++)
        seen.open_count += fcntl(fd, F_GETFD) >= 0;
    return seen;
}

static bool job_echo(struct span rest, struct buf *reply)
{
    buf_span(reply, rest);
    return true;
}

static bool job_pid(struct span rest, struct buf *reply)
{
    (void)rest;
    buf_u64(reply, (uint64_t)getpid());
    return true;
}

static bool job_crash(struct span rest, struct buf *reply)
{
    volatile uintptr_t nowhere = 16;
    (void)rest, (void)reply;
    *(volatile uint8_t *)nowhere = 1;
    return true;
}

static bool job_abort(struct span rest, struct buf *reply)
{
    (void)rest, (void)reply;
    abort();
    return true;
}

static bool job_loop(struct span rest, struct buf *reply)
{
    (void)rest, (void)reply;
    for (volatile int i = 1; i != 0; i = 3 - i)
        ;
    return true;
}

static bool job_sleep(struct span rest, struct buf *reply)
{
    uint32_t word = 0;
    (void)rest, (void)reply;
    while (word == 0)
        syscall(SYS_futex, &word, 0, 0, NULL);
    return true;
}

static bool fork_once(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool turn_into_code(void)
{
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0;
}

/* The numbers of another architecture mean other calls. */
static bool call_as_another(void)
{
#if defined(__x86_64__)
    long answer = 0;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory");
    return answer > 0;
#else
    return raise(SIGSYS) == 0;
#endif
}

static bool can(struct span call)
{
    if (span_is(call, "file"))
        return open("/etc/hostname", O_RDONLY) >= 0;
    if (span_is(call, "environment"))
        return open("/proc/self/environ", O_RDONLY) >= 0;
    if (span_is(call, "socket"))
        return socket(AF_INET, SOCK_STREAM, 0) >= 0;
    if (span_is(call, "exec"))
        return execl("/bin/true", "true", NULL) == 0;
    if (span_is(call, "kill"))
        return kill(getppid(), 0) == 0;
    if (span_is(call, "write"))
        return write(STDOUT_FILENO, "x", 1) == 1;
    if (span_is(call, "fork"))
        return fork_once();
    if (span_is(call, "code"))
        return map_code();
    if (span_is(call, "turn"))
        return turn_into_code();
    return span_is(call, "architecture") && call_as_another();
}

static bool job_call(struct span rest, struct buf *reply)
{
    buf_byte(reply, can(rest));
    return true;
}

static bool job_descriptors(struct span rest, struct buf *reply)
{
    (void)rest;
    buf_byte(reply, write(STDERR_FILENO, "", 0) < 0 && errno == EBADF);
    return true;
}

/* Touches what it takes, as an unbounded decoder would. */
static bool job_eat(struct span rest, struct buf *reply)
{
    (void)rest, (void)reply;
    size_t taken = 0;
    for (;;) {
        uint8_t *at = malloc(MB);
        if (!at)
            return false;
        for (size_t i = 0; i < MB; i += 512)
            at[i] = 1;
        taken += MB;
        if (taken > (size_t)4096 * MB)
            return true;
    }
}

static bool job_leave_bytes(struct span rest, struct buf *reply)
{
    enum { LEN = 64 * 1024 };
    (void)rest;
    uint8_t *at = malloc(LEN);
    bool is_clean = true;
    if (!at)
        return false;
    for (volatile size_t i = 0; i < LEN; i++)
        is_clean &= *(volatile uint8_t *)(at + i) != 'P';
    memset(at, 'P', LEN);
    __asm__ volatile("" : : "r"(at) : "memory");
    free(at);
    buf_byte(reply, is_clean);
    return true;
}

static bool job_hangup(struct span rest, struct buf *reply)
{
    struct child_answer answer = {.magic = CHILD_MAGIC};
    (void)rest, (void)reply;
    (void)!send(CHILD_SOCKET, &answer, sizeof answer / 2, 0);
    _exit(3);
    return true;
}

static bool job_exit(struct span rest, struct buf *reply)
{
    (void)rest, (void)reply;
    _exit(7);
    return true;
}

/* Answers in the handler's place; the true answer then comes unasked. */
static bool job_lie(struct span rest, struct buf *reply)
{
    (void)reply;
    (void)!send(CHILD_SOCKET, rest.at, rest.len, 0);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct span rest, struct buf *reply);
} jobs[] = {
    {"echo:", job_echo},         {"pid:", job_pid},
    {"crash:", job_crash},       {"abort:", job_abort},
    {"loop:", job_loop},         {"sleep:", job_sleep},
    {"call:", job_call},         {"descriptors:", job_descriptors},
    {"leave:", job_leave_bytes}, {"hang up:", job_hangup},
    {"exit:", job_exit},         {"lie:", job_lie},
};

static bool run_job(void *self, struct span request, struct buf *reply, struct err *err)
{
    const struct seen *seen = self;
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        if (span_starts(request, jobs[i].name))
            return jobs[i].run(span_part(request, strlen(jobs[i].name), SIZE_MAX), reply);
    if (span_starts(request, "seen:"))
        buf_format(reply, "%d %d", seen->environment_count, seen->open_count);
    if (span_starts(request, "eat:") && !job_eat(request, reply))
        return err_set(err, ERR_BUSY, "memory_short", "none left");
    if (span_starts(request, "refuse:"))
        return err_at(err, ERR_LIMIT, "test_refused", 77, "1.2.3");
    if (span_starts(request, "blurt:"))
        return err_set(err, ERR_LIMIT, "tanaka_taro", "Tanaka Taro");
    return true;
}

static int serve(void)
{
    struct seen seen = look_around();
    const struct child_handler handler = {run_job, &seen};
    child_serve(&handler);
}

/* ---- the pool's side ---- */

static const char *const words[] = {"--child", NULL};
static const char *const codes[] = {"test_other", "test_refused", NULL};

static struct child_config plain(void)
{
    return (struct child_config){.arguments = words,
                                 .codes = codes,
                                 .request_bytes_max = 64 * MB,
                                 .reply_bytes_max = 64 * MB,
                                 .memory_bytes_max = 256 * MB,
                                 .cpu_ms_max = 20000,
                                 .wall_ms_max = 60000,
                                 .jobs_max = 100000,
                                 .count = 1,
                                 .waiting_max = 64};
}

static struct child_pool *open_pool(const struct child_config *config)
{
    struct err err = {0};
    struct child_pool *pool = child_pool_new(config, &err);
    if (!pool)
        printf("# no pool: %s\n", err.text);
    return pool;
}

/* What comes of a job: the reply, or the error's code; its text too. */
static const char *ask(struct child_pool *pool, const char *request,
                       char text[ERR_TEXT_MAX])
{
    static _Thread_local char said[256];
    CLEANUP(buf_free) struct buf reply = buf_init(64 * MB);
    struct err err = {0};
    bool is_done = child_run(pool, span_cstr(request), &reply, &err);
    if (text)
        snprintf(text, ERR_TEXT_MAX, "%s", err.text);
    if (!is_done)
        return err.code;
    snprintf(said, sizeof said, "%.*s", reply.len > 200 ? 200 : (int)reply.len,
             (const char *)reply.at);
    return said;
}

static bool is(struct child_pool *pool, const char *request, const char *expected)
{
    char text[ERR_TEXT_MAX];
    const char *said = ask(pool, request, text);
    if (strcmp(said, expected) != 0)
        printf("# %s %s (%s)\n", request, said, text);
    return strcmp(said, expected) == 0;
}

static pid_t pid_of(struct child_pool *pool)
{
    uint64_t pid = 0;
    return span_uint(span_cstr(ask(pool, "pid:", NULL)), INT_MAX, &pid) ? (pid_t)pid : 0;
}

static void bytes_come_back(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    CHECK(is(pool, "echo:Hello", "Hello"));
    CHECK(is(pool, "echo:", ""));
    CHECK(is(pool, "echo:again", "again"));
    struct child_counts counts = child_pool_counts(pool);
    CHECK(counts.jobs == 3 && counts.starts == 1 && counts.deaths == 0);
    CHECK(counts.busy == 0 && counts.waiting == 0);
    child_pool_free(pool);
}

static void large_ones_come_back_whole_and_larger_ones_are_refused(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    struct err err = {0};
    size_t len = 40 * MB;
    uint8_t *request = malloc(64 * MB + 1);
    CLEANUP(buf_free) struct buf reply = buf_init(128 * MB);
    memcpy(request, "echo:", 5);
    for (size_t i = 5; i < len; i++)
        request[i] = (uint8_t)(i * 7 + i / 251);
    buf_cstr(&reply, "before");
    CHECK(child_run(pool, span_of(request, len), &reply, &err));
    CHECK(reply.len == 6 + len - 5 && memcmp(reply.at, "before", 6) == 0);
    CHECK(reply.len == 6 + len - 5 && memcmp(reply.at + 6, request + 5, len - 5) == 0);
    CHECK(!child_run(pool, span_of(request, 64 * MB + 1), &reply, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "child_request") == 0);
    err = (struct err){0};
    struct buf small = buf_init(100);
    CHECK(!child_run(pool, span_of(request, 1000), &small, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "buf_full") == 0);
    CHECK(is(pool, "echo:x", "x"));
    buf_free(&small);
    free(request);
    child_pool_free(pool);
}

static void its_errors_have_our_words_and_never_its_own(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    struct err err = {0};
    struct buf reply = buf_init(MB);
    CHECK(!child_run(pool, span_cstr("refuse:"), &reply, &err));
    CHECK(err.kind == ERR_LIMIT && err.code == codes[1] && err.offset == 77);
    err = (struct err){0};
    CHECK(!child_run(pool, span_cstr("blurt:"), &reply, &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "child_refused") == 0);
    CHECK(!strcasestr(err.text, "tanaka"));
    buf_free(&reply);
    CHECK(child_pool_counts(pool).starts == 1);
    child_pool_free(pool);
}

static void a_crash_is_a_failed_job_with_its_signal(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    char text[ERR_TEXT_MAX];
    CHECK(strcmp(ask(pool, "crash:", text), "child_died") == 0);
    CHECK(CHILD_IS_LIGHT || strcmp(text, "signal 11") == 0);
    CHECK(is(pool, "echo:on", "on"));
    CHECK(strcmp(ask(pool, "abort:", text), "child_died") == 0);
    CHECK(CHILD_IS_LIGHT || strcmp(text, "signal 6") == 0);
    CHECK(is(pool, "echo:on", "on"));
    CHECK(strcmp(ask(pool, "exit:", text), "child_died") == 0);
    CHECK(strcmp(text, "status 7") == 0);
    CHECK(is(pool, "echo:on", "on"));
    CHECK(child_pool_counts(pool).deaths == 3);
    child_pool_free(pool);
}

static void a_thousand_deaths_in_a_row_leave_the_pool_answering(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    int count = CHILD_IS_LIGHT ? 20 : 1000;
    int died = 0;
    for (int i = 0; i < count; i++)
        died += strcmp(ask(pool, "exit:", NULL), "child_died") == 0;
    CHECK(died == count);
    CHECK(is(pool, "echo:still", "still"));
    CHECK(child_pool_counts(pool).starts == (uint64_t)count + 1);
    child_pool_free(pool);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void calls_that_it_may_not_make_kill_it(void)
{
    static const char *const forbidden[] = {
        "call:file",         "call:environment", "call:socket", "call:fork",
        "call:exec",         "call:code",        "call:turn",   "call:kill",
        "call:architecture", "call:write"};
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    char text[ERR_TEXT_MAX];
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        const char *said = ask(pool, forbidden[i], text);
        bool is_killed = strcmp(said, "child_died") == 0 && strstr(text, "signal 31");
        if (!is_killed)
            printf("# %s %s (%s)\n", forbidden[i], said, text);
        CHECK(is_killed);
    }
    CHECK(is(pool, "echo:on", "on"));
    child_pool_free(pool);
}

static void under_sanitizers_it_reaches_neither_network_nor_programs(void)
{
    static const char *const forbidden[] = {"call:socket", "call:exec", "call:kill"};
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        CHECK(is(pool, forbidden[i], "child_died"));
    child_pool_free(pool);
}

static void it_has_nothing_of_ours(void)
{
    struct child_config config = plain();
    int file = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    int ours = fcntl(file, F_DUPFD, 50); /* without O_CLOEXEC */
    setenv("TSUMUGI_TEST_SECRET", "hunter2", 1);
    struct child_pool *pool = open_pool(&config);
    CHECK(ours >= 0 && is(pool, "seen:", "0 0"));
    CHECK(CHILD_IS_LIGHT || is(pool, "descriptors:", "\1"));
    child_pool_free(pool);
    unsetenv("TSUMUGI_TEST_SECRET");
    close(ours);
    close(file);
}

static void what_a_job_freed_is_not_found_by_the_next(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    CHECK(is(pool, "leave:", "\1") && is(pool, "leave:", "\1"));
    child_pool_free(pool);
}

static void an_endless_loop_ends_by_its_cpu(void)
{
    struct child_config config = plain();
    char text[ERR_TEXT_MAX];
    config.cpu_ms_max = 100;
    struct child_pool *pool = open_pool(&config);
    CHECK(strcmp(ask(pool, "loop:", text), "child_timeout") == 0 && strstr(text, "CPU"));
    CHECK(is(pool, "echo:on", "on"));
    child_pool_free(pool);
}

static void one_that_only_waits_ends_by_the_clock(void)
{
    struct child_config config = plain();
    char text[ERR_TEXT_MAX];
    config.wall_ms_max = 100;
    struct child_pool *pool = open_pool(&config);
    CHECK(strcmp(ask(pool, "sleep:", text), "child_timeout") == 0 &&
          strstr(text, "in time"));
    config.wall_ms_max = 60000;
    child_pool_free(pool);
}

static void memory_without_end_is_not_there(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    CHECK(is(pool, "eat:", "child_memory"));
    child_pool_free(pool);
}

/* ---- answers of a child that somebody else drives ---- */

static const char *lie(struct child_pool *pool, const void *packet, size_t len)
{
    CLEANUP(buf_free) struct buf request = buf_init(4096);
    CLEANUP(buf_free) struct buf reply = buf_init(MB);
    struct err err = {0};
    buf_cstr(&request, "lie:");
    buf_put(&request, packet, len);
    return child_run(pool, buf_view(&request), &reply, &err) ? "done" : err.code;
}

static void answers_that_make_no_sense_end_the_child(void)
{
    struct child_config config = plain();
    config.reply_bytes_max = 3 * MB;
    struct child_pool *pool = open_pool(&config);
    struct child_answer good = {.magic = CHILD_MAGIC, .number = 1};
    struct child_answer bad[6];
    for (int i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].len = UINT64_MAX;
    bad[1].len = 3 * MB + 1;
    bad[2].magic = 1;
    bad[3].number = 99;
    bad[4].kind = 200;
    bad[5].kind = ERR_LIMIT;
    memset(bad[5].code, 'x', sizeof bad[5].code); /* no end */
    for (uint64_t i = 0; i < 6; i++) {
        if (i != 3)
            bad[i].number = i + 1;
        const char *said = lie(pool, &bad[i], sizeof bad[i]);
        CHECK(strcmp(said, "child_garbled") == 0);
        CHECK(child_pool_counts(pool).deaths == i + 1);
    }
    CHECK(strcmp(lie(pool, &good, 7), "child_died") == 0); /* half a packet */
    CHECK(strcmp(lie(pool, bad, sizeof bad), "child_died") == 0);
    CHECK(is(pool, "hang up:", "child_died"));
    CHECK(is(pool, "echo:on", "on"));
    child_pool_free(pool);
}

/* Its true answer comes unasked, before the next job or in place of that one's. */
static void one_that_answers_twice_is_replaced(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    struct child_answer good = {.magic = CHILD_MAGIC, .number = 1};
    CHECK(strcmp(lie(pool, &good, sizeof good), "done") == 0);
    const char *said = ask(pool, "echo:mine", NULL);
    CHECK(strcmp(said, "mine") == 0 || strcmp(said, "child_garbled") == 0);
    CHECK(is(pool, "echo:mine", "mine") && child_pool_counts(pool).starts == 2);
    child_pool_free(pool);
}

/* ---- who lives how long ---- */

/* Waits until it is gone; our own stay for their parent to take. */
static bool is_gone(pid_t pid)
{
    CLEANUP(path_close) int process = pidfd_open(pid, 0);
    struct pollfd ready = {.fd = process, .events = POLLIN};
    return process < 0 || poll(&ready, 1, 30000) == 1;
}

static void an_idle_one_that_was_killed_is_replaced_unnoticed(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    pid_t before = pid_of(pool);
    CHECK(before > 0 && kill(before, SIGKILL) == 0 && is_gone(before));
    pid_t after = pid_of(pool);
    CHECK(after > 0 && after != before);
    CHECK(child_pool_counts(pool).deaths == 0 && child_pool_counts(pool).starts == 2);
    child_pool_free(pool);
    CHECK(is_gone(after));
}

static void after_so_many_jobs_another_one_comes(void)
{
    struct child_config config = plain();
    config.jobs_max = 3;
    struct child_pool *pool = open_pool(&config);
    pid_t first = pid_of(pool);
    CHECK(pid_of(pool) == first && pid_of(pool) == first);
    CHECK(pid_of(pool) != first);
    child_pool_free(pool);
}

static void *ask_pid(void *pool)
{
    pid_t *pid = malloc(sizeof *pid);
    *pid = pid_of(pool);
    return pid;
}

static pid_t pid_by_thread(struct child_pool *pool)
{
    pthread_t thread;
    void *answer = NULL;
    if (pthread_create(&thread, NULL, ask_pid, pool) != 0)
        return -1;
    pthread_join(thread, &answer);
    pid_t pid = *(pid_t *)answer;
    free(answer);
    return pid;
}

static void it_outlives_the_thread_that_needed_it_first(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    pid_t first = pid_by_thread(pool);
    CHECK(first > 0 && pid_by_thread(pool) == first && pid_of(pool) == first);
    child_pool_free(pool);
}

/* A whole program with a pool and a busy child; writes the child's number. */
static void be_parent(int out)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    pid_t pid = pid_of(pool);
    (void)!write(out, &pid, sizeof pid);
    ask(pool, "loop:", NULL);
    _exit(0);
}

static void a_killed_parent_leaves_no_busy_child_behind(void)
{
    int ends[2];
    pid_t child = 0;
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    fflush(stdout);
    pid_t parent = fork();
    if (parent == 0)
        be_parent(ends[1]);
    CHECK(read(ends[0], &child, sizeof child) == (ssize_t)sizeof child);
    CLEANUP(path_close) int process = pidfd_open(child, 0);
    struct pollfd ready = {.fd = process, .events = POLLIN};
    CHECK(process >= 0 && poll(&ready, 1, 0) == 0);
    CHECK(kill(parent, SIGKILL) == 0 && waitpid(parent, NULL, 0) == parent);
    CHECK(poll(&ready, 1, 10000) == 1);
    close(ends[0]);
    close(ends[1]);
}

/* ---- many at once ---- */

enum { THREADS = 8, ROUNDS = 200 };

struct crowd {
    struct child_pool *pool;
    int number;
    int wrong;
};

static void *ask_often(void *self)
{
    struct crowd *one = self;
    char request[64], expected[64];
    for (int i = 0; i < ROUNDS; i++) {
        bool is_bad = i % 50 == one->number;
        snprintf(request, sizeof request, "echo:%d of %d", i, one->number);
        snprintf(expected, sizeof expected, "%d of %d", i, one->number);
        one->wrong += is_bad ? !is(one->pool, "exit:", "child_died")
                             : !is(one->pool, request, expected);
    }
    return NULL;
}

static void eight_threads_share_three_children(void)
{
    struct child_config config = plain();
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    config.count = 3;
    config.jobs_max = 40;
    struct child_pool *pool = open_pool(&config);
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){pool, i, 0};
        CHECK(pthread_create(&threads[i], NULL, ask_often, &crowd[i]) == 0);
    }
    int wrong = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        wrong += crowd[i].wrong;
    }
    CHECK(wrong == 0);
    struct child_counts counts = child_pool_counts(pool);
    CHECK(counts.jobs == THREADS * ROUNDS && counts.deaths == 4 * THREADS);
    CHECK(counts.busy == 0 && counts.waiting == 0);
    child_pool_free(pool);
}

static void *ask_for_ever(void *pool)
{
    return (void *)(uintptr_t)(strcmp(ask(pool, "loop:", NULL), "child_timeout") == 0);
}

/* Waits for a condition of the pool's own. */
static bool comes_to(struct child_pool *pool, int busy, int waiting)
{
    for (int i = 0; i < 20000; i++) {
        struct child_counts counts = child_pool_counts(pool);
        if (counts.busy == busy && counts.waiting == waiting)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

static void too_many_that_wait_are_sent_away(void)
{
    struct child_config config = plain();
    pthread_t threads[3];
    void *is_fine = NULL;
    config.waiting_max = 2;
    config.cpu_ms_max = 1500;
    struct child_pool *pool = open_pool(&config);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, ask_for_ever, pool) == 0);
    CHECK(comes_to(pool, 1, 2));
    CHECK(is(pool, "echo:", "child_queue"));
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &is_fine);
        CHECK(is_fine != NULL);
    }
    CHECK(is(pool, "echo:on", "on"));
    child_pool_free(pool);
}

/* ---- starts that fail ---- */

static void one_that_ends_at_its_start_is_not_tried_again_and_again(void)
{
    static const char *const programs[] = {"/bin/false", "/nowhere/tsumugi"};
    for (size_t i = 0; i < 2; i++) {
        struct child_config config = plain();
        config.program = programs[i];
        struct child_pool *pool = open_pool(&config);
        for (int k = 0; k < 200; k++)
            CHECK(is(pool, "echo:", "child_start"));
        struct child_counts counts = child_pool_counts(pool);
        CHECK(counts.starts >= 1 && counts.starts < 20 && counts.deaths == 0);
        child_pool_free(pool);
    }
}

static void the_shared_memory_cannot_be_cut_off(void)
{
    struct child_config config = plain();
    struct child_pool *pool = open_pool(&config);
    char name[64];
    CHECK(is(pool, "echo:on", "on"));
    bool is_found = false;
    for (int fd = 3; fd < 64 && !is_found; fd++) {
        char target[128] = "";
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(name, target, sizeof target - 1);
        if (len > 0 && strstr(target, "tsumugi-child")) {
            is_found = true;
            CHECK(ftruncate(fd, 4096) < 0 && errno == EPERM);
            CHECK(ftruncate(fd, 1L << 40) < 0 && errno == EPERM);
        }
    }
    CHECK(is_found);
    child_pool_free(pool);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        return serve();
    RUN(bytes_come_back);
    RUN(large_ones_come_back_whole_and_larger_ones_are_refused);
    RUN(its_errors_have_our_words_and_never_its_own);
    RUN(a_crash_is_a_failed_job_with_its_signal);
    RUN(a_thousand_deaths_in_a_row_leave_the_pool_answering);
    if (CHILD_IS_LIGHT) {
        SKIP("calls_that_it_may_not_make_kill_it", "sanitizers make more calls");
        SKIP("memory_without_end_is_not_there", "sanitizers have shadows");
        SKIP("what_a_job_freed_is_not_found_by_the_next", "their own heap");
        RUN(under_sanitizers_it_reaches_neither_network_nor_programs);
    } else {
        RUN(calls_that_it_may_not_make_kill_it);
        RUN(memory_without_end_is_not_there);
        RUN(what_a_job_freed_is_not_found_by_the_next);
    }
    RUN(it_has_nothing_of_ours);
    RUN(an_endless_loop_ends_by_its_cpu);
    RUN(one_that_only_waits_ends_by_the_clock);
    RUN(answers_that_make_no_sense_end_the_child);
    RUN(one_that_answers_twice_is_replaced);
    RUN(an_idle_one_that_was_killed_is_replaced_unnoticed);
    RUN(after_so_many_jobs_another_one_comes);
    RUN(it_outlives_the_thread_that_needed_it_first);
    RUN(a_killed_parent_leaves_no_busy_child_behind);
    RUN(eight_threads_share_three_children);
    RUN(too_many_that_wait_are_sent_away);
    RUN(one_that_ends_at_its_start_is_not_tried_again_and_again);
    RUN(the_shared_memory_cannot_be_cut_off);
    return test_done();
}
