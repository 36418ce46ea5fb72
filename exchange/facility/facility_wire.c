// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "exchange/audit/audit.h"
#include "exchange/facility/facility_parts.h"
#include "exchange/network/network.h"
#include "formats/uplink/uplink.h"
#include "wire/loop/loop.h"
#include "wire/tunnel/tunnel.h"

enum {
    LISTENERS_MAX = 8,
    WORKERS = 8,
    WORKERS_QUEUE_MAX = 4096,
    HELLO_MS = 10000,
    HEADS_MS = 600 * 1000,
    DOORS_MS = 200,
    STILL_MS = 60 * 1000,
    ANSWER_BYTES_MAX = 256 * 1024,
    JOB_ARENA_BYTES = 4 << 20,
    CLOCK_APART_S = 60, /* from where on an operator is told */
};

/* One facility with an accepted certificate; lives as long as the table. */
struct gateway {
    struct facility_gateways *gateways;
    struct id facility;
    char code[FACILITY_CODE_DIGITS + 1];
    char fingerprint[HASH_HEX_BYTES];    /* "" = not accepted any more */
    struct tunnel *tunnel;               /* kept; NULL = away */
    bool is_ready;                       /* hello succeeded on this tunnel */
    bool is_listed;                      /* a certificate was read last time */
    char node[AUDIT_NODE_BYTES_MAX + 1]; /* as it said last, "" = never */
    int64_t greeted_at_ms;               /* monotonic, when its answer was there */
    int64_t counter;                     /* of grants on this tunnel */
    struct uplink_standing standing;     /* as it said last on this tunnel */
    int64_t untaken_since_ms;            /* what it sends is not kept here, 0 = it is */
    struct gateway *next;
};

struct facility_gateways {
    struct facility_gateways_config config;
    struct facility_listener listeners[LISTENERS_MAX]; /* fixed before serving */
    size_t listener_count;
    struct workers *workers;
    pthread_mutex_t lock; /* guards all gateways and is_closing */
    struct gateway *first;
    pthread_cond_t closing;
    bool is_closing;
    uint64_t doors_epoch; /* as of the first reading */
    int64_t still_at_ms;  /* monotonic; of the doors' thread */
    pthread_t heads_thread;
    pthread_t doors_thread;
};

/* ---- the table ---- */

static struct gateway *find_facility(struct facility_gateways *gateways,
                                     struct id facility)
{
    struct gateway *gateway = gateways->first;
    while (gateway && !id_equal(gateway->facility, facility))
        gateway = gateway->next;
    return gateway;
}

static struct gateway *add_gateway(struct facility_gateways *gateways,
                                   const struct facility *facility, struct err *err)
{
    struct gateway *gateway = memory_new(1, sizeof *gateway, err);
    if (!gateway)
        return NULL;
    gateway->gateways = gateways;
    gateway->facility = facility->id;
    if (facility->code.len < sizeof gateway->code)
        memcpy(gateway->code, facility->code.at, facility->code.len);
    gateway->next = gateways->first;
    gateways->first = gateway;
    return gateway;
}

/* A changed certificate ends the tunnel that the old one opened. */
static void take_fingerprint(struct gateway *gateway, struct text fingerprint)
{
    bool is_changed = !text_is(fingerprint, gateway->fingerprint);
    memset(gateway->fingerprint, 0, sizeof gateway->fingerprint);
    if (fingerprint.len > 0 && fingerprint.len < sizeof gateway->fingerprint)
        memcpy(gateway->fingerprint, fingerprint.at, fingerprint.len);
    if (is_changed && gateway->tunnel)
        tunnel_cut(gateway->tunnel);
}

static bool load_one(struct facility_gateways *gateways, const struct facility *facility,
                     struct err *err)
{
    struct gateway *gateway = find_facility(gateways, facility->id);
    if (!gateway)
        gateway = add_gateway(gateways, facility, err);
    if (!gateway)
        return false;
    gateway->is_listed = true;
    take_fingerprint(gateway, facility->fingerprint);
    return true;
}

/* All certificates of now; who is not among them has none any more. */
static bool load_all(struct facility_gateways *gateways, const struct facility *items,
                     size_t count, struct err *err)
{
    bool is_loaded = true;
    for (struct gateway *one = gateways->first; one; one = one->next)
        one->is_listed = false;
    for (size_t i = 0; i < count && is_loaded; i++)
        is_loaded = load_one(gateways, &items[i], err);
    for (struct gateway *one = gateways->first; one && is_loaded; one = one->next)
        if (!one->is_listed)
            take_fingerprint(one, TEXT(""));
    return is_loaded;
}

