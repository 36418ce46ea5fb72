// SPDX-License-Identifier: Apache-2.0
#include "test/simulate/model.h"

#include <stdio.h>
#include <string.h>

/* Invented people. */
static const struct hospital_patient people[MODEL_PATIENTS] = {
    {"0000010001", "飯田", "花子", "イイダ", "ハナコ", "19500102", 'F'},
    {"0000010002", "伊那", "次郎", "イナ", "ジロウ", "19480315", 'M'},
    {"0000010003", "諏訪", "三葉", "スワ", "ミツハ", "19721120", 'F'},
    {"0000010004", "松本", "四郎", "マツモト", "シロウ", "20030609", 'M'},
};

void model_start(struct model *model, const struct world *world)
{
    *model = (struct model){.world = world, .next_key = 1, .next_value = 100};
    memcpy(model->patients, people, sizeof people);
}

void model_write_policy(const struct model_policy *policy, int version, char json[512])
{
    char rules[256] = "{\"kinds\":[\"patient\"]}";
    size_t len = strlen(rules);
    if (policy->shows[HOSPITAL_VISIT])
        len +=
            (size_t)snprintf(rules + len, sizeof rules - len, ",{\"kinds\":[\"visit\"]}");
    if (policy->shows[HOSPITAL_LABORATORY])
        snprintf(rules + len, sizeof rules - len, ",{\"kinds\":[\"laboratory\"]%s%s}",
                 policy->laboratory_for_doctors ? ",\"professions\":[\"doctor\"]" : "",
                 policy->laboratory_not_for_pharmacies
                     ? ",\"facility_kinds\":[\"hospital\",\"clinic\"]"
                     : "");
    snprintf(json, 512, "{\"version\":%d,\"excluded_departments\":[%s],\"rules\":[%s]}",
             version, policy->hides_department ? "\"40\"" : "\"99\"", rules);
}

void model_widen_policy(struct model *model, int node)
{
    const struct model_policy *next = &model->policies[node];
    struct model_policy *may = &model->may[node];
    for (int type = 0; type < HOSPITAL_TYPES; type++)
        may->shows[type] |= next->shows[type];
    may->laboratory_for_doctors &= next->laboratory_for_doctors;
    may->laboratory_not_for_pharmacies &= next->laboratory_not_for_pharmacies;
    may->hides_department &= next->hides_department;
}

bool model_consents(const struct model_person *person, int provider, int viewer)
{
    for (int i = 0; i < MODEL_CHAINS; i++) {
        const struct model_chain *chain = &person->chains[i];
        unsigned both = 1U << provider | 1U << viewer;
        if (chain->is_given && !chain->is_withdrawn &&
            (i == 0 || (chain->facilities & both) == both))
            return true;
    }
    return false;
}

bool model_shares(const struct model_person *person, int provider, int viewer)
{
    if (!person->is_registered || person->links[provider] != MODEL_LINKED)
        return false;
    if (provider == viewer)
        return true;
    return person->links[viewer] == MODEL_LINKED &&
           model_consents(person, provider, viewer);
}

bool model_is_published(const struct model_policy *policy,
                        const struct model_entry *entry)
{
    bool is_hidden = policy->hides_department && strcmp(entry->department, "40") == 0;
    return policy->shows[entry->key.type] && !is_hidden;
}

bool model_admits(const struct model *model, const struct model_policy *policy,
                  const struct model_entry *entry, const struct world_staff *staff)
{
    if (!model_is_published(policy, entry))
        return false;
    if (staff->facility == entry->node - 1 || entry->key.type != HOSPITAL_LABORATORY)
        return true;
    bool is_pharmacy =
        model->world->facilities[staff->facility].kind == FACILITY_PHARMACY;
    return (!policy->laboratory_for_doctors || staff->profession == STAFF_DOCTOR) &&
           (!policy->laboratory_not_for_pharmacies || !is_pharmacy);
}

struct model_entry *model_find(struct model *model, int node, int patient,
                               enum hospital_type type, int32_t day)
{
    for (int i = 0; i < model->entry_count; i++) {
        struct model_entry *entry = &model->entries[i];
        if (entry->node == node && entry->patient == patient && entry->key.type == type &&
            entry->key.day == day)
            return entry;
    }
    return NULL;
}
