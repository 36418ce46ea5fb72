// SPDX-License-Identifier: Apache-2.0
/* Good files damaged in thousands of ways, each read wholly by what the fuzz target reads
 * with: a named refusal or values, never more. The same damage every time; sanitizer
 * builds make it count, fuzzing finds what is rarer. */
#include "base/path.h"
#include "formats/dicom/dicom_fuzz.c"
#include "formats/dicom/dicom_testsite.h"

#include <dirent.h>
#include <sys/stat.h>

#define SEEDS "formats/dicom/testdata"
#define FIXTURES "../shared/fixtures/dicom"

enum { FILE_BYTES_MAX = 60000, SEED_ROUNDS = 400, SAMPLE_ROUNDS = 25, PATH_BYTES = 512 };

static uint64_t state;

static size_t any_below(size_t limit)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return limit ? (size_t)(state >> 33) % limit : 0;
}

/* Bytes, lengths of all ones, cuts, parts twice, parts gone. */
static size_t damage(uint8_t *bytes, size_t len, size_t room)
{
    size_t from = len > 132 ? 128 + any_below(len - 128) : any_below(len);
    size_t count = any_below(24) + 1;
    switch (any_below(6)) {
    case 0:
    case 1:
        bytes[from] = (uint8_t)any_below(256);
        return len;
    case 2:
        for (size_t i = from; i < len && i < from + 4; i++)
            bytes[i] = any_below(4) ? 0xFF : 0;
        return len;
    case 3:
        return from;
    case 4:
        if (count > len - from || count > room - len)
            return len;
        memmove(bytes + from + count, bytes + from, len - from);
        return len + count;
    default:
        if (count > len - from)
            return len;
        memmove(bytes + from, bytes + from + count, len - from - count);
        return len - count;
    }
}

static void read_damaged(struct span file, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        size_t room = file.len + 128;
        size_t len = file.len;
        uint8_t *bytes = malloc(room);
        memcpy(bytes, file.at, file.len);
        for (size_t n = any_below(3) + 1; n > 0 && len > 0; n--)
            len = damage(bytes, len, room);
        if (len > 0 && any_below(8) == 0)
            bytes[0] = 1; /* only the beginning of a file */
        /* Of its own size, so that the byte behind it is nobody's. */
        uint8_t *exact = malloc(len + 1);
        memcpy(exact + 1, bytes, len);
        free(bytes);
        (void)LLVMFuzzerTestOneInput(exact + 1, len);
        free(exact);
    }
}

static int read_file(const char *path, int rounds)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct span bytes = {0};
    struct err err = {0};
    FILE *opened = fopen(path, "rb");
    bool is_read =
        opened && path_read(fileno(opened), FILE_BYTES_MAX, &arena, &bytes, &err);
    if (opened)
        fclose(opened);
    if (is_read && bytes.len > 0)
        read_damaged(bytes, rounds);
    return is_read;
}

static int walk(const char *folder, int rounds)
{
    struct dirent **names = NULL;
    int read = 0;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(path, &status) == 0)
            read +=
                S_ISDIR(status.st_mode) ? walk(path, rounds) : read_file(path, rounds);
        free(names[i]);
    }
    free(names);
    return read;
}

static void damaged_files_are_read_or_refused_by_name(void)
{
    state = 20260401;
    CHECK(walk(SEEDS, SEED_ROUNDS) >= 10);
}

static void damaged_samples_are_read_or_refused_by_name(void)
{
    state = 20260402;
    CHECK(walk(FIXTURES, SAMPLE_ROUNDS) > 80);
}

int main(void)
{
    struct stat status;
    RUN(damaged_files_are_read_or_refused_by_name);
    if (stat(FIXTURES, &status) == 0)
        RUN(damaged_samples_are_read_or_refused_by_name);
    else
        SKIP("damaged_samples_are_read_or_refused_by_name", FIXTURES " not present");
    return test_done();
}
