// SPDX-License-Identifier: Apache-2.0
/* The first byte chooses the message; what was read and written again must read the same
 * way. */
#include <assert.h>

#include "formats/uplink/uplink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void event_again(const struct uplink_event *event)
{
    struct err err = {0};
    struct uplink_event again = {0};
    bool is_understood = false;
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct json_writer writer = json_writer(&out);
    uplink_write_event(&writer, event);
    if (!buf_check(&out, &err))
        return;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    assert(document);
    assert(uplink_read_event(json_root(document), &again, &is_understood, &err));
    assert(is_understood && again.type == event->type);
    assert(text_equal(again.key, event->key));
    assert(text_equal(again.put.title, event->put.title));
    assert(again.put.day == event->put.day && again.put.kind == event->put.kind);
}

static void read_event(const struct json_value *root)
{
    struct err err = {0};
    struct uplink_event event = {0};
    bool is_understood = false;
    if (uplink_read_event(root, &event, &is_understood, &err) && is_understood)
        event_again(&event);
}

static void read_answers(const struct json_value *root, struct arena *arena)
{
    struct err err = {0};
    struct uplink_answers answers = {0};
    if (uplink_read_answers(root, arena, &answers, &err))
        assert(answers.count <= UPLINK_EVENTS_MAX);
}

static void read_snapshot(const struct json_value *root, struct arena *arena)
{
    struct err err = {0};
    struct uplink_snapshot snapshot = {0};
    uint8_t digest[HASH_BYTES] = {0};
    if (!uplink_read_snapshot(root, arena, &snapshot, &err))
        return;
    for (size_t i = 0; i < snapshot.count; i++)
        uplink_digest_add(digest, snapshot.keys[i], snapshot.versions[i]);
}

static void read_policy(struct span json, struct arena *arena)
{
    struct err err = {0};
    struct uplink_policy policy = {0};
    struct uplink_audience audience = {TEXT("doctor"), TEXT("clinic"), TEXT("1"), true};
    if (!uplink_read_policy(json, arena, &policy, &err))
        return;
    assert(
        !(uplink_audience_kinds(&policy, &audience) & ~uplink_released_kinds(&policy)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct err err = {0};
    struct uplink_hello hello = {0};
    struct uplink_welcome welcome = {0};
    struct uplink_link link = {0};
    struct span json = span_of(data + 1, size - 1);
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    CLEANUP(json_free_at) struct json_document *document = json_parse(json, &err);
    if (!document)
        return 0;
    const struct json_value *root = json_root(document);
    switch (data[0] % 7) {
    case 0:
        (void)!uplink_read_hello(root, &hello, &err);
        break;
    case 1:
        (void)!uplink_read_welcome(root, &welcome, &err);
        break;
    case 2:
        read_event(root);
        break;
    case 3:
        read_answers(root, &arena);
        break;
    case 4:
        (void)!uplink_read_link(root, &link, &err);
        break;
    case 5:
        read_snapshot(root, &arena);
        break;
    default:
        read_policy(json, &arena);
        break;
    }
    return 0;
}
