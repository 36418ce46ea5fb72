// SPDX-License-Identifier: Apache-2.0
#include "gateway/frames/frames_files.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/memory.h"

enum {
    KEPT_BYTES_MAX = 64 << 20,
    KEPT_MAX = 8,
    KEPT_MS = 30000,             /* since it was last held */
    ARENA_BYTES_MAX = INT32_MAX, /* of a file and what it says */
    WORDS_MAX = 16 * 1024,
    SPARES_MAX = 4,
    SPARE_BYTES_MAX = 4 << 20
};

struct frames_file {
    struct hash name;
    struct arena arena;
    struct dicom_file *dicom;
    int holders;
    bool is_kept;
    int64_t used_ms; /* monotonic */
};

struct frames_files {
    pthread_mutex_t lock;
    struct clock clock;
    struct frames_file *kept[KEPT_MAX]; /* NULL = free */
    size_t bytes;
    struct arena spares[SPARES_MAX]; /* of small files: fresh pages cost more than they */
    int spare_count;
};

/* ---- under the lock ---- */

static struct arena take_spare(struct frames_files *files)
{
    return files->spare_count > 0 ? files->spares[--files->spare_count]
                                  : arena_init(ARENA_BYTES_MAX);
}

static void free_file(struct frames_files *files, struct frames_file *file)
{
    bool is_spare =
        file->arena.taken_bytes <= SPARE_BYTES_MAX && files->spare_count < SPARES_MAX;
    if (is_spare) {
        arena_reset(&file->arena);
        files->spares[files->spare_count++] = file->arena;
    } else {
        arena_free(&file->arena);
    }
    memory_free(file);
}

static void forget(struct frames_files *files, int index)
{
    struct frames_file *file = files->kept[index];
    files->kept[index] = NULL;
    files->bytes -= file->arena.taken_bytes;
    file->is_kept = false;
    if (file->holders == 0)
        free_file(files, file);
}

static void forget_old(struct frames_files *files)
{
    int64_t now_ms = clock_monotonic_ms(&files->clock);
    for (int i = 0; i < KEPT_MAX; i++)
        if (files->kept[i] && now_ms - files->kept[i]->used_ms > KEPT_MS)
            forget(files, i);
}

static struct frames_file *find(struct frames_files *files, const struct hash *name)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (files->kept[i] && hash_equal(&files->kept[i]->name, name))
            return files->kept[i];
    return NULL;
}

static int free_place(const struct frames_files *files)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (!files->kept[i])
            return i;
    return -1;
}

static int oldest(const struct frames_files *files)
{
    int found = -1;
    for (int i = 0; i < KEPT_MAX; i++)
        if (files->kept[i] &&
            (found < 0 || files->kept[i]->used_ms < files->kept[found]->used_ms))
            found = i;
    return found;
}

static void keep(struct frames_files *files, struct frames_file *file)
{
    size_t bytes = file->arena.taken_bytes;
    if (bytes > KEPT_BYTES_MAX || find(files, &file->name))
        return;
    while (files->bytes + bytes > KEPT_BYTES_MAX || free_place(files) < 0)
        forget(files, oldest(files));
    files->kept[free_place(files)] = file;
    files->bytes += bytes;
    file->is_kept = true;
}

/* ---- from outside ---- */

struct frames_files *frames_files_new(const struct clock *clock, struct err *err)
{
    struct frames_files *files = memory_new(1, sizeof *files, err);
    if (!files)
        return NULL;
    pthread_mutex_init(&files->lock, NULL);
    files->clock = *clock;
    return files;
}

void frames_files_free(struct frames_files *files)
{
    if (!files)
        return;
    for (int i = 0; i < KEPT_MAX; i++)
        if (files->kept[i])
            forget(files, i);
    for (int i = 0; i < files->spare_count; i++)
        arena_free(&files->spares[i]);
    pthread_mutex_destroy(&files->lock);
    memory_free(files);
}

static bool name_of(const struct frames_source *source, struct hash *name,
                    struct err *err)
{
    CLEANUP(buf_free) struct buf words = buf_init(WORDS_MAX);
    const struct span parts[] = {source->instance, source->version, source->folder,
                                 source->name};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_u64(&words, parts[i].len);
        buf_byte(&words, ' ');
        buf_span(&words, parts[i]);
    }
    if (!buf_check(&words, err))
        return false;
    *name = hash_sha256(buf_view(&words));
    return true;
}

static void drop(struct frames_files *files, struct frames_file *file)
{
    pthread_mutex_lock(&files->lock);
    free_file(files, file);
    pthread_mutex_unlock(&files->lock);
}

static struct frames_file *load(struct frames_files *files,
                                const struct frames_source *source,
                                const struct hash *name, struct err *err)
{
    struct span bytes = {0};
    struct frames_file *file = memory_new(1, sizeof *file, err);
    if (!file)
        return NULL;
    file->name = *name;
    pthread_mutex_lock(&files->lock);
    file->arena = take_spare(files);
    pthread_mutex_unlock(&files->lock);
    file->holders = 1;
    if (source->load(source->self, &file->arena, &bytes, err) &&
        dicom_read(bytes, NULL, &file->arena, &file->dicom, err))
        return file;
    drop(files, file);
    return NULL;
}

static bool has_many_frames(const struct frames_file *file)
{
    struct dicom_image image;
    struct err err = {0};
    return dicom_image_read(file->dicom, &image, &err) && image.frame_count > 1;
}

struct frames_file *frames_files_hold(struct frames_files *files,
                                      const struct frames_source *source, struct err *err)
{
    struct hash name;
    if (!name_of(source, &name, err))
        return NULL;
    pthread_mutex_lock(&files->lock);
    forget_old(files);
    struct frames_file *file = find(files, &name);
    if (file)
        file->holders++;
    pthread_mutex_unlock(&files->lock);
    if (file)
        return file;
    file = load(files, source, &name, err);
    if (file && has_many_frames(file)) {
        pthread_mutex_lock(&files->lock);
        file->used_ms = clock_monotonic_ms(&files->clock);
        keep(files, file);
        pthread_mutex_unlock(&files->lock);
    }
    return file;
}

void frames_files_let_go(struct frames_files *files, struct frames_file *file)
{
    pthread_mutex_lock(&files->lock);
    file->used_ms = clock_monotonic_ms(&files->clock);
    if (--file->holders == 0 && !file->is_kept)
        free_file(files, file);
    pthread_mutex_unlock(&files->lock);
}

const struct dicom_file *frames_file_dicom(const struct frames_file *file)
{
    return file->dicom;
}
