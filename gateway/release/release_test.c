// SPDX-License-Identifier: Apache-2.0
#include "gateway/release/release_testsite.h"

/* ---- the rule ---- */

struct facts {
    struct arena arena;
    struct uplink_policy policy;
    struct index_place place;
    struct release_facts facts;
};

/* Everything speaks for it. */
static void set_facts(struct facts *facts)
{
    struct err err = {0};
    *facts = (struct facts){.arena = arena_init(1 << 20)};
    CHECK(
        uplink_read_policy(span_cstr(rule_policy), &facts->arena, &facts->policy, &err));
    facts->place = (struct index_place){.kind = ENTRY_LABORATORY,
                                        .day = day_from_date(2024, 5, 1),
                                        .department_code = TEXT("01"),
                                        .kinds_in_file = KIND(ENTRY_LABORATORY)};
    facts->facts = (struct release_facts){
        .now_ms = 1714600000000,
        .is_linked = true,
        .names_entry = true,
        .granted_kinds = KIND(ENTRY_LABORATORY),
        .policy = &facts->policy,
        .audience = {TEXT("doctor"), TEXT("clinic"), TEXT("9"), false},
        .place = &facts->place,
        .received_at_ms = 1714600000000};
}

static bool is_answer(struct facts *facts, const char *reason)
{
    const char *answer = release_rule(&facts->facts);
    bool is_same = reason ? answer && strcmp(answer, reason) == 0 : !answer;
    if (!is_same)
        printf("# answer was %s\n", answer ? answer : "release");
    arena_free(&facts->arena);
    return is_same;
}

static void all_conditions_together_release(void)
{
    struct facts facts;
    set_facts(&facts);
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.facts.wants_original = true;
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.place.day = DAY_NONE;
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.policy.from_day = DAY_NONE;
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.place.day = facts.policy.from_day;
    CHECK(is_answer(&facts, NULL));
}

static void each_condition_alone_refuses(void)
{
    struct facts facts;
    set_facts(&facts);
    facts.facts.is_linked = false;
    CHECK(is_answer(&facts, "link_missing"));
    set_facts(&facts);
    facts.facts.is_linked = false;
    facts.facts.was_linked = true;
    CHECK(is_answer(&facts, "link_ended"));
    set_facts(&facts);
    facts.facts.has_ended = true;
    CHECK(is_answer(&facts, "number_ended"));
    set_facts(&facts);
    facts.facts.names_entry = false;
    CHECK(is_answer(&facts, "grant_entry"));
    set_facts(&facts);
    facts.facts.granted_kinds = KIND(ENTRY_PRESCRIPTION);
    CHECK(is_answer(&facts, "kind_not_granted"));
    set_facts(&facts);
    facts.place.kind = ENTRY_MEAL;
    facts.facts.granted_kinds = KIND(ENTRY_MEAL);
    CHECK(is_answer(&facts, "kind_not_released"));
    set_facts(&facts);
    facts.facts.audience.profession = TEXT("pharmacist");
    CHECK(is_answer(&facts, "audience"));
    set_facts(&facts);
    facts.place.department_code = TEXT("40");
    CHECK(is_answer(&facts, "department"));
    set_facts(&facts);
    facts.place.day = facts.policy.from_day - 1;
    CHECK(is_answer(&facts, "before_start"));
    for (int wants_original = 0; wants_original < 2; wants_original++) {
        set_facts(&facts);
        facts.place.is_incomplete = true;
        facts.facts.wants_original = wants_original != 0;
        CHECK(is_answer(&facts, "incomplete"));
    }
}

static void what_is_marked_sensitive_stays_unless_a_rule_includes_it(void)
{
    struct facts facts;
    set_facts(&facts);
    facts.place.is_sensitive = true;
    CHECK(is_answer(&facts, "sensitive"));
    set_facts(&facts);
    facts.place.is_sensitive = true;
    facts.policy.rules[1].includes_sensitive = true; /* for nurses */
    CHECK(is_answer(&facts, "sensitive"));
    set_facts(&facts);
    facts.place.is_sensitive = true;
    facts.policy.rules[0].includes_sensitive = true;
    CHECK(is_answer(&facts, NULL));
    /* one that is not, in a file with one that is */
    set_facts(&facts);
    facts.place.sensitive_in_file = KIND(ENTRY_LABORATORY);
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.place.sensitive_in_file = KIND(ENTRY_LABORATORY);
    facts.facts.wants_original = true;
    CHECK(is_answer(&facts, "sensitive"));
}

