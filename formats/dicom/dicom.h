// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DICOM files and data sets (PS3.5 and PS3.10 2024e) to structs: what they say, in which
 * words, and where their pixels are. Images and frames: dicom_image.h.
 *
 * Read are Part 10 files and bare data sets, all byte orders, deflated ones too; what is
 * tolerated becomes a warning with offset and code, docs/specs/dicom.md has the list.
 * Decodes no pixels. Writes the directory of a medium, and data sets as JSON.
 *
 * Everything is *arena* owned or borrows from the bytes that were given; sets and
 * elements live as long as their file. Nothing is allocated because a header claims it.
 * Errors: ERR_SYNTAX "dicom_not_dicom" "dicom_deflate_broken"; ERR_LIMIT
 * "dicom_too_many_elements" "dicom_too_deep" "dicom_inflated_too_large"; the arena's. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/day.h"
#include "base/text.h"
#include "formats/dicom/dicom_tags.h"

enum dicom_syntax {
#define SYNTAX(name, uid, words, coding) DICOM_##name,
#include "formats/dicom/dicom_syntaxes.def"
#undef SYNTAX
    DICOM_SYNTAX_UNKNOWN,
};

/* How a syntax codes pixels; UNSUPPORTED = recognised and named, never decoded. */
enum dicom_coding {
    DICOM_CODED_NATIVE,
    DICOM_CODED_RLE,
    DICOM_CODED_JPEG,
    DICOM_CODED_JPEG_LOSSLESS,
    DICOM_CODED_JPEG_LS,
    DICOM_CODED_JPEG_2000,
    DICOM_CODED_UNSUPPORTED,
};

enum dicom_syntax dicom_syntax_find(struct span uid);
const char *dicom_syntax_uid(enum dicom_syntax syntax);  /* "" for UNKNOWN */
const char *dicom_syntax_name(enum dicom_syntax syntax); /* "JPEG Baseline (Process 1)" */
enum dicom_coding dicom_syntax_coding(enum dicom_syntax syntax);

/* A value representation is its two letters. */
#define DICOM_VR(a, b) ((uint16_t)((unsigned)(a) << 8 | (unsigned)(b)))

struct dicom_set;

struct dicom_element {
    uint32_t tag;
    uint16_t vr; /* as written, or by the dictionary; 'U','N' when nobody knows */
    bool is_undefined_length;
    bool is_cut;             /* the input ends inside: `value` is what is there */
    uint64_t length;         /* as claimed; UINT32_MAX = undefined */
    size_t offset;           /* of the element, in the file (or in what was inflated) */
    struct span value;       /* without sequences' items; empty when not read */
    struct dicom_set *items; /* of a sequence, chained by `next` */
    size_t item_count;
};

/* One data set or sequence item. */
struct dicom_set {
    struct dicom_element *elements; /* by tag when is_sorted */
    size_t count;
    size_t room;
    bool is_sorted;
    bool is_big_endian;
    bool is_explicit;
    size_t offset;                  /* of the first element */
    const struct dicom_set *parent; /* NULL for the outermost */
    const struct dicom_file *file;
    struct dicom_set *next; /* the item behind this one */
    /* 1 + index of (0008,0005) and of (0028,0103); private to formats/dicom, for sets
     * whose order makes finding slow. */
    size_t charset_place, sign_place;
};

struct dicom_warning {
    const char *code; /* "dicom_no_preamble" … docs/specs/dicom.md */
    size_t offset;
    const char *clause; /* "PS3.5 7.1.2", or NULL */
    struct text text;   /* Japanese, for operators; no patient's data */
    struct dicom_warning *next;
};

/* One piece of encapsulated pixel data (PS3.5 A.4), in the input. */
struct dicom_fragment {
    size_t offset; /* of its bytes */
    size_t len;    /* that are there */
    size_t item;   /* offset of its item tag behind the offset table, as tables count */
};

/* The pixel data element, wherever its bytes are. */
struct dicom_pixels {
    bool is_there;
    bool is_encapsulated;
    bool is_cut;
    uint32_t tag; /* DICOM_PIXELS, DICOM_FLOAT_PIXELS or DICOM_DOUBLE_PIXELS */
    uint16_t vr;
    size_t offset;            /* of its value in the file: behind the element's header */
    uint64_t length;          /* as claimed; UINT64_MAX = undefined */
    struct span value;        /* native: what of it is here */
    struct span offset_table; /* basic; may be empty */
    struct dicom_fragment *fragments;
    size_t fragment_count;
};

