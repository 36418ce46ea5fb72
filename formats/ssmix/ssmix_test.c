// SPDX-License-Identifier: Apache-2.0
#include "formats/ssmix/ssmix.h"

#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

#define GOOD_NAME "0123456789_20080126_OML-11_081251234567800_200802031630123_01_1"
#define GOOD_PATH "012/345/0123456789/20080126/OML-11/" GOOD_NAME

static bool parses(const char *file, struct ssmix_name *name)
{
    struct err err = {0};
    return ssmix_parse_file_name(span_cstr(file), name, &err);
}

static const char *code_of_path(const char *path)
{
    struct err err = {0};
    struct ssmix_name name = {0};
    return ssmix_parse_path(span_cstr(path), &name, &err) ? "" : err.code;
}

static void the_parts_of_a_file_name_are_found(void)
{
    struct ssmix_name name = {0};
    CHECK(parses(GOOD_NAME, &name));
    CHECK(span_is(name.patient, "0123456789"));
    CHECK(name.day == day_from_date(2008, 1, 26));
    CHECK(span_is(name.type, "OML-11"));
    CHECK(name.known && name.known->kind == ENTRY_LABORATORY);
    CHECK(span_is(name.key, "081251234567800"));
    CHECK(strcmp(name.occurred, "20080203163012300") == 0);
    CHECK(span_is(name.department, "01"));
    CHECK(name.flag == '1' && name.differs == 0);
}

static void a_name_without_department_and_without_day_is_understood(void)
{
    struct ssmix_name name = {0};
    CHECK(parses("0123456789_-_ADT-00_999999999999999_20080203163012345_0", &name));
    CHECK(name.day == DAY_NONE && name.department.len == 0 && name.flag == '0');
    CHECK(strcmp(name.occurred, "20080203163012345") == 0);
    CHECK(parses("0123456789_-_ADT-00_999999999999999_20080203163012345_-_2", &name));
    CHECK(name.department.len == 0 && name.flag == '2');
    CHECK(
        parses("0123456789_20080126_OMG-11_2011122000300_20080203163012345_24_1", &name));
    CHECK(span_is(name.key, "2011122000300"));
}

static void a_type_may_hold_underscores(void)
{
    struct ssmix_name name = {0};
    CHECK(parses("0123456789_20080126_L_X_Y^Z^99A_000000020160101_201601011200123_1",
                 &name));
    CHECK(span_is(name.type, "L_X_Y^Z^99A"));
    CHECK(name.known == NULL && span_is(name.key, "000000020160101"));
}

