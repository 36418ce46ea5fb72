// SPDX-License-Identifier: Apache-2.0
#pragma once
/* An institution: its code, names, kind, how it discloses, its policy, and whether its
 * gateway is connected now.
 *
 * The policy is the hospital's own word and is kept as the JSON that came with the
 * gateway's hello; the centre may only narrow it (exchange/disclosure reads it). Where
 * there is no gateway the network's office keeps one for it, of what its members write at
 * the centre. Never both: what changes its way ends its policy.
 * Not here: participation (exchange/network), numbers of patients (exchange/patient).
 *
 * Results are *arena*. Errors: ERR_MISSING not_found, ERR_SYNTAX, those of the store. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"

struct audit;
struct http_router;
struct json_writer;
struct network_epoch;
struct session_service;
struct store;
struct store_session;
struct store_statement;
struct tunnel;
struct tunnel_hub_events;
struct uplink_standing;

/* id */
#define FACILITY_KINDS(X)                                                                \
    X(HOSPITAL, "hospital")                                                              \
    X(CLINIC, "clinic")                                                                  \
    X(DENTAL, "dental")                                                                  \
    X(PHARMACY, "pharmacy")                                                              \
    X(NURSING, "nursing")                                                                \
    X(CARE, "care")                                                                      \
    X(OFFICE, "office")

enum facility_kind {
#define X(name, id) FACILITY_##name,
    FACILITY_KINDS(X)
#undef X
        FACILITY_KIND_COUNT
};

/* How the facility's own records reach others. */
enum facility_way {
    FACILITY_VIEW_ONLY,
    FACILITY_GATEWAY,
    FACILITY_STORE_CLIENT, /* pushes into the centre's storage service */
    FACILITY_MANUAL,       /* writes at the centre */
    FACILITY_WAY_COUNT
};

enum { FACILITY_CODE_DIGITS = 10, FACILITY_SLOT_MAX = 10, FACILITY_POLICY_MAX = 32768 };

struct facility {
    struct id id;
    struct text code; /* 医療機関コード, 10 digits */
    struct text name;
    struct text kana;
    enum facility_kind kind;
    enum facility_way way;
    struct text letter;          /* its mark in the calendar, unique among participants */
    int slot;                    /* colour slot 1 … 10 */
    struct text fingerprint;     /* of its gateway's certificate, SHA-256 hex, or "" */
    struct text policy;          /* JSON of the gateway or of the office, or "" */
    int64_t policy_version;      /* of the newest, also when it has ended; 0 = none yet */
    bool has_policy;             /* also where the policy itself is not read */
    int64_t last_seen_at;        /* gateway, UTC ms; 0 = never */
    int64_t certificate_ends_at; /* of its gateway, UTC ms; 0 = not known */
    bool may_register;           /* persons and numbers, by the network's decision; else
                                    it asks one that may (exchange/request) */
};

/* ---- rules ---- */
const char *facility_kind_id(enum facility_kind kind);
MUST_CHECK bool facility_kind_parse(struct text id, enum facility_kind *kind);
const char *facility_way_id(enum facility_way way); /* "gateway" … */
MUST_CHECK bool facility_way_parse(struct text id, enum facility_way *way);
/* True when others may see something of it, so that its numbers need its own match. */
bool facility_is_disclosing(const struct facility *facility);
/* ERR_SYNTAX "facility_invalid". */
MUST_CHECK bool facility_check(const struct facility *facility, struct err *err);
/* ERR_REFUSED "may_not_register". */
MUST_CHECK bool facility_check_registers(const struct facility *facility,
                                         struct err *err);
/* The contract's Facility object, as an array item or after json_key. */
void facility_write(struct json_writer *writer, const struct facility *facility,
                    bool is_connected);

/* ---- facts ---- */
MUST_CHECK bool facility_find(struct store_session *session, struct id id,
                              struct arena *arena, struct facility *found,
                              struct err *err);
MUST_CHECK bool facility_find_code(struct store_session *session, struct text code,
                                   struct arena *arena, struct facility *found,
                                   struct err *err);
/* Its policy only, and its code only. */
MUST_CHECK bool facility_find_policy(struct store_session *session, struct id id,
                                     struct arena *arena, struct text *policy,
                                     struct err *err);
MUST_CHECK bool facility_find_code_of(struct store_session *session, struct id id,
                                      struct arena *arena, struct text *code,
                                      struct err *err);
