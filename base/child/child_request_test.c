// SPDX-License-Identifier: Apache-2.0
/* Requests of two parts, which lie in different places here and in one there. This
 * program run again is the child, too. */
#include <string.h>

#include "base/child/child.h"
#include "base/test.h"

static bool echo(void *self, struct span request, struct buf *reply, struct err *err)
{
    (void)self, (void)err;
    buf_span(reply, request);
    return true;
}

static const char *ask(struct child_pool *pool, struct span head, struct span tail)
{
    static char said[64];
    CLEANUP(buf_free) struct buf reply = buf_init(sizeof said - 1);
    struct err err = {0};
    const struct child_request request = {head, tail};
    if (!child_run_request(pool, &request, &reply, &err))
        return err.code;
    snprintf(said, sizeof said, "%.*s", (int)reply.len, (const char *)reply.at);
    return said;
}

static struct child_pool *open_pool(void)
{
    static const char *const words[] = {"--child", NULL};
    struct err err = {0};
    struct child_pool *pool =
        child_pool_new(&(const struct child_config){.arguments = words,
                                                    .request_bytes_max = 16,
                                                    .reply_bytes_max = 100,
                                                    .memory_bytes_max = 64 << 20,
                                                    .cpu_ms_max = 10000,
                                                    .wall_ms_max = 20000,
                                                    .jobs_max = 100,
                                                    .count = 1},
                       &err);
    CHECK(pool != NULL);
    return pool;
}

static void two_parts_are_one_request(void)
{
    struct child_pool *pool = open_pool();
    CHECK(strcmp(ask(pool, SPAN("Hello "), SPAN("there")), "Hello there") == 0);
    CHECK(strcmp(ask(pool, SPAN("1"), SPAN("2")), "12") == 0); /* nothing of before */
    CHECK(strcmp(ask(pool, SPAN(""), SPAN("tail")), "tail") == 0);
    CHECK(strcmp(ask(pool, SPAN("head"), SPAN("")), "head") == 0);
    child_pool_free(pool);
}

static void together_they_are_no_longer_than_one(void)
{
    struct child_pool *pool = open_pool();
    struct span most = SPAN("0123456789abcdef");
    CHECK(strcmp(ask(pool, span_part(most, 0, 8), span_part(most, 8, 8)),
                 "0123456789abcdef") == 0);
    CHECK(strcmp(ask(pool, span_part(most, 0, 9), span_part(most, 0, 8)),
                 "child_request") == 0);
    CHECK(strcmp(ask(pool, SPAN("x"), most), "child_request") == 0);
    CHECK(strcmp(ask(pool, SPAN("x"), span_of(most.at, SIZE_MAX)), "child_request") == 0);
    child_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct child_handler handler = {echo, NULL};
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        child_serve(&handler);
    RUN(two_parts_are_one_request);
    RUN(together_they_are_no_longer_than_one);
    return test_done();
}
