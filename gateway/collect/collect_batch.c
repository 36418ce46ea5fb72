// SPDX-License-Identifier: Apache-2.0
/* What a look found goes to the index in batches, and what the index knows of a patient
 * is read at once: one file after the other would wait for the disk each time. The lock
 * is held everywhere here. */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "formats/charset/charset.h"
#include "gateway/collect/collect_parts.h"

enum {
    BATCH_BYTES = 8 << 20, /* with the files' contents */
    BATCH_MS = 200,
    FOLDER_PIECES_MAX = 4,  /* that one file or one folder may add */
    KNOWN_BYTES = 512 << 20 /* of one patient */
};

/* ---- the batch ---- */

void collect_batch_open(struct collect *collect)
{
    for (int i = 0; i < 2; i++)
        collect->batches[i].arena =
            arena_init((size_t)COLLECT_FILE_ARENA_BYTES + BATCH_BYTES);
    collect->batch = &collect->batches[0];
    collect->known.arena = arena_init(KNOWN_BYTES);
}

void collect_batch_close(struct collect *collect)
{
    for (int i = 0; i < 2; i++)
        arena_free(&collect->batches[i].arena);
    arena_free(&collect->known.arena);
}

static bool is_of_content(const struct err *err)
{
    return err->kind == ERR_LIMIT || err->kind == ERR_CONFLICT || err->kind == ERR_SYNTAX;
}

/* A message whose entries the index cannot hold (keys that are too long, or twice the
 * same) is refused like one that cannot be read, so that it stops nothing behind it. */
static bool write_alone(struct collect *collect, enum store_lane lane,
                        const struct index_piece *piece, struct err *err)
{
    struct err fault = {0};
    struct index *index = collect->config.index;
    if (index_write(index, lane, piece, 1, &fault))
        return true;
    if (!is_of_content(&fault) || piece->kind != INDEX_PUT || !piece->change->list) {
        *err = fault;
        return false;
    }
    struct index_change refused = *piece->change;
    refused.list = NULL;
    refused.file.state = INDEX_REFUSED;
    refused.file.code = TEXT("entries_unusable");
    refused.file.offset_bytes = 0;
    struct index_piece again = {.kind = INDEX_PUT, .change = &refused};
    return index_write(index, lane, &again, 1, err);
}

static struct collect_batch *other_batch(struct collect *collect)
{
    return &collect->batches[collect->batch == &collect->batches[0]];
}

static void empty(struct collect_batch *batch)
{
    batch->count = 0;
    arena_reset(&batch->arena);
}

/* Together nothing was written: what cannot be is found piece by piece. */
static bool write_each(struct collect *collect, const struct collect_batch *batch,
                       struct err *err)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!write_alone(collect, batch->lane, &batch->pieces[i], err))
            return false;
    return true;
}

/* Waits for a batch that is on its way; it is empty then, whatever came of it. */
static bool end_batch(struct collect *collect, struct collect_batch *batch,
                      struct err *err)
{
    struct err fault = {0};
    if (!batch->writing)
        return true;
    bool is_written = index_write_end(&batch->writing, &fault);
    if (!is_written && is_of_content(&fault))
        is_written = write_each(collect, batch, err);
    else if (!is_written)
        *err = fault;
    empty(batch);
    return is_written;
}

/* Hands the batch over and fills the other one. After a failure nothing waits: what was
 * not written is read again by the next look. */
static bool hand_over(const struct collect_walk *walk, struct err *err)
{
    struct collect *collect = walk->collect;
    struct collect_batch *full = collect->batch;
    bool is_ended = end_batch(collect, other_batch(collect), err);
    if (!is_ended || full->count == 0) {
        empty(full);
        return is_ended;
    }
    full->lane = walk->is_sweep ? STORE_BACKFILL : STORE_LIVE;
    full->writing = index_write_begin(collect->config.index, full->lane, full->pieces,
                                      full->count, err);
    if (!full->writing) {
        empty(full);
        return false;
    }
    collect->batch = other_batch(collect);
    return true;
}

bool collect_flush(const struct collect_walk *walk, struct err *err)
{
    struct collect *collect = walk->collect;
    return hand_over(walk, err) && end_batch(collect, other_batch(collect), err);
}

bool collect_make_room(const struct collect_walk *walk, struct err *err)
{
    const struct collect_batch *batch = walk->collect->batch;
    bool is_full = batch->count + FOLDER_PIECES_MAX >= COLLECT_BATCH_MAX ||
                   batch->arena.taken_bytes > (size_t)BATCH_BYTES;
    return !is_full || hand_over(walk, err);
}

/* The patient's other files are judged by it again: they are read from the index anew. */
static bool changes_judgement(const struct collect *collect,
                              const struct index_piece *piece)
{
    const struct entry_list *list = piece->kind == INDEX_PUT ? piece->change->list : NULL;
    return list && list->first && list->first->kind == ENTRY_PATIENT &&
           collect->known.file_count > 0;
}

