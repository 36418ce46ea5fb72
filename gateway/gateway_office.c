// SPDX-License-Identifier: Apache-2.0
/* What the hospital's own people decide about their gateway. */
#include <unistd.h>

#include "base/path.h"
#include "exchange/audit/audit.h"
#include "gateway/gateway.h"
#include "gateway/gateway_config.h"
#include "gateway/index/index_source.h"
#include "gateway/study/study.h"

enum { ITEMS_MAX = 10000, SOURCES_MAX = 16 };

struct office {
    struct arena arena;
    struct gateway_config config;
    struct log log;
    struct index *index;
};

static void office_close(struct office *office)
{
    index_close(office->index);
    arena_free(&office->arena);
}

/* "<data>/<name>" */
static const char *join(struct office *office, const char *first, const char *separator,
                        const char *second, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(PATH_MAX_BYTES);
    struct span copy = {0};
    buf_cstr(&out, first);
    buf_cstr(&out, separator);
    buf_cstr(&out, second);
    buf_byte(&out, '\0');
    return buf_to_arena(&out, &office->arena, &copy, err) ? (const char *)copy.at : NULL;
}

/* The policy is the running gateway's to follow, so none is given here. */
static bool office_open(struct office *office, const char *config_file, struct err *err)
{
    office->arena = arena_init(64 << 20);
    office->log = (struct log){STDERR_FILENO, clock_system(), "office"};
    if (!secret_start(err) ||
        !gateway_read_config(config_file, &office->arena, &office->config, err))
        return false;
    struct index_config index = {
        .location = join(office, office->config.data, "/", "index.db", err),
        .clock = clock_system(),
        .rand = rand_system(),
        .log = &office->log,
        .policy = &office->config.policy};
    office->index = index.location ? index_open(&index, err) : NULL;
    return office->index != NULL;
}

static void write_link(const struct index_link *link, struct buf *out)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_cstr(&writer, "held", "link");
    json_put_id(&writer, "record", link->record);
    json_put_text(&writer, "number", link->number);
    json_close_object(&writer);
    buf_byte(out, '\n');
}

static void write_trouble(const struct index_trouble *item, struct buf *out)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_cstr(&writer, item->state == INDEX_HELD ? "held" : "refused", "file");
    json_put_text(&writer, "path", item->path);
    json_put_text(&writer, "code", item->code);
    json_put_int(&writer, "offset", item->offset_bytes);
    json_put_int(&writer, "first_seen", item->first_seen_ms);
    json_put_int(&writer, "last_tried", item->last_tried_ms);
    json_close_object(&writer);
    buf_byte(out, '\n');
}

static void write_lost(const struct study_lost *lost, struct buf *out)
{
    CLEANUP(buf_free) struct buf path = buf_init(2 * PATH_MAX_BYTES);
    CLEANUP(buf_free) struct buf file = buf_init(2 * PATH_MAX_BYTES);
    buf_text(&path, lost->folder);
    buf_text(&path, lost->name);
    buf_text(&file, lost->file_folder);
    buf_text(&file, lost->file_name);
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_cstr(&writer, "disc", "file");
    json_put_text(&writer, "path", (struct text){(const char *)path.at, path.len});
    json_put_text(&writer, "file", (struct text){(const char *)file.at, file.len});
    json_put_cstr(&writer, "code", lost->code);
    json_close_object(&writer);
    buf_byte(out, '\n');
}

static void free_study(struct study **study)
{
    if (*study)
        study_free(*study);
}

