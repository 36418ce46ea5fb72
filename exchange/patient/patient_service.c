// SPDX-License-Identifier: Apache-2.0
#include "exchange/patient/patient_service.h"

#include <assert.h>

#include "base/memory.h"

struct patient_service *patient_new(const struct patient_config *config, struct err *err)
{
    struct patient_service *service = memory_new(1, sizeof *service, err);
    if (!service)
        return NULL;
    service->config = *config;
    if (patient_wire_start(service, err))
        return service;
    memory_free(service);
    return NULL;
}

void patient_free(struct patient_service *service)
{
    if (!service)
        return;
    patient_stop(service);
    memory_free(service);
}

void patient_listen(struct patient_service *service,
                    const struct patient_listener *listener)
{
    assert(service->listener_count < PATIENT_LISTENERS_MAX);
    service->listeners[service->listener_count++] = *listener;
}
