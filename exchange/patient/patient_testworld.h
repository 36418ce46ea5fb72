// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of routes: a whole small centre on loopback, with a gateway of hospital H
 * that dials in over TLS and knows three patients. */

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

struct world {
    char directory[64];
    _Atomic int64_t skip_ms; /* how far the clock was put forward */
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
    atomic_int asked_count;
    atomic_int ended_count;
    atomic_int changed_count; /* what the listener heard */
};

/* ---- clock ---- */

static inline int64_t world_wall_ms(void *self)
{
    struct clock clock = clock_system();
    return clock_wall_ms(&clock) + atomic_load(&((struct world *)self)->skip_ms);
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
    (void)context;
    CLEANUP(buf_free) struct buf out = buf_init(65536);
    struct json_writer writer = json_writer(&out);
    struct uplink_welcome welcome = {
        .protocol = 1,
        .facility_code = TEXT("2000000001"),
        .node = TEXT("gateway-h"),
        .epoch = TEXT("00112233445566778899aabbccddeeff"),
        .software = TEXT("test"),
        .policy = TEXT("{\"version\":1,\"rules\":[{\"kinds\":[\"laboratory\"]}]}"),
        .head = {.node = TEXT("gateway-h")},
    };
    uplink_write_welcome(&writer, &welcome);
    http_answer_json(call, 200, &out);
}

static inline enum uplink_match match(const struct uplink_link *link)
{
    static const struct {
        const char *number;
        const char *kana;
    } known[] = {{"H100", "ハヤシ ハナコ"}, {"H200", "モリ タロウ"}};
    if (text_is(link->number, "H777"))
        return UPLINK_HELD;
    for (size_t i = 0; i < 2; i++)
        if (text_is(link->number, known[i].number))
            return text_is(link->kana, known[i].kana) ? UPLINK_CONFIRMED
                                                      : UPLINK_MISMATCH;
    return UPLINK_UNKNOWN_NUMBER;
}

