// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The synthetic region on one machine: a centre, three hospitals' gateways with real TLS
 * between them, and everybody's accounts. Loopback only, invented data only. Private to
 * cli/demo.c and its parts. */

#include <sys/types.h>

#include "base/arena.h"
#include "base/day.h"
#include "base/hash.h"
#include "formats/json/json.h"

enum { DEMO_PATH_BYTES = 900, DEMO_HOSPITALS_MAX = 8, DEMO_CERTIFICATES_MAX = 64 };

/* Of the files with a terminal's certificate and key. */
#define DEMO_BUNDLE_PASSWORD "tsumugi"

struct demo_hospital {
    struct text code;
    struct text name;
    bool is_away;       /* at the start */
    bool has_documents; /* extended storage */
    bool has_images;
    bool takes_dicom;
    char fingerprint[HASH_HEX_BYTES];
    pid_t process; /* 0 = not running */
};

struct demo {
    int (*synth)(int argc, char **argv); /* the subcommand that invents the region */
    const char *directory;
    bool has_tls; /* people's pages over TLS, with a certificate for each facility */
    const char *database; /* the centre's; NULL = a file below the directory */
    int port;
    int people;
    const char *consent; /* "comprehensive" or "specific": the network's model */
    bool is_full;        /* large studies too: a CT of 600 slices, 24 hours of ECG */
    int32_t today;
    struct arena arena;
    struct json_document *region; /* *owned* */
    struct demo_hospital hospitals[DEMO_HOSPITALS_MAX];
    size_t hospital_count;
    pid_t server;
    int gateway_port;
    int dicom_port; /* on which the first hospital with images takes DICOM; 0 = none */
    int dicom_held; /* *owned* socket that keeps that port for it; -1 = none */
};

/* Whom that hospital takes DICOM from, and what it is called itself. */
#define DEMO_DICOM_PEER "STORESCU"
#define DEMO_DICOM_TITLE "TSUMUGI"
enum { DEMO_DICOM_PORT = 11112 };

/* "<directory>/<name>" into out. */
void demo_path(const struct demo *demo, const char *name, char out[DEMO_PATH_BYTES]);

/* ---- preparing (prepare.c): data, certificates, configuration, accounts ---- */
/* True when the directory holds a region already (it is then used as it is). */
bool demo_is_prepared(const struct demo *demo);
MUST_CHECK bool demo_prepare(struct demo *demo, struct err *err);
/* Reads region.json; hospitals are filled from it. */
MUST_CHECK bool demo_read_region(struct demo *demo, struct err *err);
/* With the ports as they are now. */
MUST_CHECK bool demo_write_server_config(const struct demo *demo, struct err *err);
MUST_CHECK bool demo_write_gateway_configs(struct demo *demo, struct err *err);

/* ---- ports (port.c) ---- */
/* A socket on loopback that keeps `port`, the usual one or any that is free, from every
 * other region until it is closed; a listener that shares addresses (SO_REUSEADDR) may
 * have it. *Owned* by the caller; -1 = no port. */
MUST_CHECK int demo_hold_port(int usual, int *port);

/* ---- processes (processes.c) ---- */
/* Starts the centre and learns its ports. */
MUST_CHECK bool demo_start_server(struct demo *demo, struct err *err);
MUST_CHECK bool demo_start_gateway(struct demo *demo, struct demo_hospital *hospital,
                                   struct err *err);
void demo_stop_gateway(struct demo_hospital *hospital);
void demo_stop_all(struct demo *demo);

/* ---- the self-test of --once (once.c) ---- */
/* Does the main job through HTTP and prints each step; false when a step failed. */
bool demo_test_main_job(struct demo *demo);

/* ---- a small HTTP client on loopback (client.c) ---- */
struct demo_client {
    int port;
    char cookie[256];
    char csrf[128];
};
/* One request on a connection of its own. `json` may be NULL. The body is *arena*. */
MUST_CHECK bool demo_ask(struct demo_client *client, const char *method, const char *path,
                         const char *json, struct arena *arena, int *status,
                         struct span *body, struct err *err);
