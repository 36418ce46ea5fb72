// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a peer sends, byte by byte, for tests and the fuzzer. */

#include <stdio.h>

#include "wire/dimse/dimse_parts.h"

#define TESTPEER_CT "1.2.840.10008.5.1.4.1.1.2"
#define TESTPEER_INSTANCE "2.25.1001"

static inline void testpeer_16(struct buf *out, size_t value)
{
    buf_byte(out, (uint8_t)(value >> 8));
    buf_byte(out, (uint8_t)value);
}

static inline void testpeer_pdu(struct buf *out, uint8_t type, struct span body)
{
    buf_byte(out, type);
    buf_byte(out, 0);
    testpeer_16(out, body.len >> 16);
    testpeer_16(out, body.len & 0xFFFF);
    buf_span(out, body);
}

static inline void testpeer_item(struct buf *out, uint8_t type, struct span body)
{
    buf_byte(out, type);
    buf_byte(out, 0);
    testpeer_16(out, body.len);
    buf_span(out, body);
}

/* NULL-ended transfer syntaxes. */
static inline void testpeer_context(struct buf *out, uint8_t id, const char *sop_class,
                                    const char *const *syntaxes)
{
    CLEANUP(buf_free) struct buf body = buf_init(8192);
    buf_put(&body, (uint8_t[]){id, 0, 0, 0}, 4);
    testpeer_item(&body, 0x30, span_cstr(sop_class));
    for (; *syntaxes; syntaxes++)
        testpeer_item(&body, 0x40, span_cstr(*syntaxes));
    testpeer_item(out, 0x20, buf_view(&body));
}

static inline void testpeer_titles(struct buf *out, const char *called,
                                   const char *calling)
{
    char titles[33];
    snprintf(titles, sizeof titles, "%-16.16s%-16.16s", called, calling);
    buf_put(out, "\x00\x01\x00\x00", 4);
    buf_put(out, titles, 32);
    for (int i = 0; i < 32; i++)
        buf_byte(out, 0);
    testpeer_item(out, 0x10, SPAN("1.2.840.10008.3.1.1.1"));
}

static inline void testpeer_user(struct buf *out, uint32_t pdu_bytes)
{
    CLEANUP(buf_free) struct buf user = buf_init(1024);
    uint8_t most[] = {(uint8_t)(pdu_bytes >> 24), (uint8_t)(pdu_bytes >> 16),
                      (uint8_t)(pdu_bytes >> 8), (uint8_t)pdu_bytes};
    testpeer_item(&user, 0x51, span_of(most, sizeof most));
    testpeer_item(&user, 0x52, SPAN("1.2.3"));
    testpeer_item(&user, 0x53, SPAN("\x00\x05\x00\x05"));
    testpeer_item(out, 0x50, buf_view(&user));
}

/* 1 verification, 3 CT explicit, 5 CT implicit, 7 storage commitment. */
static inline void testpeer_request(struct buf *out)
{
    static const char *const implicit[] = {DIMSE_IMPLICIT, NULL};
    static const char *const both[] = {DIMSE_IMPLICIT, DIMSE_EXPLICIT, NULL};
    CLEANUP(buf_free) struct buf body = buf_init(64 * 1024);
    testpeer_titles(&body, "TSUMUGI", "MODALITY");
    testpeer_context(&body, 1, DIMSE_VERIFICATION, implicit);
    testpeer_context(&body, 3, TESTPEER_CT, both);
    testpeer_context(&body, 5, TESTPEER_CT, implicit);
    testpeer_context(&body, 7, DIMSE_COMMITMENT, implicit);
    testpeer_user(&body, 16384);
    testpeer_pdu(out, DIMSE_ASSOCIATE_RQ, buf_view(&body));
}

static inline void testpeer_element(struct buf *out, uint16_t group, uint16_t element,
                                    struct span value)
{
    uint8_t head[] = {(uint8_t)group,
                      (uint8_t)(group >> 8),
                      (uint8_t)element,
                      (uint8_t)(element >> 8),
                      (uint8_t)value.len,
                      (uint8_t)(value.len >> 8),
                      0,
                      0};
    buf_put(out, head, sizeof head);
    buf_span(out, value);
}

static inline void testpeer_number(struct buf *out, uint16_t element, uint16_t value)
{
    uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};
    testpeer_element(out, 0, element, span_of(bytes, 2));
}

