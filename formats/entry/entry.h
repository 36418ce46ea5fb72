// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The neutral form of clinical content: whatever a source file was, what reaches the
 * calendar and the screen is a list of entries, each with a kind, a row, a day, a title
 * and items (key/value lists as shown to people). Filled by formats/ssmix and its peers,
 * carried by formats/uplink, drawn by the web client.
 *
 * Kinds and rows: docs/specs/entries.md. All memory is *arena* of whoever reads. */

#include "base/day.h"
#include "formats/json/json.h"

/* id (API, policy, audit), row */
#define ENTRY_KINDS(X)                                                                   \
    X(ADMISSION, "admission", PERIOD)                                                    \
    X(PERIOD, "period", PERIOD)                                                          \
    X(PRESCRIPTION, "prescription", PRESCRIPTION)                                        \
    X(INJECTION, "injection", INJECTION)                                                 \
    X(LABORATORY, "laboratory", TEST)                                                    \
    X(MICROBIOLOGY, "microbiology", TEST)                                                \
    X(PHYSIOLOGY, "physiology", TEST)                                                    \
    X(RADIOLOGY, "radiology", IMAGE)                                                     \
    X(ENDOSCOPY, "endoscopy", IMAGE)                                                     \
    X(REPORT, "report", REPORT)                                                          \
    X(DOCUMENT, "document", REPORT)                                                      \
    X(FILE, "file", FILE)                                                                \
    X(VISIT, "visit", VISIT)                                                             \
    X(PROGRESS_NOTE, "progress_note", VISIT)                                             \
    X(MEAL, "meal", RECORD)                                                              \
    X(VITAL_SIGNS, "vital_signs", RECORD)                                                \
    X(NOTE, "note", RECORD)                                                              \
    X(MESSAGE, "message", MESSAGE)                                                       \
    X(UNKNOWN, "unknown", FILE)                                                          \
    X(PATIENT, "patient", NONE)                                                          \
    X(ALLERGY, "allergy", NONE)                                                          \
    X(DOCTOR, "doctor", NONE)                                                            \
    X(PROBLEM, "problem", NONE)

enum entry_kind {
#define X(name, id, row) ENTRY_##name,
    ENTRY_KINDS(X)
#undef X
        ENTRY_KIND_COUNT
};

/* In the order of the calendar; ROW_NONE = outside the grid. */
enum entry_row {
    ENTRY_ROW_PERIOD,
    ENTRY_ROW_PRESCRIPTION,
    ENTRY_ROW_INJECTION,
    ENTRY_ROW_TEST,
    ENTRY_ROW_IMAGE,
    ENTRY_ROW_REPORT,
    ENTRY_ROW_FILE,
    ENTRY_ROW_VISIT,
    ENTRY_ROW_RECORD,
    ENTRY_ROW_MESSAGE,
    ENTRY_ROW_NONE,
    ENTRY_ROW_COUNT
};

enum entry_state {
    ENTRY_CURRENT,
    ENTRY_SUPERSEDED, /* flag 2 */
    ENTRY_DELETED,    /* flag 0 */
    ENTRY_PLANNED,
    ENTRY_INCOMPLETE, /* refused: the calendar shows 不完全 without content */
    ENTRY_STATE_COUNT
};

enum entry_flag {
    ENTRY_ABNORMAL_HIGH = 1 << 0,
    ENTRY_ABNORMAL_LOW = 1 << 1,
    ENTRY_ABNORMAL = 1 << 2, /* abnormal without direction */
    ENTRY_URGENT = 1 << 3,
    ENTRY_HAS_IMAGE = 1 << 4,
    ENTRY_HAS_WAVEFORM = 1 << 5,
    ENTRY_IS_ORDER = 1 << 6, /* ordered, no result yet */
    ENTRY_SENSITIVE =
        1 << 7, /* source marks it secret (PRB-25): hidden unless released */
    ENTRY_SHOWN_BY_ORDER =
        1 << 8, /* pictures that open with their order's entry: no entry of their own */
};

struct entry_field {
    const char *key; /* literal: "name", "dose", "unit" … (docs/specs/entries.md) */
    struct text value;
};

/* One line of content: a drug, a result, a problem, an event. `type` says which keys to
 * expect: "drug", "result", "allergy" … */
struct entry_item {
    const char *type;
    struct entry_field *fields;
    size_t field_count;
    size_t field_capacity;
    struct entry_item *next;
};

struct entry {
    enum entry_kind kind;
    enum entry_state state;
    unsigned flags;
    int32_t day;     /* DAY_NONE when undated */
    int32_t end_day; /* of spans, DAY_NONE = single day or open (see is_open) */
    bool is_open;
    struct text time;  /* source's local text "YYYY-MM-DDTHH:MM" as far as known, or "" */
    struct text title; /* what the calendar's tooltip shows */
    struct text department_code; /* local code, or "" */
    struct text department;      /* name as shown, or "" */
    struct text author;          /* responsible doctor, or "" */
    struct text part;            /* tells entries of one file apart ("1" = RP 1), or "" */
    struct text order_number;    /* ties orders and results, or "" */
    struct entry_item *items;    /* in order */
    struct entry_item *last_item;
    struct entry *next;
};

struct entry_patient {
    struct text id;    /* the facility's own number */
    struct text name;  /* 姓 名 */
    struct text kana;  /* セイ メイ */
    int32_t birth_day; /* DAY_NONE when unknown */
    char sex;          /* M F O U */
};

struct entry_warning {
    const char *code;
    size_t offset;
    struct text text; /* Japanese, for operators; no patient's data */
    struct entry_warning *next;
};

/* What one file or message was understood to be. */
struct entry_list {
    const char *format; /* "ssmix2", "hl7v2" … */
    struct entry_patient patient;
    struct entry *first;
    struct entry *last;
    size_t count;
    struct entry_warning *warnings;
    struct entry_warning *last_warning;
};

const char *entry_kind_id(enum entry_kind kind); /* "prescription" */
/* False for anything that is not one of the ids. */
MUST_CHECK bool entry_kind_parse(struct text id, enum entry_kind *kind);
enum entry_row entry_kind_row(enum entry_kind kind);
const char *entry_row_id(enum entry_row row); /* NULL for ENTRY_ROW_NONE */
const char *entry_state_id(enum entry_state state);

/* Appends an undated current entry; NULL: the arena's error. */
struct entry *entry_add(struct entry_list *list, enum entry_kind kind,
                        struct arena *arena, struct err *err);
struct entry_item *entry_add_item(struct entry *entry, const char *type,
                                  size_t field_capacity, struct arena *arena,
                                  struct err *err);
/* Appends when the value is not empty; asserts the capacity. */
void entry_add_field(struct entry_item *item, const char *key, struct text value);
MUST_CHECK bool entry_warn(struct entry_list *list, const char *code, size_t offset,
                           struct text text, struct arena *arena, struct err *err);

/* One entry as the JSON object of the contract: kind, row, day, title, state, items … */
void entry_write(struct json_writer *writer, const struct entry *entry);
/* Only the array of items: [{"type":…, key: value …}]. */
void entry_write_items(struct json_writer *writer, const struct entry *entry);
