// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private: what the parts of the reader share. */

#include "formats/mfer/mfer.h"

enum mfer_tag {
    MFER_ZRO = 0x00,
    MFER_BLE = 0x01,
    MFER_VER = 0x02,
    MFER_TXC = 0x03,
    MFER_BLK = 0x04,
    MFER_CHN = 0x05,
    MFER_SEQ = 0x06,
    MFER_PNT = 0x07,
    MFER_WFM = 0x08,
    MFER_LDN = 0x09,
    MFER_DTP = 0x0A,
    MFER_IVL = 0x0B,
    MFER_SEN = 0x0C,
    MFER_OFF = 0x0D,
    MFER_CMP = 0x0E,
    MFER_IPD = 0x0F,
    MFER_OLD_SKW = 0x10,
    MFER_FLT = 0x11,
    MFER_NUL = 0x12,
    MFER_OLD_EVT = 0x13,
    MFER_OLD_VAL = 0x14,
    MFER_INF = 0x15,
    MFER_NTE = 0x16,
    MFER_MAN = 0x17,
    MFER_OLD_PNM = 0x1A,
    MFER_OLD_PID = 0x1B,
    MFER_OLD_TIM = 0x1C,
    MFER_OLD_MSS = 0x1D,
    MFER_WAV = 0x1E,
    MFER_ATT = 0x3F,
    MFER_PRE = 0x40,
    MFER_EVT = 0x41,
    MFER_VAL = 0x42,
    MFER_SKW = 0x43,
    MFER_CND = 0x44,
    MFER_RPT = 0x45,
    MFER_SIG = 0x46,
    MFER_SET = 0x67,
    MFER_OLD_RPT = 0x68,
    MFER_OLD_SIG = 0x69,
    MFER_END_TAG = 0x80,
    MFER_PNM = 0x81,
    MFER_PID = 0x82,
    MFER_AGE = 0x83,
    MFER_SEX = 0x84,
    MFER_TIM = 0x85,
    MFER_MSS = 0x86,
    MFER_UID = 0x87,
    MFER_MAP = 0x88
};

enum { MFER_FILTERS_MAX = 4, MFER_DTP_DIFFERENCE = 9 };
static const uint32_t MFER_NO_CHANNEL = UINT32_MAX;

/* What a channel, or all of them, are said to be. `has`: one bit for each enum below;
 * a channel's own word goes before the parent's. */
enum mfer_word {
    MFER_HAS_BLK = 1 << 0,
    MFER_HAS_SEQ = 1 << 1,
    MFER_HAS_WFM = 1 << 2,
    MFER_HAS_LDN = 1 << 3,
    MFER_HAS_DTP = 1 << 4,
    MFER_HAS_IVL = 1 << 5,
    MFER_HAS_SEN = 1 << 6,
    MFER_HAS_OFF = 1 << 7,
    MFER_HAS_NUL = 1 << 8
};

/* A number whose meaning depends on the type of samples, which may come later. */
struct mfer_raw {
    struct span bytes;
    bool is_little_endian;
};

struct mfer_words {
    unsigned has;
    uint32_t blk;
    uint32_t seq;
    uint32_t wfm;
    struct text wfm_text;
    uint32_t ldn;
    struct text ldn_text;
    uint32_t dtp;
    double rate_hz; /* 0 = not in time, or nonsense */
    uint8_t sen_unit;
    double sen;
    struct mfer_raw off;
    struct mfer_raw nul;
    struct text filters[MFER_FILTERS_MAX];
};

/* Old files keep name, number and time under other tags. */
struct mfer_old {
    struct mfer_raw value;
    struct text charset;
    size_t offset;
};

/* How one channel's samples lie in a frame. */
struct mfer_plan {
    size_t type_bytes;
    uint64_t block_count;
    uint64_t sequence_count; /* 0 = as long as there is data */
};

