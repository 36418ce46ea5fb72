// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The marker segments of ITU-T T.81 annex B and its entropy-coded bits; not for other
 * folders. Everything is checked against the bytes that are there. */

#include "formats/codec/codec_parts.h"

enum {
    CODEC_JPEG_COMPONENTS_MAX = 4,
    CODEC_HUFFMAN_BITS = 12, /* of the first look: 16 kB, which stay in the first cache */
    CODEC_HUFFMAN_SIZE = 1 << CODEC_HUFFMAN_BITS,
    CODEC_BITS_SLACK = 16, /* zeros behind the entropy-coded bytes */
};

/* DHT as it came. */
struct codec_huffman_spec {
    bool is_set;
    uint8_t counts[17]; /* of codes of 1..16 bits */
    uint8_t symbols[256];
};

struct codec_jpeg_component {
    uint8_t id, horizontal, vertical, quantization;
};

struct codec_jpeg {
    struct span bytes;
    size_t at;             /* next marker; after a scan header: its entropy-coded bytes */
    unsigned frame_marker; /* 0xC0 … 0xCF; 0 = none yet */
    size_t frame_at;
    unsigned precision;
    uint32_t columns, rows;
    unsigned component_count;
    struct codec_jpeg_component components[CODEC_JPEG_COMPONENTS_MAX];
    struct codec_huffman_spec tables[2][4]; /* [DC, AC] */
    bool has_quantization[4];
    uint16_t quantization[4][64]; /* in zigzag order */
    uint32_t restart_interval;
    bool is_jfif;
    int adobe_transform; /* -1 = no APP14 */
    /* the scan header that was read last */
    unsigned scan_count;
    uint8_t scan_component[4], scan_dc[4], scan_ac[4];
    unsigned first, last, approximation; /* Ss, Se, Ah/Al */
};

/* Reads up to and with the frame header; false when there is none. */
bool codec_jpeg_open(struct span bytes, struct codec_jpeg *jpeg, struct err *err);
/* On to the next scan; *is_scan = false at the end. */
bool codec_jpeg_next(struct codec_jpeg *jpeg, bool *is_scan, struct err *err);
/* What 9.3 of our format notes decides: three components are luma and chroma. */
bool codec_jpeg_is_ybr(const struct codec_jpeg *jpeg, enum codec_photometric photometric);
/* Refuses ("codec_dimensions") a frame header that differs from the shape. */
bool codec_jpeg_fits(const struct codec_jpeg *jpeg, const struct codec_shape *shape,
                     struct err *err);

bool codec_decode_lossless(const struct codec_job *job, struct codec_jpeg *jpeg,
                           struct err *err);
bool codec_decode_extended(const struct codec_job *job, struct codec_jpeg *jpeg,
                           struct err *err);
bool codec_decode_baseline(const struct codec_job *job, const struct codec_jpeg *jpeg,
                           struct err *err);

/* ---- Huffman codes ---- */

/* The first look: what CODEC_HUFFMAN_BITS bits begin with.
 * Bits 0-7: code and magnitude bits together when both are inside, else 0;
 * bits 8-15: the symbol; bits 16-31: the difference when both are inside, else the
 * length of the code, 0 = longer than the look. */
struct codec_huffman {
    uint32_t look[CODEC_HUFFMAN_SIZE];
    uint32_t ends[17]; /* first 16-bit value behind the codes of a length */
    int32_t offsets[17];
    uint8_t symbols[256];
};

/* With `has_differences` symbols above 16 are refused. */
bool codec_huffman_build(const struct codec_huffman_spec *spec, bool has_differences,
                         struct codec_huffman *table, struct err *err);

/* ---- bits ---- */

/* The unread bits stand at the top of `word`. */
struct codec_bits {
    uint64_t word;
    unsigned count;
    const uint8_t *at;
    const uint8_t *start, *end; /* CODEC_BITS_SLACK zeros stand behind the end */
    bool is_broken;             /* a code that the table does not have */
};

/* Entropy-coded bytes from jpeg->at without their stuffing, into `room` of at least
 * what is left + CODEC_BITS_SLACK; moves jpeg->at to the marker behind. */
struct codec_bits codec_bits_open(struct codec_jpeg *jpeg, uint8_t *room);
/* After codec_bits_open: a restart marker stands there, and is passed. */
bool codec_jpeg_restarts(struct codec_jpeg *jpeg);

/* At least 56 bits, zeros behind the end. */
static inline void codec_bits_fill(struct codec_bits *bits)
{
    uint64_t next;
    const uint8_t *last = bits->end + CODEC_BITS_SLACK - 8;
    const uint8_t *at = bits->at < last ? bits->at : last;
    memcpy(&next, at, 8);
    bits->word |= __builtin_bswap64(next) >> bits->count;
    bits->at = at + ((63 - bits->count) >> 3);
    bits->count |= 56;
}

static inline unsigned codec_bits_take(struct codec_bits *bits, unsigned count)
{
    unsigned value = (unsigned)(bits->word >> 1 >> (63 - count));
    bits->word <<= count;
    bits->count -= count;
    return value;
}

/* More bits were read than there are. */
static inline bool codec_bits_are_out(const struct codec_bits *bits)
{
    return (size_t)(bits->at - bits->start) * 8 - bits->count >
           (size_t)(bits->end - bits->start) * 8;
}

/* A code that the first look does not tell. 0 bits and is_broken when there is none. */
unsigned codec_huffman_search(const struct codec_huffman *table, struct codec_bits *bits);

/* The next symbol; at least 16 bits must be there. */
static inline unsigned codec_huffman_take(const struct codec_huffman *table,
                                          struct codec_bits *bits)
{
    uint32_t entry = table->look[bits->word >> (64 - CODEC_HUFFMAN_BITS)];
    unsigned length = entry >> 16;
    if (length == 0)
        return codec_huffman_search(table, bits);
    bits->word <<= length;
    bits->count -= length;
    return entry >> 8 & 255;
}

/* T.81 F.2.2.1: the signed value of a magnitude's bits. */
static inline int codec_extend(unsigned value, unsigned size)
{
    return size > 0 && value < 1U << (size - 1) ? (int)value - (int)(1U << size) + 1
                                                : (int)value;
}
