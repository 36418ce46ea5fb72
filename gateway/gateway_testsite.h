// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: a gateway and a centre that asks it, over a real tunnel.
 */

/* A whole gateway against a centre that is only a hub: from the file that a hospital
 * system drops to what the centre is told and may open. */
#include "gateway/gateway.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "exchange/audit/audit.h"
#include "formats/grant/grant.h"
#include "formats/uplink/uplink.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"

/* An invented person. */
#define NUMBER "0000012345"
#define KEY "000000000000001"
#define LAB_KEY "20240501/OML-11/" KEY
#define LAB_FOLDER "000/001/" NUMBER "/20240501/OML-11"
#define ADT_FOLDER "000/001/" NUMBER "/-/ADT-00"
#define RECORD "09000000000000000000000000000000"

#define MSH(type)                                                                        \
    "MSH|^~\\&|HIS|SEND|GW|RCV|20240501120000.000||" type "|1|P|2.5||||||UNICODE UTF-8|" \
    "||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
#define PID                                                                              \
    "PID|0001||" NUMBER "^^^^PI||飯田^花子^^^^^L^I~イイダ^ハナコ^^^^^L^P||19500102|F\r"
#define PV1 "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"
#define ADT MSH("ADT^A08^ADT_A01") "EVN||202405011200|||||SEND\r" PID PV1
#define LAB_OF(pid, order, department, value)                                            \
    MSH("OUL^R22^OUL_R22")                                                               \
    pid PV1 "SPM|1|777||023^血清^JC10|||||||||||||202405010900\r"                      \
            "OBR|1|" order "|1|E002^生化学的検査^99O03|||20240501\r"               \
            "ORC|SC|" order "|||||||20240501091500||||||||" department "^科^99XY1\r"    \
            "OBX|1|NM|3A010000002327101^総蛋白^JC10||" value "|g/dl|6.7-8.3||||F|||"     \
            "202405010900\r"
#define LAB(order, department, value) LAB_OF(PID, order, department, value)
#define FOREIGN_PID                                                                      \
    "PID|0001||9999999^^^^PI||森^一郎^^^^^L^I~モリ^イチロウ^^^^^L^P||19801231|M\r"

static const char *const policy =
    "{\"version\":1,\"excluded_departments\":[\"40\"],\"rules\":[{\"kinds\":"
    "[\"laboratory\",\"patient\",\"document\"],\"professions\":[\"doctor\"]}]}";

struct scene {
    char folder[64];
    char fingerprint[HASH_HEX_BYTES];
    struct loop *loop;
    pthread_t loop_thread;
    struct tls_context *tls;
    struct tunnel_hub *hub;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tunnel *tunnel; /* kept, newest */
    struct gateway *gateway;
    pthread_t gateway_thread;
    struct secret_signing_key signing;
    struct secret_public_key public;
    int64_t counter;
    struct arena arena;
};

static inline void must(bool is_good, const struct err *err)
{
    if (is_good)
        return;
    printf("Bail out! %s %s\n", err->code ? err->code : "?", err->text);
    abort();
}

static const char *in_folder(const struct scene *scene, const char *name)
{
    static _Thread_local char paths[4][256];
    static _Thread_local int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scene->folder, name);
    return path;
}

static inline void put_file(struct scene *scene, const char *folder, const char *file,
                            const char *message)
{
    struct err err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/storage/%s", scene->folder, folder);
    must(path_make_directory(path, &err), &err);
    snprintf(path, sizeof path, "%s/storage/%s/%s", scene->folder, folder, file);
    must(path_write_file(path, span_cstr(message), &err), &err);
}

/* Of the other storage. */
static inline void put_document(struct scene *scene, const char *folder, const char *file,
                                const char *bytes)
{
    struct err err = {0};
    char path[640];
    snprintf(path, sizeof path, "%s/documents/%s", scene->folder, folder);
    must(path_make_directory(path, &err), &err);
    snprintf(path, sizeof path, "%s/documents/%s/%s", scene->folder, folder, file);
    must(path_write_file(path, span_cstr(bytes), &err), &err);
}

static inline void put_lab(struct scene *scene)
{
    put_file(scene, LAB_FOLDER, NUMBER "_20240501_OML-11_" KEY "_20240501120000000_01_1",
             LAB(KEY, "01", "7.2"));
}

/* ---- the centre ---- */

static inline void *on_connected(void *context, struct tunnel *tunnel,
                                 const char *fingerprint)
{
    struct scene *scene = context;
    if (strcmp(fingerprint, scene->fingerprint) != 0)
        return NULL;
    pthread_mutex_lock(&scene->lock);
    tunnel_release(&scene->tunnel);
    scene->tunnel = tunnel_keep(tunnel);
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
    return scene;
}

