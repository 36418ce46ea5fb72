// SPDX-License-Identifier: Apache-2.0
/* How fast a gateway takes a hospital's storage into its index: the first sweep of a tree
 * that it never saw, a sweep of the unchanged tree by folder times, and a full one that
 * looks at every file. Beside them, over the same tree in the same run, what no reader
 * can be faster than: walking it, reading every file, and asking for the times of folders
 * that are known already. The page cache is warm: a disk that has to turn is slower.
 *
 * usage: bench_tree DATABASE STORAGE…      one JSON line per storage and answer
 *        DATABASE is made anew. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "gateway/collect/collect.h"
#include "gateway/index/index.h"

enum {
    RUNS = 5, /* of what can be repeated: the median counts */
    FOLDERS_MAX = 1 << 20,
    CHUNK_BYTES = 1 << 20
};

static const char *const policy_json = "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}";

struct tree {
    const char *directory;
    size_t files;
    uint64_t bytes;
    bool reads; /* the walk opens and reads */
    char **folders;
    size_t folder_count;
    uint8_t *chunk;
};

struct gateway {
    struct arena arena;
    struct uplink_policy policy;
    struct collect_root root;
    struct index *index;
    struct collect *collect;
};

static struct tree *walked; /* nftw hands nothing on */

static int64_t now_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void fail(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_tree: %s: %s %s\n", what, err && err->code ? err->code : "",
            err ? err->text : "");
    exit(1);
}

/* ---- what limits from outside ---- */

static void read_one(struct tree *tree, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, tree->chunk, CHUNK_BYTES);
    if (got < 0)
        fail(path, NULL);
    tree->bytes += (uint64_t)got;
    close(fd);
}

static int visit(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)where;
    if (kind == FTW_F) {
        walked->files++;
        if (walked->reads)
            read_one(walked, path);
    } else if (!walked->reads && walked->folders && walked->folder_count < FOLDERS_MAX) {
        walked->folders[walked->folder_count++] = strdup(path);
    }
    return 0;
}

static void walk(struct tree *tree, bool reads)
{
    walked = tree;
    tree->files = 0;
    tree->bytes = 0;
    tree->reads = reads;
    if (nftw(tree->directory, visit, 64, FTW_PHYS) != 0)
        fail(tree->directory, NULL);
}

static void free_folders(struct tree *tree)
{
    for (size_t i = 0; i < tree->folder_count; i++)
        free(tree->folders[i]);
    memory_free(tree->folders);
    tree->folders = NULL;
    tree->folder_count = 0;
}

static void stat_folders(struct tree *tree)
{
    struct stat status;
    for (size_t i = 0; i < tree->folder_count; i++)
        if (stat(tree->folders[i], &status) != 0)
            fail(tree->folders[i], NULL);
}

/* ---- the gateway ---- */

static void open_gateway(struct gateway *gateway, const char *database,
                         const char *directory)
{
    struct err err = {0};
    gateway->arena = arena_init(64 << 20);
    if (!uplink_read_policy(span_cstr(policy_json), &gateway->arena, &gateway->policy,
                            &err))
        fail("policy", &err);
    struct index_config index = {.location = database,
                                 .clock = clock_system(),
                                 .rand = rand_system(),
                                 .policy = &gateway->policy,
                                 .policy_json = text_cstr(policy_json)};
    gateway->index = index_open(&index, &err);
    if (!gateway->index)
        fail(database, &err);
    gateway->root = (struct collect_root){.label = "main", .directory = directory};
    struct collect_config collect = {.index = gateway->index,
                                     .roots = &gateway->root,
                                     .root_count = 1,
                                     .clock = clock_system(),
                                     .second_look_ms = 5000,
                                     .sweep_period_ms = 3600 * 1000,
                                     .full_period_ms = 3600 * 1000,
                                     .recent_days = 0, /* the tree was just made */
                                     .watches_max = 0};
    gateway->collect = collect_new(&collect, &err);
    if (!gateway->collect)
        fail(directory, &err);
}

