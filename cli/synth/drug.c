// SPDX-License-Identifier: Apache-2.0
/* Prescriptions, injections and the records of giving them. Drug codes are local: the
 * national masters are not part of this program. Usage codes are those that public
 * samples show; others have only a text. */
#include <stdio.h>

#include "cli/synth/pen.h"

struct drug {
    const char *code; /* code^name^system */
    const char *unit; /* code^text^system */
    const char *daily_unit;
    int dose; /* per time */
};

enum { DRUGS_PER_RP = 3, RPS_PER_ORDER = 6 };

struct rp {
    unsigned condition; /* 0 = everybody */
    const char *usage;
    int times; /* a day; 0 = when needed */
    const char *route;
    struct drug drugs[DRUGS_PER_RP];
};

#define TABLET "TAB^錠^MR9P", "TAB&錠&MR9P"
#define CAPSULE "CAP^カプセル^MR9P", "CAP&カプセル&MR9P"
#define SHEET "SHT^枚^MR9P", "SHT&枚&MR9P"
#define PACKET "PCK^包^MR9P", "PCK&包&MR9P"
#define ONCE "&内服・経口・１日１回朝食後&JAMISDP01"
#define TWICE "1012040400000000&内服・経口・１日２回朝夕食後&JAMISDP01"
#define THRICE "1013044400000000&内服・経口・１日３回朝昼夕食後&JAMISDP01"
#define NIGHT "&内服・経口・１日１回就寝前&JAMISDP01"
#define NEEDED "1050W10000000000&必要時&JAMISDP01"
#define PATCH "2B74000000000000&外用&JAMISDP01"
#define MOUTH "PO^口^HL70162"
#define SKIN "AP^外用^HL70162"

