// SPDX-License-Identifier: Apache-2.0
#include "wire/workers/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"

struct crowd {
    atomic_int done;
    atomic_bool may_go;
};

static void wait_for_leave(void *context)
{
    struct crowd *crowd = context;
    while (!atomic_load(&crowd->may_go))
        usleep(100);
    atomic_fetch_add(&crowd->done, 1);
}

static void a_full_queue_refuses_and_what_was_queued_is_finished(void)
{
    struct err err = {0};
    struct crowd crowd = {0};
    struct workers *workers = workers_new(2, 3, &err);
    int accepted = 0;
    for (int i = 0; i < 50; i++)
        accepted += workers_post(workers, wait_for_leave, &crowd);
    CHECK(accepted >= 3 && accepted <= 5);
    CHECK(!workers_post(workers, wait_for_leave, &crowd) || accepted++ < 5);
    atomic_store(&crowd.may_go, true);
    workers_free(workers);
    CHECK(atomic_load(&crowd.done) == accepted);
}

struct order {
    int seen[100];
    int count;
};

struct order_job {
    struct order *order;
    int number;
};

static void note_number(void *context)
{
    struct order_job *job = context;
    job->order->seen[job->order->count++] = job->number;
}

static void one_worker_keeps_the_order(void)
{
    struct err err = {0};
    struct order order = {0};
    struct order_job jobs[100];
    struct workers *workers = workers_new(1, 100, &err);
    for (int i = 0; i < 100; i++) {
        jobs[i] = (struct order_job){&order, i};
        CHECK(workers_post(workers, note_number, &jobs[i]));
    }
    workers_free(workers);
    CHECK(order.count == 100);
    for (int i = 0; i < order.count; i++)
        CHECK(order.seen[i] == i);
}

static void what_goes_on_comes_first_and_always_has_room(void)
{
    struct err err = {0};
    struct crowd crowd = {0};
    struct order order = {0};
    struct order_job jobs[100];
    struct workers *workers = workers_new(1, 1, &err);
    CHECK(workers_post(workers, wait_for_leave, &crowd));
    jobs[99] = (struct order_job){&order, 99};
    while (!workers_post(workers, note_number, &jobs[99]))
        usleep(100); /* until the first one is taken */
    for (int i = 0; i < 99; i++) {
        jobs[i] = (struct order_job){&order, i};
        CHECK(workers_resume(workers, note_number, &jobs[i]));
    }
    atomic_store(&crowd.may_go, true);
    workers_free(workers);
    CHECK(order.count == 100);
    for (int i = 0; i < order.count; i++)
        CHECK(order.seen[i] == i);
}

static void look_at_signals(void *context)
{
    atomic_int *blocked = context;
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    atomic_store(blocked, sigismember(&set, SIGTERM));
}

static void signals_stay_with_the_main_thread(void)
{
    struct err err = {0};
    atomic_int blocked = 0;
    sigset_t set;
    struct workers *workers = workers_new(1, 1, &err);
    CHECK(workers_post(workers, look_at_signals, &blocked));
    workers_free(workers);
    CHECK(atomic_load(&blocked) == 1);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    CHECK(sigismember(&set, SIGTERM) == 0);
}

static void freeing_none_is_fine(void)
{
    workers_free(NULL);
    CHECK(true);
}

int main(void)
{
    RUN(a_full_queue_refuses_and_what_was_queued_is_finished);
    RUN(one_worker_keeps_the_order);
    RUN(what_goes_on_comes_first_and_always_has_room);
    RUN(signals_stay_with_the_main_thread);
    RUN(freeing_none_is_fine);
    return test_done();
}
