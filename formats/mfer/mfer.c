// SPDX-License-Identifier: Apache-2.0
/* Tags and lengths, groups, the order of things. */
#include "formats/mfer/mfer.h"

#include "formats/mfer/mfer_reader.h"

enum { SET_DEPTH_MAX = 8, CHANNEL_BYTES_MAX = 5, INDEFINITE = 0x80, CHAIN_LEN = 3 };
enum { HEAD_BYTES_MAX = 16 }; /* tag, channel, length; END and what follows it */

static const char CLAUSE_LENGTH[] = "ISO 22077-1 tag, length, value";
static const char CLAUSE_WAV[] = "ISO 22077-1 WAV (1Eh)";

bool mfer_is_good(const struct mfer_reader *reader)
{
    return reader->err->kind == ERR_NONE;
}

void mfer_find(struct mfer_reader *reader, const char *code, size_t offset,
               struct text words)
{
    /* Where the reading ended is always said. */
    bool is_listed = reader->finding_count++ < MFER_FINDINGS_MAX || reader->is_over;
    if (!is_listed || !mfer_is_good(reader))
        return;
    /* The arena's error, if any, is the reader's and ends everything. */
    (void)!entry_warn(&reader->file->findings, code, offset, words, reader->arena,
                      reader->err);
}

/* At most so much as there is. */
static bool is_there(struct mfer_reader *reader, size_t at, uint64_t len)
{
    size_t left = reader->bytes.len - at;
    if (!reader->loader || at >= reader->bytes.len)
        return true;
    if (reader->loader->load(reader->loader->self, reader->bytes.at + at,
                             len < left ? len : left, true))
        return true;
    return err_set(reader->err, ERR_BUSY, "mfer_not_there", "a part cannot be read");
}

/* ------------------------------------------------------------------ lengths */

/* What stands in front of a value. */
struct head {
    uint8_t tag;
    uint32_t channel;
    bool is_indefinite;
    uint64_t len;
    size_t value_at; /* in the reader's bytes */
};

enum taking { TAKEN, TAKEN_NOTHING /* cut short */, TAKEN_BROKEN };

/* Base-128, most significant group first (ATT only). */
static enum taking take_channel(struct span bytes, size_t *at, uint32_t *channel)
{
    uint64_t number = 0;
    for (int i = 0; i < CHANNEL_BYTES_MAX; i++) {
        if (*at >= bytes.len)
            return TAKEN_NOTHING;
        uint8_t byte = bytes.at[(*at)++];
        number = number << 7 | (byte & 0x7F);
        if (!(byte & 0x80)) {
            *channel = number < MFER_NO_CHANNEL ? (uint32_t)number : MFER_NO_CHANNEL - 1;
            return TAKEN;
        }
    }
    return TAKEN_BROKEN;
}

/* Lengths are big endian, whatever BLE says. */
static enum taking take_length(struct span bytes, size_t *at, struct head *head)
{
    if (*at >= bytes.len)
        return TAKEN_NOTHING;
    uint8_t first = bytes.at[(*at)++];
    head->len = first;
    if (first < INDEFINITE)
        return TAKEN;
    if (first == INDEFINITE) {
        head->is_indefinite = true;
        head->len = 0;
        return head->tag == MFER_ATT || head->tag == MFER_SET ? TAKEN : TAKEN_BROKEN;
    }
    size_t count = first & 0x7FU;
    if (count > 4)
        return TAKEN_BROKEN;
    if (bytes.len - *at < count)
        return TAKEN_NOTHING;
    head->len = 0;
    for (size_t i = 0; i < count; i++)
        head->len = head->len << 8 | bytes.at[(*at)++];
    return TAKEN;
}

static enum taking take_head(struct span bytes, size_t at, struct head *head)
{
    *head = (struct head){.tag = bytes.at[at++], .channel = MFER_NO_CHANNEL};
    enum taking taking = TAKEN;
    if (head->tag == MFER_ATT)
        taking = take_channel(bytes, &at, &head->channel);
    if (taking == TAKEN)
        taking = take_length(bytes, &at, head);
    head->value_at = at;
    return taking;
}

