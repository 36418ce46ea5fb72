// SPDX-License-Identifier: Apache-2.0
/* OML and OUL: laboratory and microbiology, ordered and reported. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

enum { RESULT_FIELDS = 24, TITLE_GROUPS = 4, LOOK_BACK = 64 };

/* One test message while it is walked through. */
struct walk {
    struct ssmix_reader *reader;
    struct entry *laboratory; /* NULL until a row needs it */
    struct entry *microbiology;
    size_t orc;
    size_t spm;
    size_t obr;
    struct text group; /* name of the OBR */
    struct text material;
    struct text site;      /* SPM-8 */
    struct text collected; /* SPM-17 */
    struct text requested; /* OBR-7 */
    struct text sampled;   /* of the row: SPM-17, else OBX-14, else OBR-7 */
    struct text first_group;
    bool is_specimen_first; /* OUL^R22, OML^O33; behind the results in ORU and OML^O21 */
    bool is_urgent;
    size_t abnormal_count;
    struct entry_item *first_of_obr; /* where pairs of rows may be looked for */
};

/* The component of OBX-3 with the JLAC10 code: the first, or the second half when only
 * that one says JC10. */
static uint16_t code_component(const struct ssmix_reader *reader, size_t obx)
{
    bool is_second = !span_is(ssmix_raw(reader, obx, 3, 3), "JC10") &&
                     span_is(ssmix_raw(reader, obx, 3, 6), "JC10");
    return is_second ? 4 : 1;
}

static struct span code_of(const struct ssmix_reader *reader, size_t obx)
{
    return ssmix_raw(reader, obx, 3, code_component(reader, obx));
}

/* A request about an organism that was found before names it in OBR-26: its rows are its
 * susceptibility, whatever list of codes the drugs are from. */
static bool is_of_organism(const struct walk *walk)
{
    return walk->obr != HL7_NONE &&
           span_starts(ssmix_raw(walk->reader, walk->obr, 26, 1), "6B");
}

static bool is_microbiology(const struct walk *walk, size_t obx)
{
    struct span code = code_of(walk->reader, obx);
    return span_starts(code, "6A") || span_starts(code, "6B") ||
           span_starts(code, "6C") || is_of_organism(walk) ||
           span_is(ssmix_raw(walk->reader, obx, 5, 3), "JANIS");
}

static struct entry *new_entry(struct walk *walk, enum entry_kind kind)
{
    struct ssmix_reader *reader = walk->reader;
    struct entry *entry = ssmix_entry(reader, kind);
    /* Rows about the specimen come before the first order. */
    struct ssmix_group all = {0, reader->count};
    size_t orc = walk->orc != HL7_NONE ? walk->orc : ssmix_next(reader, TAG_ORC, all);
    size_t obr = walk->obr != HL7_NONE ? walk->obr : ssmix_next(reader, TAG_OBR, all);
    ssmix_set_order(reader, entry, orc);
    if (entry->order_number.len == 0)
        entry->order_number = ssmix_at(reader, obr, 2, 1);
    if (entry->author.len == 0)
        entry->author = ssmix_person(reader, HL7_AT(obr, 16, 0));
    entry->time = walk->sampled;
    return entry;
}

static struct entry *laboratory_of(struct walk *walk)
{
    enum entry_kind kind = walk->reader->kind;
    if (!walk->laboratory)
        walk->laboratory =
            new_entry(walk, kind == ENTRY_MICROBIOLOGY ? ENTRY_LABORATORY : kind);
    return walk->laboratory;
}

static struct entry *microbiology_of(struct walk *walk)
{
    if (!walk->microbiology) {
        walk->microbiology = new_entry(walk, ENTRY_MICROBIOLOGY);
        walk->microbiology->part = TEXT("microbiology");
    }
    return walk->microbiology;
}

/* A request is about the entry of its first row. */
static void own_row(struct walk *walk, size_t obx, struct entry *entry)
{
    struct ssmix_reader *reader = walk->reader;
    ssmix_own(reader, obx, entry);
    if (walk->obr != HL7_NONE && !reader->seen[walk->obr].owner)
        ssmix_own(reader, walk->obr, entry);
}

