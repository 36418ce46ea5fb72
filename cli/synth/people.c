// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdio.h>

#include "cli/synth/names.h"

enum { PURPOSE_PERSON = 11, PURPOSE_CARDS = 12, PURPOSE_CONSENT = 13, YEAR_DAYS = 365 };

static void set_cast(struct synth_person *person, const struct synth_cast *cast)
{
    person->name = cast->name;
    person->birth_day = day_from_date(cast->year, cast->month, cast->day);
    person->sex = cast->sex;
    person->conditions = cast->conditions;
    person->story = cast->story;
}

static unsigned roll_conditions(struct rand_seeded *dice, int age)
{
    static const struct {
        unsigned condition;
        int percent_old; /* of people above 60; a third of it from 35 on */
    } odds[] = {
        {SYNTH_DIABETES, 26}, {SYNTH_PRESSURE, 55}, {SYNTH_LIPIDS, 34},
        {SYNTH_KIDNEY, 10},   {SYNTH_HEART, 12},    {SYNTH_LUNG, 9},
        {SYNTH_STROKE, 10},   {SYNTH_BONE, 14},     {SYNTH_STOMACH, 16},
        {SYNTH_CANCER, 4},    {SYNTH_MIND, 5},
    };
    unsigned conditions = 0;
    for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
        int percent = age > 60   ? odds[i].percent_old
                      : age > 34 ? odds[i].percent_old / 3
                                 : odds[i].percent_old / 12;
        if (synth_chance(dice, percent))
            conditions |= odds[i].condition;
    }
    if (synth_chance(dice, 18))
        conditions |= SYNTH_ALLERGY;
    return conditions;
}

static void invent(struct synth *synth, struct synth_person *person,
                   struct rand_seeded *dice)
{
    person->sex = synth_chance(dice, 47) ? 'M' : 'F';
    int age = synth_chance(dice, 70)   ? synth_roll(dice, 62, 97)
              : synth_chance(dice, 70) ? synth_roll(dice, 20, 61)
                                       : synth_roll(dice, 0, 19);
    person->birth_day =
        synth->today - age * YEAR_DAYS - age / 4 - synth_roll(dice, 1, YEAR_DAYS - 1);
    person->conditions = roll_conditions(dice, age);
    const struct synth_word *family =
        &synth_families[synth_roll(dice, 0, synth_family_count - 1)];
    /* Both lists run from old-fashioned to new names. */
    int names = person->sex == 'M' ? synth_men_count : synth_women_count;
    int middle = (97 - (age > 97 ? 97 : age)) * (names - 8) / 97;
    int pick = middle + synth_roll(dice, 0, 7);
    const struct synth_word *given =
        person->sex == 'M' ? &synth_men[pick] : &synth_women[pick];
    person->name =
        (struct synth_name){family->kanji, given->kanji, family->kana, given->kana};
}

static bool set_address(struct synth *synth, struct synth_person *person,
                        struct rand_seeded *dice)
{
    static const char *const postal_codes[] = {"999-0101", "999-0202", "999-0303"};
    int town = synth_roll(dice, 0, synth_town_count - 1);
    CLEANUP(buf_free) struct buf address = buf_init(256);
    buf_format(&address, "%s%d−%d", synth_towns[town], synth_roll(dice, 1, 40),
               synth_roll(dice, 1, 20));
    struct text text = {(const char *)address.at, address.len};
    person->address = text_to_cstr(text, &synth->arena, &synth->err);
    person->postal_code = postal_codes[town < 5 ? 0 : town < 9 ? 1 : 2];
    snprintf(person->phone, sizeof person->phone, "000-%03d-%04d",
             synth_roll(dice, 100, 999), synth_roll(dice, 0, 9999));
    return person->address != NULL;
}

/* ------------------------------------------------------------------ cards */

