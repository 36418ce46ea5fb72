// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The service centre, wired: everything is built here from configuration, and the route
 * table is put together here. Configuration is one JSON file (docs/operations/server.md);
 * a fault in it stops the start with a reason. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/text.h"

struct server; /* *owned* by main */
struct http_router;

/* Below the data directory while a copy is brought back; with it there is no start, and
 * the office does not open either: ERR_CONFLICT "restore_unfinished". */
#define SERVER_RESTORING "restoring"
MUST_CHECK bool server_check_restored(const char *data, struct err *err);

/* Besides faults of the configuration: ERR_CONFLICT "restore_unfinished". */
MUST_CHECK struct server *server_open(const char *config_file, struct err *err);
/* Runs on the calling thread until server_stop. */
void server_run(struct server *server);
/* From any thread or a signal handler. */
void server_stop(struct server *server);
/* From any thread: reads the listeners' certificates, keys and authorities anew, for the
 * connections to come; who is connected stays. Logged: "certificates_renewed", or why
 * not, and then the former ones stay in use. */
void server_renew(struct server *server);
void server_close(struct server *server);
uint16_t server_port(const struct server *server);
uint16_t server_metrics_port(const struct server *server); /* 0 without listener */
uint16_t server_gateway_port(const struct server *server);
/* The route table, for the test that compares it with the OpenAPI file. */
const struct http_router *server_router(const struct server *server);

/* ---- the network's office ---- */
/* The server's records in another process, beside a running server or without one: its
 * configuration, the database, and an audit series of its own, "<node>-<series>". Plain
 * struct on the caller's stack, closed by CLEANUP(server_office_close). */
struct server_office {
    struct arena arena;
    struct log log;
    const char *data;     /* directory */
    const char *keys;     /* directory */
    const char *database; /* location of the store */
    bool is_elsewhere;    /* on a database server, not below data */
    const char *node;
    const char *browser_authority; /* file; NULL without TLS */
    const char *gateway_authority;
    const char *backup_key; /* file; NULL when the configuration names none */
    struct store *store;
    struct audit *audit;
};
/* Reads the configuration only. */
MUST_CHECK bool server_office_read(struct server_office *office, const char *config_file,
                                   struct err *err);
/* Opens the audit of an office that was read. ERR_BUSY "audit_locked" while another
 * process writes the same series; "restore_unfinished". */
MUST_CHECK bool server_office_open_audit(struct server_office *office, const char *series,
                                         struct err *err);
/* Audit and store. */
MUST_CHECK bool server_office_open(struct server_office *office, const char *series,
                                   struct err *err);
void server_office_close(struct server_office *office);

/* ---- founding ---- */
/* A certificate that is accepted for a facility: of its gateway, or of a terminal. */
struct server_accepted_certificate {
    struct text facility_code;
    struct text fingerprint;
    bool is_terminal;
    int64_t ends_at_ms; /* of a terminal */
};

struct server_seed {
    const char *data;     /* the server's data directory */
    const char *database; /* as in its configuration; NULL = below data. Must be new */
    struct span region;   /* region.json of `tsumugi synth` */
    const struct server_accepted_certificate *certificates;
    size_t certificate_count;
    int64_t now_ms;
    struct rand rand;
};
/* Makes the database of a network from a region's description: network, participant
 * lists, facilities, staff with passwords, persons, numbers, consents. Numbers of
 * disclosing facilities stay proposed until their gateways match them. */
MUST_CHECK bool server_seed_region(const struct server_seed *seed, struct err *err);
