// SPDX-License-Identifier: Apache-2.0
/* A type folder: which records it holds, which of their files is current. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { LISTING_BYTES = 64 << 20 };

/* ---- records of one type folder ---- */

struct record {
    struct collect_name name; /* of the current file, when there is one */
    const char *file;
    bool has_current;
};

/* Files come sorted by name, so those of one key stand together; names that cannot be
 * parsed are refused under their own name. */
static void choose_current(struct record *record, const struct collect_name *name,
                           const char *file)
{
    bool is_newer = !record->has_current ||
                    ssmix_compare_versions(&name->record, &record->name.record) > 0;
    if (name->record.flag == '1' && is_newer) {
        record->name = *name;
        record->file = file;
        record->has_current = true;
    }
}

struct folder {
    const struct collect_walk *walk;
    const char *path;
    int fd; /* -1 = not there */
    struct collect_listing listing;
    struct text *bases; /* the index's own of this folder */
    size_t base_count;
    bool *is_found;
    bool has_missing;
    bool is_waiting; /* a record without a document yet */
    struct text number;
    struct text prefix;     /* "<day>/<type>/" */
    struct text index_path; /* "<label>/…/<type>/" */
    struct arena *arena;
};

static void note_found(struct folder *folder, struct span base)
{
    for (size_t i = 0; i < folder->base_count; i++)
        if (span_equal(text_span(folder->bases[i]), base))
            folder->is_found[i] = true;
}

/* A file of the folder whose name was understood. */
struct version {
    struct collect_name name;
    const char *file;
};

static int compare_versions(const void *a, const void *b)
{
    const struct version *left = a;
    const struct version *right = b;
    return span_compare(left->name.record.key, right->name.record.key);
}

/* A file that takes part in no record stands in the index under its own name, so that
 * the list of refusals shows it. */
static bool set_aside(struct folder *folder, const char *file, struct text shown,
                      enum index_file_state state, const struct err *fault,
                      struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    CLEANUP(buf_free) struct buf base = buf_init(4 * PATH_MAX_BYTES);
    CLEANUP(buf_free) struct buf whole = buf_init(4 * PATH_MAX_BYTES);
    struct span base_copy = {0};
    struct span shown_copy = {0};
    buf_text(&base, folder->prefix);
    buf_text(&base, shown);
    buf_text(&whole, folder->index_path);
    buf_text(&whole, shown);
    if (!buf_to_arena(&base, folder->arena, &base_copy, err) ||
        !buf_to_arena(&whole, folder->arena, &shown_copy, err))
        return false;
    struct collect_aside aside = {
        .path = file && collect_join(folder->path, file, path) ? path : NULL,
        .shown = {(const char *)shown_copy.at, shown_copy.len},
        .number = folder->number,
        .base = {(const char *)base_copy.at, base_copy.len},
        .state = state,
        .code = fault->code,
        .offset = fault->offset};
    note_found(folder, base_copy);
    return collect_put_aside(folder->walk, &aside, err);
}

/* Bytes that are no text, or that may not stand in a name, are shown as %HH. */
static void show_name(const char *name, struct buf *out)
{
    bool is_utf8 = false;
    struct text text = {0};
    struct err ignored = {0};
    is_utf8 = text_from_utf8(span_cstr(name), &text, &ignored);
    for (const char *at = name; *at; at++) {
        uint8_t byte = (uint8_t)*at;
        bool is_plain = byte >= 0x20 && byte != 0x7F && byte != '\\' && byte != '%' &&
                        (byte < 0x80 || is_utf8);
        if (is_plain)
            buf_byte(out, byte);
        else
            buf_format(out, "%%%02X", byte);
    }
}

/* A file or folder that is there under a name that can be used. */
static bool set_aside_file(struct folder *folder, const char *file,
                           enum index_file_state state, const struct err *fault,
                           struct err *err)
{
    struct text text = {0};
    struct err ignored = {0};
    CLEANUP(buf_free) struct buf shown = buf_init(4 * PATH_MAX_BYTES);
    if (text_from_utf8(span_cstr(file), &text, &ignored))
        return set_aside(folder, file, text, state, fault, err);
    show_name(file, &shown);
    if (!buf_check(&shown, err))
        return false;
    text = (struct text){(const char *)shown.at, shown.len};
    return set_aside(folder, file, text, state, fault, err);
}

static bool list_unusable(struct folder *folder, const struct collect_listing *unusable,
                          struct err *err)
{
    for (size_t i = 0; i < unusable->count; i++) {
        struct err fault = {0};
        CLEANUP(buf_free) struct buf shown = buf_init(4 * PATH_MAX_BYTES);
        err_set(&fault, ERR_REFUSED, "path_unsafe", "a name that may not be used");
        show_name(unusable->names[i], &shown);
        if (!buf_check(&shown, err))
            return false;
        struct text text = {(const char *)shown.at, shown.len};
        if (!set_aside(folder, NULL, text, INDEX_REFUSED, &fault, err))
            return false;
    }
    return true;
}

