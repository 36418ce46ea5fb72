// SPDX-License-Identifier: Apache-2.0
/* What happens to a person: visits, stays and sessions over the years until today. */
#include <stdio.h>

#include "cli/synth/pen.h"

enum { STAYS_MAX = 12, PURPOSE_PLAN = 31, PURPOSE_COURSE = 32 };

enum reason { INFECTION, STROKE, OPERATION, REHABILITATION, LONG_TERM, HEART_FAILURE };

struct stay {
    int facility;
    int32_t from;
    int32_t to; /* DAY_NONE = still in */
    enum reason reason;
    bool is_last; /* at its facility */
};

struct plan {
    struct stay stays[STAYS_MAX];
    int count;
};

static void add_stay(struct plan *plan, int facility, int32_t from, int days,
                     enum reason reason)
{
    if (plan->count < STAYS_MAX)
        plan->stays[plan->count++] = (struct stay){
            facility, from, days > 0 ? from + days : DAY_NONE, reason, false};
}

static const struct synth_record *record_at(const struct synth_person *person,
                                            int facility)
{
    for (int i = 0; i < person->record_count; i++)
        if (person->records[i].facility == facility)
            return &person->records[i];
    return NULL;
}

/* ------------------------------------------------------------------ the plan of stays */

/* The heavy case: dialysis three times a week, a stroke, rehabilitation, short stays. */
static void plan_heavy(struct plan *plan, int32_t today)
{
    add_stay(plan, SYNTH_RINDO, today - 452, 16, STROKE);
    add_stay(plan, SYNTH_KEYAKI, today - 436, 31, REHABILITATION);
    add_stay(plan, SYNTH_MIYAMA, today - 330, 9, LONG_TERM);
    add_stay(plan, SYNTH_RINDO, today - 214, 8, INFECTION);
    add_stay(plan, SYNTH_MIYAMA, today - 150, 9, LONG_TERM);
    add_stay(plan, SYNTH_MIYAMA, today - 44, 9, LONG_TERM);
}

static void plan_star(struct plan *plan, const struct synth_person *person,
                      struct rand_seeded *dice, int32_t today)
{
    bool is_frail = person->conditions & (SYNTH_STROKE | SYNTH_BONE);
    if (person->conditions & SYNTH_HEART)
        add_stay(plan, SYNTH_RINDO, today - synth_roll(dice, 300, 500), 12,
                 HEART_FAILURE);
    if (person->conditions & SYNTH_LUNG)
        add_stay(plan, SYNTH_RINDO, today - synth_roll(dice, 120, 250), 9, INFECTION);
    if (is_frail && record_at(person, SYNTH_KEYAKI)) {
        int32_t from = today - synth_roll(dice, 60, 110);
        add_stay(plan, SYNTH_RINDO, from, 14,
                 person->conditions & SYNTH_STROKE ? STROKE : OPERATION);
        add_stay(plan, SYNTH_KEYAKI, from + 14, person->index % 2 ? 0 : 30,
                 REHABILITATION);
    } else if (person->index % 3 == 1 && record_at(person, SYNTH_RINDO)) {
        add_stay(plan, SYNTH_RINDO, today - 4, 0, INFECTION);
    } else if (record_at(person, SYNTH_MIYAMA)) {
        add_stay(plan, SYNTH_MIYAMA, today - 25, 14, LONG_TERM);
    }
}

static void plan_other(struct plan *plan, const struct synth_person *person,
                       struct rand_seeded *dice, int32_t today)
{
    for (int i = 0; i < person->record_count; i++) {
        const struct synth_record *record = &person->records[i];
        int span = today - record->first_day;
        if (record->facility >= SYNTH_HOSPITALS || span < 60 || !synth_chance(dice, 35))
            continue;
        int32_t from = record->first_day + synth_roll(dice, 20, span - 30);
        static const enum reason reasons[] = {INFECTION, OPERATION, LONG_TERM};
        enum reason reason = reasons[record->facility];
        if (reason == OPERATION && synth_chance(dice, 50))
            reason = REHABILITATION;
        add_stay(plan, record->facility, from, synth_roll(dice, 4, 21), reason);
    }
}

