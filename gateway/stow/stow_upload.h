// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/stow: one request on its way. */

#include "gateway/stow/stow_parts.h"

/* For any study, and for the one that the route names. */
extern const struct http_intake stow_upload_any;
extern const struct http_intake stow_upload_study;
/* All of the body came. */
void stow_upload_complete(struct http_call *call, void *stow);

/* ---- stow.c ---- */
int stow_find_caller(const struct stow *stow, const struct http_call *call);
bool stow_enter(struct stow *stow, int caller);
void stow_leave(struct stow *stow, int caller);
void stow_note_refused(struct stow *stow, const char *code, int caller);
