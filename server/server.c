// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "exchange/audit/audit_index.h"
#include "exchange/consent/consent.h"
#include "exchange/content/content.h"
#include "exchange/dicomweb/dicomweb.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/facility/facility.h"
#include "exchange/image/image.h"
#include "exchange/live/live.h"
#include "exchange/note/note.h"
#include "exchange/opening/opening.h"
#include "exchange/patient/patient.h"
#include "exchange/process/process.h"
#include "exchange/reference/reference.h"
#include "exchange/registry/registry_service.h"
#include "exchange/request/request.h"
#include "exchange/session/session.h"
#include "server/server_config.h"
#include "server/server_static.h"
#include "server/server_watch.h"
#include "store/migrations.h"
#include "wire/http/http.h"
#include "wire/loop/loop.h"
#include "wire/tunnel/tunnel.h"
#include "wire/workers/workers.h"

enum {
    OFFICE_SWEEPS = 30, /* a minute */
    SWEEP_MS = 2000,
    LOOK_MS = 250,
    WORKER_QUEUE = 1024,
    HASHES_AT_ONCE = 2,
    PING_MS = 20000
};

struct server {
    struct arena arena; /* configuration */
    struct server_config config;
    struct server_keys keys;
    struct log log;
    struct clock clock;
    struct rand rand;
    struct audit *audit;
    struct store *store;
    struct process *process;
    struct audit_index *audit_index;
    struct network_epoch *epoch;
    struct facility_gateways *gateways;
    struct facility_known *facilities;
    struct staff_doors *doors;
    struct session_service *sessions;
    struct disclosure *gate;
    struct opening_table *openings;
    struct live *live;
    struct patient_service *patients;
    struct registry *registry;
    struct registry_uplink *uplink;
    struct content_service *content;
    struct image_service *images;
    struct dicomweb_service *dicomweb;
    struct facility_service facility_service;
    struct consent_service consent_service;
    struct consent_listener consent_listener;
    struct registry_service registry_service;
    struct reference_service reference_service;
    struct request_service request_service;
    struct note_service note_service;
    struct http_router *router;
    struct server_watch watch;
    struct http_router *watch_router; /* of the listener for metrics alone */
    struct http_server *watch_http;
    struct loop *loop;
    struct workers *workers;
    struct tls_context *browser_tls;
    struct tls_context *gateway_tls;
    struct http_server *http;
    struct tunnel_hub *hub;
    struct loop_timer *sweep;
    atomic_uint sweeps;
    uint64_t office_number; /* head of the office's series kept last; of one sweep */
    struct loop_timer *look;
};

static const char *in_data(struct server *server, const char *name, struct err *err)
{
    CLEANUP(buf_free) struct buf path = buf_init(PATH_MAX_BYTES);
    struct span copy = {0};
    buf_format(&path, "%s/%s", server->config.data, name);
    buf_byte(&path, '\0');
    if (!buf_to_arena(&path, &server->arena, &copy, err))
        return NULL;
    return (const char *)copy.at;
}

/* ---- building, lowest first; what fails leaves the rest NULL ---- */

/* Host and data directory: where this node's audit series is. */
static bool find_place(struct server *server, struct hash *place, struct err *err)
{
    char host[256] = "";
    struct stat status;
    CLEANUP(buf_free) struct buf words = buf_init(PATH_MAX_BYTES);
    if (gethostname(host, sizeof host - 1) != 0 ||
        stat(server->config.data, &status) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "the data directory has no place");
    buf_format(&words, "%s %llu %llu", host, (unsigned long long)status.st_dev,
               (unsigned long long)status.st_ino);
    *place = hash_sha256(buf_view(&words));
    return true;
}

/* With other keys this process would give entries other ids, and sign what no gateway
 * believes. */
static bool open_process(struct server *server, struct err *err)
{
    struct process_config process = {.store = server->store,
                                     .audit = server->audit,
                                     .node = server->config.node,
                                     .clock = server->clock,
                                     .rand = server->rand,
                                     .log = &server->log};
    const struct server_keys *keys = &server->keys;
    if (!process_check_key(server->store, "entry-ids",
                           span_of(keys->ids.bytes, HASH_BYTES), err) ||
        !process_check_key(server->store, "grants",
                           span_of(keys->signing.bytes, SECRET_SIGNING_KEY_BYTES), err) ||
        !find_place(server, &process.place, err))
        return false;
    server->process = process_open(&process, err);
    return server->process != NULL;
}

