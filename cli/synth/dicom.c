// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/dicom.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/synth/pen.h"

enum { META_LENGTH = 0x00020000, META_BYTES = 1024, TEXT_BYTES = 2048 };

static const uint32_t ITEM = 0xFFFEE000;
static const uint32_t ITEM_END = 0xFFFEE00D;
static const uint32_t SEQUENCE_END = 0xFFFEE0DD;
static const uint32_t UNDEFINED = UINT32_MAX;

static bool is_big(const struct synth_set *set)
{
    return set->syntax == DICOM_EXPLICIT_BIG;
}

struct synth_set synth_set_init(const struct synth_facility *facility,
                                enum dicom_syntax syntax, size_t max_bytes)
{
    return (struct synth_set){
        .bytes = buf_init(max_bytes), .facility = facility, .syntax = syntax};
}

void synth_set_free(struct synth_set *set)
{
    buf_free(&set->bytes);
}

/* ------------------------------------------------------------------ numbers */

static void put_u16(struct synth_set *set, unsigned value)
{
    uint8_t low = (uint8_t)(value & 0xFF);
    uint8_t high = (uint8_t)(value >> 8 & 0xFF);
    buf_byte(&set->bytes, is_big(set) ? high : low);
    buf_byte(&set->bytes, is_big(set) ? low : high);
}

static void put_u32(struct synth_set *set, uint32_t value)
{
    put_u16(set, is_big(set) ? value >> 16 : value & 0xFFFF);
    put_u16(set, is_big(set) ? value & 0xFFFF : value >> 16);
}

static bool has_long_length(const char *vr)
{
    static const char *const words[] = {"OB", "OW", "OF", "SQ", "UT", "UN"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memcmp(words[i], vr, 2) == 0)
            return true;
    return false;
}

static void put_tag(struct synth_set *set, uint32_t tag)
{
    put_u16(set, tag >> 16);
    put_u16(set, tag & 0xFFFF);
}

/* Everything of an element but its value. */
static void put_head(struct synth_set *set, uint32_t tag, const char *vr, uint32_t length)
{
    assert(tag > set->last_tags[set->depth]);
    set->last_tags[set->depth] = tag;
    put_tag(set, tag);
    if (set->syntax == DICOM_IMPLICIT_LITTLE) {
        put_u32(set, length);
        return;
    }
    buf_put(&set->bytes, vr, 2);
    if (has_long_length(vr)) {
        put_u16(set, 0);
        put_u32(set, length);
    } else {
        assert(length <= UINT16_MAX);
        put_u16(set, length);
    }
}

/* ------------------------------------------------------------------ values */

void synth_set_put(struct synth_set *set, uint32_t tag, const char *vr, struct span value)
{
    bool is_zero_padded = strcmp(vr, "UI") == 0 || vr[0] == 'O';
    put_head(set, tag, vr, (uint32_t)(value.len + value.len % 2));
    buf_span(&set->bytes, value);
    if (value.len % 2)
        buf_byte(&set->bytes, is_zero_padded ? 0 : ' ');
}

/* JIS X 0201 is designated again where that is what texts begin in. */
static void encode(const struct synth_set *set, struct text text, struct buf *out)
{
    size_t from = out->len;
    synth_put_encoded(set->facility, text, out);
    if (!set->facility->writes_half_width_kana)
        return;
    for (size_t i = from; i + 2 < out->len; i++)
        if (memcmp(out->at + i, "\x1B(B", 3) == 0)
            out->at[i + 2] = 'J';
}

void synth_set_text(struct synth_set *set, uint32_t tag, const char *vr,
                    const char *format, ...)
{
    char text[TEXT_BYTES];
    CLEANUP(buf_free) struct buf bytes = buf_init(TEXT_BYTES * 2);
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof text);
    encode(set, text_cstr(text), &bytes);
    assert(!bytes.has_failed);
    synth_set_put(set, tag, vr, buf_view(&bytes));
}

void synth_set_name(struct synth_set *set, uint32_t tag, const struct synth_name *name)
{
    CLEANUP(buf_free) struct buf bytes = buf_init(TEXT_BYTES);
    const char *kana[] = {name->family_kana, name->given_kana};
    const char *kanji[] = {name->family, name->given};
    for (int i = 0; i < 2; i++) {
        if (set->facility->writes_half_width_kana)
            synth_put_half_width(&bytes, text_cstr(kana[i]));
        else
            synth_romanize(kana[i], &bytes);
        buf_byte(&bytes, i ? '=' : '^');
    }
    for (int i = 0; i < 2; i++) {
        encode(set, text_cstr(kanji[i]), &bytes);
        buf_byte(&bytes, i ? '=' : '^');
    }
    encode(set, text_cstr(kana[0]), &bytes);
    buf_byte(&bytes, '^');
    encode(set, text_cstr(kana[1]), &bytes);
    assert(!bytes.has_failed);
    synth_set_put(set, tag, "PN", buf_view(&bytes));
}

