// SPDX-License-Identifier: Apache-2.0
#include "server/server_static.h"

#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "formats/json/json.h"
#include "server/embedded.h"
#include "wire/http/http.h"

static struct span part(const uint8_t *begin, const uint8_t *end)
{
    return begin ? span_of(begin, (size_t)(end - begin)) : span_of(NULL, 0);
}

static void answer_openapi(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/json",
                part(embedded_openapi, embedded_openapi_end));
}

static void answer_health(struct http_call *call, void *context)
{
    (void)context;
    CLEANUP(buf_free) struct buf out = buf_init(256);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_cstr(&writer, "status", "ready");
    json_put_cstr(&writer, "version", VERSION_TEXT);
    json_close_object(&writer);
    http_answer_json(call, 200, &out);
}

/* Resident memory in bytes (proc(5), statm: pages). */
static int64_t resident_bytes(void)
{
    enum { PAGE_BYTES = 4096 };
    char line[128] = {0};
    FILE *file = fopen("/proc/self/statm", "r"); /* allowed: a file of the kernel */
    if (!file)
        return 0;
    size_t got = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    struct span rest = span_of(line, got);
    struct span pages = {0};
    uint64_t count = 0;
    if (!span_take(&rest, ' ', &pages) || !span_take(&rest, ' ', &pages) ||
        !span_uint(pages, INT32_MAX, &count))
        return 0;
    return (int64_t)count * PAGE_BYTES;
}

static void answer_metrics(struct http_call *call, void *context)
{
    (void)context;
    if (strncmp(http_remote_address(call), "127.", 4) != 0 &&
        strcmp(http_remote_address(call), "::1") != 0) {
        struct err err = {0};
        err_set(&err, ERR_MISSING, "not_found", "not from outside");
        http_answer_problem(call, &err);
        return;
    }
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    buf_cstr(&out, "# TYPE tsumugi_resident_bytes gauge\ntsumugi_resident_bytes ");
    buf_u64(&out, (uint64_t)resident_bytes());
    buf_cstr(&out, "\n# TYPE tsumugi_up gauge\ntsumugi_up 1\n");
    http_answer(call, 200, "text/plain; version=0.0.4", buf_view(&out));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/openapi.json", answer_openapi, 0},
    {HTTP_GET, "/healthz", answer_health, 0},
    {HTTP_GET, "/metrics", answer_metrics, 0},
};

bool server_static_routes(struct http_router *router, struct arena *arena,
                          struct err *err)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, NULL);
    if (embedded_files_count == 0)
        return true; /* built without the client: the API alone */
    struct http_static_file *files =
        ARENA_MANY(arena, struct http_static_file, embedded_files_count, err);
    if (!files)
        return false;
    for (size_t i = 0; i < embedded_files_count; i++) {
        const struct embedded_file *file = &embedded_files[i];
        files[i] = (struct http_static_file){
            .path = file->path,
            .content_type = file->content_type,
            .bytes = part(file->begin[EMBEDDED_PLAIN], file->end[EMBEDDED_PLAIN]),
            .gzip = part(file->begin[EMBEDDED_GZIP], file->end[EMBEDDED_GZIP]),
            .brotli = part(file->begin[EMBEDDED_BROTLI], file->end[EMBEDDED_BROTLI]),
            .is_immutable = file->is_immutable,
        };
    }
    http_router_static(router, files, embedded_files_count);
    return true;
}
