// SPDX-License-Identifier: Apache-2.0
#include "wire/loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { BATCH = 64, FIRST_POSTS = 256, FIRST_TIMERS = 64, DISARMED = -1 };

struct post {
    void (*fn)(void *context);
    void *context;
};

struct posts {
    struct post *at;
    size_t count;
    size_t size;
};

struct loop_watch {
    struct loop *loop;
    int fd;
    unsigned events;
    void (*ready)(void *context, unsigned events);
    void *context;
    bool is_dead;
    struct loop_watch *next_dead;
};

struct loop_timer {
    struct loop *loop;
    void (*fire)(void *context);
    void *context;
    int64_t due_ms;
    uint64_t order; /* equal deadlines fire in the order they were set */
    int heap_index; /* DISARMED when not in the heap */
};

struct loop {
    struct loop_stray *strays;
    int epoll_fd;
    int event_fd;
    struct clock clock;
    atomic_bool is_stopping;
    atomic_uintptr_t thread; /* whoever runs it; 0 = nobody */
    pthread_mutex_t lock;    /* guards posted and is_asleep */
    bool is_asleep;          /* or about to be: who posts has to wake it */
    struct posts posted;
    struct posts running;    /* the batch that is being run; swapped with posted */
    struct loop_watch *dead; /* freed after the batch that may still name them */
    struct loop_timer **timers;
    int timer_count;
    int timer_size;
    int timers_alive; /* the heap has room for all of them */
    uint64_t timer_order;
};

/* ---- making ---- */

static bool posts_grow(struct posts *posts, struct err *err)
{
    size_t size = posts->size ? posts->size * 2 : FIRST_POSTS;
    struct post *at = memory_resize(posts->at, size, sizeof *at, err);
    if (!at)
        return false;
    posts->at = at;
    posts->size = size;
    return true;
}

static bool open_descriptors(struct loop *loop, struct err *err)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll_fd < 0 || loop->event_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->event_fd, &event) != 0)
        return err_set(err, ERR_SYSTEM, "loop_failed", "epoll or eventfd: %s",
                       strerror(errno));
    return true;
}

struct loop *loop_new(struct err *err)
{
    struct loop *loop = memory_new(1, sizeof *loop, err);
    if (!loop)
        return NULL;
    loop->epoll_fd = -1;
    loop->event_fd = -1;
    loop->clock = clock_system();
    pthread_mutex_init(&loop->lock, NULL);
    if (!open_descriptors(loop, err) || !posts_grow(&loop->posted, err) ||
        !posts_grow(&loop->running, err)) {
        loop_free(loop);
        return NULL;
    }
    return loop;
}

static void bury(struct loop *loop)
{
    while (loop->dead) {
        struct loop_watch *watch = loop->dead;
        loop->dead = watch->next_dead;
        memory_free(watch);
    }
}

static bool run_posted(struct loop *loop);

void loop_keep_stray(struct loop *loop, struct loop_stray *stray)
{
    stray->next = loop->strays;
    stray->link = &loop->strays;
    if (stray->next)
        stray->next->link = &stray->next;
    loop->strays = stray;
}

void loop_forget_stray(struct loop_stray *stray)
{
    if (!stray->link)
        return;
    *stray->link = stray->next;
    if (stray->next)
        stray->next->link = stray->link;
    stray->link = NULL;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    /* what other threads posted last holds references; it must get to drop them */
    atomic_store(&loop->thread, (uintptr_t)pthread_self());
    while (run_posted(loop))
        bury(loop);
    while (loop->strays)
        loop->strays->end(loop->strays->context);
    while (run_posted(loop))
        bury(loop);
    bury(loop);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->event_fd >= 0)
        close(loop->event_fd);
    pthread_mutex_destroy(&loop->lock);
    memory_free(loop->posted.at);
    memory_free(loop->running.at);
    memory_free(loop->timers);
    memory_free(loop);
}