bool facility_gateways_reload(struct facility_gateways *gateways, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct facility *items = NULL;
    size_t count = 0;
    if (!facility_load_doors(gateways->config.store, &arena, &items, &count, err))
        return false;
    pthread_mutex_lock(&gateways->lock);
    bool is_loaded = load_all(gateways, items, count, err);
    pthread_mutex_unlock(&gateways->lock);
    return is_loaded;
}

struct tunnel *facility_gateway_take(struct facility_gateways *gateways,
                                     struct id facility, struct err *err)
{
    struct tunnel *tunnel = NULL;
    pthread_mutex_lock(&gateways->lock);
    const struct gateway *gateway = find_facility(gateways, facility);
    if (gateway && gateway->is_ready)
        tunnel = tunnel_keep(gateway->tunnel);
    pthread_mutex_unlock(&gateways->lock);
    if (!tunnel)
        (void)err_set(err, ERR_BUSY, "gateway_away", "the gateway is not connected");
    return tunnel;
}

bool facility_gateway_line(struct facility_gateways *gateways, struct id facility,
                           struct facility_line *line, struct err *err)
{
    int64_t now_ms = clock_monotonic_ms(&gateways->config.clock);
    *line = (struct facility_line){0};
    pthread_mutex_lock(&gateways->lock);
    struct gateway *gateway = find_facility(gateways, facility);
    if (gateway && gateway->is_ready)
        *line = (struct facility_line){
            .tunnel = tunnel_keep(gateway->tunnel),
            .counter = ++gateway->counter,
            .age_ms =
                now_ms > gateway->greeted_at_ms ? now_ms - gateway->greeted_at_ms : 0,
            .clock_ms = clock_wall_ms(&gateways->config.clock),
        };
    pthread_mutex_unlock(&gateways->lock);
    return line->tunnel ||
           err_set(err, ERR_BUSY, "gateway_away", "the gateway is not connected");
}

void facility_gateways_count(struct facility_gateways *gateways, int *accepted,
                             int *ready)
{
    *accepted = 0;
    *ready = 0;
    pthread_mutex_lock(&gateways->lock);
    for (const struct gateway *g = gateways->first; g; g = g->next) {
        *accepted += g->fingerprint[0] != '\0';
        *ready += g->is_ready;
    }
    pthread_mutex_unlock(&gateways->lock);
}

bool facility_gateway_is_ready(struct facility_gateways *gateways, struct id facility)
{
    pthread_mutex_lock(&gateways->lock);
    const struct gateway *gateway = find_facility(gateways, facility);
    bool is_ready = gateway && gateway->is_ready;
    pthread_mutex_unlock(&gateways->lock);
    return is_ready;
}

bool facility_gateway_standing(struct facility_gateways *gateways, struct id facility,
                               struct uplink_standing *standing)
{
    *standing = (struct uplink_standing){0};
    pthread_mutex_lock(&gateways->lock);
    const struct gateway *gateway = find_facility(gateways, facility);
    bool is_ready = gateway && gateway->is_ready;
    if (is_ready)
        *standing = gateway->standing;
    pthread_mutex_unlock(&gateways->lock);
    return is_ready;
}

static void tell_standing(struct facility_gateways *gateways, struct id facility)
{
    for (size_t i = 0; i < gateways->listener_count; i++)
        if (gateways->listeners[i].stands)
            gateways->listeners[i].stands(gateways->listeners[i].context, facility);
}

void facility_gateway_note_standing(struct facility_gateways *gateways,
                                    struct id facility,
                                    const struct uplink_standing *standing)
{
    bool is_news = false;
    pthread_mutex_lock(&gateways->lock);
    struct gateway *gateway = find_facility(gateways, facility);
    if (gateway && gateway->is_ready) {
        is_news = !uplink_standing_equal(&gateway->standing, standing);
        gateway->standing = *standing;
    }
    pthread_mutex_unlock(&gateways->lock);
    if (is_news)
        tell_standing(gateways, facility);
}

int64_t facility_gateway_untaken_since(struct facility_gateways *gateways,
                                       struct id facility)
{
    pthread_mutex_lock(&gateways->lock);
    const struct gateway *gateway = find_facility(gateways, facility);
    int64_t since_ms = gateway ? gateway->untaken_since_ms : 0;
    pthread_mutex_unlock(&gateways->lock);
    return since_ms;
}

