// SPDX-License-Identifier: Apache-2.0
/* The upper layer's PDUs (PS3.8 9.3), integers in network order. */
#include "wire/dimse/dimse_parts.h"

#define APPLICATION_CONTEXT "1.2.840.10008.3.1.1.1"

enum {
    ITEM_APPLICATION = 0x10,
    ITEM_CONTEXT = 0x20,
    ITEM_CONTEXT_ACCEPTED = 0x21,
    ITEM_ABSTRACT = 0x30,
    ITEM_TRANSFER = 0x40,
    ITEM_USER = 0x50,
    ITEM_PDU_BYTES = 0x51,
    ITEM_CLASS = 0x52,
    ITEM_WINDOW = 0x53,
    ITEM_ROLE = 0x54,
    ITEM_VERSION = 0x55,
    TITLE_BYTES = 16,
    CLAUSE_BYTES = 4
};

static uint16_t read_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_32(const uint8_t *at)
{
    return (uint32_t)read_16(at) << 16 | read_16(at + 2);
}

/* Type, a reserved byte, two of length. */
static bool take_item(struct span *rest, uint8_t *type, struct span *body,
                      struct err *err)
{
    if (rest->len < CLAUSE_BYTES)
        return err_at(err, ERR_SYNTAX, "dicom_item_length", rest->len, "PS3.8 9.3");
    size_t len = read_16(rest->at + 2);
    if (len > rest->len - CLAUSE_BYTES)
        return err_at(err, ERR_SYNTAX, "dicom_item_length", rest->len, "PS3.8 9.3");
    *type = rest->at[0];
    *body = span_part(*rest, CLAUSE_BYTES, len);
    *rest = span_of(rest->at + CLAUSE_BYTES + len, rest->len - CLAUSE_BYTES - len);
    return true;
}

static void copy_title(const uint8_t *at, char title[DIMSE_TITLE_BYTES])
{
    struct span trimmed = dimse_trim(span_trim(span_of(at, TITLE_BYTES)));
    for (size_t i = 0; i < trimmed.len; i++)
        title[i] =
            trimmed.at[i] >= 0x20 && trimmed.at[i] < 0x7F ? (char)trimmed.at[i] : '?';
    title[trimmed.len] = '\0';
}

/* ---- the request ---- */

static void take_abstract(struct span uid, struct dimse_context *context)
{
    context->service = (uint8_t)dimse_service_of(uid);
    context->result =
        context->service == DIMSE_SERVICE_NONE || !dimse_is_uid(uid) ? 3 : 4;
    if (dimse_is_uid(uid))
        memcpy(context->sop_class, uid.at, uid.len);
}

static void take_transfer(struct span uid, struct dimse_context *context)
{
    int rank = dimse_rank(context->service, uid);
    if (context->result == 3 || rank < 0)
        return;
    context->result = 0;
    if (context->rank < 0 || rank < context->rank)
        context->rank = (int8_t)rank;
}

static bool check_number(const struct dimse_request *request, uint8_t id, struct err *err)
{
    if (id % 2 == 0)
        return err_at(err, ERR_SYNTAX, "dicom_context_even", 0, "PS3.8 9.3.2.2");
    for (size_t i = 0; i < request->context_count; i++)
        if (request->contexts[i].id == id)
            return err_at(err, ERR_SYNTAX, "dicom_context_twice", 0, "PS3.8 9.3.2.2");
    return true;
}

/* Abstract syntax first, or the transfer syntaxes could not be judged. */
static bool read_context(struct span body, struct dimse_request *request, struct err *err)
{
    if (request->context_count == DIMSE_CONTEXTS_MAX)
        return err_at(err, ERR_LIMIT, "dicom_contexts_too_many", 0, "PS3.8 9.3.2.2");
    if (body.len < CLAUSE_BYTES)
        return err_at(err, ERR_SYNTAX, "dicom_item_length", 0, "PS3.8 9.3.2.2");
    if (!check_number(request, body.at[0], err))
        return false;
    struct dimse_context *context = &request->contexts[request->context_count];
    *context = (struct dimse_context){.id = body.at[0], .result = 3, .rank = -1};
    struct span rest = span_part(body, CLAUSE_BYTES, body.len);
    bool has_abstract = false;
    while (rest.len > 0) {
        uint8_t type = 0;
        struct span value = {0};
        if (!take_item(&rest, &type, &value, err))
            return false;
        bool is_abstract = type == ITEM_ABSTRACT;
        if (is_abstract ? has_abstract : type == ITEM_TRANSFER && !has_abstract)
            return err_at(err, ERR_SYNTAX, "dicom_context_broken", 0, "PS3.8 9.3.2.2");
        if (is_abstract)
            take_abstract(dimse_trim(value), context);
        else if (type == ITEM_TRANSFER)
            take_transfer(dimse_trim(value), context);
        has_abstract = has_abstract || is_abstract;
    }
    request->context_count++;
    return has_abstract ||
           err_at(err, ERR_SYNTAX, "dicom_context_broken", 0, "PS3.8 9.3.2.2");
}

