// SPDX-License-Identifier: Apache-2.0
/* One association as its acceptor: bytes come in any split, what is to be said goes out
 * by hooks. PS3.8 9.2 as far as an acceptor goes; PS3.7 for the messages. */
#include "base/memory.h"
#include "wire/dimse/dimse_parts.h"

enum { ANSWER_BYTES = 256 * 1024, EVENT_BYTES = 2 * DIMSE_COMMITMENT_BYTES };

bool dimse_association_start(struct dimse_association *association,
                             const struct dimse_hooks *hooks, void *self,
                             uint64_t instance_bytes_max, struct err *err)
{
    *association = (struct dimse_association){.hooks = hooks,
                                              .self = self,
                                              .instance_bytes_max = instance_bytes_max,
                                              .collected = buf_init(DIMSE_REQUEST_BYTES)};
    association->request = memory_new(1, sizeof *association->request, err);
    return association->request != NULL;
}

static void leave_transfer(struct dimse_association *association)
{
    if (!association->is_writing)
        return;
    association->is_writing = false;
    association->is_paused = false;
    association->hooks->abandon(association->self);
}

void dimse_association_end(struct dimse_association *association)
{
    association->stage = DIMSE_STAGE_OVER;
    leave_transfer(association);
    buf_free(&association->collected);
    memory_free(association->request);
    association->request = NULL;
}

/* ---- last words ---- */

static void send_simple(struct dimse_association *association, uint8_t type,
                        uint8_t source, uint8_t reason)
{
    CLEANUP(buf_free) struct buf out = buf_init(64);
    dimse_put_simple(type, source, reason, &out);
    association->hooks->send(association->self, buf_view(&out));
}

static void be_over(struct dimse_association *association, const char *fault)
{
    association->stage = DIMSE_STAGE_OVER;
    association->fault = fault;
    leave_transfer(association);
}

/* By the provider: something is wrong with the bytes. */
static bool fail(struct dimse_association *association, uint8_t reason, const char *code)
{
    if (association->stage == DIMSE_STAGE_OVER)
        return false;
    be_over(association, code);
    send_simple(association, DIMSE_ABORT, 2, reason);
    return false;
}

void dimse_association_abort(struct dimse_association *association, const char *code)
{
    if (association->stage == DIMSE_STAGE_OVER)
        return;
    be_over(association, code);
    send_simple(association, DIMSE_ABORT, 0, 0);
}

/* ---- the request ---- */

static void reject(struct dimse_association *association,
                   const struct dimse_rejection *rejection)
{
    CLEANUP(buf_free) struct buf out = buf_init(64);
    dimse_put_reject(rejection, &out);
    be_over(association, rejection->code);
    association->hooks->send(association->self, buf_view(&out));
}

static struct dimse_rejection decide(struct dimse_association *association)
{
    const struct dimse_request *request = association->request;
    if (!(request->version & 1))
        return (struct dimse_rejection){1, 2, 2, "dicom_version"};
    if (!request->is_dicom)
        return (struct dimse_rejection){1, 1, 2, "dicom_application"};
    return association->hooks->decide(association->self, request);
}

static bool take_request(struct dimse_association *association)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES);
    if (!dimse_read_request(buf_view(&association->collected), association->request,
                            &err))
        return fail(association, DIMSE_ABORT_INVALID, err.code);
    struct dimse_rejection rejection = decide(association);
    if (rejection.code) {
        reject(association, &rejection);
        return false;
    }
    dimse_put_accept(association->request, &out);
    if (!buf_check(&out, &err))
        return fail(association, DIMSE_ABORT_UNSPECIFIED, err.code);
    association->stage = DIMSE_STAGE_OPEN;
    association->hooks->send(association->self, buf_view(&out));
    buf_free(&association->collected);
    association->collected = buf_init(DIMSE_COMMITMENT_BYTES);
    return true;
}

/* ---- answers to messages ---- */

static void respond(struct dimse_association *association, uint16_t status)
{
    CLEANUP(buf_free) struct buf command = buf_init(1024);
    CLEANUP(buf_free) struct buf out = buf_init(64 * 1024);
    association->part = DIMSE_PART_NONE;
    dimse_put_response(&association->command, status, &command);
    dimse_put_message(&out, association->context->id, true, buf_view(&command),
                      association->request->pdu_bytes);
    association->hooks->send(association->self, buf_view(&out));
}

