// SPDX-License-Identifier: Apache-2.0
/* Which services and transfer syntaxes are accepted, and in which order. */
#include "wire/dimse/dimse_parts.h"

#define STORAGE_PREFIX "1.2.840.10008.5.1.4.1.1."
#define SYNTAX(end, ...)                                                                 \
    {                                                                                    \
        "1.2.840.10008.1.2" end, __VA_ARGS__                                             \
    }

/* A sender that proposes several in one context can send each of them. What keeps every
 * bit and every VR comes first; what loses bits comes last, so that nobody compresses for
 * us; what cannot be shown yet is better kept than refused. */
static const struct dimse_syntax syntaxes[] = {
    SYNTAX(".1", true, false, false),     /* explicit little endian */
    SYNTAX(".4.70", true, false, false),  /* JPEG lossless, first-order prediction */
    SYNTAX(".4.57", true, false, false),  /* JPEG lossless */
    SYNTAX(".4.80", true, false, false),  /* JPEG-LS lossless */
    SYNTAX(".4.90", true, false, false),  /* JPEG 2000 lossless */
    SYNTAX(".5", true, false, false),     /* RLE */
    SYNTAX(".1.99", true, false, true),   /* deflated */
    SYNTAX("", false, false, false),      /* implicit little endian */
    SYNTAX(".2", true, true, false),      /* explicit big endian */
    SYNTAX(".4.201", true, false, false), /* HTJ2K lossless */
    SYNTAX(".4.202", true, false, false), /* HTJ2K lossless, RPCL */
    SYNTAX(".4.110", true, false, false), /* JPEG XL lossless */
    SYNTAX(".4.50", true, false, false),  /* JPEG baseline */
    SYNTAX(".4.51", true, false, false),  /* JPEG extended */
    SYNTAX(".4.91", true, false, false),  /* JPEG 2000 */
    SYNTAX(".4.81", true, false, false),  /* JPEG-LS near lossless */
    SYNTAX(".4.53", true, false, false),  /* JPEG spectral selection, retired */
    SYNTAX(".4.55", true, false, false),  /* JPEG full progression, retired */
    SYNTAX(".4.92", true, false, false),  /* JPEG 2000, several components, lossless */
    SYNTAX(".4.93", true, false, false),  /* JPEG 2000, several components */
    SYNTAX(".4.203", true, false, false), /* HTJ2K */
    SYNTAX(".4.111", true, false, false), /* JPEG XL from JPEG */
    SYNTAX(".4.112", true, false, false), /* JPEG XL */
    SYNTAX(".4.100", true, false, false), /* MPEG-2 main profile, main level */
    SYNTAX(".4.101", true, false, false), /* MPEG-2 main profile, high level */
    SYNTAX(".4.102", true, false, false), /* MPEG-4 AVC high 4.1 */
    SYNTAX(".4.103", true, false, false), /* MPEG-4 AVC BD-compatible */
    SYNTAX(".4.104", true, false, false), /* MPEG-4 AVC 4.2, 2D */
    SYNTAX(".4.105", true, false, false), /* MPEG-4 AVC 4.2, 3D */
    SYNTAX(".4.106", true, false, false), /* MPEG-4 AVC stereo */
    SYNTAX(".4.107", true, false, false), /* HEVC main */
    SYNTAX(".4.108", true, false, false), /* HEVC main 10 */
};

enum { SYNTAX_COUNT = sizeof syntaxes / sizeof *syntaxes };

enum dimse_service dimse_service_of(struct span sop_class)
{
    if (span_is(sop_class, DIMSE_VERIFICATION))
        return DIMSE_SERVICE_ECHO;
    if (span_is(sop_class, DIMSE_COMMITMENT))
        return DIMSE_SERVICE_COMMIT;
    bool is_storage = span_starts(sop_class, STORAGE_PREFIX) &&
                      sop_class.len > sizeof STORAGE_PREFIX - 1;
    return is_storage ? DIMSE_SERVICE_STORE : DIMSE_SERVICE_NONE;
}

int dimse_rank(enum dimse_service service, struct span uid)
{
    for (int i = 0; i < SYNTAX_COUNT; i++) {
        if (!span_is(uid, syntaxes[i].uid))
            continue;
        bool is_plain = span_is(uid, DIMSE_IMPLICIT) || span_is(uid, DIMSE_EXPLICIT);
        return service == DIMSE_SERVICE_STORE || is_plain ? i : -1;
    }
    return -1;
}

const struct dimse_syntax *dimse_syntax_at(int rank)
{
    return &syntaxes[rank];
}

struct span dimse_trim(struct span value)
{
    while (value.len > 0 &&
           (value.at[value.len - 1] == 0 || value.at[value.len - 1] == ' '))
        value.len--;
    return value;
}

bool dimse_is_uid(struct span uid)
{
    if (uid.len == 0 || uid.len >= DIMSE_UID_BYTES)
        return false;
    for (size_t i = 0; i < uid.len; i++)
        if (uid.at[i] != '.' && (uid.at[i] < '0' || uid.at[i] > '9'))
            return false;
    return uid.at[0] != '.' && uid.at[uid.len - 1] != '.';
}
