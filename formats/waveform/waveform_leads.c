// SPDX-License-Identifier: Apache-2.0
/* Names of leads: MFER LDN and SCPECG share their numbers. */
#include <stdio.h>

#include "formats/waveform/waveform.h"

static const struct {
    uint32_t code;
    struct text name;
} leads[] = {
#define LEAD(code, name)                                                                 \
    {                                                                                    \
        code,                                                                            \
        {                                                                                \
            name, sizeof(name) - 1                                                       \
        }                                                                                \
    }
    LEAD(1, "I"),       LEAD(2, "II"),      LEAD(3, "V1"),      LEAD(4, "V2"),
    LEAD(5, "V3"),      LEAD(6, "V4"),      LEAD(7, "V5"),      LEAD(8, "V6"),
    LEAD(9, "V7"),      LEAD(11, "V3R"),    LEAD(12, "V4R"),    LEAD(13, "V5R"),
    LEAD(14, "V6R"),    LEAD(15, "V7R"),    LEAD(16, "X"),      LEAD(17, "Y"),
    LEAD(18, "Z"),      LEAD(19, "CC5"),    LEAD(20, "CM5"),    LEAD(31, "NASA"),
    LEAD(32, "CB4"),    LEAD(33, "CB5"),    LEAD(34, "CB6"),    LEAD(61, "III"),
    LEAD(62, "aVR"),    LEAD(63, "aVL"),    LEAD(64, "aVF"),    LEAD(65, "-aVR"),
    LEAD(66, "V8"),     LEAD(67, "V9"),     LEAD(68, "V8R"),    LEAD(69, "V9R"),
    LEAD(70, "D"),      LEAD(71, "A"),      LEAD(72, "J"),      LEAD(143, "血圧"),
    LEAD(160, "呼吸"),  LEAD(175, "SpO2"),  LEAD(512, "心音"),  LEAD(513, "心音2"),
    LEAD(514, "心音3"), LEAD(515, "心音4"), LEAD(4160, "状態"), LEAD(4161, "体位"),
    LEAD(4162, "体動"), LEAD(4163, "呼吸"), LEAD(4166, "ECG1"), LEAD(4167, "ECG2"),
    LEAD(4168, "ECG3"), LEAD(4169, "ECG4"),
#undef LEAD
};

enum { LEADS = sizeof(leads) / sizeof(leads[0]) };

struct text waveform_lead_name(uint32_t code)
{
    for (size_t i = 0; i < LEADS; i++)
        if (leads[i].code == code)
            return leads[i].name;
    return (struct text){0};
}

uint32_t waveform_lead_code(struct text name)
{
    for (size_t i = 0; i < LEADS; i++)
        if (text_equal(leads[i].name, name))
            return leads[i].code;
    return 0;
}

bool waveform_name_lead(uint32_t code, struct arena *arena, struct text *name,
                        struct err *err)
{
    char words[32];
    *name = waveform_lead_name(code);
    if (name->len > 0)
        return true;
    int len = snprintf(words, sizeof words, code >= 0xC000 ? "誘導 0x%X" : "誘導 %u",
                       (unsigned)code);
    return text_copy((struct text){words, (size_t)len}, arena, name, err);
}
