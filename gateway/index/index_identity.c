// SPDX-License-Identifier: Apache-2.0
/* Numbers that a hospital gave out again: the patient's own ADT-00 tells of another
 * person than the one whose link was matched. Compared is what matching compares (kana,
 * birth date, sex), but people marry and clerks correct: one of the three that
 * contradicts is the same person still, two are another one. */
#include "gateway/index/index_parts.h"

static bool is_other_person(const struct index_patient *a, const struct index_patient *b)
{
    bool has_days = a->birth_day != DAY_NONE && b->birth_day != DAY_NONE;
    bool has_kana = a->kana_folded.len > 0 && b->kana_folded.len > 0;
    bool has_sex = a->sex != 'U' && b->sex != 'U';
    int contradictions = (has_days && a->birth_day != b->birth_day) +
                         (has_kana && !text_equal(a->kana_folded, b->kana_folded)) +
                         (has_sex && a->sex != b->sex);
    return contradictions > 1;
}

/* Whose number it was when the link was matched. */
static bool read_linked(struct store_session *session, struct text record,
                        struct text number, struct arena *arena,
                        struct index_patient *linked, struct err *err)
{
    bool has_row = false;
    *linked = (struct index_patient){.birth_day = DAY_NONE, .sex = 'U'};
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT kana_folded, birth_day, sex FROM index_link WHERE record = ?1 AND "
        "number = ?2",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, record);
    store_bind_text(find, 2, number);
    if (!store_step(find, &has_row, err) || !has_row)
        return err->kind == ERR_NONE;
    struct text sex = store_column_view(find, 2);
    linked->birth_day = (int32_t)store_column_int(find, 1);
    linked->sex = sex.len ? sex.at[0] : 'U';
    return store_column_text(find, 0, arena, &linked->kana_folded, err);
}

bool index_is_given_again(struct store_session *session, struct text record,
                          struct text number, struct arena *arena, bool *is_given_again,
                          struct err *err)
{
    struct index_patient linked;
    struct index_patient now;
    bool is_known = false;
    if (!read_linked(session, record, number, arena, &linked, err) ||
        !index_find_identity(session, number, arena, &now, &is_known, err))
        return false;
    *is_given_again = is_known && is_other_person(&linked, &now);
    return true;
}

bool index_tell_given_again(struct store_session *session, struct index_numbers *numbers,
                            struct err *err)
{
    struct index_link_list links;
    struct index_patient now;
    bool is_known = false;
    if (!numbers->was_known)
        return true;
    if (!index_find_identity(session, numbers->number, numbers->arena, &now, &is_known,
                             err) ||
        !index_links_of_number(session, numbers->number, numbers->arena, &links, err))
        return false;
    for (size_t i = 0; is_known && i < links.count; i++) {
        struct index_patient linked;
        if (!read_linked(session, links.records[i], numbers->number, numbers->arena,
                         &linked, err))
            return false;
        bool was_other = is_other_person(&linked, &numbers->was);
        if (was_other != is_other_person(&linked, &now) &&
            !index_tell_number(session, numbers, links.records[i], numbers->number, err))
            return false;
    }
    return true;
}
