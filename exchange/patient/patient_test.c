// SPDX-License-Identifier: Apache-2.0
#include "exchange/patient/patient_offer.h"
#include "exchange/patient/patient_service.h"

#include <string.h>

#include "base/day.h"
#include "base/memory.h"
#include "base/test.h"
#include "formats/json/json.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

/* Searching and the routes need a scope of the gate: test/story/routes_test.c. */

/* ---- rules ---- */

static const char *check(struct patient_person person)
{
    static struct err err;
    err = (struct err){0};
    return patient_check_person(&person, 20000, &err) ? "" : err.code;
}

static const struct patient_person hayashi = {.id = {{0xa1}},
                                              .network = {{9}},
                                              .name = {"林 花子", 10},
                                              .kana = {"ハヤシ ハナコ", 19},
                                              .birth_day = 100,
                                              .sex = 'F',
                                              .phone = {"", 0},
                                              .registered_facility = {{1}}};

static void a_person_has_a_name_kana_a_birth_day_and_a_sex(void)
{
    struct patient_person person = hayashi;
    CHECK(strcmp(check(person), "") == 0);
    person.kana = TEXT("はやし　ﾊﾅｺ");
    CHECK(strcmp(check(person), "") == 0);
    person.kana = TEXT("Hayashi");
    CHECK(strcmp(check(person), "patient_kana") == 0);
    person.kana = TEXT("");
    CHECK(strcmp(check(person), "patient_kana") == 0);
    person = hayashi;
    person.name = TEXT(" 　");
    CHECK(strcmp(check(person), "patient_name") == 0);
    person.name = TEXT("林\x7f");
    CHECK(strcmp(check(person), "patient_name") == 0);
    person.name = TEXT("林\n花子");
    CHECK(strcmp(check(person), "patient_name") == 0);
    person = hayashi;
    person.birth_day = 20001;
    CHECK(strcmp(check(person), "patient_birth_date") == 0);
    person.birth_day = DAY_NONE;
    CHECK(strcmp(check(person), "patient_birth_date") == 0);
    person = hayashi;
    person.sex = 'X';
    CHECK(strcmp(check(person), "patient_sex") == 0);
    person.sex = '\0';
    CHECK(strcmp(check(person), "patient_sex") == 0);
}

static void a_number_is_folded_to_what_its_owner_uses(void)
{
    static const struct {
        const char *typed;
        const char *kept;
    } cases[] = {
        {"0012345", "0012345"},
        {" １２-３４ ", "12-34"},
        {"ａｂ.9_", "ab.9_"},
        {"", NULL},
        {"　 ", NULL},
        {"12/34", NULL},
        {"1'; --", NULL},
        {"一二三", NULL},
        {"1234567890123456", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 12);
        struct err err = {0};
        struct text kept = TEXT("");
        bool is_good =
            patient_fold_number(text_cstr(cases[i].typed), &arena, &kept, &err);
        CHECK(is_good == (cases[i].kept != NULL));
        CHECK(!is_good || text_is(kept, cases[i].kept));
        CHECK(is_good || strcmp(err.code, "patient_number") == 0);
    }
}

static struct patient_record a_record(const char *number, enum patient_record_state state,
                                      const char *reason, const char *successor)
{
    return (struct patient_record){.number = text_cstr(number),
                                   .state = state,
                                   .reason = text_cstr(reason),
                                   .successor = text_cstr(successor)};
}

