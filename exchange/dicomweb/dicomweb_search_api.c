// SPDX-License-Identifier: Apache-2.0
/* What searches answer: studies as they were found, series and instances of one. */
#include "exchange/dicomweb/dicomweb_parts.h"
#include "wire/http/http.h"

enum { ANSWER_BYTES_MAX = 32 << 20 };

static void warn(struct dicomweb_errand *errand)
{
    if (errand->query.is_fuzzy)
        http_add_header(errand->call, "warning",
                        "299 tsumugi \"fuzzymatching is not supported: literal matching "
                        "was performed\"");
    if (errand->fault.kind != ERR_NONE)
        http_add_header(errand->call, "warning",
                        "299 tsumugi \"not every facility has answered\"");
}

void dicomweb_warn_of_cut(struct dicomweb_errand *errand,
                          const struct dicomweb_study *study)
{
    if (study->is_cut)
        http_add_header(errand->call, "warning",
                        "299 tsumugi \"the study has more instances than are listed\"");
}

static bool answer_found(struct dicomweb_errand *errand, const struct buf *out,
                         size_t count, struct err *err)
{
    if (!buf_check(out, err))
        return false;
    warn(errand);
    if (count == 0)
        http_answer_empty(errand->call);
    else
        http_answer(errand->call, 200, DICOMWEB_JSON, buf_view(out));
    return true;
}

static bool conclude_studies(struct dicomweb_errand *errand, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    json_open_array(&writer);
    for (size_t i = 0; i < errand->found_count; i++)
        json_written_value(&writer, errand->found[i].json);
    json_close_array(&writer);
    return answer_found(errand, &out, errand->found_count, err);
}

/* Counts what matches; true when this one is to be told. */
static bool is_due(const struct dicomweb_query *query, size_t *matched)
{
    size_t at = (*matched)++;
    return at >= query->offset && at - query->offset < query->limit;
}

static bool arrive_series(struct dicomweb_errand *errand, struct opening *opening,
                          const struct dicomweb_study *study, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    const struct dicomweb_query *query = &errand->query;
    size_t matched = 0;
    size_t told = 0;
    json_open_array(&writer);
    for (size_t i = 0; i < study->count; i++) {
        const struct dicomweb_series *series = &study->series[i];
        if (!dicomweb_lists_uid(query->series, series->uid) ||
            (query->modality.len > 0 &&
             !dicomweb_is_like(query->modality, series->modality)) ||
            !is_due(query, &matched))
            continue;
        dicomweb_write_series(&writer, study, i, errand->base);
        told++;
    }
    json_close_array(&writer);
    opening_count(opening, (int64_t)out.len, 1);
    dicomweb_warn_of_cut(errand, study);
    return answer_found(errand, &out, told, err);
}

static bool is_series_meant(const struct dicomweb_errand *errand,
                            const struct dicomweb_series *series)
{
    return (errand->series.len == 0 || text_equal(errand->series, series->uid)) &&
           dicomweb_lists_uid(errand->query.series, series->uid) &&
           (errand->query.modality.len == 0 ||
            dicomweb_is_like(errand->query.modality, series->modality));
}

static size_t write_instances(struct dicomweb_errand *errand,
                              const struct dicomweb_study *study,
                              struct json_writer *writer)
{
    size_t matched = 0;
    size_t told = 0;
    for (size_t i = 0; i < study->count; i++) {
        const struct dicomweb_series *series = &study->series[i];
        for (size_t k = 0; is_series_meant(errand, series) && k < series->count; k++) {
            const size_t place[2] = {i, k};
            if (!dicomweb_lists_uid(errand->query.instances, series->instances[k].uid) ||
                !is_due(&errand->query, &matched))
                continue;
            dicomweb_write_instance(writer, study, place, errand->base);
            told++;
        }
    }
    return told;
}

static bool has_series(const struct dicomweb_errand *errand,
                       const struct dicomweb_study *study, struct err *err)
{
    for (size_t i = 0; i < study->count; i++)
        if (errand->series.len == 0 || text_equal(errand->series, study->series[i].uid))
            return true;
    return err_set(err, ERR_MISSING, "not_found", "no such series");
}

static bool arrive_instances(struct dicomweb_errand *errand, struct opening *opening,
                             const struct dicomweb_study *study, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    if (!has_series(errand, study, err))
        return false;
    json_open_array(&writer);
    size_t told = write_instances(errand, study, &writer);
    json_close_array(&writer);
    opening_count(opening, (int64_t)out.len, 1);
    dicomweb_warn_of_cut(errand, study);
    return answer_found(errand, &out, told, err);
}

const struct dicomweb_goal dicomweb_search_studies = {.is_search = true,
                                                      .conclude = conclude_studies};
const struct dicomweb_goal dicomweb_search_series = {.arrive = arrive_series};
const struct dicomweb_goal dicomweb_search_instances = {.arrive = arrive_instances};
