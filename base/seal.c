// SPDX-License-Identifier: Apache-2.0
#include "base/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/rand.h"
#include "base/secret.h"

#define MAGIC "TsSeal1\n"

enum {
    MAGIC_BYTES = sizeof MAGIC - 1,
    HEADER_BYTES = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    TAG_BYTES = crypto_secretstream_xchacha20poly1305_ABYTES,
    PIECE_BYTES = 64 * 1024,
    SEALED_BYTES = PIECE_BYTES + TAG_BYTES,
    WORK_BYTES = 4 * SEALED_BYTES,
    TAG_LAST = crypto_secretstream_xchacha20poly1305_TAG_FINAL,
};

static_assert(SEAL_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key");

typedef crypto_secretstream_xchacha20poly1305_state stream_state;

static bool file_failed(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
}

static bool broken(struct err *err)
{
    return err_set(err, ERR_REFUSED, "seal_broken",
                   "changed, cut, of another name or of another key");
}

/* ---- keys ---- */

bool seal_make_key(const char *file, struct err *err)
{
    char hex[2 * SEAL_KEY_BYTES + 2];
    struct seal_key key;
    struct rand rand = rand_system();
    CLEANUP(path_close)
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, ERR_CONFLICT, "seal_exists", "there is a key already");
    if (fd < 0)
        return file_failed(err);
    rand_fill(&rand, key.bytes, sizeof key.bytes);
    hash_to_hex(span_of(key.bytes, sizeof key.bytes), hex);
    hex[sizeof hex - 2] = '\n';
    bool is_written =
        write(fd, hex, sizeof hex - 1) == (ssize_t)(sizeof hex - 1) && fsync(fd) == 0;
    secret_wipe(&key, sizeof key);
    secret_wipe(hex, sizeof hex);
    return is_written || file_failed(err);
}

bool seal_read_key(const char *file, struct seal_key *key, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    struct span bytes;
    if (!path_check_private(file, err) ||
        !path_read_named(file, 1024, &arena, &bytes, err))
        return false;
    if (bytes.len > 0 && bytes.at[bytes.len - 1] == '\n')
        bytes.len--;
    if (!hash_from_hex(bytes, key->bytes, sizeof key->bytes))
        return err_set(err, ERR_SYNTAX, "seal_key", "a key has 64 hexadecimal digits");
    return true;
}

/* ---- reading and writing ---- */

struct ends {
    int from;
    int to;
    struct hash_run *sealed; /* runs over the sealed side */
    struct seal_result result;
};

static void ends_free(struct ends *ends)
{
    hash_free(ends->sealed);
}

