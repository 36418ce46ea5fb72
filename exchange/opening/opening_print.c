// SPDX-License-Identifier: Apache-2.0
/* What was opened goes on paper (OU-4): decided once more and written down as an event of
 * its own before the browser prints; what the paper says about who printed comes from the
 * row, not from the browser. */
#include "exchange/opening/opening_parts.h"

enum { PRINT_ARENA_BYTES = 1 << 20 };

bool opening_print(struct opening *opening, struct id request,
                   struct opening_printed *printed, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(PRINT_ARENA_BYTES);
    struct disclosure *gate = opening->table->config.gate;
    struct disclosure_request print = opening->request;
    print.event = "print";
    print.request = request;
    const struct disclosure_permit *permit = disclosure_decide(gate, &print, &arena, err);
    if (!permit)
        return false;
    *printed = (struct opening_printed){.request = request,
                                        .at_ms = permit_read(permit)->decided_at_ms,
                                        .staff = opening->actor.staff_name,
                                        .facility = opening->actor.facility_name};
    struct disclosure_outcome outcome = {.verdict = "done"};
    return disclosure_finish(gate, permit, "print", &outcome, err);
}
