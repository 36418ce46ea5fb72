// SPDX-License-Identifier: Apache-2.0
#include "exchange/network/network.h"

#include <string.h>

#include "base/test.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

static struct id number_id(uint8_t number)
{
    struct id id = {{number}};
    return id;
}

static const struct network rules = {
    .id = {{9}}, .name = {"N", 1}, .joiner_waiting_days = 30};

static void the_first_version_is_visible_at_once(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct id facilities[] = {number_id(3), number_id(1), number_id(2)};
    struct network_participants list;
    CHECK(network_next_version(&rules, NULL, 100, facilities, 3, &arena, &list, &err));
    CHECK(list.version == 1 && list.count == 3);
    CHECK(id_equal(list.items[0].facility, number_id(1)));
    CHECK(network_participant_find(&list, number_id(2))->visible_from_day == 100);
    CHECK(network_participant_find(&list, number_id(4)) == NULL);
}

static void a_joiner_waits_and_a_member_keeps_its_day(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct id facilities[] = {number_id(1), number_id(2), number_id(3)};
    struct network_participants first, second, third;
    CHECK(network_next_version(&rules, NULL, 100, facilities, 2, &arena, &first, &err));
    CHECK(
        network_next_version(&rules, &first, 200, facilities, 3, &arena, &second, &err));
    CHECK(network_participant_find(&second, number_id(1))->since_version == 1);
    const struct network_participant *joiner =
        network_participant_find(&second, number_id(3));
    CHECK(joiner && joiner->since_version == 2 && joiner->visible_from_day == 230);
    CHECK(network_next_version(&rules, &second, 250, facilities + 1, 2, &arena, &third,
                               &err));
    CHECK(!network_participant_find(&third, number_id(1)));
    CHECK(network_participant_find(&third, number_id(3))->visible_from_day == 230);
}

static void a_leaver_that_comes_back_waits_again(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct id facilities[] = {number_id(1), number_id(2)};
    struct network_participants first, second, third;
    CHECK(network_next_version(&rules, NULL, 100, facilities, 2, &arena, &first, &err));
    CHECK(
        network_next_version(&rules, &first, 110, facilities, 1, &arena, &second, &err));
    CHECK(
        network_next_version(&rules, &second, 120, facilities, 2, &arena, &third, &err));
    CHECK(network_participant_find(&third, number_id(2))->since_version == 3);
    CHECK(network_participant_find(&third, number_id(2))->visible_from_day == 150);
}

static void a_list_with_doubles_or_nobody_or_an_earlier_day_is_refused(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct id facilities[] = {number_id(1), number_id(2), number_id(1)};
    struct network_participants first, next;
    CHECK(!network_next_version(&rules, NULL, 100, facilities, 3, &arena, &next, &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "participant_double") == 0);
    err_clear(&err);
    CHECK(!network_next_version(&rules, NULL, 100, facilities, 0, &arena, &next, &err));
    CHECK(err.kind == ERR_LIMIT);
    err_clear(&err);
    CHECK(network_next_version(&rules, NULL, 100, facilities, 2, &arena, &first, &err));
    CHECK(!network_next_version(&rules, &first, 99, facilities, 2, &arena, &next, &err));
    CHECK(err.kind == ERR_SYNTAX);
}

static void words_are_read_back_and_unknown_ones_refused(void)
{
    enum network_assurance level;
    enum network_consent_model model;
    CHECK(network_assurance_parse(TEXT("second_factor"), &level));
    CHECK(level == NETWORK_SECOND_FACTOR);
    CHECK(!network_assurance_parse(TEXT("Password"), &level));
    CHECK(!network_assurance_parse(TEXT(""), &level));
    CHECK(network_consent_model_parse(TEXT("specific"), &model));
    CHECK(!network_consent_model_parse(TEXT("both"), &model));
}

/* ---- with a database ---- */

struct place {
    struct store_testsite site;
    struct store *store;
};