static bool parse_in_folder(const struct folder *folder, const char *file,
                            struct collect_name *name, struct err *fault)
{
    char path[PATH_MAX_BYTES + 1];
    struct span copy = {0};
    if (!collect_join(folder->path, file, path))
        return err_set(fault, ERR_REFUSED, "path_unsafe", "path too long");
    return arena_copy(folder->arena, span_cstr(path), &copy, fault) &&
           collect_parse(folder->walk->collect, folder->walk->root, copy, name,
                         folder->arena, fault);
}

static bool is_released_file(const struct folder *folder, const char *file,
                             bool *is_released, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    *is_released = false;
    return !collect_join(folder->path, file, path) ||
           collect_is_released(folder->walk, path, is_released, err);
}

/* Its key would not fit into an event, nor into a snapshot: the whole record could never
 * be in step. */
static bool is_key_too_long(const struct collect_name *name)
{
    enum { PART_BYTES = 24 };
    CLEANUP(buf_free) struct buf base = buf_init(2 * PATH_MAX_BYTES);
    collect_write_base(name, &base);
    return base.has_failed || base.len + PART_BYTES > UPLINK_KEY_BYTES_MAX;
}

/* Takes the name apart; false with err set when the work itself failed. */
static bool take_name(struct folder *folder, const char *file, struct version *version,
                      bool *is_taken, struct err *err)
{
    struct err fault = {0};
    const struct collect_config *config = &folder->walk->collect->config;
    bool accepts_foreign = config->roots[folder->walk->root].accepts_foreign_numbers;
    *is_taken = false;
    version->file = file;
    if (!parse_in_folder(folder, file, &version->name, &fault)) {
        if (fault.kind != ERR_SYNTAX && fault.kind != ERR_REFUSED) {
            *err = fault;
            return false;
        }
        return set_aside_file(folder, file, INDEX_REFUSED, &fault, err);
    }
    if (is_key_too_long(&version->name)) {
        err_set(&fault, ERR_REFUSED, "key_too_long", "type and key are too long");
        return set_aside_file(folder, file, INDEX_REFUSED, &fault, err);
    }
    bool is_foreign =
        (version->name.record.differs & SSMIX_PATIENT_DIFFERS) && !accepts_foreign;
    bool is_released = false;
    if (is_foreign && !is_released_file(folder, file, &is_released, err))
        return false;
    /* It must not take the place of the patient's own file of the same key. */
    if (is_foreign && !is_released) {
        err_set(&fault, ERR_REFUSED, "patient_mismatch", "named for another patient");
        return set_aside_file(folder, file, INDEX_HELD, &fault, err);
    }
    *is_taken = true;
    return true;
}

static bool take_record(struct folder *folder, const struct record *record,
                        struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    CLEANUP(buf_free) struct buf base = buf_init(512);
    if (!record->has_current)
        return true;
    collect_write_base(&record->name, &base);
    note_found(folder, buf_view(&base));
    bool is_waiting = false;
    bool is_read = !collect_join(folder->path, record->file, path) ||
                   collect_read_file(folder->walk, folder->fd, path, &is_waiting, err);
    folder->is_waiting |= is_waiting;
    return is_read;
}

/* Versions of one key stand together after sorting by key; sorted names would not do, as
 * keys and times have no fixed width. */
static bool take_records(struct folder *folder, struct err *err)
{
    size_t count = 0;
    struct version *versions =
        ARENA_MANY(folder->arena, struct version, folder->listing.count, err);
    if (!versions)
        return false;
    for (size_t i = 0; i < folder->listing.count; i++) {
        bool is_taken = false;
        if (!take_name(folder, folder->listing.names[i], &versions[count], &is_taken,
                       err))
            return false;
        count += is_taken;
    }
    if (count > 1)
        qsort(versions, count, sizeof *versions, compare_versions);
    struct record record = {0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0 &&
            !ssmix_same_key(&versions[i - 1].name.record, &versions[i].name.record)) {
            if (!take_record(folder, &record, err))
                return false;
            record = (struct record){0};
        }
        choose_current(&record, &versions[i].name, versions[i].file);
    }
    return take_record(folder, &record, err);
}

static bool note_missing(struct folder *folder, struct err *err)
{
    struct collect_absence absence = {.walk = folder->walk,
                                      .path = folder->path,
                                      .number = folder->number,
                                      .bases = folder->bases,
                                      .is_found = folder->is_found,
                                      .count = folder->base_count};
    return collect_note_missing(&absence, &folder->has_missing, err);
}

/* "STD01/999/901/9999013/20110701/OMP-01/" → number "9999013", prefix
 * "20110701/OMP-01/". */
