// SPDX-License-Identifier: Apache-2.0
/* What the index is told of studies: whose each is, and which order it was made for. */
#include <string.h>

#include "gateway/study/study_parts.h"

enum { TELL_ARENA_BYTES = 4 << 20 };

static bool is_contradicted(const struct index_patient *patient, struct text written)
{
    char iso[DAY_TEXT_BYTES];
    struct span rest = text_span(written);
    struct span born = {0};
    struct span sex = {0};
    if (!span_take(&rest, ' ', &born) || !span_take(&rest, ' ', &sex))
        return false;
    day_to_iso(patient->birth_day, iso);
    bool is_other_day =
        patient->birth_day != DAY_NONE && born.len > 1 && !span_is(born, iso);
    bool is_other_sex = sex.len == 1 && strchr("MF", sex.at[0]) &&
                        strchr("MF", patient->sex) && sex.at[0] != patient->sex;
    return is_other_day || is_other_sex;
}

/* As the index's versions are: 17 digits of the newest file's time, then a flag. The
 * storage's are local, these are UTC: they are compared with each other only. */
static bool write_version(int64_t changed_ns, struct arena *arena, struct text *version,
                          struct err *err)
{
    enum { DAY_S = 86400 };
    int64_t ms = changed_ns / 1000000;
    int32_t seconds = (int32_t)(ms / 1000 % DAY_S);
    int year = 0, month = 0, day = 0;
    day_to_date((int32_t)(ms / 1000 / DAY_S), &year, &month, &day);
    return study_write_text(arena, version, err, "%04d%02d%02d%02d%02d%02d%03d1",
                            year % 10000, month, day, seconds / 3600, seconds / 60 % 60,
                            seconds % 60, (int)(ms % 1000));
}

struct telling {
    struct study *study;
    const struct study_due *due;
    struct study_summary summary;
    struct index_patient patient;
    struct text base, path;
    struct text former; /* the number under which the index has it; "" = not at all */
    struct arena *arena;
};

/* On the day of its order, and of the same kind, it is shown by the order's entry, which
 * opens it: every policy then says the same of both. One study per order; others stand
 * for themselves. */
static bool decide_place(const struct telling *telling, struct entry *entry,
                         struct err *err)
{
    const struct index_order *order = &telling->summary.order;
    struct text shown = {0};
    unsigned flags = 0;
    if (!telling->summary.has_order || order->state != ENTRY_CURRENT ||
        order->kind != entry->kind || order->day != entry->day)
        return true;
    if (!index_find_pictures(telling->study->config.index, telling->patient.number,
                             order->entry_key, telling->arena, &shown, &flags, err))
        return false;
    if (shown.len == 0 || text_equal(shown, telling->base))
        entry->flags |= ENTRY_SHOWN_BY_ORDER;
    return true;
}

static bool make(const struct telling *telling, struct entry_list *list, struct err *err)
{
    struct entry *entry =
        study_make_entry(list, telling->due->uid, &telling->summary, telling->arena, err);
    return entry && decide_place(telling, entry, err);
}

static bool put(const struct telling *telling, bool is_held, struct err *err)
{
    struct entry_list list = {0};
    struct index_change change = {
        .file = {.path = telling->path,
                 .number = telling->patient.number,
                 .base = telling->base,
                 .size_bytes = telling->summary.instance_count,
                 .changed_ns = telling->summary.changed_ns,
                 .state = is_held ? INDEX_HELD : INDEX_READ,
                 .code = is_held ? TEXT("patient_mismatch") : TEXT("")},
        .list = is_held ? NULL : &list,
        .incomplete_kind = study_kind_of(&telling->summary),
        .day = telling->summary.day};
    return write_version(telling->summary.changed_ns, telling->arena,
                         &change.file.version, err) &&
           make(telling, &list, err) &&
           index_put_file(telling->study->config.index, &change, err);
}

/* "day/type/key", as records of a storage are named, but without the day, which a
 * correction may change. */
static bool name_base(struct telling *telling, struct err *err)
{
    return study_write_text(telling->arena, &telling->base, err, "-/DICOM/%.*s",
                            (int)telling->due->uid.len, telling->due->uid.at);
}

