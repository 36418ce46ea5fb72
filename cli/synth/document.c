// SPDX-License-Identifier: Apache-2.0
/* Documents of extended storage: summaries and progress notes as CDA R2, a paper as PDF,
 * a picture, a nurse's summary as plain text, vital signs. Invented like everything else,
 * written from what docs/specs/extended.md says. They have dice of their own, so that
 * the messages stay what they are without them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/synth/pen.h"
#include "formats/charset/charset.h"

enum { PURPOSE_DOCUMENT = 71, PATH_BYTES = 640, BODY_BYTES = 1 << 20 };

/* Keys of their own: order numbers stay those of the messages. */
static void next_key(struct synth_pen *pen, char key[16])
{
    snprintf(key, 16, "%015u",
             70000000U + (unsigned)pen->person->index * 4000U +
                 (unsigned)pen->record->document_count++);
}

static struct rand_seeded dice_of(const struct synth_pen *pen, int32_t day)
{
    return synth_dice(pen->synth->seed,
                      PURPOSE_DOCUMENT + (uint64_t)pen->record->facility,
                      (uint64_t)pen->person->index * 100000 + (uint64_t)day);
}

struct document {
    enum synth_document kind;
    const char *type; /* folder */
    const char *code; /* in the content folder's name */
    const char *file;
    struct synth_moment at; /* 発生日時 */
    int32_t day;
    const char *department; /* NULL = left out */
    char key[16];
    char flag;
};

/* A file into the document's own folder; false when the document is not written yet. */
static bool save_file(struct synth_pen *pen, const struct document *document,
                      const char *file, struct span bytes)
{
    char path[PATH_BYTES];
    const char *number = pen->record->number;
    if (document->at.day > pen->synth->today || pen->synth->err.kind != ERR_NONE)
        return false;
    snprintf(
        path, sizeof path, "extended/%s/%.3s/%.3s/%s/%s/%s/%s_%s_%s_%s_%s000%s%s_%c/%s",
        pen->facility->code, number, number + 3, number, synth_date(document->day).at,
        document->type, number, synth_date(document->day).at, document->code,
        document->key, synth_second(document->at).at, document->department ? "_" : "",
        document->department ? document->department : "", document->flag, file);
    synth_save_raw(pen->synth, path, bytes);
    return true;
}

static void save(struct synth_pen *pen, const struct document *document,
                 struct span bytes)
{
    if (save_file(pen, document, document->file, bytes))
        pen->record->documents[document->kind][document->flag - '0']++;
}

/* ------------------------------------------------------------------ PDF */

/* One page in a font that every viewer has a stand-in for; UTF-16 in hex. */
static void put_hex(struct buf *out, const char *text)
{
    struct text rest = text_cstr(text);
    uint32_t code_point = 0;
    buf_byte(out, '<');
    while (text_next(&rest, &code_point))
        if (code_point < 0x10000)
            buf_format(out, "%04X", (unsigned)code_point);
    buf_byte(out, '>');
}

static void put_object(struct buf *out, size_t *offsets, int number, const char *body)
{
    offsets[number] = out->len;
    buf_format(out, "%d 0 obj\n%s\nendobj\n", number, body);
}

static void put_pdf(struct buf *out, const char *const *lines, size_t count)
{
    enum { OBJECTS = 6 };
    size_t offsets[OBJECTS + 1] = {0};
    CLEANUP(buf_free) struct buf page = buf_init(BODY_BYTES);
    buf_cstr(&page, "BT /F1 14 Tf 22 TL 72 770 Td\n");
    for (size_t i = 0; i < count; i++) {
        put_hex(&page, lines[i]);
        buf_cstr(&page, " Tj T*\n");
    }
    buf_cstr(&page, "ET\n");
    buf_cstr(out, "%PDF-1.4\n");
    put_object(out, offsets, 1, "<</Type/Catalog/Pages 2 0 R>>");
    put_object(out, offsets, 2, "<</Type/Pages/Kids[3 0 R]/Count 1>>");
    put_object(out, offsets, 3,
               "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
               "/Resources<</Font<</F1 5 0 R>>>>>>");
    offsets[4] = out->len;
    buf_format(out, "4 0 obj\n<</Length %zu>>\nstream\n", page.len);
    buf_span(out, buf_view(&page));
    buf_cstr(out, "endstream\nendobj\n");
    put_object(out, offsets, 5,
               "<</Type/Font/Subtype/Type0/BaseFont/KozMinPr6N-Regular"
               "/Encoding/UniJIS-UCS2-H/DescendantFonts[6 0 R]>>");
    put_object(out, offsets, 6,
               "<</Type/Font/Subtype/CIDFontType0/BaseFont/KozMinPr6N-Regular"
               "/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 6>>>>");
    size_t start = out->len;
    buf_format(out, "xref\n0 %d\n0000000000 65535 f \n", OBJECTS + 1);
    for (int i = 1; i <= OBJECTS; i++)
        buf_format(out, "%010zu 00000 n \n", offsets[i]);
    buf_format(out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
               OBJECTS + 1, start);
}

