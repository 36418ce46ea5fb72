// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What an administrator of the centre does from the shell, beside a running server or
 * without one: through the domain's own functions, each change between a decision and a
 * finish row in the audit series "<node>-admin". Private to cli/admin.c and its parts.
 *
 * Lists are JSON, one object per line. Passwords are never words of the command line. */

#include "formats/json/json.h"
#include "server/server.h"
#include "store/store.h"

enum { ADMIN_WORDS_MAX = 5000, ADMIN_WORD_BYTES_MAX = 512 };

/* The words behind the action; whoever takes one leaves NULL. */
struct admin_words {
    char **at;
    int count;
};

struct admin {
    struct server_office office;
    struct arena arena;
    struct rand rand;
    int64_t now_ms;
    int32_t today;
    struct admin_words words;
    struct buf out; /* for stdout, once everything went well */
    struct json_writer writer;
};

/* ---- words; ERR_SYNTAX "usage" ---- */
/* The value behind `option`. Absent: an error, or "" left in place. */
MUST_CHECK bool admin_take(struct admin *admin, const char *option, struct text *value,
                           struct err *err);
MUST_CHECK bool admin_take_or(struct admin *admin, const char *option, struct text *value,
                              struct err *err);
MUST_CHECK bool admin_take_day_or(struct admin *admin, const char *option, int32_t *day,
                                  struct err *err);
MUST_CHECK bool admin_take_number_or(struct admin *admin, const char *option, int64_t max,
                                     int64_t *number, struct err *err);
/* The next word that belongs to no option; after the options were taken. */
MUST_CHECK bool admin_next(struct admin *admin, struct text *word, struct err *err);
bool admin_has_more(const struct admin *admin);
MUST_CHECK bool admin_no_more(const struct admin *admin, struct err *err);

/* ---- changes ---- */
struct admin_change {
    const char *action;   /* literal: "facility_add" … */
    struct text object;   /* id, fingerprint or ""  */
    struct text provider; /* facility's code or "" */
    struct text detail;   /* canonical JSON of ours, or "" */
};
/* Decision row, work, finish row. Without audit nothing is done. */
MUST_CHECK bool admin_write(struct admin *admin, const struct admin_change *change,
                            store_work *work, void *context, struct err *err);
/* The same for work that writes by itself. */
typedef bool admin_work(struct admin *admin, void *context, struct err *err);
MUST_CHECK bool admin_do(struct admin *admin, const struct admin_change *change,
                         admin_work *work, void *context, struct err *err);
/* A member or two for the audit: {"key":"value"}. */
MUST_CHECK bool admin_detail(struct admin *admin, const char *key, struct text value,
                             struct text *detail, struct err *err);
void admin_end_line(struct admin *admin);

/* ---- actions ---- */
typedef bool admin_action(struct admin *admin, struct err *err);
admin_action admin_network_found, admin_network_show, admin_network_publish,
    admin_hold_show, admin_hold_begin, admin_hold_confirm, admin_database_upgrade;
admin_action admin_facility_add, admin_facility_change, admin_facility_list,
    admin_facility_policy, admin_gateway_accept, admin_gateway_refuse;
admin_action admin_browser_accept, admin_browser_revoke, admin_browser_list;
admin_action admin_staff_add, admin_staff_post, admin_staff_end_post, admin_staff_disable,
    admin_staff_enable, admin_staff_unlock, admin_staff_password, admin_staff_list;