static const struct {
    enum patient_record_state state;
    const char *number, *reason, *successor; /* of the record … */
    const char *replaced;                    /* … and of the one before it, or NULL */
    enum patient_number_change change;
    const char *said, *new_number;
    const char *then, *then_successor; /* NULL = nothing changes */
} reported[] = {
    {PATIENT_CONFIRMED, "A", "", "", NULL, PATIENT_NUMBER_ENDED, "A", "", "number_ended",
     ""},
    {PATIENT_CONFIRMED, "A", "", "", NULL, PATIENT_NUMBER_REPLACED, "A", "B",
     "number_replaced", "B"},
    /* leading zeros make no other number */
    {PATIENT_CONFIRMED, "12", "", "", NULL, PATIENT_NUMBER_REPLACED, "0012", "B",
     "number_replaced", "B"},
    /* told again, nothing is new; told of another successor, it is */
    {PATIENT_SUSPENDED, "A", "number_replaced", "B", NULL, PATIENT_NUMBER_REPLACED, "A",
     "B", NULL, NULL},
    {PATIENT_SUSPENDED, "A", "number_replaced", "B", NULL, PATIENT_NUMBER_REPLACED, "A",
     "C", "number_replaced", "C"},
    {PATIENT_SUSPENDED, "A", "number_ended", "", NULL, PATIENT_NUMBER_REPLACED, "A", "B",
     "number_replaced", "B"},
    {PATIENT_SUSPENDED, "A", "number_ended", "", NULL, PATIENT_NUMBER_ENDED, "A", "",
     NULL, NULL},
    /* undone: still a person's business */
    {PATIENT_SUSPENDED, "A", "number_replaced", "B", NULL, PATIENT_NUMBER_RESTORED, "A",
     "", "number_restored", "A"},
    {PATIENT_SUSPENDED, "A", "number_restored", "A", NULL, PATIENT_NUMBER_RESTORED, "A",
     "", NULL, NULL},
    {PATIENT_CONFIRMED, "A", "", "", NULL, PATIENT_NUMBER_RESTORED, "A", "", NULL, NULL},
    /* undone after somebody moved the link to the other number */
    {PATIENT_CONFIRMED, "B", "", "", "A", PATIENT_NUMBER_RESTORED, "A", "",
     "number_restored", "A"},
    {PATIENT_CONFIRMED, "B", "", "", NULL, PATIENT_NUMBER_RESTORED, "A", "", NULL, NULL},
    {PATIENT_CONFIRMED, "B", "", "", "C", PATIENT_NUMBER_RESTORED, "A", "", NULL, NULL},
    {PATIENT_CONFIRMED, "B", "", "", "A", PATIENT_NUMBER_ENDED, "A", "", NULL, NULL},
    {PATIENT_CONFIRMED, "B", "", "", "A", PATIENT_NUMBER_REPLACED, "A", "B", NULL, NULL},
    /* another person's now, or again the one's */
    {PATIENT_CONFIRMED, "A", "", "", NULL, PATIENT_NUMBER_GIVEN_AGAIN, "A", "",
     "number_given_again", ""},
    {PATIENT_SUSPENDED, "A", "number_ended", "", NULL, PATIENT_NUMBER_GIVEN_AGAIN, "A",
     "", "number_given_again", ""},
    {PATIENT_SUSPENDED, "A", "number_given_again", "", NULL, PATIENT_NUMBER_RESTORED, "A",
     "", "number_restored", "A"},
    {PATIENT_CONFIRMED, "B", "", "", "A", PATIENT_NUMBER_GIVEN_AGAIN, "A", "", NULL,
     NULL},
    /* what is not linked is nobody's news */
    {PATIENT_PROPOSED, "A", "", "", NULL, PATIENT_NUMBER_ENDED, "A", "", NULL, NULL},
    {PATIENT_ENDED, "A", "replaced", "", NULL, PATIENT_NUMBER_REPLACED, "A", "C", NULL,
     NULL},
    {PATIENT_REFUSED, "A", "mismatch", "", NULL, PATIENT_NUMBER_RESTORED, "A", "", NULL,
     NULL},
};

static void what_an_owner_says_of_a_number_suspends_it_until_a_person_confirms(void)
{
    for (size_t i = 0; i < sizeof reported / sizeof *reported; i++) {
        struct patient_record record =
            a_record(reported[i].number, reported[i].state, reported[i].reason,
                     reported[i].successor);
        struct patient_record replaced =
            a_record(reported[i].replaced ? reported[i].replaced : "", PATIENT_ENDED,
                     "replaced", "");
        struct patient_report report = {.number = text_cstr(reported[i].said),
                                        .change = reported[i].change,
                                        .successor = text_cstr(reported[i].new_number)};
        struct patient_record after = {0};
        bool changes = patient_report_changes(
            &record, reported[i].replaced ? &replaced : NULL, &report, &after);
        CHECK(changes == (reported[i].then != NULL));
        bool is_right =
            !changes || (after.state == PATIENT_SUSPENDED &&
                         text_is(after.reason, reported[i].then) &&
                         text_is(after.successor, reported[i].then_successor));
        CHECK(is_right);
        if (!is_right)
            printf("# case %zu\n", i);
    }
}

static void only_its_owner_confirms_a_number(void)
{
    const char *reason = NULL;
    CHECK(patient_state_after(PATIENT_PROPOSED, PATIENT_MATCH_CONFIRMED, &reason) ==
              PATIENT_CONFIRMED &&
          strcmp(reason, "") == 0);
    CHECK(patient_state_after(PATIENT_PROPOSED, PATIENT_MATCH_AWAY, &reason) ==
              PATIENT_PROPOSED &&
          strcmp(reason, "gateway_away") == 0);
    CHECK(patient_state_after(PATIENT_SUSPENDED, PATIENT_MATCH_HELD, &reason) ==
              PATIENT_SUSPENDED &&
          strcmp(reason, "held") == 0);
    CHECK(patient_state_after(PATIENT_PROPOSED, PATIENT_MATCH_RATE, &reason) ==
              PATIENT_PROPOSED &&
          strcmp(reason, "rate_limited") == 0);
}