/* ------------------------------------------------------------------ CDA */

static void put(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct buf *out, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len > 0)
        buf_put(out, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

struct header {
    const char *code;
    const char *title;
    const char *class_code;
    struct synth_moment written;
    struct synth_moment from;
    struct synth_moment to;
    const struct synth_doctor *doctor;
};

static void put_patient(struct synth_pen *pen, struct buf *out)
{
    const struct synth_name *name = &pen->record->name;
    put(out,
        " <recordTarget><patientRole>\n  <id root=\"1.2.392.100495.20.3.51.1%s\""
        " extension=\"%s\"/>\n  <patient>\n",
        pen->facility->code, pen->record->number);
    buf_cstr(out, "   <name use=\"IDE\"><family>");
    synth_put_written(pen->facility, name->family, out);
    buf_cstr(out, "</family><given>");
    synth_put_written(pen->facility, name->given, out);
    put(out,
        "</given></name>\n   <name use=\"SYL\"><family>%s</family><given>%s</given>"
        "</name>\n",
        name->family_kana, name->given_kana);
    put(out,
        "   <administrativeGenderCode code=\"%c\" "
        "codeSystem=\"2.16.840.1.113883.5.1\"/>\n"
        "   <birthTime value=\"%s\"/>\n  </patient>\n </patientRole></recordTarget>\n",
        pen->person->sex, synth_date(pen->person->birth_day).at);
}

static void open_cda(struct synth_pen *pen, const struct header *header, struct buf *out)
{
    put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">\n"
             " <typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/>\n");
    put(out,
        " <code code=\"%s\" codeSystem=\"2.16.840.1.113883.6.1\" displayName=\"%s\"/>\n",
        header->code, header->title);
    put(out, " <title>%s</title>\n <effectiveTime value=\"%s+0900\"/>\n", header->title,
        synth_second(header->written).at);
    put_patient(pen, out);
    put(out,
        " <author><time value=\"%s\"/><assignedAuthor><id extension=\"%s\"/>"
        "<assignedPerson><name><family>%s</family><given>%s</given></name>"
        "</assignedPerson></assignedAuthor></author>\n",
        synth_second(header->written).at, header->doctor->number, header->doctor->family,
        header->doctor->given);
    put(out,
        " <custodian><assignedCustodian><representedCustodianOrganization>"
        "<name>%s</name></representedCustodianOrganization></assignedCustodian>"
        "</custodian>\n",
        pen->facility->name);
    put(out,
        " <documentationOf><serviceEvent classCode=\"%s\"><effectiveTime>"
        "<low value=\"%s\"/><high value=\"%s\"/></effectiveTime></serviceEvent>"
        "</documentationOf>\n <component><structuredBody>\n",
        header->class_code, synth_second(header->from).at, synth_second(header->to).at);
}

static void close_cda(struct buf *out)
{
    buf_cstr(out, " </structuredBody></component>\n</ClinicalDocument>\n");
}

static void open_section(struct buf *out, const char *title)
{
    put(out, "  <component><section><title>%s</title><text>", title);
}

static void close_section(struct buf *out)
{
    buf_cstr(out, "</text></section></component>\n");
}

static void put_section(struct buf *out, const char *title, const char *text)
{
    open_section(out, title);
    put(out, "%s", text);
    close_section(out);
}

/* ------------------------------------------------------------------ discharge summary */

struct finding {
    unsigned condition;
    const char *problem;
    const char *drug;
    const char *usage;
};

