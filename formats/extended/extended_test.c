// SPDX-License-Identifier: Apache-2.0
#include "formats/extended/extended.h"

#include "base/test.h"
#include "formats/mfer/mfer.h"

#define NUMBER "0000012345"
#define ROOT "000/001/" NUMBER "/20240501/"
#define SUMMARY "^退院時サマリー^^18842-5^退院時サマリー^LN"
#define KEY "000000000000001"
#define CONTENT NUMBER "_20240501_18842-5_" KEY "_20240501120000000_01_1"

static struct arena arena;

static bool parse(const char *path, struct extended_name *name, struct err *err)
{
    *err = (struct err){0};
    return extended_parse_path(span_cstr(path), &arena, name, err);
}

/* ---- names ---- */

static void folders_say_patient_day_type_and_version(void)
{
    struct err err;
    struct extended_name name;
    CHECK(parse(ROOT SUMMARY "/" CONTENT "/main_document.xml", &name, &err));
    CHECK(span_is(name.record.patient, NUMBER) && name.record.flag == '1');
    CHECK(name.record.day == day_from_date(2024, 5, 1));
    CHECK(span_is(name.record.key, KEY) && span_is(name.record.department, "01"));
    CHECK(name.record.differs == 0 && name.is_main && name.is_in_folder);
    CHECK(text_is(name.type.code, "18842-5") && text_is(name.type.system, "LN"));
    CHECK(text_is(name.type.local_name, "退院時サマリー"));
    CHECK(name.type.local_code.len == 0 && text_is(name.file, "main_document.xml"));
    CHECK(parse(ROOT SUMMARY "/" CONTENT "/image.jpg", &name, &err) && !name.is_main);
    CHECK(parse(ROOT SUMMARY "/" CONTENT, &name, &err) && !name.is_in_folder);
    CHECK(parse(ROOT SUMMARY "/" CONTENT ".pdf", &name, &err) && name.is_main);
}

static void vital_signs_may_lack_department_and_digits(void)
{
    struct err err;
    struct extended_name name;
    CHECK(parse(ROOT "L-OBSERVATIONS^OBSERVATIONS^99ZL01/" NUMBER
                     "_20240501_L-OBSERVATIONS_000000020240501_202405012000000_1/"
                     "Main_Document.HL7",
                &name, &err));
    CHECK(name.record.department.len == 0 && name.is_main && name.record.differs == 0);
    CHECK(strcmp(name.record.occurred, "20240501200000000") == 0);
    CHECK(extended_kind(&name.type) == ENTRY_VITAL_SIGNS);
    CHECK(text_is(extended_title(&name.type), "バイタルサイン"));
}

static void the_type_in_the_name_is_a_code_or_the_whole_folder(void)
{
    struct err err;
    struct extended_name name;
    CHECK(parse(ROOT "L1^入院診療録^99Z^11506-3^経過記録^LN/" NUMBER "_20240501_L1_" KEY
                     "_20240501120000000_01_1",
                &name, &err));
    CHECK(name.record.differs == 0);
    CHECK(parse(ROOT "L1^入院診療録^99Z^11506-3^経過記録^LN/" NUMBER
                     "_20240501_L1^入院診療録^99Z^11506-3^経過記録^LN_" KEY
                     "_20240501120000000_01_2",
                &name, &err));
    CHECK(name.record.differs == 0 && name.record.flag == '2');
    CHECK(parse(ROOT "L1^入院診療録^99Z/" NUMBER "_20240501_L2_" KEY
                     "_20240501120000000_01_1",
                &name, &err));
    CHECK(name.record.differs == SSMIX_TYPE_DIFFERS);
    CHECK(parse(ROOT "L1^入院診療録^99Z/0000099999_20240502_L1_" KEY
                     "_20240501120000000_01_1",
                &name, &err));
    CHECK(name.record.differs == (SSMIX_PATIENT_DIFFERS | SSMIX_DAY_DIFFERS));
    CHECK(span_is(name.record.patient, NUMBER));
}

