// SPDX-License-Identifier: Apache-2.0
#include "formats/codec/codec_jpeg.h"

enum {
    SOF0 = 0xC0,
    SOF1 = 0xC1,
    SOF3 = 0xC3,
    DHT = 0xC4,
    JPG = 0xC8,
    DAC = 0xCC,
    RST0 = 0xD0,
    RST7 = 0xD7,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DRI = 0xDD,
    APP0 = 0xE0,
    APP14 = 0xEE,
};

static bool broken(struct err *err, const struct codec_jpeg *jpeg, const char *clause)
{
    return err_at(err, ERR_SYNTAX, "codec_jpeg_segment", jpeg->at, clause);
}

/* ------------------------------------------------------------------------- segments */

static bool read_frame(struct codec_jpeg *jpeg, unsigned marker, struct span body,
                       struct err *err)
{
    if (jpeg->frame_marker != 0 || body.len < 6)
        return broken(err, jpeg, "T.81 B.2.2");
    unsigned count = body.at[5];
    if (count < 1 || count > CODEC_JPEG_COMPONENTS_MAX || body.len < 6 + count * 3)
        return broken(err, jpeg, "T.81 B.2.2");
    jpeg->frame_marker = marker;
    jpeg->precision = body.at[0];
    jpeg->rows = (uint32_t)(body.at[1] << 8 | body.at[2]);
    jpeg->columns = (uint32_t)(body.at[3] << 8 | body.at[4]);
    jpeg->component_count = count;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at = body.at + 6 + i * 3;
        struct codec_jpeg_component one = {at[0], at[1] >> 4, at[1] & 15, at[2]};
        if (one.horizontal < 1 || one.horizontal > 4 || one.vertical < 1 ||
            one.vertical > 4 || one.quantization > 3)
            return broken(err, jpeg, "T.81 B.2.2");
        jpeg->components[i] = one;
    }
    return true;
}

static bool read_tables(struct codec_jpeg *jpeg, struct span body, struct err *err)
{
    while (body.len > 0) {
        unsigned kind = body.at[0] >> 4;
        unsigned slot = body.at[0] & 15;
        unsigned total = 0;
        if (body.len < 17 || kind > 1 || slot > 3)
            return broken(err, jpeg, "T.81 B.2.4.2");
        struct codec_huffman_spec *spec = &jpeg->tables[kind][slot];
        memset(spec, 0, sizeof *spec);
        for (unsigned i = 1; i <= 16; i++) {
            spec->counts[i] = body.at[i];
            total += body.at[i];
        }
        if (total > 256 || body.len - 17 < total)
            return broken(err, jpeg, "T.81 B.2.4.2");
        memcpy(spec->symbols, body.at + 17, total);
        spec->is_set = true;
        body = span_part(body, 17 + total, body.len);
    }
    return true;
}

static bool read_quantization(struct codec_jpeg *jpeg, struct span body, struct err *err)
{
    while (body.len > 0) {
        unsigned size = body.at[0] >> 4 ? 2 : 1;
        unsigned slot = body.at[0] & 15;
        if (body.at[0] >> 4 > 1 || slot > 3 || body.len < 1 + 64 * size)
            return broken(err, jpeg, "T.81 B.2.4.1");
        for (size_t i = 0; i < 64; i++) {
            const uint8_t *at = body.at + 1 + i * size;
            jpeg->quantization[slot][i] =
                (uint16_t)(size == 2 ? at[0] << 8 | at[1] : at[0]);
        }
        jpeg->has_quantization[slot] = true;
        body = span_part(body, 1 + 64 * size, body.len);
    }
    return true;
}

static bool find_component(const struct codec_jpeg *jpeg, uint8_t id, uint8_t *index)
{
    for (unsigned i = 0; i < jpeg->component_count; i++)
        if (jpeg->components[i].id == id) {
            *index = (uint8_t)i;
            return true;
        }
    return false;
}

static bool read_scan(struct codec_jpeg *jpeg, struct span body, struct err *err)
{
    unsigned count = body.len > 0 ? body.at[0] : 0;
    unsigned seen = 0;
    if (jpeg->frame_marker == 0 || count < 1 || count > jpeg->component_count ||
        body.len < 4 + count * 2)
        return broken(err, jpeg, "T.81 B.2.3");
    jpeg->scan_count = count;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at = body.at + 1 + i * 2;
        jpeg->scan_dc[i] = at[1] >> 4;
        jpeg->scan_ac[i] = at[1] & 15;
        if (!find_component(jpeg, at[0], &jpeg->scan_component[i]) ||
            seen & 1U << jpeg->scan_component[i] || jpeg->scan_dc[i] > 3 ||
            jpeg->scan_ac[i] > 3)
            return broken(err, jpeg, "T.81 B.2.3");
        seen |= 1U << jpeg->scan_component[i];
    }
    const uint8_t *at = body.at + 1 + count * 2;
    jpeg->first = at[0];
    jpeg->last = at[1];
    jpeg->approximation = at[2];
    return true;
}

