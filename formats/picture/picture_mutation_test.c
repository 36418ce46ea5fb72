// SPDX-License-Identifier: Apache-2.0
/* Good images damaged at random, each prepared and drawn as a gateway and its child do
 * it: a refusal with a code, or a picture, in bounded time. Each is drawn twice over
 * memory that was filled with two different bytes: what differs was never written, and
 * would show somebody else's heap. The same damage every time. `MUTATIONS=100000` of the
 * environment draws as many; sanitizer builds make it count. */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "formats/picture/picture.h"

#define SEEDS "formats/dicom/testdata"
#define FIXTURES "../shared/fixtures/dicom"

enum {
    ARENA_BYTES = 128 << 20,
    FILE_BYTES_MAX = 700 << 10,
    FRAME_BYTES_MAX = 2 << 20, /* of what the damage made of it */
    FILES_MAX = 256,
    PATH_BYTES = 256,
    USUAL_MUTATIONS = 3000,
    LARGE_BYTES = 64 << 10,
    LARGE_SHARE = 12, /* a large file has one in so many of a small one's rounds */
    SECONDS_MAX = 120
};

static uint64_t state;

static size_t any_below(size_t limit)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return limit ? (size_t)(state >> 33) % limit : 0;
}

/* Headers are at both ends of what matters: of the file, and of the frame behind it. */
static size_t any_place(size_t len)
{
    size_t reach = any_below(3) == 0 ? len : any_below(2) == 0 ? 4096 : 1024;
    return any_below(reach < len ? reach : len);
}

static size_t damage(uint8_t *bytes, size_t len)
{
    size_t at = any_place(len);
    size_t count = any_below(24) + 1;
    switch (any_below(6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1U << any_below(8));
        return len;
    case 1:
        bytes[at] = (uint8_t)any_below(256);
        return len;
    case 2: /* a length or a size of all ones, or none */
        for (size_t i = at; i < len && i < at + 4; i++)
            bytes[i] = any_below(4) ? 0xFF : 0;
        return len;
    case 3:
        return any_below(4) ? len : at + 1;
    case 4:
        for (size_t i = at; i + 1 < len && i < at + count; i++)
            bytes[i] = bytes[i + 1];
        return len;
    default:
        if (count >= len - at)
            return len;
        memmove(bytes + at, bytes + at + count, len - at - count);
        return len - count;
    }
}

/* ---- drawing ---- */

static bool is_named(const struct err *err)
{
    return err->kind != ERR_NONE && err->code && err->code[0];
}

static bool draw(struct span file, const struct picture_wish *wish, int filling,
                 struct buf *reply)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf request = buf_init(ARENA_BYTES);
    struct dicom_options options = {.inflated_max = 4 << 20};
    struct dicom_file *read = NULL;
    struct picture_job job;
    struct picture_result result;
    struct err err = {0};
    mallopt(M_PERTURB, filling);
    bool is_good = dicom_read(file, &options, &arena, &read, &err) &&
                   picture_prepare(read, 0, wish, &arena, &job, &err);
    if (is_good && codec_frame_bytes(&job.shape) > FRAME_BYTES_MAX)
        is_good = err_set(&err, ERR_LIMIT, "test_too_large", "not drawn here");
    is_good = is_good && picture_write_job(&job, &request, &err) &&
              picture_answer(NULL, buf_view(&request), reply, &err);
    CHECK(is_good ? picture_read_reply(buf_view(reply), &result, &err) : is_named(&err));
    return is_good;
}