static const struct finding findings[] = {
    {SYNTH_HEART, "慢性心不全", "フロセミド錠20mg", "1日1回 朝食後"},
    {SYNTH_DIABETES, "2型糖尿病", "メトホルミン塩酸塩錠250mg", "1日2回 朝夕食後"},
    {SYNTH_PRESSURE, "高血圧症", "アムロジピン錠5mg", "1日1回 朝食後"},
    {SYNTH_LIPIDS, "脂質異常症", "ロスバスタチン錠2.5mg", "1日1回 夕食後"},
    {SYNTH_KIDNEY, "慢性腎臓病", "カルシトリオールカプセル0.25µg", "1日1回 朝食後"},
    {SYNTH_LUNG, "慢性閉塞性肺疾患", "チオトロピウム吸入", "1日1回 吸入"},
    {SYNTH_STROKE, "脳梗塞後遺症", "クロピドグレル錠75mg", "1日1回 朝食後"},
    {SYNTH_BONE, "骨粗鬆症", "アレンドロン酸錠35mg", "週1回 起床時"},
    {SYNTH_STOMACH, "慢性胃炎", "ラベプラゾール錠10mg", "1日1回 朝食後"},
};

static void put_problems(struct synth_pen *pen, struct buf *out)
{
    bool has_one = false;
    open_section(out, "診断名");
    buf_cstr(out, "<list listType=\"ordered\">");
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        if (pen->person->conditions & findings[i].condition) {
            put(out, "<item>%s</item>", findings[i].problem);
            has_one = true;
        }
    buf_cstr(out, has_one ? "</list>" : "<item>経過観察</item></list>");
    close_section(out);
}

static void put_drugs(struct synth_pen *pen, struct buf *out)
{
    open_section(out, "退院時処方");
    buf_cstr(out,
             "<table><thead><tr><th>薬剤名</th><th>用法</th><th>日数</th></tr></thead>"
             "<tbody>");
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        if (pen->person->conditions & findings[i].condition)
            put(out, "<tr><td>%s</td><td>%s</td><td>14日分</td></tr>", findings[i].drug,
                findings[i].usage);
    buf_cstr(out, "<tr><td>アセトアミノフェン錠200mg</td><td>疼痛時 1回2錠</td>"
                  "<td>10回分</td></tr></tbody></table>");
    close_section(out);
}

static void put_laboratory(struct rand_seeded *dice, struct buf *out)
{
    open_section(out, "検査の推移");
    put(out,
        "<table><caption>血液検査</caption><thead><tr><th>項目</th><th>入院時</th>"
        "<th>退院時</th></tr></thead><tbody>"
        "<tr><td>WBC (×10³/μL)</td><td>%d.%d</td><td>%d.%d</td></tr>"
        "<tr><td>CRP (mg/dL)</td><td>%d.%d</td><td>0.%d</td></tr>"
        "<tr><td>Cr (mg/dL)</td><td>0.%d</td><td>0.%d</td></tr></tbody></table>",
        synth_roll(dice, 9, 14), synth_roll(dice, 0, 9), synth_roll(dice, 4, 8),
        synth_roll(dice, 0, 9), synth_roll(dice, 2, 12), synth_roll(dice, 0, 9),
        synth_roll(dice, 1, 9), synth_roll(dice, 60, 95), synth_roll(dice, 60, 90));
    close_section(out);
}

/* Shown in the text, kept beside it or in it. */
static void put_chart(struct synth_pen *pen, struct buf *out)
{
    if (pen->record->facility != SYNTH_RINDO)
        return;
    buf_cstr(out,
             "  <component><section><title>検温表</title><text>"
             "<paragraph>入院中の体温（赤）と脈拍（青）を示す。"
             "<renderMultiMedia referencedObject=\"chart\"><caption>入院第1日からの"
             "体温と脈拍</caption></renderMultiMedia>以後、再燃はない。</paragraph>"
             "<paragraph>看護計画は<linkHtml href=\"nursing_plan.pdf\">別紙</linkHtml>"
             "を参照。</paragraph></text>"
             "<entry><observationMedia classCode=\"OBS\" moodCode=\"EVN\" ID=\"chart\">"
             "<value mediaType=\"image/png\"><reference value=\"chart.png\"/></value>"
             "</observationMedia></entry></section></component>\n");
}

