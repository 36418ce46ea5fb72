// SPDX-License-Identifier: Apache-2.0
/* Which value representation an attribute has, and the names of transfer syntaxes. */
#include "formats/dicom/dicom_parts.h"

struct entry {
    uint32_t tag;
    uint16_t vr;
};

static const struct entry dictionary[] = {
#define E(tag, vr) {tag, VR_##vr},
#include "formats/dicom/dicom_dictionary.def"
#undef E
};

/* Curves and overlays repeat in the even groups 5000 … 50FE, 6000 … 60FE. */
static const struct entry repeating[] = {
    {0x50000005, VR_US}, {0x50000010, VR_US}, {0x50000020, VR_CS}, {0x50000022, VR_LO},
    {0x50000030, VR_SH}, {0x50000040, VR_SH}, {0x50000103, VR_US}, {0x50000104, VR_US},
    {0x50000105, VR_US}, {0x50000106, VR_SH}, {0x50000110, VR_US}, {0x50000112, VR_US},
    {0x50000114, VR_US}, {0x50001001, VR_CS}, {0x50002000, VR_US}, {0x50002002, VR_US},
    {0x50002004, VR_US}, {0x50002006, VR_UL}, {0x50002008, VR_UL}, {0x5000200A, VR_UL},
    {0x5000200C, VR_OW}, {0x5000200E, VR_LT}, {0x50002500, VR_LO}, {0x50002600, VR_SQ},
    {0x50002610, VR_US}, {0x50003000, VR_OW}, {0x60000010, VR_US}, {0x60000011, VR_US},
    {0x60000012, VR_US}, {0x60000015, VR_IS}, {0x60000022, VR_LO}, {0x60000040, VR_CS},
    {0x60000045, VR_LO}, {0x60000050, VR_SS}, {0x60000051, VR_US}, {0x60000052, VR_US},
    {0x60000060, VR_CS}, {0x60000061, VR_SH}, {0x60000062, VR_SH}, {0x60000063, VR_CS},
    {0x60000066, VR_AT}, {0x60000068, VR_US}, {0x60000069, VR_US}, {0x60000100, VR_US},
    {0x60000102, VR_US}, {0x60000110, VR_CS}, {0x60000200, VR_US}, {0x60000800, VR_CS},
    {0x60000802, VR_US}, {0x60000803, VR_AT}, {0x60000804, VR_US}, {0x60001001, VR_CS},
    {0x60001100, VR_US}, {0x60001101, VR_US}, {0x60001102, VR_US}, {0x60001103, VR_US},
    {0x60001200, VR_US}, {0x60001201, VR_US}, {0x60001202, VR_US}, {0x60001203, VR_US},
    {0x60001301, VR_IS}, {0x60001302, VR_DS}, {0x60001303, VR_DS}, {0x60001500, VR_LO},
    {0x60003000, VR_OW}, {0x60004000, VR_LT},
};

static uint16_t look_up(const struct entry *entries, size_t count, uint32_t tag)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && entries[low].tag == tag ? entries[low].vr : VR_UN;
}

static uint16_t by_dictionary(uint32_t tag)
{
    uint32_t group = tag >> 16;
    uint32_t element = tag & 0xFFFF;
    if (element == 0)
        return VR_UL;
    if (group % 2 == 1)
        return element >= 0x10 && element <= 0xFF ? VR_LO : VR_UN;
    bool is_repeating = (group & 0xFF00) == 0x5000 || (group & 0xFF00) == 0x6000;
    if (is_repeating)
        return look_up(repeating, sizeof repeating / sizeof repeating[0],
                       tag & 0xFF00FFFF);
    if (group == 0x0020 && element >= 0x3100 && element <= 0x31FF)
        return VR_CS;
    return look_up(dictionary, sizeof dictionary / sizeof dictionary[0], tag);
}

static bool has_signed_pixels(const struct dicom_set *set)
{
    for (; set; set = set->parent) {
        const struct dicom_element *element =
            set->sign_place > 0 ? &set->elements[set->sign_place - 1] : NULL;
        if (element && element->value.len >= 2)
            return dicom_u16(element->value, 0, set->is_big_endian) == 1;
    }
    return false;
}

