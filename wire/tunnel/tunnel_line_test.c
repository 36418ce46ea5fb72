// SPDX-License-Identifier: Apache-2.0
#include "wire/tunnel/tunnel_parts.h"
#include "wire/tunnel/tunnel_testgateway.h"
#include "wire/tunnel/tunnel_testrelay.h"
#include "wire/tunnel/tunnel_testwatcher.h"

/* Lines that break, freeze and come back. */

static void a_tunnel_kept_beyond_its_end_answers_that_it_is_away(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct watcher watcher;
    watch(&watcher, tunnel, get("/never"), true);
    run_on(gateway->loop, close_dialer, gateway);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(!watcher.is_complete);
    CHECK_SOON(atomic_load(&centre->disconnected_count) == 1);
    CHECK(!tunnel_is_alive(tunnel));
    struct told told = ask(tunnel, get("/small"));
    CHECK(is_busy(&told, "gateway_away"));
    tunnel_cut(tunnel);
}

static void a_cut_tunnel_comes_back(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL first = tunnel_of(centre, 0);
    struct watcher watcher;
    watch(&watcher, first, get("/large/100000000"), false);
    CHECK_SOON(watcher_received(&watcher) > 0);
    tunnel_cut(first);
    tunnel_cut(first);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(!watcher.is_complete && strcmp(watcher.err.code, "gateway_away") == 0);
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
    TUNNEL second = tunnel_of(centre, 0);
    CHECK(!tunnel_is_alive(first) && !id_equal(tunnel_id(first), tunnel_id(second)));
    CHECK(ask(second, get("/small")).is_done);
}

static void a_centre_is_found_at_any_address_of_its_name(void)
{
    CENTRE centre = centre_new(20000);
    struct setup setup = setup_of("gateway-a", centre->port);
    setup.host = "localhost"; /* ::1 as well, on most machines, where nobody listens */
    GATEWAY gateway = gateway_new(setup);
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
}

static void a_restarted_centre_is_found_again(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    TUNNEL first = tunnel_of(centre, 0);
    run_on(centre->loop, close_hub, centre);
    CHECK(!tunnel_is_alive(first));
    CHECK_SOON(log_count(gateway, "tunnel_not_opened") >= 2);
    run_on(centre->loop, open_hub, centre);
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
    TUNNEL second = tunnel_of(centre, 0);
    CHECK(ask(second, get("/small")).is_done);
    CHECK_SOON(atomic_load(&gateway->ups) == 2);
}

static void a_silent_line_is_noticed_on_both_sides(void)
{
    CENTRE centre = centre_new(100);
    RELAY relay = relay_new(centre->port);
    struct setup setup = setup_of("gateway-a", relay->port);
    setup.ping_ms = 100;
    GATEWAY gateway = gateway_new(setup);
    CHECK_SOON(atomic_load(&gateway->ups) == 1);
    /* PINGs keep an idle line alive */
    TUNNEL tunnel = tunnel_of(centre, 0);
    struct tunnel_request request = get("/never");
    request.first_byte_ms = 800;
    struct told told = ask(tunnel, request);
    CHECK(is_busy(&told, "gateway_silent"));
    CHECK(tunnel_is_alive(tunnel) && atomic_load(&gateway->downs) == 0);
    atomic_store(&relay->is_frozen, true);
    CHECK_SOON(atomic_load(&centre->disconnected_count) == 1);
    CHECK_SOON(atomic_load(&gateway->downs) == 1);
    CHECK(!tunnel_is_alive(tunnel));
    atomic_store(&relay->is_frozen, false);
    CHECK_SOON(atomic_load(&centre->connected_count) == 2);
}

