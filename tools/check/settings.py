#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a configuration may hold is what operators read of it: each member that the code
takes stands in a table of settings, in English and in Japanese, and no table has one that
nothing takes; the two languages tell the same members in the same order with the same
figures as defaults, and the tables of each page have as many rows. Migrations that an
older program bears are named in the notes."""
import re

from tree import ROOT, files, finish, read

PAGES = "docs/operations/"
# Which page tells the members that a source reads.
SOURCES = {
    "server/server_config.c": "server",
    "gateway/gateway_config.c": "gateway",
}
ARRAY = re.compile(r"static const char \*const \w*keys\[\] = \{(.*?)\};", re.S)
SPAN = re.compile(r"`([^`]+)`")
WORD = re.compile(r"[a-z][a-z_]*")
problems = []


def text_of(path):
    try:
        return read(ROOT, path)
    except FileNotFoundError:
        return ""


def page(name):
    return text_of(PAGES + name)


def settings(text):
    """(words of the first column, whole row) of each row of the tables of settings."""
    in_table = False
    for line in text.split("\n"):
        if not line.startswith("|"):
            in_table = False
        elif line.startswith(("| key |", "| 項目 |")):
            in_table = True
        elif in_table and not line.startswith("|---"):
            first = line.split("|")[1]
            yield [word for span in SPAN.findall(first) for word in WORD.findall(span)], line


def members(text):
    """All words that a table gives as members, in either column."""
    return {word for _, line in settings(text) for span in SPAN.findall(line)
            for word in WORD.findall(span)}


def figures(line):
    return re.findall(r"\d+", line.rstrip("|").rsplit("|", 1)[-1])


for source, name in SOURCES.items():
    taken = {key for array in ARRAY.findall(text_of(source)) for key in re.findall(r'"(\w+)"', array)}
    for language in ("", ".ja"):
        path = f"{name}{language}.md"
        told = page(path)
        problems += [f"{PAGES}{path}: no table has {key}, which {source} takes"
                     for key in sorted(taken - members(told))]
        problems += [f"{PAGES}{path}: nothing takes {word}"
                     for words, _ in settings(told) for word in words if word not in taken]
    english, japanese = (list(settings(page(f"{name}{language}.md"))) for language in ("", ".ja"))
    if [words for words, _ in english] != [words for words, _ in japanese]:
        problems.append(f"{PAGES}{name}: tables in Japanese have other members, or another order")
    else:
        problems += [f"{PAGES}{name}: defaults of {', '.join(words)} differ"
                     for (words, one), (_, other) in zip(english, japanese)
                     if figures(one) != figures(other)]

for japanese in files(ROOT, ".ja.md"):
    english = japanese.replace(".ja.md", ".md")
    rows = [sum(line.startswith("|") for line in text_of(path).split("\n"))
            for path in (english, japanese)]
    if rows[0] != rows[1]:
        problems.append(f"{english}: {rows[0]} rows of tables, {rows[1]} in Japanese")

for path in files(ROOT, ".sql"):
    number = path.rsplit("/", 1)[-1][:4]
    if path.startswith("exchange/") and "\n--compatible" in "\n" + read(ROOT, path):
        problems += [f"{PAGES}{name}: migration {number} is compatible, and is not told"
                     for name in ("install.md", "install.ja.md")
                     if not re.search(rf"\b{number}\b", page(name))]
finish(problems)
