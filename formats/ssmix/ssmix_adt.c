// SPDX-License-Identifier: Apache-2.0
/* ADT, PPR and OMD: who the patient is, where, with what problems and what diet. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

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
        type = ssmix_at(reader, 0, 9, 0);
    else if (!text_from_utf8(reader->name->type, &type, &err))
        return TEXT("不明種別");
    const struct text parts[] = {
        reader->name ? TEXT("不明種別（") : TEXT("その他の電文（"), type, TEXT("）")};
    return ssmix_join(reader, parts, 3, "");
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

/* A mobile number behind the first one of PID-13. */
static struct text mobile(struct ssmix_reader *reader, size_t pid)
{
    uint16_t count = ssmix_repetitions(reader, pid, 13);
    for (uint16_t i = 1; i < count; i++) {
        if (!span_is(hl7_raw(reader->message, repeated(pid, 13, i, 3)), "CP"))
            continue;
        struct text number = ssmix_text(reader, repeated(pid, 13, i, 12));
        return number.len > 0 ? number : ssmix_text(reader, repeated(pid, 13, i, 1));
    }
    return (struct text){0};
}

/* XAD: the whole address as text, else its parts. */
static struct text address(struct ssmix_reader *reader, size_t segment, uint16_t field,
                           uint16_t repetition)
{
    struct text whole = ssmix_text(reader, repeated(segment, field, repetition, 8));
    if (whole.len > 0)
        return whole;
    struct hl7_place street = repeated(segment, field, repetition, 1);
    struct text lines[3];
    for (uint16_t i = 0; i < 3; i++) {
        street.subcomponent = (uint16_t)(i + 1);
        lines[i] = ssmix_text(reader, street);
    }
    const struct text parts[] = {
        ssmix_text(reader, repeated(segment, field, repetition, 4)),
        ssmix_text(reader, repeated(segment, field, repetition, 3)),
        lines[0],
        lines[1],
        lines[2],
        ssmix_text(reader, repeated(segment, field, repetition, 2))};
    return ssmix_join(reader, parts, 6, " ");
}

/* The address that is marked as that of work, else "". */
static struct text work_address(struct ssmix_reader *reader, size_t segment,
                                uint16_t field)
{
    uint16_t count = ssmix_repetitions(reader, segment, field);
    for (uint16_t i = 1; i < count; i++)
        if (span_is(hl7_raw(reader->message, repeated(segment, field, i, 7)), "B"))
            return address(reader, segment, field, i);
    return (struct text){0};
}

static struct text name_of(struct ssmix_reader *reader, size_t segment, uint16_t field,
                           const char *form)
{
    uint16_t count = ssmix_repetitions(reader, segment, field);
    for (uint16_t i = 0; i < count; i++) {
        struct span is = hl7_raw(reader->message, repeated(segment, field, i, 8));
        if (span_is(is, form) || (is.len == 0 && i == 0 && form[0] == 'I'))
            return ssmix_name(reader, repeated(segment, field, i, 0));
    }
    return (struct text){0};
}

/* PID-29, or PID-30 alone. */
static struct text death(struct ssmix_reader *reader, size_t pid)
{
    struct text when = ssmix_time(reader, HL7_AT(pid, 29, 1));
    if (when.len == 0 && span_is(ssmix_raw(reader, pid, 30, 0), "Y"))
        return TEXT("日時不明");
    return when;
}

