// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/synth/pen.h"

enum { PURPOSE_BODY = 61 };

static const struct synth_moment NEVER = {DAY_NONE, 0};

static void put_event(struct synth_pen *pen, struct synth_moment occurred)
{
    synth_line(pen, "EVN||%s||||%s|%s\r", synth_second(pen->at).at,
               synth_second(occurred).at, pen->facility->code);
}

/* "3E^301^2^^^N" */
static struct synth_order place_of(const struct synth_stay *stay)
{
    struct synth_order place;
    snprintf(place.number, sizeof place.number, "%.4s^%.4s^^^^N", stay->ward, stay->room);
    return place;
}

static struct synth_visit inpatient(const struct synth_pen *pen,
                                    const struct synth_stay *stay, const char *place)
{
    return (struct synth_visit){
        .class = 'I',
        .place = place,
        .doctor = synth_doctor_of(pen->facility, stay->department),
        .department = stay->department,
        .admitted = stay->from,
        .discharged = NEVER,
    };
}

static struct synth_visit outpatient(const struct synth_pen *pen, const char *department,
                                     const char *place)
{
    return (struct synth_visit){
        .class = 'O',
        .place = place,
        .doctor = synth_doctor_of(pen->facility, department),
        .department = department,
        .admitted = NEVER,
        .discharged = NEVER,
    };
}

/* ------------------------------------------------------------------ about the person */

static int age_of(const struct synth_pen *pen)
{
    return (pen->synth->today - pen->person->birth_day) / 365;
}

static void put_body(struct synth_pen *pen)
{
    int age = age_of(pen);
    bool is_man = pen->person->sex == 'M';
    int height = age >= 15 ? (is_man ? 1680 : 1550) : 500 + age * 80;
    int weight = age >= 15 ? (is_man ? 640 : 520) : 35 + age * 32;
    static const char *const groups[] = {"A", "B", "O", "AB"};
    /* The same at every hospital. */
    struct rand_seeded own =
        synth_dice(pen->synth->seed, PURPOSE_BODY, (uint64_t)pen->person->index);
    height += synth_roll(&own, -60, 60);
    weight += synth_roll(&own, -weight / 5, weight / 5);
    synth_line(pen, "OBX|1|NM|9N001000000000001^身長^JC10||%d.%d|cm^cm^ISO+|||||F\r",
               height / 10, height % 10);
    synth_line(pen, "OBX|2|NM|9N006000000000001^体重^JC10||%d.%d|kg^kg^ISO+|||||F\r",
               weight / 10, weight % 10);
    const char *group = groups[pen->person->index * 7 % 4];
    synth_line(pen,
               "OBX|3|CWE|5H010000009199911^血液型-ABO式^JC10||%s^%s^JSHR002||||||F\r",
               group, group);
}

void synth_write_patient(struct synth_pen *pen)
{
    struct synth_moment at = synth_at(pen->record->first_day, 8, 40);
    const struct synth_name *name = &pen->record->name;
    synth_start(pen, SYNTH_ADT_00, at);
    put_event(pen, pen->at);
    synth_put_pid(pen);
    synth_line(pen, "||||||||||||||||||||%s\r", synth_second(pen->at).at);
    if (age_of(pen) >= 75 || age_of(pen) < 18)
        synth_line(pen, "NK1|1|%s^%s^^^^^L^I|%s|^^^^%s^JPN^H^%s|^PRN^PH^^^^^^^^^%s\r",
                   name->family, age_of(pen) < 18 ? "純子" : "和子",
                   age_of(pen) < 18 ? "MTH^母親^HL70063" : "CHD^子供^HL70063",
                   pen->person->postal_code, pen->person->address, pen->person->phone);
    struct synth_visit visit = outpatient(pen, "01", "01^^^^^C");
    synth_put_visit(pen, &visit, false);
    synth_line(pen, "DB1|1|PT||%c\r",
               pen->person->conditions & (SYNTH_STROKE | SYNTH_DIALYSIS) ? 'Y' : 'N');
    put_body(pen);
    if (pen->person->conditions & SYNTH_ALLERGY)
        synth_line(pen, "AL1|1|DA^薬物アレルギー^HL70127|9901^ペニシリン系^99ALG\r");
    synth_line(pen, "IN1|1|%s|%08d||||||||%s\r",
               age_of(pen) >= 75 ? "39^後期高齢者医療^JHSD0001"
                                 : "C0^国民健康保険^JHSD0001",
               99000000 + pen->person->index, synth_date(pen->record->first_day).at);
    struct synth_file file = {SYNTH_ADT_00, DAY_NONE, NULL, NULL, '1', 1};
    synth_save(pen, &file);
}

