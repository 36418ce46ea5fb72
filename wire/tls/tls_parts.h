// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/tls. */

#include <openssl/asn1.h>

#include "wire/tls/tls.h"

/* UTC. */
MUST_CHECK bool tls_time_read(const ASN1_TIME *time, int64_t *ms);
