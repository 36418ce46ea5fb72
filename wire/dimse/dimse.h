// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DICOM's own protocol as an acceptor: upper layer (PS3.8 2024b 9.3) and DIMSE-C and -N
 * (PS3.7 9, 10) for C-ECHO, C-STORE and Storage Commitment Push (PS3.4 J). Not here:
 * query and retrieve (no context is accepted for them), user identity, extended
 * negotiation, asynchronous operations (one at a time, PS3.7 D.3.3.3).
 *
 * An instance is handed to the sink as it comes, behind a Part 10 header that is written
 * here, and never held: a sink that is full stops the peer. It is answered when the sink
 * says so, from any thread. Everything else is on the loop's thread.
 *
 * Who may come is a list: the called title is ours, the calling title is a peer's and
 * its address lies in one of that peer's networks. Without TLS only on loopback. What a
 * peer sends is hostile: nothing is taken because a header claims it. Names from outside
 * are in no log line; a peer is named by its number in the configuration. */

#include "base/buf.h"
#include "base/log.h"

struct loop;
struct workers;
struct tls_context;

enum {
    DIMSE_UID_BYTES = 65, /* with NUL (PS3.5 9.1) */
    DIMSE_TITLE_BYTES = 17,
    DIMSE_PEERS_MAX = 64,
    DIMSE_NETWORKS_MAX = 8
};

/* Statuses of C-STORE (PS3.4 B.2.3, PS3.7 C). */
enum {
    DIMSE_SUCCESS = 0x0000,
    DIMSE_PROCESSING_FAILED = 0x0110,
    DIMSE_NO_SUCH_INSTANCE = 0x0112,
    DIMSE_INVALID_INSTANCE = 0x0117,
    DIMSE_CLASS_CONFLICT = 0x0119,
    DIMSE_CLASS_UNSUPPORTED = 0x0122,
    DIMSE_UNRECOGNIZED = 0x0211,
    DIMSE_RESOURCES_SHORT = 0x0213,
    DIMSE_OUT_OF_RESOURCES = 0xA700,
    DIMSE_OTHER_CLASS = 0xA900,
    DIMSE_NOT_UNDERSTOOD = 0xC000
};

/* ---- who may come ---- */
struct dimse_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};
/* "10.1.2.3", "10.1.0.0/16", "fd00::/8": ERR_SYNTAX "dicom_network". */
MUST_CHECK bool dimse_read_network(struct span text, struct dimse_network *network,
                                   struct err *err);
/* A numeric address in one of the networks. */
bool dimse_network_has(const struct dimse_network *networks, size_t count,
                       const char *address);
/* 1 to 16 printable characters without backslash, not only spaces (PS3.5 6.2, AE):
 * ERR_SYNTAX "dicom_title". */
MUST_CHECK bool dimse_check_title(struct span title, struct err *err);

struct dimse_peer {
    const char *title;
    struct dimse_network networks[DIMSE_NETWORKS_MAX];
    size_t network_count;
    /* where results of storage commitment go when its association is closed; NULL = they
     * are then not told */
    const char *report_host;
    uint16_t report_port;
};

/* ---- where instances go ---- */
struct dimse_instance {
    const char *sop_class; /* valid UIDs */
    const char *sop_instance;
    const char *syntax;
    const char *calling; /* a title of the configuration */
};

/* Preamble, prefix and group 0002 of its file (PS3.10 7.1), which the sink gets first. */
void dimse_write_head(const struct dimse_instance *instance, struct buf *out);

/* The sink's way back to the association, which may be gone by then. *owned* by the sink
 * from `begin` on, until dimse_answer or dimse_drop. */
struct dimse_ticket;

/* A request for storage commitment whose result is owed to a peer. */
struct dimse_due {
    uint64_t number;     /* the sink's */
    const char *calling; /* a title of the configuration */
    int64_t since_ms;    /* UTC, when it was accepted */
    struct span set;     /* explicit VR little endian, as N-ACTION has it */
};

