#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks against planted violations: each must be found, and a clean tree must pass."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"
CLEAN = {
    "layers.txt": "base:\nformats/good: base\nexchange/lower: base store\n"
                  "exchange/upper: base exchange/lower wire/http\nstore: base\n"
                  "wire/http: base\n<sqlite3.h>: store\n",
    "base/span.h": HEADER + "int span_one(void);\n",
    "base/span.c": SPDX + '#include "base/span.h"\n\nint span_one(void)\n{\n    return 1;\n}\n',
    "store/store.h": HEADER, "wire/http/http.h": HEADER,
    "formats/good/good.h": HEADER + "int good_one(void);\n",
    "formats/good/good.c": SPDX + '#include "base/span.h"\n#include "formats/good/good.h"\n\n'
                           'int good_one(void)\n{\n    return span_one(); /* goto */\n}\n',
    "exchange/lower/lower.h": HEADER,
    "exchange/lower/lower_store.c": SPDX + '#include "exchange/lower/lower.h"\n'
                                    '#include "store/store.h"\n',
    "exchange/upper/upper.h": HEADER + '#include "exchange/lower/lower.h"\n',
    "exchange/upper/upper_api.c": SPDX + '#include "exchange/upper/upper.h"\n'
                                  '#include "wire/http/http.h"\n',
    "tools/check/note.txt": "good\n",
}
BODY = SPDX + '#include "base/span.h"\n\nint span_two(void);\nint span_two(%s)\n{\n%s    return 1;\n}\n'
PLANTED = [
    ("layers", "base/bad.c", SPDX + '#include "formats/good/good.h"\n', "may not include"),
    ("layers", "gateway/bad.c", SPDX + '#include "base/span.h"\n', "no line"),
    ("layers", "exchange/lower/lower.c", SPDX + '#include "store/store.h"\n', "only x_store"),
    ("layers", "exchange/upper/upper.c", SPDX + '#include "wire/http/http.h"\n', "only x_api"),
    ("layers", "formats/good/bad.c", SPDX + "#include <sqlite3.h>\n", "belongs to store"),
    ("layers", "exchange/lower/bad.c", SPDX + '#include "exchange/upper/upper.h"\n', "may not"),
    ("sizes", "base/bad.c", BODY % ("void", "    span_one();\n" * 70), "lines"),
    ("sizes", "base/bad.c", BODY % ("void", "    if (span_one())\n        span_one();\n" * 15),
     "complexity"),
    ("sizes", "base/bad.c", BODY % (", ".join(f"int a{i}" for i in range(7)), ""), "parameters"),
    ("layers", "base/ring.c", SPDX + '#include "store/store.h"\n', "may not"),
    ("sizes", "base/bad.c", BODY % ("void", "    /* " + "x" * 100 + " */\n"), "columns"),
    ("sizes", "base/bad.h", HEADER * 160, "lines"),
    ("sizes", "base/bad.c", BODY % ("void", "{{{{{\n    span_one();\n}}}}}\n"), "deep"),
    ("bans", "base/bad.c", BODY % ("void", "    strcpy(a, b);\n"), "strcpy"),
    ("bans", "formats/good/bad.c", BODY % ("void", "    free(a);\n"), "free"),
    ("bans", "base/bad.c", BODY % ("void", "    goto end;\n"), "goto"),
    ("bans", "formats/good/bad.c", BODY % ("void", "    sqlite3_exec(a);\n"), "sqlite3_exec"),
    ("bans", "formats/good/bad.c",
     BODY % ("void", "    p = (const struct disclosure_permit *)q;\n"), "cast"),
    ("texts", "base/bad.c", "int a;\n", "SPDX"),
    ("texts", "base/bad.c", SPDX + "/* TO" "DO: later */\n", "unfinished"),
    ("texts", "base/bad.c", SPDX + "int a; \n", "blanks"),
    ("texts", "base/bad.h", HEADER, "nobody includes"),
    ("names", "base/bad.c", SPDX + "int other_one(void);\nint other_one(void)\n{\n    return 1;\n}\n",
     "exports"),
    ("names", "base/bad.c", SPDX + "int *span_count(void);\nint *span_count(void)\n{\n"
     "    static int count;\n    return &count;\n}\n", "mutable global"),
    ("names", "formats/good/bad.c", SPDX + "int permit_make(void);\nint good_two(void);\n"
     "int good_two(void)\n{\n    return permit_make();\n}\n", "only the gate"),
]


def plant(root, path, text):
    os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(root, path), "w", encoding="utf-8") as target:
        target.write(text)


def run(check, root):
    build = os.path.join(root, "build/release")
    if check == "names":
        for folder, _, names in os.walk(root):
            for name in (n for n in names if n.endswith(".c")):
                source = os.path.join(folder, name)
                made = os.path.join(build, os.path.relpath(source, root)[:-2] + ".o")
                os.makedirs(os.path.dirname(made), exist_ok=True)
                subprocess.run(["gcc", "-iquote", root, "-c", "-o", made, source], check=True)
    answer = subprocess.run([sys.executable, f"{HERE}/{check}.py", root, build],
                            capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout + answer.stderr


failed = 0
for check, path, text, expected in [(c, None, None, "") for c in
                                    ("layers", "sizes", "bans", "names", "texts")] + PLANTED:
    with tempfile.TemporaryDirectory() as root:
        for name, content in CLEAN.items():
            plant(root, name, content)
        if path:
            plant(root, path, text)
        status, answer = run(check, root)
        good = status == (1 if path else 0) and expected in answer
        failed += not good
        if not good:
            print(f"{check} on {path or 'a clean tree'}: expected {expected!r}\n{answer}")
sys.exit(1 if failed else 0)