static void read_application(struct codec_jpeg *jpeg, unsigned marker, struct span body)
{
    if (marker == APP0 && body.len >= 5 && memcmp(body.at, "JFIF", 5) == 0)
        jpeg->is_jfif = true;
    if (marker == APP14 && body.len >= 12 && memcmp(body.at, "Adobe", 5) == 0)
        jpeg->adobe_transform = body.at[11];
}

static bool is_frame(unsigned marker)
{
    return marker >= SOF0 && marker <= 0xCF && marker != DHT && marker != JPG &&
           marker != DAC;
}

static bool read_segment(struct codec_jpeg *jpeg, unsigned marker, struct span body,
                         struct err *err)
{
    if (is_frame(marker))
        return read_frame(jpeg, marker, body, err);
    switch (marker) {
    case DHT:
        return read_tables(jpeg, body, err);
    case DQT:
        return read_quantization(jpeg, body, err);
    case DRI:
        if (body.len < 2)
            return broken(err, jpeg, "T.81 B.2.4.4");
        jpeg->restart_interval = (uint32_t)(body.at[0] << 8 | body.at[1]);
        return true;
    case SOS:
        return read_scan(jpeg, body, err);
    default:
        read_application(jpeg, marker, body);
        return true;
    }
}

/* The next marker with a segment; what stands before it is passed over. 0 = the end. */
static unsigned find_marker(struct codec_jpeg *jpeg)
{
    while (jpeg->at + 1 < jpeg->bytes.len) {
        const uint8_t *at = jpeg->bytes.at + jpeg->at;
        const uint8_t *found = memchr(at, 0xFF, jpeg->bytes.len - jpeg->at - 1);
        if (!found)
            return 0;
        jpeg->at = (size_t)(found - jpeg->bytes.at) + 1;
        unsigned marker = found[1];
        bool has_segment = marker >= SOF0 && marker < 0xFF && marker != SOI &&
                           !(marker >= RST0 && marker <= RST7);
        if (marker == EOI)
            return 0;
        if (has_segment) {
            jpeg->at++;
            return marker;
        }
    }
    return 0;
}

/* One segment; *marker = 0 at the end. */
static bool take_segment(struct codec_jpeg *jpeg, unsigned *marker, struct err *err)
{
    *marker = find_marker(jpeg);
    if (*marker == 0)
        return true;
    struct span left = span_part(jpeg->bytes, jpeg->at, jpeg->bytes.len);
    size_t len = left.len >= 2 ? (size_t)(left.at[0] << 8 | left.at[1]) : 0;
    if (len < 2 || len > left.len)
        return broken(err, jpeg, "T.81 B.1.1.4");
    if (is_frame(*marker))
        jpeg->frame_at = jpeg->at;
    if (!read_segment(jpeg, *marker, span_of(left.at + 2, len - 2), err))
        return false;
    jpeg->at += len;
    return true;
}

bool codec_jpeg_open(struct span bytes, struct codec_jpeg *jpeg, struct err *err)
{
    unsigned marker = SOI;
    memset(jpeg, 0, sizeof *jpeg);
    jpeg->bytes = bytes;
    jpeg->adobe_transform = -1;
    if (bytes.len < 4 || bytes.at[0] != 0xFF || bytes.at[1] != SOI)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_start", 0, "T.81 B.2.1");
    jpeg->at = 2;
    while (jpeg->frame_marker == 0) {
        if (!take_segment(jpeg, &marker, err))
            return false;
        if (marker == 0)
            return broken(err, jpeg, "T.81 B.2.1");
    }
    return true;
}

bool codec_jpeg_next(struct codec_jpeg *jpeg, bool *is_scan, struct err *err)
{
    unsigned marker = SOI;
    *is_scan = false;
    while (marker != 0 && !*is_scan) {
        if (!take_segment(jpeg, &marker, err))
            return false;
        *is_scan = marker == SOS;
    }
    return true;
}

bool codec_jpeg_is_ybr(const struct codec_jpeg *jpeg, enum codec_photometric photometric)
{
    const struct codec_jpeg_component *by = jpeg->components;
    if (jpeg->component_count != 3 || jpeg->adobe_transform == 0)
        return false;
    if (jpeg->adobe_transform == 1)
        return true;
    if (by[0].id == 'R' && by[1].id == 'G' && by[2].id == 'B')
        return false;
    /* who subsamples two of three has chroma there, whatever the labels are */
    return jpeg->is_jfif || photometric != CODEC_RGB ||
           by[0].horizontal * by[0].vertical > by[1].horizontal * by[1].vertical;
}

bool codec_jpeg_fits(const struct codec_jpeg *jpeg, const struct codec_shape *shape,
                     struct err *err)
{
    if (jpeg->columns != shape->columns || jpeg->rows != shape->rows ||
        jpeg->component_count != shape->samples)
        return err_at(err, ERR_SYNTAX, "codec_dimensions", jpeg->frame_at, "PS3.5 8.2");
    unsigned room = shape->bits_allocated < 16 ? shape->bits_allocated : 16;
    if (jpeg->precision < 2 || jpeg->precision > room)
        return err_at(err, ERR_SYNTAX, "codec_precision", jpeg->frame_at, "PS3.5 8.2");
    return true;
}