static void a_delay_is_the_audiences_own(void)
{
    struct facts facts;
    set_facts(&facts);
    facts.facts.audience.profession = TEXT("nurse");
    CHECK(is_answer(&facts, "delayed"));
    set_facts(&facts);
    facts.facts.audience.profession = TEXT("nurse");
    facts.facts.received_at_ms -= 24LL * 3600 * 1000 - 1;
    CHECK(is_answer(&facts, "delayed"));
    set_facts(&facts);
    facts.facts.audience.profession = TEXT("nurse");
    facts.facts.received_at_ms -= 24LL * 3600 * 1000;
    CHECK(is_answer(&facts, NULL));
}

static void an_original_needs_every_kind_in_its_file(void)
{
    struct facts facts;
    set_facts(&facts);
    facts.facts.wants_original = true;
    facts.place.kinds_in_file |= KIND(ENTRY_PRESCRIPTION);
    CHECK(is_answer(&facts, "kind_not_granted"));
    set_facts(&facts);
    facts.facts.wants_original = true;
    facts.place.kinds_in_file |= KIND(ENTRY_PRESCRIPTION);
    facts.facts.granted_kinds |= KIND(ENTRY_PRESCRIPTION);
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.facts.wants_original = true;
    facts.place.kinds_in_file |= KIND(ENTRY_MEAL);
    facts.facts.granted_kinds |= KIND(ENTRY_MEAL);
    CHECK(is_answer(&facts, "original_mixed"));
    set_facts(&facts);
    facts.place.kinds_in_file |=
        KIND(ENTRY_MEAL); /* only the entry itself is asked for */
    CHECK(is_answer(&facts, NULL));
    set_facts(&facts);
    facts.facts.wants_original = true;
    facts.place.has_unpublished = true;
    CHECK(is_answer(&facts, "original_mixed"));
    set_facts(&facts);
    facts.facts.wants_original = true;
    facts.place.kind = ENTRY_MEAL;
    facts.place.kinds_in_file = KIND(ENTRY_MEAL);
    facts.facts.granted_kinds = KIND(ENTRY_MEAL);
    CHECK(is_answer(&facts, "kind_not_released"));
}

/* ---- the gate ---- */

static void a_good_grant_opens_the_entry_and_is_written_down_first(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    const struct release_permit *permit = ask_for(&scene, BASE, false, &err);
    CHECK(permit);
    CHECK(permit && text_is(release_place(permit)->path, BASE));
    CHECK(permit && text_is(release_grant(permit)->staff_name, "髙野 太郎"));
    CHECK(count_rows(&scene, "\"permit\"") == 1 && count_rows(&scene, "髙野") == 1);
    CHECK(permit && release_finish(scene.release, permit, "done", 512, &err));
    CHECK(count_rows(&scene, "\"finish\"") == 1 &&
          count_rows(&scene, "\"bytes\":512") == 1);
    CHECK(ask_for(&scene, BASE, true, &err));
    CHECK(count_rows(&scene, "\"original\"") == 1);
    end(&scene);
}

/* Decision and finish say which part left the house; a refusal which one was asked for.
 */
static void the_rows_say_which_part_of_an_original(void)
{
    struct scene scene;
    struct err err = {0};
    static const char needle[] = "{\\\"part\\\":7}"; /* JSON in JSON */
    begin(&scene);
    const struct release_permit *permit = ask_part(&scene, BASE, true, 7, &err);
    CHECK(permit && release_finish(scene.release, permit, "done", 512, &err));
    CHECK(count_rows(&scene, needle) == 2);
    CHECK(ask_for(&scene, BASE, true, &err) && count_rows(&scene, needle) == 2);
    scene.grant.profession = TEXT("pharmacist");
    CHECK(!ask_part(&scene, BASE, true, 7, &err) && count_rows(&scene, needle) == 3);
    end(&scene);
}

static void a_number_without_its_leading_zeros_is_the_same(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    scene.grant.local_number = TEXT("12345");
    CHECK(ask_for(&scene, BASE, false, &err));
    scene.grant.local_number = TEXT("000");
    CHECK(is_refused(&scene, "link_ended"));
    scene.grant.local_number = TEXT("");
    CHECK(is_refused(&scene, "link_ended"));
    end(&scene);
}

