// SPDX-License-Identifier: Apache-2.0
#include "base/rand.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static void system_fill(void *self, void *out, size_t len)
{
    (void)self;
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        assert(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

struct rand rand_system(void)
{
    return (struct rand){system_fill, NULL};
}

void rand_fill(const struct rand *rand, void *out, size_t len)
{
    rand->fill(rand->self, out, len);
}

uint64_t rand_u64(const struct rand *rand)
{
    uint64_t value = 0;
    rand_fill(rand, &value, sizeof value);
    return value;
}

/* splitmix64 spreads a small seed over the state. */
struct rand_seeded rand_seed(uint64_t seed)
{
    struct rand_seeded seeded;
    for (size_t i = 0; i < 4; i++) {
        seed += 0x9E3779B97F4A7C15U;
        uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9U;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBU;
        seeded.state[i] = mixed ^ mixed >> 31;
    }
    return seeded;
}

static uint64_t rotate_left(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

uint64_t rand_seeded_next(struct rand_seeded *seeded)
{
    uint64_t *state = seeded->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t rand_seeded_below(struct rand_seeded *seeded, uint64_t bound)
{
    assert(bound > 0);
    /* Values below this would make the first numbers likelier than the last. */
    uint64_t threshold = (0 - bound) % bound;
    uint64_t value = rand_seeded_next(seeded);
    while (value < threshold)
        value = rand_seeded_next(seeded);
    return value % bound;
}

static void seeded_fill(void *self, void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        uint64_t value = rand_seeded_next(self);
        size_t part = len < sizeof value ? len : sizeof value;
        memcpy(at, &value, part);
        at += part;
        len -= part;
    }
}

struct rand rand_from_seeded(struct rand_seeded *seeded)
{
    return (struct rand){seeded_fill, seeded};
}