/* Length and UID, then one byte for each role (PS3.7 D.3.3.4). */
static bool read_role(struct span value, struct dimse_request *request, struct err *err)
{
    if (value.len < 4 || (size_t)read_16(value.at) + 4 != value.len)
        return err_at(err, ERR_SYNTAX, "dicom_item_length", 0, "PS3.7 D.3.3.4");
    struct span uid = dimse_trim(span_part(value, 2, value.len - 4));
    for (size_t i = 0; i < request->context_count; i++) {
        struct dimse_context *context = &request->contexts[i];
        if (!span_is(uid, context->sop_class))
            continue;
        context->roles =
            (uint8_t)(DIMSE_ROLE_ASKED | (value.at[value.len - 2] ? DIMSE_ROLE_SCU : 0) |
                      (value.at[value.len - 1] ? DIMSE_ROLE_SCP : 0));
    }
    return true;
}

static bool read_user(struct span rest, struct dimse_request *request, struct err *err)
{
    while (rest.len > 0) {
        uint8_t type = 0;
        struct span value = {0};
        if (!take_item(&rest, &type, &value, err))
            return false;
        if (type == ITEM_PDU_BYTES && value.len != 4)
            return err_at(err, ERR_SYNTAX, "dicom_item_length", 0, "PS3.8 D.1");
        if (type == ITEM_PDU_BYTES)
            request->pdu_bytes = read_32(value.at);
        if (type == ITEM_WINDOW)
            request->has_window = true;
        if (type == ITEM_ROLE && !read_role(value, request, err))
            return false;
    }
    if (request->pdu_bytes > 0 && request->pdu_bytes < DIMSE_PEER_PDU_BYTES_MIN)
        return err_at(err, ERR_SYNTAX, "dicom_pdu_bytes", 0, "PS3.8 D.1");
    return true;
}

static bool read_item(uint8_t type, struct span value, struct dimse_request *request,
                      struct err *err)
{
    switch (type) {
    case ITEM_APPLICATION:
        request->is_dicom = span_is(dimse_trim(value), APPLICATION_CONTEXT);
        return true;
    case ITEM_CONTEXT:
        return read_context(value, request, err);
    case ITEM_USER:
        return read_user(value, request, err);
    default: /* what is not known is passed over (PS3.8 9.3.1) */
        return true;
    }
}

bool dimse_read_request(struct span body, struct dimse_request *request, struct err *err)
{
    *request = (struct dimse_request){0};
    if (body.len < DIMSE_REQUEST_BYTES_MIN)
        return err_at(err, ERR_SYNTAX, "dicom_pdu_length", body.len, "PS3.8 9.3.2");
    request->version = read_16(body.at);
    copy_title(body.at + 4, request->called);
    copy_title(body.at + 4 + TITLE_BYTES, request->calling);
    memcpy(request->titles, body.at + 4, sizeof request->titles);
    struct span rest = span_part(body, DIMSE_REQUEST_BYTES_MIN, body.len);
    while (rest.len > 0) {
        uint8_t type = 0;
        struct span value = {0};
        if (!take_item(&rest, &type, &value, err) ||
            !read_item(type, value, request, err))
            return false;
    }
    return true;
}

/* ---- answers ---- */

static void put_16(struct buf *out, size_t value)
{
    uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_put(out, bytes, sizeof bytes);
}

static void put_32(struct buf *out, size_t value)
{
    put_16(out, value >> 16 & 0xFFFF);
    put_16(out, value & 0xFFFF);
}

static void put_head(struct buf *out, uint8_t type, size_t len)
{
    buf_byte(out, type);
    buf_byte(out, 0);
    put_32(out, len);
}

static void put_item(struct buf *out, uint8_t type, struct span value)
{
    buf_byte(out, type);
    buf_byte(out, 0);
    put_16(out, value.len);
    buf_span(out, value);
}

