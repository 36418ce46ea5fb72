// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Passwords and signatures: Argon2id (RFC 9106; 19 MiB, t = 2, p = 1, the parameters
 * stand in the hash) and Ed25519 (RFC 8032). libsodium behind it. secret_start must be
 * called once, before anything else here; from then on the process leaves no core, in
 * which keys and patients' data would lie about. */

#include "base/err.h"
#include "base/span.h"

enum {
    SECRET_PASSWORD_HASH_BYTES = 128,
    SECRET_PASSWORD_MAX = 128,
    SECRET_PUBLIC_KEY_BYTES = 32,
    SECRET_SIGNING_KEY_BYTES = 64,
    SECRET_SIGNATURE_BYTES = 64
};

struct secret_signing_key {
    uint8_t bytes[SECRET_SIGNING_KEY_BYTES];
};

struct secret_public_key {
    uint8_t bytes[SECRET_PUBLIC_KEY_BYTES];
};

MUST_CHECK bool secret_start(struct err *err);
/* Writes the encoded hash with NUL. ERR_BUSY when the memory for it is not there. */
MUST_CHECK bool secret_hash_password(struct span password,
                                     char out[SECRET_PASSWORD_HASH_BYTES],
                                     struct err *err);
/* True when the password fits the encoded hash; slow by design (tens of ms). */
bool secret_check_password(struct span password, const char *encoded);
bool secret_password_is_outdated(const char *encoded);
void secret_new_keys(struct secret_signing_key *signing,
                     struct secret_public_key *public);
void secret_sign(const struct secret_signing_key *key, struct span message,
                 uint8_t signature[SECRET_SIGNATURE_BYTES]);
bool secret_check_signature(const struct secret_public_key *key, struct span message,
                            const uint8_t signature[SECRET_SIGNATURE_BYTES]);
/* Overwrites memory so that no compiler may leave it out. */
void secret_wipe(void *at, size_t len);