void dimse_association_stored(struct dimse_association *association, uint16_t status)
{
    if (association->stage == DIMSE_STAGE_OPEN && association->part == DIMSE_PART_ANSWER)
        association->stored_count += status == DIMSE_SUCCESS;
    dimse_association_answer(association, status);
}

void dimse_association_answer(struct dimse_association *association, uint16_t status)
{
    if (association->stage == DIMSE_STAGE_OPEN && association->part == DIMSE_PART_ANSWER)
        respond(association, status);
}

static const struct dimse_context *find_report(const struct dimse_request *request)
{
    for (size_t i = 0; i < request->context_count; i++)
        if (request->contexts[i].result == 0 &&
            request->contexts[i].service == DIMSE_SERVICE_COMMIT)
            return &request->contexts[i];
    return NULL;
}

uint16_t dimse_association_report(struct dimse_association *association,
                                  const struct dimse_commitment *commitment)
{
    const struct dimse_context *context =
        association->stage == DIMSE_STAGE_OPEN ? find_report(association->request) : NULL;
    if (!context)
        return 0;
    CLEANUP(buf_free) struct buf command = buf_init(1024);
    CLEANUP(buf_free) struct buf set = buf_init(EVENT_BYTES);
    CLEANUP(buf_free) struct buf out = buf_init(2 * EVENT_BYTES);
    uint32_t peer_bytes = association->request->pdu_bytes;
    bool is_explicit = dimse_syntax_at(context->rank)->is_explicit;
    bool is_complete = dimse_put_result(commitment, is_explicit, &set);
    bool is_last = association->event_id == UINT16_MAX;
    association->event_id = is_last ? 1 : (uint16_t)(association->event_id + 1);
    dimse_put_event(association->event_id, is_complete, &command);
    dimse_put_message(&out, context->id, true, buf_view(&command), peer_bytes);
    dimse_put_message(&out, context->id, false, buf_view(&set), peer_bytes);
    if (set.has_failed || out.has_failed)
        return 0;
    association->hooks->send(association->self, buf_view(&out));
    return association->event_id;
}

/* ---- a message: its command, then its data set ---- */

static bool has_data(const struct dimse_association *association)
{
    return association->command.data_type != DIMSE_NO_DATA;
}

/* Answered at once, or when its data set was thrown away. */
static bool refuse(struct dimse_association *association, uint16_t status)
{
    association->status = status;
    association->part = DIMSE_PART_SKIP;
    if (!has_data(association))
        respond(association, status);
    return true;
}

static bool begin_store(struct dimse_association *association)
{
    const struct dimse_command *command = &association->command;
    const struct dimse_context *context = association->context;
    uint16_t status = DIMSE_OUT_OF_RESOURCES;
    if (context->service != DIMSE_SERVICE_STORE ||
        strcmp(command->sop_class, context->sop_class) != 0)
        return refuse(association, DIMSE_CLASS_UNSUPPORTED);
    if (!command->sop_instance[0])
        return refuse(association, DIMSE_INVALID_INSTANCE);
    if (!has_data(association))
        return refuse(association, DIMSE_NOT_UNDERSTOOD);
    struct dimse_instance instance = {.sop_class = command->sop_class,
                                      .sop_instance = command->sop_instance,
                                      .syntax = dimse_syntax_at(context->rank)->uid,
                                      .calling = association->request->calling};
    if (!association->hooks->begin(association->self, &instance, &status))
        return refuse(association, status);
    association->is_writing = true;
    association->is_peeked = false;
    association->status = DIMSE_SUCCESS;
    association->part = DIMSE_PART_STORE;
    CLEANUP(buf_free) struct buf head = buf_init(1024);
    dimse_write_head(&instance, &head);
    if (!association->hooks->write(association->self, buf_view(&head)))
        association->is_paused = true;
    return true;
}

