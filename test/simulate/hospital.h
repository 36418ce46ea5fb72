// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: what a hospital's own systems do in its storage (SS-MIX2), as the
 * specification's procedures have it: new, corrected, cancelled, taken away. Times of
 * files and folders are of the made-up clock. No thread's turn comes in between. */

#include "test/simulate/world.h"

enum hospital_type { HOSPITAL_LABORATORY, HOSPITAL_VISIT, HOSPITAL_TYPES };

struct hospital_patient {
    const char *number; /* 10 digits */
    const char *family, *given, *family_kana, *given_kana;
    const char *birth; /* YYYYMMDD */
    char sex;
};
/* One key of the storage: (number, day, type, key). */
struct hospital_key {
    const struct hospital_patient *patient;
    enum hospital_type type;
    int32_t day;
    int key; /* of a laboratory order; a visit has the fixed one */
};

/* Time of origin, 17 digits, rises with every call. */
void hospital_stamp(char stamp[18]);

/* The basic record of a patient (ADT-00). */
void hospital_put_patient(const struct world *world, int node,
                          const struct hospital_patient *patient);
/* Version with that value as current; those before become history. */
void hospital_put(const struct world *world, int node, const struct hospital_key *key,
                  const char *stamp, int value, const char *department);
/* All files of the key become deleted ones, a cancel message is written. */
void hospital_cancel(const struct world *world, int node, const struct hospital_key *key,
                     const char *stamp, const char *department);
/* All files of the key are gone. */
void hospital_remove(const struct world *world, int node, const struct hospital_key *key);
