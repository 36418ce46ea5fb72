// SPDX-License-Identifier: Apache-2.0
/* RDE and RAS: prescriptions and injections, ordered and given. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

enum { DRUG_FIELDS = 32, DAYS_MAX = 3650, STEPS_MAX = 64, ROUTES_MAX = 16 };

/* ORC-4 names the RP: "1", or for injections オーダNo_RP_枝. What stands before the last
 * `keep` parts is the order number. */
static struct text group_number(struct ssmix_reader *reader, size_t orc, int keep)
{
    struct text whole = ssmix_at(reader, orc, 4, 1);
    int found = 0;
    for (size_t i = whole.len; i > 0; i--)
        if (whole.at[i - 1] == '_' && ++found == keep)
            return (struct text){whole.at + i, whole.len - i};
    return whole;
}

static struct text without_zeros(struct text number)
{
    while (number.len > 1 && number.at[0] == '0') {
        number.at++;
        number.len--;
    }
    return number;
}

/* The RP of an injection is the part before the branch. */
static struct text injection_rp(struct text part)
{
    for (size_t i = 0; i < part.len; i++)
        if (part.at[i] == '_')
            part.len = i;
    return without_zeros(part);
}

/* TQ1 of the group: the one behind RXE when there is one, since the one before it only
 * repeats it. */
static size_t timing_of(const struct ssmix_reader *reader, struct ssmix_group group,
                        size_t rxe)
{
    size_t tq1 = HL7_NONE;
    if (rxe != HL7_NONE)
        tq1 = ssmix_next(reader, TAG_TQ1, (struct ssmix_group){rxe, group.to});
    return tq1 != HL7_NONE ? tq1 : ssmix_next(reader, TAG_TQ1, group);
}

/* ------------------------------------------------------------------ when */

/* Days in the unit of TQ1-6 ("d", 日, 日分, "w", 週); 0: of another length. */
static uint32_t days_of_unit(struct ssmix_reader *reader, size_t tq1)
{
    enum { WEEK = 7 };
    struct span code = ssmix_raw(reader, tq1, 6, 2);
    if (code.len == 0 || code.at[0] == 'd' || code.at[0] == 'D')
        return 1;
    struct text unit = ssmix_part(reader, HL7_AT(tq1, 6, 2), SSMIX_TABLE_NONE);
    if (span_starts(text_span(unit), "日"))
        return 1;
    bool is_weeks = text_is(unit, "w") || text_is(unit, "W") || text_is(unit, "wk") ||
                    span_starts(text_span(unit), "週");
    return is_weeks ? WEEK : 0;
}

/* Number of days of TQ1-6, 0 when it is not a number of days or weeks. */
static int32_t duration_days(struct ssmix_reader *reader, size_t tq1)
{
    enum { NUMBER_MAX = 8 };
    uint64_t number = 0;
    uint8_t narrow[NUMBER_MAX];
    if (ssmix_raw(reader, tq1, 6, 1).len == 0)
        return 0;
    struct text written = ssmix_at(reader, tq1, 6, 1);
    struct span digits = ssmix_narrow(span_trim(text_span(written)), narrow, NUMBER_MAX);
    uint32_t each = days_of_unit(reader, tq1);
    if (!span_uint(digits, DAYS_MAX, &number) || number * each > DAYS_MAX)
        return 0;
    return (int32_t)(number * each);
}

static void extend_to(struct entry *entry, int32_t end)
{
    if (ssmix_day_has(entry->day) && end > entry->day && end - entry->day <= DAYS_MAX &&
        (!ssmix_day_has(entry->end_day) || end > entry->end_day))
        entry->end_day = end;
}

/* Start from TQ1-7, else the folder's day; end from TQ1-8 or TQ1-6. A start that is more
 * than a year away from the folder would take the record out of sight: not believed. */
