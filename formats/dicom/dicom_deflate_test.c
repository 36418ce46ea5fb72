// SPDX-License-Identifier: Apache-2.0
/* Deflated data sets: inflated whole, up to a limit, or only as far as a header goes. */
#include "formats/dicom/dicom_testsite.h"

enum { ARENA_BYTES = 64 << 20 };

/* Raw deflate, or with the header that does not belong there. */
static bool deflate_site(struct site *site, int window, struct buf *out)
{
    uint8_t *room = malloc(site->out.len + 1024);
    z_stream stream = {.next_in = site->out.at,
                       .avail_in = (uInt)site->out.len,
                       .next_out = room,
                       .avail_out = (uInt)site->out.len + 1024};
    bool is_done = deflateInit2(&stream, 9, Z_DEFLATED, window, 8, 0) == Z_OK &&
                   deflate(&stream, Z_FINISH) == Z_STREAM_END;
    struct site deflated = {.out = buf_init(SITE_BYTES_MAX)};
    buf_put(&deflated.out, room, stream.total_out);
    *out = wrap(&deflated, DEFLATED);
    (void)deflateEnd(&stream);
    free(room);
    buf_free(&deflated.out);
    return is_done;
}

static void deflated_data_are_inflated(void)
{
    for (int window = -15; window <= 15; window += 30) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        struct site site = new_site(LITTLE);
        struct buf out;
        struct err err = {0};
        struct dicom_file *file = NULL;
        put_small_study(&site);
        CHECK(deflate_site(&site, window, &out));
        CHECK(dicom_read(buf_view(&out), NULL, &arena, &file, &err));
        if (file) {
            CHECK(file->is_deflated && !file->is_truncated);
            CHECK(has_warning(file, "dicom_deflate_header") == (window > 0));
            check_small_study(file, &arena);
        }
        buf_free(&out);
        buf_free(&site.out);
    }
}

static void a_deflated_bomb_is_refused_and_a_cut_one_read(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct site site = new_site(LITTLE);
    struct dicom_options options = {.inflated_max = 1 << 20};
    struct buf out;
    struct err err = {0};
    struct dicom_file *file = NULL;
    put_small_study(&site);
    put_head(&site, DICOM_PIXELS, "OW", 2 << 20);
    for (size_t i = 0; i < 2 << 20; i++)
        buf_byte(&site.out, 0);
    CHECK(deflate_site(&site, -15, &out));
    CHECK(!dicom_read(buf_view(&out), &options, &arena, &file, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "dicom_inflated_too_large") == 0);
    err_clear(&err);
    struct span cut = span_part(buf_view(&out), 0, out.len - 600);
    CHECK(dicom_read(cut, NULL, &arena, &file, &err));
    CHECK(file && file->is_truncated && has_warning(file, "dicom_deflate_cut"));
    if (file)
        CHECK(text_is_in(file->set, DICOM_PATIENT_ID, &arena, "0001234567"));
    buf_free(&out);
    buf_free(&site.out);
}

/* Noise that does not become shorter, behind a header of a few hundred bytes. */
static void a_deflated_header_is_read_from_the_beginning(void)
{
    enum { PIXELS = 2 << 20 };
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct site site = new_site(LITTLE);
    struct buf out;
    struct dicom_file *file = NULL;
    struct err err = {0};
    uint32_t seed = 7;
    put_small_study(&site);
    put_head(&site, DICOM_PIXELS, "OW", PIXELS);
    for (size_t i = 0; i < PIXELS; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_byte(&site.out, (uint8_t)(seed >> 24));
    }
    CHECK(deflate_site(&site, -15, &out) && out.len > PIXELS);
    struct dicom_options options = {.stop_before_pixels = true, .file_bytes = out.len};
    struct span part = span_part(buf_view(&out), 0, 65536);
    CHECK(dicom_read(part, &options, &arena, &file, &err));
    CHECK(file && file->needs_bytes == 0 && file->pixels.is_there);
    CHECK(file && file->pixels.length == PIXELS && file->is_deflated);
    if (file)
        CHECK(text_is_in(file->set, DICOM_PATIENT_ID, &arena, "0001234567"));
    part = span_part(buf_view(&out), 0, 400);
    CHECK(dicom_read(part, &options, &arena, &file, &err));
    CHECK(file && file->needs_bytes == 401 && !file->is_truncated);
    buf_free(&out);
    buf_free(&site.out);
}

/* Pixels that become a thousand times as much are not inflated for their header; a
 * header that does is read as far as the limit. */
static void a_bomb_behind_or_in_a_header_costs_little(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct dicom_options options = {.stop_before_pixels = true, .inflated_max = 1 << 20};
    for (int i = 0; i < 2; i++) {
        struct site site = new_site(LITTLE);
        struct buf out;
        struct dicom_file *file = NULL;
        struct err err = {0};
        put_small_study(&site);
        put_head(&site, i ? 0x7FD10010 : DICOM_PIXELS, "OW", 12 << 20);
        for (size_t k = 0; k < 12 << 20; k++)
            buf_byte(&site.out, 0);
        CHECK(deflate_site(&site, -15, &out) && out.len < 50000);
        options.file_bytes = out.len;
        arena_reset(&arena);
        CHECK(dicom_read(buf_view(&out), &options, &arena, &file, &err));
        CHECK(file && file->pixels.is_there == (i == 0));
        CHECK(file && (file->needs_bytes > 0) == (i == 1));
        if (file)
            CHECK(text_is_in(file->set, DICOM_PATIENT_ID, &arena, "0001234567"));
        buf_free(&out);
        buf_free(&site.out);
    }
}

int main(void)
{
    RUN(deflated_data_are_inflated);
    RUN(a_deflated_bomb_is_refused_and_a_cut_one_read);
    RUN(a_deflated_header_is_read_from_the_beginning);
    RUN(a_bomb_behind_or_in_a_header_costs_little);
    return test_done();
}
