// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "exchange/audit/audit_heads.h"
#include "exchange/audit/audit_tail.h"

enum { NODES_MAX = 4096 };

struct series {
    const char *directory; /* above it */
    char node[AUDIT_NODE_BYTES_MAX + 1];
    uint64_t last_number;
};

/* A head that one series keeps of another. */
struct kept_head {
    uint32_t series;
    struct audit_position position;
};

struct verification {
    struct series *series; /* *owned* */
    size_t series_count;
    struct kept_head *heads; /* *owned* */
    size_t head_count;
    size_t head_size; /* places in `heads` */
    uint64_t record_count;
    struct audit_fault *fault;
};

static void free_verification(struct verification *verification)
{
    memory_free(verification->series);
    memory_free(verification->heads);
}

static bool set_fault(struct verification *verification, const char *node,
                      uint64_t number, const char *code)
{
    struct audit_fault *fault = verification->fault;
    snprintf(fault->node, sizeof fault->node, "%s", node);
    fault->number = number;
    fault->code = code;
    return false;
}

/* ---- which series there are ---- */

static int compare_series(const void *a, const void *b)
{
    return strcmp(((const struct series *)a)->node, ((const struct series *)b)->node);
}

static void close_listing(DIR **listing)
{
    if (*listing)
        closedir(*listing);
}