/* A UID with its padding. */
static inline void testpeer_uid(struct buf *out, uint16_t group, uint16_t element,
                                const char *uid)
{
    size_t len = strlen(uid);
    testpeer_element(out, group, element, span_of(uid, len + len % 2));
}

struct testpeer_command {
    uint16_t field;
    uint16_t id;
    bool has_data;
    const char *sop_class;
    const char *sop_instance; /* NULL = none */
    uint16_t action;          /* 0 = none */
};

static inline void testpeer_command_set(struct buf *out,
                                        const struct testpeer_command *command)
{
    bool is_action = command->action != 0;
    testpeer_uid(out, 0, is_action ? 0x0003 : 0x0002, command->sop_class);
    testpeer_number(out, 0x0100, command->field);
    testpeer_number(out, 0x0110, command->id);
    if (command->field == DIMSE_STORE_RQ)
        testpeer_number(out, 0x0700, 0); /* priority: medium */
    testpeer_number(out, 0x0800, command->has_data ? 0x0001 : DIMSE_NO_DATA);
    if (command->sop_instance)
        testpeer_uid(out, 0, is_action ? 0x1001 : 0x1000, command->sop_instance);
    if (is_action)
        testpeer_number(out, 0x1008, command->action);
}

static inline void testpeer_command(struct buf *out, uint8_t context,
                                    const struct testpeer_command *command)
{
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    testpeer_command_set(&set, command);
    dimse_put_message(out, context, true, buf_view(&set), 0);
}

/* A data set in implicit or explicit little endian, with so many bytes of pixels. */
static inline void testpeer_set(struct buf *out, bool is_explicit, const char *sop_class,
                                const char *sop_instance, uint32_t pixel_bytes)
{
    const char *const uids[] = {sop_class, sop_instance};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(uids[i]) + strlen(uids[i]) % 2;
        uint8_t head[] = {8, 0, i ? 0x18 : 0x16, 0, 'U', 'I', (uint8_t)len, 0};
        if (is_explicit)
            buf_put(out, head, sizeof head);
        if (is_explicit)
            buf_put(out, uids[i], len);
        else
            testpeer_uid(out, 8, i ? 0x18 : 0x16, uids[i]);
    }
    uint8_t head[] = {0xE0, 0x7F, 0x10, 0, 'O', 'W', 0, 0};
    uint8_t len[] = {(uint8_t)pixel_bytes, (uint8_t)(pixel_bytes >> 8),
                     (uint8_t)(pixel_bytes >> 16), (uint8_t)(pixel_bytes >> 24)};
    buf_put(out, head, is_explicit ? 8 : 4);
    buf_put(out, len, sizeof len);
    for (uint32_t i = 0; i < pixel_bytes; i++)
        buf_byte(out, (uint8_t)(i * 7 + i / 251));
}

/* C-STORE of such a set over context 3, cut into fragments. */
static inline void testpeer_store(struct buf *out, uint16_t id, const char *sop_instance,
                                  uint32_t pixel_bytes, uint32_t fragment)
{
    CLEANUP(buf_free) struct buf set = buf_init(1 << 26);
    struct testpeer_command command = {DIMSE_STORE_RQ, id,           true,
                                       TESTPEER_CT,    sop_instance, 0};
    testpeer_command(out, 3, &command);
    testpeer_set(&set, true, TESTPEER_CT, sop_instance, pixel_bytes);
    dimse_put_message(out, 3, false, buf_view(&set), fragment);
}

/* N-ACTION over context 7 for NULL-ended instances of CT. */
static inline void testpeer_commitment(struct buf *out, uint16_t id,
                                       const char *const *instances)
{
    CLEANUP(buf_free) struct buf set = buf_init(64 * 1024);
    CLEANUP(buf_free) struct buf items = buf_init(64 * 1024);
    struct testpeer_command command = {
        DIMSE_ACTION_RQ, id, true, DIMSE_COMMITMENT, DIMSE_COMMITMENT_INSTANCE, 1};
    testpeer_command(out, 7, &command);
    for (; *instances; instances++) {
        CLEANUP(buf_free) struct buf item = buf_init(4096);
        testpeer_uid(&item, 8, 0x1150, TESTPEER_CT);
        testpeer_uid(&item, 8, 0x1155, *instances);
        testpeer_element(&items, 0xFFFE, 0xE000, buf_view(&item));
    }
    testpeer_uid(&set, 8, 0x1195, "2.25.77");
    testpeer_element(&set, 8, 0x1199, buf_view(&items));
    dimse_put_message(out, 7, false, buf_view(&set), 0);
}
