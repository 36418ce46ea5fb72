// SPDX-License-Identifier: Apache-2.0
/* Numbers, texts, and the definitions that say how samples are to be read. */
#include <endian.h>

#include "formats/charset/charset.h"
#include "formats/mfer/mfer_reader.h"

enum { TEXT_BYTES_MAX = 1 << 16, POWER_MAX = 22, LEAD_TEXT_AT = 2 };

uint32_t mfer_part(const struct mfer_reader *reader, struct span value, size_t from,
                   size_t len)
{
    uint32_t number = 0;
    struct span part = span_part(value, from, len);
    for (size_t i = 0; i < part.len; i++) {
        size_t at = reader->is_little_endian ? part.len - 1 - i : i;
        number = number << 8 | part.at[at];
    }
    return number;
}

bool mfer_unsigned(const struct mfer_reader *reader, struct span value, uint32_t *number)
{
    if (value.len < 1 || value.len > 4)
        return false;
    *number = mfer_part(reader, value, 0, value.len);
    return true;
}

bool mfer_signed(const struct mfer_reader *reader, struct span value, int32_t *number)
{
    uint32_t bits = 0;
    if (!mfer_unsigned(reader, value, &bits))
        return false;
    unsigned unused = 32 - 8 * (unsigned)value.len;
    *number = (int32_t)(bits << unused) >> unused;
    return true;
}

/* ------------------------------------------------------------------ texts */

static const struct {
    const char *name;
    enum charset charset;
    enum charset_set right; /* what bytes from A0 on are; NONE: the set's own */
} charsets[] = {
    {"", CHARSET_ASCII, CHARSET_SET_NONE},
    {"ASCII", CHARSET_ASCII, CHARSET_SET_NONE},
    {"ANSIX3.4", CHARSET_ASCII, CHARSET_SET_NONE},
    {"ISO646", CHARSET_ASCII, CHARSET_SET_NONE},
    {"ISO8859", CHARSET_LATIN1, CHARSET_SET_NONE},
    {"ISO88591", CHARSET_LATIN1, CHARSET_SET_NONE},
    {"ISOIR100", CHARSET_LATIN1, CHARSET_SET_NONE},
    {"ISO88592", CHARSET_ASCII, CHARSET_SET_LATIN2},
    {"ISO88593", CHARSET_ASCII, CHARSET_SET_LATIN3},
    {"ISO88594", CHARSET_ASCII, CHARSET_SET_LATIN4},
    {"ISO88595", CHARSET_ASCII, CHARSET_SET_CYRILLIC},
    {"ISO88596", CHARSET_ASCII, CHARSET_SET_ARABIC},
    {"ISO88597", CHARSET_ASCII, CHARSET_SET_GREEK},
    {"ISO88598", CHARSET_ASCII, CHARSET_SET_HEBREW},
    {"ISO88599", CHARSET_ASCII, CHARSET_SET_LATIN5},
    {"UTF8", CHARSET_UTF8, CHARSET_SET_NONE},
    {"JISX0201", CHARSET_CP932, CHARSET_SET_NONE},
    {"JISX0208", CHARSET_ISO2022JP, CHARSET_SET_NONE},
    {"JISX0212", CHARSET_ISO2022JP, CHARSET_SET_NONE},
    {"RFC1468", CHARSET_ISO2022JP, CHARSET_SET_NONE},
    {"ISO2022", CHARSET_ISO2022JP, CHARSET_SET_NONE},
    {"ISO2022JP", CHARSET_ISO2022JP, CHARSET_SET_NONE},
};

/* Unknown names and high bytes in ASCII: as UTF-8 if they are valid, else CP932. */
static enum charset guess(struct span value)
{
    struct err ignored = {0};
    struct text text = {0};
    return text_from_utf8(value, &text, &ignored) ? CHARSET_UTF8 : CHARSET_CP932;
}

static bool has_high_byte(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] >= 0x80)
            return true;
    return false;
}

/* What the words in force say of these bytes. */
struct reading {
    enum charset charset;
    enum charset_set right;
};

