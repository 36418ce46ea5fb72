// SPDX-License-Identifier: Apache-2.0
/* What an order or a report is about when neither folder nor MSH-9 says it: OMG, OMI, ORM
 * and ORU carry laboratory, images and ECGs alike. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

#define NOTHING_TOLD ENTRY_KIND_COUNT

struct evidence {
    const char *word;
    enum entry_kind kind;
};

static enum entry_kind look_up(struct span word, const struct evidence *rows,
                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(word, rows[i].word))
            return rows[i].kind;
    return NOTHING_TOLD;
}

/* HL7 v2.5 table 0074. */
static enum entry_kind kind_of_section(struct span section)
{
    static const struct evidence rows[] = {
        {"LAB", ENTRY_LABORATORY},  {"CH", ENTRY_LABORATORY},    {"HM", ENTRY_LABORATORY},
        {"IMM", ENTRY_LABORATORY},  {"BLB", ENTRY_LABORATORY},   {"BG", ENTRY_LABORATORY},
        {"MB", ENTRY_MICROBIOLOGY}, {"MCB", ENTRY_MICROBIOLOGY}, {"RAD", ENTRY_RADIOLOGY},
        {"RX", ENTRY_RADIOLOGY},    {"CT", ENTRY_RADIOLOGY},     {"CTH", ENTRY_RADIOLOGY},
        {"NMR", ENTRY_RADIOLOGY},   {"NMS", ENTRY_RADIOLOGY},    {"RUS", ENTRY_RADIOLOGY},
        {"CUS", ENTRY_RADIOLOGY},   {"VUS", ENTRY_RADIOLOGY},    {"OUS", ENTRY_RADIOLOGY},
        {"XRC", ENTRY_RADIOLOGY},   {"EC", ENTRY_PHYSIOLOGY},    {"EN", ENTRY_PHYSIOLOGY},
        {"PF", ENTRY_PHYSIOLOGY},   {"RT", ENTRY_PHYSIOLOGY},
    };
    return look_up(section, rows, sizeof(rows) / sizeof(rows[0]));
}

static enum entry_kind kind_of_modality(struct span modality)
{
    static const struct evidence rows[] = {
        {"ES", ENTRY_ENDOSCOPY}, {"ECG", ENTRY_PHYSIOLOGY}, {"EPS", ENTRY_PHYSIOLOGY}};
    enum entry_kind kind = look_up(modality, rows, sizeof(rows) / sizeof(rows[0]));
    return modality.len > 0 && kind == NOTHING_TOLD ? ENTRY_RADIOLOGY : kind;
}

/* JLAC10 has physiology under 9, everything else are specimens. */
static enum entry_kind kind_of_code(struct span code, struct span system)
{
    if (span_is(system, "JJ1017"))
        return ENTRY_RADIOLOGY;
    if (span_is(system, "LENDO"))
        return ENTRY_ENDOSCOPY;
    if (span_is(system, "JC10"))
        return span_starts(code, "9") ? ENTRY_PHYSIOLOGY : ENTRY_LABORATORY;
    return NOTHING_TOLD;
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* "CT Head" but not "ACTH": a word of ASCII must not go on with a letter. */
static bool has_word(struct span text, const char *word)
{
    size_t len = strlen(word);
    bool is_ascii = (uint8_t)word[0] < 0x80;
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.at + i, word, len) != 0)
            continue;
        bool is_inside = (i > 0 && is_letter(text.at[i - 1])) ||
                         (i + len < text.len && is_letter(text.at[i + len]));
        if (!is_ascii || !is_inside)
            return true;
    }
    return false;
}

static enum entry_kind kind_of_words(struct span text)
{
    static const struct evidence rows[] = {
        {"内視鏡", ENTRY_ENDOSCOPY},      {"Endoscopy", ENTRY_ENDOSCOPY},
        {"Colonoscopy", ENTRY_ENDOSCOPY}, {"心電図", ENTRY_PHYSIOLOGY},
        {"脳波", ENTRY_PHYSIOLOGY},       {"ECG", ENTRY_PHYSIOLOGY},
        {"EKG", ENTRY_PHYSIOLOGY},        {"EEG", ENTRY_PHYSIOLOGY},
        {"撮影", ENTRY_RADIOLOGY},        {"超音波", ENTRY_RADIOLOGY},
        {"ＣＴ", ENTRY_RADIOLOGY},        {"ＭＲＩ", ENTRY_RADIOLOGY},
        {"CT", ENTRY_RADIOLOGY},          {"MR", ENTRY_RADIOLOGY},
        {"MRI", ENTRY_RADIOLOGY},         {"XR", ENTRY_RADIOLOGY},
        {"US", ENTRY_RADIOLOGY},          {"PET", ENTRY_RADIOLOGY},
        {"X-ray", ENTRY_RADIOLOGY},       {"Xray", ENTRY_RADIOLOGY},
        {"Ultrasound", ENTRY_RADIOLOGY},  {"Mammogram", ENTRY_RADIOLOGY},
    };
    enum { LOOKED_AT_BYTES = 200 };
    struct span start =
        span_part(text, 0, text.len < LOOKED_AT_BYTES ? text.len : LOOKED_AT_BYTES);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (has_word(start, rows[i].word))
            return rows[i].kind;
    return NOTHING_TOLD;
}

static enum entry_kind kind_of_one(struct ssmix_reader *reader, size_t obr)
{
    enum entry_kind kind = kind_of_section(ssmix_raw(reader, obr, 24, 1));
    if (kind == NOTHING_TOLD)
        kind = kind_of_code(ssmix_raw(reader, obr, 4, 1), ssmix_raw(reader, obr, 4, 3));
    if (kind == NOTHING_TOLD)
        kind = kind_of_words(text_span(ssmix_at(reader, obr, 4, 2)));
    return kind;
}

enum entry_kind ssmix_kind_of_request(struct ssmix_reader *reader,
                                      enum entry_kind otherwise)
{
    struct ssmix_group all = {0, reader->count};
    size_t ipc = ssmix_next(reader, TAG_IPC, all);
    enum entry_kind kind = kind_of_modality(ssmix_raw(reader, ipc, 5, 1));
    bool has_specimen = ssmix_next(reader, TAG_SPM, all) != HL7_NONE;
    bool has_loinc = false;
    for (size_t i = 0; i < reader->count && kind == NOTHING_TOLD; i++)
        if (reader->tags[i] == TAG_OBR) {
            kind = kind_of_one(reader, i);
            has_specimen |= ssmix_raw(reader, i, 15, 0).len > 0;
            has_loinc |= span_is(ssmix_raw(reader, i, 4, 3), "LN");
        }
    if (kind != NOTHING_TOLD)
        return kind;
    return has_specimen || has_loinc ? ENTRY_LABORATORY : otherwise;
}
