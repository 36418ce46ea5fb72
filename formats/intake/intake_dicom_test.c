// SPDX-License-Identifier: Apache-2.0
/* DICOM objects and directories as the contract of `tsumugi inspect` tells of them. */
#include "formats/dicom/dicom_testsite.h"
#include "formats/intake/intake.h"

static void put_patient(struct site *site, const char *modality, const char *class)
{
    put_string(site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(site, DICOM_SOP_CLASS, "UI", class);
    put_string(site, DICOM_SOP_INSTANCE, "UI", "1.2.3.4");
    put_string(site, DICOM_STUDY_DATE, "DA", "20260401");
    put_string(site, DICOM_STUDY_TIME, "TM", "101530");
    put_string(site, DICOM_ACCESSION, "SH", "A77");
    put_string(site, DICOM_MODALITY, "CS", modality);
    put_string(site, DICOM_SERIES_DESCRIPTION, "LO", "胸部");
    put_string(site, DICOM_PATIENT_NAME, "PN", "Yamada^Taro=山田^太郎=ヤマダ^タロウ");
    put_string(site, DICOM_PATIENT_ID, "LO", "0001234567");
    put_string(site, DICOM_BIRTH_DATE, "DA", "19500102");
    put_string(site, DICOM_SEX, "CS", "M");
}

static struct intake_message *read_message(struct site *site, const char *syntax,
                                           struct arena *arena)
{
    CLEANUP(buf_free) struct buf out = wrap(site, syntax);
    struct span bytes = {0};
    struct intake_message *message = NULL;
    struct err err = {0};
    buf_free(&site->out);
    CHECK(buf_to_arena(&out, arena, &bytes, &err));
    struct intake_source source = {.bytes = bytes};
    CHECK(intake_read(&source, arena, &message, &err) && message);
    return message;
}

static const char *field(const struct entry *entry, const char *type, const char *key,
                         struct arena *arena)
{
    struct err err = {0};
    for (const struct entry_item *item = entry->items; item; item = item->next)
        for (size_t i = 0; strcmp(item->type, type) == 0 && i < item->field_count; i++)
            if (strcmp(item->fields[i].key, key) == 0)
                return text_to_cstr(item->fields[i].value, arena, &err);
    return "";
}

static void an_image_is_told_with_patient_study_series_and_image(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct site site = new_site(LITTLE);
    put_patient(&site, "CT", "1.2.840.10008.5.1.4.1.1.2");
    put_string(&site, DICOM_STUDY, "UI", "1.2.3");
    put_short(&site, DICOM_ROWS, 1);
    put_short(&site, DICOM_COLUMNS, 2);
    put_short(&site, DICOM_BITS_ALLOCATED, 16);
    put_short(&site, DICOM_BITS_STORED, 12);
    put_bytes(&site, DICOM_PIXELS, "OW", "1234", 4);
    struct intake_message *message = read_message(&site, LITTLE, &arena);
    const struct entry_list *list = &message->list;
    CHECK(message->err.kind == ERR_NONE && !message->next && !list->warnings);
    CHECK(strcmp(list->format, "dicom") == 0 && list->count == 1);
    CHECK(text_is(list->patient.id, "0001234567"));
    CHECK(text_is(list->patient.name, "山田 太郎"));
    CHECK(text_is(list->patient.kana, "ヤマダ タロウ"));
    CHECK(list->patient.birth_day == day_from_date(1950, 1, 2));
    CHECK(list->patient.sex == 'M');
    const struct entry *entry = list->first;
    CHECK(entry->kind == ENTRY_RADIOLOGY && entry->flags == ENTRY_HAS_IMAGE);
    CHECK(entry->day == day_from_date(2026, 4, 1));
    CHECK(text_is(entry->time, "2026-04-01T10:15"));
    CHECK(text_is(entry->title, "CT 胸部") && text_is(entry->part, "1.2.3.4"));
    CHECK(strcmp(field(entry, "study", "study_uid", &arena), "1.2.3") == 0);
    CHECK(strcmp(field(entry, "study", "accession", &arena), "A77") == 0);
    CHECK(strcmp(field(entry, "series", "description", &arena), "胸部") == 0);
    CHECK(strcmp(field(entry, "object", "syntax_uid", &arena), LITTLE) == 0);
    CHECK(strcmp(field(entry, "image", "columns", &arena), "2") == 0);
    CHECK(strcmp(field(entry, "image", "bits_stored", &arena), "12") == 0);
}

static void kinds_follow_class_and_modality(void)
{
    static const struct {
        const char *modality, *class;
        enum entry_kind kind;
    } cases[] = {
        {"US", "1.2.840.10008.5.1.4.1.1.6.1", ENTRY_RADIOLOGY},
        {"ES", "1.2.840.10008.5.1.4.1.1.77.1.1", ENTRY_ENDOSCOPY},
        {"ECG", "1.2.840.10008.5.1.4.1.1.9.1.1", ENTRY_PHYSIOLOGY},
        {"", "1.2.840.10008.5.1.4.1.1.9.1.1", ENTRY_PHYSIOLOGY},
        {"SR", "1.2.840.10008.5.1.4.1.1.88.11", ENTRY_REPORT},
        {"OT", "1.2.840.10008.5.1.4.1.1.104.1", ENTRY_DOCUMENT},
        {"DOC", "", ENTRY_DOCUMENT},
        {"", "1.2.3", ENTRY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct site site = new_site(LITTLE);
        put_patient(&site, cases[i].modality, cases[i].class);
        /* An empty class falls back to the one of the meta information, an image. */
        struct intake_message *message = read_message(&site, LITTLE, &arena);
        CHECK(message->list.count == 1 && message->list.first->kind == cases[i].kind);
    }
}

static void what_is_not_there_makes_no_item(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", "1.2.3.4");
    struct intake_message *message = read_message(&site, LITTLE, &arena);
    const struct entry *entry = message->list.first;
    CHECK(message->list.patient.id.len == 0 && message->list.patient.sex == 'U');
    CHECK(entry && entry->day == DAY_NONE && entry->time.len == 0);
    CHECK(entry && entry->title.len > 0);
    CHECK(entry && strcmp(entry->items->type, "object") == 0 && !entry->items->next);
}

static void an_unsupported_syntax_keeps_its_metadata(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct site site = new_site(LITTLE);
    put_patient(&site, "CT", "1.2.840.10008.5.1.4.1.1.2");
    put_short(&site, DICOM_ROWS, 1);
    put_short(&site, DICOM_COLUMNS, 2);
    put_short(&site, DICOM_BITS_ALLOCATED, 16);
    put_head(&site, DICOM_PIXELS, "OB", UINT32_MAX);
    put_fragment(&site, "", 0);
    put_fragment(&site, "abcd", 4);
    close_sequence(&site);
    struct intake_message *message =
        read_message(&site, "1.2.840.10008.1.2.4.102", &arena);
    CHECK(message->err.kind == ERR_NONE &&
          text_is(message->list.patient.id, "0001234567"));
    const struct entry_warning *warning = message->list.warnings;
    CHECK(warning && strcmp(warning->code, "syntax_unsupported") == 0);
    CHECK(warning && memmem(warning->text.at, warning->text.len, "H.264", 5));
}

static void a_refused_file_names_the_fault_in_words(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    struct site site = new_site(LITTLE);
    for (int i = 0; i < 65; i++) {
        open_sequence(&site, DICOM_CONTENT);
        open_item(&site);
    }
    struct intake_message *message = read_message(&site, LITTLE, &arena);
    CHECK(strcmp(message->list.format, "dicom") == 0 && message->list.count == 0);
    CHECK(message->err.kind == ERR_LIMIT);
    CHECK(strcmp(message->err.code, "dicom_too_deep") == 0);
    CHECK(strcmp(message->err.clause, "PS3.5 7.5") == 0 && message->err.offset > 1000);
    CHECK(memmem(intake_fault_text(&message->err).at, 60, "64", 2));
}

static void put_directory_record(struct site *site, const char *type, uint32_t tag,
                                 const char *vr, const char *value)
{
    open_item(site);
    put_string(site, DICOM_RECORD_TYPE, "CS", type);
    if (tag == DICOM_REFERENCED_FILE)
        put_string(site, tag, vr, value);
    put_string(site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    if (tag != DICOM_REFERENCED_FILE)
        put_string(site, tag, vr, value);
    close_item(site);
}

static void a_directory_is_one_message_for_each_patient(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct site site = new_site(LITTLE);
    open_sequence(&site, DICOM_DIRECTORY_RECORDS);
    for (int i = 0; i < 2; i++) {
        put_directory_record(&site, "PATIENT", DICOM_PATIENT_ID, "LO", i ? "P2" : "P1");
        put_directory_record(&site, "STUDY", DICOM_STUDY_DESCRIPTION, "LO", "頭部");
        put_directory_record(&site, "SERIES", DICOM_MODALITY, "CS", "MR");
        put_directory_record(&site, "IMAGE", DICOM_REFERENCED_FILE, "CS",
                             i ? "..\\..\\X" : "DIR\\A1");
    }
    close_sequence(&site);
    struct intake_message *message = read_message(&site, LITTLE, &arena);
    CHECK(strcmp(message->list.format, "dicomdir") == 0);
    CHECK(text_is(message->list.patient.id, "P1") && message->list.count == 1);
    CHECK(text_is(message->list.first->title, "MR 頭部"));
    CHECK(message->list.first->kind == ENTRY_RADIOLOGY);
    CHECK(strcmp(field(message->list.first, "object", "path", &arena), "DIR/A1") == 0);
    CHECK(message->next && text_is(message->next->list.patient.id, "P2"));
    CHECK(strcmp(field(message->next->list.first, "object", "path", &arena), "") == 0);
    CHECK(!message->next->next && message->list.warnings);
}

static void reports_waveforms_and_documents_have_items(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct site site = new_site(LITTLE);
    put_patient(&site, "SR", "1.2.840.10008.5.1.4.1.1.88.11");
    put_string(&site, DICOM_VALUE_TYPE, "CS", "CONTAINER");
    open_sequence(&site, DICOM_CONTENT);
    open_item(&site);
    put_string(&site, DICOM_VALUE_TYPE, "CS", "TEXT");
    put_string(&site, DICOM_TEXT_VALUE, "UT", "異常なし");
    close_item(&site);
    close_sequence(&site);
    put_string(&site, DICOM_DOCUMENT_TITLE, "ST", "紹介状");
    put_bytes(&site, DICOM_DOCUMENT, "OB", "%PDF-1.7", 8);
    put_string(&site, DICOM_DOCUMENT_TYPE, "LO", "application/pdf");
    open_sequence(&site, DICOM_WAVEFORMS);
    open_item(&site);
    put_short(&site, DICOM_WAVEFORM_CHANNELS, 12);
    put_string(&site, DICOM_SAMPLING_FREQUENCY, "DS", "500");
    close_item(&site);
    close_sequence(&site);
    struct intake_message *message = read_message(&site, LITTLE, &arena);
    const struct entry *entry = message->list.first;
    CHECK(strcmp(field(entry, "observation", "value", &arena), "異常なし") == 0);
    CHECK(strcmp(field(entry, "waveform", "channels", &arena), "12") == 0);
    CHECK(strcmp(field(entry, "embedded", "media_type", &arena), "application/pdf") == 0);
    CHECK(strcmp(field(entry, "embedded", "size_bytes", &arena), "8") == 0);
}

int main(void)
{
    RUN(an_image_is_told_with_patient_study_series_and_image);
    RUN(kinds_follow_class_and_modality);
    RUN(what_is_not_there_makes_no_item);
    RUN(an_unsupported_syntax_keeps_its_metadata);
    RUN(a_refused_file_names_the_fault_in_words);
    RUN(a_directory_is_one_message_for_each_patient);
    RUN(reports_waveforms_and_documents_have_items);
    return test_done();
}
