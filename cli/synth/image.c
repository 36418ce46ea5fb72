// SPDX-License-Identifier: Apache-2.0
/* Radiology, endoscopy and physiology: orders and what was done, with study numbers under
 * which no images exist unless somebody makes them. */
#include <stdio.h>

#include "cli/synth/study.h"

struct picture {
    enum synth_type order;
    enum synth_type done;
    const char *whole; /* OBR-4 of the order */
    const char *part;  /* of its one item */
    const char *modality;
    const char *reason; /* TX */
    const char *finding;
};

static const struct picture PICTURES[] = {
    [SYNTH_CHEST_XRAY] = {SYNTH_OMG_01, SYNTH_OMG_11,
                          "1000000000000000^Ｘ線単純撮影^JJ1017",
                          "10000002000102000000010000000000^"
                          "胸部.Ｘ線単純撮影.立位正面(A→P)^JJ1017",
                          "DX^^DCM", "心胸郭比の経過観察",
                          "心拡大なし。肺野に異常を認めない。"},
    [SYNTH_CHEST_CT] = {SYNTH_OMG_01, SYNTH_OMG_11, "990200^ＣＴ検査^99RAD",
                        "990201^胸部.単純ＣＴ^99RAD", "CT^^DCM", "肺炎の疑い",
                        "右下葉に浸潤影。胸水少量。"},
    [SYNTH_HEAD_MRI] = {SYNTH_OMG_01, SYNTH_OMG_11, "990210^ＭＲＩ検査^99RAD",
                        "990211^頭部.単純ＭＲＩ・ＭＲＡ^99RAD", "MR^^DCM",
                        "脳梗塞の経過観察", "左放線冠に陳旧性梗塞。新規病変なし。"},
    [SYNTH_BONE_XRAY] = {SYNTH_OMG_01, SYNTH_OMG_11,
                         "1000000000000000^Ｘ線単純撮影^JJ1017",
                         "990221^股関節.Ｘ線単純撮影.正面・側面^99RAD", "DX^^DCM",
                         "術後の確認", "インプラントの位置は良好。"},
    [SYNTH_ABDOMEN_US] = {SYNTH_OMG_01, SYNTH_OMG_11,
                          "99A000000000000^経皮的超音波検査^JJ1017",
                          "990231^腹部.経皮的超音波検査^99RAD", "US^^DCM",
                          "肝機能障害の精査", "脂肪肝。胆石なし。"},
    [SYNTH_ENDOSCOPY] = {SYNTH_OMG_02, SYNTH_OMG_12,
                         "11000000000^検査.上部.-.-.-.-^LENDO",
                         "11020001401^検査.上部.胃.-.上部通常内視鏡.生検採取^LENDO",
                         "ES^^DCM", "心窩部痛の精査",
                         "胃前庭部に発赤を認める。生検を施行した。"},
    [SYNTH_ECG] = {SYNTH_OMG_03, SYNTH_OMG_13, "9A110^標準１２誘導心電図^JC10",
                   "9A110^標準１２誘導心電図^JC10", "ECG^^DCM", "動悸の精査",
                   "洞調律。ＳＴ−Ｔ変化なし。"},
    [SYNTH_HOLTER] = {SYNTH_OMG_03, SYNTH_OMG_13, "990302^ホルター心電図検査^99PHY",
                      "990302^ホルター心電図検査^99PHY", "ECG^^DCM", "動悸の精査",
                      "基本調律は洞調律。発作性心房細動を認める。"},
    [SYNTH_HEART_ECHO] = {SYNTH_OMG_03, SYNTH_OMG_13, "990301^心臓超音波検査^99PHY",
                          "990301^心臓超音波検査^99PHY", "US^^DCM", "心機能の評価",
                          "左室収縮は軽度低下。弁逆流は軽度。"},
};

/* What all groups of an order share. */
struct group {
    const struct picture *picture;
    const struct synth_care *care;
    const char *parent;
    char child[16];
    char study[SYNTH_UID_BYTES];
};