static void every_refusal_is_written_down(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    scene.grant.profession = TEXT("pharmacist");
    CHECK(is_refused(&scene, "audience"));
    CHECK(count_rows(&scene, "\"deny\"") == 1 && count_rows(&scene, "audience") == 1);
    scene.grant.profession = TEXT("doctor");
    scene.grant.record = (struct id){{1}};
    CHECK(is_refused(&scene, "link_missing"));
    scene.grant.record = record;
    scene.grant.entry_key = TEXT("20240501/OML-11/000000000000009");
    CHECK(is_refused(&scene, "grant_entry"));
    CHECK(!ask_for(&scene, "20240501/OML-11/000000000000009", false, &err));
    CHECK(err.kind == ERR_MISSING);
    scene.grant.entry_key = TEXT(BASE);
    err_clear(&err);
    CHECK(index_remove_base(scene.index, TEXT(NUMBER), TEXT("-/ADT-00/999999999999999"),
                            &err));
    CHECK(is_refused(&scene, "number_ended"));
    CHECK(index_end_link(scene.index, record, &err));
    CHECK(is_refused(&scene, "link_ended"));
    CHECK(count_rows(&scene, "\"deny\"") == 6 && count_rows(&scene, "\"permit\"") == 0);
    end(&scene);
}

static void a_grant_of_another_key_facility_or_tunnel_is_refused(void)
{
    struct scene scene;
    struct secret_public_key other;
    begin(&scene);
    struct secret_signing_key centre = scene.signing;
    secret_new_keys(&scene.signing, &other);
    CHECK(is_refused(&scene, "grant_signature"));
    scene.signing = centre;
    scene.grant.facility_code = TEXT("2010000002");
    CHECK(is_refused(&scene, "grant_facility"));
    scene.grant.facility_code = TEXT("2010000001");
    scene.grant.tunnel = (struct id){{6}};
    CHECK(is_refused(&scene, "grant_tunnel"));
    CHECK(count_rows(&scene, "\"deny\"") == 3);
    end(&scene);
}

static void something_that_is_no_grant_is_refused_and_written_down(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    struct release_request request = {.grant = SPAN("00.00"), .entry_key = TEXT(BASE)};
    CHECK(!release_decide(scene.release, &request, &scene.arena, &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "grant_malformed") == 0);
    CHECK(count_rows(&scene, "grant_malformed") == 1);
    end(&scene);
}

static void a_grant_opens_once(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    CHECK(ask_for(&scene, BASE, false, &err));
    scene.grant.counter--;
    CHECK(is_refused(&scene, "grant_counter"));
    end(&scene);
}

static void a_grant_ages_by_the_gateways_own_clock(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    scene.wall_ms += 24LL * 3600 * 1000; /* a jump of the wall clock changes nothing */
    scene.monotonic_ms += GRANT_AGE_MAX_MS;
    CHECK(ask_for(&scene, BASE, false, &err));
    scene.monotonic_ms += 102;
    CHECK(is_refused(&scene, "grant_age"));
    end(&scene);
}

static void a_centre_whose_clock_is_an_hour_off_gets_nothing_until_it_is_right(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    scene.grant.clock_ms = scene.wall_ms - 24LL * 3600 * 1000;
    CHECK(is_refused(&scene, "clock_apart"));
    CHECK(count_rows(&scene, "clock_apart") == 1 && count_rows(&scene, "\"deny\"") == 1);
    scene.grant.clock_ms = scene.wall_ms + 2LL * 3600 * 1000;
    CHECK(is_refused(&scene, "clock_apart"));
    scene.grant.clock_ms = scene.wall_ms + 59LL * 60 * 1000;
    CHECK(ask_for(&scene, BASE, false, &err));
    end(&scene);
}

static void a_second_hello_starts_the_tunnel_anew(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    CHECK(ask_for(&scene, BASE, false, &err));
    scene.monotonic_ms += 2 * GRANT_AGE_MAX_MS;
    CHECK(is_refused(&scene, "grant_age"));
    release_note_tunnel(scene.release, tunnel);
    CHECK(ask_for(&scene, BASE, false, &err));
    release_free(NULL);
    end(&scene);
}

static void before_a_hello_nothing_is_released(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    release_free(scene.release);
    struct release_config config = {.index = scene.index,
                                    .audit = scene.audit,
                                    .facility_code = TEXT("2010000001"),
                                    .centre = scene.public,
                                    .clock = {wall_ms, monotonic_ms, &scene}};
    scene.release = release_new(&config, &err);
    CHECK(is_refused(&scene, "grant_tunnel"));
    end(&scene);
}

