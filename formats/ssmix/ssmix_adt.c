// SPDX-License-Identifier: Apache-2.0
/* ADT, PPR and OMD: who the patient is, where, with what problems and what diet. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

static const char CLAUSE_STRUCTURE[] = "SS-MIX2 2.6";

static struct hl7_place repeated(size_t segment, uint16_t field, uint16_t repetition,
                                 uint16_t component)
{
    return (struct hl7_place){segment, field, repetition, component, 0};
}

struct text ssmix_unknown_title(struct ssmix_reader *reader)
{
    struct err err = {0};
    struct text type = {0};
    if (!reader->name)
        return ssmix_at(reader, 0, 9, 0);
    if (!text_from_utf8(reader->name->type, &type, &err))
        return TEXT("不明種別");
    struct text copy = {0};
    if (!ssmix_is_good(reader) || !text_copy(type, reader->arena, &copy, reader->err))
        return (struct text){0};
    return copy;
}

struct text ssmix_type_title(struct ssmix_reader *reader)
{
    if (reader->name && reader->name->known)
        return text_cstr(reader->name->known->name);
    return ssmix_unknown_title(reader);
}

/* ------------------------------------------------------------------ ADT-00, ADT-01 */

/* XTN: the unformatted number, else the first component. */
static struct text telephone(struct ssmix_reader *reader, size_t segment, uint16_t field,
                             const char *use)
{
    size_t count =
        segment == HL7_NONE ? 0 : hl7_repetition_count(reader->message, segment, field);
    for (uint16_t i = 0; i < count; i++) {
        struct span code = hl7_raw(reader->message, repeated(segment, field, i, 2));
        if (!(use[0] == '\0' ? i == 0 : span_is(code, use)))
            continue;
        struct text number = ssmix_text(reader, repeated(segment, field, i, 12));
        return number.len > 0 ? number
                              : ssmix_text(reader, repeated(segment, field, i, 1));
    }
    return (struct text){0};
}

/* XAD: the whole address as text, else its parts. */
static struct text address(struct ssmix_reader *reader, size_t segment, uint16_t field)
{
    struct text whole = ssmix_at(reader, segment, field, 8);
    if (whole.len > 0)
        return whole;
    const struct text parts[] = {
        ssmix_at(reader, segment, field, 4), ssmix_at(reader, segment, field, 3),
        ssmix_at(reader, segment, field, 1), ssmix_at(reader, segment, field, 2)};
    return ssmix_join(reader, parts, 4, " ");
}

static struct text name_of(struct ssmix_reader *reader, size_t segment, uint16_t field,
                           const char *form)
{
    uint16_t count = ssmix_repetitions(reader, segment, field);
    for (uint16_t i = 0; i < count; i++) {
        struct span is = hl7_raw(reader->message, repeated(segment, field, i, 8));
        if (span_is(is, form) || (is.len == 0 && i == 0 && form[0] == 'I'))
            return ssmix_pair(reader, ssmix_text(reader, repeated(segment, field, i, 1)),
                              " ", ssmix_text(reader, repeated(segment, field, i, 2)));
    }
    return (struct text){0};
}

static void add_person(struct ssmix_reader *reader, struct entry *entry)
{
    const struct entry_patient *patient = &reader->list->patient;
    size_t pid = reader->pid;
    struct entry_item *item = ssmix_item(reader, entry, "patient", 16);
    const char sex[2] = {patient->sex, '\0'};
    ssmix_field(reader, item, "name", patient->name);
    ssmix_field(reader, item, "kana", patient->kana);
    if (pid == HL7_NONE)
        return;
    ssmix_field(reader, item, "name_alphabetic", name_of(reader, pid, 5, "A"));
    ssmix_field(reader, item, "birth", ssmix_iso(reader, patient->birth_day));
    ssmix_field(reader, item, "sex", ssmix_copy(reader, span_cstr(sex)));
    ssmix_field(reader, item, "postcode", ssmix_at(reader, pid, 11, 5));
    ssmix_field(reader, item, "address", address(reader, pid, 11));
    struct text home = telephone(reader, pid, 13, "PRN");
    if (home.len == 0)
        home = telephone(reader, pid, 13, "");
    ssmix_field(reader, item, "phone", home);
    ssmix_field(reader, item, "phone_emergency", telephone(reader, pid, 13, "EMR"));
    ssmix_field(reader, item, "phone_work", telephone(reader, pid, 14, ""));
    ssmix_field(reader, item, "updated", ssmix_time(reader, HL7_AT(pid, 33, 1)));
}

