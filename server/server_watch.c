// SPDX-License-Identifier: Apache-2.0
#include "server/server_watch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/version.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "exchange/opening/opening.h"
#include "exchange/process/process.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"
#include "store/store.h"
#include "wire/http/http.h"
#include "wire/workers/workers.h"

enum { METRICS_BYTES_MAX = 8 << 20, LIST_BYTES = 64 << 20, LABEL_BYTES = 128 };

/* ---- health ---- */

/* What keeps this process from serving; NULL when nothing does. */
static const char *find_fault(const struct server_watch *watch)
{
    if (!audit_is_writable(watch->audit))
        return "audit_unwritable";
    if (store_read_meters(watch->store).health == STORE_DAMAGED)
        return "store_corrupt";
    if (!network_epoch_is_fresh(watch->epoch))
        return "store_unreadable";
    return NULL;
}

static void answer_health(struct http_call *call, void *context)
{
    const struct server_watch *watch = context;
    const char *fault = find_fault(watch);
    CLEANUP(buf_free) struct buf out = buf_init(256);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_cstr(&writer, "status", fault ? "not_ready" : "ready");
    json_put_cstr(&writer, "version", VERSION_TEXT);
    if (fault)
        json_put_cstr(&writer, "reason", fault);
    json_close_object(&writer);
    if (fault)
        http_add_header(call, "retry-after", "5");
    http_answer_json(call, fault ? 503 : 200, &out);
}

static void answer_live(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "application/json", SPAN("{\"status\":\"live\"}"));
}

/* ---- metrics ---- */

/* Resident memory in bytes (proc(5), statm: pages). */
static int64_t resident_bytes(void)
{
    enum { PAGE_BYTES = 4096 };
    char line[128] = {0};
    FILE *file = fopen("/proc/self/statm", "r"); /* allowed: a file of the kernel */
    if (!file)
        return 0;
    size_t got = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    struct span rest = span_of(line, got);
    struct span pages = {0};
    uint64_t count = 0;
    if (!span_take(&rest, ' ', &pages) || !span_take(&rest, ' ', &pages) ||
        !span_uint(pages, INT32_MAX, &count))
        return 0;
    return (int64_t)count * PAGE_BYTES;
}

static void put_one(struct buf *out, const char *name, const char *type, const char *help,
                    int64_t value)
{
    meter_put_head(out, name, type, help);
    meter_put(out, name, "", value);
}

static void put_process(const struct server_watch *watch, struct buf *out)
{
    meter_put_head(out, "tsumugi_info", "gauge", "The program.");
    meter_put(out, "tsumugi_info", "version=\"" VERSION_TEXT "\"", 1);
    put_one(out, "tsumugi_up", "gauge", "Always 1.", 1);
    put_one(out, "tsumugi_ready", "gauge", "As /healthz says.", !find_fault(watch));
    put_one(out, "tsumugi_start_time_seconds", "gauge", "When the process started.",
            watch->started_ms / 1000);
    put_one(out, "tsumugi_resident_bytes", "gauge", "Memory of the process.",
            resident_bytes());
    put_one(out, "tsumugi_restore_held", "gauge",
            "1: a restored copy waits for confirmation, nothing is disclosed.",
            network_epoch_is_held(watch->epoch));
    put_one(out, "tsumugi_processes", "gauge",
            "Server processes on this database, as this one sees it.",
            process_count(watch->process));
    if (watch->workers)
        put_one(out, "tsumugi_worker_queue", "gauge", "Requests waiting for a thread.",
                workers_waiting(watch->workers));
}

static void put_audit(const struct server_watch *watch, struct buf *out)
{
    struct audit_meters meters = audit_read_meters(watch->audit);
    put_one(out, "tsumugi_audit_records_total", "counter", "Records written.",
            (int64_t)meters.records);
    put_one(out, "tsumugi_audit_lost_total", "counter",
            "Records that could not be written; what asked for them was refused.",
            (int64_t)meters.lost);
    put_one(out, "tsumugi_audit_failing", "gauge", "1: the last group was not written.",
            meters.is_failing);
    put_one(out, "tsumugi_audit_head", "gauge", "Number of the newest record.",
            (int64_t)audit_head(watch->audit).number);
    meter_put_head(out, "tsumugi_audit_sync_seconds", "histogram",
                   "Writing and syncing one group of records.");
    meter_put_duration(out, "tsumugi_audit_sync_seconds", "", meters.synced);
}

static void put_store(const struct server_watch *watch, struct buf *out)
{
    struct store_meters meters = store_read_meters(watch->store);
    put_one(out, "tsumugi_store_groups_total", "counter", "Transactions of the writer.",
            (int64_t)meters.groups);
    put_one(out, "tsumugi_store_writes_total", "counter", "Pieces of writing in them.",
            (int64_t)meters.pieces);
    put_one(out, "tsumugi_store_failed_total", "counter", "Pieces that failed.",
            (int64_t)meters.failed);
    put_one(out, "tsumugi_store_waiting", "gauge", "Pieces that wait for the writer.",
            meters.waiting);
    put_one(out, "tsumugi_store_journal_bytes", "gauge", "Journal of the database file.",
            meters.journal_bytes);
    put_one(out, "tsumugi_store_damaged", "gauge",
            "1: the database file is damaged, nothing is served from it.",
            meters.health == STORE_DAMAGED);
    put_one(out, "tsumugi_store_checked", "gauge",
            "1: read through since the start, and found whole.",
            meters.health == STORE_SOUND);
    meter_put_head(out, "tsumugi_store_commit_seconds", "histogram",
                   "One group, to its durable commit.");
    meter_put_duration(out, "tsumugi_store_commit_seconds", "", meters.committed);
}