static bool open_records(struct server *server, struct err *err)
{
    const char *directory = in_data(server, "audit", err);
    const char *database = server->config.database;
    if (directory && !database)
        database = in_data(server, "centre.db", err);
    if (!directory || !database || !path_make_directory(directory, err))
        return false;
    struct audit_config audit = {.directory = directory,
                                 .node = server->config.node,
                                 .clock = server->clock,
                                 .rand = server->rand,
                                 .log = &server->log};
    struct store_config store = {.location = database,
                                 .migrations = store_centre_migrations,
                                 .migration_count = store_centre_migrations_count,
                                 .log = &server->log};
    server->audit = audit_open(&audit, err);
    server->store = server->audit ? store_serve(&store, err) : NULL;
    if (!server->store || !open_process(server, err))
        return false;
    server->audit_index =
        audit_index_open(server->audit, server->store, &server->log, err);
    server->epoch =
        server->audit_index
            ? network_epoch_open(server->store, &server->clock, &server->log, err)
            : NULL;
    return server->epoch != NULL;
}

static bool open_gate(struct server *server, struct err *err)
{
    struct facility_gateways_config gateways = {.store = server->store,
                                                .audit = server->audit,
                                                .node = server->config.node,
                                                .epoch = server->epoch,
                                                .clock = server->clock,
                                                .log = &server->log};
    server->gateways = facility_gateways_new(&gateways, err);
    server->doors = server->gateways ? staff_doors_open(server->store, &server->clock,
                                                        HASHES_AT_ONCE, err)
                                     : NULL;
    if (!server->doors)
        return false;
    struct session_config sessions = {.store = server->store,
                                      .audit = server->audit,
                                      .doors = server->doors,
                                      .gateways = server->gateways,
                                      .epoch = server->epoch,
                                      .clock = server->clock,
                                      .rand = server->rand,
                                      .log = &server->log,
                                      .is_demo = server->config.is_demo};
    struct disclosure_config gate = {.store = server->store,
                                     .audit = server->audit,
                                     .clock = server->clock,
                                     .epoch = server->epoch,
                                     .log = &server->log};
    server->sessions = session_open(&sessions, err);
    server->gate = server->sessions ? disclosure_new(&gate, err) : NULL;
    if (!server->gate)
        return false;
    struct opening_config openings = {.gate = server->gate,
                                      .sessions = server->sessions,
                                      .clock = server->clock,
                                      .rand = server->rand,
                                      .log = &server->log};
    server->openings = opening_table_new(&openings, err);
    server->facilities = server->openings ? facility_known_new(err) : NULL;
    return server->facilities != NULL;
}

static bool open_patients(struct server *server, struct err *err)
{
    bool is_shared = store_is_shared(server->store);
    struct live_config live = {.sessions = server->sessions,
                               .clock = server->clock,
                               .rand = server->rand,
                               .log = &server->log,
                               .store = is_shared ? server->store : NULL,
                               .run = process_run(server->process)};
    struct patient_config patients = {.store = server->store,
                                      .audit = server->audit,
                                      .sessions = server->sessions,
                                      .gate = server->gate,
                                      .gateways = server->gateways,
                                      .epoch = server->epoch,
                                      .clock = server->clock,
                                      .rand = server->rand,
                                      .log = &server->log};
    server->live = live_new(&live, err);
    server->patients = server->live ? patient_new(&patients, err) : NULL;
    if (!server->patients)
        return false;
    live_watch_openings(server->live, server->openings);
    return true;
}

static bool open_dicomweb(struct server *server, struct err *err)
{
    struct dicomweb_config config = {.store = server->store,
                                     .sessions = server->sessions,
                                     .gate = server->gate,
                                     .openings = server->openings,
                                     .contents = server->content,
                                     .clock = server->clock,
                                     .rand = rand_system()};
    server->dicomweb = dicomweb_new(&config, err);
    return server->dicomweb != NULL;
}

