// SPDX-License-Identifier: Apache-2.0
#pragma once
/* SS-MIX2 standardized storage: what the folders and file names say, and what the one
 * HL7 v2.5 message in each file says, as entries of the calendar.
 *
 * Source: SS-MIX2 標準化ストレージ Ver.1.2c to 1.2h as far as public; clauses below are
 * those of docs/specs/ssmix2.md. Keys of the items: docs/specs/entries.md. Does no I/O,
 * does not rename, index or decide which version is current among several files (the
 * words for that, ssmix_same_key and ssmix_compare_versions, are here). Extended storage:
 * names only.
 *
 * Names borrow from the path they were parsed from; entries are *arena* of the caller. */

#include "base/day.h"
#include "formats/entry/entry.h"
#include "formats/hl7/hl7.h"

enum {
    SSMIX_OCCURRED_DIGITS = 17,
    SSMIX_PATIENT_MIN = 6, /* folders use characters 1-3 and 4-6 */
    SSMIX_PATIENT_MAX = 30,
    SSMIX_PATH_PARTS = 6,
    SSMIX_TYPE_COUNT = 26
};

/* Key of the types without an order number. */
#define SSMIX_FIXED_KEY "999999999999999"

/* The field that gives 診療日 (clause 2.4). */
enum ssmix_day_from {
    SSMIX_DAY_FROM_NONE,
    SSMIX_DAY_FROM_PV1_44,
    SSMIX_DAY_FROM_PV1_45,
    SSMIX_DAY_FROM_PV2_8,
    SSMIX_DAY_FROM_PV2_9,
    SSMIX_DAY_FROM_EVN_6,
    SSMIX_DAY_FROM_ORC_9,
    SSMIX_DAY_FROM_RXA_3,
    SSMIX_DAY_FROM_SPM_17,
    SSMIX_DAY_FROM_OBR_7,
};

/* One データ種別 of clause 2.4. */
struct ssmix_type {
    const char *code;    /* "OML-11" */
    const char *name;    /* 検体検査結果通知 */
    const char *message; /* MSH-9 of new and update, "OUL^R22" */
    const char *cancel;  /* MSH-9 of its cancellation, NULL = none or ORC-1 CA */
    enum entry_kind kind;
    enum ssmix_day_from day_from; /* NONE: the day folder is "-" */
    bool is_plan;                 /* 予定: state planned */
};

/* NULL for codes that the table does not hold (不明種別). */
const struct ssmix_type *ssmix_find_type(struct span code);
/* index 0 … SSMIX_TYPE_COUNT-1 */
const struct ssmix_type *ssmix_type_at(size_t index);
/* Name of a code of table 0069 診療科; the third character falls back to the first two.
 * An empty text when unknown. */
struct text ssmix_department_name(struct span code);

enum ssmix_difference {
    SSMIX_PATIENT_DIFFERS = 1 << 0,
    SSMIX_DAY_DIFFERS = 1 << 1,
    SSMIX_TYPE_DIFFERS = 1 << 2,
};

/* What path and file name say. When both were parsed the folders decide patient, day and
 * type (clause 2.2.3) and `differs` has a bit for each difference. */
struct ssmix_name {
    struct span patient;                      /* 患者ID, checked ASCII */
    int32_t day;                              /* DAY_NONE = "-" */
    struct span type;                         /* データ種別 as written */
    const struct ssmix_type *known;           /* NULL = 不明種別 */
    struct span key;                          /* 特定キー as written */
    char occurred[SSMIX_OCCURRED_DIGITS + 1]; /* 発生日時, zeros appended, NUL */
    struct span department; /* 診療科コード; empty for "-" and when left out */
    char flag;              /* '1' valid, '0' deleted, '2' replaced */
    unsigned differs;
};

/* 患者ID_診療日_データ種別_特定キー_発生日時[_診療科コード]_フラグ, from both ends.
 * Errors, all ERR_SYNTAX with offset into `file` and clause: ssmix_name_short,
 * ssmix_flag_invalid, ssmix_department_invalid, ssmix_occurred_invalid,
 * ssmix_key_missing, ssmix_day_invalid, ssmix_patient_invalid, ssmix_type_missing;
 * ERR_REFUSED path_unsafe. */