/* ---- posting ---- */

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->event_fd, &one, sizeof one);
    (void)written; /* EAGAIN: the counter is full, so it is awake anyway */
}

void loop_post(struct loop *loop, void (*fn)(void *context), void *context)
{
    struct err err = {0};
    bool is_ready = true;
    pthread_mutex_lock(&loop->lock);
    bool is_asleep = loop->is_asleep;
    loop->is_asleep = false;
    if (loop->posted.count == loop->posted.size)
        is_ready = posts_grow(&loop->posted, &err);
    /* a message that is lost would hold its references for ever and leave a peer
     * without answer; better to stop in the open */
    assert(is_ready);
    loop->posted.at[loop->posted.count++] = (struct post){fn, context};
    pthread_mutex_unlock(&loop->lock);
    if (is_asleep)
        wake(loop);
}

/* False when there is something to do instead. */
static bool fall_asleep(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->is_asleep = loop->posted.count == 0;
    bool is_asleep = loop->is_asleep;
    pthread_mutex_unlock(&loop->lock);
    return is_asleep;
}

/* From here on it sees by itself what is posted. */
static void wake_up(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->is_asleep = false;
    pthread_mutex_unlock(&loop->lock);
}

/* One batch; what it posts itself comes with the next, so that descriptors get their
 * turn in between. */
static bool run_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct posts batch = loop->posted;
    loop->posted = loop->running;
    pthread_mutex_unlock(&loop->lock);
    for (size_t i = 0; i < batch.count; i++)
        batch.at[i].fn(batch.at[i].context);
    bool was_any = batch.count > 0;
    batch.count = 0;
    loop->running = batch;
    return was_any;
}

bool loop_is_current(const struct loop *loop)
{
    return atomic_load(&loop->thread) == (uintptr_t)pthread_self();
}

/* ---- descriptors ---- */

static uint32_t to_epoll(unsigned events)
{
    return (events & LOOP_READABLE ? (uint32_t)EPOLLIN : 0) |
           (events & LOOP_WRITABLE ? (uint32_t)EPOLLOUT : 0) |
           (events & LOOP_HANGUP ? (uint32_t)EPOLLRDHUP : 0);
}

static unsigned from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? (unsigned)LOOP_READABLE : 0) |
           (events & EPOLLOUT ? (unsigned)LOOP_WRITABLE : 0) |
           (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? (unsigned)LOOP_HANGUP : 0);
}

struct loop_watch *loop_watch(struct loop *loop, int fd, unsigned events,
                              void (*ready)(void *context, unsigned events),
                              void *context, struct err *err)
{
    struct loop_watch *watch = memory_new(1, sizeof *watch, err);
    if (!watch)
        return NULL;
    *watch = (struct loop_watch){
        .loop = loop, .fd = fd, .events = events, .ready = ready, .context = context};
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        err_set(err, ERR_SYSTEM, "watch_failed", "epoll_ctl: %s", strerror(errno));
        memory_free(watch);
        return NULL;
    }
    return watch;
}

void loop_watch_change(struct loop_watch *watch, unsigned events)
{
    if (watch->is_dead || watch->events == events)
        return;
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = watch};
    int failed = epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
    assert(failed == 0); /* fails only for a descriptor closed behind our back */
    watch->events = events;
}

void loop_unwatch(struct loop_watch *watch)
{
    if (!watch || watch->is_dead)
        return;
    struct epoll_event event = {0};
    epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, &event);
    watch->is_dead = true;
    watch->next_dead = watch->loop->dead;
    watch->loop->dead = watch;
}

/* ---- timers: a binary heap by deadline ---- */

