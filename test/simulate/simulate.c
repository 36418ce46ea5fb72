// SPDX-License-Identifier: Apache-2.0
/* The simulation of a region in one process (test/simulate/README.md):
 * simulate --seed N | --seeds FIRST-LAST [--steps N] [--jobs N] [--verbose] [--keep]
 * One process per seed; the output is TAP, one test per seed. */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/simulate/play.h"
#include "test/simulate/scheduler.h"

/* Of the processor, so that a crowded machine ends nothing; of the clock for one that
 * waits. */
enum { JOBS_MAX = 64, STEPS = 60, SEED_SECONDS = 100, WAIT_SECONDS = 1000 };
#define BEGIN_MS 1794960000000 /* 2026-11-18, early in Japan */

struct options {
    uint64_t first, last;
    int steps, jobs;
    bool is_verbose, keeps;
};

struct job {
    pid_t process;
    uint64_t seed;
    char root[64];
    char told[80];
};

static int remove_one(const char *name, const struct stat *status, int kind,
                      struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(name);
}

/* ---- one seed, in its own process ---- */

static struct play *playing; /* allowed: for the signal of a failed assertion */

static void on_abort(int number)
{
    (void)number;
    signal(SIGABRT, SIG_DFL);
    if (playing)
        play_fail(playing, "an assertion fails: last words in the log");
}

static void play_one(const struct options *options, const struct job *job)
{
    static struct play play; /* allowed: too large for the stack */
    struct rlimit many = {65536, 65536};
    char path[80];
    if (getrlimit(RLIMIT_NOFILE, &many) == 0) {
        many.rlim_cur = many.rlim_max;
        setrlimit(RLIMIT_NOFILE, &many);
    }
    snprintf(path, sizeof path, "%s/log", job->root);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log >= 0 && !options->is_verbose)
        dup2(log, STDERR_FILENO);
    snprintf(path, sizeof path, "%s/told", job->root);
    static char told[1 << 16]; /* allowed: no memory is asked for while one fails */
    if (!freopen(path, "w", stdout) || setvbuf(stdout, told, _IOFBF, sizeof told) != 0)
        _exit(2);
    play.seed = job->seed;
    play.step_count = options->steps;
    play.is_verbose = options->is_verbose;
    playing = &play;
    signal(SIGABRT, on_abort);
    struct itimerval busy = {.it_value = {.tv_sec = SEED_SECONDS}};
    setitimer(ITIMER_PROF, &busy, NULL);
    alarm(WAIT_SECONDS);
    scheduler_start(job->seed, BEGIN_MS);
    play_run(&play, job->root);
    printf(
        "%d steps, %lld s, %d shown, %d refused, %d kills, %d times in step, %llu turns, "
        "trace %016llx\n",
        play.step_count, (long long)(scheduler_now_us() / 1000000 - 1000),
        play.disclosures, play.refusals, play.kills, play.settlings,
        (unsigned long long)scheduler_turns(), (unsigned long long)scheduler_trace());
    fflush(stdout);
    _exit(0); /* whatever still waits is nobody's any more */
}

/* ---- all of them ---- */

static void start_job(const struct options *options, struct job *job, uint64_t seed)
{
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    *job = (struct job){.seed = seed};
    snprintf(job->root, sizeof job->root, "%s/simulate_XXXXXX", folder);
    if (!mkdtemp(job->root)) {
        perror("simulate");
        exit(2);
    }
    fflush(stdout);
    job->process = fork();
    if (job->process == 0)
        play_one(options, job);
}

static void print_file(const char *root, const char *name, const char *before, long last)
{
    char path[80], line[1024];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, size > last ? size - last : 0, SEEK_SET);
    while (fgets(line, sizeof line, file))
        printf("%s%s%s", before, line, strchr(line, '\n') ? "" : "\n");
    fclose(file);
}

static bool end_job(const struct options *options, struct job *job, int status,
                    int number)
{
    bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("%sok %d - seed %llu\n", is_good ? "" : "not ", number,
           (unsigned long long)job->seed);
    if (!is_good && WIFSIGNALED(status))
        printf("# ended by signal %d\n", WTERMSIG(status));
    print_file(job->root, "told", is_good ? "# " : "", 1 << 16);
    if (!is_good)
        print_file(job->root, "log", "#   log: ", 3000);
    fflush(stdout);
    job->process = 0;
    if (options->keeps)
        printf("# kept: %s\n", job->root);
    else
        nftw(job->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return is_good;
}

static int run_all(const struct options *options)
{
    struct job jobs[JOBS_MAX] = {{0}};
    uint64_t next = options->first;
    int ended = 0, failed = 0, running = 0, status = 0;
    while (next <= options->last || running > 0) {
        for (int i = 0; i < options->jobs && next <= options->last; i++)
            if (jobs[i].process == 0) {
                start_job(options, &jobs[i], next++);
                running++;
            }
        pid_t process = waitpid(-1, &status, 0);
        for (int i = 0; i < options->jobs; i++)
            if (jobs[i].process == process && process > 0) {
                failed += !end_job(options, &jobs[i], status, ++ended);
                running--;
            }
    }
    printf("1..%d\n", ended);
    return failed > 0;
}

/* "5" or "5-9" */
static bool read_range(const char *value, uint64_t *first, uint64_t *last)
{
    struct span rest = span_cstr(value), part = {0};
    if (!span_take(&rest, '-', &part) || !span_uint(part, UINT64_MAX / 2, first))
        return false;
    *last = *first;
    return rest.len == 0 || span_uint(rest, UINT64_MAX / 2, last);
}

static bool read_option(struct options *options, const char *name, const char *value)
{
    uint64_t number = 0, last = 0;
    if (!read_range(value, &number, &last))
        return false;
    if (strcmp(name, "--seed") == 0 || strcmp(name, "--seeds") == 0) {
        options->first = number;
        options->last = last;
    } else if (strcmp(name, "--steps") == 0) {
        options->steps = (int)number;
    } else if (strcmp(name, "--jobs") == 0) {
        options->jobs = number < JOBS_MAX ? (int)number : JOBS_MAX;
    } else {
        return false;
    }
    return true;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){.steps = STEPS, .jobs = 1, .last = 0, .first = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            options->is_verbose = true;
        else if (strcmp(argv[i], "--keep") == 0)
            options->keeps = true;
        else if (i + 1 >= argc || !read_option(options, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return options->first <= options->last && options->steps > 0 && options->jobs > 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: simulate --seed N | --seeds FIRST-LAST [--steps N] "
                        "[--jobs N] [--verbose] [--keep]\n");
        return 2;
    }
    return run_all(&options);
}
