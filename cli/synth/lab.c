// SPDX-License-Identifier: Apache-2.0
/* Laboratory orders and results. The few JLAC10 codes are those that public samples show;
 * all other items have codes of the facility. Values are whole numbers in the item's last
 * decimal, so that every machine computes the same. */
#include <stdio.h>

#include "cli/synth/pen.h"

struct item {
    enum synth_panel panel;
    const char *code; /* OBX-3 */
    const char *unit;
    int decimals;
    int low;
    int high;
    int usual;
    int noise;
    unsigned condition; /* what moves it … */
    int shift;          /* … by how much at first; half of it goes with treatment */
    int fever_shift;    /* at fever 100 */
};

static const struct item ITEMS[] = {
    {SYNTH_CHEMISTRY, "3A010000002327101^総蛋白^JC10^L01^ＴＰ^99LAB", "g/dl^g/dl^99UNT",
     1, 67, 83, 73, 3, SYNTH_DIALYSIS | SYNTH_CANCER, -8, 0},
    {SYNTH_CHEMISTRY, "3A015000002327101^アルブミン^JC10^L02^Ａｌｂ^99LAB",
     "g/dl^g/dl^99UNT", 1, 38, 53, 44, 2, SYNTH_DIALYSIS | SYNTH_STROKE, -9, -4},
    {SYNTH_CHEMISTRY, "3B035000002327201^GOT(AST)^JC10^L03^ＡＳＴ^99LAB", "U/L^U/L^99UNT",
     0, 10, 40, 23, 6, SYNTH_CANCER, 14, 10},
    {SYNTH_CHEMISTRY, "L04^ＡＬＴ^99LAB", "U/L^U/L^99UNT", 0, 5, 45, 21, 7, SYNTH_LIPIDS,
     18, 8},
    {SYNTH_CHEMISTRY, "3B050000002327201^LDH^JC10^L05^ＬＤ^99LAB", "U/L^U/L^99UNT", 0,
     124, 222, 178, 20, SYNTH_CANCER, 60, 40},
    {SYNTH_CHEMISTRY, "3J010000002327101^総ビリルビン^JC10^L06^Ｔ−Ｂｉｌ^99LAB",
     "mg/dl^mg/dl^99UNT", 1, 2, 12, 7, 2, SYNTH_CANCER, 3, 1},
    {SYNTH_CHEMISTRY, "L07^尿素窒素^99LAB", "mg/dl^mg/dl^99UNT", 1, 80, 200, 142, 20,
     SYNTH_KIDNEY | SYNTH_DIALYSIS, 320, 30},
    {SYNTH_CHEMISTRY, "L08^クレアチニン^99LAB", "mg/dl^mg/dl^99UNT", 2, 46, 107, 78, 8,
     SYNTH_KIDNEY, 120, 6},
    {SYNTH_CHEMISTRY, "L09^ｅＧＦＲ^99LAB", "ml/min/1.73m*2^mL/分/1.73㎡^99UNT", 0, 60,
     120, 74, 6, SYNTH_KIDNEY | SYNTH_DIALYSIS, -44, -4},
    {SYNTH_CHEMISTRY, "L10^ナトリウム^99LAB", "mmol/l^mmol/L^99UNT", 0, 138, 145, 141, 2,
     SYNTH_HEART, -3, -2},
    {SYNTH_CHEMISTRY, "L11^カリウム^99LAB", "mmol/l^mmol/L^99UNT", 1, 36, 48, 42, 3,
     SYNTH_DIALYSIS | SYNTH_KIDNEY, 10, 0},
    {SYNTH_CHEMISTRY, "L12^ＣＲＰ^99LAB", "mg/dl^mg/dl^99UNT", 2, 0, 14, 8, 5,
     SYNTH_CANCER, 60, 1200},
    {SYNTH_CHEMISTRY, "L13^ＬＤＬ−コレステロール^99LAB", "mg/dl^mg/dl^99UNT", 0, 65, 139,
     112, 12, SYNTH_LIPIDS, 62, 0},
    {SYNTH_BLOOD_COUNT, "L21^白血球数^99LAB", "/ul^/μL^99UNT", 0, 3300, 8600, 5800, 900,
     SYNTH_CANCER, -2600, 8200},
    {SYNTH_BLOOD_COUNT, "L22^赤血球数^99LAB", ".10*4/ul^万/μL^99UNT", 0, 386, 555, 445,
     15, SYNTH_DIALYSIS | SYNTH_CANCER, -110, -8},
    {SYNTH_BLOOD_COUNT, "L23^ヘモグロビン^99LAB", "g/dl^g/dl^99UNT", 1, 116, 168, 136, 5,
     SYNTH_DIALYSIS | SYNTH_CANCER, -34, -4},
    {SYNTH_BLOOD_COUNT, "L24^ヘマトクリット^99LAB", "%^%^ISO+", 1, 351, 501, 411, 14,
     SYNTH_DIALYSIS | SYNTH_CANCER, -100, -12},
    {SYNTH_BLOOD_COUNT, "L25^血小板数^99LAB", ".10*4/ul^万/μL^99UNT", 1, 158, 348, 232,
     24, SYNTH_CANCER, -90, 20},
    {SYNTH_SUGAR, "L31^ＨｂＡ１ｃ^99LAB", "%^%^ISO+", 1, 49, 60, 55, 2, SYNTH_DIABETES,
     34, 0},
    {SYNTH_SUGAR, "L32^血糖^99LAB", "mg/dl^mg/dl^99UNT", 0, 73, 109, 96, 9,
     SYNTH_DIABETES, 92, 22},
    {SYNTH_URINE, "L41^尿蛋白^99LAB", "mg/dl^mg/dl^99UNT", 0, 0, 20, 9, 5,
     SYNTH_KIDNEY | SYNTH_DIABETES, 60, 10},
    {SYNTH_CLOTTING, "2B0300000022311^ＰＴ^JC10^L51^ＰＴ−ＩＮＲ^99LAB", "", 2, 80, 120,
     99, 6, SYNTH_STROKE, 12, 0},
    {SYNTH_CLOTTING, "2B100000002231101^Ｆｉｂ^JC10^L52^フィブリノゲン^99LAB",
     "mg/dl^mg/dl^99UNT", 0, 200, 400, 288, 34, SYNTH_CANCER, 90, 160},
};

