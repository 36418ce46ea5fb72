// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/dicom. */

#include "formats/charset/charset.h"
#include "formats/dicom/dicom.h"
#include "formats/dicom/dicom_image.h"

enum {
    VR_AE = DICOM_VR('A', 'E'),
    VR_AS = DICOM_VR('A', 'S'),
    VR_AT = DICOM_VR('A', 'T'),
    VR_CS = DICOM_VR('C', 'S'),
    VR_DA = DICOM_VR('D', 'A'),
    VR_DS = DICOM_VR('D', 'S'),
    VR_DT = DICOM_VR('D', 'T'),
    VR_FD = DICOM_VR('F', 'D'),
    VR_FL = DICOM_VR('F', 'L'),
    VR_IS = DICOM_VR('I', 'S'),
    VR_LO = DICOM_VR('L', 'O'),
    VR_LT = DICOM_VR('L', 'T'),
    VR_OB = DICOM_VR('O', 'B'),
    VR_OD = DICOM_VR('O', 'D'),
    VR_OF = DICOM_VR('O', 'F'),
    VR_OL = DICOM_VR('O', 'L'),
    VR_OV = DICOM_VR('O', 'V'),
    VR_OW = DICOM_VR('O', 'W'),
    VR_PN = DICOM_VR('P', 'N'),
    VR_SH = DICOM_VR('S', 'H'),
    VR_SL = DICOM_VR('S', 'L'),
    VR_SQ = DICOM_VR('S', 'Q'),
    VR_SS = DICOM_VR('S', 'S'),
    VR_ST = DICOM_VR('S', 'T'),
    VR_SV = DICOM_VR('S', 'V'),
    VR_TM = DICOM_VR('T', 'M'),
    VR_UC = DICOM_VR('U', 'C'),
    VR_UI = DICOM_VR('U', 'I'),
    VR_UL = DICOM_VR('U', 'L'),
    VR_UN = DICOM_VR('U', 'N'),
    VR_UR = DICOM_VR('U', 'R'),
    VR_US = DICOM_VR('U', 'S'),
    VR_UT = DICOM_VR('U', 'T'),
    VR_UV = DICOM_VR('U', 'V'),
    VR_XS = DICOM_VR('X', 'S'), /* US or SS by Pixel Representation */
};

enum {
    DEPTH_MAX = 64,
    VALUES_MAX = 1000,
};
static const uint32_t UNDEFINED = UINT32_MAX;
static const uint32_t ITEM = 0xFFFEE000;
static const uint32_t ITEM_END = 0xFFFEE00D;
static const uint32_t SEQUENCE_END = 0xFFFEE0DD;

/* By the dictionary; VR_UN when it is not there, never VR_XS when `set` is given. */
uint16_t dicom_vr_of(uint32_t tag, const struct dicom_set *set);
/* Two letters of the standard. */
bool dicom_vr_is_known(uint16_t vr);
/* The header has two reserved and four length bytes (PS3.5 7.1.2). */
bool dicom_vr_is_long(uint16_t vr);
/* Texts in the character set of (0008,0005). */
bool dicom_vr_is_text(uint16_t vr);
/* Text of one value only: a backslash is a character. */
bool dicom_vr_is_single(uint16_t vr);
/* Bytes of one binary value; 0 for texts and sequences. */
size_t dicom_vr_size(uint16_t vr);

uint16_t dicom_u16(struct span bytes, size_t at, bool is_big_endian);
uint32_t dicom_u32(struct span bytes, size_t at, bool is_big_endian);
uint64_t dicom_u64(struct span bytes, size_t at, bool is_big_endian);

