#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every text file: UTF-8, no tabs in C, no blanks at line ends, a last line feed, the SPDX
line first in sources; a marker of unfinished work names its number, TODO(#12); headers
that nobody includes and scripts that nobody calls are dead; what a tool fetched or made is
not kept; what operators read is there in Japanese too, with as many headings."""
import os
import re
import shutil
import subprocess

from tree import ROOT, files, finish, read

SOURCES = (".c", ".h", ".py", ".ts", ".tsx", ".sh")
TEXTS = SOURCES + (".md", ".sql", ".txt", ".yaml", ".css", ".html", ".def", "Makefile")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
MADE = {"node_modules", "dist", "demo-data", "__pycache__"}
problems, every = [], {}
# Where there is no git nothing can be kept by it.
LISTED = ["git", "-C", ROOT, "ls-files"]
kept = subprocess.run(LISTED, capture_output=True, text=True, check=False).stdout.split("\n") \
    if shutil.which("git") else []
problems += sorted({f"{folder}: fetched or made, and kept" for path in kept
                    for folder in [os.path.dirname(path)] if MADE & set(folder.split("/"))})
for path in files(ROOT, *TEXTS):
    try:
        every[path] = read(ROOT, path)
    except UnicodeDecodeError:
        problems.append(f"{path}: not UTF-8")

for path, text in every.items():
    lines = text.split("\n")
    generated = any("made by" in line or "auto-generated" in line for line in lines[:4])
    if path.endswith(SOURCES) and not generated and "SPDX-License-Identifier: Apache-2.0" \
            not in "".join(lines[:2]):
        problems.append(f"{path}: no SPDX line")
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
        problems.append(f"{path}: no #pragma once")
    if text and not text.endswith("\n"):
        problems.append(f"{path}: no line feed at the end")
    for number, line in enumerate(lines, 1):
        if line.rstrip() != line and not path.endswith(".md"):
            problems.append(f"{path}:{number}: blanks at the end")
        if "\t" in line and path.endswith((".c", ".h", ".py")):
            problems.append(f"{path}:{number}: a tab")
        if UNFINISHED.search(line) and not path.startswith("tools/check/"):
            problems.append(f"{path}:{number}: unfinished work without a number")

included = set(re.findall(r'#\s*include\s*"([^"]+)"', "\n".join(every.values())))
rest = {p: t for p, t in every.items() if not p.endswith((".c", ".h"))}
for top in ("check", "demo"):  # scripts without an ending
    if os.path.exists(os.path.join(ROOT, top)):
        rest[top] = read(ROOT, top)
for folder in ("tools", "tools/check"):
    for name in os.listdir(os.path.join(ROOT, folder)):
        if os.path.isfile(os.path.join(ROOT, folder, name)):
            rest.setdefault(f"{folder}/{name}", read(ROOT, f"{folder}/{name}"))
for path in every:
    if path.endswith(".h") and path not in included:
        problems.append(f"{path}: nobody includes it")
    name = os.path.basename(path)[:-3]
    if path.startswith("tools/") and path.endswith(".py") and not any(
            name in text for other, text in rest.items() if other != path):
        problems.append(f"{path}: nobody calls it")
for path, text in every.items():
    if path.startswith("docs/operations/") and not path.endswith(".ja.md"):
        twin = every.get(path.replace(".md", ".ja.md"), "")
        here, there = (len(re.findall(r"^#+ ", one, re.M)) for one in (text, twin))
        if here != there:
            problems.append(f"{path}: {here} headings, {there} in Japanese")
finish(problems)