struct panel {
    const char *service;  /* OBR-4 */
    const char *material; /* SPM-4 */
};

static const struct panel PANELS[] = {
    [SYNTH_CHEMISTRY] = {"E002^生化学的検査^99PNL", "023^血清^JC10"},
    [SYNTH_BLOOD_COUNT] = {"E001^血液学的検査^99PNL", "019^全血(添加物入り)^JC10"},
    [SYNTH_SUGAR] = {"E003^糖代謝検査^99PNL", "022^血漿^JC10"},
    [SYNTH_URINE] = {"E004^尿一般検査^99PNL", "003^新鮮尿^JC10"},
    [SYNTH_CLOTTING] = {"E005^凝固検査^99PNL", "022^血漿^JC10"},
};

enum { ITEM_COUNT = sizeof ITEMS / sizeof *ITEMS };

static int value_of(struct synth_pen *pen, const struct item *item, int32_t day,
                    int fever)
{
    struct rand_seeded own = synth_dice(
        pen->synth->seed, 71, (uint64_t)(pen->person->index * 64 + (item - ITEMS)));
    int value = item->usual + synth_roll(&own, -item->noise, item->noise);
    if (item->condition & pen->person->conditions) {
        /* Treatment takes half of the shift within two years; kidneys get worse. */
        int age_days = day - pen->record->first_day;
        int treated = age_days > 730 ? 730 : age_days < 0 ? 0 : age_days;
        bool is_kidney = item->condition & (SYNTH_KIDNEY | SYNTH_DIALYSIS);
        int strength = synth_roll(&own, 60, 130);
        int part = is_kidney ? 730 + treated / 2 : 1460 - treated;
        value += item->shift * strength / 100 * part / 1460;
    }
    value += item->fever_shift * fever / 100;
    value += synth_roll(&pen->dice, -item->noise, item->noise);
    return value < 0 ? 0 : value;
}

static void put_number(char *out, size_t size, int value, int decimals)
{
    if (decimals == 0)
        snprintf(out, size, "%d", value);
    else if (decimals == 1)
        snprintf(out, size, "%d.%d", value / 10, value % 10);
    else
        snprintf(out, size, "%d.%02d", value / 100, value % 100);
}

/* Now and then a value is below what the machine measures. */
static void put_result(struct synth_pen *pen, const struct item *item, int number,
                       struct synth_moment at, int fever)
{
    char value[16];
    char low[16];
    char high[16];
    int measured = value_of(pen, item, at.day, fever);
    bool is_below_limit = item->low == 0 && measured < 5;
    put_number(low, sizeof low, item->low, item->decimals);
    put_number(high, sizeof high, item->high, item->decimals);
    put_number(value, sizeof value, is_below_limit ? 5 : measured, item->decimals);
    const char *flag = measured < item->low ? "L" : measured > item->high ? "H" : "";
    synth_line(pen, "OBX|%d|%s|%s||%s%s|%s|%s-%s|%s|||F|||%s\r", number,
               is_below_limit ? "ST" : "NM", item->code, is_below_limit ? "< " : "",
               value, item->unit, low, high, flag, synth_minute(at).at);
}

static struct synth_orc order_of(struct synth_pen *pen, const struct synth_care *care,
                                 const char *number)
{
    return (struct synth_orc){
        .control = "NW",
        .order = number,
        .group = "",
        .status = "",
        .parent = "",
        .at = pen->at,
        .doctor = synth_doctor_of(pen->facility, care->department),
        .place = care->place,
        .department = care->department,
        .class = care->place[0] ? 'I' : 'O',
    };
}

