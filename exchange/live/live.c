// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/live/live_parts.h"
#include "formats/json/json.h"

/* ---- what waits ---- */

static bool is_same(const struct live_event *a, const struct live_event *b)
{
    return a->kind == b->kind && id_equal(a->person, b->person) &&
           id_equal(a->facility, b->facility) && id_equal(a->audience, b->audience) &&
           a->is_sensitive == b->is_sensitive;
}

static bool is_any(const struct live_event *event)
{
    return event->row == ENTRY_ROW_NONE && event->day == DAY_NONE;
}

static void raise_cursor(struct live_event *event, int64_t cursor)
{
    if (event->cursor < cursor)
        event->cursor = cursor;
}

/* All of the same person and facility become one: any day may have changed. */
static void join_burst(struct live_queue *queue, const struct live_event *like)
{
    size_t kept = 0;
    struct live_event joined = *like;
    joined.row = ENTRY_ROW_NONE;
    joined.day = DAY_NONE;
    for (size_t i = 0; i < queue->count; i++) {
        if (is_same(&queue->items[i], like))
            raise_cursor(&joined, queue->items[i].cursor);
        else
            queue->items[kept++] = queue->items[i];
    }
    queue->items[kept++] = joined;
    queue->count = kept;
}

void live_queue_add(struct live_queue *queue, const struct live_event *event)
{
    size_t alike = 0;
    for (size_t i = 0; i < queue->count; i++) {
        struct live_event *item = &queue->items[i];
        if (!is_same(item, event))
            continue;
        if (is_any(item) || (item->row == event->row && item->day == event->day)) {
            raise_cursor(item, event->cursor);
            return;
        }
        alike++;
    }
    if (alike >= LIVE_BURST_MAX)
        join_burst(queue, event);
    else if (queue->count < LIVE_QUEUE_MAX)
        queue->items[queue->count++] = *event;
    else
        queue->has_overflowed = true;
}

/* ---- what was told ---- */

void live_ring_start(struct live_ring *ring, int64_t first_id)
{
    memset(ring, 0, sizeof *ring);
    ring->first_id = first_id;
    ring->next_id = first_id;
}

void live_ring_add(struct live_ring *ring, struct live_event *event)
{
    event->id = ring->next_id++;
    ring->items[event->id % LIVE_RING] = *event;
    if (ring->next_id - ring->first_id > LIVE_RING)
        ring->first_id = ring->next_id - LIVE_RING;
}

bool live_ring_knows(const struct live_ring *ring, int64_t last_id)
{
    return last_id >= ring->first_id - 1 && last_id < ring->next_id;
}

const struct live_event *live_ring_at(const struct live_ring *ring, int64_t id)
{
    return id >= ring->first_id && id < ring->next_id ? &ring->items[id % LIVE_RING]
                                                      : NULL;
}

/* ---- words ---- */

const char *live_kind_id(enum live_kind kind)
{
    static const char *const ids[LIVE_KIND_COUNT] = {[LIVE_ENTRY] = "entry",
                                                     [LIVE_FRESHNESS] = "freshness",
                                                     [LIVE_LINK] = "link",
                                                     [LIVE_CONSENT] = "consent",
                                                     [LIVE_REQUEST] = "request"};
    return ids[kind];
}

static void write_entry_place(struct json_writer *writer, const struct live_event *event)
{
    const char *row = entry_row_id(event->row);
    if (row)
        json_put_cstr(writer, "row", row);
    else
        json_put_null(writer, "row");
    json_put_day(writer, "day", event->day);
    json_put_int(writer, "cursor", event->cursor);
}

void live_write(const struct live_event *event, struct buf *out)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    if (!id_is_zero(event->person))
        json_put_id(&writer, "person", event->person);
    if (!id_is_zero(event->facility))
        json_put_id(&writer, "facility", event->facility);
    if (event->kind == LIVE_ENTRY)
        write_entry_place(&writer, event);
    json_close_object(&writer);
}
