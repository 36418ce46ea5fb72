// SPDX-License-Identifier: Apache-2.0
/* Memory for nghttp2: the heap, but for the one buffer of frames, which it takes when a
 * session begins and never gives back. On the heap it would lie on pages that others had
 * used before, all of them resident. */
#include <sys/mman.h>

#include "base/memory.h"
#include "wire/http2/http2_session.h"

enum { FRAME_BUFFER_BYTES = 16 * 1024 }; /* and some more; nothing else is as large */

static void *map(size_t size)
{
    void *at =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void *take(size_t size, void *user)
{
    struct err err = {0};
    (void)user;
    return memory_new(1, size, &err);
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    struct err err = {0};
    (void)user;
    return memory_new(count, size, &err);
}

static void give_back(void *at, void *user)
{
    struct frame_buffer *frame = user;
    if (!at || at != frame->at) {
        memory_free(at);
        return;
    }
    munmap(at, frame->bytes);
    *frame = (struct frame_buffer){0};
}

/* To a peer that takes them, larger frames are sent than the first. */
static void *grow_frame(struct frame_buffer *frame, size_t size)
{
    void *at = mremap(frame->at, frame->bytes, size, MREMAP_MAYMOVE);
    if (at == MAP_FAILED)
        return NULL;
    *frame = (struct frame_buffer){at, size};
    return at;
}

static void *resize(void *at, size_t size, void *user)
{
    struct frame_buffer *frame = user;
    struct err err = {0};
    if (at && at == frame->at)
        return grow_frame(frame, size);
    if (at || frame->at || size < FRAME_BUFFER_BYTES)
        return memory_resize(at, 1, size, &err);
    void *fresh = map(size);
    if (fresh)
        *frame = (struct frame_buffer){fresh, size};
    return fresh;
}

nghttp2_mem http2_memory_of(struct frame_buffer *frame)
{
    return (nghttp2_mem){frame, take, give_back, take_zeroed, resize};
}
