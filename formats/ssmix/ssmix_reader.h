// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/ssmix: what the readers of the message types share. Values are taken
 * freely and the reader is asked once, at the end: after the first error (arena full, a
 * group that is missing) every word here returns something empty and changes nothing. */

#include "formats/ssmix/ssmix.h"
#include "formats/ssmix/ssmix_codes.h"

#define SSMIX_TAG(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

enum ssmix_tag {
    TAG_NONE = 0, /* junk names and bare segments count as absent */
    TAG_AIS = SSMIX_TAG('A', 'I', 'S'),
    TAG_AL1 = SSMIX_TAG('A', 'L', '1'),
    TAG_CTI = SSMIX_TAG('C', 'T', 'I'),
    TAG_DB1 = SSMIX_TAG('D', 'B', '1'),
    TAG_EVN = SSMIX_TAG('E', 'V', 'N'),
    TAG_IAM = SSMIX_TAG('I', 'A', 'M'),
    TAG_IN1 = SSMIX_TAG('I', 'N', '1'),
    TAG_IPC = SSMIX_TAG('I', 'P', 'C'),
    TAG_MRG = SSMIX_TAG('M', 'R', 'G'),
    TAG_MSH = SSMIX_TAG('M', 'S', 'H'),
    TAG_NK1 = SSMIX_TAG('N', 'K', '1'),
    TAG_NTE = SSMIX_TAG('N', 'T', 'E'),
    TAG_OBR = SSMIX_TAG('O', 'B', 'R'),
    TAG_OBX = SSMIX_TAG('O', 'B', 'X'),
    TAG_ODS = SSMIX_TAG('O', 'D', 'S'),
    TAG_ODT = SSMIX_TAG('O', 'D', 'T'),
    TAG_ORC = SSMIX_TAG('O', 'R', 'C'),
    TAG_PID = SSMIX_TAG('P', 'I', 'D'),
    TAG_PRB = SSMIX_TAG('P', 'R', 'B'),
    TAG_PV1 = SSMIX_TAG('P', 'V', '1'),
    TAG_PV2 = SSMIX_TAG('P', 'V', '2'),
    TAG_RXA = SSMIX_TAG('R', 'X', 'A'),
    TAG_RXC = SSMIX_TAG('R', 'X', 'C'),
    TAG_RXD = SSMIX_TAG('R', 'X', 'D'),
    TAG_RXE = SSMIX_TAG('R', 'X', 'E'),
    TAG_RXO = SSMIX_TAG('R', 'X', 'O'),
    TAG_RXR = SSMIX_TAG('R', 'X', 'R'),
    TAG_SCH = SSMIX_TAG('S', 'C', 'H'),
    TAG_SPM = SSMIX_TAG('S', 'P', 'M'),
    TAG_TQ1 = SSMIX_TAG('T', 'Q', '1'),
    TAG_ZE1 = SSMIX_TAG('Z', 'E', '1'),
    TAG_ZE2 = SSMIX_TAG('Z', 'E', '2'),
    TAG_TXA = SSMIX_TAG('T', 'X', 'A'),
    TAG_ZI1 = SSMIX_TAG('Z', 'I', '1'),
    TAG_ZPD = SSMIX_TAG('Z', 'P', 'D'),
    TAG_ZPR = SSMIX_TAG('Z', 'P', 'R'),
};

/* What the readers took of a segment: a bit for each of the fields below 64. */
struct ssmix_seen {
    uint64_t first;      /* first repetitions */
    uint64_t more;       /* any other repetition */
    struct entry *owner; /* what this segment and those behind it are about, or NULL */
};

struct ssmix_reader {
    const struct hl7_message *message;
    const struct ssmix_name *name; /* NULL outside a storage: nothing is mandatory */
    /* What the folder says, outside a storage what MSH-9 would be filed as; or NULL. */
    const struct ssmix_type *type;
    uint32_t *tags;            /* of every segment */
    struct ssmix_seen *seen;   /* of every segment */
    size_t count;              /* of segments */
    size_t evn, pid, pv1, pv2; /* HL7_NONE when absent */
    enum entry_kind kind;
    int32_t day;
    enum entry_state state; /* of entries whose group says nothing else */
    struct arena *arena;
    struct entry_list *list;
    struct err *err;
    struct entry scrap; /* what is written to after an error */
    struct entry_item scrap_item;
};

/* A stretch of segments [from, to). */
struct ssmix_group {
    size_t from;
    size_t to;
};

bool ssmix_is_good(const struct ssmix_reader *reader);

/* ---- segments */
size_t ssmix_next(const struct ssmix_reader *reader, uint32_t tag,
                  struct ssmix_group group);
