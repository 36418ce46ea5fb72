// SPDX-License-Identifier: Apache-2.0
#include "formats/xml/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every node is reached once, and the tree is as deep as it may be at most. */
static void walk(const struct xml_node *node, int depth, size_t *count)
{
    if (depth > XML_DEPTH_MAX || ++*count > XML_NODES_MAX)
        abort();
    for (const struct xml_node *one = node->first; one; one = one->next) {
        if (one->parent != node || (one->name.len > 0) == (one->text.len > 0))
            abort();
        walk(one, depth + (one->name.len > 0), count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = arena_init(64 << 20);
    struct xml_document document;
    struct text text = {0};
    struct err err = {0};
    size_t count = 0;
    bool is_read = xml_parse(span_of(data, size), &arena, &document, &err);
    if (is_read != (err.kind == ERR_NONE) || is_read != (document.root != NULL))
        abort();
    if (is_read) {
        walk(document.root, 1, &count);
        if (!xml_text(document.root, &arena, &text, &err) && err.kind != ERR_LIMIT)
            abort();
    }
    arena_free(&arena);
    return 0;
}
