// SPDX-License-Identifier: Apache-2.0
/* A gateway with a tunnel to each of two processes of the centre, and one behind a proxy.
 */
#include "gateway/gateway_testcentre.h"
#include "wire/http/http_testproxy.h"

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        for (int waited = 0; waited < 2000 && !(condition); waited++)                    \
            usleep(10000);                                                               \
        CHECK(condition);                                                                \
    } while (0)

/* ---- a second process of the centre, and how a gateway is told of it ---- */

static void open_second(struct scene *second, const struct scene *first)
{
    static const char *const alpn[] = {TUNNEL_ALPN, NULL};
    static const struct tunnel_hub_events events = {on_connected, on_disconnected};
    struct err err = {0};
    *second = (struct scene){.lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER,
                             .arena = arena_init(256 << 20)};
    memcpy(second->folder, first->folder, sizeof second->folder);
    memcpy(second->fingerprint, first->fingerprint, sizeof second->fingerprint);
    struct tls_files files = {in_folder(first, "centre.crt"),
                              in_folder(first, "centre.key"),
                              in_folder(first, "network.crt")};
    must((second->loop = loop_new(&err)) != NULL, &err);
    must((second->tls = tls_server_open(&files, true, alpn, &err)) != NULL, &err);
    struct tunnel_hub_config config = {.loop = second->loop,
                                       .tls = second->tls,
                                       .address = "127.0.0.1",
                                       .events = &events,
                                       .context = second,
                                       .ping_ms = 20000};
    must((second->hub = tunnel_hub_open(&config, &err)) != NULL, &err);
    pthread_create(&second->loop_thread, NULL, run_loop, second->loop);
}

static void close_centre(struct scene *scene)
{
    loop_stop(scene->loop);
    pthread_join(scene->loop_thread, NULL);
    tunnel_release(&scene->tunnel);
    tunnel_hub_close(scene->hub);
    loop_free(scene->loop);
    tls_context_free(scene->tls);
    arena_free(&scene->arena);
}

/* Puts `new` where `old` stands in the configuration. */
static void change_config(const struct scene *scene, const char *old, const char *new)
{
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf json = buf_init(8192);
    const char *name = in_folder(scene, "gateway.json");
    must(path_read_file(name, 8192, &arena, &bytes, &err), &err);
    const uint8_t *at = memmem(bytes.at, bytes.len, old, strlen(old));
    CHECK(at != NULL);
    if (!at)
        return;
    size_t before = (size_t)(at - bytes.at);
    buf_span(&json, span_part(bytes, 0, before));
    buf_cstr(&json, new);
    buf_span(&json, span_part(bytes, before + strlen(old), bytes.len));
    must(path_write_file(name, buf_view(&json), &err), &err);
}

static struct tunnel *newest(struct scene *scene)
{
    pthread_mutex_lock(&scene->lock);
    struct tunnel *tunnel = scene->tunnel;
    pthread_mutex_unlock(&scene->lock);
    return tunnel;
}

static void begin_two(struct scene *first, struct scene *second, const char *poll)
{
    char one[128], both[256];
    begin(first);
    stop_gateway(first);
    open_second(second, first);
    snprintf(one, sizeof one, "\"host\":\"127.0.0.1\",\"port\":%d",
             tunnel_hub_port(first->hub));
    snprintf(both, sizeof both,
             "\"addresses\":[{%s},{\"host\":\"127.0.0.1\",\"port\":%d}]", one,
             tunnel_hub_port(second->hub));
    change_config(first, one, both);
    change_config(first, "\"poll_ms\":500", poll);
    start_gateway(first);
    CHECK_SOON(newest(second) != NULL);
    say_hello(first);
    say_hello(second);
}

static void end_two(struct scene *first, struct scene *second)
{
    end(first);
    close_centre(second);
}