static struct place place_open(void)
{
    struct err err = {0};
    struct place place = {.site = store_testsite_new()};
    struct store_config config = {place.site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    place.store = store_open(&config, &err);
    if (!place.store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(place.store);
    return place;
}

static void place_close(struct place *place)
{
    store_close(place->store);
    store_testsite_remove(&place->site);
}

static bool write_lists(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    struct id facilities[] = {number_id(1), number_id(2), number_id(3)};
    return network_add(session, &rules, 1000, err) &&
           network_add_version(session, rules.id, 100, facilities, 2, 1000, err) &&
           network_add_version(session, rules.id, 200, facilities, 3, 2000, err) &&
           network_add_version(session, rules.id, 300, facilities + 1, 2, 3000, err);
}

static void the_list_in_force_follows_the_day(void)
{
    struct place place = place_open();
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    CHECK(store_write(place.store, STORE_LIVE, write_lists, NULL, &err));
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct network found;
        CHECK(network_find(session, rules.id, &arena, &found, &err));
        CHECK(found.joiner_waiting_days == 30 && text_is(found.name, "N"));
        struct network_participants list;
        CHECK(network_participants_on(session, rules.id, 150, &arena, &list, &err));
        CHECK(list.version == 1 && list.count == 2);
        CHECK(network_participants_on(session, rules.id, 299, &arena, &list, &err));
        CHECK(list.version == 2 && list.count == 3);
        CHECK(network_participants_on(session, rules.id, 300, &arena, &list, &err));
        CHECK(list.version == 3 && !network_participant_find(&list, number_id(1)));
        CHECK(!network_participants_on(session, rules.id, 99, &arena, &list, &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
        struct id network;
        CHECK(network_of_facility(session, number_id(1), 299, &network, &err));
        CHECK(id_equal(network, rules.id));
        CHECK(!network_of_facility(session, number_id(1), 300, &network, &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
        CHECK(!network_find(session, number_id(1), &arena, &found, &err));
    }
    place_close(&place);
}

struct hand_clock {
    int64_t ms;
};

static int64_t hand_ms(void *self)
{
    return ((struct hand_clock *)self)->ms;
}

static bool raise_epoch(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return network_epoch_raise(session, err);
}

static void the_epoch_grows_at_once_here_and_by_polling_elsewhere(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct clock clock = clock_system();
    struct network_epoch *here = network_epoch_open(place.store, &clock, NULL, &err);
    struct network_epoch *there = network_epoch_open(place.store, &clock, NULL, &err);
    CHECK(here && there);
    uint64_t before = network_epoch_now(here);
    CHECK(network_epoch_is_fresh(here));
    CHECK(store_write(place.store, STORE_LIVE, raise_epoch, NULL, &err));
    network_epoch_refresh(here);
    CHECK(network_epoch_now(here) == before + 1);
    int64_t begun_ms = clock_monotonic_ms(&clock);
    while (network_epoch_now(there) == before &&
           clock_monotonic_ms(&clock) - begun_ms < 2000)
        usleep(5000);
    CHECK(network_epoch_now(there) == before + 1);
    CHECK(clock_monotonic_ms(&clock) - begun_ms < 1000);
    network_epoch_close(here);
    network_epoch_close(there);
    place_close(&place);
}

static void an_epoch_that_was_not_read_for_a_second_is_not_fresh(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct hand_clock hand = {5000};
    struct clock clock = {hand_ms, hand_ms, &hand};
    struct network_epoch *epoch = network_epoch_open(place.store, &clock, NULL, &err);
    CHECK(network_epoch_is_fresh(epoch));
    hand.ms = 6000;
    CHECK(network_epoch_is_fresh(epoch));
    hand.ms = 6001;
    CHECK(!network_epoch_is_fresh(epoch));
    network_epoch_close(epoch);
    place_close(&place);
}

int main(void)
{
    RUN(the_first_version_is_visible_at_once);
    RUN(a_joiner_waits_and_a_member_keeps_its_day);
    RUN(a_leaver_that_comes_back_waits_again);
    RUN(a_list_with_doubles_or_nobody_or_an_earlier_day_is_refused);
    RUN(words_are_read_back_and_unknown_ones_refused);
    RUN(the_list_in_force_follows_the_day);
    RUN(the_epoch_grows_at_once_here_and_by_polling_elsewhere);
    RUN(an_epoch_that_was_not_read_for_a_second_is_not_fresh);
    return test_done();
}
