// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories: a small region in a new database, and a whole centre on loopback. */

#include "test/story/story_world.h"

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
        .may_register = true,
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
           staff_add(session, &staff, world->encoded, STAFF_PASSWORD_OWN, 1, err) &&
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
             tls_issue(authority, centre, "centre", "localhost,127.0.0.1", 30, ignored,
                       &err) &&
             tls_issue(authority, gateway, "gateway-h", NULL, 30, world->fingerprint,
                       &err),
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

enum { HEADS_MS = 50 };

static inline void open_base(struct world *world)
{
    struct err err = {0};
    char database[STORE_TESTSITE_BYTES], audit[128];
    struct clock clock = world_clock(world);
    world->log =
        (struct log){.fd = getenv("TEST_LOG") ? 2 : -1, .clock = clock, .node = "test"};
    store_testsite_locate(database, world->directory, "data");
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
    struct facility_gateways_config gateways = {
        world->store, world->audit, world->epoch, "centre", clock, &world->log, HEADS_MS};
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
    struct disclosure_config gate = {world->store, world->audit, clock, world->epoch,
                                     &world->log};
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
    world->consent_listeners[0] = (struct consent_listener){on_consent_changed, world};
    world->consents = (struct consent_service){.store = world->store,
                                               .sessions = world->sessions,
                                               .gate = world->gate,
                                               .epoch = world->epoch,
                                               .clock = clock,
                                               .rand = rand_system(),
                                               .log = &world->log,
                                               .listeners = world->consent_listeners,
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

static inline struct world *world_new_with(const struct world_part *part, void *context)
{
    struct world *world = calloc(1, sizeof *world);
    world->part = part;
    world->part_context = context;
    snprintf(world->directory, sizeof world->directory, "/tmp/story_test_XXXXXX");
    CHECK(mkdtemp(world->directory));
    world->hello_code = "2000000001";
    world->hello_node = "gateway-h";
    make_certificates(world);
    open_base(world);
    open_services(world);
    if (part)
        part->open(world);
    open_wire(world);
    return world;
}

static inline struct world *world_new(void)
{
    return world_new_with(NULL, NULL);
}

static inline void world_free(struct world *world)
{
    loop_stop(world->loop);
    pthread_join(world->thread, NULL);
    if (world->dialer)
        tunnel_dialer_close(world->dialer);
    tunnel_hub_close(world->hub);
    http_server_close(world->server);
    if (world->part)
        world->part->stop(world);
    workers_free(world->workers);
    facility_gateways_stop(world->gateways);
    patient_stop(world->patients);
    loop_free(world->loop);
    patient_free(world->patients);
    facility_gateways_free(world->gateways);
    if (world->part)
        world->part->free(world);
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