static bool begin_action(struct dimse_association *association)
{
    const struct dimse_command *command = &association->command;
    if (association->context->service != DIMSE_SERVICE_COMMIT ||
        strcmp(command->sop_class, DIMSE_COMMITMENT) != 0)
        return refuse(association, DIMSE_CLASS_UNSUPPORTED);
    if (strcmp(command->sop_instance, DIMSE_COMMITMENT_INSTANCE) != 0)
        return refuse(association, DIMSE_NO_SUCH_INSTANCE);
    if (command->action != 1)
        return refuse(association, 0x0123); /* no such action */
    if (!has_data(association))
        return refuse(association, 0x0115); /* invalid argument value */
    association->part = DIMSE_PART_COLLECT;
    return true;
}

static bool take_told(struct dimse_association *association)
{
    association->part = DIMSE_PART_NONE;
    if (association->event_id == 0 || has_data(association))
        return fail(association, DIMSE_ABORT_INVALID, "dicom_response_unexpected");
    association->hooks->told(association->self, association->command.responded_id);
    return true;
}

static bool begin_message(struct dimse_association *association)
{
    const struct dimse_command *command = &association->command;
    association->data_bytes = 0;
    switch (command->field) {
    case DIMSE_STORE_RQ:
        return begin_store(association);
    case DIMSE_ECHO_RQ:
        return refuse(association, association->context->service == DIMSE_SERVICE_ECHO
                                       ? DIMSE_SUCCESS
                                       : DIMSE_CLASS_UNSUPPORTED);
    case DIMSE_ACTION_RQ:
        return begin_action(association);
    case DIMSE_CANCEL_RQ: /* nothing that could be cancelled, and no answer to it */
        association->part = DIMSE_PART_NONE;
        return !has_data(association) ||
               fail(association, DIMSE_ABORT_INVALID, "dicom_command_broken");
    case DIMSE_EVENT_RQ | DIMSE_RESPONSE:
        return take_told(association);
    default:
        if (command->field & DIMSE_RESPONSE)
            return fail(association, DIMSE_ABORT_INVALID, "dicom_response_unexpected");
        return refuse(association, DIMSE_UNRECOGNIZED);
    }
}

static bool end_command(struct dimse_association *association)
{
    struct err err = {0};
    bool is_read = dimse_read_command(buf_view(&association->collected),
                                      &association->command, &err);
    buf_reset(&association->collected);
    return is_read ? begin_message(association)
                   : fail(association, DIMSE_ABORT_INVALID, err.code);
}

/* Whether class and instance stand in the data set, as soon as that can be told. */
static void peek(struct dimse_association *association, struct span bytes, bool is_all)
{
    struct buf *first = &association->collected;
    uint16_t status = DIMSE_SUCCESS;
    if (association->is_peeked)
        return;
    buf_span(first, span_part(bytes, 0, DIMSE_PEEK_BYTES - first->len));
    association->is_peeked =
        dimse_peek(buf_view(first), is_all, dimse_syntax_at(association->context->rank),
                   &association->command, &status);
    if (!association->is_peeked)
        return;
    buf_reset(first);
    association->status = status;
}

static void end_store(struct dimse_association *association)
{
    peek(association, span_of(NULL, 0), true);
    association->part = DIMSE_PART_ANSWER;
    if (association->status != DIMSE_SUCCESS) {
        leave_transfer(association);
        respond(association, association->status);
        return;
    }
    association->is_writing = false;
    association->hooks->commit(association->self);
}

static bool end_data(struct dimse_association *association)
{
    uint16_t status = association->status;
    if (association->part == DIMSE_PART_STORE) {
        end_store(association);
        return true;
    }
    if (association->part == DIMSE_PART_COLLECT) {
        const struct dimse_syntax *syntax = dimse_syntax_at(association->context->rank);
        association->part = DIMSE_PART_ANSWER;
        status = association->hooks->commitment(
            association->self, buf_view(&association->collected), syntax);
        buf_reset(&association->collected);
        if (status == DIMSE_SUCCESS)
            return true;
    }
    respond(association, status);
    return true;
}

/* What is too much is read on, so that the peer hears why. */
static void take_store(struct dimse_association *association, struct span bytes)
{
    uint64_t room = association->instance_bytes_max - association->data_bytes;
    struct span fitting =
        span_part(bytes, 0, bytes.len < room ? bytes.len : (size_t)room);
    association->data_bytes += fitting.len;
    peek(association, fitting, false);
    if (fitting.len > 0 && !association->hooks->write(association->self, fitting))
        association->is_paused = true;
    if (fitting.len == bytes.len)
        return;
    leave_transfer(association);
    buf_reset(&association->collected);
    association->status = DIMSE_OUT_OF_RESOURCES;
    association->part = DIMSE_PART_SKIP;
}

