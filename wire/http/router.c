// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "wire/http/call.h"

enum { ETAG_BYTES = 36, ENTRIES_AT_FIRST = 64, ENTRIES_MAX = 4096 };

struct http_router {
    struct http_entry *entries;
    int entry_count;
    int entry_size;
    const struct http_static_file *files;
    size_t file_count;
    char (*etags)[ETAG_BYTES];
};

static const char *const method_names[] = {[HTTP_GET] = "GET",
                                           [HTTP_HEAD] = "HEAD",
                                           [HTTP_POST] = "POST",
                                           [HTTP_PUT] = "PUT",
                                           [HTTP_DELETE] = "DELETE"};

const char *http_method_name(enum http_method method)
{
    return method_names[method];
}

/* Routers are made at start-up, where running out of memory ends the program. */
static void *at_start(void *at)
{
    assert(at);
    return at;
}

struct http_router *http_router_new(void)
{
    struct err err = {0};
    return at_start(memory_new(1, sizeof(struct http_router), &err));
}

void http_router_free(struct http_router *router)
{
    if (!router)
        return;
    memory_free(router->entries);
    memory_free(router->etags);
    memory_free(router);
}

static bool is_parameter(struct span segment)
{
    return segment.len > 2 && segment.at[0] == '{' && segment.at[segment.len - 1] == '}';
}

static bool is_same_shape(const struct http_entry *a, const struct http_entry *b)
{
    if (a->route->method != b->route->method || a->segment_count != b->segment_count)
        return false;
    for (int i = 0; i < a->segment_count; i++) {
        bool is_open = is_parameter(a->segments[i]);
        if (is_open != is_parameter(b->segments[i]) ||
            (!is_open && !span_equal(a->segments[i], b->segments[i])))
            return false;
    }
    return true;
}

static void add(struct http_router *router, const struct http_entry *kind)
{
    struct err err = {0};
    if (router->entry_count == router->entry_size) {
        int size = router->entry_size ? router->entry_size * 2 : ENTRIES_AT_FIRST;
        router->entries = at_start(
            memory_resize(router->entries, (size_t)size, sizeof *router->entries, &err));
        router->entry_size = size;
    }
    struct http_entry entry = *kind;
    assert(entry.route->path[0] == '/' && entry.route->handler &&
           router->entry_count < ENTRIES_MAX);
    struct span rest = span_cstr(entry.route->path + 1), segment;
    while (span_take(&rest, '/', &segment)) {
        assert(entry.segment_count < HTTP_SEGMENTS_MAX);
        entry.segments[entry.segment_count++] = segment;
    }
    for (int i = 0; i < router->entry_count; i++)
        assert(!is_same_shape(&router->entries[i], &entry));
    router->entries[router->entry_count++] = entry;
}

void http_router_add(struct http_router *router, const struct http_route *routes,
                     size_t count, void *context)
{
    for (size_t i = 0; i < count; i++)
        add(router, &(struct http_entry){.route = &routes[i], .context = context});
}

void http_router_add_intake(struct http_router *router, const struct http_route *route,
                            const struct http_intake *intake, void *context)
{
    add(router,
        &(struct http_entry){.route = route, .intake = intake, .context = context});
}

void http_router_add_instant(struct http_router *router, const struct http_route *route,
                             void *context)
{
    add(router,
        &(struct http_entry){.route = route, .context = context, .is_instant = true});
}

void http_router_each(const struct http_router *router,
                      void (*see)(void *context, enum http_method method,
                                  const char *path),
                      void *context)
{
    for (int i = 0; i < router->entry_count; i++)
        see(context, router->entries[i].route->method, router->entries[i].route->path);
}

void http_router_static(struct http_router *router, const struct http_static_file *files,
                        size_t count)
{
    struct err err = {0};
    assert(!router->files);
    router->files = files;
    router->file_count = count;
    router->etags = at_start(memory_new(count, sizeof *router->etags, &err));
    for (size_t i = 0; i < count; i++) {
        char hex[HASH_HEX_BYTES];
        struct hash hash = hash_sha256(files[i].bytes);
        hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
        memcpy(router->etags[i], hex, ETAG_BYTES - 4);
    }
}

