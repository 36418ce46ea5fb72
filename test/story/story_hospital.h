// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories about records: the centre's registry, contents and live events, and a
 * hospital whose gateway says what the story wants it to say. */

#include "test/story/story_images.h"

/* ---- a person of the clinic and the hospital ---- */

static const char registration[] =
    "{\"name\":\"林 花子\",\"kana\":\"ハヤシ ハナコ\",\"birth_date\":\"1950-03-04\","
    "\"sex\":\"F\",\"consent\":{\"form\":\"comprehensive\",\"channel\":\"paper\","
    "\"giver\":\"self\"},\"numbers\":[{\"facility\":\"" HOSPITAL
    "\",\"number\":\"H100\"},{\"facility\":\"" CLINIC "\",\"number\":\"77\"}]}";
static const char autumn[] = "{\"from\":\"2026-09-01\",\"to\":\"2026-10-31\"}";

static inline void register_person(struct browser *browser, char person[128])
{
    struct reply reply = go(browser, "POST /api/v1/persons", registration);
    CHECK(reply.status == 201 && !has(&reply, "proposed"));
    member(&reply, "id", person);
}

static inline struct reply open_calendar_of(struct browser *browser, const char *person)
{
    char line[256];
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings", person);
    return go(browser, line, autumn);
}

/* Of the first mark that is one entry. */
static inline void first_entry(const struct reply *calendar, char entry[128])
{
    const char *at = strstr(calendar->body, "\"entry\":[\"");
    CHECK(at != NULL);
    snprintf(entry, 128, "%.32s", at ? at + 10 : "");
}

/* The epoch is read again at once, as its poll would within half a second. */
static inline void let_pass(struct world *world, int64_t ms)
{
    atomic_fetch_add(&world->skip_ms, ms);
    network_epoch_refresh(world->epoch);
}

/* ---- the centre's side ---- */

static inline void part_open(struct world *world)
{
    struct hospital *hospital = world->part_context;
    struct err err = {0};
    struct clock clock = world_clock(world);
    hospital->world = world;
    struct live_config live = {.sessions = world->sessions,
                               .clock = clock,
                               .rand = rand_system(),
                               .log = &world->log};
    good((hospital->live = live_new(&live, &err)) != NULL, &err);
    struct opening_config openings = {world->gate, world->sessions, clock, rand_system(),
                                      &world->log};
    good((hospital->openings = opening_table_new(&openings, &err)) != NULL, &err);
    live_watch_openings(hospital->live, hospital->openings);
    world->consent_listeners[1] = live_consent_listener(hospital->live);
    world->consents.listener_count = 2;
    struct registry_config registry = {.store = world->store,
                                       .clock = clock,
                                       .log = &world->log,
                                       .id_key = {{7}},
                                       .listener = live_registry_changed,
                                       .listener_context = hospital->live};
    good((hospital->registry = registry_new(&registry, &err)) != NULL, &err);
    struct registry_uplink_config uplink = {
        world->store, hospital->registry, world->patients, world->gateways, world->epoch,
        clock,        &world->log};
    good((hospital->uplink = registry_uplink_new(&uplink, &err)) != NULL, &err);
    struct facility_listener ready = registry_facility_listener(hospital->uplink);
    facility_gateways_listen(world->gateways, &ready);
    struct facility_listener seen = live_facility_listener(hospital->live);
    facility_gateways_listen(world->gateways, &seen);
    struct patient_listener links = registry_patient_listener(hospital->uplink);
    patient_listen(world->patients, &links);
    struct patient_listener told = live_patient_listener(hospital->live);
    patient_listen(world->patients, &told);
    secret_new_keys(&hospital->signing, &hospital->public);
    struct content_config content = {
        world->store,    world->sessions,    world->gate, hospital->openings,
        world->gateways, &hospital->signing, clock,       &world->log};
    good((hospital->content = content_new(&content, &err)) != NULL, &err);
    good((hospital->images = image_new(hospital->content, &err)) != NULL, &err);
    good((hospital->facilities = facility_known_new(&err)) != NULL, &err);
    hospital->service = (struct registry_service){
        world->store,         hospital->registry, world->sessions,
        hospital->openings,   world->gate,        world->gateways,
        hospital->facilities, hospital->uplink,   clock};
    registry_routes(world->router, &hospital->service);
    content_routes(world->router, hospital->content);
    image_routes(world->router, hospital->images);
    struct dicomweb_config dicomweb = {world->store,       world->sessions,   world->gate,
                                       hospital->openings, hospital->content, clock,
                                       rand_system()};
    good((hospital->dicomweb = dicomweb_new(&dicomweb, &err)) != NULL, &err);
    dicomweb_routes(world->router, hospital->dicomweb);
    opening_routes(world->router, hospital->openings);
    live_routes(world->router, hospital->live);
}

