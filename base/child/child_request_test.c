// SPDX-License-Identifier: Apache-2.0
/* Requests of two parts, which lie in different places here and in one there; and what is
 * left there of a job when the next one comes. This program run again is the child, too.
 */
#include <string.h>

#include "base/child/child.h"
#include "base/test.h"

enum { LEFT_BYTES = 3000, PART_BYTES = 1 << 20 };

static bool has_p(const uint8_t *at, size_t len)
{
    bool is_there = false;
    for (size_t i = 0; i < len; i++)
        is_there |= *(const volatile uint8_t *)(at + i) == 'P';
    return is_there;
}

/* Looks where the job before had its request and its reply, as a decoder would that goes
 * on behind its input or hands out what it has not written. */
static void look_behind(struct span request, struct buf *reply)
{
    bool is_in_heap = reply->at && has_p(reply->at, LEFT_BYTES);
    bool is_in_requests = has_p(request.at + request.len, LEFT_BYTES);
    bool is_in_replies = has_p(request.at + PART_BYTES, LEFT_BYTES);
    buf_format(reply, "%d %d %d", is_in_heap, is_in_requests, is_in_replies);
}

static bool answer(void *self, struct span request, struct buf *reply, struct err *err)
{
    (void)self, (void)err;
    if (span_is(request, "behind"))
        look_behind(request, reply);
    else
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

static struct child_pool *open_pool(size_t bytes_max)
{
    static const char *const words[] = {"--child", NULL};
    struct err err = {0};
    struct child_pool *pool =
        child_pool_new(&(const struct child_config){.arguments = words,
                                                    .request_bytes_max = bytes_max,
                                                    .reply_bytes_max = bytes_max,
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
    struct child_pool *pool = open_pool(16);
    CHECK(strcmp(ask(pool, SPAN("Hello "), SPAN("there")), "Hello there") == 0);
    CHECK(strcmp(ask(pool, SPAN("1"), SPAN("2")), "12") == 0); /* nothing of before */
    CHECK(strcmp(ask(pool, SPAN(""), SPAN("tail")), "tail") == 0);
    CHECK(strcmp(ask(pool, SPAN("head"), SPAN("")), "head") == 0);
    child_pool_free(pool);
}

static void together_they_are_no_longer_than_one(void)
{
    struct child_pool *pool = open_pool(16);
    struct span most = SPAN("0123456789abcdef");
    CHECK(strcmp(ask(pool, span_part(most, 0, 8), span_part(most, 8, 8)),
                 "0123456789abcdef") == 0);
    CHECK(strcmp(ask(pool, span_part(most, 0, 9), span_part(most, 0, 8)),
                 "child_request") == 0);
    CHECK(strcmp(ask(pool, SPAN("x"), most), "child_request") == 0);
    CHECK(strcmp(ask(pool, SPAN("x"), span_of(most.at, SIZE_MAX)), "child_request") == 0);
    child_pool_free(pool);
}

static void what_a_job_had_does_not_lie_behind_the_next(void)
{
    struct child_pool *pool = open_pool(PART_BYTES);
    struct err err = {0};
    uint8_t former[LEFT_BYTES];
    memset(former, 'P', sizeof former);
    CHECK(strcmp(ask(pool, SPAN("behind"), SPAN("")), "0 0 0") == 0);
    for (int i = 0; i < 2; i++) {
        CLEANUP(buf_free) struct buf reply = buf_init(PART_BYTES);
        CHECK(child_run(pool, span_of(former, sizeof former), &reply, &err));
        CHECK(reply.len == sizeof former && has_p(reply.at, reply.len));
        CHECK(strcmp(ask(pool, SPAN("behind"), SPAN("")), "0 0 0") == 0);
    }
    child_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct child_handler handler = {answer, NULL};
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        child_serve(&handler);
    RUN(two_parts_are_one_request);
    RUN(together_they_are_no_longer_than_one);
    RUN(what_a_job_had_does_not_lie_behind_the_next);
    return test_done();
}
