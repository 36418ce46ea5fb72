// SPDX-License-Identifier: Apache-2.0
#include "exchange/consent/consent_parts.h"
#include "exchange/consent/consent_service.h"
#include "exchange/permit/permit.h"

#include "base/day.h"
#include "formats/json/json.h"
#include "store/store.h"

struct work {
    struct consent_change *change;
    struct arena *arena;
    struct session_answer *answer;
};

static bool write_body(const struct consent *consent, int32_t today, struct arena *arena,
                       struct text *body, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(CONSENT_ONE_BYTES);
    struct json_writer writer = json_writer(&out);
    struct span bytes;
    consent_write(&writer, consent, today);
    if (!buf_to_arena(&out, arena, &bytes, err))
        return false;
    *body = (struct text){(const char *)bytes.at, bytes.len};
    return true;
}

static bool write_change(struct store_session *session, void *context, struct err *err)
{
    struct work *work = context;
    struct consent_change *change = work->change;
    struct consent written = change->consent;
    if (!session_once_find(session, &change->once, work->arena, work->answer, err))
        return false;
    if (work->answer->is_kept)
        return true;
    bool is_written =
        change->is_withdrawal
            ? consent_withdraw(session, &change->withdrawal, work->arena, &written, err)
            : consent_add(session, &written, change->spare, work->arena, err);
    if (!is_written)
        return false;
    written.is_newest = true;
    work->answer->status = change->is_withdrawal ? 200 : 201;
    return write_body(&written, day_of_instant(change->at_ms), work->arena,
                      &work->answer->body, err) &&
           session_once_keep(session, &change->once, work->answer->status,
                             work->answer->body, change->at_ms, err);
}

bool consent_change(struct consent_service *service, struct consent_change *change,
                    struct arena *arena, struct session_answer *answer, struct err *err)
{
    struct work work = {change, arena, answer};
    return store_write(service->store, STORE_LIVE, write_change, &work, err);
}

bool consent_find_kept(struct consent_service *service, const struct session_once *once,
                       struct arena *arena, struct session_answer *answer,
                       struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    return session && session_once_find(session, once, arena, answer, err);
}

bool consent_find_person(struct consent_service *service, struct id consent,
                         struct id *person, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    return session && consent_person(session, consent, person, err);
}

bool consent_write_list(struct consent_service *service,
                        const struct disclosure_permit *permit, struct id network,
                        struct arena *arena, struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    struct consent *items = NULL;
    size_t count = 0;
    int32_t today = day_of_instant(clock_wall_ms(&service->clock));
    struct consent_facts facts;
    struct network_participants participants;
    const struct permit_contents *contents = permit_read(permit);
    if (!session || !consent_list(session, permit, arena, &items, &count, err) ||
        !consent_facts(session, contents->person, arena, &facts, err) ||
        !network_participants_on(session, network, today, arena, &participants, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "consents");
    json_open_array(&writer);
    for (size_t i = 0; i < count; i++)
        consent_write(&writer, &items[i], today);
    json_close_array(&writer);
    consent_write_rights(&writer, &facts, &participants, contents->viewer.facility,
                         today);
    json_close_object(&writer);
    return buf_check(out, err);
}
