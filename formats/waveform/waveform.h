// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A recording of waveforms, whatever file it came from: groups of channels, each with its
 * own rate, scale and lead; annotations, measured values, statements. What the screen
 * draws is made of it (docs/specs/waveform.md), so MFER and DICOM look the same.
 *
 * Samples are never copied: a channel is a list of runs over the file's bytes, so that a
 * day of long-term ECG in a mapped file costs what is looked at. Who reads a file fills
 * the structs; they are *arena* and borrow from the bytes.
 *
 * Lead codes are the numbers of MFER LDN (ISO 22077-1) = SCPECG (EN 1064, DICOM
 * 5.6.3-9-n). Physical value = (sample + offset) × scale. Not here: filters, measuring,
 * anything that would change a sample. */

#include <math.h>

#include "formats/entry/entry.h"

enum {
    WAVEFORM_COLUMNS_MAX = 8192,
    WAVEFORM_ANNOTATIONS_MAX = 2000, /* told at once; the rest by other ranges */
    WAVEFORM_WIRE_BYTES_MAX = 8 << 20,
    WAVEFORM_GAP = -32768, /* on the wire */
    WAVEFORM_FORMAT = 1    /* of the wire */
};

enum waveform_kind {
    WAVEFORM_RHYTHM,
    WAVEFORM_REPRESENTATIVE, /* one beat made of many; kept apart */
    WAVEFORM_LONG_TERM,
    WAVEFORM_KIND_COUNT
};

enum waveform_type {
    WAVEFORM_S16,
    WAVEFORM_U16,
    WAVEFORM_S32,
    WAVEFORM_U32,
    WAVEFORM_S8,
    WAVEFORM_U8,
    WAVEFORM_F32,
    WAVEFORM_F64,
    WAVEFORM_TYPE_COUNT
};

/* Blocks of samples at equal distances. All bytes of `count` samples are there. */
struct waveform_run {
    uint64_t start; /* number of its first sample; runs are in order, without overlap */
    uint64_t count;
    const uint8_t *at;
    uint64_t stride_bytes; /* from block to block */
    uint64_t block_count;  /* samples that lie together, > 0 */
};

/* Of a file that is not in memory as a whole: called before its bytes are read. False:
 * they are not there, and count as gaps; who made the loader says so instead. */
struct waveform_loader {
    bool (*load)(void *self, const uint8_t *at, uint64_t len, bool keeps);
    void *self;
};
enum { WAVEFORM_LOAD_BYTES_MAX = 1 << 20 }; /* at once, of samples */

struct waveform_channel {
    struct text lead;   /* "V1"; never empty */
    uint32_t lead_code; /* 0 = none */
    enum waveform_type type;
    bool is_little_endian;
    bool is_unsupported; /* compressed: there are no runs */
    double rate_hz;      /* 0 = unknown: no time is claimed */
    struct text unit;    /* "V", "mmHg"; "" = scale unknown: numbers as stored */
    double scale;
    double offset;
    bool has_gap;
    double gap;                           /* the stored number that means "no data" */
    const struct waveform_loader *loader; /* NULL = all bytes are there */
    uint64_t sample_count;                /* what no run covers is a gap */
    struct waveform_run *runs;
    size_t run_count;
    size_t run_room;
    struct text filter; /* as the file says it, or "" */
    /* Derived: the sum of two others by weight, in physical values. */
    const struct waveform_channel *from[2];
    double weights[2];
};

struct waveform_group {
    enum waveform_kind kind;
    struct text label; /* 標準12誘導心電図 */
    double start_ms;   /* since the start of the recording */
    struct waveform_channel *channels;
    size_t channel_count;
    struct waveform_group *next;
};

struct waveform_annotation {
    double start_ms; /* since the start of the recording */
    double duration_ms;
    struct text text;
    uint32_t code;    /* of the file's own table; 0 = none */
    uint32_t group;   /* number of its group from 1 on; 0 = all */
    struct text lead; /* "" = all */
    struct waveform_annotation *next;
};

/* Measured by the device. */
struct waveform_value {
    struct text name;
    struct text code;   /* "32769" */
    struct text system; /* "99MFR" */
    struct text value;
    struct text unit;
    struct text lead;
    struct waveform_value *next;
};

