// SPDX-License-Identifier: Apache-2.0
/* Data sets as JSON (PS3.18 annex F): each value representation, what is left out, and
 * the sample files beside the tree as pydicom understands what was written. */
#include "formats/dicom/dicom_testsite.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "formats/json/json.h"

#define FIXTURES "../shared/fixtures/dicom"
#define UTF8 "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}"

enum { JSON_BYTES_MAX = 32 << 20 };

/* The object without its braces, in the arena; "" = refused. */
static const char *written(const struct dicom_file *file, struct arena *arena)
{
    CLEANUP(buf_free) struct buf out = buf_init(JSON_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    struct err err = {0};
    bool is_good = file && dicom_write_json(file, &writer, &err) && out.len >= 2;
    CHECK(is_good);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    CHECK(document && json_is_object(json_root(document)));
    return is_good ? arena_string(arena, span_of(out.at + 1, out.len - 2), &err) : "";
}

/* What comes of the site, which is freed. */
static bool becomes(struct site *site, const char *syntax, const char *expected)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct err err = {0};
    const char *json = written(read_site(site, syntax, &arena, &err), &arena);
    if (strcmp(json, expected) != 0)
        printf("# is      %s\n# and not %s\n", json, expected);
    return strcmp(json, expected) == 0;
}

/* ---- values ---- */

static void texts_are_strings_and_empty_ones_have_no_value(void)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_IMAGE_TYPE, "CS", "ORIGINAL\\PRIMARY\\\\AXIAL");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", "1.2.3");
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_STUDY_TIME, "TM", "");
    put_string(&site, DICOM_MODALITY, "CS", " ");
    put_string(&site, 0x00081090, "LO", "A\\");
    put_string(&site, 0x00081160, "IS", " ");
    put_string(&site, 0x00104000, "LT", " 1\\2\n<3> ");
    put_string(&site, 0x00189919, "UR", "http://a/\\b ");
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00080008\":{\"vr\":\"CS\",\"Value\":[\"ORIGINAL\",\"PRIMARY\","
                       "null,\"AXIAL\"]},"
                       "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]},"
                       "\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20240501\"]},"
                       "\"00080030\":{\"vr\":\"TM\"},\"00080060\":{\"vr\":\"CS\"},"
                       "\"00081090\":{\"vr\":\"LO\",\"Value\":[\"A\",null]},"
                       "\"00081160\":{\"vr\":\"IS\"},"
                       "\"00104000\":{\"vr\":\"LT\",\"Value\":[\" 1\\\\2\\n\\u003c3"
                       "\\u003e\"]},"
                       "\"00189919\":{\"vr\":\"UR\",\"Value\":[\"http://a/\\\\b\"]}"));
}

