// SPDX-License-Identifier: Apache-2.0
/* Children of a process that systemd has shut in as the package's units do
 * (packaging/tsumugi-gateway.service): no namespaces (RestrictNamespaces), none of the
 * calls of @privileged, @resources and @mount (SystemCallFilter, answered with EPERM), no
 * capabilities. This program run again is the child, too. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child/child.h"
#include "base/path.h"
#include "base/test.h"

static bool answer(void *self, struct span request, struct buf *reply, struct err *err)
{
    (void)self, (void)err;
    if (span_is(request, "exec"))
        execl("/bin/true", "true", NULL);
    buf_span(reply, request);
    return true;
}

/* ---- as the unit does ---- */

static bool refuse_calls(void)
{
    static const long refused[] = {SYS_unshare, SYS_setns,      SYS_mount,  SYS_umount2,
                                   SYS_chroot,  SYS_pivot_root, SYS_capset, SYS_setrlimit,
                                   SYS_seccomp, SYS_setpriority};
    enum { COUNT = sizeof refused / sizeof *refused };
    struct sock_filter code[2 * COUNT + 2];
    unsigned short len = 0;
    code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++) {
        code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                   (uint32_t)refused[i], 0, 1);
        code[len++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1);
    }
    code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {len, code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

static bool shut_in(bool keeps_capabilities)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           (keeps_capabilities || syscall(SYS_capset, &head, none) == 0) &&
           refuse_calls();
}

/* ---- what its children do then ---- */

static const char *ask(struct child_pool *pool, const char *request)
{
    static char said[64];
    CLEANUP(buf_free) struct buf reply = buf_init(1000);
    struct err err = {0};
    if (!child_run(pool, span_cstr(request), &reply, &err)) {
        printf("# %s: %s\n", err.code, err.text);
        return err.code;
    }
    snprintf(said, sizeof said, "%.*s", (int)reply.len, (const char *)reply.at);
    return said;
}

/* A process of its own, since nothing of this can be taken back: what two questions were
 * answered with, and what the log says, through a pipe. */
static void tell_what_they_do(bool keeps_capabilities, int out)
{
    static const char *const words[] = {"--child", NULL};
    struct err err = {0};
    struct log log = {out, clock_system(), "test"};
    struct child_config config = {.arguments = words,
                                  .request_bytes_max = 1000,
                                  .reply_bytes_max = 1000,
                                  .memory_bytes_max = 64 << 20,
                                  .cpu_ms_max = 10000,
                                  .wall_ms_max = 10000,
                                  .jobs_max = 1,
                                  .count = 1,
                                  .log = &log};
    bool is_in = shut_in(keeps_capabilities);
    struct child_pool *pool = child_pool_new(&config, &err);
    if (is_in && pool)
        for (int i = 0; i < 3; i++)
            dprintf(out, "<%s>", ask(pool, i == 1 ? "exec" : "echo"));
    child_pool_free(pool);
    _exit(0);
}

static const char *what_they_do(bool keeps_capabilities)
{
    static char said[4000];
    int ends[2];
    size_t len = 0;
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    fflush(stdout);
    pid_t shut = fork();
    if (shut == 0)
        tell_what_they_do(keeps_capabilities, ends[1]);
    close(ends[1]);
    for (ssize_t got = 1; got > 0 && len < sizeof said - 1; len += (size_t)got)
        got = read(ends[0], said + len, sizeof said - 1 - len);
    said[len] = '\0';
    close(ends[0]);
    CHECK(waitpid(shut, NULL, 0) == shut);
    return said;
}

static int count_of(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

static void in_a_unit_they_serve_locked_in_and_the_log_says_once_what_is_missing(void)
{
    const char *said = what_they_do(false);
    CHECK(count_of(said, "<echo>") == 2);
    CHECK(count_of(said, "<child_died>") == 1);
    CHECK(count_of(said, "namespaces_refused") == 1);
}

static void one_that_cannot_give_up_its_privileges_does_not_serve(void)
{
    CHECK(count_of(what_they_do(true), "<child_start>") == 3);
}

int main(int argc, char **argv)
{
    const struct child_handler handler = {answer, NULL};
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        child_serve(&handler);
    RUN(in_a_unit_they_serve_locked_in_and_the_log_says_once_what_is_missing);
    if (geteuid() == 0)
        RUN(one_that_cannot_give_up_its_privileges_does_not_serve);
    else
        SKIP("one_that_cannot_give_up_its_privileges_does_not_serve", "has none anyway");
    return test_done();
}
