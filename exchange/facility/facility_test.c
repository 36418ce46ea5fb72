// SPDX-License-Identifier: Apache-2.0
#include "exchange/facility/facility.h"

#include <string.h>

#include "base/buf.h"
#include "base/test.h"
#include "exchange/network/network.h"
#include "formats/json/json.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

#define FINGERPRINT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct facility hospital(void)
{
    return (struct facility){.id = {{1}},
                             .code = TEXT("2010000001"),
                             .name = TEXT("病院"),
                             .kana = TEXT("ビョウイン"),
                             .kind = FACILITY_HOSPITAL,
                             .way = FACILITY_GATEWAY,
                             .letter = TEXT("Ａ"),
                             .slot = 3,
                             .fingerprint = TEXT(FINGERPRINT),
                             .policy = TEXT(""),
                             .may_register = true};
}

static bool is_good(struct facility facility)
{
    struct err err = {0};
    bool good = facility_check(&facility, &err);
    CHECK(good || strcmp(err.code, "facility_invalid") == 0);
    return good;
}

static void a_facility_that_breaks_its_form_is_refused(void)
{
    struct facility facility = hospital();
    CHECK(is_good(facility));
    facility.code = TEXT("201000001");
    CHECK(!is_good(facility));
    facility.code = TEXT("20100000x1");
    CHECK(!is_good(facility));
    facility = hospital();
    facility.letter = TEXT("AB");
    CHECK(!is_good(facility));
    facility.letter = TEXT("");
    CHECK(!is_good(facility));
    facility = hospital();
    facility.slot = 0;
    CHECK(!is_good(facility));
    facility.slot = 11;
    CHECK(!is_good(facility));
    facility = hospital();
    facility.name = TEXT("");
    CHECK(!is_good(facility));
    facility = hospital();
    facility.fingerprint = TEXT("aa");
    CHECK(!is_good(facility));
}

static void words_are_read_back_and_unknown_ones_refused(void)
{
    enum facility_kind kind;
    enum facility_way way;
    for (int i = 0; i < FACILITY_KIND_COUNT; i++)
        CHECK(facility_kind_parse(text_cstr(facility_kind_id((enum facility_kind)i)),
                                  &kind) &&
              kind == (enum facility_kind)i);
    for (int i = 0; i < FACILITY_WAY_COUNT; i++)
        CHECK(
            facility_way_parse(text_cstr(facility_way_id((enum facility_way)i)), &way) &&
            way == (enum facility_way)i);
    CHECK(!facility_kind_parse(TEXT("Hospital"), &kind));
    CHECK(!facility_way_parse(TEXT(""), &way));
}

static void the_contract_object_holds_no_policy_and_no_fingerprint(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    struct facility facility = hospital();
    facility.policy = TEXT("{\"hidden\":1}");
    facility.has_policy = true;
    facility_write(&writer, &facility, true);
    buf_byte(&out, '\0');
    const char *json = (const char *)out.at;
    CHECK(strcmp(json,
                 "{\"id\":\"01000000000000000000000000000000\",\"code\":\"2010000001\","
                 "\"name\":\"病院\",\"kana\":\"ビョウイン\",\"kind\":\"hospital\","
                 "\"letter\":\"Ａ\",\"slot\":3,\"is_disclosing\":true,"
                 "\"is_connected\":true,\"may_register\":true,\"has_policy\":true}") ==
          0);
}

/* ---- with a database ---- */

struct place {
    struct store_testsite site;
    struct store *store;
};

static bool add(struct store_session *session, void *context, struct err *err)
{
    return facility_add(session, context, 1, err);
}