static void numbers_are_numbers_where_json_has_them(void)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_INSTANCE_NUMBER, "IS", "+0012\\-3\\12a\\");
    put_string(&site, 0x00280030, "DS", "0.1\\1.5E2 \\.25\\-0.123456789012345\\-0");
    put_shorts(&site, 0x00280106, "SS", (const uint16_t[]){0xFFFF, 7}, 2);
    put_bytes(&site, 0x00280009, "AT", "\x54\x00\x63\x1A", 4);
    put_bytes(&site, 0x00289001, "UL", "\xFF\xFF\xFF\xFF", 4);
    put_bytes(&site, 0x00289002, "UL", "\x05\x00", 2);
    put_bytes(&site, 0x00411001, "FL", "\xCD\xCC\xCC\x3D\0\0\x80\x7F", 8);
    put_bytes(&site, 0x00411002, "FD", "\x9A\x99\x99\x99\x99\x99\xB9\x3F", 8);
    put_bytes(&site, 0x00411003, "SV", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    put_bytes(&site, 0x00411004, "UV", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    put_bytes(&site, 0x00411005, "SV", "\0\0\0\0\0\0\0\x80", 8);
    CHECK(becomes(
        &site, LITTLE,
        UTF8
        ",\"00200013\":{\"vr\":\"IS\",\"Value\":[12,-3,null,null]},"
        "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00541A63\"]},"
        "\"00280030\":{\"vr\":\"DS\",\"Value\":[0.1,150,0.25,-0.123456789012345,-0.0]},"
        "\"00280106\":{\"vr\":\"SS\",\"Value\":[-1,7]},"
        "\"00289001\":{\"vr\":\"UL\",\"Value\":[4294967295]},"
        "\"00289002\":{\"vr\":\"UL\",\"Value\":[5]},"
        "\"00411001\":{\"vr\":\"FL\",\"Value\":[0.1,null]},"
        "\"00411002\":{\"vr\":\"FD\",\"Value\":[0.1]},"
        "\"00411003\":{\"vr\":\"SV\",\"Value\":[-1]},"
        "\"00411004\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\"]},"
        "\"00411005\":{\"vr\":\"SV\",\"Value\":[\"-9223372036854775808\"]}"));
}

static void names_are_objects_of_their_groups(void)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(&site, 0x00081048, "PN", "A^B\\=\\");
    put_string(&site, DICOM_PATIENT_NAME, "PN", "IIDA^HANAKO=飯田^花子=イイダ^ハナコ");
    put_string(&site, 0x00101005, "PN", "=飯田");
    put_string(&site, 0x00101060, "PN", "");
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00081048\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\"},"
                       "null,null]},"
                       "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":"
                       "\"IIDA^HANAKO\",\"Ideographic\":\"飯田^花子\",\"Phonetic\":"
                       "\"イイダ^ハナコ\"}]},"
                       "\"00101005\":{\"vr\":\"PN\",\"Value\":[{\"Ideographic\":"
                       "\"飯田\"}]},\"00101060\":{\"vr\":\"PN\"}"));
}

/* Escape sequences end with each value; 0x5C inside of two bytes separates nothing. */
static void texts_are_utf8_whatever_the_file_says(void)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_CHARACTER_SET, "CS", "\\ISO 2022 IR 87");
    put_string(&site, DICOM_STUDY_DESCRIPTION, "LO",
               "\x1B$B6;It\x1B(B\\\x1B$B%\\\x1B(B\\x");
    open_sequence(&site, 0x00081140);
    open_item(&site);
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 100");
    put_string(&site, DICOM_STUDY_DESCRIPTION, "LO", "\xE9");
    close_item(&site);
    close_sequence(&site);
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00081030\":{\"vr\":\"LO\",\"Value\":[\"胸部\",\"ボ\",\"x\"]},"
                       "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{" UTF8
                       ",\"00081030\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}]}"));
}

static void a_character_set_that_was_guessed_is_told(void)
{
    struct site site = new_site(LITTLE);
    put_string(&site, 0x00080001, "UL", "");
    put_string(&site, DICOM_STUDY_DESCRIPTION, "LO", "\x8B\xB9\x95\x94"); /* CP932 */
    CHECK(becomes(&site, LITTLE,
                  "\"00080001\":{\"vr\":\"UL\"}," UTF8
                  ",\"00081030\":{\"vr\":\"LO\",\"Value\":[\"胸部\"]}"));
    site = new_site(LITTLE);
    put_string(&site, 0x00080001, "UL", "");
    CHECK(becomes(&site, LITTLE, "\"00080001\":{\"vr\":\"UL\"}," UTF8));
}

/* ---- sequences and order ---- */

static void sequences_are_arrays_of_objects(void)
{
    struct site site = new_site(LITTLE);
    open_sequence(&site, 0x00081140);
    open_item(&site);
    put_string(&site, DICOM_REFERENCED_SOP_INSTANCE, "UI", "1.2");
    close_item(&site);
    open_item(&site);
    close_item(&site);
    close_sequence(&site);
    put_head(&site, 0x00081150, "SQ", 0);
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":"
                       "\"UI\",\"Value\":[\"1.2\"]}},{}]},\"00081150\":{\"vr\":\"SQ\"}"));
}

