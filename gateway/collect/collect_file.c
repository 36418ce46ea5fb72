// SPDX-License-Identifier: Apache-2.0
/* One file of the storage: read, understood, judged, indexed. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "formats/charset/charset.h"
#include "gateway/collect/collect_parts.h"

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* What tells a file from another that took its name with the same size and time. */
static void fill_status(struct index_file *file, const struct stat *status)
{
    file->size_bytes = status->st_size;
    file->changed_ns = nanoseconds(&status->st_mtim);
    file->status_ns = nanoseconds(&status->st_ctim);
    file->inode = (int64_t)status->st_ino;
}

static bool has_same_status(const struct index_file *a, const struct index_file *b)
{
    return text_equal(a->path, b->path) && a->size_bytes == b->size_bytes &&
           a->changed_ns == b->changed_ns && a->status_ns == b->status_ns &&
           a->inode == b->inode && text_equal(a->beside, b->beside);
}

static bool hash_content(struct span bytes, struct arena *arena, struct text *hex,
                         struct err *err)
{
    struct hash hash = hash_sha256(bytes);
    char *at = arena_take(arena, HASH_HEX_BYTES, 1, err);
    if (!at)
        return false;
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), at);
    *hex = text_cstr(at);
    return true;
}

struct reading {
    const struct collect_walk *walk;
    struct collect_name name; /* of `arena`: it outlives the folder's look */
    const char *path;         /* of the file that is read */
    const char *below;        /* its part below the type folder */
    int folder;               /* the type folder, open */
    struct text beside;       /* stamp of what lies beside the document */
    struct arena *arena;      /* the batch's */
    struct index_change change;
    struct entry_list list;
};

static struct text ascii_text(struct span span)
{
    return (struct text){(const char *)span.at, span.len};
}

static bool fill_identity(struct reading *reading, struct err *err)
{
    struct index_file *file = &reading->change.file;
    const struct ssmix_name *name = &reading->name.record;
    CLEANUP(buf_free) struct buf base = buf_init(512);
    CLEANUP(buf_free) struct buf version = buf_init(64);
    struct span base_copy = {0};
    struct span version_copy = {0};
    collect_write_base(&reading->name, &base);
    buf_cstr(&version, name->occurred);
    buf_byte(&version, (uint8_t)name->flag);
    if (!buf_to_arena(&base, reading->arena, &base_copy, err) ||
        !buf_to_arena(&version, reading->arena, &version_copy, err) ||
        !collect_index_path(reading->walk->collect, reading->walk->root, reading->path,
                            reading->arena, &file->path, err))
        return false;
    file->path.len--; /* a file, not a folder: without the last slash */
    file->number = ascii_text(name->patient);
    file->base = ascii_text(base_copy);
    file->version = ascii_text(version_copy);
    file->hash = TEXT("");
    file->beside = reading->beside;
    file->code = TEXT("");
    reading->change.day = name->day;
    reading->change.incomplete_kind = collect_kind(&reading->name);
    return true;
}

static void refuse(struct reading *reading, enum index_file_state state, const char *code,
                   uint64_t offset)
{
    reading->change.file.state = state;
    reading->change.file.code = text_cstr(code);
    reading->change.file.offset_bytes = (int64_t)offset;
    reading->change.list = NULL;
}

static bool has_warning(const struct entry_list *list, const char *code, size_t *offset)
{
    for (const struct entry_warning *one = list->warnings; one; one = one->next)
        if (strcmp(one->code, code) == 0) {
            *offset = one->offset;
            return true;
        }
    return false;
}

/* A name and a birth date that both contradict the patient's own ADT-00. */
static bool contradicts(struct reading *reading, bool *does, struct err *err)
{
    struct index_patient known;
    bool is_known = false;
    struct text folded = {0};
    const struct entry_patient *said = &reading->list.patient;
    *does = false;
    if (said->kana.len == 0 || said->birth_day == DAY_NONE)
        return true;
    if (!collect_know_identity(reading->walk, reading->change.file.number, &known,
                               &is_known, err) ||
        !charset_fold(said->kana, reading->arena, &folded, err))
        return false;
    *does = is_known && known.birth_day != DAY_NONE && known.kana_folded.len > 0 &&
            known.birth_day != said->birth_day && !text_equal(folded, known.kana_folded);
    return true;
}

