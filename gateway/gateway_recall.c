// SPDX-License-Identifier: Apache-2.0
/* A new index learns from the gateway's own audit which links there were: links that the
 * centre asks for again are not new, and what the hospital refused stays refused. */
#include <string.h>

#include "exchange/audit/audit.h"
#include "formats/json/json.h"
#include "gateway/gateway_config.h"
#include "gateway/gateway_recall.h"

enum { WORDS_MAX = 64 };

struct recalling {
    struct index *index;
    bool is_office; /* rows of the office have no number: they decide held links */
    struct arena *arena;
    struct recalled *links;
    struct recalled **buckets;
};

enum { BUCKETS = 4096 };

struct recalled {
    struct id record;
    struct text number;
    enum index_link_state state;
    struct recalled *next;    /* in its bucket */
    struct recalled *earlier; /* of all */
};

static struct recalled *find_or_add(struct recalling *recalling, struct id record,
                                    struct err *err)
{
    struct recalled **bucket =
        &recalling->buckets[(record.bytes[0] << 8 | record.bytes[1]) % BUCKETS];
    struct recalled *one = *bucket;
    while (one && !id_equal(one->record, record))
        one = one->next;
    if (one)
        return one;
    one = ARENA_NEW(recalling->arena, struct recalled, err);
    if (!one)
        return NULL;
    *one = (struct recalled){.record = record,
                             .number = TEXT(""),
                             .state = INDEX_LINK_ENDED,
                             .next = *bucket,
                             .earlier = recalling->links};
    *bucket = one;
    recalling->links = one;
    return one;
}

/* The last word of the audit about a link. Failed matches change nothing. */
static void apply(const struct recalling *recalling, struct recalled *link,
                  struct text verdict, struct text reason)
{
    if (recalling->is_office) {
        if (link->state == INDEX_LINK_HELD)
            link->state = text_is(verdict, "permit") ? INDEX_ACTIVE : INDEX_LINK_REFUSED;
    } else if (text_is(reason, "confirmed")) {
        link->state = INDEX_ACTIVE;
    } else if (text_is(reason, "ended")) {
        link->state = INDEX_LINK_ENDED;
    } else if (text_is(reason, "held")) {
        link->state = INDEX_LINK_HELD;
    }
}

static bool see(void *context, uint64_t number, struct span json, struct err *err)
{
    struct recalling *recalling = context;
    struct id record;
    struct text verdict = {0};
    struct text reason = {0};
    struct text local_number = {0};
    struct err ignored = {0};
    (void)number;
    if (!memmem(json.at, json.len, "\"event\":\"link\"", 14))
        return true;
    CLEANUP(json_free_at) struct json_document *document = json_parse(json, err);
    if (!document)
        return false;
    const struct json_value *root = json_root(document);
    if (!json_take_id(root, "person", &record, &ignored) ||
        !json_take_text_or(root, "verdict", WORDS_MAX, &verdict, err) ||
        !json_take_text_or(root, "reason", WORDS_MAX, &reason, err) ||
        !json_take_text_or(root, "local_number", WORDS_MAX, &local_number, err))
        return err->kind == ERR_NONE;
    struct recalled *link = find_or_add(recalling, record, err);
    if (!link || (local_number.len > 0 &&
                  !text_copy(local_number, recalling->arena, &link->number, err)))
        return false;
    apply(recalling, link, verdict, reason);
    return true;
}

static bool walk(struct recalling *recalling, const char *directory, const char *node,
                 struct err *err)
{
    if (audit_walk(directory, node, 1, see, recalling, err) && err->kind == ERR_NONE)
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err); /* no office has decided anything yet */
    return true;
}

bool gateway_recall_links(struct index *index, const char *audit_directory,
                          const char *node, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(256 << 20);
    CLEANUP(buf_free) struct buf office = buf_init(128);
    struct recalling recalling = {.index = index, .arena = &arena};
    recalling.buckets = ARENA_MANY(&arena, struct recalled *, BUCKETS, err);
    buf_format(&office, "%s-office", node);
    buf_byte(&office, '\0');
    if (!recalling.buckets || !buf_check(&office, err) ||
        !walk(&recalling, audit_directory, node, err))
        return false;
    recalling.is_office = true;
    if (office.len <= AUDIT_NODE_BYTES_MAX + 1 &&
        !walk(&recalling, audit_directory, (const char *)office.at, err))
        return false;
    for (struct recalled *one = recalling.links; one; one = one->earlier) {
        struct index_link link = {
            .record = one->record, .number = one->number, .state = one->state};
        bool is_told = one->number.len > 0 &&
                       (one->state == INDEX_ACTIVE || one->state == INDEX_LINK_REFUSED);
        if (is_told && !index_recall_link(index, &link, err))
            return false;
    }
    return true;
}