static struct reading reading_of(struct mfer_reader *reader, struct span value,
                                 size_t offset)
{
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
        if (!text_is(reader->charset, charsets[i].name))
            continue;
        struct reading reading = {charsets[i].charset, charsets[i].right};
        if (reading.charset != CHARSET_ASCII || reading.right != CHARSET_SET_NONE ||
            !has_high_byte(value))
            return reading;
        mfer_find(reader, "charset_misdeclared", offset,
                  TEXT("ASCIIと宣言された項目にASCIIでない文字があります"));
        return (struct reading){guess(value), CHARSET_SET_NONE};
    }
    mfer_find(reader, "mfer_charset_unknown", offset,
              TEXT("文字コードの名前（TXC）が知られていないものです"));
    return (struct reading){guess(value), CHARSET_SET_NONE};
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && text.at[text.len - 1] == ' ')
        text.len--;
    return text;
}

/* UTF-16LE (RFC 2781); a lone surrogate becomes U+FFFD. */
static struct text text_of_utf16(struct mfer_reader *reader, struct span value)
{
    char *out = arena_take(reader->arena, value.len / 2 + 1, 4, reader->err);
    size_t len = 0;
    if (!out)
        return (struct text){0};
    for (size_t i = 0; i + 1 < value.len; i += 2) {
        uint32_t unit = (uint32_t)(value.at[i] | value.at[i + 1] << 8);
        if (unit == 0)
            break;
        bool is_high = unit >= 0xD800 && unit < 0xDC00 && i + 3 < value.len;
        uint32_t low = is_high ? (uint32_t)(value.at[i + 2] | value.at[i + 3] << 8) : 0;
        if (is_high && low >= 0xDC00 && low < 0xE000) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        size_t taken = text_encode(unit, out + len);
        len += taken > 0 ? taken : text_encode(0xFFFD, out + len);
    }
    return trimmed((struct text){out, len});
}

/* ISO 8859-2 to -9: ASCII and a right half; what is no character becomes U+FFFD. */
static struct text text_of_iso8859(struct mfer_reader *reader, struct span value,
                                   enum charset_set right, unsigned *findings,
                                   size_t *first_bad)
{
    enum { RIGHT_FROM = 0xA0, UNREADABLE = 0xFFFD };
    char *out = arena_take(reader->arena, value.len + 1, 3, reader->err);
    size_t len = 0;
    for (size_t i = 0; out && i < value.len; i++) {
        uint8_t byte = value.at[i];
        uint32_t code_point = byte;
        if (byte >= RIGHT_FROM)
            code_point = charset_set_code_point(right, byte & 0x7F, 0);
        if (code_point == 0 || (byte >= 0x80 && byte < RIGHT_FROM)) {
            code_point = UNREADABLE;
            *first_bad = *findings & CHARSET_BAD_BYTES ? *first_bad : i;
            *findings |= CHARSET_BAD_BYTES;
        }
        len += text_encode(code_point, out + len);
    }
    return (struct text){out, out ? len : 0};
}

struct text mfer_text(struct mfer_reader *reader, struct span value, size_t offset)
{
    struct text text = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    if (value.len > TEXT_BYTES_MAX) {
        mfer_find(reader, "mfer_text_long", offset,
                  TEXT("文字列が長すぎるため切りました"));
        value.len = TEXT_BYTES_MAX;
    }
    if (!mfer_is_good(reader))
        return text;
    if (text_is(reader->charset, "UTF16LE"))
        return text_of_utf16(reader, value);
    const uint8_t *nul = value.len > 0 ? memchr(value.at, 0, value.len) : NULL;
    if (nul)
        value.len = (size_t)(nul - value.at);
    struct reading reading = reading_of(reader, value, offset);
    if (!mfer_is_good(reader))
        return (struct text){0};
    if (reading.right != CHARSET_SET_NONE)
        text = text_of_iso8859(reader, value, reading.right, &findings, &first_bad);
    else if (!charset_decode(reading.charset, value, reader->arena, &text, &findings,
                             &first_bad, reader->err))
        return (struct text){0};
    if (findings & CHARSET_BAD_BYTES)
        mfer_find(reader, "charset_replaced", offset + first_bad,
                  TEXT("読めない文字を置き換えました"));
    return trimmed(text);
}

/* ------------------------------------------------------------------ definitions */

/* Powers of ten up to 22 are exact, so one division or multiplication rounds once and
 * gives what the same decimal in a program's text gives. */
