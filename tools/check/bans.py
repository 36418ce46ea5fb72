#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Words that may not stand in the C code, each with what to use instead. An exception is
marked on its line: /* allowed: why */"""
import re

from tree import ROOT, bare, files, finish, is_test, read

MEMORY = "an arena, or base/memory.h"
NUMBER = "span_uint"
BANS = {
    "strcpy": "struct buf or snprintf", "strcat": "struct buf", "strncpy": "snprintf",
    "strncat": "struct buf", "sprintf": "snprintf or buf_format",
    "vsprintf": "vsnprintf", "gets": "path_read", "strtok": "span_take",
    "strtok_r": "span_take", "atoi": NUMBER, "atol": NUMBER, "atoll": NUMBER,
    "atof": NUMBER, "strtol": NUMBER, "strtoul": NUMBER, "strtoll": NUMBER,
    "strtoull": NUMBER, "sscanf": NUMBER, "alloca": MEMORY, "fopen": "base/path.h",
    "system": "posix_spawn with a fixed program", "popen": "posix_spawn",
    "rand": "base/rand.h", "srand": "base/rand.h", "random": "base/rand.h",
    "localtime": "base/day.h", "localtime_r": "base/day.h", "gmtime": "base/day.h",
    "gmtime_r": "base/day.h", "mktime": "base/day.h", "goto": "a function, or CLEANUP",
    "setjmp": "errors as values", "longjmp": "errors as values", "signal": "sigaction",
}
MEMORY_WORDS = ("malloc", "calloc", "realloc", "free", "strdup", "strndup")
DATABASE_WORDS = ("sqlite3_exec", "PQexec")
TEST_MAY = MEMORY_WORDS + ("exit", "rand", "system", "strtol", "fopen", "signal")
problems = []


def is_allowed(path, word):
    if is_test(path) and word in TEST_MAY:
        return True
    if word in MEMORY_WORDS:
        return path.startswith(("base/", "store/"))
    if word in DATABASE_WORDS:
        return path.startswith("store/")
    return word == "exit" and path.startswith("cli/")


words = dict(BANS, exit="return an error", **{w: MEMORY for w in MEMORY_WORDS},
             **{w: "store/store.h" for w in DATABASE_WORDS})
pattern = re.compile(r"(?<![\w.>])(?:(?:" + "|".join(words) + r")(?=\s*\()|goto(?=\s+\w+\s*;))")
cast = re.compile(r"\(\s*(?:const\s+)?struct\s+(disclosure|release)_(permit|scope)\s*\*\s*\)")
for path in files(ROOT, ".c", ".h"):
    text = read(ROOT, path)
    lines = text.split("\n")
    for number, line in enumerate(bare(text).split("\n"), 1):
        if "/* allowed: " in lines[number - 1]:
            continue
        for word in pattern.findall(line):
            if not is_allowed(path, word):
                problems.append(f"{path}:{number}: {word}; use {words[word]}")
        if cast.search(line):
            problems.append(f"{path}:{number}: a cast to a permit; ask the gate for one")
finish(problems)
