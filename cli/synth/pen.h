// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Writing the messages of one person at one hospital: the text of a message is put
 * together in UTF-8, encoded as that hospital encodes and saved under its SS-MIX2 path.
 * The first failure is kept in synth->err; after it nothing is written any more. */

#include "cli/synth/synth.h"

/* Local time of the facility. */
struct synth_moment {
    int32_t day;
    int second; /* of the day */
};

/* Text of a time, by value so that it can stand in a call. */
struct synth_stamp {
    char at[24];
};

enum { SYNTH_DAYS_BACK = 4000 };

struct synth_pen {
    struct synth *synth;
    struct synth_person *person;
    struct synth_record *record;
    const struct synth_facility *facility;
    struct rand_seeded dice;
    struct buf text;  /* the message, UTF-8 */
    struct buf bytes; /* the same, encoded */
    struct synth_moment at;
    int fraction; /* of MSH-7, 4 digits */
    bool is_dry;  /* keeps the last file's bytes and path instead of saving it */
    char path[SYNTH_PATH_BYTES];
    uint8_t visit_days[SYNTH_DAYS_BACK / 8 + 1];
};

/* Where a message goes. */
struct synth_file {
    enum synth_type type;
    int32_t day;            /* 診療日, DAY_NONE = "-" */
    const char *key;        /* order number, NULL = that of types without one */
    const char *department; /* NULL = "-" */
    char flag;
    int parts;
};

struct synth_order {
    char number[16];
};

/* PV1; NULL means empty. */
struct synth_visit {
    char class; /* I, O */
    const char *place;
    const char *prior_place;
    const struct synth_doctor *doctor;
    const char *department;
    const char *disposition;
    struct synth_moment admitted;   /* day DAY_NONE = empty */
    struct synth_moment discharged; /* likewise */
};

struct synth_moment synth_at(int32_t day, int hour, int minute);
struct synth_moment synth_later(struct synth_moment at, int minutes);
struct synth_stamp synth_date(int32_t day);              /* 8 digits */
struct synth_stamp synth_minute(struct synth_moment at); /* 12 digits */
struct synth_stamp synth_second(struct synth_moment at); /* 14 digits */
struct synth_order synth_next_order(struct synth_pen *pen);
/* Name of a department as written in ORC-17. */
const char *synth_department(const char *code);
const struct synth_doctor *synth_doctor_of(const struct synth_facility *facility,
                                           const char *department);

/* MSH of a message sent at `at`, and PID. */
void synth_start(struct synth_pen *pen, enum synth_type type, struct synth_moment at);
void synth_put_pid(struct synth_pen *pen);
/* `is_full`: the fields from PV1-17 on too. */
void synth_put_visit(struct synth_pen *pen, const struct synth_visit *visit,
                     bool is_full);
