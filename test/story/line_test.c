// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_scene.h"

#include <poll.h>

/* A hospital behind a long line: what it answers crosses it once, without waiting for
 * what the centre says meanwhile. */

/* Passes on both ways, until it is shut: then nothing reaches the gateway any more. */
struct line {
    int listener;
    uint16_t port;
    uint16_t target;
    pthread_t thread;
    atomic_bool is_shut;
    atomic_bool is_over;
};

static struct sockaddr_in on_loopback(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static bool pass(int from, int to)
{
    char bytes[4096];
    ssize_t len = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    return len > 0 && send(to, bytes, (size_t)len, MSG_NOSIGNAL) == len;
}

static void *run_line(void *context)
{
    struct line *line = context;
    struct sockaddr_in hub = on_loopback(line->target);
    int gateway = accept4(line->listener, NULL, NULL, SOCK_CLOEXEC);
    int centre = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(gateway >= 0 && connect(centre, (struct sockaddr *)&hub, sizeof hub) == 0);
    bool is_up = true;
    while (is_up && !atomic_load(&line->is_over)) {
        struct pollfd ends[2] = {
            {.fd = gateway, .events = POLLIN},
            {.fd = atomic_load(&line->is_shut) ? -1 : centre, .events = POLLIN}};
        if (poll(ends, 2, 10) <= 0)
            continue;
        if (ends[0].revents)
            is_up = pass(gateway, centre);
        if (is_up && ends[1].revents && !atomic_load(&line->is_shut))
            is_up = pass(centre, gateway);
    }
    close(gateway);
    close(centre);
    return NULL;
}

static void begin_line(struct line *line, struct world *world)
{
    struct sockaddr_in at = on_loopback(0);
    socklen_t size = sizeof at;
    line->target = tunnel_hub_port(world->hub);
    line->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(line->listener, (struct sockaddr *)&at, size) == 0 &&
          listen(line->listener, 1) == 0 &&
          getsockname(line->listener, (struct sockaddr *)&at, &size) == 0);
    line->port = ntohs(at.sin_port);
    pthread_create(&line->thread, NULL, run_line, line);
}

static void dial_anew(void *context)
{
    struct world *world = context;
    tunnel_dialer_close(world->dialer);
    open_dialer(world);
}

/* About so many bytes, as the results of a day may be. */
static void make_content(struct buf *out, size_t bytes)
{
    buf_cstr(out, "{\"entry\":{\"kind\":\"laboratory\",\"items\":[");
    for (int i = 0; out->len < bytes; i++)
        buf_format(out, "%s{\"type\":\"comment\",\"value\":\"%0500d\"}", i > 0 ? "," : "",
                   i);
    buf_cstr(out, "]},\"warnings\":[]}");
    buf_byte(out, 0);
}

static void a_content_crosses_the_line_once(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct world *world = hospital->world;
    struct line line = {0};
    char entry[128], opening[128];
    CLEANUP(buf_free) struct buf content = buf_init(1 << 20);
    make_content(&content, 100 * 1000);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    has_key(hospital, "1/OML-11/A", VERSION_1); /* is compared when it comes back */
    begin_line(&line, world);
    world->dial_port = line.port;
    loop_post(world->loop, dial_anew, world);
    CHECK_SOON(atomic_load(&world->hello_count) == 2);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    CHECK(reply.status == 201);
    member(&reply, "opening", opening);
    hospital->content_body = (const char *)content.at;
    hospital->shuts = &line.is_shut;
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 200);
    CHECK(atomic_load(&line.is_shut));
    atomic_store(&line.is_over, true);
    pthread_join(line.thread, NULL);
    close(line.listener);
    hospital_free(hospital);
}

int main(void)
{
    RUN(a_content_crosses_the_line_once);
    return test_done();
}
