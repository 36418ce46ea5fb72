// SPDX-License-Identifier: Apache-2.0
/* A ring of pieces, of which only the last is not full. */
#include "exchange/content/content_parts.h"

static struct buf *piece_at(struct content_waiting *waiting, size_t index)
{
    return &waiting->pieces[(waiting->first + index) % CONTENT_PIECES_MAX];
}

static struct buf take_spare(struct content_waiting *waiting)
{
    struct buf piece = waiting->spare;
    waiting->spare = buf_init(CONTENT_PIECE_BYTES);
    piece.max_bytes = CONTENT_PIECE_BYTES;
    buf_reserve(&piece, CONTENT_PIECE_BYTES);
    return piece;
}

static struct buf *piece_with_room(struct content_waiting *waiting)
{
    struct buf *last = waiting->count > 0 ? piece_at(waiting, waiting->count - 1) : NULL;
    if (last && last->len < CONTENT_PIECE_BYTES)
        return last;
    last = piece_at(waiting, waiting->count++);
    *last = take_spare(waiting);
    return last;
}

bool content_waiting_put(struct content_waiting *waiting, struct span bytes,
                         struct err *err)
{
    if (bytes.len > CONTENT_WAITING_BYTES_MAX - waiting->bytes)
        return err_set(err, ERR_LIMIT, "content_waiting", "it sends without credit");
    while (bytes.len > 0) {
        struct buf *piece = piece_with_room(waiting);
        struct span part = span_part(bytes, 0, CONTENT_PIECE_BYTES - piece->len);
        buf_span(piece, part);
        if (!buf_check(piece, err))
            return false;
        waiting->bytes += part.len;
        bytes = span_part(bytes, part.len, bytes.len);
    }
    return true;
}

struct buf *content_waiting_first(struct content_waiting *waiting)
{
    return waiting->count > 0 ? piece_at(waiting, 0) : NULL;
}

void content_waiting_drop(struct content_waiting *waiting, size_t bytes)
{
    struct buf *first = piece_at(waiting, 0);
    buf_free(&waiting->spare);
    waiting->spare = *first;
    buf_reset(&waiting->spare);
    *first = buf_init(CONTENT_PIECE_BYTES);
    waiting->bytes -= bytes;
    waiting->first = (waiting->first + 1) % CONTENT_PIECES_MAX;
    waiting->count--;
}

void content_waiting_free(struct content_waiting *waiting)
{
    for (size_t i = 0; i < waiting->count; i++)
        buf_free(piece_at(waiting, i));
    buf_free(&waiting->spare);
    waiting->count = waiting->first = waiting->bytes = 0;
}
