// SPDX-License-Identifier: Apache-2.0
/* The DICOMDIR of a copied disc: which files it names. Nothing is ever opened by these
 * names: what lies on the disc is found by walking, and the names are compared with
 * that. */
#include <string.h>

#include "formats/dicom/dicom.h"
#include "gateway/study/study_parts.h"

enum { DIRECTORY_ELEMENTS_MAX = 900000, NAMED_MAX = 100000, LEVELS_MAX = 16 };

struct reading {
    struct study_row *row;
    struct arena *arena;
    size_t room;
    struct err *err;
};

/* "<label>/disc/" and "DICOM/S1/I1": "<label>/disc/DICOM/S1/" and "I1". */
static bool take_path(const struct reading *reading, struct text path,
                      struct study_named *named)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct span copy = {0};
    size_t len = path.len;
    while (len > 0 && path.at[len - 1] != '/')
        len--;
    buf_text(&out, reading->row->folder);
    buf_put(&out, path.at, len);
    named->name = (struct text){path.at + len, path.len - len};
    return buf_to_arena(&out, reading->arena, &copy, reading->err) &&
           text_from_utf8(copy, &named->folder, reading->err);
}

static bool add(struct reading *reading, const struct dicom_record *record)
{
    struct study_row *row = reading->row;
    struct text instance = dicom_uid(record->set, DICOM_REFERENCED_SOP_INSTANCE_IN_FILE);
    bool has_file = dicom_value_count(record->set, DICOM_REFERENCED_FILE) > 0;
    if (!has_file && instance.len == 0)
        return true; /* a patient, a study, a series */
    if (row->named_count == NAMED_MAX)
        return err_set(reading->err, ERR_LIMIT, "directory_too_large",
                       "more than %d files", NAMED_MAX);
    row->named =
        arena_grow(reading->arena, row->named, row->named_count, row->named_count + 1,
                   sizeof *row->named, &reading->room, reading->err);
    if (!row->named)
        return false;
    struct study_named *named = &row->named[row->named_count++];
    *named =
        (struct study_named){.folder = TEXT(""), .name = TEXT(""), .instance = instance};
    return record->path.len == 0 || take_path(reading, record->path, named);
}

static bool add_all(struct reading *reading, const struct dicom_record *first, int level)
{
    if (level == LEVELS_MAX)
        return true;
    for (const struct dicom_record *record = first; record; record = record->next)
        if (!add(reading, record) || !add_all(reading, record->child, level + 1))
            return false;
    return true;
}

bool study_read_directory(struct span bytes, struct arena *arena, struct study_row *row,
                          struct err *err)
{
    struct dicom_options options = {.elements_max = DIRECTORY_ELEMENTS_MAX};
    struct dicom_file *file = NULL;
    struct dicom_record *root = NULL;
    struct reading reading = {row, arena, 0, err};
    row->code = "study_directory";
    return dicom_read(bytes, &options, arena, &file, err) &&
           dicom_directory(file, arena, &root, err) && add_all(&reading, root, 0);
}
