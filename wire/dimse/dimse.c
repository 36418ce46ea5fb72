// SPDX-License-Identifier: Apache-2.0
/* The listener: who is let in, deadlines, and the way between association and sink. */
#include "wire/dimse/dimse.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "wire/dimse/dimse_server.h"

enum { STALL_MS = 30000, LOG_PAUSE_MS = 1000 };

struct dimse_ticket {
    struct loop *loop;
    struct dimse_line *line; /* the loop's; NULL = its association is gone */
    atomic_int references;
    atomic_bool is_resumed; /* one is posted */
    uint16_t status;
};

struct dimse_limits dimse_default_limits(void)
{
    return (struct dimse_limits){.associations_max = 32,
                                 .associations_per_peer_max = 8,
                                 .connections_max = 128,
                                 .associate_ms = 10000,
                                 .idle_ms = 60000,
                                 .message_ms = 10 * 60000,
                                 .association_ms = 4 * 3600000,
                                 .instance_bytes_max = (uint64_t)4 << 30};
}

/* ---- what an operator hears ---- */

void dimse_note_fault(struct dimse_server *server, const char *code, int peer)
{
    int64_t now_ms = clock_monotonic_ms(&server->clock);
    meter_count(&server->faults, code);
    if (server->told_fault == code && now_ms - server->told_ms < LOG_PAUSE_MS)
        return;
    server->told_fault = code;
    server->told_ms = now_ms;
    LOG(server->config.log, "dicom_refused", LOG_WORD("reason", code),
        LOG_NUMBER("peer", peer));
}

static int number_of(const struct dimse_line *line)
{
    return line->peer ? (int)(line->peer - line->server->config.peers) : -1;
}

void dimse_put_meters(struct dimse_server *server, struct buf *out)
{
    meter_put_head(out, "tsumugi_dicom_associations", "gauge", "Associations open now.");
    meter_put(out, "tsumugi_dicom_associations", "",
              atomic_load(&server->association_count));
    meter_put_head(out, "tsumugi_dicom_stored", "counter", "Instances answered as kept.");
    meter_put(out, "tsumugi_dicom_stored", "", (int64_t)server->stored_count);
    meter_put_head(out, "tsumugi_dicom_bytes", "counter", "Bytes of data sets received.");
    meter_put(out, "tsumugi_dicom_bytes", "", (int64_t)server->byte_count);
    meter_put_head(out, "tsumugi_dicom_committed", "counter",
                   "Instances told as committed.");
    meter_put(out, "tsumugi_dicom_committed", "", (int64_t)server->committed_count);
    meter_put_head(out, "tsumugi_dicom_untold", "counter",
                   "Results of commitment that reached nobody.");
    meter_put(out, "tsumugi_dicom_untold", "", (int64_t)server->untold_count);
    meter_put_head(out, "tsumugi_dicom_refused", "counter",
                   "Connections and associations refused or broken off.");
    meter_put_words(out, "tsumugi_dicom_refused", "reason", &server->faults);
}

/* ---- tickets ---- */

static void release_ticket(struct dimse_ticket *ticket)
{
    if (atomic_fetch_sub(&ticket->references, 1) == 1)
        memory_free(ticket);
}

static bool is_ours(const struct dimse_line *line)
{
    return line->association.is_paused || line->association.part == DIMSE_PART_ANSWER;
}

static void look_at(struct dimse_line *line);

static void go_on(struct dimse_line *line)
{
    http_connection_again(line->connection);
    look_at(line);
    if (line->has_ended)
        http_connection_finish(line->connection);
}

static void answer_later(void *context)
{
    struct dimse_ticket *ticket = context;
    struct dimse_line *line = ticket->line;
    if (line) {
        line->ticket = NULL;
        ticket->line = NULL;
        release_ticket(ticket);
        if (ticket->status == DIMSE_SUCCESS)
            line->server->stored_count++;
        dimse_association_stored(&line->association, ticket->status);
        go_on(line);
    }
    release_ticket(ticket);
}

void dimse_answer_line(struct dimse_line *line, uint16_t status)
{
    dimse_association_answer(&line->association, status);
    go_on(line);
}

void dimse_answer(struct dimse_ticket *ticket, uint16_t status)
{
    ticket->status = status;
    loop_post(ticket->loop, answer_later, ticket);
}