static void add_contact(struct ssmix_reader *reader, struct entry *entry, size_t nk1)
{
    struct entry_item *item = ssmix_item(reader, entry, "contact", 8);
    ssmix_field(reader, item, "name", name_of(reader, nk1, 2, "I"));
    ssmix_field(reader, item, "kana", name_of(reader, nk1, 2, "P"));
    ssmix_field(reader, item, "relation",
                ssmix_coded_at(reader, nk1, 3, SSMIX_TABLE_RELATION));
    ssmix_field(reader, item, "postcode", ssmix_at(reader, nk1, 4, 5));
    ssmix_field(reader, item, "address", address(reader, nk1, 4));
    ssmix_field(reader, item, "phone", telephone(reader, nk1, 5, ""));
    ssmix_field(reader, item, "phone_work", telephone(reader, nk1, 6, ""));
    ssmix_field(reader, item, "organization", ssmix_at(reader, nk1, 13, 1));
}

static void add_insurance(struct ssmix_reader *reader, struct entry *entry, size_t in1)
{
    struct entry_item *item = ssmix_item(reader, entry, "insurance", 10);
    ssmix_field(reader, item, "name",
                ssmix_coded_at(reader, in1, 2, SSMIX_TABLE_INSURANCE));
    ssmix_field(reader, item, "code", ssmix_at(reader, in1, 2, 1));
    ssmix_field(reader, item, "insurer_number", ssmix_at(reader, in1, 3, 1));
    ssmix_field(reader, item, "insurer", ssmix_at(reader, in1, 4, 1));
    ssmix_field(reader, item, "symbol", ssmix_at(reader, in1, 10, 1));
    ssmix_field(reader, item, "number", ssmix_at(reader, in1, 11, 1));
    ssmix_field(reader, item, "from", ssmix_time(reader, HL7_AT(in1, 12, 1)));
    ssmix_field(reader, item, "to", ssmix_time(reader, HL7_AT(in1, 13, 1)));
    struct text plan = ssmix_at(reader, in1, 15, 1);
    struct text known = ssmix_code_text(SSMIX_TABLE_PLAN, text_span(plan));
    ssmix_field(reader, item, "plan", known.len > 0 ? known : plan);
    ssmix_field(reader, item, "relation",
                ssmix_coded_at(reader, in1, 17, SSMIX_TABLE_RELATION));
}

static void add_disability(struct ssmix_reader *reader, struct entry *entry, size_t db1)
{
    struct entry_item *item = ssmix_item(reader, entry, "disability", 2);
    ssmix_field(reader, item, "person",
                ssmix_coded_at(reader, db1, 2, SSMIX_TABLE_DISABLED));
    bool is_disabled = span_is(ssmix_raw(reader, db1, 4, 1), "Y");
    ssmix_field(reader, item, "value", is_disabled ? TEXT("あり") : TEXT("なし"));
}

static void add_allergy(struct ssmix_reader *reader, size_t segment, bool is_iam);

