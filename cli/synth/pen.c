// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/pen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "formats/charset/charset.h"

enum { SECONDS_PER_DAY = 24 * 3600, HALF_KANA_ON = 1, HALF_KANA_OFF = 2 };

/* ------------------------------------------------------------------ small words */

struct synth_moment synth_at(int32_t day, int hour, int minute)
{
    return (struct synth_moment){day, hour * 3600 + minute * 60};
}

struct synth_moment synth_later(struct synth_moment at, int minutes)
{
    int second = at.second + minutes * 60;
    return (struct synth_moment){at.day + second / SECONDS_PER_DAY,
                                 second % SECONDS_PER_DAY};
}

struct synth_stamp synth_date(int32_t day)
{
    struct synth_stamp stamp = {{0}};
    int year = 0;
    int month = 0;
    int day_of_month = 0;
    if (day == DAY_NONE)
        return stamp;
    day_to_date(day, &year, &month, &day_of_month);
    snprintf(stamp.at, sizeof stamp.at, "%04d%02d%02d", year % 10000, month % 100,
             day_of_month % 100);
    return stamp;
}

struct synth_stamp synth_second(struct synth_moment at)
{
    struct synth_stamp stamp = synth_date(at.day);
    if (stamp.at[0])
        snprintf(stamp.at + 8, sizeof stamp.at - 8, "%02d%02d%02d", at.second / 3600,
                 at.second / 60 % 60, at.second % 60);
    return stamp;
}

struct synth_stamp synth_minute(struct synth_moment at)
{
    struct synth_stamp stamp = synth_second(at);
    stamp.at[12] = 0;
    return stamp;
}

struct synth_order synth_next_order(struct synth_pen *pen)
{
    struct synth_order order;
    uint64_t used = (uint64_t)++pen->synth->order_numbers[pen->record->facility];
    snprintf(order.number, sizeof order.number, "%015u", (unsigned)used + 11000000U);
    return order;
}

const char *synth_department(const char *code)
{
    static const char *const names[][2] = {
        {"01", "内科"},
        {"04", "神経内科"},
        {"06", "消化器科"},
        {"08", "循環器科"},
        {"09", "小児科"},
        {"10", "外科"},
        {"11", "整形外科"},
        {"20", "ひ尿器科"},
        {"30", "放射線科"},
        {"31", "麻酔科"},
        {"36", "リハビリテーション科"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], code) == 0)
            return names[i][1];
    return "";
}

const struct synth_doctor *synth_doctor_of(const struct synth_facility *facility,
                                           const char *department)
{
    for (int i = 0; i < SYNTH_DOCTORS; i++)
        if (strcmp(facility->doctors[i].department, department) == 0)
            return &facility->doctors[i];
    return &facility->doctors[0];
}

/* ------------------------------------------------------------------ text */

void synth_line(struct synth_pen *pen, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof line);
    buf_put(&pen->text, line, (size_t)len);
}

void synth_start(struct synth_pen *pen, enum synth_type type, struct synth_moment at)
{
    buf_reset(&pen->text);
    pen->at = at;
    pen->at.second += synth_roll(&pen->dice, 0, 59);
    if (pen->at.second >= SECONDS_PER_DAY)
        pen->at.second = SECONDS_PER_DAY - 1;
    pen->fraction = synth_roll(&pen->dice, 0, 9999);
    synth_line(pen,
               "MSH|^~\\&|HIS|%s|GW|RCV|%s.%04d||%s|%d%06d|P|2.5||||||~ISO IR87||"
               "ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r",
               pen->facility->code, synth_second(pen->at).at, pen->fraction,
               synth_type_message(type), pen->record->facility + 1,
               pen->synth->files % 1000000);
}

static void put_kana(struct synth_pen *pen, const char *kana)
{
    if (pen->facility->writes_half_width_kana)
        synth_line(pen, "%c%s%c", HALF_KANA_ON, kana, HALF_KANA_OFF);
    else
        synth_line(pen, "%s", kana);
}

