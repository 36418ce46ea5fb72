// SPDX-License-Identifier: Apache-2.0
/* Documents, structured reports, directories. */
#include "formats/dicom/dicom_testsite.h"

/* ------------------------------------------------------------------ documents */

static void a_document_loses_its_pad_and_nothing_else(void)
{
    static const struct {
        const char *bytes;
        size_t len, wanted;
        uint32_t stated; /* 0 = not there */
    } cases[] = {{"%PDF%%EOF\0", 10, 9, 0},
                 {"%PDF%%EOF\0", 10, 9, 9},
                 {"%PDF%%EO\0\0", 10, 10, 10},
                 {"%PDF%%EOF\n", 10, 10, 0},
                 {"%PDF%%EOF\n", 10, 10, 99999}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct site site = new_site(LITTLE);
        struct err err = {0};
        put_bytes(&site, DICOM_DOCUMENT, "OB", cases[i].bytes, cases[i].len);
        put_string(&site, DICOM_DOCUMENT_TYPE, "LO", "application/pdf");
        if (cases[i].stated) {
            put_head(&site, DICOM_DOCUMENT_LENGTH, "UL", 4);
            put_u32(&site, cases[i].stated);
        }
        struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
        CHECK(file && dicom_document(file).len == cases[i].wanted);
    }
}

/* ------------------------------------------------------------------ reports */

static void put_code(struct site *site, uint32_t tag, const char *value,
                     const char *scheme, const char *meaning)
{
    open_sequence(site, tag);
    open_item(site);
    put_string(site, DICOM_CODE_VALUE, "SH", value);
    put_string(site, DICOM_CODE_SCHEME, "SH", scheme);
    put_string(site, DICOM_CODE_MEANING, "LO", meaning);
    close_item(site);
    close_sequence(site);
}

static void open_content(struct site *site, const char *type, const char *name)
{
    open_item(site);
    put_string(site, DICOM_VALUE_TYPE, "CS", type);
    put_code(site, DICOM_CONCEPT_NAME, "1", "99X", name);
}

static void put_report(struct site *site)
{
    put_string(site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(site, DICOM_VALUE_TYPE, "CS", "CONTAINER");
    put_code(site, DICOM_CONCEPT_NAME, "1", "99X", "超音波検査報告");
    open_sequence(site, DICOM_CONTENT);
    open_content(site, "NUM", "径");
    open_sequence(site, DICOM_MEASURED_VALUES);
    open_item(site);
    put_code(site, DICOM_UNITS, "mm", "UCUM", "millimeter");
    put_string(site, DICOM_NUMERIC_VALUE, "DS", "12.5");
    close_item(site);
    close_sequence(site);
    close_item(site);
    open_content(site, "CONTAINER", "所見");
    open_sequence(site, DICOM_CONTENT);
    open_content(site, "TEXT", "文");
    put_string(site, DICOM_TEXT_VALUE, "UT", "異常なし");
    close_item(site);
    open_content(site, "TEXT", "所見");
    put_string(site, DICOM_TEXT_VALUE, "UT", "再検を");
    open_sequence(site, DICOM_CONTENT);
    open_content(site, "TEXT", "所見");
    put_string(site, DICOM_TEXT_VALUE, "UT", "前回と同じ");
    close_item(site);
    close_sequence(site);
    close_item(site);
    open_content(site, "CODE", "部位");
    put_code(site, DICOM_CONCEPT_CODE, "T-1", "SRT", "肝");
    close_item(site);
    open_content(site, "PNAME", "読影医");
    put_string(site, DICOM_PERSON_VALUE, "PN", "Sato=佐藤^花子");
    close_item(site);
    open_content(site, "DATETIME", "時刻");
    put_string(site, DICOM_DATETIME_VALUE, "DT", "20260401101530");
    close_item(site);
    open_content(site, "NEWTYPE", "知らない");
    close_item(site);
    close_sequence(site);
    close_item(site);
    close_sequence(site);
}

static void a_report_is_lines_in_reading_order(void)
{
    static const struct {
        unsigned level;
        const char *type, *label, *value, *unit;
        bool is_named;
    } wanted[] = {
        {0, "CONTAINER", "超音波検査報告", "", "", false},
        {1, "NUM", "径", "12.5", "mm", false},
        {1, "CONTAINER", "所見", "", "", false},
        {2, "TEXT", "文", "異常なし", "", false},
        {2, "TEXT", "所見", "再検を", "", true},
        {3, "TEXT", "所見", "前回と同じ", "", false},
        {2, "CODE", "部位", "肝", "", false},
        {2, "PNAME", "読影医", "佐藤 花子", "", false},
        {2, "DATETIME", "時刻", "2026-04-01 10:15:30", "", false},
        {2, "OTHER", "知らない", "", "", false},
    };
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct dicom_line *line = NULL;
    struct err err = {0};
    put_report(&site);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && dicom_report(file, &arena, &line, &err));
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        CHECK(line != NULL);
        if (!line)
            return;
        CHECK(line->level == wanted[i].level && strcmp(line->type, wanted[i].type) == 0);
        CHECK(text_is(line->label, wanted[i].label));
        CHECK(text_is(line->value, wanted[i].value));
        CHECK(text_is(line->unit, wanted[i].unit));
        CHECK(line->is_named == wanted[i].is_named);
        line = line->next;
    }
    CHECK(!line);
}

