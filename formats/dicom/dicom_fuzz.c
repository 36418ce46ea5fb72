// SPDX-License-Identifier: Apache-2.0
/* Input is a file, or the beginning of one when the first byte is not 0 (it then is the
 * preamble's, which nobody reads). Whatever is read must be text of valid UTF-8, slices
 * inside the input, and trees that end. */
#include <assert.h>
#include <stdlib.h>

#include "formats/dicom/dicom.h"
#include "formats/dicom/dicom_image.h"
#include "formats/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES_MAX = 4, ARENA_BYTES = 64 << 20, JSON_BYTES_MAX = 32 << 20 };

static void read_values(const struct dicom_set *set, unsigned depth)
{
    assert(depth <= 64);
    for (size_t i = 0; i < set->count; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
        const struct dicom_element *element = &set->elements[i];
        struct text *texts = NULL;
        struct dicom_name name;
        struct text again;
        size_t count = 0;
        int64_t whole = 0;
        double number = 0;
        struct err err = {0};
        if (dicom_texts(set, element->tag, &arena, &texts, &count, &err))
            for (size_t j = 0; j < count; j++)
                assert(text_from_utf8(text_span(texts[j]), &again, &err));
        if (dicom_name(set, element->tag, &arena, &name, &err))
            assert(text_from_utf8(text_span(name.alphabetic), &again, &err));
        (void)dicom_value_count(set, element->tag);
        (void)dicom_int(set, element->tag, 1, &whole);
        (void)dicom_double(set, element->tag, 0, &number);
        (void)dicom_day(set, element->tag);
        if (dicom_time(set, element->tag, &arena, &again, &err))
            assert(again.len <= 8);
        size_t items = 0;
        for (const struct dicom_set *item = element->items; item; item = item->next) {
            read_values(item, depth + 1);
            items++;
        }
        assert(items == element->item_count);
    }
}

static void read_image(const struct dicom_file *file, struct arena *arena)
{
    struct dicom_image image;
    struct dicom_view view;
    struct dicom_lut luts[3];
    struct dicom_overlay overlays[DICOM_OVERLAYS_MAX];
    size_t count = 0;
    unsigned sum = 0;
    struct err err = {0};
    for (uint32_t i = 0; dicom_image_read(file, &image, &err) && i < FRAMES_MAX; i++) {
        struct dicom_frame frame;
        if (!dicom_frame(file, &image, i, arena, &frame, &err))
            break;
        for (size_t j = 0; j < frame.bytes.len; j += 64)
            sum += frame.bytes.at[j];
        assert(frame.first_bit < 8);
    }
    err_clear(&err);
    if (dicom_view_read(file, 0, arena, &view, &err) && view.voi_lut &&
        dicom_lut_read(view.voi_lut, true, arena, &luts[0], &err))
        sum += luts[0].values[luts[0].count - 1];
    err_clear(&err);
    if (dicom_palette_read(file, arena, luts, &err))
        sum += luts[2].values[luts[2].count - 1];
    err_clear(&err);
    if (dicom_overlays(file, arena, overlays, &count, &err))
        for (size_t i = 0; i < count; i++)
            sum += dicom_overlay_bit(&overlays[i], 0, overlays[i].rows - 1, 0);
    (void)sum;
}

static size_t count_records(const struct dicom_record *record, unsigned depth)
{
    size_t count = 0;
    assert(depth <= 8);
    for (; record; record = record->next) {
        assert(record->path.len == 0 || record->path.at[0] != '.');
        count += 1 + count_records(record->child, depth + 1);
    }
    return count;
}

static void read_documents(struct dicom_file *file, struct arena *arena)
{
    struct dicom_line *line = NULL;
    struct dicom_record *root = NULL;
    struct text again;
    struct err err = {0};
    assert(dicom_document(file).len <= file->bytes.len);
    if (dicom_report(file, arena, &line, &err))
        for (; line; line = line->next)
            assert(text_from_utf8(text_span(line->value), &again, &err));
    err_clear(&err);
    const struct dicom_element *records = dicom_find(file->set, DICOM_DIRECTORY_RECORDS);
    if (dicom_directory(file, arena, &root, &err))
        assert(count_records(root, 0) <= (records ? records->item_count : 0));
}

/* What is written is JSON without duplicate keys, which the strict reader refuses. */
static void write_json(const struct dicom_file *file)
{
    CLEANUP(buf_free) struct buf out = buf_init(JSON_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    struct err err = {0};
    if (!dicom_write_json(file, &writer, &err)) {
        assert(err.kind != ERR_NONE && err.code);
        return;
    }
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    assert(document && json_is_object(json_root(document)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct dicom_options options = {.elements_max = 20000, .inflated_max = 1 << 20};
    struct dicom_file *file = NULL;
    struct err err = {0};
    bool is_prefix = size > 0 && data[0] != 0;
    options.stop_before_pixels = is_prefix;
    options.file_bytes = is_prefix ? size * 2 : 0;
    (void)dicom_detect(span_of(data, size));
    if (!dicom_read(span_of(data, size), &options, &arena, &file, &err)) {
        assert(err.kind != ERR_NONE && err.code);
        return 0;
    }
    assert(file->needs_bytes == 0 || (is_prefix && file->needs_bytes > size));
    read_values(file->meta, 0);
    read_values(file->set, 0);
    read_image(file, &arena);
    read_documents(file, &arena);
    write_json(file);
    return 0;
}