static double times_power(double number, int exponent)
{
    int size = exponent < 0 ? -exponent : exponent;
    double power = 1;
    if (size > POWER_MAX)
        return number * pow(10, exponent);
    for (int i = 0; i < size; i++)
        power *= 10;
    return exponent < 0 ? number / power : number * power;
}

struct mfer_words *mfer_words_of(struct mfer_reader *reader, uint32_t channel)
{
    if (channel == MFER_NO_CHANNEL)
        return &reader->parent;
    if (channel >= MFER_CHANNELS_MAX)
        return NULL;
    if (channel < reader->channel_words)
        return &reader->channels[channel];
    size_t needed = (size_t)channel + 1;
    struct mfer_words *words =
        arena_grow(reader->arena, reader->channels, reader->channel_words, needed,
                   sizeof *reader->channels, &reader->channel_room, reader->err);
    if (!words)
        return NULL;
    reader->channels = words;
    memset(&words[reader->channel_words], 0,
           (needed - reader->channel_words) * sizeof *words);
    reader->channel_words = needed;
    return &words[channel];
}

static void find_length(struct mfer_reader *reader, const struct mfer_item *item)
{
    mfer_find(reader, "mfer_value_length", item->offset,
              TEXT("項目の長さが規格と違うため読み飛ばしました"));
}

/* A code of one or two bytes, and a text behind two. */
static bool take_code(struct mfer_reader *reader, const struct mfer_item *item,
                      uint32_t *code, struct text *text)
{
    *code = mfer_part(reader, item->value, 0, LEAD_TEXT_AT);
    *text = (struct text){0};
    if (item->value.len > LEAD_TEXT_AT)
        *text = mfer_text(
            reader, span_part(item->value, LEAD_TEXT_AT, item->value.len - LEAD_TEXT_AT),
            item->offset);
    return mfer_is_good(reader);
}

/* Unit, exponent, mantissa. */
struct scaled {
    uint8_t unit;
    int exponent;
    int32_t mantissa;
};

static bool take_scaled(struct mfer_reader *reader, const struct mfer_item *item,
                        struct scaled *scaled)
{
    enum { MANTISSA_AT = 2 };
    struct span mantissa =
        span_part(item->value, MANTISSA_AT, item->value.len - MANTISSA_AT);
    if (item->value.len <= MANTISSA_AT ||
        !mfer_signed(reader, mantissa, &scaled->mantissa)) {
        find_length(reader, item);
        return false;
    }
    scaled->unit = item->value.at[0];
    scaled->exponent = (int8_t)item->value.at[1];
    return true;
}

static void take_interval(struct mfer_reader *reader, const struct mfer_item *item,
                          struct mfer_words *words)
{
    enum { HERTZ, SECONDS, METRES };
    struct scaled scaled = {0};
    if (!take_scaled(reader, item, &scaled))
        return;
    double rate = 0;
    if (scaled.mantissa > 0 && scaled.unit == HERTZ)
        rate = times_power(scaled.mantissa, scaled.exponent);
    else if (scaled.mantissa > 0 && scaled.unit == SECONDS)
        rate = times_power(1, -scaled.exponent) / scaled.mantissa;
    words->has |= MFER_HAS_IVL;
    words->rate_hz = rate > 1e-9 && rate < 1e9 ? rate : 0;
    if (words->rate_hz <= 0 && scaled.unit != METRES)
        mfer_find(
            reader, "mfer_interval_unknown", item->offset,
            TEXT("サンプリング間隔（IVL）が時間として読めません。時間軸を示しません"));
}

static void take_sensitivity(struct mfer_reader *reader, const struct mfer_item *item,
                             struct mfer_words *words)
{
    struct scaled scaled = {0};
    if (!take_scaled(reader, item, &scaled))
        return;
    words->has |= MFER_HAS_SEN;
    words->sen_unit = scaled.unit;
    words->sen = times_power(scaled.mantissa, scaled.exponent);
    bool is_usable = scaled.mantissa != 0 && isfinite(words->sen) &&
                     fabs(words->sen) > 0 && mfer_unit(scaled.unit).len > 0;
    if (is_usable)
        return;
    words->sen = 0;
    mfer_find(reader, "mfer_sensitivity_unknown", item->offset,
              TEXT("感度（SEN）の単位か値が読めません。値をそのまま示します"));
}

