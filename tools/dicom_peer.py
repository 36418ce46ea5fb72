#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what pydicom or DCMTK's dcmdump makes of a DICOM file, one element a line: depth,
tag, VR, length (u = undefined) and, from pydicom, the decoded text in hexadecimal. For
formats/dicom/dicom_peers_test.c.
usage: tools/dicom_peer.py pydicom|dcmdump, with NUL-separated paths as input"""
import re
import subprocess
import sys
import warnings

TEXTS = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
LINE = re.compile(r"( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (\S\S) .*# *(u/l|\d+), *\d+ ?\S*\s*",
                  re.DOTALL)
START = re.compile(r" *\([0-9a-f]{4},[0-9a-f]{4}\) \S\S ")


def text_of(element):
    values = element.value
    if isinstance(values, str) or not hasattr(values, "append"):
        values = [values]
    parts = [str(value if value is not None else "").rstrip(" \0") for value in values]
    if element.VR not in ("LT", "ST", "UT"):
        parts = [part.lstrip(" ") for part in parts]
    return "\\".join(parts).encode("utf-8", "replace").hex() or "-"


def show(dataset, depth):
    for tag in list(dataset._dict):  # in the order of the file
        raw = dataset.get_item(tag)
        element = dataset[tag]
        vr = getattr(element.VR, "value", element.VR)
        length = getattr(raw, "length", None)  # gone once it was looked at
        undefined = length == 0xFFFFFFFF or getattr(raw, "is_undefined_length", False)
        length = "u" if undefined else 0 if vr == "SQ" else "?" if length is None else length
        print(depth, f"{int(tag):08X}", vr, length, text_of(element) if vr in TEXTS else "-")
        for item in element.value if vr == "SQ" else ():
            show(item, depth + 1)


def by_pydicom(path):
    import pydicom
    warnings.simplefilter("ignore")
    pydicom.config.replace_un_with_known_vr = False
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        show(pydicom.dcmread(path, force=True), 0)
    except Exception as error:  # what it cannot read it says in many ways
        print("unreadable:", type(error).__name__)


def by_dcmdump(path):
    answer = subprocess.run(["dcmdump", "-q", "-Un", "+E", path], capture_output=True,
                            check=False).stdout.decode("latin-1")
    logical = []
    for line in answer.split("\n"):
        if START.match(line) or line.startswith("#") or not logical:
            logical.append(line)
        else:
            logical[-1] += "\n" + line  # texts of several lines
    for line in logical:
        found = LINE.match(line)
        if not found or found[2] in ("fffe", "0002"):
            continue
        vr = {"??": "UN", "up": "UL", "ox": "OW", "px": "OW", "xs": "US", "lt": "OW"}
        vr = vr.get(found[4], found[4])
        length = "u" if found[5] == "u/l" else "0" if vr == "SQ" else found[5]
        print(len(found[1]) // 4, (found[2] + found[3]).upper(), vr, length, "-")


def main():
    peer = {"pydicom": by_pydicom, "dcmdump": by_dcmdump}[sys.argv[1]]
    for path in sys.stdin.read().split("\0"):
        if path:
            print("@" + path)
            peer(path)


if __name__ == "__main__":
    main()
