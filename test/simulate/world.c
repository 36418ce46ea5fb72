// SPDX-License-Identifier: Apache-2.0
#include "test/simulate/world.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/secret.h"
#include "exchange/network/network.h"
#include "gateway/gateway.h"
#include "server/server.h"
#include "store/migrations.h"
#include "store/store.h"
#include "test/simulate/network.h"
#include "test/simulate/scheduler.h"
#include "wire/tls/tls.h"

enum { START_STEP_US = 1000, START_STEPS = 60000 };

/* A life of a node: its thread outlives nobody. */
struct life {
    int node;
    char config[DISK_PATH];
    struct server *server;
    struct gateway *gateway;
    enum { OPENING, RUNNING, FAILED, OVER } state;
    struct err err;
    pthread_t thread;
};

/* allowed: what runs on the simulated machines */
static struct life *lives[WORLD_GATEWAYS_MAX + 1];

static void must(bool is_good, const struct err *err)
{
    if (!is_good)
        fprintf(stderr, "simulate: %s %s\n", err->code ? err->code : "?", err->text);
    assert(is_good);
}

/* ---- founding ---- */

static struct id id_of(int group, int number)
{
    return (struct id){{(uint8_t)group, (uint8_t)(number + 1)}};
}

static void name_parts(struct world *world, int gateway_count)
{
    world->gateway_count = gateway_count;
    world->facility_count = gateway_count + WORLD_VIEWERS;
    world->staff_count = 2 * world->facility_count;
    for (int f = 0; f < world->facility_count; f++) {
        struct world_facility *facility = &world->facilities[f];
        facility->id = id_of(0xFA, f);
        facility->is_hospital = f < gateway_count;
        facility->kind = f < gateway_count    ? FACILITY_HOSPITAL
                         : f == gateway_count ? FACILITY_CLINIC
                                              : FACILITY_PHARMACY;
        snprintf(facility->code, sizeof facility->code, "20100000%02u",
                 (unsigned)f % 100U);
    }
    for (int s = 0; s < world->staff_count; s++) {
        struct world_staff *staff = &world->staff[s];
        staff->facility = s / 2;
        staff->profession = s % 2 ? STAFF_NURSE : STAFF_DOCTOR;
        snprintf(staff->login, sizeof staff->login, "staff%u", (unsigned)s % 1000U);
    }
}

struct founding {
    const struct world *world;
    char encoded[SECRET_PASSWORD_HASH_BYTES];
};

static bool add_facility(struct store_session *session, const struct world *world, int f,
                         struct err *err)
{
    static const char *const letters[] = {"A", "B", "C", "D", "E", "F", "G"};
    const struct world_facility *one = &world->facilities[f];
    struct facility facility = {
        .id = one->id,
        .code = text_cstr(one->code),
        .name = TEXT("施設"),
        .kana = TEXT("シセツ"),
        .kind = one->kind,
        .way = one->is_hospital ? FACILITY_GATEWAY : FACILITY_VIEW_ONLY,
        .letter = text_cstr(letters[f]),
        .slot = f + 1,
        .may_register = true,
        .fingerprint =
            one->is_hospital ? text_cstr(world->fingerprints[f + 1]) : TEXT(""),
        .policy = TEXT(""),
    };
    return facility_add(session, &facility, 1, err);
}

static bool add_staff(struct store_session *session, const struct founding *founding,
                      int s, struct err *err)
{
    const struct world_staff *one = &founding->world->staff[s];
    struct staff staff = {.id = id_of(0x57, s),
                          .login = text_cstr(one->login),
                          .name = TEXT("職員"),
                          .kana = TEXT("ショクイン"),
                          .birth_day = DAY_NONE};
    struct staff_post post = {.id = id_of(0x90, s),
                              .staff = staff.id,
                              .facility = founding->world->facilities[one->facility].id,
                              .profession = one->profession,
                              .role = STAFF_AUTHOR,
                              .from_day = 0,
                              .to_day = DAY_NONE};
    return staff_add(session, &staff, founding->encoded, STAFF_PASSWORD_OWN, 1, err) &&
           staff_add_post(session, &post, 1, err);
}

