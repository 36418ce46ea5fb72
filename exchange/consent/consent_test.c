// SPDX-License-Identifier: Apache-2.0
#include "exchange/consent/consent.h"

#include <string.h>

#include "base/test.h"
#include "exchange/facility/facility.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

/* ---- the rule ---- */

static const struct id hospital = {{1}};
static const struct id clinic = {{2}};
static const struct id joiner = {{3}};
static const struct id stranger = {{4}};
static const struct id network_id = {{9}};

enum { TODAY = 100, JOINER_DAY = 120 };

/* Version 2: hospital and clinic since version 1, the joiner since 2, visible from 120.
 */
static struct network_participant members[] = {
    {{{1}}, 1, 0}, {{{2}}, 1, 0}, {{{3}}, 2, JOINER_DAY}};
static const struct network_participants participants = {
    .network = {{9}}, .version = 2, .effective_day = 90, .items = members, .count = 3};

static struct consent comprehensive(int64_t list_version)
{
    return (struct consent){.network = network_id,
                            .form = CONSENT_COMPREHENSIVE,
                            .state = CONSENT_ACTIVE,
                            .until_day = DAY_NONE,
                            .list_version = list_version,
                            .is_newest = true};
}

static struct consent specific(const struct id *facilities, size_t count)
{
    struct consent consent = comprehensive(1);
    consent.form = CONSENT_SPECIFIC;
    consent.facilities = facilities;
    consent.facility_count = count;
    return consent;
}

static enum consent_cover cover(const struct consent *consents, size_t count,
                                struct id provider, struct id viewer, int32_t today)
{
    struct consent_facts facts = {consents, count};
    return consent_covers(&facts, &participants, provider, viewer, today).cover;
}

static void nobody_is_covered_without_consent(void)
{
    CHECK(cover(NULL, 0, hospital, clinic, TODAY) == CONSENT_COVER_NONE);
    struct consent_facts none = {NULL, 0};
    struct consent_verdict verdict =
        consent_covers(&none, &participants, hospital, clinic, TODAY);
    CHECK(verdict.by == NULL);
    CHECK(strcmp(consent_state_for(&none, &participants, clinic, TODAY), "none") == 0);
}

static void comprehensive_consent_covers_the_list_it_was_given_under(void)
{
    struct consent given = comprehensive(1);
    CHECK(cover(&given, 1, hospital, clinic, TODAY) == CONSENT_COVER_COVERS);
    CHECK(cover(&given, 1, clinic, hospital, TODAY) == CONSENT_COVER_COVERS);
    struct consent_facts facts = {&given, 1};
    CHECK(consent_covers(&facts, &participants, hospital, clinic, TODAY).by == &given);
}

static void a_joiner_waits_on_either_side_unless_it_stood_on_the_list(void)
{
    struct consent before = comprehensive(1);
    struct consent after = comprehensive(2);
    CHECK(cover(&before, 1, hospital, joiner, TODAY) == CONSENT_COVER_JOINER_WAITING);
    CHECK(cover(&before, 1, joiner, hospital, TODAY) == CONSENT_COVER_JOINER_WAITING);
    CHECK(cover(&before, 1, hospital, joiner, JOINER_DAY - 1) ==
          CONSENT_COVER_JOINER_WAITING);
    CHECK(cover(&before, 1, hospital, joiner, JOINER_DAY) == CONSENT_COVER_COVERS);
    CHECK(cover(&after, 1, hospital, joiner, TODAY) == CONSENT_COVER_COVERS);
}

static void who_is_not_on_the_list_in_force_is_covered_by_nothing(void)
{
    struct consent given = comprehensive(1);
    struct id named[] = {{{1}}, {{4}}};
    struct consent named_stranger = specific(named, 2);
    CHECK(cover(&given, 1, hospital, stranger, TODAY) == CONSENT_COVER_NOT_COVERING);
    CHECK(cover(&given, 1, stranger, hospital, TODAY) == CONSENT_COVER_NOT_COVERING);
    CHECK(cover(&named_stranger, 1, hospital, stranger, TODAY) ==
          CONSENT_COVER_NOT_COVERING);
}