static void a_lost_line_takes_its_grants_with_it(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    release_note_tunnel(scene.release, (struct id){{0x81}});
    release_drop_tunnel(scene.release, (struct id){{0x81}}); /* another centre's */
    CHECK(ask_for(&scene, BASE, false, &err));
    release_drop_tunnel(scene.release, tunnel);
    CHECK(is_refused(&scene, "grant_tunnel"));
    release_note_tunnel(scene.release, tunnel);
    CHECK(ask_for(&scene, BASE, false, &err));
    end(&scene);
}

static void tunnels_live_side_by_side_and_the_oldest_goes(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    for (uint8_t i = 1; i < 16; i++) {
        scene.monotonic_ms += 10;
        release_note_tunnel(scene.release, (struct id){{0x80, i}});
    }
    CHECK(ask_for(&scene, BASE, false, &err)); /* the last place was free */
    scene.grant.tunnel = (struct id){{0x80, 7}};
    CHECK(ask_for(&scene, BASE, false, &err));
    scene.monotonic_ms += 10;
    release_note_tunnel(scene.release, (struct id){{0x80, 16}});
    scene.grant.tunnel = tunnel;
    CHECK(is_refused(&scene, "grant_tunnel"));
    end(&scene);
}

static void without_audit_there_is_no_permit(void)
{
    struct scene scene;
    char node[128];
    begin(&scene);
    snprintf(node, sizeof node, "%s/2010000001", scene.audit_folder);
    CHECK(test_remove(node));
    scene.wall_ms += 40LL * 24 * 3600 * 1000; /* a new month needs a new file there */
    CHECK(is_refused(&scene, "audit_unwritable"));
    scene.grant.profession = TEXT("pharmacist");
    CHECK(is_refused(&scene, "audit_unwritable"));
    scene.grant.facility_code = TEXT("2010000002");
    CHECK(is_refused(&scene, "audit_unwritable"));
    end(&scene);
}

static void without_memory_there_is_no_permit(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    bool was_refused = false;
    bool is_permitted = false;
    for (size_t cap = 16; cap < 65536 && !is_permitted; cap += 256) {
        CLEANUP(arena_free) struct arena arena = arena_init(cap);
        buf_reset(&wire);
        err_clear(&err);
        scene.grant.counter++;
        CHECK(grant_sign(&scene.grant, &scene.signing, &wire, &err));
        struct release_request request = {.grant = buf_view(&wire),
                                          .entry_key = TEXT(BASE)};
        is_permitted = release_decide(scene.release, &request, &arena, &err) != NULL;
        was_refused |= !is_permitted;
        CHECK(is_permitted || err.kind == ERR_LIMIT);
    }
    CHECK(was_refused && is_permitted);
    end(&scene);
}

/* ---- parts under one opening ---- */

static const struct release_permit *ask_next(struct scene *scene, struct err *err)
{
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    scene->grant.counter++;
    err_clear(err);
    CHECK(grant_sign(&scene->grant, &scene->signing, &wire, err));
    struct release_request request = {.grant = buf_view(&wire), .entry_key = TEXT(BASE)};
    return release_decide_part(scene->release, &request, &scene->arena, err);
}

/* Three parts, 100 bytes each. */
static void take_parts(struct scene *scene)
{
    struct err err = {0};
    for (int i = 0; i < 3; i++) {
        const struct release_permit *permit = ask_next(scene, &err);
        CHECK(permit);
        if (permit)
            release_count_part(scene->release, permit, 100);
    }
}

static void parts_under_an_opening_have_one_decision_and_one_finish_row(void)
{
    struct scene scene;
    begin(&scene);
    take_parts(&scene);
    CHECK(count_rows(&scene, "\"permit\"") == 1 && count_rows(&scene, "\"study\"") == 1);
    CHECK(count_rows(&scene, "\"finish\"") == 0);
    release_end_opening(scene.release, (struct id){{3}}); /* somebody else's */
    CHECK(count_rows(&scene, "\"finish\"") == 0);
    release_end_opening(scene.release, scene.grant.opening);
    CHECK(count_rows(&scene, "\"finish\"") == 1 &&
          count_rows(&scene, "\"bytes\":300") == 1 &&
          count_rows(&scene, "\"done\"") == 2);
    take_parts(&scene); /* the same handle once more has rows of its own */
    CHECK(count_rows(&scene, "\"permit\"") == 2);
    scene.grant.opening = (struct id){{4}};
    take_parts(&scene);
    CHECK(count_rows(&scene, "\"permit\"") == 3);
    end(&scene);
}