size_t ssmix_count(const struct ssmix_reader *reader, uint32_t tag,
                   struct ssmix_group group);
/* The next group that starts with `tag` at or after *at; *at moves to its end. */
bool ssmix_take_group(const struct ssmix_reader *reader, uint32_t tag, size_t *at,
                      struct ssmix_group *group);
/* Inside a storage: sets ERR_SYNTAX `code` with the offset of segment `at` and the words
 * for an operator: which segment is `missing`. */
void ssmix_refuse(struct ssmix_reader *reader, const char *code, size_t at,
                  uint32_t missing);

/* ---- values */
/* Repetitions of a field that are read, at most 256 (warning repetitions_cut). */
uint16_t ssmix_repetitions(struct ssmix_reader *reader, size_t segment, uint16_t field);
struct text ssmix_text(struct ssmix_reader *reader, struct hl7_place place);
struct text ssmix_at(struct ssmix_reader *reader, size_t segment, uint16_t field,
                     uint16_t component);
struct span ssmix_raw(const struct ssmix_reader *reader, size_t segment, uint16_t field,
                      uint16_t component);
/* CWE: the text, else the second text, else that of the table, else "[code]". `place`
 * says segment, field, repetition; its component is not used. */
struct text ssmix_coded(struct ssmix_reader *reader, struct hl7_place place,
                        enum ssmix_table table);
struct text ssmix_coded_at(struct ssmix_reader *reader, size_t segment, uint16_t field,
                           enum ssmix_table table);
/* Of a ZRD: its text, else "[code]". Component 5 is the unit, not a second text. */
struct text ssmix_used_item(struct ssmix_reader *reader, struct hl7_place place);
/* True for "[code]", which says nothing as a title. */
bool ssmix_is_bare_code(struct text text);
/* The same without "[code]": for titles. */
struct text ssmix_words(struct ssmix_reader *reader, struct hl7_place place,
                        enum ssmix_table table);
/* The same for a component that holds code&text&system. */
struct text ssmix_part(struct ssmix_reader *reader, struct hl7_place place,
                       enum ssmix_table table);
/* Unit of a CWE: MERIT-9 codes by the table, the ASCII of ISO+ as people write it. */
struct text ssmix_unit(struct ssmix_reader *reader, size_t segment, uint16_t field);
/* All repetitions of TQ1-3: the usage and what supplements it (隔日, 漸減 …). */
struct text ssmix_usage(struct ssmix_reader *reader, size_t tq1);
/* XCN: 姓 名 of the first repetition that is not kana, else "[id]". */
struct text ssmix_person(struct ssmix_reader *reader, struct hl7_place place);
/* XPN: 姓 名 and further names of a repetition. */
struct text ssmix_name(struct ssmix_reader *reader, struct hl7_place place);
/* The repetition of PID-3 that is the facility's own number: the folder's, else by its
 * type (PI, MR), else the first without a type, else the first. */
struct hl7_place ssmix_own_number(const struct ssmix_reader *reader, size_t pid);
/* "YYYY-MM-DDTHH:MM" as far as known; empty when it is no time. */
struct text ssmix_time(struct ssmix_reader *reader, struct hl7_place place);
int32_t ssmix_day(const struct ssmix_reader *reader, struct hl7_place place);
/* More than a year away from the folder's day: the record would be out of sight. */
bool ssmix_is_far(const struct ssmix_reader *reader, int32_t day);
/* Comments (NTE-3) that stand directly behind the segment; all of a group. */
struct text ssmix_notes(struct ssmix_reader *reader, size_t segment);
struct text ssmix_all_notes(struct ssmix_reader *reader, struct ssmix_group group);
/* Where the day of the message's type stands (clause 2.4); segment HL7_NONE when there is
 * no such field. */
struct hl7_place ssmix_day_place(const struct ssmix_reader *reader);
struct text ssmix_join(struct ssmix_reader *reader, const struct text *parts,
                       size_t count, const char *separator);
struct text ssmix_pair(struct ssmix_reader *reader, struct text a, const char *separator,
                       struct text b);
struct text ssmix_number(struct ssmix_reader *reader, size_t number);
struct text ssmix_copy(struct ssmix_reader *reader, struct span ascii);
struct text ssmix_iso(struct ssmix_reader *reader, int32_t day);
bool ssmix_day_has(int32_t day);

/* ---- entries */
struct entry *ssmix_entry(struct ssmix_reader *reader, enum entry_kind kind);
struct entry_item *ssmix_item(struct ssmix_reader *reader, struct entry *entry,
                              const char *type, size_t field_capacity);
void ssmix_field(struct ssmix_reader *reader, struct entry_item *item, const char *key,
                 struct text value);
