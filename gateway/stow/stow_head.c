// SPDX-License-Identifier: Apache-2.0
/* What an instance says it is, from its first bytes. */
#include <stdio.h>
#include <string.h>

#include "formats/dicom/dicom.h"
#include "gateway/stow/stow_parts.h"

#define STORAGE_PREFIX "1.2.840.10008.5.1.4.1.1."

enum {
    TAG_META_CLASS = 0x00020002,
    TAG_META_INSTANCE = 0x00020003,
    TAG_META_SYNTAX = 0x00020010,
    TAG_CLASS = 0x00080016,
    TAG_INSTANCE = 0x00080018,
    TAG_STUDY = 0x0020000D,
    ARENA_BYTES = 16 << 20,
    ELEMENTS_MAX = 20000,
    INFLATED_MAX = 4 << 20
};

static bool is_uid(struct text uid)
{
    struct span bytes = text_span(uid);
    return bytes.len > 0 && bytes.at[0] != '.' && bytes.at[bytes.len - 1] != '.';
}

static void copy_uid(struct text uid, char copy[INSTANCES_UID_BYTES])
{
    snprintf(copy, INSTANCES_UID_BYTES, "%.*s", (int)text_span(uid).len,
             (const char *)text_span(uid).at);
}

static uint16_t check_meta(const struct dicom_file *file, struct stow_head *head)
{
    struct text sop_class = dicom_uid(file->meta, TAG_META_CLASS);
    struct text sop_instance = dicom_uid(file->meta, TAG_META_INSTANCE);
    struct text syntax = dicom_uid(file->meta, TAG_META_SYNTAX);
    copy_uid(sop_class, head->result.sop_class);
    copy_uid(sop_instance, head->result.sop_instance);
    copy_uid(syntax, head->syntax);
    if (!file->has_preamble || !file->has_meta || !is_uid(sop_class) ||
        !is_uid(sop_instance) || !is_uid(syntax))
        return STOW_NOT_UNDERSTOOD;
    if (!span_starts(text_span(sop_class), STORAGE_PREFIX))
        return STOW_CLASS_UNSUPPORTED;
    if (dicom_syntax_find(text_span(syntax)) == DICOM_SYNTAX_UNKNOWN)
        return STOW_SYNTAX_UNSUPPORTED;
    return STOW_STORED;
}

/* The three elements stand in this order (PS3.5 7.1). */
static bool has_all(const struct dicom_set *set)
{
    return dicom_find(set, TAG_CLASS) && dicom_find(set, TAG_INSTANCE) &&
           dicom_find(set, TAG_STUDY) && !dicom_find(set, TAG_STUDY)->is_cut;
}

static uint16_t check_set(const struct dicom_set *set, const char *study,
                          const struct stow_head *head)
{
    struct text said = dicom_uid(set, TAG_STUDY);
    if (!span_is(text_span(dicom_uid(set, TAG_CLASS)), head->result.sop_class) ||
        !span_is(text_span(dicom_uid(set, TAG_INSTANCE)), head->result.sop_instance))
        return STOW_OTHER_CLASS;
    if (!is_uid(said))
        return STOW_NOT_UNDERSTOOD;
    if (*study && !span_is(text_span(said), study))
        return STOW_OTHER_STUDY;
    return STOW_STORED;
}

bool stow_read_head(struct span bytes, bool is_all, const char *study,
                    struct stow_head *head)
{
    struct err err = {0};
    struct dicom_file *file = NULL;
    struct dicom_options options = {.stop_before_pixels = true,
                                    .file_bytes = is_all ? 0 : UINT64_C(1) << 40,
                                    .elements_max = ELEMENTS_MAX,
                                    .inflated_max = INFLATED_MAX};
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    bool is_last = is_all || bytes.len >= STOW_HEAD_BYTES_MAX;
    *head = (struct stow_head){.result = {.reason = STOW_NOT_UNDERSTOOD}};
    if (!dicom_read(bytes, &options, &arena, &file, &err))
        return true;
    head->result.reason = check_meta(file, head);
    if (head->result.reason != STOW_STORED)
        return true;
    if (!has_all(file->set) && !is_last)
        return false;
    head->result.reason = check_set(file->set, study, head);
    return true;
}
