#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""web/dist and docs/openapi.yaml -> a C file that embeds them (.incbin), with .gz and .br
twins where the build made them. Without web/dist the table is empty: the program then
serves the API alone and says so at start."""
import json
import os
import sys

import yaml

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2",
         ".webmanifest": "application/manifest+json", ".json": "application/json",
         ".png": "image/png", ".txt": "text/plain; charset=utf-8"}

dist, openapi, out = sys.argv[1:4]
spec = out[:-2] + "_openapi.json"
with open(openapi) as source, open(spec, "w") as target:
    json.dump(yaml.safe_load(source), target, ensure_ascii=False, separators=(",", ":"))

files = []
for folder, _, names in sorted(os.walk(dist)):
    for name in sorted(names):
        if not name.endswith((".gz", ".br", ".map")):
            files.append(os.path.join(folder, name))

text = ['/* made by tools/gen/web.py */', '#include "server/embedded.h"', '']


def embed(symbol, path):
    text.append(f'__asm__(".section .rodata\\n.balign 16\\n{symbol}: .incbin \\"{path}\\"\\n"'
                f'\n        "{symbol}_end: .byte 0\\n.previous\\n");')
    text.append(f"extern const uint8_t {symbol}[], {symbol}_end[];")


def part(symbol):
    return f"{{{symbol}, 0}}"


embed("embedded_openapi_bytes", spec)
rows = []
for i, path in enumerate(files):
    url = path[len(dist):]
    symbols = [f"embedded_file_{i}"]
    embed(symbols[0], path)
    for ending in (".gz", ".br"):
        if os.path.exists(path + ending):
            symbols.append(f"embedded_file_{i}{ending.replace('.', '_')}")
            embed(symbols[-1], path + ending)
        else:
            symbols.append("NULL")
    kind = TYPES.get(os.path.splitext(path)[1], "application/octet-stream")
    immutable = "true" if url.startswith("/assets/") else "false"
    ends = [s if s == "NULL" else s + "_end" for s in symbols]
    rows.append(f'    {{"{url}", "{kind}", {{ {symbols[0]}, {symbols[1]}, {symbols[2]} }}, '
                f"{{ {ends[0]}, {ends[1]}, {ends[2]} }}, {immutable}}},")
text.append("const struct embedded_file embedded_files[] = {")
text += rows or ["    {0},"]
text.append(f"}};\nconst size_t embedded_files_count = {len(rows)};")
text.append("const uint8_t *const embedded_openapi = embedded_openapi_bytes;")
text.append("const uint8_t *const embedded_openapi_end = embedded_openapi_bytes_end;")
with open(out + ".part", "w") as target:
    target.write("\n".join(text) + "\n")
os.replace(out + ".part", out)
