// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/: its configuration. */

#include "base/secret.h"
#include "formats/uplink/uplink.h"
#include "gateway/answer/answer.h"
#include "gateway/collect/collect.h"
#include "gateway/gateway_dicom.h"
#include "gateway/gateway_web.h"
#include "gateway/study/study.h"
#include "wire/tunnel/tunnel.h"

/* Of the folder of what was received; no other folder of images has it. */
#define GATEWAY_RECEIVED_LABEL "received"

enum { GATEWAY_CENTRES_MAX = ANSWER_LINES_MAX };

/* One address of the centre: each of its processes has its own. */
struct gateway_centre {
    const char *host;
    uint16_t port;
};

struct gateway_config {
    struct text facility_code; /* 10 digits */
    struct text facility_name;
    struct text node; /* name of its audit series */
    const char *data; /* directory for database and audit */
    struct collect_root roots[COLLECT_ROOTS_MAX];
    size_t root_count;
    const char *transactions[COLLECT_TRANSACTIONS_MAX];
    size_t transaction_count;
    struct study_root images[STUDY_ROOTS_MAX]; /* folders of DICOM files */
    size_t image_count;
    int image_sweep_ms;
    const char *rows_connection; /* file; NULL = no index database */
    int rows_period_ms;
    int rows_timeout_s;
    struct gateway_centre centres[GATEWAY_CENTRES_MAX];
    size_t centre_count;
    struct tunnel_proxy proxy; /* host NULL = none */
    const char *certificate;
    const char *key;
    const char *authority;
    struct secret_public_key grant_key;
    const char *policy_file;
    struct text policy_json; /* as of the start */
    struct uplink_policy policy;
    struct index_limits limits;
    int sweep_ms;
    int full_sweep_ms;
    int second_look_ms;
    int recent_days;
    int watches_max;
    bool asks_marks; /* fanotify */
    struct gateway_dicom_settings dicom;
    struct gateway_web_settings web;
    int poll_ms;
};

/* Texts and names live in the arena. ERR_SYNTAX config_*, those of the files. */
MUST_CHECK bool gateway_read_config(const char *file, struct arena *arena,
                                    struct gateway_config *config, struct err *err);
