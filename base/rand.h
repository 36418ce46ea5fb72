// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Randomness as a small struct of functions: the kernel's for everything that must not
 * be guessed, a seeded one for synthetic data and simulations only. */

#include <stddef.h>
#include <stdint.h>

struct rand {
    void (*fill)(void *self, void *out, size_t len);
    void *self;
};

/* getrandom(2); never fails after start-up (asserted). */
struct rand rand_system(void);
void rand_fill(const struct rand *rand, void *out, size_t len);
uint64_t rand_u64(const struct rand *rand);

/* xoshiro256** by Blackman and Vigna: same seed, same numbers. Not for secrets. */
struct rand_seeded {
    uint64_t state[4];
};
struct rand_seeded rand_seed(uint64_t seed);
uint64_t rand_seeded_next(struct rand_seeded *seeded);
/* Uniform in 0 … bound-1, bound > 0. */
uint64_t rand_seeded_below(struct rand_seeded *seeded, uint64_t bound);
struct rand rand_from_seeded(struct rand_seeded *seeded);
