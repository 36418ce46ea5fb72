// SPDX-License-Identifier: Apache-2.0
/* Who may come, how many at once, and what an operator hears. */
#include "gateway/stow/stow.h"

#include <strings.h>

#include "base/memory.h"
#include "gateway/stow/stow_upload.h"

struct stow *stow_new(const struct stow_config *config, struct err *err)
{
    struct stow *stow = memory_new(1, sizeof *stow, err);
    if (!stow)
        return NULL;
    stow->config = *config;
    pthread_mutex_init(&stow->lock, NULL);
    return stow;
}

void stow_free(struct stow *stow)
{
    if (!stow)
        return;
    pthread_mutex_destroy(&stow->lock);
    memory_free(stow);
}

static bool is_caller(const struct stow_caller *caller, const struct http_call *call)
{
    return dimse_network_has(caller->networks, caller->network_count,
                             http_remote_address(call)) &&
           (!caller->certificate ||
            strcasecmp(caller->certificate, http_peer_fingerprint(call)) == 0);
}

int stow_find_caller(const struct stow *stow, const struct http_call *call)
{
    for (size_t i = 0; i < stow->config.caller_count; i++)
        if (is_caller(&stow->config.callers[i], call))
            return (int)i;
    return -1;
}

bool stow_enter(struct stow *stow, int caller)
{
    bool has_room = atomic_fetch_add(&stow->request_count, 1) < stow->config.requests_max;
    has_room = atomic_fetch_add(&stow->caller_counts[caller], 1) <
                   stow->config.requests_per_caller_max &&
               has_room;
    if (!has_room)
        stow_leave(stow, caller);
    return has_room;
}

void stow_leave(struct stow *stow, int caller)
{
    atomic_fetch_sub(&stow->caller_counts[caller], 1);
    atomic_fetch_sub(&stow->request_count, 1);
}

void stow_note_refused(struct stow *stow, const char *code, int caller)
{
    meter_count(&stow->refused, code);
    LOG(stow->config.log, "stow_refused", LOG_WORD("reason", code),
        LOG_NUMBER("caller", caller));
}

void stow_put_meters(struct stow *stow, struct buf *out)
{
    meter_put_head(out, "tsumugi_stow_requests", "gauge", "Uploads under way.");
    meter_put(out, "tsumugi_stow_requests", "", atomic_load(&stow->request_count));
    meter_put_head(out, "tsumugi_stow_stored", "counter", "Instances told as stored.");
    meter_put(out, "tsumugi_stow_stored", "", (int64_t)stow->stored_count);
    meter_put_head(out, "tsumugi_stow_failed", "counter", "Instances told as failed.");
    meter_put(out, "tsumugi_stow_failed", "", (int64_t)stow->failed_count);
    meter_put_head(out, "tsumugi_stow_bytes", "counter", "Bytes of bodies received.");
    meter_put(out, "tsumugi_stow_bytes", "", (int64_t)stow->byte_count);
    meter_put_head(out, "tsumugi_stow_refused", "counter", "Uploads refused or cut.");
    meter_put_words(out, "tsumugi_stow_refused", "reason", &stow->refused);
}

void stow_routes(struct http_router *router, struct stow *stow)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/dicom-web/studies", stow_upload_complete, 0},
        {HTTP_POST, "/dicom-web/studies/{study}", stow_upload_complete, 0},
    };
    http_router_add_intake(router, &routes[0], &stow_upload_any, stow);
    http_router_add_intake(router, &routes[1], &stow_upload_study, stow);
}