void facility_gateway_note_untaken(struct facility_gateways *gateways, struct id facility,
                                   int64_t since_ms)
{
    bool is_news = false;
    pthread_mutex_lock(&gateways->lock);
    struct gateway *gateway = find_facility(gateways, facility);
    if (gateway) {
        is_news = gateway->untaken_since_ms != since_ms;
        gateway->untaken_since_ms = since_ms;
    }
    pthread_mutex_unlock(&gateways->lock);
    if (is_news)
        tell_standing(gateways, facility);
}

/* ---- talking to one gateway, in a worker ---- */

static struct uplink_head own_head(struct facility_gateways *gateways)
{
    struct audit_position position = audit_head(gateways->config.audit);
    struct uplink_head head = {.node = text_cstr(gateways->config.node),
                               .number = (int64_t)position.number,
                               .clock_ms = clock_wall_ms(&gateways->config.clock)};
    memcpy(head.hash, position.hash.bytes, HASH_BYTES);
    return head;
}

static bool keep_head(struct facility_gateways *gateways, const struct uplink_head *head,
                      struct err *err)
{
    if (head->number == 0)
        return true;
    struct audit_position position = {.number = (uint64_t)head->number};
    memcpy(position.hash.bytes, head->hash, HASH_BYTES);
    return audit_keep_head(gateways->config.audit, head->node, &position, err);
}

/* The answer's JSON; the document is the caller's. */
static struct json_document *ask(struct tunnel *tunnel, const char *path,
                                 const struct buf *body, struct arena *arena,
                                 struct err *err)
{
    struct tunnel_request request = {.method = "POST",
                                     .path = path,
                                     .body = buf_view(body),
                                     .first_byte_ms = HELLO_MS,
                                     .total_ms = HELLO_MS};
    int status = 0;
    struct span answer;
    if (!buf_check(body, err) ||
        !tunnel_ask(tunnel, &request, ANSWER_BYTES_MAX, arena, &status, &answer, err))
        return NULL;
    if (status == 409) { /* to /hello alone: docs/specs/uplink.md */
        (void)err_set(err, ERR_CONFLICT, "protocol_unknown",
                      "the gateway speaks no protocol of ours");
        return NULL;
    }
    if (status != 200) {
        (void)err_set(err, ERR_BUSY, "gateway_refused", "the gateway answered %d",
                      status);
        return NULL;
    }
    return json_parse(answer, err);
}

/* What the gateway says must fit the certificate it came with. */
static bool check_welcome(const struct gateway *gateway,
                          const struct uplink_welcome *welcome, struct arena *arena,
                          struct err *err)
{
    if (welcome->protocol < UPLINK_PROTOCOL_MIN ||
        welcome->protocol > UPLINK_PROTOCOL_MAX)
        return err_set(err, ERR_CONFLICT, "protocol_unknown", "protocol %lld",
                       (long long)welcome->protocol);
    if (!text_is(welcome->facility_code, gateway->code))
        return err_set(err, ERR_REFUSED, "facility_code",
                       "the gateway names another facility than its certificate");
    struct uplink_policy policy;
    return uplink_read_policy(text_span(welcome->policy), arena, &policy, err);
}

/* Rows of two audits that tell of one moment ought to say so; contents are refused from
 * an hour on (formats/grant), certificates from a day. Which of the two is wrong only
 * people know. */
static void check_clock(const struct gateway *gateway, int64_t theirs_ms)
{
    const struct facility_gateways_config *config = &gateway->gateways->config;
    int64_t apart_s = 0;
    if (theirs_ms <= 0 || !config->log)
        return;
    apart_s = (theirs_ms - clock_wall_ms(&config->clock)) / 1000;
    if (apart_s >= CLOCK_APART_S || apart_s <= -CLOCK_APART_S)
        LOG(config->log, "clock_apart", LOG_WORD("facility", gateway->code),
            LOG_NUMBER("ahead_s", apart_s));
}

/* Two audit series of one name would look like one that was forged: each other's heads
 * would be kept for the same. */
static bool take_node(struct gateway *gateway, struct text node, struct err *err)
{
    struct facility_gateways *gateways = gateway->gateways;
    struct text own = text_cstr(gateways->config.node);
    bool is_taken = text_equal(node, own) || node.len >= sizeof gateway->node;
    if (node.len == 0)
        return true; /* it has no audit yet */
    pthread_mutex_lock(&gateways->lock);
    for (const struct gateway *one = gateways->first; one; one = one->next)
        is_taken = is_taken || (one != gateway && text_is(node, one->node));
    if (!is_taken) {
        memset(gateway->node, 0, sizeof gateway->node);
        memcpy(gateway->node, node.at, node.len);
    }
    pthread_mutex_unlock(&gateways->lock);
    return !is_taken ||
           err_set(err, ERR_CONFLICT, "node_taken",
                   "%s: another one's audit has the node of this gateway", gateway->code);
}