MUST_CHECK bool ssmix_parse_file_name(struct span file, struct ssmix_name *name,
                                      struct err *err);
/* Path relative to the root of the storage, exactly six parts:
 * "012/345/0123456789/20080126/OML-11/<file>". Besides the errors above:
 * ERR_SYNTAX ssmix_path_shape (number of parts), ssmix_folder_mismatch (first folders are
 * not the patient's first six characters). */
MUST_CHECK bool ssmix_parse_path(struct span path, struct ssmix_name *name,
                                 struct err *err);
/* The last six parts of any longer path when its folders have the shape of a storage
 * (whatever the file name is); false when they do not. */
bool ssmix_find_path(struct span path, struct span *relative);
/* True for a 患者ID that may stand in folders and file names (clause 2.2.2). */
bool ssmix_patient_is_valid(struct span patient);

/* Same patient, day, type and key (clause 2.2.4): versions of one record. */
bool ssmix_same_key(const struct ssmix_name *a, const struct ssmix_name *b);
/* Negative when a is the older version: by 発生日時, then flag 1 after the others. */
int ssmix_compare_versions(const struct ssmix_name *a, const struct ssmix_name *b);
/* "patient/day/type/key", the identity of the record inside its facility. */
void ssmix_write_key(const struct ssmix_name *name, struct buf *out);
/* The reverse of the two parsers; an empty department is written "-". */
void ssmix_write_file_name(const struct ssmix_name *name, struct buf *out);
void ssmix_write_path(const struct ssmix_name *name, struct buf *out);
/* Milliseconds of UTC of 発生日時 (Japanese local time); false when it is no valid time.
 */
bool ssmix_occurred_ms(const struct ssmix_name *name, int64_t *wall_ms);

/* What one header of a transaction storage says was written (clause 2.11):
 * "#SSMIX,2.00,facility,patient,day|-,type,key,INS|DEL,department|-,time". */
struct ssmix_transaction {
    struct span patient;
    int32_t day; /* DAY_NONE = "-" */
    struct span type;
    struct span key;
    bool is_deletion;
};
/* The same as texts; those of a row of an index database (clause 2.10), too. */
struct ssmix_transaction_texts {
    struct span patient;
    struct span day;
    struct span type;
    struct span key;
    struct span action;
};
/* False: one of them can be no folder's name, or is no action; that one is `at_fault`. */
MUST_CHECK bool ssmix_check_transaction(const struct ssmix_transaction_texts *texts,
                                        struct ssmix_transaction *transaction,
                                        struct span *at_fault);
/* A header's line without its end. ERR_SYNTAX transaction_header (number of fields),
 * transaction_field, with offset. */
MUST_CHECK bool ssmix_parse_transaction(struct span line,
                                        struct ssmix_transaction *transaction,
                                        struct err *err);
/* Takes whole lines off the front of `rest`, which begins where a line does, up to and
 * with the next header. False when there is none; what is left then is a line without its
 * end, to be looked at again with what follows it. Line ends are CR, LF or both. */
bool ssmix_take_transaction(struct span *rest, struct span *line);

/* Reads any HL7 v2 message that does not lie in a storage (versions 2.3 to 2.8): patient
 * from PID, day and kind from the message itself (docs/specs/ssmix2.md, outside a
 * storage), nothing is mandatory but MSH. Errors: those of hl7_parse and of the arena. */
MUST_CHECK bool ssmix_read_loose(struct span bytes, struct arena *arena,
                                 struct entry_list *out, struct err *err);

/* Reads the message of one file into entries. `folder_says` is what ssmix_parse_path
 * gave; patient and day of the entries are the folder's, a message that says otherwise is
 * a warning: patient_mismatch day_mismatch type_mismatch key_mismatch charset_misdeclared
 * charset_replaced vendor_characters birth_in_pid9 … (clause 2.9). A patient whose name
 * or birth date the message does not carry has them empty.
 *
 * Refused, and then there are no entries: what hl7_parse refuses; ERR_SYNTAX
 * ssmix_segment_missing, ssmix_group_missing, ssmix_group_incomplete, each with offset
 * and clause; ERR_LIMIT / ERR_BUSY of the arena. */
MUST_CHECK bool ssmix_read(const struct ssmix_name *folder_says, struct span bytes,
                           struct arena *arena, struct entry_list *out, struct err *err);