void ssmix_read_patient(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    entry->title = reader->name ? ssmix_type_title(reader) : TEXT("患者基本情報");
    ssmix_set_order(reader, entry, HL7_NONE);
    add_person(reader, entry);
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++) {
        if (reader->tags[i] == TAG_NK1) {
            add_contact(reader, entry, i);
        } else if (reader->tags[i] == TAG_IN1) {
            add_insurance(reader, entry, i);
        } else if (reader->tags[i] == TAG_DB1) {
            add_disability(reader, entry, i);
        } else if (reader->tags[i] == TAG_OBX) {
            struct ssmix_result result = {0};
            ssmix_take_result(reader, i, &result);
            struct entry_item *item = ssmix_item(reader, entry, "observation", 16);
            ssmix_result_fields(reader, item, &result);
        } else if (reader->tags[i] == TAG_AL1) {
            add_allergy(reader, i, false);
        }
    }
}

void ssmix_read_doctor(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    ssmix_set_order(reader, entry, HL7_NONE);
    entry->title = ssmix_pair(reader, TEXT("担当医"), " ", entry->author);
    struct entry_item *item = ssmix_item(reader, entry, "doctor", 4);
    ssmix_field(reader, item, "name", entry->author);
    ssmix_field(reader, item, "code", ssmix_at(reader, reader->pv1, 7, 1));
    ssmix_field(reader, item, "department", entry->department);
    struct text from = ssmix_time(reader, HL7_AT(reader->evn, 6, 1));
    if (from.len == 0)
        from = ssmix_time(reader, HL7_AT(reader->evn, 2, 1));
    ssmix_field(reader, item, "from", from);
}

/* ------------------------------------------------------------------ visits, stays */

/* PL: wards are plain codes in Japan, HD with sub-components elsewhere. */
static struct text location(struct ssmix_reader *reader, size_t segment, uint16_t field,
                            uint16_t component)
{
    struct hl7_place place = HL7_AT(segment, field, component);
    place.subcomponent = 1;
    return ssmix_text(reader, place);
}

void ssmix_read_visit(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    ssmix_set_order(reader, entry, HL7_NONE);
    entry->time = ssmix_time(reader, HL7_AT(reader->pv1, 44, 1));
    if (entry->department.len == 0)
        entry->department = location(reader, reader->pv1, 3, 1);
    entry->title = entry->department.len > 0 ? entry->department : TEXT("外来受診");
    struct entry_item *item = ssmix_item(reader, entry, "event", 4);
    ssmix_field(reader, item, "event", TEXT("外来受診"));
    ssmix_field(reader, item, "time", entry->time);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
}

/* What a trigger means when no folder says it. */
static struct text event_name(struct ssmix_reader *reader)
{
    static const struct {
        const char *trigger;
        const char *name;
    } known[] = {
        {"A01", "入院"},         {"A02", "転棟"},         {"A03", "退院"},
        {"A05", "入院予定"},     {"A06", "入院"},         {"A07", "外来へ変更"},
        {"A11", "入院取消"},     {"A12", "転棟取消"},     {"A13", "退院取消"},
        {"A14", "入院予定"},     {"A15", "転棟予定"},     {"A16", "退院予定"},
        {"A21", "外泊"},         {"A22", "帰院"},         {"A25", "退院予定取消"},
        {"A26", "転棟予定取消"}, {"A27", "入院予定取消"},
    };
    if (reader->name && reader->name->known &&
        reader->name->known->kind == ENTRY_ADMISSION)
        return text_cstr(reader->name->known->name);
    struct span trigger = hl7_trigger(reader->message);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (span_is(trigger, known[i].trigger))
            return text_cstr(known[i].name);
    return ssmix_at(reader, 0, 9, 0);
}

/* Which field holds the time of the event. */
static struct hl7_place event_place(const struct ssmix_reader *reader)
{
    enum ssmix_day_from from = SSMIX_DAY_FROM_NONE;
    if (reader->name && reader->name->known)
        from = reader->name->known->day_from;
    if (from == SSMIX_DAY_FROM_PV2_8)
        return HL7_AT(reader->pv2, 8, 1);
    if (from == SSMIX_DAY_FROM_PV2_9)
        return HL7_AT(reader->pv2, 9, 1);
    if (from == SSMIX_DAY_FROM_EVN_6)
        return HL7_AT(reader->evn, 6, 1);
    bool is_discharge = from == SSMIX_DAY_FROM_PV1_45 ||
                        (!reader->name && span_is(hl7_trigger(reader->message), "A03"));
    return HL7_AT(reader->pv1, is_discharge ? 45 : 44, 1);
}

