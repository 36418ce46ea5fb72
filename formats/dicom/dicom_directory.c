// SPDX-License-Identifier: Apache-2.0
/* DICOMDIR (PS3.3 annex F): the tree that the offsets describe, or, where they do not,
 * the one that the order of the records implies. */
#include "formats/dicom/dicom_parts.h"

#include <string.h>

enum {
    LEVELS_MAX = 8,
    COMPONENTS_MAX = 8,
    COMPONENT_BYTES_MAX = 64,
    STRICT_BYTES_MAX = 8
};

struct entry {
    struct dicom_record record;
    bool is_seen;
    bool is_referred; /* by another's offset */
};

struct directory {
    struct dicom_file *file;
    struct arena *arena;
    struct entry *entries; /* in the order of the file, which is that of offsets */
    size_t count;
    bool is_broken;
};

bool dicom_is_directory(const struct dicom_file *file)
{
    return dicom_find(file->set, DICOM_DIRECTORY_RECORDS) ||
           span_is(text_span(dicom_uid(file->meta, DICOM_MEDIA_SOP_CLASS)),
                   "1.2.840.10008.1.3.10");
}

/* ------------------------------------------------------------------ file ids */

static bool is_safe_byte(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

static bool is_strict_byte(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

/* A name inside one folder: no parent, no root, nothing hidden. */
static bool is_safe(struct span component, bool *is_strict)
{
    if (component.len == 0 || component.len > COMPONENT_BYTES_MAX ||
        component.at[0] == '.')
        return false;
    *is_strict &= component.len <= STRICT_BYTES_MAX;
    for (size_t i = 0; i < component.len; i++) {
        if (!is_safe_byte(component.at[i]))
            return false;
        *is_strict &= is_strict_byte(component.at[i]);
    }
    return true;
}

static bool read_path(struct directory *directory, struct dicom_record *record,
                      struct err *err)
{
    const struct dicom_element *element = dicom_find(record->set, DICOM_REFERENCED_FILE);
    bool is_strict = true;
    bool is_right = true;
    struct span part = {0};
    size_t count = 0;
    record->path = TEXT("");
    if (!element || element->value.len == 0)
        return true;
    char *out = ARENA_MANY(directory->arena, char, element->value.len + 1, err);
    size_t len = 0;
    if (!out)
        return false;
    for (; is_right && dicom_part(element->value, count, &part); count++) {
        is_right = count < COMPONENTS_MAX && is_safe(part, &is_strict);
        if (!is_right)
            break;
        if (len > 0)
            out[len++] = '/';
        memcpy(out + len, part.at, part.len);
        len += part.len;
    }
    if (is_right)
        record->path = (struct text){out, len};
    return (is_right && is_strict) ||
           dicom_warn(directory->file, "dicom_directory_path", element->offset, err);
}

/* ------------------------------------------------------------------ offsets */

static struct entry *entry_at(const struct directory *directory, int64_t offset)
{
    size_t low = 0;
    size_t high = directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((int64_t)directory->entries[middle].record.set->offset - 8 < offset)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < directory->count &&
                    (int64_t)directory->entries[low].record.set->offset - 8 == offset;
    return is_there ? &directory->entries[low] : NULL;
}

static bool is_unused(const struct dicom_set *set)
{
    int64_t flag = 0;
    return dicom_int(set, DICOM_RECORD_IN_USE, 0, &flag) && flag == 0;
}

/* All records of one level from `offset` on, with what lies below. */
static struct dicom_record *follow(struct directory *directory, int64_t offset,
                                   unsigned level)
{
    struct dicom_record *first = NULL;
    struct dicom_record **place = &first;
    while (offset != 0) {
        struct entry *entry = entry_at(directory, offset);
        int64_t lower = 0;
        if (!entry || entry->is_seen || level >= LEVELS_MAX) {
            directory->is_broken = true;
            return first;
        }
        entry->is_seen = true;
        const struct dicom_set *set = entry->record.set;
        if (!is_unused(set)) {
            *place = &entry->record;
            place = &entry->record.next;
            if (dicom_int(set, DICOM_LOWER_RECORD, 0, &lower))
                entry->record.child = follow(directory, lower, level + 1);
        }
        offset = 0;
        (void)dicom_int(set, DICOM_NEXT_RECORD, 0, &offset);
    }
    return first;
}

static void refer(struct directory *directory, const struct dicom_set *set, uint32_t tag)
{
    int64_t offset = 0;
    struct entry *entry = NULL;
    if (dicom_int(set, tag, 0, &offset) && offset != 0)
        entry = entry_at(directory, offset);
    if (entry && entry->record.set != set)
        entry->is_referred = true;
}

static void forget(struct directory *directory)
{
    directory->is_broken = false;
    for (size_t i = 0; i < directory->count; i++) {
        directory->entries[i].is_seen = false;
        directory->entries[i].record.child = NULL;
        directory->entries[i].record.next = NULL;
    }
}

/* The first record is not where the header says: it is one that no other names. */
static struct dicom_record *by_links(struct directory *directory)
{
    struct dicom_record *first = NULL;
    struct dicom_record **place = &first;
    forget(directory);
    for (size_t i = 0; i < directory->count; i++) {
        const struct dicom_set *set = directory->entries[i].record.set;
        refer(directory, set, DICOM_NEXT_RECORD);
        refer(directory, set, DICOM_LOWER_RECORD);
    }
    for (size_t i = 0; i < directory->count; i++) {
        struct entry *entry = &directory->entries[i];
        if (entry->is_referred)
            continue;
        *place = follow(directory, (int64_t)entry->record.set->offset - 8, 0);
        while (*place)
            place = &(*place)->next;
    }
    return first;
}

/* ------------------------------------------------------------------ order */

static unsigned level_of(struct text type)
{
    static const char *const levels[] = {"PATIENT", "STUDY", "SERIES"};
    for (unsigned i = 0; i < 3; i++)
        if (text_is(type, levels[i]))
            return i;
    return 3;
}

static struct dicom_record *by_order(struct directory *directory)
{
    struct dicom_record *first = NULL;
    struct dicom_record **places[] = {&first, NULL, NULL, NULL};
    for (size_t i = 0; i < directory->count; i++) {
        struct dicom_record *record = &directory->entries[i].record;
        record->child = NULL;
        record->next = NULL;
        if (is_unused(record->set))
            continue;
        unsigned level = level_of(record->type);
        while (level > 0 && !places[level])
            level--;
        *places[level] = record;
        places[level] = &record->next;
        /* What lies below begins anew; a missing level in between is stepped over. */
        for (unsigned below = level + 1; below < 4; below++)
            places[below] = below == level_of(record->type) + 1 ? &record->child : NULL;
    }
    return first;
}

static bool has_unseen(const struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++)
        if (!directory->entries[i].is_seen &&
            !is_unused(directory->entries[i].record.set))
            return true;
    return false;
}

static bool collect(struct directory *directory, const struct dicom_element *records,
                    struct err *err)
{
    directory->entries =
        ARENA_MANY(directory->arena, struct entry, records->item_count, err);
    if (!directory->entries)
        return false;
    for (const struct dicom_set *set = records->items; set; set = set->next) {
        struct dicom_record *record = &directory->entries[directory->count].record;
        record->set = set;
        if (!dicom_text(set, DICOM_RECORD_TYPE, directory->arena, &record->type, err) ||
            !read_path(directory, record, err))
            return false;
        directory->count++;
    }
    return true;
}

bool dicom_directory(struct dicom_file *file, struct arena *arena,
                     struct dicom_record **root, struct err *err)
{
    struct directory directory = {.file = file, .arena = arena};
    const struct dicom_element *records = dicom_find(file->set, DICOM_DIRECTORY_RECORDS);
    int64_t offset = 0;
    *root = NULL;
    if (!records || records->item_count == 0)
        return true;
    if (!collect(&directory, records, err))
        return false;
    (void)dicom_int(file->set, DICOM_FIRST_ROOT_RECORD, 0, &offset);
    *root = follow(&directory, offset, 0);
    if (!directory.is_broken && !has_unseen(&directory))
        return true;
    /* Many roots are no tree: offsets that are all 0 name nothing. */
    *root = by_links(&directory);
    bool is_tree = *root && ((*root)->child || !(*root)->next);
    if (!is_tree || directory.is_broken || has_unseen(&directory))
        *root = by_order(&directory);
    return dicom_warn(file, "dicom_directory_offsets", file->set->offset, err);
}
