// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"

enum { THREADS = 12, BLOCK_BYTES = 64 * 1024, LARGE_BYTES = 24 << 20 };

static void *allocate(void *context)
{
    struct err err = {0};
    pthread_barrier_t *all_have = context;
    void *at = memory_new(1, BLOCK_BYTES, &err);
    pthread_barrier_wait(all_have);
    memory_free(at);
    return at;
}

/* As glibc tells it: <heap nr="…"> for each. */
static int count_heaps(void)
{
    char *text = NULL;
    size_t size = 0;
    int count = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out && malloc_info(0, out) == 0 && fclose(out) == 0);
    for (const char *at = text; (at = strstr(at, "<heap nr=")); at++)
        count++;
    free(text); /* allowed: open_memstream's own memory */
    return count;
}

static void many_threads_share_two_heaps(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_t all_have;
    CHECK(pthread_barrier_init(&all_have, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, allocate, &all_have) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *at = NULL;
        CHECK(pthread_join(threads[i], &at) == 0 && at);
    }
    pthread_barrier_destroy(&all_have);
    CHECK(count_heaps() <= 2);
}

/* Unset, glibc's bound follows the largest block that was ever freed. */
static void a_large_block_is_returned_also_after_a_larger_one(void)
{
    struct err err = {0};
    void *larger = memory_new(1, LARGE_BYTES, &err);
    CHECK(larger);
    memory_free(larger);
    void *large = memory_new(1, LARGE_BYTES / 2, &err);
    CHECK(large);
    CHECK(mallinfo2().keepcost < LARGE_BYTES / 4);
    memory_free(large);
    CHECK(mallinfo2().keepcost < LARGE_BYTES / 4);
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *in = fopen("/proc/self/statm", "r");
    CHECK(in && fscanf(in, "%*d %ld", &pages) == 1);
    if (in)
        fclose(in);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Freed blocks with one that stays behind each: their end never comes free. */
static void what_is_free_between_what_stays_is_given_back(void)
{
    enum { PAIRS = 256, HELD_BYTES = 1024 };
    struct err err = {0};
    void *blocks[PAIRS];
    void *held[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        blocks[i] = memory_new(1, BLOCK_BYTES, &err);
        held[i] = memory_new(1, HELD_BYTES, &err);
        CHECK(blocks[i] && held[i]);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
    for (int i = 0; i < PAIRS; i++)
        memory_free(blocks[i]);
    long before_kb = resident_kb();
    memory_give_back();
    CHECK(before_kb - resident_kb() > PAIRS * BLOCK_BYTES / 1024 / 2);
    for (int i = 0; i < PAIRS; i++)
        memory_free(held[i]);
}

int main(void)
{
    memory_settle();
    RUN(many_threads_share_two_heaps);
    RUN(a_large_block_is_returned_also_after_a_larger_one);
    if (mallinfo2().arena == 0) /* zeros under a sanitizer */
        SKIP("what_is_free_between_what_stays_is_given_back", "its heap is another one");
    else
        RUN(what_is_free_between_what_stays_is_given_back);
    return test_done();
}