/* What the definitions in force make of a frame. Kept from frame to frame. */
struct mfer_layout {
    bool is_valid;
    struct mfer_plan *plans;
    struct waveform_channel *channels; /* without samples */
    size_t plan_room;
    size_t channel_room;
    uint64_t *starts; /* of the frame in each channel */
    size_t start_room;
    uint32_t count;
    enum waveform_kind kind;
    struct text label;
};

struct mfer_reader {
    struct span bytes;
    const struct waveform_loader *loader; /* NULL = all is there */
    struct arena *arena;
    struct err *err;
    struct mfer_file *file;
    bool is_little_endian;
    struct text charset; /* as TXC names it, folded; "" = ASCII */
    struct mfer_words parent;
    struct mfer_words *channels; /* by ATT, since the last CHN */
    size_t channel_words;        /* how many of them were spoken of */
    size_t channel_room;
    uint32_t channel_count;
    bool is_changed; /* a definition came since the last frame */
    bool has_point;
    int64_t point; /* PNT, in sampling intervals of the parent */
    uint32_t compression;
    double next_ms; /* where the last frame ended */
    struct mfer_layout layout;
    struct waveform_group *last_group;
    size_t channel_total;
    size_t frame_count;
    uint64_t work;          /* channels looked at: bounds what small frames cost */
    bool has_new_identity;  /* one of 81, 82, 85 */
    struct mfer_old old[4]; /* PNM PID TIM MSS */
    struct waveform_annotation **annotation_end;
    struct waveform_value **value_end;
    struct waveform_statement **statement_end;
    struct waveform_group **group_end;
    size_t note_count;
    size_t finding_count;
    bool is_over; /* END, or what follows cannot be read */
};

/* A definition: where it stands and for whom. */
struct mfer_item {
    uint8_t tag;
    struct span value;
    size_t offset;    /* of the tag */
    uint32_t channel; /* MFER_NO_CHANNEL = parent */
};

bool mfer_is_good(const struct mfer_reader *reader);
/* A deviation; at most MFER_FINDINGS_MAX are listed. */
void mfer_find(struct mfer_reader *reader, const char *code, size_t offset,
               struct text words);
/* 1 … 4 bytes in the order in force; false for other lengths. */
bool mfer_unsigned(const struct mfer_reader *reader, struct span value, uint32_t *number);
bool mfer_signed(const struct mfer_reader *reader, struct span value, int32_t *number);
uint32_t mfer_part(const struct mfer_reader *reader, struct span value, size_t from,
                   size_t len);
/* In the character set in force, without NUL and spaces at its end; "" when broken. */
struct text mfer_text(struct mfer_reader *reader, struct span value, size_t offset);
/* The words in force for a channel, or for the parent. */
struct mfer_words *mfer_words_of(struct mfer_reader *reader, uint32_t channel);
/* A definition of samples: BLK … NUL, FLT. */
void mfer_define(struct mfer_reader *reader, const struct mfer_item *item);
/* Person, time, notes, events, values. False: none of these tags. */
bool mfer_note(struct mfer_reader *reader, const struct mfer_item *item);
/* What old files say by old tags, when nothing newer was said. */
void mfer_use_old(struct mfer_reader *reader);
/* WAV */
void mfer_frame(struct mfer_reader *reader, const struct mfer_item *item);
/* Milliseconds between samples of the parent; 0 = unknown. */
double mfer_interval_ms(const struct mfer_reader *reader);
struct text mfer_wave_name(uint32_t wfm);
uint32_t mfer_wave_code(struct text name); /* 0 = none */
/* 0x8001 → 心拍数; an empty text when unknown. `lead` = the lead's number or 0. */
struct text mfer_value_name(uint32_t code, uint32_t *lead);
/* Symbol of a unit of SEN; an empty text for codes that there are not. */
struct text mfer_unit(uint32_t code);
uint32_t mfer_unit_code(struct text unit); /* UINT32_MAX = none */
