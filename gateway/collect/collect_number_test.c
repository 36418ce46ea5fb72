// SPDX-License-Identifier: Apache-2.0
/* Numbers that a hospital joins, changes and takes apart again, as its storage says it.
 */
#include "gateway/collect/collect_testsite.h"

#define OTHER "0000054321"
#define THIRD "0000077777"
#define ADT_FOLDER(first, second, number) first "/" second "/" number "/-/ADT-00"
#define OWN_ADT ADT_FOLDER("000", "001", NUMBER)
#define OTHER_ADT ADT_FOLDER("000", "005", OTHER)
#define THIRD_ADT ADT_FOLDER("000", "007", THIRD)
#define FILE_AT(number, occurred, flag)                                                  \
    number "_-_ADT-00_999999999999999_" occurred "_-_" flag
#define EARLY "20240501120000000"
#define LATER "20240601120000000"
#define LAST "20240701120000000"
#define HANAKO(number) PID(number, "飯田^花子", "イイダ^ハナコ", "19500102")
#define JOIN(trigger, number, old)                                                       \
    MSH("ADT^" trigger "^ADT_A39", "")                                                   \
    "EVN||202406011200|||||SEND\r" HANAKO(number) "MRG|" old "^^^^PI\r"

static void put_adt(struct scene *scene, const char *folder, const char *file,
                    const char *number)
{
    char message[2048];
    snprintf(message, sizeof message,
             MSH("ADT^A08^ADT_A01", "") "EVN||202405011200|||||SEND\r"
                                        "PID|0001||%s^^^^PI||飯田^花子^^^^^L^I~イイダ^"
                                        "ハナコ^^^^^L^P||19500102|F\r" PV1,
             number);
    put_file(scene, folder, file, message);
}

/* Both patients known, the first one linked, nothing waiting. */
static void begin_linked(struct scene *scene)
{
    begin(scene);
    put_patient(scene);
    put_adt(scene, OTHER_ADT, FILE_AT(OTHER, EARLY, "1"), OTHER);
    sweep(scene, false);
    link_patient(scene);
}

/* The waiting live events as "type number>new ". */
static bool says(struct scene *scene, const char *expected)
{
    struct err err = {0};
    struct uplink_event *events = NULL;
    size_t count = 0;
    char said[512] = "";
    static const char *const words[] = {[UPLINK_NUMBER_ENDED] = "ended",
                                        [UPLINK_NUMBER_REPLACED] = "replaced",
                                        [UPLINK_NUMBER_RESTORED] = "restored",
                                        [UPLINK_NUMBER_GIVEN_AGAIN] = "given_again"};
    CHECK(index_take_events(scene->index, 0, 50, &scene->arena, &events, &count, &err));
    for (size_t i = 0; i < count; i++) {
        const struct uplink_event *event = &events[i];
        bool is_number = event->type == UPLINK_NUMBER_ENDED ||
                         event->type == UPLINK_NUMBER_REPLACED ||
                         event->type == UPLINK_NUMBER_RESTORED ||
                         event->type == UPLINK_NUMBER_GIVEN_AGAIN;
        if (!is_number)
            continue;
        CHECK(id_equal(event->record, record));
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s %.*s>%.*s ",
                 words[event->type], (int)event->number.len, event->number.at,
                 (int)event->new_number.len, event->new_number.at);
    }
    if (strcmp(said, expected) != 0)
        printf("# said: %s\n", said);
    return strcmp(said, expected) == 0;
}

static void forget_said(struct scene *scene)
{
    struct err err = {0};
    struct uplink_event *events = NULL;
    size_t count = 0;
    CHECK(index_take_events(scene->index, 0, 50, &scene->arena, &events, &count, &err));
    int64_t sequences[50];
    struct text codes[50];
    struct uplink_answers answers = {sequences, codes, count};
    for (size_t i = 0; i < count; i++) {
        sequences[i] = events[i].sequence;
        codes[i] = TEXT("");
    }
    CHECK(index_answer_events(scene->index, &answers, &err));
}

static enum uplink_match match_of(struct scene *scene, const char *number)
{
    struct err err = {0};
    struct index_limits limits = {99, 99, false};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    struct uplink_link link = {{{7}},
                               text_cstr(number),
                               TEXT("飯田 花子"),
                               TEXT("イイダ ハナコ"),
                               day_from_date(1950, 1, 2),
                               'F'};
    CHECK(index_match_link(scene->index, &link, &limits, &result, &err));
    return result;
}

