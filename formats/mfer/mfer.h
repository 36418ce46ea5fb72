// SPDX-License-Identifier: Apache-2.0
#pragma once
/* MFER, Medical waveform Format Encoding Rules: ISO 22077-1:2015 (before: ISO/TS
 * 11073-92001:2007) as recordings of formats/waveform, and back. What of it is done, and
 * the deviations that are tolerated: docs/specs/mfer.md.
 *
 * The reader is hostile to its input: nothing is allocated because a header says so,
 * samples stay where they are (the recording borrows from the bytes), all counts have
 * limits. Deviations are warnings with offsets. Not done: compressed samples (the rest of
 * the file is read), signatures, interpolation, the code tables of the annexes.
 *
 * Errors: ERR_SYNTAX mfer_length_invalid, mfer_frame_missing with offset and clause;
 * ERR_LIMIT / ERR_BUSY of the arena. */

#include "formats/entry/entry.h"
#include "formats/waveform/waveform.h"

enum {
    MFER_CHANNELS_MAX = 4096,
    MFER_CHANNELS_TOTAL_MAX = 65536, /* of all frames that cannot be joined */
    MFER_FRAMES_MAX = 1 << 20,
    MFER_FINDINGS_MAX = 200,    /* more are not listed */
    MFER_MISSING_MAX = 1 << 20, /* samples that a cut frame's gap may have */
    MFER_NOTES_MAX = 200000
};

struct mfer_file {
    struct waveform_recording recording;
    struct entry_patient patient;
    struct text uid;
    struct entry_list findings; /* its warnings only */
};

/* A preamble, or a chain of at least three definitions with lengths as they must be. */
bool mfer_detect(struct span bytes);
/* Reads a file; the recording borrows from `bytes`. Derived leads are added to groups
 * that lack them. */
MUST_CHECK bool mfer_read(struct span bytes, struct arena *arena, struct mfer_file *file,
                          struct err *err);
/* The same of a file that is not in memory as a whole: what is read is asked for before
 * (and to be kept until the recording has gone), samples whenever they are looked at.
 * ERR_BUSY mfer_not_there when the loader says no. */
MUST_CHECK bool mfer_read_by(const struct waveform_loader *loader, struct span bytes,
                             struct arena *arena, struct mfer_file *file,
                             struct err *err);
/* One entry of the calendar: kind physiology, with the recording's items. */
MUST_CHECK bool mfer_list(const struct mfer_file *file, struct arena *arena,
                          struct entry_list *list, struct err *err);

struct mfer_options {
    bool is_little_endian;
    const char *preamble; /* ≤ 28 characters behind "MFR ", or NULL */
};

/* Writes patient, recording and samples so that reading gives the same samples, scale,
 * rates, leads and gaps; derived channels are left out. ERR_LIMIT mfer_too_large (a frame
 * is 4 GiB at most), mfer_no_gap_value (every number is a sample, and some are missing);
 * ERR_SYNTAX mfer_nothing (no group has a channel); those of the buffer. */
MUST_CHECK bool mfer_write(const struct mfer_file *file,
                           const struct mfer_options *options, struct buf *out,
                           struct err *err);
/* For a recording that is longer than memory: one group whose channels have types, rates
 * and sample counts but no runs, of whole seconds and whole rates. Writes all that stands
 * before the samples. Then follow, for each second, each channel's samples of that
 * second in its type and the file's byte order, and the two bytes MFER_END. */
MUST_CHECK bool mfer_write_head(const struct mfer_file *file,
                                const struct mfer_options *options, struct buf *out,
                                struct err *err);
#define MFER_END "\x80\x00"