/* ------------------------------------------------------------------ specimens, groups */

static void take_specimen(struct walk *walk, size_t spm)
{
    struct ssmix_reader *reader = walk->reader;
    walk->spm = spm;
    walk->material = ssmix_coded_at(reader, spm, 4, SSMIX_TABLE_MATERIAL);
    walk->site = ssmix_coded_at(reader, spm, 8, SSMIX_TABLE_NONE);
    walk->collected = ssmix_time(reader, HL7_AT(spm, 17, 1));
    if (!walk->is_specimen_first)
        return;
    walk->obr = HL7_NONE;
    walk->group = (struct text){0};
    walk->requested = (struct text){0};
    walk->first_of_obr = NULL;
}

/* The specimen of a request that comes before it: the next one, unless it belongs to
 * another request. */
static void look_for_specimen(struct walk *walk, size_t obr)
{
    struct ssmix_reader *reader = walk->reader;
    struct ssmix_group behind = {obr + 1, reader->count};
    behind.to = ssmix_next(reader, TAG_OBR, behind);
    if (behind.to == HL7_NONE)
        behind.to = reader->count;
    size_t spm = ssmix_next(reader, TAG_SPM, behind);
    walk->spm = HL7_NONE;
    walk->material = (struct text){0};
    walk->site = (struct text){0};
    walk->collected = (struct text){0};
    if (spm != HL7_NONE)
        take_specimen(walk, spm);
}

/* When the row's specimen was taken, as far as known. */
static void take_sampled(struct walk *walk, size_t obx)
{
    walk->sampled = walk->collected;
    if (walk->sampled.len == 0)
        walk->sampled = ssmix_time(walk->reader, HL7_AT(obx, 14, 1));
    if (walk->sampled.len == 0)
        walk->sampled = walk->requested;
}

static void take_request(struct walk *walk, size_t obr)
{
    struct ssmix_reader *reader = walk->reader;
    walk->obr = obr;
    walk->group = ssmix_test_name(reader, obr, 4);
    walk->first_of_obr = NULL;
    walk->requested = ssmix_time(reader, HL7_AT(obr, 7, 1));
    if (!walk->is_specimen_first)
        look_for_specimen(walk, obr);
    walk->sampled = walk->collected.len > 0 ? walk->collected : walk->requested;
    if (walk->first_group.len == 0)
        walk->first_group = walk->group;
}

/* ------------------------------------------------------------------ rows */

static void context_fields(struct walk *walk, struct entry_item *item)
{
    struct ssmix_reader *reader = walk->reader;
    ssmix_field(reader, item, "group", walk->group);
    ssmix_field(reader, item, "material", walk->material);
    ssmix_field(reader, item, "site", walk->site);
    ssmix_field(reader, item, "sampled", walk->sampled);
}

/* Positions 10-12 of the JLAC10 code name the material when SPM does not. */
static void material_from_code(struct walk *walk, size_t obx)
{
    struct span code = code_of(walk->reader, obx);
    if (walk->spm == HL7_NONE && code.len >= 15)
        walk->material = ssmix_code_text(SSMIX_TABLE_MATERIAL, span_part(code, 9, 3));
}

static void add_result(struct walk *walk, size_t obx)
{
    struct ssmix_reader *reader = walk->reader;
    struct ssmix_result result = {0};
    if (ssmix_raw(reader, obx, 3, 0).len == 0 && ssmix_raw(reader, obx, 5, 0).len == 0)
        return; /* a row of nothing */
    ssmix_take_result(reader, obx, &result);
    if (result.is_withdrawn) {
        ssmix_warn_at(reader, "result_withdrawn", HL7_AT(obx, 11, 0),
                      TEXT("取り消された検査結果は表示しません"));
        return;
    }
    material_from_code(walk, obx);
    struct entry *entry = laboratory_of(walk);
    own_row(walk, obx, entry);
    if (entry->time.len == 0)
        entry->time = walk->sampled;
    struct entry_item *item = ssmix_item(reader, entry, "result", RESULT_FIELDS);
    ssmix_result_fields(reader, item, &result);
    context_fields(walk, item);
    unsigned abnormal = ssmix_abnormal(result.flag);
    entry->flags |= abnormal;
    walk->abnormal_count += abnormal != 0;
}