static bool split_type_path(struct folder *folder, struct err *err)
{
    struct span rest = text_span(folder->index_path);
    struct span part = {0};
    for (int i = 0; i < 4; i++)
        if (!span_take(&rest, '/', &part))
            return err_set(err, ERR_SYNTAX, "ssmix_path_shape", "not a type folder");
    folder->number = (struct text){(const char *)part.at, part.len};
    folder->prefix = (struct text){(const char *)rest.at, rest.len};
    return true;
}

static bool read_listing(struct folder *folder, int fd, struct err *err)
{
    folder->fd = fd;
    if (!split_type_path(folder, err) ||
        !collect_know_bases(folder->walk, folder->number, folder->index_path,
                            folder->arena, &folder->bases, &folder->base_count, err))
        return false;
    folder->is_found = ARENA_MANY(folder->arena, bool, folder->base_count, err);
    if (!folder->is_found)
        return false;
    return fd < 0 || collect_list_folder(fd, &folder->listing, folder->arena, err);
}

/* What is known of a type folder before it is listed. */
struct look {
    int fd; /* -1 = not there */
    struct text index_path;
    int64_t settled_ns; /* 0 = it may change again within the same tick */
    int64_t known_ns;
    bool is_known;
    bool is_recent; /* so its files are looked at, they may be written in place */
};

static bool begin_look(const struct collect_walk *walk, const char *path,
                       struct arena *arena, struct look *look, struct err *err)
{
    struct err missing = {0};
    struct stat status;
    int fd = collect_open_folder(walk, path, &missing);
    if (fd < 0 && missing.kind != ERR_MISSING) {
        *err = missing; /* a storage that cannot be read proves nothing */
        return false;
    }
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode)))
        path_close(&fd);
    if (fd >= 0 && collect_is_extended(walk->collect, walk->root))
        collect_newest_below(fd, &status);
    look->fd = fd;
    look->settled_ns = fd >= 0 ? collect_settled_time(walk, &status) : 0;
    look->is_recent = fd >= 0 && collect_is_recent(walk, &status);
    struct collect_place place = {walk->root, path, COLLECT_TYPE, 0};
    if (fd >= 0) { /* watched before it is listed */
        place.changed_s = status.st_mtim.tv_sec;
        collect_watch_add(walk->collect, &place);
    }
    return collect_index_path(walk->collect, walk->root, path, arena, &look->index_path,
                              err) &&
           collect_know_folder(walk, look->index_path, &look->known_ns, &look->is_known,
                               err);
}

static void end_look(struct look *look)
{
    path_close(&look->fd);
}

static bool is_as_known(const struct look *look)
{
    return look->fd >= 0 && look->settled_ns != 0 && look->settled_ns == look->known_ns;
}

/* With the folders that it was in: one of them may come back as it was. */
static bool forget_folder(const struct collect_walk *walk, struct text path,
                          struct err *err)
{
    for (int level = COLLECT_TYPE; level >= COLLECT_PATIENT; level--) {
        if (!collect_tell_folder(walk, &(struct index_folder){.path = path}, true, err))
            return false;
        path.len--;
        while (path.len > 0 && path.at[path.len - 1] != '/')
            path.len--;
    }
    return true;
}

/* Remembers the folder's time when all that was seen in it is settled; else only that it
 * is there, so that it is missed when it goes. */
static bool note_look(const struct folder *folder, const struct look *look,
                      struct err *err)
{
    if (!collect_make_room(folder->walk, err))
        return false;
    if (look->fd < 0)
        return folder->has_missing || forget_folder(folder->walk, look->index_path, err);
    bool is_open = folder->has_missing || folder->is_waiting;
    int64_t noted_ns = is_open ? 0 : look->settled_ns;
    bool is_noted = look->is_known && noted_ns == look->known_ns;
    struct index_folder row = {.path = look->index_path, .changed_ns = noted_ns};
    return is_noted || collect_tell_folder(folder->walk, &row, false, err);
}

static bool read_folder(const struct collect_walk *walk, const char *path,
                        struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES);
    struct collect_listing unusable = {0};
    struct folder folder = {.walk = walk, .path = path, .arena = &arena};
    CLEANUP(end_look) struct look look = {.fd = -1};
    if (!begin_look(walk, path, &arena, &look, err))
        return false;
    if (is_as_known(&look) && !walk->is_full && !walk->is_second_look && !look.is_recent)
        return true;
    folder.index_path = look.index_path;
    folder.listing.unusable = &unusable;
    folder.listing.takes_any_bytes = collect_is_extended(walk->collect, walk->root);
    return read_listing(&folder, look.fd, err) && take_records(&folder, err) &&
           list_unusable(&folder, &unusable, err) && note_missing(&folder, err) &&
           note_look(&folder, &look, err);
}

bool collect_read_folder(const struct collect_walk *walk, const char *path,
                         struct err *err)
{
    struct err fault = {0};
    bool is_read = read_folder(walk, path, err);
    if (collect_settle(walk, &fault))
        return is_read;
    *err = fault; /* stops everything, what may have stopped this folder does not */
    return false;
}
