// SPDX-License-Identifier: Apache-2.0
/* Recordings that are records of a storage: looked at like a study of one instance, under
 * the record's own decision. What is shown is a copy of the bytes that were judged. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/path.h"
#include "gateway/answer/answer_parts.h"

enum { RECORD_ARENA_BYTES = 64 << 20 };

static int copy_bytes(struct span bytes, struct err *err)
{
    CLEANUP(path_close) int fd = memfd_create("record", MFD_CLOEXEC);
    if (fd < 0) {
        err_set(err, ERR_BUSY, "decoder_busy", "no memory for a record");
        return -1;
    }
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.at, bytes.len);
        if (count <= 0) {
            err_set(err, ERR_BUSY, "decoder_busy", "no memory for a record");
            return -1;
        }
        bytes = span_part(bytes, (size_t)count, bytes.len - (size_t)count);
    }
    int copy = fd;
    fd = -1;
    return copy;
}

/* As it was judged; what changed since is read again, and asked for again. */
static int open_record(struct answer *answer, struct text path, struct text hash,
                       int64_t *size_bytes, struct err *err)
{
    char hex[HASH_HEX_BYTES];
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init_small(RECORD_ARENA_BYTES);
    if (!collect_read_source(answer->config.collect, path, &arena, &bytes, err))
        return -1;
    struct hash found = hash_sha256(bytes);
    hash_to_hex(span_of(found.bytes, sizeof found.bytes), hex);
    if (!text_is(hash, hex)) {
        (void)answer_say_changed(answer, path, err);
        return -1;
    }
    *size_bytes = (int64_t)bytes.len;
    return copy_bytes(bytes, err);
}

bool answer_describe_record(struct answer *answer, const struct index_place *place,
                            struct arena *arena, struct study_content *content,
                            struct err *err)
{
    struct study_record record = {.name = place->path, .version = place->hash};
    CLEANUP(path_close)
    int fd = open_record(answer, place->path, place->hash, &record.size_bytes, err);
    if (fd < 0)
        return false;
    if (!study_is_mfer(fd))
        return err_set(err, ERR_MISSING, "not_found", "no study");
    return study_describe_wave(fd, &record, arena, content, err);
}

/* The files of a study lie in folders; a record's whole path is its name. */
int answer_open_instance(struct answer *answer, const struct study_instance *instance,
                         struct err *err)
{
    int64_t size_bytes = 0;
    if (instance->folder.len == 0)
        return open_record(answer, instance->name, instance->version, &size_bytes, err);
    return study_open_file(answer->config.study, instance, err);
}
