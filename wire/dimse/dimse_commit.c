// SPDX-License-Identifier: Apache-2.0
/* Storage commitment (PS3.4 J): the sink is asked on a worker; the result goes back over
 * the association while that is open, else over a new one to the peer's own address. */
#include "base/memory.h"
#include "wire/dimse/dimse_server.h"
#include "wire/loop/loop.h"
#include "wire/workers/workers.h"

enum { JOBS_MAX = 32, JOB_ARENA_BYTES = 32 << 20, REPORT_DEADLINE_MS = 30000 };

struct dimse_job {
    struct dimse_server *server;
    struct dimse_line *line; /* NULL = gone */
    const struct dimse_peer *peer;
    struct arena arena;
    struct dimse_commitment commitment;
    uint16_t event_id; /* sent over the line and not answered yet; 0 = is not */
    struct dimse_report *report;
    struct dimse_job *next;
};

static void end_job(struct dimse_job *job, bool is_told)
{
    struct dimse_server *server = job->server;
    struct dimse_job **link = &server->jobs;
    uint64_t committed = 0;
    for (size_t i = 0; i < job->commitment.count; i++)
        committed += job->commitment.references[i].status == DIMSE_SUCCESS;
    if (is_told)
        server->committed_count += committed;
    else
        server->untold_count++;
    LOG(server->config.log, "dicom_commitment",
        LOG_WORD("result", is_told ? "told" : "untold"),
        LOG_NUMBER("peer", job->peer - server->config.peers),
        LOG_NUMBER("asked", job->commitment.count), LOG_NUMBER("committed", committed));
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    server->job_count--;
    arena_free(&job->arena);
    memory_free(job);
    dimse_forget(server);
}

static void reported(void *context, bool is_told)
{
    end_job(context, is_told);
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
                                         .done = reported,
                                         .context = job};
    bool is_dialled = job->peer->report_host && !job->server->is_closed;
    job->report = is_dialled ? dimse_report_start(&report, &job->commitment, &err) : NULL;
    if (!job->report)
        end_job(job, false);
}

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

static struct dimse_job *make_job(struct dimse_line *line, struct err *err)
{
    struct dimse_server *server = line->server;
    struct dimse_job *job = NULL;
    if (server->job_count < JOBS_MAX)
        job = memory_new(1, sizeof *job, err);
    if (!job)
        return NULL;
    *job = (struct dimse_job){.server = server,
                              .line = line,
                              .peer = line->peer,
                              .arena = arena_init(JOB_ARENA_BYTES),
                              .next = server->jobs};
    return job;
}

uint16_t dimse_commit_begin(struct dimse_line *line, struct span set,
                            const struct dimse_syntax *syntax)
{
    struct err err = {0};
    struct dimse_server *server = line->server;
    struct dimse_job *job = make_job(line, &err);
    if (!job)
        return DIMSE_RESOURCES_SHORT;
    uint16_t status = DIMSE_SUCCESS;
    if (!dimse_read_commitment(set, syntax, &job->arena, &job->commitment, &err)) {
        dimse_note_fault(server, err.code, (int)(line->peer - server->config.peers));
        status = err.kind == ERR_SYNTAX ? 0x0115 : DIMSE_RESOURCES_SHORT;
    } else if (!workers_post(server->config.workers, ask, job)) {
        status = DIMSE_RESOURCES_SHORT;
    }
    if (status != DIMSE_SUCCESS) {
        arena_free(&job->arena);
        memory_free(job);
        return status;
    }
    server->jobs = job;
    server->job_count++;
    return status;
}

void dimse_commit_told(struct dimse_line *line, uint16_t event_id)
{
    for (struct dimse_job *job = line->server->jobs; job; job = job->next)
        if (job->line == line && event_id != 0 && job->event_id == event_id) {
            end_job(job, true);
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