static void close_gateway(struct gateway *gateway)
{
    collect_free(gateway->collect);
    index_close(gateway->index);
    arena_free(&gateway->arena);
}

static void remove_database(const char *database)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char path[4096];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(path, sizeof path, "%s%s", database, tails[i]);
        unlink(path);
    }
}

static void sweep(struct gateway *gateway, bool is_full)
{
    struct err err = {0};
    if (!collect_sweep(gateway->collect, is_full, &err))
        fail("sweep", &err);
}

/* ---- measuring ---- */

struct measure {
    int64_t wall_ns[RUNS];
    int64_t cpu_ns[RUNS];
    int count;
    int64_t wall_from, cpu_from;
};

static void start(struct measure *measure)
{
    measure->wall_from = now_ns(CLOCK_MONOTONIC);
    measure->cpu_from = now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop(struct measure *measure)
{
    measure->wall_ns[measure->count] = now_ns(CLOCK_MONOTONIC) - measure->wall_from;
    measure->cpu_ns[measure->count++] =
        now_ns(CLOCK_PROCESS_CPUTIME_ID) - measure->cpu_from;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double median_s(int64_t *ns, int count)
{
    qsort(ns, (size_t)count, sizeof *ns, compare);
    return (double)ns[count / 2] / 1e9;
}

static void print(const char *what, const char *unit, size_t count,
                  struct measure *measure)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double wall = median_s(measure->wall_ns, measure->count);
    double cpu = median_s(measure->cpu_ns, measure->count);
    printf("{\"bench\":\"tree\",\"what\":\"%s\",\"%s\":%zu,\"seconds\":%.3f,"
           "\"cpu_seconds\":%.3f,\"%s_per_second\":%.0f,\"runs\":%d,"
           "\"peak_mb\":%.0f}\n",
           what, unit, count, wall, cpu, unit, (double)count / wall, measure->count,
           (double)usage.ru_maxrss / 1024);
    fflush(stdout);
}

static void measure_outside(struct tree *tree)
{
    struct measure walking = {0}, reading = {0}, asking = {0};
    struct err err = {0};
    walk(tree, true); /* warms the cache */
    for (int i = 0; i < RUNS; i++) {
        free_folders(tree);
        tree->folders = memory_new(FOLDERS_MAX, sizeof *tree->folders, &err);
        if (!tree->folders)
            fail("folders", &err);
        start(&walking);
        walk(tree, false);
        stop(&walking);
        start(&asking);
        stat_folders(tree);
        stop(&asking);
        start(&reading);
        walk(tree, true);
        stop(&reading);
    }
    print("walk", "files", tree->files, &walking);
    print("walk and read", "files", tree->files, &reading);
    print("times of known folders", "folders", tree->folder_count, &asking);
}

static void measure_gateway(const struct tree *tree, const char *database)
{
    struct measure first = {0}, again = {0}, full = {0};
    struct gateway gateway = {0};
    remove_database(database);
    open_gateway(&gateway, database, tree->directory);
    start(&first);
    sweep(&gateway, false);
    stop(&first);
    print("first sweep", "files", tree->files, &first);
    for (int i = 0; i < RUNS; i++) {
        start(&again);
        sweep(&gateway, false);
        stop(&again);
    }
    print("unchanged, by folder times", "files", tree->files, &again);
    start(&full);
    sweep(&gateway, true);
    stop(&full);
    print("unchanged, every file", "files", tree->files, &full);
    close_gateway(&gateway);
    remove_database(database);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct tree tree = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: bench_tree DATABASE STORAGE…\n");
        return 2;
    }
    tree.chunk = memory_new(1, CHUNK_BYTES, &err);
    if (!tree.chunk)
        fail("chunk", &err);
    for (int i = 2; i < argc; i++) {
        tree.directory = argv[i];
        measure_outside(&tree);
        measure_gateway(&tree, argv[1]);
        free_folders(&tree);
    }
    memory_free(tree.chunk);
    return 0;
}