static bool open_registry(struct server *server, struct err *err)
{
    struct registry_config registry = {.store = server->store,
                                       .clock = server->clock,
                                       .log = &server->log,
                                       .id_key = server->keys.ids,
                                       .listener = live_registry_changed,
                                       .listener_context = server->live};
    server->registry = registry_new(&registry, err);
    if (!server->registry)
        return false;
    struct registry_uplink_config uplink = {.store = server->store,
                                            .registry = server->registry,
                                            .patients = server->patients,
                                            .gateways = server->gateways,
                                            .epoch = server->epoch,
                                            .clock = server->clock,
                                            .log = &server->log};
    server->uplink = registry_uplink_new(&uplink, err);
    if (!server->uplink)
        return false;
    struct content_config content = {.store = server->store,
                                     .sessions = server->sessions,
                                     .gate = server->gate,
                                     .openings = server->openings,
                                     .gateways = server->gateways,
                                     .signing_key = &server->keys.signing,
                                     .clock = server->clock,
                                     .log = &server->log};
    server->content = content_new(&content, err);
    server->images = server->content ? image_new(server->content, err) : NULL;
    return server->images != NULL && open_dicomweb(server, err);
}

static void process_gone(void *context)
{
    struct server *server = context;
    live_reload_all(server->live);
}

static void process_ousted(void *context)
{
    struct server *server = context;
    server_stop(server);
}

/* Who hears of what. */
static void listen_to_each_other(struct server *server)
{
    struct facility_listener patients = patient_facility_listener(server->patients);
    struct facility_listener registry = registry_facility_listener(server->uplink);
    struct facility_listener live = live_facility_listener(server->live);
    struct patient_listener links = registry_patient_listener(server->uplink);
    struct patient_listener live_links = live_patient_listener(server->live);
    facility_gateways_listen(server->gateways, &patients);
    facility_gateways_listen(server->gateways, &registry);
    facility_gateways_listen(server->gateways, &live);
    patient_listen(server->patients, &links);
    patient_listen(server->patients, &live_links);
    server->consent_listener = live_consent_listener(server->live);
}

static void add_notes(struct server *server)
{
    server->note_service = (struct note_service){.store = server->store,
                                                 .sessions = server->sessions,
                                                 .gate = server->gate,
                                                 .clock = server->clock,
                                                 .rand = server->rand,
                                                 .log = &server->log};
    note_routes(server->router, &server->note_service);
}

static bool fill_router(struct server *server, struct err *err)
{
    server->router = http_router_new();
    server->watch_router = http_router_new();
    if (!server->router || !server->watch_router)
        return err_set(err, ERR_BUSY, "memory_short", "no memory");
    server->facility_service = (struct facility_service){server->store, server->sessions,
                                                         server->gateways, server->clock};
    server->consent_service =
        (struct consent_service){.store = server->store,
                                 .sessions = server->sessions,
                                 .gate = server->gate,
                                 .epoch = server->epoch,
                                 .clock = server->clock,
                                 .rand = server->rand,
                                 .listeners = &server->consent_listener,
                                 .listener_count = 1};
    server->registry_service = (struct registry_service){.store = server->store,
                                                         .registry = server->registry,
                                                         .sessions = server->sessions,
                                                         .openings = server->openings,
                                                         .gate = server->gate,
                                                         .gateways = server->gateways,
                                                         .facilities = server->facilities,
                                                         .uplink = server->uplink,
                                                         .clock = server->clock};
    server->reference_service = (struct reference_service){.store = server->store,
                                                           .index = server->audit_index,
                                                           .sessions = server->sessions,
                                                           .gate = server->gate,
                                                           .clock = server->clock};
    server->request_service =
        (struct request_service){.store = server->store,
                                 .audit = server->audit,
                                 .sessions = server->sessions,
                                 .gate = server->gate,
                                 .patients = server->patients,
                                 .clock = server->clock,
                                 .rand = server->rand,
                                 .log = &server->log,
                                 .listener = live_request_listener(server->live)};
    server->watch = (struct server_watch){.config = &server->config,
                                          .store = server->store,
                                          .audit = server->audit,
                                          .process = server->process,
                                          .epoch = server->epoch,
                                          .gate = server->gate,
                                          .openings = server->openings,
                                          .gateways = server->gateways,
                                          .started_ms = clock_wall_ms(&server->clock)};
    server_watch_routes(server->router, &server->watch);
    server_watch_routes(server->watch_router, &server->watch);
    session_routes(server->router, server->sessions);
    facility_routes(server->router, &server->facility_service);
    patient_routes(server->router, server->patients);
    consent_routes(server->router, &server->consent_service);
    opening_routes(server->router, server->openings);
    registry_routes(server->router, &server->registry_service);
    content_routes(server->router, server->content);
    image_routes(server->router, server->images);
    dicomweb_routes(server->router, server->dicomweb);
    live_routes(server->router, server->live);
    reference_routes(server->router, &server->reference_service);
    request_routes(server->router, &server->request_service);
    add_notes(server);
    return server_static_routes(server->router, &server->arena, err);
}

