// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to registry_rows.c: the words in invented registry rows, about as long as those
 * of a hospital. */

#include "formats/entry/entry.h"

enum { TITLES_MAX = 8, DEPARTMENTS = 8, AUTHORS = 8 };

#define REGISTRY_POLICY                                                                  \
    "{\"version\":1,\"rules\":[{\"kinds\":[\"admission\",\"prescription\","              \
    "\"injection\",\"laboratory\",\"microbiology\",\"physiology\",\"radiology\","        \
    "\"endoscopy\",\"visit\",\"patient\",\"allergy\",\"meal\",\"vital_signs\","          \
    "\"period\",\"file\",\"note\",\"message\",\"unknown\"]},{\"kinds\":[\"problem\","    \
    "\"doctor\",\"report\",\"document\",\"progress_note\"],\"professions\":[\"doctor\"," \
    "\"dentist\",\"nurse\",\"pharmacist\"]}],\"excluded_departments\":[\"06\"]}"

struct kind_words {
    enum entry_kind kind;
    const char *type; /* in the source's key */
    size_t count;
    const char *titles[TITLES_MAX];
};

static const struct kind_words kind_words[] = {
    {ENTRY_PRESCRIPTION,
     "OMP-01",
     8,
     {"アムロジピン錠５ｍｇ", "メトホルミン塩酸塩錠２５０ｍｇ",
      "ランソプラゾールＯＤ錠１５ｍｇ", "ロスバスタチン錠２．５ｍｇ",
      "クロピドグレル錠７５ｍｇ", "フロセミド錠２０ｍｇ",
      "フェキソフェナジン塩酸塩錠６０ｍｇ",
      "ロキソプロフェンナトリウムテープ１００ｍｇ"}},
    {ENTRY_INJECTION,
     "OMP-02",
     4,
     {"ブドウ糖注射液５％２５０ｍＬ 他 1", "生理食塩液１００ｍＬ 他 1",
      "維持輸液３号５００ｍＬ 他 1", "ブドウ糖注射液１０％２０ｍＬ 他 1"}},
    {ENTRY_LABORATORY,
     "OML-11",
     4,
     {"生化学的検査", "血液学的検査", "尿一般検査", "糖代謝検査"}},
    {ENTRY_RADIOLOGY,
     "OMG-11",
     4,
     {"DX 胸部.Ｘ線単純撮影.立位正面(A→P)", "MR 頭部.単純ＭＲＩ・ＭＲＡ",
      "CT 胸部.単純ＣＴ", "US 腹部.経皮的超音波検査"}},
    {ENTRY_VISIT, "ADT-12", 1, {""}}, /* its department */
    {ENTRY_ADMISSION, "ADT-22", 1, {""}},
    {ENTRY_PROGRESS_NOTE, "x-3fc170d1289af450", 1, {"経過記録"}},
    {ENTRY_VITAL_SIGNS, "x-125dbab752e0870a", 1, {"バイタルサイン"}},
    {ENTRY_PHYSIOLOGY, "OMG-03", 2, {"標準１２誘導心電図", "心臓超音波検査"}},
    {ENTRY_DOCUMENT,
     "x-89f42c5d0e17ab36",
     3,
     {"退院時サマリー", "入院診療計画書", "看護サマリー"}},
    {ENTRY_MEAL, "OMD", 3, {"常食・塩分６ｇ", "全粥・軟菜", "絶食"}},
    {ENTRY_MICROBIOLOGY, "OML-11", 1, {"細菌検査、薬剤感受性"}},
    {ENTRY_REPORT, "x-77b1c20e5d9f4a68", 2, {"画像診断報告書", "病理診断報告書"}},
    {ENTRY_ENDOSCOPY, "OMG-12", 2, {"上部消化管内視鏡検査", "下部消化管内視鏡検査"}},
    {ENTRY_PATIENT, "ADT-00", 1, {"患者基本情報"}},
    {ENTRY_DOCTOR, "ADT-01", 1, {"担当医 藤代 誠一"}},
    {ENTRY_ALLERGY, "ADT-61", 4, {"ヨード造影剤", "そば", "ペニシリン系", "スギ"}},
    {ENTRY_PROBLEM,
     "PPR-01",
     6,
     {"本態性高血圧症", "２型糖尿病", "脂質異常症", "慢性腎臓病", "慢性心不全",
      "脳梗塞後遺症"}},
};

static const struct {
    const char *code;
    const char *name;
} departments[DEPARTMENTS] = {{"01", "内科"},     {"04", "神経内科"},
                              {"08", "循環器科"}, {"09", "小児科"},
                              {"10", "外科"},     {"11", "整形外科"},
                              {"20", "ひ尿器科"}, {"36", "リハビリテーション科"}};

static const char *const authors[AUTHORS] = {"藤代 誠一", "真壁 由紀", "三枝 隼人",
                                             "髙瀬 浩二", "山﨑 千尋", "曽我 玲子",
                                             "能登 美和", "表 孝之"};
