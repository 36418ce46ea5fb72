#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: layers.txt against the #include lines. Also: a folder is used
through its one header, libraries are included where layers.txt says, rules (x.c) of a
domain folder see neither database nor network, and no cycles (routes, x_api.c, and what
they alone include stand above the order)."""
import fnmatch
import os
import re

from tree import ROOT, files, finish, is_test, read

rules, libraries, problems, graph = {}, {}, [], {}
for line in read(ROOT, "layers.txt").split("\n"):
    if line and not line.startswith("#"):
        name, _, allowed = line.partition(":")
        (libraries if name.startswith("<") else rules)[name.strip("<>")] = allowed.split()
public = rules.pop("public headers", [])
one_layer = set(rules.pop("one layer", []))


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def rule_of(folder):
    """The line of the folder or of the nearest folder above."""
    while folder and folder not in rules:
        folder = os.path.dirname(folder)
    return rules.get(folder)


def check_library(path, header):
    for pattern, allowed in libraries.items():
        if fnmatch.fnmatchcase(header, pattern) and not matches(os.path.dirname(path), allowed):
            problems.append(f"{path}: <{header}> belongs to {' '.join(allowed)}")


def check_domain(path, target):
    stem = os.path.basename(path)[:-2]
    wanted = {"store": "_store", "wire/http": "_api"}.get(
        target, "_wire" if target.startswith("wire/") else "")
    if path.startswith("exchange/") and not is_test(path) and wanted not in stem:
        problems.append(f"{path}: only x{wanted}.c of a domain folder may include {target}/")


def check_include(path, header):
    folder, target = os.path.dirname(path), os.path.dirname(header)
    allowed = rule_of(folder)
    if target == folder or not os.path.exists(os.path.join(ROOT, header)):
        return  # its own, or generated
    if allowed is None:
        problems.append(f"{path}: {folder} has no line in layers.txt")
    elif not matches(target, allowed):
        problems.append(f"{path}: {folder} may not include {header}")
    if target != "base" and os.path.basename(header) != os.path.basename(target) + ".h" \
            and not matches(header, public) and not header.startswith(folder + "/"):
        problems.append(f"{path}: {header} is private to {target}")
    check_domain(path, target)
    if not is_test(path) and "_api" not in path and "_wire" not in path \
            and not {folder, target} <= one_layer:
        graph.setdefault(folder, {}).setdefault(target, path)


def find_cycle(folder, trail):
    if folder in trail:
        cycle = trail[trail.index(folder):] + [folder]
        return " -> ".join(cycle) + f" ({graph[cycle[-2]][folder]})"
    return next(filter(None, (find_cycle(t, trail + [folder]) for t in graph.get(folder, {})
                              if t not in clear)), None) or clear.add(folder)


for path in files(ROOT, ".c", ".h"):
    for kind, header in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', read(ROOT, path), re.M):
        (check_library if kind == "<" else check_include)(path, header)
clear = set()
for folder in sorted(graph):
    cycle = find_cycle(folder, [])
    if cycle:
        problems.append("cycle: " + cycle)
finish(problems)
