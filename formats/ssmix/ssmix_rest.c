// SPDX-License-Identifier: Apache-2.0
/* What no reader of a message type took. Standards put comments, conditions and reasons
 * into more places than any vendor uses, so that no reader knows them all: those that are
 * about the record itself stand behind its content with their names, and of segments that
 * nobody read at least the name is said. */
#include <stdio.h>
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

enum form { FORM_TEXT, FORM_CODED, FORM_QUANTITY, FORM_PERSON, FORM_NDL };

/* A field that says something about the record wherever it stands. */
struct fact {
    uint32_t tag;
    uint16_t field;
    enum form form;
    struct text name;
};

#define FACT(segment, field, form, name)                                                 \
    {                                                                                    \
        TAG_##segment, field, FORM_##form,                                               \
        {                                                                                \
            name, sizeof(name) - 1                                                       \
        }                                                                                \
    }

static const struct fact facts[] = {
    FACT(NTE, 3, TEXT, "コメント"),
    FACT(TQ1, 4, TEXT, "時刻"),
    FACT(TQ1, 5, QUANTITY, "間隔"),
    FACT(TQ1, 10, TEXT, "条件"),
    FACT(TQ1, 11, TEXT, "指示"),
    FACT(TQ1, 13, QUANTITY, "継続時間"),
    FACT(OBR, 12, CODED, "注意（感染症など）"),
    FACT(OBR, 13, TEXT, "臨床情報"),
    FACT(OBR, 31, CODED, "検査の理由"),
    FACT(OBR, 32, NDL, "読影・報告者"),
    FACT(OBR, 39, CODED, "採取者のコメント"),
    FACT(SPM, 14, TEXT, "検体の説明"),
    FACT(SPM, 21, CODED, "検体不適合の理由"),
    FACT(SPM, 24, CODED, "検体の状態"),
    FACT(RXO, 6, CODED, "調剤の指示"),
    FACT(RXO, 7, CODED, "投与の指示"),
    FACT(RXO, 20, CODED, "適応"),
    FACT(RXE, 4, TEXT, "最大量"),
    FACT(RXE, 27, CODED, "適応"),
    FACT(RXE, 31, CODED, "補足"),
    FACT(RXD, 2, CODED, "調剤薬"),
    FACT(RXD, 4, TEXT, "調剤量"),
    FACT(RXD, 9, TEXT, "調剤の備考"),
    FACT(RXA, 9, CODED, "注記"),
    FACT(RXA, 10, PERSON, "実施者"),
    FACT(RXA, 19, CODED, "適応"),
    FACT(ODS, 2, CODED, "時間帯"),
    FACT(ODS, 3, CODED, "食事"),
    FACT(ODS, 4, TEXT, "指示"),
    FACT(ODT, 1, CODED, "配膳"),
    FACT(ODT, 2, CODED, "配膳の時間帯"),
    FACT(ODT, 3, TEXT, "配膳の指示"),
    FACT(ZE1, 5, CODED, "加算"),
    FACT(ZE1, 7, PERSON, "医療従事者"),
    FACT(ZE1, 11, TEXT, "実施の記載"),
    FACT(PRB, 10, CODED, "分類"),
    FACT(ORC, 16, CODED, "指示の理由"),
    FACT(CTI, 1, TEXT, "治験"),
    FACT(CTI, 2, CODED, "治験の相"),
    FACT(CTI, 3, CODED, "治験の時点"),
};

enum { NAMES_MAX = 8, COMPARED_MAX = 64 };

/* ------------------------------------------------------------------ fields */

/* NDL: a person as one component of sub-components. */
static struct text ndl(struct ssmix_reader *reader, struct hl7_place place)
{
    struct text parts[3];
    place.component = 1;
    for (uint16_t i = 0; i < 3; i++) {
        place.subcomponent = (uint16_t)(i + 1);
        parts[i] = ssmix_text(reader, place);
    }
    struct text name = ssmix_pair(reader, parts[1], " ", parts[2]);
    return name.len > 0 ? name : parts[0];
}

