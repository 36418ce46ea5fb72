// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Names of the invented persons: who is invented by hand, and lists for all others. */

#include "cli/synth/synth.h"

struct synth_word {
    const char *kanji;
    const char *kana;
};

extern const struct synth_word synth_families[];
extern const int synth_family_count;
extern const struct synth_word synth_men[];
extern const int synth_men_count;
extern const struct synth_word synth_women[];
extern const int synth_women_count;
extern const char *const synth_towns[];
extern const int synth_town_count;

/* A person with a purpose. Facilities as bits; `other` is how `other_at` has the name,
 * family NULL = the same. */
struct synth_cast {
    struct synth_name name;
    int year;
    int month;
    int day;
    char sex;
    unsigned conditions;
    unsigned facilities;
    const char *story;
    struct synth_name other;
    int other_at;
};

/* The first SYNTH_STARS of them are the stars. */
extern const struct synth_cast synth_casts[];
extern const int synth_cast_count;
