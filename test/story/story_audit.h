// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What stories ask of the audit: its rows, and how large its newest file is. */
#include <dirent.h>
#include <sys/stat.h>

#include "exchange/audit/audit_index.h"
#include "test/story/story_centre.h"

/* Of an event in a phase, with a verdict and perhaps a reason. */
struct audit_rows {
    const char *event, *phase, *verdict, *reason;
};

static inline int audit_rows(struct audit_index *index, struct store *store,
                             const struct audit_rows *wanted)
{
    struct err err = {0};
    int count = 0;
    bool has_row = false;
    good(audit_index_catch_up(index, &err), &err);
    CLEANUP(store_read_end)
    struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session,
                      "SELECT reason FROM audit_index WHERE event = ?1 AND phase = ?2 "
                      "AND verdict = ?3",
                      &err);
    store_bind_text(find, 1, text_cstr(wanted->event));
    store_bind_text(find, 2, text_cstr(wanted->phase));
    store_bind_text(find, 3, text_cstr(wanted->verdict));
    while (store_step(find, &has_row, &err) && has_row)
        count += !wanted->reason || text_is(store_column_view(find, 0), wanted->reason);
    CHECK(err.kind == ERR_NONE);
    return count;
}

/* Of the newest month's file. */
static inline off_t audit_bytes(const struct world *world)
{
    char name[128];
    in_world(world, "audit/centre", name);
    DIR *directory = opendir(name);
    off_t bytes = 0;
    struct dirent *entry = directory ? readdir(directory) : NULL;
    for (; entry; entry = readdir(directory)) {
        struct stat status;
        if (strstr(entry->d_name, ".log") &&
            fstatat(dirfd(directory), entry->d_name, &status, 0) == 0)
            bytes = status.st_size;
    }
    CHECK(directory && bytes > 0);
    closedir(directory);
    return bytes;
}
