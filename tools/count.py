#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts tests: "passed failed skipped" of TAP files, or of vitest's JSON answer.

A program that died, printed no plan, planned nothing or another number of tests than came
has at least one failed test, and so has a file that is not there. usage: count.py FILE…"""
import json
import os
import re
import sys

RESULT = re.compile(r"^(not )?ok\b(.*)$")
SKIPPED = re.compile(r"#\s*skip", re.I)


def count_tap(text):
    passed = failed = skipped = 0
    plan = status = None
    if re.match(r"^1\.\.0\s*#\s*skip", text, re.I):
        return 0, 0, 1
    for line in text.split("\n"):
        found = RESULT.match(line)
        if found and found[1]:
            failed += 1
        elif found and SKIPPED.search(found[2]):
            skipped += 1
        elif found:
            passed += 1
        elif re.match(r"^1\.\.\d+", line):
            plan = int(re.match(r"^1\.\.(\d+)", line)[1])
        elif line.startswith("# exit "):
            status = int(line[7:])
    is_whole = plan == passed + failed + skipped > 0 and status in (0, None)
    return passed, failed if is_whole or failed else 1, skipped


def count_vitest(text):
    answer = json.loads(text or '{"success": false, "numFailedTests": 1, "numPassedTests": 0, '
                        '"numPendingTests": 0, "numTodoTests": 0}')
    if answer["success"] and not answer["numPassedTests"]:
        answer["numFailedTests"] = 1  # nothing was run
    failed = answer["numFailedTests"]
    if not answer["success"] and not failed:
        failed = 1  # a file that could not be loaded
    return answer["numPassedTests"], failed, answer["numPendingTests"] + answer["numTodoTests"]


total = [0, 0, 0]
for name in sys.argv[1:]:
    content = ""
    if os.path.exists(name):
        with open(name, encoding="utf-8", errors="replace") as source:
            content = source.read()
    counts = count_vitest(content) if name.endswith(".json") else count_tap(content)
    total = [a + b for a, b in zip(total, counts)]
print(*total)
