// SPDX-License-Identifier: Apache-2.0
/* tsumugi ssmix check ROOT: is a hospital's storage as the standard says? */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/conformity/conformity.h"
#include "formats/csv/csv.h"

enum { OUTPUT_BYTES_MAX = 16 << 20, ROW_BYTES_MAX = 64 << 10 };

static const char usage[] =
    "usage: tsumugi ssmix check [--english] [--csv | --html] ROOT\n"
    "Reads a whole SS-MIX2 storage, standardized or extended, changes nothing, and "
    "reports what a\n"
    "gateway would refuse, hold back or tolerate, and what to do about it.\n"
    "  --english  in English instead of Japanese\n"
    "  --csv      a row for each file's findings instead of the summary\n"
    "  --html     the summary as a page to print\n"
    "On a terminal a line tells how far it is. Exit status: 0 all files can be shown,\n"
    "1 some cannot, or there is no storage to read, 2 usage. The report has patients'\n"
    "numbers in file names: keep it in the house.\n";

struct options {
    const char *root;
    bool is_english;
    bool is_csv;
    bool is_html;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){0};
    if (argc < 3 || strcmp(argv[1], "check") != 0)
        return false;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--english") == 0)
            options->is_english = true;
        else if (strcmp(argv[i], "--csv") == 0)
            options->is_csv = true;
        else if (strcmp(argv[i], "--html") == 0)
            options->is_html = true;
        else if (argv[i][0] == '-' || options->root)
            return false;
        else
            options->root = argv[i];
    }
    return options->root && !(options->is_csv && options->is_html);
}

/* ---- CSV: rows as they are found ---- */

struct csv_report {
    bool is_english;
    struct buf out;
    struct csv_writer writer;
};

static bool flush(struct csv_report *csv, struct err *err)
{
    if (!buf_check(&csv->out, err))
        return false;
    if (fwrite(csv->out.at, 1, csv->out.len, stdout) != csv->out.len)
        return err_set(err, ERR_SYSTEM, "write_failed", "the report cannot be written");
    buf_reset(&csv->out);
    return true;
}

static bool begin_csv(struct csv_report *csv, struct err *err)
{
    static const char *const japanese[] = {"ファイル", "データ種別", "判定", "コード",
                                           "位置",     "内容",       "対応", "項目"};
    static const char *const english[] = {"file",   "type",    "result",     "code",
                                          "offset", "finding", "what to do", "field"};
    csv->writer = csv_writer(&csv->out, CSV_WITH_MARK);
    for (size_t i = 0; i < sizeof japanese / sizeof japanese[0]; i++)
        csv_cstr(&csv->writer, csv->is_english ? english[i] : japanese[i]);
    csv_end_row(&csv->writer);
    return flush(csv, err);
}

static bool put_row(void *context, const struct conformity_finding *finding,
                    struct err *err)
{
    struct csv_report *csv = context;
    const struct conformity_words *words = conformity_find_words(finding->code);
    CLEANUP(arena_free) struct arena arena = arena_init(ROW_BYTES_MAX);
    csv_text(&csv->writer, conformity_path(finding->path, &arena));
    csv_cstr(&csv->writer, finding->type);
    csv_cstr(&csv->writer, conformity_weight_name(words->weight, csv->is_english));
    csv_cstr(&csv->writer, finding->code);
    if (finding->has_offset)
        csv_int(&csv->writer, (int64_t)finding->offset);
    else
        csv_cstr(&csv->writer, "");
    csv_cstr(&csv->writer, csv->is_english ? words->english : words->japanese);
    csv_cstr(&csv->writer,
             csv->is_english ? words->english_advice : words->japanese_advice);
    csv_cstr(&csv->writer, finding->place);
    csv_end_row(&csv->writer);
    return flush(csv, err);
}

/* ---- the summary ---- */

static bool print_summary(const struct options *options, struct conformity_total *total,
                          struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(OUTPUT_BYTES_MAX);
    CLEANUP(arena_free) struct arena arena = arena_init(ROW_BYTES_MAX);
    struct conformity_report report = {.total = total,
                                       .root = conformity_path(options->root, &arena),
                                       .is_english = options->is_english};
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), report.day);
    conformity_sort_codes(total);
    if (options->is_html)
        conformity_write_html(&report, &out);
    else
        conformity_write_text(&report, &out);
    if (!buf_check(&out, err))
        return false;
    return fwrite(out.at, 1, out.len, stdout) == out.len ||
           err_set(err, ERR_SYSTEM, "write_failed", "the report cannot be written");
}

static bool check(const struct options *options, struct conformity_total *total,
                  struct err *err)
{
    struct csv_report csv = {.is_english = options->is_english,
                             .out = buf_init(ROW_BYTES_MAX)};
    struct conformity_walk walk = {.root = options->root,
                                   .shows_progress = isatty(STDERR_FILENO) != 0,
                                   .is_english = options->is_english};
    if (options->is_csv) {
        walk.note = put_row;
        walk.context = &csv;
    }
    bool is_done = (!options->is_csv || begin_csv(&csv, err)) &&
                   conformity_check(&walk, total, err) &&
                   (options->is_csv || print_summary(options, total, err));
    buf_free(&csv.out);
    return is_done;
}

/* The hospital's people read this one, too. */
static void tell_fault(const struct options *options, const struct err *err)
{
    static const struct {
        const char *code;
        const char *japanese;
        const char *english;
    } faults[] = {
        {"storage_empty",
         "ファイルが一つもありません。ストレージがマウントされているか確認してください",
         "there is not a single file: is the storage mounted?"},
        {"path_missing", "フォルダがありません。パスを確認してください",
         "there is no such folder"},
        {"path_failed", "フォルダを読めません。アクセス権を確認してください",
         "the folder cannot be read: look at its rights"},
        {"write_failed", "報告を書き出せません。出力先の空き容量を確認してください",
         "the report cannot be written: is there room?"},
    };
    const char *text = err->text;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strcmp(faults[i].code, err->code) == 0)
            text = options->is_english ? faults[i].english : faults[i].japanese;
    fprintf(stderr, "tsumugi ssmix: %s: %s\n", err->code, text);
}

static void print_usage(FILE *out)
{
    fputs(usage, out);
}

static int run(int argc, char **argv)
{
    struct options options;
    struct conformity_total total = {0};
    struct err err = {0};
    if (!read_options(argc, argv, &options)) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    bool is_done = check(&options, &total, &err);
    /* a folder that the storage ought to be mounted on is no good storage */
    if (is_done && total.files == 0)
        is_done = err_set(&err, ERR_MISSING, "storage_empty", "no file at all");
    bool is_good = is_done && total.by_weight[CONFORMITY_REFUSED] == 0 &&
                   total.by_weight[CONFORMITY_HELD] == 0;
    arena_free(&total.arena);
    if (!is_done)
        tell_fault(&options, &err);
    if (fflush(stdout) != 0)
        return COMMAND_FAILED;
    return is_good ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_ssmix = {
    "ssmix", "check a hospital's SS-MIX2 storage: ssmix check ROOT", print_usage, run};