static struct text words_of(struct ssmix_reader *reader, struct hl7_place place,
                            enum form form)
{
    struct hl7_place unit = place;
    switch (form) {
    case FORM_CODED:
        return ssmix_coded(reader, place, SSMIX_TABLE_NONE);
    case FORM_PERSON:
        return ssmix_person(reader, place);
    case FORM_NDL:
        return ndl(reader, place);
    case FORM_QUANTITY:
        place.component = 1;
        unit.component = 2;
        return ssmix_pair(reader, ssmix_text(reader, place), " ",
                          ssmix_part(reader, unit, SSMIX_TABLE_UNIT));
    case FORM_TEXT:
        break;
    }
    return ssmix_text(reader, place);
}

/* Repetitions that nobody took: all of them, or those behind the first one. */
static struct text unread_of(struct ssmix_reader *reader, size_t segment,
                             const struct fact *fact)
{
    const struct ssmix_seen *seen = &reader->seen[segment];
    uint64_t bit = UINT64_C(1) << fact->field;
    struct text all = {0};
    uint16_t count = ssmix_repetitions(reader, segment, fact->field);
    bool is_first_read = seen->first & bit;
    if (is_first_read && (count < 2 || seen->more & bit))
        return all;
    struct text *parts = ssmix_is_good(reader) ? ARENA_MANY(reader->arena, struct text,
                                                            count + 1U, reader->err)
                                               : NULL;
    if (!parts)
        return all;
    struct hl7_place place = HL7_AT(segment, fact->field, 0);
    for (place.repetition = is_first_read; place.repetition < count; place.repetition++)
        parts[place.repetition] = words_of(reader, place, fact->form);
    return ssmix_join(reader, parts, count, "\n");
}

/* Orders repeat the same words in every group. */
static bool is_said(const struct entry *entry, struct text name, struct text value)
{
    size_t compared = 0;
    for (const struct entry_item *item = entry->items; item && compared < COMPARED_MAX;
         item = item->next, compared++)
        for (size_t i = 0; i < item->field_count; i++) {
            bool is_value = strcmp(item->fields[i].key, "value") == 0 ||
                            strcmp(item->fields[i].key, "comment") == 0;
            if (is_value && text_equal(item->fields[i].value, value) &&
                (strcmp(item->type, "remark") != 0 ||
                 text_equal(item->fields[0].value, name)))
                return true;
        }
    return false;
}

/* Most segments are of tags without any. */
static bool has_facts(uint32_t tag)
{
    switch (tag) {
    case TAG_NTE:
    case TAG_TQ1:
    case TAG_OBR:
    case TAG_SPM:
    case TAG_RXO:
    case TAG_RXE:
    case TAG_RXD:
    case TAG_RXA:
    case TAG_ODS:
    case TAG_ODT:
    case TAG_ZE1:
    case TAG_PRB:
    case TAG_ORC:
    case TAG_CTI:
        return true;
    default:
        return false;
    }
}

/* The drug that segments behind this one speak of; orders begin anew. */
static void take_drug(struct ssmix_reader *reader, size_t segment, struct text *drug)
{
    if (reader->tags[segment] == TAG_ORC)
        *drug = (struct text){0};
    else if (reader->tags[segment] == TAG_RXE)
        *drug = ssmix_coded_at(reader, segment, 2, SSMIX_TABLE_NONE);
    else if (reader->tags[segment] == TAG_RXA)
        *drug = ssmix_coded_at(reader, segment, 5, SSMIX_TABLE_NONE);
}

static void add_remarks(struct ssmix_reader *reader, struct entry *entry, size_t segment,
                        struct text drug)
{
    if (!has_facts(reader->tags[segment]))
        return;
    size_t last = hl7_field_count(reader->message, segment);
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (facts[i].tag != reader->tags[segment] || facts[i].field > last)
            continue;
        struct text value = unread_of(reader, segment, &facts[i]);
        if (value.len == 0 || is_said(entry, facts[i].name, value))
            continue;
        struct entry_item *item = ssmix_item(reader, entry, "remark", 3);
        ssmix_field(reader, item, "name", facts[i].name);
        ssmix_field(reader, item, "value", value);
        ssmix_field(reader, item, "group", drug);
    }
}

/* ------------------------------------------------------------------ segments */