/* ------------------------------------------------------------------ detection */

static const struct {
    uint8_t tag;
    uint8_t shortest;
    uint16_t longest;
    bool is_telling; /* its number is no letter of a text */
} shapes[] = {
    {MFER_BLE, 1, 1, true},    {MFER_VER, 1, 8, true},    {MFER_TXC, 3, 32, false},
    {MFER_BLK, 1, 4, true},    {MFER_CHN, 1, 4, true},    {MFER_SEQ, 1, 4, true},
    {MFER_PNT, 1, 4, true},    {MFER_WFM, 1, 64, true},   {MFER_LDN, 1, 64, false},
    {MFER_DTP, 1, 1, true},    {MFER_IVL, 3, 6, true},    {MFER_SEN, 3, 6, true},
    {MFER_OFF, 1, 8, false},   {MFER_CMP, 2, 6, false},   {MFER_IPD, 1, 16, false},
    {MFER_FLT, 1, 256, false}, {MFER_NUL, 1, 8, false},   {MFER_NTE, 1, 4096, false},
    {MFER_MAN, 1, 256, false}, {MFER_PNM, 1, 256, false}, {MFER_PID, 1, 128, false},
    {MFER_AGE, 1, 7, false},   {MFER_SEX, 1, 1, false},   {MFER_TIM, 4, 11, false},
    {MFER_UID, 3, 128, false},
};

static int shape_of(const struct head *head)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (shapes[i].tag == head->tag && head->len >= shapes[i].shortest &&
            head->len <= shapes[i].longest)
            return (int)i;
    return -1;
}

bool mfer_detect(struct span bytes)
{
    struct head head = {0};
    size_t at = 0;
    size_t count = 0;
    bool is_telling = false;
    if (bytes.len < 8)
        return false;
    struct span behind = span_part(bytes, 2, 5);
    if (bytes.at[0] == MFER_PRE &&
        (span_starts(behind, "MFR ") || span_starts(behind, "MFER ")))
        return true;
    while (count < CHAIN_LEN && at < bytes.len && take_head(bytes, at, &head) == TAKEN &&
           !head.is_indefinite) {
        int shape = shape_of(&head);
        if (shape < 0 || head.len > bytes.len - head.value_at)
            return false;
        is_telling |= shapes[shape].is_telling;
        at = head.value_at + (size_t)head.len;
        count++;
    }
    return count == CHAIN_LEN && is_telling;
}

/* ------------------------------------------------------------------ single definitions
 */

static void take_channel_count(struct mfer_reader *reader, const struct mfer_item *item)
{
    uint32_t count = 1;
    if (item->value.len > 0 && !mfer_unsigned(reader, item->value, &count)) {
        mfer_find(reader, "mfer_value_length", item->offset,
                  TEXT("チャネル数（CHN）の長さが1から4バイトではありません"));
        return;
    }
    /* Attributes belong to the channels that were counted before. */
    reader->channel_words = 0;
    reader->channel_count = count;
    reader->is_changed = true;
}

static void take_point(struct mfer_reader *reader, const struct mfer_item *item)
{
    int32_t point = 0;
    if (item->value.len > 0 && !mfer_signed(reader, item->value, &point)) {
        mfer_find(reader, "mfer_value_length", item->offset,
                  TEXT("データポインタ（PNT）の長さが1から4バイトではありません"));
        return;
    }
    reader->has_point = item->value.len > 0;
    reader->point = point;
}

static void take_byte_order(struct mfer_reader *reader, const struct mfer_item *item)
{
    uint8_t order = item->value.len > 0 ? item->value.at[0] : 0;
    if (item->value.len > 1 || order > 1)
        mfer_find(reader, "mfer_byte_order", item->offset,
                  TEXT("バイト並び（BLE）が0でも1でもありません"));
    reader->is_little_endian = order == 1;
    reader->is_changed = true;
}

