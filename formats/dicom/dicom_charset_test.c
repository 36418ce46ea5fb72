// SPDX-License-Identifier: Apache-2.0
/* Character sets of (0008,0005) and how texts are split in them. */
#include "formats/dicom/dicom_testsite.h"

#define ESC "\x1B"

/* One text in a character set; "" = no (0008,0005) at all, "-" = an empty one. */
static struct dicom_file *read_text(const char *set, uint32_t tag, const char *vr,
                                    const char *bytes, struct arena *arena)
{
    struct site site = new_site(LITTLE);
    struct err err = {0};
    if (strcmp(set, "") != 0)
        put_string(&site, DICOM_CHARACTER_SET, "CS", strcmp(set, "-") == 0 ? "" : set);
    put_string(&site, DICOM_MODALITY, "CS", "CT");
    put_string(&site, tag, vr, bytes);
    return read_site(&site, LITTLE, arena, &err);
}

static void every_set_is_decoded(void)
{
    static const struct {
        const char *set, *bytes, *wanted;
    } cases[] = {
        {"-", "Yamada", "Yamada"},
        {"ISO_IR 6", "Yamada", "Yamada"},
        {"ISO_IR 100", "Buc^J\xE9r\xF4me", "Buc^Jérôme"},
        {"ISO_IR 101",
         "Wa\xB3\xEA"
         "sa",
         "Wałęsa"},
        {"ISO_IR 109", "\xC6\xF8u", "Ĉĝu"},
        {"ISO_IR 110", "\xA1\xBF", "Ąŋ"},
        {"ISO_IR 144", "\xBB\xEE\xDA\xE1", "Люкс"},
        {"ISO_IR 127", "\xE2\xC8\xC7\xE6\xEA", "قباني"},
        {"ISO_IR 126", "\xC4\xE9\xEF\xED", "Διον"},
        {"ISO_IR 138", "\xF9\xF8\xE5\xEF", "שרון"},
        {"ISO_IR 148", "\xC7\xF0\xFE", "Çğş"},
        {"ISO_IR 203", "\xA4\xBC", "€Œ"},
        {"ISO_IR 166", "\xA1\xB9\xE0", "กนเ"},
        {"ISO_IR 192", "Wang^XiaoDong=\xE7\x8E\x8B", "Wang^XiaoDong=王"},
        {"ISO_IR 13", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", "ﾔﾏﾀﾞ^ﾀﾛｳ"},
        {"ISO_IR 13", "A~B", "A‾B"},
        {"GB18030", "Wang=\xCD\xF5^\xD0\xA1\x81\x30\x81\x30\x90\x30\x81\x30",
         "Wang=王^小\xC2\x80\xF0\x90\x80\x80"},
        {"GBK", "\xCD\xF5", "王"},
        {"\\ISO 2022 IR 87",
         "Yamada^Tarou=" ESC "$B;3ED" ESC "(B^" ESC "$BB@O:" ESC "(B=" ESC "$B$d$^$@" ESC
         "(B^" ESC "$B$?$m$&" ESC "(B",
         "Yamada^Tarou=山田^太郎=やまだ^たろう"},
        {"ISO 2022 IR 13\\ISO 2022 IR 87",
         "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=" ESC "$B;3ED" ESC "(J^" ESC "$BB@O:" ESC "(J",
         "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"},
        {"ISO 2022 IR 6\\ISO 2022 IR 159", "A=" ESC "$(D0!" ESC "(B", "A=丂"},
        {"\\ISO 2022 IR 149",
         "Hong^Gildong=" ESC "$)C\xFB\xF3^" ESC "$)C\xD1\xCE\xD4\xD7=" ESC
         "$)C\xC8\xAB^" ESC "$)C\xB1\xE6\xB5\xBF",
         "Hong^Gildong=洪^吉洞=홍^길동"},
        {"\\ISO 2022 IR 58", "Zhang=" ESC "$)A\xD5\xC5^" ESC "$)A\xD0\xA1",
         "Zhang=张^小"},
        {"ISO 2022 IR 100\\ISO 2022 IR 144", "\xC4neas=" ESC "-L\xBB\xEE", "Äneas=Лю"},
        {"ISO 2022 IR 6\\ISO 2022 IR 101", "A" ESC "-B\xB3", "Ał"},
        /* wide of the standard, and what is meant is plain */
        {"\\ISO 2022 IR 149", "\xC8\xAB", "홍"},
        {"ISO 2022 IR 87", "A=" ESC "$B;3" ESC "(B", "A=山"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct dicom_file *file =
            read_text(cases[i].set, DICOM_PATIENT_NAME, "PN", cases[i].bytes, &arena);
        bool is_right =
            file && !file->warnings &&
            text_is_in(file->set, DICOM_PATIENT_NAME, &arena, cases[i].wanted);
        if (!is_right)
            printf("# %s\n", cases[i].set);
        CHECK(is_right);
    }
}

/* Bytes of 5C, 5E and 3D inside two-byte characters separate nothing. */
static void separators_inside_characters_are_data(void)
{
    static const struct {
        const char *set, *bytes;
        const char *wanted[3];
    } cases[] = {
        {"\\ISO 2022 IR 87", ESC "$BD\\A^@=" ESC "(B\\B", {"嬬挿製", "B"}},
        {"GBK", "\xFC\x5C\\\x81\x5C", {"黒", "乗"}},
        {"ISO_IR 192", "\xE4\xB9\x97\\B\\", {"乗", "B", ""}},
        {"\\ISO 2022 IR 87", ESC "$B;3" ESC "(B\\;3", {"山", ";3"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct text *texts = NULL;
        size_t count = 0;
        struct err err = {0};
        struct dicom_file *file = read_text(cases[i].set, DICOM_STUDY_DESCRIPTION, "LO",
                                            cases[i].bytes, &arena);
        CHECK(file && dicom_texts(file->set, DICOM_STUDY_DESCRIPTION, &arena, &texts,
                                  &count, &err));
        for (size_t j = 0; j < 3 && cases[i].wanted[j] && j < count; j++) {
            bool is_right = text_is(texts[j], cases[i].wanted[j]);
            if (!is_right)
                printf("# %zu %zu %.*s\n", i, j, (int)texts[j].len, texts[j].at);
            CHECK(is_right);
        }
        CHECK(count >= 2);
        CHECK(file && dicom_value_count(file->set, DICOM_STUDY_DESCRIPTION) == count);
    }
}

/* The state begins anew at separators and line ends; a forgotten escape hurts no more. */
static void states_begin_anew_behind_separators(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct dicom_file *file =
        read_text("\\ISO 2022 IR 87", DICOM_TEXT_VALUE, "UT",
                  ESC "$B;3ED\r\nABC\t" ESC "$BB@" ESC "(B\\D", &arena);
    CHECK(file && text_is_in(file->set, DICOM_TEXT_VALUE, &arena, "山田\r\nABC\t太\\D"));
    file = read_text("ISO 2022 IR 100\\ISO 2022 IR 144", DICOM_PATIENT_NAME, "PN",
                     ESC "-L\xBB\xEE=\xC4", &arena);
    CHECK(file && text_is_in(file->set, DICOM_PATIENT_NAME, &arena, "Лю=Ä"));
}

static void items_have_their_own_set_or_their_parents(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct site site = new_site(LITTLE);
    struct err err = {0};
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    open_sequence(&site, DICOM_REFERENCED_IMAGES);
    open_item(&site);
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 13");
    put_string(&site, DICOM_PATIENT_NAME, "PN", "\xD4\xCF");
    close_item(&site);
    open_item(&site);
    put_string(&site, DICOM_PATIENT_NAME, "PN", "山田");
    close_item(&site);
    close_sequence(&site);
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !file->warnings);
    if (!file)
        return;
    const struct dicom_set *item = dicom_item(file->set, DICOM_REFERENCED_IMAGES, 0);
    CHECK(text_is_in(item, DICOM_PATIENT_NAME, &arena, "ﾔﾏ"));
    CHECK(text_is_in(item->next, DICOM_PATIENT_NAME, &arena, "山田"));
}

static void a_missing_set_is_guessed(void)
{
    static const char *const cases[][2] = {
        {"\x8E\x52\x93\x63\x91\xBE\x98\x59", "山田太郎"}, /* CP932 */
        {"\xBB\xB3\xC5\xC4\xA4\xE4\xA4\xDE", "山田やま"}, /* EUC-JP */
        {"\xE5\xB1\xB1\xE7\x94\xB0", "山田"},             /* UTF-8 */
        {ESC "$B;3ED" ESC "(B", "山田"},                  /* ISO-2022-JP */
        {"\x8E\x52\\\x93\x63", "山"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct dicom_file *file =
            read_text("", DICOM_STUDY_DESCRIPTION, "LO", cases[i][0], &arena);
        CHECK(file && has_warning(file, "dicom_charset_missing"));
        CHECK(file &&
              text_is_in(file->set, DICOM_STUDY_DESCRIPTION, &arena, cases[i][1]));
    }
}

static void odd_terms_are_told(void)
{
    static const char *const cases[][3] = {
        {"ISO-IR 100", "\xE9", "dicom_charset_spelling"},
        {"ISO_IR100", "\xE9", "dicom_charset_spelling"},
        {"ISO 2022-IR 100", "\xE9", "dicom_charset_spelling"},
        {"ISO_IR 999", "e", "dicom_charset_unknown"},
        {"KANJI", "e", "dicom_charset_unknown"},
        {"ISO_IR 100", ESC "(B\xE9", "dicom_charset_escape"},
        {"-", ESC "(Be", "dicom_charset_escape"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct dicom_file *file =
            read_text(cases[i][0], DICOM_STUDY_DESCRIPTION, "LO", cases[i][1], &arena);
        CHECK(file && has_warning(file, cases[i][2]));
        CHECK(file && text_is_in(file->set, DICOM_STUDY_DESCRIPTION, &arena,
                                 strchr(cases[i][1], 'e') ? "e" : "é"));
    }
}

static void broken_bytes_become_replacement_characters(void)
{
    static const char *const cases[][3] = {
        {"ISO_IR 192", "A\xFF", "A\xEF\xBF\xBD"},
        {"ISO_IR 6", "A\xFF", "A\xEF\xBF\xBD"},
        {"GB18030", "A\x81", "A\xEF\xBF\xBD"},
        {"GB18030", "A\x81\x30\x81",
         "A\xEF\xBF\xBD"
         "0\xEF\xBF\xBD"},
        {"\\ISO 2022 IR 87", ESC "$B;" ESC "(B", "\xEF\xBF\xBD"},
        {"\\ISO 2022 IR 87", "A" ESC "%G", "A\xEF\xBF\xBD%G"},
        {"\\ISO 2022 IR 149", ESC "$)C\xFB", "\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
        struct dicom_file *file =
            read_text(cases[i][0], DICOM_STUDY_DESCRIPTION, "LO", cases[i][1], &arena);
        CHECK(file &&
              text_is_in(file->set, DICOM_STUDY_DESCRIPTION, &arena, cases[i][2]));
        CHECK(file && has_warning(file, "dicom_characters_bad"));
    }
}

static void padding_goes_and_meant_spaces_stay(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct dicom_file *file =
        read_text("-", DICOM_STUDY_DESCRIPTION, "LO", "  A B  ", &arena);
    CHECK(file && text_is_in(file->set, DICOM_STUDY_DESCRIPTION, &arena, "A B"));
    file = read_text("-", DICOM_TEXT_VALUE, "UT", "  A \\ B\n  ", &arena);
    CHECK(file && text_is_in(file->set, DICOM_TEXT_VALUE, &arena, "  A \\ B\n"));
    file = read_text("-", DICOM_PATIENT_NAME, "PN", "A^^^Dr.^=", &arena);
    struct dicom_name name;
    struct err err = {0};
    CHECK(file && dicom_name(file->set, DICOM_PATIENT_NAME, &arena, &name, &err));
    CHECK(text_is(name.alphabetic, "A Dr.") && name.ideographic.len == 0);
}

/* In memory for each of them, not for all that follow. */
static void many_values_cost_no_more_than_they_hold(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    CLEANUP(buf_free) struct buf long_one = buf_init(1 << 20);
    struct err err = {0};
    struct text *texts = NULL;
    size_t count = 0;
    for (int i = 0; i < 900; i++)
        buf_format(&long_one, "%s\xD4\xCF%040d", i > 0 ? "\\" : "", i);
    buf_byte(&long_one, '\0');
    struct dicom_file *file =
        read_text("ISO_IR 13", 0x00080119, "UC", (const char *)long_one.at, &arena);
    CHECK(file && dicom_texts(file->set, 0x00080119, &arena, &texts, &count, &err));
    CHECK(count == 900 &&
          text_is(texts[899], "ﾔﾏ"
                              "0000000000000000000000000000000000000899"));
}

int main(void)
{
    RUN(every_set_is_decoded);
    RUN(separators_inside_characters_are_data);
    RUN(states_begin_anew_behind_separators);
    RUN(items_have_their_own_set_or_their_parents);
    RUN(a_missing_set_is_guessed);
    RUN(odd_terms_are_told);
    RUN(broken_bytes_become_replacement_characters);
    RUN(many_values_cost_no_more_than_they_hold);
    RUN(padding_goes_and_meant_spaces_stay);
    return test_done();
}