/* The same kind of filter (what stands before "=") is said anew, another one besides. */
static void take_filter(struct mfer_reader *reader, const struct mfer_item *item,
                        struct mfer_words *words)
{
    struct text text = mfer_text(reader, item->value, item->offset);
    struct span kind = {0};
    struct span rest = text_span(text);
    if (text.len == 0 || !span_take(&rest, '=', &kind))
        return;
    for (size_t i = 0; i < MFER_FILTERS_MAX; i++) {
        struct span old = {0};
        struct span old_rest = text_span(words->filters[i]);
        bool is_free = words->filters[i].len == 0;
        if (!is_free && (!span_take(&old_rest, '=', &old) || !span_equal(old, kind)))
            continue;
        words->filters[i] = text;
        return;
    }
}

static void reset(struct mfer_words *words, uint8_t tag)
{
    static const struct {
        uint8_t tag;
        unsigned bit;
    } bits[] = {
        {MFER_BLK, MFER_HAS_BLK}, {MFER_SEQ, MFER_HAS_SEQ}, {MFER_WFM, MFER_HAS_WFM},
        {MFER_LDN, MFER_HAS_LDN}, {MFER_DTP, MFER_HAS_DTP}, {MFER_IVL, MFER_HAS_IVL},
        {MFER_SEN, MFER_HAS_SEN}, {MFER_OFF, MFER_HAS_OFF}, {MFER_NUL, MFER_HAS_NUL},
    };
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (bits[i].tag == tag)
            words->has &= ~bits[i].bit;
    if (tag == MFER_FLT)
        memset(words->filters, 0, sizeof words->filters);
}

static void take_count(struct mfer_reader *reader, const struct mfer_item *item,
                       struct mfer_words *words)
{
    uint32_t number = 0;
    if (!mfer_unsigned(reader, item->value, &number)) {
        find_length(reader, item);
        return;
    }
    if (item->tag == MFER_BLK) {
        words->has |= MFER_HAS_BLK;
        words->blk = number;
    } else if (item->tag == MFER_SEQ) {
        /* None at all says nothing: the data's length decides. */
        words->has =
            number > 0 ? words->has | MFER_HAS_SEQ : words->has & ~(unsigned)MFER_HAS_SEQ;
        words->seq = number;
    } else {
        words->has |= MFER_HAS_DTP;
        words->dtp = number;
    }
}

static void take_raw(struct mfer_reader *reader, const struct mfer_item *item,
                     struct mfer_words *words)
{
    struct mfer_raw raw = {item->value, reader->is_little_endian};
    if (item->tag == MFER_OFF) {
        words->has |= MFER_HAS_OFF;
        words->off = raw;
    } else {
        words->has |= MFER_HAS_NUL;
        words->nul = raw;
    }
}

void mfer_define(struct mfer_reader *reader, const struct mfer_item *item)
{
    struct mfer_words *words = mfer_words_of(reader, item->channel);
    if (!words)
        return;
    reader->is_changed = true;
    if (item->value.len == 0) {
        reset(words, item->tag);
        return;
    }
    switch (item->tag) {
    case MFER_WFM:
        if (take_code(reader, item, &words->wfm, &words->wfm_text))
            words->has |= MFER_HAS_WFM;
        break;
    case MFER_LDN:
        if (take_code(reader, item, &words->ldn, &words->ldn_text))
            words->has |= MFER_HAS_LDN;
        break;
    case MFER_IVL:
        take_interval(reader, item, words);
        break;
    case MFER_SEN:
        take_sensitivity(reader, item, words);
        break;
    case MFER_FLT:
        take_filter(reader, item, words);
        break;
    case MFER_OFF:
    case MFER_NUL:
        take_raw(reader, item, words);
        break;
    default:
        take_count(reader, item, words);
        break;
    }
}

double mfer_interval_ms(const struct mfer_reader *reader)
{
    enum { DEFAULT_HZ = 1000 };
    double rate = reader->parent.has & MFER_HAS_IVL ? reader->parent.rate_hz : DEFAULT_HZ;
    return rate > 0 ? 1000 / rate : 0;
}
