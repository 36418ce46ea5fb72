// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"
#include "exchange/registry/registry_parts.h"
#include "store/migrations.h"
#include "store/store.h"
#include "store/store_testsite.h"

enum { MINUTE_MS = 60 * 1000 };

static const struct registry_look_key key = {{{1}}, {{2}}};

struct place {
    struct store_testsite site;
    struct store *store;
    struct registry_looks *looks;
};

static struct place place_open(void)
{
    struct err err = {0};
    struct place place = {.site = store_testsite_new()};
    struct store_config config = {place.site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    place.store = store_open(&config, &err);
    place.looks = place.store ? registry_looks_open(place.store, NULL, &err) : NULL;
    CHECK(place.looks);
    return place;
}

static void place_close(struct place *place)
{
    registry_looks_close(place->looks);
    store_close(place->store);
    store_testsite_remove(&place->site);
}

static int64_t note(struct place *place, const struct registry_look_key *look, int64_t at)
{
    struct err err = {0};
    int64_t since = -2;
    CHECK(registry_looks_note(place->looks, look, at, &since, &err));
    return since;
}

/* looked_at of the post's look in the database, -1 = none; -2 = more than one. */
static int64_t stored(struct place *place)
{
    struct err err = {0};
    CLEANUP(store_read_end)
    struct store_session *session = store_read(place->store, &err);
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT count(*), max(looked_at) FROM registry_look", &err);
    bool has_row = false;
    CHECK(store_step(find, &has_row, &err) && has_row);
    int64_t count = store_column_int(find, 0);
    return count == 0 ? -1 : count == 1 ? store_column_int(find, 1) : -2;
}

static void a_first_look_shows_nothing_as_new(void)
{
    struct place place = place_open();
    CHECK(note(&place, &key, 1000) == 1000);
    place_close(&place);
}

static void looks_within_half_an_hour_are_one(void)
{
    struct place place = place_open();
    CHECK(note(&place, &key, 1000) == 1000);
    CHECK(note(&place, &key, 1000 + 29 * MINUTE_MS) == 1000);
    int64_t last = 1000 + 58 * MINUTE_MS;
    CHECK(note(&place, &key, last) == 1000);
    CHECK(note(&place, &key, last + 30 * MINUTE_MS) == last);
    CHECK(note(&place, &key, last + 31 * MINUTE_MS) == last);
    place_close(&place);
}

static void looks_of_other_posts_and_persons_stand_apart(void)
{
    struct place place = place_open();
    static const struct registry_look_key other_post = {{{3}}, {{2}}};
    static const struct registry_look_key other_person = {{{1}}, {{4}}};
    CHECK(note(&place, &key, 1000) == 1000);
    CHECK(note(&place, &other_post, 2000) == 2000);
    CHECK(note(&place, &other_person, 3000) == 3000);
    CHECK(note(&place, &key, 4000) == 1000);
    place_close(&place);
}

static void what_was_written_counts_like_what_waits(void)
{
    struct place place = place_open();
    struct err err = {0};
    CHECK(note(&place, &key, 1000) == 1000);
    CHECK(registry_looks_keep(place.looks, &err));
    CHECK(stored(&place) == 1000);
    CHECK(note(&place, &key, 1000 + 40 * MINUTE_MS) == 1000);
    CHECK(registry_looks_keep(place.looks, &err));
    CHECK(stored(&place) == 1000 + 40 * MINUTE_MS);
    CHECK(note(&place, &key, 1000 + 80 * MINUTE_MS) == 1000 + 40 * MINUTE_MS);
    place_close(&place);
}

static void an_older_look_does_not_replace_a_newer_one(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct registry_looks *elsewhere = registry_looks_open(place.store, NULL, &err);
    int64_t since = 0;
    CHECK(note(&place, &key, 5000) == 5000);
    CHECK(registry_looks_note(elsewhere, &key, 9000, &since, &err));
    CHECK(registry_looks_keep(elsewhere, &err));
    CHECK(registry_looks_keep(place.looks, &err));
    CHECK(stored(&place) == 9000);
    registry_looks_close(elsewhere);
    place_close(&place);
}

static void closing_writes_what_waits(void)
{
    struct place place = place_open();
    struct err err = {0};
    CHECK(note(&place, &key, 1000) == 1000);
    registry_looks_close(place.looks);
    CHECK(stored(&place) == 1000);
    place.looks = registry_looks_open(place.store, NULL, &err);
    CHECK(note(&place, &key, 1000 + 40 * MINUTE_MS) == 1000);
    place_close(&place);
}

/* The clock was ahead by a day and was set right. */
static void a_clock_that_was_ahead_hides_nothing_that_is_new(void)
{
    enum { DAY_MS = 24 * 60 * MINUTE_MS };
    struct place place = place_open();
    struct err err = {0};
    int64_t right_ms = 10LL * DAY_MS;
    int64_t ahead_ms = right_ms + DAY_MS;
    CHECK(note(&place, &key, right_ms) == right_ms);
    CHECK(note(&place, &key, ahead_ms) == right_ms);
    CHECK(note(&place, &key, ahead_ms + 31 * MINUTE_MS) == ahead_ms);
    CHECK(registry_looks_keep(place.looks, &err));
    int64_t back_ms = right_ms + 60 * MINUTE_MS;
    CHECK(note(&place, &key, back_ms) == back_ms - DAY_MS); /* rather too much */
    CHECK(registry_looks_keep(place.looks, &err));
    CHECK(stored(&place) == back_ms);
    CHECK(note(&place, &key, back_ms + 31 * MINUTE_MS) == back_ms);
    place_close(&place);
}

/* More than one piece of writing, and more than may wait. */
static void many_looks_are_all_written(void)
{
    struct place place = place_open();
    struct err err = {0};
    enum { MANY = 4100 };
    for (int i = 0; i < MANY; i++) {
        struct registry_look_key one = {{{1}}, {{(uint8_t)(i >> 8), (uint8_t)i}}};
        CHECK(note(&place, &one, 1000 + i) == 1000 + i);
    }
    CHECK(registry_looks_keep(place.looks, &err));
    for (int i = 0; i < MANY; i++) {
        struct registry_look_key one = {{{1}}, {{(uint8_t)(i >> 8), (uint8_t)i}}};
        CHECK(note(&place, &one, 1000 + i + 40 * MINUTE_MS) == 1000 + i);
    }
    place_close(&place);
}

int main(void)
{
    RUN(a_first_look_shows_nothing_as_new);
    RUN(looks_within_half_an_hour_are_one);
    RUN(looks_of_other_posts_and_persons_stand_apart);
    RUN(what_was_written_counts_like_what_waits);
    RUN(an_older_look_does_not_replace_a_newer_one);
    RUN(closing_writes_what_waits);
    RUN(a_clock_that_was_ahead_hides_nothing_that_is_new);
    RUN(many_looks_are_all_written);
    return test_done();
}
