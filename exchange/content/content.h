// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Opening one entry (architecture, "Opening an entry"): the gate decides once, then its
 * content and its original are fetched from the facility that keeps them, through its
 * gateway, under a signed grant, and are not kept here.
 *
 * Content comes as the gateway's JSON and is written anew, bounded and validated. The
 * original is passed on byte by byte with back-pressure; the permission is asked at every
 * piece, and when it ends the download is cut so that the receiver can tell.
 *
 * Not here: rendering of images and waveforms, files kept at the centre.
 * Errors: those of the gate and of openings; ERR_BUSY gateway_away, gateway_silent,
 * gateway_cut, gateway_refused; ERR_REFUSED with the gateway's own reason. */

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

struct facility_gateways;
struct http_router;
struct opening_table;
struct session_service;
struct store;
struct workers;

enum {
    CONTENT_FIRST_BYTE_MS = 3000,
    CONTENT_ITEMS_MAX = 2000,
    CONTENT_FIELDS_MAX = 64, /* of one item */
    CONTENT_TEXT_MAX = 8192,
    CONTENT_WARNINGS_MAX = 200,
    CONTENT_BYTES_MAX = 4 << 20
};

struct content_config {
    struct store *store;
    struct session_service *sessions;
    struct disclosure *gate;
    struct opening_table *openings;
    struct facility_gateways *gateways;
    const struct secret_signing_key *signing_key; /* the centre's; outlives the service */
    struct clock clock;
    const struct log *log;
};
struct content_service; /* *owned* by server */
MUST_CHECK struct content_service *content_new(const struct content_config *config,
                                               struct err *err);
/* Has the permission of every running download asked again, also of those that stand
 * still because their browser takes nothing, and passes on the little that a gateway that
 * stalls has sent. At least every 500 ms; only leaves word. */
void content_look_again(struct content_service *service);
/* After http_server_close and tunnel_hub_close: finishes what is under way and joins its
 * workers. */
void content_stop(struct content_service *service);
/* After loop_free, which ends the last streams, and before opening_table_free. */
void content_free(struct content_service *service);

/* Routes: openEntry, getContent, getOriginal. */
void content_routes(struct http_router *router, struct content_service *service);