struct dicom_file {
    enum dicom_syntax syntax;
    const char *syntax_uid; /* as written or guessed, NUL-terminated */
    bool is_little_endian;
    bool is_explicit;
    bool is_deflated; /* offsets of `set` then count in what was inflated */
    bool is_syntax_guessed;
    bool has_preamble;
    bool has_meta;
    bool is_truncated; /* the input ends inside an element */
    /* Only with options.file_bytes: the prefix ended before the pixels; at least so many
     * bytes are needed. 0 = nothing is missing. Also of a deflated one whose beginning is
     * more than inflated_max. */
    uint64_t needs_bytes;
    struct dicom_set *meta; /* never NULL; may be empty */
    struct dicom_set *set;
    struct dicom_pixels pixels;
    struct span bytes; /* what fragments and pixels.offset count in */
    struct dicom_warning *warnings;
    struct dicom_warning *last_warning;
    size_t warning_count; /* those over the limit are counted, not kept */
    int guessed_charset;  /* of texts without a declared one; private to formats/dicom */
    struct arena *arena;
};

/* Of a file that is not in memory as a whole: called before bytes are looked at, which
 * stay from then on. Pixels and Waveform Data (5400,1010) are not asked for. */
struct dicom_loader {
    bool (*load)(void *self, const uint8_t *at, uint64_t len);
    void *self;
};

struct dicom_options {
    bool stop_before_pixels; /* element header read, fragments and what follows not */
    /* Size of the whole file when `bytes` is only its beginning; 0 = all is there. */
    uint64_t file_bytes;
    size_t elements_max; /* 0 = 1,000,000, items counted too */
    /* 0 = 256 MiB; above 64 MiB a hundred times of what was deflated. Before the pixels
     * only as much is inflated as they need. */
    size_t inflated_max;
    /* NULL = all is there; ERR_BUSY dicom_not_there when it says no. */
    const struct dicom_loader *loader;
};

/* True for what dicom_read would take as DICOM: preamble, group 2 at the start, or a
 * data set whose first elements are plausible. Looks at the first 4 kB only. */
bool dicom_detect(struct span bytes);

/* `options` may be NULL. A cut file is read up to the cut (is_truncated). */
MUST_CHECK bool dicom_read(struct span bytes, const struct dicom_options *options,
                           struct arena *arena, struct dicom_file **file,
                           struct err *err);

/* A data set as it comes without a file around it (DIMSE, PS3.7): the syntax is known. */
MUST_CHECK bool dicom_read_set(struct span bytes, enum dicom_syntax syntax,
                               const struct dicom_options *options, struct arena *arena,
                               struct dicom_file **file, struct err *err);

/* ------------------------------------------------------------------ values */

/* NULL when there is none; the first when there are several. */
const struct dicom_element *dicom_find(const struct dicom_set *set, uint32_t tag);
/* Item of a sequence, counted from 0; NULL when there is none. */
const struct dicom_set *dicom_item(const struct dicom_set *set, uint32_t tag,
                                   size_t index);
/* Number of values (PS3.5 6.4); 0 when there is none or it is empty. */
size_t dicom_value_count(const struct dicom_set *set, uint32_t tag);

/* Text as people read it: decoded by the set's character set, padding removed. The first
 * value of several (free texts, LT ST UT UR, whole); empty when there is none. Numbers
 * of binary representations are written out. False: the arena's error. */
MUST_CHECK bool dicom_text(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                           struct text *text, struct err *err);
/* All values; at most 1,000. */
MUST_CHECK bool dicom_texts(const struct dicom_set *set, uint32_t tag,
                            struct arena *arena, struct text **texts, size_t *count,
                            struct err *err);
/* A UID: digits and dots without padding; empty when there is none or it is none. Borrows
 * from the input. */
struct text dicom_uid(const struct dicom_set *set, uint32_t tag);
/* Bytes of the first value without padding, undecoded; for codes of ASCII letters. */
struct span dicom_code(const struct dicom_set *set, uint32_t tag);
bool dicom_is(const struct dicom_set *set, uint32_t tag, const char *code);

/* Value `index`, whether written as text (IS, DS) or binary; false when there is none or
 * it is not a number. dicom_int refuses fractions, dicom_double what is not finite. */
bool dicom_int(const struct dicom_set *set, uint32_t tag, size_t index, int64_t *value);
bool dicom_double(const struct dicom_set *set, uint32_t tag, size_t index, double *value);