static unsigned roll_facilities(const struct synth_person *person,
                                struct rand_seeded *dice, int age)
{
    unsigned bits = 0;
    unsigned surgical = SYNTH_BONE | SYNTH_CANCER | SYNTH_STROKE;
    if (synth_chance(dice, 72))
        bits |= 1U << SYNTH_RINDO;
    if (synth_chance(dice, person->conditions & surgical ? 85 : 22))
        bits |= 1U << SYNTH_KEYAKI;
    if (synth_chance(dice, age > 80 ? 50 : age > 65 ? 22 : 5))
        bits |= 1U << SYNTH_MIYAMA;
    if (bits == 0)
        bits = 1U << SYNTH_RINDO;
    const struct {
        int facility;
        int percent;
    } others[] = {{SYNTH_KAWABE, 55},
                  {SYNTH_SUZUKAKE, 35},
                  {SYNTH_TSUBASA, 50},
                  {SYNTH_SUMIRE, 25},
                  {SYNTH_HIKARI, age > 75 ? 30 : 3},
                  {SYNTH_YASURAGI, age > 75 ? 40 : 2}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (synth_chance(dice, others[i].percent))
            bits |= 1U << others[i].facility;
    return bits;
}

static const char *link_of(const struct synth_person *person, int facility)
{
    if (person->is_star)
        return "confirmed";
    if (person->index % 17 == 5 && facility != SYNTH_RINDO)
        return "proposed";
    return person->index % 23 == 7 ? "none" : "confirmed";
}

static void add_record(struct synth *synth, struct synth_person *person, int facility,
                       struct rand_seeded *dice)
{
    struct synth_record *record = &person->records[person->record_count++];
    record->facility = facility;
    snprintf(record->number, sizeof record->number, "%0*d",
             synth_facilities[facility].number_digits,
             100003 + facility * 4001 + person->index * 17);
    record->name = person->name;
    record->link = link_of(person, facility);
    if (person->is_star)
        record->first_day =
            synth->today - (person->index == 0 ? 730 : 700) - synth_roll(dice, 0, 9);
    else
        record->first_day = person->since_day +
                            synth_roll(dice, 0, (synth->today - person->since_day) / 3);
    if (person->index >= synth_cast_count)
        return;
    const struct synth_cast *cast = &synth_casts[person->index];
    if (cast->other.family && cast->other_at == facility) {
        record->name = cast->other;
        record->trap = cast->story;
    }
}

/* ------------------------------------------------------------------ consents */

static struct synth_consent *add_consent(struct synth *synth, struct synth_person *person,
                                         struct rand_seeded *dice)
{
    struct synth_consent *consent = &person->consents[person->consent_count++];
    int age = (synth->today - person->birth_day) / YEAR_DAYS;
    const struct synth_record *record =
        &person->records[synth_roll(dice, 0, person->record_count - 1)];
    *consent = (struct synth_consent){
        .form = "comprehensive",
        .state = "active",
        .channel = synth_chance(dice, 80) ? "paper" : "device",
        .giver = age < 16                             ? "parent"
                 : age > 90 && synth_chance(dice, 40) ? "guardian"
                                                      : "self",
        .obtained_at = record->facility,
        .withdrawn_day = DAY_NONE,
        .until_day = DAY_NONE,
    };
    consent->day =
        record->first_day + synth_roll(dice, 0, (synth->today - record->first_day) / 2);
    return consent;
}

static unsigned facilities_of(const struct synth_person *person, int at_most)
{
    unsigned bits = 0;
    for (int i = 0; i < person->record_count && i < at_most; i++)
        bits |= 1U << person->records[i].facility;
    return bits;
}

static void make_consents(struct synth *synth, struct synth_person *person)
{
    struct rand_seeded dice =
        synth_dice(synth->seed, PURPOSE_CONSENT, (uint64_t)person->index);
    /* Every state is there from the smallest region on. */
    int kind = person->is_star                    ? (person->index == 4 ? 80 : 0)
               : person->index < synth_cast_count ? person->index * 11 % 100
                                                  : synth_roll(&dice, 0, 99);
    if (kind >= 85)
        return;
    struct synth_consent *consent = add_consent(synth, person, &dice);
    if (synth->is_specific) {
        consent->form = "specific";
        consent->facilities =
            facilities_of(person, person->record_count) | 1U << consent->obtained_at;
    }
    if (kind >= 80) {
        consent->form = "specific";
        consent->facilities = facilities_of(person, 3) | 1U << consent->obtained_at;
        consent->until_day = synth->today + 180;
    } else if (kind >= 65) {
        consent->form = "specific";
        consent->facilities = facilities_of(person, 2) | 1U << consent->obtained_at;
    } else if (kind >= 58) {
        consent->state = "withdrawn";
        consent->withdrawn_day = consent->day + (synth->today - consent->day) / 2;
    } else if (kind >= 54) {
        consent->state = "refused";
    } else if (kind >= 50) {
        consent->until_day = synth->today - 1 - (synth->today - consent->day) / 4;
        consent->channel = "oral";
    }
}

static bool make_person(struct synth *synth, int index)
{
    struct synth_person *person = &synth->people[index];
    struct rand_seeded dice = synth_dice(synth->seed, PURPOSE_PERSON, (uint64_t)index);
    person->index = index;
    person->is_star = index < SYNTH_STARS;
    person->story = "";
    bool is_cast = index < synth_cast_count;
    if (is_cast)
        set_cast(person, &synth_casts[index]);
    else
        invent(synth, person, &dice);
    if (!set_address(synth, person, &dice))
        return false;
    int32_t oldest = synth->today - 5 * YEAR_DAYS;
    int32_t since =
        synth->today - synth_roll(&dice, 1, 5) * YEAR_DAYS + synth_roll(&dice, 0, 300);
    if (since < person->birth_day)
        since = person->birth_day;
    person->since_day = since < oldest ? oldest : since;
    dice = synth_dice(synth->seed, PURPOSE_CARDS, (uint64_t)index);
    int age = (synth->today - person->birth_day) / YEAR_DAYS;
    unsigned bits =
        is_cast ? synth_casts[index].facilities : roll_facilities(person, &dice, age);
    for (int facility = 0; facility < SYNTH_FACILITIES; facility++)
        if (bits & 1U << facility)
            add_record(synth, person, facility, &dice);
    assert(person->record_count > 0);
    make_consents(synth, person);
    return true;
}

bool synth_make_people(struct synth *synth)
{
    synth->people = ARENA_MANY(&synth->arena, struct synth_person,
                               (size_t)synth->people_count, &synth->err);
    if (!synth->people)
        return false;
    for (int i = 0; i < synth->people_count; i++)
        if (!make_person(synth, i))
            return false;
    return true;
}
