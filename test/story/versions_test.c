// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>

#include "test/story/story_scene.h"

/* Gateways of other versions beside one that is up to date: one of the first version says
 * only what that knew and has none of the later routes; one speaks a protocol from beyond
 * and is cut again and again. Neither disturbs anybody else. */

#define HEAD                                                                             \
    "{\"node\":\"other\",\"number\":0,\"hash\":\"0000000000000000000000000000000000000"  \
    "000000000000000000000000000\""
#define NO_HEAD HEAD "}"
#define WELCOME(protocol, code)                                                          \
    "{\"protocol\":" protocol ",\"facility_code\":\"" code                               \
    "\",\"node\":\"other\",\"epoch\":\"ffeeddccbbaa99887766554433221100\","              \
    "\"software\":\"0.1\",\"policy\":\"{\\\"version\\\":1,\\\"rules\\\":[]}\","          \
    "\"head\":" NO_HEAD "}"

struct other {
    struct world *world;
    const char *welcome;
    struct tls_context *tls;
    struct http_router *router;
    struct tunnel_dialer *dialer;
    atomic_bool is_closed;
    atomic_int hello_count;
    atomic_int poll_count;
    atomic_int heads_count;
    atomic_int_least64_t ahead_ms; /* its clock */
    pthread_mutex_t lock;
    struct http_call *waiting[2];
    char fingerprint[HASH_HEX_BYTES];
    struct id facility;
};

static void other_hello(struct http_call *call, void *context)
{
    struct other *other = context;
    atomic_fetch_add(&other->hello_count, 1);
    http_answer(call, 200, "application/json", span_cstr(other->welcome));
}

static void other_heads(struct http_call *call, void *context)
{
    struct other *other = context;
    char head[256];
    int64_t now_ms = world_right_ms(other->world) + atomic_load(&other->ahead_ms);
    snprintf(head, sizeof head, HEAD ",\"clock\":%lld}", (long long)now_ms);
    http_answer(call, 200, "application/json", span_cstr(head));
    atomic_fetch_add(&other->heads_count, 1);
}

/* Waits with its answer, as a gateway does that has no news. */
static void keep_poll(struct other *other, int lane, struct http_call *call)
{
    http_keep(call);
    pthread_mutex_lock(&other->lock);
    struct http_call *former = other->waiting[lane];
    other->waiting[lane] = call;
    pthread_mutex_unlock(&other->lock);
    atomic_fetch_add(&other->poll_count, 1);
    if (former)
        http_answer_empty(former);
}

static void other_live(struct http_call *call, void *context)
{
    keep_poll(context, 0, call);
}

static void other_backfill(struct http_call *call, void *context)
{
    keep_poll(context, 1, call);
}

static bool accept_other(struct store_session *session, void *context, struct err *err)
{
    struct other *other = context;
    return facility_change_fingerprint(session, other->facility,
                                       text_cstr(other->fingerprint), 0, err);
}

static void dial_other(void *context)
{
    struct other *other = context;
    struct err err = {0};
    struct tunnel_dialer_config config = {.loop = other->world->loop,
                                          .workers = other->world->workers,
                                          .tls = other->tls,
                                          .host = "localhost",
                                          .port = tunnel_hub_port(other->world->hub),
                                          .router = other->router,
                                          .limits = http_default_limits(),
                                          .retry_min_ms = 20,
                                          .retry_max_ms = 100,
                                          .ping_ms = 20000,
                                          .log = &other->world->log};
    other->dialer = tunnel_dialer_open(&config, &err);
    good(other->dialer != NULL, &err);
}

static void start_other(struct other *other, struct world *world, const char *name,
                        const char *facility)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/hello", other_hello, 65536},
        {HTTP_POST, "/heads", other_heads, 65536},
        {HTTP_POST, "/events/live", other_live, 1 << 18},
        {HTTP_POST, "/events/backfill", other_backfill, 1 << 18},
    };
    struct err err = {0};
    char authority[128], prefix[128];
    other->world = world;
    other->facility = hex_id(facility);
    pthread_mutex_init(&other->lock, NULL);
    in_world(world, "network", authority);
    in_world(world, name, prefix);
    good(tls_issue(authority, prefix, name, NULL, 30, other->fingerprint, &err) &&
             store_write(world->store, STORE_LIVE, accept_other, other, &err) &&
             facility_gateways_reload(world->gateways, &err),
         &err);
    other->tls = open_tls(world, name, false);
    other->router = http_router_new();
    http_router_add(other->router, routes, 4, other);
    loop_post(world->loop, dial_other, other);
}

