// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/dimse: PDUs, commands, and the association as a machine over bytes,
 * which knows no socket, so that tests and the fuzzer drive it like the listener. */

#include "wire/dimse/dimse.h"

enum {
    DIMSE_PDU_BYTES = 128 * 1024, /* longest P-DATA-TF we take */
    DIMSE_REQUEST_BYTES_MIN = 68,
    DIMSE_REQUEST_BYTES = 128 * 1024, /* longest A-ASSOCIATE-RQ or -AC */
    DIMSE_COMMAND_BYTES = 64 * 1024,
    DIMSE_COMMITMENT_BYTES = 4 << 20,
    DIMSE_PEER_PDU_BYTES_MIN = 64,
    DIMSE_CONTEXTS_MAX = 128,
    DIMSE_HEAD_BYTES = 6
};

#define DIMSE_VERIFICATION "1.2.840.10008.1.1"
#define DIMSE_COMMITMENT "1.2.840.10008.1.20.1"
#define DIMSE_COMMITMENT_INSTANCE "1.2.840.10008.1.20.1.1"
#define DIMSE_IMPLICIT "1.2.840.10008.1.2"
#define DIMSE_EXPLICIT "1.2.840.10008.1.2.1"
/* Root 2.25 is for everybody's UUIDs (PS3.5 B.2). */
#define DIMSE_IMPLEMENTATION "2.25.39434900817235003300748411420146717119"
#define DIMSE_VERSION "TSUMUGI"

/* ---- dimse_roles.c: what is accepted ---- */
enum dimse_service {
    DIMSE_SERVICE_NONE,
    DIMSE_SERVICE_ECHO,
    DIMSE_SERVICE_STORE,
    DIMSE_SERVICE_COMMIT
};
struct dimse_syntax {
    const char *uid; /* the order in the table is the preference */
    bool is_explicit;
    bool is_big_endian;
    bool is_deflated;
};
enum dimse_service dimse_service_of(struct span sop_class);
/* Its place in the table; -1 when it is not accepted for this service. */
int dimse_rank(enum dimse_service service, struct span uid);
const struct dimse_syntax *dimse_syntax_at(int rank);
/* Digits and points, at most 64 (PS3.5 9.1); padding is taken off before. */
bool dimse_is_uid(struct span uid);
/* Without trailing NULs and spaces. */
struct span dimse_trim(struct span value);

/* ---- dimse_pdu.c ---- */
enum {
    DIMSE_ASSOCIATE_RQ = 1,
    DIMSE_ASSOCIATE_AC,
    DIMSE_ASSOCIATE_RJ,
    DIMSE_DATA_TF,
    DIMSE_RELEASE_RQ,
    DIMSE_RELEASE_RP,
    DIMSE_ABORT
};
/* Reasons of A-ABORT by the provider (PS3.8 9.3.8). */
enum {
    DIMSE_ABORT_UNSPECIFIED = 0,
    DIMSE_ABORT_UNRECOGNIZED = 1,
    DIMSE_ABORT_UNEXPECTED = 2,
    DIMSE_ABORT_INVALID = 6
};
struct dimse_rejection {
    uint8_t result; /* 1 for good, 2 for now */
    uint8_t source; /* 1 user, 2 provider ACSE, 3 provider presentation */
    uint8_t reason;
    const char *code; /* NULL = none */
};
struct dimse_context {
    uint8_t id;
    uint8_t result; /* PS3.8 9.3.3.2: 0 accepted, 3 abstract, 4 transfer syntaxes */
    uint8_t service;
    int8_t rank;   /* of the transfer syntax, -1 = none */
    uint8_t roles; /* ROLE_*: asked for in a role selection */
    char sop_class[DIMSE_UID_BYTES];
};
enum { DIMSE_ROLE_ASKED = 1, DIMSE_ROLE_SCU = 2, DIMSE_ROLE_SCP = 4 };
struct dimse_request {
    char called[DIMSE_TITLE_BYTES];
    char calling[DIMSE_TITLE_BYTES];
    uint8_t titles[32]; /* as they came, for the answer */
    uint16_t version;
    bool is_dicom; /* its application context */
    bool has_window;
    uint32_t pdu_bytes; /* what the peer takes; 0 = any */
    struct dimse_context contexts[DIMSE_CONTEXTS_MAX];
    size_t context_count;
};
/* The body of A-ASSOCIATE-RQ. ERR_SYNTAX or ERR_LIMIT dicom_*, with offset. */
MUST_CHECK bool dimse_read_request(struct span body, struct dimse_request *request,
                                   struct err *err);