static bool collect(struct dimse_association *association, struct span bytes, size_t max,
                    const char *code)
{
    struct buf *collected = &association->collected;
    if (bytes.len > max - collected->len)
        return fail(association, DIMSE_ABORT_INVALID, code);
    buf_span(collected, bytes);
    return !collected->has_failed ||
           fail(association, DIMSE_ABORT_UNSPECIFIED, "memory_short");
}

static bool take_piece(struct dimse_association *association, struct span bytes)
{
    if (association->is_command)
        return collect(association, bytes, DIMSE_COMMAND_BYTES, "dicom_command_too_long");
    if (association->part == DIMSE_PART_COLLECT)
        return collect(association, bytes, DIMSE_COMMITMENT_BYTES,
                       "dicom_commitment_too_long");
    if (association->part == DIMSE_PART_STORE)
        take_store(association, bytes);
    return true;
}

/* ---- PDVs ---- */

static bool end_pdv(struct dimse_association *association)
{
    association->is_in_pdv = false;
    if (!association->is_last)
        return true;
    return association->is_command ? end_command(association) : end_data(association);
}

static const struct dimse_context *find_context(const struct dimse_request *request,
                                                uint8_t id)
{
    for (size_t i = 0; i < request->context_count; i++)
        if (request->contexts[i].id == id && request->contexts[i].result == 0)
            return &request->contexts[i];
    return NULL;
}

static const char *check_pdv(struct dimse_association *association,
                             const struct dimse_context *context)
{
    enum dimse_part part = association->part;
    bool is_begun = part != DIMSE_PART_NONE;
    if (!context || (is_begun && context != association->context))
        return "dicom_context_unknown";
    if (association->is_command && part != DIMSE_PART_NONE && part != DIMSE_PART_COMMAND)
        return "dicom_command_unexpected";
    if (!association->is_command &&
        (part == DIMSE_PART_NONE || part == DIMSE_PART_COMMAND))
        return "dicom_data_unexpected";
    if (association->pdv_left == 0 && !association->is_last)
        return "dicom_fragment_empty";
    return NULL;
}

/* Length, context, what it is (PS3.8 9.3.5.1, E.2). */
static bool begin_pdv(struct dimse_association *association)
{
    const uint8_t *head = association->head;
    uint32_t len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
                   (uint32_t)head[2] << 8 | head[3];
    if (len < 2 || len - 2 > association->left)
        return fail(association, DIMSE_ABORT_INVALID, "dicom_pdv_length");
    association->pdv_left = len - 2;
    association->is_command = head[5] & 1;
    association->is_last = head[5] & 2;
    const struct dimse_context *context = find_context(association->request, head[4]);
    const char *fault = check_pdv(association, context);
    if (fault)
        return fail(association, DIMSE_ABORT_INVALID, fault);
    association->context = context;
    if (association->part == DIMSE_PART_NONE)
        association->part = DIMSE_PART_COMMAND;
    association->is_in_pdv = true;
    return association->pdv_left > 0 || end_pdv(association);
}

/* ---- PDUs ---- */

static size_t take_head(struct dimse_association *association, struct span bytes)
{
    size_t wanted = DIMSE_HEAD_BYTES - association->head_bytes;
    size_t len = bytes.len < wanted ? bytes.len : wanted;
    memcpy(association->head + association->head_bytes, bytes.at, len);
    association->head_bytes += len;
    return len;
}

static const char *check_pdu(const struct dimse_association *association)
{
    uint32_t left = association->left;
    switch (association->type) {
    case DIMSE_ASSOCIATE_RQ:
        return left < DIMSE_REQUEST_BYTES_MIN || left > DIMSE_REQUEST_BYTES
                   ? "dicom_pdu_length"
                   : NULL;
    case DIMSE_DATA_TF:
        return left < DIMSE_HEAD_BYTES || left > DIMSE_PDU_BYTES ? "dicom_pdu_length"
                                                                 : NULL;
    default:
        return left != 4 ? "dicom_pdu_length" : NULL;
    }
}

