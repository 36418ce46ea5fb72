// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

/* Which reader a message goes to, and what it is when no folder says so. */
struct content {
    const char *code;
    const char *trigger; /* NULL = any */
    void (*read)(struct ssmix_reader *reader);
    enum entry_kind kind;
    bool needs_visit; /* PV1 is mandatory */
};

static void read_drug_order(struct ssmix_reader *reader)
{
    if (reader->kind == ENTRY_INJECTION)
        ssmix_read_injection(reader);
    else
        ssmix_read_prescription(reader);
}

/* ORU: laboratory results come without SPM, examinations with free text. */
static void read_observation(struct ssmix_reader *reader)
{
    if (reader->kind == ENTRY_LABORATORY)
        ssmix_read_test_result(reader);
    else
        ssmix_read_examination(reader);
}

/* ORM: anything that can be ordered. */
static void read_general_order(struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    bool has_drug = ssmix_next(reader, TAG_RXE, all) != HL7_NONE ||
                    ssmix_next(reader, TAG_RXO, all) != HL7_NONE;
    if (has_drug)
        read_drug_order(reader);
    else
        ssmix_read_examination(reader);
}

/* By its class or, where drugs have no class, by a route that needs a needle. */
static enum entry_kind kind_of_drug(const struct ssmix_reader *reader)
{
    static const char *const routes[] = {"IV", "IM", "SC", "ID"};
    struct ssmix_group all = {0, reader->count};
    size_t rxe = ssmix_next(reader, TAG_RXE, all);
    struct span system = ssmix_raw(reader, rxe, 2, 3);
    struct span route = ssmix_raw(reader, ssmix_next(reader, TAG_RXR, all), 1, 1);
    bool is_injection = span_is(system, "99I02") || span_is(system, "JHSI0002");
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        is_injection |= span_is(route, routes[i]);
    return is_injection ? ENTRY_INJECTION : ENTRY_PRESCRIPTION;
}

/* What the segments tell where MSH-9 leaves it open. */
static enum entry_kind kind_of_content(struct ssmix_reader *reader,
                                       enum entry_kind otherwise)
{
    struct ssmix_group all = {0, reader->count};
    struct span code = hl7_message_code(reader->message);
    if (ssmix_next(reader, TAG_RXE, all) != HL7_NONE ||
        ssmix_next(reader, TAG_RXO, all) != HL7_NONE ||
        ssmix_next(reader, TAG_RXA, all) != HL7_NONE)
        return kind_of_drug(reader);
    if (span_is(code, "ORM") || span_is(code, "OMG") || span_is(code, "OMI"))
        return ssmix_kind_of_request(reader, otherwise);
    if (!span_is(code, "ORU") || otherwise != ENTRY_LABORATORY)
        return otherwise;
    enum entry_kind kind = ssmix_kind_of_request(reader, otherwise);
    bool is_finding = kind == ENTRY_RADIOLOGY || kind == ENTRY_ENDOSCOPY;
    return is_finding ? ENTRY_REPORT : kind;
}