void synth_put_pid(struct synth_pen *pen)
{
    const struct synth_name *name = &pen->record->name;
    synth_line(pen, "PID|0001||%s^^^^PI||%s^%s^^^^^L^I~", pen->record->number,
               name->family, name->given);
    put_kana(pen, name->family_kana);
    synth_line(pen, "^");
    put_kana(pen, name->given_kana);
    synth_line(pen, "^^^^^L^P||%s|%c|||^^^^%s^JPN^H^%s||^PRN^PH^^^^^^^^^%s",
               synth_date(pen->person->birth_day).at, pen->person->sex,
               pen->person->postal_code, pen->person->address, pen->person->phone);
}

void synth_put_doctor(struct synth_pen *pen, const struct synth_doctor *doctor)
{
    if (doctor)
        synth_line(pen, "%s^%s^%s^^^^^^^L^^^^^I", doctor->number, doctor->family,
                   doctor->given);
}

void synth_put_visit(struct synth_pen *pen, const struct synth_visit *visit, bool is_full)
{
    synth_line(pen, "PV1|0001|%c|%s|||%s|", visit->class,
               visit->place ? visit->place : "",
               visit->prior_place ? visit->prior_place : "");
    synth_put_doctor(pen, visit->doctor);
    synth_line(pen, "|||%s", visit->department ? visit->department : "");
    if (is_full) {
        synth_line(pen, "|||||||");
        if (visit->class == 'I')
            synth_put_doctor(pen, visit->doctor);
        synth_line(pen, "|||||||||||||||||||%s||||||||%s|%s",
                   visit->disposition ? visit->disposition : "",
                   synth_minute(visit->admitted).at, synth_minute(visit->discharged).at);
    }
    synth_line(pen, "\r");
}

void synth_put_head(struct synth_pen *pen, const struct synth_care *care)
{
    char clinic[16];
    snprintf(clinic, sizeof clinic, "%s^^^^^C", care->department);
    bool is_inpatient = care->place[0] != 0;
    struct synth_visit visit = {
        .class = is_inpatient ? 'I' : 'O',
        .place = is_inpatient ? care->place : clinic,
        .doctor = synth_doctor_of(pen->facility, care->department),
        .department = care->department,
    };
    synth_put_pid(pen);
    synth_line(pen, "\r");
    synth_put_visit(pen, &visit, false);
}

void synth_put_orc(struct synth_pen *pen, const struct synth_orc *orc)
{
    const struct synth_facility *facility = pen->facility;
    synth_line(pen, "ORC|%s|%s||%s|%s|||%s|%s|", orc->control, orc->order, orc->group,
               orc->status, orc->parent, synth_second(orc->at).at);
    synth_put_doctor(pen, orc->doctor);
    synth_line(pen, "||");
    synth_put_doctor(pen, orc->doctor);
    synth_line(pen, "|%s||||%s^%s^HL70069|PC%02d^^99PCN|||%s|^^^^%s^JPN^^%s", orc->place,
               orc->department, synth_department(orc->department),
               pen->record->facility + 11, facility->name, facility->postal_code,
               facility->address);
    synth_line(pen, "|^^^^^^^^^^^%s||||||%s\r", facility->phone,
               orc->class == 'I' ? "I^入院患者オーダ^HL70482"
                                 : "O^外来患者オーダ^HL70482");
}

/* ------------------------------------------------------------------ bytes */

