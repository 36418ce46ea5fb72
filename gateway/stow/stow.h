// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Studies that hospital systems post (STOW-RS, DICOM PS3.18 2024c 10.5) into the store of
 * what is received (gateway/instances), beside C-STORE: POST /dicom-web/studies and
 * /dicom-web/studies/{study}, multipart/related of application/dicom.
 *
 * A part goes to the disk as it comes; of each at most 192 KiB are held, until its file
 * meta information and its study are known. Answered when everything that is told as
 * stored is on the disk. Not here: metadata with bulk data apart (application/dicom+json,
 * +xml), single-part requests, retrieving.
 *
 * Who may come is a list: the address lies in one of the caller's networks, and its
 * certificate is the caller's when one is named. Everything sent is hostile. */

#include "base/log.h"
#include "base/meter.h"
#include "gateway/instances/instances.h"
#include "wire/dimse/dimse.h"

struct http_router;

enum { STOW_CALLERS_MAX = 64 };

struct stow_caller {
    const char *name;
    struct dimse_network networks[DIMSE_NETWORKS_MAX];
    size_t network_count;
    const char *certificate; /* SHA-256, 64 hex digits; NULL = any that is trusted */
};

struct stow_config {
    struct instances *instances;
    const struct stow_caller *callers; /* kept by address */
    size_t caller_count;
    int requests_max;
    int requests_per_caller_max;
    uint64_t instance_bytes_max;
    uint64_t request_bytes_max;
    const struct log *log;
};

struct stow; /* *owned* */
MUST_CHECK struct stow *stow_new(const struct stow_config *config, struct err *err);
void stow_routes(struct http_router *router, struct stow *stow);
/* From any thread. */
void stow_put_meters(struct stow *stow, struct buf *out);
/* Lets go of what is half there; after loop_run has returned, before instances_close. */
void stow_stop(struct stow *stow);
/* After loop_free, with which the last request ends. */
void stow_free(struct stow *stow);