static void a_merge_in_the_surviving_folder_names_the_new_number(void)
{
    struct scene scene;
    begin_linked(&scene);
    CHECK(says(&scene, ""));
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    CHECK(says(&scene, "replaced " NUMBER ">" OTHER " "));
    CHECK(is_trouble(&scene, ""));
    /* nobody is linked under a number that has ended */
    CHECK(match_of(&scene, NUMBER) == UPLINK_UNKNOWN_NUMBER);
    CHECK(match_of(&scene, OTHER) == UPLINK_CONFIRMED);
    end(&scene);
}

static void a_changed_number_in_its_old_folder_is_not_held(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OWN_ADT, FILE_AT(NUMBER, LATER, "1"), JOIN("A47", OTHER, NUMBER));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, ""));
    CHECK(says(&scene, "replaced " NUMBER ">" OTHER " "));
    end(&scene);
}

static void leading_zeros_of_the_old_number_do_not_matter(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, "12345"));
    sweep(&scene, false);
    CHECK(says(&scene, "replaced " NUMBER ">" OTHER " "));
    end(&scene);
}

static void a_moved_account_ends_no_number(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A41", OTHER, NUMBER));
    sweep(&scene, false);
    CHECK(says(&scene, ""));
    CHECK(match_of(&scene, NUMBER) == UPLINK_CONFIRMED);
    end(&scene);
}

static void a_folder_speaks_of_its_own_number_only(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"),
             JOIN("A40", OTHER, THIRD) HANAKO(THIRD) "MRG|" NUMBER "^^^^PI\r");
    sweep(&scene, false);
    CHECK(says(&scene, ""));
    end(&scene);
}

static void the_next_update_does_not_take_the_merge_back(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    forget_said(&scene);
    move_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), FILE_AT(OTHER, LATER, "2"));
    put_adt(&scene, OTHER_ADT, FILE_AT(OTHER, LAST, "1"), OTHER);
    sweep(&scene, false);
    CHECK(says(&scene, ""));
    CHECK(match_of(&scene, NUMBER) == UPLINK_UNKNOWN_NUMBER);
    end(&scene);
}

/* Files are moved: the old number's ADT-00 goes, before or behind the message. */
static void files_that_move_away_say_nothing_new(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    forget_said(&scene);
    move_file(&scene, OWN_ADT, ADT_FILE, FILE_AT(NUMBER, OCCURRED, "0"));
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(says(&scene, ""));
    end(&scene);
}

static void a_number_that_ended_hears_of_its_successor_later(void)
{
    struct scene scene;
    begin_linked(&scene);
    move_file(&scene, OWN_ADT, ADT_FILE, FILE_AT(NUMBER, OCCURRED, "0"));
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(says(&scene, "ended " NUMBER "> "));
    forget_said(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    CHECK(says(&scene, "replaced " NUMBER ">" OTHER " "));
    end(&scene);
}

/* Whichever message is read first, the last number of the chain is told. */
static void chains_are_followed_in_any_order(void)
{
    for (int turn = 0; turn < 2; turn++) {
        struct scene scene;
        begin_linked(&scene);
        for (int i = 0; i < 2; i++) {
            if (i == turn)
                put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"),
                         JOIN("A40", OTHER, NUMBER));
            else
                put_file(&scene, THIRD_ADT, FILE_AT(THIRD, LATER, "1"),
                         JOIN("A40", THIRD, OTHER));
            sweep(&scene, false);
            if (i == 0 && turn == 0)
                CHECK(says(&scene, "replaced " NUMBER ">" OTHER " "));
            if (i == 0)
                forget_said(&scene);
        }
        CHECK(says(&scene, "replaced " NUMBER ">" THIRD " "));
        end(&scene);
    }
}

static void numbers_that_end_in_each_other_have_ended(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    forget_said(&scene);
    move_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), FILE_AT(OTHER, LATER, "2"));
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LAST, "1"), JOIN("A40", NUMBER, OTHER));
    sweep(&scene, false);
    CHECK(says(&scene, "ended " NUMBER "> "));
    end(&scene);
}