static void what_is_no_file_name_is_refused_with_a_reason(void)
{
    static const struct {
        const char *file;
        const char *code;
    } cases[] = {
        {"", "path_unsafe"},
        {"..", "path_unsafe"},
        {"a/b", "path_unsafe"},
        {"a\\b", "path_unsafe"},
        {"readme.txt", "ssmix_name_short"},
        {"0123456789_20080126_OML-11_1_20080203163012300_01_3", "ssmix_flag_invalid"},
        {"0123456789_20080126_OML-11_1_20080203163012300_01_", "ssmix_flag_invalid"},
        {"0123456789_20080126_OML-11_1_20080203163012300_01_11", "ssmix_flag_invalid"},
        {"0123456789_20080126_OML-11_1_2008020316_01_1", "ssmix_occurred_invalid"},
        {"0123456789_20080126_OML-11_1_2008020316301230x_01_1", "ssmix_occurred_invalid"},
        {"0123456789_20080126_OML-11_1_200802031630123000_01_1",
         "ssmix_occurred_invalid"},
        {"0123456789_20080126_OML-11__20080203163012300_01_1", "ssmix_key_missing"},
        {"0123456789_20080126_OML-11_1_20080203163012300_123456_1",
         "ssmix_department_invalid"},
        {"0123456789_20080230_OML-11_1_20080203163012300_01_1", "ssmix_day_invalid"},
        {"0123456789_2008126_OML-11_1_20080203163012300_01_1", "ssmix_day_invalid"},
        {"0123456789__OML-11_1_20080203163012300_01_1", "ssmix_day_invalid"},
        {"0123456789_20080126_1_20080203163012300_01_1", "ssmix_type_missing"},
        {"0123456789_20080126__1_20080203163012300_01_1", "ssmix_type_missing"},
        {"0123456789_1_20080203163012300_01_1", "ssmix_name_short"},
        {"01234_20080126_OML-11_1_20080203163012300_01_1", "ssmix_patient_invalid"},
        {"_20080126_OML-11_1_20080203163012300_01_1", "ssmix_patient_invalid"},
        {"......_20080126_OML-11_1_20080203163012300_01_1", "ssmix_patient_invalid"},
        {"01234 6_20080126_OML-11_1_20080203163012300_01_1", "ssmix_patient_invalid"},
        {"01234^6_20080126_OML-11_1_20080203163012300_01_1", "ssmix_patient_invalid"},
        {"患者１２_20080126_OML-11_1_20080203163012300_01_1", "ssmix_patient_invalid"},
        {"0123456789012345678901234567890_20080126_OML-11_1_20080203163012300_01_1",
         "ssmix_patient_invalid"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct ssmix_name name = {0};
        CHECK(!ssmix_parse_file_name(span_cstr(cases[i].file), &name, &err));
        bool is_reason = err.code && strcmp(err.code, cases[i].code) == 0;
        if (!is_reason)
            printf("# %s: %s\n", cases[i].file, err.code ? err.code : "-");
        CHECK(is_reason && err.clause != NULL);
    }
}

static void the_folder_decides_patient_day_and_type(void)
{
    struct err err = {0};
    struct ssmix_name name = {0};
    CHECK(ssmix_parse_path(SPAN(GOOD_PATH), &name, &err) && name.differs == 0);
    CHECK(ssmix_parse_path(SPAN("000/000/0000001/20000401/ADT-31/" GOOD_NAME), &name,
                           &err));
    CHECK(span_is(name.patient, "0000001"));
    CHECK(name.day == day_from_date(2000, 4, 1));
    CHECK(span_is(name.type, "ADT-31") && name.known->kind == ENTRY_ADMISSION);
    CHECK(name.differs ==
          (SSMIX_PATIENT_DIFFERS | SSMIX_DAY_DIFFERS | SSMIX_TYPE_DIFFERS));
}

static void paths_that_leave_the_layout_are_refused(void)
{
    static const struct {
        const char *path;
        const char *code;
    } cases[] = {
        {"", "ssmix_path_shape"},
        {"/", "ssmix_path_shape"},
        {"345/0123456789/20080126/OML-11/" GOOD_NAME, "ssmix_path_shape"},
        {"x/" GOOD_PATH, "ssmix_path_shape"},
        {"/" GOOD_PATH, "ssmix_path_shape"},
        {GOOD_PATH "/", "ssmix_path_shape"},
        {"012/345/0123456789/20080126/OML-11/", "path_unsafe"},
        {"012/../0123456789/20080126/OML-11/" GOOD_NAME, "path_unsafe"},
        {"012//0123456789/20080126/OML-11/" GOOD_NAME, "path_unsafe"},
        {"012/345/0123456789/20080126/./" GOOD_NAME, "path_unsafe"},
        {"012/346/0123456789/20080126/OML-11/" GOOD_NAME, "ssmix_folder_mismatch"},
        {"013/345/0123456789/20080126/OML-11/" GOOD_NAME, "ssmix_folder_mismatch"},
        {"012/345/0123456789/20081326/OML-11/" GOOD_NAME, "ssmix_day_invalid"},
        {"012/345/01234/20080126/OML-11/" GOOD_NAME, "ssmix_patient_invalid"},
        {"012/345/0123456789/20080126/OML-11/x_1", "ssmix_name_short"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *code = code_of_path(cases[i].path);
        if (strcmp(code, cases[i].code) != 0)
            printf("# %s: %s\n", cases[i].path, code);
        CHECK(strcmp(code, cases[i].code) == 0);
    }
}

static void a_storage_is_found_at_the_end_of_any_path(void)
{
    struct span relative = {0};
    CHECK(ssmix_find_path(SPAN("/srv/9999999999_STD/" GOOD_PATH), &relative));
    CHECK(span_is(relative, GOOD_PATH));
    CHECK(ssmix_find_path(SPAN(GOOD_PATH), &relative));
    CHECK(ssmix_find_path(SPAN("/a/012/345/0123456789/-/X/any name"), &relative));
    CHECK(!ssmix_find_path(SPAN("/srv/message.hl7"), &relative));
    CHECK(!ssmix_find_path(SPAN("012/345/0123456789/20080126/OML-11"), &relative));
    CHECK(!ssmix_find_path(SPAN("/a/b/c/d/e/f"), &relative));
    CHECK(!ssmix_find_path(SPAN(""), &relative));
}

static void names_and_paths_are_written_as_they_are_read(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct err err = {0};
    struct ssmix_name name = {0};
    CHECK(ssmix_parse_path(SPAN("999/901/9999013/-/ADT-00/9999013_-_ADT-00_"
                                "999999999999999_20111220224447339_-_1"),
                           &name, &err));
    ssmix_write_path(&name, &out);
    CHECK(span_is(buf_view(&out), "999/901/9999013/-/ADT-00/9999013_-_ADT-00_"
                                  "999999999999999_20111220224447339_-_1"));
    buf_reset(&out);
    ssmix_write_key(&name, &out);
    CHECK(span_is(buf_view(&out), "9999013/-/ADT-00/999999999999999"));
}

static void versions_are_ordered_by_their_time(void)
{
    struct ssmix_name old = {0};
    struct ssmix_name new = {0};
    CHECK(parses("0123456789_20080126_OML-11_1_20080203163012299_01_1", &old));
    CHECK(parses("0123456789_20080126_OML-11_1_20080203163012300_02_2", &new));
    CHECK(ssmix_same_key(&old, &new));
    CHECK(ssmix_compare_versions(&old, &new) < 0);
    CHECK(ssmix_compare_versions(&new, &old) > 0);
    CHECK(parses("0123456789_20080126_OML-11_1_20080203163012300_02_1", &old));
    CHECK(ssmix_compare_versions(&old, &new) > 0);
    CHECK(parses("0123456789_20080126_OML-11_2_20080203163012300_02_1", &old));
    CHECK(!ssmix_same_key(&old, &new));
    int64_t wall_ms = 0;
    CHECK(ssmix_occurred_ms(&new, &wall_ms));
    CHECK(wall_ms == (int64_t)day_from_date(2008, 2, 3) * 86400000 +
                         ((16 - 9) * 3600 + 30 * 60 + 12) * 1000 + 300);
    CHECK(parses("0123456789_20080126_OML-11_2_20081303993012300_02_1", &old));
    CHECK(!ssmix_occurred_ms(&old, &wall_ms));
}

static void the_table_holds_26_types_and_no_invented_ones(void)
{
    size_t undated = 0;
    for (size_t i = 0; i < SSMIX_TYPE_COUNT; i++) {
        const struct ssmix_type *type = ssmix_type_at(i);
        CHECK(ssmix_find_type(span_cstr(type->code)) == type);
        undated += type->day_from == SSMIX_DAY_FROM_NONE;
    }
    CHECK(undated == 4);
    static const char *const invented[] = {"ADT-43", "ADT-44", "OMI-01", "OMI-11",
                                           "oml-11", "OML",    "",       "OML-11 "};
    for (size_t i = 0; i < sizeof(invented) / sizeof(invented[0]); i++)
        CHECK(ssmix_find_type(span_cstr(invented[i])) == NULL);
    CHECK(text_is(ssmix_department_name(SPAN("01")), "内科"));
    CHECK(text_is(ssmix_department_name(SPAN("15Z")), "呼吸器外科"));
    CHECK(ssmix_department_name(SPAN("99")).len == 0);
}

/* A message of our own in which every segment is mandatory. */
static const char message[] =
    "MSH|^~\\&|H|S|G|R|20260401101500.123||RAS^O17^RAS_O17|1|P|2.5||||||~ISO IR87\r"
    "PID|0001||0001234567||\x1B$B;fLn\x1B(B^\x1B$B2V9>\x1B(B^^^^^L^I||19520229|F\r"
    "ORC|NW|000000000000001||1\r"
    "RXA|0|1|202604010830|202604010830|1^\x1B$B2M6u>{\x1B(B^HOT9|1|TAB^^MR9P\r"
    "RXR|PO\r";

static bool reads(struct span bytes, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct ssmix_name name = {0};
    struct entry_list list = {0};
    struct err path_err = {0};
    CHECK(ssmix_parse_path(SPAN("000/123/0001234567/20260401/OMP-11/0001234567_20260401_"
                                "OMP-11_000000000000001_20260401101500123_01_1"),
                           &name, &path_err));
    bool is_read = ssmix_read(&name, bytes, &arena, &list, err);
    CHECK(is_read || list.first == NULL);
    return is_read;
}

static void every_cut_of_a_message_is_refused(void)
{
    size_t len = sizeof(message) - 1;
    struct err whole = {0};
    CHECK(reads(span_of(message, len), &whole));
    for (size_t i = 0; i < len; i++) {
        struct err err = {0};
        bool is_read = reads(span_of(message, i), &err);
        if (is_read)
            printf("# cut at %zu of %zu\n", i, len);
        CHECK(!is_read);
        CHECK(err.kind == ERR_SYNTAX && err.offset <= i && err.clause);
    }
}

static void a_small_arena_is_an_error_at_every_size(void)
{
    size_t len = sizeof(message) - 1;
    for (size_t cap = 0; cap < 6000; cap += 8) {
        CLEANUP(arena_free) struct arena arena = arena_init(cap);
        struct ssmix_name name = {.patient = SPAN("0001234567"),
                                  .day = day_from_date(2026, 4, 1),
                                  .type = SPAN("OMP-11"),
                                  .known = ssmix_find_type(SPAN("OMP-11")),
                                  .key = SPAN("000000000000001"),
                                  .flag = '1'};
        struct entry_list list = {0};
        struct err err = {0};
        if (!ssmix_read(&name, span_of(message, len), &arena, &list, &err))
            CHECK(err.kind == ERR_LIMIT && list.first == NULL);
    }
}

static void a_message_outside_a_storage_needs_only_its_header(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct entry_list list = {0};
    struct err err = {0};
    CHECK(ssmix_read_loose(SPAN("MSH|^~\\&|||||20260401||ZZZ^Z01|1|P|2.3"), &arena, &list,
                           &err));
    CHECK(list.count == 1 && list.first->kind == ENTRY_UNKNOWN);
    CHECK(list.first->day == day_from_date(2026, 4, 1));
    CHECK(text_is(list.first->title, "その他の電文（ZZZ^Z01）"));
    CHECK(!ssmix_read_loose(SPAN("PID|1"), &arena, &list, &err));
    CHECK(err.kind == ERR_SYNTAX);
}

/* Insurers' and other numbers may stand beside the hospital's own. */
static void the_number_of_the_facility_is_the_patients(void)
{
#define SENT(pid3) "MSH|^~\\&|||||20260401||ZZZ^Z01|1|P|2.5\rPID|||" pid3 "\r"
    const struct {
        struct span message;
        const char *number;
    } sent[] = {
        {SPAN(SENT("99887766^^^^NI~0000777001^^^^PI")), "0000777001"},
        {SPAN(SENT("99887766^^^^JHN~0000777001^5^M10^^MR")), "0000777001"},
        {SPAN(SENT("99887766^^^^NI~0000777001")), "0000777001"},
        {SPAN(SENT("0000777001~99887766")), "0000777001"},
        {SPAN(SENT("~0000777001")), "0000777001"},
        {SPAN(SENT("99887766^^^^NI")), "99887766"},
    };
#undef SENT
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct entry_list list = {0};
        struct err err = {0};
        CHECK(ssmix_read_loose(sent[i].message, &arena, &list, &err));
        CHECK(text_is(list.patient.id, sent[i].number));
    }
}

/* ------------------------------------------------------------------ fixtures */

static const char FIXTURES[] = "../shared/fixtures/ssmix2/standard_storage";

static bool reads_fixture(int root, const char *relative)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct err err = {0};
    CLEANUP(path_close) int fd = path_open_below(root, relative, &err);
    struct span bytes = {0};
    struct ssmix_name name = {0};
    struct entry_list list = {0};
    bool is_good = fd >= 0 && path_read(fd, 1 << 20, &arena, &bytes, &err) &&
                   ssmix_parse_path(span_cstr(relative), &name, &err) &&
                   ssmix_read(&name, bytes, &arena, &list, &err) && list.count > 0 &&
                   list.first->kind == name.known->kind && list.first->title.len > 0;
    if (!is_good)
        printf("# %s: %s\n", relative, err.code ? err.code : "no entry");
    for (const struct entry *entry = list.first; entry; entry = entry->next)
        CHECK(entry->items != NULL);
    return is_good;
}