/* A number that was joined into another: the pictures are the other's now. */
static bool find_patient(struct telling *telling, bool *is_known, struct err *err)
{
    struct index *index = telling->study->config.index;
    struct text number = {0};
    return index_find_successor(index, telling->due->number, telling->arena, &number,
                                err) &&
           index_find_patient(index, number, telling->arena, &telling->patient, is_known,
                              err);
}

/* Where the index has had it until now, if that is not where it belongs. */
static bool remove_former(const struct telling *telling, struct text number,
                          struct err *err)
{
    return telling->former.len == 0 || text_equal(telling->former, number) ||
           index_remove_base(telling->study->config.index, telling->former, telling->base,
                             err);
}

static bool name(struct telling *telling, struct err *err)
{
    const struct study_due *due = telling->due;
    return name_base(telling, err) &&
           study_write_text(telling->arena, &telling->path, err, STUDY_LABEL "/%.*s/%.*s",
                            (int)due->uid.len, due->uid.at, (int)due->number.len,
                            due->number.at) &&
           index_find_number(telling->study->config.index, telling->path, telling->arena,
                             &telling->former, err);
}

static bool tell_known(struct telling *telling, struct err *err)
{
    struct study *study = telling->study;
    struct study_summary *summary = &telling->summary;
    struct text number = telling->patient.number;
    bool is_held = is_contradicted(&telling->patient, summary->patient);
    return study_find_order(study, number, telling->due->uid, summary, telling->arena,
                            err) &&
           remove_former(telling, number, err) && put(telling, is_held, err) &&
           (!summary->has_order ||
            index_mark_order(study->config.index, number, &summary->order, err)) &&
           study_note_due(study, telling->due, NULL, err);
}

static bool tell_one(struct telling *telling, struct err *err)
{
    struct study *study = telling->study;
    const struct study_due *due = telling->due;
    bool is_known = false;
    if (!study_summarise(study, due->uid, due->number, telling->arena, &telling->summary,
                         err) ||
        !name(telling, err))
        return false;
    if (telling->summary.instance_count == 0)
        return remove_former(telling, TEXT(""), err) &&
               study_note_due(study, due, NULL, err);
    if (!find_patient(telling, &is_known, err))
        return false;
    return is_known ? tell_known(telling, err)
                    : study_note_due(study, due, "patient_unknown", err);
}

static bool tell_due(struct study *study, bool wants_all, struct err *err)
{
    CLEANUP(arena_free) struct arena list = arena_init(8 << 20);
    struct study_due *due = NULL;
    size_t count = 0;
    if (!study_list_due(study, wants_all, &list, &due, &count, err))
        return false;
    for (size_t i = 0; i < count && !atomic_load(&study->is_ending); i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(TELL_ARENA_BYTES);
        struct telling telling = {.study = study, .due = &due[i], .arena = &arena};
        if (!tell_one(&telling, err))
            return false;
    }
    return true;
}

/* An order whose study is gone says no more that there are pictures. */
static bool mark_orders(struct study *study, const struct index_pictures *changed,
                        size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
        struct index_order order;
        bool is_known = false;
        if (!index_find_order(study->config.index, changed[i].number, &changed[i], &arena,
                              &order, &is_known, err) ||
            (is_known &&
             !index_mark_order(study->config.index, changed[i].number, &order, err)))
            return false;
    }
    return true;
}

/* A study that goes leaves its order to another one, which is told in the next turn. */
bool study_tell_index(struct study *study, bool wants_all, struct err *err)
{
    enum { AT_ONCE = 500, TURNS_MAX = 100 };
    for (int turn = 0; turn < TURNS_MAX && !atomic_load(&study->is_ending); turn++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct index_pictures *changed = NULL;
        size_t count = 0;
        if (!index_list_changed_orders(study->config.index, AT_ONCE, &arena, &changed,
                                       &count, err))
            return false;
        if (count == 0 && turn > 0)
            return true;
        for (size_t i = 0; i < count; i++)
            if (!study_take_order(study, &changed[i], err))
                return false;
        if (!tell_due(study, wants_all && turn == 0, err) ||
            !mark_orders(study, changed, count, err))
            return false;
    }
    return true;
}