bool codec_decode_jpeg(const struct codec_job *job, struct err *err)
{
    struct codec_jpeg jpeg;
    if (!codec_jpeg_open(job->encoded, &jpeg, err) ||
        !codec_jpeg_fits(&jpeg, job->shape, err))
        return false;
    switch (jpeg.frame_marker) {
    case SOF0:
    case SOF1:
        job->frame->is_lossy = true;
        return jpeg.precision == 8 ? codec_decode_baseline(job, &jpeg, err)
                                   : codec_decode_extended(job, &jpeg, err);
    case SOF3:
        return codec_decode_lossless(job, &jpeg, err);
    default:
        return err_set(err, ERR_REFUSED, "codec_unsupported",
                       "JPEG of process SOF%u is not decoded", jpeg.frame_marker & 15);
    }
}

/* ------------------------------------------------------------------------- Huffman */

static uint32_t look_entry(uint32_t index, unsigned length, unsigned symbol,
                           bool has_differences)
{
    unsigned size = symbol;
    bool is_inside = has_differences && symbol <= 16 &&
                     length + (size < 16 ? size : 0) <= CODEC_HUFFMAN_BITS;
    if (!is_inside)
        return length << 16 | symbol << 8;
    if (size == 16) /* H.1.2.2: half of all, without bits of its own */
        return 0x8000U << 16 | 16 << 8 | length;
    unsigned bits =
        size == 0 ? 0
                  : index >> (CODEC_HUFFMAN_BITS - length - size) & ((1U << size) - 1);
    int difference = codec_extend(bits, size);
    return (uint32_t)(uint16_t)difference << 16 | symbol << 8 | (length + size);
}

bool codec_huffman_build(const struct codec_huffman_spec *spec, bool has_differences,
                         struct codec_huffman *table, struct err *err)
{
    uint32_t code = 0; /* as 16 bits from the top */
    unsigned next = 0;
    if (!spec->is_set)
        return err_set(err, ERR_SYNTAX, "codec_jpeg_huffman", "a table is missing");
    memset(table, 0, sizeof *table);
    memcpy(table->symbols, spec->symbols, sizeof table->symbols);
    for (unsigned length = 1; length <= 16; length++) {
        uint32_t step = 1U << (16 - length);
        table->offsets[length] = (int32_t)next - (int32_t)(code >> (16 - length));
        for (unsigned i = 0; i < spec->counts[length]; i++, next++, code += step) {
            unsigned symbol = spec->symbols[next];
            if (code + step > 0x10000 || (has_differences && symbol > 16))
                return err_set(err, ERR_SYNTAX, "codec_jpeg_huffman",
                               "a table that cannot be");
            uint32_t from = code >> (16 - CODEC_HUFFMAN_BITS);
            uint32_t to = (code + step) >> (16 - CODEC_HUFFMAN_BITS);
            for (uint32_t k = from; length <= CODEC_HUFFMAN_BITS && k < to; k++)
                table->look[k] = look_entry(k, length, symbol, has_differences);
        }
        table->ends[length] = code;
    }
    return true;
}

unsigned codec_huffman_search(const struct codec_huffman *table, struct codec_bits *bits)
{
    uint32_t top = (uint32_t)(bits->word >> 48);
    for (unsigned length = CODEC_HUFFMAN_BITS + 1; length <= 16; length++)
        if (top < table->ends[length]) {
            int32_t code = (int32_t)(top >> (16 - length));
            bits->word <<= length;
            bits->count -= length;
            return table->symbols[(code + table->offsets[length]) & 255];
        }
    bits->is_broken = true;
    return 0;
}

/* ------------------------------------------------------------------------- bits */

struct codec_bits codec_bits_open(struct codec_jpeg *jpeg, uint8_t *room)
{
    uint8_t *to = room;
    const uint8_t *at = jpeg->bytes.at + jpeg->at;
    const uint8_t *end = jpeg->bytes.at + jpeg->bytes.len;
    while (at < end) {
        const uint8_t *found = memchr(at, 0xFF, (size_t)(end - at));
        size_t len = (size_t)((found ? found : end) - at);
        memcpy(to, at, len);
        to += len;
        at += len;
        if (!found || end - at < 2 || at[1] != 0)
            break;
        *to++ = 0xFF;
        at += 2;
    }
    memset(to, 0, CODEC_BITS_SLACK);
    jpeg->at = (size_t)(at - jpeg->bytes.at);
    return (struct codec_bits){.at = room, .start = room, .end = to};
}

bool codec_jpeg_restarts(struct codec_jpeg *jpeg)
{
    size_t at = jpeg->at;
    while (at + 1 < jpeg->bytes.len && jpeg->bytes.at[at] == 0xFF &&
           jpeg->bytes.at[at + 1] == 0xFF)
        at++;
    if (at + 1 >= jpeg->bytes.len || jpeg->bytes.at[at] != 0xFF ||
        jpeg->bytes.at[at + 1] < RST0 || jpeg->bytes.at[at + 1] > RST7)
        return false;
    jpeg->at = at + 2;
    return true;
}