/* Everything that a peer left behind was offered by now. */
static void offered_later(void *context)
{
    struct dimse_ticket *ticket = context;
    if (ticket->line && ticket->line->has_ended && !is_ours(ticket->line))
        http_connection_finish(ticket->line->connection);
    release_ticket(ticket);
}

static void resume_later(void *context)
{
    struct dimse_ticket *ticket = context;
    atomic_store(&ticket->is_resumed, false);
    if (!ticket->line) {
        release_ticket(ticket);
        return;
    }
    ticket->line->association.is_paused = false;
    http_connection_again(ticket->line->connection);
    look_at(ticket->line);
    loop_post(ticket->loop, offered_later, ticket);
}

void dimse_resume(struct dimse_ticket *ticket)
{
    if (atomic_exchange(&ticket->is_resumed, true))
        return;
    atomic_fetch_add(&ticket->references, 1);
    loop_post(ticket->loop, resume_later, ticket);
}

void dimse_drop(struct dimse_ticket *ticket)
{
    release_ticket(ticket);
}

static void leave_ticket(struct dimse_line *line)
{
    struct dimse_ticket *ticket = line->ticket;
    if (!ticket)
        return;
    line->ticket = NULL;
    ticket->line = NULL;
    release_ticket(ticket);
}

/* ---- what the association asks for ---- */

static void send_out(void *self, struct span bytes)
{
    struct dimse_line *line = self;
    http_connection_write(line->connection, bytes);
}

const struct dimse_peer *dimse_find_peer(const struct dimse_server *server,
                                         const char *title)
{
    for (size_t i = 0; i < server->config.peer_count; i++)
        if (strcmp(server->config.peers[i].title, title) == 0)
            return &server->config.peers[i];
    return NULL;
}

static int count_of(const struct dimse_server *server, const struct dimse_peer *peer)
{
    int count = 0;
    for (const struct dimse_line *line = server->newest; line; line = line->next)
        count += line->peer == peer;
    return count;
}

static struct dimse_rejection decide(void *self, const struct dimse_request *request)
{
    struct dimse_line *line = self;
    struct dimse_server *server = line->server;
    const struct dimse_limits *limits = &server->config.limits;
    const struct dimse_peer *peer = dimse_find_peer(server, request->calling);
    if (strcmp(request->called, server->config.title) != 0)
        return (struct dimse_rejection){1, 1, 7, "dicom_called_title"};
    if (!peer)
        return (struct dimse_rejection){1, 1, 3, "dicom_calling_title"};
    if (!dimse_network_has(peer->networks, peer->network_count, line->address))
        return (struct dimse_rejection){1, 1, 3, "dicom_calling_address"};
    if (atomic_load(&server->association_count) >= limits->associations_max)
        return (struct dimse_rejection){2, 3, 2, "dicom_associations_full"};
    if (count_of(server, peer) >= limits->associations_per_peer_max)
        return (struct dimse_rejection){2, 3, 2, "dicom_peer_full"};
    line->peer = peer;
    atomic_fetch_add(&server->association_count, 1);
    return (struct dimse_rejection){0};
}

static bool begin(void *self, const struct dimse_instance *instance, uint16_t *status)
{
    struct dimse_line *line = self;
    const struct dimse_config *config = &line->server->config;
    struct err err = {0};
    struct dimse_ticket *ticket = memory_new(1, sizeof *ticket, &err);
    if (!ticket)
        return false;
    ticket->loop = config->loop;
    ticket->line = line;
    atomic_init(&ticket->references, 2); /* the line's and the sink's */
    line->transfer = config->sink->begin(config->context, instance, ticket, status);
    if (!line->transfer) {
        memory_free(ticket);
        return false;
    }
    line->ticket = ticket;
    return true;
}

static bool write_on(void *self, struct span bytes)
{
    struct dimse_line *line = self;
    line->server->byte_count += bytes.len;
    return line->server->config.sink->write(line->transfer, bytes);
}

static void commit(void *self)
{
    struct dimse_line *line = self;
    line->server->config.sink->commit(line->transfer);
}

static void abandon(void *self)
{
    struct dimse_line *line = self;
    leave_ticket(line);
    line->server->config.sink->abandon(line->transfer);
}

static uint16_t commitment(void *self, struct span set, const struct dimse_syntax *syntax)
{
    return dimse_commit_begin(self, set, syntax);
}

static void told(void *self, uint16_t event_id)
{
    dimse_commit_told(self, event_id);
}

