// SPDX-License-Identifier: Apache-2.0
/* A pool whose children cannot start any more. This program run again is the child, too:
 * a copy of it, which goes away when the first one has begun. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child/child.h"
#include "base/path.h"
#include "base/test.h"

enum { THREADS = 4, ROUNDS = 100 };

static bool echo(void *self, struct span request, struct buf *reply, struct err *err)
{
    (void)self, (void)err;
    if (span_is(request, "exit"))
        _exit(7);
    buf_span(reply, request);
    return true;
}

static bool is(struct child_pool *pool, const char *request, const char *expected)
{
    char said[64];
    CLEANUP(buf_free) struct buf reply = buf_init(sizeof said - 1);
    struct err err = {0};
    bool is_done = child_run(pool, span_cstr(request), &reply, &err);
    snprintf(said, sizeof said, "%.*s", (int)reply.len, (const char *)reply.at);
    bool is_same = strcmp(is_done ? said : err.code, expected) == 0;
    if (!is_same)
        printf("# %s: %s (%s)\n", request, is_done ? said : err.code, err.text);
    return is_same;
}

static void copy_program(char *path)
{
    char words[200];
    CLEANUP(path_close) int fd = mkstemp(path);
    snprintf(words, sizeof words, "cat /proc/%d/exe >%s; chmod 700 %s", (int)getpid(),
             path, path);
    CHECK(fd >= 0 && system(words) == 0);
}

struct crowd {
    struct child_pool *pool;
    int wrong;
};

static void *ask_often(void *self)
{
    struct crowd *one = self;
    for (int i = 0; i < ROUNDS; i++)
        one->wrong += !is(one->pool, "on", "on");
    return NULL;
}

static void while_one_works_nobody_is_refused_for_others_that_cannot_start(void)
{
    static const char *const words[] = {"--child", NULL};
    char program[] = "/tmp/child_start_XXXXXX";
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    struct err err = {0};
    copy_program(program);
    struct child_pool *pool =
        child_pool_new(&(const struct child_config){.program = program,
                                                    .arguments = words,
                                                    .request_bytes_max = 16,
                                                    .reply_bytes_max = 100,
                                                    .memory_bytes_max = 64 << 20,
                                                    .cpu_ms_max = 10000,
                                                    .wall_ms_max = 20000,
                                                    .jobs_max = 100000,
                                                    .count = 3,
                                                    .waiting_max = THREADS},
                       &err);
    CHECK(pool && is(pool, "on", "on"));
    CHECK(unlink(program) == 0);
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){pool, 0};
        CHECK(pthread_create(&threads[i], NULL, ask_often, &crowd[i]) == 0);
    }
    int wrong = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        wrong += crowd[i].wrong;
    }
    CHECK(wrong == 0);
    CHECK(is(pool, "exit", "child_died") && is(pool, "on", "child_start"));
    struct child_counts counts = child_pool_counts(pool);
    CHECK(counts.busy == 0 && counts.waiting == 0);
    child_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct child_handler handler = {echo, NULL};
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        child_serve(&handler);
    RUN(while_one_works_nobody_is_refused_for_others_that_cannot_start);
    return test_done();
}
