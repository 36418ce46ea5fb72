// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child/child_parts.h"
#include "base/path.h"

enum { START_MS_MAX = 20000, END_MS_MAX = 2000 };

static int64_t now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

/* ---- beginning and end ---- */

bool child_worker_end(struct child_worker *worker, int *status)
{
    child_process_kill(&worker->process);
    path_close(&worker->socket);
    path_close(&worker->memory);
    worker->socket = worker->memory = -1;
    if (worker->requests)
        munmap(worker->requests, worker->requests_bytes);
    worker->requests = NULL;
    worker->requests_bytes = worker->ready_bytes = 0;
    return child_process_is_gone(&worker->process, END_MS_MAX, status);
}

/* Whoever was idle and is gone was ended from outside; who speaks unasked is none. */
bool child_worker_is_usable(const struct child_worker *worker, uint32_t jobs_max)
{
    uint8_t byte = 0;
    return worker->process.pid > 0 && worker->jobs < jobs_max &&
           recv(worker->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Its size is fixed, for both: no page of it can go away under a reader or a writer. */
static int new_memory(size_t bytes)
{
    const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int memory = memfd_create("tsumugi-child", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory >= 0 && ftruncate(memory, (off_t)bytes) == 0 &&
        fcntl(memory, F_ADD_SEALS, seals) == 0)
        return memory;
    path_close(&memory);
    return -1;
}

static size_t page_up(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static struct child_limits limits_of(const struct child_config *config)
{
    uint64_t jobs_ms = (uint64_t)config->cpu_ms_max * config->jobs_max;
    return (struct child_limits){.magic = CHILD_MAGIC,
                                 .parent = getpid(),
                                 .request_bytes = page_up(config->request_bytes_max),
                                 .reply_bytes = page_up(config->reply_bytes_max),
                                 .memory_bytes = config->memory_bytes_max,
                                 .cpu_s = jobs_ms / 1000 + 10};
}

/* A packet of exactly this size within the time; <0 nothing came, 0 it is gone or
 * speaks nonsense. */
static int take(int socket, void *packet, size_t size, int64_t wait_ms)
{
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    if (poll(&ready, 1, (int)wait_ms) <= 0)
        return -1;
    return recv(socket, packet, size, MSG_TRUNC | MSG_DONTWAIT) == (ssize_t)size;
}

static bool greet(struct child_worker *worker, const struct child_limits *limits)
{
    struct child_hello hello = {0};
    bool is_sent = send(worker->socket, limits, sizeof *limits, MSG_NOSIGNAL) ==
                   (ssize_t)sizeof *limits;
    bool is_there = is_sent &&
                    take(worker->socket, &hello, sizeof hello, START_MS_MAX) > 0 &&
                    hello.magic == CHILD_MAGIC && hello.is_apart <= 1;
    worker->is_apart = hello.is_apart;
    return is_there;
}

static bool map_requests(struct child_worker *worker, size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_WRITE, MAP_SHARED, worker->memory, 0);
    if (at == MAP_FAILED)
        return false;
    worker->requests = at;
    worker->requests_bytes = bytes;
    return true;
}

static int spawn(struct child_worker *worker, const struct child_config *config,
                 struct child_keeper *keeper)
{
    int ends[2] = {-1, -1};
    struct child_limits limits = limits_of(config);
    worker->memory = new_memory(limits.request_bytes + limits.reply_bytes);
    if (worker->memory < 0 || !map_requests(worker, limits.request_bytes) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    worker->socket = ends[0];
    struct child_start start = {.program = config->program,
                                .arguments = config->arguments,
                                .input = ends[1],
                                .memory = worker->memory,
                                .shows_errors = CHILD_IS_LIGHT};
    int failed = child_keeper_start(keeper, &worker->process, &start);
    path_close(&ends[1]);
    return failed;
}

bool child_worker_start(struct child_worker *worker, const struct child_config *config,
                        struct child_keeper *keeper, struct err *err)
{
    struct child_limits limits = limits_of(config);
    int status = 0;
    if (!child_worker_end(worker, &status))
        return err_set(err, ERR_BUSY, "child_start", "the one before is not gone yet");
    worker->jobs = 0;
    status = 0;
    int failed = spawn(worker, config, keeper);
    if (!failed && greet(worker, &limits) &&
        clock_getcpuclockid(worker->process.pid, &worker->cpu) == 0)
        return true;
    (void)!child_worker_end(worker, &status);
    return failed ? err_set(err, ERR_BUSY, "child_start", "no process (error %d)", failed)
                  : err_set(err, ERR_BUSY, "child_start", "ended at its start (%s %d)",
                            WIFSIGNALED(status) ? "signal" : "status",
                            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- a job ---- */

static int64_t cpu_ms(const struct child_worker *worker)
{
    struct timespec used = {0};
    if (clock_gettime(worker->cpu, &used) != 0)
        return 0; /* it is gone: its socket says so */
    return used.tv_sec * INT64_C(1000) + used.tv_nsec / 1000000;
}

static bool fail(struct child_worker *worker, struct err *err, const char *code,
                 const char *text)
{
    (void)!child_worker_end(worker, NULL);
    return err_set(err, ERR_BUSY, code, "%s", text);
}

static bool tell_death(struct child_worker *worker, struct err *err)
{
    int status = 0;
    if (!child_worker_end(worker, &status))
        return err_set(err, ERR_BUSY, "child_died", "it does not go");
    if (!WIFSIGNALED(status))
        return err_set(err, ERR_BUSY, "child_died", "status %d", WEXITSTATUS(status));
    if (WTERMSIG(status) == SIGXCPU)
        return err_set(err, ERR_BUSY, "child_timeout", "more CPU than it may");
    return err_set(err, ERR_BUSY, "child_died", "signal %d%s", WTERMSIG(status),
                   WTERMSIG(status) == SIGSYS ? " (a call that it may not make)" : "");
}

/* False: no answer. The child's own clock is read here, so it cannot lie about it. */
static bool wait_answer(struct child_worker *worker, const struct child_config *config,
                        struct child_answer *answer, struct err *err)
{
    int64_t wall_end_ms = now_ms() + config->wall_ms_max;
    int64_t cpu_end_ms = cpu_ms(worker) + config->cpu_ms_max;
    for (;;) {
        int64_t wall_left_ms = wall_end_ms - now_ms();
        int64_t cpu_left_ms = cpu_end_ms - cpu_ms(worker);
        if (wall_left_ms <= 0 || cpu_left_ms <= 0)
            return fail(worker, err, "child_timeout",
                        wall_left_ms <= 0 ? "no answer in time" : "more CPU than it may");
        int64_t left_ms = wall_left_ms < cpu_left_ms ? wall_left_ms : cpu_left_ms;
        int taken = take(worker->socket, answer, sizeof *answer,
                         left_ms < START_MS_MAX ? left_ms : START_MS_MAX);
        if (taken > 0)
            return true;
        if (taken == 0)
            return tell_death(worker, err);
    }
}

static bool is_sane(const struct child_answer *answer, const struct child_config *config,
                    uint64_t number)
{
    bool is_ours = answer->magic == CHILD_MAGIC && answer->number == number &&
                   answer->kind <= ERR_SYSTEM;
    bool has_code = memchr(answer->code, '\0', sizeof answer->code) != NULL;
    return is_ours && has_code &&
           (answer->kind == ERR_NONE ? answer->len <= config->reply_bytes_max
                                     : answer->len == 0);
}

/* Words of a child are compared, never shown. */
static bool tell_refusal(const struct child_answer *answer,
                         const struct child_config *config, struct err *err)
{
    if (strcmp(answer->code, "memory_short") == 0)
        return err_set(err, ERR_BUSY, "child_memory", "more memory than it may have");
    for (const char *const *code = config->codes; code && *code; code++)
        if (strcmp(answer->code, *code) == 0)
            return err_at(err, (enum err_kind)answer->kind, *code, answer->offset, NULL);
    return err_set(err, ERR_SYNTAX, "child_refused", "a reason without a name");
}

/* Read, not mapped: a child cannot change what was checked, nor take it away. */
static bool take_reply(struct child_worker *worker, const struct child_config *config,
                       size_t len, struct buf *reply, struct err *err)
{
    off_t at = (off_t)page_up(config->request_bytes_max);
    uint8_t *room = buf_take(reply, len);
    if (!buf_check(reply, err))
        return false;
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(worker->memory, room + done, len - done, at + (off_t)done);
        if (got <= 0) {
            reply->len -= len;
            return fail(worker, err, "child_garbled", "its memory cannot be read");
        }
        done += (size_t)got;
    }
    return true;
}

/* Pages are asked for before they are written to: a write through the mapping could not
 * say that there are none. */
static bool has_pages(struct child_worker *worker, size_t bytes)
{
    if (bytes <= worker->ready_bytes)
        return true;
    if (fallocate(worker->memory, 0, 0, (off_t)bytes) != 0)
        return false;
    worker->ready_bytes = bytes;
    return true;
}

static void put_part(struct child_worker *worker, struct span part, size_t at)
{
    if (part.len > 0)
        memcpy(worker->requests + at, part.at, part.len);
}

/* Gives the pages of a large job back. */
static void give_back(struct child_worker *worker, const struct child_config *config,
                      size_t used_bytes)
{
    size_t all = page_up(config->request_bytes_max) + page_up(config->reply_bytes_max);
    if (used_bytes <= CHILD_KEPT_BYTES || worker->memory < 0)
        return;
    worker->ready_bytes = 0;
    (void)!fallocate(worker->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                     (off_t)all);
}

static size_t request_bytes(const struct child_request *request)
{
    return request->head.len + request->tail.len;
}

static bool ask(struct child_worker *worker, const struct child_request *request,
                struct err *err)
{
    struct child_job job = {.magic = CHILD_MAGIC, .number = ++worker->number};
    job.len = request_bytes(request);
    worker->jobs++;
    if (!has_pages(worker, (size_t)job.len))
        return fail(worker, err, "child_memory", "no memory for the job");
    put_part(worker, request->head, 0);
    put_part(worker, request->tail, request->head.len);
    return send(worker->socket, &job, sizeof job, MSG_NOSIGNAL | MSG_DONTWAIT) ==
               (ssize_t)sizeof job ||
           tell_death(worker, err);
}

bool child_worker_run(struct child_worker *worker, const struct child_config *config,
                      const struct child_request *request, struct buf *reply,
                      struct err *err)
{
    struct child_answer answer = {0};
    if (!ask(worker, request, err) || !wait_answer(worker, config, &answer, err))
        return false;
    if (!is_sane(&answer, config, worker->number))
        return fail(worker, err, "child_garbled", "its answer makes no sense");
    bool is_done = answer.kind == ERR_NONE
                       ? take_reply(worker, config, (size_t)answer.len, reply, err)
                       : tell_refusal(&answer, config, err);
    give_back(worker, config, request_bytes(request) + (size_t)answer.len);
    return is_done;
}