/* ORC, TQ1, OBR of one group; `is_done`: with the times of the examination. */
static void put_group(struct synth_pen *pen, const struct group *group,
                      const char *control, bool is_done)
{
    bool is_child = control[0] == 'C';
    const char *number = is_child ? group->child : group->parent;
    struct synth_orc orc = {
        .control = control,
        .order = number,
        .group = "",
        .status = "",
        .parent = is_child ? group->parent : "",
        .at = pen->at,
        .doctor = synth_doctor_of(pen->facility, group->care->department),
        .place = group->care->place,
        .department = group->care->department,
        .class = group->care->place[0] ? 'I' : 'O',
    };
    synth_put_orc(pen, &orc);
    synth_line(pen, "TQ1|1||||||||R^^HL70485\rOBR||%s||%s|||%s|||||||||", number,
               is_child ? group->picture->part : group->picture->whole,
               is_done ? synth_minute(group->care->at).at : "");
    synth_put_doctor(pen, orc.doctor);
    if (is_done)
        synth_line(pen, "||||||%s|||F", synth_second(pen->at).at);
    if (is_child)
        synth_line(pen, "%s%s", is_done ? "||||" : "|||||||||||||", group->parent);
    synth_line(pen, "\r");
}

static void put_images(struct synth_pen *pen, const struct group *group)
{
    synth_line(pen, "IPC|A%s|P%s|%s||%s\r", group->parent + 2, group->parent + 9,
               group->study, group->picture->modality);
}

static void write_order(struct synth_pen *pen, const struct group *group)
{
    synth_start(pen, group->picture->order, group->care->at);
    synth_put_head(pen, group->care);
    put_group(pen, group, "NW", false);
    put_group(pen, group, "PA", false);
    synth_line(pen, "OBX|1|TX|MS3-04^検査理由^JSHR||%s||||||F\r", group->picture->reason);
    put_group(pen, group, "CH", false);
    struct synth_file file = {group->picture->order,
                              group->care->at.day,
                              group->parent,
                              group->care->department,
                              '1',
                              1};
    synth_save(pen, &file);
}

static void write_performed(struct synth_pen *pen, const struct group *group)
{
    bool is_endoscopy = group->picture->done == SYNTH_OMG_12;
    const char *part = group->picture->part;
    synth_put_head(pen, group->care);
    put_group(pen, group, "NW", true);
    put_images(pen, group);
    put_group(pen, group, "PA", true);
    synth_line(pen, "OBX|1|TX|MS3-04^検査理由^JSHR||%s||||||F\r", group->picture->reason);
    put_images(pen, group);
    put_group(pen, group, "CH", true);
    if (is_endoscopy) {
        synth_line(pen, "ZE1|1|RS|%s\r", part);
        synth_line(pen, "OBX|1|XCN|DR-02.EM-01^正従業員の実施医師^JSHR||");
        synth_put_doctor(pen, synth_doctor_of(pen->facility, "06"));
        synth_line(pen, "||||||F\rOBX|2|TX|MS3-24^所見^JSHR||%s||||||F\r",
                   group->picture->finding);
        synth_line(pen, "OBX|3|ZRD|DE-02^薬品^JSHR||990601^鎮静薬注射液^99DRG^1^"
                        "AMP&アンプル&MR9P||||||F\r");
    } else {
        synth_line(pen,
                   "ZE1|1|RS|%s|1||TC-01^EM-01|T300^技師^一同^^^^^^^L^^^^^I\r"
                   "OBX|1|TX|MS3-24^所見^JSHR||%s||||||F\r",
                   part, group->picture->finding);
        if (group->picture->modality[0] == 'D')
            synth_line(pen, "ZE2|1|120^kV|200^mA|180^cm|20^msec|1\r");
    }
    put_images(pen, group);
}

struct measure {
    const char *code;
    const char *unit;
    int low;
    int high;
    enum synth_picture of;
};

/* An ECG's come first, as synth_write_ecg has them. */
static const struct measure MEASURES[] = {
    {"32769^心拍数^99MFR", "bpm", 58, 96, SYNTH_ECG},
    {"32770^PQ 時間^99MFR", "msec", 130, 190, SYNTH_ECG},
    {"58240^QRS 幅^99MFR", "msec", 84, 112, SYNTH_ECG},
    {"56008^QT 時間^99MFR", "msec", 360, 430, SYNTH_ECG},
    {"990311^左室駆出率^99PHY", "%", 38, 68, SYNTH_HEART_ECHO},
    {"990312^左房径^99PHY", "mm", 30, 46, SYNTH_HEART_ECHO},
};

enum { MEASURES_COUNT = sizeof MEASURES / sizeof *MEASURES, PQ = 1 };