/* The name folded for comparing: letters large, without spaces and dashes. */
static void take_charset(struct mfer_reader *reader, const struct mfer_item *item)
{
    enum { NAME_MAX_BYTES = 64 };
    char name[NAME_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < item->value.len && len < sizeof name; i++) {
        uint8_t byte = item->value.at[i];
        bool is_small = byte >= 'a' && byte <= 'z';
        if (byte > ' ' && byte < 0x7F && byte != '-' && byte != '_')
            name[len++] = (char)(is_small ? byte - 0x20 : byte);
    }
    (void)!text_copy((struct text){name, len}, reader->arena, &reader->charset,
                     reader->err);
}

static void take_compression(struct mfer_reader *reader, const struct mfer_item *item)
{
    reader->compression = item->value.len >= 2   ? mfer_part(reader, item->value, 0, 2)
                          : item->value.len == 1 ? item->value.at[0]
                                                 : 0;
    reader->is_changed = true;
}

/* Read and understood, but nothing is shown of them. */
static bool is_passed_over(uint8_t tag)
{
    static const uint8_t tags[] = {MFER_VER, MFER_IPD,     MFER_OLD_SKW, MFER_SKW,
                                   MFER_CND, MFER_RPT,     MFER_SIG,     MFER_PRE,
                                   MFER_MAP, MFER_OLD_RPT, MFER_OLD_SIG};
    return memchr(tags, tag, sizeof tags) != NULL;
}

/* Of the file as a whole. False: another tag. */
static bool take_global(struct mfer_reader *reader, const struct mfer_item *item)
{
    switch (item->tag) {
    case MFER_CHN:
        take_channel_count(reader, item);
        return true;
    case MFER_PNT:
        take_point(reader, item);
        return true;
    case MFER_CMP:
        take_compression(reader, item);
        return true;
    case MFER_WAV:
        mfer_frame(reader, item);
        return true;
    default:
        return false;
    }
}

static bool is_of_samples(uint8_t tag)
{
    return (tag >= MFER_BLK && tag <= MFER_OFF && tag != MFER_CHN && tag != MFER_PNT) ||
           tag == MFER_FLT || tag == MFER_NUL;
}

static void take_item(struct mfer_reader *reader, const struct mfer_item *item)
{
    bool is_of_channel = item->channel != MFER_NO_CHANNEL;
    if (item->tag == MFER_BLE)
        take_byte_order(reader, item);
    else if (item->tag == MFER_TXC)
        take_charset(reader, item);
    else if (is_of_samples(item->tag))
        mfer_define(reader, item);
    else if (mfer_note(reader, item) || is_passed_over(item->tag))
        return;
    else if (is_of_channel)
        mfer_find(reader, "mfer_not_of_channel", item->offset,
                  TEXT("チャネル属性（ATT）の中に置けない項目を読み飛ばしました"));
    else if (!take_global(reader, item))
        mfer_find(reader, "mfer_tag_unknown", item->offset,
                  TEXT("知られていないタグを読み飛ばしました"));
}

/* ------------------------------------------------------------------ groups */

/* A stretch of definitions: the whole file, a SET, an ATT. */
struct scope {
    size_t at;
    size_t end;
    bool is_indefinite; /* ends at 00 00 */
    bool is_ignored;
    int depth;
    uint32_t channel;
};

static void walk(struct mfer_reader *reader, struct scope *scope);

static bool ends_here(struct mfer_reader *reader, struct scope *scope)
{
    if (scope->at >= scope->end)
        return true;
    if (!scope->is_indefinite || reader->bytes.at[scope->at] != 0)
        return false;
    if (scope->end - scope->at < 2 || reader->bytes.at[scope->at + 1] != 0)
        return false;
    scope->at += 2;
    scope->is_indefinite = false;
    return true;
}