/* A centre that says one opening of several patients, or of several viewers: nobody's
 * data go out under another's row. */
static void an_opening_of_somebody_else_has_a_row_of_its_own(void)
{
    struct scene scene;
    struct id other = {{8}};
    begin(&scene);
    link_record(&scene, other);
    take_parts(&scene);
    CHECK(count_rows(&scene, "\"permit\"") == 1);
    scene.grant.record = other;
    take_parts(&scene);
    CHECK(count_rows(&scene, "\"permit\"") == 2);
    scene.grant.staff_id = TEXT("99");
    take_parts(&scene);
    CHECK(count_rows(&scene, "\"permit\"") == 3);
    scene.grant.viewer_code = TEXT("2000000099");
    take_parts(&scene);
    CHECK(count_rows(&scene, "\"permit\"") == 4);
    release_end_opening(scene.release, scene.grant.opening);
    CHECK(count_rows(&scene, "\"finish\"") == 4 &&
          count_rows(&scene, "\"bytes\":300") == 4);
    end(&scene);
}

/* What was permitted and is not there. */
static void what_gave_no_part_is_not_said_to_be_done(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    const struct release_permit *permit = ask_next(&scene, &err);
    CHECK(permit);
    if (permit)
        release_end_empty(scene.release, permit);
    CHECK(count_rows(&scene, "\"failed\"") == 1 && count_rows(&scene, "\"finish\"") == 1);
    CHECK(ask_next(&scene, &err));
    release_end_opening(scene.release, scene.grant.opening);
    CHECK(count_rows(&scene, "\"failed\"") == 2 && count_rows(&scene, "\"finish\"") == 2);
    take_parts(&scene); /* what went out stays in its row */
    permit = ask_next(&scene, &err);
    CHECK(permit);
    if (permit)
        release_end_empty(scene.release, permit);
    CHECK(count_rows(&scene, "\"finish\"") == 2);
    end(&scene);
}

static void a_part_that_is_refused_is_written_down_and_ends_the_opening(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    take_parts(&scene);
    CHECK(index_end_link(scene.index, record, &err));
    CHECK(!ask_next(&scene, &err) && strcmp(err.code, "link_ended") == 0);
    CHECK(count_rows(&scene, "\"deny\"") == 1);
    CHECK(count_rows(&scene, "\"finish\"") == 1 && count_rows(&scene, "\"cut\"") == 1);
    end(&scene);
}

/* ---- pictures that open with their order's entry ---- */

static void put_with_study(struct scene *scene, struct text path, struct text base,
                           struct entry_list *list)
{
    struct err err = {0};
    list->first->day = day_from_date(2024, 5, 1);
    struct index_change change = {.file = {.path = path,
                                           .number = TEXT(NUMBER),
                                           .base = base,
                                           .version = TEXT("202405011234567891")},
                                  .list = list,
                                  .day = list->first->day};
    CHECK(index_put_file(scene->index, &change, &err));
}

/* BASE becomes an order of a study, which stands in the index by itself. */
static void put_study(struct scene *scene, enum entry_kind kind, const char *department)
{
    struct err err = {0};
    struct entry_list order = {.format = "ssmix2"}, study = {.format = "dicom"};
    struct entry *asked = entry_add(&order, ENTRY_LABORATORY, &scene->arena, &err);
    struct entry *pictures = entry_add(&study, kind, &scene->arena, &err);
    struct entry_item *item = entry_add_item(asked, "study", 1, &scene->arena, &err);
    pictures->department_code = text_cstr(department);
    entry_add_field(item, "study_uid", TEXT("1.2.3"));
    put_with_study(scene, TEXT(BASE), TEXT(BASE), &order);
    put_with_study(scene, TEXT("dicom/1.2.3/" NUMBER), TEXT("-/DICOM/1.2.3"), &study);
}

static bool opens_pictures(struct scene *scene, const char *code)
{
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    struct err err = {0};
    scene->grant.counter++;
    CHECK(grant_sign(&scene->grant, &scene->signing, &wire, &err));
    struct release_request request = {
        .grant = buf_view(&wire), .entry_key = TEXT(BASE), .wants_pictures = true};
    const struct release_permit *permit =
        release_decide_part(scene->release, &request, &scene->arena, &err);
    if (code)
        return !permit && strcmp(err.code, code) == 0;
    return permit && text_is(release_place(permit)->path, "dicom/1.2.3/" NUMBER);
}