static void put_measures(struct synth_pen *pen, enum synth_picture kind, int number,
                         int values[MEASURES_COUNT])
{
    for (int i = 0; i < MEASURES_COUNT; i++) {
        if (MEASURES[i].of != kind)
            continue;
        values[i] = synth_roll(&pen->dice, MEASURES[i].low, MEASURES[i].high);
        if (kind == SYNTH_ECG && i == PQ && !synth_ecg_has_p(pen->person))
            continue;
        synth_line(pen, "OBX|%d|NM|%s|2|%d|%s|||||F\r", ++number, MEASURES[i].code,
                   values[i], MEASURES[i].unit);
    }
}

static void write_physiology(struct synth_pen *pen, const struct group *group,
                             enum synth_picture kind, int values[MEASURES_COUNT])
{
    bool is_ecg = kind != SYNTH_HEART_ECHO;
    synth_put_head(pen, group->care);
    synth_line(pen, "OBR|1|%s||%s|||%s|||||||||", group->parent, group->picture->whole,
               synth_minute(group->care->at).at);
    synth_put_doctor(pen, synth_doctor_of(pen->facility, group->care->department));
    synth_line(pen, "||||||%s|||F\r", synth_second(pen->at).at);
    synth_line(
        pen, "OBX|1|TX|%s&IMP^%s所見^%s|1|%s||||||F\r", is_ecg ? "9A100" : "990301",
        is_ecg ? "心電図" : "心臓超音波", is_ecg ? "JC10" : "99PHY",
        kind == SYNTH_ECG ? synth_ecg_words(pen->person) : group->picture->finding);
    put_measures(pen, kind, 1, values);
    /* Not a segment of ORU^R01, but nothing else says where the pictures are. */
    put_images(pen, group);
}

static void note_study(struct synth_pen *pen, const struct group *group,
                       enum synth_picture kind, struct synth_moment done)
{
    struct synth_study study = {.person = pen->person,
                                .record = pen->record,
                                .picture = kind,
                                .at = {group->care->at.day, done.second},
                                .department = group->care->department,
                                .finding = kind == SYNTH_ECG
                                               ? synth_ecg_words(pen->person)
                                               : group->picture->finding};
    snprintf(study.uid, sizeof study.uid, "%s", group->study);
    snprintf(study.accession, sizeof study.accession, "A%s", group->parent + 2);
    snprintf(study.order, sizeof study.order, "%s", group->parent);
    synth_note_study(pen->synth, &study);
}

/* Where somebody will look: of the persons whom a demonstration shows. */
static void write_waves(struct synth_pen *pen, const struct group *group,
                        enum synth_picture kind, const int values[MEASURES_COUNT])
{
    const struct synth *synth = pen->synth;
    struct synth_moment at = group->care->at;
    if (kind == SYNTH_ECG && synth->has_ecgs && pen->person->is_star &&
        at.day > synth->today - SYNTH_WAVE_DAYS && at.day <= synth->today)
        synth_write_ecg(pen, at, group->parent, values);
    if (kind == SYNTH_HOLTER && synth->has_long_waves)
        synth_write_day(pen, at, group->parent);
}

void synth_write_picture(struct synth_pen *pen, const struct synth_care *care,
                         enum synth_picture kind, bool is_only_ordered)
{
    struct synth_order number = synth_next_order(pen);
    struct synth_order child = synth_next_order(pen);
    struct group group = {&PICTURES[kind], care, number.number, "", ""};
    snprintf(group.child, sizeof group.child, "%s", child.number);
    /* Numbers below 2.25 belong to nobody's equipment (X.667). */
    snprintf(group.study, sizeof group.study, "2.25.%d%018lld", pen->record->facility + 1,
             (long long)pen->synth->order_numbers[pen->record->facility]);
    write_order(pen, &group);
    if (is_only_ordered)
        return;
    struct synth_moment done = synth_later(care->at, 50);
    if (done.day != care->at.day)
        return;
    synth_start(pen, group.picture->done, done);
    int values[MEASURES_COUNT] = {0};
    if (group.picture->done == SYNTH_OMG_13)
        write_physiology(pen, &group, kind, values);
    else
        write_performed(pen, &group);
    struct synth_file file = {group.picture->done, care->at.day, number.number,
                              care->department,    '1',          1};
    synth_save(pen, &file);
    if (done.day <= pen->synth->today)
        note_study(pen, &group, kind, done);
    write_waves(pen, &group, kind, values);
}