static void a_merge_is_undone_by_a_later_record_of_the_old_number(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    forget_said(&scene);
    put_adt(&scene, OWN_ADT, FILE_AT(NUMBER, LAST, "1"), NUMBER);
    sweep(&scene, false);
    CHECK(says(&scene, "restored " NUMBER "> "));
    CHECK(match_of(&scene, NUMBER) == UPLINK_CONFIRMED);
    end(&scene);
}

static void a_merge_is_undone_by_deleting_its_message(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    forget_said(&scene);
    move_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), FILE_AT(OTHER, LATER, "0"));
    move_file(&scene, OTHER_ADT, FILE_AT(OTHER, EARLY, "1"), FILE_AT(OTHER, EARLY, "0"));
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(says(&scene, "restored " NUMBER "> "));
    end(&scene);
}

/* Nothing had been sent yet: what goes out is how it stands when it goes. */
static void what_was_undone_before_it_was_sent_is_told_as_it_is(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    put_adt(&scene, OWN_ADT, FILE_AT(NUMBER, LAST, "1"), NUMBER);
    sweep(&scene, false);
    CHECK(says(&scene, "restored " NUMBER "> "));
    end(&scene);
}

/* The link moved to the new number already: it hears that the old one lives again. */
static void a_link_that_moved_hears_of_the_undoing(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_limits limits = {9, 9, false};
    enum uplink_match result = UPLINK_MISMATCH;
    begin_linked(&scene);
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    struct uplink_link moved = {record,
                                TEXT(OTHER),
                                TEXT("飯田 花子"),
                                TEXT("イイダ ハナコ"),
                                day_from_date(1950, 1, 2),
                                'F'};
    CHECK(index_match_link(scene.index, &moved, &limits, &result, &err));
    CHECK(result == UPLINK_CONFIRMED);
    forget_said(&scene);
    put_adt(&scene, OWN_ADT, FILE_AT(NUMBER, LAST, "1"), NUMBER);
    sweep(&scene, false);
    CHECK(says(&scene, "restored " NUMBER "> "));
    end(&scene);
}

/* A hospital that renumbers everybody moves more links in a day than it allows new ones.
 */
static void a_link_that_moves_is_not_held_for_the_days_cap(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_limits limits = {9, 1, false};
    enum uplink_match result = UPLINK_MISMATCH;
    struct uplink_link moved = {{{7}},
                                TEXT(OTHER),
                                TEXT("飯田 花子"),
                                TEXT("イイダ ハナコ"),
                                day_from_date(1950, 1, 2),
                                'F'};
    begin_linked(&scene); /* the day's one link */
    put_file(&scene, OTHER_ADT, FILE_AT(OTHER, LATER, "1"), JOIN("A40", OTHER, NUMBER));
    sweep(&scene, false);
    CHECK(index_match_link(scene.index, &moved, &limits, &result, &err));
    CHECK(result == UPLINK_CONFIRMED);
    put_adt(&scene, THIRD_ADT, FILE_AT(THIRD, EARLY, "1"), THIRD);
    sweep(&scene, false);
    moved.record = (struct id){{8}};
    moved.number = TEXT(THIRD); /* this one is new */
    CHECK(index_match_link(scene.index, &moved, &limits, &result, &err));
    CHECK(result == UPLINK_HELD);
    end(&scene);
}

/* The number's own ADT-00, written anew for whom it says. */
static void put_person(struct scene *scene, const char *was, const char *occurred,
                       const char *person)
{
    char message[2048];
    snprintf(message, sizeof message,
             MSH("ADT^A08^ADT_A01", "") "EVN||202405011200|||||SEND\r%s" PV1, person);
    move_file(scene, OWN_ADT, was, FILE_AT(NUMBER, EARLY, "2"));
    char name[128];
    snprintf(name, sizeof name, NUMBER "_-_ADT-00_999999999999999_%s_-_1", occurred);
    put_file(scene, OWN_ADT, name, message);
    sweep(scene, false);
}

static bool stands(struct scene *scene)
{
    struct err err = {0};
    struct index_link link;
    bool is_known = false;
    bool does = false;
    CHECK(index_find_link(scene->index, record, &scene->arena, &link, &is_known, &err));
    CHECK(is_known && index_link_stands(scene->index, &link, &does, &err));
    return does;
}