/* Of PDUs and items whose length is known only when they are written. */
static void set_length(struct buf *out, size_t at, bool is_pdu)
{
    if (out->has_failed)
        return;
    size_t len = out->len - at - (is_pdu ? DIMSE_HEAD_BYTES : CLAUSE_BYTES);
    uint8_t *last = out->at + at + (is_pdu ? DIMSE_HEAD_BYTES : CLAUSE_BYTES);
    last[-1] = (uint8_t)len;
    last[-2] = (uint8_t)(len >> 8);
    if (is_pdu)
        last[-3] = (uint8_t)(len >> 16);
}

static void put_context(const struct dimse_context *context, struct buf *out)
{
    size_t at = out->len;
    put_item(out, ITEM_CONTEXT_ACCEPTED, span_of(NULL, 0));
    uint8_t head[] = {context->id, 0, context->result, 0};
    buf_put(out, head, sizeof head);
    const char *uid = context->result == 0 ? dimse_syntax_at(context->rank)->uid : "";
    put_item(out, ITEM_TRANSFER, span_cstr(uid));
    set_length(out, at, false);
}

/* The requestor may be SCU of what it asked for; SCP of nothing. */
static void put_role(const char *sop_class, bool is_scu, bool is_scp, struct buf *out)
{
    size_t at = out->len;
    put_item(out, ITEM_ROLE, span_of(NULL, 0));
    put_16(out, strlen(sop_class));
    buf_cstr(out, sop_class);
    buf_byte(out, is_scu);
    buf_byte(out, is_scp);
    set_length(out, at, false);
}

static void put_user(const struct dimse_request *request, struct buf *out)
{
    static const uint8_t most[] = {0, DIMSE_PDU_BYTES >> 16, DIMSE_PDU_BYTES >> 8 & 0xFF,
                                   DIMSE_PDU_BYTES & 0xFF};
    size_t at = out->len;
    put_item(out, ITEM_USER, span_of(NULL, 0));
    put_item(out, ITEM_PDU_BYTES, span_of(most, sizeof most));
    put_item(out, ITEM_CLASS, span_cstr(DIMSE_IMPLEMENTATION));
    if (request && request->has_window)
        put_item(out, ITEM_WINDOW, SPAN("\x00\x01\x00\x01"));
    for (size_t i = 0; request && i < request->context_count; i++) {
        const struct dimse_context *context = &request->contexts[i];
        if (context->result == 0 && context->roles & DIMSE_ROLE_ASKED)
            put_role(context->sop_class, context->roles & DIMSE_ROLE_SCU, false, out);
    }
    if (!request)
        put_role(DIMSE_COMMITMENT, false, true, out);
    put_item(out, ITEM_VERSION, span_cstr(DIMSE_VERSION));
    set_length(out, at, false);
}

static void put_fixed(uint8_t type, const uint8_t titles[32], struct buf *out)
{
    static const uint8_t nothing[32];
    put_head(out, type, 0);
    put_16(out, 1); /* version */
    put_16(out, 0);
    buf_put(out, titles, 32);
    buf_put(out, nothing, sizeof nothing);
    put_item(out, ITEM_APPLICATION, span_cstr(APPLICATION_CONTEXT));
}

void dimse_put_accept(const struct dimse_request *request, struct buf *out)
{
    size_t at = out->len;
    put_fixed(DIMSE_ASSOCIATE_AC, request->titles, out);
    for (size_t i = 0; i < request->context_count; i++)
        put_context(&request->contexts[i], out);
    put_user(request, out);
    set_length(out, at, true);
}

void dimse_put_reject(const struct dimse_rejection *rejection, struct buf *out)
{
    uint8_t body[] = {0, rejection->result, rejection->source, rejection->reason};
    put_head(out, DIMSE_ASSOCIATE_RJ, sizeof body);
    buf_put(out, body, sizeof body);
}

void dimse_put_simple(uint8_t type, uint8_t source, uint8_t reason, struct buf *out)
{
    uint8_t body[] = {0, 0, source, reason};
    put_head(out, type, sizeof body);
    buf_put(out, body, sizeof body);
}

/* ---- as a requestor ---- */

