// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/collect: what a record is in either kind of storage, a file of a
 * message or a folder with a document (collect_extended.c). */

#include <sys/stat.h>

#include "base/path.h"
#include "formats/extended/extended.h"
#include "gateway/collect/collect.h"

struct collect_walk;

/* A record's name, of either kind of storage. */
struct collect_name {
    struct ssmix_name record;
    struct extended_name extended;
    bool is_extended;
};

bool collect_is_extended(const struct collect *collect, size_t root);
/* Writes a relative path as the index has it: names that are no UTF-8, or that hold '%',
 * with %HH. The reverse works in place. */
void collect_write_path(const char *path, struct buf *out);
void collect_restore_path(const struct collect *collect, size_t root, char *path);
/* The time of the newest folder right below stands in for the folder's own. */
void collect_newest_below(int fd, struct stat *status);
/* The document in a record's folder, or the file that the record is. ERR_SYNTAX
 * document_main_missing, and then whether the folder is so new that it may come yet. */
struct collect_main {
    char path[PATH_MAX_BYTES + 1];
    char beside[HASH_HEX_BYTES]; /* stamp of what lies beside it; "" = nothing */
    bool is_young;
};
MUST_CHECK bool collect_find_main(const struct collect_walk *walk, const char *path,
                                  struct collect_main *main, struct err *err);
/* What a path relative to the root says. */
MUST_CHECK bool collect_parse(const struct collect *collect, size_t root,
                              struct span path, struct collect_name *name,
                              struct arena *arena, struct err *err);
enum entry_kind collect_kind(const struct collect_name *name);
/* "<day>/<type>/<key>" */
void collect_write_base(const struct collect_name *name, struct buf *out);
MUST_CHECK bool collect_read_entries(const struct collect_name *name, struct span bytes,
                                     struct arena *arena, struct entry_list *list,
                                     struct err *err);
struct collect_source {
    size_t root;
    char *relative; /* as the bytes it is opened with */
};
/* A descriptor of a storage of our own: the sweep may find another one meanwhile. -1:
 * ERR_BUSY storage_away. */
MUST_CHECK int collect_take_root(struct collect *collect, size_t root, struct err *err);
/* The file with this place in the list. */
MUST_CHECK bool collect_read_beside(struct collect *collect, struct text path,
                                    const struct collect_beside *beside, size_t index,
                                    struct arena *arena, struct span *bytes,
                                    struct err *err);
/* ERR_MISSING not_found. */
MUST_CHECK bool collect_find_source(const struct collect *collect, struct text path,
                                    struct collect_source *source, struct arena *arena,
                                    struct err *err);