static bool say_hello(struct gateway *gateway, struct tunnel *tunnel, struct err *err)
{
    struct facility_gateways *gateways = gateway->gateways;
    CLEANUP(arena_free) struct arena arena = arena_init(JOB_ARENA_BYTES);
    CLEANUP(buf_free) struct buf body = buf_init(ANSWER_BYTES_MAX);
    struct json_writer writer = json_writer(&body);
    struct uplink_hello hello = {.protocol_min = UPLINK_PROTOCOL_MIN,
                                 .protocol_max = UPLINK_PROTOCOL_MAX,
                                 .node = text_cstr(gateways->config.node),
                                 .tunnel = tunnel_id(tunnel),
                                 .head = own_head(gateways)};
    uplink_write_hello(&writer, &hello);
    CLEANUP(json_free_at)
    struct json_document *answer = ask(tunnel, "/hello", &body, &arena, err);
    struct uplink_welcome welcome;
    if (!answer || !uplink_read_welcome(json_root(answer), &welcome, err) ||
        !check_welcome(gateway, &welcome, &arena, err) ||
        !take_node(gateway, welcome.head.node, err) ||
        !keep_head(gateways, &welcome.head, err) ||
        !facility_keep_policy(gateways->config.store, gateway->facility, welcome.policy,
                              clock_wall_ms(&gateways->config.clock), err))
        return false;
    check_clock(gateway, welcome.clock_ms);
    network_epoch_refresh(gateways->config.epoch);
    pthread_mutex_lock(&gateways->lock);
    gateway->standing = welcome.standing;
    pthread_mutex_unlock(&gateways->lock);
    return true;
}

static bool mark_ready(struct gateway *gateway, const struct tunnel *tunnel)
{
    int64_t greeted_at_ms = clock_monotonic_ms(&gateway->gateways->config.clock);
    pthread_mutex_lock(&gateway->gateways->lock);
    bool is_still_there = gateway->tunnel == tunnel && tunnel_is_alive(tunnel);
    if (is_still_there) {
        gateway->is_ready = true;
        gateway->greeted_at_ms = greeted_at_ms;
        gateway->counter = 0;
    }
    pthread_mutex_unlock(&gateway->gateways->lock);
    return is_still_there;
}

/* Tunnels have numbers only; an operator looks for a hospital. */
static void log_gateway(const struct gateway *gateway, const char *state)
{
    if (gateway->gateways->config.log)
        LOG(gateway->gateways->config.log, "gateway", LOG_WORD("state", state),
            LOG_WORD("facility", gateway->code));
}

struct greeting {
    struct gateway *gateway;
    struct tunnel *tunnel; /* kept */
};

static void greet(void *context)
{
    struct greeting *greeting = context;
    struct facility_gateways *gateways = greeting->gateway->gateways;
    struct id facility = greeting->gateway->facility;
    struct err err = {0};
    if (say_hello(greeting->gateway, greeting->tunnel, &err)) {
        if (mark_ready(greeting->gateway, greeting->tunnel)) {
            log_gateway(greeting->gateway, "ready");
            for (size_t i = 0; i < gateways->listener_count; i++)
                if (gateways->listeners[i].ready)
                    gateways->listeners[i].ready(gateways->listeners[i].context,
                                                 facility);
        }
    } else {
        if (gateways->config.log)
            log_err(gateways->config.log, "gateway_hello", &err);
        log_gateway(greeting->gateway, "refused");
        tunnel_cut(greeting->tunnel);
    }
    tunnel_release(&greeting->tunnel);
    memory_free(greeting);
}

/* ---- events of the hub, on the loop ---- */

static struct gateway *find_fingerprint(struct facility_gateways *gateways,
                                        const char *fingerprint)
{
    struct gateway *gateway = *fingerprint ? gateways->first : NULL;
    while (gateway && strcmp(gateway->fingerprint, fingerprint) != 0)
        gateway = gateway->next;
    return gateway;
}