void synth_line(struct synth_pen *pen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* XCN without the field separator. */
void synth_put_doctor(struct synth_pen *pen, const struct synth_doctor *doctor);

/* `place` "" = outpatient of the department. */
struct synth_care {
    struct synth_moment at;
    const char *department;
    const char *place;
    int days;
};

/* PID and PV1 of an order or result. */
void synth_put_head(struct synth_pen *pen, const struct synth_care *care);

struct synth_orc {
    const char *control;
    const char *order;
    const char *group;  /* or "" */
    const char *status; /* or "" */
    const char *parent; /* or "" */
    struct synth_moment at;
    const struct synth_doctor *doctor;
    const char *place;
    const char *department;
    char class; /* I, O */
};
void synth_put_orc(struct synth_pen *pen, const struct synth_orc *orc);
/* Encodes and saves; not when the message would be of a later day than today. */
void synth_save(struct synth_pen *pen, const struct synth_file *file);
/* What a name looks like in that hospital's files. */
void synth_put_written(const struct synth_facility *facility, const char *name,
                       struct buf *out);
/* A text in the bytes of that hospital, and kana in eight bits. */
void synth_put_encoded(const struct synth_facility *facility, struct text text,
                       struct buf *out);
void synth_put_half_width(struct buf *out, struct text kana);
/* Any bytes under any path; counts nothing. */
void synth_save_raw(struct synth *synth, const char *path, struct span bytes);
/* The same piece by piece: a new file, or -1 with synth->err. */
int synth_open(struct synth *synth, const char *path);
MUST_CHECK bool synth_write_on(int file, struct span bytes, struct err *err);

/* ---- messages (adt.c, drug.c, lab.c, image.c) ---- */

struct synth_stay {
    struct synth_moment from;
    struct synth_moment to; /* day DAY_NONE = still in */
    const char *ward;
    const char *room;
    const char *department;
    const char *disposition;
};

void synth_write_patient(struct synth_pen *pen);
void synth_write_allergies(struct synth_pen *pen);
void synth_write_problems(struct synth_pen *pen);
void synth_write_attending(struct synth_pen *pen, struct synth_moment at,
                           const struct synth_doctor *doctor, char flag);
/* False when there was a visit on that day already. */
bool synth_write_reception(struct synth_pen *pen, struct synth_moment at,
                           const char *department);
void synth_write_planned_stay(struct synth_pen *pen, const struct synth_stay *stay,
                              int days_ahead);
void synth_write_admission(struct synth_pen *pen, const struct synth_stay *stay);
void synth_write_discharge(struct synth_pen *pen, const struct synth_stay *stay);
/* A night at home. */
void synth_write_leave(struct synth_pen *pen, const struct synth_stay *stay,
                       struct synth_moment from, struct synth_moment to);
void synth_write_transfer(struct synth_pen *pen, struct synth_stay *stay,
                          struct synth_moment at, const char *ward, const char *room);
void synth_write_meal(struct synth_pen *pen, const struct synth_stay *stay,
                      struct synth_moment at, const char *diet);

/* What the person's conditions ask for; writes a replaced or a cancelled version first
 * now and then. */
void synth_write_prescription(struct synth_pen *pen, const struct synth_care *care);
/* The nurse's record of tablets given. */
void synth_write_tablets_given(struct synth_pen *pen, const struct synth_care *care);
enum synth_drip {
    SYNTH_FLUID,
    SYNTH_ANTIBIOTIC,
    SYNTH_DIALYSATE,
    SYNTH_CHEMO,
    SYNTH_IRON
};
void synth_write_injection(struct synth_pen *pen, const struct synth_care *care,
                           enum synth_drip drip);

enum synth_panel {
    SYNTH_CHEMISTRY,
    SYNTH_BLOOD_COUNT,
    SYNTH_SUGAR,
    SYNTH_URINE,
    SYNTH_CLOTTING
};
/* `fever` raises CRP and white cells, 0 … 100; `with_order`: OML-01 in front. */
void synth_write_laboratory(struct synth_pen *pen, const struct synth_care *care,
                            enum synth_panel panel, int fever, bool with_order);
void synth_write_culture(struct synth_pen *pen, const struct synth_care *care);

enum synth_picture {
    SYNTH_CHEST_XRAY,
    SYNTH_CHEST_CT,
    SYNTH_HEAD_MRI,
    SYNTH_BONE_XRAY,
    SYNTH_ABDOMEN_US,
    SYNTH_ENDOSCOPY,
    SYNTH_ECG,
    SYNTH_HOLTER,
    SYNTH_HEART_ECHO
};
/* Order and performance; `is_only_ordered`: nothing done yet. */
void synth_write_picture(struct synth_pen *pen, const struct synth_care *care,
                         enum synth_picture picture, bool is_only_ordered);

/* ---- waveforms as MFER (wave.c), under waves/<facility>/<number>/ ---- */
enum { SYNTH_ECG_MEASURES = 4 /* rate, PQ, QRS, QT */ };
/* What an ECG of this person says, and whether it has P waves. */
const char *synth_ecg_words(const struct synth_person *person);
bool synth_ecg_has_p(const struct synth_person *person);
void synth_write_ecg(struct synth_pen *pen, struct synth_moment at, const char *order,
                     const int measures[SYNTH_ECG_MEASURES]);
/* 24 hours of two leads: 22 MB. */
void synth_write_day(struct synth_pen *pen, struct synth_moment at, const char *order);

/* ---- pictures as PNG (drawing.c) ---- */
void synth_draw_photo(struct synth *synth, struct rand_seeded *dice, struct buf *out);
void synth_draw_chart(struct synth *synth, struct rand_seeded *dice, struct buf *out);
void synth_draw_sketch(struct synth *synth, struct rand_seeded *dice, struct buf *out);

/* ---- documents of extended storage (document.c): each hospital has some of them ---- */
void synth_write_summary(struct synth_pen *pen, const struct synth_stay *stay);
void synth_write_progress(struct synth_pen *pen, const struct synth_care *care);
void synth_write_vitals(struct synth_pen *pen, int32_t day);
void synth_write_paper(struct synth_pen *pen, const struct synth_stay *stay);
void synth_write_photo(struct synth_pen *pen, const struct synth_stay *stay);
void synth_write_nursing(struct synth_pen *pen, const struct synth_stay *stay);