static const struct content contents[] = {
    {"OUL", NULL, ssmix_read_test_result, ENTRY_LABORATORY, false},
    {"RDE", NULL, read_drug_order, ENTRY_PRESCRIPTION, false},
    {"RAS", NULL, ssmix_read_administration, ENTRY_PRESCRIPTION, false},
    {"OML", NULL, ssmix_read_test_order, ENTRY_LABORATORY, false},
    {"OMG", NULL, ssmix_read_examination, ENTRY_UNKNOWN, false},
    {"OMI", NULL, ssmix_read_examination, ENTRY_RADIOLOGY, false},
    {"OMD", NULL, ssmix_read_meals, ENTRY_MEAL, false},
    {"PPR", NULL, ssmix_read_problems, ENTRY_PROBLEM, false},
    {"ORU", "R30", ssmix_read_examination, ENTRY_VITAL_SIGNS, false},
    {"ORU", NULL, read_observation, ENTRY_LABORATORY, false},
    {"ADT", "A60", ssmix_read_allergies, ENTRY_ALLERGY, false},
    {"ADT", "A08", ssmix_read_patient, ENTRY_PATIENT, true},
    {"ADT", "A23", ssmix_read_patient, ENTRY_PATIENT, true},
    {"ADT", "A28", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A31", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A29", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A18", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A24", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A30", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A34", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A35", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A36", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A37", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A39", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A40", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A41", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A42", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A43", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A44", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A45", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A46", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A47", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A48", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A49", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A50", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A51", ssmix_read_patient, ENTRY_PATIENT, false},
    {"ADT", "A54", ssmix_read_doctor, ENTRY_DOCTOR, true},
    {"ADT", "A55", ssmix_read_doctor, ENTRY_DOCTOR, true},
    {"ADT", "A04", ssmix_read_visit, ENTRY_VISIT, true},
    {"ADT", NULL, ssmix_read_event, ENTRY_ADMISSION, true},
    {"ORM", NULL, read_general_order, ENTRY_LABORATORY, false},
    {"OMP", NULL, ssmix_read_prescription, ENTRY_PRESCRIPTION, false},
    {"RDS", NULL, ssmix_read_prescription, ENTRY_PRESCRIPTION, false},
    {"RGV", NULL, ssmix_read_prescription, ENTRY_PRESCRIPTION, false},
    {"VXU", NULL, ssmix_read_administration, ENTRY_INJECTION, false},
    {"MDM", NULL, ssmix_read_document, ENTRY_DOCUMENT, false},
    {"SIU", NULL, ssmix_read_appointment, ENTRY_VISIT, false},
};

static const struct content unknown_content = {"", NULL, ssmix_read_unknown,
                                               ENTRY_UNKNOWN, false};

static const struct content *find_content(struct span code, struct span trigger)
{
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
        if (span_is(code, contents[i].code) &&
            (!contents[i].trigger || span_is(trigger, contents[i].trigger)))
            return &contents[i];
    return &unknown_content;
}

/* "OUL^R22" */
static const struct content *find_expected(const struct ssmix_type *type)
{
    struct span trigger = span_cstr(type->message);
    struct span code = {0};
    span_take(&trigger, '^', &code);
    return find_content(code, trigger);
}

/* ------------------------------------------------------------------ segments */

static void take_tags(struct ssmix_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++) {
        struct span name = hl7_segment_name(reader->message, i);
        if (name.len != 3)
            continue;
        uint32_t tag = SSMIX_TAG(name.at[0], name.at[1], name.at[2]);
        /* MSH-1 counts as a field of the bare header too. */
        if (hl7_field_count(reader->message, i) <= (tag == TAG_MSH))
            continue;
        reader->tags[i] = tag;
        if (tag == TAG_PID && reader->pid == HL7_NONE)
            reader->pid = i;
        else if (tag == TAG_PV1 && reader->pv1 == HL7_NONE)
            reader->pv1 = i;
        else if (tag == TAG_PV2 && reader->pv2 == HL7_NONE)
            reader->pv2 = i;
        else if (tag == TAG_EVN && reader->evn == HL7_NONE)
            reader->evn = i;
    }
}

static void warn_oddities(struct ssmix_reader *reader)
{
    static const struct {
        enum hl7_oddity oddity;
        const char *code;
        struct text text;
    } known[] = {
        {HL7_JUNK_SEGMENT,
         "hl7_junk_segment",
         {"セグメント名でない行があります",
          sizeof("セグメント名でない行があります") - 1}},
        {HL7_BARE_SEGMENT,
         "hl7_bare_segment",
         {"フィールドのないセグメントがあります",
          sizeof("フィールドのないセグメントがあります") - 1}},
        {HL7_UNCLOSED_STATE,
         "hl7_unclosed_state",
         {"漢字のままセグメントが終わっています",
          sizeof("漢字のままセグメントが終わっています") - 1}},
        {HL7_LINE_FEED_IN_TEXT,
         "hl7_line_feed",
         {"値の中に改行があります", sizeof("値の中に改行があります") - 1}},
    };
    unsigned oddities = hl7_oddities(reader->message);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && oddities; i++)
        if (oddities & known[i].oddity) {
            size_t segment = hl7_odd_segment(reader->message, known[i].oddity);
            ssmix_warn(reader, known[i].code,
                       hl7_segment_offset(reader->message, segment), known[i].text);
        }
}