/* As much as there is, up to `size`. */
static bool take(int fd, uint8_t *at, size_t size, size_t *len, struct err *err)
{
    for (*len = 0; *len < size;) {
        ssize_t got = read(fd, at + *len, size - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_failed(err);
        if (got == 0)
            return true;
        *len += (size_t)got;
    }
    return true;
}

static bool put(int fd, const uint8_t *at, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t written = write(fd, at, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return file_failed(err);
        at += written;
        len -= (size_t)written;
    }
    return true;
}

static bool put_sealed(struct ends *ends, const uint8_t *at, size_t len, struct err *err)
{
    hash_add(ends->sealed, span_of(at, len));
    ends->result.sealed_bytes += len;
    return put(ends->to, at, len, err);
}

static bool take_sealed(struct ends *ends, uint8_t *at, size_t size, size_t *len,
                        struct err *err)
{
    if (!take(ends->from, at, size, len, err))
        return false;
    hash_add(ends->sealed, span_of(at, *len));
    ends->result.sealed_bytes += *len;
    return true;
}

/* ---- sealing ---- */

/* One piece is read ahead, for only the last one is marked. */
static bool seal_pieces(struct ends *ends, stream_state *state, const char *name,
                        uint8_t *work, struct err *err)
{
    uint8_t *plain = work, *next = work + PIECE_BYTES, *sealed = work + 2 * PIECE_BYTES;
    size_t len = 0, next_len = 0;
    struct span label = span_cstr(name);
    bool is_last = false;
    if (!take(ends->from, plain, PIECE_BYTES, &len, err))
        return false;
    while (!is_last) {
        if (!take(ends->from, next, PIECE_BYTES, &next_len, err))
            return false;
        is_last = next_len == 0;
        crypto_secretstream_xchacha20poly1305_push(
            state, sealed, NULL, plain, len, label.at, label.len, is_last ? TAG_LAST : 0);
        ends->result.plain_bytes += len;
        if (!put_sealed(ends, sealed, len + TAG_BYTES, err))
            return false;
        uint8_t *kept = plain;
        plain = next;
        next = kept;
        len = next_len;
    }
    return true;
}

static bool finish(struct ends *ends, struct seal_result *result, struct err *err)
{
    if (fsync(ends->to) != 0)
        return file_failed(err);
    ends->result.sealed = hash_finish(ends->sealed);
    *result = ends->result;
    return true;
}

bool seal_file(const struct seal_key *key, const char *name, int from, int to,
               struct seal_result *result, struct err *err)
{
    uint8_t head[MAGIC_BYTES + HEADER_BYTES];
    stream_state state;
    CLEANUP(arena_free) struct arena arena = arena_init(2 * WORK_BYTES);
    CLEANUP(ends_free) struct ends ends = {.from = from, .to = to};
    uint8_t *work = arena_take(&arena, WORK_BYTES, 1, err);
    ends.sealed = work ? hash_new(err) : NULL;
    if (!ends.sealed)
        return false;
    memcpy(head, MAGIC, MAGIC_BYTES);
    crypto_secretstream_xchacha20poly1305_init_push(&state, head + MAGIC_BYTES,
                                                    key->bytes);
    bool is_sealed = put_sealed(&ends, head, sizeof head, err) &&
                     seal_pieces(&ends, &state, name, work, err) &&
                     finish(&ends, result, err);
    secret_wipe(&state, sizeof state);
    secret_wipe(work, WORK_BYTES);
    return is_sealed;
}

/* ---- opening ---- */

static bool open_pieces(struct ends *ends, stream_state *state, const char *name,
                        uint8_t *work, struct err *err)
{
    uint8_t *sealed = work, *plain = work + SEALED_BYTES;
    size_t len = 0;
    unsigned char tag = 0;
    struct span label = span_cstr(name);
    while (tag != TAG_LAST) {
        if (!take_sealed(ends, sealed, SEALED_BYTES, &len, err))
            return false;
        if (len < TAG_BYTES ||
            crypto_secretstream_xchacha20poly1305_pull(state, plain, NULL, &tag, sealed,
                                                       len, label.at, label.len) != 0)
            return broken(err);
        ends->result.plain_bytes += len - TAG_BYTES;
        if (!put(ends->to, plain, len - TAG_BYTES, err))
            return false;
    }
    return take_sealed(ends, sealed, 1, &len, err) && (len == 0 || broken(err));
}

bool seal_open(const struct seal_key *key, const char *name, int from, int to,
               struct seal_result *result, struct err *err)
{
    uint8_t head[MAGIC_BYTES + HEADER_BYTES];
    size_t len = 0;
    stream_state state;
    CLEANUP(arena_free) struct arena arena = arena_init(2 * WORK_BYTES);
    CLEANUP(ends_free) struct ends ends = {.from = from, .to = to};
    uint8_t *work = arena_take(&arena, WORK_BYTES, 1, err);
    ends.sealed = work ? hash_new(err) : NULL;
    if (!ends.sealed || !take_sealed(&ends, head, sizeof head, &len, err))
        return false;
    if (len < sizeof head || memcmp(head, MAGIC, MAGIC_BYTES) != 0 ||
        crypto_secretstream_xchacha20poly1305_init_pull(&state, head + MAGIC_BYTES,
                                                        key->bytes) != 0)
        return broken(err);
    bool is_open =
        open_pieces(&ends, &state, name, work, err) && finish(&ends, result, err);
    secret_wipe(&state, sizeof state);
    secret_wipe(work, WORK_BYTES);
    return is_open;
}

/* ---- bytes ---- */

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    MAC_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES
};

static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
static_assert(SEAL_MORE_BYTES == NONCE_BYTES + MAC_BYTES, "nonce and tag");

bool seal_bytes(const struct seal_key *key, const char *name, struct span plain,
                struct buf *sealed, struct err *err)
{
    struct rand rand = rand_system();
    struct span label = span_cstr(name);
    uint8_t *at = buf_take(sealed, plain.len + SEAL_MORE_BYTES);
    if (!buf_check(sealed, err))
        return false;
    rand_fill(&rand, at, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + NONCE_BYTES, NULL, plain.at,
                                               plain.len, label.at, label.len, NULL, at,
                                               key->bytes);
    return true;
}

bool seal_open_bytes(const struct seal_key *key, const char *name, struct span sealed,
                     struct buf *plain, struct err *err)
{
    struct span label = span_cstr(name);
    uint8_t nothing = 0;
    if (sealed.len < SEAL_MORE_BYTES)
        return broken(err);
    size_t len = sealed.len - SEAL_MORE_BYTES;
    uint8_t *at = len > 0 ? buf_take(plain, len) : &nothing;
    if (!buf_check(plain, err))
        return false;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            at, NULL, NULL, sealed.at + NONCE_BYTES, sealed.len - NONCE_BYTES, label.at,
            label.len, sealed.at, key->bytes) == 0)
        return true;
    plain->len -= len;
    return broken(err);
}
