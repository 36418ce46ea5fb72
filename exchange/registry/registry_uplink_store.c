// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/registry/registry_uplink.h"
#include "store/store.h"

bool registry_may_have_others(const struct store *store)
{
    return store_is_shared(store);
}

static bool fill_owner(const struct patient_record *record, struct arena *arena,
                       struct registry_owner *owner, struct err *err)
{
    owner->facility = record->facility;
    owner->record = record->id;
    owner->person = record->person;
    return text_copy(record->number, arena, &owner->local_number, err);
}

bool registry_find_owner(struct store *store, struct id facility, struct id record,
                         struct arena *arena, struct registry_owner *owner,
                         enum registry_standing *standing, struct err *err)
{
    struct patient_record found;
    *standing = REGISTRY_STRANGE;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session)
        return false;
    if (!patient_record_find(session, record, arena, &found, err)) {
        if (err->kind != ERR_MISSING)
            return false;
        err_clear(err);
        return true;
    }
    if (id_equal(found.facility, facility) && found.state == PATIENT_CONFIRMED)
        *standing = REGISTRY_CONFIRMED;
    if (id_equal(found.facility, facility) && found.state == PATIENT_SUSPENDED)
        *standing = REGISTRY_SUSPENDED;
    return *standing == REGISTRY_STRANGE || fill_owner(&found, arena, owner, err);
}

/* has_found is false when there is no such record. */
static bool read_record(struct store *store, struct id record, struct arena *arena,
                        struct patient_record *found, bool *has_found, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    *has_found = session && patient_record_find(session, record, arena, found, err);
    if (*has_found)
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return true;
}

bool registry_record_is_of(struct store *store, struct id facility, struct id record,
                           bool *is_own, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct patient_record found = {0};
    if (!read_record(store, record, &arena, &found, is_own, err))
        return false;
    *is_own = *is_own && id_equal(found.facility, facility);
    return true;
}

bool registry_record_waits(struct store *store, struct id facility, struct id record,
                           bool *is_waiting, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct patient_record found = {0};
    if (!read_record(store, record, &arena, &found, is_waiting, err))
        return false;
    *is_waiting = *is_waiting && id_equal(found.facility, facility) &&
                  found.state == PATIENT_PROPOSED;
    return true;
}

bool registry_list_owners(struct store *store, struct id facility, struct arena *arena,
                          struct registry_owner **owners, size_t *count, struct err *err)
{
    struct patient_record *records = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session || !patient_records_of_facility(session, facility, PATIENT_CONFIRMED,
                                                 arena, &records, count, err))
        return false;
    *owners = ARENA_MANY(arena, struct registry_owner, *count, err);
    if (!*owners)
        return false;
    for (size_t i = 0; i < *count; i++)
        if (!fill_owner(&records[i], arena, &(*owners)[i], err))
            return false;
    return true;
}

struct keeping {
    struct id facility;
    struct text policy;
    int64_t now_ms;
};

static bool keep_policy(struct store_session *session, void *context, struct err *err)
{
    const struct keeping *keeping = context;
    return facility_change_policy(session, keeping->facility, keeping->policy,
                                  keeping->now_ms, err);
}

bool registry_keep_policy(struct store *store, struct id facility, struct text policy,
                          int64_t now_ms, struct err *err)
{
    struct keeping keeping = {facility, policy, now_ms};
    return store_write(store, STORE_LIVE, keep_policy, &keeping, err);
}

bool registry_compare_sum(struct store *store, const struct uplink_sum *sum,
                          bool *is_equal, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct registry_sum ours;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session || !registry_sum_record(session, sum->record, &arena, &ours, err))
        return false;
    *is_equal = ours.count == sum->count &&
                memcmp(ours.digest, sum->digest, sizeof ours.digest) == 0;
    return true;
}

bool registry_read_link(struct store *store, const struct registry_owner *owner,
                        struct arena *arena, struct uplink_link *link, struct err *err)
{
    struct patient_person person;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session || !patient_person_find(session, owner->person, arena, &person, err))
        return false;
    *link = (struct uplink_link){.record = owner->record,
                                 .number = owner->local_number,
                                 .name = person.name,
                                 .kana = person.kana,
                                 .birth_day = person.birth_day,
                                 .sex = person.sex};
    return true;
}
