#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Numbered SQL files -> one C table of migrations per database.

Files below gateway/ belong to a gateway's database, all others to the centre's."""
import os
import sys


def literal(text):
    lines = text.replace("\\", "\\\\").replace('"', '\\"').split("\n")
    return "\n".join(f'    "{line}\\n"' for line in lines if line)


def table(name, files):
    numbers = [os.path.basename(f).split("_")[0] for f in files]
    assert len(set(numbers)) == len(numbers), f"numbers used twice: {numbers}"
    print(f"const struct store_migration {name}[] = {{")
    for file in sorted(files, key=os.path.basename):
        base = os.path.basename(file)[:-4]
        print(f'  {{{int(base.split("_")[0])}, "{base}",\n{literal(open(file).read())}}},')
    if not files:
        print('  {0, "none", ""},')
    print(f"}};\nconst size_t {name}_count = {len(files)};\n")


print('/* made by tools/gen/sql.py */\n#include "store/migrations.h"\n')
table("store_centre_migrations", [f for f in sys.argv[1:] if not f.startswith("gateway/")])
table("store_gateway_migrations", [f for f in sys.argv[1:] if f.startswith("gateway/")])