static void drop(struct scene *scene, int number)
{
    char file[128], key[32], message[2048];
    snprintf(key, sizeof key, "%015d", number);
    snprintf(file, sizeof file, NUMBER "_20240501_OML-11_%s_20240501120000000_01_1", key);
    snprintf(message, sizeof message, "%s",
             LAB("\001", "01", "7.2")); /* the order number stands twice */
    CLEANUP(buf_free) struct buf whole = buf_init(4096);
    for (const char *at = message; *at; at++)
        if (*at == '\001')
            buf_cstr(&whole, key);
        else
            buf_byte(&whole, (uint8_t)*at);
    buf_byte(&whole, '\0');
    put_file(scene, LAB_FOLDER, file, (const char *)whole.at);
}

/* ---- a process that asks for events, as the centre does ---- */

struct pump {
    struct scene centre; /* a copy: with its own tunnel and arena */
    pthread_t thread;
    _Atomic int count;  /* of events */
    _Atomic int newest; /* number of the newest file it was told of */
    bool is_silent;     /* takes one batch and never comes back */
};

static void note_newest(struct pump *pump, const char *told)
{
    static const char before[] = "/OML-11/";
    for (const char *at = strstr(told, before); at; at = strstr(at + 1, before)) {
        int number = (int)strtol(at + strlen(before), NULL, 10);
        if (number > atomic_load(&pump->newest))
            atomic_store(&pump->newest, number);
    }
}

static void *run_pump(void *context)
{
    struct pump *pump = context;
    struct poll poll = {.answers = buf_init(1 << 20)};
    bool goes_on = true;
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    while (goes_on) {
        ANSWER answer =
            ask(&pump->centre, "/events/live", buf_view(&poll.answers), (struct span){0});
        goes_on = answer.status == 200 && answer.document;
        if (!goes_on)
            break;
        poll.told[0] = '\0';
        take_batch(&poll, json_root(answer.document));
        note_newest(pump, poll.told);
        atomic_fetch_add(&pump->count, (int)poll.count);
        goes_on = !(pump->is_silent && poll.count > 0);
    }
    buf_free(&poll.answers);
    return NULL;
}

static void start_pump(struct pump *pump, const struct scene *centre)
{
    pump->centre = *centre;
    pump->centre.tunnel = tunnel_keep(centre->tunnel);
    pump->centre.arena = arena_init(64 << 20);
    pump->count = 0;
    pump->newest = -1;
    pthread_create(&pump->thread, NULL, run_pump, pump);
}

static void join_pump(struct pump *pump)
{
    pthread_join(pump->thread, NULL);
    tunnel_release(&pump->centre.tunnel);
    arena_free(&pump->centre.arena);
}

static int count_of(struct pump *pump)
{
    return atomic_load(&pump->count);
}

static int newest_of(struct pump *pump)
{
    return atomic_load(&pump->newest);
}

enum { FILES = 12 };

static void events_are_taken_once_whoever_asks(void)
{
    struct scene first, second;
    static struct pump pumps[3];
    begin_two(&first, &second, "\"poll_ms\":15000");
    start_pump(&pumps[0], &first);
    start_pump(&pumps[1], &second);
    CHECK(link_is(&second, "イイダ ハナコ", "confirmed"));
    for (int i = 0; i < FILES; i++)
        drop(&first, i);
    CHECK_SOON(count_of(&pumps[0]) + count_of(&pumps[1]) >= FILES);
    bool is_first = count_of(&pumps[0]) > 0;
    struct pump *holder = &pumps[is_first ? 0 : 1], *other = &pumps[is_first ? 1 : 0];
    CHECK(count_of(holder) == FILES && count_of(other) == 0);
    /* its tunnel is lost: the other has what comes from then on, and keeps it; what was
     * taken and not answered yet comes again */
    struct scene *lost = is_first ? &first : &second;
    struct tunnel *before = holder->centre.tunnel;
    tunnel_cut(before);
    join_pump(holder);
    drop(&first, FILES);
    CHECK_SOON(newest_of(other) == FILES);
    CHECK_SOON(newest(lost) != before);
    say_hello(lost);
    start_pump(&pumps[2], lost);
    drop(&first, FILES + 1);
    CHECK_SOON(newest_of(other) == FILES + 1);
    CHECK(count_of(&pumps[2]) == 0);
    stop_gateway(&first); /* answers all who wait */
    join_pump(other);
    join_pump(&pumps[2]);
    start_gateway(&first);
    end_two(&first, &second);
}

