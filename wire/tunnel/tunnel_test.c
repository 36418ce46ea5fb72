// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include "wire/tunnel/tunnel_testgateway.h"
#include "wire/tunnel/tunnel_testwatcher.h"

/* A centre and gateways in one process, each with its own loop, over TLS on loopback. */

/* ---- what works ---- */

static void a_gateway_connects_and_answers(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/small"));
    CHECK(told.is_done && told.status == 200 && strcmp(told.body, "hello") == 0);
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    CHECK(!id_is_zero(tunnel_id(tunnel)) && tunnel_is_alive(tunnel));
}

static void bodies_and_grants_go_both_ways(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct err err = {0};
    size_t size = 3 << 20;
    uint8_t *body = memory_new(size, 1, &err);
    for (size_t i = 0; i < size; i++)
        body[i] = pattern(i);
    struct tunnel_request request = {.method = "POST",
                                     .path = "/echo",
                                     .body = span_of(body, size),
                                     .first_byte_ms = 10000,
                                     .total_ms = 20000};
    struct told told = ask(tunnel, request);
    memory_free(body);
    CHECK(told.is_done && told.status == 200 && told.body_bytes == size);
    CHECK(told.is_pattern);
    request = get("/grant");
    request.grant = SPAN("v1.abc.def");
    told = ask(tunnel, request);
    CHECK(told.is_done && strcmp(told.body, "v1.abc.def") == 0);
    told = ask(tunnel, get("/grant"));
    CHECK(told.is_done && told.body_bytes == 0);
}

static void an_answer_says_its_type_and_length(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher watchers[3];
    watch(&watchers[0], tunnel, get("/lossy/128"), true);
    watch(&watchers[1], tunnel, get("/lossy/129"), true);
    watch(&watchers[2], tunnel, get("/large/1000"), true);
    for (int i = 0; i < 3; i++)
        CHECK_SOON(watcher_has_ended(&watchers[i]));
    CHECK(strcmp(watchers[0].content_type, "image/jpeg") == 0 &&
          watchers[0].content_length == 5 && strlen(watchers[0].lossy) == 128);
    CHECK(watchers[1].lossy[0] == '\0' && watchers[1].content_length == 5);
    CHECK(watchers[0].whole_length == 4096 && watchers[1].whole_length == -1 &&
          watchers[2].whole_length == -1);
    CHECK(watchers[2].content_length == -1 && watchers[2].lossy[0] == '\0' &&
          strcmp(watchers[2].content_type, "application/octet-stream") == 0);
}

static void an_error_status_is_an_answer(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/nowhere"));
    CHECK(told.is_done && told.status == 404);
    struct tunnel_request request = get("/small");
    request.method = "POST";
    request.body = SPAN("a body where none belongs");
    told = ask(tunnel, request);
    CHECK(told.is_done && told.status >= 400);
}

static void a_large_answer_streams_whole(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/large/20000000"));
    CHECK(told.is_done && told.body_bytes == 20000000 && told.is_pattern);
}

static void one_stalled_consumer_does_not_stop_another(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher stalled;
    watch(&stalled, tunnel, get("/large/20000000"), false);
    CHECK_SOON(watcher_received(&stalled) == WINDOW_BYTES);
    struct watcher lively;
    watch(&lively, tunnel, get("/large/20000000"), true);
    CHECK_SOON(watcher_has_ended(&lively));
    CHECK(lively.is_complete && lively.is_pattern && lively.received_bytes == 20000000);
    CHECK(watcher_received(&stalled) == WINDOW_BYTES);
    /* and the stalled one goes on where it was */
    pthread_mutex_lock(&stalled.lock);
    stalled.consumes = true;
    tunnel_consume(stalled.exchange, stalled.received_bytes);
    pthread_mutex_unlock(&stalled.lock);
    CHECK_SOON(watcher_has_ended(&stalled));
    CHECK(stalled.is_complete && stalled.is_pattern &&
          stalled.received_bytes == 20000000);
}

