// SPDX-License-Identifier: Apache-2.0
/* Looking through the folders: names, sizes and times first, headers of what is new. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/study/study_parts.h"

enum {
    DEPTH_MAX = 16,
    NAMES_MAX = 200000,           /* of one folder */
    FOLDER_BYTES_MAX = 512 << 20, /* what a look at one may take */
    HEADER_BYTES_MAX = 192 << 20,
    ROWS_AT_ONCE = 200
};

struct look {
    struct study *study;
    const struct study_root *root;
    int64_t sweep;
};

struct listing {
    struct text *names;
    size_t count, room;
    struct text *folders;
    size_t folder_count, folder_room;
};

static bool is_ending(const struct look *look)
{
    return atomic_load(&look->study->is_ending);
}

static bool add(struct text **list, size_t *count, size_t *room, const char *name,
                struct arena *arena, struct err *err)
{
    struct text text = {0};
    struct span copy = {0};
    if (*count == NAMES_MAX)
        return err_set(err, ERR_LIMIT, "folder_too_large", "more than %d names",
                       NAMES_MAX);
    *list = arena_grow(arena, *list, *count, *count + 1, sizeof **list, room, err);
    if (!*list || !arena_copy(arena, span_cstr(name), &copy, err) ||
        !text_from_utf8(copy, &text, err))
        return false;
    (*list)[(*count)++] = text;
    return true;
}