static void add_person(struct ssmix_reader *reader, struct entry *entry)
{
    const struct entry_patient *patient = &reader->list->patient;
    size_t pid = reader->pid;
    struct entry_item *item = ssmix_item(reader, entry, "patient", 19);
    const char sex[2] = {patient->sex, '\0'};
    ssmix_field(reader, item, "name", patient->name);
    ssmix_field(reader, item, "kana", patient->kana);
    if (pid == HL7_NONE)
        return;
    ssmix_field(reader, item, "name_alphabetic", name_of(reader, pid, 5, "A"));
    ssmix_field(reader, item, "birth", ssmix_iso(reader, patient->birth_day));
    ssmix_field(reader, item, "sex", ssmix_copy(reader, span_cstr(sex)));
    ssmix_field(reader, item, "postcode", ssmix_at(reader, pid, 11, 5));
    ssmix_field(reader, item, "address", address(reader, pid, 11, 0));
    struct text home = telephone(reader, pid, 13, "PRN");
    if (home.len == 0)
        home = telephone(reader, pid, 13, "");
    ssmix_field(reader, item, "phone", home);
    ssmix_field(reader, item, "address_work", work_address(reader, pid, 11));
    ssmix_field(reader, item, "phone_mobile", mobile(reader, pid));
    ssmix_field(reader, item, "phone_emergency", telephone(reader, pid, 13, "EMR"));
    ssmix_field(reader, item, "phone_work", telephone(reader, pid, 14, ""));
    ssmix_field(reader, item, "died", death(reader, pid));
    ssmix_field(reader, item, "updated", ssmix_time(reader, HL7_AT(pid, 33, 1)));
}

static void add_contact(struct ssmix_reader *reader, struct entry *entry, size_t nk1)
{
    struct entry_item *item = ssmix_item(reader, entry, "contact", 9);
    ssmix_field(reader, item, "name", name_of(reader, nk1, 2, "I"));
    ssmix_field(reader, item, "kana", name_of(reader, nk1, 2, "P"));
    ssmix_field(reader, item, "relation",
                ssmix_coded_at(reader, nk1, 3, SSMIX_TABLE_RELATION));
    ssmix_field(reader, item, "postcode", ssmix_at(reader, nk1, 4, 5));
    ssmix_field(reader, item, "address", address(reader, nk1, 4, 0));
    ssmix_field(reader, item, "address_work", work_address(reader, nk1, 4));
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
    struct span value = ssmix_raw(reader, db1, 4, 1);
    if (value.len > 0)
        ssmix_field(reader, item, "value",
                    span_is(value, "Y") ? TEXT("あり") : TEXT("なし"));
}

static void add_allergy(struct ssmix_reader *reader, size_t segment, bool is_iam);

/* The events by which a patient's number ends in another one; the others of MRG move an
 * account or a visit, and the patient keeps the number. */
static bool replaces_number(const struct ssmix_reader *reader)
{
    static const char *const triggers[] = {"A18", "A34", "A36", "A39",
                                           "A40", "A46", "A47"};
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++)
        if (span_is(hl7_trigger(reader->message), triggers[i]))
            return true;
    return false;
}

/* Numbers that were joined or replaced (A18, A34 to A51): MRG holds the old ones, the PID
 * before it the number that goes on; a message may hold several pairs. */
static void add_merge(struct ssmix_reader *reader, struct entry *entry,
                      struct hl7_place old)
{
    size_t mrg = old.segment;
    struct entry_item *item = ssmix_item(reader, entry, "merge", 5);
    size_t pid = mrg;
    while (pid > 0 && reader->tags[pid] != TAG_PID)
        pid--;
    if (reader->tags[pid] != TAG_PID)
        pid = reader->pid;
    ssmix_field(reader, item, "old_number", ssmix_text(reader, old));
    if (pid != HL7_NONE)
        ssmix_field(reader, item, "number",
                    ssmix_text(reader, ssmix_own_number(reader, pid)));
    if (replaces_number(reader))
        ssmix_field(reader, item, "ends", TEXT("number"));
    ssmix_field(reader, item, "old_account", ssmix_at(reader, mrg, 3, 1));
    ssmix_field(reader, item, "old_visit", ssmix_at(reader, mrg, 5, 1));
}