/* A file without an end may be cut anywhere; a second header means two messages, perhaps
 * of two patients. */
static bool check_whole(struct ssmix_reader *reader, size_t len)
{
    if (!reader->name)
        return true;
    if (hl7_oddities(reader->message) & HL7_NO_END)
        return err_at(reader->err, ERR_SYNTAX, "hl7_segment_cut", len, "HL7 v2.5 2.5.2");
    size_t second = ssmix_next(reader, TAG_MSH, (struct ssmix_group){1, reader->count});
    if (second != HL7_NONE && reader->name->known)
        return err_at(reader->err, ERR_SYNTAX, "ssmix_second_message",
                      hl7_segment_offset(reader->message, second), "SS-MIX2 2.2.1");
    return true;
}

/* ------------------------------------------------------------------ patient */

static struct text name_at(struct ssmix_reader *reader, uint16_t repetition)
{
    return ssmix_name(
        reader,
        (struct hl7_place){.segment = reader->pid, .field = 5, .repetition = repetition});
}

/* Kana of either width and spaces: what some systems send without saying so. */
static bool is_kana(struct text text)
{
    uint32_t code_point = 0;
    bool is_good = text.len > 0;
    while (is_good && text_next(&text, &code_point))
        is_good = code_point == ' ' || code_point == 0x3000 ||
                  (code_point >= 0x3041 && code_point <= 0x30FF) ||
                  (code_point >= 0xFF61 && code_point <= 0xFF9F);
    return is_good;
}

static void take_names(struct ssmix_reader *reader)
{
    struct entry_patient *patient = &reader->list->patient;
    uint16_t count = ssmix_repetitions(reader, reader->pid, 5);
    for (uint16_t i = 0; i < count; i++) {
        struct hl7_place place = {
            .segment = reader->pid, .field = 5, .repetition = i, .component = 8};
        struct span form = hl7_raw(reader->message, place);
        bool is_unmarked = form.len == 0 && patient->name.len > 0;
        if (patient->kana.len == 0 &&
            (span_is(form, "P") || (is_unmarked && is_kana(name_at(reader, i)))))
            patient->kana = name_at(reader, i);
        else if (span_is(form, "I") || patient->name.len == 0)
            patient->name = name_at(reader, i);
    }
}

static void take_birth(struct ssmix_reader *reader)
{
    struct entry_patient *patient = &reader->list->patient;
    patient->birth_day = ssmix_day(reader, HL7_AT(reader->pid, 7, 1));
    bool is_empty = ssmix_raw(reader, reader->pid, 7, 0).len == 0;
    int32_t other = ssmix_day(reader, HL7_AT(reader->pid, 9, 1));
    if (is_empty && ssmix_day_has(other)) {
        patient->birth_day = other;
        ssmix_warn_at(reader, "birth_in_pid9", HL7_AT(reader->pid, 9, 0),
                      TEXT("生年月日がPID-9にあります"));
    } else if (!is_empty && !ssmix_day_has(patient->birth_day)) {
        ssmix_warn_at(reader, "birth_invalid", HL7_AT(reader->pid, 7, 0),
                      TEXT("生年月日として読めない値があります"));
    }
}

static struct span without_zeros(struct span digits)
{
    while (digits.len > 1 && digits.at[0] == '0') {
        digits.at++;
        digits.len--;
    }
    return digits;
}

static void compare_number(struct ssmix_reader *reader)
{
    struct hl7_place own = ssmix_own_number(reader, reader->pid);
    struct span number = span_trim(hl7_raw(reader->message, own));
    struct span folder = reader->name->patient;
    if (number.len == 0)
        ssmix_warn_at(reader, "patient_number_missing", HL7_AT(reader->pid, 3, 0),
                      TEXT("患者番号（PID-3）がありません"));
    else if (!span_equal(without_zeros(number), without_zeros(folder)))
        ssmix_warn_at(reader, "patient_mismatch", own,
                      TEXT("患者番号（PID-3）がフォルダと違います"));
    else if (!span_equal(number, folder))
        ssmix_warn_at(reader, "patient_padding", own,
                      TEXT("患者番号（PID-3）の前ゼロがフォルダと違います"));
}