void synth_write_allergies(struct synth_pen *pen)
{
    static const char *const allergies[] = {
        "DA^薬物アレルギー^HL70127|9901^ペニシリン系^99ALG|MO^中等度^HL70128|発疹|"
        "A^追加^HL70323|||||201006",
        "FA^食物アレルギー^HL70127|9911^そば^99ALG|SV^重度^HL70128|呼吸困難|"
        "A^追加^HL70323||||||小学校低学年の頃",
        "LA^花粉アレルギー^HL70127|9921^スギ^99ALG|MI^軽度^HL70128|目のかゆみ|"
        "A^追加^HL70323|||||199803",
        "MC^種々の禁忌^HL70127|9931^ヨード造影剤^99ALG|MO^中等度^HL70128|嘔気・膨隆疹|"
        "A^追加^HL70323|||||20190412",
    };
    int count = synth_roll(&pen->dice, 1, 3);
    int first = synth_roll(&pen->dice, 0, 3);
    synth_start(pen, SYNTH_ADT_61, synth_at(pen->record->first_day, 9, 20));
    synth_line(pen, "EVN||%s\r", synth_second(pen->at).at);
    synth_put_pid(pen);
    synth_line(pen, "\r");
    for (int i = 0; i < count; i++)
        synth_line(pen, "IAM|%d|%s\r", i + 1, allergies[(first + i) % 4]);
    struct synth_file file = {SYNTH_ADT_61, DAY_NONE, NULL, NULL, '1', count};
    synth_save(pen, &file);
}

struct problem {
    unsigned condition;
    const char *name;
    const char *icd10;
    const char *department;
    const char *security; /* PRB-25 or "" */
};

/* Problem names carry the number for names without a code: the master is licensed. */
static void put_problem(struct synth_pen *pen, const struct problem *problem, int number)
{
    int32_t onset = pen->record->first_day - synth_roll(&pen->dice, 0, 900);
    const struct synth_doctor *doctor =
        synth_doctor_of(pen->facility, problem->department);
    struct synth_order order = synth_next_order(pen);
    synth_line(pen, "PRB|AD|%s|20084317^%s^MDCDX2|%s|||%s|||%s^^I10^O^外来時^JHSD0004",
               synth_date(pen->record->first_day).at, problem->name, order.number,
               synth_date(onset).at, problem->icd10);
    synth_line(pen, "||||C^継続^JHSD0006|%s|%s|%s|%s|||||||%s\r",
               synth_date(pen->record->first_day).at, synth_date(onset).at, problem->name,
               number == 1 ? "1^主診断^JHSD0007" : "", problem->security);
    synth_line(pen, "ZPR||20084317^%s^MDCDX2\r", problem->name);
    struct synth_orc orc = {.control = "NW",
                            .order = order.number,
                            .group = "",
                            .status = "",
                            .parent = "",
                            .at = pen->at,
                            .doctor = doctor,
                            .place = "",
                            .department = problem->department,
                            .class = 'O'};
    synth_put_orc(pen, &orc);
}

