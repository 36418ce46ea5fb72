// SPDX-License-Identifier: Apache-2.0
/* OMG, OMI and ORU: radiology, endoscopy, physiology; and messages of unknown types. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

enum { TITLE_NAMES = 3 };

struct walk {
    struct ssmix_reader *reader;
    struct entry *entry;
    bool has_children; /* CH groups: NW and PA only carry common values */
    struct text procedure;
    struct text titles[TITLE_NAMES];
    size_t title_count;
    struct text modality;
};

static bool is_child(const struct ssmix_reader *reader, size_t orc)
{
    return span_is(ssmix_raw(reader, orc, 1, 0), "CH");
}

static bool has_children(const struct ssmix_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (reader->tags[i] == TAG_ORC && is_child(reader, i))
            return true;
    return false;
}

static void add_title(struct walk *walk, struct text name)
{
    if (ssmix_is_bare_code(name))
        return;
    for (size_t i = 0; i < walk->title_count && i < TITLE_NAMES; i++)
        if (text_equal(walk->titles[i], name))
            return;
    if (walk->title_count < TITLE_NAMES)
        walk->titles[walk->title_count] = name;
    walk->title_count++;
}

/* OBR-7, else OBR-22, else ORC-9. */
static struct text time_of(struct ssmix_reader *reader, size_t obr, size_t orc)
{
    struct text time = ssmix_time(reader, HL7_AT(obr, 7, 1));
    if (time.len == 0)
        time = ssmix_time(reader, HL7_AT(obr, 22, 1));
    return time.len > 0 ? time : ssmix_time(reader, HL7_AT(orc, 9, 1));
}

/* LENDO texts are paths with "-" for what does not apply: 検査.上部.-.-.-.- */
static struct text procedure_name(struct ssmix_reader *reader, size_t segment,
                                  uint16_t field)
{
    enum { PARTS_MAX = 12 };
    struct text whole = ssmix_test_name(reader, segment, field);
    if (!span_is(ssmix_raw(reader, segment, field, 3), "LENDO"))
        return whole;
    struct text parts[PARTS_MAX];
    size_t count = 0;
    struct span rest = text_span(whole);
    struct span part = {0};
    while (count < PARTS_MAX && span_take(&rest, '.', &part))
        if (!span_is(part, "-"))
            parts[count++] = (struct text){(const char *)part.at, part.len};
    return count == 0 || rest.at ? whole : ssmix_join(reader, parts, count, ".");
}

/* TQ1-7, else OBR-36: when an order is to be carried out. */
static struct text planned_of(struct ssmix_reader *reader, size_t obr, size_t tq1)
{
    struct text time = ssmix_time(reader, HL7_AT(tq1, 7, 1));
    return time.len > 0 ? time : ssmix_time(reader, HL7_AT(obr, 36, 1));
}

static void add_procedure(struct walk *walk, size_t obr, size_t orc, size_t tq1)
{
    struct ssmix_reader *reader = walk->reader;
    struct entry *entry = walk->entry;
    walk->procedure = procedure_name(reader, obr, 4);
    if (entry->time.len == 0 && entry->flags & ENTRY_IS_ORDER)
        entry->time = planned_of(reader, obr, tq1);
    if (entry->time.len == 0)
        entry->time = time_of(reader, obr, orc);
    if (entry->author.len == 0)
        entry->author = ssmix_person(reader, HL7_AT(obr, 16, 0));
    if (entry->order_number.len == 0)
        entry->order_number = ssmix_at(reader, obr, 2, 1);
    struct span priority = ssmix_raw(reader, tq1, 9, 1);
    if (span_is(priority, "A") || span_is(priority, "S"))
        entry->flags |= ENTRY_URGENT;
    if (walk->has_children && !is_child(reader, orc))
        return;
    add_title(walk, walk->procedure);
    struct entry_item *item = ssmix_item(reader, entry, "procedure", 14);
    ssmix_field(reader, item, "name", walk->procedure);
    ssmix_field(reader, item, "code", ssmix_at(reader, obr, 4, 1));
    ssmix_field(reader, item, "system", ssmix_at(reader, obr, 4, 3));
    ssmix_field(reader, item, "order_number", ssmix_at(reader, obr, 2, 1));
    ssmix_field(reader, item, "time", ssmix_time(reader, HL7_AT(obr, 7, 1)));
    ssmix_field(reader, item, "reported", ssmix_time(reader, HL7_AT(obr, 22, 1)));
    ssmix_field(reader, item, "planned", planned_of(reader, obr, tq1));
    ssmix_field(reader, item, "priority",
                ssmix_coded_at(reader, tq1, 9, SSMIX_TABLE_PRIORITY));
    ssmix_field(reader, item, "reason", ssmix_at(reader, obr, 13, 0));
    ssmix_field(reader, item, "comment", ssmix_notes(reader, obr));
}

