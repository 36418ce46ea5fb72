#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what pydicom or DCMTK's dcmdump makes of a DICOM file, one element a line: depth,
tag, VR, length (u = undefined) and, from pydicom, the decoded text in hexadecimal. For
formats/dicom/dicom_peers_test.c.
usage: tools/dicom_peer.py pydicom|dcmdump|frames, with NUL-separated paths as input;
           frames: how pydicom's functional groups say that each frame is meant
       tools/dicom_peer.py json, with path NUL JSON NUL ... as input: prints what pydicom
           reads from the JSON otherwise than from the file (formats/dicom/dicom_json_test.c)"""
import re
import struct
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


def macro_of(frame, shared, macro, key):
    for groups in (frame, shared):
        for item in groups.get(macro, []) if groups is not None else []:
            if item.get(key) not in (None, ""):
                return item
    return {}


def numbers(values):
    values = [] if values in (None, "") else values if hasattr(values, "append") else [values]
    return ",".join(f"{float(value):.6g}" for value in values) or "-"


def by_groups(path):
    import pydicom
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        frames = list(dataset.get("PerFrameFunctionalGroupsSequence", []))
        shared = (list(dataset.get("SharedFunctionalGroupsSequence", [])) or [None])[0]
    except Exception as error:
        return print("unreadable:", type(error).__name__)
    wanted = (("PlanePositionSequence", "ImagePositionPatient"),
              ("PlaneOrientationSequence", "ImageOrientationPatient"),
              ("PixelMeasuresSequence", "PixelSpacing"),
              ("PixelValueTransformationSequence", "RescaleSlope"))
    for frame in frames:
        print(*[numbers(macro_of(frame, shared, macro, key).get(key)) for macro, key in wanted])


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


def plain(value, vr):
    """A value as both ways have it: floats by their bits, names and lists as texts."""
    if vr == "SQ" or isinstance(value, (bytes, type(None))):
        return value or None
    values = value if hasattr(value, "append") else [value]
    out = []
    for one in values:
        if vr in ("DS", "IS", "FD", "FL") and str(one) not in ("", "None"):
            try:
                number = float(one)
            except ValueError:  # null in JSON
                out.append("")
                continue
            out.append(struct.pack("f", number) if vr == "FL" else repr(number))
        elif vr == "PN":
            out.append(str(one or "").rstrip("="))
        elif isinstance(one, str) or one is None:
            text = str(one or "").rstrip(" \0")
            out.append(text if vr in ("LT", "ST", "UT", "UR") else text.strip(" "))
        else:
            out.append(one)
    return out if out != [""] else None


def compare(ours, theirs, path):
    count = 0
    for tag in sorted(set(ours.keys()) | set(theirs.keys())):
        left = ours[tag] if tag in ours else None
        right = theirs[tag] if tag in theirs else None
        name = f"{path} {int(tag):08X}"
        if left is None:
            if not is_left_out(right):
                print("#", name, "is not there")
                count += 1
        elif right is None:
            if int(tag) != 0x00080005:
                print("#", name, "is not in the file")
                count += 1
        elif left.VR == "SQ" and right.VR == "SQ":
            if len(left.value) != len(right.value):
                print("#", name, "has another number of items")
                count += 1
            for one, other in zip(left.value, right.value):
                count += compare(one, other, name)
        elif left.VR == "UN" and tag.is_private:
            continue  # pydicom has dictionaries of vendors
        elif int(tag) != 0x00080005 and plain(left.value, left.VR) != plain(right.value, left.VR):
            print("#", name, left.VR, right.VR, repr(left.value)[:80], repr(right.value)[:80])
            count += 1
    return count


def is_left_out(element):
    tag = int(element.tag)
    large = element.VR[:1] in "OU" and isinstance(element.value, bytes) and \
        len(element.value) > 1024
    return tag & 0xFFFF == 0 or tag >> 16 == 0x7FE0 or tag == 0x00420011 or \
        tag == 0x54001010 or tag & 0xFF00FFFF == 0x60003000 or tag == 0xFFFCFFFC or large


def by_json():
    import pydicom
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    said = sys.stdin.read().split("\0")
    count = 0
    for path, text in zip(said[::2], said[1::2]):
        ours = pydicom.Dataset.from_json(text)
        try:
            theirs = pydicom.dcmread(path, force=True)
            theirs.decode()
        except Exception as error:  # what it cannot read it says in many ways
            print("# unreadable:", path, type(error).__name__)
            continue
        count += compare(ours, theirs, path)
    return count


def main():
    if sys.argv[1] == "json":
        sys.exit(min(by_json(), 1))
    peer = {"pydicom": by_pydicom, "dcmdump": by_dcmdump, "frames": by_groups}[sys.argv[1]]
    for path in sys.stdin.read().split("\0"):
        if path:
            print("@" + path)
            peer(path)


if __name__ == "__main__":
    main()