/* The same in two steps: asked ahead (store_ask), then taken. */
MUST_CHECK struct store_statement *facility_code_ask(struct store_session *session,
                                                     struct id id, struct err *err);
MUST_CHECK bool facility_code_take(struct store_statement *statement, struct arena *arena,
                                   struct text *code, struct err *err);
/* All, in order of their letters. A centre may have ten thousand, so this is not for what
 * somebody waits for. */
MUST_CHECK bool facility_list(struct store_session *session, struct arena *arena,
                              struct facility **items, size_t *count, struct err *err);
struct facility_ids {
    struct id *at;
    size_t count;
};
/* Those of `ids` that there are, each once, in the same order, without what is shown to
 * nobody: certificate and policy. */
MUST_CHECK bool facility_list_of(struct store_session *session,
                                 const struct facility_ids *ids, struct arena *arena,
                                 struct facility **items, size_t *count, struct err *err);
/* The same in two steps: asks ahead (store_ask), then takes. `ids` stays meanwhile. */
struct facility_list {
    struct facility_ids ids;
    struct store_statement *asked; /* *owned* */
};
MUST_CHECK bool facility_list_ask(struct store_session *session,
                                  const struct facility_ids *ids,
                                  struct facility_list *list, struct err *err);
MUST_CHECK bool facility_list_take(struct facility_list *list, struct arena *arena,
                                   struct facility **items, size_t *count,
                                   struct err *err);
void facility_list_end(struct facility_list *list); /* for CLEANUP */
/* The same from memory, at most FACILITY_KNOWN_MS old: for what is shown, never for what
 * is decided. `is_known` tells whether all of them were; else they are read and kept.
 * Times are monotonic, taken before the reading. */
enum { FACILITY_KNOWN_MS = 1000 };
struct facility_known; /* *owned* by server; threads share it */
MUST_CHECK struct facility_known *facility_known_new(struct err *err);
void facility_known_free(struct facility_known *known);
MUST_CHECK bool facility_known_list(struct facility_known *known,
                                    const struct facility_ids *ids, int64_t now_ms,
                                    struct arena *arena, struct facility **items,
                                    size_t *count, bool *is_known, struct err *err);
void facility_known_keep(struct facility_known *known, const struct facility *items,
                         size_t count, int64_t read_at_ms);
/* All that disclose, in the same order: few of all, and read from an index alone. */
MUST_CHECK bool facility_list_disclosing(struct store_session *session,
                                         struct arena *arena, struct facility_ids *ids,
                                         struct err *err);

/* Those without a gateway that have a policy, in order of their ids. */
MUST_CHECK bool facility_list_keeping(struct store_session *session, struct arena *arena,
                                      struct facility_ids *ids, struct err *err);
/* A version that the office kept. ERR_MISSING policy_missing. */
MUST_CHECK bool facility_find_office_policy(struct store_session *session,
                                            struct id facility, int64_t version,
                                            struct arena *arena, struct text *policy,
                                            struct err *err);

/* ---- writing, inside the caller's transaction ---- */
MUST_CHECK bool facility_add(struct store_session *session,
                             const struct facility *facility, int64_t now_ms,
                             struct err *err);
/* Names, kind, way, letter, slot, may_register; the code stays. Another way ends the
 * policy. Raises the epoch. */
MUST_CHECK bool facility_change(struct store_session *session,
                                const struct facility *facility, struct err *err);
/* Its gateway's certificate (hex SHA-256, 64 digits) and its end; "" ends the old one's
 * acceptance. Raises the epoch, so that every process cuts the old one's tunnel within a
 * second. ERR_CONFLICT "store_unique" when it is another facility's. */
MUST_CHECK bool facility_change_fingerprint(struct store_session *session,
                                            struct id facility, struct text fingerprint,
                                            int64_t ends_at, struct err *err);
/* The gateway's policy; a different one raises the epoch and the policy version. One of a
 * facility whose way is another is not taken. */
MUST_CHECK bool facility_change_policy(struct store_session *session, struct id facility,
                                       struct text policy, int64_t now_ms,
                                       struct err *err);

/* The same for a facility without a gateway, as it was read in this transaction, by the
 * office; each version is kept. ERR_CONFLICT policy_of_gateway where the gateway says it,
 * ERR_SYNTAX with the reason and ERR_LIMIT policy_too_large as a gateway would. */