void synth_write_problems(struct synth_pen *pen)
{
    static const struct problem problems[] = {
        {SYNTH_DIABETES, "２型糖尿病", "E119", "01", ""},
        {SYNTH_PRESSURE, "本態性高血圧症", "I10", "01", ""},
        {SYNTH_LIPIDS, "脂質異常症", "E785", "01", ""},
        {SYNTH_KIDNEY, "慢性腎臓病", "N189", "01", ""},
        {SYNTH_HEART, "慢性心不全", "I509", "08", ""},
        {SYNTH_LUNG, "慢性閉塞性肺疾患", "J449", "01", ""},
        {SYNTH_STROKE, "脳梗塞後遺症", "I693", "04", ""},
        {SYNTH_BONE, "大腿骨頚部骨折術後", "S720", "11", ""},
        {SYNTH_STOMACH, "慢性胃炎", "K295", "06", ""},
        {SYNTH_CANCER, "上行結腸癌", "C182", "10", ""},
        {SYNTH_DIALYSIS, "末期腎不全", "N180", "20", ""},
        {SYNTH_MIND, "うつ病", "F329", "01", "V^非常に限定^HL70177"},
    };
    int count = 0;
    synth_start(pen, SYNTH_PPR_01, synth_at(pen->record->first_day, 9, 50));
    synth_put_pid(pen);
    synth_line(pen, "\r");
    struct synth_visit visit = outpatient(pen, "01", "01^^^^^C");
    synth_put_visit(pen, &visit, false);
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (pen->person->conditions & problems[i].condition)
            put_problem(pen, &problems[i], ++count);
    struct synth_file file = {SYNTH_PPR_01, DAY_NONE, NULL, "01", '1', count};
    if (count > 0)
        synth_save(pen, &file);
}

void synth_write_attending(struct synth_pen *pen, struct synth_moment at,
                           const struct synth_doctor *doctor, char flag)
{
    synth_start(pen, SYNTH_ADT_01, at);
    put_event(pen, at);
    synth_put_pid(pen);
    synth_line(pen, "\r");
    struct synth_visit visit = outpatient(pen, doctor->department, "");
    visit.doctor = doctor;
    synth_put_visit(pen, &visit, false);
    struct synth_file file = {SYNTH_ADT_01, DAY_NONE, NULL, NULL, flag, 1};
    synth_save(pen, &file);
}

/* ------------------------------------------------------------------ visits and stays */

bool synth_write_reception(struct synth_pen *pen, struct synth_moment at,
                           const char *department)
{
    int32_t index = pen->synth->today - at.day;
    if (index < 0 || index >= SYNTH_DAYS_BACK)
        return false;
    uint8_t bit = (uint8_t)(1U << (index % 8));
    if (pen->visit_days[index / 8] & bit)
        return false;
    pen->visit_days[index / 8] |= bit;
    char place[16];
    snprintf(place, sizeof place, "%s^^^^^C", department);
    synth_start(pen, SYNTH_ADT_12, at);
    put_event(pen, at);
    synth_put_pid(pen);
    synth_line(pen, "\r");
    struct synth_visit visit = outpatient(pen, department, place);
    visit.admitted = at;
    synth_put_visit(pen, &visit, true);
    struct synth_file file = {SYNTH_ADT_12, at.day, NULL, department, '1', 1};
    synth_save(pen, &file);
    return true;
}

/* MSH, EVN, PID and PV1 of a message about a stay. */
static void start_stay(struct synth_pen *pen, enum synth_type type,
                       struct synth_moment at, const struct synth_visit *visit)
{
    synth_start(pen, type, at);
    put_event(pen, at);
    synth_put_pid(pen);
    synth_line(pen, "\r");
    synth_put_visit(pen, visit, true);
}

void synth_write_planned_stay(struct synth_pen *pen, const struct synth_stay *stay,
                              int days_ahead)
{
    struct synth_order place = place_of(stay);
    struct synth_visit visit = inpatient(pen, stay, place.number);
    visit.admitted = NEVER;
    start_stay(pen, SYNTH_ADT_21, synth_at(stay->from.day - days_ahead, 11, 5), &visit);
    synth_line(pen, "PV2||||||||%s|%s\r", synth_minute(stay->from).at,
               stay->to.day == DAY_NONE ? "" : synth_date(stay->to.day).at);
    struct synth_file file = {
        SYNTH_ADT_21, stay->from.day, NULL, stay->department, '1', 1};
    synth_save(pen, &file);
}

