// SPDX-License-Identifier: Apache-2.0
#pragma once
/* From a frame of a DICOM file to what a screen is sent: stored values -> modality
 * (rescale or LUT) -> VOI (window or LUT) -> inversion, palette or colour -> overlays ->
 * smaller by the average of areas -> JPEG; or the stored values as they are. PS3.3
 * C.7.6.3, C.11.1, C.11.2 and C.9; the rounding is in docs/specs/picture.md. Pixels that
 * are not square stay as they are: who shows them stretches them.
 *
 * Decoding is for a process that may die (base/child), so the work is in two parts: a job
 * is prepared from the data set, goes over as bytes, and picture_answer does it there.
 * Jobs are read as hostile, too.
 *
 * Errors: those of formats/codec and formats/dicom; ERR_REFUSED "picture_unsupported" for
 * encodings that are recognised and not decoded; ERR_SYNTAX "picture_job" "picture_reply"
 * for bytes that are none. */

#include "base/buf.h"
#include "formats/codec/codec.h"
#include "formats/dicom/dicom_image.h"

enum picture_kind { PICTURE_JPEG, PICTURE_RAW };

enum {
    PICTURE_QUALITY = 90,
    /* what a job's decoding may take, beside the libraries' own memory */
    PICTURE_ARENA_BYTES_MAX = 1200 << 20,
    /* encoded frame, tables and overlay */
    PICTURE_JOB_BYTES_MAX = CODEC_FRAME_BYTES_MAX + (16 << 20),
    PICTURE_REPLY_BYTES_MAX = CODEC_FRAME_BYTES_MAX + 64,
};

struct picture_wish {
    enum picture_kind kind;
    bool has_window; /* instead of what the file says */
    double center, width;
    uint32_t side_max; /* of the JPEG's longer side; 0 = as large as the frame */
    unsigned quality;  /* 1-100; 0 = PICTURE_QUALITY */
};

struct picture_job {
    struct picture_wish wish;
    enum codec_syntax syntax;
    struct codec_shape shape;
    double slope, intercept; /* 1 and 0 when there are none */
    bool has_window;         /* the wish's, else the file's first */
    double center, width;
    enum dicom_voi voi_function;
    bool is_inverse; /* the lowest value is white */
    bool has_padding;
    int64_t padding, padding_limit;
    struct dicom_lut modality, voi, palette[3]; /* count 0 = none */
    struct span overlay; /* a bit a pixel, lowest first, rows one behind the other */
    struct span encoded;
    bool is_incomplete; /* the file ended within the frame */
    bool is_lossy;      /* the data set says so */
};

/* In the parent: from a data set read with its pixels. Everything borrows from the file
 * and the arena. */
MUST_CHECK bool picture_prepare(const struct dicom_file *file, uint32_t frame,
                                const struct picture_wish *wish, struct arena *arena,
                                struct picture_job *job, struct err *err);
MUST_CHECK bool picture_write_job(const struct picture_job *job, struct buf *out,
                                  struct err *err);
/* The same without its end, which is job->encoded. */
MUST_CHECK bool picture_write_job_head(const struct picture_job *job, struct buf *out,
                                       struct err *err);
/* Borrows overlay and encoded frame from the bytes; tables are in the arena. */
MUST_CHECK bool picture_read_job(struct span bytes, struct arena *arena,
                                 struct picture_job *job, struct err *err);

struct picture_result {
    uint32_t columns, rows; /* of what is in `bytes` */
    unsigned samples;
    unsigned sample_bytes; /* 1; raw: 1, 2 or 4 */
    bool is_incomplete;    /* the frame ended early: the rest is black */
    bool is_lossy;         /* the frame was lossy before; a JPEG always is */
    struct span bytes;
};

/* Decodes and draws: appends a reply, which picture_read_reply takes apart. */
MUST_CHECK bool picture_run(const struct picture_job *job, struct arena *arena,
                            struct buf *reply, struct err *err);
/* Borrows. The sizes are checked against each other. */
MUST_CHECK bool picture_read_reply(struct span reply, struct picture_result *result,
                                   struct err *err);

/* For the child: a job's bytes to a reply. `self` is a struct arena of
 * PICTURE_ARENA_BYTES_MAX that is kept from job to job, with nothing of a job left in it;
 * NULL = one for each. */
MUST_CHECK bool picture_answer(void *self, struct span request, struct buf *reply,
                               struct err *err);
/* The codes of its errors, up to NULL. */
extern const char *const picture_codes[];
