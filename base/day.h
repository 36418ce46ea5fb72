// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Calendar days of the facility's zone (Japan, UTC+9), counted from 1970-01-01 in the
 * proleptic Gregorian calendar (ISO 8601). A day is never an instant: days come from
 * folder names and date fields, instants from the clock. */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { DAY_NONE = INT32_MIN, DAY_TEXT_BYTES = 11, DAY_JAPAN_OFFSET_MS = 9 * 3600 * 1000 };

/* DAY_NONE when no such date exists. */
int32_t day_from_date(int year, int month, int day);
void day_to_date(int32_t day, int *year, int *month, int *day_of_month);
/* "YYYYMMDD"; DAY_NONE when it is not eight digits of an existing date, 1800 to 2299. */
int32_t day_from_digits(struct span digits);
/* "YYYY-MM-DD"; DAY_NONE likewise. */
int32_t day_from_iso(struct span iso);
/* Writes "YYYY-MM-DD" with NUL; an empty string for DAY_NONE. */
void day_to_iso(int32_t day, char out[DAY_TEXT_BYTES]);
/* The Japanese calendar day of an instant in UTC milliseconds. */
int32_t day_of_instant(int64_t wall_ms);
