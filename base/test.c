// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include <ftw.h>

/* The one place with mutable globals: a test program has one thread of tests. */
int test_failed_checks, test_count, test_failed_count;

int test_done(void)
{
    printf("1..%d\n", test_count);
    return test_failed_count > 0;
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *place) /* allowed: nftw's shape */
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

bool test_remove(const char *directory)
{
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}