bool collect_add(const struct collect_walk *walk, const struct index_piece *piece,
                 struct err *err)
{
    struct collect *collect = walk->collect;
    struct collect_batch *batch = collect->batch;
    if (batch->count == 0)
        batch->since_ms = clock_monotonic_ms(&collect->config.clock);
    batch->pieces[batch->count++] = *piece;
    if (!changes_judgement(collect, piece))
        return true;
    collect->known.has_files = false;
    collect->known.file_count = 0;
    return collect_flush(walk, err);
}

bool collect_settle(const struct collect_walk *walk, struct err *err)
{
    const struct collect *collect = walk->collect;
    if (!walk->is_sweep)
        return collect_flush(walk, err);
    int64_t age_ms =
        clock_monotonic_ms(&collect->config.clock) - collect->batch->since_ms;
    bool is_old = collect->batch->count > 0 && age_ms >= BATCH_MS;
    return is_old ? hand_over(walk, err) : collect_make_room(walk, err);
}

/* ---- what is known ---- */

void collect_forget_known(struct collect *collect)
{
    collect->known.has_files = false;
    collect->known.has_folders = false;
    collect->known.is_of_patient = false;
    collect->known.file_count = 0;
    collect->known.folder_count = 0;
    arena_reset(&collect->known.arena);
}

bool collect_know_patient(const struct collect_walk *walk, const char *path,
                          struct err *err)
{
    struct collect_known *known = &walk->collect->known;
    const char *last = strrchr(path, '/');
    collect_forget_known(walk->collect);
    if (!last || strlen(path) > PATH_MAX_BYTES)
        return err_set(err, ERR_SYNTAX, "ssmix_path_shape", "not a patient's folder");
    memcpy(known->path, path, strlen(path) + 1);
    known->number = (struct text){known->path + (last + 1 - path), strlen(last + 1)};
    known->root = walk->root;
    known->is_of_patient = true;
    return collect_index_path(walk->collect, walk->root, path, &known->arena,
                              &known->prefix, err);
}

static bool is_known_here(const struct collect_walk *walk, struct text number)
{
    const struct collect_known *known = &walk->collect->known;
    return known->is_of_patient && known->root == walk->root &&
           text_equal(known->number, number);
}

static int compare_places(const void *a, const void *b)
{
    const struct index_file *const *left = a;
    const struct index_file *const *right = b;
    return text_compare((*left)->path, (*right)->path);
}

static bool sort_by_path(struct collect_known *known, struct err *err)
{
    known->by_path =
        ARENA_MANY(&known->arena, const struct index_file *, known->file_count, err);
    if (!known->by_path)
        return false;
    for (size_t i = 0; i < known->file_count; i++)
        known->by_path[i] = &known->files[i];
    if (known->file_count > 1)
        qsort(known->by_path, known->file_count, sizeof(struct index_file *),
              compare_places);
    return true;
}

static bool load_files(const struct collect_walk *walk, struct err *err)
{
    struct collect_known *known = &walk->collect->known;
    if (!known->has_files)
        known->has_files = index_list_known_files(
                               walk->collect->config.index, known->number, &known->arena,
                               &known->files, &known->file_count, err) &&
                           sort_by_path(known, err);
    return known->has_files;
}

static bool load_folders(const struct collect_walk *walk, struct err *err)
{
    struct collect_known *known = &walk->collect->known;
    if (!known->has_folders)
        known->has_folders = index_list_known_folders(
            walk->collect->config.index, known->prefix, &known->arena, &known->folders,
            &known->folder_count, err);
    return known->has_folders;
}

static int compare_base(const void *key, const void *item)
{
    return text_compare(*(const struct text *)key,
                        ((const struct index_file *)item)->base);
}

bool collect_know_file(const struct collect_walk *walk, struct text number,
                       struct text base, struct index_file *file, struct err *err)
{
    struct collect *collect = walk->collect;
    const struct collect_known *known = &collect->known;
    if (!is_known_here(walk, number))
        return index_find_file(collect->config.index, number, base,
                               &collect->batch->arena, file, err);
    if (!load_files(walk, err))
        return false;
    const struct index_file *found = known->file_count > 0
                                         ? bsearch(&base, known->files, known->file_count,
                                                   sizeof *known->files, compare_base)
                                         : NULL;
    *file = found ? *found : (struct index_file){.number = number, .base = base};
    return true;
}

static bool begins_with(struct text path, struct text prefix)
{
    return path.len >= prefix.len && memcmp(path.at, prefix.at, prefix.len) == 0;
}