/* What the DICOMDIRs of copied discs name and is not there. */
static bool list_lost(struct office *office, struct buf *out, struct err *err)
{
    struct study_lost *lost = NULL;
    size_t count = 0;
    struct study_config config = {.index = office->index, .clock = clock_system()};
    CLEANUP(free_study) struct study *study = study_new(&config, err);
    if (!study || !study_list_lost(study, ITEMS_MAX, &office->arena, &lost, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        write_lost(&lost[i], out);
    return true;
}

bool gateway_list_held(const char *config_file, struct buf *out, struct err *err)
{
    struct index_link *links = NULL;
    struct index_trouble *items = NULL;
    size_t link_count = 0;
    size_t item_count = 0;
    CLEANUP(office_close) struct office office = {0};
    if (!office_open(&office, config_file, err) ||
        !index_list_held(office.index, ITEMS_MAX, &office.arena, &links, &link_count,
                         err) ||
        !index_list_trouble(office.index, ITEMS_MAX, &office.arena, &items, &item_count,
                            err))
        return false;
    for (size_t i = 0; i < link_count; i++)
        write_link(&links[i], out);
    for (size_t i = 0; i < item_count; i++)
        write_trouble(&items[i], out);
    return list_lost(&office, out, err) && buf_check(out, err);
}

static void write_source(const struct index_source *source, struct buf *out)
{
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_text(&writer, "source", source->name);
    json_put_text(&writer, "state", source->state);
    json_put_text(&writer, "detail", source->detail);
    json_put_int(&writer, "since", source->since_ms);
    json_put_int(&writer, "looked", source->looked_ms);
    json_put_int(&writer, "rows", source->told);
    json_put_int(&writer, "refused", source->refused);
    json_put_int(&writer, "missing", source->missing);
    json_put_int(&writer, "elsewhere", source->elsewhere);
    json_close_object(&writer);
    buf_byte(out, '\n');
}

static void write_metric(const struct index_source *source, const char *name,
                         int64_t value, struct buf *out)
{
    buf_format(out, "tsumugi_gateway_source_%s{source=\"", name);
    buf_text(out, source->name);
    buf_format(out, "\"} %lld\n", (long long)value);
}

/* The reason is a label of its own series, which is there while it holds. */
static void write_metrics(const struct index_source *source, struct buf *out)
{
    bool is_up = text_is(source->state, "ok");
    write_metric(source, "up", is_up, out);
    write_metric(source, "looked_seconds", source->looked_ms / 1000, out);
    write_metric(source, "rows", source->told, out);
    write_metric(source, "refused", source->refused, out);
    write_metric(source, "missing", source->missing, out);
    if (is_up)
        return;
    buf_cstr(out, "tsumugi_gateway_source_fault{source=\"");
    buf_text(out, source->name);
    buf_cstr(out, "\",reason=\"");
    buf_text(out, source->state);
    buf_cstr(out, "\"} 1\n");
}

bool gateway_list_sources(const char *config_file, bool is_metrics, struct buf *out,
                          struct err *err)
{
    struct index_source *sources = NULL;
    size_t count = 0;
    CLEANUP(office_close) struct office office = {0};
    if (!office_open(&office, config_file, err) ||
        !index_list_sources(office.index, SOURCES_MAX, &office.arena, &sources, &count,
                            err))
        return false;
    if (!office.config.rows_connection)
        count = 0; /* there was one */
    for (size_t i = 0; i < count; i++)
        (is_metrics ? write_metrics : write_source)(&sources[i], out);
    return buf_check(out, err);
}

static void audit_close_at(struct audit **audit)
{
    if (*audit)
        audit_close(*audit);
}

/* Written down first: without it nothing is decided. */
static bool write_down(struct office *office, struct audit_record *row, struct err *err)
{
    const char *node = text_to_cstr(office->config.node, &office->arena, err);
    struct audit_config config = {
        .clock = clock_system(), .rand = rand_system(), .log = &office->log};
    config.directory = join(office, office->config.data, "/", "audit", err);
    config.node =
        node && config.directory ? join(office, node, "-", "office", err) : NULL;
    if (!config.node || !path_make_directory(config.directory, err))
        return false;
    CLEANUP(audit_close_at) struct audit *audit = audit_open(&config, err);
    struct audit_position position;
    row->phase = AUDIT_EVENT;
    row->provider = office->config.facility_code;
    return audit && audit_append(audit, row, &position, err);
}

bool gateway_decide_held(const char *config_file, struct id record, bool is_confirmed,
                         struct err *err)
{
    struct id_text id = id_to_text(record);
    struct audit_record row = {.event = "link",
                               .verdict = is_confirmed ? "permit" : "deny",
                               .reason = "own_confirmation",
                               .person = id_view(&id)};
    CLEANUP(office_close) struct office office = {0};
    return office_open(&office, config_file, err) && write_down(&office, &row, err) &&
           index_decide_held(office.index, record, is_confirmed, err);
}

bool gateway_release_file(const char *config_file, const char *path, struct err *err)
{
    struct text text = {0};
    CLEANUP(office_close) struct office office = {0};
    if (!text_from_utf8(span_cstr(path), &text, err))
        return false;
    struct audit_record row = {
        .event = "held_file", .verdict = "permit", .reason = "released", .object = text};
    return office_open(&office, config_file, err) && write_down(&office, &row, err) &&
           index_release_file(office.index, text, err);
}

bool gateway_list_links(const char *config_file, int32_t since, struct buf *out,
                        struct err *err)
{
    static const char *const states[] = {"active", "held", "ended", "refused"};
    struct index_link *links = NULL;
    size_t count = 0;
    CLEANUP(office_close) struct office office = {0};
    int64_t since_ms = (int64_t)since * 86400000 - DAY_JAPAN_OFFSET_MS;
    if (!office_open(&office, config_file, err) ||
        !index_list_links(office.index, since_ms, ITEMS_MAX, &office.arena, &links,
                          &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct json_writer writer = json_writer(out);
        json_open_object(&writer);
        json_put_id(&writer, "record", links[i].record);
        json_put_text(&writer, "number", links[i].number);
        json_put_cstr(&writer, "state", states[links[i].state]);
        json_put_int(&writer, "linked_at", links[i].linked_at_ms);
        json_close_object(&writer);
        buf_byte(out, '\n');
    }
    return buf_check(out, err);
}
