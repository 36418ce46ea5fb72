// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For programs that stand in for calls on files: all ways to open one lead to the
 * open_at of whoever includes this. */

#define MODE_OF(flags, mode)                                                             \
    do {                                                                                 \
        va_list rest;                                                                    \
        va_start(rest, flags);                                                           \
        (mode) = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;             \
        va_end(rest);                                                                    \
    } while (0)

int open(const char *path, int flags, ...)
{
    mode_t mode;
    MODE_OF(flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode;
    MODE_OF(flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    mode_t mode;
    MODE_OF(flags, mode);
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
    mode_t mode;
    MODE_OF(flags, mode);
    return open_at(directory, path, flags, mode);
}