static void set_span(struct ssmix_reader *reader, struct entry *entry, size_t tq1)
{
    int32_t start = ssmix_day(reader, HL7_AT(tq1, 7, 1));
    bool is_far = ssmix_day_has(start) && ssmix_is_far(reader, start);
    if (is_far)
        ssmix_warn_at(reader, "start_implausible", HL7_AT(tq1, 7, 0),
                      TEXT("開始日が診療日と離れすぎているため診療日を使います"));
    else if (ssmix_day_has(start) && entry->time.len == 0) {
        entry->day = start;
        entry->time = ssmix_time(reader, HL7_AT(tq1, 7, 1));
    }
    if (is_far || !ssmix_day_has(start))
        start = entry->day;
    int32_t end = ssmix_day(reader, HL7_AT(tq1, 8, 1));
    int32_t days = duration_days(reader, tq1);
    if (!ssmix_day_has(end) && days > 1 && ssmix_day_has(start))
        end = start + days - 1;
    if (ssmix_day_has(end))
        extend_to(entry, end);
}

/* ------------------------------------------------------------------ fields */

/* All repetitions of RXE-21, "外来処方・院内処方". */
static struct text category_of(struct ssmix_reader *reader, size_t rxe)
{
    enum { MAX = 8 };
    struct text parts[MAX];
    uint16_t count = ssmix_repetitions(reader, rxe, 21);
    uint16_t used = count < MAX ? count : MAX;
    for (uint16_t i = 0; i < used; i++)
        parts[i] = ssmix_coded(
            reader, (struct hl7_place){.segment = rxe, .field = 21, .repetition = i},
            SSMIX_TABLE_DISPENSING);
    return ssmix_join(reader, parts, used, "・");
}

static void timing_fields(struct ssmix_reader *reader, struct entry_item *item,
                          size_t tq1)
{
    ssmix_field(reader, item, "usage", ssmix_usage(reader, tq1));
    struct hl7_place pattern = HL7_AT(tq1, 3, 1);
    pattern.subcomponent = 1;
    ssmix_field(reader, item, "usage_code", ssmix_text(reader, pattern));
    struct text duration = ssmix_at(reader, tq1, 6, 1);
    bool is_days = duration_days(reader, tq1) > 0 && days_of_unit(reader, tq1) == 1;
    if (!is_days)
        duration = ssmix_pair(reader, duration, " ",
                              ssmix_part(reader, HL7_AT(tq1, 6, 2), SSMIX_TABLE_NONE));
    ssmix_field(reader, item, is_days ? "days" : "duration", duration);
    ssmix_field(reader, item, "times", ssmix_at(reader, tq1, 14, 1));
    ssmix_field(reader, item, "start", ssmix_time(reader, HL7_AT(tq1, 7, 1)));
    ssmix_field(reader, item, "end", ssmix_time(reader, HL7_AT(tq1, 8, 1)));
    ssmix_field(reader, item, "condition", ssmix_at(reader, tq1, 10, 0));
    ssmix_field(reader, item, "instruction", ssmix_at(reader, tq1, 11, 0));
}

/* One field of all routes of the group, each word once. */
static struct text of_routes(struct ssmix_reader *reader, struct ssmix_group group,
                             uint16_t field, enum ssmix_table table)
{
    struct text words[ROUTES_MAX];
    size_t count = 0;
    for (size_t i = group.from; i < group.to && count < ROUTES_MAX; i++) {
        if (reader->tags[i] != TAG_RXR)
            continue;
        words[count] = ssmix_coded_at(reader, i, field, table);
        bool is_new = words[count].len > 0;
        for (size_t k = 0; k < count && is_new; k++)
            is_new = !text_equal(words[k], words[count]);
        count += is_new;
    }
    return ssmix_join(reader, words, count, "、");
}