static bool enters(struct mfer_reader *reader, const struct head *head,
                   const struct scope *outer, size_t offset)
{
    bool is_channel = head->tag == MFER_ATT;
    if (is_channel && outer->channel != MFER_NO_CHANNEL) {
        mfer_find(reader, "mfer_channel_nested", offset,
                  TEXT("チャネル属性（ATT）の中のATTを読み飛ばしました"));
        return false;
    }
    if (is_channel && head->channel >= reader->channel_count) {
        mfer_find(reader, "mfer_channel_missing", offset,
                  TEXT("チャネル数（CHN）を超えるチャネルの属性を読み飛ばしました"));
        return false;
    }
    if (outer->depth >= SET_DEPTH_MAX) {
        mfer_find(reader, "mfer_too_deep", offset,
                  TEXT("グループ（SET）の入れ子が深すぎるため読み飛ばしました"));
        return false;
    }
    return true;
}

/* Goes through ATT or SET; returns where it ended. */
static size_t enter(struct mfer_reader *reader, const struct head *head,
                    const struct scope *outer, size_t offset, size_t end)
{
    struct scope inner = {
        .at = head->value_at,
        .end = end,
        .is_indefinite = head->is_indefinite,
        .is_ignored = outer->is_ignored || !enters(reader, head, outer, offset),
        .depth = outer->depth < SET_DEPTH_MAX ? outer->depth + 1 : outer->depth,
        .channel = head->tag == MFER_ATT ? head->channel : outer->channel,
    };
    /* What is skipped by its length need not be looked into. */
    if (inner.is_ignored && !inner.is_indefinite)
        return end;
    if (inner.is_ignored && outer->depth >= SET_DEPTH_MAX) {
        reader->is_over = true;
        return end;
    }
    walk(reader, &inner);
    return head->is_indefinite ? inner.at : end;
}

/* After END: nothing more is read. */
static void finish(struct mfer_reader *reader, size_t offset)
{
    const struct span bytes = reader->bytes;
    size_t len = bytes.len - offset >= 2 && bytes.at[offset + 1] < INDEFINITE
                     ? 2U + bytes.at[offset + 1]
                     : 1;
    reader->is_over = true;
    if (bytes.len - offset > len)
        mfer_find(reader, "mfer_behind_end", offset + len,
                  TEXT("終了（END）の後にデータがあります"));
}

/* A length that cannot be: nothing behind it can be found. */
static void stop(struct mfer_reader *reader, enum taking taking, size_t offset)
{
    reader->is_over = true;
    if (taking == TAKEN_NOTHING) {
        mfer_find(reader, "mfer_cut", offset,
                  TEXT("ファイルが項目の途中で終わっています"));
        return;
    }
    if (!reader->file->recording.groups) {
        err_at(reader->err, ERR_SYNTAX, "mfer_length_invalid", offset, CLAUSE_LENGTH);
        return;
    }
    mfer_find(reader, "mfer_length_invalid", offset,
              TEXT("長さが正しくないため、ここから先を読めません"));
}

/* What is longer than the place it stands in: of a frame the rest is missing, of anything
 * else there is nothing to go by. */
static size_t cut_value(struct mfer_reader *reader, const struct scope *scope,
                        struct head *head, size_t offset)
{
    size_t left = scope->end - head->value_at;
    if (head->len <= left)
        return head->value_at + (size_t)head->len;
    mfer_find(reader, "mfer_cut", offset, TEXT("ファイルが項目の途中で終わっています"));
    if (head->tag != MFER_WAV && head->tag != MFER_SET)
        head->tag = MFER_ZRO;
    head->len = left;
    return scope->end;
}

