// SPDX-License-Identifier: Apache-2.0
#include "base/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/secret.h"
#include "base/test.h"

enum { BYTES_MAX = 300 * 1024, NAME_BYTES = 128 };

static char folder[64];
static const struct seal_key key = {{1, 2, 3}};
static uint8_t bytes[BYTES_MAX];

static const char *in_folder(const char *name, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%s/%s", folder, name);
    return out;
}

static bool pass(bool seals, const struct seal_key *with, const char *label,
                 const char *from_name, const char *to_name, struct seal_result *result)
{
    char from_path[NAME_BYTES], to_path[NAME_BYTES];
    struct err err = {0};
    CLEANUP(path_close)
    int from = open(in_folder(from_name, from_path), O_RDONLY | O_CLOEXEC);
    CLEANUP(path_close)
    int to =
        open(in_folder(to_name, to_path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(from >= 0 && to >= 0);
    bool is_done = seals ? seal_file(with, label, from, to, result, &err)
                         : seal_open(with, label, from, to, result, &err);
    CHECK(is_done || strcmp(err.code, "seal_broken") == 0);
    return is_done;
}

static struct span read_all(const char *name, struct arena *arena)
{
    char path[NAME_BYTES];
    struct err err = {0};
    struct span span = {0};
    CHECK(path_read_file(in_folder(name, path), 2 * BYTES_MAX, arena, &span, &err));
    return span;
}

static void write_all(const char *name, struct span span)
{
    char path[NAME_BYTES];
    struct err err = {0};
    CHECK(path_write_file(in_folder(name, path), span, &err));
}

static void what_was_sealed_opens_whatever_its_length(void)
{
    static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 131072, BYTES_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4 * BYTES_MAX);
        struct seal_result sealed, opened;
        struct span plain = span_of(bytes, lengths[i]);
        write_all("plain", plain);
        CHECK(pass(true, &key, "a", "plain", "sealed", &sealed));
        CHECK(pass(false, &key, "a", "sealed", "again", &opened));
        CHECK(span_equal(read_all("again", &arena), plain));
        CHECK(opened.plain_bytes == lengths[i] && sealed.plain_bytes == lengths[i]);
        CHECK(hash_equal(&sealed.sealed, &opened.sealed));
        struct span whole = read_all("sealed", &arena);
        struct hash hash = hash_sha256(whole);
        CHECK(hash_equal(&hash, &sealed.sealed) && whole.len == sealed.sealed_bytes);
        CHECK(lengths[i] < 100 || !memmem(whole.at, whole.len, bytes, 64));
    }
}

static void another_key_or_name_opens_nothing(void)
{
    const struct seal_key other = {{1, 2, 4}};
    struct seal_result result;
    write_all("plain", span_of(bytes, 1000));
    CHECK(pass(true, &key, "a", "plain", "sealed", &result));
    CHECK(!pass(false, &other, "a", "sealed", "again", &result));
    CHECK(!pass(false, &key, "b", "sealed", "again", &result));
    CHECK(!pass(false, &key, "a", "plain", "again", &result));
}

static void what_was_cut_lengthened_or_changed_does_not_open(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 * BYTES_MAX);
    struct seal_result result;
    write_all("plain", span_of(bytes, 140000));
    CHECK(pass(true, &key, "a", "plain", "sealed", &result));
    struct span whole = read_all("sealed", &arena);
    uint8_t *changed = arena_take(&arena, whole.len + 1, 1, &(struct err){0});
    memcpy(changed, whole.at, whole.len);
    /* pieces end at 32 + n × 65553: cut there, and a byte beside */
    static const size_t lengths[] = {0, 31, 32, 33, 32 + 65553, 31 + 65553, 32 + 131106};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_all("cut", span_of(changed, lengths[i]));
        CHECK(!pass(false, &key, "a", "cut", "again", &result));
    }
    write_all("cut", span_of(changed, whole.len + 1));
    CHECK(!pass(false, &key, "a", "cut", "again", &result));
    for (size_t at = 0; at < whole.len; at += 9973) {
        changed[at] ^= 1;
        write_all("cut", span_of(changed, whole.len));
        CHECK(!pass(false, &key, "a", "cut", "again", &result));
        changed[at] ^= 1;
    }
    memcpy(changed + 32, whole.at + 32 + 65553, 65553); /* pieces in another order */
    memcpy(changed + 32 + 65553, whole.at + 32, 65553);
    write_all("cut", span_of(changed, whole.len));
    CHECK(!pass(false, &key, "a", "cut", "again", &result));
}