/* JCC of ZE1-6: "NS-03^EM-01" is 看護師・助産師（正従業員）. */
static struct text job_of(struct ssmix_reader *reader, size_t ze1)
{
    struct text words = ssmix_at(reader, ze1, 6, 3);
    if (words.len > 0)
        return words;
    struct text code = ssmix_at(reader, ze1, 6, 1);
    struct text class = ssmix_at(reader, ze1, 6, 2);
    struct text job = ssmix_code_text(SSMIX_TABLE_JOB, span_part(text_span(code), 0, 2));
    struct text employed = ssmix_code_text(SSMIX_TABLE_EMPLOYMENT, text_span(class));
    if (job.len == 0)
        return ssmix_pair(reader, code, ".", class);
    const struct text parts[] = {job, TEXT("（"), employed, TEXT("）")};
    return employed.len > 0 ? ssmix_join(reader, parts, 4, "") : job;
}

/* ZRD: what was used and how much of it. */
static void used_fields(struct ssmix_reader *reader, struct entry_item *item,
                        struct hl7_place place, uint16_t repetition)
{
    place.repetition = repetition;
    ssmix_field(reader, item, "item", ssmix_used_item(reader, place));
    place.component = 4;
    ssmix_field(reader, item, "amount", ssmix_text(reader, place));
    place.component = 5;
    ssmix_field(reader, item, "amount_unit", ssmix_part(reader, place, SSMIX_TABLE_UNIT));
}

static void add_performed(struct walk *walk, size_t ze1)
{
    struct ssmix_reader *reader = walk->reader;
    struct entry_item *item = ssmix_item(reader, walk->entry, "performed", 14);
    walk->procedure = procedure_name(reader, ze1, 3);
    ssmix_field(reader, item, "name", walk->procedure);
    ssmix_field(reader, item, "code", ssmix_at(reader, ze1, 3, 1));
    ssmix_field(reader, item, "system", ssmix_at(reader, ze1, 3, 3));
    struct text control = ssmix_at(reader, ze1, 2, 0);
    ssmix_field(reader, item, "control", text_is(control, "RS") ? TEXT("実施") : control);
    ssmix_field(reader, item, "times", ssmix_at(reader, ze1, 4, 0));
    ssmix_field(reader, item, "addition",
                ssmix_coded_at(reader, ze1, 5, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "staff_kind", job_of(reader, ze1));
    ssmix_field(reader, item, "staff", ssmix_person(reader, HL7_AT(ze1, 7, 0)));
    uint16_t count = ssmix_repetitions(reader, ze1, 9);
    for (uint16_t i = 0; i < count; i++) {
        if (i > 0) {
            item = ssmix_item(reader, walk->entry, "performed", 4);
            ssmix_field(reader, item, "name", walk->procedure);
        }
        used_fields(reader, item, HL7_AT(ze1, 9, 0), i);
    }
}

static struct text quantity(struct ssmix_reader *reader, size_t segment, uint16_t field)
{
    return ssmix_pair(reader, ssmix_at(reader, segment, field, 1), " ",
                      ssmix_part(reader, HL7_AT(segment, field, 2), SSMIX_TABLE_UNIT));
}

static void add_exposure(struct walk *walk, size_t ze2)
{
    struct ssmix_reader *reader = walk->reader;
    struct entry_item *item = ssmix_item(reader, walk->entry, "exposure", 7);
    ssmix_field(reader, item, "procedure", walk->procedure);
    ssmix_field(reader, item, "tube_voltage", quantity(reader, ze2, 2));
    ssmix_field(reader, item, "tube_current", quantity(reader, ze2, 3));
    ssmix_field(reader, item, "distance", quantity(reader, ze2, 4));
    ssmix_field(reader, item, "time", quantity(reader, ze2, 5));
    ssmix_field(reader, item, "count", ssmix_at(reader, ze2, 6, 0));
    ssmix_field(reader, item, "comment", ssmix_at(reader, ze2, 7, 0));
}

static void add_observation(struct walk *walk, size_t obx)
{
    struct ssmix_reader *reader = walk->reader;
    struct ssmix_result result = {0};
    ssmix_take_result(reader, obx, &result);
    if (result.is_withdrawn)
        return;
    struct entry_item *item = ssmix_item(reader, walk->entry, "observation", 22);
    ssmix_result_fields(reader, item, &result);
    ssmix_field(reader, item, "group", walk->procedure);
    walk->entry->flags |= ssmix_abnormal(result.flag);
}

static bool item_has(const struct entry_item *item, const char *key, struct text value)
{
    for (size_t i = 0; i < item->field_count; i++)
        if (strcmp(item->fields[i].key, key) == 0)
            return text_equal(item->fields[i].value, value);
    return value.len == 0;
}

/* IPC is repeated in every group of an order; each study is named once. */
static void add_study(struct walk *walk, size_t ipc)
{
    struct ssmix_reader *reader = walk->reader;
    struct text accession = ssmix_at(reader, ipc, 1, 1);
    struct text uid = ssmix_at(reader, ipc, 3, 1);
    if (walk->modality.len == 0)
        walk->modality = ssmix_at(reader, ipc, 5, 1);
    if (uid.len > 0)
        walk->entry->flags |= ENTRY_HAS_IMAGE;
    enum { COMPARED_MAX = 512 };
    size_t compared = 0;
    for (const struct entry_item *item = walk->entry->items;
         item && compared < COMPARED_MAX; item = item->next, compared++)
        if (strcmp(item->type, "study") == 0 && item_has(item, "study_uid", uid) &&
            item_has(item, "accession", accession))
            return;
    struct entry_item *item = ssmix_item(reader, walk->entry, "study", 4);
    ssmix_field(reader, item, "study_uid", uid);
    ssmix_field(reader, item, "accession", accession);
    ssmix_field(reader, item, "procedure_id", ssmix_at(reader, ipc, 2, 1));
    ssmix_field(reader, item, "modality", ssmix_at(reader, ipc, 5, 1));
}

static bool check_orders(struct ssmix_reader *reader)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    bool is_result = span_is(hl7_message_code(reader->message), "ORU");
    while (!is_result && ssmix_take_group(reader, TAG_ORC, &at, &group))
        if (ssmix_next(reader, TAG_OBR, group) == HL7_NONE)
            ssmix_refuse(reader, "ssmix_group_incomplete", group.to, TAG_OBR);
    size_t obr = ssmix_next(reader, TAG_OBR, (struct ssmix_group){0, reader->count});
    bool lacks_order = !is_result && group.to == 0;
    if (lacks_order || obr == HL7_NONE)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count,
                     lacks_order ? TAG_ORC : TAG_OBR);
    return ssmix_is_good(reader);
}

