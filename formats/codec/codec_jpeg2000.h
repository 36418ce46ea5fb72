// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The marker segments of ITU-T T.800 annex A, read before OpenJPEG reads them; not for
 * other folders. The library allocates by what they say, and where a header is broken it
 * looks for the next marker byte by byte: so it gets a copy in which it finds no marker
 * that was not checked here. */

#include "formats/codec/codec_parts.h"

struct codec_jpeg_2000 {
    uint8_t *bytes; /* from SOC on, in the job's arena */
    size_t len;
    size_t cut_at;        /* Psot of the tile-part that goes beyond the end; 0 = none */
    bool is_irreversible; /* no style says 5-3, or one says 9-7 */
};

/* Refuses ("codec_dimensions", "codec_tiles", "codec_precision") what differs from the
 * shape, and ("codec_tiles", "codec_packets") what takes more memory or time than any
 * picture of that shape. */
MUST_CHECK bool codec_jpeg_2000_open(const struct codec_job *job,
                                     struct codec_jpeg_2000 *stream, struct err *err);
/* For a second, less strict try at a stream that was cut: the library would take as much
 * memory as the last tile-part says it has. 0 is "up to the end" (A.4.2). */
void codec_jpeg_2000_mend(struct codec_jpeg_2000 *stream);
