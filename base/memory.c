// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *at, struct err *err)
{
    if (!at)
        err_set(err, ERR_BUSY, "memory_short", "no memory");
    return at;
}

void *memory_new(size_t count, size_t size, struct err *err)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL, err);
    return checked(calloc(1, bytes ? bytes : 1), err);
}

void *memory_resize(void *at, size_t count, size_t size, struct err *err)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL, err);
    return checked(realloc(at, bytes ? bytes : 1), err);
}

void memory_free(void *at)
{
    free(at);
}

char *memory_string(const char *string, struct err *err)
{
    return checked(strdup(string), err);
}

/* Two: one would be waited for when workers and loop allocate at once, and each more
 * keeps its own holes. Bounds that are set do not grow with what is freed, as glibc's
 * own do: after one block of 32 MB it would keep 64 MB at the heap's end. 4 MB there,
 * since what a picture passes through would else be given back and zeroed again for each.
 */
void memory_settle(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

void memory_give_back(void)
{
    malloc_trim(0);
}
