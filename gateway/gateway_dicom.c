// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_dicom.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/commitments/commitments.h"
#include "wire/tls/tls.h"

enum { STORE_WORKERS = 4, REPORT_RETRY_MS = 60000, MEGABYTE_BITS = 20 };
/* A modality that was off over a long weekend still hears it. */
static const int64_t report_age_ms = (int64_t)5 * 24 * 3600 * 1000;

struct gateway_dicom {
    struct gateway_dicom_config config;
    struct tls_context *tls;
    struct tls_context *report_tls;
    struct instances *instances;
    struct commitments *commitments;
    struct dimse_server *server;
};

/* One instance between the association and the store. */
struct transfer {
    struct dimse_ticket *ticket;
    struct instances_intake *intake;
};

static void resume(void *context)
{
    struct transfer *transfer = context;
    dimse_resume(transfer->ticket);
}

static uint16_t status_of(enum instances_result result)
{
    switch (result) {
    case INSTANCES_KEPT:
    case INSTANCES_SAME:
    case INSTANCES_NEWER:
        return DIMSE_SUCCESS;
    case INSTANCES_FULL:
        return DIMSE_OUT_OF_RESOURCES;
    case INSTANCES_FAILED:
    case INSTANCES_ABANDONED:
        break;
    }
    return DIMSE_PROCESSING_FAILED;
}

static void done(void *context, enum instances_result result)
{
    struct transfer *transfer = context;
    if (result == INSTANCES_ABANDONED)
        dimse_drop(transfer->ticket);
    else
        dimse_answer(transfer->ticket, status_of(result));
    memory_free(transfer);
}

static const struct instances_events events = {resume, done};

static void *begin(void *context, const struct dimse_instance *instance,
                   struct dimse_ticket *ticket, uint16_t *status)
{
    struct gateway_dicom *dicom = context;
    struct err err = {0};
    struct instances_what what = {instance->sop_class, instance->sop_instance,
                                  instance->syntax, instance->calling};
    struct transfer *transfer = memory_new(1, sizeof *transfer, &err);
    *status = DIMSE_OUT_OF_RESOURCES;
    if (!transfer)
        return NULL;
    transfer->ticket = ticket;
    transfer->intake = instances_begin(dicom->instances, &what, &events, transfer, &err);
    if (transfer->intake)
        return transfer;
    log_err(dicom->config.log, "dicom_store", &err);
    memory_free(transfer);
    return NULL;
}

static bool write_on(void *context, struct span bytes)
{
    struct transfer *transfer = context;
    return instances_write(transfer->intake, bytes);
}

static void commit(void *context)
{
    struct transfer *transfer = context;
    instances_commit(transfer->intake);
}

static void abandon(void *context)
{
    struct transfer *transfer = context;
    instances_abandon(transfer->intake);
}

static uint16_t ask(void *context, const char *sop_class, const char *sop_instance)
{
    struct gateway_dicom *dicom = context;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    (void)sop_class;
    if (instances_find(dicom->instances, sop_instance, path, &err))
        return DIMSE_SUCCESS;
    return err.kind == ERR_MISSING ? DIMSE_NO_SUCH_INSTANCE : DIMSE_PROCESSING_FAILED;
}

static bool keep(void *context, const struct dimse_due *due, uint64_t *number,
                 struct err *err)
{
    struct gateway_dicom *dicom = context;
    struct commitments_due kept = {0, due->calling, due->since_ms, due->set};
    return commitments_keep(dicom->commitments, &kept, number, err);
}

static void forget(void *context, uint64_t number)
{
    struct gateway_dicom *dicom = context;
    commitments_forget(dicom->commitments, number);
}

static const struct dimse_sink sink = {.begin = begin,
                                       .write = write_on,
                                       .commit = commit,
                                       .abandon = abandon,
                                       .keep = keep,
                                       .forget = forget,
                                       .ask = ask};

/* What an earlier process promised. */
static void owe(void *context, const struct commitments_due *kept)
{
    struct gateway_dicom *dicom = context;
    struct err err = {0};
    struct dimse_due due = {kept->number, kept->title, kept->since_ms, kept->set};
    if (dimse_owe(dicom->server, &due, &err))
        return;
    log_err(dicom->config.log, "dicom_commitment", &err);
    commitments_forget(dicom->commitments, kept->number);
}

