// SPDX-License-Identifier: Apache-2.0
/* Command sets: group 0000 in implicit VR little endian (PS3.7 6.3, E). */
#include "wire/dimse/dimse_parts.h"

enum {
    GROUP_LENGTH = 0x0000,
    AFFECTED_CLASS = 0x0002,
    REQUESTED_CLASS = 0x0003,
    FIELD = 0x0100,
    MESSAGE_ID = 0x0110,
    RESPONDED_ID = 0x0120,
    DATA_TYPE = 0x0800,
    STATUS = 0x0900,
    AFFECTED_INSTANCE = 0x1000,
    REQUESTED_INSTANCE = 0x1001,
    EVENT_TYPE = 0x1002,
    ACTION_TYPE = 0x1008,
    ELEMENT_BYTES = 8
};

static uint16_t read_16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t read_32(const uint8_t *at)
{
    return (uint32_t)read_16(at) | (uint32_t)read_16(at + 2) << 16;
}

static bool take_number(struct span value, uint16_t *number, bool *is_there)
{
    if (value.len != 2 || *is_there)
        return false;
    *number = read_16(value.at);
    *is_there = true;
    return true;
}

/* What is no UID counts as none. */
static bool take_uid(struct span value, char uid[DIMSE_UID_BYTES])
{
    struct span trimmed = dimse_trim(value);
    if (dimse_is_uid(trimmed))
        memcpy(uid, trimmed.at, trimmed.len);
    return true;
}

static bool take_element(uint16_t element, struct span value,
                         struct dimse_command *command)
{
    bool is_new = false;
    switch (element) {
    case AFFECTED_CLASS:
    case REQUESTED_CLASS:
        return take_uid(value, command->sop_class);
    case AFFECTED_INSTANCE:
    case REQUESTED_INSTANCE:
        return take_uid(value, command->sop_instance);
    case FIELD:
        return take_number(value, &command->field, &command->has_field);
    case MESSAGE_ID:
        return take_number(value, &command->message_id, &command->has_message_id);
    case DATA_TYPE:
        return take_number(value, &command->data_type, &command->has_data_type);
    case RESPONDED_ID:
        return take_number(value, &command->responded_id, &is_new);
    case STATUS:
        return take_number(value, &command->status, &is_new);
    case ACTION_TYPE:
        return take_number(value, &command->action, &is_new);
    default:
        return true;
    }
}

bool dimse_read_command(struct span bytes, struct dimse_command *command, struct err *err)
{
    size_t at = 0;
    int32_t former = -1;
    *command = (struct dimse_command){0};
    while (at < bytes.len) {
        if (bytes.len - at < ELEMENT_BYTES)
            break;
        uint16_t element = read_16(bytes.at + at + 2);
        uint32_t len = read_32(bytes.at + at + 4);
        if (read_16(bytes.at + at) != 0 || element <= former ||
            len > bytes.len - at - ELEMENT_BYTES)
            break;
        if (!take_element(element, span_of(bytes.at + at + ELEMENT_BYTES, len), command))
            break;
        former = element;
        at += ELEMENT_BYTES + len;
    }
    bool is_response = command->field & DIMSE_RESPONSE;
    if (at < bytes.len || !command->has_field || !command->has_data_type ||
        (!is_response && !command->has_message_id))
        return err_at(err, ERR_SYNTAX, "dicom_command_broken", at, "PS3.7 6.3.1");
    return true;
}

/* ---- writing ---- */

static void put_head(struct buf *out, uint16_t element, size_t len)
{
    uint8_t head[] = {0,
                      0,
                      (uint8_t)element,
                      (uint8_t)(element >> 8),
                      (uint8_t)len,
                      (uint8_t)(len >> 8),
                      0,
                      0};
    buf_put(out, head, sizeof head);
}

static void put_number(struct buf *out, uint16_t element, uint16_t number)
{
    put_head(out, element, 2);
    buf_byte(out, (uint8_t)number);
    buf_byte(out, (uint8_t)(number >> 8));
}

static void put_uid(struct buf *out, uint16_t element, const char *uid)
{
    size_t len = strlen(uid);
    if (len == 0)
        return;
    put_head(out, element, len + len % 2);
    buf_put(out, uid, len);
    if (len % 2)
        buf_byte(out, 0);
}

/* The group's length comes first and is known last. */
static size_t put_start(struct buf *out)
{
    size_t at = out->len;
    put_head(out, GROUP_LENGTH, 4);
    buf_put(out, "\0\0\0\0", 4);
    return at;
}

static void put_end(struct buf *out, size_t at)
{
    if (out->has_failed)
        return;
    size_t len = out->len - at - ELEMENT_BYTES - 4;
    out->at[at + ELEMENT_BYTES] = (uint8_t)len;
    out->at[at + ELEMENT_BYTES + 1] = (uint8_t)(len >> 8);
}

void dimse_put_response(const struct dimse_command *command, uint16_t status,
                        struct buf *out)
{
    size_t at = put_start(out);
    put_uid(out, AFFECTED_CLASS, command->sop_class);
    put_number(out, FIELD, command->field | DIMSE_RESPONSE);
    put_number(out, RESPONDED_ID, command->message_id);
    put_number(out, DATA_TYPE, DIMSE_NO_DATA);
    put_number(out, STATUS, status);
    put_uid(out, AFFECTED_INSTANCE, command->sop_instance);
    if (command->field == DIMSE_ACTION_RQ)
        put_number(out, ACTION_TYPE, command->action);
    put_end(out, at);
}

/* PS3.7 10.3.1: event 1 = all are committed, 2 = some are not (PS3.4 J.3.3). */
void dimse_put_event(uint16_t message_id, bool is_complete, struct buf *out)
{
    size_t at = put_start(out);
    put_uid(out, AFFECTED_CLASS, DIMSE_COMMITMENT);
    put_number(out, FIELD, DIMSE_EVENT_RQ);
    put_number(out, MESSAGE_ID, message_id);
    put_number(out, DATA_TYPE, 0x0001);
    put_uid(out, AFFECTED_INSTANCE, DIMSE_COMMITMENT_INSTANCE);
    put_number(out, EVENT_TYPE, is_complete ? 1 : 2);
    put_end(out, at);
}
