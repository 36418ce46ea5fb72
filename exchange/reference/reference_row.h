// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/reference: a row of the index as its reader may see it, with the
 * names of the person and of the facility whose data it was. A month names few persons
 * many times: within one answer each is looked for once, so all its rows agree, too. */

#include "base/arena.h"
#include "exchange/audit/audit_index.h"

struct disclosure_scope;

struct reference_row {
    const struct audit_index_row *row;
    struct text name;       /* of the person; "" when the reader may not recognise it */
    struct text own_number; /* of the person at the reader's facility, or "" */
    struct text provider;   /* name of the facility, or "" */
};

/* Of one answer to one reader; borrows both. */
struct reference_names {
    struct store *store;
    const struct disclosure_scope *scope;
    struct arena kept;
    struct arena looking; /* of one look into the database */
    struct reference_name *slots;
    size_t count;
};
struct reference_names reference_names(struct store *store,
                                       const struct disclosure_scope *scope);
void reference_names_free(struct reference_names *names);

/* is_ours: the row's viewer is of the reader's own facility. The view is good until the
 * next row. */
MUST_CHECK bool reference_name_row(struct reference_names *names, bool is_ours,
                                   const struct audit_index_row *row,
                                   struct reference_row *view, struct err *err);
