// SPDX-License-Identifier: Apache-2.0
/* ADT and SIU: visits, stays, who is in charge, appointments. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

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
    bool has_words = entry->department.len > 0 && !ssmix_is_bare_code(entry->department);
    entry->title = has_words ? entry->department : TEXT("外来受診");
    struct entry_item *item = ssmix_item(reader, entry, "event", 5);
    ssmix_field(reader, item, "event", TEXT("外来受診"));
    ssmix_field(reader, item, "time", entry->time);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
    ssmix_field(reader, item, "reason",
                ssmix_words(reader, HL7_AT(reader->pv2, 3, 0), SSMIX_TABLE_NONE));
    ssmix_observations(reader, entry, (struct ssmix_group){0, reader->count});
}

/* Triggers that SS-MIX2 has no type for. */
static const struct {
    const char *trigger;
    struct text name;
} other_events[] = {
#define EVENT(trigger, name)                                                             \
    {                                                                                    \
        trigger,                                                                         \
        {                                                                                \
            name, sizeof(name) - 1                                                       \
        }                                                                                \
    }
    EVENT("A06", "入院（外来から）"),
    EVENT("A07", "外来へ変更"),
    EVENT("A09", "院内移動（出発）"),
    EVENT("A10", "院内移動（到着）"),
    EVENT("A17", "病床の入替"),
    EVENT("A20", "病床の状態"),
    EVENT("A32", "院内移動（到着）の取消"),
    EVENT("A33", "院内移動（出発）の取消"),
#undef EVENT
};

/* The words of the type; a cancelling message outside a storage says so, inside one the
 * state does. */
static struct text event_name(struct ssmix_reader *reader)
{
    struct span trigger = hl7_trigger(reader->message);
    const struct ssmix_type *type = reader->type;
    if (type && type->kind == ENTRY_ADMISSION) {
        struct text name = text_cstr(type->name);
        bool is_cancel = !reader->name && reader->state == ENTRY_DELETED;
        return is_cancel ? ssmix_pair(reader, name, "", TEXT("の取消")) : name;
    }
    for (size_t i = 0; i < sizeof(other_events) / sizeof(other_events[0]); i++)
        if (span_is(trigger, other_events[i].trigger))
            return other_events[i].name;
    const struct text parts[] = {TEXT("患者の異動（"), ssmix_at(reader, 0, 9, 2),
                                 TEXT("）")};
    return ssmix_join(reader, parts, 3, "");
}

/* "32" says nothing without a word behind it; "東3階病棟" does. */
static struct text ward_in_words(struct ssmix_reader *reader)
{
    enum { CODE_MAX = 4 };
    struct text ward = location(reader, reader->pv1, 3, 1);
    if (ward.len == 0)
        return location(reader, reader->pv2, 1, 1);
    if (span_is(ssmix_raw(reader, reader->pv1, 3, 6), "C"))
        return (struct text){0}; /* a department, not a ward */
    bool is_ward = span_is(ssmix_raw(reader, reader->pv1, 3, 6), "N");
    bool is_code = is_ward && ward.len <= CODE_MAX;
    for (size_t i = 0; i < ward.len && is_code; i++)
        is_code = (uint8_t)ward.at[i] > ' ' && (uint8_t)ward.at[i] < 0x80;
    return is_code ? ssmix_pair(reader, ward, "", TEXT("病棟")) : ward;
}

/* Why it happened (EVN-4), and why the patient comes (PV2-3). */
static struct text reason_of(struct ssmix_reader *reader)
{
    struct text event =
        ssmix_words(reader, HL7_AT(reader->evn, 4, 0), SSMIX_TABLE_EVENT_REASON);
    return ssmix_pair(reader, event, "、",
                      ssmix_words(reader, HL7_AT(reader->pv2, 3, 0), SSMIX_TABLE_NONE));
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
    ssmix_field(reader, item, "reason", reason_of(reader));
    if (ssmix_raw(reader, pv1, 36, 1).len > 0) {
        ssmix_field(reader, item, "disposition_code", ssmix_at(reader, pv1, 36, 1));
        ssmix_field(reader, item, "disposition",
                    ssmix_coded_at(reader, pv1, 36, SSMIX_TABLE_DISPOSITION));
    }
    ssmix_field(reader, item, "admitted", ssmix_time(reader, HL7_AT(pv1, 44, 1)));
    ssmix_field(reader, item, "discharged", ssmix_time(reader, HL7_AT(pv1, 45, 1)));
    bool is_move = reader->type && strcmp(reader->type->code, "ADT-41") == 0;
    ssmix_field(reader, item, is_move ? "planned_move" : "planned_admission",
                ssmix_time(reader, HL7_AT(pv2, 8, 1)));
    ssmix_field(reader, item, "planned_discharge", ssmix_time(reader, HL7_AT(pv2, 9, 1)));
    ssmix_field(reader, item, "planned_return", ssmix_time(reader, HL7_AT(pv2, 47, 1)));
}

