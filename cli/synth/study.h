// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Studies as a hospital's archive exports them: images/<facility>/ST…/SE…/IM…, names
 * without anybody's data. Their patient, Study Instance UID and accession number are
 * those of an order that cli/synth/image.c has written. */

#include "cli/synth/dicom.h"
#include "cli/synth/pen.h"

/* What an order names; of those persons only of whom images may be made. */
struct synth_study {
    const struct synth_person *person;
    const struct synth_record *record;
    enum synth_picture picture;
    struct synth_moment at; /* of the examination */
    const char *department;
    const char *finding;
    char uid[SYNTH_UID_BYTES];
    char accession[16];
    char order[16];
    bool is_taken; /* has its images */
};

/* Keeps it when images may be made of it. */
void synth_note_study(struct synth *synth, const struct synth_study *study);

struct synth_series {
    struct synth *synth;
    const struct synth_study *study;
    int folder; /* of the study, from 1 */
    int number;
    const char *modality;
    const char *sop_class;
    const char *description;
    const char *body_part; /* or "" */
    const char *image_type;
    const char *maker;
    const char *model;
    enum dicom_syntax syntax;
    struct synth_uid uid;
};

struct synth_instance {
    const struct synth_series *series;
    int number;
    struct synth_moment at;
    struct synth_uid uid;
    struct synth_set set;
};

/* Fills uid and what follows from the study. */
void synth_open_series(struct synth_series *series, const char *name);
/* Starts the data set with what comes up to (0018,0015). */
void synth_open_instance(struct synth_instance *instance,
                         const struct synth_series *series, int number, size_t max_bytes);
/* (0020,000D) to (0020,0013). */
void synth_put_relation(struct synth_instance *instance);
/* Rows to pixel representation of grey or, with three samples, of colours. */
struct synth_shape {
    uint32_t rows;
    uint32_t columns;
    unsigned samples;
    unsigned bits_allocated;
    unsigned bits_stored;
    uint32_t frames; /* 0 = not a multi-frame image */
    const char *photometric;
    double spacing;   /* mm, 0 = none */
    uint32_t pointer; /* of the frames' times, or 0 */
};
void synth_put_shape(struct synth_instance *instance, const struct synth_shape *shape);
/* Pixels as codec_frame has them, in the series' transfer syntax; saves and closes. */
void synth_save_image(struct synth_instance *instance, const struct synth_shape *shape,
                      struct span pixels);
void synth_save_instance(struct synth_instance *instance);

/* The same of a film in colour, as JPEG with a fragment a frame. */
void synth_save_film(struct synth_instance *instance, const struct synth_shape *shape,
                     struct span pixels);
/* ---- one kind each; series are numbered from 1 (study_image.c, study_enhanced.c,
 * study_report.c) ---- */
void synth_write_ct(struct synth_series *series);
void synth_write_mr(struct synth_series *series);
/* One more series of the same study. */
void synth_write_enhanced_mr(struct synth_series *series);
void synth_write_chest(struct synth_series *series);
void synth_write_echo(struct synth_series *series);
void synth_write_scope(struct synth_series *series);
void synth_write_heart_curve(struct synth_series *series);
void synth_write_text_report(struct synth_series *series);
void synth_write_paper_report(struct synth_series *series);