static inline void on_disconnected(void *context, struct tunnel *tunnel, void *peer)
{
    (void)context;
    (void)tunnel;
    (void)peer;
}

static inline void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static inline void open_centre(struct scene *scene)
{
    static const char *const alpn[] = {TUNNEL_ALPN, NULL};
    static const struct tunnel_hub_events events = {on_connected, on_disconnected};
    struct err err = {0};
    char ignored[HASH_HEX_BYTES];
    const char *authority = in_folder(scene, "network");
    must(tls_make_authority(authority, "Network", &err), &err);
    must(tls_issue(authority, in_folder(scene, "centre"), "centre", "127.0.0.1", 30,
                   ignored, &err),
         &err);
    must(tls_issue(authority, in_folder(scene, "gateway"), "gateway", NULL, 30,
                   scene->fingerprint, &err),
         &err);
    struct tls_files files = {in_folder(scene, "centre.crt"),
                              in_folder(scene, "centre.key"),
                              in_folder(scene, "network.crt")};
    scene->loop = loop_new(&err);
    must(scene->loop, &err);
    scene->tls = tls_server_open(&files, true, alpn, &err);
    must(scene->tls, &err);
    struct tunnel_hub_config config = {.loop = scene->loop,
                                       .tls = scene->tls,
                                       .address = "127.0.0.1",
                                       .port = 0,
                                       .events = &events,
                                       .context = scene,
                                       .ping_ms = 20000};
    scene->hub = tunnel_hub_open(&config, &err);
    must(scene->hub, &err);
    pthread_create(&scene->loop_thread, NULL, run_loop, scene->loop);
}

/* ---- the gateway ---- */

static inline void write_config(struct scene *scene)
{
    struct err err = {0};
    char key[2 * SECRET_PUBLIC_KEY_BYTES + 1];
    CLEANUP(buf_free) struct buf json = buf_init(8192);
    hash_to_hex(span_of(scene->public.bytes, SECRET_PUBLIC_KEY_BYTES), key);
    buf_format(&json,
               "{\"facility_code\":\"2010000001\",\"facility_name\":\"飯田病院\","
               "\"node\":\"2010000001\",\"data\":\"%s/data\",\"storage\":[{\"label\":"
               "\"main\",\"directory\":\"%s/storage\"}],\"extended_storage\":[{\"label\":"
               "\"documents\",\"directory\":\"%s/documents\",\"may_be_empty\":true}],"
               "\"policy\":\"%s/policy.json\","
               "\"centre\":{\"host\":\"127.0.0.1\",\"port\":%d,\"certificate\":"
               "\"%s/gateway.crt\",\"key\":\"%s/gateway.key\",\"authority\":"
               "\"%s/network.crt\",\"grant_key\":\"%s\"},\"second_look_ms\":200,"
               "\"recent_days\":3650,\"poll_ms\":500}",
               scene->folder, scene->folder, scene->folder, scene->folder,
               tunnel_hub_port(scene->hub), scene->folder, scene->folder, scene->folder,
               key);
    must(path_make_directory(in_folder(scene, "documents"), &err), &err);
    must(path_write_file(in_folder(scene, "gateway.json"), buf_view(&json), &err), &err);
    must(path_write_file(in_folder(scene, "policy.json"), span_cstr(policy), &err), &err);
}

static inline void *run_gateway(void *context)
{
    struct scene *scene = context;
    struct err err = {0};
    must(gateway_run(scene->gateway, &err), &err);
    return NULL;
}

/* Starts it and waits until it has dialled in. */
static inline void start_gateway(struct scene *scene)
{
    struct err err = {0};
    pthread_mutex_lock(&scene->lock);
    tunnel_release(&scene->tunnel);
    pthread_mutex_unlock(&scene->lock);
    scene->gateway = gateway_open(in_folder(scene, "gateway.json"), &err);
    must(scene->gateway, &err);
    pthread_create(&scene->gateway_thread, NULL, run_gateway, scene);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    int fault = 0;
    pthread_mutex_lock(&scene->lock);
    while (!scene->tunnel && fault == 0)
        fault = pthread_cond_timedwait(&scene->changed, &scene->lock, &until);
    pthread_mutex_unlock(&scene->lock);
    CHECK(scene->tunnel);
}

static inline void stop_gateway(struct scene *scene)
{
    gateway_stop(scene->gateway);
    pthread_join(scene->gateway_thread, NULL);
    gateway_close(scene->gateway);
}
