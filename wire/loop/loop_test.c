// SPDX-License-Identifier: Apache-2.0
#include "wire/loop/loop.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "wire/loop/loop_listen.h"

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

static void what_is_plain_listens_on_loopback_only(void)
{
    struct loop_address at;
    struct err err = {0};
    CHECK(loop_read_address("127.8.9.10", 1, true, &at, &err));
    CHECK(loop_read_address("::1", 1, true, &at, &err));
    CHECK(loop_read_address("0.0.0.0", 1, false, &at, &err));
    CHECK(!loop_read_address("0.0.0.0", 1, true, &at, &err));
    CHECK(err.kind == ERR_REFUSED && strcmp(err.code, "plain_refused") == 0);
    err_clear(&err);
    CHECK(!loop_read_address("::", 1, true, &at, &err));
    err_clear(&err);
    CHECK(!loop_read_address("localhost", 1, true, &at, &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "address_invalid") == 0);
}

/* ---- a listener and who calls it ---- */

struct door {
    struct loop *loop;
    struct loop_listener *listener;
    int accepted;
};

static void let_in(void *context, int fd)
{
    struct door *door = context;
    door->accepted++;
    close(fd);
    loop_stop(door->loop);
}

static struct door door_open(void)
{
    struct err err = {0};
    struct door door = {.loop = loop_new(&err)};
    return door;
}

static bool listen_on(struct door *door)
{
    struct err err = {0};
    struct loop_listener_config config = {
        .loop = door->loop, .accepted = let_in, .context = door};
    if (!loop_read_address("127.0.0.1", 0, true, &config.at, &err))
        return false;
    door->listener = loop_listen(&config, &err);
    return door->listener != NULL;
}

static int call_door(const struct door *door)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(loop_listener_port(door->listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (void *)&at, sizeof at) == 0);
    return fd;
}

static void a_port_that_is_taken_is_refused(void)
{
    struct door door = door_open();
    struct err err = {0};
    CHECK(listen_on(&door) && loop_listener_port(door.listener) > 0);
    struct loop_listener_config again = {.loop = door.loop, .accepted = let_in};
    CHECK(loop_read_address("127.0.0.1", loop_listener_port(door.listener), true,
                            &again.at, &err));
    CHECK(!loop_listen(&again, &err) && strcmp(err.code, "listen_failed") == 0);
    loop_listener_close(door.listener);
    loop_free(door.loop);
}

static void callers_come_in(void)
{
    struct door door = door_open();
    CHECK(listen_on(&door));
    int fd = call_door(&door);
    loop_run(door.loop);
    CHECK(door.accepted == 1);
    close(fd);
    loop_listener_close(door.listener);
    loop_free(door.loop);
}

struct shortage {
    struct door *door;
    struct loop_timer *end;
    struct rlimit usual;
    clock_t used;
};

static void end_shortage(void *context)
{
    struct shortage *shortage = context;
    shortage->used = clock() - shortage->used;
    CHECK(setrlimit(RLIMIT_NOFILE, &shortage->usual) == 0);
}

/* Nobody can be let in for a second: the loop must not spin, and lets them in after. */
static void out_of_descriptors_it_waits_without_spinning(void)
{
    struct door door = door_open();
    struct err err = {0};
    struct shortage shortage = {.door = &door};
    CHECK(listen_on(&door) && getrlimit(RLIMIT_NOFILE, &shortage.usual) == 0);
    int fd = call_door(&door);
    struct rlimit none = {0, shortage.usual.rlim_max};
    shortage.end = loop_timer_new(door.loop, end_shortage, &shortage, &err);
    loop_timer_set(shortage.end, 1000);
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    shortage.used = clock();
    loop_run(door.loop);
    CHECK(door.accepted == 1);
    CHECK(shortage.used < CLOCKS_PER_SEC / 2);
    loop_timer_free(shortage.end);
    close(fd);
    loop_listener_close(door.listener);
    loop_free(door.loop);
}

static void freeing_nothing_is_fine(void)
{
    loop_listener_close(NULL);
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
    RUN(what_is_plain_listens_on_loopback_only);
    RUN(a_port_that_is_taken_is_refused);
    RUN(callers_come_in);
    RUN(out_of_descriptors_it_waits_without_spinning);
    RUN(freeing_nothing_is_fine);
    return test_done();
}