static void names_in_other_encodings_are_the_same_names(void)
{
    struct err err;
    struct extended_name one;
    struct extended_name other;
    CLEANUP(buf_free) struct buf a = buf_init(64);
    CLEANUP(buf_free) struct buf b = buf_init(64);
    CHECK(parse(ROOT "G^ガイドパ^Z/" NUMBER "_20240501_G_" KEY "_20240501120000000_01_1",
                &one, &err));
    CHECK(parse(ROOT "G^カ\xE3\x82\x99イト\xE3\x82\x99ハ\xE3\x82\x9A^Z/" NUMBER
                     "_20240501_G_" KEY "_20240501120000000_01_1",
                &other, &err));
    extended_write_type(&one, &a);
    extended_write_type(&other, &b);
    CHECK(span_equal(buf_view(&a), buf_view(&b)) && a.len == 18);
    CHECK(text_equal(one.type.whole, other.type.whole));
    /* CP932 with '_' and '^' as second bytes: ァ is 83 40, ‗… ー is 81 5B, ャ 83 83 */
    CHECK(parse(ROOT "G^\x83\x5F\x83\x5E^Z/" NUMBER "_20240501_G^\x83\x5F\x83\x5E^Z_" KEY
                     "_20240501120000000_01_1",
                &other, &err));
    CHECK(text_is(other.type.local_name, "ダタ") && other.record.differs == 0);
}

