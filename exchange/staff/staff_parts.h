// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/staff. */

#include "exchange/staff/staff.h"

enum { STAFF_ROMAJI_BYTES = 128 };

/* Lower case, with NUL; false when it is no login. */
MUST_CHECK bool staff_fold_login(struct text login, char folded[STAFF_LOGIN_MAX + 1]);

/* Hepburn letters of folded katakana, long vowels left out, for refusing one's own name
 * as a password; empty when something is not katakana. */
void staff_romaji(struct text katakana, char out[STAFF_ROMAJI_BYTES]);
