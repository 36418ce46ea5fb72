// SPDX-License-Identifier: Apache-2.0
#include "exchange/content/content_parts.h"
#include "store/store.h"

bool content_locate(struct store *store, struct id entry, struct arena *arena,
                    struct registry_place *place, struct id *person, struct err *err)
{
    struct patient_record record;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session || !registry_locate(session, entry, arena, place, err) ||
        !patient_record_find(session, place->record, arena, &record, err))
        return false;
    *person = record.person;
    return true;
}

bool content_read_target(struct store *store, const struct disclosure_permit *permit,
                         struct id entry, struct arena *arena,
                         struct content_target *target, struct err *err)
{
    struct id viewer = permit_read(permit)->viewer.facility;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    return session &&
           registry_read_entry(session, permit, entry, arena, &target->entry, err) &&
           facility_find(session, target->entry.facility, arena, &target->provider,
                         err) &&
           facility_find(session, viewer, arena, &target->viewer, err);
}

bool content_read_head(struct store *store, const struct disclosure_permit *permit,
                       struct id entry, struct arena *arena, struct content_head *head,
                       struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    return session &&
           registry_read_entry(session, permit, entry, arena, &head->entry, err) &&
           registry_read_neighbours(session, permit, &head->entry, &head->previous,
                                    &head->next, arena, err);
}
