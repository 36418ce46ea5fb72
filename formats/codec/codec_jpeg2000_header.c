// SPDX-License-Identifier: Apache-2.0
#include "formats/codec/codec_jpeg2000.h"

enum {
    TILES_MAX = 4096, /* the library takes some kB for each */
    RESOLUTIONS_MAX = 33,
    /* The library takes up to 1 kB for each; 16M pixels in the smallest code-blocks there
     * are, 500M in precincts of 64 × 64. */
    PRECINCTS_MAX = 1 << 17,
    BLOCKS_MAX = 1 << 20,
    PACKETS_MAX = 1 << 21, /* it looks for so many in a third of a second */
    ENTRIES_MAX = 1 << 24, /* and notes of 2 bytes which it found */
    SOT_BYTES = 12,
};

/* A.2. CAP and CPF are of part 15, MCT to CBD of part 2. */
enum marker {
    SOC = 0xFF4F,
    CAP = 0xFF50,
    SIZ = 0xFF51,
    COD = 0xFF52,
    COC = 0xFF53,
    TLM = 0xFF55,
    PLM = 0xFF57,
    PLT = 0xFF58,
    CPF = 0xFF59,
    QCD = 0xFF5C,
    QCC = 0xFF5D,
    RGN = 0xFF5E,
    POC = 0xFF5F,
    PPM = 0xFF60,
    PPT = 0xFF61,
    CRG = 0xFF63,
    COM = 0xFF64,
    MCT = 0xFF74,
    MCC = 0xFF75,
    MCO = 0xFF77,
    CBD = 0xFF78,
    SEGMENTS_END = 0xFF80,
    SOT = 0xFF90,
    SOD = 0xFF93,
};

static const uint8_t box_signature[] = {0,   0,   0,    12,   'j',  'P',
                                        ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A};

struct walk {
    struct codec_jpeg_2000 *stream;
    unsigned samples;
    uint64_t left, top, right, bottom, tiles;
    /* the most that any coding style says: a tile-part may have its own */
    uint64_t layers, resolutions, precincts, precincts_of_one;
    bool has_style;
    size_t at; /* of the segment that is read */
};

static unsigned big16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)big16(at) << 16 | big16(at + 2);
}

static bool refuse(struct err *err, size_t at, const char *clause)
{
    return err_at(err, ERR_SYNTAX, "codec_jpeg_2000", at, clause);
}

/* Some writers leave the file format around the codestream (PS3.5 8.2.4 forbids it). */
static struct span find_codestream(struct span bytes)
{
    bool is_file = bytes.len > sizeof box_signature &&
                   memcmp(bytes.at, box_signature, sizeof box_signature) == 0;
    struct span left = bytes;
    while (is_file && left.len >= 8) {
        size_t len = big32(left.at);
        if (memcmp(left.at + 4, "jp2c", 4) == 0)
            return span_part(left, 8, left.len);
        if (len < 8 || len > left.len)
            break;
        left = span_part(left, len, left.len);
    }
    return bytes;
}

/* ------------------------------------------------------------------------- sizes */

/* Equal for all components: precision, sign, no subsampling. */
static bool check_components(const uint8_t *at, const struct codec_shape *shape,
                             struct err *err)
{
    unsigned room = shape->bits_allocated < 16 ? shape->bits_allocated : 16;
    for (unsigned i = 0; i < shape->samples; i++, at += 3) {
        if ((at[0] & 127) + 1U > room || (i > 0 && at[0] != at[-3]))
            return err_at(err, ERR_SYNTAX, "codec_precision", 42, "PS3.5 8.2.4");
        if (at[1] != 1 || at[2] != 1)
            return err_set(err, ERR_REFUSED, "codec_unsupported",
                           "JPEG 2000 with subsampled components");
    }
    return true;
}

/* 0 when they do not cover the picture's first pixel. */
static uint64_t count_tiles(const struct walk *walk, const uint8_t *at)
{
    uint64_t columns = big32(at);
    uint64_t rows = big32(at + 4);
    uint64_t left = big32(at + 8);
    uint64_t top = big32(at + 12);
    if (columns == 0 || rows == 0 || left > walk->left || top > walk->top)
        return 0;
    return ((walk->right - left + columns - 1) / columns) *
           ((walk->bottom - top + rows - 1) / rows);
}