static void who_takes_events_and_stays_away_loses_them_to_another(void)
{
    struct scene first, second;
    static struct pump silent = {.is_silent = true}, other;
    begin_two(&first, &second, "\"poll_ms\":100");
    CHECK(link_is(&first, "イイダ ハナコ", "confirmed"));
    start_pump(&silent, &first);
    drop(&first, 0);
    CHECK_SOON(count_of(&silent) == 1);
    join_pump(&silent);
    start_pump(&other, &second);
    CHECK_SOON(count_of(&other) == 1);
    stop_gateway(&first);
    join_pump(&other);
    start_gateway(&first);
    end_two(&first, &second);
}

/* A tunnel that is lost takes its own grants only. */
static void each_process_opens_contents_over_its_own_tunnel(void)
{
    struct scene first, second;
    begin_two(&first, &second, "\"poll_ms\":15000");
    second.signing = first.signing;
    CHECK(link_is(&first, "イイダ ハナコ", "confirmed"));
    put_lab(&first);
    static struct pump pump;
    start_pump(&pump, &second);
    CHECK_SOON(count_of(&pump) == 1);
    ANSWER one = ask_content(&first, "/content", LAB_KEY, "doctor");
    ANSWER two = ask_content(&second, "/content", LAB_KEY, "doctor");
    CHECK(one.status == 200 && two.status == 200);
    struct tunnel *before = first.tunnel;
    tunnel_cut(before);
    CHECK_SOON(newest(&first) != before);
    ANSWER still = ask_content(&second, "/content", LAB_KEY, "doctor");
    CHECK(still.status == 200);
    stop_gateway(&first);
    join_pump(&pump);
    start_gateway(&first);
    end_two(&first, &second);
}

/* ---- a proxy ---- */

static void a_gateway_dials_through_a_proxy(void)
{
    struct scene scene;
    struct proxy proxy;
    struct err err = {0};
    char words[256], expected[128];
    begin(&scene);
    stop_gateway(&scene);
    proxy_open(&proxy, tunnel_hub_port(scene.hub), "HTTP/1.1 200 OK\r\n\r\n");
    must(path_write_file(in_folder(&scene, "proxy"), SPAN("gw:se cret\n"), &err), &err);
    snprintf(words, sizeof words,
             "\"proxy\":{\"host\":\"127.0.0.1\",\"port\":%d,\"credentials\":\"%s\"},"
             "\"poll_ms\"",
             proxy.own_port, in_folder(&scene, "proxy"));
    change_config(&scene, "\"poll_ms\"", words);
    start_gateway(&scene);
    say_hello(&scene);
    snprintf(expected, sizeof expected, "CONNECT 127.0.0.1:%d HTTP/1.1\r\n",
             tunnel_hub_port(scene.hub));
    CHECK(atomic_load(&proxy.asked_count) == 1);
    CHECK(strncmp(proxy.asked, expected, strlen(expected)) == 0);
    CHECK(strstr(proxy.asked, "\r\nProxy-Authorization: Basic Z3c6c2UgY3JldA==\r\n"));
    end(&scene);
    proxy_close(&proxy);
}

static bool is_refused(struct scene *scene, const char *old, const char *new,
                       const char *code)
{
    struct err err = {0};
    write_config(scene);
    change_config(scene, old, new);
    struct gateway *gateway = gateway_open(in_folder(scene, "gateway.json"), &err);
    gateway_close(gateway);
    bool is_so = !gateway && strcmp(err.code, code) == 0;
    if (!is_so)
        printf("# %s: %s\n", new, gateway ? "started" : err.code);
    return is_so;
}

