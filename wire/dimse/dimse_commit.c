// SPDX-License-Identifier: Apache-2.0
/* Storage commitment (PS3.4 J): a request is kept by the sink before it is accepted; the
 * sink is asked on a worker; the result goes back over the association while that is
 * open, else over a new one to the peer's own address, until the peer has it or it is too
 * old. What a server that ends still owes stays kept, for dimse_owe of the next. */
#include "base/memory.h"
#include "wire/dimse/dimse_server.h"
#include "wire/loop/loop.h"
#include "wire/workers/workers.h"

enum {
    JOBS_MAX = 256,
    PEER_JOBS_MAX = 64, /* so that one that cannot be reached takes nobody's room */
    OWED_MAX = 400000,  /* instances in all jobs */
    JOB_ARENA_BYTES = 32 << 20,
    SET_BYTES = 2 * DIMSE_COMMITMENT_BYTES,
    REPORT_DEADLINE_MS = 30000
};

enum outcome { OUTCOME_UNTOLD, OUTCOME_TOLD, OUTCOME_LATER };

struct dimse_job {
    struct dimse_server *server;
    struct dimse_line *line; /* NULL = gone */
    const struct dimse_peer *peer;
    struct arena arena;
    struct dimse_commitment commitment;
    uint64_t number;   /* the sink's; 0 = not kept */
    int64_t since_ms;  /* UTC */
    uint16_t event_id; /* sent over the line and not answered yet; 0 = is not */
    struct dimse_report *report;
    struct dimse_job *next;
};

/* ---- its end ---- */

static void free_job(void *context)
{
    struct dimse_job *job = context;
    struct dimse_server *server = job->server;
    struct dimse_job **link = &server->jobs;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    server->job_count--;
    server->owed_count -= job->commitment.count;
    arena_free(&job->arena);
    memory_free(job);
    dimse_forget(server);
}

static void forget(void *context)
{
    struct dimse_job *job = context;
    const struct dimse_config *config = &job->server->config;
    config->sink->forget(config->context, job->number);
    loop_post(config->loop, free_job, job);
}

static void end_job(struct dimse_job *job, enum outcome outcome)
{
    static const char *const words[] = {"untold", "told", "later"};
    struct dimse_server *server = job->server;
    uint64_t committed = 0;
    for (size_t i = 0; i < job->commitment.count; i++)
        committed += job->commitment.references[i].status == DIMSE_SUCCESS;
    if (outcome == OUTCOME_TOLD)
        server->committed_count += committed;
    server->untold_count += outcome == OUTCOME_UNTOLD;
    LOG(server->config.log, "dicom_commitment", LOG_WORD("result", words[outcome]),
        LOG_NUMBER("peer", job->peer - server->config.peers),
        LOG_NUMBER("asked", job->commitment.count), LOG_NUMBER("committed", committed));
    /* the workers and the sink of a closed one may be gone */
    bool is_forgotten =
        job->number != 0 && outcome != OUTCOME_LATER && !server->is_closed;
    if (!is_forgotten || !workers_resume(server->config.workers, forget, job))
        free_job(job);
}

/* ---- telling ---- */

static void reported(void *context, bool is_told)
{
    struct dimse_job *job = context;
    bool is_later = !is_told && job->server->is_closed && job->number != 0;
    job->report = NULL;
    if (is_later)
        end_job(job, OUTCOME_LATER);
    else
        end_job(job, is_told ? OUTCOME_TOLD : OUTCOME_UNTOLD);
}

static void tell(void *context)
{
    struct dimse_job *job = context;
    const struct dimse_config *config = &job->server->config;
    struct err err = {0};
    if (job->line)
        job->event_id =
            dimse_association_report(&job->line->association, &job->commitment);
    if (job->event_id != 0)
        return; /* a peer that is about to leave does not hear it */
    job->line = NULL;
    struct dimse_report_config report = {.loop = config->loop,
                                         .workers = config->workers,
                                         .tls = config->report_tls,
                                         .peer = job->peer,
                                         .title = config->title,
                                         .retry_ms = config->report_retry_ms,
                                         .deadline_ms = REPORT_DEADLINE_MS,
                                         .until_ms =
                                             job->since_ms + config->report_age_ms,
                                         .done = reported,
                                         .context = job};
    bool is_dialled = job->peer->report_host && !job->server->is_closed;
    job->report = is_dialled ? dimse_report_start(&report, &job->commitment, &err) : NULL;
    if (!job->report)
        reported(job, false);
}

/* ---- on a worker ---- */

static void ask(void *context)
{
    struct dimse_job *job = context;
    const struct dimse_config *config = &job->server->config;
    for (size_t i = 0; i < job->commitment.count; i++) {
        struct dimse_reference *one = &job->commitment.references[i];
        one->status =
            config->sink->ask(config->context, one->sop_class, one->sop_instance);
    }
    loop_post(config->loop, tell, job);
}

/* Nothing was asked yet: as a result it is what the peer sent. */
static bool keep(struct dimse_job *job)
{
    const struct dimse_config *config = &job->server->config;
    struct err err = {0};
    CLEANUP(buf_free) struct buf set = buf_init(SET_BYTES);
    if (!config->sink->keep)
        return true;
    dimse_put_result(&job->commitment, true, &set);
    struct dimse_due due = {
        .calling = job->peer->title, .since_ms = job->since_ms, .set = buf_view(&set)};
    if (buf_check(&set, &err) &&
        config->sink->keep(config->context, &due, &job->number, &err))
        return true;
    log_err(config->log, "dicom_commitment", &err);
    return false;
}

