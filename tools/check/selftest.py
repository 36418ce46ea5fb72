#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks against planted violations: each must be found, and a clean tree must pass."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"
PERSON = HEADER + ("#include <stdbool.h>\nstruct text {\n    int len;\n};\n"
                   "struct disclosure_permit;\nstruct patient_person {\n    struct text name;\n};\n")
CLEAN = {
    "layers.txt": "base:\nformats/good: base\nexchange/lower: base store\n"
                  "exchange/upper: base exchange/lower wire/http\nstore: base\nexchange/patient: base\n"
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
    "exchange/patient/patient.h": PERSON + "bool patient_find(const struct disclosure_permit *permit,\n"
                                  "                  struct patient_person *out);\n"
                                  "bool patient_check(const struct patient_person *person);\n",
    "exchange/patient/patient.c": SPDX + '#include "exchange/patient/patient.h"\n',
    "exchange/lower/lower_sql.c": SPDX + """struct session;
#define NAMES "SELECT id, "
int store_prepare(struct session *session, const char *sql, int *err);
static const char *const all[] = {NAMES "name FROM thing"};
static const char *choose(int is_one)
{
    if (is_one)
        return "SELECT 1";
    return NAMES "x FROM thing";
}
static void run(struct session *session, const char *sql, int *err)
{
    store_prepare(session, sql, err);
}
void lower_all(struct session *session, int is_one, int *err);
void lower_all(struct session *session, int is_one, int *err)
{
    run(session, "DELETE FROM thing WHERE id = ?1", err);
    run(session, "SELECT id FROM record WHERE facility = ?1 AND number = ?2", err);
    store_prepare(session, NAMES "x FROM thing", err);
    store_prepare(session, choose(is_one), err);
    store_prepare(session, is_one ? all[0] : "SELECT 1", err);
}
""",
    "exchange/lower/0009_lower.sql": "-- good\n--sqlite PRAGMA x;\nCREATE TABLE a (\n  b BIGINT NOT NULL, -- the b\n"
                                     "  c TEXT CHECK (c IN ('x', 'y')),\n  PRIMARY KEY (b, c)\n);\n"
                                     "CREATE TABLE staff (id TEXT PRIMARY KEY, name TEXT NOT NULL);\n"
                                     "CREATE TABLE record (id TEXT PRIMARY KEY, facility TEXT, number TEXT);\n"
                                     "CREATE INDEX record_of ON record (facility, number);\n",
    "tools/check/note.txt": "good\n",
}
BODY = SPDX + '#include "base/span.h"\n\nint span_two(void);\nint span_two(%s)\n{\n%s    return 1;\n}\n'
PREPARE = "    statement = store_prepare(session, %s, err);\n"
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
    ("texts", "docs/operations/office.md", "# Office\n", "1 headings, 0 in Japanese"),
    ("names", "base/bad.c", SPDX + "int other_one(void);\nint other_one(void)\n{\n    return 1;\n}\n",
     "exports"),
    ("names", "formats/good/twin.c", SPDX + "int good_one(void);\nint good_one(void)\n{\n    return 1;\n}\n",
     "both export"),
    ("names", "base/bad.c", SPDX + "int *span_count(void);\nint *span_count(void)\n{\n"
     "    static int count;\n    return &count;\n}\n", "mutable global"),
    ("permit", "exchange/patient/patient.h", PERSON + "bool patient_show(struct patient_person *out);\n",
     "patient_show gives out content without a permit"),
    ("permit", "exchange/patient/patient.h", PERSON + "struct list {\n    struct patient_person *at;\n};\n"
     "bool patient_all(int of,\n                 struct list **out);\n", "patient_all gives"),
    ("permit", "exchange/patient/patient.h", PERSON + "struct patient_person *patient_first(void);\n",
     "patient_first gives"),
    ("permit", "exchange/upper/upper_api.c", SPDX + "int patient_record_find(void);\n"
     "int upper_read(void);\nint upper_read(void)\n{\n    return patient_record_find();\n}\n",
     "a route calls patient_record_find"),
    ("permit", "exchange/upper/upper_store.c", SPDX + "int consent_facts(void);\n"
     "int upper_read(void);\nint upper_read(void)\n{\n    return consent_facts();\n}\n",
     "is not for it"),
    ("sql", "exchange/lower/bad.c", PREPARE % "name", "not a literal"),
    ("sql", "exchange/lower/bad.c", PREPARE % "is_all ? ALL : name", "not a literal"),
    ("sql", "exchange/lower/bad.c", "static void run(const char *sql)\n{\n" + PREPARE % "sql"
     + "}\nvoid f(char *name)\n{\n    run(name);\n}\n", "not a literal"),
    ("sql", "exchange/lower/bad.c", '    snprintf(at, 9, "SELECT %s FROM thing", name);\n', "at run time"),
    ("sql", "exchange/lower/bad.c", PREPARE % '"INSERT OR REPLACE "\n "INTO thing VALUES (?1)"', "both"),
    ("sql", "exchange/lower/bad.c", PREPARE % '"SELECT id FROM thing WHERE name LIKE ?1"', "both"),
    ("sql", "exchange/lower/bad.c", PREPARE % '"SELECT id FROM thing WHERE id = ?"', "numbered"),
    ("sql", "exchange/lower/bad.c", PREPARE % '"SELECT id FROM thing WHERE ?1 > 0"', "small"),
    ("sql", "exchange/lower/bad.c", PREPARE % '"SELECT id, name = ?1 FROM thing"', "truth value"),
    ("sql", "exchange/lower/0001_lower.sql", "CREATE TABLE a (b BIGINT, c);\n", "column c of a"),
    ("sql", "exchange/lower/0001_lower.sql", "CREATE TABLE a (b BIGINT PRIMARY KEY AUTOINCREMENT);\n",
     "AUTOINCREMENT"),
    ("plans", "exchange/lower/bad.c", PREPARE % '"SELECT id FROM staff " "WHERE name = ?1"', "all of staff"),
    ("plans", "exchange/lower/bad.c", '#define BY(a) "SELECT id FROM staff WHERE " a " = ?1"\n'
     + PREPARE % 'BY("name")', "all of staff"),
    ("plans", "exchange/lower/bad.c", PREPARE % '"SELECT id FROM record WHERE facility = ?1"', "all of record"),
    ("settings", "server/server_config.c", 'static const char *const keys[] = {"data", NULL};\n',
     "no table has data"),
    ("settings", "docs/operations/server.md", "| key | |\n|---|---|\n| `data_base` | |\n",
     "other members"),
    ("settings", "docs/operations/office.ja.md", "| a |\n|---|\n", "0 rows of tables, 2 in"),
    ("settings", "exchange/lower/0010_more.sql", "--compatible\n", "migration 0010 is compatible"),
    ("names", "formats/good/bad.c", SPDX + "int permit_make(void);\nint good_two(void);\n"
     "int good_two(void)\n{\n    return permit_make();\n}\n", "only the gate"),
    ("texts", "web/part/node_modules/other/index.js", "1;\n", "fetched or made, and kept"),
]


