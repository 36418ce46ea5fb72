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

bool ssmix_check_transaction(const struct ssmix_transaction_texts *texts,
                             struct ssmix_transaction *transaction, struct span *at_fault)
{
    *transaction = (struct ssmix_transaction){texts->patient, DAY_NONE, texts->type,
                                              texts->key, span_is(texts->action, "DEL")};
    *at_fault = (struct span){0};
    if (!ssmix_patient_is_valid(texts->patient))
        *at_fault = texts->patient;
    else if (!take_day(texts->day, &transaction->day))
        *at_fault = texts->day;
    else if (!is_name(texts->type))
        *at_fault = texts->type;
    else if (!transaction->is_deletion && !span_is(texts->action, "INS"))
        *at_fault = texts->action;
    else
        return true;
    return false;
}

bool ssmix_parse_transaction(struct span line, struct ssmix_transaction *transaction,
                             struct err *err)
{
    struct span parts[TRANSACTION_PARTS] = {0};
    struct span rest = line;
    struct span at_fault = {0};
    size_t count = 0;
    *transaction = (struct ssmix_transaction){.day = DAY_NONE};
    while (count < TRANSACTION_PARTS && span_take(&rest, ',', &parts[count]))
        count++;
    if (count < TRANSACTION_PARTS || rest.len > 0 || !span_is(parts[PART_MARK], "#SSMIX"))
        return err_at(err, ERR_SYNTAX, "transaction_header", 0, CLAUSE);
    struct ssmix_transaction_texts texts = {parts[PART_PATIENT], parts[PART_DAY],
                                            parts[PART_TYPE], parts[PART_KEY],
                                            parts[PART_ACTION]};
    return ssmix_check_transaction(&texts, transaction, &at_fault) ||
           err_at(err, ERR_SYNTAX, "transaction_field", (uint64_t)(at_fault.at - line.at),
                  CLAUSE);
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