void synth_write_admission(struct synth_pen *pen, const struct synth_stay *stay)
{
    struct synth_order place = place_of(stay);
    struct synth_visit visit = inpatient(pen, stay, place.number);
    start_stay(pen, SYNTH_ADT_22, stay->from, &visit);
    struct synth_file file = {
        SYNTH_ADT_22, stay->from.day, NULL, stay->department, '1', 1};
    synth_save(pen, &file);
}

void synth_write_discharge(struct synth_pen *pen, const struct synth_stay *stay)
{
    struct synth_order place = place_of(stay);
    struct synth_visit visit = inpatient(pen, stay, place.number);
    visit.discharged = stay->to;
    visit.disposition = stay->disposition;
    start_stay(pen, SYNTH_ADT_52, stay->to, &visit);
    struct synth_file file = {SYNTH_ADT_52, stay->to.day, NULL, stay->department, '1', 1};
    synth_save(pen, &file);
    visit.discharged = NEVER;
    start_stay(pen, SYNTH_ADT_51, synth_at(stay->to.day - 2, 15, 10), &visit);
    synth_line(pen, "PV2|||||||||%s\r", synth_minute(stay->to).at);
    file.type = SYNTH_ADT_51;
    synth_save(pen, &file);
}

void synth_write_leave(struct synth_pen *pen, const struct synth_stay *stay,
                       struct synth_moment from, struct synth_moment to)
{
    struct synth_order place = place_of(stay);
    struct synth_visit visit = inpatient(pen, stay, place.number);
    start_stay(pen, SYNTH_ADT_31, from, &visit);
    synth_line(pen, "PV2|||||||||||||||||||||||||||||||||||||||||||||||%s\r",
               synth_minute(to).at);
    struct synth_file file = {SYNTH_ADT_31, from.day, NULL, stay->department, '1', 1};
    synth_save(pen, &file);
    start_stay(pen, SYNTH_ADT_32, to, &visit);
    file.type = SYNTH_ADT_32;
    file.day = to.day;
    synth_save(pen, &file);
}

void synth_write_transfer(struct synth_pen *pen, struct synth_stay *stay,
                          struct synth_moment at, const char *ward, const char *room)
{
    struct synth_order prior = place_of(stay);
    stay->ward = ward;
    stay->room = room;
    struct synth_order place = place_of(stay);
    struct synth_visit visit = inpatient(pen, stay, place.number);
    visit.prior_place = prior.number;
    start_stay(pen, SYNTH_ADT_42, at, &visit);
    struct synth_file file = {SYNTH_ADT_42, at.day, NULL, stay->department, '1', 1};
    synth_save(pen, &file);
}

void synth_write_meal(struct synth_pen *pen, const struct synth_stay *stay,
                      struct synth_moment at, const char *diet)
{
    struct synth_order place = place_of(stay);
    struct synth_order order = synth_next_order(pen);
    struct synth_visit visit = inpatient(pen, stay, place.number);
    synth_start(pen, SYNTH_OMD, at);
    synth_put_pid(pen);
    synth_line(pen, "\r");
    synth_put_visit(pen, &visit, false);
    synth_line(pen, "ORC|NW|%s|||||||%s|", order.number, synth_second(pen->at).at);
    synth_put_doctor(pen, visit.doctor);
    synth_line(pen, "||");
    synth_put_doctor(pen, visit.doctor);
    synth_line(pen, "|||||%s^%s^HL70069\r", stay->department,
               synth_department(stay->department));
    synth_line(pen, "TQ1|1||TID&１日３回&HL70335||||%s||R^^HL70485\rODS|D||%s\r",
               synth_minute(pen->at).at, diet);
    struct synth_file file = {SYNTH_OMD, at.day, order.number, stay->department, '1', 1};
    synth_save(pen, &file);
}