static void put_exchange(const struct server_watch *watch, struct buf *out)
{
    int accepted = 0, ready = 0;
    facility_gateways_count(watch->gateways, &accepted, &ready);
    put_one(out, "tsumugi_gateways_accepted", "gauge", "Gateways that may connect.",
            accepted);
    put_one(out, "tsumugi_gateways_ready", "gauge", "Gateways whose tunnel is up.",
            ready);
    put_one(out, "tsumugi_openings", "gauge", "Calendars and contents open now.",
            (int64_t)opening_table_count(watch->openings));
    meter_put_head(out, "tsumugi_decisions_total", "counter",
                   "Decisions of the gate: permit, or the reason of the refusal.");
    meter_put_words(out, "tsumugi_decisions_total", "reason",
                    disclosure_meters(watch->gate));
}

/* ---- how long certificates still hold ---- */

static const char DAYS[] = "tsumugi_certificate_days";

static void put_days(struct buf *out, const char *of, int64_t ends_at_ms, int64_t now_ms)
{
    enum { DAY_MS = 86400000 };
    char labels[LABEL_BYTES + 8];
    snprintf(labels, sizeof labels, "of=\"%s\"", of);
    meter_put(out, DAYS, labels, (ends_at_ms - now_ms) / DAY_MS);
}

/* Of what is shown, which is not what lies in the file before it was renewed. */
static void put_listener(struct buf *out, const char *of, struct tls_context *tls,
                         int64_t now_ms)
{
    if (tls)
        put_days(out, of, tls_ends_at_ms(tls), now_ms);
}

/* Each gateway's own, and of the browsers' the one that ends first. */
static bool put_kept(const struct server_watch *watch, struct buf *out, int64_t now_ms,
                     struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LIST_BYTES);
    CLEANUP(store_read_end) struct store_session *session = store_read(watch->store, err);
    struct session_certificate *browsers = NULL;
    struct facility *facilities = NULL;
    size_t browser_count = 0, facility_count = 0;
    int64_t first_ms = INT64_MAX, accepted = 0;
    if (!session ||
        !session_list_certificates(session, &arena, &browsers, &browser_count, err) ||
        !facility_list(session, &arena, &facilities, &facility_count, err))
        return false;
    for (size_t i = 0; i < facility_count; i++) {
        char of[LABEL_BYTES];
        snprintf(of, sizeof of, "gateway %.10s", facilities[i].code.at);
        if (facilities[i].certificate_ends_at)
            put_days(out, of, facilities[i].certificate_ends_at, now_ms);
    }
    for (size_t i = 0; i < browser_count; i++) {
        if (browsers[i].revoked_at || browsers[i].ends_at <= now_ms)
            continue;
        accepted++;
        first_ms = browsers[i].ends_at < first_ms ? browsers[i].ends_at : first_ms;
    }
    if (accepted > 0)
        put_days(out, "browser that ends first", first_ms, now_ms);
    put_one(out, "tsumugi_browser_certificates", "gauge", "Accepted now.", accepted);
    return true;
}

static void put_certificates(const struct server_watch *watch, struct buf *out)
{
    struct clock clock = clock_system();
    struct err err = {0};
    int64_t now_ms = clock_wall_ms(&clock);
    meter_put_head(out, DAYS, "gauge", "Days until a certificate ends.");
    put_listener(out, "listener for browsers", watch->browser_tls, now_ms);
    put_listener(out, "listener for gateways", watch->gateway_tls, now_ms);
    (void)!put_kept(watch, out, now_ms, &err); /* a database that fails shows elsewhere */
}

/* Not over TLS: a balancer on this machine passes on who is anywhere. */
static bool is_from_here(const struct http_call *call)
{
    const char *address = http_remote_address(call);
    return !http_is_secure(call) &&
           (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

static void answer_metrics(struct http_call *call, void *context)
{
    const struct server_watch *watch = context;
    struct err err = {0};
    if (!is_from_here(call)) {
        err_set(&err, ERR_MISSING, "not_found", "not from outside");
        http_answer_problem(call, &err);
        return;
    }
    CLEANUP(buf_free) struct buf out = buf_init(METRICS_BYTES_MAX);
    put_process(watch, &out);
    put_exchange(watch, &out);
    put_audit(watch, &out);
    put_store(watch, &out);
    put_certificates(watch, &out);
    if (watch->http)
        http_server_put_meters(watch->http, &out);
    if (buf_check(&out, &err))
        http_answer(call, 200, "text/plain; version=0.0.4", buf_view(&out));
    else
        http_answer_problem(call, &err);
}

void server_watch_routes(struct http_router *router, struct server_watch *watch)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/healthz", answer_health, 0},
        {HTTP_GET, "/metrics", answer_metrics, 0},
    };
    static const struct http_route live = {HTTP_GET, "/healthz/live", answer_live, 0};
    http_router_add(router, routes, sizeof routes / sizeof *routes, watch);
    http_router_add_instant(router, &live, watch);
}
