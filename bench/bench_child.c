// SPDX-License-Identifier: Apache-2.0
/* What it costs to give work to a throw-away process (base/child) instead of doing it
 * here: jobs that do nothing, with requests and replies of several sizes, one child and
 * one caller; and a child for each job, which is what starting one costs. Beside it, what
 * copying the same bytes the same number of times costs at least.
 *
 * usage: bench_child      one JSON line per answer */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child/child.h"
#include "base/memory.h"

enum { RUNS = 5, MB = 1 << 20 };

static const char *const words[] = {"--child", NULL};

/* As many bytes of the request as its first eight say. */
static bool answer(void *self, struct span request, struct buf *reply, struct err *err)
{
    uint64_t len = 0;
    (void)self;
    if (request.len < sizeof len)
        return err_set(err, ERR_SYNTAX, "bench_short", "no number");
    memcpy(&len, request.at, sizeof len);
    buf_span(reply, span_part(request, 0, (size_t)len));
    return true;
}

static double rate_of(struct child_pool *pool, uint8_t *request, size_t len, int jobs)
{
    struct buf reply = buf_init(64 * (size_t)MB);
    struct err err = {0};
    int64_t began_us = clock_monotonic_us();
    for (int i = 0; i < jobs; i++) {
        buf_reset(&reply);
        if (!child_run(pool, span_of(request, len), &reply, &err)) {
            fprintf(stderr, "bench_child: %s %s\n", err.code, err.text);
            return 0;
        }
    }
    buf_free(&reply);
    return jobs * 1e6 / (double)(clock_monotonic_us() - began_us);
}

/* Into the shared memory, out of the reply's buffer, into ours. */
static double copy_us(const uint8_t *from, uint8_t *to, size_t in, size_t out, int jobs)
{
    int64_t began_us = clock_monotonic_us();
    for (int i = 0; i < jobs; i++) {
        memcpy(to, from, in);
        __asm__ volatile("" : : "r"(to) : "memory");
        for (int k = 0; k < 3; k++) {
            memcpy(to, from, out);
            __asm__ volatile("" : : "r"(to) : "memory");
        }
    }
    return (double)(clock_monotonic_us() - began_us) / jobs;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, size_t in, uint64_t out, int jobs,
                    uint32_t jobs_max)
{
    const struct child_config config = {.arguments = words,
                                        .request_bytes_max = 64 * (size_t)MB,
                                        .reply_bytes_max = 64 * (size_t)MB,
                                        .memory_bytes_max = 512 * (size_t)MB,
                                        .cpu_ms_max = 10000,
                                        .wall_ms_max = 60000,
                                        .jobs_max = jobs_max,
                                        .count = 1};
    struct err err = {0};
    double rates[RUNS], copies[RUNS];
    struct child_pool *pool = child_pool_new(&config, &err);
    uint8_t *request = memory_new(1, in, &err);
    uint8_t *copy = memory_new(1, in, &err);
    if (pool && request && copy) {
        memcpy(request, &out, sizeof out);
        rate_of(pool, request, in, jobs_max == 1 ? 1 : 10); /* warm */
        for (int i = 0; i < RUNS; i++) {
            rates[i] = rate_of(pool, request, in, jobs);
            copies[i] = copy_us(request, copy, in, (size_t)out, jobs);
        }
        qsort(rates, RUNS, sizeof *rates, by_value);
        qsort(copies, RUNS, sizeof *copies, by_value);
        printf("{\"bench\":\"child\",\"what\":\"%s\",\"jobs_per_s\":%.0f,\"us\":%.1f,"
               "\"copy_us\":%.1f}\n",
               name, rates[RUNS / 2], 1e6 / rates[RUNS / 2], copies[RUNS / 2]);
    }
    memory_free(copy);
    memory_free(request);
    child_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct child_handler handler = {answer, NULL};
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        child_serve(&handler);
    measure("64 bytes in, 64 out", 64, 64, 20000, UINT32_MAX);
    measure("512 kB in, 60 kB out", 512 << 10, 60 << 10, 2000, UINT32_MAX);
    measure("16 MB in, 10 MB out", 16 * (size_t)MB, 10 * MB, 20, UINT32_MAX);
    measure("a child for each job", 64, 64, 50, 1);
    return 0;
}
