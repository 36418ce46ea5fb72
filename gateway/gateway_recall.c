// SPDX-License-Identifier: Apache-2.0
/* The gateway's own audit is older and newer than any index. A new index learns from it
 * which links there were: links that the centre asks for again are not new, and what the
 * hospital refused stays refused. An older copy of the index (a restored one) is told
 * what became of its links since, and gets a new epoch, so that everything is compared.
 * Links are written to the index first: it knows no less than the audit but after a
 * restore. */
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
    bool was_held;
    struct recalled *next;    /* in its bucket */
    struct recalled *earlier; /* of all */
};

/* One row about a link. */
struct seen {
    struct id record;
    struct text verdict;
    struct text reason;
    struct text number;
};

/* The link's place in its bucket: NULL there when there is none. */
static struct recalled **find_place(struct recalling *recalling, struct id record)
{
    struct recalled **at =
        &recalling->buckets[(record.bytes[0] << 8 | record.bytes[1]) % BUCKETS];
    while (*at && !id_equal((*at)->record, record))
        at = &(*at)->next;
    return at;
}

static struct recalled *find_or_add(struct recalling *recalling, struct id record,
                                    struct err *err)
{
    struct recalled **place = find_place(recalling, record);
    struct recalled *one = *place;
    if (one)
        return one;
    one = ARENA_NEW(recalling->arena, struct recalled, err);
    if (!one)
        return NULL;
    *one = (struct recalled){
        .record = record, .number = TEXT(""), .earlier = recalling->links};
    *place = one;
    recalling->links = one;
    return one;
}

/* What the gateway itself wrote; INDEX_LINK_STATES for what changed nothing. */
static enum index_link_state state_of(struct text reason)
{
    if (text_is(reason, "confirmed"))
        return INDEX_ACTIVE;
    if (text_is(reason, "ended"))
        return INDEX_LINK_ENDED;
    return text_is(reason, "held") ? INDEX_LINK_HELD : INDEX_LINK_STATES;
}

/* The last word counts; the office has it only about links that are held. */
static bool apply(struct recalling *recalling, const struct seen *seen, struct err *err)
{
    enum index_link_state state = state_of(seen->reason);
    if (recalling->is_office) {
        struct recalled *held = *find_place(recalling, seen->record);
        if (held && held->was_held)
            held->state =
                text_is(seen->verdict, "permit") ? INDEX_ACTIVE : INDEX_LINK_REFUSED;
        return true;
    }
    if (state == INDEX_LINK_STATES)
        return true;
    struct recalled *link = find_or_add(recalling, seen->record, err);
    if (!link)
        return false;
    link->state = state;
    link->was_held = state == INDEX_LINK_HELD;
    return seen->number.len == 0 ||
           text_copy(seen->number, recalling->arena, &link->number, err);
}

static bool see(void *context, uint64_t number, struct span json, struct err *err)
{
    struct seen seen = {0};
    struct err ignored = {0};
    (void)number;
    if (!memmem(json.at, json.len, "\"event\":\"link\"", 14))
        return true;
    CLEANUP(json_free_at) struct json_document *document = json_parse(json, err);
    if (!document)
        return false;
    const struct json_value *root = json_root(document);
    if (!json_take_id(root, "person", &seen.record, &ignored))
        return true;
    return json_take_text_or(root, "verdict", WORDS_MAX, &seen.verdict, err) &&
           json_take_text_or(root, "reason", WORDS_MAX, &seen.reason, err) &&
           json_take_text_or(root, "local_number", WORDS_MAX, &seen.number, err) &&
           apply(context, &seen, err);
}

static bool walk(struct recalling *recalling, const char *directory, const char *node,
                 uint64_t from, struct err *err)
{
    if (audit_walk(directory, node, from, see, recalling, err) && err->kind == ERR_NONE)
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err); /* no office has decided anything yet */
    return true;
}

/* What the index did not know. */
static bool tell(const struct recalling *recalling, const struct recalled *one,
                 bool *is_older, struct err *err)
{
    struct index_link known;
    bool is_known = false;
    struct index *index = recalling->index;
    if (!index_find_link(index, one->record, recalling->arena, &known, &is_known, err))
        return false;
    bool is_active = is_known && known.state == INDEX_ACTIVE;
    bool was_active = one->state == INDEX_ACTIVE;
    *is_older = *is_older || is_active != was_active;
    if (is_active && !was_active && !index_end_link(index, one->record, err))
        return false;
    struct index_link link = {
        .record = one->record, .number = one->number, .state = one->state};
    bool is_told = one->number.len > 0 && !is_active &&
                   (was_active || one->state == INDEX_LINK_REFUSED);
    return !is_told || index_recall_link(index, &link, err);
}

static bool tell_all(const struct recalling *recalling, bool is_new,
                     const struct log *log, struct err *err)
{
    bool is_older = false;
    for (const struct recalled *one = recalling->links; one; one = one->earlier)
        if (!tell(recalling, one, &is_older, err))
            return false;
    if (is_new || !is_older)
        return true;
    LOG(log, "index_older", LOG_WORD("code", "index_restored"));
    return index_renew_epoch(recalling->index, err);
}

bool gateway_recall_links(struct index *index, struct audit *audit,
                          const struct gateway_recall *from, struct err *err)
{
    uint64_t number = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(256 << 20);
    CLEANUP(buf_free) struct buf office = buf_init(128);
    struct recalling recalling = {.index = index, .arena = &arena};
    recalling.buckets = ARENA_MANY(&arena, struct recalled *, BUCKETS, err);
    buf_format(&office, "%s-office", from->node);
    buf_byte(&office, '\0');
    if (!recalling.buckets || !buf_check(&office, err) ||
        !index_audit_number(index, &number, err) ||
        !walk(&recalling, from->directory, from->node, number + 1, err))
        return false;
    recalling.is_office = true;
    if (office.len <= AUDIT_NODE_BYTES_MAX + 1 &&
        !walk(&recalling, from->directory, (const char *)office.at, 1, err))
        return false;
    return tell_all(&recalling, number == 0, from->log, err) &&
           index_note_audit(index, audit_head(audit).number, err);
}