static void put_summary(struct synth_pen *pen, const struct synth_stay *stay,
                        struct synth_moment written, bool is_draft, struct buf *out)
{
    struct rand_seeded dice = dice_of(pen, stay->from.day);
    struct header header = {.code = "18842-5",
                            .title = "退院時サマリー",
                            .class_code = "ACCM",
                            .written = written,
                            .from = stay->from,
                            .to = stay->to,
                            .doctor = synth_doctor_of(pen->facility, stay->department)};
    open_cda(pen, &header, out);
    put_section(out, "入院理由",
                "数日前からの<content styleCode=\"Bold\">発熱と倦怠感</content>を主訴に"
                "来院し、精査加療を目的として入院となった。");
    put_problems(pen, out);
    put_section(out, "入院後経過",
                is_draft ? "<paragraph>（下書き）</paragraph>"
                         : "<paragraph>入院後、補液と抗菌薬の点滴を開始した。第3病日には"
                           "解熱し、炎症反応も改善した。</paragraph>"
                           "<paragraph>食事は全粥から開始し、第5病日に常食とした。"
                           "<content revised=\"delete\">酸素投与を継続した。</content>"
                           "歩行は自立している。</paragraph>");
    put_laboratory(&dice, out);
    if (!is_draft)
        put_chart(pen, out);
    put_drugs(pen, out);
    put_section(out, "退院後の方針",
                "<list><item>2週間後に外来を予約した。</item>"
                "<item>かかりつけ医での内服の継続をお願いする。"
                "<list><item>発熱時は早めの受診</item><item>体重の記録</item></list>"
                "</item></list>");
    close_cda(out);
}

/* Before the document itself, as whoever writes it does. */
static void save_beside(struct synth_pen *pen, const struct document *document,
                        const struct synth_stay *stay)
{
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct rand_seeded dice = dice_of(pen, stay->from.day + 2);
    const char *const lines[] = {"看護計画",
                                 "",
                                 pen->facility->name,
                                 "",
                                 "1. 発熱時は冷罨法を行う。",
                                 "2. 歩行時は付き添う。",
                                 "",
                                 "（この文書は架空のデータです）"};
    synth_draw_chart(pen->synth, &dice, &out);
    (void)!save_file(pen, document, "chart.png", buf_view(&out));
    buf_reset(&out);
    put_pdf(&out, lines, sizeof lines / sizeof *lines);
    (void)!save_file(pen, document, "nursing_plan.pdf", buf_view(&out));
    (void)!save_file(pen, document, "measured.csv",
                     SPAN("day,temperature\r\n1,38.6\r\n2,37.9\r\n3,36.8\r\n"));
}

void synth_write_summary(struct synth_pen *pen, const struct synth_stay *stay)
{
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct rand_seeded dice = dice_of(pen, stay->to.day);
    struct document document = {
        .kind = SYNTH_DOCUMENT,
        .type = "^退院時サマリー^^18842-5^退院時サマリー^LN",
        .code = "18842-5",
        .file = "main_document.xml",
        .at = synth_later(stay->to, 90),
        .day = stay->to.day,
        .department = stay->department,
        .flag = '1',
    };
    if (pen->record->facility == SYNTH_MIYAMA)
        return;
    next_key(pen, document.key);
    if (synth_chance(&dice, 25)) { /* finished later: the draft is replaced */
        struct document draft = document;
        draft.flag = '2';
        put_summary(pen, stay, draft.at, true, &out);
        save(pen, &draft, buf_view(&out));
        document.at = synth_later(document.at, 45);
        buf_reset(&out);
    }
    if (pen->record->facility == SYNTH_RINDO)
        save_beside(pen, &document, stay);
    put_summary(pen, stay, document.at, false, &out);
    save(pen, &document, buf_view(&out));
}

/* ------------------------------------------------------------------ progress notes */