static bool post_greeting(struct gateway *gateway, struct tunnel *tunnel)
{
    struct err err = {0};
    struct greeting *greeting = memory_new(1, sizeof *greeting, &err);
    if (!greeting)
        return false;
    *greeting = (struct greeting){gateway, tunnel_keep(tunnel)};
    if (workers_post(gateway->gateways->workers, greet, greeting))
        return true;
    tunnel_release(&greeting->tunnel);
    memory_free(greeting);
    return false;
}

static void *connected(void *context, struct tunnel *tunnel, const char *fingerprint)
{
    struct facility_gateways *gateways = context;
    struct tunnel *replaced = NULL;
    pthread_mutex_lock(&gateways->lock);
    struct gateway *gateway = find_fingerprint(gateways, fingerprint);
    if (gateway && !post_greeting(gateway, tunnel))
        gateway = NULL;
    if (gateway) {
        /* The gateway dialled again before we saw the old line die. */
        replaced = gateway->tunnel;
        gateway->tunnel = tunnel_keep(tunnel);
        gateway->is_ready = false;
    }
    pthread_mutex_unlock(&gateways->lock);
    if (replaced) {
        tunnel_cut(replaced);
        tunnel_release(&replaced);
    }
    return gateway;
}

static void disconnected(void *context, struct tunnel *tunnel, void *peer)
{
    struct facility_gateways *gateways = context;
    struct gateway *gateway = peer;
    struct tunnel *gone = NULL;
    pthread_mutex_lock(&gateways->lock);
    bool was_ready = false;
    if (gateway->tunnel == tunnel) {
        was_ready = gateway->is_ready;
        gone = gateway->tunnel;
        gateway->tunnel = NULL;
        gateway->is_ready = false;
    }
    pthread_mutex_unlock(&gateways->lock);
    if (was_ready)
        log_gateway(gateway, "away");
    for (size_t i = 0; was_ready && i < gateways->listener_count; i++)
        if (gateways->listeners[i].away)
            gateways->listeners[i].away(gateways->listeners[i].context,
                                        gateway->facility);
    if (gone)
        tunnel_release(&gone);
}

const struct tunnel_hub_events *facility_gateways_events(void)
{
    static const struct tunnel_hub_events events = {connected, disconnected};
    return &events;
}

/* ---- heads, every ten minutes ---- */

static void exchange_heads(const struct greeting *greeting)
{
    struct facility_gateways *gateways = greeting->gateway->gateways;
    CLEANUP(arena_free) struct arena arena = arena_init(JOB_ARENA_BYTES);
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct err err = {0};
    struct json_writer writer = json_writer(&body);
    struct uplink_head head = own_head(gateways);
    uplink_write_head(&writer, &head);
    CLEANUP(json_free_at)
    struct json_document *answer = ask(greeting->tunnel, "/heads", &body, &arena, &err);
    struct uplink_head theirs;
    if (answer && uplink_read_head(json_root(answer), &theirs, &err) &&
        keep_head(gateways, &theirs, &err)) {
        check_clock(greeting->gateway, theirs.clock_ms);
        return;
    }
    if (gateways->config.log)
        log_err(gateways->config.log, "heads_not_exchanged", &err);
}

/* The n-th ready gateway, its tunnel kept, so that none is asked with the lock held. */
static bool take_nth(struct facility_gateways *gateways, size_t n, struct greeting *taken)
{
    *taken = (struct greeting){0};
    pthread_mutex_lock(&gateways->lock);
    for (struct gateway *g = gateways->first; g && !taken->tunnel; g = g->next)
        if (g->is_ready && n-- == 0)
            *taken = (struct greeting){g, tunnel_keep(g->tunnel)};
    pthread_mutex_unlock(&gateways->lock);
    return taken->tunnel != NULL;
}

/* False when the table is closing. */
static bool wait_ms(struct facility_gateways *gateways, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&gateways->lock);
    int waited = 0;
    while (!gateways->is_closing && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&gateways->closing, &gateways->lock, &until);
    bool goes_on = !gateways->is_closing;
    pthread_mutex_unlock(&gateways->lock);
    return goes_on;
}

static void *run_heads(void *context)
{
    struct facility_gateways *gateways = context;
    int heads_ms = gateways->config.heads_ms;
    while (wait_ms(gateways, heads_ms > 0 ? heads_ms : HEADS_MS)) {
        struct greeting one;
        for (size_t n = 0; take_nth(gateways, n, &one); n++) {
            exchange_heads(&one);
            tunnel_release(&one.tunnel);
        }
    }
    return NULL;
}

/* ---- who is still there ---- */

