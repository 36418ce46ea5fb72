// SPDX-License-Identifier: Apache-2.0
/* What the index knows of the patient who is walked, read at once; about everything else
 * the index is asked. The lock is held everywhere here. */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "formats/charset/charset.h"
#include "gateway/collect/collect_parts.h"

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

/* Files and folders both come sorted by path: the first of them that is not before
 * `from`. */
typedef struct text path_at(const struct collect_known *known, size_t index);

static struct text file_path(const struct collect_known *known, size_t index)
{
    return known->by_path[index]->path;
}

static struct text folder_path(const struct collect_known *known, size_t index)
{
    return known->folders[index].path;
}

static size_t first_from(const struct collect_known *known, size_t count, path_at *path,
                         struct text from)
{
    size_t low = 0;
    size_t end = count;
    while (low < end) {
        size_t middle = low + (end - low) / 2;
        if (text_compare(path(known, middle), from) < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
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
    size_t from = first_from(known, known->file_count, file_path, folder);
    size_t end = from;
    while (end < known->file_count && begins_with(known->by_path[end]->path, folder))
        end++;
    *bases = ARENA_MANY(arena, struct text, end - from, err);
    for (size_t i = from; *bases && i < end; i++)
        (*bases)[(*count)++] = known->by_path[i]->base;
    return *bases != NULL;
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
    size_t at = first_from(known, known->folder_count, folder_path, path);
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
    for (size_t i = first_from(known, known->folder_count, folder_path, prefix);
         i < known->folder_count; i++) {
        struct text row = known->folders[i].path;
        struct span rest = span_part(text_span(row), prefix.len, row.len);
        struct span name = {0};
        if (!begins_with(row, prefix))
            break;
        if (row.len == prefix.len) /* the folder itself */
            continue;
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
    size_t from = first_from(known, known->folder_count, folder_path, prefix);
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
        change = find_identity(collect_other_batch(collect), number);
    if (!change)
        return index_find_patient(collect->config.index, number, &collect->batch->arena,
                                  patient, is_known, err);
    *is_known = true;
    *patient = (struct index_patient){.number = number,
                                      .birth_day = change->list->patient.birth_day};
    return charset_fold(change->list->patient.kana, &collect->batch->arena,
                        &patient->kana_folded, err);
}
