// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit_heads.h"

#include <string.h>

#include "base/memory.h"

void audit_heads_free(struct audit_heads *heads)
{
    while (heads->first) {
        struct audit_peer *next = heads->first->next;
        memory_free(heads->first);
        heads->first = next;
    }
    heads->count = 0;
}

static bool add_peer(struct audit_heads *heads, struct span node,
                     const struct audit_position *head, struct err *err)
{
    if (heads->count == AUDIT_PEERS_MAX)
        return true; /* kept in the chain all the same; only not compared here */
    struct audit_peer *peer = memory_new(1, sizeof *peer, err);
    if (!peer)
        return false;
    memcpy(peer->node, node.at, node.len);
    peer->head = *head;
    peer->next = heads->first;
    heads->first = peer;
    heads->count++;
    return true;
}

bool audit_heads_note(struct audit_heads *heads, struct span node,
                      const struct audit_position *head, const char **fault,
                      struct err *err)
{
    struct audit_peer *peer = heads->first;
    *fault = NULL;
    while (peer && !span_is(node, peer->node))
        peer = peer->next;
    if (!peer)
        return add_peer(heads, node, head, err);
    if (head->number < peer->head.number)
        *fault = "audit_cut";
    else if (head->number == peer->head.number &&
             !hash_equal(&head->hash, &peer->head.hash))
        *fault = "audit_head";
    peer->head = *head;
    return true;
}

bool audit_take_head(struct span json, struct span *node, struct audit_position *head)
{
    struct span hex;
    return audit_take_word(json, "peer", node) && node->len <= AUDIT_NODE_BYTES_MAX &&
           audit_take_word(json, "peer_hash", &hex) &&
           audit_take_count(json, "peer_number", &head->number) &&
           hash_from_hex(hex, head->hash.bytes, HASH_BYTES);
}

bool audit_heads_see(struct audit_heads *heads, struct span json, struct err *err)
{
    struct span node;
    struct audit_position head;
    const char *fault = NULL;
    return !audit_take_head(json, &node, &head) ||
           audit_heads_note(heads, node, &head, &fault, err);
}