static inline void part_stop(struct world *world)
{
    struct hospital *hospital = world->part_context;
    live_stop(hospital->live);
    registry_uplink_stop(hospital->uplink);
    content_stop(hospital->content);
    opening_table_stop(hospital->openings);
    for (int lane = 0; lane < 2; lane++)
        if (hospital->waiting[lane])
            http_answer_empty(hospital->waiting[lane]);
    if (hospital->silent)
        http_answer_empty(hospital->silent);
}

static inline void part_free(struct world *world)
{
    struct hospital *hospital = world->part_context;
    content_free(hospital->content);
    image_free(hospital->images);
    dicomweb_free(hospital->dicomweb);
    registry_uplink_free(hospital->uplink);
    registry_free(hospital->registry);
    opening_table_free(hospital->openings);
    facility_known_free(hospital->facilities);
    live_free(hospital->live);
}

static inline void make_gateway(struct hospital *hospital)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/hello", hospital_hello, 65536},
        {HTTP_POST, "/links", hospital_links, 4096},
        {HTTP_POST, "/links/end", hospital_link_end, 4096},
        {HTTP_POST, "/events/live", hospital_live, 1 << 18},
        {HTTP_POST, "/events/backfill", hospital_backfill_lane, 1 << 18},
        {HTTP_POST, "/snapshots", hospital_snapshots, 4096},
        {HTTP_POST, "/digests", hospital_digests, 65536},
        {HTTP_POST, "/backfills", hospital_backfills, 4096},
        {HTTP_POST, "/checks", hospital_checks, 4096},
        {HTTP_POST, "/cancel", hospital_cancel, 4096},
        {HTTP_POST, "/content", hospital_content, 4096},
        {HTTP_POST, "/original", hospital_original, 4096},
        {HTTP_POST, "/study", hospital_image, 4096},
        {HTTP_POST, "/frame", hospital_image, 4096},
        {HTTP_POST, "/instance", hospital_image, 4096},
        {HTTP_POST, "/document", hospital_image, 4096},
        {HTTP_POST, "/report", hospital_image, 4096},
        {HTTP_POST, "/waveform", hospital_image, 4096},
        {HTTP_POST, "/archive", hospital_image, 4096},
        {HTTP_POST, "/metadata", hospital_image, 4096},
    };
    hospital->world->gateway_router = http_router_new();
    http_router_add(hospital->world->gateway_router, routes,
                    sizeof routes / sizeof *routes, hospital);
}

static inline struct hospital *hospital_new(void)
{
    static const struct world_part part = {part_open, part_stop, part_free};
    struct hospital *hospital = calloc(1, sizeof *hospital);
    pthread_mutex_init(&hospital->lock, NULL);
    hospital->queue[0] = buf_init(1 << 20);
    hospital->queue[1] = buf_init(1 << 20);
    hospital->told[0] = buf_init(1 << 20);
    hospital->told[1] = buf_init(1 << 20);
    hospital->asked = buf_init(1 << 20);
    hospital->content_status = 200;
    atomic_store(&hospital->original_gate, 1);
    world_new_with(&part, hospital);
    make_gateway(hospital);
    gateway_start(hospital->world);
    CHECK_SOON(facility_gateway_is_ready(hospital->world->gateways, hex_id(HOSPITAL)));
    return hospital;
}

static inline void hospital_free(struct hospital *hospital)
{
    world_free(hospital->world);
    buf_free(&hospital->queue[0]);
    buf_free(&hospital->queue[1]);
    buf_free(&hospital->told[0]);
    buf_free(&hospital->told[1]);
    buf_free(&hospital->asked);
    pthread_mutex_destroy(&hospital->lock);
    free(hospital);
}

static inline int count_of(struct hospital *hospital, const int *count)
{
    pthread_mutex_lock(&hospital->lock);
    int value = *count;
    pthread_mutex_unlock(&hospital->lock);
    return value;
}

/* Whether so many events are answered as stored, soon; else says what came of them. */
static inline bool has_stored(struct hospital *hospital, int count)
{
    for (int waited = 0; waited < 6000; waited++) {
        if (count_of(hospital, &hospital->stored_count) == count)
            return true;
        usleep(5000);
    }
    pthread_mutex_lock(&hospital->lock);
    printf("# stored %d, not %d; refused %d, the last for \"%s\"; told and not answered: "
           "%zu bytes; a poll waits: %d\n",
           hospital->stored_count, count, hospital->rejected_count, hospital->code,
           hospital->told[0].len + hospital->told[1].len, hospital->waiting[0] != NULL);
    pthread_mutex_unlock(&hospital->lock);
    return false;
}