/* ------------------------------------------------------------------ directories */

/* Records of one length, so that offsets are easy: next, lower, type, file. */
struct record {
    uint32_t next, lower;
    const char *type, *file;
};

enum { FIRST_RECORD = 132 + 12 + 34 + 16 + 28 + 12 + 12, RECORD_BYTES = 100 };

static void put_record(struct site *site, const struct record *record)
{
    size_t start = site->out.len;
    put_tag(site, 0xFFFEE000);
    put_u32(site, RECORD_BYTES - 8);
    put_head(site, DICOM_NEXT_RECORD, "UL", 4);
    put_u32(site, record->next ? FIRST_RECORD + (record->next - 1) * RECORD_BYTES : 0);
    put_head(site, DICOM_LOWER_RECORD, "UL", 4);
    put_u32(site, record->lower ? FIRST_RECORD + (record->lower - 1) * RECORD_BYTES : 0);
    put_string(site, DICOM_RECORD_TYPE, "CS", record->type);
    if (record->file)
        put_string(site, DICOM_REFERENCED_FILE, "CS", record->file);
    put_head(site, DICOM_PATIENT_NAME, "PN",
             (uint32_t)(RECORD_BYTES - (site->out.len - start) - 8));
    while (site->out.len - start < RECORD_BYTES)
        buf_byte(&site->out, ' ');
}

static struct dicom_record *read_records(const struct record *records, uint32_t root,
                                         struct arena *arena, struct dicom_file **file)
{
    struct site site = new_site(LITTLE);
    struct dicom_record *first = NULL;
    struct err err = {0};
    put_head(&site, DICOM_FIRST_ROOT_RECORD, "UL", 4);
    put_u32(&site, root ? FIRST_RECORD + (root - 1) * RECORD_BYTES : 0);
    open_sequence(&site, DICOM_DIRECTORY_RECORDS);
    CLEANUP(buf_free) struct buf probe = wrap(&site, LITTLE);
    CHECK(probe.len == FIRST_RECORD);
    for (; records->type; records++)
        put_record(&site, records);
    close_sequence(&site);
    *file = read_site(&site, LITTLE, arena, &err);
    CHECK(*file && dicom_is_directory(*file));
    CHECK(*file && dicom_directory(*file, arena, &first, &err));
    return first;
}

/* PATIENT(STUDY(IMAGE A, IMAGE B)) in words. */
static void put_tree(struct buf *out, const struct dicom_record *record)
{
    for (; record; record = record->next) {
        buf_text(out, record->type);
        if (record->path.len > 0) {
            buf_byte(out, ' ');
            buf_text(out, record->path);
        }
        if (record->child) {
            buf_byte(out, '(');
            put_tree(out, record->child);
            buf_byte(out, ')');
        }
        if (record->next)
            buf_cstr(out, ", ");
    }
}

