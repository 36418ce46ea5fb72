// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: what ought to be, by rules of its own: nothing here reads the
 * program's rules or its database. Facts change only when the world was told so; where
 * two states are possible (a policy between two starts) both are kept. */

#include "test/simulate/hospital.h"

enum {
    MODEL_PATIENTS = 4,
    MODEL_ENTRIES_MAX = 512,
    MODEL_VERSIONS_MAX = 16,
    MODEL_CHAINS = 1 + WORLD_FACILITIES_MAX
};

/* ---- hospitals ---- */

enum model_state { MODEL_CURRENT, MODEL_CANCELLED, MODEL_GONE };
struct model_entry {
    int node, patient;
    struct hospital_key key;
    char department[3];
    enum model_state state;
    bool is_settled; /* nothing happened to it since the region was in step */
    int version_count;
    char stamps[MODEL_VERSIONS_MAX][18];
    int values[MODEL_VERSIONS_MAX];
    int seen; /* newest version that somebody was shown, -1 = none */
};

/* Who of others may see what of a hospital. */
struct model_policy {
    bool shows[HOSPITAL_TYPES];
    bool laboratory_for_doctors;
    bool laboratory_not_for_pharmacies;
    bool hides_department; /* 40 */
};

/* ---- people ---- */

enum model_link { MODEL_NO_LINK, MODEL_LINKED, MODEL_WRONG_NUMBER };
struct model_chain { /* of consents */
    bool is_given, is_withdrawn;
    unsigned facilities; /* of a specific one */
    char id[33];
};
struct model_person {
    bool is_registered;
    char id[33];
    enum model_link links[WORLD_FACILITIES_MAX];
    char link_ids[WORLD_FACILITIES_MAX][33];
    struct model_chain chains[MODEL_CHAINS]; /* 0 comprehensive; 1 + facility */
};

struct model {
    const struct world *world;
    struct hospital_patient patients[MODEL_PATIENTS];
    struct model_person persons[MODEL_PATIENTS];
    struct model_entry entries[MODEL_ENTRIES_MAX];
    int entry_count;
    struct model_policy
        policies[WORLD_GATEWAYS_MAX + 1];            /* in force from the next start */
    struct model_policy may[WORLD_GATEWAYS_MAX + 1]; /* or still, or already */
    char policy_texts[WORLD_GATEWAYS_MAX + 1][512];
    int next_key, next_value;
};

void model_start(struct model *model, const struct world *world);
void model_write_policy(const struct model_policy *policy, int version, char json[512]);
/* May be in force, besides what may be. */
void model_widen_policy(struct model *model, int node);

/* Whether a person's consents let `viewer` see what `provider` has. */
bool model_consents(const struct model_person *person, int provider, int viewer);
/* Whether anything of the hospital may be shown to somebody of `viewer`. */
bool model_shares(const struct model_person *person, int provider, int viewer);
/* Whether the entry leaves the house at all. */
bool model_is_published(const struct model_policy *policy,
                        const struct model_entry *entry);
/* Whether staff may see the entry of a hospital under that policy; links and consents
 * aside. */
bool model_admits(const struct model *model, const struct model_policy *policy,
                  const struct model_entry *entry, const struct world_staff *staff);
struct model_entry *model_find(struct model *model, int node, int patient,
                               enum hospital_type type, int32_t day);