static void close_other(void *context)
{
    struct other *other = context;
    tunnel_dialer_close(other->dialer);
    atomic_store(&other->is_closed, true);
}

/* Before the world, whose loop and workers it uses. */
static void stop_other(struct other *other)
{
    loop_post(other->world->loop, close_other, other);
    CHECK_SOON(atomic_load(&other->is_closed));
    for (int lane = 0; lane < 2; lane++)
        if (other->waiting[lane])
            http_answer_empty(other->waiting[lane]);
}

static void free_other(struct other *other)
{
    http_router_free(other->router);
    tls_context_free(other->tls);
    pthread_mutex_destroy(&other->lock);
}

static void gateways_of_other_versions_disturb_nobody(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct world *world = hospital->world;
    struct other first = {.welcome = WELCOME("1", "2000000002")};
    struct other beyond = {.welcome = WELCOME("99", "2000000003")};
    start_other(&first, world, "gateway-c", CLINIC);
    start_other(&beyond, world, "gateway-p", PHARMACY);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(CLINIC)));
    CHECK_SOON(atomic_load(&first.poll_count) >= 2);
    for (int i = 1; i <= 8; i++) { /* while the other one is cut again and again */
        char key[32];
        int cuts = atomic_load(&beyond.hello_count);
        snprintf(key, sizeof key, "%d/OML-11/A", i);
        say_put(hospital, i % 2, key, VERSION_1, "血算");
        CHECK(has_stored(hospital, i));
        CHECK_SOON(atomic_load(&beyond.hello_count) > cuts);
    }
    CHECK(!facility_gateway_is_ready(world->gateways, hex_id(PHARMACY)));
    CHECK(shows(&scene, "血算"));
    /* nobody was cut but the one that cannot be understood */
    CHECK(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    CHECK(facility_gateway_is_ready(world->gateways, hex_id(CLINIC)));
    CHECK(atomic_load(&world->hello_count) == 1);
    CHECK(atomic_load(&first.hello_count) == 1);
    CHECK(count_of(hospital, &hospital->rejected_count) == 0);
    stop_other(&beyond);
    stop_other(&first);
    hospital_free(hospital);
    free_other(&beyond);
    free_other(&first);
}

/* What the world logs meanwhile; the test's own faults go to stdout. */
static bool log_has(int log, const char *words)
{
    static char text[1 << 18];
    ssize_t len = pread(log, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return strstr(text, words) != NULL;
}

static void a_gateway_whose_clock_is_wrong_is_told_to_the_operator(void)
{
    static const char said[] = WELCOME("1", "2000000002");
    char welcome[1024];
    struct clock clock = clock_system();
    int log = memfd_create("log", MFD_CLOEXEC);
    int before = dup(STDERR_FILENO);
    CHECK(log >= 0 && dup2(log, STDERR_FILENO) >= 0 && setenv("TEST_LOG", "1", 1) == 0);
    struct scene scene = scene_new();
    struct other ahead = {.welcome = welcome};
    snprintf(welcome, sizeof welcome, "%.*s,\"clock\":%lld}", (int)sizeof said - 2, said,
             (long long)clock_wall_ms(&clock) + 7200500);
    start_other(&ahead, scene.hospital->world, "gateway-c", CLINIC);
    CHECK_SOON(
        facility_gateway_is_ready(scene.hospital->world->gateways, hex_id(CLINIC)));
    CHECK(log_has(log, "\"event\":\"clock_apart\",\"facility\":\"2000000002\","
                       "\"ahead_s\":72"));
    CHECK(!log_has(log, "\"clock_apart\",\"facility\":\"2000000001\""));
    /* Set right, and wrong another way while it is connected. */
    int asked = atomic_load(&ahead.heads_count);
    CHECK_SOON(atomic_load(&ahead.heads_count) >= asked + 2);
    atomic_store(&ahead.ahead_ms, -86400500);
    CHECK_SOON(log_has(log, "\"event\":\"clock_apart\",\"facility\":\"2000000002\","
                            "\"ahead_s\":-864"));
    CHECK(atomic_load(&ahead.hello_count) == 1);
    stop_other(&ahead);
    hospital_free(scene.hospital);
    free_other(&ahead);
    CHECK(unsetenv("TEST_LOG") == 0 && dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(log);
}

int main(void)
{
    RUN(a_gateway_whose_clock_is_wrong_is_told_to_the_operator);
    RUN(gateways_of_other_versions_disturb_nobody);
    return test_done();
}
