// SPDX-License-Identifier: Apache-2.0
/* One file of the storage: read, understood, judged, indexed. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "formats/charset/charset.h"
#include "gateway/collect/collect_parts.h"

enum { FILE_ARENA_BYTES = 96 << 20 };

static int64_t changed_ns(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

void collect_write_base(const struct ssmix_name *name, struct buf *out)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(name->day, iso);
    if (name->day == DAY_NONE)
        buf_byte(out, '-');
    for (const char *at = iso; *at; at++)
        if (*at != '-')
            buf_byte(out, (uint8_t)*at);
    buf_byte(out, '/');
    buf_span(out, name->type);
    buf_byte(out, '/');
    buf_span(out, name->key);
}

struct reading {
    const struct collect_walk *walk;
    const struct ssmix_name *name;
    struct arena *arena;
    struct index_change change;
    struct entry_list list;
};

static struct text ascii_text(struct span span)
{
    return (struct text){(const char *)span.at, span.len};
}

static bool fill_identity(struct reading *reading, const char *path,
                          const struct stat *status, struct err *err)
{
    struct index_file *file = &reading->change.file;
    const struct ssmix_name *name = reading->name;
    CLEANUP(buf_free) struct buf base = buf_init(512);
    CLEANUP(buf_free) struct buf version = buf_init(64);
    struct span base_copy = {0};
    struct span version_copy = {0};
    collect_write_base(name, &base);
    buf_cstr(&version, name->occurred);
    buf_byte(&version, (uint8_t)name->flag);
    if (!buf_to_arena(&base, reading->arena, &base_copy, err) ||
        !buf_to_arena(&version, reading->arena, &version_copy, err) ||
        !collect_index_path(reading->walk->collect, reading->walk->root, path,
                            reading->arena, &file->path, err))
        return false;
    file->path.len--; /* a file, not a folder: without the last slash */
    file->number = ascii_text(name->patient);
    file->base = ascii_text(base_copy);
    file->version = ascii_text(version_copy);
    file->size_bytes = status->st_size;
    file->changed_ns = changed_ns(status);
    reading->change.day = name->day;
    reading->change.incomplete_kind = name->known ? name->known->kind : ENTRY_UNKNOWN;
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
    const struct collect_config *config = &reading->walk->collect->config;
    *does = false;
    if (said->kana.len == 0 || said->birth_day == DAY_NONE)
        return true;
    if (!index_find_patient(config->index, reading->change.file.number, reading->arena,
                            &known, &is_known, err) ||
        !charset_fold(said->kana, reading->arena, &folded, err))
        return false;
    *does = is_known && known.birth_day != DAY_NONE && known.kana_folded.len > 0 &&
            known.birth_day != said->birth_day && !text_equal(folded, known.kana_folded);
    return true;
}

/* May this file belong to somebody else? Then it is held (formats.md 2.9 [R]). */
static bool judge_owner(struct reading *reading, struct err *err)
{
    size_t offset = 0;
    bool does_contradict = false;
    const struct collect *collect = reading->walk->collect;
    bool is_own_adt =
        reading->name->known && strcmp(reading->name->known->code, "ADT-00") == 0;
    if (collect->config.roots[reading->walk->root].accepts_foreign_numbers)
        return true;
    if (has_warning(&reading->list, "patient_mismatch", &offset)) {
        refuse(reading, INDEX_HELD, "patient_mismatch", offset);
        return true;
    }
    if (is_own_adt)
        return true;
    if (!contradicts(reading, &does_contradict, err))
        return false;
    if (does_contradict)
        refuse(reading, INDEX_HELD, "patient_contradicted", 0);
    return true;
}

static bool understand(struct reading *reading, struct span bytes, struct err *err)
{
    struct err fault = {0};
    if (!ssmix_read(reading->name, bytes, reading->arena, &reading->list, &fault)) {
        if (fault.kind == ERR_BUSY) {
            *err = fault;
            return false;
        }
        refuse(reading, INDEX_REFUSED, fault.code, fault.offset);
        return true;
    }
    reading->change.list = &reading->list;
    if (reading->name->differs & SSMIX_PATIENT_DIFFERS)
        refuse(reading, INDEX_HELD, "patient_mismatch", 0);
    return reading->change.list ? judge_owner(reading, err) : true;
}