void dimse_put_report_request(const char *called, const char *calling, struct buf *out)
{
    uint8_t titles[32];
    memset(titles, ' ', sizeof titles);
    memcpy(titles, called, strlen(called));
    memcpy(titles + TITLE_BYTES, calling, strlen(calling));
    size_t at = out->len;
    put_fixed(DIMSE_ASSOCIATE_RQ, titles, out);
    size_t context_at = out->len;
    put_item(out, ITEM_CONTEXT, span_of(NULL, 0));
    buf_put(out, "\x01\x00\x00\x00", 4);
    put_item(out, ITEM_ABSTRACT, span_cstr(DIMSE_COMMITMENT));
    put_item(out, ITEM_TRANSFER, span_cstr(DIMSE_EXPLICIT));
    put_item(out, ITEM_TRANSFER, span_cstr(DIMSE_IMPLICIT));
    set_length(out, context_at, false);
    put_user(NULL, out);
    set_length(out, at, true);
}

static bool read_accepted(struct span value, int *rank, struct err *err)
{
    uint8_t type = 0;
    struct span uid = {0};
    if (value.len < CLAUSE_BYTES)
        return err_at(err, ERR_SYNTAX, "dicom_item_length", 0, "PS3.8 9.3.3.2");
    struct span rest = span_part(value, CLAUSE_BYTES, value.len);
    if (value.at[0] != 1 || value.at[2] != 0)
        return true;
    if (!take_item(&rest, &type, &uid, err))
        return false;
    if (type == ITEM_TRANSFER)
        *rank = dimse_rank(DIMSE_SERVICE_COMMIT, dimse_trim(uid));
    return true;
}

bool dimse_read_accept(struct span body, int *rank, uint32_t *pdu_bytes, struct err *err)
{
    struct dimse_request user = {0};
    *rank = -1;
    if (body.len < DIMSE_REQUEST_BYTES_MIN)
        return err_at(err, ERR_SYNTAX, "dicom_pdu_length", body.len, "PS3.8 9.3.3");
    struct span rest = span_part(body, DIMSE_REQUEST_BYTES_MIN, body.len);
    while (rest.len > 0) {
        uint8_t type = 0;
        struct span value = {0};
        if (!take_item(&rest, &type, &value, err) ||
            (type == ITEM_CONTEXT_ACCEPTED && !read_accepted(value, rank, err)) ||
            (type == ITEM_USER && !read_user(value, &user, err)))
            return false;
    }
    *pdu_bytes = user.pdu_bytes;
    return *rank >= 0 ||
           err_set(err, ERR_REFUSED, "dicom_context_refused", "no context for reports");
}

/* ---- messages and files ---- */

void dimse_put_message(struct buf *out, uint8_t context, bool is_command,
                       struct span bytes, uint32_t peer_bytes)
{
    size_t most =
        peer_bytes == 0 || peer_bytes > DIMSE_PDU_BYTES ? DIMSE_PDU_BYTES : peer_bytes;
    size_t at = 0;
    most -= DIMSE_HEAD_BYTES;
    do {
        struct span piece = span_part(bytes, at, most);
        bool is_last = at + piece.len == bytes.len;
        at += piece.len;
        put_head(out, DIMSE_DATA_TF, piece.len + DIMSE_HEAD_BYTES);
        put_32(out, piece.len + 2);
        buf_byte(out, context);
        buf_byte(out, (uint8_t)((is_command ? 1 : 0) | (is_last ? 2 : 0)));
        buf_span(out, piece);
    } while (at < bytes.len);
}

static void put_meta(struct buf *out, uint8_t element, const char *uid)
{
    size_t len = strlen(uid);
    uint8_t head[] = {2, 0, element, 0, 'U', 'I', (uint8_t)(len + len % 2), 0};
    buf_put(out, head, sizeof head);
    buf_put(out, uid, len);
    if (len % 2)
        buf_byte(out, 0);
}

void dimse_write_head(const struct dimse_instance *instance, struct buf *out)
{
    static const uint8_t preamble[128];
    static const char name[] = DIMSE_VERSION " ";
    buf_put(out, preamble, sizeof preamble);
    size_t at = out->len;
    buf_put(out, "DICM\x02\0\0\0UL\x04\0\0\0\0\0", 16);
    size_t from = out->len;
    buf_put(out, "\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01", 14);
    put_meta(out, 0x02, instance->sop_class);
    put_meta(out, 0x03, instance->sop_instance);
    put_meta(out, 0x10, instance->syntax);
    put_meta(out, 0x12, DIMSE_IMPLEMENTATION);
    buf_put(out, "\x02\0\x13\0SH\x08\0", 8);
    buf_put(out, name, 8);
    if (out->has_failed)
        return;
    size_t len = out->len - from;
    out->at[at + 12] = (uint8_t)len;
    out->at[at + 13] = (uint8_t)(len >> 8);
}