static void consent_to_another_network_covers_nothing(void)
{
    struct consent given = comprehensive(1);
    given.network = stranger;
    CHECK(cover(&given, 1, hospital, clinic, TODAY) == CONSENT_COVER_NOT_COVERING);
}

static void specific_consent_covers_the_named_facilities_only(void)
{
    struct id named[] = {{{1}}, {{2}}};
    struct consent given = specific(named, 2);
    CHECK(cover(&given, 1, hospital, clinic, TODAY) == CONSENT_COVER_COVERS);
    CHECK(cover(&given, 1, hospital, joiner, TODAY) == CONSENT_COVER_NOT_COVERING);
    CHECK(cover(&given, 1, joiner, hospital, TODAY) == CONSENT_COVER_NOT_COVERING);
    /* Naming a joiner is more than a notice: no waiting. */
    struct id with_joiner[] = {{{1}}, {{3}}};
    struct consent joined = specific(with_joiner, 2);
    CHECK(cover(&joined, 1, hospital, joiner, TODAY) == CONSENT_COVER_COVERS);
}

static void withdrawn_refused_and_expired_cover_nothing_and_say_so(void)
{
    struct consent given = comprehensive(1);
    given.state = CONSENT_WITHDRAWN;
    CHECK(cover(&given, 1, hospital, clinic, TODAY) == CONSENT_COVER_WITHDRAWN);
    given.state = CONSENT_REFUSED;
    CHECK(cover(&given, 1, hospital, clinic, TODAY) == CONSENT_COVER_REFUSED);
    given.state = CONSENT_ACTIVE;
    given.until_day = TODAY;
    CHECK(cover(&given, 1, hospital, clinic, TODAY) == CONSENT_COVER_COVERS);
    CHECK(cover(&given, 1, hospital, clinic, TODAY + 1) == CONSENT_COVER_EXPIRED);
}

static void one_covering_chain_is_enough_whatever_the_others_say(void)
{
    struct id named[] = {{{1}}, {{2}}};
    struct consent both[] = {comprehensive(1), specific(named, 2)};
    both[0].state = CONSENT_WITHDRAWN;
    CHECK(cover(both, 2, hospital, clinic, TODAY) == CONSENT_COVER_COVERS);
    CHECK(cover(both, 2, hospital, joiner, TODAY) == CONSENT_COVER_WITHDRAWN);
    struct consent_facts facts = {both, 2};
    CHECK(consent_covers(&facts, &participants, hospital, clinic, TODAY).by == &both[1]);
    both[1].state = CONSENT_WITHDRAWN;
    CHECK(cover(both, 2, hospital, clinic, TODAY) == CONSENT_COVER_WITHDRAWN);
}

static void the_state_is_told_as_the_viewer_sees_it(void)
{
    struct id named[] = {{{1}}, {{2}}};
    struct consent given = specific(named, 2);
    struct consent_facts facts = {&given, 1};
    CHECK(strcmp(consent_state_for(&facts, &participants, clinic, TODAY), "active") == 0);
    CHECK(strcmp(consent_state_for(&facts, &participants, joiner, TODAY), "none") == 0);
    CHECK(consent_has_active(&facts, TODAY));
    given.state = CONSENT_WITHDRAWN;
    CHECK(strcmp(consent_state_for(&facts, &participants, clinic, TODAY), "withdrawn") ==
          0);
    CHECK(!consent_has_active(&facts, TODAY));
    given.state = CONSENT_ACTIVE;
    given.until_day = TODAY - 1;
    CHECK(strcmp(consent_state_for(&facts, &participants, clinic, TODAY), "expired") ==
          0);
    CHECK(!consent_has_active(&facts, TODAY));
    struct consent before = comprehensive(1);
    struct consent_facts waiting = {&before, 1};
    CHECK(strcmp(consent_state_for(&waiting, &participants, joiner, TODAY), "none") == 0);
}

