// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories: what a test region is made of, its clock, and hospital H's side of the
 * tunnel, whose gateway knows two patients. Functions are inline, so that each story is
 * one program. */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/test.h"
#include "exchange/audit/audit.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/patient/patient.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"
#include "formats/uplink/uplink.h"
#include "store/migrations.h"
#include "store/store_testsite.h"
#include "wire/http/http.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"

#define PASSWORD "kaze7to8hayashi"
#define HOSPITAL "01000000000000000000000000000000"
#define CLINIC "02000000000000000000000000000000"
#define PHARMACY "03000000000000000000000000000000"
#define OUTSIDER "04000000000000000000000000000000"

static const struct id network_id = {{9}};
static const char *const facility_hexes[] = {HOSPITAL, CLINIC, PHARMACY, OUTSIDER};
static const char *const logins[] = {"hospital", "clinic", "pharmacy", "outsider"};

struct world;
/* What a story adds to the centre: opened before the wire, stopped with it, freed before
 * the gate. */
struct world_part {
    void (*open)(struct world *world);
    void (*stop)(struct world *world);
    void (*free)(struct world *world);
};

struct world {
    const struct world_part *part; /* NULL = nothing */
    void *part_context;
    char directory[64];
    _Atomic int64_t skip_ms;      /* how far the clock was put forward */
    _Atomic int64_t wall_skip_ms; /* the wall clocks alone, everybody's */
    _Atomic int64_t wrong_ms;     /* the centre's wall clock alone, by whoever set it */
    struct log log;
    struct store *store;
    struct audit *audit;
    struct network_epoch *epoch;
    struct staff_doors *doors;
    struct facility_gateways *gateways;
    struct session_service *sessions;
    struct disclosure *gate;
    struct patient_service *patients;
    struct facility_service facilities;
    struct consent_service consents;
    struct consent_listener consent_listeners[2];
    struct http_router *router;
    struct workers *workers;
    struct loop *loop;
    pthread_t thread;
    struct http_server *server;
    struct tls_context *hub_tls;
    struct tunnel_hub *hub;
    char fingerprint[HASH_HEX_BYTES];
    char encoded[SECRET_PASSWORD_HASH_BYTES];
    /* the hospital's side */
    struct tls_context *dialer_tls;
    struct http_router *gateway_router;
    struct tunnel_dialer *dialer;
    uint16_t dial_port;              /* a line to the hub; 0 = the hub itself */
    const char *hello_code;          /* whom its gateway says it is */
    const char *hello_node;          /* and what its audit is called */
    const char *_Atomic gone_number; /* a number that it knows no more, or NULL */
    int hello_protocol;              /* which it speaks; < 0: none of the centre's */
    atomic_int busy_links;           /* so many questions find it busy */
    atomic_int hello_count;
    atomic_int asked_count;
    atomic_int ended_count;
    atomic_int changed_count; /* what the listener heard */
};

/* ---- clock ---- */

/* What time it is, whatever the centre's clock says. */
static inline int64_t world_right_ms(struct world *world)
{
    struct clock clock = clock_system();
    return clock_wall_ms(&clock) + atomic_load(&world->skip_ms) +
           atomic_load(&world->wall_skip_ms);
}

static inline int64_t world_wall_ms(void *self)
{
    struct world *world = self;
    return world_right_ms(world) + atomic_load(&world->wrong_ms);
}

static inline int64_t world_monotonic_ms(void *self)
{
    struct clock clock = clock_system();
    return clock_monotonic_ms(&clock) + atomic_load(&((struct world *)self)->skip_ms);
}

static inline struct clock world_clock(struct world *world)
{
    return (struct clock){world_wall_ms, world_monotonic_ms, world};
}

static inline bool good(bool is_good, struct err *err)
{
    if (!is_good)
        printf("# %s: %s\n", err->code ? err->code : "?", err->text);
    CHECK(is_good);
    return is_good;
}

/* ---- the hospital's gateway ---- */

