// SPDX-License-Identifier: Apache-2.0
#include "base/rand.h"
#include "base/test.h"
#include "exchange/registry/registry_rows.h"

enum { ARENA_BYTES = 1 << 20 };

static struct registry_row_value row(enum entry_kind kind, int32_t day,
                                     const char *version, unsigned flags)
{
    return (struct registry_row_value){.entry = {{(uint8_t)version[0]}},
                                       .kind = kind,
                                       .state = ENTRY_CURRENT,
                                       .flags = flags,
                                       .day = day,
                                       .title = text_cstr(version),
                                       .version = text_cstr(version)};
}

/* ---- marks ---- */

static void marks_grow_as_they_come(void)
{
    struct err err = {0};
    struct registry_fold fold = {.max = 1000};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    for (int32_t day = 0; day < 1000; day++) {
        struct registry_row_value one = row(ENTRY_LABORATORY, day, "a", 0);
        CHECK(registry_fold_row(&fold, 0, &one, &arena, &err));
    }
    CHECK(fold.count == 1000);
    for (int32_t day = 0; day < 1000; day++)
        CHECK(fold.marks[day].day == day && text_is(fold.marks[day].title, "a"));
    struct registry_row_value beyond = row(ENTRY_LABORATORY, 1000, "a", 0);
    CHECK(!registry_fold_row(&fold, 0, &beyond, &arena, &err));
    CHECK(err.kind == ERR_LIMIT);
}

static void rows_of_one_cell_are_one_mark_of_the_newest(void)
{
    struct err err = {0};
    struct registry_mark marks[4];
    struct registry_fold fold = {.marks = marks, .room = 4, .max = 4};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct registry_row_value rows[] = {
        row(ENTRY_LABORATORY, 5, "b", ENTRY_ABNORMAL_HIGH),
        row(ENTRY_MICROBIOLOGY, 5, "c", ENTRY_URGENT),
        row(ENTRY_PHYSIOLOGY, 5, "a", 0),
    };
    for (size_t i = 0; i < 3; i++)
        CHECK(registry_fold_row(&fold, 0, &rows[i], &arena, &err));
    struct registry_row_value older = row(ENTRY_LABORATORY, 5, "b", 0);
    struct registry_row_value newer = row(ENTRY_LABORATORY, 5, "d", 0);
    struct registry_row_value other = row(ENTRY_PRESCRIPTION, 5, "a", 0);
    CHECK(!registry_fold_shows(&fold, 0, &older) &&
          registry_fold_shows(&fold, 0, &newer));
    CHECK(registry_fold_shows(&fold, 0, &other) && registry_fold_shows(&fold, 1, &older));
    CHECK(fold.count == 1 && marks[0].count == 3);
    CHECK(marks[0].row == ENTRY_ROW_TEST && text_is(marks[0].title, "c"));
    CHECK(marks[0].entry.bytes[0] == 'c');
    CHECK(marks[0].flags == (REGISTRY_HIGH | REGISTRY_URGENT));
}

static void another_row_day_or_facility_is_another_mark(void)
{
    struct err err = {0};
    struct registry_fold fold = {.max = 8};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct registry_row_value test = row(ENTRY_LABORATORY, 6, "a", 0);
    struct registry_row_value drug = row(ENTRY_PRESCRIPTION, 6, "a", 0);
    struct registry_row_value later = row(ENTRY_PRESCRIPTION, 7, "a", 0);
    CHECK(registry_fold_row(&fold, 1, &test, &arena, &err));
    CHECK(registry_fold_row(&fold, 1, &drug, &arena, &err));
    CHECK(registry_fold_row(&fold, 1, &later, &arena, &err));
    CHECK(registry_fold_row(&fold, 0, &test, &arena, &err));
    CHECK(registry_fold_end(&fold, &arena, &err) && fold.count == 4);
    const struct registry_mark *marks = fold.marks;
    CHECK(marks[0].row == ENTRY_ROW_PRESCRIPTION && marks[0].day == 6);
    CHECK(marks[1].row == ENTRY_ROW_PRESCRIPTION && marks[1].day == 7);
    CHECK(marks[2].row == ENTRY_ROW_TEST && marks[2].grant == 0);
    CHECK(marks[3].row == ENTRY_ROW_TEST && marks[3].grant == 1);
}