/* ---- what is recorded ---- */

static const struct session_actor actor = {.facility = {{2}},
                                           .network = {{9}},
                                           .staff = {{7}},
                                           .staff_name = {"A", 1},
                                           .facility_name = {"C", 1}};

static const char *read_input(const char *json, struct consent *consent)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_cstr(json), &err);
    if (!document)
        return err.code;
    int64_t now_ms = TODAY * 86400000LL;
    if (!consent_read_input(json_root(document), &actor, now_ms, &arena, consent, &err))
        return err.code;
    consent->facilities = NULL;
    return "";
}

#define HOSPITAL_HEX "01000000000000000000000000000000"

static void what_does_not_fit_together_is_not_recorded(void)
{
    struct consent consent;
    CHECK(strcmp(read_input("{\"form\":\"comprehensive\",\"channel\":\"paper\","
                            "\"giver\":\"self\"}",
                            &consent),
                 "") == 0);
    CHECK(consent.facility_count == 0 && id_equal(consent.given_facility, clinic));
    CHECK(strcmp(read_input(
                     "{\"form\":\"specific\",\"channel\":\"oral\",\"giver\":\"parent\","
                     "\"giver_name\":\"X\",\"note\":\"chart\",\"until\":\"2030-01-31\","
                     "\"facilities\":[\"" HOSPITAL_HEX "\"]}",
                     &consent),
                 "") == 0);
    CHECK(consent.facility_count == 2 && consent.giver == CONSENT_PARENT);
    static const struct {
        const char *json;
        const char *code;
    } refusals[] = {
        {"{}", "json_member"},
        {"{\"form\":\"all\",\"channel\":\"paper\",\"giver\":\"self\"}", "consent_form"},
        {"{\"form\":\"specific\",\"channel\":\"fax\",\"giver\":\"self\"}",
         "consent_channel"},
        {"{\"form\":\"specific\",\"channel\":\"paper\",\"giver\":\"cousin\"}",
         "consent_giver"},
        {"{\"form\":\"specific\",\"channel\":\"paper\",\"giver\":\"self\"}",
         "consent_facilities"},
        {"{\"form\":\"specific\",\"channel\":\"paper\",\"giver\":\"self\","
         "\"facilities\":[\"zz\"]}",
         "id_invalid"},
        {"{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\","
         "\"facilities\":[\"" HOSPITAL_HEX "\"]}",
         "consent_facilities"},
        {"{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"guardian\"}",
         "consent_giver_name"},
        {"{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\","
         "\"giver_name\":\"X\"}",
         "consent_giver_name"},
        {"{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\","
         "\"until\":\"1970-01-02\"}",
         "consent_until"},
        {"{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\","
         "\"until\":\"2030-02-30\"}",
         "consent_until"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *code = read_input(refusals[i].json, &consent);
        CHECK(strcmp(code, refusals[i].code) == 0);
        if (strcmp(code, refusals[i].code) != 0)
            printf("# %s: %s\n", refusals[i].json, code);
    }
}

/* ---- with a database ---- */

struct place {
    struct store_testsite site;
    struct store *store;
};

static const struct id person = {{0xaa}};

static bool fill_person(struct store_session *session, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO person (id, network, name, kana, folded_name, folded_kana, "
        "birth_day, sex, phone, folded_phone, registered_facility, registered_at) "
        "VALUES (?1, ?2, 'n', 'k', 'n', 'k', 1, 'F', '', '', ?3, 1)",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, person);
    store_bind_id(statement, 2, network_id);
    store_bind_id(statement, 3, clinic);
    return store_run(statement, err);
}

static bool fill(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    struct network network = {
        .id = network_id, .name = TEXT("N"), .joiner_waiting_days = 30};
    struct facility facility = {.name = TEXT("C"),
                                .kana = TEXT("C"),
                                .letter = TEXT("C"),
                                .slot = 1,
                                .fingerprint = TEXT(""),
                                .policy = TEXT("")};
    struct id ids[] = {hospital, clinic, joiner};
    struct text codes[] = {TEXT("2000000001"), TEXT("2000000002"), TEXT("2000000003")};
    if (!network_add(session, &network, 1, err))
        return false;
    for (int i = 0; i < 3; i++) {
        facility.id = ids[i];
        facility.code = codes[i];
        if (!facility_add(session, &facility, 1, err))
            return false;
    }
    return network_add_version(session, network_id, 10, ids, 2, 1, err) &&
           network_add_version(session, network_id, 90, ids, 3, 2, err) &&
           fill_person(session, err);
}

static void place_open(struct place *place)
{
    struct err err = {0};
    *place = (struct place){.site = store_testsite_new()};
    struct store_config config = {place->site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    place->store = store_open(&config, &err);
    CHECK(place->store && store_write(place->store, STORE_LIVE, fill, NULL, &err));
    if (err.kind)
        printf("# %s %s\n", err.code, err.text);
}

static void place_close(struct place *place)
{
    store_close(place->store);
    store_testsite_remove(&place->site);
}

struct giving {
    struct consent consent;
    struct id spare;
    struct arena *arena;
};

static bool give(struct store_session *session, void *context, struct err *err)
{
    struct giving *giving = context;
    return consent_add(session, &giving->consent, giving->spare, giving->arena, err);
}

static struct consent filled(struct consent consent, struct id facility, int64_t at)
{
    consent.person = person;
    consent.giver_name = TEXT("");
    consent.note = TEXT("");
    consent.given_at = at;
    consent.given_facility = facility;
    consent.given_staff = (struct id){{7}};
    consent.given_by = TEXT("A");
    consent.given_facility_name = TEXT("C");
    return consent;
}

static bool withdraw(struct store_session *session, void *context, struct err *err)
{
    struct giving *giving = context;
    struct consent_withdrawal withdrawal = {.consent = giving->consent.id,
                                            .channel = CONSENT_ORAL,
                                            .note = TEXT(""),
                                            .facility = hospital,
                                            .facility_name = TEXT("H"),
                                            .staff = {{8}},
                                            .by = TEXT("B"),
                                            .at_ms = 5000};
    return consent_withdraw(session, &withdrawal, giving->arena, &giving->consent, err);
}

static void versions_form_one_chain_and_only_the_newest_counts(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    struct giving giving = {filled(comprehensive(0), clinic, 1000), {{0xc1}}, &arena};
    CHECK(store_write(place.store, STORE_LIVE, give, &giving, &err));
    CHECK(giving.consent.version == 1 && giving.consent.list_version == 2);
    struct giving again = {filled(comprehensive(0), hospital, 2000), {{0xc2}}, &arena};
    CHECK(store_write(place.store, STORE_LIVE, give, &again, &err));
    CHECK(again.consent.version == 2 && id_equal(again.consent.id, giving.consent.id));
    CHECK(store_write(place.store, STORE_LIVE, withdraw, &again, &err));
    CHECK(again.consent.version == 3 && again.consent.state == CONSENT_WITHDRAWN);
    CHECK(!store_write(place.store, STORE_LIVE, withdraw, &again, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "consent_not_active") == 0);
    err_clear(&err);
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct consent_facts facts;
        CHECK(consent_facts(session, person, &arena, &facts, &err));
        CHECK(facts.count == 1 && facts.items[0].state == CONSENT_WITHDRAWN &&
              facts.items[0].version == 3 && facts.items[0].withdrawn_at == 5000 &&
              id_equal(facts.items[0].withdrawn_facility, hospital));
        struct id found;
        CHECK(consent_person(session, giving.consent.id, &found, &err));
        CHECK(id_equal(found, person));
        CHECK(!consent_person(session, stranger, &found, &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
    }
    struct giving anew = {filled(comprehensive(0), clinic, 9000), {{0xc3}}, &arena};
    CHECK(store_write(place.store, STORE_LIVE, give, &anew, &err));
    CHECK(anew.consent.version == 4);
    place_close(&place);
}

static void specific_consents_of_two_facilities_stand_beside_each_other(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    struct id two[] = {{{1}}, {{2}}};
    struct id other[] = {{{1}}, {{3}}};
    struct id outside[] = {{{2}}, {{4}}};
    struct giving first = {filled(specific(two, 2), clinic, 1000), {{0xc1}}, &arena};
    struct giving second = {filled(specific(other, 2), joiner, 2000), {{0xc2}}, &arena};
    struct giving third = {filled(specific(outside, 2), clinic, 3000), {{0xc3}}, &arena};
    CHECK(store_write(place.store, STORE_LIVE, give, &first, &err));
    CHECK(store_write(place.store, STORE_LIVE, give, &second, &err));
    CHECK(!id_equal(first.consent.id, second.consent.id));
    CHECK(!store_write(place.store, STORE_LIVE, give, &third, &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "consent_facilities") == 0);
    err_clear(&err);
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct consent_facts facts;
        CHECK(consent_facts(session, person, &arena, &facts, &err));
        CHECK(facts.count == 2);
        CHECK(consent_covers(&facts, &participants, hospital, clinic, TODAY).cover ==
              CONSENT_COVER_COVERS);
        CHECK(consent_covers(&facts, &participants, hospital, joiner, TODAY).cover ==
              CONSENT_COVER_COVERS);
        CHECK(consent_covers(&facts, &participants, clinic, joiner, TODAY).cover ==
              CONSENT_COVER_NOT_COVERING);
    }
    place_close(&place);
}

static bool run(struct store_session *session, const char *sql, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    return statement && store_run(statement, err);
}

static bool name_each(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return run(session, "UPDATE network SET consent_model = 'specific'", err);
}

static void where_each_facility_is_named_no_list_is_agreed_to(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    struct id two[] = {{{1}}, {{2}}};
    struct giving list = {filled(comprehensive(0), clinic, 1000), {{0xc1}}, &arena};
    struct giving named = {filled(specific(two, 2), clinic, 1000), {{0xc2}}, &arena};
    CHECK(store_write(place.store, STORE_LIVE, name_each, NULL, &err));
    CHECK(!store_write(place.store, STORE_LIVE, give, &list, &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "consent_form") == 0);
    err_clear(&err);
    CHECK(store_write(place.store, STORE_LIVE, give, &named, &err));
    place_close(&place);
}

static bool overwrite(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return run(session, "UPDATE consent SET state = 'active'", err);
}

static bool erase(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return run(session, "DELETE FROM consent", err);
}

static void a_version_can_neither_be_changed_nor_deleted(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    struct giving giving = {filled(comprehensive(0), clinic, 1000), {{0xc1}}, &arena};
    CHECK(store_write(place.store, STORE_LIVE, give, &giving, &err));
    CHECK(!store_write(place.store, STORE_LIVE, overwrite, NULL, &err));
    err_clear(&err);
    CHECK(!store_write(place.store, STORE_LIVE, erase, NULL, &err));
    place_close(&place);
}

int main(void)
{
    RUN(nobody_is_covered_without_consent);
    RUN(comprehensive_consent_covers_the_list_it_was_given_under);
    RUN(a_joiner_waits_on_either_side_unless_it_stood_on_the_list);
    RUN(who_is_not_on_the_list_in_force_is_covered_by_nothing);
    RUN(consent_to_another_network_covers_nothing);
    RUN(specific_consent_covers_the_named_facilities_only);
    RUN(withdrawn_refused_and_expired_cover_nothing_and_say_so);
    RUN(one_covering_chain_is_enough_whatever_the_others_say);
    RUN(the_state_is_told_as_the_viewer_sees_it);
    RUN(what_does_not_fit_together_is_not_recorded);
    RUN(versions_form_one_chain_and_only_the_newest_counts);
    RUN(specific_consents_of_two_facilities_stand_beside_each_other);
    RUN(where_each_facility_is_named_no_list_is_agreed_to);
    RUN(a_version_can_neither_be_changed_nor_deleted);
    return test_done();
}
