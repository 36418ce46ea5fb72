// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/: what a new index is told of the links there were. */

#include "gateway/index/index.h"

struct audit;

struct gateway_recall {
    const char *directory; /* of the audit */
    const char *node;
    const struct log *log;
};
MUST_CHECK bool gateway_recall_links(struct index *index, struct audit *audit,
                                     const struct gateway_recall *from, struct err *err);