static const struct dimse_hooks hooks = {.send = send_out,
                                         .decide = decide,
                                         .begin = begin,
                                         .write = write_on,
                                         .commit = commit,
                                         .abandon = abandon,
                                         .told = told,
                                         .commitment = commitment};

/* ---- a line ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* After everything that moved it: its end, or whose turn it is and until when. */
static void look_at(struct dimse_line *line)
{
    struct dimse_association *association = &line->association;
    const struct dimse_limits *limits = &line->server->config.limits;
    int64_t now_ms = clock_monotonic_ms(&line->server->clock);
    if (association->stage == DIMSE_STAGE_OVER) {
        http_connection_finish(line->connection);
        return;
    }
    bool is_between = association->part == DIMSE_PART_NONE;
    if (is_between || association->stage == DIMSE_STAGE_REQUEST)
        line->message_began_ms = 0;
    else if (line->message_began_ms == 0)
        line->message_began_ms = now_ms;
    if (is_ours(line)) { /* the disk is waited for, not the peer */
        http_connection_deadline(line->connection, -1);
        return;
    }
    int64_t due_ms = line->began_ms + limits->associate_ms;
    if (association->stage == DIMSE_STAGE_OPEN) {
        due_ms = least(now_ms + limits->idle_ms, line->began_ms + limits->association_ms);
        if (line->message_began_ms > 0)
            due_ms = least(due_ms, line->message_began_ms + limits->message_ms);
    }
    int64_t left_ms = due_ms - now_ms;
    http_connection_deadline(line->connection, left_ms > 0 ? (int)left_ms : 0);
}

static void established(void *self)
{
    look_at(self);
}

static size_t received(void *self, struct span bytes)
{
    struct dimse_line *line = self;
    size_t used = dimse_association_take(&line->association, bytes);
    look_at(line);
    if (line->has_ended && !is_ours(line))
        http_connection_finish(line->connection);
    return used;
}

/* Half a message has nobody who waits for an answer; what is whole is answered. */
static void ended(void *self)
{
    struct dimse_line *line = self;
    line->has_ended = true;
    if (!is_ours(line))
        http_connection_finish(line->connection);
}

static void expired(void *self)
{
    struct dimse_line *line = self;
    bool is_open = line->association.stage == DIMSE_STAGE_OPEN;
    if (is_open)
        dimse_association_abort(&line->association, "dicom_deadline");
    else
        dimse_note_fault(line->server, "dicom_artim", -1);
    http_connection_finish(line->connection);
}

/* Why it ended, when that was not in order. */
static void note_end(struct dimse_line *line, const struct err *reason)
{
    const struct dimse_association *association = &line->association;
    const char *code = association->fault;
    bool is_scan = association->stage == DIMSE_STAGE_REQUEST;
    if (!code && !association->has_released && !is_scan)
        code = reason->kind != ERR_NONE ? reason->code : "dicom_cut";
    if (!code && is_scan && reason->kind != ERR_NONE)
        code = reason->code;
    if (code && !line->is_given_up)
        dimse_note_fault(line->server, code, number_of(line));
    if (line->peer)
        LOG(line->server->config.log, "dicom_association",
            LOG_WORD("end", association->has_released ? "released" : "broken"),
            LOG_NUMBER("peer", number_of(line)),
            LOG_NUMBER("stored", association->stored_count));
}

static void closed(void *self, const struct err *reason)
{
    struct dimse_line *line = self;
    struct dimse_server *server = line->server;
    note_end(line, reason);
    dimse_association_end(&line->association);
    leave_ticket(line);
    dimse_commit_line_gone(line);
    if (line->peer)
        atomic_fetch_sub(&server->association_count, 1);
    if (line->previous)
        line->previous->next = line->next;
    else
        server->newest = line->next;
    if (line->next)
        line->next->previous = line->previous;
    memory_free(line);
    server->line_count--;
    dimse_forget(server);
}

static const struct http_connection_events events = {.established = established,
                                                     .received = received,
                                                     .ended = ended,
                                                     .expired = expired,
                                                     .closed = closed};

/* ---- the house ---- */

static bool is_known(const struct dimse_server *server, const char *address)
{
    for (size_t i = 0; i < server->config.peer_count; i++)
        if (dimse_network_has(server->config.peers[i].networks,
                              server->config.peers[i].network_count, address))
            return true;
    return false;
}

/* A full house gives up who has been silent longest before asking for an association;
 * associations are never given up for a newcomer. One address has the share of a peer
 * and as much again. */
