// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static_assert(crypto_pwhash_STRBYTES <= SECRET_PASSWORD_HASH_BYTES, "hash must fit");
static_assert(crypto_sign_SECRETKEYBYTES == SECRET_SIGNING_KEY_BYTES, "Ed25519");
static_assert(crypto_sign_PUBLICKEYBYTES == SECRET_PUBLIC_KEY_BYTES, "Ed25519");

enum { ARGON_PASSES = 2, ARGON_MEMORY_BYTES = 19 << 20 };

bool secret_start(struct err *err)
{
    static const struct rlimit none = {0, 0};
    /* The limit is for files; a pattern that is a program gets a dump all the same,
     * unless the process says that it has none (core(5)). */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set(err, ERR_SYSTEM, "core_allowed", "cores could not be turned off");
    if (sodium_init() < 0)
        return err_set(err, ERR_SYSTEM, "sodium_failed", "libsodium did not start");
    return true;
}

bool secret_hash_password(struct span password, char out[SECRET_PASSWORD_HASH_BYTES],
                          struct err *err)
{
    memset(out, 0, SECRET_PASSWORD_HASH_BYTES);
    if (crypto_pwhash_str_alg(out, (const char *)password.at, password.len, ARGON_PASSES,
                              ARGON_MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return err_set(err, ERR_BUSY, "memory_short", "no memory for Argon2id");
    return true;
}

bool secret_check_password(struct span password, const char *encoded)
{
    return crypto_pwhash_str_verify(encoded, (const char *)password.at, password.len) ==
           0;
}

bool secret_password_is_outdated(const char *encoded)
{
    return crypto_pwhash_str_needs_rehash(encoded, ARGON_PASSES, ARGON_MEMORY_BYTES) != 0;
}

void secret_new_keys(struct secret_signing_key *signing, struct secret_public_key *public)
{
    crypto_sign_keypair(public->bytes, signing->bytes);
}

void secret_sign(const struct secret_signing_key *key, struct span message,
                 uint8_t signature[SECRET_SIGNATURE_BYTES])
{
    crypto_sign_detached(signature, NULL, message.at, message.len, key->bytes);
}

bool secret_check_signature(const struct secret_public_key *key, struct span message,
                            const uint8_t signature[SECRET_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, message.at, message.len, key->bytes) ==
           0;
}

void secret_wipe(void *at, size_t len)
{
    sodium_memzero(at, len);
}
