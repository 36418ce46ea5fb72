// SPDX-License-Identifier: Apache-2.0
/* The line between a gateway and its centre is cut after any number of bytes, again and
 * again, while the hospital writes results: the gateway dials in again, every result is
 * told at least once and none half, contents are whole or not there, and in the end both
 * sides are in step. Then it is away for long: what came meanwhile is told in order. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "gateway/gateway_testcentre.h"
#include "test/fault/fault_plan.h"

enum { RESULTS = 4, CUTS = 4, FIRST_CUT_BYTES = 200, CUT_BYTES_MAX = 12000 };

/* ---- a line that can be cut ---- */

struct line {
    int listener;
    uint16_t port;
    _Atomic uint16_t centre_port;
    atomic_llong budget; /* bytes until the cut; < 0: cut now, and as long as it is so */
    atomic_bool is_ending;
    atomic_int cuts;
    atomic_int open_count;
    pthread_t thread;
};

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
          listen(fd, 8) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int dial_centre(struct line *line)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(atomic_load(&line->centre_port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Takes what is there and hands it on as far as the budget goes; false ends the line. */
static bool pass_on(struct line *line, int from, int to)
{
    char bytes[4096];
    ssize_t got = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return true;
    long long left = got > 0 ? atomic_fetch_sub(&line->budget, got) : 0;
    ssize_t may = left < got ? (ssize_t)left : got;
    if (may > 0 && send(to, bytes, (size_t)may, MSG_NOSIGNAL) != may)
        return false;
    if (got > 0 && may < got)
        atomic_fetch_add(&line->cuts, 1);
    return got > 0 && may == got;
}

static void carry(struct line *line, int gateway)
{
    int centre = dial_centre(line);
    atomic_fetch_add(&line->open_count, 1);
    bool goes_on = centre >= 0;
    while (goes_on && !atomic_load(&line->is_ending) && atomic_load(&line->budget) >= 0) {
        struct pollfd fds[2] = {{gateway, POLLIN, 0}, {centre, POLLIN, 0}};
        poll(fds, 2, 20);
        goes_on = (!fds[0].revents || pass_on(line, gateway, centre)) &&
                  (!fds[1].revents || pass_on(line, centre, gateway));
    }
    close(gateway);
    if (centre >= 0)
        close(centre);
    atomic_fetch_sub(&line->open_count, 1);
}

static void *run_line(void *context)
{
    struct line *line = context;
    while (!atomic_load(&line->is_ending)) {
        struct pollfd fds = {line->listener, POLLIN, 0};
        if (poll(&fds, 1, 20) <= 0)
            continue;
        int gateway = accept(line->listener, NULL, NULL);
        if (gateway >= 0 && atomic_load(&line->budget) >= 0)
            carry(line, gateway);
        else if (gateway >= 0)
            close(gateway);
    }
    return NULL;
}

/* ---- a scene whose gateway dials the line ---- */

static void redirect(struct scene *scene, const struct line *line)
{
    struct err err = {0};
    struct span bytes = {0};
    char from[32];
    CLEANUP(buf_free) struct buf json = buf_init(8192);
    const char *name = in_folder(scene, "gateway.json");
    must(path_read_file(name, 8192, &scene->arena, &bytes, &err), &err);
    snprintf(from, sizeof from, "\"port\":%d", tunnel_hub_port(scene->hub));
    const uint8_t *at = memmem(bytes.at, bytes.len, from, strlen(from));
    CHECK(at);
    buf_put(&json, bytes.at, (size_t)(at - bytes.at));
    buf_format(&json, "\"port\":%d", line->port);
    buf_put(&json, at + strlen(from), bytes.len - (size_t)(at - bytes.at) - strlen(from));
    must(path_write_file(name, buf_view(&json), &err), &err);
}

static void begin_behind(struct scene *scene, struct line *line)
{
    *line = (struct line){.listener = -1};
    line->listener = listen_on_loopback(&line->port);
    atomic_store(&line->budget, 1LL << 40);
    CHECK(pthread_create(&line->thread, NULL, run_line, line) == 0);
    begin(scene);
    stop_gateway(scene);
    atomic_store(&line->centre_port, tunnel_hub_port(scene->hub));
    redirect(scene, line);
    start_gateway(scene);
    say_hello(scene);
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
}

static void end_behind(struct scene *scene, struct line *line)
{
    end(scene);
    atomic_store(&line->is_ending, true);
    pthread_join(line->thread, NULL);
    close(line->listener);
}

/* ---- the work ---- */

static void write_result(struct scene *scene, int i)
{
    char name[128], message[2048];
    snprintf(name, sizeof name, NUMBER "_20240501_OML-11_%015d_20240501120000000_01_1",
             i + 1);
    snprintf(message, sizeof message, LAB("%015d", "01", "7.2"), i + 1, i + 1);
    put_file(scene, LAB_FOLDER, name, message);
}

/* A fresh tunnel, greeted; the old one is kept by nobody. */
static bool is_greeted(struct scene *scene, const struct tunnel *old)
{
    pthread_mutex_lock(&scene->lock);
    bool is_new = scene->tunnel && scene->tunnel != old;
    pthread_mutex_unlock(&scene->lock);
    if (!is_new)
        return false;
    ANSWER answer = ask_hello(scene);
    return answer.status == 200;
}

static void wait_for_greeting(struct scene *scene, const struct tunnel *old)
{
    bool is_there = false;
    for (int i = 0; i < 4000 && !is_there; i++) {
        is_there = is_greeted(scene, old);
        if (!is_there)
            usleep(5000);
    }
    CHECK(is_there);
}

/* Notes which results a batch tells. */
static bool poll_results(struct scene *scene, struct poll *poll, int told[RESULTS])
{
    poll->told[0] = '\0';
    ANSWER answer =
        ask(scene, "/events/live", buf_view(&poll->answers), (struct span){0});
    if (answer.status != 200 || !answer.document)
        return false;
    take_batch(poll, json_root(answer.document));
    for (int i = 0; i < RESULTS; i++) {
        char word[64];
        snprintf(word, sizeof word, "P:20240501/OML-11/%015d ", i + 1);
        told[i] += strstr(poll->told, word) != NULL;
    }
    return true;
}

static bool content_is_whole_or_not_there(struct scene *scene, int i)
{
    char key[64];
    snprintf(key, sizeof key, "20240501/OML-11/%015d", i + 1);
    ANSWER content = ask_content(scene, "/content", key, "doctor");
    return content.status != 200 ||
           (content.document &&
            memmem(content.body.at, content.body.len, "総蛋白", strlen("総蛋白")));
}

static void forget_tunnel(struct scene *scene)
{
    pthread_mutex_lock(&scene->lock);
    tunnel_release(&scene->tunnel);
    pthread_mutex_unlock(&scene->lock);
}

/* The line holds for a random number of bytes; then everything once more. */
static void work_under_cuts(struct scene *scene, struct line *line, int told[RESULTS])
{
    uint64_t state = 20261129;
    struct poll poll = {.answers = buf_init(1 << 20)};
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    for (int cut = 0; cut < CUTS; cut++) {
        write_result(scene, cut);
        atomic_store(&line->budget,
                     FIRST_CUT_BYTES + (long long)(fault_random(&state) % CUT_BYTES_MAX));
        int before = atomic_load(&line->cuts);
        (void)!poll_results(scene, &poll, told);
        while (atomic_load(&line->cuts) == before)
            CHECK(content_is_whole_or_not_there(scene, cut));
        forget_tunnel(scene); /* while no other can come */
        atomic_store(&line->budget, 1LL << 40);
        wait_for_greeting(scene, NULL);
    }
    for (int i = 0; i < 50 && poll_results(scene, &poll, told) && poll.count > 0; i++)
        ;
    buf_free(&poll.answers);
}

static bool is_in_step(struct scene *scene, int64_t count)
{
    struct err err = {0};
    const struct json_value *sums = NULL;
    struct uplink_sum sum = {.count = -1};
    ANSWER checked = ask_text(scene, "/checks", "{\"record\":\"" RECORD "\"}");
    ANSWER answer = ask_text(scene, "/digests", "{\"records\":[\"" RECORD "\"]}");
    return checked.status == 200 && answer.document &&
           json_take_array(json_root(answer.document), "sums", 1, &sums, &err) &&
           json_count(sums) == 1 && uplink_read_sum(json_item(sums, 0), &sum, &err) &&
           sum.count == count;
}

static void a_line_that_is_cut_anywhere_loses_nothing(void)
{
    struct scene scene;
    struct line line;
    int told[RESULTS] = {0};
    begin_behind(&scene, &line);
    work_under_cuts(&scene, &line, told);
    CHECK(atomic_load(&line.cuts) >= CUTS);
    CHECK(is_in_step(&scene, RESULTS + 1));
    struct poll poll = {.answers = buf_init(1 << 20)};
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    CHECK(poll_results(&scene, &poll, told));
    buf_free(&poll.answers);
    for (int i = 0; i < RESULTS; i++)
        CHECK(told[i] > 0);
    end_behind(&scene, &line);
}

/* Away: nobody can be dialled. The hospital goes on working. */
static void what_came_while_it_was_away_is_told_in_its_order(void)
{
    struct scene scene;
    struct line line;
    int told[RESULTS] = {0};
    char expected[1024] = "";
    begin_behind(&scene, &line);
    atomic_store(&line.budget, -1);
    for (int i = 0; i < 4000 && atomic_load(&line.open_count) > 0; i++)
        usleep(1000);
    forget_tunnel(&scene);
    for (int i = 0; i < RESULTS; i++) {
        write_result(&scene, i);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "P:20240501/OML-11/%015d ", i + 1);
    }
    atomic_store(&line.budget, 1LL << 40);
    wait_for_greeting(&scene, NULL);
    CHECK(is_in_step(&scene, RESULTS + 1)); /* all was read, so all is in the outbox */
    struct poll poll = {.answers = buf_init(1 << 20)};
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    CHECK(poll_results(&scene, &poll, told));
    for (int i = 0; i < RESULTS; i++)
        CHECK(told[i] == 1);
    CHECK(poll.count == RESULTS);
    buf_free(&poll.answers);
    end_behind(&scene, &line);
}

int main(void)
{
    struct err err = {0};
    must(secret_start(&err), &err);
    RUN(a_line_that_is_cut_anywhere_loses_nothing);
    RUN(what_came_while_it_was_away_is_told_in_its_order);
    return test_done();
}