/* The 7-bit half-width byte of a full-width katakana; *mark gets its sound mark. */
static uint8_t half_width(uint32_t code_point, uint8_t *mark)
{
    static const char order[] =
        "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ"
        "タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";
    enum { FIRST = 0x21, VOICED = 0x5E, SEMI_VOICED = 0x5F };
    *mark = 0;
    for (uint32_t less = 0; less <= 2; less++) {
        struct text rest = text_cstr(order);
        uint32_t candidate = 0;
        uint32_t wanted = code_point == 0x30F4 ? 0x30A6 : code_point - less;
        bool is_voiced = less > 0 || code_point == 0x30F4;
        for (uint8_t byte = FIRST; text_next(&rest, &candidate); byte++)
            if (candidate == wanted) {
                *mark = !is_voiced ? 0 : less == 2 ? SEMI_VOICED : VOICED;
                return byte;
            }
    }
    return 0;
}

static void put_half_width(struct buf *out, struct text kana)
{
    uint32_t code_point = 0;
    buf_cstr(out, "\x1B(I");
    while (text_next(&kana, &code_point)) {
        uint8_t mark = 0;
        uint8_t byte = half_width(code_point, &mark);
        assert(byte != 0);
        buf_byte(out, byte);
        if (mark)
            buf_byte(out, mark);
    }
    buf_cstr(out, "\x1B(B");
}

/* In the right half of JIS X 0201. */
void synth_put_half_width(struct buf *out, struct text kana)
{
    enum { RIGHT = 0x80 };
    uint32_t code_point = 0;
    while (text_next(&kana, &code_point)) {
        uint8_t mark = 0;
        uint8_t byte = half_width(code_point, &mark);
        assert(byte != 0);
        buf_byte(out, byte | RIGHT);
        if (mark)
            buf_byte(out, mark | RIGHT);
    }
}

/* Kanji outside JIS X 0208. One hospital writes its vendor's own bytes in spite of the
 * rule, one writes a plainer form, one ■ as the rule has it. */
struct gaiji {
    uint32_t code_point;
    const char *plain;
    const char *vendor; /* rows 89 to 92, or NULL */
};