/* The first file whose path is not before the folder's. */
static size_t first_below(const struct collect_known *known, struct text folder)
{
    size_t from = 0;
    size_t end = known->file_count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (text_compare(known->by_path[middle]->path, folder) < 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

bool collect_know_bases(const struct collect_walk *walk, struct text number,
                        struct text folder, struct arena *arena, struct text **bases,
                        size_t *count, struct err *err)
{
    const struct collect_known *known = &walk->collect->known;
    *count = 0;
    if (!is_known_here(walk, number))
        return index_list_bases(walk->collect->config.index, number, folder, arena, bases,
                                count, err);
    if (!load_files(walk, err))
        return false;
    size_t from = first_below(known, folder);
    size_t end = from;
    while (end < known->file_count && begins_with(known->by_path[end]->path, folder))
        end++;
    *bases = ARENA_MANY(arena, struct text, end - from, err);
    for (size_t i = from; *bases && i < end; i++)
        (*bases)[(*count)++] = known->by_path[i]->base;
    return *bases != NULL;
}

/* The first folder whose path is not before the prefix. */
static size_t first_folder(const struct collect_known *known, struct text prefix)
{
    size_t from = 0;
    size_t end = known->folder_count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (text_compare(known->folders[middle].path, prefix) < 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

static bool is_below_patient(const struct collect_walk *walk, struct text path)
{
    const struct collect_known *known = &walk->collect->known;
    return known->is_of_patient && known->root == walk->root &&
           begins_with(path, known->prefix);
}

bool collect_know_folder(const struct collect_walk *walk, struct text path,
                         int64_t *changed_ns, bool *is_known, struct err *err)
{
    const struct collect_known *known = &walk->collect->known;
    if (!is_below_patient(walk, path))
        return index_folder_time(walk->collect->config.index, path, changed_ns, is_known,
                                 err);
    if (!load_folders(walk, err))
        return false;
    size_t at = first_folder(known, path);
    *is_known = at < known->folder_count && text_equal(known->folders[at].path, path);
    *changed_ns = *is_known ? known->folders[at].changed_ns : 0;
    return true;
}

static bool copy_name(struct text name, struct arena *arena, char **copy, struct err *err)
{
    *copy = arena_take(arena, name.len + 1, 1, err);
    if (*copy)
        memcpy(*copy, name.at, name.len);
    return *copy != NULL;
}

/* Rows come sorted: those of one child stand together. */
bool collect_know_children(const struct collect_walk *walk, const char *path,
                           struct arena *arena, char ***names, size_t *count,
                           struct err *err)
{
    struct text prefix = {0};
    struct span last = {0};
    size_t room = 0;
    const struct collect_known *known = &walk->collect->known;
    *names = NULL;
    *count = 0;
    if (!load_folders(walk, err) ||
        !collect_index_path(walk->collect, walk->root, path, arena, &prefix, err))
        return false;
    for (size_t i = first_folder(known, prefix); i < known->folder_count; i++) {
        struct text row = known->folders[i].path;
        struct span rest = span_part(text_span(row), prefix.len, row.len);
        struct span name = {0};
        if (!begins_with(row, prefix))
            break;
        if (!span_take(&rest, '/', &name) || (*count > 0 && span_equal(name, last)))
            continue;
        struct text text = {(const char *)name.at, name.len};
        *names =
            arena_grow(arena, *names, *count, *count + 1, sizeof **names, &room, err);
        if (!*names || !copy_name(text, arena, &(*names)[*count], err))
            return false;
        collect_restore_path(walk->collect, walk->root, (*names)[*count]);
        (*count)++;
        last = name;
    }
    return true;
}

bool collect_know_types(const struct collect_walk *walk, struct text prefix,
                        struct arena *arena, struct text **paths, size_t *count,
                        struct err *err)
{
    const struct collect_known *known = &walk->collect->known;
    if (!is_below_patient(walk, prefix))
        return index_list_folders(walk->collect->config.index, prefix, arena, paths,
                                  count, err);
    if (!load_folders(walk, err))
        return false;
    *count = 0;
    size_t from = first_folder(known, prefix);
    size_t end = from;
    while (end < known->folder_count && begins_with(known->folders[end].path, prefix))
        end++;
    *paths = ARENA_MANY(arena, struct text, end - from, err);
    for (size_t i = from; *paths && i < end; i++)
        if (!known->folders[i].is_branch)
            (*paths)[(*count)++] = known->folders[i].path;
    return *paths != NULL;
}

/* The patient's own ADT-00 that a batch holds; NULL = none. */
static const struct index_change *find_identity(const struct collect_batch *batch,
                                                struct text number)
{
    for (size_t i = batch->count; i-- > 0;) {
        const struct index_change *change = batch->pieces[i].change;
        const struct entry_list *list =
            batch->pieces[i].kind == INDEX_PUT ? change->list : NULL;
        if (list && list->first && list->first->kind == ENTRY_PATIENT &&
            text_equal(change->file.number, number))
            return change;
    }
    return NULL;
}

/* As the index has it, or as a batch is about to tell it. */
bool collect_know_identity(const struct collect_walk *walk, struct text number,
                           struct index_patient *patient, bool *is_known, struct err *err)
{
    struct collect *collect = walk->collect;
    const struct index_change *change = find_identity(collect->batch, number);
    if (!change)
        change = find_identity(other_batch(collect), number);
    if (!change)
        return index_find_patient(collect->config.index, number, &collect->batch->arena,
                                  patient, is_known, err);
    *is_known = true;
    *patient = (struct index_patient){.number = number,
                                      .birth_day = change->list->patient.birth_day};
    return charset_fold(change->list->patient.kana, &collect->batch->arena,
                        &patient->kana_folded, err);
}
