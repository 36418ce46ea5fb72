// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_web.h"

#include "base/memory.h"
#include "wire/http/http.h"
#include "wire/tls/tls.h"

enum { MEGABYTE_BITS = 20, METRICS_BYTES_MAX = 256 * 1024, CONNECTIONS_PER_REQUEST = 4 };

struct gateway_web {
    struct gateway_web_config config;
    struct tls_context *tls;
    struct stow *stow;
    struct http_router *router;
    struct http_server *server;
    struct http_router *metrics_router;
    struct http_server *metrics_server;
};

/* ---- how the gateway is ---- */

static void answer_health(struct http_call *call, void *context)
{
    const struct gateway_web *web = context;
    const char *fault = web->config.find_fault(web->config.context);
    CLEANUP(buf_free) struct buf out = buf_init(256);
    buf_format(&out, "%s\n", fault ? fault : "ok");
    http_answer(call, fault ? 503 : 200, "text/plain", buf_view(&out));
}

static void answer_metrics(struct http_call *call, void *context)
{
    const struct gateway_web *web = context;
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(METRICS_BYTES_MAX);
    web->config.put_meters(web->config.context, &out);
    if (web->stow)
        stow_put_meters(web->stow, &out);
    if (web->server)
        http_server_put_meters(web->server, &out);
    if (buf_check(&out, &err))
        http_answer(call, 200, "text/plain; version=0.0.4", buf_view(&out));
    else
        http_answer_problem(call, &err);
}

/* Plain, which only a loopback address may be. */
static bool open_metrics(struct gateway_web *web, struct err *err)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/healthz", answer_health, 0},
        {HTTP_GET, "/metrics", answer_metrics, 0},
    };
    const struct gateway_web_config *config = &web->config;
    struct http_server_config http = {.loop = config->loop,
                                      .workers = config->workers,
                                      .router = web->metrics_router,
                                      .address = config->settings->metrics_address,
                                      .port = config->settings->metrics_port,
                                      .limits = http_default_limits(),
                                      .log = config->log};
    if (!http.address)
        return true;
    http_router_add(web->metrics_router, routes, sizeof routes / sizeof *routes, web);
    web->metrics_server = http_server_open(&http, err);
    return web->metrics_server != NULL;
}

/* ---- what is posted ---- */

static bool open_tls(struct gateway_web *web, struct err *err)
{
    const struct gateway_web_settings *settings = web->config.settings;
    struct tls_files files = {settings->certificate, settings->key, settings->authority};
    if (!settings->certificate)
        return true;
    web->tls = tls_server_open(&files, true, NULL, err);
    return web->tls != NULL;
}

static bool open_stow(struct gateway_web *web, struct err *err)
{
    const struct gateway_web_config *config = &web->config;
    const struct gateway_web_settings *settings = config->settings;
    struct stow_config stow = {
        .instances = config->instances,
        .callers = settings->callers,
        .caller_count = settings->caller_count,
        .requests_max = settings->requests_max,
        .requests_per_caller_max = settings->requests_per_caller_max,
        .instance_bytes_max = (uint64_t)settings->instance_mb_max << MEGABYTE_BITS,
        .request_bytes_max = (uint64_t)settings->request_mb_max << MEGABYTE_BITS,
        .log = config->log};
    struct http_server_config http = {.loop = config->loop,
                                      .workers = config->workers,
                                      .router = web->router,
                                      .address = settings->address,
                                      .port = settings->port,
                                      .limits = http_default_limits(),
                                      .log = config->log};
    if (!settings->address)
        return true;
    if (settings->body_deadline_ms > 0)
        http.limits.body_deadline_ms = settings->body_deadline_ms;
    http.limits.connections_max = CONNECTIONS_PER_REQUEST * settings->requests_max;
    http.limits.connections_per_address_max =
        CONNECTIONS_PER_REQUEST * settings->requests_per_caller_max;
    web->stow = open_tls(web, err) ? stow_new(&stow, err) : NULL;
    if (!web->stow)
        return false;
    http.tls = web->tls;
    stow_routes(web->router, web->stow);
    web->server = http_server_open(&http, err);
    return web->server != NULL;
}

struct gateway_web *gateway_web_open(const struct gateway_web_config *config,
                                     struct err *err)
{
    struct gateway_web *web = memory_new(1, sizeof *web, err);
    if (!web)
        return NULL;
    web->config = *config;
    web->router = http_router_new();
    web->metrics_router = http_router_new();
    if (!open_stow(web, err) || !open_metrics(web, err)) {
        gateway_web_stop(web);
        gateway_web_close(web);
        return NULL;
    }
    return web;
}

uint16_t gateway_web_port(const struct gateway_web *web)
{
    return http_server_port(web->server);
}

uint16_t gateway_web_metrics_port(const struct gateway_web *web)
{
    return http_server_port(web->metrics_server);
}

void gateway_web_stop(struct gateway_web *web)
{
    if (!web)
        return;
    http_server_close(web->server);
    http_server_close(web->metrics_server);
    web->server = web->metrics_server = NULL;
    stow_stop(web->stow);
}

void gateway_web_close(struct gateway_web *web)
{
    if (!web)
        return;
    stow_free(web->stow);
    http_router_free(web->router);
    http_router_free(web->metrics_router);
    tls_context_free(web->tls);
    memory_free(web);
}
