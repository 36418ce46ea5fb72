#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Permission is a type: what a domain folder's public header gives out of a patient's data
takes a permit or a scope. Content is every struct of these headers that holds text of a
patient (or holds such a struct) and is no configuration. FACTS give some of it without:
each names the folders that may call it (asked of the object files with nm), and a route
never may. usage: permit.py ROOT BUILD"""
import os
import re
import sys

from tree import ROOT, bare, files, finish, is_test, read, symbols

BUILD = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "build/release")
FOLDERS = ("exchange/patient", "exchange/consent", "exchange/registry", "exchange/content",
           "exchange/image", "exchange/reference", "exchange/live", "exchange/request")
PERMITS = re.compile(r"const struct (disclosure_permit|disclosure_scope|release_permit) \*")
NO_CONTENT = re.compile(r"_(config|service|listener|owner|query|put|event|snapshot|withdrawal)$")
# Without a permit, for whom. The gate reads facts before it can make one; links and events
# are filed for their own facility; writers give back the row they wrote.
FACTS = {
    "patient_person_take": ("exchange/patient/", "exchange/disclosure/"),
    "patient_records_take": ("exchange/patient/", "exchange/disclosure/"),
    "consent_facts_take": ("exchange/consent/", "exchange/disclosure/"),
    "patient_person_find": ("exchange/patient/", "exchange/disclosure/", "exchange/registry/"),
    "patient_records_of_person": ("exchange/patient/", "exchange/disclosure/"),
    "patient_record_find": ("exchange/patient/", "exchange/registry/", "exchange/content/"),
    "patient_record_of_number": ("exchange/patient/",),
    "patient_records_of_facility": ("exchange/patient/", "exchange/registry/"),
    "patient_apply_match": ("exchange/patient/",),
    "consent_facts": ("exchange/consent/", "exchange/disclosure/", "exchange/patient/"),
    "consent_read_input": ("exchange/consent/", "exchange/patient/"),
    "consent_add": ("exchange/consent/", "exchange/patient/", "server/seed"),
    "consent_withdraw": ("exchange/consent/", "server/seed"),
    "registry_locate": ("exchange/registry/", "exchange/content/"),
    "registry_sum_record": ("exchange/registry/",),
    "index_find_place": ("gateway/index/", "gateway/release/"),
}
MAY_READ_INPUT = {"consent_read_input"}  # parses what a route was given; reads nothing
problems = []


def headers():
    """What other folders may include: x.h and what layers.txt makes public."""
    listed = re.search(r"^public headers:(.*)$", read(ROOT, "layers.txt"), re.M)
    for path in files(ROOT, ".h"):
        folder, name = os.path.split(path)
        if folder in FOLDERS and (name == os.path.basename(folder) + ".h"
                                  or (listed and path in listed[1].split())):
            yield path, bare(read(ROOT, path))


def find_content(texts):
    """Names of the structs that hold a patient's data, directly or not."""
    bodies = {}
    for _, text in texts:
        bodies.update(re.findall(r"\bstruct (\w+) \{(.*?)^\};", text, re.S | re.M))
    content = {name for name, body in bodies.items()
               if re.search(r"\bstruct text \*?\w", body) and not NO_CONTENT.search(name)}
    while True:
        more = {name for name, body in bodies.items() if not NO_CONTENT.search(name)
                and set(re.findall(r"\bstruct (\w+)", body)) & content} - content
        if not more:
            return content
        content |= more


def check_prototypes(path, text, content):
    names = "|".join(sorted(content))
    given = re.compile(rf"(?<!const )\bstruct ({names}) \*+\w+")
    returned = re.compile(rf"\bstruct ({names}) \*\s*$")
    flat = re.sub(r"\{[^{}]*\}", "{}", re.sub(r"^#.*$", "", text, flags=re.M))
    for whole, name, parameters in re.findall(r"([^;{}]*?\b(\w+)\(([^;{}()]*)\))\s*;", flat):
        head = whole[:whole.rindex(name + "(")]
        if content and (given.search(parameters) or returned.search(head)) \
                and not PERMITS.search(parameters) and name not in FACTS:
            problems.append(f"{path}: {name} gives out content without a permit")


def check_callers(path):
    for name, letter, _ in symbols(BUILD, path):
        if letter != "U" or name not in FACTS:
            continue
        if not path.startswith(FACTS[name]):
            problems.append(f"{path}: calls {name}, which needs no permit and is not for it")
        if "_api" in os.path.basename(path) and name not in MAY_READ_INPUT:
            problems.append(f"{path}: a route calls {name}, which asks for no permit")


texts = list(headers())
found = find_content(texts)
for header, words in texts:
    check_prototypes(header, words, found)
for source in files(ROOT, ".c"):
    if source.startswith(("exchange/", "gateway/", "server/", "cli/")) and not is_test(source):
        check_callers(source)
finish(problems)
