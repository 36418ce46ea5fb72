// SPDX-License-Identifier: Apache-2.0
/* What a client asks for: search parameters, frame lists, media types. Plain rules. */
#include <string.h>
#include <strings.h>

#include "base/day.h"
#include "exchange/dicomweb/dicomweb_parts.h"

enum { DIGITS_OF_DAY = 8, VALUE_MAX = 4096 };

struct dicomweb_query dicomweb_no_query(enum dicomweb_level level)
{
    bool is_studies = level == DICOMWEB_STUDIES;
    return (struct dicomweb_query){
        .studies = TEXT(""),
        .series = TEXT(""),
        .instances = TEXT(""),
        .accession = TEXT(""),
        .modality = TEXT(""),
        .from = DAY_NONE,
        .to = INT32_MAX,
        .limit = is_studies ? (size_t)DICOMWEB_LIMIT_USUAL : (size_t)DICOMWEB_LIST_MAX,
    };
}

/* ---- search parameters ---- */

static bool refuse(const char *text, struct err *err)
{
    err_clear(err);
    return err_set(err, ERR_SYNTAX, "query_invalid", "%s", text);
}

static bool take_text(struct span value, struct text *text, struct err *err)
{
    return (value.len <= VALUE_MAX && text_from_utf8(value, text, err)) ||
           refuse("no text", err);
}

static bool take_uids(struct span value, struct text *list, struct err *err)
{
    struct span rest = value;
    struct span uid = {0};
    for (size_t i = 0; i < value.len; i++)
        if (!strchr("0123456789.,\\", value.at[i]) || value.at[i] == '\0')
            return refuse("no UID", err);
    while (span_take(
        &rest, value.len > 0 && memchr(value.at, '\\', value.len) ? '\\' : ',', &uid))
        if (uid.len > 0 && !dicomweb_is_uid(uid))
            return refuse("no UID", err);
    return take_text(value, list, err);
}

static bool take_number(struct span value, size_t max, size_t *number, struct err *err)
{
    uint64_t count = 0;
    if (!span_uint(value, INT32_MAX, &count))
        return refuse("no number", err);
    *number = count < max ? (size_t)count : max;
    return true;
}

static bool take_day(struct span digits, int32_t open_end, int32_t *day)
{
    *day = digits.len == 0 ? open_end : day_from_digits(digits);
    return digits.len == 0 || (digits.len == DIGITS_OF_DAY && *day != DAY_NONE);
}

/* "20261001", "20261001-20261031", "20261001-", "-20261031". With any of them what has
 * no day is not meant. */
static bool take_days(struct span value, struct dicomweb_query *query, struct err *err)
{
    struct span rest = value;
    struct span first = {0};
    if (value.len == 0)
        return true;
    bool is_range = memchr(value.at, '-', value.len) != NULL;
    bool is_good = value.len > 1 && span_take(&rest, '-', &first) &&
                   take_day(first, DAY_NONE + 1, &query->from);
    if (is_good && !is_range)
        query->to = query->from;
    else if (is_good)
        is_good = take_day(rest, INT32_MAX, &query->to);
    return is_good || refuse("no date", err);
}

struct parameter {
    const char *keyword;
    const char *tag;
    enum dicomweb_level from, to; /* in searches of these */
    size_t offset;                /* of its text in the query */
    bool is_uids;
};

#define IN(member) offsetof(struct dicomweb_query, member)

static const struct parameter parameters[] = {
    {"StudyInstanceUID", "0020000D", DICOMWEB_STUDIES, DICOMWEB_STUDIES, IN(studies),
     true},
    {"AccessionNumber", "00080050", DICOMWEB_STUDIES, DICOMWEB_STUDIES, IN(accession),
     false},
    {"ModalitiesInStudy", "00080061", DICOMWEB_STUDIES, DICOMWEB_STUDIES, IN(modality),
     false},
    {"SeriesInstanceUID", "0020000E", DICOMWEB_SERIES, DICOMWEB_INSTANCES, IN(series),
     true},
    {"Modality", "00080060", DICOMWEB_SERIES, DICOMWEB_INSTANCES, IN(modality), false},
    {"SOPInstanceUID", "00080018", DICOMWEB_INSTANCES, DICOMWEB_INSTANCES, IN(instances),
     true},
};

static bool is_name(struct span name, const char *keyword, const char *tag)
{
    return span_is(name, keyword) ||
           (name.len == strlen(tag) &&
            strncasecmp((const char *)name.at, tag, name.len) == 0);
}

static bool take_match(struct dicomweb_query *query, enum dicomweb_level level,
                       struct span name, struct span value, struct err *err)
{
    if (level == DICOMWEB_STUDIES && is_name(name, "StudyDate", "00080020"))
        return take_days(value, query, err);
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        const struct parameter *one = &parameters[i];
        struct text *text = (struct text *)(void *)((char *)query + one->offset);
        if (level < one->from || level > one->to ||
            !is_name(name, one->keyword, one->tag))
            continue;
        return one->is_uids ? take_uids(value, text, err) : take_text(value, text, err);
    }
    /* What cannot be matched must not look as if it had been. */
    return refuse("not searched by", err);
}

