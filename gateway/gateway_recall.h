// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/: what a new index is told of the links there were. */

#include "gateway/index/index.h"

MUST_CHECK bool gateway_recall_links(struct index *index, const char *audit_directory,
                                     const char *node, struct err *err);