/* A.5.1: everything that decides memory, against the shape. */
static bool check_sizes(struct walk *walk, struct span stream,
                        const struct codec_shape *shape, struct err *err)
{
    if (stream.len < 42 || big16(stream.at) != SOC || big16(stream.at + 2) != SIZ)
        return refuse(err, 0, "T.800 A.5.1");
    const uint8_t *at = stream.at + 8;
    unsigned count = big16(at + 32);
    walk->right = big32(at);
    walk->bottom = big32(at + 4);
    walk->left = big32(at + 8);
    walk->top = big32(at + 12);
    walk->samples = shape->samples;
    if (walk->right <= walk->left || walk->bottom <= walk->top ||
        walk->right - walk->left != shape->columns ||
        walk->bottom - walk->top != shape->rows || count != shape->samples ||
        stream.len < 42 + (size_t)count * 3)
        return err_at(err, ERR_SYNTAX, "codec_dimensions", 8, "PS3.5 8.2.4");
    walk->tiles = count_tiles(walk, at + 16);
    if (walk->tiles == 0 || walk->tiles > TILES_MAX)
        return err_at(err, ERR_LIMIT, "codec_tiles", 24, "T.800 A.5.1");
    return check_components(stream.at + 42, shape, err);
}

/* ------------------------------------------------------------------------- styles */

/* How many fields of 2^exponent lie between the two, where the whole is halved before. */
static uint64_t fields(uint64_t from, uint64_t to, unsigned halvings, unsigned exponent)
{
    uint64_t carry = ((uint64_t)1 << halvings) - 1;
    uint64_t first = (from + carry) >> halvings;
    uint64_t behind = (to + carry) >> halvings;
    return ((behind + ((uint64_t)1 << exponent) - 1) >> exponent) - (first >> exponent);
}

struct style {
    unsigned resolutions, block_width, block_height;
    const uint8_t *precincts; /* NULL = 2^15 */
};

/* A.6.1, table A.15: all components may have it. */
static bool take_style(struct walk *walk, const struct style *style, struct err *err)
{
    uint64_t precincts = 0;
    uint64_t blocks = 0;
    for (unsigned r = 0; r < style->resolutions; r++) {
        unsigned halvings = style->resolutions - 1 - r;
        unsigned width = style->precincts ? style->precincts[r] & 15 : 15;
        unsigned height = style->precincts ? style->precincts[r] >> 4 : 15;
        unsigned is_band = r > 0; /* three, each of half the side */
        if (width < is_band || height < is_band)
            return refuse(err, walk->at, "T.800 A.6.1");
        uint64_t here = fields(walk->left, walk->right, halvings, width) *
                        fields(walk->top, walk->bottom, halvings, height);
        width =
            width - is_band < style->block_width ? width : style->block_width + is_band;
        height = height - is_band < style->block_height ? height
                                                        : style->block_height + is_band;
        blocks += fields(walk->left, walk->right, halvings, width) *
                  fields(walk->top, walk->bottom, halvings, height) * (is_band ? 3 : 1);
        precincts += here;
        if (here > walk->precincts_of_one)
            walk->precincts_of_one = here;
    }
    if (precincts > walk->precincts)
        walk->precincts = precincts;
    if (style->resolutions > walk->resolutions)
        walk->resolutions = style->resolutions;
    return (precincts * walk->samples <= PRECINCTS_MAX &&
            blocks * walk->samples <= BLOCKS_MAX) ||
           err_at(err, ERR_LIMIT, "codec_packets", walk->at, "T.800 A.6.1");
}

/* The end of COD and COC alike. */
static bool read_style(struct walk *walk, struct span bytes, bool has_precincts,
                       struct err *err)
{
    if (bytes.len < 5)
        return refuse(err, walk->at, "T.800 A.6.1");
    struct style style = {.resolutions = bytes.at[0] + 1U,
                          .block_width = bytes.at[1] + 2U,
                          .block_height = bytes.at[2] + 2U};
    if (style.resolutions > RESOLUTIONS_MAX || style.block_width > 10 ||
        style.block_height > 10 || style.block_width + style.block_height > 12 ||
        (has_precincts && bytes.len - 5 < style.resolutions))
        return refuse(err, walk->at, "T.800 A.6.1");
    if (has_precincts)
        style.precincts = bytes.at + 5;
    if (bytes.at[4] == 0)
        walk->stream->is_irreversible = true;
    walk->has_style = true;
    return take_style(walk, &style, err);
}

/* `bytes` is what stands behind the segment's length. */
static bool read_segment(struct walk *walk, unsigned marker, struct span bytes,
                         struct err *err)
{
    if (marker == COC)
        return bytes.len >= 2 ? read_style(walk, span_part(bytes, 2, bytes.len),
                                           bytes.at[1] & 1, err)
                              : refuse(err, walk->at, "T.800 A.6.2");
    if (marker != COD)
        return true;
    if (bytes.len < 5)
        return refuse(err, walk->at, "T.800 A.6.1");
    if (big16(bytes.at + 2) > walk->layers)
        walk->layers = big16(bytes.at + 2);
    return read_style(walk, span_part(bytes, 5, bytes.len), bytes.at[0] & 1, err);
}