/* ------------------------------------------------------------------ microbiology */

static struct text field_of(const struct entry_item *item, const char *key)
{
    for (size_t i = 0; i < item->field_count; i++)
        if (strcmp(item->fields[i].key, key) == 0)
            return item->fields[i].value;
    return (struct text){0};
}

static bool text_has_field(const struct entry_item *item, const char *key,
                           struct text value)
{
    for (size_t i = 0; i < item->field_count; i++)
        if (strcmp(item->fields[i].key, key) == 0)
            return text_equal(item->fields[i].value, value);
    return value.len == 0;
}

/* The other row of a pair: same OBR, type, analyte and OBX-4 (clause 2.8.4). */
static struct entry_item *find_pair(struct walk *walk, const char *type,
                                    struct text analyte, struct text sub_id)
{
    size_t looked = 0;
    for (struct entry_item *item = walk->first_of_obr; item && looked < LOOK_BACK;
         item = item->next, looked++)
        if (strcmp(item->type, type) == 0 && text_has_field(item, "analyte", analyte) &&
            text_has_field(item, "sub_id", sub_id))
            return item;
    return NULL;
}

static struct text analyte_of(struct ssmix_reader *reader, size_t obx)
{
    enum { ANALYTE = 5 };
    struct text code = ssmix_at(reader, obx, 3, code_component(reader, obx));
    bool is_ascii = code.len > ANALYTE;
    for (size_t i = 0; i < ANALYTE && is_ascii; i++)
        is_ascii = (uint8_t)code.at[i] < 0x80;
    code.len = is_ascii ? ANALYTE : code.len;
    return code;
}

static bool code_ends(const struct ssmix_reader *reader, size_t obx, const char *end)
{
    struct span code = code_of(reader, obx);
    return code.len >= 15 && span_is(span_part(code, code.len - 2, 2), end);
}

/* Positions 6-9 of the code: zeros mean that the drug stands in a row of its own. Codes
 * of other lists are those of drugs. */
static bool names_drug(const struct ssmix_reader *reader, size_t obx)
{
    struct span code = code_of(reader, obx);
    if (!span_starts(code, "6C"))
        return true;
    return code.len >= 15 && !span_is(span_part(code, 5, 4), "0000");
}

/* The item of the pair; a row that is already there (two organisms without OBX-4) opens
 * another item, so that nothing is overwritten. A row that names its drug never pairs. */
static struct entry_item *pair_item(struct walk *walk, size_t obx, const char *type,
                                    const char *key)
{
    struct ssmix_reader *reader = walk->reader;
    struct text analyte = analyte_of(reader, obx);
    struct text sub_id = ssmix_at(reader, obx, 4, 0);
    bool is_alone = strcmp(type, "susceptibility") == 0 && names_drug(reader, obx);
    struct entry_item *item = is_alone ? NULL : find_pair(walk, type, analyte, sub_id);
    if (item && text_has_field(item, key, (struct text){0}))
        return item;
    item = ssmix_item(reader, microbiology_of(walk), type, RESULT_FIELDS);
    ssmix_field(reader, item, "analyte", analyte);
    ssmix_field(reader, item, "sub_id", sub_id);
    context_fields(walk, item);
    if (!walk->first_of_obr)
        walk->first_of_obr = item;
    return item;
}

static void add_organism(struct walk *walk, size_t obx, const struct ssmix_result *result)
{
    struct ssmix_reader *reader = walk->reader;
    uint16_t value = (uint16_t)(5 + result->shift);
    bool is_amount = code_ends(reader, obx, "12");
    struct entry_item *item =
        pair_item(walk, obx, "organism", is_amount ? "amount" : "name");
    if (is_amount) {
        ssmix_field(reader, item, "amount", result->value);
    } else {
        ssmix_field(reader, item, "name", result->value);
        ssmix_field(reader, item, "code", ssmix_at(reader, obx, value, 1));
        ssmix_field(reader, item, "system", ssmix_at(reader, obx, value, 3));
    }
    ssmix_field(reader, item, is_amount ? "amount_comment" : "comment",
                ssmix_notes(reader, obx));
}

