// SPDX-License-Identifier: Apache-2.0
/* Whatever a DICOM object says of its waveforms: a named refusal, or a recording that can
 * be listed and drawn. */
#include "formats/waveform/waveform.h"

#include <stdlib.h>

#include "formats/dicom/dicom.h"

enum { COLUMNS = 64, LOOK_MS = 100, GROUPS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const struct waveform_recording *recording)
{
    CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
    for (uint32_t i = 0; i < recording->group_count && i < GROUPS; i++) {
        const struct waveform_wish wishes[] = {{.group = i, .columns = COLUMNS},
                                               {.group = i, .to_ms = LOOK_MS}};
        for (size_t k = 0; k < 2; k++) {
            struct err err = {0};
            buf_reset(&out);
            if (waveform_write(recording, &wishes[k], &out, &err) !=
                (err.kind == ERR_NONE))
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena arena = arena_init(256 << 20);
    struct dicom_options options = {.elements_max = 100000, .inflated_max = 1 << 20};
    struct dicom_file *file = NULL;
    struct waveform_recording recording;
    struct entry_list list = {0};
    struct err err = {0};
    if (!dicom_read(span_of(data, size), &options, &arena, &file, &err))
        return 0;
    bool is_read = waveform_read_dicom(file, &arena, &recording, &err);
    if (is_read != (err.kind == ERR_NONE) || (is_read && !recording.groups))
        abort();
    struct entry *entry =
        is_read ? entry_add(&list, ENTRY_PHYSIOLOGY, &arena, &err) : NULL;
    if (!entry)
        return 0;
    if (waveform_add_items(&recording, entry, &arena, &err)) {
        CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
        struct json_writer writer = json_writer(&out);
        struct text text = {0};
        entry_write(&writer, entry);
        if (!text_from_utf8(buf_view(&out), &text, &err))
            abort();
    }
    draw(&recording);
    return 0;
}