static void walk_segments(struct walk *walk)
{
    struct ssmix_reader *reader = walk->reader;
    size_t orc = HL7_NONE;
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++) {
        switch (reader->tags[i]) {
        case TAG_ORC:
            orc = i;
            break;
        case TAG_OBR: {
            size_t from = orc == HL7_NONE ? i : orc;
            add_procedure(walk, i, orc,
                          ssmix_next(reader, TAG_TQ1, (struct ssmix_group){from, i}));
            break;
        }
        case TAG_ZE1:
            add_performed(walk, i);
            break;
        case TAG_ZE2:
            add_exposure(walk, i);
            break;
        case TAG_OBX:
            add_observation(walk, i);
            break;
        case TAG_IPC:
            add_study(walk, i);
            break;
        default:
            break;
        }
    }
}

void ssmix_read_examination(struct ssmix_reader *reader)
{
    if (!check_orders(reader))
        return;
    struct walk walk = {.reader = reader, .has_children = has_children(reader)};
    walk.entry = ssmix_entry(reader, reader->kind);
    struct ssmix_group all = {0, reader->count};
    ssmix_set_order(reader, walk.entry, ssmix_next(reader, TAG_ORC, all));
    struct span code = hl7_message_code(reader->message);
    if (span_is(code, "OMG") || span_is(code, "ORM"))
        walk.entry->flags |= ENTRY_IS_ORDER;
    walk_segments(&walk);
    size_t shown = walk.title_count < TITLE_NAMES ? walk.title_count : TITLE_NAMES;
    struct text title = ssmix_join(reader, walk.titles, shown, "、");
    if (walk.title_count > TITLE_NAMES)
        title = ssmix_pair(reader, title, "", TEXT(" 他"));
    if (title.len == 0)
        title = ssmix_type_title(reader);
    walk.entry->title =
        walk.modality.len > 0 ? ssmix_pair(reader, walk.modality, " ", title) : title;
}

/* Whatever carries values is shown with what little is certain. */
void ssmix_read_unknown(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    struct ssmix_group all = {0, reader->count};
    ssmix_set_order(reader, entry, ssmix_next(reader, TAG_ORC, all));
    entry->title = ssmix_unknown_title(reader);
    ssmix_observations(reader, entry, all);
}

/* MDM: what the document is (TXA-2), else what was examined. */
void ssmix_read_document(struct ssmix_reader *reader)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    struct ssmix_group all = {0, reader->count};
    size_t txa = ssmix_next(reader, TAG_TXA, all);
    size_t obr = ssmix_next(reader, TAG_OBR, all);
    ssmix_set_order(reader, entry, ssmix_next(reader, TAG_ORC, all));
    struct text author = ssmix_person(reader, HL7_AT(txa, 9, 0));
    if (author.len > 0)
        entry->author = author;
    entry->time = ssmix_time(reader, HL7_AT(txa, 4, 1));
    struct text about =
        obr == HL7_NONE ? (struct text){0} : procedure_name(reader, obr, 4);
    entry->title = ssmix_words(reader, HL7_AT(txa, 2, 0), SSMIX_TABLE_DOCUMENT);
    entry->title = ssmix_pair(reader, entry->title, " ", about);
    if (entry->title.len == 0)
        entry->title = reader->name ? ssmix_unknown_title(reader) : TEXT("文書");
    ssmix_observations(reader, entry, all);
}
