// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "exchange/audit/audit.h"
#include "gateway/answer/answer.h"
#include "gateway/frames/frames.h"
#include "gateway/gateway_config.h"
#include "gateway/gateway_dicom.h"
#include "gateway/gateway_recall.h"
#include "gateway/gateway_web.h"
#include "gateway/index/index_order.h"
#include "gateway/rows/rows.h"
#include "gateway/study/study.h"
#include "wire/http/http.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"

enum {
    TICK_MS = 200,
    WORKERS = 4,
    WORKER_QUEUE = GATEWAY_CENTRES_MAX * TUNNEL_STREAMS_MAX,
    RETRY_MIN_MS = 200,
    RETRY_MAX_MS = 15000,
    PING_MS = 20000,
    POLICY_ARENA_BYTES = 1 << 20,
    DECODERS = 2,
    PREVIEW_BYTES_MAX = 1 << 30,
    OPENINGS_SWEEP_MS = 15000
};

/* Another one of these is another file, or the same with something else in it. */
struct file_state {
    ino_t inode;
    off_t bytes;
    struct timespec changed;
    struct timespec status;
};

/* The policy's file, looked at by the loop and read by a worker. */
struct policy_file {
    struct file_state seen; /* the loop's */
    atomic_bool is_reading;
    atomic_bool is_to_read; /* once more: the database took no change */
};

/* To one of the centre's processes. */
struct line {
    struct gateway *gateway;
    int number;
    struct http_router *router;
    bool is_open;
    struct tunnel_dialer *dialer; /* NULL until the first sweep of a new index */
};

struct gateway {
    struct arena arena; /* configuration */
    struct gateway_config config;
    struct log log;
    struct audit *audit;
    struct index *index;
    struct rows *rows; /* NULL = no index database */
    struct collect *collect;
    struct study_root images[STUDY_ROOTS_MAX + 1]; /* the hospital's, and what came */
    struct study *study;                           /* NULL = no images */
    struct frames *frames;                         /* with study */
    struct release *release;
    struct answer *answer;
    struct line lines[GATEWAY_CENTRES_MAX];
    struct loop *loop;
    struct workers *workers;
    struct tls_context *tls;
    struct gateway_dicom *dicom; /* NULL = not asked for */
    struct gateway_web *web;
    atomic_int tunnel_count; /* open now */
    bool is_dialling;
    atomic_bool was_filled;
    bool awaits_pictures; /* the loop's, once it runs */
    struct policy_file policy_file;
    int64_t openings_swept_ms; /* the loop's */
    atomic_bool is_sweeping;
    struct loop_timer *tick;
};

static const char *in_data(struct gateway *gateway, const char *name, struct err *err)
{
    CLEANUP(buf_free) struct buf path = buf_init(PATH_MAX_BYTES);
    struct span copy = {0};
    buf_format(&path, "%s/%s", gateway->config.data, name);
    buf_byte(&path, '\0');
    if (!buf_to_arena(&path, &gateway->arena, &copy, err))
        return NULL;
    return (const char *)copy.at;
}

/* The index is opened before what it wakes exists. */
static void wake(void *context, int lane)
{
    struct gateway *gateway = context;
    if (gateway->answer)
        answer_wake(gateway->answer, lane);
}

static bool read_filled(struct gateway *gateway, struct err *err)
{
    bool was_filled = false;
    bool is_read = index_was_filled(gateway->index, &was_filled, err);
    atomic_store(&gateway->was_filled, was_filled);
    return is_read;
}

static bool open_records(struct gateway *gateway, struct err *err)
{
    struct gateway_config *config = &gateway->config;
    const char *audit_directory = in_data(gateway, "audit", err);
    const char *database = audit_directory ? in_data(gateway, "index.db", err) : NULL;
    const char *node = database ? text_to_cstr(config->node, &gateway->arena, err) : NULL;
    if (!node || !path_make_directory(audit_directory, err))
        return false;
    gateway->log.node = node;
    struct audit_config audit = {.directory = audit_directory,
                                 .node = node,
                                 .clock = clock_system(),
                                 .rand = rand_system(),
                                 .log = &gateway->log};
    gateway->audit = audit_open(&audit, err);
    if (!gateway->audit)
        return false;
    struct index_config index = {.location = database,
                                 .clock = clock_system(),
                                 .rand = rand_system(),
                                 .log = &gateway->log,
                                 .policy = &config->policy,
                                 .policy_json = config->policy_json,
                                 .wake = wake,
                                 .wake_context = gateway,
                                 .serves = true};
    struct gateway_recall recall = {audit_directory, node, &gateway->log};
    gateway->index = index_open(&index, err);
    return gateway->index && read_filled(gateway, err) &&
           gateway_recall_links(gateway->index, gateway->audit, &recall, err);
}