static void put_base64(struct buf *out, struct span bytes)
{
    static const char signs[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < count ? bytes.at[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_byte(out, k <= count ? (uint8_t)signs[group >> (18 - 6 * k) & 63] : '=');
        if (i / 3 % 19 == 18)
            buf_byte(out, '\n');
    }
}

/* A sketch that the document holds itself. */
static void put_sketch(struct synth_pen *pen, struct rand_seeded *dice, struct buf *out)
{
    CLEANUP(buf_free) struct buf picture = buf_init(BODY_BYTES);
    synth_draw_sketch(pen->synth, dice, &picture);
    buf_cstr(out, "  <component><section><title>シェーマ</title><text>"
                  "<renderMultiMedia referencedObject=\"s1\"><caption>背部の湿疹"
                  "</caption></renderMultiMedia></text><entry><observationMedia "
                  "classCode=\"OBS\" moodCode=\"EVN\" ID=\"s1\"><value "
                  "mediaType=\"image/png\" representation=\"B64\">");
    put_base64(out, buf_view(&picture));
    buf_cstr(out, "</value></observationMedia></entry></section></component>\n");
}

void synth_write_progress(struct synth_pen *pen, const struct synth_care *care)
{
    static const char *const said[] = {
        "特に変わりないとのこと。食欲良好。", "膝の痛みは軽くなった。夜間はよく眠れる。",
        "先週から咳が続く。発熱はない。", "立ちくらみが2回あった。転倒はない。"};
    static const char *const plans[] = {
        "処方を継続。次回、採血を行う。", "減塩の指導を行った。家庭血圧の記録を続ける。",
        "胸部X線を確認する。悪化時は早めに受診。", "降圧薬を減量し、2週間後に再診。"};
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct rand_seeded dice = dice_of(pen, care->at.day);
    int which = synth_roll(&dice, 0, 3);
    struct document document = {
        .kind = SYNTH_PROGRESS_NOTE,
        .type = "^経過記録^^11506-3^経過記録^LN",
        .code = "11506-3",
        .file = "MAIN_DOCUMENT.XML",
        .at = synth_later(care->at, 12),
        .day = care->at.day,
        .department = care->department,
        .flag = '1',
    };
    struct header header = {.code = "11506-3",
                            .title = "経過記録",
                            .class_code = "ENC",
                            .written = document.at,
                            .from = document.at,
                            .to = document.at,
                            .doctor = synth_doctor_of(pen->facility, care->department)};
    if (pen->record->facility != SYNTH_RINDO)
        return;
    next_key(pen, document.key);
    open_cda(pen, &header, &out);
    put_section(&out, "S", said[which]);
    open_section(&out, "O");
    put(&out, "血圧 %d/%d mmHg<br/>脈拍 %d /分　整<br/>体重 %d.%d kg",
        synth_roll(&dice, 112, 158), synth_roll(&dice, 60, 92), synth_roll(&dice, 58, 92),
        synth_roll(&dice, 44, 78), synth_roll(&dice, 0, 9));
    close_section(&out);
    if (which == 3)
        put_sketch(pen, &dice, &out);
    put_section(&out, "A", "全身状態は安定している。");
    put_section(&out, "P", plans[which]);
    close_cda(&out);
    save(pen, &document, buf_view(&out));
}

/* ------------------------------------------------------------------ vital signs */

void synth_write_vitals(struct synth_pen *pen, int32_t day)
{
    CLEANUP(buf_free) struct buf bytes = buf_init(BODY_BYTES);
    struct rand_seeded dice = dice_of(pen, day);
    size_t replaced = 0;
    struct document document = {
        .kind = SYNTH_VITAL_SIGNS,
        .type = "L-OBSERVATIONS^OBSERVATIONS^99ZL01",
        .code = "L-OBSERVATIONS",
        .file = "main_document.hl7",
        .at = synth_at(day, 20, 0),
        .day = day,
        .flag = '1',
    };
    if (pen->record->facility != SYNTH_RINDO || day > pen->synth->today)
        return;
    snprintf(document.key, sizeof document.key, "0000000%.8s", synth_date(day).at);
    const char *stamp = synth_date(day).at;
    buf_reset(&pen->text);
    synth_line(pen,
               "MSH|^~\\&|HIS|%s|GW|RCV|%s200000.0000||ORU^R30^ORU_R30|%s|P|2.5||||||"
               "~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2."
               "120^ISO\r",
               pen->facility->code, stamp, document.key);
    synth_put_pid(pen);
    synth_line(pen, "ORC|SC|%s|||CM||||%s200000\r", stamp, stamp);
    synth_line(pen, "OBR|1|%s||L-OBSERVATIONS^バイタルサイン^99ZL01|||%s\r", stamp,
               stamp);
    for (int i = 0; i < 2; i++) {
        int hour = i ? 18 : 6;
        synth_line(pen,
                   "OBX|%d|NM|9P100000000000001^体温^JC10|%d|3%d.%d|cel^℃^ISO+|||||F|||"
                   "%s%02d00\r",
                   i * 3 + 1, i + 1, synth_roll(&dice, 6, 7), synth_roll(&dice, 0, 9),
                   stamp, hour);
        synth_line(pen,
                   "OBX|%d|NM|9P300000000000001^脈拍^JC10|%d|%d|(hb)^/min^ISO+|||||F|||"
                   "%s%02d00\r",
                   i * 3 + 2, i + 1, synth_roll(&dice, 60, 96), stamp, hour);
        synth_line(pen,
                   "OBX|%d|NM|9A751000000000001^収縮期血圧^JC10|%d|%d|mm(hg)^mmHg^ISO+|"
                   "||||F|||%s%02d00\r",
                   i * 3 + 3, i + 1, synth_roll(&dice, 108, 152), stamp, hour);
    }
    struct text text = {(const char *)pen->text.at, pen->text.len};
    charset_encode_iso2022jp(text, &bytes, &replaced);
    save(pen, &document, buf_view(&bytes));
}

/* ------------------------------------------------------------------ a paper */

void synth_write_paper(struct synth_pen *pen, const struct synth_stay *stay)
{
    char who[160];
    char when[64];
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct document document = {
        .kind = SYNTH_DOCUMENT,
        .type = "C001^入院診療計画書^99LOC",
        .code = "C001",
        .file = "main_document.pdf",
        .at = synth_later(stay->from, 180),
        .day = stay->from.day,
        .department = stay->department,
        .flag = '1',
    };
    if (pen->record->facility == SYNTH_MIYAMA)
        return;
    next_key(pen, document.key);
    const struct synth_doctor *doctor = synth_doctor_of(pen->facility, stay->department);
    snprintf(who, sizeof who, "患者番号　%s　　主治医　%s %s", pen->record->number,
             doctor->family, doctor->given);
    snprintf(when, sizeof when, "入院日　%s", synth_date(stay->from.day).at);
    const char *const lines[] = {"入院診療計画書",
                                 "",
                                 pen->facility->name,
                                 who,
                                 when,
                                 "",
                                 "治療計画　　点滴と内服による治療を行います。",
                                 "推定される入院期間　　約2週間",
                                 "",
                                 "（この文書は架空のデータです）"};
    put_pdf(&out, lines, sizeof lines / sizeof *lines);
    save(pen, &document, buf_view(&out));
}

/* ------------------------------------------------------------------ a picture */

/* Under a local type that no table knows. */
void synth_write_photo(struct synth_pen *pen, const struct synth_stay *stay)
{
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    struct rand_seeded dice = dice_of(pen, stay->from.day + 1);
    struct document document = {
        .kind = SYNTH_UNKNOWN,
        .type = "P014^皮膚・創部写真^99LOC",
        .code = "P014^皮膚・創部写真^99LOC",
        .file = "main_document.png",
        .at = synth_later(stay->from, 60 * 26),
        .day = stay->from.day + 1,
        .department = stay->department,
        .flag = '1',
    };
    if (pen->record->facility != SYNTH_RINDO)
        return;
    next_key(pen, document.key);
    synth_draw_photo(pen->synth, &dice, &out);
    save(pen, &document, buf_view(&out));
}

/* ------------------------------------------------------------------ plain text */

/* As a ward system of the nineties writes it: CP932, without a word about that. */
void synth_write_nursing(struct synth_pen *pen, const struct synth_stay *stay)
{
    static const char text[] =
        "\x81y\x93\xFC\x89@\x92\x86\x82\xCC\x8Co\x89\xDF\x81z\r\n"
        "ADL \x8E\xA9\x97\xA7\x81\x42\x90H\x8E\x96 \x91S\x97\xCA\x90\xDB\x8E"
        "\xE6\x81\x42\r\n"
        "\xE5\xF1\xE1\x8C\x81\x46\x82\xC8\x82\xB5\r\n";
    struct document document = {
        .kind = SYNTH_DOCUMENT,
        .type = "N01^看護サマリー^99LOC",
        .code = "N01",
        .file = "main_document.txt",
        .at = synth_later(stay->to, 30),
        .day = stay->to.day,
        .flag = '1',
    };
    if (pen->record->facility != SYNTH_KEYAKI)
        return;
    next_key(pen, document.key);
    save(pen, &document, span_of(text, sizeof text - 1));
}