def plant(root, path, text):
    os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(root, path), "w", encoding="utf-8") as target:
        target.write(text)


def run(check, root):
    build = os.path.join(root, "build/release")
    if check in ("names", "permit"):
        for folder, _, names in os.walk(root):
            for name in (n for n in names if n.endswith(".c")):
                source = os.path.join(folder, name)
                made = os.path.join(build, os.path.relpath(source, root)[:-2] + ".o")
                os.makedirs(os.path.dirname(made), exist_ok=True)
                subprocess.run(["gcc", "-iquote", root, "-c", "-o", made, source], check=True)
    answer = subprocess.run([sys.executable, f"{HERE}/{check}.py", root, build],
                            capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout + answer.stderr


# What a test program printed, and what tools/count.py has to make of it.
COUNTED = [
    ("ok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP d\n1..3\n# exit 1\n", "1 1 1"),
    ("ok 1 - a\nok 2 - b\n1..2\n# exit 0\n", "2 0 0"),
    ("1..0 # SKIP no browser\n", "0 0 1"),
    ("ok 1 - a\n# exit 139\n", "1 1 0"),           # died before its plan
    ("ok 1 - a\n1..1\n# exit 66\n", "1 1 0"),      # a sanitizer complained at the end
    ("ok 1 - a\n1..2\n# exit 0\n", "1 1 0"),       # one never came
    ("ok 1 - a\nok 2 - b\n1..1\n", "2 1 0"),       # one too many
    ("1..0\n# exit 0\n", "0 1 0"),                  # nothing was tested
    ("", "0 1 0"), (None, "0 1 0"),
]


def count(text):
    with tempfile.TemporaryDirectory() as root:
        if text is not None:
            plant(root, "x/a.tap", text)
        return subprocess.run([sys.executable, f"{HERE}/../count.py", f"{root}/x/a.tap"],
                              capture_output=True, text=True, check=False).stdout.strip()


failed = 0
for text, expected in COUNTED:
    if count(text) != expected:
        failed += 1
        print(f"count.py of {text!r}: {count(text)!r}, not {expected!r}")
for check, path, text, expected in [(c, None, None, "") for c in
                                    ("layers", "sizes", "bans", "names", "permit", "sql",
                                     "plans", "texts", "settings")] + PLANTED:
    with tempfile.TemporaryDirectory() as root:
        by_git = path is not None and "node_modules" in path
        if by_git and not shutil.which("git"):
            continue  # then texts cannot look for it either
        for name, content in CLEAN.items():
            plant(root, name, content)
        if path:
            plant(root, path, text)
        if by_git:
            for words in (["init", "-q"], ["add", "-f", path]):
                subprocess.run(["git", "-C", root, *words], check=True)
        status, answer = run(check, root)
        good = status == (1 if path else 0) and expected in answer
        failed += not good
        if not good:
            print(f"{check} on {path or 'a clean tree'}: expected {expected!r}\n{answer}")
sys.exit(1 if failed else 0)
