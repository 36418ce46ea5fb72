// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A study's images under its entry's opening: what belongs to it, its frames, files,
 * documents and reports, each passed through from the gateway of the facility that keeps
 * them (exchange/content fetches); decoded there, and nothing of it is kept here.
 *
 * Everything a gateway says is checked before a browser gets it: the study is read,
 * bounded and written anew, a preview begins as JPEG does, types are exactly the expected
 * ones, whether values were lost is said. Frames and files are counted in the opening's
 * finish row; there are no further decisions.
 *
 * Series, instances and frames are named by their places from 0, never by a name.
 * Not here: decoding, waveforms' samples. Errors: those of a fetch; ERR_SYNTAX
 * frame_invalid. */

#include "base/err.h"

struct content_service;
struct http_router;

enum {
    IMAGE_SERIES_MAX = 500,
    IMAGE_INSTANCES_MAX = 20000, /* of a study */
    IMAGE_FRAMES_MAX = 1000000,  /* of an instance */
    IMAGE_TEXT_MAX = 1024,
    IMAGE_STUDY_BYTES_MAX = 32 << 20, /* 1.6 kB for each of so many instances */
    IMAGE_PREVIEW_BYTES_MAX = 4 << 20,
    IMAGE_RAW_BYTES_MAX = 256 << 20,
    IMAGE_DOCUMENT_BYTES_MAX = 64 << 20,
    IMAGE_WAVE_BYTES_MAX = 16 << 20,
    IMAGE_WAVE_GROUPS_MAX = 4096,
    IMAGE_WAVE_COLUMNS_MAX = 8192
};

struct image_service; /* *owned* by server */
MUST_CHECK struct image_service *image_new(struct content_service *contents,
                                           struct err *err);
/* After content_free, whose last fetches use it. */
void image_free(struct image_service *service);

/* Routes: getStudy, getFrame, getInstance, getDocument, getReport, getWaveform,
 * downloadStudy. */
void image_routes(struct http_router *router, struct image_service *service);