static void attributes_stand_in_order_and_once(void)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_MODALITY, "CS", "CT");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", "1.2");
    put_string(&site, DICOM_MODALITY, "CS", "MR");
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 100");
    put_string(&site, DICOM_CHARACTER_SET, "CS", "ISO_IR 13");
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
                       "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}"));
}

/* As deep as the writer goes, and not a level further. */
static void what_is_too_deep_for_readers_is_left_out(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct err err = {0};
    struct site site = new_site(LITTLE);
    for (int i = 0; i < 40; i++) {
        open_sequence(&site, 0x00081140);
        open_item(&site);
    }
    for (int i = 0; i < 40; i++) {
        put_string(&site, DICOM_PATIENT_NAME, "PN", "A");
        close_item(&site);
        close_sequence(&site);
    }
    const char *json = written(read_site(&site, LITTLE, &arena, &err), &arena);
    size_t levels = 0;
    size_t names = 0;
    for (const char *at = json; (at = strstr(at, "00081140")); at++)
        levels++;
    for (const char *at = json; (at = strstr(at, "\"Alphabetic\":\"A\"")); at++)
        names++;
    CHECK(levels == 19 && names == 19);
}

/* ---- what is left out, and bytes ---- */

static void pixels_and_large_values_are_left_out(void)
{
    static const uint8_t zeros[2048];
    struct site site = new_site(LITTLE);
    put_bytes(&site, 0x00080000, "UL", "\x01\0\0\0", 4);
    put_string(&site, DICOM_MODALITY, "CS", "CT");
    put_bytes(&site, 0x00282000, "OB", zeros, 1026);
    put_bytes(&site, 0x00420011, "OB", "PDF!", 4);
    put_string(&site, 0x00420012, "LO", "application/pdf");
    put_bytes(&site, 0x50003000, "OW", zeros, 8);
    put_bytes(&site, 0x54001010, "OW", zeros, 8);
    put_bytes(&site, 0x60023000, "OW", zeros, 8);
    put_bytes(&site, 0x00991010, "UN", zeros, 1026);
    put_bytes(&site, DICOM_PIXELS, "OW", zeros, 8);
    put_bytes(&site, 0xFFFCFFFC, "OB", zeros, 8);
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"
                       "\"00420012\":{\"vr\":\"LO\",\"Value\":[\"application/pdf\"]}"));
}

static void small_binary_values_stand_in_base64(void)
{
    struct site site = new_site(LITTLE);
    put_bytes(&site, 0x00282000, "OB", "abcd", 4);
    put_bytes(&site, 0x00991010, "UN", "ab\0\xFF\xFE", 6);
    put_bytes(&site, 0x00991011, "OB", "", 0);
    put_bytes(&site, 0x00991012, "UN", "abcdef", 6);
    CHECK(becomes(&site, LITTLE,
                  UTF8 ",\"00282000\":{\"vr\":\"OB\",\"InlineBinary\":\"YWJjZA==\"},"
                       "\"00991010\":{\"vr\":\"UN\",\"InlineBinary\":\"YWIA//4A\"},"
                       "\"00991011\":{\"vr\":\"OB\"},"
                       "\"00991012\":{\"vr\":\"UN\",\"InlineBinary\":\"YWJjZGVm\"}"));
}

static void bytes_are_little_endian_whatever_the_file_is(void)
{
    struct site site = new_site(BIG);
    put_short(&site, DICOM_ROWS, 258);
    put_shorts(&site, 0x00282000, "OW", (const uint16_t[]){0x0102, 0x0304}, 2);
    put_bytes(&site, 0x00660016, "OF", "\x01\x02\x03\x04", 4);
    put_bytes(&site, 0x00660017, "OD", "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    CHECK(becomes(&site, BIG,
                  UTF8 ",\"00280010\":{\"vr\":\"US\",\"Value\":[258]},"
                       "\"00282000\":{\"vr\":\"OW\",\"InlineBinary\":\"AgEEAw==\"},"
                       "\"00660016\":{\"vr\":\"OF\",\"InlineBinary\":\"BAMCAQ==\"},"
                       "\"00660017\":{\"vr\":\"OD\",\"InlineBinary\":\"CAcGBQQDAgE=\"}"));
}