/* The library's notes have as many precincts for each resolution as the one that has
 * most; and a packet takes its time in each tile, whether there are bytes of it or not.
 */
static bool check_packets(const struct walk *walk, struct err *err)
{
    uint64_t columns = (walk->layers + 1) * walk->samples; /* < 2^18 */
    return (columns * walk->resolutions * walk->precincts_of_one <= ENTRIES_MAX &&
            columns * (walk->precincts + walk->tiles * walk->resolutions) <=
                PACKETS_MAX) ||
           err_at(err, ERR_LIMIT, "codec_packets", walk->at, "T.800 B.12");
}

/* ------------------------------------------------------------------------- segments */

static bool is_known(unsigned marker)
{
    static const uint16_t known[] = {CAP, SIZ, COD, COC, TLM, PLM, PLT, CPF, QCD, QCC,
                                     RGN, POC, PPM, PPT, CRG, COM, MCT, MCC, MCO, CBD};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == marker)
            return true;
    return false;
}

/* Segment after segment up to the marker `last`; *at is 0 when the bytes end before.
 * A segment that the library does not know becomes a comment: it would not pass it by
 * its length. */
static bool read_segments(struct walk *walk, size_t *at, unsigned last, struct err *err)
{
    uint8_t *bytes = walk->stream->bytes;
    size_t end = walk->stream->len;
    while (*at + 2 <= end) {
        unsigned marker = big16(bytes + *at);
        if (marker == last)
            return true;
        if (*at + 4 > end)
            break;
        size_t len = big16(bytes + *at + 2);
        if (marker < CAP || marker >= SEGMENTS_END || len < 2)
            return refuse(err, *at, "T.800 A.1");
        if (len > end - *at - 2)
            break;
        walk->at = *at;
        if (!is_known(marker))
            bytes[*at + 1] = COM & 255;
        if (!read_segment(walk, marker, span_of(bytes + *at + 4, len - 2), err))
            return false;
        *at += 2 + len;
    }
    *at = 0;
    return true;
}

/* A.4.2. *at goes to the next tile-part, or becomes 0 when that was the last. */
static bool read_part(struct walk *walk, size_t *at, struct err *err)
{
    struct codec_jpeg_2000 *stream = walk->stream;
    const size_t start = *at;
    if (stream->len - start < SOT_BYTES || big16(stream->bytes + start) != SOT) {
        *at = 0;
        return true;
    }
    size_t len = big32(stream->bytes + start + 6);
    if (big16(stream->bytes + start + 2) != SOT_BYTES - 2)
        return refuse(err, start, "T.800 A.4.2");
    *at = start + SOT_BYTES;
    if (!read_segments(walk, at, SOD, err) || *at == 0)
        return err->kind == ERR_NONE;
    size_t header = *at + 2 - start;
    if (len == SOT_BYTES && header == SOT_BYTES + 2) /* some write an empty one so */
        len = header;
    if (len > 0 && len < header) /* the library would subtract, and take 4 GB */
        return refuse(err, start + 6, "T.800 A.4.2");
    if (len > stream->len - start)
        stream->cut_at = start + 6;
    *at = len == 0 || len > stream->len - start ? 0 : start + len;
    return true;
}

static bool read_all(struct walk *walk, struct err *err)
{
    size_t at = 2; /* behind SOC */
    if (!read_segments(walk, &at, SOT, err))
        return false;
    if (at == 0)
        return refuse(err, walk->stream->len, "T.800 A.4");
    while (at > 0)
        if (!read_part(walk, &at, err))
            return false;
    return check_packets(walk, err);
}

bool codec_jpeg_2000_open(const struct codec_job *job, struct codec_jpeg_2000 *stream,
                          struct err *err)
{
    struct span found = find_codestream(job->encoded);
    struct walk walk = {.stream = stream};
    *stream = (struct codec_jpeg_2000){.len = found.len};
    if (!check_sizes(&walk, found, job->shape, err))
        return false;
    stream->bytes = arena_take(job->arena, found.len, 1, err);
    if (!stream->bytes)
        return false;
    memcpy(stream->bytes, found.at, found.len);
    bool is_good = read_all(&walk, err);
    stream->is_irreversible = stream->is_irreversible || !walk.has_style;
    return is_good;
}

void codec_jpeg_2000_mend(struct codec_jpeg_2000 *stream)
{
    if (stream->cut_at > 0)
        memset(stream->bytes + stream->cut_at, 0, 4);
}
