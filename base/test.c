// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

/* The one place with mutable globals: a test program has one thread of tests. */
int test_failed_checks, test_count, test_failed_count;

int test_done(void)
{
    printf("1..%d\n", test_count);
    return test_failed_count > 0;
}