/* Whose susceptibility this is: the text of OBR-26, else the organism that it points to
 * by OBX-4. */
static struct text organism_of(struct walk *walk)
{
    struct ssmix_reader *reader = walk->reader;
    struct text name = ssmix_at(reader, walk->obr, 26, 3);
    struct text sub_id = ssmix_at(reader, walk->obr, 26, 2);
    size_t looked = 0;
    for (const struct entry_item *item = microbiology_of(walk)->items;
         item && name.len == 0 && sub_id.len > 0 && looked < LOOK_BACK;
         item = item->next, looked++)
        if (strcmp(item->type, "organism") == 0 && text_has_field(item, "sub_id", sub_id))
            name = field_of(item, "name");
    return name;
}

static void add_susceptibility(struct walk *walk, size_t obx,
                               const struct ssmix_result *result)
{
    struct ssmix_reader *reader = walk->reader;
    uint16_t value = (uint16_t)(5 + result->shift);
    bool is_drug_row = code_ends(reader, obx, "14") && !names_drug(reader, obx);
    bool is_single = names_drug(reader, obx);
    struct entry_item *item =
        pair_item(walk, obx, "susceptibility", is_drug_row ? "name" : "value");
    if (text_has_field(item, "organism", (struct text){0}))
        ssmix_field(reader, item, "organism", organism_of(walk));
    if (is_drug_row) {
        ssmix_field(reader, item, "name", result->value);
        ssmix_field(reader, item, "code", ssmix_at(reader, obx, value, 1));
        ssmix_field(reader, item, "system", ssmix_at(reader, obx, value, 3));
        return;
    }
    if (is_single) {
        ssmix_field(reader, item, "name", ssmix_test_name(reader, obx, 3));
        ssmix_field(reader, item, "code", ssmix_at(reader, obx, 3, 1));
        ssmix_field(reader, item, "system", ssmix_at(reader, obx, 3, 3));
    }
    ssmix_field(reader, item, "value", result->value);
    ssmix_field(reader, item, "unit", result->unit);
    ssmix_field(reader, item, "flag", result->flag);
    ssmix_field(reader, item, "comment", ssmix_notes(reader, obx));
}

static void add_microbiology(struct walk *walk, size_t obx)
{
    struct ssmix_reader *reader = walk->reader;
    struct ssmix_result result = {0};
    ssmix_take_result(reader, obx, &result);
    if (result.is_withdrawn)
        return;
    own_row(walk, obx, microbiology_of(walk));
    struct span code = code_of(reader, obx);
    bool is_pair = code_ends(reader, obx, "14") || code_ends(reader, obx, "12");
    bool is_named = span_starts(code, "6A") || span_starts(code, "6B");
    if (span_starts(code, "6C") || (is_of_organism(walk) && !is_named)) {
        add_susceptibility(walk, obx, &result);
    } else if (is_pair) {
        add_organism(walk, obx, &result);
    } else {
        struct entry_item *item =
            ssmix_item(reader, microbiology_of(walk), "result", RESULT_FIELDS);
        ssmix_result_fields(reader, item, &result);
        context_fields(walk, item);
    }
}

/* ------------------------------------------------------------------ messages */

/* What the calendar's tooltip shows: the names of the requests that this entry has rows
 * of, "生化学的検査、血液学的検査 他"; without rows that of the first request. */
static struct text title_of(struct walk *walk, const struct entry *entry)
{
    struct text groups[TITLE_GROUPS + 1] = {{0}};
    size_t count = 0;
    for (const struct entry_item *item = entry->items; item && count <= TITLE_GROUPS;
         item = item->next) {
        struct text group = field_of(item, "group");
        bool is_new = group.len > 0 && !ssmix_is_bare_code(group);
        for (size_t i = 0; i < count && is_new; i++)
            is_new = !text_equal(groups[i], group);
        if (is_new)
            groups[count++] = group;
    }
    if (count > TITLE_GROUPS)
        groups[TITLE_GROUPS - 1] = TEXT("他");
    size_t shown = count < TITLE_GROUPS ? count : TITLE_GROUPS;
    struct text title = ssmix_join(walk->reader, groups, shown, "、");
    if (title.len == 0)
        title = walk->first_group;
    if (title.len == 0 || ssmix_is_bare_code(title))
        title = walk->material;
    if (title.len > 0 && !ssmix_is_bare_code(title))
        return title;
    return entry->kind == ENTRY_MICROBIOLOGY ? TEXT("細菌検査") : TEXT("検体検査");
}

