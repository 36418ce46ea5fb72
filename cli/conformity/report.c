// SPDX-License-Identifier: Apache-2.0
/* The report as text for a terminal or a mail. */
#include <inttypes.h>
#include <string.h>

#include "cli/conformity/conformity.h"

static const char *pick(const struct conformity_report *report, const char *japanese,
                        const char *english)
{
    return report->is_english ? english : japanese;
}

/* Nothing from a file's name may move the cursor of a terminal. */
static void put_line(struct buf *out, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        buf_byte(out, byte < 0x20 || byte == 0x7F ? '?' : byte);
    }
}

static void put_total(const struct conformity_report *report, struct buf *out)
{
    const struct conformity_total *total = report->total;
    buf_cstr(out, pick(report, "SS-MIX2ストレージ 適合性検査\n",
                       "SS-MIX2 storage: conformity\n"));
    put_line(out, report->root);
    buf_format(out, "  %s\n\n", report->day);
    buf_format(out, "%12" PRIu64 "  %s\n", total->files,
               pick(report, "ファイル", "files"));
    buf_format(out, "%12" PRIu64 "  %s\n", total->patients,
               pick(report, "患者", "patients"));
    buf_format(out, "%12" PRIu64 "  %s\n", total->clean,
               pick(report, "指摘なし", "without a finding"));
    for (int i = 0; i < CONFORMITY_WEIGHT_COUNT; i++)
        buf_format(out, "%12" PRIu64 "  %s\n", total->by_weight[i],
                   conformity_weight_name((enum conformity_weight)i, report->is_english));
    buf_format(out, "%12.1f  %s\n\n", total->seconds, pick(report, "秒", "seconds"));
}

static void put_code(const struct conformity_report *report,
                     const struct conformity_code *code, struct buf *out)
{
    const struct conformity_words *words = conformity_find_words(code->code);
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    buf_format(out, "%12" PRIu64 "  %s [%s]\n", code->count,
               pick(report, words->japanese, words->english), code->code);
    buf_format(out, "              → %s\n",
               pick(report, words->japanese_advice, words->english_advice));
    for (int i = 0; i < code->example_count; i++) {
        buf_cstr(out, "              ");
        put_line(out, conformity_path(code->examples[i], &arena));
        buf_cstr(out, code->places[i][0] ? "  " : "");
        buf_cstr(out, code->places[i]);
        buf_byte(out, '\n');
    }
}

static void put_codes(const struct conformity_report *report, struct buf *out)
{
    const struct conformity_total *total = report->total;
    int weight = -1;
    for (size_t i = 0; i < total->code_count; i++) {
        const struct conformity_code *code = &total->codes[i];
        int own = (int)conformity_find_words(code->code)->weight;
        if (own != weight)
            buf_format(
                out, "%s%s\n", i ? "\n" : "",
                conformity_weight_name((enum conformity_weight)own, report->is_english));
        weight = own;
        put_code(report, code, out);
    }
    if (total->code_count > 0)
        buf_byte(out, '\n');
}

static void put_type(const struct conformity_type *type, const char *code,
                     const char *name, struct buf *out)
{
    char first[DAY_TEXT_BYTES];
    char last[DAY_TEXT_BYTES];
    day_to_iso(type->first_day, first);
    day_to_iso(type->last_day, last);
    buf_format(out,
               "%12" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
               "  %-6s  %10s  %10s  %s\n",
               type->files, type->by_weight[CONFORMITY_REFUSED],
               type->by_weight[CONFORMITY_HELD], type->by_weight[CONFORMITY_TOLERATED],
               code, first, last, name);
}

void conformity_write_text(const struct conformity_report *report, struct buf *out)
{
    put_total(report, out);
    put_codes(report, out);
    buf_cstr(
        out,
        pick(report,
             "    ファイル    不適合      保留      許容  種別    最初        最後\n",
             "       files   refused      held tolerated  type    first       last\n"));
    for (size_t i = 0; i < CONFORMITY_TYPES; i++)
        if (report->total->types[i].files > 0)
            put_type(&report->total->types[i], conformity_type_code(i),
                     conformity_type_name(i, report->is_english), out);
}