static void place_open(struct place *place)
{
    struct err err = {0};
    struct facility facility = hospital();
    *place = (struct place){.site = store_testsite_new()};
    struct store_config config = {place->site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    place->store = store_open(&config, &err);
    CHECK(place->store && store_write(place->store, STORE_LIVE, add, &facility, &err));
}

static void place_close(struct place *place)
{
    store_close(place->store);
    store_testsite_remove(&place->site);
}

static void a_code_and_a_certificate_belong_to_one_facility(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    struct facility other = hospital();
    other.id = (struct id){{2}};
    CHECK(!store_write(place.store, STORE_LIVE, add, &other, &err));
    CHECK(err.kind == ERR_CONFLICT);
    err_clear(&err);
    other.code = TEXT("2010000002");
    CHECK(!store_write(place.store, STORE_LIVE, add, &other, &err));
    CHECK(err.kind == ERR_CONFLICT);
    err_clear(&err);
    other.fingerprint = TEXT("");
    CHECK(store_write(place.store, STORE_LIVE, add, &other, &err));
    other.id = (struct id){{3}};
    other.code = TEXT("2010000003");
    CHECK(store_write(place.store, STORE_LIVE, add, &other, &err));
    place_close(&place);
}

static bool is_shown_alike(const struct facility *a, const struct facility *b)
{
    return id_equal(a->id, b->id) && text_equal(a->code, b->code) &&
           text_equal(a->name, b->name) && text_equal(a->kana, b->kana) &&
           a->kind == b->kind && a->way == b->way && text_equal(a->letter, b->letter) &&
           a->slot == b->slot && a->may_register == b->may_register &&
           a->last_seen_at == b->last_seen_at && a->has_policy == b->has_policy;
}

static void check_shorter(struct store_session *session, const struct facility *whole,
                          size_t count, struct arena *arena)
{
    struct err err = {0};
    struct id named[100];
    struct facility_ids ids = {named, 0};
    struct facility_ids disclosing;
    struct facility *shown = NULL;
    size_t shown_count = 0, met = 0;
    /* from the last to the first, each twice, and one that is not there */
    for (size_t i = 0; i < 2 * count; i++)
        named[ids.count++] = whole[(2 * count - 1 - i) % count].id;
    named[ids.count++] = (struct id){{9}};
    CHECK(facility_list_of(session, &ids, arena, &shown, &shown_count, &err));
    CHECK(facility_list_disclosing(session, arena, &disclosing, &err));
    CHECK(shown_count == count);
    for (size_t i = 0; i < shown_count; i++) {
        struct text policy, code;
        CHECK(is_shown_alike(&whole[i], &shown[i]) && shown[i].policy.len == 0);
        CHECK(facility_find_policy(session, whole[i].id, arena, &policy, &err));
        CHECK(facility_find_code_of(session, whole[i].id, arena, &code, &err));
        CHECK(text_equal(policy, whole[i].policy) && text_equal(code, whole[i].code));
        if (facility_is_disclosing(&whole[i]))
            CHECK(met < disclosing.count && id_equal(disclosing.at[met++], whole[i].id));
    }
    CHECK(met == disclosing.count && met > 0 && met < count);
    ids.count = 0;
    CHECK(facility_list_of(session, &ids, arena, &shown, &shown_count, &err));
    CHECK(shown_count == 0);
}

static bool knows(struct facility_known *known, const struct facility *whole,
                  size_t count, int64_t now_ms)
{
    struct err err = {0};
    struct id named[100];
    struct facility_ids ids = {named, 0};
    struct facility *shown = NULL;
    size_t shown_count = 0;
    bool is_known = false;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    for (size_t i = 0; i < 2 * count; i++)
        named[ids.count++] = whole[(2 * count - 1 - i) % count].id;
    CHECK(facility_known_list(known, &ids, now_ms, &arena, &shown, &shown_count,
                              &is_known, &err));
    CHECK(!is_known || shown_count == count);
    for (size_t i = 0; is_known && i < count; i++)
        CHECK(is_shown_alike(&whole[i], &shown[i]));
    return is_known;
}

/* Each for a second from its reading on, and only all together. */
static void check_known(const struct facility *whole, size_t count)
{
    struct err err = {0};
    struct facility_known *known = facility_known_new(&err);
    CHECK(known && !knows(known, whole, count, 5000));
    facility_known_keep(known, whole, count - 1, 5000);
    CHECK(!knows(known, whole, count, 5000) && knows(known, whole, count - 1, 5000));
    facility_known_keep(known, whole, count, 5500);
    CHECK(knows(known, whole, count, 5500 + FACILITY_KNOWN_MS));
    CHECK(!knows(known, whole, count, 5500 + FACILITY_KNOWN_MS + 1));
    facility_known_free(known);
}

static void shorter_lists_tell_of_the_same_facilities_in_the_same_order(void)
{
    static const char *const letters[] = {"い", "あ", "あ", "Ａ"};
    struct place place;
    struct err err = {0};
    struct facility *whole = NULL;
    size_t count = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    place_open(&place);
    for (size_t i = 0; i < 40; i++) {
        char code[] = "2010000100";
        struct facility facility = hospital();
        code[8] = (char)('0' + i / 10);
        code[9] = (char)('0' + i % 10);
        facility.id = (struct id){{(uint8_t)(200 - i)}};
        facility.code = text_cstr(code);
        facility.letter = text_cstr(letters[i % 4]);
        facility.way = i % 3 ? FACILITY_GATEWAY : FACILITY_VIEW_ONLY;
        facility.fingerprint = TEXT("");
        facility.policy = TEXT("{}");
        CHECK(store_write(place.store, STORE_LIVE, add, &facility, &err));
    }
    CLEANUP(store_read_end) struct store_session *session = store_read(place.store, &err);
    CHECK(facility_list(session, &arena, &whole, &count, &err) && count == 41);
    check_shorter(session, whole, count, &arena);
    check_known(whole, count);
    store_read_end(&session);
    place_close(&place);
}

static bool change_policy(struct store_session *session, void *context, struct err *err)
{
    struct id id = {{1}};
    return facility_change_policy(session, id, text_cstr(context), 5000, err);
}

static bool change_certificate(struct store_session *session, void *context,
                               struct err *err)
{
    struct id id = {{1}};
    return facility_change_fingerprint(session, id, text_cstr(context), 5, err);
}

static void a_new_policy_is_a_new_version_and_raises_the_epoch(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    struct clock clock = clock_system();
    char policy[] = "{\"version\":1}";
    place_open(&place);
    struct network_epoch *epoch = network_epoch_open(place.store, &clock, NULL, &err);
    uint64_t before = network_epoch_now(epoch);
    for (int i = 0; i < 2; i++)
        CHECK(store_write(place.store, STORE_LIVE, change_policy, policy, &err));
    network_epoch_refresh(epoch);
    CHECK(network_epoch_now(epoch) == before + 1);
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct facility found;
        CHECK(facility_find_code(session, TEXT("2010000001"), &arena, &found, &err));
        CHECK(found.policy_version == 1 && found.last_seen_at == 5000 &&
              text_is(found.policy, policy));
        CHECK(!facility_find_code(session, TEXT("2010000009"), &arena, &found, &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
    }
    network_epoch_close(epoch);
    char bad[] = "zz";
    CHECK(!store_write(place.store, STORE_LIVE, change_certificate, bad, &err));
    CHECK(err.kind == ERR_SYNTAX);
    place_close(&place);
}

static bool change_name(struct store_session *session, void *context, struct err *err)
{
    struct facility facility = hospital();
    facility.name = TEXT("新しい病院");
    facility.letter = text_cstr(context);
    return facility_change(session, &facility, err);
}

static bool forbid_registering(struct store_session *session, void *context,
                               struct err *err)
{
    struct facility facility = hospital();
    (void)context;
    facility.name = TEXT("新しい病院");
    facility.letter = TEXT("新");
    facility.may_register = false;
    return facility_change(session, &facility, err);
}

static void changes_of_a_facility_raise_the_epoch_and_bad_ones_change_nothing(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    struct clock clock = clock_system();
    char letter[] = "新", letters[] = "XY";
    char digits[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    place_open(&place);
    struct network_epoch *epoch = network_epoch_open(place.store, &clock, NULL, &err);
    uint64_t before = network_epoch_now(epoch);
    CHECK(store_write(place.store, STORE_LIVE, change_name, letter, &err));
    CHECK(!store_write(place.store, STORE_LIVE, change_name, letters, &err));
    err_clear(&err);
    CHECK(store_write(place.store, STORE_LIVE, forbid_registering, NULL, &err));
    CHECK(store_write(place.store, STORE_LIVE, change_certificate, digits, &err));
    network_epoch_refresh(epoch);
    CHECK(network_epoch_now(epoch) == before + 3);
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct facility found;
        CHECK(facility_find_code(session, TEXT("2010000001"), &arena, &found, &err));
        CHECK(text_is(found.letter, "新") && text_is(found.name, "新しい病院"));
        CHECK(!found.may_register && !facility_check_registers(&found, &err));
        CHECK(err.kind == ERR_REFUSED && strcmp(err.code, "may_not_register") == 0);
        CHECK(text_is(found.fingerprint, digits) && found.certificate_ends_at == 5);
    }
    network_epoch_close(epoch);
    place_close(&place);
}

/* ---- a policy that the office keeps ---- */

#define NOTES "{\"version\":1,\"rules\":[{\"kinds\":[\"note\"]}]}"
#define NO_NOTES "{\"version\":2,\"rules\":[]}"

struct office {
    struct id facility;
    const char *policy;
};

static bool change_office(struct store_session *session, void *context, struct err *err)
{
    const struct office *office = context;
    struct facility facility;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    return facility_find(session, office->facility, &arena, &facility, err) &&
           facility_change_office_policy(session, &facility, text_cstr(office->policy), 7,
                                         err);
}

static struct facility clinic(void)
{
    struct facility facility = hospital();
    facility.id = (struct id){{2}};
    facility.code = TEXT("2010000002");
    facility.kind = FACILITY_CLINIC;
    facility.way = FACILITY_VIEW_ONLY;
    facility.fingerprint = TEXT("");
    return facility;
}

static bool is_refused(struct place *place, struct id facility, const char *policy,
                       const char *code)
{
    struct err err = {0};
    struct office office = {facility, policy};
    bool is_kept = store_write(place->store, STORE_LIVE, change_office, &office, &err);
    if (!is_kept && strcmp(err.code, code) != 0)
        printf("# %s instead of %s\n", err.code, code);
    return !is_kept && strcmp(err.code, code) == 0;
}

static struct facility find(struct place *place, const char *code, struct arena *arena,
                            bool *is_keeping)
{
    struct err err = {0};
    struct facility found = {.policy_version = -1};
    struct facility_ids keeping;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(place->store, &err);
    CHECK(facility_find_code(session, text_cstr(code), arena, &found, &err));
    CHECK(facility_list_keeping(session, arena, &keeping, &err));
    *is_keeping = false;
    for (size_t i = 0; i < keeping.count; i++)
        *is_keeping = *is_keeping || id_equal(keeping.at[i], found.id);
    return found;
}

static void one_source_says_a_policy_and_bad_ones_are_refused(void)
{
    struct place place;
    struct err err = {0};
    bool is_keeping = false;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    struct facility one = clinic();
    place_open(&place);
    CHECK(store_write(place.store, STORE_LIVE, add, &one, &err));
    CHECK(is_refused(&place, (struct id){{1}}, NOTES, "policy_of_gateway"));
    CHECK(is_refused(&place, (struct id){{9}}, NOTES, "not_found"));
    CHECK(is_refused(&place, one.id, "{\"version\":1", "json_invalid"));
    CHECK(is_refused(&place, one.id, "", "json_invalid"));
    CHECK(is_refused(&place, one.id, "{\"rules\":[]}", "json_member"));
    CHECK(is_refused(&place, one.id,
                     "{\"version\":1,\"rules\":[{\"kinds\":[\"note\"],"
                     "\"profession\":[\"doctor\"]}]}",
                     "json_unknown_member"));
    CHECK(is_refused(&place, one.id,
                     "{\"version\":1,\"rules\":[{\"kinds\":[\"notes\"]}]}",
                     "policy_kind"));
    CHECK(is_refused(&place, one.id,
                     "{\"version\":1,\"rules\":[{\"kinds\":[\"note\"],"
                     "\"delay_hours\":24}]}",
                     "policy_promise"));
    CHECK(is_refused(&place, one.id,
                     "{\"version\":1,\"rules\":[],\"excluded_departments\":[\"06\"]}",
                     "policy_promise"));
    struct facility found = find(&place, "2010000002", &arena, &is_keeping);
    CHECK(found.policy_version == 0 && !found.has_policy && !is_keeping);
    /* one that was a gateway's and whose certificate still counts */
    char digits[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    one = clinic();
    one.id = (struct id){{3}};
    one.code = TEXT("2010000003");
    one.fingerprint = text_cstr(digits);
    CHECK(store_write(place.store, STORE_LIVE, add, &one, &err));
    CHECK(is_refused(&place, one.id, NOTES, "policy_of_gateway"));
    place_close(&place);
}

static void an_office_keeps_every_version_of_who_has_no_gateway(void)
{
    struct place place;
    struct err err = {0};
    bool is_keeping = false;
    struct text policy;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    struct facility one = clinic();
    struct clock clock = clock_system();
    struct office offices[] = {
        {one.id, NOTES}, {one.id, NOTES}, {one.id, NO_NOTES}, {one.id, NOTES}};
    place_open(&place);
    CHECK(store_write(place.store, STORE_LIVE, add, &one, &err));
    struct network_epoch *epoch = network_epoch_open(place.store, &clock, NULL, &err);
    uint64_t before = network_epoch_now(epoch);
    for (size_t i = 0; i < 4; i++)
        CHECK(store_write(place.store, STORE_LIVE, change_office, &offices[i], &err));
    network_epoch_refresh(epoch);
    CHECK(network_epoch_now(epoch) == before + 3);
    network_epoch_close(epoch);
    struct facility found = find(&place, "2010000002", &arena, &is_keeping);
    CHECK(found.policy_version == 3 && found.has_policy && is_keeping);
    CHECK(text_is(found.policy, NOTES) && found.last_seen_at == 0);
    CLEANUP(store_read_end)
    struct store_session *session = store_read(place.store, &err);
    CHECK(facility_find_office_policy(session, one.id, 2, &arena, &policy, &err) &&
          text_is(policy, NO_NOTES));
    CHECK(!facility_find_office_policy(session, one.id, 4, &arena, &policy, &err) &&
          strcmp(err.code, "policy_missing") == 0);
    store_read_end(&session);
    place_close(&place);
}

static bool change_way(struct store_session *session, void *context, struct err *err)
{
    struct facility facility = clinic();
    facility.way = *(enum facility_way *)context;
    return facility_change(session, &facility, err);
}

static bool publish(struct store_session *session, void *context, struct err *err)
{
    return facility_change_policy(session, (struct id){{2}}, text_cstr(context), 5, err);
}

static void another_way_ends_the_policy(void)
{
    struct place place;
    struct err err = {0};
    bool is_keeping = false;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 18);
    struct facility one = clinic();
    struct office office = {one.id, NOTES};
    enum facility_way ways[] = {FACILITY_VIEW_ONLY, FACILITY_GATEWAY};
    char other[] = NO_NOTES;
    place_open(&place);
    CHECK(store_write(place.store, STORE_LIVE, add, &one, &err) &&
          store_write(place.store, STORE_LIVE, change_office, &office, &err) &&
          store_write(place.store, STORE_LIVE, change_way, &ways[0], &err));
    CHECK(find(&place, "2010000002", &arena, &is_keeping).has_policy && is_keeping);
    /* no gateway speaks for it */
    CHECK(store_write(place.store, STORE_LIVE, publish, other, &err));
    CHECK(text_is(find(&place, "2010000002", &arena, &is_keeping).policy, NOTES));
    CHECK(store_write(place.store, STORE_LIVE, change_way, &ways[1], &err));
    CHECK(!find(&place, "2010000002", &arena, &is_keeping).has_policy && !is_keeping);
    CHECK(is_refused(&place, one.id, NOTES, "policy_of_gateway"));
    CHECK(store_write(place.store, STORE_LIVE, publish, other, &err));
    CHECK(text_is(find(&place, "2010000002", &arena, &is_keeping).policy, NO_NOTES));
    CHECK(store_write(place.store, STORE_LIVE, change_way, &ways[0], &err));
    CHECK(!find(&place, "2010000002", &arena, &is_keeping).has_policy && !is_keeping);
    place_close(&place);
}

int main(void)
{
    RUN(a_facility_that_breaks_its_form_is_refused);
    RUN(words_are_read_back_and_unknown_ones_refused);
    RUN(the_contract_object_holds_no_policy_and_no_fingerprint);
    RUN(a_code_and_a_certificate_belong_to_one_facility);
    RUN(shorter_lists_tell_of_the_same_facilities_in_the_same_order);
    RUN(a_new_policy_is_a_new_version_and_raises_the_epoch);
    RUN(changes_of_a_facility_raise_the_epoch_and_bad_ones_change_nothing);
    RUN(one_source_says_a_policy_and_bad_ones_are_refused);
    RUN(an_office_keeps_every_version_of_who_has_no_gateway);
    RUN(another_way_ends_the_policy);
    return test_done();
}