static bool find_nth_ready(struct facility_gateways *gateways, size_t n,
                           struct id *facility)
{
    bool is_found = false;
    pthread_mutex_lock(&gateways->lock);
    for (struct gateway *g = gateways->first; g && !is_found; g = g->next) {
        if (!g->is_ready || n-- > 0)
            continue;
        *facility = g->facility;
        is_found = true;
    }
    pthread_mutex_unlock(&gateways->lock);
    return is_found;
}

static void tell_still(struct facility_gateways *gateways)
{
    struct id facility;
    int64_t now_ms = clock_monotonic_ms(&gateways->config.clock);
    if (now_ms < gateways->still_at_ms)
        return;
    gateways->still_at_ms = now_ms + STILL_MS;
    for (size_t n = 0; find_nth_ready(gateways, n, &facility); n++)
        for (size_t i = 0; i < gateways->listener_count; i++)
            if (gateways->listeners[i].still)
                gateways->listeners[i].still(gateways->listeners[i].context, facility);
}

/* ---- changes of the accepted certificates, by whatever process ---- */

static void *run_doors(void *context)
{
    struct facility_gateways *gateways = context;
    bool was_failing = false;
    uint64_t seen = gateways->doors_epoch;
    while (wait_ms(gateways, DOORS_MS)) {
        tell_still(gateways);
        uint64_t now = network_epoch_now(gateways->config.epoch);
        if (now == seen && !was_failing)
            continue;
        struct err err = {0};
        bool is_failing = !facility_gateways_reload(gateways, &err);
        if (is_failing && !was_failing && gateways->config.log)
            log_err(gateways->config.log, "gateways_not_reloaded", &err);
        was_failing = is_failing;
        seen = now;
    }
    return NULL;
}

/* ---- life ---- */

static void stop_threads(struct facility_gateways *gateways, bool has_doors)
{
    pthread_mutex_lock(&gateways->lock);
    gateways->is_closing = true;
    pthread_cond_broadcast(&gateways->closing);
    pthread_mutex_unlock(&gateways->lock);
    pthread_join(gateways->heads_thread, NULL);
    if (has_doors)
        pthread_join(gateways->doors_thread, NULL);
}

static bool start(struct facility_gateways *gateways, struct err *err)
{
    /* Taken before the reading: a change between the two is read once more. */
    gateways->doors_epoch = network_epoch_now(gateways->config.epoch);
    gateways->still_at_ms = clock_monotonic_ms(&gateways->config.clock) + STILL_MS;
    if (!facility_gateways_reload(gateways, err))
        return false;
    gateways->workers = workers_new(WORKERS, WORKERS_QUEUE_MAX, err);
    if (!gateways->workers)
        return false;
    if (pthread_create(&gateways->heads_thread, NULL, run_heads, gateways) == 0) {
        if (pthread_create(&gateways->doors_thread, NULL, run_doors, gateways) == 0)
            return true;
        stop_threads(gateways, false);
    }
    workers_free(gateways->workers);
    return err_set(err, ERR_SYSTEM, "thread_failed", "no thread for the gateways");
}

static void destroy(struct facility_gateways *gateways)
{
    while (gateways->first) {
        struct gateway *gateway = gateways->first;
        gateways->first = gateway->next;
        if (gateway->tunnel)
            tunnel_release(&gateway->tunnel);
        memory_free(gateway);
    }
    pthread_cond_destroy(&gateways->closing);
    pthread_mutex_destroy(&gateways->lock);
    memory_free(gateways);
}

struct facility_gateways *
facility_gateways_new(const struct facility_gateways_config *config, struct err *err)
{
    struct facility_gateways *gateways = memory_new(1, sizeof *gateways, err);
    if (!gateways)
        return NULL;
    gateways->config = *config;
    pthread_mutex_init(&gateways->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gateways->closing, &attributes);
    pthread_condattr_destroy(&attributes);
    if (start(gateways, err))
        return gateways;
    destroy(gateways);
    return NULL;
}

void facility_gateways_stop(struct facility_gateways *gateways)
{
    if (!gateways->workers)
        return;
    stop_threads(gateways, true);
    workers_free(gateways->workers);
    gateways->workers = NULL;
}

void facility_gateways_free(struct facility_gateways *gateways)
{
    if (!gateways)
        return;
    facility_gateways_stop(gateways);
    destroy(gateways);
}

void facility_gateways_listen(struct facility_gateways *gateways,
                              const struct facility_listener *listener)
{
    assert(gateways->listener_count < LISTENERS_MAX);
    gateways->listeners[gateways->listener_count++] = *listener;
}
