// SPDX-License-Identifier: Apache-2.0
#undef _FORTIFY_SOURCE /* whose inline versions would be defined a second time */
#include "test/simulate/scheduler.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/rand.h"

enum {
    TASKS_MAX = 4096,
    POLLED_MAX = 256,
    LOOK_EVERY = 64,       /* turns between two looks at descriptors */
    LOCK_YIELD = 30,       /* of a thousand locks that were free */
    TURN_US = 2,           /* what a turn takes */
    STACK_BYTES = 1 << 20, /* of a task */
    RANGES_MAX = 128,
    DESCRIPTORS_MAX = 4096
};

enum state { READY, ON_LOCK, ON_CONDITION, ON_TIME, ON_DESCRIPTORS, ON_END, ENDED, DEAD };

struct task {
    enum state state;
    int turn; /* futex: 1 = yours */
    int node;
    int number;
    void *on;         /* lock or condition */
    int64_t until_us; /* INT64_MAX = for ever */
    bool is_late;     /* until_us came */
    struct pollfd *polled;
    size_t polled_count;
    int shared_locks; /* held, of libraries */
    void *(*start)(void *context);
    void *context;
    void *result;
    pthread_t thread;
};

struct range {
    uintptr_t from, to;
};

/* allowed: stands in for the machine */
static struct {
    bool is_on;
    struct task *tasks[TASKS_MAX];
    int count;
    struct task *current;
    int64_t now_us;
    int64_t begin_wall_ms;
    int64_t wall_offset_ms[SCHEDULER_NODES_MAX];
    int64_t most_offset_ms[SCHEDULER_NODES_MAX];
    struct rand_seeded streams[STREAM_COUNT];
    struct rand_seeded node_random[SCHEDULER_NODES_MAX + 1];
    struct range ranges[RANGES_MAX]; /* data of libraries and of this program */
    int range_count;
    uint64_t turns, trace;
    struct {
        int fd, node;
    } descriptors[DESCRIPTORS_MAX]; /* that nobody else closes at a node's end */
    int descriptor_count;
} machine;

static _Thread_local struct task *self;

/* ---- the C library's own, behind ours ---- */

static int create_thread(pthread_t *thread, const pthread_attr_t *attributes,
                         void *(*start)(void *context), void *context)
{
    typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static create *real;
    void *found = dlsym(RTLD_NEXT, "pthread_create");
    assert(found);
    memcpy(&real, &found, sizeof real); /* as dlsym(3) has it */
    return real(thread, attributes, start, context);
}

/* ---- whose turn it is ---- */

