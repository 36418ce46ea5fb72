// SPDX-License-Identifier: Apache-2.0
/* What a study has beside images: an ECG, a report as a tree, a report as paper. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/synth/study.h"

/* ------------------------------------------------------------------ ECG */

enum { LEADS = 12, RATE = 500, SAMPLES = 10 * RATE, MICROVOLT_PER_BIT = 5 };

/* One wave of a beat: when after R, how long, and how high in the leads that are
 * measured; the others follow from I and II. */
struct wave {
    double at; /* seconds */
    double width;
    double height[8]; /* mV: I, II, V1 … V6 */
};

static const struct wave WAVES[] = {
    {-0.165, 0.022, {0.07, 0.12, 0.06, 0.06, 0.07, 0.07, 0.06, 0.06}},
    {-0.028, 0.007, {-0.06, -0.09, 0, 0, -0.02, -0.06, -0.08, -0.08}},
    {0, 0.011, {0.62, 1.05, 0.22, 0.42, 0.85, 1.45, 1.35, 1.0}},
    {0.030, 0.010, {-0.12, -0.16, -0.95, -1.55, -0.95, -0.5, -0.22, -0.1}},
    {0.255, 0.052, {0.17, 0.26, -0.05, 0.34, 0.42, 0.40, 0.32, 0.24}},
};

static double measured(double time, int lead, double beat)
{
    double sum = 0;
    for (size_t i = 0; i < sizeof WAVES / sizeof *WAVES; i++) {
        double t = (time - beat - WAVES[i].at) / WAVES[i].width;
        if (t > -5 && t < 5)
            sum += WAVES[i].height[lead] * exp(-t * t / 2);
    }
    return sum;
}

static void derive(int16_t *leads)
{
    enum { I, II, III, AVR, AVL, AVF };
    leads[III] = (int16_t)(leads[II] - leads[I]);
    leads[AVR] = (int16_t)(-(leads[I] + leads[II]) / 2);
    leads[AVL] = (int16_t)(leads[I] - leads[II] / 2);
    leads[AVF] = (int16_t)(leads[II] - leads[I] / 2);
}

static void draw_curve(int16_t *samples, uint64_t seed)
{
    enum { MEASURED = 8, FIRST_CHEST = 6 };
    struct rand_seeded dice = synth_dice(seed, 73, 0);
    double beats[24];
    int count = 0;
    double interval = synth_roll(&dice, 780, 940) / 1000.0;
    for (double at = 0.31; at < 11 && count < 24; count++) {
        beats[count] = at;
        /* The heart follows the breath a little. */
        at += interval * (1 + 0.03 * sin(at * 1.6));
    }
    for (int i = 0; i < SAMPLES; i++) {
        int16_t *leads = samples + (ptrdiff_t)i * LEADS;
        double time = i / (double)RATE;
        for (int k = 0; k < MEASURED; k++) {
            double value = 0.02 * sin(time * 1.5 + k) + synth_roll(&dice, -9, 9) / 1000.0;
            for (int b = 0; b < count; b++)
                value += measured(time, k, beats[b]);
            int lead = k < 2 ? k : k + FIRST_CHEST - 2;
            leads[lead] = (int16_t)lrint(value * 1000 / MICROVOLT_PER_BIT);
        }
        derive(leads);
    }
}

static void put_channel(struct synth_set *set, const char *code, const char *name)
{
    enum { SOURCE = 0x003A0208, UNITS = 0x003A0211 };
    synth_set_open_item(set);
    synth_set_code(set, SOURCE, code, "MDC", name);
    synth_set_text(set, 0x003A0210, "DS", "%d", MICROVOLT_PER_BIT);
    synth_set_code(set, UNITS, "uV", "UCUM", "microvolt");
    synth_set_text(set, 0x003A0212, "DS", "1");
    synth_set_text(set, 0x003A0213, "DS", "0");
    synth_set_text(set, 0x003A0215, "DS", "0");
    synth_set_uint(set, 0x003A021A, "US", 16);
    synth_set_text(set, 0x003A0220, "DS", "0.05");
    synth_set_text(set, 0x003A0221, "DS", "150");
    synth_set_close_item(set);
}

