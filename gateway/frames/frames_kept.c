// SPDX-License-Identifier: Apache-2.0
#include "gateway/frames/frames_kept.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/rand.h"
#include "base/seal.h"
#include "base/secret.h"

enum { BUCKETS = 4096, FILES_MAX = 65536, BLOCK_BYTES = 4096 };

struct kept_file {
    struct hash name;
    size_t len; /* sealed */
    struct kept_file *newer;
    struct kept_file *older;
    struct kept_file *next; /* in its bucket */
};

struct frames_kept {
    pthread_mutex_t lock;
    struct seal_key key;
    int folder;
    uint64_t bytes_max;
    uint64_t bytes;
    uint64_t files;
    struct kept_file *newest;
    struct kept_file *oldest;
    struct kept_file *buckets[BUCKETS];
};

/* ---- the list ---- */

static uint64_t disk_bytes(size_t len)
{
    return (len + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

static struct kept_file **bucket_of(struct frames_kept *kept, const struct hash *name)
{
    return &kept->buckets[(name->bytes[0] << 8 | name->bytes[1]) % BUCKETS];
}

static struct kept_file **find(struct frames_kept *kept, const struct hash *name)
{
    struct kept_file **at = bucket_of(kept, name);
    while (*at && !hash_equal(&(*at)->name, name))
        at = &(*at)->next;
    return at;
}

static void unlist(struct frames_kept *kept, struct kept_file *file)
{
    *(file->newer ? &file->newer->older : &kept->newest) = file->older;
    *(file->older ? &file->older->newer : &kept->oldest) = file->newer;
}

static void list_newest(struct frames_kept *kept, struct kept_file *file)
{
    file->newer = NULL;
    file->older = kept->newest;
    *(kept->newest ? &kept->newest->newer : &kept->oldest) = file;
    kept->newest = file;
}

static void drop(struct frames_kept *kept, const struct hash *name)
{
    char hex[HASH_HEX_BYTES];
    struct kept_file **at = find(kept, name);
    struct kept_file *file = *at;
    if (!file)
        return;
    hash_to_hex(span_of(name->bytes, HASH_BYTES), hex);
    unlinkat(kept->folder, hex, 0);
    *at = file->next;
    unlist(kept, file);
    kept->bytes -= disk_bytes(file->len);
    kept->files--;
    memory_free(file);
}

/* ---- opening ---- */

static bool is_ours(const char *name)
{
    struct hash hash;
    return hash_from_hex(span_cstr(name), hash.bytes, sizeof hash.bytes);
}

/* Only what has a name of ours. */
static void empty(int folder)
{
    int again = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *names = again >= 0 ? fdopendir(again) : NULL;
    if (!names) {
        path_close(&again);
        return;
    }
    rewinddir(names);
    for (struct dirent *entry = readdir(names); entry; entry = readdir(names))
        if (is_ours(entry->d_name))
            unlinkat(folder, entry->d_name, 0);
    closedir(names);
}

struct frames_kept *frames_kept_open(const char *folder, uint64_t bytes_max,
                                     struct err *err)
{
    struct rand rand = rand_system();
    if (!path_make_directory(folder, err))
        return NULL;
    CLEANUP(path_close) int root = path_open_root(folder, err);
    struct frames_kept *kept = root >= 0 ? memory_new(1, sizeof *kept, err) : NULL;
    if (!kept)
        return NULL;
    kept->folder = root;
    root = -1;
    kept->bytes_max = bytes_max;
    rand_fill(&rand, kept->key.bytes, sizeof kept->key.bytes);
    pthread_mutex_init(&kept->lock, NULL);
    empty(kept->folder);
    return kept;
}

void frames_kept_close(struct frames_kept *kept)
{
    if (!kept)
        return;
    while (kept->oldest)
        drop(kept, &kept->oldest->name);
    path_close(&kept->folder);
    pthread_mutex_destroy(&kept->lock);
    secret_wipe(&kept->key, sizeof kept->key);
    memory_free(kept);
}

/* ---- taking and putting ---- */

/* Opened under the lock, so that it is there; read without. */
static int open_file(struct frames_kept *kept, const struct hash *name, const char *hex,
                     size_t *len)
{
    int fd = -1;
    pthread_mutex_lock(&kept->lock);
    struct kept_file *file = *find(kept, name);
    if (file) {
        unlist(kept, file);
        list_newest(kept, file);
        *len = file->len;
        fd = openat(kept->folder, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    if (file && fd < 0)
        drop(kept, name);
    pthread_mutex_unlock(&kept->lock);
    return fd;
}

static bool read_whole(int fd, size_t len, struct buf *sealed)
{
    uint8_t *at = buf_take(sealed, len);
    for (size_t done = 0; at && done < len;) {
        ssize_t got = pread(fd, at + done, len - done, (off_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return at != NULL;
}

bool frames_kept_take(struct frames_kept *kept, const struct hash *name, struct buf *out)
{
    char hex[HASH_HEX_BYTES];
    size_t len = 0;
    struct err err = {0};
    hash_to_hex(span_of(name->bytes, HASH_BYTES), hex);
    CLEANUP(path_close) int fd = open_file(kept, name, hex, &len);
    if (fd < 0)
        return false;
    CLEANUP(buf_free) struct buf sealed = buf_init(len);
    if (read_whole(fd, len, &sealed) &&
        seal_open_bytes(&kept->key, hex, buf_view(&sealed), out, &err))
        return true;
    pthread_mutex_lock(&kept->lock);
    drop(kept, name);
    pthread_mutex_unlock(&kept->lock);
    return false;
}

/* Oldest ones leave before the new one comes, so that the limit always holds. */
static bool make_room(struct frames_kept *kept, size_t len)
{
    uint64_t needed = disk_bytes(len);
    if (needed > kept->bytes_max)
        return false;
    while (kept->oldest &&
           (kept->bytes + needed > kept->bytes_max || kept->files >= FILES_MAX))
        drop(kept, &kept->oldest->name);
    return true;
}

static bool write_whole(struct frames_kept *kept, const char *hex, struct span bytes)
{
    const int how = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    CLEANUP(path_close) int fd = openat(kept->folder, hex, how, 0600);
    if (fd < 0)
        return false;
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.at, bytes.len);
        if (put <= 0)
            return false;
        bytes = span_part(bytes, (size_t)put, SIZE_MAX);
    }
    return true;
}

/* Listed before it is written, so that its bytes count; a fault takes it out again. */
static bool reserve(struct frames_kept *kept, const struct hash *name, size_t len)
{
    struct err err = {0};
    struct kept_file *file = memory_new(1, sizeof *file, &err);
    pthread_mutex_lock(&kept->lock);
    drop(kept, name);
    bool has_room = file && make_room(kept, len);
    if (has_room) {
        struct kept_file **bucket = bucket_of(kept, name);
        *file = (struct kept_file){.name = *name, .len = len, .next = *bucket};
        *bucket = file;
        list_newest(kept, file);
        kept->bytes += disk_bytes(len);
        kept->files++;
    }
    pthread_mutex_unlock(&kept->lock);
    if (!has_room)
        memory_free(file);
    return has_room;
}

void frames_kept_put(struct frames_kept *kept, const struct hash *name, struct span bytes)
{
    char hex[HASH_HEX_BYTES];
    struct err err = {0};
    CLEANUP(buf_free) struct buf sealed = buf_init(bytes.len + SEAL_MORE_BYTES);
    hash_to_hex(span_of(name->bytes, HASH_BYTES), hex);
    if (!seal_bytes(&kept->key, hex, bytes, &sealed, &err) ||
        !reserve(kept, name, sealed.len))
        return;
    if (write_whole(kept, hex, buf_view(&sealed)))
        return;
    pthread_mutex_lock(&kept->lock);
    drop(kept, name);
    pthread_mutex_unlock(&kept->lock);
}

void frames_kept_count(struct frames_kept *kept, uint64_t *files, uint64_t *bytes)
{
    pthread_mutex_lock(&kept->lock);
    *files = kept->files;
    *bytes = kept->bytes;
    pthread_mutex_unlock(&kept->lock);
}