static bool open_rows(struct gateway *gateway, struct err *err)
{
    struct rows_config rows = {.connection_file = gateway->config.rows_connection,
                               .timeout_s = gateway->config.rows_timeout_s,
                               .clock = clock_system()};
    gateway->rows = rows.connection_file ? rows_open(&rows, err) : NULL;
    return gateway->rows || !rows.connection_file;
}

/* What a new index does not know of pictures must not be told as gone. */
static bool await_pictures(struct gateway *gateway, struct err *err)
{
    bool has_pictures = gateway->study != NULL;
    bool was_awaited = false;
    if (!index_awaits_pictures(gateway->index, &was_awaited, err))
        return false;
    gateway->awaits_pictures = has_pictures && (was_awaited || !gateway->was_filled);
    if (gateway->awaits_pictures == was_awaited)
        return true;
    return was_awaited ? index_note_pictures(gateway->index, err)
                       : index_await_pictures(gateway->index, err);
}

static void follow_pictures(struct gateway *gateway, struct err *err)
{
    study_tell_again(gateway->study);
    if (study_has_told(gateway->study))
        gateway->awaits_pictures = !index_note_pictures(gateway->index, err);
}

/* Pictures are drawn by processes that hold nothing of ours. */
static bool open_images(struct gateway *gateway, struct err *err)
{
    struct gateway_config *config = &gateway->config;
    const char *received = in_data(gateway, "images", err);
    size_t count = config->image_count;
    memcpy(gateway->images, config->images, count * sizeof *config->images);
    if (config->dicom.address || config->web.address)
        gateway->images[count++] = (struct study_root){GATEWAY_RECEIVED_LABEL, received};
    struct study_config study = {.index = gateway->index,
                                 .roots = gateway->images,
                                 .root_count = count,
                                 .sweep_ms = config->image_sweep_ms,
                                 .clock = clock_system(),
                                 .log = &gateway->log};
    struct frames_config frames = {.folder = received ? in_data(gateway, "previews", err)
                                                      : NULL,
                                   .kept_bytes_max = PREVIEW_BYTES_MAX,
                                   .processes = DECODERS,
                                   .clock = clock_system(),
                                   .log = &gateway->log};
    if (count == 0)
        return frames.folder != NULL;
    gateway->study = frames.folder ? study_new(&study, err) : NULL;
    gateway->frames = gateway->study ? frames_open(&frames, err) : NULL;
    return gateway->frames != NULL;
}

static bool open_gate(struct gateway *gateway, struct err *err)
{
    struct gateway_config *config = &gateway->config;
    struct collect_config collect = {.index = gateway->index,
                                     .roots = config->roots,
                                     .root_count = config->root_count,
                                     .transactions = config->transactions,
                                     .transaction_count = config->transaction_count,
                                     .rows = gateway->rows,
                                     .rows_period_ms = config->rows_period_ms,
                                     .facility_code = config->facility_code,
                                     .clock = clock_system(),
                                     .log = &gateway->log,
                                     .second_look_ms = config->second_look_ms,
                                     .sweep_period_ms = config->sweep_ms,
                                     .full_period_ms = config->full_sweep_ms,
                                     .recent_days = config->recent_days,
                                     .watches_max = config->watches_max,
                                     .asks_marks = config->asks_marks};
    struct release_config release = {.index = gateway->index,
                                     .audit = gateway->audit,
                                     .facility_code = config->facility_code,
                                     .facility_name = config->facility_name,
                                     .centre = config->grant_key,
                                     .clock = clock_system()};
    gateway->collect = collect_new(&collect, err);
    gateway->release = gateway->collect ? release_new(&release, err) : NULL;
    if (!gateway->release || !open_images(gateway, err) || !await_pictures(gateway, err))
        return false;
    struct answer_config answer = {.index = gateway->index,
                                   .collect = gateway->collect,
                                   .release = gateway->release,
                                   .study = gateway->study,
                                   .frames = gateway->frames,
                                   .audit = gateway->audit,
                                   .node = config->node,
                                   .facility_code = config->facility_code,
                                   .software = TEXT("tsumugi 0.1"),
                                   .limits = config->limits,
                                   .clock = clock_system(),
                                   .log = &gateway->log,
                                   .poll_ms = config->poll_ms};
    gateway->answer = answer_new(&answer, err);
    return gateway->answer != NULL;
}

