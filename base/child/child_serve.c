// SPDX-License-Identifier: Apache-2.0
/* The child's side of the socket. It ends at the first fault: a new one begins afresh. */
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child/child_parts.h"

enum { FILL = 0xA5 };

struct memory {
    uint8_t *at;
    struct child_limits limits;
    /* Of the job before: how much of either part its bytes still lie in. */
    size_t former_request;
    size_t former_reply;
};

static bool take(void *packet, size_t size)
{
    return recv(CHILD_SOCKET, packet, size, MSG_TRUNC) == (ssize_t)size &&
           *(uint32_t *)packet == CHILD_MAGIC;
}

static bool tell(const void *packet, size_t size)
{
    return send(CHILD_SOCKET, packet, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Buffers of pictures stay, so that the next job finds them; what is freed or not yet
 * written is overwritten, so that a fault of a decoder shows nothing of the job before.
 */
static void prepare_heap(void)
{
    enum { KEPT_BYTES = 8 << 20 };
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_PERTURB, FILL);
}

/* 0, or the exit status. */
static int begin(struct memory *memory)
{
    struct child_limits *limits = &memory->limits;
    struct child_hello hello = {.magic = CHILD_MAGIC};
    bool is_apart = false;
    if (!take(limits, sizeof *limits))
        return CHILD_NO_PARENT;
    memory->at = mmap(NULL, limits->request_bytes + limits->reply_bytes,
                      PROT_READ | PROT_WRITE, MAP_SHARED, CHILD_MEMORY, 0);
    if (memory->at == MAP_FAILED)
        return CHILD_NO_MEMORY;
    prepare_heap();
    int failed = child_lock_in(limits, &is_apart);
    hello.is_apart = is_apart;
    if (!failed && !tell(&hello, sizeof hello))
        failed = CHILD_NO_PARENT;
    return failed;
}

static bool put_reply(const struct memory *memory, const struct buf *reply,
                      struct child_answer *answer, struct err *err)
{
    if (!buf_check(reply, err))
        return false;
    if (reply->len > 0)
        memcpy(memory->at + memory->limits.request_bytes, reply->at, reply->len);
    answer->len = reply->len;
    return true;
}

/* For the same reason: what is left in the memory behind a shorter job, and replies. */
static void wipe_former(struct memory *memory, size_t request_bytes, struct buf *reply)
{
    if (memory->former_request > request_bytes)
        memset(memory->at + request_bytes, FILL, memory->former_request - request_bytes);
    memset(memory->at + memory->limits.request_bytes, FILL, memory->former_reply);
    if (reply->len > 0)
        memset(reply->at, FILL, reply->len);
    buf_reset(reply);
}

/* Pages that were taken back hold nothing any more. */
static void note_former(struct memory *memory, size_t request_bytes, size_t reply_bytes)
{
    bool is_kept = request_bytes + reply_bytes <= CHILD_KEPT_BYTES;
    memory->former_request = is_kept ? request_bytes : 0;
    memory->former_reply = is_kept ? reply_bytes : 0;
}

static bool serve_one(const struct child_handler *handler, struct memory *memory,
                      struct buf *reply)
{
    struct child_job job;
    struct child_answer answer = {.magic = CHILD_MAGIC};
    struct err err = {0};
    if (!take(&job, sizeof job) || job.len > memory->limits.request_bytes)
        return false;
    struct span request = span_of(memory->at, (size_t)job.len);
    wipe_former(memory, (size_t)job.len, reply);
    bool is_done = handler->run(handler->self, request, reply, &err) &&
                   put_reply(memory, reply, &answer, &err);
    answer.number = job.number;
    if (!is_done) {
        answer.kind = err.kind == ERR_NONE ? ERR_SYSTEM : err.kind;
        answer.offset = err.offset;
        snprintf(answer.code, sizeof answer.code, "%s", err.code ? err.code : "");
    }
    note_former(memory, (size_t)job.len, (size_t)answer.len);
    return tell(&answer, sizeof answer);
}

_Noreturn void child_serve(const struct child_handler *handler)
{
    struct memory memory = {0};
    int failed = begin(&memory);
    struct buf reply = buf_init(memory.limits.reply_bytes);
    while (!failed && serve_one(handler, &memory, &reply))
        ;
    _exit(failed);
}