static void on_sweep(void *context)
{
    struct server *server = context;
    opening_table_sweep(server->openings);
    struct err err = {0};
    /* What work leaves free lies between what stays: glibc gives back only the end. */
    memory_give_back();
    if (atomic_fetch_add(&server->sweeps, 1) % OFFICE_SWEEPS == 0 &&
        !server_keep_office_head(server->audit, server->config.data, server->config.node,
                                 &server->office_number, &err))
        log_err(&server->log, "office_head", &err);
}

static void on_timer(void *context)
{
    struct server *server = context;
    if (!workers_post(server->workers, on_sweep, server))
        LOG(&server->log, "sweep_skipped", LOG_NUMBER("ms", SWEEP_MS));
    loop_timer_set(server->sweep, SWEEP_MS);
}

/* A download that nobody takes is cut in time, too. */
static void on_look(void *context)
{
    struct server *server = context;
    content_look_again(server->content);
    loop_timer_set(server->look, LOOK_MS);
}

static bool open_listeners(struct server *server, struct err *err)
{
    static const char *const http_alpn[] = {"h2", "http/1.1", NULL};
    static const char *const tunnel_alpn[] = {"tsumugi-gw/1", NULL};
    const struct server_config *config = &server->config;
    if (config->browsers.has_tls) {
        server->browser_tls =
            tls_server_open(&config->browsers.files, true, http_alpn, err);
        if (!server->browser_tls)
            return false;
    }
    server->gateway_tls =
        tls_server_open(&config->gateways.files, true, tunnel_alpn, err);
    if (!server->gateway_tls)
        return false;
    struct http_server_config http = {.loop = server->loop,
                                      .workers = server->workers,
                                      .tls = server->browser_tls,
                                      .router = server->router,
                                      .address = config->browsers.address,
                                      .port = config->browsers.port,
                                      .limits = http_default_limits(),
                                      .log = &server->log};
    struct tunnel_hub_config hub = {.loop = server->loop,
                                    .tls = server->gateway_tls,
                                    .address = config->gateways.address,
                                    .port = config->gateways.port,
                                    .events = facility_gateways_events(),
                                    .context = server->gateways,
                                    .ping_ms = PING_MS,
                                    .log = &server->log};
    http.limits.connections_max = config->connections;
    http.limits.connections_per_address_max = config->connections_per_address;
    server->hub = tunnel_hub_open(&hub, err);
    server->http = server->hub ? http_server_open(&http, err) : NULL;
    return server->http != NULL;
}

static void renew_one(struct server *server, const char *of, struct tls_context *tls,
                      const struct server_listener *listener)
{
    struct err err = {0};
    if (!tls)
        return;
    if (tls_server_renew(tls, &listener->files, &err))
        LOG(&server->log, "certificates_renewed", LOG_WORD("of", of));
    else
        log_err(&server->log, "certificates_not_renewed", &err);
}

void server_renew(struct server *server)
{
    renew_one(server, "browsers", server->browser_tls, &server->config.browsers);
    renew_one(server, "gateways", server->gateway_tls, &server->config.gateways);
}

/* Plain, which only a loopback address may be: no certificate for a program beside it. */
static bool open_watch(struct server *server, struct err *err)
{
    const struct server_listener *listener = &server->config.metrics;
    server->watch.http = server->http;
    server->watch.workers = server->workers;
    server->watch.browser_tls = server->browser_tls;
    server->watch.gateway_tls = server->gateway_tls;
    if (!listener->address)
        return true;
    struct http_server_config http = {.loop = server->loop,
                                      .workers = server->workers,
                                      .router = server->watch_router,
                                      .address = listener->address,
                                      .port = listener->port,
                                      .limits = http_default_limits(),
                                      .log = &server->log};
    server->watch_http = http_server_open(&http, err);
    return server->watch_http != NULL;
}