/* name, code, system of a CWE field. */
void ssmix_code_fields(struct ssmix_reader *reader, struct entry_item *item,
                       size_t segment, uint16_t field);
/* Sets `part` so that no other entry of the file has it. */
void ssmix_set_part(struct ssmix_reader *reader, struct entry *entry, struct text part);
/* What became of an order (ORC-1, ORC-5). */
enum ssmix_control {
    SSMIX_IN_FORCE,
    SSMIX_CANCELLED, /* never carried out */
    SSMIX_STOPPED,   /* carried out up to now */
    SSMIX_ON_HOLD,
};
/* IN_FORCE for HL7_NONE. */
enum ssmix_control ssmix_control_of(const struct ssmix_reader *reader, size_t orc);
/* Order number, doctor, department and state from ORC (HL7_NONE: only the defaults). */
void ssmix_set_order(struct ssmix_reader *reader, struct entry *entry, size_t orc);
/* From this segment on the message speaks of `entry`. */
void ssmix_own(struct ssmix_reader *reader, size_t segment, struct entry *entry);
/* The segment and the comments behind it are not to be shown. */
void ssmix_pass_over(struct ssmix_reader *reader, size_t segment);
/* Puts what no reader took behind the entries (item "remark"), and says which segments
 * nobody read (warning segment_unread). Once, when all entries are there. */
void ssmix_add_rest(struct ssmix_reader *reader);
/* Once per code; the text is for operators and holds no patient's data. */
void ssmix_warn(struct ssmix_reader *reader, const char *code, size_t offset,
                struct text text);
void ssmix_warn_at(struct ssmix_reader *reader, const char *code, struct hl7_place place,
                   struct text text);

/* データ種別 as written, for types that are not in the table. */
struct text ssmix_unknown_title(struct ssmix_reader *reader);
/* 名称 of the type. */
struct text ssmix_type_title(struct ssmix_reader *reader);
/* Kind of what is ordered or reported when no folder says it: from sections, code
 * systems, specimens and words of the requests; `otherwise` when nothing tells. */
enum entry_kind ssmix_kind_of_request(struct ssmix_reader *reader,
                                      enum entry_kind otherwise);

/* ---- results, shared by laboratory and examinations */
struct ssmix_result {
    size_t obx;
    size_t shift; /* 1: an extra separator stands before OBX-5 */
    struct text value;
    struct text unit;
    struct text flag;   /* H L HH LL A AA S I R …, or "" */
    bool is_computed;   /* from the range, not from OBX-8 */
    struct text status; /* as shown, "" when unknown */
    bool is_withdrawn;  /* OBX-11 D or W */
};
void ssmix_take_result(struct ssmix_reader *reader, size_t obx,
                       struct ssmix_result *result);
/* Bits of enum entry_flag. */
unsigned ssmix_abnormal(struct text flag);
/* -1 below, 1 above, 0 inside the range or when that cannot be said. */
int ssmix_compare_range(struct span value, struct span range);
void ssmix_result_fields(struct ssmix_reader *reader, struct entry_item *item,
                         const struct ssmix_result *result);
/* What a value that is no plain number means (clause 2.8.3): value_comparator,
 * value_number, value_high, value_ratio, value_verdict; at most three of them. */
void ssmix_value_fields(struct ssmix_reader *reader, struct entry_item *item,
                        struct text value);
/* All OBX of the group as items "observation". */
void ssmix_observations(struct ssmix_reader *reader, struct entry *entry,
                        struct ssmix_group group);
/* Name of OBX-3 or OBR-4 with sub-components: "R 振幅 V5". */
struct text ssmix_test_name(struct ssmix_reader *reader, size_t segment, uint16_t field);

/* ---- one reader per family of messages */
void ssmix_read_patient(struct ssmix_reader *reader);
void ssmix_read_doctor(struct ssmix_reader *reader);
void ssmix_read_visit(struct ssmix_reader *reader);
void ssmix_read_event(struct ssmix_reader *reader);
void ssmix_read_appointment(struct ssmix_reader *reader);
void ssmix_read_document(struct ssmix_reader *reader);
void ssmix_read_allergies(struct ssmix_reader *reader);
void ssmix_read_problems(struct ssmix_reader *reader);
void ssmix_read_meals(struct ssmix_reader *reader);
void ssmix_read_prescription(struct ssmix_reader *reader);
void ssmix_read_injection(struct ssmix_reader *reader);
void ssmix_read_administration(struct ssmix_reader *reader);
void ssmix_read_test_order(struct ssmix_reader *reader);
void ssmix_read_test_result(struct ssmix_reader *reader);
void ssmix_read_examination(struct ssmix_reader *reader);
void ssmix_read_unknown(struct ssmix_reader *reader);