void synth_set_uint(struct synth_set *set, uint32_t tag, const char *vr, uint32_t value)
{
    bool is_short = vr[1] == 'S';
    put_head(set, tag, vr, is_short ? 2 : 4);
    if (is_short)
        put_u16(set, value);
    else
        put_u32(set, value);
}

void synth_set_double(struct synth_set *set, uint32_t tag, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    put_head(set, tag, "FD", 8);
    put_u32(set, (uint32_t)(is_big(set) ? bits >> 32 : bits & UINT32_MAX));
    put_u32(set, (uint32_t)(is_big(set) ? bits & UINT32_MAX : bits >> 32));
}

void synth_set_words(struct synth_set *set, uint32_t tag, const uint16_t *at,
                     size_t count)
{
    put_head(set, tag, "OW", (uint32_t)(count * 2));
    for (size_t i = 0; i < count; i++)
        put_u16(set, at[i]);
}

/* ------------------------------------------------------------------ sequences */

void synth_set_open(struct synth_set *set, uint32_t tag)
{
    put_head(set, tag, "SQ", UNDEFINED);
}

void synth_set_open_item(struct synth_set *set)
{
    assert(set->depth + 1 < SYNTH_SET_DEPTH);
    put_tag(set, ITEM);
    put_u32(set, UNDEFINED);
    set->last_tags[++set->depth] = 0;
}

void synth_set_close_item(struct synth_set *set)
{
    assert(set->depth > 0);
    put_tag(set, ITEM_END);
    put_u32(set, 0);
    set->depth--;
}

void synth_set_close(struct synth_set *set, uint32_t tag)
{
    assert(set->last_tags[set->depth] == tag);
    put_tag(set, SEQUENCE_END);
    put_u32(set, 0);
}

void synth_set_code(struct synth_set *set, uint32_t tag, const char *value,
                    const char *scheme, const char *meaning)
{
    synth_set_open(set, tag);
    synth_set_open_item(set);
    synth_set_text(set, DICOM_CODE_VALUE, "SH", "%s", value);
    synth_set_text(set, DICOM_CODE_SCHEME, "SH", "%s", scheme);
    synth_set_text(set, DICOM_CODE_MEANING, "LO", "%s", meaning);
    synth_set_close_item(set);
    synth_set_close(set, tag);
}

void synth_set_fragments(struct synth_set *set, struct span frames, const size_t *ends,
                         size_t count)
{
    put_head(set, DICOM_PIXELS, "OB", UNDEFINED);
    put_tag(set, ITEM);
    put_u32(set, (uint32_t)(count * 4));
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = ends[i] - (i ? ends[i - 1] : 0);
        put_u32(set, (uint32_t)offset);
        offset += 8 + len + len % 2;
    }
    for (size_t i = 0; i < count; i++) {
        size_t from = i ? ends[i - 1] : 0;
        size_t len = ends[i] - from;
        put_tag(set, ITEM);
        put_u32(set, (uint32_t)(len + len % 2));
        buf_span(&set->bytes, span_part(frames, from, len));
        if (len % 2)
            buf_byte(&set->bytes, 0);
    }
    put_tag(set, SEQUENCE_END);
    put_u32(set, 0);
}

/* ------------------------------------------------------------------ files */

void synth_dicom_file(const struct synth_set *set, const char *sop_class,
                      const char *instance, struct buf *out)
{
    enum { PREAMBLE = 128, IMPLEMENTATION_CLASS = 0x00020012, VERSION = 0x00020001 };
    static const uint8_t preamble[PREAMBLE];
    struct synth_set meta =
        synth_set_init(set->facility, DICOM_EXPLICIT_LITTLE, META_BYTES);
    synth_set_put(&meta, VERSION, "OB", span_of("\0\1", 2));
    synth_set_text(&meta, DICOM_MEDIA_SOP_CLASS, "UI", "%s", sop_class);
    synth_set_text(&meta, DICOM_MEDIA_SOP_INSTANCE, "UI", "%s", instance);
    synth_set_text(&meta, DICOM_TRANSFER_SYNTAX, "UI", "%s",
                   dicom_syntax_uid(set->syntax));
    synth_set_text(&meta, IMPLEMENTATION_CLASS, "UI", "2.25.7083817610");
    struct synth_set length = synth_set_init(set->facility, DICOM_EXPLICIT_LITTLE, 64);
    synth_set_uint(&length, META_LENGTH, "UL", (uint32_t)meta.bytes.len);
    buf_put(out, preamble, sizeof preamble);
    buf_cstr(out, "DICM");
    buf_span(out, buf_view(&length.bytes));
    buf_span(out, buf_view(&meta.bytes));
    buf_span(out, buf_view(&set->bytes));
    synth_set_free(&meta);
    synth_set_free(&length);
}