static void put_waveform(struct synth_set *set, const int16_t *samples)
{
    enum { CHANNELS = 0x003A0200, ALLOCATED = 0x54001004, DATA = 0x54001010 };
    static const char *const leads[LEADS][2] = {
        {"2:1", "Lead I"},    {"2:2", "Lead II"},   {"2:61", "Lead III"},
        {"2:62", "Lead aVR"}, {"2:63", "Lead aVL"}, {"2:64", "Lead aVF"},
        {"2:3", "Lead V1"},   {"2:4", "Lead V2"},   {"2:5", "Lead V3"},
        {"2:6", "Lead V4"},   {"2:7", "Lead V5"},   {"2:8", "Lead V6"}};
    synth_set_open(set, DICOM_WAVEFORMS);
    synth_set_open_item(set);
    synth_set_text(set, 0x003A0004, "CS", "ORIGINAL");
    synth_set_uint(set, DICOM_WAVEFORM_CHANNELS, "US", LEADS);
    synth_set_uint(set, DICOM_WAVEFORM_SAMPLES, "UL", SAMPLES);
    synth_set_text(set, DICOM_SAMPLING_FREQUENCY, "DS", "%d", RATE);
    synth_set_text(set, DICOM_MULTIPLEX_LABEL, "SH", "RHYTHM");
    synth_set_open(set, CHANNELS);
    for (int i = 0; i < LEADS; i++)
        put_channel(set, leads[i][0], leads[i][1]);
    synth_set_close(set, CHANNELS);
    synth_set_uint(set, ALLOCATED, "US", 16);
    synth_set_text(set, 0x54001006, "CS", "SS");
    synth_set_words(set, DATA, (const uint16_t *)samples, (size_t)SAMPLES * LEADS);
    synth_set_close_item(set);
    synth_set_close(set, DICOM_WAVEFORMS);
}

void synth_write_heart_curve(struct synth_series *series)
{
    size_t bytes = (size_t)SAMPLES * LEADS * sizeof(int16_t);
    int16_t *samples =
        memory_new((size_t)SAMPLES * LEADS, sizeof *samples, &series->synth->err);
    if (!samples)
        return;
    series->modality = "ECG";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.9.1.1";
    series->body_part = "";
    series->image_type = "";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM ECG";
    series->syntax = DICOM_EXPLICIT_LITTLE;
    synth_open_series(series, "安静時１２誘導");
    draw_curve(samples, series->synth->seed + (uint64_t)series->study->person->index);
    struct synth_instance instance;
    synth_open_instance(&instance, series, 1, bytes);
    synth_put_relation(&instance);
    put_waveform(&instance.set, samples);
    synth_save_instance(&instance);
    memory_free(samples);
}

/* ------------------------------------------------------------------ a tree of findings
 */

static void put_words(struct synth_set *set, const char *code, const char *meaning,
                      const char *words)
{
    synth_set_open_item(set);
    synth_set_text(set, 0x0040A010, "CS", "CONTAINS");
    synth_set_text(set, DICOM_VALUE_TYPE, "CS", "TEXT");
    synth_set_code(set, DICOM_CONCEPT_NAME, code, "DCM", meaning);
    synth_set_text(set, DICOM_TEXT_VALUE, "UT", "%s", words);
    synth_set_close_item(set);
}

static void put_section(struct synth_set *set, const char *code, const char *meaning)
{
    synth_set_open_item(set);
    synth_set_text(set, 0x0040A010, "CS", "CONTAINS");
    synth_set_text(set, DICOM_VALUE_TYPE, "CS", "CONTAINER");
    synth_set_code(set, DICOM_CONCEPT_NAME, code, "DCM", meaning);
    synth_set_text(set, DICOM_CONTINUITY, "CS", "SEPARATE");
    synth_set_open(set, DICOM_CONTENT);
}

static void end_section(struct synth_set *set)
{
    synth_set_close(set, DICOM_CONTENT);
    synth_set_close_item(set);
}

void synth_write_text_report(struct synth_series *series)
{
    enum { REPORT_BYTES = 64 << 10, PROCEDURES = 0x0040A372 };
    bool is_head = series->study->picture == SYNTH_HEAD_MRI;
    series->modality = "SR";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.88.11";
    series->body_part = "";
    series->image_type = "";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM REPORT";
    series->syntax = DICOM_EXPLICIT_LITTLE;
    synth_open_series(series, "読影レポート");
    struct synth_instance instance;
    synth_open_instance(&instance, series, 1, REPORT_BYTES);
    struct synth_set *set = &instance.set;
    synth_put_relation(&instance);
    synth_set_text(set, DICOM_VALUE_TYPE, "CS", "CONTAINER");
    synth_set_code(set, DICOM_CONCEPT_NAME, "18748-4", "LN", "画像診断報告書");
    synth_set_text(set, DICOM_CONTINUITY, "CS", "SEPARATE");
    synth_set_open(set, PROCEDURES);
    synth_set_close(set, PROCEDURES);
    synth_set_text(set, DICOM_COMPLETION, "CS", "COMPLETE");
    synth_set_text(set, DICOM_VERIFICATION, "CS", "UNVERIFIED");
    synth_set_open(set, DICOM_CONTENT);
    put_section(set, "121070", "所見");
    put_words(set, "121071", "所見",
              is_head ? "左放線冠に約１５mmのＴ２高信号、Ｔ１低信号域を認め、陳旧性梗塞と"
                        "考える。脳室の拡大なし。正中構造の偏位なし。"
                      : "右下葉に浸潤影を認め、内部に気管支透亮像を伴う。右背側に少量の"
                        "胸水。心拡大なし。縦隔に有意なリンパ節腫大なし。");
    end_section(set);
    put_section(set, "121076", "結論");
    put_words(set, "121077", "結論", series->study->finding);
    end_section(set);
    synth_set_close(set, DICOM_CONTENT);
    synth_save_instance(&instance);
}

