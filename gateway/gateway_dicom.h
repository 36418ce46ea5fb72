// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/: the store of what is received and, when it has an address, the
 * DICOM listener (docs/specs/dimse.md) over it. */

#include "gateway/instances/instances.h"
#include "wire/dimse/dimse.h"

/* As the configuration says. */
struct gateway_dicom_settings {
    const char *address; /* NULL = no DICOM */
    uint16_t port;
    const char *title;
    struct dimse_peer peers[DIMSE_PEERS_MAX];
    size_t peer_count;
    const char *certificate; /* NULL = plain, loopback only */
    const char *key;
    const char *authority;
    int associations_max;
    int associations_per_peer_max;
    int instance_mb_max;
    int reserve_mb;
};

struct gateway_dicom_config {
    struct loop *loop;
    struct workers *workers;
    const struct gateway_dicom_settings *settings; /* outlives it */
    const char *directory;
    const struct log *log;
    void (*kept)(void *context, const struct instances_kept *kept); /* or NULL */
    void *context;
};

struct gateway_dicom; /* *owned* */
/* ERR_* of tls_server_open, instances_open and dimse_open. */
MUST_CHECK struct gateway_dicom *
gateway_dicom_open(const struct gateway_dicom_config *config, struct err *err);
uint16_t gateway_dicom_port(const struct gateway_dicom *dicom);
struct instances *gateway_dicom_instances(const struct gateway_dicom *dicom);
void gateway_dicom_put_meters(const struct gateway_dicom *dicom, struct buf *out);
/* Nothing comes in any more; on the loop's thread or after loop_run, before
 * workers_free. */
void gateway_dicom_stop(struct gateway_dicom *dicom);
/* After workers_free, before loop_free. */
void gateway_dicom_close(struct gateway_dicom *dicom);
