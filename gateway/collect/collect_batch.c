// SPDX-License-Identifier: Apache-2.0
/* What a look found goes to the index in batches: one file after the other would wait for
 * the disk each time. The lock is held everywhere here. */
#include "gateway/collect/collect_parts.h"

enum {
    BATCH_BYTES = 8 << 20, /* with the files' contents */
    BATCH_MS = 200,
    FOLDER_PIECES_MAX = 4, /* that one file or one folder may add */
};

/* ---- the batch ---- */

void collect_batch_open(struct collect *collect)
{
    for (int i = 0; i < 2; i++)
        collect->batches[i].arena =
            arena_init((size_t)COLLECT_FILE_ARENA_BYTES + BATCH_BYTES);
    collect->batch = &collect->batches[0];
    collect->known.arena = arena_init((size_t)COLLECT_KNOWN_BYTES);
}

void collect_batch_close(struct collect *collect)
{
    for (int i = 0; i < 2; i++)
        arena_free(&collect->batches[i].arena);
    arena_free(&collect->known.arena);
}

static bool is_of_content(const struct err *err)
{
    return err->kind == ERR_LIMIT || err->kind == ERR_CONFLICT || err->kind == ERR_SYNTAX;
}

/* A message whose entries the index cannot hold (keys that are too long, or twice the
 * same) is refused like one that cannot be read, so that it stops nothing behind it. */
static bool write_alone(struct collect *collect, enum store_lane lane,
                        const struct index_piece *piece, struct err *err)
{
    struct err fault = {0};
    struct index *index = collect->config.index;
    if (index_write(index, lane, piece, 1, &fault))
        return true;
    if (!is_of_content(&fault) || piece->kind != INDEX_PUT || !piece->change->list) {
        *err = fault;
        return false;
    }
    struct index_change refused = *piece->change;
    refused.list = NULL;
    refused.file.state = INDEX_REFUSED;
    refused.file.code = TEXT("entries_unusable");
    refused.file.offset_bytes = 0;
    struct index_piece again = {.kind = INDEX_PUT, .change = &refused};
    return index_write(index, lane, &again, 1, err);
}

struct collect_batch *collect_other_batch(struct collect *collect)
{
    return &collect->batches[collect->batch == &collect->batches[0]];
}

static void empty(struct collect_batch *batch)
{
    batch->count = 0;
    arena_reset(&batch->arena);
}

/* Together nothing was written: what cannot be is found piece by piece. */
static bool write_each(struct collect *collect, const struct collect_batch *batch,
                       struct err *err)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!write_alone(collect, batch->lane, &batch->pieces[i], err))
            return false;
    return true;
}

/* Waits for a batch that is on its way; it is empty then, whatever came of it. */
static bool end_batch(struct collect *collect, struct collect_batch *batch,
                      struct err *err)
{
    struct err fault = {0};
    if (!batch->writing)
        return true;
    bool is_written = index_write_end(&batch->writing, &fault);
    if (!is_written && is_of_content(&fault))
        is_written = write_each(collect, batch, err);
    else if (!is_written)
        *err = fault;
    empty(batch);
    return is_written;
}

/* Hands the batch over and fills the other one. After a failure nothing waits: what was
 * not written is read again by the next look. */
static bool hand_over(const struct collect_walk *walk, struct err *err)
{
    struct collect *collect = walk->collect;
    struct collect_batch *full = collect->batch;
    bool is_ended = end_batch(collect, collect_other_batch(collect), err);
    if (!is_ended || full->count == 0) {
        empty(full);
        return is_ended;
    }
    full->lane = walk->is_sweep ? STORE_BACKFILL : STORE_LIVE;
    full->writing = index_write_begin(collect->config.index, full->lane, full->pieces,
                                      full->count, err);
    if (!full->writing) {
        empty(full);
        return false;
    }
    collect->batch = collect_other_batch(collect);
    return true;
}

bool collect_flush(const struct collect_walk *walk, struct err *err)
{
    struct collect *collect = walk->collect;
    return hand_over(walk, err) && end_batch(collect, collect_other_batch(collect), err);
}

bool collect_make_room(const struct collect_walk *walk, struct err *err)
{
    const struct collect_batch *batch = walk->collect->batch;
    bool is_full = batch->count + FOLDER_PIECES_MAX >= COLLECT_BATCH_MAX ||
                   batch->arena.taken_bytes > (size_t)BATCH_BYTES;
    return !is_full || hand_over(walk, err);
}

/* The patient's other files are judged by it again: they are read from the index anew. */
static bool changes_judgement(const struct collect *collect,
                              const struct index_piece *piece)
{
    const struct entry_list *list = piece->kind == INDEX_PUT ? piece->change->list : NULL;
    return list && list->first && list->first->kind == ENTRY_PATIENT &&
           collect->known.file_count > 0;
}

bool collect_add(const struct collect_walk *walk, const struct index_piece *piece,
                 struct err *err)
{
    struct collect *collect = walk->collect;
    struct collect_batch *batch = collect->batch;
    if (batch->count == 0)
        batch->since_ms = clock_monotonic_ms(&collect->config.clock);
    batch->pieces[batch->count++] = *piece;
    if (!changes_judgement(collect, piece))
        return true;
    collect->known.has_files = false;
    collect->known.file_count = 0;
    return collect_flush(walk, err);
}

bool collect_settle(const struct collect_walk *walk, struct err *err)
{
    const struct collect *collect = walk->collect;
    if (!walk->is_sweep)
        return collect_flush(walk, err);
    int64_t age_ms =
        clock_monotonic_ms(&collect->config.clock) - collect->batch->since_ms;
    bool is_old = collect->batch->count > 0 && age_ms >= BATCH_MS;
    return is_old ? hand_over(walk, err) : collect_make_room(walk, err);
}