uint16_t dicom_vr_of(uint32_t tag, const struct dicom_set *set)
{
    uint16_t vr = by_dictionary(tag);
    if (vr == VR_XS && set)
        return has_signed_pixels(set) ? VR_SS : VR_US;
    return vr;
}

bool dicom_vr_is_known(uint16_t vr)
{
    switch (vr) {
    case VR_AE:
    case VR_AS:
    case VR_AT:
    case VR_CS:
    case VR_DA:
    case VR_DS:
    case VR_DT:
    case VR_FD:
    case VR_FL:
    case VR_IS:
    case VR_PN:
    case VR_SL:
    case VR_SS:
    case VR_TM:
    case VR_UI:
    case VR_UL:
    case VR_US:
        return true;
    default:
        return dicom_vr_is_long(vr) || dicom_vr_is_text(vr);
    }
}

bool dicom_vr_is_long(uint16_t vr)
{
    switch (vr) {
    case VR_OB:
    case VR_OD:
    case VR_OF:
    case VR_OL:
    case VR_OV:
    case VR_OW:
    case VR_SQ:
    case VR_SV:
    case VR_UC:
    case VR_UN:
    case VR_UR:
    case VR_UT:
    case VR_UV:
        return true;
    default:
        return false;
    }
}

bool dicom_vr_is_text(uint16_t vr)
{
    return vr == VR_LO || vr == VR_LT || vr == VR_PN || vr == VR_SH || vr == VR_ST ||
           vr == VR_UC || vr == VR_UT;
}

bool dicom_vr_is_single(uint16_t vr)
{
    return vr == VR_LT || vr == VR_ST || vr == VR_UT || vr == VR_UR;
}

size_t dicom_vr_size(uint16_t vr)
{
    switch (vr) {
    case VR_SS:
    case VR_US:
    case VR_OW:
        return 2;
    case VR_AT:
    case VR_FL:
    case VR_OF:
    case VR_OL:
    case VR_SL:
    case VR_UL:
        return 4;
    case VR_FD:
    case VR_OD:
    case VR_OV:
    case VR_SV:
    case VR_UV:
        return 8;
    default:
        return 0;
    }
}

uint16_t dicom_u16(struct span bytes, size_t at, bool is_big_endian)
{
    const uint8_t *b = bytes.at + at;
    return (uint16_t)(is_big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

uint32_t dicom_u32(struct span bytes, size_t at, bool is_big_endian)
{
    uint32_t first = dicom_u16(bytes, at, is_big_endian);
    uint32_t second = dicom_u16(bytes, at + 2, is_big_endian);
    return is_big_endian ? first << 16 | second : second << 16 | first;
}

uint64_t dicom_u64(struct span bytes, size_t at, bool is_big_endian)
{
    uint64_t first = dicom_u32(bytes, at, is_big_endian);
    uint64_t second = dicom_u32(bytes, at + 4, is_big_endian);
    return is_big_endian ? first << 32 | second : second << 32 | first;
}

/* ------------------------------------------------------------------ syntaxes */

#define UID_ROOT "1.2.840.10008.1.2"

static const struct {
    const char *uid;
    const char *words;
    enum dicom_coding coding;
} syntaxes[] = {
#define SYNTAX(name, uid, words, coding) {UID_ROOT uid, words, DICOM_CODED_##coding},
#include "formats/dicom/dicom_syntaxes.def"
#undef SYNTAX
    {"", "unknown transfer syntax", DICOM_CODED_UNSUPPORTED},
};

enum dicom_syntax dicom_syntax_find(struct span uid)
{
    for (unsigned i = 0; i < DICOM_SYNTAX_UNKNOWN; i++)
        if (span_is(uid, syntaxes[i].uid))
            return (enum dicom_syntax)i;
    return DICOM_SYNTAX_UNKNOWN;
}

const char *dicom_syntax_uid(enum dicom_syntax syntax)
{
    return syntaxes[syntax].uid;
}

const char *dicom_syntax_name(enum dicom_syntax syntax)
{
    return syntaxes[syntax].words;
}

enum dicom_coding dicom_syntax_coding(enum dicom_syntax syntax)
{
    return syntaxes[syntax].coding;
}
