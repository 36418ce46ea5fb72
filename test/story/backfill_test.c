// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_scene.h"

/* A hospital tells a long history while it goes on working: what is new does not wait for
 * what is old. BACKFILL_ENTRIES=1000000 tells a million, and prints how long it took. */

enum {
    ENTRIES = 8000,
    BATCH = UPLINK_EVENTS_MAX,
    LIVE_MAX = 4096,
    PASSED_MAX = 8 * BATCH, /* of the history, while one new entry is on its way */
    PAUSE_MS = 20,
    WAIT_US = 60 * 1000 * 1000
};

struct history {
    struct hospital *hospital;
    int count;
    atomic_bool is_told;
};

/* A batch, as a gateway sends it: without waiting for each. */
static void tell_batch(struct hospital *hospital, int from, int to)
{
    struct id_text record = id_to_text(hospital->record);
    pthread_mutex_lock(&hospital->lock);
    struct buf *queue = &hospital->queue[1];
    for (int i = from; i < to; i++)
        buf_format(
            queue,
            "%s{\"sequence\":%lld,\"type\":\"entry_put\",\"record\":\"%s\",\"key\":"
            "\"old/OML-11/%015d\",\"version\":\"" VERSION_1
            "\",\"kind\":\"laboratory\",\"state\":\"current\",\"flags\":0,\"day\":"
            "\"20%02d-%02d-%02d\",\"is_open\":false,\"title\":\"生化学\","
            "\"department_code\":\"01\",\"department\":\"内科\",\"author\":\"\","
            "\"time\":\"\",\"order_number\":\"\",\"visible_from\":0}",
            queue->len > 0 ? "," : "", (long long)++hospital->sequence, record.at, i,
            10 + i % 16, 1 + i / 16 % 12, 1 + i / 192 % 28);
    pthread_mutex_unlock(&hospital->lock);
    answer_poll(hospital, 1);
}

static void *tell_history(void *context)
{
    struct history *history = context;
    struct hospital *hospital = history->hospital;
    struct timespec pause = {0, 200 * 1000};
    for (int told = 0; told < history->count; told += BATCH) {
        int to = told + BATCH < history->count ? told + BATCH : history->count;
        tell_batch(hospital, told, to);
        while (count_of(hospital, &hospital->stored_of[1]) < to)
            nanosleep(&pause, NULL);
    }
    atomic_store(&history->is_told, true);
    return NULL;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Returns how long it took; `passed` of the history were stored meanwhile. */
static int64_t tell_new(struct hospital *hospital, int number, int *passed)
{
    char key[32];
    struct timespec pause = {0, 100 * 1000};
    int before = count_of(hospital, &hospital->stored_of[1]);
    int64_t from_us = now_us();
    snprintf(key, sizeof key, "%d/OML-11/N%d", 1 + number % 9, number);
    say_put(hospital, 0, key, VERSION_2, "血算");
    while (count_of(hospital, &hospital->stored_of[0]) < number &&
           now_us() - from_us < WAIT_US)
        nanosleep(&pause, NULL);
    CHECK(count_of(hospital, &hospital->stored_of[0]) == number);
    *passed = count_of(hospital, &hospital->stored_of[1]) - before;
    return now_us() - from_us;
}

static void what_is_new_does_not_wait_for_what_is_old(void)
{
    static int64_t times_us[LIVE_MAX];
    const char *wanted = getenv("BACKFILL_ENTRIES");
    struct timespec pause = {0, PAUSE_MS * 1000 * 1000};
    struct scene scene = scene_new();
    struct history history = {.hospital = scene.hospital, .count = ENTRIES};
    pthread_t thread;
    int live = 0, most = 0;
    if (wanted)
        history.count = (int)strtol(wanted, NULL, 10);
    int64_t from_us = now_us();
    CHECK(pthread_create(&thread, NULL, tell_history, &history) == 0);
    while (!atomic_load(&history.is_told)) {
        int passed = 0;
        live++;
        times_us[(live - 1) % LIVE_MAX] = tell_new(scene.hospital, live, &passed);
        CHECK(passed <= PASSED_MAX);
        most = passed > most ? passed : most;
        nanosleep(&pause, NULL);
    }
    pthread_join(thread, NULL);
    double seconds = (double)(now_us() - from_us) / 1e6;
    scene.clinic =
        enter(scene.hospital->world, "clinic"); /* a million outlast a session */
    CHECK(live > 0 && shows(&scene, "血算"));
    CHECK(count_of(scene.hospital, &scene.hospital->stored_of[1]) == history.count);
    CHECK(count_of(scene.hospital, &scene.hospital->rejected_count) == 0);
    int kept = live < LIVE_MAX ? live : LIVE_MAX;
    qsort(times_us, (size_t)kept, sizeof *times_us, compare);
    printf(
        "# %d entries of history in %.1f s; %d new ones beside, p50 %.1f, p95 %.1f ms, "
        "passed by %d at most\n",
        history.count, seconds, live, (double)times_us[kept / 2] / 1000,
        (double)times_us[kept * 95 / 100] / 1000, most);
    hospital_free(scene.hospital);
}

int main(void)
{
    RUN(what_is_new_does_not_wait_for_what_is_old);
    return test_done();
}
