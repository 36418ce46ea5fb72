// SPDX-License-Identifier: Apache-2.0
/* Bytes are the coefficients of a polynomial over GF(2), the first bit the highest. Four
 * lanes of 128 bits are moved on by 512 at a time: x^512 mod P of what lies before is
 * what is added to what lies behind. Last 16 bytes are left that have the CRC of all. (V.
 * Gopal and others, Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction, Intel, 2009.) */
#include "formats/zip/zip_crc.h"

#include <zlib.h>

#ifdef __x86_64__
#include <immintrin.h>

enum { LANES = 4, LANE_BYTES = 16, STEP_BYTES = LANES * LANE_BYTES };

/* x^(n + 32) mod P and x^(n - 32) mod P, n the bits that a lane is moved on by, mirrored
 * and shifted by one as the product of mirrored numbers wants. */
struct move {
    int64_t low, high;
};
static const struct move by_512 = {0x154442bd4, 0x1c6e41596};
static const struct move by_128 = {0x1751997d0, 0x0ccaa009e};

__attribute__((target("pclmul"))) static inline __m128i
move_on(__m128i lane, struct move move, __m128i behind)
{
    __m128i by = _mm_set_epi64x(move.high, move.low);
    __m128i low = _mm_clmulepi64_si128(lane, by, 0x00);
    __m128i high = _mm_clmulepi64_si128(lane, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), behind);
}

static inline __m128i load(const uint8_t *at)
{
    return _mm_loadu_si128((const void *)at);
}

/* Takes whole steps, at least one. */
__attribute__((target("pclmul"))) static uint32_t
take_steps(uint32_t crc, const uint8_t *at, size_t count)
{
    uint8_t left[LANE_BYTES];
    __m128i lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = load(at + i * LANE_BYTES);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)~crc));
    for (size_t step = 1; step < count; step++) {
        at += STEP_BYTES;
        for (int i = 0; i < LANES; i++)
            lanes[i] = move_on(lanes[i], by_512, load(at + i * LANE_BYTES));
    }
    for (int i = 1; i < LANES; i++)
        lanes[i] = move_on(lanes[i - 1], by_128, lanes[i]);
    _mm_storeu_si128((void *)left, lanes[LANES - 1]);
    /* what zlib inverts before the first byte was done above */
    return (uint32_t)crc32_z(UINT32_MAX, left, sizeof left);
}

uint32_t zip_crc(uint32_t crc, struct span bytes)
{
    size_t count = bytes.len / STEP_BYTES;
    if (count > 0 && __builtin_cpu_supports("pclmul")) {
        crc = take_steps(crc, bytes.at, count);
        bytes = span_part(bytes, count * STEP_BYTES, bytes.len);
    }
    return bytes.len > 0 ? (uint32_t)crc32_z(crc, bytes.at, bytes.len) : crc;
}

#else

uint32_t zip_crc(uint32_t crc, struct span bytes)
{
    return bytes.len > 0 ? (uint32_t)crc32_z(crc, bytes.at, bytes.len) : crc;
}

#endif