static void write_order(struct synth_pen *pen, const struct synth_care *care,
                        enum synth_panel panel, const char *number)
{
    synth_start(pen, SYNTH_OML_01, care->at);
    synth_put_head(pen, care);
    synth_line(pen, "SPM|1|||%s|||||||||||||%s\r", PANELS[panel].material,
               synth_minute(care->at).at);
    struct synth_orc orc = order_of(pen, care, number);
    synth_put_orc(pen, &orc);
    synth_line(pen, "TQ1|1||||||||R^^HL70485\rOBR|1|%s||%s||||||||||||", number,
               PANELS[panel].service);
    synth_put_doctor(pen, orc.doctor);
    synth_line(pen, "\r");
    int count = 0;
    for (int i = 0; i < ITEM_COUNT; i++)
        if (ITEMS[i].panel == panel)
            synth_line(pen, "OBX|%d||%s||||||||O\r", ++count, ITEMS[i].code);
    struct synth_file file = {SYNTH_OML_01,     care->at.day, number,
                              care->department, '1',          1};
    synth_save(pen, &file);
}

/* Before a dialysis the laboratory is told more, in fields that are empty elsewhere. */
static const char *told_of(const struct synth_pen *pen)
{
    bool is_dialysis =
        pen->person->conditions & SYNTH_DIALYSIS && pen->record->facility == SYNTH_KEYAKI;
    return is_dialysis
               ? "2^シャント肢での採血禁止^99CAU|透析前\\.br\\ドライウエイト 52.5 kg"
               : "|";
}

static void put_service(struct synth_pen *pen, const struct synth_care *care,
                        const char *number, const char *service)
{
    struct synth_stamp date = synth_date(care->at.day);
    synth_line(pen, "OBR|1|%s|S%s|%s|||%s|%s||||%s|||", number, number + 1, service,
               date.at, date.at, told_of(pen));
    struct synth_orc orc = order_of(pen, care, number);
    synth_put_doctor(pen, orc.doctor);
    synth_line(pen, "||||||%s\r", synth_second(pen->at).at);
    orc.control = "SC";
    orc.status = "CM";
    synth_put_orc(pen, &orc);
}

static void write_result(struct synth_pen *pen, const struct synth_care *care,
                         enum synth_panel panel, const char *number, int fever)
{
    synth_put_head(pen, care);
    synth_line(pen, "SPM|1|S%s||%s|||||||||||||%s\r", number + 1, PANELS[panel].material,
               synth_minute(care->at).at);
    put_service(pen, care, number, PANELS[panel].service);
    int count = 0;
    for (int i = 0; i < ITEM_COUNT; i++)
        if (ITEMS[i].panel == panel)
            put_result(pen, &ITEMS[i], ++count, care->at, fever);
}

void synth_write_laboratory(struct synth_pen *pen, const struct synth_care *care,
                            enum synth_panel panel, int fever, bool with_order)
{
    struct synth_order number = synth_next_order(pen);
    struct synth_file file = {SYNTH_OML_11,     care->at.day, number.number,
                              care->department, '1',          1};
    if (with_order)
        write_order(pen, care, panel, number.number);
    struct synth_moment reported = synth_later(care->at, 95);
    reported.day = care->at.day;
    if (reported.second < care->at.second)
        reported.second = 86000;
    if (synth_chance(&pen->dice, 3)) {
        synth_start(pen, SYNTH_OML_11, care->at);
        write_result(pen, care, panel, number.number, fever);
        file.flag = '2';
        synth_save(pen, &file);
        file.flag = '1';
    }
    synth_start(pen, SYNTH_OML_11, reported);
    write_result(pen, care, panel, number.number, fever);
    synth_save(pen, &file);
}

void synth_write_culture(struct synth_pen *pen, const struct synth_care *care)
{
    struct synth_order number = synth_next_order(pen);
    synth_start(pen, SYNTH_OML_11, care->at);
    synth_put_head(pen, care);
    synth_line(pen, "SPM|1|S%s||061^喀痰^JC10|||||||||||||%s\r", number.number + 1,
               synth_minute(care->at).at);
    put_service(pen, care, number.number, "E010^細菌検査^99PNL");
    synth_line(pen, "OBX|1|CWE|6B010000006174114^培養同定菌名^JC10|1|"
                    "2001^E.coli^JANIS||||||F\r");
    synth_line(pen, "OBX|2|ST|6B010000006174112^培養同定菌量^JC10|1| 2 +||||||F\r");
    synth_line(pen,
               "OBR|2|%s||6C010^薬剤感受性^99PNL|||%s|||||||||||||||||||"
               "6B010000006174114&培養同定菌名&JC10^1^E.coli\r",
               number.number, synth_date(care->at.day).at);
    static const char *const drugs[][3] = {{"Ｐ１^ＰＩＰＣ", "<=8", "S"},
                                           {"Ｐ２^ＣＡＺ", "16", "I"},
                                           {"Ｐ３^ＬＶＦＸ", ">8", "R"}};
    for (int i = 0; i < 3; i++)
        synth_line(pen, "OBX|%d|ST|%s^99SUS||%s|ug/ml^μg/mL^99UNT||%s|||F\r", i + 1,
                   drugs[i][0], drugs[i][1], drugs[i][2]);
    struct synth_file file = {SYNTH_OML_11,     care->at.day, number.number,
                              care->department, '1',          1};
    synth_save(pen, &file);
}