static void an_orders_pictures_are_released_only_if_they_may_be_themselves(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    put_study(&scene, ENTRY_LABORATORY, "01");
    CHECK(opens_pictures(&scene, NULL));
    CHECK(count_rows(&scene, "-/DICOM/1.2.3") == 1); /* which pictures they were */
    CHECK(ask_for(&scene, BASE, false, &err));       /* its words are the order's own */
    put_study(&scene, ENTRY_LABORATORY, "40");
    CHECK(opens_pictures(&scene, "department"));
    put_study(&scene, ENTRY_PRESCRIPTION, "01");
    CHECK(opens_pictures(&scene, "kind_not_granted"));
    end(&scene);
}

static void an_opening_ends_when_idle_or_with_its_tunnel(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    take_parts(&scene);
    scene.monotonic_ms += 9 * 60 * 1000;
    release_sweep(scene.release);
    CHECK(count_rows(&scene, "\"finish\"") == 0);
    scene.monotonic_ms += 60 * 1000;
    release_sweep(scene.release);
    CHECK(count_rows(&scene, "\"finish\"") == 1 && count_rows(&scene, "\"done\"") == 2);
    release_note_tunnel(scene.release, tunnel);
    take_parts(&scene);
    release_drop_tunnel(scene.release, tunnel);
    CHECK(!ask_next(&scene, &err) && strcmp(err.code, "grant_tunnel") == 0);
    release_sweep(scene.release);
    CHECK(count_rows(&scene, "\"finish\"") == 2 && count_rows(&scene, "\"cut\"") == 1);
    end(&scene);
}

static void without_audit_there_is_no_part(void)
{
    struct scene scene;
    struct err err = {0};
    char node[128];
    begin(&scene);
    snprintf(node, sizeof node, "%s/2010000001", scene.audit_folder);
    CHECK(test_remove(node));
    scene.wall_ms += 40LL * 24 * 3600 * 1000;
    CHECK(!ask_next(&scene, &err) && strcmp(err.code, "audit_unwritable") == 0);
    CHECK(!ask_next(&scene, &err) && strcmp(err.code, "audit_unwritable") == 0);
    end(&scene);
}

static void links_are_written_down(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    CHECK(release_note_link(scene.release, record, TEXT(NUMBER), "failed", "mismatch",
                            &err));
    CHECK(count_rows(&scene, "mismatch") == 1);
    end(&scene);
}

int main(void)
{
    struct err err = {0};
    if (!secret_start(&err))
        return 1;
    RUN(all_conditions_together_release);
    RUN(each_condition_alone_refuses);
    RUN(what_is_marked_sensitive_stays_unless_a_rule_includes_it);
    RUN(a_delay_is_the_audiences_own);
    RUN(an_original_needs_every_kind_in_its_file);
    RUN(a_good_grant_opens_the_entry_and_is_written_down_first);
    RUN(the_rows_say_which_part_of_an_original);
    RUN(a_number_without_its_leading_zeros_is_the_same);
    RUN(every_refusal_is_written_down);
    RUN(a_grant_of_another_key_facility_or_tunnel_is_refused);
    RUN(something_that_is_no_grant_is_refused_and_written_down);
    RUN(a_grant_opens_once);
    RUN(a_grant_ages_by_the_gateways_own_clock);
    RUN(a_centre_whose_clock_is_an_hour_off_gets_nothing_until_it_is_right);
    RUN(a_second_hello_starts_the_tunnel_anew);
    RUN(before_a_hello_nothing_is_released);
    RUN(a_lost_line_takes_its_grants_with_it);
    RUN(tunnels_live_side_by_side_and_the_oldest_goes);
    RUN(without_audit_there_is_no_permit);
    RUN(without_memory_there_is_no_permit);
    RUN(parts_under_an_opening_have_one_decision_and_one_finish_row);
    RUN(an_opening_of_somebody_else_has_a_row_of_its_own);
    RUN(what_gave_no_part_is_not_said_to_be_done);
    RUN(a_part_that_is_refused_is_written_down_and_ends_the_opening);
    RUN(an_orders_pictures_are_released_only_if_they_may_be_themselves);
    RUN(an_opening_ends_when_idle_or_with_its_tunnel);
    RUN(without_audit_there_is_no_part);
    RUN(links_are_written_down);
    return test_done();
}
