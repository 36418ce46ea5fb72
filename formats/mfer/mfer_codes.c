// SPDX-License-Identifier: Apache-2.0
/* Tables: waveform types, units, measured values. */
#include "formats/mfer/mfer_reader.h"

#define WORDS(words)                                                                     \
    {                                                                                    \
        words, sizeof(words) - 1                                                         \
    }

static const struct {
    uint32_t code;
    struct text name;
} waves[] = {
    {1, WORDS("標準12誘導心電図")},
    {2, WORDS("長時間心電図")},
    {3, WORDS("ベクトル心電図")},
    {4, WORDS("負荷心電図")},
    {5, WORDS("心内心電図")},
    {6, WORDS("体表面心電図")},
    {7, WORDS("心室遅延電位")},
    {8, WORDS("体表面遅延電位")},
    {9, WORDS("代表波形")},
    {20, WORDS("長時間モニタ波形")},
    {21, WORDS("モニタ波形（抜粋）")},
    {25, WORDS("パワースペクトル")},
    {26, WORDS("トレンド")},
    {30, WORDS("心音図")},
    {31, WORDS("脈波")},
    {40, WORDS("安静時脳波")},
    {41, WORDS("誘発電位")},
    {42, WORDS("脳波周波数解析")},
    {43, WORDS("長時間脳波")},
    {100, WORDS("心磁図")},
};

struct text mfer_wave_name(uint32_t wfm)
{
    for (size_t i = 0; i < sizeof(waves) / sizeof(waves[0]); i++)
        if (waves[i].code == wfm)
            return waves[i].name;
    return (struct text)WORDS("波形");
}

uint32_t mfer_wave_code(struct text name)
{
    for (size_t i = 0; i < sizeof(waves) / sizeof(waves[0]); i++)
        if (text_equal(waves[i].name, name))
            return waves[i].code;
    return 0;
}

static const struct text units[] = {
    WORDS("V"),
    WORDS("mmHg"),
    WORDS("Pa"),
    WORDS("cmH2O"),
    WORDS("mmHg/s"),
    WORDS("dyne"),
    WORDS("N"),
    WORDS("%"),
    WORDS("℃"),
    WORDS("/min"),
    WORDS("/s"),
    WORDS("Ω"),
    WORDS("A"),
    WORDS("rpm"),
    WORDS("W"),
    WORDS("dB"),
    WORDS("kg"),
    WORDS("J"),
    WORDS("dyne·s·m⁻²·cm⁻⁵"),
    WORDS("L"),
    WORDS("L/s"),
    WORDS("L/min"),
    WORDS("cd"),
};

enum { UNITS = sizeof(units) / sizeof(units[0]) };

struct text mfer_unit(uint32_t code)
{
    return code < UNITS ? units[code] : (struct text){0};
}

uint32_t mfer_unit_code(struct text unit)
{
    for (uint32_t i = 0; i < UNITS; i++)
        if (text_equal(units[i], unit))
            return i;
    return UINT32_MAX;
}

/* Codes of measured values; those of single leads have the lead's number in their last
 * seven bits. */
static const struct {
    uint32_t code;
    bool has_lead;
    struct text name;
} values[] = {
    {0x8001, false, WORDS("心拍数")},   {0x8002, false, WORDS("PQ 時間")},
    {0x8004, false, WORDS("P 波軸")},   {0x8006, false, WORDS("QRS 軸")},
    {0x8008, false, WORDS("T 波軸")},   {0xDAC8, false, WORDS("QT 時間")},
    {0xE080, true, WORDS("P 幅")},      {0xE380, true, WORDS("QRS 幅")},
    {0xE400, true, WORDS("R 振幅")},    {0xE480, true, WORDS("S 振幅")},
    {0xE700, false, WORDS("QTc 時間")},
};

struct text mfer_value_name(uint32_t code, uint32_t *lead)
{
    enum { LEAD_BITS = 0x7F };
    *lead = 0;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i].code == code)
            return values[i].name;
        if (values[i].has_lead && values[i].code == (code & ~(uint32_t)LEAD_BITS)) {
            *lead = code & LEAD_BITS;
            return values[i].name;
        }
    }
    return (struct text){0};
}
