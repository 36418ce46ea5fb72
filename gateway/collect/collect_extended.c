// SPDX-License-Identifier: Apache-2.0
/* Extended storage: a record is a folder with a document in it, and names of folders may
 * be written in any encoding. Standard storage passes through here unchanged. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { LISTING_BYTES = 64 << 20, FILES_MAX = 10000 /* of one record */ };

bool collect_is_extended(const struct collect *collect, size_t root)
{
    return collect->config.roots[root].is_extended;
}

/* ---- names in the index ---- */

static bool is_plain(struct span name)
{
    struct text text = {0};
    struct err ignored = {0};
    return !memchr(name.at, '%', name.len) && text_from_utf8(name, &text, &ignored);
}

void collect_write_path(const char *path, struct buf *out)
{
    struct span rest = span_cstr(path);
    struct span name = {0};
    bool is_first = true;
    while (span_take(&rest, '/', &name)) {
        bool is_as_is = is_plain(name);
        if (!is_first)
            buf_byte(out, '/');
        is_first = false;
        for (size_t i = 0; i < name.len; i++)
            if (is_as_is || (name.at[i] < 0x80 && name.at[i] != '%'))
                buf_byte(out, name.at[i]);
            else
                buf_format(out, "%%%02X", name.at[i]);
    }
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

void collect_restore_path(const struct collect *collect, size_t root, char *path)
{
    char *to = path;
    if (!collect_is_extended(collect, root))
        return;
    for (const char *at = path; *at; at++) {
        int high = *at == '%' && at[1] ? hex_value(at[1]) : -1;
        int low = high >= 0 && at[2] ? hex_value(at[2]) : -1;
        if (low < 0) {
            *to++ = *at;
            continue;
        }
        *to++ = (char)(high * 16 + low);
        at += 2;
    }
    *to = '\0';
}

/* ---- folders ---- */

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* A document that is written into a folder that was there before changes that folder's
 * time only. */
void collect_newest_below(int fd, struct stat *status)
{
    struct err ignored = {0};
    struct collect_listing listing = {.takes_any_bytes = true};
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES);
    CLEANUP(path_close) int again = path_open_again(fd, &ignored);
    if (again < 0 || !collect_list_folder(again, &listing, &arena, &ignored))
        return;
    for (size_t i = 0; i < listing.count; i++) {
        struct stat below;
        bool is_folder =
            fstatat(fd, listing.names[i], &below, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(below.st_mode);
        if (is_folder && is_newer(&below.st_mtim, &status->st_mtim))
            status->st_mtim = below.st_mtim;
    }
}

/* main_document.*, the first by name; without one, the only file. NULL = unclear. */
static const char *choose(const struct collect_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        if (extended_is_main(span_cstr(listing->names[i])))
            return listing->names[i];
    return listing->count == 1 ? listing->names[0] : NULL;
}

bool collect_find_main(const struct collect_walk *walk, const char *path,
                       struct collect_main *main, struct err *err)
{
    struct stat status;
    struct collect_listing listing = {.takes_any_bytes = true};
    struct collect *collect = walk->collect;
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES);
    *main = (struct collect_main){0};
    snprintf(main->path, sizeof main->path, "%s", path);
    CLEANUP(path_close) int fd = path_open_below(collect->roots[walk->root], path, err);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "folder cannot be read");
    if (!S_ISDIR(status.st_mode))
        return true; /* of old, the document itself */
    /* Watched before it is listed, as the folders above. */
    struct collect_place place = {walk->root, path, COLLECT_CONTENT,
                                  status.st_mtim.tv_sec};
    collect_watch_add(walk->collect, &place);
    int64_t age_ms =
        clock_wall_ms(&collect->config.clock) -
        ((int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000);
    main->is_young = age_ms < collect->config.second_look_ms;
    if (!collect_list_folder(fd, &listing, &arena, err))
        return false;
    if (listing.count > FILES_MAX)
        return err_set(err, ERR_LIMIT, "folder_too_large", "more than %d names",
                       FILES_MAX);
    const char *name = choose(&listing);
    if (!name)
        return err_set(err, ERR_SYNTAX, "document_main_missing",
                       "no file is the main document");
    if (!collect_join(path, name, main->path))
        return err_set(err, ERR_REFUSED, "path_unsafe", "path too long");
    return collect_stamp_beside(fd, &listing, name, main->beside, err);
}