static inline void serve_links(struct http_call *call, void *context)
{
    struct world *world = context;
    struct err err = {0};
    struct uplink_link link;
    atomic_fetch_add(&world->asked_count, 1);
    CLEANUP(buf_free) struct buf out = buf_init(256);
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), &err);
    if (!body || !uplink_read_link(json_root(body), &link, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    buf_format(&out, "{\"result\":\"%s\"}", uplink_match_id(match(&link)));
    http_answer_json(call, 200, &out);
}

static inline void serve_link_end(struct http_call *call, void *context)
{
    struct world *world = context;
    atomic_fetch_add(&world->ended_count, 1);
    http_answer(call, 200, "application/json", SPAN("{}"));
}

static inline void open_dialer(void *context)
{
    struct world *world = context;
    struct err err = {0};
    struct tunnel_dialer_config config = {.loop = world->loop,
                                          .workers = world->workers,
                                          .tls = world->dialer_tls,
                                          .host = "localhost",
                                          .port = tunnel_hub_port(world->hub),
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

/* ---- the region ---- */

static inline struct id hex_id(const char *hex)
{
    struct id id = {{0}};
    struct err err = {0};
    good(id_parse(span_cstr(hex), &id, &err), &err);
    return id;
}

static inline bool fill_facility(struct store_session *session, struct world *world,
                                 int i, struct err *err)
{
    static const char *const codes[] = {"2000000001", "2000000002", "2000000003",
                                        "2000000004"};
    static const char *const letters[] = {"H", "C", "P", "O"};
    static const enum facility_kind kinds[] = {FACILITY_HOSPITAL, FACILITY_CLINIC,
                                               FACILITY_PHARMACY, FACILITY_CLINIC};
    struct facility facility = {
        .id = hex_id(facility_hexes[i]),
        .code = text_cstr(codes[i]),
        .name = text_cstr(logins[i]),
        .kana = TEXT("カナ"),
        .kind = kinds[i],
        .way = i == 0 ? FACILITY_GATEWAY : FACILITY_VIEW_ONLY,
        .letter = text_cstr(letters[i]),
        .slot = i + 1,
        .fingerprint = i == 0 ? text_cstr(world->fingerprint) : TEXT(""),
        .policy = TEXT(""),
    };
    struct staff staff = {.id = {{(uint8_t)(0x10 + i)}},
                          .login = text_cstr(logins[i]),
                          .name = TEXT("職員"),
                          .kana = TEXT("ショクイン"),
                          .birth_day = DAY_NONE};
    struct staff_post post = {.id = {{(uint8_t)(0x20 + i)}},
                              .staff = staff.id,
                              .facility = facility.id,
                              .profession = STAFF_NURSE,
                              .role = STAFF_AUTHOR,
                              .from_day = 0,
                              .to_day = DAY_NONE};
    return facility_add(session, &facility, 1, err) &&
           staff_add(session, &staff, world->encoded, 1, err) &&
           staff_add_post(session, &post, 1, err);
}

static inline bool fill_world(struct store_session *session, void *context,
                              struct err *err)
{
    struct world *world = context;
    struct network network = {
        .id = network_id, .name = TEXT("紬の里"), .joiner_waiting_days = 30};
    struct id ids[4];
    if (!network_add(session, &network, 1, err))
        return false;
    for (int i = 0; i < 4; i++) {
        ids[i] = hex_id(facility_hexes[i]);
        if (!fill_facility(session, world, i, err))
            return false;
    }
    /* the hospital's person has a second post at the clinic */
    struct staff_post second = {.id = {{0x30}},
                                .staff = {{0x10}},
                                .facility = ids[1],
                                .profession = STAFF_NURSE,
                                .role = STAFF_AUTHOR,
                                .from_day = 0,
                                .to_day = DAY_NONE};
    return staff_add_post(session, &second, 1, err) &&
           network_add_version(session, network_id, 1, ids, 3, 1, err);
}

/* ---- starting and stopping ---- */

static inline void in_world(const struct world *world, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", world->directory, name);
}

static inline void make_certificates(struct world *world)
{
    struct err err = {0};
    char authority[128], centre[128], gateway[128], ignored[HASH_HEX_BYTES];
    in_world(world, "network", authority);
    in_world(world, "centre", centre);
    in_world(world, "gateway", gateway);
    good(tls_make_authority(authority, "Network", &err) &&
             tls_issue(authority, centre, "centre", "localhost,127.0.0.1",
                       30, ignored, &err) &&
             tls_issue(authority, gateway, "gateway-h", NULL, 30,
                       world->fingerprint, &err),
         &err);
}

static inline struct tls_context *open_tls(const struct world *world, const char *name,
                                           bool is_server)
{
    static const char *const alpn[] = {"tsumugi-gw/1", NULL};
    struct err err = {0};
    char certificate[160], key[160], authority[160], prefix[128];
    in_world(world, name, prefix);
    snprintf(certificate, sizeof certificate, "%s.crt", prefix);
    snprintf(key, sizeof key, "%s.key", prefix);
    in_world(world, "network", prefix);
    snprintf(authority, sizeof authority, "%s.crt", prefix);
    struct tls_files files = {certificate, key, authority};
    struct tls_context *context = is_server ? tls_server_open(&files, true, alpn, &err)
                                            : tls_client_open(&files, alpn, &err);
    good(context != NULL, &err);
    return context;
}

static inline void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static inline void on_link_changed(void *context, const struct patient_record *record)
{
    (void)record;
    atomic_fetch_add(&((struct world *)context)->changed_count, 1);
}

static inline void on_consent_changed(void *context, struct id person)
{
    (void)person;
    atomic_fetch_add(&((struct world *)context)->changed_count, 1000);
}

static inline void open_base(struct world *world)
{
    struct err err = {0};
    char database[128], audit[128];
    struct clock clock = world_clock(world);
    world->log =
        (struct log){.fd = getenv("TEST_LOG") ? 2 : -1, .clock = clock, .node = "test"};
    in_world(world, "data.db", database);
    in_world(world, "audit", audit);
    struct store_config config = {database, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct audit_config audit_config = {audit, "centre", clock, rand_system(), NULL};
    good(secret_hash_password(SPAN(PASSWORD), world->encoded, &err), &err);
    good((world->store = store_open(&config, &err)) != NULL, &err);
    good((world->audit = audit_open(&audit_config, &err)) != NULL, &err);
    good(store_write(world->store, STORE_LIVE, fill_world, world, &err), &err);
    good((world->epoch = network_epoch_open(world->store, &clock, NULL, &err)) != NULL,
         &err);
    good((world->doors = staff_doors_open(world->store, &clock, 2, &err)) != NULL, &err);
    struct facility_gateways_config gateways = {world->store, world->audit, world->epoch,
                                                "centre",     clock,        &world->log};
    good((world->gateways = facility_gateways_new(&gateways, &err)) != NULL, &err);
}

static inline void open_services(struct world *world)
{
    struct err err = {0};
    struct clock clock = world_clock(world);
    struct session_config sessions = {world->store,    world->audit, world->doors,
                                      world->gateways, world->epoch, clock,
                                      rand_system(),   &world->log,  true};
    good((world->sessions = session_open(&sessions, &err)) != NULL, &err);
    struct disclosure_config gate = {world->store, world->audit, clock, world->epoch};
    good((world->gate = disclosure_new(&gate, &err)) != NULL, &err);
    struct patient_config patients = {world->store, world->audit,    world->sessions,
                                      world->gate,  world->gateways, world->epoch,
                                      clock,        rand_system(),   &world->log};
    good((world->patients = patient_new(&patients, &err)) != NULL, &err);
    struct patient_listener hears = {on_link_changed, world};
    patient_listen(world->patients, &hears);
    struct facility_listener retries = patient_facility_listener(world->patients);
    facility_gateways_listen(world->gateways, &retries);
    world->facilities =
        (struct facility_service){world->store, world->sessions, world->gateways, clock};
    static struct consent_listener listener;
    listener = (struct consent_listener){on_consent_changed, world};
    world->consents = (struct consent_service){.store = world->store,
                                               .sessions = world->sessions,
                                               .gate = world->gate,
                                               .epoch = world->epoch,
                                               .clock = clock,
                                               .rand = rand_system(),
                                               .log = &world->log,
                                               .listeners = &listener,
                                               .listener_count = 1};
    world->router = http_router_new();
    session_routes(world->router, world->sessions);
    facility_routes(world->router, &world->facilities);
    patient_routes(world->router, world->patients);
    consent_routes(world->router, &world->consents);
}

static inline void open_wire(struct world *world)
{
    struct err err = {0};
    good((world->loop = loop_new(&err)) != NULL, &err);
    good((world->workers = workers_new(4, 256, &err)) != NULL, &err);
    struct http_server_config http = {.loop = world->loop,
                                      .workers = world->workers,
                                      .router = world->router,
                                      .address = "127.0.0.1",
                                      .limits = http_default_limits(),
                                      .log = &world->log};
    good((world->server = http_server_open(&http, &err)) != NULL, &err);
    world->hub_tls = open_tls(world, "centre", true);
    world->dialer_tls = open_tls(world, "gateway", false);
    struct tunnel_hub_config hub = {.loop = world->loop,
                                    .tls = world->hub_tls,
                                    .address = "127.0.0.1",
                                    .events = facility_gateways_events(),
                                    .context = world->gateways,
                                    .ping_ms = 20000,
                                    .log = &world->log};
    good((world->hub = tunnel_hub_open(&hub, &err)) != NULL, &err);
    pthread_create(&world->thread, NULL, run_loop, world->loop);
}

static inline struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->directory, "/tmp/patient_test_XXXXXX");
    CHECK(mkdtemp(world->directory));
    make_certificates(world);
    open_base(world);
    open_services(world);
    open_wire(world);
    return world;
}

static inline void world_free(struct world *world)
{
    loop_stop(world->loop);
    pthread_join(world->thread, NULL);
    if (world->dialer)
        tunnel_dialer_close(world->dialer);
    tunnel_hub_close(world->hub);
    http_server_close(world->server);
    facility_gateways_free(world->gateways);
    patient_free(world->patients);
    workers_free(world->workers);
    loop_free(world->loop);
    http_router_free(world->router);
    http_router_free(world->gateway_router);
    disclosure_free(world->gate);
    session_close(world->sessions);
    staff_doors_close(world->doors);
    network_epoch_close(world->epoch);
    audit_close(world->audit);
    store_close(world->store);
    tls_context_free(world->hub_tls);
    tls_context_free(world->dialer_tls);
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", world->directory);
    CHECK(system(command) == 0);
    free(world);
}

/* ---- a browser ---- */

struct reply {
    int status;
    char head[4096];
    char body[65536];
};

struct browser {
    struct world *world;
    char cookie[HASH_HEX_BYTES];
    char csrf[HASH_HEX_BYTES];
    char origin[64]; /* "" = a program that sends none */
    int keys;        /* so many Idempotency-Keys were used */
};

static inline size_t receive_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got = 0;
    while (len < size - 1 && (got = recv(fd, out + len, size - 1 - len, 0)) > 0)
        len += (size_t)got;
    out[len] = '\0';
    return len;
}

static inline int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* `key` < 0: none. */
static inline void write_request(const struct browser *browser, struct buf *out,
                                 const char *line, int key, const char *body)
{
    uint16_t port = http_server_port(browser->world->server);
    buf_format(out, "%s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n", line,
               port);
    if (*browser->cookie)
        buf_format(out, "Cookie: tsumugi=%s\r\n", browser->cookie);
    if (*browser->csrf)
        buf_format(out, "X-CSRF-Token: %s\r\n", browser->csrf);
    if (*browser->origin)
        buf_format(out, "Origin: %s\r\n", browser->origin);
    if (key >= 0)
        buf_format(out, "Idempotency-Key: %032x\r\n", (unsigned)key);
    if (*body)
        buf_format(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(body));
    buf_format(out, "\r\n%s", body);
}

static inline struct reply go_with_key(struct browser *browser, const char *line, int key,
                                       const char *body)
{
    static char all[70000];
    struct reply reply = {0};
    CLEANUP(buf_free) struct buf out = buf_init(65536);
    write_request(browser, &out, line, key, body);
    int fd = dial(http_server_port(browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    receive_all(fd, all, sizeof all);
    close(fd);
    const char *end = strstr(all, "\r\n\r\n");
    CHECK(end != NULL && strncmp(all, "HTTP/1.1 ", 9) == 0);
    if (!end)
        return reply;
    uint64_t status = 0;
    CHECK(span_uint(span_of(all + 9, 3), 999, &status));
    reply.status = (int)status;
    snprintf(reply.head, sizeof reply.head, "%.*s", (int)(end - all), all);
    snprintf(reply.body, sizeof reply.body, "%s", end + 4);
    return reply;
}

/* With a new key each time. */
static inline struct reply go(struct browser *browser, const char *line, const char *body)
{
    return go_with_key(browser, line, ++browser->keys, body);
}

static inline bool has(const struct reply *reply, const char *part)
{
    return strstr(reply->body, part) != NULL;
}

/* A text member's value, the first of that name. */
static inline const char *member(const struct reply *reply, const char *name,
                                 char out[128])
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(reply->body, key);
    out[0] = '\0';
    if (at)
        snprintf(out, 128, "%.*s", (int)strcspn(at + strlen(key), "\""),
                 at + strlen(key));
    return out;
}

static inline struct browser browser_new(struct world *world)
{
    struct browser browser = {.world = world};
    snprintf(browser.origin, sizeof browser.origin, "http://localhost:%u",
             http_server_port(world->server));
    static int number;
    browser.keys = ++number * 1000;
    return browser;
}

static inline void take_cookie(struct browser *browser, const struct reply *reply)
{
    char value[128];
    const char *at = strstr(reply->head, "tsumugi=");
    snprintf(browser->cookie, sizeof browser->cookie, "%.64s", at ? at + 8 : "");
    snprintf(browser->csrf, sizeof browser->csrf, "%.64s", member(reply, "csrf", value));
}

/* Logged in at the facility of that login. */
static inline struct browser enter(struct world *world, const char *login)
{
    struct browser browser = browser_new(world);
    char body[256];
    bool is_hospital = strcmp(login, "hospital") == 0;
    snprintf(body, sizeof body, "{\"login\":\"%s\",\"password\":\"" PASSWORD "\"%s}",
             login, is_hospital ? ",\"post\":\"20000000000000000000000000000000\"" : "");
    struct reply reply = go(&browser, "POST /api/v1/session", body);
    CHECK(reply.status == 200);
    take_cookie(&browser, &reply);
    CHECK(strlen(browser.cookie) == 64 && strlen(browser.csrf) == 64);
    return browser;
}

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        for (int waited = 0; waited < 2000 && !(condition); waited++)                    \
            usleep(5000);                                                                \
        CHECK(condition);                                                                \
    } while (0)
