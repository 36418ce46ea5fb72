// SPDX-License-Identifier: Apache-2.0
/* Frames of a study as a viewer scrolls through them: 600 previews of 60 kB from a
 * gateway through its tunnel, permission and HTTP to browsers that keep their
 * connections. Beside it, over the same tunnel in the same run: the same bytes by the
 * tunnel alone, without grant, permission or HTTP. Gateway, centre and browsers share one
 * process.
 *
 * usage: bench_images [ROUNDS]      5 when not given; one JSON line per answer */
#include "test/story/story_scene.h"

enum { FRAMES = 600, FRAME_BYTES = 60000, CLIENTS_MAX = 8, HEAD_BYTES = 4096 };

struct bench {
    struct scene scene;
    char opening[128];
    struct tunnel *tunnel;
    atomic_int left;
    atomic_int failed;
};

static char picture[FRAME_BYTES + 1];
static struct image_script frame = {200, "image/jpeg", "false", .body = picture};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void serve_plain(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "image/jpeg", span_of(picture, FRAME_BYTES));
}

/* ---- a browser ---- */

static bool receive_exactly(int fd, size_t bytes)
{
    char piece[16384];
    while (bytes > 0) {
        ssize_t got = recv(fd, piece, bytes < sizeof piece ? bytes : sizeof piece, 0);
        if (got <= 0)
            return false;
        bytes -= (size_t)got;
    }
    return true;
}

static bool receive_frame(int fd)
{
    char head[HEAD_BYTES] = "";
    size_t len = 0;
    char *end = NULL;
    while (!end && len < sizeof head - 1) {
        ssize_t got = recv(fd, head + len, sizeof head - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (!end || strncmp(head, "HTTP/1.1 200", 12) != 0)
        return false;
    return receive_exactly(fd, FRAME_BYTES - (len - (size_t)(end + 4 - head)));
}

static void *run_browser(void *context)
{
    struct bench *bench = context;
    const struct browser *clinic = &bench->scene.clinic;
    uint16_t port = http_server_port(clinic->world->server);
    int fd = dial(port);
    int left = 0;
    while ((left = atomic_fetch_sub(&bench->left, 1)) > 0) {
        CLEANUP(buf_free) struct buf out = buf_init(HEAD_BYTES);
        buf_format(&out,
                   "GET /api/v1/openings/%s/frames/0/0/%d?q=preview HTTP/1.1\r\n"
                   "Host: localhost:%u\r\nCookie: tsumugi=%s\r\n\r\n",
                   bench->opening, left % FRAMES, port, clinic->cookie);
        if (send(fd, out.at, out.len, MSG_NOSIGNAL) != (ssize_t)out.len ||
            !receive_frame(fd)) {
            atomic_fetch_add(&bench->failed, 1);
            break;
        }
    }
    close(fd);
    return NULL;
}

/* ---- the tunnel alone ---- */

static void *run_asker(void *context)
{
    struct bench *bench = context;
    while (atomic_fetch_sub(&bench->left, 1) > 0) {
        struct err err = {0};
        struct span body = {0};
        int status = 0;
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct tunnel_request request = {
            .method = "POST", .path = "/plain", .body = SPAN("{}")};
        if (!tunnel_ask(bench->tunnel, &request, 2 * FRAME_BYTES, &arena, &status, &body,
                        &err) ||
            body.len != FRAME_BYTES)
            atomic_fetch_add(&bench->failed, 1);
    }
    return NULL;
}

static double frames_per_second(struct bench *bench, void *(*run)(void *context),
                                int clients, int frames)
{
    pthread_t threads[CLIENTS_MAX];
    atomic_store(&bench->left, frames);
    double from = now_s();
    for (int i = 0; i < clients; i++)
        pthread_create(&threads[i], NULL, run, bench);
    for (int i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    return frames / (now_s() - from);
}

static void measure(struct bench *bench, int clients, int frames)
{
    double plain = frames_per_second(bench, run_asker, clients, frames);
    double through = frames_per_second(bench, run_browser, clients, frames);
    printf("{\"bench\":\"images\",\"what\":\"frames of 60 kB\",\"at_once\":%d,"
           "\"frames_per_second\":%.0f,\"tunnel_alone\":%.0f,\"ratio\":%.2f,"
           "\"failed\":%d}\n",
           clients, through, plain, through / plain, atomic_load(&bench->failed));
}

static void open_study(struct bench *bench)
{
    char entry[128];
    struct scene *scene = &bench->scene;
    say_put(scene->hospital, 0, "1/OML-11/A", VERSION_1, "CT");
    CHECK_SOON(count_of(scene->hospital, &scene->hospital->stored_count) == 1);
    find_entry(scene, entry);
    struct reply reply = open_entry(scene, entry);
    CHECK(reply.status == 201);
    member(&reply, "opening", bench->opening);
}

int main(int argc, char **argv)
{
    static const struct http_route plain = {HTTP_POST, "/plain", serve_plain, 64};
    static struct bench bench;
    struct err err = {0};
    uint64_t rounds = 5;
    if (!secret_start(&err) ||
        (argc > 1 && !span_uint(span_cstr(argv[1]), 1000, &rounds)))
        return 2;
    memset(picture, 'x', FRAME_BYTES);
    memcpy(picture, "\xFF\xD8\xFF", 3);
    bench.scene = scene_new();
    http_router_add(bench.scene.hospital->world->gateway_router, &plain, 1, NULL);
    bench.scene.hospital->image = &frame;
    open_study(&bench);
    bench.tunnel = facility_gateway_take(bench.scene.hospital->world->gateways,
                                         hex_id(HOSPITAL), &err);
    CHECK(bench.tunnel != NULL);
    measure(&bench, 1, FRAMES);
    measure(&bench, CLIENTS_MAX, FRAMES * (int)rounds);
    tunnel_release(&bench.tunnel);
    hospital_free(bench.scene.hospital);
    return 0;
}