/* Out of what all tunnels share; one that never reads holds no more than that, either. */
static void what_is_large_may_come_before_it_is_taken(void)
{
    enum { LARGE = 512 * 1024 };
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher watchers[2];
    struct tunnel_request request = get("/large/20000000");
    (void)ask(tunnel, get("/small")); /* both sides have agreed on their windows */
    watch(&watchers[0], tunnel, request, false);
    request.credit_bytes = LARGE;
    watch(&watchers[1], tunnel, request, false);
    CHECK_SOON(watcher_received(&watchers[0]) == TUNNEL_CREDIT_BYTES &&
               watcher_received(&watchers[1]) == LARGE);
    CHECK(watchers[0].credit_bytes == TUNNEL_CREDIT_BYTES);
    CHECK(watchers[1].credit_bytes == LARGE);
    for (int i = 0; i < 2; i++) {
        tunnel_cancel(watchers[i].exchange);
        CHECK_SOON(watcher_has_ended(&watchers[i]));
    }
}

struct crowd {
    struct tunnel *tunnel;
    atomic_int good_count;
};

static void *ask_often(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < 10; i++) {
        char path[32];
        size_t bytes = (size_t)(i * 7001);
        snprintf(path, sizeof path, "/large/%zu", bytes);
        struct told told = ask(crowd->tunnel, i % 2 ? get(path) : get("/small"));
        bool is_good = told.is_done && told.status == 200 &&
                       (i % 2 ? told.body_bytes == bytes && told.is_pattern
                              : strcmp(told.body, "hello") == 0);
        atomic_fetch_add(&crowd->good_count, is_good);
        if (!is_good)
            printf("# %s: status %d, %s\n", path, told.status,
                   told.err.code ? told.err.code : "no error");
    }
    return NULL;
}

static void fifty_threads_ask_at_once(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct crowd crowd = {.tunnel = tunnel};
    pthread_t threads[50];
    for (int i = 0; i < 50; i++)
        pthread_create(&threads[i], NULL, ask_often, &crowd);
    for (int i = 0; i < 50; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&crowd.good_count) == 500);
}