/* About the transport, the case, money and who else is involved. */
static bool is_aside(uint32_t tag)
{
    switch (tag) {
    case TAG_NONE:
    case TAG_MSH:
    case TAG_EVN:
    case TAG_PID:
    case TAG_PV1:
    case TAG_PV2:
    case TAG_NK1:
    case TAG_IN1:
    case TAG_MRG:
    case TAG_ORC:
    case TAG_TQ1:
    case TAG_IPC:
    case TAG_RXR:
    case SSMIX_TAG('A', 'C', 'C'):
    case SSMIX_TAG('A', 'I', 'G'):
    case SSMIX_TAG('A', 'I', 'L'):
    case SSMIX_TAG('A', 'I', 'P'):
    case SSMIX_TAG('A', 'P', 'R'):
    case SSMIX_TAG('B', 'L', 'G'):
    case SSMIX_TAG('C', 'T', 'D'):
    case SSMIX_TAG('D', 'S', 'C'):
    case SSMIX_TAG('F', 'T', '1'):
    case SSMIX_TAG('G', 'T', '1'):
    case SSMIX_TAG('I', 'N', '2'):
    case SSMIX_TAG('I', 'N', '3'):
    case SSMIX_TAG('I', 'N', 'V'):
    case SSMIX_TAG('P', 'D', '1'):
    case SSMIX_TAG('P', 'D', 'A'):
    case SSMIX_TAG('P', 'R', 'D'):
    case SSMIX_TAG('R', 'F', '1'):
    case SSMIX_TAG('R', 'G', 'S'):
    case SSMIX_TAG('R', 'O', 'L'):
    case SSMIX_TAG('S', 'A', 'C'):
    case SSMIX_TAG('S', 'F', 'T'):
    case SSMIX_TAG('S', 'I', 'D'):
    case SSMIX_TAG('T', 'C', 'D'):
    case SSMIX_TAG('T', 'Q', '2'):
    case SSMIX_TAG('U', 'B', '1'):
    case SSMIX_TAG('U', 'B', '2'):
        return true;
    default:
        return false;
    }
}

/* The names of segments that nobody read, each once. */
static void warn_unread(struct ssmix_reader *reader)
{
    uint32_t names[NAMES_MAX];
    size_t count = 0;
    size_t first = HL7_NONE;
    for (size_t i = 0; i < reader->count; i++) {
        uint32_t tag = reader->tags[i];
        bool is_new = count < NAMES_MAX && !reader->seen[i].first &&
                      !reader->seen[i].more && !is_aside(tag);
        for (size_t k = 0; k < count && is_new; k++)
            is_new = names[k] != tag;
        if (!is_new)
            continue;
        first = count == 0 ? i : first;
        names[count++] = tag;
    }
    if (count == 0)
        return;
    char words[NAMES_MAX * 5 + 1] = "";
    size_t len = 0;
    for (size_t k = 0; k < count; k++)
        len += (size_t)snprintf(words + len, sizeof words - len, "%s%c%c%c",
                                k ? ", " : "", (char)(names[k] >> 16),
                                (char)(names[k] >> 8), (char)names[k]);
    const struct text parts[] = {TEXT("表示していないセグメントがあります（"),
                                 ssmix_copy(reader, span_of(words, len)), TEXT("）")};
    ssmix_warn(reader, "segment_unread", hl7_segment_offset(reader->message, first),
               ssmix_join(reader, parts, 3, ""));
}

/* An order that was stopped or is on hold must not look like one that goes on. */
static void say_control(struct ssmix_reader *reader, struct entry *entry, size_t orc)
{
    enum ssmix_control control = ssmix_control_of(reader, orc);
    struct text words = {0};
    if (control == SSMIX_STOPPED)
        words = TEXT("（中止）");
    else if (control == SSMIX_ON_HOLD)
        words = TEXT("（保留）");
    if (words.len == 0)
        return;
    bool has_it =
        entry->title.len >= words.len &&
        memcmp(entry->title.at + entry->title.len - words.len, words.at, words.len) == 0;
    if (!has_it)
        entry->title = ssmix_pair(reader, entry->title, "", words);
}

void ssmix_add_rest(struct ssmix_reader *reader)
{
    struct entry *entry = reader->list->first;
    struct text drug = {0};
    for (size_t i = 0; i < reader->count && entry && ssmix_is_good(reader); i++) {
        if (reader->seen[i].owner)
            entry = reader->seen[i].owner;
        take_drug(reader, i, &drug);
        add_remarks(reader, entry, i, drug);
        if (reader->tags[i] == TAG_ORC)
            say_control(reader, entry, i);
    }
    if (ssmix_is_good(reader))
        warn_unread(reader);
}
