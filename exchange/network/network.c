// SPDX-License-Identifier: Apache-2.0
#include "exchange/network/network.h"

#include <assert.h>
#include <string.h>

static const char *const model_ids[] = {
    [NETWORK_COMPREHENSIVE] = "comprehensive",
    [NETWORK_SPECIFIC] = "specific",
};
static const char *const assurance_ids[] = {
    [NETWORK_PASSWORD] = "password",
    [NETWORK_CERTIFICATE] = "certificate",
    [NETWORK_SECOND_FACTOR] = "second_factor",
};

const char *network_consent_model_id(enum network_consent_model model)
{
    return model_ids[model];
}

bool network_consent_model_parse(struct text id, enum network_consent_model *model)
{
    for (int i = NETWORK_COMPREHENSIVE; i <= NETWORK_SPECIFIC; i++)
        if (text_is(id, model_ids[i])) {
            *model = (enum network_consent_model)i;
            return true;
        }
    return false;
}

const char *network_assurance_id(enum network_assurance assurance)
{
    return assurance_ids[assurance];
}

bool network_assurance_parse(struct text id, enum network_assurance *level)
{
    for (int i = NETWORK_PASSWORD; i <= NETWORK_SECOND_FACTOR; i++)
        if (text_is(id, assurance_ids[i])) {
            *level = (enum network_assurance)i;
            return true;
        }
    return false;
}

const struct network_participant *
network_participant_find(const struct network_participants *list, struct id facility)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(list->items[middle].facility.bytes, facility.bytes, ID_BYTES);
        if (order == 0)
            return &list->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Keeps the items sorted; lists are short and change a few times a year. */
static bool insert_participant(struct network_participants *list,
                               const struct network_participant *participant,
                               struct err *err)
{
    size_t at = list->count;
    for (; at > 0; at--) {
        const struct network_participant *before = &list->items[at - 1];
        int order = memcmp(before->facility.bytes, participant->facility.bytes, ID_BYTES);
        if (order == 0)
            return err_set(err, ERR_SYNTAX, "participant_double",
                           "a facility stands twice in the list");
        if (order < 0)
            break;
        list->items[at] = *before;
    }
    list->items[at] = *participant;
    list->count++;
    return true;
}

bool network_next_version(const struct network *network,
                          const struct network_participants *previous,
                          int32_t effective_day, const struct id *facilities,
                          size_t count, struct arena *arena,
                          struct network_participants *next, struct err *err)
{
    assert(!previous || previous->version >= 1);
    if (count == 0 || count > NETWORK_PARTICIPANTS_MAX)
        return err_set(err, ERR_LIMIT, "participants", "1 to %d participants",
                       NETWORK_PARTICIPANTS_MAX);
    if (previous && effective_day < previous->effective_day)
        return err_set(err, ERR_SYNTAX, "effective_day",
                       "a version cannot begin before the previous one");
    *next = (struct network_participants){
        .network = network->id,
        .version = previous ? previous->version + 1 : 1,
        .effective_day = effective_day,
        .items = ARENA_MANY(arena, struct network_participant, count, err),
    };
    if (!next->items)
        return false;
    int waiting_days = previous ? network->joiner_waiting_days : 0;
    for (size_t i = 0; i < count; i++) {
        const struct network_participant *old =
            previous ? network_participant_find(previous, facilities[i]) : NULL;
        struct network_participant participant = {
            .facility = facilities[i],
            .since_version = next->version,
            .visible_from_day = effective_day + waiting_days,
        };
        if (!insert_participant(next, old ? old : &participant, err))
            return false;
    }
    return true;
}