/* Against an order that is found by looking at each pair. */
static void marks_of_many_facilities_stand_by_row_day_and_facility(void)
{
    static const enum entry_kind kinds[] = {ENTRY_VISIT, ENTRY_LABORATORY, ENTRY_FILE};
    struct err err = {0};
    struct rand_seeded dice = rand_seed(7);
    CLEANUP(arena_free) struct arena arena = arena_init(8 * ARENA_BYTES);
    for (size_t grants = 0; grants < 12; grants++) {
        struct registry_fold fold = {.max = 10000};
        size_t count = 0;
        for (size_t grant = 0; grant < grants; grant++)
            for (int32_t day = -20; day < 20;
                 day += (int32_t)(rand_seeded_next(&dice) % 9)) {
                enum entry_kind kind = kinds[rand_seeded_next(&dice) % 3];
                struct registry_row_value one = row(kind, day, "a", 0);
                CHECK(registry_fold_row(&fold, grant, &one, &arena, &err));
            }
        count = fold.count;
        CHECK(registry_fold_end(&fold, &arena, &err) && fold.count == count);
        for (size_t i = 1; i < count; i++) {
            const struct registry_mark *a = &fold.marks[i - 1];
            const struct registry_mark *b = &fold.marks[i];
            CHECK(a->row < b->row || (a->row == b->row && a->day < b->day) ||
                  (a->row == b->row && a->day == b->day && a->grant < b->grant));
            CHECK(text_is(b->title, "a") && b->count > 0);
        }
    }
}

static void more_marks_than_there_is_room_for_are_refused_not_lost(void)
{
    struct err err = {0};
    struct registry_mark marks[2];
    struct registry_fold fold = {.marks = marks, .room = 2, .max = 2};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    for (int32_t day = 0; day < 2; day++) {
        struct registry_row_value one = row(ENTRY_LABORATORY, day, "a", 0);
        CHECK(registry_fold_row(&fold, 0, &one, &arena, &err));
    }
    struct registry_row_value one = row(ENTRY_LABORATORY, 2, "a", 0);
    CHECK(!registry_fold_row(&fold, 0, &one, &arena, &err));
    CHECK(err.kind == ERR_LIMIT && text_is(text_cstr(err.code), "calendar_too_large"));
}