/* DA, also the day of a DT and the old form YYYY.MM.DD; DAY_NONE otherwise. */
int32_t dicom_day(const struct dicom_set *set, uint32_t tag);
/* TM or the time of a DT as "HH:MM:SS", "HH:MM" or "HH"; empty otherwise. */
MUST_CHECK bool dicom_time(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                           struct text *text, struct err *err);

/* A person's name (PS3.5 6.2.1) with components joined by single spaces: 山田 太郎. */
struct dicom_name {
    struct text alphabetic;
    struct text ideographic;
    struct text phonetic;
};
MUST_CHECK bool dicom_name(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                           struct dicom_name *name, struct err *err);

/* Warnings of those who read on: kept with the file. */
MUST_CHECK bool dicom_warn(struct dicom_file *file, const char *code, size_t offset,
                           struct err *err);
/* What a code of a warning means, in Japanese; NULL when the code is unknown. */
const char *dicom_warning_text(const char *code);

/* ------------------------------------------------------------------ JSON */

struct json_writer;
/* The data set as one object of the DICOM JSON Model (PS3.18 annex F, 2024e), ordered by
 * tag, texts in UTF-8 with an (0008,0005) that says so. Left out: group 2, group lengths,
 * pixels, waveforms, overlays, curves, encapsulated documents, other binary values of
 * more than 1 KiB, values cut short, and sequences deeper than 19 levels. Of
 * duplicates the first counts; a number that is none, or not finite, is null.
 * docs/specs/dicom.md. */
MUST_CHECK bool dicom_write_json(const struct dicom_file *file,
                                 struct json_writer *writer, struct err *err);

/* ------------------------------------------------------------------ documents */

/* Encapsulated document (PS3.3 C.24.2): its bytes without the pad; empty when none. */
struct span dicom_document(const struct dicom_file *file);

/* A structured report (PS3.3 C.17.3) as lines in reading order. */
struct dicom_line {
    unsigned level;    /* of nesting, the title is 0 */
    const char *type;  /* "CONTAINER" "TEXT" "NUM" "CODE" … as in PS3.3 C.17.3.2.1 */
    struct text label; /* meaning of the concept name, or "" */
    bool is_named;     /* the container around it says the same label already */
    struct text value; /* as shown, with its unit apart */
    struct text unit;
    struct dicom_line *next;
};
/* At most 10,000 lines; NULL when the file holds no content tree. */
MUST_CHECK bool dicom_report(const struct dicom_file *file, struct arena *arena,
                             struct dicom_line **first, struct err *err);

/* ------------------------------------------------------------------ directories */

/* One record of a DICOMDIR (PS3.3 F.3). */
struct dicom_record {
    struct text type; /* "PATIENT" "STUDY" "SERIES" "IMAGE" … */
    struct text path; /* "DIR/FILE" below the medium's root; "" when none or unsafe */
    const struct dicom_set *set;
    struct dicom_record *child; /* first of the lower level */
    struct dicom_record *next;  /* of the same level */
};
bool dicom_is_directory(const struct dicom_file *file);
/* The tree; every record is in it once, whatever the offsets say. Warnings are added to
 * the file. NULL when there are no records. */
MUST_CHECK bool dicom_directory(struct dicom_file *file, struct arena *arena,
                                struct dicom_record **root, struct err *err);

/* Writing one, of one patient's one study: files are added series by series and stand
 * where `path` ("DICOM/S001/I00001", parts of 8 capital letters and digits) says. Left
 * out are files without the head of Part 10 and those of kinds other than images,
 * waveforms, reports and documents: a medium's reader finds them by no record. What a
 * file does not say is empty; numbers that must be there are places.
 * buf_free(&medium.out). */
enum { DICOM_MEDIUM_LEVELS = 4, DICOM_MEDIUM_BYTES_MAX = 32 << 20 };
struct dicom_medium {
    struct buf out; /* the file, when it has ended */
    size_t roots, records;
    size_t last[DICOM_MEDIUM_LEVELS]; /* record of patient, study, series, instance */
    size_t series_count, instance_count;
    char series[65];
};
/* `number`: names this directory and no other. */
void dicom_medium_begin(struct dicom_medium *medium, const uint8_t number[16]);
void dicom_medium_add(struct dicom_medium *medium, const struct dicom_file *file,
                      const char *path);
MUST_CHECK bool dicom_medium_end(struct dicom_medium *medium, struct err *err);