static void two_gateways_have_a_tunnel_each(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY one = gateway_new(setup_of("gateway-a", centre->port));
    GATEWAY two = gateway_new(setup_of("gateway-b", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
    TUNNEL first = tunnel_of(centre, 0);
    TUNNEL second = tunnel_of(centre, 1);
    CHECK(first != second);
    CHECK(!id_equal(tunnel_id(first), tunnel_id(second)));
    CHECK(ask(first, get("/small")).is_done && ask(second, get("/small")).is_done);
}

/* ---- limits and cancelling ---- */

static void an_answer_larger_than_asked_for_is_refused(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct tunnel_request request = get("/large/10000000");
    struct err err = {0};
    struct span body = {0};
    int status = 0;
    CHECK(!tunnel_ask(tunnel, &request, 1000, &arena, &status, &body, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "tunnel_answer_too_large") == 0);
    CHECK(ask(tunnel, get("/small")).is_done);
    CHECK_SOON(atomic_load(&gateway->sources_open) == 0);
}

static void a_cancelled_exchange_stops_its_source(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher watcher;
    watch(&watcher, tunnel, get("/large/100000000"), true);
    CHECK_SOON(watcher_received(&watcher) > 0);
    watcher_cancel(&watcher);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(!watcher.is_complete && strcmp(watcher.err.code, "tunnel_cancelled") == 0);
    CHECK_SOON(atomic_load(&gateway->sources_open) == 0);
    CHECK(ask(tunnel, get("/small")).is_done);
}

static void a_cancel_right_after_sending_ends_once(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    static struct watcher watchers[100];
    for (int i = 0; i < 100; i++) {
        watch(&watchers[i], tunnel, get(i % 2 ? "/small" : "/large/1000000"), true);
        watcher_cancel(&watchers[i]);
    }
    for (int i = 0; i < 100; i++) {
        CHECK_SOON(watcher_has_ended(&watchers[i]));
        CHECK(watchers[i].is_complete ||
              strcmp(watchers[i].err.code, "tunnel_cancelled") == 0);
    }
    CHECK(ask(tunnel, get("/small")).is_done);
}

static void an_answer_cut_by_the_gateway_is_never_complete(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct told told = ask(tunnel, get("/abort"));
    CHECK(is_busy(&told, "gateway_cut"));
    CHECK(ask(tunnel, get("/small")).is_done);
}

static void deadlines_end_what_does_not_come(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct tunnel_request request = get("/never");
    request.first_byte_ms = 100;
    struct told told = ask(tunnel, request);
    CHECK(is_busy(&told, "gateway_silent"));
    request = get("/never");
    request.first_byte_ms = 0;
    request.total_ms = 100;
    told = ask(tunnel, request);
    CHECK(is_busy(&told, "gateway_silent"));
    /* the head in time, the rest never taken, so never there */
    struct watcher watcher;
    request = get("/large/20000000");
    request.total_ms = 300;
    watch(&watcher, tunnel, request, false);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(watcher.status == 200 && !watcher.is_complete);
    CHECK(strcmp(watcher.err.code, "gateway_silent") == 0);
    CHECK(ask(tunnel, get("/small")).is_done);
    CHECK_SOON(atomic_load(&gateway->sources_open) == 0);
}

/* ---- who is let in ---- */

/* It dials at least three times and never gets in. */
static void check_kept_out(struct setup setup)
{
    CENTRE centre = centre_new(20000);
    setup.port = centre->port;
    setup.ping_ms = 20000;
    GATEWAY gateway = gateway_new(setup);
    CHECK_SOON(
        log_count(gateway, "tunnel_not_opened") + log_count(gateway, "tunnel_down") >= 3);
    CHECK(atomic_load(&centre->connected_count) == 0);
    CHECK(atomic_load(&gateway->ups) == 0);
}

static void a_certificate_of_another_authority_is_kept_out(void)
{
    check_kept_out((struct setup){.own = "impostor"});
}

static void a_gateway_without_certificate_is_kept_out(void)
{
    check_kept_out((struct setup){.own = NULL});
}

static void a_certificate_that_nobody_knows_is_kept_out(void)
{
    check_kept_out((struct setup){.own = "stranger"});
}

static void another_protocol_is_kept_out(void)
{
    check_kept_out((struct setup){.own = "gateway-a", .alpn = other_alpn});
}

static void a_centre_of_another_authority_is_not_trusted(void)
{
    check_kept_out((struct setup){.own = "gateway-a", .authority = "other"});
}

/* More of them than an address may have, all of them before the gateway, none of which
 * ever says a word: its first try goes through all the same. */
static void silent_strangers_do_not_keep_a_gateway_out(void)
{
    enum { STRANGERS = 300 };
    int fds[STRANGERS];
    CENTRE centre = centre_new(20000);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(centre->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < STRANGERS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(connect(fds[i], (struct sockaddr *)(void *)&at, sizeof at) == 0);
    }
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    CHECK(log_count(gateway, "tunnel_not_opened") == 0);
    for (int i = 0; i < STRANGERS; i++)
        close(fds[i]);
}

int main(void)
{
    make_certificates();
    RUN(a_gateway_connects_and_answers);
    RUN(bodies_and_grants_go_both_ways);
    RUN(an_answer_says_its_type_and_length);
    RUN(an_error_status_is_an_answer);
    RUN(a_large_answer_streams_whole);
    RUN(one_stalled_consumer_does_not_stop_another);
    RUN(what_is_large_may_come_before_it_is_taken);
    RUN(fifty_threads_ask_at_once);
    RUN(two_gateways_have_a_tunnel_each);
    RUN(an_answer_larger_than_asked_for_is_refused);
    RUN(a_cancelled_exchange_stops_its_source);
    RUN(a_cancel_right_after_sending_ends_once);
    RUN(an_answer_cut_by_the_gateway_is_never_complete);
    RUN(deadlines_end_what_does_not_come);
    RUN(a_certificate_of_another_authority_is_kept_out);
    RUN(a_gateway_without_certificate_is_kept_out);
    RUN(a_certificate_that_nobody_knows_is_kept_out);
    RUN(another_protocol_is_kept_out);
    RUN(a_centre_of_another_authority_is_not_trusted);
    RUN(silent_strangers_do_not_keep_a_gateway_out);
    remove_certificates();
    return test_done();
}
