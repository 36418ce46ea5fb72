// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A frame of a large file: read are its header, the heads of its fragments and the bytes
 * of that frame, so that a film costs what one of its pictures does. */

#include "gateway/frames/frames.h"

/* Nothing was done and the file has to be read whole: it is not large, it cannot be
 * opened by parts, or it is deflated, where no frame has a place. */
bool frames_is_whole(const struct frames_source *source);
/* Appends the job's bytes; `*frame_bytes` are those of the decoded frame. 0: nothing was
 * done, since it is deflated. Besides the errors of
 * reading whole: ERR_LIMIT "file_too_large" when frame and heads are more than 512 MB. */
MUST_CHECK bool frames_prepare_part(const struct frames_source *source, uint32_t frame,
                                    const struct picture_wish *wish, struct buf *request,
                                    size_t *frame_bytes, struct err *err);