static const struct gaiji *find_gaiji(uint32_t code_point)
{
    static const struct gaiji table[] = {
        {0x9AD9, "高", "|b"}, {0xFA11, "崎", "yu"}, {0x20BB7, "吉", NULL},
        {0x5FB7, "徳", "y~"}, {0x6FF5, "浜", "zp"}, {0x6852, "桑", "zI"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code_point == code_point)
            return &table[i];
    return NULL;
}

static void put_gaiji(const struct synth_facility *facility, const struct gaiji *gaiji,
                      struct buf *out)
{
    size_t replaced = 0;
    if (facility->gaiji == SYNTH_GAIJI_VENDOR && gaiji->vendor)
        buf_format(out, "\x1B$B%s\x1B(B", gaiji->vendor);
    else if (facility->gaiji == SYNTH_GAIJI_MARK)
        charset_encode_iso2022jp(TEXT("■"), out, &replaced);
    else
        charset_encode_iso2022jp(text_cstr(gaiji->plain), out, &replaced);
}

void synth_put_written(const struct synth_facility *facility, const char *name,
                       struct buf *out)
{
    struct text rest = text_cstr(name);
    uint32_t code_point = 0;
    while (text_next(&rest, &code_point)) {
        char utf8[4];
        const struct gaiji *gaiji = find_gaiji(code_point);
        bool is_kept = !gaiji || (facility->gaiji == SYNTH_GAIJI_VENDOR && gaiji->vendor);
        if (is_kept)
            buf_put(out, utf8, text_encode(code_point, utf8));
        else
            buf_cstr(out, facility->gaiji == SYNTH_GAIJI_MARK ? "■" : gaiji->plain);
    }
}

void synth_put_encoded(const struct synth_facility *facility, struct text rest,
                       struct buf *out)
{
    struct text plain = {rest.at, 0};
    size_t replaced = 0;
    uint32_t code_point = 0;
    while (rest.len > 0) {
        struct text before = rest;
        text_next(&rest, &code_point);
        const struct gaiji *gaiji = find_gaiji(code_point);
        bool is_special = code_point == HALF_KANA_ON || gaiji;
        plain.len = (size_t)((is_special ? before.at : rest.at) - plain.at);
        if (!is_special)
            continue;
        charset_encode_iso2022jp(plain, out, &replaced);
        if (code_point == HALF_KANA_ON) {
            const char *end = memchr(rest.at, HALF_KANA_OFF, rest.len);
            assert(end);
            put_half_width(out, (struct text){rest.at, (size_t)(end - rest.at)});
            rest = (struct text){end + 1, rest.len - (size_t)(end + 1 - rest.at)};
        } else {
            put_gaiji(facility, gaiji, out);
        }
        plain = (struct text){rest.at, 0};
    }
    charset_encode_iso2022jp(plain, out, &replaced);
}

static void encode(struct synth_pen *pen)
{
    buf_reset(&pen->bytes);
    synth_put_encoded(pen->facility,
                      (struct text){(const char *)pen->text.at, pen->text.len},
                      &pen->bytes);
}

/* ------------------------------------------------------------------ files */

static void put_path(struct synth_pen *pen, const struct synth_file *file)
{
    const char *number = pen->record->number;
    struct synth_stamp date = synth_date(file->day);
    const char *day = date.at[0] ? date.at : "-";
    int len = snprintf(
        pen->path, SYNTH_PATH_BYTES,
        "storage/%s/%.3s/%.3s/%s/%s/%s/%s_%s_%s_%s_%s%03d_%s_%c", pen->facility->code,
        number, number + 3, number, day, synth_type_code(file->type), number, day,
        synth_type_code(file->type), file->key ? file->key : "999999999999999",
        synth_second(pen->at).at, pen->fraction / 10,
        file->department ? file->department : "-", file->flag);
    assert(len > 0 && len < SYNTH_PATH_BYTES);
}

static bool make_parents(int root, const char *path, struct err *err)
{
    char folder[SYNTH_PATH_BYTES];
    for (size_t i = 0; path[i]; i++) {
        if (path[i] == '/') {
            memcpy(folder, path, i);
            folder[i] = 0;
            if (mkdirat(root, folder, 0755) != 0 && errno != EEXIST)
                return err_set(err, ERR_SYSTEM, "path_failed", "cannot make a folder");
        }
    }
    return true;
}

static int make_file(int root, const char *path, struct err *err)
{
    int file = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 && errno == ENOENT) {
        if (!make_parents(root, path, err))
            return -1;
        file = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    }
    if (file < 0)
        err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_SYSTEM, "path_failed",
                "cannot make %s", path);
    return file;
}

bool synth_write_on(int file, struct span bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t written = write(file, bytes.at, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return err_set(err, ERR_SYSTEM, "path_failed", "cannot write a file");
        bytes = span_part(bytes, (size_t)written, bytes.len - (size_t)written);
    }
    return true;
}

int synth_open(struct synth *synth, const char *path)
{
    if (synth->err.kind != ERR_NONE)
        return -1;
    int file = make_file(synth->root, path, &synth->err);
    synth->files += file >= 0;
    return file;
}

/* Not path_write_file: nothing here is worth an fsync per file. */
void synth_save_raw(struct synth *synth, const char *path, struct span bytes)
{
    CLEANUP(path_close) int file = synth_open(synth, path);
    if (file >= 0)
        (void)!synth_write_on(file, bytes, &synth->err);
}

void synth_save(struct synth_pen *pen, const struct synth_file *file)
{
    if (pen->at.day > pen->synth->today || pen->synth->err.kind != ERR_NONE)
        return;
    encode(pen);
    if (!buf_check(&pen->text, &pen->synth->err) ||
        !buf_check(&pen->bytes, &pen->synth->err))
        return;
    put_path(pen, file);
    if (pen->is_dry)
        return;
    synth_save_raw(pen->synth, pen->path, buf_view(&pen->bytes));
    struct synth_count *count = &pen->record->counts[file->type];
    count->files[file->flag - '0']++;
    if (file->flag == '1')
        count->parts += file->parts;
}
