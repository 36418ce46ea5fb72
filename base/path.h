// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Files below a root: names from outside are opened relative to a directory descriptor,
 * never leave it and never follow a symbolic link (openat2 with RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS, Linux 5.6). Descriptors are *owned* by the caller, closed by
 * CLEANUP(path_close). */

#include "base/arena.h"

enum { PATH_NAME_MAX = 255, PATH_MAX_BYTES = 1023 };

/* For CLEANUP: closes when >= 0. */
void path_close(int *fd);
/* The root itself, which an administrator named; links in it are followed.
 * ERR_MISSING "path_missing", ERR_SYSTEM "path_failed". -1 on failure. */
MUST_CHECK int path_open_root(const char *directory, struct err *err);
/* As a place only: nothing is opened on the other side, where an open folder could not be
 * renamed (Windows shares) or would be listed as it was when it was opened. */
MUST_CHECK int path_hold_root(const char *directory, struct err *err);
/* A held or open folder once more, to be listed from its beginning: going back in one
 * that is open does not work on every share. */
MUST_CHECK int path_open_again(int folder, struct err *err);
/* Opens `relative` below the root for reading. Besides the above: ERR_REFUSED
 * "path_unsafe" for names that are empty, absolute, too long, hold "..", a backslash or
 * NUL, or lead through a link; also for anything that is neither file nor directory. */
MUST_CHECK int path_open_below(int root, const char *relative, struct err *err);
/* Reads a whole regular file of at most `max_bytes`: ERR_LIMIT "file_too_large". */
MUST_CHECK bool path_read(int fd, size_t max_bytes, struct arena *arena,
                          struct span *bytes, struct err *err);
MUST_CHECK bool path_read_file(const char *name, size_t max_bytes, struct arena *arena,
                               struct span *bytes, struct err *err);
/* The same for a file that an operator named in a configuration: the error's text says
 * which one, what nothing does where names may hold patients' numbers. */
MUST_CHECK bool path_read_named(const char *name, size_t max_bytes, struct arena *arena,
                                struct span *bytes, struct err *err);
/* A key's file: ERR_REFUSED "file_exposed" when others than its owner and group may open
 * it, or more than its owner write it. One that is not there passes. */
MUST_CHECK bool path_check_private(const char *name, struct err *err);
/* Writes a new file so that after a crash it is there whole or not at all: temporary
 * name, fsync, rename, fsync of the directory. Mode 0600. */
MUST_CHECK bool path_write_file(const char *name, struct span bytes, struct err *err);
/* Makes the directory and its parents (0700); an existing one is fine. */
MUST_CHECK bool path_make_directory(const char *name, struct err *err);
/* True for a component that may be used as is (formats.md 2.2.5). */
bool path_is_safe_name(struct span name);
