// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/: what is asked of the gateway over HTTP. Studies that are posted
 * (docs/specs/stow.md), and, on loopback, how the gateway is: /healthz and /metrics. */

#include "gateway/stow/stow.h"

struct loop;
struct workers;

/* As the configuration says. */
struct gateway_web_settings {
    const char *address; /* NULL = nothing is posted */
    uint16_t port;
    struct stow_caller callers[STOW_CALLERS_MAX];
    size_t caller_count;
    const char *certificate; /* NULL = plain, loopback only */
    const char *key;
    const char *authority;
    int requests_max;
    int requests_per_caller_max;
    int instance_mb_max;
    int request_mb_max;
    int body_deadline_ms;        /* within which 256 KiB of a body come; 0 = a minute */
    const char *metrics_address; /* loopback; NULL = none */
    uint16_t metrics_port;
};

struct gateway_web_config {
    struct loop *loop;
    struct workers *workers;
    const struct gateway_web_settings *settings; /* outlives it */
    struct instances *instances;                 /* NULL when nothing is posted */
    const struct log *log;
    /* What keeps it from its work, a word for whoever looks; NULL when nothing does. */
    const char *(*find_fault)(void *context);
    void (*put_meters)(void *context, struct buf *out);
    void *context;
};

struct gateway_web; /* *owned* */
/* ERR_* of tls_server_open and http_server_open. */
MUST_CHECK struct gateway_web *gateway_web_open(const struct gateway_web_config *config,
                                                struct err *err);
uint16_t gateway_web_port(const struct gateway_web *web);
uint16_t gateway_web_metrics_port(const struct gateway_web *web);
/* Nothing comes in any more; after loop_run, before workers_free. */
void gateway_web_stop(struct gateway_web *web);
/* After loop_free. */
void gateway_web_close(struct gateway_web *web);
