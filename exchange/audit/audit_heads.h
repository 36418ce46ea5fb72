// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/audit: the newest head that this series keeps of each peer. A peer
 * whose head goes back, or stays and changes, has cut or rewritten its audit, or works on
 * an older copy of it. */

#include "exchange/audit/audit_file.h"

enum { AUDIT_PEERS_MAX = 4096 };

struct audit_peer {
    char node[AUDIT_NODE_BYTES_MAX + 1];
    struct audit_position head;
    struct audit_peer *next;
};

struct audit_heads {
    struct audit_peer *first; /* *owned* */
    size_t count;
};
void audit_heads_free(struct audit_heads *heads);
/* The head is the newest known from now on. `fault` says what is wrong with it: NULL,
 * "audit_cut" (it is older than one that was kept) or "audit_head" (the same number with
 * another hash). */
MUST_CHECK bool audit_heads_note(struct audit_heads *heads, struct span node,
                                 const struct audit_position *head, const char **fault,
                                 struct err *err);
/* The same from a record of our own, when it is one that keeps a head. */
MUST_CHECK bool audit_heads_see(struct audit_heads *heads, struct span json,
                                struct err *err);
/* Takes a head out of a record that keeps one; false when it does not. */
bool audit_take_head(struct span json, struct span *node, struct audit_position *head);
