// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/patient/patient_service.h"

void patient_rates_start(struct patient_rates *rates)
{
    memset(rates->items, 0, sizeof rates->items);
    pthread_mutex_init(&rates->lock, NULL);
}

static int64_t newest(const struct patient_rate *rate)
{
    int last = (rate->next + PATIENT_SEARCHES_MAX - 1) % PATIENT_SEARCHES_MAX;
    return rate->at_ms[last];
}

/* The person's own counter, else the one that has been quiet longest; when even that one
 * is inside the window the table is full of busy people and the search is refused. */
static struct patient_rate *find(struct patient_rates *rates, struct id staff)
{
    struct patient_rate *quiet = &rates->items[0];
    for (int i = 0; i < PATIENT_RATES_MAX; i++) {
        if (id_equal(rates->items[i].staff, staff))
            return &rates->items[i];
        if (newest(&rates->items[i]) < newest(quiet))
            quiet = &rates->items[i];
    }
    return quiet;
}

static bool is_old(int64_t at_ms, int64_t now_ms)
{
    return at_ms == 0 || now_ms - at_ms >= PATIENT_SEARCH_WINDOW_MS;
}

bool patient_rate_take(struct patient_rates *rates, struct id staff, int64_t monotonic_ms,
                       struct err *err)
{
    int64_t now_ms = monotonic_ms + 1; /* 0 means never */
    pthread_mutex_lock(&rates->lock);
    struct patient_rate *rate = find(rates, staff);
    bool is_own = id_equal(rate->staff, staff);
    bool is_free = is_old(is_own ? rate->at_ms[rate->next] : newest(rate), now_ms);
    if (is_free) {
        if (!is_own)
            *rate = (struct patient_rate){.staff = staff};
        rate->at_ms[rate->next] = now_ms;
        rate->next = (rate->next + 1) % PATIENT_SEARCHES_MAX;
    }
    pthread_mutex_unlock(&rates->lock);
    return is_free || err_set(err, ERR_BUSY, "search_rate", "%d searches in 10 minutes",
                              PATIENT_SEARCHES_MAX);
}