static void on_tunnel(void *context, bool is_connected)
{
    struct line *line = context;
    struct gateway *gateway = line->gateway;
    answer_line_changed(gateway->answer, line->number, is_connected);
    if (is_connected != line->is_open)
        atomic_fetch_add(&gateway->tunnel_count, is_connected ? 1 : -1);
    line->is_open = is_connected;
    LOG(&gateway->log, "tunnel", LOG_WORD("state", is_connected ? "open" : "lost"),
        LOG_NUMBER("centre", line->number));
}

static bool open_dialer(struct line *line, struct err *err)
{
    struct gateway *gateway = line->gateway;
    struct gateway_config *config = &gateway->config;
    struct tunnel_dialer_config dialer = {.loop = gateway->loop,
                                          .workers = gateway->workers,
                                          .tls = gateway->tls,
                                          .host = config->centres[line->number].host,
                                          .port = config->centres[line->number].port,
                                          .router = line->router,
                                          .limits = http_default_limits(),
                                          .retry_min_ms = RETRY_MIN_MS,
                                          .retry_max_ms = RETRY_MAX_MS,
                                          .ping_ms = PING_MS,
                                          .changed = on_tunnel,
                                          .context = line,
                                          .log = &gateway->log};
    if (config->proxy.host)
        dialer.proxy = &config->proxy;
    dialer.limits.arena_max_bytes = 128 << 20; /* a source of 16 MiB and its entries */
    line->dialer = tunnel_dialer_open(&dialer, err);
    return line->dialer != NULL;
}

static bool open_dialers(struct gateway *gateway, struct err *err)
{
    for (size_t i = 0; i < gateway->config.centre_count; i++)
        if (!gateway->lines[i].dialer && !open_dialer(&gateway->lines[i], err))
            return false;
    gateway->is_dialling = true;
    return true;
}

/* ---- the policy, while the gateway runs ---- */

/* Says another policy than before, or one that cannot be read: then the former stays. */
static bool read_policy_file(struct gateway *gateway, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(POLICY_ARENA_BYTES);
    struct text former;
    struct span bytes = {0};
    if (!path_read_named(gateway->config.policy_file, UPLINK_POLICY_BYTES_MAX, &arena,
                         &bytes, err) ||
        !index_read_policy_json(gateway->index, &arena, &former, err))
        return false;
    if (span_equal(text_span(former), bytes) &&
        !atomic_load(&gateway->policy_file.is_to_read))
        return true;
    if (!uplink_check_policy(bytes, err) ||
        !index_change_policy(gateway->index, bytes, err))
        return false;
    LOG(&gateway->log, "policy_changed", LOG_NUMBER("bytes", (int64_t)bytes.len));
    return true;
}

static void follow_policy_file(void *context)
{
    struct gateway *gateway = context;
    struct policy_file *file = &gateway->policy_file;
    struct err err = {0};
    bool is_read = read_policy_file(gateway, &err);
    if (!is_read && !atomic_load(&file->is_to_read))
        log_err(&gateway->log, "policy", &err);
    /* a faulty file is read again when it is another one */
    atomic_store(&file->is_to_read, !is_read && err.kind == ERR_BUSY);
    atomic_store(&file->is_reading, false);
}

