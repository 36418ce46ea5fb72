#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Budgets: function 70 lines, complexity 15, nesting 4, 6 parameters beside the arena and
the err that many functions carry; .c 800 lines, .h 300, Makefile 150; 90 columns. Tables
made by tools/gen are exempt; so is a line marked /* allowed: why */ (callbacks whose
shape a library gives)."""
import os
import re
import subprocess
import unicodedata

from tree import ROOT, bare, files, finish, is_generated, read

LINES, COMPLEXITY, PARAMETERS, NESTING, COLUMNS = 70, 15, 6, 4, 90
problems = []


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def count_parameters(text, start):
    """Parameters of the function whose name stands on this line (counted from 1)."""
    head = "\n".join(bare(text).split("\n")[start - 1:start + 12])
    open_at, depth, parts = head.find("("), 0, [""]
    for at in range(open_at, len(head)):
        depth += {"(": 1, ")": -1}.get(head[at], 0)
        if depth == 0:
            break
        if head[at] == "," and depth == 1:
            parts.append("")
        else:
            parts[-1] += head[at]
    return sum(not re.search(r"struct (arena|err) \*\w+$", part.strip()) for part in parts)


def check_functions(path, text):
    answer = subprocess.run(["pmccabe", os.path.join(ROOT, path)], capture_output=True,
                            text=True, check=False).stdout
    for row in answer.strip().split("\n"):
        if not row:
            continue
        complexity, _, _, start, lines, *where = row.split("\t")
        name = where[0].split(": ")[-1]
        if int(lines) > LINES:
            problems.append(f"{path}:{start}: {name} has {lines} lines, {LINES} are allowed")
        if int(complexity) > COMPLEXITY:
            problems.append(f"{path}:{start}: {name} has complexity {complexity}")
        if "/* allowed: " in text.split("\n")[int(start) - 1]:
            continue
        count = count_parameters(text, int(start))
        if count > PARAMETERS:
            problems.append(f"{path}:{start}: {name} has {count} parameters")


def check_nesting(path, text):
    depth = 0
    for number, line in enumerate(bare(text).split("\n"), 1):
        depth += line.count("{") - line.count("}")
        if depth > NESTING + 1 and not re.search(r"[={,]\s*$|\}[,;]?\s*$", line):
            problems.append(f"{path}:{number}: nested {depth - 1} deep")


for path in files(ROOT, ".c", ".h", "Makefile"):
    text = read(ROOT, path)
    if is_generated(text):
        continue
    limit = 150 if path.endswith("Makefile") else 300 if path.endswith(".h") else 800
    count = text.count("\n")
    if count > limit:
        problems.append(f"{path}: {count} lines, {limit} are allowed")
    if path.endswith("Makefile"):
        continue
    for number, line in enumerate(text.split("\n"), 1):
        if columns(line) > COLUMNS and "SPDX" not in line:
            problems.append(f"{path}:{number}: {columns(line)} columns")
    if path.endswith(".c"):
        check_functions(path, text)
        check_nesting(path, text)
finish(problems)