/* MRG-1 may name several old numbers at once; those of insurers and others are none. */
static void add_merges(struct ssmix_reader *reader, struct entry *entry, size_t mrg)
{
    uint16_t count = ssmix_repetitions(reader, mrg, 1);
    for (uint16_t i = 0; i < count; i++) {
        struct span type = hl7_raw(reader->message, repeated(mrg, 1, i, 5));
        bool is_own = type.len == 0 || span_is(type, "PI") || span_is(type, "MR");
        if (count == 1 || is_own)
            add_merge(reader, entry, repeated(mrg, 1, i, 1));
    }
    if (count == 0)
        add_merge(reader, entry, repeated(mrg, 1, 0, 1));
}

static struct text patient_title(const struct ssmix_reader *reader)
{
    struct span trigger = hl7_trigger(reader->message);
    struct ssmix_group all = {0, reader->count};
    if (ssmix_next(reader, TAG_MRG, all) != HL7_NONE)
        return TEXT("患者番号の統合・変更");
    if (reader->name && reader->name->known)
        return text_cstr(reader->name->known->name);
    if (span_is(trigger, "A23") || span_is(trigger, "A29"))
        return TEXT("患者基本情報の削除");
    if (span_is(trigger, "A24") || span_is(trigger, "A37"))
        return TEXT("患者番号の関連付け");
    return TEXT("患者基本情報");
}

/* Height, weight, blood group: of the day when the patient's data changed, unless the row
 * has its own. */
static void add_measure(struct ssmix_reader *reader, struct entry *entry, size_t obx)
{
    struct ssmix_result result = {0};
    ssmix_take_result(reader, obx, &result);
    if (result.is_withdrawn)
        return;
    struct entry_item *item = ssmix_item(reader, entry, "observation", 22);
    ssmix_result_fields(reader, item, &result);
    if (ssmix_raw(reader, obx, 14, 1).len == 0)
        ssmix_field(reader, item, "time", ssmix_time(reader, HL7_AT(reader->pid, 33, 1)));
}

void ssmix_read_patient(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    entry->title = patient_title(reader);
    ssmix_set_order(reader, entry, HL7_NONE);
    add_person(reader, entry);
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++) {
        if (reader->tags[i] == TAG_NK1)
            add_contact(reader, entry, i);
        else if (reader->tags[i] == TAG_IN1)
            add_insurance(reader, entry, i);
        else if (reader->tags[i] == TAG_DB1)
            add_disability(reader, entry, i);
        else if (reader->tags[i] == TAG_OBX)
            add_measure(reader, entry, i);
        else if (reader->tags[i] == TAG_MRG)
            add_merges(reader, entry, i);
        else if (reader->tags[i] == TAG_AL1)
            add_allergy(reader, i, false);
    }
}

/* ------------------------------------------------------------------ allergies */

/* A date of any precision, or whatever was written instead of one. */
static struct text onset_of(struct ssmix_reader *reader, size_t segment, uint16_t field)
{
    struct text onset = ssmix_time(reader, HL7_AT(segment, field, 1));
    return onset.len > 0 ? onset : ssmix_at(reader, segment, field, 1);
}

/* All of IAM-5 or AL1-5: one allergen causes several reactions. */
static struct text reactions(struct ssmix_reader *reader, size_t segment)
{
    struct text all = {0};
    uint16_t count = ssmix_repetitions(reader, segment, 5);
    for (uint16_t i = 0; i < count; i++)
        all =
            ssmix_pair(reader, all, "、", ssmix_text(reader, repeated(segment, 5, i, 0)));
    return all;
}

