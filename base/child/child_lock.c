// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/child/child_parts.h"
#include "base/path.h"

/* An empty folder in memory, written to by nobody, in place of everything. */
static bool leave_root(void)
{
    const unsigned long how = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/tmp", "tmpfs", how, "size=4k,nr_inodes=1,mode=0") == 0 &&
           chdir("/tmp") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
           umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

static bool go_apart(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC |
                   CLONE_NEWUTS) == 0 &&
           leave_root();
}

/* Those that a namespace of its own gave, or that root has. */
static bool drop_privileges(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capset, &head, data) == 0)
        return true;
    return syscall(SYS_capget, &head, data) == 0 && data[0].permitted == 0 &&
           data[1].permitted == 0; /* may not be asked for, but there are none */
}

/* Bytes of address space that are taken already; 0 = not known. */
static size_t mapped_bytes(void)
{
    CLEANUP(path_close) int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[32];
    uint64_t pages = 0;
    ssize_t len = file >= 0 ? read(file, text, sizeof text) : 0;
    struct span first, rest = span_of(text, len > 0 ? (size_t)len : 0);
    if (!span_take(&rest, ' ', &first) || !span_uint(first, UINT32_MAX, &pages))
        return 0;
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static bool limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
    struct rlimit value = {soft, hard};
    return setrlimit(what, &value) == 0;
}

/* The sanitizers' shadows are terabytes wide. */
static bool limit_memory(size_t mapped, size_t more)
{
    size_t all = 0;
    return CHILD_IS_LIGHT || (mapped > 0 && !__builtin_add_overflow(mapped, more, &all) &&
                              limit(RLIMIT_AS, all, all));
}

static bool close_rest(void)
{
    return close_range(CHILD_IS_LIGHT ? CHILD_MEMORY : STDOUT_FILENO, ~0U, 0) == 0;
}

/* What a sanitizer needs to report. */
static bool limit_reports(void)
{
    return CHILD_IS_LIGHT || (limit(RLIMIT_NOFILE, 0, 0) && limit(RLIMIT_NPROC, 0, 0) &&
                              limit(RLIMIT_FSIZE, 0, 0));
}

int child_lock_in(const struct child_limits *limits, bool *is_apart)
{
    size_t mapped = CHILD_IS_LIGHT ? 0 : mapped_bytes();
    *is_apart = go_apart();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !drop_privileges() ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return CHILD_NO_PRIVILEGES;
    bool is_limited = limit_memory(mapped, limits->memory_bytes) && close_rest() &&
                      limit(RLIMIT_CPU, limits->cpu_s, limits->cpu_s + 1) &&
                      limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_MSGQUEUE, 0, 0) &&
                      limit(RLIMIT_MEMLOCK, 0, 0) && limit_reports();
    if (!is_limited)
        return CHILD_NO_LIMITS;
    /* After what changes credentials, which would undo it; the parent may be gone
     * before it takes hold. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != limits->parent)
        return CHILD_NO_PARENT;
    return child_filter_set() ? 0 : CHILD_NO_FILTER;
}
