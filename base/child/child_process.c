// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child/child.h"
#include "base/path.h"

enum { FIRST_DESCRIPTOR = 3, WORDS_MAX = 8 };

static int plan_files(posix_spawn_file_actions_t *files, const struct child_start *start)
{
    int first = FIRST_DESCRIPTOR;
    int failed = posix_spawn_file_actions_adddup2(files, start->input, STDIN_FILENO);
    failed |=
        posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!start->shows_errors)
        failed |= posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null",
                                                   O_WRONLY, 0);
    if (start->memory >= 0)
        failed |= posix_spawn_file_actions_adddup2(files, start->memory, first++);
    return failed | posix_spawn_file_actions_addclosefrom_np(files, first);
}

/* posix_spawn changes neither words nor environment, but takes them as if it did. */
static void gather_words(const struct child_start *start, char *words[WORDS_MAX])
{
    union {
        const char *ours;
        char *theirs;
    } word = {.ours = "tsumugi"};
    words[0] = word.theirs;
    int count = 1;
    for (const char *const *at = start->arguments; *at && count < WORDS_MAX - 1; at++) {
        word.ours = *at;
        words[count++] = word.theirs;
    }
    words[count] = NULL;
}

int child_process_start(struct child_process *process, const struct child_start *start)
{
    const char *program = start->program ? start->program : "/proc/self/exe";
    char *words[WORDS_MAX];
    char *nothing[] = {NULL};
    sigset_t none, all;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    gather_words(start, words);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    int failed = plan_files(&files, start);
    if (!failed)
        failed = posix_spawn(&process->pid, program, &files, &how, words,
                             start->environment ? start->environment : nothing);
    if (failed)
        process->pid = 0;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return failed;
}

void child_process_kill(struct child_process *process)
{
    if (process->pid <= 0)
        return;
    kill(-process->pid, SIGKILL);
    process->dying = process->pid;
    process->pid = 0;
}

bool child_process_is_gone(struct child_process *process, int wait_ms, int *status)
{
    if (process->dying == 0)
        return true;
    CLEANUP(path_close) int gone = pidfd_open(process->dying, 0);
    struct pollfd ready = {.fd = gone, .events = POLLIN};
    if (gone >= 0)
        poll(&ready, 1, wait_ms);
    if (waitpid(process->dying, status, WNOHANG) != 0)
        process->dying = 0;
    return process->dying == 0;
}
