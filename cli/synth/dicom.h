// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Writing DICOM (PS3.5, PS3.10): data sets element by element in ascending order of their
 * tags (asserted) and files around them. Sequences and items have undefined lengths.
 * Texts come in UTF-8 and are written as the modalities of that hospital write them:
 * ISO 2022 IR 87 behind ASCII, or behind ISO 2022 IR 13 where half-width kana are used.
 * Not a toolkit: it knows no dictionary and checks no module. */

#include "cli/synth/synth.h"
#include "formats/dicom/dicom.h"

enum { SYNTH_UID_BYTES = 65, SYNTH_SET_DEPTH = 8 };

struct synth_uid {
    char at[SYNTH_UID_BYTES];
};

struct synth_set {
    struct buf bytes;
    const struct synth_facility *facility;
    enum dicom_syntax syntax;
    uint32_t last_tags[SYNTH_SET_DEPTH]; /* of each open item, to keep them in order */
    int depth;
};

struct synth_set synth_set_init(const struct synth_facility *facility,
                                enum dicom_syntax syntax, size_t max_bytes);
void synth_set_free(struct synth_set *set);

/* Values as they will lie in the file but for their padding. */
void synth_set_put(struct synth_set *set, uint32_t tag, const char *vr,
                   struct span value);
void synth_set_text(struct synth_set *set, uint32_t tag, const char *vr,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* PN in three groups, as that hospital's record has the name. */
void synth_set_name(struct synth_set *set, uint32_t tag, const struct synth_name *name);
void synth_set_uint(struct synth_set *set, uint32_t tag, const char *vr, uint32_t value);
void synth_set_double(struct synth_set *set, uint32_t tag, double value);
/* OW, or OB when there is a byte a sample. */
void synth_set_words(struct synth_set *set, uint32_t tag, const uint16_t *at,
                     size_t count);
void synth_set_open(struct synth_set *set, uint32_t tag);
void synth_set_open_item(struct synth_set *set);
void synth_set_close_item(struct synth_set *set);
void synth_set_close(struct synth_set *set, uint32_t tag);
/* A sequence of one coded entry (PS3.3 8.8). */
void synth_set_code(struct synth_set *set, uint32_t tag, const char *value,
                    const char *scheme, const char *meaning);

/* Encapsulated pixel data (PS3.5 A.4): a frame is one fragment; `ends` are the lengths up
 * to and with each frame in `frames`. */
void synth_set_fragments(struct synth_set *set, struct span frames, const size_t *ends,
                         size_t count);

/* The file of a data set: preamble and meta information in front. */
void synth_dicom_file(const struct synth_set *set, const char *sop_class,
                      const char *instance, struct buf *out);

/* A UID below 2.25 that nobody else gives: by the region's number and a purpose. */
struct synth_uid synth_dicom_uid(const struct synth *synth, const char *parent,
                                 unsigned series, unsigned instance);
/* Latin letters of a name in katakana (Hepburn), in capitals. */
void synth_romanize(const char *kana, struct buf *out);