static void iam_fields(struct ssmix_reader *reader, struct entry_item *item, size_t iam)
{
    ssmix_field(reader, item, "reason", ssmix_at(reader, iam, 8, 0));
    ssmix_field(
        reader, item, "onset",
        ssmix_pair(reader, onset_of(reader, iam, 11), " ", ssmix_at(reader, iam, 12, 0)));
    ssmix_field(reader, item, "reported", ssmix_time(reader, HL7_AT(iam, 13, 1)));
    ssmix_field(reader, item, "reporter", name_of(reader, iam, 14, "I"));
    ssmix_field(reader, item, "sensitivity",
                ssmix_coded_at(reader, iam, 9, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "allergen_group",
                ssmix_coded_at(reader, iam, 10, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "clinical_status",
                ssmix_coded_at(reader, iam, 17, SSMIX_TABLE_NONE));
}

static void add_allergy(struct ssmix_reader *reader, size_t segment, bool is_iam)
{
    struct entry *entry = ssmix_entry(reader, ENTRY_ALLERGY);
    ssmix_own(reader, segment, entry);
    struct span action = ssmix_raw(reader, segment, 6, 1);
    if (is_iam && span_is(action, "D") && entry->state == ENTRY_CURRENT)
        entry->state = ENTRY_DELETED;
    ssmix_set_order(reader, entry, HL7_NONE);
    struct entry_item *item = ssmix_item(reader, entry, "allergy", 18);
    struct text class = ssmix_coded_at(reader, segment, 2, SSMIX_TABLE_ALLERGEN);
    ssmix_field(reader, item, "class", class);
    ssmix_field(reader, item, "class_code", ssmix_at(reader, segment, 2, 1));
    ssmix_code_fields(reader, item, segment, 3);
    ssmix_field(reader, item, "severity",
                ssmix_coded_at(reader, segment, 4, SSMIX_TABLE_SEVERITY));
    ssmix_field(reader, item, "severity_code", ssmix_at(reader, segment, 4, 1));
    ssmix_field(reader, item, "reaction", reactions(reader, segment));
    if (is_iam)
        iam_fields(reader, item, segment);
    else
        ssmix_field(reader, item, "onset", onset_of(reader, segment, 6));
    struct text allergen = ssmix_words(reader, HL7_AT(segment, 3, 0), SSMIX_TABLE_NONE);
    entry->title = allergen;
    if (allergen.len == 0)
        entry->title = ssmix_pair(reader, class.len > 0 ? class : TEXT("アレルギー"), " ",
                                  ssmix_coded_at(reader, segment, 3, SSMIX_TABLE_NONE));
    struct text part = is_iam ? ssmix_at(reader, segment, 7, 1) : (struct text){0};
    struct text code = ssmix_at(reader, segment, 3, 1);
    if (part.len == 0)
        part = ssmix_pair(reader, ssmix_at(reader, segment, 3, 3), ":",
                          code.len > 0 ? code : allergen);
    ssmix_set_part(reader, entry, ssmix_pair(reader, TEXT("allergy"), ":", part));
}

void ssmix_read_allergies(struct ssmix_reader *reader)
{
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++)
        if (reader->tags[i] == TAG_IAM || reader->tags[i] == TAG_AL1)
            add_allergy(reader, i, reader->tags[i] == TAG_IAM);
}

/* ------------------------------------------------------------------ problems */

/* Texts of a repeating field, joined without anything between; those of the field with
 * the exchange codes when it has none. */
static struct text modifiers(struct ssmix_reader *reader, size_t zpr, uint16_t field,
                             uint16_t exchange_field)
{
    struct text joined = {0};
    uint16_t count = ssmix_repetitions(reader, zpr, field);
    for (uint16_t i = 0; i < count; i++)
        joined = ssmix_pair(reader, joined, "",
                            ssmix_text(reader, repeated(zpr, field, i, 2)));
    if (joined.len == 0 && exchange_field > 0)
        return modifiers(reader, zpr, exchange_field, 0);
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
    struct text base = ssmix_words(reader, HL7_AT(prb, 3, 0), SSMIX_TABLE_NONE);
    struct text own = ssmix_at(reader, zpr, 2, 2);
    if (own.len == 0)
        own = ssmix_at(reader, zpr, 5, 2);
    if (base.len == 0)
        base = own;
    if (base.len == 0)
        base = ssmix_pair(reader, TEXT("病名なし"), " ",
                          ssmix_coded_at(reader, prb, 3, SSMIX_TABLE_NONE));
    struct text prefix = modifiers(reader, zpr, 1, 4);
    struct text suffix = modifiers(reader, zpr, 3, 6);
    /* Without the name of the bare disease only the text itself can tell. */
    bool is_whole = own.len == 0 || (!text_equal(own, base) && base.len > own.len);
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
    struct text version = ssmix_at(reader, prb, 10, 7);
    bool has_icd10 = ssmix_raw(reader, prb, 10, 1).len > 0;
    if (version.len == 0 && has_icd10)
        version = TEXT("2003");
    ssmix_field(reader, item, "icd10_version", version);
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
    coded_field(reader, item, "persistence", HL7_AT(prb, 12, 0), SSMIX_TABLE_NONE);
    coded_field(reader, item, "certainty", HL7_AT(prb, 19, 0), SSMIX_TABLE_NONE);
    coded_field(reader, item, "prognosis", HL7_AT(prb, 22, 0), SSMIX_TABLE_NONE);
}

/* The texts of field 2 of all segments of a kind: 歯式 of ZPD, 保険 of ZI1. */
static struct text second_fields(struct ssmix_reader *reader, struct ssmix_group group,
                                 uint32_t tag, enum ssmix_table table)
{
    struct text joined = {0};
    for (size_t i = group.from; i < group.to; i++)
        if (reader->tags[i] == tag)
            joined =
                ssmix_pair(reader, joined, "、", ssmix_coded_at(reader, i, 2, table));
    return joined;
}

static void add_problem(struct ssmix_reader *reader, struct ssmix_group group)
{
    size_t prb = group.from;
    size_t zpr = ssmix_next(reader, TAG_ZPR, group);
    struct entry *entry = ssmix_entry(reader, ENTRY_PROBLEM);
    ssmix_own(reader, prb, entry);
    ssmix_set_order(reader, entry, ssmix_next(reader, TAG_ORC, group));
    if (span_is(ssmix_raw(reader, prb, 1, 0), "DE") && entry->state == ENTRY_CURRENT)
        entry->state = ENTRY_DELETED;
    if (is_sensitive(span_trim(ssmix_raw(reader, prb, 25, 1))))
        entry->flags |= ENTRY_SENSITIVE;
    entry->title = problem_name(reader, prb, zpr);
    struct entry_item *item = ssmix_item(reader, entry, "problem", 26);
    ssmix_field(reader, item, "name", entry->title);
    problem_fields(reader, item, prb, zpr);
    ssmix_field(reader, item, "teeth",
                second_fields(reader, group, TAG_ZPD, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "insurance",
                second_fields(reader, group, TAG_ZI1, SSMIX_TABLE_INSURANCE));
    ssmix_field(reader, item, "comment",
                ssmix_pair(reader, ssmix_at(reader, zpr, 7, 0), "\n",
                           ssmix_all_notes(reader, group)));
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
    ssmix_observations(reader, entry, group);
    ssmix_set_part(reader, entry, ssmix_at(reader, prb, 4, 1));
}

void ssmix_read_problems(struct ssmix_reader *reader)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    while (ssmix_is_good(reader) && ssmix_take_group(reader, TAG_PRB, &at, &group))
        add_problem(reader, group);
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, TAG_PRB);
}