/* ---- names and content of a record ---- */

bool collect_parse(const struct collect *collect, size_t root, struct span path,
                   struct collect_name *name, struct arena *arena, struct err *err)
{
    *name = (struct collect_name){0};
    if (!collect_is_extended(collect, root))
        return ssmix_parse_path(path, &name->record, err);
    if (!extended_parse_path(path, arena, &name->extended, err))
        return false;
    name->record = name->extended.record;
    name->is_extended = true;
    /* The collector chose it, whatever its name is. */
    name->extended.is_main = true;
    return true;
}

enum entry_kind collect_kind(const struct collect_name *name)
{
    if (name->is_extended)
        return extended_kind(&name->extended.type);
    return name->record.known ? name->record.known->kind : ENTRY_UNKNOWN;
}

void collect_write_base(const struct collect_name *name, struct buf *out)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(name->record.day, iso);
    if (name->record.day == DAY_NONE)
        buf_byte(out, '-');
    for (const char *at = iso; *at; at++)
        if (*at != '-')
            buf_byte(out, (uint8_t)*at);
    buf_byte(out, '/');
    if (name->is_extended)
        extended_write_type(&name->extended, out);
    else
        buf_span(out, name->record.type);
    buf_byte(out, '/');
    buf_span(out, name->record.key);
}

bool collect_read_entries(const struct collect_name *name, struct span bytes,
                          struct arena *arena, struct entry_list *list, struct err *err)
{
    return name->is_extended ? extended_read(&name->extended, bytes, arena, list, err)
                             : ssmix_read(&name->record, bytes, arena, list, err);
}

/* ---- sources by their path in the index ---- */

bool collect_find_source(const struct collect *collect, struct text path,
                         struct collect_source *source, struct arena *arena,
                         struct err *err)
{
    struct span rest = text_span(path);
    struct span label = {0};
    *source = (struct collect_source){0};
    if (!span_take(&rest, '/', &label) || !rest.at)
        return err_set(err, ERR_MISSING, "not_found", "no such source");
    while (source->root < collect->config.root_count &&
           !span_is(label, collect->config.roots[source->root].label))
        source->root++;
    if (source->root == collect->config.root_count)
        return err_set(err, ERR_MISSING, "not_found", "no such root");
    source->relative = arena_take(arena, rest.len + 1, 1, err);
    if (!source->relative)
        return false;
    memcpy(source->relative, rest.at, rest.len);
    collect_restore_path(collect, source->root, source->relative);
    return true;
}

static bool find_name(const struct collect *collect, struct text path,
                      const struct collect_content *content, struct collect_name *name,
                      struct arena *arena, struct err *err)
{
    struct collect_source source;
    if (!collect_find_source(collect, path, &source, arena, err) ||
        !collect_parse(collect, source.root, span_cstr(source.relative), name, arena,
                       err))
        return false;
    name->extended.files = content->beside.files;
    name->extended.file_count = content->beside.count;
    name->extended.has_more_files = content->beside.has_more;
    return true;
}

bool collect_read_list(const struct collect *collect, struct text path,
                       const struct collect_content *content, struct arena *arena,
                       struct entry_list *list, struct err *err)
{
    struct collect_name name;
    return find_name(collect, path, content, &name, arena, err) &&
           collect_read_entries(&name, content->bytes, arena, list, err);
}

bool collect_read_part(struct collect *collect, struct text path,
                       const struct collect_content *content, size_t number,
                       struct arena *arena, struct span *bytes, struct err *err)
{
    struct collect_name name;
    if (number > 0 && number <= content->beside.count)
        return collect_read_beside(collect, path, &content->beside, number - 1, arena,
                                   bytes, err);
    if (!find_name(collect, path, content, &name, arena, err))
        return false;
    if (!name.is_extended)
        return err_set(err, ERR_MISSING, "not_found", "no such part");
    return extended_read_inside(&name.extended, content->bytes, number, arena, bytes,
                                err);
}