static bool is_earlier(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void heap_place(struct loop *loop, int index, struct loop_timer *timer)
{
    loop->timers[index] = timer;
    timer->heap_index = index;
}

static void heap_sift(struct loop *loop, int index)
{
    struct loop_timer *timer = loop->timers[index];
    while (index > 0 && is_earlier(timer, loop->timers[(index - 1) / 2])) {
        heap_place(loop, index, loop->timers[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        int child = 2 * index + 1;
        if (child >= loop->timer_count)
            break;
        if (child + 1 < loop->timer_count &&
            is_earlier(loop->timers[child + 1], loop->timers[child]))
            child++;
        if (!is_earlier(loop->timers[child], timer))
            break;
        heap_place(loop, index, loop->timers[child]);
        index = child;
    }
    heap_place(loop, index, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
    int index = timer->heap_index;
    if (index == DISARMED)
        return;
    timer->heap_index = DISARMED;
    struct loop_timer *last = loop->timers[--loop->timer_count];
    if (last == timer)
        return;
    heap_place(loop, index, last);
    heap_sift(loop, index);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fire)(void *context),
                                  void *context, struct err *err)
{
    if (loop->timers_alive == loop->timer_size) {
        int size = loop->timer_size ? loop->timer_size * 2 : FIRST_TIMERS;
        struct loop_timer **timers =
            memory_resize(loop->timers, (size_t)size, sizeof *timers, err);
        if (!timers)
            return NULL;
        loop->timers = timers;
        loop->timer_size = size;
    }
    struct loop_timer *timer = memory_new(1, sizeof *timer, err);
    if (!timer)
        return NULL;
    *timer = (struct loop_timer){
        .loop = loop, .fire = fire, .context = context, .heap_index = DISARMED};
    loop->timers_alive++;
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int after_ms)
{
    struct loop *loop = timer->loop;
    heap_remove(loop, timer);
    if (after_ms < 0)
        return;
    timer->due_ms = clock_monotonic_ms(&loop->clock) + after_ms;
    timer->order = loop->timer_order++;
    heap_place(loop, loop->timer_count++, timer);
    heap_sift(loop, timer->heap_index);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    heap_remove(timer->loop, timer);
    timer->loop->timers_alive--;
    memory_free(timer);
}

/* Those due at the start of the round, so that a timer set to 0 by its own function
 * does not keep descriptors waiting. */
static void fire_timers(struct loop *loop)
{
    if (loop->timer_count == 0)
        return;
    int64_t now_ms = clock_monotonic_ms(&loop->clock);
    uint64_t newest = loop->timer_order;
    while (loop->timer_count > 0) {
        struct loop_timer *timer = loop->timers[0];
        if (timer->due_ms > now_ms || timer->order >= newest)
            return;
        heap_remove(loop, timer);
        timer->fire(timer->context);
    }
}

/* ---- running ---- */

static int wait_ms(struct loop *loop)
{
    if (!fall_asleep(loop))
        return 0;
    if (loop->timer_count == 0)
        return -1;
    int64_t left_ms = loop->timers[0]->due_ms - clock_monotonic_ms(&loop->clock);
    return left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms;
}

static void run_ready(struct loop *loop, const struct epoll_event *event)
{
    struct loop_watch *watch = event->data.ptr;
    if (!watch) {
        uint64_t count = 0;
        ssize_t got = read(loop->event_fd, &count, sizeof count);
        (void)got;
    } else if (!watch->is_dead) {
        watch->ready(watch->context, from_epoll(event->events));
    }
}

void loop_run(struct loop *loop)
{
    atomic_store(&loop->thread, (uintptr_t)pthread_self());
    while (!atomic_load(&loop->is_stopping)) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(loop->epoll_fd, events, BATCH, wait_ms(loop));
        assert(count >= 0 || errno == EINTR);
        wake_up(loop);
        for (int i = 0; i < count; i++)
            run_ready(loop, &events[i]);
        bury(loop);
        fire_timers(loop);
        run_posted(loop);
        bury(loop);
    }
    atomic_store(&loop->is_stopping, false);
    atomic_store(&loop->thread, 0);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    wake(loop);
}
