// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/synth.h"

struct rand_seeded synth_dice(uint64_t seed, uint64_t purpose, uint64_t index)
{
    /* Odd factors keep neighbouring seeds, purposes and indices apart; rand_seed mixes.
     */
    return rand_seed(seed * 0x9E3779B97F4A7C15U ^ purpose * 0xC2B2AE3D27D4EB4FU ^
                     index * 0x165667B19E3779F9U);
}

int synth_roll(struct rand_seeded *dice, int first, int last)
{
    return first + (int)rand_seeded_below(dice, (uint64_t)(last - first + 1));
}

bool synth_chance(struct rand_seeded *dice, int percent)
{
    return synth_roll(dice, 0, 99) < percent;
}

static const char *const codes[] = {
#define X(name, code, message) code,
    SYNTH_TYPES(X)
#undef X
};

static const char *const messages[] = {
#define X(name, code, message) message,
    SYNTH_TYPES(X)
#undef X
};

const char *synth_type_code(enum synth_type type)
{
    return codes[type];
}

const char *synth_type_message(enum synth_type type)
{
    return messages[type];
}