struct dimse_sink {
    /* On the loop, must not block. NULL refuses with *status; the rest of the instance is
     * then read and thrown away, and the ticket is not the sink's. */
    void *(*begin)(void *context, const struct dimse_instance *instance,
                   struct dimse_ticket *ticket, uint16_t *status);
    /* Takes all of it. False: no more until dimse_resume. */
    bool (*write)(void *transfer, struct span bytes);
    /* All of it came: dimse_answer follows, with DIMSE_SUCCESS when it is on the disk. */
    void (*commit)(void *transfer);
    /* The rest will not come: dimse_drop follows. */
    void (*abandon)(void *transfer);
    /* Both on a worker, may block, NULL = what was promised ends with the process. A
     * request for commitment is on the disk when it is kept, before the peer hears that
     * it is accepted; its number is above 0. */
    bool (*keep)(void *context, const struct dimse_due *due, uint64_t *number,
                 struct err *err);
    void (*forget)(void *context, uint64_t number);
    /* On a worker, may block: DIMSE_SUCCESS when it is held and on the disk, else the
     * reason of PS3.4 J.3.2: DIMSE_NO_SUCH_INSTANCE, DIMSE_CLASS_CONFLICT … */
    uint16_t (*ask)(void *context, const char *sop_class, const char *sop_instance);
};
/* From any thread. */
void dimse_answer(struct dimse_ticket *ticket, uint16_t status);
void dimse_resume(struct dimse_ticket *ticket);
void dimse_drop(struct dimse_ticket *ticket);

/* ---- the listener ---- */
struct dimse_limits {
    int associations_max;
    int associations_per_peer_max;
    int connections_max; /* also those that asked for nothing yet */
    int associate_ms;    /* ARTIM (PS3.8 9.1.5): until the request is there */
    int idle_ms;         /* without a byte, while it is the peer's turn */
    int message_ms;      /* one message from its first byte to its last */
    int association_ms;
    uint64_t instance_bytes_max;
};
struct dimse_limits dimse_default_limits(void);

struct dimse_config {
    struct loop *loop;
    struct workers *workers;
    struct tls_context *tls;        /* demands a certificate; NULL = loopback only */
    struct tls_context *report_tls; /* for dialling; NULL = loopback only */
    const char *address;            /* numeric */
    uint16_t port;                  /* 0 = any */
    const char *title;              /* ours */
    const struct dimse_peer *peers; /* kept by address, as the texts in it */
    size_t peer_count;
    const struct dimse_sink *sink;
    void *context; /* of the sink */
    struct dimse_limits limits;
    int report_retry_ms;   /* pause before another try to report a commitment; doubles */
    int64_t report_age_ms; /* after it was accepted nobody is told any more */
    const struct log *log;
};

struct dimse_server; /* *owned* */
/* On the loop's thread or before loop_run. ERR_SYNTAX "address_invalid", ERR_REFUSED
 * "plain_refused", ERR_SYSTEM "listen_failed". */
MUST_CHECK struct dimse_server *dimse_open(const struct dimse_config *config,
                                           struct err *err);
uint16_t dimse_port(const struct dimse_server *server);
/* What an earlier process promised: the sink is asked again and the peer is told over an
 * association of ours. Before loop_run, after workers_new. False: nobody will be told,
 * and the sink forgets it: ERR_MISSING "dicom_due_peer" (its title is in the
 * configuration no more, or has no address for reports), ERR_LIMIT "dicom_due_old",
 * "dicom_due_many", ERR_SYNTAX "dicom_commitment_broken". */
MUST_CHECK bool dimse_owe(struct dimse_server *server, const struct dimse_due *due,
                          struct err *err);
/* From any thread: counters in Prometheus' text format. */
void dimse_put_meters(struct dimse_server *server, struct buf *out);
/* A-ABORT to everybody; the sink is told before this returns. On the loop's thread, or
 * after loop_run has returned; before workers_free, which ends what asks the sink. The
 * sink gives all its tickets back before loop_free. */
void dimse_close(struct dimse_server *server);