static void a_key_is_made_once_and_read_back(void)
{
    char path[NAME_BYTES];
    struct seal_key first, second;
    struct err err = {0};
    struct stat status;
    CHECK(seal_make_key(in_folder("key", path), &err));
    CHECK(!seal_make_key(path, &err) && strcmp(err.code, "seal_exists") == 0);
    err_clear(&err);
    CHECK(seal_read_key(path, &first, &err) && seal_read_key(path, &second, &err));
    CHECK(memcmp(&first, &second, sizeof first) == 0);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    write_all("key", SPAN("abcd"));
    CHECK(!seal_read_key(path, &first, &err) && strcmp(err.code, "seal_key") == 0);
}

static bool open_bytes(const struct seal_key *with, const char *name, struct span sealed,
                       struct span expected)
{
    CLEANUP(buf_free) struct buf out = buf_init(BYTES_MAX);
    struct err err = {0};
    buf_cstr(&out, "x");
    bool is_open = seal_open_bytes(with, name, sealed, &out, &err);
    CHECK(is_open || (strcmp(err.code, "seal_broken") == 0 && out.len == 1));
    return is_open && span_equal(span_part(buf_view(&out), 1, SIZE_MAX), expected);
}

static void bytes_open_as_they_were_with_their_key_and_name_only(void)
{
    static const size_t lengths[] = {0, 1, 1000, 100000};
    static const struct seal_key other = {{9}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CLEANUP(buf_free) struct buf sealed = buf_init(BYTES_MAX);
        CLEANUP(buf_free) struct buf again = buf_init(BYTES_MAX);
        struct span plain = span_of(bytes, lengths[i]);
        struct err err = {0};
        CHECK(seal_bytes(&key, "a", plain, &sealed, &err));
        CHECK(seal_bytes(&key, "a", plain, &again, &err));
        CHECK(sealed.len == lengths[i] + SEAL_MORE_BYTES);
        CHECK(!span_equal(buf_view(&sealed), buf_view(&again)));
        CHECK(open_bytes(&key, "a", buf_view(&sealed), plain));
        CHECK(!open_bytes(&key, "b", buf_view(&sealed), plain));
        CHECK(!open_bytes(&other, "a", buf_view(&sealed), plain));
        CHECK(!open_bytes(&key, "a", span_of(sealed.at, sealed.len - 1), plain));
        CHECK(!open_bytes(&key, "a", span_of(sealed.at, 30), plain));
        for (size_t at = 0; at < sealed.len; at += 1 + sealed.len / 50) {
            sealed.at[at] ^= 1;
            CHECK(!open_bytes(&key, "a", buf_view(&sealed), plain));
            sealed.at[at] ^= 1;
        }
    }
}

int main(void)
{
    struct err err = {0};
    if (!secret_start(&err))
        return 1;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    snprintf(folder, sizeof folder, "/tmp/seal_test_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    RUN(what_was_sealed_opens_whatever_its_length);
    RUN(bytes_open_as_they_were_with_their_key_and_name_only);
    RUN(another_key_or_name_opens_nothing);
    RUN(what_was_cut_lengthened_or_changed_does_not_open);
    RUN(a_key_is_made_once_and_read_back);
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    return test_done();
}