static void event_fields(struct ssmix_reader *reader, struct entry_item *item)
{
    size_t pv1 = reader->pv1;
    size_t pv2 = reader->pv2;
    ssmix_field(reader, item, "ward", location(reader, pv1, 3, 1));
    ssmix_field(reader, item, "room", location(reader, pv1, 3, 2));
    ssmix_field(reader, item, "bed", location(reader, pv1, 3, 3));
    ssmix_field(reader, item, "from_ward", location(reader, pv1, 6, 1));
    ssmix_field(reader, item, "from_room", location(reader, pv1, 6, 2));
    ssmix_field(reader, item, "from_bed", location(reader, pv1, 6, 3));
    ssmix_field(reader, item, "planned_ward", location(reader, pv2, 1, 1));
    ssmix_field(reader, item, "admitting_doctor",
                ssmix_person(reader, HL7_AT(pv1, 17, 0)));
    if (ssmix_raw(reader, pv1, 36, 1).len > 0) {
        ssmix_field(reader, item, "disposition_code", ssmix_at(reader, pv1, 36, 1));
        ssmix_field(reader, item, "disposition",
                    ssmix_coded_at(reader, pv1, 36, SSMIX_TABLE_DISPOSITION));
    }
    ssmix_field(reader, item, "admitted", ssmix_time(reader, HL7_AT(pv1, 44, 1)));
    ssmix_field(reader, item, "discharged", ssmix_time(reader, HL7_AT(pv1, 45, 1)));
    ssmix_field(reader, item, "planned_admission", ssmix_time(reader, HL7_AT(pv2, 8, 1)));
    ssmix_field(reader, item, "planned_discharge", ssmix_time(reader, HL7_AT(pv2, 9, 1)));
    ssmix_field(reader, item, "planned_return", ssmix_time(reader, HL7_AT(pv2, 47, 1)));
}

void ssmix_read_event(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    const struct ssmix_type *known = reader->name ? reader->name->known : NULL;
    if (known && known->is_plan && entry->state == ENTRY_CURRENT)
        entry->state = ENTRY_PLANNED;
    ssmix_set_order(reader, entry, HL7_NONE);
    struct text event = event_name(reader);
    entry->time = ssmix_time(reader, event_place(reader));
    struct entry_item *item = ssmix_item(reader, entry, "event", 20);
    ssmix_field(reader, item, "event", event);
    ssmix_field(reader, item, "time", entry->time);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
    event_fields(reader, item);
    bool is_discharge = span_is(ssmix_raw(reader, 0, 9, 2), "A03");
    struct text detail = location(reader, reader->pv1, 3, 1);
    if (is_discharge)
        detail = ssmix_raw(reader, reader->pv1, 36, 1).len > 0
                     ? ssmix_coded_at(reader, reader->pv1, 36, SSMIX_TABLE_DISPOSITION)
                     : (struct text){0};
    entry->title = ssmix_pair(reader, event, " ", detail);
}

/* ------------------------------------------------------------------ allergies */

static void iam_fields(struct ssmix_reader *reader, struct entry_item *item, size_t iam)
{
    ssmix_field(reader, item, "reaction", ssmix_at(reader, iam, 5, 0));
    ssmix_field(reader, item, "reason", ssmix_at(reader, iam, 8, 0));
    struct text onset = ssmix_time(reader, HL7_AT(iam, 11, 1));
    if (onset.len == 0)
        onset = ssmix_at(reader, iam, 11, 1);
    if (onset.len == 0)
        onset = ssmix_at(reader, iam, 12, 0);
    ssmix_field(reader, item, "onset", onset);
    ssmix_field(reader, item, "reported", ssmix_time(reader, HL7_AT(iam, 13, 1)));
    if (ssmix_raw(reader, iam, 17, 0).len > 0)
        ssmix_field(reader, item, "clinical_status",
                    ssmix_coded_at(reader, iam, 17, SSMIX_TABLE_NONE));
}