static bool found(struct store_session *session, void *context, struct err *err)
{
    const struct founding *founding = context;
    const struct world *world = founding->world;
    struct network network = {
        .id = id_of(0x4E, 0), .name = TEXT("紬の里"), .joiner_waiting_days = 30};
    struct id ids[WORLD_FACILITIES_MAX];
    if (!network_add(session, &network, 1, err))
        return false;
    for (int f = 0; f < world->facility_count; f++) {
        ids[f] = world->facilities[f].id;
        if (!add_facility(session, world, f, err))
            return false;
    }
    for (int s = 0; s < world->staff_count; s++)
        if (!add_staff(session, founding, s, err))
            return false;
    return network_add_version(session, network.id, 1, ids, (size_t)world->facility_count,
                               1, err);
}

static void in_root(const struct world *world, const char *name, char path[DISK_PATH])
{
    snprintf(path, DISK_PATH, "%s/%s", world->root, name);
}

/* Read when nodes open their contexts; nobody shakes hands with them. */
static void make_certificates(struct world *world)
{
    struct err err = {0};
    char authority[DISK_PATH], prefix[DISK_PATH], name[32];
    in_root(world, "network", authority);
    must(tls_make_authority(authority, "Network", &err), &err);
    for (int node = 0; node <= world->gateway_count; node++) {
        snprintf(name, sizeof name, "node%d", node);
        in_root(world, name, prefix);
        must(tls_issue(authority, prefix, name, node == 0 ? "127.0.0.1" : NULL, 397,
                       world->fingerprints[node], &err),
             &err);
        struct hash same = hash_sha256(span_cstr(name));
        hash_to_hex(span_of(same.bytes, HASH_BYTES), world->fingerprints[node]);
    }
}

static void write_centre_config(const struct world *world)
{
    struct err err = {0};
    char path[DISK_PATH], text[2048], data[DISK_PATH];
    disk_path(WORLD_CENTRE, "data", data);
    snprintf(text, sizeof text,
             "{\"data\":\"%s\",\"node\":\"centre\",\"demo\":true,\"browsers\":"
             "{\"address\":\"127.0.0.1\",\"port\":%d},\"gateways\":{\"address\":"
             "\"127.0.0.1\",\"port\":%d,\"certificate\":\"%s/node0.crt\",\"key\":"
             "\"%s/node0.key\",\"authority\":\"%s/network.crt\"}}",
             data, WORLD_BROWSER_PORT, WORLD_GATEWAY_PORT, world->root, world->root,
             world->root);
    in_root(world, "0.json", path);
    must(path_write_file(path, span_cstr(text), &err), &err);
}

/* The key that grants are checked with is there after the centre's first start. */
static void write_gateway_config(const struct world *world, int node)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct span key = {0};
    char path[DISK_PATH], name[32], text[4096], data[DISK_PATH], storage[DISK_PATH];
    disk_path(WORLD_CENTRE, "data/keys/grants.public", path);
    must(path_read_file(path, 1024, &arena, &key, &err), &err);
    disk_path(node, "data", data);
    world_storage(world, node, storage);
    snprintf(
        text, sizeof text,
        "{\"facility_code\":\"%s\",\"facility_name\":\"病院\",\"node\":\"hospital%d\","
        "\"data\":\"%s\",\"storage\":[{\"label\":\"main\",\"directory\":\"%s\","
        "\"may_be_empty\":true}],\"policy\":\"%s/"
        "policy%d.json\",\"centre\":{\"host\":\"127.0.0.1\","
        "\"port\":%d,\"certificate\":\"%s/node%d.crt\",\"key\":\"%s/node%d.key\","
        "\"authority\":\"%s/network.crt\",\"grant_key\":\"%.64s\"},"
        "\"second_look_ms\":1000,\"sweep_seconds\":5,\"full_sweep_seconds\":60}",
        world->facilities[node - 1].code, node, data, storage, world->root, node,
        WORLD_GATEWAY_PORT, world->root, node, world->root, node, world->root,
        (const char *)key.at);
    snprintf(name, sizeof name, "%d.json", node);
    in_root(world, name, path);
    must(path_write_file(path, span_cstr(text), &err), &err);
}

void world_set_policy(const struct world *world, int node, const char *json)
{
    struct err err = {0};
    char path[DISK_PATH], name[32];
    snprintf(name, sizeof name, "policy%d.json", node);
    in_root(world, name, path);
    must(path_write_file(path, span_cstr(json), &err), &err);
}