static void a_number_given_to_somebody_else_is_told_and_stands_no_more(void)
{
    struct scene scene;
    begin_linked(&scene);
    CHECK(stands(&scene));
    put_person(&scene, ADT_FILE, LATER,
               PID(NUMBER, "下條^太郎", "シモジョウ^タロウ", "19880704"));
    CHECK(says(&scene, "given_again " NUMBER "> "));
    CHECK(!stands(&scene));
    forget_said(&scene);
    /* what is told once is not told again with the next update */
    put_person(&scene, FILE_AT(NUMBER, LATER, "1"), LAST,
               PID(NUMBER, "下條^太郎", "シモジョウ^タロウ", "19880704"));
    CHECK(says(&scene, ""));
    /* a mistake, and taken back */
    put_person(&scene, FILE_AT(NUMBER, LAST, "1"), "20240801120000000", HANAKO(NUMBER));
    CHECK(says(&scene, "restored " NUMBER "> "));
    CHECK(stands(&scene));
    end(&scene);
}

static void who_marries_or_is_corrected_stays_the_same_person(void)
{
    static const char *const persons[] = {
        PID(NUMBER, "松川^花子", "マツカワ^ハナコ", "19500102"),
        PID(NUMBER, "飯田^花子", "イイダ^ハナコ", "19510102")};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        begin_linked(&scene);
        put_person(&scene, ADT_FILE, LATER, persons[i]);
        CHECK(says(&scene, ""));
        CHECK(stands(&scene));
        end(&scene);
    }
}

/* Step by step somebody else all the same: measured is against who was linked. */
static void two_corrections_are_measured_against_who_was_linked(void)
{
    struct scene scene;
    begin_linked(&scene);
    put_person(&scene, ADT_FILE, LATER,
               PID(NUMBER, "松川^花子", "マツカワ^ハナコ", "19500102"));
    CHECK(says(&scene, ""));
    put_person(&scene, FILE_AT(NUMBER, LATER, "1"), LAST,
               PID(NUMBER, "松川^花子", "マツカワ^ハナコ", "19510102"));
    CHECK(says(&scene, "given_again " NUMBER "> "));
    end(&scene);
}

static void a_held_link_of_a_number_that_changed_hands_is_not_confirmed(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_limits all_held = {99, 0, false};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    struct uplink_link link = {record,
                               TEXT(NUMBER),
                               TEXT("飯田 花子"),
                               TEXT("イイダ ハナコ"),
                               day_from_date(1950, 1, 2),
                               'F'};
    begin(&scene);
    put_patient(&scene);
    sweep(&scene, false);
    CHECK(index_match_link(scene.index, &link, &all_held, &result, &err));
    CHECK(result == UPLINK_HELD);
    put_person(&scene, ADT_FILE, LATER,
               PID(NUMBER, "下條^太郎", "シモジョウ^タロウ", "19880704"));
    CHECK(!index_decide_held(scene.index, record, true, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "patient_changed") == 0);
    err_clear(&err);
    CHECK(index_decide_held(scene.index, record, false, &err));
    end(&scene);
}

int main(void)
{
    RUN(a_merge_in_the_surviving_folder_names_the_new_number);
    RUN(a_changed_number_in_its_old_folder_is_not_held);
    RUN(leading_zeros_of_the_old_number_do_not_matter);
    RUN(a_moved_account_ends_no_number);
    RUN(a_folder_speaks_of_its_own_number_only);
    RUN(the_next_update_does_not_take_the_merge_back);
    RUN(files_that_move_away_say_nothing_new);
    RUN(a_number_that_ended_hears_of_its_successor_later);
    RUN(chains_are_followed_in_any_order);
    RUN(numbers_that_end_in_each_other_have_ended);
    RUN(a_merge_is_undone_by_a_later_record_of_the_old_number);
    RUN(a_merge_is_undone_by_deleting_its_message);
    RUN(what_was_undone_before_it_was_sent_is_told_as_it_is);
    RUN(a_link_that_moves_is_not_held_for_the_days_cap);
    RUN(a_link_that_moved_hears_of_the_undoing);
    RUN(a_number_given_to_somebody_else_is_told_and_stands_no_more);
    RUN(who_marries_or_is_corrected_stays_the_same_person);
    RUN(two_corrections_are_measured_against_who_was_linked);
    RUN(a_held_link_of_a_number_that_changed_hands_is_not_confirmed);
    return test_done();
}