static bool make_room(struct dimse_server *server, const struct dimse_line *newcomer)
{
    const struct dimse_limits *limits = &server->config.limits;
    struct dimse_line *oldest = NULL;
    struct dimse_line *same_oldest = NULL;
    int same_count = 0, count = 0;
    for (struct dimse_line *line = server->newest; line; line = line->next) {
        if (line == newcomer || line->is_given_up || line->peer)
            continue;
        bool is_same = strcmp(line->address, newcomer->address) == 0;
        oldest = line; /* from the newest to the oldest */
        same_oldest = is_same ? line : same_oldest;
        same_count += is_same;
        count++;
    }
    struct dimse_line *leaving = NULL;
    if (same_count >= 2 * limits->associations_per_peer_max)
        leaving = same_oldest;
    else if (count + atomic_load(&server->association_count) >= limits->connections_max)
        leaving = oldest;
    else
        return true;
    dimse_note_fault(server, "dicom_connections_full", -1);
    if (!leaving)
        return false;
    leaving->is_given_up = true;
    http_connection_close(leaving->connection);
    return true;
}

static bool start_line(struct dimse_server *server, struct dimse_line *line, int fd,
                       struct err *err)
{
    line->server = server;
    line->began_ms = clock_monotonic_ms(&server->clock);
    if (!dimse_association_start(&line->association, &hooks, line,
                                 server->config.limits.instance_bytes_max, err)) {
        close(fd);
        return false;
    }
    line->connection = http_connection_accept(server->config.loop, fd, server->config.tls,
                                              &events, line, err);
    if (line->connection)
        return true;
    dimse_association_end(&line->association);
    return false;
}

static void take(void *context, int fd)
{
    struct dimse_server *server = context;
    struct err err = {0};
    struct dimse_line *line = memory_new(1, sizeof *line, &err);
    if (!line) {
        close(fd);
        return;
    }
    if (!start_line(server, line, fd, &err)) {
        memory_free(line);
        dimse_note_fault(server, err.code, -1);
        return;
    }
    memcpy(line->address, http_connection_peer(line->connection)->address,
           sizeof line->address);
    line->next = server->newest;
    if (server->newest)
        server->newest->previous = line;
    server->newest = line;
    server->line_count++;
    http_connection_deadline(line->connection, server->config.limits.associate_ms);
    http_connection_stall(line->connection, STALL_MS);
    bool is_expected = is_known(server, line->address);
    if (!is_expected)
        dimse_note_fault(server, "dicom_address_unknown", -1);
    if (is_expected && make_room(server, line))
        return;
    line->is_given_up = true;
    http_connection_close(line->connection);
}

/* ---- opening and closing ---- */

static bool start(struct dimse_server *server, const struct loop_address *at,
                  struct err *err)
{
    struct loop_listener_config listener = {
        .loop = server->config.loop, .at = *at, .accepted = take, .context = server};
    server->listener = loop_listen(&listener, err);
    return server->listener != NULL;
}

struct dimse_server *dimse_open(const struct dimse_config *config, struct err *err)
{
    struct loop_address at;
    if (!loop_read_address(config->address, config->port, !config->tls, &at, err))
        return NULL;
    struct dimse_server *server = memory_new(1, sizeof *server, err);
    if (!server)
        return NULL;
    server->config = *config;
    server->clock = clock_system();
    if (!start(server, &at, err)) {
        dimse_close(server);
        return NULL;
    }
    return server;
}

uint16_t dimse_port(const struct dimse_server *server)
{
    return loop_listener_port(server->listener);
}

void dimse_forget(struct dimse_server *server)
{
    if (server->is_closed && server->line_count == 0 && server->job_count == 0)
        memory_free(server);
}

void dimse_close(struct dimse_server *server)
{
    if (!server)
        return;
    loop_listener_close(server->listener);
    server->line_count++; /* nothing below frees it */
    for (struct dimse_line *line = server->newest; line; line = line->next) {
        dimse_association_abort(&line->association, "dicom_closing");
        dimse_association_end(&line->association); /* the sink hears it now */
        leave_ticket(line);
        line->is_given_up = true;
        if (line->peer)
            http_connection_finish(line->connection);
        else
            http_connection_close(line->connection);
    }
    dimse_commit_close(server);
    server->line_count--;
    server->is_closed = true;
    dimse_forget(server);
}