static void the_newer_tunnel_of_a_certificate_wins(void)
{
    CENTRE centre = centre_new(20000);
    RELAY relay = relay_new(centre->port);
    GATEWAY older = gateway_new(setup_of("gateway-a", relay->port));
    CHECK_SOON(atomic_load(&older->ups) == 1);
    TUNNEL first = tunnel_of(centre, 0);
    atomic_store(&relay->is_frozen, true);
    struct watcher watcher;
    watch(&watcher, first, get("/small"), true);
    GATEWAY newer = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&newer->ups) == 1);
    CHECK_SOON(watcher_has_ended(&watcher));
    CHECK(strcmp(watcher.err.code, "gateway_away") == 0);
    CHECK(!tunnel_is_alive(first));
    CHECK(atomic_load(&centre->most_alive) == 1);
    TUNNEL second = tunnel_of(centre, 0);
    CHECK(ask(second, get("/small")).is_done);
}

/* Asks for as long as it takes the relay to cut two lines. */
static int ask_through_cuts(struct centre *centre, struct relay *relay)
{
    int whole_count = 0;
    int cut_count = atomic_load(&relay->cut_count);
    struct timespec start;
    clock_gettime(CLOCK_REALTIME, &start);
    while (atomic_load(&relay->cut_count) < cut_count + 2) {
        TUNNEL tunnel = tunnel_of(centre, 0);
        if (!tunnel || !tunnel_is_alive(tunnel)) {
            if (!wait_more(&start))
                break;
            continue;
        }
        struct told told = ask(tunnel, get("/large/100000"));
        CHECK(told.is_done ? told.body_bytes == 100000 && told.is_pattern
                           : told.err.kind == ERR_BUSY);
        whole_count += told.is_done;
    }
    CHECK(atomic_load(&relay->cut_count) >= cut_count + 2);
    return whole_count;
}

static void lines_cut_at_any_byte_leave_no_half_answers(void)
{
    CENTRE centre = centre_new(20000);
    RELAY relay = relay_new(centre->port);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", relay->port));
    static const long cuts[] = {0,    1,    5,    200,   900,   1500,   2000,   2500,
                                3000, 3500, 4000, 10000, 70000, 101000, 150000, 700000};
    int whole_count = 0;
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        atomic_store(&relay->cut_after_bytes, cuts[i]);
        whole_count += ask_through_cuts(centre, relay);
    }
    atomic_store(&relay->cut_after_bytes, -1);
    int connected = atomic_load(&centre->connected_count);
    TUNNEL last = tunnel_of(centre, 0);
    tunnel_cut(last);
    CHECK_SOON(atomic_load(&centre->connected_count) > connected);
    TUNNEL tunnel = tunnel_of(centre, 0);
    CHECK(ask(tunnel, get("/large/100000")).is_done);
    /* lines of 700,000 bytes carried some, lines of 70,000 could not */
    CHECK(whole_count >= 6 && connected >= 10);
}

static atomic_bool crowd_may_go;

static void *ask_until_told(void *context)
{
    struct centre *centre = context;
    while (!atomic_load(&crowd_may_go)) {
        TUNNEL tunnel = tunnel_of(centre, 0);
        if (!tunnel)
            continue;
        struct told told = ask(tunnel, get("/large/30000"));
        CHECK(told.is_done ? told.body_bytes == 30000 && told.is_pattern
                           : told.err.kind == ERR_BUSY);
        struct watcher watcher;
        struct err err = {0};
        struct tunnel_request request = get("/large/1000000");
        watcher = (struct watcher){.consumes = true, .is_pattern = true};
        pthread_mutex_init(&watcher.lock, NULL);
        pthread_mutex_lock(&watcher.lock);
        watcher.exchange = tunnel_send(tunnel, &request, &watcher_events, &watcher, &err);
        watcher.has_ended = !watcher.exchange;
        pthread_mutex_unlock(&watcher.lock);
        watcher_cancel(&watcher);
        CHECK_SOON(watcher_has_ended(&watcher));
    }
    return NULL;
}

