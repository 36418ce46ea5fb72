#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SQL outside store/: never built at run time, and only what SQLite and PostgreSQL take
alike. A statement is a literal (with macros) where it is prepared; it may pass through a
parameter, a table or a function of the same file only when those hold literals. Lines of
a migration that begin with --sqlite or --postgres are for one of them and not looked at."""
import re

from tree import ROOT, files, finish, is_test, read

LITERAL = r'"(?:\\.|[^"\\\n])*"'
FIXED = re.compile(rf"(?:\s*(?:{LITERAL}|\b[A-Z][A-Z0-9_]*\b(?:\([^()]*\))?))+\s*\Z")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|REPLACE|PRAGMA)\s")
WRITERS = re.compile(r"\b(snprintf|buf_format|buf_cstr|buf_put|memcpy|strncat)\s*\(")
DIALECT = [(re.compile(pattern, re.I), told) for pattern, told in (
    (r"\bINSERT\s+OR\b|\bREPLACE\s+INTO\b|\bUPDATE\s+OR\b", "ON CONFLICT (…) DO …"),
    (r"\bGLOB\b|\bMATCH\b|\bREGEXP\b|\bI?LIKE\b", "compare folded text"),
    (r"\b_?rowid_?\b|\bAUTOINCREMENT\b|\bSERIAL\b", "a key of our own"),
    (r"\bPRAGMA\b|\bsqlite_\w+|\bpg_\w+", "nothing: a catalogue is store's affair"),
    (r"\b(date|time|datetime|julianday|strftime|unixepoch|now)\s*\(", "a bound time"),
    (r"\bjson_\w+\s*\(|->", "a column"),
    (r"\b(ifnull|nvl|iif|typeof|instr|printf|hex|group_concat|string_agg|total|last_insert_rowid"
     r"|changes|random|unicode|char)\s*\(", "coalesce, CASE, or C"),
    (r"\bCOLLATE\b|\bINDEXED\b|\bWITHOUT\s+ROWID\b|\bSTRICT\b", "a marked line"),
    (r"==|::|\bIS\s+(NOT\s+)?\?|\bRETURNING\b", "plain comparison, a second statement"),
    (r"\?(?!\d)|\$\d|[:@]\w+\b(?=\s*[,)=])", "numbered parameters: ?1"),
    (r"\bLIMIT\s+\S+\s*,", "LIMIT … OFFSET"),
    (r"\?\d+\s*(=|<>|<|>|<=|>=)\s*\d|\b\d+\s*(=|<>|<|>)\s*\?\d",
     "CAST (?1 AS BIGINT): a parameter beside a small number becomes a small one"),
    (r"\b(max|min)\s*\([^()]*,", "CASE"),
    (r"`|\[\w+\]", "plain names"),
)]
TYPES = {"BIGINT", "TEXT", "BYTEA"}
CLAUSES = {"PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"}
problems = []


def split(text, separator=","):
    """At the separators outside of brackets and strings."""
    parts, depth, at = [""], 0, 0
    for piece in re.findall(rf"{LITERAL}|'[^']*'|.", text, re.S):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(piece, 0)
        if piece == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def arguments(text, at):
    """Of the call whose opening bracket is at `at`."""
    depth, end = 0, at
    for piece in re.finditer(rf"{LITERAL}|[()]", text[at:]):
        depth += {"(": 1, ")": -1}.get(piece.group(), 0)
        if depth == 0:
            end = at + piece.start()
            break
    return split(text[at + 1:end])


def is_fixed(expression, text):
    """Literals; or a choice, a table, a function or a parameter that holds only such."""
    expression = expression.strip()
    if FIXED.match(expression):
        return True
    if len(split(expression, "?")) == 2:
        return all(is_fixed(part, text)
                   for part in split(split(expression, "?")[1], ":"))
    table = re.match(r"(\w+)\[[^\]]*\](?:\.\w+)?\Z", expression)
    if table:
        made = re.search(rf"static const (?:char \*const|struct \w+) {table[1]}\[\w*\] = "
                         r"\{(.*?)\};", text, re.S)
        return made is not None
    called = re.match(r"(\w+)\(.*\)\Z", expression, re.S)
    if called:
        body = re.search(rf"^static const char \*{called[1]}\([^{{]*\{{(.*?)^\}}", text, re.S | re.M)
        return body is not None and all(is_fixed(value, text) for value in
                                        re.findall(r"return ([^;]*);", body[1]))
    return re.fullmatch(r"sql", expression) is not None and are_callers_fixed(text)


def are_callers_fixed(text):
    for made in re.finditer(r"^(?:static )?\w[\w \*]*?(\w+)\(([^;{]*?const char \*sql[^;{]*?)\)\s*\{",
                            text, re.M):
        place = [bool(re.search(r"\bsql\b", part)) for part in split(made[2])].index(True)
        for call in re.finditer(rf"(?<!\w){made[1]}\(", text):
            given = arguments(text, call.end() - 1)
            if call.start() == made.start(1) or place >= len(given) or "char *" in given[place]:
                continue
            if given[place].strip() != "sql" and not is_fixed(given[place], text):
                return False
    return not re.search(r"(?<![\w*])sql\s*=[^=]", text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check_dialect(place, sql):
    plain = re.sub(r"'[^']*'", "''", sql)
    for pattern, told in DIALECT:
        found = pattern.search(plain)
        if found:
            problems.append(f"{place}: {found.group().strip()!r} is not for both databases; "
                            f"use {told}")
    listed = re.match(r"\s*SELECT\s+(?:DISTINCT\s+)?(.*?)\s+FROM\s", plain, re.S)
    for item in split(listed[1]) if listed else []:
        if re.search(r"[=<>]|\bIS\b|\bEXISTS\b|\bIN\b", re.sub(r"\((?:[^()]|\([^()]*\))*\)", "()", item)) \
                and not re.match(r"\s*CASE\b", item):
            problems.append(f"{place}: {item.strip()!r} is a truth value, which is no number "
                            "everywhere; use CASE WHEN … THEN 1 ELSE 0 END")


def literals(text):
    """Statements as they are written, macros left out: (place in text, SQL)."""
    for match in re.finditer(rf"(?:{LITERAL}|\b[A-Z][A-Z0-9_]+\b|\s|\\\n)+", text):
        sql = " ".join(piece[1:-1] for piece in re.findall(LITERAL, match.group()))
        if STATEMENT.match(sql):
            yield match.start(), sql


def check_source(path):
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), read(ROOT, path),
                  flags=re.S)
    for call in re.finditer(r"\bstore_prepare\s*\(", text):
        given = arguments(text, call.end() - 1)
        if len(given) == 3 and "char *" not in given[1] and not is_fixed(given[1], text):
            problems.append(f"{path}:{line_of(text, call.start())}: SQL that is not a literal")
    for call in WRITERS.finditer(text):
        for argument in arguments(text, call.end() - 1):
            if re.match(r'\s*"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s', argument):
                problems.append(f"{path}:{line_of(text, call.start())}: SQL built at run time")
    for at, sql in literals(text):
        check_dialect(f"{path}:{line_of(text, at)}", sql)


def check_columns(path, table, body):
    for column in split(body):
        words = column.split()
        if words and words[0].upper() not in CLAUSES and \
                (len(words) < 2 or words[1].rstrip(",").upper() not in TYPES):
            problems.append(f"{path}: column {words[0]} of {table} is not {' or '.join(sorted(TYPES))}")


def check_migration(path):
    text = "\n".join("" if line.startswith("--") else line.split(" --")[0]
                     for line in read(ROOT, path).split("\n"))
    for statement in split(text, ";"):
        check_dialect(path, statement)
        table = re.match(r"\s*CREATE\s+TABLE\s+(\w+)\s*\((.*)\)\s*\Z", statement, re.S | re.I)
        if table:
            check_columns(path, table[1], table[2])


for path in files(ROOT, ".c"):
    if not path.startswith(("store/", "test/", "bench/")) and not is_test(path):
        check_source(path)
for path in files(ROOT, ".sql"):
    check_migration(path)
finish(problems)