static void every_public_sample_is_read(void)
{
    static const char *const samples[] = {
        "-/ADT-00/9999013_-_ADT-00_999999999999999_20111220224447339_-_1",
        "-/ADT-61/9999013_-_ADT-61_999999999999999_20111014232213000_-_1",
        "-/PPR-01/9999013_-_PPR-01_999999999999999_20111209163030000_01_1",
        "20110630/OMP-11/"
        "9999013_20110630_OMP-11_123456789012345_20110701113813225_01_1",
        "20110701/OMP-01/"
        "9999013_20110701_OMP-01_000000011000185_20110701224603984_01_1",
        "20110701/OMP-02/"
        "9999013_20110701_OMP-02_123456789012345_20110701224603984_01_1",
        "20110701/OMP-12/"
        "9999013_20110701_OMP-12_123456789012345_20110701113813225_01_1",
        "20111013/OMD/9999013_20111013_OMD_123456789012345_20111014232213000_01_1",
        "20111120/ADT-22/"
        "9999013_20111120_ADT-22_999999999999999_20111220224447339_01_1",
        "20111220/OML-01/"
        "9999013_20111220_OML-01_000000011000354_20111220103059123_15_1",
        "20111220/OML-11/"
        "9999013_20111220_OML-11_000000011000354_20111220103059000_01_1",
        "20111220/OMG-12/"
        "9999013_20111220_OMG-12_201112201656100_20111220224447339_01_1",
        "20111220/OMG-13/"
        "9999013_20111220_OMG-13_999999999999999_20111220224447339_01_1",
    };
    struct err err = {0};
    CLEANUP(path_close) int root = path_open_root(FIXTURES, &err);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        char relative[256];
        snprintf(relative, sizeof relative, "999/901/9999013/%s", samples[i]);
        CHECK(reads_fixture(root, relative));
    }
}