static void finish(struct walk *walk, bool is_order)
{
    struct ssmix_reader *reader = walk->reader;
    struct entry *const entries[] = {walk->laboratory, walk->microbiology};
    for (size_t i = 0; i < 2; i++) {
        if (!entries[i])
            continue;
        entries[i]->title = title_of(walk, entries[i]);
        if (is_order)
            entries[i]->flags |= ENTRY_IS_ORDER;
        if (walk->is_urgent)
            entries[i]->flags |= ENTRY_URGENT;
    }
    if (walk->laboratory && walk->abnormal_count > 0) {
        const struct text parts[] = {walk->laboratory->title, TEXT("（異常"),
                                     ssmix_number(reader, walk->abnormal_count),
                                     TEXT("件）")};
        walk->laboratory->title = ssmix_join(reader, parts, 4, "");
    }
}

/* From OBR to its first row. */
static struct ssmix_group head_of_request(const struct ssmix_reader *reader, size_t obr)
{
    struct ssmix_group head = {obr + 1, obr + 1};
    while (head.to < reader->count && reader->tags[head.to] != TAG_OBX &&
           reader->tags[head.to] != TAG_OBR && reader->tags[head.to] != TAG_SPM)
        head.to++;
    return head;
}

/* What is said about the request as a whole (NTE, OBR-13) stands with its rows. */
static void add_request_note(struct walk *walk, size_t obr)
{
    struct ssmix_reader *reader = walk->reader;
    struct ssmix_group head = head_of_request(reader, obr);
    struct text note = ssmix_pair(reader, ssmix_at(reader, obr, 13, 0), "\n",
                                  ssmix_all_notes(reader, head));
    if (note.len == 0)
        return;
    bool has_row = head.to < reader->count && reader->tags[head.to] == TAG_OBX;
    struct entry *entry = has_row && is_microbiology(walk, head.to)
                              ? microbiology_of(walk)
                              : laboratory_of(walk);
    struct entry_item *item = ssmix_item(reader, entry, "comment", 5);
    ssmix_field(reader, item, "value", note);
    context_fields(walk, item);
}

static bool check_specimens(struct ssmix_reader *reader, uint32_t needed)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    while (ssmix_take_group(reader, TAG_SPM, &at, &group))
        if (ssmix_next(reader, needed, group) == HL7_NONE)
            ssmix_refuse(reader, "ssmix_group_incomplete", group.to, needed);
    if (group.to == 0 && !span_is(hl7_message_code(reader->message), "ORU"))
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, TAG_SPM);
    return ssmix_is_good(reader);
}

static size_t order_of_request(const struct ssmix_reader *reader, size_t obr)
{
    size_t behind = obr + 1;
    if (behind < reader->count && reader->tags[behind] == TAG_ORC)
        return behind;
    return HL7_NONE;
}

static struct walk start_walk(struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    size_t spm = ssmix_next(reader, TAG_SPM, all);
    size_t obr = ssmix_next(reader, TAG_OBR, all);
    return (struct walk){
        .reader = reader,
        .orc = HL7_NONE,
        .spm = HL7_NONE,
        .obr = HL7_NONE,
        .is_specimen_first = spm != HL7_NONE && spm < obr,
    };
}

/* Segments that mean the same in orders and results. */
static void walk_over(struct walk *walk, size_t i)
{
    struct ssmix_reader *reader = walk->reader;
    if (reader->tags[i] == TAG_SPM) {
        take_specimen(walk, i);
    } else if (reader->tags[i] == TAG_ORC) {
        walk->orc = i;
    } else if (reader->tags[i] == TAG_OBR) {
        size_t orc = order_of_request(reader, i);
        walk->orc = orc != HL7_NONE ? orc : walk->orc;
        take_request(walk, i);
        add_request_note(walk, i);
    } else if (reader->tags[i] == TAG_TQ1) {
        struct span priority = ssmix_raw(reader, i, 9, 1);
        walk->is_urgent |= span_is(priority, "A") || span_is(priority, "S");
    }
}

