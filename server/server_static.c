// SPDX-License-Identifier: Apache-2.0
#include "server/server_static.h"

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

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/openapi.json", answer_openapi, 0},
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