static void accepted(void *context)
{
    struct dimse_job *job = context;
    if (job->line)
        dimse_answer_line(job->line, DIMSE_SUCCESS);
}

static void refused(void *context)
{
    struct dimse_job *job = context;
    if (job->line)
        dimse_answer_line(job->line, DIMSE_RESOURCES_SHORT);
    free_job(job);
}

static void take(void *context)
{
    struct dimse_job *job = context;
    bool is_kept = keep(job);
    loop_post(job->server->config.loop, is_kept ? accepted : refused, job);
    if (is_kept)
        ask(job);
}

/* ---- its beginning ---- */

static bool has_room(const struct dimse_server *server, const struct dimse_peer *peer)
{
    int count = 0;
    for (const struct dimse_job *job = server->jobs; job; job = job->next)
        count += job->peer == peer;
    return server->job_count < JOBS_MAX && count < PEER_JOBS_MAX;
}

static struct dimse_job *make_job(struct dimse_server *server,
                                  const struct dimse_peer *peer, struct err *err)
{
    struct dimse_job *job = NULL;
    if (!has_room(server, peer))
        err_set(err, ERR_LIMIT, "dicom_due_many", "too many results are owed");
    else
        job = memory_new(1, sizeof *job, err);
    if (job)
        *job = (struct dimse_job){
            .server = server, .peer = peer, .arena = arena_init(JOB_ARENA_BYTES)};
    return job;
}

/* Reads the set and has it worked on; what was promised before goes before what is new
 * and finds room. *Takes* the job. */
static bool start_job(struct dimse_job *job, struct span set,
                      const struct dimse_syntax *syntax, void (*work)(void *context),
                      struct err *err)
{
    struct dimse_server *server = job->server;
    bool is_started =
        dimse_read_commitment(set, syntax, &job->arena, &job->commitment, err);
    if (is_started && job->commitment.count > OWED_MAX - server->owed_count)
        is_started = err_set(err, ERR_LIMIT, "dicom_due_many", "too many instances");
    bool (*post)(struct workers * workers, void (*fn)(void *context), void *context) =
        job->number == 0 ? workers_post : workers_resume;
    if (is_started && !post(server->config.workers, work, job))
        is_started = err_set(err, ERR_LIMIT, "dicom_due_many", "no worker is free");
    if (!is_started) {
        arena_free(&job->arena);
        memory_free(job);
        return false;
    }
    job->next = server->jobs;
    server->jobs = job;
    server->job_count++;
    server->owed_count += job->commitment.count;
    return true;
}

uint16_t dimse_commit_begin(struct dimse_line *line, struct span set,
                            const struct dimse_syntax *syntax)
{
    struct err err = {0};
    struct dimse_server *server = line->server;
    struct dimse_job *job = make_job(server, line->peer, &err);
    if (job) {
        job->line = line;
        job->since_ms = clock_wall_ms(&server->clock);
    }
    if (job && start_job(job, set, syntax, take, &err))
        return DIMSE_SUCCESS;
    dimse_note_fault(server, err.code, (int)(line->peer - server->config.peers));
    return err.kind == ERR_SYNTAX ? 0x0115 : DIMSE_RESOURCES_SHORT;
}

bool dimse_owe(struct dimse_server *server, const struct dimse_due *due, struct err *err)
{
    static const struct dimse_syntax syntax = {.uid = DIMSE_EXPLICIT,
                                               .is_explicit = true};
    const struct dimse_peer *peer = dimse_find_peer(server, due->calling);
    int64_t now_ms = clock_wall_ms(&server->clock);
    struct dimse_job *job = NULL;
    if (!peer || !peer->report_host)
        err_set(err, ERR_MISSING, "dicom_due_peer", "nobody to be told");
    else if (now_ms >= due->since_ms + server->config.report_age_ms)
        err_set(err, ERR_LIMIT, "dicom_due_old", "too old to be told");
    else
        job = make_job(server, peer, err);
    if (job) {
        job->number = due->number;
        job->since_ms = due->since_ms;
    }
    if (job && start_job(job, due->set, &syntax, ask, err))
        return true;
    server->untold_count++;
    return false;
}

/* ---- what becomes of its line ---- */

void dimse_commit_told(struct dimse_line *line, uint16_t event_id)
{
    for (struct dimse_job *job = line->server->jobs; job; job = job->next)
        if (job->line == line && event_id != 0 && job->event_id == event_id) {
            job->event_id = 0;
            job->line = NULL;
            end_job(job, OUTCOME_TOLD);
            return;
        }
}

/* What was not heard is told over another association. */
static void leave_line(struct dimse_job *job)
{
    job->line = NULL;
    if (job->event_id != 0)
        loop_post(job->server->config.loop, tell, job);
    job->event_id = 0;
}

void dimse_commit_line_gone(struct dimse_line *line)
{
    for (struct dimse_job *job = line->server->jobs; job; job = job->next)
        if (job->line == line)
            leave_line(job);
}

void dimse_commit_close(struct dimse_server *server)
{
    for (struct dimse_job *job = server->jobs; job; job = job->next) {
        leave_line(job);
        if (job->report)
            dimse_report_stop(job->report);
    }
}