static void paths_that_are_none_are_refused_with_their_place(void)
{
    static const struct {
        const char *path;
        enum err_kind kind;
        const char *code;
    } cases[] = {
        {"", ERR_SYNTAX, "ssmix_path_shape"},
        {"000/001/" NUMBER "/20240501/" SUMMARY, ERR_SYNTAX, "ssmix_path_shape"},
        {ROOT SUMMARY "/" CONTENT "/a/b", ERR_SYNTAX, "ssmix_path_shape"},
        {ROOT SUMMARY "/../main_document.xml", ERR_REFUSED, "path_unsafe"},
        {ROOT "/" CONTENT "/main_document.xml", ERR_REFUSED, "path_unsafe"},
        {ROOT SUMMARY "/" CONTENT "/a\\b", ERR_REFUSED, "path_unsafe"},
        {ROOT SUMMARY "/" CONTENT "/a\tb", ERR_REFUSED, "path_unsafe"},
        {"001/001/" NUMBER "/20240501/" SUMMARY "/" CONTENT, ERR_SYNTAX,
         "ssmix_folder_mismatch"},
        {"000/001/" NUMBER "/20240532/" SUMMARY "/" CONTENT, ERR_SYNTAX,
         "ssmix_day_invalid"},
        {"000/001/00000^1/20240501/" SUMMARY "/" CONTENT, ERR_SYNTAX,
         "ssmix_patient_invalid"},
        {ROOT SUMMARY "/" NUMBER "_20240501_18842-5_" KEY "_20240501120000000_01_7",
         ERR_SYNTAX, "ssmix_flag_invalid"},
        {ROOT SUMMARY "/" NUMBER "_20240501_18842-5_" KEY "_2024_01_1", ERR_SYNTAX,
         "ssmix_occurred_invalid"},
        {ROOT SUMMARY "/" NUMBER "_20240501__20240501120000000_01_1", ERR_SYNTAX,
         "ssmix_key_missing"},
        {ROOT SUMMARY "/Thumbs.db", ERR_SYNTAX, "ssmix_name_short"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct extended_name name;
        CHECK(!parse(cases[i].path, &name, &err) && err.kind == cases[i].kind);
        CHECK(strcmp(err.code, cases[i].code) == 0 && err.clause);
        if (strcmp(err.code, cases[i].code) != 0)
            printf("# %zu: %s\n", i, err.code);
        CHECK(err.offset <= strlen(cases[i].path));
    }
    CLEANUP(buf_free) struct buf path = buf_init(4096);
    buf_cstr(&path, ROOT "L^");
    for (int i = 0; i < 260; i++)
        buf_byte(&path, 'x');
    buf_cstr(&path, "^Z/" CONTENT);
    struct err err = {0};
    struct extended_name name;
    CHECK(!extended_parse_path(buf_view(&path), &arena, &name, &err));
    CHECK(strcmp(err.code, "path_unsafe") == 0);
    for (int i = 0; i < 1024; i++)
        buf_byte(&path, 'x');
    err_clear(&err);
    CHECK(!extended_parse_path(buf_view(&path), &arena, &name, &err));
    CHECK(strcmp(err.code, "path_unsafe") == 0);
}

static void extended_storage_is_found_in_longer_paths(void)
{
    struct span relative = {0};
    CHECK(extended_find_path(
        SPAN("/srv/x/" ROOT SUMMARY "/" CONTENT "/main_document.xml"), &relative));
    CHECK(span_starts(relative, "000/001/"));
    CHECK(extended_find_path(SPAN(ROOT SUMMARY "/" CONTENT ".pdf"), &relative));
    CHECK(!extended_find_path(SPAN("/srv/" ROOT "OML-11/" NUMBER "_20240501_OML-11_" KEY
                                   "_20240501120000000_01_1"),
                              &relative));
    CHECK(!extended_find_path(SPAN("/srv/a.xml"), &relative));
    CHECK(!extended_find_path(SPAN(""), &relative));
}

/* ---- kinds ---- */

static void kinds_come_from_codes_then_from_words_and_never_by_guess(void)
{
    static const struct {
        const char *folder;
        enum entry_kind kind;
        const char *title;
    } cases[] = {
        {"^経過^^11506-3^経過記録^LN", ENTRY_PROGRESS_NOTE, "経過"},
        {"^^^34108-1^外来診療録^LN", ENTRY_PROGRESS_NOTE, "外来診療録"},
        {"^x^^34112-3^入院診療録^LN", ENTRY_PROGRESS_NOTE, "x"},
        {"^x^^57133-1^紹介状^LN", ENTRY_DOCUMENT, "x"},
        {"L-JSPEED^災害時JSPEED記録^99ZL01^74465-6^災害時JSPEED記録^LN", ENTRY_DOCUMENT,
         "災害時JSPEED記録"},
        {"N01^看護サマリー^99Z", ENTRY_DOCUMENT, "看護サマリー"},
        {"R01^内視鏡レポート^99Z", ENTRY_REPORT, "内視鏡レポート"},
        {"R02^病理所見^99Z", ENTRY_REPORT, "病理所見"},
        {"K01^入院カルテ^99Z", ENTRY_PROGRESS_NOTE, "入院カルテ"},
        {"Z99^その他^99Z", ENTRY_UNKNOWN, "その他"},
        {"Z99^^99Z", ENTRY_UNKNOWN, "Z99"},
        {"^^", ENTRY_UNKNOWN, "^^"},
        {"^x^^99999-9^something^LN", ENTRY_UNKNOWN, "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct extended_name name;
        CLEANUP(buf_free) struct buf path = buf_init(1024);
        buf_format(&path, ROOT "%s/" CONTENT "%c", cases[i].folder, '\0');
        CHECK(parse((const char *)path.at, &name, &err));
        CHECK(extended_kind(&name.type) == cases[i].kind);
        CHECK(text_is(extended_title(&name.type), cases[i].title));
    }
}

/* ---- documents ---- */

static struct entry_list list;

static const struct entry *read(const char *folder, const char *file, struct span bytes,
                                struct err *err)
{
    struct extended_name name;
    CLEANUP(buf_free) struct buf path = buf_init(1024);
    buf_format(&path, ROOT "%s/" CONTENT "/%s%c", folder, file, '\0');
    if (!parse((const char *)path.at, &name, err))
        return NULL;
    bool is_read = extended_read(&name, bytes, &arena, &list, err);
    CHECK(is_read == (err->kind == ERR_NONE) && (is_read || list.count == 0));
    CHECK(strcmp(list.format, "ssmix2") == 0 && text_is(list.patient.id, NUMBER));
    return list.first;
}

static bool has_warning(const char *code)
{
    for (const struct entry_warning *one = list.warnings; one; one = one->next)
        if (strcmp(one->code, code) == 0)
            return true;
    return false;
}

static const struct entry_item *item_of(const struct entry *entry, const char *type)
{
    const struct entry_item *item = entry ? entry->items : NULL;
    while (item && strcmp(item->type, type) != 0)
        item = item->next;
    return item;
}

static bool says(const struct entry *entry, const char *type, const char *value)
{
    const struct entry_item *item = item_of(entry, type);
    for (size_t i = 0; item && i < item->field_count; i++)
        if (text_is(item->fields[i].value, value))
            return true;
    return false;
}

#define CDA_OF(number, code)                                                             \
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><code code=\"" code "\"/>"               \
    "<recordTarget><patientRole><id extension=\"" number "\"/></patientRole>"            \
    "</recordTarget><documentationOf><serviceEvent/></documentationOf><component>"       \
    "<structuredBody><component><section><title>経過</title>"                          \
    "<text>良好</text></section>"                                                      \
    "</component></structuredBody></component></ClinicalDocument>"

static void a_cda_document_is_taken_apart_and_compared_with_its_folder(void)
{
    struct err err;
    const struct entry *entry =
        read(SUMMARY, "main_document.xml", SPAN(CDA_OF(NUMBER, "18842-5")), &err);
    CHECK(entry && entry->kind == ENTRY_DOCUMENT && entry->state == ENTRY_CURRENT);
    CHECK(entry && text_is(entry->department, "内科") &&
          says(entry, "paragraph", "良好"));
    CHECK(says(entry, "file", "application/xml") && !list.warnings);
    CHECK(read(SUMMARY, "main_document.xml", SPAN(CDA_OF("12345", "18842-5")), &err));
    CHECK(has_warning("patient_padding") && !has_warning("patient_mismatch"));
    CHECK(read(SUMMARY, "main_document.xml", SPAN(CDA_OF("99999", "18842-5")), &err));
    CHECK(has_warning("patient_mismatch"));
    CHECK(read(SUMMARY, "main_document.xml", SPAN(CDA_OF(NUMBER, "11506-3")), &err));
    CHECK(has_warning("type_mismatch"));
    struct extended_name name;
    CHECK(parse(ROOT "^紹介状^^57133-1^紹介状^LN/" NUMBER "_20240501_57133-1_" KEY
                     "_20240501120000000_01_1/main_document.xml",
                &name, &err));
    CHECK(extended_read(&name, SPAN(CDA_OF(NUMBER, "MD0020730")), &arena, &list, &err));
    CHECK(!has_warning("type_mismatch"));
    CHECK(extended_read(&name, SPAN(CDA_OF(NUMBER, "18842-5")), &arena, &list, &err));
    CHECK(has_warning("type_mismatch"));
}

/* Ten samples of lead II. */
static struct span recording_of(const char *number)
{
    static const uint8_t samples[20] = {0};
    struct err err = {0};
    struct span bytes = {0};
    struct waveform_run run = {
        .count = 10, .at = samples, .stride_bytes = sizeof samples, .block_count = 10};
    struct waveform_channel channel = {.lead = waveform_lead_name(2),
                                       .lead_code = 2,
                                       .rate_hz = 100,
                                       .unit = TEXT("V"),
                                       .scale = 5e-6,
                                       .sample_count = 10,
                                       .runs = &run,
                                       .run_count = 1};
    struct waveform_group group = {
        .label = TEXT("心電図"), .channels = &channel, .channel_count = 1};
    struct mfer_file file = {
        .recording = {.day = day_from_date(2024, 5, 1),
                      .start = TEXT("2024-05-01T09:30:15"),
                      .groups = &group,
                      .group_count = 1},
        .patient = {text_cstr(number), TEXT(""), TEXT(""), DAY_NONE, 'U'}};
    const struct mfer_options options = {.preamble = "ECG"};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    CHECK(mfer_write(&file, &options, &out, &err));
    CHECK(buf_to_arena(&out, &arena, &bytes, &err));
    return bytes;
}

static void a_recording_is_an_entry_of_its_folder_with_a_waveform(void)
{
    struct err err;
    const struct entry *entry =
        read(SUMMARY, "main_document.mwf", recording_of(NUMBER), &err);
    CHECK(entry && entry->kind == ENTRY_DOCUMENT && entry->flags == ENTRY_HAS_WAVEFORM);
    CHECK(entry && text_is(entry->time, "2024-05-01T09:30"));
    CHECK(says(entry, "file", "application/vnd.mfer") && says(entry, "recording", "II"));
    CHECK(!list.warnings && text_is(list.patient.id, NUMBER));
    /* a type that nobody knows is what the file is */
    entry = read("E1^心電図^99Z", "main_document.mwf", recording_of("12345"), &err);
    CHECK(entry && entry->kind == ENTRY_PHYSIOLOGY && text_is(entry->title, "心電図"));
    CHECK(has_warning("patient_padding") && !has_warning("document_type_unknown"));
    CHECK(read(SUMMARY, "main_document.mwf", recording_of("99999"), &err));
    CHECK(has_warning("patient_mismatch"));
    /* by its bytes, not by its name */
    CHECK(read(SUMMARY, "main_document.mwf", SPAN("\1\2\3 no recording"), &err));
    CHECK(has_warning("document_format_unknown"));
    /* cut in its head: refused with the place */
    struct span cut = span_part(recording_of(NUMBER), 0, 60);
    CHECK(!read(SUMMARY, "main_document.mwf", cut, &err) && err.kind == ERR_SYNTAX);
}

static void vital_signs_are_read_as_their_message(void)
{
    struct err err;
    const struct entry *entry =
        read("L-OBSERVATIONS^OBSERVATIONS^99ZL01", "main_document.hl7",
             SPAN("MSH|^~\\&|H|S|G|R|20240501200000||ORU^R30^ORU_R30|1|P|2.5\r"
                  "PID|0001||" NUMBER "\rORC|SC|20240501|||CM\r"
                  "OBR|1|20240501||V^バイタル^99Z|||20240501\r"
                  "OBX|1|NM|9P100000000000001^体温^JC10||36.5|cel^cel^ISO+|||||F|||"
                  "2024050106\r"),
             &err);
    CHECK(entry && entry->kind == ENTRY_VITAL_SIGNS &&
          says(entry, "observation", "36.5"));
    CHECK(entry && entry->day == day_from_date(2024, 5, 1));
    CHECK(entry && text_is(entry->title, "バイタルサイン"));
}

static void plain_text_is_shown_in_whatever_it_was_written(void)
{
    struct err err;
    const struct entry *entry =
        read("N^看護サマリー^Z", "main_document.txt", SPAN("経過良好\n"), &err);
    CHECK(says(entry, "preformatted", "経過良好\n") && !has_warning("charset_guessed"));
    entry = read("N^看護サマリー^Z", "main_document.txt",
                 SPAN("\x8C\x6F\x89\xDF\x97\xC7\x8D\x44\r\n"), &err);
    CHECK(says(entry, "preformatted", "経過良好\r\n") && has_warning("charset_guessed"));
    entry = read("N^看護サマリー^Z", "main_document.txt", SPAN("\xEF\xBB\xBF本文"), &err);
    CHECK(says(entry, "preformatted", "本文"));
}

static void files_are_named_and_left_as_they_are(void)
{
    const struct {
        const char *file;
        struct span bytes;
        const char *type;
    } cases[] = {
        {"main_document.pdf", SPAN("%PDF-1.7\nx\n%%EOF\n"), "application/pdf"},
        {"main_document.bin", SPAN("%PDF-1.7\nx\n%%EOF\n"), "application/pdf"},
        {"main_document.jpg", SPAN("\xFF\xD8\xFF\xE0"), "image/jpeg"},
        {"main_document.png", SPAN("\x89PNG\r\n\x1A\n\0\0\0\rIHDR"), "image/png"},
        {"main_document.gif", SPAN("GIF89a\x01\x00"), "image/gif"},
        {"main_document.tif", SPAN("II*\0\x08"), "image/tiff"},
        {"main_document.docx", SPAN("PK\x03\x04\x14"), "application/zip"},
        {"main_document.doc", SPAN("\xD0\xCF\x11\xE0\xA1"), "application/octet-stream"},
        {"main_document.html", SPAN("<p>x</p>"), "application/octet-stream"},
        {"main_document.txt", SPAN("<!DOCTYPE html><script>1</script>"),
         "application/octet-stream"},
        {"main_document.xml", SPAN("<svg onload=\"x\"/>"), "application/octet-stream"},
        {"main_document.svg", SPAN("<svg onload=\"x\"/>"), "application/octet-stream"},
        {"main_document.txt", SPAN("a\0b"), "application/octet-stream"},
        {"main_document", SPAN("\x01\x02\x03"), "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        const struct entry *entry =
            read("C^同意書^Z", cases[i].file, cases[i].bytes, &err);
        CHECK(entry && says(entry, "file", cases[i].type));
        CHECK(!item_of(entry, "preformatted") && !item_of(entry, "paragraph"));
        bool is_picture = strncmp(cases[i].type, "image/", 6) == 0;
        CHECK(entry && ((entry->flags & ENTRY_HAS_IMAGE) != 0) == is_picture);
        bool is_unknown = strcmp(cases[i].type, "application/octet-stream") == 0;
        CHECK(has_warning("document_format_unknown") == is_unknown);
    }
}

static void what_is_odd_is_said(void)
{
    struct err err;
    CHECK(read("C^同意書^Z", "main_document.pdf", SPAN("%PDF-1.7\ncut"), &err));
    CHECK(has_warning("pdf_end_missing"));
    const struct entry *entry =
        read("Q^院内様式^Z", "main_document.pdf", SPAN("%PDF-1.7\n%%EOF"), &err);
    CHECK(entry && entry->kind == ENTRY_UNKNOWN && has_warning("document_type_unknown"));
    /* what lies beside the document is no entry, and no fault */
    CHECK(!read("C^同意書^Z", "image.jpg", SPAN("\xFF\xD8\xFF"), &err));
    CHECK(err.kind == ERR_NONE && list.count == 0);
}

static void what_cannot_be_read_gives_no_entry(void)
{
    const struct {
        const char *file;
        struct span bytes;
        enum err_kind kind;
        const char *code;
    } cases[] = {
        {"main_document.xml", SPAN(""), ERR_SYNTAX, "document_empty"},
        {"main_document.pdf", SPAN(""), ERR_SYNTAX, "document_empty"},
        {"main_document.xml", SPAN("<ClinicalDocument>"), ERR_SYNTAX, "xml_malformed"},
        {"main_document.xml", SPAN("\x8C\x6F\x89\xDF"), ERR_SYNTAX, "xml_malformed"},
        {"main_document.xml", SPAN("<!DOCTYPE a><ClinicalDocument/>"), ERR_REFUSED,
         "xml_dtd"},
        {"main_document.xml", SPAN("<ClinicalDocument/>"), ERR_SYNTAX,
         "cda_body_missing"},
        {"main_document.hl7", SPAN("MSH|^~\\&|a|b\rPID|1"), ERR_SYNTAX,
         "hl7_segment_cut"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        CHECK(!read(SUMMARY, cases[i].file, cases[i].bytes, &err));
        CHECK(err.kind == cases[i].kind && strcmp(err.code, cases[i].code) == 0);
        if (strcmp(err.code ? err.code : "-", cases[i].code) != 0)
            printf("# %zu: %s\n", i, err.code ? err.code : "-");
    }
}

static void a_document_by_itself_says_its_own_day(void)
{
    struct err err = {0};
    CHECK(extended_read_loose(
        SPAN("<ClinicalDocument><code code=\"18842-5\"/><title>題</title>"
             "<effectiveTime value=\"20240501\"/><recordTarget><patientRole>"
             "<id extension=\"77\"/></patientRole></recordTarget><component>"
             "<structuredBody/></component></ClinicalDocument>"),
        &arena, &list, &err));
    CHECK(list.count == 1 && list.first->day == day_from_date(2024, 5, 1));
    CHECK(text_is(list.first->title, "題") && text_is(list.patient.id, "77"));
    CHECK(strcmp(list.format, "cda") == 0);
}

int main(void)
{
    arena = arena_init(256 << 20);
    RUN(folders_say_patient_day_type_and_version);
    RUN(vital_signs_may_lack_department_and_digits);
    RUN(the_type_in_the_name_is_a_code_or_the_whole_folder);
    RUN(names_in_other_encodings_are_the_same_names);
    RUN(paths_that_are_none_are_refused_with_their_place);
    RUN(extended_storage_is_found_in_longer_paths);
    RUN(kinds_come_from_codes_then_from_words_and_never_by_guess);
    RUN(a_cda_document_is_taken_apart_and_compared_with_its_folder);
    RUN(a_recording_is_an_entry_of_its_folder_with_a_waveform);
    RUN(vital_signs_are_read_as_their_message);
    RUN(plain_text_is_shown_in_whatever_it_was_written);
    RUN(files_are_named_and_left_as_they_are);
    RUN(what_is_odd_is_said);
    RUN(what_cannot_be_read_gives_no_entry);
    RUN(a_document_by_itself_says_its_own_day);
    arena_free(&arena);
    return test_done();
}
