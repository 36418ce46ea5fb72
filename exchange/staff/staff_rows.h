// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/staff: rows of accounts and passwords. Errors are the store's. */

#include "base/secret.h"
#include "exchange/staff/staff.h"

enum { STAFF_OLD_PASSWORDS = 24 };

struct staff_account {
    struct id id;
    bool is_disabled;
    struct staff_lock lock;
    enum staff_password password;
    char encoded[SECRET_PASSWORD_HASH_BYTES];
};

MUST_CHECK bool staff_find_account(struct store_session *session, const char *login,
                                   struct staff_account *account, bool *is_found,
                                   struct err *err);
MUST_CHECK bool staff_read_lock(struct store_session *session, struct id staff,
                                struct staff_lock *lock, bool *is_disabled,
                                struct err *err);
MUST_CHECK bool staff_write_lock(struct store_session *session, struct id staff,
                                 const struct staff_lock *lock, struct err *err);
MUST_CHECK bool staff_count_stranger(struct store_session *session, struct err *err);
MUST_CHECK bool staff_add_password(struct store_session *session, struct id staff,
                                   const char *encoded, enum staff_password password,
                                   int64_t now_ms, struct err *err);
MUST_CHECK bool staff_renew_encoded(struct store_session *session, struct id staff,
                                    const char *encoded, struct err *err);
/* The newest first; `encoded` has room for STAFF_OLD_PASSWORDS. */
MUST_CHECK bool staff_old_passwords(struct store_session *session, struct id staff,
                                    struct arena *arena, struct text *encoded,
                                    size_t *count, struct err *err);