/* ------------------------------------------------------------------ meals */

/* What is eaten: the text of ODS-3, else the instruction, else its code. */
static struct text meal_name(struct ssmix_reader *reader, struct hl7_place dish)
{
    struct text name = ssmix_words(reader, dish, SSMIX_TABLE_NONE);
    if (name.len == 0 && dish.repetition == 0)
        name = ssmix_at(reader, dish.segment, 4, 0);
    if (name.len > 0)
        return name;
    return ssmix_pair(reader, TEXT("食事"), " ",
                      ssmix_coded(reader, dish, SSMIX_TABLE_NONE));
}

static void add_dish(struct ssmix_reader *reader, struct entry *entry,
                     struct hl7_place dish, size_t tq1)
{
    size_t ods = dish.segment;
    struct entry_item *item = ssmix_item(reader, entry, "meal", 11);
    struct text name = meal_name(reader, dish);
    struct text instruction = ssmix_at(reader, ods, 4, 0);
    ssmix_field(reader, item, "class", ssmix_coded_at(reader, ods, 1, SSMIX_TABLE_DIET));
    ssmix_field(reader, item, "name", name);
    dish.component = 1;
    ssmix_field(reader, item, "code", ssmix_text(reader, dish));
    dish.component = 3;
    ssmix_field(reader, item, "system", ssmix_text(reader, dish));
    if (!text_equal(name, instruction))
        ssmix_field(reader, item, "instruction", instruction);
    ssmix_field(reader, item, "period", ssmix_coded_at(reader, ods, 2, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "usage", ssmix_usage(reader, tq1));
    ssmix_field(reader, item, "start", entry->time);
    ssmix_field(reader, item, "end", ssmix_time(reader, HL7_AT(tq1, 8, 1)));
    ssmix_field(reader, item, "comment", ssmix_notes(reader, ods));
    if (entry->title.len == 0)
        entry->title = name;
}

/* From TQ1-7 to TQ1-8; without an end until the next order. */
static void set_meal_span(struct ssmix_reader *reader, struct entry *entry, size_t tq1)
{
    int32_t start = ssmix_day(reader, HL7_AT(tq1, 7, 1));
    int32_t end = ssmix_day(reader, HL7_AT(tq1, 8, 1));
    if (ssmix_day_has(start) && ssmix_is_far(reader, start)) {
        ssmix_warn_at(reader, "start_implausible", HL7_AT(tq1, 7, 0),
                      TEXT("開始日が診療日と離れすぎているため診療日を使います"));
    } else if (ssmix_day_has(start)) {
        entry->day = start;
        entry->time = ssmix_time(reader, HL7_AT(tq1, 7, 1));
    }
    if (ssmix_day_has(end) && end >= entry->day)
        entry->end_day = end;
    entry->is_open = !ssmix_day_has(end);
}

static void add_meal(struct ssmix_reader *reader, struct ssmix_group group)
{
    size_t tq1 = ssmix_next(reader, TAG_TQ1, group);
    if (ssmix_next(reader, TAG_ODS, group) == HL7_NONE) {
        ssmix_refuse(reader, "ssmix_group_incomplete", group.to, TAG_ODS);
        if (!ssmix_is_good(reader))
            return;
    }
    struct entry *entry = ssmix_entry(reader, reader->kind);
    ssmix_set_order(reader, entry, group.from);
    set_meal_span(reader, entry, tq1);
    for (size_t i = group.from; i < group.to && ssmix_is_good(reader); i++) {
        struct hl7_place dish = HL7_AT(i, 3, 0);
        uint16_t count = reader->tags[i] == TAG_ODS ? ssmix_repetitions(reader, i, 3) : 0;
        /* One without a code is its instruction. */
        if (reader->tags[i] == TAG_ODS && count == 0)
            count = 1;
        for (; dish.repetition < count; dish.repetition++)
            add_dish(reader, entry, dish, tq1);
    }
    if (entry->title.len == 0)
        entry->title = TEXT("食事");
    ssmix_observations(reader, entry, group);
    ssmix_set_part(reader, entry, ssmix_at(reader, group.from, 4, 1));
}

void ssmix_read_meals(struct ssmix_reader *reader)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    while (ssmix_is_good(reader) && ssmix_take_group(reader, TAG_ORC, &at, &group))
        add_meal(reader, group);
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, TAG_ORC);
}