static void only_what_stands_in_the_grid_is_drawn(void)
{
    static const struct {
        enum entry_kind kind;
        int state;
        bool is_drawn;
    } cases[] = {
        {ENTRY_LABORATORY, ENTRY_CURRENT, true},
        {ENTRY_LABORATORY, ENTRY_PLANNED, true},
        {ENTRY_LABORATORY, ENTRY_INCOMPLETE, true},
        {ENTRY_LABORATORY, ENTRY_SUPERSEDED, false},
        {ENTRY_LABORATORY, ENTRY_DELETED, false},
        {ENTRY_LABORATORY, REGISTRY_STATE_WITHDRAWN, false},
        {ENTRY_ALLERGY, ENTRY_CURRENT, false},
        {ENTRY_PATIENT, ENTRY_CURRENT, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct registry_row_value one = row(cases[i].kind, 1, "a", 0);
        one.state = cases[i].state;
        CHECK(registry_is_drawn(&one) == cases[i].is_drawn);
    }
}

static void flags_are_what_the_contract_names(void)
{
    CHECK(registry_shown_flags(0, ENTRY_CURRENT, false) == 0);
    CHECK(registry_shown_flags(0, ENTRY_CURRENT, true) == 1);
    CHECK(registry_shown_flags(ENTRY_ABNORMAL_HIGH, ENTRY_CURRENT, false) == 2);
    CHECK(registry_shown_flags(ENTRY_ABNORMAL_LOW, ENTRY_CURRENT, false) == 4);
    CHECK(registry_shown_flags(ENTRY_ABNORMAL, ENTRY_CURRENT, false) == 8);
    CHECK(registry_shown_flags(ENTRY_URGENT, ENTRY_CURRENT, false) == 16);
    CHECK(registry_shown_flags(0, ENTRY_DELETED, false) == 32);
    CHECK(registry_shown_flags(ENTRY_HAS_IMAGE, ENTRY_CURRENT, false) == 64);
    CHECK(registry_shown_flags(ENTRY_HAS_WAVEFORM, ENTRY_CURRENT, false) == 128);
    CHECK(registry_shown_flags(ENTRY_IS_ORDER, ENTRY_CURRENT, false) == 256);
    CHECK(registry_shown_flags(0, ENTRY_PLANNED, false) == 512);
    CHECK(registry_shown_flags(0, ENTRY_INCOMPLETE, true) == 1025);
    CHECK(registry_shown_flags(ENTRY_SENSITIVE, ENTRY_CURRENT, false) == 0);
}

/* ---- stays ---- */

static struct registry_stay_event admission(int32_t day)
{
    return (struct registry_stay_event){
        .entry = {{(uint8_t)day}}, .day = day, .is_admission = true};
}

static struct registry_stay_event discharge(int32_t day)
{
    return (struct registry_stay_event){
        .entry = {{(uint8_t)day}}, .day = day, .is_discharge = true};
}

static struct registry_stay_event planned(struct registry_stay_event event)
{
    event.is_planned = true;
    return event;
}

static void a_stay_lasts_from_admission_to_the_first_discharge(void)
{
    struct registry_span spans[4];
    struct registry_stay_event events[] = {admission(3), discharge(8), admission(20)};
    CHECK(registry_build_stays(events, 3, 1, spans, 4) == 2);
    CHECK(spans[0].from == 3 && spans[0].to == 8 && !spans[0].is_open);
    CHECK(spans[1].from == 20 && spans[1].to == DAY_NONE && spans[1].is_open);
    CHECK(spans[0].grant == 1 && spans[0].row == ENTRY_ROW_PERIOD);
}

static void a_discharge_alone_is_a_day(void)
{
    struct registry_span spans[2];
    struct registry_stay_event events[] = {discharge(8)};
    CHECK(registry_build_stays(events, 1, 0, spans, 2) == 1);
    CHECK(spans[0].from == 8 && spans[0].to == 8 && !spans[0].is_open);
}

static void a_plan_disappears_when_the_admission_came_within_a_day(void)
{
    struct registry_span spans[4];
    struct registry_stay_event kept[] = {planned(admission(3)), admission(5)};
    CHECK(registry_build_stays(kept, 2, 0, spans, 4) == 2);
    CHECK(spans[0].flags == REGISTRY_PLANNED);
    struct registry_stay_event replaced[] = {planned(admission(4)), admission(5)};
    CHECK(registry_build_stays(replaced, 2, 0, spans, 4) == 1);
    CHECK(spans[0].from == 5 && spans[0].flags == 0);
    struct registry_stay_event only_planned_end[] = {planned(discharge(9))};
    CHECK(registry_build_stays(only_planned_end, 1, 0, spans, 4) == 0);
}

static void stays_never_exceed_the_room(void)
{
    struct registry_span spans[1];
    struct registry_stay_event events[] = {admission(1), discharge(2), admission(3),
                                           discharge(4)};
    CHECK(registry_build_stays(events, 4, 0, spans, 1) == 1);
    CHECK(registry_build_stays(events, 0, 0, spans, 1) == 0);
}

int main(void)
{
    RUN(marks_grow_as_they_come);
    RUN(rows_of_one_cell_are_one_mark_of_the_newest);
    RUN(another_row_day_or_facility_is_another_mark);
    RUN(marks_of_many_facilities_stand_by_row_day_and_facility);
    RUN(more_marks_than_there_is_room_for_are_refused_not_lost);
    RUN(only_what_stands_in_the_grid_is_drawn);
    RUN(flags_are_what_the_contract_names);
    RUN(a_stay_lasts_from_admission_to_the_first_discharge);
    RUN(a_discharge_alone_is_a_day);
    RUN(a_plan_disappears_when_the_admission_came_within_a_day);
    RUN(stays_never_exceed_the_room);
    return test_done();
}