int http_router_count(const struct http_router *router)
{
    return router->entry_count;
}

const struct http_entry *http_router_at(const struct http_router *router, int index)
{
    return &router->entries[index];
}

int http_router_index(const struct http_router *router, const struct http_entry *entry)
{
    return (int)(entry - router->entries);
}

/* ---- finding ---- */

static bool fits(const struct http_entry *entry, const struct http_target *target)
{
    if (entry->segment_count != target->segment_count)
        return false;
    for (int i = 0; i < entry->segment_count; i++) {
        bool is_fitting = is_parameter(entry->segments[i])
                              ? target->segments[i].len > 0
                              : span_equal(entry->segments[i], target->segments[i]);
        if (!is_fitting)
            return false;
    }
    return true;
}

/* "/persons/search" before "/persons/{person}": the first literal segment decides. */
static bool is_closer(const struct http_entry *a, const struct http_entry *b)
{
    for (int i = 0; i < a->segment_count; i++) {
        bool a_open = is_parameter(a->segments[i]), b_open = is_parameter(b->segments[i]);
        if (a_open != b_open)
            return b_open;
    }
    return false;
}

static const struct http_entry *find_entry(const struct http_router *router,
                                           enum http_method method,
                                           const struct http_target *target,
                                           unsigned *allowed)
{
    const struct http_entry *best = NULL;
    for (int i = 0; i < router->entry_count; i++) {
        const struct http_entry *entry = &router->entries[i];
        if (!fits(entry, target))
            continue;
        *allowed |= 1U << entry->route->method;
        if (entry->route->method == method && (!best || is_closer(entry, best)))
            best = entry;
    }
    return best;
}

static bool is_for_programs(const struct http_target *target)
{
    static const char *const first[] = {"api", "fhir", "dicom-web", "healthz", "metrics"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (span_is(target->segments[0], first[i]))
            return true;
    return false;
}

static bool take_file(const struct http_router *router, size_t index,
                      struct http_found *found)
{
    found->file = &router->files[index];
    found->etag = router->etags[index];
    return true;
}

static bool find_file(const struct http_router *router, struct span path,
                      struct http_found *found)
{
    for (size_t i = 0; i < router->file_count; i++)
        if (span_is(path, router->files[i].path))
            return take_file(router, i, found);
    return false;
}

/* "/p/index.html" for what lies below /p, where there is one. */
static bool find_page(const struct http_router *router, struct span folder,
                      struct http_found *found)
{
    const struct span page = SPAN("/index.html");
    for (size_t i = 0; i < router->file_count; i++) {
        struct span path = span_cstr(router->files[i].path);
        if (path.len == 1 + folder.len + page.len &&
            span_equal(span_part(path, 1, folder.len), folder) &&
            span_equal(span_part(path, 1 + folder.len, page.len), page))
            return take_file(router, i, found);
    }
    return false;
}

/* The client's own routes open the client; a missing asset does not turn into HTML. */
static void find_static(const struct http_router *router,
                        const struct http_target *target, struct http_found *found)
{
    if (router->file_count == 0 || is_for_programs(target))
        return;
    if (find_file(router, target->path, found) || span_is(target->segments[0], "assets"))
        return;
    if (!find_page(router, target->segments[0], found))
        find_file(router, SPAN("/index.html"), found);
}

struct http_found http_router_find(const struct http_router *router,
                                   enum http_method method,
                                   const struct http_target *target)
{
    struct http_found found = {0};
    found.entry = find_entry(router, method, target, &found.allowed_methods);
    if (!found.entry && method == HTTP_HEAD)
        found.entry = find_entry(router, HTTP_GET, target, &found.allowed_methods);
    if (found.entry || found.allowed_methods != 0) {
        if (found.allowed_methods & 1U << HTTP_GET)
            found.allowed_methods |= 1U << HTTP_HEAD;
        return found;
    }
    find_static(router, target, &found);
    if (found.file && method != HTTP_GET && method != HTTP_HEAD) {
        found.file = NULL;
        found.allowed_methods = 1U << HTTP_GET | 1U << HTTP_HEAD;
    }
    return found;
}
