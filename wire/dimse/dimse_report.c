// SPDX-License-Identifier: Apache-2.0
/* The result of a commitment over an association that we ask for (PS3.4 J.3.3): the
 * peer is the SCU, so the roles are turned round (PS3.7 D.3.3.4). */
#include "base/clock.h"
#include "base/memory.h"
#include "wire/dimse/dimse_parts.h"
#include "wire/http/connection.h"
#include "wire/loop/loop.h"
#include "wire/workers/workers.h"

enum {
    PAUSE_MS_MAX = 3600000,
    CONTEXT = 1,
    OUT_BYTES = 12 << 20,
    BODY_BYTES = 128 * 1024
};

enum step { STEP_ASSOCIATE, STEP_EVENT, STEP_RELEASE };

struct dimse_report {
    struct dimse_report_config config;
    const struct dimse_commitment *result;
    struct loop_timer *timer; /* the next try */
    struct http_connection *connection;
    struct http_address address;
    bool is_resolved;
    bool is_stopped;
    bool is_pausing; /* the timer runs */
    bool is_told;
    int pause_ms; /* before the next try */
    enum step step;
};

static void try_again(struct dimse_report *report);

/* ---- what the peer says ---- */

static void write_out(struct dimse_report *report, const struct buf *out)
{
    if (out->has_failed)
        http_connection_close(report->connection);
    else
        http_connection_write(report->connection, buf_view(out));
}

static bool take_accept(struct dimse_report *report, struct span body)
{
    struct err err = {0};
    int rank = -1;
    uint32_t peer_bytes = 0;
    CLEANUP(buf_free) struct buf command = buf_init(1024);
    CLEANUP(buf_free) struct buf set = buf_init(OUT_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(OUT_BYTES);
    if (!dimse_read_accept(body, &rank, &peer_bytes, &err))
        return false;
    bool is_explicit = dimse_syntax_at(rank)->is_explicit;
    bool is_complete = dimse_put_result(report->result, is_explicit, &set);
    dimse_put_event(1, is_complete, &command);
    dimse_put_message(&out, CONTEXT, true, buf_view(&command), peer_bytes);
    dimse_put_message(&out, CONTEXT, false, buf_view(&set), peer_bytes);
    report->step = STEP_EVENT;
    write_out(report, &out);
    return true;
}

/* The answer comes whole in one PDV: it is some hundred bytes. */
static bool take_response(struct dimse_report *report, struct span body)
{
    struct err err = {0};
    struct dimse_command command;
    CLEANUP(buf_free) struct buf out = buf_init(64);
    if (body.len < DIMSE_HEAD_BYTES || body.at[4] != CONTEXT || body.at[5] != 3 ||
        !dimse_read_command(span_part(body, DIMSE_HEAD_BYTES, body.len), &command,
                            &err) ||
        command.field != (DIMSE_EVENT_RQ | DIMSE_RESPONSE))
        return false;
    report->is_told = true;
    report->step = STEP_RELEASE;
    dimse_put_simple(DIMSE_RELEASE_RQ, 0, 0, &out);
    write_out(report, &out);
    return true;
}

static bool take_pdu(struct dimse_report *report, uint8_t type, struct span body)
{
    if (report->step == STEP_ASSOCIATE)
        return type == DIMSE_ASSOCIATE_AC && take_accept(report, body);
    if (report->step == STEP_EVENT)
        return type == DIMSE_DATA_TF && take_response(report, body);
    return false; /* the release's answer, or anything else: that is the end */
}

static size_t received(void *self, struct span bytes)
{
    struct dimse_report *report = self;
    if (bytes.len < DIMSE_HEAD_BYTES)
        return 0;
    size_t len = (size_t)bytes.at[2] << 24 | (size_t)bytes.at[3] << 16 |
                 (size_t)bytes.at[4] << 8 | bytes.at[5];
    bool is_possible = len <= HTTP_CONNECTION_UNREAD_BYTES - DIMSE_HEAD_BYTES;
    if (is_possible && bytes.len - DIMSE_HEAD_BYTES < len)
        return 0;
    if (!is_possible ||
        !take_pdu(report, bytes.at[0], span_part(bytes, DIMSE_HEAD_BYTES, len))) {
        http_connection_finish(report->connection);
        return bytes.len;
    }
    return DIMSE_HEAD_BYTES + len;
}

static void established(void *self)
{
    struct dimse_report *report = self;
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    dimse_put_report_request(report->config.peer->title, report->config.title, &out);
    write_out(report, &out);
}

static void closed(void *self, const struct err *reason)
{
    struct dimse_report *report = self;
    (void)reason;
    report->connection = NULL;
    try_again(report);
}

static const struct http_connection_events events = {
    .established = established, .received = received, .closed = closed};

/* ---- tries ---- */

static void dial(void *context)
{
    struct dimse_report *report = context;
    struct err err = {0};
    struct http_dial to = {.address = report->address,
                           .context = report->config.tls,
                           .host = report->config.peer->report_host};
    report->step = STEP_ASSOCIATE;
    if (report->is_resolved && !report->is_stopped)
        report->connection =
            http_connection_dial(report->config.loop, &to, &events, report, &err);
    if (report->connection)
        http_connection_deadline(report->connection, report->config.deadline_ms);
    else
        try_again(report);
}

static void resolve(void *context)
{
    struct dimse_report *report = context;
    struct err err = {0};
    report->is_resolved =
        http_resolve(report->config.peer->report_host, report->config.peer->report_port,
                     &report->address, &err);
    loop_post(report->config.loop, dial, report);
}

static void begin_try(void *context)
{
    struct dimse_report *report = context;
    report->is_pausing = false;
    if (report->is_stopped || !workers_post(report->config.workers, resolve, report))
        try_again(report);
}

static void end_report(struct dimse_report *report)
{
    void (*done)(void *context, bool is_told) = report->config.done;
    void *context = report->config.context;
    bool is_told = report->is_told;
    loop_timer_free(report->timer);
    memory_free(report);
    done(context, is_told);
}

static void pause_for(struct dimse_report *report, int ms)
{
    report->is_pausing = true;
    loop_timer_set(report->timer, ms);
}

static void try_again(struct dimse_report *report)
{
    struct clock clock = clock_system();
    bool is_over = clock_wall_ms(&clock) >= report->config.until_ms;
    if (report->is_told || report->is_stopped || is_over) {
        end_report(report);
        return;
    }
    int pause_ms = report->pause_ms;
    report->pause_ms = pause_ms < PAUSE_MS_MAX / 2 ? 2 * pause_ms : PAUSE_MS_MAX;
    pause_for(report, pause_ms);
}

struct dimse_report *dimse_report_start(const struct dimse_report_config *config,
                                        const struct dimse_commitment *result,
                                        struct err *err)
{
    struct dimse_report *report = memory_new(1, sizeof *report, err);
    if (!report)
        return NULL;
    report->config = *config;
    report->pause_ms = config->retry_ms;
    report->result = result;
    report->timer = loop_timer_new(config->loop, begin_try, report, err);
    if (!report->timer) {
        memory_free(report);
        return NULL;
    }
    pause_for(report, 0);
    return report;
}

static void stop_later(void *context)
{
    end_report(context);
}

/* Whatever is under way comes back by itself; a pause between two tries does not. */
void dimse_report_stop(struct dimse_report *report)
{
    if (report->is_stopped)
        return;
    report->is_stopped = true;
    if (report->connection) {
        http_connection_close(report->connection);
    } else if (report->is_pausing) {
        loop_timer_set(report->timer, -1);
        loop_post(report->config.loop, stop_later, report);
    }
}