/* A drug may be given by several routes. */
static void route_fields(struct ssmix_reader *reader, struct entry_item *item,
                         struct ssmix_group group)
{
    ssmix_field(reader, item, "route", of_routes(reader, group, 1, SSMIX_TABLE_ROUTE));
    ssmix_field(reader, item, "site", of_routes(reader, group, 2, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "device", of_routes(reader, group, 3, SSMIX_TABLE_DEVICE));
    ssmix_field(reader, item, "method", of_routes(reader, group, 4, SSMIX_TABLE_NONE));
}

/* The routes that follow each other behind segment `at`. */
static struct ssmix_group routes_behind(const struct ssmix_reader *reader, size_t at,
                                        size_t end)
{
    size_t from = ssmix_next(reader, TAG_RXR, (struct ssmix_group){at, end});
    if (from == HL7_NONE)
        return (struct ssmix_group){end, end};
    struct ssmix_group group = {from, from};
    while (group.to < end &&
           (reader->tags[group.to] == TAG_RXR || reader->tags[group.to] == TAG_NTE))
        group.to++;
    return group;
}

/* All repetitions of RXE-7, and the comments behind ORC, RXE, TQ1 and RXR. */
static struct text comment_of(struct ssmix_reader *reader, struct ssmix_group group,
                              size_t rxe)
{
    struct text own = {0};
    uint16_t count = ssmix_repetitions(reader, rxe, 7);
    for (uint16_t i = 0; i < count; i++)
        own = ssmix_pair(
            reader, own, "\n",
            ssmix_coded(reader,
                        (struct hl7_place){.segment = rxe, .field = 7, .repetition = i},
                        SSMIX_TABLE_NONE));
    /* Those of components and observations stand with them. */
    struct ssmix_group head = {group.from, group.from + 1};
    while (head.to < group.to && reader->tags[head.to] != TAG_RXC &&
           reader->tags[head.to] != TAG_OBX)
        head.to++;
    return ssmix_pair(reader, own, "\n", ssmix_all_notes(reader, head));
}

static void daily_fields(struct ssmix_reader *reader, struct entry_item *item, size_t rxe)
{
    ssmix_field(reader, item, "daily", ssmix_at(reader, rxe, 19, 1));
    ssmix_field(reader, item, "daily_unit",
                ssmix_part(reader, HL7_AT(rxe, 19, 2), SSMIX_TABLE_UNIT));
}

/* "ダーゼン錠 他 2" */
static struct text drug_title(struct ssmix_reader *reader, const struct entry *entry,
                              const char *type)
{
    struct text first = {0};
    size_t count = 0;
    for (const struct entry_item *item = entry->items; item; item = item->next) {
        if (strcmp(item->type, type) != 0)
            continue;
        count++;
        if (count == 1 && item->field_count > 0)
            first = item->fields[0].value;
    }
    if (ssmix_is_bare_code(first))
        first = ssmix_pair(reader, TEXT("薬剤名なし"), " ", first);
    if (count <= 1)
        return first;
    return ssmix_pair(reader, first, " 他 ", ssmix_number(reader, count - 1));
}

/* ------------------------------------------------------------------ OMP-01 */

/* A group that lacks a segment may be the half of a prescription. */
static bool check_group(struct ssmix_reader *reader, struct ssmix_group group,
                        const uint32_t needed[3])
{
    for (int i = 0; i < 3; i++)
        if (ssmix_next(reader, needed[i], group) == HL7_NONE)
            ssmix_refuse(reader, "ssmix_group_incomplete", group.to, needed[i]);
    return ssmix_is_good(reader);
}

/* Orders begin with ORC; outside a storage some systems leave it out. */
static uint32_t head_of_groups(const struct ssmix_reader *reader, uint32_t otherwise)
{
    struct ssmix_group all = {0, reader->count};
    if (reader->name || ssmix_next(reader, TAG_ORC, all) != HL7_NONE)
        return TAG_ORC;
    return otherwise == TAG_RXE && ssmix_next(reader, TAG_RXE, all) == HL7_NONE
               ? TAG_RXO
               : otherwise;
}

/* The ORC of a group, HL7_NONE when it has none. */
static size_t orc_of(const struct ssmix_reader *reader, struct ssmix_group group)
{
    return reader->tags[group.from] == TAG_ORC ? group.from : HL7_NONE;
}

/* TQ1-12, how the next step follows. */
static struct text conjunction_of(struct ssmix_reader *reader, size_t tq1)
{
    struct text code = ssmix_at(reader, tq1, 12, 0);
    if (text_is(code, "S"))
        return TEXT("続いて次へ");
    if (text_is(code, "A"))
        return TEXT("次と同時に");
    return code;
}

static struct text name_of_item(const struct entry_item *item)
{
    bool has_name = item->field_count > 0 && strcmp(item->fields[0].key, "name") == 0;
    return has_name ? item->fields[0].value : (struct text){0};
}

/* A drug with several TQ1 is taken in steps, one after the other or side by side
 * (tapering, different doses in the morning and in the evening). The drug says the first;
 * when there are more, all of them stand behind it. */
static void add_steps(struct ssmix_reader *reader, struct entry *entry,
                      const struct entry_item *drug, struct ssmix_group group)
{
    size_t count = ssmix_count(reader, TAG_TQ1, group);
    struct text name = name_of_item(drug);
    size_t number = 0;
    int32_t days = 0; /* of steps that follow each other without saying when */
    for (size_t i = group.from; i < group.to && count > 1 && number < STEPS_MAX; i++) {
        if (reader->tags[i] != TAG_TQ1)
            continue;
        struct entry_item *item = ssmix_item(reader, entry, "step", 14);
        ssmix_field(reader, item, "name", name);
        ssmix_field(reader, item, "step", ssmix_number(reader, ++number));
        ssmix_field(reader, item, "dose", ssmix_at(reader, i, 2, 1));
        ssmix_field(reader, item, "dose_unit",
                    ssmix_part(reader, HL7_AT(i, 2, 2), SSMIX_TABLE_UNIT));
        timing_fields(reader, item, i);
        ssmix_field(reader, item, "conjunction", conjunction_of(reader, i));
        set_span(reader, entry, i);
        days += duration_days(reader, i);
        bool follows = number == 1 || ssmix_raw(reader, i, 7, 1).len == 0;
        if (follows && ssmix_day_has(entry->day) && days <= DAYS_MAX)
            extend_to(entry, entry->day + days - 1);
    }
}

static void ordered_drug_fields(struct ssmix_reader *reader, struct entry_item *item,
                                struct ssmix_group group, size_t rxe)
{
    ssmix_code_fields(reader, item, rxe, 2);
    ssmix_field(reader, item, "dose", ssmix_at(reader, rxe, 3, 1));
    ssmix_field(reader, item, "dose_max", ssmix_at(reader, rxe, 4, 1));
    ssmix_field(reader, item, "dose_unit", ssmix_unit(reader, rxe, 5));
    daily_fields(reader, item, rxe);
    ssmix_field(reader, item, "total", ssmix_at(reader, rxe, 10, 1));
    ssmix_field(reader, item, "total_unit", ssmix_unit(reader, rxe, 11));
    ssmix_field(reader, item, "form", ssmix_coded_at(reader, rxe, 6, SSMIX_TABLE_FORM));
    ssmix_field(reader, item, "comment", comment_of(reader, group, rxe));
    ssmix_field(reader, item, "category", category_of(reader, rxe));
    ssmix_field(reader, item, "prescription_number", ssmix_at(reader, rxe, 15, 0));
    ssmix_field(reader, item, "strength", ssmix_at(reader, rxe, 25, 0));
    ssmix_field(reader, item, "strength_unit", ssmix_unit(reader, rxe, 26));
    ssmix_field(reader, item, "supplement",
                ssmix_coded_at(reader, rxe, 31, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "refills", ssmix_at(reader, rxe, 12, 0));
    ssmix_field(reader, item, "indication",
                ssmix_coded_at(reader, rxe, 27, SSMIX_TABLE_NONE));
}

/* "component" of a mixture; "ingredient" of what the pharmacy prepares from several. */
static void add_component(struct ssmix_reader *reader, struct entry *entry, size_t rxc)
{
    bool is_mixture = reader->kind == ENTRY_INJECTION;
    struct entry_item *item =
        ssmix_item(reader, entry, is_mixture ? "component" : "ingredient", 12);
    ssmix_code_fields(reader, item, rxc, 2);
    ssmix_field(reader, item, "dose", ssmix_at(reader, rxc, 3, 1));
    ssmix_field(reader, item, "dose_unit", ssmix_unit(reader, rxc, 4));
    struct text role = ssmix_at(reader, rxc, 1, 0);
    ssmix_field(reader, item, "role_code", role);
    ssmix_field(reader, item, "role",
                ssmix_code_text(SSMIX_TABLE_COMPONENT, text_span(role)));
    ssmix_field(reader, item, "strength", ssmix_at(reader, rxc, 5, 1));
    ssmix_field(reader, item, "strength_unit", ssmix_unit(reader, rxc, 6));
    ssmix_field(reader, item, "supplement",
                ssmix_coded_at(reader, rxc, 7, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "comment", ssmix_notes(reader, rxc));
}

/* Base drugs before additives, each in the order of the message. */
static void add_components(struct ssmix_reader *reader, struct entry *entry,
                           struct ssmix_group group)
{
    for (int is_additive = 0; is_additive < 2; is_additive++)
        for (size_t i = group.from; i < group.to && ssmix_is_good(reader); i++)
            if (reader->tags[i] == TAG_RXC &&
                span_is(ssmix_raw(reader, i, 1, 0), "A") == (is_additive == 1))
                add_component(reader, entry, i);
}

static void add_drug(struct ssmix_reader *reader, struct entry *entry,
                     struct ssmix_group group)
{
    size_t rxe = ssmix_next(reader, TAG_RXE, group);
    size_t rxo = ssmix_next(reader, TAG_RXO, group);
    size_t tq1 = timing_of(reader, group, rxe);
    struct entry_item *item = ssmix_item(reader, entry, "drug", DRUG_FIELDS);
    if (rxe == HL7_NONE && rxo != HL7_NONE) {
        ssmix_code_fields(reader, item, rxo, 1);
        ssmix_field(reader, item, "dose", ssmix_at(reader, rxo, 2, 1));
        ssmix_field(reader, item, "dose_unit", ssmix_unit(reader, rxo, 4));
    }
    if (rxe != HL7_NONE)
        ordered_drug_fields(reader, item, group, rxe);
    timing_fields(reader, item, tq1);
    route_fields(reader, item, group);
    /* What a preparation of the pharmacy is made of. */
    size_t first = rxe == HL7_NONE ? group.from : rxe;
    add_components(reader, entry, (struct ssmix_group){first, group.to});
    set_span(reader, entry, tq1);
    if (tq1 != HL7_NONE)
        add_steps(reader, entry, item, (struct ssmix_group){tq1, group.to});
    ssmix_observations(reader, entry, group);
}

/* The entry of the RP among the newest ones: drugs of one RP share ORC-4. One that is
 * cancelled or stopped must not stand among those that are taken, nor the reverse. */
static struct entry *find_rp(struct ssmix_reader *reader, size_t orc, struct text rp)
{
    enum { BACK_MAX = 256 };
    size_t looked = 0;
    enum ssmix_control control = ssmix_control_of(reader, orc);
    for (size_t i = orc; rp.len > 0 && i > 0 && looked < BACK_MAX; i--) {
        if (reader->tags[i - 1] != TAG_ORC)
            continue;
        looked++;
        if (ssmix_control_of(reader, i - 1) == control &&
            text_equal(without_zeros(group_number(reader, i - 1, 1)), rp))
            return reader->seen[i - 1].owner;
    }
    return NULL;
}

static struct entry *new_order(struct ssmix_reader *reader, size_t orc)
{
    struct entry *entry = ssmix_entry(reader, reader->kind);
    ssmix_set_order(reader, entry, orc);
    return entry;
}

static void add_order_item(struct ssmix_reader *reader, struct entry *entry, size_t orc,
                           struct text rp)
{
    struct entry_item *item = ssmix_item(reader, entry, "order", 7);
    ssmix_field(reader, item, "rp", rp);
    /* It may vary inside one message: the first one is meant (clause 2.9). */
    struct ssmix_group all = {0, reader->count};
    size_t first = ssmix_next(reader, TAG_ORC, all);
    struct text ordered = ssmix_time(reader, HL7_AT(first, 9, 1));
    if (ordered.len == 0)
        ordered = ssmix_time(reader, HL7_AT(orc, 9, 1));
    ssmix_field(reader, item, "ordered", ordered);
    ssmix_field(reader, item, "doctor", entry->author);
    ssmix_field(reader, item, "department", entry->department);
    ssmix_field(reader, item, "order_type",
                ssmix_coded_at(reader, orc, 29, SSMIX_TABLE_ORDER_TYPE));
    ssmix_field(reader, item, "facility", ssmix_at(reader, orc, 21, 1));
}

/* The drugs are what is looked for: the order stands behind them. */
static void move_order_last(struct entry *entry)
{
    struct entry_item *order = entry->items;
    if (!order || order == entry->last_item)
        return;
    entry->items = order->next;
    entry->last_item->next = order;
    entry->last_item = order;
    order->next = NULL;
}

void ssmix_read_prescription(struct ssmix_reader *reader)
{
    static const uint32_t needed[3] = {TAG_RXE, TAG_TQ1, TAG_RXR};
    struct ssmix_group group = {0};
    size_t at = 0;
    uint32_t head = head_of_groups(reader, TAG_RXE);
    while (ssmix_is_good(reader) && ssmix_take_group(reader, head, &at, &group)) {
        if (!check_group(reader, group, needed))
            return;
        size_t orc = orc_of(reader, group);
        struct text rp = without_zeros(group_number(reader, orc, 1));
        struct entry *entry = find_rp(reader, orc, rp);
        if (!entry) {
            entry = new_order(reader, orc);
            add_order_item(reader, entry, orc, rp);
            ssmix_set_part(reader, entry, rp);
        }
        ssmix_own(reader, group.from, entry);
        add_drug(reader, entry, group);
    }
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, TAG_ORC);
    for (struct entry *entry = reader->list->first; entry && ssmix_is_good(reader);
         entry = entry->next) {
        entry->title = drug_title(reader, entry, "drug");
        move_order_last(entry);
    }
}

/* ------------------------------------------------------------------ OMP-02 */

/* RXE-2 is a drug, not the class of the injection ("00"), when it has a drug's code
 * system or a code as long as those of drugs. */
static bool is_drug(const struct ssmix_reader *reader, size_t rxe)
{
    enum { CLASS_MAX = 6 };
    return span_starts(ssmix_raw(reader, rxe, 2, 3), "HOT") ||
           ssmix_raw(reader, rxe, 2, 1).len > CLASS_MAX;
}

static bool has_component(const struct ssmix_reader *reader, struct ssmix_group group,
                          struct span code)
{
    for (size_t i = group.from; i < group.to; i++)
        if (reader->tags[i] == TAG_RXC && span_equal(ssmix_raw(reader, i, 2, 1), code))
            return true;
    return false;
}

/* RXE-22 "H1" is 1時間. */
static struct text rate_per(struct ssmix_reader *reader, size_t rxe)
{
    static const struct {
        char letter;
        struct text unit;
    } units[] = {
        {'S', {"秒", sizeof("秒") - 1}},     {'M', {"分", sizeof("分") - 1}},
        {'H', {"時間", sizeof("時間") - 1}}, {'D', {"日", sizeof("日") - 1}},
        {'W', {"週", sizeof("週") - 1}},     {'L', {"か月", sizeof("か月") - 1}},
    };
    struct text whole = ssmix_at(reader, rxe, 22, 0);
    if (whole.len < 2)
        return whole;
    struct text number = {whole.at + 1, whole.len - 1};
    if (!span_all_digits(text_span(number)))
        return whole;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (whole.at[0] == units[i].letter)
            return ssmix_pair(reader, number, "", units[i].unit);
    return whole;
}

static void injection_fields(struct ssmix_reader *reader, struct entry_item *item,
                             struct ssmix_group group, size_t rxe)
{
    if (!is_drug(reader, rxe))
        ssmix_field(reader, item, "class",
                    ssmix_coded_at(reader, rxe, 2, SSMIX_TABLE_INJECTION));
    ssmix_field(reader, item, "total", ssmix_at(reader, rxe, 3, 1));
    ssmix_field(reader, item, "total_unit", ssmix_unit(reader, rxe, 5));
    daily_fields(reader, item, rxe);
    ssmix_field(reader, item, "form", ssmix_coded_at(reader, rxe, 6, SSMIX_TABLE_FORM));
    ssmix_field(reader, item, "comment", comment_of(reader, group, rxe));
    ssmix_field(reader, item, "category", category_of(reader, rxe));
    ssmix_field(reader, item, "prescription_number", ssmix_at(reader, rxe, 15, 0));
    ssmix_field(reader, item, "rate", ssmix_at(reader, rxe, 23, 0));
    ssmix_field(reader, item, "rate_unit", ssmix_unit(reader, rxe, 24));
    ssmix_field(reader, item, "rate_per", rate_per(reader, rxe));
}

static void add_injection(struct ssmix_reader *reader, struct ssmix_group group)
{
    size_t orc = orc_of(reader, group);
    size_t rxe = ssmix_next(reader, TAG_RXE, group);
    size_t tq1 = timing_of(reader, group, rxe);
    struct entry *entry = new_order(reader, orc);
    struct text part = group_number(reader, orc, 2);
    ssmix_set_part(reader, entry, part);
    struct entry_item *item = ssmix_item(reader, entry, "injection", DRUG_FIELDS);
    injection_fields(reader, item, group, rxe);
    timing_fields(reader, item, tq1);
    route_fields(reader, item, group);
    /* RXC in front of RXE is what was asked for, behind it what is given. */
    struct ssmix_group given = {rxe == HL7_NONE ? group.from : rxe, group.to};
    if (is_drug(reader, rxe) &&
        !has_component(reader, given, ssmix_raw(reader, rxe, 2, 1))) {
        struct entry_item *drug = ssmix_item(reader, entry, "component", 6);
        ssmix_code_fields(reader, drug, rxe, 2);
        ssmix_field(reader, drug, "dose", ssmix_at(reader, rxe, 3, 1));
        ssmix_field(reader, drug, "dose_unit", ssmix_unit(reader, rxe, 5));
    }
    add_components(reader, entry, given);
    set_span(reader, entry, tq1);
    if (tq1 != HL7_NONE)
        add_steps(reader, entry, item, (struct ssmix_group){tq1, group.to});
    ssmix_observations(reader, entry, group);
    add_order_item(reader, entry, orc, injection_rp(part));
    entry->title = drug_title(reader, entry, "component");
    if (entry->title.len == 0)
        entry->title = ssmix_words(reader, HL7_AT(rxe, 2, 0), SSMIX_TABLE_INJECTION);
    if (entry->title.len == 0)
        entry->title = TEXT("注射");
}

void ssmix_read_injection(struct ssmix_reader *reader)
{
    static const uint32_t needed[3] = {TAG_RXE, TAG_TQ1, TAG_RXR};
    struct ssmix_group group = {0};
    size_t at = 0;
    uint32_t head = head_of_groups(reader, TAG_RXE);
    while (ssmix_is_good(reader) && ssmix_take_group(reader, head, &at, &group))
        if (check_group(reader, group, needed))
            add_injection(reader, group);
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, TAG_ORC);
}

/* ------------------------------------------------------------------ OMP-11, OMP-12 */

static struct text place_of(struct ssmix_reader *reader, size_t rxa)
{
    const struct text parts[] = {ssmix_at(reader, rxa, 11, 1),
                                 ssmix_at(reader, rxa, 11, 2),
                                 ssmix_at(reader, rxa, 11, 3)};
    return ssmix_join(reader, parts, 3, "-");
}

/* Only CP and PA count as given; an empty status is what most systems send for CP. */
static bool was_given(const struct ssmix_reader *reader, size_t rxa)
{
    struct span status = ssmix_raw(reader, rxa, 20, 0);
    return status.len == 0 || span_is(status, "CP") || span_is(status, "PA");
}

static void add_administration(struct ssmix_reader *reader, struct entry *entry,
                               size_t rxa, struct ssmix_group routes)
{
    struct entry_item *item = ssmix_item(reader, entry, "administration", 26);
    ssmix_code_fields(reader, item, rxa, 5);
    ssmix_field(reader, item, "dose", ssmix_at(reader, rxa, 6, 1));
    ssmix_field(reader, item, "dose_unit", ssmix_unit(reader, rxa, 7));
    ssmix_field(reader, item, "form", ssmix_coded_at(reader, rxa, 8, SSMIX_TABLE_FORM));
    ssmix_field(reader, item, "start", ssmix_time(reader, HL7_AT(rxa, 3, 1)));
    ssmix_field(reader, item, "end", ssmix_time(reader, HL7_AT(rxa, 4, 1)));
    ssmix_field(reader, item, "comment",
                ssmix_coded_at(reader, rxa, 9, SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "staff", ssmix_person(reader, HL7_AT(rxa, 10, 0)));
    ssmix_field(reader, item, "place", place_of(reader, rxa));
    ssmix_field(reader, item, "rate", ssmix_at(reader, rxa, 12, 0));
    ssmix_field(reader, item, "strength", ssmix_at(reader, rxa, 13, 0));
    ssmix_field(reader, item, "strength_unit", ssmix_unit(reader, rxa, 14));
    ssmix_field(reader, item, "lot", ssmix_at(reader, rxa, 15, 0));
    struct text status = ssmix_at(reader, rxa, 20, 0);
    struct text known = ssmix_code_text(SSMIX_TABLE_COMPLETION, text_span(status));
    ssmix_field(reader, item, "status_code", status);
    ssmix_field(reader, item, "status", known.len > 0 ? known : status);
    ssmix_field(reader, item, "given",
                was_given(reader, rxa) ? TEXT("true") : TEXT("false"));
    ssmix_field(reader, item, "refusal_reason",
                ssmix_coded_at(reader, rxa, 18, SSMIX_TABLE_NONE));
    route_fields(reader, item, routes);
}

/* RAS may say what was ordered in front of what was given (RXE TQ1 RXR RXC). */
static void add_what_was_ordered(struct ssmix_reader *reader, struct entry *entry,
                                 struct ssmix_group group)
{
    struct ssmix_group order = {group.from, ssmix_next(reader, TAG_RXA, group)};
    size_t rxe = order.to == HL7_NONE ? HL7_NONE : ssmix_next(reader, TAG_RXE, order);
    if (rxe == HL7_NONE)
        return;
    bool is_injection = reader->kind == ENTRY_INJECTION;
    struct entry_item *item =
        ssmix_item(reader, entry, is_injection ? "injection" : "drug", DRUG_FIELDS);
    if (is_injection)
        injection_fields(reader, item, order, rxe);
    else
        ordered_drug_fields(reader, item, order, rxe);
    timing_fields(reader, item, timing_of(reader, order, rxe));
    route_fields(reader, item, order);
    add_components(reader, entry, order);
}

static void add_given(struct ssmix_reader *reader, struct ssmix_group group)
{
    size_t orc = orc_of(reader, group);
    struct entry *entry = new_order(reader, orc);
    struct text part = group_number(reader, orc, 2);
    ssmix_set_part(reader, entry, part);
    add_what_was_ordered(reader, entry, group);
    bool has_given = false;
    for (size_t i = group.from; i < group.to && ssmix_is_good(reader); i++) {
        if (reader->tags[i] != TAG_RXA)
            continue;
        add_administration(reader, entry, i, routes_behind(reader, i, group.to));
        has_given |= was_given(reader, i);
        if (entry->time.len == 0)
            entry->time = ssmix_time(reader, HL7_AT(i, 3, 1));
        int32_t end = ssmix_day(reader, HL7_AT(i, 4, 1));
        if (ssmix_day_has(end) && ssmix_day_has(entry->day) && end > entry->day &&
            end - entry->day <= DAYS_MAX && reader->kind == ENTRY_INJECTION)
            entry->end_day = end;
    }
    ssmix_observations(reader, entry, group);
    add_order_item(reader, entry, orc, injection_rp(part));
    entry->title = drug_title(reader, entry, "administration");
    if (!has_given)
        entry->title = ssmix_pair(reader, entry->title, "", TEXT("（未実施）"));
}

void ssmix_read_administration(struct ssmix_reader *reader)
{
    static const uint32_t needed[3] = {TAG_RXA, TAG_RXA, TAG_RXR};
    struct ssmix_group group = {0};
    size_t at = 0;
    uint32_t head = head_of_groups(reader, TAG_RXA);
    while (ssmix_is_good(reader) && ssmix_take_group(reader, head, &at, &group))
        if (check_group(reader, group, needed))
            add_given(reader, group);
    if (group.to == 0)
        ssmix_refuse(reader, "ssmix_group_missing", reader->count, TAG_ORC);
}
