#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No statement reads a table that grows from end to end: each is put before SQLite's
planner, on the schema that the migrations make, as it would be on the first day. What
has to (once a day, or until a limit) says so beside its table below."""
import re
import sqlite3

from tree import ROOT, files, finish, is_test, read

LITERAL = r'"(?:\\.|[^"\\\n])*"'
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")
MACRO = re.compile(rf"#define ([A-Z][A-Z0-9_]*)((?:\s|\\\n|{LITERAL}|\b[A-Z][A-Z0-9_]+\b)+)$",
                   re.M)
CALLED = re.compile(rf"#define ([A-Z][A-Z0-9_]*)\((\w+)\)((?:\s|\\\n|{LITERAL}|\b\w+\b)+)$", re.M)
# With a country's persons, facilities and days they have thousands of rows and more.
GROWING = {
    "audit_index", "consent", "consent_facility", "facility", "live_change",
    "network_participant", "patient_search", "person", "record", "registry_entry",
    "registry_look", "registry_record", "registry_sheet", "session", "session_once", "staff",
    "staff_password", "staff_post",
}
# Columns that by themselves leave thousands of rows of the table.
WIDE = {
    "audit_index": {"node", "facility", "provider", "staff"},
    "person": {"network"},
    "record": {"facility", "state", "entered_facility"},
    "registry_record": {"facility"},
}
# Indexes over few of the rows.
FEW = {"facility_disclosing", "facility_fingerprint", "record_has_to_tell", "record_unfinished",
       "registry_sheet_void", "session_of_staff"}
RARE = re.compile(r"state = '(proposed|suspended|refused)'")
# Where all of it is meant, and why that may take its time.
ALLOWED = {
    # the newest number of a series is the end of its index; a series is thrown away when
    # it is indexed anew
    ("exchange/audit/audit_store.c", "audit_index"),
    # for administration, and metrics a few times a minute
    ("exchange/facility/facility_store.c", "facility"),
    # a gateway came back: each number of its facility is compared
    ("exchange/patient/patient_store.c", "record"),
}
problems = []


def schema(is_gateway):
    database = sqlite3.connect(":memory:")
    for path in sorted(files(ROOT, ".sql"), key=lambda one: one.rsplit("/", 1)[-1]):
        if path.startswith("gateway/") == is_gateway and re.match(r"\d+_", path.rsplit("/", 1)[-1]):
            lines = [line[9:] if line.startswith("--sqlite ") else line
                     for line in read(ROOT, path).split("\n")
                     if not line.startswith("--postgres ")]
            database.executescript("\n".join(lines))
    return database


def plain(text):
    return re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text,
                  flags=re.S)


def macros(path, seen):
    """Those that are strings, of a source and of the headers beside it."""
    text, found = plain(read(ROOT, path)), {}
    for name in re.findall(r'#include "([^"]+)"', text):
        if name not in seen and name in HEADERS:
            seen.add(name)
            found.update(macros(name, seen))
    for match in MACRO.finditer(text):
        found[match[1]] = match[2].replace("\\\n", " ")
    return found


def expand(text, known, depth=0):
    parts = []
    for piece in re.findall(rf"{LITERAL}|\b[A-Z][A-Z0-9_]+\b", text):
        if piece[0] == '"':
            parts.append(piece[1:-1].replace("\\n", " "))
        elif piece in known and depth < 5:
            parts.append(expand(known[piece], known, depth + 1))
    return "".join(parts)


def with_arguments(text):
    """Macros of one argument, put where they are used: … "FROM t WHERE " column …"""
    made = CALLED.findall(text)
    text = CALLED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    for name, argument, body in made:
        for used in set(re.findall(rf"\b{name}\(({LITERAL})\)", text)):
            text = text.replace(f"{name}({used})", re.sub(
                rf"\b{argument}\b", lambda _, word=used: word, body.replace("\\\n", " ")))
    return text


def statements(path):
    text, known = plain(read(ROOT, path)), macros(path, set())
    text = MACRO.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    text = with_arguments(text)
    for match in re.finditer(rf"(?:{LITERAL}|\b[A-Z][A-Z0-9_]+\b(?!\()|\s|\\\n)+", text):
        sql = expand(match.group(), known)
        if STATEMENT.match(sql) and re.search(r"\b(FROM|INTO|UPDATE) \w+ ", sql):
            yield text.count("\n", 0, match.start()) + 1, sql


def scanned(database, sql):
    """Tables that are read whole."""
    names = {alias or table: table for table, alias in re.findall(
        r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?!WHERE|JOIN|ON|SET|ORDER|GROUP|LEFT|LIMIT"
        r"|SELECT|VALUES|CROSS|INNER|UNION)(\w+))?", sql)}
    nothing = [None] * max([0] + [int(number) for number in re.findall(r"\?(\d+)", sql)])
    for *_, detail in database.execute("EXPLAIN QUERY PLAN " + sql, nothing):
        found = re.match(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", detail)
        table = names.get(found[2], found[2]) if found else None
        searched = set(re.findall(r"(\w+)[<>=]", detail))
        if "state" in searched and RARE.search(sql):
            continue
        if table in GROWING and not (found[3] in FEW) and (
                found[1] == "SCAN" or (searched and searched <= WIDE.get(table, set()))):
            yield table, detail


HEADERS = set(files(ROOT, ".h"))
centre = schema(False)
for path in files(ROOT, ".c"):
    if path.startswith(("exchange/", "server/")) and not is_test(path):
        for line, sql in statements(path):
            try:
                for table, detail in scanned(centre, sql):
                    if (path, table) not in ALLOWED:
                        problems.append(f"{path}:{line}: reads all of {table}: {detail}")
            except sqlite3.Error as fault:
                if "no such table" in str(fault):
                    continue
                problems.append(f"{path}:{line}: {fault}: {sql[:60]}")
finish(problems)
