// SPDX-License-Identifier: Apache-2.0
/* A segment file of any content: checked, walked and opened for writing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "exchange/audit/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool see(void *context, uint64_t number, struct span json, struct err *err)
{
    (void)context;
    (void)err;
    return number > 0 && json.len > 0;
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    CLEANUP(path_close) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char directory[] = "/dev/shm/audit_fuzz_XXXXXX";
    static char folder[64];
    static char file[96];
    struct err err = {0};
    struct err err_walk = {0};
    struct err err_open = {0};
    struct audit_fault fault;
    uint64_t count = 0;
    if (!folder[0]) {
        bool is_made = mkdtemp(directory) != NULL;
        snprintf(folder, sizeof folder, "%s/n", directory);
        snprintf(file, sizeof file, "%s/2025-11.log", folder);
        if (!is_made || !path_make_directory(folder, &err))
            abort();
    }
    write_file(file, data, size);
    bool is_good = audit_verify(directory, &count, &fault, &err);
    bool is_walked = audit_walk(directory, "n", 1, see, NULL, &err_walk);
    struct audit_config config = {.directory = directory,
                                  .node = "n",
                                  .clock = clock_system(),
                                  .rand = rand_system()};
    struct audit *audit = audit_open(&config, &err_open);
    /* What is in order can be walked and continued, and nothing else. */
    if (is_good != is_walked || (!is_good && audit))
        abort();
    audit_close(audit);
    return 0;
}