bool dicomweb_take_parameter(struct dicomweb_query *query, enum dicomweb_level level,
                             struct span name, struct span value, struct err *err)
{
    size_t most = level == DICOMWEB_STUDIES ? (size_t)DICOMWEB_LIMIT_MAX
                                            : (size_t)DICOMWEB_LIST_MAX;
    if (span_is(name, "limit"))
        return take_number(value, most, &query->limit, err);
    if (span_is(name, "offset"))
        return take_number(value, DICOMWEB_LIST_MAX, &query->offset, err);
    if (span_is(name, "includefield") || span_is(name, "accept"))
        return true; /* all there is goes out anyway */
    if (span_is(name, "fuzzymatching")) {
        query->is_fuzzy = span_is(value, "true");
        return query->is_fuzzy || span_is(value, "false") || refuse("no flag", err);
    }
    return take_match(query, level, name, value, err);
}

bool dicomweb_lists_uid(struct text list, struct text uid)
{
    struct span rest = text_span(list);
    struct span one = {0};
    uint8_t separator = list.len > 0 && memchr(list.at, '\\', list.len) ? '\\' : ',';
    while (list.len > 0 && span_take(&rest, separator, &one))
        if (span_equal(one, text_span(uid)))
            return true;
    return list.len == 0;
}

/* Going back to the last star is enough, because a star takes anything. */
bool dicomweb_is_like(struct text pattern, struct text value)
{
    size_t p = 0, v = 0, star = SIZE_MAX, after = 0;
    while (v < value.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            after = v;
        } else if (p < pattern.len &&
                   (pattern.at[p] == '?' || pattern.at[p] == value.at[v])) {
            p++;
            v++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            v = ++after;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

static bool has_modality(const struct dicomweb_study *study, struct text pattern)
{
    for (size_t i = 0; i < study->modality_count; i++)
        if (dicomweb_is_like(pattern, study->modalities[i]))
            return true;
    return pattern.len == 0;
}

bool dicomweb_matches(const struct dicomweb_query *query,
                      const struct dicomweb_study *study)
{
    int32_t day =
        study->date.len > 0 ? day_from_iso(text_span(study->date)) : (int32_t)DAY_NONE;
    return day >= query->from && day <= query->to &&
           dicomweb_lists_uid(query->studies, study->uid) &&
           (query->accession.len == 0 ||
            dicomweb_is_like(query->accession, study->accession)) &&
           has_modality(study, query->modality);
}

/* ---- frames ---- */

bool dicomweb_read_frames(struct span list, int64_t *frames, size_t *count,
                          struct err *err)
{
    struct span one = {0};
    uint64_t number = 0;
    *count = 0;
    while (span_take(&list, ',', &one)) {
        if (*count == DICOMWEB_FRAMES_MAX ||
            !span_uint(one, DICOMWEB_FRAME_NUMBER_MAX, &number) || number == 0)
            return err_set(err, ERR_SYNTAX, "frame_invalid", "no list of frames");
        frames[(*count)++] = (int64_t)number - 1;
    }
    return *count > 0 || err_set(err, ERR_SYNTAX, "frame_invalid", "no list of frames");
}

/* ---- media types ---- */

/* As span_take, but not within quotes. */
static bool take_outside_quotes(struct span *rest, char separator, struct span *part)
{
    bool is_quoted = false;
    size_t at = 0;
    if (!rest->at)
        return false;
    for (; at < rest->len; at++) {
        is_quoted ^= rest->at[at] == '"';
        if (!is_quoted && rest->at[at] == (uint8_t)separator)
            break;
    }
    *part = span_trim(span_part(*rest, 0, at));
    *rest = at < rest->len ? span_of(rest->at + at + 1, rest->len - at - 1)
                           : (struct span){NULL, 0};
    return true;
}

static struct span unquoted(struct span value)
{
    bool is_quoted =
        value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
    return is_quoted ? span_part(value, 1, value.len - 2) : value;
}

static bool is_word(struct span value, const char *word)
{
    return value.len == strlen(word) &&
           strncasecmp((const char *)value.at, word, value.len) == 0;
}

static bool is_range_of(struct span range, const char *media)
{
    size_t group = strcspn(media, "/") + 1;
    return span_is(range, "*/*") || is_word(range, media) ||
           (range.len == group + 1 && range.at[group] == '*' &&
            strncasecmp((const char *)range.at, media, group) == 0);
}

static bool is_zero(struct span quality)
{
    for (size_t i = 0; i < quality.len; i++)
        if (quality.at[i] != '0' && quality.at[i] != '.')
            return false;
    return true;
}

static bool takes(struct span name, struct span value, const struct dicomweb_media *media)
{
    if (is_word(name, "q"))
        return !is_zero(value);
    if (is_word(name, "type"))
        return media->type && is_range_of(value, media->type);
    if (is_word(name, "transfer-syntax"))
        return span_is(value, "*") || (media->syntax && span_is(value, media->syntax));
    return true;
}

static bool accepts_one(struct span one, const struct dicomweb_media *media)
{
    struct span range = {0};
    struct span parameter = {0};
    if (!take_outside_quotes(&one, ';', &range) || !is_range_of(range, media->media))
        return false;
    while (take_outside_quotes(&one, ';', &parameter)) {
        struct span name = {0};
        struct span value = parameter;
        if (!span_take(&value, '=', &name) || !value.at ||
            !takes(span_trim(name), unquoted(span_trim(value)), media))
            return false;
    }
    return true;
}

bool dicomweb_accepts(struct span accept, const struct dicomweb_media *media)
{
    struct span one = {0};
    if (span_trim(accept).len == 0)
        return true;
    while (take_outside_quotes(&accept, ',', &one))
        if (accepts_one(one, media))
            return true;
    return false;
}