static char sex_of(struct span code)
{
    if (code.len != 1)
        return code.len == 0 ? '\0' : 'O';
    switch (code.at[0]) {
    case 'M':
    case 'F':
        return (char)code.at[0];
    case 'U':
    case 'N':
        return 'U';
    default:
        return 'O';
    }
}

static void take_patient(struct ssmix_reader *reader)
{
    struct entry_patient *patient = &reader->list->patient;
    if (reader->pid == HL7_NONE)
        return;
    if (!reader->name) {
        patient->id = ssmix_text(reader, ssmix_own_number(reader, reader->pid));
        if (patient->id.len == 0)
            patient->id = ssmix_at(reader, reader->pid, 2, 1);
    } else {
        compare_number(reader);
    }
    take_names(reader);
    take_birth(reader);
    char sex = sex_of(span_trim(ssmix_raw(reader, reader->pid, 8, 1)));
    patient->sex = sex ? sex : 'U';
}

/* ------------------------------------------------------------------ comparisons */

/* When an appointment is: TQ1-7, AIS-4, before v2.6 SCH-11. */
static struct hl7_place appointment_place(const struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    const struct hl7_place places[] = {
        HL7_AT(ssmix_next(reader, TAG_TQ1, all), 7, 1),
        HL7_AT(ssmix_next(reader, TAG_AIS, all), 4, 1),
        HL7_AT(ssmix_next(reader, TAG_SCH, all), 11, 4),
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (ssmix_day_has(ssmix_day(reader, places[i])))
            return places[i];
    return HL7_AT(HL7_NONE, 0, 0);
}

struct hl7_place ssmix_day_place(const struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    if (span_is(hl7_message_code(reader->message), "SIU"))
        return appointment_place(reader);
    switch (reader->type ? reader->type->day_from : SSMIX_DAY_FROM_NONE) {
    case SSMIX_DAY_FROM_PV1_44:
        return HL7_AT(reader->pv1, 44, 0);
    case SSMIX_DAY_FROM_PV1_45:
        return HL7_AT(reader->pv1, 45, 0);
    case SSMIX_DAY_FROM_PV2_8:
        return HL7_AT(reader->pv2, 8, 0);
    case SSMIX_DAY_FROM_PV2_9:
        return HL7_AT(reader->pv2, 9, 0);
    case SSMIX_DAY_FROM_EVN_6:
        return HL7_AT(reader->evn, 6, 0);
    case SSMIX_DAY_FROM_ORC_9:
        return HL7_AT(ssmix_next(reader, TAG_ORC, all), 9, 0);
    case SSMIX_DAY_FROM_RXA_3:
        return HL7_AT(ssmix_next(reader, TAG_RXA, all), 3, 0);
    case SSMIX_DAY_FROM_SPM_17:
        return HL7_AT(ssmix_next(reader, TAG_SPM, all), 17, 1);
    case SSMIX_DAY_FROM_OBR_7:
        return HL7_AT(ssmix_next(reader, TAG_OBR, all), 7, 0);
    case SSMIX_DAY_FROM_NONE:
        break;
    }
    return HL7_AT(HL7_NONE, 0, 0);
}

static void compare_key(struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    size_t segment = ssmix_next(reader, TAG_ORC, all);
    if (ssmix_raw(reader, segment, 2, 1).len == 0)
        segment = ssmix_next(reader, TAG_OBR, all);
    struct span number = span_trim(ssmix_raw(reader, segment, 2, 1));
    if (number.len > 0 &&
        !span_equal(without_zeros(number), without_zeros(reader->name->key)))
        ssmix_warn_at(reader, "key_mismatch", HL7_AT(segment, 2, 1),
                      TEXT("オーダ番号がファイル名の特定キーと違います"));
}

static void warn_name(struct ssmix_reader *reader)
{
    unsigned differs = reader->name ? reader->name->differs : 0;
    if (differs & SSMIX_PATIENT_DIFFERS)
        ssmix_warn(reader, "patient_mismatch", 0,
                   TEXT("ファイル名の患者番号がフォルダと違います"));
    if (differs & SSMIX_DAY_DIFFERS)
        ssmix_warn(reader, "day_mismatch", 0,
                   TEXT("ファイル名の診療日がフォルダと違います"));
    if (differs & SSMIX_TYPE_DIFFERS)
        ssmix_warn(reader, "type_mismatch", 0,
                   TEXT("ファイル名のデータ種別がフォルダと違います"));
}

/* Table 0103: what was sent for training or debugging is no patient's record. */
static void warn_processing(struct ssmix_reader *reader)
{
    struct span id = ssmix_raw(reader, 0, 11, 1);
    if (span_is(id, "T") || span_is(id, "D"))
        ssmix_warn_at(reader, "not_production", HL7_AT(0, 11, 0),
                      TEXT("訓練・デバッグ用の電文です（MSH-11）"));
}

static void compare_with_folder(struct ssmix_reader *reader)
{
    if (!reader->name || !reader->name->known)
        return;
    warn_processing(reader);
    struct hl7_place place = ssmix_day_place(reader);
    int32_t day = ssmix_day(reader, place);
    if (ssmix_day_has(day) && day != reader->name->day)
        ssmix_warn_at(reader, "day_mismatch", place,
                      TEXT("電文の日付がフォルダの診療日と違います"));
    compare_key(reader);
}

static void warn_charset(struct ssmix_reader *reader)
{
    unsigned findings = hl7_charset_findings(reader->message);
    if (hl7_charset_is_misdeclared(reader->message))
        ssmix_warn_at(reader, "charset_misdeclared", HL7_AT(0, 18, 0),
                      TEXT("宣言と違う文字コードで書かれています"));
    static const struct {
        enum charset_finding finding;
        const char *code;
        struct text text;
    } known[] = {
#define FINDING(finding, code, text)                                                     \
    {                                                                                    \
        CHARSET_##finding, code,                                                         \
        {                                                                                \
            text, sizeof(text) - 1                                                       \
        }                                                                                \
    }
        FINDING(BAD_BYTES, "charset_replaced", "読めない文字を置き換えて表示します"),
        FINDING(VENDOR_CHARACTERS, "vendor_characters", "環境依存文字があります"),
        FINDING(JISX0212, "jisx0212", "JIS X 0212（補助漢字）の文字があります"),
        FINDING(HALF_WIDTH_KANA, "half_width_kana", "半角カナがあります"),
        FINDING(HIGH_BYTES, "charset_mixed",
                "７ビットの電文に８ビットの文字が混ざっています"),
#undef FINDING
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (findings & known[i].finding)
            ssmix_warn(reader, known[i].code,
                       hl7_finding_offset(reader->message, known[i].finding),
                       known[i].text);
}

/* ------------------------------------------------------------------ the whole */

static bool is_one_of(struct span word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (span_is(word, words[i]))
            return true;
    return false;
}

static bool is_cancel(struct span trigger)
{
    static const char *const cancels[] = {"A11", "A12", "A13", "A23", "A25", "A26",
                                          "A27", "A52", "A53", "A55", NULL};
    return is_one_of(trigger, cancels);
}

static enum entry_state state_of(const struct ssmix_name *name)
{
    if (!name || name->flag == '1')
        return ENTRY_CURRENT;
    return name->flag == '2' ? ENTRY_SUPERSEDED : ENTRY_DELETED;
}

/* Outside a storage only the trigger tells plans and cancellations. */
static enum entry_state loose_state(struct span code, struct span trigger)
{
    static const char *const plans[] = {"A05", "A14", "A15", "A16", NULL};
    static const char *const dropped[] = {"S15", "S16", "S17", "S26", NULL};
    static const char *const others[] = {"A32", "A33", "A38", NULL};
    bool is_visit = span_is(code, "ADT");
    bool is_appointment = span_is(code, "SIU");
    bool is_dropped = is_visit && (is_cancel(trigger) || is_one_of(trigger, others));
    if (is_dropped || (is_appointment && is_one_of(trigger, dropped)) ||
        (span_is(code, "MDM") && span_is(trigger, "T11")))
        return ENTRY_DELETED;
    bool is_planned = is_appointment || (is_visit && is_one_of(trigger, plans));
    return is_planned ? ENTRY_PLANNED : ENTRY_CURRENT;
}

static bool is_message(struct span code, struct span trigger, const char *message)
{
    struct span rest = message ? span_cstr(message) : (struct span){0};
    struct span part = {0};
    return span_take(&rest, '^', &part) && span_equal(part, code) &&
           (trigger.len == 0 || span_equal(rest, trigger));
}

/* What a storage would file the message as, NULL when there is no such type. Events must
 * agree in the trigger; of others the message's code is enough (OML^O21, OUL^R24). */
static const struct ssmix_type *type_of_message(struct span code, struct span trigger)
{
    if (span_is(code, "ADT") && span_is(trigger, "A05"))
        trigger = SPAN("A14");
    else if (span_is(code, "ADT") && span_is(trigger, "A38"))
        trigger = SPAN("A27");
    else if (!span_is(code, "ADT"))
        trigger = (struct span){0};
    else if (trigger.len == 0)
        return NULL;
    for (size_t i = 0; i < SSMIX_TYPE_COUNT; i++) {
        const struct ssmix_type *type = ssmix_type_at(i);
        if (is_message(code, trigger, type->message) ||
            is_message(code, trigger, type->cancel))
            return type;
    }
    return NULL;
}

/* The folder decides the row, the message how it is read (clause 2.4). */
static const struct content *choose_content(struct ssmix_reader *reader)
{
    struct span code = hl7_message_code(reader->message);
    struct span trigger = hl7_trigger(reader->message);
    const struct content *content = find_content(code, trigger);
    reader->state = state_of(reader->name);
    if (!reader->name) {
        reader->kind = kind_of_content(reader, content->kind);
        reader->state = loose_state(code, trigger);
        reader->type = type_of_message(code, trigger);
        return content;
    }
    const struct ssmix_type *known = reader->name->known;
    reader->type = known;
    reader->kind = known ? known->kind : ENTRY_UNKNOWN;
    reader->day = reader->name->day;
    if (!known)
        return content;
    const struct content *expected = find_expected(known);
    bool is_event = span_is(code, "ADT");
    const struct ssmix_type *own = is_event ? type_of_message(code, trigger) : NULL;
    if (is_event ? own != known : content != expected)
        ssmix_warn_at(reader, "type_mismatch", HL7_AT(0, 9, 0),
                      TEXT("電文の型がデータ種別と違います"));
    /* An event in the folder of another one is what its message says. */
    if (own && own->kind == known->kind)
        reader->type = own;
    if (is_event && is_cancel(trigger) && reader->state == ENTRY_CURRENT) {
        reader->state = ENTRY_DELETED;
        ssmix_warn_at(reader, "cancel_is_current", HL7_AT(0, 9, 2),
                      TEXT("取消の電文が有効フラグで保存されています"));
    }
    return content == &unknown_content ? expected : content;
}

static bool check_mandatory(struct ssmix_reader *reader, const struct content *content)
{
    if (!reader->name || !reader->name->known)
        return true;
    bool may_lack_patient = span_is(hl7_message_code(reader->message), "ORU");
    if (reader->pid == HL7_NONE && !may_lack_patient)
        ssmix_refuse(reader, "ssmix_segment_missing", reader->count, TAG_PID);
    else if (content->needs_visit && reader->pv1 == HL7_NONE)
        ssmix_refuse(reader, "ssmix_segment_missing", reader->count, TAG_PV1);
    return ssmix_is_good(reader);
}

/* The day of a message outside a storage: the field that a storage would take, else what
 * comes nearest. PV1-44 is the day of an admission: only events may take it. */
static int32_t loose_day(const struct ssmix_reader *reader)
{
    struct ssmix_group all = {0, reader->count};
    bool is_event = span_is(hl7_message_code(reader->message), "ADT");
    const struct hl7_place places[] = {
        ssmix_day_place(reader),
        HL7_AT(reader->evn, 6, 1),
        HL7_AT(is_event ? reader->pv1 : HL7_NONE, 44, 1),
        HL7_AT(is_event ? reader->pv1 : HL7_NONE, 45, 1),
        HL7_AT(ssmix_next(reader, TAG_SPM, all), 17, 1),
        HL7_AT(ssmix_next(reader, TAG_OBR, all), 7, 1),
        HL7_AT(ssmix_next(reader, TAG_RXA, all), 3, 1),
        HL7_AT(ssmix_next(reader, TAG_ORC, all), 9, 1),
        HL7_AT(ssmix_next(reader, TAG_TXA, all), 4, 1),
        HL7_AT(ssmix_next(reader, TAG_OBX, all), 14, 1),
        HL7_AT(reader->evn, 2, 1),
        HL7_AT(0, 7, 1),
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int32_t day = ssmix_day(reader, places[i]);
        if (ssmix_day_has(day))
            return day;
    }
    return DAY_NONE;
}

static bool read_message(struct ssmix_reader *reader, size_t len)
{
    struct arena *arena = reader->arena;
    reader->count = hl7_segment_count(reader->message);
    reader->tags = ARENA_MANY(arena, uint32_t, reader->count, reader->err);
    reader->seen = reader->tags
                       ? ARENA_MANY(arena, struct ssmix_seen, reader->count, reader->err)
                       : NULL;
    if (!reader->seen)
        return false;
    take_tags(reader);
    if (!check_whole(reader, len))
        return false;
    const struct content *content = choose_content(reader);
    if (!check_mandatory(reader, content))
        return false;
    if (!reader->name && entry_kind_row(reader->kind) != ENTRY_ROW_NONE)
        reader->day = loose_day(reader);
    take_patient(reader);
    content->read(reader);
    ssmix_add_rest(reader);
    compare_with_folder(reader);
    warn_oddities(reader);
    warn_charset(reader);
    return ssmix_is_good(reader);
}

/* A file of an unknown type need not be a message: it is listed and opens as raw text
 * (clause 2.4). */
static bool list_raw(struct ssmix_reader *reader)
{
    uint64_t offset = reader->err->offset;
    err_clear(reader->err);
    reader->day = reader->name->day;
    reader->state = state_of(reader->name);
    reader->kind = ENTRY_UNKNOWN;
    ssmix_warn(reader, "not_a_message", offset, TEXT("HL7の電文ではありません"));
    struct entry *entry = ssmix_entry(reader, ENTRY_UNKNOWN);
    entry->title = ssmix_unknown_title(reader);
    return ssmix_is_good(reader);
}

static bool read_any(const struct ssmix_name *name, struct span bytes,
                     struct arena *arena, struct entry_list *out, struct err *err)
{
    struct ssmix_reader reader = {
        .name = name,
        .evn = HL7_NONE,
        .pid = HL7_NONE,
        .pv1 = HL7_NONE,
        .pv2 = HL7_NONE,
        .day = DAY_NONE,
        .arena = arena,
        .list = out,
        .err = err,
    };
    warn_name(&reader);
    if (ssmix_is_good(&reader))
        reader.message = hl7_parse(bytes, arena, err);
    if (!reader.message && name && !name->known && err->kind == ERR_SYNTAX)
        return list_raw(&reader);
    if (reader.message && read_message(&reader, bytes.len))
        return true;
    out->first = NULL;
    out->last = NULL;
    out->count = 0;
    return false;
}

bool ssmix_read_loose(struct span bytes, struct arena *arena, struct entry_list *out,
                      struct err *err)
{
    *out = (struct entry_list){.format = "hl7v2",
                               .patient = {.birth_day = DAY_NONE, .sex = 'U'}};
    return read_any(NULL, bytes, arena, out, err);
}

bool ssmix_read(const struct ssmix_name *folder_says, struct span bytes,
                struct arena *arena, struct entry_list *out, struct err *err)
{
    *out = (struct entry_list){.format = "ssmix2",
                               .patient = {.birth_day = DAY_NONE, .sex = 'U'}};
    struct span id = {0};
    if (!arena_copy(arena, folder_says->patient, &id, err) ||
        !text_from_utf8(id, &out->patient.id, err))
        return false;
    return read_any(folder_says, bytes, arena, out, err);
}
