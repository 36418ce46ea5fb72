#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the object files export and hold (nm): a folder exports its own name as prefix
only, base/ one prefix per header; leaf names are unique; no mutable globals; the makers
of permits are referenced by the gate alone. usage: names.py ROOT BUILD"""
import os
import sys

from tree import ROOT, files, finish, is_test, read, symbols

BUILD = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "build/release")
TOP = ("base", "formats", "wire", "store", "exchange", "server", "gateway", "cli")
MAKERS = {"permit_make": ("exchange/permit/", "exchange/disclosure/"),
          "release_permit_make": ("gateway/",)}
problems = []


def prefixes_of(path):
    folder = os.path.dirname(path)
    if folder == "base":
        return [name[:-2] for name in os.listdir(os.path.join(ROOT, "base")) if name.endswith(".h")]
    if folder == "cli":
        return ["command", "main", os.path.basename(path)[:-2]]
    if folder == "server":
        return ["server", "embedded"]
    return [os.path.basename(folder)]


def has_prefix(symbol, prefixes):
    return any(symbol == p or symbol.startswith(p + "_") for p in prefixes)


def check_maker(path, name):
    for maker, allowed in MAKERS.items():
        if (name == maker or name.startswith(maker + "_")) and not path.startswith(allowed):
            problems.append(f"{path}: refers to {name}, which only the gate may call")


def check_object(path):
    for name, letter, section in symbols(BUILD, path):
        plain = name.split(".")[0]
        if letter == "U":
            check_maker(path, name)
        elif letter.isupper() and not has_prefix(plain, prefixes_of(path)):
            problems.append(f"{path}: exports {name}, not {' or '.join(prefixes_of(path)[:3])}_…")
        elif letter.isupper() and exported.setdefault(name, path) != path:
            problems.append(f"{path} and {exported[name]} both export {name}")
        is_data = section.startswith((".data", ".bss", "*COM*")) and ".rel.ro" not in section
        if is_data and path != "base/test.c" and not is_test(path):
            problems.append(f"{path}: {name} is a mutable global")


exported = {}  # a library takes one of two and says nothing
missing = 0
for path in files(ROOT, ".c"):
    if path.startswith(TOP) and not path.endswith("_fuzz.c"):
        if not os.path.exists(os.path.join(BUILD, path[:-2] + ".o")):
            missing += not is_test(path)
        elif not is_test(path):
            check_object(path)
    if is_test(path) and any(maker + "(" in read(ROOT, path) for maker in MAKERS) \
            and not path.startswith("exchange/permit/"):
        problems.append(f"{path}: makes its own permit; tests earn theirs")
leaves = {}
for folder in {os.path.dirname(path) for path in files(ROOT, ".h") if path.startswith(TOP)}:
    other = leaves.setdefault(os.path.basename(folder), folder)
    if other != folder:
        problems.append(f"{folder} and {other} have the same last name")
if missing:
    problems.append(f"{missing} sources have no object file in {BUILD}: build first")
finish(problems)