static void what_is_unknown_is_what_the_dictionary_says(void)
{
    struct site site = new_site(LITTLE);
    put_bytes(&site, DICOM_PATIENT_ID, "UN", "0012", 4);
    put_bytes(&site, DICOM_ROWS, "UN", "\x02\x01", 2);
    put_bytes(&site, DICOM_COLUMNS, "??", "\x02\x01", 2);
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct err err = {0};
    const char *json = written(read_site(&site, LITTLE, &arena, &err), &arena);
    CHECK(strstr(json, "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"0012\"]},\"00280010\":{"
                       "\"vr\":\"US\",\"Value\":[258]}"));
}

static void a_writer_without_room_says_so(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(buf_free) struct buf out = buf_init(100);
    struct json_writer writer = json_writer(&out);
    struct err err = {0};
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_INSTANCE, "UI", "1.2.3");
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    struct dicom_file *file = read_site(&site, LITTLE, &arena, &err);
    CHECK(file && !dicom_write_json(file, &writer, &err));
    CHECK(strcmp(err.code, "buf_full") == 0 && out.len <= 100);
}

/* ---- pydicom ---- */

struct comparison {
    FILE *said; /* path NUL JSON NUL */
    size_t files;
};

static void add_file(struct comparison *comparison, const char *path)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct span bytes = {0};
    struct dicom_file *file = NULL;
    struct err err = {0};
    /* pydicom does not step over a stray first byte, and keeps the value that is cut. */
    bool is_other = strstr(path, "/no_meta.dcm") || strstr(path, "/rtplan_truncated.dcm");
    FILE *opened = is_other ? NULL : fopen(path, "rb");
    if (!opened)
        return;
    bool is_read = path_read(fileno(opened), 16 << 20, &arena, &bytes, &err) &&
                   dicom_read(bytes, NULL, &arena, &file, &err);
    fclose(opened);
    if (!is_read)
        return;
    comparison->files++;
    fprintf(comparison->said, "%s%c{%s}%c", path, 0, written(file, &arena), 0);
}

static void walk(struct comparison *comparison, const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[512];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode))
                walk(comparison, path);
            else
                add_file(comparison, path);
        }
        free(names[i]);
    }
    free(names);
}

/* Its words go to standard output: what it reads otherwise than the file. */
static void pydicom_understands_what_was_written(void)
{
    char name[] = "/tmp/dicom_json_XXXXXX";
    char command[256];
    int fd = mkstemp(name);
    struct comparison comparison = {.said = fdopen(fd, "wb")};
    CHECK(comparison.said);
    walk(&comparison, FIXTURES);
    CHECK(fclose(comparison.said) == 0 && comparison.files == 128);
    snprintf(command, sizeof command, "/usr/bin/python3 tools/dicom_peer.py json <%s",
             name);
    CHECK(system(command) == 0);
    CHECK(unlink(name) == 0);
}

int main(void)
{
    struct stat status;
    RUN(texts_are_strings_and_empty_ones_have_no_value);
    RUN(numbers_are_numbers_where_json_has_them);
    RUN(names_are_objects_of_their_groups);
    RUN(texts_are_utf8_whatever_the_file_says);
    RUN(a_character_set_that_was_guessed_is_told);
    RUN(sequences_are_arrays_of_objects);
    RUN(attributes_stand_in_order_and_once);
    RUN(what_is_too_deep_for_readers_is_left_out);
    RUN(pixels_and_large_values_are_left_out);
    RUN(small_binary_values_stand_in_base64);
    RUN(bytes_are_little_endian_whatever_the_file_is);
    RUN(what_is_unknown_is_what_the_dictionary_says);
    RUN(a_writer_without_room_says_so);
    if (stat(FIXTURES, &status) == 0 &&
        system("/usr/bin/python3 -c 'import pydicom' 2>/dev/null") == 0)
        RUN(pydicom_understands_what_was_written);
    else
        SKIP("pydicom_understands_what_was_written",
             FIXTURES " or python3-pydicom not present");
    return test_done();
}
