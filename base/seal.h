// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Sealed files: encrypted and authenticated as a whole (XChaCha20-Poly1305 in libsodium's
 * secretstream), so that a copy can leave the house. A file is "TsSeal1\n", the stream's
 * header, then pieces of 64 KiB and 17 bytes each, the last one marked as last: what was
 * cut, changed, moved or sealed with another key does not open. The name under which a
 * file was sealed is part of it.
 *
 * Errors: ERR_REFUSED "seal_broken", ERR_SYNTAX "seal_key", ERR_CONFLICT "seal_exists",
 * ERR_SYSTEM "path_failed". Needs secret_start. */

#include "base/buf.h"
#include "base/hash.h"

enum { SEAL_KEY_BYTES = 32 };

struct seal_key {
    uint8_t bytes[SEAL_KEY_BYTES];
};

/* A file of 64 hexadecimal digits, made once and kept apart from what it seals. */
MUST_CHECK bool seal_make_key(const char *file, struct err *err);
MUST_CHECK bool seal_read_key(const char *file, struct seal_key *key, struct err *err);

struct seal_result {
    uint64_t plain_bytes;
    uint64_t sealed_bytes;
    struct hash sealed; /* SHA-256 of the sealed file */
};
/* Both from the files' present positions to their ends; `to` is synced. */
MUST_CHECK bool seal_file(const struct seal_key *key, const char *name, int from, int to,
                          struct seal_result *result, struct err *err);
/* `result` is filled when it opened. What was written before a fault is good for nothing.
 */
MUST_CHECK bool seal_open(const struct seal_key *key, const char *name, int from, int to,
                          struct seal_result *result, struct err *err);

/* ---- bytes in memory, for what is not kept beyond a process ---- */
/* XChaCha20-Poly1305: a random nonce, then the bytes and their tag, appended. The name is
 * part of it as above. */
enum { SEAL_MORE_BYTES = 24 + 16 };
MUST_CHECK bool seal_bytes(const struct seal_key *key, const char *name,
                           struct span plain, struct buf *sealed, struct err *err);
MUST_CHECK bool seal_open_bytes(const struct seal_key *key, const char *name,
                                struct span sealed, struct buf *plain, struct err *err);