static bool begin_pdu(struct dimse_association *association)
{
    const uint8_t *head = association->head;
    bool is_open = association->stage == DIMSE_STAGE_OPEN;
    association->type = head[0];
    association->left = (uint32_t)head[2] << 24 | (uint32_t)head[3] << 16 |
                        (uint32_t)head[4] << 8 | head[5];
    association->head_bytes = 0;
    association->is_in_pdu = true;
    if (association->type < DIMSE_ASSOCIATE_RQ || association->type > DIMSE_ABORT)
        return fail(association, DIMSE_ABORT_UNRECOGNIZED, "dicom_pdu_unknown");
    bool is_expected = association->type == DIMSE_ABORT ||
                       (is_open ? association->type == DIMSE_DATA_TF ||
                                      association->type == DIMSE_RELEASE_RQ
                                : association->type == DIMSE_ASSOCIATE_RQ);
    if (!is_expected)
        return fail(association, DIMSE_ABORT_UNEXPECTED, "dicom_pdu_unexpected");
    const char *fault = check_pdu(association);
    return !fault || fail(association, DIMSE_ABORT_INVALID, fault);
}

/* Ended by the peer; in the middle of a message that is no orderly end. */
static bool end_simple(struct dimse_association *association)
{
    bool is_release = association->type == DIMSE_RELEASE_RQ;
    bool is_between = association->part == DIMSE_PART_NONE;
    association->has_released = is_release && is_between;
    be_over(association, is_release ? NULL : "dicom_aborted");
    if (is_release)
        send_simple(association, DIMSE_RELEASE_RP, 0, 0);
    return false;
}

/* The body of everything but P-DATA-TF, complete in `collected` when left is 0. */
static bool take_body(struct dimse_association *association, struct span bytes)
{
    bool is_request = association->type == DIMSE_ASSOCIATE_RQ;
    association->left -= (uint32_t)bytes.len;
    if (is_request &&
        !collect(association, bytes, DIMSE_REQUEST_BYTES, "dicom_pdu_length"))
        return false;
    if (association->left > 0)
        return true;
    association->is_in_pdu = false;
    return is_request ? take_request(association) : end_simple(association);
}

static bool take_data(struct dimse_association *association, struct span *bytes)
{
    if (!association->is_in_pdv) {
        if (association->head_bytes == 0 && association->left < DIMSE_HEAD_BYTES)
            return fail(association, DIMSE_ABORT_INVALID, "dicom_pdv_length");
        size_t len = take_head(association, *bytes);
        *bytes = span_part(*bytes, len, bytes->len);
        if (association->head_bytes < DIMSE_HEAD_BYTES)
            return true;
        association->head_bytes = 0;
        association->left -= DIMSE_HEAD_BYTES;
        if (!begin_pdv(association))
            return false;
    } else {
        struct span piece = span_part(*bytes, 0, association->pdv_left);
        *bytes = span_part(*bytes, piece.len, bytes->len);
        association->pdv_left -= (uint32_t)piece.len;
        association->left -= (uint32_t)piece.len;
        if (!take_piece(association, piece) ||
            (association->pdv_left == 0 && !end_pdv(association)))
            return false;
    }
    association->is_in_pdu = association->left > 0 || association->is_in_pdv;
    return true;
}

static bool take_some(struct dimse_association *association, struct span *bytes)
{
    if (!association->is_in_pdu) {
        size_t len = take_head(association, *bytes);
        *bytes = span_part(*bytes, len, bytes->len);
        return association->head_bytes < DIMSE_HEAD_BYTES || begin_pdu(association);
    }
    if (association->type == DIMSE_DATA_TF)
        return take_data(association, bytes);
    struct span piece = span_part(*bytes, 0, association->left);
    *bytes = span_part(*bytes, piece.len, bytes->len);
    return take_body(association, piece);
}

size_t dimse_association_take(struct dimse_association *association, struct span bytes)
{
    struct span rest = bytes;
    while (rest.len > 0 && association->stage != DIMSE_STAGE_OVER &&
           !association->is_paused && association->part != DIMSE_PART_ANSWER)
        if (!take_some(association, &rest))
            break;
    return bytes.len - rest.len;
}