static const struct rp RPS[] = {
    {SYNTH_DIABETES,
     TWICE,
     2,
     MOUTH,
     {{"990101^メトホルミン塩酸塩錠２５０ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_DIABETES | SYNTH_KIDNEY,
     ONCE,
     1,
     MOUTH,
     {{"990102^エンパグリフロジン錠１０ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_PRESSURE,
     ONCE,
     1,
     MOUTH,
     {{"990111^アムロジピン錠５ｍｇ^99DRG", TABLET, 1},
      {"990112^テルミサルタン錠４０ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_LIPIDS,
     ONCE,
     1,
     MOUTH,
     {{"990121^ロスバスタチン錠２．５ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_HEART,
     ONCE,
     1,
     MOUTH,
     {{"990131^フロセミド錠２０ｍｇ^99DRG", TABLET, 1},
      {"990132^ビソプロロールフマル酸塩錠２．５ｍｇ^99DRG", TABLET, 1},
      {"990133^スピロノラクトン錠２５ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_LUNG,
     THRICE,
     3,
     MOUTH,
     {{"990141^カルボシステイン錠５００ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_STROKE,
     ONCE,
     1,
     MOUTH,
     {{"990151^クロピドグレル錠７５ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_BONE,
     PATCH,
     1,
     SKIN,
     {{"990161^ロキソプロフェンナトリウムテープ１００ｍｇ^99DRG", SHEET, 1}}},
    {SYNTH_STOMACH | SYNTH_STROKE,
     NIGHT,
     1,
     MOUTH,
     {{"990171^ランソプラゾールＯＤ錠１５ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_CANCER,
     TWICE,
     2,
     MOUTH,
     {{"990181^カペシタビン錠３００ｍｇ^99DRG", TABLET, 4}}},
    {SYNTH_DIALYSIS,
     THRICE,
     3,
     MOUTH,
     {{"990191^沈降炭酸カルシウム錠５００ｍｇ^99DRG", TABLET, 2},
      {"990192^アルファカルシドールカプセル０．２５μｇ^99DRG", CAPSULE, 1}}},
    {SYNTH_MIND, NIGHT, 1, MOUTH, {{"990201^ミルタザピン錠１５ｍｇ^99DRG", TABLET, 1}}},
    {SYNTH_ALLERGY,
     NIGHT,
     1,
     MOUTH,
     {{"990211^フェキソフェナジン塩酸塩錠６０ｍｇ^99DRG", TABLET, 1}}},
    {0,
     NEEDED,
     0,
     MOUTH,
     {{"990221^アセトアミノフェン錠２００ｍｇ^99DRG", TABLET, 2},
      {"990222^酸化マグネシウム細粒８３％^99DRG", PACKET, 1}}},
};

enum { RP_COUNT = sizeof RPS / sizeof *RPS };

static struct synth_orc order_of(struct synth_pen *pen, const struct synth_care *care,
                                 const char *number, const char *group)
{
    bool is_inpatient = care->place[0] != 0;
    return (struct synth_orc){
        .control = "NW",
        .order = number,
        .group = group,
        .status = "",
        .parent = "",
        .at = pen->at,
        .doctor = synth_doctor_of(pen->facility, care->department),
        .place = care->place,
        .department = care->department,
        .class = is_inpatient ? 'I' : 'O',
    };
}

/* What the table holds for the person; the last RP only now and then. */
static int choose(struct synth_pen *pen, const struct rp *chosen[RPS_PER_ORDER])
{
    int count = 0;
    for (int i = 0; i < RP_COUNT && count < RPS_PER_ORDER; i++) {
        bool fits = RPS[i].condition == 0 ? synth_chance(&pen->dice, 25)
                                          : (RPS[i].condition & pen->person->conditions);
        if (fits)
            chosen[count++] = &RPS[i];
    }
    if (count == 0)
        chosen[count++] = &RPS[RP_COUNT - 1];
    return count;
}

static void put_drug(struct synth_pen *pen, const struct synth_care *care,
                     const struct rp *rp, const struct drug *drug)
{
    bool is_inpatient = care->place[0] != 0;
    int daily = drug->dose * (rp->times ? rp->times : 1);
    int days = rp->times ? care->days : 10;
    synth_line(pen, "RXE||%s|%d||%s|||||%d|%s||||%s%04d||||%d^%s||%s\r", drug->code,
               drug->dose, drug->unit, daily * days, drug->unit,
               synth_date(care->at.day).at, pen->synth->files % 10000, daily,
               drug->daily_unit,
               is_inpatient ? "IHP^入院処方^MR9P~FTP^定時処方^JHSI0001"
                            : "OHP^外来処方^MR9P~OHO^院外処方^MR9P");
    if (rp->times)
        synth_line(pen, "TQ1|1||%s|||%d^d|%s\r", rp->usage, days,
                   synth_date(care->at.day).at);
    else
        synth_line(pen, "TQ1|1||%s||||%s\r", rp->usage, synth_date(care->at.day).at);
    synth_line(pen, "RXR|%s\r", rp->route);
}

/* One version of the order: its groups in the order of the RPs. */
static void put_prescription(struct synth_pen *pen, const struct synth_care *care,
                             struct synth_orc *orc, const struct rp *const *chosen,
                             int count)
{
    static const char *const numbers[RPS_PER_ORDER] = {"1", "2", "3", "4", "5", "6"};
    synth_put_head(pen, care);
    for (int i = 0; i < count; i++) {
        orc->group = numbers[i];
        for (int j = 0; j < DRUGS_PER_RP && chosen[i]->drugs[j].code; j++) {
            synth_put_orc(pen, orc);
            put_drug(pen, care, chosen[i], &chosen[i]->drugs[j]);
        }
    }
}

void synth_write_prescription(struct synth_pen *pen, const struct synth_care *care)
{
    const struct rp *chosen[RPS_PER_ORDER];
    int count = choose(pen, chosen);
    struct synth_order number = synth_next_order(pen);
    bool is_replaced = synth_chance(&pen->dice, 4);
    bool is_cancelled = !is_replaced && synth_chance(&pen->dice, 2);
    struct synth_file file = {SYNTH_OMP_01,     care->at.day, number.number,
                              care->department, '1',          count};
    struct synth_moment at = care->at;
    if (is_replaced || is_cancelled) {
        synth_start(pen, SYNTH_OMP_01, at);
        struct synth_orc first = order_of(pen, care, number.number, "");
        struct synth_care shorter = *care;
        shorter.days = care->days > 7 ? 7 : care->days;
        put_prescription(pen, &shorter, &first, chosen, count);
        file.flag = is_replaced ? '2' : '0';
        synth_save(pen, &file);
        at = synth_later(at, 12);
        at.day = care->at.day;
    }
    synth_start(pen, SYNTH_OMP_01, at);
    struct synth_orc orc = order_of(pen, care, number.number, "");
    orc.control = is_cancelled ? "CA" : "NW";
    put_prescription(pen, care, &orc, chosen, count);
    file.flag = is_cancelled ? '0' : '1';
    synth_save(pen, &file);
}

static void put_given(struct synth_pen *pen, const struct synth_care *care,
                      const char *code, int amount, const char *unit)
{
    struct synth_stamp start = synth_minute(care->at);
    struct synth_stamp end = synth_minute(synth_later(care->at, care->days));
    synth_line(
        pen,
        "RXA|0|1|%s|%s|%s|%d|%s|||N200^看護師^一同^^^^^^^L^^^^^I|%s|||||||||CP||%s\r",
        start.at, end.at, code, amount, unit, care->place, synth_second(pen->at).at);
}

void synth_write_tablets_given(struct synth_pen *pen, const struct synth_care *care)
{
    const struct rp *chosen[RPS_PER_ORDER];
    int count = choose(pen, chosen);
    struct synth_order number = synth_next_order(pen);
    struct synth_care given = *care;
    given.days = 5; /* minutes */
    synth_start(pen, SYNTH_OMP_11, synth_later(care->at, 10));
    synth_put_head(pen, care);
    struct synth_orc orc = order_of(pen, care, number.number, "1");
    synth_put_orc(pen, &orc);
    for (int i = 0; i < count; i++)
        if (chosen[i]->times)
            put_given(pen, &given, chosen[i]->drugs[0].code, chosen[i]->drugs[0].dose,
                      chosen[i]->drugs[0].unit);
    if (count == 1 && !chosen[0]->times)
        put_given(pen, &given, chosen[0]->drugs[0].code, 1, chosen[0]->drugs[0].unit);
    synth_line(pen, "RXR|%s\r", MOUTH);
    struct synth_file file = {SYNTH_OMP_11,     care->at.day, number.number,
                              care->department, '1',          1};
    synth_save(pen, &file);
}

struct drip {
    const char *category; /* JHSI0002 */
    const char *note;
    const char *base;
    const char *additive;
    const char *additive_unit;
    int volume_ml;
    int minutes;
};

static const struct drip DRIPS[] = {
    [SYNTH_FLUID] = {"00^一般^JHSI0002", "ゆっくり滴下",
                     "990501^維持輸液３号５００ｍＬ^99DRG",
                     "990502^ビタミンＢ１注射液５０ｍｇ^99DRG", "AMP^アンプル^MR9P", 502,
                     300},
    [SYNTH_ANTIBIOTIC] = {"00^一般^JHSI0002", "１時間かけて",
                          "990511^生理食塩液１００ｍＬ^99DRG",
                          "990512^セフトリアキソンナトリウム静注用１ｇ^99DRG",
                          "VIL^バイアル^MR9P", 110, 60},
    [SYNTH_DIALYSATE] = {"00^一般^JHSI0002", "透析終了時に回路から",
                         "990521^生理食塩液２０ｍＬ^99DRG",
                         "990522^エポエチンベータ注１５００単位^99DRG",
                         "SYRG^シリンジ^MR9P", 20, 10},
    [SYNTH_CHEMO] = {"07^抗がん剤^JHSI0002", "２時間かけて　血管外漏出に注意",
                     "990531^ブドウ糖注射液５％２５０ｍＬ^99DRG",
                     "990532^オキサリプラチン点滴静注液１００ｍｇ^99DRG",
                     "VIL^バイアル^MR9P", 270, 120},
    [SYNTH_IRON] = {"00^一般^JHSI0002", "緩徐に静注",
                    "990541^ブドウ糖注射液１０％２０ｍＬ^99DRG",
                    "990542^含糖酸化鉄注射液４０ｍｇ^99DRG", "AMP^アンプル^MR9P", 22, 10},
};

static void put_injection_order(struct synth_pen *pen, const struct synth_care *care,
                                const char *number, const struct drip *drip)
{
    char group[24];
    snprintf(group, sizeof group, "%s_01_001", number);
    synth_put_head(pen, care);
    struct synth_orc orc = order_of(pen, care, number, group);
    synth_put_orc(pen, &orc);
    synth_line(
        pen,
        "RXE||%s|%d||ML^ミリリットル^MR9P|INJ^注射剤^MR9P|^%s^99IC6||||||||%s-%03d||"
        "||||%s|H1|%d|ml/hr^ミリリットル／時間^ISO+\r",
        drip->category, drip->volume_ml, drip->note, synth_date(care->at.day).at,
        pen->synth->files % 1000,
        care->place[0] ? "IHP^入院処方^MR9P~FTP^定時処方^JHSI0001"
                       : "OHP^外来処方^MR9P~OHI^院内処方^MR9P",
        drip->volume_ml * 60 / drip->minutes);
    synth_line(pen, "TQ1|1||||||%s|%s\r", synth_minute(care->at).at,
               synth_minute(synth_later(care->at, drip->minutes)).at);
    synth_line(pen, "RXR|IV^静脈内^HL70162||IVP^点滴ポンプ^HL70164\r");
    synth_line(pen, "RXC|B|%s|1|HON^本^MR9P\r", drip->base);
    synth_line(pen, "RXC|A|%s|1|%s\r", drip->additive, drip->additive_unit);
    struct synth_file file = {SYNTH_OMP_02,     care->at.day, number,
                              care->department, '1',          1};
    synth_save(pen, &file);
}

void synth_write_injection(struct synth_pen *pen, const struct synth_care *care,
                           enum synth_drip kind)
{
    const struct drip *drip = &DRIPS[kind];
    struct synth_order number = synth_next_order(pen);
    synth_start(pen, SYNTH_OMP_02, care->at);
    put_injection_order(pen, care, number.number, drip);
    struct synth_moment done = synth_later(care->at, drip->minutes + 5);
    /* Ordered for later today, or written down on the next day: not given here. */
    if (done.day != care->at.day || synth_chance(&pen->dice, 6))
        return;
    char group[24];
    snprintf(group, sizeof group, "%s_01_001", number.number);
    synth_start(pen, SYNTH_OMP_12, done);
    synth_put_head(pen, care);
    struct synth_orc orc = order_of(pen, care, number.number, group);
    synth_put_orc(pen, &orc);
    struct synth_care given = *care;
    given.days = drip->minutes;
    put_given(pen, &given, drip->base, 1, "HON^本^MR9P");
    put_given(pen, &given, drip->additive, 1, drip->additive_unit);
    synth_line(pen, "RXR|IV^静脈内^HL70162||IVP^点滴ポンプ^HL70164\r");
    struct synth_file file = {SYNTH_OMP_12,     care->at.day, number.number,
                              care->department, '1',          1};
    synth_save(pen, &file);
}