/* Of its own size, so that the byte behind it is nobody's. */
static bool draw_damaged(struct span file, const char *path, int round)
{
    CLEANUP(buf_free) struct buf first = buf_init(ARENA_BYTES);
    CLEANUP(buf_free) struct buf second = buf_init(ARENA_BYTES);
    struct picture_wish wish = {.kind = round % 3 ? PICTURE_RAW : PICTURE_JPEG,
                                .side_max = round % 2 ? 37 : 0};
    uint8_t *bytes = malloc(file.len);
    size_t len = file.len;
    memcpy(bytes, file.at, file.len);
    for (size_t n = any_below(4) + 1; n > 0 && len > 1; n--)
        len = damage(bytes, len);
    uint8_t *exact = malloc(len);
    memcpy(exact, bytes, len);
    free(bytes);
    alarm(SECONDS_MAX);
    bool is_drawn = draw(span_of(exact, len), &wish, 0x5A, &first);
    bool is_same = draw(span_of(exact, len), &wish, 0xC3, &second) == is_drawn &&
                   span_equal(buf_view(&first), buf_view(&second));
    alarm(0);
    free(exact);
    CHECK(is_same);
    if (!is_same)
        printf("# %s, round %d: shows memory that was never written\n", path, round);
    return is_drawn;
}

/* ---- files ---- */

struct files {
    char paths[FILES_MAX][PATH_BYTES];
    bool are_large[FILES_MAX];
    size_t count;
    size_t shares;
};

static bool is_drawn_whole(const char *path)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CLEANUP(buf_free) struct buf reply = buf_init(ARENA_BYTES);
    struct picture_wish wish = {.kind = PICTURE_JPEG};
    struct span bytes = {0};
    struct err err = {0};
    return path_read_file(path, FILE_BYTES_MAX, &arena, &bytes, &err) && bytes.len > 0 &&
           draw(bytes, &wish, 0, &reply);
}

static void find_files(const char *folder, struct files *files)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        struct stat status;
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        bool is_there =
            names[i]->d_name[0] != '.' && len < PATH_BYTES && stat(path, &status) == 0;
        free(names[i]);
        if (is_there && S_ISDIR(status.st_mode))
            find_files(path, files);
        else if (is_there && files->count < FILES_MAX && is_drawn_whole(path)) {
            bool is_large = status.st_size > LARGE_BYTES;
            memcpy(files->paths[files->count], path, PATH_BYTES);
            files->are_large[files->count++] = is_large;
            files->shares += is_large ? 1 : LARGE_SHARE;
        }
    }
    free(names);
}

static size_t wanted(void)
{
    const char *said = getenv("MUTATIONS");
    uint64_t count = 0;
    bool is_said = said && span_uint(span_cstr(said), 100000000, &count) && count > 0;
    return is_said ? (size_t)count : USUAL_MUTATIONS;
}

static void damage_each(const char *folder, size_t files_min)
{
    static struct files files;
    long refused = 0;
    long drawn = 0;
    files.count = files.shares = 0;
    state = 20261127;
    find_files(folder, &files);
    CHECK(files.count >= files_min);
    for (size_t i = 0; i < files.count; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct span bytes = {0};
        struct err err = {0};
        size_t share = files.are_large[i] ? 1 : LARGE_SHARE;
        size_t rounds = wanted() * share / files.shares + 1;
        CHECK(path_read_file(files.paths[i], FILE_BYTES_MAX, &arena, &bytes, &err));
        for (size_t round = 0; bytes.len > 0 && round < rounds; round++)
            *(draw_damaged(bytes, files.paths[i], (int)round) ? &drawn : &refused) += 1;
    }
    printf("# %zu files, %ld pictures, %ld refusals\n", files.count, drawn, refused);
    CHECK(drawn > 0 && refused > 0);
}

static void damaged_images_are_pictures_or_refusals(void)
{
    damage_each(SEEDS, 5);
}

static void damaged_samples_are_pictures_or_refusals(void)
{
    damage_each(FIXTURES, 80);
}

int main(void)
{
    struct stat status;
    RUN(damaged_images_are_pictures_or_refusals);
    if (stat(FIXTURES, &status) == 0)
        RUN(damaged_samples_are_pictures_or_refusals);
    else
        SKIP("damaged_samples_are_pictures_or_refusals", FIXTURES " not present");
    return test_done();
}