static struct file_state state_of(const char *name)
{
    struct stat status;
    if (stat(name, &status) != 0)
        return (struct file_state){0};
    return (struct file_state){.inode = status.st_ino,
                               .bytes = status.st_size,
                               .changed = status.st_mtim,
                               .status = status.st_ctim};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_file(const struct file_state *a, const struct file_state *b)
{
    return a->inode == b->inode && a->bytes == b->bytes &&
           is_same_time(a->changed, b->changed) && is_same_time(a->status, b->status);
}

/* A file that is gone for a moment is being replaced. */
static void look_at_policy_file(struct gateway *gateway)
{
    struct policy_file *file = &gateway->policy_file;
    struct file_state now = state_of(gateway->config.policy_file);
    bool is_new = now.inode != 0 && !is_same_file(&now, &file->seen);
    if (!is_new && !atomic_load(&file->is_to_read))
        return;
    if (atomic_exchange(&file->is_reading, true))
        return;
    if (workers_post(gateway->workers, follow_policy_file, gateway))
        file->seen = now;
    else
        atomic_store(&file->is_reading, false);
}

static void end_openings(void *context)
{
    struct gateway *gateway = context;
    release_sweep(gateway->release);
    /* What was read and answered leaves holes between what stays. */
    memory_give_back();
    atomic_store(&gateway->is_sweeping, false);
}

/* Studies that nobody looks at any more have their last row written. */
static void sweep_openings(struct gateway *gateway)
{
    struct clock clock = clock_system();
    int64_t now_ms = clock_monotonic_ms(&clock);
    if (now_ms - gateway->openings_swept_ms < OPENINGS_SWEEP_MS ||
        atomic_exchange(&gateway->is_sweeping, true))
        return;
    gateway->openings_swept_ms = now_ms;
    if (!workers_post(gateway->workers, end_openings, gateway))
        atomic_store(&gateway->is_sweeping, false);
}

/* A new index knows nobody yet: the centre is dialled when a first sweep has filled it,
 * or numbers would be answered as unknown that are there. */
static void on_tick(void *context)
{
    struct gateway *gateway = context;
    struct err err = {0};
    bool is_filled_now = !gateway->was_filled && collect_has_swept(gateway->collect);
    if (is_filled_now)
        gateway->was_filled = index_note_filled(gateway->index, &err);
    if (gateway->was_filled && !gateway->is_dialling && err.kind == ERR_NONE)
        (void)!open_dialers(gateway, &err);
    if (gateway->was_filled && gateway->awaits_pictures && err.kind == ERR_NONE)
        follow_pictures(gateway, &err);
    if (err.kind != ERR_NONE)
        log_err(&gateway->log, "tick", &err);
    answer_tick(gateway->answer);
    sweep_openings(gateway);
    look_at_policy_file(gateway);
    loop_timer_set(gateway->tick, TICK_MS);
}

static bool open_routers(struct gateway *gateway, struct err *err)
{
    for (size_t i = 0; i < gateway->config.centre_count; i++) {
        struct line *line = &gateway->lines[i];
        *line = (struct line){
            .gateway = gateway, .number = (int)i, .router = http_router_new()};
        if (!line->router)
            return err_set(err, ERR_BUSY, "memory_short", "no memory");
        answer_routes(line->router, gateway->answer, line->number);
    }
    return true;
}

static bool open_wire(struct gateway *gateway, struct err *err)
{
    static const char *const alpn[] = {"tsumugi-gw/1", NULL};
    struct gateway_config *config = &gateway->config;
    struct tls_files files = {config->certificate, config->key, config->authority};
    gateway->loop = open_routers(gateway, err) ? loop_new(err) : NULL;
    gateway->workers = gateway->loop ? workers_new(WORKERS, WORKER_QUEUE, err) : NULL;
    gateway->tls = gateway->workers ? tls_client_open(&files, alpn, err) : NULL;
    if (!gateway->tls)
        return false;
    gateway->tick = loop_timer_new(gateway->loop, on_tick, gateway, err);
    return gateway->tick != NULL;
}

/* On a thread of the store, which has other things to do. */
static void on_kept(void *context, const struct instances_kept *kept)
{
    struct gateway *gateway = context;
    char folder[INSTANCES_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", kept->path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    study_note(gateway->study, GATEWAY_RECEIVED_LABEL, slash ? folder : "");
}

/* Without `dicom` and `dicomweb` in the configuration nothing is received. */
static bool open_dicom(struct gateway *gateway, struct err *err)
{
    const struct gateway_dicom_settings *settings = &gateway->config.dicom;
    bool is_asked_for = settings->address || gateway->config.web.address;
    const char *directory = is_asked_for ? in_data(gateway, "images", err) : NULL;
    struct gateway_dicom_config dicom = {.loop = gateway->loop,
                                         .workers = gateway->workers,
                                         .settings = settings,
                                         .directory = directory,
                                         .log = &gateway->log,
                                         .kept = on_kept,
                                         .context = gateway};
    if (!is_asked_for)
        return true;
    gateway->dicom = directory ? gateway_dicom_open(&dicom, err) : NULL;
    return gateway->dicom != NULL;
}

/* Each of the centre's processes is reached, all storages are read, and who reads what
 * can be written down. What comes first here keeps the rest from being so: a new index is
 * filled before anybody is dialled. */
static const char *find_fault(void *context)
{
    struct gateway *gateway = context;
    if (!audit_is_writable(gateway->audit))
        return "audit_unwritable";
    switch (collect_standing(gateway->collect).state) {
    case COLLECT_AWAY:
        return "storage_away";
    case COLLECT_FAILED:
        return "storage_failed";
    case COLLECT_NOT_YET:
        if (!gateway->was_filled)
            return "storage_not_read";
        break;
    case COLLECT_READ:
        break;
    }
    bool is_reached =
        atomic_load(&gateway->tunnel_count) == (int)gateway->config.centre_count;
    return is_reached ? NULL : "centre_away";
}

static void put_discs(struct study *study, struct buf *out)
{
    struct study_discs discs = study_look_up_discs(study);
    meter_put_head(out, "tsumugi_gateway_disc_files", "gauge",
                   "Files that DICOMDIRs name: all, and those that are not there.");
    meter_put(out, "tsumugi_gateway_disc_files", "state=\"named\"", discs.named);
    meter_put(out, "tsumugi_gateway_disc_files", "state=\"missing\"", discs.missing);
    meter_put(out, "tsumugi_gateway_disc_files", "state=\"other\"", discs.other);
}

static void put_meters(void *context, struct buf *out)
{
    struct gateway *gateway = context;
    meter_put_head(out, "tsumugi_gateway_tunnels", "gauge", "Tunnels open now.");
    meter_put(out, "tsumugi_gateway_tunnels", "", atomic_load(&gateway->tunnel_count));
    meter_put_head(out, "tsumugi_gateway_ready", "gauge", "As /healthz says.");
    meter_put(out, "tsumugi_gateway_ready", "", !find_fault(gateway));
    if (gateway->study)
        put_discs(gateway->study, out);
    if (gateway->dicom)
        gateway_dicom_put_meters(gateway->dicom, out);
}

static bool open_web(struct gateway *gateway, struct err *err)
{
    struct gateway_web_config web = {
        .loop = gateway->loop,
        .workers = gateway->workers,
        .settings = &gateway->config.web,
        .instances = gateway->dicom ? gateway_dicom_instances(gateway->dicom) : NULL,
        .log = &gateway->log,
        .find_fault = find_fault,
        .put_meters = put_meters,
        .context = gateway};
    gateway->web = gateway_web_open(&web, err);
    return gateway->web != NULL;
}

void gateway_read_rows(int socket)
{
    rows_serve(socket);
}

struct gateway *gateway_open(const char *config_file, struct err *err)
{
    struct gateway *gateway = memory_new(1, sizeof *gateway, err);
    if (!gateway)
        return NULL;
    gateway->arena = arena_init(4 << 20);
    gateway->log = (struct log){STDERR_FILENO, clock_system(), "gateway"};
    if (!secret_start(err) ||
        !gateway_read_config(config_file, &gateway->arena, &gateway->config, err) ||
        !path_make_directory(gateway->config.data, err) || !open_records(gateway, err) ||
        !open_rows(gateway, err) || !open_gate(gateway, err) ||
        !open_wire(gateway, err) || !open_dicom(gateway, err) ||
        !open_web(gateway, err)) {
        gateway_close(gateway);
        return NULL;
    }
    return gateway;
}

bool gateway_run(struct gateway *gateway, struct err *err)
{
    if (!collect_start(gateway->collect, err) ||
        (gateway->study && !study_start(gateway->study, err)))
        return false;
    loop_timer_set(gateway->tick, TICK_MS);
    loop_run(gateway->loop);
    return true;
}

void gateway_stop(struct gateway *gateway)
{
    loop_stop(gateway->loop);
}

/* Against the order of opening: first nothing new comes in, then nothing runs, then the
 * records are closed. */
void gateway_close(struct gateway *gateway)
{
    if (!gateway)
        return;
    for (size_t i = 0; i < GATEWAY_CENTRES_MAX; i++)
        if (gateway->lines[i].dialer)
            tunnel_dialer_close(gateway->lines[i].dialer);
    gateway_web_stop(gateway->web);
    gateway_dicom_stop(gateway->dicom);
    study_stop(gateway->study);
    collect_stop(gateway->collect);
    answer_end(gateway->answer);
    if (gateway->workers)
        workers_free(gateway->workers);
    gateway_dicom_close(gateway->dicom);
    if (gateway->tick)
        loop_timer_free(gateway->tick);
    if (gateway->loop)
        loop_free(gateway->loop);
    gateway_web_close(gateway->web);
    answer_free(gateway->answer);
    collect_free(gateway->collect); /* the workers and streams asked it */
    rows_close(gateway->rows);
    for (size_t i = 0; i < GATEWAY_CENTRES_MAX; i++)
        http_router_free(gateway->lines[i].router);
    if (gateway->tls)
        tls_context_free(gateway->tls);
    frames_close(gateway->frames);
    release_free(gateway->release);
    study_free(gateway->study);
    index_close(gateway->index);
    audit_close(gateway->audit);
    arena_free(&gateway->arena);
    memory_free(gateway);
}