static void directories_are_trees_whatever_their_offsets(void)
{
    static const struct {
        uint32_t root;
        bool is_told;
        struct record records[7];
        const char *wanted;
    } cases[] = {
        /* as it should be, in another order */
        {5,
         false,
         {{2, 0, "IMAGE", "A\\1"},
          {0, 0, "IMAGE", "A\\2"},
          {0, 1, "SERIES", NULL},
          {0, 3, "STUDY", NULL},
          {0, 4, "PATIENT", NULL},
          {0}},
         "PATIENT(STUDY(SERIES(IMAGE A/1, IMAGE A/2)))"},
        /* no offsets: by order and type */
        {0,
         true,
         {{0, 0, "PATIENT", NULL},
          {0, 0, "STUDY", NULL},
          {0, 0, "SERIES", NULL},
          {0, 0, "IMAGE", "A\\1"},
          {0, 0, "STUDY", NULL},
          {0}},
         "PATIENT(STUDY(SERIES(IMAGE A/1)), STUDY)"},
        /* the first root is not where it is said to be */
        {1,
         true,
         {{0, 0, "IMAGE", "A\\1"},
          {0, 1, "SERIES", NULL},
          {0, 2, "STUDY", NULL},
          {0, 3, "PATIENT", NULL},
          {0}},
         "PATIENT(STUDY(SERIES(IMAGE A/1)))"},
        /* a circle */
        {1,
         true,
         {{0, 2, "PATIENT", NULL},
          {0, 3, "STUDY", NULL},
          {2, 1, "SERIES", NULL},
          {4, 4, "IMAGE", "A"},
          {0}},
         "PATIENT(STUDY(SERIES(IMAGE A)))"},
        /* offsets into nothing, and a series without a study */
        {9,
         true,
         {{8, 8, "PATIENT", NULL}, {0, 0, "SERIES", NULL}, {0, 7, "IMAGE", "A"}, {0}},
         "PATIENT(SERIES(IMAGE A))"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        CLEANUP(buf_free) struct buf tree = buf_init(4096);
        struct dicom_file *file = NULL;
        put_tree(&tree, read_records(cases[i].records, cases[i].root, &arena, &file));
        bool is_right = span_is(buf_view(&tree), cases[i].wanted);
        if (!is_right)
            printf("# %zu: %.*s\n", i, (int)tree.len, tree.at);
        CHECK(is_right);
        CHECK(file && has_warning(file, "dicom_directory_offsets") == cases[i].is_told);
    }
}

static void file_ids_stay_below_their_root(void)
{
    static const struct {
        const char *id, *path;
        bool is_told;
    } cases[] = {{"DIR\\FILE_1", "DIR/FILE_1", false},
                 {"dir\\img1.dcm", "dir/img1.dcm", true},
                 {"..\\FILE", "", true},
                 {"A\\..\\..\\B", "", true},
                 {"/etc/passwd", "", true},
                 {"A\\", "", true},
                 {"\\A", "", true},
                 {".hidden", "", true},
                 {"A\\B\\C\\D\\E\\F\\G\\H\\I", "", true},
                 {"A:B", "", true},
                 {"A/../B", "", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct dicom_file *file = NULL;
        struct record records[] = {{0, 0, "IMAGE", cases[i].id}, {0}};
        struct dicom_record *record = read_records(records, 1, &arena, &file);
        bool is_right = record && text_is(record->path, cases[i].path);
        if (!is_right)
            printf("# %s: %.*s\n", cases[i].id, record ? (int)record->path.len : 0,
                   record ? record->path.at : "");
        CHECK(is_right);
        CHECK(file && has_warning(file, "dicom_directory_path") == cases[i].is_told);
    }
}

int main(void)
{
    RUN(a_document_loses_its_pad_and_nothing_else);
    RUN(a_report_is_lines_in_reading_order);
    RUN(directories_are_trees_whatever_their_offsets);
    RUN(file_ids_stay_below_their_root);
    return test_done();
}