static void futex_wait(int *at)
{
    while (__atomic_load_n(at, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    __atomic_store_n(at, 0, __ATOMIC_RELEASE);
}

static void futex_wake(int *at)
{
    __atomic_store_n(at, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

uint64_t scheduler_draw(enum scheduler_stream stream)
{
    return rand_seeded_next(&machine.streams[stream]);
}

int64_t scheduler_below(enum scheduler_stream stream, int64_t bound)
{
    return (int64_t)rand_seeded_below(&machine.streams[stream], (uint64_t)bound);
}

bool scheduler_chance(enum scheduler_stream stream, int of_thousand)
{
    return scheduler_below(stream, 1000) < of_thousand;
}

static void look_at_descriptors(void)
{
    static struct pollfd all[POLLED_MAX];
    static struct task *whose[POLLED_MAX];
    nfds_t count = 0;
    for (int i = 0; i < machine.count; i++) {
        struct task *task = machine.tasks[i];
        if (task->state != ON_DESCRIPTORS)
            continue;
        for (size_t k = 0; k < task->polled_count && count < POLLED_MAX; k++) {
            all[count] = task->polled[k];
            whose[count++] = task;
        }
    }
    static const struct timespec at_once = {0, 0};
    if (count == 0 || syscall(SYS_ppoll, all, count, &at_once, NULL, 0) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++)
        if (all[i].revents)
            whose[i]->state = READY;
}

static int list_ready(struct task *ready[TASKS_MAX])
{
    int count = 0;
    for (int i = 0; i < machine.count; i++) {
        struct task *task = machine.tasks[i];
        if (task->state != READY && task->state < ENDED &&
            task->until_us <= machine.now_us) {
            task->state = READY;
            task->is_late = true;
        }
        if (task->state == READY)
            ready[count++] = task;
    }
    return count;
}

/* False when nobody waits for a time. */
static bool pass_time(void)
{
    int64_t next_us = INT64_MAX;
    for (int i = 0; i < machine.count; i++)
        if (machine.tasks[i]->state < ENDED && machine.tasks[i]->until_us < next_us)
            next_us = machine.tasks[i]->until_us;
    if (next_us == INT64_MAX)
        return false;
    if (next_us > machine.now_us)
        machine.now_us = next_us;
    return true;
}

static void forget_ended(void)
{
    int kept = 0;
    for (int i = 0; i < machine.count; i++)
        if (machine.tasks[i]->state < ENDED)
            machine.tasks[kept++] = machine.tasks[i];
    machine.count = kept;
}

static struct task *choose(void)
{
    static struct task *ready[TASKS_MAX];
    bool has_looked = ++machine.turns % LOOK_EVERY == 0;
    machine.now_us += TURN_US;
    if (has_looked) {
        look_at_descriptors();
        forget_ended();
    }
    for (;;) {
        int count = list_ready(ready);
        if (count > 0) {
            struct task *task = ready[scheduler_below(STREAM_ORDER, count)];
            machine.trace = machine.trace * 0x100000001B3UL + (unsigned)task->number;
            return task;
        }
        if (!has_looked) {
            look_at_descriptors();
            has_looked = true;
            continue;
        }
        has_looked = false;
        if (!pass_time()) {
            fprintf(stderr, "simulate: everybody waits for ever\n");
            scheduler_show();
            abort();
        }
    }
}

/* Gives the turn away; comes back when it is this task's again. */
static void hand_over(void)
{
    struct task *mine = self;
    struct task *task = choose();
    task->until_us = INT64_MAX;
    if (task == mine)
        return;
    machine.current = task;
    futex_wake(&task->turn);
    futex_wait(&mine->turn);
}

static bool is_playing(void)
{
    return machine.is_on && self && self == machine.current;
}

static void wait_as(enum state state, void *on, int64_t until_us)
{
    self->state = state;
    self->on = on;
    self->until_us = until_us;
    self->is_late = false;
    hand_over();
}

void scheduler_yield(void)
{
    if (is_playing())
        wait_as(READY, NULL, INT64_MAX);
}

void scheduler_sleep_us(int64_t duration_us)
{
    if (is_playing())
        wait_as(ON_TIME, NULL, machine.now_us + duration_us);
}

static void wake_on(enum state state, const void *on)
{
    for (int i = 0; i < machine.count; i++)
        if (machine.tasks[i]->state == state && machine.tasks[i]->on == on)
            machine.tasks[i]->state = READY;
}

/* ---- locks: owner and depth are kept where the C library keeps its own ---- */

static bool is_shared_lock(const pthread_mutex_t *lock)
{
    uintptr_t at = (uintptr_t)lock;
    for (int i = 0; i < machine.range_count; i++)
        if (at >= machine.ranges[i].from && at < machine.ranges[i].to)
            return true;
    return false;
}

static void count_shared(const pthread_mutex_t *lock, int by)
{
    if (is_shared_lock(lock))
        self->shared_locks += by;
}

static bool try_lock(pthread_mutex_t *lock)
{
    bool is_recursive = (lock->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP;
    if (lock->__data.__owner == self->number && is_recursive) {
        lock->__data.__count++;
        return true;
    }
    if (lock->__data.__owner != 0)
        return false;
    lock->__data.__owner = self->number;
    lock->__data.__count = 1;
    count_shared(lock, 1);
    return true;
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
    if (!is_playing())
        return 0;
    if (scheduler_chance(STREAM_ORDER, LOCK_YIELD))
        scheduler_yield();
    while (!try_lock(lock))
        wait_as(ON_LOCK, lock, INT64_MAX);
    return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *lock)
{
    if (!is_playing())
        return 0;
    return try_lock(lock) ? 0 : EBUSY;
}

int pthread_mutex_unlock(pthread_mutex_t *lock)
{
    if (!is_playing())
        return 0;
    assert(lock->__data.__owner == self->number);
    if (--lock->__data.__count > 0)
        return 0;
    lock->__data.__owner = 0;
    count_shared(lock, -1);
    wake_on(ON_LOCK, lock);
    return 0;
}

static int wait_for(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us)
{
    assert(is_playing());
    pthread_mutex_unlock(lock);
    wait_as(ON_CONDITION, condition, until_us);
    bool is_late = self->is_late;
    while (!try_lock(lock))
        wait_as(ON_LOCK, lock, INT64_MAX);
    return is_late ? ETIMEDOUT : 0;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    return wait_for(condition, lock, INT64_MAX);
}

/* All of ours wait by the monotonic clock. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                           const struct timespec *until)
{
    return wait_for(condition, lock,
                    (int64_t)until->tv_sec * 1000000 + until->tv_nsec / 1000);
}

int pthread_cond_broadcast(pthread_cond_t *condition)
{
    if (is_playing())
        wake_on(ON_CONDITION, condition);
    return 0;
}

int pthread_cond_signal(pthread_cond_t *condition)
{
    struct task *waiting[TASKS_MAX];
    int count = 0;
    for (int i = 0; i < machine.count; i++)
        if (machine.tasks[i]->state == ON_CONDITION && machine.tasks[i]->on == condition)
            waiting[count++] = machine.tasks[i];
    if (is_playing() && count > 0)
        waiting[scheduler_below(STREAM_ORDER, count)]->state = READY;
    return 0;
}

/* ---- threads ---- */

static void *run_task(void *context)
{
    self = context;
    futex_wait(&self->turn);
    self->result = self->start(self->context);
    self->state = ENDED;
    wake_on(ON_END, self);
    struct task *next = choose();
    next->until_us = INT64_MAX;
    machine.current = next;
    futex_wake(&next->turn);
    for (;;) /* its thread-local things are nobody's business any more */
        pause();
    return NULL;
}

static struct task *add_task(int node)
{
    static int numbers;
    assert(machine.count < TASKS_MAX);
    struct task *task = calloc(1, sizeof *task);
    assert(task);
    task->number = ++numbers;
    task->node = node;
    task->until_us = INT64_MAX;
    machine.tasks[machine.count++] = task;
    return task;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *context), void *context)
{
    if (!machine.is_on)
        return create_thread(thread, attributes, start, context);
    assert(is_playing());
    struct task *task = add_task(self->node);
    task->start = start;
    task->context = context;
    pthread_attr_t own;
    pthread_attr_init(&own);
    pthread_attr_setstacksize(&own, STACK_BYTES);
    pthread_attr_setdetachstate(&own, PTHREAD_CREATE_DETACHED);
    int failed = create_thread(&task->thread, &own, run_task, task);
    pthread_attr_destroy(&own);
    if (failed) {
        task->state = DEAD;
        return failed;
    }
    *thread = task->thread;
    return 0;
}

int pthread_join(pthread_t thread, void **result)
{
    struct task *task = NULL;
    for (int i = 0; i < machine.count && !task; i++)
        if (pthread_equal(machine.tasks[i]->thread, thread))
            task = machine.tasks[i];
    if (!task) /* it ended, and was forgotten since */
        return 0;
    while (task->state != ENDED)
        wait_as(ON_END, task, INT64_MAX);
    if (result)
        *result = task->result;
    return 0;
}

static bool holds_shared(int node)
{
    for (int i = 0; i < machine.count; i++)
        if (machine.tasks[i]->node == node && machine.tasks[i]->state < ENDED &&
            machine.tasks[i]->shared_locks > 0)
            return true;
    return false;
}

void scheduler_kill(int node)
{
    assert(self->node != node);
    while (holds_shared(node))
        scheduler_yield();
    for (int i = 0; i < machine.count; i++)
        if (machine.tasks[i]->node == node && machine.tasks[i]->state < ENDED)
            machine.tasks[i]->state = DEAD;
    for (int i = 0; i < machine.descriptor_count; i++)
        if (machine.descriptors[i].node == node && machine.descriptors[i].fd >= 0)
            close(machine.descriptors[i].fd);
}

int scheduler_count(int node)
{
    int count = 0;
    for (int i = 0; i < machine.count; i++)
        count += machine.tasks[i]->node == node && machine.tasks[i]->state < ENDED;
    return count;
}

int scheduler_enter(int node)
{
    int before = self->node;
    self->node = node;
    return before;
}

int scheduler_node(void)
{
    return self ? self->node : SCHEDULER_OUTSIDE;
}

/* ---- time ---- */

int64_t scheduler_now_us(void)
{
    return machine.now_us;
}

int64_t scheduler_wall_ms(int node)
{
    int64_t offset_ms = node >= 0 ? machine.wall_offset_ms[node] : 0;
    return machine.begin_wall_ms + machine.now_us / 1000 + offset_ms;
}

void scheduler_move_wall(int node, int64_t by_ms)
{
    machine.wall_offset_ms[node] += by_ms;
    if (machine.wall_offset_ms[node] > machine.most_offset_ms[node])
        machine.most_offset_ms[node] = machine.wall_offset_ms[node];
}

void scheduler_catch_up_wall(int node)
{
    machine.wall_offset_ms[node] = machine.most_offset_ms[node];
}

static void put_time(struct timespec *at, int64_t us)
{
    at->tv_sec = us / 1000000;
    at->tv_nsec = us % 1000000 * 1000;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    if (!machine.is_on)
        return (int)syscall(SYS_clock_gettime, id, now);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        put_time(now, scheduler_wall_ms(scheduler_node()) * 1000 + machine.now_us % 1000);
    else
        put_time(now, machine.now_us);
    return 0;
}

int nanosleep(const struct timespec *duration, struct timespec *left)
{
    (void)left;
    scheduler_sleep_us((int64_t)duration->tv_sec * 1000000 + duration->tv_nsec / 1000);
    return 0;
}

int usleep(useconds_t duration_us)
{
    scheduler_sleep_us(duration_us);
    return 0;
}

unsigned sleep(unsigned duration_s)
{
    scheduler_sleep_us((int64_t)duration_s * 1000000);
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

int sched_yield(void)
{
    scheduler_yield();
    return 0;
}

/* ---- descriptors ---- */

static void wait_for_descriptors(struct pollfd *fds, size_t count, int timeout_ms)
{
    self->polled = fds;
    self->polled_count = count;
    wait_as(ON_DESCRIPTORS, fds,
            timeout_ms < 0 ? INT64_MAX : machine.now_us + (int64_t)timeout_ms * 1000);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    static const struct timespec at_once = {0, 0};
    for (bool has_waited = false;; has_waited = true) {
        int ready = (int)syscall(SYS_ppoll, fds, count, &at_once, NULL, 0);
        if (ready != 0 || timeout_ms == 0 || (has_waited && self->is_late))
            return ready;
        if (!is_playing())
            return 0;
        wait_for_descriptors(fds, count, timeout_ms);
    }
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    for (bool has_waited = false;; has_waited = true) {
        int ready = (int)syscall(SYS_epoll_pwait, fd, events, max, 0, NULL, 8);
        if (ready != 0 || timeout_ms == 0 || (has_waited && self->is_late))
            return ready;
        struct pollfd one = {.fd = fd, .events = POLLIN};
        wait_for_descriptors(&one, 1, timeout_ms);
    }
}

static int own_descriptor(int fd)
{
    if (fd >= 0 && machine.is_on) {
        assert(machine.descriptor_count < DESCRIPTORS_MAX);
        machine.descriptors[machine.descriptor_count].fd = fd;
        machine.descriptors[machine.descriptor_count++].node = scheduler_node();
    }
    return fd;
}

void scheduler_closed(int fd)
{
    for (int i = 0; i < machine.descriptor_count; i++)
        if (machine.descriptors[i].fd == fd)
            machine.descriptors[i].fd = -1;
}

int epoll_create1(int flags)
{
    return own_descriptor((int)syscall(SYS_epoll_create1, flags));
}

int eventfd(unsigned count, int flags)
{
    return own_descriptor((int)syscall(SYS_eventfd2, count, flags));
}

int inotify_init1(int flags)
{
    return own_descriptor((int)syscall(SYS_inotify_init1, flags));
}

/* ---- randomness ---- */

ssize_t getrandom(void *out, size_t len, unsigned flags)
{
    if (!machine.is_on)
        return syscall(SYS_getrandom, out, len, flags);
    struct rand rand = rand_from_seeded(&machine.node_random[scheduler_node() + 1]);
    rand_fill(&rand, out, len);
    return (ssize_t)len;
}

/* ---- the start, and what can be seen ---- */

static int see_library(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_W))
            continue;
        assert(machine.range_count < RANGES_MAX);
        uintptr_t from = info->dlpi_addr + part->p_vaddr;
        machine.ranges[machine.range_count++] =
            (struct range){from, from + part->p_memsz};
    }
    return 0;
}

void scheduler_start(uint64_t seed, int64_t wall_ms)
{
    assert(!machine.is_on);
    dl_iterate_phdr(see_library, NULL);
    for (uint64_t i = 0; i < STREAM_COUNT; i++)
        machine.streams[i] = rand_seed(seed * 64 + i);
    for (uint64_t i = 0; i <= SCHEDULER_NODES_MAX; i++)
        machine.node_random[i] = rand_seed(seed * 64 + STREAM_COUNT + i);
    machine.begin_wall_ms = wall_ms;
    machine.now_us = 1000000000; /* monotonic clocks do not begin at 0 */
    self = add_task(SCHEDULER_OUTSIDE);
    self->thread = pthread_self();
    machine.current = self;
    machine.is_on = true;
}

uint64_t scheduler_turns(void)
{
    return machine.turns;
}

uint64_t scheduler_trace(void)
{
    return machine.trace;
}

void scheduler_show(void)
{
    static const char *const words[] = {"ready",       "lock", "condition", "time",
                                        "descriptors", "end",  "ended",     "dead"};
    for (int i = 0; i < machine.count; i++) {
        const struct task *task = machine.tasks[i];
        fprintf(stderr, "  thread %d of node %d: %s\n", task->number, task->node,
                words[task->state]);
    }
}