static bool is_away(const struct plan *plan, int32_t day)
{
    for (int i = 0; i < plan->count; i++) {
        const struct stay *stay = &plan->stays[i];
        if (day >= stay->from && (stay->to == DAY_NONE || day <= stay->to))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ one stay */

static const char *department_of(enum reason reason)
{
    static const char *const departments[] = {
        [INFECTION] = "01",      [STROKE] = "04",    [OPERATION] = "11",
        [REHABILITATION] = "36", [LONG_TERM] = "01", [HEART_FAILURE] = "08",
    };
    return departments[reason];
}

static void write_admission_day(struct synth_pen *pen, const struct synth_stay *stay,
                                struct synth_care care, const struct stay *planned)
{
    enum reason reason = planned->reason;
    static const enum synth_picture pictures[] = {
        [INFECTION] = SYNTH_CHEST_CT,   [STROKE] = SYNTH_HEAD_MRI,
        [OPERATION] = SYNTH_BONE_XRAY,  [REHABILITATION] = SYNTH_BONE_XRAY,
        [LONG_TERM] = SYNTH_CHEST_XRAY, [HEART_FAILURE] = SYNTH_HEART_ECHO,
    };
    synth_write_admission(pen, stay);
    synth_write_attending(pen, synth_later(stay->from, 20),
                          synth_doctor_of(pen->facility, stay->department),
                          planned->is_last ? '1' : '2');
    synth_write_meal(pen, stay, synth_later(stay->from, 60),
                     reason == INFECTION ? "^絶食^99DIE" : "012^常食・塩分６ｇ^99DIE");
    care.at = synth_later(stay->from, 40);
    synth_write_picture(pen, &care, pictures[reason], false);
    if (reason == INFECTION)
        synth_write_culture(pen, &care);
}

static bool is_acute(enum reason reason)
{
    return reason != REHABILITATION && reason != LONG_TERM;
}

/* 0 … 100, falling from day to day. */
static int fever_of(enum reason reason, int number)
{
    int fever = reason == INFECTION   ? 100 - number * 14
                : reason == OPERATION ? 60 - number * 12
                                      : 10;
    return fever < 0 ? 0 : fever;
}

/* One day in between; `number` counts from 0. */
static void write_stay_day(struct synth_pen *pen, struct synth_care care,
                           enum reason reason, int number)
{
    int fever = fever_of(reason, number);
    int32_t day = care.at.day;
    if (number % 7 == 0) {
        care.at = synth_at(day, 13, 15);
        care.days = 7;
        synth_write_prescription(pen, &care);
    }
    care.at = synth_at(day, 8, 20);
    if (reason != INFECTION || number > 2)
        synth_write_tablets_given(pen, &care);
    if (is_acute(reason) && number < 8) {
        bool is_infected = reason == INFECTION || reason == OPERATION;
        care.at = synth_at(day, 10, 5);
        synth_write_injection(pen, &care, is_infected ? SYNTH_ANTIBIOTIC : SYNTH_FLUID);
    }
    if (number % (is_acute(reason) ? 2 : 7) == 0) {
        care.at = synth_at(day, 6, 30);
        synth_write_laboratory(pen, &care, SYNTH_CHEMISTRY, fever, number % 4 == 0);
        care.at = synth_at(day, 6, 32);
        synth_write_laboratory(pen, &care, SYNTH_BLOOD_COUNT, fever, false);
    }
}

/* What happens on single days only; `number` counts from 1. */
static void write_stay_events(struct synth_pen *pen, struct synth_stay *stay,
                              enum reason reason, int number, int32_t last)
{
    int32_t day = stay->from.day + number;
    if (number == 5 && reason != LONG_TERM)
        synth_write_transfer(pen, stay, synth_at(day, 14, 0), "4W", "418");
    if (number == 3)
        synth_write_meal(pen, stay, synth_at(day, 11, 0), "021^全粥・軟菜^99DIE");
    if (number == 12 && day + 2 < last)
        synth_write_leave(pen, stay, synth_at(day, 15, 30), synth_at(day + 1, 16, 40));
}

static struct synth_stay stay_of(struct synth_pen *pen, const struct stay *planned)
{
    return (struct synth_stay){
        .from = synth_at(planned->from, 10, synth_roll(&pen->dice, 0, 59)),
        .to = planned->to == DAY_NONE ? (struct synth_moment){DAY_NONE, 0}
                                      : synth_at(planned->to, 11, 30),
        .ward = pen->record->facility == SYNTH_MIYAMA ? "2S" : "3E",
        .room = synth_chance(&pen->dice, 50) ? "305" : "312",
        .department = department_of(planned->reason),
        .disposition = planned->reason == STROKE ? "05" : "01",
    };
}

static void write_stay(struct synth_pen *pen, const struct stay *planned)
{
    int32_t today = pen->synth->today;
    bool is_over = planned->to != DAY_NONE && planned->to <= today;
    int32_t last = is_over ? planned->to : today;
    struct synth_stay stay = stay_of(pen, planned);
    if (!is_acute(planned->reason))
        synth_write_planned_stay(pen, &stay, 6);
    struct synth_care care = {.department = stay.department, .days = 7};
    char place[24];
    snprintf(place, sizeof place, "%s^%s^^^^N", stay.ward, stay.room);
    care.place = place;
    write_admission_day(pen, &stay, care, planned);
    for (int32_t day = planned->from + 1; day <= last; day++) {
        int number = day - planned->from;
        care.at = synth_at(day, 9, 0);
        write_stay_day(pen, care, planned->reason, number - 1);
        synth_write_vitals(pen, day);
        write_stay_events(pen, &stay, planned->reason, number, last);
        snprintf(place, sizeof place, "%s^%s^^^^N", stay.ward, stay.room);
    }
    synth_write_paper(pen, &stay);
    if (planned->reason == OPERATION)
        synth_write_photo(pen, &stay);
    if (!is_over)
        return;
    synth_write_discharge(pen, &stay);
    synth_write_summary(pen, &stay);
    synth_write_nursing(pen, &stay);
}

/* ------------------------------------------------------------------ outpatients */

/* 0 = Sunday; 1970-01-01 was a Thursday. */
static int weekday_of(int32_t day)
{
    return (day % 7 + 11) % 7;
}

static bool is_sunday(int32_t day)
{
    return weekday_of(day) == 0;
}

static const char *clinic_of(const struct synth_pen *pen)
{
    unsigned conditions = pen->person->conditions;
    if (pen->record->facility == SYNTH_KEYAKI)
        return conditions & SYNTH_BONE ? "11" : conditions & SYNTH_CANCER ? "10" : "36";
    if (pen->record->facility == SYNTH_MIYAMA)
        return "01";
    if (pen->synth->today - pen->person->birth_day < 15 * 365)
        return "09";
    return conditions & SYNTH_HEART     ? "08"
           : conditions & SYNTH_STOMACH ? "06"
           : conditions & SYNTH_STROKE  ? "04"
                                        : "01";
}

static void write_yearly_picture(struct synth_pen *pen, const struct synth_care *care,
                                 int visit)
{
    unsigned conditions = pen->person->conditions;
    enum synth_picture picture = SYNTH_CHEST_XRAY;
    if (conditions & SYNTH_HEART)
        picture = visit % 2 ? SYNTH_ECG : SYNTH_HEART_ECHO;
    else if (conditions & SYNTH_STOMACH && pen->record->facility == SYNTH_RINDO)
        picture = SYNTH_ENDOSCOPY;
    else if (conditions & SYNTH_STROKE)
        picture = SYNTH_HEAD_MRI;
    else if (conditions & SYNTH_BONE)
        picture = SYNTH_BONE_XRAY;
    else if (visit % 3 == 1)
        picture = conditions & SYNTH_LIPIDS ? SYNTH_ABDOMEN_US : SYNTH_ECG;
    struct synth_care where = *care;
    if (picture == SYNTH_ENDOSCOPY)
        where.department =
            "01"; /* the demo's hospitals keep the stomach's own to themselves */
    synth_write_picture(pen, &where, picture, false);
}

static void write_visit(struct synth_pen *pen, int32_t day, int number, int interval)
{
    struct synth_care care = {
        .at = synth_at(day, synth_roll(&pen->dice, 8, 11), synth_roll(&pen->dice, 0, 59)),
        .department = clinic_of(pen),
        .place = "",
        .days = interval};
    if (!synth_write_reception(pen, care.at, care.department))
        return;
    care.at = synth_later(care.at, 15);
    if (number % 2 == 0 || pen->person->is_star) {
        bool with_order = synth_chance(&pen->dice, 30);
        synth_write_laboratory(pen, &care, SYNTH_CHEMISTRY, 0, with_order);
        if (pen->person->conditions & SYNTH_DIABETES)
            synth_write_laboratory(pen, &care, SYNTH_SUGAR, 0, false);
        else if (number % 4 == 0)
            synth_write_laboratory(pen, &care, SYNTH_BLOOD_COUNT, 0, false);
    }
    if (number % 6 == 3)
        synth_write_laboratory(pen, &care, number % 4 ? SYNTH_URINE : SYNTH_CLOTTING, 0,
                               false);
    care.at = synth_later(care.at, 30);
    if (number % 6 == 1)
        write_yearly_picture(pen, &care, number / 6);
    if (pen->person->conditions & SYNTH_CANCER && pen->record->facility == SYNTH_KEYAKI)
        synth_write_injection(pen, &care, SYNTH_CHEMO);
    care.at = synth_later(care.at, 25);
    if (pen->person->conditions & ~(unsigned)SYNTH_ALLERGY ||
        synth_chance(&pen->dice, 60))
        synth_write_prescription(pen, &care);
    if (number % 3 == 0 || day == pen->synth->today)
        synth_write_progress(pen, &care);
}

static void write_outpatient(struct synth_pen *pen, const struct plan *plan)
{
    static const int intervals[] = {28, 35, 56, 56, 84};
    int32_t today = pen->synth->today;
    int interval = pen->person->index == 0 ? 28
                   : pen->person->is_star  ? 14
                                           : intervals[synth_roll(&pen->dice, 0, 4)];
    if (pen->person->conditions == 0)
        interval = 240;
    int number = 0;
    int32_t day = pen->record->first_day;
    for (; day <= today; number++) {
        if (is_sunday(day))
            day++;
        if (!is_away(plan, day))
            write_visit(pen, day, number, interval);
        day += interval + synth_roll(&pen->dice, 0, 3) - 1;
    }
    if (!pen->person->is_star || is_away(plan, today))
        return;
    /* Something is always fresh with the persons whom a demonstration shows. */
    write_visit(pen, today - 1, 0, interval);
    write_visit(pen, today, 1, interval);
    struct synth_care care = {.at = synth_at(today, 14, 10),
                              .department = clinic_of(pen),
                              .place = "",
                              .days = interval};
    synth_write_picture(pen, &care, SYNTH_ABDOMEN_US, true);
}

/* One person's heart was listened to for a day. */
static void write_holter(struct synth_pen *pen)
{
    enum { WHOSE = 1, DAYS_AGO = 10 };
    int32_t day = pen->synth->today - DAYS_AGO;
    if (pen->person->index != WHOSE || pen->record->facility != SYNTH_RINDO)
        return;
    struct synth_care care = {.at = synth_at(is_sunday(day) ? day - 1 : day, 9, 30),
                              .department = "08",
                              .place = "",
                              .days = 28};
    synth_write_picture(pen, &care, SYNTH_HOLTER, false);
}

/* Mondays, Wednesdays and Fridays. */
static void write_dialysis(struct synth_pen *pen, const struct plan *plan)
{
    for (int32_t day = pen->record->first_day; day <= pen->synth->today; day++) {
        int weekday = weekday_of(day);
        if ((weekday != 1 && weekday != 3 && weekday != 5) || is_away(plan, day))
            continue;
        struct synth_care care = {
            .at = synth_at(day, 8, 45), .department = "20", .place = "", .days = 28};
        if (!synth_write_reception(pen, care.at, "20"))
            continue;
        int week = (day - pen->record->first_day) / 7;
        if (weekday == 1 && week % 2 == 0) {
            synth_write_laboratory(pen, &care, SYNTH_CHEMISTRY, 0, false);
            care.at = synth_later(care.at, 2);
            synth_write_laboratory(pen, &care, SYNTH_BLOOD_COUNT, 0, false);
        }
        if (weekday == 1 && week % 4 == 1) {
            synth_write_prescription(pen, &care);
            synth_write_picture(pen, &care, SYNTH_CHEST_XRAY, false);
        }
        care.at = synth_at(day, 12, 40);
        synth_write_injection(pen, &care, week % 4 == 3 ? SYNTH_IRON : SYNTH_DIALYSATE);
    }
}

/* ------------------------------------------------------------------ all of a person */

/* Stays that this record will hold; the last one names the doctor now in charge. */
static bool mark_last_stay(struct plan *plan, const struct synth_record *record)
{
    struct stay *last = NULL;
    for (int i = 0; i < plan->count; i++)
        if (plan->stays[i].facility == record->facility &&
            plan->stays[i].from > record->first_day)
            last = &plan->stays[i];
    if (last)
        last->is_last = true;
    return last != NULL;
}

static void write_record(struct synth_pen *pen, struct plan *plan)
{
    bool has_stays = mark_last_stay(plan, pen->record);
    synth_write_patient(pen);
    synth_write_attending(pen, synth_at(pen->record->first_day, 9, 0),
                          synth_doctor_of(pen->facility, clinic_of(pen)),
                          has_stays ? '2' : '1');
    if (pen->person->conditions & SYNTH_ALLERGY)
        synth_write_allergies(pen);
    synth_write_problems(pen);
    for (int i = 0; i < plan->count; i++)
        if (plan->stays[i].facility == pen->record->facility &&
            plan->stays[i].from > pen->record->first_day)
            write_stay(pen, &plan->stays[i]);
    if (pen->person->conditions & SYNTH_DIALYSIS && pen->record->facility == SYNTH_KEYAKI)
        write_dialysis(pen, plan);
    else
        write_outpatient(pen, plan);
    write_holter(pen);
}

void synth_write_person(struct synth *synth, struct synth_person *person)
{
    struct plan plan = {0};
    struct rand_seeded dice =
        synth_dice(synth->seed, PURPOSE_PLAN, (uint64_t)person->index);
    if (person->index == 0)
        plan_heavy(&plan, synth->today);
    else if (person->is_star)
        plan_star(&plan, person, &dice, synth->today);
    else if (person->conditions != 0)
        plan_other(&plan, person, &dice, synth->today);
    for (int i = 0; i < person->record_count; i++) {
        struct synth_record *record = &person->records[i];
        if (record->facility >= SYNTH_HOSPITALS)
            continue;
        struct synth_pen pen = {
            .synth = synth,
            .person = person,
            .record = record,
            .facility = &synth_facilities[record->facility],
            .dice = synth_dice(synth->seed, PURPOSE_COURSE + (uint64_t)record->facility,
                               (uint64_t)person->index),
            .text = buf_init(1 << 20),
            .bytes = buf_init(1 << 20),
        };
        write_record(&pen, &plan);
        buf_free(&pen.text);
        buf_free(&pen.bytes);
    }
}