static void add_allergy(struct ssmix_reader *reader, size_t segment, bool is_iam)
{
    struct entry *entry = ssmix_entry(reader, ENTRY_ALLERGY);
    struct span action = ssmix_raw(reader, segment, 6, 1);
    if (is_iam && span_is(action, "D") && entry->state == ENTRY_CURRENT)
        entry->state = ENTRY_DELETED;
    ssmix_set_order(reader, entry, HL7_NONE);
    struct entry_item *item = ssmix_item(reader, entry, "allergy", 14);
    struct text class = ssmix_coded_at(reader, segment, 2, SSMIX_TABLE_ALLERGEN);
    ssmix_field(reader, item, "class", class);
    ssmix_field(reader, item, "class_code", ssmix_at(reader, segment, 2, 1));
    ssmix_code_fields(reader, item, segment, 3);
    ssmix_field(reader, item, "severity",
                ssmix_coded_at(reader, segment, 4, SSMIX_TABLE_SEVERITY));
    ssmix_field(reader, item, "severity_code", ssmix_at(reader, segment, 4, 1));
    if (is_iam)
        iam_fields(reader, item, segment);
    else
        ssmix_field(reader, item, "reaction", ssmix_at(reader, segment, 5, 0));
    entry->title = ssmix_coded_at(reader, segment, 3, SSMIX_TABLE_NONE);
    if (entry->title.len == 0)
        entry->title = class;
    struct text part = is_iam ? ssmix_at(reader, segment, 7, 1) : (struct text){0};
    if (part.len == 0)
        part = ssmix_pair(reader, ssmix_at(reader, segment, 3, 3), ":",
                          ssmix_at(reader, segment, 3, 1));
    ssmix_set_part(reader, entry, ssmix_pair(reader, TEXT("allergy"), ":", part));
}

void ssmix_read_allergies(struct ssmix_reader *reader)
{
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++)
        if (reader->tags[i] == TAG_IAM || reader->tags[i] == TAG_AL1)
            add_allergy(reader, i, reader->tags[i] == TAG_IAM);
}

/* ------------------------------------------------------------------ problems */

/* Texts of a repeating field, joined without anything between. */
static struct text modifiers(struct ssmix_reader *reader, size_t zpr, uint16_t field)
{
    struct text joined = {0};
    uint16_t count = ssmix_repetitions(reader, zpr, field);
    for (uint16_t i = 0; i < count; i++)
        joined = ssmix_pair(reader, joined, "",
                            ssmix_text(reader, repeated(zpr, field, i, 2)));
    return joined;
}

static bool text_ends(struct text text, struct text end)
{
    return text.len >= end.len && end.len > 0 &&
           memcmp(text.at + text.len - end.len, end.at, end.len) == 0;
}

static bool text_begins(struct text text, struct text begin)
{
    return text.len >= begin.len && begin.len > 0 &&
           memcmp(text.at, begin.at, begin.len) == 0;
}