/* Beside what is received: nothing that looks for instances goes there. */
static bool open_commitments(struct gateway_dicom *dicom, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    int len = snprintf(path, sizeof path, "%s/.commitments", dicom->config.directory);
    if (len < 0 || (size_t)len >= sizeof path)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    dicom->commitments = commitments_open(path, rand_system(), dicom->config.log, err);
    return dicom->commitments != NULL;
}

static bool open_tls(struct gateway_dicom *dicom, struct err *err)
{
    const struct gateway_dicom_settings *settings = dicom->config.settings;
    struct tls_files files = {settings->certificate, settings->key, settings->authority};
    if (!settings->certificate)
        return true;
    dicom->tls = tls_server_open(&files, true, NULL, err);
    dicom->report_tls = dicom->tls ? tls_client_open(&files, NULL, err) : NULL;
    return dicom->report_tls != NULL;
}

static bool start(struct gateway_dicom *dicom, struct err *err)
{
    const struct gateway_dicom_config *config = &dicom->config;
    const struct gateway_dicom_settings *settings = config->settings;
    struct instances_config store = {.directory = config->directory,
                                     .reserve_bytes = (uint64_t)settings->reserve_mb
                                                      << MEGABYTE_BITS,
                                     .workers = STORE_WORKERS,
                                     .rand = rand_system(),
                                     .log = config->log,
                                     .kept = config->kept,
                                     .context = config->context};
    struct dimse_config dimse = {.loop = config->loop,
                                 .workers = config->workers,
                                 .address = settings->address,
                                 .port = settings->port,
                                 .title = settings->title,
                                 .peers = settings->peers,
                                 .peer_count = settings->peer_count,
                                 .sink = &sink,
                                 .context = dicom,
                                 .limits = dimse_default_limits(),
                                 .report_retry_ms = REPORT_RETRY_MS,
                                 .report_age_ms = report_age_ms,
                                 .log = config->log};
    dimse.limits.associations_max = settings->associations_max;
    dimse.limits.associations_per_peer_max = settings->associations_per_peer_max;
    dimse.limits.connections_max = 4 * settings->associations_max;
    dimse.limits.instance_bytes_max = (uint64_t)settings->instance_mb_max
                                      << MEGABYTE_BITS;
    if (!open_tls(dicom, err))
        return false;
    dimse.tls = dicom->tls;
    dimse.report_tls = dicom->report_tls;
    dicom->instances = instances_open(&store, err);
    if (!dicom->instances || !settings->address)
        return dicom->instances != NULL;
    if (!open_commitments(dicom, err))
        return false;
    dicom->server = dimse_open(&dimse, err);
    return dicom->server && commitments_walk(dicom->commitments, owe, dicom, err);
}

struct gateway_dicom *gateway_dicom_open(const struct gateway_dicom_config *config,
                                         struct err *err)
{
    struct gateway_dicom *dicom = memory_new(1, sizeof *dicom, err);
    if (!dicom)
        return NULL;
    dicom->config = *config;
    if (!start(dicom, err)) {
        gateway_dicom_close(dicom);
        return NULL;
    }
    return dicom;
}

uint16_t gateway_dicom_port(const struct gateway_dicom *dicom)
{
    return dimse_port(dicom->server);
}

struct instances *gateway_dicom_instances(const struct gateway_dicom *dicom)
{
    return dicom->instances;
}

void gateway_dicom_put_meters(const struct gateway_dicom *dicom, struct buf *out)
{
    if (dicom->server)
        dimse_put_meters(dicom->server, out);
}

void gateway_dicom_stop(struct gateway_dicom *dicom)
{
    if (!dicom)
        return;
    dimse_close(dicom->server);
    dicom->server = NULL;
}

void gateway_dicom_close(struct gateway_dicom *dicom)
{
    if (!dicom)
        return;
    gateway_dicom_stop(dicom);
    instances_close(dicom->instances);
    commitments_close(dicom->commitments);
    tls_context_free(dicom->report_tls);
    tls_context_free(dicom->tls);
    memory_free(dicom);
}
