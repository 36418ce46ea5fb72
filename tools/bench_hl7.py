#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many of the same SS-MIX2 messages python-hl7 takes apart on one core, from memory:
what else a project could begin with. It makes segments and fields and no entries, and
finds no separator inside a character, so it has less to do. One JSON line.
usage: bench_hl7.py LABEL EVERY ROOT      each EVERYth file below ROOT"""
import json
import os
import sys
import time

import hl7

LABEL, EVERY, ROOT = sys.argv[1], int(sys.argv[2]), sys.argv[3]
SECONDS_MIN = 2


def read_messages():
    paths = sorted(os.path.join(folder, name)
                   for folder, _, names in os.walk(ROOT) for name in names)
    messages = []
    for path in paths[::EVERY]:
        with open(path, "rb") as file:
            content = file.read()
        if content.startswith(b"MSH|"):
            messages.append(content)
    return messages


def parse_all(messages):
    refused = 0
    for content in messages:
        try:
            hl7.parse(content.rstrip(b"\x1c\r\n").decode("iso2022_jp", "replace"))
        except hl7.HL7Exception:
            refused += 1
    return refused


messages = read_messages()
runs = refused = 0
begun = time.process_time()
while runs == 0 or time.process_time() - begun < SECONDS_MIN:
    refused = parse_all(messages)
    runs += 1
seconds = (time.process_time() - begun) / runs
print(json.dumps({"bench": "python-hl7", "of": LABEL, "version": hl7.__version__,
                  "messages": len(messages), "refused": refused,
                  "messages_per_second": round(len(messages) / seconds),
                  "mb_per_second": round(sum(map(len, messages)) / seconds / 1e6, 2)}))