/* Prefixes + 病名 + suffixes + 疑い; what PRB-3 holds already is not said twice. */
static struct text problem_name(struct ssmix_reader *reader, size_t prb, size_t zpr)
{
    struct text base = ssmix_coded_at(reader, prb, 3, SSMIX_TABLE_NONE);
    struct text own = ssmix_at(reader, zpr, 2, 2);
    if (base.len == 0)
        base = own;
    struct text prefix = modifiers(reader, zpr, 1);
    struct text suffix = modifiers(reader, zpr, 3);
    bool is_whole = own.len > 0 && !text_equal(own, base) && base.len > own.len;
    if (is_whole && text_begins(base, prefix))
        prefix = (struct text){0};
    if (is_whole && text_ends(base, suffix))
        suffix = (struct text){0};
    bool is_suspected = span_is(span_trim(ssmix_raw(reader, prb, 13, 1)), "1");
    struct text suspected = is_suspected ? TEXT("の疑い") : (struct text){0};
    if (text_ends(base, TEXT("疑い")) || text_ends(suffix, TEXT("疑い")))
        suspected = (struct text){0};
    const struct text parts[] = {prefix, base, suffix, suspected};
    return ssmix_join(reader, parts, 4, "");
}

static bool is_sensitive(struct span code)
{
    static const char *const codes[] = {"V",   "R",   "EMP", "UWM",
                                        "VIP", "PSY", "AID", "ETH"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (span_is(code, codes[i]))
            return true;
    return false;
}

/* The first time that is there, of up to three fields. */
static struct text first_time(struct ssmix_reader *reader, size_t segment,
                              const uint16_t fields[3])
{
    for (int i = 0; i < 3 && fields[i] > 0; i++) {
        struct text time = ssmix_time(reader, HL7_AT(segment, fields[i], 1));
        if (time.len > 0)
            return time;
    }
    return (struct text){0};
}

static bool has_ended(struct span outcome)
{
    static const char *const codes[] = {"D", "R", "F", "I", "S"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (span_is(outcome, codes[i]))
            return true;
    return false;
}

static void coded_field(struct ssmix_reader *reader, struct entry_item *item,
                        const char *key, struct hl7_place place, enum ssmix_table table)
{
    ssmix_field(reader, item, key, ssmix_coded(reader, place, table));
}

static void problem_fields(struct ssmix_reader *reader, struct entry_item *item,
                           size_t prb, size_t zpr)
{
    ssmix_field(reader, item, "code", ssmix_at(reader, prb, 3, 1));
    ssmix_field(reader, item, "system", ssmix_at(reader, prb, 3, 3));
    ssmix_field(reader, item, "exchange_code", ssmix_at(reader, zpr, 5, 1));
    ssmix_field(reader, item, "icd10", ssmix_at(reader, prb, 10, 1));
    ssmix_field(reader, item, "icd10_version", ssmix_at(reader, prb, 10, 7));
    struct text phase = ssmix_at(reader, prb, 10, 5);
    if (phase.len == 0)
        phase = ssmix_code_text(SSMIX_TABLE_PROBLEM_TIME, ssmix_raw(reader, prb, 10, 4));
    ssmix_field(reader, item, "phase", phase);
    ssmix_field(reader, item, "start",
                first_time(reader, prb, (const uint16_t[3]){16, 7, 2}));
    struct text end = ssmix_time(reader, HL7_AT(prb, 9, 1));
    if (end.len == 0 && has_ended(ssmix_raw(reader, prb, 14, 1)))
        end = ssmix_time(reader, HL7_AT(prb, 15, 1));
    ssmix_field(reader, item, "end", end);
    ssmix_field(reader, item, "onset_text", ssmix_at(reader, prb, 17, 0));
    coded_field(reader, item, "outcome", HL7_AT(prb, 14, 0), SSMIX_TABLE_OUTCOME);
    ssmix_field(reader, item, "outcome_day", ssmix_time(reader, HL7_AT(prb, 15, 1)));
    coded_field(reader, item, "confirmation", HL7_AT(prb, 13, 0), SSMIX_TABLE_SUSPICION);
    coded_field(reader, item, "rank", HL7_AT(prb, 18, 0), SSMIX_TABLE_RANK);
    coded_field(reader, item, "secrecy", HL7_AT(prb, 25, 0), SSMIX_TABLE_SECRECY);
    ssmix_field(reader, item, "comment", ssmix_at(reader, zpr, 7, 0));
}

static void add_problem(struct ssmix_reader *reader, struct ssmix_group group)
{
    size_t prb = group.from;
    size_t zpr = ssmix_next(reader, TAG_ZPR, group);
    struct entry *entry = ssmix_entry(reader, ENTRY_PROBLEM);
    ssmix_set_order(reader, entry, ssmix_next(reader, TAG_ORC, group));
    if (span_is(ssmix_raw(reader, prb, 1, 0), "DE") && entry->state == ENTRY_CURRENT)
        entry->state = ENTRY_DELETED;
    if (is_sensitive(span_trim(ssmix_raw(reader, prb, 25, 1))))
        entry->flags |= ENTRY_SENSITIVE;
    entry->title = problem_name(reader, prb, zpr);
    struct entry_item *item = ssmix_item(reader, entry, "problem", 20);
    ssmix_field(reader, item, "name", entry->title);
    problem_fields(reader, item, prb, zpr);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
    ssmix_set_part(reader, entry, ssmix_at(reader, prb, 4, 1));
}

void ssmix_read_problems(struct ssmix_reader *reader)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    while (ssmix_is_good(reader) && ssmix_take_group(reader, TAG_PRB, &at, &group))
        add_problem(reader, group);
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, CLAUSE_STRUCTURE);
}

