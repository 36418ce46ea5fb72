// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Downloads of any size by a browser that reads the bytes itself, and how their openings
 * end. */

#include "test/story/story_scene.h"

#define STAMP(digit) digit digit digit digit digit digit digit digit
#define ONE STAMP("0123abcd")
#define OTHER STAMP("4567abcd")
#define ON_CONDITION(tag) "bytes=99000-\r\nIf-Range: " tag

/* ---- downloads of any size ---- */

struct download {
    struct browser *browser;
    char line[256];
    const char *range; /* or NULL; a condition may follow on a line of its own */
    pthread_t thread;
    struct buf all;
    atomic_size_t received;
    atomic_bool has_ended;
};

static inline void *run_download(void *context)
{
    struct download *download = context;
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    uint8_t piece[65536];
    ssize_t got = 0;
    download->all = buf_init(80 << 20);
    write_request(download->browser, &out, download->line, -1, "");
    out.len -= 2; /* one more header before the end */
    buf_format(&out, "Range: %s\r\n\r\n", download->range ? download->range : "none");
    int fd = dial(http_server_port(download->browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
        buf_put(&download->all, piece, (size_t)got);
        atomic_fetch_add(&download->received, (size_t)got);
    }
    close(fd);
    atomic_store(&download->has_ended, true);
    return NULL;
}

static inline void begin_download(struct download *download, struct scene *scene,
                                  const char *opening, const char *what,
                                  const char *range)
{
    *download = (struct download){.browser = &scene->clinic, .range = range};
    snprintf(download->line, sizeof download->line, "GET /api/v1/openings/%s/%s", opening,
             what);
    pthread_create(&download->thread, NULL, run_download, download);
}

static inline bool says(const struct download *download, const char *part)
{
    struct span all = buf_view(&download->all);
    const uint8_t *end = memmem(all.at, all.len, "\r\n\r\n", 4);
    return end && memmem(all.at, (size_t)(end - all.at) + 2, part, strlen(part));
}

/* What came behind the head. */
static inline struct span body_of(const struct download *download)
{
    struct span all = buf_view(&download->all);
    const uint8_t *end = memmem(all.at, all.len, "\r\n\r\n", 4);
    return span_part(all, end ? (size_t)(end - all.at) + 4 : all.len, all.len);
}

/* The pattern's bytes [from, to)? */
static inline bool is_pattern(const struct download *download, size_t from, size_t to)
{
    struct span body = body_of(download);
    bool is_right = body.len == to - from;
    for (size_t i = 0; i < body.len && is_right; i++)
        is_right = body.at[i] == (uint8_t)((from + i) * 31 % 251);
    return is_right;
}

static inline struct download finish(struct download *download)
{
    pthread_join(download->thread, NULL);
    return *download;
}

/* Whether so many bytes come as the head says they do. */
struct passing {
    const char *range, *head;
    size_t from, to;
};

static inline bool passes_of(struct scene *scene, const char *opening, const char *what,
                             const struct passing *passing)
{
    struct download download;
    begin_download(&download, scene, opening, what, passing->range);
    finish(&download);
    bool is_right = says(&download, passing->head) &&
                    is_pattern(&download, passing->from, passing->to);
    if (!is_right)
        printf("# %s: %.*s\n", passing->range ? passing->range : "-",
               (int)(download.all.len < 600 ? download.all.len : 600),
               (const char *)download.all.at);
    buf_free(&download.all);
    return is_right;
}

/* As a browser tells: the length that the head says, or the last chunk. */
static inline bool is_whole(const struct download *download)
{
    struct span all = buf_view(&download->all);
    const uint8_t *end = memmem(all.at, all.len, "\r\n\r\n", 4);
    const uint8_t *length = memmem(all.at, all.len, "content-length: ", 16);
    uint64_t bytes = 0;
    if (!end || !says(download, "HTTP/1.1 200"))
        return false;
    if (!length || length > end)
        return memcmp(all.at + all.len - 5, "0\r\n\r\n", 5) == 0;
    struct span digits = span_of(length + 16, (size_t)(end - length) - 16);
    struct span line;
    (void)!span_take(&digits, '\r', &line);
    return span_uint(line, INT64_MAX, &bytes) &&
           bytes == all.len - 4 - (size_t)(end - all.at);
}

/* ---- the audit ---- */

struct ending {
    const char *words; /* of the finish row's verdict and reason */
    int found;
    uint64_t bytes;
};

static inline bool find_ending(void *context, uint64_t number, struct span json,
                               struct err *err)
{
    struct ending *ending = context;
    const uint8_t *at = memmem(json.at, json.len, "\"bytes\":", 8);
    struct span rest =
        span_part(json, at ? (size_t)(at - json.at) + 8 : json.len, json.len);
    struct span digits = {0};
    (void)number;
    (void)err;
    if (!memmem(json.at, json.len, "\"finish\",\"event\":\"entry\"", 24) ||
        !memmem(json.at, json.len, ending->words, strlen(ending->words)))
        return true;
    ending->found++;
    (void)!(span_take(&rest, ',', &digits) &&
            span_uint(digits, INT64_MAX, &ending->bytes));
    return true;
}

/* The finish row of the opening that ends now. */
static inline bool ends_as(struct scene *scene, const char *opening,
                           struct ending *ending)
{
    char line[256], directory[128];
    struct err err = {0};
    uint64_t before = audit_head(scene->hospital->world->audit).number;
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", opening);
    CHECK(go(&scene->clinic, line, "").status == 204);
    in_world(scene->hospital->world, "audit", directory);
    CHECK(audit_walk(directory, "centre", before + 1, find_ending, ending, &err));
    return ending->found == 1;
}
