// SPDX-License-Identifier: Apache-2.0
/* The report as one page that can be printed and handed over: no script, nothing from
 * elsewhere; every text goes through put_text. */
#include <inttypes.h>
#include <string.h>

#include "cli/conformity/conformity.h"

static const char head[] =
    "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "style-src 'unsafe-inline'\">\n"
    "<style>body{font:15px/1.6 system-ui,'Hiragino Sans','Yu Gothic UI',Meiryo,"
    "sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1c}"
    "table{border-collapse:collapse;width:100%;margin:0 0 2rem}"
    "th,td{border-bottom:1px solid #ccc;padding:.35rem .6rem;text-align:left;"
    "vertical-align:top}th{white-space:nowrap}"
    "table.t{width:auto}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "code{font-size:.85em;color:#555;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin:1.5rem 0 .5rem}"
    "@page{size:A4;margin:15mm}</style>\n";

static const char *pick(const struct conformity_report *report, const char *japanese,
                        const char *english)
{
    return report->is_english ? english : japanese;
}

static void put_text(struct buf *out, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '<')
            buf_cstr(out, "&lt;");
        else if (c == '>')
            buf_cstr(out, "&gt;");
        else if (c == '&')
            buf_cstr(out, "&amp;");
        else if (c == '"')
            buf_cstr(out, "&quot;");
        else
            buf_byte(out, (uint8_t)c < 0x20 || c == 0x7F ? ' ' : (uint8_t)c);
    }
}

static void put_words(struct buf *out, const char *words)
{
    put_text(out, text_cstr(words));
}

static void put_number(struct buf *out, uint64_t number)
{
    buf_format(out, "<td class=\"n\">%" PRIu64 "</td>", number);
}

static void put_head_row(struct buf *out, const char *const names[])
{
    buf_cstr(out, "<tr>");
    for (; *names; names++) {
        buf_cstr(out, "<th>");
        put_words(out, *names);
        buf_cstr(out, "</th>");
    }
    buf_cstr(out, "</tr>\n");
}

static void put_total(const struct conformity_report *report, struct buf *out)
{
    const struct conformity_total *total = report->total;
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {
        {pick(report, "ファイル", "files"), total->files},
        {pick(report, "患者", "patients"), total->patients},
        {pick(report, "指摘なし", "without a finding"), total->clean},
    };
    buf_cstr(out, "<table class=\"t\">");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_cstr(out, "<tr><th>");
        put_words(out, rows[i].name);
        buf_cstr(out, "</th>");
        put_number(out, rows[i].count);
        buf_cstr(out, "</tr>\n");
    }
    for (int i = 0; i < CONFORMITY_WEIGHT_COUNT; i++) {
        buf_cstr(out, "<tr><th>");
        put_words(out,
                  conformity_weight_name((enum conformity_weight)i, report->is_english));
        buf_cstr(out, "</th>");
        put_number(out, total->by_weight[i]);
        buf_cstr(out, "</tr>\n");
    }
    buf_cstr(out, "</table>\n");
}

static void put_code(const struct conformity_report *report,
                     const struct conformity_code *code, struct buf *out)
{
    const struct conformity_words *words = conformity_find_words(code->code);
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    buf_cstr(out, "<tr>");
    put_number(out, code->count);
    buf_cstr(out, "<td>");
    put_words(out, pick(report, words->japanese, words->english));
    buf_cstr(out, "<br><code>");
    put_words(out, code->code);
    buf_cstr(out, "</code></td><td>");
    put_words(out, pick(report, words->japanese_advice, words->english_advice));
    buf_cstr(out, "</td><td>");
    for (int i = 0; i < code->example_count; i++) {
        buf_cstr(out, i ? "<br><code>" : "<code>");
        put_text(out, conformity_path(code->examples[i], &arena));
        buf_cstr(out, "</code> ");
        put_words(out, code->places[i]);
    }
    buf_cstr(out, "</td></tr>\n");
}

static void put_codes(const struct conformity_report *report, struct buf *out)
{
    const struct conformity_total *total = report->total;
    const char *const names[] = {
        pick(report, "件数", "count"), pick(report, "内容", "finding"),
        pick(report, "対応", "what to do"), pick(report, "例", "examples"), NULL};
    int weight = -1;
    for (size_t i = 0; i < total->code_count; i++) {
        int own = (int)conformity_find_words(total->codes[i].code)->weight;
        if (own != weight) {
            buf_cstr(out, i ? "</table>\n<h2>" : "<h2>");
            put_words(out, conformity_weight_name((enum conformity_weight)own,
                                                  report->is_english));
            buf_cstr(out, "</h2>\n<table>");
            put_head_row(out, names);
        }
        weight = own;
        put_code(report, &total->codes[i], out);
    }
    if (total->code_count > 0)
        buf_cstr(out, "</table>\n");
}

static void put_types(const struct conformity_report *report, struct buf *out)
{
    const char *const names[] = {pick(report, "種別", "type"),
                                 "",
                                 pick(report, "ファイル", "files"),
                                 pick(report, "不適合", "refused"),
                                 pick(report, "保留", "held"),
                                 pick(report, "許容", "tolerated"),
                                 NULL};
    buf_cstr(out, "<h2>");
    put_words(out, pick(report, "データ種別", "Types"));
    buf_cstr(out, "</h2>\n<table>");
    put_head_row(out, names);
    for (size_t i = 0; i < CONFORMITY_TYPES; i++) {
        const struct conformity_type *counted = &report->total->types[i];
        if (counted->files == 0)
            continue;
        buf_cstr(out, "<tr><td>");
        put_words(out, conformity_type_code(i));
        buf_cstr(out, "</td><td>");
        put_words(out, conformity_type_name(i, report->is_english));
        buf_cstr(out, "</td>");
        put_number(out, counted->files);
        for (int j = 0; j < CONFORMITY_WEIGHT_COUNT; j++)
            put_number(out, counted->by_weight[j]);
        buf_cstr(out, "</tr>\n");
    }
    buf_cstr(out, "</table>\n");
}

void conformity_write_html(const struct conformity_report *report, struct buf *out)
{
    buf_format(out, "<!doctype html>\n<html lang=\"%s\">\n%s<title>",
               report->is_english ? "en" : "ja", head);
    const char *title =
        pick(report, "SS-MIX2ストレージ 適合性検査", "SS-MIX2 storage: conformity");
    put_words(out, title);
    buf_cstr(out, "</title>\n<h1>");
    put_words(out, title);
    buf_cstr(out, "</h1>\n<p><code>");
    put_text(out, report->root);
    buf_format(out, "</code> %s</p>\n", report->day);
    put_total(report, out);
    put_codes(report, out);
    put_types(report, out);
    buf_cstr(out, "</html>\n");
}
