// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"
#include "base/test.h"
#include "exchange/live/live_parts.h"

static struct live_event entry(uint8_t person, int32_t day)
{
    return (struct live_event){.kind = LIVE_ENTRY,
                               .person = {{person}},
                               .facility = {{9}},
                               .row = ENTRY_ROW_TEST,
                               .day = day,
                               .cursor = day};
}

static struct live_queue *queue_new(void)
{
    struct err err = {0};
    struct live_queue *queue = memory_new(1, sizeof *queue, &err);
    CHECK(queue != NULL);
    return queue;
}

static void the_same_cell_twice_is_one_event_with_the_later_cursor(void)
{
    struct live_queue *queue = queue_new();
    struct live_event event = entry(1, 10);
    live_queue_add(queue, &event);
    event.cursor = 99;
    live_queue_add(queue, &event);
    event.cursor = 5;
    live_queue_add(queue, &event);
    CHECK(queue->count == 1 && queue->items[0].cursor == 99);
    event = entry(2, 10);
    live_queue_add(queue, &event);
    CHECK(queue->count == 2);
    memory_free(queue);
}

static void many_days_of_one_person_become_any_day(void)
{
    struct live_queue *queue = queue_new();
    struct live_event other = entry(2, 10);
    live_queue_add(queue, &other);
    for (int32_t day = 0; day <= LIVE_BURST_MAX; day++) {
        struct live_event event = entry(1, day);
        live_queue_add(queue, &event);
    }
    CHECK(queue->count == 2 && id_equal(queue->items[0].person, other.person));
    CHECK(queue->items[1].day == DAY_NONE && queue->items[1].row == ENTRY_ROW_NONE);
    CHECK(queue->items[1].cursor == LIVE_BURST_MAX);
    /* and it takes in whatever follows */
    struct live_event later = entry(1, 5000);
    live_queue_add(queue, &later);
    CHECK(queue->count == 2 && queue->items[1].cursor == 5000);
    memory_free(queue);
}

static void a_full_queue_says_so(void)
{
    struct live_queue *queue = queue_new();
    for (int i = 0; i < LIVE_QUEUE_MAX; i++) {
        struct live_event event = entry((uint8_t)i, 1);
        event.person.bytes[1] = (uint8_t)(i >> 8);
        live_queue_add(queue, &event);
    }
    CHECK(queue->count == LIVE_QUEUE_MAX && !queue->has_overflowed);
    struct live_event event = entry(0, 1);
    event.person.bytes[2] = 1;
    live_queue_add(queue, &event);
    CHECK(queue->count == LIVE_QUEUE_MAX && queue->has_overflowed);
    memory_free(queue);
}

static void the_ring_knows_what_it_still_has(void)
{
    struct err err = {0};
    struct live_ring *ring = memory_new(1, sizeof *ring, &err);
    CHECK(ring != NULL);
    live_ring_start(ring, 1000);
    CHECK(live_ring_knows(ring, 999) && !live_ring_knows(ring, 998) &&
          !live_ring_knows(ring, 1000) && !live_ring_knows(ring, -1));
    for (int i = 0; i < LIVE_RING + 3; i++) {
        struct live_event event = entry(1, i);
        live_ring_add(ring, &event);
        CHECK(event.id == 1000 + i);
    }
    CHECK(!live_ring_knows(ring, 1001) && live_ring_knows(ring, 1002));
    CHECK(!live_ring_at(ring, 1002) && live_ring_at(ring, 1003)->day == 3);
    CHECK(!live_ring_at(ring, ring->next_id));
    memory_free(ring);
}

static void events_carry_ids_and_nothing_else(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(1024);
    struct live_event event = entry(1, 20000);
    event.audience = (struct id){{7}};
    live_write(&event, &out);
    CHECK(span_is(buf_view(&out),
                  "{\"person\":\"01000000000000000000000000000000\",\"facility\":"
                  "\"09000000000000000000000000000000\",\"row\":\"test\",\"day\":"
                  "\"2024-10-04\",\"cursor\":20000}"));
    buf_reset(&out);
    event = (struct live_event){.kind = LIVE_CONSENT, .person = {{1}}};
    live_write(&event, &out);
    CHECK(span_is(buf_view(&out), "{\"person\":\"01000000000000000000000000000000\"}"));
}

int main(void)
{
    RUN(the_same_cell_twice_is_one_event_with_the_later_cursor);
    RUN(many_days_of_one_person_become_any_day);
    RUN(a_full_queue_says_so);
    RUN(the_ring_knows_what_it_still_has);
    RUN(events_carry_ids_and_nothing_else);
    return test_done();
}