MUST_CHECK bool facility_change_office_policy(struct store_session *session,
                                              const struct facility *facility,
                                              struct text policy, int64_t now_ms,
                                              struct err *err);

/* ---- connected gateways (facility_wire.c) ---- */
struct facility_gateways; /* *owned* by server; threads share it */

struct facility_gateways_config {
    struct store *store;
    struct audit *audit; /* peers' heads are kept here, and exchanged now and then */
    struct network_epoch *epoch;
    const char *node; /* the centre's name in its own audit */
    struct clock clock;
    const struct log *log;
    int heads_ms; /* 0 = every 10 minutes */
};

/* Who wants to know. `ready` runs in a worker of the gateways, after hello, and may
 * block; `away` runs on the loop and may not. Both may come again at any time. `still`
 * comes once a minute for each that is ready, for what it could not do when it was asked;
 * it may not block. `stands` tells that its standing is another; it may not block. */
struct facility_listener {
    void (*ready)(void *context, struct id facility);
    void (*still)(void *context, struct id facility);
    void (*away)(void *context, struct id facility);
    void (*stands)(void *context, struct id facility);
    void *context;
};

/* Loads the accepted fingerprints. */
MUST_CHECK struct facility_gateways *
facility_gateways_new(const struct facility_gateways_config *config, struct err *err);
/* After tunnel_hub_close: its threads end, listeners hear nothing any more. Others may
 * still ask about gateways, which are all away. */
void facility_gateways_stop(struct facility_gateways *gateways);
/* Stops, too. When nobody asks any more: after patient_stop. */
void facility_gateways_free(struct facility_gateways *gateways);
/* Before the hub opens; kept by value, at most 8. */
void facility_gateways_listen(struct facility_gateways *gateways,
                              const struct facility_listener *listener);
/* For tunnel_hub_config: these events with `gateways` as context. */
const struct tunnel_hub_events *facility_gateways_events(void);
/* Reads the accepted fingerprints again, after one was changed. Happens by itself when
 * the epoch rises, whoever raised it. */
MUST_CHECK bool facility_gateways_reload(struct facility_gateways *gateways,
                                         struct err *err);
/* A kept tunnel of the facility's ready gateway, to be given back with tunnel_release;
 * NULL with ERR_BUSY "gateway_away". */
MUST_CHECK struct tunnel *facility_gateway_take(struct facility_gateways *gateways,
                                                struct id facility, struct err *err);
/* The same with what a signed grant is bound to: the next counter of this tunnel (1 …)
 * and the milliseconds since the gateway answered hello. */
struct facility_line {
    struct tunnel *tunnel; /* kept */
    int64_t counter;
    int64_t age_ms;
    int64_t clock_ms; /* our wall clock, for what is signed */
};
MUST_CHECK bool facility_gateway_line(struct facility_gateways *gateways,
                                      struct id facility, struct facility_line *line,
                                      struct err *err);
/* Gateways with an accepted certificate, and those of them that are ready. */
void facility_gateways_count(struct facility_gateways *gateways, int *accepted,
                             int *ready);
bool facility_gateway_is_ready(struct facility_gateways *gateways, struct id facility);
/* How far it has read its storages, as it said last; false when it is not connected. */
bool facility_gateway_standing(struct facility_gateways *gateways, struct id facility,
                               struct uplink_standing *standing);
/* What it says now; the listeners hear of it when it is something else. */
void facility_gateway_note_standing(struct facility_gateways *gateways,
                                    struct id facility,
                                    const struct uplink_standing *standing);
/* Since when the centre itself has not been able to keep what this gateway sends (its own
 * database is full, say), UTC ms, 0 = it is; the listeners hear of a change. What the
 * gateway says of its storages is right all the same. */
int64_t facility_gateway_untaken_since(struct facility_gateways *gateways,
                                       struct id facility);
void facility_gateway_note_untaken(struct facility_gateways *gateways, struct id facility,
                                   int64_t since_ms);

/* ---- routes: listFacilities ---- */
struct facility_service {
    struct store *store;
    struct session_service *sessions;
    struct facility_gateways *gateways; /* NULL: none is ever connected */
    struct clock clock;
};
void facility_routes(struct http_router *router, struct facility_service *service);