/* ------------------------------------------------------------------ meals */

static void add_meal(struct ssmix_reader *reader, struct ssmix_group group)
{
    size_t tq1 = ssmix_next(reader, TAG_TQ1, group);
    size_t first = ssmix_next(reader, TAG_ODS, group);
    if (first == HL7_NONE) {
        ssmix_refuse(reader, "ssmix_group_incomplete", group.to, CLAUSE_STRUCTURE);
        if (reader->name)
            return;
    }
    struct entry *entry = ssmix_entry(reader, reader->kind);
    ssmix_set_order(reader, entry, group.from);
    int32_t start = ssmix_day(reader, HL7_AT(tq1, 7, 1));
    if (ssmix_day_has(start))
        entry->day = start;
    int32_t end = ssmix_day(reader, HL7_AT(tq1, 8, 1));
    if (ssmix_day_has(end) && end >= entry->day)
        entry->end_day = end;
    entry->is_open = !ssmix_day_has(end);
    entry->time = ssmix_time(reader, HL7_AT(tq1, 7, 1));
    struct hl7_place pattern = HL7_AT(tq1, 3, 1);
    for (size_t i = group.from; i < group.to && ssmix_is_good(reader); i++) {
        if (reader->tags[i] != TAG_ODS)
            continue;
        struct entry_item *item = ssmix_item(reader, entry, "meal", 9);
        ssmix_field(reader, item, "class",
                    ssmix_coded_at(reader, i, 1, SSMIX_TABLE_DIET));
        ssmix_code_fields(reader, item, i, 3);
        struct text instruction = ssmix_at(reader, i, 4, 0);
        ssmix_field(reader, item, "instruction", instruction);
        ssmix_field(reader, item, "usage",
                    ssmix_part(reader, pattern, SSMIX_TABLE_REPEAT));
        ssmix_field(reader, item, "start", entry->time);
        ssmix_field(reader, item, "end", ssmix_time(reader, HL7_AT(tq1, 8, 1)));
        if (entry->title.len > 0)
            continue;
        entry->title = ssmix_at(reader, i, 3, 2);
        if (entry->title.len == 0)
            entry->title = instruction;
        if (entry->title.len == 0)
            entry->title = ssmix_at(reader, i, 3, 1);
    }
    if (entry->title.len == 0)
        entry->title = TEXT("食事");
    ssmix_set_part(reader, entry, ssmix_at(reader, group.from, 4, 1));
}

void ssmix_read_meals(struct ssmix_reader *reader)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    while (ssmix_is_good(reader) && ssmix_take_group(reader, TAG_ORC, &at, &group))
        add_meal(reader, group);
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, CLAUSE_STRUCTURE);
}
