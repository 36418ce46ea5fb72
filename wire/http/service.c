// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "wire/http/call.h"

enum { HTTP_LABELS_BYTES = 200 };

struct http_limits http_default_limits(void)
{
    return (struct http_limits){.head_max_bytes = 16 * 1024,
                                .headers_max = 64,
                                .arena_max_bytes = 16 * 1024 * 1024,
                                .connections_max = 1024,
                                .connections_per_address_max = 256,
                                .head_deadline_ms = 10 * 1000,
                                .body_deadline_ms = 60 * 1000,
                                .idle_deadline_ms = 75 * 1000,
                                .stream_stall_ms = 30 * 1000};
}

struct http_service *http_service_new(const struct http_service_config *config,
                                      struct err *err)
{
    struct http_service *service = memory_new(1, sizeof *service, err);
    if (!service)
        return NULL;
    service->loop = config->loop;
    service->workers = config->workers;
    service->router = config->router;
    service->limits = config->limits;
    service->log = config->log;
    service->hosts = config->hosts;
    service->has_loopback_hosts_only = config->has_loopback_hosts_only;
    service->clock = config->log ? config->log->clock : clock_system();
    service->rand = rand_system();
    service->meter_count = HTTP_METER_ROUTES + http_router_count(config->router);
    service->meters =
        memory_new((size_t)service->meter_count, sizeof *service->meters, err);
    if (!service->meters) {
        memory_free(service);
        return NULL;
    }
    atomic_store(&service->references, 1);
    return service;
}

void http_service_release(struct http_service *service)
{
    if (atomic_fetch_sub(&service->references, 1) != 1)
        return;
    memory_free(service->meters);
    memory_free(service);
}

void http_service_free(struct http_service *service)
{
    if (service)
        http_service_release(service);
}

const struct http_limits *http_service_limits(const struct http_service *service)
{
    return &service->limits;
}

struct loop *http_service_loop(const struct http_service *service)
{
    return service->loop;
}

/* ---- Host (RFC 9110 7.2) ---- */

static bool is_name(struct span name, const char *expected)
{
    return name.len == strlen(expected) && name.len > 0 &&
           strncasecmp((const char *)name.at, expected, name.len) == 0;
}

static bool ends_in_localhost(struct span name)
{
    static const char ending[] = ".localhost";
    size_t len = sizeof ending - 1;
    return name.len > len && is_name(span_part(name, name.len - len, len), ending);
}

/* Without ":port"; empty when it is no host at all. */
static struct span without_port(struct span host)
{
    struct span name = host, port = {0};
    bool is_bracketed = host.len > 0 && host.at[0] == '[';
    const uint8_t *end =
        is_bracketed ? memchr(host.at, ']', host.len) : memchr(host.at, ':', host.len);
    if (end) {
        size_t len = (size_t)(end - host.at) + (is_bracketed ? 1 : 0);
        name = span_part(host, 0, len);
        port = span_part(host, len, host.len);
    } else if (is_bracketed) {
        return span_of(NULL, 0);
    }
    uint64_t number = 0;
    if (port.len > 0 &&
        (port.at[0] != ':' || !span_uint(span_part(port, 1, port.len), 65535, &number)))
        return span_of(NULL, 0);
    return name;
}

static bool has_host_characters(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || strchr("-._:[]", c);
        if (!is_fine || c == 0)
            return false;
    }
    return name.len > 0;
}

bool http_host_is_valid(struct span host)
{
    return host.len > 0 && has_host_characters(without_port(host));
}

bool http_host_is_ours(const struct http_service *service, struct span host)
{
    struct span name = without_port(host);
    if (!service->hosts && !service->has_loopback_hosts_only)
        return true;
    for (size_t i = 0; service->hosts && service->hosts[i]; i++)
        if (is_name(name, service->hosts[i]))
            return true;
    return service->has_loopback_hosts_only &&
           (is_name(name, "localhost") || ends_in_localhost(name) ||
            is_name(name, "127.0.0.1") || is_name(name, "[::1]"));
}

/* ---- what an operator is told ---- */

static void put_labels(const struct http_service *service, int index,
                       char labels[HTTP_LABELS_BYTES])
{
    static const char *const words[] = {
        [HTTP_METER_FILES] = "static", [HTTP_METER_NONE] = "none"};
    if (index < HTTP_METER_ROUTES) {
        snprintf(labels, HTTP_LABELS_BYTES, "method=\"\",route=\"%s\"", words[index]);
        return;
    }
    const struct http_route *route =
        http_router_at(service->router, index - HTTP_METER_ROUTES)->route;
    snprintf(labels, HTTP_LABELS_BYTES, "method=\"%s\",route=\"%.120s\"",
             http_method_name(route->method), route->path);
}

static uint64_t count_answers(struct http_meter *meter)
{
    uint64_t count = 0;
    for (size_t i = 0; i < 6; i++)
        count += atomic_load(&meter->answers[i]);
    return count;
}

static void put_answers(const struct http_service *service, struct buf *out)
{
    static const char *const classes[] = {"left", "1xx", "2xx", "3xx", "4xx", "5xx"};
    meter_put_head(out, "tsumugi_http_requests_total", "counter",
                   "Requests by route and class of the answer's status.");
    for (int i = 0; i < service->meter_count; i++)
        for (size_t c = 0; c < 6; c++) {
            uint64_t count = atomic_load(&service->meters[i].answers[c]);
            char labels[HTTP_LABELS_BYTES], all[HTTP_LABELS_BYTES + 32];
            if (count == 0)
                continue;
            put_labels(service, i, labels);
            snprintf(all, sizeof all, "%s,status=\"%s\"", labels, classes[c]);
            meter_put(out, "tsumugi_http_requests_total", all, (int64_t)count);
        }
}

void http_service_put_meters(struct http_service *service, struct buf *out)
{
    put_answers(service, out);
    meter_put_head(out, "tsumugi_http_request_seconds", "histogram",
                   "From the head of a request to the end of its answer.");
    for (int i = 0; i < service->meter_count; i++) {
        char labels[HTTP_LABELS_BYTES];
        if (count_answers(&service->meters[i]) == 0)
            continue;
        put_labels(service, i, labels);
        meter_put_duration(out, "tsumugi_http_request_seconds", labels,
                           &service->meters[i].took);
    }
    meter_put_head(out, "tsumugi_http_streams", "gauge", "Streams open now.");
    meter_put(out, "tsumugi_http_streams", "", atomic_load(&service->stream_count));
}