void ssmix_read_event(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    if (reader->type && reader->type->is_plan && entry->state == ENTRY_CURRENT)
        entry->state = ENTRY_PLANNED;
    ssmix_set_order(reader, entry, HL7_NONE);
    struct text event = event_name(reader);
    entry->time = ssmix_time(reader, ssmix_day_place(reader));
    if (entry->time.len == 0 && !reader->type)
        entry->time = ssmix_time(reader, HL7_AT(reader->evn, 6, 1));
    struct entry_item *item = ssmix_item(reader, entry, "event", 21);
    ssmix_field(reader, item, "event", event);
    ssmix_field(reader, item, "time", entry->time);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
    event_fields(reader, item);
    ssmix_observations(reader, entry, (struct ssmix_group){0, reader->count});
    bool is_discharge = reader->type && reader->type->day_from == SSMIX_DAY_FROM_PV1_45;
    struct text detail = {0};
    if (!is_discharge)
        detail = ward_in_words(reader);
    else if (ssmix_raw(reader, reader->pv1, 36, 0).len > 0)
        detail = ssmix_words(reader, HL7_AT(reader->pv1, 36, 0), SSMIX_TABLE_DISPOSITION);
    entry->title = ssmix_pair(reader, event, " ", detail);
}

/* ------------------------------------------------------------------ appointments */

static struct text appointment_name(struct ssmix_reader *reader)
{
    struct span trigger = hl7_trigger(reader->message);
    if (span_is(trigger, "S15") || span_is(trigger, "S16") || span_is(trigger, "S17"))
        return TEXT("予約の取消");
    return span_is(trigger, "S26") ? TEXT("予約（来院なし）") : TEXT("予約");
}

/* What the appointment is for: the service, else its type or reason. */
static struct text service_of(struct ssmix_reader *reader, size_t sch, size_t ais)
{
    struct text service = ssmix_words(reader, HL7_AT(ais, 3, 0), SSMIX_TABLE_NONE);
    if (service.len == 0)
        service = ssmix_coded_at(reader, sch, 7, SSMIX_TABLE_NONE);
    return service.len > 0 ? service : ssmix_coded_at(reader, sch, 8, SSMIX_TABLE_NONE);
}

void ssmix_read_appointment(struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    size_t sch = ssmix_next(reader, TAG_SCH, all);
    size_t ais = ssmix_next(reader, TAG_AIS, all);
    size_t ail = ssmix_next(reader, SSMIX_TAG('A', 'I', 'L'), all);
    size_t aip = ssmix_next(reader, SSMIX_TAG('A', 'I', 'P'), all);
    struct entry *entry = ssmix_entry(reader, reader->kind);
    ssmix_set_order(reader, entry, HL7_NONE);
    entry->time = ssmix_time(reader, ssmix_day_place(reader));
    struct text doctor = ssmix_person(reader, HL7_AT(aip, 3, 0));
    if (doctor.len > 0)
        entry->author = doctor;
    struct text name = appointment_name(reader);
    struct text service = service_of(reader, sch, ais);
    entry->title = ssmix_pair(reader, name, " ", service);
    struct entry_item *item = ssmix_item(reader, entry, "event", 8);
    ssmix_field(reader, item, "event", name);
    ssmix_field(reader, item, "time", entry->time);
    ssmix_field(reader, item, "service", service);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "doctor", entry->author);
    ssmix_field(reader, item, "place", location(reader, ail, 3, 1));
    ssmix_field(reader, item, "comment", ssmix_all_notes(reader, all));
    ssmix_observations(reader, entry, all);
}