static int compare(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

/* Names that are no UTF-8 are nobody's pictures; links are not followed. */
static bool list(int folder, struct arena *arena, struct listing *listing,
                 struct err *err)
{
    int again = path_open_again(folder, err);
    DIR *directory = again >= 0 ? fdopendir(again) : NULL;
    bool is_good = directory != NULL;
    if (!directory) {
        path_close(&again);
        if (err->kind == ERR_NONE)
            err_set(err, ERR_SYSTEM, "path_failed", "cannot list");
        return false;
    }
    for (struct dirent *item; is_good && (item = readdir(directory));) {
        struct text text = {0};
        struct err ignored = {0};
        if (item->d_name[0] == '.' || !path_is_safe_name(span_cstr(item->d_name)) ||
            !text_from_utf8(span_cstr(item->d_name), &text, &ignored))
            continue;
        struct stat status;
        if (fstatat(folder, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            is_good = add(&listing->folders, &listing->folder_count,
                          &listing->folder_room, item->d_name, arena, err);
        else if (S_ISREG(status.st_mode))
            is_good = add(&listing->names, &listing->count, &listing->room, item->d_name,
                          arena, err);
    }
    closedir(directory);
    if (is_good && listing->count > 0)
        qsort(listing->names, listing->count, sizeof *listing->names, compare);
    return is_good;
}

/* ---- one folder's files ---- */

struct reading {
    const struct look *look;
    int folder;
    struct text path; /* "<label>/a/" */
    struct arena *arena;
    struct study_row rows[ROWS_AT_ONCE];
    size_t row_count;
    const struct study_known *known;
    size_t known_count;
};

static bool flush(struct reading *reading, const struct text *gone, size_t gone_count,
                  struct err *err)
{
    struct study_look look = {.folder = reading->path,
                              .sweep = reading->look->sweep,
                              .rows = reading->rows,
                              .row_count = reading->row_count,
                              .gone = gone,
                              .gone_count = gone_count};
    reading->row_count = 0;
    return study_note_look(reading->look->study, &look, err);
}

static const struct study_known *find_known(const struct reading *reading,
                                            struct text name)
{
    size_t low = 0;
    size_t end = reading->known_count;
    while (low < end) {
        size_t middle = low + (end - low) / 2;
        int order = text_compare(reading->known[middle].name, name);
        if (order == 0)
            return &reading->known[middle];
        if (order < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

static int64_t time_of(const struct stat *status)
{
    return status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec;
}

/* Its texts move from the arena of its header to the folder's. */
static bool keep(struct reading *reading, const struct study_row *row, struct err *err)
{
    struct study_row *kept = &reading->rows[reading->row_count];
    const struct {
        const struct text *from;
        struct text *to;
    } texts[] = {
        {&row->uid, &kept->uid},
        {&row->series, &kept->series},
        {&row->instance, &kept->instance},
        {&row->number, &kept->number},
        {&row->patient, &kept->patient},
        {&row->time, &kept->time},
        {&row->accession, &kept->accession},
        {&row->description, &kept->description},
        {&row->modality, &kept->modality},
        {&row->series_description, &kept->series_description},
        {&row->body_part, &kept->body_part},
        {&row->laterality, &kept->laterality},
        {&row->space, &kept->space},
        {&row->facts, &kept->facts},
    };
    *kept = *row;
    if (row->code[0] != '\0') {
        *kept = (struct study_row){.folder = row->folder,
                                   .name = row->name,
                                   .size_bytes = row->size_bytes,
                                   .changed_ns = row->changed_ns,
                                   .code = row->code,
                                   .kind = row->kind,
                                   .day = DAY_NONE};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            *texts[i].to = TEXT("");
        reading->row_count++;
        return true;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!text_copy(*texts[i].from, reading->arena, texts[i].to, err))
            return false;
    if (row->rejected_count > 0) {
        kept->rejected =
            ARENA_MANY(reading->arena, struct text, row->rejected_count, err);
        for (size_t i = 0; i < row->rejected_count; i++)
            if (!kept->rejected ||
                !text_copy(row->rejected[i], reading->arena, &kept->rejected[i], err))
                return false;
    }
    reading->row_count++;
    return true;
}

/* A file that went away meanwhile is seen at the next look. */
static bool read_file(struct reading *reading, struct text name, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(HEADER_BYTES_MAX);
    struct err fault = {0};
    struct stat status;
    const char *path = text_to_cstr(name, &arena, err);
    if (!path)
        return false;
    if (fstatat(reading->folder, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    const struct study_known *known = find_known(reading, name);
    struct study_row row = {.folder = reading->path,
                            .name = name,
                            .size_bytes = status.st_size,
                            .changed_ns = time_of(&status)};
    if (known && known->size_bytes == row.size_bytes &&
        known->changed_ns == row.changed_ns)
        return true;
    CLEANUP(path_close) int fd = path_open_below(reading->folder, path, &fault);
    if (fd < 0 || !study_read_header(fd, &arena, &row, &fault)) {
        if (fault.kind == ERR_LIMIT || fault.kind == ERR_BUSY)
            row.code = fault.code;
        else
            return true;
    }
    return keep(reading, &row, err) &&
           (reading->row_count < ROWS_AT_ONCE || flush(reading, NULL, 0, err));
}

static bool find_gone(const struct reading *reading, const struct listing *listing,
                      struct text **gone, size_t *count, struct err *err)
{
    *gone = ARENA_MANY(reading->arena, struct text, reading->known_count + 1, err);
    *count = 0;
    if (!*gone)
        return false;
    for (size_t i = 0; i < reading->known_count; i++)
        if (!listing->count || !bsearch(&reading->known[i].name, listing->names,
                                        listing->count, sizeof *listing->names, compare))
            (*gone)[(*count)++] = reading->known[i].name;
    return true;
}

static bool read_files(struct reading *reading, const struct listing *listing,
                       struct err *err)
{
    struct study_known *known = NULL;
    struct text *gone = NULL;
    size_t gone_count = 0;
    if (!study_list_folder(reading->look->study, reading->path, reading->arena, &known,
                           &reading->known_count, err))
        return false;
    reading->known = known;
    for (size_t i = 0; i < listing->count && !is_ending(reading->look); i++)
        if (!read_file(reading, listing->names[i], err))
            return false;
    return find_gone(reading, listing, &gone, &gone_count, err) &&
           flush(reading, gone, gone_count, err);
}

/* ---- a tree ---- */

static bool path_of(struct text parent, struct text name, struct arena *arena,
                    struct text *path, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(PATH_MAX_BYTES);
    struct span copy = {0};
    buf_span(&out, text_span(parent));
    buf_span(&out, text_span(name));
    buf_byte(&out, '/');
    return buf_to_arena(&out, arena, &copy, err) && text_from_utf8(copy, path, err);
}

static bool look_in(struct look *look, int folder, struct text path, struct arena *arena,
                    struct listing *listing, struct err *err)
{
    if (!list(folder, arena, listing, err))
        return false;
    struct reading *reading = ARENA_NEW(arena, struct reading, err);
    if (!reading)
        return false;
    *reading =
        (struct reading){.look = look, .folder = folder, .path = path, .arena = arena};
    return read_files(reading, listing, err);
}

/* Deep trees are cut: nobody's archive is deeper, but links of folders may be. */
static bool look_at(struct look *look, int folder, struct text path, int depth,
                    struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(FOLDER_BYTES_MAX);
    struct listing listing = {0};
    if (!look_in(look, folder, path, &arena, &listing, err))
        return false;
    for (size_t i = 0; depth < DEPTH_MAX && i < listing.folder_count && !is_ending(look);
         i++) {
        struct text below = {0};
        struct err fault = {0};
        const char *name = text_to_cstr(listing.folders[i], &arena, err);
        if (!name || !path_of(path, listing.folders[i], &arena, &below, err))
            return false;
        CLEANUP(path_close) int next = path_open_below(folder, name, &fault);
        if (next >= 0 && !look_at(look, next, below, depth + 1, err))
            return false;
    }
    return true;
}

static bool forget_unseen(const struct look *look, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct text folder = {0};
    do {
        arena_reset(&arena);
        if (!study_find_unseen(look->study, text_cstr(look->root->label), look->sweep,
                               &arena, &folder, err) ||
            (folder.len > 0 && !study_forget_folder(look->study, folder, err)))
            return false;
    } while (folder.len > 0);
    return true;
}

static bool is_emptied(const struct look *look, int folder, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(FOLDER_BYTES_MAX);
    struct listing listing = {0};
    int64_t known = 0;
    return list(folder, &arena, &listing, err) &&
           listing.count + listing.folder_count == 0 &&
           study_count_folders(look->study, text_cstr(look->root->label), &known, err) &&
           known > 0;
}

/* A folder that is empty and was not is one that is not mounted. */
static bool sweep_root(struct look *look, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct text path = {0};
    CLEANUP(path_close) int root = path_open_root(look->root->directory, err);
    if (root < 0) {
        err_clear(err);
        return err_set(err, ERR_BUSY, "storage_away", "a folder of images is not there");
    }
    if (is_emptied(look, root, err))
        return err_set(err, ERR_BUSY, "storage_away", "a folder of images is empty");
    return err->kind == ERR_NONE &&
           path_of(text_cstr(look->root->label), TEXT(""), &arena, &path, err) &&
           study_next_sweep(look->study, &look->sweep, err) &&
           look_at(look, root, path, 0, err) &&
           (is_ending(look) || forget_unseen(look, err));
}

bool study_sweep(struct study *study, struct err *err)
{
    bool is_good = true;
    pthread_mutex_lock(&study->sweeping);
    for (size_t i = 0; i < study->config.root_count; i++) {
        struct look look = {.study = study, .root = &study->config.roots[i]};
        struct err fault = {0};
        if (sweep_root(&look, &fault))
            continue;
        if (is_good)
            *err = fault;
        is_good = false;
    }
    struct err fault = {0};
    if (!study_tell_index(study, true, &fault) && is_good) {
        *err = fault;
        is_good = false;
    }
    pthread_mutex_unlock(&study->sweeping);
    return is_good;
}

static const struct study_root *find_root(const struct study *study, const char *label)
{
    for (size_t i = 0; i < study->config.root_count; i++)
        if (strcmp(study->config.roots[i].label, label) == 0)
            return &study->config.roots[i];
    return NULL;
}

/* With the number of the last sweep, which then does not miss the folder. */
static bool look_beside(struct study *study, const struct study_root *root,
                        const char *folder, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(FOLDER_BYTES_MAX);
    struct look look = {.study = study, .root = root};
    struct listing listing = {0};
    struct text path = {0};
    CLEANUP(path_close) int top = path_open_root(root->directory, err);
    CLEANUP(path_close)
    int inside = top < 0 ? -1 : *folder ? path_open_below(top, folder, err) : dup(top);
    if (inside < 0 && err->kind != ERR_NONE)
        return false;
    if (inside < 0)
        return err_set(err, ERR_BUSY, "storage_away", "no descriptor");
    if (!path_of(text_cstr(root->label), TEXT(""), &arena, &path, err) ||
        (*folder && !path_of(path, text_cstr(folder), &arena, &path, err)) ||
        !study_next_sweep(study, &look.sweep, err))
        return false;
    look.sweep--;
    return look_in(&look, inside, path, &arena, &listing, err);
}

bool study_look_at(struct study *study, const char *label, const char *folder,
                   struct err *err)
{
    const struct study_root *root = find_root(study, label);
    if (!root)
        return err_set(err, ERR_MISSING, "not_found", "no folder of that label");
    pthread_mutex_lock(&study->sweeping);
    bool is_good =
        look_beside(study, root, folder, err) && study_tell_index(study, true, err);
    pthread_mutex_unlock(&study->sweeping);
    return is_good;
}

void study_free_noted(struct study_noted *noted)
{
    while (noted) {
        struct study_noted *next = noted->next;
        memory_free(noted);
        noted = next;
    }
}

bool study_look_at_noted(struct study *study, struct study_noted *noted, struct err *err)
{
    bool is_good = true;
    bool has_come = noted != NULL;
    pthread_mutex_lock(&study->sweeping);
    for (struct study_noted *one = noted; one && is_good; one = one->next)
        is_good = look_beside(study, one->root, one->folder, err);
    is_good = is_good && study_tell_index(study, has_come, err);
    pthread_mutex_unlock(&study->sweeping);
    study_free_noted(noted);
    return is_good;
}

/* Twice the same one behind the other is one. */
void study_note(struct study *study, const char *label, const char *folder)
{
    const struct study_root *root = find_root(study, label);
    struct err ignored = {0};
    size_t len = strlen(folder) + 1;
    pthread_mutex_lock(&study->lock);
    bool is_there = study->noted && study->noted->root == root &&
                    strcmp(study->noted->folder, folder) == 0;
    struct study_noted *one = root && !is_there && study->noted_count < STUDY_NOTED_MAX
                                  ? memory_new(1, sizeof *one + len, &ignored)
                                  : NULL;
    if (one) {
        one->root = root;
        memcpy(one->folder, folder, len);
        one->next = study->noted;
        study->noted = one;
        study->noted_count++;
    } else if (root && !is_there) {
        study->has_lost_notes = true;
    }
    study->is_woken = true;
    pthread_cond_signal(&study->word);
    pthread_mutex_unlock(&study->lock);
}
