// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/reference: a row of the index as its reader may see it, with the
 * names of the person and of the facility whose data it was. */

#include "exchange/audit/audit_index.h"

struct disclosure_scope;

struct reference_row {
    const struct audit_index_row *row;
    struct text name;       /* of the person; "" when the reader may not recognise it */
    struct text own_number; /* of the person at the reader's facility, or "" */
    struct text provider;   /* name of the facility, or "" */
};
/* is_ours: the row's viewer is of the reader's own facility. */
MUST_CHECK bool reference_name_row(struct store *store,
                                   const struct disclosure_scope *scope, bool is_ours,
                                   const struct audit_index_row *row, struct arena *arena,
                                   struct reference_row *view, struct err *err);
