// SPDX-License-Identifier: Apache-2.0
#pragma once
/* SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), hexadecimal, comparison in constant
 * time. OpenSSL behind it. */

#include "base/err.h"
#include "base/span.h"

enum { HASH_BYTES = 32, HASH_HEX_BYTES = 65 };

struct hash {
    uint8_t bytes[HASH_BYTES];
};

struct hash hash_sha256(struct span bytes);
struct hash hash_hmac(struct span key, struct span bytes);
bool hash_equal(const struct hash *a, const struct hash *b);
/* True when both have the same bytes; takes as long whether they differ or not. */
bool hash_same_secret(struct span a, struct span b);
/* Lower-case hex of `bytes` with NUL into out, which holds 2 × len + 1. */
void hash_to_hex(struct span bytes, char *out);
/* Exactly 2 × len lower- or upper-case hex digits; false otherwise. */
MUST_CHECK bool hash_from_hex(struct span hex, uint8_t *out, size_t len);

/* Running hash for large inputs. *owned*: hash_new / hash_free. */
struct hash_run;
struct hash_run *hash_new(struct err *err);
void hash_free(struct hash_run *run);
void hash_add(struct hash_run *run, struct span bytes);
struct hash hash_finish(struct hash_run *run);