static bool is_unchanged(struct reading *reading, bool *is_same, struct err *err)
{
    struct index_file known;
    const struct index_file *file = &reading->change.file;
    if (!index_find_file(reading->walk->collect->config.index, file->number, file->base,
                         reading->arena, &known, err))
        return false;
    *is_same = text_equal(known.path, file->path) &&
               known.size_bytes == file->size_bytes &&
               known.changed_ns == file->changed_ns;
    return true;
}

/* Bytes as they were at one moment: a file that changes while it is read is left for the
 * next look. */
static bool read_stable(int fd, const struct stat *before, struct arena *arena,
                        struct span *bytes, bool *is_stable, struct err *err)
{
    struct stat after;
    if (!path_read(fd, COLLECT_FILE_BYTES_MAX, arena, bytes, err))
        return false;
    *is_stable = fstat(fd, &after) == 0 && changed_ns(&after) == changed_ns(before) &&
                 after.st_size == before->st_size;
    return true;
}

static bool take_file(struct reading *reading, const char *path, struct err *err)
{
    struct stat status;
    struct span bytes = {0};
    bool is_same = false;
    bool is_stable = false;
    struct err fault = {0};
    const struct collect *collect = reading->walk->collect;
    CLEANUP(path_close)
    int fd = path_open_below(collect->roots[reading->walk->root], path, &fault);
    if (fd < 0 || fstat(fd, &status) != 0)
        return true; /* gone again: the next look at the folder sees why */
    if (!fill_identity(reading, path, &status, err) ||
        !is_unchanged(reading, &is_same, err))
        return false;
    if (is_same)
        return true;
    if (!read_stable(fd, &status, reading->arena, &bytes, &is_stable, &fault))
        refuse(reading, INDEX_REFUSED, fault.code, 0);
    else if (!is_stable)
        return true;
    else if (!understand(reading, bytes, err))
        return false;
    return index_put_file(collect->config.index, &reading->change, err);
}

bool collect_read_file(const struct collect_walk *walk, const struct ssmix_name *name,
                       const char *path, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(FILE_ARENA_BYTES);
    struct reading reading = {.walk = walk, .name = name, .arena = &arena};
    return take_file(&reading, path, err);
}

bool collect_put_aside(const struct collect_walk *walk, const struct collect_aside *aside,
                       struct err *err)
{
    struct stat status;
    struct index_file known;
    struct err fault = {0};
    const struct collect *collect = walk->collect;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CLEANUP(path_close)
    int fd = path_open_below(collect->roots[walk->root], aside->path, &fault);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return true;
    struct index_change change = {.file = {.number = aside->number,
                                           .base = aside->base,
                                           .version = TEXT(""),
                                           .size_bytes = status.st_size,
                                           .changed_ns = changed_ns(&status),
                                           .state = aside->state,
                                           .code = text_cstr(aside->code),
                                           .offset_bytes = (int64_t)aside->offset},
                                  .incomplete_kind = ENTRY_UNKNOWN,
                                  .day = DAY_NONE};
    if (!collect_index_path(collect, walk->root, aside->path, &arena, &change.file.path,
                            err) ||
        !index_find_file(collect->config.index, aside->number, aside->base, &arena,
                         &known, err))
        return false;
    change.file.path.len--; /* a file, not a folder */
    bool is_same = text_equal(known.path, change.file.path) &&
                   known.size_bytes == change.file.size_bytes &&
                   known.changed_ns == change.file.changed_ns;
    return is_same || index_put_file(collect->config.index, &change, err);
}

bool collect_read_source(const struct collect *collect, struct text path,
                         struct arena *arena, struct span *bytes, struct err *err)
{
    struct span rest = text_span(path);
    struct span label = {0};
    if (!span_take(&rest, '/', &label) || !rest.at)
        return err_set(err, ERR_MISSING, "not_found", "no such source");
    const char *relative = text_to_cstr(ascii_text(rest), arena, err);
    if (!relative)
        return false;
    for (size_t i = 0; i < collect->config.root_count; i++) {
        if (!span_is(label, collect->config.roots[i].label))
            continue;
        CLEANUP(path_close) int fd = path_open_below(collect->roots[i], relative, err);
        return fd >= 0 && path_read(fd, COLLECT_FILE_BYTES_MAX, arena, bytes, err);
    }
    return err_set(err, ERR_MISSING, "not_found", "no such root");
}