static bool is_of_release(struct reading *reading, bool *is_released, struct err *err)
{
    struct text hash = {0};
    const struct collect *collect = reading->walk->collect;
    const struct index_file *file = &reading->change.file;
    if (!index_find_release(collect->config.index, file->path, reading->arena, &hash,
                            err))
        return false;
    *is_released = hash.len > 0 && text_equal(hash, file->hash);
    return true;
}

/* May this file belong to somebody else (formats.md 2.9 [R])? NULL: no. */
static bool find_doubt(struct reading *reading, const char **code, size_t *offset,
                       struct err *err)
{
    bool does_contradict = false;
    const struct ssmix_name *name = &reading->name.record;
    bool is_own_adt = name->known && strcmp(name->known->code, "ADT-00") == 0;
    bool tells_end =
        is_own_adt && index_ends_own_number(&reading->list, reading->change.file.number);
    *code = NULL;
    *offset = 0;
    if ((name->differs & SSMIX_PATIENT_DIFFERS) ||
        (!tells_end && has_warning(&reading->list, "patient_mismatch", offset))) {
        *code = "patient_mismatch";
        return true;
    }
    if (is_own_adt)
        return true;
    if (!contradicts(reading, &does_contradict, err))
        return false;
    *code = does_contradict ? "patient_contradicted" : NULL;
    return true;
}

/* Then it is held, unless the hospital says that it is the patient's. */
static bool judge_owner(struct reading *reading, struct err *err)
{
    size_t offset = 0;
    const char *code = NULL;
    bool is_released = false;
    const struct collect *collect = reading->walk->collect;
    if (collect->config.roots[reading->walk->root].accepts_foreign_numbers)
        return true;
    if (!find_doubt(reading, &code, &offset, err))
        return false;
    if (!code)
        return true;
    if (!is_of_release(reading, &is_released, err))
        return false;
    if (!is_released)
        refuse(reading, INDEX_HELD, code, offset);
    return true;
}

static bool understand(struct reading *reading, struct span bytes, struct err *err)
{
    struct err fault = {0};
    if (!collect_read_entries(&reading->name, bytes, reading->arena, &reading->list,
                              &fault)) {
        if (fault.kind == ERR_BUSY) {
            *err = fault;
            return false;
        }
        refuse(reading, INDEX_REFUSED, fault.code, fault.offset);
        return true;
    }
    reading->change.list = &reading->list;
    return judge_owner(reading, err);
}

/* In another storage of the hospital the same record may stand in a newer version, or in
 * this one: a copy. */
static bool is_elsewhere(const struct reading *reading, const struct index_file *known)
{
    const struct collect *collect = reading->walk->collect;
    struct span rest = text_span(known->path);
    struct span label = {0};
    if (known->path.len == 0 || !span_take(&rest, '/', &label) ||
        text_compare(known->version, reading->change.file.version) < 0)
        return false;
    for (size_t i = 0; i < collect->config.root_count; i++)
        if (i != reading->walk->root && span_is(label, collect->config.roots[i].label))
            return true;
    return false;
}

/* Bytes as they were at one moment: a file that changes while it is read is left for the
 * next look. */
static bool read_stable(int fd, const struct stat *before, struct arena *arena,
                        struct span *bytes, bool *is_stable, struct err *err)
{
    struct stat after;
    if (!path_read(fd, COLLECT_FILE_BYTES_MAX, arena, bytes, err))
        return false;
    *is_stable = fstat(fd, &after) == 0 && after.st_size == before->st_size &&
                 nanoseconds(&after.st_mtim) == nanoseconds(&before->st_mtim);
    return true;
}

static bool put_reading(const struct reading *reading, struct err *err)
{
    struct index_piece piece = {.kind = INDEX_PUT, .change = &reading->change};
    return collect_add(reading->walk, &piece, err);
}

static bool touch_reading(const struct reading *reading, struct err *err)
{
    struct index_piece piece = {.kind = INDEX_TOUCH, .change = &reading->change};
    return collect_add(reading->walk, &piece, err);
}

/* Read, and the same as before under other times. */
static bool is_same_content(const struct index_file *file, const struct index_file *known)
{
    return known->changed_ns != 0 && known->hash.len > 0 &&
           text_equal(known->path, file->path) && text_equal(known->hash, file->hash) &&
           text_equal(known->beside, file->beside);
}

