// SPDX-License-Identifier: Apache-2.0
/* What goes from one process's streams to another's: each exchange stands for one. */
#include "base/memory.h"
#include "exchange/live/live_parts.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

struct place {
    struct store_testsite site;
    struct store *store;
    struct live_exchange one;
    struct live_exchange other;
    struct live_queue *queue;
    int64_t now_ms;
};

static int64_t read_now(void *self)
{
    return ((struct place *)self)->now_ms;
}

static struct place *place_new(void)
{
    struct err err = {0};
    struct place *place = memory_new(1, sizeof *place, &err);
    place->site = store_testsite_new();
    place->now_ms = 1800000000000;
    struct store_config config = {place->site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct clock clock = {read_now, read_now, place};
    place->store = store_open(&config, &err);
    place->queue = memory_new(1, sizeof *place->queue, &err);
    place->one = (struct live_exchange){place->store, {{1}}, clock, 0};
    place->other = (struct live_exchange){place->store, {{2}}, clock, 0};
    CHECK(place->store && place->queue && live_start_reading(&place->one, &err) &&
          live_start_reading(&place->other, &err));
    return place;
}

static void place_free(struct place *place)
{
    store_close(place->store);
    store_testsite_remove(&place->site);
    memory_free(place->queue);
    memory_free(place);
}

static const struct live_event news = {.kind = LIVE_ENTRY,
                                       .person = {{7}},
                                       .facility = {{9}},
                                       .audience = {{8}},
                                       .row = ENTRY_ROW_TEST,
                                       .day = -5,
                                       .is_sensitive = true,
                                       .cursor = 77};

static void say(struct place *place, const struct live_event *event)
{
    struct err err = {0};
    memset(place->queue, 0, sizeof *place->queue);
    live_queue_add(place->queue, event);
    CHECK(live_publish(&place->one, place->queue, &err));
}

static size_t hear(struct place *place, struct live_exchange *who)
{
    struct err err = {0};
    memset(place->queue, 0, sizeof *place->queue);
    CHECK(live_read_others(who, place->queue, &err));
    return place->queue->count;
}

static void the_others_hear_it_once_and_whole(void)
{
    struct place *place = place_new();
    say(place, &news);
    CHECK(hear(place, &place->other) == 1 && !place->queue->has_overflowed);
    const struct live_event *heard = &place->queue->items[0];
    CHECK(heard->kind == news.kind && id_equal(heard->person, news.person) &&
          id_equal(heard->facility, news.facility) &&
          id_equal(heard->audience, news.audience) && heard->row == news.row &&
          heard->day == news.day && heard->is_sensitive && heard->cursor == 77);
    CHECK(hear(place, &place->other) == 0 && !place->queue->has_overflowed);
    CHECK(hear(place, &place->one) == 0 && !place->queue->has_overflowed);
    place_free(place);
}

static void a_gateway_s_coming_is_each_process_s_own(void)
{
    struct place *place = place_new();
    struct live_event coming = {.kind = LIVE_FRESHNESS, .facility = {{9}}};
    live_queue_add(place->queue, &coming);
    CHECK(live_count_published(place->queue) == 0);
    live_queue_add(place->queue, &news);
    CHECK(live_count_published(place->queue) == 1);
    place->queue->has_overflowed = true;
    CHECK(live_count_published(place->queue) == 2);
    place_free(place);
}

static void a_request_is_heard_at_the_other_process_too(void)
{
    struct place *place = place_new();
    struct live_event request = {.kind = LIVE_REQUEST,
                                 .facility = {{8}},
                                 .audience = {{7}},
                                 .row = ENTRY_ROW_NONE,
                                 .day = DAY_NONE};
    say(place, &request);
    CHECK(hear(place, &place->other) == 1 && !place->queue->has_overflowed);
    const struct live_event *heard = &place->queue->items[0];
    CHECK(heard->kind == LIVE_REQUEST && id_equal(heard->facility, request.facility) &&
          id_equal(heard->audience, request.audience));
    place_free(place);
}

static void what_overflowed_at_one_is_read_again_at_all(void)
{
    struct place *place = place_new();
    struct err err = {0};
    place->queue->has_overflowed = true;
    CHECK(live_publish(&place->one, place->queue, &err));
    CHECK(hear(place, &place->other) == 0 && place->queue->has_overflowed);
    CHECK(hear(place, &place->other) == 0 && !place->queue->has_overflowed);
    CHECK(hear(place, &place->one) == 0 && !place->queue->has_overflowed);
    place_free(place);
}

/* A reader that comes back after rows were forgotten knows that it missed something; one
 * that had them all does not. */
static void who_was_away_too_long_reads_everything_again(void)
{
    struct place *place = place_new();
    struct live_exchange late = place->other;
    say(place, &news);
    say(place, &news);
    CHECK(hear(place, &place->other) > 0);
    place->now_ms += 3600 * 1000;
    say(place, &news); /* forgets those before */
    CHECK(hear(place, &place->other) == 1 && !place->queue->has_overflowed);
    CHECK(hear(place, &late) == 1 && place->queue->has_overflowed);
    CHECK(hear(place, &late) == 0 && !place->queue->has_overflowed);
    place_free(place);
}

static bool write_unknown(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "UPDATE live_change SET kind = 55, run = '00000000000000000000000000000003'",
        err);
    return statement && store_run(statement, err);
}

static void a_newer_program_s_words_make_everybody_read_again(void)
{
    struct place *place = place_new();
    struct err err = {0};
    say(place, &news);
    CHECK(store_write(place->store, STORE_LIVE, write_unknown, NULL, &err));
    CHECK(hear(place, &place->other) == 0 && place->queue->has_overflowed);
    place_free(place);
}

int main(void)
{
    RUN(the_others_hear_it_once_and_whole);
    RUN(a_gateway_s_coming_is_each_process_s_own);
    RUN(a_request_is_heard_at_the_other_process_too);
    RUN(what_overflowed_at_one_is_read_again_at_all);
    RUN(who_was_away_too_long_reads_everything_again);
    RUN(a_newer_program_s_words_make_everybody_read_again);
    return test_done();
}
