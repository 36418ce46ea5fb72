// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DICOMweb under the gate (DICOM PS3.18: QIDO-RS in 10.6, WADO-RS in 10.4), for programs
 * that hold a session: a person's studies, series and instances, their metadata, files,
 * frames, rendered pictures and thumbnails, below /dicom-web/persons/{person}.
 *
 * A study is an entry: it is opened by the same decision and audit rows as openEntry,
 * once for a session, and found again while that opening lasts. What is not this
 * person's, not released or not there is not_found. The gateway of the facility that
 * keeps it reads and decodes; here UIDs become places in its list, and nothing but lists
 * is remembered.
 *
 * Left out: STOW-RS (hospitals store at their gateways), queries across persons, XML,
 * transcoding: files go out in the syntax they have, frames as values (little endian),
 * pictures as JPEG. docs/specs/dicomweb.md has the whole of it.
 *
 * Errors: those of openings, of the gate and of fetches; ERR_SYNTAX query_invalid,
 * frame_invalid; not_acceptable (406); ERR_REFUSED origin_foreign. */

#include "base/clock.h"
#include "base/err.h"
#include "base/rand.h"

struct content_service;
struct disclosure;
struct http_router;
struct opening_table;
struct session_service;
struct store;

struct dicomweb_config {
    struct store *store;
    struct session_service *sessions;
    struct disclosure *gate;
    struct opening_table *openings;
    struct content_service *contents;
    struct clock clock;
    struct rand rand;
};
struct dicomweb_service; /* *owned* by server */
MUST_CHECK struct dicomweb_service *dicomweb_new(const struct dicomweb_config *config,
                                                 struct err *err);
/* After content_free, whose last fetches use it. */
void dicomweb_free(struct dicomweb_service *service);

/* Routes: searchStudies, searchSeries, searchInstances, retrieveStudy … */
void dicomweb_routes(struct http_router *router, struct dicomweb_service *service);
