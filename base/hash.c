// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <string.h>

/* OpenSSL is several times as fast where the processor helps, but asks for memory on the
 * way. When there is none libsodium does it, which needs none: a hash never fails. */

struct hash hash_sha256(struct span bytes)
{
    struct hash hash;
    if (EVP_Digest(bytes.at, bytes.len, hash.bytes, NULL, EVP_sha256(), NULL) != 1)
        crypto_hash_sha256(hash.bytes, bytes.at, bytes.len);
    return hash;
}

struct hash hash_hmac(struct span key, struct span bytes)
{
    struct hash hash;
    assert(key.len <= INT_MAX);
    if (HMAC(EVP_sha256(), key.at, (int)key.len, bytes.at, bytes.len, hash.bytes, NULL))
        return hash;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.at, key.len);
    crypto_auth_hmacsha256_update(&state, bytes.at, bytes.len);
    crypto_auth_hmacsha256_final(&state, hash.bytes);
    sodium_memzero(&state, sizeof state);
    return hash;
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

bool hash_same_secret(struct span a, struct span b)
{
    return a.len == b.len && CRYPTO_memcmp(a.at, b.at, a.len) == 0;
}

void hash_to_hex(struct span bytes, char *out)
{
    static const char pairs[] =
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
        "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
        "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
    for (size_t i = 0; i < bytes.len; i++)
        memcpy(out + 2 * i, pairs + 2 * (size_t)bytes.at[i], 2);
    out[2 * bytes.len] = '\0';
}

/* Value + 1 of a hexadecimal digit, 0 for any other byte. */
static const uint8_t digit_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool hash_from_hex(struct span hex, uint8_t *out, size_t len)
{
    unsigned seen = 0; /* less than 0 in one of them shows in the bits above */
    if (hex.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned high = digit_values[hex.at[2 * i]] - 1U;
        unsigned low = digit_values[hex.at[2 * i + 1]] - 1U;
        seen |= high | low;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return seen <= 15;
}

/* struct hash_run is OpenSSL's context under our name; never dereferenced here. */
struct hash_run *hash_new(struct err *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        err_set(err, ERR_BUSY, "memory_short", "no hash context");
        return NULL;
    }
    return (struct hash_run *)context;
}

void hash_free(struct hash_run *run)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)run);
}

void hash_add(struct hash_run *run, struct span bytes)
{
    int done = EVP_DigestUpdate((EVP_MD_CTX *)run, bytes.at, bytes.len);
    assert(done == 1);
    (void)done;
}

struct hash hash_finish(struct hash_run *run)
{
    struct hash hash;
    int done = EVP_DigestFinal_ex((EVP_MD_CTX *)run, hash.bytes, NULL);
    assert(done == 1);
    (void)done;
    return hash;
}