/* ------------------------------------------------------------------ paper */

enum { PAPER_BYTES = 32 << 10, OBJECTS = 6 };

static void put_utf16(struct buf *out, struct text text)
{
    uint32_t code_point = 0;
    while (text_next(&text, &code_point)) {
        if (code_point > 0xFFFF)
            buf_format(out, "%04X%04X",
                       (unsigned)(0xD800 + ((code_point - 0x10000) >> 10)),
                       (unsigned)(0xDC00 + (code_point & 0x3FF)));
        else
            buf_format(out, "%04X", (unsigned)code_point);
    }
}

static void put_paper_line(struct buf *out, double size, double down, const char *words)
{
    buf_format(out, "/F1 %.0f Tf 0 %.0f Td <", size, -down);
    put_utf16(out, text_cstr(words));
    buf_cstr(out, "> Tj\n");
}

static void put_page(struct buf *out, const struct synth_series *series)
{
    const struct synth_study *study = series->study;
    const struct synth_facility *facility = &synth_facilities[study->record->facility];
    char line[512];
    buf_cstr(out, "BT 60 780 Td\n");
    put_paper_line(out, 20, 0, "心臓超音波検査報告書");
    put_paper_line(out, 12, 40, facility->name);
    snprintf(line, sizeof line, "患者番号　%s　　氏名　%s　%s", study->record->number,
             study->record->name.family, study->record->name.given);
    put_paper_line(out, 12, 24, line);
    struct synth_stamp day = synth_date(study->at.day);
    snprintf(line, sizeof line, "検査日　%.4s年%.2s月%.2s日　　受付番号　%s", day.at,
             day.at + 4, day.at + 6, study->accession);
    put_paper_line(out, 12, 24, line);
    put_paper_line(out, 14, 44, "所見");
    put_paper_line(out, 12, 26, study->finding);
    put_paper_line(out, 12, 24, "左室駆出率　４８％　　左房径　４２mm");
    buf_cstr(out, "ET\n0.5 w 60 676 m 535 676 l S\n");
}

/* Fonts of readers (Adobe-Japan1) are used: none is inside. */
static void put_paper(struct buf *out, const struct synth_series *series)
{
    static const char *const objects[OBJECTS] = {
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R "
        "/Resources << /Font << /F1 4 0 R >> >> >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiKakuGo-W5 "
        "/Encoding /UniJIS-UTF16-H /DescendantFonts [5 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiKakuGo-W5 /DW 1000 "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> "
        "/FontDescriptor << /Type /FontDescriptor /FontName /HeiseiKakuGo-W5 /Flags 4 "
        "/FontBBox [-92 -250 1010 922] /ItalicAngle 0 /Ascent 752 /Descent -221 "
        "/CapHeight 737 /StemV 114 >> >>",
        NULL};
    CLEANUP(buf_free) struct buf page = buf_init(PAPER_BYTES);
    size_t offsets[OBJECTS];
    put_page(&page, series);
    buf_cstr(out, "%PDF-1.5\n%\xE2\xE3\xCF\xD3\n");
    for (int i = 0; i < OBJECTS; i++) {
        offsets[i] = out->len;
        buf_format(out, "%d 0 obj\n", i + 1);
        if (objects[i]) {
            buf_cstr(out, objects[i]);
        } else {
            buf_format(out, "<< /Length %zu >>\nstream\n", page.len);
            buf_span(out, buf_view(&page));
            buf_cstr(out, "endstream");
        }
        buf_cstr(out, "\nendobj\n");
    }
    size_t table = out->len;
    buf_format(out, "xref\n0 %d\n0000000000 65535 f \n", OBJECTS + 1);
    for (int i = 0; i < OBJECTS; i++)
        buf_format(out, "%010zu 00000 n \n", offsets[i]);
    buf_format(out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
               OBJECTS + 1, table);
}

void synth_write_paper_report(struct synth_series *series)
{
    CLEANUP(buf_free) struct buf paper = buf_init(PAPER_BYTES * 2);
    put_paper(&paper, series);
    series->modality = "DOC";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.104.1";
    series->body_part = "";
    series->image_type = "";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM REPORT";
    series->syntax = DICOM_EXPLICIT_LITTLE;
    synth_open_series(series, "検査報告書");
    struct synth_instance instance;
    synth_open_instance(&instance, series, 1, paper.len);
    struct synth_set *set = &instance.set;
    synth_put_relation(&instance);
    synth_set_text(set, 0x00280301, "CS", "YES");
    synth_set_text(set, DICOM_DOCUMENT_TITLE, "ST", "心臓超音波検査報告書");
    synth_set_put(set, DICOM_DOCUMENT, "OB", buf_view(&paper));
    synth_set_text(set, DICOM_DOCUMENT_TYPE, "LO", "application/pdf");
    synth_set_uint(set, DICOM_DOCUMENT_LENGTH, "UL", (uint32_t)paper.len);
    synth_save_instance(&instance);
}
