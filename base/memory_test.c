// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
    memory_settle();
    RUN(many_threads_share_two_heaps);
    RUN(a_large_block_is_returned_also_after_a_larger_one);
    return test_done();
}