/* What device or people wrote about the whole. */
struct waveform_statement {
    const char *kind; /* "interpretation", "comment" */
    struct text text;
    struct waveform_statement *next;
};

struct waveform_recording {
    int32_t day;       /* DAY_NONE when unknown */
    struct text start; /* local "YYYY-MM-DDTHH:MM:SS[.mmm]" as far as known, or "" */
    struct text device;
    struct text filter;
    struct waveform_group *groups;
    size_t group_count;
    struct waveform_annotation *annotations; /* in the file's order */
    size_t annotation_count;
    struct waveform_value *values;
    struct waveform_statement *statements;
};

size_t waveform_type_bytes(enum waveform_type type);
bool waveform_type_is_float(enum waveform_type type);
/* "rhythm", "representative", "long_term" */
const char *waveform_kind_id(enum waveform_kind kind);
/* "V1", "" for codes that are not listed. */
struct text waveform_lead_name(uint32_t code);
/* The name of a code that is listed, else 誘導 n. */
MUST_CHECK bool waveform_name_lead(uint32_t code, struct arena *arena, struct text *name,
                                   struct err *err);
/* 0 when there is no such lead. */
uint32_t waveform_lead_code(struct text name);
double waveform_duration_ms(const struct waveform_group *group);

/* Appends a run to a channel that is not derived; it may not overlap. */
MUST_CHECK bool waveform_add_run(struct waveform_channel *channel,
                                 const struct waveform_run *run, struct arena *arena,
                                 struct err *err);
/* One stored number, NaN where there is none: of `bytes` in the channel's type. */
double waveform_number(const struct waveform_channel *channel, const uint8_t *bytes);
/* The numbers of samples from … from+count-1 as stored (a derived channel's: in its own
 * scale); NaN = gap. */
void waveform_read(const struct waveform_channel *channel, uint64_t from, size_t count,
                   double *out);
/* Smallest and largest number among them, so that no spike is lost; NaN when all of them
 * are gaps. Costs what is stored of the range, not what is missing. */
void waveform_extremes(const struct waveform_channel *channel, uint64_t from,
                       uint64_t count, double *low, double *high);

/* III = II − I, aVR = −(I + II)/2, aVL = I − II/2, aVF = II − I/2, each when it is absent
 * and I and II are voltages of one rate and length. A gap in either gives a gap. */
MUST_CHECK bool waveform_derive(struct waveform_group *group, struct arena *arena,
                                struct err *err);

struct dicom_file;
/* The waveforms of a DICOM object (PS3.3 C.10.9, A.34), which borrow from its bytes:
 * multiplex groups, channel sources, sensitivity × correction, baseline, padding value,
 * filters, annotations. Samples of 8 and 16 bits, µ-law and A-law too. Leads that are
 * missing are derived. ERR_SYNTAX waveform_none (no group that can be read); the arena's.
 */
MUST_CHECK bool waveform_read_dicom(const struct dicom_file *file, struct arena *arena,
                                    struct waveform_recording *recording,
                                    struct err *err);

/* The same of a file that dicom_read read with a loader: samples are asked for whenever
 * they are looked at, and to be kept where they are expanded. ERR_BUSY
 * waveform_not_there. */
MUST_CHECK bool waveform_read_dicom_by(const struct waveform_loader *loader,
                                       const struct dicom_file *file, struct arena *arena,
                                       struct waveform_recording *recording,
                                       struct err *err);

/* What a screen asks for: a stretch of one group, in milliseconds since the group's
 * start (to_ms 0 = to the end), in columns of pixels (0 = every sample). */
struct waveform_wish {
    uint32_t group;
    uint64_t from_ms;
    uint64_t to_ms;
    uint32_t columns;
};
/* One JSON line, then samples (docs/specs/waveform.md). ERR_MISSING waveform_no_group,
 * ERR_SYNTAX waveform_range, ERR_LIMIT waveform_range_long (ask with columns),
 * waveform_columns, those of the buffer. */
MUST_CHECK bool waveform_write(const struct waveform_recording *recording,
                               const struct waveform_wish *wish, struct buf *out,
                               struct err *err);

/* Appends the recording to an entry as items: recording, observation, interpretation,
 * comment, annotation (docs/specs/entries.md). */
MUST_CHECK bool waveform_add_items(const struct waveform_recording *recording,
                                   struct entry *entry, struct arena *arena,
                                   struct err *err);