static void another_persons_number_and_nobodys_look_the_same(void)
{
    const char *mismatch = NULL;
    const char *unknown = NULL;
    CHECK(patient_state_after(PATIENT_PROPOSED, PATIENT_MATCH_MISMATCH, &mismatch) ==
          PATIENT_REFUSED);
    CHECK(patient_state_after(PATIENT_PROPOSED, PATIENT_MATCH_UNKNOWN, &unknown) ==
          PATIENT_REFUSED);
    CHECK(strcmp(mismatch, unknown) == 0);
}

static void a_number_is_shown_to_its_facility_and_to_who_entered_it(void)
{
    struct patient_record record = {.id = {{1}},
                                    .facility = {{2}},
                                    .entered_facility = {{3}},
                                    .number = TEXT("SECRET"),
                                    .state = PATIENT_CONFIRMED,
                                    .reason = TEXT("")};
    for (uint8_t viewer = 2; viewer <= 4; viewer++) {
        CLEANUP(buf_free) struct buf out = buf_init(1024);
        struct json_writer writer = json_writer(&out);
        patient_write_link(&writer, &record, (struct id){{viewer}});
        bool is_shown = memmem(out.at, out.len, "SECRET", 6) != NULL;
        CHECK(is_shown == (viewer != 4));
    }
}

/* ---- with a database ---- */

struct place {
    struct store_testsite site;
    struct store *store;
};