static void asking_threads_survive_any_disconnection(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    pthread_t threads[4];
    atomic_store(&crowd_may_go, false);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, ask_until_told, centre);
    for (int i = 0; i < 15; i++) {
        int connected = atomic_load(&centre->connected_count);
        TUNNEL tunnel = tunnel_of(centre, 0);
        if (i % 5 == 4) {
            run_on(centre->loop, close_hub, centre);
            run_on(centre->loop, open_hub, centre);
        } else {
            tunnel_cut(tunnel);
        }
        CHECK_SOON(atomic_load(&centre->connected_count) > connected);
    }
    atomic_store(&crowd_may_go, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void *ask_never(void *context)
{
    struct told *told = memory_new(1, sizeof *told, &(struct err){0});
    struct tunnel_request request = get("/never");
    request.first_byte_ms = 0;
    *told = ask(context, request);
    return told;
}

static void who_waits_is_told_when_the_centre_closes_without_its_loop(void)
{
    CENTRE centre = centre_new(20000);
    GATEWAY gateway = gateway_new(setup_of("gateway-a", centre->port));
    CHECK_SOON(atomic_load(&centre->connected_count) == 1);
    TUNNEL tunnel = tunnel_of(centre, 0);
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, ask_never, tunnel);
    CHECK_SOON(log_count(gateway, "tunnel_up") == 1 && gateway->kept_count == 1);
    centre_stop(centre);
    close_hub(centre);
    pthread_join(thread, &result);
    struct told *told = result;
    CHECK(is_busy(told, "gateway_away"));
    memory_free(told);
    struct told late = ask(tunnel, get("/small"));
    CHECK(is_busy(&late, "gateway_away"));
}

static void a_gateway_alone_keeps_trying_and_closes_cleanly(void)
{
    uint16_t port = 0;
    {
        CENTRE centre = centre_new(20000);
        port = centre->port;
    }
    GATEWAY gateway = gateway_new(setup_of("gateway-a", port));
    CHECK_SOON(log_count(gateway, "tunnel_not_opened") >= 3);
    CHECK(atomic_load(&gateway->ups) == 0);
}

/* A thousand gateways that lost the same centre: each next try is spread over a range
 * that doubles up to the maximum, and no part of the range is left out or crowded. */
static void gateways_do_not_come_back_at_the_same_moment(void)
{
    enum { GATEWAYS = 1000, TRIES = 8, MIN_MS = 100, MAX_MS = 5000, PARTS = 10 };
    static const int bounds[TRIES] = {300, 600, 1200, 2400, 4800, 5000, 5000, 5000};
    int counts[TRIES][PARTS] = {0};
    struct rand_seeded seeded = rand_seed(423);
    struct rand rand = rand_from_seeded(&seeded);
    for (int i = 0; i < GATEWAYS; i++) {
        int bound_ms = 0;
        for (int k = 0; k < TRIES; k++) {
            int delay_ms = tunnel_next_delay(&bound_ms, MIN_MS, MAX_MS, &rand);
            CHECK(bound_ms == bounds[k]);
            CHECK(delay_ms >= MIN_MS && delay_ms <= bounds[k]);
            counts[k][(delay_ms - MIN_MS) * PARTS / (bounds[k] - MIN_MS + 1)]++;
        }
    }
    for (int k = 0; k < TRIES; k++)
        for (int part = 0; part < PARTS; part++)
            CHECK(counts[k][part] > 50 && counts[k][part] < 150);
    int bound_ms = 0;
    CHECK(tunnel_next_delay(&bound_ms, 500, 500, &rand) == 500);
}

int main(void)
{
    make_certificates();
    RUN(a_tunnel_kept_beyond_its_end_answers_that_it_is_away);
    RUN(a_cut_tunnel_comes_back);
    RUN(a_centre_is_found_at_any_address_of_its_name);
    RUN(a_restarted_centre_is_found_again);
    RUN(a_silent_line_is_noticed_on_both_sides);
    RUN(the_newer_tunnel_of_a_certificate_wins);
    RUN(lines_cut_at_any_byte_leave_no_half_answers);
    RUN(asking_threads_survive_any_disconnection);
    RUN(who_waits_is_told_when_the_centre_closes_without_its_loop);
    RUN(gateways_do_not_come_back_at_the_same_moment);
    RUN(a_gateway_alone_keeps_trying_and_closes_cleanly);
    remove_certificates();
    return test_done();
}
