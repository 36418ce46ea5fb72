// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/dimse: the listener, its lines, and requests for commitment. */

#include <stdatomic.h>

#include "base/meter.h"
#include "wire/dimse/dimse_parts.h"
#include "wire/http/connection.h"
#include "wire/loop/loop_listen.h"

struct dimse_job;

struct dimse_line {
    struct dimse_server *server;
    struct http_connection *connection;
    struct dimse_association association;
    const struct dimse_peer *peer; /* of an association that was let in */
    struct dimse_ticket *ticket;   /* of the transfer under way */
    void *transfer;
    char address[HTTP_ADDRESS_BYTES];
    int64_t began_ms;         /* monotonic */
    int64_t message_began_ms; /* 0 = between messages */
    bool is_given_up;
    bool has_ended; /* the peer sends no more */
    struct dimse_line *previous;
    struct dimse_line *next;
};

struct dimse_server {
    struct dimse_config config;
    struct clock clock;
    struct loop_listener *listener;
    struct dimse_line *newest;
    struct dimse_job *jobs;
    int line_count;
    int job_count;
    size_t owed_count; /* instances in them */
    bool is_closed;    /* freed with its last line and job */
    atomic_int association_count;
    _Atomic uint64_t stored_count;
    _Atomic uint64_t byte_count;
    _Atomic uint64_t committed_count;
    _Atomic uint64_t untold_count;
    struct meter_words faults;
    const char
        *told_fault; /* the last line of the log, so that a flood is one a second */
    int64_t told_ms;
};

/* Counts, and logs at most one line a second of the same word. */
void dimse_note_fault(struct dimse_server *server, const char *code, int peer);
void dimse_forget(struct dimse_server *server); /* frees a closed one without users */

const struct dimse_peer *dimse_find_peer(const struct dimse_server *server,
                                         const char *title);
/* The answer to a request for commitment, and on with what waited behind it. */
void dimse_answer_line(struct dimse_line *line, uint16_t status);

/* ---- dimse_commit.c ---- */
/* The hook of the association. */
uint16_t dimse_commit_begin(struct dimse_line *line, struct span set,
                            const struct dimse_syntax *syntax);
void dimse_commit_told(struct dimse_line *line, uint16_t event_id);
void dimse_commit_line_gone(struct dimse_line *line);
void dimse_commit_close(struct dimse_server *server);
