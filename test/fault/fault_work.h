// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: pieces of work on a directory, each with what must be true of it
 * afterwards. A work acknowledges (fault_ack) what it was told is durable, counts what it
 * was refused with a name, and comes back however much of it failed. */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/test.h"

struct work {
    const char *name;
    void (*run)(void);
    void (*check)(bool may_have_more); /* than what was acknowledged */
    void (*put)(void); /* what it finds, all of it durable; NULL = nothing */
};

static const char *fault_folder; /* of the round: where the work is */

static inline const char *fault_path(const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", fault_folder, name);
    return path;
}

/* What fails has a name. */
static inline bool is_told(bool is_done, struct err *err)
{
    if (!is_done)
        CHECK(err->kind != ERR_NONE && err->code && err->code[0]);
    if (!is_done && getenv("TEST_LOG"))
        printf("# told %s: %s\n", err->code, err->text);
    err_clear(err);
    return is_done;
}
