// SPDX-License-Identifier: Apache-2.0
/* The system calls of a child (seccomp(2), BPF for seccomp as in the kernel's
 * Documentation/userspace-api/seccomp_filter.rst). What is not named kills the process.
 * No calls of other architectures: their numbers mean something else. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/child/child_parts.h"

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter of system calls does not know this architecture"
#endif

enum { INSTRUCTIONS_MAX = 160 };

struct program {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short len;
};

static void add(struct program *program, struct sock_filter instruction)
{
    program->code[program->len++] = instruction;
}

static void load(struct program *program, size_t offset)
{
    add(program,
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct program *program, uint32_t verdict)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

/* The next `count` instructions are for this call only. */
static void on_call(struct program *program, long call, uint8_t count)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call,
                                              0, count));
}

static void begin(struct program *program)
{
    load(program, offsetof(struct seccomp_data, arch));
    add(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0));
    answer(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
}

static bool set(const struct program *program)
{
    union {
        const struct sock_filter *ours;
        struct sock_filter *theirs;
    } code = {.ours = program->code};
    struct sock_fprog filter = {.len = program->len, .filter = code.theirs};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

#if CHILD_IS_LIGHT

/* The sanitizers' own library maps, reads /proc and writes what it found. */
bool child_filter_set(void)
{
    static const long killing[] = {SYS_socket,  SYS_connect,  SYS_bind,
                                   SYS_execve,  SYS_execveat, SYS_kill,
                                   SYS_openat2, SYS_mount,    SYS_io_uring_setup};
    struct program program = {.len = 0};
    begin(&program);
    for (size_t i = 0; i < sizeof killing / sizeof *killing; i++) {
        on_call(&program, killing[i], 1);
        answer(&program, SECCOMP_RET_KILL_PROCESS);
    }
    answer(&program, SECCOMP_RET_ALLOW);
    return set(&program);
}

#else

/* Which half of an argument is the low one. */
static size_t low_half(int argument)
{
    size_t at = offsetof(struct seccomp_data, args) + 8 * (size_t)argument;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? at : at + 4;
}

/* Memory that never becomes code. */
static void allow_unless_code(struct program *program, long call)
{
    enum { PROTECTION = 2 };
    on_call(program, call, 4);
    load(program, low_half(PROTECTION));
    add(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    answer(program, SECCOMP_RET_KILL_PROCESS);
    answer(program, SECCOMP_RET_ALLOW);
}

/* Allowed when the low half of its first argument is this. */
static void allow_first(struct program *program, long call, uint32_t value)
{
    on_call(program, call, 4);
    load(program, low_half(0));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    answer(program, SECCOMP_RET_ALLOW);
    answer(program, SECCOMP_RET_KILL_PROCESS);
}

bool child_filter_set(void)
{
    /* What memory, threads' locks of libraries and the end of a process need. Sorting in
     * glibc asks for the machine's memory (sysinfo); abort() for who it is. */
    static const long allowed[] = {
        SYS_brk,          SYS_munmap,         SYS_mremap,          SYS_madvise,
        SYS_futex,        SYS_clock_gettime,  SYS_exit_group,      SYS_exit,
        SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall, SYS_getrandom,
        SYS_sched_yield,  SYS_sysinfo,        SYS_getpid,          SYS_gettid,
    };
    struct program program = {.len = 0};
    begin(&program);
    allow_first(&program, SYS_recvfrom, CHILD_SOCKET);
    allow_first(&program, SYS_sendto, CHILD_SOCKET);
    allow_unless_code(&program, SYS_mmap);
    allow_unless_code(&program, SYS_mprotect);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        on_call(&program, allowed[i], 1);
        answer(&program, SECCOMP_RET_ALLOW);
    }
    /* What an assertion says goes nowhere, and its signal to nobody else. */
    allow_first(&program, SYS_write, STDERR_FILENO);
    allow_first(&program, SYS_writev, STDERR_FILENO);
    allow_first(&program, SYS_tgkill, (uint32_t)getpid());
    answer(&program, SECCOMP_RET_KILL_PROCESS);
    return set(&program);
}

#endif
