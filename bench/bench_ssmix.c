// SPDX-License-Identifier: Apache-2.0
/* How many SS-MIX2 messages a core turns into entries per second, from memory. Beside it,
 * over the same bytes in the same run, two things that no reader can be faster than or
 * that others would begin with: glibc's iconv from ISO-2022-JP to UTF-8, and finding all
 * segments and fields with memchr.
 *
 * usage: bench_ssmix LABEL STORAGE…      prints one JSON line */
#include <ftw.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/path.h"
#include "formats/ssmix/ssmix.h"

enum {
    RUNS = 7,
    FILES_MAX = 200000,
    FILE_BYTES_MAX = 4 << 20,
    PASS_NS_MIN = 200000000,
};

struct file {
    struct ssmix_name name;
    struct span bytes;
};

struct tree {
    struct file *files;
    size_t count;
    size_t bytes;
    size_t names_refused;
    struct arena arena; /* names and contents */
};

/* What one pass over the tree gave, so that the compiler cannot drop the work. */
struct sum {
    uint64_t entries;
    uint64_t refused;
    uint64_t units; /* bytes out, or fields */
};

typedef struct sum (*pass_function)(const struct tree *tree);

/* nftw hands nothing on. */
static struct tree *walked;

static int take_file(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    struct err err = {0};
    struct span relative = {0};
    struct span kept = {0};
    struct file *file = &walked->files[walked->count];
    (void)stat;
    (void)at;
    if (type != FTW_F || walked->count == FILES_MAX)
        return 0;
    if (!ssmix_find_path(span_cstr(path), &relative) ||
        !arena_copy(&walked->arena, relative, &kept, &err) ||
        !ssmix_parse_path(kept, &file->name, &err) ||
        !path_read_file(path, FILE_BYTES_MAX, &walked->arena, &file->bytes, &err)) {
        walked->names_refused++;
        return 0;
    }
    walked->bytes += file->bytes.len;
    walked->count++;
    return 0;
}

static struct sum parse_all(const struct tree *tree)
{
    struct sum sum = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    for (size_t i = 0; i < tree->count; i++) {
        struct entry_list list = {0};
        struct err err = {0};
        if (ssmix_read(&tree->files[i].name, tree->files[i].bytes, &arena, &list, &err))
            sum.entries += list.count;
        else
            sum.refused++;
        arena_reset(&arena);
    }
    return sum;
}

static uint64_t convert_one(iconv_t converter, struct span bytes, char *out, size_t size)
{
    char *from = (char *)(uintptr_t)bytes.at; /* iconv does not write to its input */
    size_t left = bytes.len;
    uint64_t made = 0;
    iconv(converter, NULL, NULL, NULL, NULL);
    while (left > 0) {
        char *to = out;
        size_t room = size;
        size_t answer = iconv(converter, &from, &left, &to, &room);
        made += (uint64_t)(to - out);
        if (answer == (size_t)-1 && room == size) {
            from++; /* a byte it cannot read */
            left--;
        }
    }
    return made;
}

static struct sum convert_all(const struct tree *tree)
{
    static char out[1 << 16];
    struct sum sum = {0};
    iconv_t converter = iconv_open("UTF-8", "ISO-2022-JP");
    if (converter == (iconv_t)-1)
        return sum;
    for (size_t i = 0; i < tree->count; i++)
        sum.units += convert_one(converter, tree->files[i].bytes, out, sizeof out);
    iconv_close(converter);
    return sum;
}

static uint64_t count_parts(struct span bytes, uint8_t separator)
{
    uint64_t parts = 1;
    const uint8_t *end = bytes.at + bytes.len;
    const uint8_t *at = bytes.at;
    while (at < end && (at = memchr(at, separator, (size_t)(end - at))) != NULL) {
        parts++;
        at++;
    }
    return parts;
}

static struct sum split_all(const struct tree *tree)
{
    struct sum sum = {0};
    for (size_t i = 0; i < tree->count; i++) {
        struct span rest = tree->files[i].bytes;
        struct span segment = {0};
        while (span_take(&rest, '\r', &segment))
            sum.units += count_parts(segment, '|');
    }
    return sum;
}

static int64_t now_ns(void)
{
    struct timespec time;
    /* The core's time of this thread: other programs on the machine do not count. */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Seconds of one pass, from as many passes as fill PASS_NS_MIN. */
static double time_pass(pass_function pass, const struct tree *tree, struct sum *sum)
{
    int passes = 0;
    int64_t started = now_ns();
    int64_t spent = 0;
    do {
        *sum = pass(tree);
        passes++;
        spent = now_ns() - started;
    } while (spent < PASS_NS_MIN);
    return (double)spent / 1e9 / passes;
}

static double median(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && values[k] < values[k - 1]; k--) {
            double swapped = values[k];
            values[k] = values[k - 1];
            values[k - 1] = swapped;
        }
    return values[count / 2];
}

static void measure(const char *label, const struct tree *tree)
{
    static const pass_function passes[] = {parse_all, convert_all, split_all};
    double seconds[3][RUNS];
    struct sum sums[3] = {0};
    for (size_t run = 0; run < RUNS; run++)
        for (size_t i = 0; i < 3; i++)
            seconds[i][run] = time_pass(passes[i], tree, &sums[i]);
    double parse = median(seconds[0], RUNS);
    double convert = median(seconds[1], RUNS);
    double split = median(seconds[2], RUNS);
    double megabytes = (double)tree->bytes / 1e6;
    printf("{\"bench\":\"ssmix\",\"tree\":\"%s\",\"messages\":%zu,\"megabytes\":%.2f,"
           "\"names_refused\":%zu,\"entries\":%" PRIu64 ",\"messages_refused\":%" PRIu64
           ",\"runs\":%d,\"messages_per_s\":%.0f,\"megabytes_per_s\":%.1f,"
           "\"fastest\":%.0f,\"slowest\":%.0f,\"iconv_megabytes_per_s\":%.1f,"
           "\"split_megabytes_per_s\":%.1f}\n",
           label, tree->count, megabytes, tree->names_refused, sums[0].entries,
           sums[0].refused, RUNS, (double)tree->count / parse, megabytes / parse,
           (double)tree->count / seconds[0][0],
           (double)tree->count / seconds[0][RUNS - 1], megabytes / convert,
           megabytes / split);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct tree tree = {.arena = arena_init((size_t)1 << 30)};
    if (argc < 3) {
        fputs("usage: bench_ssmix LABEL STORAGE…\n", stderr);
        return 2;
    }
    tree.files = memory_new(FILES_MAX, sizeof *tree.files, &err);
    if (!tree.files)
        return 1;
    walked = &tree;
    for (int i = 2; i < argc; i++)
        nftw(argv[i], take_file, 16, FTW_PHYS);
    if (tree.count > 0)
        measure(argv[1], &tree);
    else
        fprintf(stderr, "bench_ssmix: no messages below %s\n", argv[2]);
    memory_free(tree.files);
    arena_free(&tree.arena);
    return tree.count > 0 ? 0 : 1;
}