static void walk_one(struct mfer_reader *reader, struct scope *scope)
{
    size_t offset = scope->at;
    struct span bytes = span_part(reader->bytes, 0, scope->end);
    struct head head = {0};
    enum taking taking = take_head(bytes, offset, &head);
    if (taking != TAKEN) {
        stop(reader, taking, offset);
        return;
    }
    size_t end = cut_value(reader, scope, &head, offset);
    if (head.is_indefinite)
        end = scope->end;
    scope->at = end;
    if (head.tag == MFER_ZRO)
        return;
    if (head.tag == MFER_ATT || head.tag == MFER_SET) {
        scope->at = enter(reader, &head, scope, offset, end);
        return;
    }
    struct mfer_item item = {
        .tag = head.tag,
        .value = span_part(reader->bytes, head.value_at, (size_t)head.len),
        .offset = offset,
        .channel = scope->channel,
    };
    bool is_read = head.tag == MFER_WAV || is_there(reader, head.value_at, head.len);
    if (is_read && !scope->is_ignored)
        take_item(reader, &item);
}

static void walk(struct mfer_reader *reader, struct scope *scope)
{
    bool has_end = scope->is_indefinite;
    size_t start = scope->at;
    while (!reader->is_over && mfer_is_good(reader) &&
           is_there(reader, scope->at, HEAD_BYTES_MAX) && !ends_here(reader, scope)) {
        uint8_t tag = reader->bytes.at[scope->at];
        if (tag == MFER_ZRO) {
            scope->at++;
            continue;
        }
        if (tag == MFER_END_TAG) {
            finish(reader, scope->at);
            return;
        }
        walk_one(reader, scope);
    }
    if (has_end && scope->is_indefinite && !reader->is_over)
        mfer_find(reader, "mfer_group_open", start,
                  TEXT("長さを定めないグループに終わりがありません"));
}

/* ------------------------------------------------------------------ the file */

static bool derive_all(struct mfer_reader *reader)
{
    for (struct waveform_group *group = reader->file->recording.groups; group;
         group = group->next)
        if (!waveform_derive(group, reader->arena, reader->err))
            return false;
    return true;
}

bool mfer_read(struct span bytes, struct arena *arena, struct mfer_file *file,
               struct err *err)
{
    return mfer_read_by(NULL, bytes, arena, file, err);
}

bool mfer_read_by(const struct waveform_loader *loader, struct span bytes,
                  struct arena *arena, struct mfer_file *file, struct err *err)
{
    *file = (struct mfer_file){
        .recording = {.day = DAY_NONE},
        .patient = {.birth_day = DAY_NONE, .sex = 'U'},
    };
    struct mfer_reader reader = {
        .bytes = bytes,
        .loader = loader,
        .arena = arena,
        .err = err,
        .file = file,
        .channel_count = 1,
        .is_changed = true,
        .annotation_end = &file->recording.annotations,
        .value_end = &file->recording.values,
        .statement_end = &file->recording.statements,
        .group_end = &file->recording.groups,
    };
    struct scope whole = {.end = bytes.len, .channel = MFER_NO_CHANNEL};
    walk(&reader, &whole);
    if (!mfer_is_good(&reader))
        return false;
    mfer_use_old(&reader);
    if (mfer_is_good(&reader) && !file->recording.groups)
        return err_at(err, ERR_SYNTAX, "mfer_frame_missing", bytes.len, CLAUSE_WAV);
    return mfer_is_good(&reader) && derive_all(&reader);
}

bool mfer_list(const struct mfer_file *file, struct arena *arena, struct entry_list *list,
               struct err *err)
{
    const struct waveform_recording *recording = &file->recording;
    struct entry *entry = entry_add(list, ENTRY_PHYSIOLOGY, arena, err);
    if (!entry)
        return false;
    enum { MINUTES_LEN = 16 };
    entry->flags |= ENTRY_HAS_WAVEFORM;
    entry->day = recording->day;
    entry->time = recording->start;
    if (entry->time.len > MINUTES_LEN)
        entry->time.len = MINUTES_LEN;
    entry->title = recording->groups->label;
    return waveform_add_items(recording, entry, arena, err);
}