static void faulty_addresses_and_proxies_stop_the_start(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    stop_gateway(&scene);
    must(path_write_file(in_folder(&scene, "proxy"), SPAN("no colon\n"), &err), &err);
    char credentials[256];
    snprintf(credentials, sizeof credentials,
             "\"proxy\":{\"host\":\"p\",\"port\":1,\"credentials\":\"%s\"},\"data\"",
             in_folder(&scene, "proxy"));
    CHECK(is_refused(&scene, "\"centre\":{", "\"centre\":{\"addresses\":[],",
                     "config_centre"));
    char port[16], twice[128];
    snprintf(port, sizeof port, "%d", tunnel_hub_port(scene.hub));
    snprintf(twice, sizeof twice,
             "\"addresses\":[{\"host\":\"a\",\"port\":1},{\"host\":\"b\",\"port\":1},"
             "{\"host\":\"a\",\"port\":1}]");
    char only[64];
    snprintf(only, sizeof only, "\"host\":\"127.0.0.1\",\"port\":%s", port);
    CHECK(is_refused(&scene, only, twice, "config_centre"));
    CHECK(is_refused(&scene, "\"host\":\"127.0.0.1\"", "\"host\":\"\"", "config_host"));
    CHECK(is_refused(&scene, "\"host\":\"127.0.0.1\"", "\"host\":\"a\\r\\nb\"",
                     "config_host"));
    CHECK(is_refused(&scene, "\"data\"", "\"proxy\":{\"host\":\"p\"},\"data\"",
                     "config_proxy"));
    CHECK(is_refused(&scene, "\"data\"", credentials, "config_proxy"));
    write_config(&scene);
    start_gateway(&scene);
    end(&scene);
}

/* ---- many at once ---- */

enum { CROWD = 500 };

struct crowd {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int answered; /* with 200 */
    int ended;
};

static void crowd_head(void *context, const struct tunnel_head *head)
{
    struct crowd *crowd = context;
    pthread_mutex_lock(&crowd->lock);
    crowd->answered += head->status == 200;
    pthread_mutex_unlock(&crowd->lock);
}

static void crowd_data(void *context, struct span bytes)
{
    (void)context;
    (void)bytes;
}

static void crowd_ended(void *context, bool complete, const struct err *err)
{
    struct crowd *crowd = context;
    (void)complete;
    (void)err;
    pthread_mutex_lock(&crowd->lock);
    crowd->ended++;
    pthread_cond_signal(&crowd->changed);
    pthread_mutex_unlock(&crowd->lock);
}

/* Each waits for a row on the disk, so that the others pile up. */
static void a_crowd_over_one_tunnel_is_answered_and_nobody_is_turned_away(void)
{
    static const struct tunnel_events events = {crowd_head, crowd_data, crowd_ended};
    struct scene scene;
    struct err err = {0};
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
    begin(&scene);
    say_hello(&scene);
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    struct uplink_link link = {{{9}},
                               TEXT(NUMBER),
                               TEXT("飯田 花子"),
                               TEXT("サトウ ハナコ"),
                               day_from_date(1950, 1, 2),
                               'F'};
    uplink_write_link(&writer, &link);
    struct tunnel_request request = {
        .method = "POST", .path = "/links", .body = buf_view(&body)};
    pthread_mutex_lock(&crowd.lock);
    for (int i = 0; i < CROWD; i++)
        CHECK(tunnel_send(scene.tunnel, &request, &events, &crowd, &err) != NULL);
    while (crowd.ended < CROWD)
        pthread_cond_wait(&crowd.changed, &crowd.lock);
    pthread_mutex_unlock(&crowd.lock);
    if (crowd.answered < CROWD)
        printf("# %d of %d were turned away\n", CROWD - crowd.answered, CROWD);
    CHECK(crowd.answered == CROWD);
    end(&scene);
}

int main(void)
{
    struct err err = {0};
    must(secret_start(&err), &err);
    RUN(events_are_taken_once_whoever_asks);
    RUN(who_takes_events_and_stays_away_loses_them_to_another);
    RUN(each_process_opens_contents_over_its_own_tunnel);
    RUN(a_gateway_dials_through_a_proxy);
    RUN(faulty_addresses_and_proxies_stop_the_start);
    RUN(a_crowd_over_one_tunnel_is_answered_and_nobody_is_turned_away);
    return test_done();
}