static bool list_series(struct verification *verification, const char *directory,
                        struct err *err)
{
    CLEANUP(close_listing) DIR *listing = opendir(directory);
    if (!listing)
        return err_set(err, ERR_MISSING, "path_missing", "no audit directory");
    struct dirent *entry = readdir(listing);
    for (; entry; entry = readdir(listing)) {
        /* Only directories can be series; file systems without d_type say unknown. */
        if (!audit_node_is_good(span_cstr(entry->d_name)) ||
            (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
            continue;
        if (verification->series_count == NODES_MAX)
            return err_set(err, ERR_LIMIT, "audit_unreadable", "too many series");
        struct series *series = &verification->series[verification->series_count++];
        series->directory = directory;
        memcpy(series->node, entry->d_name, strlen(entry->d_name) + 1);
    }
    return true;
}

/* A name has one place: of two series that have it, one is not what it says. */
static bool sort_series(struct verification *verification)
{
    struct series *series = verification->series;
    qsort(series, verification->series_count, sizeof *series, compare_series);
    for (size_t i = 1; i < verification->series_count; i++)
        if (compare_series(&series[i - 1], &series[i]) == 0)
            return set_fault(verification, series[i].node, 0, "audit_double");
    return true;
}

static int open_series(const char *directory, const char *node, struct err *err)
{
    char name[PATH_MAX_BYTES + 1];
    int len = snprintf(name, sizeof name, "%s/%s", directory, node);
    if (len < 0 || (size_t)len >= sizeof name) {
        err_set(err, ERR_LIMIT, "path_too_long", "audit directory");
        return -1;
    }
    return path_open_root(name, err);
}

/* ---- heads ---- */

static bool add_head(struct verification *verification, const struct kept_head *head,
                     struct err *err)
{
    if (verification->head_count == verification->head_size) {
        size_t size = verification->head_size ? verification->head_size * 2 : 256;
        struct kept_head *heads =
            memory_resize(verification->heads, size, sizeof *heads, err);
        if (!heads)
            return false;
        verification->heads = heads;
        verification->head_size = size;
    }
    verification->heads[verification->head_count++] = *head;
    return true;
}

/* Notes the head when the record is one, of a series that is here. */
static bool note_head(struct verification *verification, struct span json,
                      struct err *err)
{
    struct series wanted = {0};
    struct kept_head head = {0};
    struct span peer;
    if (!audit_take_head(json, &peer, &head.position))
        return true;
    memcpy(wanted.node, peer.at, peer.len);
    const struct series *found =
        bsearch(&wanted, verification->series, verification->series_count,
                sizeof(struct series), compare_series);
    if (!found)
        return true;
    head.series = (uint32_t)(found - verification->series);
    return add_head(verification, &head, err);
}

static int compare_heads(const void *a, const void *b)
{
    const struct kept_head *left = a;
    const struct kept_head *right = b;
    if (left->series != right->series)
        return left->series < right->series ? -1 : 1;
    uint64_t one = left->position.number;
    uint64_t other = right->position.number;
    return (one > other) - (one < other);
}

/* ---- the chains ---- */

static bool check_chain(struct verification *verification, struct series *series,
                        struct err *err)
{
    CLEANUP(path_close)
    int directory = open_series(series->directory, series->node, err);
    if (directory < 0)
        return false;
    CLEANUP(audit_reader_close) struct audit_reader reader;
    if (!audit_reader_open(&reader, directory, series->node, err) ||
        !audit_reader_start(&reader, 0, err))
        return false;
    enum audit_read result = audit_reader_next(&reader, err);
    for (; result == AUDIT_READ_RECORD; result = audit_reader_next(&reader, err)) {
        verification->record_count++;
        if (!note_head(verification, reader.json, err))
            return false;
    }
    series->last_number = reader.last.number;
    if (result == AUDIT_READ_BAD)
        return set_fault(verification, series->node, reader.last.number + 1,
                         reader.fault);
    return result != AUDIT_READ_FAILED;
}

/* Compares the records of a series with the heads that others kept of it, which are
 * sorted by number. */
static bool check_heads(struct verification *verification, const struct series *series,
                        const struct kept_head *heads, size_t count, struct err *err)
{
    CLEANUP(path_close)
    int directory = open_series(series->directory, series->node, err);
    if (directory < 0)
        return false;
    CLEANUP(audit_reader_close) struct audit_reader reader;
    if (!audit_reader_open(&reader, directory, series->node, err) ||
        !audit_reader_start(&reader, 0, err))
        return false;
    reader.checks_hash = false; /* done before */
    for (size_t i = 0; i < count; i++) {
        enum audit_read result = AUDIT_READ_RECORD;
        while (result == AUDIT_READ_RECORD &&
               reader.last.number < heads[i].position.number)
            result = audit_reader_next(&reader, err);
        if (result == AUDIT_READ_FAILED)
            return false;
        if (result != AUDIT_READ_RECORD)
            return set_fault(verification, series->node, reader.last.number + 1,
                             "audit_cut");
        if (reader.last.number != heads[i].position.number ||
            !hash_equal(&reader.last.hash, &heads[i].position.hash))
            return set_fault(verification, series->node, heads[i].position.number,
                             "audit_head");
    }
    return true;
}

static bool check_all_heads(struct verification *verification, struct err *err)
{
    const struct kept_head *heads = verification->heads;
    size_t count = verification->head_count;
    if (count > 0)
        qsort(verification->heads, count, sizeof *heads, compare_heads);
    for (size_t first = 0, next = 0; first < count; first = next) {
        while (next < count && heads[next].series == heads[first].series)
            next++;
        if (!check_heads(verification, &verification->series[heads[first].series],
                         heads + first, next - first, err))
            return false;
    }
    return true;
}

bool audit_verify_all(const char *const *directories, size_t directory_count,
                      uint64_t *count, struct audit_fault *fault, struct err *err)
{
    CLEANUP(free_verification) struct verification verification = {.fault = fault};
    *count = 0;
    *fault = (struct audit_fault){0};
    verification.series = memory_new(NODES_MAX, sizeof(struct series), err);
    if (!verification.series)
        return false;
    for (size_t i = 0; i < directory_count; i++)
        if (!list_series(&verification, directories[i], err))
            return false;
    if (!sort_series(&verification))
        return false;
    for (size_t i = 0; i < verification.series_count; i++)
        if (!check_chain(&verification, &verification.series[i], err))
            return false;
    *count = verification.record_count;
    return check_all_heads(&verification, err);
}

bool audit_verify(const char *directory, uint64_t *count, struct audit_fault *fault,
                  struct err *err)
{
    return audit_verify_all(&directory, 1, count, fault, err);
}

bool audit_walk(const char *directory, const char *node, uint64_t from, audit_see *see,
                void *context, struct err *err)
{
    if (!audit_node_is_good(span_cstr(node)))
        return err_set(err, ERR_SYSTEM, "audit_node", "a name that may not be used");
    CLEANUP(path_close) int series = open_series(directory, node, err);
    if (series < 0)
        return false;
    CLEANUP(audit_reader_close) struct audit_reader reader;
    if (!audit_reader_open(&reader, series, node, err) ||
        !audit_reader_find(&reader, from, err))
        return false;
    enum audit_read result = audit_reader_next(&reader, err);
    for (; result == AUDIT_READ_RECORD; result = audit_reader_next(&reader, err))
        if (reader.last.number >= from &&
            !see(context, reader.last.number, reader.json, err))
            return err->kind == ERR_NONE; /* it had enough, or failed */
    if (result == AUDIT_READ_BAD)
        return err_set(err, ERR_SYSTEM, "audit_broken", "record %llu: %s",
                       (unsigned long long)reader.last.number + 1, reader.fault);
    return result != AUDIT_READ_FAILED;
}

bool audit_read_head(const char *directory, const char *node, struct audit_position *head,
                     struct err *err)
{
    CLEANUP(path_close) int opened = open_series(directory, node, err);
    CLEANUP(audit_tail_free) struct audit_tail tail = {0};
    if (opened < 0 || !audit_tail_read(&tail, opened, node, err))
        return false;
    *head = tail.last;
    return true;
}