static bool fill(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    struct network network = {.id = {{9}}, .name = TEXT("N")};
    struct id ids[] = {{{1}}, {{2}}};
    struct text codes[] = {TEXT("2000000001"), TEXT("2000000002")};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct patient_person twin = hayashi;
    twin.id = (struct id){{0xa2}};
    if (!network_add(session, &network, 1, err))
        return false;
    for (int i = 0; i < 2; i++) {
        struct facility facility = {.id = ids[i],
                                    .code = codes[i],
                                    .name = TEXT("C"),
                                    .kana = TEXT("C"),
                                    .letter = TEXT("C"),
                                    .slot = 1,
                                    .fingerprint = TEXT(""),
                                    .policy = TEXT("")};
        if (!facility_add(session, &facility, 1, err))
            return false;
    }
    return network_add_version(session, network.id, 0, ids, 2, 1, err) &&
           patient_add_person(session, &hayashi, &arena, err) &&
           patient_add_person(session, &twin, &arena, err);
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

static void twenty_searches_in_ten_minutes_and_no_more(void)
{
    struct place place;
    struct err err = {0};
    struct id staff = {{1}}, other = {{2}};
    const int64_t at = 1800000000000;
    place_open(&place);
    for (int i = 0; i < PATIENT_SEARCHES_MAX; i++)
        CHECK(patient_rate_take(place.store, staff, at + i * 1000, &err));
    CHECK(
        !patient_rate_take(place.store, staff, at + PATIENT_SEARCH_WINDOW_MS - 1, &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "search_rate") == 0);
    err_clear(&err);
    CHECK(patient_rate_take(place.store, other, at + PATIENT_SEARCH_WINDOW_MS - 1, &err));
    /* the first search leaves the window, the second does not yet */
    CHECK(patient_rate_take(place.store, staff, at + PATIENT_SEARCH_WINDOW_MS, &err));
    CHECK(!patient_rate_take(place.store, staff, at + PATIENT_SEARCH_WINDOW_MS + 999,
                             &err));
    place_close(&place);
}

/* Each store stands for a server process, or for the next life of the same one. */
static void searches_of_all_processes_count_together(void)
{
    struct place place;
    struct err err = {0};
    struct id staff = {{1}};
    const int64_t at = 1800000000000;
    place_open(&place);
    struct store_config config = {place.site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *second = store_open(&config, &err);
    CHECK(second);
    for (int i = 0; i < PATIENT_SEARCHES_MAX; i++)
        CHECK(patient_rate_take(i % 2 ? place.store : second, staff, at, &err));
    CHECK(!patient_rate_take(place.store, staff, at, &err));
    err_clear(&err);
    CHECK(!patient_rate_take(second, staff, at, &err));
    store_close(second);
    place_close(&place);
}

static void a_clock_set_back_locks_nobody_out_for_long(void)
{
    struct place place;
    struct err err = {0};
    struct id staff = {{1}};
    const int64_t at = 1800000000000;
    place_open(&place);
    for (int i = 0; i < PATIENT_SEARCHES_MAX; i++)
        CHECK(patient_rate_take(place.store, staff, at + 86400000, &err));
    CHECK(patient_rate_take(place.store, staff, at, &err));
    place_close(&place);
}

static struct patient_record proposed(uint8_t id, uint8_t person, const char *number)
{
    return (struct patient_record){.id = {{id}},
                                   .person = {{person}},
                                   .facility = {{1}},
                                   .number = text_cstr(number),
                                   .state = PATIENT_PROPOSED,
                                   .reason = TEXT(""),
                                   .entered_facility = {{2}},
                                   .entered_staff = {{7}},
                                   .entered_at = 10,
                                   .since = 10};
}

static bool add_record(struct store_session *session, void *context, struct err *err)
{
    return patient_add_record(session, context, err);
}

struct answer {
    struct id record;
    enum patient_match match;
    struct arena *arena;
    struct patient_record after;
};

static bool apply(struct store_session *session, void *context, struct err *err)
{
    struct answer *answer = context;
    return patient_apply_match(session, answer->record, answer->match, 99, answer->arena,
                               &answer->after, err);
}

static void a_number_is_confirmed_for_one_person_only(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    place_open(&place);
    struct patient_record first = proposed(1, 0xa1, "77");
    struct patient_record second = proposed(2, 0xa2, "77");
    CHECK(store_write(place.store, STORE_LIVE, add_record, &first, &err));
    CHECK(store_write(place.store, STORE_LIVE, add_record, &second, &err));
    struct answer one = {first.id, PATIENT_MATCH_CONFIRMED, &arena, first};
    struct answer two = {second.id, PATIENT_MATCH_CONFIRMED, &arena, second};
    CHECK(store_write(place.store, STORE_LIVE, apply, &one, &err));
    CHECK(one.after.state == PATIENT_CONFIRMED && one.after.since == 99);
    CHECK(store_write(place.store, STORE_LIVE, apply, &two, &err));
    CHECK(two.after.state == PATIENT_REFUSED && text_is(two.after.reason, "mismatch"));
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct patient_record found;
        struct id facility = {{1}};
        CHECK(patient_record_of_number(session, facility, TEXT("77"), &arena, &found,
                                       &err));
        CHECK(id_equal(found.person, hayashi.id));
        CHECK(!patient_record_of_number(session, facility, TEXT("077"), &arena, &found,
                                        &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
    }
    place_close(&place);
}

static void a_late_answer_does_not_bring_an_ended_link_back(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    place_open(&place);
    struct patient_record record = proposed(1, 0xa1, "77");
    record.state = PATIENT_ENDED;
    CHECK(store_write(place.store, STORE_LIVE, add_record, &record, &err));
    struct answer late = {record.id, PATIENT_MATCH_CONFIRMED, &arena, record};
    CHECK(store_write(place.store, STORE_LIVE, apply, &late, &err));
    CHECK(late.after.state == PATIENT_ENDED);
    place_close(&place);
}

static void a_person_has_one_number_at_a_facility_and_may_try_again(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    place_open(&place);
    struct patient_record first = proposed(1, 0xa1, "77");
    struct patient_record second = proposed(2, 0xa1, "78");
    CHECK(store_write(place.store, STORE_LIVE, add_record, &first, &err));
    CHECK(!store_write(place.store, STORE_LIVE, add_record, &second, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "link_exists") == 0);
    err_clear(&err);
    struct answer no = {first.id, PATIENT_MATCH_MISMATCH, &arena, first};
    CHECK(store_write(place.store, STORE_LIVE, apply, &no, &err));
    CHECK(store_write(place.store, STORE_LIVE, add_record, &second, &err));
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct patient_record *records = NULL;
        size_t count = 0;
        CHECK(patient_records_of_person(session, hayashi.id, &arena, &records, &count,
                                        &err));
        CHECK(count == 1 && text_is(records[0].number, "78"));
        struct id facility = {{1}};
        CHECK(patient_records_of_facility(session, facility, PATIENT_PROPOSED, &arena,
                                          &records, &count, &err));
        CHECK(count == 1);
        struct patient_person person;
        CHECK(patient_person_find(session, hayashi.id, &arena, &person, &err));
        CHECK(text_equal(person.name, hayashi.name) && person.sex == 'F' &&
              person.birth_day == 100);
        CHECK(!patient_person_find(session, facility, &arena, &person, &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
    }
    place_close(&place);
}

int main(void)
{
    RUN(a_person_has_a_name_kana_a_birth_day_and_a_sex);
    RUN(a_number_is_folded_to_what_its_owner_uses);
    RUN(what_an_owner_says_of_a_number_suspends_it_until_a_person_confirms);
    RUN(only_its_owner_confirms_a_number);
    RUN(another_persons_number_and_nobodys_look_the_same);
    RUN(a_number_is_shown_to_its_facility_and_to_who_entered_it);
    RUN(twenty_searches_in_ten_minutes_and_no_more);
    RUN(searches_of_all_processes_count_together);
    RUN(a_clock_set_back_locks_nobody_out_for_long);
    RUN(a_number_is_confirmed_for_one_person_only);
    RUN(a_late_answer_does_not_bring_an_ended_link_back);
    RUN(a_person_has_one_number_at_a_facility_and_may_try_again);
    return test_done();
}
