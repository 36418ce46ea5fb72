// SPDX-License-Identifier: Apache-2.0
/* Looking through the folders: names, sizes and times first, headers of what is new. A
 * folder whose time is the one at which it was last read is not listed again, nor its
 * files asked for their times, but for those that changed lately; once a day, and first
 * of all, every file is. */
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
    BATCH_BYTES_MAX = 512 << 20,
    AT_ONCE = 500,      /* rows of a kind, in one transaction */
    SETTLED_MS = 10000, /* before that a time may not tell of all changes */
    RECENT_DAYS = 40,   /* files are still written in place */
    DAY_MS = 86400 * 1000
};

/* What was found and is not written yet. */
struct batch {
    struct arena arena;
    struct study_row rows[AT_ONCE];
    size_t row_count;
    struct study_gone gone[AT_ONCE];
    size_t gone_count;
    struct study_folder folders[AT_ONCE];
    size_t folder_count;
};

struct look {
    struct study *study;
    const struct study_root *root;
    struct batch *batch;
    int64_t sweep;
    bool is_full; /* every file is looked at */
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

/* ---- what is to be written ---- */

static struct batch *new_batch(struct err *err)
{
    struct batch *batch = memory_new(1, sizeof *batch, err);
    if (batch)
        batch->arena = arena_init(BATCH_BYTES_MAX);
    return batch;
}

static void free_batch(struct batch **batch)
{
    if (!*batch)
        return;
    arena_free(&(*batch)->arena);
    memory_free(*batch);
}

static bool flush(const struct look *look, struct err *err)
{
    struct batch *batch = look->batch;
    struct study_look found = {.sweep = look->sweep,
                               .rows = batch->rows,
                               .row_count = batch->row_count,
                               .gone = batch->gone,
                               .gone_count = batch->gone_count,
                               .folders = batch->folders,
                               .folder_count = batch->folder_count};
    if (found.row_count + found.gone_count + found.folder_count == 0)
        return true;
    if (!study_note_look(look->study, &found, err))
        return false;
    look->study->has_changed |= batch->row_count + batch->gone_count > 0;
    batch->row_count = batch->gone_count = batch->folder_count = 0;
    arena_reset(&batch->arena);
    return true;
}

static bool make_room(const struct look *look, struct err *err)
{
    const struct batch *batch = look->batch;
    bool is_full = batch->row_count == AT_ONCE || batch->gone_count == AT_ONCE ||
                   batch->folder_count == AT_ONCE;
    return !is_full || flush(look, err);
}

static bool note_gone(const struct look *look, struct text folder, struct text name,
                      struct err *err)
{
    struct batch *batch = look->batch;
    struct study_gone *gone = &batch->gone[batch->gone_count];
    if (!text_copy(folder, &batch->arena, &gone->folder, err) ||
        !text_copy(name, &batch->arena, &gone->name, err))
        return false;
    batch->gone_count++;
    return make_room(look, err);
}

static bool note_folder(const struct look *look, const struct study_folder *folder,
                        struct err *err)
{
    struct batch *batch = look->batch;
    struct study_folder *noted = &batch->folders[batch->folder_count];
    *noted = *folder;
    if (!text_copy(folder->path, &batch->arena, &noted->path, err) ||
        !text_copy(folder->parent, &batch->arena, &noted->parent, err))
        return false;
    batch->folder_count++;
    return make_room(look, err);
}

/* ---- one folder's files ---- */

struct reading {
    const struct look *look;
    int folder;
    struct text path; /* "<label>/a/" */
    struct arena *arena;
    const struct study_known *known;
    size_t known_count;
    bool is_open; /* something could not be read */
};

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

static bool keep_named(struct batch *batch, const struct study_row *row,
                       struct study_row *kept, struct err *err)
{
    kept->named_count = row->named_count;
    kept->named = NULL;
    if (row->named_count == 0)
        return true;
    kept->named = ARENA_MANY(&batch->arena, struct study_named, row->named_count, err);
    for (size_t i = 0; i < row->named_count; i++)
        if (!kept->named ||
            !text_copy(row->named[i].folder, &batch->arena, &kept->named[i].folder,
                       err) ||
            !text_copy(row->named[i].name, &batch->arena, &kept->named[i].name, err) ||
            !text_copy(row->named[i].instance, &batch->arena, &kept->named[i].instance,
                       err))
            return false;
    return true;
}

/* Its texts move from the arena of its header to the batch's. */
static bool keep(const struct look *look, const struct study_row *row, struct err *err)
{
    struct batch *batch = look->batch;
    struct study_row *kept = &batch->rows[batch->row_count];
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
    if (row->code[0] != '\0')
        *kept = (struct study_row){.is_known = row->is_known,
                                   .size_bytes = row->size_bytes,
                                   .changed_ns = row->changed_ns,
                                   .code = row->code,
                                   .kind = row->kind,
                                   .day = DAY_NONE};
    if (!text_copy(row->folder, &batch->arena, &kept->folder, err) ||
        !text_copy(row->name, &batch->arena, &kept->name, err))
        return false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!text_copy(row->code[0] != '\0' ? TEXT("") : *texts[i].from, &batch->arena,
                       texts[i].to, err))
            return false;
    if (kept->rejected_count > 0) {
        kept->rejected =
            ARENA_MANY(&batch->arena, struct text, kept->rejected_count, err);
        for (size_t i = 0; i < kept->rejected_count; i++)
            if (!kept->rejected ||
                !text_copy(row->rejected[i], &batch->arena, &kept->rejected[i], err))
                return false;
    }
    batch->row_count++;
    if (!keep_named(batch, row, kept, err))
        return false;
    return row->named_count > 0 ? flush(look, err) : make_room(look, err);
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
    if (fstatat(reading->folder, path, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        reading->is_open = true;
        return true;
    }
    const struct study_known *known = find_known(reading, name);
    struct study_row row = {.folder = reading->path,
                            .name = name,
                            .is_known = known != NULL,
                            .size_bytes = status.st_size,
                            .changed_ns = time_of(&status)};
    if (known && known->size_bytes == row.size_bytes &&
        known->changed_ns == row.changed_ns)
        return true;
    CLEANUP(path_close) int fd = path_open_below(reading->folder, path, &fault);
    if (fd < 0 || !study_read_header(fd, &arena, &row, &fault)) {
        reading->is_open |= fault.kind != ERR_LIMIT;
        if (fault.kind == ERR_LIMIT || fault.kind == ERR_BUSY)
            row.code = fault.code;
        else
            return true;
    }
    return keep(reading->look, &row, err);
}

static bool find_gone(const struct reading *reading, const struct listing *listing,
                      struct err *err)
{
    for (size_t i = 0; i < reading->known_count; i++) {
        bool is_there =
            listing->count && bsearch(&reading->known[i].name, listing->names,
                                      listing->count, sizeof *listing->names, compare);
        if (!is_there &&
            !note_gone(reading->look, reading->path, reading->known[i].name, err))
            return false;
    }
    return true;
}

static bool read_files(struct reading *reading, const struct listing *listing,
                       struct err *err)
{
    struct study_known *known = NULL;
    if (!study_list_folder(reading->look->study, reading->path, reading->arena, &known,
                           &reading->known_count, err))
        return false;
    reading->known = known;
    for (size_t i = 0; i < listing->count && !is_ending(reading->look); i++)
        if (!read_file(reading, listing->names[i], err))
            return false;
    reading->is_open |= is_ending(reading->look);
    return find_gone(reading, listing, err);
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

/* A folder on its way: what is known of it, and what its time says now. */
struct visit {
    int fd;
    struct study_folder folder; /* changed_ns: when it was last read */
    int64_t settled_ns;         /* 0 = it may change again and have this time */
    bool is_recent;
    bool is_open; /* not all of it could be read */
};

static void judge(const struct look *look, const struct stat *status, struct visit *visit)
{
    int64_t now_ms = clock_wall_ms(&look->study->config.clock);
    int64_t age_ms = now_ms - time_of(status) / 1000000;
    visit->settled_ns = age_ms < SETTLED_MS ? 0 : time_of(status);
    visit->is_recent = age_ms / DAY_MS < RECENT_DAYS;
}

static bool is_as_known(const struct look *look, const struct visit *visit)
{
    return !look->is_full && !visit->is_recent && visit->settled_ns != 0 &&
           visit->settled_ns == visit->folder.changed_ns;
}

static bool look_in(const struct look *look, struct visit *visit, struct arena *arena,
                    struct listing *listing, struct err *err)
{
    struct reading reading = {
        .look = look, .folder = visit->fd, .path = visit->folder.path, .arena = arena};
    if (!list(visit->fd, arena, listing, err) || !read_files(&reading, listing, err))
        return false;
    visit->is_open = reading.is_open;
    visit->folder.is_branch = listing->folder_count > 0;
    return true;
}

static const struct study_folder *find_below(const struct study_folder *known,
                                             size_t count, struct text path)
{
    for (size_t low = 0, end = count; low < end;) {
        size_t middle = low + (end - low) / 2;
        int order = text_compare(known[middle].path, path);
        if (order == 0)
            return &known[middle];
        if (order < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

static bool look_at(const struct look *look, struct visit *visit, int depth,
                    struct err *err);

/* One that cannot be opened now is asked for again at the next sweep. */
static bool look_below(const struct look *look, struct visit *above, const char *name,
                       const struct study_folder *folder, int depth, struct err *err)
{
    struct err fault = {0};
    struct stat status;
    struct visit visit = {.folder = *folder};
    if (depth >= DEPTH_MAX)
        return true;
    bool is_there = fstatat(above->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there)
        judge(look, &status, &visit);
    if (is_there && !folder->is_branch && is_as_known(look, &visit))
        return true;
    CLEANUP(path_close) int next = path_open_below(above->fd, name, &fault);
    visit.fd = next;
    if (next < 0) {
        above->is_open = true;
        return true;
    }
    return look_at(look, &visit, depth, err);
}

static bool look_at_listed(const struct look *look, struct visit *visit,
                           const struct listing *listing, int depth, struct arena *arena,
                           struct err *err)
{
    struct study_folder *known = NULL;
    size_t count = 0;
    if (!study_list_below(look->study, visit->folder.path, arena, &known, &count, err))
        return false;
    for (size_t i = 0; i < listing->folder_count && !is_ending(look); i++) {
        struct study_folder below = {.parent = visit->folder.path};
        const char *name = text_to_cstr(listing->folders[i], arena, err);
        if (!name ||
            !path_of(visit->folder.path, listing->folders[i], arena, &below.path, err))
            return false;
        const struct study_folder *one = find_below(known, count, below.path);
        if (!look_below(look, visit, name, one ? one : &below, depth + 1, err))
            return false;
    }
    return true;
}

/* Known folders that are not among the names any more. */
static bool forget_gone(const struct look *look, const struct visit *visit,
                        const struct listing *listing, struct arena *arena,
                        struct err *err)
{
    struct study_folder *known = NULL;
    size_t count = 0;
    if (!study_list_below(look->study, visit->folder.path, arena, &known, &count, err))
        return false;
    if (listing->folder_count > 0)
        qsort(listing->folders, listing->folder_count, sizeof *listing->folders, compare);
    for (size_t i = 0; i < count; i++) {
        size_t from = visit->folder.path.len;
        struct text name = {known[i].path.at + from, known[i].path.len - from - 1};
        bool is_there =
            listing->folder_count &&
            bsearch(&name, listing->folders, listing->folder_count, sizeof name, compare);
        if (!is_there &&
            (!flush(look, err) || !study_forget_folder(look->study, known[i].path, err)))
            return false;
        look->study->has_changed |= !is_there;
    }
    return true;
}

/* Its own time is as known, so there is nothing new and nothing gone directly in it. */
static bool look_at_known(const struct look *look, struct visit *visit, int depth,
                          struct arena *arena, struct err *err)
{
    struct study_folder *known = NULL;
    size_t count = 0;
    if (!study_list_below(look->study, visit->folder.path, arena, &known, &count, err))
        return false;
    for (size_t i = 0; i < count && !is_ending(look); i++) {
        size_t from = visit->folder.path.len;
        struct text part = {known[i].path.at + from, known[i].path.len - from - 1};
        const char *name = text_to_cstr(part, arena, err);
        if (!name || !look_below(look, visit, name, &known[i], depth + 1, err))
            return false;
    }
    return true;
}

/* Deep trees are cut: nobody's archive is deeper, but links of folders may be. What is
 * below has rows before its own time is trusted. */
static bool look_at(const struct look *look, struct visit *visit, int depth,
                    struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(FOLDER_BYTES_MAX);
    struct listing listing = {0};
    struct stat status;
    if (fstat(visit->fd, &status) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "no status of a folder");
    judge(look, &status, visit);
    if (is_as_known(look, visit))
        return look_at_known(look, visit, depth, &arena, err);
    if (!look_in(look, visit, &arena, &listing, err) ||
        !look_at_listed(look, visit, &listing, depth, &arena, err) ||
        !forget_gone(look, visit, &listing, &arena, err))
        return false;
    int64_t noted_ns = visit->is_open || is_ending(look) ? 0 : visit->settled_ns;
    bool is_noted =
        !look->is_full && noted_ns != 0 && noted_ns == visit->folder.changed_ns;
    visit->folder.changed_ns = noted_ns;
    return is_noted || note_folder(look, &visit->folder, err);
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

static bool next_sweep(struct look *look, struct err *err)
{
    if (!study_next_sweep(look->study, &look->sweep, err))
        return false;
    look->sweep -= !look->is_full; /* the last full one's does not miss the folder */
    return true;
}

/* A folder that is empty and was not is one that is not mounted. */
static bool sweep_root(struct look *look, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct visit visit = {0};
    struct text path = {0};
    CLEANUP(path_close) int root = path_open_root(look->root->directory, err);
    if (root < 0) {
        err_clear(err);
        return err_set(err, ERR_BUSY, "storage_away", "a folder of images is not there");
    }
    if (is_emptied(look, root, err))
        return err_set(err, ERR_BUSY, "storage_away", "a folder of images is empty");
    visit.fd = root;
    return err->kind == ERR_NONE &&
           path_of(text_cstr(look->root->label), TEXT(""), &arena, &path, err) &&
           study_find_folder(look->study, path, &visit.folder, err) &&
           next_sweep(look, err) && look_at(look, &visit, 0, err) && flush(look, err) &&
           (is_ending(look) || !look->is_full || forget_unseen(look, err));
}

/* The office hears numbers here; which files they are stands in its list. */
static bool compare_discs(struct study *study, struct err *err)
{
    struct study_discs discs = {0};
    if (!study->has_changed)
        return true;
    if (!study_count_named(study, &discs, err))
        return false;
    study->has_changed = false;
    pthread_mutex_lock(&study->lock);
    struct study_discs former = study->discs;
    study->discs = discs;
    pthread_mutex_unlock(&study->lock);
    bool is_news = former.missing != discs.missing || former.other != discs.other;
    if (is_news && study->config.log)
        LOG(study->config.log, "images_discs", LOG_NUMBER("named", discs.named),
            LOG_NUMBER("missing", discs.missing), LOG_NUMBER("other", discs.other));
    return true;
}

static bool is_full_due(struct study *study)
{
    int64_t now_ms = clock_monotonic_ms(&study->config.clock);
    return !study->had_full || now_ms - study->full_ms >= DAY_MS;
}

bool study_sweep(struct study *study, struct err *err)
{
    bool is_good = true;
    pthread_mutex_lock(&study->sweeping);
    bool is_full = is_full_due(study);
    int64_t begun_ms = clock_monotonic_ms(&study->config.clock);
    for (size_t i = 0; i < study->config.root_count; i++) {
        struct err fault = {0};
        CLEANUP(free_batch) struct batch *batch = new_batch(&fault);
        struct look look = {.study = study,
                            .root = &study->config.roots[i],
                            .batch = batch,
                            .is_full = is_full};
        if (batch && sweep_root(&look, &fault))
            continue;
        if (is_good)
            *err = fault;
        is_good = false;
    }
    if (is_full && !atomic_load(&study->is_ending)) {
        study->had_full = true;
        study->full_ms = begun_ms;
    }
    struct err fault = {0};
    study->has_changed |= is_full;
    bool is_told = study_tell_index(study, true, &fault);
    is_told = is_told && compare_discs(study, &fault);
    if (!is_told && is_good) {
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

/* Its time is not noted: what is above it and below is left to the next sweep. */
static bool look_beside(struct study *study, const struct study_root *root,
                        const char *folder, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(FOLDER_BYTES_MAX);
    CLEANUP(free_batch) struct batch *batch = new_batch(err);
    struct look look = {.study = study, .root = root, .batch = batch};
    struct visit visit = {0};
    struct listing listing = {0};
    struct text path = {0};
    CLEANUP(path_close) int top = batch ? path_open_root(root->directory, err) : -1;
    CLEANUP(path_close)
    int inside = top < 0 ? -1 : *folder ? path_open_below(top, folder, err) : dup(top);
    if (inside < 0 && err->kind != ERR_NONE)
        return false;
    if (inside < 0)
        return err_set(err, ERR_BUSY, "storage_away", "no descriptor");
    visit.fd = inside;
    return path_of(text_cstr(root->label), TEXT(""), &arena, &path, err) &&
           (!*folder || path_of(path, text_cstr(folder), &arena, &path, err)) &&
           study_find_folder(study, path, &visit.folder, err) && next_sweep(&look, err) &&
           look_in(&look, &visit, &arena, &listing, err) && flush(&look, err);
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