void dimse_put_accept(const struct dimse_request *request, struct buf *out);
void dimse_put_reject(const struct dimse_rejection *rejection, struct buf *out);
void dimse_put_simple(uint8_t type, uint8_t source, uint8_t reason, struct buf *out);
/* The request of an association that only reports a commitment: one context, number 1. */
void dimse_put_report_request(const char *called, const char *calling, struct buf *out);
/* The body of A-ASSOCIATE-AC to it: the rank of the transfer syntax, false when the
 * context was not accepted. */
MUST_CHECK bool dimse_read_accept(struct span body, int *rank, uint32_t *pdu_bytes,
                                  struct err *err);
/* A command or data set as P-DATA-TF of at most peer_bytes (0 = any) each. */
void dimse_put_message(struct buf *out, uint8_t context, bool is_command,
                       struct span bytes, uint32_t peer_bytes);

/* ---- dimse_command.c ---- */
enum {
    DIMSE_STORE_RQ = 0x0001,
    DIMSE_ECHO_RQ = 0x0030,
    DIMSE_EVENT_RQ = 0x0100,
    DIMSE_ACTION_RQ = 0x0130,
    DIMSE_CANCEL_RQ = 0x0FFF,
    DIMSE_RESPONSE = 0x8000,
    DIMSE_NO_DATA = 0x0101
};
struct dimse_command {
    uint16_t field;
    uint16_t message_id;
    uint16_t responded_id;
    uint16_t data_type;
    uint16_t status;
    uint16_t action;
    bool has_field;
    bool has_message_id;
    bool has_data_type;
    char sop_class[DIMSE_UID_BYTES]; /* affected or requested; "" = none or no UID */
    char sop_instance[DIMSE_UID_BYTES];
};
/* ERR_SYNTAX "dicom_command_broken". */
MUST_CHECK bool dimse_read_command(struct span bytes, struct dimse_command *command,
                                   struct err *err);
void dimse_put_response(const struct dimse_command *command, uint16_t status,
                        struct buf *out);
void dimse_put_event(uint16_t message_id, bool is_complete, struct buf *out);

/* ---- dimse_set.c: the few elements that are looked at ---- */
/* Class and instance at the beginning of a data set against the command: DIMSE_SUCCESS,
 * DIMSE_OTHER_CLASS, DIMSE_NOT_UNDERSTOOD; is_all = no more bytes follow. False: more
 * bytes are needed to tell. */
enum { DIMSE_PEEK_BYTES = 4096 };
bool dimse_peek(struct span bytes, bool is_all, const struct dimse_syntax *syntax,
                const struct dimse_command *command, uint16_t *status);
struct dimse_reference {
    char sop_class[DIMSE_UID_BYTES];
    char sop_instance[DIMSE_UID_BYTES];
    uint16_t status; /* the sink's answer */
};
struct dimse_commitment {
    char transaction[DIMSE_UID_BYTES];
    struct dimse_reference *references; /* in the arena */
    size_t count;
};
/* The data set of N-ACTION (PS3.4 table J.3-1). ERR_SYNTAX "dicom_commitment_broken". */
MUST_CHECK bool dimse_read_commitment(struct span bytes,
                                      const struct dimse_syntax *syntax,
                                      struct arena *arena,
                                      struct dimse_commitment *commitment,
                                      struct err *err);
/* The data set of N-EVENT-REPORT (table J.3-2); true when nothing failed. */
bool dimse_put_result(const struct dimse_commitment *commitment, bool is_explicit,
                      struct buf *out);

