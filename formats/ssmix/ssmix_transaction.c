// SPDX-License-Identifier: Apache-2.0
/* Transaction storage: the header in front of each message (clause 2.11). */
#include "base/path.h"
#include "formats/ssmix/ssmix.h"

static const char CLAUSE[] = "SS-MIX2 2.11";

enum { TRANSACTION_PARTS = 10, TYPE_BYTES_MAX = 255 };

enum part {
    PART_MARK,
    PART_VERSION,
    PART_FACILITY,
    PART_PATIENT,
    PART_DAY,
    PART_TYPE,
    PART_KEY,
    PART_ACTION,
    PART_DEPARTMENT,
    PART_OCCURRED
};

/* Bytes of a name that may be a folder's, the type's for instance. */
static bool is_name(struct span part)
{
    return part.len > 0 && part.len <= TYPE_BYTES_MAX && path_is_safe_name(part);
}

static bool take_day(struct span part, int32_t *day)
{
    *day = span_is(part, "-") ? DAY_NONE : day_from_digits(part);
    return *day != DAY_NONE || span_is(part, "-");
}

bool ssmix_parse_transaction(struct span line, struct ssmix_transaction *transaction,
                             struct err *err)
{
    struct span parts[TRANSACTION_PARTS] = {0};
    struct span rest = line;
    size_t count = 0;
    *transaction = (struct ssmix_transaction){.day = DAY_NONE};
    while (count < TRANSACTION_PARTS && span_take(&rest, ',', &parts[count]))
        count++;
    if (count < TRANSACTION_PARTS || rest.len > 0 || !span_is(parts[PART_MARK], "#SSMIX"))
        return err_at(err, ERR_SYNTAX, "transaction_header", 0, CLAUSE);
    transaction->patient = parts[PART_PATIENT];
    transaction->type = parts[PART_TYPE];
    transaction->key = parts[PART_KEY];
    transaction->is_deletion = span_is(parts[PART_ACTION], "DEL");
    size_t offset = 0;
    if (!ssmix_patient_is_valid(parts[PART_PATIENT]))
        offset = (size_t)(parts[PART_PATIENT].at - line.at);
    else if (!take_day(parts[PART_DAY], &transaction->day))
        offset = (size_t)(parts[PART_DAY].at - line.at);
    else if (!is_name(parts[PART_TYPE]))
        offset = (size_t)(parts[PART_TYPE].at - line.at);
    else if (!transaction->is_deletion && !span_is(parts[PART_ACTION], "INS"))
        offset = (size_t)(parts[PART_ACTION].at - line.at);
    return offset == 0 || err_at(err, ERR_SYNTAX, "transaction_field", offset, CLAUSE);
}

bool ssmix_take_transaction(struct span *rest, struct span *line)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->at[i] != '\r' && rest->at[i] != '\n')
            continue;
        *line = span_part(*rest, 0, i);
        *rest = span_part(*rest, i + 1, rest->len - i - 1);
        if (span_starts(*line, "#SSMIX,"))
            return true;
        i = (size_t)-1; /* the next line begins at the front again */
    }
    return false;
}
