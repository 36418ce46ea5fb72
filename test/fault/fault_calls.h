// SPDX-License-Identifier: Apache-2.0
/* For the fault tests: this program stands in for the calls that can go wrong, its
 * libraries' included. Included first, by one source file of a program. */
#pragma once
#undef _FORTIFY_SOURCE /* whose inline versions would be defined a second time */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/fault/fault_power.h"

static _Thread_local bool fault_is_exempt; /* the test's own side of the wire */

/* What a sanitizer asks for while it starts must not touch a stack with arrays, which it
 * would mark: whatever has some is a function of its own, and not reached without a plan.
 */
#define NOT_AT_THE_START __attribute__((noinline))

NOT_AT_THE_START static void fault_end(int action)
{
    if (action == FAULT_POWER)
        disk_lose_power();
    if (action == FAULT_POWER || action == FAULT_KILL)
        kill(getpid(), SIGKILL);
}

/* Counts the call; true when it is to go wrong. Does not return when the process ends. */
static bool fault_strikes(enum fault_call call)
{
    struct fault_plan *plan = fault_plan;
    if (!plan || !(atomic_load(&plan->calls) & FAULT_OF(call)) || fault_is_exempt)
        return false;
    int64_t number = atomic_fetch_add(&plan->counted, 1) + 1;
    if (number < atomic_load(&plan->first) || number > atomic_load(&plan->last))
        return false;
    atomic_fetch_add(&plan->hit, 1);
    fault_end(atomic_load(&plan->action));
    errno = atomic_load(&plan->number);
    return true;
}

/* Whether the disk is told of it, too. Where neither counts, nobody asks for names. */
NOT_AT_THE_START static bool fault_counts_file(enum fault_call call, int fd)
{
    char name[DISK_NAME];
    int saved = errno;
    bool is_ours = fault_plan && ((atomic_load(&fault_plan->calls) & FAULT_OF(call)) ||
                                  fault_plan->remembers_syncs);
    is_ours = is_ours && disk_name_of(fd, name);
    errno = saved;
    return is_ours;
}

NOT_AT_THE_START static bool fault_strikes_file(enum fault_call call, int fd)
{
    char name[DISK_NAME];
    return (atomic_load(&fault_plan->calls) & FAULT_OF(call)) && disk_name_of(fd, name) &&
           strncmp(name, fault_plan->below, strlen(fault_plan->below)) == 0 &&
           fault_strikes(call);
}

static bool fault_is_short(void)
{
    return atomic_load(&fault_plan->action) == FAULT_SHORT;
}

/* ---- memory ---- */

void *malloc(size_t size)
{
    return fault_strikes(FAULT_MEMORY) ? NULL : REAL_MALLOC(size);
}

void *calloc(size_t count, size_t size)
{
    return fault_strikes(FAULT_MEMORY) ? NULL : REAL_CALLOC(count, size);
}

void *realloc(void *at, size_t size)
{
    return fault_strikes(FAULT_MEMORY) ? NULL : REAL_REALLOC(at, size);
}

#ifdef __SANITIZE_ADDRESS__
/* A new thread's sanitizer asks for its stack before any of our code runs, and ends the
 * process when there is no memory for the answer. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    typedef int getattr(pthread_t thread, pthread_attr_t * attributes);
    bool was_exempt = fault_is_exempt;
    fault_is_exempt = true;
    getattr *next = NULL;
    void *found = dlsym(RTLD_NEXT, "pthread_getattr_np");
    memcpy(&next, &found, sizeof next);
    int result = next ? next(thread, attributes) : ENOMEM;
    fault_is_exempt = was_exempt;
    return result;
}
#endif

/* ---- files ---- */

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
    bool is_new = (flags & O_CREAT) && faccessat(directory, path, F_OK, 0) != 0;
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    bool is_written = (flags & (O_WRONLY | O_RDWR)) != 0;
    if (fd < 0 || !fault_plan || !fault_counts_file(FAULT_OPEN, fd))
        return fd;
    if (fault_strikes_file(FAULT_OPEN, fd)) {
        int number = errno;
        syscall(SYS_close, fd);
        if (is_new)
            syscall(SYS_unlinkat, directory, path, 0);
        errno = number;
        return -1;
    }
    if (is_written)
        disk_opened(fd, is_new);
    return fd;
}

#include "test/fault/fault_open.h"

static ssize_t put_at(int fd, const void *bytes, size_t len, int64_t offset)
{
    if (fault_counts_file(FAULT_WRITE, fd)) {
        bool strikes = fault_strikes_file(FAULT_WRITE, fd);
        if (strikes && (!fault_is_short() || len < 2))
            return -1;
        len = strikes ? len / 2 : len;
        disk_writes(fd, bytes, len, offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR), false);
    }
    return offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, len, offset)
                       : syscall(SYS_write, fd, bytes, len);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return put_at(fd, bytes, len, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return put_at(fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return put_at(fd, bytes, len, offset);
}

/* The disk that is followed is not the machine's, and a killed process leaves what it
 * wrote: nobody has to wait for the machine's disk. */
static int sync_file(int fd, bool is_all)
{
    if (!fault_counts_file(FAULT_SYNC, fd))
        return fault_plan ? 0 : (int)syscall(SYS_fdatasync, fd);
    if (fault_strikes_file(FAULT_SYNC, fd))
        return -1;
    disk_synced_part(fd, is_all);
    return 0;
}

int fsync(int fd)
{
    return sync_file(fd, true);
}

int fdatasync(int fd)
{
    return sync_file(fd, false);
}

static int cut_file(int fd, int64_t len)
{
    if (fault_counts_file(FAULT_TRUNCATE, fd)) {
        if (fault_strikes_file(FAULT_TRUNCATE, fd))
            return -1;
        disk_writes(fd, NULL, 0, len, true);
    }
    return (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
    return cut_file(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return cut_file(fd, len);
}

int unlink(const char *path)
{
    if (fault_plan && disk_name_below(path) && fault_strikes(FAULT_RENAME))
        return -1;
    int status = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (status == 0 && fault_plan)
        disk_removed(path);
    return status;
}

int rename(const char *from, const char *to)
{
    if (fault_strikes(FAULT_RENAME))
        return -1;
    int status = (int)syscall(SYS_rename, from, to);
    if (status == 0 && fault_plan)
        disk_renamed(from, to);
    return status;
}

#include "test/fault/fault_at.h"

/* ---- the database and the wire ---- */

/* sqlite3_exec steps, too, but asks the statement afterwards how it went. */
static bool fault_is_ours(const void *caller)
{
    extern const char __executable_start[], etext[];
    return (const char *)caller >= __executable_start && (const char *)caller < etext;
}

int sqlite3_step(sqlite3_stmt *statement)
{
    int (*real)(sqlite3_stmt * statement);
    if (fault_is_ours(__builtin_return_address(0)) && fault_strikes(FAULT_STEP))
        return SQLITE_IOERR;
    void *found = dlsym(RTLD_NEXT, "sqlite3_step");
    memcpy(&real, &found, sizeof real); /* as dlsym(3) has it */
    return real(statement);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    return fault_strikes(FAULT_SOCKET)
               ? -1
               : (int)syscall(SYS_connect, fd, address.__sockaddr__, len);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    return fault_strikes(FAULT_SOCKET)
               ? -1
               : syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    return fault_strikes(FAULT_SOCKET)
               ? -1
               : (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
}