static void headers_of_transaction_storage_are_read(void)
{
    struct err err = {0};
    struct ssmix_transaction said;
    CHECK(ssmix_parse_transaction(
        SPAN("#SSMIX,2.00,9999999999,0000000123,-,ADT-00,999999999999999,DEL,-,"
             "20220101235959567"),
        &said, &err));
    CHECK(span_is(said.patient, "0000000123") && said.day == DAY_NONE);
    CHECK(span_is(said.type, "ADT-00") && said.is_deletion);
    CHECK(ssmix_parse_transaction(
        SPAN("#SSMIX,2.00,9999999999,0000000123,20220101,OMP-01,000000000012345,INS,-,"
             "20220101235959568"),
        &said, &err));
    CHECK(said.day == day_from_date(2022, 1, 1) && !said.is_deletion);
    CHECK(span_is(said.key, "000000000012345"));
}

static void headers_that_are_none_are_refused_with_their_place(void)
{
    static const struct {
        const char *line;
        const char *code;
        uint64_t offset;
    } cases[] = {
        {"", "transaction_header", 0},
        {"#SSMIX,2.00,9,0000000123,-,ADT-00,1,DEL,-", "transaction_header", 0},
        {"#SSMIX,2.00,9,0000000123,-,ADT-00,1,DEL,-,1,2", "transaction_header", 0},
        {"SSMIX,2.00,9,0000000123,-,ADT-00,1,DEL,-,1", "transaction_header", 0},
        {"#SSMIX,2.00,9,../..,-,ADT-00,1,DEL,-,1", "transaction_field", 14},
        {"#SSMIX,2.00,9,0000000123,2022,ADT-00,1,DEL,-,1", "transaction_field", 25},
        {"#SSMIX,2.00,9,0000000123,-,a/b,1,DEL,-,1", "transaction_field", 27},
        {"#SSMIX,2.00,9,0000000123,-,,1,DEL,-,1", "transaction_field", 27},
        {"#SSMIX,2.00,9,0000000123,-,ADT-00,1,UPD,-,1", "transaction_field", 36},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct ssmix_transaction said;
        CHECK(!ssmix_parse_transaction(span_cstr(cases[i].line), &said, &err));
        CHECK(strcmp(err.code, cases[i].code) == 0 && err.offset == cases[i].offset);
    }
}

