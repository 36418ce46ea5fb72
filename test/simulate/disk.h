// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: this program stands in for the calls that write files, on the disk
 * of test/fault/fault_disk.h. Each node has its folder "<root>/nodes/<node>/"; what lies
 * elsewhere (a hospital's storage) is another machine's and safe. Writing and syncing
 * take time, in which others go on. */

#include <stdbool.h>

enum { DISK_PATH = 256 };

/* Below an empty directory; makes "<root>/nodes". */
void disk_start(const char *root);
void disk_path(int node, const char *name, char path[DISK_PATH]);

enum disk_volume { DISK_DATA, DISK_AUDIT };
void disk_fill(int node, enum disk_volume volume, bool is_full);

/* After a node's threads are gone. Its next start finds new files: what its process had
 * written, or when power went what was synced and any part of the rest. */
void disk_reborn(int node, bool lost_power);

/* Rows (lines) with both words in those of the node's files whose names begin so, as they
 * would be there after a loss of power now. */
int disk_count_rows(int node, const char *prefix, const char *word, const char *other);