/* ---- dimse_association.c ---- */
struct dimse_hooks {
    void (*send)(void *self, struct span bytes);
    /* A rejection with code NULL lets it in. */
    struct dimse_rejection (*decide)(void *self, const struct dimse_request *request);
    bool (*begin)(void *self, const struct dimse_instance *instance, uint16_t *status);
    bool (*write)(void *self, struct span bytes);
    void (*commit)(void *self);
    void (*abandon)(void *self);
    /* A report of a commitment was answered: it has arrived. */
    void (*told)(void *self, uint16_t event_id);
    /* A request for commitment. DIMSE_SUCCESS: dimse_association_answer follows, maybe
     * from within; else the status of the answer to it. */
    uint16_t (*commitment)(void *self, struct span set,
                           const struct dimse_syntax *syntax);
};
enum dimse_stage {
    DIMSE_STAGE_REQUEST, /* nothing was asked for yet */
    DIMSE_STAGE_OPEN,
    DIMSE_STAGE_OVER /* the last word is said */
};
enum dimse_part {
    DIMSE_PART_NONE,    /* between messages */
    DIMSE_PART_COMMAND, /* some of a command is there */
    DIMSE_PART_STORE,   /* a data set on its way to the sink */
    DIMSE_PART_COLLECT, /* one that is collected */
    DIMSE_PART_SKIP,    /* one that is thrown away */
    DIMSE_PART_ANSWER   /* the sink's turn */
};
struct dimse_association {
    const struct dimse_hooks *hooks;
    void *self;
    uint64_t instance_bytes_max;
    enum dimse_stage stage;
    enum dimse_part part;
    bool is_paused;    /* the sink is full */
    bool has_released; /* ended in order */
    const char *fault; /* why it was aborted or rejected; NULL = it was not */
    struct dimse_request *request;

    uint8_t head[DIMSE_HEAD_BYTES]; /* of the PDU, then of a PDV */
    size_t head_bytes;
    bool is_in_pdu;
    uint8_t type;
    uint32_t left; /* of the PDU */
    bool is_in_pdv;
    uint32_t pdv_left;
    bool is_last;
    bool is_command;

    struct buf collected; /* request, command, data set of a commitment, or peek */
    struct dimse_command command;
    const struct dimse_context *context;
    uint64_t data_bytes;
    uint16_t status; /* what the message will be answered with, once all of it came */
    bool is_writing; /* the sink has a transfer that is neither committed nor abandoned */
    bool is_peeked;
    uint64_t stored_count;
    uint16_t event_id;
};
MUST_CHECK bool dimse_association_start(struct dimse_association *association,
                                        const struct dimse_hooks *hooks, void *self,
                                        uint64_t instance_bytes_max, struct err *err);
/* Abandons what is under way. */
void dimse_association_end(struct dimse_association *association);
/* How many bytes were taken; not all of them while it is paused, waits or is over. */
size_t dimse_association_take(struct dimse_association *association, struct span bytes);
void dimse_association_stored(struct dimse_association *association, uint16_t status);
/* To a request for commitment. */
void dimse_association_answer(struct dimse_association *association, uint16_t status);
/* A-ABORT by the service user (source 0), or by the provider for a deadline. */
void dimse_association_abort(struct dimse_association *association, const char *code);
/* N-EVENT-REPORT; its number, 0 when no context for it is open. */
uint16_t dimse_association_report(struct dimse_association *association,
                                  const struct dimse_commitment *commitment);

/* ---- dimse_report.c ---- */
/* Tells a commitment's result over an association of its own, again and again until
 * its time is over; `done` comes exactly once, on the loop. */
struct dimse_report_config {
    struct loop *loop;
    struct workers *workers;
    struct tls_context *tls;
    const struct dimse_peer *peer;
    const char *title;
    int retry_ms; /* the first pause; each is twice the one before, to an hour */
    int deadline_ms;
    int64_t until_ms; /* UTC; one try is always made */
    void (*done)(void *context, bool is_told);
    void *context;
};
struct dimse_report;
/* The commitment is borrowed until `done`. */
MUST_CHECK struct dimse_report *
dimse_report_start(const struct dimse_report_config *config,
                   const struct dimse_commitment *result, struct err *err);
/* Ends it without another try; `done` follows from the loop. */
void dimse_report_stop(struct dimse_report *report);