static bool open_wire(struct server *server, struct err *err)
{
    server->loop = loop_new(err);
    if (!server->loop)
        return false;
    server->workers = workers_new(server->config.workers, WORKER_QUEUE, err);
    server->sweep =
        server->workers ? loop_timer_new(server->loop, on_timer, server, err) : NULL;
    server->look =
        server->sweep ? loop_timer_new(server->loop, on_look, server, err) : NULL;
    return server->look && open_listeners(server, err) && open_watch(server, err);
}

struct server *server_open(const char *config_file, struct err *err)
{
    struct server *server = memory_new(1, sizeof *server, err);
    if (!server)
        return NULL;
    server->arena = arena_init(1 << 20);
    server->clock = clock_system();
    server->rand = rand_system();
    server->log = (struct log){STDERR_FILENO, server->clock, "centre"};
    if (!secret_start(err) ||
        !server_read_config(config_file, &server->arena, &server->config, err) ||
        !path_make_directory(server->config.data, err) ||
        !server_check_restored(server->config.data, err) ||
        !server_open_keys(server->config.data, server->config.keys, &server->keys, err) ||
        !open_records(server, err) || !open_gate(server, err) ||
        !open_patients(server, err) || !open_registry(server, err) ||
        !fill_router(server, err)) {
        server_close(server);
        return NULL;
    }
    struct process_listener processes = {process_gone, process_ousted, server};
    listen_to_each_other(server);
    if (!open_wire(server, err) || !process_start(server->process, &processes, err)) {
        server_close(server);
        return NULL;
    }
    return server;
}

void server_run(struct server *server)
{
    loop_timer_set(server->sweep, SWEEP_MS);
    loop_timer_set(server->look, LOOK_MS);
    loop_run(server->loop);
}

void server_stop(struct server *server)
{
    loop_stop(server->loop);
}

/* First nothing new comes in, then what runs ends, then the records are closed. */
static void close_wire(struct server *server)
{
    if (server->live)
        live_stop(server->live);
    if (server->watch_http)
        http_server_close(server->watch_http);
    if (server->http)
        http_server_close(server->http);
    if (server->hub)
        tunnel_hub_close(server->hub);
    if (server->uplink)
        registry_uplink_stop(server->uplink);
    if (server->content)
        content_stop(server->content);
    if (server->openings)
        opening_table_stop(server->openings);
    if (server->workers)
        workers_free(server->workers);
    if (server->gateways)
        facility_gateways_stop(server->gateways);
    if (server->patients)
        patient_stop(server->patients);
    if (server->sweep)
        loop_timer_free(server->sweep);
    if (server->look)
        loop_timer_free(server->look);
    if (server->loop)
        loop_free(server->loop);
}

void server_close(struct server *server)
{
    if (!server)
        return;
    process_stop(server->process);
    close_wire(server);
    if (server->gateways)
        facility_gateways_free(server->gateways);
    if (server->patients)
        patient_free(server->patients);
    if (server->uplink)
        registry_uplink_free(server->uplink);
    if (server->registry)
        registry_free(server->registry);
    facility_known_free(server->facilities);
    content_free(server->content);
    image_free(server->images);
    dicomweb_free(server->dicomweb);
    opening_table_free(server->openings);
    disclosure_free(server->gate);
    if (server->live)
        live_free(server->live);
    if (server->sessions)
        session_close(server->sessions);
    if (server->doors)
        staff_doors_close(server->doors);
    http_router_free(server->router);
    http_router_free(server->watch_router);
    if (server->epoch)
        network_epoch_close(server->epoch);
    if (server->audit_index)
        audit_index_close(server->audit_index);
    process_close(server->process);
    if (server->store)
        store_close(server->store);
    if (server->audit)
        audit_close(server->audit);
    tls_context_free(server->gateway_tls);
    tls_context_free(server->browser_tls);
    secret_wipe(&server->keys, sizeof server->keys);
    arena_free(&server->arena);
    memory_free(server);
}

uint16_t server_port(const struct server *server)
{
    return http_server_port(server->http);
}

uint16_t server_gateway_port(const struct server *server)
{
    return tunnel_hub_port(server->hub);
}

const struct http_router *server_router(const struct server *server)
{
    return server->router;
}

uint16_t server_metrics_port(const struct server *server)
{
    return server->watch_http ? http_server_port(server->watch_http) : 0;
}
