// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"
#include "exchange/facility/facility.h"
#include "exchange/patient/patient.h"
#include "exchange/reference/reference_row.h"
#include "store/store.h"

enum {
    SLOTS = 4096,
    NAMES_MAX = SLOTS / 2, /* then all are forgotten */
    KEPT_BYTES_MAX = 8 << 20,
    LOOKING_BYTES_MAX = 4 << 20 /* whose name it is takes reading a network's list */
};

/* Of a person or a facility: ids are random and of 128 bits, so one table is enough. */
struct reference_name {
    struct id id;
    bool is_known;
    struct text name, own_number;
};

struct reference_names reference_names(struct store *store,
                                       const struct disclosure_scope *scope)
{
    return (struct reference_names){.store = store,
                                    .scope = scope,
                                    .kept = arena_init(KEPT_BYTES_MAX),
                                    .looking = arena_init(LOOKING_BYTES_MAX)};
}

void reference_names_free(struct reference_names *names)
{
    arena_free(&names->kept);
    arena_free(&names->looking);
}

static bool make_room(struct reference_names *names, struct err *err)
{
    if (names->slots && names->count < NAMES_MAX)
        return true;
    arena_reset(&names->kept);
    names->count = 0;
    names->slots = ARENA_MANY(&names->kept, struct reference_name, SLOTS, err);
    return names->slots != NULL;
}

/* The id's own, or the free one where it belongs. */
static struct reference_name *slot_of(struct reference_names *names, struct id id)
{
    size_t at = ((size_t)id.bytes[0] << 8 | id.bytes[1]) % SLOTS;
    while (names->slots[at].is_known && !id_equal(names->slots[at].id, id))
        at = (at + 1) % SLOTS;
    return &names->slots[at];
}

/* ---- looking ---- */

/* Something that is gone or not to be recognised stays nameless. */
static bool forgive_missing(bool is_found, struct err *err)
{
    if (!is_found && err->kind == ERR_MISSING) {
        err_clear(err);
        return true;
    }
    return is_found;
}

static bool keep(struct reference_names *names, struct id id, struct text name,
                 struct text own_number, struct reference_name *slot, struct err *err)
{
    *slot = (struct reference_name){.id = id};
    if (!text_copy(name, &names->kept, &slot->name, err) ||
        !text_copy(own_number, &names->kept, &slot->own_number, err))
        return false;
    slot->is_known = true;
    names->count++;
    return true;
}

static bool look_for_person(struct reference_names *names, struct id id,
                            struct reference_name *slot, struct err *err)
{
    struct patient_summary summary = {0};
    struct clock clock = clock_system();
    int32_t today = day_of_instant(clock_wall_ms(&clock));
    CLEANUP(store_read_end) struct store_session *session = store_read(names->store, err);
    arena_reset(&names->looking);
    if (!session || !forgive_missing(patient_summarise(session, names->scope, id, today,
                                                       &names->looking, &summary, err),
                                     err))
        return false;
    return keep(names, id, summary.name, summary.own_number, slot, err);
}

static bool look_for_facility(struct reference_names *names, struct id id,
                              struct reference_name *slot, struct err *err)
{
    struct facility facility = {0};
    CLEANUP(store_read_end) struct store_session *session = store_read(names->store, err);
    arena_reset(&names->looking);
    if (!session || !forgive_missing(
                        facility_find(session, id, &names->looking, &facility, err), err))
        return false;
    return keep(names, id, facility.name, TEXT(""), slot, err);
}

typedef bool look_for(struct reference_names *names, struct id id,
                      struct reference_name *slot, struct err *err);

static bool find(struct reference_names *names, look_for *look, struct text hex,
                 struct reference_name *found, struct err *err)
{
    struct id id;
    *found = (struct reference_name){.name = TEXT(""), .own_number = TEXT("")};
    if (hex.len == 0)
        return true;
    if (!id_parse(text_span(hex), &id, err))
        return false;
    struct reference_name *slot = slot_of(names, id);
    if (!slot->is_known && !look(names, id, slot, err))
        return false;
    *found = *slot;
    return true;
}

bool reference_name_row(struct reference_names *names, bool is_ours,
                        const struct audit_index_row *row, struct reference_row *view,
                        struct err *err)
{
    /* Whoever was told that nothing is there is not told the name here. */
    bool is_stranger =
        is_ours && text_is(row->verdict, "deny") && row->local_number.len == 0;
    struct reference_name person, provider;
    /* First of all, since it may forget what was found. */
    if (!make_room(names, err) ||
        !find(names, look_for_person, is_stranger ? TEXT("") : row->person, &person,
              err) ||
        !find(names, look_for_facility, row->provider, &provider, err))
        return false;
    *view = (struct reference_row){
        .row = row,
        .name = person.name,
        /* The number by which the own staff asked, as the audit has it. */
        .own_number = is_ours ? row->local_number : person.own_number,
        .provider = provider.name,
    };
    return true;
}