static void headers_are_found_at_the_start_of_lines_only(void)
{
    struct span rest = SPAN("MSH|#SSMIX,no\r#SSMIX,one\r\nPID|1\n#SSMIX,two\r#SSMIX,ha");
    struct span line = {0};
    CHECK(ssmix_take_transaction(&rest, &line) && span_is(line, "#SSMIX,one"));
    CHECK(ssmix_take_transaction(&rest, &line) && span_is(line, "#SSMIX,two"));
    CHECK(!ssmix_take_transaction(&rest, &line) && span_is(rest, "#SSMIX,ha"));
    rest = SPAN("");
    CHECK(!ssmix_take_transaction(&rest, &line));
}

int main(void)
{
    RUN(the_parts_of_a_file_name_are_found);
    RUN(a_name_without_department_and_without_day_is_understood);
    RUN(a_type_may_hold_underscores);
    RUN(what_is_no_file_name_is_refused_with_a_reason);
    RUN(the_folder_decides_patient_day_and_type);
    RUN(paths_that_leave_the_layout_are_refused);
    RUN(a_storage_is_found_at_the_end_of_any_path);
    RUN(names_and_paths_are_written_as_they_are_read);
    RUN(versions_are_ordered_by_their_time);
    RUN(the_table_holds_26_types_and_no_invented_ones);
    RUN(every_cut_of_a_message_is_refused);
    RUN(a_small_arena_is_an_error_at_every_size);
    RUN(a_message_outside_a_storage_needs_only_its_header);
    RUN(the_number_of_the_facility_is_the_patients);
    if (access(FIXTURES, R_OK) == 0)
        RUN(every_public_sample_is_read);
    else
        SKIP("every_public_sample_is_read",
             "../shared/fixtures/ssmix2/standard_storage not present");
    RUN(headers_of_transaction_storage_are_read);
    RUN(headers_that_are_none_are_refused_with_their_place);
    RUN(headers_are_found_at_the_start_of_lines_only);
    return test_done();
}
