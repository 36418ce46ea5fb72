# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, C without comments and strings, and how
problems are told: one line each on stdout, exit status 1 when there is any."""
import os
import re
import subprocess
import sys

SKIPPED = {".git", "build", "node_modules", "dist", "demo-data", "__pycache__", "testdata"}
PIECES = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(root, *endings):
    """Paths relative to the root, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED)
        found += [os.path.relpath(os.path.join(folder, name), root)
                  for name in names if name.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as source:
        return source.read()


def is_test(path):
    return path.endswith(("_test.c", "_fuzz.c")) or path.startswith(("test/", "bench/"))


def is_generated(text):
    return "made by tools/gen" in "\n".join(text.split("\n")[:4])


def bare(text):
    """C without comments and without what stands in strings; lines stay where they are."""
    def blank(match):
        piece = match.group()
        return re.sub(r"[^\n]", " ", piece) if piece[0] == "/" else '""'
    return PIECES.sub(blank, text)


def symbols(build, path):
    """(name, type letter, section) of each symbol in the object file of a source."""
    answer = subprocess.run(["nm", "-f", "sysv", os.path.join(build, path[:-2] + ".o")],
                            capture_output=True, text=True, check=False).stdout
    for row in answer.split("\n"):
        cells = [cell.strip() for cell in row.split("|")]
        if len(cells) == 7 and cells[2]:
            yield cells[0], cells[2], cells[6]


def finish(problems):
    problems = list(dict.fromkeys(problems))  # each once
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)


ROOT = sys.argv[1] if len(sys.argv) > 1 else "."
