// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"

#include <stdio.h>

enum { YEAR_MIN = 1800, YEAR_MAX = 2299, DAY_MS = 86400000 };

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Counts years from March, so that the leap day is the last of its year. */
int32_t day_from_date(int year, int month, int day)
{
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return DAY_NONE;
    int shifted_year = month <= 2 ? year - 1 : year;
    int shifted_month = month <= 2 ? month + 9 : month - 3;
    int day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    int leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    return shifted_year * 365 + leap_days + day_of_year - 719468;
}

void day_to_date(int32_t day, int *year, int *month, int *day_of_month)
{
    int32_t shifted = day + 719468;
    int32_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int32_t of_era = shifted - era * 146097;
    int32_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t shifted_month = (5 * of_year + 2) / 153;
    *day_of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int number(struct span digits, size_t from, size_t len)
{
    uint64_t value = 0;
    if (!span_uint(span_part(digits, from, len), 9999, &value))
        return -1;
    return (int)value;
}

int32_t day_from_digits(struct span digits)
{
    if (digits.len != 8 || !span_all_digits(digits))
        return DAY_NONE;
    return day_from_date(number(digits, 0, 4), number(digits, 4, 2),
                         number(digits, 6, 2));
}

int32_t day_from_iso(struct span iso)
{
    if (iso.len != 10 || iso.at[4] != '-' || iso.at[7] != '-')
        return DAY_NONE;
    return day_from_date(number(iso, 0, 4), number(iso, 5, 2), number(iso, 8, 2));
}

void day_to_iso(int32_t day, char out[DAY_TEXT_BYTES])
{
    int year = 0;
    int month = 0;
    int day_of_month = 0;
    out[0] = '\0';
    if (day == DAY_NONE)
        return;
    day_to_date(day, &year, &month, &day_of_month);
    char wide[40];
    snprintf(wide, sizeof wide, "%04d-%02d-%02d", year, month, day_of_month);
    for (int i = 0; i < DAY_TEXT_BYTES; i++)
        out[i] = wide[i];
    out[DAY_TEXT_BYTES - 1] = '\0';
}

int32_t day_of_instant(int64_t wall_ms)
{
    int64_t local = wall_ms + DAY_JAPAN_OFFSET_MS;
    int64_t day = local / DAY_MS;
    return (int32_t)(local % DAY_MS < 0 ? day - 1 : day);
}
