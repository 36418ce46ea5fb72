// SPDX-License-Identifier: Apache-2.0
#include "wire/loop/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"

struct bench {
    struct loop *loop;
    struct loop_watch *watch[2];
    struct loop_timer *timer;
    int numbers[8];
    int count;
};

static struct bench bench_new(void)
{
    struct err err = {0};
    return (struct bench){.loop = loop_new(&err)};
}

static void note(struct bench *bench, int number)
{
    if (bench->count < 8)
        bench->numbers[bench->count++] = number;
}

static void note_one(void *context)
{
    note(context, 1);
}

static void note_two(void *context)
{
    note(context, 2);
}

static void stop(void *context)
{
    struct bench *bench = context;
    loop_stop(bench->loop);
}

static void posts_run_in_their_order(void)
{
    struct bench bench = bench_new();
    loop_post(bench.loop, note_one, &bench);
    loop_post(bench.loop, note_two, &bench);
    loop_post(bench.loop, note_one, &bench);
    loop_post(bench.loop, stop, &bench);
    loop_run(bench.loop);
    CHECK(bench.count == 3 && bench.numbers[0] == 1 && bench.numbers[1] == 2 &&
          bench.numbers[2] == 1);
    loop_free(bench.loop);
}

static void post_two_and_stop(void *context)
{
    struct bench *bench = context;
    loop_post(bench->loop, note_two, bench);
    note(bench, 1);
    loop_post(bench->loop, stop, bench);
}

static void a_post_never_runs_inside_the_call_that_posts_it(void)
{
    struct bench bench = bench_new();
    loop_post(bench.loop, post_two_and_stop, &bench);
    loop_run(bench.loop);
    CHECK(bench.count == 2 && bench.numbers[0] == 1 && bench.numbers[1] == 2);
    loop_free(bench.loop);
}

static void what_is_posted_after_the_end_runs_when_the_loop_is_freed(void)
{
    struct bench bench = bench_new();
    loop_post(bench.loop, stop, &bench);
    loop_run(bench.loop);
    loop_post(bench.loop, post_two_and_stop, &bench);
    CHECK(bench.count == 0);
    loop_free(bench.loop);
    CHECK(bench.count == 2);
}

struct flood {
    struct loop *loop;
    atomic_int left;
    int seen; /* on the loop's thread only */
};

static void count_flood(void *context)
{
    struct flood *flood = context;
    flood->seen++;
    if (atomic_fetch_sub(&flood->left, 1) == 1)
        loop_stop(flood->loop);
}

static void *post_many(void *context)
{
    struct flood *flood = context;
    for (int i = 0; i < 5000; i++)
        loop_post(flood->loop, count_flood, flood);
    return NULL;
}

static void posts_of_many_threads_all_arrive(void)
{
    struct err err = {0};
    struct flood flood = {.loop = loop_new(&err), .left = 20000};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, post_many, &flood);
    loop_run(flood.loop);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(flood.seen == 20000);
    loop_free(flood.loop);
}

static void timers_fire_in_the_order_of_their_deadlines(void)
{
    struct err err = {0};
    struct bench bench = bench_new();
    struct loop_timer *end = loop_timer_new(bench.loop, stop, &bench, &err);
    struct loop_timer *one = loop_timer_new(bench.loop, note_one, &bench, &err);
    struct loop_timer *two = loop_timer_new(bench.loop, note_two, &bench, &err);
    struct loop_timer *unset = loop_timer_new(bench.loop, note_one, &bench, &err);
    loop_timer_set(end, 30);
    loop_timer_set(one, 20);
    loop_timer_set(two, 5);
    loop_timer_set(unset, 1);
    loop_timer_set(unset, -1);
    struct clock clock = clock_system();
    int64_t before_ms = clock_monotonic_ms(&clock);
    loop_run(bench.loop);
    CHECK(clock_monotonic_ms(&clock) - before_ms >= 29);
    CHECK(bench.count == 2 && bench.numbers[0] == 2 && bench.numbers[1] == 1);
    loop_timer_free(end);
    loop_timer_free(one);
    loop_timer_free(two);
    loop_timer_free(unset);
    loop_free(bench.loop);
}

static void many_timers_keep_their_order(void)
{
    struct err err = {0};
    struct flood flood = {.loop = loop_new(&err), .left = 300};
    struct loop_timer *timers[500];
    for (int i = 0; i < 500; i++) {
        timers[i] = loop_timer_new(flood.loop, count_flood, &flood, &err);
        loop_timer_set(timers[i], (i * 7919) % 23);
    }
    for (int i = 0; i < 200; i++)
        loop_timer_set(timers[(i * 2) % 400], -1);
    loop_run(flood.loop);
    CHECK(flood.seen == 300);
    for (int i = 0; i < 500; i++)
        loop_timer_free(timers[i]);
    loop_free(flood.loop);
}

static void free_both_watches(void *context, unsigned events)
{
    struct bench *bench = context;
    note(bench, (int)events);
    loop_unwatch(bench->watch[0]);
    loop_unwatch(bench->watch[1]);
    loop_post(bench->loop, stop, bench);
}

static void an_unwatched_descriptor_is_silent_within_the_same_batch(void)
{
    struct err err = {0};
    struct bench bench = bench_new();
    int a[2], b[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0);
    bench.watch[0] =
        loop_watch(bench.loop, a[0], LOOP_READABLE, free_both_watches, &bench, &err);
    bench.watch[1] =
        loop_watch(bench.loop, b[0], LOOP_READABLE, free_both_watches, &bench, &err);
    CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    loop_run(bench.loop);
    CHECK(bench.count == 1 && bench.numbers[0] == LOOP_READABLE);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    loop_free(bench.loop);
}

static void stop_on_hangup(void *context, unsigned events)
{
    struct bench *bench = context;
    note(bench, (int)(events & LOOP_HANGUP));
    loop_unwatch(bench->watch[0]);
    loop_stop(bench->loop);
}

static void a_hangup_is_told_without_being_asked_for(void)
{
    struct err err = {0};
    struct bench bench = bench_new();
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    bench.watch[0] = loop_watch(bench.loop, pair[0], 0, stop_on_hangup, &bench, &err);
    close(pair[1]);
    loop_run(bench.loop);
    CHECK(bench.numbers[0] == LOOP_HANGUP);
    close(pair[0]);
    loop_free(bench.loop);
}

static void a_closed_descriptor_cannot_be_watched(void)
{
    struct err err = {0};
    struct bench bench = bench_new();
    CHECK(!loop_watch(bench.loop, 9999, LOOP_READABLE, stop_on_hangup, &bench, &err));
    CHECK(err.kind == ERR_SYSTEM);
    loop_free(bench.loop);
}

static void freeing_nothing_is_fine(void)
{
    loop_free(NULL);
    loop_unwatch(NULL);
    loop_timer_free(NULL);
    CHECK(true);
}

int main(void)
{
    RUN(posts_run_in_their_order);
    RUN(a_post_never_runs_inside_the_call_that_posts_it);
    RUN(what_is_posted_after_the_end_runs_when_the_loop_is_freed);
    RUN(posts_of_many_threads_all_arrive);
    RUN(timers_fire_in_the_order_of_their_deadlines);
    RUN(many_timers_keep_their_order);
    RUN(an_unwatched_descriptor_is_silent_within_the_same_batch);
    RUN(a_hangup_is_told_without_being_asked_for);
    RUN(a_closed_descriptor_cannot_be_watched);
    RUN(freeing_nothing_is_fine);
    return test_done();
}