struct synth_uid synth_dicom_uid(const struct synth *synth, const char *parent,
                                 unsigned series, unsigned instance)
{
    enum { PURPOSE_UID = 71 };
    /* Two numbers below 10^19 in a row stay below 2^128 (X.667). */
    const uint64_t limit = 10000000000000000000U;
    uint64_t mixed = 0xCBF29CE484222325U;
    for (const char *one = parent; *one; one++)
        mixed = (mixed ^ (uint8_t)*one) * 0x100000001B3U;
    struct rand_seeded dice =
        synth_dice(synth->seed ^ mixed, PURPOSE_UID, (uint64_t)series << 32 | instance);
    struct synth_uid uid;
    unsigned long long high = rand_seeded_below(&dice, limit - 1) + 1;
    unsigned long long low = rand_seeded_below(&dice, limit);
    snprintf(uid.at, sizeof uid.at, "2.25.%llu%019llu", high, low);
    return uid;
}

/* ------------------------------------------------------------------ Latin letters */

static const char *const SYLLABLES[] = {
    "ァ", "A",  "ア", "A",   "ィ", "I",  "イ", "I",  "ゥ", "U",   "ウ", "U",  "ェ", "E",
    "エ", "E",  "ォ", "O",   "オ", "O",  "カ", "KA", "ガ", "GA",  "キ", "KI", "ギ", "GI",
    "ク", "KU", "グ", "GU",  "ケ", "KE", "ゲ", "GE", "コ", "KO",  "ゴ", "GO", "サ", "SA",
    "ザ", "ZA", "シ", "SHI", "ジ", "JI", "ス", "SU", "ズ", "ZU",  "セ", "SE", "ゼ", "ZE",
    "ソ", "SO", "ゾ", "ZO",  "タ", "TA", "ダ", "DA", "チ", "CHI", "ヂ", "JI", "ツ", "TSU",
    "ヅ", "ZU", "テ", "TE",  "デ", "DE", "ト", "TO", "ド", "DO",  "ナ", "NA", "ニ", "NI",
    "ヌ", "NU", "ネ", "NE",  "ノ", "NO", "ハ", "HA", "バ", "BA",  "パ", "PA", "ヒ", "HI",
    "ビ", "BI", "ピ", "PI",  "フ", "FU", "ブ", "BU", "プ", "PU",  "ヘ", "HE", "ベ", "BE",
    "ペ", "PE", "ホ", "HO",  "ボ", "BO", "ポ", "PO", "マ", "MA",  "ミ", "MI", "ム", "MU",
    "メ", "ME", "モ", "MO",  "ャ", "YA", "ヤ", "YA", "ュ", "YU",  "ユ", "YU", "ョ", "YO",
    "ヨ", "YO", "ラ", "RA",  "リ", "RI", "ル", "RU", "レ", "RE",  "ロ", "RO", "ワ", "WA",
    "ヲ", "O",  "ン", "N",   "ヴ", "VU", "ー", ""};

static const char *letters_of(const char *kana)
{
    enum { KANA_BYTES = 3 };
    for (size_t i = 0; i < sizeof SYLLABLES / sizeof *SYLLABLES; i += 2)
        if (strncmp(SYLLABLES[i], kana, KANA_BYTES) == 0)
            return SYLLABLES[i + 1];
    return "";
}

/* キャ KYA, シャ SHA, ティ TI, ヴィ VI: the small kana replaces the vowel. */
static void join_small(struct buf *out, const char *small)
{
    const char *letters = letters_of(small);
    bool is_y = letters[0] == 'Y';
    if (out->len > 1)
        out->len--;
    bool is_soft =
        out->len > 1 && (out->at[out->len - 1] == 'H' || out->at[out->len - 1] == 'J');
    buf_cstr(out, is_y && is_soft ? letters + 1 : letters);
}

void synth_romanize(const char *kana, struct buf *out)
{
    enum { KANA_BYTES = 3 };
    bool is_doubled = false;
    for (; strlen(kana) >= KANA_BYTES; kana += KANA_BYTES) {
        if (strncmp(kana, "ッ", KANA_BYTES) == 0) {
            is_doubled = true;
            continue;
        }
        bool is_small = false;
        static const char *const smalls[] = {"ァ", "ィ", "ェ", "ォ", "ャ", "ュ", "ョ"};
        for (size_t i = 0; i < sizeof smalls / sizeof *smalls; i++)
            is_small |= strncmp(kana, smalls[i], KANA_BYTES) == 0;
        if (is_small) {
            join_small(out, kana);
            continue;
        }
        const char *letters = letters_of(kana);
        if (is_doubled && letters[0])
            buf_byte(out, letters[0] == 'C' ? 'T' : (uint8_t)letters[0]);
        is_doubled = false;
        buf_cstr(out, letters);
    }
}