/* What the elements of a data set are read into and with. */
struct dicom_reader {
    struct span bytes; /* what offsets count in */
    struct arena *arena;
    struct dicom_file *file;
    bool stops_before_pixels;
    bool has_stopped; /* at the pixels, or because more bytes are needed */
    uint64_t file_bytes;
    size_t elements_max;
    size_t element_count;
    struct buf *undeclared; /* texts with high bytes while no character set is known */
    size_t undeclared_offset;
    size_t nonzero_at; /* where a search for padding ended last */
    const struct dicom_loader *loader;
};

/* As many of these bytes as the input has are there. */
MUST_CHECK bool dicom_need(struct dicom_reader *reader, size_t at, size_t len,
                           struct err *err);

struct dicom_set *dicom_new_set(struct dicom_reader *reader, bool is_big_endian,
                                bool is_explicit, struct err *err);
/* Elements from `at` to the end; only group 2 when `is_meta`. `*at` moves behind. */
bool dicom_read_elements(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                         bool is_meta, struct err *err);
/* How many elements in a row (4 at most) look right at `at`; the first one's group is at
 * most `last_first_group`. */
unsigned dicom_plausible(struct span bytes, size_t at, bool is_big_endian,
                         bool is_explicit, uint32_t last_first_group);
/* The pieces of encapsulated pixels from `at` on; `*at` moves behind the last. */
bool dicom_read_fragments(struct dicom_reader *reader, size_t *at, size_t end,
                          struct dicom_pixels *pixels, struct err *err);

/* ---- dicom_deflate.c ---- */
enum dicom_inflated {
    DICOM_INFLATED_ALL,
    DICOM_INFLATED_PART,   /* there is more than was asked for */
    DICOM_INFLATED_HUNGRY, /* what there is ends within the stream */
    DICOM_INFLATED_BROKEN
};
/* The whole of it, as long as that is in proportion. */
bool dicom_inflate(struct span deflated, size_t max_bytes, struct dicom_file *file,
                   size_t offset, struct span *inflated, struct err *err);
bool dicom_inflate_some(struct span deflated, size_t max_bytes, bool is_prefix,
                        struct dicom_file *file, struct span *inflated,
                        enum dicom_inflated *how, struct err *err);
bool dicom_warn_deflate_cut(struct dicom_file *file, size_t offset, struct err *err);
/* Warns of images that are not what their attributes say. */
bool dicom_check_image(struct dicom_file *file, struct err *err);
/* Warns of character sets that are unknown or written oddly. */
bool dicom_check_charset(struct dicom_file *file, const struct dicom_element *element,
                         struct err *err);
/* One value of a text from `*at` on, which moves behind it and its separator; `is_name`
 * = a PN, whose groups and components start anew. */
bool dicom_decode(const struct dicom_set *set, const struct dicom_element *element,
                  size_t *at, struct arena *arena, struct text *text, struct err *err);
/* Without the padding of PS3.5 6.2. */
struct span dicom_trim(struct span value, bool keeps_leading);
/* Value `index` of a text of single-byte values, trimmed. */
bool dicom_part(struct span value, size_t index, struct span *part);
/* Value `index` of FL FD OF OD, which must be there; false when it is not finite. */
bool dicom_binary_double(const struct dicom_set *set, uint16_t vr, struct span value,
                         size_t index, double *out);
/* Of the other binary ones; false when it is more than INT64_MAX. */
bool dicom_binary_int(const struct dicom_set *set, uint16_t vr, struct span value,
                      size_t index, int64_t *out);
/* `out` = NULL checks only. */
bool dicom_parse_number(struct span text, double *out);
/* The set of (0008,0005) that is in force; "" when none. */
const struct dicom_element *dicom_charset_element(const struct dicom_set *set);
/* Bytes in the order of the text's words: those of OW are swapped in big endian files. */
bool dicom_ordered_bytes(const struct dicom_set *set, uint16_t vr, struct span bytes,
                         struct arena *arena, struct span *ordered, struct err *err);
/* True when every entry of the basic offset table is where a fragment begins. */
bool dicom_offset_table_fits(const struct dicom_pixels *pixels, uint32_t frame_count);
