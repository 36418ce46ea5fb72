// SPDX-License-Identifier: Apache-2.0
/* Bodies that are handed on as they come. */
#include "wire/http/call.h"
#include "wire/loop/loop.h"

void http_intake_begin(struct http_call *call)
{
    const char *code = "intake_refused";
    if (!call->plug->resumed) {
        http_call_refuse(call, 505, "http_version");
        return;
    }
    int status =
        call->entry->intake->begin(call, call->entry->context, &call->intake, &code);
    call->has_intake = status == 0;
    if (status != 0)
        http_call_refuse(call, status, code);
}

bool http_intake_write(struct http_call *call, struct span bytes)
{
    const char *code = "intake_refused";
    bool is_full = false;
    int status = call->entry->intake->write(call->intake, bytes, &is_full, &code);
    call->is_paused = call->is_paused || is_full;
    if (status != 0)
        http_call_refuse(call, status, code);
    return status == 0;
}

void http_intake_drop(struct http_call *call)
{
    if (!call->has_intake)
        return;
    call->has_intake = false;
    call->entry->intake->dropped(call->intake);
}

bool http_call_has_intake(const struct http_call *call)
{
    return call->has_intake;
}

bool http_call_is_paused(const struct http_call *call)
{
    return call->is_paused;
}

void *http_intake_self(const struct http_call *call)
{
    return call->intake;
}

static void resume_later(void *context)
{
    struct http_call *call = context;
    call->is_paused = false;
    if (call->exchange && http_call_takes_body(call))
        call->plug->resumed(call->exchange);
    http_call_release(call);
}

void http_intake_resume(struct http_call *call)
{
    http_call_hold(call);
    loop_post(call->service->loop, resume_later, call);
}

void http_intake_hold(struct http_call *call)
{
    http_call_hold(call);
}

void http_intake_release(struct http_call *call)
{
    http_call_release(call);
}