static bool take_content(struct reading *reading, int fd, const struct stat *status,
                         const struct index_file *known, struct err *err)
{
    struct span bytes = {0};
    bool is_stable = false;
    struct err fault = {0};
    if (!read_stable(fd, status, reading->arena, &bytes, &is_stable, &fault)) {
        refuse(reading, INDEX_REFUSED, fault.code, 0);
        return put_reading(reading, err);
    }
    if (!is_stable)
        return true;
    if (!hash_content(bytes, reading->arena, &reading->change.file.hash, err))
        return false;
    if (is_same_content(&reading->change.file, known))
        return has_same_status(&reading->change.file, known) ||
               touch_reading(reading, err);
    return understand(reading, bytes, err) && put_reading(reading, err);
}

/* A link, a pipe, or a file that may not be read: listed once, tried at each look. */
static bool take_unreadable(struct reading *reading, const struct index_file *known,
                            const struct err *fault, struct err *err)
{
    bool is_listed = text_equal(known->path, reading->change.file.path) &&
                     known->state == INDEX_REFUSED && text_is(known->code, fault->code);
    if (fault->kind == ERR_MISSING || is_listed)
        return true; /* or gone again: the next look at the folder sees why */
    refuse(reading, INDEX_REFUSED, fault->code, 0);
    return put_reading(reading, err);
}

static bool take_file(struct reading *reading, struct err *err)
{
    struct stat status;
    struct index_file known;
    struct err fault = {0};
    const struct collect_walk *walk = reading->walk;
    CLEANUP(path_close) int fd = path_open_below(reading->folder, reading->below, &fault);
    if (!fill_identity(reading, err) ||
        !collect_know_file(walk, reading->change.file.number, reading->change.file.base,
                           &known, err))
        return false;
    if (is_elsewhere(reading, &known))
        return true;
    if (fd < 0 || fstat(fd, &status) != 0)
        return take_unreadable(reading, &known, &fault, err);
    fill_status(&reading->change.file, &status);
    if (!walk->compares_content && has_same_status(&reading->change.file, &known))
        return true;
    return take_content(reading, fd, &status, &known, err);
}

/* A record's folder without a document in it: said so, unless it is so new that the
 * document may still be on its way. */
static bool take_without_main(struct reading *reading, const struct err *fault,
                              struct err *err)
{
    struct index_file known;
    return fill_identity(reading, err) &&
           collect_know_file(reading->walk, reading->change.file.number,
                             reading->change.file.base, &known, err) &&
           take_unreadable(reading, &known, fault, err);
}

static bool parse(struct reading *reading, const char *path, struct err *err)
{
    struct span kept = {0};
    return arena_copy(reading->arena, span_cstr(path), &kept, err) &&
           collect_parse(reading->walk->collect, reading->walk->root, kept,
                         &reading->name, reading->arena, err);
}

static bool take_document(struct reading *reading, bool *is_waiting, struct err *err)
{
    struct err fault = {0};
    struct collect_main main = {0};
    size_t above = (size_t)(reading->below - reading->path);
    struct collect_name folder_says = reading->name;
    if (collect_find_main(reading->walk, reading->path, &main, &fault) &&
        parse(reading, main.path, &fault)) {
        reading->path = main.path;
        reading->below = main.path + above;
        return text_copy(text_cstr(main.beside), reading->arena, &reading->beside, err) &&
               take_file(reading, err);
    }
    reading->name = folder_says;
    *is_waiting = main.is_young && strcmp(fault.code, "document_main_missing") == 0;
    return *is_waiting || take_without_main(reading, &fault, err);
}

bool collect_read_file(const struct collect_walk *walk, int folder, const char *path,
                       bool *is_waiting, struct err *err)
{
    const char *slash = strrchr(path, '/');
    *is_waiting = false;
    if (!collect_make_room(walk, err))
        return false;
    struct arena *arena = &walk->collect->batch->arena; /* of the batch that has room */
    struct reading *reading = ARENA_NEW(arena, struct reading, err);
    if (!reading)
        return false;
    reading->walk = walk;
    reading->path = path;
    reading->below = slash ? slash + 1 : path;
    reading->folder = folder;
    reading->beside = TEXT("");
    reading->arena = arena;
    if (!parse(reading, path, err))
        return false;
    return reading->name.is_extended ? take_document(reading, is_waiting, err)
                                     : take_file(reading, err);
}

/* Of a record that is a folder its document. */
static void find_content(const struct collect_walk *walk, const char *path,
                         struct collect_main *main)
{
    struct err none = {0};
    if (!collect_is_extended(walk->collect, walk->root) ||
        !collect_find_main(walk, path, main, &none))
        snprintf(main->path, sizeof main->path, "%s", path);
}