void world_storage(const struct world *world, int node, char path[DISK_PATH])
{
    snprintf(path, DISK_PATH, "%s/storage%d", world->root, node);
}

static void found_database(struct world *world)
{
    struct err err = {0};
    char path[DISK_PATH];
    struct founding founding = {.world = world};
    disk_path(WORLD_CENTRE, "data/centre.db", path);
    struct store_config config = {path, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    must(secret_start(&err), &err);
    must(secret_hash_password(SPAN(WORLD_PASSWORD), founding.encoded, &err), &err);
    struct store *store = store_open(&config, &err);
    must(store != NULL, &err);
    must(store_write(store, STORE_LIVE, found, &founding, &err), &err);
    store_close(store);
}

void world_found(struct world *world, const char *root, int gateway_count)
{
    struct err err = {0};
    char path[DISK_PATH];
    *world = (struct world){.root = ""};
    snprintf(world->root, sizeof world->root, "%s", root);
    disk_start(root);
    name_parts(world, gateway_count);
    make_certificates(world);
    for (int node = 0; node <= gateway_count; node++) {
        disk_path(node, "data", path);
        must(path_make_directory(path, &err), &err);
        world_storage(world, node, path);
        must(node == 0 || path_make_directory(path, &err), &err);
    }
    network_start(world->fingerprints, gateway_count + 1);
    found_database(world);
    write_centre_config(world);
}

/* ---- lives ---- */

static void *live_centre(void *context)
{
    struct life *life = context;
    life->server = server_open(life->config, &life->err);
    life->state = life->server ? RUNNING : FAILED;
    if (life->server) {
        server_run(life->server);
        server_close(life->server);
    }
    life->state = OVER;
    return NULL;
}

static void *live_gateway(void *context)
{
    struct life *life = context;
    life->gateway = gateway_open(life->config, &life->err);
    life->state = life->gateway ? RUNNING : FAILED;
    if (life->gateway) {
        bool has_run = gateway_run(life->gateway, &life->err);
        assert(has_run);
        gateway_close(life->gateway);
    }
    life->state = OVER;
    return NULL;
}

bool world_start(struct world *world, int node)
{
    struct life *life = calloc(1, sizeof *life);
    assert(life && !world->is_up[node]);
    life->node = node;
    snprintf(life->config, sizeof life->config, "%.60s/%d.json", world->root, node);
    if (node != WORLD_CENTRE)
        write_gateway_config(world, node);
    lives[node] = life;
    world->lives[node]++;
    int before = scheduler_enter(node);
    int failed =
        pthread_create(&life->thread, NULL, node == 0 ? live_centre : live_gateway, life);
    scheduler_enter(before);
    assert(!failed);
    for (int i = 0; i < START_STEPS && life->state == OPENING; i++)
        scheduler_sleep_us(START_STEP_US);
    world->is_up[node] = life->state == RUNNING;
    if (!world->is_up[node])
        fprintf(stderr, "simulate: node %d did not start: %s %s\n", node,
                life->err.code ? life->err.code : "too slow", life->err.text);
    return world->is_up[node];
}

void world_stop(struct world *world, int node)
{
    struct life *life = lives[node];
    assert(world->is_up[node]);
    int before = scheduler_enter(node);
    if (life->server)
        server_stop(life->server);
    else
        gateway_stop(life->gateway);
    scheduler_enter(before);
    pthread_join(life->thread, NULL);
    assert(life->state == OVER && scheduler_count(node) == 0);
    network_node_died(node, false);
    disk_reborn(node, false);
    world->is_up[node] = false;
}

void world_kill(struct world *world, int node, enum world_end end)
{
    scheduler_kill(node);
    network_node_died(node, end == WORLD_POWER_LOST);
    disk_reborn(node, end == WORLD_POWER_LOST);
    world->is_up[node] = false;
}

void world_wipe_index(const struct world *world, int node)
{
    static const char *const names[] = {"data/index.db", "data/index.db-wal"};
    char path[DISK_PATH];
    assert(!world->is_up[node]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        disk_path(node, names[i], path);
        unlink(path);
    }
}
