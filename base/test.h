// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tests in TAP (testanything.org, version 13), one program per x_test.c, run by prove:
 *
 *     static void a_cut_segment_is_refused(void) { CHECK(…); }
 *     int main(void) { RUN(a_cut_segment_is_refused); return test_done(); }
 *
 * One function per behaviour, named as a sentence. CHECK goes on after a failure. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

extern int test_failed_checks, test_count, test_failed_count;

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            test_failed_checks++;                                                        \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                     \
        }                                                                                \
    } while (0)

#define RUN(function)                                                                    \
    do {                                                                                 \
        test_failed_checks = 0;                                                          \
        function();                                                                      \
        test_count++;                                                                    \
        test_failed_count += test_failed_checks > 0;                                     \
        printf("%sok %d - %s\n", test_failed_checks ? "not " : "", test_count,           \
               #function);                                                               \
        fflush(stdout);                                                                  \
    } while (0)

/* A test that cannot run here, with the reason. */
#define SKIP(name, reason)                                                               \
    do {                                                                                 \
        test_count++;                                                                    \
        printf("ok %d - %s # SKIP %s\n", test_count, name, reason);                      \
    } while (0)

/* Removes a folder and all below it; false when something stays. */
bool test_remove(const char *directory);
/* Prints the plan; the exit status. */
int test_done(void);