/* Rows of the groups become one laboratory entry and, when there are any, one
 * microbiology entry: one message is one report. Rows between SPM and OBR are about the
 * specimen itself. */
void ssmix_read_test_result(struct ssmix_reader *reader)
{
    struct walk walk = start_walk(reader);
    bool has_rows = false;
    if (!check_specimens(reader, TAG_OBR))
        return;
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++) {
        bool is_row = reader->tags[i] == TAG_OBX;
        walk_over(&walk, i);
        if (!is_row)
            continue;
        has_rows = true;
        take_sampled(&walk, i);
        if (is_microbiology(&walk, i))
            add_microbiology(&walk, i);
        else
            add_result(&walk, i);
    }
    if (!walk.laboratory && !walk.microbiology)
        laboratory_of(&walk);
    if (!has_rows)
        ssmix_warn(reader, "result_without_rows",
                   hl7_segment_offset(reader->message, reader->count),
                   TEXT("検査結果の行がありません"));
    finish(&walk, false);
}

static void add_ordered(struct walk *walk, size_t obx)
{
    struct ssmix_reader *reader = walk->reader;
    struct entry *entry =
        is_microbiology(walk, obx) ? microbiology_of(walk) : laboratory_of(walk);
    struct entry_item *item = ssmix_item(reader, entry, "test_order", 14);
    struct ssmix_result result = {0};
    ssmix_take_result(reader, obx, &result);
    ssmix_field(reader, item, "name", ssmix_test_name(reader, obx, 3));
    struct text code = ssmix_at(reader, obx, 3, 1);
    ssmix_field(reader, item, "code", code);
    ssmix_field(reader, item, "system", ssmix_at(reader, obx, 3, 3));
    ssmix_field(reader, item, "local_name", ssmix_at(reader, obx, 3, 5));
    /* What was asked when ordering: weight, cycle, fasting. */
    ssmix_field(reader, item, "value", result.value);
    if (result.value.len > 0)
        ssmix_field(reader, item, "unit", result.unit);
    context_fields(walk, item);
    ssmix_field(reader, item, "comment", ssmix_notes(reader, obx));
}

/* Between SPM and the order: what is known of the specimen (volume, time of storing). */
static void add_of_specimen(struct walk *walk, size_t obx)
{
    struct ssmix_reader *reader = walk->reader;
    struct ssmix_result result = {0};
    ssmix_take_result(reader, obx, &result);
    if (result.is_withdrawn)
        return;
    struct entry_item *item =
        ssmix_item(reader, laboratory_of(walk), "observation", RESULT_FIELDS);
    ssmix_result_fields(reader, item, &result);
    context_fields(walk, item);
}

static bool check_orders(struct ssmix_reader *reader)
{
    struct ssmix_group group = {0};
    size_t at = 0;
    while (ssmix_take_group(reader, TAG_ORC, &at, &group))
        if (ssmix_next(reader, TAG_OBR, group) == HL7_NONE)
            ssmix_refuse(reader, "ssmix_group_incomplete", group.to, TAG_OBR);
    return ssmix_is_good(reader);
}

void ssmix_read_test_order(struct ssmix_reader *reader)
{
    struct walk walk = start_walk(reader);
    if (!check_specimens(reader, TAG_ORC) || !check_orders(reader))
        return;
    for (size_t i = 0; i < reader->count && ssmix_is_good(reader); i++) {
        walk_over(&walk, i);
        if (reader->tags[i] != TAG_OBX)
            continue;
        take_sampled(&walk, i);
        if (walk.obr == HL7_NONE)
            add_of_specimen(&walk, i);
        else
            add_ordered(&walk, i);
    }
    if (!walk.laboratory && !walk.microbiology)
        laboratory_of(&walk);
    finish(&walk, true);
}