static inline void serve_hello(struct http_call *call, void *context)
{
    struct world *world = context;
    atomic_fetch_add(&world->hello_count, 1);
    if (world->hello_protocol < 0) {
        struct err err = {0};
        (void)!err_set(&err, ERR_CONFLICT, "protocol_unknown", "no common protocol");
        http_answer_problem(call, &err);
        return;
    }
    CLEANUP(buf_free) struct buf out = buf_init(65536);
    struct json_writer writer = json_writer(&out);
    struct uplink_welcome welcome = {
        .standing = {.polled_s = 60},
        .protocol = world->hello_protocol > 0 ? world->hello_protocol : 1,
        .facility_code = text_cstr(world->hello_code),
        .node = text_cstr(world->hello_node),
        .epoch = TEXT("00112233445566778899aabbccddeeff"),
        .software = TEXT("test"),
        .policy = TEXT("{\"version\":1,\"rules\":[{\"kinds\":[\"laboratory\"]}]}"),
        .head = {.node = text_cstr(world->hello_node)},
    };
    uplink_write_welcome(&writer, &welcome);
    http_answer_json(call, 200, &out);
}

static inline enum uplink_match match(const struct uplink_link *link)
{
    static const struct {
        const char *number;
        const char *kana;
    } known[] = {{"H100", "ハヤシ ハナコ"},
                 {"H200", "モリ タロウ"},
                 {"H300", "ハヤシ ハナコ"},
                 {"H400", "ハヤシ ハナコ"}};
    if (text_is(link->number, "H777"))
        return UPLINK_HELD;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (text_is(link->number, known[i].number))
            return text_is(link->kana, known[i].kana) ? UPLINK_CONFIRMED
                                                      : UPLINK_MISMATCH;
    return UPLINK_UNKNOWN_NUMBER;
}

static inline bool is_busy(struct http_call *call, struct world *world)
{
    struct err err = {0};
    if (atomic_load(&world->busy_links) <= 0)
        return false;
    atomic_fetch_sub(&world->busy_links, 1);
    err_set(&err, ERR_BUSY, "store_full", "no room");
    http_answer_problem(call, &err);
    return true;
}

static inline void serve_links(struct http_call *call, void *context)
{
    struct world *world = context;
    struct err err = {0};
    struct uplink_link link;
    atomic_fetch_add(&world->asked_count, 1);
    if (is_busy(call, world))
        return;
    CLEANUP(buf_free) struct buf out = buf_init(256);
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    if (!body || !uplink_read_link(json_root(body), &link, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    const char *gone = atomic_load(&world->gone_number);
    enum uplink_match result =
        gone && text_is(link.number, gone) ? UPLINK_UNKNOWN_NUMBER : match(&link);
    buf_format(&out, "{\"result\":\"%s\"}", uplink_match_id(result));
    http_answer_json(call, 200, &out);
}

static inline void serve_link_end(struct http_call *call, void *context)
{
    struct world *world = context;
    if (is_busy(call, world))
        return;
    atomic_fetch_add(&world->ended_count, 1);
    http_answer(call, 200, "application/json", SPAN("{}"));
}

static inline void open_dialer(void *context)
{
    struct world *world = context;
    struct err err = {0};
    struct tunnel_dialer_config config = {
        .loop = world->loop,
        .workers = world->workers,
        .tls = world->dialer_tls,
        .host = "localhost",
        .port = world->dial_port ? world->dial_port : tunnel_hub_port(world->hub),
        .router = world->gateway_router,
        .limits = http_default_limits(),
        .retry_min_ms = 20,
        .retry_max_ms = 100,
        .ping_ms = 20000,
        .log = &world->log};
    world->dialer = tunnel_dialer_open(&config, &err);
    good(world->dialer != NULL, &err);
}

/* The dialer's timers belong to the loop's thread. */
static inline void gateway_start(struct world *world)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/hello", serve_hello, 65536},
        {HTTP_POST, "/links", serve_links, 4096},
        {HTTP_POST, "/links/end", serve_link_end, 4096},
    };
    if (!world->gateway_router) {
        world->gateway_router = http_router_new();
        http_router_add(world->gateway_router, routes, 3, world);
    }
    loop_post(world->loop, open_dialer, world);
}