bool collect_is_released(const struct collect_walk *walk, const char *path,
                         bool *is_released, struct err *err)
{
    struct collect_main main;
    const struct collect *collect = walk->collect;
    struct text shown = {0};
    struct text wanted = {0};
    struct text hash = {0};
    struct span bytes = {0};
    struct err fault = {0};
    CLEANUP(arena_free)
    struct arena arena = arena_init((size_t)COLLECT_FILE_ARENA_BYTES);
    *is_released = false;
    find_content(walk, path, &main);
    if (!collect_index_path(collect, walk->root, main.path, &arena, &shown, err))
        return false;
    shown.len--; /* a file, not a folder */
    if (!index_find_release(collect->config.index, shown, &arena, &wanted, err))
        return false;
    CLEANUP(path_close)
    int fd =
        wanted.len ? path_open_below(collect->roots[walk->root], main.path, &fault) : -1;
    if (fd < 0 || !path_read(fd, COLLECT_FILE_BYTES_MAX, &arena, &bytes, &fault))
        return true;
    if (!hash_content(bytes, &arena, &hash, err))
        return false;
    *is_released = text_equal(hash, wanted);
    return true;
}

/* Content and times of a file that is not understood; none of a name that cannot be
 * used. */
static bool fill_aside(const struct collect_walk *walk, const struct collect_aside *aside,
                       struct index_file *file, struct arena *arena, struct err *err)
{
    struct stat status;
    struct span bytes = {0};
    struct err fault = {0};
    const struct collect *collect = walk->collect;
    struct collect_main main;
    file->hash = file->beside = TEXT("");
    if (!aside->path)
        return text_copy(aside->shown, arena, &file->path, err);
    find_content(walk, aside->path, &main);
    if (!collect_index_path(collect, walk->root, main.path, arena, &file->path, err))
        return false;
    file->path.len--; /* a file, not a folder */
    CLEANUP(path_close)
    int fd = path_open_below(collect->roots[walk->root], main.path, &fault);
    if (fd < 0 || fstat(fd, &status) != 0)
        return true;
    fill_status(file, &status);
    return !path_read(fd, COLLECT_FILE_BYTES_MAX, arena, &bytes, &fault) ||
           hash_content(bytes, arena, &file->hash, err);
}

bool collect_put_aside(const struct collect_walk *walk, const struct collect_aside *aside,
                       struct err *err)
{
    struct index_file known;
    if (!collect_make_room(walk, err))
        return false;
    struct arena *arena = &walk->collect->batch->arena; /* of the batch that has room */
    struct index_change *change = ARENA_NEW(arena, struct index_change, err);
    if (!change)
        return false;
    *change = (struct index_change){.file = {.version = TEXT(""),
                                             .state = aside->state,
                                             .code = text_cstr(aside->code),
                                             .offset_bytes = (int64_t)aside->offset},
                                    .incomplete_kind = ENTRY_UNKNOWN,
                                    .day = DAY_NONE};
    if (!text_copy(aside->number, arena, &change->file.number, err) ||
        !text_copy(aside->base, arena, &change->file.base, err) ||
        !fill_aside(walk, aside, &change->file, arena, err) ||
        !collect_know_file(walk, change->file.number, change->file.base, &known, err))
        return false;
    bool is_listed = has_same_status(&change->file, &known) &&
                     text_equal(change->file.hash, known.hash);
    struct index_piece piece = {.kind = INDEX_PUT, .change = change};
    return is_listed || collect_add(walk, &piece, err);
}

/* A descriptor of our own: the sweep may find another storage meanwhile. */
int collect_take_root(struct collect *collect, size_t root, struct err *err)
{
    pthread_mutex_lock(&collect->roots_lock);
    int fd =
        collect->roots[root] < 0 ? -1 : fcntl(collect->roots[root], F_DUPFD_CLOEXEC, 0);
    pthread_mutex_unlock(&collect->roots_lock);
    if (fd < 0)
        err_set(err, ERR_BUSY, "storage_away", "the storage is not there");
    return fd;
}

bool collect_read_source(struct collect *collect, struct text path, struct arena *arena,
                         struct span *bytes, struct err *err)
{
    struct collect_source source;
    if (!collect_find_source(collect, path, &source, arena, err))
        return false;
    CLEANUP(path_close) int root = collect_take_root(collect, source.root, err);
    CLEANUP(path_close)
    int fd = root < 0 ? -1 : path_open_below(root, source.relative, err);
    return fd >= 0 && path_read(fd, COLLECT_FILE_BYTES_MAX, arena, bytes, err);
}
