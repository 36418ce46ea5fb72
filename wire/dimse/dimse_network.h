// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/dimse. */

#include "wire/dimse/dimse.h"

/* A numeric address in one of the peer's networks. */
bool dimse_peer_has(const struct dimse_peer *peer, const char *address);
