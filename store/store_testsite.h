// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests: a folder of its own for one test, and where a new database for it lies. The
 * environment decides which kind of database: TSUMUGI_TEST_POSTGRES names the folder of a
 * PostgreSQL server's socket (tools/postgres starts one); without it, SQLite. */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "store/store.h"

enum { STORE_TESTSITE_BYTES = 256 };

static inline bool store_testsite_is_postgres(void)
{
    return getenv("TSUMUGI_TEST_POSTGRES") != NULL;
}

/* `folder` is the test's own, so its name is one that no other database has. */
static inline void store_testsite_locate(char location[STORE_TESTSITE_BYTES],
                                         const char *folder, const char *name)
{
    const char *socket = getenv("TSUMUGI_TEST_POSTGRES");
    const char *last = strrchr(folder, '/');
    if (socket)
        snprintf(location, STORE_TESTSITE_BYTES, "postgresql://tsumugi@/%s_%s?host=%s",
                 last ? last + 1 : folder, name, socket);
    else
        snprintf(location, STORE_TESTSITE_BYTES, "%s/%s.db", folder, name);
}

struct store_testsite {
    char directory[64];
    char location[STORE_TESTSITE_BYTES];
};

static inline struct store_testsite store_testsite_new(void)
{
    struct store_testsite site = {.directory = "/tmp/tsumugi_test_XXXXXX"};
    CHECK(mkdtemp(site.directory));
    store_testsite_locate(site.location, site.directory, "data");
    return site;
}

static inline int store_testsite_unlink(const char *path, const struct stat *status,
                                        int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

/* With all that the test left in it. */
static inline void store_testsite_remove(struct store_testsite *site)
{
    CHECK(nftw(site->directory, store_testsite_unlink, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* The standby whose socket lies in `folder` becomes the one that takes writes, and waits
 * for no standby of its own. */
static inline void store_testsite_promote(const char *folder)
{
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        execlp("psql", "psql", "-q", "-X", "-h", folder, "-U", "tsumugi", "-d",
               "postgres", "-o", "/dev/null", "-c",
               "ALTER SYSTEM SET synchronous_standby_names = ''", "-c",
               "SELECT pg_promote()", "-c", "SELECT pg_reload_conf()", (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
