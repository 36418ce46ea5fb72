// SPDX-License-Identifier: Apache-2.0
/* The answer as DICOM JSON (PS3.18 F). */
#include "formats/json/json.h"
#include "gateway/stow/stow_parts.h"

static void put_uid(struct json_writer *writer, const char *tag, const char *uid)
{
    json_key(writer, tag);
    json_open_object(writer);
    json_put_cstr(writer, "vr", "UI");
    if (*uid) {
        json_key(writer, "Value");
        json_open_array(writer);
        json_cstr_value(writer, uid);
        json_close_array(writer);
    }
    json_close_object(writer);
}

/* Of type 2: nothing is retrieved here. */
static void put_no_url(struct json_writer *writer)
{
    json_key(writer, "00081190");
    json_open_object(writer);
    json_put_cstr(writer, "vr", "UR");
    json_close_object(writer);
}

static void put_reason(struct json_writer *writer, uint16_t reason)
{
    json_key(writer, "00081197");
    json_open_object(writer);
    json_put_cstr(writer, "vr", "US");
    json_key(writer, "Value");
    json_open_array(writer);
    json_int_value(writer, reason);
    json_close_array(writer);
    json_close_object(writer);
}

static void put_item(struct json_writer *writer, const struct stow_result *result)
{
    bool is_stored = result->reason == STOW_STORED;
    json_open_object(writer);
    put_uid(writer, "00081150", result->sop_class);
    put_uid(writer, "00081155", result->sop_instance);
    if (is_stored)
        put_no_url(writer);
    else
        put_reason(writer, result->reason);
    json_close_object(writer);
}

static size_t put_sequence(struct json_writer *writer, const char *tag, bool is_stored,
                           const struct stow_result *results, size_t count)
{
    size_t put = 0;
    for (size_t i = 0; i < count; i++) {
        if ((results[i].reason == STOW_STORED) != is_stored)
            continue;
        if (put++ == 0) {
            json_key(writer, tag);
            json_open_object(writer);
            json_put_cstr(writer, "vr", "SQ");
            json_key(writer, "Value");
            json_open_array(writer);
        }
        put_item(writer, &results[i]);
    }
    if (put > 0) {
        json_close_array(writer);
        json_close_object(writer);
    }
    return put;
}

int stow_put_answer(const struct stow_result *results, size_t count, struct buf *out)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    put_no_url(&writer);
    size_t failed = put_sequence(&writer, "00081198", false, results, count);
    size_t stored = put_sequence(&writer, "00081199", true, results, count);
    json_close_object(&writer);
    return failed == 0 ? 200 : stored > 0 ? 202 : 409;
}
