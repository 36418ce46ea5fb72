// SPDX-License-Identifier: Apache-2.0
#include "base/sparse.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { CHUNK_BYTES = 16 * 1024, ABSENT = 0, LOOKED, KEPT };

struct sparse {
    int fd;
    struct sparse_limits limits;
    uint8_t *at;
    size_t len;
    uint8_t *chunks; /* what each of them is */
    size_t chunk_count;
    size_t looked_bytes;
    size_t kept_bytes;
    struct err fault;
};

struct sparse *sparse_open(int fd, const struct sparse_limits *limits, struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        err_set(err, ERR_SYSTEM, "path_failed", "cannot look at: %s", strerror(errno));
        return NULL;
    }
    if (status.st_size < 0 || (uint64_t)status.st_size > limits->file_bytes_max ||
        (uint64_t)status.st_size > SIZE_MAX / 2) {
        err_set(err, ERR_LIMIT, "file_too_large", "a file of %lld bytes",
                (long long)status.st_size);
        return NULL;
    }
    size_t len = (size_t)status.st_size;
    struct sparse *sparse = memory_new(1, sizeof *sparse, err);
    if (!sparse)
        return NULL;
    *sparse = (struct sparse){.fd = fd, .limits = *limits, .len = len};
    sparse->chunk_count = len / CHUNK_BYTES + 1;
    sparse->chunks = memory_new(sparse->chunk_count, 1, err);
    void *at = sparse->chunks
                   ? mmap(NULL, sparse->chunk_count * CHUNK_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                   : MAP_FAILED;
    if (at == MAP_FAILED) {
        if (sparse->chunks)
            err_set(err, ERR_BUSY, "sparse_memory", "no room for addresses");
        memory_free(sparse->chunks);
        memory_free(sparse);
        return NULL;
    }
    sparse->at = at;
    return sparse;
}

void sparse_close(struct sparse **sparse)
{
    if (!*sparse)
        return;
    munmap((*sparse)->at, (*sparse)->chunk_count * CHUNK_BYTES);
    memory_free((*sparse)->chunks);
    memory_free(*sparse);
    *sparse = NULL;
}

struct span sparse_bytes(const struct sparse *sparse)
{
    return span_of(sparse->at, sparse->len);
}

size_t sparse_held_bytes(const struct sparse *sparse)
{
    return sparse->looked_bytes + sparse->kept_bytes;
}

bool sparse_check(const struct sparse *sparse, struct err *err)
{
    if (sparse->fault.kind == ERR_NONE)
        return true;
    *err = sparse->fault;
    return false;
}

static size_t end_of(const struct sparse *sparse, size_t chunk)
{
    return chunk + 1 == sparse->chunk_count ? sparse->len : (chunk + 1) * CHUNK_BYTES;
}

/* The chunks from `first` on, up to `last`. */
static bool load(struct sparse *sparse, size_t first, size_t last)
{
    size_t from = first * CHUNK_BYTES;
    size_t end = end_of(sparse, last);
    while (from < end) {
        ssize_t count = pread(sparse->fd, sparse->at + from, end - from, (off_t)from);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return err_set(&sparse->fault, ERR_SYSTEM, "path_failed", "cannot read: %s",
                           strerror(errno));
        if (count == 0)
            return err_set(&sparse->fault, ERR_BUSY, "source_changed",
                           "the file has become shorter");
        from += (size_t)count;
    }
    return true;
}

/* The memory goes back to the system, and reads as zeros. */
static void forget_looked(struct sparse *sparse)
{
    for (size_t i = 0; i < sparse->chunk_count; i++) {
        size_t first = i;
        while (i < sparse->chunk_count && sparse->chunks[i] == LOOKED)
            sparse->chunks[i++] = ABSENT;
        if (i > first)
            (void)madvise(sparse->at + first * CHUNK_BYTES, (i - first) * CHUNK_BYTES,
                          MADV_DONTNEED);
    }
    sparse->looked_bytes = 0;
}

static size_t count_chunks(const struct sparse *sparse, size_t first, size_t last,
                           uint8_t state)
{
    size_t count = 0;
    for (size_t i = first; i <= last; i++)
        count += sparse->chunks[i] == state;
    return count;
}

static bool load_absent(struct sparse *sparse, size_t first, size_t last, uint8_t state)
{
    for (size_t i = first; i <= last; i++) {
        size_t from = i;
        while (i <= last && sparse->chunks[i] == ABSENT)
            i++;
        if (i > from && !load(sparse, from, i - 1))
            return false;
        for (size_t k = from; k < i; k++)
            sparse->chunks[k] = state;
    }
    return true;
}

static bool find_chunks(const struct sparse *sparse, const uint8_t *at, uint64_t len,
                        size_t *first, size_t *last)
{
    size_t from = (size_t)(at - sparse->at);
    assert(from <= sparse->len && len <= sparse->len - from);
    *first = from / CHUNK_BYTES;
    *last = (from + (size_t)len - 1) / CHUNK_BYTES;
    return sparse->fault.kind == ERR_NONE;
}

bool sparse_keep(struct sparse *sparse, const uint8_t *at, uint64_t len)
{
    size_t first = 0;
    size_t last = 0;
    if (len == 0)
        return sparse->fault.kind == ERR_NONE;
    if (!find_chunks(sparse, at, len, &first, &last))
        return false;
    size_t looked = count_chunks(sparse, first, last, LOOKED);
    size_t absent = count_chunks(sparse, first, last, ABSENT);
    size_t more = (looked + absent) * CHUNK_BYTES;
    if (more == 0)
        return true;
    if (more > sparse->limits.kept_bytes_max - sparse->kept_bytes)
        return err_set(&sparse->fault, ERR_LIMIT, "file_too_large",
                       "more than is kept of a file");
    if (!load_absent(sparse, first, last, KEPT))
        return false;
    for (size_t i = first; i <= last; i++)
        sparse->chunks[i] = KEPT;
    sparse->looked_bytes -= looked * CHUNK_BYTES;
    sparse->kept_bytes += more;
    return true;
}

bool sparse_look(struct sparse *sparse, const uint8_t *at, uint64_t len)
{
    size_t first = 0;
    size_t last = 0;
    if (len == 0)
        return sparse->fault.kind == ERR_NONE;
    if (!find_chunks(sparse, at, len, &first, &last))
        return false;
    assert(len <= sparse->limits.looked_bytes_max / 2);
    size_t more = count_chunks(sparse, first, last, ABSENT) * CHUNK_BYTES;
    if (more == 0)
        return true;
    if (more + sparse->looked_bytes > sparse->limits.looked_bytes_max) {
        forget_looked(sparse);
        more = count_chunks(sparse, first, last, ABSENT) * CHUNK_BYTES;
    }
    if (!load_absent(sparse, first, last, LOOKED))
        return false;
    sparse->looked_bytes += more;
    return true;
}
